#include "voice/turn_arbiter.h"

#include "base/mem.h"
#include "voice/turn_arbiter_internal.h"

static const char *const event_names[EV_EVENTS] = {
    "wish",        "kept",      "started",  "playing", "done",       "done_held",
    "done_silent", "failed",    "blocked",  "idle",    "speech",     "quiet",
    "key",         "sustained", "insisted", "judged",  "unfinished", "timeout",
};

static const char *const state_names[TURN_STATES] = {
    "none",      "listening", "asked",  "thinking", "speaking", "ready",
    "finishing", "attentive", "paused", "yielding", "retrying",
};

static void use_default(int64_t *ms, int64_t dflt)
{
    *ms = *ms == 0 ? dflt : MAX(*ms, 0);
}

struct turn_arbiter *turn_create(const struct turn_ops *ops, void *arg, struct playout *playout,
                                 const struct turn_settings *settings, const struct log *log)
{
    struct turn_arbiter *t = MEM_NEW(struct turn_arbiter);

    t->ops = ops;
    t->arg = arg;
    t->playout = playout;
    t->set = *settings;
    use_default(&t->set.sustain_ms, TURN_SUSTAIN_MS);
    use_default(&t->set.yield_ms, TURN_YIELD_MS);
    use_default(&t->set.hum_ms, TURN_HUM_MS);
    use_default(&t->set.hesitation_ms, TURN_HESITATION_MS);
    use_default(&t->set.digits_ms, TURN_DIGITS_MS);
    use_default(&t->set.spelling_ms, TURN_SPELLING_MS);
    use_default(&t->set.watchdog_ms, TURN_WATCHDOG_MS);
    use_default(&t->set.stall_ms, TURN_STALL_MS);
    use_default(&t->set.retry_ms, TURN_RETRY_MS);
    t->log = *log;
    t->state = TURN_LISTENING;
    buf_init(&t->wish_text, TURN_SAY_MAX);
    buf_init(&t->now.text, TURN_SAY_MAX);
    buf_init(&t->pieces, TURN_SAY_MAX);
    return t;
}

struct turn_arbiter *turn_destroy(struct turn_arbiter *t)
{
    if (t) {
        playout_resume(t->playout);
        buf_release(&t->wish_text);
        buf_release(&t->now.text);
        buf_release(&t->pieces);
        mem_free(t);
    }
    return NULL;
}

enum turn_state turn_state(const struct turn_arbiter *t)
{
    return t->state;
}

const char *turn_state_name(enum turn_state s)
{
    return state_names[s];
}

static void set_due(struct turn_arbiter *t, int64_t ms)
{
    t->state_due_us = t->now_us + ms * 1000;
}

static bool waiting(const struct turn_arbiter *t)
{
    return t->wish_answer || t->wish_say;
}

bool turn_busy(const struct turn_arbiter *t)
{
    return t->state != TURN_LISTENING || waiting(t) || playout_active(t->playout);
}

/* Our own detection hears the caller, and the engine may be about to. */
static bool may_go_on(const struct turn_arbiter *t)
{
    return t->voice.speech && !t->voice.aside && t->voice.ms < TURN_CONFIRM_MS;
}

/* A response may be asked for: none runs, and the caller is not in the middle of a turn. */
static bool may_ask(const struct turn_arbiter *t)
{
    if (!waiting(t) || (t->state != TURN_LISTENING && t->state != TURN_FINISHING))
        return false;
    if (t->wish_say && t->wish_keep)
        return true;
    return !t->keys && !t->caller_speaks && t->commit_due_us == 0 && t->hold_due_us == 0 &&
           !may_go_on(t);
}

/* What must be heard is being heard or made. */
bool turn_protected(const struct turn_arbiter *t)
{
    struct voice_part part;

    switch (t->state) {
    case TURN_ASKED:
    case TURN_THINKING:
    case TURN_RETRYING:
        if (t->now.keep)
            return true;
        break;
    default:
        break;
    }
    return t->kept_id[0] && playout_current(t->playout, &part) &&
           str_eq_c(part.response_id, t->kept_id);
}

