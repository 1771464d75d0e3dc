/* calendar/time_range.h: a half-open stretch of time in UTC seconds since 1970, a plain value. */
#ifndef CALENDAR_TIME_RANGE_H
#define CALENDAR_TIME_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct time_range {
    int64_t from_s, to_s; /* [from, to) */
};

static inline bool time_range_overlaps(struct time_range a, struct time_range b)
{
    return a.from_s < b.to_s && b.from_s < a.to_s;
}

static inline bool time_range_contains(struct time_range outer, struct time_range inner)
{
    return outer.from_s <= inner.from_s && inner.to_s <= outer.to_s;
}

#endif
