#include "tool_gateway/gateway.h"

#include "base/buf.h"
#include "base/macros.h"
#include "tool_gateway/ledger.h"

enum { TOOL_NAME_MAX = 64 };

/* --- what handlers answer with --------------------------------------------------------------------- */

static void end_call(struct tool_call *c, enum tool_status status, const char *reason,
                     struct str say, const char *next)
{
    c->status = status;
    jw_cstr(&c->out, "status", tool_status_name(status));
    jw_str(&c->out, "say", say);
    if (reason)
        jw_cstr(&c->out, "reason", reason);
    if (next)
        jw_cstr(&c->out, "next", next);
}

void call_ok(struct tool_call *c, struct str say, const char *next)
{
    end_call(c, TOOL_OK, NULL, say, next);
}

void call_refuse(struct tool_call *c, const char *reason, struct str say, const char *next)
{
    end_call(c, TOOL_REFUSED, reason, say, next);
}

void call_fail(struct tool_call *c, const char *reason, struct str say, const char *next)
{
    end_call(c, TOOL_FAILED, reason, say, next);
}

void call_provider_down(struct tool_call *c, const char *what, const struct err *err)
{
    log_error(&c->ctx->log, "tool %s: %s failed: %s", c->tool->name, what, err->text);
    call_fail(c, "unavailable",
              arena_printf(c->ctx->arena,
                           "I am sorry, I cannot reach our %s right now. I can take your name "
                           "and number so that somebody calls you back.",
                           what),
              "Nothing was done. Do not say that it was. Try once more, or use requestCallback or "
              "transferToHuman.");
}

struct str masked_number(struct arena *a, struct str number)
{
    char text[32];

    if (!number.n)
        return STR_EMPTY;
    log_mask_number(text, sizeof(text), number);
    return arena_str(a, str_c(text));
}

/* --- events ---------------------------------------------------------------------------------------- */

void gateway_event_begin(struct gateway_event *e, struct tool_call *c, enum event_type type,
                         struct str seq)
{
    e->head = (struct event_head){
        .type = type,
        .call_sid = c->req->call_sid,
        .source = STR("gateway"),
        .seq = seq,
        .time_us = clock_wall_us(c->ctx->clock),
    };
    event_begin(&e->w, &e->head);
}

/* The log is the last place where it stands, unless there are people's words in it. */
static void log_lost_event(struct tool_call *c, const struct event_head *h, struct str text,
                           const struct err *err)
{
    if (event_has_words(h->type))
        log_error(&c->ctx->log, "event not published: %s type=%s seq=" STR_FMT " bytes=%zu",
                  err->text, event_type_name(h->type), STR_ARG(h->seq), text.n);
    else
        log_error(&c->ctx->log, "event not published, kept here only: %s event=" STR_FMT, err->text,
                  STR_ARG(text));
}

void gateway_event_end(struct gateway_event *e, struct tool_call *c)
{
    struct str text = event_end(&e->w, c->ctx->arena);
    int64_t deadline = c->ctx->deadline_mono_ms;
    struct err err = ERR_INIT;

    c->ctx->deadline_mono_ms = clock_mono_ms(c->ctx->clock) + PUBLISH_DEADLINE_MS;
    if (event_publish(c->ctx, c->g->google, c->g->settings->events_topic, &e->head, text, &err))
        log_lost_event(c, &e->head, text, &err);
    c->ctx->deadline_mono_ms = deadline;
}

/* --- one request ----------------------------------------------------------------------------------- */

static const tool_run_fn runs[TOOLS] = {
    [TOOL_FIND_AVAILABILITY] = tool_find_availability,
    [TOOL_HOLD_SLOT] = tool_hold_slot,
    [TOOL_BOOK_APPOINTMENT] = tool_book_appointment,
    [TOOL_QUALIFY_LEAD] = tool_qualify_lead,
    [TOOL_TRANSFER_TO_HUMAN] = tool_transfer_to_human,
    [TOOL_REQUEST_CALLBACK] = tool_request_callback,
    [TOOL_LOG_CALL_OUTCOME] = tool_log_call_outcome,
};

static void run_tool(struct tool_call *c)
{
    struct err err = ERR_INIT;

    if (!tool_offered(c->tool, c->g->profile)) {
        call_refuse(c, "not_offered",
                    STR("I cannot do that here. I can arrange that somebody calls you back."),
                    "Use one of the tools of this session.");
        return;
    }
    if (!c->req->arguments) {
        call_refuse(c, "arguments", STR("One moment, please."),
                    "The arguments were no JSON object. Call the tool again with valid JSON.");
        return;
    }
    c->args = arena_zalloc(c->ctx->arena, c->tool->args_size);
    if (tool_decode(c->tool, c->g->profile, c->ctx->arena, c->req->arguments, c->args, &err)) {
        jw_cstr(&c->out, "problem", err.text);
        call_refuse(c, "arguments", STR("One moment, please."),
                    "Correct the argument named under problem (ask the caller if need be) and call "
                    "the tool "
                    "again.");
        return;
    }
    runs[c->tool->id](c);
}

static struct tool_reply finish(struct tool_call *c)
{
    jw_end(&c->out);
    return (struct tool_reply){
        .tool_call_id = c->req->tool_call_id,
        .status = c->status,
        .output = jw_finish(&c->out, c->ctx->arena),
        .control = c->control,
    };
}

