/* local_cloud/google/cloud_test.h: Google's modules served on a free port from a thread of their own, with
 * our client library pointed at them, and a receiver of pushes. */
#ifndef LOCAL_CLOUD_GOOGLE_CLOUD_TEST_H
#define LOCAL_CLOUD_GOOGLE_CLOUD_TEST_H

#include <pthread.h>

#include "google/google.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/record.h"
#include "local_cloud/settings.h"
#include "net/http_client.h"
#include "net/tap.h"
#include "test.h"

enum { PUSHES_MAX = 64, WAIT_S = 20 };

#define TEST_ACCOUNT "pusher@test-project.iam.gserviceaccount.com"

struct received {
    char *body, *authorization, *agent;
};

struct test_cloud {
    struct local_cloud lc;
    struct service service;
    struct local_settings settings;
    struct arena process, arena; /* the service's, the test's */
    struct clock clock;
    struct log_sink *sink;
    struct record *record; /* NULL: none */
    struct net_self self;
    struct http_server *server;
    pthread_t loop_thread;
    struct ctx ctx; /* of the test */
    struct google_settings google_settings;
    struct google *google;
    struct err err;
    /* Pushes to /receive. */
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct received pushes[PUSHES_MAX];
    size_t n_pushes;
    int statuses[PUSHES_MAX]; /* what the n-th push is answered; 0: 204 */
};

/* `state` NULL: in memory. With TEST_RECORDS set, a folder, everything said to it and by it is written to a
 * file there, for the judges of tests/judges. */
void cloud_open(struct test_cloud *t, const char *state);
void cloud_close(struct test_cloud *t);
/* A raw request; body NULL: none. The answer is in the test's arena. */
struct http_response cloud_ask(struct test_cloud *t, const char *method, const char *path,
                               const char *body);
struct http_response cloud_ask_with(struct test_cloud *t, const char *method, struct str path,
                                    struct str body, const struct http_header *headers,
                                    size_t n_headers);
void cloud_wait_pushes(struct test_cloud *t, size_t n);
struct str cloud_url(struct test_cloud *t, const char *path);

#endif
