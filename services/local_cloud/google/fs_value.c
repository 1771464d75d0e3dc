#include "local_cloud/google/fs_value.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"

struct fv *fv_map_new(struct arena *a)
{
    struct fv *v = ARENA_NEW(a, struct fv);

    v->kind = FV_MAP;
    return v;
}

static struct fv *fv_new(struct arena *a, enum fv_kind kind)
{
    struct fv *v = ARENA_NEW(a, struct fv);

    v->kind = kind;
    return v;
}

/* ---- field paths ---- */

static bool take_quoted(struct str *rest, struct arena *a, struct str *ret)
{
    struct buf b = BUF_INIT(8 * KIB);
    bool ended = false;
    size_t i;

    for (i = 1; i < rest->n && !ended; i++) {
        char c = rest->p[i];

        if (c == '`') {
            ended = true;
        } else {
            if (c == '\\' && i + 1 < rest->n)
                c = rest->p[++i];
            buf_add_char(&b, c);
        }
    }
    *ret = arena_str(a, buf_str(&b));
    buf_release(&b);
    *rest = str_from(*rest, i);
    return ended && ret->n > 0;
}

static bool plain_name(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.n > 0;
}

static bool reserved(struct str name)
{
    return name.n >= 4 && str_starts(name, STR("__")) && str_ends(name, STR("__"));
}

bool fv_path_parse(struct fv_path *ret, struct arena *a, struct str text, struct failure *f)
{
    struct str rest = text, name;
    bool good = text.n > 0;

    ret->n = 0;
    while (good && rest.n) {
        if (rest.p[0] == '`') {
            good = take_quoted(&rest, a, &name);
        } else {
            name = str_slice(rest, 0, str_find_char(rest, '.'));
            rest = str_from(rest, name.n);
            good = plain_name(name);
        }
        good = good && ret->n < FV_PATH_MAX && !reserved(name) && name.n <= FV_NAME_BYTES_MAX;
        if (good)
            ret->names[ret->n++] = name;
        if (good && rest.n) {
            good = rest.p[0] == '.' && rest.n > 1;
            rest = str_from(rest, 1);
        }
    }
    return good || failure_set(f, GOOGLE_INVALID_ARGUMENT, "Invalid property path \"" STR_FMT "\".",
                               STR_ARG(str_slice(text, 0, 200)));
}

/* ---- maps and arrays ---- */

