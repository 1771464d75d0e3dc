#include "net/ws.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_server_internal.h"
#include "net/ws_internal.h"
#include "support_test.h"

/* --- both ends ----------------------------------------------------------------------------------- */

enum { BRIEF_QUEUE = 40 * 1000 };
enum on_first { FIRST_NOTHING, FIRST_CLOSE, FIRST_ABORT, FIRST_DISOWN, FIRST_PAUSE };

struct end {
    struct ws_conn *conn;
    struct buf got; /* messages, each followed by '|' */
    size_t bytes;
    int opened, closed, messages, binaries, drained;
    int code;
    char reason[128];
    struct err err;
    bool echo, count_only;
    bool echoed_before_second; /* the socket had an echo when the second message was read */
    enum on_first on_first;
    const struct raw *echoed_to; /* that socket; NULL: nobody looks */
};

static bool raw_readable(const struct raw *r)
{
    char c;

    return recv(r->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void on_open(void *arg)
{
    struct end *e = arg;

    e->opened++;
    CHECK_INT(e->closed, 0);
    if (e->on_first == FIRST_CLOSE && e->opened && !e->messages)
        ws_close(e->conn, 1001, STR("so soon"));
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct end *e = arg;

    CHECK_INT(e->closed, 0);
    e->messages++;
    if (e->echoed_to && e->messages == 2)
        e->echoed_before_second = raw_readable(e->echoed_to);
    e->binaries += binary;
    e->bytes += data.n;
    if (!e->count_only) {
        buf_add_str(&e->got, data);
        buf_add_char(&e->got, '|');
    }
    if (e->echo) {
        if (binary)
            CHECK_OK(ws_send_binary(e->conn, data.p, data.n));
        else
            CHECK_OK(ws_send_text(e->conn, data));
    }
    if (e->messages != 1)
        return;
    if (e->on_first == FIRST_ABORT)
        ws_abort(e->conn);
    if (e->on_first == FIRST_DISOWN)
        ws_disown(e->conn, 1001);
    if (e->on_first == FIRST_PAUSE)
        ws_pause(e->conn);
}

static void on_drained(void *arg)
{
    ((struct end *)arg)->drained++;
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct end *e = arg;

    e->closed++;
    e->code = code;
    e->conn = NULL;
    (void)str_copy(e->reason, sizeof(e->reason), reason);
    if (err)
        e->err = *err;
}

static const struct ws_events events = { on_open, on_message, on_drained, on_closed };

struct fixture {
    struct net net;
    struct arena arena;
    struct end client, server;
    int admit_status, admitted, abandoned;
    struct str seen; /* by admit */
    bool server_sends_in_accept, server_aborts_in_accept;
};

static int admit(void *app, const struct ws_upgrade *u, void **arg)
{
    struct fixture *f = app;

    f->admitted++;
    *arg = f;
    f->seen = arena_printf(&f->arena,
                           "path=" STR_FMT " query=" STR_FMT " target=" STR_FMT " ip=" STR_FMT
                           " sig=" STR_FMT " id=" STR_FMT " sub=" STR_FMT,
                           STR_ARG(u->path), STR_ARG(u->query), STR_ARG(u->target),
                           STR_ARG(u->peer_ip), STR_ARG(ws_upgrade_header(u, "X-Twilio-Signature")),
                           STR_ARG(ws_upgrade_param(u, "id")),
                           STR_ARG(ws_upgrade_header(u, "sec-websocket-protocol")));
    return f->admit_status;
}

static void on_accept(void *app, struct ws_conn *c, struct ws_events *ev, void **arg)
{
    struct fixture *f = app;

    CHECK(*arg == f);
    f->server.conn = c;
    *ev = events;
    *arg = &f->server;
    if (f->server_sends_in_accept)
        CHECK_OK(ws_send_text(c, STR("welcome")));
    if (f->server_aborts_in_accept)
        ws_abort(c);
}

static void on_abandon(void *app, void *arg)
{
    struct fixture *f = app;

    CHECK(arg == f);
    f->abandoned++;
}

static void on_hello(void *app, struct http_req *r)
{
    (void)app;
    http_reply(r, 200, "text/plain", STR("hello"));
}

static const struct http_route routes[] = {
    { .methods = HTTP_GET, .path = "/both", .handle = on_hello, .on_loop = true },
};

static const struct ws_route ws_routes[] = {
    { .path = "/echo", .admit = admit, .accept = on_accept, .abandon = on_abandon },
    { .path = "/small",
      .queue_max = 1000,
      .message_max = 20000,
      .admit = admit,
      .accept = on_accept,
      .abandon = on_abandon },
    { .path = "/brief",
      .queue_max = BRIEF_QUEUE,
      .unsent_max = 4 * KIB,
      .admit = admit,
      .accept = on_accept,
      .abandon = on_abandon },
    { .path = "/calls/{id}", .admit = admit, .accept = on_accept, .abandon = on_abandon },
    { .path = "/both", .admit = admit, .accept = on_accept, .abandon = on_abandon },
};

static void serve(struct fixture *f, const char *host)
{
    buf_init(&f->client.got, 64 * MIB);
    buf_init(&f->server.got, 64 * MIB);
    net_serve(&f->net, (struct http_server_opts){ .host = host,
                                                  .routes = routes,
                                                  .n_routes = ARRAY_LEN(routes),
                                                  .ws_routes = ws_routes,
                                                  .n_ws_routes = ARRAY_LEN(ws_routes),
                                                  .app = f });
}

static void open_on(struct fixture *f, const char *host)
{
    *f = (struct fixture){ 0 };
    net_open(&f->net, 0);
    serve(f, host);
}

static void open_echo(struct fixture *f)
{
    open_on(f, NULL);
    f->server.echo = true;
}

static void open_fake(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    net_open_fake(&f->net, 0);
    serve(f, NULL);
}

static void close_all(struct fixture *f)
{
    net_close(&f->net);
    buf_release(&f->client.got);
    buf_release(&f->server.got);
    arena_release(&f->arena);
}

static enum errc dial_url(struct fixture *f, struct str url, struct err *err)
{
    struct ws_client_opts o = {
        .url = url, .tls = f->net.tls, .events = events, .arg = &f->client
    };

    return ws_connect(&f->client.conn, f->net.loop, &o, err);
}

static void dial(struct fixture *f, const char *path)
{
    struct err err = ERR_INIT;

    f->client.opened = f->client.closed = 0;
    CHECK_OK(dial_url(f, net_url(&f->net, &f->arena, "ws", path), &err));
    CHECK_INT(f->client.opened + f->client.closed, 0);
}

static bool is_open(void *arg)
{
    struct end *e = arg;

    return e->opened || e->closed;
}

static bool is_closed(void *arg)
{
    return ((struct end *)arg)->closed > 0;
}

static void dial_open(struct fixture *f, const char *path)
{
    dial(f, path);
    net_until(&f->net, is_open, &f->client);
    CHECK_INT(f->client.opened, 1);
    CHECK(f->server.conn);
}

struct many {
    struct end *end;
    int messages;
};

static bool has_messages(void *arg)
{
    struct many *m = arg;

    return m->end->messages >= m->messages || m->end->closed;
}

static void until_messages(struct fixture *f, struct end *e, int n)
{
    struct many m = { e, n };

    net_until(&f->net, has_messages, &m);
    CHECK(e->messages >= n);
}

static void until_closed(struct fixture *f, struct end *e)
{
    net_until(&f->net, is_closed, e);
    net_turn(&f->net);
    CHECK_INT(e->closed, 1);
}

/* --- messages ------------------------------------------------------------------------------------ */

TEST(ws_client_and_server_exchange_messages)
{
    struct fixture f;

    open_echo(&f);
    dial(&f, "/echo?x=1");
    CHECK_OK(ws_send_text(f.client.conn, STR("sent while connecting")));
    until_messages(&f, &f.client, 1);
    CHECK_OK(ws_send_text(f.client.conn, STR("")));
    CHECK_OK(ws_send_binary(f.client.conn, "\0\1\2", 3));
    until_messages(&f, &f.client, 3);
    CHECK(str_eq(buf_str(&f.client.got), STR("sent while connecting||\0\1\2|")));
    CHECK_INT(f.client.binaries, 1);
    CHECK_INT(f.server.binaries, 1);
    CHECK_STR(ws_peer_ip(f.client.conn), "127.0.0.1");
    CHECK_STR(ws_peer_ip(f.server.conn), "127.0.0.1");
    CHECK(f.client.drained >= 1);
    ws_close(f.client.conn, 1000, STR("bye"));
    until_closed(&f, &f.client);
    until_closed(&f, &f.server);
    CHECK_INT(f.client.code, 1000);
    CHECK_INT(f.server.code, 1000);
    CHECK_STR(str_c(f.server.reason), "bye");
    CHECK_INT(f.server.opened, 0); /* on_open is the client's */
    close_all(&f);
}

TEST(ws_carries_large_messages_both_ways)
{
    struct fixture f;
    size_t n = 200000, i;
    char *text;

    open_echo(&f);
    dial_open(&f, "/echo");
    text = arena_alloc(&f.arena, n);
    for (i = 0; i < n; i++)
        text[i] = (char)('a' + i % 26);
    for (i = 0; i < 20; i++) {
        CHECK_OK(ws_send_text(f.client.conn, str_n(text, n - i)));
        until_messages(&f, &f.client, (int)i + 1);
        CHECK(str_eq(buf_str(&f.client.got), arena_printf(&f.arena, "%.*s|", (int)(n - i), text)));
        buf_reset(&f.client.got);
        buf_reset(&f.server.got);
    }
    close_all(&f);
}

TEST(ws_writes_in_place_and_refuses_when_the_queue_is_full)
{
    struct fixture f;
    char *room;

    open_on(&f, NULL);
    dial_open(&f, "/small");
    room = ws_send_reserve(f.server.conn, 500);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes of a message */
    memcpy(room, "in place", 8);
    ws_send_commit(f.server.conn, 8);
    CHECK_INT(ws_queued(f.server.conn), 8);
    CHECK(ws_send_reserve(f.server.conn, 993) == NULL);
    CHECK(ws_send_reserve(f.server.conn, 992) != NULL); /* given up: nothing is committed */
    CHECK_OK(ws_send_text(f.server.conn, STR("second")));
    CHECK_RC(ERR_LIMIT, ws_send_text(f.server.conn, str_n(&f, 990)));
    until_messages(&f, &f.client, 2);
    CHECK_STR(buf_str(&f.client.got), "in place|second|");
    net_turn(&f.net);
    CHECK_INT(ws_queued(f.server.conn), 0);
    CHECK_INT(f.server.drained, 1);
    close_all(&f);
}

TEST(ws_delivers_many_small_messages_in_order)
{
    enum { MESSAGES = 20000 };
    struct fixture f;
    int i, sent = 0;
    struct buf want = BUF_INIT(MIB);

    open_on(&f, NULL);
    dial_open(&f, "/echo");
    for (i = 0; i < MESSAGES; i++)
        buf_addf(&want, "%d|", i);
    while (f.client.messages < MESSAGES) {
        while (sent < MESSAGES && ws_queued(f.server.conn) < 30000) {
            struct str text = arena_printf(&f.arena, "%d", sent);

            if (ws_send_text(f.server.conn, text))
                break;
            sent++;
        }
        net_turn(&f.net);
    }
    CHECK(str_eq(buf_str(&f.client.got), buf_str(&want)));
    buf_release(&want);
    close_all(&f);
}

TEST(ws_closes_with_1009_when_a_message_is_too_long)
{
    struct fixture f;
    char *text;

    open_on(&f, NULL);
    dial_open(&f, "/small");
    text = arena_zalloc(&f.arena, 30000);
    memset(text, 'x', 30000);
    CHECK_OK(ws_send_text(f.client.conn, str_n(text, 20000)));
    until_messages(&f, &f.server, 1);
    CHECK_OK(ws_send_text(f.client.conn, str_n(text, 20001)));
    until_closed(&f, &f.client);
    until_closed(&f, &f.server);
    CHECK_INT(f.client.code, 1009);
    CHECK_INT(f.server.code, 1009);
    CHECK_INT(f.server.err.code, ERR_LIMIT);
    CHECK_INT(f.server.messages, 1);
    close_all(&f);
}

/* --- flow control -------------------------------------------------------------------------------- */

TEST(ws_paused_reader_holds_the_sender_back_and_loses_nothing)
{
    enum { MESSAGES = 3000, SIZE = 4000 };
    struct fixture f;
    struct buf text = BUF_INIT(SIZE);
    int sent = 0, stuck = 0;

    open_on(&f, NULL);
    f.server.count_only = true;
    dial_open(&f, "/echo");
    while (text.n < SIZE)
        buf_add_char(&text, 'y');
    ws_pause(f.server.conn);
    while (stuck < 50) { /* until both sockets and the queue are full */
        enum errc rc = ws_send_text(f.client.conn, buf_str(&text));

        CHECK(rc == ERR_OK || rc == ERR_LIMIT);
        sent += !rc;
        stuck = rc ? stuck + 1 : 0;
        net_turn(&f.net);
    }
    CHECK(f.server.messages <= 1);
    CHECK(ws_queued(f.client.conn) <= WS_QUEUE_MAX + SIZE);
    ws_resume(f.server.conn);
    while (sent < MESSAGES) {
        sent += !ws_send_text(f.client.conn, buf_str(&text));
        net_turn(&f.net);
    }
    until_messages(&f, &f.server, sent);
    CHECK_INT(f.server.messages, sent);
    CHECK_INT(f.server.bytes, (long long)sent * SIZE);
    buf_release(&text);
    close_all(&f);
}

static bool has_now(void *arg)
{
    const struct end *e = arg;

    return e->closed || str_ends(buf_str(&e->got), STR("now|"));
}

TEST(ws_unsend_takes_back_what_waits_and_the_next_message_overtakes_it)
{
    enum { SIZE = 4000 };
    struct fixture f;
    struct buf text = BUF_INIT(SIZE);
    int sent = 0;

    open_on(&f, NULL);
    dial_open(&f, "/brief");
    while (text.n < SIZE)
        buf_add_char(&text, 'y');
    ws_pause(f.client.conn);
    while (!ws_send_text(f.server.conn, buf_str(&text))) {
        sent++;
        net_turn(&f.net);
    }
    CHECK(sent < 200); /* by itself the kernel would take a thousand */
    ws_unsend(f.server.conn);
    CHECK(ws_queued(f.server.conn) <= SIZE); /* of one message a part is on its way */
    CHECK_OK(ws_send_text(f.server.conn, STR("now")));
    ws_resume(f.client.conn);
    net_until(&f.net, has_now, &f.client);
    CHECK_INT(f.client.closed, 0);
    CHECK_INT(f.client.messages, sent - BRIEF_QUEUE / SIZE + 1);
    CHECK_INT((f.client.bytes - 3) % SIZE, 0); /* each of them whole */
    buf_release(&text);
    close_all(&f);
}

TEST(ws_paused_from_its_own_callback_hears_nothing_until_resumed)
{
    struct fixture f;
    int i;

    open_on(&f, NULL);
    f.server.on_first = FIRST_PAUSE;
    dial_open(&f, "/echo");
    for (i = 0; i < 5; i++)
        CHECK_OK(ws_send_text(f.client.conn, STR("m")));
    until_messages(&f, &f.server, 1);
    for (i = 0; i < 20; i++)
        net_turn(&f.net);
    CHECK_INT(f.server.messages, 1);
    ws_resume(f.server.conn);
    until_messages(&f, &f.server, 5);
    CHECK_STR(buf_str(&f.server.got), "m|m|m|m|m|");
    close_all(&f);
}

TEST(ws_paused_client_reads_on_after_resume)
{
    struct fixture f;
    int i;

    open_on(&f, NULL);
    f.client.on_first = FIRST_PAUSE;
    dial_open(&f, "/echo");
    for (i = 0; i < 5; i++)
        CHECK_OK(ws_send_text(f.server.conn, STR("m")));
    until_messages(&f, &f.client, 1);
    for (i = 0; i < 20; i++)
        net_turn(&f.net);
    CHECK_INT(f.client.messages, 1);
    ws_resume(f.client.conn);
    until_messages(&f, &f.client, 5);
    close_all(&f);
}

TEST(ws_paused_before_it_is_open_stays_paused)
{
    struct fixture f;
    int i;

    open_on(&f, NULL);
    f.server_sends_in_accept = true;
    dial(&f, "/echo");
    ws_pause(f.client.conn);
    net_until(&f.net, is_open, &f.client);
    for (i = 0; i < 20; i++)
        net_turn(&f.net);
    CHECK_INT(f.client.messages, 0);
    ws_resume(f.client.conn);
    until_messages(&f, &f.client, 1);
    CHECK_STR(buf_str(&f.client.got), "welcome|");
    close_all(&f);
}

/* --- ends ---------------------------------------------------------------------------------------- */

TEST(ws_close_sends_what_is_queued_first)
{
    struct fixture f;
    int i;

    open_on(&f, NULL);
    dial_open(&f, "/echo");
    for (i = 0; i < 100; i++)
        CHECK_OK(ws_send_text(f.server.conn, STR("x")));
    ws_close(f.server.conn, 4321, STR("done"));
    CHECK_RC(ERR_CLOSED, ws_send_text(f.server.conn, STR("late")));
    CHECK(ws_send_reserve(f.server.conn, 1) == NULL);
    ws_close(f.server.conn, 1000, STR("again")); /* the first one counts */
    CHECK_INT(f.server.closed, 0);
    until_closed(&f, &f.client);
    until_closed(&f, &f.server);
    CHECK_INT(f.client.messages, 100);
    CHECK_INT(f.client.code, 4321);
    CHECK_STR(str_c(f.client.reason), "done");
    CHECK_INT(f.server.code, 4321);
    close_all(&f);
}

TEST(ws_close_waits_for_a_slow_reader_but_not_for_ever)
{
    struct fixture f;
    struct raw r;
    char *text;
    int i, n = 0;

    open_fake(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r,
               "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    raw_until(&r, "\r\n\r\n");
    r.watch = loop_fd_unwatch(r.watch); /* reads no further */
    text = arena_zalloc(&f.arena, 100000);
    memset(text, 'x', 100000);
    while (n < 3) { /* until sockets and queue are full */
        n = ws_send_text(f.server.conn, str_n(text, 100000)) ? n + 1 : 0;
        net_turn(&f.net);
    }
    ws_close(f.server.conn, 1000, STR_EMPTY);
    for (i = 0; i < 19; i++)
        net_advance(&f.net, 100);
    CHECK_INT(f.server.closed, 0);
    net_advance(&f.net, 100);
    until_closed(&f, &f.server);
    CHECK_INT(f.server.code, 1006);
    raw_close(&r);
    close_all(&f);
}

TEST(ws_close_while_paused_hears_the_answer)
{
    struct fixture f;

    open_echo(&f);
    dial_open(&f, "/echo");
    ws_pause(f.client.conn);
    CHECK_OK(ws_send_text(f.client.conn, STR("unread echo")));
    until_messages(&f, &f.server, 1);
    ws_close(f.client.conn, 1000, STR_EMPTY);
    until_closed(&f, &f.client);
    until_closed(&f, &f.server);
    CHECK_INT(f.client.code, 1000);
    close_all(&f);
}

TEST(ws_abort_ends_both_sides_later_and_once)
{
    struct fixture f;

    open_on(&f, NULL);
    dial_open(&f, "/echo");
    ws_abort(f.client.conn);
    CHECK_INT(f.client.closed, 0);
    ws_abort(f.client.conn);
    until_closed(&f, &f.client);
    until_closed(&f, &f.server);
    CHECK_INT(f.client.code, 1006);
    CHECK_INT(f.server.code, 1006);
    close_all(&f);
}

TEST(ws_may_be_ended_from_its_own_callbacks)
{
    static const enum on_first ways[] = { FIRST_ABORT, FIRST_DISOWN, FIRST_CLOSE };
    struct fixture f;
    size_t i, side;

    for (i = 0; i < ARRAY_LEN(ways); i++) {
        for (side = 0; side < 2; side++) {
            struct end *who, *other;

            open_on(&f, NULL);
            who = side ? &f.server : &f.client;
            other = side ? &f.client : &f.server;
            who->on_first = ways[i];
            dial(&f, "/echo");
            net_until(&f.net, is_open, &f.client);
            if (!f.client.closed && f.client.conn && ways[i] != FIRST_CLOSE) {
                int k;

                for (k = 0; k < 10; k++)
                    CHECK_OK(ws_send_text(other->conn, STR("x")));
            }
            if (ways[i] == FIRST_CLOSE && side)
                ws_close(f.client.conn, 1000, STR_EMPTY);
            until_closed(&f, other);
            if (ways[i] == FIRST_DISOWN) {
                CHECK_INT(who->closed, 0);
                CHECK_INT(other->code, 1001);
            } else {
                until_closed(&f, who);
            }
            CHECK(who->messages <= 1);
            close_all(&f);
        }
    }
}

TEST(ws_disowned_connection_closes_in_silence)
{
    struct fixture f;

    open_on(&f, NULL);
    dial_open(&f, "/echo");
    CHECK_OK(ws_send_text(f.client.conn, STR("last words")));
    ws_disown(f.client.conn, 4000);
    CHECK_OK(ws_send_text(f.server.conn, STR("unheard")));
    until_closed(&f, &f.server);
    CHECK_INT(f.server.code, 4000);
    CHECK_STR(buf_str(&f.server.got), "last words|");
    net_turn(&f.net);
    CHECK_INT(f.client.closed + f.client.messages, 0);
    dial(&f, "/echo"); /* also while it is still connecting */
    ws_disown(f.client.conn, 1000);
    net_turn(&f.net);
    net_turn(&f.net);
    CHECK_INT(f.client.closed, 0);
    close_all(&f);
}

TEST(ws_open_connections_are_ended_by_the_loop)
{
    struct fixture f;

    open_on(&f, NULL);
    dial_open(&f, "/echo");
    CHECK_OK(ws_send_text(f.client.conn, STR("never sent")));
    f.net.server = http_server_destroy(f.net.server);
    f.net.loop = loop_destroy(f.net.loop);
    CHECK_INT(f.client.closed, 1);
    CHECK_INT(f.server.closed, 1);
    close_all(&f);
}

TEST(ws_look_up_in_flight_is_ended_by_the_loop)
{
    struct fixture f;
    struct err err = ERR_INIT;

    open_on(&f, NULL);
    CHECK_OK(dial_url(&f, STR("ws://no-such-host.invalid/"), &err));
    f.net.server = http_server_destroy(f.net.server);
    f.net.loop = loop_destroy(f.net.loop);
    CHECK_INT(f.client.closed, 1);
    CHECK_INT(f.client.code, -1);
    close_all(&f);
}

TEST(ws_connecting_is_ended_by_the_loop)
{
    struct fixture f;

    open_on(&f, NULL);
    dial(&f, "/echo");
    f.net.server = http_server_destroy(f.net.server);
    f.net.loop = loop_destroy(f.net.loop);
    CHECK_INT(f.client.closed, 1);
    CHECK_INT(f.client.code, -1);
    close_all(&f);
}

/* --- connecting ---------------------------------------------------------------------------------- */

TEST(ws_server_admits_with_headers_parameters_and_raw_target)
{
    struct fixture f;
    const struct http_header headers[] = {
        { STR("X-Twilio-Signature"), STR("abc=") },
        { STR("Authorization"), STR("Bearer t") },
    };
    struct ws_client_opts o = {
        .headers = headers, .n_headers = 2, .subprotocol = "realtime", .events = events
    };
    struct err err = ERR_INIT;

    open_on(&f, NULL);
    o.arg = &f.client;
    o.url = net_url(&f.net, &f.arena, "ws", "/calls/CA%201?a=%2F&&b?");
    CHECK_OK(ws_connect(&f.client.conn, f.net.loop, &o, &err));
    net_until(&f.net, is_open, &f.client);
    CHECK_INT(f.client.opened, 1);
    CHECK_STR(f.seen, "path=/calls/CA%201 query=a=%2F&&b? target=/calls/CA%201?a=%2F&&b? "
                      "ip=127.0.0.1 sig=abc= id=CA 1 sub=realtime");
    CHECK_CONTAINS(buf_str(&f.net.lines), "path=/calls/CA%201 status=101");
    close_all(&f);
}

TEST(ws_refusal_is_reported_with_its_status)
{
    static const struct {
        int status;
        enum errc code;
    } rows[] = { { 401, ERR_DENIED },   { 403, ERR_DENIED }, { 404, ERR_NOT_FOUND },
                 { 409, ERR_CONFLICT }, { 429, ERR_AGAIN },  { 500, ERR_UPSTREAM },
                 { 503, ERR_AGAIN } };
    struct fixture f;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        open_on(&f, NULL);
        f.admit_status = rows[i].status;
        dial(&f, "/echo?token=secret");
        until_closed(&f, &f.client);
        CHECK_INT(f.client.opened, 0);
        CHECK_INT(f.client.code, -1);
        CHECK_INT(f.client.err.code, rows[i].code);
        CHECK_INT(f.client.err.upstream, rows[i].status);
        CHECK(!str_contains(str_c(f.client.err.text), STR("secret")));
        CHECK_CONTAINS(str_c(f.client.err.text), "refused with HTTP");
        CHECK_INT(f.server.closed + f.abandoned, 0);
        close_all(&f);
    }
}

TEST(ws_redirect_is_a_refusal)
{
    static const struct script scripts[] = {
        { .expect = "\r\n\r\n",
          .reply =
              "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" },
    };
    struct fixture f;
    struct peer *p;
    struct err err = ERR_INIT;

    open_on(&f, NULL);
    p = peer_open(&f.net, scripts, 1);
    CHECK_OK(dial_url(&f, arena_printf(&f.arena, "ws://127.0.0.1:%d/", peer_port(p)), &err));
    until_closed(&f, &f.client);
    CHECK_INT(f.client.err.upstream, 302);
    CHECK_INT(peer_accepted(p), 1);
    peer_close(p);
    close_all(&f);
}

TEST(ws_client_says_why_it_could_not_connect)
{
    static const struct script scripts[] = {
        { .expect = "\r\n\r\n" },
        { .expect = "\r\n\r\n",
          .reply = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                   "Upgrade\r\nSec-WebSocket-Accept: bm8gbm8gbm8gbm8=\r\n\r\n" },
        { .expect = "\r\n\r\n", .reply = "nonsense\r\n\r\n" },
    };
    struct fixture f;
    struct err err = ERR_INIT;
    struct peer *p;
    int port;
    size_t i;

    open_on(&f, NULL);
    p = peer_open(&f.net, scripts, ARRAY_LEN(scripts));
    port = peer_port(p);
    for (i = 0; i < ARRAY_LEN(scripts) + 1; i++) {
        if (i == ARRAY_LEN(scripts))
            p = peer_close(p); /* nobody listens any more */
        f.client.closed = 0;
        f.client.err = (struct err)ERR_INIT;
        CHECK_OK(dial_url(&f, arena_printf(&f.arena, "ws://localhost:%d/a?secret", port), &err));
        CHECK_INT(f.client.closed, 0);
        until_closed(&f, &f.client);
        CHECK_INT(f.client.code, -1);
        CHECK_INT(f.client.err.code, ERR_UPSTREAM);
        CHECK_CONTAINS(str_c(f.client.err.text), "/a: ");
    }
    CHECK_INT(f.client.err.upstream, ECONNREFUSED);
    CHECK_CONTAINS(str_c(f.client.err.text), "/a: Connection refused");
    CHECK(!str_contains(str_c(f.client.err.text), STR("secret")));
    CHECK_INT(f.client.opened, 0);
    close_all(&f);
}

TEST(ws_connect_refuses_what_cannot_be_asked)
{
    static const char *const urls[] = { "",          "http://a/",       "ws://",   "ws:///x",
                                        "ws://a b/", "ws://a/\r\nX: y", "nonsense" };
    const struct http_header bad[] = { { STR("X Y"), STR("z") } };
    const struct http_header injected[] = { { STR("X"), STR("a\r\nY: b") } };
    struct fixture f;
    struct ws_client_opts o = { .url = STR("ws://localhost:1/"), .events = events };
    struct err err = ERR_INIT;
    size_t i;

    open_on(&f, NULL);
    o.arg = &f.client;
    for (i = 0; i < ARRAY_LEN(urls); i++)
        CHECK_RC(ERR_INVALID, dial_url(&f, str_c(urls[i]), &err));
    o.headers = bad;
    o.n_headers = 1;
    CHECK_RC(ERR_INVALID, ws_connect(&f.client.conn, f.net.loop, &o, &err));
    o.headers = injected;
    CHECK_RC(ERR_INVALID, ws_connect(&f.client.conn, f.net.loop, &o, &err));
    o = (struct ws_client_opts){ .url = STR("wss://localhost:1/"),
                                 .events = events,
                                 .arg = &f.client };
    CHECK_RC(ERR_INVALID, ws_connect(&f.client.conn, f.net.loop, &o, &err));
    net_turn(&f.net);
    CHECK_INT(f.client.closed, 0);
    close_all(&f);
}

TEST(ws_connect_gives_up_in_time)
{
    static const struct script scripts[] = { { .expect = "\r\n\r\n", .hold = true } };
    struct fixture f;
    struct ws_client_opts o = { .connect_timeout_ms = 3000, .events = events };
    struct err err = ERR_INIT;
    struct peer *p;

    open_fake(&f);
    p = peer_open(&f.net, scripts, 1);
    o.arg = &f.client;
    o.url = arena_printf(&f.arena, "ws://127.0.0.1:%d/", peer_port(p));
    CHECK_OK(ws_connect(&f.client.conn, f.net.loop, &o, &err));
    while (!str_contains(peer_received(p), STR("\r\n\r\n")))
        net_turn(&f.net);
    net_advance(&f.net, 2999);
    CHECK_INT(f.client.closed, 0);
    net_advance(&f.net, 1);
    until_closed(&f, &f.client);
    CHECK_INT(f.client.err.code, ERR_TIMEOUT);
    peer_close(p);
    close_all(&f);
}

TEST(ws_connects_by_name_and_by_ipv6)
{
    struct fixture f;
    char name[256];
    struct err err = ERR_INIT;

    open_on(&f, "::1");
    CHECK_OK(dial_url(
        &f, arena_printf(&f.arena, "ws://[::1]:%d/echo", http_server_port(f.net.server)), &err));
    net_until(&f.net, is_open, &f.client);
    CHECK_INT(f.client.opened, 1);
    CHECK_STR(ws_peer_ip(f.client.conn), "::1");
    ws_disown(f.client.conn, 1000);
    until_closed(&f, &f.server);
    f.client.opened = 0;
    /* "localhost": 127.0.0.1 refuses, ::1 is tried next */
    CHECK_OK(dial_url(
        &f, arena_printf(&f.arena, "ws://localhost:%d/echo", http_server_port(f.net.server)),
        &err));
    net_until(&f.net, is_open, &f.client);
    CHECK_INT(f.client.opened, 1);
    CHECK_STR(ws_peer_ip(f.client.conn), "::1");
    close_all(&f);

    open_on(&f, "::");
    CHECK(gethostname(name, sizeof(name)) == 0); /* from /etc/hosts, or from the name server */
    CHECK_OK(dial_url(
        &f, arena_printf(&f.arena, "ws://%s:%d/echo", name, http_server_port(f.net.server)), &err));
    net_until(&f.net, is_open, &f.client);
    if (!f.client.opened)
        CHECK_CONTAINS(str_c(f.client.err.text), "looking up the name");
    close_all(&f);
}

TEST(ws_name_that_does_not_exist_fails_later)
{
    struct fixture f;
    struct err err = ERR_INIT;

    open_on(&f, NULL);
    CHECK_OK(dial_url(&f, STR("ws://no-such-host.invalid/"), &err));
    CHECK_INT(f.client.closed, 0);
    until_closed(&f, &f.client);
    CHECK_INT(f.client.code, -1);
    CHECK_CONTAINS(str_c(f.client.err.text), "ws://no-such-host.invalid/: ");
    CHECK_OK(dial_url(&f, STR("ws://no-such-host.invalid/"), &err));
    ws_abort(f.client.conn); /* while the name is being looked up */
    f.client.closed = 0;
    until_closed(&f, &f.client);
    close_all(&f);
}

/* --- raw peers ----------------------------------------------------------------------------------- */

#define UPGRADE(path, more)                                                             \
    "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" more "\r\n"

static void raw_upgrade(struct fixture *f, struct raw *r, const char *request)
{
    raw_open(r, &f->net);
    raw_send_c(r, request);
    raw_until(r, "\r\n\r\n");
    CHECK(str_starts(buf_str(&r->got), STR("HTTP/1.1 101 ")));
    CHECK_CONTAINS(buf_str(&r->got),
                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"); /* RFC 6455 */
    buf_drop_front(&r->got, str_find(buf_str(&r->got), STR("\r\n\r\n")) + 4);
}

/* A frame masked with a zero key. */
static void frame(struct buf *out, int first, const char *payload)
{
    size_t n = strlen(payload);

    buf_add_char(out, (char)first);
    CHECK(n < 126);
    buf_add_char(out, (char)(0x80 | n));
    buf_add(out, "\0\0\0\0", 4);
    buf_add_c(out, payload);
}

static void raw_frame(struct raw *r, int first, const char *payload)
{
    struct buf b = BUF_INIT(200);

    frame(&b, first, payload);
    raw_send(r, buf_str(&b));
    buf_release(&b);
}

TEST(ws_server_ignores_offers_of_extensions_and_protocols)
{
    struct fixture f;
    struct raw r;

    open_echo(&f);
    raw_open(&r, &f.net);
    raw_send_c(&r,
               UPGRADE("/echo",
                       "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
                       "Sec-WebSocket-Protocol: chat, other\r\n"));
    raw_until(&r, "\r\n\r\n");
    CHECK(str_starts(buf_str(&r.got), STR("HTTP/1.1 101 ")));
    CHECK(!str_contains(buf_str(&r.got), STR("Extensions")));
    CHECK(!str_contains(buf_str(&r.got), STR("Protocol:")));
    raw_frame(&r, 0x81, "hi");
    raw_until(&r, "\x81\x02hi");
    raw_close(&r);
    until_closed(&f, &f.server);
    CHECK_INT(f.server.code, 1006);
    close_all(&f);
}

TEST(ws_server_refuses_bad_upgrades_with_a_status)
{
    static const struct {
        const char *name, *request, *status;
    } rows[] = {
        { "no upgrade", "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "426" },
        { "version 8",
          "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
          "websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: "
          "dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: close\r\n\r\n",
          "426" },
        { "no key",
          "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
          "websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
          "400" },
        { "short key",
          "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
          "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abcd\r\n\r\n",
          "400" },
        { "POST",
          "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: "
          "websocket\r\nContent-Length: 0\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
          "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
          "405" },
        { "a body", UPGRADE("/echo", "Content-Length: 3\r\n") "abc", "400" },
        { "unknown path", UPGRADE("/nope", "Connection: close\r\n"), "404" },
        { "plain request where both are served",
          "GET /both HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200" },
        { "HTTP/1.0", "GET /echo HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
          "426" },
    };
    struct fixture f;
    size_t i;

    open_on(&f, NULL);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct str got = raw_once(&f.net, &f.arena, str_c(rows[i].request));

        if (!str_eq_c(str_slice(got, 9, 12), rows[i].status))
            FAIL_TEST("%s: expected %s, got " STR_FMT, rows[i].name, rows[i].status, STR_ARG(got));
    }
    CHECK_INT(f.admitted, 0);
    close_all(&f);
}

TEST(ws_server_reads_frames_sent_together_with_the_request)
{
    struct fixture f;
    struct buf all = BUF_INIT(4 * KIB);
    struct raw r;

    open_echo(&f);
    buf_add_c(&all, UPGRADE("/echo", ""));
    frame(&all, 0x81, "first");
    frame(&all, 0x81, "second");
    raw_open(&r, &f.net);
    raw_send(&r, buf_str(&all));
    raw_until(&r, "\x81\x06second");
    CHECK_CONTAINS(buf_str(&r.got), "\x81\x05"
                                    "first");
    CHECK_STR(buf_str(&f.server.got), "first|second|");
    raw_close(&r);
    buf_release(&all);
    close_all(&f);
}

TEST(ws_reassembles_fragments_with_control_frames_between_them)
{
    struct fixture f;
    struct raw r;

    open_on(&f, NULL);
    raw_upgrade(&f, &r, UPGRADE("/echo", ""));
    raw_frame(&r, 0x01, "one ");
    raw_frame(&r, 0x89, "ping");
    raw_until(&r, "\x8a\x04ping");
    raw_frame(&r, 0x00, "two ");
    raw_frame(&r, 0x8a, ""); /* an unasked PONG */
    raw_frame(&r, 0x00, "");
    CHECK_INT(f.server.messages, 0);
    raw_frame(&r, 0x80, "three");
    until_messages(&f, &f.server, 1);
    raw_frame(&r, 0x02, "");
    raw_frame(&r, 0x80, "");
    raw_frame(&r, 0x82, "");
    until_messages(&f, &f.server, 3);
    CHECK_STR(buf_str(&f.server.got), "one two three|||");
    CHECK_INT(f.server.binaries, 2);
    raw_close(&r);
    close_all(&f);
}

static void turns(struct fixture *f)
{
    int i;

    for (i = 0; i < 20; i++)
        net_turn(&f->net);
}

TEST(ws_writes_what_one_connection_gave_rise_to_before_it_reads_the_next)
{
    struct fixture f;
    struct raw a, b;

    open_echo(&f);
    raw_upgrade(&f, &a, UPGRADE("/echo", ""));
    raw_upgrade(&f, &b, UPGRADE("/echo", "")); /* who gets the echoes, being the latest */
    turns(&f);
    f.server.echoed_to = &b;
    raw_frame(&a, 0x81, "from a");
    raw_frame(&b, 0x81, "from b");
    until_messages(&f, &f.server, 2);
    CHECK(f.server.echoed_before_second);
    raw_close(&a);
    raw_close(&b);
    close_all(&f);
}

static void send_tick(void *arg)
{
    CHECK_OK(ws_send_text(((struct fixture *)arg)->server.conn, STR("tick")));
}

static void look_for_tick(void *arg)
{
    struct end *e = &((struct fixture *)arg)->server;

    e->echoed_before_second = raw_readable(e->echoed_to);
}

TEST(ws_writes_what_one_timer_gave_rise_to_before_the_next_runs)
{
    struct timer first, second;
    struct fixture f;
    struct raw r;

    open_fake(&f);
    raw_upgrade(&f, &r, UPGRADE("/echo", ""));
    turns(&f);
    f.server.echoed_to = &r;
    timer_init(&first, f.net.loop, send_tick, &f);
    timer_init(&second, f.net.loop, look_for_tick, &f);
    timer_start(&first, 20);
    timer_start(&second, 20);
    net_advance(&f.net, 20);
    CHECK(f.server.echoed_before_second);
    raw_close(&r);
    close_all(&f);
}

TEST(ws_messages_in_pieces_do_not_mix_with_those_of_other_connections)
{
    struct fixture f;
    struct raw a, b, gone;

    open_on(&f, NULL);
    raw_upgrade(&f, &a, UPGRADE("/echo", ""));
    raw_upgrade(&f, &b, UPGRADE("/echo", ""));
    raw_frame(&a, 0x01, "a1 ");
    turns(&f);
    raw_frame(&b, 0x01, "b1 ");
    turns(&f);
    raw_frame(&a, 0x80, "a2");
    until_messages(&f, &f.server, 1);
    raw_frame(&b, 0x80, "b2");
    until_messages(&f, &f.server, 2);
    raw_upgrade(&f, &gone, UPGRADE("/echo", ""));
    raw_frame(&gone, 0x01, "never whole ");
    turns(&f);
    raw_close(&gone);
    until_closed(&f, &f.server);
    f.server.closed = 0;
    raw_frame(&b, 0x01, "b3 ");
    raw_frame(&b, 0x80, "b4");
    until_messages(&f, &f.server, 3);
    CHECK_STR(buf_str(&f.server.got), "a1 a2|b1 b2|b3 b4|");
    raw_close(&a);
    raw_close(&b);
    close_all(&f);
}

TEST(ws_message_and_close_in_one_segment_arrive_in_that_order)
{
    struct fixture f;
    struct buf both = BUF_INIT(200);
    struct raw r;

    open_on(&f, NULL);
    raw_upgrade(&f, &r, UPGRADE("/echo", ""));
    frame(&both, 0x81, "{\"type\":\"error\"}");
    frame(&both, 0x88, "\x0f\xa0why");
    raw_send(&r, buf_str(&both));
    shutdown(r.fd, SHUT_WR);
    CHECK_OK(ws_send_text(f.server.conn, STR("a write under way")));
    until_closed(&f, &f.server);
    CHECK_STR(buf_str(&f.server.got), "{\"type\":\"error\"}|");
    CHECK_INT(f.server.code, 4000);
    CHECK_STR(str_c(f.server.reason), "why");
    raw_close(&r);
    buf_release(&both);
    close_all(&f);
}

TEST(ws_client_hears_message_and_close_in_one_segment)
{
    /* The key is random, so the accept value is made by our own server: client against server, both in
     * one turn of the server. */
    struct fixture f;

    open_on(&f, NULL);
    dial_open(&f, "/echo");
    CHECK_OK(ws_send_text(f.client.conn, STR("x")));
    CHECK_OK(ws_send_text(f.server.conn, STR("{\"type\":\"error\"}")));
    ws_close(f.server.conn, 4000, STR("why"));
    until_closed(&f, &f.client);
    CHECK_STR(buf_str(&f.client.got), "{\"type\":\"error\"}|");
    CHECK_INT(f.client.code, 4000);
    CHECK_STR(str_c(f.client.reason), "why");
    close_all(&f);
}

TEST(ws_close_codes_are_told_as_the_peer_sent_them)
{
    static const struct {
        const char *payload;
        size_t n;
        int code;
        const char *reason;
    } rows[] = {
        { "", 0, 1005, "" },
        { "\x03\xe8", 2, 1000, "" },
        { "\x03\xe9"
          "going away",
          12, 1001, "going away" },
        { "\x13\x87", 2, 4999, "" },
    };
    struct fixture f;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = BUF_INIT(200);
        struct raw r;

        open_on(&f, NULL);
        raw_upgrade(&f, &r, UPGRADE("/echo", ""));
        buf_add_char(&b, (char)0x88);
        buf_add_char(&b, (char)(0x80 | rows[i].n));
        buf_add(&b, "\0\0\0\0", 4);
        buf_add(&b, rows[i].payload, rows[i].n);
        raw_send(&r, buf_str(&b));
        until_closed(&f, &f.server);
        CHECK_INT(f.server.code, rows[i].code);
        CHECK_STR(str_c(f.server.reason), rows[i].reason);
        raw_until_eof(&r);
        CHECK_INT(r.got.p[0] & 0xff, 0x88); /* answered before the end */
        raw_close(&r);
        buf_release(&b);
        close_all(&f);
    }
}

TEST(ws_protocol_errors_end_the_connection_with_their_code)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t n;
        int code; /* in our CLOSE; 0: none is sent */
    } rows[] = {
        { "reserved bit", "\xc1\x80\0\0\0\0", 6, 1002 },
        { "reserved opcode", "\x83\x80\0\0\0\0", 6, 1002 },
        { "continuation of nothing", "\x80\x80\0\0\0\0", 6, 1002 },
        { "new message inside another", "\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b", 14, 1002 },
        { "fragmented ping", "\x09\x80\0\0\0\0", 6, 1002 },
        { "text that is not UTF-8", "\x81\x82\0\0\0\0\xff\xfe", 8, 1007 },
    };
    struct fixture f;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct raw r;

        open_on(&f, NULL);
        raw_upgrade(&f, &r, UPGRADE("/echo", ""));
        raw_send(&r, str_n(rows[i].bytes, rows[i].n));
        raw_until_n(&r, 4);
        if ((r.got.p[0] & 0xff) != 0x88 ||
            ((r.got.p[2] & 0xff) << 8 | (r.got.p[3] & 0xff)) != rows[i].code)
            FAIL_TEST("%s: %02x %02x %02x %02x", rows[i].name, r.got.p[0] & 0xff, r.got.p[1] & 0xff,
                      r.got.p[2] & 0xff, r.got.p[3] & 0xff);
        raw_close(&r);
        until_closed(&f, &f.server);
        CHECK(f.server.code == 1006 || f.server.code == rows[i].code);
        CHECK_INT(f.server.messages, 0);
        close_all(&f);
    }
}

