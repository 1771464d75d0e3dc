#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "test.h"

static const struct jval *parse(struct arena *a, const char *text)
{
    const struct jval *v = NULL;
    struct err err = ERR_INIT;

    if (json_parse_arena(&v, a, str_c(text), &err))
        FAIL_TEST("%s: %s", text, err.text);
    return v;
}

TEST(json_document_owns_a_copy_of_its_text)
{
    struct json *doc = NULL;
    char text[] = "{\"a\":\"b\"}";

    CHECK_OK(json_parse(&doc, str_c(text), NULL));
    memset(text, '!', sizeof(text) - 1);
    CHECK_STR(json_str(json_get(json_root(doc), "a")), "b");
    doc = json_destroy(doc);
    CHECK(!doc);
    CHECK(!json_destroy(NULL));
    CHECK(!json_root(NULL));
}

TEST(json_getters_read_each_kind)
{
    struct arena a = ARENA_INIT;
    const struct jval *v = parse(&a, "{\"s\":\"x\",\"i\":-3,\"n\":1.5,\"t\":true,\"z\":null,"
                                     "\"o\":{\"k\":1},\"l\":[1,2,3]}");

    CHECK(json_is_obj(v) && !json_is_arr(v));
    CHECK_INT(json_len(v), 7);
    CHECK_STR(json_str(json_get(v, "s")), "x");
    CHECK_INT(json_i64_or(json_get(v, "i"), 0), -3);
    CHECK(json_is_int(json_get(v, "i")) && json_is_num(json_get(v, "i")));
    CHECK(!json_is_int(json_get(v, "n")) && json_is_num(json_get(v, "n")));
    CHECK(fabs(json_num_or(json_get(v, "n"), 0) - 1.5) < 1e-12);
    CHECK(fabs(json_num_or(json_get(v, "i"), 0) + 3) < 1e-12);
    CHECK(json_bool_or(json_get(v, "t"), false) && json_is_bool(json_get(v, "t")));
    CHECK(json_is_null(json_get(v, "z")));
    CHECK(json_get(v, "z") && !json_get(v, "absent"));
    CHECK_INT(json_len(json_get(v, "l")), 3);
    CHECK_INT(json_i64_or(json_at(json_get(v, "l"), 2), 0), 3);
    CHECK(!json_at(json_get(v, "l"), 3));
    CHECK(!json_at(v, 0));
    CHECK_INT(json_i64_or(json_get_str(json_get(v, "o"), str_n("kx", 1)), 0), 1);
    arena_release(&a);
}

TEST(json_getters_tolerate_null_and_other_kinds)
{
    struct arena a = ARENA_INIT;
    const struct jval *text = parse(&a, "\"text\"");

    CHECK(!json_get(NULL, "a") && !json_at(NULL, 0) && !json_path(NULL, "a.b"));
    CHECK(!json_get(text, "a"));
    CHECK_INT(json_len(NULL) + json_len(text), 0);
    CHECK_INT(json_str(NULL).n, 0);
    CHECK_STR(json_str_or(NULL, STR("d")), "d");
    CHECK_STR(json_str_or(parse(&a, "1"), STR("d")), "d");
    CHECK(json_bool_or(NULL, true) && json_bool_or(text, true));
    CHECK_INT(json_i64_or(NULL, 7), 7);
    CHECK_INT(json_i64_or(parse(&a, "true"), 7), 7);
    CHECK(fabs(json_num_or(text, 7) - 7) < 1e-12);
    CHECK(json_is_null(NULL) && !json_is_null(text));
    CHECK(!json_is_obj(NULL) && !json_is_arr(NULL) && !json_is_str(NULL) && !json_is_num(NULL) &&
          !json_is_int(NULL) && !json_is_bool(NULL));
    arena_release(&a);
}

TEST(json_whole_numbers_are_read_exactly_or_not_at_all)
{
    static const struct {
        const char *text;
        int64_t want; /* -1: the default */
    } cases[] = {
        { "0", 0 },
        { "9223372036854775807", INT64_MAX },
        { "-9223372036854775808", INT64_MIN },
        { "9223372036854775808", -1 },
        { "18446744073709551615", -1 },
        { "99999999999999999999", -1 },
        { "\"123\"", 123 },
        { "\"-9223372036854775808\"", INT64_MIN },
        { "\"9223372036854775808\"", -1 },
        { "\"12a\"", -1 },
        { "\"\"", -1 },
        { "\"1.0\"", -1 },
        { "3.0", 3 },
        { "1e3", 1000 },
        { "3.5", -1 },
        { "1e300", -1 },
        { "null", -1 },
        { "[1]", -1 },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t got = json_i64_or(parse(&a, cases[i].text), -1);

        if (got != cases[i].want)
            FAIL_TEST("%s: %lld", cases[i].text, (long long)got);
    }
    arena_release(&a);
}

