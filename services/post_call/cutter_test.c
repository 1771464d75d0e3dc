#include "post_call/cutter.h"

#include <string.h>

#include "base/macros.h"
#include "base/mem.h"
#include "test.h"

enum { HZ = 8000, HOP = HZ / 1000 * CUTTER_HOP_MS, CUTS_MAX = 64 };

struct sound {
    int channel, height;
    int64_t from_ms, to_ms;
};

struct cut {
    int channel;
    int64_t from_ms, to_ms;
    bool ends_quiet;
};

struct cuts {
    struct cut items[CUTS_MAX];
    int n;
    enum errc answer;
};

static enum errc on_cut(void *arg, const struct utterance *u, struct err *err)
{
    struct cuts *c = arg;

    CHECK(c->n < CUTS_MAX);
    CHECK(u->n * sizeof(*u->samples) <= CUTTER_UTTERANCE_BYTES_MAX);
    c->items[c->n++] =
        (struct cut){ u->channel, u->from * 1000 / HZ, (u->from + (int64_t)u->n) * 1000 / HZ,
                      u->n && u->samples[u->n - 1] == 0 };
    return c->answer ? err_set(err, c->answer, "no") : ERR_OK;
}

static int16_t sample(const struct sound *s, size_t n, int channel, int64_t frame, int noise)
{
    int64_t ms = frame * 1000 / HZ;
    int sign = frame / 10 % 2 ? 1 : -1;
    size_t i;

    for (i = 0; i < n; i++) {
        if (s[i].channel == channel && ms >= s[i].from_ms && ms < s[i].to_ms)
            return (int16_t)(sign * s[i].height);
    }
    return (int16_t)(sign * noise);
}

static enum errc feed(struct cutter *c, const struct sound *s, size_t n_sounds, int64_t ms,
                      int noise)
{
    int16_t left[HOP], right[HOP];
    const int16_t *const channel[CUTTER_CHANNELS] = { left, right };
    int64_t at;
    size_t i, n;
    enum errc rc = ERR_OK;

    for (at = 0; at < ms * HZ / 1000 && !rc; at += (int64_t)n) {
        n = (size_t)MIN((int64_t)HOP, ms * HZ / 1000 - at);
        for (i = 0; i < n; i++) {
            left[i] = sample(s, n_sounds, 0, at + (int64_t)i, noise);
            right[i] = sample(s, n_sounds, 1, at + (int64_t)i, noise);
        }
        rc = cutter_hop(c, channel, n, NULL);
    }
    return rc;
}

static void cut_all(struct cuts *ret, const struct sound *s, size_t n, int64_t ms, int noise)
{
    struct cutter *c;

    *ret = (struct cuts){ .n = 0 };
    c = cutter_create(2, HZ, on_cut, ret);
    CHECK_OK(feed(c, s, n, ms, noise));
    CHECK_OK(cutter_flush(c, NULL));
    CHECK(cutter_idle(c));
    cutter_destroy(c);
}

static void check_covers(const struct cut *c, const struct sound *s)
{
    CHECK_INT(c->channel, s->channel);
    CHECK(c->from_ms <= s->from_ms);
    CHECK(c->from_ms >= s->from_ms - INT64_C(2) * CUTTER_LEAD_MS);
    CHECK(c->to_ms >= s->to_ms);
    CHECK(c->to_ms <= s->to_ms + CUTTER_LEAD_MS);
}

TEST(cutter_gives_each_utterance_whole_with_a_little_around_it)
{
    static const struct sound s[] = { { 0, 3000, 1000, 2500 }, { 1, 500, 4000, 4400 } };
    struct cuts c;

    cut_all(&c, s, ARRAY_LEN(s), 8000, 0);
    CHECK_INT(c.n, 2);
    check_covers(&c.items[0], &s[0]);
    check_covers(&c.items[1], &s[1]);
}

