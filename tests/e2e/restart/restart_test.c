/* Every service is replaced under many calls that talk, as a deploy does it, and the media bridge is killed: no
 * call ends, none is handed over, and none hears the opening twice. RESTART_CALLS=N sets how many. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "faults/stack.h"
#include "ports.h"
#include "restart/crowd.h"
#include "test.h"

enum {
#ifdef VC_SANITIZED
    CALLS = 20,
#else
    CALLS = 100,
#endif
    PORT_FIRST = 26100,
    PORT_LAST = 29900,
    LOOK_MS = 50,
    WAIT_MS = 60000,
    TEST_SECONDS = 400,
};

struct scene {
    struct clock clock;
    struct loop *loop;
    pthread_t thread;
    struct crowd *crowd;
    struct stack *stack;
    int calls;
};

static const struct log quiet;

static void *loop_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

static int ports_find(void)
{
    int base = ports_in_a_row(PORT_FIRST, PORT_LAST - STACK_PORTS, STACK_PORTS);

    if (base >= PORT_LAST - STACK_PORTS)
        FAIL_TEST("no %d free ports", STACK_PORTS);
    return base;
}

static int calls_wanted(void)
{
    int64_t n = CALLS;

    if (getenv("RESTART_CALLS") && str_to_i64(str_c(getenv("RESTART_CALLS")), 1, 200, &n))
        FAIL_TEST("RESTART_CALLS is no number up to 200");
    return (int)n;
}

/* Waits until so many sessions are in use and so many answers were asked for. */
static void until(struct scene *s, const char *what, int sessions, int answers)
{
    struct crowd_seen seen;
    int waited;

    for (waited = 0; waited < WAIT_MS; waited += LOOK_MS) {
        crowd_look(s->crowd, &seen);
        if (seen.sessions >= sessions && seen.answers >= answers)
            return;
        (void)poll(NULL, 0, LOOK_MS);
    }
    FAIL_TEST("%s: %d of %d sessions, %d of %d answers, %d calls ended", what, seen.sessions,
              sessions, seen.answers, answers, seen.ended);
}

/* Every call talks: an answer for each, on average, since now. */
static void until_all_talk(struct scene *s, const char *what)
{
    struct crowd_seen seen;

    crowd_look(s->crowd, &seen);
    until(s, what, s->calls, seen.answers + s->calls);
    crowd_look(s->crowd, &seen);
    CHECK_INT(seen.ended, 0);
    CHECK_INT(seen.placed, s->calls);
    CHECK_INT(seen.sessions, s->calls);    /* none was handed over, or is carried twice */
    CHECK_INT(seen.disclosures, s->calls); /* nobody was greeted twice */
}

static void open_scene(struct scene *s, int calls)
{
    struct err err = ERR_INIT;

    *s = (struct scene){ .clock = clock_system(0), .calls = calls };
    CHECK_OK(loop_create(&s->loop, &s->clock, &quiet, NULL));
    CHECK(pthread_create(&s->thread, NULL, loop_main, s->loop) == 0);
    CHECK_OK(crowd_create(&s->crowd, s->loop, &quiet, &err));
    if (stack_create(&s->stack, 0, ports_find(), crowd_engine_port(s->crowd), s->loop, &quiet,
                     &err))
        FAIL_TEST("%s", err.text);
    crowd_call(s->crowd, s->stack->port, s->calls);
    until_all_talk(s, "at first");
}

static void close_scene(struct scene *s)
{
    struct err err = ERR_INIT;

    crowd_hang_up(s->crowd);
    if (stack_destroy(s->stack, &err))
        FAIL_TEST("%s", err.text);
    s->crowd = crowd_destroy(s->crowd);
    loop_stop(s->loop);
    pthread_join(s->thread, NULL);
    s->loop = loop_destroy(s->loop);
}

TEST_WITHIN(TEST_SECONDS, a_rolling_restart_of_every_service_drops_no_call)
{
    struct err err = ERR_INIT;
    struct scene s;
    int i;

    open_scene(&s, calls_wanted());
    for (i = 0; i < SERVICES; i++) {
        if (stack_roll(s.stack, (enum source)i, SIGTERM, &err))
            FAIL_TEST("%s", err.text);
        until_all_talk(&s, source_names[i]);
    }
    close_scene(&s);
}

