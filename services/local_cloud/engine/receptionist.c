#include "local_cloud/engine/receptionist.h"

#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/mem.h"
#include "local_cloud/engine/facts.h"
#include "local_cloud/engine/understand.h"

enum {
    OFFERS_MAX = 8,
    SLOT_ID_MAX = 600,
    TEXT_MAX = 1200,
    ANSWER_MAX = 160,
    TOOL_NAME_MAX = 40,
    CALLS_REMEMBERED = 8,
    LEAD_QUESTIONS_MAX = 12,
    LEAD_REPEATS_MAX = 3, /* what the caller will not say is left out */
    MISSES_MAX = 2,       /* misunderstandings before a person is called */
    REFUSALS_MAX = 2,     /* of everything offered, before a callback is offered */
    SECONDS_OF_DAY = 86400,
    TOPICS_MAX = 16 * 1024,
};
/* What the receptionist waits for. */
enum stage {
    ST_REQUEST,  /* what can I do for you? */
    ST_SERVICE,  /* which service? */
    ST_WHEN,     /* which day or time? */
    ST_OFFER,    /* one of these? */
    ST_NAME,     /* your name? */
    ST_CHECK,    /* read back: is that right? */
    ST_CHANGE,   /* it is not right: what is? */
    ST_MORE,     /* anything else? */
    ST_CALLBACK, /* shall somebody call you back? */
    ST_PHONE,    /* on which number? */
    ST_WINDOW,   /* when? */
    ST_AGREED,   /* the callback as it was arranged: is that all right? */
    ST_LEAD,     /* the business's questions, one by one */
    ST_OVER,     /* goodbye was said */
    STAGES,
};

static const struct {
    enum hearing hearing;
    const char *question;
} stages[STAGES] = {
    [ST_REQUEST] = { HEAR_REQUEST, "How can I help you?" },
    [ST_SERVICE] = { HEAR_REQUEST, "Which service would you like?" },
    [ST_WHEN] = { HEAR_WHEN, "Which day and time would suit you?" },
    [ST_OFFER] = { HEAR_WHEN, "Which of these times would you like?" },
    [ST_NAME] = { HEAR_NAME, "May I have your name, please?" },
    [ST_CHECK] = { HEAR_YES_NO, "Is that right?" },
    [ST_CHANGE] = { HEAR_ANYTHING, "What should be different?" },
    [ST_MORE] = { HEAR_MORE, "Is there anything else I can do for you?" },
    [ST_CALLBACK] = { HEAR_YES_NO, "Shall somebody call you back?" },
    [ST_PHONE] = { HEAR_PHONE, "On which number can we reach you?" },
    [ST_WINDOW] = { HEAR_DETAILS, "When is a good time to call you?" },
    [ST_AGREED] = { HEAR_YES_NO, "Is that all right?" },
    [ST_LEAD] = { HEAR_DETAILS, "" },
    [ST_OVER] = { HEAR_ANYTHING, "" },
};

enum errand { ERRAND_NONE, ERRAND_BOOK, ERRAND_CALLBACK, ERRAND_LEAD };

struct offer {
    char slot_id[SLOT_ID_MAX];
    int day, minute;
};

/* All that changes in a talk: a plain value, so that a reply nobody heard can be taken back. */
struct talk {
    enum stage stage;
    enum errand errand;
    int service; /* index; -1: not known */
    struct wish wish;
    struct offer offers[OFFERS_MAX];
    size_t n_offers;
    char chosen[SLOT_ID_MAX], confirmation[SLOT_ID_MAX];
    char name[SAID_NAME_MAX + 1], phone[SAID_DIGITS_MAX + 1];
    bool number_settled;        /* the caller's own, or the one in `phone` */
    char reason[TOOL_NAME_MAX]; /* of a callback */
    char window[ANSWER_MAX], need[ANSWER_MAX], postcode[ANSWER_MAX];
    char answers[LEAD_QUESTIONS_MAX][ANSWER_MAX];
    size_t lead_at;
    int lead_repeats;
    char missing[TOOL_NAME_MAX]; /* what qualifyLead still wants */
    char last_say[TEXT_MAX];     /* of the last tool */
    char last_spoken[TEXT_MAX];  /* of our last reply */
    int misses, refusals;
    bool booked, transferred, called_back, lead_taken, answered, emergency, no_slot, unqualified;
    bool logging, logged;
    /* Calls whose output has not come yet. */
    struct {
        char id[TOOL_NAME_MAX], name[TOOL_NAME_MAX];
    } calls[CALLS_REMEMBERED];
    size_t n_calls;
    /* New since the last reply. */
    char words[TEXT_MAX];
    double confidence;
    bool has_words;
    char done_tool[TOOL_NAME_MAX]; /* whose output has come */
    bool done_ok;
};

struct receptionist {
    const struct clock *clock;
    char *instructions;
    struct facts facts; /* views of it */
    struct arena arena; /* of tools */
    const struct jval *tools;
    struct buf topics;
    struct talk talk, marked;
    bool restored; /* from the journal in the instructions */
    bool apologised;
    /* The reply being made. */
    struct reception_reply *reply;
    struct arena *reply_arena;
    struct buf said;
    bool may_call;
};

static void talk_reset(struct talk *t)
{
    memset(t, 0, sizeof(*t));
    t->service = -1;
    t->wish.minute = -1;
}

static void restore(struct receptionist *r);

struct receptionist *receptionist_create(const struct clock *clock)
{
    struct receptionist *r = MEM_NEW(struct receptionist);

    r->clock = clock;
    arena_init(&r->arena);
    buf_init(&r->topics, TOPICS_MAX);
    buf_init(&r->said, TEXT_MAX * 2);
    talk_reset(&r->talk);
    facts_read(&r->facts, STR_EMPTY);
    return r;
}

