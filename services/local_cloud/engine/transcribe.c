/* POST /v1/audio/transcriptions: a recording to text. WAV only (PCM16, mu-law, A-law; 8, 16 or 48
 * kHz); several channels are mixed. The recording is cut at its pauses, and each piece is
 * understood by itself. */
#include <string.h>

#include "base/json.h"
#include "base/macros.h"
#include "base/mem.h"
#include "local_cloud/engine/engine_internal.h"
#include "local_cloud/engine/fields.h"
#include "local_cloud/engine/multipart.h"
#include "local_cloud/engine/sentence.h"
#include "local_cloud/speech/endpoint.h"
#include "local_cloud/speech/resample.h"
#include "voice/g711.h"
#include "voice/wav.h"

enum {
    BYTES_PER_MS = 8,
    FILE_MAX = 25 * 1024 * 1024,
    PIECE_MAX_MS = 20000, /* a longer one is cut where it stands */
    PIECE_PADDING_MS = 200,
    PIECE_SILENCE_MS = 600,
};

static const struct endpoint_settings pieces = { .threshold = 0.5,
                                                 .prefix_padding_ms = PIECE_PADDING_MS,
                                                 .silence_duration_ms = PIECE_SILENCE_MS };

enum transcript_format { FORMAT_JSON, FORMAT_VERBOSE_JSON, FORMAT_TEXT, FORMAT_SRT, FORMAT_VTT };

static const char *const format_names[] = { "json", "verbose_json", "text", "srt", "vtt" };

struct segment {
    struct list_node node;
    int64_t start_ms, end_ms;
    struct str text;
    struct heard heard;
    int64_t words_at_ms; /* what the words' times count from */
};

struct transcription {
    struct engine *engine;
    struct http_req *req;
    const uint8_t *ulaw;
    size_t n;
    enum transcript_format format;
    bool words, segments;
    struct list found; /* struct segment, in the arena */
    struct err err;
};

static const struct model {
    const char *name;
    unsigned formats; /* bits of enum transcript_format */
    const char *use;
} models[] = {
    { "gpt-transcribe", 1u << FORMAT_JSON, "'json'" },
    { "gpt-4o-transcribe", 1u << FORMAT_JSON | 1u << FORMAT_TEXT, "'json' or 'text'" },
    { "gpt-4o-mini-transcribe", 1u << FORMAT_JSON | 1u << FORMAT_TEXT, "'json' or 'text'" },
    { "gpt-4o-mini-transcribe-2025-12-15", 1u << FORMAT_JSON | 1u << FORMAT_TEXT,
      "'json' or 'text'" },
    { "whisper-1", ~0u, "" },
};

static int16_t sample_at(const struct wav_info *w, const uint8_t *p)
{
    switch (w->format.coding) {
    case WAV_ULAW:
        return g711_ulaw_to_linear(*p);
    case WAV_ALAW:
        return g711_alaw_to_linear(*p);
    case WAV_PCM16:
        break;
    }
    return (int16_t)(p[0] | p[1] << 8);
}

/* Channels mixed, at the file's rate. */
static int16_t *samples_mix(const struct wav_info *w, const uint8_t *data, size_t frames)
{
    int16_t *out = mem_calloc(frames + 1, sizeof(out[0]));
    size_t step = wav_frame_bytes(&w->format), i;
    int c;

    for (i = 0; i < frames; i++) {
        int sum = 0;

        for (c = 0; c < w->format.channels; c++)
            sum += sample_at(w, data + i * step + (size_t)c * (step / (size_t)w->format.channels));
        out[i] = (int16_t)(sum / w->format.channels);
    }
    return out;
}

/* To 8 kHz in place: 48 to 16 by the mean of three, 16 to 8 by the half-band filter. */
static size_t samples_reduce(int16_t **samples, size_t n, int hz)
{
    int16_t *half;
    size_t i;

    if (hz == 48000 || hz == 24000) {
        for (i = 0; i < n / 3; i++)
            (*samples)[i] =
                (int16_t)(((*samples)[3 * i] + (*samples)[3 * i + 1] + (*samples)[3 * i + 2]) / 3);
        n /= 3;
        hz /= 3;
    }
    if (hz == 16000) {
        half = mem_calloc(n / 2 + 1, sizeof(half[0]));
        n = resample_down2(half, *samples, n);
        mem_free(*samples);
        *samples = half;
    }
    return n;
}

