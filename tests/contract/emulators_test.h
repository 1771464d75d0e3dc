/* emulators_test.h: Google's own emulators, where they are installed, as children of this process. */
#ifndef CONTRACT_EMULATORS_TEST_H
#define CONTRACT_EMULATORS_TEST_H

#include "sides_test.h"

const char *emulator_name(enum side_need need);
/* Waits until it is ready and sets *host, which lives as long as the program; NULL. Or why there is none.
 * All that may be wanted are started at the first question, since each takes seconds. */
const char *emulator_host(enum side_need need, struct test_cloud *t, struct str *host);

#endif
