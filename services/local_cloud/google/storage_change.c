/* Changing objects: delete, patch, copy and rewrite. */
#include "base/clock.h"
#include "local_cloud/google/storage_internal.h"

static struct storage *storage_of(void *app)
{
    return ((struct local_cloud *)app)->storage;
}

/* ---- what a client may set ---- */

static const char *const settable[] = { "cacheControl",    "contentDisposition", "contentEncoding",
                                        "contentLanguage", "customTime",         "temporaryHold",
                                        "eventBasedHold" };

static bool is_settable(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(settable); i++) {
        if (str_eq_c(name, settable[i]))
            return true;
    }
    return false;
}

/* The old members with the new ones; null takes one away. */
static struct str merge(struct arena *a, struct str old, const struct jval *change,
                        bool (*takes)(struct str name))
{
    const struct jval *before = NULL, *v;
    struct json_iter it;
    struct str key;
    struct jw w;

    if (old.n && json_parse_arena(&before, a, old, NULL))
        before = NULL; /* our own text */
    jw_init(&w);
    jw_obj(&w, NULL);
    it = json_iter(before);
    while (json_next(&it, &key, &v)) {
        if (!json_get_str(change, key))
            jw_key_val(&w, key, v);
    }
    it = json_iter(change);
    while (json_next(&it, &key, &v)) {
        if (!json_is_null(v) && (!takes || takes(key)))
            jw_key_val(&w, key, v);
    }
    jw_end(&w);
    return jw_finish(&w, a);
}

void gcs_object_set(struct gcs_object *o, struct arena *a, const struct jval *resource, bool merges)
{
    const struct jval *type = json_get(resource, "contentType");
    const struct jval *metadata = json_get(resource, "metadata");

    if (type)
        o->content_type = json_str(type);
    if (metadata)
        o->metadata = json_is_null(metadata)
                          ? STR_EMPTY
                          : merge(a, merges ? o->metadata : STR_EMPTY, metadata, NULL);
    o->fields = merge(a, o->fields, resource, is_settable);
}

/* ---- delete ---- */

void gcs_on_object_delete(void *app, struct http_req *r)
{
    struct storage *g = storage_of(app);
    struct form query = request_query(r);
    struct gcs_conditions c;
    struct gcs_object o = { .bucket = http_req_param(r, "bucket"),
                            .name = http_req_param(r, "object") };
    bool found, holds;

    if (!gcs_conditions_of(&c, &query, false)) {
        gcs_reply_bad_condition(r);
        return;
    }
    store_begin(g->store);
    found = gcs_object_find_asked(g, r->ctx->arena, &query, "generation", &o);
    holds = found && gcs_conditions_hold_of(&o, &c);
    if (holds)
        gcs_object_delete(g->store, &o);
    if (!gcs_done(g, r))
        return;
    if (!found)
        gcs_reply_no_object(r, o.bucket, o.name);
    else if (!holds)
        gcs_reply_condition(r);
    else
        http_reply_empty(r, 204);
}

/* ---- patch ---- */

void gcs_on_object_patch(void *app, struct http_req *r)
{
    struct storage *g = storage_of(app);
    struct form query = request_query(r);
    struct gcs_conditions c;
    struct gcs_object o = { .bucket = http_req_param(r, "bucket"),
                            .name = http_req_param(r, "object") };
    struct arena *a = r->ctx->arena;
    const struct jval *body;
    bool found, holds;

    if (json_parse_arena(&body, a, r->body, NULL) || !json_is_obj(body)) {
        reply_old_error(r, 400, "parseError", "Parse Error");
        return;
    }
    if (!gcs_conditions_of(&c, &query, false)) {
        gcs_reply_bad_condition(r);
        return;
    }
    store_begin(g->store);
    found = gcs_object_find_asked(g, a, &query, "generation", &o);
    holds = found && gcs_conditions_hold_of(&o, &c);
    if (holds) {
        gcs_object_set(&o, a, body, true);
        o.metageneration++;
        o.updated_us = clock_wall_us(g->clock);
        gcs_object_save_metadata(g->store, &o);
    }
    if (!gcs_done(g, r))
        return;
    if (!found)
        gcs_reply_no_object(r, o.bucket, o.name);
    else if (!holds)
        gcs_reply_condition(r);
    else
        gcs_reply_object(r, &o);
}

