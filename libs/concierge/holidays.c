#include "concierge/holidays.h"

#include <string.h>

#include <libical/ical.h>

#include "base/buf.h"
#include "base/macros.h"

enum {
    RULES_MAX = 8, /* of one event */
    DATES_MAX = 256,
    ROOM_FIRST = 128, /* days; a land has a dozen a year */
};

struct dates {
    struct date at[DATES_MAX];
    size_t n;
};

struct event {
    struct date first, end; /* end: the day after the last; of year 0: not given */
    bool whole_days;
    int days; /* from DURATION; 0: not given */
    struct str name;
    const char *rules[RULES_MAX];
    size_t n_rules;
    struct dates more, except;
};

struct reader {
    struct arena *arena;
    struct err *err;
    struct str rest;
    struct buf line; /* unfolded */
    int line_no, next_no;
    int depth; /* of components that are open: 1 in the calendar, 2 in an event */
    bool in_event;
    struct event event;
    struct profile_exception *items;
    size_t n, room;
};

static enum errc mistake(const struct reader *r, enum errc rc, const char *what)
{
    return err_set(r->err, rc, "line %d: %s", r->line_no, what);
}

/* --- days ---------------------------------------------------------------------------------------- */

static void make_room(struct reader *r)
{
    struct profile_exception *larger;

    r->room = MAX(2 * r->room, ROOM_FIRST);
    larger = ARENA_ARRAY(r->arena, struct profile_exception, r->room);
    if (r->n)
        memcpy(larger, r->items, r->n * sizeof(*larger));
    r->items = larger;
}

static enum errc add_day(struct reader *r, struct date d)
{
    if (d.year < ZONE_YEAR_FIRST || d.year > ZONE_YEAR_LAST)
        return ERR_OK;
    if (r->n == HOLIDAYS_MAX)
        return err_set(r->err, ERR_LIMIT, "holds more than %d closed days", HOLIDAYS_MAX);
    if (r->n == r->room)
        make_room(r);
    r->items[r->n++] =
        (struct profile_exception){ .date = d, .name = r->event.name, .holiday = true };
    return ERR_OK;
}

static enum errc add_occurrence(struct reader *r, struct date first)
{
    const struct event *e = &r->event;
    int64_t days = e->end.year ? date_days(e->end) - date_days(e->first) : e->days;
    enum errc rc = ERR_OK;
    size_t i;

    for (i = 0; i < e->except.n; i++) {
        if (date_cmp(e->except.at[i], first) == 0)
            return ERR_OK;
    }
    for (i = 0; !rc && i < (size_t)MAX(1, MIN(days, HOLIDAY_DAYS_MAX)); i++)
        rc = add_day(r, date_add(first, (int)i));
    return rc;
}

/* libical knows what a rule means. */
static enum errc add_recurring(struct reader *r, const char *text)
{
    const struct event *e = &r->event;
    struct icalrecurrencetype rule = icalrecurrencetype_from_string(text);
    struct icaltimetype start = icaltime_null_date(), t;
    icalrecur_iterator *it;
    enum errc rc = ERR_OK;

    start.year = e->first.year;
    start.month = e->first.month;
    start.day = e->first.day;
    it = rule.freq >= ICAL_DAILY_RECURRENCE && rule.freq <= ICAL_YEARLY_RECURRENCE
             ? icalrecur_iterator_new(rule, start)
             : NULL;
    if (!it)
        return mistake(r, ERR_INVALID, "ends an event whose RRULE is no rule for whole days");
    for (t = icalrecur_iterator_next(it);
         !rc && !icaltime_is_null_time(t) && t.year <= ZONE_YEAR_LAST;
         t = icalrecur_iterator_next(it))
        rc = add_occurrence(r, (struct date){ t.year, t.month, t.day });
    icalrecur_iterator_free(it);
    return rc;
}

