#include "concierge/zone_file.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/macros.h"
#include "base/mem.h"
#include "test.h"

enum { CHANGES_MAX = 100, STEP_S = 5 * 86400 + 3600 };

static const int64_t from_s = 1577836800; /* 2020-01-01 */
static const int64_t to_s = 2114380800;   /* 2037-01-01 */

static int offset_at(const struct zone_change *c, size_t n, int64_t at_s)
{
    while (n > 1 && c[n - 1].at_s > at_s)
        n--;
    return c[n - 1].offset_s;
}

static int offset_of_the_c_library(int64_t at_s)
{
    time_t t = (time_t)at_s;
    struct tm tm;

    localtime_r(&t, &tm);
    return (int)tm.tm_gmtoff;
}

/* `tz` is what the C library takes: a rule, or the name of a file of its own. */
static void check_against_the_c_library(const char *tz, struct str file)
{
    struct zone_change c[CHANGES_MAX];
    int64_t at;
    size_t i, n = 0;

    if (zone_file_changes(file, from_s, to_s, c, CHANGES_MAX, &n))
        FAIL_TEST("%s is refused", tz);
    setenv("TZ", tz, 1);
    tzset();
    for (at = from_s; at < to_s; at += STEP_S) {
        if (offset_at(c, n, at) != offset_of_the_c_library(at))
            FAIL_TEST("%s at %lld: %d, C library %d", tz, (long long)at, offset_at(c, n, at),
                      offset_of_the_c_library(at));
    }
    for (i = 1; i < n; i++) {
        if (offset_of_the_c_library(c[i].at_s) != c[i].offset_s ||
            offset_of_the_c_library(c[i].at_s - 1) != c[i - 1].offset_s)
            FAIL_TEST("%s does not change at %lld", tz, (long long)c[i].at_s);
    }
    unsetenv("TZ");
    tzset();
}

/* --- files of our own ------------------------------------------------------------------------------ */

static void add_be(struct buf *b, int64_t v, int bytes)
{
    while (bytes-- > 0)
        buf_add_char(b, (char)(uint8_t)((uint64_t)v >> (8 * bytes)));
}

static void add_header(struct buf *b, size_t n_leaps, size_t n_times, size_t n_types)
{
    size_t i;

    buf_add_c(b, "TZif2");
    for (i = 0; i < 15; i++)
        buf_add_char(b, '\0');
    add_be(b, 0, 4);
    add_be(b, 0, 4);
    add_be(b, (int64_t)n_leaps, 4);
    add_be(b, (int64_t)n_times, 4);
    add_be(b, (int64_t)n_types, 4);
    add_be(b, 4, 4);
}

/* A table whose i-th time begins the i-th offset after the first. */
static void make_file(struct buf *b, const int64_t *times, const int *offsets, size_t n,
                      const char *rule)
{
    size_t i;

    add_header(b, 0, 0, 0);
    buf_add(b, "ABC", 4);
    add_header(b, 0, n, n + 1);
    for (i = 0; i < n; i++)
        add_be(b, times[i], 8);
    for (i = 0; i < n; i++)
        add_be(b, (int64_t)i + 1, 1);
    for (i = 0; i <= n; i++) {
        add_be(b, offsets[i], 4);
        add_be(b, 0, 2);
    }
    buf_add(b, "ABC", 4);
    buf_addf(b, "\n%s\n", rule);
}

TEST(a_rule_means_what_it_means_to_the_c_library)
{
    static const char *const rules[] = {
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", /* summer over the turn of the year, half an hour */
        "IST-1GMT0,M10.5.0,M3.5.0/1",      /* winter time is the one that is off the standard */
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", /* at 23 h of the day before */
        "EET-2EEST,M3.4.4/50,M10.4.4/50",  /* two days later */
        "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
        "AAA-2BBB,J60/2:30,J300/3:15:30", /* the 60th day is March 1, leap year or not */
        "AAA3BBB,59,299",
        "AAA3:30BBB2,J10/0,J360/23",
        "<+0330>-3:30",
        "UTC0",
    };
    const int none = 0;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rules); i++) {
        struct buf b = BUF_INIT(ZONE_FILE_BYTES_MAX);

        make_file(&b, NULL, &none, 0, rules[i]);
        check_against_the_c_library(rules[i], buf_str(&b));
        buf_release(&b);
    }
}

