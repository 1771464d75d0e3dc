/* net/http_client_internal.h: one exchange on the wire (http_transfer.c), under the retries and redirects
 * of http_client.c. */
#ifndef NET_HTTP_CLIENT_INTERNAL_H
#define NET_HTTP_CLIENT_INTERNAL_H

#include "base/buf.h"
#include "base/clock.h"
#include "net/http_client.h"
#include "net/tap_internal.h"

struct http_client {
    void *easy; /* CURL */
    struct tls_store *tls;
    const struct clock *clock;
    const struct net_self *self;
    struct buf body; /* of the answer being received; kept for the next one */
    struct buf line; /* scratch */
};

/* What becomes of a failed exchange: repeated or not. */
enum transfer_end {
    TRANSFER_DONE,     /* there is an answer */
    TRANSFER_NOT_SENT, /* the peer has seen nothing of it */
    TRANSFER_CUT,      /* it may have acted */
    TRANSFER_FINAL,    /* repeating cannot help */
};

struct transfer {
    struct http_client *client;
    struct arena *arena;
    const struct http_request *req;
    const char *method;
    const char *url;    /* NUL-ended */
    bool with_body;     /* false after a redirect that turned into GET */
    bool foreign;       /* redirected to another origin: nothing secret goes along */
    int64_t timeout_ms; /* what is left of it; 0: none */

    struct http_response res;
    size_t cap_headers;
    bool delivered; /* req->write has been given something */
    size_t sent;    /* of req->body */
    enum errc callback_rc;
    const char *tls_problem;

    /* Only with an observer. */
    struct buf head;     /* as curl has sent it */
    struct tap_keep out; /* of a streamed body */
    struct tap_keep in;
};

/* The result's kind and sentence (without the URL) are in *err unless the end is TRANSFER_DONE. */
enum transfer_end http_transfer(struct transfer *t, struct err *err);

#endif
