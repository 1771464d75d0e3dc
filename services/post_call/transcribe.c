#include "post_call/transcribe.h"

#include "base/json.h"
#include "net/http_client.h"
#include "voice/wav.h"

enum { LANGUAGE_CODE_MAX = 3, ERROR_TEXT_SHOWN = 200 };

/* What models are known to take; the first whose name the model's begins with. */
static const struct model_traits {
    const char *name;
    enum transcribe_format format;
    bool language_list; /* languages[] when the business has several */
} models[] = {
    { "whisper", TRANSCRIBE_VERBOSE_JSON, false },
    { "gpt-transcribe", TRANSCRIBE_JSON, true },
    { "", TRANSCRIBE_JSON, false },
};

static const struct model_traits *traits_of(struct str model)
{
    size_t i;

    for (i = 0; i + 1 < ARRAY_LEN(models); i++) {
        if (str_starts(model, str_c(models[i].name)))
            break;
    }
    return &models[i];
}

/* ISO 639-1 (or -3) of a BCP 47 tag: what stands before the first hyphen. */
static struct str language_code(struct str tag)
{
    return str_slice(tag, 0, str_find_char(tag, '-'));
}

/* One language is a fact for the endpoint; of several only a list helps. */
static void add_languages(struct multipart *form, const struct transcribe_settings *s,
                          const struct model_traits *m)
{
    size_t n = MIN(s->n_languages, (size_t)TRANSCRIBE_LANGUAGES_MAX);
    size_t i;

    if (n == 1)
        multipart_field(form, "language", language_code(s->languages[0]));
    for (i = 0; n > 1 && m->language_list && i < n; i++)
        multipart_field(form, "languages[]", language_code(s->languages[i]));
}

static enum errc build(struct multipart *form, const struct transcribe_settings *s,
                       const struct transcribe_audio *audio, struct str *ret, struct err *err)
{
    const struct wav_format format = { WAV_PCM16, 1, audio->hz };
    const struct model_traits *m = traits_of(s->model);
    enum transcribe_format f =
        s->format == TRANSCRIBE_AUTO ? m->format : (enum transcribe_format)s->format;
    uint8_t header[WAV_HEADER_MAX];
    size_t bytes = audio->n * sizeof(*audio->samples), header_bytes, i;
    uint8_t sample[2];

    if (bytes > TRANSCRIBE_FORM_MAX)
        return err_set(err, ERR_LIMIT, "an utterance of %zu bytes", bytes);
    multipart_begin(form);
    multipart_field(form, "model", s->model);
    multipart_field(form, "response_format",
                    f == TRANSCRIBE_VERBOSE_JSON ? STR("verbose_json") : STR("json"));
    add_languages(form, s, m);
    multipart_file(form, "file", "audio.wav", "audio/wav"); /* the name's end tells the format */
    header_bytes = wav_header_write(header, &format, (uint32_t)bytes);
    buf_reserve(&form->body, header_bytes + bytes + KIB);
    buf_add(&form->body, header, header_bytes);
    for (i = 0; i < audio->n; i++) { /* little-endian, whatever the machine is */
        sample[0] = (uint8_t)((uint16_t)audio->samples[i] & 0xff);
        sample[1] = (uint8_t)((uint16_t)audio->samples[i] >> 8);
        buf_add(&form->body, sample, sizeof(sample));
    }
    return multipart_end(form, ret, err);
}

struct str transcribe_error_text(struct arena *a, struct str body)
{
    const struct jval *doc, *error;

    if (json_parse_arena(&doc, a, body, NULL))
        return STR_EMPTY;
    error = json_get(doc, "error");
    if (json_is_str(error))
        return json_str(error);
    if (json_is_obj(error))
        return json_str(json_get(error, "message"));
    error = json_get(doc, "detail"); /* FastAPI: a sentence, or a list of objects */
    if (json_is_str(error))
        return json_str(error);
    if (json_is_arr(error))
        return json_str(json_path(error, "0.msg"));
    return json_str(json_get(doc, "message"));
}

/* Seconds; an old LocalAI says nanoseconds, which no audio of ours can reach as seconds. */
static int64_t time_ms(const struct jval *v, int64_t audio_ms)
{
    double s = json_num_or(v, -1);

    if (s * 1000 > 1000.0 * (double)(audio_ms + 1000))
        s /= 1e9;
    return s < 0 ? -1 : (int64_t)(s * 1000 + 0.5);
}

/* False: its times cannot be relied on. */
static bool read_segment(const struct jval *v, int64_t audio_ms, int64_t after_ms,
                         struct transcribe_segment *ret)
{
    ret->from_ms = time_ms(json_get(v, "start"), audio_ms);
    ret->to_ms = MIN(time_ms(json_get(v, "end"), audio_ms), audio_ms);
    ret->text = str_trim(json_str(json_get(v, "text")));
    return ret->from_ms >= after_ms && ret->to_ms >= ret->from_ms;
}

