/* post_call/fakes_test.h: what the tests of this service share. `struct fakes`: Twilio, Cloud Storage, Pub/Sub
 * and a transcription endpoint on one port, served by a thread of its own; calls are recorded, and any of
 * them can be made to fail. `struct world`: the service itself beside them, on its real route. */
#ifndef POST_CALL_FAKES_TEST_H
#define POST_CALL_FAKES_TEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/workers.h"
#include "post_call/post_call.h"
#include "test.h"

#define FAKE_CALL "CA0123456789abcdef0123456789abcdef"
#define FAKE_RECORDING "RE0123456789abcdef0123456789abcdef"
#define FAKE_ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define FAKE_BUCKET "recordings-bucket"
#define FAKE_DAY "recordings/2026/11/24/" FAKE_CALL "/" FAKE_RECORDING
#define FAKE_WAV FAKE_DAY ".wav"
#define FAKE_TRANSCRIPT FAKE_DAY ".transcript.json"

enum { FAKE_EVENTS_MAX = 64, FAKE_OBJECTS_MAX = 128, FAKE_HZ = 8000 };

/* Somebody speaks: a square wave whose height is what the transcription reads from it ("word 3000"). */
struct fake_speech {
    int channel; /* from 0 */
    int64_t from_ms, to_ms;
    int height;
};

struct fake_object {
    char name[192];
    bool there;
    bool generated; /* the content is the recording, made anew for each reader */
    struct buf data;
    int64_t size;
    uint32_t crc;
    struct str metadata; /* JSON */
    int writes;          /* how often it has been created */
};

struct fake_event {
    char type[64], id[160], key[64];
    struct str text;
};

struct fakes {
    /* What the peers are like; set while nobody asks. */
    const struct fake_speech *speech;
    size_t n_speech;
    int64_t period_ms; /* speech begins anew; 0: never */
    int64_t duration_ms;
    int channels;         /* that Twilio has */
    struct str wav;       /* in place of all that */
    const char *status;   /* of the recording */
    bool not_there;       /* 404 for its audio */
    bool unknown;         /* … and for its data */
    bool generate;        /* the stored recording is not kept but made anew */
    int64_t refuse_from;  /* this request and all after it are answered 403; 0: none */
    int64_t fail_at;      /* this request is answered 503; 0: none */
    int upload_breaks_at; /* this chunk is half stored, then 503; 0: none */
    int speech_status;    /* of transcriptions; 0: 200 */
    const char *speech_answer;
    int speech_refuses; /* … only the one of this height */
    bool speech_held;   /* transcriptions wait until fakes_let_go() */

    /* What happened. */
    int64_t n_requests, n_downloads, n_transcriptions, n_verbose;
    size_t transcription_bytes_max;
    int n_languages; /* of languages[], in the last one */
    struct fake_event events[FAKE_EVENTS_MAX];
    int n_events;
    struct fake_object objects[FAKE_OBJECTS_MAX];
    int n_objects, n_chunks;

    /* The machinery. */
    pthread_cond_t changed; /* n_waiting, speech_held */
    int n_waiting;
    pthread_mutex_t lock, complaint_lock;
    char complaint[256]; /* the first; fakes_close() fails the test with it */
    struct clock clock;
    struct log_sink *sink;
    struct log log;
    struct loop *loop;
    pthread_t thread;
    struct workers *workers;
    struct http_server *server;
    int port;
    struct arena arena; /* texts that are kept */
};

void fakes_open(struct fakes *f); /* listens; answers from fakes_start() on */
void fakes_start(struct fakes *f);
void fakes_stop(struct fakes *f);
void fakes_close(struct fakes *f); /* stopped */
/* Returns when a transcription is waiting. */
void fakes_await_held(struct fakes *f);
void fakes_let_go(struct fakes *f);
struct fake_object *fakes_object(struct fakes *f, const char *name); /* NULL: there is none */
struct str fakes_url(const struct fakes *f, struct arena *a, const char *path);
/* What the tests' own push has in it. `data` holds members in place of the usual ones; NULL: those. */
struct str fakes_push_body(struct arena *a, const char *type, const char *data);
struct str fakes_push_body_of(struct arena *a, const char *type, const char *data,
                              const char *time); /* of the event, RFC 3339 */
struct str fakes_identity_token(struct arena *a, const struct clock *clock);

struct world {
    struct fakes fakes;
    struct arena arena;
    struct post_call_settings settings;
    struct service service;
    void *app;
    struct workers *workers;
    struct http_server *server;
    struct http_client *client;
    struct ctx ctx; /* of the test's thread */
};

void world_open(struct world *w);
void world_open_model(struct world *w, const char *model);
void world_close(struct world *w);
/* One delivery; the status that Pub/Sub sees. */
int world_push(struct world *w, const char *type, const char *data);
int world_post(struct world *w, struct str body, bool with_token);
/* The same with a client and an arena of one's own: on another thread. */
int world_post_with(const struct world *w, struct http_client *client, struct arena *a,
                    struct str body, bool with_token);
/* The transcript that is stored, parsed, in the world's arena. */
const struct jval *world_transcript(struct world *w);
/* "caller:word 3000|agent:word 4000" */
struct str world_said(struct world *w);

#endif
