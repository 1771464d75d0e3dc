#include "post_call/fakes_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "google/jwt.h"
#include "voice/wav.h"

enum { HALF_WAVE = 10, PIECE_FRAMES = 8192, HEADER_BYTES = 44 };

/* Handlers run on other threads, where a failed CHECK cannot end the test. */
#define EXPECT(fakes, cond) ((cond) ? (void)0 : complain((fakes), #cond, __LINE__))

static void complain(struct fakes *f, const char *what, int line)
{
    pthread_mutex_lock(&f->complaint_lock);
    if (!f->complaint[0])
        (void)snprintf(f->complaint, sizeof(f->complaint), "fakes_test.c:%d: %s", line, what);
    pthread_mutex_unlock(&f->complaint_lock);
}

/* --- audio ----------------------------------------------------------------------------------------- */

static int16_t sample_at(const struct fakes *f, int64_t frame, int channel)
{
    int64_t ms = frame * 1000 / FAKE_HZ;
    size_t i;

    if (f->period_ms)
        ms %= f->period_ms;
    for (i = 0; i < f->n_speech; i++) {
        const struct fake_speech *s = &f->speech[i];

        if (s->channel == channel && ms >= s->from_ms && ms < s->to_ms)
            return (int16_t)(frame / HALF_WAVE % 2 ? s->height : -s->height);
    }
    return 0;
}

static int64_t frames_of(const struct fakes *f)
{
    return f->duration_ms * FAKE_HZ / 1000;
}

static int64_t wav_bytes(const struct fakes *f, int channels)
{
    return HEADER_BYTES + frames_of(f) * channels * 2;
}

/* Bytes of the whole recording's WAV from `at` on. */
static void wav_fill(const struct fakes *f, int channels, int64_t at, uint8_t *out, size_t n)
{
    const struct wav_format format = { WAV_PCM16, channels, FAKE_HZ };
    uint8_t header[WAV_HEADER_MAX];
    int64_t pos, frame;
    uint16_t v;
    size_t i;

    (void)wav_header_write(header, &format, (uint32_t)(wav_bytes(f, channels) - HEADER_BYTES));
    for (i = 0; i < n; i++) {
        pos = at + (int64_t)i;
        if (pos < HEADER_BYTES) {
            out[i] = header[pos];
            continue;
        }
        pos -= HEADER_BYTES;
        frame = pos / 2 / channels;
        v = (uint16_t)sample_at(f, frame, (int)(pos / 2 % channels));
        out[i] = (uint8_t)(pos % 2 ? v >> 8 : v & 0xff);
        if (pos % 2 == 0 && i + 1 < n) { /* both bytes at once: this is where the time goes */
            out[++i] = (uint8_t)(v >> 8);
        }
    }
}

/* Bytes from..to (inclusive) of the recording as the answer. */
static void send_generated(struct fakes *f, struct http_req *r, int status, int channels,
                           int64_t from, int64_t to)
{
    uint8_t piece[PIECE_FRAMES * 4];
    size_t n;

    if (http_reply_begin(r, status, "audio/x-wav", to - from + 1))
        return;
    for (; from <= to; from += (int64_t)n) {
        n = (size_t)MIN((int64_t)sizeof(piece), to - from + 1);
        wav_fill(f, channels, from, piece, n);
        if (http_reply_write(r, piece, n))
            return;
    }
    http_reply_end(r);
}

/* --- Twilio ---------------------------------------------------------------------------------------- */

static void twilio_error(struct http_req *r, int status, int code)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "code", code);
    jw_cstr(&w, "message", "no such thing");
    jw_i64(&w, "status", status);
    jw_end(&w);
    http_reply_json(r, status, jw_finish(&w, r->ctx->arena));
}

static void on_recording_data(struct fakes *f, struct http_req *r)
{
    struct jw w;

    if (f->unknown) {
        twilio_error(r, 404, 20404);
        return;
    }
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "sid", FAKE_RECORDING);
    jw_cstr(&w, "call_sid", FAKE_CALL);
    jw_cstr(&w, "status", f->status);
    jw_strf(&w, "duration", "%lld", (long long)(f->duration_ms / 1000));
    jw_i64(&w, "channels", f->channels);
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, r->ctx->arena));
}

