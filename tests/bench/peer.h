/* tests/bench/peer.h: the server's side of a web socket, plain or TLS, for the load generator: small and quick,
 * so that the generator is not what is measured. Whole text messages only; PING is answered. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>

#include "base/macros.h"
#include "base/str.h"
#include "net/loop.h"

struct peer;
struct peer_listener;

struct peer_events {
    void *(*on_open)(void *app, struct peer *p); /* returns what the others are given */
    void (*on_message)(void *arg, struct str text);
    void (*on_closed)(void *arg); /* the peer is freed after it */
};

struct peer_opts {
    bool tls;
    int handshake_ms; /* so late comes the 101 */
    const struct peer_events *events;
    void *app;
};

/* On a free port of 127.0.0.1. */
struct peer_listener *peer_listen(struct loop *l, const struct peer_opts *o) MUST_USE;
struct peer_listener *peer_listener_close(struct peer_listener *l); /* ends its peers, silently */
int peer_listener_port(const struct peer_listener *l);
const char *peer_ca_file(const struct peer_listener *l); /* what a client has to trust */
void peer_send(struct peer *p, struct str text);
/* When the kernel received what is being read, on the loop's clock: the reader's own queue does not count. */
int64_t peer_arrived_us(const struct peer *p);

#endif
