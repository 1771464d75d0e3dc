#include "voice/vad.h"

#include <math.h>
#include <string.h>

#include "sounds.h"
#include "test.h"
#include "voice/g711.h"

/* A line: sound is added to its noise and heard in frames, as from Twilio. */
struct line {
    struct vad *vad;
    unsigned seed;
    double noise;    /* amplitude */
    int64_t started; /* position of the first frame at which speech was reported; -1: none */
    int64_t stopped; /* of the last report of an end; -1: none */
    int starts;
    bool agent_heard;
};

static void line_hear(struct line *l, enum sound s, double amplitude, int ms)
{
    double samples[G711_FRAME_BYTES];
    uint8_t frame[G711_FRAME_BYTES];
    int at, i;

    for (at = 0; at < ms; at += G711_FRAME_MS) {
        bool before = vad_now(l->vad)->speech;

        memset(samples, 0, sizeof(samples));
        sound_add(samples, G711_FRAME_BYTES, SOUND_HISS, l->noise, 0, &l->seed);
        sound_add(samples, G711_FRAME_BYTES, s, amplitude, (size_t)at * 8, &l->seed);
        for (i = 0; i < G711_FRAME_BYTES; i++)
            frame[i] = g711_linear_to_ulaw((int16_t)fmax(fmin(samples[i], 32000), -32000));
        vad_hear(l->vad, frame, sizeof(frame), l->agent_heard);
        if (vad_now(l->vad)->speech == before)
            continue;
        if (before) {
            l->stopped = vad_position_ms(l->vad);
        } else {
            l->started = vad_position_ms(l->vad);
            l->starts++;
        }
    }
}

static void line_open(struct line *l, double line_noise)
{
    *l = (struct line){
        .vad = vad_create(0), .seed = 1, .noise = line_noise, .started = -1, .stopped = -1
    };
    line_hear(l, SOUND_SILENCE, 0, 3000);
}

TEST(vad_tells_the_onset_and_the_end_of_speech)
{
    struct line l;

    line_open(&l, 20);
    CHECK_INT(l.starts, 0);
    line_hear(&l, SOUND_VOWEL, 3000, 600);
    CHECK_INT(l.starts, 1);
    CHECK(l.started <= 3000 + 60);
    CHECK(vad_now(l.vad)->speech);
    CHECK_INT(vad_now(l.vad)->onset_ms, 3000);
    CHECK_INT(vad_now(l.vad)->ms, 600);
    CHECK_INT(vad_now(l.vad)->quiet_ms, 0);
    line_hear(&l, SOUND_SILENCE, 0, 80);
    CHECK(vad_now(l.vad)->speech);
    CHECK(vad_now(l.vad)->quiet_ms >= 60);
    line_hear(&l, SOUND_SILENCE, 0, 320);
    CHECK(!vad_now(l.vad)->speech);
    CHECK(l.stopped <= 3600 + VAD_HANG_MS + 20);
    CHECK(vad_now(l.vad)->ms <= 620); /* without what was waited for */
    vad_destroy(l.vad);
}

TEST(vad_bridges_the_gaps_of_words)
{
    struct line l;

    line_open(&l, 20);
    line_hear(&l, SOUND_VOWEL, 3000, 300);
    line_hear(&l, SOUND_SILENCE, 0, 80);
    line_hear(&l, SOUND_VOWEL, 3000, 300);
    CHECK_INT(l.starts, 1);
    CHECK_INT(l.stopped, -1);
    vad_destroy(l.vad);
}

TEST(vad_takes_no_noise_of_the_line_for_speech)
{
    static const double amplitudes[] = { 0, 5, 50, 400, 1500 };
    size_t i;

    for (i = 0; i < ARRAY_LEN(amplitudes); i++) {
        struct line l;

        line_open(&l, amplitudes[i]); /* the floor is known by now */
        CHECK(!vad_now(l.vad)->speech);
        l.starts = 0;
        line_hear(&l, SOUND_SILENCE, 0, 20000);
        CHECK_INT(l.starts, 0);
        vad_destroy(l.vad);
    }
}

TEST(vad_hears_speech_in_noise_and_follows_the_noise_up_and_down)
{
    struct line l;

    line_open(&l, 20);
    l.noise = 400; /* a car sets off */
    line_hear(&l, SOUND_SILENCE, 0, 4000);
    l.starts = 0;
    line_hear(&l, SOUND_VOWEL, 3000, 600); /* 15 dB above it */
    CHECK_INT(l.starts, 1);
    CHECK(l.started <= 7000 + 80);
    line_hear(&l, SOUND_SILENCE, 0, 400);
    CHECK(!vad_now(l.vad)->speech);
    l.noise = 10;
    line_hear(&l, SOUND_SILENCE, 0, 4000);
    l.starts = 0;
    line_hear(&l, SOUND_VOWEL, 150, 600); /* lost in the car */
    CHECK_INT(l.starts, 1);
    vad_destroy(l.vad);
}

