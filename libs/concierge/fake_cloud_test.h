/* concierge/fake_cloud_test.h: Firestore and Pub/Sub for tests of what stands on them: real sockets, served
 * by a thread of its own, documents in memory. Any request can be made to fail, before or after it has
 * taken effect. The services' tests compile it too. */
#ifndef CONCIERGE_FAKE_CLOUD_TEST_H
#define CONCIERGE_FAKE_CLOUD_TEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "google/firestore.h"
#include "google/google.h"
#include "net/ctx.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/workers.h"
#include "test.h"

enum { FAKE_DOCS_MAX = 1024, FAKE_EVENTS_MAX = 256, FAKE_LOG_MAX = 4 * 1024 * 1024 };

struct fake_doc {
    struct str path, fields; /* JSON text */
    int64_t version;
    bool there;
};

/* A service of ours on its own loop and port, whose time is the fake clock. */
struct fake_service {
    struct loop *loop;
    struct workers *workers;
    struct http_server *server;
    pthread_t thread;
};

struct fake_cloud {
    /* Faults; requests count from 1. */
    int64_t n_requests;
    int64_t fail_from;     /* this one and all after it are refused without effect; 0: none */
    int64_t lose_at;       /* this one takes effect, and its answer is an error; 0: none */
    bool lost_unclear;     /* the error says nothing (500); otherwise 403, which nobody repeats */
    const char *fail_path; /* only requests that name this ("localCalendars"); NULL: all */
    bool pubsub_down;

    struct fake_doc docs[FAKE_DOCS_MAX];
    size_t n_docs;
    int64_t version;
    struct str events[FAKE_EVENTS_MAX]; /* CloudEvents as published */
    size_t n_events;

    pthread_mutex_t lock;
    struct arena kept; /* of the documents */
    struct clock real;
    struct log_sink *sink;
    struct log log;
    struct buf lines; /* of the log */
    struct fake_service service;

    /* For the tests' own thread. */
    struct clock_fake clock;
    struct arena arena;
    struct google_settings settings;
    struct google *google;
    struct http_client *http;
    struct ctx ctx;
};

/* `now`: RFC 3339, what the fake clock says. */
void fake_cloud_open(struct fake_cloud *f, const char *now);
void fake_cloud_close(struct fake_cloud *f);
/* Another client of the same cloud, for another thread. */
struct fake_client {
    struct arena arena;
    struct http_client *http;
    struct ctx ctx;
};
void fake_client_open(struct fake_client *c, struct fake_cloud *f);
void fake_client_close(struct fake_client *c);

void fake_service_open(struct fake_service *s, struct fake_cloud *f,
                       const struct http_route *routes, size_t n_routes, void *app);
void fake_service_close(struct fake_service *s);
/* An identity token as OIDC_CLAIMS takes it. */
struct str fake_token(struct fake_cloud *f, struct arena *a, const char *audience,
                      const char *email);

/* Counted anew, no faults. */
void fake_cloud_heal(struct fake_cloud *f);
/* Fields as plain JSON in the arena; NULL: no such document. */
const struct jval *fake_cloud_doc(struct fake_cloud *f, const char *path);
size_t fake_cloud_count(struct fake_cloud *f,
                        const char *prefix); /* documents whose path begins so */
/* A whole-hour event of somebody else in a local calendar. */
void fake_cloud_busy(struct fake_cloud *f, const char *calendar, const char *from, const char *to);
/* What was logged so far, in the arena. */
struct str fake_cloud_log(struct fake_cloud *f);
/* Published events of a type. */
size_t fake_cloud_events(struct fake_cloud *f, const char *type);

#endif
