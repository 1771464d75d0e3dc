/* voice/turn_words.h: what the words of the caller's transcript say about the turn: whether they were only
 * to show that somebody listens ("mm-hm", "okay"), and whether more is to come ("it's the, uh"). Tables of
 * English, German, French and Spanish; sounds that are no language's own count in each. */
#ifndef VOICE_TURN_WORDS_H
#define VOICE_TURN_WORDS_H

#include <stdbool.h>

#include "base/str.h"

/* Why the caller is not through. */
enum turn_pause {
    PAUSE_NONE,
    PAUSE_HESITATION, /* a filler, an article or a conjunction at the end, or the text trails off */
    PAUSE_DIGITS,     /* a number of 3 to 9 digits, said digit by digit: more may follow */
    PAUSE_SPELLING,   /* letter by letter */
    PAUSES,
};

/* `language`: ISO 639-1, more may follow ("de-AT"); empty: any of the four. */
bool turn_words_backchannel(struct str text, struct str language);
enum turn_pause turn_words_pause(struct str text, struct str language);
/* The same words, whatever their case and punctuation. */
bool turn_words_same(struct str a, struct str b);
const char *turn_pause_name(enum turn_pause p);

#endif
