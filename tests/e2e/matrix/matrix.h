/* e2e/matrix/matrix.h: every fault in every state of a call, made from two tables. A cell brings a call into a
 * state, strikes, lets the scripted peers go on as well as they can, says one more turn, hangs up, and looks:
 * at what the caller heard, what the engine was asked, what is on record, whether the next call is served, and
 * whether anything is left. */
#ifndef E2E_MATRIX_MATRIX_H
#define E2E_MATRIX_MATRIX_H

#include "concierge/end_reason.h"
#include "support/world.h"

struct call;

enum { CELL_FAULTS_MAX = 2, CELL_ANY = -1 };

#define ENDS(reason) (1u << (reason))

struct cell {
    const struct state *state;
    const struct fault *faults[CELL_FAULTS_MAX]; /* NULL: no more */
    struct world *w;
    struct fake_caller *c;
    struct fake_engine *e; /* the one that the state is about */
    int asked;             /* answers that it was asked for up to then */
    char item[32];         /* the caller's turn that is open; "": none */
    bool line_gone;        /* nobody can hear */
    bool stopping;         /* SIGTERM has come */
    bool owed;             /* the caller waits for something */
    int64_t heard_at_ms, heard_ms, idle_since_ms;
    int64_t tool_ran_ms; /* when one ran last */
};

struct state {
    const char *name;
    void (*reach)(struct cell *k);
    int call, turn; /* enum call_state and turn_state that it is; CELL_ANY */
    unsigned ends;  /* how the call ends then, whatever else happens */
    bool owes;      /* something is due to the caller */
    bool lost_once; /* the engine will not be replaced once more */
};

enum {
    FAULT_LINE = 1,   /* it takes the line away */
    FAULT_ENGINE = 2, /* it takes the engine away, which is replaced once */
    FAULT_DEAF = 4,   /* the engine gives no answer, or the caller hears none, for a while */
    FAULT_RECORD = 8, /* the live document cannot be relied on */
};

struct fault {
    const char *name;
    void (*strike)(struct cell *k);
    unsigned
        ends; /* the call may end so; without: only by its state, or because the caller hangs up */
    unsigned flags;
    int watch_ms; /* 0: a few seconds */
};

extern const struct state states[];
extern const size_t n_states;
extern const struct fault faults[];
extern const size_t n_faults;

/* Plays it; fails the test with a sentence. */
void cell_play(const struct state *s, const struct fault *a, const struct fault *b);

/* For the tables. */
const struct call *cell_call(const struct cell *k);    /* NULL: there is none */
struct fake_engine *cell_engine(const struct cell *k); /* the latest one that is connected; NULL */
void cell_speaks(struct cell *k, int ms);          /* the caller begins, and the engine hears it */
void cell_quiet(struct cell *k, const char *text); /* ends, as the engine tells it */

#endif
