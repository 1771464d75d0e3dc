#include "concierge/booking.h"

#include "base/crypto.h"
#include "base/macros.h"
#include "calendar/calendar.h"
#include "concierge/agenda.h"
#include "google/firestore.h"

enum { US = 1000000, CONFIRMATION_CHARS = 8, HOLD_ATTEMPTS = 4 };

struct str booking_entry_id(struct arena *a, struct str call_sid, const struct slot *s)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    struct str all = arena_printf(a, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n%lld\n%d",
                                  STR_ARG(call_sid), STR_ARG(s->service), STR_ARG(s->calendar),
                                  (long long)s->start_s, s->duration_min);
    char *out = arena_alloc(a, BOOKING_ID_CHARS);
    uint8_t digest[SHA256_LEN];
    int i;

    sha256(digest, all);
    for (i = 0; i < BOOKING_ID_CHARS; i++)
        out[i] = digits[digest[i] & 31];
    return str_n(out, BOOKING_ID_CHARS);
}

struct time_range booking_blocked(const struct profile_service *service, const struct slot *s)
{
    struct time_range r = slot_range(s);

    r.from_s -= (int64_t)service->buffer_before_min * 60;
    r.to_s += (int64_t)service->buffer_after_min * 60;
    return r;
}

/* One step on the agenda and the policy of one call. */
struct step {
    const struct booking *b;
    struct str call_sid;
    const struct slot *slot;
    const struct profile_service *service;
    struct str entry_id, agenda;
    struct date day;
    int64_t now_us;
    /* hold */
    struct str other_agenda; /* of the hold that this one replaces; empty: none */
    struct booking_held held;
    bool moved; /* the hold that was to be replaced is another one by now */
    bool closed;
    /* book */
    const struct booking_request *request;
    enum policy_verdict verdict;
    /* close */
    struct str outcome, outcome_before;
    bool call_goes_on, closing; /* closing: the commit has been sent */
};

static enum errc step_init(struct step *s, const struct booking *b, struct ctx *ctx,
                           struct str call_sid, const struct slot *slot, struct err *err)
{
    *s = (struct step){ .b = b, .call_sid = call_sid, .slot = slot };
    s->service = profile_service_find(b->profile, slot->service);
    if (!s->service || !profile_staff_of_calendar(b->profile, slot->calendar))
        return err_set(err, ERR_INVALID, "slot of a service or calendar that is no longer offered");
    s->entry_id = booking_entry_id(ctx->arena, call_sid, slot);
    s->day = zone_local(b->profile->zone, slot->start_s).date;
    s->agenda = agenda_path(ctx->arena, slot->calendar, s->day);
    s->now_us = clock_wall_us(ctx->clock);
    return ERR_OK;
}

/* "agenda/weber:2026-11-26" to its parts. */
static bool agenda_parts(struct str path, struct str *calendar, struct date *d)
{
    struct str folder, name, date;

    return str_cut(path, '/', &folder, &name) && str_cut(name, ':', calendar, &date) &&
           date_parse(date, d) == ERR_OK;
}

static void drop_entry(const struct step *s, struct firestore_commit *c, struct ctx *ctx,
                       const struct fs_doc *doc, struct str entry_id)
{
    struct agenda g = agenda_read(ctx->arena, doc->fields, s->now_us / US);
    struct str calendar;
    struct date d;

    if (!doc->exists || !agenda_parts(doc->path, &calendar, &d))
        return;
    agenda_drop(&g, entry_id);
    agenda_write(c, doc, calendar, d, &g, s->b->profile->retention.calls_days);
}

/* Of the slot's day. */
static void write_agenda(const struct step *s, struct firestore_commit *c, const struct fs_doc *doc,
                         const struct agenda *g)
{
    agenda_write(c, doc, s->slot->calendar, s->day, g, s->b->profile->retention.calls_days);
}

static void write_policy(const struct step *s, struct firestore_commit *c, const struct fs_doc *doc,
                         const struct policy *p)
{
    policy_write(firestore_set(c, doc->path, fs_pre_unchanged(doc)), p, s->now_us,
                 s->b->profile->retention.transcripts_days);
}

