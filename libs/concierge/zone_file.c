#include "concierge/zone_file.h"

#include <stdbool.h>

#include "base/macros.h"
#include "concierge/zone.h"

enum {
    HEADER_BYTES = 44,
    TYPE_BYTES = 6,       /* offset (4), whether it is daylight saving time, index of its name */
    RULE_HOURS_MAX = 167, /* RFC 8536, 3.3.1: also of the day before or of one in the next week */
    OFFSET_HOURS_MAX = 24,
    OFFSET_MAX_S = 26 * 3600, /* RFC 8536, 3.2 */
};

/* One block of data: the first holds 32-bit times, which we skip, the second 64-bit ones. */
struct block {
    size_t n_utc, n_std, n_leaps, n_times, n_types, n_chars;
    const uint8_t *data;
};

struct changes {
    struct zone_change *out;
    size_t n, max;
    int64_t from_s, to_s;
    bool full;
};

/* When in a year a rule's change comes. */
struct rule_day {
    enum { DAY_OF_365, DAY_OF_YEAR, DAY_OF_WEEK } kind; /* Jn, n, Mm.w.d */
    int month, week, day;
    int at_s; /* from local midnight */
};

struct rule {
    int std_s, dst_s; /* offsets east of UTC */
    bool has_dst;
    struct rule_day to_dst, to_std;
};

static int64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    size_t i;

    for (i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* Times come in order, but for rules whose year's end runs into the next year: there the later call holds. */
static void add_change(struct changes *c, int64_t at_s, int offset_s)
{
    if (at_s <= c->from_s) {
        c->out[0].offset_s = offset_s;
        return;
    }
    if (at_s >= c->to_s)
        return;
    while (c->n > 1 && c->out[c->n - 1].at_s >= at_s)
        c->n--;
    if (c->out[c->n - 1].offset_s == offset_s)
        return; /* another name, or the end of summer time without another offset */
    if (c->n == c->max) {
        c->full = true;
        return;
    }
    c->out[c->n++] = (struct zone_change){ at_s, offset_s };
}

/* --- the file's blocks --------------------------------------------------------------------------- */

/* Takes the block off the front of `rest`. */
static bool take_block(struct str *rest, size_t time_bytes, struct block *ret)
{
    size_t *const counts[] = { &ret->n_utc,   &ret->n_std,   &ret->n_leaps,
                               &ret->n_times, &ret->n_types, &ret->n_chars };
    const uint8_t *p = (const uint8_t *)rest->p;
    size_t i, n;

    if (rest->n < HEADER_BYTES || !str_starts(*rest, STR("TZif")) || p[4] < '2')
        return false;
    for (i = 0; i < ARRAY_LEN(counts); i++) {
        *counts[i] = (size_t)(uint32_t)big_endian(p + 20 + 4 * i, 4);
        if (*counts[i] > ZONE_FILE_BYTES_MAX)
            return false;
    }
    n = ret->n_times * (time_bytes + 1) + ret->n_types * TYPE_BYTES + ret->n_chars +
        ret->n_leaps * (time_bytes + 4) + ret->n_std + ret->n_utc;
    if (rest->n - HEADER_BYTES < n)
        return false;
    ret->data = p + HEADER_BYTES;
    *rest = str_from(*rest, HEADER_BYTES + n);
    return true;
}

static bool read_offset(const struct block *b, size_t type, int *ret)
{
    const uint8_t *types = b->data + b->n_times * (8 + 1);

    if (type >= b->n_types)
        return false;
    *ret = (int)big_endian(types + type * TYPE_BYTES, 4);
    return *ret >= -OFFSET_MAX_S && *ret <= OFFSET_MAX_S;
}

static bool read_table(struct changes *c, const struct block *b)
{
    const uint8_t *index = b->data + b->n_times * 8;
    int64_t before = INT64_MIN;
    size_t i;
    int offset_s;

    if (!read_offset(b, 0, &c->out[0].offset_s)) /* before all changes */
        return false;
    for (i = 0; i < b->n_times; i++) {
        int64_t at_s = big_endian(b->data + i * 8, 8);

        if ((i && at_s <= before) || !read_offset(b, index[i], &offset_s))
            return false;
        add_change(c, at_s, offset_s);
        before = at_s;
    }
    return true;
}

/* --- the rule ------------------------------------------------------------------------------------ */

static bool take(struct str *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = str_from(*s, 1);
    return true;
}

static bool take_number(struct str *s, int max, int *ret)
{
    size_t i = 0;
    int v = 0;

    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
        v = v * 10 + (s->p[i] - '0');
        if (v > max)
            return false;
    }
    *ret = v;
    *s = str_from(*s, i);
    return i > 0;
}

