#include "local_cloud/engine/understand.h"

#include <ctype.h>
#include <string.h>

#include "base/macros.h"

enum { WORDS_MAX = 128, WEEK = 7, DAY_MINUTES = 24 * 60 };

struct words {
    struct str w[WORDS_MAX];
    size_t n;
};

/* Calendar: Howard Hinnant, "chrono-compatible low-level date algorithms". */

int day_from_civil(int year, int month, int day)
{
    int y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
    int yoe = y - era * 400, doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void day_to_civil(int days, int *year, int *month, int *day)
{
    int z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

int day_weekday(int days)
{
    return ((days + 4) % WEEK + WEEK) % WEEK;
}

/* Words. */

static const char *const weekdays[] = { "sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday" };
static const char *const months[] = { "january",   "february", "march",    "april",
                                      "may",       "june",     "july",     "august",
                                      "september", "october",  "november", "december" };
static const char *const small[] = { "zero",    "one",     "two",       "three",    "four",
                                     "five",    "six",     "seven",     "eight",    "nine",
                                     "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                     "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
                                     "twenty" };
static const char *const tens[] = { "twenty", "thirty", "forty", "fifty" };
static const char *const ordinals[] = {
    "",           "first",     "second",    "third",       "fourth",     "fifth",      "sixth",
    "seventh",    "eighth",    "ninth",     "tenth",       "eleventh",   "twelfth",    "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"
};

/* Lower-case words without punctuation; digits stay for typed text. */
static void words_split(struct words *ws, struct str text, char *store, size_t store_n)
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

static bool is(const struct words *ws, size_t i, const char *word)
{
    return i < ws->n && str_eq_c(ws->w[i], word);
}

/* The phrase's words stand at i; returns how many, 0: they do not. */
static size_t phrase_at(const struct words *ws, size_t i, const char *phrase)
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

static bool has(const struct words *ws, const char *phrase)
{
    size_t i;

    for (i = 0; i < ws->n; i++) {
        if (phrase_at(ws, i, phrase))
            return true;
    }
    return false;
}

/* Any of "a|b c|d". */
static bool has_any(const struct words *ws, const char *phrases)
{
    struct str one, rest = str_c(phrases);
    char text[64];

    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last has no bar behind it */
        if (str_copy(text, sizeof(text), one) && has(ws, text))
            return true;
    }
    return false;
}

static int index_in(const char *const *list, size_t n, struct str word)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (list[i][0] && str_eq_c(word, list[i]))
            return (int)i;
    }
    return -1;
}

/* Numbers from zero to fifty-nine at i; *used words. -1: none. */
static int number_at(const struct words *ws, size_t i, size_t *used)
{
    int64_t typed = 0;
    int v, ten;

    if (i >= ws->n)
        return -1;
    *used = 1;
    if (!str_to_i64(ws->w[i], 0, 59, &typed))
        return (int)typed;
    ten = index_in(tens, ARRAY_LEN(tens), ws->w[i]);
    if (ten >= 0) {
        v = i + 1 < ws->n ? index_in(small, 10, ws->w[i + 1]) : -1;
        if (v > 0)
            *used = 2;
        return (ten + 2) * 10 + MAX(v, 0);
    }
    return index_in(small, ARRAY_LEN(small), ws->w[i]);
}

/* Ordinals from first to thirty-first at i; 0: none. */
static int ordinal_at(const struct words *ws, size_t i, size_t *used)
{
    int v;

    if (i >= ws->n)
        return 0;
    *used = 1;
    v = index_in(ordinals, ARRAY_LEN(ordinals), ws->w[i]);
    if (v > 0)
        return v;
    if (is(ws, i, "thirtieth"))
        return 30;
    *used = 2;
    v = i + 1 < ws->n ? index_in(ordinals, 10, ws->w[i + 1]) : -1;
    if (v > 0 && is(ws, i, "twenty"))
        return 20 + v;
    if (v == 1 && is(ws, i, "thirty"))
        return 31;
    *used = 1; /* typed: 27th */
    if (ws->w[i].n >= 3 && isdigit((unsigned char)ws->w[i].p[0])) {
        int64_t typed = 0;

        if (!str_to_i64(str_slice(ws->w[i], 0, ws->w[i].n - 2), 1, 31, &typed))
            return (int)typed;
    }
    return 0;
}