/* --- hold --------------------------------------------------------------------------------------- */

static struct agenda_entry entry_of(const struct step *s, bool booked, int64_t expires_s)
{
    return (struct agenda_entry){
        .id = s->entry_id,
        .booked = booked,
        .blocked = booking_blocked(s->service, s->slot),
        .call_sid = s->call_sid,
        .service = s->service->id,
        .expires_s = expires_s,
    };
}

/* docs: policy, agenda of the slot, and (when other than that) agenda of the hold that goes. */
static enum errc hold_step(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                           struct firestore_commit *c, struct err *err)
{
    struct step *s = arg;
    struct policy p = policy_read(docs[0].fields);
    int64_t now_s = s->now_us / US;
    struct agenda g = agenda_read(ctx->arena, docs[1].fields, now_s);
    struct agenda_entry e = entry_of(s, false, now_s + s->b->profile->booking.hold_s);
    bool replaces = p.state == POLICY_HELD;

    s->moved = replaces && !str_eq(p.agenda, s->agenda) && !str_eq(p.agenda, s->other_agenda);
    if (s->moved)
        return ERR_OK;
    if (!policy_move(&p, POLICY_HOLD))
        return err_set(err, p.state == POLICY_CLOSED ? ERR_DENIED : ERR_AGAIN,
                       "a slot cannot be held while %s", policy_state_name(p.state));
    if (replaces && str_eq(p.agenda, s->agenda))
        agenda_drop(&g, p.entry_id);
    if (agenda_blocked(&g, e.blocked, s->call_sid))
        return err_set(err, ERR_CONFLICT, "the slot is taken");
    if (!agenda_put(&g, &e))
        return err_set(err, ERR_LIMIT, "more than %d entries on one day", AGENDA_ENTRIES_MAX);
    write_agenda(s, c, &docs[1], &g);
    if (replaces && s->other_agenda.n && str_eq(p.agenda, s->other_agenda))
        drop_entry(s, c, ctx, &docs[2], p.entry_id);
    p.entry_id = s->entry_id;
    p.agenda = s->agenda;
    p.slot = *s->slot;
    p.confirmation_id = s->held.confirmation_id;
    p.held_us = s->now_us;
    p.expires_s = e.expires_s;
    s->held.expires_s = e.expires_s;
    s->held.another = p.booked;
    write_policy(s, c, &docs[0], &p);
    return ERR_OK;
}

static enum errc read_policy(const struct booking *b, struct ctx *ctx, struct str call_sid,
                             struct policy *ret, struct err *err)
{
    struct fs_doc doc;
    enum errc rc = firestore_get(b->google, ctx, policy_path(ctx->arena, call_sid), &doc, err);

    if (rc)
        return err_wrap(err, rc, "policy");
    *ret = policy_read(doc.fields);
    return ERR_OK;
}

static enum errc settle_unfinished(const struct booking *b, struct ctx *ctx, struct str call_sid,
                                   const struct policy *p, bool *ret_booked, struct err *err);

enum errc booking_hold(const struct booking *b, struct ctx *ctx, struct str call_sid,
                       const struct slot *slot, struct booking_held *ret, bool *ret_booked,
                       struct err *err)
{
    struct step s = { 0 };
    struct policy p = { 0 };
    struct str paths[3];
    int attempt;
    enum errc rc = step_init(&s, b, ctx, call_sid, slot, err);

    *ret_booked = false;
    s.moved = true;
    for (attempt = 0; !rc && s.moved && attempt < HOLD_ATTEMPTS; attempt++) {
        rc = read_policy(b, ctx, call_sid, &p, err);
        if (!rc && p.state == POLICY_BOOKING)
            rc = settle_unfinished(b, ctx, call_sid, &p, ret_booked, err);
        if (rc)
            break;
        s.other_agenda =
            p.state == POLICY_HELD && !str_eq(p.agenda, s.agenda) ? p.agenda : STR_EMPTY;
        s.held.entry_id = s.entry_id;
        s.held.confirmation_id = random_id_text(ctx->arena, CONFIRMATION_CHARS);
        paths[0] = policy_path(ctx->arena, call_sid);
        paths[1] = s.agenda;
        paths[2] = s.other_agenda;
        rc = firestore_update(b->google, ctx, paths, s.other_agenda.n ? 3 : 2, hold_step, &s, err);
    }
    if (!rc && s.moved)
        rc = err_set(err, ERR_AGAIN, "the call's holds keep changing");
    if (rc)
        return err_wrap(err, rc, "hold");
    *ret = s.held;
    return ERR_OK;
}

