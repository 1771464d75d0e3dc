#include "net/http_client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support_test.h"

/* --- a server to ask ----------------------------------------------------------------------------- */

struct app {
    atomic_int hits;
    char redirect[128];
};

static void on_hello(void *app, struct http_req *r)
{
    atomic_fetch_add(&((struct app *)app)->hits, 1);
    http_reply_header(r, "X-Twice", STR("one"));
    http_reply_header(r, "x-twice", STR("two"));
    http_reply(r, 200, "text/plain", STR("hello"));
}

static struct str head_text(struct http_req *r)
{
    static const char *const names[] = {
        "authorization",     "x-api-key", "content-type", "content-length",
        "transfer-encoding", "expect",    "accept",       "cookie"
    };
    struct buf b = BUF_INIT(4 * KIB);
    struct str ret;
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++)
        buf_addf(&b, "%s=" STR_FMT ";", names[i], STR_ARG(http_req_header(r, names[i])));
    ret = arena_str(r->ctx->arena, buf_str(&b));
    buf_release(&b);
    return ret;
}

static void on_mirror(void *app, struct http_req *r)
{
    struct str head = head_text(r);

    (void)app;
    http_reply(r, 200, "text/plain",
               arena_printf(r->ctx->arena, "%d " STR_FMT " " STR_FMT " [" STR_FMT "]",
                            (int)r->method, STR_ARG(r->target), STR_ARG(head), STR_ARG(r->body)));
}

static void on_big(void *app, struct http_req *r)
{
    size_t n = 1000000;
    char *data = arena_alloc(r->ctx->arena, n);

    (void)app;
    memset(data, 'b', n);
    http_reply(r, str_eq_c(http_req_param(r, "status"), "ok") ? 200 : 404, "text/plain",
               str_n(data, n));
}

static void on_redirect(void *app, struct http_req *r)
{
    int64_t status = 0;

    CHECK_OK(str_to_i64(http_req_param(r, "status"), 300, 399, &status));
    http_reply_header(r, "Location", str_c(((struct app *)app)->redirect));
    http_reply(r, (int)status, "text/plain", STR("elsewhere"));
}

#define ALL HTTP_ANY
static const struct http_route routes[] = {
    { .methods = ALL, .path = "/hello", .body_max = 100, .handle = on_hello },
    { .methods = ALL, .path = "/mirror", .body_max = 4 * MIB, .handle = on_mirror },
    { .methods = ALL, .path = "/big/{status}", .handle = on_big },
    { .methods = ALL, .path = "/redirect/{status}", .body_max = 100, .handle = on_redirect },
};

struct fixture {
    struct net net;
    struct app app;
    struct arena arena;
    struct call call;
};

static void open_all(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    net_open(&f->net, 4);
    net_serve(&f->net, (struct http_server_opts){
                           .routes = routes, .n_routes = ARRAY_LEN(routes), .app = &f->app });
}

static void close_all(struct fixture *f)
{
    call_release(&f->call);
    net_close(&f->net);
    arena_release(&f->arena);
}

static void ask(struct fixture *f, const char *path)
{
    f->call.req.url = net_url(&f->net, &f->arena, "http", path);
    call_run(&f->net, &f->call);
}

static void again(struct fixture *f)
{
    call_release(&f->call);
    f->call = (struct call){ 0 };
}

/* --- requests and answers ------------------------------------------------------------------------ */

TEST(http_client_gets_status_headers_and_body)
{
    struct fixture f;

    open_all(&f);
    ask(&f, "/hello?secret=1");
    CHECK_OK(f.call.rc);
    CHECK_INT(f.call.res.status, 200);
    CHECK_STR(f.call.res.body, "hello");
    CHECK_INT(f.call.res.body.p[5], 0);
    CHECK_STR(http_response_header(&f.call.res, "CONTENT-TYPE"), "text/plain");
    CHECK_STR(http_response_header(&f.call.res, "x-twice"), "one");
    CHECK_STR(http_response_header(&f.call.res, "nope"), "");
    CHECK_INT(f.call.res.attempts, 1);
    CHECK(f.call.res.took_us > 0);
    again(&f);
    ask(&f, "/nope");
    CHECK_OK(f.call.rc);
    CHECK_INT(f.call.res.status, 404);
    CHECK_CONTAINS(f.call.res.body, "no such path");
    close_all(&f);
}

