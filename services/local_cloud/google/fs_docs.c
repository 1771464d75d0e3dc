#include "local_cloud/google/fs_docs.h"

#include <math.h>

#include "base/clock.h"
#include "local_cloud/google/firestore.h"

const char fs_docs_schema[] =
    "CREATE TABLE IF NOT EXISTS firestore_docs ("
    " name TEXT PRIMARY KEY, parent TEXT NOT NULL, collection TEXT NOT NULL, fields TEXT NOT NULL,"
    " create_us INTEGER NOT NULL, update_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS firestore_by_parent ON firestore_docs (parent, name);"
    "CREATE INDEX IF NOT EXISTS firestore_by_collection ON firestore_docs (collection, name);";

/* ---- names ---- */

struct str fs_leaf_of(struct str name)
{
    size_t at = name.n;

    while (at > 0 && name.p[at - 1] != '/')
        at--;
    return str_from(name, at);
}

struct str fs_parent_of(struct str name)
{
    struct str leaf = fs_leaf_of(name);

    return str_slice(name, 0, name.n > leaf.n ? name.n - leaf.n - 1 : 0);
}

static bool segment_valid(struct str s)
{
    if (s.n == 0 || s.n > 1500 || str_eq(s, STR(".")) || str_eq(s, STR("..")))
        return false;
    return !(s.n >= 4 && str_starts(s, STR("__")) && str_ends(s, STR("__")));
}

bool fs_name_check(struct str name, struct str root, size_t *segments, struct failure *f)
{
    struct str head, rest;
    bool more = true, good;

    good = str_starts(name, root) && name.n > root.n + 1 && name.p[root.n] == '/';
    rest = good ? str_from(name, root.n + 1) : STR_EMPTY;
    *segments = 0;
    while (good && more) {
        more = str_cut(rest, '/', &head, &rest);
        good = segment_valid(head);
        ++*segments;
    }
    return good || failure_set(f, GOOGLE_INVALID_ARGUMENT,
                               "Document name \"" STR_FMT "\" is not valid.", STR_ARG(name));
}

static bool document_name(struct str name, struct str root, struct failure *f)
{
    size_t segments;

    if (!fs_name_check(name, root, &segments, f))
        return false;
    return segments % 2 == 0 ||
           failure_set(f, GOOGLE_INVALID_ARGUMENT,
                       "Document name \"" STR_FMT "\" has an odd number of segments.",
                       STR_ARG(name));
}

/* ---- reading ---- */

static struct fs_stored *read_row(struct store_stmt *st, struct arena *a)
{
    struct fs_stored *d = ARENA_NEW(a, struct fs_stored);
    struct failure unused = { .status = 0 };
    const struct jval *fields;

    d->name = arena_str(a, store_col_str(st, 0));
    d->create_us = store_col_i64(st, 2);
    d->update_us = store_col_i64(st, 3);
    if (json_parse_arena(&fields, a, store_col_str(st, 1), NULL) ||
        !fv_parse_fields(&d->fields, a, fields, &unused))
        d->fields = fv_map_new(a); /* our own text */
    return d;
}

struct fs_stored *fs_load(struct store *s, struct arena *a, struct str name)
{
    struct store_stmt *st = store_sql(
        s, "SELECT name, fields, create_us, update_us FROM firestore_docs WHERE name = ?1");
    struct fs_stored *d = NULL;

    store_bind_str(st, 1, name);
    if (store_step(st))
        d = read_row(st, a);
    store_run(st);
    return d;
}

/* All names below `prefix/` lie between these two. */
static void bind_below(struct store_stmt *st, int at, struct arena *a, struct str prefix)
{
    store_bind_str(st, at, arena_printf(a, STR_FMT "/", STR_ARG(prefix)));
    store_bind_str(st, at + 1, arena_printf(a, STR_FMT "0", STR_ARG(prefix)));
}

/* Directly below: a collection and an id, no more. */
static bool is_child(struct str name, struct str parent)
{
    struct str rest = str_from(name, parent.n + 1);

    rest = str_from(rest, str_find_char(rest, '/') + 1);
    return rest.n && str_find_char(rest, '/') == rest.n;
}

