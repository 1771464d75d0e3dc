/* Days and times out of words: "thursday morning", "the twenty seventh at half past nine". */
#include <string.h>

#include "base/macros.h"
#include "local_cloud/engine/understand_internal.h"

enum { WEEK = 7 };

static const char *const weekdays[] = { "sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday" };
static const char *const months[] = { "january",   "february", "march",    "april",
                                      "may",       "june",     "july",     "august",
                                      "september", "october",  "november", "december" };

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

    if (words_is(ws, at, "the"))
        at++;
    number = words_ordinal_at(ws, at, &used);
    if (number) {
        at += used;
        month = words_is(ws, at, "of") && at + 1 < ws->n
                    ? words_index(months, ARRAY_LEN(months), ws->w[at + 1])
                    : -1;
        if (month >= 0) {
            *day = day_in_month(today, month + 1, number);
            return at + 2 - i;
        }
        if (words_is(ws, at, "one") || words_is(ws, at, "slot") || words_is(ws, at, "option") ||
            words_is(ws, at, "available") || words_is(ws, at, "possible") ||
            words_is(ws, at, "appointment") || words_is(ws, at, "free") ||
            words_is(ws, at, "you") || (offered && number <= 3))
            return 0;
        *day = day_of_month(today, 0, number);
        return at - i;
    }
    month = i < ws->n ? words_index(months, ARRAY_LEN(months), ws->w[i]) : -1;
    if (month < 0)
        return 0;
    at = i + 1 + words_is(ws, i + 1, "the");
    number = words_ordinal_at(ws, at, &used);
    if (!number) {
        number = words_number_at(ws, at, &used);
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

    if (words_phrase_at(ws, at, "after next"))
        return today + (ahead ? ahead : WEEK) + WEEK;
    if (next || words_phrase_at(ws, at, "next week") || words_phrase_at(ws, at, "week"))
        return of_next_week;
    return today + (ahead ? ahead : WEEK);
}

static size_t weekday_at(const struct words *ws, size_t i, int today, int *day)
{
    bool next = words_is(ws, i, "next"),
         here = words_is(ws, i, "this") || words_is(ws, i, "coming");
    size_t at = i + (next || here), used;
    int weekday, named;

    at += here && words_is(ws, at, "coming");
    weekday = at < ws->n ? words_index(weekdays, ARRAY_LEN(weekdays), ws->w[at]) : -1;
    if (weekday < 0)
        return 0;
    at++;
    used = named_date_at(ws, at, today, false, &named);
    if (used) { /* the number counts; the weekday is for people */
        *day = named;
        return at + used - i;
    }
    *day = weekday_day(today, weekday, ws, at, next);
    if (words_phrase_at(ws, at, "after next") || words_phrase_at(ws, at, "next week"))
        at += 2;
    else if (words_is(ws, at, "week"))
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
        used = words_phrase_at(ws, i, near_days[k].phrase);
        if (used) {
            *from = *to = today + near_days[k].ahead;
            return used;
        }
    }
    used = words_phrase_at(ws, i, "the week after next");
    if (!used)
        used = words_phrase_at(ws, i, "week after next");
    if (used) {
        *from = monday + 2 * WEEK;
        *to = *from + 6;
        return used;
    }
    if (words_phrase_at(ws, i, "next week") || words_phrase_at(ws, i, "this week")) {
        *from = words_is(ws, i, "next") ? monday + WEEK : today;
        *to = monday + 6 + (words_is(ws, i, "next") ? WEEK : 0);
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
        *used = words_phrase_at(ws, i, parts[k].phrase);
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
    if (words_is(ws, i, "noon") || words_is(ws, i, "midday")) {
        *hour = 12;
        *minute = 0;
        return 1;
    }
    if (words_phrase_at(ws, i, "half past") || words_phrase_at(ws, i, "quarter past") ||
        words_phrase_at(ws, i, "quarter to")) {
        v = words_number_at(ws, i + 2, &used);
        if (v < 1 || v > 12)
            return 0;
        *minute = words_is(ws, i, "half") ? 30 : words_is(ws, i + 1, "past") ? 15 : 45;
        *hour = words_is(ws, i + 1, "to") ? v - 1 : v;
        if (*hour == 0)
            *hour = 12;
        return 2 + used;
    }
    if (words_is(ws, i, "thirty") || words_is(ws, i, "forty") || words_is(ws, i, "fifty"))
        return 0; /* they begin no hour */
    v = words_number_at(ws, i, &used);
    if (v > 20 && words_is(ws, i, "twenty")) { /* "twenty five" is no hour, "twenty" may be one */
        used = 1;
        v = 20;
    }
    if (v < 1 || v > 23 || counts_things(ws, i + used) || words_is(ws, i + used, "one"))
        return 0;
    at = i + used;
    *hour = v;
    *minute = 0;
    if (words_is(ws, at, "oh")) {
        m = words_number_at(ws, at + 1, &used);
        if (m > 0 && m < 10) {
            *minute = m;
            return at + 1 + used - i;
        }
    }
    m = words_number_at(ws, at, &used);
    if (m >= 10 && !counts_things(ws, at + used)) {
        *minute = m;
        at += used;
    }
    return at + words_is(ws, at, "o'clock") - i;
}

/* "the first one", "this one": no hour. */
static bool is_pronoun(const struct words *ws, size_t i)
{
    static const char *const before[] = { "this",   "that",    "last",     "later",
                                          "latest", "earlier", "earliest", "another",
                                          "other",  "which",   "morning",  "afternoon" };
    size_t used;

    if (i == 0 || !words_is(ws, i, "one"))
        return false;
    return words_index(before, ARRAY_LEN(before), ws->w[i - 1]) >= 0 ||
           words_ordinal_at(ws, i - 1, &used) > 0;
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
    return words_has_any(
        ws, "as soon as possible|earliest|any time|anytime|any day|whenever|first available|next "
            "available|first you have|next free|anything you have|whatever you have|i don't "
            "mind|doesn't "
            "matter|asap");
}

/* "not three", "not at four". */
static bool is_negated(const struct words *ws, size_t i)
{
    if (i > 1 &&
        (words_is(ws, i - 1, "at") || words_is(ws, i - 1, "on") || words_is(ws, i - 1, "in")))
        i--;
    return i > 0 && words_is(ws, i - 1, "not");
}

void understand_wish(struct meaning *m, const struct words *ws, int today, bool offered)
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

            if (part != PART_ANY && !words_phrase_at(ws, i > 0 ? i - 1 : 0, "good morning") &&
                !words_phrase_at(ws, i > 0 ? i - 1 : 0, "good afternoon") &&
                !words_phrase_at(ws, i > 0 ? i - 1 : 0, "good evening"))
                w->part = part;
        }
        i += used ? used : 1;
    }
    w->soon = is_soon(ws);
    m->has_wish = w->from_day || w->minute >= 0 || w->part != PART_ANY || w->soon;
}
