#include "net/ws_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/macros.h"
#include "base/mem.h"
#include "net/tls.h"

enum {
    RX_SERVER = 2 * 1024,      /* of one reading: longer messages come in pieces */
    RX_CLIENT = 2 * 1024,      /* of one message; a reading takes a whole TLS record */
    TX_PIECE = 256 * 1024,     /* of one write to the socket */
    CONNECT_LIMIT_S = 120,     /* ours are shorter, and in milliseconds */
    MESSAGE_KEPT = 256 * 1024, /* a larger buffer is given back after the message */
};

/* No PING by lws: it would also end a connection that is only paused. */
static const lws_retry_bo_t no_keep_alive = { 0 };

struct tls_vhost {
    void *store; /* X509_STORE, held by ctx */
    SSL_CTX *ctx;
    struct lws_vhost *vhost;
    struct tls_vhost *next;
};

/* Of one loop. */
struct ws_state_lws {
    struct lws_vhost *server, *client;
    struct tls_vhost *tls;
    struct list conns;
    uint64_t n_conns; /* so far */
    bool closing;
    const struct ws_handover *adopting; /* the upgrade that lws is being given right now */
    struct ws_conn *adopted;
    struct buf message;         /* in pieces so far, of the one connection that has it */
    struct ws_conn *message_of; /* NULL: nobody */
    struct pool queues;
};

static struct ws_state_lws *state_of(struct loop *l);

/* --- messages ------------------------------------------------------------------------------------ */

/* We end it, and say why; what still comes is dropped. */
static int refuse(struct ws_conn *c, int code, const struct err *err)
{
    c->err = *err;
    c->has_err = true;
    c->close_code = code;
    c->state = WS_CLOSE_SENT;
    ws_tell_close(c, false, code, STR_EMPTY, err);
    ws_conn_wait_for_close(c);
    lws_close_reason(c->wsi, (enum lws_close_status)code, NULL, 0);
    return -1;
}

static int too_long(struct ws_conn *c)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_LIMIT, "a message longer than %zu bytes", c->message_max);
    return refuse(c, 1009, &err);
}

static int compressed(struct ws_conn *c)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_INVALID, "a frame with reserved bits, which were not agreed on");
    return refuse(c, 1002, &err);
}

static int not_text(struct ws_conn *c)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_INVALID, "a text message that is not UTF-8");
    return refuse(c, 1007, &err);
}

/* Pieces follow one another closely, so that one buffer does for all connections. Who finds it taken, since
 * a peer is slow in the middle of a message, has one of its own until the message is whole. */
static struct buf *message_of(struct ws_conn *c)
{
    struct ws_state_lws *s = state_of(c->loop);

    if (!c->in_message && !s->message_of) {
        s->message_of = c;
        s->message.max = c->message_max;
    }
    return s->message_of == c ? &s->message : &c->message;
}

static void message_end(struct ws_conn *c)
{
    struct ws_state_lws *s = state_of(c->loop);

    c->in_message = false;
    buf_release(&c->message);
    if (s->message_of != c)
        return;
    s->message_of = NULL;
    if (s->message.cap > MESSAGE_KEPT)
        buf_release(&s->message);
    else
        buf_reset(&s->message);
}

static int on_message(struct ws_conn *c, struct str data)
{
    if (!c->message_binary && !str_utf8_valid(data))
        return not_text(c);
    ws_conn_message(c, data, c->message_binary);
    return c->state == WS_DEAD ? -1 : 0;
}

static int on_receive(struct ws_conn *c, const char *data, size_t n)
{
    bool whole = lws_is_final_fragment(c->wsi);
    struct buf *message;

    c->heard_ms = loop_now_ms(c->loop);
    if (c->state != WS_OPEN)
        return c->state == WS_DEAD ? -1 : 0;
    if (lws_get_reserved_bits(c->wsi)) /* built without extensions, lws lets RSV1 pass */
        return compressed(c);
    if (!c->in_message) {
        c->message_binary = lws_frame_is_binary(c->wsi);
        if (whole && n <= c->message_max)
            return on_message(c, str_n(data, n));
    }
    message = message_of(c);
    c->in_message = true;
    buf_add(message, data, n);
    if (buf_status(message))
        return too_long(c);
    if (whole) {
        int rc = on_message(c, buf_str(message));

        message_end(c);
        return rc;
    }
    return 0;
}

