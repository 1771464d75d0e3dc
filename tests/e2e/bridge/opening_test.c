/* The opening from kept audio: the engine speaks it once, later calls hear it from the moment their stream
 * starts, and everything else is as with any speech of the agent's. */
#include <string.h>

#include "media_bridge/opening.h"
#include "support/world.h"
#include "voice/playout.h"

#define DISCLOSURE "This is an AI and this call is recorded."
#define GREETING "How can I help you?"

enum { FIRST_WORD_MS = 50 };
static const int64_t PART_MS = 2000;

static const char *const kept[] = { "RECORDINGS_BUCKET=bucket", NULL };

static void opened(struct world *w)
{
    world_open(w, kept);
    w->script.answer_ms = PART_MS;
}

/* A first call, in which the engine speaks it. */
static void spoken(struct world *w)
{
    struct fake_caller *c;

    opened(w);
    c = caller_open(w, NULL);
    until_heard_ms(c, 2 * PART_MS);
    caller_stop(c);
    until_over(w);
}

/* A further call with an engine that is held back; it hears so much of the opening. */
static struct fake_caller *hears(struct world *w, int ms)
{
    struct fake_caller *c;

    w->script.hold_created = true;
    c = caller_open(w, NULL);
    until_heard_ms(c, ms);
    return c;
}

static struct fake_engine *lets_engine_in(struct world *w)
{
    struct fake_engine *e = world_engine(w, w->n_engines - 1);

    w->script.hold_created = false;
    engine_send_created(e);
    until_engine_got(e, "session.update", 1);
    world_quiet(w);
    return e;
}

static struct str item_at(struct fake_engine *e, struct arena *a, int n, const char *path)
{
    return json_str(json_path(engine_message(e, a, "conversation.item.create", n), path));
}

static const struct jval *turn(struct world *w, struct arena *a, const struct fake_caller *c, int n)
{
    return world_event(w, a, c->call_sid, "call.turn", n);
}

static bool all_from(const struct fake_caller *c, size_t from, size_t to, int engine)
{
    for (; from < to; from++) {
        if ((uint8_t)c->heard.p[from] != 0x80 + engine)
            return false;
    }
    return true;
}

