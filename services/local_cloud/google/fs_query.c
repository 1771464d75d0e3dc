#include "local_cloud/google/fs_query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ORDERS_MAX = 16, SELECT_MAX = 100, AGGREGATIONS_MAX = 5, FILTER_DEPTH_MAX = 20 };

enum op {
    OP_NONE, /* numbers as in the API's enum, which some clients send */
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_ARRAY_CONTAINS,
    OP_IN,
    OP_ARRAY_CONTAINS_ANY,
    OP_NOT_IN,
};
static const char *const op_names[] = {
    [OP_LESS] = "LESS_THAN",
    [OP_LESS_EQUAL] = "LESS_THAN_OR_EQUAL",
    [OP_GREATER] = "GREATER_THAN",
    [OP_GREATER_EQUAL] = "GREATER_THAN_OR_EQUAL",
    [OP_EQUAL] = "EQUAL",
    [OP_NOT_EQUAL] = "NOT_EQUAL",
    [OP_ARRAY_CONTAINS] = "ARRAY_CONTAINS",
    [OP_IN] = "IN",
    [OP_ARRAY_CONTAINS_ANY] = "ARRAY_CONTAINS_ANY",
    [OP_NOT_IN] = "NOT_IN",
};
static const char *const unary_names[] = { NULL,      NULL,         "IS_NAN",
                                           "IS_NULL", "IS_NOT_NAN", "IS_NOT_NULL" };
static const char *const composite_names[] = { NULL, "AND", "OR" };
static const char *const direction_names[] = { NULL, "ASCENDING", "DESCENDING" };

/* An enum by name or by number; 0: unknown. */
static int enum_of(const struct jval *v, const char *const *names, size_t n)
{
    int64_t number = json_i64_or(v, 0);
    size_t i;

    if (json_is_num(v))
        return number > 0 && number < (int64_t)n && names[number] ? (int)number : 0;
    for (i = 1; i < n; i++) {
        if (names[i] && str_eq_c(json_str(v), names[i]))
            return (int)i;
    }
    return 0;
}

struct ordering {
    struct fv_path path;
    bool is_name, descending;
};

struct query {
    struct arena *arena;
    const struct jval *where;
    struct ordering orders[ORDERS_MAX];
    size_t n_orders;
    struct fv *start[ORDERS_MAX], *end[ORDERS_MAX];
    size_t n_start, n_end;
    bool start_before, end_before;
    struct fs_found *found;
    struct failure *f;
};

/* ---- fields ---- */

static bool is_name(struct str path)
{
    return str_eq(path, STR("__name__")) || str_eq(path, STR("`__name__`"));
}

static struct fv *name_value(struct arena *a, struct str name)
{
    struct fv *v = ARENA_NEW(a, struct fv);

    v->kind = FV_REF;
    v->str = name;
    return v;
}

static struct fv *field_value(struct query *q, const struct fs_stored *d, const struct jval *field)
{
    struct str text = json_str(json_get(field, "fieldPath"));
    struct fv_path path;

    if (is_name(text))
        return name_value(q->arena, d->name);
    if (!fv_path_parse(&path, q->arena, text, q->f))
        return NULL;
    return fv_get(d->fields, &path);
}

/* ---- filters ---- */

static bool any_equal(const struct fv *list, const struct fv *v)
{
    size_t i;

    for (i = 0; list->kind == FV_ARRAY && i < list->n; i++) {
        if (fv_equal(list->items[i], v))
            return true;
    }
    return false;
}

static bool any_common(const struct fv *list, const struct fv *wanted)
{
    size_t i;

    for (i = 0; wanted->kind == FV_ARRAY && i < wanted->n; i++) {
        if (any_equal(list, wanted->items[i]))
            return true;
    }
    return false;
}

static bool is_nan(const struct fv *v)
{
    return v->kind == FV_NUMBER && !v->is_int && isnan(v->num);
}

