/* Subscriptions: made, changed, pulled from. Source: Pub/Sub REST, projects.subscriptions. */
#include "base/clock.h"
#include "base/crypto.h"
#include "local_cloud/google/pubsub_internal.h"
#include "local_cloud/google/pubsub_request.h"

enum {
    DEADLINE_DEFAULT_S = 10, /* and the least */
    DEADLINE_MAX_S = 600,
    BACKOFF_LIMIT_MS = 600 * 1000,
    ATTEMPTS_MIN = 5, /* and the default */
    ATTEMPTS_MAX = 100,
    RETENTION_MIN_S = 600,
    RETENTION_DEFAULT_S = 7 * 24 * 3600,
    RETENTION_MAX_S = 31 * 24 * 3600,
    ACK_ID_CHARS = 32,
};

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

/* "3.5s" to milliseconds; the request's shape has been checked. */
static int64_t duration_ms(const struct jval *v, int64_t dflt_ms)
{
    struct str text = json_str(v);
    double s;

    if (!str_ends(text, STR("s")) || str_to_double(str_slice(text, 0, text.n - 1), &s) ||
        !(s > -1e9 && s < 1e9))
        return dflt_ms;
    return (int64_t)(s * 1000);
}

static bool retry_valid(const struct pubsub_settings *s, struct failure *f)
{
    if (s->backoff_min_ms < 0 || s->backoff_max_ms > BACKOFF_LIMIT_MS)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "The value for minimum_backoff or maximum_backoff is out of bounds.");
    return s->backoff_min_ms <= s->backoff_max_ms ||
           failure_set(f, GOOGLE_INVALID_ARGUMENT, "The value for maximum_backoff is too small.");
}

static bool settings_valid(const struct pubsub_settings *s, struct failure *f)
{
    struct url url;

    if (s->deadline_s < DEADLINE_DEFAULT_S || s->deadline_s > DEADLINE_MAX_S)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Invalid ack deadline given: (ackDeadline=%lld)",
                           (long long)s->deadline_s);
    if (s->endpoint.n && url_parse(&url, s->endpoint))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Invalid push endpoint given (endpoint=" STR_FMT ").",
                           STR_ARG(str_slice(s->endpoint, 0, 200)));
    if (s->max_attempts && (s->max_attempts < ATTEMPTS_MIN || s->max_attempts > ATTEMPTS_MAX))
        return failure_set(f, GOOGLE_OUT_OF_RANGE,
                           "The value for max_delivery_attempts must be between %d and %d.",
                           ATTEMPTS_MIN, ATTEMPTS_MAX);
    if (s->retention_ms < RETENTION_MIN_S * 1000LL || s->retention_ms > RETENTION_MAX_S * 1000LL)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "message_retention_duration out of bounds");
    return retry_valid(s, f);
}

/* Absent and zero alike: the default. */
static int64_t number_or(const struct jval *v, int64_t dflt)
{
    int64_t n = json_i64_or(v, 0);

    return n ? n : dflt;
}

bool pubsub_settings_read(struct pubsub_settings *ret, const struct jval *sub, struct failure *f)
{
    const struct jval *push = json_get(sub, "pushConfig");
    const struct jval *retry = json_get(sub, "retryPolicy");
    const struct jval *dead = json_get(sub, "deadLetterPolicy");
    struct pubsub_settings s = {
        .topic = json_str(json_get(sub, "topic")),
        .endpoint = json_str(json_get(push, "pushEndpoint")),
        .email = json_str(json_path(push, "oidcToken.serviceAccountEmail")),
        .audience = json_str(json_path(push, "oidcToken.audience")),
        .no_wrapper = json_is_obj(json_get(push, "noWrapper")),
        .write_metadata = json_bool_or(json_path(push, "noWrapper.writeMetadata"), false),
        .ordered = json_bool_or(json_get(sub, "enableMessageOrdering"), false),
        .filtered = json_str(json_get(sub, "filter")).n > 0,
        .deadline_s = number_or(json_get(sub, "ackDeadlineSeconds"), DEADLINE_DEFAULT_S),
        .retention_ms =
            duration_ms(json_get(sub, "messageRetentionDuration"), RETENTION_DEFAULT_S * 1000LL),
        .backoff_min_ms = PUBSUB_BACKOFF_MS,
        .backoff_max_ms = PUBSUB_BACKOFF_MAX_MS,
        .dead_letter_topic = json_str(json_get(dead, "deadLetterTopic")),
    };

    if (s.audience.n == 0)
        s.audience = s.endpoint;
    if (json_is_obj(retry)) {
        s.backoff_min_ms = duration_ms(json_get(retry, "minimumBackoff"), 10000);
        s.backoff_max_ms = duration_ms(json_get(retry, "maximumBackoff"), BACKOFF_LIMIT_MS);
    }
    if (s.dead_letter_topic.n)
        s.max_attempts = number_or(json_get(dead, "maxDeliveryAttempts"), ATTEMPTS_MIN);
    if (!settings_valid(&s, f))
        return false;
    *ret = s;
    return true;
}