static void check_restored(int signal)
{
    struct err err = ERR_INIT;
    struct crowd_seen seen;
    struct scene s;

    open_scene(&s, calls_wanted());
    if (stack_roll(s.stack, SOURCE_BRIDGE, signal, &err))
        FAIL_TEST("%s", err.text);
    until_all_talk(&s, "the next bridge");
    crowd_look(s.crowd, &seen);
    CHECK_INT(seen.restored, s.calls); /* the next engine is told what has been said */
    close_scene(&s);
}

TEST_WITHIN(TEST_SECONDS, calls_go_on_where_they_were_when_their_bridge_stops)
{
    check_restored(SIGTERM);
}

TEST_WITHIN(TEST_SECONDS, calls_go_on_where_they_were_when_their_bridge_is_killed)
{
    check_restored(SIGKILL);
}

TEST_WITHIN(TEST_SECONDS, calls_survive_the_killing_of_their_bridge)
{
    struct err err = ERR_INIT;
    struct scene s;

    open_scene(&s, calls_wanted());
    if (stack_roll(s.stack, SOURCE_BRIDGE, SIGKILL, &err))
        FAIL_TEST("%s", err.text);
    until_all_talk(&s, "after the killing");
    close_scene(&s);
}

/* ---- the bridge is killed in each state of a call ---- */

enum { GREETING_MS = 1700, POSE_MS = 1200, AGAIN_MS = 8000 };

static void print_pose(enum pose p, const struct pose_seen *seen)
{
    printf(
        "killed while %-15s told again after %4lld ms, first asked to speak after %4lld ms%s%s%s\n",
        pose_names[p], (long long)seen->gap_ms, (long long)seen->word_ms,
        seen->first[0] ? ": \"" : "", seen->first, seen->first[0] ? "\"" : "");
}

static void check_pose(struct crowd *c, enum pose p)
{
    struct pose_seen seen;

    crowd_look_pose(c, p, &seen);
    print_pose(p, &seen);
    CHECK_INT(seen.sessions, 1);
    CHECK(seen.word_ms > 0); /* the talk goes on */
    CHECK(!str_contains(str_c(seen.first), STR("AI assistant")));
    CHECK_INT(seen.outputs, p == POSE_TOOL);
    CHECK_INT(str_contains(str_c(seen.first), STR("say that again")),
              p == POSE_CALLER_SPEAKS || p == POSE_PAUSED);
}

/* With a call in each state. */
static void kill_in_each_state(struct scene *s)
{
    struct err err = ERR_INIT;
    struct rolling old;

    if (stack_roll_begin(s->stack, SOURCE_BRIDGE, &old, &err))
        FAIL_TEST("%s", err.text);
    crowd_call_more(s->crowd);
    (void)poll(NULL, 0, GREETING_MS);
    tally_arm(&s->stack->tallies[SOURCE_GATEWAY], 3, FAULT_SLOW); /* the tool is at work */
    crowd_pose(s->crowd);
    (void)poll(NULL, 0, POSE_MS);
    crowd_killed(s->crowd);
    if (stack_roll_end(s->stack, SOURCE_BRIDGE, &old, SIGKILL, &err))
        FAIL_TEST("%s", err.text);
    CHECK(tally_hit(&s->stack->tallies[SOURCE_GATEWAY]));
    printf("the tool was waiting for: %s\n", tally_label(&s->stack->tallies[SOURCE_GATEWAY], 3));
}

TEST_WITHIN(TEST_SECONDS, a_call_survives_the_killing_of_its_bridge_in_every_state)
{
    struct crowd_seen seen;
    struct scene s;
    enum pose p;

    open_scene(&s, POSES - POSE_LISTENING);
    kill_in_each_state(&s);
    s.calls++;
    until(&s, "after the killing", s.calls, 0);
    (void)poll(NULL, 0, AGAIN_MS);
    for (p = POSE_GREETING; p < POSES; p++)
        check_pose(s.crowd, p);
    crowd_look(s.crowd, &seen);
    CHECK_INT(seen.ended, 0);
    CHECK_INT(seen.disclosures, s.calls);
    close_scene(&s);
}
