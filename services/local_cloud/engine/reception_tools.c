/* What tools answered, and what follows from it. */
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "local_cloud/engine/reception_internal.h"

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

static void times_found(struct receptionist *r)
{
    struct talk *t = &r->talk;
    size_t i;

    t->no_slot = t->n_offers == 0;
    for (i = 0; i < t->n_offers; i++) {
        const struct offer *o = &t->offers[i];

        if (t->wish.minute >= 0 && o->minute == t->wish.minute && t->wish.from_day &&
            o->day == t->wish.from_day) {
            reception_choose(r, o);
            return;
        }
    }
    if (t->n_offers) {
        reception_say_and_ask(r, ST_OFFER);
        return;
    }
    reception_say(r, t->last_say);
    if (++t->refusals >= REFUSALS_MAX || t->wish.soon)
        reception_callback_offer(r, "no_slot");
    else if (reception_asks(t->last_say))
        t->stage = ST_WHEN;
    else
        reception_ask(r, ST_WHEN);
    t->wish = (struct wish){ .minute = -1 };
}

static void slot_held(struct receptionist *r)
{
    struct talk *t = &r->talk;

    if (t->done_ok && t->confirmation[0]) {
        reception_say_and_ask(r, ST_CHECK);
        return;
    }
    reception_say_and_ask(r, t->n_offers ? ST_OFFER : ST_WHEN);
}

static void slot_booked(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->booked = t->done_ok;
    t->errand = ERRAND_NONE;
    if (t->booked) {
        t->no_slot = false;
        t->wish = (struct wish){ .minute = -1 }; /* another one is another appointment */
        reception_say_and_ask(r, ST_MORE);
        return;
    }
    t->errand = ERRAND_BOOK;
    reception_say_and_ask(r, t->n_offers ? ST_OFFER : ST_WHEN);
}

static void human_answered(struct receptionist *r)
{
    struct talk *t = &r->talk;

    t->errand = ERRAND_NONE;
    if (t->transferred) {
        reception_say(r, t->last_say);
        reception_finish(r); /* the last words are these */
        return;
    }
    if (reception_asks(t->last_say))
        t->errand = ERRAND_CALLBACK;
    reception_say_and_ask(r, !reception_asks(t->last_say) ? ST_MORE
                             : t->done_ok                 ? ST_AGREED
                                                          : ST_PHONE);
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
            reception_say_and_ask(r, ST_LEAD);
            return;
        }
    }
    reception_say_and_ask(r, strcmp(t->missing, "phone") == 0 ? ST_PHONE : ST_NAME);
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
    reception_say_and_ask(r, ST_MORE);
}

static void outcome_logged(struct receptionist *r)
{
    r->talk.logging = false;
    r->talk.logged = r->talk.done_ok;
    if (!r->talk.logged && r->talk.booked) { /* it is not: that outcome was refused */
        r->talk.booked = false;
        reception_finish(r);
        return;
    }
    if (r->talk.transferred) {
        reception_say(r, "One moment, please.");
        r->talk.stage = ST_OVER;
        return;
    }
    reception_farewell(r);
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

void reception_answer_tool(struct receptionist *r)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(answers); i++) {
        if (strcmp(answers[i].tool, r->talk.done_tool) == 0) {
            answers[i].answered(r);
            return;
        }
    }
    reception_say(r, r->talk.last_say);
}
