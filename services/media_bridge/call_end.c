/* How a call ends: the goodbye heard to its end, the live document that the webhook decides from, and what
 * earlier streams of the same call have said. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "google/firestore.h"
#include "media_bridge/call_internal.h"
#include "twilio/rest.h"

enum {
    LIVE_WRITE_MS = 3000,
    REST_END_MS = 3000,
    JOURNAL_READ_MS = 1500,
    JOURNAL_READ_TURNS = 400,
    JOURNAL_READ_BYTES = 16 * 1024, /* the latest words of it */
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
        .transfer = { arena_str(&w->arena, c->transfer.number),
                      arena_str(&w->arena, c->transfer.reason),
                      arena_str(&w->arena, c->transfer.summary) },
    };
    return w;
}

/* One write at a time: a late `live` must not come after the end. */
void call_live_write(struct call *c)
{
    struct live_write *w;

    c->live_dirty = c->live_write != NULL;
    if (c->live_dirty)
        return;
    if (c->end_decided && live_state(c) == LIVE_CALL_LIVE) {
        call_event(c, EV_RECORDED); /* it says so already */
        return;
    }
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

/* ---- earlier streams of this call ---- */

struct journal_read {
    struct call *call; /* NULL: it is over */
    struct bridge *bridge;
    struct log log;
    struct arena arena;
    struct str call_sid, text;
    enum errc rc;
    struct err err;
};

struct past_turn {
    int64_t attempt, index;
    bool agent;
    struct str text;
};

static int past_turn_cmp(const void *a, const void *b)
{
    const struct past_turn *x = a, *y = b;

    if (x->attempt != y->attempt)
        return x->attempt < y->attempt ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* "{attempt}-{index}" */
static bool past_turn_read(struct past_turn *t, const struct fs_doc *doc)
{
    struct str attempt, index;

    t->agent = str_eq_c(fs_str(doc->fields, "role"), "agent");
    t->text = fs_str(doc->fields, "text");
    return str_cut(doc->id, '-', &attempt, &index) &&
           str_to_i64(attempt, 0, 1000, &t->attempt) == ERR_OK &&
           str_to_i64(index, 0, 100000, &t->index) == ERR_OK && t->text.n > 0;
}

static struct str past_text(struct arena *a, struct past_turn *turns, size_t n)
{
    struct buf out = BUF_INIT(MIB);
    struct str text;
    size_t i;

    qsort(turns, n, sizeof(*turns), past_turn_cmp);
    for (i = 0; i < n; i++)
        buf_addf(&out, "%s: " STR_FMT "\n", turns[i].agent ? "Agent" : "Caller",
                 STR_ARG(turns[i].text));
    text = buf_str(&out);
    if (text.n > JOURNAL_READ_BYTES) {
        text = str_from(text, text.n - JOURNAL_READ_BYTES);
        text =
            str_from(text, MIN(str_find_char(text, '\n') + 1, text.n)); /* from a whole line on */
    }
    text = arena_str(a, text);
    buf_release(&out);
    return text;
}

static void journal_run(void *arg, struct ctx *worker)
{
    struct journal_read *r = arg;
    struct ctx ctx = *worker;
    struct firestore_query query = { .collection = "turns", .limit = JOURNAL_READ_TURNS };
    struct past_turn *turns;
    struct fs_docs docs;
    size_t i, n = 0;

    ctx.log = r->log;
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + JOURNAL_READ_MS;
    query.parent = arena_printf(ctx.arena, "calls/" STR_FMT, STR_ARG(r->call_sid));
    r->rc = firestore_query(r->bridge->google, &ctx, &query, &docs, &r->err);
    if (r->rc)
        return;
    turns = ARENA_ARRAY(ctx.arena, struct past_turn, MAX(docs.n, (size_t)1));
    for (i = 0; i < docs.n; i++) {
        if (past_turn_read(&turns[n], &docs.items[i]))
            n++;
    }
    r->text = past_text(&r->arena, turns, n);
}

static void journal_read_free(struct journal_read *r)
{
    arena_release(&r->arena);
    mem_free(r);
}

static void journal_done(void *arg)
{
    struct journal_read *r = arg;
    struct call *c = r->call;

    if (r->rc)
        log_warn(&r->log, "earlier turns not read error=\"%s\"", r->err.text);
    if (c) {
        c->journal_read = NULL;
        c->journal_text = arena_str(&c->arena, r->text);
        if (c->state == CALL_STARTING)
            call_engine_configure(c);
    }
    journal_read_free(r);
}

void call_journal_read(struct call *c)
{
    struct journal_read *r = MEM_NEW(struct journal_read);

    r->call = c;
    r->bridge = c->bridge;
    r->log = c->log;
    arena_init(&r->arena);
    r->call_sid = arena_str(&r->arena, c->call_sid);
    if (bridge_submit(c->bridge, journal_run, journal_done, r) == ERR_OK) {
        c->journal_read = r;
        return;
    }
    journal_read_free(r);
    call_engine_configure(c);
}

void call_journal_forget(struct call *c)
{
    if (c->journal_read)
        c->journal_read->call = NULL;
    c->journal_read = NULL;
}
