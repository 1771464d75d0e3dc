/* Twilio's REST API, 2010-04-01: Calls, Recordings, Messages. Calls belong to the loop thread, so their routes
 * answer from it; the audio of recordings is streamed by workers. Source: Twilio docs, Voice > API,
 * Messaging > API; error texts from the error dictionary. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/twilio/call.h"
#include "net/http_server.h"

#define FORM_MAX (64 * KIB)

enum {
    MESSAGES_KEPT_MAX = 1000,
    MESSAGE_BODY_MAX = 1600,
    TWIML_INLINE_MAX = 4000,
    PAGE_MAX = 1000
};

struct message {
    struct list_node node;
    char sid[SID_SIZE];
    char *to, *from, *body, *callback;
    int64_t created_s;
    const char *status;
};

void rest_message_free(struct list_node *n)
{
    struct message *m = CONTAINER_OF(n, struct message, node);

    mem_free(m->to);
    mem_free(m->from);
    mem_free(m->body);
    mem_free(m->callback);
    mem_free(m);
}

/* ---- answers ---- */

static void fail(struct http_req *r, int status, int code, const char *message)
{
    struct jw w;

    if (status == 401)
        http_reply_header(r, "WWW-Authenticate", STR("Basic realm=\"Twilio API\""));
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "code", code);
    jw_cstr(&w, "message", message);
    jw_strf(&w, "more_info", "https://www.twilio.com/docs/errors/%d", code);
    jw_i64(&w, "status", status);
    jw_end(&w);
    http_reply_json(r, status, jw_finish(&w, r->ctx->arena));
}

static void not_found(struct http_req *r)
{
    struct str what = arena_printf(
        r->ctx->arena, "The requested resource " STR_FMT " was not found", STR_ARG(r->path));

    fail(r, 404, 20404, what.p); /* ends with a NUL */
}

/* Basic: the account and its token. Answers 401 or 404 itself. */
static struct telephony *admit(void *app, struct http_req *r)
{
    struct telephony *t = ((struct local_cloud *)app)->telephony;
    struct str value = http_req_header(r, "Authorization"), text, user, password;
    char request_id[SID_SIZE];

    sid_make(request_id, "RQ");
    http_reply_header(r, "Twilio-Request-Id", str_c(request_id));
    if (!str_istarts(value, STR("Basic ")) ||
        base64_bytes(r->ctx->arena, str_trim(str_from(value, 6)), &text) ||
        !str_cut(text, ':', &user, &password) || !t->auth_token.n ||
        !ct_equal(user, t->account_sid) || !ct_equal(password, t->auth_token)) {
        fail(r, 401, 20003, "Authenticate");
        return NULL;
    }
    if (!str_eq(http_req_param(r, "account"), t->account_sid)) {
        not_found(r);
        return NULL;
    }
    return t;
}

static bool read_form(struct http_req *r, struct form *f)
{
    if (form_parse(f, r->ctx->arena, r->body) == ERR_OK)
        return true;
    fail(r, 400, 20001, "The form cannot be read");
    return false;
}

static void date(struct jw *w, const char *key, int64_t s)
{
    char text[TIME_TEXT_MAX];

    if (!s) {
        jw_null(w, key);
        return;
    }
    time_rfc2822(text, s);
    jw_cstr(w, key, text);
}

/* ---- calls ---- */

