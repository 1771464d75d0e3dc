/* local_cloud/engine/understand_internal.h: words by number, shared by what understands them. */
#ifndef LOCAL_CLOUD_ENGINE_UNDERSTAND_INTERNAL_H
#define LOCAL_CLOUD_ENGINE_UNDERSTAND_INTERNAL_H

#include "local_cloud/engine/understand.h"

enum { WORDS_MAX = 128, WORDS_STORE = 1024, WORDS_SMALL = 21 };

struct words {
    struct str w[WORDS_MAX];
    size_t n;
};

extern const char *const words_small[WORDS_SMALL]; /* "zero" to "twenty" */

/* Lower-case words without punctuation; digits stay for typed text. Views of `store`. */
void words_split(struct words *ws, struct str text, char *store, size_t store_n);
bool words_is(const struct words *ws, size_t i, const char *word);
/* The phrase's words stand at i; returns how many, 0: they do not. */
size_t words_phrase_at(const struct words *ws, size_t i, const char *phrase);
bool words_has_any(const struct words *ws, const char *phrases);     /* any of "a|b c|d" */
int words_index(const char *const *list, size_t n, struct str word); /* -1: it is not in the list */
/* Numbers from zero to fifty-nine at i; *used words. -1: none. */
int words_number_at(const struct words *ws, size_t i, size_t *used);
/* Ordinals from first to thirty-first at i; 0: none. */
int words_ordinal_at(const struct words *ws, size_t i, size_t *used);

/* understand_when.c: m->wish and m->has_wish. */
void understand_wish(struct meaning *m, const struct words *ws, int today, bool offered);

#endif
