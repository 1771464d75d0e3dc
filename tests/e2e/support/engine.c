#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "support/world.h"

static const char update_prefix[] =
    "{\"type\":\"session.updated\",\"session\":{\"type\":\"realtime\",";

void engine_send(struct fake_engine *e, const char *fmt, ...)
{
    struct buf out = BUF_INIT(8 * MIB);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&out, fmt, ap);
    va_end(ap);
    CHECK_OK(buf_status(&out));
    if (e->ws) {
        enum errc rc = ws_send_text(e->ws, buf_str(&out));

        CHECK(rc == ERR_OK || rc == ERR_CLOSED); /* closed: the bridge's close is being answered */
    }
    buf_release(&out);
}

void engine_send_created(struct fake_engine *e)
{
    const struct world *w = e->world;
    char expires[64] = "";

    if (w->script.session_s)
        (void)snprintf(expires, sizeof(expires), "\"expires_at\":%lld,",
                       (long long)clock_wall_s(&w->fake.clock) + w->script.session_s);
    engine_send(
        e,
        "{\"type\":\"session.created\",\"event_id\":\"event_1\",\"session\":{\"id\":\"sess_%d\",%s"
        "\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcm\","
        "\"rate\":24000}}}}}",
        e->number, expires);
}

void engine_send_updated(struct fake_engine *e)
{
    const char *format = e->world->script.format ? e->world->script.format : "audio/pcmu";

    e->updated = true;
    engine_send(e,
                "%s\"audio\":{\"input\":{\"format\":{\"type\":\"%s\"}},\"output\":{\"format\":"
                "{\"type\":\"%s\"}}}}}",
                update_prefix, format, format);
}

static int count_lines(struct str text, struct str needle)
{
    int n = 0;

    while (text.n) {
        struct str line, rest;

        (void)str_cut(text, '\n', &line, &rest);
        n += str_contains(line, needle);
        text = rest;
    }
    return n;
}

static struct str type_needle(char out[96], const char *type)
{
    int n = snprintf(out, 96, "{\"type\":\"%s\"", type);

    return str_n(out, (size_t)n);
}

int engine_got(const struct fake_engine *e, const char *type)
{
    char needle[96];

    return count_lines(buf_str(&e->received), type_needle(needle, type));
}

const struct jval *engine_message(const struct fake_engine *e, struct arena *a, const char *type,
                                  int n)
{
    struct str text = buf_str(&e->received), line, rest;
    char needle[96];
    struct str want = type_needle(needle, type);

    while (text.n) {
        (void)str_cut(text, '\n', &line, &rest);
        if (str_contains(line, want) && n-- == 0) {
            const struct jval *v = NULL;

            CHECK_OK(json_parse_arena(&v, a, line, NULL));
            return v;
        }
        text = rest;
    }
    FAIL_TEST("engine %d got no further %s", e->number, type);
    return NULL;
}

void engine_begin(struct fake_engine *e)
{
    (void)snprintf(e->response_id, sizeof(e->response_id), "resp_%d_%d", e->number, e->responses);
    (void)snprintf(e->item_id, sizeof(e->item_id), "item_%d_%d", e->number, e->responses);
    e->responses++;
    e->active = true;
    engine_send(e,
                "{\"type\":\"response.created\",\"response\":{\"id\":\"%s\",\"object\":\"realtime."
                "response\","
                "\"status\":\"in_progress\",\"metadata\":{\"tag\":\"%s\"}}}",
                e->response_id, e->tag);
}

void engine_audio(struct fake_engine *e, const char *response_id, const char *item_id, int ms)
{
    /* Each engine speaks in a byte of its own, so that nobody can hear another's. */
    while (ms > 0) {
        uint8_t ulaw[8 * 200];
        char text[BASE64_LEN(sizeof(ulaw)) + 1];
        int piece = MIN(ms, 200);
        size_t n;

        memset(ulaw, 0x80 + e->number % 64, sizeof(ulaw));
        n = base64_encode(text, ulaw, (size_t)piece * 8);
        engine_send(
            e,
            "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_2\","
            "\"response_id\":\"%s\",\"item_id\":\"%s\",\"output_index\":0,\"content_index\":0,"
            "\"delta\":\"%.*s\"}",
            response_id, item_id, (int)n, text);
        ms -= piece;
    }
}

void engine_say(struct fake_engine *e, const char *text, int ms)
{
    engine_send(e,
                "{\"type\":\"response.output_audio_transcript.delta\",\"response_id\":\"%s\","
                "\"item_id\":\"%s\",\"output_index\":0,\"content_index\":0,\"delta\":\"%s\"}",
                e->response_id, e->item_id, text);
    engine_audio(e, e->response_id, e->item_id, ms);
}

