/* Rule 6: the call survives the bridge. What earlier streams have said and done comes from the record, the
 * ledger and the live document; nothing is said or done twice. */
#include <stdio.h>

#include "base/clock.h"
#include "media_bridge/call.h"
#include "support/world.h"

#define DOC(path, fields)                                                         \
    "{\"document\":{\"name\":\"projects/test/databases/(default)/documents/" path \
    "\",\"fields\":{" fields "}}}"
#define TEXT(name, value) "\"" name "\":{\"stringValue\":\"" value "\"}"
#define NUMBER(name, value) "\"" name "\":{\"integerValue\":\"" value "\"}"
#define MAP(name, fields) "\"" name "\":{\"mapValue\":{\"fields\":{" fields "}}}"
#define TURN(index, role, text, ms)                                         \
    DOC("calls/X/events/X~bridge-0~" index,                                 \
        TEXT("type", "call.turn") "," TEXT("source", "bridge-0") "," MAP(   \
            "data", NUMBER("index", index) "," TEXT("role", role) "," TEXT( \
                        "text", text) "," NUMBER("startMs", ms)))
#define TOLD_TOOL(id, name, ms)                                                                   \
    DOC("calls/X/events/X~bridge-0~7",                                                            \
        TEXT("type", "call.tool") "," TEXT("source", "bridge-0") "," MAP(                         \
            "data", TEXT("toolCallId", id) "," TEXT("name", name) "," NUMBER("atMs", ms) "," MAP( \
                        "arguments", TEXT("day", "monday")) "," MAP("output",                     \
                                                                    TEXT("say", "Ten is free."))))
#define LEDGER(id, name, state)                                                         \
    DOC("toolInvocations/X:" id,                                                        \
        TEXT("name", name) "," TEXT("toolCallId", id) "," TEXT("state", state) "," MAP( \
            "arguments", TEXT("slotId", "s1")) "," MAP("output", TEXT("say", "Booked.")))
#define TALK_TURNS                                                                                 \
    TURN("0", "agent", "This is an AI.", "0")                                                      \
    "," TURN("2", "caller", "Monday, please.", "5000") "," TURN("3", "agent", "Is ten all right?", \
                                                                "9000")

static const struct caller_opts second = { .attempt = 1 };

static struct str instructions(struct fake_engine *e, struct arena *a)
{
    return json_str(json_path(engine_message(e, a, "session.update", 0), "session.instructions"));
}

static struct str says(struct fake_engine *e, struct arena *a, int n)
{
    return json_str(json_path(engine_message(e, a, "response.create", n), "response.instructions"));
}

TEST(bridge_goes_on_in_the_middle_of_a_call_whose_bridge_was_killed)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.past_events = STR("[" TALK_TURNS "," TOLD_TOOL("call_1", "findAvailability", "8000") "]");
    w.past_ledger = STR("[" LEDGER("call_1", "findAvailability", "done") "]");
    (void)caller_open(&w, &second);
    e = world_engine(&w, 0);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(instructions(e, &a),
                   "Agent: This is an AI.\nCaller: Monday, please.\nTool: findAvailability "
                   "{\"day\":\"monday\"} -> {\"say\":\"Ten is free.\"}\nAgent: Is ten all right?");
    CHECK_CONTAINS(instructions(e, &a), "with a short apology");
    CHECK_STR(says(e, &a, 0), ""); /* neither the disclosure nor the greeting */
    world_pass(&w, 1000);
    CHECK_INT(engine_got(e, "response.create"), 1);
    CHECK_INT(w.tool_requests, 0); /* it has run, and was told */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_gives_late_events_a_moment_before_it_goes_on)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.past_events = STR("[" TURN("0", "agent", "This is an AI.", "0") "]");
    (void)caller_open(&w, &second);
    e = world_engine(&w, 0);
    world_pass(&w, CALL_PAST_MS / 2);
    CHECK_INT(engine_got(e, "session.update"), 0);
    pthread_mutex_lock(&w.mutex);
    w.past_events = STR("[" TALK_TURNS "]");
    pthread_mutex_unlock(&w.mutex);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(instructions(e, &a), "Is ten all right?");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_a_tool_up_that_ran_when_its_bridge_was_killed)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.past_events = STR("[" TALK_TURNS "]");
    w.past_ledger = STR("[" LEDGER("call_9", "bookAppointment", "running") "]");
    c = caller_open(&w, &second);
    e = world_engine(&w, 0);
    until_engine_got(e, "conversation.item.create", 2);
    CHECK_INT(w.tool_requests, 1);
    CHECK_CONTAINS(buf_str(&w.tools), "\"toolCallId\":\"call_9\""); /* the ledger knows it */
    CHECK_CONTAINS(buf_str(&w.tools), "/tools/bookAppointment");
    CHECK_STR(
        json_str(json_path(engine_message(e, &a, "conversation.item.create", 0), "item.type")),
        "function_call");
    CHECK_STR(
        json_str(json_path(engine_message(e, &a, "conversation.item.create", 1), "item.type")),
        "function_call_output");
    until_engine_got(e, "response.create", 2);
    CHECK_CONTAINS(says(e, &a, 0), "I am sorry, I was gone");
    CHECK_STR(says(e, &a, 1), "");
    until_heard_ms(c, 1200);
    until_event(&w, c->call_sid, "call.tool", 1);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_discloses_when_the_call_was_lost_before_a_word_was_heard)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    (void)caller_open(&w, &second);
    e = world_engine(&w, 0);
    until_engine_got(e, "response.create", 2);
    CHECK_CONTAINS(says(e, &a, 0), "This is an AI");
    CHECK_CONTAINS(says(e, &a, 1), "How can I help");
    arena_release(&a);
    world_close(&w);
}

