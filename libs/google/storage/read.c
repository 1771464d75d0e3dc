/* Reading objects as streams. Source: Cloud Storage JSON API, Objects: get (alt=media). */
#include "base/crypto.h"
#include "google/storage.h"
#include "google/storage/storage_internal.h"

struct reading {
    storage_write_fn write;
    void *write_arg;
    int64_t from, to; /* as asked; to -1: the end */
    int64_t received;
    uint32_t crc;
    enum errc app_rc; /* what the caller's write said */
};

static enum errc on_data(void *arg, const char *data, size_t n)
{
    struct reading *r = arg;

    r->app_rc = r->write(r->write_arg, data, n);
    if (r->app_rc)
        return r->app_rc;
    r->crc = crc32c(r->crc, data, n);
    r->received += (int64_t)n;
    return ERR_OK;
}

static struct str range_text(struct arena *a, const struct reading *r)
{
    int64_t from = r->from + r->received;

    if (r->to >= 0)
        return arena_printf(a, "bytes=%lld-%lld", (long long)from, (long long)r->to);
    return from > 0 ? arena_printf(a, "bytes=%lld-", (long long)from) : STR_EMPTY;
}

/* Size of the whole object: behind the slash of Content-Range, else the length of the answer. */
static int64_t whole_size(const struct http_response *r)
{
    struct str head, total = http_response_header(r, "Content-Range");
    int64_t size = 0;

    if (!str_cut(total, '/', &head, &total))
        total = http_response_header(r, "Content-Length");
    if (str_to_i64(total, 0, INT64_MAX, &size))
        size = 0;
    return size;
}

static struct storage_object object_of(struct arena *a, const struct http_response *r)
{
    struct storage_object o = { .content_type = http_response_header(r, "Content-Type") };
    struct str text = http_response_header(r, "x-goog-generation");
    struct str head, rest;
    size_t i;

    o.size = whole_size(r);
    if (str_to_i64(text, 0, INT64_MAX, &o.generation))
        o.generation = 0;
    for (i = 0; i < r->n_headers; i++) { /* one header with a list, or several */
        if (!str_ieq_c(r->headers[i].name, "x-goog-hash"))
            continue;
        rest = r->headers[i].value;
        while (rest.n) {
            (void)str_cut(rest, ',', &head, &rest); /* the last has no comma */
            head = str_trim(head);
            if (str_starts(head, STR("crc32c=")))
                o.has_crc32c = storage_crc_parse(a, str_from(head, 7), &o.crc32c) == ERR_OK;
        }
    }
    return o;
}

static enum errc ask(struct google *g, struct ctx *ctx, struct reading *reading, struct str bucket,
                     struct str name, struct http_response *r, struct err *err)
{
    struct str path = storage_object_path(ctx->arena, bucket, name);
    struct http_header range = { STR("Range"), range_text(ctx->arena, reading) };
    struct google_call call = {
        .api = GOOGLE_STORAGE,
        .method = "GET",
        .path = arena_printf(ctx->arena, STR_FMT "?alt=media", STR_ARG(path)),
        .headers = &range,
        .n_headers = range.value.n ? 1 : 0,
        .timeout_ms = -1, /* as long as bytes come */
        .write = on_data,
        .write_arg = reading,
        .body_max = STORAGE_ANSWER_MAX,
    };
    enum errc rc;

    rc = google_do(g, ctx, &call, r, err);
    if (rc)
        return rc;
    if (r->status == 416)
        return err_set(err, ERR_LIMIT, "range begins past the end");
    if (r->status != 200 && r->status != 206) {
        rc = google_error(r, err);
        return storage_worth_retrying(r->status) ? ERR_AGAIN : rc;
    }
    if (range.value.n && r->status != 206)
        return err_set(err, ERR_INTERNAL, "the whole object was sent in place of a range");
    return ERR_OK;
}

/* After a break a whole read goes on where it stopped: its checksum shows if the object was replaced
 * meanwhile. A range has none, so it is only begun anew, before its first byte. */
static bool may_go_on(const struct reading *r, enum errc rc)
{
    if (r->app_rc || (rc != ERR_AGAIN && rc != ERR_UPSTREAM && rc != ERR_TIMEOUT))
        return false;
    return r->received == 0 || (r->from == 0 && r->to < 0);
}

enum errc storage_read(struct google *g, struct ctx *ctx, struct str bucket, struct str name,
                       int64_t from, int64_t to, storage_write_fn write, void *arg,
                       struct storage_object *ret, struct err *err)
{
    struct reading reading = { .write = write, .write_arg = arg, .from = from, .to = to };
    struct storage_object o;
    struct http_response r = { .status = 0 };
    int64_t before;
    int failures = 0;
    enum errc rc;

    for (;;) {
        before = reading.received;
        rc = ask(g, ctx, &reading, bucket, name, &r, err);
        if (!rc || !may_go_on(&reading, rc))
            break;
        failures = reading.received > before ? 1 : failures + 1;
        if (failures >= STORAGE_ATTEMPTS_MAX || google_wait_asked(ctx, &r) ||
            ctx_backoff(ctx, failures, STORAGE_BACKOFF_MS, STORAGE_BACKOFF_MAX_MS))
            break;
    }
    if (reading.app_rc)
        return err_set(err, reading.app_rc, "read " STR_FMT "/" STR_FMT ": the reader stopped",
                       STR_ARG(bucket), STR_ARG(name));
    if (rc)
        return err_wrap(err, rc, "read " STR_FMT "/" STR_FMT, STR_ARG(bucket), STR_ARG(name));
    o = object_of(ctx->arena, &r);
    if (from == 0 && to < 0 && o.has_crc32c && o.crc32c != reading.crc)
        return err_set(err, ERR_UPSTREAM, "read " STR_FMT "/" STR_FMT ": not what is stored",
                       STR_ARG(bucket), STR_ARG(name));
    o.bucket = bucket;
    o.name = name;
    if (ret)
        *ret = o;
    return ERR_OK;
}

static enum errc into_buf(void *arg, const char *data, size_t n)
{
    struct buf *b = arg;

    buf_add(b, data, n);
    return buf_status(b);
}

enum errc storage_get(struct google *g, struct ctx *ctx, struct str bucket, struct str name,
                      size_t max_bytes, struct str *ret, struct err *err)
{
    struct buf b = BUF_INIT(max_bytes);
    enum errc rc;

    rc = storage_read(g, ctx, bucket, name, 0, -1, into_buf, &b, NULL, err);
    if (!rc)
        *ret = arena_str(ctx->arena, buf_str(&b));
    buf_release(&b);
    return rc;
}
