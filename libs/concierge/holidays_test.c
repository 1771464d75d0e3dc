#include "concierge/holidays.h"

#include "base/buf.h"
#include "base/macros.h"
#include "test.h"

#define CALENDAR(events) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" events "END:VCALENDAR\r\n"
#define EVENT(lines) "BEGIN:VEVENT\r\n" lines "END:VEVENT\r\n"

/* "2026-05-01 Labour Day; …", at most the first five; or what is said of a file that is refused. */
static struct str days_of(struct arena *a, const char *ics)
{
    struct buf b = BUF_INIT(4096);
    struct profile_exception *days = NULL;
    struct err err = ERR_INIT;
    char date[DATE_TEXT_MAX];
    size_t i, n = 0;
    struct str text;

    if (holidays_parse(&days, &n, a, str_c(ics), &err))
        buf_add_c(&b, err.text);
    for (i = 0; i < MIN(n, 5); i++) {
        date_text(date, days[i].date);
        buf_addf(&b, "%s%s " STR_FMT, i ? "; " : "", date, STR_ARG(days[i].name));
    }
    text = arena_str(a, buf_str(&b));
    buf_release(&b);
    return text;
}

static const struct {
    const char *name, *ics, *want;
} rows[] = {
    { "one day", CALENDAR(EVENT("DTSTART;VALUE=DATE:20260501\r\nSUMMARY:Labour Day\r\n")),
      "2026-05-01 Labour Day" },
    { "bare line feeds, small letters, no last line end",
      "begin:vcalendar\nbegin:vevent\ndtstart:20260501\nsummary:A\nend:vevent\nend:vcalendar",
      "2026-05-01 A" },
    { "a byte order mark", "\xEF\xBB\xBF" CALENDAR(EVENT("DTSTART:20260501\r\nSUMMARY:A\r\n")),
      "2026-05-01 A" },
    { "a folded line",
      CALENDAR(EVENT("DTSTART:2026\r\n 0501\r\nSUMMARY:Lab\r\n our\r\n\t  Day\r\n")),
      "2026-05-01 Labour  Day" },
    { "escaped text", CALENDAR(EVENT("DTSTART:20260501\r\nSUMMARY:a\\, b\\; c\\\\\\nd\\\r\n")),
      "2026-05-01 a, b; c\\ d\\" },
    { "a colon in a parameter",
      CALENDAR(EVENT("DTSTART:20260501\r\nSUMMARY;ALTREP=\"http://a;b\":A: b\r\n")),
      "2026-05-01 A: b" },
    { "up to DTEND, which does not count",
      CALENDAR(EVENT("DTEND;VALUE=DATE:20270102\r\nDTSTART;VALUE=DATE:20261230\r\n")),
      "2026-12-30 ; 2026-12-31 ; 2027-01-01 " },
    { "a duration", CALENDAR(EVENT("DTSTART:20261230\r\nDURATION:P2D\r\nSUMMARY:A\r\n")),
      "2026-12-30 A; 2026-12-31 A" },
    { "each year, since long ago",
      CALENDAR(EVENT("DTSTART:19491003\r\nRRULE:FREQ=YEARLY;UNTIL=20221003\r\nSUMMARY:A\r\n")),
      "2020-10-03 A; 2021-10-03 A; 2022-10-03 A" },
    { "the fourth Thursday of November",
      CALENDAR(EVENT("DTSTART:20251127\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3\r\n")),
      "2025-11-27 ; 2026-11-26 ; 2027-11-25 " },
    { "two rules",
      CALENDAR(EVENT("DTSTART:20260101\r\nRRULE:FREQ=YEARLY;COUNT=2\r\n"
                     "RRULE:FREQ=DAILY;COUNT=2\r\n")),
      "2026-01-01 ; 2027-01-01 ; 2026-01-01 ; 2026-01-02 " },
    { "further days, and exceptions",
      CALENDAR(EVENT("DTSTART:20260101\r\nRRULE:FREQ=YEARLY;COUNT=4\r\nRDATE;VALUE=DATE:20260707,"
                     "20260808\r\nEXDATE;VALUE=DATE:20270101,20260808\r\n"
                     "EXDATE:20280101T000000\r\nSUMMARY:A\r\n")),
      "2026-01-01 A; 2029-01-01 A; 2026-07-07 A" },
    { "the next event begins empty",
      CALENDAR(EVENT("DTSTART:20260101\r\nRRULE:FREQ=YEARLY;COUNT=2\r\nEXDATE:20270707\r\n"
                     "DTEND:20260103\r\nSUMMARY:A\r\n") EVENT("DTSTART:20270707\r\n")),
      "2026-01-01 A; 2026-01-02 A; 2027-01-01 A; 2027-01-02 A; 2027-07-07 " },
    { "an alarm's own lines, an appointment, a time zone's rules",
      CALENDAR("BEGIN:VTIMEZONE\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n"
               "RRULE:FREQ=NONSENSE\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" EVENT(
                   "DTSTART:20260101T090000\r\nRRULE:FREQ=HOURLY\r\n")
                   EVENT("DTSTART:20260501\r\nBEGIN:VALARM\r\nDTSTART:20260601\r\n"
                         "SUMMARY:B\r\nEND:VALARM\r\nSUMMARY:A\r\n")),
      "2026-05-01 A" },
    { "no calendar", "BEGIN:VEVENT\r\n", "is no iCalendar file" },
    { "nothing", "", "is no iCalendar file" },
    { "nothing closed", CALENDAR(""), "holds no whole-day event" },
    { "not UTF-8", CALENDAR(EVENT("DTSTART:20260501\r\nSUMMARY:Himmelfahrt \xFC\r\n")),
      "is not UTF-8" },
    { "cut off", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260501\r\nEND:VEVENT\r\n",
      "line 4: the file ends too early" },
    { "too many ends", CALENDAR(EVENT("DTSTART:20260501\r\n")) "END:VCALENDAR\r\n",
      "line 7: ends what has not begun" },
    { "no colon", CALENDAR("VERSION\r\n"), "line 3: has no colon" },
    { "no date", CALENDAR(EVENT("SUMMARY:A\r\n b\r\nDTSTART:2026\r\n")),
      "line 6: must hold a date like 20261226" },
    { "no such date", CALENDAR(EVENT("DTSTART:20260229\r\n")),
      "line 4: holds a date that does not exist" },
    { "no rule", CALENDAR(EVENT("DTSTART:20260501\r\nRRULE:FREQ=NONSENSE\r\n")),
      "line 6: ends an event whose RRULE is no rule for whole days" },
    { "each hour", CALENDAR(EVENT("DTSTART:20260501\r\nRRULE:FREQ=HOURLY\r\n")),
      "line 6: ends an event whose RRULE is no rule for whole days" },
    { "each day", CALENDAR(EVENT("DTSTART:20260501\r\nRRULE:FREQ=DAILY\r\n")),
      "holds more than 2000 closed days" },
};

