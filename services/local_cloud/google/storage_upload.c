/* Uploads: in one request, with metadata in a multipart body, and resumable ones. */
#include "base/clock.h"
#include "base/crypto.h"
#include "local_cloud/google/storage_internal.h"

/* ---- hashes ---- */

/* "crc32c=…,md5=…" of X-Goog-Hash; empty: not sent. */
static struct str hash_of(struct http_req *r, const char *which)
{
    struct str head, rest = http_req_header(r, "X-Goog-Hash"), name, value;

    while (rest.n) {
        (void)str_cut(rest, ',', &head, &rest); /* the last has no comma */
        if (str_cut(str_trim(head), '=', &name, &value) && str_eq_c(name, which))
            return value;
    }
    return STR_EMPTY;
}

static struct str md5_text(struct arena *a, struct str data)
{
    uint8_t digest[MD5_LEN];

    md5(digest, data);
    return base64_text(a, str_n(digest, sizeof(digest)));
}

static bool hashes_match(struct http_req *r, const struct gcs_object *o, struct str want_crc,
                         struct str want_md5)
{
    struct arena *a = r->ctx->arena;
    struct str crc = gcs_crc_text(a, o->crc32c);
    struct str header_crc = hash_of(r, "crc32c"), header_md5 = hash_of(r, "md5");

    return !(want_crc.n && !str_eq(want_crc, crc)) && !(header_crc.n && !str_eq(header_crc, crc)) &&
           !(want_md5.n && !str_eq(want_md5, o->md5)) &&
           !(header_md5.n && !str_eq(header_md5, o->md5));
}

static void reply_bad_hash(struct http_req *r)
{
    reply_old_error(r, 400, "invalid",
                    "Provided CRC32C or MD5 hash doesn't match calculated hash.");
}

/* ---- metadata ---- */

struct resource {
    struct str name, crc, md5;
    struct gcs_object object; /* content type, metadata and so on */
};

static bool read_resource(struct arena *a, struct str text, struct resource *ret)
{
    const struct jval *body;

    if (json_parse_arena(&body, a, text.n ? text : STR("{}"), NULL) || !json_is_obj(body))
        return false;
    *ret = (struct resource){
        .name = json_str(json_get(body, "name")),
        .crc = json_str(json_get(body, "crc32c")),
        .md5 = json_str(json_get(body, "md5Hash")),
    };
    gcs_object_set(&ret->object, a, body, false);
    return true;
}

/* False: answered. */
static bool may_be_made(struct http_req *r, struct str name, const struct form *query,
                        struct gcs_conditions *ret)
{
    if (name.n == 0)
        reply_old_error(r, 400, "required", "Required object name");
    else if (!gcs_name_ok(name))
        reply_old_error(r, 400, "invalid", "Invalid object name");
    else if (!gcs_conditions_of(ret, query, false))
        gcs_reply_bad_condition(r);
    else
        return true;
    return false;
}

/* ---- one request ---- */

static void put_whole(struct storage *g, struct http_req *r, const struct resource *m,
                      struct str data)
{
    struct form query = request_query(r);
    struct gcs_conditions c;
    struct arena *a = r->ctx->arena;
    struct gcs_object o = m->object;
    bool exists, holds = false;

    o.bucket = http_req_param(r, "bucket");
    o.name = m->name.n ? m->name : form_get(&query, "name");
    o.md5 = md5_text(a, data);
    o.crc32c = crc32c(0, data.p, data.n);
    o.size = (int64_t)data.n;
    if (!may_be_made(r, o.name, &query, &c))
        return;
    if (!hashes_match(r, &o, m->crc, m->md5)) {
        reply_bad_hash(r);
        return;
    }
    store_begin(g->store);
    exists = gcs_bucket_exists(g->store, o.bucket);
    holds = exists && gcs_conditions_hold(g->store, a, &o, &c);
    if (holds) {
        o.id = gcs_bytes_new(g->store);
        gcs_bytes_add(g->store, o.id, 0, data);
        gcs_object_put(g->store, a, &o, clock_wall_us(g->clock));
    }
    if (!gcs_done(g, r))
        return;
    if (!exists)
        gcs_reply_no_bucket(r);
    else if (!holds)
        gcs_reply_condition(r);
    else
        gcs_reply_object(r, &o);
}

static void upload_media(struct storage *g, struct http_req *r)
{
    struct resource m = { .object.content_type = http_req_header(r, "Content-Type") };

    put_whole(g, r, &m, r->body);
}

/* ---- multipart ---- */

static struct str boundary_of(struct arena *a, struct str type)
{
    struct str rest;
    size_t at = str_find(type, STR("boundary="));