static bool is_topic_name(struct str name)
{
    struct str head, project, kind, topic;

    return str_cut(name, '/', &head, &name) && str_cut(name, '/', &project, &name) &&
           str_cut(name, '/', &kind, &topic) && str_eq(head, STR("projects")) && project.n &&
           str_eq(kind, STR("topics")) && pubsub_name_valid(topic);
}

static bool subscription_valid(struct pubsub *ps, struct arena *a, const struct jval *body,
                               struct failure *f)
{
    struct pubsub_settings s;
    struct str unused;

    if (!pubsub_settings_read(&s, body, f))
        return false;
    if (!is_topic_name(s.topic))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Invalid [topics] name: (name=" STR_FMT ")",
                           STR_ARG(str_slice(s.topic, 0, 200)));
    if (s.filtered)
        return failure_set(f, GOOGLE_UNIMPLEMENTED, "Filters are not supported here.");
    return pubsub_topic_find(ps, a, s.topic, &unused, f);
}

static void subscription_save(struct pubsub *ps, struct arena *a, struct str name, struct str json)
{
    struct failure unused = { .status = 0 };
    const struct jval *sub = NULL;
    struct pubsub_settings s;
    struct store_stmt *st;

    if (json_parse_arena(&sub, a, json, NULL) || !pubsub_settings_read(&s, sub, &unused))
        return; /* our own text, checked before */
    st = store_sql(ps->store, "INSERT INTO pubsub_subscriptions (name, topic, push, ordered, json)"
                              " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET"
                              " push = excluded.push, json = excluded.json");
    store_bind_str(st, 1, name);
    store_bind_str(st, 2, s.topic);
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
        return pubsub_not_found(f, name);
    *json = arena_str(a, store_col_str(st, 0));
    return true;
}

void pubsub_on_subscription_create(void *app, struct http_req *r)
{
    struct pubsub *ps = ((struct local_cloud *)app)->pubsub;
    struct str name = pubsub_resource(r, "subscriptions"), json = STR_EMPTY, unused;
    struct failure f = { .status = 0 }, absent = { .status = 0 };
    const struct jval *body;

    if (!pubsub_name_valid(http_req_param(r, "name")))
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT,
                          "Invalid [subscriptions] name: (name=" STR_FMT ")", STR_ARG(name));
    store_begin(ps->store);
    if (!f.status && pubsub_body(r, &pubsub_subscription_shape, &body, &f) &&
        subscription_valid(ps, r->ctx->arena, body, &f)) {
        if (subscription_find(ps, r->ctx->arena, name, &unused, &absent)) {
            (void)failure_set(&f, GOOGLE_ALREADY_EXISTS, "Subscription already exists");
        } else {
            json = subscription_json(r->ctx->arena, name, body);
            subscription_save(ps, r->ctx->arena, name, json);
        }
    }
    pubsub_finish(ps, r, &f, json);
}

void pubsub_on_subscription_get(void *app, struct http_req *r)
{
    struct pubsub *ps = ((struct local_cloud *)app)->pubsub;
    struct failure f = { .status = 0 };
    struct str json = STR_EMPTY;

    store_begin(ps->store);
    (void)subscription_find(ps, r->ctx->arena, pubsub_resource(r, "subscriptions"), &json, &f);
    pubsub_finish(ps, r, &f, json);
}

