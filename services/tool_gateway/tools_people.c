/* transferToHuman, requestCallback, qualifyLead, logCallOutcome. */
#include "tool_gateway/gateway.h"

#include "base/buf.h"
#include "base/macros.h"
#include "concierge/end_reason.h"
#include "concierge/hours.h"
#include "concierge/policy.h"
#include "concierge/speech_text.h"
#include "google/firestore.h"

enum { SAY_MAX = 4096, US = 1000000 };

/* --- callbacks --------------------------------------------------------------------------------------- */

static void say_window(struct buf *b, const struct tool_call *c, struct time_range r)
{
    const struct zone *z = c->g->profile->zone;
    struct local_time from = zone_local(z, r.from_s), to = zone_local(z, r.to_s);

    struct date now = zone_local(z, clock_wall_s(c->ctx->clock)).date;

    if (date_cmp(from.date, now) == 0)
        buf_add_c(b, "today");
    else
        speech_date_near(b, from.date, now);
    buf_add_c(b, " between ");
    speech_time(b, from.minute);
    buf_add_c(b, " and ");
    speech_time(b, to.minute);
}

/* From now on when it is open now. */
static bool next_window(const struct tool_call *c, struct time_range *ret)
{
    int64_t now_s = clock_wall_s(c->ctx->clock);

    if (!hours_next(c->g->profile, now_s, ret))
        return false;
    ret->from_s = MAX(ret->from_s, now_s / 60 * 60);
    return true;
}

static enum errc write_callback(struct tool_call *c, const struct callback_wish *wish,
                                struct str window, const struct time_range *range, struct err *err)
{
    struct firestore_commit *commit = firestore_commit_begin(c->g->google, c->ctx);
    struct str path = arena_printf(c->ctx->arena, "callbacks/" STR_FMT, STR_ARG(c->req->call_sid));
    struct fsw *w = firestore_merge(commit, path, FS_PRE_ANY);

    fsw_str(w, "callSid", c->req->call_sid);
    fsw_str(w, "number", wish->phone);
    if (wish->name.n)
        fsw_str(w, "name", wish->name);
    fsw_str(w, "reason", wish->reason);
    fsw_str(w, "summary", wish->summary);
    fsw_str(w, "window", window);
    if (range) {
        fsw_time(w, "windowStart", range->from_s * US);
        fsw_time(w, "windowEnd", range->to_s * US);
    }
    fsw_cstr(w, "state", "open");
    fsw_time(w, "createdAt", clock_wall_us(c->ctx->clock));
    fsw_ttl(w, clock_wall_us(c->ctx->clock), c->g->profile->retention.calls_days);
    return firestore_commit(commit, NULL, err);
}

static void publish_callback(struct tool_call *c, const struct callback_wish *wish,
                             struct str window)
{
    struct gateway_event e;

    gateway_event_begin(&e, c, EVENT_CALLBACK_REQUESTED,
                        arena_printf(c->ctx->arena, STR_FMT "%s", STR_ARG(c->req->tool_call_id),
                                     wish->event_suffix));
    jw_str(&e.w, "callbackId", c->req->call_sid);
    jw_str(&e.w, "reason", wish->reason);
    jw_str(&e.w, "number", masked_number(c->ctx->arena, wish->phone));
    jw_str(&e.w, "window", window);
    jw_str(&e.w, "summary", wish->summary);
    gateway_event_end(&e, c);
}

static void say_callback(struct buf *say, const struct callback_wish *wish, struct str window)
{
    buf_add_c(say, "Somebody will call you back on ");
    if (wish->phone_said) {
        speech_phone(say, wish->phone);
    } else {
        buf_add_c(say, "the number ending in ");
        speech_phone_ending(say, wish->phone);
    }
    buf_addf(say, ", " STR_FMT ".", STR_ARG(window));
}

enum errc callback_queue(struct tool_call *c, const struct callback_wish *wish, struct buf *say,
                         struct err *err)
{
    struct buf spoken = BUF_INIT(SAY_MAX);
    struct time_range range;
    bool known = next_window(c, &range);
    struct str window;
    enum errc rc;

