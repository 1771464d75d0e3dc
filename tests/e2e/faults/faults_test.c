/* Faults by construction: a call, again and again, in which the n-th HTTP request of one process fails, n = 1,
 * 2, 3 … until the call passes undisturbed; so for each process, each way to fail and each scripted call.
 * Nothing is picked by hand. After each the record must be complete, nothing doubled and nothing lost.
 *
 * Usually each (call, process, n) fails in one way, which rotates with n, so that neighbours fail differently;
 * FAULTS=all plays every way for every n, FAULTS_SEED=N rotates otherwise, FAULTS_STACKS=N plays so many at
 * once. A single one, as printed when it fails:  faults_e2e book/media-bridge/7/reset */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "faults/judge.h"
#include "faults/stack.h"
#include "faults/talk.h"
#include "faults/visit.h"
#include "net/loop.h"
#include "ports.h"
#include "test.h"

enum {
    STACKS = 10,
    STACKS_MAX = 32,
    PORT_FIRST = 30000,
    PORT_LAST = 32600,
    CALL_MS = 90000,   /* for a call to end */
    RECORD_MS = 60000, /* then for its record to be complete */
    LOOK_MS = 100,
    MISSES_MAX = 2,
    REQUESTS_MAX = 400, /* of one process in a call: more would be a loop */
    TEST_SECONDS = 3000,
    REPORT_MAX = 4 * 1024 * 1024,
    ARG_MAX = 4,
};

/* One process's requests in one script, from the first on. */
struct series {
    enum script script;
    enum source source;
    int next;         /* the request that fails next */
    enum fault fault; /* with FAULTS=all: the way that is next */
    int misses;       /* calls that passed undisturbed */
    bool done;        /* enough of them */
    int running, played, hit, failed;
};

struct fault_case {
    struct series *series; /* NULL: undisturbed, or asked for by name */
    enum script script;
    enum source source;
    int at; /* 0: undisturbed */
    enum fault fault;
};

/* As the tests below are named. */
static const char *const source_words[SOURCES] = { "twiml_webhook",  "media_bridge",
                                                   "tool_gateway",   "post_call",
                                                   "outcome_writer", "dashboard",
                                                   "of_twilio",      "pubsub" };