static bool compare_matches(enum op op, const struct fv *v, const struct fv *wanted)
{
    int c;

    switch (op) {
    case OP_EQUAL:
        return fv_equal(v, wanted);
    case OP_NOT_EQUAL:
        return v->kind != FV_NULL && !fv_equal(v, wanted);
    case OP_ARRAY_CONTAINS:
        return v->kind == FV_ARRAY && any_equal(v, wanted);
    case OP_ARRAY_CONTAINS_ANY:
        return v->kind == FV_ARRAY && any_common(v, wanted);
    case OP_IN:
        return any_equal(wanted, v);
    case OP_NOT_IN:
        return v->kind != FV_NULL && !any_equal(wanted, v);
    default:
        break;
    }
    /* Inequalities only hold between values of one type, and never with NaN. */
    if (v->kind != wanted->kind || is_nan(v) || is_nan(wanted))
        return false;
    c = fv_compare(v, wanted);
    return op == OP_LESS ? c < 0 : op == OP_LESS_EQUAL ? c <= 0 : op == OP_GREATER ? c > 0 : c >= 0;
}

static bool field_matches(struct query *q, const struct fs_stored *d, const struct jval *filter)
{
    enum op op = (enum op)enum_of(json_get(filter, "op"), op_names, ARRAY_LEN(op_names));
    struct fv *v, *wanted;

    if (op == OP_NONE)
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Invalid value at 'field_filter.op'");
    if (!fv_parse(&wanted, q->arena, json_get(filter, "value"), q->f))
        return false;
    if ((op == OP_IN || op == OP_NOT_IN || op == OP_ARRAY_CONTAINS_ANY) &&
        (wanted->kind != FV_ARRAY || wanted->n == 0))
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "'%s' requires an non-empty ArrayValue.",
                           op_names[op]);
    v = field_value(q, d, json_get(filter, "field"));
    return v && compare_matches(op, v, wanted);
}

static bool unary_matches(struct query *q, const struct fs_stored *d, const struct jval *filter)
{
    int op = enum_of(json_get(filter, "op"), unary_names, ARRAY_LEN(unary_names));
    const struct fv *v = field_value(q, d, json_get(filter, "field"));

    if (op == 0)
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Invalid value at 'unary_filter.op'");
    if (!v)
        return false;
    if (str_eq_c(STR("IS_NULL"), unary_names[op]))
        return v->kind == FV_NULL;
    if (str_eq_c(STR("IS_NOT_NULL"), unary_names[op]))
        return v->kind != FV_NULL;
    if (str_eq_c(STR("IS_NAN"), unary_names[op]))
        return is_nan(v);
    return v->kind != FV_NULL && !is_nan(v);
}

/* NOLINTNEXTLINE(misc-no-recursion): FILTER_DEPTH_MAX bounds it */
static bool matches(struct query *q, const struct fs_stored *d, const struct jval *filter,
                    int depth)
{
    const struct jval *composite = json_get(filter, "compositeFilter"), *part;
    struct json_iter it;
    struct str unused;
    int op;

    if (!filter || json_len(filter) == 0)
        return true;
    if (depth > FILTER_DEPTH_MAX)
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Filters are nested too deep.");
    if (json_get(filter, "fieldFilter"))
        return field_matches(q, d, json_get(filter, "fieldFilter"));
    if (json_get(filter, "unaryFilter"))
        return unary_matches(q, d, json_get(filter, "unaryFilter"));
    op = enum_of(json_get(composite, "op"), composite_names, ARRAY_LEN(composite_names));
    if (op == 0)
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Invalid value at 'composite_filter.op'");
    it = json_iter(json_get(composite, "filters"));
    while (json_next(&it, &unused, &part)) {
        if (matches(q, d, part, depth + 1) != (op == 1))
            return op != 1;
    }
    return op == 1;
}

/* ---- order ---- */

static const struct fv *order_value(struct arena *a, const struct ordering *o,
                                    const struct fs_stored *d)
{
    return o->is_name ? name_value(a, d->name) : fv_get(d->fields, &o->path);
}

