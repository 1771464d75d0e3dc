/* Writing values and commits. Source: Firestore REST, projects.databases.documents.commit. */
#include <math.h>
#include <stdarg.h>

#include "base/crypto.h"
#include "google/firestore.h"
#include "google/firestore/firestore_internal.h"

enum {
    /* Each level of a map or an array takes three of the JSON builder's. */
    FSW_DEPTH_MAX = (JSON_DEPTH_MAX - 7) / 3,
    FIELD_NAME_MAX = 1500,
    LOST_ANSWERS_MAX = 3, /* in one update */
};
#define DAY_US 86400000000LL

enum write_phase { WRITE_NONE, WRITE_FIELDS, WRITE_TAIL, WRITE_TRANSFORMS };

struct fsw {
    struct firestore_commit *c;
    int depth;      /* 0: at the document's top level */
    int skip_depth; /* levels begun where nothing may be written any more */
};

struct firestore_commit {
    struct google *g;
    struct ctx *ctx;
    struct jw w;
    bool open; /* the builder holds memory */
    struct fsw fsw;
    enum write_phase phase;
    struct fs_pre pre;
    bool merging;
    struct str mask[FIRESTORE_MASK_MAX];
    size_t n_mask;
    size_t n_writes;
    bool not_twice; /* a second time it would be refused, or have another effect */
    enum errc rc;   /* first mistake while writing; reported by firestore_commit() */
    struct err err;
};

static void commit_release(void *arg)
{
    struct firestore_commit *c = arg;

    if (c->open)
        jw_release(&c->w);
    c->open = false;
}

struct firestore_commit *firestore_commit_begin(struct google *g, struct ctx *ctx)
{
    struct firestore_commit *c = ARENA_NEW(ctx->arena, struct firestore_commit);

    c->g = g;
    c->ctx = ctx;
    c->fsw.c = c;
    jw_init(&c->w);
    c->open = true;
    arena_defer(ctx->arena, commit_release, c);
    jw_obj(&c->w, NULL);
    jw_arr(&c->w, "writes");
    return c;
}

static void fail(struct firestore_commit *c, enum errc rc, const struct err *err)
{
    if (c->rc)
        return;
    c->rc = rc;
    c->err = *err;
}

/* ---- field paths ---- */

static bool simple_name(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';

        if (!letter && !(i > 0 && ch >= '0' && ch <= '9'))
            return false;
    }
    return s.n > 0;
}

struct str fs_field_path(struct arena *a, struct str name)
{
    struct buf b = BUF_INIT((size_t)4 * FIELD_NAME_MAX);
    struct str text;
    size_t i;

    if (simple_name(name))
        return name;
    buf_add_char(&b, '`');
    for (i = 0; i < name.n; i++) {
        if (name.p[i] == '`' || name.p[i] == '\\')
            buf_add_char(&b, '\\');
        buf_add_char(&b, name.p[i]);
    }
    buf_add_char(&b, '`');
    text = arena_str(a, buf_str(&b));
    buf_release(&b);
    return text;
}

/* Notes a top-level field for the merge's mask. */
static void note_field(struct fsw *w, struct str key)
{
    struct firestore_commit *c = w->c;
    struct err err = ERR_INIT;

    if (w->depth > 0 || !c->merging)
        return;
    if (c->n_mask == FIRESTORE_MASK_MAX) {
        fail(c, err_set(&err, ERR_LIMIT, "more than %d fields in one merge", FIRESTORE_MASK_MAX),
             &err);
        return;
    }
    c->mask[c->n_mask++] = fs_field_path(c->ctx->arena, arena_str(c->ctx->arena, key));
}

/* ---- values ---- */

static bool closed(struct fsw *w)
{
    return w->c->phase != WRITE_FIELDS || w->skip_depth > 0;
}

