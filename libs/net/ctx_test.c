#include "net/ctx.h"

#include "test.h"

TEST(ctx_wait_ends_at_once_when_the_deadline_would_come_first)
{
    struct clock_fake clock;
    struct ctx ctx = { .clock = &clock.clock };

    clock_fake_init(&clock, 0);
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + 60000;
    CHECK_RC(ERR_TIMEOUT, ctx_wait_ms(&ctx, 60000));
    CHECK_RC(ERR_OK, ctx_wait_ms(&ctx, 1));
}

TEST(ctx_backoff_stays_below_its_bound_however_often_it_failed)
{
    struct clock_fake clock;
    struct ctx ctx = { .clock = &clock.clock };
    int attempt;

    clock_fake_init(&clock, 0);
    ctx.deadline_mono_ms = clock_mono_ms(ctx.clock) + 3; /* a wait of 3 ms would be refused */
    for (attempt = 0; attempt < 100; attempt++)
        CHECK_RC(ERR_OK, ctx_backoff(&ctx, attempt, 1, 2));
}
