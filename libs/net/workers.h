/* net/workers.h: threads for straight-line blocking work. Each has its own arena and HTTP client; they
 * share nothing mutable. A job's result is handed back on the loop thread. One thread starts at once, a
 * further one when a job finds none idle: what listens early must not wait for all. */
#ifndef NET_WORKERS_H
#define NET_WORKERS_H

#include <stddef.h>

#include "base/err.h"
#include "net/ctx.h"
#include "net/loop.h"

struct workers;
struct tls_store;

enum { WORKERS_QUEUE_MAX = 4096 };

/* `threads`: at most so many. */
MUST_USE enum errc workers_create(struct workers **ret, struct loop *loop, int threads,
                                  struct tls_store *tls, const struct log *log, struct err *err);
/* Waits for running jobs; jobs that have not begun are run too (bounded by their own deadlines), so
 * that events are flushed at a graceful stop. Their `done` is called from here. */
struct workers *workers_destroy(struct workers *w);

/* run(arg, ctx) on a worker, then done(arg) on the loop thread (NULL: none). ctx and its arena are the
 * worker's and are reset after run. From any thread. ERR_LIMIT: the queue is full; ERR_CLOSED: the workers
 * are being destroyed; then neither runs. */
MUST_USE enum errc workers_submit(struct workers *w, void (*run)(void *arg, struct ctx *ctx),
                                  void (*done)(void *arg), void *arg);
/* Where loop and workers share a core: from now on no worker that wakes up interrupts the loop, or anybody else;
 * it waits for its time slice. For a process whose loop carries audio. */
void workers_stand_back(struct workers *w);
size_t workers_pending(const struct workers *w); /* queued and running; from the loop thread */

#endif
