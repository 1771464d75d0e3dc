#include "voice.h"

#include <math.h>

#include "voice/g711.h"

/* Harmonics of 120 Hz under the first two formants of "a", five syllables a second. */
void voice_make(uint8_t ulaw[VOICE_FRAMES][VOICE_FRAME_BYTES])
{
    static const double turn = 6.283185307179586;
    int i, k;

    for (i = 0; i < VOICE_FRAMES * VOICE_FRAME_BYTES; i++) {
        double t = (double)i / G711_HZ, sum = 0, syllable = 0.55 - 0.45 * cos(turn * 5 * t);

        for (k = 1; k <= 25; k++) {
            double hz = 120.0 * k;

            sum += sin(turn * hz * t) *
                   (exp(-pow((hz - 700) / 250, 2)) + 0.6 * exp(-pow((hz - 1200) / 300, 2)) + 0.02);
        }
        ulaw[i / VOICE_FRAME_BYTES][i % VOICE_FRAME_BYTES] =
            g711_linear_to_ulaw((int16_t)(2500 * syllable * sum));
    }
}
