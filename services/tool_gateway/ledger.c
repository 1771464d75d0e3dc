#include "tool_gateway/ledger.h"

#include <poll.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "google/firestore.h"
#include "google/rest.h"

enum { RUNNER_CHARS = 16 };

struct begin_job {
    const char *name;
    const struct tool_request *req;
    int keep_days;
    bool done, running, other_tool;
    struct tool_reply reply;
    struct str runner; /* ours, so that a start whose answer was lost is not taken for another's */
    int64_t now_us;
    int tries;
};

static struct str entry_path(struct ctx *ctx, const struct tool_request *r)
{
    return arena_printf(ctx->arena, "toolInvocations/" STR_FMT ":" STR_FMT, STR_ARG(r->call_sid),
                        STR_ARG(r->tool_call_id));
}

static struct str json_text(struct ctx *ctx, const struct jval *map)
{
    struct jw w;

    jw_init(&w);
    fs_fields_json(&w, NULL, map);
    return jw_finish(&w, ctx->arena);
}

static struct tool_reply read_reply(struct ctx *ctx, const struct jval *f)
{
    const struct jval *control = fs_map(f, "control"), *transfer = fs_map(control, "transfer");
    struct tool_reply r = { .tool_call_id = fs_str(f, "toolCallId"), .replayed = true };
    struct str status = fs_str(f, "status");

    r.status = str_eq_c(status, "ok")        ? TOOL_OK
               : str_eq_c(status, "refused") ? TOOL_REFUSED
                                             : TOOL_FAILED;
    r.output = json_text(ctx, fs_map(f, "output"));
    r.control.end_call = fs_bool_or(control, "endCall", false);
    r.control.outcome = fs_str(control, "outcome");
    r.control.transfer.number = fs_str(transfer, "number");
    r.control.transfer.reason = fs_str(transfer, "reason");
    r.control.transfer.summary = fs_str(transfer, "summary");
    return r;
}

static void write_start(struct fsw *w, const struct begin_job *j)
{
    fsw_cstr(w, "name", j->name);
    fsw_str(w, "callSid", j->req->call_sid);
    fsw_str(w, "toolCallId", j->req->tool_call_id);
    if (j->req->arguments)
        fsw_json(w, "arguments", j->req->arguments);
    else
        fsw_str(w, "argumentsText", j->req->arguments_text);
    fsw_cstr(w, "state", "running");
    fsw_time(w, "startedAt", j->now_us);
    fsw_time(w, "leaseUntil", j->now_us + (int64_t)LEDGER_LEASE_MS * 1000);
    fsw_i64(w, "tries", j->tries);
    fsw_str(w, "runner", j->runner);
    fsw_ttl(w, j->now_us, j->keep_days);
}

static enum errc begin_step(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                            struct firestore_commit *c, struct err *err)
{
    struct begin_job *j = arg;
    const struct jval *f = docs[0].fields;

    (void)err;
    j->now_us = clock_wall_us(ctx->clock);
    j->running = j->done = j->other_tool = false;
    if (docs[0].exists && !str_eq_c(fs_str(f, "name"), j->name)) {
        j->other_tool = true;
    } else if (docs[0].exists && str_eq_c(fs_str(f, "state"), "done")) {
        j->done = true;
        j->reply = read_reply(ctx, f);
    } else if (docs[0].exists && str_eq(fs_str(f, "runner"), j->runner)) {
        return ERR_OK; /* begun, only we were not told */
    } else if (docs[0].exists && fs_time_or(f, "leaseUntil", 0) > j->now_us) {
        j->running = true;
    } else {
        j->tries = (int)fs_i64_or(f, "tries", 0) + 1;
        write_start(firestore_set(c, docs[0].path, fs_pre_unchanged(&docs[0])), j);
    }
    return ERR_OK;
}

static bool wait_past(struct ctx *ctx, int64_t until_ms)
{
    if (clock_mono_ms(ctx->clock) >= until_ms)
        return false;
    (void)poll(NULL, 0, LEDGER_POLL_MS); /* only the waiting is wanted */
    return true;
}

enum errc ledger_begin(struct google *g, struct ctx *ctx, const char *name,
                       const struct tool_request *req, int keep_days, struct ledger_entry *ret,
                       bool *ret_done, struct tool_reply *ret_reply, struct err *err)
{
    struct begin_job j = { .name = name,
                           .req = req,
                           .keep_days = keep_days,
                           .runner = random_id_text(ctx->arena, RUNNER_CHARS) };
    struct str path = entry_path(ctx, req);
    int64_t until_ms = clock_mono_ms(ctx->clock) + LEDGER_WAIT_MS;
    enum errc rc;

    do {
        rc = firestore_update(g, ctx, &path, 1, begin_step, &j, err);
        if (rc)
            return err_wrap(err, rc, "begin tool invocation");
    } while (j.running && wait_past(ctx, until_ms));
    if (j.running)
        return err_set(err, ERR_TIMEOUT, "the same tool call is still running");
    if (j.other_tool)
        return err_set(err, ERR_CONFLICT, "toolCallId was used for another tool");
    *ret_done = j.done;
    *ret_reply = j.reply;
    *ret = (struct ledger_entry){ .path = path, .started_us = j.now_us, .tries = j.tries };
    return ERR_OK;
}

static void write_control(struct fsw *w, const struct tool_control *c)
{
    fsw_map(w, "control");
    if (c->end_call) {
        fsw_bool(w, "endCall", true);
        fsw_str(w, "outcome", c->outcome);
    }
    if (c->transfer.number.n) {
        fsw_map(w, "transfer");
        fsw_str(w, "number", c->transfer.number);
        fsw_str(w, "reason", c->transfer.reason);
        fsw_str(w, "summary", c->transfer.summary);
        fsw_end(w);
    }
    fsw_end(w);
}

enum errc ledger_finish(struct google *g, struct ctx *ctx, const struct ledger_entry *e,
                        const struct tool_reply *reply, struct err *err)
{
    struct firestore_commit *c = firestore_commit_begin(g, ctx);
    struct fsw *w = firestore_merge(c, e->path, FS_PRE_EXISTS);
    int64_t now_us = clock_wall_us(ctx->clock);
    const struct jval *output = NULL;
    enum errc rc = json_parse_arena(&output, ctx->arena, reply->output, err);

    if (rc)
        return err_wrap(err, rc, "tool output");
    fsw_cstr(w, "state", "done");
    fsw_cstr(w, "status", tool_status_name(reply->status));
    fsw_json(w, "output", output);
    write_control(w, &reply->control);
    fsw_time(w, "finishedAt", now_us);
    fsw_i64(w, "latencyMs", MAX((now_us - e->started_us) / 1000, 0));
    rc = firestore_commit(c, NULL, err);
    return rc ? err_wrap(err, rc, "finish tool invocation") : ERR_OK;
}
