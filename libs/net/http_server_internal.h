/* net/http_server_internal.h: the parts of the HTTP server. http_server.c listens, accepts and drains;
 * http_conn.c is one connection (loop thread); http_exchange.c one request and its answer, which a worker
 * makes and the loop sends.
 *
 * Why the HTTP of requests is read here and not by libwebsockets: lws decodes and normalises the request
 * target ("%2F", "//", the query in pieces), of which Twilio signs every byte; it cannot decode chunked
 * request bodies; and what it refuses, it refuses without a status. An upgrade is read here as well,
 * admitted, and then the socket is handed to lws. */
#ifndef NET_HTTP_SERVER_INTERNAL_H
#define NET_HTTP_SERVER_INTERNAL_H

#include <pthread.h>

#include "base/list.h"
#include "net/http_parse_internal.h"
#include "net/http_server.h"
#include "net/loop_internal.h"
#include "net/tap_internal.h"

enum {
    PEER_IP_MAX = 48,
    HTTP_STREAM_ROOM = 256 * 1024, /* bytes of an answer that a worker may be ahead of the socket */
    HTTP_SEND_STALL_MS = 30000,    /* the peer takes nothing of the answer: closed */
    HTTP_LINGER_MS = 2000,         /* after the last answer, for the peer to close */
    HTTP_LINGER_MAX = 1024 * 1024, /* bytes read and dropped meanwhile */
};

struct http_conn;

/* One request and its answer. Made on the loop; lent to a worker while `running`; freed on the loop. */
struct http_exchange {
    struct loop *loop;
    struct http_conn *conn; /* loop thread only; NULL: the connection has gone */
    struct http_req req;
    struct http_head head;
    struct arena arena; /* head, parameters, peer */
    struct buf body;
    const struct http_route *route;
    void *app;
    struct log log;
    struct log access_log;
    int64_t began_us;
    bool head_only; /* HEAD: the answer's body is left out */
    bool on_loop;   /* the answer is made on the loop thread */
    bool running;   /* loop thread only: a worker has it */
    bool close;     /* after this answer */

    /* The answer in the making. */
    struct buf headers;
    bool begun, ended, chunked;
    int status;
    int64_t left;         /* of the announced length; -1: none announced */
    bool told;            /* the observer has it, or there is none */
    struct buf sent_head; /* kept for the observer, as is the next */
    struct tap_keep sent;

    /* Between worker and loop. */
    pthread_mutex_t mutex;
    pthread_cond_t room;
    struct buf out; /* bytes for the loop to take */
    bool out_ended, out_broken;
    bool gone;   /* nobody reads it any more */
    bool posted; /* a wake-up is on its way to the loop, with a pointer to this */
};

struct http_exchange *http_exchange_create(struct loop *l, const struct log *log);
void http_exchange_free(struct http_exchange *x);
/* Binds request id and trace to its log. */
void http_exchange_identify(struct http_exchange *x);
/* Handler and what must follow it; any thread. */
void http_exchange_run(struct http_exchange *x, struct ctx *ctx);
/* Loop: takes what there is to send into `to` (empty before). */
void http_exchange_take(struct http_exchange *x, struct buf *to, bool *ended, bool *broken);
/* Loop: the worker has finished, or has put something into `out`. */
void http_exchange_moved(struct http_exchange *x);
/* Loop: its connection reads it no more; freed when nobody else holds it. */
void http_exchange_let_go(struct http_exchange *x);
struct str http_exchange_url(struct http_exchange *x); /* http://, Host, target */
/* The observer's, unless it has it already. `error`: why there is no whole answer; NULL: there is. */
void http_exchange_tell(struct http_exchange *x, const char *error);
void http_exchange_log(const struct http_exchange *x, bool delivered);

enum conn_state { CONN_HEAD, CONN_BODY, CONN_ANSWER, CONN_LINGER, CONN_DEAD };

struct http_conn {
    struct list_node node; /* of server->conns */
    struct list_node idle; /* of server->idle while it waits for a request */
    struct http_server *server;
    struct loop_io io;
    int fd;
    enum conn_state state;
    struct timer timer;
    struct buf in; /* read, not yet used */
    struct http_exchange *x;
    struct http_chunks chunks;
    struct buf out; /* being written */
    size_t out_at;
    bool out_ended, out_broken;
    int64_t request_until_ms; /* 0: no byte of a request yet */
    size_t lingered;
    bool inside; /* conn_run() is on the stack */
    char peer_ip[PEER_IP_MAX];
};

void http_conn_create(struct http_server *s, int fd, const char *peer_ip);
void http_conn_close(struct http_conn *c); /* now, whatever it is doing */
/* The answer of its exchange has moved on. */
void http_conn_kick(struct http_conn *c);

struct http_server {
    struct loop *loop;
    struct http_server_opts opts;
    struct log log;
    int fd;
    int port;
    struct loop_io io;
    struct timer accept_again;
    struct list conns, idle;
    size_t n_conns;
    struct arena arena; /* of routes that run on the loop */
    bool draining;
    void (*drained)(void *arg);
    void *drained_arg;
    struct loop_task drained_task;
    const struct http_route *own_routes; /* /live and /ready of net/service.c, before the others */
    size_t n_own_routes;
    void *own_app;
};

void http_server_set_own_routes(struct http_server *s, const struct http_route *routes, size_t n,
                                void *app);
void http_server_conn_gone(struct http_server *s);

#endif
