/* Rule 5: whatever becomes of the engine, the caller hears something within 3 s; the first loss is mended with
 * the conversation restored, the second hands the caller over. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "media_bridge/attempts.h"
#include "media_bridge/call.h"
#include "media_bridge/hold_tone.h"
#include "support/world.h"

enum { HEARD_MS = 3000, SPOKEN_MS = CALL_UNHEARD_MS + 1000 };

/* A talk whose second turn of the caller's has been answered: "Which day?" / "Monday." / a tool / "At ten?" */
static struct fake_caller *talking(struct world *w, struct fake_engine **e)
{
    struct fake_caller *c;

    world_open(w, NULL);
    c = world_talk(w, e);
    engine_speech_started(*e, "item_c1");
    engine_speech_stopped(*e, "item_c1");
    w->script.answer = ANSWER_NOT;
    engine_turn(*e, "item_c1", "A haircut on Monday, please.");
    until_engine_got(*e, "response.create", 3);
    engine_begin(*e);
    engine_tool(*e, "call_1", "findAvailability", "{\"day\":\"monday\"}");
    engine_end(*e, "completed");
    until_engine_got(*e, "response.create", 4);
    engine_begin(*e);
    engine_say(*e, "Is ten all right?", 1000);
    engine_send(*e,
                "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"%s\","
                "\"item_id\":\"%s\",\"content_index\":0,\"transcript\":\"Is ten all right?\"}",
                (*e)->response_id, (*e)->item_id);
    engine_end(*e, "completed");
    until_heard_ms(c, 1200 + 1000);
    world_quiet(w);
    return c;
}

static struct str item_text(struct fake_engine *e, struct arena *a, int n)
{
    return json_str(
        json_path(engine_message(e, a, "conversation.item.create", n), "item.content.0.text"));
}

/* A piece of the n-th item that the engine was given. */
static struct str item_at(struct fake_engine *e, struct arena *a, int n, const char *path)
{
    return json_str(
        json_path(json_get(engine_message(e, a, "conversation.item.create", n), "item"), path));
}

static struct str says(struct fake_engine *e, struct arena *a, int n)
{
    return json_str(json_path(engine_message(e, a, "response.create", n), "response.instructions"));
}

TEST(bridge_replaces_a_lost_engine_with_the_conversation_restored_and_says_sorry)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talking(&w, &e);
    w.script.answer = ANSWER_ITSELF;
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    CHECK_STR(item_text(e, &a, 0), "This is an AI and this call is recorded.");
    CHECK_STR(item_at(e, &a, 0, "role"), "assistant");
    CHECK_STR(item_text(e, &a, 1), "How can I help you?");
    CHECK_STR(item_text(e, &a, 2), "A haircut on Monday, please.");
    CHECK_STR(item_at(e, &a, 2, "role"), "user");
    CHECK_STR(item_at(e, &a, 3, "type"), "function_call");
    CHECK_STR(item_at(e, &a, 3, "call_id"), "call_1");
    CHECK_STR(item_at(e, &a, 3, "arguments"), "{\"day\":\"monday\"}");
    CHECK_STR(item_at(e, &a, 4, "type"), "function_call_output");
    CHECK_STR(item_at(e, &a, 4, "output"), "{\"say\":\"Done.\"}");
    CHECK_STR(item_text(e, &a, 5), "Is ten all right?");
    CHECK_CONTAINS(item_text(e, &a, 6), "lost for a moment");
    CHECK_INT(engine_got(e, "conversation.item.create"), 7);
    CHECK_CONTAINS(says(e, &a, 0), "Say exactly: \"I am sorry, I was gone");
    until_heard_ms(c, 2200 + 600);
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 1); /* nothing was owed: the caller has the floor */
    CHECK_INT(caller_heard_ms(c), 2200 + 600);
    CHECK_INT(w.tool_requests, 1);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_answers_after_the_loss_what_the_lost_engine_owed)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talking(&w, &e);
    engine_turn(e, "item_c2", "Yes.");
    until_engine_got(e, "response.create", 5);
    engine_begin(e);
    engine_say(e, "Then I", 400); /* in mid-answer */
    until_heard_ms(c, 2200 + 200);
    w.script.answer = ANSWER_ITSELF;
    engine_close(e, 1001, "going away");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 2);
    CHECK_CONTAINS(says(e, &a, 0), "I am sorry, I was gone");
    CHECK_STR(says(e, &a, 1), ""); /* an answer of its own */
    until_heard_ms(c, 2200 + 400 + 1200);
    CHECK_INT(c->clears, 0); /* what had come was heard to its end */
    arena_release(&a);
    world_close(&w);
}

