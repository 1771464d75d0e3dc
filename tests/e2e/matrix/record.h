/* e2e/matrix/record.h: what the bridge says to engine and Twilio in all cells, as the judges read it
 * (local_cloud/record.h): its own messages, what opened and closed their connections, and each `start`. The peers
 * here misbehave on purpose, and are not judged. Of audio the first messages of a cell. */
#ifndef E2E_MATRIX_RECORD_H
#define E2E_MATRIX_RECORD_H

#include "net/tap.h"

/* In the folder of the build tree; NULL: this build keeps none. Lives as long as the program. */
const struct net_self *record_self(void);
void record_cell(void); /* another cell begins */

#endif
