#include "dashboard/recording.h"

#include "dashboard/calls.h"
#include "dashboard/page.h"
#include "google/storage.h"

/* --- ranges ------------------------------------------------------------- */

/* Digits only; a number too great to be kept is as good as the greatest. */
static bool read_number(struct str s, int64_t *ret)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    if (!s.n)
        return false;
    if (str_to_i64(s, 0, INT64_MAX, ret))
        *ret = INT64_MAX;
    return true;
}

static enum range_kind last_bytes(struct str count, int64_t size, struct byte_range *ret)
{
    int64_t n;

    if (!read_number(count, &n))
        return RANGE_WHOLE;
    if (n == 0 || size == 0)
        return RANGE_OUTSIDE;
    *ret = (struct byte_range){ size - MIN(n, size), size - 1 };
    return RANGE_PART;
}

enum range_kind range_parse(struct str header, int64_t size, struct byte_range *ret)
{
    struct str unit, spec, first, last;
    int64_t from, to = INT64_MAX;

    if (!str_cut(header, '=', &unit, &spec) || !str_ieq_c(str_trim(unit), "bytes") ||
        str_find_char(spec, ',') < spec.n)
        return RANGE_WHOLE;
    if (!str_cut(str_trim(spec), '-', &first, &last))
        return RANGE_WHOLE;
    if (!first.n)
        return last_bytes(last, size, ret);
    if (!read_number(first, &from) || (last.n && !read_number(last, &to)) || to < from)
        return RANGE_WHOLE;
    if (from >= size)
        return RANGE_OUTSIDE;
    *ret = (struct byte_range){ from, MIN(to, size - 1) };
    return RANGE_PART;
}

/* --- answers ------------------------------------------------------------ */

struct sending {
    struct http_req *r;
    struct storage_object object;
    struct str etag;
    const char *content_type;
    struct byte_range range;
    enum range_kind kind;
    bool begun;
    int64_t sent;
    char last; /* byte, held back until the whole has been checked */
};

static struct str etag_of(struct arena *a, const struct storage_object *o)
{
    return arena_printf(a, "\"%lld\"", (long long)o->generation);
}

/* Of another version than the client has, it gets the whole. */
static enum range_kind choose_range(struct sending *s)
{
    struct str header = http_req_header(s->r, "Range");
    struct str if_range = http_req_header(s->r, "If-Range");

    s->range = (struct byte_range){ 0, s->object.size - 1 };
    if (!header.n || (if_range.n && !str_eq(if_range, s->etag)))
        return RANGE_WHOLE;
    return range_parse(header, s->object.size, &s->range);
}

static void add_headers(struct sending *s)
{
    struct arena *a = s->r->ctx->arena;

    page_private_headers(s->r);
    http_reply_header(s->r, "Accept-Ranges", STR("bytes"));
    if (s->object.generation)
        http_reply_header(s->r, "ETag", s->etag);
    if (s->kind == RANGE_PART)
        http_reply_header(s->r, "Content-Range",
                          arena_printf(a, "bytes %lld-%lld/%lld", (long long)s->range.from,
                                       (long long)s->range.to, (long long)s->object.size));
    else if (s->kind == RANGE_OUTSIDE)
        http_reply_header(s->r, "Content-Range",
                          arena_printf(a, "bytes */%lld", (long long)s->object.size));
}

/* Begins the answer with the first piece, while the answer may still be an error. */
static enum errc on_piece(void *arg, const char *data, size_t n)
{
    struct sending *s = arg;
    int64_t length = s->range.to - s->range.from + 1;
    enum errc rc;

    if (!s->begun) {
        s->begun = true;
        add_headers(s);
        rc = http_reply_begin(s->r, s->kind == RANGE_PART ? 206 : 200, s->content_type, length);
        if (rc)
            return rc;
    }
    s->sent += (int64_t)n;
    if (s->sent < length)
        return http_reply_write(s->r, data, n);
    s->last = data[n - 1];
    return n > 1 ? http_reply_write(s->r, data, n - 1) : ERR_OK;
}

/* Cloud Storage is asked for a range only when the client did: a whole read is checked by its
 * checksum. What does not hold ends before its last byte, so that the client knows. */
static enum errc stream(struct dashboard *d, struct sending *s, struct err *err)
{
    bool part = s->kind == RANGE_PART;
    enum errc rc =
        storage_read(d->google, s->r->ctx, s->object.bucket, s->object.name,
                     part ? s->range.from : 0, part ? s->range.to : -1, on_piece, s, NULL, err);

    return rc || !s->begun ? rc : http_reply_write(s->r, &s->last, 1);
}

static void say_failed(struct http_req *r, const char *what, const struct err *err)
{
    if (err->code == ERR_NOT_FOUND) {
        page_private_headers(r);
        http_reply_error(r, 404, "the %s is not in the bucket", what);
        return;
    }
    log_error(&r->ctx->log, "%s cannot be read kind=%s error=\"%s\"", what, errc_name(err->code),
              err->text);
    page_private_headers(r);
    http_reply_header(r, "Retry-After", STR("10"));
    http_reply_error(r, 503, "the %s cannot be read just now", what);
}

static void send_object(struct dashboard *d, struct http_req *r, const struct stored_object *o,
                        const char *what, const char *content_type)
{
    struct sending s = { .r = r, .content_type = content_type };
    struct err err = ERR_INIT;
    enum errc rc;

    rc = storage_stat(d->google, r->ctx, o->bucket, o->name, &s.object, &err);
    if (rc) {
        say_failed(r, what, &err);
        return;
    }
    s.object.bucket = o->bucket;
    s.object.name = o->name;
    s.etag = etag_of(r->ctx->arena, &s.object);
    s.kind = choose_range(&s);
    if (s.kind == RANGE_OUTSIDE) {
        add_headers(&s);
        http_reply_error(r, 416, "the %s has %lld bytes", what, (long long)s.object.size);
        return;
    }
    rc = stream(d, &s, &err);
    if (rc && !s.begun) {
        say_failed(r, what, &err);
        return;
    }
    if (rc && rc != ERR_CLOSED)
        log_error(&r->ctx->log, "%s broke off kind=%s error=\"%s\"", what, errc_name(rc), err.text);
    if (s.begun) {
        http_reply_end(
            r); /* shorter than announced: the connection is closed, and the client knows */
    } else {
        add_headers(&s);
        http_reply(r, 200, content_type, STR_EMPTY); /* an empty object */
    }
}

/* --- routes ------------------------------------------------------------- */

static bool read_record(struct dashboard *d, struct http_req *r, struct call *ret)
{
    struct str sid = http_req_param(r, "sid");
    struct err err = ERR_INIT;
    enum errc rc = ERR_NOT_FOUND;

    if (call_sid_valid(sid))
        rc = calls_read_record(d->google, r->ctx, sid, ret, &err);
    if (!rc)
        return true;
    err.code = rc;
    api_failed(r, &err);
    return false;
}

void on_recording(void *app, struct http_req *r)
{
    struct dashboard *d = app;
    struct call c;

    if (!read_record(d, r, &c))
        return;
    if (c.recording.name.n) {
        send_object(d, r, &c.recording, "recording", "audio/wav");
        return;
    }
    page_private_headers(r);
    http_reply_error(r, 404, "this call has no recording");
}

void on_transcript(void *app, struct http_req *r)
{
    struct dashboard *d = app;
    struct call c;

    if (!read_record(d, r, &c))
        return;
    if (c.transcript.name.n) {
        send_object(d, r, &c.transcript, "transcript", "application/json");
        return;
    }
    page_private_headers(r);
    http_reply_error(r, 404, "this call has no transcript");
}