TEST(bridge_keeps_the_opening_and_plays_it_from_the_start_of_the_next_stream_without_an_engine)
{
    const struct caller_opts opts = { .hold_start = true };
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct world w;
    int64_t started;

    spoken(&w);
    CHECK_INT(w.object_writes, 2);
    w.script.hold_created = true;
    c = caller_open(&w, &opts);
    world_pass(&w, 100);
    started = world_now_ms(&w);
    caller_start(c);
    until_received_ms(c, 20);
    CHECK(c->first_audio_us / 1000 - started <= FIRST_WORD_MS);
    until_heard_ms(c, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 0)); /* in the voice of the first call's engine */
    CHECK_INT(engine_got(w.engines[1], "session.update"), 0);
    (void)lets_engine_in(&w);
    until_event(&w, c->call_sid, "call.turn", 2);
    CHECK_STR(json_str(json_get(turn(&w, &a, c, 0), "text")), DISCLOSURE);
    CHECK_STR(json_str(json_get(turn(&w, &a, c, 0), "role")), "agent");
    CHECK_STR(json_str(json_get(turn(&w, &a, c, 1), "text")), GREETING);
    CHECK(!json_bool_or(json_get(turn(&w, &a, c, 1), "interrupted"), true));
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.latency", 0), "kind")),
              "first_word");
    CHECK(json_i64_or(json_get(world_event(&w, &a, c->call_sid, "call.latency", 0), "ms"), 999) <=
          FIRST_WORD_MS);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_tells_the_engine_the_kept_opening_and_has_it_speak_nothing)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    spoken(&w);
    c = hears(&w, 500);
    e = lets_engine_in(&w);
    until_heard_ms(c, 2 * PART_MS);
    world_pass(&w, 1000);
    CHECK_INT(world_events(&w, c->call_sid, "call.turn"), 2); /* both were heard to their end */
    CHECK_INT(engine_got(e, "response.create"), 0);
    CHECK_INT(engine_got(e, "conversation.item.create"), 2);
    CHECK_STR(item_at(e, &a, 0, "item.role"), "assistant");
    CHECK_STR(item_at(e, &a, 0, "item.content.0.text"), DISCLOSURE);
    CHECK_STR(item_at(e, &a, 1, "item.content.0.text"), GREETING);
    CHECK_INT(caller_heard_ms(c), 2 * PART_MS);
    /* And it goes on as a talk: the caller's turn is answered. */
    engine_speech_started(e, "item_c1");
    engine_speech_stopped(e, "item_c1");
    engine_turn(e, "item_c1", "A haircut, please.");
    until_engine_got(e, "response.create", 1);
    until_heard_ms(c, 3 * PART_MS);
    CHECK(all_from(c, (size_t)PART_MS * 16, (size_t)PART_MS * 24, 1));
    caller_stop(c);
    until_over(&w);
    /* Billed is what the engine reports: one response. */
    CHECK_INT(world_events(&w, c->call_sid, "call.usage"), 2); /* and the transcription */
    CHECK_INT(
        json_i64_or(
            json_path(world_event(&w, &a, c->call_sid, "call.ended", 0), "counters.responses"), -1),
        1);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_gives_the_engine_every_word_that_the_caller_says_during_the_kept_opening)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    size_t sent;

    spoken(&w);
    c = hears(&w, 1500);
    sent = (size_t)c->media_ms * 8;
    e = lets_engine_in(&w);
    CHECK(e->items_first);
    until_heard_ms(c, PART_MS);
    CHECK(e->audio.n >= sent);
    CHECK((uint8_t)e->audio.p[0] == c->voice);
    CHECK_INT(e->audio.n % 160, 0);
    world_close(&w);
}

/* ---- where it is kept ---- */

TEST(bridge_reads_the_kept_opening_when_an_instance_starts)
{
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    world_restart(&w);
    until_log(&w, "kept opening read");
    CHECK_INT(w.object_reads, 4); /* both instances looked for both */
    c = hears(&w, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 0));
    CHECK_INT(w.object_reads, 4); /* once for an instance */
    CHECK_INT(w.object_writes, 2);
    world_close(&w);
}

/* The engine speaks in a second instance's first call, and from then on what that engine said is played. */
static void check_spoken_again(struct world *w, int writes)
{
    struct fake_caller *c;

    world_restart(w);
    world_quiet(w);
    c = caller_open(w, NULL);
    until_heard_ms(c, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 1));
    caller_stop(c);
    until_over(w);
    CHECK_INT(w->object_writes, writes);
    c = hears(w, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 1));
    w->script.hold_created = false;
    world_restart(w);
    until_log(w, "kept opening read"); /* what is stored is whole now */
    world_close(w);
}

TEST(bridge_has_the_opening_spoken_when_the_kept_one_fails_its_checksum)
{
    struct world w;

    spoken(&w);
    w.objects[0].wrong_crc = true;
    check_spoken_again(&w, 4);
}

TEST(bridge_has_the_opening_spoken_when_the_kept_one_is_cut_short)
{
    struct world w;

    spoken(&w);
    buf_truncate(&w.objects[1].data, w.objects[1].data.n / 2);
    check_spoken_again(&w, 4);
}

TEST(bridge_has_the_opening_spoken_when_the_kept_one_is_another_format)
{
    struct world w;

    spoken(&w);
    w.objects[0].data.p[20] = 6; /* A-law */
    check_spoken_again(&w, 4);
}

TEST(bridge_has_the_opening_spoken_when_the_kept_one_is_no_audio)
{
    struct world w;

    spoken(&w);
    buf_reset(&w.objects[0].data);
    buf_add_c(&w.objects[0].data, "<html>");
    check_spoken_again(&w, 4);
}

