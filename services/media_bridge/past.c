#include "media_bridge/past.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "concierge/end_reason.h"
#include "concierge/live_call.h"
#include "google/firestore.h"

/* A turn or a tool, with its place. */
struct entry {
    int64_t attempt, ms, index;
    bool tool, agent, answered;
    struct str text; /* of a tool: its line */
    struct past_tool call;
};

struct reading {
    struct google *google;
    struct ctx *ctx;
    struct str call_sid;
    struct entry *entries;
    size_t n, max;
    struct live_call live;
};

static struct entry *add(struct reading *r, const struct entry *e)
{
    if (r->n == r->max)
        return NULL;
    r->entries[r->n] = *e;
    return &r->entries[r->n++];
}

static struct str json_of(struct ctx *ctx, const struct jval *fields, const char *key)
{
    const struct jval *map = fs_map(fields, key);
    struct jw w;

    if (!map)
        return fs_str(fields, key);
    jw_init(&w);
    fs_fields_json(&w, NULL, map);
    return jw_finish(&w, ctx->arena);
}

static struct str tool_line(struct ctx *ctx, struct str name, struct str arguments,
                            struct str output)
{
    return arena_printf(ctx->arena, STR_FMT " " STR_FMT " -> " STR_FMT, STR_ARG(name),
                        STR_ARG(str_slice(arguments, 0, PAST_OUTPUT_MAX)),
                        STR_ARG(str_slice(output, 0, PAST_OUTPUT_MAX)));
}

/* ---- what is on record ---- */

static struct entry *tool_known(const struct reading *r, struct str call_id)
{
    size_t i;

    for (i = 0; i < r->n; i++) {
        if (r->entries[i].tool && str_eq(r->entries[i].call.call_id, call_id))
            return &r->entries[i];
    }
    return NULL;
}

static void add_turn(struct reading *r, int64_t attempt, const struct jval *data)
{
    const struct entry e = { .attempt = attempt,
                             .index = fs_i64_or(data, "index", 0),
                             .agent = str_eq_c(fs_str(data, "role"), "agent"),
                             .ms = fs_i64_or(data, "startMs", 0),
                             .text = fs_str(data, "text") };

    if (e.text.n > 0)
        (void)add(r, &e); /* beyond the limit: not told */
}

/* Its result was given to the engine. */
static void add_tool(struct reading *r, int64_t attempt, const struct jval *data)
{
    struct entry e = {
        .tool = true, .answered = true, .attempt = attempt, .ms = fs_i64_or(data, "atMs", 0)
    };

    e.call = (struct past_tool){ fs_str(data, "toolCallId"), fs_str(data, "name"),
                                 json_of(r->ctx, data, "arguments") };
    e.text = tool_line(r->ctx, e.call.name, e.call.arguments, json_of(r->ctx, data, "output"));
    if (e.call.call_id.n && !tool_known(r, e.call.call_id))
        (void)add(r, &e);
}

/* Events of the source "bridge-{attempt}". */
static void add_event(struct reading *r, const struct jval *f)
{
    struct str source = fs_str(f, "source");
    int64_t attempt;

    if (!str_starts(source, STR("bridge-")) || str_to_i64(str_from(source, 7), 0, 1000, &attempt))
        return;
    if (str_eq_c(fs_str(f, "type"), "call.turn"))
        add_turn(r, attempt, fs_map(f, "data"));
    else
        add_tool(r, attempt, fs_map(f, "data"));
}

static enum errc read_events(struct reading *r, struct err *err)
{
    const struct str types[] = { STR("call.turn"), STR("call.tool") };
    const struct fs_filter filter = { "type", FS_IN, FS_STRS(types, ARRAY_LEN(types)) };
    const struct firestore_query query = { .parent = arena_printf(r->ctx->arena, "calls/" STR_FMT,
                                                                  STR_ARG(r->call_sid)),
                                           .collection = "events",
                                           .filters = &filter,
                                           .n_filters = 1,
                                           .limit = PAST_TURNS_MAX + PAST_TOOLS_MAX };
    struct fs_docs docs;
    enum errc rc = firestore_query(r->google, r->ctx, &query, &docs, err);
    size_t i;

    for (i = 0; !rc && i < docs.n; i++)
        add_event(r, docs.items[i].fields);
    return rc;
}

static void add_invocation(struct reading *r, const struct jval *f)
{
    struct entry e = { .tool = true, .attempt = 1000 }; /* after all that is on record */

    e.call = (struct past_tool){ fs_str(f, "toolCallId"), fs_str(f, "name"),
                                 json_of(r->ctx, f, "arguments") };
    if (e.call.arguments.n == 0)
        e.call.arguments = fs_str(f, "argumentsText");
    if (e.call.call_id.n == 0 || tool_known(r, e.call.call_id))
        return;
    (void)add(r, &e);
}

