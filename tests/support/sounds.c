#include "sounds.h"

#include <math.h>

static double noise(unsigned *seed)
{
    double sum = 0;
    int i;

    for (i = 0; i < 4; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        sum += (double)(*seed >> 8) / (1 << 24) - 0.5;
    }
    return sum * 1.7;
}

/* Harmonics of a voice at 130 Hz that wavers; formants at 700 and 1200 Hz. */
static double voice(double t, int hum)
{
    double f = 130 + 6 * sin(2 * M_PI * 3 * t), sum = 0;
    int h;

    for (h = 1; h * f < 3400; h++) {
        double at = h * f;
        double formant = exp(-pow((at - 700) / 150, 2)) + 0.6 * exp(-pow((at - 1200) / 200, 2));
        double low = h == 1 ? 1 : h == 2 ? 0.4 : 0;

        sum += (hum ? low : 0.2 / h + formant) * sin(2 * M_PI * at * t);
    }
    return sum * (0.8 + 0.2 * sin(2 * M_PI * 4 * t)); /* syllables */
}

static double sample(enum sound s, double t, unsigned *seed)
{
    switch (s) {
    case SOUND_VOWEL:
        return voice(t, 0);
    case SOUND_HUM:
        return voice(t, 1);
    case SOUND_HISS:
        return noise(seed);
    case SOUND_THUD:
        return exp(-t * 18) * (sin(2 * M_PI * 45 * t) + noise(seed));
    case SOUND_LORRY:
        return sin(2 * M_PI * 40 * t) + 0.3 * noise(seed);
    case SOUND_SILENCE:
        break;
    }
    return 0;
}

void sound_add(double *samples, size_t n, enum sound s, double amplitude, size_t at, unsigned *seed)
{
    size_t i;

    for (i = 0; i < n; i++)
        samples[i] += amplitude * sample(s, (double)(at + i) / 8000, seed);
}
