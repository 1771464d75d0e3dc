#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "net/ws.h"
#include "test.h"
#include "voice/engine.h"

enum { WAIT_MS = 10000 };

/* A server that says what the test tells it to, and a listener that writes down what the engine tells. */
struct stage {
    struct clock_fake clock;
    struct loop *loop;
    struct tls_store *tls;
    struct http_server *server;
    struct log log;
    struct ws_conn *peer; /* the server's end */
    struct buf received;  /* by the server, a line each */
    struct buf target, authorization, beta;
    int messages;
    struct voice_settings settings;
    struct voice_engine *engine;
    struct buf told; /* what the handlers were told */
    struct buf audio;
    int events;
    int64_t expires_at_s;
    bool closed, permanent;
    struct err err;
    bool close_in_handler;
};

/* ---- the server ---- */

static void on_message(void *arg, struct str data, bool binary)
{
    struct stage *s = arg;

    CHECK(!binary);
    s->messages++;
    buf_add_str(&s->received, data);
    buf_add_char(&s->received, '\n');
}

static void on_peer_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct stage *s = arg;

    (void)reason;
    (void)err;
    buf_addf(&s->received, "closed %d\n", code);
    s->peer = NULL;
}

static int admit(void *app, const struct ws_upgrade *u, void **arg)
{
    struct stage *s = app;

    (void)arg;
    buf_add_str(&s->target, u->target);
    buf_add_str(&s->authorization, ws_upgrade_header(u, "authorization"));
    buf_add_str(&s->beta, ws_upgrade_header(u, "openai-beta"));
    return 0;
}

static int refuse(void *app, const struct ws_upgrade *u, void **arg)
{
    (void)app;
    (void)u;
    (void)arg;
    return 401;
}

static void accept(void *app, struct ws_conn *c, struct ws_events *events, void **arg)
{
    struct stage *s = app;

    s->peer = c;
    *events = (struct ws_events){ .on_message = on_message, .on_closed = on_peer_closed };
    *arg = s;
}

static const struct ws_route routes[] = {
    { .path = "/v1/realtime", .queue_max = 8 * MIB, .admit = admit, .accept = accept },
    { .path = "/refused", .admit = refuse, .accept = accept },
};

/* ---- the listener ---- */

static void tell(struct stage *s, const char *what, struct str a, struct str b)
{
    buf_addf(&s->told, "%s(" STR_FMT "%s" STR_FMT ") ", what, STR_ARG(a), b.n ? "," : "",
             STR_ARG(b));
    s->events++;
}

static void on_connected(void *arg, struct str id, int64_t expires_at_s)
{
    struct stage *s = arg;

    tell(s, "connected", id, STR_EMPTY);
    s->expires_at_s = expires_at_s;
}

static void on_ready(void *arg)
{
    struct stage *s = arg;

    tell(s, "ready", STR_EMPTY, STR_EMPTY);
    if (s->close_in_handler)
        s->engine = s->engine->ops->close(s->engine);
}

static void on_audio(void *arg, const struct voice_part *part, const uint8_t *ulaw, size_t n)
{
    struct stage *s = arg;

    buf_add(&s->audio, ulaw, n);
    tell(s, "audio", part->response_id, part->item_id);
}

static void on_audio_done(void *arg, const struct voice_part *part)
{
    tell(arg, "audio_done", part->response_id, part->item_id);
}

static void on_speech(void *arg, bool started, struct str item_id, int64_t at_ms)
{
    struct stage *s = arg;

    buf_addf(&s->told, "%s(" STR_FMT ",%lld) ", started ? "started" : "stopped", STR_ARG(item_id),
             (long long)at_ms);
    s->events++;
}

static void on_turn(void *arg, struct str item_id)
{
    tell(arg, "turn", item_id, STR_EMPTY);
}

static void on_caller_text(void *arg, struct str item_id, struct str text, bool final)
{
    tell(arg, final ? "caller" : "caller_delta", item_id, text);
}

