/* local_cloud/engine/receptionist.h: a small rule-based receptionist in the model's place. It knows
 * what a model would know: the instructions, the tools offered, the conversation so far; the
 * caller's words are what the recogniser made of the audio. What it says and which tools it calls
 * comes from explicit states, so that the same call goes the same way. English. Not thread-safe;
 * never blocks. */
#ifndef LOCAL_CLOUD_ENGINE_RECEPTIONIST_H
#define LOCAL_CLOUD_ENGINE_RECEPTIONIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "local_cloud/speech/recognize.h"

struct receptionist;

enum { RECEPTION_CALLS_MAX = 2 };

struct receptionist *receptionist_create(const struct clock *clock) MUST_USE;
struct receptionist *receptionist_destroy(struct receptionist *r);

/* session.update: what the business is, what may be called. Copies. */
void receptionist_brief(struct receptionist *r, struct str instructions, const struct jval *tools);

/* What it listens for now, and the business's own words (recognizer_hear()). */
enum hearing receptionist_hearing(const struct receptionist *r);
struct str receptionist_topics(const struct receptionist *r);

/* What was said and done since the last reply, in order; also what a client tells of an earlier
 * talk. */
void receptionist_caller_said(struct receptionist *r, struct str text, double confidence);
/* elsewhere: by an earlier session of the talk. */
void receptionist_agent_said(struct receptionist *r, struct str text, bool elsewhere);
void receptionist_tool_called(struct receptionist *r, struct str call_id, struct str name,
                              struct str arguments);
void receptionist_tool_answered(struct receptionist *r, struct str call_id, struct str output);

struct reception_call {
    struct str name, arguments;
};
struct reception_reply {
    struct str text; /* to be spoken first; may be empty */
    struct reception_call calls[RECEPTION_CALLS_MAX];
    size_t n_calls;
};
/* What to do next. Texts live in the arena. may_call: the response may use tools. */
void receptionist_reply(struct receptionist *r, bool may_call, struct arena *a,
                        struct reception_reply *ret);

/* A reply that nobody heard did not happen: back to where the mark was set. */
void receptionist_mark(struct receptionist *r);
void receptionist_undo(struct receptionist *r);

/* "Say exactly: …" in a response's instructions: the text, or empty when it says something else. */
struct str receptionist_verbatim(struct str instructions);
/* A sentence about the talk so far, for whoever asks out of band. */
struct str receptionist_summary(const struct receptionist *r, struct arena *a);

#endif
