/* Rules 4 and 5: barge-in, and one arbiter for responses. */
#include <sys/socket.h>

#include "net/loop_lws_internal.h"
#include "net/ws_internal.h"
#include "support/world.h"
#include "voice/turn_arbiter.h"

/* The agent is speaking an answer that the test plays; `ms` of it were heard. */
static struct fake_caller *speaking(struct world *w, struct fake_engine **e, int ms)
{
    struct fake_caller *c;
    int64_t before;

    world_open(w, NULL);
    c = world_talk(w, e);
    w->script.answer = ANSWER_NOT;
    engine_speech_started(*e, "item_c1");
    engine_speech_stopped(*e, "item_c1");
    engine_turn(*e, "item_c1", "When are you open?");
    until_engine_got(*e, "response.create", 3);
    before = caller_heard_ms(c);
    engine_begin(*e);
    engine_say(*e, "We are open from nine to five, from Monday to Friday, and closed on holidays.",
               5000);
    until_heard_ms(c, before + ms);
    return c;
}

static bool only_engine_audio_until(const struct fake_caller *c, int64_t ms)
{
    return caller_heard_ms(c) <= ms;
}

TEST(bridge_falls_silent_at_once_when_the_caller_speaks_and_truncates_at_what_was_heard)
{
    struct arena a = ARENA_INIT;
    const struct jval *m;
    struct fake_caller *c;
    struct fake_engine *e;
    int64_t heard, cut_at, began;
    struct world w;

    c = speaking(&w, &e, 1500);
    heard = caller_heard_ms(c) - 1200; /* of this answer */
    began = world_now_ms(&w);
    engine_speech_started(e, "item_c2");
    until_clears(c, 1);
    CHECK(world_now_ms(&w) - began <= TURN_SUSTAIN_MS + 4 * WORLD_STEP_MS);
    cut_at = caller_heard_ms(c) - 1200;
    until_engine_got(e, "conversation.item.truncate", 1);
    m = engine_message(e, &a, "conversation.item.truncate", 0);
    CHECK_STR(json_str(json_get(m, "item_id")), e->item_id);
    CHECK_INT(json_i64_or(json_get(m, "content_index"), -1), 0);
    CHECK(json_i64_or(json_get(m, "audio_end_ms"), -1) >= heard - 50);
    CHECK(json_i64_or(json_get(m, "audio_end_ms"), -1) <= cut_at + 20);
    CHECK_INT(engine_got(e, "response.cancel"), 1);
    CHECK_STR(json_str(json_get(engine_message(e, &a, "response.cancel", 0), "response_id")),
              e->response_id);
    world_pass(&w, 1000);
    CHECK(only_engine_audio_until(c, cut_at + 1200)); /* nothing more was heard */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_clears_twilio_even_when_the_engine_has_already_finished)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    engine_end(e, "completed");
    world_pass(&w, 100);
    engine_speech_started(e, "item_c2");
    until_clears(c, 1);
    until_engine_got(e, "conversation.item.truncate", 1);
    CHECK_INT(engine_got(e, "response.cancel"), 0); /* nothing runs: nothing to cancel */
    world_close(&w);
}

