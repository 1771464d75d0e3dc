/* concierge/zone.h: civil time. Dates and weekdays in the Gregorian calendar, and a time zone as a table
 * of its changes of offset, read once from the system's zone file and constant from then on (threads share
 * it freely). Instants are UTC seconds since 1970. Source: IANA time zone database. */
#ifndef CONCIERGE_ZONE_H
#define CONCIERGE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { ZONE_YEAR_FIRST = 2020, ZONE_YEAR_LAST = 2036 }; /* offsets outside are those at the edge */
enum { DAY_S = 86400, DAY_MIN = 1440, WEEK_DAYS = 7, DATE_TEXT_MAX = 16, LOCAL_TEXT_MAX = 24 };

struct date {
    int year, month, day; /* month and day from 1 */
};

/* Wall-clock time in some zone. */
struct local_time {
    struct date date;
    int minute; /* of the day, 0 to 1439 */
    int second;
    int weekday;  /* 0: Monday … 6: Sunday */
    int offset_s; /* east of UTC */
};

struct zone;

/* `name` as in the IANA database ("Europe/Berlin"), read from /usr/share/zoneinfo; "UTC" needs no file.
 * ERR_NOT_FOUND: no such zone on this system. The result lives in the arena. */
MUST_USE enum errc zone_load(const struct zone **ret, struct arena *a, struct str name,
                             struct err *err);
struct str zone_name(const struct zone *z);
int zone_offset_s(const struct zone *z, int64_t utc_s);
struct local_time zone_local(const struct zone *z, int64_t utc_s);
/* The instant of a wall-clock time; `minute` may lie outside the day. A time that a change of offset
 * skips is the instant as many minutes after the gap began; one that comes twice is the first. */
int64_t zone_utc(const struct zone *z, struct date d, int minute);

int64_t date_days(struct date d); /* since 1970-01-01 */
struct date date_of_days(int64_t days);
struct date date_add(struct date d, int days);
int date_cmp(struct date a, struct date b);
int date_weekday(struct date d); /* 0: Monday */
bool date_valid(struct date d);
/* "2026-11-26". */
MUST_USE enum errc date_parse(struct str s, struct date *ret);
void date_text(char out[DATE_TEXT_MAX], struct date d);
/* "09:00", "9:00" or "24:00" to minutes. */
MUST_USE enum errc minute_parse(struct str s, int *ret);
/* "2026-11-26T09:00": the local time, without offset. */
void local_text(char out[LOCAL_TEXT_MAX], struct local_time t);

#endif
