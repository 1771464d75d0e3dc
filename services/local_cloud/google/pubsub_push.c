/* The threads that push. Each looks for the delivery that is due next, sends it and settles it. */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "local_cloud/google/identity.h"
#include "local_cloud/google/pubsub_internal.h"
#include "local_cloud/google/reply.h"
#include "net/http_client.h"

enum {
    IDLE_MAX_US = 60 * 1000000,
    LEASE_SLACK_S = 30, /* beyond the deadline, in which a push has settled in any case */
    HEADERS_MAX = 120,  /* unwrapped messages bring their attributes */
};

struct push {
    struct str subscription;
    int64_t message_id;
    struct str data, attributes, ordering_key;
    int64_t publish_us;
    int64_t attempt; /* from 1 */
    struct pubsub_settings settings;
};

/* ---- what is due ---- */

static bool read_push(struct store_stmt *st, struct arena *a, struct push *ret)
{
    struct failure unused = { .status = 0 };
    const struct jval *sub;

    ret->subscription = arena_str(a, store_col_str(st, 0));
    ret->message_id = store_col_i64(st, 1);
    ret->attempt = store_col_i64(st, 2) + 1;
    ret->data = arena_str(a, store_col_str(st, 3));
    ret->attributes = arena_str(a, store_col_str(st, 4));
    ret->ordering_key = arena_str(a, store_col_str(st, 5));
    ret->publish_us = store_col_i64(st, 6);
    /* Our own text, checked when it was saved. */
    return !json_parse_arena(&sub, a, store_col_str(st, 7), NULL) &&
           pubsub_settings_read(&ret->settings, sub, &unused);
}

/* In a transaction. A key's messages go one after the other. For each subscription one message is looked up: a
 * queue of thousands costs no more than an empty one. */
static bool find_due(struct pubsub *ps, struct arena *a, int64_t now_us, struct push *ret)
{
    struct store_stmt *st;
    bool found;

    st = store_sql(ps->store,
                   "SELECT d.subscription, d.message_id, d.attempts, m.data, m.attributes,"
                   " m.ordering_key, m.publish_us, s.json"
                   " FROM pubsub_subscriptions s"
                   " JOIN pubsub_deliveries d ON d.subscription = s.name AND d.message_id ="
                   " (SELECT x.message_id FROM pubsub_deliveries x INDEXED BY pubsub_waiting"
                   " WHERE x.subscription = s.name AND x.in_flight = 0 AND x.due_us <= ?1"
                   " AND (x.ordering_key = '' OR NOT EXISTS (SELECT 1 FROM pubsub_deliveries e"
                   " WHERE e.subscription = x.subscription AND e.ordering_key = x.ordering_key"
                   " AND e.message_id < x.message_id))"
                   " ORDER BY x.due_us, x.message_id LIMIT 1)"
                   " JOIN pubsub_messages m ON m.id = d.message_id"
                   " WHERE s.push = 1 AND (SELECT COUNT(*) FROM pubsub_deliveries f"
                   " INDEXED BY pubsub_in_flight"
                   " WHERE f.subscription = s.name AND f.in_flight = 1) < ?2"
                   " ORDER BY d.due_us, d.message_id LIMIT 1");
    store_bind_i64(st, 1, now_us);
    store_bind_i64(st, 2, PUBSUB_PUSHES_MAX);
    found = store_step(st) && read_push(st, a, ret);
    store_run(st);
    if (!found)
        return false;
    st = store_sql(ps->store, "UPDATE pubsub_deliveries SET in_flight = 1, attempts = ?1,"
                              " due_us = ?2 WHERE subscription = ?3 AND message_id = ?4");
    store_bind_i64(st, 1, ret->attempt);
    store_bind_i64(st, 2, now_us + (ret->settings.deadline_s + LEASE_SLACK_S) * 1000000);
    store_bind_str(st, 3, ret->subscription);
    store_bind_i64(st, 4, ret->message_id);
    store_run(st);
    return true;
}

