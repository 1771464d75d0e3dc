/* concierge/agenda.h: the holds and bookings of one calendar and one local day, one document
 *   agenda/{calendar}:{date}: calendar, date, entries {id: {kind, start, end, callSid, service, expiresAt}},
 *   ttlAt
 * where start and end include the service's buffers. All of a day is one document, so that one conditional
 * write sees every overlap. A blocked time belongs to the day on which its appointment begins. */
#ifndef CONCIERGE_AGENDA_H
#define CONCIERGE_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "calendar/time_range.h"
#include "concierge/zone.h"

struct fs_doc;
struct fsw;
struct firestore_commit;

enum { AGENDA_ENTRIES_MAX = 500 };

struct agenda_entry {
    struct str id;
    bool booked; /* false: a hold */
    struct time_range blocked;
    struct str call_sid, service;
    int64_t expires_s; /* of a hold */
};

struct agenda {
    struct agenda_entry *items; /* holds that have expired are left out */
    size_t n;
};

struct str agenda_path(struct arena *a, struct str calendar, struct date d);
struct agenda agenda_read(struct arena *a, const struct jval *fields, int64_t now_s);
/* Whether anything but `call_sid`'s own holds overlaps. */
bool agenda_blocked(const struct agenda *g, struct time_range r, struct str call_sid);
const struct agenda_entry *agenda_find(const struct agenda *g, struct str id);
/* Adds or replaces by id; `room` for one more was left by agenda_read(). False: AGENDA_ENTRIES_MAX. */
bool agenda_put(struct agenda *g, const struct agenda_entry *e);
void agenda_drop(struct agenda *g, struct str id); /* by id, if it is there and not booked */
/* Adds the write of the whole document, conditional on its being as read. Kept for `keep_days` after its
 * day. */
void agenda_write(struct firestore_commit *c, const struct fs_doc *doc, struct str calendar,
                  struct date d, const struct agenda *g, int keep_days);

#endif