TEST(json_path_walks_members_and_indexes)
{
    struct arena a = ARENA_INIT;
    const struct jval *v = parse(&a, "{\"a\":{\"b\":[{\"c\":5},6]},\"0\":{\"x\":7},\"\":8}");

    CHECK_INT(json_i64_or(json_path(v, "a.b.0.c"), 0), 5);
    CHECK_INT(json_i64_or(json_path(v, "a.b.1"), 0), 6);
    CHECK_INT(json_i64_or(json_path(v, "0.x"), 0), 7);
    CHECK(json_path(v, "") == v);
    CHECK(!json_path(v, "a.b.2"));
    CHECK(!json_path(v, "a.b.-1"));
    CHECK(!json_path(v, "a.b.x"));
    CHECK(!json_path(v, "a.x.c"));
    CHECK(!json_path(v, "a.b.1.c"));
    CHECK(!json_path(v, "a."));
    arena_release(&a);
}

TEST(json_iter_visits_members_in_order_with_nested_values)
{
    struct arena a = ARENA_INIT;
    const struct jval *doc =
        parse(&a, "{\"a\":[1,[2,{\"x\":[]}]],\"b\":{\"k\":{\"z\":1}},\"c\":3}");
    struct buf seen = BUF_INIT(1000);
    struct json_iter it = json_iter(doc);
    const struct jval *v;
    struct str key;

    while (json_next(&it, &key, &v)) {
        buf_addf(&seen, STR_FMT "=", STR_ARG(key));
        json_write_val(&seen, v);
        buf_add_char(&seen, ';');
    }
    CHECK_STR(buf_str(&seen), "a=[1,[2,{\"x\":[]}]];b={\"k\":{\"z\":1}};c=3;");
    CHECK(!json_next(&it, &key, &v));
    buf_reset(&seen);
    it = json_iter(json_get(doc, "a"));
    while (json_next(&it, &key, &v)) {
        CHECK_INT(key.n, 0);
        json_write_val(&seen, v);
        buf_add_char(&seen, ';');
    }
    CHECK_STR(buf_str(&seen), "1;[2,{\"x\":[]}];");
    buf_release(&seen);
    arena_release(&a);
}

TEST(json_iter_over_nothing_ends_at_once)
{
    static const char *const cases[] = { "{}", "[]", "1", "\"x\"", "null" };
    struct arena a = ARENA_INIT;
    const struct jval *v;
    struct json_iter it;
    struct str key;
    size_t i;

    it = json_iter(NULL);
    CHECK(!json_next(&it, &key, &v));
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        it = json_iter(parse(&a, cases[i]));
        CHECK(!json_next(&it, &key, &v));
    }
    arena_release(&a);
}

TEST(json_strings_may_hold_nul_and_any_character)
{
    struct arena a = ARENA_INIT;
    struct str s = json_str(parse(&a, "\"a\\u0000b\\u00e4\\ud83d\\udcde\\/\\n\""));

    CHECK(str_eq(s, str_n("a\0b\xc3\xa4\xf0\x9f\x93\x9e/\n", 11)));
    CHECK_STR(json_val_text(&a, parse(&a, "\"a\\u0000b\"")), "\"a\\u0000b\"");
    arena_release(&a);
}

