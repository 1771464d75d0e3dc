#include "faults/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    CONNECTIONS_MAX = 512,
    MESSAGE_MAX = 64 * 1024 * 1024,
    ANSWER_MS = 120000, /* for a server to answer: longer than any client waits */
    HEAD_MAX = 64 * 1024,
    PIECE = 64 * 1024,
};

const char *const fault_names[FAULTS] = { "refused", "reset",   "429",       "503",
                                          "slow",    "garbled", "truncated", "stalled" };

struct proxy {
    struct tally *tally;
    struct proxy_opts o;
    int port;
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t empty;
    int listen_fd;
    int stop_fd;           /* readable once the proxy ends */
    int64_t away_until_ms; /* nobody listens until then */
    struct conn *conns;
    int n_conns;
};

struct conn {
    struct conn *next, **link;
    struct proxy *proxy;
    int fd;
    int up, up_port; /* the server's side, kept between requests; -1: none */
    bool idle;
    struct buf in;  /* read from the client */
    struct buf out; /* the server's answer */
};

/* ---- the tally ---- */

void tally_init(struct tally *t)
{
    memset(t, 0, sizeof(*t));
    pthread_mutex_init(&t->lock, NULL);
}

void tally_arm(struct tally *t, int at, enum fault fault)
{
    pthread_mutex_lock(&t->lock);
    t->count = 0;
    t->at = at;
    t->fault = fault;
    t->hit = false;
    pthread_mutex_unlock(&t->lock);
}

void tally_disarm(struct tally *t)
{
    pthread_mutex_lock(&t->lock);
    t->at = 0;
    pthread_mutex_unlock(&t->lock);
}

bool tally_hit(struct tally *t)
{
    bool hit;

    pthread_mutex_lock(&t->lock);
    hit = t->hit;
    pthread_mutex_unlock(&t->lock);
    return hit;
}

int tally_count(struct tally *t)
{
    int n;

    pthread_mutex_lock(&t->lock);
    n = t->count;
    pthread_mutex_unlock(&t->lock);
    return n;
}

const char *tally_label(struct tally *t, int n)
{
    return n > 0 && n <= TALLY_KEPT_MAX && n <= tally_count(t) ? t->labels[n - 1] : "";
}

/* One more request; FAULTS: it passes. */
static enum fault tally_next(struct tally *t, struct str line, int *ret_number)
{
    enum fault f = FAULTS;

    pthread_mutex_lock(&t->lock);
    *ret_number = ++t->count;
    if (t->count <= TALLY_KEPT_MAX)
        (void)str_copy(t->labels[t->count - 1], TALLY_LABEL_MAX,
                       str_slice(line, 0, TALLY_LABEL_MAX - 1));
    if (t->count == t->at) {
        t->hit = true;
        f = t->fault;
    }
    pthread_mutex_unlock(&t->lock);
    return f;
}

/* ---- sockets ---- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int dial(int port)
{
    struct sockaddr_in at = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at))) {
        close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* only slower without */
    return fd;
}

