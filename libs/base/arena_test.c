#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "test.h"

TEST(arena_memory_is_aligned_and_does_not_overlap)
{
    struct arena a = ARENA_INIT;
    unsigned char *p[300];
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(p); i++) {
        p[i] = arena_alloc(&a, i);
        CHECK_INT((uintptr_t)p[i] % _Alignof(max_align_t), 0);
        memset(p[i], (int)(i & 0xff), i);
    }
    for (i = 0; i < ARRAY_LEN(p); i++) {
        for (k = 0; k < i; k++)
            CHECK_INT(p[i][k], i & 0xff);
    }
    CHECK_INT(a.used, 299 * 300 / 2);
    arena_release(&a);
    CHECK_INT(a.used, 0);
}

TEST(arena_gives_blocks_of_their_own_to_large_pieces)
{
    struct arena a;
    char *small, *large, *next;

    arena_init(&a);
    small = arena_zalloc(&a, 10);
    large = arena_zalloc(&a, 1000000);
    next = arena_zalloc(&a, 10);
    CHECK(small[9] == 0 && large[999999] == 0 && next[9] == 0);
    large[999999] = 1;
    arena_reset(&a);
    CHECK_INT(a.used, 0);
    small = arena_zalloc(&a, 10);
    CHECK_INT(small[9], 0);
    arena_release(&a);
}

TEST(arena_whose_first_piece_is_large_can_be_reset)
{
    struct arena a = ARENA_INIT;
    int i;

    for (i = 0; i < 3; i++) {
        CHECK(arena_zalloc(&a, 300000));
        CHECK(arena_zalloc(&a, 30));
        arena_reset(&a);
    }
    arena_reset(&a);
    arena_release(&a);
}

TEST(arena_texts_end_with_nul)
{
    struct arena a = ARENA_INIT;
    struct str s = arena_str(&a, str_n("abcdef", 3));

    CHECK_STR(s, "abc");
    CHECK_INT(s.p[3], 0);
    s = arena_str(&a, STR_EMPTY);
    CHECK_INT(s.n, 0);
    CHECK_INT(s.p[0], 0);
    CHECK_STR(str_c(arena_cstr(&a, STR("xyz"))), "xyz");
    s = arena_printf(&a, "%s-%05d", "call", 42);
    CHECK_STR(s, "call-00042");
    CHECK_INT(s.p[s.n], 0);
    CHECK(memcmp(arena_dup(&a, "\1\2\3", 3), "\1\2\3", 3) == 0);
    arena_release(&a);
}

static void note(void *arg)
{
    buf_add_char(((struct buf **)arg)[0], *((char **)arg)[1]);
}

TEST(arena_hooks_run_last_added_first_and_once)
{
    struct arena a = ARENA_INIT;
    struct buf seen = BUF_INIT(100);
    char names[] = "abc";
    void *args[3][2] = { { &seen, &names[0] }, { &seen, &names[1] }, { &seen, &names[2] } };

    arena_defer(&a, note, args[0]);
    arena_defer(&a, note, args[1]);
    arena_reset(&a);
    CHECK_STR(buf_str(&seen), "ba");
    arena_defer(&a, note, args[2]);
    arena_release(&a);
    CHECK_STR(buf_str(&seen), "bac");
    arena_release(&a);
    CHECK_STR(buf_str(&seen), "bac");
    buf_release(&seen);
}

struct nested {
    struct arena *a;
    int depth;
};

static void defer_again(void *arg)
{
    struct nested *n = arg;

    if (n->depth++ < 3)
        arena_defer(n->a, defer_again, n);
}

TEST(arena_hook_may_add_another)
{
    struct arena a = ARENA_INIT;
    struct nested n = { &a, 0 };

    arena_defer(&a, defer_again, &n);
    arena_release(&a);
    CHECK_INT(n.depth, 4);
}

TEST(arena_macros_give_zeroed_objects)
{
    struct arena a = ARENA_INIT;
    struct nested *one = ARENA_NEW(&a, struct nested);
    int *many = ARENA_ARRAY(&a, int, 1000);

    CHECK(!one->a && one->depth == 0);
    CHECK_INT(many[999], 0);
    CHECK(ARENA_ARRAY(&a, int, 0));
    arena_release(&a);
}
