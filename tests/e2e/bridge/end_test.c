/* Rules 7 and 8: the goodbye is heard, and every call ends once, with everything on record. */
#include "media_bridge/call.h"
#include "support/world.h"

static const char booked[] = "\"status\":\"ok\",\"output\":{\"say\":\"Say goodbye.\"},"
                             "\"control\":{\"end_call\":true,\"outcome\":\"booked\"}";

/* logCallOutcome was called and answered; the goodbye is the test's to play. */
static struct fake_caller *leaving(struct world *w, struct fake_engine **e, const char *reply)
{
    struct fake_caller *c;

    world_open(w, NULL);
    c = world_talk(w, e);
    w->script.answer = ANSWER_NOT;
    w->tool_reply = reply;
    engine_turn(*e, "item_c1", "Thank you, that is all.");
    until_engine_got(*e, "response.create", 3);
    engine_begin(*e);
    engine_tool(*e, "call_1", "logCallOutcome",
                "{\"outcome\":\"booked\",\"summary\":\"Haircut on Monday\"}");
    engine_end(*e, "completed");
    until_engine_got(*e, "response.create", 4);
    engine_begin(*e);
    return c;
}

TEST(bridge_lets_the_last_words_be_heard_then_ends_the_call)
{
    struct arena a = ARENA_INIT;
    const struct jval *ended;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(&w, &e, booked);
    engine_say(e, "Goodbye and see you on Monday.", 2000);
    engine_end(e, "completed");
    until_closed(c);
    CHECK_INT(caller_heard_ms(c), 1200 + 2000); /* to the end */
    CHECK_INT(c->closed_code, 1000);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "ended"); /* before the stream closed */
    until_over(&w);
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK_STR(json_str(json_get(ended, "reason")), "completed");
    CHECK_STR(json_str(json_get(ended, "outcome")), "booked");
    CHECK_STR(json_str(json_get(ended, "summary")), "Haircut on Monday");
    CHECK_INT(world_events(&w, c->call_sid, "call.ended"), 1);
    CHECK_INT(w.rest.n, 0);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_ends_the_call_when_the_goodbyes_mark_never_returns)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t said;

    c = leaving(&w, &e, booked);
    c->opts.no_marks = true;
    engine_say(e, "Goodbye.", 1000);
    engine_end(e, "completed");
    said = world_now_ms(&w);
    until_closed(c);
    CHECK(world_now_ms(&w) - said >= 1000 + 1500);
    CHECK(world_now_ms(&w) - said <= 1000 + 4000);
    world_close(&w);
}

TEST(bridge_ends_the_call_when_no_goodbye_ever_comes)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(&w, &e, booked);
    engine_end(e, "completed"); /* without a word */
    until_closed(c);
    world_close(&w);
}

TEST(bridge_answers_a_caller_who_interrupts_the_goodbye_before_it_ends_the_call)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(&w, &e, booked);
    engine_say(e, "Goodbye and see you on Monday.", 3000);
    until_received_ms(c, 1800);
    engine_speech_started(e, "item_c2");
    until_clears(c, 1);
    engine_end(e, "cancelled");
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Wait, at which time?");
    until_engine_got(e, "response.create", 5);
    CHECK(!c->closed);
    engine_begin(e);
    engine_say(e, "At ten.", 1000);
    engine_end(e, "completed");
    world_pass(&w, 2000);
    CHECK(!c->closed); /* the caller gets a moment */
    until_closed(c);
    world_close(&w);
}

TEST(bridge_goes_on_when_another_tool_is_called_after_the_goodbye)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(&w, &e, booked);
    w.tool_reply = NULL;
    engine_tool(e, "call_2", "findAvailability", "{}");
    engine_end(e, "completed");
    until_engine_got(e, "response.create", 5);
    engine_begin(e);
    engine_say(e, "There is also Tuesday.", 1000);
    engine_end(e, "completed");
    world_pass(&w, 6000);
    CHECK(!c->closed);
    world_close(&w);
}

