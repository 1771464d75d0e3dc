#include "post_call/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "post_call/cutter.h"

enum {
    REFUSED_IN_A_ROW_MAX = 3, /* all refused from the beginning: it is not the audio */
    UPLOAD_CHUNK_BYTES = STORAGE_CHUNK_UNIT,
};

struct segment {
    struct segment *next;
    int channel;
    int64_t from_ms, to_ms; /* in the recording */
    struct str text;
};

struct counts {
    int64_t segments, utterances, refused;
    struct usage usage;
};

/* The stretch of the recording in hand; its segments live in its arena. */
struct part {
    struct arena arena;
    struct segment *first;
    int64_t from, to; /* frames */
    size_t text_bytes;
    struct counts counts;
};

struct work {
    const struct transcript_job *job;
    struct ctx *ctx;
    struct cutter *cutter;
    struct multipart form;
    struct recording_reader reader;
    struct part part;
    struct counts all; /* of finished parts */
    int n_stored;      /* parts that are objects */
    struct str last;   /* the last part as JSON, never an object */
};

static void counts_add(struct counts *sum, const struct counts *more)
{
    sum->segments += more->segments;
    sum->utterances += more->utterances;
    sum->refused += more->refused;
    usage_add(&sum->usage, &more->usage);
}

static void part_begin(struct part *p, int64_t from)
{
    arena_reset(&p->arena);
    p->first = NULL;
    p->from = p->to = from;
    p->text_bytes = 0;
    p->counts = (struct counts){ 0 };
}

/* The one place where text enters what is kept: whatever must be masked in it is masked here. */
static void segment_add(struct part *p, const struct segment *s)
{
    struct segment *copy = ARENA_NEW(&p->arena, struct segment);

    *copy = *s;
    copy->text = arena_str(&p->arena, s->text);
    copy->next = p->first;
    p->first = copy;
    p->text_bytes += s->text.n;
    p->counts.segments++;
}

static void on_transcribed(struct work *w, const struct utterance *u, const struct transcription *t)
{
    const struct recording *r = w->job->recording;
    int64_t start_ms = recording_ms(r, u->from);
    struct segment s = { .channel = u->channel };
    size_t i;

    for (i = 0; i < t->n; i++) {
        s.from_ms = start_ms + t->segments[i].from_ms;
        s.to_ms = start_ms + t->segments[i].to_ms;
        s.text = t->segments[i].text;
        segment_add(&w->part, &s);
    }
    usage_add(&w->part.counts.usage, &t->usage);
}

static enum errc on_utterance(void *arg, const struct utterance *u, struct err *err)
{
    struct work *w = arg;
    const struct transcribe_audio audio = { u->samples, u->n, w->job->recording->format.hz };
    struct arena arena = ARENA_INIT; /* of this answer only */
    struct ctx own = *w->ctx;
    struct transcription t;
    struct err problem = ERR_INIT;
    enum errc rc;

    own.arena = &arena;
    w->part.counts.utterances++;
    rc = transcribe(w->job->transcribe, &own, &w->form, &audio, &t, &problem);
    if (!rc) {
        on_transcribed(w, u, &t);
    } else if (rc == ERR_INVALID) { /* one piece less is better than no transcript */
        w->part.counts.refused++;
        log_warn(&w->ctx->log, "utterance left out at_ms=%lld ms=%lld: %s",
                 (long long)recording_ms(w->job->recording, u->from),
                 (long long)recording_ms(w->job->recording, (int64_t)u->n), problem.text);
        rc = ERR_OK;
    } else if (err) {
        *err = problem;
    }
    arena_release(&arena);
    return rc;
}

static bool all_refused(const struct work *w, int64_t at_least)
{
    int64_t refused = w->all.refused + w->part.counts.refused;

    return refused >= at_least && refused == w->all.utterances + w->part.counts.utterances;
}

static bool part_is_full(const struct work *w, int64_t at)
{
    int64_t ms = recording_ms(w->job->recording, at - w->part.from);

    return (ms >= TRANSCRIPT_PART_MS && cutter_idle(w->cutter)) || ms >= TRANSCRIPT_PART_MAX_MS ||
           w->part.text_bytes >= TRANSCRIPT_PART_TEXT_MAX;
}

/* Listens from `from` on until the part is full or the recording ends. */
static enum errc part_hear(struct work *w, int64_t from, struct err *err)
{
    const int16_t *channel[CUTTER_CHANNELS] = { NULL };
    int64_t at = from;
    size_t n;
    enum errc rc;

