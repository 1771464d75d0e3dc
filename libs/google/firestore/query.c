/* Queries. Source: Firestore REST, StructuredQuery. */
#include "base/clock.h"
#include "google/firestore.h"
#include "google/firestore/firestore_internal.h"

static const char *const op_names[] = {
    [FS_EQ] = "EQUAL",
    [FS_NE] = "NOT_EQUAL",
    [FS_LT] = "LESS_THAN",
    [FS_LE] = "LESS_THAN_OR_EQUAL",
    [FS_GT] = "GREATER_THAN",
    [FS_GE] = "GREATER_THAN_OR_EQUAL",
    [FS_ARRAY_CONTAINS] = "ARRAY_CONTAINS",
    [FS_IN] = "IN",
};

struct query_writer {
    struct jw w;
    struct google *g;
    struct arena *arena;
};

static void write_strs(struct jw *w, const struct fs_operand *v)
{
    size_t i;

    jw_obj(w, "arrayValue");
    jw_arr(w, "values");
    for (i = 0; i < v->n_strs; i++) {
        jw_obj(w, NULL);
        jw_str(w, "stringValue", v->strs[i]);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

static void write_operand(struct query_writer *q, const char *key, const struct fs_operand *v)
{
    char time[TIME_TEXT_MAX];
    struct jw *w = &q->w;

    jw_obj(w, key);
    switch (v->kind) {
    case FS_OF_STR:
        jw_str(w, "stringValue", v->str);
        break;
    case FS_OF_I64:
        jw_strf(w, "integerValue", "%lld", (long long)v->i64);
        break;
    case FS_OF_NUM:
        jw_num(w, "doubleValue", v->num);
        break;
    case FS_OF_BOOL:
        jw_bool(w, "booleanValue", v->flag);
        break;
    case FS_OF_TIME:
        time_rfc3339(time, v->i64);
        jw_cstr(w, "timestampValue", time);
        break;
    case FS_OF_NULL:
        jw_null(w, "nullValue");
        break;
    case FS_OF_REF:
        jw_str(w, "referenceValue", firestore_name(q->g, q->arena, v->str));
        break;
    case FS_OF_STRS:
        write_strs(w, v);
        break;
    }
    jw_end(w);
}

static void write_field(struct jw *w, const char *path)
{
    jw_obj(w, "field");
    jw_cstr(w, "fieldPath", path);
    jw_end(w);
}

static void write_filter(struct query_writer *q, const char *key, const struct fs_filter *f)
{
    struct jw *w = &q->w;

    jw_obj(w, key);
    if (f->value.kind == FS_OF_NULL && (f->op == FS_EQ || f->op == FS_NE)) {
        jw_obj(w, "unaryFilter");
        jw_cstr(w, "op", f->op == FS_EQ ? "IS_NULL" : "IS_NOT_NULL");
        write_field(w, f->field);
    } else {
        jw_obj(w, "fieldFilter");
        write_field(w, f->field);
        jw_cstr(w, "op", op_names[f->op]);
        write_operand(q, "value", &f->value);
    }
    jw_end(w);
    jw_end(w);
}

static void write_where(struct query_writer *q, const struct firestore_query *in)
{
    size_t i;

    if (in->n_filters == 0)
        return;
    if (in->n_filters == 1) {
        write_filter(q, "where", &in->filters[0]);
        return;
    }
    jw_obj(&q->w, "where");
    jw_obj(&q->w, "compositeFilter");
    jw_cstr(&q->w, "op", "AND");
    jw_arr(&q->w, "filters");
    for (i = 0; i < in->n_filters; i++)
        write_filter(q, NULL, &in->filters[i]);
    jw_end(&q->w);
    jw_end(&q->w);
    jw_end(&q->w);
}

static void write_orders(struct query_writer *q, const struct firestore_query *in)
{
    size_t i;

    if (in->n_orders == 0)
        return;
    jw_arr(&q->w, "orderBy");
    for (i = 0; i < in->n_orders; i++) {
        jw_obj(&q->w, NULL);
        write_field(&q->w, in->orders[i].field);
        jw_cstr(&q->w, "direction", in->orders[i].descending ? "DESCENDING" : "ASCENDING");
        jw_end(&q->w);
    }
    jw_end(&q->w);
}

static void write_cursor(struct query_writer *q, const char *key, const struct fs_operand *values,
                         size_t n, bool before)
{
    size_t i;

    if (n == 0)
        return;
    jw_obj(&q->w, key);
    jw_arr(&q->w, "values");
    for (i = 0; i < n; i++)
        write_operand(q, NULL, &values[i]);
    jw_end(&q->w);
    jw_bool(&q->w, "before", before);
    jw_end(&q->w);
}

static void write_select(struct query_writer *q, const struct firestore_query *in)
{
    size_t i;

    if (in->n_select == 0)
        return;
    jw_obj(&q->w, "select");
    jw_arr(&q->w, "fields");
    for (i = 0; i < in->n_select; i++) {
        jw_obj(&q->w, NULL);
        jw_cstr(&q->w, "fieldPath", in->select[i]);
        jw_end(&q->w);
    }
    jw_end(&q->w);
    jw_end(&q->w);
}

static void write_query(struct query_writer *q, const struct firestore_query *in)
{
    jw_obj(&q->w, "structuredQuery");
    write_select(q, in);
    jw_arr(&q->w, "from");
    jw_obj(&q->w, NULL);
    jw_cstr(&q->w, "collectionId", in->collection);
    if (in->all_descendants)
        jw_bool(&q->w, "allDescendants", true);
    jw_end(&q->w);
    jw_end(&q->w);
    write_where(q, in);
    write_orders(q, in);
    if (in->n_start_after)
        write_cursor(q, "startAt", in->start_after, in->n_start_after, false);
    else
        write_cursor(q, "startAt", in->start_at, in->n_start_at, true);
    write_cursor(q, "endAt", in->end_before, in->n_end_before, true);
    if (in->offset > 0)
        jw_i64(&q->w, "offset", in->offset);
    if (in->limit > 0)
        jw_i64(&q->w, "limit", in->limit);
    jw_end(&q->w);
}

static enum errc ask(struct google *g, struct ctx *ctx, const struct firestore_query *in,
                     const char *verb, struct str body, const struct jval **ret, struct err *err)
{
    enum errc rc;

    rc = firestore_ask(g, ctx, firestore_url(g, ctx->arena, in->parent, verb), body, ret, err);
    if (rc == ERR_CONFLICT) /* FAILED_PRECONDITION of a query: an index is missing */
        rc = ERR_INVALID;
    return rc ? err_wrap(err, rc, "query of %s", in->collection) : ERR_OK;
}

enum errc firestore_query(struct google *g, struct ctx *ctx, const struct firestore_query *q,
                          struct fs_docs *ret, struct err *err)
{
    struct query_writer writer = { .g = g, .arena = ctx->arena };
    const struct jval *root, *item, *document;
    struct fs_docs docs = { .n = 0 };
    struct json_iter it;
    struct str unused;
    enum errc rc;

    jw_init(&writer.w);
    jw_obj(&writer.w, NULL);
    write_query(&writer, q);
    jw_end(&writer.w);
    rc = ask(g, ctx, q, "runQuery", jw_finish(&writer.w, ctx->arena), &root, err);
    if (rc)
        return rc;
    docs.items = ARENA_ARRAY(ctx->arena, struct fs_doc, json_len(root));
    it = json_iter(root);
    while (json_next(&it, &unused, &item)) {
        document = json_get(item, "document");
        if (document) /* others report progress */
            docs.items[docs.n++] = firestore_doc(g, ctx->arena, document);
    }
    *ret = docs;
    return ERR_OK;
}

enum errc firestore_count(struct google *g, struct ctx *ctx, const struct firestore_query *q,
                          int64_t *ret, struct err *err)
{
    struct query_writer writer = { .g = g, .arena = ctx->arena };
    const struct jval *root, *count;
    enum errc rc;

    jw_init(&writer.w);
    jw_obj(&writer.w, NULL);
    jw_obj(&writer.w, "structuredAggregationQuery");
    write_query(&writer, q);
    jw_arr(&writer.w, "aggregations");
    jw_obj(&writer.w, NULL);
    jw_cstr(&writer.w, "alias", "n");
    jw_obj(&writer.w, "count");
    jw_end(&writer.w);
    jw_end(&writer.w);
    jw_end(&writer.w);
    jw_end(&writer.w);
    jw_end(&writer.w);
    rc = ask(g, ctx, q, "runAggregationQuery", jw_finish(&writer.w, ctx->arena), &root, err);
    if (rc)
        return rc;
    count = json_path(root, "0.result.aggregateFields.n.integerValue");
    if (!count)
        return err_set(err, ERR_UPSTREAM, "query of %s: answer without a count", q->collection);
    *ret = json_i64_or(count, 0);
    return ERR_OK;
}
