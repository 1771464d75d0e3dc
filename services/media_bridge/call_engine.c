/* The connection to the voice engine: made, lost, and made again with the conversation restored. */
#include "concierge/prompt.h"
#include "media_bridge/call_internal.h"
#include "media_bridge/hold_tone.h"
#include "media_bridge/sentences.h"
#include "net/ctx.h"
#include "voice/g711.h"

#define PAST_UNKNOWN "What was said is not on record; ask the caller how to go on."
#define RESTORED_NOTE                                                                          \
    "The voice connection was lost for a moment; the conversation so far was restored. Go on " \
    "where it was. Do not "                                                                    \
    "greet the caller again, and do not repeat what a tool has done already."

/* ---- connecting ---- */

static void retry_or_fail(struct call *c, bool permanent)
{
    if (!permanent && c->engine_tries < CALL_ENGINE_ATTEMPTS) {
        log_warn(&c->log, "voice engine not reached, trying again connects=%d error=\"%s\"",
                 c->engine_connects, c->engine_err.text);
        timer_start(&c->engine_retry,
                    jitter_ms((int64_t)CALL_ENGINE_RETRY_MS << (c->engine_tries - 1)));
        return;
    }
    log_warn(&c->log, "voice engine failed permanent=%d connects=%d error=\"%s\"", permanent,
             c->engine_connects, c->engine_err.text);
    c->engine_failed = true;
    if (c->started)
        call_leave(c, END_ENGINE_FAILED);
}

/* The next engine is told what was said; what the caller says meanwhile is held, and given to it. */
static void take_over(struct call *c, struct voice_engine *lost)
{
    int64_t dropped = c->ops->audio_dropped_ms(lost);

    c->counters.audio_dropped_ms += dropped;
    c->audio_given_ms -= dropped;
    if (!c->replacing) /* else what it did not send is heard again */
        c->ops->hand_over(lost, c->engine);
    c->ops->close(lost);
}

enum errc call_engine_open(struct call *c, struct voice_engine **ret,
                           const struct voice_events *events, struct err *err)
{
    const struct voice_connect connect = { .settings = &c->bridge->settings->voice,
                                           .model = c->bridge->model,
                                           .loop = c->loop,
                                           .tls = c->bridge->service->tls,
                                           .log = c->log,
                                           .events = events,
                                           .arg = c };

    return c->ops->connect(ret, &connect, err);
}

static void connect_engine(struct call *c)
{
    struct voice_engine *lost = c->engine;

    timer_stop(&c->engine_retry); /* or one that is well would be replaced by another */
    c->engine_connects++;
    c->engine_tries++;
    c->engine_err = (struct err)ERR_INIT;
    if (call_engine_open(c, &c->engine, &call_engine_events, &c->engine_err)) {
        c->engine = lost;
        retry_or_fail(c, c->engine_err.code == ERR_INVALID);
        return;
    }
    if (lost)
        take_over(c, lost);
    if (c->configured)
        call_engine_configure(c);
}

/* A first connection is held back by nobody; further ones wait for their turn among all calls. */
void call_engine_connect(struct call *c)
{
    attempts_count(&c->bridge->attempts, call_now_us(c));
    connect_engine(c);
}

static void on_engine_retry(void *arg)
{
    struct call *c = arg;
    int64_t wait_us = attempts_take(&c->bridge->attempts, call_now_us(c));

    if (wait_us) {
        log_warn(&c->log, "voice engine: too many attempts a minute, waiting wait_ms=%lld",
                 (long long)wait_us / 1000);
        timer_start(&c->engine_retry, wait_us / 1000 + jitter_ms(CALL_ENGINE_RETRY_MS));
        return;
    }
    connect_engine(c);
}

