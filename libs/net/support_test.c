#include "support_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the fixture --------------------------------------------------------------------------------- */

static void on_line(void *arg, enum log_level level, struct str line)
{
    struct net *n = arg;

    (void)level;
    buf_add_str(&n->lines, line);
}

static void open_on(struct net *n, int workers)
{
    buf_init(&n->lines, 64 * MIB);
    n->sink = log_sink_create_fn(on_line, n, LOG_DEBUG, n->clock);
    n->log = log_root(n->sink);
    CHECK_OK(loop_create(&n->loop, n->clock, &n->log, NULL));
    loop_set_self(n->loop, n->self);
    n->tls = tls_store_create(NULL);
    if (workers)
        CHECK_OK(workers_create(&n->workers, n->loop, workers, n->tls, &n->log, NULL));
}

void net_open_as(struct net *n, int workers, const struct net_self *self)
{
    *n = (struct net){ .system = clock_system(0), .self = self };
    n->clock = &n->system;
    open_on(n, workers);
}

void net_open(struct net *n, int workers)
{
    net_open_as(n, workers, NULL);
}

void net_open_fake(struct net *n, int workers)
{
    *n = (struct net){ 0 };
    clock_fake_init(&n->fake, 1800000000LL * 1000000);
    n->clock = &n->fake.clock;
    open_on(n, workers);
}

static void count_down(void *arg)
{
    --*(int *)arg;
}

static bool is_zero(void *arg)
{
    return *(int *)arg == 0;
}

/* Twice round: what the first turn has made ready is served in the second. */
void net_turn(struct net *n)
{
    int i;

    for (i = 0; i < 2; i++) {
        int left = 1;

        loop_post(n->loop, count_down, &left);
        net_until(n, is_zero, &left);
    }
}

void net_advance(struct net *n, int64_t ms)
{
    clock_fake_advance_ms(&n->fake, ms);
    net_turn(n);
}

void net_serve(struct net *n, struct http_server_opts opts)
{
    struct err err = ERR_INIT;

    if (!opts.host)
        opts.host = "127.0.0.1";
    opts.workers = n->workers;
    opts.log = &n->log;
    CHECK_OK(http_server_create(&n->server, n->loop, &opts, &err));
}

void net_close(struct net *n)
{
    n->server = http_server_destroy(n->server);
    n->workers = workers_destroy(n->workers);
    n->loop = loop_destroy(n->loop);
    n->tls = tls_store_destroy(n->tls);
    n->sink = log_sink_destroy(n->sink);
    buf_release(&n->lines);
}

void net_until(struct net *n, bool (*done)(void *arg), void *arg)
{
    CHECK_OK(loop_run_until(n->loop, done, arg, NET_WAIT_MS));
}

struct str net_url(struct net *n, struct arena *a, const char *scheme, const char *path)
{
    return arena_printf(a, "%s://127.0.0.1:%d%s", scheme, http_server_port(n->server), path);
}

/* --- raw sockets --------------------------------------------------------------------------------- */