/* --- book --------------------------------------------------------------------------------------- */

/* docs: policy, agenda. Notes that the provider is about to be asked; the hold must outlive the asking. */
static enum errc begin_step(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                            struct firestore_commit *c, struct err *err)
{
    struct step *s = arg;
    const struct booking_request *r = s->request;
    struct policy p = policy_read(docs[0].fields);
    int64_t now_s = s->now_us / US;
    struct agenda g = agenda_read(ctx->arena, docs[1].fields, now_s);
    struct agenda_entry e = entry_of(s, false, now_s + BOOKING_LEASE_S);

    s->verdict = policy_may_book(&p, s->entry_id, r->confirmation_id, r->confirmed, s->now_us);
    if (s->verdict != POLICY_MAY)
        return ERR_OK;
    /* A hold that lapsed while an earlier try was under way is only taken up again if it is still free. */
    if (!agenda_find(&g, s->entry_id) && agenda_blocked(&g, e.blocked, s->call_sid)) {
        s->verdict = POLICY_EXPIRED;
        return ERR_OK;
    }
    (void)policy_move(&p, POLICY_BOOK); /* POLICY_MAY says that the state has it */
    p.expires_s = e.expires_s;
    if (!agenda_put(&g, &e))
        return err_set(err, ERR_LIMIT, "more than %d entries on one day", AGENDA_ENTRIES_MAX);
    write_agenda(s, c, &docs[1], &g);
    write_policy(s, c, &docs[0], &p);
    return ERR_OK;
}

static void write_booking(struct firestore_commit *c, struct ctx *ctx, const struct step *s)
{
    const struct booking_request *r = s->request;
    struct time_range range = slot_range(s->slot);
    struct fsw *w = firestore_merge(
        c, arena_printf(ctx->arena, "bookings/" STR_FMT, STR_ARG(s->entry_id)), FS_PRE_ANY);

    fsw_str(w, "callSid", s->call_sid);
    fsw_str(w, "calendar", s->slot->calendar);
    fsw_str(w, "service", s->service->id);
    fsw_time(w, "start", range.from_s * US);
    fsw_time(w, "end", range.to_s * US);
    fsw_cstr(w, "state", "booked");
    if (r) {
        fsw_str(w, "name", r->name);
        fsw_str(w, "phone", r->phone);
        fsw_str(w, "notes", r->notes);
    }
    fsw_time(w, "createdAt", s->now_us);
    fsw_ttl(w, range.to_s * US, s->b->profile->retention.calls_days);
}

/* docs: policy, agenda. The event stands in the calendar. */
static enum errc mark_step(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                           struct firestore_commit *c, struct err *err)
{
    struct step *s = arg;
    struct policy p = policy_read(docs[0].fields);
    struct agenda g = agenda_read(ctx->arena, docs[1].fields, s->now_us / US);
    struct agenda_entry e = entry_of(s, true, 0);

    if (!agenda_put(&g, &e))
        return err_set(err, ERR_LIMIT, "more than %d entries on one day", AGENDA_ENTRIES_MAX);
    write_agenda(s, c, &docs[1], &g);
    if (str_eq(p.entry_id, s->entry_id) && policy_move(&p, POLICY_BOOK_DONE))
        write_policy(s, c, &docs[0], &p);
    write_booking(c, ctx, s);
    return ERR_OK;
}

/* docs: policy, agenda. The hold goes. */
static enum errc release_step(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                              struct firestore_commit *c, struct err *err)
{
    struct step *s = arg;
    struct policy p = policy_read(docs[0].fields);

    (void)err;
    drop_entry(s, c, ctx, &docs[1], s->entry_id);
    if (str_eq(p.entry_id, s->entry_id) && policy_move(&p, POLICY_RELEASE))
        write_policy(s, c, &docs[0], &p);
    return ERR_OK;
}