    if (at == type.n)
        return STR_EMPTY;
    rest =
        str_trim(str_slice(str_from(type, at + 9), 0, str_find_char(str_from(type, at + 9), ';')));
    if (rest.n >= 2 && (rest.p[0] == '"' || rest.p[0] == '\''))
        rest = str_slice(rest, 1, rest.n - 1);
    return rest.n ? arena_printf(a, "--" STR_FMT, STR_ARG(rest)) : STR_EMPTY;
}

struct part {
    struct str head, body;
};

/* Where a line begins with the boundary, which must be all that it says; text.n: nowhere. */
static size_t find_boundary(struct str text, struct str boundary)
{
    size_t at = 0, step;
    struct str rest;

    for (;;) {
        step = str_find(str_from(text, at), boundary);
        if (step == text.n - at)
            return text.n;
        at += step;
        rest = str_from(text, at + boundary.n);
        if ((at == 0 || text.p[at - 1] == '\n') &&
            (rest.n == 0 || str_starts(rest, STR("--")) || rest.p[0] == '\r' || rest.p[0] == '\n' ||
             rest.p[0] == ' ' || rest.p[0] == '\t'))
            return at;
        at++;
    }
}

static bool cut_head(struct str part, struct part *ret)
{
    static const char *const gaps[] = { "\r\n\r\n", "\n\n" };
    size_t i, at;

    for (i = 0; i < ARRAY_LEN(gaps); i++) {
        at = str_find(part, str_c(gaps[i]));
        if (at < part.n) {
            *ret = (struct part){ str_slice(part, 0, at), str_from(part, at + str_c(gaps[i]).n) };
            return true;
        }
    }
    return false;
}

/* The part that begins at `*rest`, which stands behind a boundary; *rest then stands behind the next. */
static bool next_part(struct str *rest, struct str boundary, struct part *ret)
{
    struct str part;
    size_t eol = str_find_char(*rest, '\n'), end;

    if (eol == rest->n)
        return false;
    part = str_from(*rest, eol + 1);
    end = find_boundary(part, boundary);
    if (end == part.n)
        return false;
    *rest = str_from(part, end + boundary.n);
    part = str_slice(part, 0, end);
    /* The line end before the boundary belongs to it. */
    if (str_ends(part, STR("\r\n")))
        part.n -= 2;
    else if (str_ends(part, STR("\n")))
        part.n -= 1;
    return cut_head(part, ret);
}

static struct str part_type(struct str head)
{
    struct str line, rest = head;

    while (rest.n) {
        (void)str_cut(rest, '\n', &line, &rest); /* the last has no line end */
        if (str_istarts(line, STR("content-type:")))
            return str_trim(str_from(line, 13));
    }
    return STR_EMPTY;
}

static void upload_multipart(struct storage *g, struct http_req *r)
{
    struct arena *a = r->ctx->arena;
    struct str boundary = boundary_of(a, http_req_header(r, "Content-Type")), rest = r->body;
    struct resource m = { .name = STR_EMPTY };
    struct part meta, media;
    size_t at = find_boundary(rest, boundary);

    if (boundary.n == 0 || at == rest.n) {
        reply_old_error(r, 400, "badContent", "Missing multipart boundary");
        return;
    }
    rest = str_from(rest, at + boundary.n);
    if (!next_part(&rest, boundary, &meta) || !next_part(&rest, boundary, &media) ||
        !read_resource(a, meta.body, &m)) {
        reply_old_error(r, 400, "badContent", "Malformed multipart body.");
        return;
    }
    if (m.object.content_type.n == 0)
        m.object.content_type = part_type(media.head);
    put_whole(g, r, &m, media.body);
}

/* ---- resumable ---- */

