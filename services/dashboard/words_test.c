#include "dashboard/words.h"

#include "base/clock.h"
#include "test.h"

TEST(words_money_is_to_the_cent_and_exact_beside)
{
    static const struct {
        int64_t micro;
        const char *cents, *exact;
    } rows[] = {
        { 0, "$0.00", "$0.000000" },          { 1, "under $0.01", "$0.000001" },
        { 9999, "under $0.01", "$0.009999" }, { 10000, "$0.01", "$0.010000" },
        { 14999, "$0.01", "$0.014999" },      { 15000, "$0.02", "$0.015000" },
        { 1995000, "$2.00", "$1.995000" },    { 1234567890, "$1234.57", "$1234.567890" },
        { -20000, "-$0.02", "-$0.020000" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_STR(words_money(&a, rows[i].micro), rows[i].cents);
        CHECK_STR(words_money_exact(&a, rows[i].micro), rows[i].exact);
    }
    arena_release(&a);
}

TEST(words_lengths_and_positions_read_as_people_say_them)
{
    static const struct {
        int64_t ms;
        const char *length, *position, *wait;
    } rows[] = {
        { 0, "0 s", "0:00", "0 ms" },
        { 999, "1 s", "0:00", "999 ms" },
        { 1000, "1 s", "0:01", "1.0 s" },
        { 59499, "59 s", "0:59", "59.5 s" },
        { 59500, "1 min 00 s", "0:59", "59.5 s" },
        { 125000, "2 min 05 s", "2:05", "125.0 s" },
        { 3600000, "1 h 00 min", "1:00:00", "3600.0 s" },
        { 3725000, "1 h 02 min", "1:02:05", "3725.0 s" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_STR(words_duration(&a, rows[i].ms), rows[i].length);
        CHECK_STR(words_position(&a, rows[i].ms), rows[i].position);
        CHECK_STR(words_ms(&a, rows[i].ms), rows[i].wait);
    }
    arena_release(&a);
}

TEST(words_percent_stays_within_the_picture)
{
    struct arena a = ARENA_INIT;

    CHECK_STR(words_percent(&a, 1, 8), "12.500%");
    CHECK_STR(words_percent(&a, 9, 8), "100.000%");
    CHECK_STR(words_percent(&a, -1, 8), "0.000%");
    CHECK_STR(words_percent(&a, 1, 0), "0.000%");
    arena_release(&a);
}

static int64_t at(const char *text)
{
    int64_t us = 0;

    CHECK_OK(time_parse_rfc3339(str_c(text), &us));
    return us;
}

TEST(words_times_are_the_business_s_own)
{
    struct arena a = ARENA_INIT;
    const struct zone *berlin;
    int64_t now = at("2026-10-25T12:00:00Z"); /* the clocks went back that night */

    CHECK_OK(zone_load(&berlin, &a, STR("Europe/Berlin"), NULL));
    CHECK_STR(words_time(&a, berlin, at("2026-10-25T00:30:00Z")), "02:30");
    CHECK_STR(words_time(&a, berlin, at("2026-10-25T01:30:00Z")), "02:30");
    CHECK_STR(words_time(&a, berlin, at("2026-10-25T02:30:00Z")), "03:30");
    CHECK_STR(words_date_time(&a, berlin, at("2026-09-01T07:05:59Z")), "Tue 1 Sep 2026, 09:05");
    CHECK_STR(words_day(&a, berlin, at("2026-10-24T22:00:00Z"), now), "Today");
    CHECK_STR(words_day(&a, berlin, at("2026-10-24T21:59:59Z"), now), "Yesterday");
    CHECK_STR(words_day(&a, berlin, at("2026-10-23T12:00:00Z"), now), "Friday 23 October 2026");
    arena_release(&a);
}

TEST(words_of_stored_names)
{
    struct arena a = ARENA_INIT;

    CHECK_STR(words_of_name(&a, STR("lead_review")), "Lead review");
    CHECK_STR(words_of_name(&a, STR("holdSlot")), "Hold slot");
    CHECK_STR(words_of_name(&a, STR("RE")), "RE");
    CHECK_STR(words_of_name(&a, STR_EMPTY), "");
    CHECK_STR(words_sentence(&a, STR("an appointment")), "An appointment");
    CHECK_STR(words_sentence(&a, STR("\xc3\xa4h")), "\xc3\xa4h");
    arena_release(&a);
}

TEST(words_json_is_laid_out_and_strings_stay_as_they_are)
{
    struct arena a = ARENA_INIT;

    CHECK_STR(words_json(&a, STR("{\"a\":[1,{\"b\":\"{\\\"x\\\":[1,2]}\"}],\"c\":{},\"d\":[]}")),
              "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"{\\\"x\\\":[1,2]}\"\n    }\n  ],\n"
              "  \"c\": {},\n  \"d\": []\n}");
    CHECK_STR(words_json(&a, STR("\"ends with \\\\\"")), "\"ends with \\\\\"");
    CHECK_STR(words_json(&a, STR("null")), "null");
    arena_release(&a);
}
