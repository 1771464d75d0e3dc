/* Rule 9: a hundred calls at once, none knows of another. */
#include <stdio.h>

#include "support/world.h"

enum { CALLS = 100, TALKERS = 60, TOOLS_EACH = 5 };

static bool all_heard(struct world *w, const void *arg)
{
    int64_t ms = *(const int64_t *)arg;
    int i;

    for (i = 0; i < w->n_callers; i++) {
        if (caller_heard_ms(w->callers[i]) < ms)
            return false;
    }
    return true;
}

static void check_only(const struct buf *audio, uint8_t byte)
{
    size_t i;

    for (i = 0; i < audio->n; i++)
        CHECK_INT((uint8_t)audio->p[i], byte);
}

TEST_WITHIN(240, bridge_carries_a_hundred_calls_at_once_and_none_knows_of_another)
{
    struct arena a = ARENA_INIT;
    int64_t opening = 1200, answered = 1800;
    struct world w;
    int i;

    world_open(&w, NULL);
    for (i = 0; i < CALLS; i++)
        (void)caller_open(&w, NULL);
    world_until(&w, all_heard, &opening, "a hundred openings");
    CHECK_INT(w.n_engines, CALLS);
    for (i = 0; i < CALLS; i++) {
        char item[32], text[64];

        (void)snprintf(item, sizeof(item), "item_c%d", i);
        (void)snprintf(text, sizeof(text), "I am on line %d.", i);
        engine_speech_started(w.engines[i], item);
        engine_speech_stopped(w.engines[i], item);
        engine_turn(w.engines[i], item, text);
    }
    world_until(&w, all_heard, &answered, "a hundred answers");
    for (i = 0; i < CALLS; i++)
        caller_stop(w.callers[i]);
    until_over(&w);
    for (i = 0; i < CALLS; i++) {
        const struct fake_caller *c = w.callers[i];
        const struct jval *ended = world_event(&w, &a, c->call_sid, "call.ended", 0);
        const struct fake_engine *e;
        int line;

        CHECK_INT(world_events(&w, c->call_sid, "call.ended"), 1);
        CHECK_INT(json_len(json_get(ended, "turns")), 4);
        /* What this caller said names the engine that heard it; only the two know each other's voice. */
        CHECK(sscanf(arena_cstr(&a, json_str(json_path(ended, "turns.2.text"))), "I am on line %d.",
                     &line) == 1);
        e = w.engines[line];
        check_only(&e->audio, c->voice);
        check_only(&c->heard, (uint8_t)(0x80 + e->number % 64));
        CHECK_INT(json_i64_or(json_path(ended, "counters.underruns"), -1), 0);
    }
    arena_release(&a);
    world_close(&w);
}

static bool no_tool_is_left(struct world *w, const void *arg)
{
    (void)arg;
    return w->script.tools == 0;
}

/* Whose tool it was stands in its id. */
static void check_own_tools(const struct fake_engine *e)
{
    static const char output[] = "\"type\":\"function_call_output\",\"call_id\":\"call_";
    struct str text = buf_str(&e->received);
    size_t at;

    while ((at = str_find(text, str_c(output))) < text.n) {
        int number = -1;

        text = str_from(text, at + sizeof(output) - 1);
        CHECK(sscanf(text.p, "%d_own_", &number) == 1); /* buf_str() of received ends in \n */
        CHECK_INT(number, e->number);
    }
}

TEST_WITHIN(240,
            bridge_keeps_tools_of_many_calls_apart_though_half_of_the_callers_hang_up_meanwhile)
{
    int64_t opening = 1200;
    struct world w;
    int i, asked;

    world_open(&w, NULL);
    for (i = 0; i < TALKERS; i++)
        (void)caller_open(&w, NULL);
    world_until(&w, all_heard, &opening, "the openings");
    w.script.tools = asked = TALKERS * TOOLS_EACH;
    for (i = 0; i < TALKERS; i++)
        engine_turn(w.engines[i], "item_c1", "What is free, and when?");
    world_quiet(&w);
    for (i = 0; i < TALKERS; i += 2)
        caller_stop(w.callers[i]);
    for (i = 1; i < TALKERS; i += 2) /* who stays asks for what the others no longer do */
        engine_turn(w.engines[i], "item_c2", "And later?");
    world_until(&w, no_tool_is_left, NULL, "the last tool");
    world_pass(&w, 1000);
    for (i = 1; i < TALKERS; i += 2)
        caller_stop(w.callers[i]);
    until_over(&w);
    CHECK_INT(w.tool_requests, asked);
    CHECK_INT(world_events(&w, NULL, "call.tool"), asked);
    CHECK_INT(world_events(&w, NULL, "call.ended"), TALKERS);
    for (i = 0; i < TALKERS; i++)
        check_own_tools(w.engines[i]);
    world_close(&w);
}
