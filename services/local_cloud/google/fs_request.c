#include "local_cloud/google/fs_request.h"

#include "base/clock.h"
#include "base/crypto.h"

enum kind { K_STR, K_BOOL, K_INT, K_DOUBLE, K_BYTES, K_TIME, K_ENUM, K_OBJ };

struct member {
    const char *name;
    enum kind kind;
    bool list, map;
    const struct fs_shape *of; /* K_OBJ */
    const char *const *names;  /* K_ENUM, ended by NULL */
    const char *oneof;         /* of its group only one may be there */
};
struct fs_shape {
    const char *name;
    const struct member *members;
    size_t n;
};
#define SHAPE(id, title, list) \
    static const struct fs_shape id = { .name = (title), .members = (list), .n = ARRAY_LEN(list) }
#define REQUEST(id, title, list) \
    const struct fs_shape id = { .name = (title), .members = (list), .n = ARRAY_LEN(list) }

/* ---- the messages ---- */

static const char *const null_names[] = { "NULL_VALUE", NULL };
static const char *const server_values[] = { "REQUEST_TIME", NULL };
static const char *const directions[] = { "DIRECTION_UNSPECIFIED", "ASCENDING", "DESCENDING",
                                          NULL };
static const char *const composite_ops[] = { "OPERATOR_UNSPECIFIED", "AND", "OR", NULL };
static const char *const unary_ops[] = { "OPERATOR_UNSPECIFIED", "IS_NAN",      "IS_NULL",
                                         "IS_NOT_NAN",           "IS_NOT_NULL", NULL };
static const char *const field_ops[] = { "OPERATOR_UNSPECIFIED",
                                         "LESS_THAN",
                                         "LESS_THAN_OR_EQUAL",
                                         "GREATER_THAN",
                                         "GREATER_THAN_OR_EQUAL",
                                         "EQUAL",
                                         "NOT_EQUAL",
                                         "ARRAY_CONTAINS",
                                         "IN",
                                         "ARRAY_CONTAINS_ANY",
                                         "NOT_IN",
                                         NULL };

static const struct fs_shape value;
static const struct member geo_members[] = { { .name = "latitude", .kind = K_DOUBLE },
                                             { .name = "longitude", .kind = K_DOUBLE } };
SHAPE(geo, "LatLng", geo_members);
static const struct member array_members[] = {
    { .name = "values", .kind = K_OBJ, .list = true, .of = &value }
};
SHAPE(array, "ArrayValue", array_members);
static const struct member map_members[] = {
    { .name = "fields", .kind = K_OBJ, .map = true, .of = &value }
};
SHAPE(map, "MapValue", map_members);
static const struct member value_members[] = {
    { .name = "nullValue", .kind = K_ENUM, .names = null_names, .oneof = "value_type" },
    { .name = "booleanValue", .kind = K_BOOL, .oneof = "value_type" },
    { .name = "integerValue", .kind = K_INT, .oneof = "value_type" },
    { .name = "doubleValue", .kind = K_DOUBLE, .oneof = "value_type" },
    { .name = "timestampValue", .kind = K_TIME, .oneof = "value_type" },
    { .name = "stringValue", .kind = K_STR, .oneof = "value_type" },
    { .name = "bytesValue", .kind = K_BYTES, .oneof = "value_type" },
    { .name = "referenceValue", .kind = K_STR, .oneof = "value_type" },
    { .name = "geoPointValue", .kind = K_OBJ, .of = &geo, .oneof = "value_type" },
    { .name = "arrayValue", .kind = K_OBJ, .of = &array, .oneof = "value_type" },
    { .name = "mapValue", .kind = K_OBJ, .of = &map, .oneof = "value_type" },
};
SHAPE(value, "Value", value_members);

static const struct member document_members[] = {
    { .name = "name", .kind = K_STR },
    { .name = "fields", .kind = K_OBJ, .map = true, .of = &value },
    { .name = "createTime", .kind = K_TIME },
    { .name = "updateTime", .kind = K_TIME },
};
REQUEST(fs_document_shape, "Document", document_members);

