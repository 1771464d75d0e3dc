#include "local_cloud/google/pubsub.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "local_cloud/google/pubsub_internal.h"
#include "local_cloud/google/pubsub_request.h"
#include "local_cloud/google/reply.h"

enum {
    MESSAGES_MAX = 1000, /* of one publish */
    ATTRIBUTES_MAX = 100,
    ATTRIBUTE_KEY_MAX = 256,
    ATTRIBUTE_VALUE_MAX = 1024,
    ORDERING_KEY_MAX = 1024,
};

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
    /* For each push, however long the queue is. */
    "CREATE INDEX IF NOT EXISTS pubsub_waiting"
    " ON pubsub_deliveries (subscription, due_us, message_id) WHERE in_flight = 0;"
    "CREATE INDEX IF NOT EXISTS pubsub_in_flight ON pubsub_deliveries (subscription)"
    " WHERE in_flight = 1;"
    "CREATE INDEX IF NOT EXISTS pubsub_by_message ON pubsub_deliveries (message_id);"
    "CREATE INDEX IF NOT EXISTS pubsub_by_ack ON pubsub_deliveries (ack_id);"
    /* What was being pushed when the program ended was not acknowledged. */
    "UPDATE pubsub_deliveries SET in_flight = 0, due_us = 0 WHERE in_flight = 1;";

static struct pubsub *pubsub_of(void *app)
{
    return ((struct local_cloud *)app)->pubsub;
}

/* ---- messages ---- */

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

struct str pubsub_resource(struct http_req *r, const char *kind)
{
    return arena_printf(r->ctx->arena, "projects/" STR_FMT "/%s/" STR_FMT,
                        STR_ARG(http_req_param(r, "project")), kind,
                        STR_ARG(http_req_param(r, "name")));
}

bool pubsub_name_valid(struct str name)
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

bool pubsub_body(struct http_req *r, const struct shape *shape, const struct jval **ret,
                 struct failure *f)
{
    struct err err = ERR_INIT;
    struct str body = r->body.n ? r->body : STR("{}");

    if (json_parse_arena(ret, r->ctx->arena, body, &err))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Invalid JSON payload received. %s",
                           err.text);
    return shape_check(*ret, shape, f);
}

void pubsub_finish(struct pubsub *ps, struct http_req *r, struct failure *f, struct str json)
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

bool pubsub_not_found(struct failure *f, struct str name)
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
    struct str name = pubsub_resource(r, "topics"), json = STR_EMPTY;
    struct failure f = { .status = 0 };
    const struct jval *body;
    struct store_stmt *st;

    if (!pubsub_name_valid(http_req_param(r, "name")))
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT, "Invalid [topics] name: (name=" STR_FMT ")",
                          STR_ARG(name));
    store_begin(ps->store);
    if (!f.status && pubsub_body(r, &pubsub_topic_shape, &body, &f)) {
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
    pubsub_finish(ps, r, &f, json);
}

/* In a transaction. */
bool pubsub_topic_find(struct pubsub *ps, struct arena *a, struct str name, struct str *json,
                       struct failure *f)
{
    struct store_stmt *st = store_sql(ps->store, "SELECT json FROM pubsub_topics WHERE name = ?1");

    store_bind_str(st, 1, name);
    if (!store_step(st))
        return pubsub_not_found(f, name);
    *json = arena_str(a, store_col_str(st, 0));
    return true;
}

static void on_topic_get(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct failure f = { .status = 0 };
    struct str json = STR_EMPTY;

    store_begin(ps->store);
    (void)pubsub_topic_find(ps, r->ctx->arena, pubsub_resource(r, "topics"), &json, &f);
    pubsub_finish(ps, r, &f, json);
}

static void on_topic_delete(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct str name = pubsub_resource(r, "topics");
    struct failure f = { .status = 0 };
    struct store_stmt *st;

    store_begin(ps->store);
    st = store_sql(ps->store, "DELETE FROM pubsub_topics WHERE name = ?1");
    store_bind_str(st, 1, name);
    store_run(st);
    if (store_changes(ps->store) == 0)
        (void)pubsub_not_found(&f, name);
    st = store_sql(ps->store,
                   "UPDATE pubsub_subscriptions SET topic = '_deleted-topic_',"
                   " json = json_set(json, '$.topic', '_deleted-topic_') WHERE topic = ?1");
    store_bind_str(st, 1, name);
    store_run(st);
    pubsub_finish(ps, r, &f, STR("{}"));
}

/* Everything that the statement gives, as members of one array. */
void pubsub_list(struct pubsub *ps, struct http_req *r, const char *kind, struct store_stmt *st)
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
    pubsub_finish(ps, r, &f, jw_finish(&w, r->ctx->arena));
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
    pubsub_list(ps, r, "topics", st);
}

