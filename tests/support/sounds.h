/* sounds.h: what a caller's line may carry, made of sines and noise, the same each time. */
#ifndef SOUNDS_H
#define SOUNDS_H

#include <stddef.h>
#include <stdint.h>

enum sound {
    SOUND_SILENCE,
    SOUND_VOWEL, /* a voice with formants, in syllables */
    SOUND_HUM,   /* "mm": a voice without */
    SOUND_HISS,  /* noise: a cough, a click */
    SOUND_LORRY, /* a deep, steady rumble with a hiss */
    SOUND_THUD,  /* a door: a blow that rings low, and dies away */
};

/* Linear samples at 8 kHz from `at`, around `amplitude` at most, added to what is there. `seed` is the
 * noise's, and goes on. */
void sound_add(double *samples, size_t n, enum sound s, double amplitude, size_t at,
               unsigned *seed);

#endif
