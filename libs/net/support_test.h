/* net/support_test.h: what the tests of libs/net share: a loop with its workers, and a raw socket to say
 * anything to a server. Everything runs on the loop's own thread; waiting runs the loop. */
#ifndef NET_SUPPORT_TEST_H
#define NET_SUPPORT_TEST_H

#include "base/buf.h"
#include "base/mem.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tap.h"
#include "net/tls.h"
#include "net/workers.h"
#include "net/ws.h"
#include "test.h"

enum { NET_WAIT_MS = 20000 }; /* of real time: a test that needs it all has failed */

struct net {
    struct clock system;
    struct clock_fake fake;
    const struct clock *clock; /* one of the two */
    struct loop *loop;
    struct tls_store *tls;
    struct workers *workers;
    struct http_server *server;
    struct log_sink *sink;
    struct log log;
    struct buf lines;            /* logged */
    const struct net_self *self; /* NULL: nobody */
};

void net_open(struct net *n, int workers);
void net_open_as(struct net *n, int workers, const struct net_self *self);
/* The same on a clock that only net_advance() moves. */
void net_open_fake(struct net *n, int workers);
void net_advance(struct net *n, int64_t ms); /* and lets the loop see it */
void net_turn(struct net *n);                /* what is ready now */
/* Server over the given options; host 127.0.0.1, any port, log and workers of `n` are filled in. */
void net_serve(struct net *n, struct http_server_opts opts);
void net_close(struct net *n);
void net_until(struct net *n, bool (*done)(void *arg), void *arg);
struct str net_url(struct net *n, struct arena *a, const char *scheme, const char *path);

/* A raw connection to the server of `n`. */
struct raw {
    struct net *net;
    int fd;
    bool eof;
    bool paused; /* reads nothing */
    struct loop_fd *watch;
    struct buf got;
};
void raw_open(struct raw *r, struct net *n);
void raw_open_port(struct raw *r, struct net *n, int port);
void raw_send(struct raw *r, struct str data);
void raw_send_c(struct raw *r, const char *text);
void raw_until(struct raw *r, const char *text); /* it has been received */
void raw_until_eof(struct raw *r);
void raw_until_n(struct raw *r, size_t n);
void raw_close(struct raw *r);
/* One request on its own connection; the whole answer until the server closes. */
struct str raw_once(struct net *n, struct arena *a, struct str request);

/* An http_do() on a worker, awaited. */
struct call {
    struct http_request req;
    struct http_response res;
    struct err err;
    enum errc rc;
    struct arena arena;
    bool done;
    void (*before)(void *arg, struct ctx *ctx); /* on the worker; may fill req */
    void *before_arg;
};
void call_run(struct net *n, struct call *c);
void call_start(struct net *n, struct call *c);
void call_wait(struct net *n, struct call *c);
void call_release(struct call *c);

/* A server of raw sockets, for clients that need a peer who misbehaves: each accepted connection gets
 * the next script: wait until `expect` was received, send `reply`, then close or hold. */
struct script {
    const char *expect;        /* NULL: nothing */
    const char *reply;         /* NULL: nothing */
    bool hold;                 /* leave it open */
    bool reset;                /* close with RST */
    const struct script *then; /* on the same connection */
};
struct peer;
struct peer *peer_open(struct net *n, const struct script *scripts, size_t n_scripts);
int peer_port(const struct peer *p);
int peer_accepted(const struct peer *p);
struct str peer_received(const struct peer *p); /* of all connections, in order */
struct peer *peer_close(struct peer *p);

#endif
