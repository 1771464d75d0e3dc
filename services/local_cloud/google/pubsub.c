#include "local_cloud/google/pubsub.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "local_cloud/google/pubsub_internal.h"
#include "local_cloud/google/reply.h"

enum { MESSAGES_MAX = 1000, DEADLINE_DEFAULT_S = 10, DEADLINE_MAX_S = 600, ACK_ID_CHARS = 32 };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS pubsub_topics (name TEXT PRIMARY KEY, json TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS pubsub_subscriptions ("
    " name TEXT PRIMARY KEY, topic TEXT NOT NULL, push INTEGER NOT NULL, ordered INTEGER NOT NULL,"
    " json TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS pubsub_messages ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL, attributes TEXT NOT NULL,"
    " ordering_key TEXT NOT NULL, publish_us INTEGER NOT NULL);"
    /* due_us: not before then, be it a lease or a backoff. */
    "CREATE TABLE IF NOT EXISTS pubsub_deliveries ("
    " subscription TEXT NOT NULL, message_id INTEGER NOT NULL, ordering_key TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, due_us INTEGER NOT NULL, in_flight INTEGER NOT NULL,"
    " ack_id TEXT NOT NULL, PRIMARY KEY (subscription, message_id)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS pubsub_by_key"
    " ON pubsub_deliveries (subscription, ordering_key, message_id);"
    "CREATE INDEX IF NOT EXISTS pubsub_by_due ON pubsub_deliveries (due_us);"
    "CREATE INDEX IF NOT EXISTS pubsub_by_message ON pubsub_deliveries (message_id);"
    "CREATE INDEX IF NOT EXISTS pubsub_by_ack ON pubsub_deliveries (ack_id);"
    /* What was being pushed when the program ended was not acknowledged. */
    "UPDATE pubsub_deliveries SET in_flight = 0, due_us = 0 WHERE in_flight = 1;";

static struct pubsub *pubsub_of(void *app)
{
    return ((struct local_cloud *)app)->pubsub;
}

/* ---- messages ---- */

/* "3.5s" to milliseconds. */
static int64_t duration_ms(const struct jval *v, int64_t dflt_ms)
{
    struct str text = json_str(v);
    double s;

    if (!str_ends(text, STR("s")) || str_to_double(str_slice(text, 0, text.n - 1), &s) || s < 0 ||
        s > 1e6)
        return dflt_ms;
    return (int64_t)(s * 1000);
}

struct pubsub_settings pubsub_settings_of(const struct jval *sub)
{
    const struct jval *push = json_get(sub, "pushConfig");
    const struct jval *retry = json_get(sub, "retryPolicy");
    const struct jval *dead = json_get(sub, "deadLetterPolicy");
    struct pubsub_settings s = {
        .endpoint = json_str(json_get(push, "pushEndpoint")),
        .email = json_str(json_path(push, "oidcToken.serviceAccountEmail")),
        .no_wrapper = json_is_obj(json_get(push, "noWrapper")),
        .write_metadata = json_bool_or(json_path(push, "noWrapper.writeMetadata"), false),
        .ordered = json_bool_or(json_get(sub, "enableMessageOrdering"), false),
        .deadline_s = json_i64_or(json_get(sub, "ackDeadlineSeconds"), DEADLINE_DEFAULT_S),
        .backoff_min_ms = PUBSUB_BACKOFF_MS,
        .backoff_max_ms = PUBSUB_BACKOFF_MAX_MS,
        .dead_letter_topic = json_str(json_get(dead, "deadLetterTopic")),
    };

    s.audience = json_str_or(json_path(push, "oidcToken.audience"), s.endpoint);
    if (s.audience.n == 0)
        s.audience = s.endpoint;
    if (retry) {
        s.backoff_min_ms = duration_ms(json_get(retry, "minimumBackoff"), 10000);
        s.backoff_max_ms = duration_ms(json_get(retry, "maximumBackoff"), 600000);
    }
    if (s.dead_letter_topic.n) {
        s.max_attempts = json_i64_or(json_get(dead, "maxDeliveryAttempts"), 5);
        if (s.max_attempts == 0)
            s.max_attempts = 5;
    }
    return s;
}

int64_t pubsub_enqueue(struct pubsub *ps, struct str topic, const struct pubsub_item *m)
{
    struct store_stmt *st;
    int64_t id = 0;

    st = store_sql(ps->store, "INSERT INTO pubsub_messages (data, attributes, ordering_key,"
                              " publish_us) VALUES (?1, ?2, ?3, ?4) RETURNING id");
    store_bind_blob(st, 1, m->data);
    store_bind_str(st, 2, m->attributes);
    store_bind_str(st, 3, m->ordering_key);
    store_bind_i64(st, 4, clock_wall_us(ps->clock));
    if (store_step(st))
        id = store_col_i64(st, 0);
    store_run(st);
    st = store_sql(ps->store, "INSERT INTO pubsub_deliveries"
                              " SELECT name, ?1, CASE WHEN ordered THEN ?2 ELSE '' END, 0, 0, 0, ''"
                              " FROM pubsub_subscriptions WHERE topic = ?3");
    store_bind_i64(st, 1, id);
    store_bind_str(st, 2, m->ordering_key);
    store_bind_str(st, 3, topic);
    store_run(st);
    if (store_changes(ps->store) == 0) { /* nobody listens: it is gone */
        st = store_sql(ps->store, "DELETE FROM pubsub_messages WHERE id = ?1");
        store_bind_i64(st, 1, id);
        store_run(st);
    }
    return id;
}

void pubsub_delivery_done(struct pubsub *ps, struct str subscription, int64_t message_id)
{
    struct store_stmt *st;

    st = store_sql(ps->store,
                   "DELETE FROM pubsub_deliveries WHERE subscription = ?1 AND message_id = ?2");
    store_bind_str(st, 1, subscription);
    store_bind_i64(st, 2, message_id);
    store_run(st);
    st = store_sql(ps->store, "DELETE FROM pubsub_messages WHERE id = ?1 AND NOT EXISTS"
                              " (SELECT 1 FROM pubsub_deliveries WHERE message_id = ?1)");
    store_bind_i64(st, 1, message_id);
    store_run(st);
}

void pubsub_kick(struct pubsub *ps)
{
    pthread_mutex_lock(&ps->lock);
    ps->kicks++;
    pthread_cond_signal(&ps->wake);
    pthread_mutex_unlock(&ps->lock);
}

/* ---- names, bodies ---- */

static struct str resource_name(struct http_req *r, const char *kind)
{
    return arena_printf(r->ctx->arena, "projects/" STR_FMT "/%s/" STR_FMT,
                        STR_ARG(http_req_param(r, "project")), kind,
                        STR_ARG(http_req_param(r, "name")));
}

static bool name_valid(struct str name)
{
    size_t i;

    if (name.n < 3 || name.n > 255 || str_istarts(name, STR("goog")))
        return false;
    for (i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || str_find_char(STR("-_.~+%"), c) < 6;

        if (!letter && !(i > 0 && other))
            return false;
    }
    return true;
}

static bool read_body(struct http_req *r, const struct jval **ret, struct failure *f)
{
    struct err err = ERR_INIT;
    struct str body = r->body.n ? r->body : STR("{}");

    if (json_parse_arena(ret, r->ctx->arena, body, &err))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Invalid JSON payload received. %s",
                           err.text);
    if (!json_is_obj(*ret))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Payload isn't valid for request.");
    return true;
}

/* Ends the transaction either way. */
static void finish(struct pubsub *ps, struct http_req *r, struct failure *f, struct str json)
{
    struct err err = ERR_INIT;

    if (f->status)
        store_rollback(ps->store);
    else if (store_commit(ps->store, &err))
        (void)failure_set(f, GOOGLE_INTERNAL, "%s", err.text);
    if (f->status)
        reply_failure(r, f);
    else
        http_reply_json(r, 200, json);
}

static bool not_found(struct failure *f, struct str name)
{
    const char *leaf = name.p;
    size_t n = name.n, at;

    while ((at = str_find_char(str_n(leaf, n), '/')) < n) {
        leaf += at + 1;
        n -= at + 1;
    }
    return failure_set(f, GOOGLE_NOT_FOUND, "Resource not found (resource=%.*s).", (int)n, leaf);
}

/* ---- topics ---- */

static struct str topic_json(struct arena *a, struct str name, const struct jval *body)
{
    const struct jval *v;
    struct json_iter it = json_iter(body);
    struct str key;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "name", name);
    while (json_next(&it, &key, &v)) {
        /* Empty ones are sent by Google's clients and left out of answers. */
        if (!str_eq(key, STR("name")) && !(json_is_obj(v) && json_len(v) == 0))
            jw_key_val(&w, key, v);
    }
    jw_end(&w);
    return jw_finish(&w, a);
}

