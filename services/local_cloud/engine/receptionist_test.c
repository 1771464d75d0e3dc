/* The receptionist by itself: words and tools' outputs in, replies out, no audio. */
#include "local_cloud/engine/receptionist.h"

#include "test.h"

#define TOOL(name, properties)                                                          \
    "{\"type\":\"function\",\"name\":\"" name "\",\"parameters\":{\"type\":\"object\"," \
    "\"properties\":{" properties "}}}"

/* clang-format off: one tool a line */
static const char tools_text[] = "[" TOOL("findAvailability", "") "," TOOL("holdSlot", "") "," TOOL(
    "bookAppointment",
    "") "," TOOL("qualifyLead",
                 "\"fields\":{\"type\":\"object\",\"properties\":{\"people\":{\"type\":\"integer\"}"
                 ","
                 "\"member\":{\"type\":\"boolean\"},\"site\":{\"type\":\"string\",\"enum\":"
                 "[\"your site\",\"our clinic\"]}}}") "," TOOL("transferToHuman",
                                                               "") "," TOOL("requestCallback",
                                                                            "") "," TOOL("logCallOu"
                                                                                         "tcome",
                                                                                         "\"outcome"
                                                                                         "\":{"
                                                                                         "\"type\":"
                                                                                         "\"string"
                                                                                         "\","
                                                                                         "\"enum\":"
                                                                                         "[\"booked"
                                                                                         "\",\"no_"
                                                                                         "slot\","
                                                                                         "\"lead\","
                                                                                         "\"decline"
                                                                                         "d\","
                                                                                         "\"answere"
                                                                                         "d\","
                                                                                         "\"callbac"
                                                                                         "k\"]}") "]";
/* clang-format on */

static const char prompt[] =
    "# The business\nName: Clinic\n# Services\n- Check-up (id check-up), 30 minutes, price: sixty "
    "euros\n- Vaccination (id vaccination), 15 minutes, no price may be named\n- Company programme "
    "(id company), no price may be named, cannot be booked on the phone: qualifyLead\n# Qualifying "
    "questions\n- people (needed): How many people is it for?\n- member (needed): Are you with "
    "us?\n"
    "- site (needed): Where?\n- postcode (needed): What is your postcode?\n# This call\nToday is "
    "Tuesday, 2026-11-24. The time is 10:00. The business is open now.\nThe caller's number is "
    "known; it ends in 4567.\n";

#define NINE_AND_TEN                                                              \
    "{\"slots\":[{\"slotId\":\"s9\",\"date\":\"2026-11-26\",\"time\":\"09:00\"}," \
    "{\"slotId\":\"s10\",\"date\":\"2026-11-26\",\"time\":\"10:00\"}],"           \
    "\"say\":\"I have nine or ten. Which one suits you?\"}"
#define HELD "{\"confirmationId\":\"c1\",\"say\":\"So that is nine. Is that right?\"}"

struct desk {
    struct clock_fake clock;
    struct receptionist *r;
    struct arena arena;
    struct reception_reply reply;
    int calls;
};

static void desk_open(struct desk *d, const char *instructions)
{
    const struct jval *tools = NULL;

    clock_fake_init(&d->clock, 0);
    arena_init(&d->arena);
    d->calls = 0;
    d->r = receptionist_create(&d->clock.clock);
    CHECK_OK(json_parse_arena(&tools, &d->arena, str_c(tools_text), NULL));
    receptionist_brief(d->r, str_c(instructions), tools);
}

static void desk_close(struct desk *d)
{
    receptionist_destroy(d->r);
    arena_release(&d->arena);
}

static void reply(struct desk *d)
{
    size_t i;

    receptionist_reply(d->r, true, &d->arena, &d->reply);
    for (i = 0; i < d->reply.n_calls; i++)
        receptionist_tool_called(d->r, arena_printf(&d->arena, "call%d", ++d->calls),
                                 d->reply.calls[i].name, d->reply.calls[i].arguments);
}