enum errc call_engine_setup(struct call *c, struct voice_engine *e, struct err *err)
{
    const struct bridge *b = c->bridge;
    struct arena arena = ARENA_INIT;
    const struct prompt_call call = { .now_s = clock_wall_s(b->service->clock),
                                      .from = c->from,
                                      .after_no_answer = c->after_no_answer,
                                      .journal = c->attempt > 0 && !c->past_known
                                                     ? STR(PAST_UNKNOWN)
                                                     : c->past.text,
                                      .moved = c->past.moved };
    const struct voice_session session = {
        .instructions = prompt_for_call(b->prompt, &arena, &call),
        .voice = b->voice,
        .transcription_model = b->transcription_model,
        .language = b->profile->n_languages ? b->profile->languages[0] : STR_EMPTY,
        .tools = b->prompt->tools,
        .speed = b->profile->voice.speed == 1.0 ? 0 : b->profile->voice.speed,
    };
    enum errc rc = c->ops->configure(e, &session, err);

    arena_release(&arena);
    return rc;
}

void call_engine_configure(struct call *c)
{
    struct err err = ERR_INIT;

    c->configured = true;
    if (c->engine && call_engine_setup(c, c->engine, &err)) {
        c->engine_err = err;
        log_error(&c->log, "voice session refused error=\"%s\"", err.text);
        c->engine_failed = true;
        if (c->state == CALL_TALKING)
            call_leave(c, END_ENGINE_FAILED);
    }
}

void call_engine_close(struct call *c)
{
    timer_stop(&c->engine_retry);
    if (c->engine) {
        c->counters.audio_dropped_ms += c->ops->audio_dropped_ms(c->engine);
        c->engine = c->ops->close(c->engine);
    }
    c->engine_ready = false;
}

void call_engine_on_connected(void *arg, struct str session_id, int64_t expires_at_s)
{
    struct call *c = arg;
    int64_t ms = loop_now_ms(c->loop) - c->upgraded_ms;

    if (c->engine_connect_ms < 0)
        c->engine_connect_ms = ms;
    log_info(&c->log, "voice engine connected session_id=" STR_FMT " connect_ms=%lld",
             STR_ARG(session_id), (long long)ms);
    call_rollover_plan(c, expires_at_s);
}

/* ---- lost in mid-call ---- */

/* Whatever was asked of it is not coming. What it has said already is still heard. */
static void forget_engine(struct call *c)
{
    c->engine_ready = false;
    c->engine_held = false;
    timer_stop(&c->deaf.timer);
    c->deaf.asked = false;
    c->audio_given_ms = 0;
    c->counters.responses_unmetered += c->response_runs;
    c->response_runs = false;
    c->asked_tag = 0;
    c->caller_speaks = c->keys.open;
    c->voiced_until_us = 0;
    c->voiced_since_us = 0;
    timer_stop(&c->mute_timer);
    timer_stop(&c->silence_timer);
    timer_stop(&c->turn_timer);
    playout_response_end(c->playout, str_c(c->response_id));
    playout_resume(c->playout); /* the arbiter that paused it is forgotten */
    call_opening_engine_lost(c);
    call_rollover_drop(c);
    call_turn_renew(c);
}

/* The turn whose words it has not told is heard again by the next, with all that the caller says meanwhile. */
static void keep_words(struct call *c)
{
    c->replacing = true;
    caller_audio_keep(&c->caller_audio);
    c->heard_again = caller_audio_kept(&c->caller_audio) > 0;
    if (!journal_engine_lost(c->journal, true))
        c->answer_owed = false; /* it will be owed anew */
}

static void give_words(struct call *c)
{
    uint8_t ulaw[CALL_REPLAY_MS * G711_BYTES_PER_MS] UNINITIALIZED;
    size_t n = caller_audio_kept(&c->caller_audio), at, piece;

    c->replacing = false;
    c->audio_given_ms = (int64_t)(n / G711_BYTES_PER_MS);
    for (at = 0; at < n; at += piece) {
        piece = MIN(n - at, sizeof(ulaw));
        caller_audio_read(&c->caller_audio, at, ulaw, piece);
        c->ops->audio(c->engine, ulaw, piece);
    }
}

static bool opening_heard(const struct call *c)
{
    return !c->opens || c->parts_heard > 0;
}

/* The call is over but for the last words: nobody is connected for that. */
static void end_without_engine(struct call *c)
{
    if (!playout_active(c->playout))
        call_leave(c, c->farewell.armed ? c->farewell.reason : END_SHUTDOWN);
}

