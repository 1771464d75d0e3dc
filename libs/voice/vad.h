/* voice/vad.h: whether the caller speaks, from the G.711 frames of the line, a network round trip before
 * the engine can say so. WebRTC's detector (deps::webrtc_vad: Gaussian mixtures over six bands) decides
 * on each frame of 20 ms that stands out of the line's noise; the noise floor is the minimum of the last
 * 2.5 s. Over the agent's voice more is asked: a pitch (a click, a door, most of a cough have none), and
 * a level near the caller's own (somebody else in the room is further away); a hum is told from words.
 *
 * Pure: no clock, no timer; positions are milliseconds of the audio given. Nothing is allocated after
 * vad_create(). Audio: mu-law, 8 kHz. */
#ifndef VOICE_VAD_H
#define VOICE_VAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

enum {
    VAD_FRAME_MS = 20,
    VAD_HANG_MS = 120,  /* so much quiet ends a speech: words have gaps */
    VAD_ASIDE_DB = 8,   /* default: so far below the caller's level it is somebody else */
    VAD_VOICED_MS = 80, /* with a pitch, at least, or it is no voice */
    VAD_LEVEL_MS = 240, /* a speech so long, with the agent silent, tells the caller's level */
};

/* The speech that goes on, or the last one. */
struct vad_now {
    bool speech;       /* goes on; VAD_HANG_MS of quiet end it */
    int64_t onset_ms;  /* position of its first frame */
    int64_t ms;        /* from the onset to the last frame of speech */
    int64_t quiet_ms;  /* since that frame; 0: it was the newest */
    int64_t voiced_ms; /* of it with a pitch; counted only over the agent's voice */
    bool hum;          /* nothing but a hum so far: a closed mouth, no formants */
    bool aside;        /* too far below the caller's own level */
};

struct vad;

/* aside_db 0: the default. */
struct vad *vad_create(int64_t aside_db) MUST_USE;
struct vad *vad_destroy(struct vad *v);
/* The next `n` bytes of the line, any number; whole frames are judged. over_agent: an answer is
 * heard or on its way. */
void vad_hear(struct vad *v, const uint8_t *ulaw, size_t n, bool over_agent);
const struct vad_now *vad_now(const struct vad *v);
int64_t vad_position_ms(const struct vad *v); /* of the audio judged so far */

#endif
