/* media_bridge/outbox.h: events on their way to Pub/Sub. Each call has a stream; its events leave in order,
 * several in one publish, by workers, while the call goes on. When Pub/Sub is away they wait in memory
 * within bounds and are tried again; what does not fit, or is left when the process stops, goes to the log
 * (without the words that were spoken). Loop thread only. */
#ifndef MEDIA_BRIDGE_OUTBOX_H
#define MEDIA_BRIDGE_OUTBOX_H

#include <stddef.h>

#include "base/log.h"
#include "base/str.h"
#include "concierge/event.h"
#include "net/loop.h"
#include "net/workers.h"

struct google;
struct outbox;
struct outbox_stream;

enum {
    OUTBOX_BATCH_MAX = 100,
    OUTBOX_BATCH_BYTES_MAX = 2 * 1024 * 1024,
    OUTBOX_STREAM_BYTES_MAX = 4 * 1024 * 1024, /* waiting, of one call */
    OUTBOX_BYTES_MAX = 64 * 1024 * 1024,       /* waiting, of all */
    OUTBOX_PUBLISH_MS = 10000,
    OUTBOX_RETRY_MS = 500, /* doubling, with jitter, up to … */
    OUTBOX_RETRY_MAX_MS = 30000,
};

/* `workers` points to where the service keeps them: NULL once the process ends, and events then wait for
 * outbox_destroy(). `jobs_max`: workers that may be busy publishing at a time, so that an outage leaves some for tools. */
struct outbox *outbox_create(struct loop *loop, struct workers *const *workers,
                             struct google *google, struct str topic, int jobs_max,
                             const struct log *log) MUST_USE;
/* After the last job: what is left is logged. */
struct outbox *outbox_destroy(struct outbox *o);

struct outbox_stream *outbox_open(struct outbox *o, struct str call_sid) MUST_USE;
/* Copies. `id` is the event's, `text` its JSON. */
void outbox_add(struct outbox_stream *s, enum event_type type, struct str id, struct str text);
/* No more will be added; the stream is freed once all is out. */
void outbox_close(struct outbox_stream *s);

size_t outbox_waiting(
    const struct outbox *o);                /* events of all streams, also those being published */
size_t outbox_lost(const struct outbox *o); /* that went to the log only */
/* Tells when nothing is waiting any more, at once or later; one listener. */
void outbox_when_empty(struct outbox *o, void (*fn)(void *arg), void *arg);

#endif
