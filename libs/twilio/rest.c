#include "twilio/rest.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/url.h"
#include "net/http_client.h"
#include "twilio/twiml.h"

enum {
    FORM_BYTES_MAX = 32 * 1024,
    MESSAGE_BYTES_MAX = 4 * TWILIO_MESSAGE_CHARS_MAX,
    BUSY_WAIT_MS = 200, /* first upper bound of the wait after 429, doubled each time */
    BUSY_WAIT_MAX_MS = 3000,
    RECORDING_STALL_MS = 15000,
};

struct call {
    const char *method;
    struct str url;
    struct str form;
    bool idempotent;
};

static struct str resource(const struct twilio_settings *t, struct ctx *ctx, struct str path)
{
    struct str base = t->api_base;

    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    return arena_printf(ctx->arena, STR_FMT "/2010-04-01/Accounts/" STR_FMT "/" STR_FMT,
                        STR_ARG(base), STR_ARG(t->account_sid), STR_ARG(path));
}

static struct str first_token(const struct twilio_settings *t, struct ctx *ctx)
{
    struct str_list tokens = twilio_tokens(t->auth_token, ctx->arena);

    return tokens.n ? tokens.items[0] : STR_EMPTY;
}

static struct http_request request_for(const struct twilio_settings *t, struct ctx *ctx,
                                       const struct call *c)
{
    static const struct http_header form_header[] = {
        { { "Content-Type", 12 }, { "application/x-www-form-urlencoded", 33 } },
    };

    return (struct http_request){
        .method = c->method,
        .url = c->url,
        .headers = form_header,
        .n_headers = c->form.n ? ARRAY_LEN(form_header) : 0,
        .body = c->form,
        .timeout_ms = TWILIO_TIMEOUT_MS,
        .basic_user = t->account_sid,
        .basic_password = first_token(t, ctx),
        .deadline_mono_ms = ctx->deadline_mono_ms,
    };
}

/* Twilio's error as ours. The answer is JSON, except when something before Twilio's application failed. */
static enum errc answer_errc(struct ctx *ctx, const struct http_response *r, struct err *err)
{
    const struct jval *doc = NULL;
    enum errc rc = http_status_errc(r->status);
    struct str message = STR_EMPTY;
    int64_t code = 0;

    if (!rc)
        return ERR_OK;
    if (json_parse_arena(&doc, ctx->arena, r->body, NULL) == ERR_OK) {
        code = json_i64_or(json_get(doc, "code"), 0);
        message = json_str(json_get(doc, "message"));
    }
    if (code == TWILIO_CODE_NOT_IN_PROGRESS)
        rc = ERR_CLOSED;
    else if (code == TWILIO_CODE_OPTED_OUT)
        rc = ERR_DENIED;
    return err_set_upstream(err, rc, code > 0 && code < INT32_MAX ? (long)code : r->status,
                            "twilio answered %d, code %lld: " STR_FMT, r->status, (long long)code,
                            STR_ARG(str_slice(message, 0, 160)));
}

/* What must not act twice is repeated after 429 only, which says that nothing was done. */
static enum errc send_once(struct ctx *ctx, struct http_request *req, struct http_response *r,
                           struct err *err)
{
    int attempt;
    enum errc rc;

    for (attempt = 0;; attempt++) {
        rc = http_do(ctx->http, ctx->arena, req, r, err);
        if (rc || r->status != 429 || attempt + 1 >= TWILIO_ATTEMPTS ||
            ctx_backoff(ctx, attempt, BUSY_WAIT_MS, BUSY_WAIT_MAX_MS))
            return rc;
    }
}

