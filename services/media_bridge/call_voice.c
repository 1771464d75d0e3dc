/* What the voice engine hears, says and asks for. */
#include <string.h>

#include "media_bridge/call_internal.h"
#include "media_bridge/sentences.h"
#include "voice/g711.h"

/* Nobody speaks, and nothing is due. */
static bool is_silent(const struct call *c)
{
    return c->engine_ready && !c->caller_speaks && !c->farewell.armed && !c->moving &&
           !c->answer_due && tools_pending(c->tools) == 0 && !turn_busy(c->turn);
}

/* Also after sounds that were no turn: they are followed by nothing. */
static void watch_silence(struct call *c)
{
    if (!timer_running(&c->silence_timer) && is_silent(c))
        timer_start(&c->silence_timer, (int64_t)c->bridge->profile->limits.silence_prompt_s * 1000);
}

/* Nothing is heard because a tool runs. */
static bool waits_for_tool(const struct call *c)
{
    return tools_pending(c->tools) > 0 && c->engine_ready && !c->caller_speaks && !c->moving &&
           !c->response_runs && !turn_busy(c->turn);
}

static void watch_tools(struct call *c)
{
    int64_t slow_ms = c->bridge->settings->tool_slow_ms;

    if (tools_pending(c->tools) == 0)
        c->slow_told = 0;
    if (slow_ms == 0 || !waits_for_tool(c))
        timer_stop(&c->slow_timer);
    else if (!timer_running(&c->slow_timer))
        timer_start(&c->slow_timer, c->slow_told ? CALL_TOOL_SLOWER_MS : slow_ms);
}

static void arm(struct timer *t, int64_t at_us)
{
    if (at_us < 0)
        timer_stop(t);
    else
        timer_start_at(t, (at_us + 999) / 1000);
}

bool call_talks(const struct call *c)
{
    return c->state == CALL_TALKING || (c->state == CALL_STARTING && c->opening.kept);
}

void call_pump(struct call *c)
{
    int64_t now = call_now_us(c);

    if (call_talks(c))
        (void)turn_tick(c->turn, now); /* it may let go on what was held back */
    if (c->state == CALL_STARTING || c->state == CALL_TALKING || c->state == CALL_LEAVING)
        arm(&c->playout_timer, playout_tick(c->playout, now));
    if (!call_talks(c))
        return; /* the last word was heard */
    arm(&c->turn_timer, turn_tick(c->turn, now));
    if (c->state == CALL_TALKING) {
        watch_silence(c);
        watch_tools(c);
        call_watch_engine(c);
    }
    call_move_look(c);
    if (c->engine_held && c->engine && playout_queued_ms(c->playout) < PLAYOUT_FULL_MS / 2) {
        c->engine_held = false;
        c->ops->hold(c->engine, false);
    }
}

static void on_pump(void *arg)
{
    call_pump(arg);
}

/* ---- the caller ---- */

/* Our own detection, a round trip before the engine's. */
static void detect(struct call *c, const uint8_t *ulaw, size_t n)
{
    const struct vad_now was = *vad_now(c->vad);
    const struct vad_now *v;

    vad_hear(c->vad, ulaw, n, turn_attentive(c->turn));
    v = vad_now(c->vad);
    if (v->speech && !was.speech)
        caller_audio_voice(&c->caller_audio, v->ms + CALL_ONSET_MS);
    if (!v->speech && was.speech) {
        caller_audio_quiet(&c->caller_audio);
        call_engine_untold(c, was.ms);
    }
    if (!call_talks(c) || !(was.speech || v->speech))
        return;
    if (!was.speech)
        c->voiced_since_us = call_now_us(c) - v->ms * 1000;
    turn_on_voice(c->turn, v, call_now_us(c));
    call_pump(c);
}

void call_hear(struct call *c, const uint8_t *ulaw, size_t n)
{
    if (c->state > CALL_TALKING)
        return;
    caller_audio_hear(&c->caller_audio, ulaw, n);
    if (c->engine && !c->replacing) {
        c->audio_given_ms += (int64_t)(n / G711_BYTES_PER_MS);
        c->ops->audio(c->engine, ulaw, n);
    }
    detect(c, ulaw, n);
}