    if (wish->window.n)
        buf_add_str(&spoken, wish->window);
    else if (known)
        say_window(&spoken, c, range);
    else
        buf_add_c(&spoken, "as soon as we can");
    window = arena_str(c->ctx->arena, buf_str(&spoken));
    buf_release(&spoken);
    rc = write_callback(c, wish, window, known ? &range : NULL, err);
    if (rc)
        return err_wrap(err, rc, "queue callback");
    publish_callback(c, wish, window);
    say_callback(say, wish, window);
    jw_str(&c->out, "callbackWindow", window);
    return ERR_OK;
}

static struct callback_wish wish_of(const struct tool_call *c, const struct human_args *args)
{
    return (struct callback_wish){
        .reason = args->reason,
        .summary = args->summary,
        .name = args->name,
        .phone = args->phone.n ? args->phone : c->from,
        .window = args->window,
        .phone_said = args->phone.n && !str_eq(args->phone, c->from),
        .event_suffix = "",
    };
}

/* Takes what is said before, e.g. why nobody can be reached. */
static void arrange_callback(struct tool_call *c, const struct callback_wish *wish,
                             const char *before)
{
    struct buf say = BUF_INIT(SAY_MAX);
    struct err err = ERR_INIT;

    buf_add_c(&say, before);
    if (!wish->phone.n) {
        buf_add_c(&say, "On which number can we call you back?");
        call_refuse(c, "number_missing", buf_str(&say),
                    "Ask for the number once, then call the tool again.");
    } else if (callback_queue(c, wish, &say, &err)) {
        call_provider_down(c, "system", &err);
    } else {
        buf_add_c(&say, " Is that all right?");
        call_ok(c, buf_str(&say), "The callback is arranged. Read number and time back.");
    }
    buf_release(&say);
}

void tool_request_callback(struct tool_call *c)
{
    struct callback_wish wish = wish_of(c, c->args);

    arrange_callback(c, &wish, "");
}

/* --- transferToHuman --------------------------------------------------------------------------------- */

/* Which of the business's numbers is tried next in this call, counted in the policy document. */
struct transfer_count {
    int keep_days;
    int64_t before;
    bool counted; /* the count may stand already: its answer was lost */
};

static enum errc count_transfer(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                                struct firestore_commit *c, struct err *err)
{
    struct policy p = policy_read(docs[0].fields);
    struct transfer_count *t = arg;

    (void)err;
    if (t->counted && p.transfers == t->before + 1)
        return ERR_OK;
    t->before = p.transfers++;
    t->counted = true;
    policy_write(firestore_set(c, docs[0].path, fs_pre_unchanged(&docs[0])), &p,
                 clock_wall_us(ctx->clock), t->keep_days);
    return ERR_OK;
}

static const struct profile_number *next_number(struct tool_call *c)
{
    struct str path = policy_path(c->ctx->arena, c->req->call_sid);
    const struct profile *p = c->g->profile;
    struct err err = ERR_INIT;
    struct transfer_count t = { .keep_days = p->retention.transcripts_days };

    if (!p->escalation.n_numbers)
        return NULL;
    /* A person is more important than the count. */
    if (firestore_update(c->g->google, c->ctx, &path, 1, count_transfer, &t, &err))
        log_warn(&c->ctx->log, "transfer not counted: %s", err.text);
    return t.before < (int64_t)p->escalation.n_numbers ? &p->escalation.numbers[t.before] : NULL;
}

static void connect_to(struct tool_call *c, const struct profile_number *n,
                       const struct human_args *args, const char *before)
{
    c->control.transfer.number = n->number;
    c->control.transfer.reason = args->reason;
    c->control.transfer.summary = args->summary;
    call_ok(c,
            arena_printf(c->ctx->arena,
                         "%sI am connecting you now: " STR_FMT ". One moment, please.", before,
                         STR_ARG(n->name)),
            "Say this and nothing more; the call is being connected.");
}

