/* turns/turns.h: callers, voice engines and the middle between them. The middle is the media bridge, a process of
 * its own, or a bare relay that leaves turns to the engine. All of it runs on one loop, in real time. */
#ifndef TURNS_H
#define TURNS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/ws.h"
#include "turns/scenes.h"

#define TURNS_ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define TURNS_AUTH_TOKEN "0123456789abcdef0123456789abcdef"
#define TURNS_TOKEN_KEY "0123456789abcdefghijklmnopqrstuv"

enum {
    TURNS_FRAME_MS = 20,
    TURNS_FRAME_BYTES = 160,
    TURNS_ANSWER_MS = 8000, /* an answer that is to be spoken over */
    TURNS_BRIEF_MS = 1500,  /* any other */
    TURNS_ANSWERS = 64,     /* answers in a row that can be told apart by their sound */
    TURNS_GAP_MAX_MS = 600,
    TURNS_YIELD_SHORT_MS =
        1500, /* after its last sound: a word or two may wait for their transcript */
    TURNS_YIELD_LONG_MS = 1000, /* after its first */
};

/* Who decides about turns. */
enum turns_mode { TURNS_BRIDGE, TURNS_BARE, TURNS_MODES };

/* What came of an overlap. Times from its first sound, unless it says otherwise. */
struct outcome {
    bool played;   /* the agent was speaking (or was to be kept waiting) when it began */
    bool cut;      /* what the agent was saying was not heard to its end */
    bool answered; /* something new was said afterwards */
    int stop_ms;   /* first silence at the ear */
    int final_ms;  /* the last that was heard of what it interrupted */
    int gap_ms;    /* longest silence in what went on; 0: none */
    int heard_ms;  /* of the answer that was being heard, in all */
    int kept_ms;   /* of it, as the engine was told by a truncation; -1: it was not */
    bool cut_off;  /* thinking: the agent spoke within the pause */
    int question_wait_ms; /* from the last sound of the caller's turn to the answer; -1: cut off, or none came */
};

struct bench;

struct ear_run {
    int64_t from_us, to_us;
    int answer;
};

struct said {
    int64_t from_ms, to_ms;
    const char *words;
};

enum caller_step { STEP_OPENING, STEP_ASKING, STEP_THINKING, STEP_AWAITING, STEP_OVER, STEP_LEFT };

enum {
    CALLER_SAID_MAX = 256,
    CALLER_RUNS_MAX = 2048,
    CALLER_MARKS_MAX = 256,
    CALLER_OVERLAPS_MAX = 64
};

struct caller {
    struct bench *bench;
    enum turns_mode mode;
    struct ws_conn *ws;
    int number;
    char call_sid[40], stream_sid[40];
    struct timer frame;
    bool noisy;
    unsigned seed;
    int64_t t0_us, media_ms; /* when the line opened; what has been spoken into it */
    const struct overlap *overlaps[CALLER_OVERLAPS_MAX];
    struct outcome *outcomes[CALLER_OVERLAPS_MAX];
    int n_overlaps, at;
    enum caller_step step;
    int64_t since_ms;                        /* of the step */
    int64_t asked_ms, over_ms, answer_at_us; /* end of the question, begin of the overlap */
    const struct utterance *says;
    size_t says_at;
    struct said said[CALLER_SAID_MAX];
    int n_said;
    struct ear_run runs[CALLER_RUNS_MAX]; /* in order; the last may lie ahead */
    int n_runs;
    int kept_ms[TURNS_ANSWERS]; /* of each answer, once it was truncated; -1 */
    struct {
        char name[40];
        int64_t due_us;
    } marks[CALLER_MARKS_MAX];
    size_t n_marks;
};

/* When this call's line is open. `ws` is its own from then on. */
void caller_open(struct caller *c, struct bench *b, enum turns_mode mode, int number);
void caller_close(struct caller *c);
int64_t caller_answer_ms(const struct caller *c); /* how long the engine's next answer is */
/* What the caller's line carried from `from_ms` to `to_ms`, in words. */
void caller_words(const struct caller *c, int64_t from_ms, int64_t to_ms, struct buf *out);
/* In the first frame of each call, so that the engine knows whom it hears. */
void caller_stamp(uint8_t *frame, int number);
bool caller_stamped(const uint8_t *frame, int *number);
/* What stands between `key` and the next quote. */
struct str text_of(struct str data, const char *key);
/* What the sound at the ear tells. In ear.c. */
void ear_play(struct caller *c, const uint8_t *ulaw, size_t n, int64_t now_us);
void ear_clear(struct caller *c, int64_t now_us);
int64_t ear_end_us(const struct caller *c); /* of all that is to be played; 0: nothing yet */
/* Since when an answer is heard, of those heard after `from_us`; 0: none. */
int64_t ear_answer_us(const struct caller *c, int64_t from_us);
void ear_judge(const struct caller *c, struct outcome *o);

extern const struct ws_route turns_engine_route, turns_bare_route;
/* Those that are still connected. */
void engines_release(struct bench *b);
void relays_release(struct bench *b);

struct turns_settings {
    const char *program, *only;
    int64_t seed, calls, net_ms, line_ms, think_ms;
};

struct bench {
    struct turns_settings set;
    struct clock clock;
    struct loop *loop;
    struct tls_store *tls;
    struct http_server *cloud;
    struct ws_route ws_routes[2];
    struct log log;
    pid_t pid;
    int port; /* the bridge's */
    struct scenes scenes;
    struct outcome *outcomes[TURNS_MODES]; /* of each overlap */
    struct caller *callers;
    int n_callers, n_left;
    struct list engines, relays; /* that are connected */
    struct timer opening;        /* calls begin one after the other */
    int n_opened;
    int64_t frames, frames_late, latest_us; /* of the callers: what the machine made of real time */
    struct timer closing;                   /* the last has left */
};

/* process.c: the cloud that the bridge asks for, and the bridge itself */
bool process_open(struct bench *b) MUST_USE;
void process_close(struct bench *b);
/* report.c */
void report_print(const struct bench *b);
void report_names(const struct bench *b); /* of overlaps that were not taken as they should be */
bool report_write(const struct bench *b, const char *json_path, const char *svg_path) MUST_USE;

#endif
