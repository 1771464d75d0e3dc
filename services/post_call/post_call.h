/* post_call/post_call.h: what happens to a call's recording once it is there. One pushed event,
 * `recording.available`, is one run of steps, each of which does nothing when it has been done before:
 *
 *   1. the recording goes from Twilio to Cloud Storage       → `recording.stored`
 *   2. its channels are transcribed into an object beside it → `transcript.ready`
 *
 * A push that can never succeed (not an event, no such recording, not a WAV) is logged and acknowledged;
 * whatever may succeed later is answered 503, and Pub/Sub sends it again. docs/contracts.md has the events,
 * docs/post-call.md the objects. */
#ifndef POST_CALL_POST_CALL_H
#define POST_CALL_POST_CALL_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "concierge/event.h"
#include "google/google.h"
#include "google/oidc.h"
#include "net/service.h"
#include "post_call/transcribe.h"
#include "twilio/settings.h"

enum {
    POST_CALL_PUSH_BYTES_MAX = 256 * 1024,
    POST_CALL_GRACE_S = 900, /* a recording that Twilio does not know is waited for so long */
};

struct post_call_settings {
    struct service_settings service;
    struct google_settings google;
    struct oidc_settings oidc;
    struct twilio_settings twilio;
    struct transcribe_settings transcribe;
    struct str profile_path, prices_path;
    struct str events_topic, recordings_bucket;
    int64_t attempt_s;
};

struct post_call;
struct prices;

/* Borrows everything for its life. `tls` may be NULL where nothing is asked over TLS. */
struct post_call_opts {
    const struct post_call_settings *settings;
    const struct prices *prices;
    const struct clock *clock;
    struct tls_store *tls;
};
MUST_USE enum errc post_call_create(struct post_call **ret, const struct post_call_opts *o,
                                    struct err *err);
struct post_call *post_call_destroy(struct post_call *p);

/* All steps of one event. ERR_INVALID, ERR_UNSUPPORTED: it will never succeed. Others: later perhaps. */
MUST_USE enum errc post_call_run(struct post_call *p, struct ctx *ctx, const struct event *ev,
                                 struct err *err);

/* "recordings/2026/11/24/CA…/RE…" + suffix, of the day (UTC) on which the recording began. */
struct str post_call_object(struct arena *a, int64_t start_us, struct str call_sid,
                            struct str recording_sid, const char *suffix);

extern const struct service_spec post_call_spec;

#endif
