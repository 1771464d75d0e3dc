/* The handlers that decide what a live call does next. */
#include "base/url.h"
#include "concierge/hours.h"
#include "concierge/live_call.h"
#include "concierge/profile.h"
#include "concierge/stream_token.h"
#include "google/firestore.h"
#include "twilio/twiml.h"
#include "twilio/webhook.h"
#include "twiml_webhook/events.h"
#include "twiml_webhook/handlers.h"

enum {
    LIVE_CALL_READ_MS = 2500, /* the caller hears nothing meanwhile */
    CALLBACK_WRITE_MS = 2500,
    NUMBER_BYTES_MAX = 40, /* what is no telephone number is not handed on */
};

#define VOICEMAIL_SUMMARY "The caller left a spoken message."

/* Sends the document. That it is too long or invalid would be our own mistake; the call is not lost for it. */
static void reply_twiml(struct webhook *w, struct http_req *r, struct twiml *t)
{
    struct err err = ERR_INIT;
    struct str doc;

    if (twiml_finish(t, &doc, &err)) {
        log_error(&r->ctx->log, "answer cannot be written error=\"%s\"", err.text);
        twiml_release(t);
        twiml_init(t, TWIML_BYTES_MAX);
        answer_goodbye(t, &w->answers);
        if (twiml_finish(t, &doc, &err))
            doc = STR("<Response><Hangup/></Response>");
    }
    http_reply(r, 200, "text/xml", doc);
    twiml_release(t);
}

static int query_int(struct http_req *r, const char *key, int max)
{
    struct form q;
    int64_t v;

    if (form_parse(&q, r->ctx->arena, r->query) || str_to_i64(form_get(&q, key), 0, max, &v))
        return 0;
    return (int)v;
}

static struct str number_or_nothing(struct str number)
{
    return twilio_number_known(number) && number.n <= NUMBER_BYTES_MAX ? number : STR_EMPTY;
}

static struct str token_for(struct webhook *w, struct http_req *r,
                            const struct twilio_webhook *hook, int attempt)
{
    const struct stream_token token = {
        .call_sid = hook->call_sid,
        .account_sid = hook->account_sid,
        .from = number_or_nothing(hook->from),
        .to = number_or_nothing(hook->to),
        .attempt = attempt,
        .exp_s = clock_wall_s(w->clock) + STREAM_TOKEN_LIFE_S,
    };

    return stream_token_mint(r->ctx->arena, w->settings->stream_token_key, &token);
}

static void publish_ringing(struct webhook *w, struct http_req *r,
                            const struct twilio_webhook *hook)
{
    struct event_head head;
    struct jw jw;

    webhook_event_begin(w, &jw, &head, EVENT_CALL_RINGING, hook->call_sid, STR("ringing"));
    webhook_event_number(&jw, "from", hook->from);
    jw_str(&jw, "to", hook->to);
    jw_str(&jw, "direction", hook->direction);
    jw_cstr(&jw, "promptHash", w->prompt_hash);
    /* Without it the record lacks what call.started says too: no reason to let the caller wait. */
    (void)webhook_event_end(w, r, &jw, &head, w->settings->events_topic, EVENT_CALLER_WAITS_MS);
}

void on_voice_incoming(void *app, struct http_req *r)
{
    struct webhook *w = app;
    struct twilio_webhook hook;
    struct twiml t;

    if (!webhook_read(r, &hook))
        return;
    publish_ringing(w, r, &hook);
    twiml_init(&t, TWIML_BYTES_MAX);
    answer_stream(
        &t, &w->answers,
        &(struct stream_answer){ .token = token_for(w, r, &hook, 0),
                                 .record = w->answers.profile->recording.consent != CONSENT_OFF });
    log_info(&r->ctx->log, "incoming call answered withheld=%s",
             twilio_number_known(hook.from) ? "no" : "yes");
    reply_twiml(w, r, &t);
}

/* What the bridge left on record; NULL when there is nothing, or it cannot be read in time. */
static const struct live_call *live_call_of(struct webhook *w, struct http_req *r,
                                            struct str call_sid, struct live_call *room)
{
    struct ctx ctx = *r->ctx;
    struct err err = ERR_INIT;
    enum errc rc;

    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + LIVE_CALL_READ_MS;
    rc = live_call_read(&ctx, w->google, call_sid, room, &err);
    if (rc && rc != ERR_NOT_FOUND)
        log_warn(&r->ctx->log,
                 "the call's state cannot be read, as if there were none error=\"%s\"", err.text);
    return rc ? NULL : room;
}