static void on_agent_text(void *arg, const struct voice_part *part, struct str text, bool final)
{
    tell(arg, final ? "agent" : "agent_delta", part->item_id, text);
}

static void on_tool_call(void *arg, const struct voice_tool_call *call)
{
    tell(arg, "tool", call->name, call->arguments);
}

static void on_response_started(void *arg, struct str response_id, uint32_t tag)
{
    struct stage *s = arg;

    buf_addf(&s->told, "started(" STR_FMT ",%u) ", STR_ARG(response_id), tag);
    s->events++;
}

static void on_response_done(void *arg, const struct voice_response *r)
{
    static const char *const names[] = { "completed", "cancelled", "incomplete", "failed" };
    struct stage *s = arg;

    buf_addf(&s->told, "done(" STR_FMT ",%s," STR_FMT ",%lld) ", STR_ARG(r->id), names[r->status],
             STR_ARG(r->reason), r->usage ? (long long)r->usage->audio_out : -1LL);
    s->events++;
}

static void on_transcription_usage(void *arg, const struct voice_usage *u)
{
    struct stage *s = arg;

    buf_addf(&s->told, "transcribed(%lld,%g) ", (long long)u->audio_in, u->seconds);
    s->events++;
}

static void on_error(void *arg, const struct voice_error *e)
{
    static const char *const names[] = { "other", "active", "harmless", "response" };
    struct stage *s = arg;

    buf_addf(&s->told, "error(%s,%u," STR_FMT ") ", names[e->kind], e->tag, STR_ARG(e->code));
    s->events++;
}

static void on_closed(void *arg, const struct err *err, bool permanent)
{
    struct stage *s = arg;

    s->closed = true;
    s->permanent = permanent;
    s->err = *err;
    s->events++;
}

static const struct voice_events listener = {
    on_connected,     on_ready,
    on_audio,         on_audio_done,
    on_speech,        on_turn,
    on_caller_text,   on_agent_text,
    on_tool_call,     on_response_started,
    on_response_done, on_transcription_usage,
    on_error,         on_closed,
};

/* ---- the stage ---- */

static void stage_open(struct stage *s, const char *path)
{
    struct http_server_opts opts = {
        .host = "127.0.0.1", .ws_routes = routes, .n_ws_routes = ARRAY_LEN(routes), .app = s
    };
    struct buf url = BUF_INIT(200);
    struct voice_connect connect = { .events = &listener, .arg = s };

    memset(s, 0, sizeof(*s));
    clock_fake_init(&s->clock, 0);
    buf_init(&s->received, 16 * MIB);
    buf_init(&s->target, KIB);
    buf_init(&s->authorization, KIB);
    buf_init(&s->beta, KIB);
    buf_init(&s->told, 16 * MIB);
    buf_init(&s->audio, 16 * MIB);
    CHECK_OK(loop_create(&s->loop, &s->clock.clock, &s->log, NULL));
    s->tls = tls_store_create(NULL);
    opts.log = &s->log;
    CHECK_OK(http_server_create(&s->server, s->loop, &opts, NULL));
    buf_addf(&url, "ws://127.0.0.1:%d%s", http_server_port(s->server), path);
    s->settings = (struct voice_settings){ .openai_realtime_url = buf_str(&url),
                                           .openai_api_key = STR("sk-test"),
                                           .model = STR("gpt-realtime-2.1"),
                                           .voice = STR("marin"),
                                           .transcription_model = STR("gpt-transcribe"),
                                           .noise_reduction = VOICE_NOISE_FAR_FIELD,
                                           .vad_threshold_pct = 60,
                                           .vad_prefix_ms = 300,
                                           .vad_silence_ms = 450 };
    connect.settings = &s->settings;
    connect.loop = s->loop;
    connect.tls = s->tls;
    CHECK_OK(openai_realtime_ops.connect(&s->engine, &connect, NULL));
    buf_release(&url);
    s->settings.openai_realtime_url = STR_EMPTY; /* used up */
}

