#include "concierge/tool.h"

#include "base/buf.h"
#include "concierge/end_reason.h"
#include "concierge/phone.h"

#define ARG(type, member) offsetof(struct type, member)

static const char human_reasons[] = "caller_asked|emergency|complaint|legal|billing|not_understood|"
                                    "no_slot|special_request|other";

static const struct tool_param find_availability_params[] = {
    { "service", TOOL_SERVICE, ARG(find_availability_args, service), true,
      "Which service the caller wants.", NULL },
    { "dateFrom", TOOL_DATE, ARG(find_availability_args, date_from), false,
      "First day to look at. Leave out for the earliest possible.", NULL },
    { "dateTo", TOOL_DATE, ARG(find_availability_args, date_to), false,
      "Last day to look at. Leave out when the caller named one day.", NULL },
    { "time", TOOL_TIME, ARG(find_availability_args, time_min), false,
      "Exact time of day that the caller asked for, in the business's own time. Leave out when no "
      "exact time "
      "was named.",
      NULL },
    { "partOfDay", TOOL_CHOICE, ARG(find_availability_args, part_of_day), false,
      "Part of the day that the caller asked for.", "morning|afternoon|evening" },
    { "staff", TOOL_STAFF, ARG(find_availability_args, staff), false,
      "Only when the caller asked for this person.", NULL },
};

static const struct tool_param hold_slot_params[] = {
    { "slotId", TOOL_STR, ARG(hold_slot_args, slot_id), true,
      "The slotId from findAvailability, copied exactly.", NULL },
    { "name", TOOL_STR, ARG(hold_slot_args, name), false,
      "The caller's name, if it is known already: it is read back.", NULL },
};

static const struct tool_param book_appointment_params[] = {
    { "slotId", TOOL_STR, ARG(book_appointment_args, slot_id), true,
      "The slotId that is being held.", NULL },
    { "confirmationId", TOOL_STR, ARG(book_appointment_args, confirmation_id), true,
      "The confirmationId from holdSlot.", NULL },
    { "name", TOOL_STR, ARG(book_appointment_args, name), true, "The caller's full name, as spelt.",
      NULL },
    { "phone", TOOL_PHONE, ARG(book_appointment_args, phone), false,
      "A number to reach the caller. Leave out to use the number they call from.", NULL },
    { "confirmed", TOOL_BOOL, ARG(book_appointment_args, confirmed), true,
      "True only when the caller said yes after hearing weekday, date, time and service read back.",
      NULL },
    { "notes", TOOL_STR, ARG(book_appointment_args, notes), false, "What the staff should know.",
      NULL },
};

static const struct tool_param qualify_lead_params[] = {
    { "need", TOOL_STR, ARG(qualify_lead_args, need), true,
      "What the caller wants, in their words.", NULL },
    { "name", TOOL_STR, ARG(qualify_lead_args, name), false, "The caller's full name.", NULL },
    { "phone", TOOL_PHONE, ARG(qualify_lead_args, phone), false,
      "A number to reach the caller. Leave out to use the number they call from.", NULL },
    { "email", TOOL_STR, ARG(qualify_lead_args, email), false, "E-mail address, if given.", NULL },
    { "postcode", TOOL_STR, ARG(qualify_lead_args, postcode), false, "Postcode, if given.", NULL },
    { "service", TOOL_SERVICE, ARG(qualify_lead_args, service), false, "The service it is about.",
      NULL },
    { "fields", TOOL_FIELDS, ARG(qualify_lead_args, fields), false,
      "Answers to the business's questions. Leave out what the caller did not say; never guess.",
      NULL },
};

static const struct tool_param human_params[] = {
    { "reason", TOOL_CHOICE, ARG(human_args, reason), true, "Why.", human_reasons },
    { "summary", TOOL_STR, ARG(human_args, summary), true,
      "One or two sentences for the person who takes over.", NULL },
    { "name", TOOL_STR, ARG(human_args, name), false, "The caller's name, if known.", NULL },
    { "phone", TOOL_PHONE, ARG(human_args, phone), false,
      "A number to call back. Leave out to use the number they call from.", NULL },
    { "window", TOOL_STR, ARG(human_args, window), false,
      "When the caller wants to be called back, in their words.", NULL },
};

