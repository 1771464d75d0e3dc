#include "net/tap.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "net/loop_internal.h"
#include "support_test.h"

/* --- an observer that keeps what it is told ------------------------------------------------------ */

enum { KEPT_MAX = 4096, STREAM_BYTES = 1000 * 1000, UPLOAD_BYTES = 300 * 1000 };

struct observer {
    pthread_mutex_t mutex;
    struct arena arena;
    struct tap_http http[KEPT_MAX];
    size_t n_http;
    struct tap_ws ws[KEPT_MAX];
    size_t n_ws;
};

static const struct http_header *copy_headers(struct arena *a, const struct http_header *h,
                                              size_t n)
{
    struct http_header *copy = ARENA_ARRAY(a, struct http_header, n + 1);
    size_t i;

    for (i = 0; i < n; i++)
        copy[i] = (struct http_header){ arena_str(a, h[i].name), arena_str(a, h[i].value) };
    return copy;
}

static struct tap_message copy_message(struct arena *a, const struct tap_message *m)
{
    struct tap_message copy = *m;

    copy.headers = copy_headers(a, m->headers, m->n_headers);
    copy.body.kept = arena_str(a, m->body.kept);
    return copy;
}

static void on_http(void *arg, const struct tap_http *x)
{
    struct observer *o = arg;
    struct arena *a = &o->arena;
    struct tap_http *copy;

    pthread_mutex_lock(&o->mutex);
    CHECK(o->n_http < KEPT_MAX);
    copy = &o->http[o->n_http++];
    *copy = *x;
    copy->method = arena_str(a, x->method);
    copy->url = arena_str(a, x->url);
    copy->request = copy_message(a, &x->request);
    copy->answer = copy_message(a, &x->answer);
    copy->error = x->error ? arena_cstr(a, str_c(x->error)) : NULL;
    pthread_mutex_unlock(&o->mutex);
}

static void on_ws(void *arg, const struct tap_ws *w)
{
    struct observer *o = arg;
    struct arena *a = &o->arena;
    struct tap_ws *copy;

    pthread_mutex_lock(&o->mutex);
    CHECK(o->n_ws < KEPT_MAX);
    copy = &o->ws[o->n_ws++];
    *copy = *w;
    copy->url = arena_str(a, w->url);
    copy->user_agent = arena_str(a, w->user_agent);
    copy->headers = copy_headers(a, w->headers, w->n_headers);
    copy->data.kept = arena_str(a, w->data.kept);
    copy->error = w->error ? arena_cstr(a, str_c(w->error)) : NULL;
    pthread_mutex_unlock(&o->mutex);
}

/* --- a world that is observed -------------------------------------------------------------------- */

struct fixture {
    struct net net;
    struct observer o;
    struct net_tap tap;
    struct net_self self;
    struct arena arena;
    struct ws_conn *server, *client;
    int closed; /* ends */
    int messages;
    bool server_closes;
};

static void on_echo(void *app, struct http_req *r)
{
    (void)app;
    http_reply_header(r, "X-Two", STR("1"));
    http_reply_header(r, "X-Two", STR("2"));
    http_reply(r, 201, "text/plain", r->body);
}

static void on_stream(void *app, struct http_req *r)
{
    size_t left = STREAM_BYTES;
    char piece[1000];
    bool short_of = str_eq_c(r->query, "short");

    (void)app;
    memset(piece, 's', sizeof(piece));
    CHECK_OK(http_reply_begin(r, 200, "text/plain", short_of ? STREAM_BYTES : -1));
    for (left = short_of ? sizeof(piece) : left; left; left -= sizeof(piece)) {
        if (http_reply_write(r, piece, sizeof(piece)))
            break;
    }
    http_reply_end(r);
}

static void on_moved(void *app, struct http_req *r)
{
    (void)app;
    http_reply_header(r, "Location", STR("/echo"));
    http_reply_empty(r, 303);
}

