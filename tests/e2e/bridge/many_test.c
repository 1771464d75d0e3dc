/* Rule 9: a hundred calls at once, none knows of another. */
#include <stdio.h>

#include "support/world.h"

enum { CALLS = 100 };

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