static void stage_close(struct stage *s)
{
    if (s->engine)
        s->engine->ops->close(s->engine);
    if (s->peer)
        ws_disown(s->peer, 1000);
    s->server = http_server_destroy(s->server);
    s->loop = loop_destroy(s->loop);
    s->tls = tls_store_destroy(s->tls);
    buf_release(&s->received);
    buf_release(&s->target);
    buf_release(&s->authorization);
    buf_release(&s->beta);
    buf_release(&s->told);
    buf_release(&s->audio);
}

static bool peer_there(void *arg)
{
    return ((struct stage *)arg)->peer != NULL;
}

static bool is_closed(void *arg)
{
    return ((struct stage *)arg)->closed;
}

struct until {
    struct buf *in;
    const char *text;
};

static bool has_text(void *arg)
{
    const struct until *u = arg;

    return str_contains(buf_str(u->in), str_c(u->text));
}

static void until_told(struct stage *s, const char *text)
{
    struct until u = { &s->told, text };

    CHECK_OK(loop_run_until(s->loop, has_text, &u, WAIT_MS));
}

static void until_received(struct stage *s, const char *text)
{
    struct until u = { &s->received, text };

    CHECK_OK(loop_run_until(s->loop, has_text, &u, WAIT_MS));
}

static void say(struct stage *s, const char *text)
{
    CHECK_OK(ws_send_text(s->peer, str_c(text)));
}

static void configure(struct stage *s)
{
    const struct voice_session session = { .instructions = STR("Be kind."),
                                           .language = STR("de-DE"),
                                           .tools =
                                               STR("[{\"type\":\"function\",\"name\":\"f\"}]") };

    CHECK_OK(s->engine->ops->configure(s->engine, &session, NULL));
}

static const char created[] = "{\"type\":\"session.created\",\"session\":{\"id\":\"sess_1\","
                              "\"expires_at\":1800003600}}";
static const char updated[] = "{\"type\":\"session.updated\",\"session\":{\"audio\":{\"input\":{"
                              "\"format\":{\"type\":\"audio/pcmu\"}},"
                              "\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}";

static void stage_ready(struct stage *s)
{
    stage_open(s, "/v1/realtime");
    configure(s);
    CHECK_OK(loop_run_until(s->loop, peer_there, s, WAIT_MS));
    say(s, created);
    until_received(s, "session.update");
    say(s, updated);
    until_told(s, "ready");
    CHECK_INT(s->expires_at_s, 1800003600);
    buf_reset(&s->told);
    buf_reset(&s->received);
}

TEST(realtime_asks_as_the_api_wants_it_and_never_for_the_old_interface)
{
    struct stage s;

    stage_open(&s, "/v1/realtime");
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    CHECK_STR(buf_str(&s.target), "/v1/realtime?model=gpt-realtime-2.1");
    CHECK_STR(buf_str(&s.authorization), "Bearer sk-test");
    CHECK_STR(buf_str(&s.beta), "");
    stage_close(&s);
}

TEST(realtime_sends_the_whole_session_once_it_is_created_and_configured)
{
    struct stage s;
    struct arena a = ARENA_INIT;
    const struct jval *v = NULL;

    stage_open(&s, "/v1/realtime");
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    say(&s, created);
    until_told(&s, "connected(sess_1)");
    CHECK_INT(s.messages, 0);
    configure(&s);
    until_received(&s, "\n");
    CHECK_OK(json_parse_arena(&v, &a, buf_str(&s.received), NULL));
    v = json_get(v, "session");
    CHECK_STR(json_str(json_get(v, "instructions")), "Be kind.");
    CHECK_STR(json_str(json_path(v, "audio.input.noise_reduction.type")), "far_field");
    CHECK_STR(json_str(json_path(v, "audio.input.transcription.language")), "de");
    CHECK_STR(json_str(json_path(v, "audio.input.turn_detection.type")), "server_vad");
    CHECK_INT(json_i64_or(json_path(v, "audio.input.turn_detection.silence_duration_ms"), 0), 450);
    CHECK(json_num_or(json_path(v, "audio.input.turn_detection.threshold"), 0) == 0.6);
    CHECK(!json_bool_or(json_path(v, "audio.input.turn_detection.create_response"), true));
    CHECK(!json_bool_or(json_path(v, "audio.input.turn_detection.interrupt_response"), true));
    CHECK_STR(json_str(json_path(v, "tools.0.name")), "f");
    arena_release(&a);
    stage_close(&s);
}