TEST(bridge_has_the_opening_spoken_when_the_kept_one_is_far_too_long)
{
    static const char more_of_it[64 * KIB] = "";
    struct world w;
    int i;

    spoken(&w);
    for (i = 0; i < 16; i++)
        buf_add(&w.objects[1].data, more_of_it, sizeof(more_of_it));
    check_spoken_again(&w, 4);
}

/* Another instance, with a setting that changes the sound. */
static void check_other_sound(struct str *setting, struct world *w)
{
    struct fake_caller *c;

    *setting = STR("another");
    world_restart(w);
    c = caller_open(w, NULL);
    until_heard_ms(c, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 1));
    world_quiet(w);
    CHECK_INT(w->n_objects, 4); /* beside the others */
    world_close(w);
}

TEST(bridge_does_not_play_an_opening_in_another_voice)
{
    struct world w;

    spoken(&w);
    check_other_sound(&w.settings.voice.voice, &w);
}

TEST(bridge_does_not_play_an_opening_of_another_model)
{
    struct world w;

    spoken(&w);
    check_other_sound(&w.settings.voice.model, &w);
}

TEST(bridge_has_the_opening_spoken_when_half_of_the_kept_one_is_missing)
{
    struct world w;

    spoken(&w);
    w.objects[1].name[0] = 'x';
    check_spoken_again(&w, 4);
}

TEST(bridge_has_the_opening_spoken_while_storage_does_not_answer)
{
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    w.hold_objects = true;
    world_restart(&w);
    c = caller_open(&w, NULL);
    until_heard_ms(c, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 1));
    world_close(&w);
}

TEST(bridge_plays_a_kept_opening_that_storage_has_given_late)
{
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    w.hold_objects = true;
    world_restart(&w);
    w.script.answer = ANSWER_NOT;
    c = caller_open(&w, NULL);
    until_engine_got(world_engine(&w, 1), "response.create", 1);
    caller_stop(c);
    until_over(&w);
    world_release_objects(&w);
    until_log(&w, "kept opening read");
    c = hears(&w, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 0));
    world_close(&w);
}

TEST(bridge_keeps_no_opening_without_a_bucket)
{
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    c = caller_open(&w, NULL);
    until_heard_ms(c, 1200);
    caller_stop(c);
    until_over(&w);
    c = caller_open(&w, NULL);
    until_heard_ms(c, 1200);
    CHECK(all_from(c, 0, 9600, 1));
    CHECK_INT(w.object_reads + w.object_writes, 0);
    world_close(&w);
}

/* ---- what is kept ---- */

static void says_ms(struct fake_engine *e, int n, const char *text, const char *status, int ms)
{
    until_engine_got(e, "response.create", n);
    engine_begin(e);
    engine_say(e, text, ms);
    engine_send(e,
                "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"%s\","
                "\"item_id\":\"%s\",\"content_index\":0,\"transcript\":\"%s\"}",
                e->response_id, e->item_id, text);
    engine_end(e, status);
}

static void says(struct fake_engine *e, int n, const char *text, const char *status)
{
    says_ms(e, n, text, status, PART_MS);
}

/* A first call, in which nothing is said yet. */
static struct fake_engine *silent_call(struct world *w, struct fake_caller **c)
{
    opened(w);
    w->script.answer = ANSWER_NOT;
    *c = caller_open(w, NULL);
    return world_engine(w, 0);
}

static void check_taken(const char *disclosure, const char *status, const char *greeting,
                        bool taken)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    e = silent_call(&w, &c);
    says(e, 1, disclosure, status);
    says(e, 2, greeting, "completed");
    until_heard_ms(c, 2 * PART_MS);
    caller_stop(c);
    until_over(&w);
    CHECK_INT(w.object_writes, taken ? 2 : 0);
    world_close(&w);
}

TEST(bridge_keeps_an_opening_whose_transcript_differs_in_case_and_punctuation_only)
{
    check_taken("this is an ai, and this call is recorded", "completed", "How can I help you?",
                true);
}