static const struct tool_param log_call_outcome_params[] = {
    { "outcome", TOOL_OUTCOME, ARG(log_call_outcome_args, outcome), true, "How the call came out.",
      NULL },
    { "summary", TOOL_STR, ARG(log_call_outcome_args, summary), true,
      "One or two sentences on what was wanted and what was done.", NULL },
};

#define PARAMS(table) (table), ARRAY_LEN(table)

static const struct tool tools[TOOLS] = {
    [TOOL_FIND_AVAILABILITY] = { TOOL_FIND_AVAILABILITY, "findAvailability",
                                 "Looks for free times. Only times it returns may be offered. When "
                                 "the exact time is not free it "
                                 "says so and gives the nearest ones.",
                                 AUTONOMY_LOOKUP, PARAMS(find_availability_params),
                                 sizeof(struct find_availability_args) },
    [TOOL_HOLD_SLOT] = { TOOL_HOLD_SLOT, "holdSlot",
                         "Holds one free time for this caller for a few minutes. Call it as soon "
                         "as the caller has chosen, "
                         "then read the sentence in say back and wait for a clear yes. Holding "
                         "another time gives the "
                         "first one back.",
                         AUTONOMY_BOOK, PARAMS(hold_slot_params), sizeof(struct hold_slot_args) },
    [TOOL_BOOK_APPOINTMENT] = { TOOL_BOOK_APPOINTMENT, "bookAppointment",
                                "Books the held time. Only after holdSlot, the read-back, and the "
                                "caller's yes to it.",
                                AUTONOMY_BOOK, PARAMS(book_appointment_params),
                                sizeof(struct book_appointment_args) },
    [TOOL_QUALIFY_LEAD] = { TOOL_QUALIFY_LEAD, "qualifyLead",
                            "Takes down somebody who wants what cannot be booked on the phone, "
                            "with the business's questions "
                            "answered.",
                            AUTONOMY_CAPTURE, PARAMS(qualify_lead_params),
                            sizeof(struct qualify_lead_args) },
    [TOOL_TRANSFER_TO_HUMAN] = { TOOL_TRANSFER_TO_HUMAN, "transferToHuman",
                                 "Hands the caller to a person. In opening hours the call is "
                                 "connected; otherwise a callback is "
                                 "arranged. Speak what say says.",
                                 AUTONOMY_CAPTURE, PARAMS(human_params),
                                 sizeof(struct human_args) },
    [TOOL_REQUEST_CALLBACK] = { TOOL_REQUEST_CALLBACK, "requestCallback",
                                "Arranges that somebody calls back. Speak what say says.",
                                AUTONOMY_CAPTURE, PARAMS(human_params), sizeof(struct human_args) },
    [TOOL_LOG_CALL_OUTCOME] = { TOOL_LOG_CALL_OUTCOME, "logCallOutcome",
                                "Ends the call. Exactly once, when everything is settled and the "
                                "caller wants nothing more; say "
                                "goodbye afterwards.",
                                AUTONOMY_CAPTURE, PARAMS(log_call_outcome_params),
                                sizeof(struct log_call_outcome_args) },
};

const struct tool *tool_find(struct str name)
{
    size_t i;

    for (i = 0; i < TOOLS; i++) {
        if (str_eq_c(name, tools[i].name))
            return &tools[i];
    }
    return NULL;
}

const struct tool *tool_by_id(enum tool_id id)
{
    return &tools[id];
}

bool tool_offered(const struct tool *t, const struct profile *p)
{
    return p->autonomy >= t->autonomy;
}

/* --- schema ----------------------------------------------------------------------------------- */

