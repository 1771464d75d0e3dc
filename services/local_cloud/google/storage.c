#include "local_cloud/google/storage.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "local_cloud/google/reply.h"
#include "local_cloud/google/storage_internal.h"

static struct storage *storage_of(void *app)
{
    return ((struct local_cloud *)app)->storage;
}

/* ---- shared ---- */

struct str gcs_origin(struct http_req *r)
{
    struct str host = http_req_header(r, "Host");

    return arena_printf(r->ctx->arena, "http://" STR_FMT, STR_ARG(host));
}

void gcs_reply_object(struct http_req *r, const struct gcs_object *o)
{
    struct jw w;

    jw_init(&w);
    gcs_object_write(&w, r->ctx->arena, NULL, gcs_origin(r), o);
    http_reply_json(r, 200, jw_finish(&w, r->ctx->arena));
}

bool gcs_conditions_of(struct gcs_conditions *ret, const struct form *query, bool of_source)
{
    struct gcs_conditions c = { -1, -1, -1, -1 };
    const struct {
        const char *name, *source_name;
        int64_t *value;
    } all[] = {
        { "ifGenerationMatch", "ifSourceGenerationMatch", &c.generation },
        { "ifGenerationNotMatch", "ifSourceGenerationNotMatch", &c.not_generation },
        { "ifMetagenerationMatch", "ifSourceMetagenerationMatch", &c.metageneration },
        { "ifMetagenerationNotMatch", "ifSourceMetagenerationNotMatch", &c.not_metageneration },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(all); i++) {
        const char *name = of_source ? all[i].source_name : all[i].name;

        if (form_has(query, name) && str_to_i64(form_get(query, name), 0, INT64_MAX, all[i].value))
            return false;
    }
    *ret = c;
    return true;
}

bool gcs_object_find_asked(struct storage *g, struct arena *a, const struct form *query,
                           const char *generation_name, struct gcs_object *o)
{
    int64_t generation = query_i64(query, generation_name, 0);

    return gcs_object_find(g->store, a, o->bucket, o->name, o) &&
           (!form_has(query, generation_name) || generation == o->generation);
}

void gcs_reply_bad_condition(struct http_req *r)
{
    reply_old_error(r, 400, "invalid", "Invalid value of a precondition: expected a whole number");
}

void gcs_reply_no_bucket(struct http_req *r)
{
    reply_old_error(r, 404, "notFound", "The specified bucket does not exist.");
}

void gcs_reply_condition(struct http_req *r)
{
    reply_old_error(r, 412, "conditionNotMet",
                    "At least one of the pre-conditions you specified did not hold.");
}

void gcs_reply_no_object(struct http_req *r, struct str bucket, struct str name)
{
    struct str text = arena_printf(r->ctx->arena, "No such object: " STR_FMT "/" STR_FMT,
                                   STR_ARG(bucket), STR_ARG(name));

    reply_old_error(r, 404, "notFound", text.p);
}

/* ---- buckets ---- */

static struct str bucket_json(struct arena *a, struct str origin, struct str name, int64_t now_us)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "kind", "storage#bucket");
    jw_str(&w, "id", name);
    jw_strf(&w, "selfLink", STR_FMT "/storage/v1/b/" STR_FMT, STR_ARG(origin), STR_ARG(name));
    jw_str(&w, "name", name);
    jw_cstr(&w, "projectNumber", "100000000001");
    jw_cstr(&w, "metageneration", "1");
    jw_cstr(&w, "location", "EUROPE-WEST1");
    jw_cstr(&w, "locationType", "region");
    jw_cstr(&w, "storageClass", "STANDARD");
    jw_cstr(&w, "etag", "CAE=");
    jw_str(&w, "timeCreated", google_time(a, now_us));
    jw_str(&w, "updated", google_time(a, now_us));
    jw_end(&w);
    return jw_finish(&w, a);
}

