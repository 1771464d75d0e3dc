/* findAvailability, holdSlot, bookAppointment. */
#include "tool_gateway/gateway.h"

#include "base/buf.h"
#include "base/macros.h"
#include "concierge/hours.h"
#include "concierge/speech_text.h"

enum { SAY_MAX = 4096, MORNING_TO_MIN = 720, AFTERNOON_TO_MIN = 1020 };

/* --- offers ---------------------------------------------------------------------------------------- */

static struct date today(const struct tool_call *c)
{
    return zone_local(c->g->profile->zone, clock_wall_s(c->ctx->clock)).date;
}

static void say_moment(struct buf *b, const struct tool_call *c, struct local_time at)
{
    speech_date_near(b, at.date, today(c));
    buf_add_c(b, " at ");
    speech_time(b, at.minute);
}

static void write_offer(struct tool_call *c, const struct booking_offer *o)
{
    struct buf spoken = BUF_INIT(SAY_MAX);
    char date[DATE_TEXT_MAX];

    date_text(date, o->at.date);
    say_moment(&spoken, c, o->at);
    jw_obj(&c->out, NULL);
    jw_str(&c->out, "slotId", o->slot_id);
    jw_cstr(&c->out, "weekday", speech_weekday(o->at.weekday));
    jw_cstr(&c->out, "date", date);
    jw_strf(&c->out, "time", "%02d:%02d", o->at.minute / 60, o->at.minute % 60);
    jw_str(&c->out, "staff", o->staff->name);
    jw_str(&c->out, "spoken", buf_str(&spoken));
    jw_end(&c->out);
    buf_release(&spoken);
}

static void write_offers(struct tool_call *c, const struct booking_offers *offers)
{
    size_t i;

    jw_arr(&c->out, "slots");
    for (i = 0; i < offers->n; i++)
        write_offer(c, &offers->items[i]);
    jw_end(&c->out);
}

/* "today, Tuesday, November twenty fourth at eleven in the morning, at noon or on …" */
static void say_offers(struct buf *b, const struct tool_call *c,
                       const struct booking_offers *offers)
{
    size_t i;

    for (i = 0; i < offers->n; i++) {
        struct local_time at = offers->items[i].at;
        bool same_day = i > 0 && date_cmp(at.date, offers->items[i - 1].at.date) == 0;

        if (i > 0)
            buf_add_c(b, i + 1 == offers->n ? " or " : ", ");
        if (same_day) {
            buf_add_c(b, "at ");
            speech_time(b, at.minute);
        } else {
            say_moment(b, c, at);
        }
    }
}

static void say_why_not(struct buf *b, const struct booking_wish *w,
                        const struct booking_offers *offers)
{
    if (offers->day_closed) {
        buf_add_c(b, "We are closed on ");
        speech_date(b, w->from);
        if (offers->closed_name.n)
            buf_addf(b, ", " STR_FMT, STR_ARG(offers->closed_name));
        buf_add_c(b, ". ");
    } else if (offers->too_far) {
        buf_add_c(b, "That is further ahead than I can book. ");
    } else if (offers->time_closed) {
        buf_add_c(b, "At ");
        speech_time(b, w->time_min);
        buf_add_c(b, " we cannot do that, it is outside our hours. ");
    } else if (offers->too_soon) {
        buf_add_c(b, "That is too soon for us. ");
    } else if (w->time_min >= 0 && w->from.year) {
        speech_date(b, w->from);
        buf_add_c(b, " at ");
        speech_time(b, w->time_min);
        buf_add_c(b, " is taken. ");
    } else if (w->from.year || w->time_min >= 0 || w->part_to_min) {
        buf_add_c(b, "Nothing is free then. ");
    }
}

