/* Rules 1 to 3: connected is session.created, nothing reaches the engine before session.updated, the agent
 * speaks first. */
#include "media_bridge/hold_tone.h"
#include "support/world.h"

TEST(bridge_connects_the_engine_from_the_upgrade_on_before_start)
{
    const struct caller_opts opts = { .hold_start = true };
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = caller_open(&w, &opts);
    e = world_engine(&w, 0);
    until_log(&w, "voice engine connected");
    CHECK_INT(engine_got(e, "session.update"), 0); /* whose call it is, is not known yet */
    caller_start(c);
    until_engine_got(e, "session.update", 1);
    until_engine_got(e, "response.create", 1);
    world_close(&w);
}

TEST(bridge_takes_only_session_created_for_a_connection)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.hold_created = true;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    world_pass(&w, 3000);
    CHECK_INT(engine_got(e, "session.update"), 0);
    CHECK(!world_log_has(&w, "voice engine connected"));
    CHECK_INT(c->received_ms, HOLD_TONE_MS); /* that somebody is there, and no word */
    engine_send_created(e);
    until_engine_got(e, "response.create", 1);
    until_heard_ms(c, 500);
    world_close(&w);
}

static void check_permanent(int close, const char *code)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    w.script.refuse_close = close;
    w.script.refuse_code = code;
    w.script.refuse_times = -1;
    c = caller_open(&w, NULL);
    until_closed(c);
    until_over(&w);
    CHECK_INT(w.n_engines, 1); /* not tried again */
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "failed");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "engine_failed");
    CHECK(world_log_has(&w, code));
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_does_not_retry_a_wrong_key)
{
    check_permanent(3000, "invalid_api_key");
}

TEST(bridge_does_not_retry_a_wrong_model)
{
    check_permanent(4000, "invalid_model");
}

TEST(bridge_retries_a_close_that_may_pass)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    w.script.refuse_close = 1013;
    w.script.refuse_code = "server_error";
    w.script.refuse_times = 2;
    c = caller_open(&w, NULL);
    until_heard_ms(c, 1000);
    CHECK_INT(w.n_engines, 3);
    caller_stop(c);
    until_over(&w);
    CHECK_INT(json_i64_or(json_path(world_event(&w, &a, c->call_sid, "call.ended", 0),
                                    "counters.engineConnects"),
                          0),
              3);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_gives_up_after_a_few_connections_and_hands_over)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    w.script.refuse_close = 1011;
    w.script.refuse_code = "server_error";
    w.script.refuse_times = -1;
    c = caller_open(&w, NULL);
    until_closed(c);
    CHECK_INT(w.n_engines, 4);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "failed");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_hands_over_when_the_engine_never_says_a_word)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    w.script.mute = true;
    c = caller_open(&w, NULL);
    until_closed(c);
    until_over(&w);
    CHECK(world_now_ms(&w) <= 15000);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "failed");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_keeps_what_the_caller_says_until_the_session_is_ready)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    size_t sent;

    world_open(&w, NULL);
    w.script.hold_updated = true;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    until_engine_got(e, "session.update", 1);
    world_pass(&w, 2000);
    CHECK_INT(e->audio.n, 0); /* its turn detection would run with its defaults */
    sent = (size_t)c->media_ms * 8;
    CHECK(sent >= 1900 * 8UL);
    engine_send_updated(e);
    until_engine_got(e, "response.create", 1);
    world_pass(&w, 100);       /* what was held follows, and what is on its way */
    CHECK(e->audio.n >= sent); /* not a frame is lost */
    world_close(&w);
}

TEST(bridge_keeps_all_words_when_the_first_engine_is_mute_and_the_second_takes_long)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.hold_updated = true;
    c = caller_open(&w, NULL);
    (void)world_engine(&w, 0);
    world_pass(&w, VOICE_SESSION_TIMEOUT_MS + 500);
    e = world_engine(&w, 1);
    world_pass(&w, 4000);
    c->opts.silent_line = true;
    engine_send_updated(e);
    until_engine_got(e, "response.create", 1);
    world_pass(&w, 500); /* what was held follows */
    CHECK_INT(e->audio.n, c->media_ms * 8);
    CHECK(c->media_ms >= 9000);
    world_close(&w);
}