static void on_twilio(void *app, struct http_req *r)
{
    struct fakes *f = app;
    struct str name = http_req_param(r, "name");
    int asked = str_contains(r->query, STR("RequestedChannels=2")) ? 2 : 1;

    EXPECT(f, http_req_header(r, "Authorization").n > 0);
    if (str_ends(name, STR(".json"))) {
        on_recording_data(f, r);
        return;
    }
    if (f->not_there || f->unknown) {
        twilio_error(r, 404, 20404);
    } else if (asked > f->channels) {
        twilio_error(r, 400, 21220 + 1);
    } else {
        pthread_mutex_lock(&f->lock);
        f->n_downloads++;
        pthread_mutex_unlock(&f->lock);
        if (f->wav.n)
            http_reply(r, 200, "audio/x-wav", f->wav);
        else
            send_generated(f, r, 200, asked, 0, wav_bytes(f, asked) - 1);
    }
}

/* --- Cloud Storage --------------------------------------------------------------------------------- */

static struct str crc_text(struct arena *a, uint32_t crc)
{
    const uint8_t b[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16 & 0xff),
                           (uint8_t)(crc >> 8 & 0xff), (uint8_t)(crc & 0xff) };

    return base64_text(a, str_n(b, sizeof(b)));
}

static struct fake_object *find(struct fakes *f, struct str name)
{
    int i;

    for (i = 0; i < f->n_objects; i++) {
        if (str_eq_c(name, f->objects[i].name))
            return &f->objects[i];
    }
    return NULL;
}

static struct fake_object *find_or_add(struct fakes *f, struct str name)
{
    struct fake_object *o = find(f, name);

    if (o)
        return o;
    EXPECT(f, f->n_objects < FAKE_OBJECTS_MAX);
    o = &f->objects[f->n_objects++];
    EXPECT(f, str_copy(o->name, sizeof(o->name), name));
    buf_init(&o->data, 64 * MIB);
    return o;
}

struct fake_object *fakes_object(struct fakes *f, const char *name)
{
    struct fake_object *o;

    pthread_mutex_lock(&f->lock);
    o = find(f, str_c(name));
    pthread_mutex_unlock(&f->lock);
    return o && o->there ? o : NULL;
}

static struct str resource(struct arena *a, const struct fake_object *o)
{
    const struct jval *meta = NULL;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "name", o->name);
    jw_cstr(&w, "bucket", FAKE_BUCKET);
    jw_strf(&w, "size", "%lld", (long long)o->size);
    jw_cstr(&w, "generation", "1");
    jw_cstr(&w, "timeCreated", "2026-11-24T10:00:00.000Z");
    jw_str(&w, "crc32c", crc_text(a, o->crc));
    if (o->metadata.n && !json_parse_arena(&meta, a, o->metadata, NULL) && meta)
        jw_val(&w, "metadata", meta);
    jw_end(&w);
    return jw_finish(&w, a);
}

static void storage_error(struct http_req *r, int status, const char *reason)
{
    struct str text = arena_printf(r->ctx->arena,
                                   "{\"error\":{\"code\":%d,\"message\":\"%s\",\"errors\":[{"
                                   "\"reason\":\"%s\"}]}}",
                                   status, reason, reason);

    http_reply_json(r, status, text);
}

static struct str query_value(struct fakes *f, struct http_req *r, const char *key)
{
    struct form form = { 0 };

    EXPECT(f, form_parse(&form, r->ctx->arena, r->query) == ERR_OK);
    return form_get(&form, key);
}

static void keep_metadata(struct fakes *f, struct fake_object *o, struct arena *a, struct str json)
{
    const struct jval *doc;

    EXPECT(f, json_parse_arena(&doc, a, json, NULL) == ERR_OK);
    if (json_get(doc, "metadata"))
        o->metadata = arena_str(&f->arena, json_val_text(a, json_get(doc, "metadata")));
}

static void finish_object(struct fake_object *o)
{
    o->there = true;
    o->writes++;
}

/* The two parts of a multipart/related body. */
static void split_related(struct str body, struct str *json, struct str *data)
{
    struct str mark, rest = body;
    size_t at = str_find(body, STR("\r\n"));

    mark = str_slice(body, 0, at);
    rest = str_from(rest, str_find(rest, STR("\r\n\r\n")) + 4);
    *json = str_slice(rest, 0, str_find(rest, mark) - 2);
    rest = str_from(rest, str_find(rest, mark));
    rest = str_from(rest, str_find(rest, STR("\r\n\r\n")) + 4);
    *data = str_slice(rest, 0, str_find(rest, mark) - 2);
}