static void on_topic_create(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct str name = resource_name(r, "topics"), json = STR_EMPTY;
    struct failure f = { .status = 0 };
    const struct jval *body;
    struct store_stmt *st;

    if (!name_valid(http_req_param(r, "name")))
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT, "Invalid [topics] name: (name=" STR_FMT ")",
                          STR_ARG(name));
    store_begin(ps->store);
    if (!f.status && read_body(r, &body, &f)) {
        json = topic_json(r->ctx->arena, name, body);
        st = store_sql(
            ps->store,
            "INSERT INTO pubsub_topics (name, json) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
        store_bind_str(st, 1, name);
        store_bind_str(st, 2, json);
        store_run(st);
        if (store_changes(ps->store) == 0)
            (void)failure_set(&f, GOOGLE_ALREADY_EXISTS, "Topic already exists");
    }
    finish(ps, r, &f, json);
}

/* In a transaction. */
static bool topic_find(struct pubsub *ps, struct arena *a, struct str name, struct str *json,
                       struct failure *f)
{
    struct store_stmt *st = store_sql(ps->store, "SELECT json FROM pubsub_topics WHERE name = ?1");

    store_bind_str(st, 1, name);
    if (!store_step(st))
        return not_found(f, name);
    *json = arena_str(a, store_col_str(st, 0));
    return true;
}

