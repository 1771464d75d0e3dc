#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/mem.h"
#include "net/http_server_internal.h"
#include "net/ws_internal.h"

enum {
    READ_SIZE = 32 * 1024,
    IN_MAX = HTTP_SERVER_HEADERS_MAX + 2 * READ_SIZE,
    KEPT_BUFFER = 16 * 1024, /* a larger one is given back between requests */
};

/* --- refusing ------------------------------------------------------------------------------------ */

/* From here on the timer counts what the peer does not take. */
static void begin_answer(struct http_conn *c)
{
    timer_stop(&c->timer);
    c->state = CONN_ANSWER;
}

/* Answers on the loop. The rest of the request is not read: the connection ends with the answer, unless
 * there is no rest. */
static void refuse(struct http_conn *c, int status, const char *why)
{
    struct http_exchange *x = c->x;

    x->on_loop = true;
    x->close = true;
    if (status == 503)
        http_reply_header(&x->req, "Retry-After", STR("1"));
    http_reply_error(&x->req, status, "%s", why);
    begin_answer(c);
}

static void refuse_politely(struct http_conn *c, int status, const char *why)
{
    bool close = c->x->close || c->x->head.chunked || c->x->head.length > 0;

    c->x->close = close;
    c->x->on_loop = true;
    http_reply_error(&c->x->req, status, "%s", why);
    begin_answer(c);
}

/* --- routes -------------------------------------------------------------------------------------- */

static void add_allowed(struct buf *out, unsigned methods)
{
    static const struct {
        unsigned method;
        const char *name;
    } names[] = {
        { HTTP_GET, "GET, HEAD" }, { HTTP_POST, "POST" },     { HTTP_PUT, "PUT" },
        { HTTP_PATCH, "PATCH" },   { HTTP_DELETE, "DELETE" },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (methods & names[i].method)
            buf_addf(out, "%s%s", out->n ? ", " : "", names[i].name);
    }
}

/* The first route that matches, or NULL; *allowed collects the methods of those with this path. */
static const struct http_route *find_in(struct http_exchange *x, const struct http_route *routes,
                                        size_t n, unsigned *allowed)
{
    struct http_req *r = &x->req;
    size_t i;

    for (i = 0; i < n; i++) {
        if (!http_path_match(routes[i].path, r->path, r->params, &r->n_params, &x->arena))
            continue;
        if (routes[i].methods & (unsigned)r->method)
            return &routes[i];
        *allowed |= routes[i].methods;
    }
    return NULL;
}

static const struct http_route *find_route(struct http_conn *c, unsigned *allowed)
{
    struct http_server *s = c->server;
    struct http_exchange *x = c->x;
    const struct http_route *route = find_in(x, s->own_routes, s->n_own_routes, allowed);

    x->app = s->own_app;
    if (!route) {
        x->app = s->opts.app;
        route = find_in(x, s->opts.routes, s->opts.n_routes, allowed);
    }
    return route;
}

static void refuse_method(struct http_conn *c, unsigned allowed)
{
    struct buf list = BUF_INIT(64);

    add_allowed(&list, allowed);
    http_reply_header(&c->x->req, "Allow", buf_str(&list));
    buf_release(&list);
    refuse_politely(c, 405, "this path does not take that method");
}

/* --- web socket upgrades ------------------------------------------------------------------------- */

static const struct ws_route *find_ws_route(struct http_conn *c)
{
    struct http_req *r = &c->x->req;
    size_t i;

    for (i = 0; i < c->server->opts.n_ws_routes; i++) {
        const struct ws_route *w = &c->server->opts.ws_routes[i];

        if (http_path_match(w->path, r->path, r->params, &r->n_params, &c->x->arena))
            return w;
    }
    return NULL;
}

static void hand_over(struct http_conn *c, const struct ws_route *route, void *arg)
{
    struct ws_handover h = {
        .loop = c->server->loop,
        .fd = c->fd,
        .route = route,
        .app = c->server->opts.app,
        .arg = arg,
        .key = http_head_get(&c->x->head, "sec-websocket-key"),
        .rest = buf_str(&c->in),
        .peer_ip = str_c(c->peer_ip),
        .headers = c->x->head.headers,
        .n_headers = c->x->head.n_headers,
        .user_agent = http_head_get(&c->x->head, "user-agent"),
    };

    c->x->status = 101;
    if (!c->x->told) {
        h.url = http_exchange_url(c->x);
        c->x->told = true; /* as a web socket, from here on */
    }
    loop_io_stop(&c->io);
    c->fd = -1;
    http_exchange_log(c->x, ws_server_adopt(&h) == ERR_OK);
    http_exchange_let_go(c->x);
    c->x = NULL;
    c->state = CONN_DEAD;
}