static void on_upload(void *app, struct http_req *r)
{
    struct fakes *f = app;
    struct str name = query_value(f, r, "name"), json = r->body, data = STR_EMPTY;
    bool whole = str_eq_c(query_value(f, r, "uploadType"), "multipart");
    struct fake_object *o;
    struct str answer;

    EXPECT(f, str_eq_c(query_value(f, r, "ifGenerationMatch"), "0"));
    pthread_mutex_lock(&f->lock);
    o = find_or_add(f, name);
    if (o->there) {
        pthread_mutex_unlock(&f->lock);
        storage_error(r, 412, "conditionNotMet");
        return;
    }
    if (whole)
        split_related(r->body, &json, &data);
    keep_metadata(f, o, r->ctx->arena, json);
    buf_reset(&o->data);
    buf_add_str(&o->data, data);
    o->size = (int64_t)data.n;
    o->crc = crc32c(0, data.p, data.n);
    o->generated = false;
    if (whole)
        finish_object(o);
    answer = resource(r->ctx->arena, o);
    pthread_mutex_unlock(&f->lock);
    if (!whole)
        http_reply_header(r, "Location",
                          arena_printf(r->ctx->arena, "http://127.0.0.1:%d/session?name=" STR_FMT,
                                       f->port, STR_ARG(url_encode_text(r->ctx->arena, name))));
    http_reply_json(r, 200, answer);
}

static void append(struct fakes *f, struct fake_object *o, struct str data)
{
    o->generated = f->generate && str_ends(str_c(o->name), STR(".wav"));
    if (!o->generated)
        buf_add_str(&o->data, data);
    o->crc = crc32c(o->crc, data.p, data.n);
    o->size += (int64_t)data.n;
}

/* "bytes 0-9/10", with stars for what is not known. */
static void on_chunk(void *app, struct http_req *r)
{
    struct fakes *f = app;
    struct str range = str_from(http_req_header(r, "Content-Range"), 6), span, total, from, to;
    struct str answer = STR_EMPTY;
    int64_t at = 0, all = -1;
    struct fake_object *o;
    bool broken = false;

    (void)str_cut(range, '/', &span, &total); /* checked by what follows */
    pthread_mutex_lock(&f->lock);
    o = find(f, query_value(f, r, "name"));
    if (!o) {
        EXPECT(f, o != NULL);
        pthread_mutex_unlock(&f->lock);
        storage_error(r, 404, "notFound");
        return;
    }
    if (str_cut(span, '-', &from, &to)) {
        EXPECT(f, str_to_i64(from, 0, INT64_MAX, &at) == ERR_OK);
        EXPECT(f, at == o->size);
        broken = ++f->n_chunks == f->upload_breaks_at;
        append(f, o, broken ? str_slice(r->body, 0, r->body.n / 2) : r->body);
    }
    if (!str_eq_c(total, "*"))
        EXPECT(f, str_to_i64(total, 0, INT64_MAX, &all) == ERR_OK);
    if (!broken && all == o->size) {
        if (!o->there)
            finish_object(o);
        answer = resource(r->ctx->arena, o);
    }
    at = o->size;
    pthread_mutex_unlock(&f->lock);
    if (broken) {
        storage_error(r, 503, "backendError");
    } else if (answer.n) {
        http_reply_json(r, 200, answer);
    } else {
        if (at)
            http_reply_header(r, "Range",
                              arena_printf(r->ctx->arena, "bytes=0-%lld", (long long)at - 1));
        http_reply_empty(r, 308);
    }
}

static void on_cancel(void *app, struct http_req *r)
{
    (void)app;
    http_reply_empty(r, 499);
}

