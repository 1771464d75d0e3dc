/* local_cloud/control/world.h: what stands in the world before a scenario's call, and whether what stands
 * in it afterwards is what the scenario expects. Judges by final state: calendar, leads, callbacks, the
 * record, the events; words only where they are what is asked for. */
#ifndef LOCAL_CLOUD_CONTROL_WORLD_H
#define LOCAL_CLOUD_CONTROL_WORLD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "concierge/profile.h"
#include "google/firestore.h"
#include "local_cloud/control/scenario.h"
#include "net/ctx.h"

struct google;

/* Puts the scenario's busy times into the business's calendar. */
MUST_USE enum errc world_prepare(struct ctx *ctx, struct google *g, const struct profile *p,
                                 const struct scenario *s, struct err *err);

/* What was seen of the call while it went on. */
struct world_seen {
    const struct jval *const *events; /* CloudEvents of the call, each once */
    size_t n_events;
    const struct str *dialed;
    size_t n_dialed;
};

/* The record shows end, recording and transcript. */
bool world_written(struct ctx *ctx, struct google *g, struct str call_sid);
/* The stored record with its bookings, leads and callbacks as one JSON object. */
MUST_USE enum errc world_record(struct ctx *ctx, struct google *g, struct str call_sid,
                                struct str *ret, struct err *err);
/* Appends one sentence a line for each thing that is not as expected; nothing: passed. */
MUST_USE enum errc world_judge(struct ctx *ctx, struct google *g, const struct profile *p,
                               const struct scenario *s, struct str call_sid,
                               const struct world_seen *seen, struct buf *findings,
                               struct err *err);

#endif
