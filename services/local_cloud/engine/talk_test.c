/* Whole talks with the receptionist: spoken lines in, tools answered as the gateway would, words
 * out. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "local_cloud/engine/rig_test.h"
#include "test.h"

/* As the services render it. */
static const char instructions[] =
    "You are Clara, the telephone receptionist of Lindenhof Clinic.\n"
    "# The business\n"
    "Name: Lindenhof Clinic\n"
    "Address: Lindenstrasse 12, Berlin\n"
    "# Opening hours\n"
    "- Sunday: closed\n"
    "- Monday: 09:00 to 12:30, 13:30 to 18:00\n"
    "- Tuesday: 09:00 to 12:30, 13:30 to 18:00\n"
    "- Wednesday: 09:00 to 12:30, 13:30 to 18:00\n"
    "- Thursday: 09:00 to 12:30, 13:30 to 18:00\n"
    "- Friday: 09:00 to 12:30, 13:30 to 18:00\n"
    "- Saturday: closed\n"
    "# Services\n"
    "- Check-up (id check-up), 30 minutes, price: sixty euros, with Doctor Weber. A general look.\n"
    "- Vaccination (id vaccination), 15 minutes, price: from twenty five euros\n"
    "- Company health programme (id company), no price may be named, cannot be booked on the "
    "phone: qualifyLead\n"
    "# Qualifying questions\n"
    "- people (needed): How many people is it for?\n"
    "# Questions and answers\n"
    "Q: Where can I park?\n"
    "A: Behind the building.\n"
    "# Emergency\n"
    "- If somebody is in danger, your very first words are: \"Please call one one two right now.\" "
    "Then call transferToHuman.\n"
    "# This call\n"
    "Today is Tuesday, 2026-11-24 (Tuesday). The time is 10:00 in Europe/Berlin. The business is "
    "open now.\n"
    "The caller's number is known; it ends in 4567.\n";

static const char session_audio[] =
    "{'input':{'format':{'type':'audio/pcmu'},'transcription':{'model':'gpt-transcribe'},"
    "'turn_detection':{'type':'server_vad','silence_duration_ms':500,'create_response':true,"
    "'interrupt_response':true}},'output':{'format':{'type':'audio/pcmu'}}}";

static void tools_write(struct jw *w)
{
    static const char *const names[] = { "findAvailability", "holdSlot",        "bookAppointment",
                                         "qualifyLead",      "transferToHuman", "requestCallback",
                                         "logCallOutcome" };
    size_t i;

    jw_arr(w, "tools");
    for (i = 0; i < ARRAY_LEN(names); i++) {
        jw_obj(w, NULL);
        jw_cstr(w, "type", "function");
        jw_cstr(w, "name", names[i]);
        jw_end(w);
    }
    jw_end(w);
}

static void session(struct rig *r)
{
    const struct jval *audio = NULL;
    struct jw w;

    CHECK_OK(json_parse_arena(&audio, &r->arena, rig_quoted(r, session_audio), NULL));
    rig_session(r);
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "type", "session.update");
    jw_obj(&w, "session");
    jw_cstr(&w, "type", "realtime");
    jw_cstr(&w, "instructions", instructions);
    jw_val(&w, "audio", audio);
    tools_write(&w);
    jw_end(&w);
    jw_end(&w);
    rig_send(r, "%s", jw_finish(&w, &r->arena).p);
    (void)rig_await(r, "session.updated");
}