void fs_scan(struct store *s, struct arena *a, struct str parent, struct str collection,
             bool all_descendants, fs_doc_fn fn, void *arg)
{
    struct store_stmt *st;
    struct fs_stored *d;

    if (collection.n && !all_descendants) {
        st = store_sql(s, "SELECT name, fields, create_us, update_us FROM firestore_docs"
                          " WHERE parent = ?1 ORDER BY name");
        store_bind_str(st, 1,
                       arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(parent), STR_ARG(collection)));
    } else if (collection.n) {
        st = store_sql(s, "SELECT name, fields, create_us, update_us FROM firestore_docs"
                          " WHERE collection = ?1 AND name > ?2 AND name < ?3 ORDER BY name");
        store_bind_str(st, 1, collection);
        bind_below(st, 2, a, parent);
    } else {
        st = store_sql(s, "SELECT name, fields, create_us, update_us FROM firestore_docs"
                          " WHERE name > ?1 AND name < ?2 ORDER BY name");
        bind_below(st, 1, a, parent);
    }
    while (store_step(st)) {
        d = read_row(st, a);
        if (collection.n || all_descendants || is_child(d->name, parent))
            fn(arg, d);
    }
}

void fs_collection_ids(struct store *s, struct arena *a, struct str parent,
                       void (*fn)(void *arg, struct str id), void *arg)
{
    struct store_stmt *st;
    struct str id, last = STR_EMPTY;

    st = store_sql(s, "SELECT DISTINCT substr(name, length(?3) + 2, instr(substr(name,"
                      " length(?3) + 2), '/') - 1) AS id FROM firestore_docs"
                      " WHERE name > ?1 AND name < ?2 ORDER BY id");
    bind_below(st, 1, a, parent);
    store_bind_str(st, 3, parent);
    while (store_step(st)) {
        id = arena_str(a, store_col_str(st, 0));
        if (id.n && !str_eq(id, last))
            fn(arg, id);
        last = id;
    }
}

void fs_doc_write(struct jw *w, struct arena *a, const char *key, const struct fs_stored *d,
                  const struct fv_path *mask, size_t mask_n)
{
    const struct fv *fields = d->fields;
    struct fv *some, *v;
    size_t i;

    if (mask_n) {
        some = fv_map_new(a);
        for (i = 0; i < mask_n; i++) {
            v = fv_get(d->fields, &mask[i]);
            if (v)
                fv_set(a, some, &mask[i], v);
        }
        fields = some;
    }
    jw_obj(w, key);
    jw_str(w, "name", d->name);
    if (fields->n)
        fv_write_fields(w, a, "fields", fields);
    jw_str(w, "createTime", google_time(a, d->create_us));
    jw_str(w, "updateTime", google_time(a, d->update_us));
    jw_end(w);
}

/* ---- saving ---- */

static bool save(struct store *s, struct arena *a, const struct fs_stored *d, struct failure *f)
{
    struct store_stmt *st;
    struct str parent = fs_parent_of(d->name), text;
    struct jw w;

    jw_init(&w);
    fv_write_fields(&w, a, NULL, d->fields);
    text = jw_finish(&w, a);
    if (text.n > 2 * (size_t)FIRESTORE_DOC_MAX) /* JSON is about twice Firestore's own size */
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Document \"" STR_FMT "\" cannot be written because its size exceeds "
                           "the maximum allowed size of 1,048,576 bytes.",
                           STR_ARG(d->name));
    st = store_sql(s, "INSERT INTO firestore_docs VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                      " ON CONFLICT (name) DO UPDATE SET fields = excluded.fields,"
                      " update_us = excluded.update_us");
    store_bind_str(st, 1, d->name);
    store_bind_str(st, 2, parent);
    store_bind_str(st, 3, fs_leaf_of(parent));
    store_bind_str(st, 4, text);
    store_bind_i64(st, 5, d->create_us);
    store_bind_i64(st, 6, d->update_us);
    store_run(st);
    return true;
}

static void delete_one(struct store *s, struct str name)
{
    struct store_stmt *st = store_sql(s, "DELETE FROM firestore_docs WHERE name = ?1");

    store_bind_str(st, 1, name);
    store_run(st);
}

void fs_delete_all(struct store *s, struct arena *a, struct str root)
{
    struct store_stmt *st =
        store_sql(s, "DELETE FROM firestore_docs WHERE name > ?1 AND name < ?2");

    bind_below(st, 1, a, root);
    store_run(st);
}

/* ---- preconditions ---- */

static bool precondition(const struct jval *pre, const struct fs_stored *d, struct str name,
                         struct failure *f)
{
    const struct jval *exists = json_get(pre, "exists");
    struct str time = json_str(json_get(pre, "updateTime"));
    int64_t us;

