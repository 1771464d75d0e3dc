/* base/die.h: the end of the process with one line, where there is no way on: no memory, no random
 * bytes. For nothing that a peer can bring about. */
#ifndef BASE_DIE_H
#define BASE_DIE_H

#include "base/macros.h"

/* One JSON line on stderr, as Cloud Logging reads it, then abort(). Allocates nothing. The sentence is
 * ours: no quotes, backslashes or control characters. */
NORETURN void die(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
