#include "voice/turn_words.h"

#include "base/macros.h"

enum {
    TEXT_MAX = 400,        /* bytes from the end of a transcript that are looked at */
    BACKCHANNEL_WORDS = 5, /* more words are a turn, whatever they are */
    DIGITS_MIN = 3,        /* below: a time, an amount */
    DIGITS_WHOLE = 10,     /* a telephone number with its area code */
    LETTERS_MIN = 2,
};

/* Lists are blank-separated, with a blank at each end. */
static const struct tongue {
    const char *language; /* empty: in each */
    const char *backchannels, *unfinished, *digits;
} tongues[] = {
    { "", " m mm mmm mhm mmhm hm hmm hmmm uh huh uhuh ah aha oh ok okay k ",
      " uh uhm um umm er erm eh hm hmm mmm ", "" },
    { "en",
      " yes yeah yep yup ya right sure good great fine alright all i see got it gotcha cool "
      "perfect "
      "nice of course true exactly absolutely that's ",
      " the a an and or but so because at on in for to of my your is it's its was with from until "
      "about like i'm i i'd i'll i've let's we're we'll well maybe between if whether unless while "
      "than into "
      "near per via during past every mr mrs ms dr ",
      " zero oh one two three four five six seven eight nine double " },
    { "de",
      " ja jaja jo jep gut genau klar ach so stimmt richtig alles schön super verstehe verstanden "
      "ich natürlich in ordnung prima ",
      " äh ähm öh öhm der die den dem ein eine einen einem einer und oder aber weil am im für mit "
      "von "
      "bis ist also mein meine meinen meinem meiner unser unsere zum zur vielleicht zwischen wenn "
      "ob dass "
      "sondern jeden jede herr herrn ",
      " null eins ein zwei zwo drei vier fünf sechs sieben acht neun " },
    { "fr", " oui ouais d'accord bon bien très voilà c'est ça je vois parfait entendu exact super ",
      " euh heu le la les l un une des du de et ou mais parce que à au pour avec c'est est mon ma "
      "je "
      "ben bah alors entre que qui dont chez sur sans vers lorsque puisque notre votre mes ses nos "
      "vos ce "
      "cette ces ",
      " zéro un deux trois quatre cinq six sept huit neuf " },
    { "es", " sí si ya vale bueno bien claro ajá aja entiendo de acuerdo perfecto exacto muy eso ",
      " em este pues el la los las un una y o pero porque a al para con de del es mi me yo entre "
      "que sobre sin hasta desde hacia mis su sus nuestro "
      "nuestra cada ",
      " cero uno dos tres cuatro cinco seis siete ocho nueve " },
};

/* The words of a text in lower case. */
struct words {
    char text[TEXT_MAX + 2]; /* a blank at the end */
    size_t n;
    bool trails_off;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Part of a word: letters of any script, digits, an apostrophe. */
static bool in_word(char c)
{
    return (unsigned char)c >= 0x80 || is_digit(c) || (c >= 'a' && c <= 'z') || c == '\'';
}

/* One character, in lower case as far as the tables need it (ASCII and Latin-1). Returns its bytes. */
static size_t lower(struct str s, char out[4], size_t *n)
{
    size_t k = str_utf8_next(s), i;

    if (k == 0 || k > 4)
        k = 1;
    for (i = 0; i < k; i++)
        out[i] = s.p[i];
    *n = k;
    if (k == 1 && out[0] >= 'A' && out[0] <= 'Z')
        out[0] = (char)(out[0] + 'a' - 'A');
    else if (k == 2 && (unsigned char)out[0] == 0xC3 && (unsigned char)out[1] <= 0x9E)
        out[1] = (char)(out[1] + 0x20);
    else if (str_eq(str_n(out, k), STR("\xE2\x80\x99"))) /* ’ */
        out[0] = '\'', *n = 1;
    else if ((k == 2 && (unsigned char)out[0] == 0xC2) ||
             (k == 3 && (unsigned char)out[0] == 0xE2 && (unsigned char)out[1] == 0x80))
        out[0] = ' ', *n = 1; /* signs of Latin-1; dashes, an ellipsis */
    return k;
}

static bool trails_off(struct str text)
{
    static const char *const ends[] = { "...", "\xE2\x80\xA6", "-", "\xE2\x80\x94", "," };
    size_t i;

    for (i = 0; i < ARRAY_LEN(ends); i++) {
        if (str_ends(text, str_c(ends[i])))
            return true;
    }
    return false;
}

/* Between digits a colon or a point makes a time or an amount, not a further digit: "9:30". */
static bool joins_digits(struct str text, size_t i)
{
    return (text.p[i] == ':' || text.p[i] == '.') && i > 0 && is_digit(text.p[i - 1]) &&
           i + 1 < text.n && is_digit(text.p[i + 1]);
}

static void words_of(struct words *w, struct str text)
{
    size_t i;

    text = str_trim(text);
    w->trails_off = trails_off(text);
    w->n = 0;
    text = str_from(text, text.n > TEXT_MAX ? text.n - TEXT_MAX : 0);
    for (i = 0; i < text.n;) {
        char c[4];
        size_t n, k = lower(str_from(text, i), c, &n), j;
        bool word = in_word(c[0]) || joins_digits(text, i);

        for (j = 0; word && j < n; j++)
            w->text[w->n++] = c[j];
        if (!word && w->n > 0 && w->text[w->n - 1] != ' ')
            w->text[w->n++] = ' ';
        i += k;
    }
    if (w->n > 0 && w->text[w->n - 1] != ' ')
        w->text[w->n++] = ' ';
}

static bool listed(const char *list, struct str word)
{
    struct str rest = str_c(list), head;

    while (rest.n) {
        (void)str_cut(rest, ' ', &head, &rest);
        if (head.n && str_eq(head, word))
            return true;
    }
    return false;
}

static bool speaks(const struct tongue *t, struct str language)
{
    return !t->language[0] || !language.n || str_istarts(language, str_c(t->language));
}

enum list { BACKCHANNELS, UNFINISHED, DIGITS };

static bool in_list(enum list list, struct str word, struct str language)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(tongues); i++) {
        const struct tongue *t = &tongues[i];
        const char *words = list == BACKCHANNELS ? t->backchannels
                            : list == UNFINISHED ? t->unfinished
                                                 : t->digits;

        if (speaks(t, language) && listed(words, word))
            return true;
    }
    return false;
}