static const struct member mask_members[] = {
    { .name = "fieldPaths", .kind = K_STR, .list = true }
};
SHAPE(mask, "DocumentMask", mask_members);
static const struct member precondition_members[] = {
    { .name = "exists", .kind = K_BOOL, .oneof = "condition_type" },
    { .name = "updateTime", .kind = K_TIME, .oneof = "condition_type" },
};
SHAPE(precondition, "Precondition", precondition_members);
static const struct member field_transform_members[] = {
    { .name = "fieldPath", .kind = K_STR },
    { .name = "setToServerValue",
      .kind = K_ENUM,
      .names = server_values,
      .oneof = "transform_type" },
    { .name = "increment", .kind = K_OBJ, .of = &value, .oneof = "transform_type" },
    { .name = "maximum", .kind = K_OBJ, .of = &value, .oneof = "transform_type" },
    { .name = "minimum", .kind = K_OBJ, .of = &value, .oneof = "transform_type" },
    { .name = "appendMissingElements", .kind = K_OBJ, .of = &array, .oneof = "transform_type" },
    { .name = "removeAllFromArray", .kind = K_OBJ, .of = &array, .oneof = "transform_type" },
};
SHAPE(field_transform, "FieldTransform", field_transform_members);
static const struct member transform_members[] = {
    { .name = "document", .kind = K_STR },
    { .name = "fieldTransforms", .kind = K_OBJ, .list = true, .of = &field_transform },
};
SHAPE(transform, "DocumentTransform", transform_members);
static const struct member write_members[] = {
    { .name = "update", .kind = K_OBJ, .of = &fs_document_shape, .oneof = "operation" },
    { .name = "delete", .kind = K_STR, .oneof = "operation" },
    { .name = "verify", .kind = K_STR, .oneof = "operation" },
    { .name = "transform", .kind = K_OBJ, .of = &transform, .oneof = "operation" },
    { .name = "updateMask", .kind = K_OBJ, .of = &mask },
    { .name = "updateTransforms", .kind = K_OBJ, .list = true, .of = &field_transform },
    { .name = "currentDocument", .kind = K_OBJ, .of = &precondition },
};
SHAPE(write, "Write", write_members);

static const struct member read_only_members[] = { { .name = "readTime", .kind = K_TIME } };
SHAPE(read_only, "ReadOnly", read_only_members);
static const struct member read_write_members[] = { { .name = "retryTransaction",
                                                      .kind = K_BYTES } };
SHAPE(read_write, "ReadWrite", read_write_members);
static const struct member options_members[] = {
    { .name = "readOnly", .kind = K_OBJ, .of = &read_only, .oneof = "mode" },
    { .name = "readWrite", .kind = K_OBJ, .of = &read_write, .oneof = "mode" },
};
SHAPE(options, "TransactionOptions", options_members);

static const struct member field_members[] = { { .name = "fieldPath", .kind = K_STR } };
SHAPE(field, "FieldReference", field_members);
static const struct member field_filter_members[] = {
    { .name = "field", .kind = K_OBJ, .of = &field },
    { .name = "op", .kind = K_ENUM, .names = field_ops },
    { .name = "value", .kind = K_OBJ, .of = &value },
};
SHAPE(field_filter, "FieldFilter", field_filter_members);
static const struct member unary_filter_members[] = {
    { .name = "field", .kind = K_OBJ, .of = &field },
    { .name = "op", .kind = K_ENUM, .names = unary_ops },
};
SHAPE(unary_filter, "UnaryFilter", unary_filter_members);
static const struct fs_shape filter;
static const struct member composite_filter_members[] = {
    { .name = "op", .kind = K_ENUM, .names = composite_ops },
    { .name = "filters", .kind = K_OBJ, .list = true, .of = &filter },
};
SHAPE(composite_filter, "CompositeFilter", composite_filter_members);
static const struct member filter_members[] = {
    { .name = "compositeFilter", .kind = K_OBJ, .of = &composite_filter, .oneof = "filter_type" },
    { .name = "fieldFilter", .kind = K_OBJ, .of = &field_filter, .oneof = "filter_type" },
    { .name = "unaryFilter", .kind = K_OBJ, .of = &unary_filter, .oneof = "filter_type" },
};
SHAPE(filter, "Filter", filter_members);
static const struct member order_members[] = {
    { .name = "field", .kind = K_OBJ, .of = &field },
    { .name = "direction", .kind = K_ENUM, .names = directions },
};
SHAPE(order, "Order", order_members);
static const struct member cursor_members[] = {
    { .name = "values", .kind = K_OBJ, .list = true, .of = &value },
    { .name = "before", .kind = K_BOOL },
};
SHAPE(cursor, "Cursor", cursor_members);
static const struct member projection_members[] = {
    { .name = "fields", .kind = K_OBJ, .list = true, .of = &field }
};
SHAPE(projection, "Projection", projection_members);
static const struct member selector_members[] = {
    { .name = "collectionId", .kind = K_STR },
    { .name = "allDescendants", .kind = K_BOOL },
};
SHAPE(selector, "CollectionSelector", selector_members);
static const struct member query_members[] = {
    { .name = "select", .kind = K_OBJ, .of = &projection },
    { .name = "from", .kind = K_OBJ, .list = true, .of = &selector },
    { .name = "where", .kind = K_OBJ, .of = &filter },
    { .name = "orderBy", .kind = K_OBJ, .list = true, .of = &order },
    { .name = "startAt", .kind = K_OBJ, .of = &cursor },
    { .name = "endAt", .kind = K_OBJ, .of = &cursor },
    { .name = "offset", .kind = K_INT },
    { .name = "limit", .kind = K_INT }, /* Int32Value: a bare number in JSON */
};
SHAPE(query, "StructuredQuery", query_members);

