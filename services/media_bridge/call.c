#include "media_bridge/call.h"

#include "base/mem.h"
#include "media_bridge/call_internal.h"

static const char *const state_names[CALL_STATES] = {
    "none", "opened", "starting", "talking", "leaving", "closing", "settling", "over",
};

static const char *const event_names[EV_EVENTS] = {
    "start", "engine_ready", "leave", "stream_gone", "recorded", "settled", "timeout",
};

int64_t call_now_us(const struct call *c)
{
    return loop_now_us(c->loop);
}

int64_t call_at_ms(const struct call *c)
{
    return c->started ? (call_now_us(c) - c->start_us) / 1000 : 0;
}

int64_t call_began_us(const struct call *c)
{
    return c->past.started_us ? c->past.started_us : c->start_wall_us;
}

static void enter_starting(struct call *c)
{
    timer_start(&c->state_timer, CALL_ENGINE_MS);
    call_wait_begin(c);
    if (c->attempt > 0) {
        call_past_read(c); /* before the live document is ours */
    } else {
        call_opening_play(c);
        call_live_write(c);
        call_engine_configure(c);
    }
    if (c->engine_failed)
        call_leave(c, END_ENGINE_FAILED);
}

static void enter_talking(struct call *c)
{
    timer_stop(&c->state_timer);
    call_voice_begin(c);
}

static void engine_too_late(struct call *c)
{
    log_warn(&c->log, "voice engine not ready in time");
    call_leave(c, END_ENGINE_FAILED);
}

static void enter_leaving(struct call *c)
{
    call_move_leave(c);
    call_voice_end(c);
    timer_start(&c->state_timer, CALL_RECORD_MS);
    call_wait_go_on(c); /* who is handed over may wait for the record */
    call_tell_end(c);
    call_live_write(c);
}

/* The stream has gone by itself: by `stop` the caller hung up, without it a network did. */
static void stream_gone(struct call *c)
{
    call_leave(c, c->stopped ? END_CALLER_HANGUP : END_STREAM_LOST);
}

static void note_stream_gone(struct call *c)
{
    (void)c; /* what was being done is finished first */
}

static void enter_closing(struct call *c)
{
    timer_start(&c->state_timer, CALL_CLOSE_MS);
    if (!c->ws)
        call_event(c, EV_STREAM_GONE);
    else
        ws_close(c->ws, c->close_code ? c->close_code : 1000, str_c(c->close_reason));
}

static void record_too_late(struct call *c)
{
    log_error(&c->log, "live document not written in time limit_ms=%d", CALL_RECORD_MS);
    enter_closing(c);
}

static void start_too_late(struct call *c)
{
    log_warn(&c->log, "stream without start closed limit_ms=%d", CALL_START_MS);
    call_refuse(c, 1008, "no start");
}

static void enter_settling(struct call *c)
{
    int64_t tools_ms = c->bridge->settings->tool_deadline_ms + TOOLS_GRACE_MS;
    bool runs = c->tools && tools_pending(c->tools);

    timer_start(&c->state_timer, CALL_SETTLE_MS + (runs ? tools_ms : 0)); /* each has its output */
    call_settle(c);
}

static void close_too_late(struct call *c)
{
    log_warn(&c->log, "stream does not close, dropped");
    if (c->ws)
        ws_disown(c->ws, 1000);
    c->ws = NULL;
    enter_settling(c);
}

static void call_free(void *arg)
{
    struct call *c = arg;

    c->tools = tools_destroy(c->tools);
    c->turn = turn_destroy(c->turn);
    c->vad = vad_destroy(c->vad);
    caller_audio_release(&c->caller_audio);
    c->playout = playout_destroy(c->playout);
    c->journal = journal_destroy(c->journal);
    arena_release(&c->arena);
    mem_free(c);
}

static void stop_timers(struct call *c)
{
    struct timer *const timers[] = {
        &c->state_timer,  &c->engine_retry,  &c->playout_timer, &c->turn_timer,
        &c->mute_timer,   &c->silence_timer, &c->limit_timer,   &c->farewell.grace,
        &c->farewell.cap, &c->wait_timer,    &c->keys.timer,    &c->slow_timer,
        &c->past_timer,   &c->unheard_timer, &c->move.timer,    &c->deaf.timer,
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(timers); i++)
        timer_stop(timers[i]);
}

