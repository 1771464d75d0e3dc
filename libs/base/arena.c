#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Under sanitizers each allocation has a block of its own, so that they see an overrun. */
#ifdef VC_SANITIZED
static const size_t BLOCK_FIRST_BYTES = 0, BLOCK_MAX_BYTES = 0;
#else
static const size_t BLOCK_FIRST_BYTES = 512, BLOCK_MAX_BYTES = 65536;
#endif
static const size_t ALIGN = _Alignof(max_align_t);

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

struct arena_hook {
    struct arena_hook *next;
    void (*fn)(void *arg);
    void *arg;
};

void arena_init(struct arena *a)
{
    *a = (struct arena)ARENA_INIT;
}

/* A hook may add another one: taken off before it runs. */
static void run_hooks(struct arena *a)
{
    while (a->hooks) {
        struct arena_hook *h = a->hooks;

        a->hooks = h->next;
        h->fn(h->arg);
    }
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;

        mem_free(b);
        b = next;
    }
}

void arena_release(struct arena *a)
{
    run_hooks(a);
    free_blocks(a->blocks);
    arena_init(a);
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep;

    run_hooks(a);
    keep = a->blocks;
    if (!keep || keep->size > BLOCK_MAX_BYTES) {
        arena_release(a);
        return;
    }
    free_blocks(keep->next);
    keep->next = NULL;
    keep->used = 0;
    a->used = 0;
}

static struct arena_block *block_create(size_t size)
{
    struct arena_block *b = mem_alloc(sizeof(*b) + size);

    b->next = NULL;
    b->used = 0;
    b->size = size;
    return b;
}

/* The first block is the one that is being filled; what is too large for it gets a block of its own
 * behind it. */
static struct arena_block *block_for(struct arena *a, size_t size)
{
    struct arena_block *first = a->blocks, *b;
    size_t want;

    if (first && size <= first->size - first->used)
        return first;
    want = first ? MIN(first->size * 2, BLOCK_MAX_BYTES) : BLOCK_FIRST_BYTES;
    if (first && size > want / 4) {
        b = block_create(size);
        b->next = first->next;
        first->next = b;
        return b;
    }
    b = block_create(MAX(want, size));
    b->next = first;
    a->blocks = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *b;
    void *p;

    if (size > SIZE_MAX / 2)
        return mem_alloc(size); /* ends the process: no such memory exists */
    b = block_for(a, size);
    p = b->data + b->used;
    b->used = MIN((b->used + size + ALIGN - 1) / ALIGN * ALIGN, b->size);
    a->used += size;
    return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);

    memset(p, 0, size);
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX;
    return arena_zalloc(a, bytes);
}

void *arena_dup(struct arena *a, const void *p, size_t n)
{
    void *copy = arena_alloc(a, n);

    if (n)
        memcpy(copy, p, n);
    return copy;
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    return str_n(arena_cstr(a, s), s.n);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return arena_str(a, STR_EMPTY);
    p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return str_n(p, (size_t)n);
}

void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct arena_hook *h = arena_alloc(a, sizeof(*h));

    h->next = a->hooks;
    h->fn = fn;
    h->arg = arg;
    a->hooks = h;
}
