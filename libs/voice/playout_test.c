#include "voice/playout.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "test.h"
#include "voice/audio_fifo.h"
#include "voice/g711.h"

/* Twilio's end of the line: writes down what it gets. */
struct ear {
    struct playout *playout;
    struct pool pool;
    struct buf
        log; /* "a<ms>" audio, "m:<name>" mark, "clear", handlers in brackets; blank-separated */
    struct buf audio;
    bool full;
    int64_t now_us, next_us;
};

static enum errc ear_audio(void *arg, const uint8_t *ulaw, size_t n)
{
    struct ear *e = arg;

    if (e->full)
        return ERR_LIMIT;
    buf_addf(&e->log, "a%zu ", n / G711_BYTES_PER_MS);
    buf_add(&e->audio, ulaw, n);
    return ERR_OK;
}

static enum errc ear_mark(void *arg, struct str name)
{
    struct ear *e = arg;

    if (e->full)
        return ERR_LIMIT;
    buf_addf(&e->log, "m:" STR_FMT " ", STR_ARG(name));
    return ERR_OK;
}

static void ear_clear(void *arg)
{
    buf_add_c(&((struct ear *)arg)->log, "clear ");
}

static void ear_started(void *arg, const struct voice_part *part, int64_t now_us)
{
    (void)now_us;
    buf_addf(&((struct ear *)arg)->log, "[started " STR_FMT "] ", STR_ARG(part->item_id));
}

static void ear_played(void *arg, const struct playout_heard *h, int64_t now_us)
{
    (void)now_us;
    buf_addf(&((struct ear *)arg)->log, "[played " STR_FMT " %lld] ", STR_ARG(h->part.item_id),
             (long long)h->heard_ms);
}

static void ear_idle(void *arg, int64_t now_us)
{
    (void)now_us;
    buf_add_c(&((struct ear *)arg)->log, "[idle] ");
}

static const struct playout_sink ear_sink = {
    ear_audio, ear_mark, ear_clear, ear_started, ear_played, ear_idle,
};

static void ear_open(struct ear *e)
{
    *e = (struct ear){ .now_us = 1000000 };
    buf_init(&e->log, 64 * KIB);
    buf_init(&e->audio, 8 * MIB);
    audio_pool_init(&e->pool);
    e->playout = playout_create(&ear_sink, e, &e->pool, 250);
}

static void ear_close(struct ear *e)
{
    playout_destroy(e->playout);
    pool_release(&e->pool);
    buf_release(&e->log);
    buf_release(&e->audio);
}

static void ear_tick(struct ear *e)
{
    e->next_us = playout_tick(e->playout, e->now_us);
}

/* Runs the playout's own timer for so long. */
static void ear_run(struct ear *e, int64_t ms)
{
    int64_t until = e->now_us + ms * 1000;

    for (;;) {
        ear_tick(e);
        if (e->next_us < 0 || e->next_us > until)
            break;
        e->now_us = e->next_us;
    }
    e->now_us = until;
    ear_tick(e);
}

static struct voice_part item(const char *id)
{
    return (struct voice_part){ STR("resp_1"), str_c(id), 0 };
}

static void ear_say(struct ear *e, const char *id, int ms)
{
    static uint8_t audio[200000 * G711_BYTES_PER_MS];
    struct voice_part part = item(id);
    size_t i, n = (size_t)ms * G711_BYTES_PER_MS;

    for (i = 0; i < n; i++)
        audio[i] = (uint8_t)(i * 7 / 3);
    CHECK_OK(playout_add(e->playout, &part, audio, n));
}

static void ear_end(struct ear *e, const char *id)
{
    struct voice_part part = item(id);

    playout_part_end(e->playout, &part);
}

#define CHECK_EAR(e, want)                   \
    do {                                     \
        CHECK_STR(buf_str(&(e)->log), want); \
        buf_reset(&(e)->log);                \
    } while (0)

TEST(playout_sends_its_lead_at_once_and_the_rest_in_real_time)
{
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 5000);
    ear_tick(&e);
    CHECK_EAR(&e, "a250 m:g0.0 [started i1] ");
    CHECK_INT(e.next_us, e.now_us + 40000);
    ear_run(&e, 200);
    CHECK_EAR(&e, "a40 a40 a40 a40 a40 m:g0.1 ");
    CHECK_INT(playout_sent_ms(e.playout), 450);
    ear_close(&e);
}

