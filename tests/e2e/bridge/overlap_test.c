/* What the caller says, and what else is heard, over the agent's voice; thinking pauses. */
#include "media_bridge/call.h"
#include "support/world.h"
#include "voice/turn_arbiter.h"

enum {
    ANSWER_MS = 6000,
    OPENING_MS = 1200, /* world_talk() */
    LOUD = 4000,       /* amplitude of a caller's voice */
};

/* The caller speaks once, so that the level is known, and is being answered; `ms` of it were heard. */
static struct fake_caller *speaking(struct world *w, struct fake_engine **e, int ms)
{
    struct fake_caller *c;

    world_open(w, NULL);
    c = world_talk(w, e);
    c->voice = 0xFF; /* a silent line */
    w->script.answer = ANSWER_NOT;
    caller_says(c, SOUND_VOWEL, LOUD, 1000);
    engine_speech_started(*e, "item_c1");
    world_pass(w, 1500);
    engine_speech_stopped(*e, "item_c1");
    engine_turn(*e, "item_c1", "When are you open?");
    until_engine_got(*e, "response.create", 3);
    engine_begin(*e);
    engine_say(*e, "We are open from nine to five, from Monday to Friday.", ANSWER_MS);
    until_heard_ms(c, OPENING_MS + ms);
    return c;
}

/* A sound over it, and what the engine makes of that: a turn, half a second after its end. */
static void sounds(struct fake_caller *c, struct fake_engine *e, enum sound s, double amplitude,
                   int ms, const char *text)
{
    caller_says(c, s, amplitude, ms);
    world_pass(c->world, 240);
    engine_speech_started(e, "item_c2");
    world_pass(c->world, ms - 240 + 500);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", text);
    world_pass(c->world, 200);
}

/* The answer goes on to its end, nothing of it is lost or repeated, and nothing follows. */
static void check_goes_on(struct fake_caller *c, struct fake_engine *e, int fades_ms)
{
    engine_end(e, "completed");
    world_pass(c->world, ANSWER_MS);
    CHECK_INT(caller_heard_ms(c), OPENING_MS + ANSWER_MS + fades_ms);
    CHECK_INT(engine_got(e, "response.cancel"), 0);
    CHECK_INT(engine_got(e, "conversation.item.truncate"), 0);
    CHECK_INT(engine_got(e, "response.create"), 3);
}

TEST(bridge_pauses_for_a_backchannel_and_goes_on_from_the_very_millisecond)
{
    struct fake_caller *c;
    struct fake_engine *e;
    int64_t began, paused;
    struct world w;

    c = speaking(&w, &e, 1000);
    began = world_now_ms(&w);
    caller_says(c, SOUND_VOWEL, LOUD, 400);
    until_clears(c, 1);
    paused = world_now_ms(&w);
    CHECK(paused - began <= 400);
    engine_speech_started(e, "item_c2");
    until_received_ms(c, c->received_ms + 20); /* the fade, then the rest */
    CHECK(world_now_ms(&w) - paused < 600);
    world_pass(&w, 500);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Mm-hm, okay.");
    check_goes_on(c, e, 5);
    CHECK_INT(c->clears, 1);
    world_close(&w);
}

TEST(bridge_does_not_stop_for_a_cough_a_door_or_somebody_else_in_the_room)
{
    static const struct {
        const char *name, *text;
        double amplitude;
        enum sound sound;
        int ms;
    } rows[] = {
        { "a cough", "", LOUD, SOUND_HISS, 360 },
        { "a door", "", 3 * LOUD, SOUND_THUD, 400 },
        { "side speech at -12 dB", "Where are the keys?", LOUD * 0.25, SOUND_VOWEL, 2000 },
        { "less than a word", "", LOUD, SOUND_VOWEL, 120 },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake_caller *c;
        struct fake_engine *e;
        struct world w;

        c = speaking(&w, &e, 1000);
        sounds(c, e, rows[i].sound, rows[i].amplitude, rows[i].ms, rows[i].text);
        if (c->clears)
            FAIL_TEST("the agent stopped for %s", rows[i].name);
        check_goes_on(c, e, 0);
        world_close(&w);
    }
}

