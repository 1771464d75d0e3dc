#include "net/timer_heap_internal.h"

#include "net/loop.h"
#include "test.h"

enum { TIMERS = 300 };

TEST(timer_heap_gives_times_in_order_however_timers_come_and_go)
{
    struct timer_heap h = { 0 };
    struct timer timers[TIMERS] = { 0 };
    struct timer *t;
    int64_t last_ms = -1;
    uint64_t last_seq = 0;
    uint32_t seed = 1;
    size_t running = 0;
    int i;

    for (i = 0; i < 50000; i++) {
        seed = seed * 1664525 + 1013904223;
        t = &timers[(seed >> 8) % TIMERS];
        timer_heap_remove(&h, t);
        if (seed & 0x40) {
            t->at_ms = (seed >> 16) % 50; /* many are equal */
            timer_heap_add(&h, t);
        }
    }
    for (i = 0; i < TIMERS; i++)
        running += timers[i].heap_at != 0;
    CHECK_INT(h.n, running);
    while ((t = timer_heap_first(&h)) != NULL) {
        CHECK(t->at_ms > last_ms || (t->at_ms == last_ms && t->seq > last_seq));
        last_ms = t->at_ms;
        last_seq = t->seq;
        timer_heap_remove(&h, t);
        CHECK_INT(t->heap_at, 0);
        running--;
    }
    CHECK_INT(running, 0);
    timer_heap_release(&h);
}