static int on_writable(struct ws_conn *c)
{
    bool had, binary;
    char *data;
    size_t n;

    if (c->state == WS_DEAD)
        return -1;
    had = c->in_flight > 0;
    c->in_flight = 0; /* lws calls only when the socket has taken all */
    if (c->ping_due) {
        unsigned char ping[LWS_PRE + 1] = { 0 };

        ping[LWS_PRE] = '.'; /* of an empty PONG, lws would not tell */
        c->ping_due = false;
        lws_callback_on_writable(c->wsi);
        return lws_write(c->wsi, ping + LWS_PRE, 1, LWS_WRITE_PING) < 0 ? -1 : 0;
    }
    if ((c->state == WS_OPEN || c->state == WS_CLOSING) &&
        ws_queue_first(&c->queue, &data, &n, &binary)) {
        if (c->watched)
            ws_tell_message(c, false, str_n(data, n), binary);
        if (lws_write(c->wsi, (unsigned char *)data, n,
                      binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < 0)
            return -1;
        ws_queue_pop(&c->queue);
        had = true;
        if (lws_partial_buffered(c->wsi))
            c->in_flight = MAX(n, 1);
        if (c->state == WS_CLOSING) /* it is taking what is queued: patience, within the limit */
            ws_conn_wait_for_close(c);
        if (c->in_flight || c->queue.n_messages || c->state == WS_CLOSING) {
            lws_callback_on_writable(c->wsi);
            return 0;
        }
    }
    if (c->state == WS_CLOSING) {
        c->state = WS_CLOSE_SENT;
        ws_tell_close(c, false, c->close_code, str_n(c->close_reason, c->close_reason_n), NULL);
        ws_conn_wait_for_close(c);
        lws_close_reason(c->wsi, (enum lws_close_status)c->close_code,
                         (unsigned char *)c->close_reason, c->close_reason_n);
        return -1;
    }
    if (had)
        ws_conn_drained(c);
    return c->state == WS_DEAD ? -1 : 0;
}

static void on_peer_close(struct ws_conn *c, const unsigned char *data, size_t n)
{
    c->peer_closed = true;
    c->close_code = n >= 2 ? data[0] << 8 | data[1] : 1005;
    c->close_reason_n = n > 2 ? MIN(n - 2, sizeof(c->close_reason) - 1) : 0;
    if (!str_utf8_valid(str_n(data + 2, c->close_reason_n)))
        c->close_reason_n = 0;
    if (c->close_reason_n)
        memcpy(c->close_reason, data + 2, c->close_reason_n);
    ws_tell_close(c, true, c->close_code, str_n(c->close_reason, c->close_reason_n), NULL);
    if (c->state < WS_CLOSE_SENT) {
        c->state = WS_CLOSE_SENT; /* lws answers it */
        ws_conn_wait_for_close(c);
    }
}

static void on_closed(struct ws_conn *c)
{
    ws_conn_end(c, c->peer_closed || c->state == WS_CLOSE_SENT ? c->close_code : 1006, NULL);
}

static void on_destroy(struct ws_conn *c)
{
    bool connecting = c->state == WS_CONNECTING;

    c->wsi = NULL;
    message_end(c);
    if (connecting)
        ws_connecting_let_go(c);
    else if (c->state != WS_DEAD)
        on_closed(c);
    else
        loop_task_run(c->loop, &c->end);
}

/* --- both sides opening -------------------------------------------------------------------------- */

static int on_established(struct lws *wsi)
{
    struct ws_state_lws *s = state_of(lws_context_user(lws_get_context(wsi)));
    const struct ws_handover *h = s->adopting;
    struct ws_conn *c = s->adopted;

    if (!h)
        return -1;
    s->adopting = NULL;
    c->wsi = wsi;
    lws_set_opaque_user_data(wsi, c);
    ws_conn_opened(c);
    ws_tell_open(c, h->headers, h->n_headers);
    c->arg = h->arg;
    h->route->accept(h->app, c, &c->events, &c->arg);
    return c->state == WS_DEAD ? -1 : 0;
}

/* Gives back the key pair that the handshake was made with: nobody needs it any more, OpenSSL would keep it as
 * long as the connection, and one with ML-KEM in it has 8 KiB. */
static void forget_handshake_key(struct lws *wsi)
{
    SSL *ssl = lws_get_ssl(wsi);
    EVP_PKEY *key = NULL;

    if (!ssl || !SSL_get_tmp_key(ssl, &key))
        return;
    (void)EVP_PKEY_set_type(key, EVP_PKEY_X25519); /* a key of this kind, with nothing in it */
    EVP_PKEY_free(key);
}

static int on_append_headers(struct ws_conn *c, char **p, size_t room)
{
    return ws_connecting_headers(c, p, *p + room) ? 0 : -1;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t n)
{
    struct ws_conn *c;

    (void)user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(wsi);
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_WSI_DESTROY:
        c = lws_get_opaque_user_data(wsi);
        break;
    default:
        return 0;
    }
    if (!c)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return on_receive(c, in, n);
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writable(c);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        on_peer_close(c, in, n);
        return 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
        on_closed(c);
        return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return on_append_headers(c, in, n);
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        forget_handshake_key(wsi);
        ws_connecting_opened(c);
        return c->state == WS_DEAD ? -1 : 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        ws_connecting_failed(c, in ? in : "no connection", (int)lws_http_client_http_response(wsi));
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        on_destroy(c);
        return 0;
    default:
        c->heard_ms = loop_now_ms(c->loop); /* PONG */
        return 0;
    }
}