/* Days. */

/* The next day with this number, in this month or a later one. */
static int day_of_month(int today, int month, int number)
{
    int year, now_month, now_day, tries;

    day_to_civil(today, &year, &now_month, &now_day);
    if (month == 0)
        month = number < now_day ? now_month + 1 : now_month;
    for (tries = 0; tries < 24; tries++, month++) {
        int day, y, m, d;

        if (month > 12) {
            month = 1;
            year++;
        }
        day = day_from_civil(year, month, number);
        day_to_civil(day, &y, &m, &d);
        if (day >= today && d == number)
            return day;
    }
    return 0;
}

static int day_in_month(int today, int month, int number)
{
    int year, now_month, now_day, day;

    day_to_civil(today, &year, &now_month, &now_day);
    day = day_from_civil(year, month, number);
    return day >= today ? day : day_from_civil(year + 1, month, number);
}

static size_t named_date_at(const struct words *ws, size_t i, int today, bool offered, int *day)
{
    size_t at = i, used = 0;
    int number, month;

    if (is(ws, at, "the"))
        at++;
    number = ordinal_at(ws, at, &used);
    if (number) {
        at += used;
        month = is(ws, at, "of") && at + 1 < ws->n
                    ? index_in(months, ARRAY_LEN(months), ws->w[at + 1])
                    : -1;
        if (month >= 0) {
            *day = day_in_month(today, month + 1, number);
            return at + 2 - i;
        }
        if (is(ws, at, "one") || is(ws, at, "slot") || is(ws, at, "option") ||
            is(ws, at, "available") || is(ws, at, "possible") || is(ws, at, "appointment") ||
            is(ws, at, "free") || is(ws, at, "you") || (offered && number <= 3))
            return 0;
        *day = day_of_month(today, 0, number);
        return at - i;
    }
    month = i < ws->n ? index_in(months, ARRAY_LEN(months), ws->w[i]) : -1;
    if (month < 0)
        return 0;
    at = i + 1 + is(ws, i + 1, "the");
    number = ordinal_at(ws, at, &used);
    if (!number) {
        number = number_at(ws, at, &used);
        if (number < 1 || number > 31)
            return 0;
    }
    *day = day_in_month(today, month + 1, number);
    return at + used - i;
}

static int weekday_day(int today, int weekday, const struct words *ws, size_t at, bool next)
{
    int monday = today - (day_weekday(today) + 6) % WEEK;
    int ahead = (weekday - day_weekday(today) + WEEK) % WEEK;
    int of_next_week = monday + WEEK + (weekday + 6) % WEEK;

    if (phrase_at(ws, at, "after next"))
        return today + (ahead ? ahead : WEEK) + WEEK;
    if (next || phrase_at(ws, at, "next week") || phrase_at(ws, at, "week"))
        return of_next_week;
    return today + (ahead ? ahead : WEEK);
}

static size_t weekday_at(const struct words *ws, size_t i, int today, int *day)
{
    bool next = is(ws, i, "next"), here = is(ws, i, "this") || is(ws, i, "coming");
    size_t at = i + (next || here), used;
    int weekday, named;

    at += here && is(ws, at, "coming");
    weekday = at < ws->n ? index_in(weekdays, ARRAY_LEN(weekdays), ws->w[at]) : -1;
    if (weekday < 0)
        return 0;
    at++;
    used = named_date_at(ws, at, today, false, &named);
    if (used) { /* the number counts; the weekday is for people */
        *day = named;
        return at + used - i;
    }
    *day = weekday_day(today, weekday, ws, at, next);
    if (phrase_at(ws, at, "after next") || phrase_at(ws, at, "next week"))
        at += 2;
    else if (is(ws, at, "week"))
        at++;
    return at - i;
}

