/* Twilio's side: a frame every 20 ms, marks returned when the audio before them has been heard. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "concierge/stream_token.h"
#include "load.h"
#include "twilio/signature.h"

static bool speaks(const struct caller *c, int64_t now)
{
    int64_t silent_ms = (now - c->play_end_us) / 1000;

    return c->play_end_us && silent_ms >= VOICE_FROM_MS && silent_ms < VOICE_TO_MS;
}

static void send_frame(struct caller *c, int64_t now)
{
    struct load *d = c->load;
    uint8_t frame[FRAME_BYTES];
    char payload[BASE64_LEN(FRAME_BYTES)], text[512];
    int n;

    if (speaks(c, now))
        memcpy(frame, d->voice[c->media_ms / FRAME_MS % VOICE_FRAMES], sizeof(frame));
    else
        memset(frame, 0xFE, sizeof(frame));
    stamp_write(frame, now, c->number);
    (void)base64_encode(payload, frame, sizeof(frame));
    n = snprintf(text, sizeof(text),
                 "{\"event\":\"media\",\"sequenceNumber\":\"%lld\",\"streamSid\":\"%s\",\"media\":{"
                 "\"track\":"
                 "\"inbound\",\"chunk\":\"%lld\",\"timestamp\":\"%lld\",\"payload\":\"%.*s\"}}",
                 (long long)c->media_ms / FRAME_MS + 2, c->stream_sid,
                 (long long)c->media_ms / FRAME_MS + 1, (long long)c->media_ms,
                 (int)sizeof(payload), payload);
    if (ws_send_text(c->ws, str_n(text, (size_t)n)))
        return;
    c->media_ms += FRAME_MS;
    if (d->measuring)
        d->frames_sent++;
}

static void return_marks(struct caller *c, int64_t now)
{
    size_t n = 0;

    while (n < c->n_marks && c->marks[n].due_us <= now) {
        char text[200];
        int len = snprintf(
            text, sizeof(text),
            "{\"event\":\"mark\",\"sequenceNumber\":\"1\",\"streamSid\":\"%s\",\"mark\":{\"name\":"
            "\"%s\"}}",
            c->stream_sid, c->marks[n++].name);

        if (ws_send_text(c->ws, str_n(text, (size_t)len)))
            break;
    }
    c->n_marks -= n;
    memmove(c->marks, c->marks + n, c->n_marks * sizeof(c->marks[0]));
}

static void on_frame(void *arg)
{
    struct caller *c = arg;
    int64_t now = loop_now_us(c->load->loop);

    if (!c->ws)
        return;
    if (c->load->measuring)
        sample(&c->load->late, MAX(now - c->due_us, 0));
    while (c->due_us <= now) {
        if (c->load->sending)
            send_frame(c, loop_now_us(c->load->loop));
        c->due_us += FRAME_MS * 1000L;
    }
    return_marks(c, now);
    timer_start_at(&c->frame, (c->due_us + 999) / 1000);
}

static void take_media(struct caller *c, struct str data)
{
    struct load *d = c->load;
    struct str text = text_of(data, STR("\"payload\":\""));
    int64_t now = loop_now_us(d->loop), at;
    uint8_t audio[64];
    size_t n;
    int number;

    if (text.n < 32 || base64_decode(audio, &n, str_slice(text, 0, 32)))
        return;
    if (stamp_read(audio, n, &at, &number)) {
        if (d->measuring && at >= d->began_us) {
            d->answers_got++;
            sample(&d->down, now - at);
        }
    } else if (d->measuring && now > c->play_end_us && !d->opts.barge_in) {
        d->underruns++; /* in the middle of an answer, and all before it has been heard */
    }
    c->play_end_us = MAX(c->play_end_us, now) + (int64_t)(text.n / 4 * 3 / BYTES_PER_MS) * 1000;
}

static void take_mark(struct caller *c, struct str data)
{
    if (c->n_marks < MARKS_MAX && str_copy(c->marks[c->n_marks].name, sizeof(c->marks[0].name),
                                           text_of(data, STR("\"name\":\""))))
        c->marks[c->n_marks++].due_us = c->play_end_us;
}

