#include "post_call/byte_pipe.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

struct byte_pipe {
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    size_t size, at, n; /* n bytes from at on, around the end */
    bool finished, left;
    enum errc rc; /* of a finished writer */
    char data[];
};

struct byte_pipe *byte_pipe_create(size_t size)
{
    struct byte_pipe *p = mem_zalloc(sizeof(*p) + size);

    p->size = size;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    return p;
}

struct byte_pipe *byte_pipe_destroy(struct byte_pipe *p)
{
    if (!p)
        return NULL;
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
    return NULL;
}

/* As much as fits; with the lock held. */
static size_t put(struct byte_pipe *p, const char *data, size_t n)
{
    size_t end = (p->at + p->n) % p->size;
    size_t taken = MIN(n, p->size - p->n);
    size_t first = MIN(taken, p->size - end);

    memcpy(p->data + end, data, first);
    memcpy(p->data, data + first, taken - first);
    p->n += taken;
    return taken;
}

static size_t take(struct byte_pipe *p, char *out, size_t max)
{
    size_t taken = MIN(max, p->n);
    size_t first = MIN(taken, p->size - p->at);

    memcpy(out, p->data + p->at, first);
    memcpy(out + first, p->data, taken - first);
    p->at = (p->at + taken) % p->size;
    p->n -= taken;
    return taken;
}

enum errc byte_pipe_write(struct byte_pipe *p, const char *data, size_t n)
{
    enum errc rc = ERR_OK;
    size_t taken;

    pthread_mutex_lock(&p->lock);
    while (n && !rc) {
        while (p->n == p->size && !p->left)
            pthread_cond_wait(&p->changed, &p->lock);
        if (p->left) {
            rc = ERR_CLOSED;
            break;
        }
        taken = put(p, data, n);
        data += taken;
        n -= taken;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

void byte_pipe_finish(struct byte_pipe *p, enum errc rc)
{
    pthread_mutex_lock(&p->lock);
    p->finished = true;
    p->rc = rc;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void wait_for_some(struct byte_pipe *p)
{
    while (p->n == 0 && !p->finished)
        pthread_cond_wait(&p->changed, &p->lock);
}

enum errc byte_pipe_wait(struct byte_pipe *p)
{
    enum errc rc;

    pthread_mutex_lock(&p->lock);
    wait_for_some(p);
    rc = p->rc;
    pthread_mutex_unlock(&p->lock);
    return rc;
}

enum errc byte_pipe_read(struct byte_pipe *p, char *out, size_t max, size_t *n)
{
    enum errc rc;

    pthread_mutex_lock(&p->lock);
    wait_for_some(p);
    rc = p->rc;
    if (!rc) {
        *n = take(p, out, max);
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

void byte_pipe_leave(struct byte_pipe *p)
{
    pthread_mutex_lock(&p->lock);
    p->left = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}
