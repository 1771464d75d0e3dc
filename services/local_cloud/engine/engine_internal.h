/* local_cloud/engine/engine_internal.h: what the engine's files share. */
#ifndef LOCAL_CLOUD_ENGINE_ENGINE_INTERNAL_H
#define LOCAL_CLOUD_ENGINE_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/log.h"
#include "local_cloud/engine/engine.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/speech/recognize.h"
#include "local_cloud/speech/synth.h"
#include "net/loop.h"
#include "net/workers.h"

enum {
    ENGINE_THREADS = 3, /* for synthesis and recognition */
    ENGINE_QUEUE_MAX =
        8 * 1024 * 1024, /* bytes waiting for one client: beyond it the socket is reset */
};

struct engine {
    struct local_cloud *lc;
    struct loop *loop;
    struct workers *workers; /* its own: speech never waits for requests, nor they for it */
    struct synth *synth;
    struct recognizer *recognizer;
    struct log log;
    struct list connections; /* struct realtime */
    size_t n_connections;
    pthread_mutex_t lock; /* of what follows: asked for from any thread */
    struct engine_fault fault;
    int fault_count; /* connections that still get it; -1: all */
    atomic_bool stopping;
    char *prepared; /* topics that all vocabularies have been made for; loop thread */
    bool preparing; /* loop thread */
    struct {
        long connections, responses, tool_calls, turns;
    } stats;
};

enum { REALTIME_ROUTES = 1 };
extern const struct ws_route realtime_routes[REALTIME_ROUTES];

void engine_count(struct engine *e, long *counter); /* one of e->stats */

/* A session has told its business: the vocabularies for these topics are made before they are
 * needed, one session's at a time, so that there are threads left to speak. */
void engine_prepare(struct engine *e, struct str topics);
/* Ends every connection; at the engine's end. */
void realtime_end_all(struct engine *e);
/* POST /v1/audio/transcriptions */
void transcribe_handle(void *app, struct http_req *r);

/* OpenAI's form of an error's body. */
void api_reply_error(struct http_req *r, int status, const char *type, const char *code,
                     const char *param, const char *message);
/* ERR_OK: the request carries a key that is taken; otherwise it has been answered. */
enum errc api_admit(void *app, struct http_req *r);

/* "name:value,name:value" of the query parameter `fault`. False: it cannot be understood. */
bool fault_parse(struct engine_fault *ret, struct str text);
/* The next connection's: *ret from engine_fault_next(), or none. */
void fault_take(struct engine *e, struct engine_fault *ret);

#endif