/* What the gateway answers: the first row that fits. */
static const struct {
    const char *tool, *with, *output;
} outputs[] = {
    { "findAvailability", "'time':'14:30'",
      "{'slots':[{'slotId':'s4','date':'2026-11-27','time':'14:00'},{'slotId':'s5','date':"
      "'2026-11-27','time':'15:00'}],'say':'Half past two is taken. The nearest that I have is two "
      "or three. Which one suits you?'}" },
    { "findAvailability", "2026-11-27",
      "{'slots':[{'slotId':'s6','date':'2026-11-27','time':'09:00'}],'say':'Friday at nine is "
      "free. "
      "Shall I take it?'}" },
    { "findAvailability", "",
      "{'slots':[{'slotId':'s1','date':'2026-11-26','time':'09:00'},{'slotId':'s2','date':"
      "'2026-11-26','time':'09:30'}],'say':'I have Thursday at nine or nine thirty. Which one "
      "suits "
      "you?'}" },
    { "holdSlot", "",
      "{'confirmationId':'c1','say':'So that is Thursday at nine. Is that right?'}" },
    { "bookAppointment", "", "{'bookingId':'b1','say':'You are booked. Is there anything else?'}" },
    { "transferToHuman", "", "{'say':'I am connecting you now. One moment, please.'}" },
    { "qualifyLead", "",
      "{'qualified':true,'callbackWindow':'today','say':'Somebody will call you back.'}" },
    { "", "", "{'say':'Good.'}" },
};

static struct str tool_output(struct rig *r, struct str name, struct str arguments)
{
    size_t i;

    for (i = 0; outputs[i].tool[0]; i++) {
        if (str_eq_c(name, outputs[i].tool) &&
            str_contains(arguments, rig_quoted(r, outputs[i].with)))
            break;
    }
    return rig_quoted(r, outputs[i].output);
}

static void tool_answer(struct rig *r, const struct jval *item)
{
    struct str output =
        tool_output(r, json_str(json_get(item, "name")), json_str(json_get(item, "arguments")));
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "type", "conversation.item.create");
    jw_obj(&w, "item");
    jw_cstr(&w, "type", "function_call_output");
    jw_str(&w, "call_id", json_str(json_get(item, "call_id")));
    jw_str(&w, "output", output);
    jw_end(&w);
    jw_end(&w);
    rig_send(r, "%s", jw_finish(&w, &r->arena).p);
}

/* The calls of a finished response, answered; true: there were some. */
static bool answer_calls(struct rig *r, const struct jval *response)
{
    bool any = false;
    size_t i;

    for (i = 0; i < json_len(json_get(response, "output")); i++) {
        const struct jval *item = json_at(json_get(response, "output"), i);

        if (!str_eq_c(json_str(json_get(item, "type")), "function_call"))
            continue;
        CHECK(
            str_copy(r->tools[r->n_tools], sizeof(r->tools[0]), json_str(json_get(item, "name"))));
        r->n_tools++;
        tool_answer(r, item);
        any = true;
    }
    if (any)
        rig_send(r, "{'type':'response.create'}");
    return any;
}

/* The caller says a line; the agent's answer, its tools done, is in r->agent. */
static void turn(struct rig *r, const char *line)
{
    const struct jval *done;
    size_t i;

    buf_reset(&r->agent);
    rig_say(r, "rms", line, 900);
    do {
        done = json_get(rig_await(r, "response.done"), "response");
        for (i = 0; i < json_len(json_get(done, "output")); i++)
            buf_add_str(&r->agent,
                        rig_text(r, json_at(json_get(done, "output"), i), "content.0.transcript"));
    } while (answer_calls(r, done));
}

static size_t called(const struct rig *r, const char *tool)
{
    size_t i, n = 0;

    for (i = 0; i < r->n_tools; i++)
        n += strcmp(r->tools[i], tool) == 0;
    return n;
}

