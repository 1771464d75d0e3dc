/* post_call/download.h: one recording from Twilio into Cloud Storage. It is fetched on a thread of its own
 * and uploaded by the worker, with a small pipe between them: memory does not grow with the recording's
 * length, and the slower of the two sets the pace. The object appears whole or not at all, and only if
 * there is none, so a repeat changes nothing. */
#ifndef POST_CALL_DOWNLOAD_H
#define POST_CALL_DOWNLOAD_H

#include "base/err.h"
#include "base/str.h"
#include "google/storage.h"
#include "net/ctx.h"

struct tls_store;
struct twilio_settings;

enum {
    DOWNLOAD_PIPE_BYTES = 256 * 1024,
    DOWNLOAD_CHUNK_BYTES = 2 * STORAGE_CHUNK_UNIT, /* of the upload */
};

struct download {
    struct google *google;
    const struct twilio_settings *twilio;
    struct tls_store *tls;
    struct str call_sid, recording_sid;
    struct str bucket, object;
};

/* *ret lives in ctx->arena, without metadata. ERR_NOT_FOUND, ERR_INVALID: Twilio does not give it (yet). ERR_CONFLICT: the
 * object is there already. Otherwise as twilio_recording_fetch() and storage_upload(). */
MUST_USE enum errc download_recording(const struct download *d, struct ctx *ctx,
                                      struct storage_object *ret, struct err *err);

#endif
