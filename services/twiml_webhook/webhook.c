#include "twiml_webhook/webhook.h"

#include <inttypes.h>

#include "base/mem.h"
#include "concierge/profile.h"
#include "concierge/prompt.h"
#include "concierge/stream_token.h"
#include "twilio/webhook.h"

enum { SIGNATURE_SETTINGS_LOGGED_MAX = 120 };

const struct config_key webhook_keys[] = {
    TWILIO_CONFIG_KEYS(struct webhook_settings, twilio),
    GOOGLE_CONFIG_KEYS(struct webhook_settings, google),
    { .name = "BRIDGE_URL",
      .kind = CONFIG_URL,
      .offset = offsetof(struct webhook_settings, bridge_url),
      .required = true,
      .allowed = "wss|ws",
      .help = "the media bridge's /media, as Twilio reaches it" },
    { .name = "STREAM_TOKEN_KEY",
      .kind = CONFIG_SECRET,
      .offset = offsetof(struct webhook_settings, stream_token_key),
      .required = true,
      .help = "key of the stream token, shared with the media bridge; at least 16 bytes" },
    { .name = "EVENTS_TOPIC",
      .kind = CONFIG_STR,
      .offset = offsetof(struct webhook_settings, events_topic),
      .dflt = "call-events",
      .help = "Pub/Sub topic of call events" },
    { .name = "RECORDINGS_TOPIC",
      .kind = CONFIG_STR,
      .offset = offsetof(struct webhook_settings, recordings_topic),
      .dflt = "recordings",
      .help = "Pub/Sub topic of finished recordings" },
    { .name = "BUSINESS_PROFILE",
      .kind = CONFIG_STR,
      .offset = offsetof(struct webhook_settings, profile_path),
      .required = true,
      .help = "path of the business profile" },
};
const size_t n_webhook_keys = ARRAY_LEN(webhook_keys);

static struct str without_slash(struct str url)
{
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    return url;
}

static enum errc check_settings(const struct webhook_settings *s, struct err *err)
{
    if (s->stream_token_key.n < STREAM_TOKEN_KEY_MIN_BYTES)
        return err_set(err, ERR_INVALID, "STREAM_TOKEN_KEY: shorter than %d bytes",
                       STREAM_TOKEN_KEY_MIN_BYTES);
    if (!twilio_sid_valid(s->twilio.account_sid, "AC"))
        return err_set(err, ERR_INVALID, "TWILIO_ACCOUNT_SID: not AC and 32 hexadecimal digits");
    return ERR_OK;
}

enum errc webhook_create(void **ret, struct service *s, struct err *err)
{
    const struct webhook_settings *settings = s->settings;
    const struct profile *profile = NULL;
    struct webhook *w;
    enum errc rc;

    rc = check_settings(settings, err);
    if (!rc)
        rc = profile_load(&profile, s->arena, arena_cstr(s->arena, settings->profile_path), err);
    if (rc)
        return rc;
    w = MEM_NEW(struct webhook);
    w->settings = settings;
    w->clock = s->clock;
    w->verifier = (struct twilio_verifier){ settings->twilio.public_base_url,
                                            twilio_tokens(settings->twilio.auth_token, s->arena) };
    w->answers = (struct answers){ profile, without_slash(settings->twilio.public_base_url),
                                   settings->bridge_url };
    (void)str_copy(w->prompt_hash, sizeof(w->prompt_hash),
                   str_c(prompt_create(profile, s->arena).hash)); /* both hold 64 digits */
    rc = google_create(&w->google, settings->common.project, &settings->google, s->clock, err);
    if (rc) {
        webhook_destroy(w);
        return rc;
    }
    *ret = w;
    return ERR_OK;
}

void webhook_destroy(void *app)
{
    struct webhook *w = app;

    if (!w)
        return;
    w->google = google_destroy(w->google);
    mem_free(w);
}

enum errc webhook_admit(void *app, struct http_req *r)
{
    struct webhook *w = app;
    const struct twilio_signed request = {
        .target = r->target,
        .content_type = http_req_header(r, "Content-Type"),
        .body = r->body,
        .signature = http_req_header(r, "X-Twilio-Signature"),
    };
    struct str settings;

    if (twilio_verify(&w->verifier, &request, r->ctx->arena) == ERR_OK)
        return ERR_OK;
    /* Twilio may sign with a shared key in place of the auth token, and says so in this header: key=ID,
     * algorithm=…. We verify the auth token's signature only; whoever has switched finds out here. */
    settings = http_req_header(r, "X-Twilio-Webhooks-Signature-Settings");
    log_warn(&r->ctx->log,
             "request without a valid signature refused signature_refused_total=%" PRIu64
             " path=" STR_FMT " signed=%s%s" STR_FMT,
             atomic_fetch_add(&w->signature_refused, 1) + 1, STR_ARG(r->path),
             request.signature.n ? "wrongly" : "not", settings.n ? " settings=" : "",
             STR_ARG(str_slice(settings, 0, SIGNATURE_SETTINGS_LOGGED_MAX)));
    http_reply_error(r, 403, "the request is not signed by Twilio");
    return ERR_DENIED;
}

bool webhook_read(struct http_req *r, struct twilio_webhook *ret)
{
    struct err err = ERR_INIT;

    if (twilio_webhook_parse(ret, r->ctx->arena, r->body, &err)) {
        log_warn(&r->ctx->log, "request refused path=" STR_FMT " error=\"%s\"", STR_ARG(r->path),
                 err.text);
        http_reply_error(r, 400, "%s", err.text);
        return false;
    }
    r->ctx->log = log_with_call(&r->ctx->log, ret->call_sid);
    return true;
}