TEST(bridge_does_not_keep_an_opening_whose_transcript_is_another)
{
    check_taken("This is an AI and this call is recorded today.", "completed", GREETING, false);
    check_taken(DISCLOSURE, "completed", "How may I help you?", false);
}

TEST(bridge_does_not_keep_an_opening_that_was_not_spoken_to_its_end)
{
    check_taken(DISCLOSURE, "incomplete", GREETING, false);
}

TEST(bridge_does_not_keep_an_opening_that_the_caller_has_interrupted)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    e = silent_call(&w, &c);
    says(e, 1, DISCLOSURE, "completed");
    until_engine_got(e, "response.create", 2);
    engine_begin(e);
    engine_say(e, "How can I", 1000);
    until_heard_ms(c, PART_MS + 200);
    engine_speech_started(e, "item_c1");
    until_engine_got(e, "response.cancel", 1);
    engine_end(e, "cancelled");
    world_pass(&w, 500);
    CHECK_INT(w.object_writes, 0);
    world_close(&w);
}

static void check_length(int ms, bool taken)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    e = silent_call(&w, &c);
    says_ms(e, 1, DISCLOSURE, "completed", ms);
    says(e, 2, GREETING, "completed");
    world_pass(&w, 100);
    CHECK_INT(w.object_writes, taken ? 2 : 0);
    world_close(&w);
}

TEST(bridge_does_not_keep_an_opening_that_is_too_short_or_too_long)
{
    check_length(OPENING_PART_MIN_MS, true);
    check_length(OPENING_PART_MIN_MS - 20, false);
    check_length(OPENING_PART_MAX_MS, true);
    check_length(OPENING_PART_MAX_MS + 20, false);
}

TEST(bridge_does_not_keep_an_opening_of_which_the_engine_said_two_things)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    e = silent_call(&w, &c);
    until_engine_got(e, "response.create", 1);
    engine_begin(e);
    engine_audio(e, e->response_id, "item_of_its_own", 500);
    engine_say(e, DISCLOSURE, PART_MS);
    engine_send(e,
                "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"%s\","
                "\"item_id\":\"%s\",\"content_index\":0,\"transcript\":\"" DISCLOSURE "\"}",
                e->response_id, e->item_id);
    engine_end(e, "completed");
    says(e, 2, GREETING, "completed");
    world_pass(&w, 100);
    CHECK_INT(w.object_writes, 0);
    world_close(&w);
}

TEST(bridge_keeps_an_opening_that_failed_at_first)
{
    struct fake_caller *c;
    struct world w;

    opened(&w);
    w.script.failures = 1;
    c = caller_open(&w, NULL);
    until_heard_ms(c, 2 * PART_MS);
    CHECK_INT(w.object_writes, 2);
    CHECK_INT(w.objects[0].data.n, w.objects[1].data.n);
    world_close(&w);
}

TEST(bridge_keeps_the_opening_of_the_next_call_when_the_first_one_hung_up_in_it)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    e = silent_call(&w, &c);
    until_engine_got(e, "response.create", 1);
    caller_stop(c);
    until_over(&w);
    w.script.answer = ANSWER_ITSELF;
    c = caller_open(&w, NULL);
    until_heard_ms(c, 2 * PART_MS);
    CHECK_INT(w.object_writes, 2);
    world_close(&w);
}

TEST(bridge_plays_what_was_spoken_when_storage_answers_after_it)
{
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    w.hold_objects = true;
    world_restart(&w);
    c = caller_open(&w, NULL);
    until_heard_ms(c, 2 * PART_MS);
    caller_stop(c);
    until_over(&w);
    world_release_objects(&w);
    world_quiet(&w);
    c = hears(&w, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 1));
    world_close(&w);
}

