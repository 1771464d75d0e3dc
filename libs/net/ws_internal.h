/* net/ws_internal.h: between ws.c (life of a connection), ws_lws.c (what libwebsockets calls), ws_client.c
 * (connecting) and the HTTP server, which hands upgrades over. */
#ifndef NET_WS_INTERNAL_H
#define NET_WS_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/loop_internal.h"
#include "net/resolve_internal.h"
#include "net/tap_internal.h"
#include "net/ws.h"
#include "net/ws_queue_internal.h"

struct lws;
struct lws_vhost;

enum {
    CLOSE_SILENT_MS = 2000, /* what a peer has to take the next message, or to answer our CLOSE */
    CLOSE_LIMIT_MS = 10000, /* and for all of it */
};

/* An admitted upgrade: the socket, and what the peer has sent behind its request. */
struct ws_handover {
    struct loop *loop;
    int fd;
    const struct ws_route *route;
    void *app, *arg;
    struct str key; /* Sec-WebSocket-Key, valid */
    struct str rest;
    struct str peer_ip;
    struct str url;                    /* for an observer, as are the next */
    const struct http_header *headers; /* of the upgrade request */
    size_t n_headers;
    struct str user_agent;
};
/* The descriptor is no longer the caller's, whatever comes of it. ERR_CLOSED: abandoned. */
enum errc ws_server_adopt(const struct ws_handover *h);
bool ws_key_valid(struct str key);

enum ws_state {
    WS_CONNECTING, /* client only */
    WS_OPEN,
    WS_CLOSING, /* the queue is being emptied, then CLOSE */
    WS_CLOSE_SENT,
    WS_DEAD, /* nothing goes in or out; on_closed is due */
};

struct ws_connecting; /* ws_client.c */
struct ws_watched;    /* ws_tap.c */

struct ws_conn {
    struct list_node node; /* of the loop's */
    struct loop *loop;
    struct lws *wsi; /* NULL: none yet, or gone */
    enum ws_state state;
    bool client;
    bool disowned;
    bool paused;
    struct ws_events events;
    void *arg;
    struct ws_queue queue;
    size_t in_flight; /* payload that lws holds for a full socket */
    size_t message_max;
    struct buf message; /* pieces so far, when the loop's own buffer is another's */
    bool in_message, message_binary;
    int close_code; /* what on_closed will say */
    char close_reason[124];
    size_t close_reason_n;
    bool peer_closed; /* CLOSE was received */
    struct err err;
    bool has_err;
    struct timer ping, closing;
    int64_t close_until_ms; /* 0: not closing */
    int64_t heard_ms;
    int64_t ping_at_ms; /* 0: none is unanswered */
    bool ping_due;
    struct loop_task end; /* tells on_closed, frees */
    char peer_ip[48];
    struct ws_connecting *connecting;
    uint64_t number;            /* of the loop's web sockets so far */
    struct ws_watched *watched; /* NULL: nobody watches */
};

struct ws_conn *ws_conn_create(struct loop *l, size_t queue_max, size_t message_max);
void ws_conn_free(struct ws_conn *c);        /* one that nobody has been told of */
void ws_conn_drop_socket(struct ws_conn *c); /* lws closes it, later and without ceremony */
void ws_conn_wait_for_close(struct ws_conn *c);
void ws_conn_opened(struct ws_conn *c); /* established: keep-alive begins */
/* It is over: on_closed from the loop, later. The first reason counts. */
void ws_conn_end(struct ws_conn *c, int code, const struct err *err);
void ws_conn_end_now(struct ws_conn *c, int code,
                     const struct err *err); /* and closes the socket */
void ws_conn_message(struct ws_conn *c, struct str data, bool binary);
void ws_conn_drained(struct ws_conn *c);

/* ws_client.c, called by ws_lws.c while WS_CONNECTING. */
void ws_connecting_free(struct ws_conn *c);
void ws_connecting_opened(struct ws_conn *c);
/* This attempt failed; what comes next is decided when lws has let go. */
void ws_connecting_failed(struct ws_conn *c, const char *why, int http_status);
void ws_connecting_let_go(struct ws_conn *c);
/* Writes the request headers to *p, before `end`. False: no room, or not the right peer. */
bool ws_connecting_headers(struct ws_conn *c, char **p, const char *end);

/* ws_tap.c: what the loop's observer is told; nothing without one. */
void ws_watch(struct ws_conn *c, struct str url, struct str user_agent);
void ws_unwatch(struct ws_conn *c);
void ws_tell_open(const struct ws_conn *c, const struct http_header *headers, size_t n);
void ws_tell_open_lines(const struct ws_conn *c, struct str lines);
void ws_tell_message(const struct ws_conn *c, bool in, struct str data,
                     bool binary); /* c->watched is there */
void ws_tell_close(const struct ws_conn *c, bool in, int code, struct str reason,
                   const struct err *err); /* the first counts */

/* ws_lws.c */
struct pool *ws_lws_pool(struct loop *l);            /* of send queues */
MUST_USE enum errc ws_lws_enlist(struct ws_conn *c); /* ERR_CLOSED: the loop is ending */
struct ws_dial {
    struct lws_vhost *vhost;
    const char *ip, *host, *path, *subprotocol;
    int port;
    bool tls;
    bool name_is_ours; /* lws cannot verify this kind of name; ws_connecting_headers() does */
};
/* Fails at once or later, in either case through ws_connecting_failed() and _let_go(). */
void ws_lws_dial(struct ws_conn *c, const struct ws_dial *d);
/* `tls` NULL: for plain connections. */
MUST_USE enum errc ws_client_vhost(struct lws_vhost **ret, struct loop *l, struct tls_store *tls,
                                   struct err *err);
/* The peer's certificate is for this address. */
bool ws_lws_peer_is_ip(struct lws *wsi, const char *ip);

#endif