TEST(ws_pings_a_silent_peer_and_gives_up_on_a_dead_one)
{
    struct fixture f;
    struct raw r;

    open_fake(&f);
    raw_upgrade(&f, &r, UPGRADE("/echo", ""));
    net_advance(&f.net, WS_PING_MS - 1);
    CHECK_INT(r.got.n, 0);
    net_advance(&f.net, 1);
    raw_until_n(&r, 3);
    CHECK_STR(buf_str(&r.got), "\x89\x01.");
    raw_frame(&r, 0x8a, ".");
    while (f.server.conn && f.server.conn->heard_ms < loop_now_ms(f.net.loop))
        net_turn(&f.net);
    net_advance(&f.net, WS_PONG_TIMEOUT_MS);
    CHECK_INT(f.server.closed, 0);
    net_advance(&f.net, WS_PING_MS - WS_PONG_TIMEOUT_MS);
    raw_until_n(&r, 6); /* the second PING, which stays without an answer */
    net_advance(&f.net, WS_PONG_TIMEOUT_MS - 1);
    CHECK_INT(f.server.closed, 0);
    net_advance(&f.net, 1);
    until_closed(&f, &f.server);
    CHECK_INT(f.server.code, 1006);
    CHECK_INT(f.server.err.code, ERR_TIMEOUT);
    raw_until_eof(&r);
    raw_close(&r);
    close_all(&f);
}

