/* base/list.h: intrusive doubly linked list. The node is a member of the element; an element takes
 * itself off with list_remove(), which is harmless when it is on no list. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct list_node {
    struct list_node *prev, *next; /* both NULL: on no list */
};

struct list {
    struct list_node head; /* points to itself when empty */
};

void list_init(struct list *l);
bool list_empty(const struct list *l);
void list_push_back(struct list *l, struct list_node *n);
void list_push_front(struct list *l, struct list_node *n);
void list_remove(struct list_node *n);
struct list_node *list_first(const struct list *l);                           /* NULL when empty */
struct list_node *list_next(const struct list *l, const struct list_node *n); /* NULL at the end */
struct list_node *list_pop_front(struct list *l);                             /* NULL when empty */
size_t list_len(const struct list *l);                                        /* walks the list */

/* The current element may be removed while iterating. */
#define LIST_EACH(l, it, tmp)                                                    \
    for ((it) = list_first(l), (tmp) = (it) ? list_next((l), (it)) : NULL; (it); \
         (it) = (tmp), (tmp) = (it) ? list_next((l), (it)) : NULL)

#endif
