/* Resumable uploads. Source: Cloud Storage, "Perform resumable uploads". */
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "google/storage.h"
#include "google/storage/storage_internal.h"

struct upload {
    struct google *g;
    struct ctx *ctx;
    const struct storage_target *to;
    storage_read_fn read;
    void *read_arg;
    struct str session; /* a secret: whoever knows it may write */
    char *chunk;        /* what is not known to be stored yet */
    size_t n, max;
    int64_t offset; /* of chunk[0] in the object */
    bool eof;       /* offset + n is the object's size */
    uint32_t crc;   /* of all that was read */
    int failures;   /* since the last byte stored */
};

/* What a PUT to the session led to. */
enum upload_step {
    UPLOAD_GOES_ON,
    UPLOAD_UNKNOWN, /* it is to be asked what is stored */
    UPLOAD_GONE,    /* there is no such session any more */
    UPLOAD_DONE,
    UPLOAD_FAILED,
};

/* The place behind all that was read. */
static long long read_to(const struct upload *u)
{
    return u->offset + (int64_t)u->n;
}

static enum errc start(struct upload *u, struct err *err)
{
    struct http_header type = { STR("X-Upload-Content-Type"), u->to->content_type };
    struct google_call call = {
        .api = GOOGLE_STORAGE,
        .method = "POST",
        .path = storage_upload_path(u->ctx->arena, u->to, "resumable"),
        .headers = &type,
        .n_headers = u->to->content_type.n ? 1 : 0,
        .body = storage_target_json(u->ctx->arena, u->to, NULL),
        .content_type = "application/json; charset=UTF-8",
        .timeout_ms = STORAGE_TIMEOUT_MS,
        .attempts = STORAGE_ATTEMPTS,
        .idempotent = true, /* a session that nobody uses does nothing */
        .body_max = STORAGE_ANSWER_MAX,
    };
    struct http_response r = { .status = 0 };
    enum errc rc;

    rc = google_call(u->g, u->ctx, &call, &r, err);
    if (rc)
        return rc;
    u->session = http_response_header(&r, "Location");
    if (u->session.n == 0)
        return err_set(err, ERR_UPSTREAM, "upload session without Location");
    return ERR_OK;
}

/* Best effort: an abandoned session dies by itself after a week. */
static void cancel(struct upload *u)
{
    struct google_call call = {
        .api = GOOGLE_STORAGE,
        .method = "DELETE",
        .url = u->session,
        .timeout_ms = STORAGE_TIMEOUT_MS,
        .no_auth = true,
    };
    struct http_response r = { .status = 0 };
    struct err err = ERR_INIT;

    if (u->session.n && google_do(u->g, u->ctx, &call, &r, &err))
        log_debug(&u->ctx->log, "upload session not cancelled: %s", err.text);
}

static enum errc fill(struct upload *u, struct err *err)
{
    size_t got;
    enum errc rc;

    while (u->n < u->max && !u->eof) {
        got = 0;
        rc = u->read(u->read_arg, u->chunk + u->n, u->max - u->n, &got);
        if (rc)
            return err_set(err, rc, "the source failed at byte %lld", read_to(u));
        if (got > u->max - u->n)
            return err_set(err, ERR_INTERNAL, "the source gave more than was asked for");
        u->eof = got == 0;
        u->crc = crc32c(u->crc, u->chunk + u->n, got);
        u->n += got;
    }
    return ERR_OK;
}

/* "bytes A-B/TOTAL"; a star for a total not known yet, and for the range when nothing is left. */
static struct str content_range(struct upload *u, struct arena *a, bool with_data)
{
    struct str total = u->eof ? arena_printf(a, "%lld", read_to(u)) : STR("*");

    if (!with_data || u->n == 0)
        return arena_printf(a, "bytes */" STR_FMT, STR_ARG(total));
    return arena_printf(a, "bytes %lld-%lld/" STR_FMT, (long long)u->offset,
                        (long long)(u->offset + (int64_t)u->n - 1), STR_ARG(total));
}

static enum errc put(struct upload *u, struct ctx *ctx, bool with_data, struct http_response *r,
                     struct err *err)
{
    struct http_header headers[2] = { { STR("Content-Range"), STR_EMPTY } };
    struct google_call call = {
        .api = GOOGLE_STORAGE,
        .method = "PUT",
        .url = u->session,
        .headers = headers,
        .n_headers = 1,
        .body = with_data ? str_n(u->chunk, u->n) : STR_EMPTY,
        .content_type = "application/octet-stream",
        .timeout_ms = STORAGE_CHUNK_TIMEOUT_MS,
        .body_max = STORAGE_ANSWER_MAX,
        .no_auth = true,
    };

