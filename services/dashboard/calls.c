#include "dashboard/calls.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/macros.h"
#include "google/firestore.h"

/* What the list shows; `parts`, the writer's own, is the larger half of a document. */
static const char *const list_fields[] = {
    "from",       "to",           "direction",    "status",    "outcome",    "endReason",
    "summary",    "startedAt",    "endedAt",      "flags",     "latency",    "turns",
    "durationMs", "costMicroUsd", "attempts",     "model",     "toolCalls",  "bookingId",
    "leadId",     "callbackId",   "callbackDone", "recording", "transcript",
};

bool call_sid_valid(struct str sid)
{
    size_t i;

    for (i = 0; i < sid.n; i++) {
        char c = sid.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return sid.n > 0 && sid.n <= CALL_SID_MAX;
}

bool call_is_over(const struct call *c)
{
    return str_eq_c(c->status, "ended");
}

bool call_recording_is_lost(const struct call *c)
{
    return c->recording_status.n && !str_eq_c(c->recording_status, "stored");
}

bool call_has_flag(const struct call *c, const char *flag)
{
    struct json_iter it = json_iter(c->flags);
    const struct jval *v;

    while (json_next(&it, NULL, &v)) {
        if (str_eq_c(fs_val_str(v), flag))
            return true;
    }
    return false;
}

/* --- one document ------------------------------------------------------- */

static struct spread read_spread(const struct jval *latency, const char *key)
{
    const struct jval *m = fs_map(latency, key);

    return (struct spread){ fs_i64_or(m, "p50", 0), fs_i64_or(m, "p95", 0), fs_i64_or(m, "max", 0),
                            fs_i64_or(m, "n", 0) };
}

int64_t call_time_of(const struct jval *fields, const char *key)
{
    int64_t us = fs_time_or(fields, key, 0);

    if (!us && time_parse_rfc3339(fs_str(fields, key), &us))
        us = 0;
    return us;
}

static void read_after(struct call *c, const struct jval *f)
{
    const struct jval *recording = fs_map(f, "recording"), *transcript = fs_map(f, "transcript");

    c->recording =
        (struct stored_object){ fs_str(recording, "bucket"), fs_str(recording, "object") };
    c->recording_status = fs_str(recording, "status");
    c->recording_started_us = call_time_of(recording, "startedAt");
    c->recording_ms = fs_i64_or(recording, "durationMs", -1);
    c->transcript =
        (struct stored_object){ fs_str(transcript, "bucket"), fs_str(transcript, "object") };
    c->flags = fs_arr(f, "flags");
    c->booking = fs_map(f, "booking");
    c->handoff = fs_map(f, "handoff");
    c->booking_id = fs_str(f, "bookingId");
    c->lead_id = fs_str(f, "leadId");
    c->callback_id = fs_str(f, "callbackId");
    c->callback_done = fs_bool_or(f, "callbackDone", false);
}

static struct call read_call(const struct fs_doc *doc)
{
    const struct jval *f = doc->fields, *cost = fs_map(f, "costMicroUsd"),
                      *latency = fs_map(f, "latency");
    struct call c = {
        .sid = doc->id,
        .fields = f,
        .from = fs_str(f, "from"),
        .to = fs_str(f, "to"),
        .direction = fs_str(f, "direction"),
        .status = fs_str(f, "status"),
        .outcome = fs_str(f, "outcome"),
        .end_reason = fs_str(f, "endReason"),
        .summary = fs_str(f, "summary"),
        .model = fs_str(f, "model"),
        .voice = fs_str(f, "voice"),
        .prompt_hash = fs_str(f, "promptHash"),
        .started_us = fs_time_or(f, "startedAt", 0),
        .ended_us = fs_time_or(f, "endedAt", 0),
        .duration_ms = fs_i64_or(f, "durationMs", -1),
        .cost = { fs_i64_or(cost, "total", -1), fs_i64_or(cost, "engine", -1),
                  fs_i64_or(cost, "transcription", -1), fs_i64_or(cost, "summary", -1),
                  fs_i64_or(cost, "telephony", -1) },
        .latency = { fs_i64_or(latency, "firstWordMs", -1), read_spread(latency, "responseMs"),
                     read_spread(latency, "bargeInStopMs") },
        .turns = fs_i64_or(f, "turns", -1),
        .tool_calls = fs_i64_or(f, "toolCalls", -1),
        .attempts = fs_i64_or(f, "attempts", 0),
    };

    read_after(&c, f);
    return c;
}

void call_write_json(struct jw *w, const char *key, const struct call *c)
{
    struct json_iter it = json_iter(c->fields);
    const struct jval *v;
    struct str name;

    jw_obj(w, key);
    jw_str(w, "callSid", c->sid);
    while (json_next(&it, &name, &v)) {
        if (!str_eq_c(name, "parts") && !str_eq_c(name, "callSid"))
            fs_val_json(w, name.p, v); /* JSON names end with NUL */
    }
    jw_end(w);
}

/* --- the list ----------------------------------------------------------- */

/* A cursor is the last call shown: "2026-11-24T09:00:00.000000Z,CA1". */
static struct str cursor_of(struct arena *a, const struct call *c)
{
    char at[TIME_TEXT_MAX];

    time_rfc3339(at, c->started_us);
    return arena_printf(a, "%s," STR_FMT, at, STR_ARG(c->sid));
}

static enum errc cursor_read(struct arena *a, struct str text, struct fs_operand ret[2], size_t *n,
                             struct err *err)
{
    struct str at, sid;
    int64_t us;
    bool exact = str_cut(text, ',', &at, &sid);

    *n = 0;
    if (!text.n)
        return ERR_OK;
    if (time_parse_rfc3339(at, &us) || (exact && !call_sid_valid(sid)))
        return err_set(err, ERR_INVALID, "before: neither a cursor of an earlier page nor a time");
    ret[0] = FS_TIME(us);
    if (exact)
        ret[1] = FS_REF(arena_printf(a, "calls/" STR_FMT, STR_ARG(sid)));
    *n = exact ? 2 : 1;
    return ERR_OK;
}

enum errc calls_list(struct google *g, struct ctx *ctx, struct str outcome, struct str before,
                     int limit, struct call_page *ret, struct err *err)
{
    const struct fs_filter filter = { "outcome", FS_EQ, FS_STR(outcome) };
    static const struct fs_order orders[] = { { "startedAt", true }, { "__name__", true } };
    struct fs_operand cursor[2];
    struct firestore_query q = {
        .collection = "calls",
        .filters = &filter,
        .n_filters = outcome.n ? 1 : 0,
        .orders = orders,
        .n_orders = ARRAY_LEN(orders),
        .start_after = cursor,
        .select = list_fields,
        .n_select = ARRAY_LEN(list_fields),
        .limit = limit + 1, /* one more tells whether there is another page */
    };
    struct fs_docs docs;
    struct call *items;
    enum errc rc;
    size_t i;

    rc = cursor_read(ctx->arena, before, cursor, &q.n_start_after, err);
    if (!rc)
        rc = firestore_query(g, ctx, &q, &docs, err);
    if (rc)
        return rc;
    ret->n = MIN(docs.n, (size_t)limit);
    items = ARENA_ARRAY(ctx->arena, struct call, ret->n + 1);
    for (i = 0; i < ret->n; i++)
        items[i] = read_call(&docs.items[i]);
    ret->items = items;
    ret->next = docs.n > ret->n && ret->n ? cursor_of(ctx->arena, &items[ret->n - 1]) : STR_EMPTY;
    return ERR_OK;
}

/* --- one call ----------------------------------------------------------- */

enum errc calls_read_record(struct google *g, struct ctx *ctx, struct str sid, struct call *ret,
                            struct err *err)
{
    struct fs_doc doc;
    enum errc rc;

    rc = firestore_get(g, ctx, arena_printf(ctx->arena, "calls/" STR_FMT, STR_ARG(sid)), &doc, err);
    if (rc)
        return rc;
    if (!doc.exists)
        return err_set(err, ERR_NOT_FOUND, "no call " STR_FMT " on record", STR_ARG(sid));
    *ret = read_call(&doc);
    return ERR_OK;
}

static enum errc read_below(struct google *g, struct ctx *ctx, struct str sid,
                            const char *collection, const struct fs_filter *filter, int limit,
                            struct fs_docs *ret, struct err *err)
{
    const struct firestore_query q = {
        .parent = arena_printf(ctx->arena, "calls/" STR_FMT, STR_ARG(sid)),
        .collection = collection,
        .filters = filter,
        .n_filters = filter ? 1 : 0,
        .limit = limit,
    };

    return firestore_query(g, ctx, &q, ret, err);
}

struct reading {
    struct ctx *ctx;
    struct call_detail *d;
    const struct fs_doc **events; /* in the order in which they happened */
    size_t n_events;
    int64_t stream_us[CALL_STREAMS_MAX]; /* when stream `attempt` began; 0: not on record */
    size_t n_streams;
};

static struct str event_type(const struct fs_doc *e)
{
    return fs_str(e->fields, "type");
}

static const struct jval *event_data(const struct fs_doc *e)
{
    return fs_map(e->fields, "data");
}

/* The source of an event of a stream is bridge-{attempt}. */
static int event_attempt(const struct fs_doc *e)
{
    struct str source = fs_str(e->fields, "source");
    int64_t n;

    if (source.n && source.p[0] == '/')
        source = str_from(source, 1);
    if (!str_starts(source, STR("bridge-")) || str_to_i64(str_from(source, 7), 0, 1000, &n))
        n = fs_i64_or(event_data(e), "attempt", 0);
    return (int)MIN(MAX(n, 0), 1000);
}

static int by_time(const void *x, const void *y)
{
    const struct fs_doc *a = *(const struct fs_doc *const *)x,
                        *b = *(const struct fs_doc *const *)y;
    int64_t at_a = fs_time_or(a->fields, "time", 0), at_b = fs_time_or(b->fields, "time", 0);

    return at_a != at_b ? (at_a > at_b) - (at_a < at_b) : str_cmp(a->id, b->id);
}

static void sort_events(struct reading *r, const struct fs_docs *docs)
{
    size_t i;

    r->events = ARENA_ARRAY(r->ctx->arena, const struct fs_doc *, docs->n + 1);
    for (i = 0; i < docs->n; i++)
        r->events[r->n_events++] = &docs->items[i];
    qsort(r->events, r->n_events, sizeof(const struct fs_doc *), by_time);
}

static void find_streams(struct reading *r)
{
    size_t i;

    for (i = 0; i < r->n_events; i++) {
        size_t attempt = (size_t)event_attempt(r->events[i]);

        if (!str_eq_c(event_type(r->events[i]), "call.started") ||
            attempt >= ARRAY_LEN(r->stream_us))
            continue;
        r->stream_us[attempt] = fs_time_or(r->events[i]->fields, "time", 0);
        r->n_streams = MAX(r->n_streams, attempt + 1);
    }
}

/* Where a stream began in the call; one that is not on record counts as the first. */
static int64_t stream_at_ms(const struct reading *r, int attempt)
{
    int64_t first = 0;
    size_t i;

    for (i = 0; i < r->n_streams && !first; i++)
        first = r->stream_us[i];
    if (attempt < 0 || (size_t)attempt >= r->n_streams || !r->stream_us[attempt])
        return 0;
    return MAX((r->stream_us[attempt] - first) / 1000, 0);
}

static void take_streams(struct reading *r)
{
    int64_t *at = ARENA_ARRAY(r->ctx->arena, int64_t, r->n_streams + 1);
    size_t i, n = 0;

    for (i = 0; i < r->n_streams; i++) {
        if (!r->stream_us[i])
            continue;
        r->d->first_stream_us = r->d->first_stream_us ? r->d->first_stream_us : r->stream_us[i];
        at[n++] = stream_at_ms(r, (int)i);
    }
    r->d->streams_ms = at;
    r->d->n_streams = MAX(n, (size_t)1);
}

static void take_tools(struct reading *r)
{
    struct call_tool *tools = ARENA_ARRAY(r->ctx->arena, struct call_tool, r->n_events + 1);
    size_t i, n = 0;

    for (i = 0; i < r->n_events; i++) {
        const struct jval *data = event_data(r->events[i]);
        int64_t latency_ms = MAX(fs_i64_or(data, "latencyMs", 0), 0);
        int64_t answered_ms =
            stream_at_ms(r, event_attempt(r->events[i])) + fs_i64_or(data, "atMs", 0);

        if (!str_eq_c(event_type(r->events[i]), "call.tool"))
            continue;
        tools[n++] = (struct call_tool){
            .name = fs_str(data, "name"),
            .status = fs_str(data, "status"),
            .id = fs_str(data, "toolCallId"),
            .arguments = json_get(data, "arguments"),
            .output = json_get(data, "output"),
            .at_ms = MAX(answered_ms - latency_ms, (int64_t)0),
            .latency_ms = latency_ms,
            .replayed = fs_bool_or(data, "replayed", false),
        };
    }
    r->d->tools = tools;
    r->d->n_tools = n;
}

static void take_waits(struct reading *r)
{
    static const char *const kinds[] = { [WAIT_FIRST_WORD] = "first_word",
                                         [WAIT_RESPONSE] = "response",
                                         [WAIT_BARGE_IN_STOP] = "barge_in_stop" };
    struct call_wait *waits = ARENA_ARRAY(r->ctx->arena, struct call_wait, r->n_events + 1);
    size_t i, k, n = 0;

    for (i = 0; i < r->n_events; i++) {
        const struct jval *data = event_data(r->events[i]);

        if (!str_eq_c(event_type(r->events[i]), "call.latency"))
            continue;
        for (k = 0; k < ARRAY_LEN(kinds) && !str_eq_c(fs_str(data, "kind"), kinds[k]); k++)
            ;
        if (k == ARRAY_LEN(kinds))
            continue;
        waits[n].kind = k;
        waits[n].attempt = event_attempt(r->events[i]);
        waits[n].turn = (int)MIN(MAX(fs_i64_or(data, "turn", -1), -1), CALL_TURNS_MAX);
        waits[n++].ms = MAX(fs_i64_or(data, "ms", 0), 0);
    }
    r->d->waits = waits;
    r->d->n_waits = n;
}

static int by_place(const void *x, const void *y)
{
    const struct call_turn *a = x, *b = y;

    if (a->attempt != b->attempt)
        return (a->attempt > b->attempt) - (a->attempt < b->attempt);
    return (a->index > b->index) - (a->index < b->index);
}

static void take_turns(struct reading *r, const struct fs_docs *docs)
{
    struct call_turn *turns = ARENA_ARRAY(r->ctx->arena, struct call_turn, docs->n + 1);
    size_t i;

    for (i = 0; i < docs->n; i++) {
        const struct jval *f = docs->items[i].fields;
        int attempt = (int)MIN(MAX(fs_i64_or(f, "attempt", 0), 0), 1000);
        int64_t from = stream_at_ms(r, attempt);

        turns[i] = (struct call_turn){
            .attempt = attempt,
            .index = (int)MIN(MAX(fs_i64_or(f, "index", 0), 0), INT32_MAX),
            .agent = str_eq_c(fs_str(f, "role"), "agent"),
            .interrupted = fs_bool_or(f, "interrupted", false),
            .text = fs_str(f, "text"),
            .start_ms = from + MAX(fs_i64_or(f, "startMs", 0), 0),
            .end_ms = from + MAX(fs_i64_or(f, "endMs", 0), 0),
        };
    }
    qsort(turns, docs->n, sizeof(*turns), by_place);
    r->d->turns = turns;
    r->d->n_turns = docs->n;
}

enum errc calls_read(struct google *g, struct ctx *ctx, struct str sid, struct call_detail *ret,
                     struct err *err)
{
    static const struct str types[] = { STR("call.started"), STR("call.tool"),
                                        STR("call.latency") };
    const struct fs_filter filter = { "type", FS_IN, FS_STRS(types, ARRAY_LEN(types)) };
    struct fs_docs turns, events;
    struct call_detail d = { 0 };
    struct reading r = { .ctx = ctx, .d = &d };
    enum errc rc;

    rc = calls_read_record(g, ctx, sid, &d.call, err);
    if (!rc)
        rc = read_below(g, ctx, sid, "turns", NULL, CALL_TURNS_MAX, &turns, err);
    if (!rc)
        rc = read_below(g, ctx, sid, "events", &filter, CALL_EVENTS_MAX, &events, err);
    if (rc)
        return rc;
    sort_events(&r, &events);
    find_streams(&r);
    take_streams(&r);
    take_tools(&r);
    take_waits(&r);
    take_turns(&r, &turns);
    *ret = d;
    return ERR_OK;
}
