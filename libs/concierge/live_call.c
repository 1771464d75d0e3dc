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

static void write_left(struct fsw *w, const struct live_left *left)
{
    size_t i;

    fsw_map(w, "left");
    fsw_str(w, "past", left->past);
    fsw_str(w, "unsaid", left->unsaid);
    fsw_bool(w, "owed", left->owed);
    fsw_bool(w, "wordsLost", left->words_lost);
    fsw_arr(w, "tools");
    for (i = 0; i < left->n_tools; i++) {
        fsw_map(w, NULL);
        fsw_str(w, "toolCallId", left->tools[i].call_id);
        fsw_str(w, "name", left->tools[i].name);
        fsw_str(w, "arguments", left->tools[i].arguments);
        fsw_end(w);
    }
    fsw_end(w);
    fsw_end(w);
}

static void write_open(struct fsw *w, int attempt, int index)
{
    fsw_map(w, "open");
    fsw_i64(w, "attempt", attempt);
    fsw_i64(w, "index", index);
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
    if (call->left.whole)
        write_left(w, &call->left);
    if (call->open.index >= 0)
        write_open(w, call->open.attempt, call->open.index);
    if (call->started_us)
        fsw_time(w, "startedAt", call->started_us);
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

enum errc live_call_mark_open(struct ctx *ctx, struct google *g, struct str call_sid, int attempt,
                              int index, struct err *err)
{
    struct firestore_commit *c = firestore_commit_begin(g, ctx);
    struct fsw *w = firestore_merge(c, document_path(ctx, call_sid), FS_PRE_EXISTS);
    enum errc rc;

    write_open(w, attempt, index);
    rc = firestore_commit(c, NULL, err);
    return rc ? err_wrap(err, rc, "mark live call") : ERR_OK;
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

static void read_left(struct ctx *ctx, const struct jval *fields, struct live_left *ret)
{
    const struct jval *left = fs_map(fields, "left"), *v;
    struct live_tool *tools = ARENA_ARRAY(ctx->arena, struct live_tool, LIVE_CALL_TOOLS_MAX);
    struct json_iter it = json_iter(fs_arr(left, "tools"));

    *ret = (struct live_left){ .whole = left != NULL,
                               .past = fs_str(left, "past"),
                               .unsaid = fs_str(left, "unsaid"),
                               .owed = fs_bool_or(left, "owed", false),
                               .words_lost = fs_bool_or(left, "wordsLost", false),
                               .tools = tools };
    while (ret->n_tools < LIVE_CALL_TOOLS_MAX && json_next(&it, NULL, &v)) {
        const struct jval *f = fs_val_map(v);

        tools[ret->n_tools++] = (struct live_tool){ fs_str(f, "toolCallId"), fs_str(f, "name"),
                                                    fs_str(f, "arguments") };
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
        .started_us = fs_time_or(doc.fields, "startedAt", 0),
        .open = { (int)fs_i64_or(fs_map(doc.fields, "open"), "attempt", -1),
                  (int)fs_i64_or(fs_map(doc.fields, "open"), "index", -1) },
        .transfer = { fs_str(transfer, "number"), fs_str(transfer, "reason"),
                      fs_str(transfer, "summary") },
        .updated_us = fs_time_or(doc.fields, "updatedAt", 0),
    };
    read_left(ctx, doc.fields, &ret->left);
    return ERR_OK;
}
