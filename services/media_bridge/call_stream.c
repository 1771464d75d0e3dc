/* Twilio's side of a call. Source: Twilio docs, Voice > Media Streams > WebSocket messages. */
#include <string.h>

#include "concierge/stream_token.h"
#include "media_bridge/call_internal.h"
#include "voice/g711.h"

/* ---- from Twilio ---- */

static void bad_message(struct call *c, const char *what)
{
    if (c->counters.bad_messages++ == 0)
        log_warn(&c->log, "stream sent what is no message of its protocol: %s", what);
    if (c->counters.bad_messages > CALL_BAD_MESSAGES_MAX) {
        log_error(&c->log, "too many bad messages bad_messages=%lld",
                  (long long)c->counters.bad_messages);
        call_refuse(c, 1008, "too many bad messages");
    }
}

static void broken_protocol(struct call *c, const char *what)
{
    log_error(&c->log, "stream broke its protocol: %s", what);
    call_refuse(c, 1008, what);
}

static enum errc check_start(struct call *c, const struct media_msg *m, struct stream_token *token,
                             struct err *err)
{
    const struct bridge *b = c->bridge;
    enum errc rc;

    if (!str_eq_c(m->encoding, "audio/x-mulaw") || m->sample_rate != G711_HZ || m->channels != 1)
        return err_set(err, ERR_UNSUPPORTED, "media format " STR_FMT " %d Hz %d channels",
                       STR_ARG(m->encoding), m->sample_rate, m->channels);
    rc = stream_token_check(token, &c->arena, b->settings->stream_token_key,
                            media_parameter(m, "token"), clock_wall_s(b->service->clock), err);
    if (rc)
        return rc;
    if (!str_eq(token->call_sid, m->call_sid) || !str_eq(token->account_sid, m->account_sid))
        return err_set(err, ERR_DENIED, "the stream token is another call's");
    return ERR_OK;
}

static void take_identity(struct call *c, const struct media_msg *m,
                          const struct stream_token *token)
{
    c->call_sid = arena_str(&c->arena, m->call_sid);
    c->stream_sid = arena_str(&c->arena, m->stream_sid);
    c->from = arena_str(&c->arena, token->from);
    c->attempt = token->attempt;
    c->after_no_answer = str_eq_c(media_parameter(m, "after"), "no_answer");
    c->log = log_with_call(&c->log, c->call_sid);
    c->started = true;
    c->start_us = call_now_us(c);
    c->start_wall_us = clock_wall_us(c->bridge->service->clock);
}

static void on_start(struct call *c, const struct media_msg *m)
{
    struct stream_token token = { 0 };
    struct err err = ERR_INIT;

    if (c->started) {
        broken_protocol(c, "a second start");
        return;
    }
    if (c->state != CALL_OPENED)
        return;
    if (check_start(c, m, &token, &err)) {
        log_warn(&c->log, "stream refused error=\"%s\" refused_total=%llu", err.text,
                 (unsigned long long)c->bridge->refused_total + 1);
        call_refuse(c, 1008, "not admitted");
        return;
    }
    take_identity(c, m, &token);
    call_began(c);
}

/* In few messages: what is due to the engine after them waits for them. */
static void fill_gap(struct call *c, int64_t ms)
{
    uint8_t silence[CALL_REPLAY_MS * G711_BYTES_PER_MS];

    memset(silence, G711_ULAW_SILENCE, sizeof(silence));
    c->counters.silence_filled_ms += ms;
    for (; ms > 0; ms -= CALL_REPLAY_MS)
        call_hear(c, silence, (size_t)MIN(ms, CALL_REPLAY_MS) * G711_BYTES_PER_MS);
}

/* Finds the place of this audio on the caller's time line. What is missing before it becomes silence, so that
 * turn detection loses no time; what comes twice, or after its place was filled, is left out. Stamps that
 * go back for longer have begun anew, and are followed. */
