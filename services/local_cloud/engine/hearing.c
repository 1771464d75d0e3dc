/* The caller's side of a Realtime connection: audio in, turns found on it, words understood from
 * it. */
#include <string.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "local_cloud/engine/realtime_internal.h"

enum {
    COMMIT_LEAST_MS = 100,
    KEPT_BEFORE_TURN_MS = 1000, /* beyond the padding, while nobody speaks */
    TRANSCRIPT_SOONEST_MS =
        50, /* the transcript is a service beside the conversation: it comes late */
    TRANSCRIPT_LATEST_MS = 900,
    TRANSCRIPT_DELTA = 24, /* characters, then up to the word's end */
};

struct hear_job {
    struct speech_job job;
    char item_id[API_ID_MAX];
    enum hearing hearing;
    char *topics;
    uint8_t *ulaw;
    size_t n;
    struct arena arena; /* of the result */
    struct heard heard;
    struct err err;
};

/* A transcript on its way. */
struct late_transcript {
    struct list_node node; /* of realtime.transcripts */
    struct realtime *rt;
    struct timer timer;
    char item_id[API_ID_MAX];
    char *text;
};

static int64_t random_between(int64_t from, int64_t to)
{
    return from + (int64_t)(random_u64() % (uint64_t)(to - from + 1));
}

/* Transcripts. */

static void late_free(struct late_transcript *l)
{
    timer_stop(&l->timer);
    list_remove(&l->node);
    mem_free(l->text);
    mem_free(l);
}

static void transcript_usage(struct realtime *rt, struct jw *w, const struct item *i,
                             struct str text)
{
    bool by_token = str_contains(rt->session->transcription.json, STR("gpt-4o"));
    int64_t audio = i->audio_ms / 100, out = (int64_t)text.n / 4 + 1;

    jw_obj(w, "usage");
    jw_cstr(w, "type", by_token ? "tokens" : "duration");
    if (by_token) {
        jw_i64(w, "total_tokens", audio + out);
        jw_i64(w, "input_tokens", audio);
        jw_obj(w, "input_token_details");
        jw_i64(w, "text_tokens", 0);
        jw_i64(w, "audio_tokens", audio);
        jw_end(w);
        jw_i64(w, "output_tokens", out);
    } else {
        jw_num(w, "seconds", (double)i->audio_ms / 1000.0);
    }
    jw_end(w);
}

static void transcription_begin(struct jw *w, const char *type, const struct item *i)
{
    realtime_event_begin(w, type);
    jw_cstr(w, "item_id", i->id);
    jw_i64(w, "content_index", 0);
}

static void transcript_send(struct realtime *rt, const struct item *i, struct str text)
{
    size_t from = 0, to;
    struct jw w;

    for (; from < text.n; from = to) {
        to = MIN(from + TRANSCRIPT_DELTA, text.n);
        while (to < text.n && text.p[to] != ' ')
            to++;
        transcription_begin(&w, "conversation.item.input_audio_transcription.delta", i);
        jw_str(&w, "delta", str_slice(text, from, to));
        realtime_event_send(rt, &w);
    }
    transcription_begin(&w, "conversation.item.input_audio_transcription.completed", i);
    jw_str(&w, "transcript", text);
    transcript_usage(rt, &w, i, text);
    realtime_event_send(rt, &w);
}

static void on_late_transcript(void *arg)
{
    struct late_transcript *l = arg;
    struct realtime *rt = l->rt;
    struct item *i = conversation_find(&rt->conversation, str_c(l->item_id));

    if (i) { /* it may have been deleted */
        i->transcribed = true;
        transcript_send(rt, i, str_c(l->text));
    }
    late_free(l);
}

static void transcript_later(struct realtime *rt, const struct item *i)
{
    struct late_transcript *l;

    if (!rt->session->transcription.on)
        return;
    l = MEM_NEW(struct late_transcript);
    l->rt = rt;
    l->text = mem_str_dup(buf_str(&i->text));
    (void)str_copy(l->item_id, sizeof(l->item_id), str_c(i->id)); /* same size */
    timer_init(&l->timer, rt->engine->loop, on_late_transcript, l);
    timer_start(&l->timer, random_between(TRANSCRIPT_SOONEST_MS, TRANSCRIPT_LATEST_MS));
    list_push_back(&rt->transcripts, &l->node);
}

/* Understanding. */

static void hear_run(struct speech_job *j, struct ctx *ctx)
{
    struct hear_job *h = CONTAINER_OF(j, struct hear_job, job);

    (void)ctx;
    h->err.code = recognizer_hear(j->engine->recognizer, h->hearing, str_c(h->topics), h->ulaw,
                                  h->n, &h->arena, &h->heard, &h->err);
}