static void write_call(struct jw *w, const char *key, const struct phone_call *c)
{
    const struct telephony *t = c->t;

    jw_obj(w, key);
    jw_cstr(w, "sid", c->sid);
    jw_null(w, "parent_call_sid");
    jw_str(w, "account_sid", t->account_sid);
    jw_cstr(w, "to", c->to);
    jw_cstr(w, "to_formatted", c->to);
    jw_cstr(w, "from", c->from);
    jw_cstr(w, "from_formatted", c->from);
    jw_null(w, "phone_number_sid");
    jw_cstr(w, "status", call_status_name(c->status));
    date(w, "date_created", c->created_s);
    date(w, "date_updated", c->ended_s ? c->ended_s : c->created_s);
    date(w, "start_time", c->answered_s);
    date(w, "end_time", c->ended_s);
    if (c->over)
        jw_strf(w, "duration", "%lld", (long long)call_duration_s(c));
    else
        jw_null(w, "duration");
    jw_null(w, "price");
    jw_cstr(w, "price_unit", "USD");
    jw_cstr(w, "direction", c->direction);
    jw_null(w, "answered_by");
    jw_cstr(w, "api_version", "2010-04-01");
    jw_null(w, "forwarded_from");
    jw_null(w, "group_sid");
    jw_null(w, "caller_name");
    jw_cstr(w, "queue_time", "0");
    jw_null(w, "trunk_sid");
    jw_strf(w, "uri", "/2010-04-01/Accounts/" STR_FMT "/Calls/%s.json", STR_ARG(t->account_sid),
            c->sid);
    jw_obj(w, "subresource_uris");
    jw_strf(w, "recordings", "/2010-04-01/Accounts/" STR_FMT "/Calls/%s/Recordings.json",
            STR_ARG(t->account_sid), c->sid);
    jw_end(w);
    jw_end(w);
}

static void reply_call(struct http_req *r, int status, const struct phone_call *c)
{
    struct jw w;

    jw_init(&w);
    write_call(&w, NULL, c);
    http_reply_json(r, status, jw_finish(&w, r->ctx->arena));
}

static bool e164(struct str s)
{
    int64_t digits;

    return s.n >= 8 && s.n <= 16 && s.p[0] == '+' && s.p[1] != '-' &&
           str_to_i64(str_from(s, 1), 1, INT64_MAX, &digits) == ERR_OK;
}

static bool is_url(struct str s)
{
    return str_istarts(s, STR("http://")) || str_istarts(s, STR("https://"));
}

/* 0, or the error's code; *what its text. */
static int check_new_call(const struct form *f, const char **what)
{
    *what = "The 'To' number is not a valid phone number.";
    if (!e164(form_get(f, "To")))
        return form_get(f, "To").n ? 21217 : 21201;
    *what = "The source phone number provided is not a valid phone number.";
    if (!e164(form_get(f, "From")))
        return form_get(f, "From").n ? 21212 : 21213;
    *what = "Url or Twiml parameter is required.";
    if (!is_url(form_get(f, "Url")) && !form_get(f, "Twiml").n)
        return 21205;
    *what = "Twiml parameter is too long.";
    return form_get(f, "Twiml").n > TWIML_INLINE_MAX ? 32018 : 0;
}

static struct str events_of(struct arena *a, const struct form *f)
{
    struct str all = STR_EMPTY;
    size_t i;

    for (i = 0; i < f->n; i++) {
        if (str_eq_c(f->pairs[i].key, "StatusCallbackEvent"))
            all = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(all), all.n ? " " : "",
                               STR_ARG(f->pairs[i].value));
    }
    return all.n ? all : STR("completed");
}

static void on_calls_create(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct phone_call_opts o = { .caller = &call_silent_party };
    struct phone_call *c;
    struct form f;
    const char *what;
    int code;

    if (!t || !read_form(r, &f))
        return;
    code = check_new_call(&f, &what);
    if (!code && t->n_live >= TELEPHONY_CALLS_MAX) {
        code = 10004;
        what = "Call concurrency limit exceeded";
    }
    if (code) {
        fail(r, code == 10004 ? 429 : 400, code, what);
        return;
    }
    o.to = form_get(&f, "To");
    o.from = form_get(&f, "From");
    c = call_create(t, &o, "outbound-api");
    if (is_url(form_get(&f, "Url")))
        (void)str_copy(c->voice_url, sizeof(c->voice_url), form_get(&f, "Url"));
    else
        c->update_twiml = mem_str_dup(form_get(&f, "Twiml"));
    c->voice_get = str_ieq_c(form_get(&f, "Method"), "GET");
    (void)str_copy(c->fallback_url, sizeof(c->fallback_url), form_get(&f, "FallbackUrl"));
    status_callback_init(&c->callback, form_get(&f, "StatusCallback"), events_of(r->ctx->arena, &f),
                         false);
    call_begin(c);
    reply_call(r, 201, c);
}

