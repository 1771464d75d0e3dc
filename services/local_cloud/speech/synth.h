/* local_cloud/speech/synth.h: text to telephone speech, by flite in this process. English. Numbers,
 * clock times and prices in digits are written out first (spell_out.h), since every synthesiser
 * reads digits in a way of its own. Thread-safe and blocking (about a twentieth of the audio's
 * length): for worker threads. What was spoken lately is kept, so that a repeated sentence costs
 * nothing. */
#ifndef LOCAL_CLOUD_SPEECH_SYNTH_H
#define LOCAL_CLOUD_SPEECH_SYNTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum {
    SYNTH_TEXT_MAX = 4000,               /* bytes of one utterance: ERR_LIMIT beyond */
    SYNTH_CACHE_BYTES = 4 * 1024 * 1024, /* of kept audio; the longest unused goes first */
};

struct synth;

struct synth *synth_create(void) MUST_USE;
struct synth *synth_destroy(struct synth *s);

/* "rms" (understood best), "slt", "awb", "kal16", in that order; NULL past the last. */
const char *synth_voice_name(size_t i);
bool synth_has_voice(struct str name);

/* Appends mu-law, 8 kHz, mono (8 bytes = 1 ms) to `out`. Empty text gives no audio. ERR_NOT_FOUND:
 * no such voice; ERR_LIMIT: the text, or the audio for `out`, is too long (nothing useful is in
 * it). */
MUST_USE enum errc synth_ulaw(struct synth *s, struct str voice, struct str text, struct buf *out,
                              struct err *err);
/* The same as 16-bit linear samples of this machine's byte order, 8 kHz. */
MUST_USE enum errc synth_linear(struct synth *s, struct str voice, struct str text, struct buf *out,
                                struct err *err);

#endif