TEST(cutter_ends_what_is_still_spoken_at_the_end)
{
    static const struct sound s[] = { { 1, 3000, 1000, 3000 } };
    struct cuts c;

    cut_all(&c, s, ARRAY_LEN(s), 3000, 0);
    CHECK_INT(c.n, 1);
    CHECK_INT(c.items[0].to_ms, 3000);
}

TEST(cutter_takes_a_short_pause_for_a_breath)
{
    static const struct sound s[] = { { 0, 3000, 1000, 2000 }, { 0, 3000, 2600, 3000 } };
    struct cuts c;

    cut_all(&c, s, ARRAY_LEN(s), 6000, 0);
    CHECK_INT(c.n, 1);
    CHECK(c.items[0].to_ms >= 3000);
}

TEST(cutter_ends_an_utterance_sooner_when_the_other_one_speaks)
{
    static const struct sound s[] = { { 0, 3000, 1000, 2000 },
                                      { 1, 3000, 2050, 2550 },
                                      { 0, 3000, 2600, 3000 } };
    struct cuts c;

    cut_all(&c, s, ARRAY_LEN(s), 6000, 0);
    CHECK_INT(c.n, 3);
}

TEST(cutter_drops_a_click_and_hears_a_short_yes)
{
    static const struct sound s[] = { { 0, 8000, 1000, 1060 }, { 0, 3000, 3000, 3200 } };
    struct cuts c;

    cut_all(&c, s, ARRAY_LEN(s), 5000, 0);
    CHECK_INT(c.n, 1);
    check_covers(&c.items[0], &s[1]);
}

TEST(cutter_hears_speech_over_the_line_s_own_noise_only)
{
    static const struct sound s[] = { { 0, 1500, 12000, 13000 } };
    struct cuts c;
    int i, heard = 0;

    cut_all(&c, s, ARRAY_LEN(s), 20000, 200);
    for (i = 0; i < c.n; i++) {
        if (c.items[i].from_ms < 7000) /* before it knows the noise it may be taken in */
            continue;
        heard++;
        check_covers(&c.items[i], &s[0]);
    }
    CHECK_INT(heard, 1);
    for (i = 0; i < c.n; i++)
        CHECK(c.items[i].to_ms < 7000 || c.items[i].from_ms > 11000);
}

TEST(cutter_hears_who_speaks_from_the_first_moment_on)
{
    static const struct sound s[] = { { 0, 3000, 0, 1500 } };
    struct cuts c;

    cut_all(&c, s, ARRAY_LEN(s), 4000, 0);
    CHECK_INT(c.n, 1);
    CHECK_INT(c.items[0].from_ms, 0);
}

/* Six minutes with breaths of 160 ms, one at least every ten seconds. */
TEST(cutter_cuts_a_monologue_at_its_breaths)
{
    struct sound s[36];
    struct cuts c;
    int64_t spoken_ms = 0;
    int i;

    for (i = 0; i < (int)ARRAY_LEN(s); i++)
        s[i] = (struct sound){ 0, 3000, INT64_C(10000) * i + 160, INT64_C(10000) * (i + 1) };
    cut_all(&c, s, ARRAY_LEN(s), 360000, 0);
    CHECK(c.n >= 6);
    for (i = 0; i < c.n; i++) {
        CHECK(c.items[i].to_ms - c.items[i].from_ms <= CUTTER_UTTERANCE_MAX_MS);
        CHECK(i == 0 || c.items[i].from_ms == c.items[i - 1].to_ms); /* not a sample is lost */
        CHECK(i == c.n - 1 || c.items[i].ends_quiet);
        spoken_ms += c.items[i].to_ms - c.items[i].from_ms;
    }
    CHECK(spoken_ms >= 359800);
}