static void send_request(struct turn_arbiter *t)
{
    if (++t->last_tag == 0)
        t->last_tag = 1;
    t->now.tag = t->last_tag;
    t->now.id[0] = '\0';
    t->now.again = false;
    t->asked_us = t->now_us;
    set_due(t, t->now.retried ? t->set.watchdog_ms / 2 : t->set.watchdog_ms);
    if (t->now.say)
        t->ops->say(t->arg, buf_str(&t->now.text), t->now.tag);
    else
        t->ops->respond(t->arg, t->now.tag);
}

static void enter_ask(struct turn_arbiter *t)
{
    t->now.say = t->wish_say;
    t->now.keep = t->wish_say && t->wish_keep;
    t->now.retried = false;
    if (t->wish_say) {
        buf_reset(&t->now.text);
        buf_add_str(&t->now.text, buf_str(&t->wish_text));
        t->wish_say = false;
    } else {
        t->wish_answer = false;
        t->unfinished = false;
    }
    send_request(t);
}

static void enter_ask_again(struct turn_arbiter *t)
{
    t->now.retried = true;
    send_request(t);
}

/* A transcript that shows that the caller is not through comes too late for an answer that is heard
 * already. Only where transcripts come in time: no answer waits for one that will be late, or never come. */
static void hold_back(struct turn_arbiter *t)
{
    const int64_t most_us = (int64_t)TURN_HEAR_MS * 1000;
    int64_t due_us = t->committed_us + MIN(2 * t->text_us, most_us);

    if (t->now.say || !t->last_item[0] || playout_active(t->playout) || t->text_us > most_us ||
        due_us <= t->now_us)
        return;
    t->hear_due_us = due_us;
    playout_pause(t->playout, t->now_us);
}

void turn_let_hear(struct turn_arbiter *t)
{
    if (t->hear_due_us)
        playout_resume(t->playout);
    t->hear_due_us = 0;
}

static void enter_thinking(struct turn_arbiter *t)
{
    set_due(t, t->set.stall_ms);
    hold_back(t);
    if (t->now.keep)
        (void)str_copy(t->kept_id, sizeof(t->kept_id), str_c(t->now.id)); /* same size */
}

static void enter_speaking(struct turn_arbiter *t)
{
    set_due(t, t->set.stall_ms);
    if (t->caller_speaks && t->engine_alone && t->sustain_due_us == 0)
        t->sustain_due_us = t->now_us + t->set.sustain_ms * 1000;
}

static void enter_finishing(struct turn_arbiter *t)
{
    t->state_due_us = 0;
    turn_move_on(t, EV_WISH);
}

/* As after a response that is done: all of its audio is here. */
static void enter_kept(struct turn_arbiter *t)
{
    t->state_due_us = 0;
}

static void enter_listening(struct turn_arbiter *t)
{
    turn_let_hear(t); /* nothing has come */
    t->state_due_us = 0;
    if (may_ask(t))
        turn_move_on(t, EV_WISH);
    else if (!turn_busy(t))
        t->ops->on_listening(t->arg);
}

static void enter_attentive(struct turn_arbiter *t)
{
    (void)t; /* the sustain timer runs already */
}

static void enter_back(struct turn_arbiter *t)
{
    t->state = t->before;
    if (t->state == TURN_FINISHING)
        turn_move_on(t, EV_WISH);
}

/* Silence at the ear; nothing is lost yet. */
static void enter_paused(struct turn_arbiter *t)
{
    t->sustain_due_us = 0;
    t->insist_due_us = t->now_us + t->set.yield_ms * 1000;
    t->silent_us = t->now_us;
    playout_pause(t->playout, t->now_us); /* may find that all was heard: turn_on_idle() */
    if (turn_insists_anew(t))
        turn_move_on(t, EV_INSISTED);
}

static void unpause(struct turn_arbiter *t)
{
    t->insist_due_us = 0;
    t->hear_due_us = 0;
    t->silent_us = 0;
    playout_resume(t->playout);
}