static void answer_next(struct webhook *w, struct http_req *r, const struct twilio_webhook *hook,
                        struct twiml *t)
{
    struct live_call room;
    const struct live_call *call = live_call_of(w, r, hook->call_sid, &room);
    int attempt;
    enum next_step step = next_step(call, query_int(r, "attempt", 1000), &attempt);

    log_info(&r->ctx->log, "stream ended state=%s attempt=%d next=%s",
             call ? live_call_state_name(call->state) : "none", attempt - 1,
             ((const char *const[]){ "hangup", "stream", "transfer", "lost" })[step]);
    switch (step) {
    case NEXT_HANGUP:
        twiml_hangup(t);
        break;
    case NEXT_STREAM:
        answer_stream(t, &w->answers,
                      &(struct stream_answer){ .token = token_for(w, r, hook, attempt),
                                               .attempt = attempt,
                                               .wait = attempt > 1 });
        break;
    case NEXT_TRANSFER:
        answer_transfer(t, &w->answers,
                        &(struct dial_answer){ .number = call->transfer.number,
                                               .caller_id = number_or_nothing(hook->to),
                                               .attempt = attempt - 1 });
        break;
    case NEXT_LOST:
        answer_lost(t, &w->answers, hours_open_at(w->answers.profile, clock_wall_s(w->clock)),
                    number_or_nothing(hook->to));
        break;
    }
}

void on_voice_continue(void *app, struct http_req *r)
{
    struct webhook *w = app;
    struct twilio_webhook hook;
    struct twiml t;

    if (!webhook_read(r, &hook))
        return;
    twiml_init(&t, TWIML_BYTES_MAX);
    if (twilio_call_status_final(hook.call_status))
        twiml_hangup(&t); /* nobody is there any more */
    else
        answer_next(w, r, &hook, &t);
    reply_twiml(w, r, &t);
}

/* DialBridged is not sent by everything that speaks TwiML; then the status has to do. */
static bool person_was_reached(const struct twilio_webhook *hook)
{
    if (str_eq_c(hook->dial_call_status, "answered"))
        return true;
    return str_eq_c(hook->dial_call_status, "completed") && hook->dial_bridged != 0;
}

/* A leg that was answered costs; when a person has it, nobody waits for us. */
static void publish_dialed(struct webhook *w, struct http_req *r, const struct twilio_webhook *hook,
                           int attempt)
{
    struct event_head head;
    struct jw jw;

    if (hook->dial_duration_s <= 0 || !twilio_sid_valid(hook->dial_call_sid, "CA"))
        return;
    webhook_event_begin(
        w, &jw, &head, EVENT_CALL_DIALED, hook->call_sid,
        arena_printf(r->ctx->arena, "dialed-" STR_FMT, STR_ARG(hook->dial_call_sid)));
    jw_i64(&jw, "attempt", attempt);
    jw_str(&jw, "status", hook->dial_call_status);
    jw_i64(&jw, "durationS", hook->dial_duration_s);
    (void)webhook_event_end(w, r, &jw, &head, w->settings->events_topic,
                            person_was_reached(hook) ? EVENT_NOBODY_WAITS_MS
                                                     : EVENT_CALLER_WAITS_MS);
}

void on_voice_dialed(void *app, struct http_req *r)
{
    struct webhook *w = app;
    struct twilio_webhook hook;
    struct twiml t;
    int attempt;

    if (!webhook_read(r, &hook))
        return;
    attempt = query_int(r, "attempt", 1000) + 1;
    log_info(&r->ctx->log, "transfer ended status=" STR_FMT " bridged=%d",
             STR_ARG(hook.dial_call_status), hook.dial_bridged);
    publish_dialed(w, r, &hook, attempt - 1);
    twiml_init(&t, TWIML_BYTES_MAX);
    if (person_was_reached(&hook) || twilio_call_status_final(hook.call_status)) {
        twiml_hangup(&t);
    } else if (query_int(r, "lost", 1) || attempt > RESUMES_MAX) {
        answer_no_answer(&t, &w->answers);
    } else {
        answer_back_from_dial(&t, &w->answers,
                              &(struct stream_answer){ .token = token_for(w, r, &hook, attempt),
                                                       .attempt = attempt,
                                                       .after = "no_answer" });
    }
    reply_twiml(w, r, &t);
}

