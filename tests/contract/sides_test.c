#include "sides_test.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "emulators_test.h"

enum { THREADS = 12, ASK_TIMEOUT_MS = 20000, FAILURES_SHOWN = 40, SLOW_MS = 5000 };

struct run {
    enum side_need need;
    const struct check *checks;
    size_t n;
    struct test_cloud local;
    struct str host; /* of the emulator; empty: there is none */
    const char *emulator;
    pthread_mutex_t lock; /* the fields below, and printing */
    size_t next;
    size_t failed;
};

/* ---- one check ---- */

void side_fail(struct side *s, const char *fmt, ...)
{
    struct buf b = BUF_INIT(64 * KIB);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    s->why = arena_str(&s->arena, buf_str(&b));
    buf_release(&b);
    longjmp(s->failed, 1);
}

void side_expect_str(struct side *s, struct str got, const char *want, const char *file, int line)
{
    if (!str_eq_c(got, want))
        side_fail(s, "%s:%d: got \"" STR_FMT "\", expected \"%s\"", file, line, STR_ARG(got), want);
}

struct http_client *side_client(struct side *s)
{
    return http_client_create(NULL, s->ctx.clock);
}

struct http_response side_ask(struct side *s, const char *method, const char *path, struct str body)
{
    struct google_call call = {
        .api = s->need == NEEDS_FIRESTORE ? GOOGLE_FIRESTORE : GOOGLE_PUBSUB,
        .method = method,
        .path = arena_printf(&s->arena, "/v1/projects/" STR_FMT "%s", STR_ARG(s->project), path),
        .body = body,
        .timeout_ms = ASK_TIMEOUT_MS,
    };
    struct http_response r;

    EXPECT_OK(s, google_do(s->google, &s->ctx, &call, &r, &s->err));
    return r;
}

const struct jval *side_json(struct side *s, const char *method, const char *path, struct str body)
{
    struct http_response r = side_ask(s, method, path, body);
    const struct jval *v;

    if (r.status != 200)
        side_fail(s, "%s %s: %d " STR_FMT, method, path, r.status, STR_ARG(r.body));
    EXPECT_OK(s, json_parse_arena(&v, &s->arena, r.body, &s->err));
    return v;
}

static void run_one(struct run *run, const struct check *check, struct side *s)
{
    struct str host = s->is_local ? run->local.google_settings.firestore_emulator_host : run->host;

    arena_init(&s->arena);
    s->need = run->need;
    s->name = s->is_local ? "local_cloud" : run->emulator;
    s->arg = check->arg;
    s->ctx = run->local.ctx;
    s->ctx.arena = &s->arena;
    s->ctx.http = side_client(s);
    s->settings.firestore_emulator_host = host;
    s->settings.pubsub_emulator_host = host;
    s->project = arena_printf(&s->arena, "test-" STR_FMT, STR_ARG(random_id_text(&s->arena, 12)));
    if (setjmp(s->failed) == 0) {
        EXPECT_OK(s, google_create(&s->google, s->project, &s->settings, s->ctx.clock, &s->err));
        check->run(s);
    }
    s->google = google_destroy(s->google);
    s->ctx.http = http_client_destroy(s->ctx.http);
}

/* ---- all of them ---- */

/* Jobs are the checks on the emulator, which is slower, then those on local_cloud. */
static bool take(struct run *run, const struct check **check, bool *is_local)
{
    size_t at;
    bool found = false;

    pthread_mutex_lock(&run->lock);
    while (!found && run->next < 2 * run->n) {
        at = run->next++;
        *is_local = at >= run->n;
        *check = &run->checks[at % run->n];
        found = *is_local || (run->host.n && !(*check)->local_only);
    }
    pthread_mutex_unlock(&run->lock);
    return found;
}

static void *run_thread(void *arg)
{
    struct run *run = arg;
    const struct check *check;
    bool is_local;

    while (take(run, &check, &is_local)) {
        struct side *s = MEM_NEW(struct side);

        int64_t began_ms = clock_mono_ms(run->local.ctx.clock), took_ms;

        s->is_local = is_local;
        run_one(run, check, s);
        took_ms = clock_mono_ms(run->local.ctx.clock) - began_ms;
        pthread_mutex_lock(&run->lock);
        if (took_ms > SLOW_MS)
            print_message("   %s: %s: %lld ms\n", s->name, check->name, (long long)took_ms);
        if (s->why.n && run->failed++ < FAILURES_SHOWN)
            print_error("%s: %s:\n   " STR_FMT "\n", s->name, check->name, STR_ARG(s->why));
        pthread_mutex_unlock(&run->lock);
        arena_release(&s->arena);
        mem_free(s);
    }
    return NULL;
}

static void tell(const struct run *run, const char *why_not)
{
    size_t i, local_only = 0;

    for (i = 0; i < run->n; i++) {
        if (!run->checks[i].local_only)
            continue;
        local_only++;
        print_message("   on local_cloud only: %s: %s\n", run->checks[i].name,
                      run->checks[i].local_only);
    }
    if (why_not)
        print_message("   %zu on local_cloud; skipped %zu on %s: %s\n", run->n, run->n - local_only,
                      run->emulator, why_not);
    else
        print_message("   %zu on local_cloud, %zu on %s\n", run->n, run->n - local_only,
                      run->emulator);
}

void run_checks(enum side_need need, const struct check *checks, size_t n)
{
    struct run *run = MEM_NEW(struct run);
    pthread_t threads[THREADS];
    const char *why_not;
    size_t i, failed;

    run->need = need;
    run->checks = checks;
    run->n = n;
    pthread_mutex_init(&run->lock, NULL);
    cloud_open(&run->local, NULL);
    run->emulator = emulator_name(need);
    why_not = emulator_host(need, &run->local, &run->host);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, run_thread, run) == 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    tell(run, why_not);
    cloud_close(&run->local);
    pthread_mutex_destroy(&run->lock);
    failed = run->failed;
    mem_free(run);
    CHECK_INT(failed, 0);
}
