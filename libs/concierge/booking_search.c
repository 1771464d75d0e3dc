#include "concierge/booking.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "calendar/calendar.h"
#include "concierge/agenda.h"
#include "concierge/hours.h"
#include "google/firestore.h"

/* One performer's week, as the provider and the agenda know it. */
struct week_view {
    const struct profile_staff *staff;
    struct busy_list busy;
    struct agenda days[WEEK_DAYS];
};

struct search {
    const struct booking *b;
    struct ctx *ctx;
    struct str call_sid;
    const struct booking_wish *wish;
    struct time_range bookable;
    struct date today;
    const struct profile_staff *const *staff;
    size_t n_staff;
    struct week_view *week; /* n_staff of them */
    struct date week_from;
    size_t wanted;
    struct booking_offers *ret;
};

/* Which of a day's times count. */
enum pick { PICK_WISHED, PICK_NEAREST };

static enum errc load_agenda(struct search *s, struct week_view *v, struct err *err)
{
    struct str paths[WEEK_DAYS];
    struct fs_doc docs[WEEK_DAYS];
    int64_t now_s = clock_wall_s(s->ctx->clock);
    enum errc rc;
    int i;

    for (i = 0; i < WEEK_DAYS; i++)
        paths[i] = agenda_path(s->ctx->arena, v->staff->calendar, date_add(s->week_from, i));
    rc = firestore_get_all(s->b->google, s->ctx, paths, WEEK_DAYS, docs, err);
    if (rc)
        return err_wrap(err, rc, "agenda");
    for (i = 0; i < WEEK_DAYS; i++)
        v->days[i] = agenda_read(s->ctx->arena, docs[i].fields, now_s);
    return ERR_OK;
}

static enum errc load_week(struct search *s, struct date from, struct err *err)
{
    const struct zone *z = s->b->profile->zone;
    /* A day more on either side: buffers reach out of it. */
    struct time_range in = { zone_utc(z, date_add(from, -1), 0),
                             zone_utc(z, date_add(from, WEEK_DAYS + 1), 0) };
    enum errc rc;
    size_t i;

    s->week_from = from;
    for (i = 0; i < s->n_staff; i++) {
        s->week[i].staff = s->staff[i];
        rc = calendar_free_busy(s->b->calendar, s->ctx, s->staff[i]->calendar, in, &s->week[i].busy,
                                err);
        if (!rc)
            rc = load_agenda(s, &s->week[i], err);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

static bool busy_at(const struct busy_list *busy, struct time_range r)
{
    size_t i;

    for (i = 0; i < busy->n; i++) {
        if (time_range_overlaps(busy->items[i], r))
            return true;
    }
    return false;
}

/* Who can take it then; NULL: nobody. */
static const struct profile_staff *free_staff(const struct search *s, int day, int64_t start_s)
{
    const struct slot slot = { .start_s = start_s, .duration_min = s->wish->service->duration_min };
    struct time_range blocked = booking_blocked(s->wish->service, &slot);
    size_t i;

    for (i = 0; i < s->n_staff; i++) {
        if (!busy_at(&s->week[i].busy, blocked) &&
            !agenda_blocked(&s->week[i].days[day], blocked, s->call_sid))
            return s->week[i].staff;
    }
    return NULL;
}

static bool inside_span(const struct time_range *spans, size_t n, struct time_range r)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (time_range_contains(spans[i], r))
            return true;
    }
    return false;
}

static void add_offer(struct search *s, int64_t start_s, const struct profile_staff *staff)
{
    struct booking_offer *o = &s->ret->items[s->ret->n++];

    o->staff = staff;
    o->at = zone_local(s->b->profile->zone, start_s);
    o->slot = (struct slot){
        .service = s->wish->service->id,
        .calendar = staff->calendar,
        .start_s = start_s,
        .duration_min = s->wish->service->duration_min,
        .exp_s = clock_wall_s(s->ctx->clock) + SLOT_LIFE_S,
    };
    o->slot_id = slot_mint(s->ctx->arena, s->b->slot_key, s->call_sid, &o->slot);
}

static bool full(const struct search *s)
{
    return s->ret->n >= s->wanted;
}

static bool part_wished(const struct booking_wish *w, int minute)
{
    return w->part_to_min == 0 || (minute >= w->part_from_min && minute < w->part_to_min);
}

/* The exact time of a day, on the grid or not. */
static void add_exact(struct search *s, int day)
{
    struct date d = date_add(s->week_from, day);
    struct time_range spans[PROFILE_DAY_SPANS_MAX];
    size_t n = hours_of_day(s->b->profile, d, spans);
    int64_t start_s = zone_utc(s->b->profile->zone, d, s->wish->time_min);
    struct time_range r = { start_s, start_s + (int64_t)s->wish->service->duration_min * 60 };
    const struct profile_staff *staff;

    if (!inside_span(spans, n, r) || !time_range_contains(s->bookable, r))
        return;
    staff = free_staff(s, day, start_s);
    if (staff)
        add_offer(s, start_s, staff);
}

struct candidate {
    int64_t start_s;
    const struct profile_staff *staff;
    int distance; /* minutes from the wished time */
};

