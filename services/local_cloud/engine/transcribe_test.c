/* The transcription endpoint and the list of models, over HTTP. */
#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "local_cloud/engine/rig_test.h"
#include "net/http_client.h"
#include "test.h"
#include "voice/g711.h"
#include "voice/wav.h"

#define PART(name) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(filename)                                                      \
    "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" filename \
    "\"\r\nContent-Type: audio/wav\r\n\r\n"

/* The client blocks, so it has a thread of its own while the loop serves it. */
struct asking {
    struct rig *rig;
    const char *method, *path, *key;
    struct str body;
    struct arena arena;
    struct http_response res;
    enum errc rc;
    struct err err;
    bool done;
};

static void on_done(void *arg)
{
    struct asking *a = arg;

    a->done = true;
}

static void *ask_run(void *arg)
{
    struct asking *a = arg;
    struct http_client *c = http_client_create(a->rig->tls, &a->rig->clock);
    struct http_header headers[] = { { STR("Authorization"), str_c(a->key) },
                                     { STR("Content-Type"),
                                       STR("multipart/form-data; boundary=B") } };
    struct http_request req = { .method = a->method,
                                .url = arena_printf(&a->arena, "http://127.0.0.1:%d%s",
                                                    http_server_port(a->rig->server), a->path),
                                .headers = headers,
                                .n_headers = 2,
                                .body = a->body,
                                .timeout_ms = 40000,
                                .stall_ms = 40000 };

    a->rc = http_do(c, &a->arena, &req, &a->res, &a->err);
    http_client_destroy(c);
    loop_post(a->rig->loop, on_done, a);
    return NULL;
}

static bool is_done(void *arg)
{
    struct asking *a = arg;

    return a->done;
}

static void ask(struct asking *a)
{
    pthread_t thread;

    CHECK_INT(pthread_create(&thread, NULL, ask_run, a), 0);
    CHECK_OK(loop_run_until(a->rig->loop, is_done, a, 45000));
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_OK(a->rc);
}

/* A form with a WAV of `text`, spoken. */
static void form(struct rig *r, struct buf *out, const char *model, const char *format,
                 const char *text)
{
    const struct wav_format f = { .coding = WAV_PCM16, .channels = 1, .hz = G711_HZ };
    struct buf speech = BUF_INIT(4 * MIB);
    uint8_t header[WAV_HEADER_MAX];
    struct err err = ERR_INIT;
    size_t i;

    CHECK_OK(engine_say(r->lc.engine, STR("rms"), str_c(text), &speech, &err));
    for (i = 0; i < 8000; i++)
        buf_add_char(&speech, (char)G711_ULAW_SILENCE);
    buf_addf(out, PART("model") "%s\r\n" PART("response_format") "%s\r\n", model, format);
    buf_add_c(out, PART("timestamp_granularities[]") "word\r\n" PART(
                       "timestamp_granularities[]") "segment\r\n");
    buf_add_c(out, FILE_PART("call.wav"));
    buf_add(out, header, wav_header_write(header, &f, (uint32_t)(2 * speech.n)));
    for (i = 0; i < speech.n; i++) {
        int16_t v = g711_ulaw_to_linear((uint8_t)speech.p[i]);

        buf_add(out, &v, sizeof(v));
    }
    buf_add_c(out, "\r\n--B--\r\n");
    buf_release(&speech);
}

TEST_WITHIN(120, transcription_writes_down_what_was_said_with_times)
{
    struct rig *r = MEM_NEW(struct rig);
    struct buf body = BUF_INIT(8 * MIB);
    struct asking a = {
        .rig = r, .path = "/v1/audio/transcriptions", .key = "Bearer sk-x", .arena = ARENA_INIT
    };
    const struct jval *v;

    rig_start(r);
    form(r, &body, "whisper-1", "verbose_json",
         "I would like to book an appointment on Thursday morning please.");
    a.body = buf_str(&body);
    ask(&a);
    CHECK_INT(a.res.status, 200);
    CHECK_OK(json_parse_arena(&v, &a.arena, a.res.body, NULL));
    CHECK_CONTAINS(json_str(json_get(v, "text")), "appointment on Thursday morning please");
    CHECK_STR(json_str(json_get(v, "task")), "transcribe");
    CHECK(json_num_or(json_get(v, "duration"), 0) > 3);
    CHECK_INT(json_len(json_get(v, "segments")), 1);
    CHECK(json_len(json_get(v, "words")) > 6);
    CHECK(json_num_or(json_path(v, "words.1.start"), 0) >
          json_num_or(json_path(v, "words.0.start"), 9));
    CHECK_STR(json_str(json_path(v, "usage.type")), "duration");
    arena_release(&a.arena);
    buf_release(&body);
    rig_stop(r);
    mem_free(r);
}

