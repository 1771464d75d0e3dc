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

enum { RESUMES_MAX = 2, LIVE_CALL_RECENT_MAX = 8 };

enum live_call_state { LIVE_CALL_LIVE, LIVE_CALL_ENDED, LIVE_CALL_TRANSFER, LIVE_CALL_FAILED };

/* What was said and done last, for the stream that goes on: events on their way may come later than it. */
struct live_turn {
    int attempt, index;
    int64_t start_ms;
    bool agent;
    struct str text;
};
struct live_tool {
    int attempt;
    int64_t at_ms;
    struct str call_id; /* its output was given to the engine */
};

struct live_call {
    enum live_call_state state;
    int attempt;
    struct str reason; /* end reason (concierge/end_reason.h); empty while live */
    bool disclosed;    /* the caller has heard the disclosure */
    struct {
        struct str number, reason, summary; /* LIVE_CALL_TRANSFER */
    } transfer;
    const struct live_turn *turns; /* oldest first, LIVE_CALL_RECENT_MAX at most */
    size_t n_turns;
    const struct live_tool *tools;
    size_t n_tools;
    struct str
        past; /* the whole talk as the next prompt has it, by a bridge that stopped; else empty */
    bool tools_open;    /* and there are tools that it did not wait for */
    int64_t updated_us; /* set by the write */
};

/* An older attempt's late write does not replace a newer one's (ERR_OK, nothing written). Kept for
 * `keep_days`. */
MUST_USE enum errc live_call_write(struct ctx *ctx, struct google *g, struct str call_sid,
                                   const struct live_call *c, int keep_days, struct err *err);
/* ERR_NOT_FOUND: no stream has started. Texts live in ctx->arena. */
MUST_USE enum errc live_call_read(struct ctx *ctx, struct google *g, struct str call_sid,
                                  struct live_call *ret, struct err *err);
const char *live_call_state_name(enum live_call_state s);

#endif