TEST_WITHIN(120, receptionist_books_what_the_caller_chooses_after_a_spoken_yes)
{
    struct rig *r = MEM_NEW(struct rig);

    rig_start(r);
    session(r);
    turn(r, "Hello, I would like to book a check-up on Thursday morning please.");
    CHECK_CONTAINS(buf_str(&r->agent), "Which one suits you?");
    turn(r, "Yes, the first one please.");
    CHECK_CONTAINS(buf_str(&r->agent), "your name");
    turn(r, "My name is Anna Miller.");
    CHECK_CONTAINS(buf_str(&r->agent), "Is that right?");
    CHECK_INT(called(r, "bookAppointment"), 0);
    turn(r, "Yes, that is correct.");
    CHECK_CONTAINS(buf_str(&r->agent), "You are booked");
    turn(r, "No thank you, goodbye.");
    CHECK_CONTAINS(buf_str(&r->agent), "Goodbye");
    CHECK_INT(called(r, "bookAppointment"), 1);
    CHECK_INT(called(r, "logCallOutcome"), 1);
    rig_stop(r);
    mem_free(r);
}

TEST_WITHIN(120, receptionist_takes_another_time_when_the_wished_one_is_taken)
{
    struct rig *r = MEM_NEW(struct rig);

    rig_start(r);
    session(r);
    turn(r, "I would like a check-up on Friday at two thirty in the afternoon please.");
    CHECK_CONTAINS(buf_str(&r->agent), "Half past two is taken");
    turn(r, "Then three o'clock please.");
    CHECK_CONTAINS(buf_str(&r->agent), "your name");
    turn(r, "My name is Anna Miller.");
    turn(r, "No, on Friday at nine please.");
    CHECK_INT(called(r, "findAvailability"), 2);
    CHECK_INT(called(r, "holdSlot"), 2);
    turn(r, "Yes, that is correct.");
    CHECK_INT(called(r, "bookAppointment"), 1);
    rig_stop(r);
    mem_free(r);
}

TEST_WITHIN(120, receptionist_answers_questions_from_its_instructions)
{
    struct rig *r = MEM_NEW(struct rig);

    rig_start(r);
    session(r);
    turn(r, "Are you a robot?");
    CHECK_CONTAINS(buf_str(&r->agent), "AI");
    turn(r, "When are you open?");
    CHECK_CONTAINS(buf_str(&r->agent), "From Monday to Friday");
    turn(r, "How much is a check-up?");
    CHECK_CONTAINS(buf_str(&r->agent), "sixty euros");
    turn(r, "Where can I park?");
    CHECK_CONTAINS(buf_str(&r->agent), "Behind the building");
    CHECK_INT(r->n_tools, 0);
    rig_stop(r);
    mem_free(r);
}

TEST_WITHIN(120, receptionist_calls_a_person_at_once_when_asked)
{
    struct rig *r = MEM_NEW(struct rig);

    rig_start(r);
    session(r);
    turn(r, "I want to speak to a person please.");
    CHECK_INT(called(r, "transferToHuman"), 1);
    CHECK_INT(called(r, "logCallOutcome"), 1);
    CHECK_CONTAINS(buf_str(&r->agent), "connecting you");
    rig_stop(r);
    mem_free(r);
}

TEST_WITHIN(120, receptionist_says_the_emergency_number_first)
{
    struct rig *r = MEM_NEW(struct rig);

    rig_start(r);
    session(r);
    turn(r, "My father has collapsed.");
    CHECK(str_starts(buf_str(&r->agent), STR("Please call one one two right now.")));
    CHECK_INT(called(r, "transferToHuman"), 1);
    rig_stop(r);
    mem_free(r);
}

TEST_WITHIN(120, receptionist_takes_down_what_cannot_be_booked)
{
    struct rig *r = MEM_NEW(struct rig);

    rig_start(r);
    session(r);
    turn(r, "I would like a quote for a company health day please.");
    CHECK_CONTAINS(buf_str(&r->agent), "How many people");
    turn(r, "About forty people.");
    CHECK_CONTAINS(buf_str(&r->agent), "your name");
    turn(r, "My name is Anna Miller.");
    CHECK_INT(called(r, "qualifyLead"), 1);
    CHECK_INT(called(r, "bookAppointment"), 0);
    rig_stop(r);
    mem_free(r);
}
