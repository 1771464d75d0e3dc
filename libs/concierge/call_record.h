/* concierge/call_record.h: a call's document as a fold over its events. The result is a pure function of the
 * set of events: whatever the order in which they arrive. (That each counts once is the journal's work:
 * its document and the fold are one commit.)
 *
 * The document keeps what the fold needs under `parts` and shows the rest at the top level (what is not known
 * is absent):
 *   callSid from to direction model voice promptHash status (ringing, live, ended) startedAt endedAt
 *   durationMs outcome endReason summary attempts twilioStatus callSeconds
 *   costMicroUsd {engine, transcription, summary, telephony, total}  usage (concierge/cost.h); telephony once
 *     the call is over: from what the events count, at list prices
 *   latency {firstWordMs, engineConnectMs (of the first stream), responseMs {p50, p95, max, n},
 *     bargeInStopMs {…}, toolMs {…}}  turns toolCalls tools {name: n}
 *   handoff recording transcript booking (data of their events; of the recording status, and startedAt where
 *     the event has startTime) callbackId callbackDone bookingId leadId
 *   flags [failed, lead_review, resumed, unpriced (something was used that has no price: the cost lacks it)]
 *   firstEventAt lastEventAt events
 * A resumed call has several attempts; its numbers are sums over them, its end is the last one's. */
#ifndef CONCIERGE_CALL_RECORD_H
#define CONCIERGE_CALL_RECORD_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "concierge/event.h"

struct prices;

enum { CALL_ATTEMPTS_MAX = 16, CALL_LATENCIES_MAX = 2000 };

/* The parts after one more event; `parts` (may be NULL: none yet) as this function returned it before.
 * JSON text of an object, in a canonical order, so that equal sets give equal bytes. Never fails: what an
 * event lacks stays empty. */
struct str call_record_fold(struct arena *a, const struct jval *parts, const struct event *e);
/* The document that the parts make, `parts` included, as plain JSON text. Members listed in
 * call_record_times are RFC 3339. */
struct str call_record_show(struct arena *a, const struct jval *parts, const struct prices *prices);
/* Top-level members that Firestore keeps as timestamps. */
extern const char *const call_record_times[];
extern const size_t call_record_n_times;

#endif
