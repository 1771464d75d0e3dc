/* A caller on a scripted Twilio stream: asks, waits for the answer, does what the overlap says, and listens. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "concierge/stream_token.h"
#include "sounds.h"
#include "turns/turns.h"
#include "twilio/signature.h"
#include "voice/g711.h"

enum {
    CALM_MS = 700, /* of silence after the opening, before the first question */
    OPENING_MAX_MS = 20000,
    ANSWER_WAIT_MS = 9000,
    AFTER_MS = 2500, /* of silence end an overlap: nothing new comes */
    OVERLAP_MIN_MS = 5000,
    OVERLAP_MAX_MS = 25000,
    LATE_US = 20000,
    CLOSING_MS = 2000, /* the bridge writes its records */
};

static const uint8_t magic[8] = { 0x5A, 0xC3, 0x17, 0x99, 0x42, 0xE1, 0x0D, 0x7B };

void caller_stamp(uint8_t *frame, int number)
{
    memcpy(frame, magic, sizeof(magic));
    memcpy(frame + sizeof(magic), &number, sizeof(number));
}

bool caller_stamped(const uint8_t *frame, int *number)
{
    if (memcmp(frame, magic, sizeof(magic)) != 0)
        return false;
    memcpy(number, frame + sizeof(magic), sizeof(*number));
    return true;
}

/* While there is one, so from the first question until it leaves. */
static const struct overlap *current(const struct caller *c)
{
    return c->overlaps[c->at];
}

int64_t caller_answer_ms(const struct caller *c)
{
    bool asks = c->step == STEP_ASKING || c->step == STEP_AWAITING;

    return asks && current(c)->kind != OVERLAP_THINKING ? TURNS_ANSWER_MS : TURNS_BRIEF_MS;
}

/* The words lie evenly between the first sound and the last. */
static void words_within(const struct said *s, int64_t from_ms, int64_t to_ms, struct buf *out)
{
    struct str rest = str_c(s->words), word;
    double each = (double)(s->to_ms - s->from_ms) / (double)MAX(rest.n, (size_t)1);

    while (rest.n) {
        size_t at = (size_t)(rest.p - s->words);
        double middle;

        (void)str_cut(rest, ' ', &word, &rest);
        middle = (double)s->from_ms + each * ((double)at + (double)word.n / 2);
        if (middle < (double)from_ms || middle > (double)to_ms)
            continue;
        if (out->n)
            buf_add_char(out, ' ');
        buf_add_str(out, word);
    }
}

void caller_words(const struct caller *c, int64_t from_ms, int64_t to_ms, struct buf *out)
{
    int i;

    for (i = 0; i < c->n_said; i++) {
        if (c->said[i].to_ms > from_ms && c->said[i].from_ms < to_ms)
            words_within(&c->said[i], from_ms, to_ms, out);
    }
}

/* ---- what the caller does ---- */

static void say(struct caller *c, const struct utterance *u)
{
    c->says = u;
    c->says_at = 0;
    if (c->n_said < CALLER_SAID_MAX)
        c->said[c->n_said++] =
            (struct said){ c->media_ms, c->media_ms + (int64_t)u->n / 8, u->words };
}

static void enter(struct caller *c, enum caller_step step)
{
    c->step = step;
    c->since_ms = c->media_ms;
}

static void leave(struct caller *c)
{
    struct buf text = BUF_INIT(1000);

    buf_addf(&text,
             "{\"event\":\"stop\",\"sequenceNumber\":\"9\",\"streamSid\":\"%s\",\"stop\":{"
             "\"accountSid\":\"" TURNS_ACCOUNT "\",\"callSid\":\"%s\"}}",
             c->stream_sid, c->call_sid);
    if (ws_send_text(c->ws, buf_str(&text)))
        fprintf(stderr, "caller %d: stop was not taken\n", c->number);
    buf_release(&text);
    ws_close(c->ws, 1000, STR_EMPTY);
    enter(c, STEP_LEFT);
}

static void ask(struct caller *c)
{
    if (c->at == c->n_overlaps) {
        leave(c);
        return;
    }
    say(c, &current(c)->question);
    enter(c, STEP_ASKING);
}

static void overlap(struct caller *c)
{
    c->over_ms = c->media_ms;
    say(c, &current(c)->over);
    enter(c, STEP_OVER);
}

static void finish(struct caller *c)
{
    ear_judge(c, c->outcomes[c->at]);
    c->at++;
    ask(c);
}

static void await_answer(struct caller *c, int64_t now_us, int64_t waited_ms)
{
    if (c->answer_at_us == 0)
        c->answer_at_us = ear_answer_us(c, c->t0_us + c->asked_ms * 1000);
    if (c->answer_at_us && now_us >= c->answer_at_us + current(c)->at_ms * 1000L)
        overlap(c);
    else if (c->answer_at_us == 0 && waited_ms > ANSWER_WAIT_MS)
        finish(c);
}