#define FLAG(name, value) "\"" name "\":{\"booleanValue\":" value "}"
#define LIST(name, values) "\"" name "\":{\"arrayValue\":{\"values\":[" values "]}}"
/* What a bridge that could still write leaves. */
#define LEFT(reason, past, more)                                                              \
    "{" TEXT("state", "live") "," TEXT("reason", reason) "," NUMBER("attempt", "0") "," FLAG( \
        "disclosed", "true") "," MAP("left", TEXT("past", past) "" more "") "}"
#define LEFT_TOOL(id, name)                                                               \
    "{\"mapValue\":{\"fields\":{" TEXT("toolCallId", id) "," TEXT("name", name) "," TEXT( \
        "arguments", "{\\\"slotId\\\":\\\"s1\\\"}") "}}}"
#define TALK_PAST "Agent: This is an AI.\\nCaller: Monday.\\nAgent: Is ten all right?\\n"

/* A stream that goes on with what was left; its engine is configured. */
static struct fake_caller *resumed(struct world *w, const char *live_fields, struct fake_engine **e)
{
    struct fake_caller *c;

    world_open(w, NULL);
    w->past_events = STR("[" TURN("9", "agent", "This is not read.", "0") "]");
    w->live_fields = str_c(live_fields);
    c = caller_open(w, &second);
    *e = world_engine(w, 0);
    until_engine_got(*e, "session.update", 1);
    return c;
}

