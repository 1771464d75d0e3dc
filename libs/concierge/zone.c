#include "concierge/zone.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/macros.h"
#include "concierge/zone_file.h"

#define ZONE_FILES "/usr/share/zoneinfo"

enum {
    CHANGES_MAX = 256, /* four a year over the years read is the most there is (Morocco) */
    ZONE_NAME_MAX = 64,
};

struct zone {
    struct str name;
    size_t n;
    struct zone_change changes[CHANGES_MAX]; /* the first at the beginning of time */
};

/* --- dates --------------------------------------------------------------------------------- */

/* Howard Hinnant's days_from_civil: years begin in March, so that the leap day is the last. */
int64_t date_days(struct date d)
{
    int64_t y = d.year - (d.month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct date date_of_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    struct date d;

    d.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    d.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    d.year = (int)(yoe + era * 400 + (d.month <= 2));
    return d;
}

struct date date_add(struct date d, int days)
{
    return date_of_days(date_days(d) + days);
}

int date_cmp(struct date a, struct date b)
{
    if (a.year != b.year)
        return a.year < b.year ? -1 : 1;
    if (a.month != b.month)
        return a.month < b.month ? -1 : 1;
    return (a.day > b.day) - (a.day < b.day);
}

int date_weekday(struct date d)
{
    int64_t w = (date_days(d) + 3) % WEEK_DAYS; /* 1970-01-01 was a Thursday */

    return (int)(w < 0 ? w + WEEK_DAYS : w);
}

bool date_valid(struct date d)
{
    return d.year >= 1970 && d.year <= 9999 && d.month >= 1 && d.month <= 12 && d.day >= 1 &&
           d.day <= 31 && date_cmp(date_of_days(date_days(d)), d) == 0;
}

static enum errc digits(struct str s, size_t from, size_t n, int *ret)
{
    int64_t v;
    size_t i;

    for (i = from; i < from + n; i++) {
        if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
            return ERR_INVALID;
    }
    if (str_to_i64(str_slice(s, from, from + n), 0, 9999, &v))
        return ERR_INVALID;
    *ret = (int)v;
    return ERR_OK;
}

enum errc date_parse(struct str s, struct date *ret)
{
    struct date d;

    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' || digits(s, 0, 4, &d.year) ||
        digits(s, 5, 2, &d.month) || digits(s, 8, 2, &d.day) || !date_valid(d))
        return ERR_INVALID;
    *ret = d;
    return ERR_OK;
}

void date_text(char out[DATE_TEXT_MAX], struct date d)
{
    (void)snprintf(out, DATE_TEXT_MAX, "%04d-%02d-%02d", d.year % 10000, d.month % 100,
                   d.day % 100);
}

enum errc minute_parse(struct str s, int *ret)
{
    struct str hours, minutes;
    int h, m;

    if (!str_cut(s, ':', &hours, &minutes) || hours.n < 1 || hours.n > 2 || minutes.n != 2 ||
        digits(hours, 0, hours.n, &h) || digits(minutes, 0, 2, &m) || m > 59 ||
        h * 60 + m > DAY_MIN)
        return ERR_INVALID;
    *ret = h * 60 + m;
    return ERR_OK;
}

void local_text(char out[LOCAL_TEXT_MAX], struct local_time t)
{
    (void)snprintf(out, LOCAL_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d", t.date.year % 10000,
                   t.date.month % 100, t.date.day % 100, t.minute / 60 % 100, t.minute % 60);
}

/* --- zones --------------------------------------------------------------------------------- */

/* Names become paths of zone files. */
static bool name_safe(struct str name)
{
    size_t i;

    if (!name.n || name.n >= ZONE_NAME_MAX || str_contains(name, STR("..")) || name.p[0] == '/')
        return false;
    for (i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '+' || c == '-' || c == '/'))
            return false;
    }
    return true;
}

static enum errc read_zone(struct zone *z, struct str name)
{
    int64_t from_s = date_days((struct date){ ZONE_YEAR_FIRST, 1, 1 }) * DAY_S;
    int64_t to_s = date_days((struct date){ ZONE_YEAR_LAST + 1, 1, 1 }) * DAY_S;
    struct buf file = BUF_INIT(ZONE_FILE_BYTES_MAX);
    char path[sizeof(ZONE_FILES) + ZONE_NAME_MAX];
    enum errc rc;

    /* It fits: name_safe() limits the name. */
    (void)snprintf(path, sizeof(path), ZONE_FILES "/" STR_FMT, STR_ARG(name));
    rc = file_read(&file, path, NULL);
    if (!rc)
        rc = zone_file_changes(buf_str(&file), from_s, to_s, z->changes, CHANGES_MAX, &z->n);
    buf_release(&file);
    return rc;
}

enum errc zone_load(const struct zone **ret, struct arena *a, struct str name, struct err *err)
{
    struct zone *z = ARENA_NEW(a, struct zone);

    z->name = arena_str(a, name);
    z->changes[0].at_s = INT64_MIN;
    z->n = 1;
    if (str_eq(name, STR("UTC")))
        z->changes[0].offset_s = 0; /* needs no file */
    else if (!name_safe(name) || read_zone(z, name))
        return err_set(err, ERR_NOT_FOUND,
                       "\"" STR_FMT "\" is no time zone known here; use a name like Europe/Berlin",
                       STR_ARG(name));
    *ret = z;
    return ERR_OK;
}

struct str zone_name(const struct zone *z)
{
    return z->name;
}

int zone_offset_s(const struct zone *z, int64_t utc_s)
{
    size_t lo = 0, hi = z->n;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (z->changes[mid].at_s <= utc_s)
            lo = mid;
        else
            hi = mid;
    }
    return z->changes[lo].offset_s;
}

struct local_time zone_local(const struct zone *z, int64_t utc_s)
{
    struct local_time t = { .offset_s = zone_offset_s(z, utc_s) };
    int64_t local = utc_s + t.offset_s;
    int64_t days = local / DAY_S, rest = local % DAY_S;

    if (rest < 0) {
        rest += DAY_S;
        days--;
    }
    t.date = date_of_days(days);
    t.minute = (int)(rest / 60);
    t.second = (int)(rest % 60);
    t.weekday = date_weekday(t.date);
    return t;
}

int64_t zone_utc(const struct zone *z, struct date d, int minute)
{
    int64_t local = date_days(d) * DAY_S + (int64_t)minute * 60;
    /* Offsets a day before and after bracket any change near this time. */
    int before = zone_offset_s(z, local - DAY_S - DAY_S / 2);
    int after = zone_offset_s(z, local + DAY_S + DAY_S / 2);
    int64_t first = local - before;

    if (zone_offset_s(z, first) == before)
        return first; /* also the first of a time that comes twice */
    if (zone_offset_s(z, local - after) == after)
        return local - after;
    return first; /* skipped: as long after the gap's beginning as the clock says */
}