/* It was nothing: on from the very millisecond. */
static void go_on(struct turn_arbiter *t)
{
    log_info(&t->log, "agent goes on pause_ms=%lld",
             (long long)((t->now_us - t->silent_us) / 1000));
    unpause(t);
    t->resumed_us = t->now_us;
    enter_back(t);
}

/* The pause began with the last sound there was. */
static void nothing_left(struct turn_arbiter *t)
{
    unpause(t);
    enter_listening(t);
}

static void done_while_attentive(struct turn_arbiter *t)
{
    t->before = TURN_FINISHING;
    t->state_due_us = 0;
}

/* Cuts what the caller hears and what the engine remembers of it. */
static void silence(struct turn_arbiter *t)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];
    size_t i, n;

    n = playout_clear(t->playout, t->now_us, heard);
    for (i = 0; i < n; i++)
        t->ops->truncate(t->arg, &heard[i]);
    t->kept_id[0] = '\0';
    t->over.on = false;
    t->audible_us = 0;
    t->resumed_us = 0;
    if (!t->hear_due_us) /* else nothing was to be heard yet */
        t->ops->on_interrupted(t->arg, heard, n);
    t->hear_due_us = 0;
    t->insist_due_us = 0;
    t->silent_us = 0;
}

/* Speech over what is left of a response that is dead already. */
static void silence_leftovers(struct turn_arbiter *t)
{
    t->now.again = false;
    if (playout_active(t->playout))
        silence(t);
}

/* The caller has the floor; a response that runs is cancelled and its end awaited. */
static void enter_yielding(struct turn_arbiter *t)
{
    t->sustain_due_us = 0;
    set_due(t, TURN_CANCEL_MS);
    if (t->now.id[0])
        t->ops->cancel(t->arg, str_c(t->now.id)); /* else when it starts */
    if (playout_active(t->playout))
        silence(t);
    unpause(t);
}

/* Nothing of it was heard: the answer will be to all that the caller says. */
static void yield_unheard(struct turn_arbiter *t)
{
    if (!t->now.say)
        t->wish_answer = true;
    enter_yielding(t);
}

static void enter_ready(struct turn_arbiter *t)
{
    t->state_due_us = 0;
}

static void drop_unheard(struct turn_arbiter *t)
{
    silence(t);
    t->wish_answer = true;
    enter_listening(t);
}

static void yield_when_done(struct turn_arbiter *t)
{
    t->sustain_due_us = 0;
    silence(t);
    enter_listening(t);
}

static void yield_attentive(struct turn_arbiter *t)
{
    if (t->before == TURN_SPEAKING) {
        enter_yielding(t);
    } else {
        t->state = TURN_LISTENING;
        yield_when_done(t);
    }
}

/* The caller speaks before anything was heard: the answer will be to all of it. */
static void drop_retry(struct turn_arbiter *t)
{
    t->sustain_due_us = 0;
    if (playout_active(t->playout))
        silence(t);
    enter_listening(t);
}

static void enter_retrying(struct turn_arbiter *t)
{
    unpause(t); /* what there is of it may be heard */
    t->now.again = false;
    if (!t->now.retried) {
        set_due(t, t->set.retry_ms);
        return;
    }
    t->state = playout_active(t->playout) ? TURN_FINISHING : TURN_LISTENING;
    t->state_due_us = 0;
    t->ops->on_gave_up(t->arg, t->now.say, str_c(t->now.reason));
}

/* Asked again at once: the caller has waited long enough. */
static void never_came(struct turn_arbiter *t)
{
    (void)str_copy(t->now.reason, sizeof(t->now.reason), STR("no_answer"));
    log_warn(&t->log, "no response asked_ms=%lld tag=%u",
             (long long)((t->now_us - t->asked_us) / 1000), t->now.tag);
    if (!t->now.retried) {
        enter_ask_again(t);
        return;
    }
    t->state = TURN_RETRYING;
    enter_retrying(t);
}

