/* net/ws_queue_internal.h: messages waiting to be sent, in a ring that hands out room to be written in
 * place. Each message stands in one piece with LWS_PRE bytes before it, as lws_write() wants it. An empty
 * queue has no memory; a short one has a block of a pool that all connections of a loop share, since most
 * messages leave at once; a longer one grows up to what the bound needs. */
#ifndef NET_WS_QUEUE_INTERNAL_H
#define NET_WS_QUEUE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"

enum {
    WS_QUEUE_MESSAGES_MAX = 8192
}; /* so that the headers of tiny messages are bounded as well */

struct ws_queue {
    struct pool *pool;
    char *mem;
    size_t cap;
    size_t head, tail; /* offsets of the first message and of free room */
    size_t wrap;       /* when tail < head: where the part at the end of memory stops */
    size_t n_messages;
    size_t n_bytes; /* payload */
    size_t max_bytes;
    size_t reserved_at; /* offset of the record being written */
    size_t reserved;    /* its room; 0: none */
};

void ws_queue_pool_init(struct pool *p);                                     /* for queues */
void ws_queue_init(struct ws_queue *q, struct pool *pool, size_t max_bytes); /* borrows it */
void ws_queue_release(struct ws_queue *q); /* drops all messages; it may be used again */
/* NULL: full. A second reservation replaces the first. */
char *ws_queue_reserve(struct ws_queue *q, size_t max);
void ws_queue_commit(struct ws_queue *q, size_t n, bool binary);
/* The first message; false: none. Its payload may be overwritten (masking). */
bool ws_queue_first(struct ws_queue *q, char **payload, size_t *n, bool *binary);
void ws_queue_pop(struct ws_queue *q);

#endif
