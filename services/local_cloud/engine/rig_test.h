/* local_cloud/engine/rig_test.h: the engine module on a real socket, and a client that speaks to
 * it. */
#ifndef LOCAL_CLOUD_ENGINE_RIG_TEST_H
#define LOCAL_CLOUD_ENGINE_RIG_TEST_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "local_cloud/engine/engine.h"
#include "local_cloud/local_cloud.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/workers.h"
#include "net/ws.h"

enum { RIG_EVENTS_MAX = 20000, RIG_WAIT_MS = 20000 };

struct rig {
    struct clock clock;
    struct log_sink *sink;
    struct loop *loop;
    struct workers *workers;
    struct tls_store *tls;
    struct http_server *server;
    struct service service;
    struct local_cloud lc;
    struct arena arena;
    struct ws_conn *ws;
    bool open, closed;
    int close_code;
    char close_reason[128];
    const struct jval *events[RIG_EVENTS_MAX];
    size_t n_events, at; /* `at`: the next one that rig_await() looks at */
    char tools[64][64];  /* names of the calls answered by rig_turn() */
    size_t n_tools;
    struct buf agent; /* what the agent has said since the last rig_turn() */
};

void rig_start(struct rig *r);
void rig_stop(struct rig *r);
/* `query` with its '?'; `key`: Authorization, NULL: none. */
void rig_connect(struct rig *r, const char *query, const char *key);
/* With a good key and model, session.created awaited. */
void rig_session(struct rig *r);
/* One event. In `fmt` single quotes stand for double ones; arguments go as they are. */
void rig_send(struct rig *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str rig_quoted(struct rig *r, const char *text); /* the same for a text */
/* The next event of that type; those before it are passed over. Fails the test when it does not
 * come. */
const struct jval *rig_await(struct rig *r, const char *type);
/* Whether one of the type came so far, from the start. */
size_t rig_count(const struct rig *r, const char *type);
void rig_await_close(struct rig *r);
struct str rig_text(struct rig *r, const struct jval *v, const char *path);
/* Appends speech as the caller's audio, then `silence_ms` of silence. */
void rig_say(struct rig *r, const char *voice, const char *text, int silence_ms);
void rig_silence(struct rig *r, int ms);

#endif
