/* tool_gateway/ledger.h: every tool call once, and on record: toolInvocations/{callSid}:{toolCallId}.
 *   name, callSid, toolCallId, arguments, state (running, done), leaseUntil, tries, startedAt,
 *   status, output, control, finishedAt, latencyMs, ttlAt
 * The document is created before the tool acts. Whoever finds it running waits; when its runner's lease has
 * passed (it crashed) the next one takes it over. Tools can therefore be begun twice, never finished
 * twice: they are written to be repeated. */
#ifndef TOOL_GATEWAY_LEDGER_H
#define TOOL_GATEWAY_LEDGER_H

#include <stdbool.h>

#include "base/err.h"
#include "concierge/tool_wire.h"
#include "google/google.h"
#include "net/ctx.h"

enum {
    LEDGER_LEASE_MS = 16000, /* longer than a tool, its events and its record may take */
    LEDGER_WAIT_MS = 6000,   /* for somebody else who is running it */
    LEDGER_POLL_MS = 150,
};

struct ledger_entry {
    struct str path;
    int64_t started_us;
    int tries;
};

/* ERR_OK with *ret_done false: run the tool, then ledger_finish(). With *ret_done true: *ret_reply is the
 * first result. ERR_TIMEOUT: somebody else is still at it. ERR_CONFLICT: the id was used for another tool.
 * Other errors: nothing is known and nothing may be done. */
MUST_USE enum errc ledger_begin(struct google *g, struct ctx *ctx, const char *name,
                                const struct tool_request *req, int keep_days,
                                struct ledger_entry *ret, bool *ret_done,
                                struct tool_reply *ret_reply, struct err *err);
MUST_USE enum errc ledger_finish(struct google *g, struct ctx *ctx, const struct ledger_entry *e,
                                 const struct tool_reply *reply, struct err *err);

#endif