TEST(ws_paused_reader_is_not_taken_for_a_dead_peer)
{
    struct fixture f;
    struct raw r;
    int i;

    open_fake(&f);
    raw_upgrade(&f, &r, UPGRADE("/echo", ""));
    ws_pause(f.server.conn);
    for (i = 0; i < 20; i++)
        net_advance(&f.net, WS_PING_MS);
    CHECK_INT(f.server.closed, 0);
    raw_frame(&r, 0x81, "still here");
    ws_resume(f.server.conn);
    until_messages(&f, &f.server, 1);
    raw_close(&r);
    close_all(&f);
}

TEST(ws_close_does_not_wait_for_a_silent_peer)
{
    struct fixture f;
    struct raw r;

    open_fake(&f);
    raw_upgrade(&f, &r, UPGRADE("/echo", ""));
    ws_close(f.server.conn, 1000, STR("bye"));
    raw_until_n(&r, 7);
    CHECK_STR(str_from(buf_str(&r.got), 4), "bye");
    net_advance(&f.net, 1999);
    CHECK_INT(f.server.closed, 0);
    net_advance(&f.net, 1);
    until_closed(&f, &f.server);
    raw_until_eof(&r);
    raw_close(&r);
    close_all(&f);
}

TEST(ws_peer_that_resets_ends_a_paused_connection)
{
    struct fixture f;
    struct linger now = { 1, 0 };
    struct raw r;

    open_on(&f, NULL);
    raw_upgrade(&f, &r, UPGRADE("/echo", ""));
    ws_pause(f.server.conn);
    CHECK(setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    raw_close(&r);
    until_closed(&f, &f.server);
    CHECK_INT(f.server.code, 1006);
    close_all(&f);
}

TEST(ws_app_may_send_or_abort_in_accept)
{
    struct fixture f;

    open_on(&f, NULL);
    f.server_sends_in_accept = true;
    dial(&f, "/echo");
    until_messages(&f, &f.client, 1);
    CHECK_STR(buf_str(&f.client.got), "welcome|");
    close_all(&f);

    open_on(&f, NULL);
    f.server_aborts_in_accept = true;
    dial(&f, "/echo");
    until_closed(&f, &f.server);
    until_closed(&f, &f.client);
    close_all(&f);
}

TEST(ws_many_connections_come_and_go)
{
    enum { CONNS = 200 };
    struct fixture f;
    struct end ends[CONNS];
    int i;

    open_on(&f, NULL);
    f.server.echo = false;
    for (i = 0; i < CONNS; i++) {
        struct ws_client_opts o = { .events = events, .arg = &ends[i] };
        struct err err = ERR_INIT;

        ends[i] = (struct end){ 0 };
        buf_init(&ends[i].got, KIB);
        o.url = net_url(&f.net, &f.arena, "ws", "/echo");
        CHECK_OK(ws_connect(&ends[i].conn, f.net.loop, &o, &err));
        if (i % 3 == 0)
            ws_abort(ends[i].conn);
    }
    for (i = 0; i < CONNS; i++) {
        if (i % 3 == 0) {
            until_closed(&f, &ends[i]);
        } else {
            net_until(&f.net, is_open, &ends[i]);
            CHECK_INT(ends[i].opened, 1);
            if (i % 3 == 1)
                ws_close(ends[i].conn, 1000, STR_EMPTY);
            else
                ws_abort(ends[i].conn);
        }
    }
    for (i = 0; i < CONNS; i++) {
        until_closed(&f, &ends[i]);
        buf_release(&ends[i].got);
    }
    close_all(&f);
}

struct pair {
    struct ws_conn *client, *server;
    int client_closed, server_closed;
    bool disowned, server_disowned;
};

static void pair_message(void *arg, struct str data, bool binary)
{
    (void)arg;
    (void)data;
    (void)binary;
}

static void pair_client_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct pair *p = arg;

    (void)code;
    (void)reason;
    (void)err;
    CHECK(!p->disowned);
    p->client_closed++;
    p->client = NULL;
}