TEST(bridge_hands_the_call_to_a_person_after_the_promise_was_heard)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(
        &w, &e,
        "\"status\":\"ok\",\"output\":{\"say\":\"I connect you.\"},\"control\":{\"transfer\":"
        "{\"number\":\"+4930555101\",\"reason\":\"wish\",\"summary\":\"wants a person\"}}");
    engine_say(e, "I am connecting you now.", 1500);
    engine_end(e, "completed");
    until_closed(c);
    until_over(&w);
    CHECK_INT(caller_heard_ms(c), 1200 + 1500);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "transfer");
    CHECK_CONTAINS(buf_str(&w.live), "+4930555101");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.handoff", 0), "kind")),
              "transfer");
    CHECK(!str_contains(
        json_str(json_get(world_event(&w, &a, c->call_sid, "call.handoff", 0), "number")),
        STR("555101"))); /* masked */
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "transferred");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_ends_the_call_over_rest_when_the_live_document_cannot_be_written)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(&w, &e, booked);
    w.refuse_commits = 1;
    engine_say(e, "Goodbye.", 500);
    engine_end(e, "completed");
    until_closed(c);
    CHECK_CONTAINS(buf_str(&w.rest), "Status=completed");
    CHECK_CONTAINS(buf_str(&w.rest), c->call_sid);
    until_over(&w);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "ended"); /* and after all it is */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_the_caller_hanging_up_first_cleanly)
{
    struct arena a = ARENA_INIT;
    const struct jval *ended;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(&w, &e, booked);
    engine_say(e, "Goodbye and see you on Monday.", 3000);
    until_received_ms(c, 1800);
    caller_stop(c);
    until_over(&w);
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK_STR(json_str(json_get(ended, "reason")), "caller_hangup");
    CHECK_STR(json_str(json_get(ended, "outcome")), "booked"); /* what was settled stays */
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "ended");
    CHECK_INT(e->closed_code, 1000); /* the engine is not left behind */
    CHECK_INT(w.rest.n, 0);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_tells_the_whole_call_at_its_end)
{
    struct arena a = ARENA_INIT;
    const struct jval *ended, *started;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(&w, &e, booked);
    engine_say(e, "Goodbye.", 500);
    engine_end(e, "completed");
    until_over(&w);
    started = world_event(&w, &a, c->call_sid, "call.started", 0);
    CHECK_STR(json_str(json_get(started, "streamSid")), c->stream_sid);
    CHECK_STR(json_str(json_get(started, "model")), "gpt-realtime-2.1");
    CHECK_INT(json_str(json_get(started, "promptHash")).n, 64);
    CHECK(json_i64_or(json_get(started, "engineConnectMs"), -1) >= 0);
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK_INT(json_i64_or(json_get(ended, "attempt"), -1), 0);
    CHECK(json_i64_or(json_get(ended, "durationMs"), 0) > 1500);
    CHECK(json_str(json_get(ended, "startedAt")).n > 20);
    CHECK_STR(json_str(json_path(ended, "turns.0.role")), "agent");
    CHECK_STR(json_str(json_path(ended, "turns.1.text")), "How can I help you?");
    CHECK_STR(json_str(json_path(ended, "turns.2.text")), "Goodbye.");
    CHECK_STR(json_str(json_path(ended, "tools.0.name")), "logCallOutcome");
    CHECK_INT(json_i64_or(json_path(ended, "usage.audioOut"), 0), 4 * 40);
    CHECK(json_is_num(json_path(ended, "latency.first_word_ms")));
    CHECK(json_i64_or(json_path(ended, "counters.mediaIn"), 0) > 50);
    CHECK_INT(json_i64_or(json_path(ended, "counters.underruns"), -1), 0);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_models_and_voice_from_settings_where_the_profile_names_none_and_makes_up_no_price)
{
    static const char *const more[] = { "REALTIME_MODEL=voice-next", "REALTIME_VOICE=cedar",
                                        "REALTIME_TRANSCRIPTION_MODEL=ears-next", NULL };
    struct arena a = ARENA_INIT;
    const struct jval *session, *ended, *usage;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, more);
    c = world_talk(&w, &e);
    caller_stop(c);
    until_over(&w);
    session = json_get(engine_message(e, &a, "session.update", 0), "session");
    CHECK_STR(json_str(json_path(session, "audio.output.voice")), "cedar");
    CHECK_STR(json_str(json_path(session, "audio.input.transcription.model")), "ears-next");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.started", 0), "model")),
              "voice-next");
    usage = world_event(&w, &a, c->call_sid, "call.usage", 0);
    CHECK_STR(json_str(json_get(usage, "model")), "voice-next");
    CHECK(json_i64_or(json_path(usage, "usage.audioOut"), 0) > 0);
    CHECK(json_get(usage, "costMicroUsd") == NULL);
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK(json_i64_or(json_path(ended, "usage.audioOut"), 0) > 0);
    CHECK(json_get(ended, "costMicroUsd") == NULL);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_writes_the_transcript_in_the_order_of_speaking_whenever_the_words_come)
{
    struct arena a = ARENA_INIT;
    const struct jval *ended;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 1000);
    engine_speech_stopped(e, "item_c1");
    engine_turn(e, "item_c1", NULL); /* its words come after the answer */
    until_engine_got(e, "response.create", 3);
    until_heard_ms(c, 1800);
    engine_speech_started(e, "item_c2");
    world_pass(&w, 1000);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Second.");
    engine_turn(e, "item_c1", "First.");
    until_heard_ms(c, 2400);
    caller_stop(c);
    until_over(&w);
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK_STR(json_str(json_path(ended, "turns.2.text")), "First.");
    CHECK_STR(json_str(json_path(ended, "turns.3.text")), "Answer 2.");
    CHECK_STR(json_str(json_path(ended, "turns.4.text")), "Second.");
    CHECK_STR(json_str(json_path(ended, "turns.2.role")), "caller");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_waits_a_moment_for_the_callers_last_words)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    engine_speech_started(e, "item_c1");
    engine_speech_stopped(e, "item_c1");
    world_pass(&w, 100);
    caller_stop(c);
    world_pass(&w, 500);
    engine_turn(e, "item_c1", "Never mind.");
    until_over(&w);
    CHECK_STR(
        json_str(json_path(world_event(&w, &a, c->call_sid, "call.ended", 0), "turns.2.text")),
        "Never mind.");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_hands_over_when_the_engine_dies_in_mid_call)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    engine_close(e, 1011, "internal error");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1); /* the first loss is mended */
    CHECK(!c->closed);
    engine_close(e, 1011, "internal error");
    until_closed(c);
    until_over(&w);
    CHECK_INT(w.n_engines, 2);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "failed");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "engine_failed");
    CHECK_INT(world_events(&w, c->call_sid, "call.ended"), 1);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_leaves_the_call_to_be_resumed_when_the_stream_breaks)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    caller_drop(c);
    until_over(&w);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "live");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "stream_lost");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_moves_its_calls_at_shutdown_once_the_sentence_is_spoken)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.answer_ms = 1500;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    until_heard_ms(c, 1800); /* in the greeting */
    world_stop(&w);
    until_closed(c);
    CHECK_INT(caller_heard_ms(c), 3000);
    until_over(&w);
    world_quiet(&w);
    CHECK(w.stopped);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "live");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "shutdown");
    (void)e;
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_keeps_the_promise_of_a_person_at_shutdown)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(
        &w, &e,
        "\"status\":\"ok\",\"output\":{\"say\":\"I connect you.\"},\"control\":{\"transfer\":"
        "{\"number\":\"+4930555101\",\"reason\":\"wish\",\"summary\":\"\"}}");
    engine_say(e, "I am connecting you now.", 1500);
    engine_end(e, "completed");
    world_pass(&w, 500);
    world_stop(&w);
    until_closed(c);
    CHECK_INT(caller_heard_ms(c), 1200 + 1500);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "transfer");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_a_resumed_call_up_where_it_was)
{
    const struct caller_opts opts = { .attempt = 1 };
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
#define TURN(index, role, text)                                                                   \
    "{\"document\":{\"name\":\"projects/test/databases/(default)/documents/calls/X/events/" index \
    "\",\"fields\":{\"type\":{\"stringValue\":\"call.turn\"},\"source\":{\"stringValue\":"        \
    "\"bridge-0\"},\"data\":{\"mapValue\":{\"fields\":{\"index\":{\"integerValue\":\"" index      \
    "\"},\"role\":{\"stringValue\":\"" role "\"},\"text\":{\"stringValue\":\"" text "\"}}}}}}}"
    w.past_events =
        STR("[" TURN("10", "caller", "At nine?") "," TURN("9", "agent", "Which time?") "]");
#undef TURN
    c = caller_open(&w, &opts);
    e = world_engine(&w, 0);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(
        json_str(json_path(engine_message(e, &a, "session.update", 0), "session.instructions")),
        "Agent: Which time?\nCaller: At nine?");
    /* The opening is not repeated. */
    CHECK_STR(
        json_str(json_path(engine_message(e, &a, "response.create", 0), "response.instructions")),
        "");
    until_event(&w, c->call_sid, "call.started", 1);
    CHECK_INT(
        json_i64_or(json_get(world_event(&w, &a, c->call_sid, "call.started", 0), "attempt"), 0),
        1);
    arena_release(&a);
    world_close(&w);
}

