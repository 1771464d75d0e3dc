/* What the witnesses of the caller's speech make of it. */
#include "voice/turn_arbiter_internal.h"
#include "voice/turn_words.h"

bool turn_attentive(const struct turn_arbiter *t)
{
    return t->state != TURN_LISTENING;
}

static bool audible(const struct turn_arbiter *t)
{
    return playout_active(t->playout) && !t->hear_due_us;
}

static void over_begins(struct turn_arbiter *t)
{
    if (t->over.on || !audible(t))
        return;
    t->over.on = true;
    t->over.voice = t->over.heeded = false;
}

/* It is the caller's voice, as far as our own detection can tell. */
static bool is_callers(const struct turn_arbiter *t)
{
    return !t->voice.aside &&
           (t->piece.voiced_ms + t->voice.voiced_ms >= VAD_VOICED_MS || !turn_attentive(t));
}

static int64_t onset_us(const struct turn_arbiter *t)
{
    return t->now_us - (t->voice.ms + t->voice.quiet_ms) * 1000;
}

/* Speech that was there before the agent's voice, or before an answer was asked for, interrupts neither
 * unless the engine hears it too: it may be a radio. */
static bool is_newer(const struct turn_arbiter *t)
{
    return t->caller_speaks || onset_us(t) >= (audible(t) ? t->audible_us : t->asked_us);
}

/* A word that has ended already makes an agent who is heard pause as well: "stop" is no longer than that. */
static bool is_a_word(const struct turn_arbiter *t)
{
    return audible(t) && t->voice.ms >= MIN(TURN_WORD_MS, t->set.sustain_ms) && !t->voice.hum &&
           !t->passed_over;
}

static bool is_sustained(const struct turn_arbiter *t)
{
    if (t->voice.quiet_ms > 0)
        return is_a_word(t);
    return t->hum_passed ? t->voice.ms >= t->set.hum_ms
                         : t->piece.ms + t->voice.ms >= t->set.sustain_ms;
}

bool turn_insists_anew(const struct turn_arbiter *t)
{
    bool went_on = t->resumed_us && t->now_us - t->resumed_us < (int64_t)TURN_AGAIN_MS * 1000;

    return went_on && (t->engine_alone || t->voice.ms >= t->set.sustain_ms);
}

static void voice_sustained(struct turn_arbiter *t)
{
    if (!is_sustained(t) || !is_callers(t) || !is_newer(t) || turn_protected(t))
        return;
    turn_move_on(t, EV_SUSTAINED);
    if (t->state == TURN_PAUSED && turn_insists_anew(t))
        turn_move_on(t, EV_INSISTED);
}

/* In noise, or between its syllables, one speech comes in pieces. */
static void voice_begins(struct turn_arbiter *t)
{
    t->hum_passed = t->passed_over = false;
    if (onset_us(t) - t->piece.until_us > (int64_t)TURN_JOIN_MS * 1000)
        t->piece.ms = t->piece.voiced_ms = 0;
}

static void keep_piece(struct turn_arbiter *t)
{
    if (t->voice.aside || !audible(t))
        return;
    t->piece.ms += t->voice.ms;
    t->piece.voiced_ms += t->voice.voiced_ms;
    t->piece.until_us = t->now_us - t->voice.quiet_ms * 1000;
}

static void voice_goes_on(struct turn_arbiter *t, bool began)
{
    t->voice_seen_us = t->now_us;
    t->voice_due_us = t->now_us + (int64_t)TURN_FRAMES_MS * 1000;
    t->engine_alone = false;
    t->sustain_due_us = 0;
    if (began)
        voice_begins(t);
    over_begins(t);
    t->over.voice = true;
    t->over.heeded = t->over.heeded || is_callers(t);
    if (!audible(t) && !t->voice.aside)
        t->over.on = false;
    if (began && !turn_protected(t))
        turn_move_on(t, EV_SPEECH);
    voice_sustained(t);
}

void turn_voice_ended(struct turn_arbiter *t)
{
    t->voice.speech = false;
    t->voice_due_us = 0;
    keep_piece(t);
    turn_move_on(t, EV_QUIET);
}

void turn_on_voice(struct turn_arbiter *t, const struct vad_now *v, int64_t now_us)
{
    bool before = t->voice.speech;

    t->now_us = now_us;
    t->voice = *v;
    if (v->speech)
        voice_goes_on(t, !before);
    else if (before)
        turn_voice_ended(t);
    turn_move_on(t, EV_WISH); /* it may have waited for this voice */
}

void turn_on_speech_started(struct turn_arbiter *t, int64_t since_us, int64_t now_us)
{
    t->now_us = now_us;
    t->caller_speaks = true;
    t->speech_us = MIN(since_us, now_us);
    t->commit_due_us = 0;
    over_begins(t);
    /* Our own detection has had its say on these sounds. */
    t->engine_alone =
        !t->voice.speech && (t->voice_seen_us == 0 || t->voice_seen_us < t->speech_us);
    if (!t->engine_alone)
        return;
    t->sustain_due_us = MAX(t->speech_us + t->set.sustain_ms * 1000, now_us);
    if (!turn_protected(t))
        turn_move_on(t, EV_SPEECH);
}

void turn_on_speech_stopped(struct turn_arbiter *t, int64_t now_us)
{
    t->now_us = now_us;
    t->caller_speaks = false;
    t->sustain_due_us = 0;
    t->commit_due_us = now_us + (int64_t)TURN_COMMIT_MS * 1000;
    if (t->engine_alone)
        turn_move_on(t, EV_QUIET);
}

