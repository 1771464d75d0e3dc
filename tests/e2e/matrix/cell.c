#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "matrix/matrix.h"
#include "matrix/record.h"
#include "media_bridge/call_internal.h"

enum {
    STEP_MS = 20, /* a packet of Twilio's */
    LOUD = 4000,
    HEARD_MS = 3000, /* the caller never waits for longer without a sound */
    IDLE_MS = 500,
    WATCH_MS = 3000,
    ANSWER_MAX_MS = 8000,
    LEFT_MS = 5000, /* real ones, in looks of … */
    LOOK_MS = 10,
    THREADS_KEEP = 16 * 336, /* bytes: glibc keeps what belongs to the stacks of ended threads */
};

#ifdef VC_SANITIZED
/* Of the sanitizers' common run time; gcc does not bring its header. */
size_t __sanitizer_get_current_allocated_bytes(void); /* NOLINT(bugprone-reserved-identifier) */
#endif

static const char *const settings[] = { "TOOL_DEADLINE_MS=6000", "TOOL_SLOW_MS=2500",
                                        "DTMF_TIMEOUT_MS=1500", NULL };

/* ---- looking at the call ---- */

const struct call *cell_call(const struct cell *k)
{
    struct list_node *first = list_first(&k->w->bridge->calls);

    return first ? call_of_node(first) : NULL;
}

struct fake_engine *cell_engine(const struct cell *k)
{
    int i = k->w->n_engines;

    while (i-- > 0) {
        if (k->w->engines[i]->ws)
            return k->w->engines[i];
    }
    return NULL;
}

static unsigned flags_of(const struct cell *k)
{
    unsigned ret = 0;
    int i;

    for (i = 0; i < CELL_FAULTS_MAX && k->faults[i]; i++)
        ret |= k->faults[i]->flags;
    return ret;
}

static int watch_ms(const struct cell *k)
{
    int ret = WATCH_MS, i;

    for (i = 0; i < CELL_FAULTS_MAX && k->faults[i]; i++)
        ret = MAX(ret, k->faults[i]->watch_ms);
    return ret;
}

static int faults_with(const struct cell *k, unsigned flag)
{
    int n = 0, i;

    for (i = 0; i < CELL_FAULTS_MAX && k->faults[i]; i++)
        n += (k->faults[i]->flags & flag) != 0;
    return n;
}

/* One that has had its time is answered for, however long the gateway is still at it. */
static bool tool_runs(const struct cell *k)
{
    const struct call *c = cell_call(k);

    return c && c->tools && tools_pending(c->tools) > 0;
}

/* Nothing is said, and nothing is due, as far as engine and caller can see. */
static bool is_idle(const struct cell *k)
{
    const struct fake_engine *e = cell_engine(k);

    return e && e->updated && !e->active && e->asked <= e->responses && k->c->queue.n == 0 &&
           !tool_runs(k);
}

/* Who presses keys is listened to, and waits for nothing yet. */
static bool types(const struct cell *k)
{
    const struct call *c = cell_call(k);

    return c && c->keys.open;
}

static void look(struct cell *k)
{
    int64_t now = world_now_ms(k->w), heard = caller_heard_ms(k->c), since;
    bool tool = tool_runs(k);
    int limit_ms = tool ? CALL_TOOL_SLOWER_MS + IDLE_MS : HEARD_MS;

    if (heard > k->heard_ms || types(k))
        k->heard_at_ms = now;
    k->heard_ms = heard;
    if (tool)
        k->tool_ran_ms = now;
    if (!is_idle(k))
        k->idle_since_ms = now;
    if (!k->c->ws || k->line_gone || now - k->idle_since_ms > IDLE_MS)
        k->owed = false;
    since = tool ? k->heard_at_ms : MAX(k->heard_at_ms, k->tool_ran_ms);
    if (k->owed && now - since > limit_ms)
        FAIL_TEST("the caller waits for an answer, and has heard nothing for %d ms", limit_ms);
}

static void owe(struct cell *k)
{
    k->owed = true;
    k->heard_ms = caller_heard_ms(k->c);
    k->heard_at_ms = k->idle_since_ms = world_now_ms(k->w);
}

struct pause {
    struct cell *k;
    int64_t until_ms;
};

static bool is_past(struct world *w, const void *arg)
{
    const struct pause *p = arg;

    look(p->k);
    return world_now_ms(w) >= p->until_ms;
}

static void pass(struct cell *k, int64_t ms)
{
    const struct pause p = { k, world_now_ms(k->w) + ms };

    world_until(k->w, is_past, &p, "time");
}

/* ---- the caller's turns ---- */

