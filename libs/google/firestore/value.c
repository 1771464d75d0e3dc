/* Reading values. Source: Firestore REST, Value. */
#include <math.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "google/firestore.h"
#include "google/firestore/firestore_internal.h"

bool fs_has(const struct jval *fields, const char *key)
{
    return json_get(fields, key) != NULL;
}

bool fs_is_null(const struct jval *fields, const char *key)
{
    const struct jval *v = json_get(fields, key);

    return v && json_get(v, "nullValue");
}

struct str fs_val_str(const struct jval *value)
{
    return json_str(json_get(value, "stringValue"));
}

/* Not finite numbers travel as text. */
static bool double_value(const struct jval *value, double *ret)
{
    const struct jval *d = json_get(value, "doubleValue");

    if (json_is_num(d))
        *ret = json_num_or(d, 0);
    else if (str_eq(json_str(d), STR("NaN")))
        *ret = NAN;
    else if (str_eq(json_str(d), STR("Infinity")))
        *ret = INFINITY;
    else if (str_eq(json_str(d), STR("-Infinity")))
        *ret = -INFINITY;
    else
        return false;
    return true;
}

int64_t fs_val_i64_or(const struct jval *value, int64_t dflt)
{
    double d;

    if (json_get(value, "integerValue"))
        return json_i64_or(json_get(value, "integerValue"), dflt);
    if (double_value(value, &d) && fabs(d) < 9e15 && floor(d) == d)
        return (int64_t)d;
    return dflt;
}

double fs_val_num_or(const struct jval *value, double dflt)
{
    double d;

    if (json_get(value, "integerValue"))
        return (double)json_i64_or(json_get(value, "integerValue"), 0);
    return double_value(value, &d) ? d : dflt;
}

bool fs_val_bool_or(const struct jval *value, bool dflt)
{
    return json_bool_or(json_get(value, "booleanValue"), dflt);
}

int64_t fs_val_time_or(const struct jval *value, int64_t dflt_us)
{
    int64_t us;

    if (time_parse_rfc3339(json_str(json_get(value, "timestampValue")), &us))
        return dflt_us;
    return us;
}

/* An empty map or array has no member inside its wrapper: it is there all the same. */
const struct jval *fs_val_map(const struct jval *value)
{
    const struct jval *map = json_get(value, "mapValue");
    const struct jval *fields = json_get(map, "fields");

    return fields ? fields : map;
}

const struct jval *fs_val_arr(const struct jval *value)
{
    const struct jval *arr = json_get(value, "arrayValue");
    const struct jval *values = json_get(arr, "values");

    return values ? values : arr;
}

struct str fs_str(const struct jval *fields, const char *key)
{
    return fs_val_str(json_get(fields, key));
}

int64_t fs_i64_or(const struct jval *fields, const char *key, int64_t dflt)
{
    return fs_val_i64_or(json_get(fields, key), dflt);
}

double fs_num_or(const struct jval *fields, const char *key, double dflt)
{
    return fs_val_num_or(json_get(fields, key), dflt);
}

bool fs_bool_or(const struct jval *fields, const char *key, bool dflt)
{
    return fs_val_bool_or(json_get(fields, key), dflt);
}

int64_t fs_time_or(const struct jval *fields, const char *key, int64_t dflt_us)
{
    return fs_val_time_or(json_get(fields, key), dflt_us);
}

struct str fs_bytes(const struct jval *fields, const char *key, struct arena *a)
{
    struct str data;

    if (base64_bytes(a, json_str(json_get(json_get(fields, key), "bytesValue")), &data))
        return STR_EMPTY;
    return data;
}

const struct jval *fs_map(const struct jval *fields, const char *key)
{
    return fs_val_map(json_get(fields, key));
}

const struct jval *fs_arr(const struct jval *fields, const char *key)
{
    return fs_val_arr(json_get(fields, key));
}

static struct str reference_path(struct str name)
{
    static const struct str mark = { "/documents/", sizeof("/documents/") - 1 };
    size_t at = str_find(name, mark);

    return at < name.n ? str_from(name, at + mark.n) : name;
}

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
static void array_json(struct jw *w, const char *key, const struct jval *values)
{
    struct json_iter it = json_iter(values);
    const struct jval *v;
    struct str unused;

    jw_arr(w, key);
    if (json_is_arr(values)) {
        while (json_next(&it, &unused, &v))
            fs_val_json(w, NULL, v);
    }
    jw_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
void fs_val_json(struct jw *w, const char *key, const struct jval *value)
{
    double d;

    if (json_get(value, "mapValue")) {
        fs_fields_json(w, key, json_get(json_get(value, "mapValue"), "fields"));
    } else if (json_get(value, "arrayValue")) {
        array_json(w, key, fs_val_arr(value));
    } else if (json_get(value, "stringValue")) {
        jw_str(w, key, fs_val_str(value));
    } else if (json_get(value, "integerValue")) {
        jw_i64(w, key, fs_val_i64_or(value, 0));
    } else if (json_get(value, "booleanValue")) {
        jw_bool(w, key, fs_val_bool_or(value, false));
    } else if (json_get(value, "timestampValue")) {
        jw_str(w, key, json_str(json_get(value, "timestampValue")));
    } else if (json_get(value, "bytesValue")) {
        jw_str(w, key, json_str(json_get(value, "bytesValue")));
    } else if (json_get(value, "referenceValue")) {
        jw_str(w, key, reference_path(json_str(json_get(value, "referenceValue"))));
    } else if (json_get(value, "geoPointValue")) {
        jw_val(w, key, json_get(value, "geoPointValue"));
    } else if (double_value(value, &d) && isfinite(d)) {
        jw_num(w, key, d);
    } else {
        jw_null(w, key); /* JSON knows no NaN */
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
void fs_fields_json(struct jw *w, const char *key, const struct jval *fields)
{
    struct json_iter it = json_iter(fields);
    const struct jval *v;
    struct str name;

    jw_obj(w, key);
    while (json_next(&it, &name, &v)) {
        char key_text[1501]; /* Firestore's limit for a field's name */

        (void)str_copy(key_text, sizeof(key_text), name); /* no longer one is ever stored */
        fs_val_json(w, key_text, v);
    }
    jw_end(w);
}
