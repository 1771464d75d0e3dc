#include "concierge/live_call.h"

#include "base/macros.h"
#include "google/firestore.h"

static const char *const state_names[] = { "live", "ended", "transfer", "failed" };

const char *live_call_state_name(enum live_call_state s)
{
    return (size_t)s < ARRAY_LEN(state_names) ? state_names[s] : "";
}

static struct str document_path(struct ctx *ctx, struct str call_sid)
{
    return arena_printf(ctx->arena, "liveCalls/" STR_FMT, STR_ARG(call_sid));
}

struct live_write {
    const struct live_call *call;
    int keep_days;
};

static void write_recent(struct fsw *w, const struct live_call *call)
{
    size_t i;

    fsw_arr(w, "turns");
    for (i = 0; i < call->n_turns; i++) {
        const struct live_turn *t = &call->turns[i];

        fsw_map(w, NULL);
        fsw_i64(w, "attempt", t->attempt);
        fsw_i64(w, "index", t->index);
        fsw_i64(w, "startMs", t->start_ms);
        fsw_cstr(w, "role", t->agent ? "agent" : "caller");
        fsw_str(w, "text", t->text);
        fsw_end(w);
    }
    fsw_end(w);
    fsw_arr(w, "tools");
    for (i = 0; i < call->n_tools; i++) {
        fsw_map(w, NULL);
        fsw_i64(w, "attempt", call->tools[i].attempt);
        fsw_i64(w, "atMs", call->tools[i].at_ms);
        fsw_str(w, "toolCallId", call->tools[i].call_id);
        fsw_end(w);
    }
    fsw_end(w);
}

static enum errc write_newer(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                             struct firestore_commit *c, struct err *err)
{
    const struct live_write *job = arg;
    const struct live_call *call = job->call;
    int64_t now_us = clock_wall_us(ctx->clock);
    struct fsw *w;

    (void)err;
    if (fs_i64_or(docs[0].fields, "attempt", -1) > call->attempt)
        return ERR_OK;
    w = firestore_set(c, docs[0].path, fs_pre_unchanged(&docs[0]));
    fsw_cstr(w, "state", live_call_state_name(call->state));
    fsw_i64(w, "attempt", call->attempt);
    fsw_str(w, "reason", call->reason);
    fsw_bool(w, "disclosed", call->disclosed);
    if (call->state == LIVE_CALL_TRANSFER) {
        fsw_map(w, "transfer");
        fsw_str(w, "number", call->transfer.number);
        fsw_str(w, "reason", call->transfer.reason);
        fsw_str(w, "summary", call->transfer.summary);
        fsw_end(w);
    }
    if (call->n_turns || call->n_tools)
        write_recent(w, call);
    if (call->past.n) {
        fsw_str(w, "past", call->past);
        fsw_bool(w, "toolsOpen", call->tools_open);
    }
    fsw_time(w, "updatedAt", now_us);
    fsw_ttl(w, now_us, job->keep_days);
    return ERR_OK;
}

enum errc live_call_write(struct ctx *ctx, struct google *g, struct str call_sid,
                          const struct live_call *c, int keep_days, struct err *err)
{
    struct live_write job = { c, keep_days };
    struct str path = document_path(ctx, call_sid);
    enum errc rc = firestore_update(g, ctx, &path, 1, write_newer, &job, err);

    return rc ? err_wrap(err, rc, "write live call") : ERR_OK;
}

static enum live_call_state find_state(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(state_names); i++) {
        if (str_eq_c(name, state_names[i]))
            return (enum live_call_state)i;
    }
    return LIVE_CALL_LIVE; /* a state that this build does not know is not an end */
}

static void read_recent(struct ctx *ctx, const struct jval *fields, struct live_call *ret)
{
    const struct jval *turns = fs_arr(fields, "turns"), *tools = fs_arr(fields, "tools"), *v;
    struct live_turn *turn = ARENA_ARRAY(ctx->arena, struct live_turn, LIVE_CALL_RECENT_MAX);
    struct live_tool *tool = ARENA_ARRAY(ctx->arena, struct live_tool, LIVE_CALL_RECENT_MAX);
    struct json_iter it = json_iter(turns);

    ret->turns = turn;
    while (ret->n_turns < LIVE_CALL_RECENT_MAX && json_next(&it, NULL, &v)) {
        const struct jval *f = fs_val_map(v);

        turn[ret->n_turns++] = (struct live_turn){ .attempt = (int)fs_i64_or(f, "attempt", 0),
                                                   .index = (int)fs_i64_or(f, "index", 0),
                                                   .start_ms = fs_i64_or(f, "startMs", 0),
                                                   .agent = str_eq_c(fs_str(f, "role"), "agent"),
                                                   .text = fs_str(f, "text") };
    }
    it = json_iter(tools);
    ret->tools = tool;
    while (ret->n_tools < LIVE_CALL_RECENT_MAX && json_next(&it, NULL, &v)) {
        const struct jval *f = fs_val_map(v);

        tool[ret->n_tools++] =
            (struct live_tool){ (int)fs_i64_or(f, "attempt", 0), fs_i64_or(f, "atMs", 0),
                                fs_str(f, "toolCallId") };
    }
}

enum errc live_call_read(struct ctx *ctx, struct google *g, struct str call_sid,
                         struct live_call *ret, struct err *err)
{
    const struct jval *transfer;
    struct fs_doc doc;
    enum errc rc = firestore_get(g, ctx, document_path(ctx, call_sid), &doc, err);

    if (rc)
        return err_wrap(err, rc, "read live call");
    if (!doc.exists)
        return err_set(err, ERR_NOT_FOUND, "no live call");
    transfer = fs_map(doc.fields, "transfer");
    *ret = (struct live_call){
        .state = find_state(fs_str(doc.fields, "state")),
        .attempt = (int)fs_i64_or(doc.fields, "attempt", 0),
        .reason = fs_str(doc.fields, "reason"),
        .disclosed = fs_bool_or(doc.fields, "disclosed", false),
        .past = fs_str(doc.fields, "past"),
        .tools_open = fs_bool_or(doc.fields, "toolsOpen", false),
        .transfer = { fs_str(transfer, "number"), fs_str(transfer, "reason"),
                      fs_str(transfer, "summary") },
        .updated_us = fs_time_or(doc.fields, "updatedAt", 0),
    };
    read_recent(ctx, doc.fields, ret);
    return ERR_OK;
}
