/* The engine's side of OpenAI's Realtime protocol, as far as the bridge needs it. Its clock is the caller's
 * audio, which comes in real time. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "faults/talk_internal.h"

/* How the profile's disclosure begins; the greeting follows. */
#define DISCLOSURE "Hello, this is the AI assistant"

enum { SPEECH_MS = 120, CALLER_SPEAKS_MS = 240, BYTES_PER_MS = 8, NOT_SOON = -1 };

struct session {
    struct talk *talk;
    struct ws_conn *ws;
    int number, responses, items;
    int64_t heard_ms;      /* of the caller's audio */
    int64_t caller_at_ms;  /* the caller speaks then; NOT_SOON: not */
    int64_t caller_end_ms; /* and stops then; NOT_SOON: does not speak */
    char item[48];
    struct str line; /* what the caller is saying; in the talk's arena */
};

static void PRINTF_LIKE(2, 3) emit(struct session *s, const char *fmt, ...)
{
    struct buf out = BUF_INIT(MIB);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&out, fmt, ap);
    va_end(ap);
    if (ws_send_text(s->ws, buf_str(&out)))
        log_debug(&s->talk->log, "not sent: the bridge has gone");
    buf_release(&out);
}

/* ---- responses ---- */

static void send_usage(struct session *s, const char *id, struct str tag)
{
    emit(s,
         "{\"type\":\"response.done\",\"response\":{\"id\":\"%s\",\"status\":\"completed\","
         "\"status_details\":null,\"metadata\":{\"tag\":\"" STR_FMT "\"},\"usage\":{"
         "\"total_tokens\":150,\"input_tokens\":100,\"output_tokens\":50,"
         "\"input_token_details\":{\"text_tokens\":60,\"audio_tokens\":40,\"cached_tokens\":20,"
         "\"cached_tokens_details\":{\"text_tokens\":20,\"audio_tokens\":0}},"
         "\"output_token_details\":{\"text_tokens\":10,\"audio_tokens\":40}}}}",
         id, STR_ARG(tag));
    pthread_mutex_lock(&s->talk->lock);
    s->talk->seen.responses++;
    pthread_mutex_unlock(&s->talk->lock);
}

static void speak(struct session *s, const char *id, struct str words)
{
    uint8_t noise[SPEECH_MS * BYTES_PER_MS];
    char audio[BASE64_LEN(sizeof(noise)) + 1], item[64];
    size_t n;

    memset(noise, 0x90, sizeof(noise));
    n = base64_encode(audio, noise, sizeof(noise));
    (void)snprintf(item, sizeof(item), "item_%s", id);
    emit(s,
         "{\"type\":\"response.output_audio_transcript.delta\",\"response_id\":\"%s\",\"item_id\":"
         "\"%s\",\"output_index\":0,\"content_index\":0,\"delta\":\"" STR_FMT "\"}",
         id, item, STR_ARG(words));
    emit(s,
         "{\"type\":\"response.output_audio.delta\",\"event_id\":\"e\",\"response_id\":\"%s\","
         "\"item_id\":\"%s\",\"output_index\":0,\"content_index\":0,\"delta\":\"%.*s\"}",
         id, item, (int)n, audio);
    emit(s,
         "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"%s\",\"item_id\":"
         "\"%s\",\"content_index\":0,\"transcript\":\"" STR_FMT "\"}",
         id, item, STR_ARG(words));
    emit(s,
         "{\"type\":\"response.output_audio.done\",\"response_id\":\"%s\",\"item_id\":\"%s\","
         "\"output_index\":0,\"content_index\":0}",
         id, item);
    talk_note_turn(s->talk, true, words);
}

static void ask_tool(struct session *s, const char *id, const struct move *m)
{
    struct talk *t = s->talk;
    struct arena a = ARENA_INIT;
    struct str text;
    struct jw w;

    (void)snprintf(t->tool_id, sizeof(t->tool_id), "call_%d", ++t->tool_calls);
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "type", "response.output_item.done");
    jw_cstr(&w, "response_id", id);
    jw_obj(&w, "item");
    jw_cstr(&w, "type", "function_call");
    jw_cstr(&w, "status", "completed");
    jw_cstr(&w, "call_id", t->tool_id);
    jw_cstr(&w, "name", m->tool);
    jw_str(&w, "arguments", m->text);
    jw_end(&w);
    jw_end(&w);
    text = jw_finish(&w, &a);
    emit(s, STR_FMT, STR_ARG(text));
    arena_release(&a);
}

/* What is to be said word for word stands in quotes. */
static struct str fixed_words(struct talk *t, const struct jval *m)
{
    struct str text = json_str(json_path(m, "response.instructions"));
    size_t from = str_find_char(text, '"') + 1;

    return from < text.n ? arena_str(&t->arena, str_slice(text, from, text.n - 1)) : STR_EMPTY;
}

static void on_response_create(struct session *s, const struct jval *m)
{
    struct talk *t = s->talk;
    struct str tag = json_str(json_path(m, "response.metadata.tag"));
    struct move move = { NULL, fixed_words(t, m) };
    bool fixed = move.text.n > 0;
    char id[48];

    (void)snprintf(id, sizeof(id), "resp_%d_%d", s->number, ++s->responses);
    if (!fixed)
        move = model_move(t);
    emit(s,
         "{\"type\":\"response.created\",\"response\":{\"id\":\"%s\",\"object\":"
         "\"realtime.response\",\"status\":\"in_progress\",\"metadata\":{\"tag\":\"" STR_FMT
         "\"}}}",
         id, STR_ARG(tag));
    if (move.tool)
        ask_tool(s, id, &move);
    else
        speak(s, id, move.text);
    send_usage(s, id, tag);
    if (!move.tool && !fixed)
        model_said(t);
    if (move.tool || str_starts(move.text, STR(DISCLOSURE)))
        s->caller_at_ms = NOT_SOON; /* more is to come */
    else
        s->caller_at_ms = s->heard_ms + SPEECH_MS + model_pause_ms(t);
}

