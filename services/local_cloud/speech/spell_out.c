#include "local_cloud/speech/spell_out.h"

#include <ctype.h>

#include "base/macros.h"

static const char *const ones[] = { "zero",    "one",     "two",       "three",    "four",
                                    "five",    "six",     "seven",     "eight",    "nine",
                                    "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen" };
static const char *const tens[] = { "",      "",      "twenty",  "thirty", "forty",
                                    "fifty", "sixty", "seventy", "eighty", "ninety" };
static const char *const ordinal_ones[] = {
    "zeroth",     "first",     "second",    "third",       "fourth",     "fifth",     "sixth",
    "seventh",    "eighth",    "ninth",     "tenth",       "eleventh",   "twelfth",   "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"
};
static const char *const ordinal_tens[] = { "",          "",         "twentieth", "thirtieth",
                                            "fortieth",  "fiftieth", "sixtieth",  "seventieth",
                                            "eightieth", "ninetieth" };
static const char *const months[] = { "January",   "February", "March",    "April",
                                      "May",       "June",     "July",     "August",
                                      "September", "October",  "November", "December" };

/* Numbers that people say digit by digit. */
static const long by_digit[] = { 110, 112, 116, 117, 118, 911, 999 };

enum { NUMBER_SPOKEN_MAX = 999999 };

static void word(struct buf *out, const char *w)
{
    if (out->n && !isspace((unsigned char)out->p[out->n - 1]) &&
        !ispunct((unsigned char)out->p[out->n - 1]))
        buf_add_char(out, ' ');
    buf_add_c(out, w);
}

static void digits_of(struct buf *out, struct str digits)
{
    size_t i;

    for (i = 0; i < digits.n; i++) {
        if (isdigit((unsigned char)digits.p[i]))
            word(out, ones[digits.p[i] - '0']);
        else if (i + 1 < digits.n && out->n && out->p[out->n - 1] != ',')
            buf_add_char(out, ','); /* a breath between groups */
        if (i + 1 < digits.n && out->n && out->p[out->n - 1] == ',')
            buf_add_char(out, ' ');
    }
}

static void below_hundred(struct buf *out, long n)
{
    if (n < 0 || n > 99)
        return;
    if (n < 20) {
        word(out, ones[n]);
        return;
    }
    word(out, tens[n / 10]);
    if (n % 10)
        word(out, ones[n % 10]);
}

static void below_thousand(struct buf *out, long n)
{
    if (n >= 100) {
        word(out, ones[n / 100]);
        word(out, "hundred");
        n %= 100;
        if (n == 0)
            return;
        word(out, "and");
    }
    below_hundred(out, n);
}

void spell_out_number(struct buf *out, long n)
{
    if (n < 0 || n > NUMBER_SPOKEN_MAX) {
        char text[24];
        struct buf b = BUF_INIT(sizeof(text));

        buf_addf(&b, "%ld", n);
        digits_of(out, buf_str(&b));
        buf_release(&b);
        return;
    }
    if (n >= 1000) {
        below_thousand(out, n / 1000);
        word(out, "thousand");
        n %= 1000;
        if (n == 0)
            return;
    }
    below_thousand(out, n);
}

void spell_out_ordinal(struct buf *out, int n)
{
    if (n < 0 || n > 99)
        return;
    if (n < 20) {
        word(out, ordinal_ones[n]);
    } else if (n % 10 == 0) {
        word(out, ordinal_tens[n / 10]);
    } else {
        word(out, tens[n / 10]);
        word(out, ordinal_ones[n % 10]);
    }
}

static size_t digit_run(struct str s, size_t at)
{
    size_t n = 0;

    while (at + n < s.n && isdigit((unsigned char)s.p[at + n]))
        n++;
    return n;
}

static long number_at(struct str s, size_t at, size_t n)
{
    int64_t v = 0;

    if (n > 9 || str_to_i64(str_slice(s, at, at + n), 0, 999999999, &v))
        return -1;
    return (long)v;
}