/* In a transaction: how long until something may be due, without a kick. */
static int64_t idle_us(struct pubsub *ps, int64_t now_us)
{
    struct store_stmt *st;
    int64_t due_us = INT64_MAX;

    st = store_sql(ps->store, "SELECT MIN(d.due_us) FROM pubsub_deliveries d"
                              " JOIN pubsub_subscriptions s ON s.name = d.subscription"
                              " WHERE s.push = 1 AND d.in_flight = 0 AND d.due_us > ?1");
    store_bind_i64(st, 1, now_us);
    if (store_step(st) && store_col_i64(st, 0) > now_us)
        due_us = store_col_i64(st, 0);
    store_run(st);
    return MIN(due_us - now_us, (int64_t)IDLE_MAX_US);
}

/* ---- sending ---- */

static struct str wrapped(struct arena *a, const struct push *p)
{
    const struct jval *attributes = NULL;
    struct str time = google_time(a, p->publish_us);
    struct jw w;

    if (p->attributes.n && json_parse_arena(&attributes, a, p->attributes, NULL))
        attributes = NULL; /* our own text */
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_obj(&w, "message");
    if (p->data.n)
        jw_str(&w, "data", base64_text(a, p->data));
    if (attributes)
        jw_val(&w, "attributes", attributes);
    jw_strf(&w, "messageId", "%lld", (long long)p->message_id);
    jw_strf(&w, "message_id", "%lld", (long long)p->message_id);
    jw_str(&w, "publishTime", time);
    jw_str(&w, "publish_time", time);
    if (p->ordering_key.n)
        jw_str(&w, "orderingKey", p->ordering_key);
    jw_end(&w);
    jw_str(&w, "subscription", p->subscription);
    if (p->settings.max_attempts)
        jw_i64(&w, "deliveryAttempt", p->attempt);
    jw_end(&w);
    return jw_finish(&w, a);
}

struct headers {
    struct http_header items[HEADERS_MAX];
    size_t n;
};

static void add(struct headers *h, struct str name, struct str value)
{
    if (h->n < HEADERS_MAX)
        h->items[h->n++] = (struct http_header){ name, value };
}

static void add_metadata(struct headers *h, struct arena *a, const struct push *p)
{
    const struct jval *attributes, *value;
    struct json_iter it;
    struct str key;

    add(h, STR("x-goog-pubsub-message-id"), arena_printf(a, "%lld", (long long)p->message_id));
    add(h, STR("x-goog-pubsub-publish-time"), google_time(a, p->publish_us));
    add(h, STR("x-goog-pubsub-subscription-name"), p->subscription);
    if (p->ordering_key.n)
        add(h, STR("x-goog-pubsub-ordering-key"), p->ordering_key);
    if (p->settings.max_attempts)
        add(h, STR("x-goog-pubsub-delivery-attempt"),
            arena_printf(a, "%lld", (long long)p->attempt));
    if (p->attributes.n == 0 || json_parse_arena(&attributes, a, p->attributes, NULL))
        return;
    it = json_iter(attributes);
    while (json_next(&it, &key, &value))
        add(h, key, json_str(value));
}

static bool add_token(struct pubsub *ps, struct headers *h, struct arena *a, const struct push *p)
{
    struct err err = ERR_INIT;
    struct str token;

    if (p->settings.email.n == 0)
        return true;
    if (identity_mint(ps->lc->identity, a, p->settings.email, p->settings.audience, &token, &err)) {
        log_error(&ps->lc->service->log, "push token: %s", err.text);
        return false;
    }
    add(h, STR("Authorization"), arena_printf(a, "Bearer " STR_FMT, STR_ARG(token)));
    return true;
}

static bool is_ack(int status)
{
    return status == 102 || status == 200 || status == 201 || status == 202 || status == 204;
}

