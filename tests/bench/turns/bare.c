/* The bare relay: what a caller gets from the engine's own turn-taking. Audio goes through as it comes; when the
 * engine hears speech, whatever Twilio still holds is cleared and the answer truncated. */
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "turns/turns.h"

enum { HELD_MAX = 256 * 1024, TEXT_MAX = 64 * 1024 };

struct relay {
    struct list_node node; /* of bench.relays */
    struct bench *bench;
    struct ws_conn *twilio, *engine; /* NULL: closed */
    char stream_sid[40], item_id[40];
    bool ready;
    struct buf held;          /* the caller's audio until then, a line for each message */
    int64_t began_us, end_us; /* of what is being played */
};

static void sendf(struct ws_conn *ws, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void sendf(struct ws_conn *ws, const char *fmt, ...)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    if (ws && ws_send_text(ws, buf_str(&text)))
        fprintf(stderr, "relay: a message was not taken\n");
    buf_release(&text);
}

static void append(struct relay *r, struct str payload)
{
    sendf(r->engine, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"" STR_FMT "\"}",
          STR_ARG(payload));
}

static void on_twilio(void *arg, struct str data, bool binary)
{
    struct relay *r = arg;
    struct str payload = text_of(data, "\"payload\":\"");

    (void)binary;
    if (str_starts(data, STR("{\"event\":\"start\"")))
        (void)str_copy(r->stream_sid, sizeof(r->stream_sid), text_of(data, "\"streamSid\":\""));
    if (!str_starts(data, STR("{\"event\":\"media\"")))
        return;
    if (r->ready) {
        append(r, payload);
    } else {
        buf_add_str(&r->held, payload);
        buf_add_char(&r->held, '\n');
    }
}

static void begin(struct relay *r)
{
    struct str rest = buf_str(&r->held), line;

    r->ready = true;
    while (rest.n) {
        (void)str_cut(rest, '\n', &line, &rest);
        append(r, line);
    }
    sendf(r->engine, "{\"type\":\"response.create\"}");
}

static void play(struct relay *r, struct str data)
{
    struct str payload = text_of(data, "\"delta\":\"");
    int64_t now = loop_now_us(r->bench->loop);

    (void)str_copy(r->item_id, sizeof(r->item_id), text_of(data, "\"item_id\":\""));
    if (r->end_us <= now)
        r->began_us = r->end_us = now;
    r->end_us += (int64_t)(payload.n / 4 * 3) * 125;
    sendf(r->twilio,
          "{\"event\":\"media\",\"streamSid\":\"%s\",\"media\":{\"payload\":\"" STR_FMT "\"}}",
          r->stream_sid, STR_ARG(payload));
}

static void interrupt(struct relay *r)
{
    int64_t now = loop_now_us(r->bench->loop);

    if (r->end_us <= now)
        return;
    sendf(r->twilio, "{\"event\":\"clear\",\"streamSid\":\"%s\"}", r->stream_sid);
    sendf(r->engine,
          "{\"type\":\"conversation.item.truncate\",\"item_id\":\"%s\",\"content_index\":0,"
          "\"audio_end_ms\":%lld}",
          r->item_id, (long long)(now - r->began_us) / 1000);
    r->end_us = now;
}

static void on_engine(void *arg, struct str data, bool binary)
{
    struct relay *r = arg;

    (void)binary;
    if (str_starts(data, STR("{\"type\":\"session.created\"")))
        sendf(
            r->engine,
            "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{"
            "\"format\":{\"type\":\"audio/pcmu\"},\"turn_detection\":{\"type\":\"server_vad\"}},"
            "\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}");
    else if (str_starts(data, STR("{\"type\":\"session.updated\"")))
        begin(r);
    else if (str_starts(data, STR("{\"type\":\"response.output_audio.delta\"")))
        play(r, data);
    else if (str_starts(data, STR("{\"type\":\"input_audio_buffer.speech_started\"")))
        interrupt(r);
}

static void release(struct relay *r)
{
    if (r->twilio)
        ws_disown(r->twilio, 1000);
    if (r->engine)
        ws_disown(r->engine, 1000);
    list_remove(&r->node);
    buf_release(&r->held);
    mem_free(r);
}

static void on_twilio_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct relay *r = arg;

    (void)code;
    (void)reason;
    (void)err;
    r->twilio = NULL;
    release(r);
}

static void on_engine_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct relay *r = arg;

    (void)reason;
    fprintf(stderr, "relay: the engine has gone: %d %s\n", code, err ? err->text : "");
    r->engine = NULL;
    release(r);
}

static void bare_accept(void *app, struct ws_conn *ws, struct ws_events *events, void **arg)
{
    struct bench *b = app;
    struct relay *r = MEM_NEW(struct relay);
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct ws_client_opts opts = { .events = { NULL, on_engine, NULL, on_engine_closed },
                                   .queue_max = MIB,
                                   .arg = r };

    r->bench = b;
    r->twilio = ws;
    buf_init(&r->held, HELD_MAX);
    list_push_back(&b->relays, &r->node);
    *events = (struct ws_events){ .on_message = on_twilio, .on_closed = on_twilio_closed };
    *arg = r;
    opts.url = arena_printf(&a, "ws://127.0.0.1:%d/v1/realtime", http_server_port(b->cloud));
    if (ws_connect(&r->engine, b->loop, &opts, &err))
        fprintf(stderr, "relay: %s\n", err.text);
    arena_release(&a);
}

void relays_release(struct bench *b)
{
    struct list_node *node;

    while ((node = list_first(&b->relays)) != NULL)
        release(CONTAINER_OF(node, struct relay, node));
}

const struct ws_route turns_bare_route = { .path = "/bare",
                                           .queue_max = 4 * MIB,
                                           .accept = bare_accept };