void pubsub_on_subscription_delete(void *app, struct http_req *r)
{
    static const char *const steps[] = {
        "DELETE FROM pubsub_deliveries WHERE subscription = ?1",
        "DELETE FROM pubsub_subscriptions WHERE name = ?1",
    };
    struct pubsub *ps = ((struct local_cloud *)app)->pubsub;
    struct str name = pubsub_resource(r, "subscriptions");
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
        (void)pubsub_not_found(&f, name);
    pubsub_finish(ps, r, &f, STR("{}"));
}

void pubsub_on_subscription_list(void *app, struct http_req *r)
{
    struct pubsub *ps = ((struct local_cloud *)app)->pubsub;
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
    pubsub_list(ps, r, "subscriptions", st);
}

/* ack_deadline_seconds and ackDeadlineSeconds alike; of a deeper path its first name. */
static bool names_key(struct str name, struct str key)
{
    size_t i, k;

    name = str_slice(name, 0, str_find_char(name, '.'));
    for (i = 0, k = 0; i < name.n && k < key.n; i++, k++) {
        bool up = name.p[i] == '_' && i + 1 < name.n;
        char c = up ? (char)(name.p[++i] - 'a' + 'A') : name.p[i];

        if (c != key.p[k])
            return false;
    }
    return i == name.n && k == key.n;
}

static bool mask_names(struct str mask, struct str key)
{
    struct str head, rest = mask;

    while (rest.n) {
        (void)str_cut(rest, ',', &head, &rest); /* the last has no comma */
        if (names_key(str_trim(head), key))
            return true;
    }
    return false;
}

static bool mask_valid(struct str mask, struct failure *f)
{
    static const char *const changeable[] = {
        "pushConfig",
        "ackDeadlineSeconds",
        "retainAckedMessages",
        "messageRetentionDuration",
        "labels",
        "tags",
        "expirationPolicy",
        "deadLetterPolicy",
        "retryPolicy",
        "enableExactlyOnceDelivery",
    };
    struct str head, rest = mask;
    bool known;
    size_t i;

    if (mask.n == 0)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "The update_mask in the request is empty.");
    while (rest.n) {
        (void)str_cut(rest, ',', &head, &rest); /* the last has no comma */
        known = false;
        for (i = 0; i < ARRAY_LEN(changeable); i++)
            known = known || names_key(str_trim(head), str_c(changeable[i]));
        if (!known)
            return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                               "Invalid update_mask: " STR_FMT " is unknown, or not mutable.",
                               STR_ARG(str_slice(head, 0, 100)));
    }
    return true;
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
    struct str name = pubsub_resource(r, "subscriptions"), json = STR_EMPTY;
    struct failure f = { .status = 0 };
    const struct jval *old, *merged;
    struct arena *a = r->ctx->arena;
    struct pubsub_settings unused;

    store_begin(ps->store);
    if (subscription_find(ps, a, name, &json, &f) && !json_parse_arena(&old, a, json, NULL) &&
        !json_parse_arena(&merged, a, subscription_patch(a, old, new_values, mask), NULL) &&
        pubsub_settings_read(&unused, merged, &f)) { /* its topic may have gone */
        json = subscription_json(a, name, merged);
        subscription_save(ps, a, name, json);
    }
    pubsub_finish(ps, r, &f, answer.n ? answer : json);
    pubsub_kick(ps);
}

void pubsub_on_subscription_patch(void *app, struct http_req *r)
{
    struct form query = request_query(r);
    struct failure f = { .status = 0 };
    const struct jval *body;
    struct str mask;

    if (!pubsub_body(r, &pubsub_patch_shape, &body, &f)) {
        reply_failure(r, &f);
        return;
    }
    mask = json_str_or(json_get(body, "updateMask"), form_get(&query, "updateMask"));
    if (!mask_valid(mask, &f)) {
        reply_failure(r, &f);
        return;
    }
    change(((struct local_cloud *)app)->pubsub, r, json_get(body, "subscription"), mask, STR_EMPTY);
}