/* Reads nothing any more, and has no large buffer that the kernel could fill meanwhile. */
static void stall(struct fake_caller *c)
{
    int size = 32 * KIB;

    CHECK_INT(setsockopt(loop_lws_fd(c->ws->wsi), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    ws_pause(c->ws);
}

TEST(bridge_clears_a_stream_that_stalled_ahead_of_the_audio_that_waits_for_it)
{
    struct fake_caller *c;
    struct fake_engine *e;
    int64_t before, on_its_way;
    struct world w;

    c = speaking(&w, &e, 1000);
    engine_say(e, "And so on.", 30000);
    engine_end(e, "completed");
    world_pass(&w, 500);
    before = c->received_ms;
    stall(c);
    world_pass(&w, 15000);
    engine_speech_started(e, "item_c2");
    until_engine_got(e, "conversation.item.truncate", 1);
    ws_resume(c->ws);
    until_clears(c, 1);
    on_its_way = c->received_ms - before;
    CHECK(on_its_way < 10000); /* of 15 s: what the kernels had */
    world_pass(&w, 2000);
    CHECK(c->received_ms - before - on_its_way <= 5); /* the fade, and nothing else */
    world_close(&w);
}

TEST(bridge_drops_late_audio_of_a_cancelled_response)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    int64_t received;
    struct world w;

    c = speaking(&w, &e, 1000);
    engine_speech_started(e, "item_c2");
    until_engine_got(e, "response.cancel", 1);
    received = c->received_ms;
    engine_audio(e, e->response_id, e->item_id, 2000); /* they do arrive */
    world_pass(&w, 500);
    engine_end(e, "cancelled");
    engine_audio(e, e->response_id, e->item_id, 200); /* even after its end */
    world_pass(&w, 500);
    CHECK_INT(c->received_ms, received);
    caller_stop(c);
    until_over(&w);
    CHECK_INT(json_i64_or(json_path(world_event(&w, &a, c->call_sid, "call.ended", 0),
                                    "counters.lateAudioMs"),
                          0),
              2200);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_does_not_take_marks_returned_by_clear_for_heard)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    engine_speech_started(e, "item_c2");
    until_engine_got(e, "response.cancel", 1); /* the marks of what was thrown away come back now */
    engine_end(e, "cancelled");
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "And on Saturday?");
    until_engine_got(e, "response.create", 4);
    engine_begin(e);
    engine_say(e, "On Saturday we are closed.", 2000);
    until_received_ms(c, c->received_ms + 200);
    engine_speech_started(e, "item_c3"); /* at once again */
    until_clears(c, 2);
    until_engine_got(e, "conversation.item.truncate", 2);
    CHECK(json_i64_or(
              json_get(engine_message(e, &a, "conversation.item.truncate", 1), "audio_end_ms"),
              -1) <= 400);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_does_not_truncate_what_was_fully_heard)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    engine_end(e, "completed");
    until_heard_ms(c, 1200 + 5000);
    world_pass(&w, 300);
    engine_speech_started(e, "item_c2");
    world_pass(&w, 500);
    CHECK_INT(engine_got(e, "conversation.item.truncate"), 0);
    CHECK_INT(c->clears, 0);
    world_close(&w);
}

TEST(bridge_writes_down_what_was_heard_of_an_interrupted_turn)
{
    struct arena a = ARENA_INIT;
    const struct jval *turn;
    struct fake_caller *c;
    struct fake_engine *e;
    struct str text;
    struct world w;

    c = speaking(&w, &e, 2500);
    engine_speech_started(e, "item_c2");
    until_clears(c, 1);
    until_event(&w, c->call_sid, "call.turn", 4);
    turn = world_event(&w, &a, c->call_sid, "call.turn", 3);
    text = json_str(json_get(turn, "text"));
    CHECK(json_bool_or(json_get(turn, "interrupted"), false));
    CHECK(str_starts(text, STR("We are open from nine")));
    CHECK(text.n < 60); /* about half of it */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_measures_how_fast_it_stops_and_how_fast_it_answers)
{
    struct arena a = ARENA_INIT;
    const struct jval *ended;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    engine_speech_started(e, "item_c2");
    until_engine_got(e, "response.cancel", 1);
    caller_stop(c);
    until_over(&w);
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK_INT(json_len(json_path(ended, "latency.barge_in_stop_ms")), 1);
    /* Silent at the limit, counted from the onset; the cancel comes later. */
    CHECK(json_i64_or(json_path(ended, "latency.barge_in_stop_ms.0"), 0) >= TURN_SUSTAIN_MS);
    CHECK(json_i64_or(json_path(ended, "latency.barge_in_stop_ms.0"), 0) <=
          TURN_SUSTAIN_MS + 4 * WORLD_STEP_MS);
    CHECK_INT(json_len(json_path(ended, "latency.response_ms")), 1);
    CHECK(json_i64_or(json_path(ended, "latency.response_ms.0"), 0) >=
          500); /* the silence that ended the turn */
    CHECK(json_i64_or(json_path(ended, "latency.response_ms.0"), 0) <= 600);
    CHECK(json_i64_or(json_path(ended, "latency.first_word_ms"), -1) >= 0);
    CHECK(json_i64_or(json_path(ended, "latency.first_word_ms"), -1) <= 100);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_never_asks_for_two_responses_at_a_time)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int i;

    c = speaking(&w, &e, 500);
    for (i = 0; i < 3; i++)
        engine_turn(e, "item_c2", NULL); /* turns come in while it speaks */
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 3);
    engine_end(e, "completed");
    until_engine_got(e, "response.create", 4);
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 4);
    (void)c;
    world_close(&w);
}

TEST(bridge_asks_again_when_a_response_never_comes)
{
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    (void)world_talk(&w, &e);
    w.script.answer = ANSWER_NOT;
    engine_turn(e, "item_c1", "Hello?");
    until_engine_got(e, "response.create", 3);
    world_pass(&w, TURN_WATCHDOG_MS - 100);
    CHECK_INT(engine_got(e, "response.create"), 3);
    w.script.answer = ANSWER_ITSELF;
    until_engine_got(e, "response.create", 4);
    world_close(&w);
}