static bool take_place(struct call *c, int64_t at_ms, int64_t ms)
{
    int64_t gap = c->next_media_ms < 0 ? 0 : at_ms - c->next_media_ms;
    bool known = c->next_media_ms >= 0 && c->mute_filled_ms == 0;

    if (gap <= -ms && c->late_packets < CALL_LATE_PACKETS_MAX) {
        c->late_packets++;
        c->counters.audio_late_ms += ms;
        return false;
    }
    gap = MAX(gap - c->mute_filled_ms, 0);
    if (gap >= G711_FRAME_MS)
        fill_gap(c, MIN(gap, CALL_GAP_MAX_MS));
    /* Smaller differences add up until a packet's worth is missing. */
    if (!known || gap >= G711_FRAME_MS || c->late_packets == CALL_LATE_PACKETS_MAX)
        c->next_media_ms = at_ms;
    c->next_media_ms += ms;
    c->mute_filled_ms = 0;
    c->late_packets = 0;
    return true;
}

static void on_audio(struct call *c, const struct media_msg *m)
{
    int64_t ms = (int64_t)(m->ulaw_n / G711_BYTES_PER_MS);

    if (!c->started) {
        broken_protocol(c, "audio before start");
        return;
    }
    if (!str_eq_c(m->track, "inbound") || ms == 0)
        return;
    c->counters.media_in++;
    c->counters.audio_in_ms += ms;
    c->mute_filled = false;
    if (timer_running(&c->mute_timer))
        timer_start(&c->mute_timer, CALL_MUTE_MS);
    if (take_place(c, m->timestamp_ms, ms))
        call_hear(c, m->ulaw, m->ulaw_n);
}

static void on_mark(struct call *c, const struct media_msg *m)
{
    if (!c->playout)
        return;
    playout_mark(c->playout, m->mark_name, call_now_us(c));
    call_pump(c);
}

static void on_stop(struct call *c)
{
    c->stopped = true;
    call_event(c, EV_STREAM_GONE);
}

static void take_message(struct call *c, const struct media_msg *m)
{
    if (c->started && m->kind != MEDIA_CONNECTED && m->stream_sid.n &&
        !str_eq(m->stream_sid, c->stream_sid)) {
        broken_protocol(c, "another stream's message");
        return;
    }
    switch (m->kind) {
    case MEDIA_START:
        on_start(c, m);
        break;
    case MEDIA_AUDIO:
        on_audio(c, m);
        break;
    case MEDIA_MARK:
        on_mark(c, m);
        break;
    case MEDIA_STOP:
        on_stop(c);
        break;
    case MEDIA_DTMF:
        if (c->started)
            call_keys_press(c, m->digit);
        break;
    case MEDIA_CONNECTED:
    case MEDIA_UNKNOWN:
        break;
    }
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct call *c = arg;
    struct err err = ERR_INIT;
    struct media_msg m;

    if (c->state >= CALL_CLOSING)
        return;
    if (binary)
        bad_message(c, "a binary frame");
    else if (media_parse(&c->bridge->reader, data, &m, &err))
        bad_message(c, err.text);
    else
        take_message(c, &m);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct call *c = arg;

    (void)reason;
    (void)err;
    log_debug(&c->log, "stream closed code=%d", code);
    c->ws = NULL;
    call_event(c, EV_STREAM_GONE);
}

const struct ws_events call_stream_events = { .on_message = on_message, .on_closed = on_closed };

/* ---- to Twilio ---- */

enum errc call_stream_audio(void *arg, const uint8_t *ulaw, size_t n)
{
    struct call *c = arg;
    size_t size = media_audio_size(c->stream_sid, n);
    char *p;

    if (!c->ws)
        return ERR_CLOSED;
    p = ws_send_reserve(c->ws, size);
    if (!p)
        return ERR_LIMIT;
    ws_send_commit(c->ws, media_write_audio(p, size, c->stream_sid, ulaw, n));
    return ERR_OK;
}

enum errc call_stream_mark(void *arg, struct str name)
{
    struct call *c = arg;
    char text[MEDIA_CONTROL_BYTES_MAX];
    size_t n = media_write_mark(text, sizeof(text), c->stream_sid, name);

    return c->ws ? ws_send_text(c->ws, str_n(text, n)) : ERR_CLOSED;
}

void call_stream_clear(void *arg)
{
    struct call *c = arg;
    char text[MEDIA_CONTROL_BYTES_MAX];
    size_t n = media_write_clear(text, sizeof(text), c->stream_sid);

    if (!c->ws)
        return;
    ws_unsend(c->ws); /* audio and marks that Twilio would only throw away */
    if (ws_send_text(c->ws, str_n(text, n)))
        log_warn(&c->log, "clear not sent: the stream takes nothing");
}