/* ---- copy ---- */

struct copying {
    struct gcs_conditions from_conditions, to_conditions;
    const struct jval *resource; /* what the copy is given; NULL: all as it was */
    struct gcs_object from, to;
    bool found, bucket_found, holds;
};

/* In a transaction: the same bytes again. */
static void copy_bytes(struct storage *g, const struct gcs_object *from, struct gcs_object *to)
{
    struct arena a = ARENA_INIT;
    struct str piece;
    int64_t at, start;

    to->id = gcs_bytes_new(g->store);
    for (at = 0; at < from->size; at += (int64_t)piece.n) {
        arena_reset(&a);
        piece = gcs_bytes_piece(g->store, &a, from->id, at, &start);
        if (piece.n == 0)
            break;
        gcs_bytes_add(g->store, to->id, at, piece);
    }
    arena_release(&a);
}

/* In a transaction. */
static void copy_object(struct storage *g, struct arena *a, const struct form *query,
                        struct copying *c)
{
    struct str bucket = c->to.bucket, name = c->to.name;

    c->found = gcs_object_find_asked(g, a, query, "sourceGeneration", &c->from);
    c->bucket_found = gcs_bucket_exists(g->store, bucket);
    if (!c->found || !c->bucket_found)
        return;
    c->holds = gcs_conditions_hold_of(&c->from, &c->from_conditions) &&
               gcs_conditions_hold(g->store, a, &c->to, &c->to_conditions);
    if (!c->holds)
        return;
    c->to = c->from;
    c->to.bucket = bucket;
    c->to.name = name;
    gcs_object_set(&c->to, a, c->resource, false);
    copy_bytes(g, &c->from, &c->to);
    gcs_object_put(g->store, a, &c->to, clock_wall_us(g->clock));
}

/* True: it is done, and only the answer is left to give. */
static bool copy_asked(struct storage *g, struct http_req *r, struct copying *c)
{
    struct form query = request_query(r);
    struct arena *a = r->ctx->arena;

    *c = (struct copying){
        .from = { .bucket = http_req_param(r, "bucket"), .name = http_req_param(r, "object") },
        .to = { .bucket = http_req_param(r, "to_bucket"), .name = http_req_param(r, "to_object") },
    };
    if (r->body.n &&
        (json_parse_arena(&c->resource, a, r->body, NULL) || !json_is_obj(c->resource)))
        reply_old_error(r, 400, "parseError", "Parse Error");
    else if (!gcs_name_ok(c->to.name))
        reply_old_error(r, 400, "invalid", "Invalid object name");
    else if (!gcs_conditions_of(&c->to_conditions, &query, false) ||
             !gcs_conditions_of(&c->from_conditions, &query, true))
        gcs_reply_bad_condition(r);
    else {
        store_begin(g->store);
        copy_object(g, a, &query, c);
        if (!gcs_done(g, r))
            return false;
        if (!c->found)
            gcs_reply_no_object(r, c->from.bucket, c->from.name);
        else if (!c->bucket_found)
            gcs_reply_no_bucket(r);
        else if (!c->holds)
            gcs_reply_condition(r);
        return c->holds;
    }
    return false;
}

void gcs_on_copy(void *app, struct http_req *r)
{
    struct copying c;

    if (copy_asked(storage_of(app), r, &c))
        gcs_reply_object(r, &c.to);
}

/* Always done in one call: nothing here is large enough for a second. */
void gcs_on_rewrite(void *app, struct http_req *r)
{
    struct arena *a = r->ctx->arena;
    struct copying c;
    struct jw w;

    if (!copy_asked(storage_of(app), r, &c))
        return;
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "kind", "storage#rewriteResponse");
    jw_strf(&w, "totalBytesRewritten", "%lld", (long long)c.to.size);
    jw_strf(&w, "objectSize", "%lld", (long long)c.to.size);
    jw_bool(&w, "done", true);
    gcs_object_write(&w, a, "resource", gcs_origin(r), &c.to);
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, a));
}
