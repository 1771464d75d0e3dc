/* How a call ends: the goodbye heard to its end, and the live document that the webhook decides from. */
#include "base/buf.h"
#include "base/mem.h"
#include "media_bridge/call_internal.h"
#include "twilio/rest.h"

enum {
    LIVE_WRITE_MS = 3000,
    REST_END_MS = 3000,
};

/* ---- goodbye ---- */

/* A person was promised: that stays, whatever else ends the call. */
void call_farewell_arm(struct call *c, enum end_reason reason)
{
    if (c->farewell.armed && c->farewell.reason == END_TRANSFERRED)
        return;
    if (!c->farewell.armed)
        timer_start(&c->farewell.cap, CALL_GOODBYE_MS);
    c->farewell.armed = true;
    c->farewell.interrupted = false;
    c->farewell.reason = reason;
    timer_stop(&c->silence_timer);
}

void call_farewell_disarm(struct call *c)
{
    c->farewell.armed = false;
    timer_stop(&c->farewell.cap);
    timer_stop(&c->farewell.grace);
}

/* The last words were heard. After an interrupted goodbye the caller gets a moment to go on. */
void call_farewell_on_listening(struct call *c)
{
    if (c->farewell.interrupted)
        timer_start(&c->farewell.grace, CALL_GRACE_MS);
    else
        call_leave(c, c->farewell.reason);
}

void call_farewell_on_speech(struct call *c)
{
    timer_stop(&c->farewell.grace);
}

static void on_grace(void *arg)
{
    struct call *c = arg;

    if (c->farewell.armed && !turn_busy(c->turn))
        call_leave(c, c->farewell.reason);
}

static void on_cap(void *arg)
{
    struct call *c = arg;

    call_leave(c, c->farewell.armed ? c->farewell.reason : END_SHUTDOWN);
}

void call_farewell_init_timers(struct call *c)
{
    timer_init(&c->farewell.grace, c->loop, on_grace, c);
    timer_init(&c->farewell.cap, c->loop, on_cap, c);
}

static const char *default_outcome(enum end_reason reason)
{
    switch (reason) {
    case END_CALLER_HANGUP:
    case END_TIME_LIMIT:
        return "abandoned";
    case END_TRANSFERRED:
        return "transferred";
    case END_SILENCE:
        return "silent";
    case END_ENGINE_FAILED:
    case END_PROTOCOL:
        return "failed";
    default:
        return ""; /* completed brings its own; the others go on elsewhere */
    }
}

void call_tell_end(struct call *c)
{
    const struct journal_started started = { .stream_sid = c->stream_sid,
                                             .voice = c->bridge->voice,
                                             .prompt_hash = str_c(c->bridge->prompt->hash),
                                             .engine_connect_ms = c->engine_connect_ms };

    if (!c->told_started)
        journal_started(c->journal, &started);
    c->told_started = true;
    if (c->outcome.n == 0)
        c->outcome = str_c(default_outcome(c->end));
    if (c->end == END_TRANSFERRED)
        journal_handoff(c->journal, "transfer", c->transfer.reason, c->transfer.number);
    else if (end_reason_info(c->end)->failed && !end_reason_info(c->end)->resumes)
        journal_handoff(c->journal, "failed", str_c(end_reason_info(c->end)->name), STR_EMPTY);
}

/* ---- the live document ---- */

struct live_write {
    struct call *call; /* NULL: it is over */
    struct bridge *bridge;
    struct arena arena;
    struct str call_sid;
    struct live_call live;
    struct log log;
    bool final;
    enum errc rc;
    struct err err;
};

static enum live_call_state live_state(const struct call *c)
{
    if (!c->end_decided || end_reason_info(c->end)->resumes)
        return LIVE_CALL_LIVE;
    if (c->end == END_TRANSFERRED)
        return LIVE_CALL_TRANSFER;
    return end_reason_info(c->end)->failed ? LIVE_CALL_FAILED : LIVE_CALL_ENDED;
}

static void live_run(void *arg, struct ctx *worker)
{
    struct live_write *w = arg;
    struct ctx ctx = *worker;
    struct err err = ERR_INIT;

    ctx.log = w->log;
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + LIVE_WRITE_MS;
    w->rc = live_call_write(&ctx, w->bridge->google, w->call_sid, &w->live,
                            w->bridge->profile->retention.transcripts_days, &w->err);
    if (!w->rc || w->live.state != LIVE_CALL_ENDED)
        return;
    /* Without the document the webhook would take the talk up again: Twilio ends the call instead. */
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + REST_END_MS;
    if (twilio_call_end(&w->bridge->settings->twilio, &ctx, w->call_sid, &err))
        log_error(&w->log, "call not ended over REST either error=\"%s\"", err.text);
}

