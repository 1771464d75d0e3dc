#include "net/http_client.h"

#include "support_test.h"

static void on_hello(void *app, struct http_req *r)
{
    (void)app;
    http_reply(r, 200, "text/plain", STR("hello"));
}

static const struct http_route routes[] = {
    { .methods = HTTP_GET, .path = "/hello", .handle = on_hello },
};

TEST(http_client_gets)
{
    struct net n;
    struct call c = { 0 };
    struct arena a = ARENA_INIT;

    net_open(&n, 2);
    net_serve(&n, (struct http_server_opts){ .routes = routes, .n_routes = ARRAY_LEN(routes) });
    c.req.url = net_url(&n, &a, "http", "/hello?secret=1");
    call_run(&n, &c);
    CHECK_OK(c.rc);
    CHECK_INT(c.res.status, 200);
    CHECK_STR(c.res.body, "hello");
    CHECK_STR(http_response_header(&c.res, "content-type"), "text/plain");
    call_release(&c);
    arena_release(&a);
    net_close(&n);
}