/* A day or a span of days at i; how many words it takes. */
static size_t days_at(const struct words *ws, size_t i, int today, bool offered, int *from, int *to)
{
    int monday = today - (day_weekday(today) + 6) % WEEK;
    static const struct {
        const char *phrase;
        int ahead;
    } near_days[] = { { "the day after tomorrow", 2 },
                      { "day after tomorrow", 2 },
                      { "tomorrow", 1 },
                      { "today", 0 } };
    size_t k, used;

    for (k = 0; k < ARRAY_LEN(near_days); k++) {
        used = phrase_at(ws, i, near_days[k].phrase);
        if (used) {
            *from = *to = today + near_days[k].ahead;
            return used;
        }
    }
    used = phrase_at(ws, i, "the week after next");
    if (!used)
        used = phrase_at(ws, i, "week after next");
    if (used) {
        *from = monday + 2 * WEEK;
        *to = *from + 6;
        return used;
    }
    if (phrase_at(ws, i, "next week") || phrase_at(ws, i, "this week")) {
        *from = is(ws, i, "next") ? monday + WEEK : today;
        *to = monday + 6 + (is(ws, i, "next") ? WEEK : 0);
        return 2;
    }
    used = weekday_at(ws, i, today, from);
    if (!used)
        used = named_date_at(ws, i, today, offered, from);
    if (used)
        *to = *from;
    return used;
}

/* Times. */

static enum day_part part_at(const struct words *ws, size_t i, size_t *used)
{
    static const struct {
        const char *phrase;
        enum day_part part;
    } parts[] = { { "in the morning", PART_MORNING },
                  { "morning", PART_MORNING },
                  { "a.m.", PART_MORNING },
                  { "a.m", PART_MORNING },
                  { "am", PART_MORNING },
                  { "in the afternoon", PART_AFTERNOON },
                  { "afternoon", PART_AFTERNOON },
                  { "lunchtime", PART_AFTERNOON },
                  { "p.m.", PART_AFTERNOON },
                  { "p.m", PART_AFTERNOON },
                  { "pm", PART_AFTERNOON },
                  { "in the evening", PART_EVENING },
                  { "evening", PART_EVENING },
                  { "at night", PART_EVENING } };
    size_t k;

    for (k = 0; k < ARRAY_LEN(parts); k++) {
        *used = phrase_at(ws, i, parts[k].phrase);
        if (*used)
            return parts[k].part;
    }
    return PART_ANY;
}

/* Office hours decide what "three" is: one to six are in the afternoon. */
static int minute_of(int hour, int minute, enum day_part part)
{
    if (hour > 12)
        return hour < 24 ? hour * 60 + minute : -1;
    if (part == PART_ANY)
        part = hour >= 1 && hour <= 6 ? PART_AFTERNOON : PART_MORNING;
    if (part == PART_MORNING)
        return (hour == 12 ? 12 * 60 : hour * 60) + minute;
    return (hour % 12 + 12) * 60 + minute;
}

static bool counts_things(const struct words *ws, size_t i)
{
    static const char things[] =
        "people|employees|persons|staff|guests|workers|rooms|colleagues|euros|dollars|pounds|"
        "days|weeks|months|years|hundred|thousand|hours|minutes|children|kids";
    struct str one, rest = str_c(things);

    while (i < ws->n && rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last has no bar behind it */
        if (str_eq(ws->w[i], one))
            return true;
    }
    return false;
}

