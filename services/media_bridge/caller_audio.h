/* media_bridge/caller_audio.h: the latest that the caller has said, for an engine that takes over in the middle
 * of it: everything since the beginning of the first turn whose words are not known yet, so that the turn is
 * heard whole. Pure. Audio: mu-law, 8 kHz; what is no longer wanted goes back to the pool at once. */
#ifndef MEDIA_BRIDGE_CALLER_AUDIO_H
#define MEDIA_BRIDGE_CALLER_AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "voice/audio_fifo.h"

enum {
    CALLER_AUDIO_MAX_MS = 20000, /* kept; of a longer turn the beginning is lost */
    CALLER_AUDIO_MOMENT_MS =
        500, /* kept while nothing is said: an onset is noticed later than it is */
    CALLER_AUDIO_UNTOLD_MS = 2000, /* after speech, for the engine to tell of it */
};

struct caller_audio {
    struct audio_fifo fifo;
    /* Positions; UINT64_MAX: there is none. */
    uint64_t turn, newest; /* where the first and the latest turn begin whose words are not known */
    uint64_t voice, voice_end; /* speech that only our own detection has heard */
};

void caller_audio_init(struct caller_audio *a, struct pool *pool); /* audio_pool_init(); borrowed */
void caller_audio_release(struct caller_audio *a);

void caller_audio_hear(struct caller_audio *a, const uint8_t *ulaw, size_t n);
/* Our own detection: it began so long ago; and has ended. */
void caller_audio_voice(struct caller_audio *a, int64_t ago_ms);
void caller_audio_quiet(struct caller_audio *a);
/* There was speech, and the engine has not told of it (yet). */
bool caller_audio_untold(const struct caller_audio *a);
/* The engine: a turn began so long ago; and the words of all turns, or of all but the latest, are known. */
void caller_audio_turn(struct caller_audio *a, int64_t ago_ms);
void caller_audio_known(struct caller_audio *a, bool all);

/* The engine is gone: what is not known, and all that follows, is kept for the next. */
void caller_audio_keep(struct caller_audio *a);
/* What was kept, in bytes; and the `n` of them from `at` on. */
size_t caller_audio_kept(const struct caller_audio *a);
void caller_audio_read(const struct caller_audio *a, size_t at, uint8_t *out, size_t n);

#endif