/* "am", "a.m.", "PM" after optional blanks; *ret_len is what it takes of the text. 0: neither. */
static char half_of_day(struct str s, size_t at, size_t *ret_len)
{
    size_t i = at;
    char half;

    while (i < s.n && s.p[i] == ' ')
        i++;
    if (i >= s.n ||
        (tolower((unsigned char)s.p[i]) != 'a' && tolower((unsigned char)s.p[i]) != 'p'))
        return 0;
    half = (char)tolower((unsigned char)s.p[i++]);
    if (i < s.n && s.p[i] == '.')
        i++;
    if (i >= s.n || tolower((unsigned char)s.p[i]) != 'm')
        return 0;
    i++;
    if (i < s.n && isalnum((unsigned char)s.p[i]))
        return 0;
    if (i < s.n && s.p[i] == '.' && s.p[i - 2] == '.')
        i++;
    *ret_len = i - at;
    return half;
}

static void spell_time(struct buf *out, long hour, long minute, char half)
{
    if (!half && hour >= 12)
        half = hour < 24 ? 'p' : 'a';
    if (hour > 12)
        hour -= 12;
    if (hour == 0)
        hour = 12;
    below_hundred(out, hour);
    if (minute > 0 && minute < 10)
        word(out, "oh");
    if (minute > 0)
        below_hundred(out, minute);
    else if (!half)
        word(out, "o'clock");
    if (half)
        word(out, half == 'a' ? "ay em" : "pee em");
}

/* Each of these looks at the digits that begin at `at` and returns how much of the text it has
 * spoken: 0 leaves it to the next. */
static size_t try_time(struct buf *out, struct str s, size_t at)
{
    size_t h = digit_run(s, at), m, len = 0;
    long hour, minute = 0;
    char half;

    if (h < 1 || h > 2)
        return 0;
    hour = number_at(s, at, h);
    m = at + h < s.n && s.p[at + h] == ':' ? digit_run(s, at + h + 1) : 0;
    if (m == 2) {
        minute = number_at(s, at + h + 1, 2);
        h += 3;
    }
    half = half_of_day(s, at + h, &len);
    if ((m != 2 && !half) || hour > 24 || minute > 59)
        return 0;
    spell_time(out, hour, minute, half);
    return h + (half ? len : 0);
}