TEST(playout_does_not_drift_in_an_hour_of_late_ticks)
{
    struct ear e;
    int64_t start, i;

    ear_open(&e);
    start = e.now_us;
    ear_say(&e, "i1", 1000);
    ear_tick(&e);
    for (i = 0; i < 3600; i++) {
        int64_t until = start + (i + 1) * 1000000;

        ear_say(&e, "i1", 1000);
        while (e.now_us < until) {
            e.now_us = MAX(e.next_us, e.now_us) + 7000; /* every tick comes 7 ms late */
            ear_tick(&e);
        }
        buf_reset(&e.log);
        buf_reset(&e.audio);
        playout_mark(e.playout, STR("g0.0"), e.now_us);
    }
    CHECK_INT(playout_underruns(e.playout), 0);
    CHECK(playout_end_us(e.playout) - e.now_us <= 250000);
    CHECK(playout_end_us(e.playout) - e.now_us >= 200000);
    CHECK(playout_sent_ms(e.playout) >= (e.now_us - start) / 1000 + 200);
    CHECK(playout_sent_ms(e.playout) <= (e.now_us - start) / 1000 + 250);
    ear_close(&e);
}

TEST(playout_that_wakes_late_catches_up_without_a_burst)
{
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 5000);
    ear_tick(&e);
    buf_reset(&e.log);
    e.now_us += 1000000; /* the caller has heard a gap of 750 ms */
    ear_tick(&e);
    CHECK_INT(playout_underruns(e.playout), 1);
    CHECK_INT(playout_sent_ms(e.playout), 500);
    ear_close(&e);
}

TEST(playout_keeps_every_byte_and_their_order)
{
    struct ear e;
    size_t i;

    ear_open(&e);
    ear_say(&e, "i1", 30000); /* beyond the ring's first size, so it wraps and grows */
    ear_run(&e, 10000);
    ear_say(&e, "i1", 30000);
    ear_end(&e, "i1");
    ear_run(&e, 60000);
    CHECK_INT(e.audio.n, 60000 * G711_BYTES_PER_MS);
    for (i = 0; i < e.audio.n; i++)
        CHECK((uint8_t)e.audio.p[i] == (uint8_t)(i % 240000 * 7 / 3));
    ear_close(&e);
}

TEST(playout_knows_from_the_last_mark_that_all_was_heard)
{
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 100);
    ear_end(&e, "i1");
    ear_tick(&e);
    CHECK_EAR(&e, "a100 m:g0.0 [started i1] ");
    ear_run(&e, 100);
    CHECK_EAR(&e, ""); /* played by the clock, but the mark has not said so */
    CHECK(playout_active(e.playout));
    playout_mark(e.playout, STR("g0.0"), e.now_us);
    CHECK_EAR(&e, "[played i1 100] [idle] ");
    CHECK(!playout_active(e.playout));
    ear_close(&e);
}

TEST(playout_takes_audio_as_heard_when_its_mark_is_long_overdue)
{
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 100);
    ear_end(&e, "i1");
    ear_run(&e, 100 + PLAYOUT_MARK_LATE_MS - 1);
    CHECK(playout_active(e.playout));
    ear_run(&e, 1);
    CHECK(!playout_active(e.playout));
    CHECK_EAR(&e, "a100 m:g0.0 [started i1] [played i1 100] [idle] ");
    ear_close(&e);
}

TEST(playout_hears_the_end_of_a_part_that_is_told_only_after_it_was_played)
{
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 100);
    ear_tick(&e);
    playout_mark(e.playout, STR("g0.0"), e.now_us + 100000);
    CHECK_EAR(&e, "a100 m:g0.0 [started i1] [idle] ");
    ear_end(&e, "i1");
    e.now_us += 200000;
    ear_tick(&e);
    CHECK_EAR(&e, "[played i1 100] ");
    ear_close(&e);
}

