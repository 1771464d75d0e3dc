#include "net/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/mem.h"
#include "net/loop_internal.h"
#include "net/loop_lws_internal.h"
#include "net/tap_internal.h"
#include "net/timer_heap_internal.h"

enum {
    EVENTS_PER_TURN = 256,
    WAIT_MAX_MS = 60000,
};

enum slot_kind { SLOT_FREE, SLOT_IO, SLOT_LWS };

/* What is known of one descriptor, indexed by its number. The generation goes into epoll's data: an
 * event that was fetched before the number got a new owner is dropped. */
struct slot {
    uint32_t generation;
    enum slot_kind kind;
    uint8_t want, armed; /* of IO_READ, IO_WRITE */
    bool registered;     /* epoll knows it */
    bool changed;        /* it is in loop->changed */
    bool optimistic;
    union {
        struct loop_io *io;
        struct lws *wsi;
    } of;
};

struct posted {
    void (*fn)(void *arg);
    void *arg;
};

struct posted_list {
    struct posted *items;
    size_t n, cap;
};

struct loop {
    const struct clock *clock;
    const struct net_self *self;
    struct log log;
    int epoll;
    int64_t now_ms;
    struct slot *slots;
    size_t n_slots;
    int *changed; /* descriptors whose interest must be told to epoll before it waits */
    size_t n_changed, cap_changed;

    struct timer_heap timers;

    struct list tasks;

    pthread_mutex_t post_mutex;
    struct posted_list posted; /* under the mutex */
    bool woken;                /* under the mutex: the eventfd has been written */
    struct posted_list running;
    struct loop_io wake_io;
    int wake;
    atomic_int waking; /* who is about to write to it */
    atomic_bool stop;

    struct loop_io signal_io;
    int signals;
    void (*on_signal)(void *arg, int signo);
    void *on_signal_arg;

    struct lws_context *lws; /* NULL: nobody has had a web socket yet, or the loop is ending */
    bool ending;
    int lws_wait_ms; /* at most, for its own timers */
    void *ws_state;
    void (*ws_closing)(void *state), (*ws_destroy)(void *state);
};

/* --- time and timers ---------------------------------------------------------------------------- */

int64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

int64_t loop_now_us(const struct loop *l)
{
    return clock_mono_us(l->clock);
}

const struct clock *loop_clock(const struct loop *l)
{
    return l->clock;
}

struct loop_load loop_load(const struct loop *l)
{
    struct loop_load ret = { .timers = l->timers.n };
    size_t i;

    for (i = 0; i < l->n_slots; i++)
        ret.descriptors += l->slots[i].kind != SLOT_FREE && l->slots[i].of.io != &l->wake_io;
    return ret;
}

const struct log *loop_log(const struct loop *l)
{
    return &l->log;
}

void loop_set_self(struct loop *l, const struct net_self *self)
{
    l->self = self ? self : &net_nobody;
}

const struct net_self *loop_self(const struct loop *l)
{
    return l->self;
}

void timer_init(struct timer *t, struct loop *l, void (*fn)(void *arg), void *arg)
{
    *t = (struct timer){ .loop = l, .fn = fn, .arg = arg };
}

void timer_stop(struct timer *t)
{
    timer_heap_remove(&t->loop->timers, t);
}

void timer_start_at(struct timer *t, int64_t at_ms)
{
    timer_stop(t);
    t->at_ms = at_ms;
    timer_heap_add(&t->loop->timers, t);
}

void timer_start(struct timer *t, int64_t delay_ms)
{
    timer_start_at(t, t->loop->now_ms + MAX(delay_ms, 0));
}

bool timer_running(const struct timer *t)
{
    return t->heap_at != 0;
}

/* --- tasks and posts ---------------------------------------------------------------------------- */

void loop_task_init(struct loop_task *t, void (*fn)(void *arg), void *arg)
{
    *t = (struct loop_task){ .fn = fn, .arg = arg };
}