static const struct http_route routes[] = {
    { .methods = HTTP_ANY, .path = "/echo", .body_max = 4 * MIB, .handle = on_echo },
    { .methods = HTTP_GET, .path = "/stream", .handle = on_stream },
    { .methods = HTTP_POST, .path = "/moved", .body_max = 100, .handle = on_moved },
    { .methods = HTTP_GET, .path = "/loop", .handle = on_echo, .on_loop = true },
};

static int admit(void *app, const struct ws_upgrade *u, void **arg)
{
    *arg = app;
    return str_eq_c(u->query, "no") ? 403 : 0;
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct fixture *f = arg;

    (void)data;
    f->messages++;
    if (!binary)
        return;
    CHECK_OK(ws_send_text(f->server, STR("from the server")));
    if (f->server_closes)
        ws_close(f->server, 4001, STR("enough"));
}

static void on_client_message(void *arg, struct str data, bool binary)
{
    struct fixture *f = arg;

    (void)data;
    (void)binary;
    if (!f->server_closes)
        ws_close(f->client, 1000, STR("bye"));
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct fixture *f = arg;

    (void)code;
    (void)reason;
    (void)err;
    f->closed++;
}

static const struct ws_events events = { .on_message = on_message, .on_closed = on_closed };
static const struct ws_events client_events = { .on_message = on_client_message,
                                                .on_closed = on_closed };

static void on_accept(void *app, struct ws_conn *c, struct ws_events *ev, void **arg)
{
    struct fixture *f = app;

    (void)arg;
    f->server = c;
    *ev = events;
}

static const struct ws_route ws_routes[] = {
    { .path = "/ws", .admit = admit, .accept = on_accept }
};

static struct fixture *fixture_open(void)
{
    struct fixture *f = MEM_NEW(struct fixture);

    pthread_mutex_init(&f->o.mutex, NULL);
    f->tap = (struct net_tap){ on_http, on_ws, &f->o };
    f->self = (struct net_self){ "voice-concierge/test", &f->tap };
    net_open_as(&f->net, 4, &f->self);
    net_serve(&f->net, (struct http_server_opts){ .routes = routes,
                                                  .n_routes = ARRAY_LEN(routes),
                                                  .ws_routes = ws_routes,
                                                  .n_ws_routes = ARRAY_LEN(ws_routes),
                                                  .app = f });
    return f;
}

static void fixture_close(struct fixture *f)
{
    net_close(&f->net);
    arena_release(&f->arena);
    arena_release(&f->o.arena);
    pthread_mutex_destroy(&f->o.mutex);
    mem_free(f);
}

static void ask(struct fixture *f, struct call *c, const char *path)
{
    c->req.url = net_url(&f->net, &f->arena, "http", path);
    call_run(&f->net, c);
}

/* The n-th that a side has told. */
static const struct tap_http *nth(const struct fixture *f, enum tap_side side, size_t n)
{
    size_t i;

    for (i = 0; i < f->o.n_http; i++) {
        if (f->o.http[i].side == side && n-- == 0)
            return &f->o.http[i];
    }
    FAIL_TEST("side %d has not told that many", (int)side);
    return NULL;
}

static size_t told(const struct fixture *f, enum tap_side side)
{
    size_t i, n = 0;

    for (i = 0; i < f->o.n_http; i++)
        n += f->o.http[i].side == side;
    return n;
}

static struct str header(const struct tap_message *m, const char *name)
{
    const struct http_response r = { .headers = (struct http_header *)(uintptr_t)m->headers,
                                     .n_headers = m->n_headers };

    return http_response_header(&r, name);
}

static void check_same(const struct tap_message *a, const struct tap_message *b)
{
    size_t i;

    CHECK_INT(a->n_headers, b->n_headers);
    for (i = 0; i < a->n_headers; i++) {
        CHECK(str_eq(a->headers[i].name, b->headers[i].name));
        CHECK(str_eq(a->headers[i].value, b->headers[i].value));
    }
    CHECK_INT(a->body.bytes, b->body.bytes);
    CHECK(str_eq(a->body.kept, b->body.kept));
}

