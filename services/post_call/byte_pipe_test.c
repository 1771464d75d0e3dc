#include "post_call/byte_pipe.h"

#include <pthread.h>
#include <string.h>

#include "base/str.h"
#include "test.h"

enum { SIZE = 16, TOTAL = 100000 };

struct writer {
    struct byte_pipe *pipe;
    enum errc rc, said;
    size_t total;
};

static void *write_all(void *arg)
{
    struct writer *w = arg;
    char piece[7];
    size_t sent = 0, n, i;

    while (sent < w->total && !w->rc) {
        n = MIN(sizeof(piece), w->total - sent);
        for (i = 0; i < n; i++)
            piece[i] = (char)((sent + i) % 127);
        w->rc = byte_pipe_write(w->pipe, piece, n);
        sent += n;
    }
    byte_pipe_finish(w->pipe, w->said);
    return NULL;
}

TEST(byte_pipe_brings_every_byte_in_order)
{
    struct writer w = { .pipe = byte_pipe_create(SIZE), .total = TOTAL };
    char out[11];
    size_t got = 0, n = 1, i;
    pthread_t t;

    CHECK_INT(pthread_create(&t, NULL, write_all, &w), 0);
    CHECK_OK(byte_pipe_wait(w.pipe));
    while (n) {
        CHECK_OK(byte_pipe_read(w.pipe, out, sizeof(out), &n));
        for (i = 0; i < n; i++)
            CHECK_INT(out[i], (got + i) % 127);
        got += n;
    }
    CHECK_INT(got, TOTAL);
    pthread_join(t, NULL);
    CHECK_OK(w.rc);
    w.pipe = byte_pipe_destroy(w.pipe);
}

TEST(byte_pipe_tells_the_writer_that_the_reader_has_left)
{
    struct writer w = { .pipe = byte_pipe_create(SIZE), .total = TOTAL };
    char out[4];
    size_t n = 0;
    pthread_t t;

    CHECK_INT(pthread_create(&t, NULL, write_all, &w), 0);
    CHECK_OK(byte_pipe_read(w.pipe, out, sizeof(out), &n));
    byte_pipe_leave(w.pipe); /* the writer is waiting by now, or soon */
    pthread_join(t, NULL);
    CHECK_RC(ERR_CLOSED, w.rc);
    w.pipe = byte_pipe_destroy(w.pipe);
}

TEST(byte_pipe_tells_the_reader_that_it_was_not_the_whole)
{
    struct byte_pipe *p = byte_pipe_create(SIZE);
    char out[SIZE];
    size_t n = 99;

    CHECK_OK(byte_pipe_write(p, "abc", 3));
    CHECK_OK(byte_pipe_wait(p));
    byte_pipe_finish(p, ERR_TIMEOUT);
    CHECK_RC(ERR_TIMEOUT, byte_pipe_wait(p));
    CHECK_RC(ERR_TIMEOUT, byte_pipe_read(p, out, sizeof(out), &n));
    CHECK_INT(n, 99);
    byte_pipe_destroy(p);
}

TEST(byte_pipe_ends_at_once_when_nothing_was_written)
{
    struct byte_pipe *p = byte_pipe_create(SIZE);
    char out[SIZE];
    size_t n = 99;

    byte_pipe_finish(p, ERR_OK);
    CHECK_OK(byte_pipe_wait(p));
    CHECK_OK(byte_pipe_read(p, out, sizeof(out), &n));
    CHECK_INT(n, 0);
    byte_pipe_destroy(p);
}
