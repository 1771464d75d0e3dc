#include "local_cloud/twilio/line.h"

#include <math.h>

#include "local_cloud/twilio/telephony.h"
#include "voice/g711.h"

#define SPEECH_RMS 3000.0 /* about -21 dBFS, as the synthesiser speaks */
#define RING_HZ 425.0
#define RING_AMPLITUDE 60.0
#define PI 3.14159265358979323846

enum { RING_ON_MS = 1000, RING_PERIOD_MS = 5000, SEED = 0x5DEECE66 };

void line_init(struct line *l, double noise_db, double loss)
{
    *l = (struct line){ .loss = loss, .random = SEED };
    if (noise_db > 0)
        l->noise = SPEECH_RMS * pow(10.0, -noise_db / 20.0);
}

/* xorshift64*, in [0, 1). */
static double uniform(struct line *l)
{
    l->random ^= l->random >> 12;
    l->random ^= l->random << 25;
    l->random ^= l->random >> 27;
    return (double)((l->random * 0x2545F4914F6CDD1DULL) >> 11) / 9007199254740992.0;
}

static int16_t clip(double v)
{
    return (int16_t)lrint(fmax(fmin(v, INT16_MAX), INT16_MIN));
}

bool line_pass(struct line *l, uint8_t *ulaw)
{
    size_t i;

    if (l->noise > 0) {
        for (i = 0; i < PHONE_FRAME_BYTES; i++) {
            /* Four uniform ones make a bell near enough; their sum has a deviation of 1/sqrt(3). */
            double bell = uniform(l) + uniform(l) + uniform(l) + uniform(l) - 2.0;

            ulaw[i] = g711_linear_to_ulaw(
                clip(g711_ulaw_to_linear(ulaw[i]) + bell * 1.7320508 * l->noise));
        }
    }
    return l->loss <= 0 || uniform(l) >= l->loss;
}

static uint8_t tone_sample(double hz, int64_t sample, double amplitude)
{
    return g711_linear_to_ulaw(clip(amplitude * sin(2 * PI * hz * (double)sample / 8000.0)));
}

void tone_add(struct buf *out, double hz, int ms, double amplitude)
{
    int64_t i;

    for (i = 0; i < (int64_t)ms * G711_BYTES_PER_MS; i++)
        buf_add_char(out, (char)tone_sample(hz, i, amplitude));
}

void tone_ringing(uint8_t *ulaw, int64_t at_ms)
{
    bool on = at_ms % RING_PERIOD_MS < RING_ON_MS;
    int64_t i;

    for (i = 0; i < PHONE_FRAME_BYTES; i++)
        ulaw[i] = on ? tone_sample(RING_HZ, at_ms * G711_BYTES_PER_MS + i, RING_AMPLITUDE)
                     : G711_ULAW_SILENCE;
}