void loop_task_run(struct loop *l, struct loop_task *t)
{
    list_remove(&t->node);
    list_push_back(&l->tasks, &t->node);
}

void loop_task_cancel(struct loop_task *t)
{
    list_remove(&t->node);
}

static void run_tasks(struct loop *l)
{
    size_t n = list_len(&l->tasks); /* what they start waits for the next turn */

    while (n-- && !list_empty(&l->tasks)) {
        struct loop_task *t = CONTAINER_OF(list_pop_front(&l->tasks), struct loop_task, node);

        t->fn(t->arg);
    }
}

/* Without the mutex: on a shared core the loop runs at once, and would wait for it. loop_destroy() waits until
 * `waking`, which the caller has raised, is 0 again. */
static void wake(struct loop *l)
{
    static const uint64_t one = 1;

    while (write(l->wake, &one, sizeof(one)) < 0 && errno == EINTR)
        ; /* the counter cannot overflow: it is written once for each reading */
    atomic_fetch_sub(&l->waking, 1);
}

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct posted_list *p = &l->posted;
    bool tell;

    pthread_mutex_lock(&l->post_mutex);
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->items = mem_realloc(p->items, p->cap * sizeof(*p->items));
    }
    p->items[p->n++] = (struct posted){ fn, arg };
    tell = !l->woken;
    l->woken = true;
    if (tell)
        atomic_fetch_add(&l->waking, 1);
    pthread_mutex_unlock(&l->post_mutex);
    if (tell)
        wake(l);
}

static bool run_posted(struct loop *l)
{
    struct posted_list swap;
    size_t i;

    pthread_mutex_lock(&l->post_mutex);
    swap = l->running;
    l->running = l->posted;
    l->posted = swap;
    l->woken = false;
    pthread_mutex_unlock(&l->post_mutex);
    for (i = 0; i < l->running.n; i++)
        l->running.items[i].fn(l->running.items[i].arg);
    i = l->running.n;
    l->running.n = 0;
    return i > 0;
}

static void on_wake(void *arg, unsigned events)
{
    struct loop *l = arg;
    uint64_t count;

    (void)events;
    (void)!read(l->wake, &count, sizeof(count)); /* only its readiness matters */
    run_posted(l);
}

void loop_stop(struct loop *l)
{
    atomic_fetch_add(&l->waking, 1);
    atomic_store(&l->stop, true);
    wake(l);
}

/* --- descriptors -------------------------------------------------------------------------------- */

static struct slot *slot_at(struct loop *l, int fd)
{
    size_t i = (size_t)fd;

    if (i >= l->n_slots) {
        size_t n = MAX(i + 1, l->n_slots ? 2 * l->n_slots : 64);

        l->slots = mem_realloc(l->slots, n * sizeof(*l->slots));
        memset(l->slots + l->n_slots, 0, (n - l->n_slots) * sizeof(*l->slots));
        l->n_slots = n;
    }
    return &l->slots[i];
}

static void slot_changed(struct loop *l, int fd, struct slot *s)
{
    if (s->changed)
        return;
    s->changed = true;
    if (l->n_changed == l->cap_changed) {
        l->cap_changed = l->cap_changed ? 2 * l->cap_changed : 64;
        l->changed = mem_realloc(l->changed, l->cap_changed * sizeof(*l->changed));
    }
    l->changed[l->n_changed++] = fd;
}

static void slot_want(struct loop *l, int fd, struct slot *s, unsigned want)
{
    s->want = (uint8_t)want;
    if (s->want != s->armed || !s->registered)
        slot_changed(l, fd, s);
}

static void slot_free(struct loop *l, int fd, struct slot *s)
{
    if (s->registered)
        (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd,
                        NULL); /* fails only when it is closed already */
    s->generation++;
    s->kind = SLOT_FREE;
    s->registered = s->optimistic = false;
    s->want = s->armed = 0;
}

