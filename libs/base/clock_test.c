#include "base/clock.h"

#include <pthread.h>
#include <time.h>

#include "test.h"

static const int64_t MS = 1000;

TEST(system_clock_is_now_and_shifted_by_the_offset)
{
    struct clock now = clock_system(0), later = clock_system(MS * 1000 * 3600);
    int64_t before = (int64_t)time(NULL);

    CHECK(clock_wall_s(&now) >= before && clock_wall_s(&now) <= before + 10);
    CHECK(clock_wall_s(&later) >= before + 3600 && clock_wall_s(&later) <= before + 3610);
    CHECK(clock_mono_us(&later) - clock_mono_us(&now) < MS * 1000 * 10);
    CHECK(clock_mono_us(&now) <= clock_mono_us(&now));
}

static void *sleep_50_ms(void *clock)
{
    clock_sleep_ms(clock, 50);
    return NULL;
}

TEST(fake_clock_lets_threads_sleep_in_its_time)
{
    struct clock_fake f;
    pthread_t thread;

    clock_fake_init(&f, 0);
    clock_fake_sleeps(&f);
    CHECK_INT(pthread_create(&thread, NULL, sleep_50_ms, &f.clock), 0);
    while (clock_fake_asleep(&f) == 0)
        ; /* it is about to */
    clock_fake_advance_ms(&f, 49);
    CHECK_INT(clock_fake_asleep(&f), 1);
    clock_fake_advance_ms(&f, 1);
    CHECK_INT(clock_fake_asleep(&f), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

TEST(fake_clock_moves_only_when_told)
{
    struct clock_fake f;
    int64_t mono;

    clock_fake_init(&f, 1700000000123456);
    mono = clock_mono_ms(&f.clock);
    CHECK_INT(clock_wall_us(&f.clock), 1700000000123456);
    CHECK_INT(clock_wall_ms(&f.clock), 1700000000123);
    CHECK_INT(clock_wall_s(&f.clock), 1700000000);
    clock_fake_advance_ms(&f, 1500);
    CHECK_INT(clock_mono_ms(&f.clock) - mono, 1500);
    CHECK_INT(clock_mono_us(&f.clock), f.mono_us_now);
    CHECK_INT(clock_wall_ms(&f.clock), 1700000001623);
}

static const struct {
    const char *text;
    int64_t s;
} instants[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1969-12-31T23:59:59Z", -1 },
    { "2000-02-29T12:00:00Z", 951825600 },
    { "2000-03-01T00:00:00Z", 951868800 },
    { "1900-03-01T00:00:00Z", -2203891200 },
    { "2024-02-29T23:59:59Z", 1709251199 },
    { "2024-03-01T00:00:00Z", 1709251200 },
    { "2025-12-31T23:59:59Z", 1767225599 },
    { "2026-11-24T09:00:00Z", 1795510800 },
    { "2038-01-19T03:14:08Z", 2147483648 },
    { "0000-01-01T00:00:00Z", -62167219200 },
    { "0001-01-01T00:00:00Z", -62135596800 },
    { "9999-12-31T23:59:59Z", 253402300799 },
};

TEST(rfc3339_is_written_and_read_back)
{
    char text[TIME_TEXT_MAX];
    int64_t us;
    size_t i;

    for (i = 0; i < ARRAY_LEN(instants); i++) {
        time_rfc3339_s(text, instants[i].s);
        CHECK_STR(str_c(text), instants[i].text);
        CHECK_OK(time_parse_rfc3339(str_c(text), &us));
        CHECK_INT(us, instants[i].s * 1000000);
    }
}

TEST(rfc3339_has_six_fraction_digits)
{
    char text[TIME_TEXT_MAX];

    time_rfc3339(text, 1795510800000001);
    CHECK_STR(str_c(text), "2026-11-24T09:00:00.000001Z");
    time_rfc3339(text, 1795510800999999);
    CHECK_STR(str_c(text), "2026-11-24T09:00:00.999999Z");
    time_rfc3339(text, -1);
    CHECK_STR(str_c(text), "1969-12-31T23:59:59.999999Z");
}

TEST(any_number_fits_into_the_time_texts)
{
    char text[TIME_TEXT_MAX];

    time_rfc3339(text, INT64_MAX);
    CHECK_STR(str_c(text), "294247-01-10T04:00:54.775807Z");
    time_rfc3339(text, INT64_MIN);
    CHECK_STR(str_c(text), "-290308-12-21T19:59:05.224192Z");
    time_rfc3339_s(text, INT64_MAX);
    CHECK_STR(str_c(text), "292277026596-12-04T15:30:07Z");
    time_rfc2822(text, INT64_MAX);
    CHECK_STR(str_c(text), "Sun, 04 Dec 292277026596 15:30:07 +0000");
}

TEST(each_day_of_a_thousand_years_is_read_back)
{
    char text[TIME_TEXT_MAX];
    int64_t day, us, s;

    for (day = -180000; day < 190000; day++) {
        time_rfc3339_s(text, day * 86400 + 4711);
        CHECK_OK(time_parse_rfc3339(str_c(text), &us));
        CHECK_INT(us, (day * 86400 + 4711) * 1000000);
        time_rfc2822(text, day * 86400 + 4711);
        CHECK_OK(time_parse_rfc2822(str_c(text), &s));
        CHECK_INT(s, day * 86400 + 4711);
    }
}

TEST(rfc3339_is_parsed_with_offsets_and_fractions)
{
    static const int64_t nine = 1795510800000000; /* 2026-11-24T09:00:00Z */
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        { "2026-11-24T10:00:00+01:00", 0 },         { "2026-11-24T01:00:00-08:00", 0 },
        { "2026-11-24T14:30:00+05:30", 0 },         { "2026-11-25T08:59:00+23:59", 0 },
        { "2026-11-24T09:00:00-00:00", 0 },         { "2026-11-24t09:00:00z", 0 },
        { "2026-11-24T09:00:00.5Z", 500000 },       { "2026-11-24T09:00:00.123Z", 123000 },
        { "2026-11-24T09:00:00.123456Z", 123456 },  { "2026-11-24T09:00:00.123456789Z", 123456 },
        { "2026-11-24T09:00:00.000000999Z", 0 },    { "2026-11-24T08:59:60Z", 0 },
        { "2026-11-24T10:00:00.25+01:00", 250000 },
    };
    int64_t us;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        if (time_parse_rfc3339(str_c(cases[i].text), &us) || us != nine + cases[i].us)
            FAIL_TEST("%s", cases[i].text);
    }
}