static void upgrade(struct http_conn *c, const struct ws_route *route)
{
    struct http_exchange *x = c->x;
    struct ws_upgrade u = { x->req.path, x->req.query, x->req.target, x->req.peer_ip, &x->req };
    void *arg = NULL;
    int status;

    if (x->req.method != HTTP_GET || x->head_only) {
        refuse_method(c, HTTP_GET);
    } else if (!x->head.upgrade_websocket ||
               !str_eq(http_head_get(&x->head, "sec-websocket-version"), STR("13"))) {
        http_reply_header(&x->req, "Upgrade", STR("websocket"));
        http_reply_header(&x->req, "Sec-WebSocket-Version", STR("13"));
        refuse_politely(c, 426, "this path speaks WebSocket, version 13");
    } else if (x->head.chunked || x->head.length > 0) {
        refuse(c, 400, "an upgrade has no body");
    } else if (!ws_key_valid(http_head_get(&x->head, "sec-websocket-key"))) {
        refuse(c, 400, "malformed Sec-WebSocket-Key");
    } else if (c->server->draining) {
        refuse(c, 503, "shutting down");
    } else {
        status = route->admit ? route->admit(c->server->opts.app, &u, &arg) : 0;
        if (status)
            refuse(c, status, http_reason(status));
        else
            hand_over(c, route, arg);
    }
}

struct str ws_upgrade_header(const struct ws_upgrade *u, const char *name)
{
    return http_req_header(u->priv, name);
}

struct str ws_upgrade_param(const struct ws_upgrade *u, const char *name)
{
    return http_req_param(u->priv, name);
}

/* --- requests ------------------------------------------------------------------------------------ */

static void start_exchange(struct http_conn *c)
{
    struct http_exchange *x = http_exchange_create(c->server->loop, &c->server->log);

    list_remove(&c->idle);
    x->conn = c;
    c->x = x;
    x->req.peer_ip = arena_str(&x->arena, str_c(c->peer_ip));
    c->chunks = (struct http_chunks){ 0 };
}

static void check_body(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    const struct http_route *r = x->route;
    bool needs_length = x->req.method & (HTTP_POST | HTTP_PUT | HTTP_PATCH);

    if (x->head.length > 0 && (uint64_t)x->head.length > r->body_max) {
        refuse(c, 413, "the body is too large");
    } else if (needs_length && r->body_max && !x->head.has_length && !x->head.chunked) {
        refuse(c, 411, "Content-Length is needed");
    } else {
        buf_init(&x->body, r->body_max);
        c->state = CONN_BODY;
        if (x->head.expect_continue && (x->head.chunked || x->head.length > 0) && !c->in.n)
            (void)!send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL); /* a courtesy */
    }
}

static void route_request(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    struct http_req *r = &x->req;
    const struct ws_route *ws;
    unsigned allowed = 0;

    r->method = http_method_parse(x->head.method, &x->head_only);
    r->path = x->head.path;
    r->query = x->head.query;
    r->target = x->head.target;
    x->close = !x->head.keep_alive || c->server->draining;
    http_exchange_identify(x);
    ws = find_ws_route(c);
    if (ws && x->head.upgrade_websocket) {
        upgrade(c, ws);
        return;
    }
    x->route = find_route(c, &allowed);
    if (x->route)
        check_body(c);
    else if (ws)
        upgrade(c, ws); /* tells what this path wants */
    else if (allowed)
        refuse_method(c, allowed);
    else
        refuse_politely(c, 404, "no such path");
}

