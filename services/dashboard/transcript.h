/* dashboard/transcript.h: what post-call heard on the recording, one speaker a channel
 * (docs/post-call.md), for reading beside the conversation as the agent took it. */
#ifndef DASHBOARD_TRANSCRIPT_H
#define DASHBOARD_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "dashboard/calls.h"

enum { TRANSCRIPT_BYTES_MAX = 4 * 1024 * 1024, TRANSCRIPT_SEGMENTS_MAX = 4000 /* shown */ };

struct transcript_segment {
    enum { SPEAKER_CALLER, SPEAKER_AGENT, SPEAKER_UNKNOWN } speaker;
    struct str text;
    int64_t start_ms, end_ms; /* of the recording */
};

struct transcript {
    const struct transcript_segment *segments;
    size_t n;
    int64_t recording_ms;
    struct str model;
};

/* In ctx->arena. ERR_INVALID: not a transcript. ERR_LIMIT: beyond TRANSCRIPT_BYTES_MAX. */
MUST_USE enum errc transcript_read(struct google *g, struct ctx *ctx, const struct stored_object *o,
                                   struct transcript *ret, struct err *err);
/* How much of the recording lies before the call's first stream. By the clocks, where it is on record when
 * the recording began; that is told in whole seconds, so within them the agent's first words decide: their
 * place in the recording against that of its first turn. Without either 0. `t` may be NULL. */
int64_t transcript_lead_ms(const struct transcript *t, const struct call_detail *d);

#endif
