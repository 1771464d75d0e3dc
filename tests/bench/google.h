/* tests/bench/google.h: Google's services as the benches have them: they take what is published and know no
 * document. */
#ifndef BENCH_GOOGLE_H
#define BENCH_GOOGLE_H

#include "base/arena.h"
#include "base/json.h"
#include "net/http_server.h"

/* Takes each message; `event`, when there is one, is shown it. */
void google_publish(struct http_req *r, void *app,
                    void (*event)(void *app, struct arena *a, const struct jval *message));
void google_firestore(void *app, struct http_req *r);

#define GOOGLE_ROUTES(on_publish)                                                                 \
    { .methods = HTTP_POST,                                                                       \
      .path = "/v1/projects/{p}/topics/{topic}:publish",                                          \
      .body_max = 16 * MIB,                                                                       \
      .handle = (on_publish),                                                                     \
      .on_loop = true },                                                                          \
    {                                                                                             \
        .methods = HTTP_POST, .path = "/v1/projects/{p}/databases/{verb*}", .body_max = 16 * MIB, \
        .handle = google_firestore, .on_loop = true                                               \
    }

#endif
