/* Tools, their arguments, what is spoken, and the prompt. */
#include "concierge/tool.h"

#include "base/buf.h"
#include "concierge/end_reason.h"
#include "concierge/phone.h"
#include "concierge/policy.h"
#include "concierge/prompt.h"
#include "concierge/speech_text.h"
#include "test.h"

static const struct profile *clinic(struct arena *a)
{
    const struct profile *p = NULL;
    struct err err = ERR_INIT;

    if (profile_load(&p, a, VC_SOURCE_DIR "/evals/profiles/clinic.yaml", &err))
        FAIL_TEST("%s", err.text);
    return p;
}

static const struct jval *parsed(struct arena *a, struct str text)
{
    const struct jval *v = NULL;

    CHECK_OK(json_parse_arena(&v, a, text, NULL));
    return v;
}

/* --- schema ------------------------------------------------------------------------------------ */

TEST(the_schema_of_each_tool_holds_only_what_a_session_takes)
{
    struct arena a = ARENA_INIT;
    const struct jval *tools = parsed(&a, tools_schema(&a, clinic(&a))), *t, *v;
    struct json_iter it = json_iter(tools), members;
    struct str name;

    CHECK_INT(json_len(tools), TOOLS);
    while (json_next(&it, NULL, &t)) {
        members = json_iter(t);
        while (json_next(&members, &name, &v))
            CHECK(str_eq_c(name, "type") || str_eq_c(name, "name") ||
                  str_eq_c(name, "description") || str_eq_c(name, "parameters"));
        CHECK_STR(json_str(json_get(t, "type")), "function");
        CHECK_STR(json_str(json_path(t, "parameters.type")), "object");
        CHECK(json_is_arr(json_path(t, "parameters.required")));
    }
    arena_release(&a);
}

TEST(choices_come_from_the_profile)
{
    struct arena a = ARENA_INIT;
    const struct jval *tools = parsed(&a, tools_schema(&a, clinic(&a)));
    const struct jval *find = json_path(tools, "0.parameters.properties");

    CHECK_INT(json_len(json_path(find, "service.enum")), 3); /* what can be booked */
    CHECK_STR(json_str(json_path(find, "service.enum.0")), "check-up");
    CHECK_STR(json_str(json_path(find, "staff.enum.1")), "amari");
    CHECK_STR(json_str(json_path(tools, "3.parameters.properties.fields.properties.people.type")),
              "number");
    CHECK_INT(json_len(json_path(tools, "3.parameters.properties.fields.properties.site.enum")), 2);
    arena_release(&a);
}

TEST(autonomy_decides_which_tools_there_are)
{
    struct arena a = ARENA_INIT;
    struct profile p = *clinic(&a);

    p.autonomy = AUTONOMY_LOOKUP;
    CHECK_INT(json_len(parsed(&a, tools_schema(&a, &p))), TOOLS - 2);
    p.autonomy = AUTONOMY_CAPTURE;
    CHECK_INT(json_len(parsed(&a, tools_schema(&a, &p))), TOOLS - 3);
    CHECK(!tool_offered(tool_by_id(TOOL_FIND_AVAILABILITY), &p));
    arena_release(&a);
}

TEST(each_tool_is_found_by_the_name_that_its_schema_has)
{
    int i;

    for (i = 0; i < TOOLS; i++)
        CHECK(tool_find(str_c(tool_by_id((enum tool_id)i)->name)) == tool_by_id((enum tool_id)i));
    CHECK(tool_find(STR("deleteEverything")) == NULL);
}

/* --- arguments ----------------------------------------------------------------------------------- */

static enum errc decode(struct arena *a, enum tool_id id, const char *json, void *out,
                        struct err *err)
{
    return tool_decode(tool_by_id(id), clinic(a), a, parsed(a, str_c(json)), out, err);
}

