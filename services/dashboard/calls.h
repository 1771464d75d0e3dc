/* dashboard/calls.h: what is on record about calls, read from Firestore: calls/{sid}, its turns
 * and the events of its journal (docs/contracts.md, "Records"; concierge/call_record.h). Read
 * only. A list is one query of one page, whatever the number of calls; one call is its document
 * and two queries.
 *
 * Everything lives in ctx->arena. Times are wall-clock microseconds, positions milliseconds since
 * the first stream of the call began; a resumed call goes on where its next stream began. */
#ifndef DASHBOARD_CALLS_H
#define DASHBOARD_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "net/ctx.h"

struct google;

enum {
    CALLS_LIMIT_DEFAULT = 50,
    CALLS_LIMIT_MAX = 200,
    CALL_TURNS_MAX = 2000,  /* shown of one call */
    CALL_EVENTS_MAX = 4000, /* read of one call's journal */
    CALL_SID_MAX = 64,
    CALL_STREAMS_MAX = 16, /* later ones count as the first */
};

/* Letters and digits, as in every call SID: fit for a path. */
bool call_sid_valid(struct str sid);

struct spread {
    int64_t p50, p95, max, n; /* n 0: none measured */
};

struct stored_object {
    struct str bucket, name; /* name empty: none */
};

/* One document of calls/. What is not on record is empty, 0 or (numbers) -1. */
struct call {
    struct str sid;
    const struct jval *fields; /* Firestore's */
    struct str from, to, direction, status, outcome, end_reason, summary, model, voice, prompt_hash;
    int64_t started_us, ended_us, duration_ms;
    struct {
        int64_t total, engine, transcription, summary, telephony; /* millionths of a dollar */
    } cost;
    struct {
        int64_t first_word_ms;
        struct spread response, barge_in_stop;
    } latency;
    int64_t turns, tool_calls, attempts;
    struct stored_object recording, transcript;
    struct str recording_status; /* stored, or why there will be none: absent, failed, deleted */
    int64_t recording_ms, recording_started_us;
    const struct jval *flags;   /* array of names */
    const struct jval *booking; /* fields of a map, or NULL */
    const struct jval *handoff;
    struct str booking_id, lead_id, callback_id;
    bool callback_done;
};
bool call_is_over(const struct call *c); /* status ended */
bool call_recording_is_lost(const struct call *c);
bool call_has_flag(const struct call *c, const char *flag);

/* Of a stored text or timestamp; 0: none. */
int64_t call_time_of(const struct jval *fields, const char *key);

struct call_page {
    const struct call *items; /* latest first */
    size_t n;
    struct str next; /* cursor of the next, older page; empty: this is the last */
};
/* `outcome` empty: all. `before` is a cursor of an earlier page, a time in RFC 3339, or empty.
 * ERR_INVALID: `before` is neither. Other errors are Firestore's. */
MUST_USE enum errc calls_list(struct google *g, struct ctx *ctx, struct str outcome,
                              struct str before, int limit, struct call_page *ret, struct err *err);

struct call_turn {
    int attempt, index;
    bool agent;       /* else the caller */
    bool interrupted; /* `text` is what was heard of it */
    struct str text;
    int64_t start_ms, end_ms;
};

struct call_tool {
    struct str name, status, id;
    const struct jval *arguments, *output; /* Firestore values */
    int64_t at_ms;                         /* asked for; the journal has when it was answered */
    int64_t latency_ms;
    bool replayed;
};

struct call_wait {
    enum { WAIT_FIRST_WORD, WAIT_RESPONSE, WAIT_BARGE_IN_STOP } kind;
    int attempt, turn;
    int64_t ms;
};

struct call_detail {
    struct call call;
    const struct call_turn *turns; /* in order */
    size_t n_turns;
    const struct call_tool *tools; /* in order */
    size_t n_tools;
    const struct call_wait *waits; /* in order */
    size_t n_waits;
    const int64_t *streams_ms; /* where each stream of the call began; [0] is 0 */
    size_t n_streams;
    int64_t first_stream_us; /* 0: not on record */
};
/* ERR_NOT_FOUND: no such call. */
MUST_USE enum errc calls_read(struct google *g, struct ctx *ctx, struct str sid,
                              struct call_detail *ret, struct err *err);
/* The document alone. */
MUST_USE enum errc calls_read_record(struct google *g, struct ctx *ctx, struct str sid,
                                     struct call *ret, struct err *err);

/* Plain JSON of the record, without what only the writer needs. */
void call_write_json(struct jw *w, const char *key, const struct call *c);

#endif
