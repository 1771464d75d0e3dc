#include "local_cloud/speech/resample.h"

#include <math.h>
#include <stdlib.h>

#include "test.h"

enum { N = 800 };

static void tone(int16_t *out, size_t n, double hz, double rate)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = (int16_t)lrint(8000.0 * sin(2.0 * M_PI * hz * (double)i / rate));
}

/* Without the ends, where the filter sees silence. */
static double rms(const int16_t *v, size_t n)
{
    double sum = 0;
    size_t i;

    for (i = 40; i + 40 < n; i++)
        sum += (double)v[i] * v[i];
    return sqrt(sum / (double)(n - 80));
}

TEST(resample_up_then_down_gives_speech_back_in_its_place)
{
    int16_t in[N], wide[2 * N], back[N];
    size_t i;

    tone(in, N, 1000, 8000);
    resample_up2(wide, in, N);
    CHECK_INT(resample_down2(back, wide, (size_t)2 * N), N);
    for (i = 40; i + 40 < N; i++)
        CHECK(abs(back[i] - in[i]) < 60);
}

TEST(resample_down_removes_what_would_fold_back)
{
    int16_t wide[2 * N], narrow[N];

    tone(wide, (size_t)2 * N, 6000, 16000);
    (void)resample_down2(narrow, wide, (size_t)2 * N);
    CHECK(rms(narrow, N) < 10);
    tone(wide, (size_t)2 * N, 2000, 16000);
    (void)resample_down2(narrow, wide, (size_t)2 * N);
    CHECK(rms(narrow, N) > 5500);
}

TEST(resample_takes_odd_lengths_and_full_scale)
{
    const int16_t in[3] = { INT16_MAX, INT16_MAX, INT16_MIN };
    int16_t wide[6], narrow[2];

    resample_up2(wide, in, 3);
    CHECK_INT(wide[0], INT16_MAX);
    CHECK_INT(resample_down2(narrow, in, 3), 2);
}
