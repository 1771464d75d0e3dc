/* concierge/hours.h: when the business is open, in its own zone: weekly hours, exceptions and holidays.
 * Instants are UTC seconds. Pure functions of the profile. */
#ifndef CONCIERGE_HOURS_H
#define CONCIERGE_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calendar/time_range.h"
#include "concierge/profile.h"
#include "concierge/zone.h"

/* Open spans of a local date, in order. Returns how many (at most PROFILE_DAY_SPANS_MAX). */
size_t hours_of_day(const struct profile *p, struct date d,
                    struct time_range out[PROFILE_DAY_SPANS_MAX]);
/* The exception that rules a date, or NULL. */
const struct profile_exception *hours_exception(const struct profile *p, struct date d);
bool hours_open_at(const struct profile *p, int64_t utc_s);
/* The first span that ends after `utc_s` (the current one when open). False: none within a year. */
bool hours_next(const struct profile *p, int64_t utc_s, struct time_range *ret);
/* What may be booked at `now_s`: from now plus lead time to the end of the horizon's last local day. */
struct time_range hours_bookable(const struct profile *p, int64_t now_s);

#endif