/* How much of the caller's line consisted of `b` by what this engine was given, and by what was sent. */
static int64_t given_ms(const struct fake_engine *e, uint8_t b)
{
    size_t i, n = 0;

    for (i = 0; i < e->audio.n; i++)
        n += (uint8_t)e->audio.p[i] == b;
    return (int64_t)(n / 8);
}

enum { TURN_VOICE = 0x21 };

TEST(bridge_lets_the_next_engine_hear_the_whole_turn_that_the_lost_one_had_not_told)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t began, lost_ms;

    c = talking(&w, &e);
    c->voice = TURN_VOICE;
    began = c->media_ms;
    world_pass(&w, 100);
    engine_speech_started(e, "item_c2");
    world_pass(&w, 4000);
    w.script.answer = ANSWER_ITSELF;
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    world_quiet(&w);
    lost_ms = c->media_ms - began - given_ms(e, TURN_VOICE);
    printf("engine lost in mid-turn: %lld ms of the caller's %lld ms lost\n", (long long)lost_ms,
           (long long)(c->media_ms - began));
    CHECK(lost_ms <= 20); /* the frame on its way */
    CHECK_CONTAINS(says(e, &a, 0), "I was gone for a moment");
    engine_speech_started(e, "item_n1");
    engine_speech_stopped(e, "item_n1");
    engine_turn(e, "item_n1", "Yes, and my name is Miller.");
    until_heard_ms(c, 2200 + 1200);
    world_pass(&w, 2000);
    CHECK_INT(engine_got(e, "response.create"), 2); /* one answer */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_lets_the_next_engine_hear_a_turn_whose_words_had_not_come_and_answers_it_once)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talking(&w, &e);
    c->voice = TURN_VOICE;
    world_pass(&w, 100);
    engine_speech_started(e, "item_c2");
    world_pass(&w, 1000);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", NULL); /* no transcript */
    until_engine_got(e, "response.create", 5);
    w.script.answer = ANSWER_ITSELF;
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    world_quiet(&w);
    CHECK(given_ms(e, TURN_VOICE) >= 1080);
    engine_speech_started(e, "item_n1");
    engine_speech_stopped(e, "item_n1");
    engine_turn(e, "item_n1", "Yes.");
    world_pass(&w, 4000);
    CHECK_INT(engine_got(e, "response.create"), 2);
    CHECK(!c->closed);
    caller_stop(c);
    until_over(&w);
    CHECK_INT(world_events(&w, c->call_sid, "call.turn"), 4 + 1 + 2); /* the turn is told once */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_says_nothing_about_the_loss_to_a_caller_who_is_speaking)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talking(&w, &e);
    caller_says(c, SOUND_VOWEL, 6000, 4000);
    world_pass(&w, 600); /* our own detection has heard it, the engine tells nothing yet */
    w.script.answer = ANSWER_ITSELF;
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    world_pass(&w, 2000);
    CHECK_INT(engine_got(e, "response.create"), 0);
    CHECK(e->audio.n >= (size_t)8 * 2500); /* from the onset on */
    engine_turn(e, "item_n1", "A haircut.");
    until_engine_got(e, "response.create", 1);
    world_close(&w);
}