/* When the audio at `at_ms` of what the engine was given came from the caller. */
static int64_t heard_at_us(struct call *c, int64_t at_ms)
{
    int64_t given = c->audio_given_ms - c->ops->audio_dropped_ms(c->engine);
    int64_t now = call_now_us(c);

    return at_ms < given ? now - (given - at_ms) * 1000 : now;
}

static int64_t call_ms_of(const struct call *c, int64_t at_us)
{
    return MAX((at_us - c->start_us) / 1000, 0);
}

static void on_speech_started(struct call *c, struct str item_id, int64_t at_ms)
{
    int64_t now = call_now_us(c);
    int64_t since = MIN(heard_at_us(c, at_ms + c->bridge->settings->voice.vad_prefix_ms), now);

    c->caller_speaks = true;
    c->voiced_until_us = 0;
    if (!vad_now(c->vad)->speech)
        c->voiced_since_us = since;
    timer_stop(&c->silence_timer);
    timer_start(&c->mute_timer, CALL_MUTE_MS);
    call_farewell_on_speech(c);
    (void)str_copy(c->caller_item, sizeof(c->caller_item), item_id); /* an engine's id fits */
    caller_audio_turn(&c->caller_audio, (now - since) / 1000 + CALL_ONSET_MS);
    call_live_open(c, journal_caller_started(c->journal, item_id, call_ms_of(c, since)));
    turn_on_speech_started(c->turn, since, now);
}

static void on_speech_stopped(struct call *c, struct str item_id, int64_t at_ms)
{
    int64_t until = heard_at_us(c, at_ms - c->bridge->settings->voice.vad_silence_ms);

    c->caller_speaks = c->keys.open;
    c->voiced_until_us = playout_active(c->playout) ? 0 : until; /* else nobody awaits an answer */
    timer_stop(&c->mute_timer);
    journal_caller_stopped(c->journal, item_id, call_ms_of(c, until));
    turn_on_speech_stopped(c->turn, call_now_us(c));
}

static void on_speech(void *arg, bool started, struct str item_id, int64_t at_ms)
{
    struct call *c = arg;

    call_engine_alive(c);
    if (c->state != CALL_TALKING)
        return;
    if (started)
        on_speech_started(c, item_id, at_ms);
    else
        on_speech_stopped(c, item_id, at_ms);
    call_pump(c);
}

/* turn: the caller has said something that is to be answered; what runs was asked for before. */
static void answer_owed(struct call *c, bool turn, uint32_t tag_before)
{
    if (!turn) {
        c->answer_tag = tag_before;
        return;
    }
    c->silence_prompts = 0;
    c->answer_owed = true;
    call_wait_begin(c);
}

static void on_turn(void *arg, struct str item_id)
{
    struct call *c = arg;
    uint32_t tag = c->answer_tag;

    if (c->state != CALL_TALKING)
        return;
    c->answer_tag = 0; /* it may be set at once */
    if (c->heard_again)
        turn_was_before(c->turn); /* not said over the apology */
    c->heard_again = false;
    answer_owed(c, turn_on_committed(c->turn, item_id, call_now_us(c)), tag);
    call_pump(c);
}

/* Whoever thinks in mid-sentence is waiting for nothing yet. */
static void wait_for_more(struct call *c)
{
    int64_t until_us = turn_hears_out_us(c->turn);

    if (until_us)
        timer_start(&c->wait_timer, MAX((until_us - call_now_us(c)) / 1000, 0) + CALL_WAIT_MS);
}

