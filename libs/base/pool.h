/* base/pool.h: blocks of one size that go round among many owners: what one gives back the next one takes, so
 * that memory which each needs only now and then exists as often as it is needed at once. Of one thread. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/macros.h"

struct pool_block;

struct pool {
    size_t block_bytes;
    size_t kept_max; /* free blocks; those beyond go back to the heap */
    size_t n_kept;
    struct pool_block *kept;
};

void pool_init(struct pool *p, size_t block_bytes, size_t kept_max);
void pool_release(struct pool *p); /* after all blocks have been given back */
void *pool_take(struct pool *p) MUST_USE;
void pool_give(struct pool *p, void *block); /* NULL is fine */

#endif
