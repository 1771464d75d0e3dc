#include "local_cloud/google/fs_request.h"

#define SHAPE(id, title, list) \
    static const struct shape id = { .name = (title), .members = (list), .n = ARRAY_LEN(list) }
#define REQUEST(id, title, list) \
    const struct shape id = { .name = (title), .members = (list), .n = ARRAY_LEN(list) }

/* ---- messages ---- */

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

static const struct shape value;
static const struct shape_member geo_members[] = { { .name = "latitude", .kind = K_DOUBLE },
                                                   { .name = "longitude", .kind = K_DOUBLE } };
SHAPE(geo, "LatLng", geo_members);
static const struct shape_member array_members[] = {
    { .name = "values", .kind = K_OBJ, .list = true, .of = &value }
};
SHAPE(array, "ArrayValue", array_members);
static const struct shape_member map_members[] = {
    { .name = "fields", .kind = K_OBJ, .map = true, .of = &value }
};
SHAPE(map, "MapValue", map_members);
static const struct shape_member value_members[] = {
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

static const struct shape_member document_members[] = {
    { .name = "name", .kind = K_STR },
    { .name = "fields", .kind = K_OBJ, .map = true, .of = &value },
    { .name = "createTime", .kind = K_TIME },
    { .name = "updateTime", .kind = K_TIME },
};
REQUEST(fs_document_shape, "Document", document_members);

static const struct shape_member mask_members[] = {
    { .name = "fieldPaths", .kind = K_STR, .list = true }
};
SHAPE(mask, "DocumentMask", mask_members);
static const struct shape_member precondition_members[] = {
    { .name = "exists", .kind = K_BOOL, .oneof = "condition_type" },
    { .name = "updateTime", .kind = K_TIME, .oneof = "condition_type" },
};
SHAPE(precondition, "Precondition", precondition_members);
static const struct shape_member field_transform_members[] = {
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
static const struct shape_member transform_members[] = {
    { .name = "document", .kind = K_STR },
    { .name = "fieldTransforms", .kind = K_OBJ, .list = true, .of = &field_transform },
};
SHAPE(transform, "DocumentTransform", transform_members);
static const struct shape_member write_members[] = {
    { .name = "update", .kind = K_OBJ, .of = &fs_document_shape, .oneof = "operation" },
    { .name = "delete", .kind = K_STR, .oneof = "operation" },
    { .name = "verify", .kind = K_STR, .oneof = "operation" },
    { .name = "transform", .kind = K_OBJ, .of = &transform, .oneof = "operation" },
    { .name = "updateMask", .kind = K_OBJ, .of = &mask },
    { .name = "updateTransforms", .kind = K_OBJ, .list = true, .of = &field_transform },
    { .name = "currentDocument", .kind = K_OBJ, .of = &precondition },
};
SHAPE(write, "Write", write_members);

static const struct shape_member read_only_members[] = { { .name = "readTime", .kind = K_TIME } };
SHAPE(read_only, "ReadOnly", read_only_members);
static const struct shape_member read_write_members[] = { { .name = "retryTransaction",
                                                            .kind = K_BYTES } };
SHAPE(read_write, "ReadWrite", read_write_members);
static const struct shape_member options_members[] = {
    { .name = "readOnly", .kind = K_OBJ, .of = &read_only, .oneof = "mode" },
    { .name = "readWrite", .kind = K_OBJ, .of = &read_write, .oneof = "mode" },
};
SHAPE(options, "TransactionOptions", options_members);

static const struct shape_member field_members[] = { { .name = "fieldPath", .kind = K_STR } };
SHAPE(field, "FieldReference", field_members);
static const struct shape_member field_filter_members[] = {
    { .name = "field", .kind = K_OBJ, .of = &field },
    { .name = "op", .kind = K_ENUM, .names = field_ops },
    { .name = "value", .kind = K_OBJ, .of = &value },
};
SHAPE(field_filter, "FieldFilter", field_filter_members);
static const struct shape_member unary_filter_members[] = {
    { .name = "field", .kind = K_OBJ, .of = &field },
    { .name = "op", .kind = K_ENUM, .names = unary_ops },
};
SHAPE(unary_filter, "UnaryFilter", unary_filter_members);
static const struct shape filter;
static const struct shape_member composite_filter_members[] = {
    { .name = "op", .kind = K_ENUM, .names = composite_ops },
    { .name = "filters", .kind = K_OBJ, .list = true, .of = &filter },
};
SHAPE(composite_filter, "CompositeFilter", composite_filter_members);
static const struct shape_member filter_members[] = {
    { .name = "compositeFilter", .kind = K_OBJ, .of = &composite_filter, .oneof = "filter_type" },
    { .name = "fieldFilter", .kind = K_OBJ, .of = &field_filter, .oneof = "filter_type" },
    { .name = "unaryFilter", .kind = K_OBJ, .of = &unary_filter, .oneof = "filter_type" },
};
SHAPE(filter, "Filter", filter_members);
static const struct shape_member order_members[] = {
    { .name = "field", .kind = K_OBJ, .of = &field },
    { .name = "direction", .kind = K_ENUM, .names = directions },
};
SHAPE(order, "Order", order_members);
static const struct shape_member cursor_members[] = {
    { .name = "values", .kind = K_OBJ, .list = true, .of = &value },
    { .name = "before", .kind = K_BOOL },
};
SHAPE(cursor, "Cursor", cursor_members);
static const struct shape_member projection_members[] = {
    { .name = "fields", .kind = K_OBJ, .list = true, .of = &field }
};
SHAPE(projection, "Projection", projection_members);
static const struct shape_member selector_members[] = {
    { .name = "collectionId", .kind = K_STR },
    { .name = "allDescendants", .kind = K_BOOL },
};
SHAPE(selector, "CollectionSelector", selector_members);
static const struct shape_member query_members[] = {
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

static const struct shape_member count_members[] = { { .name = "upTo", .kind = K_INT } };
SHAPE(count, "Count", count_members);
static const struct shape_member of_field_members[] = {
    { .name = "field", .kind = K_OBJ, .of = &field }
};
SHAPE(of_field, "Sum or Avg", of_field_members);
static const struct shape_member aggregation_members[] = {
    { .name = "alias", .kind = K_STR },
    { .name = "count", .kind = K_OBJ, .of = &count, .oneof = "operator" },
    { .name = "sum", .kind = K_OBJ, .of = &of_field, .oneof = "operator" },
    { .name = "avg", .kind = K_OBJ, .of = &of_field, .oneof = "operator" },
};
SHAPE(aggregation, "Aggregation", aggregation_members);
static const struct shape_member aggregation_query_members[] = {
    { .name = "structuredQuery", .kind = K_OBJ, .of = &query },
    { .name = "aggregations", .kind = K_OBJ, .list = true, .of = &aggregation },
};
SHAPE(aggregation_query, "StructuredAggregationQuery", aggregation_query_members);

/* ---- requests ---- */

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
static const struct shape_member commit_members[] = {
    { .name = "writes", .kind = K_OBJ, .list = true, .of = &write },
    { .name = "transaction", .kind = K_BYTES },
};
REQUEST(fs_commit_shape, "CommitRequest", commit_members);
static const struct shape_member batch_write_members[] = {
    { .name = "writes", .kind = K_OBJ, .list = true, .of = &write },
    { .name = "labels", .kind = K_STR, .map = true },
};
REQUEST(fs_batch_write_shape, "BatchWriteRequest", batch_write_members);
static const struct shape_member batch_get_members[] = {
    { .name = "documents", .kind = K_STR, .list = true },
    { .name = "mask", .kind = K_OBJ, .of = &mask },
    CONSISTENCY,
};
REQUEST(fs_batch_get_shape, "BatchGetDocumentsRequest", batch_get_members);
static const struct shape_member begin_members[] = {
    { .name = "options", .kind = K_OBJ, .of = &options }
};
REQUEST(fs_begin_shape, "BeginTransactionRequest", begin_members);
static const struct shape_member rollback_members[] = { { .name = "transaction",
                                                          .kind = K_BYTES } };
REQUEST(fs_rollback_shape, "RollbackRequest", rollback_members);
static const struct shape_member run_query_members[] = {
    { .name = "structuredQuery", .kind = K_OBJ, .of = &query },
    CONSISTENCY,
};
REQUEST(fs_run_query_shape, "RunQueryRequest", run_query_members);
static const struct shape_member run_aggregation_members[] = {
    { .name = "structuredAggregationQuery", .kind = K_OBJ, .of = &aggregation_query },
    CONSISTENCY,
};
REQUEST(fs_aggregation_shape, "RunAggregationQueryRequest", run_aggregation_members);
static const struct shape_member collection_ids_members[] = {
    { .name = "pageSize", .kind = K_INT },
    { .name = "pageToken", .kind = K_STR },
    { .name = "readTime", .kind = K_TIME },
};
REQUEST(fs_collection_ids_shape, "ListCollectionIdsRequest", collection_ids_members);
const struct shape fs_empty_shape = { .name = "request" };
