/* concierge/holidays.h: public holidays from an .ics file, whole days on which the business is closed.
 * Source: RFC 5545 (VEVENT with DTSTART;VALUE=DATE, optional DTEND, RRULE, EXDATE), read by libical. */
#ifndef CONCIERGE_HOLIDAYS_H
#define CONCIERGE_HOLIDAYS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "concierge/profile.h"

enum { HOLIDAYS_MAX = 2000, HOLIDAY_DAYS_MAX = 60 };

/* Days between ZONE_YEAR_FIRST and ZONE_YEAR_LAST, in the file's order; repeated ones stay. ERR_INVALID:
 * no calendar. ERR_LIMIT: more than HOLIDAYS_MAX days. */
MUST_USE enum errc holidays_parse(struct profile_exception **ret, size_t *ret_n, struct arena *a,
                                  struct str ics, struct err *err);

#endif