static bool rate_known(int hz)
{
    return hz == 8000 || hz == 16000 || hz == 24000 || hz == 48000;
}

/* The file's audio as mu-law; the caller frees *ret. */
static enum errc file_decode(struct str file, uint8_t **ret, size_t *ret_n, struct err *err)
{
    struct wav_info w;
    int16_t *samples;
    size_t frames, i;
    enum errc rc = wav_header_read(&w, file, err);

    if (rc)
        return rc == ERR_AGAIN ? err_set(err, ERR_INVALID, "the file ends before its audio begins")
                               : rc;
    if (!rate_known(w.format.hz))
        return err_set(err, ERR_UNSUPPORTED, "a rate of %d Hz", w.format.hz);
    frames = MIN((size_t)w.data_bytes, file.n - w.data_at) / wav_frame_bytes(&w.format);
    samples = samples_mix(&w, (const uint8_t *)file.p + w.data_at, frames);
    frames = samples_reduce(&samples, frames, w.format.hz);
    *ret = mem_alloc(frames + 1);
    for (i = 0; i < frames; i++)
        (*ret)[i] = g711_linear_to_ulaw(samples[i]);
    mem_free(samples);
    *ret_n = frames;
    return ERR_OK;
}

static enum errc piece_hear(struct transcription *t, int64_t from_ms, int64_t to_ms)
{
    struct arena *a = t->req->ctx->arena;
    size_t from = (size_t)from_ms * BYTES_PER_MS, to = MIN((size_t)to_ms * BYTES_PER_MS, t->n);
    struct segment *s = ARENA_NEW(a, struct segment);
    struct buf text = BUF_INIT(64 * KIB);
    enum errc rc;

    rc = recognizer_hear(t->engine->recognizer, HEAR_ANYTHING, STR_EMPTY, t->ulaw + from, to - from,
                         a, &s->heard, &t->err);
    if (!rc && s->heard.text.n > 0) {
        sentence_write(&text, s->heard.text);
        s->text = arena_str(a, buf_str(&text));
        s->words_at_ms = from_ms;
        s->start_ms = from_ms + s->heard.words[0].start_ms;
        s->end_ms = from_ms + s->heard.words[s->heard.n_words - 1].end_ms;
        list_push_back(&t->found, &s->node);
    }
    buf_release(&text);
    return rc;
}

static enum errc pieces_hear(struct transcription *t)
{
    struct endpoint e;
    int64_t from_ms = -1;
    enum errc rc = ERR_OK;
    size_t at;

    endpoint_init(&e, &pieces);
    for (at = 0; !rc && at + ENDPOINT_FRAME <= t->n; at += ENDPOINT_FRAME) {
        enum endpoint_event ev = endpoint_feed(&e, t->ulaw + at);

        if (ev == ENDPOINT_STARTED)
            from_ms = e.started_ms;
        if (from_ms >= 0 && (ev == ENDPOINT_STOPPED || endpoint_ms(&e) - from_ms >= PIECE_MAX_MS)) {
            rc = piece_hear(t, from_ms, endpoint_ms(&e));
            from_ms = ev == ENDPOINT_STOPPED ? -1 : endpoint_ms(&e);
        }
    }
    if (!rc && from_ms >= 0)
        rc = piece_hear(t, from_ms, (int64_t)t->n / BYTES_PER_MS);
    return rc;
}

static struct str whole_text(struct transcription *t)
{
    struct buf all = BUF_INIT(4 * MIB);
    struct list_node *node;
    struct str text;

    for (node = list_first(&t->found); node; node = list_next(&t->found, node))
        buf_addf(&all, "%s" STR_FMT, all.n ? " " : "",
                 STR_ARG(CONTAINER_OF(node, struct segment, node)->text));
    text = arena_str(t->req->ctx->arena, buf_str(&all));
    buf_release(&all);
    return text;
}

