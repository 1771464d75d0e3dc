/* media_bridge/journal_internal.h: what the two halves of the journal share. journal.c: events and the record;
 * journal_recall.c: what an engine, or a bridge, that takes over must be told. */
#ifndef MEDIA_BRIDGE_JOURNAL_INTERNAL_H
#define MEDIA_BRIDGE_JOURNAL_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "media_bridge/journal.h"

enum { TOOL_NAME_MAX = 64 };

struct turn {
    char item_id[VOICE_ID_MAX];
    enum voice_role role;
    int index; /* -1: not begun */
    int64_t start_ms, end_ms;
    struct buf text;
    bool text_final, heard, interrupted;
    bool told;    /* call.turn is out */
    bool dropped; /* nobody heard it, or nothing was understood */
    size_t cut_n; /* bytes up to the end of the sentence that is to be its last; 0: none is */
    int64_t cut_ms;
};

struct tool_entry {
    char name[TOOL_NAME_MAX];
    enum tool_status status;
    int64_t latency_ms;
};

/* What an engine must be told of a tool. */
struct recalled_tool {
    char call_id[VOICE_ID_MAX];
    int before; /* index of the turn that comes after it */
    bool answered;
    int64_t at_ms; /* of the answer */
    struct buf name, arguments, output;
};

struct latencies {
    int64_t *ms;
    size_t n, cap;
};

struct journal {
    struct journal_opts o;
    char source[32];
    int64_t seq;
    struct arena arena; /* of one event */
    struct turn *turns;
    size_t n_turns, cap_turns;
    int next_index;
    struct tool_entry *tools;
    size_t n_tools, cap_tools;
    struct recalled_tool *recalled; /* a ring of JOURNAL_RECALL_TOOLS; NULL: no tool yet */
    size_t n_asked;
    struct latencies latencies[LATENCIES];
    struct usage used, transcribed;
    int turn_of_latency; /* the caller's turn that the next response answers */
    bool ended;
    bool keeps_unsaid, unsaid_partly; /* partly: there is more of it that the engine has not told */
    struct buf unsaid;
};

/* The turn that was begun as the index-th, or NULL. */
const struct turn *journal_turn_at(const struct journal *j, int index);
/* What was not heard of the agent's words: all of the turn's from byte `from` on. */
void journal_add_unsaid(struct journal *j, const struct turn *t, size_t from);

#endif