static void start_session(struct storage *g, struct http_req *r)
{
    struct form query = request_query(r);
    struct arena *a = r->ctx->arena;
    struct gcs_upload u = { .total = -1 };
    struct str length = http_req_header(r, "X-Upload-Content-Length");
    struct resource m = { .name = STR_EMPTY };
    bool exists, holds;

    if (!read_resource(a, r->body, &m)) {
        reply_old_error(r, 400, "parseError", "Parse Error");
        return;
    }
    u.object = m.object;
    u.object.bucket = http_req_param(r, "bucket");
    u.object.name = m.name.n ? m.name : form_get(&query, "name");
    if (u.object.content_type.n == 0)
        u.object.content_type = http_req_header(r, "X-Upload-Content-Type");
    u.want_crc = m.crc;
    u.want_md5 = m.md5;
    if (length.n && str_to_i64(length, 0, INT64_MAX, &u.total))
        u.total = -1;
    if (!may_be_made(r, u.object.name, &query, &u.conditions))
        return;
    store_begin(g->store);
    exists = gcs_bucket_exists(g->store, u.object.bucket);
    holds = exists && gcs_conditions_hold(g->store, a, &u.object, &u.conditions);
    if (holds)
        gcs_upload_add(g->store, a, &u);
    if (!gcs_done(g, r))
        return;
    if (!exists) {
        gcs_reply_no_bucket(r);
    } else if (!holds) {
        gcs_reply_condition(r);
    } else {
        http_reply_header(r, "Location",
                          arena_printf(a,
                                       STR_FMT "/upload/storage/v1/b/" STR_FMT
                                               "/o?uploadType=resumable&upload_id=" STR_FMT,
                                       STR_ARG(gcs_origin(r)),
                                       STR_ARG(url_encode_text(a, u.object.bucket)),
                                       STR_ARG(u.key)));
        http_reply_header(r, "X-GUploader-UploadID", u.key);
        http_reply_empty(r, 200);
    }
}

void gcs_on_upload(void *app, struct http_req *r)
{
    struct storage *g = ((struct local_cloud *)app)->storage;
    struct form query = request_query(r);
    struct str type = form_get(&query, "uploadType");

    if (str_eq(type, STR("resumable")) && form_has(&query, "upload_id"))
        gcs_on_session(app, r);
    else if (str_eq(type, STR("resumable")))
        start_session(g, r);
    else if (str_eq(type, STR("multipart")))
        upload_multipart(g, r);
    else if (str_eq(type, STR("media")))
        upload_media(g, r);
    else
        reply_old_error(r, 400, "invalid", "Invalid uploadType");
}

/* What a Content-Range says. */
struct chunk {
    bool query;    /* no bytes: "bytes *" and a total or none */
    int64_t from;  /* of the first byte sent */
    int64_t total; /* -1: not known */
    bool to_end;   /* the body is all there is: no Content-Range, or "0-*" */
    int64_t length;
};

static bool read_content_range(struct str text, size_t body, struct chunk *ret)
{
    struct str range, total, first, last;
    int64_t to = 0;

    *ret = (struct chunk){ .total = -1, .length = (int64_t)body };
    if (text.n == 0) {
        ret->to_end = true;
        return true;
    }
    if (!str_starts(text, STR("bytes ")) || !str_cut(str_from(text, 6), '/', &range, &total))
        return false;
    if (!str_eq(total, STR("*")) && str_to_i64(total, 0, INT64_MAX, &ret->total))
        return false;
    if (str_eq(range, STR("*"))) {
        ret->query = true;
        return body == 0;
    }
    if (!str_cut(range, '-', &first, &last) || str_to_i64(first, 0, INT64_MAX, &ret->from))
        return false;
    if (str_eq(last, STR("*"))) { /* Node sends a whole body of unknown length so */
        ret->to_end = ret->total < 0;
        return true;
    }
    if (str_to_i64(last, ret->from, INT64_MAX - 1, &to))
        return false;
    return to - ret->from + 1 == ret->length && (ret->total < 0 || to < ret->total);
}

static void reply_incomplete(struct http_req *r, const struct gcs_upload *u)
{
    struct arena *a = r->ctx->arena;
    bool no_308 = str_ieq_c(http_req_header(r, "X-GUploader-No-308"), "yes");

    if (u->stored)
        http_reply_header(r, "Range", arena_printf(a, "bytes=0-%lld", (long long)u->stored - 1));
    http_reply_header(r, "X-GUploader-UploadID", u->key);
    if (no_308)
        http_reply_header(r, "X-HTTP-Status-Code-Override", STR("308"));
    http_reply_empty(r, no_308 ? 200 : 308);
}

/* In a transaction. */
enum taken { TAKEN, TAKEN_WHOLE, TAKEN_GAP, TAKEN_ODD_SIZE, TAKEN_OTHER_TOTAL, TAKEN_TOO_MUCH };

static enum taken take(struct storage *g, struct gcs_upload *u, const struct chunk *c,
                       struct str body)
{
    struct str fresh;

