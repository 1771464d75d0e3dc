/* The handlers of what Twilio tells beside the call. */
#include "base/macros.h"
#include "twilio/webhook.h"
#include "twiml_webhook/events.h"
#include "twiml_webhook/handlers.h"

static void acknowledge(struct http_req *r, bool handed_on)
{
    if (handed_on)
        http_reply_empty(r, 204);
    else
        http_reply_error(r, 503, "the event could not be handed on");
}

void on_voice_status(void *app, struct http_req *r)
{
    struct webhook *w = app;
    struct twilio_webhook hook;
    struct event_head head;
    struct jw jw;

    if (!webhook_read(r, &hook))
        return;
    if (!hook.call_status.n) {
        http_reply_error(r, 400, "CallStatus is missing");
        return;
    }
    webhook_event_begin(w, &jw, &head, EVENT_CALL_STATUS, hook.call_sid,
                        arena_printf(r->ctx->arena, "status-" STR_FMT, STR_ARG(hook.call_status)));
    jw_str(&jw, "status", hook.call_status);
    if (hook.sequence >= 0)
        jw_i64(&jw, "sequence", hook.sequence);
    if (hook.call_duration_s >= 0)
        jw_i64(&jw, "durationS", hook.call_duration_s);
    acknowledge(
        r, webhook_event_end(w, r, &jw, &head, w->settings->events_topic, EVENT_NOBODY_WAITS_MS));
}

static bool publish_recording(struct webhook *w, struct http_req *r,
                              const struct twilio_webhook *hook)
{
    struct event_head head;
    struct jw jw;
    int64_t start_s;

    webhook_event_begin(
        w, &jw, &head, EVENT_RECORDING_AVAILABLE, hook->call_sid,
        arena_printf(r->ctx->arena, "recording-" STR_FMT, STR_ARG(hook->recording_sid)));
    jw_str(&jw, "status", hook->recording_status);
    jw_str(&jw, "recordingSid", hook->recording_sid);
    jw_str(&jw, "recordingUrl", hook->recording_url);
    jw_i64(&jw, "durationS", MAX(hook->recording_duration_s, 0));
    jw_i64(&jw, "channels", hook->recording_channels > 0 ? hook->recording_channels : 1);
    if (time_parse_rfc2822(hook->recording_start_time, &start_s) == ERR_OK) {
        char text[TIME_TEXT_MAX];

        time_rfc3339_s(text, start_s);
        jw_cstr(&jw, "startTime", text);
    }
    return webhook_event_end(w, r, &jw, &head, w->settings->recordings_topic,
                             EVENT_NOBODY_WAITS_MS);
}

/* There is a recording, or there will be none. What comes before is of no use to anybody. */
static bool recording_is_settled(struct str status)
{
    static const char *const settled[] = { "completed", "absent", "failed" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(settled); i++) {
        if (str_eq_c(status, settled[i]))
            return true;
    }
    return false;
}

void on_voice_recording(void *app, struct http_req *r)
{
    struct webhook *w = app;
    struct twilio_webhook hook;
    bool handed_on = true;

    if (!webhook_read(r, &hook))
        return;
    if (!hook.recording_sid.n || !hook.recording_status.n) {
        http_reply_error(r, 400, "RecordingSid or RecordingStatus is missing");
        return;
    }
    log_info(&r->ctx->log, "recording status=" STR_FMT " recording_sid=" STR_FMT,
             STR_ARG(hook.recording_status), STR_ARG(hook.recording_sid));
    if (recording_is_settled(hook.recording_status))
        handed_on = publish_recording(w, r, &hook);
    acknowledge(r, handed_on);
}
