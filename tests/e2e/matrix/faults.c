#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "matrix/matrix.h"
#include "media_bridge/call.h"

/* ---- the voice engine ---- */

static void drop(struct cell *k, int code)
{
    struct fake_engine *e = cell_engine(k);

    if (e)
        engine_close(e, code, "bye");
}

static void engine_refuses(struct cell *k)
{
    k->w->script.refuse_status = 503;
    drop(k, 1011);
}

static void engine_errors(struct cell *k)
{
    k->w->script.refuse_close = 1013;
    k->w->script.refuse_code = "server_error";
    k->w->script.refuse_times = -1;
    drop(k, 1013);
}

static void engine_errors_once(struct cell *k)
{
    engine_errors(k);
    k->w->script.refuse_times = 1;
}

static void engine_dumb(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (e)
        e->dumb = true;
}

static void engine_silent(struct cell *k)
{
    k->w->script.mute = true;
    engine_dumb(k);
}

/* In mid-answer, if there is anything to be answered. */
static void engine_stalls(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (e && !e->active && engine_got(e, "response.create") > e->responses) {
        engine_begin(e);
        engine_say(e, "We are", 200);
    }
    engine_dumb(k);
}

/* It reads nothing more either. */
static void engine_half_open(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    engine_dumb(k);
    if (e)
        ws_pause(e->ws);
}

static void engine_resets(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (e)
        ws_abort(e->ws);
}

static void engine_closes_1001(struct cell *k)
{
    drop(k, 1001);
}

static void engine_closes_3000(struct cell *k)
{
    drop(k, 3000);
}

static void engine_closes_4000(struct cell *k)
{
    drop(k, 4000);
}

static void engine_fails_an_answer(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (e && e->active)
        engine_end(e, "failed");
    else
        k->w->script.failures = 1;
}

static void send(struct cell *k, const char *text)
{
    struct fake_engine *e = cell_engine(k);

    if (e)
        engine_send(e, "%s", text);
}

static void engine_late_deltas(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (!e)
        return;
    engine_audio(e, "resp_never", "item_never", 400);
    send(k,
         "{\"type\":\"response.output_audio_transcript.delta\",\"response_id\":\"resp_never\","
         "\"item_id\":\"item_never\",\"output_index\":0,\"content_index\":0,\"delta\":\"late\"}");
}

static void engine_ends_twice(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (!e || e->responses == 0)
        return;
    engine_end(e, "completed");
    engine_end(e, "completed");
}

static void engine_unknown_event(struct cell *k)
{
    send(k, "{\"type\":\"something.new\",\"x\":[1,2,{}]}");
}

static void engine_megabyte(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);
    char *big = mem_alloc(MIB + 1);

    memset(big, 'x', MIB);
    big[MIB] = '\0';
    if (e)
        engine_send(e, "{\"type\":\"something.new\",\"x\":\"%s\"}", big);
    mem_free(big);
}

static void engine_broken_json(struct cell *k)
{
    send(k, "{\"type\":\"response.done\",\"response\":{");
    send(k, "");
    send(k, "[]");
    send(k, "{\"type\":\"response.done\"}");
    send(k, "{\"type\":\"response.output_audio.delta\",\"delta\":\"***\",\"response_id\":\"x\"}");
    send(k, "{\"type\":\"error\",\"error\":null}");
}

static void engine_error_event(struct cell *k)
{
    send(k, "{\"type\":\"error\",\"event_id\":\"event_9\",\"error\":{\"type\":\"server_error\","
            "\"code\":\"server_error\",\"message\":\"oops\",\"param\":null,\"event_id\":null}}");
}

static void engine_speaks_unasked(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (!e)
        return;
    send(k, "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_own\",\"object\":"
            "\"realtime.response\",\"status\":\"in_progress\",\"metadata\":null}}");
    engine_audio(e, "resp_own", "item_own", 400);
    send(k, "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_own\",\"status\":"
            "\"cancelled\",\"status_details\":null,\"metadata\":null,\"usage\":null}}");
}

