/* net/ctx.h: what a blocking call to somebody else's service needs, handed down from the worker that
 * makes it: where results live, the warm HTTP client, time, log and the caller's deadline. */
#ifndef NET_CTX_H
#define NET_CTX_H

#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/macros.h"

struct http_client;

struct ctx {
    struct arena *arena;
    struct http_client *http;
    const struct clock *clock;
    struct log log;
    int64_t deadline_mono_ms; /* 0: none */
};

/* Blocks; a signal may end it early. ERR_TIMEOUT at once when the deadline would come first. */
MUST_USE enum errc ctx_wait_ms(struct ctx *ctx, int64_t ms);
/* A wait of at least half of `bound`, so that a few attempts outlast a short absence; the rest is chance, so that
 * who failed together does not come again together. */
int64_t jitter_ms(int64_t bound);
/* How long to wait before trying again after failure number `attempt` (0: the first): jitter_ms() of base_ms,
 * doubled with each failure, never more than max_ms. */
int64_t backoff_ms(int attempt, int base_ms, int max_ms);
/* Waits as long as that. */
MUST_USE enum errc ctx_backoff(struct ctx *ctx, int attempt, int base_ms, int max_ms);

#endif