TEST(bridge_retries_a_failed_response_once_then_says_that_something_went_wrong)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    w.script.answer = ANSWER_FAILED;
    engine_turn(e, "item_c1", "Hello?");
    until_engine_got(e, "response.create", 4);
    /* cppcheck-suppress redundantAssignment ; the engine has read the other */
    w.script.answer = ANSWER_ITSELF;
    until_engine_got(e, "response.create", 5);
    CHECK_CONTAINS(
        json_str(json_path(engine_message(e, &a, "response.create", 4), "response.instructions")),
        "Say exactly: \"I am sorry");
    until_heard_ms(c, 1200 + 600); /* and it is heard */
    CHECK_INT(c->closed, 0);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_hands_over_when_not_even_the_fallback_can_be_spoken)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    w.script.answer = ANSWER_FAILED;
    engine_turn(e, "item_c1", "Hello?");
    until_closed(c);
    until_over(&w);
    CHECK_INT(engine_got(e, "response.create"), 2 + 2 + 2);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "failed");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.handoff", 0), "kind")),
              "failed");
    arena_release(&a);
    world_close(&w);
}

/* Of call.ended. */
static int64_t ended_i64(struct world *w, const struct fake_caller *c, const char *path)
{
    struct arena a = ARENA_INIT;
    int64_t n = json_i64_or(json_path(world_event(w, &a, c->call_sid, "call.ended", 0), path), -1);

    arena_release(&a);
    return n;
}

TEST(bridge_waits_for_the_usage_of_what_the_agent_was_saying_when_the_caller_hung_up)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    caller_stop(c);
    until_engine_got(e, "response.cancel", 1);
    engine_end(e, "cancelled");
    until_over(&w);
    CHECK_INT(ended_i64(&w, c, "usage.audioOut"), 3 * 40);
    CHECK_INT(ended_i64(&w, c, "counters.responses"), 3);
    CHECK_INT(ended_i64(&w, c, "counters.responsesUnmetered"), 0);
    world_close(&w);
}

TEST(bridge_waits_for_the_usage_of_a_response_that_began_when_the_caller_had_hung_up)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    w.script.answer = ANSWER_NOT;
    engine_turn(e, "item_c1", "Hello?");
    until_engine_got(e, "response.create", 3);
    caller_stop(c);
    world_pass(&w, 300);
    CHECK_INT(engine_got(e, "response.cancel"), 0); /* there is nothing yet */
    engine_begin(e);
    until_engine_got(e, "response.cancel", 1);
    engine_end(e, "cancelled");
    until_over(&w);
    CHECK_INT(ended_i64(&w, c, "usage.audioOut"), 3 * 40);
    CHECK_INT(ended_i64(&w, c, "counters.responses"), 3);
    world_close(&w);
}

TEST(bridge_counts_a_response_once_whose_end_is_told_twice)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    engine_end(e, "completed");
    engine_end(e, "completed");
    world_pass(&w, 500);
    caller_stop(c);
    until_over(&w);
    CHECK_INT(ended_i64(&w, c, "usage.audioOut"), 3 * 40);
    world_close(&w);
}

TEST(bridge_tells_how_many_responses_were_never_metered)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t left;

    c = speaking(&w, &e, 1000);
    caller_stop(c); /* and the engine says nothing more */
    left = world_now_ms(&w);
    until_over(&w);
    CHECK(world_now_ms(&w) - left <= 4000);
    CHECK_INT(ended_i64(&w, c, "usage.audioOut"), 2 * 40);
    CHECK_INT(ended_i64(&w, c, "counters.responsesUnmetered"), 1);
    world_close(&w);
}

TEST(bridge_counts_the_usage_of_every_response_also_of_cancelled_ones)
{
    struct arena a = ARENA_INIT;
    const struct jval *ended;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = speaking(&w, &e, 1000);
    engine_speech_started(e, "item_c2");
    until_engine_got(e, "response.cancel", 1);
    engine_end(e, "cancelled");
    caller_stop(c);
    until_over(&w);
    CHECK_INT(world_events(&w, c->call_sid, "call.usage"),
              4); /* two of the opening, one cut, transcription */
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK_INT(json_i64_or(json_path(ended, "usage.audioOut"), 0), 3 * 40);
    CHECK_INT(json_i64_or(json_path(ended, "usage.textInCached"), 0), 3 * 20);
    CHECK_INT(json_i64_or(json_path(ended, "usage.audioMs"), 0), 2000);
    CHECK(json_i64_or(json_get(ended, "costMicroUsd"), 0) > 0);
    arena_release(&a);
    world_close(&w);
}