/* --- exchanges ----------------------------------------------------------------------------------- */

TEST(tap_is_told_the_same_by_both_sides)
{
    static const struct http_header headers[] = { { STR("X-Mine"), STR("a") },
                                                  { STR("X-Mine"), STR("b") } };
    struct fixture *f = fixture_open();
    struct call c = { .req = { .body = STR("hello"), .headers = headers, .n_headers = 2 } };
    const struct tap_http *server, *client;

    ask(f, &c, "/echo?a=%2F%20b");
    CHECK_INT(f->o.n_http, 2);
    server = nth(f, TAP_SERVER, 0);
    client = nth(f, TAP_CLIENT, 0);
    CHECK(server < client); /* it is told before the client can have the answer */
    CHECK_STR(server->method, "POST");
    CHECK(str_eq(server->method, client->method));
    CHECK(str_ends(server->url, STR("/echo?a=%2F%20b")));
    CHECK(str_eq(server->url, client->url));
    CHECK_INT(server->status, 201);
    CHECK_INT(client->status, 201);
    CHECK(!server->error && !client->error);
    check_same(&server->request, &client->request);
    check_same(&server->answer, &client->answer);
    CHECK_STR(server->request.body.kept, "hello");
    CHECK_STR(server->answer.body.kept, "hello");
    CHECK_STR(header(&server->answer, "content-length"), "5");
    CHECK_INT(server->took_us > 0, 1);
    call_release(&c);
    fixture_close(f);
}

TEST(tap_counts_every_request_of_many_at_once)
{
    enum { ROUNDS = 60, AT_ONCE = 3 }; /* a worker is left for the server */
    struct fixture *f = fixture_open();
    struct call calls[AT_ONCE];
    size_t i, k, done = 0;

    for (i = 0; i < ROUNDS; i++) {
        for (k = 0; k < AT_ONCE; k++) {
            calls[k] = (struct call){ .req = { .method = i % 3 ? "GET" : "HEAD" } };
            calls[k].req.url = net_url(&f->net, &f->arena, "http", k % 2 ? "/loop" : "/echo");
            call_start(&f->net, &calls[k]);
        }
        for (k = 0; k < AT_ONCE; k++) {
            call_wait(&f->net, &calls[k]);
            done += !calls[k].rc;
            call_release(&calls[k]);
        }
    }
    CHECK_INT(done, ROUNDS * AT_ONCE);
    CHECK_INT(told(f, TAP_SERVER), done);
    CHECK_INT(told(f, TAP_CLIENT), done);
    fixture_close(f);
}

static enum errc read_some(void *arg, char *out, size_t max, size_t *n)
{
    size_t *left = arg;

    *n = MIN(MIN(max, 777), *left);
    memset(out, 'u', *n);
    *left -= *n;
    return ERR_OK;
}

static enum errc count_some(void *arg, const char *data, size_t n)
{
    (void)data;
    *(size_t *)arg += n;
    return ERR_OK;
}

TEST(tap_keeps_the_start_of_streams_and_counts_all_of_them)
{
    struct fixture *f = fixture_open();
    size_t up = UPLOAD_BYTES, down = 0;
    struct call c = { .req = {
                          .method = "POST", .read = read_some, .read_arg = &up, .body_len = -1 } };
    const struct tap_http *server;
    size_t i;

    ask(f, &c, "/echo");
    CHECK_OK(c.rc);
    call_release(&c);
    c = (struct call){ .req = { .write = count_some, .write_arg = &down } };
    ask(f, &c, "/stream");
    CHECK_INT(down, STREAM_BYTES);
    for (i = 0; i < 2; i++) {
        server = nth(f, TAP_SERVER, i);
        check_same(&server->request, &nth(f, TAP_CLIENT, i)->request);
        check_same(&server->answer, &nth(f, TAP_CLIENT, i)->answer);
    }
    CHECK_STR(header(&nth(f, TAP_SERVER, 0)->request, "transfer-encoding"), "chunked");
    CHECK_INT(nth(f, TAP_SERVER, 0)->request.body.bytes, UPLOAD_BYTES);
    CHECK_INT(nth(f, TAP_SERVER, 0)->request.body.kept.n, TAP_BODY_MAX);
    CHECK_STR(str_slice(nth(f, TAP_SERVER, 0)->request.body.kept, 0, 3), "uuu");
    CHECK_INT(nth(f, TAP_SERVER, 1)->answer.body.bytes, STREAM_BYTES);
    CHECK_INT(nth(f, TAP_SERVER, 1)->answer.body.kept.n, TAP_BODY_MAX);
    CHECK_STR(str_slice(nth(f, TAP_SERVER, 1)->answer.body.kept, 0, 3), "sss");
    call_release(&c);
    fixture_close(f);
}

