/* local_cloud/local_cloud.h: everything outside our system, on one machine. Each module stands behind
 * routes of its own and speaks its vendor's protocol; any of them can be replaced by the real thing through
 * the services' settings. Never deployed.
 *
 * A module is created once, serves routes whose handlers get `struct local_cloud *`, and keeps its state
 * behind its own pointer here. State that must survive a restart is in the SQLite store. */
#ifndef LOCAL_CLOUD_LOCAL_CLOUD_H
#define LOCAL_CLOUD_LOCAL_CLOUD_H

#include "base/err.h"
#include "base/str.h"
#include "net/http_server.h"
#include "net/service.h"
#include "net/ws.h"

struct identity;     /* google/identity.h: metadata server, tokens, certificates */
struct firestore_db; /* google/firestore.h */
struct storage;      /* google/storage.h */
struct pubsub;       /* google/pubsub.h */
struct telephony;    /* twilio/telephony.h: REST, TwiML, media streams, callers */
struct engine;       /* engine/engine.h: Realtime server, receptionist, transcription */
struct store;        /* store.h: SQLite */
struct control;      /* control.h: calls on request, scenarios, supervision, merged log */

struct local_cloud {
    struct service *service; /* loop, workers, clock, log */
    struct store *store;
    struct identity *identity;
    struct firestore_db *firestore;
    struct storage *storage;
    struct pubsub *pubsub;
    struct telephony *telephony;
    struct engine *engine;
    struct control *control;
    struct str origin; /* http://127.0.0.1:PORT */
};

/* What a module brings: its routes and its life. */
struct local_module {
    const char *name;
    const struct http_route *routes;
    size_t n_routes;
    const struct ws_route *ws_routes;
    size_t n_ws_routes;
    enum errc (*create)(struct local_cloud *lc, struct err *err);
    void (*started)(struct local_cloud *lc); /* the port is known; NULL is fine */
    void (*destroy)(struct local_cloud *lc);
};

extern const struct local_module identity_module;
extern const struct local_module firestore_module;
extern const struct local_module storage_module;
extern const struct local_module pubsub_module;
extern const struct local_module telephony_module;
extern const struct local_module engine_module;
extern const struct local_module control_module;

#endif
