/* What the caller's words lead to, stage by stage. */
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "local_cloud/engine/reception_internal.h"

enum { MISSES_MAX = 2 }; /* misunderstandings before a person is called */

static void missed(struct receptionist *r)
{
    struct talk *t = &r->talk;

    if (++t->misses >= MISSES_MAX) {
        t->misses = 0;
        reception_to_human(r, "not_understood");
        return;
    }
    reception_say(r, "I am sorry, I did not understand that.");
    reception_ask(r, t->stage);
}

void reception_service_named(struct receptionist *r)
{
    size_t i;

    for (i = 0; i < r->facts.n_services; i++) {
        if (understand_names(str_c(r->talk.words), r->facts.services[i].name))
            r->talk.service = (int)i;
    }
}

/* After something in between: back to where the talk was. */
static void go_on(struct receptionist *r)
{
    reception_ask(r, r->talk.stage == ST_REQUEST ? ST_MORE : r->talk.stage);
}

/* What may be said at any time. True: it was answered. */
static bool heard_anytime(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;

    if (m->emergency) {
        t->emergency = true;
        if (r->facts.emergency_text.n)
            reception_say_str(r, r->facts.emergency_text);
        else
            reception_say(r, "Please call one one two right now.");
        reception_to_human(r, "emergency");
        return true;
    }
    if (m->person || m->legal || m->complaint || m->billing) {
        reception_to_human(r, m->legal       ? "legal"
                              : m->complaint ? "complaint"
                              : m->billing   ? "billing"
                                             : "caller_asked");
        return true;
    }
    if (m->robot) {
        reception_say(r, "I am an AI assistant, not a person.");
        reception_ask(r, t->stage);
        return true;
    }
    if (m->privacy) {
        reception_say(r, "I understand. A person will call you back without recording.");
        (void)str_copy(t->reason, sizeof(t->reason), STR("special_request")); /* it fits */
        reception_callback_on(r);
        return true;
    }
    if (m->probing) {
        reception_say(r, "I am sorry, I cannot tell you anything about that.");
        go_on(r);
        return true;
    }
    if (m->again && !m->has_wish) {
        reception_say(r, t->last_spoken[0] ? t->last_spoken : reception_stage_question(t->stage));
        return true;
    }
    if (m->change) {
        reception_say(r, "I am sorry, I cannot change an appointment myself.");
        reception_callback_offer(r, "special_request");
        return true;
    }
    return false;
}

static void on_request(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;
    bool named =
        t->service >= 0 && understand_names(str_c(t->words), r->facts.services[t->service].name);
    bool wants = named || m->booking || m->has_wish;
    bool ends = !named && m->question == QUESTION_NONE &&
                (m->bye || (t->stage == ST_MORE && m->no && !m->booking));

    if (m->large || (named && !r->facts.services[t->service].bookable))
        reception_lead_start(r);
    else if (ends)
        reception_finish(r); /* whatever else was heard with it */
    else if (reception_answer_question(r, m) || (!wants && reception_say_faq(r)))
        reception_ask(r, ST_MORE);
    else if (wants)
        reception_book_on(r);
    else if (m->yes)
        reception_ask(r, ST_REQUEST);
    else
        missed(r);
}

static void on_service(struct receptionist *r, const struct meaning *m)
{
    if (m->large || (r->talk.service >= 0 && !r->facts.services[r->talk.service].bookable))
        reception_lead_start(r);
    else if (r->talk.service >= 0)
        reception_book_on(r);
    else if (reception_answer_question(r, m))
        reception_ask(r, ST_SERVICE);
    else if (m->bye)
        reception_finish(r);
    else
        missed(r);
}

static void on_when(struct receptionist *r, const struct meaning *m)
{
    if (reception_answer_question(r, m))
        reception_ask(r, ST_WHEN);
    else if (m->has_wish)
        reception_book_on(r);
    else if (m->no || m->bye)
        reception_callback_offer(r, "no_slot");
    else
        missed(r);
}

static void on_offer(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;
    const struct offer *meant = reception_offer_meant(t, m);

    if (!meant && t->n_offers == 0 && !m->no) {
        reception_book_on(r); /* they were offered before the line broke */
        return;
    }

    if (meant && !(m->no && m->choice == 0 && m->wish.minute < 0)) {
        reception_choose(r, meant);
        return;
    }
    if (m->has_wish && (m->wish.from_day || m->wish.minute >= 0 || m->wish.part != PART_ANY)) {
        /* The same wish again, or one more that cannot be had. */
        if (m->no && ++t->refusals >= REFUSALS_MAX)
            reception_callback_offer(r, "no_slot");
        else
            reception_book_on(r);
        return;
    }
    if (reception_answer_question(r, m)) {
        reception_ask(r, ST_OFFER);
    } else if (m->pushes) {
        reception_say(r, "I am sorry, I have nothing else there.");
        reception_say(r, t->last_say);
        if (!reception_asks(t->last_say))
            reception_ask(r, ST_OFFER);
    } else if (m->no || m->bye) {
        t->no_slot = true;
        if (++t->refusals >= REFUSALS_MAX)
            reception_callback_offer(r, "no_slot");
        else
            reception_ask(r, ST_WHEN);
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
            reception_callback_offer(r, "other");
        else
            missed(r);
        return;
    }
    memcpy(t->name, name, sizeof(t->name));
    if (t->errand == ERRAND_LEAD)
        reception_lead_on(r);
    else if (t->errand == ERRAND_CALLBACK)
        reception_callback_on(r);
    else
        reception_hold(r);
}

