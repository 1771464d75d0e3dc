#include "concierge/hours.h"

enum { NEXT_DAYS_MAX = 366 };

const struct profile_exception *hours_exception(const struct profile *p, struct date d)
{
    size_t lo = 0, hi = p->n_exceptions;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = date_cmp(p->exceptions[mid].date, d);

        if (c == 0)
            return &p->exceptions[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

size_t hours_of_day(const struct profile *p, struct date d,
                    struct time_range out[PROFILE_DAY_SPANS_MAX])
{
    const struct profile_exception *e = hours_exception(p, d);
    const struct day_hours *h = e ? &e->hours : &p->week[date_weekday(d)];
    size_t i;

    for (i = 0; i < h->n; i++) {
        out[i].from_s = zone_utc(p->zone, d, h->spans[i].from_min);
        out[i].to_s = zone_utc(p->zone, d, h->spans[i].to_min);
    }
    return h->n;
}

bool hours_next(const struct profile *p, int64_t utc_s, struct time_range *ret)
{
    struct date d = zone_local(p->zone, utc_s).date;
    struct time_range spans[PROFILE_DAY_SPANS_MAX];
    size_t i, n;
    int day;

    for (day = 0; day < NEXT_DAYS_MAX; day++) {
        n = hours_of_day(p, date_add(d, day), spans);
        for (i = 0; i < n; i++) {
            if (spans[i].to_s > utc_s) {
                *ret = spans[i];
                return true;
            }
        }
    }
    return false;
}

bool hours_open_at(const struct profile *p, int64_t utc_s)
{
    struct time_range next;

    return hours_next(p, utc_s, &next) && next.from_s <= utc_s;
}

struct time_range hours_bookable(const struct profile *p, int64_t now_s)
{
    struct date today = zone_local(p->zone, now_s).date;

    return (struct time_range){
        .from_s = now_s + (int64_t)p->booking.lead_time_min * 60,
        .to_s = zone_utc(p->zone, date_add(today, p->booking.horizon_days + 1), 0),
    };
}
