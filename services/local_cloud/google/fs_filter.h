/* local_cloud/google/fs_filter.h: the `where` of a structured query, read once and asked of each document.
 * Source: Firestore REST, StructuredQuery.Filter; Firestore > Query limitations. */
#ifndef LOCAL_CLOUD_GOOGLE_FS_FILTER_H
#define LOCAL_CLOUD_GOOGLE_FS_FILTER_H

#include "local_cloud/google/fs_docs.h"

struct fs_filter;

/* A document's name, or a field of it. */
struct fs_field {
    bool is_name;
    struct fv_path path;
    struct str text; /* as asked */
};
bool fs_field_read(struct fs_field *ret, struct arena *a, const struct jval *reference,
                   struct failure *f);
bool fs_field_same(const struct fs_field *a, const struct fs_field *b);
/* NULL: the document has no such field. */
const struct fv *fs_field_of(const struct fs_field *field, struct arena *a,
                             const struct fs_stored *d);

/* *ret is NULL for no filter at all. */
bool fs_filter_read(struct fs_filter **ret, struct arena *a, const struct jval *where,
                    struct failure *f);
bool fs_filter_matches(const struct fs_filter *filter, struct arena *a,
                       const struct fs_stored *d); /* NULL: true */
/* Fields under an inequality order the result, each given once and sorted by name: at most `max`. */
size_t fs_filter_inequalities(const struct fs_filter *filter, const struct fs_field **ret,
                              size_t max);
/* Some field other than the name is filtered. */
bool fs_filter_has_field(const struct fs_filter *filter);

#endif