    headers[0].value = content_range(u, ctx->arena, with_data);
    if (u->eof && with_data) {
        headers[1] =
            (struct http_header){ STR("X-Goog-Hash"),
                                  arena_printf(ctx->arena, "crc32c=" STR_FMT,
                                               STR_ARG(storage_crc_text(ctx->arena, u->crc))) };
        call.n_headers = 2;
    }
    return google_do(u->g, ctx, &call, r, err);
}

/* "bytes=0-N" -> N + 1. */
static bool stored_bytes(const struct http_response *r, int64_t *ret)
{
    struct str range = http_response_header(r, "Range");
    int64_t last;

    if (!str_starts(range, STR("bytes=0-")) ||
        str_to_i64(str_from(range, 8), 0, INT64_MAX - 1, &last))
        return false;
    *ret = last + 1;
    return true;
}

/* The server has the object's first `stored` bytes: the rest of the chunk goes on from there. */
static enum errc forget_stored(struct upload *u, int64_t stored, struct err *err)
{
    size_t done;

    if (stored < u->offset || stored > u->offset + (int64_t)u->n)
        return err_set(err, ERR_UPSTREAM, "session has %lld bytes, expected %lld to %lld",
                       (long long)stored, (long long)u->offset, read_to(u));
    done = (size_t)(stored - u->offset);
    if (done == 0)
        return ERR_OK; /* nothing was won: u->failures stays */
    memmove(u->chunk, u->chunk + done, u->n - done);
    u->n -= done;
    u->offset = stored;
    u->failures = 0;
    return ERR_OK;
}

static bool is_ours(const struct upload *u, const struct storage_object *o)
{
    return u->eof && o->size == u->offset + (int64_t)u->n && o->has_crc32c && o->crc32c == u->crc;
}

/* Left there, it would be taken for the recording that it is not. */
static void delete_wrong(struct upload *u, struct ctx *ctx, const struct storage_object *o)
{
    struct str path = storage_object_path(ctx->arena, u->to->bucket, u->to->name);
    struct google_call call = {
        .api = GOOGLE_STORAGE,
        .method = "DELETE",
        .path = arena_printf(ctx->arena, STR_FMT "?ifGenerationMatch=%lld", STR_ARG(path),
                             (long long)o->generation),
        .timeout_ms = STORAGE_TIMEOUT_MS,
        .attempts = STORAGE_ATTEMPTS,
        .idempotent = true,
    };
    struct http_response r = { .status = 0 };
    struct err err = ERR_INIT;

    if (google_call(u->g, ctx, &call, &r, &err))
        log_warn(&ctx->log, "a wrong object stays behind: %s", err.text);
}

/* `resource` says that there is an object now. */
static enum errc finished(struct upload *u, struct ctx *ctx, const struct jval *resource,
                          struct storage_object *ret, struct err *err)
{
    struct storage_object o = storage_object_read(ctx->arena, resource);

    if (!is_ours(u, &o)) {
        delete_wrong(u, ctx, &o);
        return err_set(err, ERR_UPSTREAM, "what is stored (%lld bytes) is not what was sent",
                       (long long)o.size);
    }
    o.bucket = arena_str(u->ctx->arena, u->to->bucket);
    o.name = arena_str(u->ctx->arena, u->to->name);
    o.content_type = arena_str(u->ctx->arena, o.content_type);
    o.metadata = u->to->metadata;
    o.n_metadata = u->to->n_metadata;
    *ret = o;
    return ERR_OK;
}

/* One PUT, with the chunk or as a question. `ctx` is this attempt's own, so that an upload's memory does
 * not grow with its length. */
static enum upload_step step(struct upload *u, struct ctx *ctx, bool with_data,
                             struct storage_object *ret, enum errc *rc, struct err *err)
{
    struct http_response r = { .status = 0 };
    const struct jval *resource;
    int64_t stored = 0, before = u->offset;