/* False: more must be read first. */
static bool take_head(struct http_conn *c)
{
    struct str in = buf_str(&c->in);
    size_t n = http_head_length(in);
    const char *why = "";
    int status = n ? 0 : http_head_too_large(in);

    if (!n && !status)
        return false;
    start_exchange(c);
    if (status) {
        refuse(c, status,
               status == 414 ? "the request target is too long" : "the headers are too large");
        return true;
    }
    status = http_head_parse(&c->x->head, arena_str(&c->x->arena, str_slice(in, 0, n)), &why);
    buf_drop_front(&c->in, n);
    if (status)
        refuse(c, status, why);
    else
        route_request(c);
    return true;
}

static void on_worker(void *arg, struct ctx *ctx)
{
    http_exchange_run(arg, ctx);
}

static void on_worker_done(void *arg)
{
    struct http_exchange *x = arg;

    x->running = false;
    http_exchange_moved(x);
}

static void dispatch(struct http_conn *c)
{
    struct http_server *s = c->server;
    struct http_exchange *x = c->x;

    x->req.body = buf_str(&x->body);
    begin_answer(c);
    if (x->route->on_loop) {
        struct ctx ctx = { .arena = &s->arena, .clock = loop_clock(s->loop) };

        x->on_loop = true;
        http_exchange_run(x, &ctx);
        arena_reset(&s->arena);
        return;
    }
    x->running = true;
    if (!s->opts.workers || workers_submit(s->opts.workers, on_worker, on_worker_done, x)) {
        x->running = false;
        refuse(c, 503, "too busy");
    }
}

static bool take_body(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    struct str in = buf_str(&c->in);
    size_t used = 0;
    bool whole;

    if (x->head.chunked) {
        switch (http_chunks_feed(&c->chunks, in, &used, &x->body)) {
        case CHUNKS_BAD:
            refuse(c, 400, "malformed chunked body");
            return true;
        case CHUNKS_TOO_LARGE:
            refuse(c, 413, "the body is too large");
            return true;
        case CHUNKS_DONE:
            whole = true;
            break;
        default:
            whole = false;
            break;
        }
    } else {
        used = MIN(in.n, (size_t)x->head.length - x->body.n);
        buf_add(&x->body, in.p, used);
        whole = x->body.n == (size_t)x->head.length;
    }
    buf_drop_front(&c->in, used);
    if (whole)
        dispatch(c);
    return whole;
}

/* --- answers ------------------------------------------------------------------------------------- */

static void end_exchange(struct http_conn *c, bool delivered)
{
    if (!c->x)
        return;
    http_exchange_log(c->x, delivered);
    http_exchange_let_go(c->x);
    c->x = NULL;
}

/* A close with bytes of the peer unread would be a reset, which may overtake the answer. */
static void begin_linger(struct http_conn *c)
{
    shutdown(c->fd, SHUT_WR);
    c->state = CONN_LINGER;
    c->lingered = 0;
    timer_start(&c->timer, HTTP_LINGER_MS);
    buf_release(&c->in);
    buf_release(&c->out);
}

static void answered(struct http_conn *c)
{
    bool close = c->x->close || c->server->draining;

    end_exchange(c, true);
    if (c->out_broken) {
        c->state = CONN_DEAD;
        return;
    }
    if (close) {
        begin_linger(c);
        return;
    }
    c->state = CONN_HEAD;
    c->request_until_ms = 0;
    if (c->out.cap > KEPT_BUFFER)
        buf_release(&c->out);
    if (!c->in.n)
        buf_release(&c->in); /* thousands may be idle */
}

/* False: the socket is full, or the worker has not gone further. */
static bool send_answer(struct http_conn *c)
{
    for (;;) {
        ssize_t n;

        if (c->out_at == c->out.n) {
            buf_reset(&c->out);
            c->out_at = 0;
            http_exchange_take(c->x, &c->out, &c->out_ended, &c->out_broken);
        }
        if (c->out_at == c->out.n) {
            if (!c->out_ended || c->x->running)
                return false;
            answered(c);
            return true;
        }
        n = send(c->fd, c->out.p + c->out_at, c->out.n - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                c->state = CONN_DEAD;
            return errno != EAGAIN;
        }
        c->out_at += (size_t)n;
        timer_stop(&c->timer); /* progress: the stall is counted anew */
    }
}

/* --- the connection ------------------------------------------------------------------------------ */