static void asked(struct caller *c)
{
    bool thinking = current(c)->kind == OVERLAP_THINKING;

    c->asked_ms = c->media_ms;
    c->answer_at_us = 0;
    enter(c, thinking ? STEP_THINKING : STEP_AWAITING);
}

/* Before each frame. */
static void step(struct caller *c)
{
    int64_t now_us = c->t0_us + c->media_ms * 1000, in_step = c->media_ms - c->since_ms;
    int64_t calm_ms = (now_us - ear_end_us(c)) / 1000;

    switch (c->step) {
    case STEP_OPENING:
        if ((c->n_runs && calm_ms > CALM_MS) || in_step > OPENING_MAX_MS)
            ask(c);
        break;
    case STEP_ASKING:
        if (!c->says)
            asked(c);
        break;
    case STEP_THINKING:
        if (in_step >= current(c)->at_ms)
            overlap(c);
        break;
    case STEP_AWAITING:
        await_answer(c, now_us, in_step);
        break;
    case STEP_OVER:
        if ((in_step > OVERLAP_MIN_MS && calm_ms > AFTER_MS) || in_step > OVERLAP_MAX_MS)
            finish(c);
        break;
    default:
        break;
    }
}

/* ---- the line ---- */

static void fill(struct caller *c, uint8_t *frame)
{
    const double noise = SCENES_LEVEL * 0.178; /* 15 dB below: SCENES_NOISE_DB */
    double samples[TURNS_FRAME_BYTES] = { 0 };
    size_t i;

    if (c->noisy)
        sound_add(samples, TURNS_FRAME_BYTES, SOUND_HISS, noise, 0, &c->seed);
    for (i = 0; i < TURNS_FRAME_BYTES; i++) {
        if (c->says && c->says_at < c->says->n)
            samples[i] += c->says->pcm[c->says_at++];
        frame[i] = g711_linear_to_ulaw((int16_t)MAX(-32000, MIN(32000, samples[i])));
    }
    if (c->says && c->says_at >= c->says->n)
        c->says = NULL;
    if (c->media_ms == 0)
        caller_stamp(frame, c->number);
}

static void send_frame(struct caller *c)
{
    uint8_t frame[TURNS_FRAME_BYTES];
    char payload[BASE64_LEN(TURNS_FRAME_BYTES)], text[512];
    int n;

    fill(c, frame);
    (void)base64_encode(payload, frame, sizeof(frame));
    n = snprintf(
        text, sizeof(text),
        "{\"event\":\"media\",\"sequenceNumber\":\"%lld\",\"streamSid\":\"%s\",\"media\":{"
        "\"track\":\"inbound\",\"chunk\":\"%lld\",\"timestamp\":\"%lld\",\"payload\":\"%.*s\"}}",
        (long long)c->media_ms / TURNS_FRAME_MS + 2, c->stream_sid,
        (long long)c->media_ms / TURNS_FRAME_MS + 1, (long long)c->media_ms, (int)sizeof(payload),
        payload);
    if (ws_send_text(c->ws, str_n(text, (size_t)n)))
        fprintf(stderr, "caller %d: a frame was not taken\n", c->number);
    c->media_ms += TURNS_FRAME_MS;
}

static void return_marks(struct caller *c, int64_t now_us)
{
    size_t n = 0;

    while (n < c->n_marks && c->marks[n].due_us <= now_us) {
        char text[200];
        int len = snprintf(text, sizeof(text),
                           "{\"event\":\"mark\",\"sequenceNumber\":\"1\",\"streamSid\":\"%s\","
                           "\"mark\":{\"name\":\"%s\"}}",
                           c->stream_sid, c->marks[n++].name);

        if (ws_send_text(c->ws, str_n(text, (size_t)len)))
            break;
    }
    c->n_marks -= n;
    memmove(c->marks, c->marks + n, c->n_marks * sizeof(c->marks[0]));
}

/* A frame leaves once it has been spoken, and takes the line's time to arrive. */
static int64_t frame_due_us(const struct caller *c)
{
    return c->t0_us + (c->media_ms + TURNS_FRAME_MS + c->bench->set.line_ms) * 1000;
}

static void count_frame(struct bench *b, int64_t late_us)
{
    b->frames++;
    b->frames_late += late_us > LATE_US;
    b->latest_us = MAX(b->latest_us, late_us);
}

static void on_frame(void *arg)
{
    struct caller *c = arg;
    int64_t now = loop_now_us(c->bench->loop);

    while (c->step != STEP_LEFT && frame_due_us(c) <= now) {
        count_frame(c->bench, now - frame_due_us(c));
        step(c);
        if (c->step != STEP_LEFT)
            send_frame(c);
    }
    if (c->step == STEP_LEFT)
        return;
    return_marks(c, now);
    timer_start_at(&c->frame, (frame_due_us(c) + 999) / 1000);
}

