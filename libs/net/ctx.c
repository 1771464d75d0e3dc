#include "net/ctx.h"

#include "base/crypto.h"

enum errc ctx_wait_ms(struct ctx *ctx, int64_t ms)
{
    if (ctx->deadline_mono_ms && clock_mono_ms(ctx->clock) + ms >= ctx->deadline_mono_ms)
        return ERR_TIMEOUT;
    clock_sleep_ms(ctx->clock, ms);
    return ERR_OK;
}

int64_t jitter_ms(int64_t bound)
{
    return bound - (int64_t)(random_u64() % (uint64_t)(bound / 2 + 1));
}

int64_t backoff_ms(int attempt, int base_ms, int max_ms)
{
    int64_t bound = base_ms;

    while (attempt-- > 0 && bound < max_ms)
        bound *= 2;
    return jitter_ms(MIN(bound, (int64_t)max_ms));
}

enum errc ctx_backoff(struct ctx *ctx, int attempt, int base_ms, int max_ms)
{
    return ctx_wait_ms(ctx, backoff_ms(attempt, base_ms, max_ms));
}