TEST(bridge_yields_to_the_caller_within_400_ms_before_the_engine_has_heard_anything)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    int64_t began, heard, cut;
    struct world w;

    c = speaking(&w, &e, 1000);
    began = world_now_ms(&w);
    caller_says(c, SOUND_VOWEL, LOUD, 1500);
    until_clears(c, 1);
    CHECK(world_now_ms(&w) - began <= 400);
    heard = caller_heard_ms(c) - OPENING_MS;
    until_engine_got(e, "response.cancel", 1);
    until_engine_got(e, "conversation.item.truncate", 1);
    cut = json_i64_or(
        json_get(engine_message(e, &a, "conversation.item.truncate", 0), "audio_end_ms"), -1);
    CHECK(cut <= heard); /* without the 5 ms in which it dies away */
    CHECK(cut >= heard - 5);
    CHECK_INT(caller_heard_ms(c) - OPENING_MS, cut + 5);
    CHECK_INT(c->clears, 1);
    engine_end(e, "cancelled");
    engine_speech_started(e, "item_c2");
    world_pass(&w, 1500);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Wait, I mean on Saturday.");
    until_engine_got(e, "response.create", 4);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_yields_to_a_short_word_when_its_transcript_says_that_it_was_meant)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    sounds(c, e, SOUND_VOWEL, LOUD, 400, "Stop!");
    until_engine_got(e, "response.cancel", 1);
    until_engine_got(e, "conversation.item.truncate", 1);
    CHECK_INT(c->clears, 2); /* the pause, then for good */
    engine_end(e, "cancelled");
    until_engine_got(e, "response.create", 4);
    world_close(&w);
}

TEST(bridge_hears_out_a_caller_who_thinks_in_mid_sentence)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    c->voice = 0xFF;
    w.script.answer = ANSWER_NOT;
    caller_says(c, SOUND_VOWEL, LOUD, 800);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 1300);
    engine_speech_stopped(e, "item_c1");
    engine_turn(e, "item_c1", "It's, uh, the");
    until_engine_got(e, "response.create", 3);
    engine_begin(e);
    until_engine_got(e, "response.cancel", 1);
    engine_end(e, "cancelled");
    world_pass(&w, 1200); /* 1.7 s of thought */
    CHECK_INT(engine_got(e, "response.create"), 3);
    caller_says(c, SOUND_VOWEL, LOUD, 800);
    world_pass(&w, 240);
    engine_speech_started(e, "item_c2");
    world_pass(&w, 1060);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "twentieth of May.");
    until_engine_got(e, "response.create", 4);
    CHECK_INT(caller_heard_ms(c), OPENING_MS); /* nobody cut in */
    world_close(&w);
}

TEST(bridge_plays_no_waiting_tone_into_a_thinking_pause)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    w.script.answer = ANSWER_NOT;
    engine_turn(e, "item_c1", "It's the");
    until_engine_got(e, "response.create", 3);
    engine_begin(e);
    until_engine_got(e, "response.cancel", 1);
    engine_end(e, "cancelled");
    until_engine_got(e, "response.create", 4);
    world_pass(&w, CALL_WAIT_MS - 200);
    CHECK_INT(caller_heard_ms(c), OPENING_MS);
    until_heard_ms(c, OPENING_MS + 20); /* but into the wait for an answer */
    world_close(&w);
}

TEST(bridge_measures_no_answer_to_a_backchannel)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    sounds(c, e, SOUND_VOWEL, LOUD, 240, "Okay.");
    engine_audio(e, e->response_id, "item_second_part", 1000); /* the same answer goes on */
    world_pass(&w, ANSWER_MS);
    caller_stop(c);
    until_over(&w);
    CHECK_INT(json_len(json_path(world_event(&w, &a, c->call_sid, "call.ended", 0),
                                 "latency.response_ms")),
              1); /* to the question before */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_lets_the_greeting_be_interrupted_but_not_the_disclosure)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.answer_ms = 3000;
    c = caller_open(&w, NULL);
    c->voice = 0xFF;
    e = world_engine(&w, 0);
    until_heard_ms(c, 500);
    sounds(c, e, SOUND_VOWEL, LOUD, 1500, "Hello? Is anybody there?");
    CHECK_INT(c->clears, 0);
    until_heard_ms(c, 3500);
    caller_says(c, SOUND_VOWEL, LOUD, 1500);
    until_clears(c, 1);
    CHECK(caller_heard_ms(c) >= 3700);
    CHECK(caller_heard_ms(c) <= 3500 + 400);
    until_engine_got(e, "conversation.item.truncate", 1);
    world_close(&w);
}
