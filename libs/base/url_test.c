#include "base/url.h"

#include <string.h>

#include "test.h"

TEST(url_parts_are_views_of_the_text)
{
    struct url u;

    CHECK_OK(url_parse(&u, STR("https://user:pw@example.com:8443/a/b%20c?x=1&y=/?#top?")));
    CHECK_STR(u.scheme, "https");
    CHECK_STR(u.userinfo, "user:pw");
    CHECK_STR(u.host, "example.com");
    CHECK_INT(u.port, 8443);
    CHECK(u.port_set);
    CHECK_STR(u.path, "/a/b%20c");
    CHECK_STR(u.query, "x=1&y=/?");
    CHECK_STR(u.fragment, "top?");
}

TEST(url_port_comes_from_the_scheme_unless_written)
{
    static const struct {
        const char *text;
        int port;
        bool set;
    } cases[] = {
        { "http://h", 80, false },
        { "https://h/", 443, false },
        { "ws://h", 80, false },
        { "wss://h/media", 443, false },
        { "HTTPS://h", 443, false },
        { "ftp://h", 0, false },
        { "http://h:", 80, false },
        { "http://h:1", 1, true },
        { "http://h:65535/", 65535, true },
        { "https://h:443", 443, true },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct url u;

        if (url_parse(&u, str_c(cases[i].text)) || u.port != cases[i].port ||
            u.port_set != cases[i].set || !str_eq(u.host, STR("h")))
            FAIL_TEST("%s", cases[i].text);
    }
}

TEST(url_parts_may_be_absent)
{
    struct url u;

    CHECK_OK(url_parse(&u, STR("https://h")));
    CHECK_INT(u.path.n + u.query.n + u.fragment.n + u.userinfo.n, 0);
    CHECK_OK(url_parse(&u, STR("https://h?q=1")));
    CHECK_STR(u.path, "");
    CHECK_STR(u.query, "q=1");
    CHECK_OK(url_parse(&u, STR("https://h#f?x")));
    CHECK_STR(u.query, "");
    CHECK_STR(u.fragment, "f?x");
    CHECK_OK(url_parse(&u, STR("https://h/?#")));
    CHECK_STR(u.path, "/");
    CHECK_INT(u.query.n + u.fragment.n, 0);
    CHECK_OK(url_parse(&u, STR("https://h/x@y:z")));
    CHECK_STR(u.userinfo, "");
    CHECK_STR(u.path, "/x@y:z");
}

TEST(url_host_may_be_an_ip_address)
{
    struct url u;

    CHECK_OK(url_parse(&u, STR("http://[::1]:8080/x")));
    CHECK_STR(u.host, "::1");
    CHECK_INT(u.port, 8080);
    CHECK_OK(url_parse(&u, STR("http://[fe80::1]/")));
    CHECK_STR(u.host, "fe80::1");
    CHECK_INT(u.port, 80);
    CHECK_OK(url_parse(&u, STR("http://127.0.0.1:9/")));
    CHECK_STR(u.host, "127.0.0.1");
}

TEST(url_parse_refuses_what_two_parsers_could_read_differently)
{
    static const char *const cases[] = {
        "",
        "h",
        "/path",
        "//h/path",
        "http:/h",
        "http:h",
        "http://",
        "http:///path",
        "http://:80/",
        "http://user@/",
        "://h",
        "1http://h",
        "ht tp://h",
        "http://h h/",
        "http://h/a b",
        "http://h/a\nb",
        "http://h/\x7f",
        "http://h\\x/",
        "http://h/a\\b",
        "http://\xc3\xa4/",
        "http://h/\xc3\xa4",
        "http://h/?\"",
        "http://h/#<x>",
        "http://a@b@c/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:-1/",
        "http://h:8a/",
        "http://h:80:80/",
        "http://[::1/",
        "http://[]/",
        "http://[::1]x/",
        "http://[1.2.3.4]/",
        "http://h[/",
    };
    struct url u = { .port = 4711 };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        if (url_parse(&u, str_c(cases[i])) != ERR_INVALID || u.port != 4711)
            FAIL_TEST("%s", cases[i]);
    }
    CHECK_RC(ERR_INVALID, url_parse(&u, str_n("http://h\0/", 10)));
    CHECK_RC(ERR_INVALID, url_parse(&u, str_n("http://h/\0", 10)));
    CHECK_RC(ERR_INVALID, url_parse(&u, STR_EMPTY));
}

TEST(url_encode_escapes_all_but_unreserved_characters)
{
    struct arena a = ARENA_INIT;

    CHECK_STR(url_encode_text(&a, STR("azAZ09-._~")), "azAZ09-._~");
    CHECK_STR(url_encode_text(&a, STR("a b/c+d&e=f?%")), "a%20b%2Fc%2Bd%26e%3Df%3F%25");
    CHECK_STR(url_encode_text(&a, STR("\xc3\xa4")), "%C3%A4");
    CHECK_STR(url_encode_text(&a, str_n("\0\xff", 2)), "%00%FF");
    CHECK_STR(url_encode_text(&a, STR_EMPTY), "");
    arena_release(&a);
}

