/* The voice engine: answers every turn with a second of audio. In front of a relay it speaks Twilio's messages
 * itself, in the pieces and at the pace of the bridge, since a relay changes nothing. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "load.h"
#include "twilio/media_stream.h"

enum { CUT_AFTER_MS = 300, CUT_MS = 200 };

static void engine_sendf(struct engine *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void engine_sendf(struct engine *e, const char *fmt, ...)
{
    struct buf out = BUF_INIT(64 * KIB);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&out, fmt, ap);
    va_end(ap);
    peer_send(e->peer, buf_str(&out));
    buf_release(&out);
}

/* ---- to a bridge ---- */

static void send_delta(struct engine *e, int id, bool first)
{
    uint8_t speech[DELTA_MS * BYTES_PER_MS];
    char text[BASE64_LEN(sizeof(speech))];

    memset(speech, 0x80, sizeof(speech));
    if (first)
        stamp_write(speech, loop_now_us(e->load->loop), 0);
    (void)base64_encode(text, speech, sizeof(speech));
    engine_sendf(
        e,
        "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_1\",\"response_id\":"
        "\"resp_%d\",\"item_id\":\"item_%d\",\"output_index\":0,\"content_index\":0,"
        "\"delta\":\"%.*s\"}",
        id, id, (int)sizeof(text), text);
}

static void respond(struct engine *e, bool opening)
{
    int id = e->responses++, ms;

    engine_sendf(
        e,
        "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_%d\",\"metadata\":{\"tag\":"
        "\"%s\"}}}",
        id, e->tag);
    for (ms = 0; ms < (opening ? OPENING_MS : SPEECH_MS); ms += DELTA_MS)
        send_delta(e, id, ms == 0);
    engine_sendf(
        e,
        "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_%d\",\"status\":\"completed\"}}",
        id);
    if (e->load->measuring)
        e->load->answers_sent++;
    if (e->load->opts.barge_in && !opening)
        timer_start(&e->cut, CUT_AFTER_MS);
}

/* The caller is told to have begun to speak, and a moment later to have stopped. */
static void on_cut(void *arg)
{
    struct engine *e = arg;
    struct load *d = e->load;
    struct caller *c = e->caller < 0 ? NULL : &d->callers[e->caller];
    long long at_ms = c ? (long long)c->media_ms : 0;

    if (!c || !d->sending)
        return;
    if (c->cut_us) {
        c->cut_us = 0;
        engine_sendf(e,
                     "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":%lld,"
                     "\"item_id\":\"c%d\"}",
                     at_ms, e->responses);
        return;
    }
    c->cut_us = loop_now_us(d->loop);
    engine_sendf(e,
                 "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":%lld,"
                 "\"item_id\":\"c%d\"}",
                 at_ms, e->responses);
    timer_start(&e->cut, CUT_MS);
}

/* ---- to a relay ---- */

static void send_chunk(struct engine *e, bool first)
{
    uint8_t speech[CHUNK_MS * BYTES_PER_MS];
    char text[1024];
    size_t n;

    memset(speech, 0x80, sizeof(speech));
    if (first)
        stamp_write(speech, loop_now_us(e->load->loop), 0);
    n = media_write_audio(text, sizeof(text), STR("MZ00000000000000000000000000000000"), speech,
                          sizeof(speech));
    peer_send(e->peer, str_n(text, n));
    e->chunks_left--;
    if (e->chunks_left * CHUNK_MS % MARK_MS == 0)
        engine_sendf(e,
                     "{\"event\":\"mark\",\"streamSid\":\"MZ00000000000000000000000000000000\","
                     "\"mark\":{\"name\":\"g0.%d\"}}",
                     e->chunks_left);
}

static void on_chunk(void *arg)
{
    struct engine *e = arg;

    if (e->chunks_left == 0)
        return;
    send_chunk(e, false);
    e->chunk_at_ms += CHUNK_MS;
    timer_start_at(&e->chunk, e->chunk_at_ms);
}

static void speak(struct engine *e)
{
    int i;

    e->chunks_left = SPEECH_MS / CHUNK_MS;
    for (i = 0; i < LEAD_MS / CHUNK_MS; i++)
        send_chunk(e, i == 0);
    if (e->load->measuring)
        e->load->answers_sent++;
    e->chunk_at_ms = loop_now_ms(e->load->loop) + CHUNK_MS;
    timer_start_at(&e->chunk, e->chunk_at_ms);
}

/* ---- both ---- */