static void send_range(struct fakes *f, struct http_req *r, const struct fake_object *o)
{
    struct str range = http_req_header(r, "Range"), from_text, to_text;
    int64_t from = 0, to = o->size - 1;
    int status = 200;

    if (range.n) {
        EXPECT(f, str_starts(range, STR("bytes=")));
        (void)str_cut(str_from(range, 6), '-', &from_text, &to_text);
        EXPECT(f, str_to_i64(from_text, 0, INT64_MAX, &from) == ERR_OK);
        if (to_text.n)
            EXPECT(f, str_to_i64(to_text, 0, INT64_MAX, &to) == ERR_OK);
        to = MIN(to, o->size - 1);
        status = 206;
    }
    if (range.n && from >= o->size) {
        storage_error(r, 416, "requestedRangeNotSatisfiable");
        return;
    }
    if (range.n)
        http_reply_header(r, "Content-Range",
                          arena_printf(r->ctx->arena, "bytes %lld-%lld/%lld", (long long)from,
                                       (long long)to, (long long)o->size));
    http_reply_header(r, "x-goog-generation", STR("1"));
    if (o->generated)
        send_generated(f, r, status, f->channels, from, to);
    else
        http_reply(r, status, "application/octet-stream",
                   str_slice(buf_str(&o->data), (size_t)from, (size_t)(to + 1)));
}

static void on_object(void *app, struct http_req *r)
{
    struct fakes *f = app;
    struct fake_object *o;

    pthread_mutex_lock(&f->lock);
    o = find(f, http_req_param(r, "object"));
    if (o && !o->there)
        o = NULL;
    if (o && r->method == HTTP_DELETE)
        o->there = false;
    pthread_mutex_unlock(&f->lock);
    if (!o)
        storage_error(r, 404, "notFound");
    else if (r->method == HTTP_DELETE)
        http_reply_empty(r, 204);
    else if (str_contains(r->query, STR("alt=media")))
        send_range(f, r, o);
    else
        http_reply_json(r, 200, resource(r->ctx->arena, o));
}

/* --- Pub/Sub --------------------------------------------------------------------------------------- */

static void keep_event(struct fakes *f, struct arena *a, const struct jval *message)
{
    struct fake_event *e = &f->events[f->n_events];
    struct str data;

    EXPECT(f, f->n_events < FAKE_EVENTS_MAX);
    f->n_events++;
    EXPECT(f, base64_bytes(a, json_str(json_get(message, "data")), &data) == ERR_OK);
    e->text = arena_str(&f->arena, data);
    EXPECT(f, str_copy(e->type, sizeof(e->type), json_str(json_path(message, "attributes.type"))));
    EXPECT(f, str_copy(e->id, sizeof(e->id), json_str(json_path(message, "attributes.id"))));
    EXPECT(f, str_copy(e->key, sizeof(e->key), json_str(json_get(message, "orderingKey"))));
}

static void on_publish(void *app, struct http_req *r)
{
    struct fakes *f = app;
    const struct jval *doc, *message;
    struct json_iter it;
    struct jw w;

    EXPECT(f, json_parse_arena(&doc, r->ctx->arena, r->body, NULL) == ERR_OK);
    it = json_iter(json_get(doc, "messages"));
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "messageIds");
    pthread_mutex_lock(&f->lock);
    while (json_next(&it, NULL, &message)) {
        keep_event(f, r->ctx->arena, message);
        jw_strf(&w, NULL, "%d", f->n_events);
    }
    pthread_mutex_unlock(&f->lock);
    jw_end(&w);
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, r->ctx->arena));
}

/* --- transcription --------------------------------------------------------------------------------- */

static int height_of(struct str pcm)
{
    int best = 0, v;
    size_t i;

    for (i = 0; i + 1 < pcm.n; i += 2) {
        v = (int16_t)(uint16_t)((uint8_t)pcm.p[i] | (unsigned)(uint8_t)pcm.p[i + 1] << 8);
        best = MAX(best, abs(v));
    }
    return best;
}

static int count_of(struct str s, struct str needle)
{
    int n = 0;
    size_t at;

    for (at = str_find(s, needle); at < s.n; at = str_find(s, needle)) {
        s = str_from(s, at + needle.n);
        n++;
    }
    return n;
}

