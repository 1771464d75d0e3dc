#include "base/mem.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"

static NORETURN void out_of_memory(size_t count, size_t size)
{
    die("out of memory: %zu x %zu bytes", count, size);
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);

    if (!p)
        out_of_memory(1, size);
    return p;
}

void *mem_zalloc(size_t size)
{
    return mem_calloc(1, size);
}

void *mem_calloc(size_t count, size_t size)
{
    bool empty = count == 0 || size == 0;
    void *p = calloc(empty ? 1 : count, empty ? 1 : size);

    if (!p)
        out_of_memory(count, size);
    return p;
}

void *mem_realloc(void *p, size_t size)
{
    void *grown = realloc(p, size ? size : 1);

    if (!grown)
        out_of_memory(1, size);
    return grown;
}

char *mem_strdup(const char *s)
{
    return s ? mem_str_dup(str_c(s)) : NULL;
}

char *mem_str_dup(struct str s)
{
    char *p = mem_alloc(s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

void mem_free(void *p)
{
    free(p);
}

size_t mem_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

void mem_wipe(void *p, size_t size)
{
    if (size)
        explicit_bzero(p, size);
}