static void conn_free(struct http_conn *c)
{
    struct http_server *s = c->server;

    end_exchange(c, false);
    timer_stop(&c->timer);
    loop_io_stop(&c->io);
    if (c->fd >= 0)
        close(c->fd);
    list_remove(&c->node);
    list_remove(&c->idle);
    buf_release(&c->in);
    buf_release(&c->out);
    mem_free(c);
    s->n_conns--;
    http_server_conn_gone(s);
}

static void wait_for_request(struct http_conn *c)
{
    if (c->state == CONN_HEAD && !c->in.n) {
        if (!c->idle.next) {
            list_push_back(&c->server->idle, &c->idle);
            timer_start(&c->timer, HTTP_SERVER_IDLE_MS);
        }
    } else {
        list_remove(&c->idle);
        if (!c->request_until_ms)
            c->request_until_ms = loop_now_ms(c->server->loop) + HTTP_SERVER_REQUEST_MS;
        timer_start_at(&c->timer, c->request_until_ms);
    }
    loop_io_want(&c->io, IO_READ);
}

static void wait_more(struct http_conn *c)
{
    switch (c->state) {
    case CONN_HEAD:
    case CONN_BODY:
        wait_for_request(c);
        break;
    case CONN_ANSWER: /* reading on would only fill memory */
        list_remove(&c->idle);
        if (c->out_at == c->out.n)
            timer_stop(&c->timer); /* the worker's turn; what it calls has deadlines of its own */
        else if (!timer_running(&c->timer))
            timer_start(&c->timer, HTTP_SEND_STALL_MS);
        loop_io_want(&c->io, c->out_at < c->out.n ? IO_WRITE : 0);
        break;
    default:
        loop_io_want(&c->io, IO_READ);
        break;
    }
}

/* Moves on as far as it can; the one place where the connection is freed. */
static void conn_run(struct http_conn *c)
{
    bool moved = true;

    if (c->inside)
        return;
    c->inside = true;
    while (moved && c->state != CONN_DEAD) {
        switch (c->state) {
        case CONN_HEAD:
            moved = take_head(c);
            break;
        case CONN_BODY:
            moved = take_body(c);
            break;
        case CONN_ANSWER:
            moved = send_answer(c);
            break;
        default:
            moved = false;
            break;
        }
    }
    c->inside = false;
    if (c->state == CONN_DEAD)
        conn_free(c);
    else
        wait_more(c);
}

void http_conn_kick(struct http_conn *c)
{
    conn_run(c);
}

void http_conn_close(struct http_conn *c)
{
    c->state = CONN_DEAD;
    conn_run(c);
}

static void conn_read(struct http_conn *c)
{
    char data[READ_SIZE] UNINITIALIZED;
    ssize_t n = recv(c->fd, data, sizeof(data), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        c->state = CONN_DEAD;
        return;
    }
    if (c->state == CONN_LINGER) {
        c->lingered += (size_t)n;
        if (c->lingered > HTTP_LINGER_MAX)
            c->state = CONN_DEAD;
        return;
    }
    buf_add(&c->in, data, (size_t)n);
    if (buf_status(&c->in))
        c->state = CONN_DEAD; /* cannot be: what is whole was taken before reading on */
}

static void on_io(void *arg, unsigned events)
{
    struct http_conn *c = arg;

    if (events & IO_READ)
        conn_read(c);
    else if (events & IO_HUP)
        c->state = CONN_DEAD;
    conn_run(c);
}

static void on_timer(void *arg)
{
    struct http_conn *c = arg;

    if (c->request_until_ms && (c->state == CONN_HEAD || c->state == CONN_BODY)) {
        if (!c->x)
            start_exchange(c);
        refuse(c, 408, "the request took too long");
    } else {
        c->state = CONN_DEAD;
    }
    conn_run(c);
}

void http_conn_create(struct http_server *s, int fd, const char *peer_ip)
{
    struct http_conn *c = MEM_NEW(struct http_conn);

    c->server = s;
    c->fd = fd;
    (void)str_copy(c->peer_ip, sizeof(c->peer_ip), str_c(peer_ip));
    buf_init(&c->in, IN_MAX);
    buf_init(&c->out, (size_t)1 << 30);
    timer_init(&c->timer, s->loop, on_timer, c);
    list_push_back(&s->conns, &c->node);
    s->n_conns++;
    loop_io_start(&c->io, s->loop, fd, 0, on_io, c);
    conn_run(c);
}