static void write_words(struct jw *w, const char *words)
{
    struct str rest = str_c(words), word;

    jw_arr(w, "enum");
    while (rest.n) {
        (void)str_cut(rest, '|', &word, &rest); /* the last word stands before no bar */
        jw_str(w, NULL, word);
    }
    jw_end(w);
}

static void write_services(struct jw *w, const struct profile *p, bool bookable_only)
{
    size_t i;

    jw_arr(w, "enum");
    for (i = 0; i < p->n_services; i++) {
        if (p->services[i].bookable || !bookable_only)
            jw_str(w, NULL, p->services[i].id);
    }
    jw_end(w);
}

static void write_staff(struct jw *w, const struct profile *p)
{
    size_t i;

    jw_arr(w, "enum");
    for (i = 0; i < p->n_staff; i++)
        jw_str(w, NULL, p->staff[i].id);
    jw_end(w);
}

static void write_outcomes(struct jw *w)
{
    const struct call_outcome *o;
    size_t i, n;

    o = call_outcomes(&n);
    jw_arr(w, "enum");
    for (i = 0; i < n; i++) {
        if (o[i].by_model)
            jw_cstr(w, NULL, o[i].name);
    }
    jw_end(w);
}

static void write_field(struct jw *w, const struct profile_field *f)
{
    static const char *const types[] = { "string", "number", "boolean", "string" };
    size_t i;

    jw_key_obj(w, f->name);
    jw_cstr(w, "type", types[f->kind]);
    jw_str(w, "description", f->question);
    if (f->kind == FIELD_CHOICE) {
        jw_arr(w, "enum");
        for (i = 0; i < f->n_choices; i++)
            jw_str(w, NULL, f->choices[i]);
        jw_end(w);
    }
    jw_end(w);
}

static void write_fields(struct jw *w, const struct profile *p)
{
    size_t i;

    jw_obj(w, "properties");
    for (i = 0; i < p->qualification.n_fields; i++)
        write_field(w, &p->qualification.fields[i]);
    jw_end(w);
    jw_bool(w, "additionalProperties", false);
}

static void write_param(struct jw *w, const struct tool *t, const struct tool_param *q,
                        const struct profile *p)
{
    static const char *const types[] = {
        [TOOL_STR] = "string",     [TOOL_BOOL] = "boolean", [TOOL_CHOICE] = "string",
        [TOOL_DATE] = "string",    [TOOL_TIME] = "string",  [TOOL_PHONE] = "string",
        [TOOL_SERVICE] = "string", [TOOL_STAFF] = "string", [TOOL_OUTCOME] = "string",
        [TOOL_FIELDS] = "object",
    };

    jw_obj(w, q->name);
    jw_cstr(w, "type", types[q->kind]);
    if (q->kind == TOOL_DATE)
        jw_strf(w, "description", "%s YYYY-MM-DD.", q->description);
    else if (q->kind == TOOL_TIME)
        jw_strf(w, "description", "%s HH:MM, 24 hours.", q->description);
    else
        jw_cstr(w, "description", q->description);
    if (q->kind == TOOL_CHOICE)
        write_words(w, q->allowed);
    else if (q->kind == TOOL_SERVICE)
        write_services(w, p, t->id == TOOL_FIND_AVAILABILITY);
    else if (q->kind == TOOL_STAFF)
        write_staff(w, p);
    else if (q->kind == TOOL_OUTCOME)
        write_outcomes(w);
    else if (q->kind == TOOL_FIELDS)
        write_fields(w, p);
    jw_end(w);
}

/* A list of nothing to choose from is no valid schema. */
static bool param_offered(const struct tool_param *q, const struct profile *p)
{
    return !(q->kind == TOOL_STAFF && p->n_staff == 0) &&
           !(q->kind == TOOL_FIELDS && p->qualification.n_fields == 0);
}