void cell_speaks(struct cell *k, int ms)
{
    struct fake_engine *e = cell_engine(k);

    (void)snprintf(k->item, sizeof(k->item), "item_c%lld", (long long)k->c->chunk);
    caller_says(k->c, SOUND_VOWEL, LOUD, ms);
    if (e && e->updated && !e->dumb)
        engine_speech_started(e, k->item);
}

void cell_quiet(struct cell *k, const char *text)
{
    struct fake_engine *e = cell_engine(k);

    if (e && e->updated && !e->dumb) {
        engine_speech_stopped(e, k->item);
        engine_turn(e, k->item, text);
    }
    k->item[0] = '\0';
}

static bool is_said(struct world *w, const void *arg)
{
    const struct cell *k = arg;

    (void)w;
    return k->c->says.n < 160 || !k->c->ws || k->c->opts.silent_line;
}

/* ---- what the peers do by themselves ---- */

static void engine_goes_on(struct cell *k, struct fake_engine *e)
{
    bool cancelled;

    if (!e->ws || e->dumb)
        return;
    if (!e->created && !k->w->script.mute)
        engine_send_created(e);
    if (!e->updated && engine_got(e, "session.update"))
        engine_send_updated(e);
    if (!e->active && e->asked > e->responses)
        engine_begin(e);
    if (!e->active)
        return;
    cancelled = engine_got(e, "response.cancel") > 0;
    if (!cancelled)
        engine_say(e, "We are open.", 600);
    engine_end(e, cancelled ? "cancelled" : "completed");
}

static void go_on(struct cell *k)
{
    struct world *w = k->w;
    int i;

    w->script.hold_created = w->script.hold_updated = false;
    w->script.answer = ANSWER_ITSELF;
    w->script.answer_ms = 0;
    w->script.ends_cancelled = true;
    for (i = 0; i < w->n_engines; i++)
        engine_goes_on(k, w->engines[i]);
    if (!(flags_of(k) & FAULT_RECORD))
        world_cloud(w, &w->firestore, CLOUD_WELL);
    world_release_tools(w);
    if (k->c->ws && !(flags_of(k) & FAULT_LINE))
        ws_resume(k->c->ws);
    if (k->c->ws && k->c->opts.hold_start && k->c->sequence == 0) {
        caller_start(k->c);
        owe(k);
    }
    if (k->item[0]) {
        world_until(w, is_said, k, "the caller's words");
        pass(k, 300);
        cell_quiet(k, "Hello?");
    }
}

static bool is_through(struct world *w, const void *arg)
{
    const struct pause *p = arg;

    look(p->k);
    return world_now_ms(w) - p->k->idle_since_ms > IDLE_MS || world_now_ms(w) >= p->until_ms;
}

static bool goes_on(const struct cell *k)
{
    const struct fake_engine *e = cell_engine(k);
    const struct call *c = cell_call(k);

    return c && c->state == CALL_TALKING && k->c->ws && !k->line_gone && e && e->updated &&
           !e->dumb;
}

/* Once more, and with a tool: if anybody is there. */
static void one_more_turn(struct cell *k)
{
    int64_t heard;
    const struct pause p = { k, world_now_ms(k->w) + ANSWER_MAX_MS };
    bool well = !(flags_of(k) & (FAULT_LINE | FAULT_ENGINE | FAULT_DEAF)) && !k->stopping &&
                k->state->ends == 0;

    if (!goes_on(k)) {
        if (well)
            FAIL_TEST("the talk does not go on");
        return;
    }
    world_until(k->w, is_through, &p, "the agent's last words");
    k->c->opts.silent_line = false; /* what a mute line held comes at once */
    k->w->script.tools = 1;
    cell_speaks(k, 400);
    pass(k, 700);
    heard = caller_heard_ms(k->c);
    cell_quiet(k, "What about Friday?");
    owe(k);
    pass(k, watch_ms(k));
    if (well && caller_heard_ms(k->c) - heard < 600)
        FAIL_TEST("the caller's turn was not answered");
}

/* ---- the end ---- */

static bool no_call(struct world *w, const void *arg)
{
    (void)arg;
    return w->bridge->n_calls == 0;
}

static bool all_closed(struct world *w, const void *arg)
{
    const struct cell *k = arg;

    return !k->c->ws && !cell_engine(k) && w->n_engines > 0;
}

static void neighbours_are_well(struct world *w)
{
    int i;

    world_release(w);
    w->script = (struct engine_script){ 0 };
    pthread_mutex_lock(&w->mutex); /* a worker may still try */
    w->refuse_commits = w->refuse_publishes = 0;
    w->past_events = STR_EMPTY;
    pthread_mutex_unlock(&w->mutex);
    for (i = 0; i < w->n_engines; i++) {
        if (w->engines[i]->ws)
            ws_resume(w->engines[i]->ws);
    }
}

