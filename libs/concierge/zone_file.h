/* concierge/zone_file.h: the changes of a zone's offset out of its compiled file (TZif), by the file's table and,
 * after that ends, by the rule in its last line. Source: RFC 8536; POSIX.1, "TZ" (the rule). */
#ifndef CONCIERGE_ZONE_FILE_H
#define CONCIERGE_ZONE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { ZONE_FILE_BYTES_MAX = 64 * 1024 };

struct zone_change {
    int64_t at_s; /* the offset holds from here on */
    int offset_s; /* east of UTC */
};

/* What happens between two instants: first the offset that holds at `from_s` (its at_s is INT64_MIN), then the
 * changes after from_s and before to_s, in order. ERR_INVALID: no such file, or one that counts leap seconds;
 * ERR_LIMIT: more than `max` of them. */
MUST_USE enum errc zone_file_changes(struct str file, int64_t from_s, int64_t to_s,
                                     struct zone_change *out, size_t max, size_t *ret_n);

#endif
