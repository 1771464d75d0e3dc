/* <Dial> with <Number>: the called party does what the call was placed with. Conferences, queues and whispers
 * are not done here. */
#include <stdio.h>

#include "base/mem.h"
#include "base/url.h"
#include "local_cloud/twilio/call.h"

enum {
    RING_ANSWERS_MS = 1500,
    RING_BUSY_MS = 800,
    RING_FAILED_MS = 200,
    RING_NO_ANSWER_MS = 3000, /* instead of its timeout, for which nobody wants to wait here */
    TALK_MS = 4000,           /* until the called party hangs up, when nobody can speak for it */
    TALK_AFTER_SPEECH_MS = 500,
    TIME_LIMIT_MAX_S = 86400,
};

#define PERSON_SAYS "Hello, this is the front desk. I have your details, thank you for waiting."

static enum dial_outcome outcome_of(const struct phone_call *c, struct str number)
{
    size_t i;

    for (i = 0; i < c->n_dials; i++) {
        if (str_eq(c->dials[i].number, number))
            return c->dials[i].outcome;
    }
    return DIAL_ANSWERS;
}

static const struct outcome {
    const char *name;
    enum call_status status;
    int ring_ms;
} outcomes[] = {
    [DIAL_ANSWERS] = { "completed", CALL_COMPLETED, RING_ANSWERS_MS },
    [DIAL_BUSY] = { "busy", CALL_BUSY, RING_BUSY_MS },
    [DIAL_NO_ANSWER] = { "no-answer", CALL_NO_ANSWER, RING_NO_ANSWER_MS },
    [DIAL_FAILED] = { "failed", CALL_FAILED, RING_FAILED_MS },
};

static void tell_outcome(struct phone_call *c, const char *what)
{
    struct arena a = ARENA_INIT;

    call_event(c, "dialed", arena_printf(&a, "%s %s", c->dial.number, what));
    arena_release(&a);
}

/* The leg is over; what is known of it is the caller's until the next call ends. */
static const struct phone_call *leg_end(struct phone_call *c, enum call_status status)
{
    struct phone_call *leg = c->dial.leg;

    timer_stop(&c->dial.timer);
    timer_stop(&c->dial.limit);
    c->playing = false; /* the person says no more */
    c->epoch++;
    c->dial.on = c->dial.bridged = false;
    c->dial.leg = NULL;
    call_end(leg, status, "agent");
    call_notify_status(leg, &c->dial.callback, status);
    return leg;
}

static void ended(struct phone_call *c)
{
    const struct outcome *o = &outcomes[c->dial.outcome];
    struct buf extra = BUF_INIT(WEBHOOK_PARAMS_MAX);
    struct str action = xml_attr(c->verb, "action", "");
    bool bridged = c->dial.bridged;
    const struct phone_call *leg = leg_end(c, o->status);
    char seconds[24];

    if (!action.n) {
        call_next(c);
        return;
    }
    snprintf(seconds, sizeof(seconds), "%lld", (long long)call_duration_s(leg));
    form_add(&extra, "DialCallSid", str_c(leg->sid));
    form_add(&extra, "DialCallStatus", str_c(o->name));
    form_add(&extra, "DialCallDuration", str_c(seconds));
    form_add(&extra, "DialBridged", bridged ? STR("true") : STR("false"));
    call_fetch_ref(c, action, str_ieq_c(xml_attr(c->verb, "method", "POST"), "GET"), &extra);
    buf_release(&extra);
}

static void on_hung_up(void *arg)
{
    ended(arg);
}

void dial_hang_up(struct phone_call *c)
{
    if (!c->dial.on)
        return;
    if (!c->dial.bridged)
        c->dial.outcome = DIAL_NO_ANSWER;
    ended(c);
}

static void person_spoke(struct phone_call *c)
{
    c->dial.timer.fn = on_hung_up;
    timer_start(&c->dial.timer, TALK_AFTER_SPEECH_MS);
}