static struct str asked_to_say(struct fake_engine *e, struct arena *a, int n)
{
    return json_str(json_path(engine_message(e, a, "response.create", n), "response.instructions"));
}

TEST(bridge_asks_a_silent_caller_then_ends_politely)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t began;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    began = world_now_ms(&w);
    until_engine_got(e, "response.create", 3);
    CHECK(world_now_ms(&w) - began >= 7500);
    CHECK_CONTAINS(asked_to_say(e, &a, 2), "still there");
    until_engine_got(e, "response.create", 4);
    CHECK_CONTAINS(asked_to_say(e, &a, 3), "still there");
    until_engine_got(e, "response.create", 5);
    CHECK_CONTAINS(asked_to_say(e, &a, 4), "Goodbye");
    until_closed(c);
    CHECK_INT(caller_heard_ms(c), 5 * 600); /* to its end */
    until_over(&w);
    CHECK_INT(engine_got(e, "response.create"), 5);
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "silence");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "outcome")),
              "silent");
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "ended");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_begins_to_ask_anew_once_a_silent_caller_has_spoken)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    until_engine_got(e, "response.create", 4); /* asked twice */
    until_heard_ms(c, 4L * 600);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 600);
    engine_speech_stopped(e, "item_c1");
    engine_turn(e, "item_c1", "Yes, I am.");
    until_engine_got(e, "response.create", 5);
    CHECK_STR(asked_to_say(e, &a, 4), ""); /* an answer */
    until_engine_got(e, "response.create", 6);
    CHECK_CONTAINS(asked_to_say(e, &a, 5), "still there");
    until_engine_got(e, "response.create", 7);
    CHECK_CONTAINS(asked_to_say(e, &a, 6), "still there");
    CHECK_INT(c->closed, 0);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_asks_a_caller_who_has_only_coughed)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;
    int64_t began;

    world_open(&w, NULL);
    (void)world_talk(&w, &e);
    began = world_now_ms(&w);
    world_pass(&w, 4000);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 300);
    engine_speech_stopped(e, "item_c1"); /* and no turn comes of it */
    until_engine_got(e, "response.create", 3);
    CHECK_CONTAINS(asked_to_say(e, &a, 2), "still there");
    CHECK(world_now_ms(&w) - began >= 12000); /* the cough was a sign of life */
    CHECK(world_now_ms(&w) - began <= 16000);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_says_beforehand_that_the_longest_call_will_end)
{
    static const char *const more[] = { "BUSINESS_PROFILE=" VC_SOURCE_DIR
                                        "/tests/e2e/bridge/warned.yaml",
                                        NULL };
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t began;

    world_open(&w, more);
    began = world_now_ms(&w);
    c = world_talk(&w, &e);
    /* The caller is speaking when the time comes: the warning waits. */
    world_pass(&w, 48000 - (world_now_ms(&w) - began));
    engine_speech_started(e, "item_c1");
    world_pass(&w, 5000);
    CHECK_INT(engine_got(e, "response.create"), 2);
    engine_speech_stopped(e, "item_c1");
    engine_turn(e, "item_c1", "And then there is this.");
    until_engine_got(e, "response.create", 4);
    CHECK_CONTAINS(asked_to_say(e, &a, 2), "little time left");
    CHECK_STR(asked_to_say(e, &a, 3), ""); /* and the answer is not lost */
    until_engine_got(e, "response.create", 5);
    CHECK(world_now_ms(&w) - began >= 89000);
    CHECK(world_now_ms(&w) - began <= 92000);
    CHECK_CONTAINS(asked_to_say(e, &a, 4), "longest time");
    until_closed(c);
    until_over(&w);
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "time_limit");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_ends_the_longest_call_with_a_sentence)
{
    static const char *const more[] = { "BUSINESS_PROFILE=" VC_SOURCE_DIR
                                        "/tests/e2e/bridge/short.yaml",
                                        NULL };
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, more);
    c = world_talk(&w, &e);
    until_engine_got(e, "response.create", 3);
    CHECK(world_now_ms(&w) >= 60000);
    CHECK_CONTAINS(
        json_str(json_path(engine_message(e, &a, "response.create", 2), "response.instructions")),
        "longest time");
    until_closed(c);
    CHECK_INT(caller_heard_ms(c), 1800);
    until_over(&w);
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "time_limit");
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "ended");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_keeps_events_until_pubsub_takes_them)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct list_node *at;
    struct world w;
    int i;

    world_open(&w, NULL);
    w.refuse_publishes = 3;
    c = world_talk(&w, &e);
    caller_stop(c);
    until_over(&w);
    CHECK_INT(w.publishes_refused, 3);
    CHECK_INT(world_events(&w, c->call_sid, "call.started"), 1);
    CHECK_INT(world_events(&w, c->call_sid, "call.ended"), 1);
    at = list_first(&w.events);
    for (i = 1; at; i++, at = list_next(&w.events, at)) /* in their order, none missing */
        CHECK_STR(str_c(CONTAINER_OF(at, struct cloud_event, node)->id),
                  arena_cstr(&a, arena_printf(&a, "%s/bridge-0/%d", c->call_sid, i)));
    CHECK_INT(outbox_lost(w.bridge->outbox), 0);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_logs_no_words_number_or_secret)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = leaving(&w, &e, booked);
    w.refuse_publishes = -1;
    engine_say(e, "Goodbye dear caller.", 500);
    engine_end(e, "completed");
    until_closed(c);
    world_pass(&w, 3000);
    CHECK(!world_log_has(&w, "Thank you, that is all"));
    CHECK(!world_log_has(&w, "Goodbye dear"));
    CHECK(!world_log_has(&w, "Haircut"));
    CHECK(!world_log_has(&w, "+4915112345678"));
    CHECK(!world_log_has(&w, "sk-test"));
    CHECK(!world_log_has(&w, WORLD_TOKEN_KEY));
    CHECK(!world_log_has(&w, WORLD_AUTH_TOKEN));
    world_close(&w);
}