TEST(http_client_sends_methods_headers_and_bodies)
{
    static const struct http_header plain[] = { { STR("X-Api-Key"), STR("k") } };
    static const struct http_header json[] = { { STR("Content-Type"), STR("application/json") } };
    static const struct {
        const char *method, *body;
        const struct http_header *header;
        bool basic;
        const char *want;
    } rows[] = {
        { NULL, "", plain, false,
          "1 /mirror "
          "authorization=;x-api-key=k;content-type=;content-length=;transfer-encoding=;expect=;"
          "accept=*/*;cookie=; []" },
        { NULL, "{}", json, false,
          "2 /mirror "
          "authorization=;x-api-key=;content-type=application/"
          "json;content-length=2;transfer-encoding=;expect=;accept=*/*;cookie=; [{}]" },
        { "POST", "", NULL, true,
          "2 /mirror authorization=Basic "
          "dTpw;x-api-key=;content-type=;content-length=0;transfer-encoding=;expect=;accept=*/"
          "*;cookie=; []" },
        { "PUT", "abc", NULL, false,
          "4 /mirror "
          "authorization=;x-api-key=;content-type=;content-length=3;transfer-encoding=;expect=;"
          "accept=*/*;cookie=; [abc]" },
        { "PATCH", "abc", NULL, false,
          "8 /mirror "
          "authorization=;x-api-key=;content-type=;content-length=3;transfer-encoding=;expect=;"
          "accept=*/*;cookie=; [abc]" },
        { "DELETE", "", NULL, false,
          "16 /mirror "
          "authorization=;x-api-key=;content-type=;content-length=;transfer-encoding=;expect=;"
          "accept=*/*;cookie=; []" },
        { "DELETE", "x", NULL, false,
          "16 /mirror "
          "authorization=;x-api-key=;content-type=;content-length=1;transfer-encoding=;expect=;"
          "accept=*/*;cookie=; [x]" },
        { "HEAD", "", NULL, false, "" },
        { "GET", "", NULL, false,
          "1 /mirror "
          "authorization=;x-api-key=;content-type=;content-length=;transfer-encoding=;expect=;"
          "accept=*/*;cookie=; []" },
    };
    struct fixture f;
    size_t i;

    open_all(&f);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        again(&f);
        f.call.req.method = rows[i].method;
        f.call.req.body = str_c(rows[i].body);
        f.call.req.headers = rows[i].header;
        f.call.req.n_headers = rows[i].header ? 1 : 0;
        if (rows[i].basic) {
            f.call.req.basic_user = STR("u");
            f.call.req.basic_password = STR("p");
        }
        ask(&f, "/mirror");
        CHECK_OK(f.call.rc);
        CHECK_INT(f.call.res.status, 200);
        CHECK_STR(f.call.res.body, rows[i].want);
    }
    close_all(&f);
}

TEST(http_client_keeps_its_connection)
{
    static const struct script second = { .expect = "\r\n\r\n",
                                          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb",
                                          .hold = true };
    static const struct script scripts[] = {
        { .expect = "\r\n\r\n",
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
          .hold = true,
          .then = &second },
    };
    struct fixture f;
    struct peer *p;
    int i;

    f = (struct fixture){ 0 };
    net_open(&f.net, 1);
    p = peer_open(&f.net, scripts, 1);
    for (i = 0; i < 2; i++) {
        again(&f);
        f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
        call_run(&f.net, &f.call);
        CHECK_OK(f.call.rc);
        CHECK_STR(f.call.res.body, i ? "b" : "a");
    }
    CHECK_INT(peer_accepted(p), 1);
    peer_close(p);
    close_all(&f);
}

TEST(http_client_bounds_the_answer)
{
    struct fixture f;

    open_all(&f);
    f.call.req.body_max = 1000000;
    ask(&f, "/big/ok");
    CHECK_OK(f.call.rc);
    CHECK_INT(f.call.res.body.n, 1000000);
    again(&f);
    f.call.req.body_max = 999999;
    f.call.req.attempts = 3;
    f.call.req.idempotent = true;
    ask(&f, "/big/ok");
    CHECK_RC(ERR_LIMIT, f.call.rc);
    CHECK_CONTAINS(str_c(f.call.err.text), "longer than 999999 bytes");
    close_all(&f);
}

/* --- streams ------------------------------------------------------------------------------------- */