struct receptionist *receptionist_destroy(struct receptionist *r)
{
    if (!r)
        return NULL;
    arena_release(&r->arena);
    buf_release(&r->topics);
    buf_release(&r->said);
    mem_free(r->instructions);
    mem_free(r);
    return NULL;
}

void receptionist_brief(struct receptionist *r, struct str instructions, const struct jval *tools)
{
    char *copy = mem_str_dup(instructions);
    size_t i;

    mem_free(r->instructions);
    r->instructions = copy;
    facts_read(&r->facts, str_c(copy));
    arena_reset(&r->arena);
    r->tools = NULL;
    if (tools && json_parse_arena(&r->tools, &r->arena, json_val_text(&r->arena, tools), NULL))
        r->tools = NULL; /* its own text cannot be wrong */
    buf_reset(&r->topics);
    for (i = 0; i < r->facts.n_services; i++)
        buf_addf(&r->topics, STR_FMT "\n", STR_ARG(r->facts.services[i].name));
    if (r->facts.n_services)
        buf_add_c(&r->topics, "appointment\n");
    for (i = 0; i < r->facts.n_faq; i++)
        buf_addf(&r->topics, "?" STR_FMT "\n", STR_ARG(r->facts.faq[i].question));
    if (!r->restored && r->facts.journal.n)
        restore(r);
}

enum hearing receptionist_hearing(const struct receptionist *r)
{
    if (r->talk.stage == ST_LEAD && str_eq_c(r->facts.questions[r->talk.lead_at].name, "postcode"))
        return HEAR_PHONE;
    return stages[r->talk.stage].hearing;
}

struct str receptionist_topics(const struct receptionist *r)
{
    return buf_str(&r->topics);
}

void receptionist_mark(struct receptionist *r)
{
    r->marked = r->talk;
}

void receptionist_undo(struct receptionist *r)
{
    r->talk = r->marked;
}

/* Today as the business has it. */
static int today_of(const struct receptionist *r)
{
    return r->facts.today ? r->facts.today : (int)(clock_wall_s(r->clock) / SECONDS_OF_DAY);
}

static const struct jval *tool_named(const struct receptionist *r, const char *name)
{
    size_t i;

    for (i = 0; i < json_len(r->tools); i++) {
        if (str_eq_c(json_str(json_get(json_at(r->tools, i), "name")), name))
            return json_at(r->tools, i);
    }
    return NULL;
}

/* Replies. */

static void say(struct receptionist *r, const char *text)
{
    if (r->said.n > 0 && text[0])
        buf_add_char(&r->said, ' ');
    buf_add_c(&r->said, text);
}

static void say_str(struct receptionist *r, struct str text)
{
    if (r->said.n > 0 && text.n > 0)
        buf_add_char(&r->said, ' ');
    buf_add_str(&r->said, text);
}

static struct str lead_question(const struct receptionist *r)
{
    return r->facts.questions[r->talk.lead_at].question;
}

static void ask(struct receptionist *r, enum stage stage)
{
    r->talk.stage = stage;
    if (stage == ST_LEAD)
        say_str(r, lead_question(r));
    else
        say(r, stages[stage].question);
}

static void say_services(struct receptionist *r)
{
    size_t i, n = 0;

    for (i = 0; i < r->facts.n_services; i++) {
        if (!r->facts.services[i].bookable)
            continue;
        buf_addf(&r->said, "%s" STR_FMT,
                 n++         ? ", or "
                 : r->said.n ? " We have "
                             : "We have ",
                 STR_ARG(r->facts.services[i].name));
    }
    if (n)
        buf_add_char(&r->said, '.');
}

/* Calls. */

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
        if (tool_named(r, names[i]))
            return names[i];
    }
    return NULL;
}

static void summary_write(const struct receptionist *r, struct buf *out)
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

    summary_write(r, &summary);
    call_begin(&w);
    jw_cstr(&w, "reason", reason);
    jw_str(&w, "summary", buf_str(&summary));
    jw_if(&w, "name", t->name);
    jw_if(&w, "phone", t->phone);
    jw_if(&w, "window", t->window);
    call_end(r, &w, tool);
    buf_release(&summary);
}

static void to_human(struct receptionist *r, const char *reason)
{
    if (!r->may_call || !tool_named(r, "transferToHuman")) {
        say(r, "I am sorry, I cannot connect you to a person right now.");
        ask(r, ST_MORE);
        return;
    }
    call_human(r, "transferToHuman", reason);
}

