#include "google/pubsub.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "google/google_internal.h"
#include "google/rest.h"

enum {
    PUBLISH_TIMEOUT_MS = 10000,
    PUBLISH_BACKOFF_MS = 200, /* doubling: net/ctx.h */
    PUBLISH_BACKOFF_MAX_MS = 10000,
};

static enum errc within_limits(const struct pubsub_message *messages, size_t n, struct err *err)
{
    size_t i, bytes = 0;

    if (n == 0 || n > PUBSUB_BATCH_MAX)
        return err_set(err, ERR_LIMIT, "%zu messages in one publish, at most %d", n,
                       PUBSUB_BATCH_MAX);
    for (i = 0; i < n; i++) {
        bytes += messages[i].data.n;
        if (messages[i].n_attributes > PUBSUB_ATTRIBUTES_MAX)
            return err_set(err, ERR_LIMIT, "%zu attributes, at most %d", messages[i].n_attributes,
                           PUBSUB_ATTRIBUTES_MAX);
        if (messages[i].data.n == 0 && messages[i].n_attributes == 0)
            return err_set(err, ERR_INVALID, "a message with neither data nor attributes");
    }
    if (bytes > PUBSUB_DATA_MAX)
        return err_set(err, ERR_LIMIT, "%zu bytes in one publish, at most %d", bytes,
                       PUBSUB_DATA_MAX);
    return ERR_OK;
}

static void write_message(struct jw *w, struct arena *a, const struct pubsub_message *m)
{
    size_t i;

    jw_obj(w, NULL);
    if (m->data.n)
        jw_str(w, "data", base64_text(a, m->data));
    if (m->ordering_key.n)
        jw_str(w, "orderingKey", m->ordering_key);
    if (m->n_attributes) {
        jw_obj(w, "attributes");
        for (i = 0; i < m->n_attributes; i++)
            jw_key_str(w, m->attributes[i].key, m->attributes[i].value);
        jw_end(w);
    }
    jw_end(w);
}

static struct str publish_body(struct arena *a, const struct pubsub_message *messages, size_t n)
{
    struct jw w;
    size_t i;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "messages");
    for (i = 0; i < n; i++)
        write_message(&w, a, &messages[i]);
    jw_end(&w);
    jw_end(&w);
    return jw_finish(&w, a);
}

static struct str topic_path(struct google *g, struct arena *a, struct str topic)
{
    if (str_starts(topic, STR("projects/")))
        return arena_printf(a, "/v1/" STR_FMT ":publish", STR_ARG(topic));
    return arena_printf(a, "/v1/projects/" STR_FMT "/topics/" STR_FMT ":publish",
                        STR_ARG(google_project(g)), STR_ARG(topic));
}

/* What Google's clients retry. An answer that was lost may have been a success: hence "at least once". */
static bool worth_retrying(enum errc rc)
{
    return rc == ERR_AGAIN || rc == ERR_TIMEOUT || rc == ERR_UPSTREAM;
}

static enum errc read_ids(struct ctx *ctx, const struct http_response *r, size_t n,
                          struct str **ret, struct err *err)
{
    const struct jval *root, *ids;
    struct str *list;
    enum errc rc;
    size_t i;

    rc = google_json(ctx, r, &root, err);
    if (rc)
        return rc;
    ids = json_get(root, "messageIds");
    if (json_len(ids) != n)
        return err_set(err, ERR_UPSTREAM, "%zu message ids for %zu messages", json_len(ids), n);
    if (!ret)
        return ERR_OK;
    list = ARENA_ARRAY(ctx->arena, struct str, n);
    for (i = 0; i < n; i++)
        list[i] = json_str(json_at(ids, i));
    *ret = list;
    return ERR_OK;
}

enum errc pubsub_publish(struct google *g, struct ctx *ctx, struct str topic,
                         const struct pubsub_message *messages, size_t n, struct str **ret_ids,
                         struct err *err)
{
    struct google_call call = {
        .api = GOOGLE_PUBSUB,
        .method = "POST",
        .attempts = 1,
    };
    struct http_response r = { .status = 0 };
    enum errc rc;
    int attempt;

    rc = within_limits(messages, n, err);
    if (rc)
        return rc;
    call.path = topic_path(g, ctx->arena, topic);
    call.body = publish_body(ctx->arena, messages, n);
    for (attempt = 1;; attempt++) {
        call.timeout_ms = google_attempt_ms(ctx, PUBLISH_TIMEOUT_MS);
        rc = google_call(g, ctx, &call, &r, err);
        if (!rc)
            rc = read_ids(ctx, &r, n, ret_ids, err);
        if (!rc || !worth_retrying(rc) || attempt == PUBSUB_ATTEMPTS_MAX)
            break;
        if (ctx_backoff(ctx, attempt - 1, PUBLISH_BACKOFF_MS, PUBLISH_BACKOFF_MAX_MS))
            break;
    }
    return rc ? err_wrap(err, rc, "publish to " STR_FMT, STR_ARG(topic)) : ERR_OK;
}

static void read_attributes(struct pubsub_push *p, struct arena *a, const struct jval *obj)
{
    struct json_iter it = json_iter(obj);
    const struct jval *value;
    struct str key;

    p->attributes = ARENA_ARRAY(a, struct pubsub_attribute, json_len(obj));
    while (json_next(&it, &key, &value))
        p->attributes[p->n_attributes++] = (struct pubsub_attribute){ key, json_str(value) };
}

enum errc pubsub_push_decode(struct pubsub_push *ret, struct arena *a, struct str body,
                             struct err *err)
{
    struct pubsub_push push = { .publish_time_us = 0 };
    const struct jval *root, *message;
    enum errc rc;

    rc = json_parse_arena(&root, a, body, err);
    if (rc)
        return err_wrap(err, rc, "push envelope");
    message = json_get(root, "message");
    if (!json_is_obj(message))
        return err_set(err, ERR_INVALID, "push envelope without message");
    rc = json_need_str(message, "messageId", &push.message_id, err);
    if (!rc && base64_bytes(a, json_str(json_get(message, "data")), &push.data))
        rc = err_set(err, ERR_INVALID, "data is not base64");
    if (rc)
        return err_wrap(err, rc, "push envelope");
    push.ordering_key = json_str(json_get(message, "orderingKey"));
    push.subscription = json_str(json_get(root, "subscription"));
    push.delivery_attempt = json_i64_or(json_get(root, "deliveryAttempt"), 0);
    if (time_parse_rfc3339(json_str(json_get(message, "publishTime")), &push.publish_time_us))
        push.publish_time_us = 0; /* informative only */
    read_attributes(&push, a, json_get(message, "attributes"));
    *ret = push;
    return ERR_OK;
}

struct str pubsub_push_attribute(const struct pubsub_push *p, const char *key)
{
    size_t i;

    for (i = 0; i < p->n_attributes; i++) {
        if (str_eq_c(p->attributes[i].key, key))
            return p->attributes[i].value;
    }
    return STR_EMPTY;
}