static enum errc take_step(struct step *s, struct ctx *ctx, firestore_update_fn fn, struct err *err)
{
    struct str paths[2] = { policy_path(ctx->arena, s->call_sid), s->agenda };

    return firestore_update(s->b->google, ctx, paths, ARRAY_LEN(paths), fn, s, err);
}

static enum errc provider_free(const struct step *s, struct ctx *ctx, bool *ret_free,
                               struct err *err)
{
    struct busy_list busy;
    struct time_range r = booking_blocked(s->service, s->slot);
    enum errc rc = calendar_free_busy(s->b->calendar, ctx, s->slot->calendar, r, &busy, err);
    size_t i;

    if (rc)
        return rc;
    *ret_free = true;
    for (i = 0; i < busy.n; i++) {
        if (time_range_overlaps(busy.items[i], r))
            *ret_free = false;
    }
    return ERR_OK;
}

static struct calendar_event event_of(const struct step *s, struct ctx *ctx)
{
    const struct booking_request *r = s->request;

    return (struct calendar_event){
        .calendar = s->slot->calendar,
        .id = s->entry_id,
        .when = slot_range(s->slot),
        .time_zone = s->b->profile->time_zone,
        .summary = arena_printf(ctx->arena, STR_FMT ": " STR_FMT, STR_ARG(s->service->name),
                                STR_ARG(r->name)),
        .description = arena_printf(ctx->arena, "Phone: " STR_FMT "%s" STR_FMT, STR_ARG(r->phone),
                                    r->notes.n ? "\n" : "", STR_ARG(r->notes)),
        .call_sid = s->call_sid,
    };
}

/* A lost answer is asked again under the same id; "exists already" is then our own event. */
static enum errc create_event(const struct step *s, struct ctx *ctx, struct err *err)
{
    struct calendar_event e = event_of(s, ctx);
    enum errc rc = ERR_OK;
    int i;

    for (i = 0; i < BOOKING_PROVIDER_ATTEMPTS; i++) {
        rc = calendar_book(s->b->calendar, ctx, &e, err);
        if (rc == ERR_CONFLICT)
            return ERR_OK;
        if (rc != ERR_TIMEOUT && rc != ERR_UPSTREAM && rc != ERR_AGAIN && rc != ERR_CLOSED)
            break;
    }
    return rc;
}

static enum errc provider_has(const struct step *s, struct ctx *ctx, bool *ret, struct err *err)
{
    enum errc rc = calendar_find(s->b->calendar, ctx, s->slot->calendar, s->entry_id, err);

    if (rc && rc != ERR_NOT_FOUND)
        return rc;
    *ret = rc == ERR_OK;
    return ERR_OK;
}

static enum errc ask_provider(struct step *s, struct ctx *ctx, bool *ret_taken, struct err *err)
{
    bool is_free = false;
    enum errc rc = provider_free(s, ctx, &is_free, err);

    if (rc)
        return rc;
    *ret_taken = !is_free;
    return is_free ? create_event(s, ctx, err) : ERR_OK;
}

/* A try whose end nobody saw may have reached the provider: then its event is there. */
static enum errc find_unfinished(struct step *s, struct ctx *ctx, bool *ret_has, struct err *err)
{
    const struct booking_request *r = s->request;
    struct policy p = { 0 };
    enum errc rc = read_policy(s->b, ctx, s->call_sid, &p, err);

    *ret_has = false;
    if (rc || p.state != POLICY_BOOKING ||
        policy_may_book(&p, s->entry_id, r->confirmation_id, r->confirmed, s->now_us) != POLICY_MAY)
        return rc;
    return provider_has(s, ctx, ret_has, err);
}

static enum errc begin_and_ask(struct step *s, struct ctx *ctx, struct booking_result *ret,
                               struct err *err)
{
    enum errc rc = take_step(s, ctx, begin_step, err);

    if (rc)
        return err_wrap(err, rc, "begin booking");
    ret->verdict = s->verdict;
    if (s->verdict != POLICY_MAY)
        return ERR_OK;
    rc = ask_provider(s, ctx, &ret->taken, err);
    if (!rc && ret->taken)
        rc = take_step(s, ctx, release_step, err);
    return rc;
}

