#include "local_cloud/google/fs_filter.h"

#include <math.h>

enum { FILTER_DEPTH_MAX = 20, LIST_MAX = 30, NOT_IN_MAX = 10, DISJUNCTIONS_MAX = 30 };

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
    OP_IS_NAN, /* from here on unary */
    OP_IS_NULL,
    OP_IS_NOT_NAN,
    OP_IS_NOT_NULL,
    OP_AND,
    OP_OR,
};

struct op_desc {
    const char *name;
    int number;
    enum op op;
};
static const struct op_desc field_ops[] = {
    { "LESS_THAN", 1, OP_LESS },
    { "LESS_THAN_OR_EQUAL", 2, OP_LESS_EQUAL },
    { "GREATER_THAN", 3, OP_GREATER },
    { "GREATER_THAN_OR_EQUAL", 4, OP_GREATER_EQUAL },
    { "EQUAL", 5, OP_EQUAL },
    { "NOT_EQUAL", 6, OP_NOT_EQUAL },
    { "ARRAY_CONTAINS", 7, OP_ARRAY_CONTAINS },
    { "IN", 8, OP_IN },
    { "ARRAY_CONTAINS_ANY", 9, OP_ARRAY_CONTAINS_ANY },
    { "NOT_IN", 10, OP_NOT_IN },
};
static const struct op_desc unary_ops[] = {
    { "IS_NAN", 2, OP_IS_NAN },
    { "IS_NULL", 3, OP_IS_NULL },
    { "IS_NOT_NAN", 4, OP_IS_NOT_NAN },
    { "IS_NOT_NULL", 5, OP_IS_NOT_NULL },
};
static const struct op_desc composite_ops[] = { { "AND", 1, OP_AND }, { "OR", 2, OP_OR } };

struct fs_filter {
    enum op op;
    struct fs_field field;
    struct fv *value;
    struct fs_filter **kids; /* of AND and OR */
    size_t n;
};

/* ---- fields ---- */

bool fs_field_read(struct fs_field *ret, struct arena *a, const struct jval *reference,
                   struct failure *f)
{
    ret->text = json_str(json_get(reference, "fieldPath"));
    ret->is_name = str_eq(ret->text, STR("__name__"));
    return ret->is_name || fv_path_parse(&ret->path, a, ret->text, f);
}

bool fs_field_same(const struct fs_field *a, const struct fs_field *b)
{
    size_t i;

    if (a->is_name || b->is_name)
        return a->is_name && b->is_name;
    for (i = 0; i < a->path.n && i < b->path.n && str_eq(a->path.names[i], b->path.names[i]); i++) {
    }
    return i == a->path.n && i == b->path.n;
}

const struct fv *fs_field_of(const struct fs_field *field, struct arena *a,
                             const struct fs_stored *d)
{
    struct fv *name;

    if (!field->is_name)
        return fv_get(d->fields, &field->path);
    name = ARENA_NEW(a, struct fv);
    name->kind = FV_REF;
    name->str = d->name;
    return name;
}

/* ---- reading ---- */

static enum op read_op(const struct jval *v, const struct op_desc *ops, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (json_is_num(v) ? json_i64_or(v, 0) == ops[i].number
                           : str_eq_c(json_str(v), ops[i].name))
            return ops[i].op;
    }
    return OP_NONE;
}

static bool takes_list(enum op op)
{
    return op == OP_IN || op == OP_NOT_IN || op == OP_ARRAY_CONTAINS_ANY;
}

static bool is_nan(const struct fv *v)
{
    return v->kind == FV_NUMBER && !v->is_int && isnan(v->num);
}

static bool list_fits(const struct fs_filter *filter, struct failure *f)
{
    size_t most = filter->op == OP_NOT_IN ? NOT_IN_MAX : LIST_MAX;

    if (filter->value->kind != FV_ARRAY || filter->value->n == 0)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "'%s' requires an non-empty ArrayValue.",
                           field_ops[filter->op - 1].name);
    if (filter->value->n > most)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "'%s' supports up to %zu comparison values.",
                           field_ops[filter->op - 1].name, most);
    return true;
}

/* What is compared with a name must be one. */
static bool names_fit(const struct fs_filter *filter, struct failure *f)
{
    const struct fv *v = filter->value;
    bool good = true;
    size_t i;

    if (!filter->field.is_name)
        return true;
    for (i = 0; takes_list(filter->op) && i < v->n; i++)
        good = good && v->items[i]->kind == FV_REF;
    if (!takes_list(filter->op))
        good = v->kind == FV_REF;
    return good || failure_set(f, GOOGLE_INVALID_ARGUMENT, "__key__ filter value must be a Key");
}