static void tell_ended(struct call *c)
{
    struct journal_end e = { c->end, c->outcome, c->summary, c->start_wall_us, c->counters };

    e.counters.audio_out_ms = playout_sent_ms(c->playout);
    e.counters.underruns = playout_underruns(c->playout);
    e.counters.engine_connects = c->engine_connects;
    e.counters.responses_unmetered += c->response_runs;
    journal_ended(c->journal, &e);
    outbox_close(c->out);
    log_write(&c->log, end_reason_info(c->end)->alerts ? LOG_ERROR : LOG_INFO,
              "call ended reason=%s outcome=" STR_FMT
              " duration_ms=%lld media_in=%lld audio_out_ms=%lld "
              "underruns=%lld interruptions=%lld",
              end_reason_info(c->end)->name, STR_ARG(c->outcome), (long long)call_at_ms(c),
              (long long)e.counters.media_in, (long long)e.counters.audio_out_ms,
              (long long)e.counters.underruns, (long long)e.counters.interruptions);
}

static void enter_over(struct call *c)
{
    stop_timers(c);
    call_opening_take_drop(c);
    call_rollover_drop(c);
    call_engine_close(c);
    call_live_forget(c);
    call_past_forget(c);
    if (c->ws)
        ws_disown(c->ws, 1000);
    c->ws = NULL;
    if (c->started)
        tell_ended(c);
    list_remove(&c->node);
    bridge_call_over(c->bridge);
    loop_post(c->loop, call_free, c); /* some of it may still be on the stack */
}

static void never_started(struct call *c)
{
    enter_over(c);
}

static void closed_after_all(struct call *c)
{
    if (c->started) {
        enter_settling(c);
        return;
    }
    c->state = CALL_OVER;
    enter_over(c);
}

static const struct call_move {
    enum call_state to; /* CALL_NONE: the event means nothing in this state */
    void (*enter)(struct call *c);
} moves[CALL_STATES][EV_EVENTS] = {
    [CALL_OPENED][EV_START] = { CALL_STARTING, enter_starting },
    [CALL_OPENED][EV_LEAVE] = { CALL_CLOSING, enter_closing },
    [CALL_OPENED][EV_STREAM_GONE] = { CALL_OVER, never_started },
    [CALL_OPENED][EV_TIMEOUT] = { CALL_OPENED, start_too_late },

    [CALL_STARTING][EV_READY] = { CALL_TALKING, enter_talking },
    [CALL_STARTING][EV_LEAVE] = { CALL_LEAVING, enter_leaving },
    [CALL_STARTING][EV_STREAM_GONE] = { CALL_STARTING, stream_gone },
    [CALL_STARTING][EV_TIMEOUT] = { CALL_STARTING, engine_too_late },

    [CALL_TALKING][EV_LEAVE] = { CALL_LEAVING, enter_leaving },
    [CALL_TALKING][EV_STREAM_GONE] = { CALL_TALKING, stream_gone },
    [CALL_TALKING][EV_TIMEOUT] = { CALL_TALKING, engine_too_late },

    [CALL_LEAVING][EV_STREAM_GONE] = { CALL_LEAVING, note_stream_gone },
    [CALL_LEAVING][EV_RECORDED] = { CALL_CLOSING, enter_closing },
    [CALL_LEAVING][EV_TIMEOUT] = { CALL_CLOSING, record_too_late },

    [CALL_CLOSING][EV_STREAM_GONE] = { CALL_SETTLING, closed_after_all },
    [CALL_CLOSING][EV_TIMEOUT] = { CALL_SETTLING, close_too_late },

    [CALL_SETTLING][EV_SETTLED] = { CALL_OVER, enter_over },
    [CALL_SETTLING][EV_TIMEOUT] = { CALL_OVER, enter_over },
};

void call_event(struct call *c, enum call_event ev)
{
    const struct call_move *m = &moves[c->state][ev];

    if (m->to == CALL_NONE) {
        log_debug(&c->log, "%s ignored while %s", event_names[ev], state_names[c->state]);
        return;
    }
    if (m->to != c->state)
        log_info(&c->log, "%s: %s -> %s", event_names[ev], state_names[c->state],
                 state_names[m->to]);
    c->state = m->to;
    m->enter(c);
}

void call_leave(struct call *c, enum end_reason reason)
{
    if (!c->end_decided) {
        c->end_decided = true;
        c->end = reason;
    }
    call_event(c, EV_LEAVE);
}