static void segments_write(struct jw *w, const struct transcription *t)
{
    struct list_node *node;
    int64_t id = 0;

    jw_arr(w, "segments");
    for (node = list_first(&t->found); node; node = list_next(&t->found, node)) {
        const struct segment *s = CONTAINER_OF(node, struct segment, node);

        jw_obj(w, NULL);
        jw_i64(w, "id", id++);
        jw_i64(w, "seek", 0);
        jw_num(w, "start", (double)s->start_ms / 1000.0);
        jw_num(w, "end", (double)s->end_ms / 1000.0);
        jw_str(w, "text", s->text);
        jw_arr(w, "tokens");
        jw_end(w);
        jw_num(w, "temperature", 0);
        jw_num(w, "avg_logprob", -0.3);
        jw_num(w, "compression_ratio", 1.0);
        jw_num(w, "no_speech_prob", 1.0 - s->heard.confidence);
        jw_end(w);
    }
    jw_end(w);
}

static void words_write(struct jw *w, const struct transcription *t)
{
    struct list_node *node;
    size_t i;

    jw_arr(w, "words");
    for (node = list_first(&t->found); node; node = list_next(&t->found, node)) {
        const struct segment *s = CONTAINER_OF(node, struct segment, node);

        for (i = 0; i < s->heard.n_words; i++) {
            const struct heard_word *word = &s->heard.words[i];

            jw_obj(w, NULL);
            jw_str(w, "word", word->word);
            jw_num(w, "start", (double)(s->words_at_ms + word->start_ms) / 1000.0);
            jw_num(w, "end", (double)(s->words_at_ms + word->end_ms) / 1000.0);
            jw_end(w);
        }
    }
    jw_end(w);
}

static void json_reply(struct transcription *t)
{
    double seconds = (double)t->n / (1000.0 * BYTES_PER_MS);
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    if (t->format == FORMAT_VERBOSE_JSON) {
        jw_cstr(&w, "task", "transcribe");
        jw_cstr(&w, "language", "english");
        jw_num(&w, "duration", seconds);
    }
    jw_str(&w, "text", whole_text(t));
    if (t->segments)
        segments_write(&w, t);
    if (t->words)
        words_write(&w, t);
    jw_obj(&w, "usage");
    jw_cstr(&w, "type", "duration");
    jw_i64(&w, "seconds", (int64_t)(seconds + 0.999));
    jw_end(&w);
    jw_end(&w);
    http_reply_json(t->req, 200, jw_finish(&w, t->req->ctx->arena));
}

static void clock_write(struct buf *out, int64_t ms, char point)
{
    buf_addf(out, "%02lld:%02lld:%02lld%c%03lld", (long long)(ms / 3600000),
             (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60), point,
             (long long)(ms % 1000));
}

/* SubRip numbers what WebVTT heads, and writes its decimals with a comma. */
static void subtitles_reply(struct transcription *t)
{
    char point = t->format == FORMAT_SRT ? ',' : '.';
    struct buf out = BUF_INIT(8 * MIB);
    struct list_node *node;
    int number = 0;

    if (t->format == FORMAT_VTT)
        buf_add_c(&out, "WEBVTT\n\n");
    for (node = list_first(&t->found); node; node = list_next(&t->found, node)) {
        const struct segment *s = CONTAINER_OF(node, struct segment, node);

        if (t->format == FORMAT_SRT)
            buf_addf(&out, "%d\n", ++number);
        clock_write(&out, s->start_ms, point);
        buf_add_c(&out, " --> ");
        clock_write(&out, s->end_ms, point);
        buf_addf(&out, "\n" STR_FMT "\n\n", STR_ARG(s->text));
    }
    http_reply(t->req, 200, "text/plain; charset=utf-8",
               arena_str(t->req->ctx->arena, buf_str(&out)));
    buf_release(&out);
}

static void reply(struct transcription *t)
{
    switch (t->format) {
    case FORMAT_JSON:
    case FORMAT_VERBOSE_JSON:
        json_reply(t);
        break;
    case FORMAT_TEXT:
        http_reply(t->req, 200, "text/plain; charset=utf-8", whole_text(t));
        break;
    case FORMAT_SRT:
    case FORMAT_VTT:
        subtitles_reply(t);
        break;
    }
}