static void hear_done(struct speech_job *j)
{
    struct hear_job *h = CONTAINER_OF(j, struct hear_job, job);
    struct realtime *rt = j->rt;
    struct item *i = conversation_find(&rt->conversation, str_c(h->item_id));

    if (h->err.code)
        log_error(&rt->log, "engine: not understood session=%s: %s", rt->id, h->err.text);
    if (i) {
        i->hearing = false;
        i->confidence = h->heard.confidence;
        sentence_write(&i->text, h->heard.text);
        transcript_later(rt, i);
    }
    response_heard(rt);
}

static void hear_free(struct speech_job *j)
{
    struct hear_job *h = CONTAINER_OF(j, struct hear_job, job);

    arena_release(&h->arena);
    mem_free(h->topics);
    mem_free(h->ulaw);
    mem_free(h);
}

static void hear(struct realtime *rt, struct item *i, const uint8_t *ulaw, size_t n)
{
    struct hear_job *h = MEM_NEW(struct hear_job);

    h->job.run = hear_run;
    h->job.done = hear_done;
    h->job.free = hear_free;
    (void)str_copy(h->item_id, sizeof(h->item_id), str_c(i->id)); /* same size */
    h->hearing =
        rt->session->transcription_only ? HEAR_ANYTHING : receptionist_hearing(rt->receptionist);
    h->topics = mem_str_dup(receptionist_topics(rt->receptionist));
    h->n = n;
    h->ulaw = mem_alloc(n);
    memcpy(h->ulaw, ulaw, n);
    i->hearing = speech_job_start(rt, &h->job);
}

bool hearing_busy(const struct realtime *rt)
{
    struct list_node *node;

    for (node = list_first(&rt->conversation.items); node;
         node = list_next(&rt->conversation.items, node)) {
        if (CONTAINER_OF(node, struct item, node)->hearing)
            return true;
    }
    return false;
}

/* Turns. */

static void commit(struct realtime *rt, const char *item_id, size_t from, size_t to)
{
    struct item *i = item_create(ITEM_MESSAGE, ROLE_USER, "item_");
    struct api_error e;
    struct str previous;
    struct jw w;

    (void)str_copy(i->id, sizeof(i->id), str_c(item_id)); /* ours */
    i->audio = i->part = true;
    i->audio_ms = (int64_t)(to - from) / ULAW_BYTES_PER_MS;
    if (!conversation_insert(&rt->conversation, i, STR_EMPTY, &e)) {
        realtime_event_error(rt, &e, STR_EMPTY);
        item_destroy(i);
        return;
    }
    previous = conversation_previous(&rt->conversation, i);
    realtime_event_begin(&w, "input_audio_buffer.committed");
    if (previous.n > 0)
        jw_str(&w, "previous_item_id", previous);
    else
        jw_null(&w, "previous_item_id");
    jw_cstr(&w, "item_id", i->id);
    realtime_event_send(rt, &w);
    i->hearing = true;
    item_event(rt, "conversation.item.added", i);
    item_event(rt, "conversation.item.done", i);
    hear(rt, i, (const uint8_t *)rt->audio.p + from, to - from);
    engine_count(rt->engine, &rt->engine->stats.turns);
}

static void audio_drop(struct realtime *rt, size_t n)
{
    buf_drop_front(&rt->audio, n);
    rt->audio_from += (int64_t)n;
    rt->endpoint_at -= MIN(rt->endpoint_at, n);
}

/* Where a time of turn detection lies in the buffer. */
static size_t buffer_at(const struct realtime *rt, int64_t ms)
{
    int64_t at = ms * ULAW_BYTES_PER_MS - rt->audio_from;

    return at < 0 ? 0 : MIN((size_t)at, rt->audio.n);
}

static void turn_started(struct realtime *rt)
{
    struct jw w;

    rt->in_turn = true;
    timer_stop(&rt->idle);
    api_id(rt->turn_item, "item_");
    realtime_event_begin(&w, "input_audio_buffer.speech_started");
    jw_i64(&w, "audio_start_ms", rt->endpoint.started_ms);
    jw_cstr(&w, "item_id", rt->turn_item);
    realtime_event_send(rt, &w);
    if (rt->session->turns.interrupt_response)
        response_interrupt(rt);
}

static void turn_stopped(struct realtime *rt)
{
    struct jw w;

    rt->in_turn = false;
    realtime_event_begin(&w, "input_audio_buffer.speech_stopped");
    jw_i64(&w, "audio_end_ms", rt->endpoint.stopped_ms);
    jw_cstr(&w, "item_id", rt->turn_item);
    realtime_event_send(rt, &w);
    commit(rt, rt->turn_item, buffer_at(rt, rt->endpoint.started_ms), rt->endpoint_at);
    audio_drop(rt, rt->endpoint_at);
    if (rt->session->turns.create_response && !rt->session->transcription_only)
        response_automatic(rt);
}