static struct phone_call *find_call(struct telephony *t, struct http_req *r)
{
    struct phone_call *c = map_get(t->calls, http_req_param(r, "call"));

    if (!c)
        not_found(r);
    return c;
}

static void on_call_get(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct phone_call *c = t ? find_call(t, r) : NULL;

    if (c)
        reply_call(r, 200, c);
}

static void set_status(struct http_req *r, struct phone_call *c, struct str status)
{
    bool ringing = c->status < CALL_IN_PROGRESS;

    if (str_eq_c(status, "canceled") && ringing)
        call_end(c, CALL_CANCELED, "agent");
    else if (str_eq_c(status, "completed"))
        call_end(c, ringing ? CALL_CANCELED : CALL_COMPLETED, "agent");
    else if (!str_eq_c(status, "canceled")) {
        fail(r, 400, 21218, "Invalid status");
        return;
    }
    reply_call(r, 200, c);
}

static void on_call_update(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct phone_call *c;
    struct str url, twiml, status;
    struct form f;

    if (!t || !read_form(r, &f))
        return;
    c = find_call(t, r);
    if (!c)
        return;
    if (c->over) {
        fail(r, 400, 21220, "Call is not in-progress. Cannot redirect.");
        return;
    }
    url = form_get(&f, "Url");
    twiml = form_get(&f, "Twiml");
    status = form_get(&f, "Status");
    if (twiml.n > TWIML_INLINE_MAX) {
        fail(r, 400, 32018, "Twiml parameter is too long.");
    } else if (status.n) {
        set_status(r, c, status);
    } else if ((url.n > 0) == (twiml.n > 0) || (url.n && !is_url(url))) {
        fail(r, 400, 21205, "Url or Twiml parameter is required.");
    } else if (c->status != CALL_IN_PROGRESS) {
        fail(r, 400, 21220, "Call is not in-progress. Cannot redirect.");
    } else {
        if (form_has(&f, "FallbackUrl"))
            (void)str_copy(c->fallback_url, sizeof(c->fallback_url), form_get(&f, "FallbackUrl"));
        call_update(c, url, twiml);
        reply_call(r, 200, c);
    }
}

/* ---- lists ---- */

static void begin_list(struct jw *w, const char *name)
{
    jw_init(w);
    jw_obj(w, NULL);
    jw_arr(w, name);
}

static void end_list(struct http_req *r, struct jw *w, size_t n)
{
    jw_end(w);
    jw_strf(w, "first_page_uri", STR_FMT "?PageSize=%d&Page=0", STR_ARG(r->path), PAGE_MAX);
    jw_i64(w, "start", 0);
    jw_i64(w, "end", n ? (int64_t)n - 1 : 0);
    jw_null(w, "next_page_uri");
    jw_null(w, "previous_page_uri");
    jw_i64(w, "page", 0);
    jw_i64(w, "page_size", PAGE_MAX);
    jw_str(w, "uri", r->target);
    jw_end(w);
    http_reply_json(r, 200, jw_finish(w, r->ctx->arena));
}

static bool fits(const struct form *query, const char *key, const char *value)
{
    return !form_has(query, key) || str_eq_c(form_get(query, key), value);
}

static size_t list_calls(struct jw *w, const struct form *q, const struct list *l, size_t room)
{
    struct list_node *n, *tmp;
    size_t count = 0;

    LIST_EACH (l, n, tmp) {
        const struct phone_call *c = CONTAINER_OF(n, struct phone_call, node);

        if (count < room && fits(q, "To", c->to) && fits(q, "From", c->from) &&
            fits(q, "Status", call_status_name(c->status))) {
            write_call(w, NULL, c);
            count++;
        }
    }
    return count;
}

