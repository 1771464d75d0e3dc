/* base/buf.h: text or bytes that grow up to a maximum given at init. Appending past the maximum adds
 * nothing and is remembered: a series of appends is checked once, with buf_status(). Until buf_reset()
 * later appends add nothing either, so the text never has a gap. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *p; /* ended by NUL whenever it is not NULL */
    size_t n;
    size_t cap;
    size_t max;
    bool overflowed;
};

#define BUF_INIT(max_bytes) \
    {                       \
        .max = (max_bytes)  \
    }

void buf_init(struct buf *b, size_t max_bytes);
void buf_release(struct buf *b);              /* leaves an empty buffer with the same maximum */
void buf_reset(struct buf *b);                /* empties, keeps the memory, forgets an overflow */
void buf_reserve(struct buf *b, size_t more); /* so that `more` further bytes need no allocation;
                                                 at most up to the maximum */

void buf_add(struct buf *b, const void *data, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_c(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
void buf_drop_front(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t n); /* no effect when it is shorter */

/* ERR_LIMIT when an append did not fit since the last reset. */
MUST_USE enum errc buf_status(const struct buf *b);
struct str buf_str(const struct buf *b);
const char *buf_cstr(const struct buf *b); /* "" when empty; borrowed until the next append */

#endif