void engine_end(struct fake_engine *e, const char *status)
{
    e->active = false;
    if (strcmp(status, "completed") == 0)
        engine_send(
            e,
            "{\"type\":\"response.output_audio.done\",\"response_id\":\"%s\",\"item_id\":\"%s\","
            "\"output_index\":0,\"content_index\":0}",
            e->response_id, e->item_id);
    engine_send(
        e,
        "{\"type\":\"response.done\",\"response\":{\"id\":\"%s\",\"status\":\"%s\","
        "\"status_details\":%s,\"metadata\":{\"tag\":\"%s\"},\"usage\":{\"total_tokens\":150,"
        "\"input_tokens\":100,\"output_tokens\":50,\"input_token_details\":{\"text_tokens\":60,"
        "\"audio_tokens\":40,\"cached_tokens\":20,\"cached_tokens_details\":{\"text_tokens\":20,"
        "\"audio_tokens\":0}},\"output_token_details\":{\"text_tokens\":10,"
        "\"audio_tokens\":40}}}}",
        e->response_id, status,
        strcmp(status, "failed") == 0 ? "{\"type\":\"failed\",\"error\":{\"type\":\"server_error\","
                                        "\"code\":\"server_error\"}}"
                                      : "null",
        e->tag);
}

void engine_tool(struct fake_engine *e, const char *call_id, const char *name,
                 const char *arguments)
{
    struct jw w;
    struct arena arena = ARENA_INIT;
    struct str text;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "type", "response.output_item.done");
    jw_cstr(&w, "response_id", e->response_id);
    jw_obj(&w, "item");
    jw_cstr(&w, "type", "function_call");
    jw_cstr(&w, "status", "completed");
    jw_cstr(&w, "call_id", call_id);
    jw_cstr(&w, "name", name);
    jw_cstr(&w, "arguments", arguments);
    jw_end(&w);
    jw_end(&w);
    text = jw_finish(&w, &arena);
    /* Said three times over, as the real one does; only this one is to be acted on. */
    engine_send(
        e,
        "{\"type\":\"response.function_call_arguments.done\",\"call_id\":\"%s\",\"name\":\"%s\","
        "\"arguments\":\"{}\"}",
        call_id, name);
    engine_send(e, STR_FMT, STR_ARG(text));
    arena_release(&arena);
}

/* In mid-stream: `ms` of the caller's audio before now. */
static long long audio_ms(const struct fake_engine *e)
{
    return (long long)(e->audio.n / 8);
}

void engine_speech_started(struct fake_engine *e, const char *item_id)
{
    long long at =
        audio_ms(e) - 400; /* 100 ms of voice were enough, 300 of padding are counted too */

    engine_send(e,
                "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":%lld,"
                "\"item_id\":\"%s\"}",
                at > 0 ? at : 0, item_id);
}

void engine_speech_stopped(struct fake_engine *e, const char *item_id)
{
    engine_send(e,
                "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":%lld,"
                "\"item_id\":\"%s\"}",
                audio_ms(e), item_id);
}

void engine_turn(struct fake_engine *e, const char *item_id, const char *text)
{
    engine_send(e, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"%s\"}", item_id);
    if (text)
        engine_send(e,
                    "{\"type\":\"conversation.item.input_audio_transcription.completed\","
                    "\"item_id\":\"%s\",\"content_index\":0,\"transcript\":\"%s\","
                    "\"usage\":{\"type\":\"duration\",\"seconds\":2}}",
                    item_id, text);
}

void engine_close(struct fake_engine *e, int code, const char *reason)
{
    if (e->ws)
        ws_close(e->ws, code, str_c(reason));
}

/* What is to be said word for word stands in quotes. */
static void words_of(char out[512], const struct jval *m, int n)
{
    struct str text = json_str(json_path(m, "response.instructions"));
    size_t from = str_find_char(text, '"') + 1;

    if (from < text.n)
        (void)str_copy(out, 512, str_slice(text, from, text.n - 1));
    else
        (void)snprintf(out, 512, "Answer %d.", n);
}

static void ask_for_tool(struct fake_engine *e)
{
    char id[64];

    e->world->script.tools--;
    (void)snprintf(id, sizeof(id), "call_%d_own_%d", e->number, e->tools++);
    engine_tool(e, id, "findAvailability", "{\"day\":\"friday\"}");
    engine_end(e, "completed");
}

