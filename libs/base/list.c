#include "base/list.h"

void list_init(struct list *l)
{
    l->head.prev = l->head.next = &l->head;
}

bool list_empty(const struct list *l)
{
    return l->head.next == &l->head;
}

static void insert_between(struct list_node *n, struct list_node *prev, struct list_node *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}

void list_push_back(struct list *l, struct list_node *n)
{
    insert_between(n, l->head.prev, &l->head);
}

void list_push_front(struct list *l, struct list_node *n)
{
    insert_between(n, &l->head, l->head.next);
}

void list_remove(struct list_node *n)
{
    if (!n->next)
        return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = n->next = NULL;
}

struct list_node *list_first(const struct list *l)
{
    return list_next(l, &l->head);
}

struct list_node *list_next(const struct list *l, const struct list_node *n)
{
    return n->next == &l->head ? NULL : n->next;
}

struct list_node *list_pop_front(struct list *l)
{
    struct list_node *n = list_first(l);

    if (n)
        list_remove(n);
    return n;
}

size_t list_len(const struct list *l)
{
    const struct list_node *n;
    size_t len = 0;

    for (n = list_first(l); n; n = list_next(l, n))
        len++;
    return len;
}