static void on_topic_subscriptions(void *app, struct http_req *r)
{
    struct pubsub *ps = pubsub_of(app);
    struct failure f = { .status = 0 };
    struct str topic = pubsub_resource(r, "topics"), unused;
    struct store_stmt *st;
    struct jw w;
    bool any = false;

    jw_init(&w);
    jw_obj(&w, NULL);
    store_begin(ps->store);
    if (pubsub_topic_find(ps, r->ctx->arena, topic, &unused, &f)) {
        st = store_sql(ps->store,
                       "SELECT name FROM pubsub_subscriptions WHERE topic = ?1 ORDER BY name");
        store_bind_str(st, 1, topic);
        while (store_step(st)) {
            if (!any)
                jw_arr(&w, "subscriptions");
            any = true;
            jw_str(&w, NULL, store_col_str(st, 0));
        }
    }
    if (any)
        jw_end(&w);
    jw_end(&w);
    pubsub_finish(ps, r, &f, jw_finish(&w, r->ctx->arena));
}

/* ---- publish ---- */

static bool within_limits(const struct jval *attributes, struct str ordering_key, struct failure *f)
{
    struct json_iter it = json_iter(attributes);
    const struct jval *value;
    struct str key;

    if (json_len(attributes) > ATTRIBUTES_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "%zu attributes: at most %d.",
                           json_len(attributes), ATTRIBUTES_MAX);
    while (json_next(&it, &key, &value)) {
        if (key.n == 0 || key.n > ATTRIBUTE_KEY_MAX || json_str(value).n > ATTRIBUTE_VALUE_MAX)
            return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                               "An attribute's key has 1 to %d bytes, its value at most %d.",
                               ATTRIBUTE_KEY_MAX, ATTRIBUTE_VALUE_MAX);
    }
    return ordering_key.n <= ORDERING_KEY_MAX ||
           failure_set(f, GOOGLE_INVALID_ARGUMENT, "An ordering key has at most %d bytes.",
                       ORDERING_KEY_MAX);
}

static bool read_message(struct arena *a, const struct jval *v, struct pubsub_item *ret,
                         struct failure *f)
{
    const struct jval *attributes = json_get(v, "attributes");

    ret->ordering_key = json_str(json_get(v, "orderingKey"));
    if (!within_limits(attributes, ret->ordering_key, f))
        return false;
    if (base64_bytes(a, json_str(json_get(v, "data")), &ret->data))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "data is not base64");
    ret->attributes = json_len(attributes) ? json_val_text(a, attributes) : STR_EMPTY;
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
        if (!str_eq(m.ordering_key, json_str(json_get(json_at(messages, 0), "orderingKey")))) {
            (void)failure_set(f, GOOGLE_INVALID_ARGUMENT,
                              "In a single publish request, all messages must have no ordering key "
                              "or they must all have the same ordering key.");
            break;
        }
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
    struct str topic = pubsub_resource(r, "topics"), json = STR_EMPTY;
    struct failure f = { .status = 0 };
    const struct jval *body, *messages;

    if (!pubsub_body(r, &pubsub_publish_shape, &body, &f)) {
        reply_failure(r, &f);
        return;
    }
    messages = json_get(body, "messages");
    store_begin(ps->store);
    if (!json_is_arr(messages) || json_len(messages) == 0 || json_len(messages) > MESSAGES_MAX)
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT, "The value for message_count is too %s.",
                          json_len(messages) ? "large" : "small");
    else if (pubsub_topic_find(ps, r->ctx->arena, topic, &json, &f))
        (void)publish_all(ps, r->ctx->arena, topic, messages, &json, &f);
    pubsub_finish(ps, r, &f, json);
    pubsub_kick(ps);
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
    { HTTP_POST, SUBSCRIPTION ":pull", 64 * KIB, NULL, pubsub_on_pull, false },
    { HTTP_POST, SUBSCRIPTION ":acknowledge", 1 * MIB, NULL, pubsub_on_acknowledge, false },
    { HTTP_POST, SUBSCRIPTION ":modifyAckDeadline", 1 * MIB, NULL, pubsub_on_modify_deadline,
      false },
    { HTTP_POST, SUBSCRIPTION ":modifyPushConfig", 64 * KIB, NULL, pubsub_on_modify_push, false },
    { HTTP_PUT, SUBSCRIPTION, 64 * KIB, NULL, pubsub_on_subscription_create, false },
    { HTTP_PATCH, SUBSCRIPTION, 64 * KIB, NULL, pubsub_on_subscription_patch, false },
    { HTTP_GET, SUBSCRIPTION, 0, NULL, pubsub_on_subscription_get, false },
    { HTTP_DELETE, SUBSCRIPTION, 64 * KIB, NULL, pubsub_on_subscription_delete, false },
    { HTTP_GET, "/v1/projects/{project}/subscriptions", 0, NULL, pubsub_on_subscription_list,
      false },
};

const struct local_module pubsub_module = {
    .name = "pubsub",
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .create = create,
    .destroy = destroy,
};
