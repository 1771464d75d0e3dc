#include "net/timer_heap_internal.h"

#include <stdbool.h>

#include "base/mem.h"
#include "net/loop.h"

static bool before(const struct timer *a, const struct timer *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

static void put(struct timer_heap *h, size_t i, struct timer *t)
{
    h->at[i] = t;
    t->heap_at = i + 1;
}

static void move_up(struct timer_heap *h, size_t i, struct timer *t)
{
    while (i > 0 && before(t, h->at[(i - 1) / 2])) {
        put(h, i, h->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, t);
}

static void move_down(struct timer_heap *h, size_t i, struct timer *t)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= h->n)
            break;
        if (child + 1 < h->n && before(h->at[child + 1], h->at[child]))
            child++;
        if (!before(h->at[child], t))
            break;
        put(h, i, h->at[child]);
        i = child;
    }
    put(h, i, t);
}

void timer_heap_release(struct timer_heap *h)
{
    mem_free(h->at);
    *h = (struct timer_heap){ 0 };
}

void timer_heap_add(struct timer_heap *h, struct timer *t)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 64;
        h->at = mem_realloc(h->at, h->cap * sizeof(struct timer *));
    }
    t->seq = h->seq++;
    move_up(h, h->n++, t);
}

void timer_heap_remove(struct timer_heap *h, struct timer *t)
{
    struct timer *last;
    size_t i;

    if (!t->heap_at)
        return;
    i = t->heap_at - 1;
    t->heap_at = 0;
    last = h->at[--h->n];
    if (last == t)
        return;
    if (i > 0 && before(last, h->at[(i - 1) / 2]))
        move_up(h, i, last);
    else
        move_down(h, i, last);
}

struct timer *timer_heap_first(const struct timer_heap *h)
{
    return h->n ? h->at[0] : NULL;
}
