#include "receiver_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { PUSHES_SEEN_MAX = 512, CONNECTIONS_MAX = 64, REQUEST_MAX = MIB, PUSH_WAIT_S = 45 };

struct connection {
    struct receiver *receiver;
    pthread_t thread;
    int fd;
};

struct receiver {
    answer_fn answer;
    const struct clock *clock;
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock; /* the fields below */
    pthread_cond_t more;
    struct arena arena;
    struct push_seen seen[PUSHES_SEEN_MAX];
    size_t n_seen;
    struct connection connections[CONNECTIONS_MAX];
    size_t n_connections;
    bool closing;
};

/* ---- one connection ---- */

static size_t length_of(struct str head)
{
    struct str line, rest = head, value;
    int64_t n = 0;

    while (str_cut(rest, '\n', &line, &rest)) {
        if (!str_istarts(line, STR("content-length:")))
            continue;
        value = str_trim(str_from(line, 15));
        if (str_to_i64(value, 0, REQUEST_MAX, &n))
            n = 0; /* no pusher of ours */
    }
    return (size_t)n;
}

/* Reads one request into `b`. False: the peer has gone. */
static bool read_request(int fd, struct buf *b, size_t *head_n)
{
    char piece[16 * KIB];
    size_t at, whole = SIZE_MAX;
    ssize_t n;

    buf_reset(b);
    while (b->n < whole) {
        n = recv(fd, piece, sizeof(piece), 0);
        if (n <= 0)
            return false;
        buf_add(b, piece, (size_t)n);
        at = str_find(buf_str(b), STR("\r\n\r\n"));
        if (at < b->n && whole == SIZE_MAX) {
            *head_n = at + 4;
            whole = *head_n + length_of(str_slice(buf_str(b), 0, *head_n));
        }
    }
    return true;
}

static bool is_data(const struct push_seen *p, const char *data)
{
    return !data || str_eq_c(p->data, data);
}

static size_t count_locked(const struct receiver *r, const char *data)
{
    size_t i, n = 0;

    for (i = 0; i < r->n_seen; i++)
        n += is_data(&r->seen[i], data);
    return n;
}

/* Notes what came; returns the answer. */
static int note(struct receiver *r, struct str head, struct str body)
{
    struct push_seen *p;
    struct pubsub_push push;
    int n;

    pthread_mutex_lock(&r->lock);
    if (r->n_seen == PUSHES_SEEN_MAX) {
        pthread_mutex_unlock(&r->lock);
        return 204; /* enough of it */
    }
    p = &r->seen[r->n_seen++];
    *p = (struct push_seen){ .head = arena_str(&r->arena, head),
                             .body = arena_str(&r->arena, body) };
    p->at_ms = clock_mono_ms(r->clock);
    if (!pubsub_push_decode(&push, &r->arena, p->body, NULL)) {
        p->data = push.data;
        p->message_id = push.message_id;
    }
    n = (int)count_locked(r, arena_cstr(&r->arena, p->data));
    pthread_cond_broadcast(&r->more);
    pthread_mutex_unlock(&r->lock);
    return r->answer(p->data, n);
}

static void hold(struct receiver *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->closing)
        pthread_cond_wait(&r->more, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void *serve_connection(void *arg)
{
    struct connection *c = arg;
    struct buf b = BUF_INIT(REQUEST_MAX);
    size_t head_n = 0;
    int status = 0;

    while (status >= 0 && read_request(c->fd, &b, &head_n)) {
        status =
            note(c->receiver, str_slice(buf_str(&b), 0, head_n), str_from(buf_str(&b), head_n));
        if (status == ANSWER_HELD)
            hold(c->receiver);
        if (status > 0 && dprintf(c->fd,
                                  status == 204 ? "HTTP/1.1 %d Done\r\n\r\n"
                                                : "HTTP/1.1 %d Done\r\nContent-Length: 0\r\n\r\n",
                                  status) < 0)
            break;
    }
    buf_release(&b);
    shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct receiver *r = arg;
    struct connection *c;
    int fd;

    while ((fd = accept(r->fd, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&r->lock);
        c = r->closing || r->n_connections == CONNECTIONS_MAX ? NULL
                                                              : &r->connections[r->n_connections];
        if (c) {
            *c = (struct connection){ .receiver = r, .fd = fd };
            if (pthread_create(&c->thread, NULL, serve_connection, c) == 0)
                r->n_connections++;
            else
                c = NULL;
        }
        pthread_mutex_unlock(&r->lock);
        if (!c)
            close(fd);
    }
    return NULL;
}

/* ---- life ---- */

static void receiver_close(void *arg)
{
    struct receiver *r = arg;
    size_t i;

    pthread_mutex_lock(&r->lock);
    r->closing = true;
    pthread_cond_broadcast(&r->more);
    pthread_mutex_unlock(&r->lock);
    shutdown(r->fd, SHUT_RDWR); /* ends accept() */
    pthread_join(r->thread, NULL);
    close(r->fd);
    for (i = 0; i < r->n_connections; i++) {
        shutdown(r->connections[i].fd, SHUT_RDWR);
        pthread_join(r->connections[i].thread, NULL);
        close(r->connections[i].fd);
    }
    pthread_cond_destroy(&r->more);
    pthread_mutex_destroy(&r->lock);
    arena_release(&r->arena);
    mem_free(r);
}

struct receiver *receiver_open(struct side *s, answer_fn answer)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct receiver *r = MEM_NEW(struct receiver);
    socklen_t n = sizeof(at);
    bool good;

    r->answer = answer;
    r->clock = s->ctx.clock;
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    good = r->fd >= 0 && bind(r->fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
           getsockname(r->fd, (struct sockaddr *)&at, &n) == 0 && listen(r->fd, 64) == 0;
    r->port = ntohs(at.sin_port);
    arena_init(&r->arena);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->more, NULL);
    good = good && pthread_create(&r->thread, NULL, accept_all, r) == 0;
    if (good)
        arena_defer(&s->arena, receiver_close, r);
    else
        mem_free(r);
    EXPECT(s, good);
    return r;
}

struct str receiver_url(struct side *s, const struct receiver *r)
{
    return arena_printf(&s->arena, "http://127.0.0.1:%d/receive?who=a%%20b", r->port);
}

/* ---- asking ---- */

void receiver_wait(struct side *s, struct receiver *r, const char *data, size_t n)
{
    struct timespec until;
    size_t seen;
    int code = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PUSH_WAIT_S;
    pthread_mutex_lock(&r->lock);
    while ((seen = count_locked(r, data)) < n && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&r->more, &r->lock, &until);
    pthread_mutex_unlock(&r->lock);
    if (seen < n)
        side_fail(s, "%zu pushes of \"%s\" within %d s, expected %zu", seen, data ? data : "",
                  PUSH_WAIT_S, n);
}

size_t receiver_count(struct receiver *r, const char *data)
{
    size_t n;

    pthread_mutex_lock(&r->lock);
    n = count_locked(r, data);
    pthread_mutex_unlock(&r->lock);
    return n;
}

struct push_seen receiver_seen(struct side *s, struct receiver *r, const char *data, size_t i)
{
    struct push_seen p = { .at_ms = 0 };
    size_t k, n = 0;

    pthread_mutex_lock(&r->lock);
    for (k = 0; k < r->n_seen && n <= i; k++) {
        if (!is_data(&r->seen[k], data))
            continue;
        if (n++ == i)
            p = r->seen[k];
    }
    pthread_mutex_unlock(&r->lock);
    EXPECT(s, p.at_ms > 0);
    return p;
}
