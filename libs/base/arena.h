/* base/arena.h: memory with one end. One arena for each request and each call: what dies with it is
 * allocated there, and one release frees all. Its growth is bounded by the bounds on what is put in
 * (bodies, messages, journals); it has none of its own. Not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/macros.h"
#include "base/str.h"

struct arena_block;
struct arena_hook;

struct arena {
    struct arena_block *blocks;
    struct arena_hook *hooks;
    size_t used; /* bytes handed out, for statistics */
};

#define ARENA_INIT \
    {              \
        0          \
    }

void arena_init(struct arena *a);
/* Runs the hooks, last added first, frees all; the arena can be used again. */
void arena_release(struct arena *a);
/* As release, but keeps one block for the next use. */
void arena_reset(struct arena *a);

void *arena_alloc(struct arena *a, size_t size) MUST_USE; /* aligned for any type */
void *arena_zalloc(struct arena *a, size_t size) MUST_USE;
/* Zeroed; a product that overflows ends the process. */
void *arena_calloc(struct arena *a, size_t count, size_t size) MUST_USE;
void *arena_dup(struct arena *a, const void *p, size_t n) MUST_USE;
struct str arena_str(struct arena *a, struct str s) MUST_USE; /* copies; a NUL follows */
char *arena_cstr(struct arena *a, struct str s) MUST_USE;
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* Runs fn(arg) at release or reset: for what needs closing. */
void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_calloc((a), (count), sizeof(type)))

#endif