void tool_schema_write(struct jw *w, const struct tool *t, const struct profile *p)
{
    size_t i;

    jw_obj(w, NULL);
    jw_cstr(w, "type", "function");
    jw_cstr(w, "name", t->name);
    jw_cstr(w, "description", t->description);
    jw_obj(w, "parameters");
    jw_cstr(w, "type", "object");
    jw_obj(w, "properties");
    for (i = 0; i < t->n_params; i++) {
        if (param_offered(&t->params[i], p))
            write_param(w, t, &t->params[i], p);
    }
    jw_end(w);
    jw_arr(w, "required");
    for (i = 0; i < t->n_params; i++) {
        if (t->params[i].required)
            jw_cstr(w, NULL, t->params[i].name);
    }
    jw_end(w);
    jw_bool(w, "additionalProperties", false);
    jw_end(w);
    jw_end(w);
}

struct str tools_schema(struct arena *a, const struct profile *p)
{
    struct jw w;
    size_t i;

    jw_init(&w);
    jw_arr(&w, NULL);
    for (i = 0; i < TOOLS; i++) {
        if (tool_offered(&tools[i], p))
            tool_schema_write(&w, &tools[i], p);
    }
    jw_end(&w);
    return jw_finish(&w, a);
}

/* --- arguments -------------------------------------------------------------------------------- */

struct decoder {
    const struct profile *p;
    struct arena *a;
    struct err *err;
};

static enum errc wrong(struct decoder *d, const struct tool_param *q, struct str given,
                       const char *want)
{
    return err_set(d->err, ERR_INVALID, "%s: \"" STR_FMT "\" is not %s", q->name,
                   STR_ARG(str_slice(given, 0, 80)), want);
}

static bool word_in(struct str word, const char *words)
{
    struct str rest = str_c(words), one;

    while (rest.n) {
        (void)str_cut(rest, '|', &one, &rest); /* the last word stands before no bar */
        if (str_eq(one, word))
            return true;
    }
    return false;
}

static enum errc decode_bool(struct decoder *d, const struct tool_param *q, const struct jval *v,
                             struct str s, bool *out)
{
    if (json_is_bool(v))
        *out = json_bool_or(v, false);
    else if (str_ieq_c(s, "true"))
        *out = true;
    else if (str_ieq_c(s, "false"))
        *out = false;
    else
        return wrong(d, q, s, "true or false");
    return ERR_OK;
}

static enum errc decode_service(struct decoder *d, const struct tool_param *q, struct str s,
                                const struct profile_service **out)
{
    struct buf all = BUF_INIT(ERR_TEXT_MAX);
    enum errc rc = ERR_OK;
    size_t i;

    *out = profile_service_find(d->p, s);
    for (i = 0; !*out && i < d->p->n_services; i++)
        buf_addf(&all, "%s" STR_FMT, i ? ", " : "", STR_ARG(d->p->services[i].id));
    if (!*out)
        rc = err_set(d->err, ERR_INVALID, "%s: there is no service \"" STR_FMT "\"; there are %s",
                     q->name, STR_ARG(str_slice(s, 0, 60)), buf_cstr(&all));
    buf_release(&all);
    return rc;
}

static enum errc decode_staff(struct decoder *d, const struct tool_param *q, struct str s,
                              const struct profile_staff **out)
{
    *out = profile_staff_find(d->p, s);
    return *out ? ERR_OK : wrong(d, q, s, "anybody who works here");
}

static enum errc decode_outcome(struct decoder *d, const struct tool_param *q, struct str s,
                                const struct call_outcome **out)
{
    const struct call_outcome *o = call_outcome_find(s);

    if (!o || !o->by_model)
        return wrong(d, q, s, "an outcome");
    *out = o;
    return ERR_OK;
}

static struct str value_text(struct decoder *d, const struct jval *v)
{
    if (json_is_str(v))
        return str_trim(json_str(v));
    return json_is_num(v) || json_is_bool(v) ? json_val_text(d->a, v) : STR_EMPTY;
}

static enum errc check_field(struct decoder *d, const struct profile_field *f, struct str value)
{
    size_t i;

