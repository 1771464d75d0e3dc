/* e2e/support/world.h: everything around a media bridge, in one process and on one clock: the bridge itself
 * (its parts, on real sockets), a scripted voice engine that speaks OpenAI's Realtime protocol, scripted
 * Twilio streams, and a cloud of small HTTP servers (Pub/Sub, Firestore, metadata, tool gateway, Twilio's
 * REST). Time stands still unless the test lets it pass: world_until() moves it on, in steps of
 * WORLD_STEP_MS, only while nothing is left to do, so that no test sleeps and each run is the same. */
#ifndef E2E_SUPPORT_WORLD_H
#define E2E_SUPPORT_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "concierge/stream_token.h"
#include "media_bridge/bridge.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/service.h"
#include "net/ws.h"
#include "sounds.h"
#include "test.h"

enum {
    WORLD_STEP_MS = 5,
    WORLD_LIMIT_MS = 300000, /* of fake time for one wait */
    WORLD_ENGINES_MAX = 256,
    WORLD_CALLERS_MAX = 256,
    WORLD_OBJECTS_MAX = 8,
    WORLD_SLOW_MS = 2500,
};

#define WORLD_ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define WORLD_AUTH_TOKEN "0123456789abcdef0123456789abcdef"
#define WORLD_ORIGIN "https://agent.example.com"
#define WORLD_TOKEN_KEY "0123456789abcdefghijklmnopqrstuv"

struct world;

/* ---- the voice engine ---- */

/* What the next connections do. */
struct engine_script {
    int refuse_close; /* the upgrade is answered, then an error event and this close code; 0: none */
    const char *refuse_code; /* its error code */
    int refuse_times;        /* so many connections, -1: all */
    bool mute;               /* never sends session.created */
    bool hold_created;       /* until engine_send_created() */
    bool hold_updated;       /* until engine_send_updated() */
    const char *format;      /* echoed in session.updated; NULL: audio/pcmu */
    int session_s; /* how long sessions may last, as session.created says; 0: it does not */
    enum { ANSWER_ITSELF, ANSWER_NOT, ANSWER_FAILED } answer; /* to response.create */
    int answer_ms;       /* audio of an answer of its own; 0: 600 */
    int refuse_status;   /* upgrades are answered with it; 0: accepted */
    int tools;           /* the next so many answers of its own ask for a tool, and say nothing */
    int failures;        /* the next so many fail */
    bool ends_cancelled; /* a response that is cancelled ends at once */
};

struct fake_engine {
    struct world *world;
    struct ws_conn *ws; /* NULL: closed */
    int number;
    struct buf received; /* every message but audio, a line each */
    struct buf audio;    /* the caller's, decoded */
    int64_t appends;
    int closed_code; /* of the bridge's close; 0: open */
    bool updated;
    bool items_first; /* it was given items before any audio */
    bool created;     /* it was told session.created */
    int asked;        /* for answers, so far */
    int responses;    /* created so far */
    bool dumb;        /* it hears, and says nothing any more by itself */
    bool active;      /* a response runs */
    int overlaps;     /* answers that were asked for meanwhile */
    int tools;        /* asked for in answers of its own */
    char response_id[64], item_id[64], tag[32];
    char update_id[64];
};

/* The number of messages of this type. */
int engine_got(const struct fake_engine *e, const char *type);
/* The n-th (from 0) message of this type, parsed; the arena owns it. Fails the test when there is none. */
const struct jval *engine_message(const struct fake_engine *e, struct arena *a, const char *type,
                                  int n);
