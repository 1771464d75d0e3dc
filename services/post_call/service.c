/* Settings, route and answer of the service: what Pub/Sub sees of it. */
#include <stddef.h>

#include "base/macros.h"
#include "base/mem.h"
#include "concierge/cost.h"
#include "concierge/profile.h"
#include "google/pubsub.h"
#include "post_call/post_call.h"

struct app {
    struct post_call_settings settings; /* with what the profile adds */
    struct post_call *post_call;
    struct oidc *oidc;
};

#define SETTING(member) offsetof(struct post_call_settings, member)

static const struct config_key keys[] = {
    GOOGLE_CONFIG_KEYS(struct post_call_settings, google),
    OIDC_CONFIG_KEYS(struct post_call_settings, oidc),
    /* No TWILIO_CONFIG_KEYS: nothing here needs the origin that Twilio calls. */
    { .name = "TWILIO_ACCOUNT_SID",
      .kind = CONFIG_STR,
      .required = true,
      .offset = SETTING(twilio.account_sid),
      .help = "account whose recordings these are (AC…)" },
    { .name = "TWILIO_AUTH_TOKEN",
      .kind = CONFIG_SECRET,
      .required = true,
      .offset = SETTING(twilio.auth_token),
      .help = "its auth token; of several, comma-separated, the first is used" },
    { .name = "TWILIO_API_BASE",
      .kind = CONFIG_URL,
      .allowed = "http|https",
      .dflt = "https://api.twilio.com",
      .offset = SETTING(twilio.api_base),
      .help = "origin of Twilio's REST API" },
    { .name = "BUSINESS_PROFILE",
      .kind = CONFIG_STR,
      .required = true,
      .offset = SETTING(profile_path),
      .help = "file with the business profile (YAML)" },
    { .name = "EVENTS_TOPIC",
      .kind = CONFIG_STR,
      .required = true,
      .offset = SETTING(events_topic),
      .help = "Pub/Sub topic of the calls' events" },
    { .name = "RECORDINGS_BUCKET",
      .kind = CONFIG_STR,
      .required = true,
      .offset = SETTING(recordings_bucket),
      .help = "Cloud Storage bucket of recordings and transcripts" },
    { .name = "OPENAI_BASE_URL",
      .kind = CONFIG_URL,
      .allowed = "http|https",
      .dflt = "https://api.openai.com/v1",
      .offset = SETTING(transcribe.base_url),
      .help = "transcription endpoint, with its version; any compatible server works" },
    { .name = "OPENAI_API_KEY",
      .kind = CONFIG_SECRET,
      .offset = SETTING(transcribe.api_key),
      .help = "its key; unset: none is sent" },
    { .name = "TRANSCRIPTION_MODEL",
      .kind = CONFIG_STR,
      .dflt = "gpt-transcribe",
      .offset = SETTING(transcribe.model),
      .help = "model that transcribes recordings" },
    { .name = "TRANSCRIPTION_FORMAT",
      .kind = CONFIG_ENUM,
      .allowed = "auto|json|verbose_json",
      .dflt = "auto",
      .offset = SETTING(transcribe.format),
      .help = "answer to ask for; auto: what the model is known to give" },
    { .name = "PRICES",
      .kind = CONFIG_STR,
      .offset = SETTING(prices_path),
      .help = "JSON file that overrides the built-in prices" },
    { .name = "ATTEMPT_S",
      .kind = CONFIG_INT,
      .min = 10,
      .max = 3600,
      .dflt = "540",
      .offset = SETTING(attempt_s),
      .help = "time for one delivery; below the subscription's acknowledgement deadline" },
};

/* ERR_OK: acknowledge. */
static enum errc handle(struct app *app, struct ctx *ctx, struct str body, struct err *err)
{
    struct pubsub_push push;
    struct event ev;
    struct ctx own = *ctx;
    enum errc rc;

    rc = pubsub_push_decode(&push, ctx->arena, body, err);
    if (!rc)
        rc = event_parse(&ev, ctx->arena, push.data, err);
    if (rc)
        return rc;
    if (ev.type != EVENT_RECORDING_AVAILABLE)
        return err_set(err, ERR_UNSUPPORTED, "%s on this subscription", event_type_name(ev.type));
    own.log = log_with_call(&ctx->log, ev.subject);
    own.deadline_mono_ms = clock_mono_ms(ctx->clock) + app->settings.attempt_s * 1000;
    rc = post_call_run(app->post_call, &own, &ev, err);
    return rc ? err_wrap(err, rc, STR_FMT, STR_ARG(ev.id)) : ERR_OK;
}

static void on_push(void *arg, struct http_req *r)
{
    struct err err = ERR_INIT;
    enum errc rc = handle(arg, r->ctx, r->body, &err);

    if (rc == ERR_INVALID || rc == ERR_UNSUPPORTED) {
        log_error(&r->ctx->log, "given up: %s", err.text);
        rc = ERR_OK;
    }
    if (!rc) {
        http_reply_empty(r, 204);
        return;
    }
    log_warn(&r->ctx->log, "to be delivered again kind=%s: %s", errc_name(rc), err.text);
    http_reply_error(r, 503, "not done yet");
}

static enum errc on_admit(void *arg, struct http_req *r)
{
    struct app *app = arg;

    return oidc_admit(app->oidc, r);
}

static const struct http_route routes[] = {
    { HTTP_POST, "/push/recordings", POST_CALL_PUSH_BYTES_MAX, on_admit, on_push, false },
};

static void destroy(void *arg)
{
    struct app *app = arg;

    if (!app)
        return;
    app->oidc = oidc_destroy(app->oidc);
    app->post_call = post_call_destroy(app->post_call);
    mem_free(app);
}

static enum errc create(void **ret, struct service *s, struct err *err)
{
    struct app *app = MEM_NEW(struct app);
    struct post_call_settings *set = &app->settings;
    struct post_call_opts o = { .settings = set, .clock = s->clock, .tls = s->tls };
    const struct profile *profile;
    enum errc rc;

    *set = *(const struct post_call_settings *)s->settings;
    rc = profile_load(&profile, s->arena, arena_cstr(s->arena, set->profile_path), err);
    if (!rc)
        rc = prices_load(&o.prices, s->arena, arena_cstr(s->arena, set->prices_path), err);
    if (!rc) {
        set->transcribe.languages = profile->languages;
        set->transcribe.n_languages = profile->n_languages;
        rc = oidc_create(&app->oidc, &set->oidc, err);
    }
    if (!rc)
        rc = post_call_create(&app->post_call, &o, err);
    if (rc)
        destroy(app);
    else
        *ret = app;
    return rc;
}

const struct service_spec post_call_spec = {
    .name = "post-call",
    .summary = "Takes recordings from Twilio to Cloud Storage and has them transcribed.",
    .keys = keys,
    .n_keys = ARRAY_LEN(keys),
    .settings_size = sizeof(struct post_call_settings),
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .create = create,
    .destroy = destroy,
};