static bool add_order(struct query *q, struct str path, bool descending)
{
    struct ordering *o = &q->orders[q->n_orders];

    if (q->n_orders == ORDERS_MAX)
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Too many orders.");
    o->is_name = is_name(path);
    o->descending = descending;
    if (!o->is_name && !fv_path_parse(&o->path, q->arena, path, q->f))
        return false;
    q->n_orders++;
    return true;
}

static bool has_order(const struct query *q, struct str path)
{
    struct fv_path p = { .n = 0 };
    struct failure unused = { .status = 0 };
    size_t i, k;

    if (!is_name(path) && !fv_path_parse(&p, q->arena, path, &unused))
        return false;
    for (i = 0; i < q->n_orders; i++) {
        const struct ordering *o = &q->orders[i];

        if (o->is_name || is_name(path)) {
            if (o->is_name && is_name(path))
                return true;
            continue;
        }
        for (k = 0; k < p.n && k < o->path.n && str_eq(p.names[k], o->path.names[k]); k++) {
        }
        if (k == p.n && k == o->path.n)
            return true;
    }
    return false;
}

/* Fields under an inequality order the result too, after the orders asked for. */
/* NOLINTNEXTLINE(misc-no-recursion): JSON_DEPTH_MAX bounds it */
static bool implicit_orders(struct query *q, const struct jval *filter, bool descending)
{
    const struct jval *field = json_get(filter, "fieldFilter"), *part;
    const struct jval *unary = json_get(filter, "unaryFilter");
    struct json_iter it = json_iter(json_path(filter, "compositeFilter.filters"));
    struct str unused, path;
    int op, unary_op;

    while (json_next(&it, &unused, &part)) {
        if (!implicit_orders(q, part, descending))
            return false;
    }
    op = enum_of(json_get(field, "op"), op_names, ARRAY_LEN(op_names));
    unary_op = enum_of(json_get(unary, "op"), unary_names, ARRAY_LEN(unary_names));
    path = json_str(json_path(field ? field : unary, "field.fieldPath"));
    if (!(op >= OP_LESS && op <= OP_GREATER_EQUAL) && op != OP_NOT_EQUAL && op != OP_NOT_IN &&
        unary_op < 4)
        return true;
    return has_order(q, path) || add_order(q, path, descending);
}

static bool read_orders(struct query *q, const struct jval *in)
{
    struct json_iter it = json_iter(json_get(in, "orderBy"));
    const struct jval *o;
    struct str unused;
    bool descending = false;

    while (json_next(&it, &unused, &o)) {
        descending =
            enum_of(json_get(o, "direction"), direction_names, ARRAY_LEN(direction_names)) == 2;
        if (!add_order(q, json_str(json_path(o, "field.fieldPath")), descending))
            return false;
    }
    if (!implicit_orders(q, q->where, descending))
        return false;
    return has_order(q, STR("__name__")) || add_order(q, STR("__name__"), descending);
}

static bool has_order_fields(struct query *q, const struct fs_stored *d)
{
    size_t i;

    for (i = 0; i < q->n_orders; i++) {
        if (!order_value(q->arena, &q->orders[i], d))
            return false;
    }
    return true;
}

static int compare_docs(const void *x, const void *y, void *arg)
{
    struct fs_stored *const *a = x, *const *b = y;
    const struct query *q = arg;
    size_t i;
    int c = 0;

    for (i = 0; i < q->n_orders && c == 0; i++) {
        const struct ordering *o = &q->orders[i];

        c = fv_compare(order_value(q->arena, o, *a), order_value(q->arena, o, *b));
        if (o->descending)
            c = -c;
    }
    return c;
}

/* ---- cursors ---- */

static bool read_cursor(struct query *q, const struct jval *in, struct fv **values, size_t *n,
                        bool *before)
{
    struct json_iter it = json_iter(json_get(in, "values"));
    const struct jval *v;
    struct str unused;

    *before = json_bool_or(json_get(in, "before"), false);
    while (json_next(&it, &unused, &v)) {
        if (*n == q->n_orders)
            return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Cursor has too many values.");
        if (!fv_parse(&values[(*n)++], q->arena, v, q->f))
            return false;
    }
    return true;
}

