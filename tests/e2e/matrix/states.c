#include <stdio.h>

#include "matrix/matrix.h"
#include "media_bridge/call_internal.h"

enum { LOUD = 4000, ANSWER_MS = 4000 };

/* ---- pieces ---- */

static void until_asked(struct cell *k, int more)
{
    until_engine_got(k->e, "response.create", k->asked + more);
}

static void opened(struct cell *k, const struct caller_opts *o)
{
    k->c = caller_open(k->w, o);
    k->c->voice = 0xFF; /* a silent line, but for what is said */
    k->e = world_engine(k->w, k->w->n_engines);
}

static void talking(struct cell *k)
{
    k->c = world_talk(k->w, &k->e);
    k->c->voice = 0xFF;
    k->asked = engine_got(k->e, "response.create");
    k->w->script.answer = ANSWER_NOT; /* what the engine says is the cell's to play */
}

/* The caller has said something, and is asked to be answered. */
static void asked_for(struct cell *k, const char *text)
{
    talking(k);
    cell_speaks(k, 600);
    world_pass(k->w, 900);
    cell_quiet(k, text);
    until_asked(k, 1);
}

static void answering(struct cell *k)
{
    asked_for(k, "When are you open?");
    engine_begin(k->e);
    engine_say(k->e, "We are open from nine to five, from Monday to Friday.", ANSWER_MS);
    until_heard_ms(k->c, caller_heard_ms(k->c) + 600);
}

static bool turn_is(struct world *w, const void *arg)
{
    const struct cell *k = arg;
    const struct call *c = cell_call(k);

    (void)w;
    return c && c->turn && (int)turn_state(c->turn) == k->state->turn;
}

static bool call_is(struct world *w, const void *arg)
{
    const struct cell *k = arg;
    const struct call *c = cell_call(k);

    (void)w;
    return c && (int)c->state == k->state->call;
}

static void until_turn(struct cell *k)
{
    world_until(k->w, turn_is, k, turn_state_name((enum turn_state)k->state->turn));
}

static void until_call(struct cell *k)
{
    world_until(k->w, call_is, k, k->state->name);
}

/* A response that asks for this tool; it has ended. */
static void wished(struct cell *k, const char *name)
{
    asked_for(k, "Is there anything on Monday?");
    engine_begin(k->e);
    engine_tool(k->e, "call_1", name, "{\"outcome\":\"booked\",\"summary\":\"Monday\"}");
}

static const char booked[] = "\"status\":\"ok\",\"output\":{\"say\":\"Say goodbye.\"},"
                             "\"control\":{\"end_call\":true,\"outcome\":\"booked\"}";
static const char connects[] =
    "\"status\":\"ok\",\"output\":{\"say\":\"I connect you.\"},\"control\":{\"transfer\":{"
    "\"number\":\"+4930555101\",\"reason\":\"wish\",\"summary\":\"wants a person\"}}";

/* The last words are being heard. */
static void last_words(struct cell *k, const char *reply)
{
    k->w->tool_reply = reply;
    wished(k, "logCallOutcome");
    engine_end(k->e, "completed");
    until_asked(k, 2);
    k->w->tool_reply = NULL;
    engine_begin(k->e);
    engine_say(k->e, "Goodbye, and thank you.", 1500);
    until_heard_ms(k->c, caller_heard_ms(k->c) + 300);
}

static void press(struct cell *k, const char *keys)
{
    for (; *keys; keys++)
        caller_send(k->c,
                    "{\"event\":\"dtmf\",\"streamSid\":\"%s\",\"sequenceNumber\":\"%lld\","
                    "\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"%c\"}}",
                    k->c->stream_sid, (long long)++k->c->sequence, *keys);
    world_pass(k->w, 40);
}

/* ---- the states ---- */

static void upgraded(struct cell *k)
{
    static const struct caller_opts o = { .hold_start = true };

    k->w->script.hold_created = true;
    opened(k, &o);
}

static void before_start(struct cell *k)
{
    static const struct caller_opts o = { .hold_start = true };

    opened(k, &o);
    world_pass(k->w, 100);
}

static void connecting(struct cell *k)
{
    k->w->script.hold_created = true;
    opened(k, NULL);
    until_call(k);
}

static void configuring(struct cell *k)
{
    k->w->script.hold_updated = true;
    opened(k, NULL);
    until_engine_got(k->e, "session.update", 1);
}

static void disclosing(struct cell *k)
{
    k->w->script.answer_ms = 2000;
    opened(k, NULL);
    until_heard_ms(k->c, 500);
}

static void greeting(struct cell *k)
{
    k->w->script.answer_ms = 1000;
    opened(k, NULL);
    until_heard_ms(k->c, 1300);
}