    if (c->total >= 0 && u->total >= 0 && c->total != u->total)
        return TAKEN_OTHER_TOTAL;
    if (c->total >= 0)
        u->total = c->total;
    if (!c->query && c->from > u->stored)
        return TAKEN_GAP;
    /* What is here already is passed over: a repeat after a lost answer. */
    fresh =
        c->query ? STR_EMPTY : str_from(body, (size_t)MIN(u->stored - c->from, (int64_t)body.n));
    if (u->total >= 0 && u->stored + (int64_t)fresh.n > u->total)
        return TAKEN_TOO_MUCH;
    if (c->to_end)
        u->total = u->stored + (int64_t)fresh.n;
    if (u->stored + (int64_t)fresh.n != u->total && fresh.n % STORAGE_PIECE)
        return TAKEN_ODD_SIZE;
    gcs_bytes_add(g->store, u->id, u->stored, fresh);
    u->object.crc32c = crc32c(u->object.crc32c, fresh.p, fresh.n);
    u->stored += (int64_t)fresh.n;
    return u->total >= 0 && u->stored == u->total ? TAKEN_WHOLE : TAKEN;
}

static void reply_refused(struct http_req *r, enum taken t)
{
    static const char *const texts[] = {
        [TAKEN_GAP] = "Invalid request. The range begins behind what is stored.",
        [TAKEN_ODD_SIZE] =
            /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one sentence */
        "Invalid request. The number of bytes uploaded is required to be equal or "
        "a multiple of 262144, except for the final request.",
        [TAKEN_OTHER_TOTAL] =
            "Invalid request. The total size differs from the one declared before.",
        [TAKEN_TOO_MUCH] = "Invalid request. There are more bytes than declared.",
    };

    reply_old_error(r, 400, "badRequest", texts[t]);
}

/* All bytes are here. Ends the transaction and answers. */
static void finalize(struct storage *g, struct http_req *r, struct gcs_upload *u)
{
    struct arena *a = r->ctx->arena;
    bool good, holds;

    u->object.size = u->stored;
    u->object.md5 = gcs_bytes_md5(g->store, a, u->id, u->stored);
    good = hashes_match(r, &u->object, u->want_crc, u->want_md5);
    holds = gcs_conditions_hold(g->store, a, &u->object, &u->conditions);
    if (good && holds) {
        gcs_object_put(g->store, a, &u->object, clock_wall_us(g->clock));
        u->done = true;
        gcs_upload_save(g->store, u);
    } else {
        gcs_upload_forget(g->store, u, true);
    }
    if (!gcs_done(g, r))
        return;
    if (!good)
        reply_bad_hash(r);
    else if (!holds)
        gcs_reply_condition(r);
    else
        gcs_reply_object(r, &u->object);
}

/* A session that has ended answers with its object, as long as that is there. */
static void reply_finished(struct storage *g, struct http_req *r, const struct gcs_upload *u)
{
    struct gcs_object o;
    bool found = gcs_object_find(g->store, r->ctx->arena, u->object.bucket, u->object.name, &o);

    if (!gcs_done(g, r))
        return;
    if (found && o.id == u->id)
        gcs_reply_object(r, &o);
    else
        reply_old_error(r, 410, "gone", "The upload session has ended.");
}

void gcs_on_session(void *app, struct http_req *r)
{
    struct storage *g = ((struct local_cloud *)app)->storage;
    struct form query = request_query(r);
    struct gcs_upload u;
    struct chunk c;
    enum taken t;

    if (!read_content_range(http_req_header(r, "Content-Range"), r->body.n, &c)) {
        reply_old_error(r, 400, "badRequest", "Failed to parse Content-Range header.");
        return;
    }
    store_begin(g->store);
    if (!gcs_upload_find(g->store, r->ctx->arena, form_get(&query, "upload_id"), &u)) {
        store_rollback(g->store);
        reply_old_error(r, 404, "notFound", "No such upload session.");
        return;
    }
    if (u.done) {
        reply_finished(g, r, &u);
        return;
    }
    t = take(g, &u, &c, r->body);
    if (t == TAKEN_WHOLE) {
        finalize(g, r, &u);
        return;
    }
    if (t != TAKEN) {
        store_rollback(g->store);
        reply_refused(r, t);
        return;
    }
    gcs_upload_save(g->store, &u);
    if (gcs_done(g, r))
        reply_incomplete(r, &u);
}

void gcs_on_session_cancel(void *app, struct http_req *r)
{
    struct storage *g = ((struct local_cloud *)app)->storage;
    struct form query = request_query(r);
    struct gcs_upload u;
    bool found;

    store_begin(g->store);
    found = gcs_upload_find(g->store, r->ctx->arena, form_get(&query, "upload_id"), &u);
    if (found)
        gcs_upload_forget(g->store, &u, !u.done);
    if (!gcs_done(g, r))
        return;
    if (found)
        http_reply_empty(r, 499);
    else
        reply_old_error(r, 404, "notFound", "No such upload session.");
}