static void stalled(struct turn_arbiter *t)
{
    log_warn(&t->log, "response stalled for stall_ms=%lld", (long long)t->set.stall_ms);
    unpause(t);
    (void)str_copy(t->now.reason, sizeof(t->now.reason), STR("stalled"));
    t->now.again = true;
    set_due(t, TURN_DEAD_MS);
    t->ops->cancel(t->arg, str_c(t->now.id));
}

/* Another response runs that nobody here knows: it must end, then ours is asked for again. */
static void enter_blocked(struct turn_arbiter *t)
{
    if (t->now.say && !t->wish_say) {
        buf_reset(&t->wish_text);
        buf_add_str(&t->wish_text, buf_str(&t->now.text));
        t->wish_say = true;
        t->wish_keep = t->now.keep;
    } else if (!t->now.say) {
        t->wish_answer = true;
    }
    set_due(t, TURN_CANCEL_MS);
    t->ops->cancel(t->arg, STR_EMPTY);
}

static void ended_after_cancel(struct turn_arbiter *t)
{
    if (t->now.again) {
        t->state = TURN_RETRYING;
        enter_retrying(t);
    } else {
        enter_listening(t);
    }
}

/* Not even the cancel was answered: one that has stalled need not be asked again. */
static void never_ended(struct turn_arbiter *t)
{
    t->now.retried |= t->now.again;
    ended_after_cancel(t);
}

