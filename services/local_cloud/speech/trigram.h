/* local_cloud/speech/trigram.h: a trigram model counted from sentences, with Witten-Bell smoothing,
 * as ARPA text. */
#ifndef LOCAL_CLOUD_SPEECH_TRIGRAM_H
#define LOCAL_CLOUD_SPEECH_TRIGRAM_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum {
    TRIGRAM_WORDS_MAX = 20000, /* different ones; each id takes 21 bits of a key */
    TRIGRAM_TOKENS_MAX = 4 * 1000 * 1000,
};

struct trigram;

struct trigram *trigram_create(void) MUST_USE;
struct trigram *trigram_destroy(struct trigram *t);
/* Counts a sentence of words and single blanks. ERR_LIMIT: it is not counted. */
MUST_USE enum errc trigram_add(struct trigram *t, struct str sentence);
size_t trigram_words(const struct trigram *t);
struct str trigram_word(const struct trigram *t, size_t i); /* in order of first use */
void trigram_write_arpa(struct trigram *t, struct buf *out);

#endif