static bool send_all(int fd, struct str data)
{
    while (data.n) {
        ssize_t n = send(fd, data.p, data.n, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = str_from(data, (size_t)n);
    }
    return true;
}

/* Waits until `fd` can be read. False: time is up (-1: it never is), the proxy ends, or `other` (-1: none) has
 * closed. */
static bool readable(struct proxy *p, int fd, int other, int limit_ms)
{
    struct pollfd fds[3] = { { .fd = fd, .events = POLLIN },
                             { .fd = p->stop_fd, .events = POLLIN },
                             { .fd = other, .events = POLLRDHUP } };
    int n;

    do
        n = poll(fds, ARRAY_LEN(fds), limit_ms); /* a negative descriptor is none */
    while (n < 0 && errno == EINTR);
    return n > 0 && fds[0].revents && !fds[1].revents;
}

struct reader {
    struct conn *c;
    int fd, other;
    int limit_ms;
    struct buf *buf;
};

static bool read_more(struct reader *r)
{
    char piece[PIECE];
    ssize_t n;

    if (!readable(r->c->proxy, r->fd, r->other, r->limit_ms))
        return false;
    n = recv(r->fd, piece, sizeof(piece), 0);
    if (n <= 0)
        return false;
    buf_add(r->buf, piece, (size_t)n);
    return !buf_status(r->buf);
}

static bool read_to(struct reader *r, size_t n)
{
    while (r->buf->n < n) {
        if (!read_more(r))
            return false;
    }
    return true;
}

/* Reads until the text stands at or after `from`; *ret is where it ends. */
static bool read_past(struct reader *r, size_t from, const char *text, size_t *ret)
{
    size_t len = strlen(text), at = from;

    for (;; at++) {
        if (!read_to(r, at + len))
            return false;
        if (memcmp(r->buf->p + at, text, len) == 0) {
            *ret = at + len;
            return true;
        }
    }
}

/* ---- HTTP ---- */

struct message {
    size_t head, total; /* bytes */
    int status;         /* of an answer */
};

static struct str line_of(const struct buf *b)
{
    struct str line, rest;

    (void)str_cut(buf_str(b), '\r', &line, &rest);
    return line;
}

static struct str header_of(struct str head, const char *name)
{
    struct str line, rest = head, key, value;

    while (rest.n) {
        (void)str_cut(rest, '\n', &line, &rest);
        if (str_cut(line, ':', &key, &value) && str_ieq_c(key, name))
            return str_trim(value);
    }
    return STR_EMPTY;
}

static bool read_chunks(struct reader *r, size_t at, size_t *ret)
{
    for (;;) {
        size_t from = at, size = 0;

        if (!read_past(r, from, "\r\n", &at))
            return false;
        for (; from < at; from++) {
            char c = r->buf->p[from];
            int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;

            if (digit < 0)
                break;
            size = size * 16 + (size_t)digit;
        }
        if (!size)
            return read_past(r, at - 2, "\r\n\r\n", ret);
        at += size + 2;
    }
}

static bool read_body(struct reader *r, struct message *m, bool none, bool until_end)
{
    struct str head = str_slice(buf_str(r->buf), 0, m->head);
    struct str length = header_of(head, "content-length");
    int64_t n = 0;

    m->total = m->head;
    if (none)
        return true;
    if (str_ieq_c(header_of(head, "transfer-encoding"), "chunked"))
        return read_chunks(r, m->head, &m->total);
    if (length.n) {
        if (str_to_i64(length, 0, MESSAGE_MAX, &n))
            return false;
        m->total = m->head + (size_t)n;
        return read_to(r, m->total);
    }
    if (until_end) {
        while (read_more(r))
            ;
        m->total = r->buf->n;
    }
    return true;
}

static bool read_request(struct reader *r, struct message *m)
{
    struct str head;

    if (!read_past(r, 0, "\r\n\r\n", &m->head))
        return false;
    head = str_slice(buf_str(r->buf), 0, m->head);
    if (header_of(head, "expect").n && !send_all(r->fd, STR("HTTP/1.1 100 Continue\r\n\r\n")))
        return false;
    return read_body(r, m, false, false);
}

static int status_of(const struct buf *b)
{
    int64_t v = 0;

    return str_to_i64(str_slice(buf_str(b), 9, 12), 100, 999, &v) ? 0 : (int)v;
}

static bool read_answer(struct reader *r, struct message *m, bool to_head)
{
    for (;;) {
        if (!read_past(r, 0, "\r\n\r\n", &m->head))
            return false;
        m->status = status_of(r->buf);
        if (m->status != 100)
            break;
        buf_drop_front(r->buf, m->head);
    }
    return read_body(r, m, to_head || m->status == 204 || m->status == 304 || m->status == 101,
                     true);
}

/* ---- answers that are faults ---- */

static void reset(struct conn *c)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };

    /* The close that follows then sends RST. */
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* Idle connections end and nobody listens for a moment. */
static void go_away(struct proxy *p)
{
    struct conn *c;

    if (!p->o.away_ms)
        return;
    pthread_mutex_lock(&p->lock);
    p->away_until_ms = now_ms() + p->o.away_ms;
    shutdown(p->listen_fd, SHUT_RD); /* the kernel refuses from here on; the acceptor wakes up */
    for (c = p->conns; c; c = c->next) {
        if (c->idle)
            shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&p->lock);
}

