#include "concierge/booking.h"

#include <string.h>

#include "calendar/calendar.h"
#include "concierge/fake_cloud_test.h"
#include "concierge/hours.h"

/* The clinic on Tuesday 2026-11-24 at 10:00 local time. */
struct clinic {
    struct fake_cloud cloud;
    const struct profile *profile;
    struct calendar *calendar;
    struct booking booking;
};

static const char *const call_a = "CAaaaa", *const call_b = "CAbbbb";

static void clinic_open(struct clinic *c)
{
    struct err err = ERR_INIT;

    fake_cloud_open(&c->cloud, "2026-11-24T09:00:00Z");
    if (profile_load(&c->profile, &c->cloud.arena, VC_SOURCE_DIR "/evals/profiles/clinic.yaml",
                     &err))
        FAIL_TEST("%s", err.text);
    CHECK_OK(calendar_create(&c->calendar, STR("local"), &(struct calendar_env){ c->cloud.google },
                             &err));
    c->booking =
        (struct booking){ c->cloud.google, c->calendar, c->profile, STR("0123456789abcdef") };
}

static void clinic_close(struct clinic *c)
{
    c->calendar = calendar_destroy(c->calendar);
    fake_cloud_close(&c->cloud);
}

static struct booking_wish wish(const struct clinic *c, const char *service, const char *date,
                                int time_min)
{
    struct booking_wish w = { .service = profile_service_find(c->profile, str_c(service)),
                              .time_min = time_min };

    if (date)
        CHECK_OK(date_parse(str_c(date), &w.from));
    return w;
}

static struct booking_offers search(struct clinic *c, const char *call,
                                    const struct booking_wish *w)
{
    struct booking_offers o;
    struct err err = ERR_INIT;

    if (booking_search(&c->booking, &c->cloud.ctx, str_c(call), w, &o, &err))
        FAIL_TEST("%s", err.text);
    return o;
}

static struct str times(struct clinic *c, const struct booking_offers *o)
{
    struct str all = STR_EMPTY;
    char text[LOCAL_TEXT_MAX];
    size_t i;

    for (i = 0; i < o->n; i++) {
        local_text(text, o->items[i].at);
        all = arena_printf(&c->cloud.arena, STR_FMT "%s%s", STR_ARG(all), i ? " " : "", text);
    }
    return all;
}

static struct slot offer(struct clinic *c, const char *call, const char *date, int time_min)
{
    struct booking_wish w = wish(c, "check-up", date, time_min);
    struct booking_offers o = search(c, call, &w);

    CHECK(o.as_wished);
    return o.items[0].slot;
}

static enum errc hold(struct clinic *c, const char *call, const struct slot *s,
                      struct booking_held *h)
{
    struct err err = ERR_INIT;
    bool booked;

    return booking_hold(&c->booking, &c->cloud.ctx, str_c(call), s, h, &booked, &err);
}

static struct booking_request request(const char *call, const struct slot *s,
                                      const struct booking_held *h)
{
    return (struct booking_request){ .call_sid = str_c(call),
                                     .slot = *s,
                                     .confirmation_id = h->confirmation_id,
                                     .confirmed = true,
                                     .name = STR("Anna Schmidt"),
                                     .phone = STR("+49301234567") };
}

static size_t events_in_calendar(struct clinic *c)
{
    return fake_cloud_count(&c->cloud, "localCalendars/");
}

/* --- search ---------------------------------------------------------------------------------------- */

TEST(the_earliest_times_begin_after_the_lead_time)
{
    struct clinic c;
    struct booking_wish w;
    struct booking_offers o;

    clinic_open(&c);
    w = wish(&c, "check-up", NULL, -1);
    o = search(&c, call_a, &w);
    CHECK(o.as_wished);
    CHECK_STR(times(&c, &o), "2026-11-24T11:00 2026-11-24T11:30 2026-11-24T12:00");
    clinic_close(&c);
}