static void on_topic_get(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct failure f = { .status = 0 };
    struct str json = STR_EMPTY;

    store_begin(ps->store);
    (void)topic_find(ps, r->ctx->arena, resource_name(r, "topics"), &json, &f);
    finish(ps, r, &f, json);
}

static void on_topic_delete(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct str name = resource_name(r, "topics");
    struct failure f = { .status = 0 };
    struct store_stmt *st;

    store_begin(ps->store);
    st = store_sql(ps->store, "DELETE FROM pubsub_topics WHERE name = ?1");
    store_bind_str(st, 1, name);
    store_run(st);
    if (store_changes(ps->store) == 0)
        (void)not_found(&f, name);
    st = store_sql(ps->store,
                   "UPDATE pubsub_subscriptions SET topic = '_deleted-topic_' WHERE topic = ?1");
    store_bind_str(st, 1, name);
    store_run(st);
    finish(ps, r, &f, STR("{}"));
}

/* Everything that the statement gives, as members of one array. */
static void list(struct pubsub *ps, struct http_req *r, const char *kind, struct store_stmt *st)
{
    struct failure f = { .status = 0 };
    const struct jval *item;
    struct jw w;
    bool any = false;

    jw_init(&w);
    jw_obj(&w, NULL);
    while (store_step(st)) {
        if (!any)
            jw_arr(&w, kind);
        any = true;
        if (!json_parse_arena(&item, r->ctx->arena, store_col_str(st, 0), NULL))
            jw_val(&w, NULL, item);
    }
    if (any)
        jw_end(&w);
    jw_end(&w);
    finish(ps, r, &f, jw_finish(&w, r->ctx->arena));
}

static void on_topic_list(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct store_stmt *st;

    store_begin(ps->store);
    st = store_sql(ps->store, "SELECT json FROM pubsub_topics WHERE name >= ?1 AND name < ?2"
                              " ORDER BY name");
    store_bind_str(st, 1,
                   arena_printf(r->ctx->arena, "projects/" STR_FMT "/",
                                STR_ARG(http_req_param(r, "project"))));
    store_bind_str(st, 2,
                   arena_printf(r->ctx->arena, "projects/" STR_FMT "0",
                                STR_ARG(http_req_param(r, "project"))));
    list(ps, r, "topics", st);
}

static void on_topic_subscriptions(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct failure f = { .status = 0 };
    struct str topic = resource_name(r, "topics"), unused;
    struct store_stmt *st;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "subscriptions");
    store_begin(ps->store);
    if (topic_find(ps, r->ctx->arena, topic, &unused, &f)) {
        st = store_sql(ps->store,
                       "SELECT name FROM pubsub_subscriptions WHERE topic = ?1 ORDER BY name");
        store_bind_str(st, 1, topic);
        while (store_step(st))
            jw_str(&w, NULL, store_col_str(st, 0));
    }
    jw_end(&w);
    jw_end(&w);
    finish(ps, r, &f, jw_finish(&w, r->ctx->arena));
}

