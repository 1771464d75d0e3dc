#include "local_cloud/engine/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"

const char *api_error_type(const char *code)
{
    return strcmp(code, "server_error") == 0 ? "server_error" : "invalid_request_error";
}

bool api_error_set(struct api_error *e, const char *code, const char *param, const char *fmt, ...)
{
    va_list ap;

    *e = (struct api_error){ .type = api_error_type(code) };
    (void)str_copy(e->code, sizeof(e->code), str_c(code));    /* ours: it fits */
    (void)str_copy(e->param, sizeof(e->param), str_c(param)); /* a peer's may be cut */
    va_start(ap, fmt);
    (void)vsnprintf(e->message, sizeof(e->message), fmt, ap); /* cut where it is too long */
    va_end(ap);
    return false;
}

static const char *kind_text(const struct jval *v)
{
    if (json_is_null(v))
        return "null";
    if (json_is_str(v))
        return "a string";
    if (json_is_bool(v))
        return "a boolean";
    if (json_is_int(v))
        return "an integer";
    if (json_is_num(v))
        return "a decimal";
    return json_is_arr(v) ? "an array" : "an object";
}

static bool wrong_type(struct api_error *e, const char *path, const char *wanted,
                       const struct jval *v)
{
    return api_error_set(e, "invalid_type", path,
                         "Invalid type for '%s': expected %s, but got %s instead.", path, wanted,
                         kind_text(v));
}

static bool choice_has(const char *allowed, struct str v)
{
    struct str one, rest = str_c(allowed);

    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last one has no bar behind it */
        if (str_eq(one, v))
            return true;
    }
    return false;
}

static bool choice_check(const struct field *f, const struct jval *v, const char *path,
                         struct api_error *e)
{
    struct buf list = BUF_INIT(API_ERROR_TEXT_MAX);
    struct str one, rest = str_c(f->allowed);

    if (choice_has(f->allowed, json_str(v)))
        return true;
    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* as above */
        buf_addf(&list, "%s'" STR_FMT "'",
                 list.n == 0 ? ""
                 : rest.n    ? ", "
                             : ", and ",
                 STR_ARG(one));
    }
    (void)api_error_set(e, "invalid_value", path,
                        "Invalid value: '" STR_FMT "'. Supported values are: %s.",
                        STR_ARG(str_slice(json_str(v), 0, 80)), buf_cstr(&list));
    buf_release(&list);
    return false;
}

static bool number_check(const struct field *f, const struct jval *v, const char *path,
                         struct api_error *e)
{
    const char *kind = f->kind == FIELD_INT ? "integer" : "decimal";
    double n = json_num_or(v, 0);
    char code[API_ERROR_CODE_MAX];

    if (f->kind == FIELD_INT ? !json_is_int(v) : !json_is_num(v))
        return wrong_type(e, path, f->kind == FIELD_INT ? "an integer" : "a decimal", v);
    if (n >= f->min && n <= f->max)
        return true;
    (void)snprintf(code, sizeof(code), "%s_%s_value", kind, n < f->min ? "below_min" : "above_max");
    return api_error_set(e, code, path,
                         "Invalid '%s': %s %s value. Expected a value %s %g, but got %g instead.",
                         path, kind, n < f->min ? "below minimum" : "above maximum",
                         n < f->min ? ">=" : "<=", n < f->min ? f->min : f->max, n);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables of fields */
static bool list_check(const struct field *f, const struct jval *v, const char *path,
                       struct api_error *e)
{
    char inner[API_ERROR_PARAM_MAX + 24];
    size_t i;

    if (!json_is_arr(v))
        return wrong_type(e, path, "an array of objects", v);
    for (i = 0; f->fields && i < json_len(v); i++) {
        (void)snprintf(inner, sizeof(inner), "%.*s[%zu]", API_ERROR_PARAM_MAX, path,
                       i); /* it fits */
        if (!json_is_obj(json_at(v, i)))
            return wrong_type(e, inner, "an object", json_at(v, i));
        if (!fields_check(f->fields, f->n_fields, json_at(v, i), inner, e))
            return false;
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables of fields */
static bool value_check(const struct field *f, const struct jval *v, const char *path,
                        struct api_error *e)
{
    if (f->kind == FIELD_ANY || (json_is_null(v) && f->nullable))
        return true;
    switch (f->kind) {
    case FIELD_STR:
    case FIELD_CHOICE:
        if (!json_is_str(v))
            return wrong_type(e, path, "a string", v);
        return f->kind == FIELD_STR || choice_check(f, v, path, e);
    case FIELD_BOOL:
        return json_is_bool(v) || wrong_type(e, path, "a boolean", v);
    case FIELD_INT:
    case FIELD_NUM:
        return number_check(f, v, path, e);
    case FIELD_OBJ:
        if (!json_is_obj(v))
            return wrong_type(e, path, "an object", v);
        return !f->fields || fields_check(f->fields, f->n_fields, v, path, e);
    case FIELD_LIST:
        return list_check(f, v, path, e);
    case FIELD_ANY:
        break;
    }
    return true;
}

static const struct field *field_find(const struct field *fields, size_t n, struct str name)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (str_eq_c(name, fields[i].name))
            return &fields[i];
    }
    return NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables of fields */
bool fields_check(const struct field *fields, size_t n, const struct jval *obj, const char *path,
                  struct api_error *e)
{
    struct json_iter it = json_iter(obj);
    char inner[API_ERROR_PARAM_MAX];
    const struct jval *v;
    struct str key;
    size_t i;

    while (json_next(&it, &key, &v)) {
        const struct field *f = field_find(fields, n, key);

        (void)snprintf(inner, sizeof(inner), "%s%s" STR_FMT, path, path[0] ? "." : "",
                       STR_ARG(str_slice(key, 0, 64))); /* a long path is cut */
        if (!f)
            return api_error_set(e, "unknown_parameter", inner, "Unknown parameter: '%s'.", inner);
        if (!value_check(f, v, inner, e))
            return false;
    }
    for (i = 0; i < n; i++) {
        if (!fields[i].required || json_get(obj, fields[i].name))
            continue;
        (void)snprintf(inner, sizeof(inner), "%s%s%s", path, path[0] ? "." : "", fields[i].name);
        return api_error_set(e, "missing_required_parameter", inner,
                             "Missing required parameter: '%s'.", inner);
    }
    return true;
}