static void engine_begins_again(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (e && e->updated)
        engine_send_created(e);
}

static void engine_hears_ghosts(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);

    if (!e || !e->updated)
        return;
    engine_speech_stopped(e, "item_ghost");
    engine_speech_stopped(e, "item_ghost");
    engine_turn(e, "item_ghost", "");
}

/* More tools than may run at once, names that are none, an id that comes twice. */
static void engine_floods_tools(struct cell *k)
{
    struct fake_engine *e = cell_engine(k);
    char id[32];
    int i;

    if (!e || !e->active)
        return;
    for (i = 0; i < 20; i++) {
        (void)snprintf(id, sizeof(id), "flood_%d", i / 2 * 2);
        engine_tool(e, id, i == 4 ? "../etc" : "findAvailability", i == 6 ? "{" : "{}");
    }
}

/* ---- Twilio ---- */

static void line_resets(struct cell *k)
{
    caller_drop(k->c);
}

static void line_closes(struct cell *k)
{
    if (k->c->ws)
        ws_close(k->c->ws, 1000, STR_EMPTY);
    k->c->next_media_us = 0;
}

static void line_stops(struct cell *k)
{
    if (k->c->ws)
        caller_stop(k->c);
}

static void line_reads_nothing(struct cell *k)
{
    if (k->c->ws)
        ws_pause(k->c->ws);
}

static void line_mute(struct cell *k)
{
    k->c->opts.silent_line = true;
}

static void line_loses(struct cell *k)
{
    k->c->opts.line = LINE_LOSES;
}

static void line_doubles(struct cell *k)
{
    k->c->opts.line = LINE_DOUBLES;
}

static void line_shuffles(struct cell *k)
{
    k->c->opts.line = LINE_SHUFFLES;
}

/* A few: more than CALL_BAD_MESSAGES_MAX would end the call. */
static void line_garbles(struct cell *k)
{
    if (!k->c->sequence)
        return;
    k->c->opts.line = LINE_GARBLES;
    caller_media(k->c, 600);
    k->c->opts.line = LINE_GOOD;
}

static void line_resizes(struct cell *k)
{
    k->c->opts.line = LINE_RESIZES;
}

static void line_jumps_back(struct cell *k)
{
    k->c->media_ms = 0;
}

static void line_jumps_ahead(struct cell *k)
{
    k->c->media_ms += 3600 * 1000L;
}

static void line_floods_keys(struct cell *k)
{
    int i;

    for (i = 0; i < 100; i++)
        caller_send(k->c,
                    "{\"event\":\"dtmf\",\"streamSid\":\"%s\",\"sequenceNumber\":\"%lld\","
                    "\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"%d\"}}",
                    k->c->stream_sid, (long long)++k->c->sequence, i % 10);
}

static void line_keeps_marks(struct cell *k)
{
    k->c->opts.no_marks = true;
}

static void line_doubles_marks(struct cell *k)
{
    k->c->opts.marks_twice = true;
}

static void line_unknown_events(struct cell *k)
{
    static const uint8_t junk[] = { 0, 1, 2, 255 };

    caller_send(k->c, "{\"event\":\"somethingNew\",\"streamSid\":\"%s\"}", k->c->stream_sid);
    caller_send(k->c, "{\"event\":");
    caller_send(k->c, "[]");
    if (k->c->ws && ws_send_binary(k->c->ws, junk, sizeof(junk)))
        return; /* it is closing */
}

static void line_junk(struct cell *k)
{
    int i;

    for (i = 0; i <= CALL_BAD_MESSAGES_MAX; i++)
        caller_send(k->c, "junk");
}

static void line_starts_twice(struct cell *k)
{
    if (k->c->ws) {
        caller_start(k->c);
        caller_start(k->c);
    }
}

