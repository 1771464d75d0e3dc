/* net/timer_heap_internal.h: running timers, the next one first; equal times in the order of their
 * start. */
#ifndef NET_TIMER_HEAP_INTERNAL_H
#define NET_TIMER_HEAP_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

struct timer;

struct timer_heap {
    struct timer **at;
    size_t n, cap;
    uint64_t seq; /* of the next one to be started */
};

void timer_heap_release(struct timer_heap *h);
void timer_heap_add(struct timer_heap *h, struct timer *t);    /* by t->at_ms; not in it yet */
void timer_heap_remove(struct timer_heap *h, struct timer *t); /* harmless when it is not in it */
struct timer *timer_heap_first(const struct timer_heap *h);    /* NULL: empty */

#endif
