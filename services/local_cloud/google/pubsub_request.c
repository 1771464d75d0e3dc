#include "local_cloud/google/pubsub_request.h"

#define SHAPE(id, title, list) \
    const struct shape id = { .name = (title), .members = (list), .n = ARRAY_LEN(list) }

static const struct shape anything = { .name = "settings that are not here" };

static const struct shape_member topic_members[] = {
    { .name = "name", .kind = K_STR },
    { .name = "labels", .kind = K_STR, .map = true },
    { .name = "tags", .kind = K_STR, .map = true },
    { .name = "kmsKeyName", .kind = K_STR },
    { .name = "messageRetentionDuration", .kind = K_DURATION },
    { .name = "state", .kind = K_STR },
    { .name = "messageStoragePolicy", .kind = K_OBJ, .of = &anything },
    { .name = "schemaSettings", .kind = K_OBJ, .of = &anything },
};
SHAPE(pubsub_topic_shape, "Topic", topic_members);

static const struct shape_member message_members[] = {
    { .name = "data", .kind = K_BYTES },       { .name = "attributes", .kind = K_STR, .map = true },
    { .name = "orderingKey", .kind = K_STR },  { .name = "messageId", .kind = K_STR },
    { .name = "publishTime", .kind = K_TIME },
};
static SHAPE(message, "PubsubMessage", message_members);
static const struct shape_member publish_members[] = {
    { .name = "messages", .kind = K_OBJ, .list = true, .of = &message }
};
SHAPE(pubsub_publish_shape, "PublishRequest", publish_members);

static const struct shape_member oidc_members[] = {
    { .name = "serviceAccountEmail", .kind = K_STR },
    { .name = "audience", .kind = K_STR },
};
static SHAPE(oidc, "OidcToken", oidc_members);
static const struct shape_member no_wrapper_members[] = { { .name = "writeMetadata",
                                                            .kind = K_BOOL } };
static SHAPE(no_wrapper, "NoWrapper", no_wrapper_members);
static const struct shape pubsub_wrapper = { .name = "PubsubWrapper" };
static const struct shape_member push_members[] = {
    { .name = "pushEndpoint", .kind = K_STR },
    { .name = "attributes", .kind = K_STR, .map = true },
    { .name = "oidcToken", .kind = K_OBJ, .of = &oidc },
    { .name = "pubsubWrapper", .kind = K_OBJ, .of = &pubsub_wrapper, .oneof = "wrapper" },
    { .name = "noWrapper", .kind = K_OBJ, .of = &no_wrapper, .oneof = "wrapper" },
};
static SHAPE(push, "PushConfig", push_members);
static const struct shape_member retry_members[] = {
    { .name = "minimumBackoff", .kind = K_DURATION },
    { .name = "maximumBackoff", .kind = K_DURATION },
};
static SHAPE(retry, "RetryPolicy", retry_members);
static const struct shape_member dead_letter_members[] = {
    { .name = "deadLetterTopic", .kind = K_STR },
    { .name = "maxDeliveryAttempts", .kind = K_INT },
};
static SHAPE(dead_letter, "DeadLetterPolicy", dead_letter_members);
static const struct shape_member expiration_members[] = { { .name = "ttl", .kind = K_DURATION } };
static SHAPE(expiration, "ExpirationPolicy", expiration_members);
static const struct shape_member subscription_members[] = {
    { .name = "name", .kind = K_STR },
    { .name = "topic", .kind = K_STR },
    { .name = "pushConfig", .kind = K_OBJ, .of = &push },
    { .name = "ackDeadlineSeconds", .kind = K_INT },
    { .name = "retainAckedMessages", .kind = K_BOOL },
    { .name = "messageRetentionDuration", .kind = K_DURATION },
    { .name = "labels", .kind = K_STR, .map = true },
    { .name = "tags", .kind = K_STR, .map = true },
    { .name = "enableMessageOrdering", .kind = K_BOOL },
    { .name = "expirationPolicy", .kind = K_OBJ, .of = &expiration },
    { .name = "filter", .kind = K_STR },
    { .name = "deadLetterPolicy", .kind = K_OBJ, .of = &dead_letter },
    { .name = "retryPolicy", .kind = K_OBJ, .of = &retry },
    { .name = "detached", .kind = K_BOOL },
    { .name = "enableExactlyOnceDelivery", .kind = K_BOOL },
    { .name = "state", .kind = K_STR },
};
SHAPE(pubsub_subscription_shape, "Subscription", subscription_members);

static const struct shape_member patch_members[] = {
    { .name = "subscription", .kind = K_OBJ, .of = &pubsub_subscription_shape },
    { .name = "updateMask", .kind = K_STR },
};
SHAPE(pubsub_patch_shape, "UpdateSubscriptionRequest", patch_members);
static const struct shape_member modify_push_members[] = {
    { .name = "pushConfig", .kind = K_OBJ, .of = &push }
};
SHAPE(pubsub_modify_push_shape, "ModifyPushConfigRequest", modify_push_members);
static const struct shape_member pull_members[] = {
    { .name = "maxMessages", .kind = K_INT },
    { .name = "returnImmediately", .kind = K_BOOL },
};
SHAPE(pubsub_pull_shape, "PullRequest", pull_members);
static const struct shape_member acknowledge_members[] = {
    { .name = "ackIds", .kind = K_STR, .list = true }
};
SHAPE(pubsub_acknowledge_shape, "AcknowledgeRequest", acknowledge_members);
static const struct shape_member modify_deadline_members[] = {
    { .name = "ackIds", .kind = K_STR, .list = true },
    { .name = "ackDeadlineSeconds", .kind = K_INT },
};
SHAPE(pubsub_modify_deadline_shape, "ModifyAckDeadlineRequest", modify_deadline_members);