void engine_send(struct fake_engine *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
void engine_send_created(struct fake_engine *e);
void engine_send_updated(struct fake_engine *e);
/* Pieces of a response, for tests that play it themselves. begin: created, for the response.create received
 * last; later pieces belong to it. */
void engine_begin(struct fake_engine *e);
void engine_say(struct fake_engine *e, const char *text, int ms); /* audio and transcript deltas */
void engine_audio(struct fake_engine *e, const char *response_id, const char *item_id, int ms);
void engine_end(struct fake_engine *e,
                const char *status); /* audio.done … response.done with usage */
void engine_tool(struct fake_engine *e, const char *call_id, const char *name,
                 const char *arguments);
/* The caller's turn as the engine hears it. */
void engine_speech_started(struct fake_engine *e, const char *item_id);
void engine_speech_stopped(struct fake_engine *e, const char *item_id);
void engine_turn(struct fake_engine *e, const char *item_id,
                 const char *text); /* committed, transcript */
void engine_close(struct fake_engine *e, int code, const char *reason);

/* ---- a Twilio stream ---- */

/* What becomes of the caller's packets. */
enum line {
    LINE_GOOD,
    LINE_LOSES,    /* each third */
    LINE_DOUBLES,  /* each comes twice */
    LINE_SHUFFLES, /* two and two change places */
    LINE_GARBLES,  /* what each third carries is not base64 */
    LINE_RESIZES,  /* 1 to 47 ms each */
};

struct caller_opts {
    const char *call_sid;  /* NULL: made from the number */
    const char *token_sid; /* call SID in the token; NULL: the same */
    const char *signature; /* NULL: the right one; "": none */
    const char *after;
    int attempt;
    int token_age_s;
    bool hold_start;  /* until caller_start() */
    bool no_marks;    /* never sends marks back */
    bool marks_twice; /* sends each of them twice */
    bool silent_line; /* sends no audio by itself */
    enum line line;
};

struct fake_caller {
    struct world *world;
    struct ws_conn *ws; /* NULL: closed */
    struct caller_opts opts;
    int number;
    bool opened, closed;
    int closed_code;
    struct err closed_err;
    char call_sid[40], stream_sid[40];
    int64_t sequence, chunk, media_ms; /* of what was sent */
    int64_t next_media_us;
    struct buf kept;   /* a packet that changes places with the next */
    uint8_t voice;     /* the byte that its audio consists of */
    struct buf says;   /* mu-law that is sent in its place */
    struct buf heard;  /* mu-law that was played to the person */
    struct buf queue;  /* at Twilio, not yet played */
    int64_t played_us; /* until when the queue has been played */
    struct {
        char name[64];
        size_t at; /* in the queue */
    } marks[128];
    size_t n_marks;
    int64_t received_ms, clears, marks_got;
    int64_t first_audio_us, last_clear_us;
    size_t cut; /* bytes that a clear threw away, in all */
};

struct fake_caller *caller_open(struct world *w, const struct caller_opts *o);
void caller_send(struct fake_caller *c, const char *fmt, ...) PRINTF_LIKE(2, 3); /* raw text */
void caller_connected(struct fake_caller *c);
void caller_start(struct fake_caller *c);
void caller_media(struct fake_caller *c, int ms); /* frames of its voice, now */
/* From the next frame on so much of a sound; what it is made of stays the same. */
void caller_says(struct fake_caller *c, enum sound s, double amplitude, int ms);
void caller_stop(struct fake_caller *c); /* hangs up: stop, then the socket closes */
void caller_drop(struct fake_caller *c); /* the network breaks */
int64_t caller_heard_ms(const struct fake_caller *c);

/* ---- the cloud ---- */

struct cloud_event {
    struct list_node node;
    char type[40], call_sid[64], id[160];
    struct str text;
};

/* How a neighbour of the bridge's is. */
enum cloud_mode {
    CLOUD_WELL,
    CLOUD_DOWN,   /* 503 */
    CLOUD_NOISE,  /* 200 and garbage */
    CLOUD_SLOW,   /* after WORLD_SLOW_MS */
    CLOUD_SILENT, /* not before it is well again */
};

/* An object in Cloud Storage. */
struct cloud_object {
    char name[160];
    struct buf data;
    bool wrong_crc; /* is told with another checksum than its own */
};

/* A request that waits. */
struct cloud_hold {
    struct list_node node;
    const enum cloud_mode *mode;
    const bool *flag; /* both NULL: a tool */
    int64_t until_ms; /* while it is CLOUD_SLOW */
};

enum tool_mode { TOOL_ANSWERS, TOOL_HELD, TOOL_BREAKS, TOOL_CUT, TOOL_NOISE };

/* ---- the world ---- */

struct world {
    struct clock_fake fake;
    struct loop *loop;
    struct tls_store *tls;
    struct workers *workers, *cloud_workers;
    struct log_sink *sink;
    struct log log;
    struct buf lines;
    struct arena arena;

    struct service service;
    struct bridge_settings settings;
    struct bridge *bridge;
    bool stopped;
    int step_ms; /* of time; 0: WORLD_STEP_MS */

    struct http_server *cloud; /* engine, Google, tool gateway, Twilio */
    struct engine_script script;
    struct fake_engine *engines[WORLD_ENGINES_MAX];
    int n_engines;
    struct fake_caller *callers[WORLD_CALLERS_MAX];
    int n_callers;

    pthread_mutex_t mutex; /* of what follows: handlers run on workers */
    pthread_cond_t changed;
    struct list events; /* cloud_event, in the order of arrival */
    int n_events, publishes_refused, refuse_publishes, refuse_commits; /* the next so many fail */
    struct buf live;  /* bodies of Firestore commits, a line each */
    struct buf rest;  /* requests to Twilio's REST, a line each: path and body */
    struct buf tools; /* requests to the tool gateway, a line each: path and body */
    enum cloud_mode firestore, pubsub, gateway;
    struct list held;               /* cloud_hold: requests that wait for something */
    int tool_requests, spoil_tools; /* the next so many are answered as `spoilt` says */
    enum tool_mode spoilt;
    enum tool_mode tool_mode;
    const char *tool_reply; /* members of the reply beside toolCallId; NULL: ok with a sentence */
    /* Answers to queries of past turns and tools, and of the gateway's ledger, JSON; empty: none. */
    struct str past_events, past_ledger;
    struct str live_fields; /* of the live document when it is read, JSON; empty: there is none */
    bool last_tool_authorized;
    struct cloud_object objects[WORLD_OBJECTS_MAX];
    int n_objects, object_reads, object_writes;
    bool hold_objects; /* reads wait, until world_release_objects() */
};

/* `more`: settings as "KEY=value", ended by NULL; over the defaults. */
void world_open(struct world *w, const char *const *more);
/* `self`: who everybody here is to others, and who watches them (net/tap.h). */
void world_open_as(struct world *w, const char *const *more, const struct net_self *self);
void world_close(struct world *w);
/* Lets the loop, the workers and then time go on until done() or the limit, which fails the test. */
void world_until(struct world *w, bool (*done)(struct world *w, const void *arg), const void *arg,
                 const char *what);
void world_pass(struct world *w, int64_t ms); /* so much time */
void world_quiet(struct world *w);            /* everything that is ready now */
int64_t world_now_ms(const struct world *w);
void world_stop(struct world *w); /* SIGTERM */
/* The workers go, with the connections that they keep; the bridge can do no more. */
void world_retire(struct world *w);
void world_restart(struct world *w); /* another bridge takes the place of one that has stopped */

/* Waits; fail the test with a sentence. */
struct fake_engine *world_engine(struct world *w, int number);         /* has connected */
void until_engine_got(struct fake_engine *e, const char *type, int n); /* at least n of them */
void until_heard_ms(struct fake_caller *c, int64_t ms);
void until_received_ms(struct fake_caller *c, int64_t ms);
void until_clears(struct fake_caller *c, int n);
void until_closed(struct fake_caller *c);
void until_event(struct world *w, const char *call_sid, const char *type, int n);
void until_over(struct world *w); /* no call is left and all events are out */
void until_tool_requests(struct world *w, int n);
void until_log(struct world *w, const char *text);

/* The n-th event (from 0) of the type; its data. Fails the test when there is none. */
const struct jval *world_event(struct world *w, struct arena *a, const char *call_sid,
                               const char *type, int n);
int world_events(struct world *w, const char *call_sid, const char *type);
void world_release_tools(struct world *w);
void world_release(struct world *w); /* tools, and every neighbour is well */
void world_cloud(struct world *w, enum cloud_mode *which, enum cloud_mode is);
/* Requests that go on waiting: of the neighbour whose mode this is; NULL: all. */
int world_held(struct world *w, const enum cloud_mode *mode);
void world_release_objects(struct world *w);
bool world_log_has(const struct world *w, const char *text);
/* State that the live document was given last, e.g. "ended"; empty: never. */
struct str world_live_state(struct world *w, struct arena *a, const char *call_sid);

/* A caller whose opening was heard to its end; *e is its engine. Answers are then the test's. */
struct fake_caller *world_talk(struct world *w, struct fake_engine **e);

/* used by the parts */
/* Under the mutex: waits while the mode, the flag or the world's tool_mode says so. */
void cloud_hold(struct world *w, const enum cloud_mode *mode, const bool *flag);
extern const struct http_route cloud_routes[];
extern const size_t n_cloud_routes;
void object_read(void *app, struct http_req *r);
void object_write(void *app, struct http_req *r);
void objects_free(struct world *w);
extern const struct ws_route engine_routes[];
extern const size_t n_engine_routes;
void caller_step(struct fake_caller *c); /* time has moved */
void caller_free(struct fake_caller *c);
void engine_free(struct fake_engine *e);

#endif