struct stream {
    struct buf got;
    size_t left, step;
    enum errc fail;
    int calls;
};

static enum errc take(void *arg, const char *data, size_t n)
{
    struct stream *s = arg;

    s->calls++;
    if (s->fail)
        return s->fail;
    buf_add(&s->got, data, n);
    return ERR_OK;
}

static enum errc give(void *arg, char *out, size_t max, size_t *n)
{
    struct stream *s = arg;

    s->calls++;
    if (s->fail)
        return s->fail;
    *n = MIN(MIN(s->left, s->step), max);
    memset(out, 'g', *n);
    s->left -= *n;
    return ERR_OK;
}

TEST(http_client_streams_down_only_what_succeeds)
{
    struct fixture f;
    struct stream s = { 0 };

    open_all(&f);
    buf_init(&s.got, 2 * MIB);
    f.call.req.write = take;
    f.call.req.write_arg = &s;
    f.call.req.body_max = 10; /* is about what is kept, not about what streams */
    ask(&f, "/big/ok");
    CHECK_OK(f.call.rc);
    CHECK_INT(s.got.n, 1000000);
    CHECK_INT(f.call.res.body.n, 0);
    again(&f);
    buf_reset(&s.got);
    f.call.req.write = take;
    f.call.req.write_arg = &s;
    ask(&f, "/big/notfound");
    CHECK_INT(f.call.res.status, 404);
    CHECK_INT(s.got.n, 0);
    CHECK_INT(f.call.res.body.n, 1000000);
    again(&f);
    s.fail = ERR_CLOSED;
    s.calls = 0;
    f.call.req.write = take;
    f.call.req.write_arg = &s;
    f.call.req.attempts = 3;
    f.call.req.idempotent = true;
    ask(&f, "/big/ok");
    CHECK_RC(ERR_CLOSED, f.call.rc);
    CHECK_INT(s.calls, 1);
    buf_release(&s.got);
    close_all(&f);
}

TEST(http_client_streams_up_with_and_without_a_length)
{
    struct fixture f;
    struct stream s = { .left = 300000, .step = 7000 };

    open_all(&f);
    f.call.req.method = "PUT";
    f.call.req.read = give;
    f.call.req.read_arg = &s;
    f.call.req.body_len = 300000;
    ask(&f, "/mirror");
    CHECK_OK(f.call.rc);
    CHECK_CONTAINS(str_slice(f.call.res.body, 0, 200), "4 /mirror ");
    CHECK_CONTAINS(str_slice(f.call.res.body, 0, 200),
                   "content-length=300000;transfer-encoding=;expect=;");
    CHECK(f.call.res.body.n > 300000);
    again(&f);
    s.left = 300000;
    f.call.req.read = give;
    f.call.req.read_arg = &s;
    f.call.req.body_len = -1;
    ask(&f, "/mirror");
    CHECK_OK(f.call.rc);
    CHECK_CONTAINS(str_slice(f.call.res.body, 0, 200), "2 /mirror ");
    CHECK_CONTAINS(str_slice(f.call.res.body, 0, 200),
                   "content-length=;transfer-encoding=chunked;expect=;");
    CHECK(f.call.res.body.n > 300000);
    again(&f);
    s = (struct stream){ .left = 10, .step = 10, .fail = ERR_IO };
    f.call.req.read = give;
    f.call.req.read_arg = &s;
    f.call.req.body_len = 10;
    f.call.req.attempts = 3;
    ask(&f, "/mirror");
    CHECK_RC(ERR_IO, f.call.rc);
    CHECK_INT(s.calls, 1);
    close_all(&f);
}

/* --- repeating ----------------------------------------------------------------------------------- */

#define ANSWER(status, more) \
    "HTTP/1.1 " status " X\r\nContent-Length: 2\r\nConnection: close\r\n" more "\r\nok"

#define SAYS(answer)                            \
    {                                           \
        .expect = "\r\n\r\n", .reply = (answer) \
    }
#define RESETS                              \
    {                                       \
        .expect = "\r\n\r\n", .reset = true \
    }
#define NONE           \
    {                  \
        .expect = NULL \
    }