/* Where the document stands relative to the cursor, in the query's order. */
static int against(struct query *q, const struct fs_stored *d, struct fv *const *values, size_t n)
{
    size_t i;
    int c = 0;

    for (i = 0; i < n && c == 0; i++) {
        c = fv_compare(order_value(q->arena, &q->orders[i], d), values[i]);
        if (q->orders[i].descending)
            c = -c;
    }
    return c;
}

static bool within_cursors(struct query *q, const struct fs_stored *d)
{
    int c;

    if (q->n_start) {
        c = against(q, d, q->start, q->n_start);
        if (c < 0 || (c == 0 && !q->start_before))
            return false;
    }
    if (q->n_end) {
        c = against(q, d, q->end, q->n_end);
        if (c > 0 || (c == 0 && q->end_before))
            return false;
    }
    return true;
}

/* ---- running ---- */

static void collect(void *arg, struct fs_stored *d)
{
    struct query *q = arg;
    struct fs_found *found = q->found;

    if (q->f->status || !matches(q, d, q->where, 0) || !has_order_fields(q, d) ||
        !within_cursors(q, d))
        return;
    if (found->n == found->cap) {
        size_t cap = found->cap ? 2 * found->cap : 64;
        struct fs_stored **grown = ARENA_ARRAY(q->arena, struct fs_stored *, cap);

        if (found->n)
            memcpy(grown, found->items, found->n * sizeof(struct fs_stored *));
        found->items = grown;
        found->cap = cap;
    }
    found->items[found->n++] = d;
}

static bool read_select(struct query *q, const struct jval *select)
{
    struct json_iter it = json_iter(json_get(select, "fields"));
    const struct jval *field;
    struct str unused, path;

    if (!select || json_is_null(select))
        return true;
    q->found->keys_only = true;
    q->found->select = ARENA_ARRAY(q->arena, struct fv_path, SELECT_MAX);
    while (json_next(&it, &unused, &field)) {
        path = json_str(json_get(field, "fieldPath"));
        if (is_name(path))
            continue;
        if (q->found->n_select == SELECT_MAX)
            return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Too many fields in a projection.");
        if (!fv_path_parse(&q->found->select[q->found->n_select++], q->arena, path, q->f))
            return false;
        q->found->keys_only = false;
    }
    return true;
}

static void cut(struct fs_found *found, int64_t offset, const struct jval *limit)
{
    size_t skip = MIN((size_t)MAX(offset, 0), found->n);
    /* Int32Value: a number, or an object with one in some clients. */
    int64_t most = json_i64_or(json_is_obj(limit) ? json_get(limit, "value") : limit, -1);

    found->items += skip;
    found->n -= skip;
    found->skipped = (int64_t)skip;
    if (most >= 0 && found->n > (size_t)most)
        found->n = (size_t)most;
}

bool fs_query_run(struct fs_found *ret, struct store *s, struct arena *a, struct str parent,
                  const struct jval *in, struct failure *f)
{
    struct query q = { .arena = a, .where = json_get(in, "where"), .found = ret, .f = f };
    const struct jval *from = json_at(json_get(in, "from"), 0);
    struct str collection = json_str(json_get(from, "collectionId"));
    bool all = json_bool_or(json_get(from, "allDescendants"), false);

    *ret = (struct fs_found){ .n = 0 };
    if (!json_is_obj(in))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "query_type is required.");
    if (json_i64_or(json_get(in, "offset"), 0) < 0)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "offset is negative.");
    if (!read_orders(&q, in) || !read_select(&q, json_get(in, "select")) ||
        !read_cursor(&q, json_get(in, "startAt"), q.start, &q.n_start, &q.start_before) ||
        !read_cursor(&q, json_get(in, "endAt"), q.end, &q.n_end, &q.end_before))
        return false;
    fs_scan(s, a, parent, collection, all, collect, &q);
    if (f->status)
        return false;
    if (ret->n > 1)
        qsort_r(ret->items, ret->n, sizeof(struct fs_stored *), compare_docs, &q);
    cut(ret, json_i64_or(json_get(in, "offset"), 0), json_get(in, "limit"));
    return true;
}