static void caller(struct desk *d, const char *words)
{
    receptionist_caller_said(d->r, str_c(words), 1.0);
    reply(d);
}

static void tool(struct desk *d, const char *output)
{
    receptionist_tool_answered(d->r, arena_printf(&d->arena, "call%d", d->calls), str_c(output));
    reply(d);
}

static void called(const struct desk *d, const char *name, const char *arguments)
{
    CHECK_INT(d->reply.n_calls, 1);
    CHECK_STR(d->reply.calls[0].name, name);
    CHECK_CONTAINS(d->reply.calls[0].arguments, arguments);
}

TEST(receptionist_passes_on_the_wish_and_nothing_that_was_not_said)
{
    struct desk d;

    desk_open(&d, prompt);
    caller(&d, "i would like a check up on thursday morning");
    called(&d, "findAvailability",
           "{\"service\":\"check-up\",\"dateFrom\":\"2026-11-26\","
           "\"partOfDay\":\"morning\"}");
    desk_close(&d);
    desk_open(&d, prompt);
    caller(&d, "i need a vaccination as soon as possible");
    called(&d, "findAvailability", "{\"service\":\"vaccination\"}");
    desk_close(&d);
}

TEST(receptionist_asks_for_what_is_missing)
{
    struct desk d;

    desk_open(&d, prompt);
    caller(&d, "i would like an appointment");
    CHECK_CONTAINS(d.reply.text, "We have Check-up, or Vaccination. Which service");
    caller(&d, "a check up please");
    CHECK_CONTAINS(d.reply.text, "Which day and time");
    caller(&d, "tomorrow at three");
    called(&d, "findAvailability", "\"dateFrom\":\"2026-11-25\",\"time\":\"15:00\"");
    desk_close(&d);
}

TEST(receptionist_takes_the_exact_time_without_offering_others)
{
    struct desk d;

    desk_open(&d, prompt);
    caller(&d, "a check up on thursday at ten");
    tool(&d, NINE_AND_TEN);
    CHECK_CONTAINS(d.reply.text, "your name");
    caller(&d, "anna miller");
    called(&d, "holdSlot", "{\"slotId\":\"s10\",\"name\":\"Anna Miller\"}");
    desk_close(&d);
}

TEST(receptionist_books_only_after_a_clear_yes)
{
    struct desk d;

    desk_open(&d, prompt);
    caller(&d, "a check up on thursday");
    tool(&d, NINE_AND_TEN);
    CHECK_STR(d.reply.text, "I have nine or ten. Which one suits you?");
    caller(&d, "nine please");
    caller(&d, "anna miller");
    called(&d, "holdSlot", "\"slotId\":\"s9\"");
    tool(&d, HELD);
    caller(&d, "yeah hm");
    CHECK_INT(d.reply.n_calls, 0);
    CHECK_CONTAINS(d.reply.text, "clear yes or no");
    caller(&d, "yes that is right");
    called(&d, "bookAppointment",
           "{\"slotId\":\"s9\",\"confirmationId\":\"c1\",\"name\":\"Anna "
           "Miller\",\"confirmed\":true}");
    tool(&d, "{\"bookingId\":\"b\",\"say\":\"You are booked. Is there anything else?\"}");
    CHECK_STR(d.reply.text, "You are booked. Is there anything else?");
    caller(&d, "no thank you goodbye");
    called(&d, "logCallOutcome", "\"outcome\":\"booked\"");
    tool(&d, "{\"say\":\"Thank you.\"}");
    CHECK_CONTAINS(d.reply.text, "Goodbye");
    CHECK_INT(d.reply.n_calls, 0);
    caller(&d, "bye");
    CHECK_INT(d.reply.n_calls, 0); /* logged once */
    desk_close(&d);
}

