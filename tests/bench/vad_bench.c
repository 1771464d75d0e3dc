/* vad_bench: nanoseconds that voice activity detection takes for a frame of 20 ms, on silence and on speech, both
 * while the agent is silent and while it speaks; the median of several rounds. One JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "voice.h"
#include "voice/vad.h"

enum { ROUNDS = 9, FRAMES = 20 * VOICE_FRAMES };

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static long long ns_a_frame(uint8_t audio[VOICE_FRAMES][VOICE_FRAME_BYTES], bool over_agent)
{
    int64_t took[ROUNDS];
    int i, k;

    for (i = 0; i < ROUNDS; i++) {
        struct vad *v = vad_create(0);
        int64_t began = now_ns();

        for (k = 0; k < FRAMES; k++)
            vad_hear(v, audio[k % VOICE_FRAMES], VOICE_FRAME_BYTES, over_agent);
        took[i] = (now_ns() - began) / FRAMES;
        (void)vad_destroy(v);
    }
    qsort(took, ROUNDS, sizeof(took[0]), by_value);
    return (long long)took[ROUNDS / 2];
}

int main(void)
{
    static uint8_t speech[VOICE_FRAMES][VOICE_FRAME_BYTES],
        silence[VOICE_FRAMES][VOICE_FRAME_BYTES];

    voice_make(speech);
    memset(silence, 0xFF, sizeof(silence));
    printf("{\"silenceNs\":%lld,\"speechNs\":%lld,\"speechOverAgentNs\":%lld}\n",
           ns_a_frame(silence, false), ns_a_frame(speech, false), ns_a_frame(speech, true));
    return 0;
}