    part_begin(&w->part, from);
    cutter_reset(w->cutter, from);
    for (;;) {
        rc = recording_read(&w->reader, w->ctx, at, cutter_hop_frames(w->cutter), channel, &n, err);
        if (!rc && n)
            rc = cutter_hop(w->cutter, channel, n, err);
        if (!rc && all_refused(w, REFUSED_IN_A_ROW_MAX))
            rc = err_set(err, ERR_INVALID, "transcription refuses whatever it is sent");
        if (rc)
            return rc;
        at += (int64_t)n;
        if (n == 0 || part_is_full(w, at))
            break;
    }
    w->part.to = at;
    return cutter_flush(w->cutter, err);
}

static int by_time(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    if (x->from_ms != y->from_ms)
        return x->from_ms < y->from_ms ? -1 : 1;
    return x->channel - y->channel;
}

static const char *speaker_name(const struct recording *r, int channel)
{
    static const char *const names[RECORDING_CHANNELS] = { "caller", "agent" };

    return r->format.channels == RECORDING_CHANNELS ? names[channel] : "mixed";
}

static void write_segments(struct jw *w, struct part *p, const struct recording *r)
{
    struct segment *sorted = ARENA_ARRAY(&p->arena, struct segment, (size_t)p->counts.segments);
    const struct segment *s;
    size_t n = 0, i;

    for (s = p->first; s; s = s->next)
        sorted[n++] = *s;
    qsort(sorted, n, sizeof(*sorted), by_time);
    jw_arr(w, "segments");
    for (i = 0; i < n; i++) {
        jw_obj(w, NULL);
        jw_cstr(w, "speaker", speaker_name(r, sorted[i].channel));
        jw_i64(w, "startMs", sorted[i].from_ms);
        jw_i64(w, "endMs", sorted[i].to_ms);
        jw_str(w, "text", sorted[i].text);
        jw_end(w);
    }
    jw_end(w);
}

static struct str part_text(struct part *p, const struct recording *r, struct arena *a)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "version", TRANSCRIPT_VERSION);
    jw_i64(&w, "fromFrame", p->from);
    jw_i64(&w, "toFrame", p->to);
    jw_i64(&w, "utterances", p->counts.utterances);
    jw_i64(&w, "refused", p->counts.refused);
    usage_write(&w, "usage", &p->counts.usage);
    write_segments(&w, p, r);
    jw_end(&w);
    return jw_finish(&w, a);
}

static struct str part_name(const struct work *w, struct arena *a, int k)
{
    return arena_printf(a, STR_FMT "%04d.json", STR_ARG(w->job->parts), k);
}

/* A part that an earlier attempt finished. ERR_NOT_FOUND: there is none. */
static enum errc part_get(struct work *w, struct arena *a, int k, const struct jval **ret,
                          struct err *err)
{
    struct ctx own = *w->ctx;
    struct str text;
    enum errc rc;

    own.arena = a;
    rc = storage_get(w->job->google, &own, w->job->recording->bucket, part_name(w, a, k),
                     TRANSCRIPT_PART_BYTES_MAX, &text, err);
    if (!rc && json_parse_arena(ret, a, text, err))
        rc = err_wrap(err, ERR_UPSTREAM, "part %d of the transcript", k);
    return rc;
}

static enum errc part_take(struct work *w, int k, int64_t *at, struct err *err)
{
    struct arena arena = ARENA_INIT;
    const struct jval *doc = NULL;
    struct counts counts;
    int64_t to;
    enum errc rc;

    rc = part_get(w, &arena, k, &doc, err);
    to = json_i64_or(json_get(doc, "toFrame"), -1);
    if (!rc && (to <= *at || json_i64_or(json_get(doc, "fromFrame"), -1) != *at))
        rc = err_set(err, ERR_UPSTREAM, "part %d of the transcript does not follow the one before",
                     k);
    if (!rc) {
        counts = (struct counts){
            .segments = (int64_t)json_len(json_get(doc, "segments")),
            .utterances = json_i64_or(json_get(doc, "utterances"), 0),
            .refused = json_i64_or(json_get(doc, "refused"), 0),
            .usage = usage_read(json_get(doc, "usage")),
        };
        counts_add(&w->all, &counts);
        *at = to;
    }
    arena_release(&arena);
    return rc;
}

/* ERR_CONFLICT: another attempt stored this part first. */
static enum errc part_store(struct work *w, int k, struct err *err)
{
    struct arena *a = &w->part.arena;
    const struct storage_target to = {
        .bucket = w->job->recording->bucket,
        .name = part_name(w, a, k),
        .content_type = STR("application/json"),
        .create_only = true,
    };
    struct storage_object o;
    struct ctx own = *w->ctx;