static void on_caller_text(void *arg, struct str item_id, struct str text, bool final)
{
    struct call *c = arg;

    if (!c->started)
        return;
    journal_caller_text(c->journal, item_id, text, final);
    if (final)
        caller_audio_known(&c->caller_audio, str_eq_c(item_id, c->caller_item));
    if (final && c->state == CALL_TALKING) {
        uint32_t tag = c->answer_tag;

        c->answer_tag = 0;
        answer_owed(c, turn_on_caller_text(c->turn, item_id, text, call_now_us(c)), tag);
        wait_for_more(c);
        call_pump(c);
    }
    call_settle(c);
}

/* Packets stopped in mid-speech (a muted line sends none): silence lets the engine end the turn. */
static void on_mute(void *arg)
{
    struct call *c = arg;
    int64_t fill_ms = c->bridge->settings->voice.vad_silence_ms + CALL_MUTE_FILL_MS, ms;
    uint8_t silence[G711_FRAME_BYTES];

    if (c->state != CALL_TALKING || c->mute_filled)
        return;
    c->mute_filled = true;
    c->counters.silence_filled_ms += fill_ms;
    c->mute_filled_ms = fill_ms;
    memset(silence, G711_ULAW_SILENCE, sizeof(silence));
    for (ms = 0; ms < fill_ms; ms += G711_FRAME_MS)
        call_hear(c, silence, sizeof(silence));
}

static void on_silence(void *arg)
{
    struct call *c = arg;
    const struct sentences *say = c->bridge->sentences;
    bool last = c->silence_prompts >= c->bridge->profile->limits.silence_prompts_max;

    if (c->state != CALL_TALKING || !is_silent(c))
        return;
    c->silence_prompts++;
    if (last)
        call_farewell_arm(c, END_SILENCE);
    turn_say(c->turn, str_c(last ? say->silence : say->still_there), false, call_now_us(c));
    call_pump(c);
}

/* It counts from the call's beginning, also in a stream that goes on with it. */
static void limit_begin(struct call *c)
{
    int64_t passed_ms =
        MAX((clock_wall_us(c->bridge->service->clock) - call_began_us(c)) / 1000, 0);
    int64_t left_ms = (int64_t)c->bridge->profile->limits.call_max_s * 1000 - passed_ms;
    int64_t warning_ms = (int64_t)c->bridge->profile->limits.call_warning_s * 1000;
    bool warns = warning_ms > 0 && warning_ms < left_ms;

    c->limit_near = !warns;
    timer_start(&c->limit_timer, MAX(warns ? left_ms - warning_ms : left_ms, 0));
}

static void on_slow(void *arg)
{
    struct call *c = arg;

    if (c->state != CALL_TALKING || !waits_for_tool(c))
        return;
    c->slow_told++;
    turn_say(c->turn, str_c(c->bridge->sentences->one_moment), false, call_now_us(c));
    call_pump(c);
}

static void on_limit_near(struct call *c)
{
    c->limit_near = true;
    timer_start(&c->limit_timer, (int64_t)c->bridge->profile->limits.call_warning_s * 1000);
    if (c->farewell.armed || !c->engine_ready)
        return;
    turn_say(c->turn, str_c(c->bridge->sentences->time_short), false, call_now_us(c));
    call_pump(c);
}

static void on_limit(void *arg)
{
    struct call *c = arg;

    if (c->state != CALL_TALKING)
        return;
    if (!c->limit_near) {
        on_limit_near(c);
        return;
    }
    if (c->farewell.armed) { /* it ends already, unless the talk goes on after all */
        timer_start(&c->limit_timer, CALL_GOODBYE_MS);
        return;
    }
    log_warn(&c->log, "longest call reached limit_s=%d", c->bridge->profile->limits.call_max_s);
    if (!c->engine_ready) {
        call_leave(c, END_TIME_LIMIT); /* nobody could say the sentence */
        return;
    }
    call_farewell_arm(c, END_TIME_LIMIT);
    turn_say(c->turn, str_c(c->bridge->sentences->time_limit), true, call_now_us(c));
    call_pump(c);
}

/* ---- the agent ---- */

