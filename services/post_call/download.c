#include "post_call/download.h"

#include <pthread.h>

#include "net/http_client.h"
#include "post_call/byte_pipe.h"
#include "twilio/rest.h"

/* Shared by two threads: `channels` is set before the first piece, `rc` and `err` before the thread ends. */
struct fetch {
    const struct download *what;
    struct byte_pipe *pipe;
    struct ctx ctx; /* the fetching thread's own: arena and client */
    int channels;
    enum errc rc;
    struct err err;
};

static enum errc on_piece(void *arg, const char *data, size_t n)
{
    struct fetch *f = arg;

    return byte_pipe_write(f->pipe, data, n);
}

static void *fetch_run(void *arg)
{
    struct fetch *f = arg;
    const struct net_self *self = http_client_self(f->ctx.http); /* of the worker */
    const struct twilio_recording_sink sink = { on_piece, f };
    struct arena arena = ARENA_INIT;

    f->ctx.arena = &arena;
    f->ctx.http = http_client_create(f->what->tls, f->ctx.clock);
    http_client_set_self(f->ctx.http, self);
    f->rc = twilio_recording_fetch(f->what->twilio, &f->ctx, f->what->recording_sid, &sink,
                                   &f->channels, &f->err);
    f->ctx.http = http_client_destroy(f->ctx.http);
    arena_release(&arena);
    byte_pipe_finish(f->pipe, f->rc);
    return NULL;
}

static enum errc on_upload_wants(void *arg, char *out, size_t max, size_t *n)
{
    struct fetch *f = arg;

    return byte_pipe_read(f->pipe, out, max, n);
}

static enum errc upload(struct fetch *f, struct ctx *ctx, struct storage_object *ret,
                        struct err *err)
{
    const struct download *d = f->what;
    const struct storage_meta metadata[] = {
        { STR("callSid"), d->call_sid },
        { STR("recordingSid"), d->recording_sid },
        { STR("channels"), f->channels == 2 ? STR("2") : STR("1") },
    };
    const struct storage_target to = {
        .bucket = d->bucket,
        .name = d->object,
        .content_type = STR("audio/wav"),
        .metadata = metadata,
        .n_metadata = ARRAY_LEN(metadata),
        .create_only = true,
    };

    struct storage_object o;
    enum errc rc;

    rc = storage_upload(d->google, ctx, &to, DOWNLOAD_CHUNK_BYTES, on_upload_wants, f, &o, err);
    if (rc)
        return rc;
    o.metadata = NULL; /* it would be ours, above */
    o.n_metadata = 0;
    *ret = o;
    return ERR_OK;
}

enum errc download_recording(const struct download *d, struct ctx *ctx, struct storage_object *ret,
                             struct err *err)
{
    struct fetch f = { .what = d, .ctx = *ctx };
    pthread_t thread;
    enum errc rc;
    int problem;

    f.pipe = byte_pipe_create(DOWNLOAD_PIPE_BYTES);
    problem = pthread_create(&thread, NULL, fetch_run, &f);
    if (problem) {
        f.pipe = byte_pipe_destroy(f.pipe);
        return err_set_upstream(err, ERR_IO, problem, "no thread to fetch the recording");
    }
    rc = byte_pipe_wait(f.pipe); /* nothing is begun at Cloud Storage for what is not there */
    if (!rc)
        rc = upload(&f, ctx, ret, err);
    byte_pipe_leave(f.pipe);
    pthread_join(thread, NULL);
    f.pipe = byte_pipe_destroy(f.pipe);
    if (!rc || !f.rc || f.rc == ERR_CLOSED)
        return rc;
    if (err) /* the cause; the upload only ended because of it */
        *err = f.err;
    return f.rc;
}
