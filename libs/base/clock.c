#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "base/die.h"
#include "base/macros.h"

static const int64_t SECOND_US = 1000000;
static const int64_t DAY_S = 86400;

static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static int64_t read_clock_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * SECOND_US + ts.tv_nsec / 1000;
}

static int64_t system_mono_us(const struct clock *c)
{
    (void)c;
    return read_clock_us(CLOCK_MONOTONIC);
}

static int64_t system_wall_us(const struct clock *c)
{
    return read_clock_us(CLOCK_REALTIME) + c->wall_offset_us;
}

static void system_sleep_ms(const struct clock *c, int64_t ms)
{
    struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

    (void)c;
    nanosleep(&t, NULL);
}

struct clock clock_system(int64_t wall_offset_us)
{
    return (struct clock){ system_mono_us, system_wall_us, wall_offset_us, system_sleep_ms };
}

static int64_t fake_mono_us(const struct clock *c)
{
    return ((const struct clock_fake *)(const void *)c)->mono_us_now;
}

static int64_t fake_wall_us(const struct clock *c)
{
    return ((const struct clock_fake *)(const void *)c)->wall_us_now + c->wall_offset_us;
}

void clock_fake_init(struct clock_fake *f, int64_t wall_us)
{
    *f = (struct clock_fake){
        .clock = { fake_mono_us, fake_wall_us, 0, system_sleep_ms },
        .mono_us_now = SECOND_US, /* not 0, which often means "never" */
        .wall_us_now = wall_us,
    };
}

void clock_fake_advance_ms(struct clock_fake *f, int64_t ms)
{
    f->mono_us_now += ms * 1000;
    f->wall_us_now += ms * 1000;
}

static _Atomic int64_t *fake_bed(struct clock_fake *f, int64_t until_us)
{
    int i;

    for (i = 0; i < CLOCK_FAKE_SLEEPERS_MAX; i++) {
        int64_t none = 0;

        if (atomic_compare_exchange_strong(&f->sleeps_until_us[i], &none, until_us))
            return &f->sleeps_until_us[i];
    }
    die("more than %d threads sleep", CLOCK_FAKE_SLEEPERS_MAX);
}

static void fake_sleep_ms(const struct clock *c, int64_t ms)
{
    static const struct timespec moment = { .tv_nsec = 200000 };
    struct clock_fake *f = (struct clock_fake *)(uintptr_t)c;
    int64_t until_us = f->mono_us_now + ms * 1000;
    _Atomic int64_t *bed = fake_bed(f, until_us);

    while (f->mono_us_now < until_us && !f->awake)
        nanosleep(&moment, NULL);
    *bed = 0;
}

int clock_fake_asleep(const struct clock_fake *f)
{
    int n = 0, i;

    for (i = 0; i < CLOCK_FAKE_SLEEPERS_MAX; i++)
        n += f->sleeps_until_us[i] > f->mono_us_now;
    return n;
}

void clock_fake_sleeps(struct clock_fake *f)
{
    f->clock.sleep_ms = fake_sleep_ms;
}

void clock_fake_wake(struct clock_fake *f)
{
    f->awake = true;
}

void clock_sleep_ms(const struct clock *c, int64_t ms)
{
    c->sleep_ms(c, ms);
}

int64_t clock_mono_us(const struct clock *c)
{
    return c->mono_us(c);
}

int64_t clock_mono_ms(const struct clock *c)
{
    return clock_mono_us(c) / 1000;
}

int64_t clock_wall_us(const struct clock *c)
{
    return c->wall_us(c);
}

int64_t clock_wall_ms(const struct clock *c)
{
    return clock_wall_us(c) / 1000;
}

int64_t clock_wall_s(const struct clock *c)
{
    return clock_wall_us(c) / SECOND_US;
}

/* A time of day on a day of the proleptic Gregorian calendar, in UTC. */
struct civil {
    int64_t year;
    int month, day, hour, minute, second; /* month and day from 1 */
    int weekday;                          /* 0: Sunday */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    return a % b < 0 ? a % b + b : a % b;
}

/* Days since 1970-01-01. Years begin in March here, so that the leap day is the last one; 400 years
 * have 146097 days. After Howard Hinnant, "chrono-compatible low-level date algorithms". */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static struct civil civil_from_s(int64_t wall_s)
{
    int64_t days = floor_div(wall_s, DAY_S);
    int64_t rest = floor_mod(wall_s, DAY_S);
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097; /* day of the era */
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153; /* month, 0: March */
    struct civil c;

    c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c.year = yoe + era * 400 + (c.month <= 2);
    c.hour = (int)(rest / 3600);
    c.minute = (int)(rest / 60 % 60);
    c.second = (int)(rest % 60);
    c.weekday = (int)floor_mod(days + 4, 7); /* 1970-01-01 was a Thursday */
    return c;
}

