/* Rule 6: tools act once, off the audio path; each call gets exactly one output, then one answer. */
#include "support/world.h"

/* The engine's answer to the caller's turn is the test's. */
static struct fake_caller *asked(struct world *w, struct fake_engine **e, const char *const *more)
{
    struct fake_caller *c;

    world_open(w, more);
    c = world_talk(w, e);
    w->script.answer = ANSWER_NOT;
    engine_turn(*e, "item_c1", "I would like to book.");
    until_engine_got(*e, "response.create", 3);
    engine_begin(*e);
    return c;
}

TEST(bridge_runs_a_tool_once_and_answers_after_the_response_is_done)
{
    struct arena a = ARENA_INIT;
    const struct jval *item;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = asked(&w, &e, NULL);
    engine_tool(e, "call_1", "findAvailability", "{\"service\":\"cut\"}");
    engine_tool(e, "call_1", "findAvailability", "{\"service\":\"cut\"}"); /* said again */
    until_engine_got(e, "conversation.item.create", 1);
    world_pass(&w, 500);
    CHECK_INT(engine_got(e, "response.create"), 3); /* the response still runs */
    engine_end(e, "completed");
    until_engine_got(e, "response.create", 4);
    world_pass(&w, 500);
    CHECK_INT(engine_got(e, "response.create"), 4);
    CHECK_INT(engine_got(e, "conversation.item.create"), 1);
    CHECK_INT(w.tool_requests, 1);
    CHECK(w.last_tool_authorized);
    item = json_get(engine_message(e, &a, "conversation.item.create", 0), "item");
    CHECK_STR(json_str(json_get(item, "type")), "function_call_output");
    CHECK_STR(json_str(json_get(item, "call_id")), "call_1");
    CHECK_STR(json_str(json_get(item, "output")), "{\"say\":\"Done.\"}");
    CHECK_CONTAINS(buf_str(&w.tools), "/tools/findAvailability {");
    CHECK_CONTAINS(buf_str(&w.tools), "\"toolCallId\":\"call_1\"");
    CHECK_CONTAINS(buf_str(&w.tools), "\"arguments\":{\"service\":\"cut\"}");
    CHECK_CONTAINS(buf_str(&w.tools), "\"from\":\"+4915112345678\"");
    until_event(&w, c->call_sid, "call.tool", 1);
    arena_release(&a);
    world_close(&w);
}

/* The first answer breaks off, or is noise. */
static void check_second_attempt(enum tool_mode spoilt)
{
    struct arena a = ARENA_INIT;
    const struct jval *item;
    struct fake_engine *e;
    struct world w;

    (void)asked(&w, &e, NULL);
    w.spoil_tools = 1;
    w.spoilt = spoilt;
    engine_tool(e, "call_1", "findAvailability", "{}");
    engine_end(e, "completed");
    until_engine_got(e, "conversation.item.create", 1);
    CHECK_INT(w.tool_requests, 2);
    item = json_get(engine_message(e, &a, "conversation.item.create", 0), "item");
    CHECK_STR(json_str(json_get(item, "output")), "{\"say\":\"Done.\"}");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_gives_the_output_of_a_tool_that_was_answered_at_the_second_attempt)
{
    check_second_attempt(TOOL_CUT);
}

TEST(bridge_asks_a_tool_again_whose_answer_is_noise)
{
    check_second_attempt(TOOL_NOISE);
}