static bool refuse(struct conn *c, int status, const char *phrase, const char *name)
{
    struct buf out = BUF_INIT(1024);
    char body[256];
    int n = snprintf(body, sizeof(body),
                     "{\"error\":{\"code\":%d,\"message\":\"%s\",\"status\":\"%s\"}}", status,
                     phrase, name);
    bool ok;

    buf_addf(&out,
             "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
             status, phrase, n, body);
    ok = send_all(c->fd, buf_str(&out));
    buf_release(&out);
    return ok;
}

static bool is_text(struct str head)
{
    struct str type = header_of(head, "content-type");

    return str_contains(type, STR("json")) || str_contains(type, STR("xml"));
}

/* False: the connection ends. */
static bool garble(struct conn *c, const struct message *m)
{
    struct str head = str_slice(buf_str(&c->out), 0, m->head);
    size_t i;

    if (m->total == m->head || !is_text(head) || header_of(head, "transfer-encoding").n) {
        (void)send_all(c->fd, STR("\x16\x03 this is no HTTP\r\n\r\n"));
        return false;
    }
    for (i = m->head; i < m->total; i++)
        c->out.p[i] = (char)(i % 3 ? '#' : '{');
    return send_all(c->fd, str_slice(buf_str(&c->out), 0, m->total));
}

static bool truncate_answer(struct conn *c, const struct message *m)
{
    size_t n = m->total > m->head ? m->head + (m->total - m->head) / 2 : m->head / 2;

    (void)send_all(c->fd, str_slice(buf_str(&c->out), 0, n)); /* it ends here in any case */
    return false;
}

/* False: the client has given up, or the proxy ends. */
static bool wait_ms(struct conn *c, int ms)
{
    struct pollfd fds[2] = { { .fd = c->fd, .events = POLLRDHUP },
                             { .fd = c->proxy->stop_fd, .events = POLLIN } };

    return poll(fds, ARRAY_LEN(fds), ms) == 0;
}

/* ---- one connection ---- */

static void tunnel(struct conn *c)
{
    struct pollfd fds[3] = { { .fd = c->fd, .events = POLLIN },
                             { .fd = c->up, .events = POLLIN },
                             { .fd = c->proxy->stop_fd, .events = POLLIN } };
    char piece[PIECE];
    int i;

    while (poll(fds, ARRAY_LEN(fds), -1) > 0 && !fds[2].revents) {
        for (i = 0; i < 2; i++) {
            ssize_t n;

            if (!fds[i].revents)
                continue;
            n = recv(fds[i].fd, piece, sizeof(piece), 0);
            if (n <= 0 || !send_all(fds[1 - i].fd, str_n(piece, (size_t)n)))
                return;
        }
    }
}

static int port_for(const struct proxy *p, struct str target)
{
    size_t i;

    for (i = 0; i + 1 < p->o.n_routes; i++) {
        if (str_starts(target, str_c(p->o.routes[i].prefix)))
            break;
    }
    return __atomic_load_n(&p->o.routes[i].port, __ATOMIC_RELAXED);
}

void proxy_repoint(struct proxy *p, int from, int to)
{
    size_t i;

    for (i = 0; i < p->o.n_routes; i++) {
        if (p->o.routes[i].port == from)
            __atomic_store_n(&p->o.routes[i].port, to, __ATOMIC_RELAXED);
    }
}

static void hang_up(struct conn *c)
{
    if (c->up >= 0)
        close(c->up);
    c->up = -1;
}

/* Hands the request on over c->up; the answer is in c->out. */
static bool ask_once(struct conn *c, const struct message *request, struct message *answer)
{
    struct reader r = { c, c->up, c->fd, ANSWER_MS, &c->out };
    bool to_head = str_starts(buf_str(&c->in), STR("HEAD "));

    buf_reset(&c->out);
    return send_all(c->up, str_slice(buf_str(&c->in), 0, request->total)) &&
           read_answer(&r, answer, to_head);
}