TEST(json_parse_refuses_what_is_no_json)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "", "JSON at byte 0: the text is empty" },
        { " ", "JSON at byte 0: " },
        { "{", "JSON at byte 1: " },
        { "{\"a\":}", "JSON at byte 5: " },
        { "{\"a\":1,}", "JSON at byte 6: " },
        { "[1,]", "JSON at byte 2: " },
        { "{'a':1}", "JSON at byte 1: " },
        { "{a:1}", "JSON at byte 1: " },
        { "1 2", "JSON at byte 2: " },
        { "{}x", "JSON at byte 2: " },
        { "\"\\x\"", "JSON at byte " },
        { "\"\\ud800\"", "JSON at byte " },
        { "\"a\nb\"", "JSON at byte " },
        { "\"\xff\"", "JSON at byte " },
        { "\"\xed\xa0\x80\"", "JSON at byte " },
        { "nul", "JSON at byte " },
        { "NaN", "JSON at byte 0: " },
        { "01", "JSON at byte " },
        { "+1", "JSON at byte 0: " },
        { "1.", "JSON at byte " },
        { "// c\n1", "JSON at byte 0: " },
        { "\xef\xbb\xbf{}", "JSON at byte 0: " },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct json *doc = NULL;
        struct err err = ERR_INIT;

        if (json_parse(&doc, str_c(cases[i].text), &err) != ERR_INVALID || doc)
            FAIL_TEST("%s", cases[i].text);
        CHECK_CONTAINS(str_c(err.text), cases[i].says);
    }
}

TEST(json_parse_reads_no_further_than_the_view)
{
    struct json *doc = NULL;
    char *exact = mem_str_dup(STR("[1,2]"));

    CHECK_OK(json_parse(&doc, str_n(exact, 5), NULL));
    json_destroy(doc);
    CHECK_RC(ERR_INVALID, json_parse(&doc, str_n(exact, 4), NULL));
    CHECK_RC(ERR_INVALID, json_parse(&doc, str_n("1\0", 2), NULL));
    CHECK_RC(ERR_INVALID, json_parse(&doc, STR_EMPTY, NULL));
    mem_free(exact);
}

/* `depth` arrays around `inner`. */
static struct str nested(struct buf *b, int depth, const char *inner)
{
    int i;

    buf_reset(b);
    for (i = 0; i < depth; i++)
        buf_add_char(b, '[');
    buf_add_c(b, inner);
    for (i = 0; i < depth; i++)
        buf_add_char(b, ']');
    return buf_str(b);
}

TEST(json_parse_refuses_deep_nesting)
{
    struct buf b = BUF_INIT(1000000);
    struct json *doc = NULL;
    struct err err = ERR_INIT;

    CHECK_OK(json_parse(&doc, nested(&b, JSON_DEPTH_MAX, ""), &err));
    doc = json_destroy(doc);
    CHECK_RC(ERR_INVALID, json_parse(&doc, nested(&b, JSON_DEPTH_MAX + 1, ""), &err));
    CHECK_STR(str_c(err.text), "JSON at byte 64: nested deeper than 64");
    CHECK_RC(ERR_INVALID, json_parse(&doc, nested(&b, 100000, ""), &err));
    /* Brackets in strings, and brackets side by side, are no depth. */
    CHECK_OK(
        json_parse(&doc, nested(&b, JSON_DEPTH_MAX - 1, "\"[[[{{\\\"[[\\\\\",{},{},[],[]"), &err));
    doc = json_destroy(doc);
    CHECK_RC(ERR_INVALID, json_parse(&doc, nested(&b, JSON_DEPTH_MAX, "{}"), &err));
    buf_release(&b);
}

TEST(json_need_str_names_the_key)
{
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const struct jval *v = parse(&a, "{\"a\":\"x\",\"empty\":\"\",\"n\":1}");
    struct str s = STR("kept");

    CHECK_RC(ERR_INVALID, json_need_str(v, "missing", &s, &err));
    CHECK_STR(str_c(err.text), "\"missing\" must be a non-empty string");
    CHECK_RC(ERR_INVALID, json_need_str(v, "empty", &s, &err));
    CHECK_RC(ERR_INVALID, json_need_str(v, "n", &s, &err));
    CHECK_RC(ERR_INVALID, json_need_str(NULL, "a", &s, &err));
    CHECK_STR(s, "kept");
    CHECK_OK(json_need_str(v, "a", &s, &err));
    CHECK_STR(s, "x");
    arena_release(&a);
}

