#include "local_cloud/engine/codec.h"

#include <math.h>

#include "base/macros.h"
#include "voice/g711.h"

/* Windowed sinc (Hamming), cut-off 3.4 kHz at 24 kHz; one half, the centre last. They sum to 1. */
static const float taps[CODEC_TAPS / 2 + 1] = {
    0.00124f,  -0.00024f, -0.00283f, -0.00482f, -0.00268f, 0.00538f, 0.01485f, 0.01529f,
    -0.00145f, -0.03006f, -0.04821f, -0.02776f, 0.04424f,  0.15001f, 0.24527f, 0.28359f,
};

static float tap(size_t i)
{
    return taps[i <= CODEC_TAPS / 2 ? i : CODEC_TAPS - 1 - i];
}

static float taps_sum(void)
{
    float sum = 0;
    size_t i;

    for (i = 0; i < CODEC_TAPS; i++)
        sum += tap(i);
    return sum;
}

static int16_t to_sample(float v)
{
    return (int16_t)lrintf(fminf(fmaxf(v, INT16_MIN), INT16_MAX));
}

static void sample_in(struct codec_in *c, int16_t sample, float gain, struct buf *out)
{
    float v = 0;
    size_t i;

    c->history[c->at] = sample;
    c->at = (c->at + 1) % CODEC_TAPS;
    if (c->phase++ % CODEC_RATIO != CODEC_RATIO - 1)
        return;
    for (i = 0; i < CODEC_TAPS; i++)
        v += tap(i) * c->history[(c->at + i) % CODEC_TAPS];
    buf_add_char(out, (char)g711_linear_to_ulaw(to_sample(v * gain)));
}

static void pcm_decode(struct codec_in *c, struct str in, struct buf *out)
{
    float gain = 1.0f / taps_sum();
    size_t i;

    for (i = 0; i < in.n; i++) {
        uint8_t byte = (uint8_t)in.p[i];

        if (c->has_odd)
            sample_in(c, (int16_t)(c->odd | byte << 8), gain, out);
        c->odd = byte;
        c->has_odd = !c->has_odd;
    }
}

void codec_decode(struct codec_in *c, enum audio_format f, struct str in, struct buf *out)
{
    size_t i;

    if (f == AUDIO_PCM24) {
        pcm_decode(c, in, out);
    } else if (f == AUDIO_PCMU) {
        buf_add_str(out, in);
    } else {
        for (i = 0; i < in.n; i++)
            buf_add_char(out, (char)g711_linear_to_ulaw(g711_alaw_to_linear((uint8_t)in.p[i])));
    }
}

/* Sample `at` of the 24 kHz signal: the 8 kHz ones stand at every third place. */
static int16_t sample_out(const uint8_t *ulaw, size_t n, size_t at, float gain)
{
    float v = 0;
    size_t i;

    for (i = 0; i < CODEC_TAPS; i++) {
        size_t place = at + i - CODEC_TAPS / 2; /* wraps below zero: then it is beyond the end */

        if (place % CODEC_RATIO == 0 && place / CODEC_RATIO < n)
            v += tap(i) * (float)g711_ulaw_to_linear(ulaw[place / CODEC_RATIO]);
    }
    return to_sample(v * gain * CODEC_RATIO);
}

void codec_encode(enum audio_format f, const uint8_t *ulaw, size_t n, size_t from, size_t to,
                  struct buf *out)
{
    float gain = 1.0f / taps_sum();
    size_t i;

    if (f == AUDIO_PCMU) {
        buf_add(out, ulaw + from, to - from);
        return;
    }
    for (i = from; f == AUDIO_PCMA && i < to; i++)
        buf_add_char(out, (char)g711_linear_to_alaw(g711_ulaw_to_linear(ulaw[i])));
    for (i = from * CODEC_RATIO; f == AUDIO_PCM24 && i < to * CODEC_RATIO; i++) {
        int16_t sample = sample_out(ulaw, n, i, gain);

        buf_add_char(out, (char)(sample & 0xff));
        buf_add_char(out, (char)(sample >> 8 & 0xff));
    }
}
