#include "media_bridge/hold_tone.h"

#include <stdlib.h>

#include "test.h"
#include "voice/g711.h"

TEST(the_hold_tone_is_440_hz_soft_and_fades_at_both_ends)
{
    uint8_t tone[HOLD_TONE_BYTES];
    int i, crossings = 0, peak = 0;

    hold_tone(tone);
    for (i = 1; i < HOLD_TONE_BYTES; i++) {
        int a = g711_ulaw_to_linear(tone[i - 1]), b = g711_ulaw_to_linear(tone[i]);

        crossings += a < 0 && b >= 0;
        peak = MAX(peak, abs(b));
    }
    CHECK(crossings >= 440 * HOLD_TONE_MS / 1000 - 2 && crossings <= 440 * HOLD_TONE_MS / 1000 + 2);
    CHECK(peak > 800 && peak < 1100);
    CHECK(g711_ulaw_energy(tone, 40) < 20000);
    CHECK(g711_ulaw_energy(tone + HOLD_TONE_BYTES - 40, 40) < 20000);
    CHECK(g711_ulaw_energy(tone + HOLD_TONE_BYTES / 2, 80) > 400000);
}