/* A kept connection may have been closed by the server meanwhile: then a new one is asked. */
static bool ask(struct conn *c, const struct message *request, int port, struct message *answer)
{
    bool kept = c->up >= 0 && c->up_port == port;

    if (kept && ask_once(c, request, answer))
        return true;
    hang_up(c);
    if (kept && c->out.n)
        return false;
    c->up = dial(port);
    c->up_port = port;
    if (c->up >= 0 && ask_once(c, request, answer))
        return true;
    hang_up(c);
    return false;
}

static void note_status(struct tally *t, int number, int status)
{
    size_t n;

    pthread_mutex_lock(&t->lock);
    if (number <= TALLY_KEPT_MAX && number <= t->count) {
        n = strlen(t->labels[number - 1]);
        (void)snprintf(t->labels[number - 1] + n, TALLY_LABEL_MAX - n, " %d", status);
    }
    pthread_mutex_unlock(&t->lock);
}

/* False: the connection ends. */
static bool give(struct conn *c, const struct message *m, enum fault f)
{
    struct str all = str_slice(buf_str(&c->out), 0, m->total);

    switch (f) {
    case FAULT_RESET:
        (void)send_all(c->fd, str_slice(all, 0, m->head)); /* it is reset in any case */
        (void)poll(NULL, 0, 5); /* RST throws away what the client has not read */
        reset(c);
        return false;
    case FAULT_GARBLED:
        return garble(c, m);
    case FAULT_TRUNCATED:
        return truncate_answer(c, m);
    case FAULT_STALLED:
        (void)wait_ms(c, PROXY_STALL_MS); /* the client goes sooner */
        return false;
    case FAULT_SLOW:
        if (!wait_ms(c, PROXY_SLOW_MS))
            return false;
        break;
    default:
        break;
    }
    if (m->status == 101) {
        if (send_all(c->fd, buf_str(&c->out)))
            tunnel(c);
        return false;
    }
    return send_all(c->fd, all) &&
           !str_ieq_c(header_of(str_slice(all, 0, m->head), "connection"), "close");
}

static bool serve(struct conn *c, const struct message *request)
{
    struct str line = line_of(&c->in), method, target, rest;
    struct message answer = { 0 };
    int number;
    enum fault f;
    bool keep;

    (void)str_cut(line, ' ', &method, &rest);
    (void)str_cut(rest, ' ', &target, &rest);
    f = tally_next(c->proxy->tally, str_slice(line, 0, (size_t)(target.p + target.n - line.p)),
                   &number);
    if (f == FAULT_REFUSED) {
        go_away(c->proxy);
        reset(c);
        return false;
    }
    if (f == FAULT_429)
        return refuse(c, 429, "Too Many Requests", "RESOURCE_EXHAUSTED");
    if (f == FAULT_503)
        return refuse(c, 503, "Service Unavailable", "UNAVAILABLE");
    if (!ask(c, request, port_for(c->proxy, target), &answer))
        return false; /* as a server that closes without a word */
    note_status(c->proxy->tally, number, answer.status);
    keep = give(c, &answer, f);
    if (str_ieq_c(header_of(str_slice(buf_str(&c->out), 0, answer.head), "connection"), "close"))
        hang_up(c);
    return keep;
}

static void set_idle(struct conn *c, bool idle)
{
    pthread_mutex_lock(&c->proxy->lock);
    c->idle = idle;
    pthread_mutex_unlock(&c->proxy->lock);
}

