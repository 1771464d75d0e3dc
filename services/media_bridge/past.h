/* media_bridge/past.h: what earlier streams of a call have said and done, for the one that goes on: from the
 * record (calls/{sid}/events), the gateway's ledger (toolInvocations) and what the last bridge left
 * in the live document. */
#ifndef MEDIA_BRIDGE_PAST_H
#define MEDIA_BRIDGE_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "net/ctx.h"

struct google;

enum {
    PAST_TURNS_MAX = 400,
    PAST_TOOLS_MAX = 100,
    PAST_TEXT_MAX = 16 * 1024, /* the latest words of it */
    PAST_OUTPUT_MAX = 1024,    /* of one tool; longer ones are cut */
};

struct past_tool {
    struct str call_id, name, arguments;
};

struct past {
    struct str text; /* "Agent: …", "Caller: …", "Tool: …", a line each, oldest first */
    /* Begun, or done without its result being on record: to be asked for again under the same id, which
     * the ledger makes harmless. */
    struct past_tool *open;
    size_t n_open;
    bool disclosed;     /* the opening, or some of it, was heard */
    bool moved;         /* by a bridge that stopped, between two sentences: nothing was lost */
    struct str unsaid;  /* what it had still to say; empty: nothing */
    bool owed;          /* an answer */
    bool words_lost;    /* the caller was in the middle of a turn */
    int64_t started_us; /* of the call, wall clock; 0: not known */
};

/* What a call has said and done goes on growing here: `more` after `before`, the latest of it. */
struct str past_join(struct arena *a, struct str before, struct str more);
/* Blocks, on a worker. Without `all` only what the last bridge left is looked at: ERR_AGAIN when that does not
 * suffice. `ret` and its texts live in `arena`; ctx->arena is used for the rest. */
MUST_USE enum errc past_read(struct past *ret, struct arena *arena, struct google *g,
                             struct ctx *ctx, struct str call_sid, bool all, struct err *err);

#endif
