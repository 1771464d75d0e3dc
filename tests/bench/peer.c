#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/die.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/loop_internal.h"

enum {
    READ_BYTES = 16 * 1024,
    IN_MAX = 1024 * 1024,
    OUT_MAX = 8 * 1024 * 1024,
    OP_TEXT = 1,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10,
};

struct peer_listener {
    struct loop *loop;
    struct peer_opts opts;
    struct loop_io io;
    int fd, port;
    SSL_CTX *ctx;
    BIO_METHOD *bio;
    char ca_file[64];
    struct list peers;
};

struct peer {
    struct list_node node;
    struct peer_listener *listener;
    struct loop_io io;
    int fd;
    SSL *ssl; /* NULL: plain */
    bool accepted, open, dead;
    struct buf in, out;
    struct timer upgrade;
    char answer[256];
    int64_t arrived_wall_us; /* what was read last */
    void *arg;
};

/* ---- the socket ---- */

static void peer_free(struct peer *p)
{
    timer_stop(&p->upgrade);
    loop_io_stop(&p->io);
    list_remove(&p->node);
    SSL_free(p->ssl);
    close(p->fd);
    buf_release(&p->in);
    buf_release(&p->out);
    mem_free(p);
}

/* More than 0: so many bytes; 0: later; -1: over. */
static ssize_t outcome(struct peer *p, int n)
{
    int why = SSL_get_error(p->ssl, n);

    if (n > 0)
        return n;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void take_time(struct peer *p, struct msghdr *m)
{
    struct cmsghdr *c;
    struct timespec at;

    for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&at, CMSG_DATA(c), sizeof(at));
        p->arrived_wall_us = at.tv_sec * 1000000LL + at.tv_nsec / 1000;
    }
}