TEST(arguments_are_decoded_into_the_tools_struct)
{
    struct arena a = ARENA_INIT;
    struct find_availability_args f = { 0 };
    struct book_appointment_args b = { 0 };
    struct qualify_lead_args q = { 0 };
    struct err err = ERR_INIT;

    CHECK_OK(decode(&a, TOOL_FIND_AVAILABILITY,
                    "{\"service\":\"Check-up\",\"dateFrom\":\"2026-11-27\",\"time\":\"14:30\","
                    "\"partOfDay\":null,"
                    "\"unknown\":1}",
                    &f, &err));
    CHECK_STR(f.service->id, "check-up");
    CHECK_INT(f.date_from.day, 27);
    CHECK_INT(f.date_to.year, 0);
    CHECK_INT(f.time_min, 870);
    CHECK_INT(f.part_of_day.n, 0);
    CHECK_OK(
        decode(&a, TOOL_FIND_AVAILABILITY, "{\"service\":\"check-up\",\"time\":\"\"}", &f, &err));
    CHECK_INT(f.time_min, -1);
    CHECK_OK(decode(&a, TOOL_BOOK_APPOINTMENT,
                    "{\"slotId\":\"s\",\"confirmationId\":\"c\",\"name\":\" Anna "
                    "\",\"phone\":\"030 123 45 67\","
                    "\"confirmed\":\"true\"}",
                    &b, &err));
    CHECK_STR(b.name, "Anna");
    CHECK_STR(b.phone, "+49301234567");
    CHECK(b.confirmed);
    CHECK_OK(decode(
        &a, TOOL_QUALIFY_LEAD,
        "{\"need\":\"n\",\"fields\":{\"people\":40,\"existing_customer\":false,\"budget\":\"x\"}}",
        &q, &err));
    CHECK_INT(q.fields.n, 2);
    CHECK_STR(q.fields.items[0].value, "40");
    CHECK_STR(q.fields.items[1].value, "false");
    arena_release(&a);
}

TEST(a_wrong_argument_is_named_with_what_is_allowed)
{
    static const struct {
        enum tool_id id;
        const char *json, *says;
    } rows[] = {
        { TOOL_FIND_AVAILABILITY, "{}", "service is missing" },
        { TOOL_FIND_AVAILABILITY, "{\"service\":\"massage\"}",
          "service: there is no service \"massage\"; there are check-up, consultation" },
        { TOOL_FIND_AVAILABILITY, "{\"service\":\"check-up\",\"dateFrom\":\"next Tuesday\"}",
          "dateFrom: \"next Tuesday\" is not a date like 2026-11-26" },
        { TOOL_FIND_AVAILABILITY, "{\"service\":\"check-up\",\"time\":\"half past two\"}",
          "a time like 14:30" },
        { TOOL_FIND_AVAILABILITY, "{\"service\":\"check-up\",\"partOfDay\":\"night\"}",
          "partOfDay: \"night\" is not morning|afternoon|evening" },
        { TOOL_FIND_AVAILABILITY, "{\"service\":\"check-up\",\"staff\":\"Nobody\"}",
          "anybody who works here" },
        { TOOL_BOOK_APPOINTMENT, "{\"slotId\":\"s\",\"confirmationId\":\"c\",\"name\":\"A\"}",
          "confirmed is missing" },
        { TOOL_BOOK_APPOINTMENT,
          "{\"slotId\":\"s\",\"confirmationId\":\"c\",\"name\":\"A\",\"confirmed\":\"perhaps\"}",
          "\"perhaps\" is not true or false" },
        { TOOL_REQUEST_CALLBACK,
          "{\"reason\":\"other\",\"summary\":\"s\",\"phone\":\"ask my wife\"}",
          "a complete phone number" },
        { TOOL_LOG_CALL_OUTCOME, "{\"outcome\":\"abandoned\",\"summary\":\"s\"}",
          "is not an outcome" },
        { TOOL_QUALIFY_LEAD, "{\"need\":\"n\",\"fields\":{\"site\":\"the moon\"}}",
          "fields.site: \"the moon\" is not one of the choices" },
    };
    struct arena a = ARENA_INIT;
    char out[512];
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;

        CHECK_RC(ERR_INVALID, decode(&a, rows[i].id, rows[i].json, out, &err));
        CHECK_CONTAINS(str_c(err.text), rows[i].says);
    }
    arena_release(&a);
}