static void engine_lost(struct call *c, bool permanent)
{
    log_warn(&c->log, "voice engine lost in mid-call losses=%d error=\"%s\"", c->engine_losses + 1,
             c->engine_err.text);
    forget_engine(c);
    if (c->farewell.armed || c->moving) {
        (void)journal_engine_lost(c->journal, false); /* what there is of it is all */
        end_without_engine(c);
        return;
    }
    if (permanent || ++c->engine_losses > CALL_ENGINE_LOSSES_MAX) {
        (void)journal_engine_lost(c->journal, false);
        call_leave(c, END_ENGINE_FAILED);
        return;
    }
    keep_words(c);
    if (!opening_heard(c) && !call_opening_plays(c))
        call_voice_drop(c); /* said again from its beginning */
    c->engine_tries = 0;
    c->lost_ms = loop_now_ms(c->loop);
    timer_start(&c->state_timer, CALL_RESTORE_MS);
    call_wait_go_on(c);
    timer_start(&c->engine_retry, jitter_ms(CALL_ENGINE_RETRY_MS));
    call_pump(c);
}

static void recall_turn(void *arg, enum voice_role role, struct str text)
{
    struct call *c = arg;

    c->recalled++;
    if (c->ops->remember(c->engine, role, text))
        log_warn(&c->log, "voice engine took no earlier turn");
}

static void recall_tool(void *arg, const struct voice_tool_call *call, const struct str *output)
{
    struct call *c = arg;

    c->recalled++;
    if (c->ops->remember_tool(c->engine, call, output))
        log_warn(&c->log, "voice engine took no earlier tool call");
}

void call_engine_recall(struct call *c, const char *note)
{
    static const struct journal_recall to = { recall_turn, recall_tool };

    c->recalled = 0;
    journal_recall(c->journal, &to, c);
    recall_turn(c, VOICE_SYSTEM, str_c(note));
}

static void speak_again(struct call *c)
{
    const struct sentences *say = c->bridge->sentences;
    int64_t now = call_now_us(c);
    bool plays = call_opening_plays(c); /* then nobody has noticed anything yet */

    if (!opening_heard(c) && !plays) {
        call_voice_open(c);
    } else {
        if (!plays && !vad_now(c->vad)->speech) /* who speaks has not noticed anything either */
            turn_say(c->turn, str_c(say->interrupted), c->heard_again, now);
        if (c->answer_owed && tools_pending(c->tools) == 0)
            c->answer_due = true;
    }
    call_answer_tools(c);
}

static void engine_restored(struct call *c)
{
    timer_stop(&c->state_timer);
    call_engine_recall(c, RESTORED_NOTE);
    give_words(c);
    log_info(&c->log, "voice engine replaced items=%d gap_ms=%lld given_again_ms=%lld", c->recalled,
             (long long)(loop_now_ms(c->loop) - c->lost_ms), (long long)c->audio_given_ms);
    speak_again(c);
    call_wait_go_on(c);
    call_pump(c);
}

void call_engine_on_ready(void *arg)
{
    struct call *c = arg;

    c->engine_ready = true;
    if (c->state == CALL_TALKING)
        engine_restored(c);
    else
        call_event(c, EV_READY);
}

void call_engine_on_closed(void *arg, const struct err *err, bool permanent)
{
    struct call *c = arg;
    bool was_ready = c->engine_ready;

    c->engine_err = *err;
    c->engine_ready = false;
    if (c->state >= CALL_LEAVING) {
        call_engine_close(c);
        call_settle(c);
    } else if (was_ready) {
        engine_lost(c, permanent);
    } else {
        retry_or_fail(c, permanent); /* the lost session keeps what the caller says meanwhile */
    }
}

/* From the arbiter's own stack, which must unwind first. */
void call_engine_replace(struct call *c)
{
    c->engine_mute = true;
    timer_start(&c->engine_retry, 0);
}

static void on_retry_timer(void *arg)
{
    struct call *c = arg;

    if (!c->engine_mute) {
        on_engine_retry(c);
        return;
    }
    c->engine_mute = false;
    err_set(&c->engine_err, ERR_TIMEOUT, "voice engine gives no answer");
    engine_lost(c, false);
    if (c->state == CALL_TALKING)
        on_engine_retry(c); /* at once: the old session would not hold what the caller says */
}