TEST(playout_clear_says_what_was_heard_by_clock_and_mark)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 3000);
    ear_run(&e, 650);
    playout_mark(e.playout, STR("g0.0"), e.now_us); /* 250 ms */
    playout_mark(e.playout, STR("g0.1"), e.now_us); /* 450 ms */
    buf_reset(&e.log);
    /* By the clock 650 ms; the mark after 650 ms is still out, so exactly that. */
    CHECK_INT(playout_clear(e.playout, e.now_us, heard), 1);
    CHECK_STR(heard[0].part.item_id, "i1");
    CHECK_INT(heard[0].heard_ms, 650);
    CHECK_INT(heard[0].queued_ms, 3000);
    CHECK(!heard[0].whole);
    CHECK_EAR(&e, "clear a5 "); /* it dies away within 5 ms */
    CHECK(!playout_active(e.playout));
    ear_close(&e);
}

TEST(playout_believes_no_clock_beyond_a_mark_that_is_still_out)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 3000);
    ear_run(&e, 1500); /* Twilio has not begun to play: nothing has come back */
    CHECK_INT(playout_clear(e.playout, e.now_us, heard), 1);
    CHECK_INT(heard[0].heard_ms, 250);
    ear_close(&e);
}

TEST(playout_clear_leaves_out_what_was_heard_whole_and_gives_zero_for_what_was_not_begun)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 200);
    ear_end(&e, "i1");
    ear_say(&e, "i2", 1000);
    ear_end(&e, "i2");
    ear_say(&e, "i3", 1000);
    ear_run(&e, 100);
    playout_mark(e.playout, STR("g0.0"), e.now_us);
    buf_reset(&e.log);
    ear_run(&e, 160);
    CHECK_INT(playout_clear(e.playout, e.now_us, heard), 2);
    CHECK_STR(heard[0].part.item_id, "i2");
    CHECK_INT(heard[0].heard_ms, 60);
    CHECK_STR(heard[1].part.item_id, "i3");
    CHECK_INT(heard[1].heard_ms, 0);
    ear_close(&e);
}

TEST(playout_clear_does_not_cut_what_the_caller_has_just_heard_to_its_end)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 200);
    ear_end(&e, "i1");
    ear_run(&e, 200); /* its mark is on the way back */
    buf_reset(&e.log);
    CHECK_INT(playout_clear(e.playout, e.now_us, heard), 0);
    CHECK_EAR(&e, "clear [played i1 200] ");
    ear_close(&e);
}

TEST(playout_ignores_marks_that_a_clear_sent_back)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 100);
    ear_end(&e, "i1");
    ear_tick(&e);
    (void)playout_clear(e.playout, e.now_us, heard);
    ear_say(&e, "i2", 100);
    ear_end(&e, "i2");
    ear_tick(&e);
    buf_reset(&e.log);
    playout_mark(e.playout, STR("g0.0"), e.now_us);
    playout_mark(e.playout, STR("g0.1"), e.now_us);
    playout_mark(e.playout, STR("somebody else's"), e.now_us);
    playout_mark(e.playout, STR("g1"), e.now_us);
    playout_mark(e.playout, STR("g1.x"), e.now_us);
    playout_mark(e.playout, STR(""), e.now_us);
    CHECK_EAR(&e, "");
    CHECK(playout_active(e.playout));
    playout_mark(e.playout, STR("g1.1"), e.now_us);
    CHECK_EAR(&e, "[played i2 100] [idle] ");
    ear_close(&e);
}

TEST(playout_pause_of_silence_clears_nothing_and_holds_back_what_comes)
{
    struct ear e;

    ear_open(&e);
    playout_pause(e.playout, e.now_us);
    ear_say(&e, "i1", 400);
    ear_end(&e, "i1");
    ear_run(&e, 500);
    CHECK_STR(buf_str(&e.log), "");
    CHECK_INT(e.audio.n, 0);
    playout_resume(e.playout);
    ear_run(&e, 400);
    CHECK_INT(e.audio.n, 400 * G711_BYTES_PER_MS);
    CHECK(!str_contains(buf_str(&e.log), STR("clear")));
    ear_close(&e);
}

