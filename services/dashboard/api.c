#include "dashboard/api.h"

#include "dashboard/calls.h"
#include "dashboard/list_page.h"
#include "dashboard/page.h"
#include "google/firestore.h"

static void reply(struct http_req *r, struct jw *w)
{
    page_private_headers(r);
    http_reply_json(r, 200, jw_finish(w, r->ctx->arena));
}

static void refuse(struct http_req *r, const char *why)
{
    page_private_headers(r);
    http_reply_error(r, 400, "%s", why);
}

void on_api_calls(void *app, struct http_req *r)
{
    struct dashboard *d = app;
    struct err err = ERR_INIT;
    struct call_page calls = { 0 };
    struct list_query q;
    const char *problem;
    struct jw w;
    enum errc rc;
    size_t i;

    if (!list_query_read(&q, r, &problem)) {
        refuse(r, problem);
        return;
    }
    rc = calls_list(d->google, r->ctx, q.outcome, q.before, q.limit, &calls, &err);
    if (rc == ERR_INVALID && q.before.n && err.upstream == 0) {
        refuse(r, err.text);
        return;
    }
    if (rc) {
        api_failed(r, &err);
        return;
    }
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "calls");
    for (i = 0; i < calls.n; i++)
        call_write_json(&w, NULL, &calls.items[i]);
    jw_end(&w);
    if (calls.next.n)
        jw_str(&w, "next", calls.next);
    else
        jw_null(&w, "next");
    jw_end(&w);
    reply(r, &w);
}

/* --- one call ----------------------------------------------------------- */

static void write_turns(struct jw *w, const struct call_detail *d)
{
    size_t i;

    jw_arr(w, "conversation");
    for (i = 0; i < d->n_turns; i++) {
        const struct call_turn *t = &d->turns[i];

        jw_obj(w, NULL);
        jw_i64(w, "attempt", t->attempt);
        jw_i64(w, "index", t->index);
        jw_cstr(w, "role", t->agent ? "agent" : "caller");
        jw_str(w, "text", t->text);
        jw_i64(w, "startMs", t->start_ms);
        jw_i64(w, "endMs", t->end_ms);
        jw_bool(w, "interrupted", t->interrupted);
        jw_end(w);
    }
    jw_end(w);
}

static void write_tools(struct jw *w, const struct call_detail *d)
{
    size_t i;

    jw_arr(w, "toolUses");
    for (i = 0; i < d->n_tools; i++) {
        const struct call_tool *t = &d->tools[i];

        jw_obj(w, NULL);
        jw_str(w, "toolCallId", t->id);
        jw_str(w, "name", t->name);
        jw_str(w, "status", t->status);
        fs_val_json(w, "arguments", t->arguments);
        fs_val_json(w, "output", t->output);
        jw_i64(w, "atMs", t->at_ms);
        jw_i64(w, "latencyMs", t->latency_ms);
        jw_bool(w, "replayed", t->replayed);
        jw_end(w);
    }
    jw_end(w);
}

static void write_waits(struct jw *w, const struct call_detail *d)
{
    static const char *const kinds[] = { [WAIT_FIRST_WORD] = "first_word",
                                         [WAIT_RESPONSE] = "response",
                                         [WAIT_BARGE_IN_STOP] = "barge_in_stop" };
    size_t i;

    jw_arr(w, "latencies");
    for (i = 0; i < d->n_waits; i++) {
        jw_obj(w, NULL);
        jw_cstr(w, "kind", kinds[d->waits[i].kind]);
        jw_i64(w, "attempt", d->waits[i].attempt);
        jw_i64(w, "turn", d->waits[i].turn);
        jw_i64(w, "ms", d->waits[i].ms);
        jw_end(w);
    }
    jw_end(w);
}

void on_api_call(void *app, struct http_req *r)
{
    struct dashboard *d = app;
    struct str sid = http_req_param(r, "sid");
    struct call_detail detail = { 0 };
    struct err err = ERR_INIT;
    enum errc rc = err_set(&err, ERR_NOT_FOUND, "not a call SID");
    struct jw w;

    if (call_sid_valid(sid))
        rc = calls_read(d->google, r->ctx, sid, &detail, &err);
    if (rc) {
        api_failed(r, &err);
        return;
    }
    jw_init(&w);
    jw_obj(&w, NULL);
    call_write_json(&w, "call", &detail.call);
    write_turns(&w, &detail);
    write_tools(&w, &detail);
    write_waits(&w, &detail);
    jw_end(&w);
    reply(r, &w);
}

void on_api_unknown(void *app, struct http_req *r)
{
    (void)app;
    page_private_headers(r);
    http_reply_error(r, 404, "no such address");
}
