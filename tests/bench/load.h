/* tests/bench/load.h: what is around a bridge, or around a bare relay in its place: callers with their media
 * streams (callers.c), the voice engine (engine.c), Google's services (cloud.c), and what is measured of them. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "base/log.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/ws.h"
#include "peer.h"
#include "voice.h"

enum {
    FRAME_MS = 20,
    FRAME_BYTES = 160,
    CHUNK_MS = 40, /* of what goes to the caller, as the bridge sends it */
    LEAD_MS = 240,
    MARK_MS = 200,
    DELTA_MS = 200, /* of what the engine says, faster than real time */
    SPEECH_MS = 1000,
    OPENING_MS = 400,
    TURN_MS = 2000, /* between two answers */
    VOICE_FROM_MS = 200,
    VOICE_TO_MS = 800, /* the caller speaks so long after the agent has ended */
    BYTES_PER_MS = 8,
    STAMP_BYTES = 20,
    CALLER_EVERY_MS = 5,
    CALLS_MAX = 1000,
    SAMPLES_MAX = 2 * 1000 * 1000,
    MARKS_MAX = 64,
};

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define AUTH_TOKEN "0123456789abcdef0123456789abcdef"
#define TOKEN_KEY "0123456789abcdefghijklmnopqrstuv"

struct samples {
    int64_t *us;
    size_t n;
};

struct load;

struct caller {
    struct load *load;
    struct ws_conn *ws;
    int number;
    bool ready; /* the engine hears it */
    char call_sid[40], stream_sid[40];
    struct timer frame;
    int64_t due_us, media_ms, play_end_us, cut_us;
    struct {
        char name[40];
        int64_t due_us;
    } marks[MARKS_MAX];
    size_t n_marks;
};

struct engine {
    struct load *load;
    struct peer *peer;
    struct timer turn, chunk, cut;
    int number, responses, caller; /* -1: not known yet */
    int chunks_left;
    int64_t chunk_at_ms;
    char tag[32];
};

struct load_opts {
    const char *program;
    int calls, seconds, handshake_ms, rounds; /* 0: one, and it is measured */
    bool relay, tls, barge_in;
    bool realtime; /* before all else on the machine, as is the measured process */
};

struct load {
    struct load_opts opts;
    struct clock clock;
    struct log log;
    struct loop *loop;
    struct http_server *cloud;
    struct peer_listener *engine_port;
    int port; /* of the bridge */
    struct caller *callers;
    struct timer next;
    int n_callers, n_closed;
    struct engine *engines[CALLS_MAX];
    int n_engines, n_ready;
    bool measuring, sending;
    int64_t began_us;
    int64_t frames_sent, frames_got, answers_sent, answers_got, underruns, underruns_told, ended;
    struct samples up, down, clear;
    struct samples late; /* the callers themselves */
    uint8_t voice[VOICE_FRAMES][VOICE_FRAME_BYTES];
};

/* The time of sending and the caller's number, so quiet that they are silence to whoever listens. */
void stamp_write(uint8_t audio[STAMP_BYTES], int64_t now_us, int number);
bool stamp_read(const uint8_t *audio, size_t n, int64_t *at_us, int *number);
void sample(struct samples *s, int64_t us);
/* What stands between `key` and the next quote; empty: the key is not there. */
struct str text_of(struct str data, struct str key);

/* callers.c */
void callers_open(struct load *d);
void callers_close(struct load *d);
void callers_release(struct load *d);

/* engine.c */
extern const struct peer_events engine_events;
void engines_release(struct load *d);

/* cloud.c */
void cloud_open(struct load *d);

#endif