/* --- vhosts -------------------------------------------------------------------------------------- */

static const struct lws_protocols server_protocols[] = {
    { .name = "ws", .callback = callback, .rx_buffer_size = RX_SERVER, .tx_packet_size = TX_PIECE },
    LWS_PROTOCOL_LIST_TERM,
};

static const struct lws_protocols client_protocols[] = {
    { .name = "ws", .callback = callback, .rx_buffer_size = RX_CLIENT, .tx_packet_size = TX_PIECE },
    LWS_PROTOCOL_LIST_TERM,
};

/* Those that lws does not know of, since they have no socket yet, nobody else would end. */
static void state_closing(void *arg)
{
    struct ws_state_lws *s = arg;
    struct list_node *n, *next;

    s->closing = true;
    LIST_EACH (&s->conns, n, next) {
        struct ws_conn *c = CONTAINER_OF(n, struct ws_conn, node);

        if (c->state == WS_CONNECTING)
            ws_abort(c);
    }
}

static void state_destroy(void *arg)
{
    struct ws_state_lws *s = arg;
    struct tls_vhost *t;

    while (s && (t = s->tls) != NULL) {
        s->tls = t->next;
        SSL_CTX_free(t->ctx);
        mem_free(t);
    }
    if (s) {
        buf_release(&s->message);
        pool_release(&s->queues);
    }
    mem_free(s);
}

static struct ws_state_lws *state_of(struct loop *l)
{
    void **state = loop_ws_state(l, state_closing, state_destroy);
    struct ws_state_lws *s = *state;

    if (!s) {
        *state = s = MEM_NEW(struct ws_state_lws);
        list_init(&s->conns);
        ws_queue_pool_init(&s->queues);
    }
    return s;
}

struct pool *ws_lws_pool(struct loop *l)
{
    return &state_of(l)->queues;
}

enum errc ws_lws_enlist(struct ws_conn *c)
{
    struct ws_state_lws *s = state_of(c->loop);

    list_push_back(&s->conns, &c->node);
    c->number = ++s->n_conns;
    return s->closing ? ERR_CLOSED : ERR_OK;
}

static struct lws_vhost *make_vhost(struct loop *l, const char *name, int port, SSL_CTX *ctx)
{
    bool server = port == CONTEXT_PORT_NO_LISTEN_SERVER;
    struct lws_context_creation_info info = {
        .port = port,
        .vhost_name = name,
        .protocols = server ? server_protocols : client_protocols,
        .options = LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .connect_timeout_secs = CONNECT_LIMIT_S,
        .timeout_secs = CONNECT_LIMIT_S,
        .retry_and_idle_policy = &no_keep_alive,
        .provided_client_ssl_ctx = ctx,
    };
    struct lws_context *cx = loop_lws(l);
    struct lws_vhost *v = cx ? lws_create_vhost(cx, &info) : NULL;

    if (v && ctx && lws_init_vhost_client_ssl(&info, v))
        return NULL;
    return v;
}

static SSL_CTX *make_client_ctx(void *store)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set1_cert_store(ctx, store);
    return ctx;
}

static enum errc tls_vhost(struct lws_vhost **ret, struct loop *l, struct tls_store *tls,
                           struct err *err)
{
    struct ws_state_lws *s = state_of(l);
    struct tls_vhost *t;
    void *store;
    enum errc rc = tls_store_get(tls, &store, err);