TEST(receptionist_looks_again_after_a_correction_in_the_read_back)
{
    struct desk d;

    desk_open(&d, prompt);
    caller(&d, "a check up on thursday at nine");
    tool(&d, NINE_AND_TEN);
    caller(&d, "anna miller");
    tool(&d, HELD);
    caller(&d, "no the twenty seventh not the twenty sixth");
    called(&d, "findAvailability", "\"dateFrom\":\"2026-11-27\",\"time\":\"09:00\"");
    tool(&d, "{\"slots\":[{\"slotId\":\"f9\",\"date\":\"2026-11-27\",\"time\":\"09:00\"}],\"say\":"
             "\"x\"}");
    called(&d, "holdSlot", "\"slotId\":\"f9\"");
    desk_close(&d);
}

TEST(receptionist_does_not_confirm_a_booking_that_failed)
{
    struct desk d;

    desk_open(&d, prompt);
    caller(&d, "a check up on thursday at nine");
    tool(&d, NINE_AND_TEN);
    caller(&d, "anna miller");
    tool(&d, HELD);
    caller(&d, "yes");
    tool(&d,
         "{\"slots\":[{\"slotId\":\"s10\",\"date\":\"2026-11-26\",\"time\":\"10:00\"}],\"reason\":"
         "\"taken\",\"say\":\"I am sorry, that time has just been taken. I still have ten. Does "
         "that "
         "suit you?\"}");
    CHECK_CONTAINS(d.reply.text, "just been taken");
    caller(&d, "yes");
    called(&d, "holdSlot", "\"slotId\":\"s10\"");
    desk_close(&d);
}

TEST(receptionist_offers_a_callback_when_nothing_suits)
{
    struct desk d;

    desk_open(&d, prompt);
    caller(&d, "a check up on thursday");
    tool(&d, NINE_AND_TEN);
    caller(&d, "no none of these");
    CHECK_CONTAINS(d.reply.text, "Which day");
    caller(&d, "no");
    CHECK_CONTAINS(d.reply.text, "call you back");
    caller(&d, "yes please");
    called(&d, "requestCallback", "\"reason\":\"no_slot\"");
    tool(&d, "{\"say\":\"Somebody will call you tomorrow. Is that all right?\"}");
    caller(&d, "yes");
    CHECK_CONTAINS(d.reply.text, "anything else");
    caller(&d, "no goodbye");
    called(&d, "logCallOutcome", "\"outcome\":\"no_slot\"");
    desk_close(&d);
}

TEST(receptionist_calls_a_person_when_it_did_not_understand_twice)
{
    struct desk d;

    desk_open(&d, prompt);
    receptionist_caller_said(d.r, STR("um a lot"), 0.1);
    reply(&d);
    CHECK_STR(d.reply.text, "I am sorry, I did not understand that. How can I help you?");
    receptionist_caller_said(d.r, STR("um a robot"), 0.1);
    reply(&d);
    called(&d, "transferToHuman", "\"reason\":\"not_understood\"");
    desk_close(&d);
}

TEST(receptionist_asks_for_the_number_when_the_tool_wants_it)
{
    struct desk d;

    desk_open(&d, "# This call\nThe caller withheld the number.\n");
    caller(&d, "a person please");
    called(&d, "transferToHuman", "\"reason\":\"caller_asked\"");
    tool(&d, "{\"say\":\"On which number can we call you back?\",\"reason\":\"number_missing\"}");
    CHECK_INT(receptionist_hearing(d.r), HEAR_PHONE);
    caller(&d, "zero three zero double five one two");
    called(&d, "requestCallback", "\"phone\":\"0305512\"");
    desk_close(&d);
}

TEST(receptionist_gives_a_lead_in_the_form_of_the_schema)
{
    struct desk d;

    desk_open(&d, prompt);
    caller(&d, "i want a quote for our company");
    CHECK_CONTAINS(d.reply.text, "How many people");
    caller(&d, "about forty people");
    caller(&d, "yes we are");
    caller(&d, "at the clinic");
    CHECK_CONTAINS(d.reply.text, "postcode");
    caller(&d, "one oh one one five");
    caller(&d, "my name is anna miller");
    called(&d, "qualifyLead", "\"postcode\":\"10115\"");
    CHECK_CONTAINS(d.reply.calls[0].arguments,
                   "\"fields\":{\"people\":40,\"member\":true,\"site\":\"our clinic\"}");
    tool(&d,
         "{\"qualified\":false,\"missing\":[\"people\"],\"say\":\"How many people is it for?\"}");
    caller(&d, "fifty");
    called(&d, "qualifyLead", "\"people\":50");
    desk_close(&d);
}