static void hang_up(struct cell *k)
{
    k->owed = false;
    if (k->c->ws)
        ws_resume(k->c->ws);
    if (k->c->ws && !k->line_gone)
        caller_stop(k->c);
    world_until(k->w, no_call, NULL, "the call's end");
    neighbours_are_well(k->w);
    until_over(k->w);
    world_until(k->w, all_closed, k, "all connections closed");
}

/* ---- what must hold ---- */

static unsigned may_end(const struct cell *k)
{
    unsigned ret = ENDS(END_CALLER_HANGUP) | k->state->ends;
    int i;

    for (i = 0; i < CELL_FAULTS_MAX && k->faults[i]; i++)
        ret |= k->faults[i]->ends;
    if (faults_with(k, FAULT_ENGINE) + k->state->lost_once > 1)
        ret |= ENDS(END_ENGINE_FAILED);
    return ret;
}

static const char *live_state(enum end_reason r)
{
    if (end_reason_info(r)->resumes)
        return "live";
    if (r == END_TRANSFERRED)
        return "transfer";
    return end_reason_info(r)->failed ? "failed" : "ended";
}

static void check_end(const struct cell *k, struct arena *a)
{
    const char *sid = k->c->call_sid;
    bool started = world_log_has(k->w, "call started");
    enum end_reason r;
    struct str name;

    CHECK_INT(world_events(k->w, sid, "call.ended"), started);
    if (!started)
        return;
    name = json_str(json_get(world_event(k->w, a, sid, "call.ended", 0), "reason"));
    r = end_reason_find(name);
    if (r == END_REASONS || !(may_end(k) & ENDS(r)))
        FAIL_TEST("the call ended for \"" STR_FMT "\"", STR_ARG(name));
    if (!(flags_of(k) & FAULT_RECORD))
        CHECK_STR(world_live_state(k->w, a, sid), live_state(r));
}

static int times(struct str text, struct str what)
{
    size_t at;
    int n = 0;

    while ((at = str_find(text, what)) < text.n) {
        n++;
        text = str_from(text, at + what.n);
    }
    return n;
}

/* Each tool that was begun is on record once, and no engine was given its output twice. */
static void check_tool(const struct cell *k, struct arena *a, struct str id)
{
    struct str output = arena_printf(
        a, "\"type\":\"function_call_output\",\"call_id\":\"" STR_FMT "\"", STR_ARG(id));
    int told = 0, i, n = world_events(k->w, k->c->call_sid, "call.tool");

    for (i = 0; i < n; i++)
        told += str_eq(
            json_str(json_get(world_event(k->w, a, k->c->call_sid, "call.tool", i), "toolCallId")),
            id);
    if (told != 1)
        FAIL_TEST("tool " STR_FMT " is on record %d times", STR_ARG(id), told);
    for (i = 0; i < k->w->n_engines; i++) {
        if (times(buf_str(&k->w->engines[i]->received), output) > 1)
            FAIL_TEST("engine %d was given the output of tool " STR_FMT " twice", i, STR_ARG(id));
    }
}

static void check_tools(const struct cell *k, struct arena *a)
{
    struct str text = buf_str(&k->w->tools), line;

    while (text.n) {
        const struct jval *v = NULL;

        (void)str_cut(text, '\n', &line, &text);
        CHECK_OK(json_parse_arena(&v, a, str_from(line, str_find_char(line, ' ') + 1), NULL));
        check_tool(k, a, json_str(json_get(v, "toolCallId")));
    }
}

static void check_engines(const struct cell *k)
{
    int i;

    for (i = 0; i < k->w->n_engines; i++) {
        const struct fake_engine *e = k->w->engines[i];

        if (e->overlaps && !e->dumb)
            FAIL_TEST("engine %d was asked for an answer while one ran", i);
    }
}

/* A call without a fault, from its first word to its last. */
static void check_next_call(struct cell *k)
{
    struct arena a = ARENA_INIT;
    struct world *w = k->w;
    struct fake_engine *e;
    struct fake_caller *c = world_talk(w, &e);

    w->script.tools = 1;
    engine_speech_started(e, "item_next");
    engine_speech_stopped(e, "item_next");
    engine_turn(e, "item_next", "At ten, please.");
    until_heard_ms(c, caller_heard_ms(c) + 600);
    caller_stop(c);
    until_over(w);
    CHECK_STR(json_str(json_get(world_event(w, &a, c->call_sid, "call.ended", 0), "reason")),
              "caller_hangup");
    CHECK_INT(world_events(w, c->call_sid, "call.ended"), 1);
    CHECK_INT(world_events(w, c->call_sid, "call.tool"), 1);
    arena_release(&a);
}

