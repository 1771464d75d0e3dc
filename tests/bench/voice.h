/* tests/bench/voice.h: a caller's voice that needs no recording: vowels of a low voice in syllables. */
#ifndef BENCH_VOICE_H
#define BENCH_VOICE_H

#include <stdint.h>

enum { VOICE_FRAMES = 50, VOICE_FRAME_BYTES = 160 }; /* a second, to be repeated */

void voice_make(uint8_t ulaw[VOICE_FRAMES][VOICE_FRAME_BYTES]);

#endif
