/* local_cloud/control/scenario.h: one call as a YAML file: who calls, what the world is like, what the
 * caller says on which words of the agent, and what must be true afterwards. docs/scenarios.md explains
 * each key; a wrong one is refused with its line. */
#ifndef LOCAL_CLOUD_CONTROL_SCENARIO_H
#define LOCAL_CLOUD_CONTROL_SCENARIO_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { SCENARIO_MAX_BYTES = 256 * 1024, SCENARIO_LINES_MAX = 64, SCENARIO_CALL_MAX_S = 300 };

/* A thing that the caller does. */
struct scenario_line {
    struct str when;    /* extended regular expression on the agent's words; empty: any */
    regex_t when_regex; /* compiled when `when` is not empty; freed with the arena */
    struct str say;     /* empty: says nothing */
    struct str play;    /* a recording of a person in place of a synthesiser: WAV, 8 kHz, mono */
    struct str dtmf;
    int after_ms;    /* pause before it, after the agent has ended */
    int barge_in_ms; /* so long after the agent has begun to speak; -1: waits for the end */
    bool hang_up;    /* afterwards */
    bool repeat;     /* may be used again */
};

struct scenario_busy {                      /* stands in the calendar before the call */
    struct str calendar, start, end, title; /* local times "2026-11-26T09:00" */
};

struct scenario_dial {          /* what a number does when it is dialled */
    struct str number, outcome; /* "answers", "busy", "no-answer", "failed" */
};

struct scenario_booking {
    struct str service, start; /* local time; empty service: any */
};

struct scenario_expect {
    struct str outcome;    /* of the record; empty: not checked */
    struct str end_reason; /* the same */
    const struct str *tools_called, *tools_once, *tools_never;
    size_t n_tools_called, n_tools_once, n_tools_never;
    const struct scenario_booking *bookings; /* exactly these */
    size_t n_bookings;
    bool check_bookings;
    int leads, callbacks;     /* exactly so many; -1: not checked */
    int lead_review;          /* 1: the lead asks for review, 0: it does not, -1: not checked */
    const struct str *dialed; /* numbers, in order */
    size_t n_dialed;
    bool check_dialed;
    const struct str *agent_says, *agent_never_says; /* extended regular expressions */
    size_t n_agent_says, n_agent_never_says;
    int interrupted_min; /* so many agent turns were cut; -1: not checked */
};

struct scenario {
    struct str id, title, voice; /* voice: a synthesiser's name */
    int64_t clock_us;            /* the wall clock at the start of the call; 0: as it is */
    struct str from, to;
    double noise_db; /* level of line noise below speech; 0: none */
    double loss;     /* share of the caller's packets that are lost, 0 to 0.5 */
    const struct scenario_busy *busy;
    size_t n_busy;
    const struct scenario_dial *dial;
    size_t n_dial;
    struct scenario_line *lines;
    size_t n_lines;
    struct scenario_expect expect;
};

/* All texts live in the arena. */
MUST_USE enum errc scenario_parse(struct scenario *ret, struct arena *a, struct str yaml,
                                  struct err *err);
/* `name` is an id ("B01": the file of `dir` that begins with it) or a path. */
MUST_USE enum errc scenario_load(struct scenario *ret, struct arena *a, const char *dir,
                                 struct str name, struct err *err);

/* Extended, without case. False also when the pattern is broken; scenario_parse() has refused those. */
bool scenario_matches(struct str pattern, struct str text);

#endif
