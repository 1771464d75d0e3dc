/* net/http_client.h: blocking HTTP for worker threads, on libcurl with c-ares. One client for each
 * worker: it keeps connections warm and is not thread-safe. Every request has a connect timeout, a total
 * timeout, a stall limit and a body limit. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

struct http_client;
struct net_self;
struct tls_store;

enum {
    HTTP_CONNECT_TIMEOUT_MS = 3000,
    HTTP_TIMEOUT_MS = 15000,
    HTTP_STALL_MS = 10000,           /* less than one byte a second for so long */
    HTTP_BODY_MAX = 4 * 1024 * 1024, /* of an answer kept in memory */
};

struct http_header {
    struct str name, value;
};

/* Zero fields take the defaults above. */
struct http_request {
    const char *method; /* NULL: GET, or POST when there is a body */
    struct str url;
    const struct http_header *headers;
    size_t n_headers;
    struct str body;
    /* Streaming up, in place of `body`: fill up to `max` bytes, set *n (0: end). `body_len` is the total,
     * or -1 for chunked. Such a request is not retried. */
    enum errc (*read)(void *arg, char *out, size_t max, size_t *n);
    void *read_arg;
    int64_t body_len;
    /* Streaming down, in place of response.body: called with each piece of a 2xx (or 206) answer. An
     * error stops the transfer with that code. Other answers are kept as body. */
    enum errc (*write)(void *arg, const char *data, size_t n);
    void *write_arg;
    size_t body_max;
    int connect_timeout_ms, timeout_ms, stall_ms; /* timeout_ms -1: none but the stall limit */
    struct str basic_user, basic_password;        /* HTTP Basic when the user is not empty */
    bool follow_redirects; /* at most 5; credentials stay with the first host */
    /* Attempts in all (0, 1: one). Repeats on connection failure, 429 and 503 always; on 408, 500, 502,
     * 504, timeout and reset only when `idempotent`. After backoff_ms() (net/ctx.h) of 200 ms up
     * to 5 s, sooner where the deadline is near, or what Retry-After asks up to 10 s; never past the
     * deadline. */
    int attempts;
    bool idempotent;
    int64_t deadline_mono_ms; /* no attempt starts or lasts beyond it; 0: none */
    /* Called between attempts' waits: true gives up (ERR_CLOSED). NULL: never. */
    bool (*cancelled)(void *arg);
    void *cancelled_arg;
};

struct http_response {
    int status;
    struct str body;             /* in the arena, NUL-ended */
    struct http_header *headers; /* names as sent; look up with http_response_header() */
    size_t n_headers;
    int attempts;
    int64_t took_us; /* the last attempt */
};

struct http_client *http_client_create(struct tls_store *tls, const struct clock *clock) MUST_USE;
struct http_client *http_client_destroy(struct http_client *c);
/* Who asks, and who watches (net/tap.h); borrowed. Workers' clients have their loop's. */
void http_client_set_self(struct http_client *c, const struct net_self *self);
const struct net_self *http_client_self(const struct http_client *c); /* never NULL */

/* ERR_OK for every answer, whatever its status: the caller reads `status`. Failures: ERR_TIMEOUT,
 * ERR_UPSTREAM (no connection, reset, TLS), ERR_LIMIT (body too large), ERR_INVALID (URL), ERR_CLOSED.
 * URLs in errors are without their query. */
MUST_USE enum errc http_do(struct http_client *c, struct arena *a, const struct http_request *req,
                           struct http_response *ret, struct err *err);
struct str http_response_header(const struct http_response *r,
                                const char *name); /* empty: absent */
/* An answer's status as a kind: 2xx ERR_OK, 401 403 ERR_DENIED, 404 410 ERR_NOT_FOUND, 409 412
 * ERR_CONFLICT, 429 503 ERR_AGAIN, 408 504 ERR_TIMEOUT, 413 ERR_LIMIT, other 4xx ERR_INVALID, 5xx
 * ERR_UPSTREAM. */
enum errc http_status_errc(int status);

#endif