static size_t clock_at(const struct words *ws, size_t i, int *hour, int *minute)
{
    size_t used = 0, at;
    int v, m;
    int64_t typed_hour = 0, typed_minute = 0;
    struct str head, tail;

    if (i < ws->n && str_cut(ws->w[i], ':', &head, &tail) &&
        !str_to_i64(head, 0, 23, &typed_hour) && !str_to_i64(tail, 0, 59, &typed_minute)) {
        *hour = (int)typed_hour;
        *minute = (int)typed_minute;
        return 1;
    }
    if (is(ws, i, "noon") || is(ws, i, "midday")) {
        *hour = 12;
        *minute = 0;
        return 1;
    }
    if (phrase_at(ws, i, "half past") || phrase_at(ws, i, "quarter past") ||
        phrase_at(ws, i, "quarter to")) {
        v = number_at(ws, i + 2, &used);
        if (v < 1 || v > 12)
            return 0;
        *minute = is(ws, i, "half") ? 30 : is(ws, i + 1, "past") ? 15 : 45;
        *hour = is(ws, i + 1, "to") ? v - 1 : v;
        if (*hour == 0)
            *hour = 12;
        return 2 + used;
    }
    if (i < ws->n && index_in(tens, ARRAY_LEN(tens), ws->w[i]) > 0)
        return 0; /* "thirty" begins no hour */
    v = number_at(ws, i, &used);
    if (v > 20 && is(ws, i, "twenty")) { /* "twenty five" is no hour, "twenty" may be one */
        used = 1;
        v = 20;
    }
    if (v < 1 || v > 23 || counts_things(ws, i + used) || is(ws, i + used, "one"))
        return 0;
    at = i + used;
    *hour = v;
    *minute = 0;
    if (is(ws, at, "oh")) {
        m = number_at(ws, at + 1, &used);
        if (m > 0 && m < 10) {
            *minute = m;
            return at + 1 + used - i;
        }
    }
    m = number_at(ws, at, &used);
    if (m >= 10 && !counts_things(ws, at + used)) {
        *minute = m;
        at += used;
    }
    return at + is(ws, at, "o'clock") - i;
}

/* "the first one", "this one": no hour. */
static bool is_pronoun(const struct words *ws, size_t i)
{
    static const char *const before[] = { "this",   "that",    "last",     "later",
                                          "latest", "earlier", "earliest", "another",
                                          "other",  "which",   "morning",  "afternoon" };
    size_t used;

    if (i == 0 || !is(ws, i, "one"))
        return false;
    return index_in(before, ARRAY_LEN(before), ws->w[i - 1]) >= 0 ||
           ordinal_at(ws, i - 1, &used) > 0;
}

static size_t time_at(const struct words *ws, size_t i, int *ret_minute)
{
    int hour = 0, minute = 0;
    size_t used = is_pronoun(ws, i) ? 0 : clock_at(ws, i, &hour, &minute), more = 0;
    enum day_part part;

    if (!used)
        return 0;
    part = part_at(ws, i + used, &more);
    *ret_minute = minute_of(hour, minute, part);
    return *ret_minute < 0 ? 0 : used + more;
}

static bool is_soon(const struct words *ws)
{
    return has_any(
        ws, "as soon as possible|earliest|any time|anytime|any day|whenever|first available|next "
            "available|first you have|next free|anything you have|whatever you have|i don't "
            "mind|doesn't "
            "matter|asap");
}

/* "not three", "not at four". */
static bool is_negated(const struct words *ws, size_t i)
{
    if (i > 1 && (is(ws, i - 1, "at") || is(ws, i - 1, "on") || is(ws, i - 1, "in")))
        i--;
    return i > 0 && is(ws, i - 1, "not");
}

static void wish_read(struct meaning *m, const struct words *ws, int today, bool offered)
{
    struct wish *w = &m->wish;
    size_t i = 0;

    w->minute = -1;
    while (i < ws->n) {
        bool negated = is_negated(ws, i);
        int from = 0, to = 0, minute = -1;
        size_t used = days_at(ws, i, today, offered, &from, &to);

        if (used && !negated) {
            w->from_day = from;
            w->to_day = to;
        }
        if (!used) {
            used = time_at(ws, i, &minute);
            if (used && !negated)
                w->minute = minute;
        }
        if (!used) {
            enum day_part part = part_at(ws, i, &used);

            if (part != PART_ANY && !phrase_at(ws, i > 0 ? i - 1 : 0, "good morning") &&
                !phrase_at(ws, i > 0 ? i - 1 : 0, "good afternoon") &&
                !phrase_at(ws, i > 0 ? i - 1 : 0, "good evening"))
                w->part = part;
        }
        i += used ? used : 1;
    }
    w->soon = is_soon(ws);
    m->has_wish = w->from_day || w->minute >= 0 || w->part != PART_ANY || w->soon;
}

/* Digits, letters, choices. */

