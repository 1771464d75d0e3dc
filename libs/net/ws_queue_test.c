#include "net/ws_queue_internal.h"

#include <string.h>

#include "base/macros.h"
#include "base/mem.h"
#include "test.h"

static void open_queue(struct ws_queue *q, struct pool *pool, size_t max_bytes)
{
    ws_queue_pool_init(pool);
    ws_queue_init(q, pool, max_bytes);
}

static void close_queue(struct ws_queue *q)
{
    ws_queue_release(q);
    pool_release(q->pool);
}

static bool put(struct ws_queue *q, size_t n, char c)
{
    char *room = ws_queue_reserve(q, n);

    if (!room)
        return false;
    if (n)
        memset(room, c, n);
    ws_queue_commit(q, n, c & 1);
    return true;
}

static void take(struct ws_queue *q, size_t want_n, char want_c)
{
    char *data;
    size_t n, i;
    bool binary;

    CHECK(ws_queue_first(q, &data, &n, &binary));
    CHECK_INT(n, want_n);
    CHECK_INT(binary, want_c & 1);
    for (i = 0; i < n; i++)
        CHECK(data[i] == want_c);
    ws_queue_pop(q);
}

TEST(ws_queue_keeps_messages_whole_and_in_order_while_it_wraps_and_grows)
{
    struct ws_queue q;
    struct pool pool;
    size_t sizes[64];
    char chars[64];
    unsigned first = 0, n = 0;
    uint32_t seed = 7;
    int round;

    open_queue(&q, &pool, 64 * KIB);
    for (round = 0; round < 200000; round++) {
        seed = seed * 1664525 + 1013904223;
        if ((seed >> 8) % 5 < 3 && n < 64) {
            size_t size = (seed >> 12) % ((seed >> 28) == 0 ? 8000 : 300);

            if (put(&q, size, (char)('a' + round % 26))) {
                sizes[(first + n) % 64] = size;
                chars[(first + n) % 64] = (char)('a' + round % 26);
                n++;
            } else {
                CHECK(q.n_bytes + size > 64 * KIB);
            }
        } else if (n) {
            take(&q, sizes[first], chars[first]);
            first = (first + 1) % 64;
            n--;
        }
        CHECK_INT(q.n_messages, n);
    }
    while (n--) {
        take(&q, sizes[first], chars[first]);
        first = (first + 1) % 64;
    }
    CHECK_INT(q.n_bytes, 0);
    close_queue(&q);
}

TEST(ws_queue_refuses_what_is_over_its_bound_and_keeps_what_it_has)
{
    struct ws_queue q;
    struct pool pool;
    int i;

    open_queue(&q, &pool, 1000);
    CHECK(put(&q, 600, 'a'));
    CHECK(!put(&q, 401, 'b'));
    CHECK(put(&q, 400, 'c'));
    CHECK(put(&q, 0, 'd'));
    CHECK(!put(&q, 1, 'e'));
    take(&q, 600, 'a');
    take(&q, 400, 'c');
    take(&q, 0, 'd');
    CHECK(!put(&q, 1001, 'f'));
    CHECK(!put(&q, (size_t)-1, 'f'));
    for (i = 0; i < WS_QUEUE_MESSAGES_MAX; i++)
        CHECK(put(&q, 0, 'g'));
    CHECK(!put(&q, 0, 'g'));
    close_queue(&q);
}

TEST(ws_queue_commit_may_be_shorter_than_the_reservation)
{
    struct ws_queue q;
    struct pool pool;
    char *room, *data;
    size_t n;
    bool binary;

    open_queue(&q, &pool, 1000);
    room = ws_queue_reserve(&q, 1000);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes of a message */
    memcpy(room, "hello", 5);
    ws_queue_commit(&q, 5, false);
    CHECK_INT(q.n_bytes, 5);
    room = ws_queue_reserve(&q, 995);
    CHECK(room);
    ws_queue_commit(&q, 0, true);
    CHECK(ws_queue_first(&q, &data, &n, &binary));
    CHECK_STR(str_n(data, n), "hello");
    close_queue(&q);
}

TEST(ws_queue_allocates_nothing_in_steady_state)
{
    struct ws_queue q;
    struct pool pool;
    char *mem;
    int i;

    open_queue(&q, &pool, 256 * KIB);
    for (i = 0; i < 20; i++)
        CHECK(put(&q, 300, 'x'));
    mem = q.mem;
    for (i = 0; i < 100000; i++) {
        take(&q, 300, 'x');
        CHECK(put(&q, 300, 'x'));
        CHECK(q.mem == mem);
    }
    close_queue(&q);
}

TEST(ws_queue_released_has_dropped_all_and_takes_new_ones)
{
    struct ws_queue q;
    struct pool pool;
    int i;

    open_queue(&q, &pool, 4 * KIB);
    for (i = 0; i < 12; i++)
        CHECK(put(&q, 300, 'x'));
    take(&q, 300, 'x'); /* the ring has begun to wander */
    CHECK(put(&q, 600, 'y'));
    ws_queue_release(&q);
    CHECK_INT(q.n_messages, 0);
    CHECK(put(&q, 4 * KIB, 'z')); /* all of the bound is free */
    take(&q, 4 * KIB, 'z');
    CHECK(put(&q, 64 * KIB, 'x') == false);
    close_queue(&q);
}

TEST(ws_queue_gives_back_its_memory_when_it_is_empty)
{
    struct ws_queue q;
    struct pool pool;

    open_queue(&q, &pool, 256 * KIB);
    CHECK(put(&q, 300, 'x'));
    CHECK(put(&q, 100 * KIB, 'y'));
    take(&q, 300, 'x');
    CHECK(q.cap > 100 * KIB);
    take(&q, 100 * KIB, 'y');
    CHECK_INT(q.cap, 0);
    CHECK(put(&q, 300, 'z'));
    CHECK(q.cap <= 4 * KIB);
    take(&q, 300, 'z');
    CHECK_INT(q.cap, 0);
    close_queue(&q);
}

#ifndef VC_SANITIZED
TEST(ws_queue_of_many_connections_use_one_block_in_turn)
{
    struct ws_queue q[100];
    struct pool pool;
    size_t i, before;

    ws_queue_pool_init(&pool);
    for (i = 0; i < ARRAY_LEN(q); i++)
        ws_queue_init(&q[i], &pool, 64 * KIB);
    CHECK(put(&q[0], 300, 'a'));
    take(&q[0], 300, 'a');
    before = mem_in_use();
    for (i = 0; i < ARRAY_LEN(q); i++) {
        CHECK(put(&q[i], 300, 'b'));
        take(&q[i], 300, 'b');
    }
    CHECK_INT(mem_in_use(), before);
    pool_release(&pool);
}
#endif
