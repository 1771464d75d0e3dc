/* Firestore request by request: tests/contract/firestore. */
#include "script_test.h"

#define FIRESTORE_SCRIPT(name)                                                  \
    CONTRACT(contract_firestore_##name)                                         \
    {                                                                           \
        run_script(NEEDS_FIRESTORE, "tests/contract/firestore/" #name ".cases", \
                   "/databases/(default)/documents");                           \
    }

FIRESTORE_SCRIPT(documents)
FIRESTORE_SCRIPT(preconditions)
FIRESTORE_SCRIPT(commits)
FIRESTORE_SCRIPT(masks)
FIRESTORE_SCRIPT(transforms)
FIRESTORE_SCRIPT(queries)
FIRESTORE_SCRIPT(orders)
FIRESTORE_SCRIPT(aggregations)
FIRESTORE_SCRIPT(transactions)
