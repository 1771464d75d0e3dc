/* The Recording resource, of the account and of a call, and its audio. */
#include <string.h>

#include "local_cloud/local_cloud.h"
#include "local_cloud/twilio/rest_internal.h"

static void write_recording(struct jw *w, const struct telephony *t,
                            const struct recording_info *info)
{
    bool done = strcmp(info->status, "completed") == 0;

    jw_obj(w, NULL);
    jw_cstr(w, "sid", info->sid);
    jw_str(w, "account_sid", t->account_sid);
    jw_cstr(w, "call_sid", info->call_sid);
    jw_null(w, "conference_sid");
    jw_cstr(w, "status", info->status);
    jw_i64(w, "channels", info->channels);
    jw_cstr(w, "source", info->source);
    jw_null(w, "error_code");
    jw_null(w, "encryption_details");
    jw_null(w, "price");
    jw_cstr(w, "price_unit", "USD");
    jw_cstr(w, "api_version", "2010-04-01");
    rest_date(w, "date_created", info->start_s);
    rest_date(w, "date_updated", info->start_s);
    rest_date(w, "start_time", info->start_s);
    if (done)
        jw_strf(w, "duration", "%lld", (long long)(info->duration_ms + 500) / 1000);
    else
        jw_null(w, "duration");
    jw_strf(w, "uri", "/2010-04-01/Accounts/" STR_FMT "/Recordings/%s.json",
            STR_ARG(t->account_sid), info->sid);
    jw_strf(w, "media_url", STR_FMT "/2010-04-01/Accounts/" STR_FMT "/Recordings/%s",
            STR_ARG(t->lc->origin), STR_ARG(t->account_sid), info->sid);
    jw_end(w);
}

static void reply_recording(struct http_req *r, int status, const struct telephony *t,
                            const struct recording_info *info)
{
    struct jw w;

    jw_init(&w);
    write_recording(&w, t, info);
    http_reply_json(r, status, jw_finish(&w, r->ctx->arena));
}

void rest_call_recordings_create(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct recording_info info;
    struct status_callback cb;
    struct phone_call *c;
    struct form f;

    if (!t || !rest_form(r, &f))
        return;
    c = rest_call(t, r);
    if (!c)
        return;
    status_callback_init(&cb, form_get(&f, "RecordingStatusCallback"),
                         form_has(&f, "RecordingStatusCallbackEvent")
                             ? form_get(&f, "RecordingStatusCallbackEvent")
                             : STR("completed"),
                         str_ieq_c(form_get(&f, "RecordingStatusCallbackMethod"), "GET"));
    if (c->over || c->status != CALL_IN_PROGRESS ||
        call_record(c, str_eq_c(form_get(&f, "RecordingChannels"), "dual") ? 2 : 1, &cb) ||
        recordings_get(t->recordings, str_c(recording_sid(c->recording)), &info)) {
        rest_fail(r, 400, 21220,
                  "Requested resource is not eligible for recording: it is not in-progress, or is "
                  "recorded "
                  "already");
        return;
    }
    reply_recording(r, 201, t, &info);
}

void rest_call_recording_update(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct str sid = http_req_param(r, "recording"), status;
    struct recording_info info;
    struct phone_call *c;
    struct form f;

    if (!t || !rest_form(r, &f))
        return;
    c = rest_call(t, r);
    if (!c)
        return;
    if (!c->recording ||
        (!str_eq_c(sid, "Twilio.CURRENT") && !str_eq_c(sid, recording_sid(c->recording)))) {
        rest_not_found(r);
        return;
    }
    sid = str_c(recording_sid(c->recording));
    status = form_get(&f, "Status");
    if (str_eq_c(status, "stopped")) {
        call_record_stop(c);
    } else if (str_eq_c(status, "paused") || str_eq_c(status, "in-progress")) {
        recording_pause(c->recording, str_eq_c(status, "paused"),
                        str_eq_c(form_get(&f, "PauseBehavior"), "skip"));
    } else {
        rest_fail(r, 400, 21218, "Invalid status");
        return;
    }
    if (recordings_get(t->recordings, sid, &info))
        rest_not_found(r);
    else
        reply_recording(r, 200, t, &info);
}

static void list_recordings(struct telephony *t, struct http_req *r, struct str call_sid)
{
    struct recording_info *all;
    struct jw w;
    size_t n = recordings_list(t->recordings, call_sid, r->ctx->arena, &all), i;

    rest_list_begin(&w, "recordings");
    for (i = 0; i < n; i++)
        write_recording(&w, t, &all[i]);
    rest_list_end(r, &w, n);
}

void rest_call_recordings_list(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);

    if (t && rest_call(t, r))
        list_recordings(t, r, http_req_param(r, "call"));
}

void rest_recordings_list(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct form q = { 0 };

    if (!t)
        return;
    if (form_parse(&q, r->ctx->arena, r->query))
        rest_fail(r, 400, 20001, "The query cannot be read");
    else
        list_recordings(t, r, form_get(&q, "CallSid"));
}

void rest_recording_get(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct recording_info info;

    if (!t)
        return;
    if (recordings_get(t->recordings, http_req_param(r, "recording"), &info))
        rest_not_found(r);
    else
        reply_recording(r, 200, t, &info);
}

void rest_recording_delete(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);

    if (!t)
        return;
    if (recordings_delete(t->recordings, http_req_param(r, "recording")))
        rest_not_found(r);
    else
        http_reply_empty(r, 204);
}

/* On a worker: the file may be long. */
void rest_recording_audio(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    uint8_t piece[RECORDING_PIECE_MAX];
    struct recording_reader rd;
    int64_t channels = 1;
    struct form q;
    enum errc rc;
    size_t n;

    if (!t)
        return;
    if (form_parse(&q, r->ctx->arena, r->query) == ERR_OK && form_has(&q, "RequestedChannels") &&
        str_to_i64(form_get(&q, "RequestedChannels"), 1, 2, &channels)) {
        rest_fail(r, 400, 21234, "RequestedChannels is 1 or 2");
        return;
    }
    rc = recordings_open(t->recordings, http_req_param(r, "recording"), (int)channels, &rd);
    if (rc == ERR_INVALID) {
        rest_fail(r, 400, 21234,
                  "The requested number of channels is not available for this recording");
        return;
    }
    if (rc) {
        rest_not_found(r); /* also while it is being made */
        return;
    }
    rc = http_reply_begin(r, 200, "audio/x-wav", recording_reader_bytes(&rd));
    while (!rc && (n = recording_reader_next(&rd, piece)))
        rc = http_reply_write(r, piece, n);
    recording_reader_close(&rd);
    http_reply_end(r);
}
