/* What passes between the services: stream tokens, tool calls, events, slots, money. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "concierge/cost.h"
#include "concierge/end_reason.h"
#include "concierge/event.h"
#include "concierge/fake_cloud_test.h"
#include "concierge/live_call.h"
#include "concierge/slot.h"
#include "concierge/stream_token.h"
#include "concierge/tool_wire.h"

/* --- stream token ---------------------------------------------------------------------------- */

static const struct str key = { "0123456789abcdef", 16 };

static struct stream_token a_token(void)
{
    return (struct stream_token){ .call_sid = STR("CA1"),
                                  .account_sid = STR("AC1"),
                                  .from = STR("+491701234567"),
                                  .to = STR("+4930555100"),
                                  .attempt = 2,
                                  .exp_s = 1000 };
}

TEST(a_stream_token_comes_back_as_it_was_minted)
{
    struct arena a = ARENA_INIT;
    struct stream_token t = a_token(), back = { 0 };
    struct str text = stream_token_mint(&a, key, &t);

    CHECK_OK(stream_token_check(&back, &a, key, text, 1000, NULL));
    CHECK_STR(back.call_sid, "CA1");
    CHECK_STR(back.account_sid, "AC1");
    CHECK_STR(back.from, "+491701234567");
    CHECK_INT(back.attempt, 2);
    CHECK(text.n < STREAM_TOKEN_MAX_BYTES);
    arena_release(&a);
}

TEST(a_stream_token_is_refused_when_late_forged_or_broken)
{
    struct arena a = ARENA_INIT;
    struct stream_token t = a_token(), back = { 0 };
    struct str text = stream_token_mint(&a, key, &t);
    char *changed = arena_cstr(&a, text);
    struct str head, tail;
    size_t i;

    CHECK_RC(ERR_TIMEOUT, stream_token_check(&back, &a, key, text, 1001, NULL));
    CHECK_RC(ERR_DENIED, stream_token_check(&back, &a, STR("another key 1234"), text, 1000, NULL));
    CHECK(str_cut(text, '.', &head, &tail));
    CHECK_RC(ERR_DENIED,
             stream_token_check(&back, &a, key, arena_printf(&a, STR_FMT ".", STR_ARG(head)), 1000,
                                NULL));
    CHECK_RC(ERR_INVALID, stream_token_check(&back, &a, key, head, 1000, NULL));
    CHECK_RC(ERR_INVALID, stream_token_check(&back, &a, key, STR_EMPTY, 1000, NULL));
    for (i = 0; i < text.n; i++) {
        char was = changed[i];

        changed[i] = was == 'A' ? 'B' : 'A';
        CHECK(stream_token_check(&back, &a, key, str_n(changed, text.n), 1000, NULL) != ERR_OK);
        changed[i] = was;
    }
    arena_release(&a);
}

/* --- slots ------------------------------------------------------------------------------------- */

static struct slot a_slot(void)
{
    return (struct slot){ .service = STR("check-up"),
                          .calendar = STR("weber"),
                          .start_s = 1795680000,
                          .duration_min = 30,
                          .exp_s = 1795520000 };
}

TEST(a_slot_comes_back_as_it_was_minted_and_is_short)
{
    struct arena a = ARENA_INIT;
    struct slot s = a_slot(), back = { 0 };
    struct str text = slot_mint(&a, key, STR("CA1"), &s);

    CHECK_OK(slot_check(&back, &a, key, STR("CA1"), text, s.exp_s - 1));
    CHECK_STR(back.service, "check-up");
    CHECK_STR(back.calendar, "weber");
    CHECK_INT(back.start_s, s.start_s);
    CHECK_INT(back.duration_min, 30);
    CHECK(text.n < 70);
    CHECK(str_starts(text, STR("check-up.weber.20261126T0800Z.30.")));
    arena_release(&a);
}