/* ---- publish ---- */

static bool read_message(struct arena *a, const struct jval *v, struct pubsub_item *ret,
                         struct failure *f)
{
    const struct jval *attributes = json_get(v, "attributes");
    struct json_iter it = json_iter(attributes);
    const struct jval *value;
    struct str key;

    while (json_next(&it, &key, &value)) {
        if (!json_is_str(value) || key.n > 256 || json_str(value).n > 1024 || key.n == 0)
            return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Payload isn't valid for request.");
    }
    if (json_get(v, "data") && !json_is_str(json_get(v, "data")))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Payload isn't valid for request.");
    if (base64_bytes(a, json_str(json_get(v, "data")), &ret->data))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Payload isn't valid for request.");
    ret->attributes = json_len(attributes) ? json_val_text(a, attributes) : STR_EMPTY;
    ret->ordering_key = json_str(json_get(v, "orderingKey"));
    if (ret->data.n == 0 && ret->attributes.n == 0)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "One or more messages in the publish request is empty. Each message "
                           "must contain either non-empty data, or at least one attribute.");
    return true;
}

static bool publish_all(struct pubsub *ps, struct arena *a, struct str topic,
                        const struct jval *messages, struct str *ret, struct failure *f)
{
    struct json_iter it = json_iter(messages);
    const struct jval *v;
    struct pubsub_item m = { .data = STR_EMPTY };
    struct str unused;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "messageIds");
    while (json_next(&it, &unused, &v)) {
        if (!read_message(a, v, &m, f))
            break;
        jw_strf(&w, NULL, "%lld", (long long)pubsub_enqueue(ps, topic, &m));
    }
    jw_end(&w);
    jw_end(&w);
    *ret = jw_finish(&w, a);
    return f->status == 0;
}

static void on_publish(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct str topic = resource_name(r, "topics"), json = STR_EMPTY;
    struct failure f = { .status = 0 };
    const struct jval *body, *messages;

    if (!read_body(r, &body, &f)) {
        reply_failure(r, &f);
        return;
    }
    messages = json_get(body, "messages");
    store_begin(ps->store);
    if (!json_is_arr(messages) || json_len(messages) == 0 || json_len(messages) > MESSAGES_MAX)
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT, "The value for message_count is too %s.",
                          json_len(messages) ? "large" : "small");
    else if (topic_find(ps, r->ctx->arena, topic, &json, &f))
        (void)publish_all(ps, r->ctx->arena, topic, messages, &json, &f);
    finish(ps, r, &f, json);
    pubsub_kick(ps);
}

/* ---- subscriptions ---- */

static struct str subscription_json(struct arena *a, struct str name, const struct jval *body)
{
    struct json_iter it = json_iter(body);
    const struct jval *v;
    struct str key;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "name", name);
    while (json_next(&it, &key, &v)) {
        bool set_here = str_eq(key, STR("name")) || str_eq(key, STR("ackDeadlineSeconds")) ||
                        str_eq(key, STR("state"));
        bool kept_empty = str_eq(key, STR("pushConfig")) || str_eq(key, STR("expirationPolicy")) ||
                          str_eq(key, STR("retryPolicy"));

        if (!set_here && (kept_empty || !json_is_obj(v) || json_len(v)))
            jw_key_val(&w, key, v);
    }
    if (!json_get(body, "pushConfig")) {
        jw_obj(&w, "pushConfig");
        jw_end(&w);
    }
    jw_i64(&w, "ackDeadlineSeconds",
           MAX(json_i64_or(json_get(body, "ackDeadlineSeconds"), 0), DEADLINE_DEFAULT_S));
    if (!json_get(body, "messageRetentionDuration"))
        jw_cstr(&w, "messageRetentionDuration", "604800s");
    jw_cstr(&w, "state", "ACTIVE");
    jw_end(&w);
    return jw_finish(&w, a);
}

static bool subscription_valid(struct pubsub *ps, struct arena *a, const struct jval *body,
                               struct failure *f)
{
    struct str endpoint = json_str(json_path(body, "pushConfig.pushEndpoint"));
    const struct jval *dead = json_get(body, "deadLetterPolicy");
    int64_t attempts = json_i64_or(json_get(dead, "maxDeliveryAttempts"), 0);
    int64_t deadline_s = json_i64_or(json_get(body, "ackDeadlineSeconds"), 0);
    struct url url;
    struct str unused;

