#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "net/loop_internal.h"
#include "support_test.h"

static bool is_set(void *arg)
{
    return *(bool *)arg;
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

struct fired {
    struct net *net;
    int order[16];
    int n;
};

struct probe {
    struct timer timer;
    struct fired *fired;
    int id;
    int again;
};

static void on_probe(void *arg)
{
    struct probe *p = arg;

    p->fired->order[p->fired->n++] = p->id;
    if (p->again-- > 0)
        timer_start(&p->timer, 0);
}

static bool fired_six(void *arg)
{
    return ((struct fired *)arg)->n == 6;
}

TEST(loop_fires_timers_in_order_of_time_then_of_start)
{
    static const int delays[] = { 5, 1, 5, 0, 3, 1 };
    static const int want[] = { 3, 1, 5, 4, 0, 2 };
    struct net n;
    struct fired fired = { .net = &n };
    struct probe probes[6];
    int i;

    net_open(&n, 0);
    for (i = 0; i < 6; i++) {
        probes[i] = (struct probe){ .fired = &fired, .id = i };
        timer_init(&probes[i].timer, n.loop, on_probe, &probes[i]);
        timer_start(&probes[i].timer, delays[i]);
    }
    CHECK_INT(fired.n, 0);
    net_until(&n, fired_six, &fired);
    for (i = 0; i < 6; i++)
        CHECK_INT(fired.order[i], want[i]);
    net_close(&n);
}

TEST(loop_timer_started_again_from_its_callback_fires_in_a_later_turn)
{
    struct net n;
    struct fired fired = { .net = &n };
    struct probe p = { .fired = &fired, .id = 7, .again = 5 };

    net_open(&n, 0);
    timer_init(&p.timer, n.loop, on_probe, &p);
    timer_start(&p.timer, 0);
    net_until(&n, fired_six, &fired);
    CHECK(!timer_running(&p.timer));
    net_close(&n);
}

TEST(loop_takes_time_from_its_clock)
{
    struct clock_fake clock;
    struct net n;
    struct loop *l;
    struct timer t;
    bool fired = false;

    net_open(&n, 0);
    clock_fake_init(&clock, 0);
    CHECK_OK(loop_create(&l, &clock.clock, &n.log, NULL));
    timer_init(&t, l, set_true, &fired);
    timer_start(&t, 3600 * 1000L);
    CHECK_RC(ERR_TIMEOUT, loop_run_until(l, is_set, &fired, 5));
    clock_fake_advance_ms(&clock, 3600 * 1000 - 1);
    CHECK_RC(ERR_TIMEOUT, loop_run_until(l, is_set, &fired, 5));
    clock_fake_advance_ms(&clock, 1);
    CHECK_OK(loop_run_until(l, is_set, &fired, NET_WAIT_MS));
    loop_destroy(l);
    net_close(&n);
}

struct poster {
    struct loop *loop;
    int from;
    int *order;
    int *n;
    pthread_t thread;
};

struct post {
    struct poster *poster;
    int id;
};

enum { POSTS = 2000 };

static struct post posts[4][POSTS];
static int post_last[4];
static int post_total;

static void on_post(void *arg)
{
    struct post *p = arg;

    CHECK_INT(p->id, post_last[p->poster->from] + 1);
    post_last[p->poster->from] = p->id;
    post_total++;
}

static void *post_many(void *arg)
{
    struct poster *p = arg;
    int i;

    for (i = 0; i < POSTS; i++) {
        posts[p->from][i] = (struct post){ p, i + 1 };
        loop_post(p->loop, on_post, &posts[p->from][i]);
    }
    return NULL;
}

static bool all_posted(void *arg)
{
    (void)arg;
    return post_total == 4 * POSTS;
}

TEST(loop_runs_what_threads_post_each_in_its_own_order)
{
    struct net n;
    struct poster p[4];
    int i;

    net_open(&n, 0);
    post_total = 0;
    for (i = 0; i < 4; i++) {
        post_last[i] = 0;
        p[i] = (struct poster){ .loop = n.loop, .from = i };
        CHECK(pthread_create(&p[i].thread, NULL, post_many, &p[i]) == 0);
    }
    net_until(&n, all_posted, NULL);
    for (i = 0; i < 4; i++)
        pthread_join(p[i].thread, NULL);
    net_close(&n);
}

TEST(loop_runs_what_is_still_posted_when_it_is_destroyed)
{
    struct net n;
    bool ran = false;

    net_open(&n, 0);
    loop_post(n.loop, set_true, &ran);
    n.loop = loop_destroy(n.loop);
    CHECK(ran);
    net_close(&n);
}

static void *stop_it(void *arg)
{
    loop_stop(arg);
    return NULL;
}

TEST(loop_run_ends_when_another_thread_stops_it)
{
    struct net n;
    pthread_t t;

    net_open(&n, 0);
    CHECK(pthread_create(&t, NULL, stop_it, n.loop) == 0);
    loop_run(n.loop);
    pthread_join(t, NULL);
    net_close(&n);
}

static void on_signal(void *arg, int signo)
{
    *(int *)arg = signo;
}

static bool signalled(void *arg)
{
    return *(int *)arg != 0;
}

TEST(loop_hands_signals_to_its_thread)
{
    struct net n;
    sigset_t before;
    int got = 0;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    net_open(&n, 0);
    CHECK_OK(loop_on_signals(n.loop, on_signal, &got, NULL));
    kill(getpid(), SIGTERM);
    net_until(&n, signalled, &got);
    CHECK_INT(got, SIGTERM);
    net_close(&n);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Two readable descriptors in one batch; serving the first closes the second, whose number is given to a
 * new pipe at once: its event must not reach the new owner. */
struct stale {
    struct net *net;
    int a[2], b[2], c[2];
    struct loop_io io_a, io_b, io_c;
    int calls_ab, calls_c;
};

static void on_c(void *arg, unsigned events)
{
    (void)events;
    ((struct stale *)arg)->calls_c++;
}

static void on_first_of_two(void *arg, unsigned events)
{
    struct stale *s = arg;

    (void)events;
    if (s->calls_ab++)
        return;
    loop_io_stop(&s->io_a);
    loop_io_stop(&s->io_b);
    close(s->a[0]);
    close(s->b[0]);
    CHECK(pipe(s->c) == 0);
    CHECK(s->c[0] == MIN(s->a[0], s->b[0]));
    loop_io_start(&s->io_c, s->net->loop, s->c[0], IO_READ, on_c, s);
}

static bool first_called(void *arg)
{
    return ((struct stale *)arg)->calls_ab > 0;
}

TEST(loop_drops_events_of_a_descriptor_that_has_changed_hands)
{
    struct net n;
    struct stale s = { .net = &n };
    bool later = false;

    net_open(&n, 0);
    CHECK(pipe(s.a) == 0);
    CHECK(pipe(s.b) == 0);
    loop_io_start(&s.io_a, n.loop, s.a[0], IO_READ, on_first_of_two, &s);
    loop_io_start(&s.io_b, n.loop, s.b[0], IO_READ, on_first_of_two, &s);
    CHECK(write(s.a[1], "x", 1) == 1);
    CHECK(write(s.b[1], "x", 1) == 1);
    net_until(&n, first_called, &s);
    loop_post(n.loop, set_true, &later);
    net_until(&n, is_set, &later);
    CHECK_INT(s.calls_ab, 1);
    CHECK_INT(s.calls_c, 0);
    loop_io_stop(&s.io_c);
    close(s.a[1]);
    close(s.b[1]);
    close(s.c[0]);
    close(s.c[1]);
    net_close(&n);
}

static void on_pipe(void *arg)
{
    *(bool *)arg = true;
}

TEST(loop_watches_plain_descriptors)
{
    struct net n;
    struct loop_fd *f;
    bool readable = false;
    int p[2];

    net_open(&n, 0);
    CHECK(pipe(p) == 0);
    f = loop_fd_watch(n.loop, p[0], on_pipe, &readable);
    CHECK_RC(ERR_TIMEOUT, loop_run_until(n.loop, is_set, &readable, 5));
    CHECK(write(p[1], "x", 1) == 1);
    net_until(&n, is_set, &readable);
    f = loop_fd_unwatch(f);
    CHECK(!f);
    close(p[0]);
    close(p[1]);
    net_close(&n);
}

static void on_task(void *arg)
{
    (*(int *)arg)++;
}

static bool task_ran(void *arg)
{
    return *(int *)arg > 0;
}

TEST(loop_task_runs_once_and_can_be_cancelled)
{
    struct net n;
    struct loop_task t, cancelled;
    int runs = 0, never = 0;

    net_open(&n, 0);
    loop_task_init(&t, on_task, &runs);
    loop_task_init(&cancelled, on_task, &never);
    loop_task_run(n.loop, &t);
    loop_task_run(n.loop, &t);
    loop_task_run(n.loop, &cancelled);
    loop_task_cancel(&cancelled);
    CHECK_INT(runs, 0);
    net_until(&n, task_ran, &runs);
    CHECK_INT(runs, 1);
    CHECK_INT(never, 0);
    net_close(&n);
}
