/* What callers come for, step by step: a booking, a callback, a lead. */
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "local_cloud/engine/reception_internal.h"

/* The next question that has no answer; then name and number; then it is written down. */
void reception_lead_on(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->errand = ERRAND_LEAD;
    while (t->lead_at < r->facts.n_questions && t->lead_at < LEAD_QUESTIONS_MAX) {
        if (!t->answers[t->lead_at][0] && r->facts.questions[t->lead_at].needed) {
            reception_ask(r, ST_LEAD);
            return;
        }
        t->lead_at++;
    }
    if (!t->name[0])
        reception_ask(r, ST_NAME);
    else if (!r->facts.number_known && !t->number_settled)
        reception_ask(r, ST_PHONE);
    else
        reception_qualify(r);
}

void reception_lead_start(struct receptionist *r)
{
    struct talk *t = &r->talk;
    size_t i;
    long number;

    if (!t->need[0])
        (void)str_copy(t->need, sizeof(t->need), str_c(t->words)); /* a long one is cut */
    /* How many people it is for is often said at once. */
    for (i = 0; i < r->facts.n_questions && i < LEAD_QUESTIONS_MAX; i++) {
        if (str_eq_c(r->facts.questions[i].name, "people") &&
            understand_number(str_c(t->words), &number))
            (void)str_copy(t->answers[i], sizeof(t->answers[i]),
                           str_c(t->words)); /* a long one is cut */
    }
    reception_say(r, "Somebody will make you an offer for that. I have a few questions first.");
    reception_lead_on(r);
}

void reception_lead_answer(struct receptionist *r, const struct meaning *m)
{
    struct talk *t = &r->talk;
    const struct fact_question *q = &r->facts.questions[t->lead_at];

    (void)str_copy(t->answers[t->lead_at], ANSWER_MAX, str_c(t->words)); /* a long one is cut */
    if (str_eq_c(q->name, "postcode"))
        (void)str_copy(t->postcode, sizeof(t->postcode), str_c(m->digits)); /* it fits */
    t->lead_at++;
    reception_lead_on(r);
}

/* Callbacks. */

void reception_callback_on(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->errand = ERRAND_CALLBACK;
    if (!r->facts.number_known && !t->number_settled)
        reception_ask(r, ST_PHONE);
    else
        reception_request_callback(r); /* it proposes a time by itself */
}

void reception_callback_offer(struct receptionist *r, const char *reason)
{
    (void)str_copy(r->talk.reason, sizeof(r->talk.reason), str_c(reason)); /* ours are short */
    r->talk.errand = ERRAND_CALLBACK;
    reception_ask(r, ST_CALLBACK);
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
void reception_book_on(struct receptionist *r)
{
    struct talk *t = &r->talk;
    int only = -1;

    t->errand = ERRAND_BOOK;
    if (t->service < 0 && services_bookable(r, &only) == 1)
        t->service = only;
    if (t->service < 0 && r->facts.n_services > 0) {
        reception_say_services(r);
        reception_ask(r, ST_SERVICE);
    } else if (!t->wish.from_day && t->wish.minute < 0 && t->wish.part == PART_ANY &&
               !t->wish.soon) {
        reception_ask(r, ST_WHEN);
    } else {
        reception_find_times(r);
    }
}

/* A new wish stands over the old one where it says something. */
void reception_wish_merge(struct wish *old, const struct wish *new)
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

void reception_choose(struct receptionist *r, const struct offer *o)
{
    struct talk *t = &r->talk;

    memcpy(t->chosen, o->slot_id, sizeof(t->chosen));
    t->wish.from_day = t->wish.to_day = o->day;
    t->wish.minute = o->minute;
    t->refusals = 0;
    if (t->name[0])
        reception_hold(r);
    else
        reception_ask(r, ST_NAME);
}

/* The one offer that the words single out; NULL: none, or several. */
const struct offer *reception_offer_meant(const struct talk *t, const struct meaning *m)
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