static struct tool_reply run_once(struct tool_call *c, struct ledger_entry *entry)
{
    struct err err = ERR_INIT;
    struct tool_reply reply;

    jw_init(&c->out);
    jw_obj(&c->out, NULL);
    run_tool(c);
    reply = finish(c);
    /* It is kept even when the tool took all its time. */
    c->ctx->deadline_mono_ms = clock_mono_ms(c->ctx->clock) + RECORD_DEADLINE_MS;
    /* What was done stays done: the answer is given even when it could not be kept. A repeat then runs
     * again and finds its own traces. */
    if (ledger_finish(c->g->google, c->ctx, entry, &reply, &err))
        log_error(&c->ctx->log, "tool %s: result not kept: %s", c->tool->name, err.text);
    return reply;
}

static struct tool_reply simple_reply(struct ctx *ctx, const struct tool_request *req,
                                      enum tool_status status, const char *reason, const char *say,
                                      const char *next)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "status", tool_status_name(status));
    jw_cstr(&w, "say", say);
    jw_cstr(&w, "reason", reason);
    jw_cstr(&w, "next", next);
    jw_end(&w);
    return (struct tool_reply){ .tool_call_id = req->tool_call_id,
                                .status = status,
                                .output = jw_finish(&w, ctx->arena) };
}

static struct tool_reply unknown_tool(struct ctx *ctx, const struct tool_request *req)
{
    return simple_reply(ctx, req, TOOL_REFUSED, "unknown_tool", "One moment, please.",
                        "There is no such tool. Use one of the tools of this session.");
}

static struct tool_reply ledger_trouble(struct ctx *ctx, const struct tool_request *req,
                                        enum errc rc, const struct err *err)
{
    log_error(&ctx->log, "tool ledger: %s", err->text);
    if (rc == ERR_TIMEOUT)
        return simple_reply(ctx, req, TOOL_FAILED, "still_running",
                            "That is taking longer than usual. One moment, please.",
                            "It is not known yet whether it was done. Do not say that it was.");
    return simple_reply(
        ctx, req, TOOL_FAILED, "unavailable",
        "I am sorry, I cannot reach our system right now. I can connect you to a person.",
        "Nothing was done. Do not say that it was.");
}

/* Only a number with its country code is one; "anonymous" and the like are none. */
static struct str number_of(struct str from)
{
    return str_starts(from, STR("+")) && from.n >= 8 ? from : STR_EMPTY;
}

static enum errc serve(struct gateway *g, struct ctx *ctx, const struct tool *tool,
                       const struct tool_request *req, struct tool_reply *ret, struct err *err)
{
    struct ledger_entry entry;
    struct tool_call c = {
        .g = g, .ctx = ctx, .req = req, .tool = tool, .from = number_of(req->from)
    };
    bool done = false;
    enum errc rc = ledger_begin(g->google, ctx, tool->name, req, g->profile->retention.calls_days,
                                &entry, &done, ret, err);

    if (rc == ERR_CONFLICT)
        return rc;
    if (rc)
        *ret = ledger_trouble(ctx, req, rc, err);
    else if (!done)
        *ret = run_once(&c, &entry);
    return ERR_OK;
}

static bool name_plausible(struct str name)
{
    size_t i;

    for (i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return name.n > 0 && name.n <= TOOL_NAME_MAX;
}

static void on_tool(void *app, struct http_req *r)
{
    struct gateway *g = app;
    struct str name = http_req_param(r, "name");
    const struct tool *tool = tool_find(name);
    struct tool_request req;
    struct tool_reply reply;
    struct err err = ERR_INIT;
    int64_t from_ms = clock_mono_ms(r->ctx->clock);
    enum errc rc;

    if (!name_plausible(name)) {
        http_reply_error(r, 404, "no such tool");
        return;
    }
    if (tool_request_parse(&req, r->ctx->arena, r->body, &err)) {
        http_reply_error(r, 400, "%s", err.text);
        return;
    }
    r->ctx->log = log_with_call(&r->ctx->log, req.call_sid);
    r->ctx->deadline_mono_ms = from_ms + TOOL_DEADLINE_MS;
    rc = tool ? serve(g, r->ctx, tool, &req, &reply, &err) : ERR_OK;
    if (rc) {
        http_reply_error(r, 409, "%s", err.text);
        return;
    }
    if (!tool)
        reply = unknown_tool(r->ctx, &req);
    log_info(&r->ctx->log, "tool=" STR_FMT " status=%s replayed=%d latency_ms=%lld", STR_ARG(name),
             tool_status_name(reply.status), reply.replayed,
             (long long)(clock_mono_ms(r->ctx->clock) - from_ms));
    http_reply_json(r, 200, tool_reply_text(r->ctx->arena, &reply));
}

static enum errc admit(void *app, struct http_req *r)
{
    struct gateway *g = app;

    return oidc_admit(g->oidc, r);
}

const struct http_route gateway_routes[] = {
    { HTTP_POST, "/tools/{name}", TOOL_REQUEST_BYTES_MAX, admit, on_tool, false },
};
const size_t gateway_n_routes = ARRAY_LEN(gateway_routes);
