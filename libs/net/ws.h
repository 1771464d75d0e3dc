/* net/ws.h: WebSockets (RFC 6455), both sides, on libwebsockets. All calls on the loop thread. A send
 * queue is bounded; a reader can be paused (back-pressure instead of buffering). No extensions, no
 * sub-protocol unless asked for. PINGs are answered by the library. */
#ifndef NET_WS_H
#define NET_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"

struct ws_conn;
struct tls_store;

enum {
    WS_QUEUE_MAX = 256 * 1024, /* bytes waiting to be sent, unless the options say otherwise */
    WS_MESSAGE_MAX = 4 * 1024 * 1024, /* a longer incoming message closes with 1009 */
    WS_CONNECT_TIMEOUT_MS = 10000,
    WS_PING_MS = 25000,         /* our own keep-alive */
    WS_PONG_TIMEOUT_MS = 20000, /* nothing at all heard for so long after it: closed, 1006 */
};

/* What handlers receive is borrowed until they return. They never run from inside a call of ours. */
struct ws_events {
    void (*on_open)(void *arg); /* the upgrade is done (client side; NULL is fine) */
    void (*on_message)(void *arg, struct str data, bool binary); /* whole messages */
    void (*on_drained)(void *arg); /* the send queue has become empty; NULL is fine */
    /* Last, exactly once. code: the peer's close code, 1005 none given, 1006 no close frame (err may say
     * why: dead peer); ours when we closed and were answered; -1: never opened, err says why (upstream: the
     * HTTP status of a refusal, or errno). The connection is freed after it returns. */
    void (*on_closed)(void *arg, int code, struct str reason, const struct err *err);
};

/* Copies. ERR_LIMIT: the queue is full, nothing was added. ERR_CLOSED: closing or closed. */
MUST_USE enum errc ws_send_text(struct ws_conn *c, struct str data);
MUST_USE enum errc ws_send_binary(struct ws_conn *c, const void *data, size_t n);
/* For hot paths: room for `max` bytes in the queue to be written in place, then committed at once, before
 * any other call, with the actual length as one text message. NULL: full, or closing. Allocates nothing while little is queued. */
char *ws_send_reserve(struct ws_conn *c, size_t max);
void ws_send_commit(struct ws_conn *c, size_t n);
size_t ws_queued(const struct ws_conn *c); /* bytes not yet handed to the kernel */
/* Takes back the messages of which nothing has been handed to the kernel: what is sent next overtakes them. */
void ws_unsend(struct ws_conn *c);
void ws_pause(struct ws_conn *c); /* stop reading */
void ws_resume(struct ws_conn *c);
/* Sends what is queued, then CLOSE with the code; on_closed comes later, on_message no more. A peer that
 * takes or answers nothing for 2 s is not waited for. */
void ws_close(struct ws_conn *c, int code, struct str reason);
/* Without ceremony; on_closed still comes, later. */
void ws_abort(struct ws_conn *c);
/* From now on no event reaches the owner, who is going away; the connection closes with `code`. */
void ws_disown(struct ws_conn *c, int code);
struct str ws_peer_ip(const struct ws_conn *c);

/* Client. `url` ws:// or wss://; certificate and host name are verified. DNS does not block. If this
 * fails nothing is called later; otherwise on_closed comes exactly once, unless disowned. */
struct ws_client_opts {
    struct str url;
    const struct http_header *headers;
    size_t n_headers;
    const char *subprotocol;       /* NULL: none */
    int connect_timeout_ms;        /* TCP, TLS and upgrade; 0: WS_CONNECT_TIMEOUT_MS */
    size_t queue_max, message_max; /* 0: defaults */
    struct tls_store *tls;
    struct ws_events events;
    void *arg;
};
MUST_USE enum errc ws_connect(struct ws_conn **ret, struct loop *loop,
                              const struct ws_client_opts *o, struct err *err);

/* Server side: an upgrade request on a route of the HTTP server. */
struct ws_upgrade {
    struct str path, query, target, peer_ip;
    const void *priv;
};
struct str ws_upgrade_header(const struct ws_upgrade *u, const char *name); /* empty: absent */
struct str ws_upgrade_param(const struct ws_upgrade *u, const char *name); /* {name} of the route */

struct ws_route {
    const char *path;              /* as http_route.path */
    size_t queue_max, message_max; /* 0: defaults */
    /* What the kernel takes beyond what is on its way to the peer; the rest stays in the queue, where
     * ws_unsend() reaches it. 0: as much as it likes. */
    int unsent_max;
    /* On the loop, before the 101: 0 accepts (the app may leave its object in *arg); an HTTP status
     * refuses (403, 503…). */
    int (*admit)(void *app, const struct ws_upgrade *u, void **arg);
    /* The 101 is sent. Fill `events`; *arg is from admit, may be replaced, and is their argument. */
    void (*accept)(void *app, struct ws_conn *c, struct ws_events *events, void **arg);
    /* Admitted, but the socket died before accept: free what admit made. NULL is fine. */
    void (*abandon)(void *app, void *arg);
};

#endif
