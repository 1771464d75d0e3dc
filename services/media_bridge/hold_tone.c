#include "media_bridge/hold_tone.h"

#include "base/macros.h"
#include "voice/g711.h"

/* 440 Hz, about 30 dB below full scale, faded over 20 ms at both ends so that it does not click. */
enum { PEAK = 1000, FADE = 20 * G711_BYTES_PER_MS };
static const double two_cos = 1.8817615379084510; /* 2 cos(2 pi 440 / 8000) */
static const double first = 0.3387379202452914;   /* sin(2 pi 440 / 8000) */

void hold_tone(uint8_t out[HOLD_TONE_BYTES])
{
    double before = 0, now = first, next;
    int i;

    for (i = 0; i < HOLD_TONE_BYTES; i++) {
        int edge = MIN(MIN(i, HOLD_TONE_BYTES - 1 - i), FADE);

        out[i] = g711_linear_to_ulaw((int16_t)(before * PEAK * edge / FADE));
        next = two_cos * now - before; /* sin((n+1)w) = 2 cos(w) sin(nw) - sin((n-1)w) */
        before = now;
        now = next;
    }
}