TEST(phone_numbers_are_understood_as_they_are_said)
{
    static const struct {
        const char *said, *national, *want; /* NULL: refused */
    } rows[] = {
        { "+49 30 123-45 67", "", "+49301234567" },
        { "0049 30 1234567", "", "+49301234567" },
        { "030 1234567", "+4930555100", "+49301234567" },
        { "oh three oh, double five, treble two, one", "+4930555100", "+4930552221" },
        { "zero one seven zero 12 34 56 7", "+4930555100", "+491701234567" },
        { "plus four four two zero 7946 0000", "+4930555100", "+442079460000" },
        { "(415) 555-0134", "+14155550100", "+14155550134" },
        { "1 415 555 0134", "+14155550100", "+14155550134" },
        { "4930 1234567", "+4930555100", "+49301234567" },
        { "1234567", "+4930555100", NULL },
        { "030 1234567", "", NULL },
        { "call me maybe", "+4930555100", NULL },
        { "double", "+4930555100", NULL },
        { "", "+4930555100", NULL },
        { "+49 30 1234567890123456789", "", NULL },
        { "+0 30 1234567", "", NULL },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct str got = STR_EMPTY;
        enum errc rc = phone_normalise(&got, &a, str_c(rows[i].said), str_c(rows[i].national));

        if ((rc == ERR_OK) != (rows[i].want != NULL) ||
            (rows[i].want && !str_eq_c(got, rows[i].want)))
            FAIL_TEST("\"%s\": " STR_FMT, rows[i].said, STR_ARG(got));
    }
    arena_release(&a);
}

/* --- speech -------------------------------------------------------------------------------------- */

TEST(dates_times_and_numbers_are_written_out)
{
    struct buf b = BUF_INIT(4096);

    speech_date(&b, (struct date){ 2026, 11, 26 });
    buf_add_c(&b, "; ");
    speech_date_near(&b, (struct date){ 2026, 11, 25 }, (struct date){ 2026, 11, 24 });
    buf_add_c(&b, "; ");
    speech_date(&b, (struct date){ 2027, 1, 30 });
    CHECK_STR(buf_str(&b),
              "Thursday, November twenty sixth; tomorrow, Wednesday, November twenty fifth; "
              "Saturday, January thirtieth");
    buf_reset(&b);
    speech_time(&b, 9 * 60);
    buf_add_c(&b, "; ");
    speech_time(&b, 12 * 60);
    buf_add_c(&b, "; ");
    speech_time(&b, 12 * 60 + 5);
    buf_add_c(&b, "; ");
    speech_time(&b, 18 * 60 + 45);
    buf_add_c(&b, "; ");
    speech_time(&b, DAY_MIN);
    CHECK_STR(buf_str(&b),
              "nine in the morning; noon; twelve oh five in the afternoon; six forty five in the "
              "evening; midnight");
    buf_reset(&b);
    speech_number(&b, 0);
    buf_add_c(&b, "; ");
    speech_number(&b, 1999);
    buf_add_c(&b, "; ");
    speech_ordinal(&b, 21);
    buf_add_c(&b, "; ");
    speech_duration(&b, 90);
    buf_add_c(&b, "; ");
    speech_duration(&b, 15);
    buf_add_c(&b, "; ");
    speech_phone_ending(&b, STR("+491701234567"));
    CHECK_STR(buf_str(&b),
              "zero; one thousand nine hundred ninety nine; twenty first; one and a half hours; "
              "fifteen minutes; four five six seven");
    buf_release(&b);
}

/* --- prompt -------------------------------------------------------------------------------------- */

TEST(the_prompt_holds_the_business_and_no_invented_price)
{
    struct arena a = ARENA_INIT;
    struct prompt p = prompt_create(clinic(&a), &a);

    CHECK_CONTAINS(p.fixed, "receptionist of Lindenhof Clinic");
    CHECK_CONTAINS(p.fixed, "- Monday: 09:00 to 12:30, 13:30 to 18:00");
    CHECK_CONTAINS(p.fixed,
                   "- Check-up (id check-up), 30 minutes, price: covered by public insurance");
    CHECK_CONTAINS(p.fixed, "no price may be named, cannot be booked on the phone");
    CHECK_CONTAINS(p.fixed, "Q: Where can I park?");
    CHECK_CONTAINS(p.fixed, "your very first words are: \"Please call one one two right now.\"");
    CHECK_INT(str_c(p.hash).n, PROMPT_HASH_CHARS);
    CHECK(p.fixed.n < PROMPT_BYTES_MAX);
    arena_release(&a);
}

