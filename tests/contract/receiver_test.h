/* receiver_test.h: an endpoint of pushes that answers as a test says: by plain sockets, so that it can also
 * say nothing. One connection, one thread; kept alive. */
#ifndef CONTRACT_RECEIVER_TEST_H
#define CONTRACT_RECEIVER_TEST_H

#include "google/pubsub.h"
#include "sides_test.h"

enum {
    ANSWER_NONE = -1, /* closes the connection */
    ANSWER_HELD = -2, /* nothing until the receiver goes */
};

struct push_seen {
    struct str head; /* request line and headers */
    struct str body;
    struct str data, message_id; /* of the envelope */
    int64_t at_ms;
};

struct receiver;
/* The answer to the n-th push (from 1) of a message with this data: a status, or one of the above. */
typedef int (*answer_fn)(struct str data, int n);

/* Fails the check when it cannot; lives as long as `s`, which ends it. */
struct receiver *receiver_open(struct side *s, answer_fn answer);
struct str receiver_url(struct side *s, const struct receiver *r);
/* Waits until `data` (NULL: whatever) has come n times. */
void receiver_wait(struct side *s, struct receiver *r, const char *data, size_t n);
size_t receiver_count(struct receiver *r, const char *data);
/* The i-th push of that data (NULL: of any), from 0, which must have come. */
struct push_seen receiver_seen(struct side *s, struct receiver *r, const char *data, size_t i);

#endif