TEST(bridge_takes_a_moved_call_over_without_a_word_and_listens)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = resumed(&w, LEFT("shutdown", TALK_PAST, ""), &e);
    CHECK(world_now_ms(&w) - c->played_us / 1000 < CALL_PAST_MS); /* it waits for nothing */
    CHECK_CONTAINS(instructions(e, &a), "Caller: Monday.\nAgent: Is ten all right?");
    CHECK(!str_contains(instructions(e, &a), STR("not read"))); /* one document is enough */
    CHECK_CONTAINS(instructions(e, &a), "without a word about it");
    world_pass(&w, 3000);
    CHECK_INT(engine_got(e, "response.create"), 0);
    CHECK_INT(caller_heard_ms(c), 0);
    CHECK_INT(w.tool_requests, 0);
    engine_turn(e, "item_c1", "Yes.");
    until_heard_ms(c, 600);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_says_what_a_moved_call_was_going_to_say)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    (void)resumed(&w, LEFT("shutdown", TALK_PAST, "," TEXT("unsaid", "Or is eleven better?")), &e);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(says(e, &a, 0), "Say exactly: \"Or is eleven better?\"");
    world_pass(&w, 3000);
    CHECK_INT(engine_got(e, "response.create"), 1);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_answers_what_a_moved_call_still_owes)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = resumed(&w, LEFT("shutdown", TALK_PAST "Caller: Yes.\\n", "," FLAG("owed", "true")), &e);
    until_engine_got(e, "response.create", 1);
    CHECK_STR(says(e, &a, 0), "");
    until_heard_ms(c, 600);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_takes_up_the_tools_of_a_moved_call_without_a_word)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    (void)resumed(
        &w,
        LEFT("shutdown", TALK_PAST "Caller: Yes.\\n",
             "," FLAG("owed", "true") "," LIST("tools", LEFT_TOOL("call_9", "bookAppointment"))),
        &e);
    until_engine_got(e, "conversation.item.create", 2);
    CHECK_INT(w.tool_requests, 1);
    CHECK_CONTAINS(buf_str(&w.tools), "\"toolCallId\":\"call_9\"");
    CHECK_CONTAINS(buf_str(&w.tools), "\"slotId\":\"s1\"");
    until_engine_got(e, "response.create", 1);
    CHECK_STR(says(e, &a, 0), ""); /* the answer to it */
    world_pass(&w, 3000);
    CHECK_INT(engine_got(e, "response.create"), 1);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_asks_to_say_again_what_the_caller_was_saying_when_the_call_moved)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    (void)resumed(&w, LEFT("shutdown", TALK_PAST, "," FLAG("wordsLost", "true")), &e);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(says(e, &a, 0), "say that again");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_hands_on_what_it_had_no_time_to_say)
{
    struct fake_caller *c;
    struct world w;

    world_open(&w, NULL);
    w.script.hold_updated = true;
    w.live_fields = STR(LEFT("shutdown", TALK_PAST, "," TEXT("unsaid", "Or is eleven better?")));
    c = caller_open(&w, &second);
    until_engine_got(world_engine(&w, 0), "session.update", 1);
    buf_reset(&w.live);
    world_stop(&w);
    until_closed(c);
    CHECK_CONTAINS(buf_str(&w.live), "\"unsaid\":{\"stringValue\":\"Or is eleven better?\"}");
    CHECK_CONTAINS(buf_str(&w.live), "Agent: Is ten all right?");
    world_close(&w);
}

TEST(bridge_moves_no_call_away_from_a_caller_who_thinks_or_has_just_begun)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    engine_speech_started(e, "item_c1");
    engine_speech_stopped(e, "item_c1");
    engine_turn(e, "item_c1", "It is the");
    world_pass(&w, 300);
    world_stop(&w);
    world_pass(&w, 1000);
    CHECK(!c->closed); /* the caller may go on */
    until_closed(c);
    world_close(&w);
    world_open(&w, NULL);
    c = world_talk(&w, &e);
    caller_says(c, SOUND_VOWEL, 6000, 3000);
    world_pass(&w, 300); /* the engine tells nothing yet */
    world_stop(&w);
    world_pass(&w, 300);
    CHECK(!c->closed);
    until_closed(c);
    world_close(&w);
}

#define KILLED(index)                                                                     \
    "{" TEXT("state", "live") "," TEXT("reason", "") "," NUMBER("attempt", "0") "," FLAG( \
        "disclosed", "true") "," MAP("open",                                              \
                                     NUMBER("attempt", "0") "," NUMBER("index", index)) "}"

/* What a bridge says first that takes over from one that was killed. */
static struct str after_the_kill(struct world *w, const char *live_fields, struct arena *a)
{
    struct fake_engine *e;

    world_open(w, NULL);
    w->past_events = STR("[" TALK_TURNS "]");
    w->live_fields = str_c(live_fields);
    (void)caller_open(w, &second);
    e = world_engine(w, 0);
    until_engine_got(e, "response.create", 1);
    return says(e, a, 0);
}

TEST(bridge_asks_to_say_again_what_the_caller_was_saying_when_its_bridge_was_killed)
{
    struct arena a = ARENA_INIT;
    struct world w;

    CHECK_CONTAINS(after_the_kill(&w, KILLED("4"), &a), "say that again");
    world_close(&w);
    CHECK_STR(after_the_kill(&w, KILLED("2"), &a), ""); /* that turn is on record */
    world_close(&w);
    CHECK_STR(after_the_kill(&w,
                             "{" TEXT("state", "live") "," NUMBER("attempt", "1") "," MAP(
                                 "open", NUMBER("attempt", "0") "," NUMBER("index", "4")) "}",
                             &a),
              ""); /* a late mark of the stream before */
    world_close(&w);
    arena_release(&a);
}