static void on_calls_list(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct form q = { 0 };
    struct jw w;
    size_t n;

    if (!t)
        return;
    if (form_parse(&q, r->ctx->arena, r->query)) {
        fail(r, 400, 20001, "The query cannot be read");
        return;
    }
    begin_list(&w, "calls");
    n = list_calls(&w, &q, &t->live, PAGE_MAX);
    n += list_calls(&w, &q, &t->over, PAGE_MAX - n);
    end_list(r, &w, n);
}

/* ---- recordings ---- */

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
    date(w, "date_created", info->start_s);
    date(w, "date_updated", info->start_s);
    date(w, "start_time", info->start_s);
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

static void on_call_recordings_create(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct recording_info info;
    struct status_callback cb;
    struct phone_call *c;
    struct form f;

    if (!t || !read_form(r, &f))
        return;
    c = find_call(t, r);
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
        fail(r, 400, 21220,
             "Requested resource is not eligible for recording: it is not in-progress, or is "
             "recorded "
             "already");
        return;
    }
    reply_recording(r, 201, t, &info);
}

static void on_call_recording_update(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct str sid = http_req_param(r, "recording"), status;
    struct recording_info info;
    struct phone_call *c;
    struct form f;

    if (!t || !read_form(r, &f))
        return;
    c = find_call(t, r);
    if (!c)
        return;
    if (!c->recording ||
        (!str_eq_c(sid, "Twilio.CURRENT") && !str_eq_c(sid, recording_sid(c->recording)))) {
        not_found(r);
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
        fail(r, 400, 21218, "Invalid status");
        return;
    }
    if (recordings_get(t->recordings, sid, &info))
        not_found(r);
    else
        reply_recording(r, 200, t, &info);
}

static void list_recordings(struct telephony *t, struct http_req *r, struct str call_sid)
{
    struct recording_info *all;
    struct jw w;
    size_t n = recordings_list(t->recordings, call_sid, r->ctx->arena, &all), i;

    begin_list(&w, "recordings");
    for (i = 0; i < n; i++)
        write_recording(&w, t, &all[i]);
    end_list(r, &w, n);
}

static void on_call_recordings_list(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);

    if (t && find_call(t, r))
        list_recordings(t, r, http_req_param(r, "call"));
}

static void on_recordings_list(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct form q = { 0 };

    if (!t)
        return;
    if (form_parse(&q, r->ctx->arena, r->query))
        fail(r, 400, 20001, "The query cannot be read");
    else
        list_recordings(t, r, form_get(&q, "CallSid"));
}

static void on_recording_get(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct recording_info info;

    if (!t)
        return;
    if (recordings_get(t->recordings, http_req_param(r, "recording"), &info))
        not_found(r);
    else
        reply_recording(r, 200, t, &info);
}

static void on_recording_delete(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);

    if (!t)
        return;
    if (recordings_delete(t->recordings, http_req_param(r, "recording")))
        not_found(r);
    else
        http_reply_empty(r, 204);
}

/* On a worker: the file may be long. */
static void on_recording_audio(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
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
        fail(r, 400, 21234, "RequestedChannels is 1 or 2");
        return;
    }
    rc = recordings_open(t->recordings, http_req_param(r, "recording"), (int)channels, &rd);
    if (rc == ERR_INVALID) {
        fail(r, 400, 21234, "The requested number of channels is not available for this recording");
        return;
    }
    if (rc) {
        not_found(r); /* also while it is being made */
        return;
    }
    rc = http_reply_begin(r, 200, "audio/x-wav", recording_reader_bytes(&rd));
    while (!rc && (n = recording_reader_next(&rd, piece)))
        rc = http_reply_write(r, piece, n);
    recording_reader_close(&rd);
    http_reply_end(r);
}

/* ---- messages ---- */

