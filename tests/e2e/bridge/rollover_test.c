/* Rule 3: engine sessions roll over before their limit without the caller noticing. Sessions of 40 s here: from the
 * 30th second on the next one is made, from the 35th any end of a sentence will do. */
#include "support/world.h"

enum { SESSION_S = 40, DUE_MS = 30000, FORCED_MS = 35000, LAST_MS = 37500 };

static const char *const more[] = { "BUSINESS_PROFILE=tests/e2e/bridge/warned.yaml",
                                    "SESSION_MARGIN_S=10", NULL };

/* Since the first session began. */
static int64_t age_ms(const struct world *w)
{
    return clock_wall_us(&w->fake.clock) / 1000 - 1800000000000;
}

/* A talk at the moment at which the next session becomes due. */
static struct fake_caller *due(struct world *w, struct fake_engine **e)
{
    struct fake_caller *c;

    world_open(w, more);
    w->script.session_s = SESSION_S;
    c = world_talk(w, e);
    w->script.session_s = 2 * SESSION_S; /* the next is not due again meanwhile */
    engine_speech_started(*e, "item_c1");
    engine_speech_stopped(*e, "item_c1");
    engine_turn(*e, "item_c1", "A haircut on Monday, please.");
    until_heard_ms(c, 1800);
    world_pass(w, DUE_MS - 50 - age_ms(w));
    CHECK_INT(w->n_engines, 1);
    return c;
}

static void until_rolled(struct world *w)
{
    until_log(w, "voice session rolled over");
}

static struct str item_text(struct fake_engine *e, struct arena *a, int n)
{
    return json_str(
        json_path(engine_message(e, a, "conversation.item.create", n), "item.content.0.text"));
}

static bool rolled(const struct world *w)
{
    return world_log_has(w, "voice session rolled over");
}

TEST(bridge_rolls_a_session_over_in_a_quiet_moment_and_nobody_notices)
{
    struct arena a = ARENA_INIT;
    const struct jval *ended;
    struct fake_engine *old, *e;
    struct fake_caller *c;
    struct world w;

    c = due(&w, &old);
    until_rolled(&w);
    CHECK(age_ms(&w) < DUE_MS + 1500);
    e = world_engine(&w, 1);
    world_quiet(&w);
    CHECK_INT(old->closed_code, 1000);
    CHECK_INT(engine_got(e, "conversation.item.create"), 5);
    CHECK_STR(item_text(e, &a, 0), "This is an AI and this call is recorded.");
    CHECK_STR(item_text(e, &a, 2), "A haircut on Monday, please.");
    CHECK_CONTAINS(item_text(e, &a, 4), "without a word about it");
    CHECK(e->items_first);
    world_pass(&w, 2000);
    CHECK_INT(c->received_ms, 1800); /* no apology, no tone */
    CHECK_INT(c->clears, 0);
    CHECK_INT(engine_got(e, "response.create"), 0);
    /* The talk goes on with the new one. */
    engine_speech_started(e, "item_c2");
    engine_speech_stopped(e, "item_c2");
    engine_turn(e, "item_c2", "At ten.");
    until_heard_ms(c, 2400);
    CHECK(json_i64_or(json_get(world_event(&w, &a, c->call_sid, "call.turn", 4), "startMs"), 0) >=
          DUE_MS); /* its audio counts anew */
    caller_stop(c);
    until_over(&w);
    ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
    CHECK_INT(json_i64_or(json_path(ended, "counters.engineConnects"), 0), 2);
    CHECK_INT(json_i64_or(json_path(ended, "counters.responses"), 0), 4);
    CHECK_INT(json_i64_or(json_path(ended, "counters.responsesUnmetered"), -1), 0);
    CHECK_INT(json_i64_or(json_path(ended, "usage.audioOut"), 0), 4 * 40); /* of both */
    CHECK_STR(json_str(json_get(ended, "reason")), "caller_hangup");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_gives_each_frame_of_the_caller_to_one_of_the_two_sessions)
{
    struct fake_engine *old, *e;
    struct fake_caller *c;
    struct world w;

    c = due(&w, &old);
    until_rolled(&w);
    e = world_engine(&w, 1);
    world_pass(&w, 500);
    CHECK(e->audio.n > 0);
    CHECK_INT(old->audio.n + e->audio.n, c->media_ms * 8);
    world_close(&w);
}