TEST(bridge_marks_on_record_that_the_caller_has_begun_to_speak)
{
    struct fake_engine *e;
    struct world w;
    int64_t began;

    world_open(&w, NULL);
    (void)world_talk(&w, &e);
    CHECK(!str_contains(buf_str(&w.live), STR("\"open\"")));
    began = world_now_ms(&w);
    engine_speech_started(e, "item_c1");
    world_quiet(&w);
    CHECK_CONTAINS(buf_str(&w.live),
                   "\"open\":{\"mapValue\":{\"fields\":{\"attempt\":{"
                   "\"integerValue\":\"0\"},\"index\":{\"integerValue\":\"2\"}}}}");
    printf("the caller's turn is on record %lld ms after the engine has told of it\n",
           (long long)(world_now_ms(&w) - began));
    world_close(&w);
}

TEST(bridge_counts_the_longest_call_from_its_first_stream)
{
    static const char *const more[] = { "BUSINESS_PROFILE=" VC_SOURCE_DIR
                                        "/tests/e2e/bridge/short.yaml",
                                        NULL };
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct fake_caller *c;
    char started[TIME_TEXT_MAX];
    struct world w;
    int64_t began;

    world_open(&w, more);
    time_rfc3339(started, clock_wall_us(w.service.clock) - 50 * 1000000LL);
    w.live_fields = arena_printf(
        &a,
        "{" TEXT("state", "live") "," TEXT("reason", "shutdown") "," FLAG(
            "disclosed",
            "true") ",\"startedAt\":{\"timestampValue\":\"%s\"}," MAP("left",
                                                                      TEXT("past", TALK_PAST)) "}",
        started);
    c = caller_open(&w, &second);
    e = world_engine(&w, 0);
    began = world_now_ms(&w);
    until_engine_got(e, "response.create", 1);
    CHECK_CONTAINS(says(e, &a, 0), "longest time");
    CHECK(world_now_ms(&w) - began >= 9000 && world_now_ms(&w) - began <= 11000);
    until_closed(c);
    CHECK_CONTAINS(buf_str(&w.live), started); /* and hands the time on */
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_goes_on_when_the_past_cannot_be_read)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.refuse_commits = -1; /* queries, too */
    c = caller_open(&w, &second);
    e = world_engine(&w, 0);
    until_heard_ms(c, 600);
    CHECK_INT(engine_got(e, "response.create"), 1); /* not the opening: it was most likely heard */
    CHECK_CONTAINS(instructions(e, &a), "line was interrupted");
    arena_release(&a);
    world_close(&w);
}

/* The engine answers with two sentences, 4 s of speech, and is heard for `ms`. */
static struct fake_caller *in_mid_answer(struct world *w, struct fake_engine **e, int ms)
{
    struct fake_caller *c;

    world_open(w, NULL);
    c = world_talk(w, e);
    w->script.answer = ANSWER_NOT;
    engine_speech_started(*e, "item_c1");
    engine_speech_stopped(*e, "item_c1");
    engine_turn(*e, "item_c1", "Hello?");
    until_engine_got(*e, "response.create", 3);
    engine_begin(*e);
    engine_say(*e, "Ten o'clock is free. Or would you rather come later?", 4000);
    engine_send(*e,
                "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"%s\","
                "\"item_id\":\"%s\",\"content_index\":0,\"transcript\":\"Ten o'clock is free. Or "
                "would you rather come later?\"}",
                (*e)->response_id, (*e)->item_id);
    engine_end(*e, "completed");
    until_heard_ms(c, 1200 + ms);
    return c;
}

TEST(bridge_moves_a_call_after_the_sentence_that_is_being_spoken)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t heard;

    c = in_mid_answer(&w, &e, 400);
    world_stop(&w);
    until_closed(c);
    heard = caller_heard_ms(c) - 1200; /* "Ten o'clock is free." is 20 of 52 characters */
    CHECK(heard >= 4000 * 20 / 52 && heard <= 4000 * 20 / 52 + 50);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "live");
    CHECK_CONTAINS(buf_str(&w.live), "\"reason\":{\"stringValue\":\"shutdown\"}");
    CHECK_CONTAINS(buf_str(&w.live), "Caller: Hello?\\nAgent: Ten o'clock is free.\\n\"");
    CHECK_CONTAINS(buf_str(&w.live),
                   "\"unsaid\":{\"stringValue\":\"Or would you rather come later?\"}");
    CHECK_CONTAINS(buf_str(&w.live), "\"owed\":{\"booleanValue\":false}");
    until_event(&w, c->call_sid, "call.turn", 4);
    CHECK_STR(json_str(json_get(world_event(&w, &a, c->call_sid, "call.turn", 3), "text")),
              "Ten o'clock is free.");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_says_the_last_sentence_to_its_end_before_it_moves_the_call)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    c = in_mid_answer(&w, &e, 2000);
    world_stop(&w);
    until_closed(c);
    CHECK_INT(caller_heard_ms(c), 1200 + 4000);
    CHECK_CONTAINS(buf_str(&w.live), "\"unsaid\":{\"stringValue\":\"\"}");
    CHECK_CONTAINS(buf_str(&w.live), "\"owed\":{\"booleanValue\":false}");
    world_close(&w);
}