TEST(an_exact_time_that_is_free_is_the_only_offer)
{
    struct clinic c;
    struct booking_wish w;
    struct booking_offers o;

    clinic_open(&c);
    w = wish(&c, "check-up", "2026-11-27", 14 * 60 + 30);
    o = search(&c, call_a, &w);
    CHECK(o.as_wished);
    CHECK_STR(times(&c, &o), "2026-11-27T14:30");
    clinic_close(&c);
}

TEST(an_exact_time_that_is_taken_brings_the_nearest_ones)
{
    struct clinic c;
    struct booking_wish w;
    struct booking_offers o;

    clinic_open(&c);
    fake_cloud_busy(&c.cloud, "weber", "2026-11-27T13:30:00Z", "2026-11-27T14:00:00Z");
    w = wish(&c, "check-up", "2026-11-27", 14 * 60 + 30);
    o = search(&c, call_a, &w);
    CHECK(!o.as_wished);
    CHECK(!o.day_closed);
    CHECK_STR(times(&c, &o), "2026-11-27T14:00 2026-11-27T15:00 2026-11-27T13:30");
    clinic_close(&c);
}

TEST(no_appointment_runs_past_closing_or_into_lunch)
{
    struct clinic c;
    struct booking_wish w;
    struct booking_offers o;

    clinic_open(&c);
    w = wish(&c, "consultation", "2026-11-27", 17 * 60 + 30);
    o = search(&c, call_a, &w);
    CHECK(!o.as_wished);
    CHECK(o.time_closed);
    CHECK_STR(times(&c, &o), "2026-11-27T17:00 2026-11-27T16:30 2026-11-27T16:00");
    w = wish(&c, "check-up", "2026-11-27", 13 * 60);
    o = search(&c, call_a, &w);
    CHECK(o.time_closed);
    CHECK_STR(str_slice(times(&c, &o), 0, 16), "2026-11-27T13:30");
    w = wish(&c, "consultation", "2026-11-27", 12 * 60);
    CHECK(search(&c, call_a, &w).time_closed);
    clinic_close(&c);
}

TEST(a_closed_day_is_named_and_the_next_open_one_is_offered)
{
    struct clinic c;
    struct booking_wish w;
    struct booking_offers o;

    clinic_open(&c);
    w = wish(&c, "check-up", "2026-12-25", -1);
    o = search(&c, call_a, &w);
    CHECK(!o.as_wished);
    CHECK(o.day_closed);
    CHECK_STR(o.closed_name, "Christmas Day");
    CHECK_STR(times(&c, &o), "2026-12-28T09:00 2026-12-28T09:30 2026-12-28T10:00");
    w = wish(&c, "check-up", "2026-12-05", -1);
    o = search(&c, call_a, &w);
    CHECK(o.day_closed);
    CHECK_INT(o.closed_name.n, 0);
    CHECK_STR(str_slice(times(&c, &o), 0, 16), "2026-12-07T09:00");
    clinic_close(&c);
}

TEST(an_all_day_event_empties_its_day)
{
    struct clinic c;
    struct booking_wish w;
    struct booking_offers o;

    clinic_open(&c);
    fake_cloud_busy(&c.cloud, "weber", "2026-11-25T23:00:00Z", "2026-11-26T23:00:00Z");
    w = wish(&c, "check-up", "2026-11-26", -1);
    o = search(&c, call_a, &w);
    CHECK(!o.as_wished);
    CHECK(!o.day_closed);
    CHECK_STR(str_slice(times(&c, &o), 0, 16), "2026-11-27T09:00");
    clinic_close(&c);
}

TEST(a_part_of_the_day_limits_the_offers)
{
    struct clinic c;
    struct booking_wish w;
    struct booking_offers o;

    clinic_open(&c);
    w = wish(&c, "check-up", "2026-11-26", -1);
    w.part_from_min = 720;
    w.part_to_min = DAY_MIN;
    o = search(&c, call_a, &w);
    CHECK(o.as_wished);
    CHECK_STR(times(&c, &o), "2026-11-26T12:00 2026-11-26T13:30 2026-11-26T14:00");
    clinic_close(&c);
}