static enum errc exchange(const struct twilio_settings *t, struct ctx *ctx, const struct call *c,
                          const struct jval **ret_doc, struct err *err)
{
    struct http_request req = request_for(t, ctx, c);
    struct http_response r;
    enum errc rc;

    if (c->idempotent) {
        req.idempotent = true;
        req.attempts = TWILIO_ATTEMPTS;
        rc = http_do(ctx->http, ctx->arena, &req, &r, err);
    } else {
        rc = send_once(ctx, &req, &r, err);
    }
    if (!rc)
        rc = answer_errc(ctx, &r, err);
    if (rc || !ret_doc)
        return rc;
    rc = json_parse_arena(ret_doc, ctx->arena, r.body, err);
    return rc ? err_wrap(err, ERR_UPSTREAM, "twilio's answer") : ERR_OK;
}

static enum errc need_sid(struct str sid, const char *prefix, struct err *err)
{
    return twilio_sid_valid(sid, prefix) ? ERR_OK
                                         : err_set(err, ERR_INVALID, "not a SID (%s…)", prefix);
}

static void form_opt(struct buf *form, const char *key, struct str value)
{
    if (value.n)
        form_add(form, key, value);
}

/* The form as a text in the arena. */
static enum errc form_done(struct buf *form, struct ctx *ctx, struct str *ret, struct err *err)
{
    enum errc rc = buf_status(form);

    *ret = arena_str(ctx->arena, buf_str(form));
    buf_release(form);
    return rc ? err_set(err, rc, "twilio request: parameters are too long") : ERR_OK;
}

enum errc twilio_call_update(const struct twilio_settings *t, struct ctx *ctx, struct str call_sid,
                             const struct twilio_call_update *u, struct err *err)
{
    struct buf form = BUF_INIT(FORM_BYTES_MAX);
    struct call c = { .method = "POST", .idempotent = true };
    enum errc rc;

    rc = need_sid(call_sid, "CA", err);
    if (rc)
        return err_wrap(err, rc, "update call");
    if ((u->twiml.n > 0) + (u->url.n > 0) + (u->status.n > 0) != 1)
        return err_set(err, ERR_INVALID, "update call: one of twiml, url and status");
    if (u->twiml.n > TWIML_INLINE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "update call: TwiML longer than %d", TWIML_INLINE_BYTES_MAX);
    form_opt(&form, "Twiml", u->twiml);
    form_opt(&form, "Url", u->url);
    if (u->url.n)
        form_add(&form, "Method", STR("POST"));
    form_opt(&form, "Status", u->status);
    form_opt(&form, "FallbackUrl", u->fallback_url);
    rc = form_done(&form, ctx, &c.form, err);
    c.url = resource(t, ctx, arena_printf(ctx->arena, "Calls/" STR_FMT ".json", STR_ARG(call_sid)));
    if (!rc)
        rc = exchange(t, ctx, &c, NULL, err);
    return rc ? err_wrap(err, rc, "update call") : ERR_OK;
}

enum errc twilio_call_end(const struct twilio_settings *t, struct ctx *ctx, struct str call_sid,
                          struct err *err)
{
    const struct twilio_call_update u = { .status = STR("completed") };
    enum errc rc = twilio_call_update(t, ctx, call_sid, &u, err);

    return rc == ERR_NOT_FOUND || rc == ERR_CLOSED ? ERR_OK : rc;
}

enum errc twilio_call_status(const struct twilio_settings *t, struct ctx *ctx, struct str call_sid,
                             struct str *ret_status, struct err *err)
{
    struct call c = { .method = "GET", .idempotent = true };
    const struct jval *doc;
    enum errc rc;

    rc = need_sid(call_sid, "CA", err);
    c.url = resource(t, ctx, arena_printf(ctx->arena, "Calls/" STR_FMT ".json", STR_ARG(call_sid)));
    if (!rc)
        rc = exchange(t, ctx, &c, &doc, err);
    if (!rc)
        rc = json_need_str(doc, "status", ret_status, err);
    return rc ? err_wrap(err, rc, "fetch call") : ERR_OK;
}