static void pair_server_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct pair *p = arg;

    (void)code;
    (void)reason;
    (void)err;
    CHECK(!p->server_disowned);
    p->server_closed++;
    p->server = NULL;
}

static struct pair *pairs;

static int pair_admit(void *app, const struct ws_upgrade *u, void **arg)
{
    int64_t i = 0;

    (void)app;
    CHECK_OK(str_to_i64(ws_upgrade_param(u, "i"), 0, 1000, &i));
    *arg = &pairs[i];
    return 0;
}

static void pair_accept(void *app, struct ws_conn *c, struct ws_events *ev, void **arg)
{
    (void)app;
    ((struct pair *)*arg)->server = c;
    *ev = (struct ws_events){ .on_message = pair_message, .on_closed = pair_server_closed };
}

static const struct ws_route pair_routes[] = {
    { .path = "/pair/{i}", .message_max = 50000, .admit = pair_admit, .accept = pair_accept },
};

static void pair_act(struct pair *p, struct ws_conn **side, bool *disowned, uint32_t seed,
                     const char *data)
{
    struct ws_conn *c = *side;

    (void)p;
    if (!c)
        return;
    switch ((seed >> 16) % 16) {
    case 0:
        ws_close(c, 1000, STR("enough"));
        break;
    case 1:
        ws_abort(c);
        break;
    case 2:
        ws_disown(c, 1001);
        *disowned = true;
        *side = NULL;
        break;
    case 3:
    case 4:
        ws_pause(c);
        break;
    case 5:
    case 6:
        ws_resume(c);
        break;
    default:
        if (ws_send_text(c, str_n(data, (seed >> 4) % 60000)))
            CHECK(ws_queued(c) <= WS_QUEUE_MAX);
        break;
    }
}