static void on_transcribe(void *app, struct http_req *r)
{
    struct fakes *f = app;
    struct str boundary = str_from(http_req_header(r, "Content-Type"), 30), wav;
    struct str end = arena_printf(r->ctx->arena, "\r\n--" STR_FMT "--\r\n", STR_ARG(boundary));
    struct wav_info info;
    int height;

    EXPECT(f,
           str_starts(http_req_header(r, "Content-Type"), STR("multipart/form-data; boundary=")));
    EXPECT(f, str_ends(r->body, end));
    EXPECT(f, str_eq_c(http_req_header(r, "Authorization"), "Bearer sk-test"));
    EXPECT(f, str_contains(
                  r->body,
                  STR("name=\"file\"; filename=\"audio.wav\"\r\nContent-Type: audio/wav\r\n\r\n")));
    EXPECT(f, str_contains(r->body, STR("name=\"model\"\r\n\r\n")));
    wav = str_from(r->body, str_find(r->body, STR("RIFF")));
    wav = str_slice(wav, 0, wav.n - end.n);
    EXPECT(f, wav_header_read(&info, wav, NULL) == ERR_OK);
    EXPECT(f, info.format.channels == 1);
    EXPECT(f, info.format.coding == WAV_PCM16);
    EXPECT(f, info.data_at + info.data_bytes == wav.n);
    height = height_of(str_from(wav, info.data_at));
    pthread_mutex_lock(&f->lock);
    f->n_waiting++;
    pthread_cond_broadcast(&f->changed);
    while (f->speech_held)
        pthread_cond_wait(&f->changed, &f->lock);
    f->n_waiting--;
    f->n_transcriptions++;
    f->n_verbose += str_contains(r->body, STR("verbose_json")) ? 1 : 0;
    f->n_languages = count_of(r->body, STR("name=\"languages[]\"\r\n\r\n"));
    f->transcription_bytes_max = MAX(f->transcription_bytes_max, r->body.n);
    pthread_mutex_unlock(&f->lock);
    if (f->speech_status && (!f->speech_refuses || f->speech_refuses == height))
        http_reply_json(r, f->speech_status,
                        str_c(f->speech_answer ? f->speech_answer : "{\"error\":\"no\"}"));
    else if (f->speech_answer && !f->speech_status)
        http_reply_json(r, 200, str_c(f->speech_answer));
    else
        http_reply_json(r, 200, arena_printf(r->ctx->arena, "{\"text\":\" word %d \"}", height));
}

/* --- the server ------------------------------------------------------------------------------------ */

static enum errc on_any(void *app, struct http_req *r)
{
    struct fakes *f = app;
    int64_t now;

    pthread_mutex_lock(&f->lock);
    now = ++f->n_requests;
    pthread_mutex_unlock(&f->lock);
    if (now == f->fail_at) {
        http_reply_header(r, "Retry-After", STR("0"));
        storage_error(r, 503, "backendError");
        return ERR_AGAIN;
    }
    if (f->refuse_from && now >= f->refuse_from) {
        storage_error(r, 403, "forbidden");
        return ERR_DENIED;
    }
    return ERR_OK;
}

static const struct http_route routes[] = {
    { HTTP_POST, "/v1/audio/transcriptions", 4 * MIB, on_any, on_transcribe, false },
    { HTTP_POST, "/v1/{topic*}:publish", 4 * MIB, on_any, on_publish, false },
    { HTTP_GET, "/2010-04-01/Accounts/{account}/Recordings/{name}", 0, on_any, on_twilio, false },
    { HTTP_POST, "/upload/storage/v1/b/{bucket}/o", 8 * MIB, on_any, on_upload, false },
    { HTTP_PUT, "/session", 8 * MIB, on_any, on_chunk, false },
    { HTTP_DELETE, "/session", 0, on_any, on_cancel, false },
    { HTTP_GET | HTTP_DELETE, "/storage/v1/b/{bucket}/o/{object*}", 0, on_any, on_object, false },
};

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void on_line(void *arg, enum log_level level, struct str line)
{
    (void)arg;
    if (level >= LOG_WARN && getenv("POST_CALL_TEST_LOG"))
        (void)fprintf(stderr, STR_FMT "\n", STR_ARG(line)); /* for whoever looks */
}