static const struct {
    const char *name;
    struct script first, second;
    int attempts;
    bool idempotent;
    const char *body;
    enum errc rc;
    int status, accepted;
} repeats[] = {
    { "503 always", SAYS(ANSWER("503", "Retry-After: 0\r\n")), SAYS(ANSWER("200", "")), 2, false,
      "b", ERR_OK, 200, 2 },
    { "429 always", SAYS(ANSWER("429", "Retry-After: 0\r\n")), SAYS(ANSWER("200", "")), 2, false,
      "b", ERR_OK, 200, 2 },
    { "503 is the answer when attempts are spent", SAYS(ANSWER("503", "Retry-After: 0\r\n")),
      SAYS(ANSWER("503", "")), 2, true, "", ERR_OK, 503, 2 },
    { "one attempt by default", SAYS(ANSWER("503", "")), NONE, 0, true, "", ERR_OK, 503, 1 },
    { "500 when idempotent", SAYS(ANSWER("500", "Retry-After: 0\r\n")), SAYS(ANSWER("200", "")), 2,
      true, "b", ERR_OK, 200, 2 },
    { "500 otherwise not", SAYS(ANSWER("500", "")), NONE, 2, false, "b", ERR_OK, 500, 1 },
    { "408 when idempotent", SAYS(ANSWER("408", "Retry-After: 0\r\n")), SAYS(ANSWER("200", "")), 2,
      true, "", ERR_OK, 200, 2 },
    { "502 otherwise not", SAYS(ANSWER("502", "")), NONE, 2, false, "", ERR_OK, 502, 1 },
    { "504 when idempotent", SAYS(ANSWER("504", "Retry-After: 0\r\n")), SAYS(ANSWER("200", "")), 2,
      true, "", ERR_OK, 200, 2 },
    { "404 never", SAYS(ANSWER("404", "")), NONE, 3, true, "", ERR_OK, 404, 1 },
    { "501 never", SAYS(ANSWER("501", "")), NONE, 3, true, "", ERR_OK, 501, 1 },
    { "reset when idempotent", RESETS, SAYS(ANSWER("200", "")), 2, true, "b", ERR_OK, 200, 2 },
    { "reset otherwise not", RESETS, SAYS(ANSWER("200", "")), 2, false, "b", ERR_UPSTREAM, 0, 1 },
    { "closed without an answer, not idempotent", SAYS(NULL), SAYS(ANSWER("200", "")), 2, false,
      "b", ERR_UPSTREAM, 0, 1 },
    { "half an answer when idempotent", SAYS("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
      SAYS(ANSWER("200", "")), 2, true, "", ERR_OK, 200, 2 },
    { "half an answer otherwise not", SAYS("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), NONE,
      2, false, "", ERR_UPSTREAM, 0, 1 },
    { "nonsense", SAYS("SSH-2.0-x\r\n"), NONE, 2, false, "", ERR_UPSTREAM, 0, 1 },
};

TEST(http_client_repeats_what_may_be_repeated)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(repeats); i++) {
        struct script scripts[2] = { repeats[i].first, repeats[i].second };
        struct fixture f = { 0 };
        struct peer *p;

        net_open(&f.net, 1);
        p = peer_open(&f.net, scripts, repeats[i].second.expect ? 2 : 1);
        f.call.req.url =
            arena_printf(&f.arena, "http://127.0.0.1:%d/path?token=secret", peer_port(p));
        f.call.req.body = str_c(repeats[i].body);
        f.call.req.attempts = repeats[i].attempts;
        f.call.req.idempotent = repeats[i].idempotent;
        call_run(&f.net, &f.call);
        if (f.call.rc != repeats[i].rc || f.call.res.status != repeats[i].status ||
            peer_accepted(p) != repeats[i].accepted)
            FAIL_TEST("%s: %s, HTTP %d, %d connections (%s)", repeats[i].name, errc_name(f.call.rc),
                      f.call.res.status, peer_accepted(p), f.call.err.text);
        if (f.call.rc) {
            CHECK_CONTAINS(str_c(f.call.err.text), "http://127.0.0.1:");
            CHECK_CONTAINS(str_c(f.call.err.text), "/path: ");
            CHECK(!str_contains(str_c(f.call.err.text), STR("secret")));
        } else {
            CHECK_INT(f.call.res.attempts, repeats[i].accepted);
        }
        peer_close(p);
        close_all(&f);
    }
}

/* curl itself would send the request again on a fresh connection when a kept one dies: what may have had
 * an effect must not happen twice. */