static bool send_push(struct pubsub *ps, struct ctx *ctx, const struct push *p)
{
    struct headers h = { .n = 0 };
    struct http_request req = {
        .method = "POST",
        .url = p->settings.endpoint,
        .headers = h.items,
        .body = p->settings.no_wrapper ? p->data : wrapped(ctx->arena, p),
        .timeout_ms = (int)MIN(p->settings.deadline_s, (int64_t)600) * 1000,
        .stall_ms = (int)MIN(p->settings.deadline_s, (int64_t)600) * 1000,
        .body_max = 256 * KIB,
    };
    struct http_response res;
    struct err err = ERR_INIT;

    add(&h, STR("User-Agent"), STR("CloudPubSub-Google"));
    if (!p->settings.no_wrapper)
        add(&h, STR("Content-Type"), STR("application/json"));
    else if (p->settings.write_metadata)
        add_metadata(&h, ctx->arena, p);
    if (!add_token(ps, &h, ctx->arena, p))
        return false;
    req.n_headers = h.n;
    if (http_do(ctx->http, ctx->arena, &req, &res, &err)) {
        log_debug(&ps->lc->service->log, "push failed subscription=" STR_FMT " attempt=%lld: %s",
                  STR_ARG(p->subscription), (long long)p->attempt, err.text);
        return false;
    }
    if (!is_ack(res.status))
        log_debug(&ps->lc->service->log,
                  "push refused subscription=" STR_FMT " attempt=%lld status=%d",
                  STR_ARG(p->subscription), (long long)p->attempt, res.status);
    return is_ack(res.status);
}

/* ---- settling ---- */

/* In a transaction: a copy with its history, to the dead-letter topic. */
static void bury(struct pubsub *ps, struct arena *a, const struct push *p)
{
    const struct jval *attributes = NULL, *value;
    struct json_iter it;
    struct pubsub_item m = { .data = p->data, .ordering_key = p->ordering_key };
    struct str project, name, rest, key;
    struct jw w;

    (void)str_cut(p->subscription, '/', &project, &rest); /* projects/P/subscriptions/S */
    (void)str_cut(rest, '/', &project, &rest);
    (void)str_cut(rest, '/', &key, &name);
    if (p->attributes.n && json_parse_arena(&attributes, a, p->attributes, NULL))
        attributes = NULL; /* our own text */
    it = json_iter(attributes);
    jw_init(&w);
    jw_obj(&w, NULL);
    while (json_next(&it, &key, &value))
        jw_key_val(&w, key, value);
    jw_strf(&w, "CloudPubSubDeadLetterSourceDeliveryCount", "%lld", (long long)p->attempt);
    jw_str(&w, "CloudPubSubDeadLetterSourceSubscription", name);
    jw_str(&w, "CloudPubSubDeadLetterSourceSubscriptionProject", project);
    jw_str(&w, "CloudPubSubDeadLetterSourceTopicPublishTime", google_time(a, p->publish_us));
    jw_end(&w);
    m.attributes = jw_finish(&w, a);
    (void)pubsub_enqueue(ps, p->settings.dead_letter_topic, &m); /* its id is nobody's to know */
}

static int64_t backoff_us(const struct push *p)
{
    int64_t ms = p->settings.backoff_min_ms, n;

    for (n = 1; n < p->attempt && ms < p->settings.backoff_max_ms; n++)
        ms *= 2;
    return MIN(ms, p->settings.backoff_max_ms) * 1000;
}

static void settle(struct pubsub *ps, struct arena *a, const struct push *p, bool acked)
{
    bool give_up = !acked && p->settings.max_attempts && p->attempt >= p->settings.max_attempts;
    struct err err = ERR_INIT;
    struct store_stmt *st;

    store_begin(ps->store);
    if (give_up)
        bury(ps, a, p);
    if (acked || give_up) {
        pubsub_delivery_done(ps, p->subscription, p->message_id);
    } else {
        st = store_sql(ps->store, "UPDATE pubsub_deliveries SET in_flight = 0, due_us = ?1"
                                  " WHERE subscription = ?2 AND message_id = ?3");
        store_bind_i64(st, 1, clock_wall_us(ps->clock) + backoff_us(p));
        store_bind_str(st, 2, p->subscription);
        store_bind_i64(st, 3, p->message_id);
        store_run(st);
    }
    if (store_commit(ps->store, &err))
        log_error(&ps->lc->service->log, "push not settled: %s", err.text);
    if (give_up)
        log_warn(&ps->lc->service->log, "message given up subscription=" STR_FMT " attempts=%lld",
                 STR_ARG(p->subscription), (long long)p->attempt);
    pubsub_kick(ps);
}

