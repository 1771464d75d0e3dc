#include <stdio.h>
#include <string.h>

#include "faults/talk_internal.h"

enum { PAUSE_MS = 500, READ_BACK_MS = 1700 /* a yes that comes sooner is none to the gateway */ };

const char *const script_names[SCRIPTS] = { "book", "lead", "transfer" };

/* Each sentence once in a call, so that a doubled turn shows. */
static struct str numbered(struct talk *t, const char *words)
{
    return arena_printf(&t->arena, "%s (%zu)", words, t->seen.n_turns + 1);
}

/* Another day for each call, so that one stack's calls do not fill a day. */
static struct str find_arguments(struct talk *t)
{
    return arena_printf(&t->arena, "{\"service\":\"vaccination\",\"dateFrom\":\"2026-12-%02d\"}",
                        1 + t->number % 28);
}

static struct str book_arguments(struct talk *t)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "slotId", t->slot_id);
    jw_cstr(&w, "confirmationId", t->confirmation_id);
    jw_cstr(&w, "name", "Anna Miller");
    jw_bool(&w, "confirmed", true);
    jw_end(&w);
    return jw_finish(&w, &t->arena);
}

static struct str outcome_arguments(struct talk *t)
{
    const char *outcome = "answered";

    if (t->seen.told_booked)
        outcome = "booked";
    else if (t->seen.told_lead)
        outcome = "lead";
    else if (t->seen.told_callback)
        outcome = "callback";
    else if (t->seen.gave_up)
        outcome = "declined";
    pthread_mutex_lock(&t->lock);
    (void)str_copy(t->seen.outcome, sizeof(t->seen.outcome), str_c(outcome)); /* they are short */
    pthread_mutex_unlock(&t->lock);
    return arena_printf(&t->arena, "{\"outcome\":\"%s\",\"summary\":\"A scripted call.\"}",
                        outcome);
}

#define LEAD                                                                                    \
    "{\"need\":\"A health day for forty people\",\"name\":\"Anna Miller\",\"postcode\":"        \
    "\"10115\",\"service\":\"company-programme\",\"fields\":{\"people\":40,\"wanted_by\":\"In " \
    "January\"}}"
#define PERSON "{\"reason\":\"caller_asked\",\"summary\":\"Wants a person.\"}"

struct move model_move(struct talk *t)
{
    switch (t->step) {
    case STEP_WISH:
        return (struct move){ NULL, numbered(t, "What can I do for you?") };
    case STEP_FIND:
        return (struct move){ "findAvailability", find_arguments(t) };
    case STEP_HOLD:
        return (struct move){ "holdSlot",
                              arena_printf(&t->arena, "{\"slotId\":\"%s\"}", t->slot_id) };
    case STEP_READ_BACK:
    case STEP_YES:
        return (struct move){ NULL, numbered(t, "That is your appointment, is it right?") };
    case STEP_BOOK:
        return (struct move){ "bookAppointment", book_arguments(t) };
    case STEP_LEAD:
        return (struct move){ "qualifyLead", STR(LEAD) };
    case STEP_TRANSFER:
        return (struct move){ "transferToHuman", STR(PERSON) };
    case STEP_CONNECTING:
        return (struct move){ NULL, numbered(t, "I am connecting you now.") };
    case STEP_LOG:
        return (struct move){ "logCallOutcome", outcome_arguments(t) };
    case STEP_GOODBYE:
    case STEP_OVER:
        break;
    }
    return (struct move){ NULL, numbered(t, "Goodbye.") };
}

/* The caller is still on the line, so what was promised has not come: it is arranged again. */
void model_resumes(struct talk *t)
{
    if (t->script == SCRIPT_TRANSFER && (t->step == STEP_OVER || t->step == STEP_CONNECTING))
        t->step = STEP_TRANSFER;
}

void model_said(struct talk *t)
{
    if (t->step == STEP_READ_BACK)
        t->step = STEP_YES;
    else if (t->step == STEP_GOODBYE || t->step == STEP_CONNECTING)
        t->step = STEP_OVER;
}