/* The lists keep what they held: it is their counts that matter. */
static void begin_event(struct reader *r)
{
    struct event *e = &r->event;

    r->in_event = true;
    e->end.year = 0;
    e->whole_days = false;
    e->days = 0;
    e->name = STR_EMPTY;
    e->n_rules = e->more.n = e->except.n = 0;
}

static enum errc end_event(struct reader *r)
{
    const struct event *e = &r->event;
    enum errc rc = ERR_OK;
    size_t i;

    r->in_event = false;
    if (!e->whole_days)
        return ERR_OK; /* an appointment with hours closes no day */
    if (!e->n_rules)
        rc = add_occurrence(r, e->first);
    for (i = 0; !rc && i < e->n_rules; i++)
        rc = add_recurring(r, e->rules[i]);
    for (i = 0; !rc && i < e->more.n; i++)
        rc = add_occurrence(r, e->more.at[i]);
    return rc;
}

/* --- properties ---------------------------------------------------------------------------------- */

/* "20261226", or the date of "20261226T090000". A day that comes every year may have begun long ago. */
static enum errc read_date(const struct reader *r, struct str value, struct date *ret)
{
    int64_t year, month, day;
    struct date d;

    if (value.n < 8 || (value.n > 8 && value.p[8] != 'T') ||
        str_to_i64(str_slice(value, 0, 4), 1, 9999, &year) ||
        str_to_i64(str_slice(value, 4, 6), 1, 12, &month) ||
        str_to_i64(str_slice(value, 6, 8), 1, 31, &day))
        return mistake(r, ERR_INVALID, "must hold a date like 20261226");
    d = (struct date){ (int)year, (int)month, (int)day };
    if (date_cmp(date_of_days(date_days(d)), d) != 0)
        return mistake(r, ERR_INVALID, "holds a date that does not exist");
    *ret = d;
    return ERR_OK;
}

static enum errc read_start(struct reader *r, struct str value)
{
    r->event.whole_days = value.n == 8;
    return read_date(r, value, &r->event.first);
}

static enum errc read_end(struct reader *r, struct str value)
{
    return read_date(r, value, &r->event.end);
}

static enum errc read_duration(struct reader *r, struct str value)
{
    struct icaldurationtype d = icaldurationtype_from_string(arena_cstr(r->arena, value));

    r->event.days =
        (int)MIN(d.weeks, HOLIDAY_DAYS_MAX) * WEEK_DAYS + (int)MIN(d.days, HOLIDAY_DAYS_MAX);
    return ERR_OK;
}

static enum errc read_rule(struct reader *r, struct str value)
{
    if (r->event.n_rules == RULES_MAX)
        return mistake(r, ERR_LIMIT, "one rule too many for an event");
    r->event.rules[r->event.n_rules++] = arena_cstr(r->arena, value);
    return ERR_OK;
}

static enum errc read_dates(const struct reader *r, struct str value, struct dates *out)
{
    struct str one;
    enum errc rc = ERR_OK;

    while (!rc && value.n) {
        (void)str_cut(value, ',', &one, &value); /* the last one stands before no comma */
        if (out->n == DATES_MAX)
            return mistake(r, ERR_LIMIT, "one date too many for an event");
        rc = read_date(r, one, &out->at[out->n++]);
    }
    return rc;
}

static enum errc read_more(struct reader *r, struct str value)
{
    return read_dates(r, value, &r->event.more);
}

static enum errc read_except(struct reader *r, struct str value)
{
    return read_dates(r, value, &r->event.except);
}

/* RFC 5545, 3.3.11: a backslash before comma, semicolon and backslash; "\n" is a new line, here a space. */
static enum errc read_summary(struct reader *r, struct str value)
{
    char *text = arena_alloc(r->arena, value.n + 1);
    size_t i, n = 0;

    for (i = 0; i < value.n; i++) {
        char c = value.p[i];

        if (c == '\\' && i + 1 < value.n) {
            c = value.p[++i];
            if (c == 'n' || c == 'N')
                c = ' ';
        }
        text[n++] = c;
    }
    r->event.name = str_n(text, n);
    return ERR_OK;
}