/* The caller's turn: it was heard, is over, and has words. */
static void tell_turn(struct engine *e)
{
    long long at_ms = e->caller < 0 ? 0 : (long long)e->load->callers[e->caller].media_ms;
    int id = e->responses;

    engine_sendf(e,
                 "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":%lld,"
                 "\"item_id\":\"c%d\"}",
                 at_ms, id);
    engine_sendf(e,
                 "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":%lld,"
                 "\"item_id\":\"c%d\"}",
                 at_ms, id);
    engine_sendf(e, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"c%d\"}", id);
    engine_sendf(e,
                 "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":"
                 "\"c%d\",\"content_index\":0,\"transcript\":\"I would like an appointment.\"}",
                 id);
}

static void on_turn(void *arg)
{
    struct engine *e = arg;

    timer_start(&e->turn, TURN_MS);
    if (!e->load->sending)
        return;
    if (e->load->opts.relay)
        speak(e);
    else
        tell_turn(e);
}

/* Once the openings have been heard; the engines one after another. */
static void turns_begin(struct engine *e)
{
    timer_start(&e->turn, 4 * OPENING_MS + e->number * TURN_MS / e->load->opts.calls);
}

static void take_frames(struct engine *e, struct str payload)
{
    struct load *d = e->load;
    uint8_t audio[32 * KIB];
    int64_t arrived = peer_arrived_us(e->peer), at;
    size_t n, i;

    if (payload.n > BASE64_LEN(sizeof(audio)) - 4 || base64_decode(audio, &n, payload))
        return;
    for (i = 0; i + FRAME_BYTES <= n; i += FRAME_BYTES) {
        if (!stamp_read(audio + i, FRAME_BYTES, &at, &e->caller) || e->caller >= d->n_callers)
            continue;
        if (!d->callers[e->caller].ready) {
            d->callers[e->caller].ready = true;
            d->n_ready++;
        }
        if (!d->measuring || at < d->began_us)
            continue;
        d->frames_got++;
        sample(&d->up, arrived - at);
    }
}

static void take_event(struct engine *e, struct str data)
{
    struct arena a = ARENA_INIT;
    const struct jval *m = NULL;

    if (json_parse_arena(&m, &a, data, NULL) == ERR_OK) {
        struct str type = json_str(json_get(m, "type"));

        if (str_eq_c(type, "session.update")) {
            engine_sendf(
                e,
                "{\"type\":\"session.updated\",\"session\":{\"audio\":{\"input\":{\"format\":{"
                "\"type\":\"audio/pcmu\"}},\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}");
            turns_begin(e);
        } else if (str_eq_c(type, "response.create")) {
            (void)str_copy(e->tag, sizeof(e->tag), json_str(json_path(m, "response.metadata.tag")));
            respond(e, json_path(m, "response.instructions") != NULL);
        }
    }
    arena_release(&a);
}

static void on_message(void *arg, struct str data)
{
    struct engine *e = arg;

    if (str_starts(data, STR("{\"type\":\"input_audio_buffer.append\"")))
        take_frames(e, text_of(data, STR("\"audio\":\"")));
    else if (e->load->opts.relay)
        take_frames(e, text_of(data, STR("\"payload\":\"")));
    else
        take_event(e, data);
}

static void *on_open(void *app, struct peer *p)
{
    struct load *d = app;
    struct engine *e = MEM_NEW(struct engine);

    e->load = d;
    e->peer = p;
    e->caller = -1;
    e->number = d->n_engines;
    timer_init(&e->turn, d->loop, on_turn, e);
    timer_init(&e->chunk, d->loop, on_chunk, e);
    timer_init(&e->cut, d->loop, on_cut, e);
    if (d->n_engines < CALLS_MAX)
        d->engines[d->n_engines++] = e;
    if (d->opts.relay)
        turns_begin(e);
    else
        engine_sendf(e, "{\"type\":\"session.created\",\"session\":{\"id\":\"sess_%d\"}}",
                     e->number);
    return e;
}

static void on_closed(void *arg)
{
    struct engine *e = arg;

    timer_stop(&e->turn);
    timer_stop(&e->chunk);
    timer_stop(&e->cut);
}

const struct peer_events engine_events = { on_open, on_message, on_closed };

void engines_release(struct load *d)
{
    int i;

    for (i = 0; i < d->n_engines; i++) {
        on_closed(d->engines[i]);
        mem_free(d->engines[i]);
    }
    d->n_engines = 0;
}