/* "CET" or "<+0330>". */
static bool take_name(struct str *s)
{
    bool quoted = take(s, '<');
    size_t i = 0;

    while (i < s->n &&
           (quoted ? s->p[i] != '>'
                   : (s->p[i] >= 'A' && s->p[i] <= 'Z') || (s->p[i] >= 'a' && s->p[i] <= 'z')))
        i++;
    *s = str_from(*s, i);
    return i >= 3 && (!quoted || take(s, '>'));
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool take_time(struct str *s, int hours_max, int *ret)
{
    bool minus = take(s, '-');
    int h = 0, m = 0, sec = 0;

    if (!minus)
        (void)take(s, '+'); /* it says nothing */
    if (!take_number(s, hours_max, &h) ||
        (take(s, ':') && (!take_number(s, 59, &m) || (take(s, ':') && !take_number(s, 59, &sec)))))
        return false;
    *ret = (h * 3600 + m * 60 + sec) * (minus ? -1 : 1);
    return true;
}

static bool take_day(struct str *s, struct rule_day *ret)
{
    bool done;

    *ret = (struct rule_day){ .at_s = 2 * 3600 };
    if (take(s, 'M')) {
        ret->kind = DAY_OF_WEEK;
        done = take_number(s, 12, &ret->month) && ret->month && take(s, '.') &&
               take_number(s, 5, &ret->week) && ret->week && take(s, '.') &&
               take_number(s, 6, &ret->day);
    } else if (take(s, 'J')) {
        ret->kind = DAY_OF_365;
        done = take_number(s, 365, &ret->day) && ret->day;
    } else {
        ret->kind = DAY_OF_YEAR;
        done = take_number(s, 365, &ret->day);
    }
    return done && (!take(s, '/') || take_time(s, RULE_HOURS_MAX, &ret->at_s));
}

/* "CET-1CEST,M3.5.0,M10.5.0/3". Hours count to the west. */
static bool read_rule(struct rule *ret, struct str s)
{
    int west = 0;

    *ret = (struct rule){ 0 };
    if (!take_name(&s) || !take_time(&s, OFFSET_HOURS_MAX, &west))
        return false;
    ret->std_s = -west;
    if (!s.n)
        return true;
    ret->has_dst = true;
    ret->dst_s = ret->std_s + 3600;
    if (!take_name(&s))
        return false;
    if (s.n && s.p[0] != ',') {
        if (!take_time(&s, OFFSET_HOURS_MAX, &west))
            return false;
        ret->dst_s = -west;
    }
    return take(&s, ',') && take_day(&s, &ret->to_dst) && take(&s, ',') &&
           take_day(&s, &ret->to_std) && !s.n;
}

static int64_t day_in(const struct rule_day *d, int year)
{
    struct date first = { year, 1, 1 };
    int64_t day;

    if (d->kind == DAY_OF_YEAR)
        return date_days(first) + d->day;
    if (d->kind == DAY_OF_365)
        return date_days(first) + d->day - 1 +
               (d->day >= 60 &&
                date_valid((struct date){ year, 2, 29 })); /* J60 is always March 1 */
    first.month = d->month;
    day = date_days(first) +
          (d->day + 6 - date_weekday(first)) % WEEK_DAYS; /* d counts from Sunday */
    day += (int64_t)(d->week - 1) * WEEK_DAYS;
    return date_of_days(day).month == d->month ? day : day - WEEK_DAYS; /* week 5 is the last one */
}

static void read_years(struct changes *c, const struct rule *r, int64_t after_s)
{
    int year = date_of_days(c->from_s / DAY_S).year - 1, last = date_of_days(c->to_s / DAY_S).year;

    for (; r->has_dst && year <= last; year++) {
        int64_t dst = day_in(&r->to_dst, year) * DAY_S + r->to_dst.at_s - r->std_s;
        int64_t std = day_in(&r->to_std, year) * DAY_S + r->to_std.at_s - r->dst_s;

        if (dst <= std && dst > after_s)
            add_change(c, dst, r->dst_s);
        if (std > after_s)
            add_change(c, std, r->std_s);
        if (dst > std && dst > after_s)
            add_change(c, dst, r->dst_s);
    }
}

/* What holds after the table, or always when the table is empty. */
static bool apply_rule(struct changes *c, const struct block *b, struct str rest)
{
    struct str line, end;
    struct rule r;

    if (!take(&rest, '\n') || !str_cut(rest, '\n', &line, &end))
        return false;
    if (!line.n)
        return true; /* the table's last offset stays */
    if (!read_rule(&r, line))
        return false;
    if (!b->n_times)
        c->out[0].offset_s = r.std_s;
    read_years(c, &r, b->n_times ? big_endian(b->data + (b->n_times - 1) * 8, 8) : INT64_MIN);
    return true;
}

enum errc zone_file_changes(struct str file, int64_t from_s, int64_t to_s, struct zone_change *out,
                            size_t max, size_t *ret_n)
{
    struct changes c = { .out = out, .n = 1, .max = max, .from_s = from_s, .to_s = to_s };
    struct block b;

    if (!max)
        return ERR_LIMIT;
    if (!take_block(&file, 4, &b) || !take_block(&file, 8, &b) || b.n_leaps)
        return ERR_INVALID;
    out[0] = (struct zone_change){ .at_s = INT64_MIN };
    if (!read_table(&c, &b) || !apply_rule(&c, &b, file))
        return ERR_INVALID;
    if (c.full)
        return ERR_LIMIT;
    *ret_n = c.n;
    return ERR_OK;
}
