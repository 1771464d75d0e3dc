/* The scripted engine: OpenAI's Realtime protocol as far as turns go, behind a network that takes its time. It
 * hears turns by itself, answers at the pace of a model, and answers or is interrupted by itself when its session
 * says so, which is its default. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "turns/engine_vad.h"
#include "turns/turns.h"
#include "turns/wire.h"

enum {
    PREFIX_MS = 300, /* default of prefix_padding_ms */
    FIRST_MS = 1000, /* of audio at once, then four times as fast as it is heard */
    PIECE_MS = 400,
    PIECE_EVERY_MS = 100,
    JITTER_MS = 20,
    THINK_SPREAD_MS = 300,
    TEXT_MS = 300, /* until a turn is written down */
    TEXT_SPREAD_MS = 300,
    MESSAGE_MAX = 256 * 1024,
};

struct engine {
    struct list_node node; /* of bench.engines */
    struct bench *bench;
    struct ws_conn *ws;
    struct caller *caller; /* NULL: nothing heard yet */
    struct wire in, out, texts;
    unsigned seed;
    bool creates, interrupts;        /* by itself */
    int64_t prefix_ms, committed_ms; /* the end of the turn before */
    struct engine_vad vad;
    uint8_t rest[ENGINE_VAD_FRAME];
    size_t n_rest;
    int turns;
    struct timer speak;
    struct {
        bool active;
        int number; /* of the responses of this session */
        int64_t left_ms;
        char tag[32];
        char words[512];
    } now;
};

static int draw(struct engine *e, int below)
{
    e->seed = e->seed * 1664525u + 1013904223u;
    return (int)(e->seed >> 8) % below;
}