TEST(a_slot_is_refused_when_late_changed_or_of_another_call)
{
    struct arena a = ARENA_INIT;
    struct slot s = a_slot(), back = { 0 };
    struct str text = slot_mint(&a, key, STR("CA1"), &s);
    char *changed = arena_cstr(&a, text);
    size_t i;

    CHECK_RC(ERR_TIMEOUT, slot_check(&back, &a, key, STR("CA1"), text, s.exp_s));
    CHECK_RC(ERR_DENIED, slot_check(&back, &a, key, STR("CA2"), text, 0));
    CHECK_RC(ERR_DENIED, slot_check(&back, &a, STR("another key 1234"), STR("CA1"), text, 0));
    CHECK_RC(ERR_INVALID, slot_check(&back, &a, key, STR("CA1"), STR("Thursday at nine"), 0));
    for (i = 0; i < text.n; i++) {
        char was = changed[i];

        changed[i] = was == '1' ? '2' : '1';
        CHECK(slot_check(&back, &a, key, STR("CA1"), str_n(changed, text.n), 0) != ERR_OK);
        changed[i] = was;
    }
    arena_release(&a);
}

/* --- tool calls -------------------------------------------------------------------------------- */

TEST(a_tool_request_passes_both_ways_also_with_broken_arguments)
{
    struct arena a = ARENA_INIT;
    struct tool_request r = { .call_sid = STR("CA1"),
                              .tool_call_id = STR("call_1"),
                              .arguments_text = STR("{\"slotId\":\"x\"}"),
                              .from = STR("+491701234567"),
                              .language = STR("en") };
    struct tool_request back;

    CHECK_OK(tool_request_parse(&back, &a, tool_request_text(&a, &r), NULL));
    CHECK_STR(json_str(json_get(back.arguments, "slotId")), "x");
    CHECK_STR(back.from, "+491701234567");
    r.arguments_text = STR("{\"slotId\":");
    CHECK_OK(tool_request_parse(&back, &a, tool_request_text(&a, &r), NULL));
    CHECK(back.arguments == NULL);
    CHECK_STR(back.arguments_text, "{\"slotId\":");
    arena_release(&a);
}

TEST(a_tool_reply_passes_both_ways_with_its_control)
{
    struct arena a = ARENA_INIT;
    struct tool_reply r = { .tool_call_id = STR("call_1"),
                            .status = TOOL_REFUSED,
                            .output = STR("{\"say\":\"No.\",\"slots\":[]}"),
                            .replayed = true };
    struct tool_reply back;

    CHECK_OK(tool_reply_parse(&back, &a, tool_reply_text(&a, &r), NULL));
    CHECK_INT(back.status, TOOL_REFUSED);
    CHECK_STR(back.output, "{\"say\":\"No.\",\"slots\":[]}");
    CHECK(back.replayed && !back.control.end_call && !back.control.transfer.number.n);
    r.control.end_call = true;
    r.control.outcome = STR("booked");
    r.control.transfer.number = STR("+4930555101");
    r.control.transfer.reason = STR("legal");
    CHECK_OK(tool_reply_parse(&back, &a, tool_reply_text(&a, &r), NULL));
    CHECK(back.control.end_call);
    CHECK_STR(back.control.outcome, "booked");
    CHECK_STR(back.control.transfer.number, "+4930555101");
    CHECK_STR(back.control.transfer.reason, "legal");
    CHECK_RC(ERR_INVALID, tool_reply_parse(&back, &a, STR("{\"status\":\"ok\"}"), NULL));
    CHECK_RC(ERR_INVALID,
             tool_reply_parse(&back, &a, STR("{\"status\":\"maybe\",\"output\":{}}"), NULL));
    arena_release(&a);
}

TEST(what_the_model_gets_without_an_answer_is_an_object_with_a_sentence)
{
    struct arena a = ARENA_INIT;
    const struct jval *v = NULL;

    CHECK_OK(json_parse_arena(&v, &a, tool_output_unavailable(&a), NULL));
    CHECK(json_str(json_get(v, "say")).n > 0);
    CHECK_STR(json_str(json_get(v, "status")), "failed");
    arena_release(&a);
}

/* --- events ------------------------------------------------------------------------------------ */