static void *conn_run(void *arg)
{
    struct conn *c = arg;
    struct proxy *p = c->proxy;
    struct reader r = { c, c->fd, -1, -1, &c->in };
    struct message m = { 0 };
    bool keep = true;

    while (keep) {
        set_idle(c, true);
        if (!readable(p, c->fd, -1, -1))
            break;
        set_idle(c, false);
        keep = read_request(&r, &m) && serve(c, &m);
        buf_drop_front(&c->in, MIN(m.total, c->in.n));
    }
    hang_up(c);
    buf_release(&c->in);
    buf_release(&c->out);
    pthread_mutex_lock(&p->lock);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    close(c->fd);
    p->n_conns--;
    pthread_cond_broadcast(&p->empty);
    pthread_mutex_unlock(&p->lock);
    mem_free(c);
    return NULL;
}

/* ---- listening ---- */

static int listen_on(int port, int *ret_port)
{
    struct sockaddr_in at = loopback(port);
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)); /* bind says if it matters */
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)&at, &len)) {
        close(fd);
        return -1;
    }
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void take(struct proxy *p, int fd)
{
    struct conn *c = MEM_NEW(struct conn);
    pthread_t thread;
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* only slower without */
    c->proxy = p;
    c->fd = fd;
    c->up = -1;
    c->idle = true;
    buf_init(&c->in, MESSAGE_MAX);
    buf_init(&c->out, MESSAGE_MAX);
    pthread_mutex_lock(&p->lock);
    c->next = p->conns;
    c->link = &p->conns;
    if (c->next)
        c->next->link = &c->next;
    p->conns = c;
    p->n_conns++;
    pthread_mutex_unlock(&p->lock);
    if (pthread_create(&thread, NULL, conn_run, c))
        abort(); /* no test can go on */
    pthread_detach(thread);
}

/* Listens again once the absence is over. */
static int64_t away_ms(struct proxy *p)
{
    int64_t left;

    pthread_mutex_lock(&p->lock);
    left = MAX(p->away_until_ms - now_ms(), 0);
    if (p->listen_fd >= 0 && left) {
        close(p->listen_fd);
        p->listen_fd = -1;
    }
    if (p->listen_fd < 0 && !left)
        p->listen_fd = listen_on(p->port, &p->port);
    pthread_mutex_unlock(&p->lock);
    return left;
}

static void *accept_run(void *arg)
{
    struct proxy *p = arg;

    for (;;) {
        int64_t away = away_ms(p);
        struct pollfd fds[2] = { { .fd = p->listen_fd, .events = POLLIN },
                                 { .fd = p->stop_fd, .events = POLLIN } };
        int got;

        if (poll(fds, ARRAY_LEN(fds), p->listen_fd < 0 ? (int)MAX(away, 1) : -1) < 0)
            continue;
        if (fds[1].revents)
            return NULL;
        got = fds[0].revents ? accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (got >= 0)
            take(p, got);
    }
}

enum errc proxy_create(struct proxy **ret, struct tally *t, const struct proxy_opts *o,
                       struct err *err)
{
    struct proxy *p = MEM_NEW(struct proxy);

    p->listen_fd = listen_on(o->port, &p->port);
    p->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (p->listen_fd < 0 || p->stop_fd < 0) {
        enum errc rc =
            err_set_upstream(err, ERR_IO, errno, "port %d cannot be listened on", o->port);

        mem_free(p);
        return rc;
    }
    p->tally = t;
    p->o = *o;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->empty, NULL);
    if (pthread_create(&p->acceptor, NULL, accept_run, p))
        abort(); /* no test can go on */
    *ret = p;
    return ERR_OK;
}

int proxy_port(const struct proxy *p)
{
    return p->port;
}

struct proxy *proxy_destroy(struct proxy *p)
{
    const uint64_t one = 1;

    if (!p)
        return NULL;
    if (write(p->stop_fd, &one, sizeof(one)) != sizeof(one))
        abort(); /* an eventfd takes it */
    pthread_join(p->acceptor, NULL);
    pthread_mutex_lock(&p->lock);
    while (p->n_conns)
        pthread_cond_wait(&p->empty, &p->lock);
    pthread_mutex_unlock(&p->lock);
    pthread_cond_destroy(&p->empty);
    pthread_mutex_destroy(&p->lock);
    if (p->listen_fd >= 0)
        close(p->listen_fd);
    close(p->stop_fd);
    mem_free(p);
    return NULL;
}