/* The agent talked on over it: was it meant to be answered? The transcript will tell. */
static bool await_judgement(struct turn_arbiter *t, struct str item_id)
{
    bool spoken = t->over.heeded || !t->over.voice;

    if (!t->over.on)
        return false;
    t->over.on = false;
    if (!spoken) {
        log_info(&t->log, "sounds over the agent's voice were not the caller's: no turn");
        return true;
    }
    if (!audible(t) || t->now_us - t->speech_us >= (int64_t)TURN_SHORT_MS * 1000 ||
        !str_copy(t->judge_item, sizeof(t->judge_item), item_id))
        return false;
    t->judge_due_us = t->now_us + (int64_t)TURN_JUDGE_MS * 1000;
    return true;
}

void turn_was_before(struct turn_arbiter *t)
{
    t->over.on = false;
}

bool turn_on_committed(struct turn_arbiter *t, struct str item_id, int64_t now_us)
{
    bool answer;

    t->now_us = now_us;
    t->caller_speaks = false;
    t->sustain_due_us = 0;
    t->commit_due_us = 0;
    t->last_item[0] = '\0';
    answer = !await_judgement(t, item_id);
    if (answer) {
        t->wish_answer = true;
        t->committed_us = now_us;
        (void)str_copy(t->last_item, sizeof(t->last_item), item_id); /* else it is not waited for */
        if (t->unfinished)
            t->hold_due_us = now_us + (int64_t)TURN_TEXT_MS * 1000;
    }
    turn_move_on(t, EV_WISH);
    return answer;
}

static bool judge(struct turn_arbiter *t, struct str text)
{
    t->judge_due_us = 0;
    if (text.n == 0 || turn_words_backchannel(text, t->set.language)) {
        log_info(&t->log, "speech over the agent's voice was no turn words=%d", text.n > 0);
        return false;
    }
    t->wish_answer = true;
    if (!turn_protected(t))
        turn_move_on(t, EV_JUDGED);
    turn_move_on(t, EV_WISH);
    return true;
}

/* How long the caller may think before the turn counts as over. */
static void hear_out(struct turn_arbiter *t, struct str text)
{
    const int64_t waits_ms[PAUSES] = { 0, t->set.hesitation_ms, t->set.digits_ms,
                                       t->set.spelling_ms };
    enum turn_pause pause;

    bool unheard = t->state == TURN_ASKED || t->state == TURN_THINKING || t->state == TURN_READY;
    bool answering = unheard && !t->now.say;

    if (!t->unfinished)
        buf_reset(&t->pieces);
    buf_add_str(&t->pieces, text);
    buf_add_char(&t->pieces, ' ');
    pause = turn_words_pause(buf_str(&t->pieces), t->set.language);
    t->last_item[0] = '\0';
    t->text_us = t->now_us - t->committed_us;
    t->hold_due_us = 0;
    t->unfinished = false;
    if (waits_ms[pause] > 0 && (answering || t->wish_answer)) {
        log_info(&t->log, "the caller is not through: %s wait_ms=%lld", turn_pause_name(pause),
                 (long long)waits_ms[pause]);
        t->hold_due_us = t->committed_us + waits_ms[pause] * 1000;
        if (answering)
            turn_move_on(t, EV_UNFINISHED);
        t->unfinished = true;
    }
    turn_let_hear(t);
    turn_move_on(t, EV_WISH);
}

bool turn_on_caller_text(struct turn_arbiter *t, struct str item_id, struct str text,
                         int64_t now_us)
{
    t->now_us = now_us;
    if (t->judge_due_us && str_eq_c(item_id, t->judge_item))
        return judge(t, text);
    if (t->last_item[0] && str_eq_c(item_id, t->last_item))
        hear_out(t, text);
    return false;
}

int64_t turn_hears_out_us(const struct turn_arbiter *t)
{
    return t->hold_due_us;
}

int64_t turn_silent_since_us(const struct turn_arbiter *t)
{
    return t->silent_us;
}

void turn_on_keys(struct turn_arbiter *t, bool pressing, int64_t now_us)
{
    t->now_us = now_us;
    t->keys = pressing;
    if (!pressing)
        turn_move_on(t, EV_WISH);
    else if (!turn_protected(t))
        turn_move_on(t, EV_KEY);
}

/* ---- timers ---- */

void turn_sustained(struct turn_arbiter *t)
{
    if (!t->caller_speaks)
        return;
    if (turn_protected(t)) /* what comes after it can be interrupted by the same speech */
        t->sustain_due_us = t->now_us + (int64_t)TURN_RECHECK_MS * 1000;
    else
        turn_move_on(t, EV_SUSTAINED);
}

/* The agent has paused, and the caller still speaks: a hum does not take the floor, nor does who has just
 * ended. If there was only a gap between two words, the second makes the agent yield. */
void turn_insisted(struct turn_arbiter *t)
{
    bool hum = t->voice.hum && t->voice.ms < t->set.hum_ms && !t->hum_passed;
    bool breath = t->voice.quiet_ms >= TURN_BREATH_MS;

    if (t->voice.speech && (hum || breath)) {
        t->hum_passed = hum;
        t->passed_over = true;
        turn_move_on(t, EV_QUIET);
    } else {
        turn_move_on(t, EV_INSISTED);
    }
}
