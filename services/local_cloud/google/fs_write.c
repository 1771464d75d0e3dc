/* One write of a commit: preconditions, masks, transforms. Source: Firestore REST, Write, DocumentTransform,
 * Precondition. */
#include <math.h>

#include "base/clock.h"
#include "local_cloud/google/firestore.h"
#include "local_cloud/google/fs_docs.h"

enum { TRANSFORMS_MAX = 500 };

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

static bool is_nan(const struct fv *v)
{
    return v->kind == FV_NUMBER && !v->is_int && isnan(v->num);
}

/* The extreme of any number and NaN is NaN; of two equal ones it is what is stored. */
static struct fv *extreme(struct arena *a, const struct fv *old, struct fv *operand, bool greatest)
{
    int c = fv_compare(old, operand);

    if (is_nan(old) || is_nan(operand))
        return number(a, false, 0, NAN);
    return c == 0 || (c > 0) == greatest ? fv_copy(a, old) : operand;
}

static struct fv *arithmetic(struct arena *a, const struct fv *old, struct fv *operand,
                             struct str what)
{
    if (!old || old->kind != FV_NUMBER)
        return operand;
    if (str_eq(what, STR("increment")))
        return sum(a, old, operand);
    return extreme(a, old, operand, str_eq(what, STR("maximum")));
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

static void put(struct transform *t, const struct fv_path *path, struct fv *v)
{
    fv_set(t->arena, t->fields, path, v);
    fv_write(t->results, t->arena, NULL, v);
}

static bool apply_time(struct transform *t, const struct fv_path *path, const struct jval *in,
                       struct failure *f)
{
    struct fv *v = ARENA_NEW(t->arena, struct fv);

    if (!str_eq(json_str(in), STR("REQUEST_TIME")) && json_i64_or(in, 0) != 1)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Unknown server value.");
    v->kind = FV_TIME;
    v->i64 = t->now_us / 1000 * 1000; /* milliseconds, as Firestore gives it */
    put(t, path, v);
    return true;
}

static bool apply_number(struct transform *t, const struct fv_path *path, const char *what,
                         const struct jval *in, struct failure *f)
{
    struct fv *v;

    if (!fv_parse(&v, t->arena, in, f))
        return false;
    if (v->kind != FV_NUMBER)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "%s: input must be int64 or double.", what);
    put(t, path, arithmetic(t->arena, fv_get(t->fields, path), v, str_c(what)));
    return true;
}

static bool apply_array(struct transform *t, const struct fv_path *path, const struct jval *in,
                        bool append, struct failure *f)
{
    struct jw scratch;
    struct fv *v;

    if (!wraps_array(in, &scratch, t->arena, &v, f))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Array transform without values.");
    fv_set(t->arena, t->fields, path, array_change(t->arena, fv_get(t->fields, path), v, append));
    write_null(t->results);
    return true;
}

static bool apply_one(struct transform *t, const struct jval *in, struct failure *f)
{
    static const char *const numbers[] = { "increment", "maximum", "minimum" };
    struct fv_path path;
    size_t i;

    if (!fv_path_parse(&path, t->arena, json_str(json_get(in, "fieldPath")), f))
        return false;
    if (json_get(in, "setToServerValue"))
        return apply_time(t, &path, json_get(in, "setToServerValue"), f);
    for (i = 0; i < ARRAY_LEN(numbers); i++) {
        if (json_get(in, numbers[i]))
            return apply_number(t, &path, numbers[i], json_get(in, numbers[i]), f);
    }
    if (json_get(in, "appendMissingElements"))
        return apply_array(t, &path, json_get(in, "appendMissingElements"), true, f);
    if (json_get(in, "removeAllFromArray"))
        return apply_array(t, &path, json_get(in, "removeAllFromArray"), false, f);
    return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                       "Operation type must be specified for field transformation.");
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

    if (json_len(list) > TRANSFORMS_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "%zu transforms of one document: at most %d.", json_len(list),
                           TRANSFORMS_MAX);
    jw_arr(t->results, "transformResults");
    while (json_next(&it, &unused, &in)) {
        if (!apply_one(t, in, f))
            break;
    }
    jw_end(t->results);
    return f->status == 0;
}

/* The write's open WriteResult gets its time. */
static bool update(const struct fs_view *view, struct str root, const struct jval *write,
                   const struct fs_stored *old, struct fs_stored *d, struct jw *result,
                   struct failure *f)
{
    const struct jval *transforms = json_get(write, "updateTransforms");
    struct transform t = { .arena = view->arena, .now_us = d->update_us, .results = result };

    if (json_get(write, "transform"))
        transforms = json_path(write, "transform.fieldTransforms");
    if (json_get(write, "transform") && json_len(transforms) == 0)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "The list of FieldTransform must not be empty.");
    if (!new_fields(view->arena, write, old, &t.fields, f))
        return false;
    if (json_len(transforms) && !apply_transforms(&t, transforms, f))
        return false;
    d->fields = t.fields;
    if (old && fv_same(old->fields, d->fields)) /* a write that changes nothing keeps its time */
        d->update_us = old->update_us;
    jw_str(result, "updateTime", google_time(view->arena, d->update_us));
    return fs_save(view, root, d, f);
}

struct str fs_write_target(const struct jval *write)
{
    static const char *const paths[] = { "update.name", "transform.document", "delete", "verify" };
    struct str name = STR_EMPTY;
    size_t i;

    for (i = 0; i < ARRAY_LEN(paths) && name.n == 0; i++)
        name = json_str(json_path(write, paths[i]));
    return name;
}

static bool write_valid(const struct jval *write, struct failure *f)
{
    bool updates = json_get(write, "update") || json_get(write, "transform");

    if (!updates && !json_get(write, "delete") && !json_get(write, "verify"))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "empty write operation");
    if (!updates &&
        (json_get(write, "updateMask") || json_len(json_get(write, "updateTransforms"))))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "a delete must not specify a update mask or transform.");
    return true;
}

bool fs_write(const struct fs_view *view, struct str root, const struct jval *write, int64_t now_us,
              struct jw *w, struct failure *f)
{
    struct str name = arena_str(view->arena, fs_write_target(write));
    struct fs_stored *old, d = { .name = name, .create_us = now_us, .update_us = now_us };
    bool good = true;

    if (!write_valid(write, f) || !fs_document_check(name, root, f))
        return false;
    old = fs_load(view, name);
    if (!precondition(json_get(write, "currentDocument"), old, name, f))
        return false;
    if (old)
        d.create_us = old->create_us;
    jw_obj(w, NULL);
    if (json_get(write, "delete"))
        fs_delete(view->store, name);
    else if (!json_get(write, "verify"))
        good = update(view, root, write, old, &d, w, f);
    else if (old)
        jw_str(w, "updateTime", google_time(view->arena, old->update_us));
    jw_end(w);
    return good;
}
