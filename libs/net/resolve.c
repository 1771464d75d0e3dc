#include "net/resolve_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

enum { STACK_SIZE = 512 * 1024 };

/* Shared by the loop and the thread; the last of the two frees it. */
struct resolve {
    atomic_int refs;
    pthread_mutex_t mutex;
    struct loop *loop; /* under the mutex; NULL: cancelled, the thread must not touch the loop */
    bool posted;       /* under the mutex: on_found() will come */
    char *name;
    void (*fn)(void *arg, const struct resolved *r, const char *why);
    void *arg;
    struct resolved found;
    const char *why;
};

static atomic_int threads;

static void unref(struct resolve *r)
{
    if (atomic_fetch_sub(&r->refs, 1) > 1)
        return;
    pthread_mutex_destroy(&r->mutex);
    mem_free(r->name);
    mem_free(r);
}

static bool is_localhost(const char *name)
{
    struct str s = str_c(name);

    if (str_ends(s, STR(".")))
        s.n--;
    return str_ieq_c(s, "localhost") ||
           (s.n > 10 && str_ieq_c(str_from(s, s.n - 10), ".localhost"));
}

bool resolve_literal(struct resolved *ret, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    *ret = (struct resolved){ .n = 1 };
    if (is_localhost(name)) {
        (void)str_copy(ret->ip[0], sizeof(ret->ip[0]), STR("127.0.0.1"));
        (void)str_copy(ret->ip[1], sizeof(ret->ip[1]), STR("::1"));
        ret->n = 2;
        return true;
    }
    return (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1) &&
           str_copy(ret->ip[0], sizeof(ret->ip[0]), str_c(name));
}

static void look_up(struct resolve *r)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *list = NULL,
                    *a;
    int rc = getaddrinfo(r->name, NULL, &hints, &list);

    if (rc) {
        r->why = gai_strerror(rc);
        return;
    }
    for (a = list; a && r->found.n < RESOLVE_ADDRESSES_MAX; a = a->ai_next) {
        char *ip = r->found.ip[r->found.n];

        if (getnameinfo(a->ai_addr, a->ai_addrlen, ip, sizeof(r->found.ip[0]), NULL, 0,
                        NI_NUMERICHOST) == 0 &&
            !strchr(ip, '%'))
            r->found.n++;
    }
    freeaddrinfo(list);
    if (!r->found.n)
        r->why = "no address";
}

/* On the loop; it may have been cancelled after the thread had posted. */
static void on_found(void *arg)
{
    struct resolve *r = arg;

    if (r->loop)
        r->fn(r->arg, &r->found, r->why);
    unref(r);
}

static void *resolver(void *arg)
{
    struct resolve *r = arg;

    look_up(r);
    atomic_fetch_sub(&threads, 1);
    pthread_mutex_lock(&r->mutex);
    if (r->loop) {
        r->posted = true;
        loop_post(r->loop, on_found, r);
    }
    pthread_mutex_unlock(&r->mutex);
    unref(r);
    return NULL;
}

enum errc resolve_start(struct resolve **ret, struct loop *l, const char *name,
                        void (*fn)(void *arg, const struct resolved *r, const char *why), void *arg,
                        struct err *err)
{
    struct resolve *r;
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    int rc;

    if (atomic_fetch_add(&threads, 1) >= RESOLVE_THREADS_MAX) {
        atomic_fetch_sub(&threads, 1);
        return err_set(err, ERR_LIMIT, "%d look-ups are under way already", RESOLVE_THREADS_MAX);
    }
    r = MEM_NEW(struct resolve);
    atomic_init(&r->refs, 2);
    pthread_mutex_init(&r->mutex, NULL);
    r->loop = l;
    r->name = mem_strdup(name);
    r->fn = fn;
    r->arg = arg;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(
        &attr, PTHREAD_CREATE_DETACHED); /* a stop need not wait for a name server */
    rc = pthread_create(&thread, &attr, resolver, r);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) {
        atomic_fetch_sub(&threads, 1);
        unref(r);
        unref(r);
        return err_set_upstream(err, ERR_IO, rc, "starting a thread: %s", strerror(rc));
    }
    *ret = r;
    return ERR_OK;
}

struct resolve *resolve_cancel(struct resolve *r)
{
    bool posted;

    if (!r)
        return NULL;
    pthread_mutex_lock(&r->mutex);
    r->loop = NULL;
    posted = r->posted;
    pthread_mutex_unlock(&r->mutex);
    if (!posted)
        unref(r);
    return NULL;
}