static bool heard_or_closed(struct world *w, const void *arg)
{
    const struct fake_caller *c = w->callers[w->n_callers - 1];

    return c->closed || c->received_ms > *(const int64_t *)arg;
}

TEST(bridge_replaces_an_engine_that_tells_nothing_of_what_the_caller_says)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t spoken, received;

    c = talking(&w, &e);
    e->dumb = true;
    caller_says(c, SOUND_VOWEL, 6000, 1500);
    world_pass(&w, 1500);
    spoken = world_now_ms(&w);
    received = c->received_ms;
    world_until(&w, heard_or_closed, &received, "a sound");
    CHECK(world_now_ms(&w) - spoken <= HEARD_MS);
    w.script.answer = ANSWER_ITSELF;
    e = world_engine(&w, 1);
    CHECK(world_now_ms(&w) - spoken <= CALL_DEAF_MS + CALL_DEAF_REPLY_MS + 500);
    until_engine_got(e, "response.create", 1);
    world_quiet(&w);
    CHECK(e->audio.n >= (size_t)8 * 5000); /* from the onset on */
    engine_turn(e, "item_n1", "A haircut.");
    until_engine_got(e, "response.create", 2);
    world_close(&w);
}

TEST(bridge_keeps_an_engine_that_takes_a_sound_for_no_speech)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talking(&w, &e);
    caller_says(c, SOUND_VOWEL, 6000, 1500);
    world_pass(&w, 7000);
    CHECK_INT(w.n_engines, 1);
    CHECK_INT(engine_got(e, "response.cancel"), 1); /* it was asked whether it is there */
    CHECK_INT(caller_heard_ms(c), 2200);
    world_close(&w);
}

TEST(bridge_plays_no_tone_to_a_caller_who_is_speaking_while_the_engine_is_replaced)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t heard;

    c = talking(&w, &e);
    heard = caller_heard_ms(c);
    caller_says(c, SOUND_VOWEL, 6000, 6000);
    world_pass(&w, 600);
    w.script.hold_updated = true;
    engine_close(e, 1011, "internal error");
    (void)world_engine(&w, 1);
    world_pass(&w, CALL_WAIT_MS + 1000);
    CHECK_INT(caller_heard_ms(c), heard);
    world_close(&w);
}

TEST(bridge_that_stops_before_the_next_engine_has_heard_the_turn_says_that_words_were_lost)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talking(&w, &e);
    engine_speech_started(e, "item_c2");
    world_pass(&w, 1000);
    w.script.hold_updated = true;
    engine_close(e, 1011, "internal error");
    (void)world_engine(&w, 1);
    world_stop(&w);
    until_closed(c);
    CHECK_CONTAINS(buf_str(&w.live), "\"wordsLost\":{\"booleanValue\":true}");
    world_close(&w);
}

TEST(bridge_gives_no_words_again_that_the_lost_engine_had_told)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talking(&w, &e);
    c->voice = TURN_VOICE;
    world_pass(&w, 100);
    engine_speech_started(e, "item_c2");
    world_pass(&w, 1000);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Yes.");
    world_pass(&w, 200);
    c->voice = 0x7f;
    world_pass(&w, 200);
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    world_quiet(&w);
    CHECK_INT(given_ms(e, TURN_VOICE), 0);
    world_close(&w);
}

TEST(bridge_keeps_what_the_caller_says_while_the_engine_is_replaced)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    size_t before;

    c = talking(&w, &e);
    w.script.hold_updated = true;
    before = (size_t)c->media_ms * 8;
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    world_pass(&w, 2000);
    CHECK_INT(e->audio.n, 0);
    CHECK_INT(engine_got(e, "conversation.item.create"), 0);
    engine_send_updated(e);
    until_engine_got(e, "response.create", 1);
    world_quiet(&w);
    /* All of it, but for what was on its way to the lost one. */
    CHECK(e->audio.n >= (size_t)c->media_ms * 8 - before - 100 * 8UL);
    CHECK(e->items_first);
    world_close(&w);
}

