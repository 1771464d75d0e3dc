/* local_cloud/control/caller.h: a caller who follows a scenario's lines: listens to the agent's voice, knows
 * what was said (as a person understands it), waits for its end or cuts in, and speaks the line that fits. */
#ifndef LOCAL_CLOUD_CONTROL_CALLER_H
#define LOCAL_CLOUD_CONTROL_CALLER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "local_cloud/control/scenario.h"
#include "local_cloud/twilio/telephony.h"
#include "net/ctx.h"

struct script_caller;

struct script_caller_events {                                       /* loop thread */
    void (*on_says)(void *arg, struct str text, bool interrupting); /* begins to say it */
    void (*on_ended)(void *arg, const char *reason);                /* last */
};

/* Speech of every line, made beforehand on a worker: mu-law, in the arena. Order as in the scenario. */
struct engine;
MUST_USE enum errc script_caller_voice(struct engine *engine, struct arena *a,
                                       const struct scenario *s, const struct str **ret_speech,
                                       struct err *err);

/* Borrows all of it for its life. */
struct script_caller *script_caller_create(const struct scenario *s, const struct str *speech,
                                           const struct script_caller_events *ev,
                                           void *arg) MUST_USE;
struct script_caller *script_caller_destroy(struct script_caller *c);

extern const struct caller_ops script_caller_ops; /* its argument is the script_caller */
void script_caller_set_call(struct script_caller *c, struct phone_call *call);
/* The agent's words, when they have been spoken. */
void script_caller_agent_said(struct script_caller *c, struct str text);

#endif
