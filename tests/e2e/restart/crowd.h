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

/* What a call is doing when its bridge is killed. */
enum pose {
    POSE_NONE,
    POSE_GREETING,
    POSE_LISTENING,
    POSE_SPEAKING,
    POSE_CALLER_SPEAKS,
    POSE_TOOL,
    POSE_PAUSED,
    POSES,
};
extern const char *const pose_names[POSES];

/* What became of the call in that pose, in the session that goes on with it. */
struct pose_seen {
    int sessions;          /* of the next engine */
    int64_t gap_ms;        /* from the kill until it is told what was said */
    int64_t word_ms;       /* and until it is asked to speak; 0: it is not */
    int openings, outputs; /* spoken once more; of the tool, given to it */
    char first[96];        /* the text that it is asked to say first; empty: an answer of its own */
};

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
/* One call more, which is the one in POSE_GREETING; then the first calls take the other poses. */
void crowd_call_more(struct crowd *c);
void crowd_pose(struct crowd *c);
void crowd_killed(struct crowd *c); /* from now on sessions are those that go on */
void crowd_look_pose(struct crowd *c, enum pose p, struct pose_seen *ret);

#endif
