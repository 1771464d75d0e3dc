#include "outcome_writer/writer.h"

#include "base/macros.h"
#include "base/mem.h"
#include "concierge/call_record.h"
#include "concierge/cost.h"
#include "google/firestore.h"

enum { ATTEMPT_MAX = 1000 };

enum errc writer_create(struct writer **ret, const struct writer_settings *settings,
                        const struct clock *clock, struct arena *arena, struct err *err)
{
    struct writer *w = MEM_NEW(struct writer);
    enum errc rc = profile_load(&w->profile, arena, arena_cstr(arena, settings->profile_path), err);

    w->settings = settings;
    if (!rc)
        rc = prices_load(&w->prices, arena, arena_cstr(arena, settings->prices_path), err);
    if (!rc)
        rc = google_create(&w->google, settings->service.project, &settings->google, clock, err);
    if (!rc)
        rc = oidc_create(&w->oidc, &settings->oidc, err);
    if (rc) {
        writer_destroy(w);
        return rc;
    }
    *ret = w;
    return ERR_OK;
}

struct writer *writer_destroy(struct writer *w)
{
    if (!w)
        return NULL;
    w->oidc = oidc_destroy(w->oidc);
    w->google = google_destroy(w->google);
    mem_free(w);
    return NULL;
}

struct take_job {
    const struct event *e;
    const struct prices *prices;
    int calls_days, texts_days; /* kept: the record after its last event; texts after theirs */
    bool repeat;
};

/* Document names hold no slash. */
static struct str journal_path(struct arena *a, const struct event *e)
{
    struct str id = arena_str(a, e->id);
    char *p = arena_dup(a, id.p, id.n);
    size_t i;

    for (i = 0; i < id.n; i++) {
        if (p[i] == '/')
            p[i] = '~';
    }
    return arena_printf(a, "calls/" STR_FMT "/events/%.*s", STR_ARG(e->subject), (int)id.n, p);
}

static void write_data(struct fsw *w, const struct jval *data, bool without_turns)
{
    struct json_iter it = json_iter(data);
    const struct jval *v;
    struct str key;

    if (!without_turns) {
        fsw_json(w, "data", data);
        return;
    }
    fsw_map(w, "data");
    while (json_next(&it, &key, &v)) {
        if (json_is_str(v) && !str_eq_c(key, "turns"))
            fsw_key_str(w, key, json_str(v));
        else if (json_is_int(v))
            fsw_key_i64(w, key, json_i64_or(v, 0));
    }
    fsw_bool(w, "shortened", true);
    fsw_end(w);
}

static void write_journal(struct firestore_commit *c, struct ctx *ctx, const struct take_job *job)
{
    const struct event *e = job->e;
    struct fsw *w = firestore_create(c, journal_path(ctx->arena, e));

    fsw_str(w, "id", e->id);
    fsw_cstr(w, "type", event_type_name(e->type));
    fsw_str(w, "source", e->source);
    fsw_time(w, "time", e->time_us);
    fsw_time(w, "receivedAt", clock_wall_us(ctx->clock));
    write_data(w, e->data, json_val_text(ctx->arena, e->data).n > JOURNAL_DATA_MAX);
    fsw_ttl(w, e->time_us, job->texts_days);
}

static int attempt_of(const struct event *e)
{
    int64_t n = 0;

    if (!str_starts(e->source, STR("bridge-")) ||
        str_to_i64(str_from(e->source, 7), 0, ATTEMPT_MAX, &n))
        return 0;
    return (int)n;
}

static struct str turn_path(struct arena *a, const struct event *e, int64_t index)
{
    return arena_printf(a, "calls/" STR_FMT "/turns/%d-%04lld", STR_ARG(e->subject), attempt_of(e),
                        (long long)index);
}

static void write_turn(struct firestore_commit *c, struct ctx *ctx, const struct take_job *job,
                       int64_t index, const struct jval *turn)
{
    int attempt = attempt_of(job->e);
    struct fsw *w = firestore_set(c, turn_path(ctx->arena, job->e, index), FS_PRE_ANY);
    struct json_iter it = json_iter(turn);
    const struct jval *v;
    struct str key;

    while (json_next(&it, &key, &v)) {
        if (!str_eq_c(key, "attempt") && !str_eq_c(key, "index"))
            fsw_json(w, arena_cstr(ctx->arena, key), v);
    }
    fsw_i64(w, "attempt", attempt);
    fsw_i64(w, "index", index);
    fsw_ttl(w, job->e->time_us, job->texts_days);
}

