/* local_cloud/google/pubsub.h: Pub/Sub: topics, subscriptions, publish, pull, and push with the wrapped
 * envelope and a token, in order for each ordering key, repeated with backoff, given up to the dead-letter
 * topic. Messages wait in the store, so a restart loses none.
 * Source: https://pubsub.googleapis.com/$discovery/rest?version=v1; Pub/Sub > Push subscriptions. */
#ifndef LOCAL_CLOUD_GOOGLE_PUBSUB_H
#define LOCAL_CLOUD_GOOGLE_PUBSUB_H

enum {
    PUBSUB_PUSHERS = 24,   /* threads that push */
    PUBSUB_PUSHES_MAX = 8, /* at once, of one subscription */
    PUBSUB_BODY_MAX = 15 * 1024 * 1024,
    PUBSUB_PULL_MAX = 1000,
    PUBSUB_BACKOFF_MS = 100, /* of a push that failed, doubling, without a retry policy */
    PUBSUB_BACKOFF_MAX_MS = 10000,
};

struct pubsub;

#endif