TEST(nothing_is_offered_when_everything_is_taken)
{
    struct clinic c;
    struct booking_wish w;
    struct booking_offers o;
    int week;

    clinic_open(&c);
    for (week = 0; week < 10; week++) {
        char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
        int64_t at = date_days((struct date){ 2026, 11, 23 }) * DAY_S + (int64_t)week * 7 * DAY_S;

        time_rfc3339_s(from, at);
        time_rfc3339_s(to, at + 7 * (int64_t)DAY_S);
        fake_cloud_busy(&c.cloud, "weber", from, to);
    }
    w = wish(&c, "check-up", NULL, -1);
    o = search(&c, call_a, &w);
    CHECK_INT(o.n, 0);
    CHECK(!o.as_wished);
    clinic_close(&c);
}

TEST(a_wish_beyond_the_horizon_or_before_the_lead_time_is_explained)
{
    struct clinic c;
    struct booking_wish w;

    clinic_open(&c);
    w = wish(&c, "check-up", "2027-06-01", -1);
    CHECK(search(&c, call_a, &w).too_far);
    w = wish(&c, "check-up", "2026-11-24", 10 * 60 + 30);
    CHECK(search(&c, call_a, &w).too_soon);
    clinic_close(&c);
}

TEST(slots_keep_their_wall_clock_over_the_change_to_summer_time)
{
    struct clinic c;
    struct slot s;

    clinic_open(&c);
    clock_fake_advance_ms(&c.cloud.clock, (int64_t)100 * DAY_S * 1000); /* to March 2027 */
    s = offer(&c, call_a, "2027-03-30", 9 * 60);
    CHECK_INT(s.start_s, date_days((struct date){ 2027, 3, 30 }) * DAY_S + 25200);
    clinic_close(&c);
}

/* --- holds ----------------------------------------------------------------------------------------- */

TEST(one_of_two_callers_gets_the_slot)
{
    struct clinic c;
    struct booking_held h;
    struct slot s;
    struct booking_wish w;
    struct booking_offers o;

    clinic_open(&c);
    s = offer(&c, call_a, "2026-11-26", 9 * 60);
    CHECK_OK(hold(&c, call_a, &s, &h));
    CHECK_RC(ERR_CONFLICT, hold(&c, call_b, &s, &h));
    w = wish(&c, "check-up", "2026-11-26", 9 * 60);
    o = search(&c, call_b, &w);
    CHECK(!o.as_wished);
    CHECK_STR(str_slice(times(&c, &o), 0, 16), "2026-11-26T09:30");
    CHECK(search(&c, call_a, &w).as_wished); /* one's own hold is in nobody's way */
    clinic_close(&c);
}

TEST(a_longer_service_sees_the_hold_of_a_shorter_one)
{
    struct clinic c;
    struct booking_held h;
    struct slot s, longer;

    clinic_open(&c);
    s = offer(&c, call_a, "2026-11-26", 9 * 60 + 30);
    longer = (struct slot){ .service = STR("consultation"),
                            .calendar = STR("weber"),
                            .start_s = s.start_s - 1800,
                            .duration_min = 60 };
    CHECK_OK(hold(&c, call_a, &s, &h));
    CHECK_RC(ERR_CONFLICT, hold(&c, call_b, &longer, &h));
    longer.start_s += 3600;
    CHECK_OK(hold(&c, call_b, &longer, &h));
    clinic_close(&c);
}

TEST(a_hold_that_has_expired_is_in_nobodys_way)
{
    struct clinic c;
    struct booking_held h;
    struct slot s;

    clinic_open(&c);
    s = offer(&c, call_a, "2026-11-26", 9 * 60);
    CHECK_OK(hold(&c, call_a, &s, &h));
    clock_fake_advance_ms(&c.cloud.clock, (int64_t)180 * 1000);
    CHECK_OK(hold(&c, call_b, &s, &h));
    clinic_close(&c);
}

