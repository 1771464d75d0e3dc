/* Rule 6: the call survives the bridge. What earlier streams have said and done comes from the record, the
 * ledger and the live document; nothing is said or done twice. */
#include "media_bridge/call.h"
#include "support/world.h"

#define DOC(path, fields)                                                         \
    "{\"document\":{\"name\":\"projects/test/databases/(default)/documents/" path \
    "\",\"fields\":{" fields "}}}"
#define TEXT(name, value) "\"" name "\":{\"stringValue\":\"" value "\"}"
#define NUMBER(name, value) "\"" name "\":{\"integerValue\":\"" value "\"}"
#define MAP(name, fields) "\"" name "\":{\"mapValue\":{\"fields\":{" fields "}}}"
#define TURN(index, role, text, ms) \
    DOC("calls/X/turns/0-" index,   \
        TEXT("role", role) "," TEXT("text", text) "," NUMBER("startMs", ms))
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
    w.past_turns = STR("[" TALK_TURNS "]");
    w.past_events = STR("[" TOLD_TOOL("call_1", "findAvailability", "8000") "]");
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
    w.past_turns = STR("[" TURN("0", "agent", "This is an AI.", "0") "]");
    (void)caller_open(&w, &second);
    e = world_engine(&w, 0);
    world_pass(&w, CALL_PAST_MS / 2);
    CHECK_INT(engine_got(e, "session.update"), 0);
    pthread_mutex_lock(&w.mutex);
    w.past_turns = STR("[" TALK_TURNS "]");
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
    w.past_turns = STR("[" TALK_TURNS "]");
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

#define LEFT(reason, turns, tools)                                              \
    "{" TEXT("state", "live") "," TEXT("reason", reason) "," NUMBER(            \
        "attempt", "0") ",\"turns\":{\"arrayValue\":{\"values\":[" turns "]}}," \
                        "\"tools\":{\"arrayValue\":{\"values\":[" tools "]}}}"
#define LEFT_TURN(index, role, text, ms)                                                        \
    "{\"mapValue\":{\"fields\":{" NUMBER("attempt", "0") "," NUMBER("index", index) "," NUMBER( \
        "startMs", ms) "," TEXT("role", role) "," TEXT("text", text) "}}}"
#define LEFT_TOOL(id, ms)                                                                 \
    "{\"mapValue\":{\"fields\":{" NUMBER("attempt", "0") "," NUMBER("atMs", ms) "," TEXT( \
        "toolCallId", id) "}}}"

TEST(bridge_takes_a_moved_call_over_without_a_word_and_listens)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    /* The record is behind: what the last bridge left in the live document is not. */
    w.past_turns = STR("[" TURN("0", "agent", "This is an AI.", "0") "]");
    w.past_ledger = STR("[" LEDGER("call_1", "findAvailability", "done") "]");
    w.live_fields = STR(LEFT("shutdown",
                             LEFT_TURN("0", "agent", "This is an AI.", "0") "," LEFT_TURN(
                                 "2", "caller", "Monday, please.",
                                 "5000") "," LEFT_TURN("3", "agent", "Is ten all right?", "9000"),
                             LEFT_TOOL("call_1", "8000")));
    c = caller_open(&w, &second);
    e = world_engine(&w, 0);
    until_engine_got(e, "session.update", 1);
    CHECK_CONTAINS(instructions(e, &a),
                   "Agent: This is an AI.\nCaller: Monday, please.\nTool: findAvailability "
                   "{\"slotId\":\"s1\"} -> {\"say\":\"Booked.\"}\nAgent: Is ten all right?");
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

TEST(bridge_needs_one_document_of_a_bridge_that_stopped_between_two_sentences)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.live_fields = STR("{" TEXT("state", "live") "," TEXT(
        "reason",
        "shutdown") ",\"disclosed\":{\"booleanValue\":true}," TEXT("past",
                                                                   "Agent: This is an "
                                                                   "AI.\\nCaller: Monday.\\nAgent: "
                                                                   "Is ten all right?\\n") "}");
    w.past_turns = STR("[" TURN("9", "agent", "This is not read.", "0") "]");
    c = caller_open(&w, &second);
    e = world_engine(&w, 0);
    until_engine_got(e, "session.update", 1);
    CHECK(world_now_ms(&w) - c->played_us / 1000 < CALL_PAST_MS); /* it waits for nothing */
    CHECK_CONTAINS(instructions(e, &a), "Caller: Monday.\nAgent: Is ten all right?");
    CHECK(!str_contains(instructions(e, &a), STR("not read")));
    world_pass(&w, 2000);
    CHECK_INT(engine_got(e, "response.create"), 0);
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_answers_what_a_moved_call_still_owes)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    w.past_turns = STR("[" TURN("0", "agent", "This is an AI.", "0") "]");
    w.live_fields = STR(LEFT("shutdown", LEFT_TURN("1", "caller", "Monday, please.", "5000"), ""));
    c = caller_open(&w, &second);
    e = world_engine(&w, 0);
    until_engine_got(e, "response.create", 1);
    until_heard_ms(c, 600);
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

TEST(bridge_leaves_the_latest_words_for_the_next_bridge_when_it_stops)
{
    struct arena a = ARENA_INIT;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;

    world_open(&w, NULL);
    c = world_talk(&w, &e);
    engine_turn(e, "item_c1", "Hello?");
    until_heard_ms(c, 1800);
    world_stop(&w);
    until_closed(c);
    CHECK_STR(world_live_state(&w, &a, c->call_sid), "live");
    CHECK_CONTAINS(buf_str(&w.live), "How can I help you?");
    CHECK_CONTAINS(buf_str(&w.live), "Answer 2.");
    CHECK_CONTAINS(buf_str(&w.live), "shutdown");
    arena_release(&a);
    world_close(&w);
}

TEST(bridge_lets_the_caller_finish_and_answers_before_it_moves_the_call)
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
    engine_turn(e, "item_c1", "A haircut.");
    until_closed(c);
    CHECK_INT(caller_heard_ms(c), 1200 + 600); /* the answer, to its end */
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