/* ---- threads ---- */

static int64_t mono_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* With the lock held. One idle pusher keeps the time, unless another knows of something earlier; the rest
 * wait for a kick. */
static void wait_us(struct pubsub *ps, int64_t us)
{
    int64_t until_us = mono_us() + us;
    struct timespec t = { .tv_sec = (time_t)(until_us / 1000000),
                          .tv_nsec = (long)(until_us % 1000000) * 1000 };

    if (ps->watched_us && ps->watched_us <= until_us) {
        pthread_cond_wait(&ps->wake, &ps->lock);
        return;
    }
    ps->watched_us = until_us;
    pthread_cond_timedwait(&ps->wake, &ps->lock, &t);
    if (ps->watched_us == until_us)
        ps->watched_us = 0;
}

/* False: the program ends. */
static bool next_push(struct pubsub *ps, struct arena *a, struct push *ret)
{
    struct err err = ERR_INIT;
    uint64_t kicks;
    int64_t now_us, idle;
    bool found, stopping;

    for (;;) {
        pthread_mutex_lock(&ps->lock);
        kicks = ps->kicks;
        stopping = ps->stopping;
        pthread_mutex_unlock(&ps->lock);
        if (stopping)
            return false;
        now_us = clock_wall_us(ps->clock);
        store_begin(ps->store);
        found = find_due(ps, a, now_us, ret);
        idle = found ? 0 : idle_us(ps, now_us);
        if (store_commit(ps->store, &err)) {
            log_error(&ps->lc->service->log, "next push: %s", err.text);
            found = false;
            idle = IDLE_MAX_US;
        }
        pthread_mutex_lock(&ps->lock);
        if (found)
            pthread_cond_signal(&ps->wake); /* there may be more */
        else if (ps->kicks == kicks && !ps->stopping)
            wait_us(ps, idle);
        pthread_mutex_unlock(&ps->lock);
        if (found)
            return true;
    }
}

static void *push_thread(void *arg)
{
    struct pubsub *ps = arg;
    struct arena a = ARENA_INIT;
    struct ctx ctx = { .arena = &a, .clock = ps->clock, .log = ps->lc->service->log };
    struct push p;

    ctx.http = http_client_create(ps->lc->service->tls, ps->clock);
    http_client_set_self(ctx.http, loop_self(ps->lc->service->loop));
    while (next_push(ps, &a, &p)) {
        bool acked = send_push(ps, &ctx, &p);

        settle(ps, &a, &p, acked);
        arena_reset(&a);
    }
    ctx.http = http_client_destroy(ctx.http);
    arena_release(&a);
    return NULL;
}

enum errc pubsub_pushers_start(struct pubsub *ps, struct err *err)
{
    int code;

    while (ps->n_threads < PUBSUB_PUSHERS) {
        code = pthread_create(&ps->threads[ps->n_threads], NULL, push_thread, ps);
        if (code)
            return err_set_upstream(err, ERR_IO, code, "no thread for pushes");
        ps->n_threads++;
    }
    return ERR_OK;
}

void pubsub_pushers_stop(struct pubsub *ps)
{
    pthread_mutex_lock(&ps->lock);
    ps->stopping = true;
    pthread_cond_broadcast(&ps->wake);
    pthread_mutex_unlock(&ps->lock);
    while (ps->n_threads > 0)
        pthread_join(ps->threads[--ps->n_threads], NULL);
}