    if (deadline_s < 0 || deadline_s > DEADLINE_MAX_S || (deadline_s > 0 && deadline_s < 10))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Invalid ack deadline given: (ackDeadline=%lld)", (long long)deadline_s);
    if (endpoint.n && url_parse(&url, endpoint))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Invalid push endpoint given (endpoint=" STR_FMT ").",
                           STR_ARG(endpoint));
    if (dead && attempts != 0 && (attempts < 5 || attempts > 100))
        return failure_set(f, GOOGLE_OUT_OF_RANGE,
                           "The value for max_delivery_attempts must be between 5 and 100.");
    if (json_str(json_get(body, "filter")).n)
        return failure_set(f, GOOGLE_UNIMPLEMENTED, "Filters are not supported here.");
    return topic_find(ps, a, json_str(json_get(body, "topic")), &unused, f);
}

static void subscription_save(struct pubsub *ps, struct arena *a, struct str name, struct str json)
{
    const struct jval *sub = NULL;
    struct pubsub_settings s;
    struct store_stmt *st;

    if (json_parse_arena(&sub, a, json, NULL))
        return; /* our own text */
    s = pubsub_settings_of(sub);
    st = store_sql(ps->store, "INSERT INTO pubsub_subscriptions (name, topic, push, ordered, json)"
                              " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET"
                              " push = excluded.push, json = excluded.json");
    store_bind_str(st, 1, name);
    store_bind_str(st, 2, json_str(json_get(sub, "topic")));
    store_bind_i64(st, 3, s.endpoint.n > 0);
    store_bind_i64(st, 4, s.ordered);
    store_bind_str(st, 5, json);
    store_run(st);
}

/* In a transaction. */
static bool subscription_find(struct pubsub *ps, struct arena *a, struct str name, struct str *json,
                              struct failure *f)
{
    struct store_stmt *st =
        store_sql(ps->store, "SELECT json FROM pubsub_subscriptions WHERE name = ?1");

    store_bind_str(st, 1, name);
    if (!store_step(st))
        return not_found(f, name);
    *json = arena_str(a, store_col_str(st, 0));
    return true;
}

static void on_subscription_create(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct str name = resource_name(r, "subscriptions"), json = STR_EMPTY, unused;
    struct failure f = { .status = 0 }, absent = { .status = 0 };
    const struct jval *body;

    if (!name_valid(http_req_param(r, "name")))
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT,
                          "Invalid [subscriptions] name: (name=" STR_FMT ")", STR_ARG(name));
    store_begin(ps->store);
    if (!f.status && read_body(r, &body, &f) && subscription_valid(ps, r->ctx->arena, body, &f)) {
        if (subscription_find(ps, r->ctx->arena, name, &unused, &absent)) {
            (void)failure_set(&f, GOOGLE_ALREADY_EXISTS, "Subscription already exists");
        } else {
            json = subscription_json(r->ctx->arena, name, body);
            subscription_save(ps, r->ctx->arena, name, json);
        }
    }
    finish(ps, r, &f, json);
}

static void on_subscription_get(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct failure f = { .status = 0 };
    struct str json = STR_EMPTY;

    store_begin(ps->store);
    (void)subscription_find(ps, r->ctx->arena, resource_name(r, "subscriptions"), &json, &f);
    finish(ps, r, &f, json);
}

static void on_subscription_delete(void *app, struct http_req *r)
{
    static const char *const steps[] = {
        "DELETE FROM pubsub_deliveries WHERE subscription = ?1",
        "DELETE FROM pubsub_subscriptions WHERE name = ?1",
    };
    struct pubsub *ps = pubsub_of(app);
    struct str name = resource_name(r, "subscriptions");
    struct failure f = { .status = 0 };
    struct store_stmt *st;
    size_t i;

    store_begin(ps->store);
    for (i = 0; i < ARRAY_LEN(steps); i++) {
        st = store_sql(ps->store, steps[i]);
        store_bind_str(st, 1, name);
        store_run(st);
    }
    if (store_changes(ps->store) == 0)
        (void)not_found(&f, name);
    finish(ps, r, &f, STR("{}"));
}

