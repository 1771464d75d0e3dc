/* local_cloud/google/firestore_internal.h: one request to Firestore while it is worked on. */
#ifndef LOCAL_CLOUD_GOOGLE_FIRESTORE_INTERNAL_H
#define LOCAL_CLOUD_GOOGLE_FIRESTORE_INTERNAL_H

#include "local_cloud/google/firestore.h"
#include "local_cloud/google/fs_docs.h"
#include "local_cloud/google/fs_request.h"
#include "local_cloud/google/fs_tx.h"
#include "local_cloud/store.h"

enum { FIRESTORE_MASK_MAX = 100 };

struct firestore_db {
    struct store *store;
    struct fs_txs *txs;
    bool has_past; /* kept for transactions that read it */
};

struct fs_call {
    struct firestore_db *db;
    struct http_req *r;
    struct arena *arena;
    struct str root;     /* projects/P/databases/D/documents */
    struct str path;     /* below the root, as asked; may be empty */
    struct str parent;   /* root and path */
    struct fs_view view; /* what is read */
    const struct jval *body;
    struct form query;
    struct failure f;
    struct jw out; /* the answer; abandoned when it fails */
};
/* False: c->f says why not. In a transaction of the store. */
typedef bool (*fs_call_fn)(struct fs_call *c);

/* Field paths of a DocumentMask. */
struct fs_mask {
    struct fv_path paths[FIRESTORE_MASK_MAX];
    size_t n;
};
bool fs_mask_of_query(struct fs_call *c, struct fs_mask *m);
bool fs_mask_of_body(struct fs_call *c, struct fs_mask *m);

bool fs_write_one(struct fs_call *c, const struct jval *write, int64_t now_us, struct jw *out);

/* Single documents and lists of them. */
bool fs_get_or_list(struct fs_call *c);
bool fs_create_document(struct fs_call *c);
bool fs_patch_document(struct fs_call *c);
bool fs_delete_document(struct fs_call *c);
bool fs_list_documents(struct fs_call *c);
bool fs_list_collection_ids(struct fs_call *c);

#endif