/* Several segments with good times and all of the text, or none. */
static size_t read_segments(struct arena *a, const struct jval *doc, int64_t audio_ms,
                            const struct transcribe_segment **ret)
{
    const struct jval *list = json_get(doc, "segments"), *v;
    size_t max = json_len(list), n = 0;
    struct transcribe_segment *segments, one;
    struct json_iter it = json_iter(list);
    int64_t after_ms = 0;

    if (!json_is_arr(list) || max > TRANSCRIBE_SEGMENTS_MAX)
        return 0;
    segments = ARENA_ARRAY(a, struct transcribe_segment, max);
    while (json_next(&it, NULL, &v)) {
        if (!read_segment(v, audio_ms, after_ms, &one))
            return 0;
        after_ms = one.from_ms;
        if (one.text.n)
            segments[n++] = one;
    }
    *ret = segments;
    return n;
}

enum errc transcribe_parse(struct arena *a, struct str body, int64_t audio_ms,
                           struct transcription *ret, struct err *err)
{
    const struct jval *doc, *text;
    struct transcription t = { 0 };
    struct transcribe_segment *one;
    struct str error;

    if (json_parse_arena(&doc, a, body, err))
        return err_wrap(err, ERR_UPSTREAM, "transcription");
    text = json_get(doc, "text");
    if (!json_is_str(text)) {
        error = transcribe_error_text(a, body);
        return err_set(err, ERR_UPSTREAM, "transcription without text: " STR_FMT,
                       STR_ARG(str_slice(error, 0, ERROR_TEXT_SHOWN)));
    }
    t.n = read_segments(a, doc, audio_ms, &t.segments);
    if (t.n == 0 && str_trim(json_str(text)).n) {
        one = ARENA_NEW(a, struct transcribe_segment);
        *one = (struct transcribe_segment){ 0, audio_ms, str_trim(json_str(text)) };
        t.segments = one;
        t.n = 1;
    }
    t.usage = usage_from_openai(json_get(doc, "usage"));
    if (t.usage.audio_ms == 0 && t.usage.text_in == 0 && t.usage.audio_in == 0)
        t.usage.audio_ms = audio_ms;
    *ret = t;
    return ERR_OK;
}

/* 400, 413, 415, 422: this audio. A model or path that is not there, and a wrong key, are everybody's. */
static enum errc refused(struct ctx *ctx, const struct http_response *r, struct err *err)
{
    struct str text = transcribe_error_text(ctx->arena, r->body);
    enum errc rc = http_status_errc(r->status);

    return err_set_upstream(err, rc == ERR_LIMIT ? ERR_INVALID : rc, r->status,
                            "transcription answered %d: " STR_FMT, r->status,
                            STR_ARG(str_slice(text, 0, ERROR_TEXT_SHOWN)));
}

enum errc transcribe(const struct transcribe_settings *s, struct ctx *ctx, struct multipart *form,
                     const struct transcribe_audio *audio, struct transcription *ret,
                     struct err *err)
{
    struct http_header headers[2] = { { STR("Content-Type"), STR_EMPTY } };
    struct http_request req = {
        .method = "POST",
        .url = arena_printf(ctx->arena, STR_FMT "/audio/transcriptions", STR_ARG(s->base_url)),
        .headers = headers,
        .n_headers = 1,
        .body_max = TRANSCRIBE_ANSWER_MAX,
        .timeout_ms = TRANSCRIBE_TIMEOUT_MS,
        .stall_ms = TRANSCRIBE_TIMEOUT_MS, /* silent while it thinks */
        .attempts = TRANSCRIBE_ATTEMPTS,
        .idempotent = true, /* in effect; it may be counted twice */
        .deadline_mono_ms = ctx->deadline_mono_ms,
    };
    int64_t audio_ms = (int64_t)audio->n * 1000 / audio->hz;
    struct http_response r;
    enum errc rc;

    rc = build(form, s, audio, &req.body, err);
    if (rc)
        return err_wrap(err, rc, "transcription");
    headers[0].value = str_c(form->content_type);
    if (s->api_key.n)
        headers[req.n_headers++] =
            (struct http_header){ STR("Authorization"), arena_printf(ctx->arena, "Bearer " STR_FMT,
                                                                     STR_ARG(s->api_key)) };
    rc = http_do(ctx->http, ctx->arena, &req, &r, err);
    if (rc)
        return err_wrap(err, rc, "transcription");
    if (r.status < 200 || r.status > 299)
        return refused(ctx, &r, err);
    return transcribe_parse(ctx->arena, r.body, audio_ms, ret, err);
}
