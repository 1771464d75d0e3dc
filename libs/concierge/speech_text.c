#include "concierge/speech_text.h"

#include "base/macros.h"

static const char *const weekdays[WEEKDAYS] = { "Monday", "Tuesday",  "Wednesday", "Thursday",
                                                "Friday", "Saturday", "Sunday" };
static const char *const months[] = { "January",   "February", "March",    "April",
                                      "May",       "June",     "July",     "August",
                                      "September", "October",  "November", "December" };
static const char *const small_numbers[] = {
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
};
static const char *const tens[] = { "",      "",      "twenty",  "thirty", "forty",
                                    "fifty", "sixty", "seventy", "eighty", "ninety" };
static const char *const small_ordinals[] = {
    "zeroth",     "first",     "second",    "third",       "fourth",     "fifth",      "sixth",
    "seventh",    "eighth",    "ninth",     "tenth",       "eleventh",   "twelfth",    "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
};
static const char *const ten_ordinals[] = { "",          "",         "twentieth", "thirtieth",
                                            "fortieth",  "fiftieth", "sixtieth",  "seventieth",
                                            "eightieth", "ninetieth" };

const char *speech_weekday(int weekday)
{
    return weekday >= 0 && weekday < WEEKDAYS ? weekdays[weekday] : "";
}

const char *speech_month(int month)
{
    return month >= 1 && month <= (int)ARRAY_LEN(months) ? months[month - 1] : "";
}

/* NOLINTNEXTLINE(misc-no-recursion): one level: its parts are under 100 */
void speech_number(struct buf *out, int n)
{
    if (n < 0 || n > 9999) {
        buf_addf(out, "%d", n);
        return;
    }
    if (n < 20) {
        buf_add_c(out, small_numbers[n]);
        return;
    }
    if (n < 100) {
        buf_add_c(out, tens[n / 10]);
        if (n % 10)
            buf_addf(out, " %s", small_numbers[n % 10]);
        return;
    }
    speech_number(out, n < 1000 ? n / 100 : n / 1000);
    buf_add_c(out, n < 1000 ? " hundred" : " thousand");
    n = n < 1000 ? n % 100 : n % 1000;
    if (n) {
        buf_add_char(out, ' ');
        speech_number(out, n);
    }
}

void speech_ordinal(struct buf *out, int n)
{
    if (n < 1 || n > 99) {
        speech_number(out, n);
        return;
    }
    if (n < 20)
        buf_add_c(out, small_ordinals[n]);
    else if (n % 10 == 0)
        buf_add_c(out, ten_ordinals[n / 10]);
    else
        buf_addf(out, "%s %s", tens[n / 10], small_ordinals[n % 10]);
}

void speech_date(struct buf *out, struct date d)
{
    buf_addf(out, "%s, %s ", speech_weekday(date_weekday(d)), speech_month(d.month));
    speech_ordinal(out, d.day);
}

void speech_date_near(struct buf *out, struct date d, struct date today)
{
    int64_t days = date_days(d) - date_days(today);

    if (days == 0)
        buf_add_c(out, "today, ");
    else if (days == 1)
        buf_add_c(out, "tomorrow, ");
    speech_date(out, d);
}

static const char *part_of_day(int hour)
{
    if (hour < 12)
        return "in the morning";
    return hour < 18 ? "in the afternoon" : "in the evening";
}

static void clock_words(struct buf *out, int minute)
{
    int hour = minute / 60 % 24, rest = minute % 60;

    speech_number(out, hour % 12 ? hour % 12 : 12);
    if (rest && rest < 10) {
        buf_add_c(out, " oh ");
        speech_number(out, rest);
    } else if (rest) {
        buf_add_char(out, ' ');
        speech_number(out, rest);
    }
}

void speech_time(struct buf *out, int minute)
{
    minute = (minute % DAY_MIN + DAY_MIN) % DAY_MIN;
    if (minute == 0) {
        buf_add_c(out, "midnight");
    } else if (minute == 720) {
        buf_add_c(out, "noon");
    } else {
        clock_words(out, minute);
        buf_addf(out, " %s", part_of_day(minute / 60));
    }
}

void speech_span(struct buf *out, struct day_span s)
{
    buf_add_c(out, "from ");
    speech_time(out, s.from_min);
    buf_add_c(out, " to ");
    speech_time(out, s.to_min);
}

static void counted(struct buf *out, int n, const char *one)
{
    speech_number(out, n);
    buf_addf(out, " %s%s", one, n == 1 ? "" : "s");
}

void speech_duration(struct buf *out, int minutes)
{
    if (minutes == 30) {
        buf_add_c(out, "half an hour");
    } else if (minutes < 60 || minutes % 60 % 30) {
        counted(out, minutes, "minute");
    } else if (minutes % 60) {
        speech_number(out, minutes / 60);
        buf_add_c(out, " and a half hours");
    } else {
        counted(out, minutes / 60, "hour");
    }
}

static void digit_words(struct buf *out, struct str digits, size_t group)
{
    size_t i;

    for (i = 0; i < digits.n; i++) {
        if (i)
            buf_add_c(out, i % group ? " " : ", ");
        if (digits.p[i] >= '0' && digits.p[i] <= '9')
            buf_add_c(out, small_numbers[digits.p[i] - '0']);
    }
}

void speech_phone(struct buf *out, struct str e164)
{
    if (str_starts(e164, STR("+"))) {
        buf_add_c(out, "plus ");
        e164 = str_from(e164, 1);
    }
    digit_words(out, e164, 3);
}

void speech_phone_ending(struct buf *out, struct str e164)
{
    digit_words(out, str_from(e164, e164.n > 4 ? e164.n - 4 : 0), 4);
}

void speech_list(struct buf *out, const struct str *items, size_t n, const char *last)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (i && i + 1 == n)
            buf_addf(out, " %s ", last);
        else if (i)
            buf_add_c(out, ", ");
        buf_add_str(out, items[i]);
    }
}