static void caller_speaking(struct cell *k)
{
    talking(k);
    cell_speaks(k, 1500);
    world_pass(k->w, 600);
}

static void hesitating(struct cell *k)
{
    talking(k);
    cell_speaks(k, 600);
    world_pass(k->w, 900);
    cell_quiet(k, "I would like to come on the");
    world_pass(k->w, 300);
}

static void asked(struct cell *k)
{
    asked_for(k, "When are you open?");
}

static void thinking(struct cell *k)
{
    asked_for(k, "When are you open?");
    engine_begin(k->e);
    until_turn(k);
}

/* What was said is told some time after it was over. */
static void told_late(struct cell *k, const char *text)
{
    engine_send(k->e,
                "{\"type\":\"conversation.item.input_audio_transcription.completed\","
                "\"item_id\":\"%s\",\"content_index\":0,\"transcript\":\"%s\","
                "\"usage\":{\"type\":\"duration\",\"seconds\":2}}",
                k->item, text);
    k->item[0] = '\0';
}

static void spoken(struct cell *k)
{
    cell_speaks(k, 600);
    world_pass(k->w, 900);
    engine_speech_stopped(k->e, k->item);
    engine_turn(k->e, k->item, NULL);
    until_asked(k, 1);
}

/* The answer is whole before the words that it answers are known; they come late on this line. */
static void ready(struct cell *k)
{
    talking(k);
    spoken(k);
    world_pass(k->w, 500);
    told_late(k, "Hello.");
    engine_begin(k->e);
    engine_end(k->e, "completed");
    k->asked++;
    spoken(k);
    k->item[0] = '\0'; /* this time they never come */
    engine_begin(k->e);
    engine_say(k->e, "We are open from nine to five.", ANSWER_MS);
    engine_end(k->e, "completed");
    until_turn(k);
}

static void finishing(struct cell *k)
{
    answering(k);
    engine_end(k->e, "completed");
    until_turn(k);
}

static void attentive(struct cell *k)
{
    answering(k);
    caller_says(k->c, SOUND_VOWEL, LOUD, 200);
    until_turn(k);
}

static void paused(struct cell *k)
{
    answering(k);
    cell_speaks(k, 2000);
    until_turn(k);
}

static void yielding(struct cell *k)
{
    paused(k);
}

static void retrying(struct cell *k)
{
    asked_for(k, "When are you open?");
    engine_begin(k->e);
    engine_end(k->e, "failed");
    until_turn(k);
}

static void tool_running(struct cell *k)
{
    k->w->tool_mode = TOOL_HELD;
    wished(k, "findAvailability");
    engine_end(k->e, "completed");
    until_tool_requests(k->w, 1);
}

static void answer_owed(struct cell *k)
{
    wished(k, "findAvailability");
    until_engine_got(k->e, "conversation.item.create", 1);
}

static void transferring(struct cell *k)
{
    last_words(k, connects);
}

static void goodbye(struct cell *k)
{
    last_words(k, booked);
}

static void pressing(struct cell *k)
{
    talking(k);
    press(k, "12");
}

static void silence_asked(struct cell *k)
{
    talking(k);
    until_asked(k, 1);
    engine_begin(k->e);
    engine_say(k->e, "Are you still there?", 1200);
    until_heard_ms(k->c, caller_heard_ms(k->c) + 200);
}

static void lose_engine(struct cell *k)
{
    int n = k->w->n_engines;

    engine_close(k->e, 1011, "internal error");
    k->e = world_engine(k->w, n);
    k->asked = 0;
}

static void replacing(struct cell *k)
{
    asked_for(k, "When are you open?");
    k->w->script.hold_created = true;
    lose_engine(k);
}

static void replaced(struct cell *k)
{
    talking(k);
    k->w->script.answer = ANSWER_ITSELF;
    k->w->script.answer_ms = 2000;
    lose_engine(k);
    until_heard_ms(k->c, caller_heard_ms(k->c) + 300);
}

#define PAST                                                                                     \
    "[{\"document\":{\"name\":\"projects/test/databases/(default)/documents/calls/X/events/"     \
    "X~bridge-0~0\",\"fields\":{\"type\":{\"stringValue\":\"call.turn\"},\"source\":{"           \
    "\"stringValue\":\"bridge-0\"},\"data\":{\"mapValue\":{\"fields\":{\"index\":{"              \
    "\"integerValue\":"                                                                          \
    "\"0\"},\"role\":{\"stringValue\":\"agent\"},\"text\":{\"stringValue\":\"This is an AI.\"}," \
    "\"startMs\":{\"integerValue\":\"0\"}}}}}}}]"