TEST(bridge_plays_what_storage_gave_while_it_was_spoken)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    spoken(&w);
    w.hold_objects = true;
    world_restart(&w);
    w.script.answer = ANSWER_NOT;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    world_release_objects(&w);
    until_log(&w, "kept opening read");
    says(e, 1, DISCLOSURE, "completed");
    says(e, 2, GREETING, "completed");
    until_heard_ms(c, 2 * PART_MS);
    CHECK_INT(w.object_writes, 2);
    c = hears(&w, 2 * PART_MS);
    CHECK(all_from(c, 0, (size_t)PART_MS * 16, 0));
    world_close(&w);
}

TEST(bridge_takes_the_opening_from_one_of_the_calls_that_begin_together)
{
    struct fake_caller *c[2];
    struct world w;
    int i;

    opened(&w);
    for (i = 0; i < 2; i++)
        c[i] = caller_open(&w, NULL);
    for (i = 0; i < 2; i++)
        until_heard_ms(c[i], 2 * PART_MS);
    world_quiet(&w);
    CHECK_INT(w.object_writes, 2);
    world_close(&w);
}

/* ---- as any speech of the agent's ---- */

TEST(bridge_lets_nobody_interrupt_the_kept_disclosure)
{
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    c = hears(&w, 300);
    caller_says(c, SOUND_VOWEL, 6000, 1200);
    until_heard_ms(c, 2 * PART_MS);
    CHECK_INT(c->clears, 0);
    world_close(&w);
}

TEST(bridge_cuts_the_kept_greeting_when_the_caller_interrupts_before_there_is_an_engine)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    spoken(&w);
    c = hears(&w, PART_MS + 800);
    caller_says(c, SOUND_VOWEL, 6000, 3000);
    until_clears(c, 1);
    world_pass(&w, 1000);
    CHECK(caller_heard_ms(c) < 2 * PART_MS - 400);
    e = lets_engine_in(&w);
    CHECK(!world_log_has(&w, "took no word of the opening"));
    CHECK_INT(engine_got(e, "conversation.item.create"), 2);
    CHECK_STR(item_at(e, &a, 0, "item.content.0.text"), DISCLOSURE);
    CHECK(str_starts(STR(GREETING), item_at(e, &a, 1, "item.content.0.text")));
    CHECK(item_at(e, &a, 1, "item.content.0.text").n < STR(GREETING).n);
    until_event(&w, c->call_sid, "call.turn", 2);
    CHECK(json_bool_or(json_get(turn(&w, &a, c, 1), "interrupted"), false));
    CHECK_STR(json_str(json_get(turn(&w, &a, c, 1), "text")),
              str_c(arena_cstr(&a, item_at(e, &a, 1, "item.content.0.text"))).p);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_cuts_the_kept_greeting_in_the_engines_memory_too)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    spoken(&w);
    c = hears(&w, 500);
    e = lets_engine_in(&w);
    until_heard_ms(c, PART_MS + 800);
    caller_says(c, SOUND_VOWEL, 6000, 3000);
    until_engine_got(e, "conversation.item.delete", 1);
    world_quiet(&w);
    CHECK_STR(json_str(json_get(engine_message(e, &a, "conversation.item.delete", 0), "item_id")),
              "opening-greeting");
    CHECK_STR(item_at(e, &a, 1, "item.id"), "opening-greeting");
    CHECK_STR(item_at(e, &a, 2, "previous_item_id"), "opening-disclosure");
    CHECK(str_starts(STR(GREETING), item_at(e, &a, 2, "item.content.0.text")));
    CHECK(item_at(e, &a, 2, "item.content.0.text").n < STR(GREETING).n);
    CHECK_INT(engine_got(e, "conversation.item.truncate"), 0); /* it is not the engine's audio */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_goes_on_with_the_kept_greeting_after_a_sound_that_was_no_turn)
{
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    c = hears(&w, PART_MS + 500);
    caller_says(c, SOUND_VOWEL, 6000, 500); /* it pauses, and nobody insists */
    until_clears(c, 1);
    until_heard_ms(c, 2 * PART_MS);
    world_pass(&w, 500);
    CHECK_INT(c->clears, 1);
    CHECK(caller_heard_ms(c) <= 2 * PART_MS + 10); /* nothing twice, but for the fade */
    world_close(&w);
}