static void on_bucket_create(void *app, struct http_req *r)
{
    struct storage *g = storage_of(app);
    const struct jval *body;
    struct store_stmt *st;
    struct str name, json;
    bool made;

    if (json_parse_arena(&body, r->ctx->arena, r->body, NULL) ||
        json_need_str(body, "name", &name, NULL) || name.n < 3 || name.n > 222) {
        reply_old_error(r, 400, "invalid", "Invalid bucket name");
        return;
    }
    json = bucket_json(r->ctx->arena, gcs_origin(r), name, clock_wall_us(g->clock));
    store_begin(g->store);
    st = store_sql(g->store, "INSERT INTO gcs_buckets VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    store_bind_str(st, 1, name);
    store_bind_str(st, 2, json);
    store_run(st);
    made = store_changes(g->store) > 0;
    if (!gcs_done(g, r))
        return;
    if (made)
        http_reply_json(r, 200, json);
    else
        reply_old_error(
            r, 409, "conflict",
            "Your previous request to create the named bucket succeeded and you already own it.");
}

static void on_bucket_get(void *app, struct http_req *r)
{
    struct storage *g = storage_of(app);
    struct store_stmt *st;
    struct str json = STR_EMPTY;

    store_begin(g->store);
    st = store_sql(g->store, "SELECT json FROM gcs_buckets WHERE name = ?1");
    store_bind_str(st, 1, http_req_param(r, "bucket"));
    if (store_step(st))
        json = arena_str(r->ctx->arena, store_col_str(st, 0));
    if (!gcs_done(g, r))
        return;
    if (json.n)
        http_reply_json(r, 200, json);
    else
        gcs_reply_no_bucket(r);
}

static void on_bucket_list(void *app, struct http_req *r)
{
    struct storage *g = storage_of(app);
    struct arena *a = r->ctx->arena;
    const struct jval *item;
    struct store_stmt *st;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "kind", "storage#buckets");
    jw_arr(&w, "items");
    store_begin(g->store);
    st = store_sql(g->store, "SELECT json FROM gcs_buckets ORDER BY name");
    while (store_step(st)) {
        if (!json_parse_arena(&item, a, store_col_str(st, 0), NULL))
            jw_val(&w, NULL, item);
    }
    jw_end(&w);
    jw_end(&w);
    if (gcs_done(g, r))
        http_reply_json(r, 200, jw_finish(&w, a));
    else
        jw_release(&w);
}

static void on_bucket_delete(void *app, struct http_req *r)
{
    struct storage *g = storage_of(app);
    struct str bucket = http_req_param(r, "bucket");
    struct store_stmt *st;
    bool used, gone = false;

    store_begin(g->store);
    st = store_sql(g->store, "SELECT 1 FROM gcs_objects WHERE bucket = ?1 LIMIT 1");
    store_bind_str(st, 1, bucket);
    used = store_step(st);
    store_run(st);
    if (!used) {
        st = store_sql(g->store, "DELETE FROM gcs_buckets WHERE name = ?1");
        store_bind_str(st, 1, bucket);
        store_run(st);
        gone = store_changes(g->store) > 0;
    }
    if (!gcs_done(g, r))
        return;
    if (used)
        reply_old_error(r, 409, "conflict", "The bucket you tried to delete is not empty.");
    else if (gone)
        http_reply_empty(r, 204);
    else
        gcs_reply_no_bucket(r);
}

bool gcs_done(struct storage *g, struct http_req *r)
{
    struct err err = ERR_INIT;

    if (!store_commit(g->store, &err))
        return true;
    reply_old_error(r, 500, "backendError", err.text);
    return false;
}

/* ---- reading ---- */

/* "bytes=A-B", "bytes=A-", "bytes=-N" of an object of `size` bytes. False: not satisfiable; anything that
 * is no single range reads as the whole. */
static bool read_range(struct str text, int64_t size, int64_t *from, int64_t *to, bool *partial)
{
    struct str first, last;
    int64_t a, b;

    *from = 0;
    *to = size - 1;
    *partial = false;
    if (!str_starts(text, STR("bytes=")) || !str_cut(str_from(text, 6), '-', &first, &last) ||
        str_find_char(last, ',') < last.n)
        return true;
    if (first.n == 0) {
        if (str_to_i64(last, 0, INT64_MAX, &b))
            return true;
        *from = MAX(size - b, 0);
        *partial = true;
        return b > 0 && size > 0;
    }
    if (str_to_i64(first, 0, INT64_MAX, &a) || (last.n && str_to_i64(last, 0, INT64_MAX, &b)))
        return true;
    if (last.n && b < a)
        return true;
    *from = a;
    *to = last.n ? MIN(b, size - 1) : size - 1;
    *partial = true;
    return a < size;
}

