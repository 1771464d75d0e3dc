#include "net/http_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_server_internal.h"
#include "support_test.h"

/* --- the app ------------------------------------------------------------------------------------- */

struct app {
    sem_t go, entered;
    atomic_int written_kib; /* by on_stream */
    atomic_int stream_rc;
    int stream_kib;
    atomic_int handled;
};

static void on_hello(void *app, struct http_req *r)
{
    (void)app;
    http_reply(r, 200, "text/plain", STR("hello"));
}

static void on_echo(void *app, struct http_req *r)
{
    (void)app;
    http_reply(r, 200, "application/octet-stream", r->body);
}

static void on_target(void *app, struct http_req *r)
{
    (void)app;
    http_reply(r, 200, "text/plain",
               arena_printf(r->ctx->arena, "[" STR_FMT "|" STR_FMT "|" STR_FMT "]",
                            STR_ARG(r->target), STR_ARG(r->path), STR_ARG(r->query)));
}

static void on_headers(void *app, struct http_req *r)
{
    (void)app;
    http_reply_header(r, "X-Copy", http_req_header(r, "X-Twilio-Signature"));
    http_reply_header(r, "X-Inject", STR("a\r\nX-Evil: 1\r\n\r\nb"));
    http_reply_header(r, "bad name", STR("x"));
    http_reply(r, 200, "text/plain",
               arena_printf(r->ctx->arena, "ip=" STR_FMT " id=" STR_FMT " trace=%s",
                            STR_ARG(r->peer_ip), STR_ARG(http_req_param(r, "id")),
                            r->ctx->log.trace));
}

static void on_silent(void *app, struct http_req *r)
{
    (void)app;
    (void)r;
}

static void on_twice(void *app, struct http_req *r)
{
    (void)app;
    http_reply_error(r, 409, "first \"%s\"", "quoted");
    http_reply(r, 200, "text/plain", STR("second"));
}

static void on_wait(void *arg, struct http_req *r)
{
    struct app *app = arg;

    sem_post(&app->entered);
    sem_wait(&app->go);
    http_reply(r, 200, "text/plain", STR("waited"));
    atomic_fetch_add(&app->handled, 1);
}

static void on_typed(void *app, struct http_req *r)
{
    const char *type = arena_cstr(r->ctx->arena, r->body); /* as a store of objects would */

    (void)app;
    if (str_eq_c(r->query, "stream")) {
        CHECK_OK(http_reply_begin(r, 200, type, 2));
        CHECK_OK(http_reply_write(r, "ok", 2));
        http_reply_end(r);
    } else {
        http_reply(r, 200, type, STR("ok"));
    }
}

static void on_stream(void *arg, struct http_req *r)
{
    static const char kib[1024] = "0123456789";
    struct app *app = arg;
    enum errc rc = http_reply_begin(r, 200, "application/octet-stream", -1);
    int i;

    for (i = 0; i < app->stream_kib && !rc; i++) {
        rc = http_reply_write(r, kib, sizeof(kib));
        atomic_fetch_add(&app->written_kib, !rc);
    }
    atomic_store(&app->stream_rc, (int)rc);
    http_reply_end(r);
    atomic_fetch_add(&app->handled, 1);
}

static void on_sized(void *app, struct http_req *r)
{
    int64_t announced = 0;

    (void)app;
    CHECK_OK(str_to_i64(http_req_param(r, "n"), 0, 100, &announced));
    CHECK_OK(http_reply_begin(r, 200, "text/plain", announced));
    CHECK_RC(ERR_INVALID, http_reply_begin(r, 200, "text/plain", announced));
    CHECK_OK(http_reply_write(r, "abc", 3));
    if (announced == 3)
        CHECK_RC(ERR_INVALID, http_reply_write(r, "d", 1));
    http_reply_end(r);
    CHECK_RC(ERR_INVALID, http_reply_write(r, "e", 1));
}

static void on_big(void *app, struct http_req *r)
{
    size_t n = 3 * MIB;
    char *body = arena_alloc(r->ctx->arena, n);

    (void)app;
    memset(body, 'b', n);
    http_reply(r, 200, "application/octet-stream", str_n(body, n));
}

static void on_empty(void *app, struct http_req *r)
{
    (void)app;
    http_reply_empty(r, 204);
}

static enum errc deny(void *app, struct http_req *r)
{
    (void)app;
    if (str_eq_c(http_req_header(r, "authorization"), "let me in"))
        return ERR_OK;
    http_reply_error(r, 403, "no");
    return ERR_DENIED;
}

