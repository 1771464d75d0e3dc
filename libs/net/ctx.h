/* net/ctx.h: what a blocking call to somebody else's service needs, handed down from the worker that
 * makes it: where results live, the warm HTTP client, time, log and the caller's deadline. */
#ifndef NET_CTX_H
#define NET_CTX_H

#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

struct http_client;

struct ctx {
    struct arena *arena;
    struct http_client *http;
    const struct clock *clock;
    struct log log;
    int64_t deadline_mono_ms; /* 0: none */
};

#endif