/* Members are sorted by name. *ret_at: where it is, or would stand. */
static bool find_member(const struct fv *map, struct str key, size_t *ret_at)
{
    size_t low = 0, high = map->n, mid;
    int c;

    if (map->n && str_cmp(map->members[map->n - 1].key, key) < 0)
        low = map->n; /* most come in order */
    while (low < high) {
        mid = low + (high - low) / 2;
        c = str_cmp(map->members[mid].key, key);
        if (c == 0) {
            *ret_at = mid;
            return true;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_at = low;
    return false;
}

static struct fv_member *member(const struct fv *map, struct str key)
{
    size_t at;

    return map && map->kind == FV_MAP && find_member(map, key, &at) ? &map->members[at] : NULL;
}

static void put_member(struct arena *a, struct fv *map, struct str key, struct fv *value)
{
    size_t at;

    assert(map->cap == 0 || map->members);
    if (find_member(map, key, &at)) {
        map->members[at].value = value;
        return;
    }
    if (map->n == map->cap) {
        size_t cap = map->cap ? 2 * map->cap : 8;
        struct fv_member *grown = ARENA_ARRAY(a, struct fv_member, cap);

        if (map->n)
            memcpy(grown, map->members, map->n * sizeof(*grown));
        map->members = grown;
        map->cap = cap;
    }
    if (at < map->n)
        memmove(&map->members[at + 1], &map->members[at], (map->n - at) * sizeof(*map->members));
    map->members[at] = (struct fv_member){ key, value };
    map->n++;
}

void fv_append(struct arena *a, struct fv *array, struct fv *value)
{
    if (array->n == array->cap) {
        size_t cap = array->cap ? 2 * array->cap : 8;
        struct fv **grown = ARENA_ARRAY(a, struct fv *, cap);

        if (array->n)
            memcpy(grown, array->items, array->n * sizeof(struct fv *));
        array->items = grown;
        array->cap = cap;
    }
    array->items[array->n++] = value;
}

struct fv *fv_get(const struct fv *map, const struct fv_path *path)
{
    const struct fv_member *m = NULL;
    size_t i;

    for (i = 0; i < path->n; i++) {
        m = member(i ? m->value : map, path->names[i]);
        if (!m)
            return NULL;
    }
    return m ? m->value : NULL;
}

void fv_set(struct arena *a, struct fv *map, const struct fv_path *path, struct fv *value)
{
    struct fv_member *m;
    size_t i;

    for (i = 0; i + 1 < path->n; i++) {
        m = member(map, path->names[i]);
        if (!m || m->value->kind != FV_MAP) { /* what stands in the way is replaced */
            put_member(a, map, path->names[i], fv_map_new(a));
            m = member(map, path->names[i]);
        }
        assert(m); /* it was put there */
        map = m->value;
    }
    put_member(a, map, path->names[path->n - 1], value);
}

void fv_remove(struct fv *map, const struct fv_path *path)
{
    struct fv_member *m;
    size_t i, at;

    for (i = 0; i + 1 < path->n; i++) {
        m = member(map, path->names[i]);
        if (!m)
            return;
        map = m->value;
    }
    m = member(map, path->names[path->n - 1]);
    if (!m)
        return;
    at = (size_t)(m - map->members);
    memmove(m, m + 1, (map->n - at - 1) * sizeof(*m));
    map->n--;
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
struct fv *fv_copy(struct arena *a, const struct fv *v)
{
    struct fv *c = arena_dup(a, v, sizeof(*v));
    size_t i;

    c->n = c->cap = 0;
    c->members = NULL;
    c->items = NULL;
    for (i = 0; i < v->n; i++) {
        if (v->kind == FV_MAP)
            put_member(a, c, v->members[i].key, fv_copy(a, v->members[i].value));
        else
            fv_append(a, c, fv_copy(a, v->items[i]));
    }
    return c;
}

/* ---- parsing ---- */

static bool bad(struct failure *f, const char *what)
{
    return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                       "Invalid JSON payload received. Invalid value (%s)", what);
}

static bool parse_at(struct fv **ret, struct arena *a, const struct jval *value, int depth,
                     struct failure *f);

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
static bool parse_members(struct fv **ret, struct arena *a, const struct jval *fields, int depth,
                          struct failure *f)
{
    struct fv *map = fv_map_new(a), *v = NULL;
    struct json_iter it = json_iter(fields);
    const struct jval *val;
    struct str key;

    if (fields && !json_is_obj(fields))
        return bad(f, "fields is no object");
    while (json_next(&it, &key, &val)) {
        if (key.n == 0 || key.n > FV_NAME_BYTES_MAX || reserved(key))
            return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Property name \"" STR_FMT "\" is %s.",
                               STR_ARG(str_slice(key, 0, 200)),
                               !key.n                      ? "empty"
                               : key.n > FV_NAME_BYTES_MAX ? "longer than 1500 bytes"
                                                           : "reserved");
        if (!parse_at(&v, a, val, depth + 1, f))
            return false;
        put_member(a, map, arena_str(a, key), v);
    }
    *ret = map;
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
static bool parse_items(struct fv **ret, struct arena *a, const struct jval *values, int depth,
                        struct failure *f)
{
    struct fv *array = fv_new(a, FV_ARRAY), *v = NULL;
    struct json_iter it = json_iter(values);
    const struct jval *val;
    struct str unused;

    if (values && !json_is_arr(values))
        return bad(f, "values is no array");
    while (json_next(&it, &unused, &val)) {
        if (!parse_at(&v, a, val, depth + 1, f))
            return false;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): true from parse_at() sets it */
        if (v->kind == FV_ARRAY)
            return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                               "Cannot convert an array value in an array value.");
        fv_append(a, array, v);
    }
    *ret = array;
    return true;
}

