/* concierge/tool_wire.h: a tool call between media bridge and tool gateway, both directions.
 * Format: docs/contracts.md, "Tools". */
#ifndef CONCIERGE_TOOL_WIRE_H
#define CONCIERGE_TOOL_WIRE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum {
    TOOL_REQUEST_BYTES_MAX = 64 * 1024,
    TOOL_REPLY_BYTES_MAX = 64 * 1024,
    TOOL_CALL_ID_MAX = 200,
    CALL_SID_MAX = 64,
};

struct tool_request {
    struct str call_sid, tool_call_id;
    const struct jval *arguments; /* parsing: NULL when `arguments` was no object */
    struct str
        arguments_text; /* writing: as the model sent it; whatever is no object is sent as a string */
    struct str from;    /* E.164; empty when withheld */
    struct str language; /* BCP 47; may be empty */
};

struct str tool_request_text(struct arena *a, const struct tool_request *r);
/* ERR_INVALID: the request is malformed (a 400). Broken arguments are the model's mistake, not the
 * request's: `arguments` is then NULL. */
MUST_USE enum errc tool_request_parse(struct tool_request *ret, struct arena *a, struct str body,
                                      struct err *err);

enum tool_status { TOOL_OK, TOOL_REFUSED, TOOL_FAILED };

/* For the bridge, never shown to the model. */
struct tool_control {
    bool end_call;
    struct str outcome; /* with end_call */
    struct {
        struct str number, reason, summary;
    } transfer; /* number empty: no transfer */
};

struct tool_reply {
    struct str tool_call_id;
    enum tool_status status;
    struct str output; /* JSON object text, given to the model word for word; holds "say" */
    bool replayed;
    struct tool_control control;
};

struct str tool_reply_text(struct arena *a, const struct tool_reply *r);
MUST_USE enum errc tool_reply_parse(struct tool_reply *ret, struct arena *a, struct str body,
                                    struct err *err);
const char *tool_status_name(enum tool_status s);
/* The output for the model when the gateway did not answer in time or at all. */
struct str tool_output_unavailable(struct arena *a);

#endif
