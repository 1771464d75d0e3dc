/* post_call/transcribe.h: one utterance to text, at an endpoint that speaks OpenAI's
 * POST {base}/audio/transcriptions, OpenAI's own or an imitator's (whisper.cpp, speaches, LocalAI). Of an
 * answer only `text` is needed; times of its segments are used where they are given and make sense.
 * Source: OpenAI API reference, Audio > Create transcription. Audio: sent as mono 16-bit WAV. */
#ifndef POST_CALL_TRANSCRIBE_H
#define POST_CALL_TRANSCRIBE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "concierge/cost.h"
#include "net/ctx.h"
#include "post_call/multipart.h"

enum {
    TRANSCRIBE_TIMEOUT_MS = 120000,
    TRANSCRIBE_ATTEMPTS = 4,
    TRANSCRIBE_ANSWER_MAX = 256 * 1024,
    TRANSCRIBE_SEGMENTS_MAX = 256, /* of one answer; more: its text is one segment */
    TRANSCRIBE_LANGUAGES_MAX = 16,
    TRANSCRIBE_FORM_MAX = 2 * 1024 * 1024,
};

enum transcribe_format { TRANSCRIBE_AUTO, TRANSCRIBE_JSON, TRANSCRIBE_VERBOSE_JSON };

struct transcribe_settings {
    struct str base_url; /* with the version: https://api.openai.com/v1 */
    struct str api_key;  /* empty: none is sent */
    struct str model;
    int format; /* of enum transcribe_format; AUTO: what the model is known to take */
    const struct str *languages; /* the business's, BCP 47 */
    size_t n_languages;
};

struct transcribe_audio {
    const int16_t *samples;
    size_t n;
    int hz;
};

struct transcribe_segment {
    int64_t from_ms, to_ms; /* in the audio */
    struct str text;        /* not empty, trimmed, valid UTF-8 */
};
struct transcription {
    const struct transcribe_segment *segments; /* in order; none: nothing was said */
    size_t n;
    struct usage usage; /* as the endpoint counts it, else the audio's length */
};

/* Results live in ctx->arena; `form` is scratch. Repeats what may be repeated, within ctx's deadline.
 * ERR_INVALID: the endpoint refuses this audio (or every audio, or the model): a repeat will not help.
 * ERR_NOT_FOUND, ERR_DENIED: no such model or path, a wrong key. Others: later perhaps. */
MUST_USE enum errc transcribe(const struct transcribe_settings *s, struct ctx *ctx,
                              struct multipart *form, const struct transcribe_audio *audio,
                              struct transcription *ret, struct err *err);
/* The answer's body alone; `audio_ms` is the audio's length. ERR_UPSTREAM: it cannot be read. */
MUST_USE enum errc transcribe_parse(struct arena *a, struct str body, int64_t audio_ms,
                                    struct transcription *ret, struct err *err);
/* The sentence in an error's body, whatever its form; empty when there is none. */
struct str transcribe_error_text(struct arena *a, struct str body);

#endif
