/* How a call ends: the goodbye heard to its end, and the live document that the webhook decides from. */
#include "base/buf.h"
#include "base/mem.h"
#include "media_bridge/call_internal.h"
#include "twilio/rest.h"

enum {
    LIVE_WRITE_MS = 3000,
    LIVE_AGAIN_MS = 10000, /* when nobody waits for it any more */
    REST_END_MS = 3000,
    OPEN_MARK_MS = 2000,
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

/* What a bridge leaves, while it is written down. */
struct leaving {
    struct live_write *write;
    struct buf lines;
    struct live_tool *tools;
    size_t n_tools;
};

static enum live_call_state live_state(const struct call *c)
{
    if (!c->end_decided || end_reason_info(c->end)->resumes)
        return LIVE_CALL_LIVE;
    if (c->end == END_TRANSFERRED)
        return LIVE_CALL_TRANSFER;
    return end_reason_info(c->end)->failed ? LIVE_CALL_FAILED : LIVE_CALL_ENDED;
}

static void live_try(struct live_write *w, struct ctx *ctx, int64_t limit_ms)
{
    ctx->deadline_mono_ms = clock_mono_ms(ctx->clock) + limit_ms;
    w->rc = live_call_write(ctx, w->bridge->google, w->call_sid, &w->live,
                            w->bridge->profile->retention.transcripts_days, &w->err);
}

static void live_run(void *arg, struct ctx *worker)
{
    struct live_write *w = arg;
    struct ctx ctx = *worker;
    struct err err = ERR_INIT;

    ctx.log = w->log;
    live_try(w, &ctx, LIVE_WRITE_MS);
    if (!w->rc || w->live.state != LIVE_CALL_ENDED)
        return;
    /* Without the document the webhook would take the talk up again: Twilio ends the call instead. */
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + REST_END_MS;
    if (twilio_call_end(&w->bridge->settings->twilio, &ctx, w->call_sid, &err))
        log_error(&w->log, "call not ended over REST either error=\"%s\"", err.text);
    live_try(w, &ctx, LIVE_AGAIN_MS); /* nobody is to read that the talk goes on */
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

static void add_turn_line(void *arg, enum voice_role role, struct str text)
{
    struct leaving *l = arg;

    buf_addf(&l->lines, "%s: " STR_FMT "\n", role == VOICE_AGENT ? "Agent" : "Caller",
             STR_ARG(text));
}

static void add_tool(void *arg, const struct voice_tool_call *call, const struct str *output)
{
    struct leaving *l = arg;
    struct arena *a = &l->write->arena;

    if (output)
        buf_addf(&l->lines, "Tool: " STR_FMT " " STR_FMT " -> " STR_FMT "\n", STR_ARG(call->name),
                 STR_ARG(str_slice(call->arguments, 0, PAST_OUTPUT_MAX)),
                 STR_ARG(str_slice(*output, 0, PAST_OUTPUT_MAX)));
    else if (l->n_tools < LIVE_CALL_TOOLS_MAX)
        l->tools[l->n_tools++] =
            (struct live_tool){ arena_str(a, call->call_id), arena_str(a, call->name),
                                arena_str(a, call->arguments) };
}

/* Nothing of what the stream before has left was said or done yet. */
static void hand_on(struct live_left *left, const struct call *c, struct arena *a)
{
    left->unsaid = arena_str(a, c->past.unsaid);
    left->owed |= c->past.owed;
    left->words_lost |= c->past.words_lost;
}

/* All that the next bridge needs, so that it reads one document. */
static void keep_left(struct live_write *w, const struct call *c)
{
    static const struct journal_recall to = { add_turn_line, add_tool };
    struct leaving l = { .write = w, .lines = BUF_INIT(MIB) };
    struct live_left *left = &w->live.left;
    bool partly;

    l.tools = ARENA_ARRAY(&w->arena, struct live_tool, LIVE_CALL_TOOLS_MAX);
    journal_recall(c->journal, &to, &l);
    left->whole = true;
    left->past = past_join(&w->arena, c->past.text, buf_str(&l.lines));
    left->unsaid = arena_str(&w->arena, journal_unsaid(c->journal, &partly));
    left->owed = c->move.owed || partly;
    left->words_lost = c->move.words_lost;
    left->tools = l.tools;
    left->n_tools = l.n_tools;
    if (c->parts_heard == 0 && left->unsaid.n == 0)
        hand_on(left, c, &w->arena);
    if (left->owed)
        left->unsaid = STR_EMPTY; /* the next engine makes its own answer */
    buf_release(&l.lines);
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
        .started_us = call_began_us(c),
        .open = { c->attempt, c->open_index },
        .disclosed = c->parts_heard > 0 || c->past.disclosed || (c->attempt > 0 && !c->past_known),
        .transfer = { arena_str(&w->arena, c->transfer.number),
                      arena_str(&w->arena, c->transfer.reason),
                      arena_str(&w->arena, c->transfer.summary) },
    };
    if (c->end_decided && end_reason_info(c->end)->resumes && (c->attempt == 0 || c->past_known))
        keep_left(w, c);
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

/* ---- the caller's turn in progress ---- */

struct open_mark {
    struct bridge *bridge;
    struct arena arena;
    struct str call_sid;
    struct log log;
    int attempt, index;
    enum errc rc;
    struct err err;
};

static void mark_run(void *arg, struct ctx *worker)
{
    struct open_mark *m = arg;
    struct ctx ctx = *worker;

    ctx.log = m->log;
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + OPEN_MARK_MS;
    m->rc =
        live_call_mark_open(&ctx, m->bridge->google, m->call_sid, m->attempt, m->index, &m->err);
}

static void mark_free(struct open_mark *m)
{
    arena_release(&m->arena);
    mem_free(m);
}

static void mark_done(void *arg)
{
    struct open_mark *m = arg;

    if (m->rc)
        log_warn(&m->log, "the caller's turn not marked as begun error=\"%s\"", m->err.text);
    mark_free(m);
}

void call_live_open(struct call *c, int index)
{
    struct open_mark *m;

    if (index < 0 || index == c->open_index)
        return;
    c->open_index = index;
    m = MEM_NEW(struct open_mark);
    m->bridge = c->bridge;
    m->log = c->log;
    m->attempt = c->attempt;
    m->index = index;
    arena_init(&m->arena);
    m->call_sid = arena_str(&m->arena, c->call_sid);
    if (bridge_submit(c->bridge, mark_run, mark_done, m))
        mark_free(m); /* should the bridge die now, nobody asks for the words */
}
