/* local_cloud/google/fs_value.h: a Firestore value that can be changed, compared and written. Everything
 * lives in the request's arena.
 * Source: Firestore REST, Value; Firestore > Data types (order of values). */
#ifndef LOCAL_CLOUD_GOOGLE_FS_VALUE_H
#define LOCAL_CLOUD_GOOGLE_FS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "local_cloud/google/reply.h"

/* In Firestore's order across types. */
enum fv_kind {
    FV_NULL,
    FV_BOOL,
    FV_NUMBER,
    FV_TIME,
    FV_STR,
    FV_BYTES,
    FV_REF,
    FV_GEO,
    FV_ARRAY,
    FV_MAP
};

struct fv {
    enum fv_kind kind;
    bool flag;
    bool is_int;       /* FV_NUMBER */
    int64_t i64;       /* integer, or time in microseconds */
    double num, num2;  /* double; latitude and longitude */
    struct str str;    /* text, raw bytes, or document name */
    struct fv **items; /* FV_ARRAY */
    size_t n, cap;
    struct fv_member *members; /* FV_MAP: n of them, sorted by key */
};
struct fv_member {
    struct str key;
    struct fv *value;
};

enum { FV_DEPTH_MAX = 20, FV_PATH_MAX = 20, FV_NAME_BYTES_MAX = 1500 };

struct fv_path {
    struct str names[FV_PATH_MAX];
    size_t n;
};
/* "a.`b c`.d". */
bool fv_path_parse(struct fv_path *ret, struct arena *a, struct str text, struct failure *f);

struct fv *fv_map_new(struct arena *a);
bool fv_parse(struct fv **ret, struct arena *a, const struct jval *value, struct failure *f);
bool fv_parse_fields(struct fv **ret, struct arena *a, const struct jval *fields,
                     struct failure *f);
void fv_write(struct jw *w, struct arena *a, const char *key, const struct fv *v);
void fv_write_fields(struct jw *w, struct arena *a, const char *key, const struct fv *map);

struct fv *fv_get(const struct fv *map, const struct fv_path *path); /* NULL: absent */
void fv_set(struct arena *a, struct fv *map, const struct fv_path *path, struct fv *value);
void fv_remove(struct fv *map, const struct fv_path *path);
void fv_append(struct arena *a, struct fv *array, struct fv *value);
struct fv *fv_copy(struct arena *a, const struct fv *v); /* deep enough to be changed */

/* <0, 0, >0 in Firestore's order, across types too. */
int fv_compare(const struct fv *a, const struct fv *b);
bool fv_equal(const struct fv *a, const struct fv *b); /* NaN equals NaN; 1 equals 1.0 */
bool fv_same(const struct fv *a,
             const struct fv *b); /* 1 differs from 1.0: would a write change it? */

/* What a value takes in storage, as Firestore counts it; *longest: its longest text or bytes; *entries: how
 * many entries it makes in the indexes of single fields.
 * Source: Firestore > Storage size calculations; Best practices > Indexes. */
size_t fv_stored_bytes(const struct fv *v, size_t *longest, size_t *entries);
size_t fv_name_bytes(struct str path); /* of a document, without its database */

#endif