TEST(bridge_gives_all_outputs_before_it_asks_for_one_answer)
{
    struct fake_engine *e;
    struct world w;

    (void)asked(&w, &e, NULL);
    w.tool_mode = TOOL_HELD;
    engine_tool(e, "call_1", "findAvailability", "{}");
    engine_tool(e, "call_2", "qualifyLead", "{}");
    engine_tool(e, "call_3", "holdSlot", "{}");
    engine_end(e, "completed");
    until_tool_requests(&w, 3);
    world_pass(&w, 2000);
    CHECK_INT(engine_got(e, "response.create"), 3);
    CHECK_INT(engine_got(e, "conversation.item.create"), 0);
    world_release_tools(&w);
    until_engine_got(e, "response.create", 4);
    CHECK_INT(engine_got(e, "conversation.item.create"), 3);
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 4);
    /* The outputs stand before the request. */
    CHECK(str_find(buf_str(&e->received), STR("\"call_id\":\"call_3\"")) <
          str_find(buf_str(&e->received), STR("\"event_id\":\"r4\"")));
    world_close(&w);
}

TEST(bridge_waits_for_a_second_tool_of_a_response_whose_first_was_quick)
{
    struct fake_engine *e;
    struct world w;

    (void)asked(&w, &e, NULL);
    engine_tool(e, "call_1", "findAvailability", "{}");
    until_engine_got(e, "conversation.item.create", 1);
    w.tool_mode = TOOL_HELD;
    engine_tool(e, "call_2", "holdSlot", "{}");
    until_tool_requests(&w, 2);
    engine_end(e, "completed");
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 3); /* it would speak without knowing */
    world_release_tools(&w);
    until_engine_got(e, "response.create", 4);
    CHECK_INT(engine_got(e, "conversation.item.create"), 2);
    world_close(&w);
}

TEST(bridge_carries_audio_while_a_tool_takes_its_time)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t heard;
    size_t audio;

    c = asked(&w, &e, NULL);
    w.tool_mode = TOOL_HELD;
    engine_say(e, "One moment, please.", 1500);
    engine_tool(e, "call_1", "findAvailability", "{}");
    engine_end(e, "completed");
    until_tool_requests(&w, 1);
    heard = caller_heard_ms(c);
    audio = e->audio.n;
    world_pass(&w, 3000);
    CHECK(caller_heard_ms(c) >= heard + 1000);
    CHECK(e->audio.n >= audio + 2900 * 8UL);
    world_release_tools(&w);
    until_engine_got(e, "response.create", 4);
    world_close(&w);
}

TEST(bridge_gives_up_on_a_tool_at_its_deadline_and_ignores_what_comes_later)
{
    static const char *const more[] = { "TOOL_DEADLINE_MS=4000", NULL };
    struct arena a = ARENA_INIT;
    const struct jval *item;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t began;

    c = asked(&w, &e, more);
    w.tool_mode = TOOL_HELD;
    began = world_now_ms(&w);
    engine_tool(e, "call_1", "bookAppointment", "{}");
    engine_end(e, "completed");
    until_engine_got(e, "conversation.item.create", 1);
    CHECK(world_now_ms(&w) - began >= 4000);
    CHECK(world_now_ms(&w) - began <= 5000);
    item = json_get(engine_message(e, &a, "conversation.item.create", 0), "item");
    CHECK_CONTAINS(json_str(json_get(item, "output")), "unavailable");
    until_engine_got(e, "response.create", 4);
    world_release_tools(&w);
    until_log(&w, "tool's result came after its time");
    CHECK_INT(engine_got(e, "conversation.item.create"), 1); /* exactly one output */
    until_event(&w, c->call_sid, "call.tool", 1);
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.tool", 0), "status")),
              "failed");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_answers_for_a_tool_gateway_that_is_broken)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    (void)asked(&w, &e, NULL);
    w.tool_mode = TOOL_BREAKS;
    engine_tool(e, "call_1", "findAvailability", "{}");
    engine_end(e, "completed");
    until_engine_got(e, "response.create", 4);
    CHECK_INT(engine_got(e, "conversation.item.create"), 1);
    CHECK_CONTAINS(
        json_str(json_path(engine_message(e, &a, "conversation.item.create", 0), "item.output")),
        "\"say\"");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_a_tools_name_for_no_path)
{
    struct fake_engine *e;
    struct world w;

    (void)asked(&w, &e, NULL);
    engine_tool(e, "call_1", "../live", "{}");
    engine_end(e, "completed");
    until_engine_got(e, "conversation.item.create", 1);
    CHECK_INT(w.tool_requests, 0);
    until_engine_got(e, "response.create", 4);
    world_close(&w);
}