static void slot_arm(struct loop *l, int fd, struct slot *s)
{
    struct epoll_event ev = { .data.u64 = (uint64_t)s->generation << 32 | (uint32_t)fd };

    ev.events = (s->want & IO_READ ? EPOLLIN : 0u) | (s->want & IO_WRITE ? EPOLLOUT : 0u);
    if (epoll_ctl(l->epoll, s->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) &&
        (errno != ENOENT || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev))) {
        log_error(&l->log, "epoll_ctl failed fd=%d errno=%d", fd, errno);
        return;
    }
    s->registered = true;
    s->armed = s->want;
}

void loop_io_start(struct loop_io *io, struct loop *l, int fd, unsigned want,
                   void (*fn)(void *arg, unsigned events), void *arg)
{
    struct slot *s = slot_at(l, fd);

    *io = (struct loop_io){ .loop = l, .fd = fd, .want = want, .fn = fn, .arg = arg };
    s->generation++;
    s->kind = SLOT_IO;
    s->of.io = io;
    slot_want(l, fd, s, want);
}

void loop_io_want(struct loop_io *io, unsigned want)
{
    if (!io->loop || io->want == want)
        return;
    io->want = want;
    slot_want(io->loop, io->fd, &io->loop->slots[io->fd], want);
}

void loop_io_stop(struct loop_io *io)
{
    if (!io->loop)
        return;
    slot_free(io->loop, io->fd, &io->loop->slots[io->fd]);
    io->loop = NULL;
}

/* --- libwebsockets' descriptors ------------------------------------------------------------------ */

void loop_lws_io(struct loop *l, struct lws *wsi, int fd, unsigned start, unsigned stop)
{
    struct slot *s;

    if (fd < 0)
        return;
    s = slot_at(l, fd);
    if (stop == (IO_READ | IO_WRITE)) { /* lws says so only when it is about to close it */
        if (s->kind == SLOT_LWS)
            slot_free(l, fd, s);
        return;
    }
    if (s->kind == SLOT_FREE) {
        if (!start)
            return;
        s->generation++;
        s->kind = SLOT_LWS;
        s->of.wsi = wsi;
    }
    slot_want(l, fd, s, (s->want | start) & ~stop);
}

static bool slot_is(const struct loop *l, int fd, uint32_t generation)
{
    return l->slots[fd].generation == generation && l->slots[fd].kind != SLOT_FREE;
}

static void serve_lws(struct loop *l, int fd, unsigned events)
{
    struct slot *s = &l->slots[fd];
    uint32_t generation = s->generation;

    /* What has been received comes before what a failing write would make of the connection. */
    if (s->optimistic && (events & IO_READ) && (events & IO_WRITE)) {
        loop_lws_service(l->lws, fd, s->want, events & ~(unsigned)IO_WRITE);
        if (!slot_is(l, fd, generation))
            return;
        events = IO_WRITE;
    }
    loop_lws_service(l->lws, fd, l->slots[fd].want, events);
}

/* True when `fd` still wants to be armed after what could be written without asking the kernel. */
static void write_now(struct loop *l, int fd)
{
    uint32_t generation = l->slots[fd].generation;
    int tries = 16; /* messages in one turn: the others want their turn as well */

    while (tries-- && slot_is(l, fd, generation) && (l->slots[fd].want & IO_WRITE) &&
           !loop_lws_partial(l->slots[fd].of.wsi))
        loop_lws_service(l->lws, fd, l->slots[fd].want, IO_WRITE);
}

static void apply_changes(struct loop *l)
{
    size_t i;

    for (i = 0; i < l->n_changed; i++) { /* write_now() may add further ones */
        int fd = l->changed[i];
        struct slot *s = &l->slots[fd];

        if (s->kind == SLOT_LWS && s->optimistic && (s->want & IO_WRITE) &&
            !(s->armed & IO_WRITE)) {
            write_now(l, fd);
            s = &l->slots[fd];
        }
        s->changed = false;
        if (s->kind != SLOT_FREE && (s->want != s->armed || !s->registered))
            slot_arm(l, fd, s);
    }
    l->n_changed = 0;
}