    if (rc)
        return rc;
    for (t = s->tls; t; t = t->next) {
        if (t->store == store) {
            *ret = t->vhost;
            return ERR_OK;
        }
    }
    t = MEM_NEW(struct tls_vhost);
    t->store = store;
    t->ctx = make_client_ctx(store);
    t->vhost = t->ctx ? make_vhost(l, "wss", CONTEXT_PORT_NO_LISTEN, t->ctx) : NULL;
    if (!t->vhost) {
        SSL_CTX_free(t->ctx);
        mem_free(t);
        return err_set(err, ERR_INTERNAL, "no TLS context for web sockets");
    }
    t->next = s->tls;
    s->tls = t;
    *ret = t->vhost;
    return ERR_OK;
}

enum errc ws_client_vhost(struct lws_vhost **ret, struct loop *l, struct tls_store *tls,
                          struct err *err)
{
    struct ws_state_lws *s = state_of(l);

    if (tls)
        return tls_vhost(ret, l, tls, err);
    if (!s->client)
        s->client = make_vhost(l, "ws", CONTEXT_PORT_NO_LISTEN, NULL);
    *ret = s->client;
    return s->client ? ERR_OK : err_set(err, ERR_INTERNAL, "no vhost for web sockets");
}

/* --- dialling ------------------------------------------------------------------------------------ */

void ws_lws_dial(struct ws_conn *c, const struct ws_dial *d)
{
    struct lws_client_connect_info i = {
        .context = loop_lws(c->loop),
        .vhost = d->vhost,
        .address = d->ip,
        .host = d->host,
        .path = d->path,
        .port = d->port,
        .protocol = d->subprotocol,
        .local_protocol_name = client_protocols[0].name,
        .ietf_version_or_minus_one = -1,
        .opaque_user_data = c,
        .pwsi = &c->wsi,
        .retry_and_idle_policy = &no_keep_alive,
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
    };

    if (d->tls)
        i.ssl_connection |= LCCSCF_USE_SSL;
    if (d->tls && d->name_is_ours)
        i.ssl_connection |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
    if (!lws_client_connect_via_info(&i)) {
        c->wsi = NULL;
        if (c->state == WS_CONNECTING) {
            ws_connecting_failed(c, "no connection", 0);
            ws_connecting_let_go(c);
        }
    }
}

bool ws_lws_peer_is_ip(struct lws *wsi, const char *ip)
{
    X509 *cert = SSL_get1_peer_certificate(lws_get_ssl(wsi));
    bool ok = cert && X509_check_ip_asc(cert, ip, 0) == 1;

    X509_free(cert);
    return ok;
}

/* --- the server's side --------------------------------------------------------------------------- */

/* The request as lws wants to see it, whatever the peer's looked like: it has been judged already. */
static void make_request(struct buf *out, const struct ws_handover *h)
{
    buf_addf(out,
             "GET / HTTP/1.1\r\nHost: ws\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: " STR_FMT "\r\nSec-WebSocket-Version: 13\r\n\r\n",
             STR_ARG(h->key));
    buf_add_str(out, h->rest);
}

static void abandon(struct ws_conn *c, const struct ws_handover *h)
{
    if (h->route->abandon)
        h->route->abandon(h->app, h->arg);
    c->disowned = true;
    ws_conn_end_now(c, 1006, NULL);
}

enum errc ws_server_adopt(const struct ws_handover *h)
{
    struct ws_state_lws *s = state_of(h->loop);
    struct ws_conn *c = ws_conn_create(h->loop, h->route->queue_max, h->route->message_max);
    bool going = ws_lws_enlist(c) != ERR_OK;
    struct buf request = BUF_INIT(h->rest.n + 1024);
    struct lws *wsi = NULL;

    (void)str_copy(c->peer_ip, sizeof(c->peer_ip), h->peer_ip);
    if (h->route->unsent_max) /* where it is not known, more waits in the kernel */
        (void)setsockopt(h->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &h->route->unsent_max,
                         sizeof(h->route->unsent_max));
    ws_watch(c, h->url, h->user_agent);
    if (!s->server)
        s->server = make_vhost(h->loop, "server", CONTEXT_PORT_NO_LISTEN_SERVER, NULL);
    make_request(&request, h);
    s->adopting = h;
    s->adopted = c;
    if (s->server && !going)
        wsi = lws_adopt_socket_vhost_readbuf(s->server, h->fd, request.p, request.n);
    else
        close(h->fd);
    buf_release(&request);
    if (!s->adopting)
        return ERR_OK; /* on_established() has been here */
    s->adopting = NULL;
    if (wsi)
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    abandon(c, h);
    return ERR_CLOSED;
}
