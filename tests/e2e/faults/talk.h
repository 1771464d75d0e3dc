/* e2e/faults/talk.h: one scripted call at a time: the voice engine that the bridge talks to (OpenAI's Realtime
 * protocol, and its transcription endpoint), the model's decisions in it, and the caller's telephone at
 * local-cloud. Speech is short noise, so that a call takes a few seconds; the conversation survives the
 * engine's session, as it does in life, where the bridge gives the new one a journal.
 *
 * What was said, what tools answered and what happened is kept, for the judge. */
#ifndef E2E_FAULTS_TALK_H
#define E2E_FAULTS_TALK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/ws.h"

enum script { SCRIPT_BOOK, SCRIPT_LEAD, SCRIPT_TRANSFER, SCRIPTS };
extern const char *const script_names[SCRIPTS];

enum talk_step {
    STEP_WISH, /* the caller's */
    STEP_FIND,
    STEP_HOLD,
    STEP_READ_BACK,
    STEP_YES, /* the caller's */
    STEP_BOOK,
    STEP_LEAD,
    STEP_TRANSFER,
    STEP_CONNECTING,
    STEP_LOG,
    STEP_GOODBYE,
    STEP_OVER,
};

enum {
    TALK_TURNS_MAX = 64,
    TALK_EVENTS_MAX = 512,
    TALK_KINDS_MAX = 128,
    TALK_TEXT_MAX = 200,
    TALK_FAILURES_MAX = 4, /* of tools, then the model gives up */
};

struct talk_turn {
    bool agent;
    char text[TALK_TEXT_MAX];
};

/* Kept of one call; read it once the call has ended. */
struct talk_seen {
    char call_sid[40];
    bool placed, ended;
    char end_detail[64];
    int64_t audible_ms; /* of what the caller heard */
    struct talk_turn turns[TALK_TURNS_MAX];
    size_t n_turns;
    int responses, transcriptions; /* whose usage was told */
    int sessions;                  /* of the engine */
    bool told_booked, told_lead, told_callback, told_transfer, gave_up, logged;
    char outcome[32];
    struct str events[TALK_EVENTS_MAX]; /* CloudEvents as they were pushed, each once; in `arena` */
    size_t n_events;
    struct str
        kinds[TALK_KINDS_MAX]; /* what happened at the telephone: "kind detail"; in `arena` */
    size_t n_kinds;
    struct arena arena;
};

struct talk;

/* Starts the engine's server on the loop's thread and waits for it. */
MUST_USE enum errc talk_create(struct talk **ret, struct loop *loop, const struct log *log,
                               struct err *err);
int talk_engine_port(const struct talk *t);
struct talk *talk_destroy(struct talk *t);

/* Places a call at local-cloud on `port` and waits until it has ended, at most `limit_ms`; false: it has not.
 * The telephone stays connected, for events, until talk_hang_up(). */
bool talk_call(struct talk *t, int port, enum script script, int number, int limit_ms);
/* What has been seen so far; texts live until the next call. */
void talk_look(struct talk *t, struct talk_seen *ret);
void talk_hang_up(struct talk *t);

#endif