/* ---- tools ---- */

static void failed(struct talk *t, enum talk_step again)
{
    if (++t->failures <= TALK_FAILURES_MAX) {
        t->step = again;
        return;
    }
    if (t->step == STEP_LOG) {
        t->step = STEP_GOODBYE;
        return;
    }
    pthread_mutex_lock(&t->lock);
    t->seen.gave_up = true;
    pthread_mutex_unlock(&t->lock);
    t->failures = 0;
    t->step = STEP_LOG;
}

static void found(struct talk *t, const struct jval *out)
{
    struct str slot = json_str(json_path(out, "slots.0.slotId"));

    if (slot.n && str_copy(t->slot_id, sizeof(t->slot_id), slot))
        t->step = STEP_HOLD;
    else
        failed(t, STEP_FIND);
}

static void held(struct talk *t, const struct jval *out)
{
    if (str_copy(t->confirmation_id, sizeof(t->confirmation_id),
                 json_str(json_get(out, "confirmationId"))))
        t->step = STEP_READ_BACK;
}

static void told(struct talk *t, bool *what, enum talk_step next)
{
    pthread_mutex_lock(&t->lock);
    *what = true;
    pthread_mutex_unlock(&t->lock);
    t->step = next;
}

static void succeeded(struct talk *t, const struct jval *out)
{
    switch (t->step) {
    case STEP_FIND:
        found(t, out);
        break;
    case STEP_HOLD:
        held(t, out);
        break;
    case STEP_BOOK:
        told(t, &t->seen.told_booked, STEP_LOG);
        break;
    case STEP_LEAD:
        told(t, &t->seen.told_lead, STEP_LOG);
        break;
    case STEP_TRANSFER:
        if (json_get(out, "callbackWindow"))
            told(t, &t->seen.told_callback, STEP_LOG);
        else
            told(t, &t->seen.told_transfer, STEP_CONNECTING);
        break;
    case STEP_LOG:
        told(t, &t->seen.logged, STEP_GOODBYE);
        break;
    default:
        break;
    }
}

void model_tool_result(struct talk *t, struct str call_id, struct str output)
{
    const struct jval *out = NULL;
    struct str status, reason;

    if (!str_eq_c(call_id, t->tool_id) || json_parse_arena(&out, &t->arena, output, NULL))
        return;
    status = json_str(json_get(out, "status"));
    reason = json_str(json_get(out, "reason"));
    t->tool_id[0] = '\0';
    if (str_eq_c(status, "ok"))
        succeeded(t, out);
    else if (str_eq_c(reason, "closed_before"))
        told(t, &t->seen.logged, STEP_GOODBYE);
    else if (str_eq_c(reason, "booked_before"))
        told(t, &t->seen.told_booked, STEP_LOG);
    else if (str_eq_c(status, "refused") && t->step == STEP_HOLD)
        failed(t, STEP_FIND);
    else if (str_eq_c(status, "refused") && t->step == STEP_BOOK)
        failed(t, str_eq_c(reason, "no_read_back") ? STEP_READ_BACK : STEP_FIND);
    else
        failed(t, t->step);
}

/* ---- the caller ---- */

struct str model_caller_line(struct talk *t)
{
    static const char *const wishes[SCRIPTS] = { "I would like a vaccination.",
                                                 "I want an offer for a health day.",
                                                 "I want to speak to a person." };

    if (t->step == STEP_WISH)
        return numbered(t, wishes[t->script]);
    if (t->step == STEP_YES)
        return numbered(t, "Yes, that is right.");
    return STR_EMPTY;
}

void model_caller_said(struct talk *t)
{
    static const enum talk_step first[SCRIPTS] = { STEP_FIND, STEP_LEAD, STEP_TRANSFER };

    t->step = t->step == STEP_WISH ? first[t->script] : STEP_BOOK;
}

int model_pause_ms(const struct talk *t)
{
    return t->step == STEP_YES ? READ_BACK_MS : PAUSE_MS;
}