static size_t day_candidates(const struct search *s, int day, enum pick pick, struct candidate *out,
                             size_t max)
{
    struct date d = date_add(s->week_from, day);
    int64_t step_s = (int64_t)s->b->profile->booking.slot_step_min * 60;
    int64_t length_s = (int64_t)s->wish->service->duration_min * 60, t;
    struct time_range spans[PROFILE_DAY_SPANS_MAX];
    size_t n = 0, i, n_spans = hours_of_day(s->b->profile, d, spans);

    for (i = 0; i < n_spans; i++) {
        for (t = spans[i].from_s; t + length_s <= spans[i].to_s && n < max; t += step_s) {
            int minute = zone_local(s->b->profile->zone, t).minute;

            if (t < s->bookable.from_s || t + length_s > s->bookable.to_s ||
                (pick == PICK_WISHED && !part_wished(s->wish, minute)))
                continue;
            out[n].staff = free_staff(s, day, t);
            out[n].start_s = t;
            out[n].distance = s->wish->time_min < 0 ? 0 : abs(minute - s->wish->time_min);
            if (out[n].staff)
                n++;
        }
    }
    return n;
}

/* Nearest to the wished time first; they stay in order of time where that says nothing. */
static void take_candidates(struct search *s, struct candidate *c, size_t n)
{
    while (!full(s) && n > 0) {
        size_t best = 0, i;

        for (i = 1; i < n; i++) {
            if (c[i].distance < c[best].distance)
                best = i;
        }
        add_offer(s, c[best].start_s, c[best].staff);
        memmove(&c[best], &c[best + 1], (n - best - 1) * sizeof(*c));
        n--;
    }
}

static void add_day(struct search *s, int day, enum pick pick)
{
    struct candidate c[DAY_MIN / 5];
    size_t n = day_candidates(s, day, pick, c, ARRAY_LEN(c));

    take_candidates(s, c, n);
}

static enum errc each_week(struct search *s, struct date from, struct date to,
                           void (*add)(struct search *s, int day), struct err *err)
{
    struct date start;
    enum errc rc;
    int weeks, day;

    for (weeks = 0, start = from; weeks < BOOKING_WEEKS_MAX && date_cmp(start, to) <= 0 && !full(s);
         weeks++, start = date_add(start, WEEK_DAYS)) {
        rc = load_week(s, start, err);
        if (rc)
            return rc;
        for (day = 0; day < WEEK_DAYS && date_cmp(date_add(start, day), to) <= 0 && !full(s); day++)
            add(s, day);
    }
    return ERR_OK;
}

static void add_wished(struct search *s, int day)
{
    if (s->wish->time_min >= 0)
        add_exact(s, day);
    else
        add_day(s, day, PICK_WISHED);
}

static void add_nearest(struct search *s, int day)
{
    add_day(s, day, PICK_NEAREST);
}

/* What can be said about a wish for one day that was not met. */
static void explain(const struct search *s, struct date d)
{
    struct time_range spans[PROFILE_DAY_SPANS_MAX];
    size_t n = hours_of_day(s->b->profile, d, spans);
    const struct profile_exception *e = hours_exception(s->b->profile, d);
    struct booking_offers *ret = s->ret;

    ret->day_closed = n == 0;
    ret->closed_name = e && n == 0 ? e->name : STR_EMPTY;
    ret->too_far = zone_utc(s->b->profile->zone, d, 0) >= s->bookable.to_s;
    if (n > 0)
        ret->too_soon = spans[n - 1].to_s <= s->bookable.from_s;
    if (s->wish->time_min >= 0 && n > 0) {
        int64_t start_s = zone_utc(s->b->profile->zone, d, s->wish->time_min);
        struct time_range r = { start_s, start_s + (int64_t)s->wish->service->duration_min * 60 };

        ret->time_closed = !inside_span(spans, n, r);
        ret->too_soon = start_s < s->bookable.from_s;
    }
}

static enum errc search_wished(struct search *s, struct date from, struct date to, struct err *err)
{
    enum errc rc;

    /* One time that is asked for is one offer. */
    s->wanted = s->wish->time_min >= 0 ? 1 : (size_t)s->b->profile->booking.offers_max;
    rc = each_week(s, from, to, add_wished, err);
    s->ret->as_wished = s->ret->n > 0;
    return rc;
}

static enum errc search_nearest(struct search *s, struct date from, struct date to, struct err *err)
{
    s->wanted = (size_t)s->b->profile->booking.offers_max;
    return each_week(s, from, to, add_nearest, err);
}

enum errc booking_search(const struct booking *b, struct ctx *ctx, struct str call_sid,
                         const struct booking_wish *wish, struct booking_offers *ret,
                         struct err *err)
{
    int64_t now_s = clock_wall_s(ctx->clock);
    struct search s = { .b = b, .ctx = ctx, .call_sid = call_sid, .wish = wish, .ret = ret };
    struct date last, from, to;
    enum errc rc;

    memset(ret, 0, sizeof(*ret));
    s.today = zone_local(b->profile->zone, now_s).date;
    s.bookable = hours_bookable(b->profile, now_s);
    s.staff = wish->staff ? &wish->staff : wish->service->staff;
    s.n_staff = wish->staff ? 1 : wish->service->n_staff;
    s.week = ARENA_ARRAY(ctx->arena, struct week_view, s.n_staff + 1);
    last = date_add(s.today, b->profile->booking.horizon_days);
    from = wish->from.year && date_cmp(wish->from, s.today) > 0 ? wish->from : s.today;
    to = wish->to.year ? wish->to : wish->from.year ? wish->from : last;
    to = date_cmp(to, last) > 0 ? last : to;
    rc = search_wished(&s, from, to, err);
    if (rc || ret->as_wished)
        return rc;
    if (wish->from.year && (!wish->to.year || date_cmp(wish->from, wish->to) == 0))
        explain(&s, wish->from);
    return search_nearest(&s, date_cmp(from, last) > 0 ? s.today : from, last, err);
}
