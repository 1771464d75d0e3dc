/* The receptionist's tool calls, with arguments as the schemas ask for them. */
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "local_cloud/engine/reception_internal.h"

static void call_begin(struct jw *w)
{
    jw_init(w);
    jw_obj(w, NULL);
}

static void call_end(struct receptionist *r, struct jw *w, const char *name)
{
    struct reception_call *c;

    jw_end(w);
    if (r->reply->n_calls == RECEPTION_CALLS_MAX) {
        jw_release(w);
        return;
    }
    c = &r->reply->calls[r->reply->n_calls++];
    c->name = arena_str(r->reply_arena, str_c(name));
    c->arguments = jw_finish(w, r->reply_arena);
}

static void jw_if(struct jw *w, const char *key, const char *value)
{
    if (value[0])
        jw_cstr(w, key, value);
}

static void jw_day(struct jw *w, const char *key, int day)
{
    int y, m, d;

    day_to_civil(day, &y, &m, &d);
    jw_strf(w, key, "%04d-%02d-%02d", y, m, d);
}

static struct str service_id(const struct receptionist *r)
{
    const struct fact_service *s = r->talk.service < 0 ? NULL : &r->facts.services[r->talk.service];

    if (!s)
        return STR_EMPTY;
    return s->id.n ? s->id : s->name;
}

static const char *first_known(const struct receptionist *r, const char *const *names, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (reception_tool(r, names[i]))
            return names[i];
    }
    return NULL;
}

void reception_summary_write(const struct receptionist *r, struct buf *out)
{
    const struct talk *t = &r->talk;

    if (t->service >= 0)
        buf_addf(out, "The caller asked about: " STR_FMT ".",
                 STR_ARG(r->facts.services[t->service].name));
    else if (t->need[0])
        buf_addf(out, "The caller wants: %s.", t->need);
    else
        buf_add_c(out, "The caller had a request.");
    if (t->booked)
        buf_add_c(out, " An appointment was booked.");
    if (t->lead_taken)
        buf_add_c(out, " The details were taken down.");
    if (t->called_back)
        buf_add_c(out, " A callback was arranged.");
    if (t->no_slot)
        buf_add_c(out, " No time suited the caller.");
}

static void call_human(struct receptionist *r, const char *tool, const char *reason)
{
    struct buf summary = BUF_INIT(TEXT_MAX);
    struct talk *t = &r->talk;
    struct jw w;

    reception_summary_write(r, &summary);
    call_begin(&w);
    jw_cstr(&w, "reason", reason);
    jw_str(&w, "summary", buf_str(&summary));
    jw_if(&w, "name", t->name);
    jw_if(&w, "phone", t->phone);
    jw_if(&w, "window", t->window);
    call_end(r, &w, tool);
    buf_release(&summary);
}

void reception_to_human(struct receptionist *r, const char *reason)
{
    if (!r->may_call || !reception_tool(r, "transferToHuman")) {
        reception_say(r, "I am sorry, I cannot connect you to a person right now.");
        reception_ask(r, ST_MORE);
        return;
    }
    call_human(r, "transferToHuman", reason);
}

void reception_request_callback(struct receptionist *r)
{
    static const char *const tools[] = { "requestCallback", "transferToHuman" };
    const char *tool = first_known(r, tools, ARRAY_LEN(tools));

    if (!r->may_call || !tool) {
        reception_say(r, "I am sorry, I cannot arrange a callback.");
        reception_ask(r, ST_MORE);
        return;
    }
    call_human(r, tool, r->talk.reason[0] ? r->talk.reason : "other");
}

static void wish_write(const struct wish *wish, struct jw *w)
{
    static const char *const parts[] = { "", "morning", "afternoon", "evening" };

    if (wish->from_day) {
        jw_day(w, "dateFrom", wish->from_day);
        if (wish->to_day != wish->from_day)
            jw_day(w, "dateTo", wish->to_day);
    }
    if (wish->minute >= 0)
        jw_strf(w, "time", "%02d:%02d", wish->minute / 60, wish->minute % 60);
    else
        jw_if(w, "partOfDay", parts[wish->part]);
}

void reception_find_times(struct receptionist *r)
{
    struct jw w;

    if (!r->may_call || !reception_tool(r, "findAvailability")) {
        reception_say(r,
                      "I cannot see the calendar, but somebody can call you back to arrange it.");
        r->talk.errand = ERRAND_CALLBACK;
        reception_ask(r, ST_CALLBACK);
        return;
    }
    call_begin(&w);
    jw_str(&w, "service", service_id(r));
    wish_write(&r->talk.wish, &w);
    call_end(r, &w, "findAvailability");
}

void reception_hold(struct receptionist *r)
{
    struct jw w;

    if (!reception_tool(r, "holdSlot")) {
        (void)str_copy(r->talk.reason, sizeof(r->talk.reason),
                       STR("special_request")); /* it fits */
        reception_say(r, "I cannot book that myself, but somebody will confirm it.");
        r->talk.errand = ERRAND_CALLBACK;
        reception_ask(r, ST_WINDOW);
        return;
    }
    call_begin(&w);
    jw_cstr(&w, "slotId", r->talk.chosen);
    jw_if(&w, "name", r->talk.name);
    call_end(r, &w, "holdSlot");
}