static struct series series[SCRIPTS * SOURCES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t next_series;
static int next_port = PORT_FIRST, players, stacks_failed;
static bool play_all;
static int seed = 1;
static struct buf report = BUF_INIT(REPORT_MAX); /* of what failed */
static struct loop *loop;
static struct clock clock_real;
static pthread_t loop_thread;
static const struct log quiet;

/* ---- ports ---- */

static int ports_take(void)
{
    int base;

    pthread_mutex_lock(&lock);
    base = ports_in_a_row(next_port, PORT_LAST, STACK_PORTS);
    next_port = base + STACK_PORTS;
    pthread_mutex_unlock(&lock);
    return base;
}

/* ---- what is played next ---- */

static void next_request(struct series *s)
{
    if (play_all && s->fault + 1 < FAULTS) {
        s->fault++;
        return;
    }
    s->fault = FAULT_REFUSED;
    s->next++;
}

/* A stalled answer takes as long as the client's patience: only with FAULTS=all. */
static enum fault fault_for(const struct series *s)
{
    if (play_all)
        return s->fault;
    return (enum fault)((s->next + 2 * (int)s->script + (int)s->source + seed) % FAULT_STALLED);
}

static bool take_case(struct fault_case *ret)
{
    bool found = false;
    size_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; !found && i < ARRAY_LEN(series); i++) {
        struct series *s = &series[next_series++ % ARRAY_LEN(series)];

        if (s->done)
            continue;
        *ret = (struct fault_case){ s, s->script, s->source, s->next, fault_for(s) };
        s->running++;
        next_request(s);
        if (s->next > REQUESTS_MAX)
            s->done = true;
        found = true;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void case_name(char out[128], const struct fault_case *c)
{
    if (c->at)
        (void)snprintf(out, 128, "%s/%s/%d/%s", script_names[c->script], source_names[c->source],
                       c->at, fault_names[c->fault]);
    else
        (void)snprintf(out, 128, "%s/undisturbed", script_names[c->script]);
}

static void settle_case(const struct fault_case *c, const struct stack *s, bool hit,
                        const struct buf *findings, const char *label)
{
    char name[128];

    case_name(name, c);
    pthread_mutex_lock(&lock);
    if (c->series) {
        c->series->running--;
        c->series->played++;
        c->series->hit += hit;
        c->series->failed += findings->n > 0;
        c->series->misses += !hit;
        /* How many requests a call takes varies a little: one that passes is not the end. */
        c->series->done |= c->series->misses >= (play_all ? FAULTS + 1 : MISSES_MAX);
    }
    if (findings->n)
        buf_addf(&report, "%s: %s (log %s)\n" STR_FMT, name, label, s->log_path,
                 STR_ARG(buf_str(findings)));
    if (findings->n || getenv("FAULTS_VERBOSE"))
        print_message("%s %s%s %s\n" STR_FMT, findings->n ? "not ok" : "ok", name,
                      hit || !c->at ? "" : " (not reached)", label, STR_ARG(buf_str(findings)));
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* ---- one case ---- */

static int64_t now_ms(void)
{
    return clock_mono_ms(&clock_real);
}

static void judge_until_good(struct stack *s, struct judge *j, enum script script,
                             struct buf *findings)
{
    struct talk_seen *seen = MEM_NEW(struct talk_seen);
    int64_t until = now_ms() + RECORD_MS;

    do {
        (void)poll(NULL, 0, LOOK_MS);
        buf_reset(findings);
        talk_look(s->talk, seen);
        judge_call(j, seen, script, findings);
    } while (findings->n && now_ms() < until);
    mem_free(seen);
}

static void add_call_sid(struct stack *s, struct buf *findings)
{
    struct talk_seen *seen = MEM_NEW(struct talk_seen);
    size_t i;

    talk_look(s->talk, seen);
    if (findings->n)
        buf_addf(findings, "    call_sid=%s\n", seen->call_sid);
    for (i = 0; findings->n && i < seen->n_kinds; i++)
        buf_addf(findings, "    | " STR_FMT "\n", STR_ARG(str_slice(seen->kinds[i], 0, 100)));
    mem_free(seen);
}

static bool is_service(enum source s)
{
    return s != SOURCE_TWILIO && s != SOURCE_PUBSUB;
}

static void place_call(struct stack *s, struct judge *j, enum script script, int number,
                       struct buf *findings)
{
    if (!talk_call(s->talk, s->port, script, number, CALL_MS))
        buf_addf(findings, "    the call did not end in %d s\n", CALL_MS / 1000);
    else
        judge_until_good(s, j, script, findings);
    add_call_sid(s, findings);
    talk_hang_up(s->talk);
}

struct visit {
    struct tally *tally;
    bool hit;
};

static void end_fault(void *arg)
{
    struct visit *v = arg;

    v->hit = tally_hit(v->tally);
    tally_disarm(v->tally);
}

/* The dashboard shows the call that was last. */
static void visit(struct stack *s, const struct fault_case *c, struct buf *findings, bool *ret_hit)
{
    struct talk_seen *seen = MEM_NEW(struct talk_seen);
    struct visit v = { .tally = &s->tallies[SOURCE_DASHBOARD] };

    talk_look(s->talk, seen);
    tally_arm(v.tally, c->at, c->fault);
    visit_dashboard(stack_service_port(s, SOURCE_DASHBOARD), seen->call_sid, end_fault, &v,
                    findings);
    mem_free(seen);
    *ret_hit = v.hit;
}

static bool has_called(struct stack *s)
{
    struct talk_seen *seen = MEM_NEW(struct talk_seen);
    bool ret;

    talk_look(s->talk, seen);
    ret = seen->placed;
    mem_free(seen);
    return ret;
}

static void play(struct stack *s, struct judge *j, const struct fault_case *c, int number,
                 struct buf *findings, bool *ret_hit)
{
    bool shown = c->at && c->source == SOURCE_DASHBOARD;
    struct err err = ERR_INIT;
    int i;

    for (i = 0; i < SOURCES; i++)
        tally_arm(&s->tallies[i], c->at && !shown && i == (int)c->source ? c->at : 0, c->fault);
    if (c->at && is_service(c->source) && stack_restart(s, c->source, &err)) {
        buf_addf(findings, "    before the call: %s\n", err.text);
        return;
    }
    if (!shown || !has_called(s))
        place_call(s, j, c->script, number, findings);
    *ret_hit = tally_hit(&s->tallies[c->source]);
    if (shown)
        visit(s, c, findings, ret_hit);
    if (stack_alive(s, &err))
        buf_addf(findings, "    %s\n", err.text);
}

static void play_and_tell(struct stack *s, struct judge *j, const struct fault_case *c, int number)
{
    struct buf findings = BUF_INIT(64 * KIB);
    const char *label = "";
    bool hit = false;

    play(s, j, c, number, &findings, &hit);
    if (c->at)
        label = tally_label(&s->tallies[c->source], c->at);
    settle_case(c, s, hit, &findings, label);
    buf_release(&findings);
}

/* ---- one stack's life ---- */

static void note_trouble(const char *what, const struct err *err)
{
    pthread_mutex_lock(&lock);
    stacks_failed++;
    buf_addf(&report, "%s: %s\n", what, err->text);
    print_message("not ok %s: %s\n", what, err->text);
    pthread_mutex_unlock(&lock);
}

static void play_stack(struct stack *s, const struct fault_case *only)
{
    struct err err = ERR_INIT;
    struct judge *j = NULL;
    struct fault_case c;
    int number = s->number * 7, script;

    if (judge_create(&j, s->port, &err)) {
        note_trouble("judge", &err);
        return;
    }
    if (only)
        play_and_tell(s, j, only, ++number);
    while (!only && take_case(&c))
        play_and_tell(s, j, &c, ++number);
    /* Whatever it has been through, it serves. */
    for (script = 0; !only && script < SCRIPTS; script++)
        play_and_tell(s, j, &(struct fault_case){ .script = (enum script)script }, ++number);
    judge_destroy(j);
}

static void run_stack(int number, const struct fault_case *only)
{
    struct err err = ERR_INIT;
    struct stack *s = NULL;

    if (stack_create(&s, number, ports_take(), 0, loop, &quiet, &err)) {
        note_trouble("stack", &err);
        return;
    }
    play_stack(s, only);
    if (stack_destroy(s, &err))
        note_trouble("at the end", &err);
}

static void *player(void *arg)
{
    run_stack((int)(intptr_t)arg, NULL);
    pthread_mutex_lock(&lock);
    players--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* ---- the loop of all stacks ---- */

static void *loop_main(void *arg)
{
    (void)arg;
    loop_run(loop);
    return NULL;
}

static void open_loop(void)
{
    clock_real = clock_system(0);
    CHECK_OK(loop_create(&loop, &clock_real, &quiet, NULL));
    CHECK(pthread_create(&loop_thread, NULL, loop_main, NULL) == 0);
}

static void close_loop(void)
{
    loop_stop(loop);
    pthread_join(loop_thread, NULL);
    loop = loop_destroy(loop);
}

/* ---- the tests ---- */

static int setting(const char *name, int dflt, int max)
{
    const char *text = getenv(name);
    int64_t v = dflt;

    if (text && str_to_i64(str_c(text), 0, max, &v))
        FAIL_TEST("%s is no number up to %d", name, max);
    return (int)v;
}

/* What the dashboard shows is one call like another. */
static bool wanted(int script, int source)
{
    return test_wanted(source_words[source]) &&
           (source != SOURCE_DASHBOARD || script == SCRIPT_BOOK);
}

/* Tests that are left out do not wait for the players. */
static void end_players(void)
{
    pthread_mutex_lock(&lock);
    while (players)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void start_players(void)
{
    int i, n = setting("FAULTS_STACKS", STACKS, STACKS_MAX);
    pthread_t thread;

    seed = setting("FAULTS_SEED", 1, 1000);
    play_all = str_eq_c(str_c(getenv("FAULTS")), "all"); /* NULL is the empty view */
    print_message("faults: seed %d, %s, %d stacks\n", seed,
                  play_all ? "every way of every request" : "one way of each request", n);
    for (i = 0; i < SCRIPTS * SOURCES; i++)
        series[i] = (struct series){ .script = (enum script)(i / SOURCES),
                                     .source = (enum source)(i % SOURCES),
                                     .next = 1,
                                     .done = !wanted(i / SOURCES, i % SOURCES) };
    open_loop();
    atexit(end_players);
    players = n;
    for (i = 0; i < n; i++) {
        CHECK(pthread_create(&thread, NULL, player, (void *)(intptr_t)i) == 0);
        pthread_detach(thread);
    }
}

/* Under the lock. */
static bool over(enum source source)
{
    int i;

    for (i = 0; i < SCRIPTS * SOURCES; i++) {
        if (series[i].source == source && (!series[i].done || series[i].running))
            return false;
    }
    return true;
}

static void check_source(enum source source)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int i, played = 0, failed = 0, hit = 0;

    pthread_once(&once, start_players);
    pthread_mutex_lock(&lock);
    while (!over(source) && players)
        pthread_cond_wait(&changed, &lock);
    for (i = 0; i < SCRIPTS * SOURCES; i++) {
        if (series[i].source != source)
            continue;
        played += series[i].played;
        failed += series[i].failed;
        hit += series[i].hit;
    }
    pthread_mutex_unlock(&lock);
    print_message("%s: %d calls, %d with a fault, %d failed\n", source_names[source], played, hit,
                  failed);
    CHECK_INT(failed, 0);
    CHECK(hit > 0);
}

#define SOURCE_TEST(name, source)   \
    TEST_WITHIN(TEST_SECONDS, name) \
    {                               \
        check_source(source);       \
    }

SOURCE_TEST(requests_of_the_twiml_webhook_fail_in_turn, SOURCE_WEBHOOK)
SOURCE_TEST(requests_of_the_media_bridge_fail_in_turn, SOURCE_BRIDGE)
SOURCE_TEST(requests_of_the_tool_gateway_fail_in_turn, SOURCE_GATEWAY)
SOURCE_TEST(requests_of_post_call_fail_in_turn, SOURCE_POST_CALL)
SOURCE_TEST(requests_of_the_outcome_writer_fail_in_turn, SOURCE_WRITER)
SOURCE_TEST(requests_of_the_dashboard_fail_in_turn, SOURCE_DASHBOARD)
SOURCE_TEST(webhooks_and_streams_of_twilio_fail_in_turn, SOURCE_TWILIO)
SOURCE_TEST(pushes_of_pubsub_fail_in_turn, SOURCE_PUBSUB)

/* The players have ended with undisturbed calls, and all processes in good order. */
TEST_WITHIN(TEST_SECONDS, every_stack_serves_on_and_ends_in_good_order)
{
    int failed;

    pthread_mutex_lock(&lock);
    while (players)
        pthread_cond_wait(&changed, &lock);
    failed = stacks_failed;
    if (report.n)
        print_error("\nwhat failed:\n" STR_FMT, STR_ARG(buf_str(&report)));
    pthread_mutex_unlock(&lock);
    if (loop)
        close_loop();
    CHECK_INT(failed, 0);
    CHECK_INT((long long)report.n, 0);
    buf_release(&report);
}

/* ---- one alone ---- */

static bool name_index(struct str text, const char *const *names, size_t n, int *ret)
{
    size_t i;

    for (i = 0; i < n && !str_eq_c(text, names[i]); i++)
        ;
    *ret = (int)i;
    return i < n;
}

/* "book/media-bridge/7/reset", or "book/undisturbed". */
static bool case_parse(struct fault_case *ret, struct str text)
{
    struct str part, rest;
    int64_t at = 0;
    int i;

    *ret = (struct fault_case){ .at = 0 };
    if (!str_cut(text, '/', &part, &rest) || !name_index(part, script_names, SCRIPTS, &i))
        return false;
    ret->script = (enum script)i;
    if (str_eq_c(rest, "undisturbed"))
        return true;
    if (!str_cut(rest, '/', &part, &rest) || !name_index(part, source_names, SOURCES, &i))
        return false;
    ret->source = (enum source)i;
    if (!str_cut(rest, '/', &part, &rest) || str_to_i64(part, 1, REQUESTS_MAX, &at) ||
        !name_index(rest, fault_names, FAULTS, &i))
        return false;
    ret->at = (int)at;
    ret->fault = (enum fault)i;
    return true;
}

static struct test_case named[ARG_MAX];
static size_t n_named, at_named;

static void play_named(void)
{
    struct fault_case c;

    if (!case_parse(&c, str_c(named[at_named].name)))
        FAIL_TEST("%s: no such case", named[at_named].name);
    at_named++;
    open_loop();
    run_stack(0, &c);
    close_loop();
    CHECK_INT((long long)report.n, 0);
}

/* An argument with a slash is the name of a case, and a test of its own. */
__attribute__((constructor)) static void register_named(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && n_named < ARG_MAX; i++) {
        if (!strchr(argv[i], '/'))
            continue;
        named[n_named] =
            (struct test_case){ .name = argv[i], .run = play_named, .seconds_max = TEST_SECONDS };
        test_register(&named[n_named++]);
    }
}
