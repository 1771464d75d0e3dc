#include "media_bridge/attempts.h"

#include "base/macros.h"

void attempts_init(struct attempts *a, int64_t per_minute)
{
    int64_t interval = 60 * 1000000LL / MAX(per_minute, 1);

    *a = (struct attempts){ .interval_us = interval,
                            .burst_us = MAX(ATTEMPTS_BURST_S * 1000000LL, interval) };
}

int64_t attempts_take(struct attempts *a, int64_t now_us)
{
    int64_t paid = MAX(a->paid_until_us, now_us) + a->interval_us;

    if (paid - now_us > a->burst_us)
        return paid - now_us - a->burst_us;
    a->paid_until_us = paid;
    return 0;
}

void attempts_count(struct attempts *a, int64_t now_us)
{
    a->paid_until_us = MIN(MAX(a->paid_until_us, now_us) + a->interval_us, now_us + a->burst_us);
}
