#include "base/pool.h"

#include "base/mem.h"

struct pool_block {
    struct pool_block *next;
};

void pool_init(struct pool *p, size_t block_bytes, size_t kept_max)
{
#ifdef VC_SANITIZED
    kept_max = 0; /* so that they see who uses what was given back */
#endif
    *p = (struct pool){ .block_bytes = MAX(block_bytes, sizeof(struct pool_block)),
                        .kept_max = kept_max };
}

void pool_release(struct pool *p)
{
    while (p->kept) {
        struct pool_block *b = p->kept;

        p->kept = b->next;
        mem_free(b);
    }
    p->n_kept = 0;
}

void *pool_take(struct pool *p)
{
    struct pool_block *b = p->kept;

    if (!b)
        return mem_alloc(p->block_bytes);
    p->kept = b->next;
    p->n_kept--;
    return b;
}

void pool_give(struct pool *p, void *block)
{
    struct pool_block *b = block;

    if (!b)
        return;
    if (p->n_kept == p->kept_max) {
        mem_free(b);
        return;
    }
    b->next = p->kept;
    p->kept = b;
    p->n_kept++;
}
