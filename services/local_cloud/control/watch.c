#include "local_cloud/control/watch.h"

#include <pthread.h>
#include <time.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

struct line {
    struct list_node node;
    struct str text; /* behind the struct */
};

struct watches {
    pthread_mutex_t lock;
    struct list all;
};

struct watch {
    struct watches *owner;
    struct list_node node;
    pthread_cond_t more;
    struct list lines;
    size_t n_lines;
    char call_sid[LOG_ID_MAX];
};

struct watches *watches_create(void)
{
    struct watches *w = MEM_NEW(struct watches);

    pthread_mutex_init(&w->lock, NULL);
    list_init(&w->all);
    return w;
}

struct watches *watches_destroy(struct watches *w)
{
    struct list_node *n, *tmp;

    if (!w)
        return NULL;
    LIST_EACH (&w->all, n, tmp)
        watch_close(CONTAINER_OF(n, struct watch, node));
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
    return NULL;
}

struct watch *watch_open(struct watches *w)
{
    struct watch *ret = MEM_NEW(struct watch);
    pthread_condattr_t attr;

    ret->owner = w;
    list_init(&ret->lines);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ret->more, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_lock(&w->lock);
    list_push_back(&w->all, &ret->node);
    pthread_mutex_unlock(&w->lock);
    return ret;
}

void watch_close(struct watch *w)
{
    struct list_node *n;

    pthread_mutex_lock(&w->owner->lock);
    list_remove(&w->node);
    pthread_mutex_unlock(&w->owner->lock);
    while ((n = list_pop_front(&w->lines)))
        mem_free(CONTAINER_OF(n, struct line, node));
    pthread_cond_destroy(&w->more);
    mem_free(w);
}

void watch_set_call(struct watch *w, struct str call_sid)
{
    pthread_mutex_lock(&w->owner->lock);
    (void)str_copy(w->call_sid, sizeof(w->call_sid), call_sid); /* SIDs have 34 characters */
    pthread_mutex_unlock(&w->owner->lock);
}

static void put_locked(struct watch *w, struct str text)
{
    struct line *l;

    if (w->n_lines >= WATCH_LINES_MAX)
        return;
    l = mem_zalloc(sizeof(*l) + text.n + 1);
    l->text = str_n(l + 1, text.n);
    (void)str_copy((char *)(l + 1), text.n + 1, text);
    list_push_back(&w->lines, &l->node);
    w->n_lines++;
    pthread_cond_signal(&w->more);
}

void watch_put(struct watch *w, struct str line)
{
    pthread_mutex_lock(&w->owner->lock);
    put_locked(w, line);
    pthread_mutex_unlock(&w->owner->lock);
}

bool watches_put(struct watches *w, struct str call_sid, struct str line)
{
    struct list_node *n, *tmp;
    bool found = false;

    pthread_mutex_lock(&w->lock);
    LIST_EACH (&w->all, n, tmp) {
        struct watch *one = CONTAINER_OF(n, struct watch, node);

        if (str_eq_c(call_sid, one->call_sid)) {
            put_locked(one, line);
            found = true;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

static struct str line_text(struct arena *a, const char *kind, const char *key, struct str detail)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "kind", kind);
    jw_str(&w, key, detail);
    jw_end(&w);
    return jw_finish(&w, a);
}

void watch_tell(struct watch *w, const char *kind, const char *key, struct str detail)
{
    struct arena a = ARENA_INIT;

    watch_put(w, line_text(&a, kind, key, detail));
    arena_release(&a);
}

bool watches_tell(struct watches *w, struct str call_sid, const char *kind, struct str detail)
{
    struct arena a = ARENA_INIT;
    bool found = watches_put(w, call_sid, line_text(&a, kind, "detail", detail));

    arena_release(&a);
    return found;
}

bool watch_take(struct watch *w, struct buf *out, int wait_ms)
{
    struct timespec until;
    struct line *l = NULL;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&w->owner->lock);
    while (list_empty(&w->lines)) {
        if (pthread_cond_timedwait(&w->more, &w->owner->lock, &until))
            break;
    }
    if (!list_empty(&w->lines)) {
        l = CONTAINER_OF(list_pop_front(&w->lines), struct line, node);
        w->n_lines--;
    }
    pthread_mutex_unlock(&w->owner->lock);
    if (!l)
        return false;
    buf_add_str(out, l->text);
    mem_free(l);
    return true;
}
