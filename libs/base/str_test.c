#include "base/str.h"

#include <string.h>

#include "test.h"

TEST(str_of_a_null_pointer_is_empty)
{
    CHECK_INT(str_c(NULL).n, 0);
    CHECK(str_eq(str_c(NULL), STR("")));
    CHECK(str_eq(STR_EMPTY, str_c("")));
}

TEST(str_eq_compares_bytes_with_embedded_nul)
{
    CHECK(str_eq(str_n("a\0b", 3), str_n("a\0b", 3)));
    CHECK(!str_eq(str_n("a\0b", 3), str_n("a\0c", 3)));
    CHECK(!str_eq(STR("ab"), STR("abc")));
    CHECK(str_eq_c(STR("ab"), "ab"));
    CHECK(!str_eq_c(STR("ab"), NULL));
}

TEST(str_ieq_ignores_case_of_ascii_letters_only)
{
    CHECK(str_ieq(STR("Content-Type"), STR("content-tYPE")));
    CHECK(!str_ieq(STR("["), STR("{")));
    CHECK(!str_ieq(STR("\xc3\x84"), STR("\xc3\xa4")));
    CHECK(str_ieq_c(STR("WSS"), "wss"));
}

TEST(str_cmp_orders_by_unsigned_bytes_then_length)
{
    CHECK(str_cmp(STR("a"), STR("b")) < 0);
    CHECK(str_cmp(STR("ab"), STR("a")) > 0);
    CHECK(str_cmp(STR("a"), STR("ab")) < 0);
    CHECK(str_cmp(STR("\xff"), STR("a")) > 0);
    CHECK_INT(str_cmp(STR_EMPTY, STR("")), 0);
    CHECK(str_cmp(STR_EMPTY, STR("a")) < 0);
}

TEST(str_prefix_and_suffix)
{
    CHECK(str_starts(STR("Bearer x"), STR("Bearer ")));
    CHECK(!str_starts(STR("Be"), STR("Bearer ")));
    CHECK(str_starts(STR("x"), STR_EMPTY));
    CHECK(str_starts(STR_EMPTY, STR_EMPTY));
    CHECK(str_istarts(STR("bearer x"), STR("Bearer ")));
    CHECK(str_ends(STR("a.wav"), STR(".wav")));
    CHECK(!str_ends(STR("wav"), STR(".wav")));
    CHECK(str_ends(STR("x"), STR_EMPTY));
}

TEST(str_find_gives_the_first_hit_or_the_length)
{
    CHECK_INT(str_find(STR("abcabc"), STR("bc")), 1);
    CHECK_INT(str_find(STR("abc"), STR("x")), 3);
    CHECK_INT(str_find(STR("abc"), STR("abcd")), 3);
    CHECK_INT(str_find(STR("abc"), STR_EMPTY), 0);
    CHECK_INT(str_find(STR_EMPTY, STR("a")), 0);
    CHECK_INT(str_find_char(STR("a=b"), '='), 1);
    CHECK_INT(str_find_char(STR("ab"), '='), 2);
    CHECK_INT(str_find_char(STR_EMPTY, '='), 0);
    CHECK(str_contains(STR("abc"), STR("c")));
    CHECK(str_contains(STR_EMPTY, STR_EMPTY));
    CHECK(!str_contains(STR_EMPTY, STR("c")));
}

TEST(str_slice_never_leaves_the_view)
{
    CHECK_STR(str_slice(STR("hello"), 1, 3), "el");
    CHECK_STR(str_slice(STR("hello"), 3, 99), "lo");
    CHECK_STR(str_slice(STR("hello"), 4, 2), "");
    CHECK_STR(str_slice(STR("hello"), 99, 100), "");
    CHECK_STR(str_slice(STR_EMPTY, 1, 2), "");
    CHECK_STR(str_from(STR("hello"), 5), "");
    CHECK_STR(str_from(STR("hello"), SIZE_MAX), "");
}

TEST(str_trim_takes_ascii_white_space_off_both_ends)
{
    CHECK_STR(str_trim(STR(" \t\r\n\v\f a b \n")), "a b");
    CHECK_STR(str_trim(STR("   ")), "");
    CHECK_STR(str_trim(STR_EMPTY), "");
    CHECK_STR(str_trim(STR("\xc2\xa0x")), "\xc2\xa0x");
}

