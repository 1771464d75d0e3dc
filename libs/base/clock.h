/* base/clock.h: time, passed in and fakeable. Monotonic time is for deadlines and latencies; wall-clock
 * time (UTC microseconds since 1970) only for what is stored or shown. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct clock {
    int64_t (*mono_us)(const struct clock *c);
    int64_t (*wall_us)(const struct clock *c);
    int64_t wall_offset_us; /* added to the system's wall clock: a rehearsal at another date */
    void (*sleep_ms)(const struct clock *c, int64_t ms);
};

/* The system's clock, shifted by `wall_offset_us` (0 in production). */
struct clock clock_system(int64_t wall_offset_us);

enum { CLOCK_FAKE_SLEEPERS_MAX = 64 };

struct clock_fake {
    struct clock clock;                       /* hand out a pointer to this */
    _Atomic int64_t mono_us_now, wall_us_now; /* a test advances while threads read */
    /* Until when threads sleep, once clock_fake_sleeps(): before, they do so in real time. 0: none. */
    _Atomic int64_t sleeps_until_us[CLOCK_FAKE_SLEEPERS_MAX];
    _Atomic bool awake;
};
void clock_fake_init(struct clock_fake *f, int64_t wall_us);
void clock_fake_advance_ms(struct clock_fake *f, int64_t ms); /* both clocks */
void clock_fake_sleeps(struct clock_fake *f);      /* from now on threads sleep in its time */
int clock_fake_asleep(const struct clock_fake *f); /* how many, for whom it is not time yet */
void clock_fake_wake(struct clock_fake *f);        /* nobody sleeps any more: time will not go on */

/* Blocks the thread; a signal may end it early. */
void clock_sleep_ms(const struct clock *c, int64_t ms);

int64_t clock_mono_us(const struct clock *c);
int64_t clock_mono_ms(const struct clock *c);
int64_t clock_wall_us(const struct clock *c);
int64_t clock_wall_ms(const struct clock *c);
int64_t clock_wall_s(const struct clock *c);

enum { TIME_TEXT_MAX = 40 };
/* RFC 3339 in UTC with six (or, in _s, no) fraction digits: "2026-11-24T09:00:00.000000Z". */
void time_rfc3339(char out[TIME_TEXT_MAX], int64_t wall_us);
void time_rfc3339_s(char out[TIME_TEXT_MAX], int64_t wall_s);
/* Z or offset, 0 to 9 fraction digits, of which six count. A leap second is the second after it. */
MUST_USE enum errc time_parse_rfc3339(struct str s, int64_t *ret_us);
/* RFC 2822, as Twilio writes it: "Tue, 24 Nov 2026 09:00:00 +0000". The parser takes HTTP dates too
 * (GMT), and does not check that the day of the week fits. */
void time_rfc2822(char out[TIME_TEXT_MAX], int64_t wall_s);
MUST_USE enum errc time_parse_rfc2822(struct str s, int64_t *ret_s);

#endif
