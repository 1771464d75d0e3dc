/* concierge/slot.h: a bookable time as a signed statement. Only findAvailability issues it, so that the
 * model cannot invent one. It is bound to the call and expires; the text is short, since a model copies it.
 * Format: "{service}.{calendar}.{start}.{minutes}.{expiry}.{signature}", e.g.
 * "check-up.weber.20261126T0800Z.30.t8v2k1.0f3k…": start in UTC, expiry in base 36, signature = first 10
 * bytes of HMAC-SHA256(SLOT_KEY, call SID and all before it) in [0-9a-v]. */
#ifndef CONCIERGE_SLOT_H
#define CONCIERGE_SLOT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "calendar/time_range.h"

enum { SLOT_LIFE_S = 1800, SLOT_TEXT_MAX = 256 };

struct slot {
    struct str service, calendar; /* ids of the profile */
    int64_t start_s;              /* UTC */
    int duration_min;
    int64_t exp_s;
};

struct str slot_mint(struct arena *a, struct str key, struct str call_sid, const struct slot *s);
/* ERR_INVALID: no slot id; ERR_DENIED: not signed for this call; ERR_TIMEOUT: expired. */
MUST_USE enum errc slot_check(struct slot *ret, struct arena *a, struct str key,
                              struct str call_sid, struct str text, int64_t now_s);
struct time_range slot_range(const struct slot *s);

#endif