enum errc twilio_recording_start(const struct twilio_settings *t, struct ctx *ctx,
                                 struct str call_sid, const struct twilio_recording_start *o,
                                 struct str *ret_recording_sid, struct err *err)
{
    struct buf form = BUF_INIT(FORM_BYTES_MAX);
    struct call c = { .method = "POST" };
    const struct jval *doc;
    struct str events = o->status_events;
    enum errc rc;

    rc = need_sid(call_sid, "CA", err);
    if (rc)
        return err_wrap(err, rc, "start recording");
    form_add(&form, "RecordingChannels", STR("dual"));
    form_opt(&form, "RecordingStatusCallback", o->status_callback);
    while (events.n) { /* the field once for each, as Twilio's own clients send it */
        struct str event;

        (void)str_cut(events, ' ', &event, &events); /* the last one has no blank */
        form_opt(&form, "RecordingStatusCallbackEvent", event);
    }
    rc = form_done(&form, ctx, &c.form, err);
    c.url = resource(
        t, ctx, arena_printf(ctx->arena, "Calls/" STR_FMT "/Recordings.json", STR_ARG(call_sid)));
    if (!rc)
        rc = exchange(t, ctx, &c, &doc, err);
    if (!rc)
        rc = json_need_str(doc, "sid", ret_recording_sid, err);
    return rc ? err_wrap(err, rc, "start recording") : ERR_OK;
}

enum errc twilio_recording_set(const struct twilio_settings *t, struct ctx *ctx,
                               struct str call_sid, struct str recording_sid,
                               enum twilio_recording_state state, struct err *err)
{
    static const char *const names[] = {
        [TWILIO_RECORDING_RUN] = "in-progress",
        [TWILIO_RECORDING_PAUSE] = "paused",
        [TWILIO_RECORDING_STOP] = "stopped",
    };
    struct buf form = BUF_INIT(FORM_BYTES_MAX);
    struct call c = { .method = "POST", .idempotent = true };
    enum errc rc;

    rc = need_sid(call_sid, "CA", err);
    if (!rc && recording_sid.n)
        rc = need_sid(recording_sid, "RE", err);
    if (rc)
        return err_wrap(err, rc, "update recording");
    if (!recording_sid.n)
        recording_sid = STR("Twilio.CURRENT");
    form_add(&form, "Status", str_c(names[state]));
    if (state == TWILIO_RECORDING_PAUSE)
        form_add(&form, "PauseBehavior", STR("silence"));
    rc = form_done(&form, ctx, &c.form, err);
    c.url = resource(t, ctx,
                     arena_printf(ctx->arena, "Calls/" STR_FMT "/Recordings/" STR_FMT ".json",
                                  STR_ARG(call_sid), STR_ARG(recording_sid)));
    if (!rc)
        rc = exchange(t, ctx, &c, NULL, err);
    return rc ? err_wrap(err, rc, "update recording") : ERR_OK;
}

static struct str recording_url(const struct twilio_settings *t, struct ctx *ctx, struct str sid,
                                const char *suffix)
{
    return resource(t, ctx,
                    arena_printf(ctx->arena, "Recordings/" STR_FMT "%s", STR_ARG(sid), suffix));
}

enum errc twilio_recording_get(const struct twilio_settings *t, struct ctx *ctx,
                               struct str recording_sid, struct twilio_recording *ret,
                               struct err *err)
{
    struct call c = { .method = "GET", .idempotent = true };
    const struct jval *doc;
    enum errc rc;

    rc = need_sid(recording_sid, "RE", err);
    c.url = recording_url(t, ctx, recording_sid, ".json");
    if (!rc)
        rc = exchange(t, ctx, &c, &doc, err);
    if (rc)
        return err_wrap(err, rc, "fetch recording's data");
    *ret = (struct twilio_recording){
        .sid = recording_sid,
        .call_sid = json_str(json_get(doc, "call_sid")),
        .status = json_str(json_get(doc, "status")),
        .start_time = json_str(json_get(doc, "start_time")),
        .duration_s = json_i64_or(json_get(doc, "duration"), -1),
        .channels = (int)MIN(MAX(json_i64_or(json_get(doc, "channels"), 1), 1), 2),
    };
    return ERR_OK;
}