TEST(tap_is_told_of_each_hop_and_each_attempt)
{
    static const struct script busy[] = {
        { "\r\n\r\n", "HTTP/1.1 503 x\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\nno", false,
          false, NULL },
        { .expect = "\r\n\r\n", .reset = true },
        { "\r\n\r\n", "HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nyes", false, false, NULL },
    };
    struct fixture *f = fixture_open();
    struct call c = { .req = { .body = STR("x"), .follow_redirects = true } };
    struct peer *p = peer_open(&f->net, busy, ARRAY_LEN(busy));

    ask(f, &c, "/moved");
    CHECK_INT(told(f, TAP_SERVER), 2);
    CHECK_INT(nth(f, TAP_CLIENT, 0)->status, 303);
    CHECK_STR(nth(f, TAP_CLIENT, 0)->request.body.kept, "x");
    CHECK(str_ends(nth(f, TAP_CLIENT, 1)->url, STR("/echo")));
    CHECK_STR(nth(f, TAP_CLIENT, 1)->method, "GET");
    CHECK_STR(nth(f, TAP_CLIENT, 1)->request.body.kept, "");
    call_release(&c);
    c = (struct call){ .req = { .attempts = 3, .idempotent = true } };
    c.req.url = arena_printf(&f->arena, "http://127.0.0.1:%d/x", peer_port(p));
    call_run(&f->net, &c);
    CHECK_OK(c.rc);
    CHECK_INT(told(f, TAP_CLIENT), 5);
    CHECK_INT(nth(f, TAP_CLIENT, 2)->status, 503);
    CHECK_STR(nth(f, TAP_CLIENT, 2)->answer.body.kept, "no");
    CHECK_INT(nth(f, TAP_CLIENT, 3)->status, 0);
    CHECK(nth(f, TAP_CLIENT, 3)->error != NULL);
    CHECK_STR(nth(f, TAP_CLIENT, 4)->answer.body.kept, "yes");
    call_release(&c);
    peer_close(p);
    fixture_close(f);
}

TEST(tap_is_told_why_a_client_has_no_answer_or_not_all_of_it)
{
    static const struct script cut[] = {
        { "\r\n\r\n", "HTTP/1.1 200 x\r\nContent-Length: 10\r\n\r\nhalf", false, false, NULL },
    };
    static const struct http_header mine = { STR("X-Mine"), STR("1") };
    struct fixture *f = fixture_open();
    struct peer *p = peer_open(&f->net, cut, ARRAY_LEN(cut));
    struct call c = { .req = { .headers = &mine, .n_headers = 1 } };

    c.req.url = arena_printf(&f->arena, "http://127.0.0.1:%d/x", peer_port(p));
    call_run(&f->net, &c);
    CHECK(c.rc != ERR_OK);
    CHECK_INT(nth(f, TAP_CLIENT, 0)->status, 200);
    CHECK_STR(nth(f, TAP_CLIENT, 0)->answer.body.kept, "half");
    CHECK(nth(f, TAP_CLIENT, 0)->error != NULL);
    call_release(&c);
    peer_close(p); /* nobody listens there now */
    c.done = false;
    call_run(&f->net, &c);
    CHECK_INT(f->o.n_http, 2);
    CHECK_INT(nth(f, TAP_CLIENT, 1)->status, 0);
    CHECK_STR(header(&nth(f, TAP_CLIENT, 1)->request, "X-Mine"), "1");
    CHECK_CONTAINS(str_c(nth(f, TAP_CLIENT, 1)->error), "connect");
    call_release(&c);
    fixture_close(f);
}