TEST(http_client_does_not_silently_repeat_on_a_kept_connection)
{
    static const struct script dies = { .expect = "\r\n\r\n", .reset = true };
    static const struct script scripts[] = {
        { .expect = "\r\n\r\n",
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
          .hold = true,
          .then = &dies },
        { .expect = "\r\n\r\n", .reply = ANSWER("200", "") },
    };
    int idempotent;

    for (idempotent = 0; idempotent < 2; idempotent++) {
        struct fixture f = { 0 };
        struct peer *p;
        int i;

        net_open(&f.net, 1);
        p = peer_open(&f.net, scripts, 2);
        for (i = 0; i < 2; i++) {
            again(&f);
            f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
            f.call.req.body = STR("book it");
            f.call.req.attempts = 2;
            f.call.req.idempotent = idempotent;
            call_run(&f.net, &f.call);
        }
        CHECK_RC(idempotent ? ERR_OK : ERR_UPSTREAM, f.call.rc);
        CHECK_INT(peer_accepted(p), idempotent ? 2 : 1);
        peer_close(p);
        close_all(&f);
    }
}

TEST(http_client_repeats_when_it_cannot_connect)
{
    struct fixture f = { 0 };
    struct peer *p;

    net_open(&f.net, 1);
    p = peer_open(&f.net, NULL, 0);
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/x?secret", peer_port(p));
    peer_close(p);
    f.call.req.attempts = 3;
    f.call.req.body = STR("b");
    call_run(&f.net, &f.call);
    CHECK_RC(ERR_UPSTREAM, f.call.rc);
    CHECK(f.call.err.upstream != 0);
    CHECK(!str_contains(str_c(f.call.err.text), STR("secret")));
    close_all(&f);
}

static bool cancelled_now(void *arg)
{
    ++*(int *)arg;
    return true;
}

TEST(http_client_gives_up_waiting_when_it_is_cancelled)
{
    static const struct script scripts[] = { SAYS(ANSWER("503", "Retry-After: 3600\r\n")) };
    struct fixture f = { 0 };
    struct peer *p;
    int asked = 0;

    net_open(&f.net, 1);
    p = peer_open(&f.net, scripts, 1);
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
    f.call.req.attempts = 5;
    f.call.req.cancelled = cancelled_now;
    f.call.req.cancelled_arg = &asked;
    call_run(&f.net, &f.call);
    CHECK_RC(ERR_CLOSED, f.call.rc);
    CHECK_INT(asked, 1);
    peer_close(p);
    close_all(&f);
}

TEST(http_client_never_waits_past_its_deadline)
{
    static const struct script scripts[] = { SAYS(ANSWER("503", "Retry-After: 5\r\n")) };
    struct fixture f = { 0 };
    struct peer *p;

    net_open(&f.net, 1);
    p = peer_open(&f.net, scripts, 1);
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
    f.call.req.attempts = 5;
    f.call.req.deadline_mono_ms = clock_mono_ms(f.net.clock) + 4000;
    call_run(&f.net, &f.call);
    CHECK_OK(f.call.rc); /* the answer there is */
    CHECK_INT(f.call.res.status, 503);
    CHECK_INT(peer_accepted(p), 1);
    again(&f);
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
    f.call.req.deadline_mono_ms = clock_mono_ms(f.net.clock);
    call_run(&f.net, &f.call);
    CHECK_RC(ERR_TIMEOUT, f.call.rc);
    CHECK_INT(peer_accepted(p), 1);
    peer_close(p);
    close_all(&f);
}