static size_t try_date(struct buf *out, struct str s, size_t at)
{
    long month, day;

    if (at + 10 > s.n || digit_run(s, at) != 4 || s.p[at + 4] != '-' || digit_run(s, at + 5) != 2 ||
        s.p[at + 7] != '-' || digit_run(s, at + 8) != 2)
        return 0;
    month = number_at(s, at + 5, 2);
    day = number_at(s, at + 8, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    word(out, months[month - 1]);
    spell_out_ordinal(out, (int)day);
    return 10;
}

static size_t try_ordinal(struct buf *out, struct str s, size_t at)
{
    static const char *const suffixes[] = { "st", "nd", "rd", "th" };
    size_t n = digit_run(s, at), i;

    if (n < 1 || n > 2)
        return 0;
    for (i = 0; i < ARRAY_LEN(suffixes); i++) {
        size_t end = at + n + 2;

        if (end <= s.n && str_ieq_c(str_slice(s, at + n, end), suffixes[i]) &&
            (end == s.n || !isalnum((unsigned char)s.p[end]))) {
            spell_out_ordinal(out, (int)number_at(s, at, n));
            return n + 2;
        }
    }
    return 0;
}

/* A run with blanks, dashes or brackets inside that begins with + or 0 or is long: a phone number.
 * */
static size_t try_phone(struct buf *out, struct str s, size_t at, bool plus)
{
    size_t end = at, i, digits = 0;

    for (i = at; i < s.n; i++) {
        if (isdigit((unsigned char)s.p[i])) {
            digits++;
            end = i + 1;
        } else if ((s.p[i] != ' ' && s.p[i] != '-' && s.p[i] != '/') || i + 1 >= s.n ||
                   !isdigit((unsigned char)s.p[i + 1])) {
            break;
        }
    }
    if (digits < 7 && !plus && !(s.p[at] == '0' && digits > 1))
        return 0;
    if (plus)
        word(out, "plus");
    digits_of(out, str_slice(s, at, end));
    return end - at;
}

static size_t money_at(struct buf *out, struct str s, size_t at, const char *unit, const char *cent)
{
    size_t n = digit_run(s, at), used = n;
    long whole = number_at(s, at, n), part = 0;

    if (at + n + 2 < s.n && s.p[at + n] == '.' && digit_run(s, at + n + 1) == 2) {
        part = number_at(s, at + n + 1, 2);
        used += 3;
    }
    spell_out_number(out, whole);
    word(out, unit);
    if (whole != 1)
        buf_add_char(out, 's');
    if (part > 0) {
        word(out, "and");
        spell_out_number(out, part);
        word(out, cent);
        if (part != 1)
            buf_add_char(out, 's');
    }
    return used;
}

static size_t plain_number(struct buf *out, struct str s, size_t at)
{
    size_t n = digit_run(s, at), i;
    long v = number_at(s, at, n);

    for (i = 0; i < ARRAY_LEN(by_digit); i++) {
        if (v == by_digit[i]) {
            digits_of(out, str_slice(s, at, at + n));
            return n;
        }
    }
    if (v < 0 || v > NUMBER_SPOKEN_MAX || (n > 1 && s.p[at] == '0')) {
        digits_of(out, str_slice(s, at, at + n));
        return n;
    }
    if (n == 4 && v >= 1910 && v < 2100 && v % 1000 >= 10) {
        below_hundred(out, v / 100);
        if (v % 100 < 10)
            word(out, v % 100 ? "oh" : "hundred");
        if (v % 100)
            below_hundred(out, v % 100);
    } else {
        spell_out_number(out, v);
    }
    if (at + n + 1 < s.n && s.p[at + n] == '.' && isdigit((unsigned char)s.p[at + n + 1])) {
        size_t fraction = digit_run(s, at + n + 1);

        word(out, "point");
        digits_of(out, str_slice(s, at + n + 1, at + n + 1 + fraction));
        n += 1 + fraction;
    }
    return n;
}

static size_t number_words(struct buf *out, struct str s, size_t at)
{
    size_t used;

    used = try_date(out, s, at);
    if (!used)
        used = try_time(out, s, at);
    if (!used)
        used = try_ordinal(out, s, at);
    if (!used)
        used = try_phone(out, s, at, false);
    if (!used)
        used = plain_number(out, s, at);
    if (at + used < s.n && s.p[at + used] == '%') {
        word(out, "percent");
        used++;
    }
    return used;
}

/* Beyond ASCII: what a synthesiser would stumble over. */
static const struct {
    const char *from, *to;
} replaced[] = {
    { "\xe2\x80\x98", "'" },  { "\xe2\x80\x99", "'" },  { "\xe2\x80\x9c", "\"" },
    { "\xe2\x80\x9d", "\"" }, { "\xe2\x80\x93", ", " }, { "\xe2\x80\x94", ", " },
    { "\xe2\x80\xa6", ", " }, { "\xc2\xa0", " " },
};

static size_t try_replace(struct buf *out, struct str s, size_t at)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(replaced); i++) {
        if (str_starts(str_from(s, at), str_c(replaced[i].from))) {
            buf_add_c(out, replaced[i].to);
            return str_c(replaced[i].from).n;
        }
    }
    return 0;
}

static size_t try_money(struct buf *out, struct str s, size_t at)
{
    static const struct {
        const char *sign, *unit, *cent;
    } money[] = { { "$", "dollar", "cent" },
                  { "\xe2\x82\xac", "euro", "cent" },
                  { "\xc2\xa3", "pound", "penny" } };
    size_t i;

    for (i = 0; i < ARRAY_LEN(money); i++) {
        size_t sign = str_c(money[i].sign).n;

        if (str_starts(str_from(s, at), str_c(money[i].sign)) && digit_run(s, at + sign) > 0)
            return sign + money_at(out, s, at + sign, money[i].unit, money[i].cent);
    }
    return 0;
}

void spell_out(struct buf *out, struct str text)
{
    size_t at = 0;

    while (at < text.n) {
        bool starts_word = at == 0 || !isalnum((unsigned char)text.p[at - 1]);
        size_t used = try_replace(out, text, at);

        if (used) {
            at += used;
            continue;
        }
        used = try_money(out, text, at);
        if (!used && text.p[at] == '+' && digit_run(text, at + 1) > 1)
            used = 1 + try_phone(out, text, at + 1, true);
        if (!used && isdigit((unsigned char)text.p[at]))
            used = starts_word ? number_words(out, text, at) : plain_number(out, text, at);
        if (used) {
            at += used;
            if (at < text.n && isalnum((unsigned char)text.p[at]))
                buf_add_char(out, ' ');
            continue;
        }
        buf_add_char(out, text.p[at++]);
    }
}