TEST(bridge_gives_the_output_of_a_tool_that_ran_over_the_loss)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    (void)talking(&w, &e);
    engine_turn(e, "item_c2", "Yes.");
    until_engine_got(e, "response.create", 5);
    w.tool_mode = TOOL_HELD;
    engine_begin(e);
    engine_tool(e, "call_2", "bookAppointment", "{}");
    engine_end(e, "completed");
    until_tool_requests(&w, 2);
    w.script.answer = ANSWER_ITSELF;
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    CHECK_STR(item_at(e, &a, 6, "call_id"), "call_2");
    CHECK_STR(item_at(e, &a, 6, "type"), "function_call");
    world_release_tools(&w);
    until_engine_got(e, "response.create", 2);
    CHECK_STR(item_at(e, &a, 8, "type"), "function_call_output");
    CHECK_STR(item_at(e, &a, 8, "call_id"), "call_2");
    CHECK_INT(engine_got(e, "conversation.item.create"), 9);
    CHECK_INT(w.tool_requests, 2);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_says_the_disclosure_again_when_it_was_lost_in_the_middle)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.answer_ms = 2000;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    until_heard_ms(c, 500);
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 2);
    CHECK_CONTAINS(says(e, &a, 0), "This is an AI");
    CHECK_CONTAINS(says(e, &a, 1), "How can I help you?");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_keeps_a_promised_transfer_when_the_engine_is_lost)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talking(&w, &e);
    w.tool_reply =
        "\"status\":\"ok\",\"output\":{\"say\":\"I connect you.\"},\"control\":{"
        "\"transfer\":{\"number\":\"+4930555101\",\"reason\":\"wish\",\"summary\":\"\"}}";
    engine_turn(e, "item_c2", "A person, please.");
    until_engine_got(e, "response.create", 5);
    engine_begin(e);
    engine_tool(e, "call_2", "transferToHuman", "{}");
    engine_end(e, "completed");
    until_engine_got(e, "response.create", 6);
    engine_close(e, 1011, "internal error");
    until_closed(c);
    CHECK_INT(w.n_engines, 1);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "transfer");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_replaces_an_engine_that_gives_no_answer)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    int64_t asked;

    c = talking(&w, &e);
    engine_speech_started(e, "item_c2");
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Yes.");
    asked = world_now_ms(&w);
    until_engine_got(e, "response.create", 6); /* asked again */
    CHECK(world_now_ms(&w) - asked <= 4000 + 50);
    w.script.answer = ANSWER_ITSELF;
    e = world_engine(&w, 1);
    CHECK(world_now_ms(&w) - asked <= 4000 + 2000 + 50);
    until_engine_got(e, "response.create", 2);
    CHECK_STR(item_text(e, &a, 6), "Yes.");
    CHECK_INT(w.engines[0]->closed_code, 1000);
    world_pass(&w, 2000);
    CHECK_INT(w.n_engines, 2); /* and that one is well */
    CHECK(!c->closed);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_plays_its_tone_to_who_is_handed_over_while_the_record_is_slow)
{
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    w.script.hold_updated = true;
    world_cloud(&w, &w.firestore, CLOUD_SILENT);
    c = caller_open(&w, NULL);
    engine_close(world_engine(&w, 0), 4000, "no");
    world_pass(&w, 3000);
    CHECK(!c->closed);
    CHECK_INT(caller_heard_ms(c), HOLD_TONE_MS);
    world_cloud(&w, &w.firestore, CLOUD_WELL);
    until_closed(c);
    world_close(&w);
}