static bool has_stopped(struct world *w, const void *arg)
{
    (void)arg;
    return w->stopped;
}

static void serve_next(struct cell *k)
{
    if (k->stopping) {
        world_until(k->w, has_stopped, NULL, "the bridge has stopped");
        world_restart(k->w);
    }
    check_next_call(k);
}

struct load_wait {
    const struct loop *loop;
    struct loop_load want, now;
};

static bool is_as_before(void *arg)
{
    struct load_wait *x = arg;

    x->now = loop_load(x->loop);
    return x->now.timers == x->want.timers && x->now.descriptors == x->want.descriptors;
}

static bool workers_rest(struct world *w, const void *arg)
{
    (void)arg;
    return workers_pending(w->workers) == 0;
}

/* Servers hear from the kernel that their clients have gone. */
static void check_nothing_waits(struct world *w, struct loop_load before)
{
    struct load_wait x = { w->loop, before, before };
    int tries = LEFT_MS / LOOK_MS;

    world_until(w, workers_rest, NULL, "the workers have finished");
    world_retire(w);
    while (tries-- && loop_run_until(w->loop, is_as_before, &x, LOOK_MS))
        world_pass(w, STEP_MS);
    if (tries < 0)
        FAIL_TEST("left on the loop: %zu timers, %zu descriptors; before: %zu, %zu", x.now.timers,
                  x.now.descriptors, before.timers, before.descriptors);
}

/* ---- a cell ---- */

static void check_reached(const struct cell *k)
{
    const struct call *c = cell_call(k);
    int turn = c && c->turn ? (int)turn_state(c->turn) : CELL_ANY;

    if (!c || (k->state->call != CELL_ANY && (int)c->state != k->state->call) ||
        (k->state->turn != CELL_ANY && turn != k->state->turn))
        FAIL_TEST("%s was not reached: call %d, turn %d", k->state->name, c ? (int)c->state : -1,
                  turn);
}

static void strike(struct cell *k)
{
    int i;

    if (k->state->owes)
        owe(k);
    k->idle_since_ms = world_now_ms(k->w);
    for (i = 0; i < CELL_FAULTS_MAX && k->faults[i]; i++)
        k->faults[i]->strike(k);
    k->line_gone = k->line_gone || (flags_of(k) & FAULT_LINE);
    if (flags_of(k) & FAULT_DEAF && !(flags_of(k) & FAULT_ENGINE))
        k->owed = false;
    pass(k, 200);
    go_on(k);
    pass(k, watch_ms(k));
}

static void play(struct cell *k)
{
    struct arena a = ARENA_INIT;
    struct loop_load before;

    record_cell();
    world_open_as(k->w, settings, record_self());
    k->w->step_ms = STEP_MS;
    CHECK(loop_lws(k->w->loop) != NULL); /* what comes with the first web socket stays */
    before = loop_load(k->w->loop);
    k->state->reach(k);
    check_reached(k);
    strike(k);
    one_more_turn(k);
    hang_up(k);
    check_end(k, &a);
    check_tools(k, &a);
    check_engines(k);
    serve_next(k);
    check_nothing_waits(k->w, before);
    arena_release(&a);
    world_close(k->w);
}

/* ---- what is left ---- */

struct left {
    int descriptors;
    size_t bytes;
};

/* Without event descriptors: libwebsockets 4.3.5 does not close the one that a context has of its own. */
static struct left left_now(void)
{
    struct left ret = { 0 };
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (!d)
        FAIL_TEST("/proc/self/fd cannot be read");
    while (d && (entry = readdir(d)) != NULL) {
        char to[64] = "";

        if (readlinkat(dirfd(d), entry->d_name, to, sizeof(to) - 1) > 0 &&
            !str_eq_c(str_c(to), "anon_inode:[eventfd]"))
            ret.descriptors++;
    }
    if (d)
        closedir(d);
#ifdef VC_SANITIZED
    ret.bytes = __sanitizer_get_current_allocated_bytes();
#endif
    return ret;
}

static void play_alone(const struct state *s, const struct fault *a, const struct fault *b)
{
    struct cell k = { .state = s, .faults = { a, b }, .w = MEM_NEW(struct world) };

    play(&k);
    mem_free(k.w);
}

void cell_play(const struct state *s, const struct fault *a, const struct fault *b)
{
    static bool warm;
    struct left before, after;

    if (!warm)
        play_alone(s, a, b); /* what libraries keep for good */
    warm = true;
    before = left_now();
    play_alone(s, a, b);
    after = left_now();
    CHECK(after.descriptors <= before.descriptors);
    CHECK(after.bytes <= before.bytes + THREADS_KEEP);
}