enum errc booking_book(const struct booking *b, struct ctx *ctx, const struct booking_request *r,
                       struct booking_result *ret, struct err *err)
{
    struct step s = { 0 };
    bool has = false;
    enum errc rc = step_init(&s, b, ctx, r->call_sid, &r->slot, err);

    *ret = (struct booking_result){ .verdict = POLICY_MAY, .booking_id = s.entry_id };
    s.request = r;
    if (!rc)
        rc = find_unfinished(&s, ctx, &has, err);
    if (!rc && !has)
        rc = begin_and_ask(&s, ctx, ret, err);
    if (rc)
        return err_wrap(err, rc, "book");
    if (ret->verdict != POLICY_MAY || ret->taken)
        return ERR_OK;
    /* The event stands: whatever happens to our own documents, the caller has the appointment. */
    ret->unmarked = take_step(&s, ctx, mark_step, err) != ERR_OK;
    return ERR_OK;
}

/* The call goes on after such a try: either the event stands, then it is booked, or the hold is given
 * back. */
static enum errc settle_unfinished(const struct booking *b, struct ctx *ctx, struct str call_sid,
                                   const struct policy *p, bool *ret_booked, struct err *err)
{
    struct step s = { 0 };
    bool has = false;
    enum errc rc = step_init(&s, b, ctx, call_sid, &p->slot, err);

    if (!rc)
        rc = provider_has(&s, ctx, &has, err);
    if (!rc)
        rc = take_step(&s, ctx, has ? mark_step : release_step, err);
    if (rc || !has)
        return rc;
    *ret_booked = true;
    return err_set(err, ERR_CONFLICT, "the earlier booking went through");
}

/* --- close -------------------------------------------------------------------------------------- */

/* docs: policy, and the agenda of what is held. */
static enum errc close_step(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                            struct firestore_commit *c, struct err *err)
{
    struct step *s = arg;
    struct policy p = policy_read(docs[0].fields);
    bool held = p.state == POLICY_HELD;

    /* After a commit whose answer was lost: it was ours. */
    if (s->closing && p.state == POLICY_CLOSED && str_eq(p.outcome, s->outcome))
        return ERR_OK;
    s->outcome_before = p.outcome;
    s->moved = held && !str_eq(p.agenda, s->agenda);
    if (s->moved)
        return ERR_OK;
    if (!policy_move(&p, s->call_goes_on ? POLICY_LOG_TRANSFER : POLICY_LOG_OUTCOME))
        return err_set(err, ERR_CONFLICT, "the call is closed");
    if (held)
        drop_entry(s, c, ctx, &docs[1], p.entry_id);
    p.outcome = s->outcome;
    write_policy(s, c, &docs[0], &p);
    s->closing = true;
    return ERR_OK;
}

enum errc booking_close(const struct booking *b, struct ctx *ctx, struct str call_sid,
                        struct str outcome, bool call_goes_on, struct str *ret_outcome,
                        struct err *err)
{
    struct step s = { .b = b,
                      .call_sid = call_sid,
                      .outcome = outcome,
                      .call_goes_on = call_goes_on,
                      .moved = true };
    struct str paths[2] = { policy_path(ctx->arena, call_sid) };
    struct policy p = { 0 };
    enum errc rc = ERR_OK;
    int attempt;

    s.now_us = clock_wall_us(ctx->clock);
    for (attempt = 0; !rc && s.moved && attempt < HOLD_ATTEMPTS; attempt++) {
        rc = read_policy(b, ctx, call_sid, &p, err);
        if (rc)
            break;
        s.agenda = p.state == POLICY_HELD ? p.agenda : STR_EMPTY;
        paths[1] = s.agenda;
        rc = firestore_update(b->google, ctx, paths, s.agenda.n ? 2 : 1, close_step, &s, err);
    }
    if (!rc && s.moved)
        rc = err_set(err, ERR_AGAIN, "the call's holds keep changing");
    *ret_outcome = s.outcome_before;
    return rc ? err_wrap(err, rc, "close call") : ERR_OK;
}
