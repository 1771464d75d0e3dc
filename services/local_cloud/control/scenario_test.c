#include "local_cloud/control/scenario.h"

#include "test.h"

static const char good[] =
    "id: X1\n"
    "title: a test\n"
    "clock: 2026-11-24T10:00:00+01:00\n"
    "world:\n"
    "  busy:\n"
    "    - {calendar: weber, start: \"2026-11-27T14:30\", end: \"2026-11-27T15:00\"}\n"
    "  dial: {\"+4930555101\": busy}\n"
    "caller:\n"
    "  - when: \"hel+o\"\n"
    "    say: Good morning.\n"
    "  - barge_in_ms: 400\n"
    "    say: Wait.\n"
    "    hang_up: yes\n"
    "expect:\n"
    "  outcome: booked\n"
    "  tools: {once: [bookAppointment]}\n"
    "  bookings: []\n";

TEST(scenario_parse_reads_world_lines_and_expectations)
{
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct scenario s;

    CHECK_OK(scenario_parse(&s, &a, str_c(good), &err));
    CHECK_INT(s.clock_us / 1000000, 1795510800);
    CHECK_INT(s.n_busy, 1);
    CHECK_STR(s.busy[0].calendar, "weber");
    CHECK_STR(s.dial[0].outcome, "busy");
    CHECK_INT(s.n_lines, 2);
    CHECK_INT(s.lines[0].barge_in_ms, -1);
    CHECK_INT(s.lines[1].barge_in_ms, 400);
    CHECK(s.lines[1].hang_up);
    CHECK(s.expect.check_bookings && s.expect.n_bookings == 0);
    CHECK_INT(s.expect.leads, -1);
    CHECK_STR(s.expect.tools_once[0], "bookAppointment");
    arena_release(&a);
}

static const struct {
    const char *name, *text, *error;
} broken[] = {
    { "no id", "title: x\n", "a scenario needs an id" },
    { "unknown key", "id: X\nvioce: rms\n", "line 2: a scenario has no key \"vioce\"" },
    { "clock", "id: X\nclock: tomorrow\n", "line 2: clock must be a time" },
    { "loss", "id: X\nloss: 0.9\n", "line 2: loss must be between 0 and 0.5" },
    { "regular expression", "id: X\ncaller:\n  - {when: \"(\", say: x}\n",
      "line 3: \"(\" is no regular expression" },
    { "outcome of a number", "id: X\nworld: {dial: {\"+1\": maybe}}\n",
      "an outcome is answers, busy" },
    { "expectation", "id: X\nexpect: {agent_says: [\"[\"]}\n", "is no regular expression" },
};

TEST(scenario_parse_names_the_line_of_what_is_wrong)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(broken); i++) {
        struct arena a = ARENA_INIT;
        struct err err = ERR_INIT;
        struct scenario s;

        CHECK_RC(ERR_INVALID, scenario_parse(&s, &a, str_c(broken[i].text), &err));
        CHECK_CONTAINS(str_c(err.text), broken[i].error);
        arena_release(&a);
    }
}

TEST(scenario_load_finds_every_scenario_of_the_catalogue_by_its_id)
{
    static const char *const ids[] = { "B01", "B03", "B04", "B21", "L01", "T01", "T02",
                                       "T03", "T09", "T10", "A02", "A06", "F07" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(ids); i++) {
        struct arena a = ARENA_INIT;
        struct err err = ERR_INIT;
        struct scenario s;

        CHECK_OK(scenario_load(&s, &a, VC_SOURCE_DIR "/evals/scenarios", str_c(ids[i]), &err));
        CHECK_STR(s.id, ids[i]);
        arena_release(&a);
    }
}

TEST(scenario_load_says_when_there_is_none)
{
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct scenario s;

    CHECK_RC(ERR_NOT_FOUND,
             scenario_load(&s, &a, VC_SOURCE_DIR "/evals/scenarios", STR("Z99"), &err));
    CHECK_CONTAINS(str_c(err.text), "no scenario Z99 in ");
    arena_release(&a);
}