static const struct turn_move {
    enum turn_state to; /* TURN_NONE: the event means nothing in this state */
    void (*enter)(struct turn_arbiter *t);
} moves[TURN_STATES][EV_EVENTS] = {
    [TURN_LISTENING][EV_WISH] = { TURN_ASKED, enter_ask },
    [TURN_LISTENING][EV_KEPT] = { TURN_FINISHING, enter_kept },
    [TURN_LISTENING][EV_IDLE] = { TURN_LISTENING, enter_listening },
    [TURN_LISTENING][EV_SUSTAINED] = { TURN_LISTENING, silence_leftovers },
    [TURN_LISTENING][EV_KEY] = { TURN_LISTENING, silence_leftovers },

    [TURN_ASKED][EV_STARTED] = { TURN_THINKING, enter_thinking },
    [TURN_ASKED][EV_FAILED] = { TURN_RETRYING, enter_retrying },
    [TURN_ASKED][EV_BLOCKED] = { TURN_YIELDING, enter_blocked },
    [TURN_ASKED][EV_SUSTAINED] = { TURN_YIELDING, yield_unheard },
    [TURN_ASKED][EV_JUDGED] = { TURN_YIELDING, enter_yielding },
    [TURN_ASKED][EV_UNFINISHED] = { TURN_YIELDING, yield_unheard },
    [TURN_ASKED][EV_TIMEOUT] = { TURN_ASKED, never_came },
    [TURN_ASKED][EV_KEY] = { TURN_YIELDING, enter_yielding },

    [TURN_THINKING][EV_PLAYING] = { TURN_SPEAKING, enter_speaking },
    [TURN_THINKING][EV_DONE] = { TURN_FINISHING, enter_finishing },
    [TURN_THINKING][EV_DONE_HELD] = { TURN_READY, enter_ready },
    [TURN_THINKING][EV_DONE_SILENT] = { TURN_LISTENING, enter_listening },
    [TURN_THINKING][EV_FAILED] = { TURN_RETRYING, enter_retrying },
    [TURN_THINKING][EV_SUSTAINED] = { TURN_YIELDING, yield_unheard },
    [TURN_THINKING][EV_JUDGED] = { TURN_YIELDING, enter_yielding },
    [TURN_THINKING][EV_UNFINISHED] = { TURN_YIELDING, yield_unheard },
    [TURN_THINKING][EV_TIMEOUT] = { TURN_YIELDING, stalled },
    [TURN_THINKING][EV_KEY] = { TURN_YIELDING, enter_yielding },

    [TURN_SPEAKING][EV_DONE] = { TURN_FINISHING, enter_finishing },
    [TURN_SPEAKING][EV_DONE_SILENT] = { TURN_LISTENING, enter_listening },
    [TURN_SPEAKING][EV_FAILED] = { TURN_RETRYING, enter_retrying },
    [TURN_SPEAKING][EV_SPEECH] = { TURN_ATTENTIVE, enter_attentive },
    [TURN_SPEAKING][EV_SUSTAINED] = { TURN_PAUSED, enter_paused },
    [TURN_SPEAKING][EV_JUDGED] = { TURN_YIELDING, enter_yielding },
    [TURN_SPEAKING][EV_TIMEOUT] = { TURN_YIELDING, stalled },
    [TURN_SPEAKING][EV_KEY] = { TURN_YIELDING, enter_yielding },

    [TURN_READY][EV_PLAYING] = { TURN_FINISHING, enter_finishing },
    [TURN_READY][EV_SUSTAINED] = { TURN_LISTENING, drop_unheard },
    [TURN_READY][EV_UNFINISHED] = { TURN_LISTENING, drop_unheard },
    [TURN_READY][EV_JUDGED] = { TURN_LISTENING, yield_when_done },
    [TURN_READY][EV_KEY] = { TURN_LISTENING, yield_when_done },

    [TURN_FINISHING][EV_WISH] = { TURN_ASKED, enter_ask },
    [TURN_FINISHING][EV_IDLE] = { TURN_LISTENING, enter_listening },
    [TURN_FINISHING][EV_SPEECH] = { TURN_ATTENTIVE, enter_attentive },
    [TURN_FINISHING][EV_SUSTAINED] = { TURN_PAUSED, enter_paused },
    [TURN_FINISHING][EV_JUDGED] = { TURN_LISTENING, yield_when_done },
    [TURN_FINISHING][EV_KEY] = { TURN_LISTENING, yield_when_done },

    [TURN_ATTENTIVE][EV_QUIET] = { TURN_ATTENTIVE, enter_back },
    [TURN_ATTENTIVE][EV_SUSTAINED] = { TURN_PAUSED, enter_paused },
    [TURN_ATTENTIVE][EV_JUDGED] = { TURN_YIELDING, yield_attentive },
    [TURN_ATTENTIVE][EV_DONE] = { TURN_ATTENTIVE, done_while_attentive },
    [TURN_ATTENTIVE][EV_DONE_SILENT] = { TURN_LISTENING, enter_listening },
    [TURN_ATTENTIVE][EV_FAILED] = { TURN_RETRYING, enter_retrying },
    [TURN_ATTENTIVE][EV_TIMEOUT] = { TURN_YIELDING, stalled },
    [TURN_ATTENTIVE][EV_KEY] = { TURN_YIELDING, yield_attentive },

    [TURN_PAUSED][EV_QUIET] = { TURN_PAUSED, go_on },
    [TURN_PAUSED][EV_INSISTED] = { TURN_YIELDING, yield_attentive },
    [TURN_PAUSED][EV_JUDGED] = { TURN_YIELDING, yield_attentive },
    [TURN_PAUSED][EV_DONE] = { TURN_PAUSED, done_while_attentive },
    [TURN_PAUSED][EV_DONE_SILENT] = { TURN_LISTENING, nothing_left },
    [TURN_PAUSED][EV_FAILED] = { TURN_RETRYING, enter_retrying },
    [TURN_PAUSED][EV_TIMEOUT] = { TURN_YIELDING, stalled },
    [TURN_PAUSED][EV_KEY] = { TURN_YIELDING, yield_attentive },

    [TURN_YIELDING][EV_STARTED] = { TURN_YIELDING, enter_yielding },
    [TURN_YIELDING][EV_DONE] = { TURN_LISTENING, ended_after_cancel },
    [TURN_YIELDING][EV_DONE_SILENT] = { TURN_LISTENING, ended_after_cancel },
    [TURN_YIELDING][EV_FAILED] = { TURN_LISTENING, ended_after_cancel },
    [TURN_YIELDING][EV_TIMEOUT] = { TURN_LISTENING, never_ended },
    [TURN_YIELDING][EV_SUSTAINED] = { TURN_YIELDING, silence_leftovers },
    [TURN_YIELDING][EV_KEY] = { TURN_YIELDING, silence_leftovers },

    [TURN_RETRYING][EV_TIMEOUT] = { TURN_ASKED, enter_ask_again },
    [TURN_RETRYING][EV_SUSTAINED] = { TURN_LISTENING, drop_retry },
    [TURN_RETRYING][EV_KEY] = { TURN_LISTENING, drop_retry },
};

