#include "net/ws.h"

#include "support_test.h"

struct end {
    struct net *net;
    struct ws_conn *conn;
    struct buf got;
    int opened, closed, messages, drained;
    int code;
    struct str reason;
    struct err err;
    bool echo;
};

static void on_open(void *arg)
{
    ((struct end *)arg)->opened++;
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct end *e = arg;

    e->messages++;
    buf_add_str(&e->got, data);
    buf_add_char(&e->got, '|');
    if (e->echo) {
        if (binary)
            CHECK_OK(ws_send_binary(e->conn, data.p, data.n));
        else
            CHECK_OK(ws_send_text(e->conn, data));
    }
}

static void on_drained(void *arg)
{
    ((struct end *)arg)->drained++;
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct end *e = arg;

    (void)reason;
    e->closed++;
    e->code = code;
    e->conn = NULL;
    if (err)
        e->err = *err;
}

static const struct ws_events events = { on_open, on_message, on_drained, on_closed };

static void accept_echo(void *app, struct ws_conn *c, struct ws_events *ev, void **arg)
{
    struct end *server = app;

    server->conn = c;
    server->echo = true;
    *ev = events;
    *arg = server;
}

static const struct ws_route ws_routes[] = {
    { .path = "/echo", .accept = accept_echo },
};

static bool got_message(void *arg)
{
    struct end *e = arg;

    return e->messages > 0 || e->closed;
}

static bool is_closed(void *arg)
{
    return ((struct end *)arg)->closed > 0;
}

TEST(ws_client_and_server_echo)
{
    struct net n;
    struct end client = { 0 }, server = { 0 };
    struct arena a = ARENA_INIT;
    struct ws_client_opts o = { .events = events, .arg = &client };
    struct err err = ERR_INIT;

    net_open(&n, 0);
    buf_init(&client.got, MIB);
    buf_init(&server.got, MIB);
    net_serve(&n, (struct http_server_opts){ .ws_routes = ws_routes, .n_ws_routes = 1, .app = &server });
    o.url = net_url(&n, &a, "ws", "/echo");
    CHECK_OK(ws_connect(&client.conn, n.loop, &o, &err));
    CHECK_OK(ws_send_text(client.conn, STR("hi there")));
    net_until(&n, got_message, &client);
    CHECK_STR(buf_str(&client.got), "hi there|");
    CHECK_INT(client.opened, 1);
    ws_close(client.conn, 1000, STR("bye"));
    net_until(&n, is_closed, &client);
    net_until(&n, is_closed, &server);
    CHECK_INT(client.code, 1000);
    CHECK_INT(server.code, 1000);
    CHECK_INT(client.closed, 1);
    buf_release(&client.got);
    buf_release(&server.got);
    arena_release(&a);
    net_close(&n);
}
