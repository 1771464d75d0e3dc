/* twiml_webhook/answers.h: what we answer Twilio in each situation, as TwiML. Pure functions of the profile
 * and of what is known about the call: docs/contracts.md, "One call, in messages" and "liveCalls". */
#ifndef TWIML_WEBHOOK_ANSWERS_H
#define TWIML_WEBHOOK_ANSWERS_H

#include <stdbool.h>

#include "base/str.h"

struct live_call;
struct profile;
struct twiml;

struct answers {
    const struct profile *profile;
    struct str base_url;   /* PUBLIC_BASE_URL, without a slash at its end */
    struct str bridge_url; /* wss://…/media */
};

/* How the talk goes on once a stream has ended. */
enum next_step { NEXT_HANGUP, NEXT_STREAM, NEXT_TRANSFER, NEXT_LOST };
/* `call` NULL: nothing is on record, or it cannot be read. `attempt`: of the stream that has ended, as our
 * own action URL says; *ret_attempt is that of the next stream. */
enum next_step next_step(const struct live_call *call, int attempt, int *ret_attempt);

struct stream_answer {
    struct str token;
    int attempt;
    bool record;       /* start the call's recording first */
    bool wait;         /* a second first: the bridge may be starting again */
    const char *after; /* NULL, or "no_answer": the caller is back from a transfer */
};
void answer_stream(struct twiml *t, const struct answers *a, const struct stream_answer *s);

/* The person did not answer: says so, and the agent comes back. */
void answer_back_from_dial(struct twiml *t, const struct answers *a, const struct stream_answer *s);

/* What a <Dial> needs to know; `caller_id` is the number that was called, empty when it is none. */
struct dial_answer {
    struct str number, caller_id;
    int attempt;
    bool lost; /* no agent stands behind it: whoever is not reached leaves a message */
};
void answer_transfer(struct twiml *t, const struct answers *a, const struct dial_answer *d);
/* The agent is gone: a person while the business is open, else a message. */
void answer_lost(struct twiml *t, const struct answers *a, bool open_now, struct str caller_id);
/* Nobody took the call, and the agent is not to be had either. */
void answer_no_answer(struct twiml *t, const struct answers *a);
void answer_message_taken(struct twiml *t, const struct answers *a, bool taken);
/* Asks none of our URLs: a person is called whatever the hour, since the document cannot know it. */
void answer_static(struct twiml *t, const struct answers *a);
/* Nothing of ours can be relied on any more. */
void answer_goodbye(struct twiml *t, const struct answers *a);

#endif
