/* Events of the voice engine. The first byte chooses the session's state, the rest is one message. Audio that
 * the fast reader finds is what the JSON reader finds. Includes the session's source, since what takes a
 * message is private to it. */
#include "voice/openai_realtime.c" /* NOLINT(bugprone-suspicious-include): as said above */

#include "fuzz.h"

static void take_id(void *arg, struct str id)
{
    (void)arg;
    FUZZ_HOLDS(id.n < VOICE_ID_MAX);
}
static void take_connected(void *arg, struct str session_id, int64_t expires_at_s)
{
    (void)arg, (void)session_id, (void)expires_at_s;
}
static void take_ready(void *arg)
{
    (void)arg;
}
static void take_audio(void *arg, const struct voice_part *p, const uint8_t *ulaw, size_t n)
{
    (void)arg, (void)ulaw;
    FUZZ_HOLDS(p->response_id.n < VOICE_ID_MAX && p->item_id.n < VOICE_ID_MAX && n <= DELTA_PIECE);
}
static void take_audio_done(void *arg, const struct voice_part *p)
{
    (void)arg, (void)p;
}
static void take_speech(void *arg, bool started, struct str item_id, int64_t at_ms)
{
    (void)arg, (void)started, (void)item_id, (void)at_ms;
}
static void take_caller_text(void *arg, struct str item_id, struct str text, bool final)
{
    (void)arg, (void)item_id, (void)text, (void) final;
}
static void take_agent_text(void *arg, const struct voice_part *p, struct str text, bool final)
{
    (void)arg, (void)p, (void)text, (void) final;
}
static void take_tool_call(void *arg, const struct voice_tool_call *call)
{
    (void)arg;
    FUZZ_HOLDS(call->call_id.n < VOICE_ID_MAX);
}
static void take_response_started(void *arg, struct str id, uint32_t tag)
{
    (void)arg, (void)id, (void)tag;
}
static void take_response_done(void *arg, const struct voice_response *resp)
{
    (void)arg, (void)resp;
}
static void take_usage(void *arg, const struct voice_usage *u)
{
    (void)arg, (void)u;
}
static void take_error(void *arg, const struct voice_error *e)
{
    (void)arg, (void)e;
}
static void take_closed(void *arg, const struct err *err, bool permanent)
{
    (void)arg, (void)err, (void)permanent;
}

static const struct voice_events events = {
    take_connected,     take_ready,
    take_audio,         take_audio_done,
    take_speech,        take_id,
    take_caller_text,   take_agent_text,
    take_tool_call,     take_response_started,
    take_response_done, take_usage,
    take_error,         take_closed,
};

static void check_delta(struct str message)
{
    struct arena a = ARENA_INIT;
    struct realtime_delta delta;
    const struct jval *v;

    if (realtime_delta_read(&delta, message)) {
        FUZZ_HOLDS(!json_parse_arena(&v, &a, message, NULL));
        FUZZ_HOLDS(str_eq(json_str(json_get(v, "delta")), delta.delta));
        FUZZ_HOLDS(str_eq(json_str(json_get(v, "item_id")), delta.item_id));
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct voice_settings settings;
    static struct clock_fake clock;
    static struct loop *loop;
    struct realtime r = { 0 };
    struct str message;

    if (!loop) {
        struct log log = { 0 };

        clock_fake_init(&clock, 0);
        FUZZ_HOLDS(!loop_create(&loop, &clock.clock, &log, NULL));
    }
    if (!size)
        return 0;
    r.engine.ops = &openai_realtime_ops;
    r.c = (struct voice_connect){ .settings = &settings, .loop = loop, .events = &events };
    r.state = data[0] % 2 ? SESSION_READY : SESSION_UPDATING;
    timer_init(&r.timeout, loop, on_timeout, &r);
    buf_init(&r.held, 8000);
    message = str_n(data + 1, size - 1);
    check_delta(message);
    on_ws_message(&r, message, false);
    timer_stop(&r.timeout);
    buf_release(&r.held);
    buf_release(&r.update);
    arena_release(&r.arena);
    return 0;
}