TEST(realtime_holds_audio_until_the_session_is_updated)
{
    uint8_t frame[160];
    struct stage s;
    int i;

    memset(frame, 0x55, sizeof(frame));
    stage_open(&s, "/v1/realtime");
    configure(&s);
    s.engine->ops->audio(s.engine, frame, sizeof(frame));
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    say(&s, created);
    until_received(&s, "session.update");
    for (i = 0; i < VOICE_AUDIO_HELD_MS / 20 + 100; i++) /* 2 s more than is kept */
        s.engine->ops->audio(s.engine, frame, sizeof(frame));
    CHECK(!str_contains(buf_str(&s.received), STR("append")));
    CHECK_INT(s.engine->ops->audio_dropped_ms(s.engine), 2020);
    say(&s, updated);
    until_told(&s, "ready");
    buf_reset(&s.received);
    memset(frame, 0x77, sizeof(frame));
    s.engine->ops->audio(s.engine, frame, sizeof(frame));
    until_received(&s, "d3d3d3"); /* 0x77 in base64: the last comes after what was held */
    CHECK_CONTAINS(buf_str(&s.received),
                   "{\"type\":\"input_audio_buffer.append\",\"audio\":\"VVVV");
    stage_close(&s);
}

TEST(realtime_says_words_exactly_and_without_tools)
{
    struct arena a = ARENA_INIT;
    const struct jval *v = NULL;
    struct stage s;

    stage_ready(&s);
    CHECK_OK(s.engine->ops->say(s.engine, STR("I said \"no\"."), 7));
    until_received(&s, "\n");
    CHECK_OK(json_parse_arena(&v, &a, buf_str(&s.received), NULL));
    CHECK_STR(json_str(json_get(v, "event_id")), "r7");
    CHECK_STR(json_str(json_path(v, "response.instructions")), "Say exactly: \"I said 'no'.\"");
    CHECK_STR(json_str(json_path(v, "response.tool_choice")), "none");
    CHECK_STR(json_str(json_path(v, "response.metadata.tag")), "7");
    CHECK(json_is_arr(json_path(v, "response.input")));
    arena_release(&a);
    stage_close(&s);
}

