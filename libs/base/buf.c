#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { BUF_FIRST_BYTES = 64 };

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf)BUF_INIT(max_bytes);
}

void buf_release(struct buf *b)
{
    mem_free(b->p);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->overflowed = false;
    if (b->p)
        b->p[0] = '\0';
}

/* Room for `n` bytes and the NUL; n <= max. */
static void grow_to(struct buf *b, size_t n)
{
    size_t cap;

    if (b->p && n < b->cap)
        return;
    cap = MAX(b->cap > b->max / 2 ? b->max : b->cap * 2, (size_t)BUF_FIRST_BYTES);
    cap = MAX(cap, n + 1);
    b->p = mem_realloc(b->p, cap);
    b->p[b->n] = '\0';
    b->cap = cap;
}

void buf_reserve(struct buf *b, size_t more)
{
    grow_to(b, b->n + MIN(more, b->max - b->n));
}

/* Room for `more` bytes, or an overflow that stays: what follows a gap would be misread. */
static bool make_room(struct buf *b, size_t more)
{
    if (b->overflowed || more > b->max - b->n) {
        b->overflowed = true;
        return false;
    }
    grow_to(b, b->n + more);
    return true;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
    if (n == 0 || !make_room(b, n))
        return;
    memcpy(b->p + b->n, data, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_c(struct buf *b, const char *s)
{
    buf_add_str(b, str_c(s));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(b, fmt, ap);
    va_end(ap);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) {
        b->overflowed = true; /* a conversion failed: the text would have a gap */
        return;
    }
    if (n == 0 || !make_room(b, (size_t)n))
        return;
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    b->n += (size_t)n;
}

void buf_drop_front(struct buf *b, size_t n)
{
    n = MIN(n, b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    buf_truncate(b, b->n - n);
}

void buf_truncate(struct buf *b, size_t n)
{
    if (n >= b->n)
        return;
    b->n = n;
    b->p[n] = '\0';
}

enum errc buf_status(const struct buf *b)
{
    return b->overflowed ? ERR_LIMIT : ERR_OK;
}

struct str buf_str(const struct buf *b)
{
    return str_n(b->p, b->n);
}

const char *buf_cstr(const struct buf *b)
{
    return b->p ? b->p : "";
}
