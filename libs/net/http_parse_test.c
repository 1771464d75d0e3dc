#include <string.h>

#include "net/http_parse_internal.h"
#include "test.h"

/* --- heads --------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *text;
    int status; /* 0: accepted */
} heads[] = {
    { "plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
    { "1.0 without host", "GET / HTTP/1.0\r\n\r\n", 0 },
    { "empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
    { "absolute form", "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
    { "asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
    { "unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
    { "empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", 0 },
    { "host with port", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 0 },
    { "empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0 },
    { "leading zeros", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\r\n\r\n", 0 },
    { "tab after the colon", "POST / HTTP/1.1\r\nHost:\ta\r\nContent-Length:\t3\t\r\n\r\n", 0 },
    { "same length twice",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400 },
    { "same length in other letters",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\ncontent-length: 0\r\n\r\n", 400 },
    { "hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", 400 },
    { "length with a fraction", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3.0\r\n\r\n", 400 },
    { "length with a blank inside", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\n",
      400 },
    { "length of 2^63", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n",
      400 },
    { "blank before the colon of a length",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n", 400 },
    { "tab before the colon of a coding",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n", 400 },
    { "folded length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 3\r\n\r\n", 400 },
    { "folded coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n",
      400 },
    { "folded first line", "GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", 400 },
    { "coding hidden behind a bare LF",
      "POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "coding hidden behind a bare CR",
      "POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400 },
    { "coding and length, the other way round",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
      400 },
    { "unknown coding and length",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nContent-Length: 3\r\n\r\n", 400 },
    { "empty coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 501 },
    { "coding that looks alike",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501 },
    { "quoted coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
      501 },
    { "coding after chunked",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501 },
    { "two hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400 },
    { "user in host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400 },
    { "path in host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
    { "blank in host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
    { "two hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
    { "fragment in target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "fragment in query", "GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "no version", "GET /\r\nHost: a\r\n\r\n", 400 },
    { "two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "blank in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "tab in target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "DEL in target", "GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "authority form", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "absolute without path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "absolute without authority", "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "method with bracket", "G[T / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "empty method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400 },
    { "longer version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400 },
    { "HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
    { "HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505 },
    { "no host", "GET / HTTP/1.1\r\n\r\n", 400 },
    { "two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
    { "bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400 },
    { "bare LF in headers", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400 },
    { "bare CR in header", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400 },
    { "folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400 },
    { "blank before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
    { "no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400 },
    { "empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400 },
    { "control in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n", 400 },
    { "negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400 },
    { "signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400 },
    { "empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400 },
    { "huge length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      400 },
    { "length list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400 },
    { "two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
      400 },
    { "length and chunked",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      400 },
    { "chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "gzip coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      501 },
    { "chunked twice",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
      "chunked\r\n\r\n",
      501 },
    { "chunked with a vertical tab",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \vchunked\r\n\r\n", 400 },
    { "unknown expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417 },
};

TEST(http_head_is_strict_about_what_can_be_read_in_two_ways)
{
    static struct http_head h;
    size_t i;

    for (i = 0; i < ARRAY_LEN(heads); i++) {
        const char *why = NULL;
        struct str text = str_c(heads[i].text);
        int status;

        CHECK_INT(http_head_length(text), text.n);
        status = http_head_parse(&h, text, &why);
        if (status != heads[i].status)
            FAIL_TEST("%s: %d (%s), expected %d", heads[i].name, status, why ? why : "",
                      heads[i].status);
        CHECK(!status == !why);
    }
}

TEST(http_head_with_nul_byte_is_refused)
{
    static struct http_head h;
    const char *why;

    CHECK_INT(http_head_parse(&h, STR("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), &why), 400);
    CHECK_INT(http_head_parse(&h, STR("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"), &why), 400);
    CHECK_INT(http_head_parse(&h, STR("GE\0T / HTTP/1.1\r\nHost: a\r\n\r\n"), &why), 400);
}

TEST(http_head_splits_path_and_query_without_touching_them)
{
    static struct http_head h;
    const char *why;

    CHECK_INT(
        http_head_parse(&h, STR("GET /a%2Fb//c?x=1&&y=%20+?&z? HTTP/1.1\r\nHost: a\r\n\r\n"), &why),
        0);
    CHECK_STR(h.target, "/a%2Fb//c?x=1&&y=%20+?&z?");
    CHECK_STR(h.path, "/a%2Fb//c");
    CHECK_STR(h.query, "x=1&&y=%20+?&z?");
    CHECK_INT(http_head_parse(&h, STR("GET HTTP://h:1/p?q HTTP/1.1\r\nHost: a\r\n\r\n"), &why), 0);
    CHECK_STR(h.target, "/p?q");
}

TEST(http_head_derives_connection_and_upgrade)
{
    static const struct {
        const char *text;
        bool keep_alive, upgrade;
    } rows[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false, false },
        { "GET / HTTP/1.0\r\n\r\n", false, false },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
          "WebSocket\r\n\r\n",
          true, true },
        { "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", true, false },
        { "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false, false },
    };
    static struct http_head h;
    const char *why;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_INT(http_head_parse(&h, str_c(rows[i].text), &why), 0);
        CHECK_INT(h.keep_alive, rows[i].keep_alive);
        CHECK_INT(h.upgrade_websocket, rows[i].upgrade);
    }
}

TEST(http_head_length_waits_for_the_empty_line)
{
    static const char text[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
    size_t i;

    for (i = 0; i < sizeof(text) - 5; i++)
        CHECK_INT(http_head_length(str_n(text, i)), 0);
    CHECK_INT(http_head_length(str_c(text)), sizeof(text) - 5);
}

/* --- chunks -------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *text;
    enum http_chunks_end end;
    const char *body;
} chunks[] = {
    { "empty", "0\r\n\r\n", CHUNKS_DONE, "" },
    { "one", "3\r\nabc\r\n0\r\n\r\n", CHUNKS_DONE, "abc" },
    { "two", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", CHUNKS_DONE, "abcde" },
    { "hexadecimal", "a\r\n0123456789\r\n0\r\n\r\n", CHUNKS_DONE, "0123456789" },
    { "upper case", "A\r\n0123456789\r\n000\r\n\r\n", CHUNKS_DONE, "0123456789" },
    { "extension", "3;x=\"y\"\r\nabc\r\n0;z\r\n\r\n", CHUNKS_DONE, "abc" },
    { "trailers", "3\r\nabc\r\n0\r\nX: y\r\nZ: w\r\n\r\n", CHUNKS_DONE, "abc" },
    { "CRLF in data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", CHUNKS_DONE, "\r\n\r\n" },
    { "extension after blanks", "3 \t;x\r\nabc\r\n0 ;\r\n\r\n", CHUNKS_DONE, "abc" },
    { "trailer without value", "0\r\nX:\r\nY:\t\r\n\r\n", CHUNKS_DONE, "" },
    { "unfinished size", "3", CHUNKS_MORE, "" },
    { "unfinished data", "3\r\nab", CHUNKS_MORE, "ab" },
    { "unfinished end", "0\r\n", CHUNKS_MORE, "" },
    { "no size", "\r\nabc", CHUNKS_BAD, "" },
    { "not a number", "x\r\n", CHUNKS_BAD, "" },
    { "negative", "-1\r\n", CHUNKS_BAD, "" },
    { "bare LF", "3\nabc", CHUNKS_BAD, "" },
    { "data too long", "3\r\nabcd\r\n", CHUNKS_BAD, "abc" },
    { "LF after data", "3\r\nabc\n", CHUNKS_BAD, "abc" },
    { "size too long", "1000000000000000\r\n", CHUNKS_BAD, "" },
    { "size of 60 bits",
      "fffffffffffffff\r\n"
      "x",
      CHUNKS_MORE, "x" },
    { "bare LF in trailer", "0\r\nX: y\n\r\n", CHUNKS_BAD, "" },
    { "blanks for an extension", "3 \r\nabc\r\n", CHUNKS_BAD, "" },
    { "two numbers", "3 3\r\nabc\r\n", CHUNKS_BAD, "" },
    { "blank before the size", " 3\r\nabc\r\n", CHUNKS_BAD, "" },
    { "signed size", "+3\r\nabc\r\n", CHUNKS_BAD, "" },
    { "prefixed size", "0x3\r\nabc\r\n", CHUNKS_BAD, "" },
    { "extension without a size", ";x\r\nabc\r\n", CHUNKS_BAD, "" },
    { "bare LF ends an extension", "3;x\nabc\r\n0\r\n\r\n", CHUNKS_BAD, "" },
    { "bare CR in an extension", "3;x\ry\r\nabc\r\n", CHUNKS_BAD, "" },
    { "control in an extension", "3;\x01\r\nabc\r\n", CHUNKS_BAD, "" },
    { "size of many zeros", "0000000000000000\r\n\r\n", CHUNKS_BAD, "" },
    { "CR CR LF after data", "3\r\nabc\r\r\n", CHUNKS_BAD, "abc" },
    { "request for a trailer", "0\r\nGET / HTTP/1.1\r\n\r\n", CHUNKS_BAD, "" },
    { "trailer without a colon", "0\r\nX\r\n\r\n", CHUNKS_BAD, "" },
    { "trailer without a name", "0\r\n: y\r\n\r\n", CHUNKS_BAD, "" },
    { "folded trailer", "0\r\nX: y\r\n z\r\n\r\n", CHUNKS_BAD, "" },
    { "blank before the colon of a trailer", "0\r\nX : y\r\n\r\n", CHUNKS_BAD, "" },
    { "bare CR in a trailer", "0\r\nX: y\rZ: w\r\n\r\n", CHUNKS_BAD, "" },
    { "control in a trailer", "0\r\nX: \x01\r\n\r\n", CHUNKS_BAD, "" },
    { "too large", "15\r\n012345678901234567890\r\n", CHUNKS_TOO_LARGE, "" },
};

static enum http_chunks_end feed(struct str in, size_t step, struct buf *body, size_t *used)
{
    struct http_chunks c = { 0 };
    enum http_chunks_end end = CHUNKS_MORE;
    size_t at = 0;

    while (at < in.n && end == CHUNKS_MORE) {
        size_t n = 0;

        end = http_chunks_feed(&c, str_slice(in, at, at + step), &n, body);
        at += n;
        if (end == CHUNKS_MORE)
            CHECK(n == MIN(step, in.n - (at - n)));
    }
    *used = at;
    return end;
}

TEST(http_chunks_are_decoded_however_they_are_cut)
{
    size_t i, step, used;

    for (i = 0; i < ARRAY_LEN(chunks); i++) {
        for (step = 1; step < 40; step += 3) {
            struct buf body = BUF_INIT(20);

            if (feed(str_c(chunks[i].text), step, &body, &used) != chunks[i].end)
                FAIL_TEST("%s in steps of %zu", chunks[i].name, step);
            if (chunks[i].end != CHUNKS_TOO_LARGE)
                CHECK_STR(buf_str(&body), chunks[i].body);
            if (chunks[i].end == CHUNKS_DONE)
                CHECK_INT(used, strlen(chunks[i].text));
            buf_release(&body);
        }
    }
}

TEST(http_chunks_leave_the_next_request_alone)
{
    struct http_chunks c = { 0 };
    struct buf body = BUF_INIT(20);
    size_t used;

    CHECK_INT(http_chunks_feed(&c, STR("1\r\na\r\n0\r\n\r\nGET /"), &used, &body), CHUNKS_DONE);
    CHECK_INT(used, 11);
    buf_release(&body);
}

TEST(http_chunks_bound_extensions_and_trailers)
{
    struct buf text = BUF_INIT(64 * KIB), body = BUF_INIT(20);
    size_t i, used;

    buf_add_c(&text, "1;");
    for (i = 0; i < 1000; i++)
        buf_add_char(&text, 'x');
    CHECK_INT(feed(buf_str(&text), 64, &body, &used), CHUNKS_BAD);
    buf_reset(&text);
    buf_add_c(&text, "0\r\n");
    for (i = 0; i < 1000; i++)
        buf_add_c(&text, "X: yyyyyyyyyyyyyy\r\n");
    CHECK_INT(feed(buf_str(&text), 64, &body, &used), CHUNKS_BAD);
    buf_release(&text);
    buf_release(&body);
}

/* --- routes -------------------------------------------------------------------------------------- */

static const struct {
    const char *pattern, *path;
    bool match;
    const char *params; /* "name=value;" each */
} paths[] = {
    { "/", "/", true, "" },
    { "/", "/a", false, "" },
    { "/live", "/live", true, "" },
    { "/live", "/live/", false, "" },
    { "/live", "/Live", false, "" },
    { "/live", "//live", false, "" },
    { "/a/b", "/a", false, "" },
    { "/a/{x}", "/a/1", true, "x=1;" },
    { "/a/{x}", "/a/", false, "" },
    { "/a/{x}", "/a", false, "" },
    { "/a/{x}", "/a/1/2", false, "" },
    { "/a/{x}/c", "/a/b/c", true, "x=b;" },
    { "/a/{x}/c", "/a/b/d", false, "" },
    { "/a/{x}", "/a/b%2Fc%20d+e", true, "x=b/c d+e;" },
    { "/a/{x}/{y}", "/a/1/2", true, "x=1;y=2;" },
    { "/f/{rest*}", "/f/a/b/c", true, "rest=a/b/c;" },
    { "/f/{rest*}", "/f/a", true, "rest=a;" },
    { "/f/{rest*}", "/f/", false, "" },
    { "/f/{rest*}", "/f//a", true, "rest=/a;" },
    { "/{rest*}", "/x/y", true, "rest=x/y;" },
    { "/v1/{topic*}:publish", "/v1/projects/p/topics/t:publish", true,
      "topic=projects/p/topics/t;" },
    { "/v1/{topic*}:publish", "/v1/projects/p/topics/t", false, "" },
    { "/v1/{topic*}:publish", "/v1/:publish", false, "" },
    { "/v1/{topic*}:publish", "/v1/a:publish/b", false, "" },
    { "/v1/{id}:cancel", "/v1/7:cancel", true, "id=7;" },
    { "/v1/{id}:cancel", "/v1/7:stop", false, "" },
    { "/v1/{id}:cancel", "/v1/7/8:cancel", false, "" },
    { "/v1/documents:commit", "/v1/documents:commit", true, "" },
};

TEST(http_path_match_takes_parameters_and_verbs)
{
    size_t i, j, n;

    for (i = 0; i < ARRAY_LEN(paths); i++) {
        struct http_param params[HTTP_PARAMS_MAX];
        struct arena a = ARENA_INIT;
        struct buf text = BUF_INIT(1000);
        bool match = http_path_match(paths[i].pattern, str_c(paths[i].path), params, &n, &a);

        if (match != paths[i].match)
            FAIL_TEST("%s on %s", paths[i].pattern, paths[i].path);
        for (j = 0; match && j < n; j++)
            buf_addf(&text, STR_FMT "=" STR_FMT ";", STR_ARG(params[j].name),
                     STR_ARG(params[j].value));
        CHECK_STR(buf_str(&text), paths[i].params);
        buf_release(&text);
        arena_release(&a);
    }
}
