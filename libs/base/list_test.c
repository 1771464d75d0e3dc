#include "base/list.h"

#include "test.h"

struct item {
    int number;
    struct list_node node;
};

static int number_of(struct list_node *n)
{
    return n ? CONTAINER_OF(n, struct item, node)->number : -1;
}

TEST(list_keeps_the_order_of_pushes)
{
    struct item items[3] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
    struct list l;

    list_init(&l);
    CHECK(list_empty(&l));
    CHECK(!list_first(&l) && !list_pop_front(&l));
    list_push_back(&l, &items[1].node);
    list_push_back(&l, &items[2].node);
    list_push_front(&l, &items[0].node);
    CHECK_INT(list_len(&l), 3);
    CHECK_INT(number_of(list_first(&l)), 1);
    CHECK_INT(number_of(list_next(&l, &items[0].node)), 2);
    CHECK_INT(number_of(list_next(&l, &items[2].node)), -1);
    CHECK_INT(number_of(list_pop_front(&l)), 1);
    CHECK_INT(number_of(list_pop_front(&l)), 2);
    CHECK_INT(number_of(list_pop_front(&l)), 3);
    CHECK(list_empty(&l));
}

TEST(list_remove_twice_is_harmless)
{
    struct item a = { .number = 1 }, b = { .number = 2 };
    struct list l;

    list_init(&l);
    list_remove(&a.node);
    list_push_back(&l, &a.node);
    list_push_back(&l, &b.node);
    list_remove(&a.node);
    list_remove(&a.node);
    CHECK(!a.node.next && !a.node.prev);
    CHECK_INT(list_len(&l), 1);
    CHECK_INT(number_of(list_first(&l)), 2);
    list_push_back(&l, &a.node);
    CHECK_INT(list_len(&l), 2);
}

TEST(list_each_allows_removing_the_current_element)
{
    struct item items[5];
    struct list_node *it, *tmp;
    struct list l;
    int i, sum = 0;

    list_init(&l);
    for (i = 0; i < 5; i++) {
        items[i].number = i;
        list_push_back(&l, &items[i].node);
    }
    LIST_EACH (&l, it, tmp) {
        sum += number_of(it);
        if (number_of(it) % 2 == 0)
            list_remove(it);
    }
    CHECK_INT(sum, 10);
    CHECK_INT(list_len(&l), 2);
    LIST_EACH (&l, it, tmp)
        list_remove(it);
    CHECK(list_empty(&l));
}
