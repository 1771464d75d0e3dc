/* media_bridge/hold_tone.h: a short soft tone for a caller who waits for the voice engine: somebody is still
 * there. Mu-law, 8 kHz, made here, so that it needs nothing that may be away. */
#ifndef MEDIA_BRIDGE_HOLD_TONE_H
#define MEDIA_BRIDGE_HOLD_TONE_H

#include <stddef.h>
#include <stdint.h>

enum { HOLD_TONE_MS = 160, HOLD_TONE_BYTES = HOLD_TONE_MS * 8 };

void hold_tone(uint8_t out[HOLD_TONE_BYTES]);

#endif
