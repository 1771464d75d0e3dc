/* twiml_webhook/events.h: what the webhook tells the other services. Bounded in time, so that an outage of
 * Pub/Sub delays no caller; an event that could not be published stands in the log instead. */
#ifndef TWIML_WEBHOOK_EVENTS_H
#define TWIML_WEBHOOK_EVENTS_H

#include "concierge/event.h"
#include "net/http_server.h"
#include "twiml_webhook/webhook.h"

enum {
    EVENT_CALLER_WAITS_MS = 800, /* somebody is listening to silence meanwhile */
    EVENT_NOBODY_WAITS_MS = 5000,
};

/* Begins an event of this call: members of its data follow with jw_*. */
void webhook_event_begin(struct webhook *w, struct jw *jw, struct event_head *h,
                         enum event_type type, struct str call_sid, struct str seq);
/* Ends and publishes it. False: it is in the log only. */
bool webhook_event_end(struct webhook *w, struct http_req *r, struct jw *jw,
                       const struct event_head *h, struct str topic, int wait_ms);
/* Writes a caller's number as events carry it: masked, empty when withheld. */
void webhook_event_number(struct jw *jw, const char *key, struct str number);

#endif
