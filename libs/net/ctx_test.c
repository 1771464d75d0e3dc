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

TEST(backoff_doubles_and_keeps_half_of_its_bound_however_often_it_failed)
{
    int i, attempt;

    for (i = 0; i < 1000; i++) {
        int64_t ms = backoff_ms(2, 100, 5000);

        CHECK(ms >= 200 && ms <= 400);
    }
    for (attempt = 6; attempt < 1000; attempt++) {
        int64_t ms = backoff_ms(attempt, 100, 5000);

        CHECK(ms >= 2500 && ms <= 5000);
    }
}

TEST(backoff_differs_from_one_time_to_the_next)
{
    int64_t first = backoff_ms(0, 100000, 100000);
    int i, others = 0;

    for (i = 0; i < 100; i++)
        others += backoff_ms(0, 100000, 100000) != first;
    CHECK(others > 0);
}