TEST(vad_finds_a_pitch_in_voices_and_none_in_noise)
{
    static const struct {
        const char *name;
        enum sound sound;
        int ms;
        bool voiced;
    } rows[] = {
        { "a word", SOUND_VOWEL, 300, true },  { "a hum", SOUND_HUM, 300, true },
        { "a cough", SOUND_HISS, 350, false }, { "a door", SOUND_THUD, 400, false },
        { "a click", SOUND_HISS, 20, false },  { "a lorry", SOUND_LORRY, 600, false },
    };
    double noises[] = { 10, 300 };
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        for (k = 0; k < ARRAY_LEN(noises); k++) {
            struct line l;
            int64_t voiced;

            line_open(&l, noises[k]);
            l.agent_heard = true;
            line_hear(&l, rows[i].sound, 4000, rows[i].ms);
            voiced = vad_now(l.vad)->voiced_ms;
            if ((voiced >= VAD_VOICED_MS) != rows[i].voiced)
                FAIL_TEST("%s in noise of %.0f: voiced_ms=%lld", rows[i].name, noises[k],
                          (long long)voiced);
            vad_destroy(l.vad);
        }
    }
}

TEST(vad_looks_for_a_pitch_only_over_the_agents_voice)
{
    struct line l;

    line_open(&l, 20);
    line_hear(&l, SOUND_VOWEL, 3000, 400);
    CHECK_INT(vad_now(l.vad)->voiced_ms, 0);
    vad_destroy(l.vad);
}

TEST(vad_tells_a_hum_from_words)
{
    struct line l;

    line_open(&l, 10);
    line_hear(&l, SOUND_HUM, 3000, 800);
    CHECK(vad_now(l.vad)->hum);
    line_hear(&l, SOUND_SILENCE, 0, 400);
    line_hear(&l, SOUND_VOWEL, 3000, 800);
    CHECK(!vad_now(l.vad)->hum);
    vad_destroy(l.vad);
}

TEST(vad_takes_speech_far_below_the_callers_level_for_somebody_else)
{
    struct line l;

    line_open(&l, 10);
    line_hear(&l, SOUND_VOWEL, 4000, 1000); /* the caller, with the agent silent */
    line_hear(&l, SOUND_SILENCE, 0, 400);
    l.agent_heard = true;
    line_hear(&l, SOUND_VOWEL, 1000, 600); /* 12 dB below */
    CHECK(vad_now(l.vad)->speech);
    CHECK(vad_now(l.vad)->aside);
    line_hear(&l, SOUND_SILENCE, 0, 400);
    line_hear(&l, SOUND_VOWEL, 2200, 600); /* 5 dB below: the same, not so loud */
    CHECK(!vad_now(l.vad)->aside);
    vad_destroy(l.vad);
}

TEST(vad_learns_no_level_from_what_is_said_over_the_agents_voice)
{
    struct line l;

    line_open(&l, 10);
    line_hear(&l, SOUND_VOWEL, 4000, 1000);
    line_hear(&l, SOUND_SILENCE, 0, 400);
    l.agent_heard = true;
    line_hear(&l, SOUND_VOWEL, 30000, 1000); /* a shout, a cough into the microphone */
    line_hear(&l, SOUND_SILENCE, 0, 400);
    line_hear(&l, SOUND_VOWEL, 3000, 600);
    CHECK(!vad_now(l.vad)->aside);
    vad_destroy(l.vad);
}

TEST(vad_goes_by_a_fixed_level_until_it_knows_the_callers)
{
    struct line l;

    line_open(&l, 5);
    l.agent_heard = true;
    line_hear(&l, SOUND_VOWEL, 250, 600);
    CHECK(vad_now(l.vad)->aside);
    line_hear(&l, SOUND_SILENCE, 0, 400);
    line_hear(&l, SOUND_VOWEL, 2000, 600);
    CHECK(!vad_now(l.vad)->aside);
    vad_destroy(l.vad);
}

TEST(vad_judges_the_same_however_the_bytes_are_cut)
{
    static uint8_t sound[1200 * G711_BYTES_PER_MS];
    static double samples[sizeof(sound)];
    static const size_t cuts[] = { 1, 7, 159, 161, 1000, sizeof(sound) };
    unsigned seed = 1;
    size_t i, k;

    sound_add(samples, 4000, SOUND_HISS, 20, 0, &seed);
    sound_add(samples + 4000, 5600, SOUND_VOWEL, 3000, 4000, &seed);
    for (i = 0; i < sizeof(sound); i++)
        sound[i] = g711_linear_to_ulaw((int16_t)samples[i]);
    for (k = 0; k < ARRAY_LEN(cuts); k++) {
        struct vad *v = vad_create(0);

        for (i = 0; i < sizeof(sound); i += cuts[k])
            vad_hear(v, sound + i, MIN(cuts[k], sizeof(sound) - i), false);
        CHECK_INT(vad_position_ms(v), 1200);
        CHECK_INT(vad_now(v)->onset_ms, 500);
        CHECK_INT(vad_now(v)->ms, 700);
        vad_destroy(v);
    }
}

TEST(vad_makes_up_for_what_noise_hides_of_an_onset)
{
    struct line l;

    line_open(&l, 300);
    line_hear(&l, SOUND_HISS, 400, 60); /* an "s" */
    line_hear(&l, SOUND_VOWEL, 3000, 300);
    CHECK(vad_now(l.vad)->onset_ms >= 2980);
    CHECK(vad_now(l.vad)->onset_ms <= 3020);
    vad_destroy(l.vad);
}

TEST(vad_tells_somebody_else_from_the_caller_in_noise)
{
    struct line l;

    line_open(&l, 400);
    line_hear(&l, SOUND_VOWEL, 3000, 1000);
    line_hear(&l, SOUND_SILENCE, 0, 400);
    l.agent_heard = true;
    line_hear(&l, SOUND_VOWEL, 1000, 600); /* 10 dB below, and the noise adds to it */
    CHECK(vad_now(l.vad)->speech);
    CHECK(vad_now(l.vad)->aside);
    vad_destroy(l.vad);
}