static ssize_t receive(struct peer *p, char *data, size_t n)
{
    alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec into = { data, n };
    struct msghdr m = {
        .msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    ssize_t got = recvmsg(p->fd, &m, 0);

    if (got > 0)
        take_time(p, &m);
    return got;
}

static int bio_read(BIO *b, char *data, int n)
{
    ssize_t got = receive(BIO_get_data(b), data, (size_t)n);

    BIO_clear_retry_flags(b);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(b);
    return (int)got;
}

static int bio_write(BIO *b, const char *data, int n)
{
    const struct peer *p = BIO_get_data(b);
    ssize_t sent = send(p->fd, data, (size_t)n, MSG_NOSIGNAL);

    BIO_clear_retry_flags(b);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(b);
    return (int)sent;
}

static long bio_ctrl(BIO *b, int what, long n, void *arg)
{
    (void)b;
    (void)n;
    (void)arg;
    return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_bio(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "peer");

    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
}

/* libssl's own sockets would not tell when the kernel received what they read. */
static void start_tls(struct peer *p)
{
    BIO *b = BIO_new(p->listener->bio);

    BIO_set_data(b, p);
    BIO_set_init(b, 1);
    p->ssl = SSL_new(p->listener->ctx);
    SSL_set_bio(p->ssl, b, b);
}

int64_t peer_arrived_us(const struct peer *p)
{
    const struct clock *clock = loop_clock(p->listener->loop);

    return clock_mono_us(clock) - (clock_wall_us(clock) - p->arrived_wall_us);
}

static ssize_t read_some(struct peer *p, char *data, size_t n)
{
    ssize_t got;

    if (p->ssl)
        return outcome(p, SSL_read(p->ssl, data, (int)n));
    got = receive(p, data, n);
    if (got == 0)
        return -1;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : got;
}

static ssize_t write_some(struct peer *p, const char *data, size_t n)
{
    ssize_t sent;

    if (p->ssl)
        return outcome(p, SSL_write(p->ssl, data, (int)n));
    sent = send(p->fd, data, n, MSG_NOSIGNAL);
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

static void flush(struct peer *p)
{
    while (p->out.n && !p->dead) {
        ssize_t n = write_some(p, p->out.p, p->out.n);

        if (n == 0)
            break;
        if (n < 0)
            p->dead = true; /* the reader frees it */
        else
            buf_drop_front(&p->out, (size_t)n);
    }
    loop_io_want(&p->io, IO_READ | (p->out.n ? (unsigned)IO_WRITE : 0u));
}

static void send_frame(struct peer *p, int op, struct str data)
{
    uint8_t head[10] = { (uint8_t)(0x80 | op) };
    size_t n = 2, i;

    if (data.n < 126) {
        head[1] = (uint8_t)data.n;
    } else if (data.n < 65536) {
        head[1] = 126;
        head[2] = (uint8_t)(data.n >> 8);
        head[3] = (uint8_t)data.n;
        n = 4;
    } else {
        head[1] = 127;
        for (i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)(data.n >> (56 - 8 * i));
        n = 10;
    }
    buf_add(&p->out, head, n);
    buf_add_str(&p->out, data);
    flush(p);
}

void peer_send(struct peer *p, struct str text)
{
    send_frame(p, OP_TEXT, text);
}

/* ---- messages ---- */

static void on_upgrade(void *arg)
{
    struct peer *p = arg;
    struct peer_listener *l = p->listener;

    buf_add_c(&p->out, p->answer);
    p->open = true;
    p->arg = l->opts.events->on_open(l->opts.app, p);
    flush(p);
}

/* The request is whole. */
static void take_request(struct peer *p, struct str head)
{
    const struct str name = STR("Sec-WebSocket-Key: "); /* as libwebsockets writes it */
    struct str key = str_from(head, str_find(head, name) + name.n);
    char text[128], accept[BASE64_LEN(SHA1_LEN) + 1] = { 0 };
    uint8_t digest[SHA1_LEN];
    int n = snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key.p);

    SHA1((const unsigned char *)text, (size_t)n, digest);
    (void)base64_encode(accept, digest, sizeof(digest));
    (void)snprintf(p->answer, sizeof(p->answer),
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                   "Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
    if (p->listener->opts.handshake_ms)
        timer_start(&p->upgrade, p->listener->opts.handshake_ms);
    else
        on_upgrade(p);
}

/* Bytes of the first frame, 0: not whole yet. */
static size_t take_message(struct peer *p, uint8_t *data, size_t n)
{
    size_t head = 2, len = n < 2 ? 0 : data[1] & 127, i;

    if (len == 126)
        head = 4;
    else if (len == 127)
        head = 10;
    if (n < head + 4)
        return 0;
    for (len = head == 2 ? len : 0, i = 2; i < head; i++)
        len = len << 8 | data[i];
    if (n < head + 4 + len)
        return 0;
    for (i = 0; i < len; i++)
        data[head + 4 + i] ^= data[head + (i & 3)];
    if ((data[0] & 15) == OP_TEXT)
        p->listener->opts.events->on_message(p->arg, str_n((char *)data + head + 4, len));
    else if ((data[0] & 15) == OP_PING)
        send_frame(p, OP_PONG, str_n((char *)data + head + 4, len));
    else if ((data[0] & 15) == OP_CLOSE)
        p->dead = true;
    return head + 4 + len;
}

static void take_all(struct peer *p)
{
    size_t at = 0, n;

    if (!p->open) {
        size_t end = str_find(buf_str(&p->in), STR("\r\n\r\n"));

        if (end < p->in.n && !p->answer[0])
            take_request(p, buf_str(&p->in));
        if (p->answer[0])
            buf_reset(&p->in); /* a client waits for the 101 */
        return;
    }
    while (!p->dead && (n = take_message(p, (uint8_t *)p->in.p + at, p->in.n - at)) > 0)
        at += n;
    if (at == p->in.n)
        buf_reset(&p->in);
    else
        buf_drop_front(&p->in, at);
}

static void on_io(void *arg, unsigned events)
{
    struct peer *p = arg;
    char data[READ_BYTES];
    ssize_t n = 0;

    (void)events;
    if (p->ssl && !p->accepted) {
        n = outcome(p, SSL_accept(p->ssl));
        p->accepted = n > 0;
        p->dead = n < 0;
    }
    if (!p->ssl || p->accepted) {
        do {
            n = read_some(p, data, sizeof(data));
            if (n > 0)
                buf_add(&p->in, data, (size_t)n);
        } while (p->ssl && n == (ssize_t)sizeof(data));
        p->dead = p->dead || n < 0;
        take_all(p);
        flush(p);
    }
    if (p->dead) {
        if (p->open)
            p->listener->opts.events->on_closed(p->arg);
        peer_free(p);
    }
}

/* ---- listening ---- */

static void on_accept(void *arg, unsigned events)
{
    struct peer_listener *l = arg;
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    struct peer *p;

    (void)events;
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
    p = MEM_NEW(struct peer);
    p->listener = l;
    p->fd = fd;
    buf_init(&p->in, IN_MAX);
    buf_init(&p->out, OUT_MAX);
    timer_init(&p->upgrade, l->loop, on_upgrade, p);
    list_push_back(&l->peers, &p->node);
    if (l->ctx)
        start_tls(p);
    loop_io_start(&p->io, l->loop, fd, IO_READ, on_io, p);
}

/* Its own authority, for a day. */
static X509 *make_cert(EVP_PKEY *key)
{
    static const unsigned char name[] = "bench";
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_EXTENSION *ext;
    X509V3_CTX ctx;

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    X509_sign(cert, key, EVP_sha256());
    return cert;
}

static void make_identity(struct peer_listener *l)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_cert(key);
    FILE *file;
    int fd;

    l->ctx = SSL_CTX_new(TLS_server_method());
    l->bio = make_bio();
    SSL_CTX_set_mode(l->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_use_certificate(l->ctx, cert);
    SSL_CTX_use_PrivateKey(l->ctx, key);
    (void)str_copy(l->ca_file, sizeof(l->ca_file), STR("/tmp/bench-ca-XXXXXX"));
    fd = mkstemp(l->ca_file);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file || !PEM_write_X509(file, cert) || fclose(file))
        die("no certificate in %s", l->ca_file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

struct peer_listener *peer_listen(struct loop *loop, const struct peer_opts *o)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct peer_listener *l = MEM_NEW(struct peer_listener);
    socklen_t size = sizeof(a);

    l->loop = loop;
    l->opts = *o;
    list_init(&l->peers);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&a, size) || listen(l->fd, 1024) ||
        getsockname(l->fd, (struct sockaddr *)&a, &size))
        die("no port to listen on");
    l->port = ntohs(a.sin_port);
    if (o->tls)
        make_identity(l);
    loop_io_start(&l->io, loop, l->fd, IO_READ, on_accept, l);
    return l;
}

struct peer_listener *peer_listener_close(struct peer_listener *l)
{
    struct list_node *n, *next;

    LIST_EACH (&l->peers, n, next)
        peer_free(CONTAINER_OF(n, struct peer, node));
    loop_io_stop(&l->io);
    close(l->fd);
    if (l->ctx)
        unlink(l->ca_file);
    SSL_CTX_free(l->ctx);
    BIO_meth_free(l->bio);
    mem_free(l);
    return NULL;
}

int peer_listener_port(const struct peer_listener *l)
{
    return l->port;
}

const char *peer_ca_file(const struct peer_listener *l)
{
    return l->ca_file;
}
