/* Rule 2: the caller's time line. What is missing becomes silence, what is out of place is left out, and a line
 * that goes mute ends its turn. */
#include "support/world.h"

/* A call in which nothing comes but what the test sends; `before` is what the engine has heard. */
static struct fake_caller *quiet_line(struct world *w, struct fake_engine **e,
                                      const char *const *more, size_t *before)
{
    struct fake_caller *c;

    world_open(w, more);
    c = world_talk(w, e);
    c->opts.silent_line = true;
    world_pass(w, 100);
    *before = (*e)->audio.n;
    return c;
}

/* One packet with this stamp, of the byte `voice`. */
static void packet_at(struct fake_caller *c, int64_t at_ms, uint8_t voice)
{
    c->media_ms = at_ms;
    c->voice = voice;
    caller_media(c, 20);
}

/* The first byte of each 20 ms that the engine has heard since. */
static struct str heard_since(const struct fake_engine *e, size_t before, char *out, size_t max)
{
    size_t i, n = 0;

    for (i = before; i < e->audio.n && n < max; i += 160)
        out[n++] = (uint8_t)e->audio.p[i] == 0xFF ? '.' : e->audio.p[i];
    return str_n(out, n);
}

TEST(bridge_fills_missing_packets_with_silence)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    size_t before;

    c = quiet_line(&w, &e, NULL, &before);
    c->media_ms += 500; /* so much never arrives */
    caller_media(c, 20);
    world_pass(&w, 50);
    CHECK_INT(e->audio.n - before, 520 * 8);
    CHECK_INT((uint8_t)e->audio.p[e->audio.n - 161], 0xFF);
    CHECK_INT((uint8_t)e->audio.p[e->audio.n - 1], c->voice);
    world_close(&w);
}

/* Stamps of packets in the order in which they come; what the engine hears of them. */
static const struct line_row {
    const char *name;
    int64_t at_ms[16];
    const char *heard;
} line_rows[] = {
    { "in order", { 0, 20, 40, 60, -1 }, "abcd" },
    { "one packet is lost", { 0, 20, 60, 80, -1 }, "ab.cd" },
    { "every second one is lost", { 0, 40, 80, 120, -1 }, "a.b.c.d" },
    { "two are swapped", { 0, 40, 20, 60, -1 }, "a.bd" },
    { "one comes twice", { 0, 20, 20, 40, -1 }, "abd" },
    { "the stamps tremble", { 0, 25, 37, 60, 84, 100, -1 }, "abcdef" },
    { "the stamps run slowly apart", { 0, 25, 50, 75, 100, 125, -1 }, "abcd.ef" },
    { "a stamp from nowhere", { 0, 20, 240, 40, 60, -1 }, "ab..........c" },
    { "the stamps begin anew", { 900, -2, 0, 20, 40, 60, 80, 100, 120, -1 }, "gh" },
};

static void check_line(const struct line_row *row)
{
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    struct str heard;
    char text[64];
    size_t before;
    int64_t base;
    uint8_t voice = 'a';
    int i;

    c = quiet_line(&w, &e, NULL, &before);
    base = c->media_ms;
    for (i = 0; row->at_ms[i] != -1; i++) {
        if (row->at_ms[i] == -2) { /* what follows counts from the beginning */
            world_pass(&w, 500);
            before = e->audio.n;
            base = 0;
            continue;
        }
        packet_at(c, base + row->at_ms[i], voice++);
        world_pass(&w, 20);
    }
    heard = heard_since(e, before, text, sizeof(text));
    if (!str_eq_c(heard, row->heard))
        FAIL_TEST("%s: heard " STR_FMT ", not %s", row->name, STR_ARG(heard), row->heard);
    world_close(&w);
}

TEST(bridge_keeps_time_whatever_the_packets_stamps_say)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(line_rows); i++)
        check_line(&line_rows[i]);
}

TEST(bridge_takes_no_notice_of_sequence_numbers)
{
    static const int64_t numbers[] = { 7, 3, 3, 900000, 0 };
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    size_t before, i;

    c = quiet_line(&w, &e, NULL, &before);
    for (i = 0; i < ARRAY_LEN(numbers); i++) {
        c->sequence = numbers[i];
        c->chunk = numbers[ARRAY_LEN(numbers) - 1 - i];
        caller_media(c, 20);
        world_pass(&w, 20);
    }
    CHECK_INT(e->audio.n - before, ARRAY_LEN(numbers) * 20 * 8);
    CHECK_INT(c->closed, 0);
    world_close(&w);
}

TEST(bridge_ends_the_turn_of_a_line_that_goes_mute)
{
    struct fake_engine *e;
    struct world w;
    size_t before;

    (void)quiet_line(&w, &e, NULL, &before);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 3000);
    CHECK_INT(e->audio.n - before, 1000 * 8); /* once */
    CHECK_INT((uint8_t)e->audio.p[e->audio.n - 1], 0xFF);
    world_close(&w);
}

TEST(bridge_gives_a_mute_line_as_much_silence_as_the_engine_waits_for)
{
    static const char *const more[] = { "VAD_SILENCE_MS=2400", NULL };
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    size_t before;

    c = quiet_line(&w, &e, more, &before);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 5000);
    CHECK_INT(e->audio.n - before, 2900 * 8);
    /* What never came is silence already, but for the rest of it. */
    c->media_ms += 5000;
    caller_media(c, 20);
    world_pass(&w, 500);
    CHECK_INT(e->audio.n - before, 5020 * 8);
    world_close(&w);
}

TEST(bridge_hears_all_that_a_line_held_up)
{
    struct arena a = ARENA_INIT;
    const struct jval *counters;
    struct fake_caller *c;
    struct fake_engine *e;
    struct world w;
    size_t before;

    c = quiet_line(&w, &e, NULL, &before);
    engine_speech_started(e, "item_c1");
    world_pass(&w, 2000);
    caller_media(c, 2000); /* at once, and the stamps go on where they were */
    world_pass(&w, 500);
    CHECK_INT(e->audio.n - before, (1000 + 2000) * 8);
    CHECK_INT((uint8_t)e->audio.p[e->audio.n - 1], c->voice);
    caller_stop(c);
    until_over(&w);
    counters = json_get(world_event(&w, &a, c->call_sid, "call.ended", 0), "counters");
    CHECK_INT(json_i64_or(json_get(counters, "silenceFilledMs"), 0), 1000);
    CHECK_INT(json_i64_or(json_get(counters, "audioLateMs"), -1), 0);
    arena_release(&a);
    world_close(&w);
}
