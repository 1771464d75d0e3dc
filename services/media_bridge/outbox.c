#include "media_bridge/outbox.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "google/pubsub.h"
#include "net/ctx.h"

struct item {
    struct list_node node;
    enum event_type type;
    struct str id, text; /* in the same block */
};

struct outbox {
    struct loop *loop;
    struct workers *const *workers;
    struct google *google;
    char *topic;
    struct log log;
    struct list streams;
    int jobs, jobs_max;
    size_t waiting, bytes, lost;
    void (*on_empty)(void *arg);
    void *on_empty_arg;
};

struct outbox_stream {
    struct list_node node;
    struct outbox *outbox;
    char *call_sid;
    struct log log;
    struct list items;
    size_t bytes;
    bool closed, busy;
    int64_t retry_ms;
    struct timer retry;
};

/* One publish: owns its items until it is done. */
struct batch {
    struct outbox_stream *stream;
    struct outbox *outbox; /* for the worker: google and topic do not change */
    struct list items;
    enum errc rc;
    struct err err;
};

static void pump(struct outbox *o);

static void on_retry(void *arg)
{
    pump(((struct outbox_stream *)arg)->outbox);
}

struct outbox *outbox_create(struct loop *loop, struct workers *const *workers,
                             struct google *google, struct str topic, int jobs_max,
                             const struct log *log)
{
    struct outbox *o = MEM_NEW(struct outbox);

    o->loop = loop;
    o->workers = workers;
    o->google = google;
    o->topic = mem_str_dup(topic);
    o->log = *log;
    o->jobs_max = MAX(jobs_max, 1);
    list_init(&o->streams);
    return o;
}

struct outbox_stream *outbox_open(struct outbox *o, struct str call_sid)
{
    struct outbox_stream *s = MEM_NEW(struct outbox_stream);

    s->outbox = o;
    s->call_sid = mem_str_dup(call_sid);
    s->log = log_with_call(&o->log, call_sid);
    s->retry_ms = OUTBOX_RETRY_MS;
    list_init(&s->items);
    timer_init(&s->retry, o->loop, on_retry, s);
    list_push_back(&o->streams, &s->node);
    return s;
}

static void last_resort(struct outbox_stream *s, enum event_type type, struct str id,
                        struct str text, const char *why)
{
    s->outbox->lost++;
    if (event_has_words(type))
        log_error(&s->log, "event not published why=\"%s\" type=%s id=" STR_FMT " bytes=%zu", why,
                  event_type_name(type), STR_ARG(id), text.n);
    else
        log_error(&s->log, "event not published, kept here only why=\"%s\" event=" STR_FMT, why,
                  STR_ARG(text));
}

static void item_free(struct outbox_stream *s, struct item *it)
{
    s->outbox->waiting--;
    s->outbox->bytes -= it->text.n;
    s->bytes -= it->text.n;
    mem_free(it);
}

static struct item *item_create(enum event_type type, struct str id, struct str text)
{
    struct item *it = mem_alloc(sizeof(*it) + id.n + text.n);
    char *p = (char *)(it + 1);

    *it = (struct item){ .type = type, .id = { p, id.n }, .text = { p + id.n, text.n } };
    memcpy(p, id.p, id.n);
    memcpy(p + id.n, text.p, text.n);
    return it;
}

void outbox_add(struct outbox_stream *s, enum event_type type, struct str id, struct str text)
{
    struct outbox *o = s->outbox;
    struct item *it;

    if (s->bytes + text.n > OUTBOX_STREAM_BYTES_MAX || o->bytes + text.n > OUTBOX_BYTES_MAX) {
        last_resort(s, type, id, text, "too much is waiting");
        return;
    }
    it = item_create(type, id, text);
    o->waiting++;
    o->bytes += text.n;
    s->bytes += text.n;
    list_push_back(&s->items, &it->node);
    pump(o);
}

static void stream_free(struct outbox_stream *s)
{
    timer_stop(&s->retry);
    list_remove(&s->node);
    mem_free(s->call_sid);
    mem_free(s);
}

void outbox_close(struct outbox_stream *s)
{
    s->closed = true;
    if (!s->busy && list_empty(&s->items))
        stream_free(s);
}

/* ---- publishing ---- */

static void batch_run(void *arg, struct ctx *worker)
{
    struct batch *b = arg;
    struct ctx ctx = *worker;
    size_t n = 0, max = list_len(&b->items);
    struct pubsub_message *messages = ARENA_ARRAY(ctx.arena, struct pubsub_message, max);
    struct list_node *at, *next;

    LIST_EACH (&b->items, at, next) {
        const struct item *it = CONTAINER_OF(at, struct item, node);
        struct pubsub_attribute *attributes = ARENA_ARRAY(ctx.arena, struct pubsub_attribute, 2);

        attributes[0] = (struct pubsub_attribute){ STR("type"), str_c(event_type_name(it->type)) };
        attributes[1] = (struct pubsub_attribute){ STR("id"), it->id };
        messages[n++] = (struct pubsub_message){ .data = it->text,
                                                 .ordering_key = str_c(b->stream->call_sid),
                                                 .attributes = attributes,
                                                 .n_attributes = 2 };
    }
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + OUTBOX_PUBLISH_MS;
    b->rc = pubsub_publish(b->outbox->google, &ctx, str_c(b->outbox->topic), messages, n, NULL,
                           &b->err);
}

