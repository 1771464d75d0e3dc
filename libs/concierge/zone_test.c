#include "concierge/zone.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "test.h"

static const struct zone *load(struct arena *a, const char *name)
{
    const struct zone *z = NULL;
    struct err err = ERR_INIT;

    if (zone_load(&z, a, str_c(name), &err))
        FAIL_TEST("%s", err.text);
    return z;
}

static int64_t utc(const char *rfc3339)
{
    int64_t us = 0;

    CHECK_OK(time_parse_rfc3339(str_c(rfc3339), &us));
    return us / 1000000;
}

TEST(dates_and_day_numbers_agree_over_four_centuries)
{
    int64_t days;
    struct date d = { 1900, 1, 1 };

    CHECK_INT(date_days((struct date){ 1970, 1, 1 }), 0);
    for (days = date_days(d); days < date_days((struct date){ 2300, 1, 1 }); days++) {
        d = date_of_days(days);
        if (date_days(d) != days)
            FAIL_TEST("day %lld does not come back", (long long)days);
    }
    CHECK_INT(date_weekday((struct date){ 2026, 11, 24 }), 1); /* a Tuesday */
    CHECK_INT(date_weekday((struct date){ 2024, 2, 29 }), 3);
}

TEST(date_parse_takes_only_real_dates)
{
    static const char *const bad[] = { "",          "2026-02-29", "2026-13-01",  "2026-00-10",
                                       "2026-1-1",  "26-11-24",   "2026-11-24x", "2026/11/24",
                                       "2026-11-3a" };
    struct date d = { 0 };
    size_t i;

    CHECK_OK(date_parse(STR("2024-02-29"), &d));
    CHECK_INT(d.day, 29);
    for (i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_RC(ERR_INVALID, date_parse(str_c(bad[i]), &d));
}

TEST(minute_parse_takes_times_of_a_day)
{
    int m = -1;

    CHECK_OK(minute_parse(STR("9:05"), &m));
    CHECK_INT(m, 545);
    CHECK_OK(minute_parse(STR("24:00"), &m));
    CHECK_INT(m, 1440);
    CHECK_RC(ERR_INVALID, minute_parse(STR("24:01"), &m));
    CHECK_RC(ERR_INVALID, minute_parse(STR("9:5"), &m));
    CHECK_RC(ERR_INVALID, minute_parse(STR("9"), &m));
    CHECK_RC(ERR_INVALID, minute_parse(STR("ab:cd"), &m));
}

TEST(berlin_changes_its_clock_at_one_utc)
{
    struct arena a = ARENA_INIT;
    const struct zone *z = load(&a, "Europe/Berlin");

    CHECK_INT(zone_offset_s(z, utc("2026-03-29T00:59:59Z")), 3600);
    CHECK_INT(zone_offset_s(z, utc("2026-03-29T01:00:00Z")), 7200);
    CHECK_INT(zone_offset_s(z, utc("2026-10-25T00:59:59Z")), 7200);
    CHECK_INT(zone_offset_s(z, utc("2026-10-25T01:00:00Z")), 3600);
    arena_release(&a);
}

TEST(a_skipped_time_moves_on_and_a_repeated_one_is_the_first)
{
    struct arena a = ARENA_INIT;
    const struct zone *z = load(&a, "Europe/Berlin");

    CHECK_INT(zone_utc(z, (struct date){ 2026, 3, 29 }, 150), utc("2026-03-29T01:30:00Z"));
    CHECK_INT(zone_utc(z, (struct date){ 2026, 10, 25 }, 150), utc("2026-10-25T00:30:00Z"));
    CHECK_INT(zone_utc(z, (struct date){ 2026, 10, 25 }, 0), utc("2026-10-24T22:00:00Z"));
    CHECK_INT(zone_utc(z, (struct date){ 2026, 10, 26 }, 0), utc("2026-10-25T23:00:00Z"));
    CHECK_INT(zone_utc(z, (struct date){ 2026, 11, 26 }, 540), utc("2026-11-26T08:00:00Z"));
    arena_release(&a);
}

TEST(local_time_just_before_midnight_is_still_today)
{
    struct arena a = ARENA_INIT;
    const struct zone *z = load(&a, "Europe/Berlin");
    struct local_time t = zone_local(z, utc("2026-11-24T22:58:30Z"));
    char text[LOCAL_TEXT_MAX];

    local_text(text, t);
    CHECK_STR(str_c(text), "2026-11-24T23:58");
    CHECK_INT(t.second, 30);
    CHECK_INT(t.weekday, 1);
    arena_release(&a);
}

/* The C library reads the same files by other code. */
TEST(offsets_agree_with_the_c_library_in_every_week)
{
    static const char *const names[] = { "Europe/Berlin",       "America/New_York",
                                         "Australia/Lord_Howe", "Asia/Kolkata",
                                         "America/Sao_Paulo",   "Africa/Casablanca",
                                         "Pacific/Auckland",    "UTC" };
    struct arena a = ARENA_INIT;
    int64_t at, end = utc("2036-12-25T00:00:00Z");
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        const struct zone *z = load(&a, names[i]);

        setenv("TZ", names[i], 1);
        tzset();
        for (at = utc("2020-01-05T00:30:00Z"); at < end; at += 7 * 86400 + 3600) {
            time_t t = (time_t)at;
            struct tm tm;

            localtime_r(&t, &tm);
            if (zone_offset_s(z, at) != tm.tm_gmtoff)
                FAIL_TEST("%s at %lld: %d, C library %ld", names[i], (long long)at,
                          zone_offset_s(z, at), tm.tm_gmtoff);
        }
    }
    unsetenv("TZ");
    tzset();
    arena_release(&a);
}

TEST(zone_load_refuses_names_that_are_paths)
{
    static const char *const bad[] = { "",
                                       "Europe/Atlantis",
                                       "../etc/passwd",
                                       "/etc/passwd",
                                       "Europe/../../etc/passwd",
                                       "Europe/Ber lin" };
    struct arena a = ARENA_INIT;
    const struct zone *z = NULL;
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_RC(ERR_NOT_FOUND, zone_load(&z, &a, str_c(bad[i]), &err));
    CHECK_CONTAINS(str_c(err.text), "Europe/Berlin");
    arena_release(&a);
}
