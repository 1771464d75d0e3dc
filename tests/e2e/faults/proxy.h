/* e2e/faults/proxy.h: an HTTP/1.1 proxy that lets one chosen request of one client fail in one way. A request
 * is read whole, handed on whole, and its answer is kept until the fault has been decided; web sockets are
 * tunnelled after their upgrade, which counts as a request. One thread for each connection, blocking code:
 * there are few of them, and what goes wrong here must be easy to see. */
#ifndef E2E_FAULTS_PROXY_H
#define E2E_FAULTS_PROXY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum fault {
    /* The server went away: this request is reset unread, idle connections end, new ones are refused for
     * the proxy's away_ms. */
    FAULT_REFUSED,
    FAULT_RESET,     /* done by the server; the connection is reset after the answer's headers */
    FAULT_429,       /* not handed on */
    FAULT_503,       /* not handed on */
    FAULT_SLOW,      /* done; the answer comes after PROXY_SLOW_MS */
    FAULT_GARBLED,   /* done; JSON and XML turn to noise, other answers are no HTTP */
    FAULT_TRUNCATED, /* done; half of the answer, then an orderly end */
    FAULT_STALLED,   /* done; the answer never comes, the connection stays open */
    FAULTS,
};
extern const char *const fault_names[FAULTS];

enum {
    PROXY_SLOW_MS = 1500,
    PROXY_STALL_MS = 40000,
    TALLY_KEPT_MAX = 512,
    TALLY_LABEL_MAX = 120,
};

/* The requests of one client, over all the proxies that it goes through. */
struct tally {
    pthread_mutex_t lock;
    int count;
    int at; /* this request fails; 0: none */
    enum fault fault;
    bool hit;
    char labels[TALLY_KEPT_MAX][TALLY_LABEL_MAX]; /* "POST /v1/projects/…:commit 200" */
};
void tally_init(struct tally *t);
/* Counts from 1 again; the at-th request fails (0: none). */
void tally_arm(struct tally *t, int at, enum fault fault);
void tally_disarm(struct tally *t); /* from here on all pass; it counts on */
bool tally_hit(struct tally *t);
int tally_count(struct tally *t);
/* What the n-th request was; lives as long as the tally is not armed anew. */
const char *tally_label(struct tally *t, int n);

/* Requests whose path begins with the prefix go to that port of 127.0.0.1; the first that fits wins, so the
 * last one's prefix is "/". */
struct proxy_route {
    const char *prefix;
    int port;
};
enum { PROXY_ROUTES_MAX = 4 };

struct proxy;
struct proxy_opts {
    int port;    /* 0: any free one */
    int away_ms; /* how long FAULT_REFUSED lasts; 0: that one request only */
    struct proxy_route routes[PROXY_ROUTES_MAX];
    size_t n_routes;
};
/* Borrows `t`. */
MUST_USE enum errc proxy_create(struct proxy **ret, struct tally *t, const struct proxy_opts *o,
                                struct err *err);
int proxy_port(const struct proxy *p);
/* From here on requests for the port `from` go to `to`; what is open stays where it is. */
void proxy_repoint(struct proxy *p, int from, int to);
struct proxy *proxy_destroy(struct proxy *p); /* ends all connections and waits for their threads */

#endif
