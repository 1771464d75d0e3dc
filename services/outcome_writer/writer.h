/* outcome_writer/writer.h: the only writer of calls/ and what lies under it. One event is one commit: the
 * journal's document (which must not exist yet) and the call's document as the fold over all its events
 * (under its updateTime), with the turns that the event brings. A repeat finds its journal document and
 * changes nothing; order does not matter (concierge/call_record.h): a turn is as the attempt's end tells it,
 * else as its own event does. */
#ifndef OUTCOME_WRITER_WRITER_H
#define OUTCOME_WRITER_WRITER_H

#include "base/err.h"
#include "concierge/event.h"
#include "concierge/profile.h"
#include "google/google.h"
#include "google/oidc.h"
#include "net/http_server.h"
#include "net/service.h"

enum {
    PUSH_BODY_MAX = 2 * 1024 * 1024, /* an event of EVENT_BYTES_MAX in base64, and its envelope */
    PUSH_DEADLINE_MS = 8000,         /* below the subscription's ack deadline of 10 s */
    TURNS_PER_CALL_MAX = 400,        /* taken from an end; the rest are there by their own events */
    JOURNAL_DATA_MAX = 256 * 1024,   /* data of a larger event is journalled without its turns */
};

struct prices;

struct writer_settings {
    struct service_settings service; /* first */
    struct google_settings google;
    struct oidc_settings oidc;
    struct str profile_path; /* its retention says when the TTL policy deletes */
    struct str prices_path;
};

struct writer {
    const struct writer_settings *settings;
    const struct profile *profile;
    const struct prices *prices;
    struct google *google;
    struct oidc *oidc;
};

/* Borrows `settings`, `clock` and `arena`; *ret is for writer_destroy(). */
MUST_USE enum errc writer_create(struct writer **ret, const struct writer_settings *settings,
                                 const struct clock *clock, struct arena *arena, struct err *err);
struct writer *writer_destroy(struct writer *w);

/* Brings one event into the store. *ret_repeat: it was there already. Errors are worth repeating, but for
 * ERR_LIMIT: the event can never be stored. */
MUST_USE enum errc writer_take(struct writer *w, struct ctx *ctx, const struct event *e,
                               bool *ret_repeat, struct err *err);

extern const struct http_route writer_routes[];
extern const size_t writer_n_routes;

#endif
