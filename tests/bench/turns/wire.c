#include "turns/wire.h"

#include <string.h>

#include "base/mem.h"

struct message {
    struct list_node node;
    int64_t due_ms;
    size_t n;
    char text[];
};

static void arm(struct wire *w)
{
    struct list_node *first = list_first(&w->queue);

    if (first)
        timer_start_at(&w->timer, CONTAINER_OF(first, struct message, node)->due_ms);
}

static void on_due(void *arg)
{
    struct wire *w = arg;
    struct list_node *node;

    while ((node = list_first(&w->queue)) != NULL) {
        struct message *m = CONTAINER_OF(node, struct message, node);

        if (m->due_ms > loop_now_ms(w->loop))
            break;
        list_remove(node);
        w->on_arrival(w->arg, str_n(m->text, m->n));
        mem_free(m);
    }
    arm(w);
}

void wire_init(struct wire *w, struct loop *loop, void (*on_arrival)(void *arg, struct str text),
               void *arg)
{
    *w = (struct wire){ .loop = loop, .on_arrival = on_arrival, .arg = arg };
    list_init(&w->queue);
    timer_init(&w->timer, loop, on_due, w);
}

void wire_send(struct wire *w, struct str text, int64_t delay_ms)
{
    struct message *m = mem_alloc(sizeof(*m) + text.n);

    m->node = (struct list_node){ 0 };
    m->n = text.n;
    memcpy(m->text, text.p, text.n);
    m->due_ms = w->last_ms = MAX(loop_now_ms(w->loop) + delay_ms, w->last_ms);
    list_push_back(&w->queue, &m->node);
    if (!timer_running(&w->timer))
        arm(w);
}

void wire_release(struct wire *w)
{
    struct list_node *node;

    timer_stop(&w->timer);
    while ((node = list_pop_front(&w->queue)) != NULL)
        mem_free(CONTAINER_OF(node, struct message, node));
}