static int days_in_month(int64_t year, int month)
{
    static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* A leap second (only ever the last one of a minute 59, whatever the offset) counts as the second
 * after it. */
static bool civil_valid(const struct civil *c)
{
    return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in_month(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           (c->second <= 59 || (c->second == 60 && c->minute == 59));
}

static int64_t civil_to_s(const struct civil *c)
{
    return days_from_civil(c->year, c->month, c->day) * DAY_S + c->hour * 3600L + c->minute * 60L +
           c->second;
}

void time_rfc3339(char out[TIME_TEXT_MAX], int64_t wall_us)
{
    struct civil c = civil_from_s(floor_div(wall_us, SECOND_US));

    snprintf(out, TIME_TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d.%06dZ", (long long)c.year,
             c.month, c.day, c.hour, c.minute, c.second, (int)floor_mod(wall_us, SECOND_US));
}

void time_rfc3339_s(char out[TIME_TEXT_MAX], int64_t wall_s)
{
    struct civil c = civil_from_s(wall_s);

    snprintf(out, TIME_TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)c.year, c.month,
             c.day, c.hour, c.minute, c.second);
}

void time_rfc2822(char out[TIME_TEXT_MAX], int64_t wall_s)
{
    struct civil c = civil_from_s(wall_s);

    snprintf(out, TIME_TEXT_MAX, "%s, %02d %s %04lld %02d:%02d:%02d +0000", day_names[c.weekday],
             c.day, month_names[c.month - 1], (long long)c.year, c.hour, c.minute, c.second);
}

/* The scanners below take from the front of *s what they describe, or answer false. */

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_from(*s, 1);
    return true;
}

static bool take_digits(struct str *s, size_t count, int *ret)
{
    int64_t v;

    if (s->n < count || str_to_i64(str_slice(*s, 0, count), 0, INT32_MAX, &v))
        return false;
    *s = str_from(*s, count);
    *ret = (int)v;
    return true;
}

static bool take_name(struct str *s, const char (*names)[4], int count, int *ret)
{
    int i;

    for (i = 0; i < count; i++) {
        if (str_istarts(*s, str_c(names[i]))) {
            *s = str_from(*s, 3);
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool take_hms(struct str *s, struct civil *c)
{
    return take_digits(s, 2, &c->hour) && take_char(s, ':') && take_digits(s, 2, &c->minute) &&
           take_char(s, ':') && take_digits(s, 2, &c->second);
}

/* [.d{1,9}], cut (not rounded) to microseconds. */
static bool take_fraction(struct str *s, int64_t *us)
{
    int64_t scale = SECOND_US;
    size_t digits = 0;

    *us = 0;
    if (!take_char(s, '.'))
        return true;
    for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; digits++) {
        scale /= 10;
        *us += (s->p[0] - '0') * scale;
        *s = str_from(*s, 1);
    }
    return digits >= 1 && digits <= 9;
}

/* Z, or +hh:mm with the given separator (0: none). */
static bool take_offset(struct str *s, char sep, int64_t *offset_s)
{
    int hours, minutes, sign;

    *offset_s = 0;
    if (take_char(s, 'Z') || take_char(s, 'z'))
        return true;
    if (take_char(s, '+'))
        sign = 1;
    else if (take_char(s, '-'))
        sign = -1;
    else
        return false;
    if (!take_digits(s, 2, &hours) || (sep && !take_char(s, sep)) || !take_digits(s, 2, &minutes))
        return false;
    *offset_s = sign * (hours * 3600L + minutes * 60L);
    return hours <= 23 && minutes <= 59;
}

enum errc time_parse_rfc3339(struct str s, int64_t *ret_us)
{
    struct civil c = { 0 };
    int64_t us, offset_s;
    int year;

    if (!take_digits(&s, 4, &year) || !take_char(&s, '-') || !take_digits(&s, 2, &c.month) ||
        !take_char(&s, '-') || !take_digits(&s, 2, &c.day))
        return ERR_INVALID;
    if (!take_char(&s, 'T') && !take_char(&s, 't'))
        return ERR_INVALID;
    if (!take_hms(&s, &c) || !take_fraction(&s, &us) || !take_offset(&s, ':', &offset_s) || s.n)
        return ERR_INVALID;
    c.year = year;
    if (!civil_valid(&c))
        return ERR_INVALID;
    *ret_us = (civil_to_s(&c) - offset_s) * SECOND_US + us;
    return ERR_OK;
}

static bool take_zone(struct str *s, int64_t *offset_s)
{
    static const char gmt[1][4] = { "GMT" };
    int unused;

    *offset_s = 0;
    return take_name(s, gmt, 1, &unused) || take_offset(s, 0, offset_s);
}

enum errc time_parse_rfc2822(struct str s, int64_t *ret_s)
{
    struct civil c = { 0 };
    int64_t offset_s;
    int year, weekday;

    if (take_name(&s, day_names, ARRAY_LEN(day_names), &weekday) &&
        (!take_char(&s, ',') || !take_char(&s, ' ')))
        return ERR_INVALID;
    if ((!take_digits(&s, 2, &c.day) && !take_digits(&s, 1, &c.day)) || !take_char(&s, ' ') ||
        !take_name(&s, month_names, ARRAY_LEN(month_names), &c.month) || !take_char(&s, ' ') ||
        !take_digits(&s, 4, &year) || !take_char(&s, ' ') || !take_hms(&s, &c) ||
        !take_char(&s, ' ') || !take_zone(&s, &offset_s) || s.n)
        return ERR_INVALID;
    c.month++;
    c.year = year;
    if (!civil_valid(&c))
        return ERR_INVALID;
    *ret_s = civil_to_s(&c) - offset_s;
    return ERR_OK;
}