TEST(an_event_comes_back_as_it_was_built)
{
    struct arena a = ARENA_INIT;
    struct event_head h = { .type = EVENT_CALL_STATUS,
                            .call_sid = STR("CA1"),
                            .source = STR("webhook"),
                            .seq = STR("status-completed"),
                            .time_us = 1795510861000123 };
    struct event e;
    struct str text;
    struct jw w;

    event_begin(&w, &h);
    jw_str(&w, "status", STR("completed"));
    text = event_end(&w, &a);
    CHECK_OK(event_parse(&e, &a, text, NULL));
    CHECK_STR(e.id, "CA1/webhook/status-completed");
    CHECK_STR(e.source, "webhook");
    CHECK_STR(e.subject, "CA1");
    CHECK_INT(e.type, EVENT_CALL_STATUS);
    CHECK_INT(e.time_us, h.time_us);
    CHECK_STR(json_str(json_get(e.data, "status")), "completed");
    CHECK_CONTAINS(text, "\"specversion\":\"1.0\"");
    arena_release(&a);
}

TEST(events_with_peoples_words_are_known_as_such)
{
    static const enum event_type with[] = { EVENT_CALL_TURN,     EVENT_CALL_TOOL,
                                            EVENT_CALL_ENDED,    EVENT_CALL_HANDOFF,
                                            EVENT_SUMMARY_READY, EVENT_CALLBACK_REQUESTED };
    size_t i, n = 0;
    int t;

    for (i = 0; i < ARRAY_LEN(with); i++)
        CHECK(event_has_words(with[i]));
    for (t = 0; t < EVENT_TYPES; t++)
        n += event_has_words((enum event_type)t);
    CHECK_INT(n, ARRAY_LEN(with));
}

TEST(every_event_type_has_a_name_of_its_own)
{
    int i, j;

    for (i = 0; i < EVENT_TYPES; i++) {
        CHECK(str_c(event_type_name((enum event_type)i)).n > 0);
        CHECK_INT(event_type_find(str_c(event_type_name((enum event_type)i))), i);
        for (j = 0; j < i; j++)
            CHECK(strcmp(event_type_name((enum event_type)i),
                         event_type_name((enum event_type)j)) != 0);
    }
    CHECK_INT(event_type_find(STR("call.sneezed")), EVENT_TYPES);
}

TEST(end_reasons_and_outcomes_are_found_by_their_names)
{
    size_t n, i;
    const struct call_outcome *o = call_outcomes(&n);
    int r;

    for (r = 0; r < END_REASONS; r++)
        CHECK_INT(end_reason_find(str_c(end_reason_info((enum end_reason)r)->name)), r);
    CHECK_INT(end_reason_find(STR("bored")), END_REASONS);
    for (i = 0; i < n; i++)
        CHECK(call_outcome_find(str_c(o[i].name)) == &o[i]);
    CHECK(call_outcome_find(STR("bored")) == NULL);
}

/* --- money --------------------------------------------------------------------------------------- */

static const struct prices *built_in(struct arena *a)
{
    const struct prices *p = NULL;

    CHECK_OK(prices_load(&p, a, NULL, NULL));
    return p;
}

static const struct jval *parsed(struct arena *a, const char *text)
{
    const struct jval *v = NULL;

    CHECK_OK(json_parse_arena(&v, a, str_c(text), NULL));
    return v;
}

/* The first call makes the file's name. */
static void write_prices(char *path, const char *text)
{
    int fd = str_ends(str_c(path), STR("XXXXXX")) ? mkstemp(path) : open(path, O_WRONLY | O_TRUNC);

    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), (int)strlen(text));
    CHECK_INT(close(fd), 0);
}

TEST(a_realtime_response_costs_what_the_price_list_says)
{
    struct arena a = ARENA_INIT;
    struct usage u = usage_from_openai(parsed(
        &a,
        "{\"total_tokens\":1500,\"input_tokens\":1200,\"output_tokens\":300,\"input_token_"
        "details\":"
        "{\"text_tokens\":1000,\"audio_tokens\":200,\"cached_tokens\":640,\"cached_tokens_"
        "details\":"
        "{\"text_tokens\":600,\"audio_tokens\":40}},\"output_token_details\":{\"text_tokens\":60,"
        "\"audio_tokens\":240}}"));
    int64_t cost;

    CHECK_OK(cost_micro_usd(built_in(&a), STR("gpt-realtime-2.1"), &u, &cost));
    /* 400*4 + 600*0.4 + 60*24 + 160*32 + 40*0.4 + 240*64 */
    CHECK_INT(cost, 1600 + 240 + 1440 + 5120 + 16 + 15360);
    CHECK_OK(cost_micro_usd(built_in(&a), STR("gpt-realtime-2.1-mini"), &u, &cost));
    /* 400*0.6 + 600*0.06 + 60*2.4 + 160*10 + 40*0.3 + 240*20 */
    CHECK_INT(cost, 240 + 36 + 144 + 1600 + 12 + 4800);
    arena_release(&a);
}