TEST(rfc3339_refuses_what_is_no_time)
{
    static const char *const cases[] = {
        "",
        "2026",
        "2026-11-24",
        "2026-11-24T09:00Z",
        "2026-11-24T09:00:00",
        "2026-11-24 09:00:00Z",
        "2026-11-24T09:00:00.Z",
        "2026-11-24T09:00:00.1234567890Z",
        "2026-11-24T09:00:00ZZ",
        "2026-11-24T09:00:00Z ",
        " 2026-11-24T09:00:00Z",
        "2026-11-24T09:00:00+0100",
        "2026-11-24T09:00:00+01",
        "2026-11-24T09:00:00+24:00",
        "2026-11-24T09:00:00+01:60",
        "2026-13-24T09:00:00Z",
        "2026-00-24T09:00:00Z",
        "2026-11-31T09:00:00Z",
        "2026-11-00T09:00:00Z",
        "2026-02-29T09:00:00Z",
        "1900-02-29T09:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T09:60:00Z",
        "2026-11-24T09:00:60Z",
        "2026-11-24T09:59:61Z",
        "26-11-24T09:00:00Z",
        "-026-11-24T09:00:00Z",
        "2026-1-24T09:00:00Z",
        "2026-11-24T-1:00:00Z",
        "2026/11/24T09:00:00Z",
        "2026-11-24T09:00:00.-1Z",
    };
    int64_t us = 4711;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        if (time_parse_rfc3339(str_c(cases[i]), &us) != ERR_INVALID || us != 4711)
            FAIL_TEST("%s", cases[i]);
    }
}

TEST(rfc2822_is_written_as_twilio_does)
{
    char text[TIME_TEXT_MAX];

    time_rfc2822(text, 1795510800);
    CHECK_STR(str_c(text), "Tue, 24 Nov 2026 09:00:00 +0000");
    time_rfc2822(text, 0);
    CHECK_STR(str_c(text), "Thu, 01 Jan 1970 00:00:00 +0000");
    time_rfc2822(text, -1);
    CHECK_STR(str_c(text), "Wed, 31 Dec 1969 23:59:59 +0000");
}

TEST(rfc2822_is_parsed_with_its_usual_variants)
{
    static const char *const cases[] = {
        "Tue, 24 Nov 2026 09:00:00 +0000", "24 Nov 2026 09:00:00 +0000",
        "Tue, 24 Nov 2026 10:00:00 +0100", "Tue, 24 Nov 2026 01:00:00 -0800",
        "Tue, 24 Nov 2026 09:00:00 GMT",   "tue, 24 nov 2026 09:00:00 Z",
    };
    int64_t s;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        if (time_parse_rfc2822(str_c(cases[i]), &s) || s != 1795510800)
            FAIL_TEST("%s", cases[i]);
    }
    CHECK_OK(time_parse_rfc2822(STR("Sun, 1 Nov 2026 09:00:00 +0000"), &s));
    CHECK_INT(s, 1793523600);
}

TEST(rfc2822_refuses_what_is_no_time)
{
    static const char *const cases[] = {
        "",
        "Tue, 24 Nov 2026",
        "Tue 24 Nov 2026 09:00:00 +0000",
        "Tue,24 Nov 2026 09:00:00 +0000",
        "Xyz, 24 Nov 2026 09:00:00 +0000",
        "Tue, 24 Nix 2026 09:00:00 +0000",
        "Tue, 31 Nov 2026 09:00:00 +0000",
        "Tue, 24 Nov 26 09:00:00 +0000",
        "Tue, 24 Nov 2026 25:00:00 +0000",
        "Tue, 24 Nov 2026 09:00:00",
        "Tue, 24 Nov 2026 09:00:00 +00:00",
        "Tue, 24 Nov 2026 09:00:00 +00000",
        "Tue, 24 Nov 2026 09:00:00 EST",
        "Tue, 024 Nov 2026 09:00:00 +0000",
    };
    int64_t s = 4711;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        if (time_parse_rfc2822(str_c(cases[i]), &s) != ERR_INVALID || s != 4711)
            FAIL_TEST("%s", cases[i]);
    }
}