void call_refuse(struct call *c, int close_code, const char *reason)
{
    c->close_code = close_code;
    c->close_reason = reason;
    if (!c->started)
        c->bridge->refused_total++;
    call_leave(c, END_PROTOCOL);
}

/* Words of the caller, or what a response has used. */
static bool engine_owes(const struct call *c)
{
    return c->engine && c->engine_ready &&
           (journal_waits(c->journal) || c->response_runs || c->asked_tag);
}

void call_settle(struct call *c)
{
    if (c->state == CALL_SETTLING && tools_pending(c->tools) == 0 && !engine_owes(c))
        call_event(c, EV_SETTLED);
}

void call_turn_renew(struct call *c)
{
    const struct bridge *b = c->bridge;
    const struct bridge_settings *s = b->settings;
    const struct turn_settings turns = {
        .sustain_ms = s->barge_in_ms ? s->barge_in_ms : -1,
        .yield_ms = s->barge_in_yield_ms,
        .hum_ms = s->barge_in_hum_ms,
        .hesitation_ms = s->wait_hesitation_ms ? s->wait_hesitation_ms : -1,
        .digits_ms = s->wait_digits_ms ? s->wait_digits_ms : -1,
        .spelling_ms = s->wait_spelling_ms ? s->wait_spelling_ms : -1,
        .watchdog_ms = s->engine_answer_ms,
        .stall_ms = s->engine_stall_ms,
        .language = b->profile->n_languages ? b->profile->languages[0] : STR_EMPTY,
    };

    c->turn = turn_destroy(c->turn);
    c->turn = turn_create(&call_turn_ops, c, c->playout, &turns, &c->log);
    if (c->keys.open)
        turn_on_keys(c->turn, true, call_now_us(c));
    call_opening_protect(c);
}

void call_began(struct call *c)
{
    const struct bridge *b = c->bridge;
    struct journal_opts journal = { .clock = b->service->clock,
                                    .prices = b->prices,
                                    .call_sid = c->call_sid,
                                    .attempt = c->attempt,
                                    .model = b->model,
                                    .transcription_model = b->transcription_model };
    struct str language = b->profile->n_languages ? b->profile->languages[0] : STR_EMPTY;

    c->out = outbox_open(b->outbox, c->call_sid);
    journal.out = c->out;
    c->journal = journal_create(&journal);
    c->playout = playout_create(&call_playout_sink, c, b->audio, b->settings->playout_lead_ms);
    c->vad = vad_create(b->settings->side_speech_db);
    caller_audio_init(&c->caller_audio, b->audio);
    call_turn_renew(c);
    c->tools =
        tools_create(c->bridge, c->call_sid, c->from, language, &c->log, call_on_tool_done, c);
    log_info(&c->log, "call started attempt=%d stream_sid=" STR_FMT " calls=%zu", c->attempt,
             STR_ARG(c->stream_sid), b->n_calls);
    call_event(c, EV_START);
}

static void on_state_timer(void *arg)
{
    call_event(arg, EV_TIMEOUT);
}

struct call *call_create(struct bridge *b, struct ws_conn *ws, struct ws_events *events)
{
    struct call *c = MEM_NEW(struct call);

    c->bridge = b;
    c->loop = b->service->loop;
    c->log = b->service->log;
    c->ops = b->engine;
    c->ws = ws;
    c->state = CALL_OPENED;
    c->next_media_ms = -1;
    c->engine_connect_ms = -1;
    c->open_index = -1;
    c->upgraded_ms = loop_now_ms(c->loop);
    arena_init(&c->arena);
    timer_init(&c->state_timer, c->loop, on_state_timer, c);
    call_engine_init_timers(c);
    call_past_init_timers(c);
    call_rollover_init_timer(c);
    call_move_init_timer(c);
    call_voice_init_timers(c);
    call_keys_init_timer(c);
    call_farewell_init_timers(c);
    *events = call_stream_events;
    list_push_back(&b->calls, &c->node);
    b->n_calls++;
    b->calls_total++;
    timer_start(&c->state_timer, CALL_START_MS);
    call_engine_connect(c);
    return c;
}

struct call *call_of_node(struct list_node *n)
{
    return CONTAINER_OF(n, struct call, node);
}

void call_abandon(struct call *c)
{
    if (!c->end_decided) {
        c->end_decided = true;
        c->end = END_SHUTDOWN;
    }
    if (c->state == CALL_OVER)
        return;
    c->state = CALL_OVER;
    enter_over(c);
}