static void on_subscription_list(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct store_stmt *st;

    store_begin(ps->store);
    st = store_sql(ps->store, "SELECT json FROM pubsub_subscriptions WHERE name >= ?1"
                              " AND name < ?2 ORDER BY name");
    store_bind_str(st, 1,
                   arena_printf(r->ctx->arena, "projects/" STR_FMT "/",
                                STR_ARG(http_req_param(r, "project"))));
    store_bind_str(st, 2,
                   arena_printf(r->ctx->arena, "projects/" STR_FMT "0",
                                STR_ARG(http_req_param(r, "project"))));
    list(ps, r, "subscriptions", st);
}

/* ack_deadline_seconds and ackDeadlineSeconds alike; of a deeper path its first name. */
static bool mask_names(struct str mask, struct str key)
{
    struct str head, rest = mask;
    size_t i, k;

    while (rest.n) {
        (void)str_cut(rest, ',', &head, &rest); /* the last has no comma */
        head = str_slice(str_trim(head), 0, str_find_char(str_trim(head), '.'));
        for (i = 0, k = 0; i < head.n && k < key.n; i++, k++) {
            bool up = head.p[i] == '_' && i + 1 < head.n;
            char c = up ? (char)(head.p[++i] - 'a' + 'A') : head.p[i];

            if (c != key.p[k])
                break;
        }
        if (i == head.n && k == key.n)
            return true;
    }
    return false;
}

/* The stored one with the masked members taken from `change`. */
static struct str subscription_patch(struct arena *a, const struct jval *old,
                                     const struct jval *change, struct str mask)
{
    struct json_iter it = json_iter(old);
    const struct jval *v;
    struct str key;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    while (json_next(&it, &key, &v)) {
        if (!mask_names(mask, key))
            jw_key_val(&w, key, v);
    }
    it = json_iter(change);
    while (json_next(&it, &key, &v)) {
        if (mask_names(mask, key))
            jw_key_val(&w, key, v);
    }
    jw_end(&w);
    return jw_finish(&w, a);
}

/* Answers with the subscription, or with `answer` where that is not empty. */
static void change(struct pubsub *ps, struct http_req *r, const struct jval *new_values,
                   struct str mask, struct str answer)
{
    struct str name = resource_name(r, "subscriptions"), json = STR_EMPTY;
    struct failure f = { .status = 0 };
    const struct jval *old, *merged;
    struct arena *a = r->ctx->arena;

    store_begin(ps->store);
    if (subscription_find(ps, a, name, &json, &f) && !json_parse_arena(&old, a, json, NULL) &&
        !json_parse_arena(&merged, a, subscription_patch(a, old, new_values, mask), NULL) &&
        subscription_valid(ps, a, merged, &f)) {
        json = subscription_json(a, name, merged);
        subscription_save(ps, a, name, json);
    }
    finish(ps, r, &f, answer.n ? answer : json);
    pubsub_kick(ps);
}

static void on_subscription_patch(void *app, struct http_req *r)
{
    struct form query = request_query(r);
    struct failure f = { .status = 0 };
    const struct jval *body;
    struct str mask;

    if (!read_body(r, &body, &f)) {
        reply_failure(r, &f);
        return;
    }
    mask = json_str_or(json_get(body, "updateMask"), form_get(&query, "updateMask"));
    if (mask.n == 0) {
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT, "The update_mask in the request is empty.");
        reply_failure(r, &f);
        return;
    }
    change(pubsub_of(app), r, json_get(body, "subscription"), mask, STR_EMPTY);
}

static void on_modify_push(void *app, struct http_req *r)
{
    struct failure f = { .status = 0 };
    const struct jval *body;

    if (read_body(r, &body, &f))
        change(pubsub_of(app), r, body, STR("pushConfig"), STR("{}"));
    else
        reply_failure(r, &f);
}

/* ---- pull ---- */

static void write_received(struct jw *w, struct arena *a, struct store_stmt *st, struct str ack_id)
{
    const struct jval *attributes;
    struct str text = store_col_str(st, 2), key = store_col_str(st, 3);

    jw_obj(w, NULL);
    jw_str(w, "ackId", ack_id);
    jw_obj(w, "message");
    jw_str(w, "data", base64_text(a, store_col_str(st, 1)));
    if (text.n && !json_parse_arena(&attributes, a, text, NULL))
        jw_val(w, "attributes", attributes);
    jw_strf(w, "messageId", "%lld", (long long)store_col_i64(st, 0));
    jw_str(w, "publishTime", google_time(a, store_col_i64(st, 4)));
    if (key.n)
        jw_str(w, "orderingKey", key);
    jw_end(w);
    if (store_col_i64(st, 5) >= 0)
        jw_i64(w, "deliveryAttempt", store_col_i64(st, 5) + 1);
    jw_end(w);
}