TEST(http_client_times_out)
{
    static const struct script scripts[] = {
        { .expect = "\r\n\r\n", .hold = true },
        { .expect = "\r\n\r\n",
          .reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
          .hold = true },
        { .expect = "\r\n\r\n", .hold = true },
        { .expect = "\r\n\r\n", .hold = true },
        { .expect = "\r\n\r\n", .hold = true },
    };
    struct fixture f = { 0 };
    struct peer *p;

    net_open(&f.net, 1);
    p = peer_open(&f.net, scripts, ARRAY_LEN(scripts));
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
    f.call.req.timeout_ms = 50;
    call_run(&f.net, &f.call);
    CHECK_RC(ERR_TIMEOUT, f.call.rc);
    CHECK_CONTAINS(str_c(f.call.err.text), "timed out");
    again(&f); /* no total limit, but nothing moves */
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
    f.call.req.timeout_ms = -1;
    f.call.req.stall_ms = 1000;
    call_run(&f.net, &f.call);
    CHECK_RC(ERR_TIMEOUT, f.call.rc);
    again(&f); /* the deadline is the nearer limit */
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
    f.call.req.deadline_mono_ms = clock_mono_ms(f.net.clock) + 50;
    call_run(&f.net, &f.call);
    CHECK_RC(ERR_TIMEOUT, f.call.rc);
    again(&f); /* a time-out after the request went out counts as a reset */
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
    f.call.req.timeout_ms = 50;
    f.call.req.attempts = 2;
    f.call.req.idempotent = true;
    call_run(&f.net, &f.call);
    CHECK_RC(ERR_TIMEOUT, f.call.rc);
    CHECK_INT(peer_accepted(p), 5);
    peer_close(p);
    close_all(&f);
}

TEST(http_client_waits_longer_with_each_failure)
{
    static const struct script scripts[] = {
        SAYS(ANSWER("503", "")),
        SAYS(ANSWER("503", "")),
        SAYS(ANSWER("200", "")),
    };
    struct fixture f = { 0 };
    struct peer *p;
    int64_t began;

    net_open(&f.net, 1);
    p = peer_open(&f.net, scripts, ARRAY_LEN(scripts));
    f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
    f.call.req.attempts = 3;
    began = clock_mono_ms(f.net.clock);
    call_run(&f.net, &f.call);
    CHECK_INT(f.call.res.status, 200);
    CHECK(clock_mono_ms(f.net.clock) - began >= 100 + 200);
    peer_close(p);
    close_all(&f);
}

TEST(http_client_waits_as_retry_after_asks)
{
    size_t i;

    for (i = 0; i < 2; i++) { /* in seconds, as a date */
        struct fixture f = { 0 };
        struct script scripts[2] = { { .expect = "\r\n\r\n" }, SAYS(ANSWER("200", "")) };
        struct peer *p;
        char date[TIME_TEXT_MAX];
        int64_t began;

        net_open(&f.net, 1);
        time_rfc2822(date, clock_wall_s(f.net.clock) + 2);
        scripts[0].reply = arena_printf(&f.arena,
                                        "HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: "
                                        "close\r\nRetry-After: %s\r\n\r\n",
                                        i ? arena_printf(&f.arena, "%.25s GMT", date).p : "1")
                               .p;
        p = peer_open(&f.net, scripts, 2);
        f.call.req.url = arena_printf(&f.arena, "http://127.0.0.1:%d/", peer_port(p));
        f.call.req.attempts = 2;
        began = clock_mono_ms(f.net.clock);
        call_run(&f.net, &f.call);
        CHECK_INT(f.call.res.status, 200);
        CHECK(clock_mono_ms(f.net.clock) - began >= 950);
        peer_close(p);
        close_all(&f);
    }
}

/* --- redirects ----------------------------------------------------------------------------------- */

TEST(http_client_follows_redirects_when_asked)
{
    static const struct {
        const char *path, *method, *body, *want;
        bool foreign;
    } rows[] = {
        { "/redirect/302", NULL, "",
          "1 /mirror?a authorization=Basic dTpw;x-api-key=k;content-type=a/b;content-length=",
          false },
        { "/redirect/302", NULL, "",
          "1 /mirror?a authorization=;x-api-key=;content-type=a/b;content-length=", true },
        { "/redirect/302", NULL, "b", "1 /mirror?a ", false },
        { "/redirect/303", "PUT", "b", "1 /mirror?a ", false },
        { "/redirect/307", NULL, "b",
          "2 /mirror?a authorization=Basic dTpw;x-api-key=k;content-type=a/b;content-length=1;",
          false },
        { "/redirect/308", "PUT", "b",
          "4 /mirror?a authorization=;x-api-key=;content-type=a/b;content-length=1;", true },
    };
    static const struct http_header headers[] = { { STR("X-Api-Key"), STR("k") },
                                                  { STR("Content-Type"), STR("a/b") } };
    struct fixture f;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        open_all(&f);
        if (rows[i].foreign) /* the same server under another name */
            snprintf(f.app.redirect, sizeof(f.app.redirect), "http://localhost:%d/mirror?a",
                     http_server_port(f.net.server));
        else
            snprintf(f.app.redirect, sizeof(f.app.redirect), "/mirror?a");
        f.call.req.method = rows[i].method;
        f.call.req.body = str_c(rows[i].body);
        f.call.req.headers = headers;
        f.call.req.n_headers = 2;
        f.call.req.basic_user = STR("u");
        f.call.req.basic_password = STR("p");
        f.call.req.follow_redirects = true;
        ask(&f, rows[i].path);
        CHECK_OK(f.call.rc);
        CHECK_INT(f.call.res.status, 200);
        if (!str_starts(f.call.res.body, str_c(rows[i].want)))
            FAIL_TEST("row %zu: " STR_FMT, i, STR_ARG(f.call.res.body));
        close_all(&f);
    }
}

