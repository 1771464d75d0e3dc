/* media_bridge/tools.h: the tool calls of one call, off the audio path. Each runs as a worker's job against
 * the tool gateway, with a deadline that counts from the engine's wish; each gets exactly one output, whatever
 * happens, and a repeat of the same call id does nothing. Loop thread only. */
#ifndef MEDIA_BRIDGE_TOOLS_H
#define MEDIA_BRIDGE_TOOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "concierge/tool_wire.h"

struct bridge;
struct tools;

enum {
    TOOLS_PER_CALL_MAX = 400, /* of one call; further ones are answered as unavailable */
    TOOLS_AT_ONCE_MAX = 16,
    TOOLS_GRACE_MS = 500, /* beyond the deadline, before a worker's silence is taken for failure */
    TOOLS_ATTEMPTS = 6,   /* within the deadline; the gateway's ledger makes a repeat harmless */
    TOOLS_PARTS = 3, /* of the deadline; one that brings no answer is followed by another attempt */
    TOOLS_NOISE_MAX = 3, /* answers that are none, then it has failed */
};

/* A gateway that does not answer holds its workers until the deadline: the tools of all calls together take so
 * many at most, the rest is for the record. Further ones wait in order, their time running. */
struct tools_share {
    int max, running;
    struct list waiting;
};
void tools_share_init(struct tools_share *s, int workers);

/* All borrowed until the handler returns. */
struct tool_done {
    struct str call_id, name, arguments;
    const struct tool_reply *reply;
    int64_t latency_ms;
};

/* `on_done` runs once for each call that tools_run() took, never from inside it. */
struct tools *tools_create(struct bridge *b, struct str call_sid, struct str from,
                           struct str language, const struct log *log,
                           void (*on_done)(void *arg, const struct tool_done *d),
                           void *arg) MUST_USE;
/* on_done is not called again; jobs end by themselves. */
struct tools *tools_destroy(struct tools *t);

/* Copies. False: this call id was run already. */
bool tools_run(struct tools *t, struct str call_id, struct str name, struct str arguments);
size_t tools_pending(const struct tools *t);

#endif