TEST(bridge_connects_the_next_session_before_it_closes_the_old_one)
{
    struct fake_engine *old;
    struct world w;

    (void)due(&w, &old);
    w.script.hold_updated = true;
    (void)world_engine(&w, 1);
    world_pass(&w, 2000);
    CHECK_INT(old->closed_code, 0);
    CHECK_INT(w.engines[1]->audio.n, 0);
    CHECK(!rolled(&w));
    engine_send_updated(w.engines[1]);
    until_rolled(&w);
    world_quiet(&w);
    CHECK_INT(old->closed_code, 1000);
    world_close(&w);
}

TEST(bridge_does_not_roll_over_while_the_agent_speaks)
{
    struct fake_engine *old;
    struct fake_caller *c;
    struct world w;
    int64_t begun;

    c = due(&w, &old);
    begun = age_ms(&w);
    w.script.answer_ms = 3000;
    engine_turn(old, "item_c2", "And what does it cost?");
    until_heard_ms(c, 1800 + 2900);
    CHECK(!rolled(&w));
    CHECK(w.engines[1]->updated); /* it is ready, and waits */
    until_rolled(&w);
    CHECK(caller_heard_ms(c) >= 1800 + 3000);
    CHECK(age_ms(&w) >= begun + 3000 + 400); /* half a second of quiet */
    CHECK(age_ms(&w) < FORCED_MS);
    world_close(&w);
}

TEST(bridge_does_not_roll_over_while_the_caller_speaks)
{
    struct fake_engine *old;
    struct world w;

    (void)due(&w, &old);
    engine_speech_started(old, "item_c2");
    world_pass(&w, LAST_MS - age_ms(&w));
    CHECK(!rolled(&w));
    engine_speech_stopped(old, "item_c2");
    world_pass(&w, 300);
    CHECK(!rolled(&w)); /* the words are still to come */
    engine_turn(old, "item_c2", "Yes.");
    until_rolled(&w);
    CHECK(age_ms(&w) < SESSION_S * 1000L);
    world_close(&w);
}

TEST(bridge_does_not_roll_over_under_speech_that_only_it_has_heard_so_far)
{
    struct fake_engine *old;
    struct fake_caller *c;
    struct world w;

    c = due(&w, &old);
    caller_says(c, SOUND_VOWEL, 6000, 1500);
    world_pass(&w, 1500 + 1500);
    CHECK(!rolled(&w)); /* the engine may be about to tell of it */
    until_rolled(&w);
    CHECK(age_ms(&w) < FORCED_MS);
    world_close(&w);
}

TEST(bridge_does_not_roll_over_under_such_speech_when_the_limit_is_near_either)
{
    struct fake_engine *old;
    struct fake_caller *c;
    struct world w;

    c = due(&w, &old);
    caller_says(c, SOUND_VOWEL, 6000, 6500);
    world_pass(&w, 6300);
    CHECK(age_ms(&w) > FORCED_MS);
    CHECK(!rolled(&w));
    until_rolled(&w);
    CHECK(age_ms(&w) < LAST_MS); /* it does not wait any longer than that */
    world_close(&w);
}

