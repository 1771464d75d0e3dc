/* media_bridge/journal.h: what happened in one call, as events while it goes on and as one summary at its
 * end: the transcript in the order of speaking, with what was heard of it; tools; latencies; usage and
 * cost. Times are milliseconds since Twilio's `start`. Event types and data: docs/contracts.md. */
#ifndef MEDIA_BRIDGE_JOURNAL_H
#define MEDIA_BRIDGE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "concierge/cost.h"
#include "concierge/end_reason.h"
#include "concierge/tool_wire.h"
#include "media_bridge/outbox.h"
#include "voice/engine.h"

enum {
    JOURNAL_TURNS_MAX = 2000,      /* further ones are not written down */
    JOURNAL_TURN_TEXT_MAX = 8000,  /* bytes of one turn; longer ones are cut */
    JOURNAL_TEXT_MAX = 400 * 1024, /* of all turns in call.ended */
    JOURNAL_TOOLS_MAX = 500,
    JOURNAL_LATENCIES_MAX = 1000,   /* of each kind */
    JOURNAL_RECALL_MAX = 24 * 1024, /* bytes of the latest turns that are recalled */
    JOURNAL_RECALL_TOOLS = 24,      /* the latest tools are recalled */
    JOURNAL_UNSAID_MAX = 1800,      /* bytes; a longer rest is not said word for word */
    JOURNAL_RECALL_TOOL_MAX = 4096, /* bytes of arguments, and of an output; longer ones are cut */
};

struct journal;

struct journal_opts {
    const struct clock *clock;
    struct outbox_stream *out; /* borrowed */
    const struct prices *prices;
    struct str call_sid;
    int attempt;
    struct str model, transcription_model;
};

struct journal_started {
    struct str stream_sid, voice, prompt_hash;
    int64_t engine_connect_ms; /* -1: never */
};

struct journal_tool {
    struct str call_id, name, arguments, output;
    enum tool_status status;
    int64_t latency_ms, at_ms;
    bool replayed;
};

struct journal_counters {
    int64_t media_in, audio_in_ms, silence_filled_ms, audio_late_ms, audio_dropped_ms;
    int64_t audio_out_ms, late_audio_ms, underruns;
    int64_t responses, responses_failed, responses_unmetered, interruptions, engine_connects,
        bad_messages;
};

struct journal_end {
    enum end_reason reason;
    struct str outcome, summary;
    int64_t started_us; /* wall clock */
    struct journal_counters counters;
};

enum journal_latency { LATENCY_FIRST_WORD, LATENCY_RESPONSE, LATENCY_BARGE_IN_STOP, LATENCIES };

struct journal *journal_create(const struct journal_opts *o) MUST_USE;
struct journal *journal_destroy(struct journal *j);

void journal_started(struct journal *j, const struct journal_started *s);

/* The agent's words come before, while and after they are heard; the turn is told once it is known what was
 * heard of it. A part that was never heard is no turn. */
void journal_agent_text(struct journal *j, struct str item_id, struct str text, bool final);
void journal_agent_started(struct journal *j, struct str item_id, int64_t at_ms);
void journal_agent_heard(struct journal *j, struct str item_id, int64_t heard_ms, int64_t queued_ms,
                         bool whole, int64_t at_ms);
/* The words of a turn, as far as they are known, and were heard; empty: none. */
struct str journal_said(struct journal *j, struct str item_id);
/* The caller's turn takes its place when the speech begins; its words come later. */
/* Its index; -1: it is not written down. */
int journal_caller_started(struct journal *j, struct str item_id, int64_t at_ms);
void journal_caller_stopped(struct journal *j, struct str item_id, int64_t at_ms);
void journal_caller_text(struct journal *j, struct str item_id, struct str text, bool final);
/* Turns of the caller whose words have not come yet. */
bool journal_waits(const struct journal *j);

/* Asked for; its place in the conversation is here. */
void journal_tool_asked(struct journal *j, const struct voice_tool_call *call);
void journal_tool(struct journal *j, const struct journal_tool *t);
void journal_latency(struct journal *j, enum journal_latency kind, int64_t ms);
void journal_usage(struct journal *j, struct str response_id, const struct voice_usage *u);
void journal_transcription_usage(struct journal *j, const struct voice_usage *u);
void journal_handoff(struct journal *j, const char *kind, struct str reason, struct str number);
/* The conversation as far as it goes, oldest first, for an engine that does not know it. `output` NULL: the
 * tool has not answered yet. */
struct journal_recall {
    void (*turn)(void *arg, enum voice_role role, struct str text);
    void (*tool)(void *arg, const struct voice_tool_call *call, const struct str *output);
};
void journal_recall(struct journal *j, const struct journal_recall *to, void *arg);
/* Where in the audio of a part that is being heard the sentence ends, by its text; when it is cut near there, it
 * counts as cut between two sentences. */
int64_t journal_sentence_end(struct journal *j, struct str item_id, int64_t heard_ms,
                             int64_t queued_ms);
/* What the agent's turns lose from now on will be said by another bridge. `partly`: the engine has not told all of
 * it; then it is empty. */
void journal_keep_unsaid(struct journal *j);
struct str journal_unsaid(const struct journal *j, bool *partly);
/* The engine that would have told the missing words is gone: those that are here are all, unless the next one
 * hears the caller's turn `again`. False: the caller said something that is not known in full. */
bool journal_engine_lost(struct journal *j, bool again);

/* call.ended, with everything; once. */
void journal_ended(struct journal *j, const struct journal_end *e);

#endif
