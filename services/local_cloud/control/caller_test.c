#include "local_cloud/control/caller.h"

#include <string.h>

#include "base/buf.h"
#include "test.h"

/* A line on which the agent speaks or is silent, 20 ms at a time. */
struct line {
    struct arena a;
    struct scenario scenario;
    struct script_caller *caller;
    struct buf said; /* what the caller says, one line each */
    int64_t now_ms;
};

static void on_says(void *arg, struct str text, bool interrupting)
{
    struct line *l = arg;

    buf_addf(&l->said, "%s" STR_FMT "\n", interrupting ? "!" : "", STR_ARG(text));
}

static void on_ended(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static void line_open(struct line *l, const char *yaml)
{
    static const struct script_caller_events events = { on_says, on_ended };
    struct str *speech;
    size_t i;

    memset(l, 0, sizeof(*l));
    buf_init(&l->said, 4096);
    CHECK_OK(scenario_parse(&l->scenario, &l->a, str_c(yaml), NULL));
    speech = ARENA_ARRAY(&l->a, struct str, l->scenario.n_lines + 1);
    for (i = 0; i < l->scenario.n_lines; i++)
        speech[i] = arena_str(&l->a, STR("0123456789abcdef"));
    l->caller = script_caller_create(&l->scenario, speech, &events, l);
    script_caller_ops.on_answered(l->caller);
}

static void line_close(struct line *l)
{
    script_caller_destroy(l->caller);
    buf_release(&l->said);
    arena_release(&l->a);
}

static void agent(struct line *l, bool speaking, int ms)
{
    uint8_t frame[PHONE_FRAME_BYTES], spoken[PHONE_FRAME_BYTES];
    int i;

    memset(frame, speaking ? 0x10 : 0xff, sizeof(frame));
    for (i = 0; i < ms; i += PHONE_FRAME_MS, l->now_ms += PHONE_FRAME_MS) {
        script_caller_ops.hears(l->caller, frame, l->now_ms);
        (void)script_caller_ops.says(l->caller, spoken, l->now_ms);
    }
}

TEST(caller_takes_the_first_line_that_fits_what_the_agent_said)
{
    struct line l;

    line_open(&l,
              "id: X\ncaller:\n  - {when: name, say: Anna}\n  - {when: help, say: A check-up}\n");
    agent(&l, true, 1000);
    script_caller_agent_said(l.caller, STR("How can I help?"));
    agent(&l, false, 2000);
    CHECK_STR(buf_str(&l.said), "A check-up\n");
    line_close(&l);
}

TEST(caller_waits_until_the_agent_has_ended)
{
    struct line l;

    line_open(&l, "id: X\ncaller:\n  - {say: Hello}\n");
    script_caller_agent_said(l.caller, STR("How can I help?"));
    agent(&l, true, 3000);
    CHECK_STR(buf_str(&l.said), "");
    agent(&l, false, 2000);
    CHECK_STR(buf_str(&l.said), "Hello\n");
    line_close(&l);
}

TEST(caller_says_nothing_when_no_line_fits_and_uses_each_line_once)
{
    struct line l;
    int i;

    line_open(&l, "id: X\ncaller:\n  - {when: help, say: A check-up}\n");
    for (i = 0; i < 2; i++) {
        agent(&l, true, 1000);
        script_caller_agent_said(l.caller, STR("How can I help?"));
        agent(&l, false, 3000);
    }
    CHECK_STR(buf_str(&l.said), "A check-up\n");
    line_close(&l);
}

TEST(caller_cuts_in_so_long_after_the_agent_has_begun)
{
    struct line l;

    line_open(&l, "id: X\ncaller:\n  - {barge_in_ms: 1000, say: Wait}\n");
    agent(&l, true, 900);
    CHECK_STR(buf_str(&l.said), "");
    agent(&l, true, 200);
    CHECK_STR(buf_str(&l.said), "!Wait\n");
    line_close(&l);
}

TEST(caller_does_not_take_a_tone_for_the_agent)
{
    struct line l;
    int i;

    line_open(&l, "id: X\ncaller:\n  - {barge_in_ms: 300, say: Wait}\n");
    for (i = 0; i < 3; i++) {
        agent(&l, true, 160);
        agent(&l, false, 2500);
    }
    CHECK_STR(buf_str(&l.said), "");
    line_close(&l);
}

TEST(caller_stays_silent_before_the_agent_has_spoken)
{
    struct line l;

    line_open(&l, "id: X\ncaller:\n  - {say: Hello}\n");
    agent(&l, false, 10000);
    CHECK_STR(buf_str(&l.said), "");
    line_close(&l);
}