TEST(ws_every_connection_ends_once_whatever_is_done_to_it)
{
    enum { PAIRS = 300, STEPS = 6000 };
    struct fixture f = { 0 };
    char *data;
    uint32_t seed = 99;
    int i, step;

    pairs = mem_calloc(PAIRS, sizeof(*pairs));
    net_open(&f.net, 0);
    net_serve(&f.net, (struct http_server_opts){ .ws_routes = pair_routes, .n_ws_routes = 1 });
    data = arena_zalloc(&f.arena, 60000);
    memset(data, 'd', 60000);
    for (i = 0; i < PAIRS; i++) {
        struct ws_client_opts o = { .events = { .on_message = pair_message,
                                                .on_closed = pair_client_closed } };

        o.arg = &pairs[i];
        o.url =
            arena_printf(&f.arena, "ws://127.0.0.1:%d/pair/%d", http_server_port(f.net.server), i);
        CHECK_OK(ws_connect(&pairs[i].client, f.net.loop, &o, NULL));
        for (step = 0; step < STEPS / PAIRS; step++) {
            seed = seed * 1664525 + 1013904223;
            if (seed & 0x10000000)
                pair_act(&pairs[(seed >> 8) % (unsigned)(i + 1)],
                         &pairs[(seed >> 8) % (unsigned)(i + 1)].client,
                         &pairs[(seed >> 8) % (unsigned)(i + 1)].disowned, seed, data);
            else
                pair_act(&pairs[(seed >> 8) % (unsigned)(i + 1)],
                         &pairs[(seed >> 8) % (unsigned)(i + 1)].server,
                         &pairs[(seed >> 8) % (unsigned)(i + 1)].server_disowned, seed, data);
            if (seed & 0x200)
                net_turn(&f.net);
        }
    }
    for (i = 0; i < PAIRS; i++) {
        if (pairs[i].client)
            ws_abort(pairs[i].client);
    }
    for (i = 0; i < 50; i++)
        net_turn(&f.net);
    f.net.server = http_server_destroy(f.net.server);
    f.net.loop = loop_destroy(f.net.loop);
    for (i = 0; i < PAIRS; i++) {
        CHECK_INT(pairs[i].client_closed, pairs[i].disowned ? 0 : 1);
        CHECK(pairs[i].server_closed <= 1);
        CHECK(!pairs[i].server);
    }
    net_close(&f.net);
    arena_release(&f.arena);
    mem_free(pairs);
}