void tool_transfer_to_human(struct tool_call *c)
{
    const struct human_args *args = c->args;
    const struct profile *p = c->g->profile;
    bool emergency = str_eq_c(args->reason, "emergency") && p->escalation.emergency_text.n;
    const char *before =
        emergency
            ? arena_printf(c->ctx->arena, STR_FMT " ", STR_ARG(p->escalation.emergency_text)).p
            : "";
    struct callback_wish wish = wish_of(c, args);
    const struct profile_number *n = NULL;
    bool open = hours_open_at(p, clock_wall_s(c->ctx->clock));

    if (open)
        n = next_number(c);
    if (n)
        connect_to(c, n, args, before);
    else
        arrange_callback(
            c, &wish,
            arena_printf(c->ctx->arena, "%s%s", before,
                         open ? "I am sorry, nobody can take the call right now. "
                              : "We are closed at the moment, so I cannot connect you. ")
                .p);
}

/* --- qualifyLead ------------------------------------------------------------------------------------- */

static bool field_given(const struct tool_fields *f, const struct profile_field *wanted)
{
    size_t i;

    for (i = 0; i < f->n; i++) {
        if (f->items[i].field == wanted)
            return true;
    }
    return false;
}

static bool area_served(const struct profile *p, struct str postcode)
{
    size_t i;

    for (i = 0; i < p->qualification.n_postcodes; i++) {
        if (str_starts(postcode, p->qualification.postcodes[i]))
            return true;
    }
    return p->qualification.n_postcodes == 0;
}

/* Writes the questions still open under `missing`; returns the first one, or the empty text. */
static struct str open_questions(struct tool_call *c, const struct qualify_lead_args *args,
                                 struct str phone)
{
    const struct profile *p = c->g->profile;
    struct str first = STR_EMPTY;
    size_t i;

    jw_arr(&c->out, "missing");
    for (i = 0; i < p->qualification.n_fields; i++) {
        const struct profile_field *f = &p->qualification.fields[i];

        if (!f->required || field_given(&args->fields, f))
            continue;
        jw_str(&c->out, NULL, f->name);
        first = first.n ? first : f->question;
    }
    if (p->qualification.n_postcodes && !args->postcode.n) {
        jw_cstr(&c->out, NULL, "postcode");
        first = first.n ? first : STR("What is your postcode?");
    }
    if (!args->name.n) {
        jw_cstr(&c->out, NULL, "name");
        first = first.n ? first : STR("What is your name, please?");
    }
    if (!phone.n) {
        jw_cstr(&c->out, NULL, "phone");
        first = first.n ? first : STR("On which number can we reach you?");
    }
    jw_end(&c->out);
    return first;
}

static struct crm_lead lead_of(const struct tool_call *c, const struct qualify_lead_args *args,
                               struct str phone)
{
    struct crm_field *fields = ARENA_ARRAY(c->ctx->arena, struct crm_field, args->fields.n + 1);
    size_t i;

    for (i = 0; i < args->fields.n; i++)
        fields[i] =
            (struct crm_field){ args->fields.items[i].field->name, args->fields.items[i].value };
    return (struct crm_lead){
        .key = phone.n ? phone
                       : arena_printf(c->ctx->arena, "call-" STR_FMT, STR_ARG(c->req->call_sid)),
        .name = args->name,
        .phone = phone,
        .email = args->email,
        .postcode = args->postcode,
        .need = args->need,
        .service = args->service ? args->service->id : STR_EMPTY,
        .fields = fields,
        .n_fields = args->fields.n,
        .call_sid = c->req->call_sid,
        .write_key = arena_printf(c->ctx->arena, STR_FMT ":" STR_FMT, STR_ARG(c->req->call_sid),
                                  STR_ARG(c->req->tool_call_id)),
        .at_us = clock_wall_us(c->ctx->clock),
        .keep_days = c->g->profile->retention.calls_days,
    };
}

static void publish_lead(struct tool_call *c, const struct crm_lead *lead, struct str id)
{
    struct gateway_event e;

    gateway_event_begin(&e, c, EVENT_LEAD_CAPTURED, c->req->tool_call_id);
    jw_str(&e.w, "leadId", id);
    jw_bool(&e.w, "qualified", lead->qualified);
    jw_bool(&e.w, "review", lead->review);
    gateway_event_end(&e, c);
}