    own.arena = a;
    return storage_put(w->job->google, &own, &to, part_text(&w->part, w->job->recording, a), &o,
                       err);
}

/* One part from *at on, out of the store or by listening; *done: it was the last. */
static enum errc part_do(struct work *w, int k, int64_t *at, bool *done, struct err *err)
{
    const struct recording *r = w->job->recording;
    enum errc rc = ERR_NOT_FOUND;

    if (recording_ms(r, r->frames) >= TRANSCRIPT_PART_MS)
        rc = part_take(w, k, at, err);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = part_hear(w, *at, err);
    if (rc)
        return rc;
    *done = w->part.to >= r->frames;
    if (*done) {
        w->last = part_text(&w->part, r, w->ctx->arena);
        w->n_stored = k;
    } else {
        rc = part_store(w, k, err);
        if (rc == ERR_CONFLICT)
            return part_take(w, k, at, err);
        if (rc)
            return rc;
    }
    counts_add(&w->all, &w->part.counts);
    *at = w->part.to;
    return ERR_OK;
}

static enum errc hear_all(struct work *w, struct err *err)
{
    bool done = false;
    int64_t at = 0;
    enum errc rc;
    int k;

    for (k = 0; !done; k++) {
        if (k == TRANSCRIPT_PARTS_MAX)
            return err_set(err, ERR_LIMIT, "a transcript of more than %d parts", k);
        rc = part_do(w, k, &at, &done, err);
        if (rc)
            return rc;
    }
    part_begin(&w->part, at); /* what it counted is in `all` */
    return all_refused(w, 1) ? err_set(err, ERR_INVALID, "transcription refuses all it was sent")
                             : ERR_OK;
}

/* --- the transcript as a stream: head, segments of each part, end ---------------------------------- */

struct assembly {
    struct work *work;
    struct str head;
    int stage;          /* 0 head, 1 … parts, then the end, then nothing */
    bool some;          /* segments have been given out */
    struct arena arena; /* of the present text */
    struct str text;    /* what is left of it */
    struct err err;
};

/* The list's inside. */
static struct str inner_text(struct assembly *s, const struct jval *doc)
{
    struct str list = json_val_text(&s->arena, json_get(doc, "segments"));
    struct str inner = list.n > 2 ? str_slice(list, 1, list.n - 1) : STR_EMPTY;

    if (inner.n && s->some)
        inner = arena_printf(&s->arena, "," STR_FMT, STR_ARG(inner));
    s->some = s->some || inner.n;
    return inner;
}

static enum errc next_text(struct assembly *s, bool *more)
{
    struct work *w = s->work;
    int stage = s->stage++, parts = w->n_stored + 1;
    const struct jval *doc = NULL;
    enum errc rc = ERR_OK;

    arena_reset(&s->arena);
    s->text = STR_EMPTY;
    *more = stage <= parts + 1;
    if (stage == 0) {
        s->text = s->head;
    } else if (stage <= parts) {
        rc = stage == parts ? json_parse_arena(&doc, &s->arena, w->last, &s->err)
                            : part_get(w, &s->arena, stage - 1, &doc, &s->err);
        if (!rc)
            s->text = inner_text(s, doc);
    } else if (*more) {
        s->text = STR("]}\n");
    }
    return rc;
}

static enum errc on_upload_wants(void *arg, char *out, size_t max, size_t *n)
{
    struct assembly *s = arg;
    bool more = true;
    enum errc rc = ERR_OK;

    while (s->text.n == 0 && more && !rc)
        rc = next_text(s, &more);
    if (rc)
        return rc;
    *n = MIN(max, s->text.n);
    if (*n)
        memcpy(out, s->text.p, *n);
    s->text = str_from(s->text, *n);
    return ERR_OK;
}

/* Everything before the segments: ends with '['. */
static struct str head_text(const struct work *w, int64_t cost)
{
    const struct transcript_job *j = w->job;
    const struct recording *r = j->recording;
    char now[TIME_TEXT_MAX];
    struct str text;
    struct jw jw;

    time_rfc3339(now, clock_wall_us(w->ctx->clock));
    jw_init(&jw);
    jw_obj(&jw, NULL);
    jw_i64(&jw, "version", TRANSCRIPT_VERSION);
    jw_str(&jw, "callSid", j->call_sid);
    jw_str(&jw, "recordingSid", j->recording_sid);
    jw_obj(&jw, "recording");
    jw_str(&jw, "bucket", r->bucket);
    jw_str(&jw, "object", r->object);
    jw_i64(&jw, "durationMs", recording_ms(r, r->frames));
    jw_i64(&jw, "channels", r->format.channels);
    jw_end(&jw);
    jw_str(&jw, "model", j->transcribe->model);
    jw_cstr(&jw, "createdAt", now);
    usage_write(&jw, "usage", &w->all.usage);
    if (cost >= 0)
        jw_i64(&jw, "costMicroUsd", cost);
    jw_i64(&jw, "utterances", w->all.utterances);
    jw_i64(&jw, "refused", w->all.refused);
    jw_arr(&jw, "segments");
    jw_end(&jw);
    jw_end(&jw);
    text = jw_finish(&jw, w->ctx->arena);
    return str_slice(text, 0, text.n - 2); /* without "]}" */
}