TEST(a_new_hold_gives_the_first_one_back_also_on_another_day)
{
    struct clinic c;
    struct booking_held h;
    struct slot first, second;

    clinic_open(&c);
    first = offer(&c, call_a, "2026-11-25", 9 * 60);
    second = offer(&c, call_a, "2026-11-26", 9 * 60);
    CHECK_OK(hold(&c, call_a, &first, &h));
    CHECK_OK(hold(&c, call_a, &second, &h));
    CHECK_INT(json_len(json_get(fake_cloud_doc(&c.cloud, "agenda/weber:2026-11-25"), "entries")),
              0);
    CHECK_INT(json_len(json_get(fake_cloud_doc(&c.cloud, "agenda/weber:2026-11-26"), "entries")),
              1);
    CHECK_OK(hold(&c, call_b, &first, &h));
    clinic_close(&c);
}

struct racer {
    struct clinic *c;
    struct slot slot;
    char call[16];
    enum errc rc;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct fake_client client;
    struct booking_held h;
    struct err err = ERR_INIT;
    bool booked;

    fake_client_open(&client, &r->c->cloud);
    r->rc = booking_hold(&r->c->booking, &client.ctx, str_c(r->call), &r->slot, &h, &booked, &err);
    fake_client_close(&client);
    return NULL;
}

TEST(of_many_callers_in_the_same_moment_exactly_one_gets_the_slot)
{
    enum { RACERS = 8 };
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    struct clinic c;
    int i, won = 0, lost = 0;

    clinic_open(&c);
    for (i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){ .c = &c };
        (void)snprintf(racers[i].call, sizeof(racers[i].call), "CA%d", i);
        racers[i].slot = offer(&c, racers[i].call, "2026-11-26", 9 * 60);
    }
    for (i = 0; i < RACERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        won += racers[i].rc == ERR_OK;
        lost += racers[i].rc == ERR_CONFLICT;
    }
    CHECK_INT(won, 1);
    CHECK_INT(lost, RACERS - 1);
    clinic_close(&c);
}

/* --- bookings -------------------------------------------------------------------------------------- */

static enum errc book(struct clinic *c, const struct booking_request *r, struct booking_result *ret)
{
    struct err err = ERR_INIT;

    return booking_book(&c->booking, &c->cloud.ctx, r, ret, &err);
}

static struct booking_request held_and_read_back(struct clinic *c, const char *call)
{
    struct booking_held h;
    struct slot s = offer(c, call, "2026-11-26", 9 * 60);

    CHECK_OK(hold(c, call, &s, &h));
    clock_fake_advance_ms(&c->cloud.clock, 5000);
    return request(call, &s, &h);
}

TEST(a_booking_stands_in_calendar_agenda_and_records)
{
    struct clinic c;
    struct booking_request r;
    struct booking_result b;
    const struct jval *doc;

    clinic_open(&c);
    r = held_and_read_back(&c, call_a);
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_MAY);
    CHECK(!b.taken && !b.unmarked);
    CHECK_INT(events_in_calendar(&c), 1);
    doc = fake_cloud_doc(
        &c.cloud, arena_printf(&c.cloud.arena, "bookings/" STR_FMT, STR_ARG(b.booking_id)).p);
    CHECK_STR(json_str(json_get(doc, "name")), "Anna Schmidt");
    CHECK_STR(json_str(json_get(doc, "start")), "2026-11-26T08:00:00.000000Z");
    CHECK_STR(json_str(json_path(fake_cloud_doc(&c.cloud, "policy/CAaaaa"), "state")), "booked");
    clock_fake_advance_ms(&c.cloud.clock, (int64_t)600 * 1000);
    CHECK_RC(ERR_CONFLICT, hold(&c, call_b, &r.slot, &(struct booking_held){ 0 }));
    clinic_close(&c);
}

TEST(booking_twice_makes_one_event)
{
    struct clinic c;
    struct booking_request r;
    struct booking_result b;

    clinic_open(&c);
    r = held_and_read_back(&c, call_a);
    CHECK_OK(book(&c, &r, &b));
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_IS_BOOKED);
    CHECK_INT(events_in_calendar(&c), 1);
    clinic_close(&c);
}