static void on_audio(void *arg, const struct voice_part *part, const uint8_t *ulaw, size_t n)
{
    struct call *c = arg;

    opening_take_audio(c->opening.take, part, ulaw, n);
    if (c->state != CALL_TALKING || !turn_wants(c->turn, part->response_id)) {
        c->counters.late_audio_ms += (int64_t)(n / G711_BYTES_PER_MS);
        return;
    }
    turn_on_progress(c->turn, part->response_id, call_now_us(c));
    if (playout_add(c->playout, part, ulaw, n))
        log_warn(&c->log, "agent audio dropped: the queue is full queued_ms=%lld",
                 (long long)playout_queued_ms(c->playout));
    if (playout_full(c->playout) && !c->engine_held) {
        c->engine_held = true;
        c->ops->hold(c->engine, true);
    }
    call_pump(c);
}

static void on_audio_done(void *arg, const struct voice_part *part)
{
    struct call *c = arg;

    if (c->state != CALL_TALKING)
        return;
    playout_part_end(c->playout, part);
    call_pump(c);
}

static void on_agent_text(void *arg, const struct voice_part *part, struct str text, bool final)
{
    struct call *c = arg;

    if (final)
        opening_take_text(c->opening.take, part, text);
    if (c->state != CALL_TALKING || !turn_wants(c->turn, part->response_id))
        return;
    turn_on_progress(c->turn, part->response_id, call_now_us(c));
    journal_agent_text(c->journal, part->item_id, text, final);
}

/* Nobody will hear it; its end tells what it has used. */
static void stop_response(struct call *c)
{
    if (c->engine_ready && c->response_runs && c->ops->cancel(c->engine, str_c(c->response_id)))
        log_warn(&c->log, "voice engine took no cancel at the end");
}

static void on_response_started(void *arg, struct str response_id, uint32_t tag)
{
    struct call *c = arg;

    if (!c->started)
        return;
    c->counters.responses++;
    c->response_runs = true;
    if (tag == c->asked_tag)
        c->asked_tag = 0;
    (void)str_copy(c->response_id, sizeof(c->response_id), response_id); /* an engine's id fits */
    opening_take_started(c->opening.take, response_id, tag);
    if (c->state != CALL_TALKING) {
        stop_response(c);
        return;
    }
    turn_on_response_started(c->turn, response_id, tag, call_now_us(c));
    call_pump(c);
}

/* The outputs of all tools are in and the response that asked for them is over: one answer to them. */
void call_answer_tools(struct call *c)
{
    if (!c->answer_due || c->response_runs || tools_pending(c->tools) > 0 || !c->engine_ready)
        return;
    c->answer_due = false;
    c->answer_owed = true;
    call_wait_go_on(c);
    turn_respond(c->turn, call_now_us(c));
}

static void on_response_done(void *arg, const struct voice_response *r)
{
    struct call *c = arg;

    if (!c->started || (r->id.n && str_eq_c(r->id, c->done_id))) /* it may be told twice */
        return;
    (void)str_copy(c->done_id, sizeof(c->done_id), r->id); /* an engine's id fits */
    c->response_runs = false;
    if (r->tag && r->tag == c->answer_tag && r->status != VOICE_FAILED)
        c->answer_owed = false;
    if (r->status == VOICE_FAILED)
        c->counters.responses_failed++;
    if (r->usage)
        journal_usage(c->journal, r->id, r->usage);
    else
        c->counters.responses_unmetered++;
    if (opening_take_done(c->opening.take, r))
        c->opening.take = NULL;
    if (c->state != CALL_TALKING) {
        call_settle(c);
        return;
    }
    turn_on_response_done(c->turn, r, call_now_us(c));
    if (c->state != CALL_TALKING)
        return;
    call_answer_tools(c);
    call_pump(c);
}

static void on_transcription_usage(void *arg, const struct voice_usage *u)
{
    struct call *c = arg;

    if (c->started)
        journal_transcription_usage(c->journal, u);
}