static void add_repeated(char *out, size_t max, char c, int times)
{
    size_t n = strlen(out);

    while (times-- > 0 && n < max) {
        out[n++] = c;
        out[n] = '\0';
    }
}

static void digits_read(struct meaning *m, const struct words *ws)
{
    int times = 1;
    size_t i, k;

    for (i = 0; i < ws->n; i++) {
        int v = index_in(small, 10, ws->w[i]);

        if (is(ws, i, "double")) {
            times = 2;
            continue;
        }
        if (is(ws, i, "triple") || is(ws, i, "treble")) {
            times = 3;
            continue;
        }
        if (is(ws, i, "oh"))
            v = 0;
        if (v >= 0)
            add_repeated(m->digits, SAID_DIGITS_MAX, (char)('0' + v), times);
        else if (is(ws, i, "plus") && m->digits[0] == '\0')
            add_repeated(m->digits, SAID_DIGITS_MAX, '+', 1);
        for (k = 0; v < 0 && k < ws->w[i].n && isdigit((unsigned char)ws->w[i].p[0]); k++) {
            if (isdigit((unsigned char)ws->w[i].p[k]))
                add_repeated(m->digits, SAID_DIGITS_MAX, ws->w[i].p[k], 1);
        }
        times = 1;
    }
    if (strlen(m->digits) < 2)
        m->digits[0] = '\0';
}

static void letters_read(struct meaning *m, const struct words *ws)
{
    int times = 1;
    size_t i;

    for (i = 0; i < ws->n; i++) {
        if (is(ws, i, "double")) {
            times = 2;
            continue;
        }
        if (ws->w[i].n == 1 && isalpha((unsigned char)ws->w[i].p[0]))
            add_repeated(m->letters, SAID_LETTERS_MAX, ws->w[i].p[0], times);
        times = 1;
    }
    if (strlen(m->letters) < 2) /* an article, or "I" */
        m->letters[0] = '\0';
}

static int choice_read(const struct words *ws)
{
    if (has_any(ws, "the first one|first one|the first|the earlier one|the earliest one|earlier "
                    "one|the earliest|either|any of them"))
        return 1;
    if (has_any(ws, "the second one|second one|the second"))
        return 2;
    if (has_any(ws, "the third one|third one|the third"))
        return 3;
    if (has_any(ws,
                "the last one|last one|the last|the later one|later one|the latest one|the latest"))
        return -1;
    return 0;
}

static enum question question_read(const struct words *ws)
{
    if (has_any(ws, "how much|what does|price|cost"))
        return QUESTION_PRICE;
    if (has_any(ws, "when are you open|opening hours|your hours|opening times|are you open|do you "
                    "open|do you close|how late are "
                    "you open|what time do you"))
        return QUESTION_HOURS;
    if (has_any(ws, "how long"))
        return QUESTION_DURATION;
    if (has_any(ws, "where are you|your address|where you are|how do i get there"))
        return QUESTION_ADDRESS;
    if (has_any(ws, "do you take|do you accept|parking|park|should i bring|do i need to|do i "
                    "need|what services|what do you "
                    "offer|do you speak|insurance|can i cancel|referral|do you have parking"))
        return QUESTION_OTHER;
    return QUESTION_NONE;
}