static void line_of_another(struct cell *k)
{
    caller_send(k->c,
                "{\"event\":\"media\",\"sequenceNumber\":\"9\",\"streamSid\":\"MZ999\",\"media\":{"
                "\"track\":\"inbound\",\"chunk\":\"9\",\"timestamp\":\"9\",\"payload\":\"//8=\"}}");
}

static void line_sends_too_much(struct cell *k)
{
    char *big = mem_alloc(300 * KIB + 1);

    memset(big, 'x', 300 * KIB);
    big[300 * KIB] = '\0';
    caller_send(k->c, "{\"event\":\"%s\"}", big);
    mem_free(big);
}

/* ---- the cloud ---- */

static void gateway_slow(struct cell *k)
{
    world_cloud(k->w, &k->w->gateway, CLOUD_SLOW);
}

static void gateway_silent(struct cell *k)
{
    world_cloud(k->w, &k->w->gateway, CLOUD_SILENT);
}

static void gateway_down(struct cell *k)
{
    world_cloud(k->w, &k->w->gateway, CLOUD_DOWN);
}

static void gateway_noise(struct cell *k)
{
    world_cloud(k->w, &k->w->gateway, CLOUD_NOISE);
}

static void firestore_slow(struct cell *k)
{
    world_cloud(k->w, &k->w->firestore, CLOUD_SLOW);
}

static void firestore_silent(struct cell *k)
{
    world_cloud(k->w, &k->w->firestore, CLOUD_SILENT);
}

static void firestore_down(struct cell *k)
{
    world_cloud(k->w, &k->w->firestore, CLOUD_DOWN);
}

static void firestore_noise(struct cell *k)
{
    world_cloud(k->w, &k->w->firestore, CLOUD_NOISE);
}

static void firestore_refuses(struct cell *k)
{
    pthread_mutex_lock(&k->w->mutex);
    k->w->refuse_commits = -1;
    pthread_mutex_unlock(&k->w->mutex);
}

static void pubsub_slow(struct cell *k)
{
    world_cloud(k->w, &k->w->pubsub, CLOUD_SLOW);
}

static void pubsub_silent(struct cell *k)
{
    world_cloud(k->w, &k->w->pubsub, CLOUD_SILENT);
}

static void pubsub_down(struct cell *k)
{
    world_cloud(k->w, &k->w->pubsub, CLOUD_DOWN);
}

static void pubsub_noise(struct cell *k)
{
    world_cloud(k->w, &k->w->pubsub, CLOUD_NOISE);
}

static void pubsub_refuses(struct cell *k)
{
    k->w->refuse_publishes = -1;
}

static void sigterm(struct cell *k)
{
    if (!k->stopping)
        world_stop(k->w);
    k->stopping = true;
}

/* ---- the table ---- */

enum {
    FAILED = ENDS(END_ENGINE_FAILED),
    LOST = ENDS(END_STREAM_LOST),
    SILENT = ENDS(END_SILENCE),
    BROKEN = ENDS(END_PROTOCOL),
    LOSSES_MS = 15000, /* until an engine that is not there is given up */
    DEAD_MS = 50000,   /* until a peer that is half open counts as dead */
};

