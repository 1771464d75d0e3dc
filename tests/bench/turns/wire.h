/* turns/wire.h: a line that takes its time: messages arrive whole, in order, after a delay. */
#ifndef TURNS_WIRE_H
#define TURNS_WIRE_H

#include "base/list.h"
#include "base/str.h"
#include "net/loop.h"

struct wire {
    struct loop *loop;
    struct timer timer;
    struct list queue;
    int64_t last_ms; /* nothing arrives before the message sent earlier */
    void (*on_arrival)(void *arg, struct str text);
    void *arg;
};

void wire_init(struct wire *w, struct loop *loop, void (*on_arrival)(void *arg, struct str text),
               void *arg);
void wire_send(struct wire *w, struct str text, int64_t delay_ms); /* copies */
void wire_release(struct wire *w); /* what is under way never arrives */

#endif
