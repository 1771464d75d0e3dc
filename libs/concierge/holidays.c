#include "concierge/holidays.h"

#include <libical/ical.h>

struct collector {
    struct arena *arena;
    struct profile_exception *items;
    size_t n;
    struct str name;
    int days; /* of one occurrence */
    bool full;
};

static void add_day(struct collector *c, struct date d)
{
    if (d.year < ZONE_YEAR_FIRST || d.year > ZONE_YEAR_LAST)
        return;
    if (c->n == HOLIDAYS_MAX) {
        c->full = true;
        return;
    }
    c->items[c->n++] = (struct profile_exception){ .date = d, .name = c->name, .holiday = true };
}

static void on_occurrence(icalcomponent *comp, struct icaltime_span *span, void *data)
{
    struct collector *c = data;
    /* Whole days are floating: libical gives their midnight as if it were UTC. */
    struct date first = date_of_days(span->start / DAY_S);
    int i;

    (void)comp;
    for (i = 0; i < c->days; i++)
        add_day(c, date_add(first, i));
}

static int days_of(icalcomponent *event)
{
    struct icaltimetype start = icalcomponent_get_dtstart(event),
                        end = icalcomponent_get_dtend(event);
    int64_t days = 1;

    if (!icaltime_is_null_time(end))
        days = date_days((struct date){ end.year, end.month, end.day }) -
               date_days((struct date){ start.year, start.month, start.day });
    return days < 1 ? 1 : (int)(days > HOLIDAY_DAYS_MAX ? HOLIDAY_DAYS_MAX : days);
}

static void add_event(struct collector *c, icalcomponent *event)
{
    struct icaltimetype start = icalcomponent_get_dtstart(event);
    struct icaltimetype first = icaltime_from_string("20200101T000000Z");
    struct icaltimetype last = icaltime_from_string("20370101T000000Z");

    if (icaltime_is_null_time(start) || !start.is_date)
        return; /* an appointment with hours closes no day */
    c->name = arena_str(c->arena, str_c(icalcomponent_get_summary(event)));
    c->days = days_of(event);
    icalcomponent_foreach_recurrence(event, first, last, on_occurrence, c);
}

enum errc holidays_parse(struct profile_exception **ret, size_t *ret_n, struct arena *a,
                         struct str ics, struct err *err)
{
    struct collector c = { .arena = a };
    icalcomponent *root = icalparser_parse_string(arena_cstr(a, ics)), *event;

    if (!root)
        return err_set(err, ERR_INVALID, "is no iCalendar file");
    c.items = ARENA_ARRAY(a, struct profile_exception, HOLIDAYS_MAX);
    for (event = icalcomponent_get_first_component(root, ICAL_VEVENT_COMPONENT); event;
         event = icalcomponent_get_next_component(root, ICAL_VEVENT_COMPONENT))
        add_event(&c, event);
    icalcomponent_free(root);
    if (c.full)
        return err_set(err, ERR_LIMIT, "holds more than %d closed days", HOLIDAYS_MAX);
    if (!c.n)
        return err_set(err, ERR_INVALID, "holds no whole-day event");
    *ret = c.items;
    *ret_n = c.n;
    return ERR_OK;
}