/* What the object was given for its readers. It is sent as it is stored: a gzipped one is not unpacked. */
static void stored_headers(struct http_req *r, const struct gcs_object *o)
{
    static const struct {
        const char *field, *header;
    } all[] = {
        { "cacheControl", "Cache-Control" },
        { "contentDisposition", "Content-Disposition" },
        { "contentEncoding", "Content-Encoding" },
        { "contentLanguage", "Content-Language" },
    };
    const struct jval *fields = NULL;
    struct str value;
    size_t i;

    if (o->fields.n && json_parse_arena(&fields, r->ctx->arena, o->fields, NULL))
        fields = NULL; /* our own text */
    for (i = 0; i < ARRAY_LEN(all); i++) {
        value = json_str(json_get(fields, all[i].field));
        if (value.n)
            http_reply_header(r, all[i].header, value);
    }
    value = json_str(json_get(fields, "contentEncoding"));
    http_reply_header(r, "x-goog-stored-content-encoding", value.n ? value : STR("identity"));
}

static void media_headers(struct http_req *r, const struct gcs_object *o)
{
    struct arena *a = r->ctx->arena;
    struct str hash = arena_printf(a, "crc32c=" STR_FMT, STR_ARG(gcs_crc_text(a, o->crc32c)));

    if (o->md5.n)
        hash = arena_printf(a, STR_FMT ",md5=" STR_FMT, STR_ARG(hash), STR_ARG(o->md5));
    http_reply_header(r, "x-goog-hash", hash);
    http_reply_header(r, "x-goog-generation", arena_printf(a, "%lld", (long long)o->generation));
    http_reply_header(r, "x-goog-metageneration",
                      arena_printf(a, "%lld", (long long)o->metageneration));
    http_reply_header(r, "x-goog-stored-content-length",
                      arena_printf(a, "%lld", (long long)o->size));
    stored_headers(r, o);
    http_reply_header(r, "x-goog-storage-class", STR("STANDARD"));
    http_reply_header(r, "Accept-Ranges", STR("bytes"));
}

/* Piece by piece; the store is let go while the peer takes its time. */
static void send_bytes(struct storage *g, struct http_req *r, const struct gcs_object *o,
                       int64_t from, int64_t to)
{
    struct arena a = ARENA_INIT;
    struct str piece;
    int64_t start = 0;

    while (from <= to) {
        arena_reset(&a);
        store_begin(g->store);
        piece = gcs_bytes_piece(g->store, &a, o->id, from, &start);
        store_rollback(g->store);
        piece = str_slice(piece, (size_t)(from - start), (size_t)(to - start + 1));
        if (piece.n == 0 || http_reply_write(r, piece.p, piece.n))
            break; /* deleted meanwhile, or nobody listens any more */
        from += (int64_t)piece.n;
    }
    arena_release(&a);
}

static void reply_media(struct storage *g, struct http_req *r, const struct gcs_object *o)
{
    struct arena *a = r->ctx->arena;
    const char *type =
        o->content_type.n ? arena_cstr(a, o->content_type) : "application/octet-stream";
    int64_t from, to;
    bool partial;

    if (!read_range(http_req_header(r, "Range"), o->size, &from, &to, &partial)) {
        http_reply_header(r, "Content-Range", arena_printf(a, "bytes */%lld", (long long)o->size));
        reply_old_error(r, 416, "requestedRangeNotSatisfiable", "Request range not satisfiable");
        return;
    }
    media_headers(r, o);
    if (partial)
        http_reply_header(r, "Content-Range",
                          arena_printf(a, "bytes %lld-%lld/%lld", (long long)from, (long long)to,
                                       (long long)o->size));
    if (o->size == 0) {
        http_reply(r, 200, type, STR_EMPTY);
        return;
    }
    if (http_reply_begin(r, partial ? 206 : 200, type, to - from + 1))
        return;
    send_bytes(g, r, o, from, to);
    http_reply_end(r);
}

static bool is_media(struct http_req *r, const struct form *query)
{
    return str_eq(form_get(query, "alt"), STR("media")) || str_starts(r->path, STR("/download/"));
}