TEST(bridge_hands_broken_arguments_on_as_they_are)
{
    struct fake_engine *e;
    struct world w;

    (void)asked(&w, &e, NULL);
    engine_tool(e, "call_1", "holdSlot", "{\"slotId\":");
    engine_end(e, "completed");
    until_engine_got(e, "response.create", 4);
    CHECK_CONTAINS(buf_str(&w.tools), "\"arguments\":\"{\\\"slotId\\\":\"");
    world_close(&w);
}

TEST(bridge_leaves_workers_for_the_record_while_the_gateway_hangs)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    char id[24];
    int i;

    c = asked(&w, &e, NULL);
    w.tool_mode = TOOL_HELD;
    for (i = 0; i < 12; i++) { /* more than there are workers */
        (void)snprintf(id, sizeof(id), "call_%d", i);
        engine_tool(e, id, "findAvailability", "{}");
    }
    engine_end(e, "completed");
    world_pass(&w, 1000);
    caller_stop(c);
    until_log(&w, "recorded: leaving -> closing");
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "ended");
    CHECK(w.tool_requests < 12);
    world_release_tools(&w);
    until_over(&w);
    CHECK_INT(world_events(&w, c->call_sid, "call.tool"), 12);
    CHECK_INT(w.tool_requests, 12); /* each had its turn */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_waits_for_the_caller_to_finish_before_it_answers_for_a_tool)
{
    struct fake_engine *e;
    struct world w;

    (void)asked(&w, &e, NULL);
    w.tool_mode = TOOL_HELD;
    engine_tool(e, "call_1", "findAvailability", "{}");
    engine_end(e, "completed");
    until_tool_requests(&w, 1);
    engine_speech_started(e, "item_c2");
    world_pass(&w, 500);
    world_release_tools(&w);
    until_engine_got(e, "conversation.item.create", 1);
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 3);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Are you there?");
    until_engine_got(e, "response.create", 4);
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 4); /* one answer to both */
    world_close(&w);
}

TEST(bridge_records_a_tool_whose_result_comes_after_the_caller_hung_up)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = asked(&w, &e, NULL);
    w.tool_mode = TOOL_HELD;
    engine_tool(e, "call_1", "bookAppointment", "{}");
    engine_end(e, "completed");
    until_tool_requests(&w, 1);
    caller_stop(c);
    world_pass(&w, 1000);
    CHECK_INT(world_events(&w, c->call_sid, "call.ended"), 0); /* it waits for it */
    world_release_tools(&w);
    until_over(&w);
    CHECK_STR(
        json_str(json_path(world_event(&w, &a, c->call_sid, "call.ended", 0), "tools.0.status")),
        "ok");
    CHECK_STR(
        json_str(json_path(world_event(&w, &a, c->call_sid, "call.ended", 0), "tools.0.name")),
        "bookAppointment");
    arena_release(&a);
    world_close(&w);
}

static struct str said(struct fake_engine *e, struct arena *a, int n)
{
    return json_str(json_path(engine_message(e, a, "response.create", n), "response.instructions"));
}