static enum errc fetch_channels(const struct twilio_settings *t, struct ctx *ctx, struct str sid,
                                const struct twilio_recording_sink *sink, int channels,
                                int *ret_status, struct err *err)
{
    const struct call c = {
        .method = "GET",
        .url = recording_url(
            t, ctx, sid, channels == 2 ? ".wav?RequestedChannels=2" : ".wav?RequestedChannels=1"),
    };
    struct http_request req = request_for(t, ctx, &c);
    struct http_response r;
    enum errc rc;

    req.write = sink->write;
    req.write_arg = sink->arg;
    req.timeout_ms = -1; /* as long as bytes come */
    req.stall_ms = RECORDING_STALL_MS;
    req.follow_redirects = true;
    rc = send_once(ctx, &req, &r, err);
    if (rc)
        return rc;
    *ret_status = r.status;
    return answer_errc(ctx, &r, err);
}

enum errc twilio_recording_fetch(const struct twilio_settings *t, struct ctx *ctx,
                                 struct str recording_sid, const struct twilio_recording_sink *sink,
                                 int *ret_channels, struct err *err)
{
    int status = 0;
    enum errc rc;

    rc = need_sid(recording_sid, "RE", err);
    if (rc)
        return err_wrap(err, rc, "fetch recording");
    *ret_channels = 2;
    rc = fetch_channels(t, ctx, recording_sid, sink, 2, &status, err);
    if (rc && status == 400) { /* there are no two channels */
        *ret_channels = 1;
        rc = fetch_channels(t, ctx, recording_sid, sink, 1, &status, err);
    }
    return rc ? err_wrap(err, rc, "fetch recording") : ERR_OK;
}

enum errc twilio_recording_delete(const struct twilio_settings *t, struct ctx *ctx,
                                  struct str recording_sid, struct err *err)
{
    struct call c = { .method = "DELETE", .idempotent = true };
    enum errc rc;

    rc = need_sid(recording_sid, "RE", err);
    c.url = recording_url(t, ctx, recording_sid, ".json");
    if (!rc)
        rc = exchange(t, ctx, &c, NULL, err);
    if (rc == ERR_NOT_FOUND)
        return ERR_OK;
    return rc ? err_wrap(err, rc, "delete recording") : ERR_OK;
}

enum errc twilio_message_send(const struct twilio_settings *t, struct ctx *ctx,
                              const struct twilio_message *m, struct str *ret_message_sid,
                              struct err *err)
{
    struct buf form = BUF_INIT(FORM_BYTES_MAX);
    struct call c = { .method = "POST" };
    const struct jval *doc;
    enum errc rc;

    if (!m->to.n || !m->body.n || (m->from.n > 0) == (m->messaging_service_sid.n > 0))
        return err_set(err, ERR_INVALID, "send message: needs to, body, and one sender");
    if (m->body.n > MESSAGE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "send message: longer than %d characters",
                       TWILIO_MESSAGE_CHARS_MAX);
    form_add(&form, "To", m->to);
    form_opt(&form, "From", m->from);
    form_opt(&form, "MessagingServiceSid", m->messaging_service_sid);
    form_add(&form, "Body", m->body);
    form_opt(&form, "StatusCallback", m->status_callback);
    rc = form_done(&form, ctx, &c.form, err);
    c.url = resource(t, ctx, STR("Messages.json"));
    if (!rc)
        rc = exchange(t, ctx, &c, &doc, err);
    if (!rc)
        rc = json_need_str(doc, "sid", ret_message_sid, err);
    return rc ? err_wrap(err, rc, "send message") : ERR_OK;
}