/* `begin` is what the body begins with, up to the first time's seconds. */
static void check_subtitles(struct rig *r, const char *format, const char *begin, const char *point)
{
    struct buf body = BUF_INIT(8 * MIB);
    struct asking a = {
        .rig = r, .path = "/v1/audio/transcriptions", .key = "Bearer sk-x", .arena = ARENA_INIT
    };

    form(r, &body, "whisper-1", format, "I would like to book an appointment.");
    a.body = buf_str(&body);
    ask(&a);
    CHECK_INT(a.res.status, 200);
    CHECK(str_starts(a.res.body, str_c(begin)));
    CHECK_CONTAINS(a.res.body, " --> 00:00:0");
    CHECK_CONTAINS(str_slice(a.res.body, strlen(begin), strlen(begin) + 3), point);
    CHECK_CONTAINS(a.res.body, "appointment.\n\n");
    arena_release(&a.arena);
    buf_release(&body);
}

TEST_WITHIN(120, transcription_is_written_as_subtitles)
{
    struct rig *r = MEM_NEW(struct rig);

    rig_start(r);
    check_subtitles(r, "srt", "1\n00:00:0", ",");
    check_subtitles(r, "vtt", "WEBVTT\n\n00:00:0", ".");
    rig_stop(r);
    mem_free(r);
}

TEST_WITHIN(120, transcription_refuses_in_the_vendors_words)
{
    static const struct {
        const char *key, *body;
        int status;
        const char *says;
    } rows[] = {
        { "Basic x", "--B--", 401, "API key" },
        { "Bearer bad", "--B--", 401, "invalid_api_key" },
        { "Bearer x", "nonsense", 400, "multipart" },
        { "Bearer x", PART("model") "whisper-1\r\n--B--", 400, "'file'" },
        { "Bearer x", FILE_PART("a.wav") "RIFF\r\n--B--", 400, "model" },
        { "Bearer x", PART("model") "gpt-9\r\n" FILE_PART("a.wav") "RIFF\r\n--B--", 404,
          "model_not_found" },
        { "Bearer x", PART("model") "whisper-1\r\n" FILE_PART("a.wav") "RIFF\r\n--B--", 400,
          "corrupted" },
        { "Bearer x", PART("model") "whisper-1\r\n" FILE_PART("a.mp3") "ID3\r\n--B--", 400,
          "format" },
        { "Bearer x",
          PART("model") "gpt-transcribe\r\n" PART("response_format") "srt\r\n" FILE_PART(
              "a.wav") "RIFF\r\n--B--",
          400, "unsupported_value" },
        { "Bearer x",
          PART("model") "whisper-1\r\n" PART("response_format") "poem\r\n" FILE_PART(
              "a.wav") "RIFF\r\n--B--",
          400, "response_format" },
    };
    struct rig *r = MEM_NEW(struct rig);
    size_t i;

    rig_start(r);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct asking a = { .rig = r,
                            .path = "/v1/audio/transcriptions",
                            .key = rows[i].key,
                            .body = str_c(rows[i].body),
                            .arena = ARENA_INIT };

        ask(&a);
        CHECK_INT(a.res.status, rows[i].status);
        CHECK_CONTAINS(a.res.body, rows[i].says);
        arena_release(&a.arena);
    }
    rig_stop(r);
    mem_free(r);
}

TEST(models_say_that_they_stay)
{
    struct rig *r = MEM_NEW(struct rig);
    struct asking a = { .rig = r, .path = "/v1/models", .key = "Bearer sk-x", .arena = ARENA_INIT };
    struct asking one = {
        .rig = r, .path = "/v1/models/gpt-realtime-2.1", .key = "Bearer sk-x", .arena = ARENA_INIT
    };
    struct asking none = {
        .rig = r, .path = "/v1/models/gpt-9", .key = "Bearer sk-x", .arena = ARENA_INIT
    };

    rig_start(r);
    ask(&a);
    CHECK_INT(a.res.status, 200);
    CHECK_CONTAINS(a.res.body, "\"id\":\"gpt-realtime-2.1\"");
    ask(&one);
    CHECK_CONTAINS(one.res.body, "\"shutdown_date\":null");
    ask(&none);
    CHECK_INT(none.res.status, 404);
    arena_release(&a.arena);
    arena_release(&one.arena);
    arena_release(&none.arena);
    rig_stop(r);
    mem_free(r);
}