TEST(realtime_writes_each_message_as_the_api_wants_it)
{
    const struct voice_tool_call tool = { STR_EMPTY, STR("call_0"), STR("find"), STR("{}") };
    const struct str output = STR("done");
    struct stage s;

    stage_ready(&s);
    CHECK_OK(s.engine->ops->respond(s.engine, 3));
    CHECK_OK(s.engine->ops->cancel(s.engine, STR("resp_1")));
    CHECK_OK(s.engine->ops->cancel(s.engine, STR_EMPTY));
    CHECK_OK(s.engine->ops->truncate(s.engine, STR("item_1"), 0, 640));
    CHECK_OK(s.engine->ops->tool_result(s.engine, STR("call_1"), STR("{\"a\":1}")));
    CHECK_OK(s.engine->ops->remember(s.engine, VOICE_AGENT, STR("Hi.")));
    CHECK_OK(s.engine->ops->remember(s.engine, VOICE_CALLER, STR("Ho.")));
    CHECK_OK(s.engine->ops->remember_as(s.engine, STR("ours-1"), STR_EMPTY, STR("Hi.")));
    CHECK_OK(s.engine->ops->remember_as(s.engine, STR("ours-2"), STR("ours-1"), STR("Hi.")));
    CHECK_OK(s.engine->ops->forget(s.engine, STR("ours-1")));
    CHECK_OK(s.engine->ops->remember_tool(s.engine, &tool, &output));
    CHECK_OK(s.engine->ops->remember_tool(s.engine, &tool, NULL));
    until_received(&s, "done\"}}\n{\"type\":\"conversation.item.create\",\"item\":{\"type\":"
                       "\"function_call\",\"call_id\":\"call_0\",\"name\":\"find\"");
    CHECK_STR(
        buf_str(&s.received),
        "{\"type\":\"response.create\",\"event_id\":\"r3\",\"response\":{\"metadata\":{\"tag\":"
        "\"3\"}}}\n"
        "{\"type\":\"response.cancel\",\"response_id\":\"resp_1\"}\n"
        "{\"type\":\"response.cancel\"}\n"
        "{\"type\":\"conversation.item.truncate\",\"item_id\":\"item_1\",\"content_index\":0,"
        "\"audio_end_ms\":640}\n"
        "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\","
        "\"call_id\":\"call_1\",\"output\":\"{\\\"a\\\":1}\"}}\n"
        "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":"
        "\"assistant\","
        "\"content\":[{\"type\":\"output_text\",\"text\":\"Hi.\"}]}}\n"
        "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\","
        "\"content\":[{\"type\":\"input_text\",\"text\":\"Ho.\"}]}}\n"
        "{\"type\":\"conversation.item.create\",\"item\":{\"id\":\"ours-1\",\"type\":\"message\","
        "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi.\"}]}}\n"
        "{\"type\":\"conversation.item.create\",\"previous_item_id\":\"ours-1\",\"item\":{\"id\":"
        "\"ours-2\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_"
        "text\",\"text\":\"Hi.\"}]}}\n"
        "{\"type\":\"conversation.item.delete\",\"item_id\":\"ours-1\"}\n"
        "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call\","
        "\"call_id\":\"call_0\",\"name\":\"find\",\"arguments\":\"{}\"}}\n"
        "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\","
        "\"call_id\":\"call_0\",\"output\":\"done\"}}\n"
        "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call\","
        "\"call_id\":\"call_0\",\"name\":\"find\",\"arguments\":\"{}\"}}\n");
    stage_close(&s);
}