static void on_object_get(void *app, struct http_req *r)
{
    struct storage *g = storage_of(app);
    struct form query = request_query(r);
    struct gcs_conditions wanted, unwanted = { -1, -1, -1, -1 };
    struct gcs_object o = { .bucket = http_req_param(r, "bucket"),
                            .name = http_req_param(r, "object") };
    bool found;

    if (!gcs_conditions_of(&wanted, &query, false)) {
        gcs_reply_bad_condition(r);
        return;
    }
    unwanted.not_generation = wanted.not_generation;
    unwanted.not_metageneration = wanted.not_metageneration;
    wanted.not_generation = wanted.not_metageneration = -1;
    store_begin(g->store);
    found = gcs_object_find_asked(g, r->ctx->arena, &query, "generation", &o);
    if (!gcs_done(g, r))
        return;
    if (!found)
        gcs_reply_no_object(r, o.bucket, o.name);
    else if (!gcs_conditions_hold_of(&o, &wanted))
        gcs_reply_condition(r);
    else if (!gcs_conditions_hold_of(&o, &unwanted)) /* the reader has it already */
        http_reply_empty(r, 304);
    else if (is_media(r, &query))
        reply_media(g, r, &o);
    else
        gcs_reply_object(r, &o);
}

/* ---- listing ---- */

struct listing {
    struct str prefix, delimiter, after;
    struct str start, end; /* names from start on, before end; empty: all */
    int64_t max;
    struct str last_prefix;
    int64_t n;
    bool more;
    struct str next; /* name or prefix at which the page ended */
    struct jw items, prefixes;
};

/* What a delimiter makes of a name: the prefix up to it, or empty. */
static struct str folded(const struct listing *l, struct str name)
{
    struct str rest = str_from(name, l->prefix.n);
    size_t at = l->delimiter.n ? str_find(rest, l->delimiter) : rest.n;

    return at < rest.n ? str_slice(name, 0, l->prefix.n + at + l->delimiter.n) : STR_EMPTY;
}

static void list_one(struct listing *l, struct arena *a, struct str origin,
                     const struct gcs_object *o)
{
    struct str prefix = folded(l, o->name);

    if (prefix.n && (str_eq(prefix, l->last_prefix) || str_eq(prefix, l->after)))
        return;
    if (l->n == l->max) {
        l->more = true;
        return;
    }
    l->n++;
    l->next = prefix.n ? prefix : o->name;
    if (prefix.n) {
        jw_str(&l->prefixes, NULL, prefix);
        l->last_prefix = prefix;
    } else {
        gcs_object_write(&l->items, a, NULL, origin, o);
    }
}

static void list_all(struct storage *g, struct arena *a, struct str origin, struct str bucket,
                     struct listing *l)
{
    struct store_stmt *st;
    struct str *names;
    struct gcs_object o;
    size_t n = 0, cap = 0, i;

    st = store_sql(g->store, "SELECT COUNT(*) FROM gcs_objects WHERE bucket = ?1");
    store_bind_str(st, 1, bucket);
    if (store_step(st))
        cap = (size_t)store_col_i64(st, 0);
    store_run(st);
    names = ARENA_ARRAY(a, struct str, cap + 1);
    st = store_sql(g->store, "SELECT name FROM gcs_objects WHERE bucket = ?1 AND name > ?2"
                             " ORDER BY name");
    store_bind_str(st, 1, bucket);
    store_bind_str(st, 2, l->after);
    while (n < cap && store_step(st))
        names[n++] = arena_str(a, store_col_str(st, 0));
    store_run(st);
    for (i = 0; i < n && !l->more; i++) {
        if (!str_starts(names[i], l->prefix) || str_cmp(names[i], l->start) < 0 ||
            (l->end.n && str_cmp(names[i], l->end) >= 0))
            continue;
        if (gcs_object_find(g->store, a, bucket, names[i], &o))
            list_one(l, a, origin, &o);
    }
}

static void list_part(struct jw *out, const char *key, struct jw *part, struct arena *a)
{
    const struct jval *v;

    jw_end(part);
    if (!json_parse_arena(&v, a, jw_finish(part, a), NULL) && json_len(v))
        jw_val(out, key, v);
}

