/* Rule 3: keys that the caller presses are collected, told as text and answered once; the agent is quiet meanwhile. */
#include "support/world.h"

#include <string.h>

static void press(struct fake_caller *c, const char *keys)
{
    for (; *keys; keys++)
        caller_send(c,
                    "{\"event\":\"dtmf\",\"streamSid\":\"%s\",\"sequenceNumber\":\"%lld\","
                    "\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"%c\"}}",
                    c->stream_sid, (long long)++c->sequence, *keys);
}

static struct str told(struct fake_engine *e, struct arena *a, int n)
{
    const struct jval *item = json_get(engine_message(e, a, "conversation.item.create", n), "item");

    CHECK_STR(json_str(json_get(item, "type")), "message");
    CHECK_STR(json_str(json_get(item, "role")), "user");
    CHECK_STR(json_str(json_path(item, "content.0.type")), "input_text");
    return json_str(json_path(item, "content.0.text"));
}

static struct fake_caller *talk(struct world *w, struct fake_engine **e)
{
    struct fake_caller *c;

    world_open(w, NULL);
    c = world_talk(w, e);
    w->script.answer = ANSWER_NOT;
    return c;
}

TEST(bridge_tells_the_engine_the_keys_up_to_the_hash_and_asks_for_one_answer)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talk(&w, &e);
    press(c, "49");
    world_pass(&w, 2500);
    press(c, "3*0");
    world_pass(&w, 2500);
    CHECK_INT(engine_got(e, "conversation.item.create"), 0); /* the caller has not finished */
    press(c, "#");
    until_engine_got(e, "response.create", 3);
    CHECK_STR(told(e, &a, 0), "[pressed on the telephone keypad: 493*0]");
    CHECK(str_find(buf_str(&e->received), STR("keypad")) <
          str_find(buf_str(&e->received), STR("\"event_id\":\"r3\"")));
    world_pass(&w, 3500);
    CHECK_INT(engine_got(e, "conversation.item.create"), 1);
    CHECK_INT(engine_got(e, "response.create"), 3);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_keys_for_complete_when_no_further_one_comes)
{
    static const char *const more[] = { "DTMF_TIMEOUT_MS=1500", NULL };
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, more);
    c = world_talk(&w, &e);
    w.script.answer = ANSWER_NOT;
    press(c, "7");
    world_pass(&w, 1400);
    CHECK_INT(engine_got(e, "response.create"), 2);
    world_pass(&w, 200);
    CHECK_INT(engine_got(e, "response.create"), 3);
    CHECK_STR(told(e, &a, 0), "[pressed on the telephone keypad: 7]");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_a_hash_alone_for_a_key_and_ends_an_entry_that_is_too_long)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talk(&w, &e);
    press(c, "#");
    until_engine_got(e, "conversation.item.create", 1);
    CHECK_STR(told(e, &a, 0), "[pressed on the telephone keypad: #]");
    press(c, "0123456789012345678901234567890123");
    until_engine_got(e, "conversation.item.create", 2);
    CHECK_STR(told(e, &a, 1),
              "[pressed on the telephone keypad: 01234567890123456789012345678901]");
    caller_send(c,
                "{\"event\":\"dtmf\",\"streamSid\":\"%s\",\"sequenceNumber\":\"9\",\"dtmf\":{"
                "\"track\":\"inbound_track\",\"digit\":\"12\"}}",
                c->stream_sid); /* no key */
    world_pass(&w, 5000);
    CHECK_STR(told(e, &a, 2), "[pressed on the telephone keypad: 23]");
    CHECK_INT(engine_got(e, "conversation.item.create"), 3);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_falls_silent_at_the_first_key_and_stays_so_until_the_last)
{
    /* Fake time runs while a worker is at it. */
    static const char *const more[] = { "DTMF_TIMEOUT_MS=20000", NULL };
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t heard;

    world_open(&w, more);
    c = world_talk(&w, &e);
    w.script.answer = ANSWER_NOT;
    engine_turn(e, "item_c1", "My number?");
    until_engine_got(e, "response.create", 3);
    engine_begin(e);
    engine_say(e, "Please press the digits of your number on the telephone.", 4000);
    w.tool_mode = TOOL_HELD;
    engine_tool(e, "call_1", "findAvailability", "{}");
    until_tool_requests(&w, 1);
    until_heard_ms(c, 1200 + 1000);
    press(c, "1");
    world_quiet(&w);
    CHECK_INT(c->clears, 1); /* at once */
    CHECK_INT(engine_got(e, "response.cancel"), 1);
    CHECK_INT(engine_got(e, "conversation.item.truncate"), 1);
    engine_end(e, "cancelled");
    world_pass(&w, 100);
    heard = caller_heard_ms(c);
    /* A tool's result in between is given, and not spoken about. */
    world_release_tools(&w);
    until_engine_got(e, "conversation.item.create", 1);
    world_pass(&w, 1000);
    press(c, "2");
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 3);
    CHECK_INT(caller_heard_ms(c) - heard, 0);
    press(c, "#");
    until_engine_got(e, "response.create", 4);
    CHECK_STR(told(e, &a, 1), "[pressed on the telephone keypad: 12]");
    engine_begin(e);
    engine_say(e, "Thank you.", 500);
    engine_end(e, "completed");
    until_heard_ms(c, heard + 500);
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 4); /* one answer to both */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_lets_no_key_interrupt_the_disclosure)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.answer_ms = 1000;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    until_heard_ms(c, 300);
    press(c, "5");
    until_heard_ms(c, 990);
    CHECK_INT(c->clears, 0);
    world_pass(&w, 1000);
    CHECK(caller_heard_ms(c) <= 1020); /* what follows it waits for the keys */
    until_engine_got(e, "conversation.item.create", 1);
    CHECK_STR(told(e, &a, 0), "[pressed on the telephone keypad: 5]");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_keeps_keys_that_are_pressed_before_the_engine_is_there)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.script.hold_updated = true;
    c = caller_open(&w, NULL);
    e = world_engine(&w, 0);
    until_engine_got(e, "session.update", 1);
    press(c, "42");
    world_pass(&w, 4500);
    CHECK_INT(engine_got(e, "conversation.item.create"), 0);
    engine_send_updated(e);
    until_engine_got(e, "conversation.item.create", 1);
    CHECK_STR(told(e, &a, 0), "[pressed on the telephone keypad: 42]");
    until_engine_got(e, "response.create", 3); /* the opening, and the answer */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_writes_keys_into_the_transcript_and_not_into_the_log)
{
    struct arena a = ARENA_INIT;
    const struct jval *turn;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talk(&w, &e);
    press(c, "8642");
    world_pass(&w, 300);
    caller_stop(c); /* in the middle of it */
    until_over(&w);
    turn = json_path(world_event(&w, &a, c->call_sid, "call.ended", 0), "turns.2");
    CHECK_STR(json_str(json_get(turn, "role")), "caller");
    CHECK_STR(json_str(json_get(turn, "text")), "[pressed on the telephone keypad: 8642]");
    CHECK(world_log_has(&w, "keys pressed n=4"));
    CHECK(!world_log_has(&w, "8642"));
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_tells_keys_to_the_engine_that_replaces_a_lost_one)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = talk(&w, &e);
    press(c, "31");
    world_pass(&w, 100);
    w.script.hold_created = true;
    engine_close(e, 1011, "gone");
    e = world_engine(&w, 1);
    world_pass(&w, 3500); /* the entry ends while nobody is there */
    w.script.answer = ANSWER_ITSELF;
    engine_send_created(e);
    until_engine_got(e, "response.create", 2); /* that it was gone, and the answer */
    CHECK_CONTAINS(buf_str(&e->received), "I was gone");
    CHECK_CONTAINS(buf_str(&e->received), "[pressed on the telephone keypad: 31]");
    world_close(&w);
}
