#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

enum { NUMBER_TEXT_MAX = 128 }; /* longer decimal fractions are refused */

struct str str_c(const char *s)
{
    return s ? (struct str){ s, strlen(s) } : STR_EMPTY;
}

struct str str_n(const void *p, size_t n)
{
    return (struct str){ p, n };
}

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_c(struct str a, const char *b)
{
    return str_eq(a, str_c(b));
}

/* Not tolower(): the answer must not hang on the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_ieq(struct str a, struct str b)
{
    size_t i;

    if (a.n != b.n)
        return false;
    for (i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    }
    return true;
}

bool str_ieq_c(struct str a, const char *b)
{
    return str_ieq(a, str_c(b));
}

int str_cmp(struct str a, struct str b)
{
    size_t n = MIN(a.n, b.n);
    int d = n ? memcmp(a.p, b.p, n) : 0;

    if (d)
        return d;
    return (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq(str_slice(s, 0, prefix.n), prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_ieq(str_slice(s, 0, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq(str_from(s, s.n - suffix.n), suffix);
}

bool str_contains(struct str s, struct str needle)
{
    return needle.n == 0 || str_find(s, needle) < s.n;
}

size_t str_find(struct str s, struct str needle)
{
    const char *hit;

    if (needle.n == 0)
        return 0;
    if (needle.n > s.n)
        return s.n;
    hit = memmem(s.p, s.n, needle.p, needle.n);
    return hit ? (size_t)(hit - s.p) : s.n;
}

size_t str_find_char(struct str s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;

    return hit ? (size_t)(hit - s.p) : s.n;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    to = MIN(to, s.n);
    from = MIN(from, to);
    if (!s.p)
        return STR_EMPTY;
    return (struct str){ s.p + from, to - from };
}

struct str str_from(struct str s, size_t from)
{
    return str_slice(s, from, s.n);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    size_t from = 0, to = s.n;

    while (from < to && is_space(s.p[from]))
        from++;
    while (to > from && is_space(s.p[to - 1]))
        to--;
    return str_slice(s, from, to);
}

bool str_cut(struct str s, char sep, struct str *head, struct str *rest)
{
    size_t at = str_find_char(s, sep);
    bool found = at < s.n;

    *head = str_slice(s, 0, at);
    *rest = found ? str_from(s, at + 1) : STR_EMPTY;
    return found;
}

enum errc str_to_i64(struct str s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    int64_t v = 0;
    size_t i;

    if (s.n == (negative ? 1 : 0))
        return ERR_INVALID;
    for (i = negative ? 1 : 0; i < s.n; i++) {
        int digit = s.p[i] - '0';

        if (digit < 0 || digit > 9)
            return ERR_INVALID;
        /* Counted downwards where negative, for INT64_MIN has no positive twin. */
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return ERR_INVALID;
    }
    if (v < min || v > max)
        return ERR_INVALID;
    *ret = v;
    return ERR_OK;
}

static size_t skip_digits(const char *p)
{
    size_t n = 0;

    while (p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

/* [-] digits [. digits] [e [+-] digits]: strtod() alone would also take "inf", "0x1p3" and blanks. */
static bool is_decimal(const char *p)
{
    size_t n;

    if (*p == '-')
        p++;
    n = skip_digits(p);
    if (n == 0)
        return false;
    p += n;
    if (*p == '.') {
        n = skip_digits(++p);
        if (n == 0)
            return false;
        p += n;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-')
            p++;
        n = skip_digits(p);
        if (n == 0)
            return false;
        p += n;
    }
    return *p == '\0';
}

enum errc str_to_double(struct str s, double *ret)
{
    char text[NUMBER_TEXT_MAX];
    double v;

    if (!str_copy(text, sizeof(text), s) || strlen(text) != s.n || !is_decimal(text))
        return ERR_INVALID;
    v = strtod(text, NULL);
    if (!isfinite(v))
        return ERR_INVALID;
    *ret = v;
    return ERR_OK;
}

static bool is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* RFC 3629, section 4: the table of well-formed byte sequences. */
size_t str_utf8_next(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;

    if (s.n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        return s.n >= 2 && is_tail(p[1]) ? 2 : 0;
    if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        if (s.n < 3 || !is_tail(p[1]) || !is_tail(p[2]))
            return 0;
        if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F))
            return 0;
        return 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (s.n < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
            return 0;
        if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

/* Every byte of a word. */
#define EACH(byte) (UINT64_MAX / 255 * (byte))

static uint64_t word_at(const char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof(w));
    return w;
}

bool str_utf8_valid(struct str s)
{
    size_t at = 0;

    while (at < s.n) {
        size_t len;

        if (s.n - at >= sizeof(uint64_t) && !(word_at(s.p + at) & EACH(0x80))) {
            at += sizeof(uint64_t);
            continue;
        }
        len = str_utf8_next(str_from(s, at));
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '\\' && c != '"';
}

/* Bit 0x80 where a byte of `w` is not plain. What carries over comes from a byte that has it anyway. */
static uint64_t not_plain(uint64_t w)
{
    return w | (w + EACH(0x01)) | ~(w + EACH(0x60)) | ~((w ^ EACH('\\')) + EACH(0x7F)) |
           ~((w ^ EACH('"')) + EACH(0x7F));
}

bool str_is_plain(struct str s)
{
    uint64_t found = 0;
    size_t at = 0;

    for (; s.n - at >= sizeof(uint64_t); at += sizeof(uint64_t))
        found |= not_plain(word_at(s.p + at));
    if (found & EACH(0x80))
        return false;
    for (; at < s.n; at++) {
        if (!is_plain((unsigned char)s.p[at]))
            return false;
    }
    return true;
}

bool str_copy(char *dst, size_t dst_size, struct str s)
{
    size_t n;

    if (dst_size == 0)
        return false;
    n = MIN(s.n, dst_size - 1);
    if (n)
        memcpy(dst, s.p, n);
    dst[n] = '\0';
    return n == s.n;
}