TEST(playout_pause_takes_back_what_was_not_heard_and_resume_goes_on_from_there)
{
    struct ear e;
    size_t i;

    ear_open(&e);
    ear_say(&e, "i1", 1000);
    ear_end(&e, "i1");
    ear_run(&e, 100);
    playout_pause(e.playout, e.now_us);
    CHECK_INT(e.audio.n, 335 * G711_BYTES_PER_MS);
    ear_run(&e, 500);
    CHECK_INT(e.audio.n, 335 * G711_BYTES_PER_MS); /* nothing is sent while paused */
    buf_reset(&e.audio);
    buf_reset(&e.log);
    playout_resume(e.playout);
    ear_run(&e, 900);
    CHECK_INT(e.audio.n, 900 * G711_BYTES_PER_MS);
    for (i = 40; i < e.audio.n; i++)
        CHECK((uint8_t)e.audio.p[i] == (uint8_t)((i + 800) * 7 / 3));
    CHECK(str_starts(buf_str(&e.log), STR("a250 m:g1.1 "))); /* begun already: not started again */
    CHECK(playout_active(e.playout));
    CHECK_INT(playout_underruns(e.playout), 0);
    ear_close(&e);
}

/* A loud tone: wherever it is cut, the samples there are far from silence. */
static void ear_sing(struct ear *e, int ms)
{
    static uint8_t audio[5000 * G711_BYTES_PER_MS];
    struct voice_part part = item("i1");
    size_t i, n = (size_t)ms * G711_BYTES_PER_MS;

    for (i = 0; i < n; i++)
        audio[i] = g711_linear_to_ulaw((int16_t)(8000 + 2000 * (int)(i % 2)));
    CHECK_OK(playout_add(e->playout, &part, audio, n));
}

static int linear_at(const struct ear *e, size_t i)
{
    return g711_ulaw_to_linear((uint8_t)e->audio.p[i]);
}

TEST(playout_fades_out_where_it_is_cut_and_in_where_it_goes_on)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    struct ear e;
    size_t i;

    ear_open(&e);
    ear_sing(&e, 1000);
    ear_run(&e, 100);
    buf_reset(&e.audio);
    playout_pause(e.playout, e.now_us);
    CHECK_INT(e.audio.n, 40);
    CHECK(linear_at(&e, 0) > 7000);
    for (i = 1; i < 40; i++)
        CHECK(linear_at(&e, i) < 10000 - (int)i * 200);
    CHECK_INT(linear_at(&e, 39), 0);
    buf_reset(&e.audio);
    playout_resume(e.playout);
    ear_tick(&e);
    CHECK_INT(linear_at(&e, 0), 0);
    for (i = 1; i < 40; i++)
        CHECK(linear_at(&e, i) < 600 + (int)i * 250);
    CHECK(linear_at(&e, 41) > 7000);
    buf_reset(&e.audio);
    CHECK_INT(playout_clear(e.playout, e.now_us, heard), 1);
    CHECK_INT(e.audio.n, 40);
    CHECK_INT(linear_at(&e, 39), 0);
    ear_close(&e);
}

TEST(playout_that_is_paused_is_cleared_without_another_clear)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 1000);
    ear_run(&e, 100);
    buf_reset(&e.log);
    playout_pause(e.playout, e.now_us);
    CHECK_EAR(&e, "clear a5 ");
    ear_run(&e, 300);
    CHECK_INT(playout_clear(e.playout, e.now_us, heard), 1);
    CHECK_INT(heard[0].heard_ms, 100); /* not what would have been played meanwhile */
    CHECK_EAR(&e, "");
    CHECK(!playout_paused(e.playout));
    ear_close(&e);
}

TEST(playout_goes_on_from_where_the_clock_is_while_a_mark_is_on_its_way_back)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 3000);
    ear_run(&e, 400); /* the mark after 250 ms takes a while */
    CHECK_INT(playout_clear(e.playout, e.now_us, heard), 1);
    CHECK_INT(heard[0].heard_ms, 400);
    ear_close(&e);
}

