#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "support/world.h"
#include "twilio/media_stream.h"
#include "twilio/signature.h"
#include "voice/g711.h"

enum { FRAME_MS = 20 };

void caller_send(struct fake_caller *c, const char *fmt, ...)
{
    struct buf out = BUF_INIT(MIB);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&out, fmt, ap);
    va_end(ap);
    if (c->ws) {
        enum errc rc = ws_send_text(c->ws, buf_str(&out));

        CHECK(rc == ERR_OK || rc == ERR_CLOSED); /* closed: the bridge's close is being answered */
    }
    buf_release(&out);
}

void caller_connected(struct fake_caller *c)
{
    caller_send(c, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
}

void caller_start(struct fake_caller *c)
{
    struct arena a = ARENA_INIT;
    const struct stream_token token = {
        .call_sid = str_c(c->opts.token_sid ? c->opts.token_sid : c->call_sid),
        .account_sid = STR(WORLD_ACCOUNT),
        .from = STR("+4915112345678"),
        .to = STR("+4930555100"),
        .attempt = c->opts.attempt,
        .exp_s = clock_wall_s(&c->world->fake.clock) + STREAM_TOKEN_LIFE_S - c->opts.token_age_s,
    };
    struct str text = stream_token_mint(&a, STR(WORLD_TOKEN_KEY), &token);

    caller_send(
        c,
        "{\"event\":\"start\",\"sequenceNumber\":\"%lld\",\"streamSid\":\"%s\",\"start\":{"
        "\"accountSid\":\"%s\",\"streamSid\":\"%s\",\"callSid\":\"%s\",\"tracks\":[\"inbound\"],"
        "\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1},"
        "\"customParameters\":{\"token\":\"" STR_FMT "\"%s%s%s}}}",
        (long long)++c->sequence, c->stream_sid, WORLD_ACCOUNT, c->stream_sid, c->call_sid,
        STR_ARG(text), c->opts.after ? ",\"after\":\"" : "", c->opts.after ? c->opts.after : "",
        c->opts.after ? "\"" : "");
    c->next_media_us = clock_mono_us(&c->world->fake.clock);
    arena_release(&a);
}

/* The packet is on its way; what the line makes of it. */
static void send_packet(struct fake_caller *c, struct str packet)
{
    if (c->opts.line == LINE_LOSES && c->chunk % 3 == 0)
        return;
    if (c->opts.line == LINE_SHUFFLES && c->kept.n == 0) {
        buf_add_str(&c->kept, packet);
        return;
    }
    caller_send(c, STR_FMT, STR_ARG(packet));
    if (c->opts.line == LINE_DOUBLES)
        caller_send(c, STR_FMT, STR_ARG(packet));
    if (c->kept.n)
        caller_send(c, STR_FMT, STR_ARG(buf_str(&c->kept)));
    buf_reset(&c->kept);
}

void caller_media(struct fake_caller *c, int ms)
{
    for (; ms > 0; ms -= FRAME_MS) {
        uint8_t frame[FRAME_MS * 8 * 3];
        char text[BASE64_LEN(sizeof(frame)) + 1];
        size_t size = (size_t)FRAME_MS * 8, n;
        struct buf packet = BUF_INIT(sizeof(text) + 512);

        if (c->opts.line == LINE_RESIZES)
            size = 8 + (size_t)(c->chunk * 101 % 368);
        memset(frame, c->voice, sizeof(frame));
        if (c->says.n >= size) {
            memcpy(frame, c->says.p, size);
            buf_drop_front(&c->says, size);
        }
        n = base64_encode(text, frame, size);
        if (c->opts.line == LINE_GARBLES && c->chunk % 3 == 0)
            text[n / 2] = '*';
        buf_addf(
            &packet,
            "{\"event\":\"media\",\"sequenceNumber\":\"%lld\",\"streamSid\":\"%s\",\"media\":{"
            "\"track\":\"inbound\",\"chunk\":\"%lld\",\"timestamp\":\"%lld\",\"payload\":\"%.*s\"}"
            "}",
            (long long)++c->sequence, c->stream_sid, (long long)++c->chunk, (long long)c->media_ms,
            (int)n, text);
        send_packet(c, buf_str(&packet));
        buf_release(&packet);
        c->media_ms += FRAME_MS;
    }
}

void caller_says(struct fake_caller *c, enum sound s, double amplitude, int ms)
{
    unsigned seed = 1;
    size_t at, i, n = (size_t)ms * 8;

    for (at = 0; at < n; at += 160) {
        double samples[160] = { 0 };
        uint8_t frame[160];

        sound_add(samples, 160, s, amplitude, at, &seed);
        for (i = 0; i < 160; i++)
            frame[i] = g711_linear_to_ulaw((int16_t)samples[i]);
        buf_add(&c->says, frame, sizeof(frame));
    }
}

void caller_stop(struct fake_caller *c)
{
    caller_send(c,
                "{\"event\":\"stop\",\"sequenceNumber\":\"%lld\",\"streamSid\":\"%s\",\"stop\":{"
                "\"accountSid\":\"%s\",\"callSid\":\"%s\"}}",
                (long long)++c->sequence, c->stream_sid, WORLD_ACCOUNT, c->call_sid);
    if (c->ws)
        ws_close(c->ws, 1000, STR_EMPTY);
    c->next_media_us = 0;
}

void caller_drop(struct fake_caller *c)
{
    if (c->ws)
        ws_abort(c->ws);
    c->next_media_us = 0;
}

int64_t caller_heard_ms(const struct fake_caller *c)
{
    return (int64_t)(c->heard.n / 8);
}

static void return_mark(struct fake_caller *c, const char *name)
{
    int times = c->opts.no_marks ? 0 : c->opts.marks_twice ? 2 : 1;

    c->marks_got++;
    while (times--)
        caller_send(
            c,
            "{\"event\":\"mark\",\"sequenceNumber\":\"%lld\",\"streamSid\":\"%s\",\"mark\":{"
            "\"name\":\"%s\"}}",
            (long long)++c->sequence, c->stream_sid, name);
}

static void return_marks_until(struct fake_caller *c, size_t at)
{
    size_t n = 0, i;

    while (n < c->n_marks && c->marks[n].at <= at)
        return_mark(c, c->marks[n++].name);
    c->n_marks -= n;
    memmove(c->marks, c->marks + n, c->n_marks * sizeof(c->marks[0]));
    for (i = 0; i < c->n_marks; i++)
        c->marks[i].at -= at;
}

/* Plays in real time what has been received, then says which marks were passed. */
static void play(struct fake_caller *c, int64_t now_us)
{
    size_t n = (size_t)((now_us - c->played_us) * 8 / 1000);

    if (c->queue.n == 0) {
        c->played_us = now_us;
        return;
    }
    n = MIN(n, c->queue.n);
    buf_add(&c->heard, c->queue.p, n);
    buf_drop_front(&c->queue, n);
    c->played_us += (int64_t)n * 1000 / 8;
    return_marks_until(c, n);
}

void caller_step(struct fake_caller *c)
{
    int64_t now = clock_mono_us(&c->world->fake.clock);

    play(c, now);
    while (c->ws && c->next_media_us && !c->opts.silent_line &&
           c->next_media_us + FRAME_MS * 1000L <= now) {
        c->next_media_us += FRAME_MS * 1000L;
        caller_media(c, FRAME_MS);
    }
}

static void on_clear(struct fake_caller *c, int64_t now)
{
    play(c, now);
    c->clears++;
    c->last_clear_us = now;
    c->cut += c->queue.n;
    buf_reset(&c->queue);
    return_marks_until(c, SIZE_MAX / 2);
}

static void on_mark(struct fake_caller *c, struct str name)
{
    CHECK(c->n_marks < ARRAY_LEN(c->marks));
    CHECK(str_copy(c->marks[c->n_marks].name, sizeof(c->marks[0].name), name));
    c->marks[c->n_marks++].at = c->queue.n;
    if (c->queue.n == 0)
        return_marks_until(c, 0);
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct fake_caller *c = arg;
    int64_t now = clock_mono_us(&c->world->fake.clock);
    struct arena a = ARENA_INIT;
    const struct jval *m = NULL;
    struct str event, sid;

    CHECK(!binary);
    CHECK_OK(json_parse_arena(&m, &a, data, NULL));
    event = json_str(json_get(m, "event"));
    sid = json_str(json_get(m, "streamSid"));
    CHECK_STR(sid, c->stream_sid);
    if (str_eq_c(event, "media")) {
        struct str payload = json_str(json_path(m, "media.payload"));
        uint8_t *bytes = mem_alloc(payload.n + 3);
        size_t n;

        CHECK_OK(base64_decode(bytes, &n, payload));
        play(c, now);
        if (!c->first_audio_us)
            c->first_audio_us = now;
        buf_add(&c->queue, bytes, n);
        c->received_ms += (int64_t)(n / 8);
        mem_free(bytes);
    } else if (str_eq_c(event, "mark")) {
        on_mark(c, json_str(json_path(m, "mark.name")));
    } else if (str_eq_c(event, "clear")) {
        on_clear(c, now);
    } else {
        FAIL_TEST("the bridge sent " STR_FMT, STR_ARG(data));
    }
    arena_release(&a);
}

static void on_open(void *arg)
{
    struct fake_caller *c = arg;

    c->opened = true;
    caller_connected(c);
    if (!c->opts.hold_start)
        caller_start(c);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct fake_caller *c = arg;

    (void)reason;
    c->ws = NULL;
    c->closed = true;
    c->closed_code = code;
    if (err)
        c->closed_err = *err;
}

static void sign(struct fake_caller *c, char out[TWILIO_SIGNATURE_LEN + 1])
{
    struct arena a = ARENA_INIT;

    out[0] = '\0';
    if (c->opts.signature)
        (void)str_copy(out, TWILIO_SIGNATURE_LEN + 1, str_c(c->opts.signature));
    else
        CHECK_OK(twilio_sign(out, STR(WORLD_AUTH_TOKEN), STR("wss://agent.example.com/media"),
                             STR_EMPTY, &a));
    arena_release(&a);
}

struct fake_caller *caller_open(struct world *w, const struct caller_opts *o)
{
    static const struct caller_opts plain = { 0 };
    struct fake_caller *c = MEM_NEW(struct fake_caller);
    char signature[TWILIO_SIGNATURE_LEN + 1];
    struct http_header header = { STR("x-twilio-signature"), STR_EMPTY };
    struct ws_client_opts opts = { 0 };
    struct arena a = ARENA_INIT;

    CHECK(w->n_callers < WORLD_CALLERS_MAX);
    c->world = w;
    c->opts = o ? *o : plain;
    c->number = w->n_callers;
    c->voice = (uint8_t)(0xA0 + c->number % 64);
    w->callers[w->n_callers++] = c;
    buf_init(&c->heard, 64 * MIB);
    buf_init(&c->queue, 64 * MIB);
    buf_init(&c->says, MIB);
    buf_init(&c->kept, 4 * KIB);
    (void)snprintf(c->call_sid, sizeof(c->call_sid), "CA%032d", c->number);
    (void)snprintf(c->stream_sid, sizeof(c->stream_sid), "MZ%032d", c->number);
    if (c->opts.call_sid)
        CHECK(str_copy(c->call_sid, sizeof(c->call_sid), str_c(c->opts.call_sid)));
    sign(c, signature);
    header.value = str_c(signature);
    opts.url = arena_printf(&a, "ws://127.0.0.1:%d/media", http_server_port(w->service.server));
    opts.headers = &header;
    opts.n_headers = signature[0] ? 1 : 0;
    opts.queue_max = 16 * MIB;
    opts.events = (struct ws_events){ on_open, on_message, NULL, on_closed };
    opts.arg = c;
    CHECK_OK(ws_connect(&c->ws, w->loop, &opts, NULL));
    arena_release(&a);
    return c;
}

void caller_free(struct fake_caller *c)
{
    if (c->ws)
        ws_disown(c->ws, 1000);
    buf_release(&c->heard);
    buf_release(&c->queue);
    buf_release(&c->says);
    buf_release(&c->kept);
    mem_free(c);
}