TEST(usage_is_read_in_all_three_spellings_and_from_transcriptions)
{
    struct arena a = ARENA_INIT;
    struct usage u;
    int64_t cost;

    u = usage_from_openai(parsed(&a, "{\"prompt_tokens\":100,\"completion_tokens\":20,"
                                     "\"prompt_tokens_details\":{\"cached_tokens\":40}}"));
    CHECK_INT(u.text_in, 100);
    CHECK_INT(u.text_in_cached, 40);
    CHECK_INT(u.text_out, 20);
    u = usage_from_openai(parsed(&a, "{\"input_tokens\":100,\"output_tokens\":20,"
                                     "\"input_tokens_details\":{\"cached_tokens\":400}}"));
    CHECK_INT(u.text_in_cached, 100); /* never more than there were */
    u = usage_from_openai(parsed(&a, "{\"type\":\"duration\",\"seconds\":61}"));
    CHECK_OK(cost_micro_usd(built_in(&a), STR("whisper-1"), &u, &cost));
    CHECK_INT(cost, 6100);
    u = usage_from_openai(NULL);
    CHECK_INT(u.text_in + u.text_out + u.audio_in + u.audio_out + u.audio_ms, 0);
    u = usage_from_openai(parsed(&a, "{\"input_tokens\":-5,\"seconds\":-3}"));
    CHECK_INT(u.text_in + u.audio_ms, 0);
    arena_release(&a);
}

TEST(telephony_costs_by_the_started_minute_and_prices_can_be_replaced)
{
    const struct telephony_minutes m = {
        .inbound = 2, .outbound = 1, .media_stream = 2, .recording = 2
    };
    struct arena a = ARENA_INIT;
    char path[] = "/tmp/prices-test-XXXXXX";
    const struct prices *own = NULL;
    struct err err = ERR_INIT;

    CHECK_INT(started_minutes(0), 0);
    CHECK_INT(started_minutes(1), 1);
    CHECK_INT(started_minutes(60000), 1);
    CHECK_INT(started_minutes(60001), 2);
    CHECK_INT(cost_of_telephony(built_in(&a), &m), 17000 + 14000 + 8800 + 5000);
    write_prices(path, "{\"date\":\"2026-11-20\",\"telephony\":{\"inbound\":0.01}}");
    CHECK_OK(prices_load(&own, &a, path, &err));
    CHECK_INT(cost_of_telephony(own, &m), 20000 + 14000 + 8800 + 5000);
    write_prices(path, "{\"date\":\"2026-11-20\",\"telephony\":{\"inbound\":\"dear\"}}");
    CHECK_RC(ERR_INVALID, prices_load(&own, &a, path, &err));
    CHECK_CONTAINS(str_c(err.text), "telephony: inbound must be a number");
    write_prices(path, "{\"date\":\"2026-11-20\"}");
    CHECK_RC(ERR_INVALID, prices_load(&own, &a, path, &err));
    CHECK_INT(unlink(path), 0);
    arena_release(&a);
}

TEST(a_dated_model_costs_as_its_family_and_an_unknown_one_is_said_to_be)
{
    struct arena a = ARENA_INIT;
    struct usage u = { .audio_out = 1000 };
    int64_t cost = -1;

    CHECK_OK(cost_micro_usd(built_in(&a), STR("gpt-realtime-mini-2025-10-06"), &u, &cost));
    CHECK_INT(cost, 20000);
    CHECK_OK(cost_micro_usd(built_in(&a), STR("gpt-realtime-2025-08-28"), &u, &cost));
    CHECK_INT(cost, 64000);
    CHECK_RC(ERR_NOT_FOUND, cost_micro_usd(built_in(&a), STR("gpt-realtime-huge"), &u, &cost));
    CHECK_INT(cost, 0);
    arena_release(&a);
}

