/* local_cloud/speech/sentences.h: what callers say in each state of a dialogue, as templates, and
 * sentences drawn from them at random for a language model. Template: words; [a|b|c] one of them,
 * each itself a template; <class> a template by name; a ? behind any of these: left out half of the
 * time. */
#ifndef LOCAL_CLOUD_SPEECH_SENTENCES_H
#define LOCAL_CLOUD_SPEECH_SENTENCES_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "local_cloud/speech/recognize.h"

struct sentence_source {
    enum hearing hearing;
    struct str topics; /* as recognizer_hear() */
    uint64_t random;   /* state; the same start gives the same sentences */
};

/* Appends one sentence: lower-case words and single spaces. */
void sentence_draw(struct sentence_source *s, struct buf *out);

/* Pronunciations that cmudict lacks, as lines of a dictionary: "word PH ON EM". */
struct str sentence_own_words(void);

#endif