bool turn_words_backchannel(struct str text, struct str language)
{
    struct words w;
    struct str rest, word;
    int n = 0;

    words_of(&w, text);
    for (rest = str_n(w.text, w.n); rest.n; n++) {
        (void)str_cut(rest, ' ', &word, &rest);
        if (n == BACKCHANNEL_WORDS || !in_list(BACKCHANNELS, word, language))
            return false;
    }
    return n > 0;
}

/* Takes the last word off; empty: none is left. */
static struct str last_word(struct str *words)
{
    struct str text = str_trim(*words);
    size_t from = text.n;

    while (from > 0 && text.p[from - 1] != ' ')
        from--;
    *words = str_slice(text, 0, from);
    return str_from(text, from);
}

/* How many digits the word stands for; 0: it is none. */
static size_t digits_of(struct str word, struct str language)
{
    size_t i;

    for (i = 0; i < word.n; i++) {
        if (!is_digit(word.p[i]))
            return in_list(DIGITS, word, language) ? 1 : 0;
    }
    return word.n;
}

/* A number that is being said digit by digit, or in groups of at least three. */
static bool ends_in_digits(struct str words, struct str language)
{
    size_t digits = 0, groups = 0, longest = 0;

    for (;;) {
        size_t n = digits_of(last_word(&words), language);

        if (n == 0)
            break;
        digits += n;
        longest = MAX(longest, n);
        groups++;
    }
    return digits >= DIGITS_MIN && digits < DIGITS_WHOLE &&
           (groups >= DIGITS_MIN || longest >= DIGITS_MIN);
}

static bool ends_in_letters(struct str words)
{
    int n = 0;

    for (;;) {
        struct str word = last_word(&words);

        if (word.n == 0 || word.n > 2 || str_utf8_next(word) != word.n || is_digit(word.p[0]))
            break;
        n++;
    }
    return n >= LETTERS_MIN;
}

enum turn_pause turn_words_pause(struct str text, struct str language)
{
    struct words w;
    struct str words, before, last;

    words_of(&w, text);
    words = str_n(w.text, w.n);
    if (ends_in_digits(words, language))
        return PAUSE_DIGITS;
    if (ends_in_letters(words))
        return PAUSE_SPELLING;
    before = words;
    last = last_word(&before);
    if (last.n && (w.trails_off || in_list(UNFINISHED, last, language)))
        return PAUSE_HESITATION;
    /* "the twenty": a date that lacks its unit. "Nine thirty" is a time. */
    if ((str_eq(last, STR("twenty")) || str_eq(last, STR("thirty"))) &&
        str_eq(last_word(&before), STR("the")))
        return PAUSE_HESITATION;
    return PAUSE_NONE;
}

static struct str skip_gap(struct str text)
{
    char c[4];
    size_t n, k;

    while (text.n) {
        k = lower(text, c, &n);
        if (in_word(c[0]))
            break;
        text = str_from(text, k);
    }
    return text;
}

/* The next character of a word in lower case, or one blank for all that stands between two; 0 bytes: the end. */
static size_t next_of_word(struct str *text, char out[4])
{
    struct str rest = skip_gap(*text);
    size_t n, k;

    if (rest.n != text->n) {
        *text = rest;
        out[0] = ' ';
        return rest.n > 0;
    }
    if (rest.n == 0)
        return 0;
    k = lower(rest, out, &n);
    *text = str_from(rest, k);
    return n;
}

bool turn_words_same(struct str a, struct str b)
{
    char x[4], y[4];
    size_t n, m;

    a = skip_gap(a);
    b = skip_gap(b);
    do {
        n = next_of_word(&a, x);
        m = next_of_word(&b, y);
        if (!str_eq(str_n(x, n), str_n(y, m)))
            return false;
    } while (n > 0);
    return true;
}

const char *turn_pause_name(enum turn_pause p)
{
    static const char *const names[PAUSES] = { "none", "hesitation", "digits", "spelling" };

    return names[p];
}
