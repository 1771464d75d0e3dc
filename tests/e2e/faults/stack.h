/* e2e/faults/stack.h: one set of real processes: local-cloud (what stands in for Google and Twilio) and our six
 * services, every HTTP request between them through a proxy that counts it for the one who made it. The voice
 * engine is the test's own (talk.h). */
#ifndef E2E_FAULTS_STACK_H
#define E2E_FAULTS_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "faults/proxy.h"
#include "faults/talk.h"
#include "google/google.h"

/* Who makes requests: our services, then Twilio (webhooks, media streams) and Pub/Sub (pushes). */
enum source {
    SOURCE_WEBHOOK,
    SOURCE_BRIDGE,
    SOURCE_GATEWAY,
    SOURCE_POST_CALL,
    SOURCE_WRITER,
    SOURCE_DASHBOARD,
    SOURCE_TWILIO,
    SOURCE_PUBSUB,
    SOURCES,
};
enum { SERVICES = SOURCE_TWILIO, STACK_PORTS = 1 + 3 * SERVICES };
extern const char *const source_names[SOURCES];

struct stack {
    int number, port; /* of local-cloud; the others' follow */
    struct talk *talk;
    struct proxy *front[SERVICES], *out[SERVICES];
    struct tally tallies[SOURCES];
    int pids[SERVICES + 1]; /* the last is local-cloud's */
    bool other[SERVICES];   /* the service runs on its second port */
    int engine_port;
    char clock_offset[32], log_path[512];
};

/* Starts everything and waits until it is ready. `port`: the first of STACK_PORTS free ones; `engine_port`:
 * the voice engine's, 0: the talk's own. */
MUST_USE enum errc stack_create(struct stack **ret, int number, int port, int engine_port,
                                struct loop *loop, const struct log *log, struct err *err);
/* Ends all processes. ERR_INTERNAL: one had died, or did not end as it should (a sanitizer's report, too). */
enum errc stack_destroy(struct stack *s, struct err *err);

/* Ends the service and starts it anew, so that it has no token, key or connection left. */
MUST_USE enum errc stack_restart(struct stack *s, enum source which, struct err *err);
/* As Cloud Run does it: a new instance is started, gets all new requests, and then the old one gets `signal`
 * (SIGTERM: it must end in good order; SIGKILL). */
MUST_USE enum errc stack_roll(struct stack *s, enum source which, int signal, struct err *err);
/* The two halves of it: until the second one the old instance does all the work. */
struct rolling {
    int pid, port; /* of the old one */
};
MUST_USE enum errc stack_roll_begin(struct stack *s, enum source which, struct rolling *ret,
                                    struct err *err);
MUST_USE enum errc stack_roll_end(struct stack *s, enum source which, const struct rolling *old,
                                  int signal, struct err *err);
/* Where the service itself listens, without a proxy. */
int stack_service_port(const struct stack *s, enum source which);
/* All processes run. */
MUST_USE enum errc stack_alive(struct stack *s, struct err *err);

#endif
