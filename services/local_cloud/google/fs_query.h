/* local_cloud/google/fs_query.h: structured queries and aggregations over the documents in the store. As
 * Google's emulator, and unlike production, it never asks for an index.
 * Source: Firestore REST, StructuredQuery, StructuredAggregationQuery. */
#ifndef LOCAL_CLOUD_GOOGLE_FS_QUERY_H
#define LOCAL_CLOUD_GOOGLE_FS_QUERY_H

#include "local_cloud/google/fs_docs.h"

struct fs_found {
    struct fs_stored **items;
    size_t n, cap;
    int64_t skipped;        /* by offset */
    struct fv_path *select; /* fields wanted; NULL: all */
    size_t n_select;        /* 1 and no name: only the document's name */
    bool keys_only;
};

/* `parent`: a document's full name, or the root. Inside a transaction of the store. */
bool fs_query_run(struct fs_found *ret, const struct fs_view *view, struct str parent,
                  const struct jval *query, struct failure *f);
/* Writes the `aggregateFields` object of a StructuredAggregationQuery. */
bool fs_aggregate_run(struct jw *w, const struct fs_view *view, struct str parent,
                      const struct jval *query, struct failure *f);
void fs_found_write(struct jw *w, struct arena *a, const struct fs_found *found, size_t i);

#endif