    if (value.n > TOOL_TEXT_MAX)
        return err_set(d->err, ERR_INVALID, "fields." STR_FMT " is too long", STR_ARG(f->name));
    if (f->kind != FIELD_CHOICE)
        return ERR_OK;
    for (i = 0; i < f->n_choices; i++) {
        if (str_ieq(f->choices[i], value))
            return ERR_OK;
    }
    return err_set(d->err, ERR_INVALID,
                   "fields." STR_FMT ": \"" STR_FMT "\" is not one of the choices",
                   STR_ARG(f->name), STR_ARG(str_slice(value, 0, 60)));
}

static enum errc decode_fields(struct decoder *d, const struct jval *v, struct tool_fields *out)
{
    size_t i, n = d->p->qualification.n_fields;
    struct tool_field_value *items = ARENA_ARRAY(d->a, struct tool_field_value, n + 1);
    enum errc rc;

    out->items = items;
    out->n = 0;
    for (i = 0; i < n; i++) {
        const struct profile_field *f = &d->p->qualification.fields[i];
        struct str value = value_text(d, json_get_str(v, f->name));

        if (!value.n)
            continue;
        rc = check_field(d, f, value);
        if (rc)
            return rc;
        items[out->n++] = (struct tool_field_value){ f, arena_str(d->a, value) };
    }
    return ERR_OK;
}

static enum errc decode_param(struct decoder *d, const struct tool_param *q, const struct jval *v,
                              void *out)
{
    struct str s = value_text(d, v);

    if (q->kind == TOOL_FIELDS)
        return decode_fields(d, v, out);
    if (s.n > TOOL_TEXT_MAX)
        return err_set(d->err, ERR_INVALID, "%s is longer than %d bytes", q->name, TOOL_TEXT_MAX);
    switch (q->kind) {
    case TOOL_STR:
        *(struct str *)out = arena_str(d->a, s);
        return ERR_OK;
    case TOOL_BOOL:
        return decode_bool(d, q, v, s, out);
    case TOOL_CHOICE:
        *(struct str *)out = arena_str(d->a, s);
        return word_in(s, q->allowed) ? ERR_OK : wrong(d, q, s, q->allowed);
    case TOOL_DATE:
        return date_parse(s, out) ? wrong(d, q, s, "a date like 2026-11-26") : ERR_OK;
    case TOOL_TIME:
        return minute_parse(s, out) ? wrong(d, q, s, "a time like 14:30") : ERR_OK;
    case TOOL_PHONE:
        return phone_normalise(out, d->a, s, d->p->phone)
                   ? wrong(d, q, s, "a complete phone number; ask for it with area code")
                   : ERR_OK;
    case TOOL_SERVICE:
        return decode_service(d, q, s, out);
    case TOOL_STAFF:
        return decode_staff(d, q, s, out);
    case TOOL_OUTCOME:
        return decode_outcome(d, q, s, out);
    case TOOL_FIELDS:
        break;
    }
    return err_set(d->err, ERR_INTERNAL, "no such kind of argument");
}

static bool given(struct decoder *d, const struct tool_param *q, const struct jval *v)
{
    if (json_is_null(v))
        return false;
    return q->kind == TOOL_FIELDS ? json_is_obj(v) : value_text(d, v).n > 0;
}

enum errc tool_decode(const struct tool *t, const struct profile *p, struct arena *a,
                      const struct jval *args, void *out, struct err *err)
{
    struct decoder d = { p, a, err };
    enum errc rc;
    size_t i;

    for (i = 0; i < t->n_params; i++) {
        const struct tool_param *q = &t->params[i];
        const struct jval *v = json_get(args, q->name);
        void *member = (char *)out + q->offset;

        if (q->kind == TOOL_TIME)
            *(int *)member = -1;
        if (!given(&d, q, v)) {
            if (q->required)
                return err_set(err, ERR_INVALID, "%s is missing", q->name);
            continue;
        }
        rc = decode_param(&d, q, v, member);
        if (rc)
            return rc;
    }
    return ERR_OK;
}