static void on_raw(void *arg)
{
    struct raw *r = arg;
    char data[64 * 1024];
    ssize_t n = recv(r->fd, data, sizeof(data), MSG_DONTWAIT);

    if (n > 0) {
        buf_add(&r->got, data, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        r->eof = true;
        r->watch = loop_fd_unwatch(r->watch);
    }
}

static int dial(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_port = htons((uint16_t)port);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    return fd;
}

void raw_open_port(struct raw *r, struct net *n, int port)
{
    *r = (struct raw){ .net = n, .fd = dial(port) };
    buf_init(&r->got, 256 * MIB);
    r->watch = loop_fd_watch(n->loop, r->fd, on_raw, r);
}

void raw_open(struct raw *r, struct net *n)
{
    raw_open_port(r, n, http_server_port(n->server));
}

struct sending {
    struct raw *r;
    struct str left;
};

static bool all_sent(void *arg)
{
    struct sending *s = arg;
    ssize_t n;

    if (!s->left.n)
        return true;
    n = send(s->r->fd, s->left.p, s->left.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        s->left = str_from(s->left, (size_t)n);
    return !s->left.n || (n < 0 && errno != EAGAIN);
}

static void on_tick(void *arg)
{
    timer_start(arg, 1);
}

void raw_send(struct raw *r, struct str data)
{
    struct sending s = { r, data };
    struct timer tick;

    if (all_sent(&s))
        return;
    timer_init(&tick, r->net->loop, on_tick,
               &tick); /* the socket is full: look again now and then */
    timer_start(&tick, 1);
    net_until(r->net, all_sent, &s);
    timer_stop(&tick);
}

void raw_send_c(struct raw *r, const char *text)
{
    raw_send(r, str_c(text));
}

struct awaited {
    struct raw *r;
    const char *text;
    size_t n;
};

static bool has_text(void *arg)
{
    struct awaited *w = arg;

    return w->r->eof || str_contains(buf_str(&w->r->got), str_c(w->text));
}

void raw_until(struct raw *r, const char *text)
{
    struct awaited w = { r, text, 0 };

    net_until(r->net, has_text, &w);
    CHECK_CONTAINS(buf_str(&r->got), text);
}

static bool has_eof(void *arg)
{
    return ((struct raw *)arg)->eof;
}

void raw_until_eof(struct raw *r)
{
    net_until(r->net, has_eof, r);
}

static bool has_n(void *arg)
{
    struct awaited *w = arg;

    return w->r->eof || w->r->got.n >= w->n;
}

void raw_until_n(struct raw *r, size_t n)
{
    struct awaited w = { r, NULL, n };

    net_until(r->net, has_n, &w);
    CHECK(r->got.n >= n);
}

void raw_close(struct raw *r)
{
    r->watch = loop_fd_unwatch(r->watch);
    close(r->fd);
    buf_release(&r->got);
}

struct str raw_once(struct net *n, struct arena *a, struct str request)
{
    struct raw r;
    struct str got;

    raw_open(&r, n);
    raw_send(&r, request);
    raw_until_eof(&r);
    got = arena_str(a, buf_str(&r.got));
    raw_close(&r);
    return got;
}

/* --- calls --------------------------------------------------------------------------------------- */

static void run_call(void *arg, struct ctx *ctx)
{
    struct call *c = arg;

    if (c->before)
        c->before(c->before_arg, ctx);
    c->rc = http_do(ctx->http, &c->arena, &c->req, &c->res, &c->err);
}

static void end_call(void *arg)
{
    ((struct call *)arg)->done = true;
}

static bool call_done(void *arg)
{
    return ((struct call *)arg)->done;
}

void call_start(struct net *n, struct call *c)
{
    arena_init(&c->arena);
    CHECK_OK(workers_submit(n->workers, run_call, end_call, c));
}

void call_wait(struct net *n, struct call *c)
{
    net_until(n, call_done, c);
}

void call_run(struct net *n, struct call *c)
{
    call_start(n, c);
    call_wait(n, c);
}

void call_release(struct call *c)
{
    arena_release(&c->arena);
}

/* --- peers --------------------------------------------------------------------------------------- */

enum { PEER_CONNS_MAX = 16 };

struct peer_conn {
    struct peer *peer;
    int fd;
    struct loop_fd *watch;
    const struct script *script;
    size_t from; /* of peer->received: where this script's input begins */
};

struct peer {
    struct net *net;
    int fd;
    struct loop_fd *watch;
    const struct script *scripts;
    size_t n_scripts;
    struct peer_conn conns[PEER_CONNS_MAX];
    int n_conns;
    struct buf received;
};

static void peer_conn_end(struct peer_conn *c)
{
    struct linger now = { 1, 0 };

    if (c->fd < 0)
        return;
    c->watch = loop_fd_unwatch(c->watch);
    if (c->script && c->script->reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(c->fd);
    c->fd = -1;
}

static void peer_conn_step(struct peer_conn *c)
{
    while (c->script) {
        struct str in = str_from(buf_str(&c->peer->received), c->from);

        if (c->script->expect && !str_contains(in, str_c(c->script->expect)))
            return;
        if (c->script->reply)
            CHECK(send(c->fd, c->script->reply, strlen(c->script->reply), MSG_NOSIGNAL) > 0);
        c->from = c->peer->received.n;
        if (c->script->hold && !c->script->then)
            return;
        if (!c->script->then) {
            peer_conn_end(c);
            return;
        }
        c->script = c->script->then;
    }
}

static void on_peer_conn(void *arg)
{
    struct peer_conn *c = arg;
    char data[16 * 1024];
    ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

    if (n > 0) {
        buf_add(&c->peer->received, data, (size_t)n);
        peer_conn_step(c);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        peer_conn_end(c);
    }
}

static void on_peer(void *arg)
{
    struct peer *p = arg;
    struct peer_conn *c = &p->conns[p->n_conns];
    int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    CHECK(p->n_conns < PEER_CONNS_MAX);
    *c = (struct peer_conn){ .peer = p, .fd = fd, .from = p->received.n };
    if ((size_t)p->n_conns < p->n_scripts)
        c->script = &p->scripts[p->n_conns];
    p->n_conns++;
    c->watch = loop_fd_watch(p->net->loop, fd, on_peer_conn, c);
    if (!c->script)
        peer_conn_end(c);
    else
        peer_conn_step(c);
}

struct peer *peer_open(struct net *n, const struct script *scripts, size_t n_scripts)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct peer *p = MEM_NEW(struct peer);

    p->net = n;
    p->scripts = scripts;
    p->n_scripts = n_scripts;
    buf_init(&p->received, 64 * MIB);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(p->fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    CHECK(listen(p->fd, 16) == 0);
    p->watch = loop_fd_watch(n->loop, p->fd, on_peer, p);
    return p;
}

int peer_port(const struct peer *p)
{
    struct sockaddr_in a = { 0 };
    socklen_t size = sizeof(a);

    CHECK(getsockname(p->fd, (struct sockaddr *)&a, &size) == 0);
    return ntohs(a.sin_port);
}

int peer_accepted(const struct peer *p)
{
    return p->n_conns;
}

struct str peer_received(const struct peer *p)
{
    return buf_str(&p->received);
}

struct peer *peer_close(struct peer *p)
{
    int i;

    for (i = 0; i < p->n_conns; i++)
        peer_conn_end(&p->conns[i]);
    loop_fd_unwatch(p->watch);
    close(p->fd);
    buf_release(&p->received);
    mem_free(p);
    return NULL;
}