TEST(bridge_stops_the_kept_greeting_when_keys_were_pressed_in_the_disclosure)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    spoken(&w);
    c = hears(&w, PART_MS - 500);
    e = lets_engine_in(&w);
    caller_send(c,
                "{\"event\":\"dtmf\",\"sequenceNumber\":\"9999\",\"streamSid\":\"%s\","
                "\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"5\"}}",
                c->stream_sid);
    until_clears(c, 1);
    CHECK(caller_heard_ms(c) >= PART_MS - 20);
    CHECK(caller_heard_ms(c) <= PART_MS + 300);
    world_quiet(&w);
    CHECK_INT(engine_got(e, "conversation.item.delete"), 1); /* not a word of it was heard */
    CHECK_INT(engine_got(e, "conversation.item.create"), 2);
    world_close(&w);
}

/* ---- engines and streams that are lost ---- */

TEST(bridge_plays_the_kept_opening_on_while_a_lost_engine_is_replaced)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    spoken(&w);
    c = hears(&w, 300);
    e = lets_engine_in(&w);
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 2);
    until_heard_ms(c, PART_MS + 500);
    CHECK_INT(c->clears, 0);
    CHECK_STR(item_at(e, &a, 0, "item.content.0.text"), DISCLOSURE);
    CHECK_CONTAINS(item_at(e, &a, 1, "item.content.0.text"), "lost for a moment");
    until_heard_ms(c, 2 * PART_MS);
    world_pass(&w, 1000);
    CHECK_INT(caller_heard_ms(c), 2 * PART_MS); /* once, and no apology: nobody noticed */
    CHECK_INT(engine_got(e, "response.create"), 0);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_does_not_cut_items_that_a_new_engine_has_under_other_names)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    spoken(&w);
    c = hears(&w, 300);
    engine_close(lets_engine_in(&w), 1011, "internal error");
    e = world_engine(&w, 2);
    until_heard_ms(c, PART_MS + 500);
    caller_says(c, SOUND_VOWEL, 6000, 3000);
    until_clears(c, 1);
    world_pass(&w, 1500);
    CHECK_INT(engine_got(e, "conversation.item.delete"), 0);
    world_close(&w);
}

TEST(bridge_protects_the_kept_disclosure_also_after_a_lost_engine)
{
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    c = hears(&w, 300);
    engine_close(lets_engine_in(&w), 1011, "internal error");
    (void)world_engine(&w, 2);
    caller_says(c, SOUND_VOWEL, 6000, 1000);
    until_heard_ms(c, PART_MS - 100);
    CHECK_INT(c->clears, 0);
    world_close(&w);
}

TEST(bridge_hands_over_when_no_engine_comes_during_the_kept_opening)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    w.script.mute = true;
    c = caller_open(&w, NULL);
    until_closed(c);
    CHECK_INT(caller_heard_ms(c) >= 2 * PART_MS, 1); /* the opening, then tones */
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "failed");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_that_stops_finishes_the_sentence_of_the_kept_opening_before_there_is_an_engine)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct world w;

    spoken(&w);
    c = hears(&w, 500);
    world_stop(&w);
    until_closed(c);
    CHECK(caller_heard_ms(c) >= PART_MS - PLAYOUT_BREATH_MS);
    CHECK(caller_heard_ms(c) < PART_MS + 500);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "live"); /* another one goes on */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_does_not_play_the_kept_opening_on_a_stream_that_goes_on)
{
    const struct caller_opts opts = { .attempt = 1 };
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    spoken(&w);
    w.live_fields =
        STR("{\"state\":{\"stringValue\":\"live\"},\"attempt\":{\"integerValue\":\"0\"},"
            "\"disclosed\":{\"booleanValue\":true}}");
    c = caller_open(&w, &opts);
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    until_heard_ms(c, 500);
    CHECK(all_from(c, 0, 4000, 1));
    world_close(&w);
}