static bool read_field_filter(struct fs_filter *ret, struct arena *a, const struct jval *in,
                              struct failure *f)
{
    ret->op = read_op(json_get(in, "op"), field_ops, ARRAY_LEN(field_ops));
    if (ret->op == OP_NONE)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Unknown FieldFilter operator.");
    return fs_field_read(&ret->field, a, json_get(in, "field"), f) &&
           fv_parse(&ret->value, a, json_get(in, "value"), f) &&
           (!takes_list(ret->op) || list_fits(ret, f)) && names_fit(ret, f);
}

static bool read_unary_filter(struct fs_filter *ret, struct arena *a, const struct jval *in,
                              struct failure *f)
{
    ret->op = read_op(json_get(in, "op"), unary_ops, ARRAY_LEN(unary_ops));
    if (ret->op == OP_NONE)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Unknown UnaryFilter operator.");
    return fs_field_read(&ret->field, a, json_get(in, "field"), f);
}

/* NOLINTNEXTLINE(misc-no-recursion): FILTER_DEPTH_MAX bounds it */
static bool read_filter(struct fs_filter **ret, struct arena *a, const struct jval *in, int depth,
                        struct failure *f)
{
    const struct jval *composite = json_get(in, "compositeFilter"), *part;
    struct fs_filter *filter = ARENA_NEW(a, struct fs_filter);
    struct json_iter it;
    struct str unused;

    *ret = filter;
    if (depth > FILTER_DEPTH_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Filters are nested too deep.");
    if (json_get(in, "fieldFilter"))
        return read_field_filter(filter, a, json_get(in, "fieldFilter"), f);
    if (json_get(in, "unaryFilter"))
        return read_unary_filter(filter, a, json_get(in, "unaryFilter"), f);
    if (!composite)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Unknown Filter type.");
    filter->op = read_op(json_get(composite, "op"), composite_ops, ARRAY_LEN(composite_ops));
    if (filter->op == OP_NONE)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Unknown CompositeFilter operator.");
    filter->kids = ARENA_ARRAY(a, struct fs_filter *, json_len(json_get(composite, "filters")) + 1);
    it = json_iter(json_get(composite, "filters"));
    while (json_next(&it, &unused, &part)) {
        if (!read_filter(&filter->kids[filter->n++], a, part, depth + 1, f))
            return false;
    }
    return true;
}

static bool excludes(enum op op)
{
    return op == OP_NOT_EQUAL || op == OP_NOT_IN || op == OP_IS_NOT_NAN || op == OP_IS_NOT_NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
static size_t count_excluding(const struct fs_filter *filter)
{
    size_t i, n = excludes(filter->op);

    for (i = 0; i < filter->n; i++)
        n += count_excluding(filter->kids[i]);
    return n;
}

/* Of the filter written as one OR of ANDs. */
/* NOLINTNEXTLINE(misc-no-recursion): as above */
static size_t disjunctions(const struct fs_filter *filter)
{
    size_t i, n = filter->op == OP_OR ? 0 : 1;

    if (filter->op == OP_IN || filter->op == OP_ARRAY_CONTAINS_ANY)
        return filter->value->n;
    for (i = 0; i < filter->n && n <= DISJUNCTIONS_MAX; i++) {
        if (filter->op == OP_OR)
            n += disjunctions(filter->kids[i]);
        else
            n *= disjunctions(filter->kids[i]);
    }
    return MAX(n, (size_t)1);
}

bool fs_filter_read(struct fs_filter **ret, struct arena *a, const struct jval *where,
                    struct failure *f)
{
    *ret = NULL;
    if (json_is_null(where))
        return true;
    if (!read_filter(ret, a, where, 0, f))
        return false;
    if (count_excluding(*ret) > 1)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' "
                           "filter allowed per query.");
    if (disjunctions(*ret) > DISJUNCTIONS_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "More than %d disjunctions.",
                           DISJUNCTIONS_MAX);
    return true;
}

/* ---- matching ---- */

/* Null and NaN are found by the unary filters alone. */
static bool is_unmatchable(const struct fv *v)
{
    return v->kind == FV_NULL || is_nan(v);
}

static bool any_equal(const struct fv *list, const struct fv *v)
{
    size_t i;

    for (i = 0; list->kind == FV_ARRAY && i < list->n; i++) {
        if (!is_unmatchable(v) && fv_equal(list->items[i], v))
            return true;
    }
    return false;
}

static bool any_common(const struct fv *list, const struct fv *wanted)
{
    size_t i;

    for (i = 0; i < wanted->n; i++) {
        if (any_equal(list, wanted->items[i]))
            return true;
    }
    return false;
}

static bool holds_null(const struct fv *list)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        if (list->items[i]->kind == FV_NULL)
            return true;
    }
    return false;
}