TEST(usage_passes_through_json)
{
    struct arena a = ARENA_INIT;
    struct usage u = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, back;
    const struct jval *v;
    struct jw w;

    jw_init(&w);
    usage_write(&w, NULL, &u);
    CHECK_OK(json_parse_arena(&v, &a, jw_finish(&w, &a), NULL));
    back = usage_read(v);
    CHECK(memcmp(&u, &back, sizeof(u)) == 0);
    arena_release(&a);
}

/* --- live calls ------------------------------------------------------------------------------------ */

TEST(a_live_call_is_read_as_it_was_written_and_an_older_attempt_does_not_undo_it)
{
    const struct live_tool tools[] = { { STR("call_1"), STR("bookAppointment"),
                                         STR("{\"a\":1}") } };
    struct fake_cloud f;
    struct live_call c = { .state = LIVE_CALL_TRANSFER,
                           .attempt = 1,
                           .reason = STR("transferred"),
                           .disclosed = true,
                           .started_us = 1700000000000000,
                           .open = { -1, -1 },
                           .left = { .whole = true,
                                     .past = STR("Agent: Hello.\n"),
                                     .unsaid = STR("How can I help?"),
                                     .owed = true,
                                     .words_lost = true,
                                     .tools = tools,
                                     .n_tools = 1 } };
    struct live_call back, old = { .state = LIVE_CALL_ENDED, .attempt = 0, .open = { 0, 3 } };
    struct err err = ERR_INIT;

    fake_cloud_open(&f, "2026-11-24T09:00:00Z");
    CHECK_RC(ERR_NOT_FOUND, live_call_read(&f.ctx, f.google, STR("CA1"), &back, &err));
    c.transfer.number = STR("+4930555101");
    c.transfer.summary = STR("Wants a person.");
    CHECK_OK(live_call_write(&f.ctx, f.google, STR("CA1"), &c, 90, &err));
    CHECK_OK(live_call_write(&f.ctx, f.google, STR("CA1"), &old, 90, &err));
    CHECK_OK(live_call_read(&f.ctx, f.google, STR("CA1"), &back, &err));
    CHECK_INT(back.state, LIVE_CALL_TRANSFER);
    CHECK_INT(back.attempt, 1);
    CHECK_STR(back.transfer.number, "+4930555101");
    CHECK_STR(back.transfer.summary, "Wants a person.");
    CHECK(back.disclosed && back.left.whole && back.left.owed && back.left.words_lost);
    CHECK_INT(back.started_us, 1700000000000000);
    CHECK_STR(back.left.past, "Agent: Hello.\n");
    CHECK_STR(back.left.unsaid, "How can I help?");
    CHECK_INT(back.left.n_tools, 1);
    CHECK_STR(back.left.tools[0].call_id, "call_1");
    CHECK_STR(back.left.tools[0].name, "bookAppointment");
    CHECK_STR(back.left.tools[0].arguments, "{\"a\":1}");
    CHECK_INT(back.open.index, -1);
    CHECK_OK(live_call_mark_open(&f.ctx, f.google, STR("CA1"), 1, 7, &err));
    CHECK_RC(ERR_NOT_FOUND, live_call_mark_open(&f.ctx, f.google, STR("CA2"), 0, 1, &err));
    CHECK_INT(back.updated_us, clock_wall_us(&f.clock.clock));
    CHECK_STR(json_str(json_get(fake_cloud_doc(&f, "liveCalls/CA1"), "ttlAt")),
              "2027-02-22T09:00:00.000000Z");
    CHECK_OK(live_call_read(&f.ctx, f.google, STR("CA1"), &back, &err));
    CHECK_INT(back.open.attempt, 1);
    CHECK_INT(back.open.index, 7);
    CHECK_INT(back.state, LIVE_CALL_TRANSFER); /* the rest stays */
    fake_cloud_close(&f);
}
