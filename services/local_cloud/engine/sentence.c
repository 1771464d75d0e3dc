#include "local_cloud/engine/sentence.h"

#include <ctype.h>
#include <stdbool.h>

#include "base/macros.h"

static const char *const capitals[] = {
    "i",        "i'm",    "i'd",       "i'll",    "i've",     "monday",   "tuesday", "wednesday",
    "thursday", "friday", "saturday",  "sunday",  "january",  "february", "april",   "june",
    "july",     "august", "september", "october", "november", "december",
};

static bool is_capital(struct str word)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(capitals); i++) {
        if (str_eq_c(word, capitals[i]))
            return true;
    }
    return false;
}

void sentence_write(struct buf *out, struct str words)
{
    struct str word, rest = str_trim(words);
    bool first = true;

    while (rest.n > 0) {
        (void)str_cut(rest, ' ', &word, &rest); /* the last has no blank behind it */
        if (word.n == 0)
            continue;
        if (!first)
            buf_add_char(out, ' ');
        buf_add_char(out, first || is_capital(word) ? (char)toupper((unsigned char)word.p[0])
                                                    : word.p[0]);
        buf_add_str(out, str_from(word, 1));
        first = false;
    }
    if (!first && out->p[out->n - 1] != '.')
        buf_add_char(out, '.');
}

size_t sentence_first(struct str text)
{
    size_t i;

    for (i = 0; i < text.n; i++) {
        bool ends = text.p[i] == '.' || text.p[i] == '!' || text.p[i] == '?';

        if (ends && i + 1 < text.n && text.p[i + 1] == ' ' && i > 0 &&
            !isupper((unsigned char)text.p[i - 1])) {
            while (i + 1 < text.n && text.p[i + 1] == ' ')
                i++;
            return i + 1;
        }
    }
    return text.n;
}