struct lease {
    int64_t message_id;
    struct str ack_id;
};

static void lease_all(struct pubsub *ps, struct str name, const struct lease *leases, size_t n,
                      int64_t until_us)
{
    struct store_stmt *st;
    size_t i;

    for (i = 0; i < n; i++) {
        st = store_sql(ps->store, "UPDATE pubsub_deliveries SET ack_id = ?1, due_us = ?2,"
                                  " attempts = attempts + 1"
                                  " WHERE subscription = ?3 AND message_id = ?4");
        store_bind_str(st, 1, leases[i].ack_id);
        store_bind_i64(st, 2, until_us);
        store_bind_str(st, 3, name);
        store_bind_i64(st, 4, leases[i].message_id);
        store_run(st);
    }
}

static struct str pull(struct pubsub *ps, struct arena *a, struct str name,
                       const struct pubsub_settings *s, int64_t max)
{
    struct lease *leases = ARENA_ARRAY(a, struct lease, (size_t)max);
    int64_t now_us = clock_wall_us(ps->clock);
    struct store_stmt *st;
    struct jw w;
    size_t n = 0;

    st = store_sql(ps->store,
                   "SELECT m.id, m.data, m.attributes, m.ordering_key, m.publish_us,"
                   " CASE WHEN ?4 THEN d.attempts ELSE -1 END"
                   " FROM pubsub_deliveries d JOIN pubsub_messages m ON m.id = d.message_id"
                   " WHERE d.subscription = ?1 AND d.due_us <= ?2 AND d.in_flight = 0"
                   " AND (d.ordering_key = '' OR NOT EXISTS (SELECT 1 FROM pubsub_deliveries e"
                   " WHERE e.subscription = d.subscription AND e.ordering_key = d.ordering_key"
                   " AND e.message_id < d.message_id AND e.due_us > ?2))"
                   " ORDER BY m.id LIMIT ?3");
    store_bind_str(st, 1, name);
    store_bind_i64(st, 2, now_us);
    store_bind_i64(st, 3, max);
    store_bind_i64(st, 4, s->max_attempts > 0);
    jw_init(&w);
    jw_obj(&w, NULL);
    while (n < (size_t)max && store_step(st)) {
        if (n == 0)
            jw_arr(&w, "receivedMessages");
        leases[n] = (struct lease){ store_col_i64(st, 0), random_id_text(a, ACK_ID_CHARS) };
        write_received(&w, a, st, leases[n].ack_id);
        n++;
    }
    store_run(st);
    if (n)
        jw_end(&w);
    jw_end(&w);
    lease_all(ps, name, leases, n, now_us + s->deadline_s * 1000000);
    return jw_finish(&w, a);
}

static void on_pull(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct str name = resource_name(r, "subscriptions"), json = STR_EMPTY;
    struct failure f = { .status = 0 };
    const struct jval *body, *sub;
    struct arena *a = r->ctx->arena;
    struct pubsub_settings s;
    int64_t max;

    if (!read_body(r, &body, &f)) {
        reply_failure(r, &f);
        return;
    }
    max = json_i64_or(json_get(body, "maxMessages"), 0);
    store_begin(ps->store);
    if (max < 1) {
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT,
                          "The value for max_messages must be greater than 0.");
    } else if (subscription_find(ps, a, name, &json, &f) &&
               !json_parse_arena(&sub, a, json, NULL)) {
        s = pubsub_settings_of(sub);
        if (s.endpoint.n)
            (void)failure_set(&f, GOOGLE_FAILED_PRECONDITION,
                              "This method is not supported for this subscription type.");
        else
            json = pull(ps, a, name, &s, MIN(max, (int64_t)PUBSUB_PULL_MAX));
    }
    finish(ps, r, &f, json);
}

