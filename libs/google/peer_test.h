/* google/peer_test.h: a scripted server in Google's place, on a free port and a thread of its own: it
 * answers the n-th request with the n-th answer and keeps what was asked. The library's clock is faked. */
#ifndef GOOGLE_PEER_TEST_H
#define GOOGLE_PEER_TEST_H

#include <pthread.h>

#include "google/google.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "test.h"

enum { PEER_MAX = 64, PEER_NOW_S = 1800000000 };

struct peer_answer {
    int status; /* 0: 200; -1: the connection breaks in mid-answer */
    const char *header, *value;
    const char *body;
};

struct peer_request {
    char *method, *target, *body, *authorization, *content_range, *range, *content_type, *flavor;
};

struct peer {
    struct clock system;
    struct clock_fake fake;
    struct log_sink *sink;
    struct log log;
    struct loop *loop;
    struct tls_store *tls;
    struct workers *workers;
    struct http_server *server;
    pthread_t thread;
    struct arena arena;
    struct ctx ctx;
    struct google_settings settings;
    struct google *google;
    struct err err;
    pthread_mutex_t lock; /* below */
    const struct peer_answer *answers;
    size_t n_answers;
    struct peer_request asked[PEER_MAX];
    size_t n_asked;
    pthread_cond_t changed;
    bool hold; /* answers wait until it is false */
};

/* Emulator variables for all three APIs point at it. */
void peer_open(struct peer *p);
/* The metadata server only: APIs get tokens, but are reached at the same place through rest.h's `url`. */
void peer_open_metadata(struct peer *p);
void peer_close(struct peer *p);
void peer_run(struct peer *p); /* starts the loop's thread again after it was stopped and joined */
void peer_script(struct peer *p, const struct peer_answer *answers, size_t n);
#define PEER_SCRIPT(p, ...)                                       \
    peer_script((p), (const struct peer_answer[]){ __VA_ARGS__ }, \
                ARRAY_LEN(((const struct peer_answer[]){ __VA_ARGS__ })))
struct str peer_url(struct peer *p, const char *path);
void peer_let_go(struct peer *p); /* ends `hold` */
void peer_wait_asked(struct peer *p, size_t n);

#endif
