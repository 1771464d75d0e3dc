/* concierge/booking.h: free times, holds and bookings.
 *
 * Search: opening hours, minus the provider's free/busy, minus the agenda. Hold: one conditional commit on
 * the day's agenda and the call's policy; an earlier hold of the call goes in the same commit. Book: note
 * that booking has begun (the hold's life is extended), ask the provider again, create the event under an
 * id derived from slot and call, then mark agenda and policy and write bookings/{id} in one commit. After
 * a crash at any point a repeat finds its event by that id and goes on; there is never a second one.
 * All calls block on a worker; results live in ctx->arena. */
#ifndef CONCIERGE_BOOKING_H
#define CONCIERGE_BOOKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "concierge/policy.h"
#include "concierge/profile.h"
#include "concierge/slot.h"
#include "concierge/zone.h"
#include "net/ctx.h"

struct calendar;
struct google;

enum {
    BOOKING_OFFERS_MAX = 10,
    BOOKING_WEEKS_MAX = 53,        /* weeks looked at in one search */
    BOOKING_LEASE_S = 120,         /* how long a hold lasts from the moment that booking begins */
    BOOKING_PROVIDER_ATTEMPTS = 3, /* the provider is asked to create so often in one call */
    BOOKING_ID_CHARS = 26,
};

struct booking {
    struct google *google;
    struct calendar *calendar;
    const struct profile *profile;
    struct str slot_key;
};

struct booking_wish {
    const struct profile_service *service;
    const struct profile_staff *staff; /* NULL: anybody */
    struct date from, to;              /* year 0: not said; `to` not before `from` */
    int time_min;                      /* exact time, -1: none */
    int part_from_min, part_to_min;    /* appointments must begin in [from, to); 0, 0: any */
};

struct booking_offer {
    struct str slot_id;
    struct slot slot;
    struct local_time at;
    const struct profile_staff *staff;
};

struct booking_offers {
    struct booking_offer items[BOOKING_OFFERS_MAX];
    size_t n;
    bool as_wished; /* they meet the wish; otherwise they are the nearest that there are */
    /* Why not, when the wish was one day: */
    bool day_closed;        /* the business is closed on it */
    struct str closed_name; /* "Christmas Day"; may be empty */
    bool time_closed;       /* the exact time lies outside the hours of that day */
    bool too_soon;          /* it is past, or nearer than the lead time */
    bool too_far;           /* beyond the horizon */
};

/* Empty offers are no error. */
MUST_USE enum errc booking_search(const struct booking *b, struct ctx *ctx, struct str call_sid,
                                  const struct booking_wish *wish, struct booking_offers *ret,
                                  struct err *err);

struct booking_held {
    struct str entry_id, confirmation_id;
    int64_t expires_s;
    bool another; /* this call has booked something before */
};
/* ERR_CONFLICT: somebody else has it, or the appointment of a booking under way went through after all
 * (*ret_booked). ERR_DENIED: the call is closed. ERR_INVALID: the slot is not the profile's any more. */
MUST_USE enum errc booking_hold(const struct booking *b, struct ctx *ctx, struct str call_sid,
                                const struct slot *s, struct booking_held *ret, bool *ret_booked,
                                struct err *err);

struct booking_request {
    struct str call_sid;
    struct slot slot;
    struct str confirmation_id;
    bool confirmed;
    struct str name, phone, notes;
};
struct booking_result {
    struct str booking_id;
    enum policy_verdict verdict; /* not POLICY_MAY or POLICY_IS_BOOKED: refused, nothing was done */
    bool taken;    /* the provider has something else there now; the hold is given back */
    bool unmarked; /* the event stands, but our own documents could not be written: err says why */
};
/* ERR_OK: read the result. Otherwise the provider or the store failed and it is not known to be booked; the
 * same request may be repeated. */
MUST_USE enum errc booking_book(const struct booking *b, struct ctx *ctx,
                                const struct booking_request *r, struct booking_result *ret,
                                struct err *err);

/* Gives back what the call holds and closes it for further bookings; with `call_goes_on` (a transfer, which
 * may find nobody) the outcome is only noted and may be replaced. ERR_CONFLICT: it was closed before
 * (*ret_outcome: with which outcome). */
MUST_USE enum errc booking_close(const struct booking *b, struct ctx *ctx, struct str call_sid,
                                 struct str outcome, bool call_goes_on, struct str *ret_outcome,
                                 struct err *err);

/* The id of the agenda's entry and the provider's event. */
struct str booking_entry_id(struct arena *a, struct str call_sid, const struct slot *s);
/* The slot with the service's buffers around it. */
struct time_range booking_blocked(const struct profile_service *service, const struct slot *s);

#endif
