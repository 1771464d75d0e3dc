#include "local_cloud/google/fs_query.h"

#include <stdlib.h>
#include <string.h>

#include "local_cloud/google/fs_filter.h"

enum { ORDERS_MAX = 32, SELECT_MAX = 100 };

/* An enum by name or by number; the API's own checks have let nothing else through. */
static bool is_descending(const struct jval *direction)
{
    return str_eq(json_str(direction), STR("DESCENDING")) || json_i64_or(direction, 0) == 2;
}

struct ordering {
    struct fs_field field;
    bool descending;
};

/* Where results begin or end. */
struct cursor {
    bool set, before;
    struct fv *values[ORDERS_MAX];
    size_t n;
};

struct query {
    struct arena *arena;
    struct fs_filter *where;
    struct ordering orders[ORDERS_MAX];
    size_t n_orders, n_asked; /* those asked for come first */
    struct cursor start, end;
    struct fs_found *found;
    struct failure *f;
};

/* ---- order ---- */

static bool add_order(struct query *q, const struct fs_field *field, bool descending)
{
    if (q->n_orders == ORDERS_MAX)
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Too many orders.");
    q->orders[q->n_orders++] = (struct ordering){ .field = *field, .descending = descending };
    return true;
}

static bool has_order(const struct query *q, const struct fs_field *field)
{
    size_t i;

    for (i = 0; i < q->n_orders; i++) {
        if (fs_field_same(&q->orders[i].field, field))
            return true;
    }
    return false;
}

static bool read_asked_orders(struct query *q, const struct jval *in)
{
    struct json_iter it = json_iter(json_get(in, "orderBy"));
    struct fs_field field = { .is_name = false };
    const struct jval *o;
    struct str unused;

    while (json_next(&it, &unused, &o)) {
        if (!fs_field_read(&field, q->arena, json_get(o, "field"), q->f))
            return false;
        if (has_order(q, &field))
            return failure_set(q->f, GOOGLE_INVALID_ARGUMENT,
                               "order by clause cannot contain duplicate fields " STR_FMT,
                               STR_ARG(field.text));
        if (!add_order(q, &field, is_descending(json_get(o, "direction"))))
            return false;
    }
    q->n_asked = q->n_orders;
    return true;
}

/* After the orders asked for come those of inequalities, by the names of their fields, and the document's
 * name; all in the direction of the last one asked for. */
static bool read_orders(struct query *q, const struct jval *in)
{
    const struct fs_field *implied[ORDERS_MAX];
    struct fs_field name = { .is_name = true };
    bool descending;
    size_t i, n;

    if (!read_asked_orders(q, in))
        return false;
    descending = q->n_orders && q->orders[q->n_orders - 1].descending;
    if (q->n_orders && q->orders[0].field.is_name && descending && !fs_filter_has_field(q->where))
        return failure_set(q->f, GOOGLE_FAILED_PRECONDITION,
                           "Firestore does not support descending key scans");
    n = fs_filter_inequalities(q->where, implied, ARRAY_LEN(implied));
    for (i = 0; i < n; i++) {
        if (!has_order(q, implied[i]) && !add_order(q, implied[i], descending))
            return false;
    }
    return has_order(q, &name) || add_order(q, &name, descending);
}

static bool has_order_fields(struct query *q, const struct fs_stored *d)
{
    size_t i;

    for (i = 0; i < q->n_orders; i++) {
        if (!fs_field_of(&q->orders[i].field, q->arena, d))
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
        const struct fs_field *field = &q->orders[i].field;

        c = fv_compare(fs_field_of(field, q->arena, *a), fs_field_of(field, q->arena, *b));
        if (q->orders[i].descending)
            c = -c;
    }
    return c;
}

/* ---- cursors ---- */

static bool read_cursor(struct query *q, const struct jval *in, struct cursor *ret)
{
    struct json_iter it = json_iter(json_get(in, "values"));
    const struct jval *v;
    struct str unused;

    ret->set = json_is_obj(in);
    ret->before = json_bool_or(json_get(in, "before"), false);
    while (json_next(&it, &unused, &v)) {
        if (ret->n == q->n_asked)
            return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Cursor has too many values.");
        if (!fv_parse(&ret->values[ret->n], q->arena, v, q->f))
            return false;
        if (q->orders[ret->n].field.is_name && ret->values[ret->n]->kind != FV_REF)
            return failure_set(q->f, GOOGLE_INVALID_ARGUMENT,
                               "Cursor __key__ value is not a document reference.");
        ret->n++;
    }
    return true;
}