TEST(json_builder_writes_every_kind)
{
    struct arena a = ARENA_INIT;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "s", STR("x\"y\\z\n\x01"));
    jw_str(&w, "empty", STR_EMPTY);
    jw_cstr(&w, "c", "c");
    jw_cstr(&w, "none", NULL);
    jw_strf(&w, "f", "%d-%s", 5, "x");
    jw_i64(&w, "min", INT64_MIN);
    jw_i64(&w, "max", INT64_MAX);
    jw_num(&w, "n", 0.25);
    jw_num(&w, "inf", INFINITY);
    jw_num(&w, "nan", NAN);
    jw_bool(&w, "t", true);
    jw_null(&w, "z");
    jw_arr(&w, "l");
    jw_i64(&w, NULL, 1);
    jw_obj(&w, NULL);
    jw_end(&w);
    jw_arr(&w, NULL);
    jw_str(&w, NULL, STR("deep"));
    jw_end(&w);
    jw_end(&w);
    jw_obj(&w, "o");
    jw_bool(&w, "k", false);
    jw_end(&w);
    jw_end(&w);
    CHECK_STR(
        jw_finish(&w, &a),
        "{\"s\":\"x\\\"y\\\\z\\n\\u0001\",\"empty\":\"\",\"c\":\"c\",\"none\":null,\"f\":\"5-x\","
        "\"min\":-9223372036854775808,\"max\":9223372036854775807,\"n\":0.25,\"inf\":null,"
        "\"nan\":null,\"t\":true,\"z\":null,\"l\":[1,{},[\"deep\"]],\"o\":{\"k\":false}}");
    arena_release(&a);
}

TEST(json_builder_takes_any_value_as_its_root)
{
    struct buf out = BUF_INIT(100);
    struct jw w;

    jw_init(&w);
    jw_i64(&w, NULL, 5);
    jw_text(&w, &out);
    jw_text(&w, &out);
    jw_release(&w);
    CHECK_STR(buf_str(&out), "55");
    jw_release(&w);
    buf_release(&out);
}

TEST(json_builder_copies_keys_and_values_from_data)
{
    struct arena a = ARENA_INIT;
    const struct jval *v = parse(&a, "{\"deep\":[1,{\"x\":\"y\"}]}");
    char key[] = "key";
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_val(&w, "a", v);
    jw_val(&w, "b", NULL);
    jw_key_val(&w, STR("c"), json_path(v, "deep.1"));
    jw_key_str(&w, str_n(key, 3), str_n(key, 2));
    jw_key_obj(&w, str_n("k\0", 2));
    jw_key_val(&w, STR_EMPTY, NULL);
    jw_end(&w);
    jw_end(&w);
    memset(key, '!', 3);
    CHECK_STR(jw_finish(&w, &a),
              "{\"a\":{\"deep\":[1,{\"x\":\"y\"}]},\"b\":null,\"c\":{\"x\":\"y\"},"
              "\"key\":\"ke\",\"k\\u0000\":{\"\":null}}");
    arena_release(&a);
}

TEST(json_builder_mends_text_that_is_no_utf8)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "a\xffz", "\"a\xef\xbf\xbdz\"" },
        { "\xc3", "\"\xef\xbf\xbd\"" },
        { "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xc3\xa4\x80", "\"\xc3\xa4\xef\xbf\xbd\"" },
        { "\xf0\x9f\x93\x9e", "\"\xf0\x9f\x93\x9e\"" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct jw w;

        jw_init(&w);
        jw_cstr(&w, NULL, cases[i].text);
        CHECK_STR(jw_finish(&w, &a), cases[i].want);
    }
    arena_release(&a);
}

/* A generator of bytes that is the same in each run. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

TEST(json_builder_output_is_valid_for_any_bytes)
{
    uint32_t state = 1;
    int round;

    for (round = 0; round < 2000; round++) {
        struct arena a = ARENA_INIT;
        char bytes[40];
        struct jw w;
        size_t i, n = next_random(&state) % sizeof(bytes);

        for (i = 0; i < n; i++)
            bytes[i] = (char)next_random(&state);
        jw_init(&w);
        jw_obj(&w, NULL);
        jw_key_str(&w, str_n(bytes, n), str_n(bytes, n));
        jw_end(&w);
        CHECK_INT(json_len(parse(&a, arena_cstr(&a, jw_finish(&w, &a)))), 1);
        arena_release(&a);
    }
}

TEST(json_values_are_written_compactly)
{
    struct arena a = ARENA_INIT;
    struct buf b = BUF_INIT(100);

    CHECK_STR(json_val_text(&a, parse(&a, " { \"a\" : [ 1 , 2.50 , -0 ] } ")), "{\"a\":[1,2.5,0]}");
    CHECK_STR(json_val_text(&a, NULL), "null");
    json_write_val(&b, NULL);
    CHECK_STR(buf_str(&b), "null");
    buf_release(&b);
    arena_release(&a);
}