TEST(the_hash_names_the_version_and_not_the_day)
{
    struct arena a = ARENA_INIT;
    struct profile other = *clinic(&a);
    struct prompt p = prompt_create(clinic(&a), &a), q;
    struct prompt_call call = { .now_s = 1795510800, .from = STR("+491701234567") };
    struct str text = prompt_for_call(&p, &a, &call);

    CHECK(str_starts(text, p.fixed));
    CHECK_CONTAINS(
        text,
        "Today is Tuesday, 2026-11-24 (Tuesday, November twenty fourth). The time is 10:00 in "
        "Europe/Berlin. The business is open now.");
    CHECK_CONTAINS(text, "Thursday 2026-12-24, Christmas Eve: 09:00 to 12:30.\nFriday 2026-12-25, "
                         "Christmas Day: closed.");
    CHECK_CONTAINS(text, "it ends in 4567");
    CHECK(!str_contains(text, STR("1701234567")));
    q = prompt_create(clinic(&a), &a);
    CHECK_STR(str_c(p.hash), q.hash);
    other.greeting = STR("Good day.");
    q = prompt_create(&other, &a);
    CHECK(!str_eq_c(str_c(p.hash), q.hash));
    other = *clinic(&a);
    other.voice.model = STR("gpt-realtime-2.1-mini");
    q = prompt_create(&other, &a);
    CHECK(!str_eq_c(str_c(p.hash), q.hash));
    arena_release(&a);
}

TEST(a_call_that_is_resumed_or_comes_back_is_told_so)
{
    struct arena a = ARENA_INIT;
    struct prompt p = prompt_create(clinic(&a), &a);
    struct prompt_call call = { .now_s = 1795546800,
                                .after_no_answer = true,
                                .journal = STR("caller: hello") };
    struct str text = prompt_for_call(&p, &a, &call);

    CHECK_CONTAINS(text, "nobody answered");
    CHECK_CONTAINS(text, "line was interrupted");
    CHECK_CONTAINS(text, "with a short apology");
    CHECK_CONTAINS(text, "caller: hello");
    CHECK_CONTAINS(text, "withheld");
    CHECK_CONTAINS(text, "is closed now");
    call.moved = true;
    CHECK_CONTAINS(prompt_for_call(&p, &a, &call), "without a word about it");
    arena_release(&a);
}

TEST(the_opening_discloses_before_it_greets)
{
    struct arena a = ARENA_INIT;

    CHECK_STR(prompt_opening(clinic(&a), &a),
              "Hello, this is the AI assistant of Lindenhof Clinic, and this call is recorded. How "
              "can I help you?");
    arena_release(&a);
}

/* --- policy -------------------------------------------------------------------------------------- */

TEST(the_policy_machine_moves_only_where_its_table_says)
{
    static const struct {
        enum policy_state from;
        enum policy_event ev;
        bool means;
        enum policy_state to;
    } rows[] = {
        { POLICY_OPEN, POLICY_BOOK, false, POLICY_OPEN },
        { POLICY_OPEN, POLICY_HOLD, true, POLICY_HELD },
        { POLICY_HELD, POLICY_HOLD, true, POLICY_HELD },
        { POLICY_HELD, POLICY_BOOK_DONE, false, POLICY_HELD },
        { POLICY_HELD, POLICY_BOOK, true, POLICY_BOOKING },
        { POLICY_BOOKING, POLICY_HOLD, false, POLICY_BOOKING },
        { POLICY_BOOKING, POLICY_BOOK_DONE, true, POLICY_BOOKED },
        { POLICY_BOOKED, POLICY_RELEASE, false, POLICY_BOOKED },
        { POLICY_BOOKED, POLICY_LOG_OUTCOME, true, POLICY_CLOSED },
        { POLICY_CLOSED, POLICY_HOLD, false, POLICY_CLOSED },
        { POLICY_CLOSED, POLICY_LOG_OUTCOME, false, POLICY_CLOSED },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct policy p = { .state = rows[i].from };

        CHECK_INT(policy_move(&p, rows[i].ev), rows[i].means);
        CHECK_INT(p.state, rows[i].to);
    }
}