/* The wrapper object of one value; false: nothing can be written here. */
static bool open_value(struct fsw *w, const char *key)
{
    if (closed(w))
        return false;
    if (key)
        note_field(w, str_c(key));
    jw_obj(&w->c->w, key);
    return true;
}

static void close_value(struct fsw *w)
{
    jw_end(&w->c->w);
}

void fsw_str(struct fsw *w, const char *key, struct str v)
{
    if (!open_value(w, key))
        return;
    jw_str(&w->c->w, "stringValue", v);
    close_value(w);
}

void fsw_cstr(struct fsw *w, const char *key, const char *v)
{
    if (v)
        fsw_str(w, key, str_c(v));
    else
        fsw_null(w, key);
}

void fsw_strf(struct fsw *w, const char *key, const char *fmt, ...)
{
    struct buf b = BUF_INIT(1 * MIB);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    fsw_str(w, key, buf_str(&b));
    buf_release(&b);
}

void fsw_i64(struct fsw *w, const char *key, int64_t v)
{
    if (!open_value(w, key))
        return;
    jw_strf(&w->c->w, "integerValue", "%lld", (long long)v);
    close_value(w);
}

static void write_double(struct jw *w, double v)
{
    if (isfinite(v))
        jw_num(w, "doubleValue", v);
    else
        jw_cstr(w, "doubleValue", isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
}

void fsw_num(struct fsw *w, const char *key, double v)
{
    if (!open_value(w, key))
        return;
    write_double(&w->c->w, v);
    close_value(w);
}

void fsw_bool(struct fsw *w, const char *key, bool v)
{
    if (!open_value(w, key))
        return;
    jw_bool(&w->c->w, "booleanValue", v);
    close_value(w);
}

void fsw_null(struct fsw *w, const char *key)
{
    if (!open_value(w, key))
        return;
    jw_null(&w->c->w, "nullValue");
    close_value(w);
}

void fsw_time(struct fsw *w, const char *key, int64_t us)
{
    char text[TIME_TEXT_MAX];

    if (!open_value(w, key))
        return;
    time_rfc3339(text, us);
    jw_cstr(&w->c->w, "timestampValue", text);
    close_value(w);
}

void fsw_ttl(struct fsw *w, int64_t from_us, int days)
{
    fsw_time(w, "ttlAt", from_us + (int64_t)days * DAY_US);
}

void fsw_bytes(struct fsw *w, const char *key, struct str data)
{
    if (!open_value(w, key))
        return;
    jw_str(&w->c->w, "bytesValue", base64_text(w->c->ctx->arena, data));
    close_value(w);
}

void fsw_ref(struct fsw *w, const char *key, struct str path)
{
    if (!open_value(w, key))
        return;
    jw_str(&w->c->w, "referenceValue", firestore_name(w->c->g, w->c->ctx->arena, path));
    close_value(w);
}

/* A level too deep is dropped with all that is in it, and the commit fails. */
static bool may_go_deeper(struct fsw *w)
{
    struct err err = ERR_INIT;

    if (!closed(w) && w->depth < FSW_DEPTH_MAX)
        return true;
    w->skip_depth++;
    fail(w->c, err_set(&err, ERR_LIMIT, "fields deeper than %d", FSW_DEPTH_MAX), &err);
    return false;
}

static void open_map(struct fsw *w)
{
    jw_obj(&w->c->w, "mapValue");
    jw_obj(&w->c->w, "fields");
    w->depth++;
}

static void open_array(struct fsw *w)
{
    jw_obj(&w->c->w, "arrayValue");
    jw_arr(&w->c->w, "values");
    w->depth++;
}

void fsw_map(struct fsw *w, const char *key)
{
    if (may_go_deeper(w) && open_value(w, key))
        open_map(w);
}

void fsw_arr(struct fsw *w, const char *key)
{
    if (may_go_deeper(w) && open_value(w, key))
        open_array(w);
}

void fsw_end(struct fsw *w)
{
    if (w->skip_depth > 0) {
        w->skip_depth--;
        return;
    }
    if (w->depth == 0)
        return;
    w->depth--;
    jw_end(&w->c->w);
    jw_end(&w->c->w);
    close_value(w);
}

static bool open_key_value(struct fsw *w, struct str key)
{
    if (closed(w))
        return false;
    note_field(w, key);
    jw_key_obj(&w->c->w, key);
    return true;
}

void fsw_key_str(struct fsw *w, struct str key, struct str v)
{
    if (!open_key_value(w, key))
        return;
    jw_str(&w->c->w, "stringValue", v);
    close_value(w);
}

void fsw_key_i64(struct fsw *w, struct str key, int64_t v)
{
    if (!open_key_value(w, key))
        return;
    jw_strf(&w->c->w, "integerValue", "%lld", (long long)v);
    close_value(w);
}

void fsw_key_map(struct fsw *w, struct str key)
{
    if (may_go_deeper(w) && open_key_value(w, key))
        open_map(w);
}

void fsw_key_val(struct fsw *w, struct str key, const struct jval *value)
{
    if (closed(w))
        return;
    note_field(w, key);
    jw_key_val(&w->c->w, key, value);
}

void fsw_val(struct fsw *w, const char *key, const struct jval *value)
{
    if (!value) {
        fsw_null(w, key);
        return;
    }
    if (closed(w))
        return;
    if (key)
        note_field(w, str_c(key));
    jw_val(&w->c->w, key, value);
}

void fsw_fields(struct fsw *w, const struct jval *fields)
{
    struct json_iter it = json_iter(fields);
    const struct jval *value;
    struct str key;

    while (json_next(&it, &key, &value))
        fsw_key_val(w, key, value);
}

void fsw_remove(struct fsw *w, const char *key)
{
    if (!closed(w))
        note_field(w, str_c(key)); /* masked, but absent */
}

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
static void json_array(struct fsw *w, const char *key, const struct jval *v)
{
    struct json_iter it = json_iter(v);
    const struct jval *item;
    struct str unused;

    fsw_arr(w, key);
    while (json_next(&it, &unused, &item)) {
        if (json_is_arr(item)) {
            fsw_map(w, NULL);
            json_array(w, "values", item);
            fsw_end(w);
        } else {
            fsw_json(w, NULL, item);
        }
    }
    fsw_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
void fsw_json(struct fsw *w, const char *key, const struct jval *v)
{
    if (json_is_obj(v)) {
        fsw_map(w, key);
        fsw_json_fields(w, v);
        fsw_end(w);
    } else if (json_is_arr(v)) {
        json_array(w, key, v);
    } else if (json_is_str(v)) {
        fsw_str(w, key, json_str(v));
    } else if (json_is_bool(v)) {
        fsw_bool(w, key, json_bool_or(v, false));
    } else if (json_is_int(v)) {
        fsw_i64(w, key, json_i64_or(v, 0));
    } else if (json_is_num(v)) {
        fsw_num(w, key, json_num_or(v, 0));
    } else {
        fsw_null(w, key);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
void fsw_json_fields(struct fsw *w, const struct jval *obj)
{
    struct json_iter it = json_iter(obj);
    char key[FIELD_NAME_MAX + 1];
    const struct jval *v;
    struct err err = ERR_INIT;
    struct str name;

    while (json_next(&it, &name, &v)) {
        if (str_copy(key, sizeof(key), name))
            fsw_json(w, key, v);
        else
            fail(w->c, err_set(&err, ERR_LIMIT, "a field's name of %zu bytes", name.n), &err);
    }
}

/* ---- writes ---- */

static void end_fields(struct firestore_commit *c)
{
    size_t i;

    if (c->phase != WRITE_FIELDS)
        return;
    while (c->fsw.depth > 0 || c->fsw.skip_depth > 0)
        fsw_end(&c->fsw);
    jw_end(&c->w); /* fields */
    jw_end(&c->w); /* update */
    if (c->merging) {
        jw_obj(&c->w, "updateMask");
        jw_arr(&c->w, "fieldPaths");
        for (i = 0; i < c->n_mask; i++)
            jw_str(&c->w, NULL, c->mask[i]);
        jw_end(&c->w);
        jw_end(&c->w);
    }
    c->phase = WRITE_TAIL;
}

static void write_precondition(struct firestore_commit *c)
{
    if (c->pre.kind == FS_ANY)
        return;
    jw_obj(&c->w, "currentDocument");
    if (c->pre.kind == FS_UPDATED_AT)
        jw_str(&c->w, "updateTime", c->pre.update_time);
    else
        jw_bool(&c->w, "exists", c->pre.kind == FS_EXISTS);
    jw_end(&c->w);
}

static void end_write(struct firestore_commit *c)
{
    end_fields(c);
    if (c->phase == WRITE_TRANSFORMS)
        jw_end(&c->w);
    if (c->phase == WRITE_NONE)
        return;
    write_precondition(c);
    jw_end(&c->w);
    c->phase = WRITE_NONE;
}

static void begin_write(struct firestore_commit *c, struct str path, struct fs_pre pre)
{
    struct err err = ERR_INIT;
    enum errc rc;

    end_write(c);
    rc = firestore_check_path(path, &err);
    if (rc)
        fail(c, rc, &err);
    c->pre = pre;
    c->pre.update_time = arena_str(c->ctx->arena, pre.update_time);
    c->not_twice |= pre.kind == FS_NOT_EXISTS || pre.kind == FS_UPDATED_AT;
    c->n_mask = 0;
    c->n_writes++;
    jw_obj(&c->w, NULL);
}

static struct fsw *begin_update(struct firestore_commit *c, struct str path, struct fs_pre pre,
                                bool merging)
{
    begin_write(c, path, pre);
    jw_obj(&c->w, "update");
    jw_str(&c->w, "name", firestore_name(c->g, c->ctx->arena, path));
    jw_obj(&c->w, "fields");
    c->merging = merging;
    c->phase = WRITE_FIELDS;
    c->fsw.depth = 0;
    c->fsw.skip_depth = 0;
    return &c->fsw;
}

struct fsw *firestore_set(struct firestore_commit *c, struct str path, struct fs_pre pre)
{
    return begin_update(c, path, pre, false);
}

struct fsw *firestore_create(struct firestore_commit *c, struct str path)
{
    return begin_update(c, path, FS_PRE_NOT_EXISTS, false);
}

struct fsw *firestore_merge(struct firestore_commit *c, struct str path, struct fs_pre pre)
{
    return begin_update(c, path, pre, true);
}

void firestore_delete(struct firestore_commit *c, struct str path, struct fs_pre pre)
{
    begin_write(c, path, pre);
    jw_str(&c->w, "delete", firestore_name(c->g, c->ctx->arena, path));
    c->not_twice |= pre.kind == FS_EXISTS;
    c->phase = WRITE_TAIL;
}

/* Leaves the transform's object open. */
static bool begin_transform(struct firestore_commit *c, const char *field)
{
    struct err err = ERR_INIT;

    if (c->phase == WRITE_NONE) {
        fail(c, err_set(&err, ERR_INTERNAL, "transform of %s outside of a write", field), &err);
        return false;
    }
    end_fields(c);
    if (c->phase != WRITE_TRANSFORMS)
        jw_arr(&c->w, "updateTransforms");
    c->phase = WRITE_TRANSFORMS;
    jw_obj(&c->w, NULL);
    jw_cstr(&c->w, "fieldPath", field);
    return true;
}

static void transform_i64(struct firestore_commit *c, const char *field, const char *what,
                          int64_t v)
{
    if (!begin_transform(c, field))
        return;
    jw_obj(&c->w, what);
    jw_strf(&c->w, "integerValue", "%lld", (long long)v);
    jw_end(&c->w);
    jw_end(&c->w);
}

void firestore_increment(struct firestore_commit *c, const char *field, int64_t by)
{
    c->not_twice = true;
    transform_i64(c, field, "increment", by);
}

void firestore_increment_num(struct firestore_commit *c, const char *field, double by)
{
    c->not_twice = true;
    if (!begin_transform(c, field))
        return;
    jw_obj(&c->w, "increment");
    write_double(&c->w, by);
    jw_end(&c->w);
    jw_end(&c->w);
}

void firestore_maximum(struct firestore_commit *c, const char *field, int64_t v)
{
    transform_i64(c, field, "maximum", v);
}

void firestore_minimum(struct firestore_commit *c, const char *field, int64_t v)
{
    transform_i64(c, field, "minimum", v);
}

void firestore_server_time(struct firestore_commit *c, const char *field)
{
    if (!begin_transform(c, field))
        return;
    jw_cstr(&c->w, "setToServerValue", "REQUEST_TIME");
    jw_end(&c->w);
}

static void transform_set(struct firestore_commit *c, const char *field, const char *what,
                          struct str v)
{
    if (!begin_transform(c, field))
        return;
    jw_obj(&c->w, what);
    jw_arr(&c->w, "values");
    jw_obj(&c->w, NULL);
    jw_str(&c->w, "stringValue", v);
    jw_end(&c->w);
    jw_end(&c->w);
    jw_end(&c->w);
    jw_end(&c->w);
}

void firestore_append_missing(struct firestore_commit *c, const char *field, struct str v)
{
    transform_set(c, field, "appendMissingElements", v);
}

void firestore_remove_all(struct firestore_commit *c, const char *field, struct str v)
{
    transform_set(c, field, "removeAllFromArray", v);
}

size_t firestore_commit_writes(const struct firestore_commit *c)
{
    return c->n_writes;
}

/* ---- sending ---- */

static enum errc commit_body(struct firestore_commit *c, struct str *ret, struct err *err)
{
    if (!c->open)
        return err_set(err, ERR_INTERNAL, "commit used twice");
    end_write(c);
    jw_end(&c->w);
    jw_end(&c->w);
    c->open = false;
    *ret = jw_finish(&c->w, c->ctx->arena);
    if (c->rc && err)
        *err = c->err;
    if (c->rc)
        return c->rc;
    if (ret->n > FIRESTORE_COMMIT_MAX)
        return err_set(err, ERR_LIMIT, "commit of %zu bytes, at most %d", ret->n,
                       FIRESTORE_COMMIT_MAX);
    return ERR_OK;
}

static enum errc read_result(struct firestore_commit *c, const struct http_response *r,
                             struct firestore_result *ret, struct err *err)
{
    const struct jval *root, *results;
    enum errc rc;
    size_t i;

    if (!ret)
        return ERR_OK;
    rc = google_json(c->ctx, r, &root, err);
    if (rc)
        return rc;
    results = json_get(root, "writeResults");
    ret->commit_time = json_str(json_get(root, "commitTime"));
    ret->n = c->n_writes;
    ret->update_times = ARENA_ARRAY(c->ctx->arena, struct str, c->n_writes);
    for (i = 0; i < ret->n; i++)
        ret->update_times[i] = json_str(json_get(json_at(results, i), "updateTime"));
    return ERR_OK;
}

/* `aborted_attempts`: how often Firestore may say that somebody else held a lock. */
static enum errc commit_send(struct firestore_commit *c, int aborted_attempts,
                             struct firestore_result *ret, struct err *err)
{
    struct google_call call = {
        .api = GOOGLE_FIRESTORE,
        .method = "POST",
        .path = firestore_url(c->g, c->ctx->arena, STR_EMPTY, "commit"),
        .timeout_ms = google_attempt_ms(c->ctx, FIRESTORE_TIMEOUT_MS),
        .attempts = FIRESTORE_ATTEMPTS,
        .idempotent = !c->not_twice, /* otherwise only refusals: a lost answer may be a success */
        .body_max = FIRESTORE_ANSWER_MAX,
    };
    struct http_response r = { .status = 0 };
    enum errc rc;
    int attempt;

    rc = commit_body(c, &call.body, err);
    for (attempt = 1; !rc; attempt++) {
        rc = google_do(c->g, c->ctx, &call, &r, err);
        if (rc || r.status == 200)
            break;
        rc = google_error(&r, err);
        if (rc != ERR_AGAIN || r.status != 409 || attempt >= aborted_attempts)
            break;
        if (ctx_backoff(c->ctx, attempt - 1, FIRESTORE_BACKOFF_MS, FIRESTORE_BACKOFF_MAX_MS))
            break;
        rc = ERR_OK;
    }
    return rc ? err_wrap(err, rc, "Firestore commit") : read_result(c, &r, ret, err);
}

enum errc firestore_commit(struct firestore_commit *c, struct firestore_result *ret,
                           struct err *err)
{
    return commit_send(c, FIRESTORE_ATTEMPTS, ret, err);
}

struct fs_pre fs_pre_unchanged(const struct fs_doc *doc)
{
    if (!doc->exists)
        return FS_PRE_NOT_EXISTS;
    return (struct fs_pre){ .kind = FS_UPDATED_AT, .update_time = doc->update_time };
}

/* Somebody came between reading and committing. */
static bool lost_the_race(enum errc rc, const struct err *err)
{
    return rc == ERR_CONFLICT || (rc == ERR_AGAIN && err->upstream == GOOGLE_ABORTED);
}

/* It may have been done: reading again tells. */
static bool lost_the_answer(enum errc rc)
{
    return rc == ERR_UPSTREAM || rc == ERR_TIMEOUT;
}

struct update {
    struct google *g;
    struct ctx *ctx;
    const struct str *paths;
    size_t n;
    firestore_update_fn fn;
    void *arg;
    struct fs_doc *docs;
};

/* *again: what was read is no longer so, or may not be. */
static enum errc update_once(const struct update *u, int *lost, bool *again, struct err *err)
{
    enum errc rc = firestore_get_all(u->g, u->ctx, u->paths, u->n, u->docs, err);
    struct firestore_commit *c;

    *again = false;
    if (rc)
        return rc;
    c = firestore_commit_begin(u->g, u->ctx);
    rc = u->fn(u->arg, u->ctx, u->docs, c, err);
    if (rc || c->n_writes == 0) {
        commit_release(c);
        return rc;
    }
    rc = commit_send(c, 1, NULL, err);
    *again = lost_the_race(rc, err) || (lost_the_answer(rc) && ++*lost < LOST_ANSWERS_MAX);
    return rc;
}

enum errc firestore_update(struct google *g, struct ctx *ctx, const struct str *paths, size_t n,
                           firestore_update_fn fn, void *arg, struct err *err)
{
    const struct update u = {
        g, ctx, paths, n, fn, arg, ARENA_ARRAY(ctx->arena, struct fs_doc, n)
    };
    struct err local = ERR_INIT;
    struct err *e = err ? err : &local;
    int attempt, lost = 0;
    bool again;
    enum errc rc;

    for (attempt = 1;; attempt++) {
        rc = update_once(&u, &lost, &again, e);
        if (!again)
            return rc;
        if (attempt == FIRESTORE_UPDATE_ATTEMPTS_MAX ||
            ctx_backoff(ctx, attempt, FIRESTORE_BACKOFF_MS, FIRESTORE_BACKOFF_MAX_MS))
            break;
    }
    if (lost_the_answer(rc))
        return rc;
    return err_set(err, ERR_AGAIN, "update of " STR_FMT ": still contended after %d attempts",
                   STR_ARG(paths[0]), attempt);
}
