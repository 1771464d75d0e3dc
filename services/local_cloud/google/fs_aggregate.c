/* Aggregations over what a query finds. Source: Firestore REST, StructuredAggregationQuery. */
#include "local_cloud/google/fs_query.h"

enum { AGGREGATIONS_MAX = 5 };

struct aggregate {
    struct str alias;
    enum { AGG_COUNT, AGG_SUM, AGG_AVG } kind;
    struct fv_path path;
    int64_t up_to; /* of a count; -1: all */
};

/* Of those without an alias the first is field_1, whatever stands between them. */
static bool read_aggregate(struct aggregate *ret, struct arena *a, const struct jval *in,
                           size_t *unnamed, struct failure *f)
{
    const struct jval *sum = json_get(in, "sum"), *avg = json_get(in, "avg");
    const struct jval *up_to = json_path(in, "count.upTo");

    ret->alias = json_str(json_get(in, "alias"));
    if (ret->alias.n == 0)
        ret->alias = arena_printf(a, "field_%zu", ++*unnamed);
    ret->up_to = json_i64_or(json_is_obj(up_to) ? json_get(up_to, "value") : up_to, -1);
    if (ret->up_to < (up_to ? 0 : -1))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "The `up_to` value in a COUNT aggregation must be greater than or equal "
                           "to zero.");
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

static bool read_aggregates(struct aggregate *ret, size_t n, struct arena *a,
                            const struct jval *list, struct failure *f)
{
    size_t i, k, unnamed = 0;

    for (i = 0; i < n; i++) {
        if (!read_aggregate(&ret[i], a, json_at(list, i), &unnamed, f))
            return false;
        for (k = 0; k < i; k++) {
            if (str_eq(ret[k].alias, ret[i].alias))
                return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                                   "Aggregation aliases contain duplicate alias: " STR_FMT ".",
                                   STR_ARG(ret[i].alias));
        }
    }
    return true;
}

bool fs_aggregate_run(struct jw *w, const struct fs_view *view, struct str parent,
                      const struct jval *in, struct failure *f)
{
    const struct jval *list = json_get(in, "aggregations");
    struct aggregate aggregates[AGGREGATIONS_MAX];
    struct fs_found found;
    size_t i, n = json_len(list);

    if (!json_is_obj(in))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Only structured aggregation queries are supported.");
    if (n == 0 || n > AGGREGATIONS_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "%zu aggregations: expected 1 to %d.", n,
                           AGGREGATIONS_MAX);
    if (!read_aggregates(aggregates, n, view->arena, list, f) ||
        !fs_query_run(&found, view, parent, json_get(in, "structuredQuery"), f))
        return false;
    jw_obj(w, "aggregateFields");
    for (i = 0; i < n; i++)
        write_aggregate(w, view->arena, &aggregates[i], aggregates, n, &found);
    jw_end(w);
    return true;
}