static const struct member count_members[] = { { .name = "upTo", .kind = K_INT } };
SHAPE(count, "Count", count_members);
static const struct member of_field_members[] = {
    { .name = "field", .kind = K_OBJ, .of = &field }
};
SHAPE(of_field, "Sum or Avg", of_field_members);
static const struct member aggregation_members[] = {
    { .name = "alias", .kind = K_STR },
    { .name = "count", .kind = K_OBJ, .of = &count, .oneof = "operator" },
    { .name = "sum", .kind = K_OBJ, .of = &of_field, .oneof = "operator" },
    { .name = "avg", .kind = K_OBJ, .of = &of_field, .oneof = "operator" },
};
SHAPE(aggregation, "Aggregation", aggregation_members);
static const struct member aggregation_query_members[] = {
    { .name = "structuredQuery", .kind = K_OBJ, .of = &query },
    { .name = "aggregations", .kind = K_OBJ, .list = true, .of = &aggregation },
};
SHAPE(aggregation_query, "StructuredAggregationQuery", aggregation_query_members);

/* ---- the requests ---- */

/* In what point of time a read takes place. */
#define CONSISTENCY                                                              \
    { .name = "transaction", .kind = K_BYTES, .oneof = "consistency_selector" }, \
        { .name = "newTransaction",                                              \
          .kind = K_OBJ,                                                         \
          .of = &options,                                                        \
          .oneof = "consistency_selector" },                                     \
    {                                                                            \
        .name = "readTime", .kind = K_TIME, .oneof = "consistency_selector"      \
    }
static const struct member commit_members[] = {
    { .name = "writes", .kind = K_OBJ, .list = true, .of = &write },
    { .name = "transaction", .kind = K_BYTES },
};
REQUEST(fs_commit_shape, "CommitRequest", commit_members);
static const struct member batch_write_members[] = {
    { .name = "writes", .kind = K_OBJ, .list = true, .of = &write },
    { .name = "labels", .kind = K_STR, .map = true },
};
REQUEST(fs_batch_write_shape, "BatchWriteRequest", batch_write_members);
static const struct member batch_get_members[] = {
    { .name = "documents", .kind = K_STR, .list = true },
    { .name = "mask", .kind = K_OBJ, .of = &mask },
    CONSISTENCY,
};
REQUEST(fs_batch_get_shape, "BatchGetDocumentsRequest", batch_get_members);
static const struct member begin_members[] = {
    { .name = "options", .kind = K_OBJ, .of = &options }
};
REQUEST(fs_begin_shape, "BeginTransactionRequest", begin_members);
static const struct member rollback_members[] = { { .name = "transaction", .kind = K_BYTES } };
REQUEST(fs_rollback_shape, "RollbackRequest", rollback_members);
static const struct member run_query_members[] = {
    { .name = "structuredQuery", .kind = K_OBJ, .of = &query },
    CONSISTENCY,
};
REQUEST(fs_run_query_shape, "RunQueryRequest", run_query_members);
static const struct member run_aggregation_members[] = {
    { .name = "structuredAggregationQuery", .kind = K_OBJ, .of = &aggregation_query },
    CONSISTENCY,
};
REQUEST(fs_aggregation_shape, "RunAggregationQueryRequest", run_aggregation_members);
static const struct member collection_ids_members[] = {
    { .name = "pageSize", .kind = K_INT },
    { .name = "pageToken", .kind = K_STR },
    { .name = "readTime", .kind = K_TIME },
};
REQUEST(fs_collection_ids_shape, "ListCollectionIdsRequest", collection_ids_members);
const struct fs_shape fs_empty_shape = { .name = "request" };

/* ---- checking bodies ---- */

static bool refuse(struct failure *f, const struct fs_shape *shape, struct str name,
                   const char *what)
{
    return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                       "Invalid JSON payload received. %s in %s: \"" STR_FMT "\".", what,
                       shape->name, STR_ARG(str_slice(name, 0, 100)));
}

static const struct member *member_of(const struct fs_shape *shape, struct str name)
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
    for (; *names; names++) {
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

static bool scalar_fits(const struct member *m, const struct jval *v)
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
    case K_OBJ:
        break;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
static bool one_fits(const struct fs_shape *shape, const struct member *m, const struct jval *v,
                     struct failure *f)
{
    if (m->kind == K_OBJ)
        return fs_request_body(v, m->of, f);
    return scalar_fits(m, v) || refuse(f, shape, str_c(m->name), "Invalid value");
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
static bool member_fits(const struct fs_shape *shape, const struct member *m, const struct jval *v,
                        struct failure *f)
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
bool fs_request_body(const struct jval *body, const struct fs_shape *shape, struct failure *f)
{
    struct json_iter it = json_iter(body);
    const struct member *m, *chosen = NULL;
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

static bool param_fits(enum fs_param kind, struct str text)
{
    int64_t unused;

    switch (kind) {
    case FS_PARAM_BOOL:
        return str_eq(text, STR("true")) || str_eq(text, STR("false"));
    case FS_PARAM_INT:
        return !str_to_i64(text, INT32_MIN, INT32_MAX, &unused);
    case FS_PARAM_TIME:
        return !time_parse_rfc3339(text, &unused);
    case FS_PARAM_TEXT:
        break;
    }
    return true;
}

bool fs_request_params(const struct form *params, const struct fs_param_desc *known, size_t n,
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