/* ---- the caller who waits ---- */

bool call_part_is_ours(const struct voice_part *part)
{
    return str_eq_c(part->item_id, CALL_HOLD_ITEM);
}

/* Something is due, and nothing is heard, unless it is our tone. */
static bool waits(const struct call *c)
{
    struct voice_part part;

    if (c->caller_speaks || (c->replacing && vad_now(c->vad)->speech))
        return false;
    if (playout_current(c->playout, &part) && !call_part_is_ours(&part))
        return false;
    return c->state == CALL_STARTING || (c->state == CALL_LEAVING && c->ws && !c->stopped) ||
           (c->state == CALL_TALKING &&
            (!c->engine_ready || c->engine_mute || c->deaf.asked || turn_busy(c->turn)));
}

static void on_wait(void *arg)
{
    const struct voice_part part = { .item_id = STR(CALL_HOLD_ITEM) };
    struct call *c = arg;
    uint8_t tone[HOLD_TONE_BYTES];

    if (!waits(c) || playout_active(c->playout))
        return;
    hold_tone(tone);
    if (playout_add(c->playout, &part, tone, sizeof(tone)) == ERR_OK)
        playout_part_end(c->playout, &part);
    call_wait_begin(c);
    call_pump(c);
}

void call_wait_begin(struct call *c)
{
    timer_start(&c->wait_timer, CALL_WAIT_MS);
}

void call_wait_go_on(struct call *c)
{
    if (!timer_running(&c->wait_timer))
        call_wait_begin(c);
}

static void on_unheard(void *arg)
{
    struct call *c = arg;

    log_error(&c->log, "not a word from the voice engine waited_ms=%d", CALL_UNHEARD_MS);
    call_leave(c, END_ENGINE_FAILED);
}

void call_watch_engine(struct call *c)
{
    if (!waits(c))
        timer_stop(&c->unheard_timer);
    else if (!timer_running(&c->unheard_timer))
        timer_start(&c->unheard_timer, CALL_UNHEARD_MS);
}

/* ---- an engine that tells nothing of what it hears ---- */

static bool is_idle(const struct call *c)
{
    return c->state == CALL_TALKING && c->engine_ready && !c->caller_speaks && !c->response_runs &&
           c->asked_tag == 0 && tools_pending(c->tools) == 0;
}

void call_engine_untold(struct call *c, int64_t spoke_ms)
{
    if (spoke_ms >= CALL_DEAF_SPEECH_MS && is_idle(c) && !timer_running(&c->deaf.timer))
        timer_start(&c->deaf.timer, CALL_DEAF_MS);
}

void call_engine_alive(struct call *c)
{
    timer_stop(&c->deaf.timer);
    if (c->deaf.asked)
        caller_audio_known(&c->caller_audio, true); /* it was no speech */
    c->deaf.asked = false;
}

/* It may have been noise: one that is there refuses to cancel what does not run. */
static void on_deaf(void *arg)
{
    struct call *c = arg;

    if (!is_idle(c)) {
        c->deaf.asked = false;
        return;
    }
    if (c->deaf.asked) {
        c->deaf.asked = false;
        call_engine_replace(c);
        return;
    }
    c->deaf.asked = true;
    caller_audio_keep(&c->caller_audio);
    if (c->ops->cancel(c->engine, STR_EMPTY))
        log_warn(&c->log, "voice engine took no cancel");
    timer_start(&c->wait_timer, CALL_WAIT_MS - CALL_DEAF_MS);
    timer_start(&c->deaf.timer, CALL_DEAF_REPLY_MS);
}

void call_engine_init_timers(struct call *c)
{
    timer_init(&c->deaf.timer, c->loop, on_deaf, c);
    timer_init(&c->unheard_timer, c->loop, on_unheard, c);
    timer_init(&c->engine_retry, c->loop, on_retry_timer, c);
    timer_init(&c->wait_timer, c->loop, on_wait, c);
}