static const struct {
    const char *name, *message, *told;
} rows[] = {
    { "audio",
      "{\"type\":\"response.output_audio.delta\",\"response_id\":\"r\",\"item_id\":\"i\",\"delta\":"
      "\"AA==\"}",
      "audio(r,i) " },
    { "audio, read by the generic reader",
      "{\"type\":\"response.output_audio.delta\",\"response_id\":\"r\",\"x\":{},\"item_id\":\"i\","
      "\"delta\":\"AA==\"}",
      "audio(r,i) " },
    { "audio, old name",
      "{\"type\":\"response.audio.delta\",\"response_id\":\"r\",\"item_id\":\"i\",\"delta\":\"AA=="
      "\"}",
      "audio(r,i) " },
    { "audio done",
      "{\"type\":\"response.output_audio.done\",\"response_id\":\"r\",\"item_id\":\"i\"}",
      "audio_done(r,i) " },
    { "agent's words",
      "{\"type\":\"response.output_audio_transcript.delta\",\"item_id\":\"i\",\"delta\":\"Hi\"}",
      "agent_delta(i,Hi) " },
    { "all of them",
      "{\"type\":\"response.output_audio_transcript.done\",\"item_id\":\"i\",\"transcript\":\"Hi."
      "\"}",
      "agent(i,Hi.) " },
    { "speech",
      "{\"type\":\"input_audio_buffer.speech_started\",\"item_id\":\"i\",\"audio_start_ms\":640}",
      "started(i,640) " },
    { "silence",
      "{\"type\":\"input_audio_buffer.speech_stopped\",\"item_id\":\"i\",\"audio_end_ms\":900}",
      "stopped(i,900) " },
    { "turn",
      "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"i\",\"previous_item_id\":null}",
      "turn(i) " },
    { "caller's words, billed by the second",
      "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":\"i\","
      "\"transcript\":\"Yes\","
      "\"usage\":{\"type\":\"duration\",\"seconds\":1.5}}",
      "transcribed(0,1.5) caller(i,Yes) " },
    { "caller's words, billed by tokens",
      "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":\"i\","
      "\"transcript\":\"Yes\","
      "\"usage\":{\"type\":\"tokens\",\"input_token_details\":{\"audio_tokens\":12}}}",
      "transcribed(12,0) caller(i,Yes) " },
    { "caller's words failed",
      "{\"type\":\"conversation.item.input_audio_transcription.failed\",\"item_id\":\"i\","
      "\"error\":{\"code\":\"x\"}}",
      "caller(i) " },
    { "tool",
      "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"status\":"
      "\"completed\","
      "\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}}",
      "tool(f,{}) " },
    { "tool of a cancelled response",
      "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"status\":"
      "\"incomplete\","
      "\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}}",
      "" },
    { "tool, said elsewhere",
      "{\"type\":\"response.function_call_arguments.done\",\"call_id\":\"c\",\"name\":\"f\"}", "" },
    { "started",
      "{\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"metadata\":{\"tag\":\"9\"}}}",
      "started(r,9) " },
    { "started by nobody here",
      "{\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"metadata\":null}}",
      "started(r,0) " },
    { "done",
      "{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"usage\":{"
      "\"output_token_details\":{\"audio_tokens\":40}}}}",
      "done(r,completed,,40) " },
    { "cancelled",
      "{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"status\":\"cancelled\",\"usage\":"
      "null,"
      "\"status_details\":{\"type\":\"cancelled\",\"reason\":\"client_cancelled\"}}}",
      "done(r,cancelled,client_cancelled,-1) " },
    { "failed",
      "{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"status\":\"failed\",\"status_"
      "details\":{"
      "\"error\":{\"code\":\"inference_rate_limit_exceeded\"}}}}",
      "done(r,failed,inference_rate_limit_exceeded,-1) " },
    { "too late to cancel",
      "{\"type\":\"error\",\"error\":{\"code\":\"response_cancel_not_active\",\"event_id\":null}}",
      "error(harmless,0,response_cancel_not_active) " },
    { "too late to truncate",
      "{\"type\":\"error\",\"error\":{\"code\":\"invalid_value\",\"param\":\"audio_end_ms\"}}",
      "error(harmless,0,invalid_value) " },
    { "one is active",
      "{\"type\":\"error\",\"error\":{\"code\":\"conversation_already_has_active_response\"}}",
      "error(active,0,conversation_already_has_active_response) " },
    { "our request",
      "{\"type\":\"error\",\"error\":{\"type\":\"server_error\",\"code\":null,\"event_id\":\"r12\"}"
      "}",
      "error(response,12,server_error) " },
    { "a request of nobody's",
      "{\"type\":\"error\",\"error\":{\"type\":\"server_error\",\"code\":null,\"event_id\":null}}",
      "error(response,0,server_error) " },
    { "unknown", "{\"type\":\"conversation.item.added\",\"item\":{}}", "" },
#define LONG_ID                                                                                    \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "23456789"
    { "audio under an endless id",
      "{\"type\":\"response.output_audio.delta\",\"response_id\":\"" LONG_ID
      "\",\"delta\":\"AA==\"}",
      "" },
    { "response with an endless id",
      "{\"type\":\"response.created\",\"response\":{\"id\":\"" LONG_ID "\"}}", "" },
    { "turn with an endless id",
      "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"" LONG_ID "\"}", "" },
    { "no type", "{}", "" },
    { "no json", "{", "" },
};