TEST(nothing_is_booked_without_hold_read_back_and_yes)
{
    struct clinic c;
    struct booking_held h;
    struct booking_request r;
    struct booking_result b;
    struct slot s, other;

    clinic_open(&c);
    s = offer(&c, call_a, "2026-11-26", 9 * 60);
    other = offer(&c, call_a, "2026-11-27", 9 * 60);
    h = (struct booking_held){ .confirmation_id = STR("guess") };
    r = request(call_a, &s, &h);
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_NO_HOLD);

    CHECK_OK(hold(&c, call_a, &s, &h));
    r = request(call_a, &s, &h);
    clock_fake_advance_ms(&c.cloud.clock, POLICY_READ_BACK_MS - 1);
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_TOO_SOON);
    clock_fake_advance_ms(&c.cloud.clock, 1);
    r.confirmed = false;
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_NOT_CONFIRMED);
    r.confirmed = true;
    r.confirmation_id = STR("guess");
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_WRONG_CONFIRMATION);
    r = request(call_a, &other, &h);
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_OTHER_SLOT);
    r = request(call_b, &s, &h);
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_NO_HOLD); /* the hold of this very call */
    CHECK_INT(events_in_calendar(&c), 0);
    clinic_close(&c);
}

TEST(an_expired_hold_books_nothing)
{
    struct clinic c;
    struct booking_request r;
    struct booking_result b;

    clinic_open(&c);
    r = held_and_read_back(&c, call_a);
    clock_fake_advance_ms(&c.cloud.clock, (int64_t)180 * 1000);
    CHECK_OK(book(&c, &r, &b));
    CHECK_INT(b.verdict, POLICY_EXPIRED);
    CHECK_INT(events_in_calendar(&c), 0);
    clinic_close(&c);
}

TEST(a_slot_that_staff_took_meanwhile_is_not_booked_and_the_hold_goes)
{
    struct clinic c;
    struct booking_request r;
    struct booking_result b;

    clinic_open(&c);
    r = held_and_read_back(&c, call_a);
    fake_cloud_busy(&c.cloud, "weber", "2026-11-26T08:15:00Z", "2026-11-26T09:00:00Z");
    CHECK_OK(book(&c, &r, &b));
    CHECK(b.taken);
    CHECK_INT(events_in_calendar(&c), 1);
    CHECK_STR(json_str(json_get(fake_cloud_doc(&c.cloud, "policy/CAaaaa"), "state")), "open");
    CHECK_INT(json_len(json_get(fake_cloud_doc(&c.cloud, "agenda/weber:2026-11-26"), "entries")),
              0);
    clinic_close(&c);
}

/* Everything is refused from the n-th request on, as in a crash; then it is repeated. */
TEST(a_crash_between_any_two_steps_and_a_repeat_end_in_one_event)
{
    int n, completed = 0;

    for (n = 1; !completed; n++) {
        struct clinic c;
        struct booking_request r;
        struct booking_result b;
        enum errc rc;

        clinic_open(&c);
        r = held_and_read_back(&c, call_a);
        fake_cloud_heal(&c.cloud);
        c.cloud.fail_from = n;
        rc = book(&c, &r, &b);
        completed = rc == ERR_OK && !b.unmarked;
        fake_cloud_heal(&c.cloud);
        CHECK_OK(book(&c, &r, &b));
        CHECK(b.verdict == POLICY_MAY || b.verdict == POLICY_IS_BOOKED);
        CHECK(!b.taken && !b.unmarked);
        CHECK_INT(events_in_calendar(&c), 1);
        CHECK_INT(fake_cloud_count(&c.cloud, "bookings/"), 1);
        CHECK_STR(json_str(json_get(fake_cloud_doc(&c.cloud, "policy/CAaaaa"), "state")), "booked");
        clinic_close(&c);
    }
    CHECK(n > 5);
}