void turn_move_on(struct turn_arbiter *t, enum turn_event ev)
{
    const struct turn_move *m = &moves[t->state][ev];

    if (ev == EV_WISH && !may_ask(t))
        return;
    if (m->to == TURN_NONE)
        return;
    if ((ev == EV_SPEECH || ev == EV_SUSTAINED) && t->state != TURN_ATTENTIVE)
        t->before = t->state;
    if (t->state != m->to)
        log_debug(&t->log, "turn %s: %s -> %s", event_names[ev], state_names[t->state],
                  state_names[m->to]);
    t->state = m->to;
    m->enter(t);
}

void turn_respond(struct turn_arbiter *t, int64_t now_us)
{
    t->now_us = now_us;
    t->wish_answer = true;
    turn_move_on(t, EV_WISH);
}

void turn_say(struct turn_arbiter *t, struct str text, bool keep, int64_t now_us)
{
    size_t n = MIN(text.n, (size_t)TURN_SAY_MAX);

    while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xC0) == 0x80)
        n--; /* not inside a character */
    t->now_us = now_us;
    buf_reset(&t->wish_text);
    buf_add_str(&t->wish_text, str_slice(text, 0, n));
    t->wish_say = true;
    t->wish_keep = keep;
    turn_move_on(t, EV_WISH);
}

void turn_on_kept(struct turn_arbiter *t, struct str keep_id, int64_t now_us)
{
    t->now_us = now_us;
    (void)str_copy(t->kept_id, sizeof(t->kept_id), keep_id); /* a name of ours fits */
    turn_move_on(t, EV_KEPT);
}

void turn_on_response_started(struct turn_arbiter *t, struct str response_id, uint32_t tag,
                              int64_t now_us)
{
    t->now_us = now_us;
    if (tag != 0 && tag == t->now.tag && t->now.id[0] == '\0' &&
        (t->state == TURN_ASKED || t->state == TURN_YIELDING) &&
        str_copy(t->now.id, sizeof(t->now.id), response_id)) {
        turn_move_on(t, EV_STARTED);
        return;
    }
    /* Late, after the watchdog, or nobody's: it must not speak. */
    log_warn(&t->log, "response of nobody cancelled tag=%u", tag);
    t->ops->cancel(t->arg, response_id);
}

static enum turn_event done_event(const struct turn_arbiter *t, const struct voice_response *r)
{
    if (r->status == VOICE_FAILED)
        return EV_FAILED;
    if (playout_active(t->playout))
        return t->hear_due_us ? EV_DONE_HELD : EV_DONE;
    /* A filter, or a limit, ended it before a word: as good as failed. */
    return r->status == VOICE_INCOMPLETE && t->state == TURN_THINKING ? EV_FAILED : EV_DONE_SILENT;
}

void turn_on_response_done(struct turn_arbiter *t, const struct voice_response *r, int64_t now_us)
{
    bool ours = t->now.id[0] && str_eq_c(r->id, t->now.id);

    t->now_us = now_us;
    playout_response_end(t->playout, r->id);
    if (!ours && !(t->state == TURN_YIELDING && t->now.id[0] == '\0'))
        return;
    (void)str_copy(t->now.reason, sizeof(t->now.reason), r->reason); /* shortened is fine */
    if (r->status == VOICE_FAILED || r->status == VOICE_INCOMPLETE)
        log_warn(&t->log, "response %s reason=" STR_FMT,
                 r->status == VOICE_FAILED ? "failed" : "incomplete", STR_ARG(r->reason));
    turn_move_on(t, done_event(t, r));
    if (ours)
        t->now.id[0] = '\0'; /* unless the move has asked again, which clears it too */
}

