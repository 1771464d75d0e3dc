/* concierge/end_reason.h: why a stream or call ended, and how the call came out. Two closed lists: the
 * names are stored on records and grouped by; a new one is a row in end_reason.c, with all that the row asks
 * for (end_reason_test.c looks). */
#ifndef CONCIERGE_END_REASON_H
#define CONCIERGE_END_REASON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum end_reason {
    END_COMPLETED, /* the agent said goodbye after logCallOutcome */
    END_CALLER_HANGUP,
    END_TRANSFERRED,   /* handed to a person's number */
    END_SILENCE,       /* nobody spoke; ended politely */
    END_TIME_LIMIT,    /* limits.call_max_s */
    END_ENGINE_FAILED, /* the voice engine was lost and did not come back */
    END_STREAM_LOST,   /* the socket to Twilio broke, the call may live on */
    END_SHUTDOWN,      /* this instance is stopping; the call resumes elsewhere */
    END_PROTOCOL,      /* the peer broke the Media Streams protocol */
    END_REASONS,
};

struct end_reason_info {
    const char *name;              /* "caller_hangup" */
    const char *text;              /* for people */
    bool resumes;                  /* /voice/continue should open another stream */
    bool failed;                   /* counts as a failure of ours */
    bool alerts;                   /* the line that tells the end is an error: a person must act */
    const char *detection, *heard; /* how it is noticed; what the caller hears */
    const char *test;              /* the TEST() in tests/e2e/bridge that ends a call this way */
};
/* `r` is one of the list. */
const struct end_reason_info *end_reason_info(enum end_reason r);
/* END_REASONS: no such name. */
enum end_reason end_reason_find(struct str name);

/* What logCallOutcome takes, and what is stored as `outcome`. */
struct call_outcome {
    const char *name; /* "booked" */
    const char *text; /* for the model and for people */
    int rank;         /* of several claims about one call the highest counts */
    bool by_model;    /* false: only set by us */
};
const struct call_outcome *call_outcome_find(struct str name); /* NULL: no such outcome */
const struct call_outcome *call_outcomes(size_t *n);

#endif
