/* local_cloud/google/pubsub_internal.h: what the API and the pushers share: messages in the store. */
#ifndef LOCAL_CLOUD_GOOGLE_PUBSUB_INTERNAL_H
#define LOCAL_CLOUD_GOOGLE_PUBSUB_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "local_cloud/google/pubsub.h"
#include "local_cloud/google/shape.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/store.h"

struct pubsub {
    struct local_cloud *lc;
    struct store *store;
    const struct clock *clock;
    pthread_mutex_t lock; /* the fields below */
    pthread_cond_t wake;
    uint64_t kicks; /* something may have become due */
    bool stopping;
    int64_t watched_us; /* monotonic: the time for which an idle pusher waits; 0: none does */
    pthread_t threads[PUBSUB_PUSHERS];
    size_t n_threads;
};

/* A subscription's settings that delivery needs. */
struct pubsub_settings {
    struct str topic;
    struct str endpoint, email, audience; /* endpoint empty: pull */
    bool no_wrapper, write_metadata, ordered, filtered;
    int64_t deadline_s, retention_ms;
    int64_t backoff_min_ms, backoff_max_ms;
    struct str dead_letter_topic;
    int64_t max_attempts; /* 0: for ever */
};
/* The one reader of a Subscription, be it new or stored. False: a value is out of its bounds. */
bool pubsub_settings_read(struct pubsub_settings *ret, const struct jval *subscription,
                          struct failure *f);

struct pubsub_item {
    struct str data, attributes /* JSON object, or empty */, ordering_key;
};
/* In a transaction: to every subscription of the topic. Returns the message's id. */
int64_t pubsub_enqueue(struct pubsub *ps, struct str topic, const struct pubsub_item *m);
/* In a transaction. */
void pubsub_delivery_done(struct pubsub *ps, struct str subscription, int64_t message_id);
void pubsub_kick(struct pubsub *ps);

MUST_USE enum errc pubsub_pushers_start(struct pubsub *ps, struct err *err);
void pubsub_pushers_stop(struct pubsub *ps);

/* ---- requests ---- */

struct str pubsub_resource(struct http_req *r, const char *kind); /* projects/P/topics/T */
bool pubsub_name_valid(struct str name);                          /* its last segment */
bool pubsub_body(struct http_req *r, const struct shape *shape, const struct jval **ret,
                 struct failure *f);
bool pubsub_not_found(struct failure *f, struct str name);
/* In a transaction. */
bool pubsub_topic_find(struct pubsub *ps, struct arena *a, struct str name, struct str *json,
                       struct failure *f);
/* Ends the transaction either way, and answers. */
void pubsub_finish(struct pubsub *ps, struct http_req *r, struct failure *f, struct str json);
/* The same with everything that the statement gives, as members of one array. */
void pubsub_list(struct pubsub *ps, struct http_req *r, const char *kind, struct store_stmt *st);

void pubsub_on_subscription_create(void *app, struct http_req *r);
void pubsub_on_subscription_get(void *app, struct http_req *r);
void pubsub_on_subscription_delete(void *app, struct http_req *r);
void pubsub_on_subscription_list(void *app, struct http_req *r);
void pubsub_on_subscription_patch(void *app, struct http_req *r);
void pubsub_on_modify_push(void *app, struct http_req *r);
void pubsub_on_pull(void *app, struct http_req *r);
void pubsub_on_acknowledge(void *app, struct http_req *r);
void pubsub_on_modify_deadline(void *app, struct http_req *r);

#endif