TEST(receptionist_takes_back_what_nobody_heard)
{
    struct desk d;

    desk_open(&d, prompt);
    receptionist_mark(d.r);
    caller(&d, "a check up on thursday");
    called(&d, "findAvailability", "2026-11-26");
    receptionist_undo(d.r);
    receptionist_mark(d.r);
    receptionist_caller_said(d.r, STR("a check up on thursday"), 1);
    receptionist_caller_said(d.r, STR("no on friday"), 1);
    reply(&d);
    called(&d, "findAvailability", "2026-11-27");
    desk_close(&d);
}

TEST(receptionist_goes_on_from_the_journal_of_a_broken_line)
{
    struct str journal = STR(
        "The line was interrupted; go on where you were, with a short apology. So far:\n"
        "Agent: How can I help you?\nCaller: I would like a check up on Thursday.\nAgent: I have "
        "nine or ten. Which one suits you?\nCaller: Nine please.\nAgent: May I have your name, "
        "please?\nCaller: My name is anna miller.\nAgent: So that is nine. Is that right?\n");
    struct desk d;
    char text[4096];

    CHECK(str_copy(text, sizeof(text), str_c(prompt)));
    CHECK(str_copy(text + sizeof(prompt) - 1, sizeof(text) - sizeof(prompt), journal));
    desk_open(&d, text);
    reply(&d);
    CHECK_CONTAINS(d.reply.text, "sorry");
    called(&d, "findAvailability",
           "\"service\":\"check-up\",\"dateFrom\":\"2026-11-26\",\"time\":\"09:00\"");
    tool(&d, NINE_AND_TEN);
    called(&d, "holdSlot", "{\"slotId\":\"s9\",\"name\":\"Anna Miller\"}");
    desk_close(&d);
}

TEST(receptionist_goes_on_with_a_talk_that_another_session_has_begun)
{
    struct desk d;

    desk_open(&d, prompt);
    receptionist_agent_said(d.r, STR("How can I help you?"), true);
    receptionist_tool_called(d.r, STR("a"), STR("findAvailability"), STR("{}"));
    receptionist_tool_answered(d.r, STR("a"), STR(NINE_AND_TEN));
    receptionist_caller_said(d.r, STR("a check up on thursday please"), 1.0);
    receptionist_agent_said(d.r, STR("I have nine or ten. Which one suits you?"), true);
    receptionist_caller_said(d.r, STR("nine please"), 1.0);
    receptionist_agent_said(d.r, STR("May I have your name, please?"), true);
    receptionist_tool_called(d.r, STR("b"), STR("holdSlot"),
                             STR("{\"slotId\":\"s9\",\"name\":\"Anna Miller\"}"));
    receptionist_tool_answered(d.r, STR("b"), STR("{\"confirmationId\":\"c1\",\"say\":\"Nine.\"}"));
    receptionist_caller_said(d.r, STR("anna miller"), 1.0);
    receptionist_agent_said(d.r, STR("So that is nine. Is that right?"), true);
    caller(&d, "yes that is correct");
    called(&d, "bookAppointment", "{\"slotId\":\"s9\",\"confirmationId\":\"c1\"");
    desk_close(&d);
}

TEST(receptionist_says_exactly_what_it_is_told)
{
    CHECK_STR(receptionist_verbatim(STR("Say exactly: \"Hello.\"")), "Hello.");
    CHECK_STR(receptionist_verbatim(STR("Please say exactly: Are you there?")), "Are you there?");
    CHECK_STR(receptionist_verbatim(STR("Say exactly: \"He said \"no\".\" Nothing else.")),
              "He said \"no\".");
    CHECK_INT(receptionist_verbatim(STR("Greet the caller.")).n, 0);
}