TEST(http_client_stops_following_in_time)
{
    struct fixture f;

    open_all(&f);
    snprintf(f.app.redirect, sizeof(f.app.redirect), "/redirect/302");
    ask(&f, "/redirect/302"); /* not asked to */
    CHECK_INT(f.call.res.status, 302);
    CHECK_STR(f.call.res.body, "elsewhere");
    again(&f);
    f.call.req.follow_redirects = true;
    ask(&f, "/redirect/302"); /* round and round */
    CHECK_OK(f.call.rc);
    CHECK_INT(f.call.res.status, 302);
    again(&f);
    snprintf(f.app.redirect, sizeof(f.app.redirect), "ftp://localhost/x");
    f.call.req.follow_redirects = true;
    ask(&f, "/redirect/302");
    CHECK_OK(f.call.rc);
    CHECK_INT(f.call.res.status, 302);
    close_all(&f);
}

/* --- input --------------------------------------------------------------------------------------- */

TEST(http_client_refuses_what_cannot_be_asked)
{
    static const char *const urls[] = {
        "",          "nonsense",    "ftp://a/",          "file:///etc/passwd", "http://",
        "http:///x", "http://a b/", "http://a/\r\nX: y", "http://a/\x01",      "http://a:99999/"
    };
    static const struct http_header injected[] = { { STR("X"), STR("a\r\nY: b") } };
    static const struct http_header nul[] = { { STR("X"), { "a\0b", 3 } } };
    struct fixture f;
    size_t i;

    open_all(&f);
    for (i = 0; i < ARRAY_LEN(urls); i++) {
        again(&f);
        f.call.req.url = str_c(urls[i]);
        call_run(&f.net, &f.call);
        if (f.call.rc != ERR_INVALID)
            FAIL_TEST("%s: %s", urls[i], errc_name(f.call.rc));
    }
    for (i = 0; i < 2; i++) {
        again(&f);
        f.call.req.headers = i ? nul : injected;
        f.call.req.n_headers = 1;
        ask(&f, "/hello");
        CHECK_RC(ERR_INVALID, f.call.rc);
    }
    CHECK_INT(atomic_load(&f.app.hits), 0);
    again(&f);
    f.call.req.url = arena_printf(&f.arena, "http://user:secret@127.0.0.1:1/p?q=secret#secret");
    call_run(&f.net, &f.call);
    CHECK_RC(ERR_UPSTREAM, f.call.rc);
    CHECK(!str_contains(str_c(f.call.err.text), STR("secret")));
    CHECK_CONTAINS(str_c(f.call.err.text), "GET http://127.0.0.1:1/p: ");
    close_all(&f);
}

TEST(http_client_maps_statuses_to_kinds)
{
    static const struct {
        int status;
        enum errc rc;
    } rows[] = { { 200, ERR_OK },       { 204, ERR_OK },        { 299, ERR_OK },
                 { 301, ERR_UPSTREAM }, { 400, ERR_INVALID },   { 401, ERR_DENIED },
                 { 403, ERR_DENIED },   { 404, ERR_NOT_FOUND }, { 405, ERR_INVALID },
                 { 408, ERR_TIMEOUT },  { 409, ERR_CONFLICT },  { 410, ERR_NOT_FOUND },
                 { 412, ERR_CONFLICT }, { 413, ERR_LIMIT },     { 422, ERR_INVALID },
                 { 429, ERR_AGAIN },    { 500, ERR_UPSTREAM },  { 503, ERR_AGAIN },
                 { 504, ERR_TIMEOUT },  { 599, ERR_UPSTREAM } };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_RC(rows[i].rc, http_status_errc(rows[i].status));
}
