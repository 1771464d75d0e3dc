#include "net/workers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/http_client.h"

enum { STACK_SIZE = 1024 * 1024 }; /* musl's own default would be 128 KiB */

struct job {
    struct list_node node;
    void (*run)(void *arg, struct ctx *ctx);
    void (*done)(void *arg);
    void *arg;
};

/* What is posted to the loop: it outlives the workers when the loop runs it only at its own end. */
struct mailbox {
    struct workers *workers; /* NULL: gone */
    bool in_flight;          /* under the workers' mutex */
};

struct workers {
    struct loop *loop;
    struct tls_store *tls;
    struct log log;
    pthread_t *threads;
    int max_threads;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    int n_threads; /* under the mutex, as are the next ones */
    struct list queue, finished;
    size_t n_queue, n_idle;
    bool stopping, stand_back;
    struct mailbox *mailbox;
    atomic_size_t pending;
};

static void take_finished(struct workers *w)
{
    struct list_node *n;

    for (;;) {
        struct job *j;

        pthread_mutex_lock(&w->mutex);
        n = list_pop_front(&w->finished);
        pthread_mutex_unlock(&w->mutex);
        if (!n)
            return;
        j = CONTAINER_OF(n, struct job, node);
        atomic_fetch_sub(&w->pending, 1);
        if (j->done)
            j->done(j->arg);
        mem_free(j);
    }
}

static void on_mail(void *arg)
{
    struct mailbox *m = arg;

    if (!m->workers) {
        mem_free(m);
        return;
    }
    pthread_mutex_lock(&m->workers->mutex);
    m->in_flight = false;
    pthread_mutex_unlock(&m->workers->mutex);
    take_finished(m->workers);
}

static void run_job(struct workers *w, struct job *j, struct arena *arena, struct http_client *http)
{
    struct ctx ctx = { .arena = arena, .http = http, .clock = loop_clock(w->loop), .log = w->log };
    bool tell;

    j->run(j->arg, &ctx);
    arena_reset(arena);
    pthread_mutex_lock(&w->mutex);
    list_push_back(&w->finished, &j->node);
    tell = !w->mailbox->in_flight && !w->stopping;
    if (tell)
        w->mailbox->in_flight = true;
    pthread_mutex_unlock(&w->mutex);
    if (tell)
        loop_post(w->loop, on_mail, w->mailbox);
}

/* This thread. Where the kernel does not know it, or somebody chose a policy for the process, all stays. */
static void stand_back(void)
{
    static const struct sched_param none = { 0 };

    if (sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &none);
}

static void *worker(void *arg)
{
    struct workers *w = arg;
    bool stands_back = false;
    struct http_client *http = http_client_create(w->tls, loop_clock(w->loop));
    struct arena arena;

    http_client_set_self(http, loop_self(w->loop));
    arena_init(&arena);
    for (;;) {
        struct list_node *n;

        pthread_mutex_lock(&w->mutex);
        w->n_idle++;
        while (list_empty(&w->queue) && !w->stopping)
            pthread_cond_wait(&w->more, &w->mutex);
        w->n_idle--;
        n = list_pop_front(&w->queue);
        if (n)
            w->n_queue--;
        if (w->stand_back && !stands_back)
            stand_back();
        stands_back = w->stand_back;
        pthread_mutex_unlock(&w->mutex);
        if (!n)
            break; /* stopping, and nothing is left */
        run_job(w, CONTAINER_OF(n, struct job, node), &arena, http);
    }
    arena_release(&arena);
    http_client_destroy(http);
    return NULL;
}

/* Signals are the loop's business: a worker that took one would leave signalfd without it. */
static int start_thread(struct workers *w)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    rc = pthread_create(&w->threads[w->n_threads], &attr, worker, w);
    w->n_threads += !rc;
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* One more thread when those that are idle do not suffice. Where none can be had, the job waits for one that
 * is there. */
static void add_job(struct workers *w, struct job *j)
{
    list_push_back(&w->queue, &j->node);
    w->n_queue++;
    atomic_fetch_add(&w->pending, 1);
    if (w->n_queue > w->n_idle && w->n_threads < w->max_threads)
        (void)start_thread(w);
    pthread_cond_signal(&w->more);
}

enum errc workers_submit(struct workers *w, void (*run)(void *arg, struct ctx *ctx),
                         void (*done)(void *arg), void *arg)
{
    struct job *j = MEM_NEW(struct job);
    enum errc rc = ERR_OK;

    j->run = run;
    j->done = done;
    j->arg = arg;
    pthread_mutex_lock(&w->mutex);
    if (w->stopping)
        rc = ERR_CLOSED;
    else if (w->n_queue >= WORKERS_QUEUE_MAX)
        rc = ERR_LIMIT;
    if (!rc)
        add_job(w, j);
    pthread_mutex_unlock(&w->mutex);
    if (rc)
        mem_free(j);
    return rc;
}

void workers_stand_back(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    w->stand_back = true;
    pthread_mutex_unlock(&w->mutex);
}

size_t workers_pending(const struct workers *w)
{
    return atomic_load(&w->pending);
}

enum errc workers_create(struct workers **ret, struct loop *loop, int threads,
                         struct tls_store *tls, const struct log *log, struct err *err)
{
    struct workers *w = MEM_NEW(struct workers);
    int rc;

    w->loop = loop;
    w->tls = tls;
    if (log)
        w->log = *log;
    w->threads = mem_calloc((size_t)threads, sizeof(*w->threads));
    w->max_threads = threads;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->more, NULL);
    list_init(&w->queue);
    list_init(&w->finished);
    w->mailbox = MEM_NEW(struct mailbox);
    w->mailbox->workers = w;
    pthread_mutex_lock(&w->mutex);
    rc = start_thread(w);
    pthread_mutex_unlock(&w->mutex);
    if (rc) {
        workers_destroy(w);
        return err_set_upstream(err, ERR_IO, rc, "starting a thread: %s", strerror(rc));
    }
    *ret = w;
    return ERR_OK;
}

struct workers *workers_destroy(struct workers *w)
{
    int i;

    if (!w)
        return NULL;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->mutex);
    for (i = 0; i < w->n_threads; i++)
        pthread_join(w->threads[i], NULL);
    take_finished(w);
    if (w->mailbox->in_flight)
        w->mailbox->workers = NULL; /* the loop frees it */
    else
        mem_free(w->mailbox);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->mutex);
    mem_free(w->threads);
    mem_free(w);
    return NULL;
}
