/* The Call resource. */
#include "base/mem.h"
#include "local_cloud/twilio/rest_internal.h"

enum { TWIML_INLINE_MAX = 4000 };

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
    rest_date(w, "date_created", c->created_s);
    rest_date(w, "date_updated", c->ended_s ? c->ended_s : c->created_s);
    rest_date(w, "start_time", c->answered_s);
    rest_date(w, "end_time", c->ended_s);
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

/* 0, or the error's code; *what its text. */
static int check_new_call(const struct form *f, const char **what)
{
    *what = "The 'To' number is not a valid phone number.";
    if (!rest_e164(form_get(f, "To")))
        return form_get(f, "To").n ? 21217 : 21201;
    *what = "The source phone number provided is not a valid phone number.";
    if (!rest_e164(form_get(f, "From")))
        return form_get(f, "From").n ? 21212 : 21213;
    *what = "Url or Twiml parameter is required.";
    if (!rest_is_url(form_get(f, "Url")) && !form_get(f, "Twiml").n)
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

void rest_calls_create(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct phone_call_opts o = { .caller = &call_silent_party };
    struct phone_call *c;
    struct form f;
    const char *what;
    int code;

    if (!t || !rest_form(r, &f))
        return;
    code = check_new_call(&f, &what);
    if (!code && t->n_live >= TELEPHONY_CALLS_MAX) {
        code = 10004;
        what = "Call concurrency limit exceeded";
    }
    if (code) {
        rest_fail(r, code == 10004 ? 429 : 400, code, what);
        return;
    }
    o.to = form_get(&f, "To");
    o.from = form_get(&f, "From");
    c = call_create(t, &o, "outbound-api");
    if (rest_is_url(form_get(&f, "Url")))
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

struct phone_call *rest_call(struct telephony *t, struct http_req *r)
{
    struct phone_call *c = map_get(t->calls, http_req_param(r, "call"));

    if (!c)
        rest_not_found(r);
    return c;
}

void rest_call_get(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct phone_call *c = t ? rest_call(t, r) : NULL;

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
        rest_fail(r, 400, 21218, "Invalid status");
        return;
    }
    reply_call(r, 200, c);
}

void rest_call_update(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct phone_call *c;
    struct str url, twiml, status;
    struct form f;

    if (!t || !rest_form(r, &f))
        return;
    c = rest_call(t, r);
    if (!c)
        return;
    if (c->over) {
        rest_fail(r, 400, 21220, "Call is not in-progress. Cannot redirect.");
        return;
    }
    url = form_get(&f, "Url");
    twiml = form_get(&f, "Twiml");
    status = form_get(&f, "Status");
    if (twiml.n > TWIML_INLINE_MAX) {
        rest_fail(r, 400, 32018, "Twiml parameter is too long.");
    } else if (status.n) {
        set_status(r, c, status);
    } else if ((url.n > 0) == (twiml.n > 0) || (url.n && !rest_is_url(url))) {
        rest_fail(r, 400, 21205, "Url or Twiml parameter is required.");
    } else if (c->status != CALL_IN_PROGRESS) {
        rest_fail(r, 400, 21220, "Call is not in-progress. Cannot redirect.");
    } else {
        if (form_has(&f, "FallbackUrl"))
            (void)str_copy(c->fallback_url, sizeof(c->fallback_url), form_get(&f, "FallbackUrl"));
        call_update(c, url, twiml);
        reply_call(r, 200, c);
    }
}

static size_t list_calls(struct jw *w, const struct form *q, const struct list *l, size_t room)
{
    struct list_node *n, *tmp;
    size_t count = 0;

    LIST_EACH (l, n, tmp) {
        const struct phone_call *c = CONTAINER_OF(n, struct phone_call, node);

        if (count < room && rest_fits(q, "To", c->to) && rest_fits(q, "From", c->from) &&
            rest_fits(q, "Status", call_status_name(c->status))) {
            write_call(w, NULL, c);
            count++;
        }
    }
    return count;
}

void rest_calls_list(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct form q = { 0 };
    struct jw w;
    size_t n;

    if (!t)
        return;
    if (form_parse(&q, r->ctx->arena, r->query)) {
        rest_fail(r, 400, 20001, "The query cannot be read");
        return;
    }
    rest_list_begin(&w, "calls");
    n = list_calls(&w, &q, &t->live, REST_PAGE_MAX);
    n += list_calls(&w, &q, &t->over, REST_PAGE_MAX - n);
    rest_list_end(r, &w, n);
}