static void answer(struct fake_engine *e, const struct jval *m)
{
    int ms = e->world->script.answer_ms ? e->world->script.answer_ms : 600;
    char words[512];

    (void)str_copy(e->tag, sizeof(e->tag), json_str(json_path(m, "response.metadata.tag")));
    e->asked++;
    e->overlaps += e->active;
    if (e->world->script.answer == ANSWER_NOT || e->dumb)
        return;
    words_of(words, m, e->responses);
    engine_begin(e);
    if (e->world->script.answer == ANSWER_FAILED || e->world->script.failures > 0) {
        e->world->script.failures -= e->world->script.failures > 0;
        engine_end(e, "failed");
        return;
    }
    if (e->world->script.tools > 0) {
        ask_for_tool(e);
        return;
    }
    engine_say(e, words, ms);
    engine_send(e,
                "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"%s\","
                "\"item_id\":\"%s\",\"content_index\":0,\"transcript\":\"%s\"}",
                e->response_id, e->item_id, words);
    engine_end(e, "completed");
}

static void take_audio(struct fake_engine *e, const struct jval *m)
{
    struct str audio = json_str(json_get(m, "audio"));
    uint8_t *bytes = mem_alloc(audio.n + 3);
    size_t n;

    CHECK_OK(base64_decode(bytes, &n, audio));
    buf_add(&e->audio, bytes, n);
    e->appends++;
    mem_free(bytes);
}

static void refuse_cancel(struct fake_engine *e)
{
    engine_send(e, "{\"type\":\"error\",\"event_id\":\"event_1\",\"error\":{\"type\":\"invalid_"
                   "request_error\",\"code\":\"response_cancel_not_active\",\"message\":\"There is "
                   "nothing to cancel.\",\"param\":null,\"event_id\":null}}");
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct fake_engine *e = arg;
    struct arena a = ARENA_INIT;
    const struct jval *m = NULL;
    struct str type;

    CHECK(!binary);
    CHECK_OK(json_parse_arena(&m, &a, data, NULL));
    type = json_str(json_get(m, "type"));
    if (str_eq_c(type, "input_audio_buffer.append")) {
        take_audio(e, m);
    } else {
        if (str_eq_c(type, "conversation.item.create") && e->audio.n == 0)
            e->items_first = true;
        buf_add_str(&e->received, data);
        buf_add_char(&e->received, '\n');
    }
    if (str_eq_c(type, "session.update") && !e->world->script.hold_updated && !e->dumb)
        engine_send_updated(e);
    if (str_eq_c(type, "response.create"))
        answer(e, m);
    if (str_eq_c(type, "response.cancel") && e->active && !e->dumb &&
        e->world->script.ends_cancelled)
        engine_end(e, "cancelled");
    else if (str_eq_c(type, "response.cancel") && !e->active && !e->dumb)
        refuse_cancel(e);
    arena_release(&a);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct fake_engine *e = arg;

    (void)reason;
    (void)err;
    e->closed_code = code;
    e->ws = NULL;
}

static void refuse(struct fake_engine *e)
{
    struct engine_script *s = &e->world->script;

    if (s->refuse_times > 0)
        s->refuse_times--;
    engine_send(e,
                "{\"type\":\"error\",\"event_id\":\"event_1\",\"error\":{\"type\":\"invalid_"
                "request_error\","
                "\"code\":\"%s\",\"message\":\"refused\",\"param\":null,\"event_id\":null}}",
                s->refuse_code);
    engine_close(e, s->refuse_close, s->refuse_code);
}

static int admit(void *app, const struct ws_upgrade *u, void **arg)
{
    const struct world *w = app;

    (void)u;
    (void)arg;
    return w->script.refuse_status;
}

static void accept(void *app, struct ws_conn *ws, struct ws_events *events, void **arg)
{
    struct world *w = app;
    struct fake_engine *e = MEM_NEW(struct fake_engine);

    CHECK(w->n_engines < WORLD_ENGINES_MAX);
    e->world = w;
    e->ws = ws;
    e->number = w->n_engines;
    buf_init(&e->received, 16 * MIB);
    buf_init(&e->audio, 64 * MIB);
    w->engines[w->n_engines++] = e;
    *events = (struct ws_events){ .on_message = on_message, .on_closed = on_closed };
    *arg = e;
    if (w->script.refuse_close && w->script.refuse_times != 0)
        refuse(e);
    else if (!w->script.mute && !w->script.hold_created)
        engine_send_created(e);
}

void engine_free(struct fake_engine *e)
{
    if (e->ws)
        ws_disown(e->ws, 1000);
    buf_release(&e->received);
    buf_release(&e->audio);
    mem_free(e);
}

const struct ws_route engine_routes[] = {
    { .path = "/v1/realtime", .queue_max = 16 * MIB, .admit = admit, .accept = accept },
};
const size_t n_engine_routes = ARRAY_LEN(engine_routes);