static void write_message(struct jw *w, const struct telephony *t, const struct message *m)
{
    jw_obj(w, NULL);
    jw_cstr(w, "sid", m->sid);
    jw_str(w, "account_sid", t->account_sid);
    jw_null(w, "messaging_service_sid");
    jw_cstr(w, "to", m->to);
    jw_cstr(w, "from", m->from);
    jw_cstr(w, "body", m->body);
    jw_cstr(w, "status", m->status);
    jw_cstr(w, "direction", "outbound-api");
    jw_strf(w, "num_segments", "%zu", (strlen(m->body) + 152) / 153);
    jw_cstr(w, "num_media", "0");
    jw_null(w, "price");
    jw_cstr(w, "price_unit", "USD");
    jw_null(w, "error_code");
    jw_null(w, "error_message");
    jw_cstr(w, "api_version", "2010-04-01");
    date(w, "date_created", m->created_s);
    date(w, "date_updated", m->created_s);
    date(w, "date_sent", m->created_s);
    jw_strf(w, "uri", "/2010-04-01/Accounts/" STR_FMT "/Messages/%s.json", STR_ARG(t->account_sid),
            m->sid);
    jw_end(w);
}

static void reply_message(struct http_req *r, int status, const struct telephony *t,
                          const struct message *m)
{
    struct jw w;

    jw_init(&w);
    write_message(&w, t, m);
    http_reply_json(r, status, jw_finish(&w, r->ctx->arena));
}

/* The magic numbers of Twilio's test credentials. */
static const struct {
    const char *to;
    int code;
    const char *message;
} refused_messages[] = {
    { "+15005550001", 21211, "The 'To' number +15005550001 is not a valid phone number." },
    { "+15005550002", 21612, "The message cannot be routed to this number." },
    { "+15005550003", 21408, "Permission to send an SMS has not been enabled for the region." },
    { "+15005550004", 21610, "Attempt to send to unsubscribed recipient" },
    { "+15005550009", 21614, "'To' number: +15005550009, is not a mobile number" },
};

static int check_message(const struct form *f, const char **what)
{
    size_t i;

    *what = "A 'To' phone number is required.";
    if (!form_get(f, "To").n)
        return 21604;
    *what = "The 'To' number is not a valid phone number.";
    if (!e164(form_get(f, "To")))
        return 21211;
    *what = "A 'From' or 'MessagingServiceSid' parameter is required.";
    if (!form_get(f, "From").n && !form_get(f, "MessagingServiceSid").n)
        return 21603;
    *what = "Message body is required.";
    if (!form_get(f, "Body").n)
        return 21602;
    *what = "The concatenated message body exceeds the 1600 character limit";
    if (form_get(f, "Body").n > (size_t)4 * MESSAGE_BODY_MAX)
        return 21617;
    for (i = 0; i < ARRAY_LEN(refused_messages); i++) {
        *what = refused_messages[i].message;
        if (str_eq_c(form_get(f, "To"), refused_messages[i].to))
            return refused_messages[i].code;
    }
    return 0;
}

static void notify_message(struct telephony *t, const struct message *m, const char *status)
{
    struct buf form = BUF_INIT(WEBHOOK_PARAMS_MAX);

    if (!m->callback[0])
        return;
    form_add(&form, "AccountSid", t->account_sid);
    form_add(&form, "ApiVersion", STR("2010-04-01"));
    form_add(&form, "From", str_c(m->from));
    form_add(&form, "MessageSid", str_c(m->sid));
    form_add(&form, "MessageStatus", str_c(status));
    form_add(&form, "SmsSid", str_c(m->sid));
    form_add(&form, "SmsStatus", str_c(status));
    form_add(&form, "To", str_c(m->to));
    webhook_send(t->workers, t->auth_token, str_c(m->callback), false, buf_str(&form), NULL, NULL);
    buf_release(&form);
}