static void leg_answer(struct phone_call *c)
{
    struct phone_call *leg = c->dial.leg;
    int64_t limit_s;

    leg->status = CALL_IN_PROGRESS;
    leg->answered_ms = loop_now_ms(c->t->loop);
    leg->answered_s = clock_wall_s(c->t->clock);
    call_notify_status(leg, &c->dial.callback, CALL_IN_PROGRESS);
    if (str_to_i64(xml_attr(c->verb, "timeLimit", ""), 1, TIME_LIMIT_MAX_S, &limit_s))
        return;
    c->dial.limit.fn = on_hung_up;
    timer_start(&c->dial.limit, limit_s * 1000);
}

static void on_ringing_over(void *arg)
{
    struct phone_call *c = arg;

    if (c->dial.outcome != DIAL_ANSWERS) {
        tell_outcome(c, outcomes[c->dial.outcome].name);
        ended(c);
        return;
    }
    c->dial.bridged = true;
    leg_answer(c);
    tell_outcome(c, "answered");
    if (c->t->voice) {
        call_say(c, STR("en-US"), STR(PERSON_SAYS), person_spoke);
        return;
    }
    c->dial.timer.fn = on_hung_up;
    timer_start(&c->dial.timer, TALK_MS);
}

static bool copy_number(struct phone_call *c, const struct xml_node *number, struct str text)
{
    if (!str_copy(c->dial.number, sizeof(c->dial.number), str_trim(text)))
        return false;
    if (number)
        status_callback_init(&c->dial.callback, xml_attr(number, "statusCallback", ""),
                             xml_attr(number, "statusCallbackEvent", "completed"),
                             str_ieq_c(xml_attr(number, "statusCallbackMethod", "POST"), "GET"));
    return true;
}

/* Of several numbers the first that answers wins; when none does, the last one's outcome counts. */
static bool choose_number(struct phone_call *c, const struct xml_node *n)
{
    const struct xml_node *child;
    bool chosen = false;

    if (str_trim(n->text).n)
        chosen = copy_number(c, NULL, n->text);
    for (child = n->first_child; child; child = child->next) {
        if (!str_eq_c(child->name, "Number")) {
            log_warn(&c->log, "<Dial> of <" STR_FMT "> is not done here", STR_ARG(child->name));
            continue;
        }
        chosen = copy_number(c, child, child->text) || chosen;
        if (outcome_of(c, str_c(c->dial.number)) == DIAL_ANSWERS)
            break;
    }
    return chosen;
}

/* The caller sees callerId, or the number of who calls here. */
static struct phone_call *leg_create(struct phone_call *c, const struct xml_node *n)
{
    const struct phone_call_opts o = { .from = xml_attr(n, "callerId", c->from),
                                       .to = str_c(c->dial.number) };
    struct phone_call *leg = call_create(c->t, &o, "outbound-dial");

    (void)str_copy(leg->leg_of, sizeof(leg->leg_of), str_c(c->sid)); /* SIDs fit */
    return leg;
}

void dial_begin(struct phone_call *c, const struct xml_node *n)
{
    struct arena a = ARENA_INIT;

    c->dial.bridged = false;
    c->dial.number[0] = '\0';
    c->dial.callback = (struct status_callback){ .sequence = 0 };
    c->dial.outcome = choose_number(c, n) ? outcome_of(c, str_c(c->dial.number)) : DIAL_FAILED;
    c->dial.leg = leg_create(c, n);
    call_event(c, "verb", arena_printf(&a, "Dial %s", c->dial.number));
    arena_release(&a);
    c->dial.on = true;
    c->dial.began_ms = loop_now_ms(c->t->loop);
    call_notify_status(c->dial.leg, &c->dial.callback, CALL_QUEUED);
    if (c->dial.outcome != DIAL_FAILED) {
        c->dial.leg->status = CALL_RINGING;
        call_notify_status(c->dial.leg, &c->dial.callback, CALL_RINGING);
    }
    c->dial.timer.fn = on_ringing_over;
    timer_start(&c->dial.timer, outcomes[c->dial.outcome].ring_ms);
}

void dial_stop(struct phone_call *c)
{
    if (c->dial.on)
        (void)leg_end(c, c->dial.bridged ? CALL_COMPLETED : CALL_CANCELED);
}