    *rc = put(u, ctx, with_data, &r, err);
    if (*rc)
        return *rc == ERR_TIMEOUT || *rc == ERR_UPSTREAM ? UPLOAD_UNKNOWN : UPLOAD_FAILED;
    if (r.status == 200 || r.status == 201) {
        *rc = google_json(ctx, &r, &resource, err);
        if (*rc)
            return UPLOAD_UNKNOWN;
        *rc = finished(u, ctx, resource, ret, err);
        return *rc ? UPLOAD_FAILED : UPLOAD_DONE;
    }
    if (r.status == 308) {
        /* Without Range nothing is known to be stored: ask; the answer to a question means nothing is. */
        if (!stored_bytes(&r, &stored) && with_data && u->n) {
            *rc = err_set(err, ERR_UPSTREAM, "308 without Range");
            return UPLOAD_UNKNOWN;
        }
        *rc = forget_stored(u, stored, err);
        if (*rc)
            return UPLOAD_FAILED;
        if (!with_data || u->offset > before)
            return UPLOAD_GOES_ON;
        *rc = err_set(err, ERR_UPSTREAM, "308, and nothing more is stored");
        return UPLOAD_UNKNOWN;
    }
    *rc = google_error(&r, err);
    if (r.status == 404 || r.status == 410)
        return UPLOAD_GONE;
    if (!storage_worth_retrying(r.status))
        return UPLOAD_FAILED;
    /* ERR_TIMEOUT: the deadline would pass; the back-off that follows says so as well. */
    return google_wait_asked(ctx, &r) ? UPLOAD_FAILED : UPLOAD_UNKNOWN;
}

static enum upload_step step_in_own_arena(struct upload *u, struct arena *a, bool with_data,
                                          struct storage_object *ret, enum errc *rc,
                                          struct err *err)
{
    struct ctx ctx = *u->ctx;

    arena_reset(a);
    ctx.arena = a;
    return step(u, &ctx, with_data, ret, rc, err);
}

/* The session is no more. It may have ended well, and only its answers were lost; as long as nothing was
 * let go of it is begun anew. */
static enum upload_step gone(struct upload *u, struct storage_object *ret, enum errc *rc,
                             struct err *err)
{
    struct storage_object there;

    if (u->eof && !storage_stat(u->g, u->ctx, u->to->bucket, u->to->name, &there, NULL) &&
        is_ours(u, &there)) {
        *ret = there;
        *rc = ERR_OK;
        return UPLOAD_DONE;
    }
    if (u->offset > 0) {
        *rc = err_wrap(err, ERR_AGAIN, "the session was lost at byte %lld", (long long)u->offset);
        return UPLOAD_FAILED;
    }
    if (++u->failures >= STORAGE_ATTEMPTS_MAX ||
        ctx_backoff(u->ctx, u->failures, STORAGE_BACKOFF_MS, STORAGE_BACKOFF_MAX_MS)) {
        *rc = err_wrap(err, ERR_AGAIN, "%d sessions were lost", u->failures);
        return UPLOAD_FAILED;
    }
    *rc = start(u, err);
    return *rc ? UPLOAD_FAILED : UPLOAD_GOES_ON;
}

static enum errc run(struct upload *u, struct storage_object *ret, struct err *err)
{
    struct arena a = ARENA_INIT;
    enum upload_step s = UPLOAD_GOES_ON;
    enum errc rc = ERR_OK;

    while (s == UPLOAD_GOES_ON || s == UPLOAD_UNKNOWN) {
        if (s == UPLOAD_UNKNOWN) {
            if (++u->failures >= STORAGE_ATTEMPTS_MAX ||
                ctx_backoff(u->ctx, u->failures, STORAGE_BACKOFF_MS, STORAGE_BACKOFF_MAX_MS))
                break; /* rc is what happened last */
        } else {
            rc = fill(u, err);
            if (rc)
                break;
        }
        s = step_in_own_arena(u, &a, s == UPLOAD_GOES_ON, ret, &rc, err);
        if (s == UPLOAD_GONE)
            s = gone(u, ret, &rc, err);
    }
    arena_release(&a);
    return rc;
}

enum errc storage_upload(struct google *g, struct ctx *ctx, const struct storage_target *to,
                         size_t chunk_bytes, storage_read_fn read, void *arg,
                         struct storage_object *ret, struct err *err)
{
    struct upload u = { .g = g, .ctx = ctx, .to = to, .read = read, .read_arg = arg };
    enum errc rc;

    u.max = chunk_bytes ? chunk_bytes : STORAGE_CHUNK_BYTES;
    if (u.max % STORAGE_CHUNK_UNIT)
        return err_set(err, ERR_INVALID, "chunk of %zu bytes is no multiple of %d", u.max,
                       STORAGE_CHUNK_UNIT);
    rc = start(&u, err);
    if (!rc) {
        u.chunk = mem_alloc(u.max);
        rc = run(&u, ret, err);
        mem_free(u.chunk);
        if (rc)
            cancel(&u);
    }
    return rc ? err_wrap(err, rc, "upload " STR_FMT "/" STR_FMT, STR_ARG(to->bucket),
                         STR_ARG(to->name))
              : ERR_OK;
}
