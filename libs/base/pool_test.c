#include "base/pool.h"

#include <string.h>

#include "base/mem.h"
#include "test.h"

TEST(pool_blocks_are_apart_and_have_their_size)
{
    struct pool p;
    char *a, *b;

    pool_init(&p, 100, 2);
    a = pool_take(&p);
    b = pool_take(&p);
    memset(a, 'a', 100);
    memset(b, 'b', 100);
    CHECK_INT(a[99], 'a');
    CHECK_INT(b[0], 'b');
    pool_give(&p, a);
    pool_give(&p, b);
    pool_give(&p, NULL);
    pool_release(&p);
}

#ifndef VC_SANITIZED
TEST(pool_hands_out_what_was_given_back)
{
    struct pool p;
    void *a, *b;

    pool_init(&p, 100, 2);
    a = pool_take(&p);
    pool_give(&p, a);
    b = pool_take(&p);
    CHECK(a == b);
    CHECK_INT(p.n_kept, 0);
    pool_give(&p, b);
    pool_release(&p);
    CHECK_INT(p.n_kept, 0);
}

TEST(pool_keeps_no_more_than_it_was_told_to)
{
    void *blocks[5];
    struct pool p;
    size_t i, before;

    pool_init(&p, 64 * KIB, 2);
    before = mem_in_use();
    for (i = 0; i < ARRAY_LEN(blocks); i++)
        blocks[i] = pool_take(&p);
    for (i = 0; i < ARRAY_LEN(blocks); i++)
        pool_give(&p, blocks[i]);
    CHECK_INT(p.n_kept, 2);
    CHECK(mem_in_use() < before + (size_t)3 * 64 * KIB);
    pool_release(&p);
}
#endif