void fs_found_write(struct jw *w, struct arena *a, const struct fs_found *found, size_t i)
{
    struct fs_stored d = *found->items[i];

    if (found->keys_only)
        d.fields = fv_map_new(a);
    fs_doc_write(w, a, "document", &d, found->select, found->n_select);
}

/* ---- aggregation ---- */

struct aggregate {
    struct str alias;
    enum { AGG_COUNT, AGG_SUM, AGG_AVG } kind;
    struct fv_path path;
    int64_t up_to; /* of a count; -1: all */
};

static bool read_aggregate(struct aggregate *ret, struct arena *a, const struct jval *in, size_t at,
                           struct failure *f)
{
    const struct jval *sum = json_get(in, "sum"), *avg = json_get(in, "avg");
    const struct jval *up_to = json_path(in, "count.upTo");

    ret->alias = json_str(json_get(in, "alias"));
    if (ret->alias.n == 0)
        ret->alias = arena_printf(a, "field_%zu", at + 1);
    ret->up_to = json_i64_or(json_is_obj(up_to) ? json_get(up_to, "value") : up_to, -1);
    ret->kind = sum ? AGG_SUM : avg ? AGG_AVG : AGG_COUNT;
    if (ret->kind == AGG_COUNT)
        return json_get(in, "count") ||
               failure_set(f, GOOGLE_INVALID_ARGUMENT, "An aggregation needs an operator.");
    return fv_path_parse(&ret->path, a, json_str(json_path(sum ? sum : avg, "field.fieldPath")), f);
}

/* With a sum or an average in the query only documents that have the field count at all. */
static bool counts(const struct aggregate *list, size_t n, const struct fs_stored *d)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (list[i].kind != AGG_COUNT && !fv_get(d->fields, &list[i].path))
            return false;
    }
    return true;
}

static void write_aggregate(struct jw *w, struct arena *a, const struct aggregate *g,
                            const struct aggregate *list, size_t n_list,
                            const struct fs_found *found)
{
    struct fv total = { .kind = FV_NUMBER, .is_int = true }, *v;
    double sum = 0;
    int64_t count = 0, numbers = 0;
    size_t i;

    for (i = 0; i < found->n; i++) {
        if (!counts(list, n_list, found->items[i]))
            continue;
        count++;
        v = g->kind == AGG_COUNT ? NULL : fv_get(found->items[i]->fields, &g->path);
        if (!v || v->kind != FV_NUMBER)
            continue;
        numbers++;
        sum += v->is_int ? (double)v->i64 : v->num;
        if (!v->is_int || __builtin_add_overflow(total.i64, v->i64, &total.i64))
            total.is_int = false;
    }
    if (g->kind == AGG_COUNT)
        total.i64 = g->up_to >= 0 ? MIN(count, g->up_to) : count;
    if (g->kind == AGG_AVG) {
        total.is_int = false;
        sum = numbers ? sum / (double)numbers : 0;
        total.kind = numbers ? FV_NUMBER : FV_NULL;
    }
    total.num = sum;
    fv_write(w, a, arena_cstr(a, g->alias), &total);
}

bool fs_aggregate_run(struct jw *w, struct store *s, struct arena *a, struct str parent,
                      const struct jval *in, struct failure *f)
{
    const struct jval *list = json_get(in, "aggregations");
    struct aggregate aggregates[AGGREGATIONS_MAX];
    struct fs_found found;
    size_t i, n = json_len(list);

    if (n == 0 || n > AGGREGATIONS_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "%zu aggregations: expected 1 to %d.", n,
                           AGGREGATIONS_MAX);
    for (i = 0; i < n; i++) {
        if (!read_aggregate(&aggregates[i], a, json_at(list, i), i, f))
            return false;
    }
    if (!fs_query_run(&found, s, a, parent, json_get(in, "structuredQuery"), f))
        return false;
    jw_obj(w, "aggregateFields");
    for (i = 0; i < n; i++)
        write_aggregate(w, a, &aggregates[i], aggregates, n, &found);
    jw_end(w);
    return true;
}