static void answer_lead(struct tool_call *c, const struct crm_lead *lead, bool phone_said)
{
    struct callback_wish wish = {
        .reason = STR("special_request"),
        .summary = lead->need,
        .name = lead->name,
        .phone = lead->phone,
        .phone_said = phone_said,
        .event_suffix = "-callback",
    };
    struct buf say = BUF_INIT(SAY_MAX);
    struct err err = ERR_INIT;

    buf_add_c(&say, "Thank you, I have taken that down. ");
    if (callback_queue(c, &wish, &say, &err)) {
        log_error(&c->ctx->log, "lead is kept, callback is not: %s", err.text);
        buf_add_c(&say, "Somebody will look at it and get in touch with you.");
    }
    call_ok(c, buf_str(&say),
            "Nothing is booked and no price is agreed. Ask if there is anything else.");
    buf_release(&say);
}

void tool_qualify_lead(struct tool_call *c)
{
    const struct qualify_lead_args *args = c->args;
    struct str phone = args->phone.n ? args->phone : c->from, id, question;
    struct crm_lead lead = lead_of(c, args, phone);
    bool outside = args->postcode.n && !area_served(c->g->profile, args->postcode), known = false;
    struct err err = ERR_INIT;

    question = open_questions(c, args, phone);
    lead.qualified = !outside && !question.n;
    lead.review = !outside;
    lead.reason = outside ? STR("outside_area") : question.n ? STR("incomplete") : STR_EMPTY;
    /* Kept at once: the caller may hang up before the last question. */
    if (crm_save(c->g->crm, c->ctx, &lead, &id, &known, &err)) {
        call_provider_down(c, "system", &err);
        return;
    }
    publish_lead(c, &lead, id);
    jw_bool(&c->out, "qualified", lead.qualified);
    jw_bool(&c->out, "knownContact", known);
    if (outside)
        call_ok(c, STR("I am sorry, we do not serve that area."),
                "Say so politely. Promise nothing. Ask if there is anything else.");
    else if (question.n)
        call_ok(c, question,
                "Ask what is missing, one question at a time, then call qualifyLead again with all "
                "answers. If the caller does not want to say, go on without.");
    else
        answer_lead(c, &lead, args->phone.n && !str_eq(args->phone, c->from));
}

/* --- logCallOutcome ---------------------------------------------------------------------------------- */

static bool claims_booking(const struct log_call_outcome_args *args)
{
    return str_eq_c(str_c(args->outcome->name), "booked");
}

/* An outcome is what happened, not what was meant to. */
static enum errc has_booking(struct tool_call *c, bool *ret, struct err *err)
{
    struct fs_doc doc;
    enum errc rc = firestore_get(c->g->google, c->ctx, policy_path(c->ctx->arena, c->req->call_sid),
                                 &doc, err);

    *ret = !rc && policy_read(doc.fields).booked;
    return rc;
}

static void answer_end(struct tool_call *c, const char *outcome)
{
    c->control.end_call = true;
    c->control.outcome = str_c(outcome);
    call_ok(c,
            arena_printf(c->ctx->arena, "Thank you for calling " STR_FMT ". Goodbye.",
                         STR_ARG(c->g->profile->name)),
            "Say one short goodbye and nothing more.");
}

void tool_log_call_outcome(struct tool_call *c)
{
    const struct log_call_outcome_args *args = c->args;
    struct str before = STR_EMPTY;
    struct err err = ERR_INIT;
    bool booked = true;
    enum errc rc = claims_booking(args) ? has_booking(c, &booked, &err) : ERR_OK;

    if (!rc && !booked) {
        call_refuse(c, "not_booked", STR("One moment, please."),
                    "Nothing is booked in this call. Book first, or log another outcome.");
        return;
    }
    if (!rc)
        rc = booking_close(&c->g->booking, c->ctx, c->req->call_sid, str_c(args->outcome->name),
                           str_eq_c(str_c(args->outcome->name), "transferred"), &before, &err);
    if (rc == ERR_CONFLICT) {
        c->control.end_call = true;
        c->control.outcome = before;
        call_refuse(c, "closed_before", STR("Goodbye."),
                    "The outcome is logged already. Say goodbye.");
        return;
    }
    /* The call must end even if that cannot be noted. */
    if (rc)
        log_error(&c->ctx->log, "call not closed: %s", err.text);
    answer_end(c, args->outcome->name);
}
