#include "net/ws_queue_internal.h"

#include <string.h>

#include <libwebsockets.h>

#include "base/macros.h"
#include "base/mem.h"

enum {
    ALIGN = 16,
    BLOCK_SIZE = 4 * 1024,
    BLOCKS_KEPT = 64,
};

struct record {
    size_t size; /* of the whole record */
    size_t n;
    bool binary;
};

static size_t record_size(size_t n)
{
    return (sizeof(struct record) + LWS_PRE + n + ALIGN - 1) / ALIGN * ALIGN;
}

static struct record *record_at(const struct ws_queue *q, size_t at)
{
    return (struct record *)(void *)(q->mem + at); /* records are aligned */
}

void ws_queue_pool_init(struct pool *p)
{
    pool_init(p, BLOCK_SIZE, BLOCKS_KEPT);
}

void ws_queue_init(struct ws_queue *q, struct pool *pool, size_t max_bytes)
{
    *q = (struct ws_queue){ .pool = pool, .max_bytes = max_bytes };
}

static void give_back(struct ws_queue *q)
{
    if (q->cap == BLOCK_SIZE)
        pool_give(q->pool, q->mem);
    else
        mem_free(q->mem);
}

void ws_queue_release(struct ws_queue *q)
{
    give_back(q);
    ws_queue_init(q, q->pool, q->max_bytes);
}

/* Where `size` bytes in one piece are free; cap: nowhere. */
static size_t find_room(struct ws_queue *q, size_t size)
{
    if (!q->n_messages)
        q->head = q->tail = 0;
    if (q->n_messages && q->tail <= q->head)
        return q->head - q->tail >= size ? q->tail : q->cap;
    if (q->cap - q->tail >= size)
        return q->tail;
    return q->n_messages && q->head >= size ? 0 : q->cap;
}

/* Moves all messages to the start of a larger memory. */
static void grow(struct ws_queue *q, size_t size)
{
    size_t cap = MAX(MAX(q->cap * 2, (size_t)BLOCK_SIZE), q->cap + size);
    char *mem = cap == BLOCK_SIZE ? pool_take(q->pool) : mem_alloc(cap);
    size_t at = q->head, to = 0, i;

    for (i = 0; i < q->n_messages; i++) {
        size_t n = record_at(q, at)->size;

        memcpy(mem + to, q->mem + at, n);
        to += n;
        at += n;
        if (at == q->wrap && q->tail <= q->head)
            at = 0;
    }
    give_back(q);
    q->mem = mem;
    q->cap = cap;
    q->head = 0;
    q->tail = to;
}

char *ws_queue_reserve(struct ws_queue *q, size_t max)
{
    size_t size = record_size(max), at;

    if (max > q->max_bytes || q->n_bytes > q->max_bytes - max ||
        q->n_messages >= WS_QUEUE_MESSAGES_MAX)
        return NULL;
    at = find_room(q, size);
    if (at == q->cap) {
        grow(q, size);
        at = find_room(q, size);
    }
    q->reserved_at = at;
    q->reserved = max;
    return q->mem + at + sizeof(struct record) + LWS_PRE;
}

void ws_queue_commit(struct ws_queue *q, size_t n, bool binary)
{
    struct record *r = record_at(q, q->reserved_at);

    *r = (struct record){ .size = record_size(n), .n = n, .binary = binary };
    if (q->reserved_at != q->tail)
        q->wrap = q->tail; /* the ring goes on at the start of memory */
    q->tail = q->reserved_at + r->size;
    q->n_messages++;
    q->n_bytes += n;
}

bool ws_queue_first(struct ws_queue *q, char **payload, size_t *n, bool *binary)
{
    struct record *r;

    if (!q->n_messages)
        return false;
    r = record_at(q, q->head);
    *payload = q->mem + q->head + sizeof(*r) + LWS_PRE;
    *n = r->n;
    *binary = r->binary;
    return true;
}

void ws_queue_pop(struct ws_queue *q)
{
    struct record *r = record_at(q, q->head);
    bool wrapped = q->tail <= q->head;

    q->n_messages--;
    q->n_bytes -= r->n;
    q->head += r->size;
    if (wrapped && q->head == q->wrap)
        q->head = 0;
    if (!q->n_messages)
        ws_queue_release(q);
}