static void flags_read(struct meaning *m, const struct words *ws)
{
    m->emergency = has_any(
        ws, "collapsed|fainted|unconscious|not breathing|isn't breathing|can't breathe|stopped "
            "breathing|heart attack|a stroke|seizure|emergency|ambulance|chest pain|chest pains|is "
            "bleeding|i'm bleeding|please help");
    m->person = has_any(
        ws, "a person|real person|human|human being|operator|put me through|transfer me|connect me|"
            "receptionist|live person|a colleague|the manager|your manager|speak to somebody|speak "
            "to someone|"
            "talk to somebody|talk to someone|speak with somebody|speak with someone|talk to a "
            "doctor|talk to the doctor|"
            "speak to a doctor|speak to the doctor|member of staff|an agent|to a nurse");
    m->robot = has_any(ws, "robot|machine|computer|are you a real|are you real|are you "
                           "human|artificial|an a.i|a bot|is this a "
                           "recording|are you a human|are you a person|am i talking to a|am i "
                           "speaking to a|are you a recording");
    if (m->robot)
        m->person = false;
    m->legal = has_any(ws, "lawyer|sue you|going to sue");
    m->complaint = has_any(ws, "complain|complaint|money back");
    m->billing = has_any(ws, "bill|invoice");
    m->privacy = has_any(ws, "don't record|not record|be recorded|stop recording");
    m->probing = has_any(ws, "your rules|your instructions|your prompt|my ex|is my wife|is my "
                             "husband|is my neighbor|is my son|is my "
                             "daughter|is my mother");
    m->again = has_any(ws, "pardon|repeat|say that again|say again|didn't get that|didn't "
                           "understand|didn't hear|what did you "
                           "say|sorry what|can you hear me|are you there|are you still there");
    m->bye = has_any(ws, "bye|goodbye|that's all|that is all|that was all|nothing else|that's "
                         "it|that is it|have a nice day");
    m->booking = has_any(ws, "appointment|book|schedule|slot|come in|see a doctor|see the "
                             "doctor|free|available|reserve");
    m->change = has_any(ws, "my appointment") && has_any(ws, "cancel|change|move|reschedule");
    m->large = has_any(
        ws, "quote|an offer|estimate|large job|big "
            "job|project|renovation|renovate|company|corporate|employees|our "
            "staff|our team|whole house|for our|a wedding|an event|contract|repaint|our office");
    m->pushes = has_any(ws, "are you sure|really|look again|check again|what else|anything "
                            "else|something else|anything later|"
                            "anything earlier|something later|something earlier|but i "
                            "need|absolutely nothing|can't you make");
    m->this_number =
        has_any(ws, "this one|this number|calling from|same number|use this|this one's");
    m->hesitates = has_any(ws, "uh|um|hm|maybe|not sure|i don't know|i'm not sure");
    m->yes = has_any(ws, "yes|yeah|yep|sure|okay|ok|correct|right|perfect|great|fine|go "
                         "ahead|please do|book it|absolutely|"
                         "exactly|of course|sounds good|that works|works for me|i'll "
                         "take|alright|all right|do that|good");
    m->no = has_any(ws, "no|nope|not|wrong|don't|doesn't|neither|none|can't|rather|too late|too "
                        "early|instead|actually");
    if (has_any(ws, "not right|not correct|not really|not good|not fine"))
        m->yes = false;
    if (has_any(ws, "i don't mind|doesn't matter|why not|no problem|can't wait"))
        m->no = false;
}

void understand(struct meaning *m, struct str words, int today, bool offered)
{
    char store[1024];
    struct words ws;

    memset(m, 0, sizeof(*m));
    words_split(&ws, words, store, sizeof(store));
    flags_read(m, &ws);
    m->question = question_read(&ws);
    m->choice = choice_read(&ws);
    wish_read(m, &ws, today, offered);
    digits_read(m, &ws);
    letters_read(m, &ws);
}

/* Names. */

static bool is_lead_in(struct str word)
{
    static const char words[] = "my|name|is|it's|it|this|i'm|i|am|the|yes|yeah|sure|uh|um|well|so|"
                                "oh|hello|hi|okay|please|for|"
                                "name's|spelled|that's|mister|missus|thank|you|thanks|of|course|no|"
                                "sorry|good|morning|afternoon|not|actually|"
                                "a|an|double|hey|here|ok|to|on|under|put|book|speaking";
    struct str one, rest = str_c(words);

    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last has no bar behind it */
        if (str_eq(word, one))
            return true;
    }
    return false;
}