/* Back to the front, in their order. */
static void batch_take_back(struct batch *b)
{
    struct list_node *n;

    while ((n = list_pop_front(&b->stream->items)) != NULL)
        list_push_back(&b->items, n);
    while ((n = list_pop_front(&b->items)) != NULL)
        list_push_back(&b->stream->items, n);
}

/* Refused for good: trying again would block what comes after. */
static bool hopeless(enum errc rc)
{
    return rc == ERR_INVALID || rc == ERR_LIMIT || rc == ERR_UNSUPPORTED;
}

static void batch_drop(struct batch *b, const char *why)
{
    struct list_node *n;

    while ((n = list_pop_front(&b->items)) != NULL) {
        struct item *it = CONTAINER_OF(n, struct item, node);

        if (why)
            last_resort(b->stream, it->type, it->id, it->text, why);
        item_free(b->stream, it);
    }
}

static void retry_later(struct outbox_stream *s, const struct err *err)
{
    if (s->retry_ms == OUTBOX_RETRY_MS)
        log_warn(&s->log, "events wait, Pub/Sub did not take them error=\"%s\"", err->text);
    timer_start(&s->retry, jitter_ms(s->retry_ms));
    s->retry_ms = MIN(s->retry_ms * 2, OUTBOX_RETRY_MAX_MS);
}

static void batch_done(void *arg)
{
    struct batch *b = arg;
    struct outbox_stream *s = b->stream;
    struct outbox *o = b->outbox;

    o->jobs--;
    s->busy = false;
    if (!b->rc) {
        batch_drop(b, NULL);
        s->retry_ms = OUTBOX_RETRY_MS;
    } else if (hopeless(b->rc)) {
        batch_drop(b, b->err.text);
    } else {
        batch_take_back(b);
        retry_later(s, &b->err);
    }
    mem_free(b);
    if (s->closed && list_empty(&s->items))
        stream_free(s);
    pump(o);
    if (o->waiting == 0 && o->on_empty) {
        void (*fn)(void *arg) = o->on_empty;

        o->on_empty = NULL;
        fn(o->on_empty_arg);
    }
}

static struct batch *batch_create(struct outbox_stream *s)
{
    struct batch *b = MEM_NEW(struct batch);
    size_t n = 0, bytes = 0;
    struct list_node *at;

    b->stream = s;
    b->outbox = s->outbox;
    list_init(&b->items);
    while (n < OUTBOX_BATCH_MAX && (at = list_first(&s->items)) != NULL) {
        const struct item *it = CONTAINER_OF(at, struct item, node);

        if (n > 0 && bytes + it->text.n > OUTBOX_BATCH_BYTES_MAX)
            break;
        bytes += it->text.n;
        n++;
        list_remove(at);
        list_push_back(&b->items, at);
    }
    return b;
}

static bool stream_is_due(const struct outbox_stream *s)
{
    return !s->busy && !list_empty(&s->items) && !timer_running(&s->retry);
}

static void pump(struct outbox *o)
{
    struct list_node *at, *next;

    LIST_EACH (&o->streams, at, next) {
        struct outbox_stream *s = CONTAINER_OF(at, struct outbox_stream, node);
        struct batch *b;

        if (o->jobs >= o->jobs_max || !*o->workers)
            return;
        if (!stream_is_due(s))
            continue;
        b = batch_create(s);
        if (workers_submit(*o->workers, batch_run, batch_done, b)) {
            batch_take_back(b);
            mem_free(b);
            timer_start(&s->retry, OUTBOX_RETRY_MS);
            continue;
        }
        o->jobs++;
        s->busy = true;
        list_remove(&s->node); /* its turn comes again after all others' */
        list_push_back(&o->streams, &s->node);
    }
}

size_t outbox_waiting(const struct outbox *o)
{
    return o->waiting;
}

size_t outbox_lost(const struct outbox *o)
{
    return o->lost;
}

static void call_on_empty(void *arg)
{
    struct outbox *o = arg;
    void (*fn)(void *arg) = o->on_empty;

    if (fn && o->waiting == 0) {
        o->on_empty = NULL;
        fn(o->on_empty_arg);
    }
}

void outbox_when_empty(struct outbox *o, void (*fn)(void *arg), void *arg)
{
    o->on_empty = fn;
    o->on_empty_arg = arg;
    if (o->waiting == 0)
        loop_post(o->loop, call_on_empty, o);
}

struct outbox *outbox_destroy(struct outbox *o)
{
    struct list_node *at, *next;

    if (!o)
        return NULL;
    LIST_EACH (&o->streams, at, next) {
        struct outbox_stream *s = CONTAINER_OF(at, struct outbox_stream, node);
        struct list_node *n;

        while ((n = list_pop_front(&s->items)) != NULL) {
            struct item *it = CONTAINER_OF(n, struct item, node);

            last_resort(s, it->type, it->id, it->text, "the process stops");
            item_free(s, it);
        }
        stream_free(s);
    }
    mem_free(o->topic);
    mem_free(o);
    return NULL;
}
