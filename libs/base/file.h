/* base/file.h: whole small files and paths. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the file to `out`, up to its maximum (ERR_LIMIT). ERR_NOT_FOUND, ERR_IO name the path. */
MUST_USE enum errc file_read(struct buf *out, const char *path, struct err *err);
/* Replaces the file in one step (write beside it, then rename). */
MUST_USE enum errc file_write(const char *path, struct str data, struct err *err);

#endif
