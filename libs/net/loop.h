/* net/loop.h: the one loop thread of a process: sockets of libwebsockets on our own epoll loop
 * (event_lib_custom, never its default poll), timers, and work posted from other threads. Nothing that
 * runs here may block. Time is monotonic milliseconds, read once for each turn of the loop. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

struct loop;
struct lws_context;
struct net_self; /* net/tap.h */

/* Ignores SIGPIPE for the process. `log` is copied; NULL: none. */
MUST_USE enum errc loop_create(struct loop **ret, const struct clock *clock, const struct log *log,
                               struct err *err);
/* After loop_run() has returned. Servers, workers, watches and timers must be gone; web sockets that are
 * still open end here, with their on_closed. NULL is fine; returns NULL. */
struct loop *loop_destroy(struct loop *l);

void loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l); /* from any thread or a callback */
/* Tests: runs until done(arg) is true (ERR_OK) or limit_ms of real time have passed (ERR_TIMEOUT). */
MUST_USE enum errc loop_run_until(struct loop *l, bool (*done)(void *arg), void *arg, int limit_ms);

/* What the loop looks after, its own descriptor not counted: for tests that nothing is left behind. */
struct loop_load {
    size_t timers, descriptors;
};
struct loop_load loop_load(const struct loop *l);

int64_t loop_now_ms(const struct loop *l); /* of this turn */
int64_t loop_now_us(const struct loop *l); /* read now: for measurements */
const struct clock *loop_clock(const struct loop *l);

/* Who this process is to others, and who watches it: for all servers, workers and web sockets that are made
 * on this loop from now on. Borrowed until the loop has gone. NULL: a name of no service, nobody. */
void loop_set_self(struct loop *l, const struct net_self *self);
const struct net_self *loop_self(const struct loop *l); /* never NULL */

/* The only call allowed from another thread: fn(arg) runs on the loop thread, in the order posted. What
 * is still posted at destroy is run then. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* A timer is a member of its owner, who stops it before dying. One shot; may be started again from its
 * callback. Never fires from inside timer_start(). */
struct timer {
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
    int64_t at_ms;
    uint64_t seq;
    size_t heap_at; /* index + 1; 0: not running */
};
void timer_init(struct timer *t, struct loop *l, void (*fn)(void *arg), void *arg);
void timer_start(struct timer *t, int64_t delay_ms); /* starts anew when it is running */
void timer_start_at(struct timer *t, int64_t at_ms); /* absolute: no drift */
void timer_stop(struct timer *t);
bool timer_running(const struct timer *t);

/* fn(arg, signo) on the loop thread for SIGTERM and SIGINT (signalfd; call before starting threads). */
MUST_USE enum errc loop_on_signals(struct loop *l, void (*fn)(void *arg, int signo), void *arg,
                                   struct err *err);

/* Watches a plain descriptor (read readiness, level-triggered): for children's pipes in local tools. */
struct loop_fd;
struct loop_fd *loop_fd_watch(struct loop *l, int fd, void (*fn)(void *arg), void *arg) MUST_USE;
struct loop_fd *loop_fd_unwatch(struct loop_fd *f); /* does not close the descriptor */

/* For libs/net only; made when it is asked for. NULL: it cannot be had, or the loop is ending. */
struct lws_context *loop_lws(struct loop *l);

#endif