/* ---- the caller's turn ---- */

static void caller_starts(struct session *s)
{
    s->caller_at_ms = NOT_SOON;
    s->line = model_caller_line(s->talk);
    if (!s->line.n)
        return;
    (void)snprintf(s->item, sizeof(s->item), "item_caller_%d_%d", s->number, ++s->items);
    emit(s,
         "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":%lld,\"item_id\":"
         "\"%s\"}",
         (long long)s->heard_ms, s->item);
    s->caller_end_ms = s->heard_ms + CALLER_SPEAKS_MS;
}

static void caller_stops(struct session *s)
{
    s->caller_end_ms = NOT_SOON;
    emit(
        s,
        "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":%lld,\"item_id\":\"%s\"}",
        (long long)s->heard_ms, s->item);
    model_caller_said(s->talk);
    talk_note_turn(s->talk, false, s->line);
    emit(s, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"%s\"}", s->item);
    emit(s,
         "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":\"%s\","
         "\"content_index\":0,\"transcript\":\"" STR_FMT
         "\",\"usage\":{\"type\":\"duration\",\"seconds\":2}}",
         s->item, STR_ARG(s->line));
    pthread_mutex_lock(&s->talk->lock);
    s->talk->seen.transcriptions++;
    pthread_mutex_unlock(&s->talk->lock);
}

static void on_audio(struct session *s, const struct jval *m)
{
    s->heard_ms += (int64_t)(json_str(json_get(m, "audio")).n / 4 * 3 / BYTES_PER_MS);
    if (s->caller_end_ms != NOT_SOON && s->heard_ms >= s->caller_end_ms)
        caller_stops(s);
    else if (s->caller_end_ms == NOT_SOON && s->caller_at_ms != NOT_SOON &&
             s->heard_ms >= s->caller_at_ms)
        caller_starts(s);
}

/* ---- the socket ---- */

static void on_item(struct session *s, const struct jval *item)
{
    if (str_eq_c(json_str(json_get(item, "type")), "function_call_output"))
        model_tool_result(s->talk, json_str(json_get(item, "call_id")),
                          json_str(json_get(item, "output")));
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct session *s = arg;
    struct json *doc = NULL;
    const struct jval *m;
    struct str type;

    if (binary || json_parse(&doc, data, NULL))
        return;
    m = json_root(doc);
    type = json_str(json_get(m, "type"));
    if (str_eq_c(type, "input_audio_buffer.append"))
        on_audio(s, m);
    else if (str_eq_c(type, "conversation.item.create"))
        on_item(s, json_get(m, "item"));
    else if (str_eq_c(type, "response.create"))
        on_response_create(s, m);
    else if (str_eq_c(type, "session.update"))
        emit(s, "{\"type\":\"session.updated\",\"session\":{\"type\":\"realtime\",\"audio\":{"
                "\"input\":{\"format\":{\"type\":\"audio/pcmu\"}},\"output\":{\"format\":{"
                "\"type\":\"audio/pcmu\"}}}}}");
    json_destroy(doc);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct session *s = arg;

    (void)code, (void)reason, (void)err; /* however it ended, it is over */
    s->talk->session = NULL;
    mem_free(s);
}

static void accept_session(void *app, struct ws_conn *ws, struct ws_events *events, void **arg)
{
    struct talk *t = app;
    struct session *s = MEM_NEW(struct session);

    engine_forget(t); /* the bridge has given it up for this one */
    s->talk = t;
    s->ws = ws;
    s->caller_at_ms = s->caller_end_ms = NOT_SOON;
    pthread_mutex_lock(&t->lock);
    s->number = ++t->seen.sessions;
    pthread_mutex_unlock(&t->lock);
    t->session = s;
    t->tool_id[0] = '\0';
    model_resumes(t);
    *events = (struct ws_events){ .on_message = on_message, .on_closed = on_closed };
    *arg = s;
    emit(s,
         "{\"type\":\"session.created\",\"event_id\":\"event_1\",\"session\":{\"id\":\"sess_%d\","
         "\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":"
         "24000}}}}}",
         s->number);
}

void engine_forget(struct talk *t)
{
    struct session *s = t->session;

    t->session = NULL;
    if (s)
        ws_disown(s->ws, 1000);
    mem_free(s);
}

static void on_transcribe(void *app, struct http_req *r)
{
    (void)app;
    http_reply_json(r, 200,
                    STR("{\"text\":\"Scripted words.\",\"usage\":{\"type\":\"duration\","
                        "\"seconds\":1}}"));
}

const struct ws_route talk_engine_routes[TALK_ENGINE_ROUTES] = {
    { .path = "/v1/realtime", .queue_max = 4 * MIB, .accept = accept_session },
};
const struct http_route talk_http_routes[TALK_HTTP_ROUTES] = {
    { .methods = HTTP_POST,
      .path = "/v1/audio/transcriptions",
      .body_max = 32 * MIB,
      .handle = on_transcribe,
      .on_loop = true },
};
