/* dashboard/words.h: figures and names as an operator reads them. Texts live in the arena; those of
 * figures and times end with NUL, so that their `p` is a C string. */
#ifndef DASHBOARD_WORDS_H
#define DASHBOARD_WORDS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "concierge/zone.h"

/* Millionths of a dollar to the cent: "$0.42"; between nothing and a cent "under $0.01". */
struct str words_money(struct arena *a, int64_t micro_usd);
struct str words_money_exact(struct arena *a, int64_t micro_usd); /* "$0.041250" */
/* "48 s", "2 min 05 s", "1 h 02 min". */
struct str words_duration(struct arena *a, int64_t ms);
struct str words_position(struct arena *a, int64_t ms); /* of a player: "2:05", "1:02:05" */
struct str words_ms(struct arena *a, int64_t ms);       /* of a wait: "640 ms", "1.4 s" */
struct str words_percent(struct arena *a, double part, double whole); /* for SVG: "12.345%" */

/* In the business's zone. */
struct str words_time(struct arena *a, const struct zone *z, int64_t us); /* "09:05" */
struct str words_date_time(struct arena *a, const struct zone *z,
                           int64_t us); /* "Tue 24 Nov 2026, 09:05" */
/* "Today", "Yesterday", else "Tuesday 24 November 2026". */
struct str words_day(struct arena *a, const struct zone *z, int64_t us, int64_t now_us);

struct str words_sentence(struct arena *a, struct str text); /* first letter made a capital */
/* A stored name that has no words of its own: "lead_review" to "Lead review", "holdSlot" to "Hold
 * slot". */
struct str words_of_name(struct arena *a, struct str name);
/* JSON over several lines, for reading. */
struct str words_json(struct arena *a, struct str compact);

#endif