bool turn_wants(const struct turn_arbiter *t, struct str response_id)
{
    bool attentive = t->state == TURN_ATTENTIVE || t->state == TURN_PAUSED;
    bool runs = t->state == TURN_THINKING || t->state == TURN_SPEAKING ||
                (attentive && t->before == TURN_SPEAKING);

    return runs && t->now.id[0] && str_eq_c(response_id, t->now.id);
}

void turn_on_progress(struct turn_arbiter *t, struct str response_id, int64_t now_us)
{
    if (!turn_wants(t, response_id))
        return;
    t->now_us = now_us;
    set_due(t, t->set.stall_ms);
}

void turn_on_playing(struct turn_arbiter *t, struct str response_id, int64_t now_us)
{
    t->now_us = now_us;
    if (t->audible_us == 0)
        t->audible_us = now_us;
    if (t->state == TURN_READY ||
        turn_wants(t, response_id)) /* a part of the one before may only now be played */
        turn_move_on(t, EV_PLAYING);
}

void turn_on_idle(struct turn_arbiter *t, int64_t now_us)
{
    t->now_us = now_us;
    t->audible_us = 0;
    if ((t->state == TURN_ATTENTIVE || t->state == TURN_PAUSED) && t->before == TURN_FINISHING) {
        unpause(t);
        t->state = TURN_FINISHING; /* nothing is left to be attentive about */
    }
    turn_move_on(t, EV_IDLE);
}

void turn_on_refused(struct turn_arbiter *t, const struct voice_error *e, int64_t now_us)
{
    bool open = t->state == TURN_ASKED || (t->state == TURN_YIELDING && t->now.id[0] == '\0');

    t->now_us = now_us;
    if (e->kind == VOICE_ERROR_ACTIVE) {
        turn_move_on(t, EV_BLOCKED);
    } else if (e->kind == VOICE_ERROR_RESPONSE && open && (e->tag == 0 || e->tag == t->now.tag)) {
        (void)str_copy(t->now.reason, sizeof(t->now.reason), e->code);
        turn_move_on(t, EV_FAILED);
    }
}

static bool due(int64_t *at_us, int64_t now_us)
{
    if (*at_us == 0 || *at_us > now_us)
        return false;
    *at_us = 0;
    return true;
}

static void run_due(struct turn_arbiter *t)
{
    if (due(&t->voice_due_us, t->now_us))
        turn_voice_ended(t);
    if (due(&t->sustain_due_us, t->now_us))
        turn_sustained(t);
    if (due(&t->insist_due_us, t->now_us))
        turn_insisted(t);
    if (due(&t->judge_due_us, t->now_us)) {
        t->wish_answer = true; /* unjudged: rather an answer too many */
        turn_move_on(t, EV_WISH);
    }
    if (due(&t->commit_due_us, t->now_us) | due(&t->hold_due_us, t->now_us))
        turn_move_on(t, EV_WISH); /* what waited for the caller need not wait longer */
    if (t->hear_due_us && t->hear_due_us <= t->now_us) {
        t->text_us = 0; /* transcripts are slow, or none come */
        turn_let_hear(t);
    }
    if (due(&t->state_due_us, t->now_us))
        turn_move_on(t, EV_TIMEOUT);
}

int64_t turn_tick(struct turn_arbiter *t, int64_t now_us)
{
    const int64_t *const dues[] = { &t->sustain_due_us, &t->commit_due_us, &t->insist_due_us,
                                    &t->judge_due_us,   &t->voice_due_us,  &t->hold_due_us,
                                    &t->hear_due_us,    &t->state_due_us };
    int64_t next = -1;
    size_t i;

    t->now_us = now_us;
    run_due(t);
    if (t->keys && t->state == TURN_FINISHING && !turn_protected(t))
        turn_move_on(t, EV_KEY); /* pressed while what went before had to be heard */
    for (i = 0; i < ARRAY_LEN(dues); i++) {
        if (*dues[i] && (next < 0 || *dues[i] < next))
            next = *dues[i];
    }
    return next;
}
