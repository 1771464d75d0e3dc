/* post_call/multipart.h: a multipart/form-data body (RFC 7578) in a buffer that is used again for the next
 * one. Names, values and file names are ours or the profile's: those with quotes, line ends or NULs are
 * refused. */
#ifndef POST_CALL_MULTIPART_H
#define POST_CALL_MULTIPART_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { MULTIPART_BOUNDARY_LEN = 26 };

struct multipart {
    struct buf body;
    char boundary[MULTIPART_BOUNDARY_LEN + 1];
    char content_type[80];
    bool bad; /* a name or value that cannot be written */
};

void multipart_init(struct multipart *m, size_t max_bytes);
void multipart_release(struct multipart *m);
/* Empties it; a new boundary. */
void multipart_begin(struct multipart *m);
void multipart_field(struct multipart *m, const char *name, struct str value);
/* The file's content is appended to m->body until the next part or the end. */
void multipart_file(struct multipart *m, const char *name, const char *filename,
                    const char *content_type);
/* The whole body, borrowed until the next begin. ERR_LIMIT, ERR_INVALID. */
MUST_USE enum errc multipart_end(struct multipart *m, struct str *ret, struct err *err);

#endif