static void settle(struct pubsub *ps, struct http_req *r, bool acknowledge)
{
    struct str name = resource_name(r, "subscriptions"), json = STR_EMPTY, unused;
    struct failure f = { .status = 0 };
    struct arena *a = r->ctx->arena;
    const struct jval *body, *id;
    struct json_iter it;
    struct store_stmt *st;
    int64_t until_us, message_id;

    if (!read_body(r, &body, &f)) {
        reply_failure(r, &f);
        return;
    }
    until_us =
        clock_wall_us(ps->clock) + json_i64_or(json_get(body, "ackDeadlineSeconds"), 0) * 1000000;
    it = json_iter(json_get(body, "ackIds"));
    store_begin(ps->store);
    if (subscription_find(ps, a, name, &json, &f)) {
        while (json_next(&it, &unused, &id)) {
            if (json_str(id).n == 0)
                continue;
            st = store_sql(ps->store, "SELECT message_id FROM pubsub_deliveries"
                                      " WHERE ack_id = ?1 AND subscription = ?2");
            store_bind_str(st, 1, json_str(id));
            store_bind_str(st, 2, name);
            if (!store_step(st))
                continue; /* too late, or done: no error, as Google does */
            message_id = store_col_i64(st, 0);
            store_run(st);
            if (acknowledge) {
                pubsub_delivery_done(ps, name, message_id);
                continue;
            }
            st = store_sql(ps->store, "UPDATE pubsub_deliveries SET due_us = ?1"
                                      " WHERE subscription = ?2 AND message_id = ?3");
            store_bind_i64(st, 1, until_us);
            store_bind_str(st, 2, name);
            store_bind_i64(st, 3, message_id);
            store_run(st);
        }
    }
    finish(ps, r, &f, STR("{}"));
}

static void on_acknowledge(void *app, struct http_req *r)
{
    settle(pubsub_of(app), r, true);
}

static void on_modify_deadline(void *app, struct http_req *r)
{
    settle(pubsub_of(app), r, false);
}

/* ---- life ---- */

static enum errc create(struct local_cloud *lc, struct err *err)
{
    struct pubsub *ps = MEM_NEW(struct pubsub);
    pthread_condattr_t attr;
    enum errc rc;

    lc->pubsub = ps;
    ps->lc = lc;
    ps->store = lc->store;
    ps->clock = lc->service->clock;
    pthread_mutex_init(&ps->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ps->wake, &attr);
    pthread_condattr_destroy(&attr);
    rc = store_schema(ps->store, schema, err);
    return rc ? rc : pubsub_pushers_start(ps, err);
}

static void destroy(struct local_cloud *lc)
{
    struct pubsub *ps = lc->pubsub;

    if (!ps)
        return;
    pubsub_pushers_stop(ps);
    pthread_cond_destroy(&ps->wake);
    pthread_mutex_destroy(&ps->lock);
    mem_free(ps);
    lc->pubsub = NULL;
}

#define TOPIC "/v1/projects/{project}/topics/{name}"
#define SUBSCRIPTION "/v1/projects/{project}/subscriptions/{name}"

static const struct http_route routes[] = {
    { HTTP_POST, TOPIC ":publish", PUBSUB_BODY_MAX, NULL, on_publish, false },
    { HTTP_PUT, TOPIC, 64 * KIB, NULL, on_topic_create, false },
    { HTTP_GET, TOPIC, 0, NULL, on_topic_get, false },
    { HTTP_DELETE, TOPIC, 64 * KIB, NULL, on_topic_delete, false },
    { HTTP_GET, TOPIC "/subscriptions", 0, NULL, on_topic_subscriptions, false },
    { HTTP_GET, "/v1/projects/{project}/topics", 0, NULL, on_topic_list, false },
    { HTTP_POST, SUBSCRIPTION ":pull", 64 * KIB, NULL, on_pull, false },
    { HTTP_POST, SUBSCRIPTION ":acknowledge", 1 * MIB, NULL, on_acknowledge, false },
    { HTTP_POST, SUBSCRIPTION ":modifyAckDeadline", 1 * MIB, NULL, on_modify_deadline, false },
    { HTTP_POST, SUBSCRIPTION ":modifyPushConfig", 64 * KIB, NULL, on_modify_push, false },
    { HTTP_PUT, SUBSCRIPTION, 64 * KIB, NULL, on_subscription_create, false },
    { HTTP_PATCH, SUBSCRIPTION, 64 * KIB, NULL, on_subscription_patch, false },
    { HTTP_GET, SUBSCRIPTION, 0, NULL, on_subscription_get, false },
    { HTTP_DELETE, SUBSCRIPTION, 64 * KIB, NULL, on_subscription_delete, false },
    { HTTP_GET, "/v1/projects/{project}/subscriptions", 0, NULL, on_subscription_list, false },
};

const struct local_module pubsub_module = {
    .name = "pubsub",
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .create = create,
    .destroy = destroy,
};