static int64_t arrival_us(const struct caller *c)
{
    return loop_now_us(c->bench->loop) + c->bench->set.line_ms * 1000;
}

struct str text_of(struct str data, const char *key)
{
    struct str rest = str_from(data, str_find(data, str_c(key)) + strlen(key));

    return str_slice(rest, 0, str_find_char(rest, '"'));
}

static void take_media(struct caller *c, struct str data)
{
    static uint8_t audio[64 * 1024];
    struct str text = text_of(data, "\"payload\":\"");
    size_t n;

    if (text.n / 4 * 3 < sizeof(audio) && base64_decode(audio, &n, text) == ERR_OK)
        ear_play(c, audio, n, arrival_us(c));
}

static void take_mark(struct caller *c, struct str data)
{
    struct str name = text_of(data, "\"name\":\"");

    if (c->n_marks < CALLER_MARKS_MAX &&
        str_copy(c->marks[c->n_marks].name, sizeof(c->marks[0].name), name))
        c->marks[c->n_marks++].due_us =
            MAX(ear_end_us(c), arrival_us(c)) + c->bench->set.line_ms * 1000;
}

static void take_clear(struct caller *c)
{
    size_t i;

    ear_clear(c, arrival_us(c));
    for (i = 0; i < c->n_marks; i++)
        c->marks[i].due_us = MIN(c->marks[i].due_us, arrival_us(c));
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
    struct arena a = ARENA_INIT;
    const struct stream_token token = { .call_sid = str_c(c->call_sid),
                                        .account_sid = STR(TURNS_ACCOUNT),
                                        .from = STR("+4915112345678"),
                                        .to = STR("+4930555100"),
                                        .exp_s =
                                            clock_wall_s(&c->bench->clock) + STREAM_TOKEN_LIFE_S };
    struct str text = arena_printf(
        &a,
        "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"%s\",\"start\":{"
        "\"accountSid\":\"" TURNS_ACCOUNT "\",\"streamSid\":\"%s\",\"callSid\":\"%s\",\"tracks\":["
        "\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,"
        "\"channels\":1},\"customParameters\":{\"token\":\"" STR_FMT "\"}}}",
        c->stream_sid, c->stream_sid, c->call_sid,
        STR_ARG(stream_token_mint(&a, STR(TURNS_TOKEN_KEY), &token)));

    if (ws_send_text(
            c->ws, STR("{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}")) ||
        ws_send_text(c->ws, text))
        fprintf(stderr, "caller %d: start not sent\n", c->number);
    c->t0_us = loop_now_us(c->bench->loop);
    on_frame(c);
    arena_release(&a);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct caller *c = arg;
    struct bench *b = c->bench;

    (void)reason;
    if (c->step != STEP_LEFT)
        fprintf(stderr, "caller %d: closed %d %s\n", c->number, code, err ? err->text : "");
    c->ws = NULL;
    c->step = STEP_LEFT;
    timer_stop(&c->frame);
    if (++b->n_left == b->n_callers)
        timer_start(&b->closing, CLOSING_MS);
}

void caller_open(struct caller *c, struct bench *b, enum turns_mode mode, int number)
{
    struct arena a = ARENA_INIT;
    char signature[TWILIO_SIGNATURE_LEN + 1];
    struct http_header header = { STR("x-twilio-signature"), STR_EMPTY };
    struct ws_client_opts opts = { .headers = &header, .n_headers = 1, .queue_max = MIB, .arg = c };
    struct err err = ERR_INIT;

    c->bench = b;
    c->mode = mode;
    c->number = number;
    c->seed = (unsigned)(b->set.seed * 31 + number);
    (void)snprintf(c->call_sid, sizeof(c->call_sid), "CA%032d", number);
    (void)snprintf(c->stream_sid, sizeof(c->stream_sid), "MZ%032d", number);
    timer_init(&c->frame, b->loop, on_frame, c);
    if (twilio_sign(signature, STR(TURNS_AUTH_TOKEN), STR("wss://agent.example.com/media"),
                    STR_EMPTY, &a))
        fprintf(stderr, "caller %d: no signature\n", number);
    header.value = str_c(signature);
    opts.url = mode == TURNS_BRIDGE
                   ? arena_printf(&a, "ws://127.0.0.1:%d/media", b->port)
                   : arena_printf(&a, "ws://127.0.0.1:%d/bare", http_server_port(b->cloud));
    opts.events = (struct ws_events){ on_open, on_message, NULL, on_closed };
    if (ws_connect(&c->ws, b->loop, &opts, &err)) {
        fprintf(stderr, "caller %d: %s\n", number, err.text);
        on_closed(c, -1, STR_EMPTY, NULL);
    }
    arena_release(&a);
}

void caller_close(struct caller *c)
{
    if (!c->bench)
        return;
    timer_stop(&c->frame);
    if (c->ws)
        ws_disown(c->ws, 1000);
}