void understand_name(char out[SAID_NAME_MAX + 1], struct str words)
{
    char store[1024];
    struct words ws;
    struct buf name = BUF_INIT(SAID_NAME_MAX);
    struct meaning m = { .yes = false };
    size_t i, last = 0;

    words_split(&ws, words, store, sizeof(store));
    letters_read(&m, &ws);
    for (i = 0; i < ws.n; i++) {
        if (is_lead_in(ws.w[i]) || ws.w[i].n < 2)
            continue;
        last = name.n;
        buf_addf(&name, "%s%c" STR_FMT, name.n ? " " : "", toupper((unsigned char)ws.w[i].p[0]),
                 STR_ARG(str_from(ws.w[i], 1)));
    }
    if (m.letters[0]) {
        buf_truncate(&name, last);
        buf_addf(&name, "%s%c%s", name.n ? " " : "", toupper((unsigned char)m.letters[0]),
                 m.letters + 1);
    }
    (void)str_copy(out, SAID_NAME_MAX + 1, buf_str(&name)); /* bounded by the buffer */
    buf_release(&name);
}

/* Numbers. */

static long number_read(const struct words *ws, size_t i)
{
    long whole = 0, part = 0;
    size_t used = 1, from = i;
    int64_t typed = 0;

    if (!str_to_i64(ws->w[i], 0, 1000000000, &typed))
        return (long)typed;
    for (; i < ws->n; i += used) {
        int v = number_at(ws, i, &used);

        if (v >= 0) {
            part += v;
        } else if (is(ws, i, "sixty") || is(ws, i, "seventy") || is(ws, i, "eighty") ||
                   is(ws, i, "ninety")) {
            part += ws->w[i].p[0] == 'e'   ? 80
                    : ws->w[i].p[0] == 'n' ? 90
                    : is(ws, i, "sixty")   ? 60
                                           : 70;
            used = 1;
        } else if (is(ws, i, "hundred")) {
            part = (part ? part : 1) * 100;
            used = 1;
        } else if (is(ws, i, "thousand")) {
            whole = (whole + (part ? part : 1)) * 1000;
            part = 0;
            used = 1;
        } else if (i > from && is(ws, i, "and")) {
            used = 1;
        } else {
            break;
        }
    }
    return i > from ? whole + part : -1;
}

bool understand_number(struct str words, long *ret)
{
    char store[1024];
    struct words ws;
    size_t i;

    words_split(&ws, words, store, sizeof(store));
    for (i = 0; i < ws.n; i++) {
        long v = number_read(&ws, i);

        if (v >= 0) {
            *ret = v;
            return true;
        }
    }
    return false;
}

/* Phrases. */

static size_t squash(char *out, size_t max, struct str s)
{
    size_t i, n = 0;

    for (i = 0; i < s.n && n < max; i++) {
        if (isalnum((unsigned char)s.p[i]))
            out[n++] = (char)tolower((unsigned char)s.p[i]);
    }
    return n;
}

bool understand_names(struct str words, struct str phrase)
{
    char all[1024], wanted[128];
    size_t n_all = squash(all, sizeof(all), words), n = squash(wanted, sizeof(wanted), phrase);

    return n > 2 && str_contains(str_n(all, n_all), str_n(wanted, n));
}

static bool means_something(struct str word)
{
    static const char empty[] = "the|a|an|is|are|do|does|you|your|i|my|we|to|of|in|on|at|for|and|"
                                "or|what|when|where|how|can|it|"
                                "there|have|be|me|please|much|long|with|if|should|need";
    struct str one, rest = str_c(empty);

    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last has no bar behind it */
        if (str_eq(word, one))
            return false;
    }
    return word.n > 2;
}

/* Alike up to their endings: "park", "parking". */
static bool alike(struct str a, struct str b)
{
    size_t n = MIN(a.n, b.n);

    return n >= 3 && str_eq(str_slice(a, 0, n), str_slice(b, 0, n)) && MAX(a.n, b.n) - n <= 4;
}

double understand_likeness(struct str words, struct str question)
{
    char store_a[1024], store_b[1024];
    struct words a, b;
    size_t i, k, hits = 0, all = 0;

    words_split(&a, words, store_a, sizeof(store_a));
    words_split(&b, question, store_b, sizeof(store_b));
    for (i = 0; i < b.n; i++) {
        if (!means_something(b.w[i]))
            continue;
        all++;
        for (k = 0; k < a.n; k++) {
            if (means_something(a.w[k]) && alike(a.w[k], b.w[i])) {
                hits++;
                break;
            }
        }
    }
    return all ? (double)hits / (double)all : 0;
}