TEST(every_zone_of_the_system_is_as_the_c_library_reads_it)
{
    struct buf names = BUF_INIT(ZONE_FILE_BYTES_MAX);
    struct str line, rest;
    struct arena a = ARENA_INIT;
    size_t n = 0;

    CHECK_OK(file_read(&names, "/usr/share/zoneinfo/zone.tab", NULL));
    for (rest = buf_str(&names); rest.n; n += line.n > 0) {
        struct buf file = BUF_INIT(ZONE_FILE_BYTES_MAX);
        struct str country, place, name;

        if (!str_cut(rest, '\n', &line, &rest))
            break;
        if (str_starts(line, STR("#")) || !str_cut(line, '\t', &country, &line) ||
            !str_cut(line, '\t', &place, &name))
            continue;
        (void)str_cut(name, '\t', &name, &place); /* a remark may follow */
        CHECK_OK(file_read(&file, arena_printf(&a, "/usr/share/zoneinfo/" STR_FMT, STR_ARG(name)).p,
                           NULL));
        check_against_the_c_library(arena_cstr(&a, name), buf_str(&file));
        buf_release(&file);
    }
    CHECK(n > 300);
    buf_release(&names);
    arena_release(&a);
}

TEST(the_table_holds_until_its_end_and_then_the_rule)
{
    /* 2019, 2021, 2022; the rule would change on 2021-03-28 too. */
    static const int64_t times[] = { 1546300800, 1609459200, 1640995200 };
    static const int offsets[] = { 60, 120, 180, 3600 };
    struct buf b = BUF_INIT(ZONE_FILE_BYTES_MAX);
    struct zone_change c[CHANGES_MAX];
    size_t n = 0;

    make_file(&b, times, offsets, 3, "CET-1CEST,M3.5.0,M10.5.0/3");
    CHECK_OK(zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n));
    CHECK_INT(c[0].offset_s, 120);
    CHECK_INT(c[1].at_s, 1609459200);
    CHECK_INT(c[1].offset_s, 180);
    CHECK_INT(c[2].at_s, 1640995200);
    CHECK_INT(c[2].offset_s, 3600);
    CHECK_INT(c[3].at_s, 1648342800); /* 2022-03-27T01:00:00Z */
    CHECK_INT(c[3].offset_s, 7200);
    CHECK_INT(n, 3 + 2 * 15);
    CHECK_RC(ERR_LIMIT, zone_file_changes(buf_str(&b), from_s, to_s, c, 3 + 2 * 15 - 1, &n));
    buf_release(&b);
}

/* RFC 8536, 3.3.1: each year's summer time begins when the last year's ends. The C library of today has three
 * hours of winter at the turn of the year. */
TEST(summer_time_may_last_all_year)
{
    const int none = 0;
    struct buf b = BUF_INIT(ZONE_FILE_BYTES_MAX);
    struct zone_change c[CHANGES_MAX];
    size_t n = 0;

    make_file(&b, NULL, &none, 0, "XXX3EDT4,0/0,J365/23");
    CHECK_OK(zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n));
    CHECK_INT(n, 1);
    CHECK_INT(c[0].offset_s, -4 * 3600);
    buf_release(&b);
}

TEST(without_a_rule_the_last_offset_stays)
{
    static const int64_t times[] = { 1609459200 };
    static const int offsets[] = { 0, 3600 };
    struct buf b = BUF_INIT(ZONE_FILE_BYTES_MAX);
    struct zone_change c[CHANGES_MAX];
    size_t n = 0;

    make_file(&b, times, offsets, 1, "");
    CHECK_OK(zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n));
    CHECK_INT(n, 2);
    CHECK_INT(c[1].offset_s, 3600);
    buf_release(&b);
}

