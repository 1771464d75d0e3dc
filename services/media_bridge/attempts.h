/* media_bridge/attempts.h: how often one process may try to reach the voice engine again, over all calls, so
 * that an outage does not end in a storm of connections. Pure; times are monotonic microseconds. */
#ifndef MEDIA_BRIDGE_ATTEMPTS_H
#define MEDIA_BRIDGE_ATTEMPTS_H

#include <stdint.h>

enum { ATTEMPTS_BURST_S = 10 }; /* what so many seconds allow may be taken at once */

/* The time up to which attempts have been paid for (a leaky bucket, as in ATM's GCRA). */
struct attempts {
    int64_t interval_us, burst_us, paid_until_us;
};

void attempts_init(struct attempts *a, int64_t per_minute);
/* 0: now, and it counts; else microseconds until it makes sense to ask again. */
int64_t attempts_take(struct attempts *a, int64_t now_us);
/* One that nobody holds back, a call's first, counts too; but it cannot use up more than the burst. */
void attempts_count(struct attempts *a, int64_t now_us);

#endif
