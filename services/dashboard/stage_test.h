/* dashboard/stage_test.h: the service on a free port against a Firestore and a Cloud Storage of
 * the test's own, over real sockets. The wall clock begins at STAGE_NOW. */
#ifndef DASHBOARD_STAGE_TEST_H
#define DASHBOARD_STAGE_TEST_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/json.h"
#include "dashboard/dashboard.h"
#include "net/http_client.h"
#include "test.h"

#define STAGE_NOW "2026-11-24T09:00:00Z"
#define STAGE_IAP_AUDIENCE "/projects/7/locations/europe-west3/services/dashboard"
#define STAGE_SID "CA00000000000000000000000000000007"

enum { STAGE_DOCS_MAX = 400, STAGE_OBJECTS_MAX = 4 };

struct stage_doc {
    struct str path;
    const struct jval *json; /* plain */
};

struct stage {
    struct clock clock;
    struct loop *loop;
    struct tls_store *tls;
    struct workers *workers;
    struct log_sink *sink;
    struct log log;
    struct buf lines; /* logged */
    struct arena arena;
    struct dashboard_settings settings;
    struct dashboard *app;
    struct http_server *google, *server;

    struct stage_doc docs[STAGE_DOCS_MAX];
    size_t n_docs;
    struct {
        struct str name, data;
    } objects[STAGE_OBJECTS_MAX];
    size_t n_objects;
    int firestore_status; /* not 0: what Firestore answers to everything */
    int storage_status;
    size_t storage_break_at; /* not 0: the connection goes after so many bytes of each read */
    const char *storage_crc; /* x-goog-hash of what it sends; NULL: none */
    atomic_int queries, gets, storage_reads;
    struct str iap_keys; /* JWKS; empty: they cannot be had */
    atomic_int key_fetches;
    char last_query[4096];
    char last_range[128];
};

void stage_open(struct stage *s);
/* DASHBOARD_AUTH=iap with STAGE_IAP_AUDIENCE; the proxy's keys are `iap_keys`. */
void stage_open_behind_iap(struct stage *s);
void stage_close(struct stage *s);
/* Texts that are RFC 3339 become timestamps. */
void stage_put(struct stage *s, const char *path, const char *json);
void stage_store(struct stage *s, const char *name, struct str data);
/* The answer lives until stage_close(). `header` and `value` may be NULL. */
struct http_response stage_get(struct stage *s, const char *target, const char *header,
                               const char *value);
/* The same, of an answer that breaks off. */
enum errc stage_try(struct stage *s, const char *target, const char *header, const char *value,
                    struct http_response *ret);

/* A booking call that ended, with turns, tools, latencies, recording and transcript: STAGE_SID. */
void stage_put_booking(struct stage *s);

#endif