static bool parse_number(struct fv *v, struct str kind, const struct jval *in, struct failure *f)
{
    struct str text = json_str(in);

    v->kind = FV_NUMBER;
    if (str_eq(kind, STR("integerValue"))) {
        v->is_int = true;
        if (json_is_int(in))
            v->i64 = json_i64_or(in, 0);
        else if (str_to_i64(text, INT64_MIN, INT64_MAX, &v->i64))
            return bad(f, "integerValue");
        return true;
    }
    if (json_is_num(in))
        v->num = json_num_or(in, 0);
    else if (str_eq(text, STR("NaN")))
        v->num = NAN;
    else if (str_eq(text, STR("Infinity")))
        v->num = INFINITY;
    else if (str_eq(text, STR("-Infinity")))
        v->num = -INFINITY;
    else if (str_to_double(text, &v->num))
        return bad(f, "doubleValue");
    return true;
}

static bool parse_geo(struct fv *v, const struct jval *in, struct failure *f)
{
    v->kind = FV_GEO;
    v->num = json_num_or(json_get(in, "latitude"), 0);
    v->num2 = json_num_or(json_get(in, "longitude"), 0);
    if (!json_is_obj(in))
        return bad(f, "geoPointValue");
    if (!(fabs(v->num) <= 90) || !(fabs(v->num2) <= 180)) /* NaN neither */
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Geo point '%g, %g' outside permitted range.", v->num, v->num2);
    return true;
}

/* projects/P/databases/D/documents and pairs of collection and id. */
static bool is_document_name(struct str name)
{
    static const char *const fixed[] = { "projects", NULL, "databases", NULL, "documents" };
    struct str head, rest = name;
    bool more = true;
    size_t n;

    for (n = 0; more; n++) {
        more = str_cut(rest, '/', &head, &rest);
        if (head.n == 0 || (n < ARRAY_LEN(fixed) && fixed[n] && !str_eq_c(head, fixed[n])))
            return false;
    }
    return n > ARRAY_LEN(fixed) && (n - ARRAY_LEN(fixed)) % 2 == 0;
}

static bool parse_scalar(struct fv *v, struct arena *a, struct str kind, const struct jval *in,
                         struct failure *f)
{
    if (str_eq(kind, STR("nullValue"))) {
        v->kind = FV_NULL;
        return true;
    }
    if (str_eq(kind, STR("booleanValue"))) {
        v->kind = FV_BOOL;
        v->flag = json_bool_or(in, false);
        return json_is_bool(in) || bad(f, "booleanValue");
    }
    if (str_eq(kind, STR("integerValue")) || str_eq(kind, STR("doubleValue")))
        return parse_number(v, kind, in, f);
    if (str_eq(kind, STR("geoPointValue")))
        return parse_geo(v, in, f);
    if (!json_is_str(in))
        return bad(f, "text expected");
    v->str = arena_str(a, json_str(in));
    if (str_eq(kind, STR("stringValue"))) {
        v->kind = FV_STR;
        return true;
    }
    if (str_eq(kind, STR("referenceValue"))) {
        v->kind = FV_REF;
        return is_document_name(v->str) || bad(f, "referenceValue names no document");
    }
    if (str_eq(kind, STR("timestampValue"))) {
        v->kind = FV_TIME;
        return !time_parse_rfc3339(v->str, &v->i64) || bad(f, "timestampValue");
    }
    v->kind = FV_BYTES;
    return !base64_bytes(a, json_str(in), &v->str) || bad(f, "bytesValue");
}

