#include "local_cloud/engine/codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "voice/g711.h"

enum { N = 800 };

static void tone(uint8_t *out, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = g711_linear_to_ulaw(
            (int16_t)lrint(8000.0 * sin(2.0 * M_PI * 1000.0 * (double)i / G711_HZ)));
}

TEST(codec_gives_speech_back_after_a_way_through_24_khz)
{
    uint8_t in[N];
    struct buf pcm = BUF_INIT(64 * KIB), back = BUF_INIT(4096);
    struct codec_in c = { .phase = 0 };
    double sum = 0, kept = 0;
    size_t i;

    tone(in, N);
    codec_encode(AUDIO_PCM24, in, N, 0, 300, &pcm); /* in two pieces: the joint is not heard */
    codec_encode(AUDIO_PCM24, in, N, 300, N, &pcm);
    CHECK_INT(pcm.n, N * 6);
    codec_decode(&c, AUDIO_PCM24, str_slice(buf_str(&pcm), 0, 1001),
                 &back); /* half a sample is carried over */
    codec_decode(&c, AUDIO_PCM24, str_from(buf_str(&pcm), 1001), &back);
    CHECK_INT(back.n, N);
    for (i = 40; i + 40 < N; i++) {
        double v = g711_ulaw_to_linear((uint8_t)back.p[i]);

        sum += v * v;
        kept += 1;
    }
    CHECK(fabs(sqrt(sum / kept) - 8000.0 / sqrt(2.0)) < 400);
    buf_release(&pcm);
    buf_release(&back);
}

TEST(codec_leaves_mu_law_alone_and_turns_a_law)
{
    uint8_t in[N];
    struct buf out = BUF_INIT(4096), back = BUF_INIT(4096);
    struct codec_in c = { .phase = 0 };
    size_t i;

    tone(in, N);
    codec_encode(AUDIO_PCMU, in, N, 10, 20, &out);
    CHECK_INT(out.n, 10);
    CHECK(memcmp(out.p, in + 10, 10) == 0);
    buf_reset(&out);
    codec_encode(AUDIO_PCMA, in, N, 0, N, &out);
    codec_decode(&c, AUDIO_PCMA, buf_str(&out), &back);
    CHECK_INT(back.n, N);
    for (i = 0; i < N; i++)
        CHECK(abs(g711_ulaw_to_linear((uint8_t)back.p[i]) - g711_ulaw_to_linear(in[i])) < 600);
    buf_release(&out);
    buf_release(&back);
}
