#include "local_cloud/speech/endpoint.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "local_cloud/speech/synth.h"
#include "test.h"
#include "voice/g711.h"

struct line {
    struct endpoint e;
    int started, stopped;
    uint32_t random;
};

static const struct endpoint_settings settings = ENDPOINT_DEFAULTS;

static void line_init(struct line *l)
{
    memset(l, 0, sizeof(*l));
    endpoint_init(&l->e, &settings);
    l->random = 1;
}

static void feed(struct line *l, const uint8_t *frame)
{
    switch (endpoint_feed(&l->e, frame)) {
    case ENDPOINT_STARTED:
        l->started++;
        break;
    case ENDPOINT_STOPPED:
        l->stopped++;
        break;
    case ENDPOINT_NONE:
        break;
    }
}

/* White noise of so many decibels below full scale; -100: digital silence. */
static void noise(struct line *l, int ms, double db)
{
    double level = db <= -100 ? 0 : 32768.0 * pow(10.0, db / 20.0) * sqrt(3.0);
    uint8_t frame[ENDPOINT_FRAME];
    int i, k;

    for (i = 0; i < ms / 10; i++) {
        for (k = 0; k < ENDPOINT_FRAME; k++) {
            l->random = l->random * 1664525u + 1013904223u;
            frame[k] = g711_linear_to_ulaw(
                (int16_t)lrint(level * ((double)(l->random >> 8) / (double)(1 << 23) - 1.0)));
        }
        feed(l, frame);
    }
}

static void speech(struct line *l, const char *text, double noise_db)
{
    struct synth *s = synth_create();
    struct buf audio = BUF_INIT(MIB);
    struct err err = ERR_INIT;
    double level = noise_db <= -100 ? 0 : 32768.0 * pow(10.0, noise_db / 20.0) * sqrt(3.0);
    size_t at, k;

    CHECK_OK(synth_ulaw(s, STR("rms"), str_c(text), &audio, &err));
    for (at = 0; at + ENDPOINT_FRAME <= audio.n; at += ENDPOINT_FRAME) {
        uint8_t frame[ENDPOINT_FRAME];

        for (k = 0; k < ENDPOINT_FRAME; k++) {
            double v = g711_ulaw_to_linear((uint8_t)audio.p[at + k]);

            l->random = l->random * 1664525u + 1013904223u;
            v += level * ((double)(l->random >> 8) / (double)(1 << 23) - 1.0);
            frame[k] = g711_linear_to_ulaw((int16_t)lrint(fmin(fmax(v, -32768), 32767)));
        }
        feed(l, frame);
    }
    buf_release(&audio);
    synth_destroy(s);
}

TEST(endpoint_finds_one_turn_in_silence_with_its_times)
{
    struct line l;

    line_init(&l);
    noise(&l, 1000, -100);
    speech(&l, "I would like to book an appointment please.", -100);
    noise(&l, 100, -100);
    CHECK_INT(l.started, 1);
    CHECK_INT(l.stopped, 0); /* 500 ms of quiet are wanted, and flite leaves some */
    CHECK(l.e.started_ms >= 650 && l.e.started_ms <= 1000);
    noise(&l, 450, -100);
    CHECK_INT(l.stopped, 1);
    CHECK(l.e.stopped_ms > endpoint_ms(&l.e) - 450);
    CHECK_INT(l.started, 1);
}

TEST(endpoint_hears_speech_over_a_noisy_line_and_not_the_noise)
{
    struct line l;

    line_init(&l);
    noise(&l, 4000, -45);
    CHECK_INT(l.started, 0);
    speech(&l, "I would like to book an appointment please.", -45);
    noise(&l, 2000, -45);
    CHECK_INT(l.started, 1);
    CHECK_INT(l.stopped, 1);
}

TEST(endpoint_takes_a_click_for_nothing)
{
    struct line l;

    line_init(&l);
    noise(&l, 500, -100);
    noise(&l, 30, -12);
    noise(&l, 1000, -100);
    CHECK_INT(l.started, 0);
}

TEST(endpoint_waits_as_long_as_it_is_told)
{
    const struct endpoint_settings patient = { .threshold = 0.5,
                                               .prefix_padding_ms = 0,
                                               .silence_duration_ms = 1500 };
    struct line l;

    line_init(&l);
    endpoint_configure(&l.e, &patient);
    noise(&l, 500, -100);
    speech(&l, "On Thursday.", -100);
    noise(&l, 1000, -100);
    speech(&l, "At ten.", -100);
    CHECK_INT(l.started, 1);
    CHECK_INT(l.stopped, 0);
    CHECK(l.e.started_ms >= 480); /* no padding */
    noise(&l, 1600, -100);
    CHECK_INT(l.stopped, 1);
}

TEST(endpoint_with_a_high_threshold_lets_quiet_speech_pass)
{
    const struct endpoint_settings deaf = { .threshold = 1.0,
                                            .prefix_padding_ms = 0,
                                            .silence_duration_ms = 500 };
    struct line l;

    line_init(&l);
    noise(&l, 1000, -50);
    noise(&l, 300, -38);
    CHECK_INT(l.started, 1);
    line_init(&l);
    endpoint_configure(&l.e, &deaf);
    noise(&l, 1000, -50);
    noise(&l, 300, -38);
    CHECK_INT(l.started, 0);
}
