#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/macros.h"

enum { FILE_CHUNK_BYTES = 16384, FILE_PATH_MAX = 4096, FILE_SUFFIX_CHARS = 12 };

static enum errc io_error(struct err *err, int errnum, const char *path)
{
    enum errc rc = errnum == ENOENT || errnum == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;

    return err_set_upstream(err, rc, errnum, "%s: %s", path, strerror(errnum));
}

static enum errc read_all(struct buf *out, int fd, const char *path, struct err *err)
{
    char chunk[FILE_CHUNK_BYTES] UNINITIALIZED;
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        buf_reserve(out, (size_t)st.st_size);
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_error(err, errno, path);
        if (n == 0)
            return ERR_OK;
        buf_add(out, chunk, (size_t)n);
        if (buf_status(out))
            return err_set(err, ERR_LIMIT, "%s: longer than %zu bytes", path, out->max);
    }
}

enum errc file_read(struct buf *out, const char *path, struct err *err)
{
    size_t before = out->n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum errc rc;

    if (fd < 0)
        return io_error(err, errno, path);
    rc = read_all(out, fd, path, err);
    close(fd);
    if (rc)
        buf_truncate(out, before);
    return rc;
}

static enum errc write_all(int fd, struct str data, const char *path, struct err *err)
{
    while (data.n) {
        ssize_t n = write(fd, data.p, data.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_error(err, errno, path);
        data = str_from(data, (size_t)n);
    }
    /* Or the rename may reach the disk before the data does. */
    return fsync(fd) ? io_error(err, errno, path) : ERR_OK;
}

enum errc file_write(const char *path, struct str data, struct err *err)
{
    char beside[FILE_PATH_MAX], suffix[FILE_SUFFIX_CHARS + 1] = "";
    enum errc rc;
    int fd, n;

    random_id(suffix, FILE_SUFFIX_CHARS);
    n = snprintf(beside, sizeof(beside), "%s.%s", path, suffix);
    if (n < 0 || (size_t)n >= sizeof(beside))
        return io_error(err, ENAMETOOLONG, path);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return io_error(err, errno, path);
    rc = write_all(fd, data, path, err);
    if (close(fd) && !rc)
        rc = io_error(err, errno, path);
    if (!rc && rename(beside, path))
        rc = io_error(err, errno, path);
    if (rc)
        unlink(beside);
    return rc;
}