static bool known_kind(struct str kind)
{
    static const char *const kinds[] = { "nullValue",   "booleanValue",   "integerValue",
                                         "doubleValue", "timestampValue", "stringValue",
                                         "bytesValue",  "referenceValue", "geoPointValue",
                                         "arrayValue",  "mapValue" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_eq_c(kind, kinds[i]))
            return true;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
static bool parse_at(struct fv **ret, struct arena *a, const struct jval *value, int depth,
                     struct failure *f)
{
    struct json_iter it = json_iter(value);
    const struct jval *in;
    struct str kind;

    if (depth > FV_DEPTH_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Property value is nested deeper than %d levels.", FV_DEPTH_MAX);
    if (!json_is_obj(value) || json_len(value) != 1 || !json_next(&it, &kind, &in))
        return bad(f, "a value has exactly one type");
    if (!known_kind(kind))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Invalid JSON payload received. Unknown name \"" STR_FMT
                           "\": Cannot find field.",
                           STR_ARG(kind));
    if (str_eq(kind, STR("mapValue")))
        return parse_members(ret, a, json_get(in, "fields"), depth, f);
    if (str_eq(kind, STR("arrayValue")))
        return parse_items(ret, a, json_get(in, "values"), depth, f);
    *ret = ARENA_NEW(a, struct fv);
    return parse_scalar(*ret, a, kind, in, f);
}

bool fv_parse(struct fv **ret, struct arena *a, const struct jval *value, struct failure *f)
{
    return parse_at(ret, a, value, 0, f);
}

bool fv_parse_fields(struct fv **ret, struct arena *a, const struct jval *fields, struct failure *f)
{
    return parse_members(ret, a, fields, 0, f);
}

/* ---- writing ---- */

static void write_number(struct jw *w, const struct fv *v)
{
    if (v->is_int)
        jw_strf(w, "integerValue", "%lld", (long long)v->i64);
    else if (isfinite(v->num))
        jw_num(w, "doubleValue", v->num);
    else
        jw_cstr(w, "doubleValue", isnan(v->num) ? "NaN" : v->num > 0 ? "Infinity" : "-Infinity");
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
static void write_kind(struct jw *w, struct arena *a, const struct fv *v)
{
    size_t i;

    switch (v->kind) {
    case FV_NULL:
        jw_null(w, "nullValue");
        break;
    case FV_BOOL:
        jw_bool(w, "booleanValue", v->flag);
        break;
    case FV_NUMBER:
        write_number(w, v);
        break;
    case FV_TIME:
        jw_str(w, "timestampValue", google_time(a, v->i64));
        break;
    case FV_STR:
        jw_str(w, "stringValue", v->str);
        break;
    case FV_BYTES:
        jw_str(w, "bytesValue", base64_text(a, v->str));
        break;
    case FV_REF:
        jw_str(w, "referenceValue", v->str);
        break;
    case FV_GEO:
        jw_obj(w, "geoPointValue"); /* a zero is left out, as everywhere */
        if (v->num != 0)
            jw_num(w, "latitude", v->num);
        if (v->num2 != 0)
            jw_num(w, "longitude", v->num2);
        jw_end(w);
        break;
    case FV_ARRAY: /* empty ones come back as {} */
        jw_obj(w, "arrayValue");
        if (v->n)
            jw_arr(w, "values");
        for (i = 0; i < v->n; i++)
            fv_write(w, a, NULL, v->items[i]);
        if (v->n)
            jw_end(w);
        jw_end(w);
        break;
    case FV_MAP:
        jw_obj(w, "mapValue");
        if (v->n)
            fv_write_fields(w, a, "fields", v);
        jw_end(w);
        break;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
void fv_write(struct jw *w, struct arena *a, const char *key, const struct fv *v)
{
    jw_obj(w, key);
    write_kind(w, a, v);
    jw_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
void fv_write_fields(struct jw *w, struct arena *a, const char *key, const struct fv *map)
{
    size_t i;

    jw_obj(w, key);
    for (i = 0; i < map->n; i++) {
        jw_key_obj(w, map->members[i].key);
        write_kind(w, a, map->members[i].value);
        jw_end(w);
    }
    jw_end(w);
}

/* ---- order ---- */

static int order(double a, double b)
{
    if (isnan(a) || isnan(b)) /* NaN stands before all other numbers */
        return (isnan(a) ? 0 : 1) - (isnan(b) ? 0 : 1);
    return (a > b) - (a < b);
}

static int compare_numbers(const struct fv *a, const struct fv *b)
{
    if (a->is_int && b->is_int)
        return (a->i64 > b->i64) - (a->i64 < b->i64);
    return order(a->is_int ? (double)a->i64 : a->num, b->is_int ? (double)b->i64 : b->num);
}

/* Segment by segment: "a/b" stands before "a!/b". */
static int compare_names(struct str a, struct str b)
{
    struct str x, y;
    bool more_a = true, more_b = true;
    int c = 0;

    while (more_a && more_b && c == 0) {
        more_a = str_cut(a, '/', &x, &a);
        more_b = str_cut(b, '/', &y, &b);
        c = str_cmp(x, y);
    }
    return c ? c : more_a - more_b;
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
static int compare_arrays(const struct fv *a, const struct fv *b)
{
    size_t i;
    int c = 0;

    for (i = 0; i < a->n && i < b->n && c == 0; i++)
        c = fv_compare(a->items[i], b->items[i]);
    return c ? c : (a->n > b->n) - (a->n < b->n);
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
static int compare_maps(const struct fv *a, const struct fv *b)
{
    size_t i;
    int c = 0;

    for (i = 0; i < a->n && i < b->n && c == 0; i++) {
        c = str_cmp(a->members[i].key, b->members[i].key);
        if (c == 0)
            c = fv_compare(a->members[i].value, b->members[i].value);
    }
    return c ? c : (a->n > b->n) - (a->n < b->n);
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
int fv_compare(const struct fv *a, const struct fv *b)
{
    int c;

    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    switch (a->kind) {
    case FV_NULL:
        return 0;
    case FV_BOOL:
        return a->flag - b->flag;
    case FV_NUMBER:
        return compare_numbers(a, b);
    case FV_TIME:
        return (a->i64 > b->i64) - (a->i64 < b->i64);
    case FV_STR:
    case FV_BYTES:
        return str_cmp(a->str, b->str);
    case FV_REF:
        return compare_names(a->str, b->str);
    case FV_GEO:
        c = order(a->num, b->num);
        return c ? c : order(a->num2, b->num2);
    case FV_ARRAY:
        return compare_arrays(a, b);
    case FV_MAP:
        return compare_maps(a, b);
    }
    return 0;
}

bool fv_equal(const struct fv *a, const struct fv *b)
{
    return fv_compare(a, b) == 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
bool fv_same(const struct fv *a, const struct fv *b)
{
    size_t i;

    if (a->kind != b->kind || a->n != b->n || a->is_int != b->is_int)
        return false;
    for (i = 0; i < a->n; i++) {
        if (a->kind == FV_MAP ? !str_eq(a->members[i].key, b->members[i].key) ||
                                    !fv_same(a->members[i].value, b->members[i].value)
                              : !fv_same(a->items[i], b->items[i]))
            return false;
    }
    return a->n > 0 || fv_compare(a, b) == 0;
}

/* ---- sizes ---- */

size_t fv_name_bytes(struct str path)
{
    struct str head, rest = path;
    size_t bytes = 16;
    bool more = true;

    while (more) {
        more = str_cut(rest, '/', &head, &rest);
        bytes += head.n + 1;
    }
    return bytes;
}

/* NOLINTNEXTLINE(misc-no-recursion): FV_DEPTH_MAX bounds it */
size_t fv_stored_bytes(const struct fv *v, size_t *longest, size_t *entries)
{
    size_t i, inner_longest, inner_entries, bytes = 0;

    *longest = 0;
    *entries = v->kind == FV_MAP ? 0 : 2; /* ascending and descending */
    switch (v->kind) {
    case FV_NULL:
    case FV_BOOL:
        return 1;
    case FV_NUMBER:
    case FV_TIME:
        return 8;
    case FV_GEO:
        return 16;
    case FV_STR:
        *longest = v->str.n;
        return v->str.n + 1;
    case FV_BYTES:
        *longest = v->str.n;
        return v->str.n;
    case FV_REF:
        return fv_name_bytes(v->str);
    case FV_ARRAY:
    case FV_MAP:
        break;
    }
    for (i = 0; i < v->n; i++) {
        const struct fv *inner = v->kind == FV_MAP ? v->members[i].value : v->items[i];

        bytes += fv_stored_bytes(inner, &inner_longest, &inner_entries);
        bytes += v->kind == FV_MAP ? v->members[i].key.n + 1 : 0;
        *longest = MAX(*longest, inner_longest);
        *entries += v->kind == FV_MAP ? inner_entries : 1;
    }
    return bytes;
}