static void live_done(void *arg)
{
    struct live_write *w = arg;
    struct call *c = w->call;
    bool final = w->final;

    if (w->rc)
        log_error(&w->log, "live document not written state=%s error=\"%s\"",
                  live_call_state_name(w->live.state), w->err.text);
    arena_release(&w->arena);
    mem_free(w);
    if (!c)
        return;
    c->live_write = NULL;
    if (c->live_dirty)
        call_live_write(c);
    else if (final)
        call_event(c, EV_RECORDED);
}

/* What the next stream must know, though its events are still on their way. */
static void keep_recent(struct live_write *w, const struct call *c)
{
    struct live_turn *turns = ARENA_ARRAY(&w->arena, struct live_turn, LIVE_CALL_RECENT_MAX);
    struct live_tool *tools = ARENA_ARRAY(&w->arena, struct live_tool, LIVE_CALL_RECENT_MAX);
    size_t i;

    w->live.n_turns = journal_recent_turns(c->journal, turns);
    w->live.n_tools = journal_recent_tools(c->journal, tools);
    for (i = 0; i < w->live.n_turns; i++)
        turns[i].text = arena_str(&w->arena, turns[i].text);
    for (i = 0; i < w->live.n_tools; i++)
        tools[i].call_id = arena_str(&w->arena, tools[i].call_id);
    w->live.turns = turns;
    w->live.tools = tools;
}

static void add_turn_line(void *arg, enum voice_role role, struct str text)
{
    buf_addf(arg, "%s: " STR_FMT "\n", role == VOICE_AGENT ? "Agent" : "Caller", STR_ARG(text));
}

static void add_tool_line(void *arg, const struct voice_tool_call *call, const struct str *output)
{
    if (output)
        buf_addf(arg, "Tool: " STR_FMT " " STR_FMT " -> " STR_FMT "\n", STR_ARG(call->name),
                 STR_ARG(str_slice(call->arguments, 0, PAST_OUTPUT_MAX)),
                 STR_ARG(str_slice(*output, 0, PAST_OUTPUT_MAX)));
}

/* All that the next bridge needs, so that it reads one document. */
static void keep_past(struct live_write *w, const struct call *c)
{
    static const struct journal_recall to = { add_turn_line, add_tool_line };
    struct buf lines = BUF_INIT(MIB);

    journal_recall(c->journal, &to, &lines);
    w->live.past = past_join(&w->arena, c->past.text, buf_str(&lines));
    w->live.tools_open = tools_pending(c->tools) > 0;
    buf_release(&lines);
}

static struct live_write *live_create(struct call *c)
{
    struct live_write *w = MEM_NEW(struct live_write);

    w->call = c;
    w->bridge = c->bridge;
    w->log = c->log;
    w->final = c->end_decided;
    arena_init(&w->arena);
    w->call_sid = arena_str(&w->arena, c->call_sid);
    w->live = (struct live_call){
        .state = live_state(c),
        .attempt = c->attempt,
        .reason = str_c(c->end_decided ? end_reason_info(c->end)->name : ""),
        .disclosed = c->parts_heard > 0 || c->past.disclosed || (c->attempt > 0 && !c->past_known),
        .transfer = { arena_str(&w->arena, c->transfer.number),
                      arena_str(&w->arena, c->transfer.reason),
                      arena_str(&w->arena, c->transfer.summary) },
    };
    if (c->end_decided && end_reason_info(c->end)->resumes)
        keep_recent(w, c);
    if (c->end_decided && c->end == END_SHUTDOWN)
        keep_past(w, c);
    return w;
}

/* One write at a time: a late `live` must not come after the end. */
void call_live_write(struct call *c)
{
    struct live_write *w;

    c->live_dirty = c->live_write != NULL;
    if (c->live_dirty)
        return;
    w = live_create(c);
    if (bridge_submit(c->bridge, live_run, live_done, w) == ERR_OK) {
        c->live_write = w;
        return;
    }
    log_error(&c->log, "live document not written state=%s: no worker takes it",
              live_call_state_name(w->live.state));
    arena_release(&w->arena);
    mem_free(w);
    if (c->end_decided)
        call_event(c, EV_RECORDED);
}

void call_live_forget(struct call *c)
{
    if (c->live_write)
        c->live_write->call = NULL;
    c->live_write = NULL;
}
