/* sides_test.h: who is asked: local_cloud's modules in this process, and Google's emulators as children of
 * it. Each test has a project of its own on each side, so nothing has to be cleaned up. */
#ifndef CONTRACT_SIDES_TEST_H
#define CONTRACT_SIDES_TEST_H

#include <pthread.h>

#include "google/google.h"
#include "local_cloud/google/cloud_test.h"

/* The first test of each kind also starts an emulator, which takes long on a busy machine. */
#define CONTRACT(name) TEST_WITHIN(180, name)

struct side {
    const char *name;
    struct test_cloud *cloud; /* arena, context, receiver of pushes; also on the emulators' side */
    struct google_settings settings;
    struct google *google;
    struct str project;
    struct err err;
};

enum side_need { NEEDS_FIRESTORE, NEEDS_PUBSUB };

/* Runs `check` on each side that is there; says which is not, and why. */
void on_each_side(enum side_need need, void (*check)(struct side *s));
/* A raw request to the side's API; `path` begins behind the project: "/topics/t". */
struct http_response side_ask(struct side *s, enum side_need need, const char *method,
                              const char *path, const char *body);

#endif