TEST(bridge_waits_for_a_tool_before_it_rolls_over)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *old;
    struct world w;

    (void)due(&w, &old);
    w.script.answer = ANSWER_NOT;
    w.tool_mode = TOOL_HELD;
    engine_turn(old, "item_c2", "Yes.");
    until_engine_got(old, "response.create", 4);
    engine_begin(old);
    engine_tool(old, "call_1", "findAvailability", "{}");
    engine_end(old, "completed");
    until_tool_requests(&w, 1);
    world_pass(&w, 3000);
    CHECK(!rolled(&w));
    w.script.answer = ANSWER_ITSELF;
    world_release_tools(&w);
    until_engine_got(old, "response.create", 5);
    until_rolled(&w);
    CHECK_CONTAINS(buf_str(&world_engine(&w, 1)->received), "\"call_id\":\"call_1\"");
    CHECK_INT(w.tool_requests, 1);
    arena_release(&a);
    world_close(&w);
}

TEST(
    bridge_rolls_over_under_a_running_tool_when_the_limit_is_near_and_gives_its_output_to_the_new_session)
{
    struct fake_engine *old, *e;
    struct world w;

    (void)due(&w, &old);
    w.script.answer = ANSWER_NOT;
    w.tool_mode = TOOL_HELD;
    engine_turn(old, "item_c2", "Yes.");
    until_engine_got(old, "response.create", 4);
    engine_begin(old);
    engine_tool(old, "call_1", "findAvailability", "{}");
    engine_end(old, "completed");
    until_tool_requests(&w, 1);
    until_rolled(&w);
    CHECK(age_ms(&w) >= FORCED_MS);
    e = world_engine(&w, 1);
    CHECK_INT(engine_got(e, "response.create"), 0);
    world_release_tools(&w);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(buf_str(&e->received),
                   "\"type\":\"function_call_output\",\"call_id\":\"call_1\"");
    CHECK_INT(engine_got(old, "response.create"), 4);
    CHECK_INT(w.tool_requests, 1);
    world_close(&w);
}

TEST(bridge_rolls_over_under_words_that_are_still_being_heard_when_the_limit_is_very_near)
{
    struct fake_engine *old;
    struct fake_caller *c;
    struct world w;

    c = due(&w, &old);
    w.script.answer_ms = 12000;
    engine_turn(old, "item_c2", "And what does it cost?");
    until_rolled(&w);
    CHECK(age_ms(&w) >= LAST_MS);
    CHECK(age_ms(&w) < SESSION_S * 1000L);
    until_heard_ms(c, 1800 + 12000);
    CHECK_INT(c->clears, 0);
    CHECK_INT(c->received_ms, 1800 + 12000); /* to the end, once */
    world_close(&w);
}

TEST(bridge_tries_again_when_the_next_session_is_refused)
{
    struct fake_engine *old;
    struct fake_caller *c;
    struct world w;

    c = due(&w, &old);
    w.script.refuse_close = 1013;
    w.script.refuse_code = "server_error";
    w.script.refuse_times = 2;
    until_rolled(&w);
    CHECK_INT(w.n_engines, 4);
    CHECK_INT(c->received_ms, 1800);
    CHECK(!world_log_has(&w, "lost in mid-call"));
    world_close(&w);
}

TEST(bridge_tries_again_when_the_next_session_ends_before_its_moment)
{
    struct fake_engine *old;
    struct world w;

    (void)due(&w, &old);
    engine_speech_started(old, "item_c2");
    (void)world_engine(&w, 1);
    world_pass(&w, 500);
    engine_close(w.engines[1], 1011, "internal error");
    (void)world_engine(&w, 2);
    CHECK_INT(old->closed_code, 0);
    engine_speech_stopped(old, "item_c2");
    engine_turn(old, "item_c2", "Yes.");
    until_rolled(&w);
    CHECK(!world_log_has(&w, "lost in mid-call"));
    world_close(&w);
}

TEST(bridge_does_not_try_again_when_the_next_session_is_refused_for_good)
{
    struct fake_engine *old;
    struct world w;

    (void)due(&w, &old);
    w.script.refuse_close = 3000;
    w.script.refuse_code = "invalid_api_key";
    w.script.refuse_times = -1;
    world_pass(&w, 8000);
    CHECK_INT(w.n_engines, 2);
    CHECK_INT(old->closed_code, 0); /* it goes on to its limit */
    world_close(&w);
}

