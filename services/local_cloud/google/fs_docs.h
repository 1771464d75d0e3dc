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

/* One path segment: an id of a document or collection. `what` begins the sentence that refuses it. */
bool fs_id_check(struct str id, const char *what, struct failure *f);
/* Collection and ids below `root`, in turn; *segments counts them. */
bool fs_name_check(struct str name, struct str root, size_t *segments, struct failure *f);
bool fs_document_check(struct str name, struct str root, struct failure *f);
struct str fs_parent_of(struct str name); /* what stands before the last slash */
struct str fs_leaf_of(struct str name);

/* Documents as they were at one point of time. */
struct fs_view {
    struct store *store;
    struct arena *arena;
    int64_t at_us;
};
#define FS_NOW INT64_MAX

/* NULL: there is none. */
struct fs_stored *fs_load(const struct fs_view *view, struct str name);
/* Documents of a collection, or (all_descendants) of all collections of that id below `parent`; an empty
 * id means every collection. Each is handed to fn in the order of their names' bytes. */
typedef void (*fs_doc_fn)(void *arg, struct fs_stored *d);
void fs_scan(const struct fs_view *view, struct str parent, struct str collection,
             bool all_descendants, fs_doc_fn fn, void *arg);
/* Documents of the collection that are not there but have some below them; update_us is 0. */
void fs_missing(const struct fs_view *view, struct str collection, fs_doc_fn fn, void *arg);
/* Ids of the collections directly below a document or the root, in order. */
void fs_collection_ids(const struct fs_view *view, struct str parent,
                       void (*fn)(void *arg, struct str id), void *arg);

/* Before a document changes, while a transaction reads the past; and when none does any more. */
void fs_keep_past(struct store *s, struct str name, int64_t now_us);
void fs_forget_past(struct store *s);
bool fs_save(const struct fs_view *view, struct str root, const struct fs_stored *d,
             struct failure *f);
void fs_delete(struct store *s, struct str name);
void fs_delete_all(struct store *s, struct arena *a, struct str root);

/* One write of a commit. `now_us` is the commit's time. Appends its WriteResult to `w`. */
bool fs_write(const struct fs_view *view, struct str root, const struct jval *write, int64_t now_us,
              struct jw *w, struct failure *f);
struct str fs_write_target(const struct jval *write); /* the document's name; empty: none */

/* The resource; only the masked fields when mask_n > 0. `key` as in struct jw. */
void fs_doc_write(struct jw *w, struct arena *a, const char *key, const struct fs_stored *d,
                  const struct fv_path *mask, size_t mask_n);

#endif
