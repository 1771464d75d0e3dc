/* base/str.h: text as a view: pointer and length, not necessarily ended by NUL. A plain value; it owns
 * nothing and lives as long as what it points to. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct str {
    const char *p; /* may be NULL when n is 0 */
    size_t n;
};

#define STR(literal) ((struct str){ ("" literal), sizeof(literal) - 1 })
#define STR_EMPTY ((struct str){ NULL, 0 })
/* For printf-like functions: "x " STR_FMT, STR_ARG(s). The argument is evaluated twice. */
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

struct str str_c(const char *s); /* view of a C string; NULL gives the empty view */
struct str str_n(const void *p, size_t n);

bool str_eq(struct str a, struct str b);
bool str_eq_c(struct str a, const char *b);
bool str_ieq(struct str a, struct str b); /* ASCII letters without case */
bool str_ieq_c(struct str a, const char *b);
int str_cmp(struct str a, struct str b); /* by bytes, as strcmp */
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains(struct str s, struct str needle);
/* Offset of the first hit, or s.n when there is none. */
size_t str_find(struct str s, struct str needle);
size_t str_find_char(struct str s, char c);

/* Clamped to the view: never points outside it. */
struct str str_slice(struct str s, size_t from, size_t to);
struct str str_from(struct str s, size_t from);
struct str str_trim(struct str s); /* ASCII white space at both ends */
/* Splits at the first `sep`: *head is what stands before it, *rest what follows. False (and *head = s,
 * *rest empty) when there is no `sep`. */
bool str_cut(struct str s, char sep, struct str *head, struct str *rest);

/* Whole view must be a decimal number in [min, max], without blanks or '+'. ERR_INVALID otherwise;
 * *ret untouched. */
MUST_USE enum errc str_to_i64(struct str s, int64_t min, int64_t max, int64_t *ret);
MUST_USE enum errc str_to_double(struct str s, double *ret); /* a finite decimal: "-1.5e3" */
bool str_utf8_valid(struct str s); /* also refuses surrogates and overlong forms */
/* Printable ASCII without quote and backslash: what stands in JSON as it is. */
bool str_is_plain(struct str s);
/* Bytes of the UTF-8 character that `s` begins with; 0: empty, or not a valid one. */
size_t str_utf8_next(struct str s);

/* Copies as much as fits and always ends it with NUL. True when all of it fitted. */
bool str_copy(char *dst, size_t dst_size, struct str s);

#endif