TEST(realtime_tells_what_the_engine_says)
{
    struct stage s;
    size_t i;

    stage_ready(&s);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        say(&s, rows[i].message);
        say(&s, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"end\"}");
        until_told(&s, "turn(end) ");
        buf_truncate(&s.told, s.told.n - sizeof("turn(end) ") + 1);
        if (!str_eq_c(buf_str(&s.told), rows[i].told))
            FAIL_TEST("row \"%s\" told \"%s\"", rows[i].name, buf_cstr(&s.told));
        buf_reset(&s.told);
    }
    stage_close(&s);
}

TEST(realtime_decodes_a_delta_of_any_length)
{
    static uint8_t sound[100001];
    struct buf text = BUF_INIT(MIB);
    struct stage s;
    size_t i;
    char *base64;

    stage_ready(&s);
    for (i = 0; i < sizeof(sound); i++)
        sound[i] = (uint8_t)(i * 31 / 7);
    buf_add_c(&text,
              "{\"type\":\"response.output_audio.delta\",\"response_id\":\"r\",\"delta\":\"");
    buf_reserve(&text, BASE64_LEN(sizeof(sound)));
    base64 = text.p + text.n;
    text.n += base64_encode(base64, sound, sizeof(sound));
    buf_add_c(&text, "\"}");
    CHECK_OK(ws_send_text(s.peer, buf_str(&text)));
    say(&s, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"end\"}");
    until_told(&s, "turn(end)");
    CHECK_INT(s.audio.n, sizeof(sound));
    CHECK(memcmp(s.audio.p, sound, sizeof(sound)) == 0);
    buf_release(&text);
    stage_close(&s);
}

static void check_close(int code, const char *error, bool permanent)
{
    struct buf event = BUF_INIT(200);
    struct stage s;

    buf_addf(&event, "{\"type\":\"error\",\"error\":{\"code\":\"%s\"}}", error);
    stage_open(&s, "/v1/realtime");
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    say(&s, buf_cstr(&event));
    ws_close(s.peer, code, STR("the reason"));
    CHECK_OK(loop_run_until(s.loop, is_closed, &s, WAIT_MS));
    CHECK_INT(s.permanent, permanent);
    CHECK_INT(s.err.upstream, code);
    CHECK_CONTAINS(str_c(s.err.text), error);
    CHECK(!str_contains(buf_str(&s.told), STR("connected")));
    stage_close(&s);
    buf_release(&event);
}

TEST(realtime_tells_closes_for_good_from_those_that_may_pass)
{
    check_close(3000, "the_code", true);
    check_close(4000, "the_code", true);
    check_close(1001, "the_code", false);
    check_close(1011, "the_code", false);
    check_close(1013, "rate_limit_exceeded", false);
}

TEST(realtime_takes_a_wrong_key_for_permanent_whatever_the_close_says)
{
    check_close(1008, "invalid_api_key", true); /* as imitators close */
    check_close(1013, "insufficient_quota", true);
}

static void check_refused_update(const char *error, bool permanent)
{
    struct buf event = BUF_INIT(200);
    struct stage s;

    buf_addf(&event, "{\"type\":\"error\",\"error\":{%s}}", error);
    stage_open(&s, "/v1/realtime");
    configure(&s);
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    say(&s, created);
    until_received(&s, "session.update");
    say(&s, buf_cstr(&event));
    CHECK_OK(loop_run_until(s.loop, is_closed, &s, WAIT_MS));
    CHECK_INT(s.permanent, permanent);
    stage_close(&s);
    buf_release(&event);
}

TEST(realtime_tries_an_update_again_that_failed_by_chance)
{
    check_refused_update("\"code\":\"server_is_overloaded\"", false);
    check_refused_update("\"type\":\"server_error\",\"code\":null", false);
    check_refused_update("\"code\":\"insufficient_quota\"", true);
    check_refused_update("\"code\":\"invalid_value\"", true);
}

