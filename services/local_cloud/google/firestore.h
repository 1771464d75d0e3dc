/* local_cloud/google/firestore.h: Firestore (native mode) over REST: documents, commits with preconditions
 * and transforms, queries, aggregations, transactions. Transactions are optimistic: what was read must be
 * unchanged at commit, else 409 ABORTED. Reads at a past time and live listening are not here.
 * Source: https://firestore.googleapis.com/$discovery/rest?version=v1. */
#ifndef LOCAL_CLOUD_GOOGLE_FIRESTORE_H
#define LOCAL_CLOUD_GOOGLE_FIRESTORE_H

enum {
    FIRESTORE_BODY_MAX = 10 * 1024 * 1024,
    FIRESTORE_DOC_MAX = 1024 * 1024,
    FIRESTORE_VALUE_MAX = FIRESTORE_DOC_MAX - 89, /* of a text or bytes */
    FIRESTORE_TRANSACTIONS_MAX = 1000,            /* beyond it the oldest is forgotten */
    FIRESTORE_TRANSACTION_S = 270,
};

struct firestore_db;

#endif