TEST(str_cut_splits_at_the_first_separator)
{
    struct str head, rest;

    CHECK(str_cut(STR("a=b=c"), '=', &head, &rest));
    CHECK_STR(head, "a");
    CHECK_STR(rest, "b=c");
    CHECK(str_cut(STR("a="), '=', &head, &rest));
    CHECK_STR(head, "a");
    CHECK_STR(rest, "");
    CHECK(str_cut(STR("="), '=', &head, &rest));
    CHECK_STR(head, "");
    CHECK(!str_cut(STR("abc"), '=', &head, &rest));
    CHECK_STR(head, "abc");
    CHECK_INT(rest.n, 0);
}

TEST(str_cut_may_write_over_its_own_input)
{
    struct str rest = STR("a,b"), item;

    CHECK(str_cut(rest, ',', &item, &rest));
    CHECK_STR(item, "a");
    CHECK_STR(rest, "b");
}

TEST(str_to_i64_takes_whole_decimal_numbers_in_range)
{
    static const struct {
        const char *text;
        int64_t min, max;
        enum errc rc;
        int64_t want;
    } cases[] = {
        { "0", 0, 10, ERR_OK, 0 },
        { "10", 0, 10, ERR_OK, 10 },
        { "11", 0, 10, ERR_INVALID, 0 },
        { "-1", 0, 10, ERR_INVALID, 0 },
        { "-5", -5, 5, ERR_OK, -5 },
        { "-6", -5, 5, ERR_INVALID, 0 },
        { "007", 0, 10, ERR_OK, 7 },
        { "-0", 0, 10, ERR_OK, 0 },
        { "", 0, 10, ERR_INVALID, 0 },
        { "-", -10, 10, ERR_INVALID, 0 },
        { "--1", -10, 10, ERR_INVALID, 0 },
        { "+1", 0, 10, ERR_INVALID, 0 },
        { " 1", 0, 10, ERR_INVALID, 0 },
        { "1 ", 0, 10, ERR_INVALID, 0 },
        { "1.0", 0, 10, ERR_INVALID, 0 },
        { "0x1", 0, 10, ERR_INVALID, 0 },
        { "1e1", 0, 10, ERR_INVALID, 0 },
        { "9223372036854775807", INT64_MIN, INT64_MAX, ERR_OK, INT64_MAX },
        { "9223372036854775808", INT64_MIN, INT64_MAX, ERR_INVALID, 0 },
        { "-9223372036854775808", INT64_MIN, INT64_MAX, ERR_OK, INT64_MIN },
        { "-9223372036854775809", INT64_MIN, INT64_MAX, ERR_INVALID, 0 },
        { "99999999999999999999999999", INT64_MIN, INT64_MAX, ERR_INVALID, 0 },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = 4711;
        enum errc rc = str_to_i64(str_c(cases[i].text), cases[i].min, cases[i].max, &v);

        if (rc != cases[i].rc || v != (rc ? 4711 : cases[i].want))
            FAIL_TEST("\"%s\": %s, %lld", cases[i].text, errc_name(rc), (long long)v);
    }
}

TEST(str_to_i64_stops_at_the_end_of_the_view)
{
    int64_t v;

    CHECK_OK(str_to_i64(str_n("12345", 2), 0, 100, &v));
    CHECK_INT(v, 12);
    CHECK_RC(ERR_INVALID, str_to_i64(str_n("1\0", 2), 0, 100, &v));
}

TEST(str_to_double_takes_finite_decimals_only)
{
    static const struct {
        const char *text;
        enum errc rc;
        double want;
    } cases[] = {
        { "0", ERR_OK, 0 },        { "1.5", ERR_OK, 1.5 },      { "-2.25e2", ERR_OK, -225 },
        { "1E-3", ERR_OK, 0.001 }, { "", ERR_INVALID, 0 },      { ".5", ERR_INVALID, 0 },
        { "5.", ERR_INVALID, 0 },  { "1e", ERR_INVALID, 0 },    { "inf", ERR_INVALID, 0 },
        { "nan", ERR_INVALID, 0 }, { "0x10", ERR_INVALID, 0 },  { " 1", ERR_INVALID, 0 },
        { "1 ", ERR_INVALID, 0 },  { "1e999", ERR_INVALID, 0 }, { "1,5", ERR_INVALID, 0 },
        { "+1", ERR_INVALID, 0 },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        double v = 4711;
        enum errc rc = str_to_double(str_c(cases[i].text), &v);
        double d = v - (rc ? 4711 : cases[i].want);

        if (rc != cases[i].rc || d > 1e-12 || d < -1e-12)
            FAIL_TEST("\"%s\": %s, %g", cases[i].text, errc_name(rc), v);
    }
}

