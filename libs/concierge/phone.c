#include "concierge/phone.h"

#include "base/buf.h"

enum { DIGITS_MAX = 15, DIGITS_MIN = 7, SAID_MAX = 400 };

static const struct {
    const char *word;
    int digit;
} digit_words[] = {
    { "zero", 0 }, { "oh", 0 },    { "o", 0 },     { "nought", 0 }, { "null", 0 },
    { "one", 1 },  { "two", 2 },   { "three", 3 }, { "four", 4 },   { "five", 5 },
    { "six", 6 },  { "seven", 7 }, { "eight", 8 }, { "nine", 9 },   { "niner", 9 },
};

static int digit_of(struct str word)
{
    size_t i;

    if (word.n == 1 && word.p[0] >= '0' && word.p[0] <= '9')
        return word.p[0] - '0';
    for (i = 0; i < ARRAY_LEN(digit_words); i++) {
        if (str_ieq_c(word, digit_words[i].word))
            return digit_words[i].digit;
    }
    return -1;
}

static bool all_digits(struct str word)
{
    size_t i;

    for (i = 0; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9')
            return false;
    }
    return word.n > 0;
}

static bool separator(char c)
{
    return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')' || c == ',' ||
           c == '\t';
}

static struct str next_word(struct str *rest)
{
    size_t from = 0, to;

    while (from < rest->n && separator(rest->p[from]))
        from++;
    for (to = from; to < rest->n && !separator(rest->p[to]); to++)
        ;
    struct str word = str_slice(*rest, from, to);
    *rest = str_from(*rest, to);
    return word;
}

static int repeats_of(struct str word)
{
    if (str_ieq_c(word, "double"))
        return 2;
    return str_ieq_c(word, "treble") || str_ieq_c(word, "triple") ? 3 : 0;
}

static enum errc add_word(struct buf *out, struct str word, int times)
{
    int digit = digit_of(word);

    if (digit >= 0) {
        while (times-- > 0)
            buf_add_char(out, (char)('0' + digit));
        return ERR_OK;
    }
    if (times > 1 || !all_digits(word))
        return ERR_INVALID;
    buf_add_str(out, word);
    return ERR_OK;
}

/* Digits as said, with '+' in front when it was said. */
static enum errc collect(struct buf *out, struct str said)
{
    struct str word;
    int times;

    for (word = next_word(&said); word.n; word = next_word(&said)) {
        if (out->n == 0 && (str_eq_c(word, "+") || str_ieq_c(word, "plus"))) {
            buf_add_char(out, '+');
            continue;
        }
        if (out->n == 0 && word.p[0] == '+') {
            buf_add_char(out, '+');
            word = str_from(word, 1);
        }
        times = repeats_of(word);
        if (times)
            word = next_word(&said);
        if (!word.n || add_word(out, word, times ? times : 1))
            return ERR_INVALID;
    }
    return buf_status(out);
}

/* Length of a number's country code. Source: ITU-T E.164, list of assigned country codes. */
static size_t country_code_len(struct str digits)
{
    static const char two[] =
        "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 "
        "60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";

    if (!digits.n)
        return 0;
    if (digits.p[0] == '1' || digits.p[0] == '7')
        return 1;
    return digits.n >= 2 && str_contains(str_c(two), str_slice(digits, 0, 2)) ? 2 : 3;
}

static struct str complete(struct arena *a, struct str d, struct str national)
{
    struct str own = str_starts(national, STR("+")) ? str_from(national, 1) : STR_EMPTY;
    struct str code = str_slice(own, 0, country_code_len(own));
    bool nanp = str_eq(code, STR("1"));

    if (str_starts(d, STR("+")))
        return str_from(d, 1);
    if (str_starts(d, STR("00")))
        return str_from(d, 2);
    if (!code.n)
        return STR_EMPTY;
    if (nanp && d.n == 10)
        return arena_printf(a, "1" STR_FMT, STR_ARG(d));
    if (!nanp && str_starts(d, STR("0")))
        return arena_printf(a, STR_FMT STR_FMT, STR_ARG(code), STR_ARG(str_from(d, 1)));
    return str_starts(d, code) && d.n >= code.n + DIGITS_MIN ? d : STR_EMPTY;
}

enum errc phone_normalise(struct str *ret, struct arena *a, struct str said, struct str national)
{
    struct buf digits = BUF_INIT(SAID_MAX);
    enum errc rc = said.n > SAID_MAX ? ERR_INVALID : collect(&digits, said);
    struct str d;

    if (!rc) {
        d = complete(a, buf_str(&digits), national);
        if (d.n < DIGITS_MIN || d.n > DIGITS_MAX || d.p[0] == '0')
            rc = ERR_INVALID;
        else
            *ret = arena_printf(a, "+" STR_FMT, STR_ARG(d));
    }
    buf_release(&digits);
    return rc ? ERR_INVALID : ERR_OK;
}