void loop_lws_optimistic(struct loop *l, struct lws *wsi)
{
    int fd = loop_lws_fd(wsi);

    if (fd >= 0 && slot_at(l, fd)->kind == SLOT_LWS)
        l->slots[fd].optimistic = true;
}

void **loop_ws_state(struct loop *l, void (*closing)(void *state), void (*destroy)(void *state))
{
    l->ws_closing = closing;
    l->ws_destroy = destroy;
    return &l->ws_state;
}

/* Not before it is asked for: with it comes what TLS needs, and most services have no web socket. */
struct lws_context *loop_lws(struct loop *l)
{
    struct err err = ERR_INIT;

    if (!l->lws && !l->ending && loop_lws_create(&l->lws, l, &err))
        log_error(&l->log, "no web sockets error=\"%s\"", err.text);
    return l->lws;
}

/* --- the loop ----------------------------------------------------------------------------------- */

static unsigned io_events(const struct epoll_event *ev)
{
    return ((ev->events & EPOLLIN) ? IO_READ : 0u) | ((ev->events & EPOLLOUT) ? IO_WRITE : 0u) |
           ((ev->events & (EPOLLHUP | EPOLLERR)) ? IO_HUP : 0u);
}

static void run_timers(struct loop *l)
{
    uint64_t first_new = l->timers.seq; /* what is started from here on waits for the next turn */
    struct timer *t;

    while ((t = timer_heap_first(&l->timers)) != NULL && t->at_ms <= l->now_ms &&
           t->seq < first_new) {
        timer_stop(t);
        t->fn(t->arg);
        apply_changes(l);
    }
}

/* Web sockets first: they carry the audio, and what a request does may take longer. What one of them, or a
 * timer, has given rise to is written before the next has its turn: no frame waits for those of all others. */
static void dispatch(struct loop *l, const struct epoll_event *events, int n, enum slot_kind kind)
{
    int i;

    for (i = 0; i < n; i++) {
        int fd = (int)(events[i].data.u64 & 0xffffffffu);
        struct slot *s = &l->slots[fd];

        if (s->kind != kind || s->generation != (uint32_t)(events[i].data.u64 >> 32))
            continue;
        if (kind == SLOT_LWS) {
            serve_lws(l, fd, io_events(&events[i]));
            apply_changes(l);
        } else {
            s->of.io->fn(s->of.io->arg, io_events(&events[i]));
        }
    }
}

/* Writes what can be written, tells epoll what is wanted. lws runs its own timers when it is asked how long
 * to wait, which may change that again: so until quiet. */
static void settle(struct loop *l)
{
    do {
        apply_changes(l);
        l->lws_wait_ms = loop_lws_wait_ms(l->lws, WAIT_MAX_MS);
    } while (l->n_changed);
}

static int wait_ms(const struct loop *l, int limit_ms)
{
    const struct timer *first = timer_heap_first(&l->timers);
    int64_t wait = MIN(limit_ms, l->lws_wait_ms);

    if (!list_empty(&l->tasks))
        return 0;
    if (first) /* whole milliseconds: late by less than one rather than spinning for it */
        wait = MIN(wait, MAX(first->at_ms - clock_mono_ms(l->clock), 0));
    return (int)wait;
}

/* settle() has gone before. */
static void turn(struct loop *l, int limit_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(l->epoll, events, EVENTS_PER_TURN, wait_ms(l, limit_ms));

    if (n < 0)
        n = 0; /* EINTR */
    l->now_ms = clock_mono_ms(l->clock);
    dispatch(l, events, n, SLOT_LWS);
    dispatch(l, events, n, SLOT_IO);
    run_timers(l);
    loop_lws_forced(l->lws);
    run_tasks(l);
    settle(l);
}

void loop_run(struct loop *l)
{
    l->now_ms = clock_mono_ms(l->clock);
    settle(l);
    while (!atomic_load(&l->stop))
        turn(l, WAIT_MAX_MS);
    atomic_store(&l->stop, false);
}

static int64_t real_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

