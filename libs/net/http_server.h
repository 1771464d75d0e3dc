/* net/http_server.h: HTTP/1.1 server with a route table. Requests are read on the loop, run on a worker as
 * straight-line code, and answered through the loop; upgrades to web sockets are admitted here and handed
 * to libwebsockets (net/ws.h). The request target is kept byte for byte. HEAD is answered by
 * the GET route without the body; wrong method 405 with Allow, body too large 413, headers too large
 * 431, URI too long 414, missing length where needed 411, unknown path 404, all workers busy beyond the
 * queue 503 with Retry-After; errors are JSON {"error":{"code":N,"message":"…"}}. Chunked request bodies
 * are decoded. Idle and slow connections are closed (HTTP_SERVER_IDLE_MS, HTTP_SERVER_REQUEST_MS). */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/ctx.h"
#include "net/loop.h"
#include "net/workers.h"

enum {
    HTTP_SERVER_IDLE_MS = 65000,    /* keep-alive */
    HTTP_SERVER_REQUEST_MS = 20000, /* from first byte to the whole body */
    HTTP_SERVER_HEADERS_MAX = 32 * 1024,
    HTTP_SERVER_CONNECTIONS_MAX = 4096,
    HTTP_PARAMS_MAX = 8,
};

enum http_method {
    HTTP_GET = 1,
    HTTP_POST = 2,
    HTTP_PUT = 4,
    HTTP_PATCH = 8,
    HTTP_DELETE = 16,
    HTTP_ANY = 31,
};

struct http_param {
    struct str name, value;
};

/* A request as a handler sees it; all views live until the handler returns. */
struct http_req {
    enum http_method method;
    struct str path;   /* as sent, without query */
    struct str query;  /* as sent, without '?'; empty when there is none */
    struct str target; /* path and query byte for byte as sent */
    struct str body;
    struct str peer_ip;
    struct http_param params[HTTP_PARAMS_MAX]; /* {name} parts of the route, percent-decoded */
    size_t n_params;
    struct ctx *ctx; /* arena, HTTP client, log (request id and trace bound), of this worker */
    void *priv;      /* the server's */
};

struct str http_req_header(const struct http_req *r,
                           const char *name); /* any case; the first; empty: absent */
/* How often it was sent: who trusts a header must not take one of two. */
size_t http_req_header_count(const struct http_req *r, const char *name);
struct str http_req_param(const struct http_req *r, const char *name);

/* Exactly one answer for each request: one http_reply*(), or begin, write…, end; it is on its way at once,
 * not only when the handler returns. Further ones are ignored; a handler that returns without one is
 * answered 500. */
void http_reply(struct http_req *r, int status, const char *content_type, struct str body);
void http_reply_json(struct http_req *r, int status, struct str json);
void http_reply_empty(struct http_req *r, int status);
/* {"error":{"code":status,"message":…}} */
void http_reply_error(struct http_req *r, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Before the answer. Line breaks in the value become blanks. */
void http_reply_header(struct http_req *r, const char *name, struct str value);
/* Streaming: content_length -1 is sent chunked. http_reply_write() blocks the worker while the peer is
 * slow (back-pressure) and says ERR_CLOSED when it has gone, or has taken nothing for half a minute;
 * ERR_INVALID: more than was announced. Less than that closes the connection at the end. */
MUST_USE enum errc http_reply_begin(struct http_req *r, int status, const char *content_type,
                                    int64_t content_length);
MUST_USE enum errc http_reply_write(struct http_req *r, const void *data, size_t n);
void http_reply_end(struct http_req *r);

typedef void (*http_handler_fn)(void *app, struct http_req *r);
/* Runs before the handler, on the worker: ERR_OK admits; otherwise it has already replied (403, 401…). */
typedef enum errc (*http_admit_fn)(void *app, struct http_req *r);

/* Paths match segment by segment, literals byte for byte; "{name}" takes one segment, a last "{name*}" the
 * rest (neither an empty one), and a literal ":verb" may follow a parameter in the last segment
 * ("/v1/{topic*}:publish"). The first route that takes path and method wins. */
struct http_route {
    unsigned methods; /* of enum http_method, or-ed */
    const char *path;
    size_t body_max;     /* 413 beyond it; 0: no body is wanted */
    http_admit_fn admit; /* NULL: open */
    http_handler_fn handle;
    bool on_loop; /* answers at once from the loop thread (health); must not block */
};

struct ws_route; /* net/ws.h */

struct http_server_opts {
    const char *host; /* NULL: all addresses, IPv6 and IPv4 */
    int port;         /* 0: any free one */
    const struct http_route *routes;
    size_t n_routes;
    const struct ws_route *ws_routes;
    size_t n_ws_routes;
    void *app;
    struct workers *workers; /* NULL only when every route is on_loop */
    const struct log *log;   /* each request is one info line: method, path, status, latency_ms */
};

struct http_server;

MUST_USE enum errc http_server_create(struct http_server **ret, struct loop *loop,
                                      const struct http_server_opts *opts, struct err *err);
int http_server_port(const struct http_server *s);
/* Stops accepting; finishes what is in hand; then drained(arg) on the loop, once. Web sockets are the
 * app's to end. */
void http_server_drain(struct http_server *s, void (*drained)(void *arg), void *arg);
struct http_server *http_server_destroy(struct http_server *s);

#endif