static void on_messages_create(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    const char *what = "";
    struct message *m;
    struct form f;
    int code;

    if (!t || !read_form(r, &f))
        return;
    code = check_message(&f, &what);
    if (code) {
        fail(r, 400, code, what);
        return;
    }
    m = MEM_NEW(struct message);
    sid_make(m->sid, "SM");
    m->to = mem_str_dup(form_get(&f, "To"));
    m->from = mem_str_dup(form_get(&f, "From"));
    m->body = mem_str_dup(form_get(&f, "Body"));
    m->callback = mem_str_dup(form_get(&f, "StatusCallback"));
    m->created_s = clock_wall_s(t->clock);
    m->status = "queued";
    list_push_back(&t->messages, &m->node);
    if (++t->n_messages > MESSAGES_KEPT_MAX) {
        rest_message_free(list_pop_front(&t->messages));
        t->n_messages--;
    }
    reply_message(r, 201, t, m);
    m->status = "delivered";
    notify_message(t, m, "sent");
    notify_message(t, m, "delivered");
}

static void on_messages_list(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct list_node *n, *tmp;
    struct form q = { 0 };
    struct jw w;
    size_t count = 0;

    if (!t)
        return;
    if (form_parse(&q, r->ctx->arena, r->query)) {
        fail(r, 400, 20001, "The query cannot be read");
        return;
    }
    begin_list(&w, "messages");
    LIST_EACH (&t->messages, n, tmp) {
        const struct message *m = CONTAINER_OF(n, struct message, node);

        if (fits(&q, "To", m->to) && fits(&q, "From", m->from)) {
            write_message(&w, t, m);
            count++;
        }
    }
    end_list(r, &w, count);
}

static void on_message_get(void *app, struct http_req *r)
{
    struct telephony *t = admit(app, r);
    struct list_node *n, *tmp;

    if (!t)
        return;
    LIST_EACH (&t->messages, n, tmp) {
        const struct message *m = CONTAINER_OF(n, struct message, node);

        if (str_eq_c(http_req_param(r, "message"), m->sid)) {
            reply_message(r, 200, t, m);
            return;
        }
    }
    not_found(r);
}

static void on_unknown(void *app, struct http_req *r)
{
    if (admit(app, r))
        not_found(r);
}

#define ACCOUNT "/2010-04-01/Accounts/{account}"

const struct http_route telephony_routes[TELEPHONY_ROUTES] = {
    { HTTP_POST, ACCOUNT "/Calls.json", FORM_MAX, NULL, on_calls_create, true },
    { HTTP_GET, ACCOUNT "/Calls.json", 0, NULL, on_calls_list, true },
    { HTTP_POST, ACCOUNT "/Calls/{call}.json", FORM_MAX, NULL, on_call_update, true },
    { HTTP_GET, ACCOUNT "/Calls/{call}.json", 0, NULL, on_call_get, true },
    { HTTP_POST, ACCOUNT "/Calls/{call}/Recordings.json", FORM_MAX, NULL, on_call_recordings_create,
      true },
    { HTTP_GET, ACCOUNT "/Calls/{call}/Recordings.json", 0, NULL, on_call_recordings_list, true },
    { HTTP_POST, ACCOUNT "/Calls/{call}/Recordings/{recording}.json", FORM_MAX, NULL,
      on_call_recording_update, true },
    { HTTP_GET, ACCOUNT "/Recordings.json", 0, NULL, on_recordings_list, true },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}.json", 0, NULL, on_recording_get, true },
    { HTTP_DELETE, ACCOUNT "/Recordings/{recording}.json", 0, NULL, on_recording_delete, true },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}.wav", 0, NULL, on_recording_audio, false },
    { HTTP_GET, ACCOUNT "/Recordings/{recording}", 0, NULL, on_recording_audio, false },
    { HTTP_POST, ACCOUNT "/Messages.json", FORM_MAX, NULL, on_messages_create, true },
    { HTTP_GET, ACCOUNT "/Messages.json", 0, NULL, on_messages_list, true },
    { HTTP_GET, ACCOUNT "/Messages/{message}.json", 0, NULL, on_message_get, true },
    { HTTP_ANY, "/2010-04-01/Accounts/{account}/{rest*}", FORM_MAX, NULL, on_unknown, true },
};
