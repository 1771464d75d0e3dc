#include "media_bridge/attempts.h"

#include "test.h"

TEST(attempts_allow_a_burst_then_their_rate)
{
    struct attempts a;
    int64_t now = 5000000, wait;
    int i;

    attempts_init(&a, 60);
    for (i = 0; i < ATTEMPTS_BURST_S; i++)
        CHECK_INT(attempts_take(&a, now), 0);
    wait = attempts_take(&a, now);
    CHECK_INT(wait, 1000000);
    CHECK_INT(attempts_take(&a, now + wait - 1), 1);
    CHECK_INT(attempts_take(&a, now + wait), 0);
    CHECK(attempts_take(&a, now + wait) > 0);
}

TEST(attempts_are_all_there_again_after_a_quiet_time)
{
    struct attempts a;
    int64_t now = 0;
    int i;

    attempts_init(&a, 600);
    while (attempts_take(&a, now) == 0)
        ;
    now += 60 * 1000000LL;
    for (i = 0; i < 100; i++)
        CHECK_INT(attempts_take(&a, now), 0);
    CHECK(attempts_take(&a, now) > 0);
}

TEST(first_connections_use_up_attempts_but_never_for_longer_than_one_burst)
{
    struct attempts a;
    int i;

    attempts_init(&a, 60);
    for (i = 0; i < 1000; i++)
        attempts_count(&a, 0);
    CHECK_INT(attempts_take(&a, 0), 1000000);
    CHECK_INT(attempts_take(&a, 1000000), 0);
}

TEST(attempts_of_less_than_one_a_burst_are_still_possible)
{
    struct attempts a;

    attempts_init(&a, 1);
    CHECK_INT(attempts_take(&a, 0), 0);
    CHECK_INT(attempts_take(&a, 0), 60 * 1000000LL);
}
