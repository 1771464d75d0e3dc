/* A stream that goes on with a call: what was said and done before is read, and the talk taken up. */
#include "base/mem.h"
#include "media_bridge/call_internal.h"
#include "media_bridge/sentences.h"

enum { PAST_READ_MS = 2500 };

struct past_job {
    struct call *call; /* NULL: it is over */
    struct bridge *bridge;
    struct log log;
    struct arena arena;
    struct str call_sid;
    struct past past;
    bool last; /* the events have had their time */
    enum errc rc;
    struct err err;
};

static void job_run(void *arg, struct ctx *worker)
{
    struct past_job *j = arg;
    struct ctx ctx = *worker;

    ctx.log = j->log;
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + PAST_READ_MS;
    j->rc = past_read(&j->past, &j->arena, j->bridge->google, &ctx, j->call_sid, j->last, &j->err);
}

static void job_free(struct past_job *j)
{
    arena_release(&j->arena);
    mem_free(j);
}

static void keep(struct call *c, const struct past *p)
{
    size_t i;

    c->past = *p;
    c->past_known = true;
    c->past.text = arena_str(&c->arena, p->text);
    c->past.unsaid = arena_str(&c->arena, p->unsaid);
    c->past.open = ARENA_ARRAY(&c->arena, struct past_tool, MAX(p->n_open, (size_t)1));
    for (i = 0; i < p->n_open; i++)
        c->past.open[i] = (struct past_tool){ arena_str(&c->arena, p->open[i].call_id),
                                              arena_str(&c->arena, p->open[i].name),
                                              arena_str(&c->arena, p->open[i].arguments) };
}

static void begin(struct call *c)
{
    timer_stop(&c->past_timer);
    if (c->state != CALL_STARTING)
        return;
    call_live_write(c);
    call_engine_configure(c);
    if (c->engine_failed)
        call_leave(c, END_ENGINE_FAILED);
}

static void job_done(void *arg)
{
    struct past_job *j = arg;
    struct call *c = j->call;

    if (j->rc && j->rc != ERR_AGAIN)
        log_warn(&j->log, "earlier turns not read error=\"%s\"", j->err.text);
    if (c) {
        c->past_job = NULL;
        if (j->rc == ERR_OK)
            keep(c, &j->past);
        if (j->rc && !j->last)
            timer_start(&c->past_timer, CALL_PAST_MS); /* events are still on their way */
        else
            begin(c);
    }
    job_free(j);
}

static void read_past(struct call *c, bool last)
{
    struct past_job *j = MEM_NEW(struct past_job);

    j->call = c;
    j->bridge = c->bridge;
    j->log = c->log;
    j->last = last;
    arena_init(&j->arena);
    j->call_sid = arena_str(&j->arena, c->call_sid);
    if (bridge_submit(c->bridge, job_run, job_done, j) == ERR_OK) {
        c->past_job = j;
        timer_start(&c->past_timer, CALL_PAST_LIMIT_MS);
        return;
    }
    job_free(j);
    begin(c);
}

void call_past_read(struct call *c)
{
    read_past(c, false);
}

/* It is time for the second reading, or the reading takes too long. */
static void on_past_timer(void *arg)
{
    struct call *c = arg;

    if (c->state != CALL_STARTING)
        return;
    if (!c->past_job) {
        read_past(c, true);
        return;
    }
    log_warn(&c->log, "earlier turns not read in time limit_ms=%d known=%d", CALL_PAST_LIMIT_MS,
             c->past_known);
    call_past_forget(c);
    begin(c);
}

void call_past_init_timers(struct call *c)
{
    timer_init(&c->past_timer, c->loop, on_past_timer, c);
}

void call_past_forget(struct call *c)
{
    if (c->past_job)
        c->past_job->call = NULL;
    c->past_job = NULL;
}

/* Under its old id: the ledger gives the result that there is, or waits for it, and runs nothing twice. */
static void ask_again(struct call *c, const struct past_tool *t)
{
    const struct voice_tool_call call = { STR_EMPTY, t->call_id, t->name, t->arguments };

    log_info(&c->log, "tool of an earlier stream taken up name=" STR_FMT " id=" STR_FMT,
             STR_ARG(t->name), STR_ARG(t->call_id));
    journal_tool_asked(c->journal, &call);
    if (c->ops->remember_tool(c->engine, &call, NULL))
        log_warn(&c->log, "voice engine took no earlier tool call");
    (void)tools_run(c->tools, t->call_id, t->name, t->arguments);
}

/* Nothing was lost, and the caller has noticed next to nothing. */
static void go_on(struct call *c)
{
    int64_t now = call_now_us(c);

    if (c->past.unsaid.n)
        turn_say(c->turn, c->past.unsaid, false, now);
    else if (c->past.owed && c->past.n_open == 0)
        turn_respond(c->turn, now);
    else if (c->past.n_open == 0)
        timer_start(&c->silence_timer, (int64_t)c->bridge->profile->limits.silence_prompt_s * 1000);
}

void call_past_resume(struct call *c)
{
    const struct sentences *say = c->bridge->sentences;
    int64_t now = call_now_us(c);
    size_t i;

    log_info(&c->log,
             "talk taken up known=%d moved=%d owed=%d words_lost=%d unsaid_bytes=%zu bytes=%zu "
             "open_tools=%zu",
             c->past_known, c->past.moved, c->past.owed, c->past.words_lost, c->past.unsaid.n,
             c->past.text.n, c->past.n_open);
    for (i = 0; i < c->past.n_open; i++)
        ask_again(c, &c->past.open[i]);
    if (c->past_known && !c->past.disclosed && !c->after_no_answer)
        call_voice_open(c); /* nobody has heard it yet */
    else if (c->past.words_lost && !c->after_no_answer)
        turn_say(c->turn, str_c(say->failed), false, now); /* and asks to say it again */
    else if (c->past.moved && !c->after_no_answer)
        go_on(c);
    else if (c->past.n_open > 0)
        turn_say(c->turn, str_c(say->interrupted), false, now);
    else
        turn_respond(c->turn, now); /* the prompt says how to begin */
}