TEST(holidays_are_the_whole_days_of_a_calendar)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = ARENA_INIT;
        struct str got = days_of(&a, rows[i].ics);

        if (!str_eq_c(got, rows[i].want))
            FAIL_TEST("%s: \"" STR_FMT "\", not \"%s\"", rows[i].name, STR_ARG(got), rows[i].want);
        arena_release(&a);
    }
}

TEST(an_event_has_a_largest_number_of_rules_and_dates)
{
    static const struct {
        const char *line, *want;
        size_t n;
    } lists[] = { { "RRULE:FREQ=YEARLY;COUNT=1\r\n", "line 12: one rule too many for an event", 9 },
                  { "RDATE:20260101\r\n", "line 260: one date too many for an event", 257 },
                  { "EXDATE:20260101\r\n", "line 260: one date too many for an event", 257 } };
    size_t i, j;

    for (i = 0; i < ARRAY_LEN(lists); i++) {
        struct buf b = BUF_INIT(65536);
        struct arena a = ARENA_INIT;

        buf_add_c(&b, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260501\r\n");
        for (j = 0; j < lists[i].n; j++)
            buf_add_c(&b, lists[i].line);
        CHECK_STR(days_of(&a, buf_cstr(&b)), lists[i].want);
        arena_release(&a);
        buf_release(&b);
    }
}