static void sendf(struct engine *e, struct wire *w, int64_t delay_ms, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void sendf(struct engine *e, struct wire *w, int64_t delay_ms, const char *fmt, ...)
{
    struct buf text = BUF_INIT(MESSAGE_MAX);
    va_list ap;

    (void)e;
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    wire_send(w, buf_str(&text), delay_ms);
    buf_release(&text);
}

static int64_t trip_ms(struct engine *e)
{
    return e->bench->set.net_ms + draw(e, JITTER_MS);
}

#define SENDF(e, ...) sendf((e), &(e)->out, trip_ms(e), __VA_ARGS__)

/* ---- responses ---- */

static void send_audio(struct engine *e, int64_t ms)
{
    uint8_t ulaw[FIRST_MS * 8];
    char text[BASE64_LEN(sizeof(ulaw))];
    size_t n;

    memset(ulaw, 0x80 + e->now.number % TURNS_ANSWERS, sizeof(ulaw));
    n = base64_encode(text, ulaw, (size_t)ms * 8);
    SENDF(e,
          "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_2\",\"response_id\":"
          "\"resp_%d\",\"item_id\":\"item_%d\",\"output_index\":0,\"content_index\":0,"
          "\"delta\":\"%.*s\"}",
          e->now.number, e->now.number, (int)n, text);
    e->now.left_ms -= ms;
}

static void end_response(struct engine *e, const char *status, const char *details)
{
    e->now.active = false;
    timer_stop(&e->speak);
    SENDF(e,
          "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_%d\",\"status\":\"%s\","
          "\"status_details\":%s,\"metadata\":{\"tag\":\"%s\"}}}",
          e->now.number, status, details, e->now.tag);
}

static void send_words(struct engine *e)
{
    const int id = e->now.number;

    SENDF(e,
          "{\"type\":\"response.output_audio_transcript.delta\",\"response_id\":\"resp_%d\","
          "\"item_id\":\"item_%d\",\"output_index\":0,\"content_index\":0,\"delta\":\"%s\"}",
          id, id, e->now.words);
    SENDF(e,
          "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"resp_%d\","
          "\"item_id\":\"item_%d\",\"content_index\":0,\"transcript\":\"%s\"}",
          id, id, e->now.words);
}

static void on_speak(void *arg)
{
    struct engine *e = arg;

    if (e->now.words[0]) {
        send_words(e);
        e->now.words[0] = '\0';
        send_audio(e, MIN(e->now.left_ms, FIRST_MS));
    } else {
        send_audio(e, MIN(e->now.left_ms, PIECE_MS));
    }
    if (e->now.left_ms > 0) {
        timer_start(&e->speak, PIECE_EVERY_MS);
        return;
    }
    SENDF(e,
          "{\"type\":\"response.output_audio.done\",\"response_id\":\"resp_%d\",\"item_id\":"
          "\"item_%d\",\"output_index\":0,\"content_index\":0}",
          e->now.number, e->now.number);
    end_response(e, "completed", "null");
}

static void respond(struct engine *e, struct str tag, struct str words)
{
    e->now.active = true;
    e->now.number++;
    if (e->caller)
        e->caller->kept_ms[e->now.number % TURNS_ANSWERS] = -1;
    e->now.left_ms = e->caller ? caller_answer_ms(e->caller) : TURNS_BRIEF_MS;
    if (words.n)
        e->now.left_ms = TURNS_BRIEF_MS;
    (void)str_copy(e->now.tag, sizeof(e->now.tag), tag);
    (void)str_copy(e->now.words, sizeof(e->now.words), words.n ? words : STR("It is like this."));
    SENDF(e,
          "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_%d\",\"object\":"
          "\"realtime.response\",\"status\":\"in_progress\",\"metadata\":{\"tag\":\"%s\"}}}",
          e->now.number, e->now.tag);
    timer_start(&e->speak, e->bench->set.think_ms + draw(e, THINK_SPREAD_MS));
}

/* What is to be said word for word stands in quotes. */
static void take_create(struct engine *e, const struct jval *m)
{
    struct str text = json_str(json_path(m, "response.instructions"));
    size_t from = str_find_char(text, '"') + 1;

    if (e->now.active)
        SENDF(e, "{\"type\":\"error\",\"event_id\":\"event_3\",\"error\":{\"type\":"
                 "\"invalid_request_error\",\"code\":\"conversation_already_has_active_response\","
                 "\"message\":\"active\",\"param\":null,\"event_id\":null}}");
    else
        respond(e, json_str(json_path(m, "response.metadata.tag")),
                from < text.n ? str_slice(text, from, text.n - 1) : STR_EMPTY);
}

static void take_cancel(struct engine *e)
{
    if (e->now.active)
        end_response(e, "cancelled", "{\"type\":\"cancelled\",\"reason\":\"client_cancelled\"}");
    else
        SENDF(e, "{\"type\":\"error\",\"event_id\":\"event_3\",\"error\":{\"type\":"
                 "\"invalid_request_error\",\"code\":\"response_cancel_not_active\","
                 "\"message\":\"none\",\"param\":null,\"event_id\":null}}");
}

static void take_truncate(struct engine *e, const struct jval *m)
{
    struct str id = json_str(json_get(m, "item_id"));
    int64_t number;

    if (e->caller && str_starts(id, STR("item_")) &&
        str_to_i64(str_from(id, 5), 0, INT32_MAX, &number) == ERR_OK)
        e->caller->kept_ms[number % TURNS_ANSWERS] =
            (int)json_i64_or(json_get(m, "audio_end_ms"), -1);
}

/* ---- the caller's turns ---- */

static void turn_started(struct engine *e)
{
    e->turns++;
    SENDF(e,
          "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":%lld,\"item_id\":"
          "\"turn_%d\"}",
          (long long)MAX(e->vad.from_ms - e->prefix_ms, 0), e->turns);
    if (e->interrupts && e->now.active)
        end_response(e, "cancelled", "{\"type\":\"cancelled\",\"reason\":\"turn_detected\"}");
}

static void write_down(struct engine *e)
{
    struct buf words = BUF_INIT(4000);

    if (e->caller)
        caller_words(e->caller, MAX(e->vad.from_ms - e->prefix_ms, e->committed_ms), e->vad.at_ms,
                     &words);
    e->committed_ms = e->vad.at_ms;
    sendf(e, &e->texts, TEXT_MS + draw(e, TEXT_SPREAD_MS),
          "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":"
          "\"turn_%d\",\"content_index\":0,\"transcript\":\"%s\",\"usage\":{\"type\":\"duration\","
          "\"seconds\":1}}",
          e->turns, buf_cstr(&words));
    buf_release(&words);
}

static void turn_stopped(struct engine *e)
{
    SENDF(e,
          "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":%lld,\"item_id\":"
          "\"turn_%d\"}",
          (long long)e->vad.at_ms, e->turns);
    SENDF(e, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"turn_%d\"}", e->turns);
    write_down(e);
    if (e->creates && !e->now.active)
        respond(e, STR_EMPTY, STR_EMPTY);
}

static void hear(struct engine *e, const uint8_t *frame)
{
    int number;

    if (!e->caller && caller_stamped(frame, &number) && number < e->bench->n_callers)
        e->caller = &e->bench->callers[number];
    switch (engine_vad_hear(&e->vad, frame)) {
    case ENGINE_VAD_STARTED:
        turn_started(e);
        break;
    case ENGINE_VAD_STOPPED:
        turn_stopped(e);
        break;
    case ENGINE_VAD_NOTHING:
        break;
    }
}

static void take_audio(struct engine *e, struct str text)
{
    static uint8_t audio[MESSAGE_MAX];
    size_t n, i;

    if (text.n > sizeof(audio) || base64_decode(audio, &n, text))
        return;
    for (i = 0; i < n; i++) {
        e->rest[e->n_rest++] = audio[i];
        if (e->n_rest == sizeof(e->rest)) {
            e->n_rest = 0;
            hear(e, e->rest);
        }
    }
}

/* ---- the session ---- */

static void take_update(struct engine *e, const struct jval *m)
{
    const struct jval *vad = json_path(m, "session.audio.input.turn_detection");

    e->creates = json_bool_or(json_get(vad, "create_response"), true);
    e->interrupts = json_bool_or(json_get(vad, "interrupt_response"), true);
    e->prefix_ms = json_i64_or(json_get(vad, "prefix_padding_ms"), PREFIX_MS);
    e->vad.silence_ms = json_i64_or(json_get(vad, "silence_duration_ms"), e->vad.silence_ms);
    SENDF(e,
          "{\"type\":\"session.updated\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{"
          "\"format\":{\"type\":\"audio/pcmu\"}},\"output\":{\"format\":{\"type\":\"audio/"
          "pcmu\"}}}}}");
}

static void on_arrival(void *arg, struct str data)
{
    static const char append[] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
    struct engine *e = arg;
    struct arena a = ARENA_INIT;
    const struct jval *m = NULL;
    struct str type;

    if (str_starts(data, str_c(append))) {
        take_audio(e, str_slice(data, sizeof(append) - 1, data.n - 2));
        return;
    }
    if (json_parse_arena(&m, &a, data, NULL) == ERR_OK) {
        type = json_str(json_get(m, "type"));
        if (str_eq_c(type, "session.update"))
            take_update(e, m);
        else if (str_eq_c(type, "response.create"))
            take_create(e, m);
        else if (str_eq_c(type, "response.cancel"))
            take_cancel(e);
        else if (str_eq_c(type, "conversation.item.truncate"))
            take_truncate(e, m);
    }
    arena_release(&a);
}

static void on_departure(void *arg, struct str text)
{
    struct engine *e = arg;

    if (e->ws && ws_send_text(e->ws, text))
        fprintf(stderr, "engine: a message was not taken\n");
}

/* A transcript is ready: now it goes out like anything else. */
static void on_text(void *arg, struct str text)
{
    struct engine *e = arg;

    wire_send(&e->out, text, trip_ms(e));
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct engine *e = arg;

    (void)binary;
    wire_send(&e->in, data, trip_ms(e));
}

static void release(struct engine *e)
{
    if (e->ws)
        ws_disown(e->ws, 1000);
    timer_stop(&e->speak);
    wire_release(&e->in);
    wire_release(&e->out);
    wire_release(&e->texts);
    list_remove(&e->node);
    mem_free(e);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct engine *e = arg;

    (void)code;
    (void)reason;
    (void)err;
    e->ws = NULL;
    release(e);
}

static void engine_accept(void *app, struct ws_conn *ws, struct ws_events *events, void **arg)
{
    struct bench *b = app;
    struct engine *e = MEM_NEW(struct engine);

    e->bench = b;
    e->ws = ws;
    e->seed = (unsigned)b->set.seed;
    e->prefix_ms = PREFIX_MS;
    engine_vad_init(&e->vad);
    wire_init(&e->in, b->loop, on_arrival, e);
    wire_init(&e->out, b->loop, on_departure, e);
    wire_init(&e->texts, b->loop, on_text, e);
    timer_init(&e->speak, b->loop, on_speak, e);
    list_push_back(&b->engines, &e->node);
    *events = (struct ws_events){ .on_message = on_message, .on_closed = on_closed };
    *arg = e;
    SENDF(e,
          "{\"type\":\"session.created\",\"event_id\":\"event_1\",\"session\":{\"id\":\"sess_1\","
          "\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":"
          "24000}}}}}");
}

void engines_release(struct bench *b)
{
    struct list_node *node;

    while ((node = list_first(&b->engines)) != NULL)
        release(CONTAINER_OF(node, struct engine, node));
}

const struct ws_route turns_engine_route = { .path = "/v1/realtime",
                                             .queue_max = 4 * MIB,
                                             .accept = engine_accept };
