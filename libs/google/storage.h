/* google/storage.h: Cloud Storage objects over the JSON API. Uploads are resumable streams in bounded
 * memory (one chunk) and end-to-end checked by CRC32C; reads are streams too.
 * Source: https://cloud.google.com/storage/docs/performing-resumable-uploads, .../docs/json_api/v1. */
#ifndef GOOGLE_STORAGE_H
#define GOOGLE_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "google/google.h"
#include "net/ctx.h"

enum {
    STORAGE_CHUNK_UNIT = 256 * 1024, /* every chunk but the last is a multiple of it */
    STORAGE_CHUNK_BYTES = 2 * 1024 * 1024,
    STORAGE_ATTEMPTS_MAX = 6, /* in a row without a byte stored */
    STORAGE_METADATA_MAX = 32,
};

struct storage_meta {
    struct str key, value;
};

struct storage_object {
    struct str bucket, name, content_type;
    int64_t size, generation;
    uint32_t crc32c;
    bool has_crc32c;
    const struct storage_meta *metadata; /* custom */
    size_t n_metadata;
    int64_t created_us;
};

struct storage_target {
    struct str bucket, name, content_type;
    const struct storage_meta *metadata;
    size_t n_metadata;
    bool create_only; /* ERR_CONFLICT when it exists; nothing is changed then */
};

/* Fills up to `max` bytes of `out`; *n 0 is the end. An error ends the upload with that kind, and no object
 * appears. */
typedef enum errc (*storage_read_fn)(void *arg, char *out, size_t max, size_t *n);
/* Takes each piece as it comes; an error stops the transfer with that kind. */
typedef enum errc (*storage_write_fn)(void *arg, const char *data, size_t n);

/* Uploads all that `read` gives, in chunks of `chunk_bytes` (0: STORAGE_CHUNK_BYTES; a multiple of
 * STORAGE_CHUNK_UNIT), the only memory it takes. After a lost answer it asks what is stored and goes on
 * from there. ERR_AGAIN also: the session was lost with bytes that are here no more, so it takes another
 * upload. ERR_UPSTREAM also: what is stored is not what was sent; it is deleted again. */
MUST_USE enum errc storage_upload(struct google *g, struct ctx *ctx,
                                  const struct storage_target *to, size_t chunk_bytes,
                                  storage_read_fn read, void *arg, struct storage_object *ret,
                                  struct err *err);
/* A small object in one request. */
MUST_USE enum errc storage_put(struct google *g, struct ctx *ctx, const struct storage_target *to,
                               struct str data, struct storage_object *ret, struct err *err);

/* Bytes from..to inclusive, to -1: the end. ret (may be NULL) gets what the answer's headers say, its size
 * being the whole object's. ERR_NOT_FOUND; ERR_LIMIT: the range begins past the end. A whole read is
 * checked against the object's CRC32C (ERR_UPSTREAM). */
MUST_USE enum errc storage_read(struct google *g, struct ctx *ctx, struct str bucket,
                                struct str name, int64_t from, int64_t to, storage_write_fn write,
                                void *arg, struct storage_object *ret, struct err *err);
/* The whole object in ctx->arena; ERR_LIMIT beyond max_bytes. */
MUST_USE enum errc storage_get(struct google *g, struct ctx *ctx, struct str bucket,
                               struct str name, size_t max_bytes, struct str *ret, struct err *err);
MUST_USE enum errc storage_stat(struct google *g, struct ctx *ctx, struct str bucket,
                                struct str name, struct storage_object *ret, struct err *err);
/* ERR_NOT_FOUND: there was none. */
MUST_USE enum errc storage_delete(struct google *g, struct ctx *ctx, struct str bucket,
                                  struct str name, struct err *err);

#endif