/* Where somebody reads it who calls back; the number stands there in full. */
static bool keep_callback(struct webhook *w, struct http_req *r, const struct twilio_webhook *hook,
                          struct str id)
{
    struct ctx ctx = *r->ctx;
    struct err err = ERR_INIT;
    struct firestore_commit *c;
    struct fsw *doc;
    enum errc rc;

    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + CALLBACK_WRITE_MS;
    c = firestore_commit_begin(w->google, &ctx);
    doc = firestore_create(c, arena_printf(ctx.arena, "callbacks/" STR_FMT, STR_ARG(id)));
    fsw_str(doc, "callSid", hook->call_sid);
    fsw_cstr(doc, "state", "open");
    fsw_cstr(doc, "reason", "voicemail");
    fsw_cstr(doc, "summary", VOICEMAIL_SUMMARY);
    fsw_cstr(doc, "window", "");
    fsw_str(doc, "number", number_or_nothing(hook->from));
    fsw_str(doc, "recordingSid", hook->recording_sid);
    fsw_i64(doc, "recordingDurationS", MAX(hook->recording_duration_s, 0));
    fsw_time(doc, "createdAt", clock_wall_us(w->clock));
    fsw_ttl(doc, clock_wall_us(w->clock), w->answers.profile->retention.calls_days);
    rc = firestore_commit(c, NULL, &err);
    if (!rc || rc == ERR_CONFLICT) /* it stands there since the first time we were asked */
        return true;
    log_error(&r->ctx->log,
              "callback not stored, kept here only callback_id=" STR_FMT " recording_sid=" STR_FMT
              " error=\"%s\"",
              STR_ARG(id), STR_ARG(hook->recording_sid), err.text);
    return false;
}

static void publish_callback(struct webhook *w, struct http_req *r,
                             const struct twilio_webhook *hook, struct str id)
{
    struct event_head head;
    struct jw jw;

    webhook_event_begin(
        w, &jw, &head, EVENT_CALLBACK_REQUESTED, hook->call_sid,
        arena_printf(r->ctx->arena, "callback-" STR_FMT, STR_ARG(hook->recording_sid)));
    jw_str(&jw, "callbackId", id);
    jw_cstr(&jw, "reason", "voicemail");
    webhook_event_number(&jw, "number", hook->from);
    jw_cstr(&jw, "window", "");
    jw_cstr(&jw, "summary", VOICEMAIL_SUMMARY);
    jw_str(&jw, "recordingSid", hook->recording_sid);
    (void)webhook_event_end(w, r, &jw, &head, w->settings->events_topic, EVENT_CALLER_WAITS_MS);
}

void on_voice_voicemail(void *app, struct http_req *r)
{
    struct webhook *w = app;
    struct twilio_webhook hook;
    struct twiml t;
    bool taken;

    if (!webhook_read(r, &hook))
        return;
    taken = hook.recording_sid.n > 0 && hook.recording_duration_s != 0;
    if (taken) {
        struct str id =
            arena_printf(r->ctx->arena, "voicemail-" STR_FMT, STR_ARG(hook.recording_sid));

        taken = keep_callback(w, r, &hook, id); /* otherwise we promise no call */
        publish_callback(w, r, &hook, id);
    }
    log_info(&r->ctx->log, "voicemail taken=%s duration_s=%lld", taken ? "yes" : "no",
             (long long)hook.recording_duration_s);
    twiml_init(&t, TWIML_BYTES_MAX);
    answer_message_taken(&t, &w->answers, taken);
    reply_twiml(w, r, &t);
}

/* Asked when an answer of ours failed. Depends on nothing but this process; where the failed answer was that
 * of a person or a message already, there is nothing left to offer. */
void on_voice_fallback(void *app, struct http_req *r)
{
    struct webhook *w = app;
    struct twilio_webhook hook;
    struct twiml t;

    if (!webhook_read(r, &hook))
        return;
    log_error(&r->ctx->log, "fallback asked error_code=" STR_FMT, STR_ARG(hook.error_code));
    twiml_init(&t, TWIML_BYTES_MAX);
    if (str_contains(hook.error_url, STR("/voice/dialed")) ||
        str_contains(hook.error_url, STR("/voice/voicemail")))
        answer_goodbye(&t, &w->answers);
    else
        answer_lost(&t, &w->answers, hours_open_at(w->answers.profile, clock_wall_s(w->clock)),
                    number_or_nothing(hook.to));
    reply_twiml(w, r, &t);
}
