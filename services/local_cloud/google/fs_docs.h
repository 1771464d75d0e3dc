/* local_cloud/google/fs_docs.h: Firestore's documents in the store, and writes to them. All calls inside a
 * transaction of the store. Names are full: "projects/P/databases/D/documents/c/id".
 * Source: Firestore REST, Write, DocumentTransform, Precondition. */
#ifndef LOCAL_CLOUD_GOOGLE_FS_DOCS_H
#define LOCAL_CLOUD_GOOGLE_FS_DOCS_H

#include "local_cloud/google/fs_value.h"
#include "local_cloud/store.h"

struct fs_stored {
    struct str name;
    struct fv *fields;
    int64_t create_us, update_us;
};

extern const char fs_docs_schema[];

/* Collection and ids below `root`, in turn; *segments counts them. */
bool fs_name_check(struct str name, struct str root, size_t *segments, struct failure *f);
struct str fs_parent_of(struct str name); /* what stands before the last slash */
struct str fs_leaf_of(struct str name);

/* NULL: there is none. */
struct fs_stored *fs_load(struct store *s, struct arena *a, struct str name);
/* Documents of a collection, or (all_descendants) of all collections of that id below `parent`; an empty
 * id means every collection. Each is handed to fn in the order of their names. */
typedef void (*fs_doc_fn)(void *arg, struct fs_stored *d);
void fs_scan(struct store *s, struct arena *a, struct str parent, struct str collection,
             bool all_descendants, fs_doc_fn fn, void *arg);
/* Ids of the collections directly below a document or the root; `more` for paging is the caller's. */
void fs_collection_ids(struct store *s, struct arena *a, struct str parent,
                       void (*fn)(void *arg, struct str id), void *arg);

/* One write of a commit. `now_us` is the commit's time. Appends its WriteResult to `w`. */
bool fs_write(struct store *s, struct arena *a, struct str root, const struct jval *write,
              int64_t now_us, struct jw *w, struct failure *f);
void fs_delete_all(struct store *s, struct arena *a, struct str root);

/* The resource; only the masked fields when mask_n > 0. `key` as in struct jw. */
void fs_doc_write(struct jw *w, struct arena *a, const char *key, const struct fs_stored *d,
                  const struct fv_path *mask, size_t mask_n);

#endif
