/* local_cloud/engine/multipart.h: multipart/form-data in memory. RFC 7578. */
#ifndef LOCAL_CLOUD_ENGINE_MULTIPART_H
#define LOCAL_CLOUD_ENGINE_MULTIPART_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum { MULTIPART_PARTS_MAX = 32 };

struct multipart_part {
    struct str name, filename, content_type, data; /* views of the body */
};
struct multipart {
    struct multipart_part parts[MULTIPART_PARTS_MAX];
    size_t n;
};

/* ERR_INVALID: no boundary, or the body does not keep to it. ERR_LIMIT: too many parts. */
MUST_USE enum errc multipart_parse(struct multipart *ret, struct str content_type, struct str body);
const struct multipart_part *multipart_find(const struct multipart *m,
                                            const char *name); /* NULL: absent */

#endif
