/* Pub/Sub push bodies and the events in them. */
#include "base/arena.h"
#include "concierge/event.h"
#include "fuzz.h"
#include "google/pubsub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct pubsub_push push;
    struct event event;

    if (!pubsub_push_decode(&push, &a, str_n(data, size), NULL) &&
        !event_parse(&event, &a, push.data, NULL))
        FUZZ_HOLDS(event.id.n > 0 && event.id.n <= EVENT_ID_MAX);
    if (!event_parse(&event, &a, str_n(data, size), NULL))
        FUZZ_HOLDS(event.type < EVENT_TYPES);
    arena_release(&a);
    return 0;
}
