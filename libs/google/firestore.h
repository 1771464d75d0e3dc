/* google/firestore.h: Firestore (native mode) over REST: get, atomic commit, query, compare-and-swap.
 * Documents are named by their path below the database: "calls/CA1/events/e1". Fields are written with
 * fsw_…() into a commit and read with fs_…() from a document; readers are NULL-safe and tolerant, so an
 * absent field or one of another type reads as its default. Times are UTC microseconds since 1970 (what
 * Firestore keeps).
 * Source: https://firestore.googleapis.com/$discovery/rest?version=v1, Firestore > Quotas and limits. */
#ifndef GOOGLE_FIRESTORE_H
#define GOOGLE_FIRESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "google/google.h"
#include "net/ctx.h"

enum {
    FIRESTORE_COMMIT_MAX = 9 * 1024 * 1024,  /* bytes of one commit; Google takes 10 MiB */
    FIRESTORE_ANSWER_MAX = 32 * 1024 * 1024, /* bytes of one answer */
    FIRESTORE_MASK_MAX = 64,                 /* fields of one merge */
    FIRESTORE_UPDATE_ATTEMPTS_MAX = 12,
    FIRESTORE_GET_MAX = 100, /* documents of one batch */
};

/* ---- reading ---- */

struct fs_doc {
    bool exists;
    struct str path;                     /* "calls/CA1" */
    struct str id;                       /* "CA1" */
    const struct jval *fields;           /* for the readers below; NULL when it does not exist */
    struct str create_time, update_time; /* as Firestore wrote them */
};

/* `fields`: of a document or of a map in it. */
bool fs_has(const struct jval *fields, const char *key);
bool fs_is_null(const struct jval *fields, const char *key);   /* there, and null */
struct str fs_str(const struct jval *fields, const char *key); /* empty when it is no string */
int64_t fs_i64_or(const struct jval *fields, const char *key,
                  int64_t dflt);                                           /* also whole doubles */
double fs_num_or(const struct jval *fields, const char *key, double dflt); /* also integers */
bool fs_bool_or(const struct jval *fields, const char *key, bool dflt);
int64_t fs_time_or(const struct jval *fields, const char *key, int64_t dflt_us);
struct str fs_bytes(const struct jval *fields, const char *key, struct arena *a);
const struct jval *fs_map(const struct jval *fields,
                          const char *key); /* its fields; NULL: no map */
/* The array's values, for json_iter()/json_at() and fs_val_…(); NULL: no array. */
const struct jval *fs_arr(const struct jval *fields, const char *key);
/* The same of a bare value, as iterating over fields or arrays gives it. */
struct str fs_val_str(const struct jval *value);
int64_t fs_val_i64_or(const struct jval *value, int64_t dflt);
double fs_val_num_or(const struct jval *value, double dflt);
bool fs_val_bool_or(const struct jval *value, bool dflt);
int64_t fs_val_time_or(const struct jval *value, int64_t dflt_us);
const struct jval *fs_val_map(const struct jval *value);
const struct jval *fs_val_arr(const struct jval *value);
/* Plain JSON of a value or of fields: times as RFC 3339 text, bytes as base64, references as their path.
 * `key` as in struct jw. */
void fs_val_json(struct jw *w, const char *key, const struct jval *value);
void fs_fields_json(struct jw *w, const char *key, const struct jval *fields);

/* MUST_USE: ERR_OK with ret->exists false when there is no such document. */
MUST_USE enum errc firestore_get(struct google *g, struct ctx *ctx, struct str path,
                                 struct fs_doc *ret, struct err *err);
/* Several in one request, answered in the order asked; `ret` has room for n. */
MUST_USE enum errc firestore_get_all(struct google *g, struct ctx *ctx, const struct str *paths,
                                     size_t n, struct fs_doc *ret, struct err *err);

/* ---- writing ---- */

/* Writes fields: `key` is the field's name, NULL inside an array. Maps and arrays are ended by
 * fsw_end(). Owned by its commit. */
