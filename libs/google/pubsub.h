/* google/pubsub.h: publishing, and reading what a push subscription delivers.
 * Source: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish, .../docs/push. */
#ifndef GOOGLE_PUBSUB_H
#define GOOGLE_PUBSUB_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "google/google.h"
#include "net/ctx.h"

enum {
    PUBSUB_BATCH_MAX = 1000,
    PUBSUB_DATA_MAX = 7 * 1024 * 1024, /* of one publish, before base64: Google takes 10 MB after */
    PUBSUB_ATTRIBUTES_MAX = 100,
    PUBSUB_ATTEMPTS_MAX = 6,
    PUBSUB_PUSH_BODY_MAX = 11 * 1024 * 1024, /* for the route's body_max; most services want less */
};

struct pubsub_attribute {
    struct str key, value;
};

struct pubsub_message {
    struct str data;
    struct str ordering_key; /* all messages of one publish have the same */
    const struct pubsub_attribute *attributes;
    size_t n_attributes;
};

/* `topic` is a name ("call-events") or a full "projects/P/topics/T". Retries what Google's clients retry,
 * so a message may arrive twice: its id belongs in an attribute. *ret_ids (may be NULL) is an array of n
 * in ctx->arena. ERR_NOT_FOUND: no such topic. ERR_LIMIT: too much for one publish. */
MUST_USE enum errc pubsub_publish(struct google *g, struct ctx *ctx, struct str topic,
                                  const struct pubsub_message *messages, size_t n,
                                  struct str **ret_ids, struct err *err);

/* One pushed message; all in the arena given. */
struct pubsub_push {
    struct str data; /* decoded */
    struct str message_id, ordering_key, subscription;
    int64_t publish_time_us;
    int64_t delivery_attempt; /* 0: the subscription has no dead-letter policy */
    struct pubsub_attribute *attributes;
    size_t n_attributes;
};
/* The wrapped form. ERR_INVALID: no envelope. Answer 204 to acknowledge. */
MUST_USE enum errc pubsub_push_decode(struct pubsub_push *ret, struct arena *a, struct str body,
                                      struct err *err);
struct str pubsub_push_attribute(const struct pubsub_push *p, const char *key); /* empty: absent */

#endif