static void on_check(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;

    if (m->wish.from_day || m->wish.minute >= 0 || m->wish.part != PART_ANY) {
        t->confirmation[0] = '\0';
        reception_find_times(r);
    } else if (m->yes && !m->no && !m->hesitates && !t->confirmation[0]) {
        reception_book_on(r); /* it was held before the line broke */
    } else if (m->yes && !m->no && !m->hesitates) {
        reception_book(r);
    } else if (m->no && !m->yes) {
        reception_ask(r, ST_CHANGE);
    } else if (m->yes || m->hesitates) {
        reception_say(r, "I need a clear yes or no.");
        reception_ask(r, ST_CHECK);
    } else {
        missed(r);
    }
}

static void on_change(struct receptionist *r, const struct meaning *m)
{
    char name[SAID_NAME_MAX + 1];

    understand_name(name, str_c(r->talk.words));
    if (m->has_wish)
        reception_find_times(r);
    else if (m->bye || (m->no && !strstr(r->talk.words, "name")))
        reception_callback_offer(r, "no_slot");
    else if (name[0] && strstr(r->talk.words, "name"))
        on_name(r, m);
    else
        missed(r);
}

static void on_callback(struct receptionist *r, const struct meaning *m)
{
    if (m->yes && !m->no) {
        reception_callback_on(r);
    } else if (m->no || m->bye) {
        reception_ask(r, ST_MORE);
    } else if (m->has_wish) {
        (void)str_copy(r->talk.window, sizeof(r->talk.window),
                       str_c(r->talk.words)); /* a long one is cut */
        reception_callback_on(r);
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
        reception_lead_on(r);
    else
        reception_callback_on(r);
}

static void on_window(struct receptionist *r, const struct meaning *m)
{
    (void)m;
    (void)str_copy(r->talk.window, sizeof(r->talk.window),
                   str_c(r->talk.words)); /* a long one is cut */
    reception_request_callback(r);
}

static void on_agreed(struct receptionist *r, const struct meaning *m)
{
    if (m->has_wish || strlen(m->digits) >= 5) {
        if (m->has_wish)
            (void)str_copy(r->talk.window, sizeof(r->talk.window),
                           str_c(r->talk.words)); /* a long one is cut */
        if (strlen(m->digits) >= 5)
            (void)str_copy(r->talk.phone, sizeof(r->talk.phone), str_c(m->digits)); /* it fits */
        reception_request_callback(r);
    } else if (m->yes || m->this_number || m->bye) {
        reception_ask(r, ST_MORE);
    } else if (m->no) {
        reception_ask(r, ST_WINDOW);
    } else {
        missed(r);
    }
}

static void on_over(struct receptionist *r, const struct meaning *m)
{
    (void)m;
    reception_say(r, "Goodbye.");
}

static void (*const heard[STAGES])(struct receptionist *r, const struct meaning *m) = {
    [ST_REQUEST] = on_request, [ST_SERVICE] = on_service, [ST_WHEN] = on_when,
    [ST_OFFER] = on_offer,     [ST_NAME] = on_name,       [ST_CHECK] = on_check,
    [ST_CHANGE] = on_change,   [ST_MORE] = on_request,    [ST_CALLBACK] = on_callback,
    [ST_PHONE] = on_phone,     [ST_WINDOW] = on_window,   [ST_LEAD] = reception_lead_answer,
    [ST_AGREED] = on_agreed,   [ST_OVER] = on_over,
};

void reception_answer_words(struct receptionist *r)
{
    struct talk *t = &r->talk;
    struct meaning m;
    int misses = t->misses;

    if (!t->words[0]) {
        missed(r);
        return;
    }
    understand(&m, str_c(t->words), reception_today(r), t->stage == ST_OFFER);
    reception_service_named(r);
    if (m.has_wish && t->stage != ST_LEAD && t->stage != ST_WINDOW && t->stage != ST_AGREED &&
        t->stage != ST_PHONE && t->stage != ST_NAME && m.question == QUESTION_NONE)
        reception_wish_merge(&t->wish, &m.wish);
    if (!heard_anytime(r, &m))
        heard[t->stage](r, &m);
    if (t->misses == misses) /* understood */
        t->misses = 0;
}
