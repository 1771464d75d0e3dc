/* media_bridge/bridge.h: the service between Twilio's Media Streams and the voice engine. One process
 * carries many calls on one loop thread; workers do its HTTP. */
#ifndef MEDIA_BRIDGE_BRIDGE_H
#define MEDIA_BRIDGE_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "concierge/cost.h"
#include "concierge/profile.h"
#include "concierge/prompt.h"
#include "google/google.h"
#include "media_bridge/attempts.h"
#include "media_bridge/outbox.h"
#include "media_bridge/tools.h"
#include "net/service.h"
#include "twilio/media_stream.h"
#include "twilio/settings.h"
#include "twilio/signature.h"
#include "voice/engine.h"

struct opening;
struct pool;
struct sentences;

enum {
    BRIDGE_STOP_MS = 8600
}; /* from SIGTERM until the last call has moved and its events are out */

struct bridge_settings {
    struct service_settings common;
    struct twilio_settings twilio;
    struct google_settings google;
    struct voice_settings voice;
    struct str stream_token_key, tool_gateway_url, events_topic, profile_path, prices_path, bucket;
    int stream_signature; /* 0: required, 1: checked when it is there */
    int64_t calls_max, playout_lead_ms, tool_deadline_ms, tool_slow_ms, dtmf_timeout_ms,
        engine_attempts, engine_answer_ms, engine_stall_ms, session_max_s, session_margin_s;
    int64_t barge_in_ms, barge_in_yield_ms, barge_in_hum_ms, side_speech_db;
    int64_t wait_hesitation_ms, wait_digits_ms, wait_spelling_ms;
};

struct bridge {
    struct service *service; /* its workers are NULL while the process ends */
    const struct bridge_settings *settings;
    const struct profile *profile;
    const struct prompt *prompt;
    const struct prices *prices;
    const struct sentences *sentences;
    struct opening *opening; /* kept; NULL: there is no bucket for it */
    const struct voice_engine_ops *engine;
    struct str model, transcription_model, voice;
    struct google *google;
    struct outbox *outbox;
    struct twilio_verifier verifier;
    struct media_reader reader; /* of every stream: one message at a time */
    struct pool
        *audio; /* what the calls have of both voices; the service's, since a call goes after us */
    struct list calls; /* of struct call, by its node */
    size_t n_calls;
    struct attempts attempts; /* to reach the engine, of all calls */
    struct tools_share tools; /* of all calls */
    bool stopping;
    void (*stopped)(struct service *s); /* called once nothing is left to end; service_stopped() */
    struct timer stop_limit;
    uint64_t calls_total, refused_total, refused_full_total;
};

extern const struct config_key bridge_keys[];
extern const size_t n_bridge_keys;
extern const struct http_route bridge_routes[];
extern const size_t n_bridge_routes;
extern const struct ws_route bridge_ws_routes[];
extern const size_t n_bridge_ws_routes;

enum errc bridge_create(void **ret, struct service *s, struct err *err) MUST_USE;
void bridge_stop(void *app);
void bridge_destroy(void *app);

/* run on a worker, done on the loop; ERR_LIMIT or ERR_CLOSED: neither will run. */
enum errc bridge_submit(struct bridge *b, void (*run)(void *arg, struct ctx *ctx),
                        void (*done)(void *arg), void *arg) MUST_USE;
/* A call is over: it takes itself off the list, then says so. */
void bridge_call_over(struct bridge *b);

#endif
