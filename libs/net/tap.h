/* net/tap.h: who this process is to others, and an observer of all that it says to them and hears: every
 * HTTP exchange of its servers and clients, every happening on its web sockets. For records that can be
 * judged (`local-cloud --record`); services have none, and then it costs one test for each exchange. */
#ifndef NET_TAP_H
#define NET_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "net/http_client.h"

enum { TAP_BODY_MAX = 256 * 1024 }; /* bytes kept of each body and message */

enum tap_side {
    TAP_SERVER, /* somebody asked us */
    TAP_CLIENT, /* we asked somebody */
};

struct tap_body {
    struct str kept; /* its first TAP_BODY_MAX bytes */
    uint64_t bytes;  /* of all of it */
};

struct tap_message {
    const struct http_header *headers; /* as they were sent, in their order */
    size_t n_headers;
    struct tap_body body; /* without the chunks that it may have come in */
};

/* A finished exchange. Of a client each attempt and each hop of a redirect is one. */
struct tap_http {
    enum tap_side side;
    struct str method, url; /* server: http://, Host, and the target byte for byte as sent */
    struct tap_message request;
    int status; /* 0: there was no answer */
    struct tap_message answer;
    const char *error; /* why there was none, or not all of it; NULL: nothing went wrong */
    int64_t took_us;
};

enum tap_ws_type { TAP_WS_OPEN, TAP_WS_TEXT, TAP_WS_BINARY, TAP_WS_CLOSE };

/* A web socket has been opened, has passed a whole message, or ends: one TAP_WS_OPEN, one TAP_WS_CLOSE.
 * One that never opened has only the latter. What comes in after our own CLOSE is dropped unread. */
struct tap_ws {
    enum tap_side side;
    uint64_t conn; /* the same for all of one connection */
    struct str url;
    bool in; /* the peer did it: it asked for the upgrade, sent the message, closed or vanished */
    enum tap_ws_type type;
    struct str user_agent; /* of the client */
    const struct http_header
        *headers; /* OPEN: of the upgrade request; our own without the handshake's */
    size_t n_headers;
    struct tap_body data; /* a message; of a CLOSE the reason */
    int code;             /* CLOSE: as ws_events.on_closed says it */
    const char *error;    /* CLOSE without a frame: why; NULL: not known */
};

/* What the callbacks receive is borrowed until they return. They must not block for long, nor call into
 * libs/net.
 *   http, server: on the worker or loop that makes the answer, before its last byte can reach the peer;
 *     without an answer, on the loop.
 *   http, client: on the thread that asks, before http_do() returns.
 *   ws: on the loop; before the owner's handler, and before a message of ours reaches the peer. */
struct net_tap {
    void (*http)(void *arg, const struct tap_http *x);
    void (*ws)(void *arg, const struct tap_ws *w);
    void *arg;
};

struct net_self {
    const char *user_agent;    /* of requests and upgrades that bring none of their own */
    const struct net_tap *tap; /* NULL: nobody */
};

#endif