static void take_clear(struct caller *c)
{
    struct load *d = c->load;
    int64_t now = loop_now_us(d->loop);
    size_t i;

    if (c->cut_us && d->measuring)
        sample(&d->clear, now - c->cut_us);
    c->play_end_us = now;
    for (i = 0; i < c->n_marks; i++)
        c->marks[i].due_us = now;
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct caller *c = arg;

    (void)binary;
    if (str_starts(data, STR("{\"event\":\"media\"")))
        take_media(c, data);
    else if (str_starts(data, STR("{\"event\":\"mark\"")))
        take_mark(c, data);
    else if (str_starts(data, STR("{\"event\":\"clear\"")))
        take_clear(c);
}

static void on_open(void *arg)
{
    struct caller *c = arg;
    struct load *d = c->load;
    struct arena a = ARENA_INIT;
    const struct stream_token token = { .call_sid = str_c(c->call_sid),
                                        .account_sid = STR(ACCOUNT),
                                        .from = STR("+4915112345678"),
                                        .to = STR("+4930555100"),
                                        .exp_s = clock_wall_s(&d->clock) + STREAM_TOKEN_LIFE_S };
    struct str text = arena_printf(
        &a,
        "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"%s\",\"start\":{"
        "\"accountSid\":\"%s\",\"streamSid\":\"%s\",\"callSid\":\"%s\",\"tracks\":[\"inbound\"],"
        "\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1},"
        "\"customParameters\":{\"token\":\"" STR_FMT "\"}}}",
        c->stream_sid, ACCOUNT, c->stream_sid, c->call_sid,
        STR_ARG(stream_token_mint(&a, STR(TOKEN_KEY), &token)));

    if (ws_send_text(
            c->ws, STR("{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}")) ||
        ws_send_text(c->ws, text))
        fprintf(stderr, "caller %d: start not sent\n", c->number);
    c->due_us = loop_now_us(d->loop) + (int64_t)c->number * FRAME_MS * 1000 / d->opts.calls;
    on_frame(c);
    arena_release(&a);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct caller *c = arg;

    (void)reason;
    if (c->load->sending && c->load->n_closed++ == 0)
        fprintf(stderr, "caller %d: closed %d %s\n", c->number, code, err ? err->text : "");
    c->ws = NULL;
    timer_stop(&c->frame);
}

static void caller_open(struct load *d, struct caller *c, int number)
{
    struct arena a = ARENA_INIT;
    char signature[TWILIO_SIGNATURE_LEN + 1];
    struct http_header header = { STR("x-twilio-signature"), STR_EMPTY };
    struct ws_client_opts opts = { .headers = &header, .n_headers = 1, .queue_max = MIB, .arg = c };
    struct err err = ERR_INIT;

    *c = (struct caller){ .load = d, .number = number };
    (void)snprintf(c->call_sid, sizeof(c->call_sid), "CA%032d", number);
    (void)snprintf(c->stream_sid, sizeof(c->stream_sid), "MZ%032d", number);
    timer_init(&c->frame, d->loop, on_frame, c);
    if (twilio_sign(signature, STR(AUTH_TOKEN), STR("wss://agent.example.com/media"), STR_EMPTY,
                    &a))
        abort();
    header.value = str_c(signature);
    opts.url = arena_printf(&a, "ws://127.0.0.1:%d/media", d->port);
    opts.events = (struct ws_events){ on_open, on_message, NULL, on_closed };
    if (ws_connect(&c->ws, d->loop, &opts, &err))
        fprintf(stderr, "caller %d: %s\n", number, err.text);
    arena_release(&a);
}

/* One after the other, as calls come: all at once would measure how keys are exchanged. */
static void on_next(void *arg)
{
    struct load *d = arg;

    caller_open(d, &d->callers[d->n_callers], d->n_callers);
    if (++d->n_callers < d->opts.calls)
        timer_start(&d->next, CALLER_EVERY_MS);
}

void callers_open(struct load *d)
{
    d->callers = mem_calloc((size_t)d->opts.calls, sizeof(*d->callers));
    timer_init(&d->next, d->loop, on_next, d);
    on_next(d);
}

void callers_close(struct load *d)
{
    int i;

    timer_stop(&d->next);
    for (i = 0; i < d->n_callers; i++) {
        if (d->callers[i].ws)
            ws_close(d->callers[i].ws, 1000, STR_EMPTY);
    }
}

void callers_release(struct load *d)
{
    int i;

    for (i = 0; i < d->n_callers; i++) {
        timer_stop(&d->callers[i].frame);
        if (d->callers[i].ws)
            ws_disown(d->callers[i].ws, 1000);
    }
    mem_free(d->callers);
    d->callers = NULL;
}