TEST(playout_waits_a_moment_for_more_instead_of_sending_crumbs)
{
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 200);
    ear_tick(&e);
    buf_reset(&e.log);
    e.now_us += 60000;
    ear_say(&e, "i1", 10);
    ear_tick(&e);
    CHECK_EAR(&e, "");
    ear_say(&e, "i1", 30);
    ear_tick(&e);
    CHECK_EAR(&e, "a40 m:g0.1 ");
    e.now_us += 60000;
    ear_say(&e, "i1", 10);
    ear_run(&e, 60); /* but not until the caller hears a gap */
    CHECK_EAR(&e, "a10 m:g0.2 ");
    CHECK_INT(playout_underruns(e.playout), 0);
    ear_close(&e);
}

TEST(playout_holds_on_to_audio_that_the_socket_refused)
{
    struct ear e;

    ear_open(&e);
    ear_say(&e, "i1", 100);
    ear_end(&e, "i1");
    e.full = true;
    ear_tick(&e);
    CHECK_EAR(&e, "");
    CHECK(e.next_us > e.now_us);
    e.full = false;
    e.now_us = e.next_us;
    ear_tick(&e);
    CHECK_EAR(&e, "a100 m:g0.0 [started i1] ");
    ear_close(&e);
}

TEST(playout_refuses_what_goes_beyond_its_bounds)
{
    static uint8_t minute[60000 * G711_BYTES_PER_MS];
    struct voice_part part = item("i1");
    char id[16];
    struct ear e;
    int i;

    ear_open(&e);
    CHECK(!playout_full(e.playout));
    for (i = 0; i < 3; i++)
        CHECK_OK(playout_add(e.playout, &part, minute, sizeof(minute)));
    CHECK(playout_full(e.playout));
    CHECK_RC(ERR_LIMIT, playout_add(e.playout, &part, minute, 1));
    ear_close(&e);

    ear_open(&e);
    for (i = 0; i < PLAYOUT_PARTS_MAX; i++) {
        (void)snprintf(id, sizeof(id), "i%d", i);
        ear_say(&e, id, 1);
    }
    part = item("one too many");
    CHECK_RC(ERR_LIMIT, playout_add(e.playout, &part, minute, 8));
    ear_close(&e);
}

TEST(playout_of_an_engine_without_ids_plays_one_endless_part)
{
    struct voice_part none = { 0 };
    static const uint8_t audio[800];
    struct ear e;

    ear_open(&e);
    CHECK_OK(playout_add(e.playout, &none, audio, sizeof(audio)));
    ear_tick(&e);
    CHECK_EAR(&e, "a100 m:g0.0 [started ] ");
    playout_mark(e.playout, STR("g0.0"), e.now_us);
    CHECK_EAR(&e, "[idle] ");
    CHECK_OK(playout_add(e.playout, &none, audio, sizeof(audio)));
    ear_tick(&e);
    CHECK_EAR(&e, "a100 m:g0.1 ");
    ear_close(&e);
}

TEST(playout_finds_the_pause_near_where_a_sentence_should_end)
{
    struct voice_part part = item("i1");
    uint8_t quiet[300 * G711_BYTES_PER_MS];
    struct playout_heard h;
    struct ear e;

    ear_open(&e);
    memset(quiet, G711_ULAW_SILENCE, sizeof(quiet));
    CHECK(!playout_hearing(e.playout, e.now_us, &h));
    ear_say(&e, "i1", 2000);
    CHECK_OK(playout_add(e.playout, &part, quiet, sizeof(quiet)));
    ear_say(&e, "i1", 2000);
    ear_run(&e, 1000);
    playout_mark(e.playout, STR("g0.3"), e.now_us);
    CHECK(playout_hearing(e.playout, e.now_us, &h));
    CHECK_INT(h.heard_ms, 1000);
    CHECK_INT(h.queued_ms, 4300);
    CHECK_INT(playout_breath_ms(e.playout, e.now_us, 1700), 2150);
    CHECK_INT(playout_breath_ms(e.playout, e.now_us, 2600), 2150);
    CHECK_INT(playout_breath_ms(e.playout, e.now_us, 3400), 3400); /* none near it */
    ear_run(&e, 1500);
    playout_mark(e.playout, STR("g0.10"), e.now_us);
    CHECK_INT(playout_breath_ms(e.playout, e.now_us, 2600), 2600); /* over already */
    ear_close(&e);
}
