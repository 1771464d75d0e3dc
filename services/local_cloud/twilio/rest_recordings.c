/* The Recording resource, of the account and of a call, and its audio. */
#include <string.h>

#include "local_cloud/local_cloud.h"
#include "local_cloud/twilio/rest_internal.h"

/* Two resources of two shapes: the account's, and the one below its call. */
enum view { OF_ACCOUNT, OF_CALL };

#define ACCOUNT_PATH "/2010-04-01/Accounts/" STR_FMT

static void write_of_account(struct jw *w, const struct telephony *t,
                             const struct recording_info *info)
{
    jw_strf(w, "uri", ACCOUNT_PATH "/Recordings/%s.json", STR_ARG(t->account_sid), info->sid);
    jw_strf(w, "media_url", STR_FMT ACCOUNT_PATH "/Recordings/%s", STR_ARG(t->lc->origin),
            STR_ARG(t->account_sid), info->sid);
    jw_obj(w, "subresource_uris");
    jw_strf(w, "add_on_results", ACCOUNT_PATH "/Recordings/%s/AddOnResults.json",
            STR_ARG(t->account_sid), info->sid);
    jw_strf(w, "transcriptions", ACCOUNT_PATH "/Recordings/%s/Transcriptions.json",
            STR_ARG(t->account_sid), info->sid);
    jw_end(w);
}

static void write_of_call(struct jw *w, const struct telephony *t,
                          const struct recording_info *info)
{
    jw_strf(w, "uri", ACCOUNT_PATH "/Calls/%s/Recordings/%s.json", STR_ARG(t->account_sid),
            info->call_sid, info->sid);
    jw_cstr(w, "track", "both");
}

static void write_recording(struct jw *w, const struct telephony *t,
                            const struct recording_info *info, enum view view)
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
    if (view == OF_CALL)
        write_of_call(w, t, info);
    else
        write_of_account(w, t, info);
    jw_end(w);
}

static void reply_recording(struct http_req *r, int status, const struct telephony *t,
                            const struct recording_info *info, enum view view)
{
    struct jw w;

    jw_init(&w);
    write_recording(&w, t, info, view);
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
    if (!rest_url_fits(&f, "RecordingStatusCallback") ||
        !rest_method_fits(&f, "RecordingStatusCallbackMethod")) {
        rest_fail(r, 400, 21609, "Invalid RecordingStatusCallback.");
        return;
    }
    status_callback_init(&cb, form_get(&f, "RecordingStatusCallback"),
                         rest_words(r->ctx->arena, &f, "RecordingStatusCallbackEvent", "completed"),
                         rest_is_get(&f, "RecordingStatusCallbackMethod"));
    if (c->over || c->status != CALL_IN_PROGRESS ||
        call_record(c, str_eq_c(form_get(&f, "RecordingChannels"), "dual") ? 2 : 1, &cb) ||
        recordings_get(t->recordings, str_c(recording_sid(c->recording)), &info)) {
        rest_fail(r, 400, 21220,
                  "Requested resource is not eligible for recording: it is not in-progress, or is "
                  "recorded already");
        return;
    }
    reply_recording(r, 201, t, &info, OF_CALL);
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
        reply_recording(r, 200, t, &info, OF_CALL);
}

static void list_recordings(struct telephony *t, struct http_req *r, struct str call_sid,
                            enum view view)
{
    struct recording_info *all;
    struct rest_list l;
    size_t n;

    if (!rest_list_begin(&l, r, "recordings"))
        return;
    if (!call_sid.n)
        call_sid = form_get(&l.query, "CallSid");
    for (n = recordings_list(t->recordings, call_sid, r->ctx->arena, &all); n > 0; n--) {
        if (rest_fits_time(&l, r->ctx->arena, "DateCreated", all[n - 1].start_s) &&
            rest_list_shows(&l))
            write_recording(&l.w, t, &all[n - 1], view);
    }
    rest_list_end(&l, r);
}

void rest_call_recordings_list(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);

    if (t && rest_call(t, r))
        list_recordings(t, r, http_req_param(r, "call"), OF_CALL);
}

void rest_recordings_list(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);

    if (t)
        list_recordings(t, r, STR_EMPTY, OF_ACCOUNT);
}

/* The one that the path names; below a call only one of this call's. Answers 401 or 404 itself. */
static struct telephony *find_recording(void *app, struct http_req *r, struct recording_info *ret)
{
    struct telephony *t = rest_admit(app, r);
    struct str call_sid = http_req_param(r, "call");

    if (!t)
        return NULL;
    if (recordings_get(t->recordings, http_req_param(r, "recording"), ret) ||
        (call_sid.n && !str_eq_c(call_sid, ret->call_sid))) {
        rest_not_found(r);
        return NULL;
    }
    return t;
}

void rest_recording_get(void *app, struct http_req *r)
{
    struct recording_info info;
    struct telephony *t = find_recording(app, r, &info);

    if (t)
        reply_recording(r, 200, t, &info, OF_ACCOUNT);
}

void rest_call_recording_get(void *app, struct http_req *r)
{
    struct recording_info info;
    struct telephony *t = find_recording(app, r, &info);

    if (t)
        reply_recording(r, 200, t, &info, OF_CALL);
}

void rest_recording_delete(void *app, struct http_req *r)
{
    struct recording_info info;
    struct telephony *t = find_recording(app, r, &info);

    if (!t)
        return;
    if (recordings_delete(t->recordings, str_c(info.sid)))
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
