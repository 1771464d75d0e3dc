/* twiml_webhook/webhook.h: the service that answers Twilio's voice webhooks. */
#ifndef TWIML_WEBHOOK_WEBHOOK_H
#define TWIML_WEBHOOK_WEBHOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "google/google.h"
#include "net/service.h"
#include "twilio/settings.h"
#include "twilio/signature.h"
#include "twiml_webhook/answers.h"

struct google;

struct webhook_settings {
    struct service_settings common;
    struct twilio_settings twilio;
    struct google_settings google;
    struct str bridge_url, stream_token_key, events_topic, recordings_topic, profile_path;
};

struct webhook {
    const struct webhook_settings *settings;
    const struct clock *clock;
    struct google *google;
    struct twilio_verifier verifier;
    struct answers answers;
    char prompt_hash[65];
    _Atomic uint64_t signature_refused;
};

extern const struct config_key webhook_keys[];
extern const size_t n_webhook_keys;
extern const struct http_route webhook_routes[];
extern const size_t n_webhook_routes;

enum errc webhook_create(void **ret, struct service *s, struct err *err) MUST_USE;
void webhook_destroy(void *w);

/* Admission of every route that Twilio calls: 403 and a counted line without a valid signature. */
enum errc webhook_admit(void *app, struct http_req *r) MUST_USE;

struct twilio_webhook;
/* Reads the request's parameters and binds the call to its log. False: it has answered 400. */
bool webhook_read(struct http_req *r, struct twilio_webhook *ret) MUST_USE;

#endif