static void on_error(void *arg, const struct voice_error *e)
{
    struct call *c = arg;

    call_engine_alive(c);
    if (e->kind == VOICE_ERROR_HARMLESS) {
        log_debug(&c->log, "voice engine: too late code=" STR_FMT, STR_ARG(e->code));
        return;
    }
    log_warn(&c->log, "voice engine refused a message code=" STR_FMT " message=\"" STR_FMT "\"",
             STR_ARG(e->code), STR_ARG(e->message));
    if (e->kind != VOICE_ERROR_OTHER && (e->tag == 0 || e->tag == c->asked_tag))
        c->asked_tag = 0;
    if (c->state != CALL_TALKING) {
        call_settle(c);
        return;
    }
    turn_on_refused(c->turn, e, call_now_us(c));
    call_pump(c);
}

/* ---- tools ---- */

static void on_tool_call(void *arg, const struct voice_tool_call *call)
{
    struct call *c = arg;

    if (c->state != CALL_TALKING)
        return;
    turn_on_progress(c->turn, call->response_id, call_now_us(c));
    if (c->farewell.armed && c->farewell.reason == END_COMPLETED &&
        !str_eq_c(call->name, "logCallOutcome"))
        call_farewell_disarm(c); /* the talk goes on after all */
    timer_stop(&c->silence_timer);
    log_info(&c->log, "tool asked for name=" STR_FMT " id=" STR_FMT, STR_ARG(call->name),
             STR_ARG(call->call_id));
    journal_tool_asked(c->journal, call);
    (void)tools_run(c->tools, call->call_id, call->name,
                    call->arguments); /* a repeat is answered once */
}

static void take_control(struct call *c, const struct tool_done *d)
{
    const struct tool_control *control = &d->reply->control;
    struct arena arena = ARENA_INIT;
    const struct jval *arguments;

    if (control->end_call) {
        c->outcome = arena_str(&c->arena, control->outcome);
        if (json_parse_arena(&arguments, &arena, d->arguments, NULL) == ERR_OK)
            c->summary = arena_str(&c->arena, json_str(json_get(arguments, "summary")));
        call_farewell_arm(c, END_COMPLETED);
    }
    if (control->transfer.number.n) {
        c->transfer.number = arena_str(&c->arena, control->transfer.number);
        c->transfer.reason = arena_str(&c->arena, control->transfer.reason);
        c->transfer.summary = arena_str(&c->arena, control->transfer.summary);
        call_farewell_arm(c, END_TRANSFERRED);
    }
    arena_release(&arena);
}

void call_on_tool_done(void *arg, const struct tool_done *d)
{
    struct call *c = arg;
    const struct journal_tool tool = { .call_id = d->call_id,
                                       .name = d->name,
                                       .arguments = d->arguments,
                                       .output = d->reply->output,
                                       .status = d->reply->status,
                                       .latency_ms = d->latency_ms,
                                       .at_ms = call_at_ms(c),
                                       .replayed = d->reply->replayed };

    log_info(&c->log, "tool answered name=" STR_FMT " id=" STR_FMT " status=%s latency_ms=%lld",
             STR_ARG(d->name), STR_ARG(d->call_id), tool_status_name(d->reply->status),
             (long long)d->latency_ms);
    journal_tool(c->journal, &tool);
    if (c->state != CALL_TALKING) {
        if (c->state == CALL_SETTLING && tools_pending(c->tools) == 0)
            timer_start(&c->state_timer, CALL_SETTLE_MS);
        call_settle(c);
        return;
    }
    take_control(c, d);
    /* Without an engine the journal has it, for the next one. */
    if (c->engine_ready && c->ops->tool_result(c->engine, d->call_id, d->reply->output))
        log_warn(&c->log, "tool's output not given to the engine id=" STR_FMT, STR_ARG(d->call_id));
    c->answer_due = true;
    call_answer_tools(c);
    call_pump(c);
}

/* ---- the arbiter's hands ---- */

static void say_failed(struct call *c, const char *what, enum errc rc)
{
    if (rc)
        log_warn(&c->log, "voice engine took no %s: %s", what,
                 errc_name(rc)); /* the watchdog acts */
}