static const struct http_route routes[] = {
    { .methods = HTTP_GET, .path = "/hello", .handle = on_hello },
    { .methods = HTTP_POST | HTTP_PUT, .path = "/echo", .body_max = 1000, .handle = on_echo },
    { .methods = HTTP_POST, .path = "/large", .body_max = 8 * MIB, .handle = on_echo },
    { .methods = HTTP_POST, .path = "/bodiless", .handle = on_hello },
    { .methods = HTTP_POST, .path = "/typed", .body_max = 100000, .handle = on_typed },
    { .methods = HTTP_GET, .path = "/live", .handle = on_hello, .on_loop = true },
    { .methods = HTTP_GET, .path = "/headers/{id}", .handle = on_headers },
    { .methods = HTTP_GET, .path = "/silent", .handle = on_silent },
    { .methods = HTTP_GET, .path = "/twice", .handle = on_twice },
    { .methods = HTTP_GET, .path = "/wait", .handle = on_wait },
    { .methods = HTTP_GET, .path = "/stream", .handle = on_stream },
    { .methods = HTTP_GET, .path = "/sized/{n}", .handle = on_sized },
    { .methods = HTTP_GET, .path = "/big", .handle = on_big },
    { .methods = HTTP_GET, .path = "/empty", .handle = on_empty },
    { .methods = HTTP_GET, .path = "/guarded", .admit = deny, .handle = on_hello },
    { .methods = HTTP_PUT, .path = "/things/{x}", .body_max = 10, .handle = on_echo },
    { .methods = HTTP_GET | HTTP_DELETE, .path = "/things/{x}", .handle = on_hello },
    { .methods = HTTP_GET, .path = "/t/{rest*}", .handle = on_target },
};

struct fixture {
    struct net net;
    struct app app;
    struct arena arena;
};

static void serve(struct fixture *f)
{
    sem_init(&f->app.go, 0, 0);
    sem_init(&f->app.entered, 0, 0);
    net_serve(&f->net, (struct http_server_opts){
                           .routes = routes, .n_routes = ARRAY_LEN(routes), .app = &f->app });
}

static void open_server(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    net_open(&f->net, 2);
    serve(f);
}

static void open_server_fake(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    net_open_fake(&f->net, 1);
    serve(f);
}

static void close_server(struct fixture *f)
{
    net_close(&f->net);
    sem_destroy(&f->app.go);
    sem_destroy(&f->app.entered);
    arena_release(&f->arena);
}

static struct str once(struct fixture *f, const char *request)
{
    return raw_once(&f->net, &f->arena, str_c(request));
}

static struct str body_of(struct str answer)
{
    return str_from(answer, str_find(answer, STR("\r\n\r\n")) + 4);
}

static size_t count(struct str text, const char *needle)
{
    struct str n = str_c(needle);
    size_t hits = 0;

    while (str_contains(text, n)) {
        hits++;
        text = str_from(text, str_find(text, n) + n.n);
    }
    return hits;
}

/* --- answers ------------------------------------------------------------------------------------- */

