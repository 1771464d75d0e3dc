#include "local_cloud/speech/resample.h"

#include <math.h>

#include "base/macros.h"

/* The odd taps of the half-band filter from the centre outwards; the even ones are zero, the centre
 * one is a half. */
static const float taps[] = {
    0.31715980f, -0.10266804f, 0.05807684f, -0.03794381f, 0.02616121f, -0.01836183f,
    0.01287160f, -0.00890050f, 0.00601220f, -0.00393139f, 0.00246401f, -0.00146191f,
    0.00080668f, -0.00040230f, 0.00017157f, -0.00005415f,
};

static int16_t to_sample(float v)
{
    if (v >= 32767.0f)
        return INT16_MAX;
    if (v <= -32768.0f)
        return INT16_MIN;
    return (int16_t)lrintf(v);
}

/* Silence stands before and after the audio. */
static float at(const int16_t *in, size_t n, size_t i)
{
    return i < n ? (float)in[i] : 0.0f;
}

void resample_up2(int16_t *out, const int16_t *in, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++) {
        float between = 0.0f;

        for (k = 0; k < ARRAY_LEN(taps); k++)
            between += taps[k] * (at(in, n, i - k) + at(in, n, i + 1 + k));
        out[2 * i] = in[i];
        out[2 * i + 1] = to_sample(2.0f * between);
    }
}

size_t resample_down2(int16_t *out, const int16_t *in, size_t n)
{
    size_t i, k;

    for (i = 0; 2 * i < n; i++) {
        float v = 0.5f * (float)in[2 * i];

        for (k = 0; k < ARRAY_LEN(taps); k++)
            v += taps[k] * (at(in, n, 2 * i - 1 - 2 * k) + at(in, n, 2 * i + 1 + 2 * k));
        out[i] = to_sample(v);
    }
    return i;
}