/* What the end tells of a turn counts more than the turn's own event. */
static bool end_is_here(const struct jval *parts, int attempt)
{
    struct json_iter it = json_iter(json_get(parts, "attempts"));
    const struct jval *t;

    while (json_next(&it, NULL, &t)) {
        if (json_i64_or(json_get(t, "attempt"), -1) == attempt)
            return json_get(t, "ended") != NULL;
    }
    return false;
}

static int64_t turn_index(const struct event *e)
{
    return json_i64_or(json_get(e->data, "index"), 0);
}

/* `turn_doc`: with call.turn, the turn's document as it stands. */
static void write_turns(struct firestore_commit *c, struct ctx *ctx, const struct take_job *job,
                        const struct jval *parts, const struct fs_doc *turn_doc)
{
    const struct event *e = job->e;
    struct json_iter it = json_iter(json_get(e->data, "turns"));
    const struct jval *turn;
    int64_t n = 0;

    if (e->type == EVENT_CALL_TURN && !(turn_doc->exists && end_is_here(parts, attempt_of(e))))
        write_turn(c, ctx, job, turn_index(e), e->data);
    if (e->type != EVENT_CALL_ENDED || !json_is_arr(json_get(e->data, "turns")))
        return;
    for (; n < TURNS_PER_CALL_MAX && json_next(&it, NULL, &turn); n++)
        write_turn(c, ctx, job, json_i64_or(json_get(turn, "index"), n), turn);
}

static bool is_time(struct str key)
{
    size_t i;

    for (i = 0; i < call_record_n_times; i++) {
        if (str_eq_c(key, call_record_times[i]))
            return true;
    }
    return false;
}

static enum errc write_record(struct firestore_commit *c, struct ctx *ctx, const struct fs_doc *doc,
                              const struct take_job *job, struct str parts, struct err *err)
{
    struct fsw *w = firestore_set(c, doc->path, fs_pre_unchanged(doc));
    const struct jval *folded, *shown, *v;
    struct json_iter it;
    struct str key;
    enum errc rc = json_parse_arena(&folded, ctx->arena, parts, err);

    if (!rc)
        rc = json_parse_arena(&shown, ctx->arena, call_record_show(ctx->arena, folded, job->prices),
                              err);
    if (rc)
        return err_wrap(err, ERR_INTERNAL, "call record");
    it = json_iter(shown);
    while (json_next(&it, &key, &v)) {
        int64_t us = 0;

        if (is_time(key) && time_parse_rfc3339(json_str(v), &us) == ERR_OK)
            fsw_time(w, arena_cstr(ctx->arena, key), us);
        else
            fsw_json(w, arena_cstr(ctx->arena, key), v);
    }
    fsw_ttl(w, json_i64_or(json_get(folded, "last"), 0), job->calls_days);
    return ERR_OK;
}

/* docs: the call's document, the event's place in the journal, and with call.turn the turn's document. */
static enum errc take_step(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                           struct firestore_commit *c, struct err *err)
{
    struct take_job *job = arg;
    const struct jval *parts = NULL;
    struct jw w;
    enum errc rc;

    job->repeat = docs[1].exists;
    if (job->repeat)
        return ERR_OK;
    jw_init(&w);
    fs_fields_json(&w, NULL, fs_map(docs[0].fields, "parts"));
    rc = json_parse_arena(&parts, ctx->arena, jw_finish(&w, ctx->arena), err);
    if (rc)
        return err_wrap(err, ERR_INTERNAL, "parts of call record");
    write_journal(c, ctx, job);
    write_turns(c, ctx, job, parts, &docs[2]);
    return write_record(c, ctx, &docs[0], job, call_record_fold(ctx->arena, parts, job->e), err);
}

enum errc writer_take(struct writer *w, struct ctx *ctx, const struct event *e, bool *ret_repeat,
                      struct err *err)
{
    bool is_turn = e->type == EVENT_CALL_TURN;
    struct str paths[3] = { arena_printf(ctx->arena, "calls/" STR_FMT, STR_ARG(e->subject)),
                            journal_path(ctx->arena, e),
                            is_turn ? turn_path(ctx->arena, e, turn_index(e)) : STR_EMPTY };
    struct take_job job = {
        .e = e,
        .prices = w->prices,
        .calls_days = w->profile->retention.calls_days,
        .texts_days = w->profile->retention.transcripts_days,
    };
    enum errc rc = firestore_update(w->google, ctx, paths, is_turn ? 3 : 2, take_step, &job, err);

    if (rc)
        return err_wrap(err, rc, "take event");
    *ret_repeat = job.repeat;
    return ERR_OK;
}
