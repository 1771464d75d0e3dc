/* local_cloud/google/pubsub_request.h: what requests to Pub/Sub hold.
 * Source: https://pubsub.googleapis.com/$discovery/rest?version=v1, schemas. */
#ifndef LOCAL_CLOUD_GOOGLE_PUBSUB_REQUEST_H
#define LOCAL_CLOUD_GOOGLE_PUBSUB_REQUEST_H

#include "local_cloud/google/shape.h"

extern const struct shape pubsub_topic_shape, pubsub_publish_shape, pubsub_subscription_shape,
    pubsub_patch_shape, pubsub_modify_push_shape, pubsub_pull_shape, pubsub_acknowledge_shape,
    pubsub_modify_deadline_shape;

#endif