const struct fault faults[] = {
    { "engine_refuses", engine_refuses, FAILED, FAULT_ENGINE | FAULT_DEAF, LOSSES_MS },
    { "engine_errors", engine_errors, FAILED, FAULT_ENGINE | FAULT_DEAF, LOSSES_MS },
    { "engine_errors_once", engine_errors_once, 0, FAULT_ENGINE, 0 },
    { "engine_silent", engine_silent, FAILED, FAULT_ENGINE | FAULT_DEAF, LOSSES_MS },
    { "engine_stalls", engine_stalls, 0, FAULT_ENGINE | FAULT_DEAF, 0 },
    { "engine_half_open", engine_half_open, SILENT, FAULT_ENGINE | FAULT_DEAF, DEAD_MS },
    { "engine_resets", engine_resets, 0, FAULT_ENGINE, 0 },
    { "engine_closes_1001", engine_closes_1001, 0, FAULT_ENGINE, 0 },
    { "engine_closes_3000", engine_closes_3000, FAILED, FAULT_ENGINE, 0 },
    { "engine_closes_4000", engine_closes_4000, FAILED, FAULT_ENGINE, 0 },
    { "engine_fails_an_answer", engine_fails_an_answer, 0, 0, 0 },
    { "engine_late_deltas", engine_late_deltas, 0, 0, 0 },
    { "engine_ends_twice", engine_ends_twice, 0, 0, 0 },
    { "engine_unknown_event", engine_unknown_event, 0, 0, 0 },
    { "engine_megabyte", engine_megabyte, 0, 0, 0 },
    { "engine_broken_json", engine_broken_json, 0, 0, 0 },
    { "engine_error_event", engine_error_event, 0, 0, 0 },
    { "engine_speaks_unasked", engine_speaks_unasked, 0, 0, 0 },
    { "engine_begins_again", engine_begins_again, 0, 0, 0 },
    { "engine_hears_ghosts", engine_hears_ghosts, 0, 0, 0 },
    { "engine_floods_tools", engine_floods_tools, 0, 0, 0 },
    { "line_resets", line_resets, LOST, FAULT_LINE, 0 },
    { "line_closes", line_closes, LOST, FAULT_LINE, 0 },
    { "line_stops", line_stops, 0, FAULT_LINE, 0 },
    { "line_reads_nothing", line_reads_nothing, LOST | SILENT, FAULT_LINE, DEAD_MS },
    { "line_mute", line_mute, 0, 0, 0 },
    { "line_loses", line_loses, 0, 0, 0 },
    { "line_doubles", line_doubles, 0, 0, 0 },
    { "line_shuffles", line_shuffles, 0, 0, 0 },
    { "line_garbles", line_garbles, 0, 0, 0 },
    { "line_resizes", line_resizes, 0, 0, 0 },
    { "line_jumps_back", line_jumps_back, 0, 0, 0 },
    { "line_jumps_ahead", line_jumps_ahead, 0, 0, 0 },
    { "line_floods_keys", line_floods_keys, 0, FAULT_DEAF, 0 },
    { "line_keeps_marks", line_keeps_marks, 0, 0, 0 },
    { "line_doubles_marks", line_doubles_marks, 0, 0, 0 },
    { "line_unknown_events", line_unknown_events, 0, 0, 0 },
    { "line_junk", line_junk, BROKEN, FAULT_LINE, 0 },
    { "line_starts_twice", line_starts_twice, BROKEN, FAULT_LINE, 0 },
    { "line_of_another", line_of_another, BROKEN, FAULT_LINE, 0 },
    { "line_sends_too_much", line_sends_too_much, LOST, FAULT_LINE, 0 },
    { "gateway_slow", gateway_slow, 0, 0, 6000 },
    { "gateway_silent", gateway_silent, 0, 0, 10000 },
    { "gateway_down", gateway_down, 0, 0, 10000 },
    { "gateway_noise", gateway_noise, 0, 0, 10000 },
    { "firestore_slow", firestore_slow, 0, FAULT_RECORD, 8000 },
    { "firestore_silent", firestore_silent, 0, FAULT_RECORD, 8000 },
    { "firestore_down", firestore_down, 0, FAULT_RECORD, 8000 },
    { "firestore_noise", firestore_noise, 0, FAULT_RECORD, 8000 },
    { "firestore_refuses", firestore_refuses, 0, FAULT_RECORD, 8000 },
    { "pubsub_slow", pubsub_slow, 0, 0, 0 },
    { "pubsub_silent", pubsub_silent, 0, 0, 0 },
    { "pubsub_down", pubsub_down, 0, 0, 0 },
    { "pubsub_noise", pubsub_noise, 0, 0, 0 },
    { "pubsub_refuses", pubsub_refuses, 0, 0, 0 },
    { "sigterm", sigterm, ENDS(END_SHUTDOWN), 0, 0 },
};
const size_t n_faults = ARRAY_LEN(faults);
