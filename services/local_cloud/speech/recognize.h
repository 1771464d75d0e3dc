/* local_cloud/speech/recognize.h: what was said, from the audio alone, by PocketSphinx (Debian,
 * 0.8) with a vocabulary and a trigram for the state of the dialogue. Whole utterances after their
 * end, mu-law 8 kHz. English. Thread-safe and blocking (about a twentieth of the audio's length; a
 * state's first use makes its decoder): for worker threads. The same audio gives the same text. */
#ifndef LOCAL_CLOUD_SPEECH_RECOGNIZE_H
#define LOCAL_CLOUD_SPEECH_RECOGNIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* What the listener expects to be told. Each one also takes the answers that may come at any time
 * (yes, no, a person please, goodbye, an emergency). */
enum hearing {
    HEAR_REQUEST,  /* why somebody calls: a booking with or without a time, a question, a person */
    HEAR_WHEN,     /* days, dates, times, choices among offers */
    HEAR_MORE,     /* whether anything else is wanted: mostly goodbye */
    HEAR_YES_NO,   /* an answer, or a correction of day, date or time */
    HEAR_NAME,     /* first and family names, also spelt */
    HEAR_SPELLING, /* letters */
    HEAR_PHONE,    /* digits in groups, "this one is fine" */
    HEAR_DETAILS,  /* what a larger job is about, where, how much, how soon */
    HEAR_ANYTHING, /* all of them: transcription without a dialogue */
    HEARINGS,
};

enum {
    RECOGNIZE_MAX_MS = 60 * 1000, /* of one utterance; what is longer is cut */
    RECOGNIZE_TOPICS_MAX = 64,    /* business's own phrases taken into the vocabulary */
};

/* Where Debian's package keeps its files; NULL fields take that. */
struct recognizer_opts {
    const char *model_dir; /* acoustic model */
    const char *dict_path; /* cmudict-en-us.dict */
};

/* What was said in other words than those of the vocabulary stays below it, mostly. */
#define RECOGNIZE_SURE 0.3

struct recognizer;

struct heard_word {
    struct str word; /* lower case */
    int start_ms, end_ms;
};

struct heard {
    struct str text; /* lower case words and single spaces; empty: nothing understood */
    struct heard_word *words;
    size_t n_words;
    double confidence; /* 0 to 1: how sure; below RECOGNIZE_SURE better ask again */
};

/* ERR_NOT_FOUND: model or dictionary is not installed (the sentence names the package). */
MUST_USE enum errc recognizer_create(struct recognizer **ret, const struct recognizer_opts *opts,
                                     struct err *err);
struct recognizer *recognizer_destroy(struct recognizer *r); /* nobody hears any more */

/* Makes what hearing `h` needs, so that the first utterance does not wait for it. */
MUST_USE enum errc recognizer_prepare(struct recognizer *r, enum hearing h, struct str topics,
                                      struct err *err);

/* `topics`: the business's services and products, one a line, taken into the vocabulary where a
 * service may be named (words that the dictionary lacks are left out); empty for the built-in ones.
 * Results live in the arena. */
MUST_USE enum errc recognizer_hear(struct recognizer *r, enum hearing h, struct str topics,
                                   const uint8_t *ulaw, size_t n, struct arena *a,
                                   struct heard *ret, struct err *err);

#endif