/* The gateway's ledger knows all of them at once, also what was running when the bridge died. */
static enum errc read_ledger(struct reading *r, struct err *err)
{
    const struct fs_filter filter = { "callSid", FS_EQ, FS_STR(r->call_sid) };
    const struct firestore_query query = {
        .collection = "toolInvocations", .filters = &filter, .n_filters = 1, .limit = PAST_TOOLS_MAX
    };
    struct fs_docs docs;
    enum errc rc = firestore_query(r->google, r->ctx, &query, &docs, err);
    size_t i;

    for (i = 0; !rc && i < docs.n; i++)
        add_invocation(r, docs.items[i].fields);
    return rc;
}

/* ---- together ---- */

static int compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int entry_cmp(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int c = compare(x->attempt, y->attempt);

    if (!c)
        c = compare(x->ms, y->ms);
    if (!c)
        c = compare(y->tool, x->tool); /* a tool comes before what is said of it */
    return c ? c : compare(x->index, y->index);
}

static struct str latest(struct str text)
{
    if (text.n <= PAST_TEXT_MAX)
        return text;
    text = str_from(text, text.n - PAST_TEXT_MAX);
    return str_from(text, MIN(str_find_char(text, '\n') + 1, text.n)); /* from a whole line on */
}

static void add_open(struct past *ret, struct arena *a, const struct past_tool *t)
{
    ret->open[ret->n_open++] = (struct past_tool){ arena_str(a, t->call_id), arena_str(a, t->name),
                                                   arena_str(a, t->arguments) };
}

/* The caller had begun a turn of which nothing is on record, and nothing that came after it. */
static bool turn_is_open(const struct reading *r)
{
    size_t i;

    if (r->live.open.index < 0 || r->live.open.attempt != r->live.attempt)
        return false;
    for (i = 0; i < r->n; i++) {
        const struct entry *e = &r->entries[i];

        if (!e->tool && e->attempt == r->live.open.attempt && e->index >= r->live.open.index)
            return false;
    }
    return true;
}

static void sum_up(struct past *ret, struct arena *a, struct reading *r)
{
    struct buf out = BUF_INIT(MIB);
    size_t i;

    *ret = (struct past){ .disclosed = r->live.disclosed,
                          .open = ARENA_ARRAY(a, struct past_tool, MAX(r->n, (size_t)1)),
                          .owed = true, /* whoever was killed says at least that */
                          .words_lost = turn_is_open(r),
                          .started_us = r->live.started_us };
    qsort(r->entries, r->n, sizeof(*r->entries), entry_cmp);
    for (i = 0; i < r->n; i++) {
        const struct entry *e = &r->entries[i];

        if (e->tool && !e->answered) {
            add_open(ret, a, &e->call);
            continue;
        }
        buf_addf(&out, "%s: " STR_FMT "\n",
                 e->tool    ? "Tool"
                 : e->agent ? "Agent"
                            : "Caller",
                 STR_ARG(e->text));
        ret->disclosed |= !e->tool && e->agent;
    }
    ret->text = arena_str(a, latest(buf_str(&out)));
    buf_release(&out);
}

struct str past_join(struct arena *a, struct str before, struct str more)
{
    return arena_str(a, latest(arena_printf(a, STR_FMT STR_FMT, STR_ARG(before), STR_ARG(more))));
}

/* A bridge that could still write has left all of it. */
static bool take_left(struct past *ret, struct arena *a, const struct live_call *live)
{
    const struct live_left *left = &live->left;
    size_t i;

    if (!left->whole)
        return false;
    *ret = (struct past){ .text = arena_str(a, left->past),
                          .open = ARENA_ARRAY(a, struct past_tool, LIVE_CALL_TOOLS_MAX),
                          .disclosed = live->disclosed,
                          .moved = str_eq_c(live->reason, end_reason_info(END_SHUTDOWN)->name),
                          .unsaid = arena_str(a, left->unsaid),
                          .owed = left->owed,
                          .words_lost = left->words_lost,
                          .started_us = live->started_us };
    for (i = 0; i < left->n_tools; i++)
        add_open(ret, a,
                 &(struct past_tool){ left->tools[i].call_id, left->tools[i].name,
                                      left->tools[i].arguments });
    return true;
}

enum errc past_read(struct past *ret, struct arena *arena, struct google *g, struct ctx *ctx,
                    struct str call_sid, bool all, struct err *err)
{
    struct reading r = { .google = g, .ctx = ctx, .call_sid = call_sid };
    enum errc rc = live_call_read(ctx, g, call_sid, &r.live, err);

    if (rc == ERR_NOT_FOUND) {
        r.live = (struct live_call){ .open = { -1, -1 } };
        rc = ERR_OK;
    }
    if (!rc && take_left(ret, arena, &r.live))
        return ERR_OK;
    if (!rc && !all)
        return err_set(err, ERR_AGAIN, "the last bridge left nothing");
    r.max = PAST_TURNS_MAX + 2 * PAST_TOOLS_MAX;
    r.entries = ARENA_ARRAY(ctx->arena, struct entry, r.max);
    if (!rc)
        rc = read_events(&r, err);
    if (!rc)
        rc = read_ledger(&r, err);
    if (rc)
        return err_wrap(err, rc, "earlier streams of the call");
    sum_up(ret, arena, &r);
    return ERR_OK;
}