TEST(url_decode_leaves_a_broken_percent_as_it_is)
{
    static const struct {
        const char *text, *path, *form;
    } cases[] = {
        { "a%20b", "a b", "a b" },
        { "a+b", "a+b", "a b" },
        { "%2B", "+", "+" },
        { "%c3%A4", "\xc3\xa4", "\xc3\xa4" },
        { "%", "%", "%" },
        { "%4", "%4", "%4" },
        { "%41", "A", "A" },
        { "%zz", "%zz", "%zz" },
        { "%%41", "%A", "%A" },
        { "%2541", "%41", "%41" },
        { "", "", "" },
        { "%-1", "%-1", "%-1" },
        { "% 1", "% 1", "% 1" },
        { "100%", "100%", "100%" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_STR(url_decode(&a, str_c(cases[i].text), false), cases[i].path);
        CHECK_STR(url_decode(&a, str_c(cases[i].text), true), cases[i].form);
    }
    CHECK_INT(url_decode(&a, STR("%00"), false).n, 1);
    CHECK_STR(url_decode(&a, str_n("%41", 2), false), "%4");
    arena_release(&a);
}

TEST(url_coding_is_reversible_for_all_bytes)
{
    struct arena a = ARENA_INIT;
    char bytes[256];
    struct str all;
    size_t i;

    for (i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    all = str_n(bytes, sizeof(bytes));
    CHECK(str_eq(url_decode(&a, url_encode_text(&a, all), false), all));
    CHECK(str_eq(url_decode(&a, url_encode_text(&a, all), true), all));
    arena_release(&a);
}

TEST(form_keeps_order_repeats_and_empty_values)
{
    struct arena a = ARENA_INIT;
    struct form f;

    CHECK_OK(form_parse(
        &f, &a, STR("CallSid=CA1&From=%2B4930+1&a=1&a=2&empty=&flag&=v&b=x%3Dy=z&&%26=%00&")));
    CHECK_INT(f.n, 9);
    CHECK_STR(form_get(&f, "CallSid"), "CA1");
    CHECK_STR(form_get(&f, "From"), "+4930 1");
    CHECK_STR(form_get(&f, "a"), "1");
    CHECK_STR(f.pairs[3].key, "a");
    CHECK_STR(f.pairs[3].value, "2");
    CHECK(form_has(&f, "empty") && form_has(&f, "flag"));
    CHECK_STR(form_get(&f, "empty"), "");
    CHECK_STR(form_get(&f, "flag"), "");
    CHECK_STR(form_get(&f, ""), "v");
    CHECK_STR(form_get(&f, "b"), "x=y=z");
    CHECK_INT(form_get(&f, "&").n, 1);
    CHECK(!form_has(&f, "none"));
    CHECK_STR(form_get(&f, "none"), "");
    CHECK(!form_has(&f, "callsid"));
    arena_release(&a);
}

TEST(form_decodes_each_part_once)
{
    struct arena a = ARENA_INIT;
    struct form f;

    CHECK_OK(form_parse(&f, &a, STR("a%2Bb=%252B&c+d=e+f")));
    CHECK_STR(form_get(&f, "a+b"), "%2B");
    CHECK_STR(form_get(&f, "c d"), "e f");
    arena_release(&a);
}

TEST(form_of_nothing_has_no_pairs)
{
    static const char *const cases[] = { "", "&", "&&&" };
    struct arena a = ARENA_INIT;
    struct form f;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_OK(form_parse(&f, &a, str_c(cases[i])));
        CHECK_INT(f.n, 0);
        CHECK_STR(form_get(&f, "a"), "");
    }
    arena_release(&a);
}

TEST(form_refuses_more_pairs_than_its_maximum)
{
    struct arena a = ARENA_INIT;
    struct buf b = BUF_INIT(10000);
    struct form f = { NULL, 4711 };
    int i;

    for (i = 0; i < FORM_PAIRS_MAX; i++)
        form_add(&b, "k", STR("v"));
    CHECK_OK(form_parse(&f, &a, buf_str(&b)));
    CHECK_INT(f.n, FORM_PAIRS_MAX);
    form_add(&b, "one", STR("more"));
    CHECK_RC(ERR_LIMIT, form_parse(&f, &a, buf_str(&b)));
    CHECK_INT(f.n, FORM_PAIRS_MAX);
    buf_release(&b);
    arena_release(&a);
}

TEST(form_add_writes_what_form_parse_reads)
{
    struct arena a = ARENA_INIT;
    struct buf b = BUF_INIT(1000);
    struct form f;

    form_add(&b, "To", STR("+4930"));
    form_add(&b, "a b", STR("x&y=z %"));
    form_add(&b, "none", STR_EMPTY);
    CHECK_STR(buf_str(&b), "To=%2B4930&a%20b=x%26y%3Dz%20%25&none=");
    CHECK_OK(form_parse(&f, &a, buf_str(&b)));
    CHECK_STR(form_get(&f, "a b"), "x&y=z %");
    buf_reset(&b);
    buf_add_c(&b, "/path?");
    form_add(&b, "a", STR("1"));
    form_add(&b, "b", STR("2"));
    CHECK_STR(buf_str(&b), "/path?a=1&b=2");
    buf_release(&b);
    arena_release(&a);
}