TEST(a_file_that_ends_too_early_is_refused_wherever_it_ends)
{
    static const int64_t times[] = { 1609459200 };
    static const int offsets[] = { 0, 3600 };
    struct buf b = BUF_INIT(ZONE_FILE_BYTES_MAX);
    struct zone_change c[CHANGES_MAX];
    size_t i, n = 0;

    make_file(&b, times, offsets, 1, "CET-1CEST,M3.5.0,M10.5.0/3");
    for (i = 0; i < b.n; i++) {
        char *cut = mem_alloc(i + 1); /* so that a sanitizer sees a byte too many */

        memcpy(cut, b.p, i);
        CHECK_RC(ERR_INVALID, zone_file_changes(str_n(cut, i), from_s, to_s, c, CHANGES_MAX, &n));
        mem_free(cut);
    }
    buf_release(&b);
}

TEST(rules_and_tables_that_make_no_sense_are_refused)
{
    static const char *const bad[] = {
        "CE-1",
        "CET",
        "CET-25",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/168",
        "CET-1CEST,J0,J300",
        "CET-1CEST,J366,J300",
        "<+03-3",
        "CET-1CEST,M3.5.0,M10.5.0x",
        "CET-1:60",
        "CET-999999999999",
        "CET-1CEST,M0.1.0,J2",
    };
    const int none = 0;
    struct zone_change c[CHANGES_MAX];
    size_t i, n = 0;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf b = BUF_INIT(ZONE_FILE_BYTES_MAX);

        make_file(&b, NULL, &none, 0, bad[i]);
        if (zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n) != ERR_INVALID)
            FAIL_TEST("%s is taken", bad[i]);
        buf_release(&b);
    }
}

TEST(times_out_of_order_and_offsets_of_days_are_refused)
{
    static const int64_t ordered[] = { 1609459200, 1640995200 },
                         same[] = { 1609459200, 1609459200 };
    static const int hours[] = { 0, 3600, 7200 }, days[] = { 0, 3600, 26 * 3600 + 1 };
    struct buf b = BUF_INIT(ZONE_FILE_BYTES_MAX);
    struct zone_change c[CHANGES_MAX];
    size_t n = 0;

    make_file(&b, ordered, hours, 2, "");
    CHECK_OK(zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n));
    buf_reset(&b);
    make_file(&b, same, hours, 2, "");
    CHECK_RC(ERR_INVALID, zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n));
    buf_reset(&b);
    make_file(&b, ordered, days, 2, "");
    CHECK_RC(ERR_INVALID, zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n));
    buf_release(&b);
}

TEST(leap_seconds_and_types_that_do_not_exist_are_refused)
{
    static const int64_t times[] = { 1609459200 };
    static const int offsets[] = { 0, 3600 };
    struct buf b = BUF_INIT(ZONE_FILE_BYTES_MAX);
    struct zone_change c[CHANGES_MAX];
    size_t n = 0;

    make_file(&b, times, offsets, 1, "CET-1");
    b.p[2 * 44 + 4 + 8] = 2; /* the type of the only time */
    CHECK_RC(ERR_INVALID, zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n));
    buf_reset(&b);
    add_header(&b, 0, 0, 0);
    buf_add(&b, "ABC", 4);
    add_header(&b, 1, 0, 1);
    buf_add(&b,
            "\0\0\0\0\0\0ABC\0"
            "\0\0\0\0\0\0\0\0\0\0\0\1"
            "\nUTC0\n",
            6 + 4 + 12 + 6);
    CHECK_RC(ERR_INVALID, zone_file_changes(buf_str(&b), from_s, to_s, c, CHANGES_MAX, &n));
    buf_release(&b);
}
