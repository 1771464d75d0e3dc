/* concierge/event.h: what the services tell one another: CloudEvents 1.0 in structured JSON mode as the
 * data of a Pub/Sub message with the call SID as ordering key. Ids are deterministic, so that a repeat is
 * recognised. Types and data: docs/contracts.md, "Events". Source: CloudEvents JSON event format 1.0. */
#ifndef CONCIERGE_EVENT_H
#define CONCIERGE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "net/ctx.h"

struct google;

enum { EVENT_BYTES_MAX = 1024 * 1024, EVENT_ID_MAX = 256 };

enum event_type {
    EVENT_CALL_RINGING,
    EVENT_CALL_STARTED,
    EVENT_CALL_TURN,
    EVENT_CALL_TOOL,
    EVENT_CALL_LATENCY,
    EVENT_CALL_USAGE,
    EVENT_CALL_HANDOFF,
    EVENT_CALL_ENDED,
    EVENT_CALL_STATUS,
    EVENT_CALL_DIALED,
    EVENT_RECORDING_AVAILABLE,
    EVENT_RECORDING_STORED,
    EVENT_TRANSCRIPT_READY,
    EVENT_SUMMARY_READY,
    EVENT_CALLBACK_REQUESTED,
    EVENT_CALLBACK_DONE,
    EVENT_BOOKING_CHANGED,
    EVENT_LEAD_CAPTURED,
    EVENT_TYPES,
};
const char *event_type_name(enum event_type t);   /* "call.ringing" */
enum event_type event_type_find(struct str name); /* EVENT_TYPES: no such type */

/* Whether its data holds what people said, wrote or asked for: spoken words, tools' arguments, reasons,
 * summaries. Such an event never stands in a log, not even as the last resort. */
bool event_has_words(enum event_type t);

struct event_head {
    enum event_type type;
    struct str call_sid; /* the subject */
    struct str source;   /* "webhook", "bridge-0", "gateway", "post-call" */
    struct str seq;      /* makes the id: {call_sid}/{source}/{seq} */
    int64_t time_us;     /* wall clock */
};

/* Building: begin, write members of `data` with jw_*, end.
 *   struct jw w; event_begin(&w, &head); jw_str(&w, "status", s); text = event_end(&w, arena); */
void event_begin(struct jw *w, const struct event_head *h);
struct str event_end(struct jw *w, struct arena *a);

struct event {
    struct str id, source, subject; /* source without the leading slash */
    enum event_type type;
    int64_t time_us;
    const struct jval *data; /* an object */
};
/* ERR_INVALID: no CloudEvent of ours (the reason names the member). ERR_UNSUPPORTED: a well-formed event
 * of a type that this build does not know. Texts live in the arena. */
MUST_USE enum errc event_parse(struct event *ret, struct arena *a, struct str text,
                               struct err *err);

/* Publishes one event text made by event_end(). Bounded retries inside ctx's deadline. */
MUST_USE enum errc event_publish(struct ctx *ctx, struct google *g, struct str topic,
                                 const struct event_head *h, struct str text, struct err *err);

#endif