static enum errc transcript_store(struct work *w, int64_t cost, struct transcript_summary *ret,
                                  struct err *err)
{
    const struct transcript_job *j = w->job;
    const struct storage_meta metadata[] = {
        { STR("callSid"), j->call_sid },
        { STR("recordingSid"), j->recording_sid },
        { STR("model"), j->transcribe->model },
        { STR("segments"), arena_printf(w->ctx->arena, "%lld", (long long)w->all.segments) },
        { STR("costMicroUsd"), arena_printf(w->ctx->arena, "%lld", (long long)cost) },
    };
    const struct storage_target to = {
        .bucket = j->recording->bucket,
        .name = j->object,
        .content_type = STR("application/json"),
        .metadata = metadata,
        .n_metadata = ARRAY_LEN(metadata) - (cost < 0), /* the cost stands last */
        .create_only = true,
    };
    struct assembly s = { .work = w, .head = head_text(w, cost), .arena = ARENA_INIT };
    struct storage_object o;
    enum errc rc;

    rc = storage_upload(j->google, w->ctx, &to, UPLOAD_CHUNK_BYTES, on_upload_wants, &s, &o, err);
    arena_release(&s.arena);
    if (rc == ERR_CONFLICT)
        rc = storage_stat(j->google, w->ctx, to.bucket, to.name, &o, err);
    if (!rc)
        *ret = transcript_summary_read(&o); /* whose metadata may be ours, above */
    if (rc && s.err.code && err)            /* why a part could not be had */
        *err = s.err;
    return rc;
}

/* What stays behind goes with the recording, by the bucket's lifecycle rule. */
static void parts_delete(struct work *w)
{
    struct err why = ERR_INIT;
    enum errc rc;
    int k;

    for (k = 0; k < w->n_stored; k++) {
        rc = storage_delete(w->job->google, w->ctx, w->job->recording->bucket,
                            part_name(w, w->ctx->arena, k), &why);
        if (rc && rc != ERR_NOT_FOUND) {
            log_warn(&w->ctx->log, "parts of the transcript stay behind: %s", why.text);
            return;
        }
    }
}

struct transcript_summary transcript_summary_read(const struct storage_object *o)
{
    struct transcript_summary s = { .cost_micro_usd = -1, .created_us = o->created_us };
    size_t i;

    for (i = 0; i < o->n_metadata; i++) {
        const struct storage_meta *m = &o->metadata[i];
        int64_t v = 0;

        if (str_eq_c(m->key, "model"))
            s.model = m->value;
        else if (str_to_i64(m->value, 0, INT64_MAX, &v))
            continue;
        else if (str_eq_c(m->key, "segments"))
            s.segments = v;
        else if (str_eq_c(m->key, "costMicroUsd"))
            s.cost_micro_usd = v;
    }
    return s;
}

enum errc transcript_make(const struct transcript_job *j, struct ctx *ctx,
                          struct transcript_summary *ret, struct err *err)
{
    struct work w = { .job = j, .ctx = ctx, .part = { .arena = ARENA_INIT } };
    int64_t cost = 0;
    enum errc rc;

    multipart_init(&w.form, TRANSCRIBE_FORM_MAX);
    w.cutter =
        cutter_create(j->recording->format.channels, j->recording->format.hz, on_utterance, &w);
    recording_reader_init(&w.reader, j->recording, ctx->arena);
    rc = hear_all(&w, err);
    if (!rc && cost_micro_usd(j->prices, j->transcribe->model, &w.all.usage, &cost)) {
        log_info(&ctx->log, "no price for model=" STR_FMT, STR_ARG(j->transcribe->model));
        cost = -1;
    }
    if (!rc)
        rc = transcript_store(&w, cost, ret, err);
    if (!rc)
        parts_delete(&w);
    w.cutter = cutter_destroy(w.cutter);
    multipart_release(&w.form);
    arena_release(&w.part.arena);
    return rc ? err_wrap(err, rc, "transcript " STR_FMT, STR_ARG(j->object)) : ERR_OK;
}