TEST(bridge_lets_the_caller_finish_and_leaves_the_answer_to_the_next_bridge)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 300);
    world_stop(&w);
    world_pass(&w, 1000);
    CHECK(!c->closed);
    engine_speech_stopped(e, "item_c1");
    world_pass(&w, 500);
    CHECK(!c->closed); /* the words are not known yet */
    engine_turn(e, "item_c1", "A haircut.");
    until_closed(c);
    CHECK_INT(caller_heard_ms(c), 1200);
    CHECK_CONTAINS(buf_str(&w.live), "Caller: A haircut.\\n\"");
    CHECK_CONTAINS(buf_str(&w.live), "\"owed\":{\"booleanValue\":true}");
    CHECK_CONTAINS(buf_str(&w.live), "\"wordsLost\":{\"booleanValue\":false}");
    world_close(&w);
}

TEST(bridge_moves_a_call_at_once_while_a_tool_runs_and_leaves_the_tool)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t stopped;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    w.script.answer = ANSWER_NOT;
    w.tool_mode = TOOL_HELD;
    engine_turn(e, "item_c1", "Monday.");
    until_engine_got(e, "response.create", 3);
    engine_begin(e);
    engine_tool(e, "call_7", "findAvailability", "{\"day\":\"monday\"}");
    engine_end(e, "completed");
    until_tool_requests(&w, 1);
    stopped = world_now_ms(&w);
    world_stop(&w);
    until_closed(c);
    CHECK(world_now_ms(&w) - stopped < 1000);
    CHECK_CONTAINS(buf_str(&w.live), "\"toolCallId\":{\"stringValue\":\"call_7\"}");
    CHECK_CONTAINS(buf_str(&w.live), "findAvailability");
    world_release_tools(&w);
    until_over(&w);
    world_close(&w);
}

TEST(bridge_says_on_record_that_it_stopped_in_the_middle_of_the_callers_words)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t stopped;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 300);
    stopped = world_now_ms(&w);
    world_stop(&w);
    until_closed(c); /* the caller goes on and on */
    CHECK(world_now_ms(&w) - stopped >= CALL_MOVE_MS);
    CHECK_CONTAINS(buf_str(&w.live), "\"wordsLost\":{\"booleanValue\":true}");
    world_close(&w);
}

TEST(bridge_moves_a_call_in_mid_sentence_when_it_takes_too_long)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    int64_t stopped;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    w.script.answer_ms = 30000;
    engine_turn(e, "item_c1", "Tell me everything.");
    until_heard_ms(c, 1700);
    stopped = world_now_ms(&w);
    world_stop(&w);
    until_closed(c);
    CHECK(world_now_ms(&w) - stopped >= CALL_MOVE_MS);
    CHECK(world_now_ms(&w) - stopped <= CALL_MOVE_MS + 500);
    until_over(&w);
    world_quiet(&w);
    CHECK(w.stopped);
    world_close(&w);
}

TEST(bridge_says_on_record_at_once_that_the_disclosure_was_heard_and_believes_it)
{
    struct arena a = ARENA_INIT;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    (void)world_talk(&w, &e);
    CHECK_CONTAINS(buf_str(&w.live), "\"disclosed\":{\"booleanValue\":true}");
    world_close(&w);
    world_open(&w, NULL);
    w.live_fields = STR("{" TEXT("state", "live") ",\"disclosed\":{\"booleanValue\":true}}");
    (void)caller_open(&w, &second);
    e = world_engine(&w, 0);
    until_engine_got(e, "response.create", 1);
    CHECK_STR(says(e, &a, 0), ""); /* no turn is on record yet, and it was heard all the same */
    arena_release(&a);
    world_close(&w);
}