static bool compare_matches(enum op op, const struct fv *v, const struct fv *wanted)
{
    int c;

    switch (op) {
    case OP_EQUAL:
        return !is_unmatchable(wanted) && fv_equal(v, wanted);
    case OP_NOT_EQUAL:
        return v->kind != FV_NULL && wanted->kind != FV_NULL && !fv_equal(v, wanted);
    case OP_ARRAY_CONTAINS:
        return v->kind == FV_ARRAY && any_equal(v, wanted);
    case OP_ARRAY_CONTAINS_ANY:
        return v->kind == FV_ARRAY && any_common(v, wanted);
    case OP_IN:
        return any_equal(wanted, v);
    case OP_NOT_IN:
        return v->kind != FV_NULL && !holds_null(wanted) && !any_equal(wanted, v);
    case OP_IS_NULL:
        return v->kind == FV_NULL;
    case OP_IS_NOT_NULL:
        return v->kind != FV_NULL;
    case OP_IS_NAN:
        return is_nan(v);
    case OP_IS_NOT_NAN:
        return v->kind != FV_NULL && !is_nan(v);
    default:
        break;
    }
    /* Inequalities only hold between values of one type, and never with null or NaN. */
    if (v->kind != wanted->kind || is_unmatchable(v) || is_unmatchable(wanted))
        return false;
    c = fv_compare(v, wanted);
    return op == OP_LESS ? c < 0 : op == OP_LESS_EQUAL ? c <= 0 : op == OP_GREATER ? c > 0 : c >= 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
bool fs_filter_matches(const struct fs_filter *filter, struct arena *a, const struct fs_stored *d)
{
    const struct fv *v;
    size_t i;

    if (!filter)
        return true;
    if (filter->op == OP_AND || filter->op == OP_OR) {
        for (i = 0; i < filter->n; i++) {
            if (fs_filter_matches(filter->kids[i], a, d) != (filter->op == OP_AND))
                return filter->op != OP_AND;
        }
        return filter->op == OP_AND || filter->n == 0;
    }
    v = fs_field_of(&filter->field, a, d);
    return v && compare_matches(filter->op, v, filter->value);
}

/* ---- what it means for the order ---- */

static bool is_inequality(enum op op)
{
    return (op >= OP_LESS && op <= OP_GREATER_EQUAL) || excludes(op);
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
size_t fs_filter_inequalities(const struct fs_filter *filter, const struct fs_field **ret,
                              size_t max)
{
    const struct fs_field *found[DISJUNCTIONS_MAX];
    size_t i, k, at, n = 0, n_found = 0, more;

    if (!filter)
        return 0;
    if (is_inequality(filter->op))
        found[n_found++] = &filter->field;
    for (i = 0; i < filter->n && n_found < ARRAY_LEN(found); i++) {
        more = fs_filter_inequalities(filter->kids[i], found + n_found, ARRAY_LEN(found) - n_found);
        n_found += more;
    }
    for (i = 0; i < n_found; i++) {
        for (k = 0; k < n && !fs_field_same(ret[k], found[i]); k++) {
        }
        if (k < n || n == max)
            continue;
        for (at = n++; at > 0 && str_cmp(ret[at - 1]->text, found[i]->text) > 0; at--)
            ret[at] = ret[at - 1];
        ret[at] = found[i];
    }
    return n;
}

/* NOLINTNEXTLINE(misc-no-recursion): as above */
bool fs_filter_has_field(const struct fs_filter *filter)
{
    size_t i;

    if (!filter)
        return false;
    for (i = 0; i < filter->n; i++) {
        if (fs_filter_has_field(filter->kids[i]))
            return true;
    }
    return filter->n == 0 && filter->op != OP_AND && filter->op != OP_OR && !filter->field.is_name;
}
