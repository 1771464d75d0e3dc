/* local_cloud/google/pubsub_internal.h: what the API and the pushers share: messages in the store. */
#ifndef LOCAL_CLOUD_GOOGLE_PUBSUB_INTERNAL_H
#define LOCAL_CLOUD_GOOGLE_PUBSUB_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "local_cloud/google/pubsub.h"
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
    struct str endpoint, email, audience; /* endpoint empty: pull */
    bool no_wrapper, write_metadata, ordered;
    int64_t deadline_s;
    int64_t backoff_min_ms, backoff_max_ms;
    struct str dead_letter_topic;
    int64_t max_attempts; /* 0: for ever */
};
struct pubsub_settings pubsub_settings_of(const struct jval *subscription);

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

#endif
