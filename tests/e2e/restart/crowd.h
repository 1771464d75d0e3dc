/* e2e/restart/crowd.h: many calls at once: a telephone for each at local-cloud, and a voice engine for all of
 * them. The engine's caller says something from time to time, the engine answers; so that at any moment calls
 * are in every state. */
#ifndef E2E_RESTART_CROWD_H
#define E2E_RESTART_CROWD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "net/loop.h"

struct crowd;

/* What has been seen so far. */
struct crowd_seen {
    int placed, ended; /* calls */
    int sessions;      /* of the engine, open and in use */
    int disclosures;   /* spoken, or told to have been heard */
    int answers;       /* to something that the caller said */
    int restored;      /* sessions that were told what had been said */
};

MUST_USE enum errc crowd_create(struct crowd **ret, struct loop *loop, const struct log *log,
                                struct err *err);
struct crowd *crowd_destroy(struct crowd *c);
int crowd_engine_port(const struct crowd *c);
/* `n` calls at local-cloud on `port`. */
void crowd_call(struct crowd *c, int port, int n);
void crowd_hang_up(struct crowd *c);
void crowd_look(struct crowd *c, struct crowd_seen *ret);

#endif
