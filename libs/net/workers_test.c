#include "net/workers.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "support_test.h"

enum { JOBS = 500 };

struct job {
    struct counts *counts;
    bool ran;
    pthread_t on;
};

struct counts {
    pthread_t loop_thread;
    atomic_int running, most;
    int done;
    struct job jobs[JOBS];
    sem_t go;
};

static void run(void *arg, struct ctx *ctx)
{
    struct job *j = arg;
    int now = atomic_fetch_add(&j->counts->running, 1) + 1, most = atomic_load(&j->counts->most);

    while (now > most && !atomic_compare_exchange_weak(&j->counts->most, &most, now))
        ;
    CHECK(ctx->http && ctx->clock && ctx->arena);
    CHECK_INT(ctx->arena->used, 0); /* reset after the job before */
    CHECK(arena_alloc(ctx->arena, 100) != NULL);
    j->ran = true;
    j->on = pthread_self();
    atomic_fetch_sub(&j->counts->running, 1);
}

static void wait_then_run(void *arg, struct ctx *ctx)
{
    sem_wait(&((struct job *)arg)->counts->go);
    run(arg, ctx);
}

static void done(void *arg)
{
    struct job *j = arg;

    CHECK(j->ran);
    CHECK(pthread_equal(pthread_self(), j->counts->loop_thread));
    CHECK(!pthread_equal(j->on, j->counts->loop_thread));
    j->counts->done++;
}

static bool all_done(void *arg)
{
    return ((struct counts *)arg)->done == JOBS;
}

static struct counts *counts_create(void)
{
    struct counts *c = MEM_NEW(struct counts);
    int i;

    c->loop_thread = pthread_self();
    sem_init(&c->go, 0, 0);
    for (i = 0; i < JOBS; i++)
        c->jobs[i].counts = c;
    return c;
}

static void counts_destroy(struct counts *c)
{
    sem_destroy(&c->go);
    mem_free(c);
}

TEST(workers_run_jobs_and_hand_back_on_the_loop)
{
    struct counts *c = counts_create();
    struct net n;
    int i;

    net_open(&n, 4);
    for (i = 0; i < JOBS; i++)
        CHECK_OK(workers_submit(n.workers, run, done, &c->jobs[i]));
    CHECK_INT(c->done, 0);
    CHECK_INT(workers_pending(n.workers), JOBS);
    net_until(&n, all_done, c);
    CHECK_INT(workers_pending(n.workers), 0);
    CHECK(atomic_load(&c->most) <= 4);
    net_close(&n);
    counts_destroy(c);
}

static void meet(void *arg, struct ctx *ctx)
{
    (void)ctx;
    pthread_barrier_wait(arg);
}

TEST(workers_run_as_many_jobs_at_once_as_there_may_be_threads)
{
    enum { THREADS = 5 };
    pthread_barrier_t all;
    struct net n;
    int i;

    net_open(&n, THREADS);
    pthread_barrier_init(&all, NULL, THREADS);
    for (i = 0; i < 2 * THREADS; i++)
        CHECK_OK(workers_submit(n.workers, meet, NULL, &all));
    while (workers_pending(n.workers)) /* for ever if one of them had to wait for another */
        net_turn(&n);
    pthread_barrier_destroy(&all);
    net_close(&n);
}

static int threads_now(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;

    while (d && readdir(d))
        n++;
    CHECK(d && closedir(d) == 0);
    return n - 2; /* . and .. */
}

TEST(workers_start_no_thread_before_there_is_work_for_it)
{
    int before = threads_now();
    struct net n;

    net_open(&n, 64);
    CHECK(threads_now() <= before + 1);
    net_close(&n);
}

TEST(workers_finish_what_is_queued_when_they_are_destroyed)
{
    struct counts *c = counts_create();
    struct net n;
    int i;

    net_open(&n, 2);
    for (i = 0; i < JOBS; i++)
        CHECK_OK(workers_submit(n.workers, run, done, &c->jobs[i]));
    n.workers = workers_destroy(n.workers);
    CHECK_INT(c->done, JOBS);
    net_close(&n);
    counts_destroy(c);
}

static void nothing(void *arg, struct ctx *ctx)
{
    (void)arg;
    (void)ctx;
}

TEST(workers_refuse_beyond_their_queue)
{
    struct counts *c = counts_create();
    struct net n;
    int i;

    net_open(&n, 1);
    CHECK_OK(workers_submit(n.workers, wait_then_run, done, &c->jobs[0]));
    for (i = 0; i < WORKERS_QUEUE_MAX; i++) /* the first may not have been taken yet */
        if (workers_submit(n.workers, nothing, NULL, NULL))
            break;
    CHECK(i >= WORKERS_QUEUE_MAX - 1);
    while (!workers_submit(n.workers, nothing, NULL, NULL))
        ;
    CHECK_RC(ERR_LIMIT, workers_submit(n.workers, run, done, &c->jobs[1]));
    sem_post(&c->go);
    n.workers = workers_destroy(n.workers);
    CHECK_INT(c->done, 1);
    CHECK(!c->jobs[1].ran);
    net_close(&n);
    counts_destroy(c);
}

static void tell_policy(void *arg, struct ctx *ctx)
{
    (void)ctx;
    *(int *)arg = sched_getscheduler(0);
}

static int policy_of_a_job(struct net *n)
{
    int policy = -1;

    CHECK_OK(workers_submit(n->workers, tell_policy, NULL, &policy));
    while (workers_pending(n->workers))
        net_turn(n);
    return policy;
}

TEST(workers_that_stand_back_do_not_interrupt_the_loop)
{
    struct net n;

    net_open(&n, 1);
    CHECK_INT(policy_of_a_job(&n), SCHED_OTHER);
    workers_stand_back(n.workers);
    CHECK_INT(policy_of_a_job(&n), SCHED_BATCH);
    CHECK_INT(sched_getscheduler(0), SCHED_OTHER); /* the loop's */
    net_close(&n);
}

static void submit_another(void *arg)
{
    struct net *n = arg;

    if (n->workers)
        CHECK_OK(workers_submit(n->workers, nothing, NULL, NULL));
}

TEST(workers_take_jobs_from_what_they_hand_back)
{
    struct net n;

    net_open(&n, 2);
    CHECK_OK(workers_submit(n.workers, nothing, submit_another, &n));
    while (workers_pending(n.workers))
        net_turn(&n);
    net_close(&n);
}