TEST(bridge_waits_for_an_answer_as_long_as_it_is_told)
{
    static const char *const more[] = { "ENGINE_ANSWER_MS=1000", "ENGINE_STALL_MS=2000", NULL };
    struct fake_engine *e;
    struct world w;
    int64_t since;

    world_open(&w, more);
    (void)world_talk(&w, &e);
    w.script.answer = ANSWER_NOT;
    engine_turn(e, "item_c1", "Hello?");
    until_engine_got(e, "response.create", 3);
    since = world_now_ms(&w);
    until_engine_got(e, "response.create", 4);
    CHECK(world_now_ms(&w) - since >= 1000 && world_now_ms(&w) - since <= 1050);
    engine_begin(e);
    since = world_now_ms(&w);
    until_engine_got(e, "response.cancel", 1);
    CHECK(world_now_ms(&w) - since >= 2000 && world_now_ms(&w) - since <= 2050);
    world_close(&w);
}

TEST(bridge_replaces_an_engine_that_is_mute_from_the_first_word_on)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.answer = ANSWER_NOT;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    until_engine_got(e, "response.create", 2);
    w.script.answer = ANSWER_ITSELF;
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 2);
    CHECK_CONTAINS(says(e, &a, 0), "This is an AI");
    CHECK_CONTAINS(says(e, &a, 1), "How can I help you?");
    CHECK(!c->closed);
    arena_release(&a);
    world_close(&w);
}

/* ---- every way to fail, in every state ---- */

enum fault {
    REFUSES, /* every further connection, too */
    ERRORS,
    SAYS_NOTHING,
    STALLS,
    CLOSES_1001,
    CLOSES_3000,
    CLOSES_4000,
    RESETS,
    FAULTS
};
enum moment { CONNECTING, LISTENING, ASKED, SPEAKING, MOMENTS };

static const char *const fault_names[] = { "refuses",     "errors",      "says nothing", "stalls",
                                           "closes 1001", "closes 3000", "closes 4000",  "resets" };
static const char *const moment_names[] = { "connecting", "listening", "asked", "speaking" };

static void break_engine(struct world *w, struct fake_engine *e, enum fault f)
{
    switch (f) {
    case REFUSES:
        w->script.refuse_close = 1011;
        w->script.refuse_code = "server_error";
        w->script.refuse_times = -1;
        if (e)
            engine_close(e, 1011, "internal error");
        break;
    case ERRORS:
        w->script.refuse_close = 1013;
        w->script.refuse_code = "server_error";
        w->script.refuse_times = 1;
        if (e)
            engine_close(e, 1013, "try again");
        break;
    case SAYS_NOTHING:
    case STALLS:
        w->script.mute = true; /* what is connected has ANSWER_NOT */
        break;
    case CLOSES_1001:
    case CLOSES_3000:
    case CLOSES_4000:
        if (e)
            engine_close(e, f == CLOSES_1001 ? 1001 : f == CLOSES_3000 ? 3000 : 4000, "bye");
        break;
    default:
        if (e)
            ws_abort(e->ws);
        break;
    }
}

static struct fake_caller *at_moment(struct world *w, struct fake_engine **e, enum moment m)
{
    struct fake_caller *c;

    if (m == CONNECTING) {
        world_open(w, NULL);
        w->script.hold_created = true;
        c = caller_open(w, NULL);
        *e = world_engine(w, 0);
        world_pass(w, 50);
        w->script.hold_created = false;
        return c;
    }
    c = talking(w, e);
    if (m == LISTENING)
        return c;
    engine_turn(*e, "item_c2", "Yes.");
    until_engine_got(*e, "response.create", 5);
    if (m == SPEAKING) {
        engine_begin(*e);
        engine_say(*e, "Then I", 400);
        until_heard_ms(c, 2200 + 400);
    }
    return c;
}

/* A tone is no word: 100 ms of a later engine's voice, each in a byte of its own, or the webhook's. */
static bool spoken_or_closed(struct world *w, const void *arg)
{
    const struct fake_caller *c = w->callers[w->n_callers - 1];
    size_t i, run = 0;

    (void)arg;
    for (i = 1; i < c->heard.n && run < 800; i++) {
        uint8_t b = (uint8_t)c->heard.p[i];

        run = b > 0x80 && b < 0x90 && c->heard.p[i] == c->heard.p[i - 1] ? run + 1 : 0;
    }
    return c->closed || run == 800;
}