void pubsub_on_modify_push(void *app, struct http_req *r)
{
    struct failure f = { .status = 0 };
    const struct jval *body;

    if (pubsub_body(r, &pubsub_modify_push_shape, &body, &f))
        change(((struct local_cloud *)app)->pubsub, r, body, STR("pushConfig"), STR("{}"));
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

void pubsub_on_pull(void *app, struct http_req *r)
{
    struct pubsub *ps = ((struct local_cloud *)app)->pubsub;
    struct str name = pubsub_resource(r, "subscriptions"), json = STR_EMPTY;
    struct failure f = { .status = 0 };
    const struct jval *body, *sub;
    struct arena *a = r->ctx->arena;
    struct pubsub_settings s;
    int64_t max;

    if (!pubsub_body(r, &pubsub_pull_shape, &body, &f)) {
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
        if (!pubsub_settings_read(&s, sub, &f))
            json = STR_EMPTY; /* checked when it was saved */
        else if (s.endpoint.n)
            (void)failure_set(&f, GOOGLE_FAILED_PRECONDITION,
                              "This method is not supported for this subscription type.");
        else
            json = pull(ps, a, name, &s, MIN(max, (int64_t)PUBSUB_PULL_MAX));
    }
    pubsub_finish(ps, r, &f, json);
}

/* What pull() gave out once; it may be long over. */
static bool is_ack_id(struct str id)
{
    size_t i;

    for (i = 0; i < id.n; i++) {
        if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'v')))
            return false;
    }
    return id.n == ACK_ID_CHARS;
}

static bool ack_request_valid(const struct jval *body, struct failure *f)
{
    const struct jval *ids = json_get(body, "ackIds");
    int64_t deadline_s = json_i64_or(json_get(body, "ackDeadlineSeconds"), 0);
    size_t i;

    if (json_len(ids) == 0)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "No ack ids specified");
    if (deadline_s < 0 || deadline_s > DEADLINE_MAX_S)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "ack_deadline_secs out of bounds");
    for (i = 0; i < json_len(ids); i++) {
        if (!is_ack_id(json_str(json_at(ids, i))))
            return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                               "You have passed an invalid ack ID to the service (ack_id=" STR_FMT
                               ").",
                               STR_ARG(str_slice(json_str(json_at(ids, i)), 0, 100)));
    }
    return true;
}

/* One delivery: done, or due again later. An id that is over is no error, as with Google. */
static void settle_one(struct pubsub *ps, struct str name, struct str ack_id, bool acknowledge,
                       int64_t until_us)
{
    struct store_stmt *st;
    int64_t message_id = 0;

    st = store_sql(ps->store, "SELECT message_id FROM pubsub_deliveries"
                              " WHERE ack_id = ?1 AND subscription = ?2");
    store_bind_str(st, 1, ack_id);
    store_bind_str(st, 2, name);
    if (store_step(st))
        message_id = store_col_i64(st, 0);
    store_run(st);
    if (message_id == 0)
        return;
    if (acknowledge) {
        pubsub_delivery_done(ps, name, message_id);
        return;
    }
    st = store_sql(ps->store, "UPDATE pubsub_deliveries SET due_us = ?1"
                              " WHERE subscription = ?2 AND message_id = ?3");
    store_bind_i64(st, 1, until_us);
    store_bind_str(st, 2, name);
    store_bind_i64(st, 3, message_id);
    store_run(st);
}

static void settle(void *app, struct http_req *r, const struct shape *shape, bool acknowledge)
{
    struct pubsub *ps = ((struct local_cloud *)app)->pubsub;
    struct str name = pubsub_resource(r, "subscriptions"), json = STR_EMPTY, unused;
    struct failure f = { .status = 0 };
    const struct jval *body, *id;
    struct json_iter it;
    int64_t until_us;

    if (!pubsub_body(r, shape, &body, &f)) {
        reply_failure(r, &f);
        return;
    }
    until_us =
        clock_wall_us(ps->clock) + json_i64_or(json_get(body, "ackDeadlineSeconds"), 0) * 1000000;
    it = json_iter(json_get(body, "ackIds"));
    store_begin(ps->store);
    if (subscription_find(ps, r->ctx->arena, name, &json, &f) && ack_request_valid(body, &f)) {
        while (json_next(&it, &unused, &id))
            settle_one(ps, name, json_str(id), acknowledge, until_us);
    }
    pubsub_finish(ps, r, &f, STR("{}"));
}

void pubsub_on_acknowledge(void *app, struct http_req *r)
{
    settle(app, r, &pubsub_acknowledge_shape, true);
}

void pubsub_on_modify_deadline(void *app, struct http_req *r)
{
    settle(app, r, &pubsub_modify_deadline_shape, false);
}