static void answer_offers(struct tool_call *c, const struct booking_wish *w,
                          const struct booking_offers *offers)
{
    struct buf say = BUF_INIT(SAY_MAX);

    jw_bool(&c->out, "asWished", offers->as_wished);
    write_offers(c, offers);
    if (!offers->as_wished)
        say_why_not(&say, w, offers);
    if (!offers->n) {
        buf_add_c(
            &say,
            "There is no free time left in the days that I can book. I can arrange that somebody "
            "calls you back.");
        call_ok(c, buf_str(&say), "Offer no time. Offer a callback with requestCallback.");
    } else if (offers->as_wished && w->time_min >= 0) {
        say_moment(&say, c, offers->items[0].at);
        buf_add_c(&say, " is free. Shall I take it?");
        call_ok(c, buf_str(&say), NULL);
    } else {
        buf_add_c(&say, offers->as_wished ? "I have " : "The nearest that I have is ");
        say_offers(&say, c, offers);
        buf_add_c(&say, offers->n > 1 ? ". Which one suits you?" : ". Does that suit you?");
        call_ok(c, buf_str(&say), NULL);
    }
    buf_release(&say);
}

/* --- findAvailability -------------------------------------------------------------------------------- */

static void wish_part(struct booking_wish *w, struct str part)
{
    static const struct {
        const char *name;
        int from_min, to_min;
    } parts[] = {
        { "morning", 0, MORNING_TO_MIN },
        { "afternoon", MORNING_TO_MIN, DAY_MIN },
        { "evening", AFTERNOON_TO_MIN, DAY_MIN },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(parts); i++) {
        if (str_eq_c(part, parts[i].name)) {
            w->part_from_min = parts[i].from_min;
            w->part_to_min = parts[i].to_min;
        }
    }
}

static bool performs(const struct profile_service *s, const struct profile_staff *staff)
{
    size_t i;

    for (i = 0; i < s->n_staff; i++) {
        if (s->staff[i] == staff)
            return true;
    }
    return false;
}

static bool wish_refused(struct tool_call *c, const struct booking_wish *w)
{
    if (!w->service->bookable)
        call_refuse(c, "not_bookable",
                    STR("That cannot be booked on the phone. I can take down what you need, and "
                        "somebody calls "
                        "you back."),
                    "Ask the qualifying questions and call qualifyLead.");
    else if (w->staff && !performs(w->service, w->staff))
        call_refuse(c, "staff",
                    arena_printf(c->ctx->arena,
                                 STR_FMT " does not do that. May it be somebody else?",
                                 STR_ARG(w->staff->name)),
                    "Call findAvailability without staff if the caller agrees.");
    else if (w->from.year && w->to.year && date_cmp(w->to, w->from) < 0)
        call_refuse(c, "dates", STR("One moment, please."),
                    "dateTo lies before dateFrom. Correct it.");
    else if (w->from.year && date_cmp(w->to.year ? w->to : w->from, today(c)) < 0)
        call_refuse(c, "past", STR("That day is past. Which day would you like?"),
                    "Use today's date from your instructions.");
    else
        return false;
    return true;
}

void tool_find_availability(struct tool_call *c)
{
    const struct find_availability_args *args = c->args;
    struct booking_wish w = {
        .service = args->service,
        .staff = args->staff,
        .from = args->date_from.year ? args->date_from : args->date_to,
        .to = args->date_to,
        .time_min = args->time_min,
    };
    struct booking_offers offers;
    struct err err = ERR_INIT;

    if (!args->date_from.year && args->date_to.year)
        w.from = today(c);
    if (w.time_min < 0)
        wish_part(&w, args->part_of_day);
    if (wish_refused(c, &w))
        return;
    if (booking_search(&c->g->booking, c->ctx, c->req->call_sid, &w, &offers, &err))
        call_provider_down(c, "calendar", &err);
    else
        answer_offers(c, &w, &offers);
}

/* --- holdSlot ---------------------------------------------------------------------------------------- */

static bool slot_refused(struct tool_call *c, struct str text, struct slot *ret)
{
    enum errc rc = slot_check(ret, c->ctx->arena, c->g->booking.slot_key, c->req->call_sid, text,
                              clock_wall_s(c->ctx->clock));

    if (rc == ERR_TIMEOUT)
        call_refuse(c, "slot_expired", STR("Let me look again what is still free."),
                    "The offer has expired. Call findAvailability again.");
    else if (rc)
        call_refuse(c, "slot_unknown", STR("Let me look what is free."),
                    "This slotId was not issued by findAvailability in this call. Call "
                    "findAvailability and "
                    "copy a slotId exactly.");
    return rc != ERR_OK;
}

static void say_appointment(struct buf *b, const struct tool_call *c, const struct slot *s,
                            struct str name)
{
    const struct profile_service *service = profile_service_find(c->g->profile, s->service);
    const struct profile_staff *staff = profile_staff_of_calendar(c->g->profile, s->calendar);

