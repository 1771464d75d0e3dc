/* post_call/transcript.h: a stored recording to a transcript beside it. The channels are cut into utterances
 * (cutter.h), each is transcribed by itself (transcribe.h), and what comes back is put in order by time.
 *
 * A long recording is done in parts of TRANSCRIPT_PART_MS; a finished part is an object of its own, so that
 * memory does not grow with the length, and a repeat goes on where the last attempt ended. The transcript is
 * put together from them as a stream and the parts are deleted. Objects are only ever created: of two
 * attempts at once one result stands. Schema of the transcript: docs/post-call.md. */
#ifndef POST_CALL_TRANSCRIPT_H
#define POST_CALL_TRANSCRIPT_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "google/storage.h"
#include "net/ctx.h"
#include "post_call/recording.h"
#include "post_call/transcribe.h"

enum {
    TRANSCRIPT_VERSION = 1,
    TRANSCRIPT_PART_MS = 300000,           /* a part ends at the first silence after it */
    TRANSCRIPT_PART_MAX_MS = 420000,       /* … or here, wherever it is */
    TRANSCRIPT_PART_TEXT_MAX = 512 * 1024, /* or once it has so much text */
    TRANSCRIPT_PART_BYTES_MAX = 4 * 1024 * 1024,
    TRANSCRIPT_PARTS_MAX = 1000, /* three and a half days */
};

struct transcript_job {
    struct google *google;
    const struct prices *prices;
    const struct transcribe_settings *transcribe;
    const struct recording *recording;
    struct str call_sid, recording_sid;
    struct str object; /* to be created, in the recording's bucket */
    struct str parts;  /* beginning of the parts' names */
};

/* What is kept on the object as metadata, so that a repeat need not read it. */
struct transcript_summary {
    struct str model;
    int64_t segments;
    int64_t cost_micro_usd; /* -1: the model has no price */
    int64_t created_us;
};

/* ERR_OK also when another attempt came first; *ret is then its result. What fails here may succeed later,
 * except ERR_INVALID: the endpoint refuses everything it is sent. */
MUST_USE enum errc transcript_make(const struct transcript_job *j, struct ctx *ctx,
                                   struct transcript_summary *ret, struct err *err);
struct transcript_summary transcript_summary_read(const struct storage_object *o);

#endif