TEST(http_server_answers_from_worker_and_loop)
{
    struct fixture f;
    struct str got;

    open_server(&f);
    got = once(&f, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK_CONTAINS(got, "HTTP/1.1 200 OK\r\nDate: ");
    CHECK_CONTAINS(got, " GMT\r\n");
    CHECK_CONTAINS(got, "Content-Type: text/plain\r\n");
    CHECK_CONTAINS(got, "Content-Length: 5\r\n");
    CHECK_CONTAINS(got, "Connection: close\r\n");
    CHECK_STR(body_of(got), "hello");
    got = once(&f, "GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK_STR(body_of(got), "hello");
    got = once(
        &f, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
    CHECK_STR(body_of(got), "abc");
    close_server(&f);
}

static const struct {
    const char *name;
    const char *request;
    const char *status;
    const char *also; /* in the answer; NULL: nothing */
} requests[] = {
    { "unknown path", "GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404 Not Found",
      "{\"error\":{\"code\":404,\"message\":\"no such path\"}}" },
    { "asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404", NULL },
    { "wrong method",
      "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      "405 Method Not Allowed", "Allow: GET, HEAD\r\n" },
    { "unknown method", "BREW /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "405",
      "Allow: GET, HEAD\r\n" },
    { "methods of all routes with the path",
      "PATCH /things/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      "405", "Allow: GET, HEAD, PUT, DELETE\r\n" },
    { "second route with the path",
      "DELETE /things/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200", NULL },
    { "no length", "POST /echo HTTP/1.1\r\nHost: x\r\n\r\n", "411 Length Required", NULL },
    { "no length where none is needed",
      "POST /bodiless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200", NULL },
    { "a body where none is wanted",
      "POST /bodiless HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", "413", NULL },
    { "a body for GET", "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", "413",
      NULL },
    { "too large", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n",
      "413 Content Too Large", "Connection: close\r\n" },
    { "too large in chunks",
      "PUT /things/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
      "413", NULL },
    { "malformed chunks",
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400",
      "chunked" },
    { "malformed line", "NONSENSE\r\n\r\n", "400 Bad Request", "\"code\":400" },
    { "TLS hello", "\x16\x03\x01\x02 nonsense\r\n\r\n", "400", NULL },
    { "version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505", NULL },
    { "fragment", "GET /hello#there HTTP/1.1\r\nHost: x\r\n\r\n", "400", NULL },
    { "smuggled",
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "400", NULL },
    { "coding", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501", NULL },
    { "expectation", "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: wine\r\nContent-Length: 1\r\n\r\na",
      "417", NULL },
    { "no answer made", "GET /silent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "500",
      NULL },
    { "two answers", "GET /twice HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "409 Conflict",
      "{\"error\":{\"code\":409,\"message\":\"first \\\"quoted\\\"\"}}" },
    { "not admitted", "GET /guarded HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      "403 Forbidden", NULL },
    { "admitted",
      "GET /guarded HTTP/1.1\r\nHost: x\r\nAuthorization: let me in\r\nConnection: close\r\n\r\n",
      "200", NULL },
    { "no content", "GET /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "204 No Content",
      NULL },
    { "1.0 closes", "GET /hello HTTP/1.0\r\n\r\n", "200", "Connection: close\r\n" },
    { "absolute form", "GET http://x/hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200",
      NULL },
    { "encoded name is another path",
      "GET /hell%6F HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404", NULL },
};

TEST(http_server_gives_each_request_its_status)
{
    struct fixture f;
    size_t i;

    open_server(&f);
    for (i = 0; i < ARRAY_LEN(requests); i++) {
        struct str got = once(&f, requests[i].request);
        struct str want = arena_printf(&f.arena, "HTTP/1.1 %s", requests[i].status);

        if (!str_starts(got, want) || count(got, "\r\nDate: ") != 1)
            FAIL_TEST("%s: expected %s, got " STR_FMT, requests[i].name, requests[i].status,
                      STR_ARG(got));
        if (requests[i].also)
            CHECK_CONTAINS(got, requests[i].also);
    }
    close_server(&f);
}

/* What a proxy in front might have let pass as a body must never be taken for a request of its own. */
TEST(http_server_answers_nothing_behind_a_request_whose_end_is_in_doubt)
{
#define BEHIND "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST_ECHO "POST /echo HTTP/1.1\r\nHost: x\r\n"
    static const char *const rows[] = {
        POST_ECHO "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" BEHIND,
        POST_ECHO "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" BEHIND,
        POST_ECHO "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "X: y\nContent-Length: 3\r\n\r\nabc" BEHIND,
        POST_ECHO "Transfer-Encoding: chunked\r\n\r\n3;x\nabc\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" BEHIND,
        POST_ECHO "Transfer-Encoding: chunked\r\n\r\n0\r\n" BEHIND,
        POST_ECHO "Content-Length: 1001\r\n\r\n" BEHIND,
        POST_ECHO "\r\n" BEHIND,
        "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n" BEHIND,
        "GET /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n" BEHIND,
        "GET /hello HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n" BEHIND,
    };
#undef POST_ECHO
#undef BEHIND
    struct fixture f;
    size_t i;

    open_server(&f);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct str got = once(&f, rows[i]);

        if (count(got, "HTTP/1.1 ") != 1)
            FAIL_TEST("row %zu: " STR_FMT, i, STR_ARG(got));
    }
    close_server(&f);
}

static struct str repeat(struct arena *a, const char *before, char c, size_t n, const char *after)
{
    struct buf b = BUF_INIT(16 * MIB);
    struct str ret;
    size_t i;

    buf_add_c(&b, before);
    for (i = 0; i < n; i++)
        buf_add_char(&b, c);
    buf_add_c(&b, after);
    ret = arena_str(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

TEST(http_server_bounds_what_comes_before_the_body)
{
    static const struct {
        const char *before, *after;
        size_t n;
        const char *status;
    } rows[] = {
        { "GET /", " HTTP/1.1\r\nHost: x\r\n\r\n", 9000, "414" },
        { "GET /", "", 20000, "414" },
        { "GET /", " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 8000, "404" },
        { "GET /hello HTTP/1.1\r\nHost: x\r\nX: ", "\r\n\r\n", 33000, "431" },
        { "GET /hello HTTP/1.1\r\nHost: x\r\nX: ", "", 80000, "431" },
        { "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ", "\r\n\r\n", 30000, "200" },
    };
    struct fixture f;
    struct buf many = BUF_INIT(64 * KIB);
    size_t i;

    open_server(&f);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct str got = raw_once(&f.net, &f.arena,
                                  repeat(&f.arena, rows[i].before, 'a', rows[i].n, rows[i].after));

        CHECK_STR(str_slice(got, 9, 12), rows[i].status);
    }
    buf_add_c(&many, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    for (i = 0; i < 200; i++)
        buf_addf(&many, "X-%zu: y\r\n", i);
    buf_add_c(&many, "\r\n");
    CHECK_STR(str_slice(raw_once(&f.net, &f.arena, buf_str(&many)), 9, 12), "431");
    buf_release(&many);
    close_server(&f);
}

TEST(http_server_hands_on_the_target_byte_for_byte)
{
    static const char *const targets[] = {
        "/t/a",
        "/t/a%2Fb",
        "/t/a%20b",
        "/t/a+b?c+d",
        "/t/a;b=c;d?e;f",
        "/t/a?b&&c",
        "/t/a?b?c?d",
        "/t/a?",
        "/t//a///b",
        "/t/\xc3\xa4?\xe2\x82\xac",
        "/t/a?&=&==",
        "/t/a?x=%",
        "/t/a?x=%zz%2",
        "/t/../a/./b",
        "/t/a?b=//c/../d",
        "/t/%00?%00",
        "/t/a?b=c%26d=e",
        "/t/A?B",
        "/t/{a}|\\^`\"<>",
        "/t/a?q=https://x.y/z?a=b&c=%C3%A4",
        "/t/%2e%2e/%2F",
        "/t/a?x=1&x=2&x=",
    };
    struct fixture f;
    struct raw r;
    size_t i;

    open_server(&f);
    raw_open(&r, &f.net); /* all on one connection: later requests are read like the first */
    for (i = 0; i < ARRAY_LEN(targets); i++) {
        const char *query = strchr(targets[i], '?');
        struct str path =
            query ? str_n(targets[i], (size_t)(query - targets[i])) : str_c(targets[i]);
        struct str want = arena_printf(&f.arena, "[%s|" STR_FMT "|%s]", targets[i], STR_ARG(path),
                                       query ? query + 1 : "");

        buf_reset(&r.got);
        raw_send(&r, arena_printf(&f.arena, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]));
        raw_until(&r, want.p);
        CHECK_STR(body_of(buf_str(&r.got)), want.p);
    }
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_shows_headers_parameters_and_peer)
{
    struct fixture f;
    struct str got;

    open_server(&f);
    got = once(&f, "GET /headers/a%20b HTTP/1.1\r\nHost: x\r\nx-twilio-SIGNATURE:  s=1 "
                   "\r\nConnection: close\r\n"
                   "traceparent: 00-0123456789abcdef0123456789ABCDEF-0123456789abcdef-01\r\n\r\n");
    CHECK_CONTAINS(got, "X-Copy: s=1\r\n");
    CHECK_CONTAINS(got, "X-Inject: a  X-Evil: 1    b\r\n");
    CHECK(!str_contains(got, STR("bad name")));
    CHECK_STR(body_of(got), "ip=127.0.0.1 id=a b trace=0123456789abcdef0123456789ABCDEF");
    got = once(&f, "GET /headers/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                   "X-Cloud-Trace-Context: 105445aa7843bc8bf206b12000100000/1;o=1\r\n\r\n");
    CHECK_CONTAINS(got, "trace=105445aa7843bc8bf206b12000100000");
    close_server(&f);
}

TEST(http_server_lets_no_content_type_write_headers)
{
    static const char *const paths[] = { "/typed", "/typed?stream" };
    static char long_type[90000];
    struct fixture f;
    struct str got;
    size_t i, k;

    open_server(&f);
    memset(long_type, 't', sizeof(long_type) - 1);
    for (i = 0; i < ARRAY_LEN(paths); i++) {
        const char *types[] = { "a\r\nX-Evil: 1\r\n\r\nb", long_type };

        for (k = 0; k < ARRAY_LEN(types); k++) {
            got = once(&f, arena_printf(&f.arena,
                                        "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                        "Content-Length: %zu\r\n\r\n%s",
                                        paths[i], strlen(types[k]), types[k])
                               .p);
            CHECK(!str_contains(got, STR("\r\nX-Evil")));
            CHECK_STR(body_of(got), "ok");
        }
    }
    close_server(&f);
}

TEST(http_server_logs_a_request_without_its_query)
{
    struct fixture f;
    struct str lines;

    open_server(&f);
    once(&f, "GET /hello?token=secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    once(&f, "GET /nope?token=secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    lines = buf_str(&f.net.lines);
    CHECK_CONTAINS(lines, "method=GET path=/hello status=200 latency_ms=");
    CHECK_CONTAINS(lines, "method=GET path=/nope status=404 latency_ms=");
    CHECK(!str_contains(lines, STR("secret")));
    close_server(&f);
}

/* --- connections --------------------------------------------------------------------------------- */

TEST(http_server_answers_pipelined_requests_in_order)
{
    struct fixture f;
    struct raw r;
    struct str got;

    open_server(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /t/1 HTTP/1.1\r\nHost: x\r\n\r\n"
                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n[two|2]"
                   "GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
                   "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n3\r\n[4|\r\n2\r\n4]\r\n0\r\n\r\n"
                   "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n"
                   "GET /t/6 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw_until_eof(&r);
    got = buf_str(&r.got);
    CHECK_INT(count(got, "HTTP/1.1 200 OK"), 5);
    CHECK_INT(count(got, "HTTP/1.1 404"), 1);
    CHECK(str_find(got, STR("[/t/1|")) < str_find(got, STR("[two|2]")));
    CHECK(str_find(got, STR("[two|2]")) < str_find(got, STR("hello")));
    CHECK(str_find(got, STR("hello")) < str_find(got, STR("[4|4]")));
    CHECK(str_find(got, STR("[4|4]")) < str_find(got, STR("404")));
    CHECK(str_find(got, STR("404")) < str_find(got, STR("[/t/6|")));
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_reads_a_request_that_comes_byte_by_byte)
{
    static const char text[] = "\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                               "chunked\r\nConnection: close\r\n\r\n"
                               "2;x\r\nab\r\n1\r\nc\r\n0\r\nT: u\r\n\r\n";
    struct fixture f;
    struct raw r;
    size_t i;

    open_server(&f);
    raw_open(&r, &f.net);
    for (i = 0; i < sizeof(text) - 1; i++) {
        raw_send(&r, str_n(text + i, 1));
        net_turn(&f.net);
    }
    raw_until_eof(&r);
    CHECK_STR(body_of(buf_str(&r.got)), "abc");
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_says_100_only_when_it_wants_the_body)
{
    struct fixture f;
    struct raw r;
    struct str got;

    open_server(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: "
                   "100-continue\r\nConnection: close\r\n\r\n");
    raw_until(&r, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_send_c(&r, "abc");
    raw_until_eof(&r);
    CHECK_CONTAINS(buf_str(&r.got), "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n");
    raw_close(&r);
    got = once(
        &f,
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\nExpect: 100-continue\r\n\r\n");
    CHECK(str_starts(got, STR("HTTP/1.1 413")));
    close_server(&f);
}

TEST(http_server_answers_head_without_a_body)
{
    struct fixture f;
    struct raw r;

    open_server(&f);
    f.app.stream_kib = 4;
    raw_open(&r, &f.net);
    raw_send_c(&r, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n"
                   "HEAD /nope HTTP/1.1\r\nHost: x\r\n\r\nHEAD /echo HTTP/1.1\r\nHost: "
                   "x\r\nConnection: close\r\n\r\n");
    raw_until_eof(&r);
    CHECK_CONTAINS(buf_str(&r.got), "Content-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n");
    CHECK_CONTAINS(buf_str(&r.got), "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 404");
    CHECK_CONTAINS(buf_str(&r.got), "HTTP/1.1 405");
    CHECK(str_ends(buf_str(&r.got), STR("\r\n\r\n")));
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_delivers_a_refusal_while_the_body_is_still_coming)
{
    struct fixture f;
    struct raw r;

    open_server(&f);
    raw_open(&r, &f.net);
    raw_send(&r,
             repeat(&f.arena, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n",
                    'x', 500000, ""));
    raw_until_eof(&r);
    CHECK(str_starts(buf_str(&r.got), STR("HTTP/1.1 413")));
    CHECK_CONTAINS(buf_str(&r.got), "too large");
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_takes_large_bodies_and_gives_large_answers)
{
    struct fixture f;
    struct raw r;
    struct str got;

    open_server(&f);
    raw_open(&r, &f.net);
    raw_send(&r, repeat(&f.arena,
                        "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\nConnection: "
                        "close\r\n\r\n",
                        'x', 5000000, ""));
    raw_until_eof(&r);
    CHECK_INT(body_of(buf_str(&r.got)).n, 5000000);
    raw_close(&r);
    got = once(&f, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK_INT(body_of(got).n, 3 * MIB);
    close_server(&f);
}

TEST(http_server_closes_what_is_slow_or_idle)
{
    static const struct {
        const char *name, *sent;
        int64_t after_ms;
        const char *answer; /* NULL: none, only the end */
    } rows[] = {
        { "idle", "", HTTP_SERVER_IDLE_MS, NULL },
        { "idle after a request", "GET /live HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_SERVER_IDLE_MS,
          "HTTP/1.1 200" },
        { "slow head", "GET /live HT", HTTP_SERVER_REQUEST_MS, "HTTP/1.1 408" },
        { "slow body", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na",
          HTTP_SERVER_REQUEST_MS, "HTTP/1.1 408" },
        { "slow chunks", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3",
          HTTP_SERVER_REQUEST_MS, "HTTP/1.1 408" },
    };
    struct fixture f;
    size_t i;

    open_server_fake(&f);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct raw r;

        raw_open(&r, &f.net);
        raw_send_c(&r, rows[i].sent);
        while (!f.net.server->n_conns)
            net_turn(&f.net);
        net_turn(&f.net);
        net_turn(&f.net);
        net_advance(&f.net, rows[i].after_ms - 1);
        CHECK(!r.eof);
        net_advance(&f.net, 1);
        raw_until_eof(&r);
        if (rows[i].answer && !str_starts(buf_str(&r.got), str_c(rows[i].answer)))
            FAIL_TEST("%s: " STR_FMT, rows[i].name, STR_ARG(buf_str(&r.got)));
        if (!rows[i].answer)
            CHECK_INT(r.got.n, 0);
        raw_close(&r);
        while (f.net.server->n_conns)
            net_turn(&f.net);
    }
    close_server(&f);
}

TEST(http_server_trickled_bytes_do_not_extend_the_time_for_a_request)
{
    struct fixture f;
    struct raw r;
    int i;

    open_server_fake(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /hello HTTP/1.1\r\nX: ");
    while (!f.net.server->n_conns)
        net_turn(&f.net);
    for (i = 0; i < 19; i++) {
        raw_send_c(&r, "x");
        net_turn(&f.net);
        net_advance(&f.net, 1000);
        CHECK(!r.eof);
    }
    net_advance(&f.net, 1000);
    raw_until_eof(&r);
    CHECK(str_starts(buf_str(&r.got), STR("HTTP/1.1 408")));
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_lingers_only_so_long_after_the_last_answer)
{
    struct fixture f;
    struct raw r;

    open_server_fake(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw_until_eof(&r); /* the server's half is closed, ours is not */
    CHECK_INT(f.net.server->n_conns, 1);
    net_advance(&f.net, HTTP_LINGER_MS);
    CHECK_INT(f.net.server->n_conns, 0);
    raw_close(&r);
    close_server(&f);
}

static bool no_conns(void *arg)
{
    return ((struct http_server *)arg)->n_conns == 0;
}

TEST(http_server_gives_up_on_a_peer_that_takes_nothing)
{
    struct fixture f;
    struct raw r;

    open_server_fake(&f);
    f.app.stream_kib = 64 * 1024;
    raw_open(&r, &f.net);
    r.watch = loop_fd_unwatch(r.watch); /* reads nothing */
    raw_send_c(&r, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    while (atomic_load(&f.app.written_kib) < 256)
        net_turn(&f.net);
    while (f.net.server->n_conns) /* the socket fills up, then time passes */
        net_advance(&f.net, HTTP_SEND_STALL_MS / 16);
    while (!atomic_load(&f.app.handled))
        net_turn(&f.net);
    CHECK_INT(atomic_load(&f.app.stream_rc), ERR_CLOSED);
    CHECK_CONTAINS(buf_str(&f.net.lines), "undelivered=true");
    raw_close(&r);
    close_server(&f);
}

struct handled {
    struct app *app;
    int n;
};

static bool has_handled(void *arg)
{
    struct handled *h = arg;

    return atomic_load(&h->app->handled) >= h->n;
}

TEST(http_server_tells_the_worker_when_the_peer_has_gone)
{
    struct fixture f;
    struct raw r;

    open_server(&f);
    f.app.stream_kib = 64 * 1024;
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_until_n(&r, 100000);
    raw_close(&r);
    while (!atomic_load(&f.app.handled))
        net_turn(&f.net);
    CHECK_INT(atomic_load(&f.app.stream_rc), ERR_CLOSED);
    CHECK(atomic_load(&f.app.written_kib) < 64 * 1024);
    net_until(&f.net, no_conns, f.net.server);
    close_server(&f);
}

TEST(http_server_holds_the_worker_back_while_the_peer_reads_slowly)
{
    struct fixture f;
    struct raw r;
    int before, i;

    open_server(&f);
    f.app.stream_kib = 32 * 1024;
    raw_open(&r, &f.net);
    r.watch = loop_fd_unwatch(r.watch);
    raw_send_c(&r, "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    do { /* until it moves no further: what is in flight is bounded by sockets and HTTP_STREAM_ROOM */
        before = atomic_load(&f.app.written_kib);
        for (i = 0; i < 200; i++)
            net_turn(&f.net);
    } while (!before || atomic_load(&f.app.written_kib) != before);
    CHECK(before < 24 * 1024);
    CHECK(!atomic_load(&f.app.handled));
    CHECK(f.net.loop);
    r.got.n = 0;
    raw_close(&r);
    while (!atomic_load(&f.app.handled))
        net_turn(&f.net);

    atomic_store(&f.app.handled, 0); /* and one who reads all gets all, in chunks */
    atomic_store(&f.app.written_kib, 0);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw_until_eof(&r);
    CHECK_CONTAINS(str_slice(buf_str(&r.got), 0, 300), "Transfer-Encoding: chunked\r\n");
    {
        struct http_chunks c = { 0 };
        struct buf body = BUF_INIT(64 * MIB);
        size_t used;

        CHECK_INT(http_chunks_feed(&c, body_of(buf_str(&r.got)), &used, &body), CHUNKS_DONE);
        CHECK_INT(body.n, 32 * MIB);
        buf_release(&body);
    }
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_keeps_to_an_announced_length)
{
    struct fixture f;
    struct raw r;

    open_server(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /sized/3 HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_until(&r, "Content-Length: 3\r\n\r\nabc");
    raw_send_c(
        &r,
        "GET /sized/9 HTTP/1.1\r\nHost: x\r\n\r\n"); /* less is written: only the end can tell */
    raw_until_eof(&r);
    CHECK_CONTAINS(buf_str(&r.got), "Content-Length: 9\r\n\r\nabc");
    CHECK(str_ends(buf_str(&r.got), STR("abc")));
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_speaks_http_1_0)
{
    struct fixture f;
    struct raw r;
    struct str got;

    open_server(&f);
    f.app.stream_kib = 2;
    got = once(&f, "GET /stream HTTP/1.0\r\n\r\n");
    CHECK(!str_contains(got, STR("chunked")));
    CHECK_INT(body_of(got).n, 2048);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    raw_until(&r, "Connection: keep-alive\r\n");
    raw_send_c(&r, "GET /hello HTTP/1.0\r\n\r\n");
    raw_until_eof(&r);
    CHECK_INT(count(buf_str(&r.got), "200 OK"), 2);
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_accepts_a_peer_that_closes_its_half_after_the_request)
{
    struct fixture f;
    struct raw r;

    open_server(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(shutdown(r.fd, SHUT_WR) == 0);
    raw_until_eof(&r);
    CHECK_STR(body_of(buf_str(&r.got)), "hello");
    raw_close(&r);
    close_server(&f);
}

/* --- load and the end ---------------------------------------------------------------------------- */

static void nothing(void *arg, struct ctx *ctx)
{
    (void)arg;
    (void)ctx;
}

static void release_all(struct fixture *f, int n)
{
    while (n--)
        sem_post(&f->app.go);
}

TEST(http_server_says_503_when_the_workers_are_behind)
{
    struct fixture f;
    struct raw busy[2];
    struct str got;
    int i;

    open_server(&f);
    for (i = 0; i < 2; i++) {
        raw_open(&busy[i], &f.net);
        raw_send_c(&busy[i], "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
        while (sem_trywait(&f.app.entered))
            net_turn(&f.net);
    }
    while (!workers_submit(f.net.workers, nothing, NULL, NULL))
        ;
    got = once(&f, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(str_starts(got, STR("HTTP/1.1 503 Service Unavailable\r\n")));
    CHECK_CONTAINS(got, "Retry-After: 1\r\n");
    got = once(&f,
               "GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); /* needs no worker */
    CHECK_STR(body_of(got), "hello");
    release_all(&f, 2);
    for (i = 0; i < 2; i++) {
        raw_until(&busy[i], "waited");
        raw_close(&busy[i]);
    }
    close_server(&f);
}

/* A worker's end may reach the loop before the wake-up that its answer caused: when the hand-back of
 * another job is under way already, it goes along with that one. */
struct meeting {
    pthread_barrier_t barrier;
    sem_t over;
};

static void meet(void *arg, struct ctx *ctx)
{
    struct meeting *m = arg;

    (void)ctx;
    pthread_barrier_wait(&m->barrier);
    sem_post(&m->over);
}

static void post_over(void *arg, struct ctx *ctx)
{
    (void)ctx;
    sem_post(&((struct meeting *)arg)->over);
}

TEST(http_server_survives_a_worker_that_ends_before_its_answer_is_seen)
{
    struct fixture f;
    struct meeting m;
    struct raw r;
    int i;

    open_server(&f);
    sem_init(&m.over, 0, 0);
    pthread_barrier_init(&m.barrier, NULL, 2);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    while (sem_trywait(&f.app.entered))
        net_turn(&f.net);
    /* From here on the loop stands still: a hand-back is posted, then the answer, then its end. */
    for (i = 0; i < 2;
         i++) { /* one worker is free: when the second runs, the first is handed back */
        CHECK_OK(workers_submit(f.net.workers, post_over, NULL, &m));
        sem_wait(&m.over);
    }
    release_all(&f, 1);
    for (i = 0; i < 2; i++) /* both workers must be free for this */
        CHECK_OK(workers_submit(f.net.workers, meet, NULL, &m));
    sem_wait(&m.over);
    sem_wait(&m.over);
    raw_until_eof(&r);
    CHECK_STR(body_of(buf_str(&r.got)), "waited");
    raw_close(&r);
    close_server(&f);
    pthread_barrier_destroy(&m.barrier);
    sem_destroy(&m.over);
}

static void on_drained(void *arg)
{
    (*(int *)arg)++;
}

static bool is_drained(void *arg)
{
    return *(int *)arg > 0;
}

TEST(http_server_drains_what_is_in_hand_and_nothing_else)
{
    struct fixture f;
    struct raw idle, busy, half;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int drained = 0, fd;

    open_server(&f);
    raw_open(&idle, &f.net);
    raw_send_c(&idle, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_until(&idle, "hello");
    raw_open(&busy, &f.net);
    raw_send_c(&busy, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    while (sem_trywait(&f.app.entered))
        net_turn(&f.net);
    raw_open(&half, &f.net);
    raw_send_c(&half, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    while (f.net.server->n_conns < 3)
        net_turn(&f.net);
    net_turn(&f.net);
    net_turn(&f.net);
    http_server_drain(f.net.server, on_drained, &drained);
    raw_until_eof(&idle);
    a.sin_port = htons((uint16_t)http_server_port(f.net.server));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0);
    close(fd);
    raw_send_c(&half, "cd");
    raw_until_eof(&half);
    CHECK_STR(body_of(buf_str(&half.got)), "abcd");
    raw_close(&half);
    CHECK_INT(drained, 0);
    release_all(&f, 1);
    raw_until_eof(&busy);
    CHECK_CONTAINS(buf_str(&busy.got), "waited");
    raw_close(&busy);
    net_until(&f.net, is_drained, &drained);
    net_turn(&f.net);
    CHECK_INT(drained, 1);
    raw_close(&idle);
    close_server(&f);
}

TEST(http_server_drains_at_once_when_it_is_idle)
{
    struct fixture f;
    int drained = 0;

    open_server(&f);
    http_server_drain(f.net.server, on_drained, &drained);
    CHECK_INT(drained, 0);
    net_until(&f.net, is_drained, &drained);
    close_server(&f);
}

TEST(http_server_may_be_destroyed_while_a_handler_runs)
{
    struct fixture f;
    struct handled h = { &f.app, 1 };
    struct raw r;

    open_server(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    while (sem_trywait(&f.app.entered))
        net_turn(&f.net);
    f.net.server = http_server_destroy(f.net.server);
    release_all(&f, 1);
    net_until(&f.net, has_handled, &h);
    raw_until_eof(&r);
    CHECK_INT(r.got.n, 0);
    raw_close(&r);
    close_server(&f);
}

TEST(http_server_makes_room_by_closing_who_is_idle_longest)
{
    enum { EXTRA = 3 };
    struct rlimit limit, before;
    struct fixture f;
    struct raw first[EXTRA], last;
    int *fds;
    size_t i, n = 0;

    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = before;
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < 2 * HTTP_SERVER_CONNECTIONS_MAX + 200)
        return; /* this machine does not let us */
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    open_server(&f);
    for (i = 0; i < EXTRA; i++)
        raw_open(&first[i], &f.net);
    while (f.net.server->n_conns < EXTRA)
        net_turn(&f.net);
    fds = mem_calloc(HTTP_SERVER_CONNECTIONS_MAX, sizeof(*fds));
    for (n = 0; n < HTTP_SERVER_CONNECTIONS_MAX - 1; n++) {
        struct raw r;

        raw_open(&r, &f.net);
        loop_fd_unwatch(r.watch);
        fds[n] = r.fd;
        if (n % 64 == 0)
            net_turn(&f.net);
    }
    for (i = 0; i < EXTRA - 1; i++) /* the first two had to go */
        raw_until_eof(&first[i]);
    CHECK(f.net.server->n_conns <= HTTP_SERVER_CONNECTIONS_MAX);
    CHECK(f.net.server->n_conns >= HTTP_SERVER_CONNECTIONS_MAX - 1);
    CHECK(!first[EXTRA - 1].eof);
    raw_open(&last, &f.net);
    raw_send_c(&last, "GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw_until_eof(&last);
    CHECK_STR(body_of(buf_str(&last.got)), "hello");
    raw_close(&last);
    for (i = 0; i < n; i++)
        close(fds[i]);
    for (i = 0; i < EXTRA; i++)
        raw_close(&first[i]);
    mem_free(fds);
    close_server(&f);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST(http_server_refuses_a_port_that_is_taken)
{
    struct fixture f;
    struct http_server *second = NULL;
    struct err err = ERR_INIT;
    struct http_server_opts opts = { .host = "127.0.0.1" };

    open_server(&f);
    opts.port = http_server_port(f.net.server);
    CHECK_RC(ERR_IO, http_server_create(&second, f.net.loop, &opts, &err));
    CHECK(!second);
    CHECK_CONTAINS(str_c(err.text), "Address already in use");
    opts.host = "nonsense";
    CHECK_RC(ERR_IO, http_server_create(&second, f.net.loop, &opts, &err));
    close_server(&f);
}

/* Clients that do everything wrong at once; what is left of them must not disturb anybody. */
TEST(http_server_outlives_clients_that_behave_at_random)
{
    enum { CLIENTS = 24, STEPS = 3000 };
    static const char *const pieces[] = {
        "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        "0\r\n\r\n",
        "GET /l",
        "123456789",
        "\r\n\r\n",
        "GET /silent HTTP/1.1\r\nHost: x\r\n\r\n",
        "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n",
        "nonsense\r\n\r\n",
    };
    struct fixture f;
    struct raw clients[CLIENTS] = { 0 };
    bool open[CLIENTS] = { false };
    struct linger reset = { 1, 0 };
    uint32_t seed = 42;
    int i, step;

    open_server(&f);
    f.app.stream_kib = 2000;
    for (step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        i = (int)(seed >> 8) % CLIENTS;
        if (!open[i]) {
            raw_open(&clients[i], &f.net);
            open[i] = true;
        }
        switch ((seed >> 16) % 8) {
        case 0:
            if (seed & 0x80)
                setsockopt(clients[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
            raw_close(&clients[i]);
            open[i] = false;
            break;
        case 1:
            if (clients[i].watch && (seed & 0x80))
                clients[i].watch = loop_fd_unwatch(clients[i].watch); /* reads no more */
            break;
        default: {
            struct str text = str_c(pieces[(seed >> 20) % ARRAY_LEN(pieces)]);

            (void)!send(clients[i].fd, text.p, text.n, MSG_DONTWAIT | MSG_NOSIGNAL);
            break;
        }
        }
        if (seed & 0x100)
            net_turn(&f.net);
    }
    CHECK_STR(body_of(once(&f, "GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
              "hello");
    for (i = 0; i < CLIENTS; i++) {
        if (open[i])
            raw_close(&clients[i]);
    }
    CHECK_STR(body_of(once(&f, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
              "hello");
    net_until(&f.net, no_conns, f.net.server);
    close_server(&f);
}