static void on_object_list(void *app, struct http_req *r)
{
    struct storage *g = storage_of(app);
    struct form query = request_query(r);
    struct str bucket = http_req_param(r, "bucket"), token = form_get(&query, "pageToken");
    struct arena *a = r->ctx->arena;
    struct listing l = { .prefix = form_get(&query, "prefix"),
                         .delimiter = form_get(&query, "delimiter"),
                         .start = form_get(&query, "startOffset"),
                         .end = form_get(&query, "endOffset"),
                         .max = query_i64(&query, "maxResults", STORAGE_LIST_MAX) };
    struct jw out;
    bool exists;

    if (l.max < 1 || l.max > STORAGE_LIST_MAX)
        l.max = STORAGE_LIST_MAX;
    if (base64_bytes(a, token, &l.after))
        l.after = STR_EMPTY;
    jw_init(&l.items);
    jw_arr(&l.items, NULL);
    jw_init(&l.prefixes);
    jw_arr(&l.prefixes, NULL);
    store_begin(g->store);
    exists = gcs_bucket_exists(g->store, bucket);
    if (exists)
        list_all(g, a, gcs_origin(r), bucket, &l);
    jw_init(&out);
    jw_obj(&out, NULL);
    jw_cstr(&out, "kind", "storage#objects");
    list_part(&out, "prefixes", &l.prefixes, a);
    list_part(&out, "items", &l.items, a);
    if (l.more)
        jw_str(&out, "nextPageToken", base64_text(a, l.next));
    jw_end(&out);
    token = jw_finish(&out, a);
    if (!gcs_done(g, r))
        return;
    if (exists)
        http_reply_json(r, 200, token);
    else
        gcs_reply_no_bucket(r);
}

/* ---- life ---- */

static enum errc create(struct local_cloud *lc, struct err *err)
{
    struct storage *g = MEM_NEW(struct storage);

    lc->storage = g;
    g->store = lc->store;
    g->clock = lc->service->clock;
    return store_schema(g->store, gcs_schema, err);
}

static void destroy(struct local_cloud *lc)
{
    mem_free(lc->storage);
    lc->storage = NULL;
}

#define OBJECT "/b/{bucket}/o/{object}"

/* Google's Node client leaves /storage/v1 out when it is given an emulator. */
#define BOTH(method, path, body_max, handle)                       \
    { method, "/storage/v1" path, body_max, NULL, handle, false }, \
    {                                                              \
        method, path, body_max, NULL, handle, false                \
    }

static const struct http_route routes[] = {
    { HTTP_POST, "/upload/storage/v1/b/{bucket}/o", STORAGE_BODY_MAX, NULL, gcs_on_upload, false },
    { HTTP_PUT, "/upload/storage/v1/b/{bucket}/o", STORAGE_BODY_MAX, NULL, gcs_on_session, false },
    { HTTP_DELETE, "/upload/storage/v1/b/{bucket}/o", STORAGE_BODY_MAX, NULL, gcs_on_session_cancel,
      false },
    { HTTP_GET, "/download/storage/v1/b/{bucket}/o/{object*}", 0, NULL, on_object_get, false },
    BOTH(HTTP_POST, OBJECT "/rewriteTo/b/{to_bucket}/o/{to_object*}", 64 * KIB, gcs_on_rewrite),
    BOTH(HTTP_POST, OBJECT "/copyTo/b/{to_bucket}/o/{to_object*}", 64 * KIB, gcs_on_copy),
    BOTH(HTTP_GET, "/b/{bucket}/o/{object*}", 0, on_object_get),
    BOTH(HTTP_DELETE, "/b/{bucket}/o/{object*}", 64 * KIB, gcs_on_object_delete),
    BOTH(HTTP_PATCH, "/b/{bucket}/o/{object*}", 64 * KIB, gcs_on_object_patch),
    BOTH(HTTP_GET, "/b/{bucket}/o", 0, on_object_list),
    BOTH(HTTP_GET, "/b/{bucket}", 0, on_bucket_get),
    BOTH(HTTP_DELETE, "/b/{bucket}", 64 * KIB, on_bucket_delete),
    BOTH(HTTP_POST, "/b", 64 * KIB, on_bucket_create),
    BOTH(HTTP_GET, "/b", 0, on_bucket_list),
};

const struct local_module storage_module = {
    .name = "storage",
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .create = create,
    .destroy = destroy,
};
