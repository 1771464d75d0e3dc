/* base/json.h: the one door to the JSON library (yyjson). Reading: a document owns its values; getters
 * are NULL-safe and tolerant, so that a missing or null field reads as its default. Writing: a builder
 * with a current object or array; text that is not valid UTF-8 is mended with U+FFFD, so the output is
 * always valid. RFC 8259. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { JSON_DEPTH_MAX = 64 }; /* deeper documents are refused */

struct json; /* a parsed document */
struct jval; /* a value in it; borrowed from the document */

/* Copies what it needs from `text`. ERR_INVALID names position and problem. */
MUST_USE enum errc json_parse(struct json **ret, struct str text, struct err *err);
/* The same, freed with the arena; returns the root. */
MUST_USE enum errc json_parse_arena(const struct jval **ret, struct arena *a, struct str text,
                                    struct err *err);
struct json *json_destroy(struct json *doc);
const struct jval *json_root(const struct json *doc);

/* v may be NULL in all of these. */
const struct jval *json_get(const struct jval *obj, const char *key);
const struct jval *json_get_str(const struct jval *obj, struct str key);
/* "a.b.0.c": member names and array indexes. */
const struct jval *json_path(const struct jval *v, const char *path);
const struct jval *json_at(const struct jval *arr, size_t i);
size_t json_len(const struct jval *v); /* of an array or object, else 0 */
bool json_is_obj(const struct jval *v);
bool json_is_arr(const struct jval *v);
bool json_is_str(const struct jval *v);
bool json_is_num(const struct jval *v);
bool json_is_int(const struct jval *v);
bool json_is_bool(const struct jval *v);
bool json_is_null(const struct jval *v);   /* also true for NULL */
struct str json_str(const struct jval *v); /* empty when it is no string */
struct str json_str_or(const struct jval *v, struct str dflt);
bool json_bool_or(const struct jval *v, bool dflt);
/* Also reads a whole number out of a string, as Google and Twilio send 64-bit integers. */
int64_t json_i64_or(const struct jval *v, int64_t dflt);
double json_num_or(const struct jval *v, double dflt);
/* Member that must be there and be a non-empty string; ERR_INVALID names the key. */
MUST_USE enum errc json_need_str(const struct jval *obj, const char *key, struct str *ret,
                                 struct err *err);

struct json_iter {
    const struct jval *container;
    size_t at;
    const void *next;
};
struct json_iter json_iter(const struct jval *container); /* object or array; NULL: nothing */
/* False at the end. *key is empty in arrays; `key` may be NULL. */
bool json_next(struct json_iter *it, struct str *key, const struct jval **val);

/* Compact text of a value. */
void json_write_val(struct buf *out, const struct jval *v);
struct str json_val_text(struct arena *a, const struct jval *v);

/* Builder. `key` is NULL in arrays and at the root. Usage:
 *   struct jw w; jw_init(&w);
 *   jw_obj(&w, NULL); jw_str(&w, "type", STR("x")); jw_arr(&w, "list"); jw_i64(&w, NULL, 1);
 *   jw_end(&w); jw_end(&w);
 *   jw_text(&w, &out); jw_release(&w); */
struct jw {
    void *doc;
    void *stack[JSON_DEPTH_MAX];
    int depth;
};
void jw_init(struct jw *w);
void jw_release(struct jw *w);
void jw_obj(struct jw *w, const char *key);
void jw_arr(struct jw *w, const char *key);
void jw_end(struct jw *w);
void jw_str(struct jw *w, const char *key, struct str v);
void jw_cstr(struct jw *w, const char *key, const char *v); /* NULL writes null */
void jw_strf(struct jw *w, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void jw_i64(struct jw *w, const char *key, int64_t v);
void jw_num(struct jw *w, const char *key, double v); /* infinity and NaN write null */
void jw_bool(struct jw *w, const char *key, bool v);
void jw_null(struct jw *w, const char *key);
void jw_val(struct jw *w, const char *key, const struct jval *v); /* deep copy; NULL writes null */
/* Keys that are not C strings (names from data). */
void jw_key_obj(struct jw *w, struct str key);
void jw_key_str(struct jw *w, struct str key, struct str v);
void jw_key_val(struct jw *w, struct str key, const struct jval *v);
/* Appends the compact text; all objects and arrays must be ended. */
void jw_text(struct jw *w, struct buf *out);
/* Text in the arena, and release. */
struct str jw_finish(struct jw *w, struct arena *a);

#endif