    if (exists && !json_is_bool(exists))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Invalid value at 'current_document.exists'");
    if (exists && json_bool_or(exists, false) && !d)
        return failure_set(f, GOOGLE_NOT_FOUND, "No document to update: " STR_FMT, STR_ARG(name));
    if (exists && !json_bool_or(exists, true) && d)
        return failure_set(f, GOOGLE_ALREADY_EXISTS, "Document already exists: " STR_FMT,
                           STR_ARG(name));
    if (time.n == 0)
        return true;
    if (time_parse_rfc3339(time, &us))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Invalid value at 'current_document.update_time'");
    if (!d || d->update_us != us)
        return failure_set(f, GOOGLE_FAILED_PRECONDITION,
                           "the stored version of " STR_FMT
                           " does not match the required base version",
                           STR_ARG(name));
    return true;
}

/* ---- transforms ---- */

static struct fv *number(struct arena *a, bool is_int, int64_t i64, double num)
{
    struct fv *v = ARENA_NEW(a, struct fv);

    v->kind = FV_NUMBER;
    v->is_int = is_int;
    v->i64 = i64;
    v->num = num;
    return v;
}

/* Integers saturate; with a double the sum is one. */
static struct fv *sum(struct arena *a, const struct fv *x, const struct fv *y)
{
    int64_t total;

    if (!x->is_int || !y->is_int)
        return number(a, false, 0,
                      (x->is_int ? (double)x->i64 : x->num) +
                          (y->is_int ? (double)y->i64 : y->num));
    if (__builtin_add_overflow(x->i64, y->i64, &total))
        total = y->i64 > 0 ? INT64_MAX : INT64_MIN;
    return number(a, true, total, 0);
}

static struct fv *arithmetic(struct arena *a, const struct fv *old, struct fv *operand,
                             struct str what)
{
    int c;

    if (!old || old->kind != FV_NUMBER)
        return operand;
    if (str_eq(what, STR("increment")))
        return sum(a, old, operand);
    c = fv_compare(old, operand);
    if (str_eq(what, STR("maximum")))
        return c >= 0 ? fv_copy(a, old) : operand;
    return c <= 0 ? fv_copy(a, old) : operand;
}

static bool holds(const struct fv *array, const struct fv *v)
{
    size_t i;

    for (i = 0; i < array->n; i++) {
        if (fv_equal(array->items[i], v))
            return true;
    }
    return false;
}

static struct fv *array_change(struct arena *a, const struct fv *old, const struct fv *values,
                               bool append)
{
    struct fv *result = ARENA_NEW(a, struct fv);
    size_t i;

    result->kind = FV_ARRAY;
    for (i = 0; old && old->kind == FV_ARRAY && i < old->n; i++) {
        if (append || !holds(values, old->items[i]))
            fv_append(a, result, old->items[i]);
    }
    for (i = 0; append && i < values->n; i++) {
        if (!holds(result, values->items[i]))
            fv_append(a, result, values->items[i]);
    }
    return result;
}

struct transform {
    struct arena *arena;
    struct fv *fields;
    int64_t now_us;
    struct jw *results; /* an array is open */
};

static void write_null(struct jw *w)
{
    jw_obj(w, NULL);
    jw_null(w, "nullValue");
    jw_end(w);
}

static bool wraps_array(const struct jval *operand, struct jw *w, struct arena *a, struct fv **ret,
                        struct failure *f)
{
    const struct jval *wrapped;
    struct str text;

    jw_init(w);
    jw_obj(w, NULL);
    jw_val(w, "arrayValue", operand);
    jw_end(w);
    text = jw_finish(w, a);
    return !json_parse_arena(&wrapped, a, text, NULL) && fv_parse(ret, a, wrapped, f);
}

static bool apply_one(struct transform *t, const struct jval *in, struct failure *f)
{
    static const char *const arithmetics[] = { "increment", "maximum", "minimum" };
    const struct jval *set = json_get(in, "setToServerValue");
    const struct jval *append = json_get(in, "appendMissingElements");
    const struct jval *remove = json_get(in, "removeAllFromArray");
    struct fv_path path;
    struct fv *v;
    struct jw scratch;
    size_t i;

    if (!fv_path_parse(&path, t->arena, json_str(json_get(in, "fieldPath")), f))
        return false;
    if (set) {
        if (!str_eq(json_str(set), STR("REQUEST_TIME")) && json_i64_or(set, 0) != 1)
            return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Unknown server value.");
        v = ARENA_NEW(t->arena, struct fv);
        v->kind = FV_TIME;
        v->i64 = t->now_us / 1000 * 1000; /* milliseconds, as Firestore gives it */
        fv_set(t->arena, t->fields, &path, v);
        fv_write(t->results, t->arena, NULL, v);
        return true;
    }
    for (i = 0; i < ARRAY_LEN(arithmetics); i++) {
        if (!json_get(in, arithmetics[i]))
            continue;
        if (!fv_parse(&v, t->arena, json_get(in, arithmetics[i]), f))
            return false;
        if (v->kind != FV_NUMBER)
            return failure_set(f, GOOGLE_INVALID_ARGUMENT, "%s requires a numeric value.",
                               arithmetics[i]);
        v = arithmetic(t->arena, fv_get(t->fields, &path), v, str_c(arithmetics[i]));
        fv_set(t->arena, t->fields, &path, v);
        fv_write(t->results, t->arena, NULL, v);
        return true;
    }
    if (!append && !remove)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Transform without a known operation.");
    if (!wraps_array(append ? append : remove, &scratch, t->arena, &v, f))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Array transform without values.");
    fv_set(t->arena, t->fields, &path,
           array_change(t->arena, fv_get(t->fields, &path), v, append != NULL));
    write_null(t->results);
    return true;
}