void fakes_open(struct fakes *f)
{
    struct http_server_opts o = {
        .host = "127.0.0.1", .routes = routes, .n_routes = ARRAY_LEN(routes), .app = f
    };

    *f = (struct fakes){ .channels = 2, .status = "completed", .clock = clock_system(0) };
    pthread_mutex_init(&f->lock, NULL);
    pthread_mutex_init(&f->complaint_lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->sink = log_sink_create_fn(on_line, NULL, LOG_INFO, &f->clock);
    f->log = log_root(f->sink);
    CHECK_OK(loop_create(&f->loop, &f->clock, &f->log, NULL));
    CHECK_OK(workers_create(&f->workers, f->loop, 4, NULL, &f->log, NULL));
    o.workers = f->workers;
    o.log = &f->log;
    CHECK_OK(http_server_create(&f->server, f->loop, &o, NULL));
    f->port = http_server_port(f->server);
}

void fakes_start(struct fakes *f)
{
    CHECK_INT(pthread_create(&f->thread, NULL, run_loop, f->loop), 0);
}

void fakes_await_held(struct fakes *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->n_waiting)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

void fakes_let_go(struct fakes *f)
{
    pthread_mutex_lock(&f->lock);
    f->speech_held = false;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void fakes_stop(struct fakes *f)
{
    loop_stop(f->loop);
    pthread_join(f->thread, NULL);
}

void fakes_close(struct fakes *f)
{
    int i;

    f->workers = workers_destroy(f->workers);
    f->server = http_server_destroy(f->server);
    f->loop = loop_destroy(f->loop);
    f->sink = log_sink_destroy(f->sink);
    for (i = 0; i < f->n_objects; i++)
        buf_release(&f->objects[i].data);
    arena_release(&f->arena);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    pthread_mutex_destroy(&f->complaint_lock);
    CHECK_STR(str_c(f->complaint), "");
}

struct str fakes_url(const struct fakes *f, struct arena *a, const char *path)
{
    return arena_printf(a, "http://127.0.0.1:%d%s", f->port, path);
}

struct str fakes_identity_token(struct arena *a, const struct clock *clock)
{
    struct str header = base64url_text(a, STR("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"));
    struct str claims =
        arena_printf(a,
                     "{\"iss\":\"https://accounts.google.com\",\"aud\":\"http://us\","
                     "\"email\":\"push@p.iam.gserviceaccount.com\","
                     "\"email_verified\":true,\"sub\":\"1\",\"iat\":%lld,"
                     "\"exp\":%lld}",
                     (long long)clock_wall_s(clock), (long long)clock_wall_s(clock) + 3600);

    return arena_printf(a, STR_FMT "." STR_FMT ".c2lnbmVk", STR_ARG(header),
                        STR_ARG(base64url_text(a, claims)));
}

struct str fakes_push_body(struct arena *a, const char *type, const char *data)
{
    return fakes_push_body_of(a, type, data, "2026-11-24T09:01:00Z");
}

struct str fakes_push_body_of(struct arena *a, const char *type, const char *data, const char *time)
{
    static const char usual[] = "{\"recordingSid\":\"" FAKE_RECORDING "\",\"recordingUrl\":\"x\","
                                "\"durationS\":12,\"channels\":2,"
                                "\"startTime\":\"Tue, 24 Nov 2026 09:00:00 +0000\"}";
    struct str event = arena_printf(a,
                                    "{\"specversion\":\"1.0\",\"id\":\"" FAKE_CALL
                                    "/webhook/recording-" FAKE_RECORDING "\","
                                    "\"source\":\"/webhook\",\"type\":\"%s\","
                                    "\"subject\":\"" FAKE_CALL "\",\"time\":\"%s\","
                                    "\"datacontenttype\":\"application/json\",\"data\":%s}",
                                    type, time, data ? data : usual);

    return arena_printf(a,
                        "{\"message\":{\"data\":\"" STR_FMT "\",\"messageId\":\"1\","
                        "\"publishTime\":\"2026-11-24T09:01:00Z\"},"
                        "\"subscription\":\"projects/p/subscriptions/s\"}",
                        STR_ARG(base64_text(a, event)));
}

/* --- the service beside them ------------------------------------------------------------------------ */

static const struct str audiences[] = { { "http://us", 9 } };
static const struct str emails[] = { { "push@p.iam.gserviceaccount.com", 30 } };

static void settings_fill(struct world *w, const char *model)
{
    struct post_call_settings *s = &w->settings;
    struct fakes *f = &w->fakes;
    struct arena *a = &w->arena;

    s->service.project = STR("p");
    s->google.storage_emulator_host = fakes_url(f, a, "");
    s->google.pubsub_emulator_host = arena_printf(a, "127.0.0.1:%d", f->port);
    s->oidc = (struct oidc_settings){
        { audiences, 1 }, { emails, 1 }, STR("http://nowhere"), OIDC_CLAIMS
    };
    s->twilio.account_sid = STR(FAKE_ACCOUNT);
    s->twilio.auth_token = STR("secret");
    s->twilio.api_base = fakes_url(f, a, "");
    s->transcribe.base_url = fakes_url(f, a, "/v1");
    s->transcribe.api_key = STR("sk-test");
    s->transcribe.model = str_c(model);
    s->profile_path = STR(VC_SOURCE_DIR "/evals/profiles/clinic.yaml");
    s->events_topic = STR("events");
    s->recordings_bucket = STR(FAKE_BUCKET);
    s->attempt_s = 60;
}

void world_open(struct world *w)
{
    world_open_model(w, "gpt-transcribe");
}

void world_open_model(struct world *w, const char *model)
{
    struct http_server_opts o = { .host = "127.0.0.1",
                                  .routes = post_call_spec.routes,
                                  .n_routes = post_call_spec.n_routes };
    struct fakes *f = &w->fakes;
    struct err err = ERR_INIT;

    memset(w, 0, sizeof(*w));
    fakes_open(f);
    settings_fill(w, model);
    CHECK_OK(workers_create(&w->workers, f->loop, 2, NULL, &f->log, NULL));
    w->service = (struct service){ .loop = f->loop,
                                   .workers = w->workers,
                                   .clock = &f->clock,
                                   .log = f->log,
                                   .arena = &w->arena,
                                   .settings = &w->settings };
    if (post_call_spec.create(&w->app, &w->service, &err))
        FAIL_TEST("%s", err.text);
    o.app = w->app;
    o.workers = w->workers;
    o.log = &f->log;
    CHECK_OK(http_server_create(&w->server, f->loop, &o, NULL));
    w->client = http_client_create(NULL, &f->clock);
    w->ctx =
        (struct ctx){ .arena = &w->arena, .http = w->client, .clock = &f->clock, .log = f->log };
    fakes_start(f);
}

void world_close(struct world *w)
{
    fakes_stop(&w->fakes);
    w->workers = workers_destroy(w->workers);
    w->server = http_server_destroy(w->server);
    post_call_spec.destroy(w->app);
    w->client = http_client_destroy(w->client);
    fakes_close(&w->fakes);
    arena_release(&w->arena);
}

int world_post_with(const struct world *w, struct http_client *client, struct arena *a,
                    struct str body, bool with_token)
{
    struct str token = fakes_identity_token(a, &w->fakes.clock);
    const struct http_header headers[] = {
        { STR("Content-Type"), STR("application/json") },
        { STR("Authorization"), arena_printf(a, "Bearer " STR_FMT, STR_ARG(token)) },
    };
    struct http_request req = {
        .url = arena_printf(a, "http://127.0.0.1:%d/push/recordings", http_server_port(w->server)),
        .headers = headers,
        .n_headers = with_token ? 2 : 1,
        .body = body,
        .timeout_ms = 50000,
        .stall_ms = 50000, /* no byte comes before the work is done */
    };
    struct http_response res;

    CHECK_OK(http_do(client, a, &req, &res, NULL));
    return res.status;
}

int world_post(struct world *w, struct str body, bool with_token)
{
    return world_post_with(w, w->client, &w->arena, body, with_token);
}

int world_push(struct world *w, const char *type, const char *data)
{
    return world_post(w, fakes_push_body(&w->arena, type, data), true);
}

const struct jval *world_transcript(struct world *w)
{
    struct fake_object *o = fakes_object(&w->fakes, FAKE_TRANSCRIPT);
    const struct jval *doc = NULL;

    CHECK(o != NULL);
    CHECK_OK(json_parse_arena(&doc, &w->arena, buf_str(&o->data), NULL));
    return doc;
}

struct str world_said(struct world *w)
{
    struct json_iter it = json_iter(json_get(world_transcript(w), "segments"));
    struct str said = STR_EMPTY;
    const struct jval *v;

    while (json_next(&it, NULL, &v))
        said = arena_printf(&w->arena, STR_FMT "%s" STR_FMT ":" STR_FMT, STR_ARG(said),
                            said.n ? "|" : "", STR_ARG(json_str(json_get(v, "speaker"))),
                            STR_ARG(json_str(json_get(v, "text"))));
    return said;
}
