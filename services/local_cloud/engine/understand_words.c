/* A caller's words, and the numbers among them. */
#include "local_cloud/engine/understand_internal.h"

#include <ctype.h>

#include "base/macros.h"

const char *const words_small[WORDS_SMALL] = {
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"
};
static const char *const tens[] = { "twenty", "thirty", "forty", "fifty" };
static const char *const ordinals[] = {
    "",           "first",     "second",    "third",       "fourth",     "fifth",      "sixth",
    "seventh",    "eighth",    "ninth",     "tenth",       "eleventh",   "twelfth",    "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"
};

/* Lower-case words without punctuation; digits stay for typed text. */
void words_split(struct words *ws, struct str text, char *store, size_t store_n)
{
    size_t i, used = 0, from = 0;

    ws->n = 0;
    for (i = 0; i <= text.n && used + 1 < store_n; i++) {
        char c = i < text.n ? text.p[i] : ' ';

        if (isalnum((unsigned char)c) || c == '\'' ||
            (c == '.' && i + 1 < text.n && isalpha((unsigned char)text.p[i + 1]) && i > 0 &&
             isalpha((unsigned char)text.p[i - 1])) ||
            c == ':') {
            store[used++] = (char)tolower((unsigned char)c);
        } else if (used > from && ws->n < WORDS_MAX) {
            ws->w[ws->n++] = str_n(store + from, used - from);
            from = used;
        }
    }
}

bool words_is(const struct words *ws, size_t i, const char *word)
{
    return i < ws->n && str_eq_c(ws->w[i], word);
}

/* The phrase's words stand at i; returns how many, 0: they do not. */
size_t words_phrase_at(const struct words *ws, size_t i, const char *phrase)
{
    struct str one, rest = str_c(phrase);
    size_t n = 0;

    while (rest.n > 0) {
        (void)str_cut(rest, ' ', &one, &rest); /* the last has no blank behind it */
        if (i + n >= ws->n || !str_eq(ws->w[i + n], one))
            return 0;
        n++;
    }
    return n;
}

static bool words_has(const struct words *ws, const char *phrase)
{
    size_t i;

    for (i = 0; i < ws->n; i++) {
        if (words_phrase_at(ws, i, phrase))
            return true;
    }
    return false;
}

/* Any of "a|b c|d". */
bool words_has_any(const struct words *ws, const char *phrases)
{
    struct str one, rest = str_c(phrases);
    char text[64];

    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last has no bar behind it */
        if (str_copy(text, sizeof(text), one) && words_has(ws, text))
            return true;
    }
    return false;
}

int words_index(const char *const *list, size_t n, struct str word)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (list[i][0] && str_eq_c(word, list[i]))
            return (int)i;
    }
    return -1;
}

/* Numbers from zero to fifty-nine at i; *used words. -1: none. */
int words_number_at(const struct words *ws, size_t i, size_t *used)
{
    int64_t typed = 0;
    int v, ten;

    if (i >= ws->n)
        return -1;
    *used = 1;
    if (!str_to_i64(ws->w[i], 0, 59, &typed))
        return (int)typed;
    ten = words_index(tens, ARRAY_LEN(tens), ws->w[i]);
    if (ten >= 0) {
        v = i + 1 < ws->n ? words_index(words_small, 10, ws->w[i + 1]) : -1;
        if (v > 0)
            *used = 2;
        return (ten + 2) * 10 + MAX(v, 0);
    }
    return words_index(words_small, WORDS_SMALL, ws->w[i]);
}

/* Ordinals from first to thirty-first at i; 0: none. */
int words_ordinal_at(const struct words *ws, size_t i, size_t *used)
{
    int v;

    if (i >= ws->n)
        return 0;
    *used = 1;
    v = words_index(ordinals, ARRAY_LEN(ordinals), ws->w[i]);
    if (v > 0)
        return v;
    if (words_is(ws, i, "thirtieth"))
        return 30;
    *used = 2;
    v = i + 1 < ws->n ? words_index(ordinals, 10, ws->w[i + 1]) : -1;
    if (v > 0 && words_is(ws, i, "twenty"))
        return 20 + v;
    if (v == 1 && words_is(ws, i, "thirty"))
        return 31;
    *used = 1; /* typed: 27th */
    if (ws->w[i].n >= 3 && isdigit((unsigned char)ws->w[i].p[0])) {
        int64_t typed = 0;

        if (!str_to_i64(str_slice(ws->w[i], 0, ws->w[i].n - 2), 1, 31, &typed))
            return (int)typed;
    }
    return 0;
}