TEST(realtime_takes_a_refused_upgrade_with_401_for_permanent)
{
    struct stage s;

    stage_open(&s, "/refused");
    CHECK_OK(loop_run_until(s.loop, is_closed, &s, WAIT_MS));
    CHECK(s.permanent);
    stage_close(&s);
}

TEST(realtime_refuses_a_session_that_was_updated_to_another_format)
{
    struct stage s;

    stage_open(&s, "/v1/realtime");
    configure(&s);
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    say(&s, created);
    until_received(&s, "session.update");
    say(&s, "{\"type\":\"session.updated\",\"session\":{\"audio\":{\"input\":{\"format\":{\"type\":"
            "\"audio/pcmu\"}},"
            "\"output\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":24000}}}}}");
    CHECK_OK(loop_run_until(s.loop, is_closed, &s, WAIT_MS));
    CHECK(s.permanent);
    CHECK_INT(s.err.code, ERR_UNSUPPORTED);
    stage_close(&s);
}

TEST(realtime_refuses_to_go_on_without_its_session)
{
    struct stage s;

    stage_open(&s, "/v1/realtime");
    configure(&s);
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    say(&s, created);
    until_received(&s, "session.update");
    say(&s, "{\"type\":\"error\",\"error\":{\"code\":\"unknown_parameter\",\"param\":\"session.x\","
            "\"message\":\"Unknown\",\"event_id\":\"session\"}}");
    CHECK_OK(loop_run_until(s.loop, is_closed, &s, WAIT_MS));
    CHECK(s.permanent);
    CHECK_CONTAINS(str_c(s.err.text), "session.x");
    stage_close(&s);
}

TEST(realtime_waits_no_longer_than_its_limits)
{
    struct stage s;

    stage_open(&s, "/v1/realtime");
    configure(&s);
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    say(&s, "{\"type\":\"rate_limits.updated\"}"); /* seen by the client: it is open */
    (void)!loop_run_until(s.loop, is_closed, &s, 50);
    clock_fake_advance_ms(&s.clock, VOICE_SESSION_TIMEOUT_MS);
    CHECK_OK(loop_run_until(s.loop, is_closed, &s, WAIT_MS));
    CHECK(!s.permanent);
    CHECK_INT(s.err.code, ERR_TIMEOUT);
    CHECK_CONTAINS(str_c(s.err.text), "session.created");
    stage_close(&s);
}

TEST(realtime_may_be_closed_from_its_own_handler)
{
    struct stage s;

    stage_open(&s, "/v1/realtime");
    s.close_in_handler = true;
    configure(&s);
    CHECK_OK(loop_run_until(s.loop, peer_there, &s, WAIT_MS));
    say(&s, created);
    until_received(&s, "session.update");
    say(&s, updated);
    say(&s, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"late\"}");
    until_told(&s, "ready");
    until_received(&s, "closed 1000");
    CHECK(!str_contains(buf_str(&s.told), STR("late")));
    CHECK(!s.closed);
    stage_close(&s);
}

TEST(realtime_takes_no_request_before_it_is_ready)
{
    struct stage s;

    stage_open(&s, "/v1/realtime");
    CHECK_RC(ERR_CLOSED, s.engine->ops->respond(s.engine, 1));
    CHECK_RC(ERR_CLOSED, s.engine->ops->say(s.engine, STR("x"), 1));
    CHECK_RC(ERR_CLOSED, s.engine->ops->cancel(s.engine, STR_EMPTY));
    CHECK_RC(ERR_CLOSED, s.engine->ops->tool_result(s.engine, STR("c"), STR("{}")));
    stage_close(&s);
}

TEST(voice_engine_is_found_by_its_name)
{
    CHECK(voice_engine_find(STR("openai_realtime")) == &openai_realtime_ops);
    CHECK(voice_engine_find(STR("nobody")) == NULL);
}