TEST(str_to_double_refuses_an_embedded_nul_and_endless_digits)
{
    char digits[400];
    double v;

    memset(digits, '1', sizeof(digits));
    CHECK_RC(ERR_INVALID, str_to_double(str_n("1\0", 2), &v));
    CHECK_RC(ERR_INVALID, str_to_double(str_n(digits, sizeof(digits)), &v));
}

TEST(utf8_validity_follows_rfc_3629)
{
    static const struct {
        const char *name, *text;
        bool valid;
    } cases[] = {
        { "ascii", "plain", true },
        { "two bytes", "\xc3\xa4", true },
        { "three bytes", "\xe2\x82\xac", true },
        { "four bytes", "\xf0\x9f\x93\x9e", true },
        { "last code point", "\xf4\x8f\xbf\xbf", true },
        { "past the last code point", "\xf4\x90\x80\x80", false },
        { "before the surrogates", "\xed\x9f\xbf", true },
        { "high surrogate", "\xed\xa0\x80", false },
        { "low surrogate", "\xed\xbf\xbf", false },
        { "overlong slash in two", "\xc0\xaf", false },
        { "overlong in two, c1", "\xc1\xbf", false },
        { "overlong in three", "\xe0\x9f\xbf", false },
        { "overlong in four", "\xf0\x8f\xbf\xbf", false },
        { "lone tail byte", "\x80", false },
        { "cut in two", "\xc3", false },
        { "cut in three", "\xe2\x82", false },
        { "cut in four", "\xf0\x9f\x93", false },
        { "broken tail", "\xe2\x28\xa1", false },
        { "f5", "\xf5\x80\x80\x80", false },
        { "ff", "\xff", false },
        { "bad after good", "ok\xfe", false },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        if (str_utf8_valid(str_c(cases[i].text)) != cases[i].valid)
            FAIL_TEST("%s", cases[i].name);
    }
    CHECK(str_utf8_valid(STR_EMPTY));
}

TEST(utf8_next_gives_the_length_of_one_character)
{
    CHECK_INT(str_utf8_next(STR_EMPTY), 0);
    CHECK_INT(str_utf8_next(str_n("\0", 1)), 1);
    CHECK_INT(str_utf8_next(STR("a\xc3\xa4")), 1);
    CHECK_INT(str_utf8_next(STR("\xc3\xa4z")), 2);
    CHECK_INT(str_utf8_next(STR("\xe2\x82\xac")), 3);
    CHECK_INT(str_utf8_next(STR("\xf0\x9f\x93\x9e")), 4);
    CHECK_INT(str_utf8_next(STR("\xa4")), 0);
}

TEST(str_copy_cuts_and_always_ends_with_nul)
{
    char out[4] = "xyz";

    CHECK(str_copy(out, sizeof(out), STR("abc")));
    CHECK_STR(str_c(out), "abc");
    CHECK(!str_copy(out, sizeof(out), STR("defg")));
    CHECK_STR(str_c(out), "def");
    CHECK(str_copy(out, sizeof(out), STR_EMPTY));
    CHECK_STR(str_c(out), "");
    CHECK(!str_copy(out, 0, STR("a")));
    CHECK(!str_copy(out, 1, STR("a")));
    CHECK_STR(str_c(out), "");
}

TEST(utf8_validity_is_the_same_at_every_offset)
{
    static const char euro[] = { '\xe2', '\x82', '\xac' };
    char text[32];
    size_t at;

    for (at = 0; at + sizeof(euro) <= sizeof(text); at++) {
        memset(text, 'a', sizeof(text));
        memcpy(text + at, euro, sizeof(euro));
        CHECK(str_utf8_valid(str_n(text, sizeof(text))));
        text[at + 2] = 'a';
        CHECK(!str_utf8_valid(str_n(text, sizeof(text))));
    }
}

TEST(plain_text_has_nothing_that_json_escapes_wherever_it_stands)
{
    char text[19];
    size_t at;
    int c;

    for (c = 0; c < 256; c++) {
        bool plain = c >= 0x20 && c < 0x7F && c != '\\' && c != '"';

        for (at = 0; at < sizeof(text); at++) {
            memset(text, '~', sizeof(text));
            text[at] = (char)c;
            if (str_is_plain(str_n(text, sizeof(text))) != plain)
                FAIL_TEST("byte 0x%02x at %zu", c, at);
        }
    }
    CHECK(str_is_plain(STR_EMPTY));
}