TEST(a_lost_answer_of_any_step_and_a_repeat_end_in_one_event)
{
    int n, completed = 0;

    for (n = 1; !completed; n++) {
        struct clinic c;
        struct booking_request r;
        struct booking_result b;

        clinic_open(&c);
        r = held_and_read_back(&c, call_a);
        fake_cloud_heal(&c.cloud);
        c.cloud.lose_at = n;
        completed = book(&c, &r, &b) == ERR_OK && !b.unmarked && c.cloud.n_requests < n;
        fake_cloud_heal(&c.cloud);
        CHECK_OK(book(&c, &r, &b));
        CHECK(b.verdict == POLICY_MAY || b.verdict == POLICY_IS_BOOKED);
        CHECK_INT(events_in_calendar(&c), 1);
        CHECK_INT(fake_cloud_count(&c.cloud, "bookings/"), 1);
        clinic_close(&c);
    }
    CHECK(n > 5);
}

TEST(a_crash_then_minutes_of_silence_then_a_repeat_still_finds_its_event)
{
    int n, completed = 0;

    for (n = 1; !completed; n++) {
        struct clinic c;
        struct booking_request r;
        struct booking_result b;

        clinic_open(&c);
        r = held_and_read_back(&c, call_a);
        fake_cloud_heal(&c.cloud);
        c.cloud.fail_from = n;
        completed = book(&c, &r, &b) == ERR_OK && !b.unmarked;
        fake_cloud_heal(&c.cloud);
        clock_fake_advance_ms(&c.cloud.clock, (int64_t)600 * 1000);   /* every hold has lapsed */
        (void)hold(&c, call_b, &r.slot, &(struct booking_held){ 0 }); /* may or may not get it */
        CHECK_OK(book(&c, &r, &b));
        CHECK(events_in_calendar(&c) <= 1);
        if (events_in_calendar(&c) == 1)
            CHECK(b.verdict == POLICY_MAY || b.verdict == POLICY_IS_BOOKED);
        else
            CHECK(b.verdict == POLICY_EXPIRED);
        clinic_close(&c);
    }
}

TEST(holding_something_else_after_an_unfinished_booking_says_that_it_went_through)
{
    struct clinic c;
    struct booking_request r;
    struct booking_result b;
    struct booking_held h;
    struct slot other;
    struct err err = ERR_INIT;
    bool booked = false;

    clinic_open(&c);
    r = held_and_read_back(&c, call_a);
    other = offer(&c, call_a, "2026-11-27", 9 * 60);
    fake_cloud_heal(&c.cloud);
    c.cloud.fail_path = "/events/";
    c.cloud.lose_at = 1;
    CHECK(book(&c, &r, &b) != ERR_OK);
    fake_cloud_heal(&c.cloud);
    CHECK_RC(ERR_CONFLICT,
             booking_hold(&c.booking, &c.cloud.ctx, str_c(call_a), &other, &h, &booked, &err));
    CHECK(booked);
    CHECK_INT(events_in_calendar(&c), 1);
    CHECK_STR(json_str(json_get(fake_cloud_doc(&c.cloud, "policy/CAaaaa"), "state")), "booked");
    clinic_close(&c);
}

TEST(closing_the_call_gives_its_hold_back_and_is_done_once)
{
    struct clinic c;
    struct booking_request r;
    struct booking_held h;
    struct str before;
    struct err err = ERR_INIT;

    clinic_open(&c);
    r = held_and_read_back(&c, call_a);
    CHECK_OK(booking_close(&c.booking, &c.cloud.ctx, str_c(call_a), STR("no_slot"), false, &before,
                           &err));
    CHECK_OK(hold(&c, call_b, &r.slot, &h));
    CHECK_RC(ERR_CONFLICT, booking_close(&c.booking, &c.cloud.ctx, str_c(call_a), STR("booked"),
                                         false, &before, &err));
    CHECK_STR(before, "no_slot");
    CHECK_RC(ERR_DENIED, hold(&c, call_a, &r.slot, &h));
    clinic_close(&c);
}