struct fsw;
void fsw_str(struct fsw *w, const char *key, struct str v);
void fsw_cstr(struct fsw *w, const char *key, const char *v); /* NULL writes null */
void fsw_strf(struct fsw *w, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void fsw_i64(struct fsw *w, const char *key, int64_t v);
void fsw_num(struct fsw *w, const char *key, double v);
void fsw_bool(struct fsw *w, const char *key, bool v);
void fsw_null(struct fsw *w, const char *key);
void fsw_time(struct fsw *w, const char *key, int64_t us);
/* `ttlAt`, the field by which TTL policies delete, the same in every collection: `days` after `from_us`. */
void fsw_ttl(struct fsw *w, int64_t from_us, int days);
void fsw_bytes(struct fsw *w, const char *key, struct str data);
void fsw_ref(struct fsw *w, const char *key, struct str path);
void fsw_map(struct fsw *w, const char *key);
void fsw_arr(struct fsw *w, const char *key);
void fsw_end(struct fsw *w);
/* Plain JSON as it is: objects become maps, whole numbers integers. An array in an array, which
 * Firestore refuses, becomes a map {"values": […]}. */
void fsw_json(struct fsw *w, const char *key, const struct jval *v);
/* Each member of a JSON object as a field at this level. */
void fsw_json_fields(struct fsw *w, const struct jval *obj);
/* A value or all fields as read from a document. */
void fsw_val(struct fsw *w, const char *key, const struct jval *value);
void fsw_fields(struct fsw *w, const struct jval *fields);
/* In a merge: the field goes away. */
void fsw_remove(struct fsw *w, const char *key);
/* Names from data. */
void fsw_key_str(struct fsw *w, struct str key, struct str v);
void fsw_key_i64(struct fsw *w, struct str key, int64_t v);
void fsw_key_map(struct fsw *w, struct str key);
void fsw_key_val(struct fsw *w, struct str key, const struct jval *value);

/* What must hold of a document for the whole commit to happen. */
struct fs_pre {
    enum { FS_ANY, FS_EXISTS, FS_NOT_EXISTS, FS_UPDATED_AT } kind;
    struct str update_time;
};
#define FS_PRE_ANY ((struct fs_pre){ .kind = FS_ANY })
#define FS_PRE_EXISTS ((struct fs_pre){ .kind = FS_EXISTS })
#define FS_PRE_NOT_EXISTS ((struct fs_pre){ .kind = FS_NOT_EXISTS })
/* Still as it was read: the same updateTime, or still absent. */
struct fs_pre fs_pre_unchanged(const struct fs_doc *doc);

/* One atomic commit, its writes in order. Lives in ctx->arena.
 *
 *   struct firestore_commit *c = firestore_commit_begin(g, ctx);
 *   struct fsw *w = firestore_merge(c, STR("liveCalls/CA1"), FS_PRE_ANY);
 *   fsw_str(w, "state", STR("live"));
 *   fsw_time(w, "updatedAt", now_us);
 *   rc = firestore_commit(c, NULL, &err); */
struct firestore_commit;
struct firestore_commit *firestore_commit_begin(struct google *g, struct ctx *ctx) MUST_USE;
/* Replaces the whole document by the fields written until the next write begins. */
struct fsw *firestore_set(struct firestore_commit *c, struct str path, struct fs_pre pre);
/* firestore_set() that must find nothing. */
struct fsw *firestore_create(struct firestore_commit *c, struct str path);
/* Only the top-level fields written (or removed) change; the document appears if it did not exist. */
struct fsw *firestore_merge(struct firestore_commit *c, struct str path, struct fs_pre pre);
void firestore_delete(struct firestore_commit *c, struct str path, struct fs_pre pre);
/* Transforms belong to the write begun last and come after its fields. `field` is a field path: names
 * joined by dots, odd names through fs_field_path(). */
void firestore_increment(struct firestore_commit *c, const char *field, int64_t by);
void firestore_increment_num(struct firestore_commit *c, const char *field, double by);
void firestore_maximum(struct firestore_commit *c, const char *field, int64_t v);
void firestore_minimum(struct firestore_commit *c, const char *field, int64_t v);
void firestore_server_time(struct firestore_commit *c, const char *field);
void firestore_append_missing(struct firestore_commit *c, const char *field, struct str v);
void firestore_remove_all(struct firestore_commit *c, const char *field, struct str v);
size_t firestore_commit_writes(const struct firestore_commit *c);
/* A name quoted where a field path needs it. */
struct str fs_field_path(struct arena *a, struct str name);

struct firestore_result {
    struct str commit_time;
    struct str *update_times; /* one for each write; empty for deletes */
    size_t n;
};
/* Ends the commit object. ERR_CONFLICT: a precondition failed (err->upstream GOOGLE_ALREADY_EXISTS:
 * FS_PRE_NOT_EXISTS; GOOGLE_FAILED_PRECONDITION: changed since it was read). ERR_NOT_FOUND:
 * FS_PRE_EXISTS. ERR_AGAIN: contention or overload after retries, nothing is written. ERR_TIMEOUT,
 * ERR_UPSTREAM: it may have happened; the commit was sent again only if it has the same effect twice (no
 * increments, no precondition that it breaks itself). ERR_LIMIT: too large, nothing is sent. */
MUST_USE enum errc firestore_commit(struct firestore_commit *c, struct firestore_result *ret,
                                    struct err *err);

/* Read, modify, commit until nobody came between. `fn` sees the documents as they are now (in the order of
 * `paths`) and adds writes to `c`, those of the documents read under fs_pre_unchanged(); none: nothing is
 * committed. It runs again after each conflict, so it must have no other effect; also after a commit whose
 * answer was lost, so it must recognise what it wrote itself. An error of its own ends the loop and is
 * returned. ERR_AGAIN: still contended after FIRESTORE_UPDATE_ATTEMPTS_MAX. */
typedef enum errc (*firestore_update_fn)(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                                         struct firestore_commit *c, struct err *err);
MUST_USE enum errc firestore_update(struct google *g, struct ctx *ctx, const struct str *paths,
                                    size_t n, firestore_update_fn fn, void *arg, struct err *err);

/* ---- queries ---- */

enum fs_op { FS_EQ, FS_NE, FS_LT, FS_LE, FS_GT, FS_GE, FS_ARRAY_CONTAINS, FS_IN };

/* A value to compare with. */
struct fs_operand {
    enum {
        FS_OF_STR,
        FS_OF_I64,
        FS_OF_NUM,
        FS_OF_BOOL,
        FS_OF_TIME,
        FS_OF_NULL,
        FS_OF_REF,
        FS_OF_STRS
    } kind;
    struct str str;
    int64_t i64;
    double num;
    bool flag;
    const struct str *strs;
    size_t n_strs;
};
#define FS_STR(s) ((struct fs_operand){ .kind = FS_OF_STR, .str = (s) })
#define FS_I64(v) ((struct fs_operand){ .kind = FS_OF_I64, .i64 = (v) })
#define FS_NUM(v) ((struct fs_operand){ .kind = FS_OF_NUM, .num = (v) })
#define FS_BOOL(v) ((struct fs_operand){ .kind = FS_OF_BOOL, .flag = (v) })
#define FS_TIME(us) ((struct fs_operand){ .kind = FS_OF_TIME, .i64 = (us) })
#define FS_NULL ((struct fs_operand){ .kind = FS_OF_NULL })
#define FS_REF(path) ((struct fs_operand){ .kind = FS_OF_REF, .str = (path) }) /* for "__name__" */
#define FS_STRS(items, count) \
    ((struct fs_operand){ .kind = FS_OF_STRS, .strs = (items), .n_strs = (count) }) /* FS_IN */

struct fs_filter {
    const char *field; /* field path */
    enum fs_op op;
    struct fs_operand value;
};
struct fs_order {
    const char *field;
    bool descending;
};

struct firestore_query {
    struct str parent; /* a document's path; empty: the root */
    const char *collection;
    bool all_descendants;            /* every collection of that name below the parent */
    const struct fs_filter *filters; /* all must hold */
    size_t n_filters;
    const struct fs_order *orders;
    size_t n_orders;
    /* Cursors: values of the orders' fields; start_after excludes what equals them, start_at includes. */
    const struct fs_operand *start_after, *start_at, *end_before;
    size_t n_start_after, n_start_at, n_end_before;
    const char *const *select; /* only these field paths */
    size_t n_select;
    int limit, offset; /* 0: none */
};
struct fs_docs {
    struct fs_doc *items;
    size_t n;
};

/* Filters and orders over several fields need an index in Terraform; without it ERR_INVALID with
 * GOOGLE_FAILED_PRECONDITION and Google's sentence. */
MUST_USE enum errc firestore_query(struct google *g, struct ctx *ctx,
                                   const struct firestore_query *q, struct fs_docs *ret,
                                   struct err *err);
/* How many it would find; limit and offset count too. */
MUST_USE enum errc firestore_count(struct google *g, struct ctx *ctx,
                                   const struct firestore_query *q, int64_t *ret, struct err *err);

#endif