    say_moment(b, c, zone_local(c->g->profile->zone, s->start_s));
    if (service)
        buf_addf(b, ", " STR_FMT, STR_ARG(service->name));
    if (staff)
        buf_addf(b, " with " STR_FMT, STR_ARG(staff->name));
    if (name.n)
        buf_addf(b, ", for " STR_FMT, STR_ARG(name));
}

/* What is free near a time that was lost; nothing when that cannot be found out. */
static void offer_others(struct tool_call *c, const struct slot *s, struct buf *say)
{
    struct local_time at = zone_local(c->g->profile->zone, s->start_s);
    struct booking_wish w = {
        .service = profile_service_find(c->g->profile, s->service),
        .from = at.date,
        .time_min = at.minute,
    };
    struct booking_offers offers;
    struct err err = ERR_INIT;

    if (!w.service || booking_search(&c->g->booking, c->ctx, c->req->call_sid, &w, &offers, &err) ||
        !offers.n) {
        buf_add_c(say, "May I look for another time?");
        return;
    }
    write_offers(c, &offers);
    buf_add_c(say, "I still have ");
    say_offers(say, c, &offers);
    buf_add_c(say, offers.n > 1 ? ". Which one suits you?" : ". Does that suit you?");
}

static void answer_held(struct tool_call *c, const struct slot *s, const struct booking_held *held,
                        struct str slot_id, struct str name)
{
    struct buf say = BUF_INIT(SAY_MAX);
    int64_t left_s = held->expires_s - clock_wall_s(c->ctx->clock);

    buf_add_c(&say, held->another ? "That would be one more appointment, " : "So that is ");
    say_appointment(&say, c, s, name);
    buf_add_c(&say, ". Is that right?");
    jw_str(&c->out, "slotId", slot_id);
    jw_str(&c->out, "confirmationId", held->confirmation_id);
    jw_i64(&c->out, "heldForSeconds", MAX(left_s, 0));
    call_ok(c, buf_str(&say),
            "Read this back now and wait for a clear yes. Only then call bookAppointment with this "
            "slotId and "
            "confirmationId.");
    buf_release(&say);
}

static void answer_taken(struct tool_call *c, const struct slot *s, const char *reason)
{
    struct buf say = BUF_INIT(SAY_MAX);

    buf_add_c(&say, "I am sorry, that time has just been taken. ");
    offer_others(c, s, &say);
    call_refuse(c, reason, buf_str(&say),
                "It is not booked. Hold one of slots if the caller wants it.");
    buf_release(&say);
}

static void answer_closed(struct tool_call *c)
{
    call_refuse(c, "call_closed", STR("I have already closed this call. Please call again."),
                "logCallOutcome was called. Say goodbye.");
}

void tool_hold_slot(struct tool_call *c)
{
    const struct hold_slot_args *args = c->args;
    struct booking_held held;
    struct slot s;
    struct err err = ERR_INIT;
    bool booked = false;
    enum errc rc;

    if (slot_refused(c, args->slot_id, &s))
        return;
    rc = booking_hold(&c->g->booking, c->ctx, c->req->call_sid, &s, &held, &booked, &err);
    if (rc == ERR_OK)
        answer_held(c, &s, &held, args->slot_id, args->name);
    else if (booked)
        call_refuse(
            c, "booked_before", STR("The time that we spoke about before is booked after all."),
            "The earlier bookAppointment went through. Tell the caller. If another time is wanted "
            "instead, use requestCallback.");
    else if (rc == ERR_CONFLICT)
        answer_taken(c, &s, "taken");
    else if (rc == ERR_DENIED)
        answer_closed(c);
    else if (rc == ERR_INVALID)
        call_refuse(c, "slot_unknown", STR("Let me look what is free."),
                    "Call findAvailability again.");
    else
        call_provider_down(c, "calendar", &err);
}

/* --- bookAppointment --------------------------------------------------------------------------------- */