static void request_callback(struct receptionist *r)
{
    static const char *const tools[] = { "requestCallback", "transferToHuman" };
    const char *tool = first_known(r, tools, ARRAY_LEN(tools));

    if (!r->may_call || !tool) {
        say(r, "I am sorry, I cannot arrange a callback.");
        ask(r, ST_MORE);
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

static void find_times(struct receptionist *r)
{
    struct jw w;

    if (!r->may_call || !tool_named(r, "findAvailability")) {
        say(r, "I cannot see the calendar, but somebody can call you back to arrange it.");
        r->talk.errand = ERRAND_CALLBACK;
        ask(r, ST_CALLBACK);
        return;
    }
    call_begin(&w);
    jw_str(&w, "service", service_id(r));
    wish_write(&r->talk.wish, &w);
    call_end(r, &w, "findAvailability");
}

static void hold(struct receptionist *r)
{
    struct jw w;

    if (!tool_named(r, "holdSlot")) {
        (void)str_copy(r->talk.reason, sizeof(r->talk.reason),
                       STR("special_request")); /* it fits */
        say(r, "I cannot book that myself, but somebody will confirm it.");
        r->talk.errand = ERRAND_CALLBACK;
        ask(r, ST_WINDOW);
        return;
    }
    call_begin(&w);
    jw_cstr(&w, "slotId", r->talk.chosen);
    jw_if(&w, "name", r->talk.name);
    call_end(r, &w, "holdSlot");
}

static void book(struct receptionist *r)
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
        json_path(tool_named(r, "logCallOutcome"), "parameters.properties.outcome");
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

static void farewell(struct receptionist *r)
{
    say(r, r->talk.booked ? "Thank you for calling, and see you then. Goodbye."
                          : "Thank you for calling. Goodbye.");
    r->talk.stage = ST_OVER;
}

static void finish(struct receptionist *r)
{
    struct buf summary = BUF_INIT(TEXT_MAX);
    struct jw w;

    if (r->talk.logging || r->talk.logged || !r->may_call || !tool_named(r, "logCallOutcome")) {
        farewell(r);
        return;
    }
    r->talk.logging = true;
    summary_write(r, &summary);
    call_begin(&w);
    jw_cstr(&w, "outcome", outcome_of(r));
    jw_str(&w, "summary", buf_str(&summary));
    call_end(r, &w, "logCallOutcome");
    buf_release(&summary);
}

/* Leads. */

static const struct jval *lead_schema(const struct receptionist *r, struct str field)
{
    const struct jval *properties =
        json_path(tool_named(r, "qualifyLead"), "parameters.properties");
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

static void qualify(struct receptionist *r)
{
    struct talk *t = &r->talk;
    struct jw w;

    if (!r->may_call || !tool_named(r, "qualifyLead")) {
        request_callback(r);
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

/* The next question that has no answer; then name and number; then it is written down. */
static void lead_on(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->errand = ERRAND_LEAD;
    while (t->lead_at < r->facts.n_questions && t->lead_at < LEAD_QUESTIONS_MAX) {
        if (!t->answers[t->lead_at][0] && r->facts.questions[t->lead_at].needed) {
            ask(r, ST_LEAD);
            return;
        }
        t->lead_at++;
    }
    if (!t->name[0])
        ask(r, ST_NAME);
    else if (!r->facts.number_known && !t->number_settled)
        ask(r, ST_PHONE);
    else
        qualify(r);
}

static void lead_start(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;
    size_t i;
    long number;

    (void)m;
    if (!t->need[0])
        (void)str_copy(t->need, sizeof(t->need), str_c(t->words)); /* a long one is cut */
    /* How many people it is for is often said at once. */
    for (i = 0; i < r->facts.n_questions && i < LEAD_QUESTIONS_MAX; i++) {
        if (str_eq_c(r->facts.questions[i].name, "people") &&
            understand_number(str_c(t->words), &number))
            (void)str_copy(t->answers[i], sizeof(t->answers[i]),
                           str_c(t->words)); /* a long one is cut */
    }
    say(r, "Somebody will make you an offer for that. I have a few questions first.");
    lead_on(r);
}

static void lead_answer(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;
    const struct fact_question *q = &r->facts.questions[t->lead_at];

    (void)str_copy(t->answers[t->lead_at], ANSWER_MAX, str_c(t->words)); /* a long one is cut */
    if (str_eq_c(q->name, "postcode"))
        (void)str_copy(t->postcode, sizeof(t->postcode), str_c(m->digits)); /* it fits */
    t->lead_at++;
    lead_on(r);
}

/* Callbacks. */

static void callback_on(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->errand = ERRAND_CALLBACK;
    if (!r->facts.number_known && !t->number_settled)
        ask(r, ST_PHONE);
    else
        request_callback(r); /* it proposes a time by itself */
}

static void callback_offer(struct receptionist *r, const char *reason)
{
    (void)str_copy(r->talk.reason, sizeof(r->talk.reason), str_c(reason)); /* ours are short */
    r->talk.errand = ERRAND_CALLBACK;
    ask(r, ST_CALLBACK);
}

/* Booking. */

static size_t services_bookable(const struct receptionist *r, int *last)
{
    size_t i, n = 0;

    for (i = 0; i < r->facts.n_services; i++) {
        if (r->facts.services[i].bookable) {
            *last = (int)i;
            n++;
        }
    }
    return n;
}

/* What is missing is asked for; then free times are looked up. */
static void book_on(struct receptionist *r)
{
    struct talk *t = &r->talk;
    int only = -1;

    t->errand = ERRAND_BOOK;
    if (t->service < 0 && services_bookable(r, &only) == 1)
        t->service = only;
    if (t->service < 0 && r->facts.n_services > 0) {
        say_services(r);
        ask(r, ST_SERVICE);
    } else if (!t->wish.from_day && t->wish.minute < 0 && t->wish.part == PART_ANY &&
               !t->wish.soon) {
        ask(r, ST_WHEN);
    } else {
        find_times(r);
    }
}

/* A new wish stands over the old one where it says something. */
static void wish_merge(struct wish *old, const struct wish *new)
{
    if (new->from_day) {
        old->from_day = new->from_day;
        old->to_day = new->to_day;
    }
    if (new->minute >= 0) {
        old->minute = new->minute;
        old->part = PART_ANY;
    } else if (new->part != PART_ANY) {
        old->part = new->part;
        old->minute = -1;
    }
    if (new->soon && !new->from_day &&new->minute < 0)
        *old = (struct wish){ .minute = -1, .part = new->part, .soon = true };
}

static void choose(struct receptionist *r, const struct offer *o)
{
    struct talk *t = &r->talk;

    memcpy(t->chosen, o->slot_id, sizeof(t->chosen));
    t->wish.from_day = t->wish.to_day = o->day;
    t->wish.minute = o->minute;
    t->refusals = 0;
    if (t->name[0])
        hold(r);
    else
        ask(r, ST_NAME);
}

/* The one offer that the words single out; NULL: none, or several. */
static const struct offer *offer_meant(const struct talk *t, const struct meaning *m)
{
    const struct offer *found = NULL;
    size_t i;

    if (m->choice == -1 && t->n_offers)
        return &t->offers[t->n_offers - 1];
    if (m->choice > 0)
        return (size_t)m->choice <= t->n_offers ? &t->offers[m->choice - 1] : NULL;
    if (!m->has_wish || (!m->wish.from_day && m->wish.minute < 0 && m->wish.part == PART_ANY))
        return (m->yes && !m->no && t->n_offers == 1) || (m->wish.soon && t->n_offers)
                   ? &t->offers[0]
                   : NULL;
    for (i = 0; i < t->n_offers; i++) {
        const struct offer *o = &t->offers[i];
        bool morning = o->minute < 12 * 60;

        if (m->wish.from_day && (o->day < m->wish.from_day || o->day > m->wish.to_day))
            continue;
        if (m->wish.minute >= 0 && o->minute != m->wish.minute)
            continue;
        if (m->wish.minute < 0 && m->wish.part != PART_ANY &&
            morning != (m->wish.part == PART_MORNING))
            continue;
        if (found)
            return m->wish.minute >= 0 || m->wish.from_day ? found : NULL;
        found = o;
    }
    return found;
}

/* Tools' answers. */

static int text_day(struct str s)
{
    int64_t y, m, d;

    if (s.n < 10 || s.p[4] != '-' || s.p[7] != '-' ||
        str_to_i64(str_slice(s, 0, 4), 1970, 2999, &y) ||
        str_to_i64(str_slice(s, 5, 7), 1, 12, &m) || str_to_i64(str_slice(s, 8, 10), 1, 31, &d))
        return 0;
    return day_from_civil((int)y, (int)m, (int)d);
}

static int text_minute(struct str s)
{
    int64_t h, m;

    if (s.n < 5 || s.p[2] != ':' || str_to_i64(str_slice(s, 0, 2), 0, 23, &h) ||
        str_to_i64(str_slice(s, 3, 5), 0, 59, &m))
        return -1;
    return (int)(h * 60 + m);
}

/* Day and time out of whatever members hold them: "2026-11-26T09:00", or one for each. */
static void offer_times(struct offer *o, const struct jval *v)
{
    struct json_iter it = json_iter(v);
    const struct jval *member;
    struct str key;

    o->minute = -1;
    while (json_next(&it, &key, &member)) {
        struct str s = json_str(member);
        int day = text_day(s), minute = text_minute(day && s.n > 11 ? str_from(s, 11) : s);

        if (str_contains(key, STR("nd")) || str_eq_c(key, "slotId") ||
            str_contains(key, STR("Utc")))
            continue; /* end, … */
        if (day && !o->day)
            o->day = day;
        if (minute >= 0 && o->minute < 0)
            o->minute = minute;
    }
}

static void offers_add(struct talk *t, const struct jval *list)
{
    size_t i;

    for (i = 0; i < json_len(list) && t->n_offers < OFFERS_MAX; i++) {
        const struct jval *v = json_at(list, i);
        struct offer *o = &t->offers[t->n_offers];

        *o = (struct offer){ .day = 0 };
        if (!str_copy(o->slot_id, sizeof(o->slot_id), json_str(json_get(v, "slotId"))) ||
            !o->slot_id[0])
            continue;
        offer_times(o, v);
        t->n_offers++;
    }
}

static void offers_read(struct talk *t, const struct jval *output)
{
    struct json_iter it = json_iter(output);
    const struct jval *member;
    struct str key;

    t->n_offers = 0;
    while (json_next(&it, &key, &member)) {
        if (json_is_arr(member))
            offers_add(t, member);
    }
}

static bool output_good(const struct jval *output)
{
    struct str status = json_str(json_get(output, "status"));

    if (json_is_bool(json_get(output, "ok")))
        return json_bool_or(json_get(output, "ok"), true);
    if (!json_is_null(json_get(output, "error")) || !json_is_null(json_get(output, "reason")))
        return false;
    return !str_eq_c(status, "refused") && !str_eq_c(status, "failed");
}

static bool asks(const char *text)
{
    return strchr(text, '?') != NULL;
}

/* Speaks the tool's sentence, and asks what comes next unless it does so itself. */
static void say_and_ask(struct receptionist *r, enum stage stage)
{
    bool asked = asks(r->talk.last_say);

    say(r, r->talk.last_say);
    if (asked)
        r->talk.stage = stage;
    else
        ask(r, stage);
}

static void times_found(struct receptionist *r)
{
    struct talk *t = &r->talk;
    size_t i;

    t->no_slot = t->n_offers == 0;
    for (i = 0; i < t->n_offers; i++) {
        const struct offer *o = &t->offers[i];

        if (t->wish.minute >= 0 && o->minute == t->wish.minute && t->wish.from_day &&
            o->day == t->wish.from_day) {
            choose(r, o);
            return;
        }
    }
    if (t->n_offers) {
        say_and_ask(r, ST_OFFER);
        return;
    }
    say(r, t->last_say);
    if (++t->refusals >= REFUSALS_MAX || t->wish.soon)
        callback_offer(r, "no_slot");
    else if (asks(t->last_say))
        t->stage = ST_WHEN;
    else
        ask(r, ST_WHEN);
    t->wish = (struct wish){ .minute = -1 };
}

static void slot_held(struct receptionist *r)
{
    struct talk *t = &r->talk;

    if (t->done_ok && t->confirmation[0]) {
        say_and_ask(r, ST_CHECK);
        return;
    }
    say_and_ask(r, t->n_offers ? ST_OFFER : ST_WHEN);
}

static void slot_booked(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->booked = t->done_ok;
    t->errand = ERRAND_NONE;
    if (t->booked) {
        t->no_slot = false;
        t->wish = (struct wish){ .minute = -1 }; /* another one is another appointment */
        say_and_ask(r, ST_MORE);
        return;
    }
    t->errand = ERRAND_BOOK;
    say_and_ask(r, t->n_offers ? ST_OFFER : ST_WHEN);
}

static void human_answered(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->errand = ERRAND_NONE;
    if (t->transferred) {
        say(r, t->last_say);
        finish(r); /* the last words are these */
        return;
    }
    if (asks(t->last_say))
        t->errand = ERRAND_CALLBACK;
    say_and_ask(r, !asks(t->last_say) ? ST_MORE : t->done_ok ? ST_AGREED : ST_PHONE);
}

/* Something is missing yet: which of our questions asks for it. */
static void lead_again(struct receptionist *r)
{
    struct talk *t = &r->talk;
    size_t i;

    for (i = 0; i < r->facts.n_questions && i < LEAD_QUESTIONS_MAX; i++) {
        if (str_eq_c(r->facts.questions[i].name, t->missing)) {
            t->lead_at = i;
            t->answers[i][0] = '\0';
            say_and_ask(r, ST_LEAD);
            return;
        }
    }
    say_and_ask(r, strcmp(t->missing, "phone") == 0 ? ST_PHONE : ST_NAME);
}

static void lead_written(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->lead_taken = t->done_ok;
    if (t->missing[0] && t->lead_repeats++ < LEAD_REPEATS_MAX) {
        lead_again(r);
        return;
    }
    t->unqualified = t->unqualified && !t->missing[0];
    t->errand = ERRAND_NONE;
    say_and_ask(r, ST_MORE);
}

static void outcome_logged(struct receptionist *r)
{
    r->talk.logging = false;
    r->talk.logged = r->talk.done_ok;
    if (!r->talk.logged && r->talk.booked) { /* it is not: that outcome was refused */
        r->talk.booked = false;
        finish(r);
        return;
    }
    if (r->talk.transferred) {
        say(r, "One moment, please.");
        r->talk.stage = ST_OVER;
        return;
    }
    farewell(r);
}

static const struct {
    const char *tool;
    void (*answered)(struct receptionist *r);
} answers[] = {
    { "findAvailability", times_found },   { "holdSlot", slot_held },
    { "bookAppointment", slot_booked },    { "transferToHuman", human_answered },
    { "requestCallback", human_answered }, { "qualifyLead", lead_written },
    { "logCallOutcome", outcome_logged },
};

/* What was said and done. */

void receptionist_caller_said(struct receptionist *r, struct str text, double confidence)
{
    struct talk *t = &r->talk;
    size_t n = strlen(t->words);
    struct str words = confidence >= RECOGNIZE_SURE ? text : STR_EMPTY;

    if (n > 0 && words.n > 0 && n + 1 < sizeof(t->words))
        t->words[n++] = ' ';
    (void)str_copy(t->words + n, sizeof(t->words) - n, words); /* a long speech is cut */
    t->confidence = confidence;
    t->has_words = true;
}

void receptionist_tool_called(struct receptionist *r, struct str call_id, struct str name,
                              struct str arguments)
{
    struct talk *t = &r->talk;

    (void)arguments;
    if (t->n_calls == CALLS_REMEMBERED) {
        memmove(&t->calls[0], &t->calls[1], sizeof(t->calls) - sizeof(t->calls[0]));
        t->n_calls--;
    }
    (void)str_copy(t->calls[t->n_calls].id, sizeof(t->calls[0].id), call_id);
    (void)str_copy(t->calls[t->n_calls].name, sizeof(t->calls[0].name),
                   name); /* a cut one is not ours */
    t->n_calls++;
}

static void tool_facts(struct talk *t, const char *tool, const struct jval *output)
{
    struct str say = json_str(json_get(output, "say"));

    (void)str_copy(t->last_say, sizeof(t->last_say), say); /* a long one is cut */
    if (strcmp(tool, "holdSlot") == 0)
        (void)str_copy(t->confirmation, sizeof(t->confirmation),
                       json_str(json_get(output, "confirmationId")));
    if (strcmp(tool, "transferToHuman") == 0)
        t->transferred = t->done_ok && str_contains(say, STR("connecting you"));
    if (strcmp(tool, "requestCallback") == 0 ||
        (strcmp(tool, "transferToHuman") == 0 && !t->transferred))
        t->called_back = t->done_ok;
    if (strcmp(tool, "qualifyLead") == 0) {
        t->unqualified = !json_bool_or(json_get(output, "qualified"), true);
        (void)str_copy(t->missing, sizeof(t->missing), json_str(json_path(output, "missing.0")));
        t->called_back |= !json_is_null(json_get(output, "callbackWindow"));
    }
}

void receptionist_tool_answered(struct receptionist *r, struct str call_id, struct str output)
{
    struct talk *t = &r->talk;
    struct arena scratch = ARENA_INIT;
    const struct jval *v = NULL;
    size_t i;

    for (i = 0; i < t->n_calls && !str_eq_c(call_id, t->calls[i].id); i++)
        ;
    if (i < t->n_calls) {
        if (json_parse_arena(&v, &scratch, output, NULL))
            v = NULL; /* plain words: nothing can be read out of them */
        memcpy(t->done_tool, t->calls[i].name, sizeof(t->done_tool));
        t->done_ok = v && output_good(v);
        if (strcmp(t->done_tool, "findAvailability") == 0 ||
            strcmp(t->done_tool, "holdSlot") == 0 || strcmp(t->done_tool, "bookAppointment") == 0)
            offers_read(t, v);
        tool_facts(t, t->done_tool, v);
        memmove(&t->calls[i], &t->calls[i + 1], (t->n_calls - i - 1) * sizeof(t->calls[0]));
        t->n_calls--;
    }
    arena_release(&scratch);
}

/* The caller's words. */

static void missed(struct receptionist *r)
{
    struct talk *t = &r->talk;

    if (++t->misses >= MISSES_MAX) {
        t->misses = 0;
        to_human(r, "not_understood");
        return;
    }
    say(r, "I am sorry, I did not understand that.");
    ask(r, t->stage);
}

static void service_named(struct receptionist *r)
{
    size_t i;

    for (i = 0; i < r->facts.n_services; i++) {
        if (understand_names(str_c(r->talk.words), r->facts.services[i].name))
            r->talk.service = (int)i;
    }
}

static void price_say(struct receptionist *r)
{
    const struct fact_service *s = r->talk.service < 0 ? NULL : &r->facts.services[r->talk.service];

    if (!s) {
        say_services(r);
        say(r, "The price depends on the service.");
    } else if (s->price.n == 0) {
        say(r, "I am sorry, I cannot name a price for that on the phone.");
    } else {
        buf_addf(&r->said, "%sThe price of a " STR_FMT " is " STR_FMT ".", r->said.n ? " " : "",
                 STR_ARG(s->name), STR_ARG(s->price));
    }
}

static bool faq_say(struct receptionist *r)
{
    const struct fact_answer *best = NULL;
    double most = 0.45;
    size_t i;

    for (i = 0; i < r->facts.n_faq; i++) {
        double like = understand_likeness(str_c(r->talk.words), r->facts.faq[i].question);

        if (like > most) {
            most = like;
            best = &r->facts.faq[i];
        }
    }
    if (best)
        say_str(r, best->answer);
    return best != NULL;
}

static bool answer_question(struct receptionist *r, const struct meaning *m)
{
    const struct fact_service *s = r->talk.service < 0 ? NULL : &r->facts.services[r->talk.service];

    switch (m->question) {
    case QUESTION_NONE:
        return false;
    case QUESTION_HOURS:
        facts_hours(&r->facts,
                    m->wish.from_day && m->wish.from_day == m->wish.to_day
                        ? day_weekday(m->wish.from_day)
                        : -1,
                    &r->said);
        break;
    case QUESTION_PRICE:
        price_say(r);
        break;
    case QUESTION_DURATION:
        if (s && s->minutes)
            buf_addf(&r->said, "A " STR_FMT " takes %d minutes.", STR_ARG(s->name), s->minutes);
        else
            say(r, "That depends on the service.");
        break;
    case QUESTION_ADDRESS:
        if (r->facts.address.n)
            buf_addf(&r->said, "We are at " STR_FMT ".", STR_ARG(r->facts.address));
        else
            say(r, "I am sorry, I do not know that.");
        break;
    case QUESTION_OTHER:
        if (!faq_say(r))
            say(r, "I am sorry, I do not know that. Somebody can call you back about it.");
        break;
    }
    r->talk.answered = true;
    return true;
}

/* After something in between: back to where the talk was. */
static void go_on(struct receptionist *r)
{
    ask(r, r->talk.stage == ST_REQUEST ? ST_MORE : r->talk.stage);
}

/* What may be said at any time. True: it was answered. */
static bool heard_anytime(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;

    if (m->emergency) {
        t->emergency = true;
        if (r->facts.emergency_text.n)
            say_str(r, r->facts.emergency_text);
        else
            say(r, "Please call one one two right now.");
        to_human(r, "emergency");
        return true;
    }
    if (m->person || m->legal || m->complaint || m->billing) {
        to_human(r, m->legal       ? "legal"
                    : m->complaint ? "complaint"
                    : m->billing   ? "billing"
                                   : "caller_asked");
        return true;
    }
    if (m->robot) {
        say(r, "I am an AI assistant, not a person.");
        ask(r, t->stage);
        return true;
    }
    if (m->privacy) {
        say(r, "I understand. A person will call you back without recording.");
        (void)str_copy(t->reason, sizeof(t->reason), STR("special_request")); /* it fits */
        callback_on(r);
        return true;
    }
    if (m->probing) {
        say(r, "I am sorry, I cannot tell you anything about that.");
        go_on(r);
        return true;
    }
    if (m->again && !m->has_wish) {
        say(r, t->last_spoken[0] ? t->last_spoken : stages[t->stage].question);
        return true;
    }
    if (m->change) {
        say(r, "I am sorry, I cannot change an appointment myself.");
        callback_offer(r, "special_request");
        return true;
    }
    return false;
}

static void on_request(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;
    bool named =
        t->service >= 0 && understand_names(str_c(t->words), r->facts.services[t->service].name);

    if (m->large || (named && !r->facts.services[t->service].bookable))
        lead_start(r, m);
    else if (m->bye && !named && m->question == QUESTION_NONE)
        finish(r); /* whatever else was heard with it */
    else if (answer_question(r, m))
        ask(r, ST_MORE);
    else if (named || m->booking || (m->has_wish && !(t->stage == ST_MORE && m->no)))
        book_on(r);
    else if (t->stage == ST_MORE && m->no)
        finish(r);
    else if (faq_say(r))
        ask(r, ST_MORE);
    else if (m->yes)
        ask(r, ST_REQUEST);
    else
        missed(r);
}

static void on_service(struct receptionist *r, const struct meaning *m)
{
    if (m->large || (r->talk.service >= 0 && !r->facts.services[r->talk.service].bookable))
        lead_start(r, m);
    else if (r->talk.service >= 0)
        book_on(r);
    else if (answer_question(r, m))
        ask(r, ST_SERVICE);
    else if (m->bye)
        finish(r);
    else
        missed(r);
}

static void on_when(struct receptionist *r, const struct meaning *m)
{
    if (answer_question(r, m))
        ask(r, ST_WHEN);
    else if (m->has_wish)
        book_on(r);
    else if (m->no || m->bye)
        callback_offer(r, "no_slot");
    else
        missed(r);
}

static void on_offer(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;
    const struct offer *meant = offer_meant(t, m);

    if (!meant && t->n_offers == 0 && !m->no) {
        book_on(r); /* they were offered before the line broke */
        return;
    }

    if (meant && !(m->no && m->choice == 0 && m->wish.minute < 0)) {
        choose(r, meant);
        return;
    }
    if (m->has_wish && (m->wish.from_day || m->wish.minute >= 0 || m->wish.part != PART_ANY)) {
        /* The same wish again, or one more that cannot be had. */
        if (m->no && ++t->refusals >= REFUSALS_MAX)
            callback_offer(r, "no_slot");
        else
            book_on(r);
        return;
    }
    if (answer_question(r, m)) {
        ask(r, ST_OFFER);
    } else if (m->pushes) {
        say(r, "I am sorry, I have nothing else there.");
        say(r, t->last_say);
        if (!asks(t->last_say))
            ask(r, ST_OFFER);
    } else if (m->no || m->bye) {
        t->no_slot = true;
        if (++t->refusals >= REFUSALS_MAX)
            callback_offer(r, "no_slot");
        else
            ask(r, ST_WHEN);
    } else {
        missed(r);
    }
}

static void on_name(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;
    char name[SAID_NAME_MAX + 1];

    understand_name(name, str_c(t->words));
    if (!name[0]) {
        if (m->no)
            callback_offer(r, "other");
        else
            missed(r);
        return;
    }
    memcpy(t->name, name, sizeof(t->name));
    if (t->errand == ERRAND_LEAD)
        lead_on(r);
    else if (t->errand == ERRAND_CALLBACK)
        callback_on(r);
    else
        hold(r);
}

static void on_check(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;

    if (m->wish.from_day || m->wish.minute >= 0 || m->wish.part != PART_ANY) {
        t->confirmation[0] = '\0';
        find_times(r);
    } else if (m->yes && !m->no && !m->hesitates && !t->confirmation[0]) {
        book_on(r); /* it was held before the line broke */
    } else if (m->yes && !m->no && !m->hesitates) {
        book(r);
    } else if (m->no && !m->yes) {
        ask(r, ST_CHANGE);
    } else if (m->yes || m->hesitates) {
        say(r, "I need a clear yes or no.");
        ask(r, ST_CHECK);
    } else {
        missed(r);
    }
}

static void on_change(struct receptionist *r, const struct meaning *m)
{
    char name[SAID_NAME_MAX + 1];

    understand_name(name, str_c(r->talk.words));
    if (m->has_wish)
        find_times(r);
    else if (m->bye || (m->no && !strstr(r->talk.words, "name")))
        callback_offer(r, "no_slot");
    else if (name[0] && strstr(r->talk.words, "name"))
        on_name(r, m);
    else
        missed(r);
}

static void on_callback(struct receptionist *r, const struct meaning *m)
{
    if (m->yes && !m->no) {
        callback_on(r);
    } else if (m->no || m->bye) {
        ask(r, ST_MORE);
    } else if (m->has_wish) {
        (void)str_copy(r->talk.window, sizeof(r->talk.window),
                       str_c(r->talk.words)); /* a long one is cut */
        callback_on(r);
    } else {
        missed(r);
    }
}

static void on_phone(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;

    if (strlen(m->digits) >= 5)
        (void)str_copy(t->phone, sizeof(t->phone), str_c(m->digits)); /* it fits */
    else if (!(m->this_number && r->facts.number_known) && !m->no) {
        missed(r);
        return;
    }
    t->number_settled = true;
    if (t->errand == ERRAND_LEAD)
        lead_on(r);
    else
        callback_on(r);
}

static void on_window(struct receptionist *r, const struct meaning *m)
{
    (void)m;
    (void)str_copy(r->talk.window, sizeof(r->talk.window),
                   str_c(r->talk.words)); /* a long one is cut */
    request_callback(r);
}

static void on_agreed(struct receptionist *r, const struct meaning *m)
{
    if (m->has_wish || strlen(m->digits) >= 5) {
        if (m->has_wish)
            (void)str_copy(r->talk.window, sizeof(r->talk.window),
                           str_c(r->talk.words)); /* a long one is cut */
        if (strlen(m->digits) >= 5)
            (void)str_copy(r->talk.phone, sizeof(r->talk.phone), str_c(m->digits)); /* it fits */
        request_callback(r);
    } else if (m->yes || m->this_number || m->bye) {
        ask(r, ST_MORE);
    } else if (m->no) {
        ask(r, ST_WINDOW);
    } else {
        missed(r);
    }
}

static void on_over(struct receptionist *r, const struct meaning *m)
{
    (void)m;
    say(r, "Goodbye.");
}

static void (*const heard[STAGES])(struct receptionist *r, const struct meaning *m) = {
    [ST_REQUEST] = on_request, [ST_SERVICE] = on_service, [ST_WHEN] = on_when,
    [ST_OFFER] = on_offer,     [ST_NAME] = on_name,       [ST_CHECK] = on_check,
    [ST_CHANGE] = on_change,   [ST_MORE] = on_request,    [ST_CALLBACK] = on_callback,
    [ST_PHONE] = on_phone,     [ST_WINDOW] = on_window,   [ST_LEAD] = lead_answer,
    [ST_AGREED] = on_agreed,   [ST_OVER] = on_over,
};

/* What the caller said before, in a talk that was begun elsewhere. */
static void words_absorb(struct receptionist *r)
{
    struct talk *t = &r->talk;
    char name[SAID_NAME_MAX + 1];
    struct meaning m;

    understand(&m, str_c(t->words), today_of(r), t->stage == ST_OFFER);
    service_named(r);
    if (t->stage == ST_NAME) {
        understand_name(name, str_c(t->words));
        if (name[0])
            memcpy(t->name, name, sizeof(t->name));
    } else if (m.has_wish && m.question == QUESTION_NONE) {
        t->errand = ERRAND_BOOK;
        wish_merge(&t->wish, &m.wish);
    }
    t->words[0] = '\0';
    t->has_words = false;
}

/* A talk that was begun elsewhere: what the agent asked last says where it stands. */
void receptionist_agent_said(struct receptionist *r, struct str text)
{
    static const struct {
        const char *words;
        enum stage stage;
    } marks[] = {
        { "have your name", ST_NAME },      { "number can we", ST_PHONE },
        { "good time to call", ST_WINDOW }, { "Shall somebody call", ST_CALLBACK },
        { "anything else", ST_MORE },       { "Is that right", ST_CHECK },
        { "Is that all right", ST_AGREED }, { "Which service", ST_SERVICE },
        { "Which day", ST_WHEN },           { "Which of these", ST_OFFER },
        { "suits you", ST_OFFER },          { "suit you", ST_OFFER },
        { "help you", ST_REQUEST },
    };
    struct talk *t = &r->talk;
    size_t i;

    if (t->has_words)
        words_absorb(r);
    t->booked |= str_contains(text, STR("You are booked"));
    for (i = 0; i < ARRAY_LEN(marks); i++) {
        if (str_contains(text, str_c(marks[i].words))) {
            t->stage = marks[i].stage;
            break;
        }
    }
    (void)str_copy(t->last_spoken, sizeof(t->last_spoken), text); /* a long one is cut */
}

static void restore(struct receptionist *r)
{
    struct str line, who, said, rest = r->facts.journal;

    r->restored = true;
    while (rest.n > 0) {
        (void)str_cut(rest, '\n', &line, &rest); /* the last may lack its end */
        if (!str_cut(line, ':', &who, &said))
            continue;
        if (str_eq_c(who, "Caller"))
            receptionist_caller_said(r, str_trim(said), 1.0);
        else if (str_eq_c(who, "Agent"))
            receptionist_agent_said(r, str_trim(said));
    }
}

static void answer_words(struct receptionist *r)
{
    struct talk *t = &r->talk;
    struct meaning m;
    int misses = t->misses;

    if (!t->words[0]) {
        missed(r);
        return;
    }
    understand(&m, str_c(t->words), today_of(r), t->stage == ST_OFFER);
    service_named(r);
    if (m.has_wish && t->stage != ST_LEAD && t->stage != ST_WINDOW && t->stage != ST_AGREED &&
        t->stage != ST_PHONE && t->stage != ST_NAME && m.question == QUESTION_NONE)
        wish_merge(&t->wish, &m.wish);
    if (!heard_anytime(r, &m))
        heard[t->stage](r, &m);
    if (t->misses == misses) /* understood */
        t->misses = 0;
}

static void answer_tool(struct receptionist *r)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(answers); i++) {
        if (strcmp(answers[i].tool, r->talk.done_tool) == 0) {
            answers[i].answered(r);
            return;
        }
    }
    say(r, r->talk.last_say);
}

static void open_talk(struct receptionist *r)
{
    bool held = r->talk.n_offers > 0 || r->talk.confirmation[0];

    if (r->facts.nobody_answered && r->talk.stage == ST_REQUEST) {
        say(r, "I am sorry, nobody could take your call.");
        callback_offer(r, "other");
        return;
    }
    if (r->facts.resumed && !r->apologised)
        say(r, "I am sorry, the line was interrupted.");
    r->apologised = true;
    if (!held &&
        (r->talk.stage == ST_OFFER || r->talk.stage == ST_CHECK || r->talk.stage == ST_CHANGE))
        book_on(r); /* what was offered then is not known any more */
    else
        ask(r, r->talk.stage);
}

void receptionist_reply(struct receptionist *r, bool may_call, struct arena *a,
                        struct reception_reply *ret)
{
    struct talk *t = &r->talk;

    *ret = (struct reception_reply){ .n_calls = 0 };
    r->reply = ret;
    r->reply_arena = a;
    r->may_call = may_call;
    buf_reset(&r->said);
    if (t->done_tool[0])
        answer_tool(r);
    else if (t->has_words)
        answer_words(r);
    else
        open_talk(r);
    t->done_tool[0] = '\0';
    t->has_words = false;
    t->words[0] = '\0';
    ret->text = arena_str(a, buf_str(&r->said));
    if (ret->text.n)
        (void)str_copy(t->last_spoken, sizeof(t->last_spoken), ret->text); /* a long one is cut */
}

struct str receptionist_verbatim(struct str instructions)
{
    static const char mark[] = "say exactly:";
    size_t i;

    for (i = 0; i + sizeof(mark) - 1 <= instructions.n; i++) {
        struct str rest = str_from(instructions, i);

        if (!str_istarts(rest, STR("say exactly:")))
            continue;
        rest = str_trim(str_from(rest, sizeof(mark) - 1));
        if (rest.n > 1 && rest.p[0] == '"') {
            size_t last = rest.n - 1;

            while (last > 0 && rest.p[last] != '"')
                last--;
            return str_slice(rest, 1, last ? last : rest.n);
        }
        return rest;
    }
    return STR_EMPTY;
}

struct str receptionist_summary(const struct receptionist *r, struct arena *a)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct str copy;

    summary_write(r, &text);
    copy = arena_str(a, buf_str(&text));
    buf_release(&text);
    return copy;
}