/* The buffer is full in the middle of the silence that would have ended the utterance. */
TEST(cutter_ends_an_utterance_that_fell_silent_just_before_it_was_full)
{
    struct sound s[21];
    struct cuts c;
    int i;

    for (i = 0; i < 20; i++)
        s[i] = (struct sound){ 0, 3000, INT64_C(3000) * i,
                               INT64_C(3000) * i + (i < 19 ? 2900 : 2500) };
    s[20] = (struct sound){ 0, 3000, 63000, 64000 };
    cut_all(&c, s, ARRAY_LEN(s), 70000, 0);
    CHECK_INT(c.n, 2);
    CHECK(c.items[0].to_ms >= 59500);
    check_covers(&c.items[1], &s[20]);
}

TEST(cutter_cuts_where_it_must_when_there_is_no_breath)
{
    static const struct sound s[] = { { 0, 3000, 0, 200000 } };
    int16_t hop[HOP];
    const int16_t *const channel[CUTTER_CHANNELS] = { hop, NULL };
    struct cuts c = { .n = 0 };
    struct cutter *cutter = cutter_create(1, HZ, on_cut, &c);
    int64_t at;
    size_t i;

    for (at = 0; at < INT64_C(8) * 200000;
         at += HOP) { /* louder and softer, so that it is no hum */
        for (i = 0; i < HOP; i++)
            hop[i] = (int16_t)(sample(s, 1, 0, at + (int64_t)i, 0) / (at / HOP % 5 ? 1 : 10));
        CHECK_OK(cutter_hop(cutter, channel, HOP, NULL));
    }
    CHECK_OK(cutter_flush(cutter, NULL));
    CHECK(c.n >= 4);
    cutter_destroy(cutter);
}

TEST(cutter_is_idle_only_in_silence)
{
    static const struct sound s[] = { { 0, 3000, 1000, 2000 } };
    struct cuts c = { .n = 0 };
    struct cutter *cutter = cutter_create(2, HZ, on_cut, &c);

    CHECK_OK(feed(cutter, s, 1, 900, 0));
    CHECK(cutter_idle(cutter));
    cutter_reset(cutter, 0);
    CHECK_OK(feed(cutter, s, 1, 1500, 0));
    CHECK(!cutter_idle(cutter));
    cutter_reset(cutter, 100000);
    CHECK(cutter_idle(cutter));
    CHECK_OK(cutter_flush(cutter, NULL));
    CHECK_INT(c.n, 0); /* what was open is forgotten */
    CHECK_OK(feed(cutter, s, 1, 4000, 0));
    CHECK_INT(c.n, 1);
    CHECK(c.items[0].from_ms > 100000 / 8);
    cutter_destroy(cutter);
}

TEST(cutter_hands_on_the_handler_s_error)
{
    static const struct sound s[] = { { 0, 3000, 1000, 2000 } };
    struct cuts c = { .answer = ERR_AGAIN };
    struct cutter *cutter = cutter_create(2, HZ, on_cut, &c);

    CHECK_RC(ERR_AGAIN, feed(cutter, s, 1, 4000, 0));
    cutter_destroy(cutter);
}

TEST(cutter_bounds_an_utterance_in_bytes_at_higher_rates)
{
    static const int rates[] = { 8000, 11025, 16000, 44100, 48000 };
    struct cuts c;
    struct cutter *cutter;
    const int16_t *channel[CUTTER_CHANNELS];
    int16_t *loud;
    size_t i, at, k;

    for (i = 0; i < ARRAY_LEN(rates); i++) {
        c = (struct cuts){ .n = 0 };
        cutter = cutter_create(1, rates[i], on_cut, &c);
        loud = mem_calloc(cutter_hop_frames(cutter), sizeof(*loud));
        channel[0] = loud;
        for (at = 0; at < (size_t)120 * 50; at++) {
            for (k = 0; k < cutter_hop_frames(cutter); k++)
                loud[k] = (int16_t)((k / 10 % 2 ? 1 : -1) * (at % 5 ? 3000 : 300));
            CHECK_OK(cutter_hop(cutter, channel, cutter_hop_frames(cutter), NULL));
        }
        CHECK(c.n >= 2);
        mem_free(loud);
        cutter_destroy(cutter);
    }
}