/* Heard: audio, or the stream is given back to the webhook, which speaks at once. */
static void check_heard_in_time(enum fault f, enum moment m)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t broken, before;

    c = at_moment(&w, &e, m);
    if (f != SAYS_NOTHING && f != STALLS)
        w.script.answer = ANSWER_ITSELF;
    before = c->received_ms;
    broken = world_now_ms(&w);
    break_engine(&w, e, f);
    if (m == LISTENING && (f == SAYS_NOTHING || f == STALLS))
        engine_turn(e, "item_c9", "Hello?"); /* else nobody waits for anything */
    world_until(&w, heard_or_closed, &before, "a sound");
    if (world_now_ms(&w) - broken > HEARD_MS)
        FAIL_TEST("an engine that %s while %s: nothing heard for %lld ms", fault_names[f],
                  moment_names[m], (long long)(world_now_ms(&w) - broken));
    world_until(&w, spoken_or_closed, NULL, "a word");
    if (world_now_ms(&w) - broken > SPOKEN_MS)
        FAIL_TEST("an engine that %s while %s: not a word for %lld ms", fault_names[f],
                  moment_names[m], (long long)(world_now_ms(&w) - broken));
    caller_stop(c);
    until_over(&w); /* and nothing is left behind */
    CHECK_INT(w.bridge->n_calls, 0);
    world_close(&w);
}

TEST(bridge_lets_the_caller_hear_something_within_3_s_and_a_word_soon_whatever_the_engine_does)
{
    int f, m;

    for (f = 0; f < FAULTS; f++) {
        for (m = 0; m < MOMENTS; m++)
            check_heard_in_time((enum fault)f, (enum moment)m);
    }
}

TEST(bridge_hands_over_whom_engine_after_engine_lets_wait_with_answers_that_only_begin)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t asked;

    c = talking(&w, &e);
    engine_turn(e, "item_c2", "Yes.");
    asked = world_now_ms(&w);
    until_engine_got(e, "response.create", 5);
    engine_begin(e);
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    engine_begin(e);
    until_closed(c);
    CHECK(world_now_ms(&w) - asked <= SPOKEN_MS);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "failed");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_a_megabyte_an_unknown_event_and_a_second_end_of_a_response_for_nothing)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    char *big = mem_alloc(MIB + 1);

    memset(big, 'x', MIB);
    big[MIB] = '\0';
    c = talking(&w, &e);
    engine_send(e, "{\"type\":\"something.new\",\"x\":\"%s\"}", big);
    engine_end(e, "completed"); /* of the response that has ended */
    engine_audio(e, e->response_id, e->item_id, 500);
    world_pass(&w, 1000);
    CHECK_INT(caller_heard_ms(c), 2200); /* late audio is not heard */
    w.script.answer = ANSWER_ITSELF;
    engine_turn(e, "item_c2", "Yes.");
    until_heard_ms(c, 2800);
    CHECK_INT(w.n_engines, 1);
    mem_free(big);
    world_close(&w);
}

TEST(bridge_spaces_attempts_to_reach_the_engine_over_all_calls)
{
    static const char *const more[] = { "ENGINE_ATTEMPTS_PER_MINUTE=6", NULL };
    struct fake_caller *c;
    struct world w;
    int64_t began;

    world_open(&w, more);
    began = world_now_ms(&w);
    w.script.refuse_close = 1013;
    w.script.refuse_code = "server_error";
    w.script.refuse_times = -1;
    c = caller_open(&w, NULL);
    until_log(&w, "too many attempts a minute");
    CHECK_INT(w.n_engines, 1);
    until_closed(c); /* after the time in which it must be ready */
    CHECK(w.n_engines <= 2);
    CHECK(world_now_ms(&w) - began <= CALL_ENGINE_MS + 100);
    world_close(&w);
}
