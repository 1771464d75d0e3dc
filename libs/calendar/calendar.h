/* calendar/calendar.h: what every calendar provider can do. Calls block on the worker that makes them;
 * results live in ctx->arena. Times are UTC seconds. One instance serves all calendars of a business and
 * all workers at once; `calendar` names one of them as the profile does. */
#ifndef CALENDAR_CALENDAR_H
#define CALENDAR_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "calendar/time_range.h"
#include "net/ctx.h"

struct calendar;
struct google;

enum { CALENDAR_BUSY_MAX = 2000, CALENDAR_RANGE_MAX_DAYS = 92, CALENDAR_EVENT_ID_MAX = 128 };

/* What a maker may need; borrowed for the life of the calendar. */
struct calendar_env {
    struct google *google;
};

struct busy_list {
    const struct time_range *items; /* by start; may overlap */
    size_t n;
};

struct calendar_event {
    struct str calendar;
    struct str
        id; /* chosen by us, [0-9a-v], 5 to CALENDAR_EVENT_ID_MAX: the provider refuses a second one */
    struct time_range when;
    struct str time_zone; /* IANA name, for showing */
    struct str summary, description;
    struct str call_sid;
};

struct calendar_ops {
    const char *name; /* as in the business profile */
    enum errc (*create)(struct calendar **ret, const struct calendar_env *env, struct err *err);
    /* ERR_LIMIT: more than CALENDAR_RANGE_MAX_DAYS, or more than CALENDAR_BUSY_MAX events in it. */
    enum errc (*free_busy)(struct calendar *c, struct ctx *ctx, struct str calendar,
                           struct time_range in, struct busy_list *ret, struct err *err);
    /* ERR_CONFLICT: an event with this id is there already (from an earlier try of the same booking). Does
     * not look for overlaps. */
    enum errc (*book)(struct calendar *c, struct ctx *ctx, const struct calendar_event *e,
                      struct err *err);
    /* ERR_NOT_FOUND: there is no such event. */
    enum errc (*find)(struct calendar *c, struct ctx *ctx, struct str calendar, struct str event_id,
                      struct err *err);
    /* ERR_NOT_FOUND: there is no such event. */
    enum errc (*cancel)(struct calendar *c, struct ctx *ctx, struct str calendar,
                        struct str event_id, struct err *err);
    void (*destroy)(struct calendar *c);
};

struct calendar { /* the head of every maker's own struct */
    const struct calendar_ops *ops;
};

/* NULL: no such maker. `names`: for error texts, "local". */
const struct calendar_ops *calendar_maker(struct str name);
const char *calendar_maker_names(void);
/* ERR_INVALID: no such maker. */
MUST_USE enum errc calendar_create(struct calendar **ret, struct str maker,
                                   const struct calendar_env *env, struct err *err);
struct calendar *calendar_destroy(struct calendar *c); /* NULL is fine; returns NULL */
MUST_USE enum errc calendar_free_busy(struct calendar *c, struct ctx *ctx, struct str calendar,
                                      struct time_range in, struct busy_list *ret, struct err *err);
MUST_USE enum errc calendar_book(struct calendar *c, struct ctx *ctx,
                                 const struct calendar_event *e, struct err *err);
MUST_USE enum errc calendar_find(struct calendar *c, struct ctx *ctx, struct str calendar,
                                 struct str event_id, struct err *err);
MUST_USE enum errc calendar_cancel(struct calendar *c, struct ctx *ctx, struct str calendar,
                                   struct str event_id, struct err *err);

#endif
