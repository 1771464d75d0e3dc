/* net/loop_internal.h: what the rest of libs/net needs from the loop: descriptors of our own with read and
 * write interest, tasks that run once the stack has unwound, and the libwebsockets context. */
#ifndef NET_LOOP_INTERNAL_H
#define NET_LOOP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/loop.h"

struct lws;

enum { IO_READ = 1, IO_WRITE = 2, IO_HUP = 4 };

/* A member of its owner, who stops it before closing the descriptor. HUP (both directions are gone) is
 * reported whatever is asked for, until the owner stops it. Level-triggered. */
struct loop_io {
    struct loop *loop;
    int fd;
    unsigned want;
    void (*fn)(void *arg, unsigned events);
    void *arg;
};
void loop_io_start(struct loop_io *io, struct loop *l, int fd, unsigned want,
                   void (*fn)(void *arg, unsigned events), void *arg);
void loop_io_want(struct loop_io *io, unsigned want);
void loop_io_stop(struct loop_io *io); /* harmless when it is not running */

/* Runs fn(arg) on the loop thread, later, never from inside the call; allocates nothing. */
struct loop_task {
    struct list_node node;
    void (*fn)(void *arg);
    void *arg;
};
void loop_task_init(struct loop_task *t, void (*fn)(void *arg), void *arg);
void loop_task_run(struct loop *l, struct loop_task *t); /* once, however often it is asked for */
void loop_task_cancel(struct loop_task *t);

/* An established web socket: when it asks for a writable callback it gets one before the next wait,
 * without the kernel being asked; only what does not fit then waits for EPOLLOUT. */
void loop_lws_optimistic(struct loop *l, struct lws *wsi);

/* What ws_lws.c keeps for each loop. In loop_destroy() `closing` runs before the lws context goes,
 * `destroy` afterwards. */
void **loop_ws_state(struct loop *l, void (*closing)(void *state), void (*destroy)(void *state));
const struct log *loop_log(const struct loop *l);

#endif
