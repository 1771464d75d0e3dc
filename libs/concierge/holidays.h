/* concierge/holidays.h: public holidays from an .ics file, whole days on which the business is closed.
 * Source: RFC 5545: VEVENT with DTSTART as a date, DTEND or DURATION, RRULE (which libical expands), RDATE, EXDATE.
 * Other properties and components are passed over. */
#ifndef CONCIERGE_HOLIDAYS_H
#define CONCIERGE_HOLIDAYS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "concierge/profile.h"

enum { HOLIDAYS_MAX = 2000, HOLIDAY_DAYS_MAX = 60 };

/* Days between ZONE_YEAR_FIRST and ZONE_YEAR_LAST, in the file's order; repeated ones stay. ERR_INVALID: no
 * calendar, or a line of it is wrong; ERR_LIMIT: more than HOLIDAYS_MAX days. Errors name the line. */
MUST_USE enum errc holidays_parse(struct profile_exception **ret, size_t *ret_n, struct arena *a,
                                  struct str ics, struct err *err);

#endif