static void reading_past(struct cell *k)
{
    static const struct caller_opts second = { .attempt = 1 };

    k->w->past_events = STR(PAST);
    world_cloud(k->w, &k->w->firestore, CLOUD_SILENT);
    opened(k, &second);
    until_call(k);
    world_pass(k->w, 200);
}

static void resumed(struct cell *k)
{
    static const struct caller_opts second = { .attempt = 1 };

    k->w->past_events = STR(PAST);
    k->w->script.answer = ANSWER_NOT;
    opened(k, &second);
    until_asked(k, 1);
    engine_begin(k->e);
    engine_say(k->e, "I am sorry, where were we?", 1500);
    until_heard_ms(k->c, 300);
}

static void stops(struct cell *k)
{
    world_stop(k->w);
    k->stopping = true;
    world_pass(k->w, 100);
}

static void stopping_speaking(struct cell *k)
{
    answering(k);
    stops(k);
}

static void stopping_tool(struct cell *k)
{
    tool_running(k);
    stops(k);
}

static void leaving(struct cell *k)
{
    transferring(k);
    world_cloud(k->w, &k->w->firestore, CLOUD_SILENT);
    engine_end(k->e, "completed");
    until_call(k);
}

static void closing(struct cell *k)
{
    transferring(k);
    engine_end(k->e, "completed");
    ws_pause(k->c->ws);
    until_call(k);
}

static void settling(struct cell *k)
{
    tool_running(k);
    caller_stop(k->c);
    k->line_gone = true;
    until_call(k);
}

#define TALKS CALL_TALKING
const struct state states[] = {
    { "upgraded", upgraded, CALL_OPENED, CELL_ANY, 0, false, false },
    { "before_start", before_start, CALL_OPENED, CELL_ANY, 0, false, false },
    { "connecting", connecting, CALL_STARTING, CELL_ANY, 0, true, false },
    { "configuring", configuring, CALL_STARTING, CELL_ANY, 0, true, false },
    { "disclosing", disclosing, TALKS, CELL_ANY, 0, true, false },
    { "greeting", greeting, TALKS, CELL_ANY, 0, true, false },
    { "listening", talking, TALKS, TURN_LISTENING, 0, false, false },
    { "caller_speaking", caller_speaking, TALKS, TURN_LISTENING, 0, false, false },
    { "hesitating", hesitating, TALKS, CELL_ANY, 0, false, false },
    { "asked", asked, TALKS, TURN_ASKED, 0, true, false },
    { "thinking", thinking, TALKS, TURN_THINKING, 0, true, false },
    { "speaking", answering, TALKS, TURN_SPEAKING, 0, true, false },
    { "ready", ready, TALKS, TURN_READY, 0, true, false },
    { "finishing", finishing, TALKS, TURN_FINISHING, 0, false, false },
    { "attentive", attentive, TALKS, TURN_ATTENTIVE, 0, true, false },
    { "paused", paused, TALKS, TURN_PAUSED, 0, false, false },
    { "yielding", yielding, TALKS, TURN_YIELDING, 0, false, false },
    { "retrying", retrying, TALKS, TURN_RETRYING, 0, true, false },
    { "tool_running", tool_running, TALKS, TURN_LISTENING, 0, true, false },
    { "answer_owed", answer_owed, TALKS, TURN_THINKING, 0, true, false },
    { "transferring", transferring, TALKS, TURN_SPEAKING, ENDS(END_TRANSFERRED), false, false },
    { "goodbye", goodbye, TALKS, TURN_SPEAKING, ENDS(END_COMPLETED), false, false },
    { "pressing", pressing, TALKS, TURN_LISTENING, 0, false, false },
    { "silence_asked", silence_asked, TALKS, TURN_SPEAKING, ENDS(END_SILENCE), false, false },
    { "replacing", replacing, TALKS, CELL_ANY, 0, true, true },
    { "replaced", replaced, TALKS, CELL_ANY, 0, true, true },
    { "reading_past", reading_past, CALL_STARTING, CELL_ANY, 0, true, false },
    { "resumed", resumed, TALKS, TURN_SPEAKING, 0, true, false },
    { "stopping_speaking", stopping_speaking, TALKS, TURN_SPEAKING, ENDS(END_SHUTDOWN), false,
      false },
    { "stopping_tool", stopping_tool, CELL_ANY, CELL_ANY, ENDS(END_SHUTDOWN), false, false },
    { "leaving", leaving, CALL_LEAVING, CELL_ANY, ENDS(END_TRANSFERRED), false, false },
    { "closing", closing, CALL_CLOSING, CELL_ANY, ENDS(END_TRANSFERRED), false, false },
    { "settling", settling, CALL_SETTLING, CELL_ANY, ENDS(END_CALLER_HANGUP), false, false },
};
const size_t n_states = ARRAY_LEN(states);
