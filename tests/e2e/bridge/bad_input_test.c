/* What a stranger or a broken peer may send: a clear answer and log line, and nothing else disturbed. */
#include "media_bridge/call.h"
#include "support/world.h"

static void check_refused(const struct caller_opts *o, int close_code, const char *logged)
{
    struct fake_caller *bad, *good;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    good = world_talk(&w, &e);
    bad = caller_open(&w, o);
    until_closed(bad);
    CHECK_INT(bad->closed_code, close_code);
    CHECK(world_log_has(&w, logged));
    world_pass(&w, 500);
    CHECK_INT(w.bridge->n_calls, 1);
    CHECK_INT(world_events(&w, bad->call_sid, "call.ended"), 0); /* it never was a call */
    engine_turn(e, "item_c1", "Still there?");                   /* the other one talks on */
    until_heard_ms(good, 1800);
    world_close(&w);
}

TEST(bridge_refuses_an_upgrade_without_a_signature)
{
    const struct caller_opts opts = { .signature = "" };

    check_refused(&opts, -1, "signature_refused_total=1");
}

TEST(bridge_refuses_an_upgrade_with_a_wrong_signature)
{
    const struct caller_opts opts = { .signature = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" };

    check_refused(&opts, -1, "signed=wrongly");
}

TEST(bridge_refuses_a_token_of_another_call)
{
    const struct caller_opts opts = { .token_sid = "CA99999999999999999999999999999999" };

    check_refused(&opts, 1008, "another call's");
}

TEST(bridge_refuses_a_token_that_has_expired)
{
    const struct caller_opts opts = { .token_age_s = 120 };

    check_refused(&opts, 1008, "stream refused");
}

TEST(bridge_closes_a_stream_that_never_starts)
{
    const struct caller_opts opts = { .hold_start = true };
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    c = caller_open(&w, &opts);
    until_closed(c);
    CHECK_INT(c->closed_code, 1008);
    CHECK(world_now_ms(&w) >= CALL_START_MS);
    until_over(&w);
    CHECK_INT(w.n_events, 0);
    world_close(&w);
}

TEST(bridge_refuses_audio_before_start)
{
    const struct caller_opts opts = { .hold_start = true };
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    c = caller_open(&w, &opts);
    (void)world_engine(&w, 0);
    world_pass(&w, 50);
    caller_media(c, 20);
    until_closed(c);
    CHECK_INT(c->closed_code, 1008);
    CHECK(world_log_has(&w, "audio before start"));
    until_over(&w);
    world_close(&w);
}

TEST(bridge_ends_a_stream_that_starts_twice)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    caller_start(c);
    until_closed(c);
    CHECK_INT(c->closed_code, 1008);
    until_over(&w);
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "reason")),
              "protocol");
    CHECK(world_log_has(&w, "a second start"));
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_survives_broken_json_unknown_events_and_binary_frames)
{
    static const uint8_t junk[] = { 0, 1, 2, 255 };
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    caller_send(c, "{\"event\":");
    caller_send(c, "[]");
    caller_send(c, "{\"event\":\"somethingNew\",\"streamSid\":\"%s\",\"x\":{}}", c->stream_sid);
    caller_send(c, "{\"event\":\"media\",\"streamSid\":\"%s\",\"media\":{\"payload\":\"***\"}}",
                c->stream_sid);
    CHECK_OK(ws_send_binary(c->ws, junk, sizeof(junk)));
    world_pass(&w, 200);
    CHECK(!c->closed);
    CHECK(world_log_has(&w, "no message of its protocol"));
    engine_turn(e, "item_c1", "Still there?");
    until_heard_ms(c, 1800);
    world_close(&w);
}

TEST(bridge_ends_a_stream_that_sends_nothing_but_junk)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int i;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    for (i = 0; i <= CALL_BAD_MESSAGES_MAX; i++)
        caller_send(c, "junk");
    until_closed(c);
    CHECK_INT(c->closed_code, 1008);
    world_close(&w);
}

TEST(bridge_survives_whatever_the_engine_sends)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    struct buf big = BUF_INIT(4 * MIB);

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    engine_send(e, "{\"type\":\"something.new\",\"x\":[1,2,{}]}");
    engine_send(e, "no json");
    engine_send(e, "{\"type\":\"response.done\"}");
    engine_send(
        e, "{\"type\":\"response.output_audio.delta\",\"delta\":\"***\",\"response_id\":\"x\"}");
    engine_send(e, "{\"type\":\"error\",\"error\":null}");
    engine_send(e, "{\"type\":\"session.created\"}");
    while (big.n < MIB)
        buf_add_c(&big, "0123456789abcdef");
    engine_send(e, "{\"type\":\"conversation.item.done\",\"item\":{\"text\":\"" STR_FMT "\"}}",
                STR_ARG(buf_str(&big)));
    buf_release(&big);
    engine_turn(e, "item_c1", "Still there?");
    until_heard_ms(c, 1800);
    world_close(&w);
}

TEST(bridge_refuses_streams_beyond_its_limit)
{
    static const char *const more[] = { "BRIDGE_CALLS_MAX=1", NULL };
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, more);
    (void)world_talk(&w, &e);
    c = caller_open(&w, NULL);
    until_closed(c);
    CHECK_INT(c->closed_code, -1);
    CHECK(world_log_has(&w, "stream refused calls=1"));
    world_close(&w);
}
