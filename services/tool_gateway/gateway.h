/* tool_gateway/gateway.h: the service's parts, and one tool call on its way through them. */
#ifndef TOOL_GATEWAY_GATEWAY_H
#define TOOL_GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "calendar/calendar.h"
#include "concierge/booking.h"
#include "concierge/event.h"
#include "concierge/profile.h"
#include "concierge/tool.h"
#include "concierge/tool_wire.h"
#include "crm/crm.h"
#include "google/google.h"
#include "google/oidc.h"
#include "net/http_server.h"
#include "net/service.h"

enum {
    TOOL_DEADLINE_MS = 9000,    /* of one tool call, all its requests together */
    PUBLISH_DEADLINE_MS = 2000, /* of each event that it leaves behind */
    RECORD_DEADLINE_MS = 2000,  /* of keeping its result */
    SLOT_KEY_MIN_BYTES = 16,
};

struct gateway_settings {
    struct service_settings service; /* first */
    struct google_settings google;
    struct oidc_settings oidc;
    struct str profile_path, slot_key, events_topic;
};

struct gateway {
    const struct gateway_settings *settings;
    struct google *google;
    struct calendar *calendar;
    struct crm *crm;
    struct oidc *oidc;
    const struct profile *profile;
    struct booking booking;
};

/* Borrows `s` and `settings`; *ret is for gateway_destroy(). */
MUST_USE enum errc gateway_create(struct gateway **ret, const struct gateway_settings *settings,
                                  const struct clock *clock, struct arena *arena, struct err *err);
struct gateway *gateway_destroy(struct gateway *g);

extern const struct http_route gateway_routes[];
extern const size_t gateway_n_routes;

/* One call of a tool. `out` is the object that the model gets; a handler ends it with exactly one of
 * call_ok(), call_refuse(), call_fail() and may add members to it before. */
struct tool_call {
    struct gateway *g;
    struct ctx *ctx;
    const struct tool_request *req;
    const struct tool *tool;
    void *args;
    struct jw out;
    enum tool_status status;
    struct tool_control control;
    struct str from; /* the caller's number; empty when withheld */
};

/* `say` is spoken; `next` (NULL: nothing) tells the model what to do. */
void call_ok(struct tool_call *c, struct str say, const char *next);
/* `reason`: a word for the record, e.g. "taken". */
void call_refuse(struct tool_call *c, const char *reason, struct str say, const char *next);
void call_fail(struct tool_call *c, const char *reason, struct str say, const char *next);
/* Somebody else's service failed: logged, and said truthfully. */
void call_provider_down(struct tool_call *c, const char *what, const struct err *err);

/* Publishes an event of this call before an answer is given; what cannot be published is logged, without
 * people's words (event_has_words). `seq` is the end of its id: the same for the same fact. Between begin and
 * end members of `data` are written. */
struct gateway_event {
    struct event_head head;
    struct jw w;
};
void gateway_event_begin(struct gateway_event *e, struct tool_call *c, enum event_type type,
                         struct str seq);
void gateway_event_end(struct gateway_event *e, struct tool_call *c);
/* "+49*****67" or empty: fit for events and logs. */
struct str masked_number(struct arena *a, struct str number);

typedef void (*tool_run_fn)(struct tool_call *c);
void tool_find_availability(struct tool_call *c);
void tool_hold_slot(struct tool_call *c);
void tool_book_appointment(struct tool_call *c);
void tool_qualify_lead(struct tool_call *c);
void tool_transfer_to_human(struct tool_call *c);
void tool_request_callback(struct tool_call *c);
void tool_log_call_outcome(struct tool_call *c);

/* Queues a callback for this call (one a call: a later one replaces what the earlier said) and publishes it.
 * `window` empty: the next opening hours. Appends what is to be said to `say`. */
struct callback_wish {
    struct str reason, summary, name, phone, window;
    bool phone_said; /* by the caller, so it is read back whole */
    const char *event_suffix;
};
MUST_USE enum errc callback_queue(struct tool_call *c, const struct callback_wish *wish,
                                  struct buf *say, struct err *err);

#endif