static void turns_find(struct realtime *rt)
{
    while (rt->endpoint_at + ENDPOINT_FRAME <= rt->audio.n) {
        const uint8_t *frame = (const uint8_t *)rt->audio.p + rt->endpoint_at;

        rt->endpoint_at += ENDPOINT_FRAME;
        switch (endpoint_feed(&rt->endpoint, frame)) {
        case ENDPOINT_STARTED:
            turn_started(rt);
            break;
        case ENDPOINT_STOPPED:
            turn_stopped(rt);
            break;
        case ENDPOINT_NONE:
            break;
        }
    }
    if (!rt->in_turn) {
        size_t keep = (size_t)(rt->session->turns.prefix_padding_ms + KEPT_BEFORE_TURN_MS) *
                      ULAW_BYTES_PER_MS;

        if (rt->endpoint_at > 2 * keep)
            audio_drop(rt, rt->endpoint_at - keep);
    }
}

bool hearing_append(struct realtime *rt, struct str base64, struct api_error *e)
{
    uint8_t *bytes = mem_alloc(base64.n / 4 * 3 + 3);
    size_t n = 0;

    if (base64_decode(bytes, &n, base64)) {
        mem_free(bytes);
        return api_error_set(e, "invalid_value", "audio",
                             "Invalid 'audio'. Expected base64-encoded audio bytes.");
    }
    if (rt->audio.n + n > AUDIO_BUFFER_MAX)
        audio_drop(rt, MIN(rt->audio.n, rt->audio.n + n - AUDIO_BUFFER_MAX));
    codec_decode(&rt->codec, rt->session->input, str_n(bytes, n), &rt->audio);
    mem_free(bytes);
    if (rt->session->turns.kind != TURNS_BY_CLIENT)
        turns_find(rt);
    return true;
}

bool hearing_commit(struct realtime *rt, struct api_error *e)
{
    char id[API_ID_MAX];

    if (rt->audio.n < (size_t)COMMIT_LEAST_MS * ULAW_BYTES_PER_MS)
        return api_error_set(e, "input_audio_buffer_commit_empty", "",
                             "Error committing input audio buffer: buffer too small. Expected at "
                             "least 100ms of audio, "
                             "but buffer only has %.2fms of audio.",
                             (double)rt->audio.n / ULAW_BYTES_PER_MS);
    api_id(id, "item_");
    commit(rt, rt->in_turn ? rt->turn_item : id, 0, rt->audio.n);
    hearing_clear(rt);
    return true;
}

void hearing_clear(struct realtime *rt)
{
    audio_drop(rt, rt->audio.n);
    rt->endpoint_at = 0;
    rt->in_turn = false;
    rt->endpoint.speaking = false;
    rt->endpoint.loud = 0;
}

void hearing_configure(struct realtime *rt)
{
    struct endpoint_settings s = session_endpoint(rt->session);

    endpoint_configure(&rt->endpoint, &s);
    if (rt->session->turns.kind == TURNS_BY_CLIENT) {
        rt->in_turn = false;
        rt->endpoint.speaking = false;
    }
    /* Turn detection's clock counts what it was not shown, too. */
    rt->endpoint_at = rt->in_turn ? rt->endpoint_at : rt->audio.n;
    rt->endpoint.frames = (rt->audio_from + (int64_t)rt->endpoint_at) / ENDPOINT_FRAME;
}

static void on_idle(void *arg)
{
    struct realtime *rt = arg;
    int64_t now_ms = (rt->audio_from + (int64_t)rt->audio.n) / ULAW_BYTES_PER_MS;
    char id[API_ID_MAX];
    struct jw w;

    if (rt->in_turn || rt->active)
        return;
    api_id(id, "item_");
    realtime_event_begin(&w, "input_audio_buffer.timeout_triggered");
    jw_i64(&w, "audio_start_ms", now_ms - rt->session->turns.idle_timeout_ms);
    jw_i64(&w, "audio_end_ms", now_ms);
    jw_cstr(&w, "item_id", id);
    realtime_event_send(rt, &w);
    commit(rt, id, rt->audio.n, rt->audio.n);
    response_automatic(rt);
}

void hearing_answered(struct realtime *rt, int64_t playing_ms)
{
    const struct turn_settings *t = &rt->session->turns;

    if (t->kind == TURNS_BY_SERVER_VAD && t->idle_timeout_ms > 0)
        timer_start(&rt->idle, playing_ms + t->idle_timeout_ms);
}

void hearing_init(struct realtime *rt)
{
    struct endpoint_settings s = session_endpoint(rt->session);

    endpoint_init(&rt->endpoint, &s);
    buf_init(&rt->audio, AUDIO_BUFFER_MAX);
    list_init(&rt->transcripts);
    timer_init(&rt->idle, rt->engine->loop, on_idle, rt);
}

void hearing_release(struct realtime *rt)
{
    struct list_node *node;

    timer_stop(&rt->idle);
    while ((node = list_first(&rt->transcripts)))
        late_free(CONTAINER_OF(node, struct late_transcript, node));
    buf_release(&rt->audio);
}