static const struct model *model_find(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(models); i++) {
        if (str_eq_c(name, models[i].name))
            return &models[i];
    }
    return NULL;
}

/* False: the name is none. */
static bool format_read(enum transcript_format *ret, struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(format_names); i++) {
        if (str_eq_c(name, format_names[i])) {
            *ret = (enum transcript_format)i;
            return true;
        }
    }
    return name.n == 0; /* json */
}

static struct str part_text(const struct multipart *m, const char *name)
{
    const struct multipart_part *p = multipart_find(m, name);

    return p ? p->data : STR_EMPTY;
}

static bool granularity_asked(const struct multipart *m, const char *which)
{
    size_t i;

    for (i = 0; i < m->n; i++) {
        if (str_eq_c(m->parts[i].name, "timestamp_granularities[]") &&
            str_eq_c(m->parts[i].data, which))
            return true;
    }
    return false;
}

static void bad_request(struct http_req *r, const char *param, const char *message)
{
    api_reply_error(r, 400, "invalid_request_error", NULL, param, message);
}

static void format_refuse(struct http_req *r, struct str format, const struct model *m)
{
    struct buf text = BUF_INIT(KIB);

    buf_addf(&text,
             "response_format '" STR_FMT "' is not compatible with model '%s'. Use %s instead.",
             STR_ARG(str_slice(format, 0, 64)), m->name, m->use);
    api_reply_error(r, 400, "invalid_request_error", "unsupported_value", "response_format",
                    buf_cstr(&text));
    buf_release(&text);
}

/* The form's settings; false: answered. */
static bool form_read(struct transcription *t, const struct multipart *m)
{
    struct str format = part_text(m, "response_format"), name = part_text(m, "model");
    const struct multipart_part *file = multipart_find(m, "file");
    const struct model *model = model_find(name);

    if (!file || file->filename.n == 0)
        bad_request(t->req, "file", "Missing required parameter: 'file', with a file name.");
    else if (file->data.n > FILE_MAX)
        api_reply_error(t->req, 413, "invalid_request_error", NULL, "file",
                        "Maximum content size limit (26214400) exceeded.");
    else if (name.n == 0)
        bad_request(t->req, "model", "you must provide a model parameter");
    else if (!model)
        api_reply_error(t->req, 404, "invalid_request_error", "model_not_found", "model",
                        "The model does not exist or you do not have access to it.");
    else if (!format_read(&t->format, format))
        bad_request(t->req, "response_format", "Invalid value for 'response_format'.");
    else if (!(model->formats & 1u << t->format))
        format_refuse(t->req, format, model);
    else if (!str_ends(file->filename, STR(".wav")))
        bad_request(t->req, "file", "Unrecognized file format. Supported formats here: ['wav']");
    else
        return true;
    return false;
}

/* Words and segments are of verbose_json; segments unless only words were asked for. */
static void granularity_read(struct transcription *t, const struct multipart *m)
{
    bool verbose = t->format == FORMAT_VERBOSE_JSON;

    t->words = verbose && granularity_asked(m, "word");
    t->segments = verbose && (!t->words || granularity_asked(m, "segment"));
}

void transcribe_handle(void *app, struct http_req *r)
{
    const struct local_cloud *lc = app;
    struct transcription t = { .engine = lc->engine, .req = r };
    struct multipart m;
    uint8_t *ulaw = NULL;
    struct err err = ERR_INIT;

    list_init(&t.found);
    if (multipart_parse(&m, http_req_header(r, "content-type"), r->body)) {
        bad_request(r, NULL, "Could not parse multipart form");
        return;
    }
    if (!form_read(&t, &m))
        return;
    granularity_read(&t, &m);
    if (file_decode(multipart_find(&m, "file")->data, &ulaw, &t.n, &err)) {
        bad_request(r, "file", "Audio file might be corrupted or unsupported");
        return;
    }
    t.ulaw = ulaw;
    if (pieces_hear(&t)) {
        log_error(&r->ctx->log, "transcription failed: %s", t.err.text);
        api_reply_error(r, 500, "server_error", NULL, NULL,
                        "The server had an error while processing your request.");
    } else {
        reply(&t);
    }
    mem_free(ulaw);
}
