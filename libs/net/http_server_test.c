#include "net/http_server.h"

#include "support_test.h"

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

static const struct http_route routes[] = {
    { .methods = HTTP_GET, .path = "/hello", .handle = on_hello },
    { .methods = HTTP_POST, .path = "/echo", .body_max = 1000, .handle = on_echo },
    { .methods = HTTP_GET, .path = "/live", .handle = on_hello, .on_loop = true },
};

static void open_server(struct net *n)
{
    net_open(n, 2);
    net_serve(n, (struct http_server_opts){ .routes = routes, .n_routes = ARRAY_LEN(routes) });
}

TEST(http_server_answers_from_worker_and_loop)
{
    struct net n;
    struct arena a = ARENA_INIT;
    struct str got;

    open_server(&n);
    got = raw_once(&n, &a, STR("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    CHECK_CONTAINS(got, "HTTP/1.1 200 OK\r\n");
    CHECK_CONTAINS(got, "\r\n\r\nhello");
    got = raw_once(&n, &a, STR("GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    CHECK_CONTAINS(got, "\r\n\r\nhello");
    got = raw_once(&n, &a, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"));
    CHECK_CONTAINS(got, "\r\n\r\nabc");
    arena_release(&a);
    net_close(&n);
}
