/* google/firestore/firestore_internal.h: what the parts of google/firestore.h share. */
#ifndef GOOGLE_FIRESTORE_INTERNAL_H
#define GOOGLE_FIRESTORE_INTERNAL_H

#include "google/firestore.h"
#include "google/google_internal.h"
#include "google/rest.h"

enum {
    FIRESTORE_ATTEMPTS = 7,      /* 8 s on average; deadlines end them sooner */
    FIRESTORE_TIMEOUT_MS = 5000, /* of one attempt; what takes longer hangs */
    FIRESTORE_BACKOFF_MS = 20,   /* doubling: net/ctx.h */
    FIRESTORE_BACKOFF_MAX_MS = 2000,
};

/* "projects/P/databases/(default)/documents", and with "/path". */
struct str firestore_root(struct google *g, struct arena *a);
struct str firestore_name(struct google *g, struct arena *a, struct str path);
/* Behind the origin: "/v1/projects/…/documents[/parent]:verb". */
struct str firestore_url(struct google *g, struct arena *a, struct str parent, const char *verb);
/* Collections and ids in turn, none empty; a document has an even number of them. */
MUST_USE enum errc firestore_check_path(struct str path, struct err *err);
/* A document as Firestore sends it. */
struct fs_doc firestore_doc(struct google *g, struct arena *a, const struct jval *document);

/* POST that reads only: repeated freely. */
MUST_USE enum errc firestore_ask(struct google *g, struct ctx *ctx, struct str url, struct str body,
                                 const struct jval **ret, struct err *err);

#endif
