/* google/storage/storage_internal.h: what the parts of google/storage.h share. */
#ifndef GOOGLE_STORAGE_INTERNAL_H
#define GOOGLE_STORAGE_INTERNAL_H

#include "base/json.h"
#include "google/google_internal.h"
#include "google/rest.h"
#include "google/storage.h"

enum {
    STORAGE_TIMEOUT_MS = 15000,
    STORAGE_CHUNK_TIMEOUT_MS = 60000,
    STORAGE_ATTEMPTS = 4,
    STORAGE_BACKOFF_MS = 250, /* doubling: net/ctx.h */
    STORAGE_BACKOFF_MAX_MS = 8000,
    STORAGE_ANSWER_MAX = 256 * 1024,
};

/* "/storage/v1/b/B/o/NAME". */
struct str storage_object_path(struct arena *a, struct str bucket, struct str name);
/* "/upload/storage/v1/b/B/o?uploadType=TYPE&name=NAME", and the precondition of create_only. */
struct str storage_upload_path(struct arena *a, const struct storage_target *to, const char *type);
/* The object resource of a new object. `crc32c` NULL: not known yet. */
struct str storage_target_json(struct arena *a, const struct storage_target *to,
                               const uint32_t *crc32c);
/* Google's form: four bytes, big-endian, base64. */
struct str storage_crc_text(struct arena *a, uint32_t crc32c);
MUST_USE enum errc storage_crc_parse(struct arena *a, struct str text, uint32_t *ret);
/* From an object resource; borrows from the document. */
struct storage_object storage_object_read(struct arena *a, const struct jval *resource);
/* Statuses after which Google says to try again. */
bool storage_worth_retrying(int status);

#endif