/* ---- writes ---- */

static bool mask_apply(struct arena *a, const struct jval *mask, const struct fv *in,
                       struct fv *fields, struct failure *f)
{
    struct json_iter it = json_iter(json_get(mask, "fieldPaths"));
    const struct jval *text;
    struct fv_path path;
    struct str unused;
    struct fv *v;

    while (json_next(&it, &unused, &text)) {
        if (!fv_path_parse(&path, a, json_str(text), f))
            return false;
        v = fv_get(in, &path);
        if (v)
            fv_set(a, fields, &path, v);
        else
            fv_remove(fields, &path);
    }
    return true;
}

static bool new_fields(struct arena *a, const struct jval *write, const struct fs_stored *old,
                       struct fv **ret, struct failure *f)
{
    const struct jval *doc = json_get(write, "update"), *mask = json_get(write, "updateMask");
    struct fv *in;

    *ret = old ? fv_copy(a, old->fields) : fv_map_new(a);
    if (!doc)
        return true; /* a transform alone */
    if (!fv_parse_fields(&in, a, json_get(doc, "fields"), f))
        return false;
    if (json_is_obj(mask))
        return mask_apply(a, mask, in, *ret, f);
    *ret = in;
    return true;
}

static bool apply_transforms(struct transform *t, const struct jval *list, struct failure *f)
{
    struct json_iter it = json_iter(list);
    const struct jval *in;
    struct str unused;

    jw_arr(t->results, "transformResults");
    while (json_next(&it, &unused, &in)) {
        if (!apply_one(t, in, f))
            break;
    }
    jw_end(t->results);
    return f->status == 0;
}

/* `result` is the write's open WriteResult. */
static bool update(struct store *s, struct arena *a, const struct jval *write, struct str name,
                   struct fs_stored *old, int64_t now_us, struct jw *result, struct failure *f)
{
    const struct jval *transforms = json_get(write, "updateTransforms");
    struct transform t = { .arena = a, .now_us = now_us, .results = result };
    struct fs_stored d = { .name = name, .create_us = old ? old->create_us : now_us };

    if (json_get(write, "transform"))
        transforms = json_path(write, "transform.fieldTransforms");
    if (!new_fields(a, write, old, &t.fields, f))
        return false;
    if (json_len(transforms) && !apply_transforms(&t, transforms, f))
        return false;
    d.fields = t.fields;
    /* A write that changes nothing keeps the old updateTime. */
    d.update_us = old && fv_same(old->fields, d.fields) ? old->update_us : now_us;
    jw_str(result, "updateTime", google_time(a, d.update_us));
    return save(s, a, &d, f);
}

static struct str write_target(const struct jval *write)
{
    struct str name = json_str(json_path(write, "update.name"));

    if (name.n == 0)
        name = json_str(json_path(write, "transform.document"));
    if (name.n == 0)
        name = json_str(json_get(write, "delete"));
    return name.n ? name : json_str(json_get(write, "verify"));
}

bool fs_write(struct store *s, struct arena *a, struct str root, const struct jval *write,
              int64_t now_us, struct jw *w, struct failure *f)
{
    struct str name = arena_str(a, write_target(write));
    struct fs_stored *old;
    bool good = true;

    if (!document_name(name, root, f))
        return false;
    old = fs_load(s, a, name);
    if (!precondition(json_get(write, "currentDocument"), old, name, f))
        return false;
    jw_obj(w, NULL);
    if (json_get(write, "delete"))
        delete_one(s, name);
    else if (!json_get(write, "verify"))
        good = update(s, a, write, name, old, now_us, w, f);
    jw_end(w);
    return good;
}
