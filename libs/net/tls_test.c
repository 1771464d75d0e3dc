#include "net/tls.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "net/tls_testing.h"
#include "support_test.h"

static void on_hello(void *app, struct http_req *r)
{
    (void)app;
    http_reply(r, 200, "text/plain", STR("hello"));
}

static int admit_all(void *app, const struct ws_upgrade *u, void **arg)
{
    (void)app;
    (void)u;
    *arg = NULL;
    return 0;
}

static void server_message(void *arg, struct str data, bool binary)
{
    (void)data;
    (void)binary;
    CHECK_OK(ws_send_text(*(struct ws_conn **)arg, STR("welcome")));
}

static void server_closed(void *arg, int code, struct str reason, const struct err *err)
{
    (void)code;
    (void)reason;
    (void)err;
    *(struct ws_conn **)arg = NULL;
}

static void on_accept(void *app, struct ws_conn *c, struct ws_events *ev, void **arg)
{
    *(struct ws_conn **)app = c;
    *ev = (struct ws_events){ .on_message = server_message, .on_closed = server_closed };
    *arg = app;
}

static const struct http_route routes[] = {
    { .methods = HTTP_GET, .path = "/", .handle = on_hello, .on_loop = true }
};
static void accept_burst(void *app, struct ws_conn *c, struct ws_events *ev, void **arg);

static const struct ws_route ws_routes[] = {
    { .path = "/burst", .admit = admit_all, .accept = accept_burst },
    { .path = "/ws", .admit = admit_all, .accept = on_accept }
};

struct client {
    struct ws_conn *conn;
    struct buf got;
    bool closed;
    int messages;
    struct err err;
};

static void client_message(void *arg, struct str data, bool binary)
{
    struct client *c = arg;

    (void)binary;
    buf_add_str(&c->got, data);
    ws_close(c->conn, 1000, STR_EMPTY);
}

static void client_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct client *c = arg;

    (void)code;
    (void)reason;
    c->closed = true;
    if (err)
        c->err = *err;
}

static bool client_done(void *arg)
{
    return ((struct client *)arg)->closed;
}

struct fixture {
    struct net net;
    struct ws_conn *server;
    struct tls_front *front;
    struct tls_store *trusting;
    struct arena arena;
};

static void open_front(struct fixture *f, const char *names, int ipv6)
{
    *f = (struct fixture){ 0 };
    net_open(&f->net, 0);
    net_serve(&f->net, (struct http_server_opts){ .routes = routes,
                                                  .n_routes = 1,
                                                  .ws_routes = ws_routes,
                                                  .n_ws_routes = ARRAY_LEN(ws_routes),
                                                  .app = &f->server });
    f->front = tls_front_open(http_server_port(f->net.server), names, ipv6);
    f->trusting = tls_store_create(tls_front_ca_file(f->front));
}

static void close_front(struct fixture *f)
{
    f->front = tls_front_close(f->front);
    net_close(&f->net);
    f->trusting = tls_store_destroy(f->trusting);
    arena_release(&f->arena);
}

static struct client try_ws(struct fixture *f, struct tls_store *tls, const char *host)
{
    struct client c = { 0 };
    struct ws_client_opts o = {
        .tls = tls, .events = { .on_message = client_message, .on_closed = client_closed }
    };
    struct err err = ERR_INIT;

    buf_init(&c.got, KIB);
    o.arg = &c;
    o.url = arena_printf(&f->arena, "wss://%s:%d/ws", host, tls_front_port(f->front));
    CHECK_OK(ws_connect(&c.conn, f->net.loop, &o, &err));
    CHECK_OK(ws_send_text(c.conn, STR("hi")));
    net_until(&f->net, client_done, &c);
    return c;
}

