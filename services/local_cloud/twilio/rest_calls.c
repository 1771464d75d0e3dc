/* The Call resource. */
#include <stdlib.h>

#include "base/mem.h"
#include "local_cloud/twilio/rest_internal.h"

enum { TWIML_INLINE_MAX = 4000, TIME_LIMIT_MAX_S = 86400 };

static void write_call(struct jw *w, const char *key, const struct phone_call *c)
{
    const struct telephony *t = c->t;

    jw_obj(w, key);
    jw_cstr(w, "sid", c->sid);
    jw_cstr(w, "parent_call_sid", c->leg_of[0] ? c->leg_of : NULL);
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

/* What a new call and an update have in common. 0, or the error's code; *what its text. */
static int check_fields(const struct form *f, int64_t *ret_limit_s, const char **what)
{
    *what = "Invalid Url.";
    if (!rest_url_fits(f, "Url") || !rest_url_fits(f, "FallbackUrl"))
        return 21205;
    *what = "Invalid Method: GET or POST.";
    if (!rest_method_fits(f, "Method") || !rest_method_fits(f, "FallbackMethod") ||
        !rest_method_fits(f, "StatusCallbackMethod"))
        return 21209;
    *what = "Invalid StatusCallback.";
    if (!rest_url_fits(f, "StatusCallback"))
        return 21609;
    *what = "Twiml parameter is too long.";
    if (form_get(f, "Twiml").n > TWIML_INLINE_MAX)
        return 32018;
    *what = "Invalid TimeLimit.";
    *ret_limit_s = 0;
    return form_get(f, "TimeLimit").n &&
                   str_to_i64(form_get(f, "TimeLimit"), 1, TIME_LIMIT_MAX_S, ret_limit_s)
               ? 20001
               : 0;
}

static int check_new_call(const struct form *f, int64_t *ret_limit_s, const char **what)
{
    *what = "The 'To' number is not a valid phone number.";
    if (!rest_e164(form_get(f, "To")))
        return form_get(f, "To").n ? 21217 : 21201;
    *what = "The source phone number provided is not a valid phone number.";
    if (!rest_e164(form_get(f, "From")))
        return form_get(f, "From").n ? 21212 : 21213;
    *what = "Url or Twiml parameter is required.";
    if (!form_get(f, "Url").n && !form_get(f, "Twiml").n)
        return 21205;
    return check_fields(f, ret_limit_s, what);
}

/* Of a request that has been checked. */
static void set_callbacks(struct phone_call *c, struct arena *a, const struct form *f)
{
    if (form_has(f, "FallbackUrl")) {
        (void)str_copy(c->fallback_url, sizeof(c->fallback_url), form_get(f, "FallbackUrl"));
        c->fallback_get = rest_is_get(f, "FallbackMethod");
    }
    if (form_has(f, "StatusCallback"))
        status_callback_init(&c->callback, form_get(f, "StatusCallback"),
                             rest_words(a, f, "StatusCallbackEvent", "completed"),
                             rest_is_get(f, "StatusCallbackMethod"));
}

void rest_calls_create(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct phone_call_opts o = { .caller = &call_silent_party };
    struct phone_call *c;
    struct form f;
    const char *what;
    int64_t limit_s;
    int code;

    if (!t || !rest_form(r, &f))
        return;
    code = check_new_call(&f, &limit_s, &what);
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
    if (form_get(&f, "Url").n)
        (void)str_copy(c->voice_url, sizeof(c->voice_url), form_get(&f, "Url"));
    else
        c->update_twiml = mem_str_dup(form_get(&f, "Twiml"));
    c->voice_get = rest_is_get(&f, "Method");
    set_callbacks(c, r->ctx->arena, &f);
    call_limit(c, limit_s);
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

/* A leg of <Dial> can be ended, which its <Dial> then goes on from; it has no document to be replaced. */
static void update_leg(struct telephony *t, struct http_req *r, struct phone_call *leg,
                       struct str status)
{
    struct phone_call *parent = map_get(t->calls, str_c(leg->leg_of));

    if (!str_eq_c(status, "completed") || !parent) {
        rest_fail(r, 400, 21220, "Call is not in-progress. Cannot redirect.");
        return;
    }
    dial_hang_up(parent);
    reply_call(r, 200, leg);
}

static void update_document(struct http_req *r, struct phone_call *c, const struct form *f,
                            int64_t limit_s)
{
    struct str url = form_get(f, "Url"), twiml = form_get(f, "Twiml");
    bool other = limit_s || form_get(f, "FallbackUrl").n > 0 || form_get(f, "StatusCallback").n > 0;

    if (url.n && twiml.n) {
        rest_fail(r, 400, 21205, "Url and Twiml exclude each other.");
        return;
    }
    if (!url.n && !twiml.n && !other) {
        rest_fail(r, 400, 21205, "Url or Twiml parameter is required.");
        return;
    }
    if ((url.n || twiml.n) && c->status != CALL_IN_PROGRESS) {
        rest_fail(r, 400, 21220, "Call is not in-progress. Cannot redirect.");
        return;
    }
    set_callbacks(c, r->ctx->arena, f);
    if (limit_s)
        call_limit(c, limit_s);
    if (url.n || twiml.n)
        call_update(c, url, rest_is_get(f, "Method"), twiml);
    reply_call(r, 200, c);
}

void rest_call_update(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct phone_call *c;
    struct str status;
    struct form f;
    const char *what;
    int64_t limit_s;
    int code;

    if (!t || !rest_form(r, &f))
        return;
    c = rest_call(t, r);
    if (!c)
        return;
    if (c->over) {
        rest_fail(r, 400, 21220, "Call is not in-progress. Cannot redirect.");
        return;
    }
    status = form_get(&f, "Status");
    code = check_fields(&f, &limit_s, &what);
    if (code)
        rest_fail(r, 400, code, what);
    else if (c->leg_of[0])
        update_leg(t, r, c, status);
    else if (status.n)
        set_status(r, c, status);
    else
        update_document(r, c, &f, limit_s);
}

void rest_call_delete(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    struct phone_call *c = t ? rest_call(t, r) : NULL;

    if (!c)
        return;
    if (!c->over) {
        rest_fail(r, 409, 20409, "A call that is not over cannot be deleted.");
        return;
    }
    call_forget(c);
    http_reply_empty(r, 204);
}

/* ---- lists ---- */

static int by_age(const void *a, const void *b)
{
    const struct phone_call *const *x = a, *const *y = b;

    return ((*x)->number < (*y)->number) - ((*x)->number > (*y)->number);
}

/* Newest first. */
static size_t all_calls(const struct telephony *t, struct arena *a, const struct phone_call ***ret)
{
    const struct list *const lists[] = { &t->live, &t->over };
    struct list_node *node, *tmp;
    size_t n = 0, i;

    *ret = ARENA_ARRAY(a, const struct phone_call *, t->n_live + t->n_over + 1);
    for (i = 0; i < ARRAY_LEN(lists); i++) {
        LIST_EACH (lists[i], node, tmp) {
            const struct phone_call *c = CONTAINER_OF(node, struct phone_call, node);

            if (!c->forgotten)
                (*ret)[n++] = c;
        }
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
    qsort(*ret, n, sizeof(const struct phone_call *), by_age);
    return n;
}

void rest_calls_list(void *app, struct http_req *r)
{
    struct telephony *t = rest_admit(app, r);
    const struct phone_call **all;
    struct rest_list l;
    size_t n, i;

    if (!t || !rest_list_begin(&l, r, "calls"))
        return;
    n = all_calls(t, r->ctx->arena, &all);
    for (i = 0; i < n; i++) {
        const struct phone_call *c = all[i];

        if (rest_fits(&l, "To", c->to) && rest_fits(&l, "From", c->from) &&
            rest_fits(&l, "Status", call_status_name(c->status)) &&
            rest_fits(&l, "ParentCallSid", c->leg_of) &&
            rest_fits_time(&l, r->ctx->arena, "StartTime", c->answered_s) &&
            rest_fits_time(&l, r->ctx->arena, "EndTime", c->ended_s) && rest_list_shows(&l))
            write_call(&l.w, NULL, c);
    }
    rest_list_end(&l, r);
}