static const struct {
    const char *name;
    enum errc (*read)(struct reader *r, struct str value);
} properties[] = {
    { "DTSTART", read_start },   { "DTEND", read_end },  { "DURATION", read_duration },
    { "SUMMARY", read_summary }, { "RRULE", read_rule }, { "RDATE", read_more },
    { "EXDATE", read_except },
};

/* --- lines --------------------------------------------------------------------------------------- */

/* A line that begins with white space goes on with the one before. */
static bool next_line(struct reader *r)
{
    struct str line;

    if (!r->rest.n)
        return false;
    buf_reset(&r->line);
    r->line_no = r->next_no;
    do {
        (void)str_cut(r->rest, '\n', &line, &r->rest); /* the last one may end without */
        if (r->line.n)
            line = str_from(line, 1);
        buf_add_str(&r->line, str_ends(line, STR("\r")) ? str_slice(line, 0, line.n - 1) : line);
        r->next_no++;
    } while (r->rest.n && r->line.n && (r->rest.p[0] == ' ' || r->rest.p[0] == '\t'));
    return true;
}

/* "NAME;PARAMETER="a:b":value"; no parameter matters here. */
static bool split_line(struct str line, struct str *name, struct str *value)
{
    bool quoted = false;
    size_t i, name_n = line.n;

    for (i = 0; i < line.n && (quoted || line.p[i] != ':'); i++) {
        if (line.p[i] == '"')
            quoted = !quoted;
        if (line.p[i] == ';')
            name_n = MIN(name_n, i);
    }
    *name = str_slice(line, 0, MIN(name_n, i));
    *value = str_trim(str_from(line, MIN(i + 1, line.n)));
    return i < line.n;
}

static enum errc read_line(struct reader *r)
{
    struct str name, value;
    size_t i;

    if (!split_line(buf_str(&r->line), &name, &value))
        return r->line.n ? mistake(r, ERR_INVALID, "has no colon") : ERR_OK;
    if (str_ieq_c(name, "BEGIN")) {
        if (++r->depth == 2 && str_ieq_c(value, "VEVENT"))
            begin_event(r);
        return ERR_OK;
    }
    if (str_ieq_c(name, "END")) {
        if (--r->depth < 0)
            return mistake(r, ERR_INVALID, "ends what has not begun");
        return r->depth == 1 && r->in_event ? end_event(r) : ERR_OK;
    }
    for (i = 0; r->in_event && r->depth == 2 && i < ARRAY_LEN(properties); i++) {
        if (str_ieq_c(name, properties[i].name))
            return properties[i].read(r, value);
    }
    return ERR_OK;
}

static enum errc read_calendar(struct reader *r, struct str ics)
{
    enum errc rc = ERR_OK;

    r->rest = str_starts(ics, STR("\xEF\xBB\xBF")) ? str_from(ics, 3) : ics;
    if (!str_istarts(r->rest, STR("BEGIN:VCALENDAR")))
        return err_set(r->err, ERR_INVALID, "is no iCalendar file");
    if (!str_utf8_valid(r->rest))
        return err_set(r->err, ERR_INVALID, "is not UTF-8");
    while (!rc && next_line(r))
        rc = read_line(r);
    if (!rc && r->depth)
        rc = mistake(r, ERR_INVALID, "the file ends too early");
    if (!rc && !r->n)
        rc = err_set(r->err, ERR_INVALID, "holds no whole-day event");
    return rc;
}

enum errc holidays_parse(struct profile_exception **ret, size_t *ret_n, struct arena *a,
                         struct str ics, struct err *err)
{
    struct reader *r = ARENA_NEW(a, struct reader);
    enum errc rc;

    r->arena = a;
    r->err = err;
    r->next_no = 1;
    buf_init(&r->line, ics.n + 1);
    rc = read_calendar(r, ics);
    buf_release(&r->line);
    if (rc)
        return rc;
    *ret = r->items;
    *ret_n = r->n;
    return ERR_OK;
}