static void publish_booked(struct tool_call *c, const struct slot *s, struct str booking_id)
{
    struct time_range r = slot_range(s);
    struct gateway_event e;
    char text[TIME_TEXT_MAX];

    /* Not the tool call's id: whoever asks for a booking that stands already adds nothing to the record. */
    gateway_event_begin(&e, c, EVENT_BOOKING_CHANGED,
                        arena_printf(c->ctx->arena, "booked-" STR_FMT, STR_ARG(booking_id)));
    jw_str(&e.w, "bookingId", booking_id);
    jw_cstr(&e.w, "change", "booked");
    jw_str(&e.w, "calendar", s->calendar);
    time_rfc3339_s(text, r.from_s);
    jw_cstr(&e.w, "start", text);
    time_rfc3339_s(text, r.to_s);
    jw_cstr(&e.w, "end", text);
    jw_str(&e.w, "service", s->service);
    gateway_event_end(&e, c);
}

static void answer_booked(struct tool_call *c, const struct slot *s, struct str name,
                          struct str booking_id)
{
    struct buf say = BUF_INIT(SAY_MAX);

    publish_booked(c, s, booking_id);
    buf_add_c(&say, "You are booked: ");
    say_appointment(&say, c, s, name);
    buf_add_c(&say, ". Is there anything else?");
    jw_str(&c->out, "bookingId", booking_id);
    call_ok(c, buf_str(&say), NULL);
    buf_release(&say);
}

static void answer_again(struct tool_call *c, const char *reason, const struct slot *s,
                         struct str name)
{
    struct buf say = BUF_INIT(SAY_MAX);

    say_appointment(&say, c, s, name);
    buf_add_c(&say, ". Is that right?");
    call_refuse(c, reason, buf_str(&say),
                "It is not booked. Read this back, wait for a clear yes, then call bookAppointment "
                "again with "
                "confirmed true.");
    buf_release(&say);
}

static void answer_verdict(struct tool_call *c, enum policy_verdict v, const struct slot *s,
                           struct str name)
{
    switch (v) {
    case POLICY_NOT_CONFIRMED:
        answer_again(c, "not_confirmed", s, name);
        break;
    case POLICY_TOO_SOON:
        answer_again(c, "no_read_back", s, name);
        break;
    case POLICY_WRONG_CONFIRMATION:
        call_refuse(c, "confirmation", STR("Let me read that back to you once more."),
                    "It is not booked. confirmationId is not that of the last holdSlot. Call "
                    "holdSlot again, "
                    "read back, then book with its confirmationId.");
        break;
    case POLICY_EXPIRED:
        call_refuse(c, "hold_expired",
                    STR("I could keep that time only for a short while, and it has lapsed. Let me "
                        "see whether "
                        "it is still free."),
                    "It is not booked. Call findAvailability for this time, then holdSlot, and "
                    "read back again.");
        break;
    case POLICY_NO_HOLD:
    case POLICY_OTHER_SLOT:
    default:
        call_refuse(c, v == POLICY_OTHER_SLOT ? "other_slot_held" : "no_hold",
                    STR("Let me take hold of that time first."),
                    "It is not booked. Call holdSlot for this slotId, read it back, wait for a "
                    "yes, then book.");
        break;
    }
}

void tool_book_appointment(struct tool_call *c)
{
    const struct book_appointment_args *args = c->args;
    struct booking_request r = {
        .call_sid = c->req->call_sid,
        .confirmation_id = args->confirmation_id,
        .confirmed = args->confirmed,
        .name = args->name,
        .phone = args->phone.n ? args->phone : c->from,
        .notes = args->notes,
    };
    struct booking_result result;
    struct err err = ERR_INIT;
    enum errc rc;

    if (slot_refused(c, args->slot_id, &r.slot))
        return;
    rc = booking_book(&c->g->booking, c->ctx, &r, &result, &err);
    if (rc == ERR_INVALID) {
        call_refuse(c, "slot_unknown", STR("Let me look what is free."),
                    "Call findAvailability again.");
        return;
    }
    if (rc) {
        call_provider_down(c, "calendar", &err);
        return;
    }
    if (result.unmarked)
        log_error(&c->ctx->log, "booked, but not marked: %s", err.text);
    if (result.taken)
        answer_taken(c, &r.slot, "taken");
    else if (result.verdict == POLICY_MAY || result.verdict == POLICY_IS_BOOKED)
        answer_booked(c, &r.slot, r.name, result.booking_id);
    else
        answer_verdict(c, result.verdict, &r.slot, r.name);
}