void reception_book(struct receptionist *r)
{
    struct jw w;

    call_begin(&w);
    jw_cstr(&w, "slotId", r->talk.chosen);
    jw_cstr(&w, "confirmationId", r->talk.confirmation);
    jw_cstr(&w, "name", r->talk.name);
    jw_if(&w, "phone", r->talk.phone);
    jw_bool(&w, "confirmed", true);
    call_end(r, &w, "bookAppointment");
}

static bool choice_of(const struct jval *schema, const char *word)
{
    const struct jval *list = json_get(schema, "enum");
    size_t i;

    for (i = 0; i < json_len(list); i++) {
        if (str_ieq_c(json_str(json_at(list, i)), word))
            return true;
    }
    return false;
}

/* The first outcome of what happened that the schema knows. */
static const char *outcome_of(const struct receptionist *r)
{
    const struct jval *schema =
        json_path(reception_tool(r, "logCallOutcome"), "parameters.properties.outcome");
    const struct talk *t = &r->talk;
    const struct {
        bool happened;
        const char *word;
    } outcomes[] = {
        { t->booked, "booked" },
        { t->emergency, "emergency" },
        { t->transferred, "transferred" },
        { t->unqualified, "unqualified" },
        { t->lead_taken, "lead" },
        { t->no_slot, "no_slot" },
        { t->called_back, "callback" },
        { t->answered, "answered" },
        { true, "declined" },
        { true, "other" },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(outcomes); i++) {
        if (outcomes[i].happened &&
            (!json_get(schema, "enum") || choice_of(schema, outcomes[i].word)))
            return outcomes[i].word;
    }
    return "other";
}

void reception_farewell(struct receptionist *r)
{
    reception_say(r, r->talk.booked ? "Thank you for calling, and see you then. Goodbye."
                                    : "Thank you for calling. Goodbye.");
    r->talk.stage = ST_OVER;
}

void reception_finish(struct receptionist *r)
{
    struct buf summary = BUF_INIT(TEXT_MAX);
    struct jw w;

    if (r->talk.logging || r->talk.logged || !r->may_call || !reception_tool(r, "logCallOutcome")) {
        reception_farewell(r);
        return;
    }
    r->talk.logging = true;
    reception_summary_write(r, &summary);
    call_begin(&w);
    jw_cstr(&w, "outcome", outcome_of(r));
    jw_str(&w, "summary", buf_str(&summary));
    call_end(r, &w, "logCallOutcome");
    buf_release(&summary);
}

static const struct jval *lead_schema(const struct receptionist *r, struct str field)
{
    const struct jval *properties =
        json_path(reception_tool(r, "qualifyLead"), "parameters.properties");
    const struct jval *v = json_get_str(json_path(properties, "fields.properties"), field);

    return v ? v : json_get_str(properties, field);
}

/* The choice that the answer is most like; empty: none. */
static struct str choice_like(const struct jval *list, struct str answer)
{
    struct str best = STR_EMPTY;
    double most = 0;
    size_t i;

    for (i = 0; i < json_len(list); i++) {
        struct str choice = json_str(json_at(list, i));
        double like = understand_names(answer, choice) ? 2 : understand_likeness(answer, choice);

        if (like > most) {
            most = like;
            best = choice;
        }
    }
    return best;
}

/* An answer in the form that the schema asks for; one that does not fit it is left out. */
static void answer_write(struct jw *w, const char *field, const struct jval *schema,
                         const char *answer)
{
    struct str type = json_str(json_get(schema, "type"));
    struct meaning m;
    long number;

    understand(&m, str_c(answer), 1, false);
    if (str_eq_c(type, "number") || str_eq_c(type, "integer")) {
        if (understand_number(str_c(answer), &number))
            jw_i64(w, field, number);
    } else if (str_eq_c(type, "boolean")) {
        if (m.yes != m.no)
            jw_bool(w, field, m.yes);
    } else if (json_get(schema, "enum")) {
        struct str choice = choice_like(json_get(schema, "enum"), str_c(answer));

        if (choice.n)
            jw_str(w, field, choice);
    } else {
        jw_cstr(w, field, answer);
    }
}

static void lead_fields_write(struct receptionist *r, struct jw *w)
{
    char name[TOOL_NAME_MAX];
    size_t i;

    jw_obj(w, "fields");
    for (i = 0; i < r->facts.n_questions && i < LEAD_QUESTIONS_MAX; i++) {
        const struct fact_question *q = &r->facts.questions[i];

        if (r->talk.answers[i][0] && !str_eq_c(q->name, "postcode") &&
            str_copy(name, sizeof(name), q->name))
            answer_write(w, name, lead_schema(r, q->name), r->talk.answers[i]);
    }
    jw_end(w);
}

void reception_qualify(struct receptionist *r)
{
    struct talk *t = &r->talk;
    struct jw w;

    if (!r->may_call || !reception_tool(r, "qualifyLead")) {
        reception_request_callback(r);
        return;
    }
    call_begin(&w);
    jw_cstr(&w, "need", t->need[0] ? t->need : "an offer");
    jw_if(&w, "name", t->name);
    jw_if(&w, "phone", t->phone);
    jw_if(&w, "postcode", t->postcode);
    if (service_id(r).n)
        jw_str(&w, "service", service_id(r));
    if (r->facts.n_questions)
        lead_fields_write(r, &w);
    call_end(r, &w, "qualifyLead");
}