TEST(bridge_drops_the_next_session_when_the_one_there_is_gets_lost)
{
    struct fake_engine *old, *next, *e;
    struct world w;

    (void)due(&w, &old);
    w.script.hold_updated = true;
    next = world_engine(&w, 1);
    world_pass(&w, 200);
    w.script.hold_updated = false;
    engine_close(old, 1011, "internal error");
    e = world_engine(&w, 2);
    until_engine_got(e, "response.create", 1);
    CHECK_INT(next->closed_code, 1000);
    world_close(&w);
}

TEST(bridge_makes_no_next_session_for_a_call_that_is_about_to_move)
{
    struct fake_engine *old;
    struct world w;

    (void)due(&w, &old);
    engine_speech_started(old, "item_c2");
    world_quiet(&w);
    world_stop(&w);
    world_pass(&w, 2000);
    CHECK_INT(w.n_engines, 1);
    world_close(&w);
}

/* No session is to be had before the limit; the engine ends the old one. */
static struct fake_engine *limit_hit(struct world *w)
{
    struct fake_engine *old;

    (void)due(w, &old);
    w->script.refuse_close = 1013;
    w->script.refuse_code = "server_error";
    w->script.refuse_times = -1;
    world_pass(w, SESSION_S * 1000L - age_ms(w));
    CHECK(!rolled(w));
    w->script.refuse_times = 0;
    engine_send(old, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"code\":"
                     "\"session_expired\",\"message\":\"60 minutes\"}}");
    engine_close(old, 1001, "Your session hit the maximum duration of 60 minutes.");
    return world_engine(w, w->n_engines);
}

TEST(bridge_replaces_a_session_that_hits_its_limit)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    e = limit_hit(&w);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(
        json_str(json_path(engine_message(e, &a, "response.create", 0), "response.instructions")),
        "I was gone");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_does_not_count_a_rollover_as_the_one_replacement)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *old, *e;
    struct fake_caller *c;
    struct world w;

    c = due(&w, &old);
    until_rolled(&w);
    engine_close(world_engine(&w, 1), 1011, "internal error");
    e = world_engine(&w, 2);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(
        json_str(json_path(engine_message(e, &a, "response.create", 0), "response.instructions")),
        "I was gone");
    CHECK(!c->closed);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_rolls_over_after_its_own_setting_when_the_engine_names_no_end)
{
    static const char *const own[] = { "BUSINESS_PROFILE=tests/e2e/bridge/warned.yaml",
                                       "SESSION_MAX_S=60", "SESSION_MARGIN_S=30", NULL };
    struct fake_engine *e;
    struct world w;

    world_open(&w, own);
    (void)world_talk(&w, &e);
    until_rolled(&w);
    CHECK(age_ms(&w) >= 30000);
    CHECK(age_ms(&w) < 32000);
    world_close(&w);
}

TEST(bridge_takes_its_own_setting_for_an_end_that_has_passed)
{
    static const char *const own[] = { "BUSINESS_PROFILE=tests/e2e/bridge/warned.yaml",
                                       "SESSION_MAX_S=60", "SESSION_MARGIN_S=30", NULL };
    struct fake_engine *e;
    struct world w;

    world_open(&w, own);
    w.script.session_s = -1000; /* the clocks differ */
    (void)world_talk(&w, &e);
    world_pass(&w, 20000);
    CHECK_INT(w.n_engines, 1);
    world_close(&w);
}

TEST(bridge_closes_the_next_session_with_the_call)
{
    struct fake_engine *old;
    struct fake_caller *c;
    struct world w;

    c = due(&w, &old);
    w.script.hold_updated = true;
    (void)world_engine(&w, 1);
    world_pass(&w, 200);
    caller_stop(c);
    until_over(&w);
    world_pass(&w, 100);
    CHECK_INT(w.engines[1]->closed_code, 1000);
    world_close(&w);
}
