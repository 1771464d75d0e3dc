/* local_cloud/google/fs_tx.h: Firestore's transactions, optimistic: each remembers what it has read, and a
 * commit checks that it is unchanged. In memory, like their originals gone after a restart. All calls under
 * the store's lock.
 * Source: Firestore REST, beginTransaction, commit, rollback. */
#ifndef LOCAL_CLOUD_GOOGLE_FS_TX_H
#define LOCAL_CLOUD_GOOGLE_FS_TX_H

#include "local_cloud/google/fs_docs.h"

struct fs_txs;
struct fs_tx;

struct fs_txs *fs_txs_create(const struct clock *clock) MUST_USE;
struct fs_txs *fs_txs_destroy(struct fs_txs *t);

/* Microseconds, later with each call: times of commits and reads. */
int64_t fs_txs_now_us(struct fs_txs *t);
struct fs_tx *fs_tx_begin(struct fs_txs *t, bool read_only);
struct str fs_tx_id(const struct fs_tx *x); /* base64, lives as long as it */
/* NULL: unknown, finished or too old. */
struct fs_tx *fs_tx_find(struct fs_txs *t, struct str id);
void fs_tx_end(struct fs_txs *t, struct fs_tx *x);
/* What was read: a document (update_us 0: there was none), or all of a query's collection. */
void fs_tx_read(struct fs_tx *x, struct str name, int64_t update_us);
void fs_tx_scanned(struct fs_txs *t, struct fs_tx *x, struct str parent, struct str collection,
                   bool all_descendants);
bool fs_tx_read_only(const struct fs_tx *x);
int64_t fs_tx_at_us(
    const struct fs_tx *x); /* what it sees: FS_NOW, or of a read-only one its begin */
bool fs_txs_has_readers(struct fs_txs *t);               /* some read-only one is open */
bool fs_txs_made(const struct fs_txs *t, struct str id); /* one of ours, be it over */
/* False: somebody has changed what it read. */
bool fs_tx_holds(struct fs_txs *t, const struct fs_view *view, const struct fs_tx *x);
/* A document was written or deleted. */
void fs_txs_changed(struct fs_txs *t, struct str name, int64_t now_us);

#endif
