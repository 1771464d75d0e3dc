#include "local_cloud/google/shape.h"

#include "base/clock.h"
#include "base/crypto.h"

/* ---- checking bodies ---- */

static bool refuse(struct failure *f, const struct shape *shape, struct str name, const char *what)
{
    return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                       "Invalid JSON payload received. %s in %s: \"" STR_FMT "\".", what,
                       shape->name, STR_ARG(str_slice(name, 0, 100)));
}

static const struct shape_member *member_of(const struct shape *shape, struct str name)
{
    size_t i;

    for (i = 0; i < shape->n; i++) {
        if (str_eq_c(name, shape->members[i].name))
            return &shape->members[i];
    }
    return NULL;
}

static bool is_number_text(struct str text)
{
    double unused;

    return str_eq(text, STR("NaN")) || str_eq(text, STR("Infinity")) ||
           str_eq(text, STR("-Infinity")) || !str_to_double(text, &unused);
}

static bool is_int(const struct jval *v)
{
    int64_t unused;
    double number = json_num_or(v, 0.5);

    if (json_is_num(v)) /* 3.0 is one as well */
        return json_is_int(v) ||
               (number > -9e15 && number < 9e15 && number == (double)(int64_t)number);
    return json_is_str(v) && !str_to_i64(json_str(v), INT64_MIN, INT64_MAX, &unused);
}

static bool is_enum(const struct jval *v, const char *const *names)
{
    if (json_is_int(v)) /* some clients send the number */
        return json_i64_or(v, -1) >= 0;
    for (; names && *names; names++) {
        if (str_eq_c(json_str(v), *names))
            return true;
    }
    return false;
}

static bool is_base64(struct str text)
{
    struct arena a = ARENA_INIT;
    struct str unused;
    bool good = !base64_bytes(&a, text, &unused);

    arena_release(&a);
    return good;
}

static bool scalar_fits(const struct shape_member *m, const struct jval *v)
{
    int64_t unused;

    switch (m->kind) {
    case K_STR:
        return json_is_str(v);
    case K_BOOL:
        return json_is_bool(v);
    case K_INT:
        return is_int(v);
    case K_DOUBLE:
        return json_is_num(v) || (json_is_str(v) && is_number_text(json_str(v)));
    case K_BYTES:
        return json_is_str(v) && is_base64(json_str(v));
    case K_TIME:
        return json_is_str(v) && !time_parse_rfc3339(json_str(v), &unused);
    case K_ENUM:
        return is_enum(v, m->names);
    case K_DURATION:
        return str_ends(json_str(v), STR("s")) &&
               is_number_text(str_slice(json_str(v), 0, json_str(v).n - 1));
    case K_OBJ:
        break;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
static bool one_fits(const struct shape *shape, const struct shape_member *m, const struct jval *v,
                     struct failure *f)
{
    if (m->kind == K_OBJ)
        return shape_check(v, m->of, f);
    return scalar_fits(m, v) || refuse(f, shape, str_c(m->name), "Invalid value");
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
static bool member_fits(const struct shape *shape, const struct shape_member *m,
                        const struct jval *v, struct failure *f)
{
    struct json_iter it = json_iter(v);
    const struct jval *item;
    struct str unused;

    if (!m->list && !m->map)
        return one_fits(shape, m, v, f);
    if (m->list ? !json_is_arr(v) : !json_is_obj(v))
        return refuse(f, shape, str_c(m->name), m->list ? "No array" : "No object");
    while (json_next(&it, &unused, &item)) {
        if (!one_fits(shape, m, item, f))
            return false;
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
bool shape_check(const struct jval *body, const struct shape *shape, struct failure *f)
{
    struct json_iter it = json_iter(body);
    const struct shape_member *m, *chosen = NULL;
    const struct jval *v;
    struct str name;

    if (!json_is_obj(body))
        return refuse(f, shape, STR_EMPTY, "No object");
    while (json_next(&it, &name, &v)) {
        m = member_of(shape, name);
        if (!m)
            return refuse(f, shape, name, "Unknown name");
        if (json_is_null(v)) /* as if it were not there, but for the null that is a value */
            continue;
        if (m->oneof && chosen && str_eq_c(str_c(m->oneof), chosen->oneof))
            return refuse(f, shape, name, "Another of its group is already set");
        chosen = m->oneof ? m : chosen;
        if (!member_fits(shape, m, v, f))
            return false;
    }
    return true;
}

/* ---- checking parameters ---- */

static const char *const system_params[] = { "$.xgafv",     "$alt",        "access_token",
                                             "alt",         "callback",    "fields",
                                             "key",         "oauth_token", "prettyPrint",
                                             "quotaUser",   "uploadType",  "upload_protocol",
                                             "$prettyPrint" };

static bool param_fits(enum param_kind kind, struct str text)
{
    int64_t unused;

    switch (kind) {
    case PARAM_BOOL:
        return str_eq(text, STR("true")) || str_eq(text, STR("false"));
    case PARAM_INT:
        return !str_to_i64(text, INT32_MIN, INT32_MAX, &unused);
    case PARAM_TIME:
        return !time_parse_rfc3339(text, &unused);
    case PARAM_TEXT:
        break;
    }
    return true;
}

bool shape_check_params(const struct form *params, const struct param *known, size_t n,
                        struct failure *f)
{
    size_t i, k;

    for (i = 0; i < params->n; i++) {
        struct str name = params->pairs[i].key, text = params->pairs[i].value;
        bool found = false;

        for (k = 0; k < ARRAY_LEN(system_params); k++)
            found = found || str_eq_c(name, system_params[k]);
        for (k = 0; k < n; k++) {
            if (!str_eq_c(name, known[k].name))
                continue;
            found = true;
            if (!param_fits(known[k].kind, text))
                return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                                   "Invalid value at '%s': \"" STR_FMT "\"", known[k].name,
                                   STR_ARG(str_slice(text, 0, 100)));
        }
        if (!found)
            return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                               "Invalid JSON payload received. Unknown name \"" STR_FMT
                               "\": Cannot bind query parameter.",
                               STR_ARG(str_slice(name, 0, 100)));
    }
    return true;
}