TEST(tap_is_told_of_what_a_server_refuses)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        { "GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 404 },
        { "PUT /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 405 },
        { "POST /moved HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413 },
        { "POST /moved HTTP/1.1\r\nHost: h\r\n\r\n", 411 },
        { "GET /echo HTTP/1.1\r\n\r\n", 400 },
        { "rubbish\r\n\r\n", 400 },
        { "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 426 },
    };
    struct fixture *f = fixture_open();
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        raw_once(&f->net, &f->arena, str_c(rows[i].request));
        CHECK_INT(f->o.n_http, i + 1);
        CHECK_INT(nth(f, TAP_SERVER, i)->status, rows[i].status);
        CHECK_CONTAINS(nth(f, TAP_SERVER, i)->answer.body.kept, "error");
    }
    fixture_close(f);
}

static bool has_told(void *arg)
{
    return ((struct fixture *)arg)->o.n_http > 0;
}

TEST(tap_is_told_when_a_peer_goes_too_early)
{
    struct fixture *f = fixture_open();
    struct raw r;

    raw_open(&r, &f->net);
    raw_send_c(&r, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
    net_turn(&f->net);
    raw_close(&r);
    net_until(&f->net, has_told, f);
    CHECK_INT(f->o.http[0].status, 0);
    CHECK_STR(f->o.http[0].request.body.kept, "half");
    CHECK_CONTAINS(str_c(f->o.http[0].error), "before its request was whole");
    fixture_close(f);
}

TEST(tap_is_told_of_an_answer_that_is_shorter_than_announced)
{
    struct fixture *f = fixture_open();
    struct call c = { 0 };

    ask(f, &c, "/stream?short");
    CHECK(c.rc != ERR_OK);
    CHECK_INT(nth(f, TAP_SERVER, 0)->status, 200);
    CHECK_INT(nth(f, TAP_SERVER, 0)->answer.body.bytes, 1000);
    CHECK_CONTAINS(str_c(nth(f, TAP_SERVER, 0)->error), "less was sent");
    call_release(&c);
    fixture_close(f);
}

TEST(requests_say_which_service_asks_unless_they_say_it_themselves)
{
    static const struct http_header own = { STR("user-agent"), STR("Other/1.0") };
    struct fixture *f = fixture_open();
    struct call c = { 0 };

    ask(f, &c, "/echo");
    call_release(&c);
    c = (struct call){ .req = { .headers = &own, .n_headers = 1 } };
    ask(f, &c, "/echo");
    CHECK_STR(header(&nth(f, TAP_SERVER, 0)->request, "User-Agent"), "voice-concierge/test");
    CHECK_STR(header(&nth(f, TAP_SERVER, 1)->request, "User-Agent"), "Other/1.0");
    call_release(&c);
    fixture_close(f);
}

/* --- web sockets --------------------------------------------------------------------------------- */

static bool both_closed(void *arg)
{
    return ((struct fixture *)arg)->closed == 2;
}

static bool one_closed(void *arg)
{
    return ((struct fixture *)arg)->closed == 1;
}

static void connect_ws(struct fixture *f, const char *path, const struct http_header *own)
{
    struct ws_client_opts o = { .url = net_url(&f->net, &f->arena, "ws", path),
                                .headers = own,
                                .n_headers = own ? 1 : 0,
                                .events = client_events,
                                .arg = f };

    CHECK_OK(ws_connect(&f->client, f->net.loop, &o, NULL));
    CHECK_OK(ws_send_text(f->client, STR("first")));
    CHECK_OK(ws_send_binary(f->client, "\x01\x02", 2));
}

/* What one side tells, as text. */
static struct str story(struct fixture *f, enum tap_side side)
{
    static const char *const types[] = { "open", "text", "binary", "close" };
    struct buf b = BUF_INIT(64 * KIB);
    struct str ret;
    size_t i;

    for (i = 0; i < f->o.n_ws; i++) {
        const struct tap_ws *w = &f->o.ws[i];

        if (w->side != side)
            continue;
        buf_addf(&b, "%s %s", w->in ? "in" : "out", types[w->type]);
        if (w->type == TAP_WS_CLOSE)
            buf_addf(&b, " %d", w->code);
        if (w->data.kept.n)
            buf_addf(&b, " " STR_FMT, STR_ARG(w->data.kept));
        buf_add_char(&b, '|');
    }
    ret = arena_str(&f->arena, buf_str(&b));
    buf_release(&b);
    return ret;
}

TEST(tap_is_told_all_that_happens_on_a_web_socket_by_both_sides)
{
    static const struct http_header own = { STR("User-Agent"), STR("Other/1.0") };
    struct fixture *f = fixture_open();
    size_t i;

    connect_ws(f, "/ws?a=%2F", &own);
    net_until(&f->net, both_closed, f);
    CHECK_STR(story(f, TAP_CLIENT),
              "out open|out text first|out binary \x01\x02|in text from the server|"
              "out close 1000 bye|");
    CHECK_STR(story(f, TAP_SERVER),
              "in open|in text first|in binary \x01\x02|out text from the server|"
              "in close 1000 bye|");
    CHECK_INT(f->o.n_http, 0); /* an upgrade is told as the web socket that it becomes */
    for (i = 0; i < f->o.n_ws; i++) {
        CHECK(str_ends(f->o.ws[i].url, STR("/ws?a=%2F")));
        CHECK_STR(f->o.ws[i].user_agent,
                  f->o.ws[i].side == TAP_SERVER ? "Other/1.0" : "voice-concierge/test");
        CHECK(f->o.ws[i].conn == 1 || f->o.ws[i].conn == 2);
    }
    fixture_close(f);
}

TEST(tap_is_told_who_closes_a_web_socket)
{
    struct fixture *f = fixture_open();

    f->server_closes = true;
    connect_ws(f, "/ws", NULL);
    net_until(&f->net, both_closed, f);
    CHECK(str_ends(story(f, TAP_SERVER), STR("|out close 4001 enough|")));
    CHECK(str_ends(story(f, TAP_CLIENT), STR("|in close 4001 enough|")));
    fixture_close(f);
}

static bool has_server(void *arg)
{
    return ((struct fixture *)arg)->messages > 0;
}

TEST(tap_is_told_when_a_web_socket_breaks)
{
    struct fixture *f = fixture_open();
    struct ws_client_opts o = { .url = net_url(&f->net, &f->arena, "ws", "/ws"),
                                .events = client_events,
                                .arg = f };

    CHECK_OK(ws_connect(&f->client, f->net.loop, &o, NULL));
    CHECK_OK(ws_send_text(f->client, STR("first")));
    net_until(&f->net, has_server, f);
    ws_abort(f->client);
    net_until(&f->net, both_closed, f);
    CHECK(str_ends(story(f, TAP_CLIENT), STR("|out close 1006|")));
    CHECK(str_ends(story(f, TAP_SERVER), STR("|in close 1006|")));
    fixture_close(f);
}

TEST(tap_is_told_of_a_web_socket_that_never_opens)
{
    struct fixture *f = fixture_open();

    connect_ws(f, "/ws?no", NULL);
    net_until(&f->net, one_closed, f);
    CHECK_STR(story(f, TAP_CLIENT), "in close -1|");
    CHECK_CONTAINS(str_c(f->o.ws[0].error), "403");
    CHECK_STR(story(f, TAP_SERVER), "");
    CHECK_INT(nth(f, TAP_SERVER, 0)->status, 403);
    fixture_close(f);
}
