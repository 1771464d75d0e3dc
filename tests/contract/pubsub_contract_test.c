/* Pub/Sub request by request: tests/contract/pubsub. */
#include "script_test.h"

#define PUBSUB_SCRIPT(name)                                                    \
    CONTRACT(contract_pubsub_##name)                                           \
    {                                                                          \
        run_script(NEEDS_PUBSUB, "tests/contract/pubsub/" #name ".cases", ""); \
    }

PUBSUB_SCRIPT(topics)
PUBSUB_SCRIPT(subscriptions)
