#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/mem.h"
#include "net/http_server_internal.h"

enum {
    ACCEPTS_PER_TURN = 32,
    BACKLOG = 1024,
    ACCEPT_AGAIN_MS = 100, /* when descriptors ran out, or every connection is busy */
};

/* --- listening ----------------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int listen_on(const union address *addr, socklen_t size)
{
    int on = 1, off = 0;
    int fd = socket(addr->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (addr->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, &addr->any, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    on = errno;
    close(fd);
    errno = on;
    return -1;
}

static int listen_any(int port)
{
    union address a = { .v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT } };
    int fd;

    a.v6.sin6_port = htons((uint16_t)port);
    fd = listen_on(&a, sizeof(a.v6));
    if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
        return fd;
    a = (union address){ .v4 = { .sin_family = AF_INET } }; /* a machine without IPv6 */
    a.v4.sin_port = htons((uint16_t)port);
    return listen_on(&a, sizeof(a.v4));
}

static int listen_host(const char *host, int port)
{
    union address a = { .v4 = { .sin_family = AF_INET } };

    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1) {
        a.v4.sin_port = htons((uint16_t)port);
        return listen_on(&a, sizeof(a.v4));
    }
    a = (union address){ .v6 = { .sin6_family = AF_INET6 } };
    if (inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1) {
        a.v6.sin6_port = htons((uint16_t)port);
        return listen_on(&a, sizeof(a.v6));
    }
    errno = EINVAL;
    return -1;
}

static int bound_port(int fd)
{
    union address a = { .any = { .sa_family = AF_UNSPEC } };
    socklen_t size = sizeof(a);

    if (getsockname(fd, &a.any, &size))
        return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

/* --- accepting ----------------------------------------------------------------------------------- */

static void peer_text(char out[PEER_IP_MAX], const union address *a)
{
    out[0] = '\0';
    if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
        inet_ntop(AF_INET, &a->v6.sin6_addr.s6_addr[12], out, PEER_IP_MAX);
    else if (a->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &a->v6.sin6_addr, out, PEER_IP_MAX);
    else if (a->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &a->v4.sin_addr, out, PEER_IP_MAX);
}

static bool is_full(const struct http_server *s)
{
    return s->n_conns >= HTTP_SERVER_CONNECTIONS_MAX;
}

/* At the ceiling the connection that has been idle longest goes. */
static void make_room(struct http_server *s)
{
    struct list_node *n = list_first(&s->idle);

    if (is_full(s) && n)
        http_conn_close(CONTAINER_OF(n, struct http_conn, idle));
}

static void stop_accepting_for_a_while(struct http_server *s)
{
    loop_io_want(&s->io, 0);
    timer_start(&s->accept_again, ACCEPT_AGAIN_MS);
}

static void on_accept_again(void *arg)
{
    struct http_server *s = arg;

    loop_io_want(&s->io, IO_READ);
}

static void on_acceptable(void *arg, unsigned events)
{
    struct http_server *s = arg;
    int i;

    (void)events;
    for (i = 0; i < ACCEPTS_PER_TURN; i++) {
        union address a = { .any = { .sa_family = AF_UNSPEC } };
        socklen_t size = sizeof(a);
        char ip[PEER_IP_MAX];
        int fd, on = 1;

        if (is_full(s) && list_empty(&s->idle)) {
            stop_accepting_for_a_while(s);
            return;
        }
        fd = accept4(s->fd, &a.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                log_warn(&s->log, "accept failed errno=%d connections=%zu", errno, s->n_conns);
                stop_accepting_for_a_while(s);
            }
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        peer_text(ip, &a);
        make_room(s);
        http_conn_create(s, fd, ip);
    }
}

/* --- life ---------------------------------------------------------------------------------------- */

static void on_drained(void *arg)
{
    struct http_server *s = arg;
    void (*drained)(void *arg) = s->drained;

    s->drained = NULL;
    if (drained)
        drained(s->drained_arg);
}

static void stop_listening(struct http_server *s)
{
    timer_stop(&s->accept_again);
    loop_io_stop(&s->io);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

enum errc http_server_create(struct http_server **ret, struct loop *loop,
                             const struct http_server_opts *opts, struct err *err)
{
    struct http_server *s;
    bool any = !opts->host || !*opts->host;
    int fd = any ? listen_any(opts->port) : listen_host(opts->host, opts->port);

    if (fd < 0)
        return err_set_upstream(err, ERR_IO, errno, "listening on %s port %d: %s",
                                any ? "all addresses" : opts->host, opts->port, strerror(errno));
    s = MEM_NEW(struct http_server);
    s->loop = loop;
    s->opts = *opts;
    if (opts->log)
        s->log = *opts->log;
    s->fd = fd;
    s->port = bound_port(fd);
    list_init(&s->conns);
    list_init(&s->idle);
    arena_init(&s->arena);
    timer_init(&s->accept_again, loop, on_accept_again, s);
    loop_task_init(&s->drained_task, on_drained, s);
    loop_io_start(&s->io, loop, fd, IO_READ, on_acceptable, s);
    *ret = s;
    return ERR_OK;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_set_own_routes(struct http_server *s, const struct http_route *routes, size_t n,
                                void *app)
{
    s->own_routes = routes;
    s->n_own_routes = n;
    s->own_app = app;
}

void http_server_conn_gone(struct http_server *s)
{
    if (s->draining && !s->n_conns)
        loop_task_run(s->loop, &s->drained_task);
}

void http_server_drain(struct http_server *s, void (*drained)(void *arg), void *arg)
{
    struct list_node *n;

    if (s->draining)
        return;
    s->draining = true;
    s->drained = drained;
    s->drained_arg = arg;
    stop_listening(s);
    while ((n = list_first(&s->idle)) != NULL)
        http_conn_close(CONTAINER_OF(n, struct http_conn, idle));
    http_server_conn_gone(s);
}

struct http_server *http_server_destroy(struct http_server *s)
{
    struct list_node *n;

    if (!s)
        return NULL;
    s->draining = true;
    s->drained = NULL;
    stop_listening(s);
    while ((n = list_first(&s->conns)) != NULL)
        http_conn_close(CONTAINER_OF(n, struct http_conn, node));
    loop_task_cancel(&s->drained_task);
    arena_release(&s->arena);
    mem_free(s);
    return NULL;
}