static void turn_do_respond(void *arg, uint32_t tag)
{
    struct call *c = arg;

    c->answer_tag = c->asked_tag = tag;
    say_failed(c, "response.create", c->engine ? c->ops->respond(c->engine, tag) : ERR_CLOSED);
}

static void turn_do_say(void *arg, struct str text, uint32_t tag)
{
    struct call *c = arg;

    c->asked_tag = tag;
    opening_take_asked(c->opening.take, text, tag);
    say_failed(c, "text to say", c->engine ? c->ops->say(c->engine, text, tag) : ERR_CLOSED);
}

static void turn_do_cancel(void *arg, struct str response_id)
{
    struct call *c = arg;

    say_failed(c, "cancel", c->engine ? c->ops->cancel(c->engine, response_id) : ERR_CLOSED);
}

static void turn_do_truncate(void *arg, const struct playout_heard *h)
{
    struct call *c = arg;

    if (h->part.item_id.n && !call_part_is_ours(&h->part) && !call_part_is_kept(&h->part) &&
        c->engine && (c->ops->features & VOICE_TRUNCATE))
        say_failed(
            c, "truncate",
            c->ops->truncate(c->engine, h->part.item_id, h->part.content_index, h->heard_ms));
}

static void write_heard(struct call *c, const struct playout_heard *heard, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        journal_agent_heard(c->journal, heard[i].part.item_id, heard[i].heard_ms,
                            heard[i].queued_ms, heard[i].whole, call_at_ms(c));
}

static void on_interrupted(void *arg, const struct playout_heard *heard, size_t n)
{
    struct call *c = arg;
    size_t i;

    c->counters.interruptions++;
    c->farewell.interrupted = c->farewell.armed;
    write_heard(c, heard, n);
    for (i = 0; i < n; i++)
        call_opening_cut(c, &heard[i]);
    if (c->voiced_since_us) {
        int64_t silent = turn_silent_since_us(c->turn);
        int64_t ms = ((silent ? silent : call_now_us(c)) - c->voiced_since_us) / 1000;

        log_info(&c->log, "interrupted by the caller stop_ms=%lld", (long long)ms);
        journal_latency(c->journal, LATENCY_BARGE_IN_STOP, ms);
        c->voiced_since_us = 0;
    }
}

static void on_listening(void *arg)
{
    struct call *c = arg;

    if (tools_pending(c->tools) > 0 || c->answer_due || c->caller_speaks)
        return;
    if (c->farewell.armed)
        call_farewell_on_listening(c);
    else
        timer_start(&c->silence_timer, (int64_t)c->bridge->profile->limits.silence_prompt_s * 1000);
}

static void on_gave_up(void *arg, bool said, struct str reason)
{
    struct call *c = arg;

    log_error(&c->log, "no answer from the voice engine said=%d reason=" STR_FMT, said,
              STR_ARG(reason));
    if (str_eq_c(reason, "no_answer") || str_eq_c(reason, "stalled"))
        call_engine_replace(c); /* it would not say that it is sorry either */
    else if (said || ++c->gave_up > 1)
        call_leave(c, END_ENGINE_FAILED);
    else
        turn_say(c->turn, str_c(c->bridge->sentences->failed), false, call_now_us(c));
}

const struct turn_ops call_turn_ops = {
    turn_do_respond, turn_do_say,  turn_do_cancel, turn_do_truncate,
    on_interrupted,  on_listening, on_gave_up,
};

/* ---- playout ---- */

static void on_playing(void *arg, const struct voice_part *part, int64_t now_us)
{
    struct call *c = arg;

    if (call_part_is_ours(part))
        return;
    if (!c->first_word) {
        c->first_word = true;
        journal_latency(c->journal, LATENCY_FIRST_WORD, call_at_ms(c));
    }
    if (c->voiced_until_us) {
        journal_latency(c->journal, LATENCY_RESPONSE, MAX((now_us - c->voiced_until_us) / 1000, 0));
        c->voiced_until_us = 0;
    }
    journal_agent_started(c->journal, part->item_id, call_ms_of(c, now_us));
    turn_on_playing(c->turn, part->response_id, now_us);
}