TEST(bridge_keeps_the_callers_words_over_a_reconnection)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.hold_created = true;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    world_pass(&w, 1000);
    w.script.hold_created = false;
    engine_close(e, 1011, "internal");
    e = world_engine(&w, 1);
    until_engine_got(e, "response.create", 1);
    c->opts.silent_line = true;
    world_pass(&w, 500);                    /* what is on its way arrives */
    CHECK_INT(e->audio.n, c->media_ms * 8); /* also of while nobody was connected */
    CHECK(c->media_ms >= 1000);
    world_close(&w);
}

TEST(bridge_refuses_a_session_that_speaks_another_format)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    w.script.format = "audio/pcm";
    c = caller_open(&w, NULL);
    until_closed(c);
    until_over(&w);
    CHECK_INT(w.n_engines, 1);
    CHECK_INT(w.engines[0]->audio.n, 0);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "failed");
    CHECK(world_log_has(&w, "audio/pcmu"));
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_sends_the_session_whole_and_leaves_answers_and_interruptions_to_itself)
{
    struct arena a = ARENA_INIT;
    const struct jval *s;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    (void)caller_open(&w, NULL);
    e = world_engine(&w, 0);
    until_engine_got(e, "session.update", 1);
    s = json_get(engine_message(e, &a, "session.update", 0), "session");
    CHECK_STR(json_str(json_get(s, "type")), "realtime");
    CHECK_STR(json_str(json_path(s, "audio.input.format.type")), "audio/pcmu");
    CHECK_STR(json_str(json_path(s, "audio.output.format.type")), "audio/pcmu");
    CHECK_STR(json_str(json_path(s, "audio.input.turn_detection.type")), "server_vad");
    CHECK(!json_bool_or(json_path(s, "audio.input.turn_detection.create_response"), true));
    CHECK(!json_bool_or(json_path(s, "audio.input.turn_detection.interrupt_response"), true));
    CHECK_INT(json_i64_or(json_path(s, "audio.input.turn_detection.silence_duration_ms"), 0), 500);
    CHECK_STR(json_str(json_path(s, "audio.input.transcription.language")), "en");
    CHECK_STR(json_str(json_path(s, "audio.output.voice")), "marin");
    CHECK_CONTAINS(json_str(json_get(s, "instructions")), "Test Salon");
    CHECK(json_len(json_get(s, "tools")) > 2);
    CHECK_STR(json_str(json_path(s, "tools.0.type")), "function");
    CHECK(json_is_null(json_get(s, "temperature")));
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_speaks_the_disclosure_and_the_greeting_first_then_listens)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    CHECK_INT(engine_got(e, "response.create"), 2);
    CHECK_STR(
        json_str(json_path(engine_message(e, &a, "response.create", 0), "response.instructions")),
        "Say exactly: \"This is an AI and this call is recorded.\"");
    CHECK_STR(
        json_str(json_path(engine_message(e, &a, "response.create", 0), "response.tool_choice")),
        "none");
    CHECK_STR(
        json_str(json_path(engine_message(e, &a, "response.create", 1), "response.instructions")),
        "Say exactly: \"How can I help you?\"");
    world_pass(&w, 2000);
    CHECK_INT(engine_got(e, "response.create"), 2); /* and listens */
    CHECK_INT(caller_heard_ms(c), 1200);
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.turn", 0), "text")),
              "This is an AI and this call is recorded.");
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.turn", 1), "text")),
              "How can I help you?");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_lets_nobody_interrupt_the_disclosure_but_the_greeting)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.answer_ms = 2000;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    until_heard_ms(c, 500);
    engine_speech_started(e, "item_c");
    until_heard_ms(c, 1900);
    CHECK_INT(c->clears, 0);
    until_clears(c, 1); /* the caller goes on speaking into the greeting */
    CHECK(caller_heard_ms(c) >= 2000 && caller_heard_ms(c) < 2600);
    world_close(&w);
}
