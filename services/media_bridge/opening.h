/* media_bridge/opening.h: disclosure and greeting in the agent's own voice, kept: the engine speaks them once, later
 * calls hear them from the moment their stream starts. Each of the two is one object in the bucket, a WAV file
 * (mu-law, 8 kHz) under a hash of all that makes its sound: text, language, voice, model, speed, format. An
 * instance reads them once, when it starts, and holds them in memory (at most OPENING_PART_MAX_MS each). What is absent, damaged,
 * or not there in OPENING_READ_MS, the engine speaks, and that is kept if it was whole and its transcript has
 * the words of the text. Loop thread only. */
#ifndef MEDIA_BRIDGE_OPENING_H
#define MEDIA_BRIDGE_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "voice/engine.h"

struct bridge;
struct opening;
struct opening_take;

enum opening_part { OPENING_DISCLOSURE, OPENING_GREETING, OPENING_PARTS };

enum {
    OPENING_PART_MAX_MS = 60000, /* a longer one is not kept */
    OPENING_PART_MIN_MS = 200,   /* a shorter one is none */
    OPENING_READ_MS = 5000,
    OPENING_WRITE_MS = 20000,
};

/* Starts reading. NULL: there is no bucket, nothing is kept; the functions below take that. */
struct opening *opening_create(struct bridge *b);
/* When no call is left and all workers are done. */
struct opening *opening_destroy(struct opening *o);
/* Both are here. */
bool opening_ready(const struct opening *o);
struct str opening_audio(const struct opening *o,
                         enum opening_part p); /* mu-law; lives as long as `o` */

/* The engine speaks it in a call, and is listened to. One take at a time; NULL: none is wanted, and the
 * functions below do nothing. */
struct opening_take *opening_take_begin(struct opening *o) MUST_USE;
/* A text was asked for; others than the two are ignored. */
void opening_take_asked(struct opening_take *t, struct str text, uint32_t tag);
void opening_take_started(struct opening_take *t, struct str response_id, uint32_t tag);
void opening_take_audio(struct opening_take *t, const struct voice_part *part, const uint8_t *ulaw,
                        size_t n);
/* Of a part, whole. */
void opening_take_text(struct opening_take *t, const struct voice_part *part, struct str text);
/* True: the take is over, kept or given up, and freed. */
bool opening_take_done(struct opening_take *t, const struct voice_response *r) MUST_USE;
void opening_take_drop(struct opening_take *t);

#endif
