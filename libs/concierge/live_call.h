/* concierge/live_call.h: what the webhook must know once a stream has closed: one document for each call,
 * liveCalls/{callSid}, written by the media bridge only. States and what they lead to: docs/contracts.md. */
#ifndef CONCIERGE_LIVE_CALL_H
#define CONCIERGE_LIVE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "net/ctx.h"

struct google;

enum { RESUMES_MAX = 2, LIVE_CALL_TOOLS_MAX = 16 };

enum live_call_state { LIVE_CALL_LIVE, LIVE_CALL_ENDED, LIVE_CALL_TRANSFER, LIVE_CALL_FAILED };

/* Asked for, and not answered. */
struct live_tool {
    struct str call_id, name, arguments;
};

/* What the bridge that lets a stream go tells the one that takes the call up. */
struct live_left {
    bool whole;        /* all that is needed is here */
    struct str past;   /* the talk so far as the next prompt has it */
    struct str unsaid; /* the rest of an answer that was cut between two sentences; empty: none */
    bool owed;         /* an answer was not begun, or was cut and its rest is not known */
    bool words_lost;   /* the caller was speaking */
    const struct live_tool *tools;
    size_t n_tools;
};

struct live_call {
    enum live_call_state state;
    int attempt;
    struct str reason;  /* end reason (concierge/end_reason.h); empty while live */
    int64_t started_us; /* of the call's first stream, wall clock; 0: not known */
    bool disclosed;     /* the caller has heard the disclosure */
    struct {
        struct str number, reason, summary; /* LIVE_CALL_TRANSFER */
    } transfer;
    struct live_left left;
    struct {
        int attempt, index; /* of the caller's turn that was begun last; -1: none */
    } open;
    int64_t updated_us; /* set by the write */
};

/* An older attempt's late write does not replace a newer one's (ERR_OK, nothing written). Kept for
 * `keep_days`. */
MUST_USE enum errc live_call_write(struct ctx *ctx, struct google *g, struct str call_sid,
                                   const struct live_call *c, int keep_days, struct err *err);
/* The caller begins to speak: should the bridge die, the next one knows that words were lost. One small request. */
MUST_USE enum errc live_call_mark_open(struct ctx *ctx, struct google *g, struct str call_sid,
                                       int attempt, int index, struct err *err);
/* ERR_NOT_FOUND: no stream has started. Texts live in ctx->arena. */
MUST_USE enum errc live_call_read(struct ctx *ctx, struct google *g, struct str call_sid,
                                  struct live_call *ret, struct err *err);
const char *live_call_state_name(enum live_call_state s);

#endif