TEST(tls_web_socket_verifies_chain_and_name)
{
    static const struct {
        const char *names, *host;
        int ipv6;
        bool trusted, ok;
    } rows[] = {
        { "DNS:localhost", "localhost", 0, true, true },
        { "IP:127.0.0.1", "127.0.0.1", 0, true, true },
        { "IP:::1", "[::1]", 1, true, true },
        { "DNS:*.test.localhost", "a.test.localhost", 0, true, true },
        { "DNS:example.com", "localhost", 0, true, false },
        { "DNS:localhost", "127.0.0.1", 0, true, false },
        { "IP:127.0.0.2", "127.0.0.1", 0, true, false },
        { "IP:::2", "[::1]", 1, true, false },
        { "DNS:localhost", "localhost", 0, false, false },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        struct client c;

        open_front(&f, rows[i].names, rows[i].ipv6);
        c = try_ws(&f, rows[i].trusted ? f.trusting : f.net.tls, rows[i].host);
        if (str_eq_c(buf_str(&c.got), "welcome") != rows[i].ok)
            FAIL_TEST("row %zu: %s", i, c.err.text);
        if (!rows[i].ok) {
            CHECK_INT(c.err.code, ERR_UPSTREAM);
            CHECK_CONTAINS(str_c(c.err.text), "wss://");
        }
        buf_release(&c.got);
        close_front(&f);
    }
}

TEST(tls_http_client_verifies_chain_and_name)
{
    static const struct {
        const char *names, *host;
        bool trusted, ok;
    } rows[] = {
        { "DNS:localhost", "localhost", true, true },
        { "IP:127.0.0.1", "127.0.0.1", true, true },
        { "DNS:example.com", "localhost", true, false },
        { "DNS:localhost", "localhost", false, false },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        struct call c = { 0 };

        open_front(&f, rows[i].names, 0);
        CHECK_OK(workers_create(&f.net.workers, f.net.loop, 1,
                                rows[i].trusted ? f.trusting : f.net.tls, &f.net.log, NULL));
        c.req.url = arena_printf(&f.arena, "https://%s:%d/", rows[i].host, tls_front_port(f.front));
        c.req.attempts = 3;
        c.req.idempotent = true;
        call_run(&f.net, &c);
        if (rows[i].ok) {
            CHECK_OK(c.rc);
            CHECK_STR(c.res.body, "hello");
        } else {
            CHECK_RC(ERR_UPSTREAM, c.rc);
            CHECK_CONTAINS(str_c(c.err.text), "GET https://localhost:");
        }
        call_release(&c);
        close_front(&f);
    }
}

/* --- pause --------------------------------------------------------------------------------------- */

enum { BURST = 200 };

static void burst_open(void *arg)
{
    CHECK_OK(ws_send_text(((struct client *)arg)->conn, STR("go")));
}

static void burst_message(void *arg, struct str data, bool binary)
{
    struct client *c = arg;

    (void)binary;
    CHECK_INT(data.n, 700);
    if (++c->messages == 1)
        ws_pause(c->conn);
}

static bool burst_over(void *arg)
{
    return ((struct client *)arg)->messages == BURST;
}

static bool burst_began(void *arg)
{
    return ((struct client *)arg)->messages > 0;
}

static void server_burst(void *arg, struct str data, bool binary)
{
    char text[700];
    int i;

    (void)data;
    (void)binary;
    memset(text, 't', sizeof(text));
    for (i = 0; i < BURST; i++)
        CHECK_OK(ws_send_text(*(struct ws_conn **)arg, str_n(text, sizeof(text))));
}

static void accept_burst(void *app, struct ws_conn *c, struct ws_events *ev, void **arg)
{
    *(struct ws_conn **)app = c;
    *ev = (struct ws_events){ .on_message = server_burst, .on_closed = server_closed };
    *arg = app;
}

static bool count_turns(void *arg)
{
    ++*(int *)arg;
    return false;
}

/* What TLS has decrypted already, the kernel does not report again: it must neither be lost nor keep the
 * loop busy while nobody wants it. */