enum errc loop_run_until(struct loop *l, bool (*done)(void *arg), void *arg, int limit_ms)
{
    int64_t until = real_ms() + limit_ms;

    l->now_ms = clock_mono_ms(l->clock);
    settle(l);
    while (!done(arg)) {
        int64_t left = until - real_ms();

        if (left <= 0)
            return ERR_TIMEOUT;
        turn(l, (int)MIN(left, WAIT_MAX_MS));
    }
    return ERR_OK;
}

/* --- signals and plain descriptors --------------------------------------------------------------- */

static void on_signal_readable(void *arg, unsigned events)
{
    struct loop *l = arg;
    struct signalfd_siginfo info;

    (void)events;
    if (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        l->on_signal(l->on_signal_arg, (int)info.ssi_signo);
}

enum errc loop_on_signals(struct loop *l, void (*fn)(void *arg, int signo), void *arg,
                          struct err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) ||
        (l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) < 0)
        return err_set_upstream(err, ERR_IO, errno, "signalfd: %s", strerror(errno));
    l->on_signal = fn;
    l->on_signal_arg = arg;
    loop_io_start(&l->signal_io, l, l->signals, IO_READ, on_signal_readable, l);
    return ERR_OK;
}

struct loop_fd {
    struct loop_io io;
    void (*fn)(void *arg);
    void *arg;
};

static void on_watched(void *arg, unsigned events)
{
    struct loop_fd *f = arg;

    (void)events;
    f->fn(f->arg);
}

struct loop_fd *loop_fd_watch(struct loop *l, int fd, void (*fn)(void *arg), void *arg)
{
    struct loop_fd *f = MEM_NEW(struct loop_fd);

    f->fn = fn;
    f->arg = arg;
    loop_io_start(&f->io, l, fd, IO_READ, on_watched, f);
    return f;
}

struct loop_fd *loop_fd_unwatch(struct loop_fd *f)
{
    if (f) {
        loop_io_stop(&f->io);
        mem_free(f);
    }
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------- */

enum errc loop_create(struct loop **ret, const struct clock *clock, const struct log *log,
                      struct err *err)
{
    struct loop *l = MEM_NEW(struct loop);

    signal(SIGPIPE,
           SIG_IGN); /* a peer that has gone is an error of the write, not of the process */
    l->clock = clock;
    l->self = &net_nobody;
    if (log)
        l->log = *log;
    l->signals = -1;
    l->now_ms = clock_mono_ms(clock);
    list_init(&l->tasks);
    pthread_mutex_init(&l->post_mutex, NULL);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->epoll < 0 || l->wake < 0) {
        enum errc rc =
            err_set_upstream(err, ERR_IO, errno, "epoll or eventfd: %s", strerror(errno));

        loop_destroy(l);
        return rc;
    }
    loop_io_start(&l->wake_io, l, l->wake, IO_READ, on_wake, l);
    *ret = l;
    return ERR_OK;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void run_what_is_left(struct loop *l)
{
    while (run_posted(l) || !list_empty(&l->tasks))
        run_tasks(l);
}

struct loop *loop_destroy(struct loop *l)
{
    if (!l)
        return NULL;
    while (atomic_load(&l->waking)) /* for one write, by a thread that has just posted */
        sched_yield();
    run_what_is_left(l);
    if (l->ws_closing)
        l->ws_closing(l->ws_state);
    run_what_is_left(l);
    l->ending = true;
    loop_lws_destroy(l->lws);
    l->lws = NULL;
    run_what_is_left(l);
    if (l->ws_destroy)
        l->ws_destroy(l->ws_state);
    loop_io_stop(&l->wake_io);
    loop_io_stop(&l->signal_io);
    close_fd(l->wake);
    close_fd(l->signals);
    close_fd(l->epoll);
    pthread_mutex_destroy(&l->post_mutex);
    mem_free(l->posted.items);
    mem_free(l->running.items);
    timer_heap_release(&l->timers);
    mem_free(l->slots);
    mem_free(l->changed);
    mem_free(l);
    return NULL;
}
