/* concierge/policy.h: what a call may do next, as an explicit state machine of that call, kept in
 * policy/{callSid}. Nothing is booked without the hold of this very call, the confirmation id that came
 * with its read-back, and enough time for the caller to have heard it and said yes. */
#ifndef CONCIERGE_POLICY_H
#define CONCIERGE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "concierge/slot.h"

struct fsw;

/* A booking sooner after its hold than this cannot have had a read-back between: the model asked for both
 * in one breath. */
enum { POLICY_READ_BACK_MS = 1500 };

enum policy_state {
    POLICY_OPEN,    /* nothing is held */
    POLICY_HELD,    /* a slot is held and was read back */
    POLICY_BOOKING, /* the provider is being asked; it may or may not have the event */
    POLICY_BOOKED,
    POLICY_CLOSED, /* the outcome is logged */
    POLICY_STATES,
};

enum policy_event {
    POLICY_HOLD,
    POLICY_RELEASE,
    POLICY_BOOK,
    POLICY_BOOK_DONE,
    POLICY_LOG_OUTCOME,
    POLICY_LOG_TRANSFER, /* the call may come back from there */
    POLICY_EVENTS,
};

struct policy {
    enum policy_state state;
    /* The hold, or the booking made from it. */
    struct str entry_id; /* of the agenda, and of the provider's event */
    struct str agenda;   /* document of the agenda: "agenda/weber:2026-11-26" */
    struct slot slot;    /* without its expiry */
    struct str confirmation_id;
    int64_t held_us, expires_s; /* UTC */
    struct str outcome;
    bool booked;       /* something was booked in this call */
    int64_t transfers; /* numbers of people that were tried */
};

/* False, and nothing changes: the event means nothing in this state. */
bool policy_move(struct policy *p, enum policy_event ev);
const char *policy_state_name(enum policy_state s);

enum policy_verdict {
    POLICY_MAY,
    POLICY_NO_HOLD,
    POLICY_OTHER_SLOT,         /* another slot is held */
    POLICY_WRONG_CONFIRMATION, /* not the id of the last read-back */
    POLICY_NOT_CONFIRMED,      /* the caller has not said yes */
    POLICY_TOO_SOON,
    POLICY_EXPIRED,   /* only while POLICY_HELD */
    POLICY_IS_BOOKED, /* this very slot is booked already */
};
enum policy_verdict policy_may_book(const struct policy *p, struct str entry_id,
                                    struct str confirmation_id, bool confirmed, int64_t now_us);

/* Fields of the document; absent ones read as POLICY_OPEN. */
struct policy policy_read(const struct jval *fields);
void policy_write(struct fsw *w, const struct policy *p, int64_t now_us, int keep_days);
struct str policy_path(struct arena *a, struct str call_sid);

#endif