TEST(bridge_asks_the_caller_to_wait_for_a_tool_that_takes_twenty_seconds)
{
    static const char *const more[] = { "TOOL_DEADLINE_MS=60000", "TOOL_SLOW_MS=3500", NULL };
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;
    int64_t began;

    (void)asked(&w, &e, more);
    w.tool_mode = TOOL_HELD;
    began = world_now_ms(&w);
    engine_tool(e, "call_1", "bookAppointment", "{}");
    engine_end(e, "completed");
    until_tool_requests(&w, 1);
    w.script.answer = ANSWER_ITSELF;
    until_engine_got(e, "response.create", 4);
    CHECK(world_now_ms(&w) - began >= 3400);
    CHECK(world_now_ms(&w) - began <= 6000);
    CHECK_CONTAINS(said(e, &a, 3), "One moment, please");
    until_engine_got(e, "response.create", 5); /* it takes still longer */
    CHECK_CONTAINS(said(e, &a, 4), "One moment, please");
    CHECK(world_now_ms(&w) - began >= 12000);
    world_pass(&w, 20000 - (world_now_ms(&w) - began));
    CHECK_INT(engine_got(e, "conversation.item.create"), 0);
    world_release_tools(&w);
    until_engine_got(e, "conversation.item.create", 1);
    world_pass(&w, 3000);
    CHECK_STR(said(e, &a, engine_got(e, "response.create") - 1), ""); /* the answer */
    CHECK_INT(engine_got(e, "conversation.item.create"), 1);          /* exactly one output */
    CHECK_STR(
        json_str(json_path(engine_message(e, &a, "conversation.item.create", 0), "item.output")),
        "{\"say\":\"Done.\"}");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_does_not_speak_of_a_slow_tool_while_the_caller_speaks)
{
    static const char *const more[] = { "TOOL_DEADLINE_MS=60000", "TOOL_SLOW_MS=3500", NULL };
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    (void)asked(&w, &e, more);
    w.tool_mode = TOOL_HELD;
    engine_tool(e, "call_1", "findAvailability", "{}");
    engine_speech_started(e, "item_c2");
    engine_end(e, "completed");
    world_pass(&w, 8000);
    CHECK_INT(engine_got(e, "response.create"), 3);
    until_tool_requests(&w, 1);
    world_release_tools(&w);
    until_engine_got(e, "conversation.item.create", 1);
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Take your time.");
    until_engine_got(e, "response.create", 4);
    CHECK_STR(said(e, &a, 3), ""); /* nothing is left to wait for */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_gives_a_tools_output_that_comes_after_an_interruption)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = asked(&w, &e, NULL);
    w.tool_mode = TOOL_HELD;
    engine_say(e, "Let me look into the book for you.", 20000);
    engine_tool(e, "call_1", "holdSlot", "{}");
    until_tool_requests(&w, 1);
    until_heard_ms(c, 1200 + 800);
    engine_speech_started(e, "item_c2");
    until_engine_got(e, "response.cancel", 1);
    engine_end(e, "cancelled");
    world_release_tools(&w);
    until_engine_got(e, "conversation.item.create", 1);
    CHECK_STR(
        json_str(json_path(engine_message(e, &a, "conversation.item.create", 0), "item.call_id")),
        "call_1");
    engine_tool(e, "call_1", "holdSlot", "{}"); /* the cancelled response says it again */
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "Sorry, which day is that?");
    until_engine_got(e, "response.create", 4);
    world_pass(&w, 1500);
    CHECK_INT(engine_got(e, "response.create"), 4); /* one answer to both */
    CHECK_INT(engine_got(e, "conversation.item.create"), 1);
    CHECK_INT(w.tool_requests, 1);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_records_what_became_of_each_tool_also_of_one_that_never_answers_after_the_hang_up)
{
    struct arena a = ARENA_INIT;
    const struct jval *ended;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = asked(&w, &e, NULL);
    w.tool_mode = TOOL_HELD;
    engine_tool(e, "call_1", "bookAppointment", "{}");
    engine_tool(e, "call_2", "logCallOutcome", "{}");
    engine_end(e, "completed");
    until_tool_requests(&w, 2);
    caller_stop(c);
    until_over(&w);
    CHECK_INT(world_events(&w, c->call_sid, "call.tool"), 2);
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK_STR(json_str(json_path(ended, "tools.0.status")), "failed");
    CHECK_STR(json_str(json_path(ended, "tools.1.status")), "failed");
    world_release_tools(&w);
    arena_release(&a);
    world_close(&w);
}
