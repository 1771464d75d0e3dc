/* turns/engine_vad.h: the scripted engine's own turn detection, kept apart from the bridge's (voice/vad.h). It stands
 * for a server VAD at its documented defaults: voiced sound begins a turn, a given silence ends it, and neither a
 * door nor most of a cough is taken for a voice. */
#ifndef TURNS_ENGINE_VAD_H
#define TURNS_ENGINE_VAD_H

#include <stdbool.h>
#include <stdint.h>

enum { ENGINE_VAD_FRAME = 160, ENGINE_VAD_FRAME_MS = 20, ENGINE_VAD_FLOORS = 100 };

enum engine_vad_event { ENGINE_VAD_NOTHING, ENGINE_VAD_STARTED, ENGINE_VAD_STOPPED };

struct engine_vad {
    int64_t silence_ms; /* that ends a turn */
    bool speech;
    int64_t at_ms;                    /* of the audio heard so far */
    int64_t from_ms, until_ms;        /* of the turn that goes on, or the last one: its sound */
    unsigned loud, voiced;            /* the last frames, the newest is bit 0 */
    double floors[ENGINE_VAD_FLOORS]; /* energies of the last 2 s */
    int16_t past[ENGINE_VAD_FRAME * 2];
};

void engine_vad_init(struct engine_vad *v);
/* One frame of ENGINE_VAD_FRAME mu-law bytes. */
enum engine_vad_event engine_vad_hear(struct engine_vad *v, const uint8_t *ulaw);

#endif