static void on_played(void *arg, const struct playout_heard *h, int64_t now_us)
{
    struct call *c = arg;

    (void)now_us;
    if (call_part_is_ours(&h->part))
        return;
    c->gave_up = 0;
    if (c->parts_heard++ == 0 && !c->past.disclosed)
        call_live_write(c); /* a bridge that takes over must not say it again */
    write_heard(c, h, 1);
}

static void on_idle(void *arg, int64_t now_us)
{
    struct call *c = arg;

    call_wait_begin(c);
    if (call_talks(c))
        turn_on_idle(c->turn, now_us);
}

const struct playout_sink call_playout_sink = {
    call_stream_audio, call_stream_mark, call_stream_clear, on_playing, on_played, on_idle,
};

const struct voice_events call_engine_events = {
    .on_connected = call_engine_on_connected,
    .on_ready = call_engine_on_ready,
    .on_audio = on_audio,
    .on_audio_done = on_audio_done,
    .on_speech = on_speech,
    .on_turn = on_turn,
    .on_caller_text = on_caller_text,
    .on_agent_text = on_agent_text,
    .on_tool_call = on_tool_call,
    .on_response_started = on_response_started,
    .on_response_done = on_response_done,
    .on_transcription_usage = on_transcription_usage,
    .on_error = on_error,
    .on_closed = call_engine_on_closed,
};

/* ---- begin and end ---- */

void call_voice_init_timers(struct call *c)
{
    timer_init(&c->playout_timer, c->loop, on_pump, c);
    timer_init(&c->turn_timer, c->loop, on_pump, c);
    timer_init(&c->mute_timer, c->loop, on_mute, c);
    timer_init(&c->silence_timer, c->loop, on_silence, c);
    timer_init(&c->limit_timer, c->loop, on_limit, c);
    timer_init(&c->slow_timer, c->loop, on_slow, c);
}

void call_voice_open(struct call *c)
{
    const struct profile *p = c->bridge->profile;

    c->opens = true;
    c->opening.take = opening_take_begin(c->bridge->opening);
    turn_say(c->turn, p->disclosure, true, call_now_us(c));
    turn_say(c->turn, p->greeting, false, call_now_us(c));
}

void call_voice_begin(struct call *c)
{
    const struct journal_started started = { .stream_sid = c->stream_sid,
                                             .voice = c->bridge->voice,
                                             .prompt_hash = str_c(c->bridge->prompt->hash),
                                             .engine_connect_ms = c->engine_connect_ms };

    c->told_started = true;
    journal_started(c->journal, &started);
    limit_begin(c);
    if (c->attempt > 0)
        call_past_resume(c);
    else if (c->opening.kept)
        call_opening_tell(c);
    else
        call_voice_open(c);
    call_wait_go_on(c);
    call_pump(c);
}

void call_voice_drop(struct call *c)
{
    struct playout_heard heard[PLAYOUT_PARTS_MAX];

    if (playout_active(c->playout))
        write_heard(c, heard, playout_clear(c->playout, call_now_us(c), heard));
}

void call_voice_end(struct call *c)
{
    timer_stop(&c->playout_timer);
    timer_stop(&c->turn_timer);
    timer_stop(&c->mute_timer);
    timer_stop(&c->silence_timer);
    timer_stop(&c->limit_timer);
    timer_stop(&c->slow_timer);
    timer_stop(&c->engine_retry);
    timer_stop(&c->unheard_timer);
    timer_stop(&c->deaf.timer);
    timer_stop(&c->farewell.grace);
    timer_stop(&c->farewell.cap);
    call_keys_end(c);
    call_voice_drop(c);
    stop_response(c);
    if (c->engine_held) /* its last words are read, and dropped */
        c->ops->hold(c->engine, false);
    c->engine_held = false;
}