/* Where the document stands relative to the cursor, in the query's order. */
static int against(struct query *q, const struct fs_stored *d, const struct cursor *cursor)
{
    size_t i;
    int c = 0;

    for (i = 0; i < cursor->n && c == 0; i++) {
        c = fv_compare(fs_field_of(&q->orders[i].field, q->arena, d), cursor->values[i]);
        if (q->orders[i].descending)
            c = -c;
    }
    return c;
}

static bool within_cursors(struct query *q, const struct fs_stored *d)
{
    int c;

    if (q->start.set) {
        c = against(q, d, &q->start);
        if (c < 0 || (c == 0 && !q->start.before))
            return false;
    }
    if (q->end.set) {
        c = against(q, d, &q->end);
        if (c > 0 || (c == 0 && q->end.before))
            return false;
    }
    return true;
}

/* ---- running ---- */

static void collect(void *arg, struct fs_stored *d)
{
    struct query *q = arg;
    struct fs_found *found = q->found;

    if (!fs_filter_matches(q->where, q->arena, d) || !has_order_fields(q, d) ||
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
        if (str_eq(path, STR("__name__")))
            continue;
        if (q->found->n_select == SELECT_MAX)
            return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "Too many fields in a projection.");
        if (!fv_path_parse(&q->found->select[q->found->n_select++], q->arena, path, q->f))
            return false;
        q->found->keys_only = false;
    }
    return true;
}

static void cut(struct fs_found *found, int64_t offset, int64_t limit)
{
    size_t skip = MIN((size_t)offset, found->n);

    found->items += skip;
    found->n -= skip;
    found->skipped = (int64_t)skip;
    if (limit >= 0 && found->n > (size_t)limit)
        found->n = (size_t)limit;
}

/* Int32Value: a number, or an object with one in some clients. */
static const struct jval *limit_of(const struct jval *in)
{
    const struct jval *limit = json_get(in, "limit");

    return json_is_obj(limit) ? json_get(limit, "value") : limit;
}

static bool read_query(struct query *q, const struct jval *in)
{
    struct str collection = json_str(json_get(json_at(json_get(in, "from"), 0), "collectionId"));

    if (json_len(json_get(in, "from")) > 1)
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT,
                           "StructuredQuery.from cannot have more than one collection selector.");
    if (collection.n && !fs_id_check(collection, "Collection id", q->f))
        return false;
    if (json_i64_or(json_get(in, "offset"), 0) < 0 || json_i64_or(limit_of(in), 0) < 0)
        return failure_set(q->f, GOOGLE_INVALID_ARGUMENT, "offset or limit is negative");
    return fs_filter_read(&q->where, q->arena, json_get(in, "where"), q->f) && read_orders(q, in) &&
           read_select(q, json_get(in, "select")) &&
           read_cursor(q, json_get(in, "startAt"), &q->start) &&
           read_cursor(q, json_get(in, "endAt"), &q->end);
}

bool fs_query_run(struct fs_found *ret, const struct fs_view *view, struct str parent,
                  const struct jval *in, struct failure *f)
{
    struct query q = { .arena = view->arena, .found = ret, .f = f };
    const struct jval *from = json_at(json_get(in, "from"), 0);

    *ret = (struct fs_found){ .n = 0 };
    if (!json_is_obj(in))
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "only structured queries are supported");
    if (!read_query(&q, in))
        return false;
    fs_scan(view, parent, json_str(json_get(from, "collectionId")),
            json_bool_or(json_get(from, "allDescendants"), false), collect, &q);
    if (ret->n > 1)
        qsort_r(ret->items, ret->n, sizeof(struct fs_stored *), compare_docs, &q);
    cut(ret, json_i64_or(json_get(in, "offset"), 0), json_i64_or(limit_of(in), -1));
    return true;
}

void fs_found_write(struct jw *w, struct arena *a, const struct fs_found *found, size_t i)
{
    struct fs_stored d = *found->items[i];

    if (found->keys_only)
        d.fields = fv_map_new(a);
    fs_doc_write(w, a, "document", &d, found->select, found->n_select);
}