TEST(tls_paused_web_socket_rests_and_goes_on)
{
    struct fixture f;
    struct client c = { 0 };
    struct ws_client_opts o = {
        .events = { .on_open = burst_open, .on_message = burst_message, .on_closed = client_closed }
    };
    int turns = 0;

    open_front(&f, "DNS:localhost", 0);
    o.arg = &c;
    o.tls = f.trusting;
    o.url = arena_printf(&f.arena, "wss://localhost:%d/burst", tls_front_port(f.front));
    CHECK_OK(ws_connect(&c.conn, f.net.loop, &o, NULL));
    net_until(&f.net, burst_began, &c);
    do { /* until the server has sent all */
        CHECK_RC(ERR_TIMEOUT, loop_run_until(f.net.loop, count_turns, &turns, 300));
    } while (ws_queued(f.server));
    CHECK_INT(c.messages, 1);
    turns = 0;
    CHECK_RC(ERR_TIMEOUT, loop_run_until(f.net.loop, count_turns, &turns, 300));
    CHECK(turns < 100);
    ws_resume(c.conn);
    net_until(&f.net, burst_over, &c);
    ws_disown(c.conn, 1000);
    close_front(&f);
}

static void send_hi(void *arg)
{
    CHECK_OK(ws_send_text(((struct client *)arg)->conn, STR("hi")));
}

static void note_message(void *arg, struct str data, bool binary)
{
    (void)data;
    (void)binary;
    ((struct client *)arg)->messages++;
}

TEST(tls_web_socket_keeps_no_key_of_its_handshake)
{
    struct fixture f;
    struct client c = { 0 };
    struct ws_client_opts o = {
        .events = { .on_open = send_hi, .on_message = note_message, .on_closed = client_closed }
    };

    open_front(&f, "DNS:localhost", 0);
    o.arg = &c;
    o.tls = f.trusting;
    o.url = arena_printf(&f.arena, "wss://localhost:%d/ws", tls_front_port(f.front));
    CHECK_OK(ws_connect(&c.conn, f.net.loop, &o, NULL));
    net_until(&f.net, burst_began, &c);
    CHECK(!tls_has_handshake_key(c.conn));
    ws_disown(c.conn, 1000);
    close_front(&f);
}

#define NO_CERTIFICATE "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"

/* Both authorities have the same name, and other keys. */
static void write_bundle(const char *path, struct tls_front *first, struct tls_front *second)
{
    struct buf text = BUF_INIT(65536);

    buf_add_c(&text, "# roots\n" NO_CERTIFICATE);
    CHECK_OK(file_read(&text, tls_front_ca_file(first), NULL));
    CHECK_OK(file_read(&text, tls_front_ca_file(second), NULL));
    CHECK_OK(file_write(path, buf_str(&text), NULL));
    buf_release(&text);
}

TEST(tls_roots_are_all_found_by_name_however_it_is_encoded)
{
    struct fixture f, g;
    struct tls_store *both;
    const char *path;
    int round;

    open_front(&f, "DNS:localhost", 0);
    open_front(&g, "DNS:localhost", 0);
    path = arena_printf(&f.arena, "%s-both", tls_front_ca_file(f.front)).p;
    write_bundle(path, g.front, f.front);
    for (round = 0; round < 2; round++) {
        both = tls_store_create(path);
        CHECK_INT(tls_store_count(both, "nobody", true), 0);
        CHECK_INT(tls_store_count(both, TLS_FRONT_AUTHORITY, round == 0), 2);
        CHECK_INT(tls_store_count(both, TLS_FRONT_AUTHORITY, round != 0), 2);
        tls_store_destroy(both);
    }
    unlink(path);
    close_front(&f);
    close_front(&g);
}

TEST(tls_store_says_when_there_are_no_roots)
{
    static const char *const files[] = { "/nonexistent/ca.pem", "/dev/null", NULL };
    struct arena a = ARENA_INIT;
    const char *junk = arena_printf(&a, "/tmp/tls-no-roots-%d", (int)getpid()).p;
    size_t i;

    CHECK_OK(file_write(junk, STR(NO_CERTIFICATE), NULL));
    for (i = 0; i < ARRAY_LEN(files); i++) {
        const char *file = files[i] ? files[i] : junk;
        struct tls_store *s = tls_store_create(file);
        struct err err = ERR_INIT;
        void *store;

        CHECK_RC(ERR_NOT_FOUND, tls_store_get(s, &store, &err));
        CHECK_CONTAINS(str_c(err.text), file);
        tls_store_destroy(s);
    }
    unlink(junk);
    arena_release(&a);
}
