/* Lists in pages. A page's token tells where it ended, not how many came before, so that what is written
 * meanwhile neither shifts nor repeats anything: base64url of a JSON array with the values of a cursor.
 * Source: Firestore REST, documents.list, documents.listCollectionIds. */
#include <stdlib.h>

#include "base/crypto.h"
#include "local_cloud/google/firestore_internal.h"
#include "local_cloud/google/fs_filter.h"
#include "local_cloud/google/fs_query.h"

enum { PAGE_DEFAULT = 300, PAGE_MAX = 1000, ORDERS_MAX = 16 };

struct list {
    struct fs_field orders[ORDERS_MAX];
    bool descending[ORDERS_MAX];
    size_t n_orders; /* the last is the name */
    const struct jval *after;
    int64_t page;
    bool show_missing;
    struct fs_found found;
};

/* ---- reading ---- */

static bool bad_order(struct fs_call *c, struct str clause)
{
    return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Invalid order by clause \"" STR_FMT "\".",
                       STR_ARG(str_slice(clause, 0, 100)));
}

static bool add_order(struct fs_call *c, struct list *l, struct str path, bool descending)
{
    struct fs_field *field = &l->orders[l->n_orders];

    if (l->n_orders == ORDERS_MAX)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Too many orders.");
    field->text = path;
    field->is_name = str_eq(path, STR("__name__"));
    l->descending[l->n_orders++] = descending;
    return field->is_name || fv_path_parse(&field->path, c->arena, path, &c->f);
}

/* "a desc, b"; then the name, in the direction of the last. */
static bool read_order_by(struct fs_call *c, struct list *l)
{
    struct str head, rest = form_get(&c->query, "orderBy"), path, direction;
    bool descending = false, named = false;

    while (rest.n) {
        (void)str_cut(rest, ',', &head, &rest);                /* the last has no comma */
        (void)str_cut(str_trim(head), ' ', &path, &direction); /* ascending without a word */
        direction = str_trim(direction);
        descending = str_ieq_c(direction, "desc");
        if (!descending && direction.n && !str_ieq_c(direction, "asc"))
            return bad_order(c, head);
        if (!add_order(c, l, path, descending))
            return false;
        named = named || l->orders[l->n_orders - 1].is_name;
    }
    return named || add_order(c, l, STR("__name__"), descending);
}

static bool read_token(struct fs_call *c, struct list *l)
{
    struct str token = form_get(&c->query, "pageToken"), text;

    if (token.n == 0)
        return true;
    if (base64_bytes(c->arena, token, &text) || json_parse_arena(&l->after, c->arena, text, NULL) ||
        json_len(l->after) != l->n_orders)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Invalid page token.");
    return true;
}

static bool read_list(struct fs_call *c, struct list *l)
{
    l->show_missing = str_eq(form_get(&c->query, "showMissing"), STR("true"));
    l->page = query_i64(&c->query, "pageSize", 0);
    if (l->page < 0)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Page size must be nonnegative.");
    l->page = l->page ? MIN(l->page, (int64_t)PAGE_MAX) : PAGE_DEFAULT;
    if (l->show_missing && form_get(&c->query, "orderBy").n)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT,
                           "cannot specify an order when show_missing is true");
    return read_order_by(c, l) && read_token(c, l);
}

/* ---- finding ---- */

static const struct jval *as_query(struct fs_call *c, const struct list *l)
{
    const struct jval *root = NULL;
    struct jw w;
    size_t i;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "from");
    jw_obj(&w, NULL);
    jw_str(&w, "collectionId", fs_leaf_of(c->parent));
    jw_end(&w);
    jw_end(&w);
    jw_arr(&w, "orderBy");
    for (i = 0; i < l->n_orders; i++) {
        jw_obj(&w, NULL);
        jw_obj(&w, "field");
        jw_str(&w, "fieldPath", l->orders[i].text);
        jw_end(&w);
        jw_cstr(&w, "direction", l->descending[i] ? "DESCENDING" : "ASCENDING");
        jw_end(&w);
    }
    jw_end(&w);
    if (l->after) {
        jw_obj(&w, "startAt");
        jw_val(&w, "values", l->after);
        jw_end(&w);
    }
    if (!l->show_missing)
        jw_i64(&w, "limit", l->page);
    jw_end(&w);
    if (json_parse_arena(&root, c->arena, jw_finish(&w, c->arena), NULL))
        root = NULL; /* our own text */
    return root;
}

struct merge {
    struct fs_call *c;
    struct list *l;
    struct fv after; /* a name */
};

static void add_missing(void *arg, struct fs_stored *d)
{
    struct merge *m = arg;
    struct fs_found *found = &m->l->found;
    struct fv name = { .kind = FV_REF, .str = d->name };
    struct fs_stored **grown;
    size_t i;

    if (m->after.str.n && fv_compare(&name, &m->after) <= 0)
        return;
    grown = ARENA_ARRAY(m->c->arena, struct fs_stored *, found->n + 1);
    for (i = 0; i < found->n; i++)
        grown[i] = found->items[i];
    grown[found->n++] = d;
    found->items = grown;
}

static int by_name(const void *x, const void *y)
{
    struct fs_stored *const *a = x, *const *b = y;
    struct fv name_a = { .kind = FV_REF, .str = (*a)->name };
    struct fv name_b = { .kind = FV_REF, .str = (*b)->name };

    return fv_compare(&name_a, &name_b);
}

static void merge_missing(struct fs_call *c, struct list *l)
{
    struct merge m = { .c = c, .l = l, .after = { .kind = FV_REF } };

    m.after.str = json_str(json_get(json_at(l->after, 0), "referenceValue"));
    fs_missing(&c->view, c->parent, add_missing, &m);
    if (l->found.n)
        qsort(l->found.items, l->found.n, sizeof(struct fs_stored *), by_name);
}

/* ---- answering ---- */

static struct str token_of(struct fs_call *c, const struct list *l, const struct fs_stored *last)
{
    struct jw w;
    size_t i;

    jw_init(&w);
    jw_arr(&w, NULL);
    for (i = 0; i < l->n_orders; i++)
        fv_write(&w, c->arena, NULL, fs_field_of(&l->orders[i], c->arena, last));
    jw_end(&w);
    return base64url_text(c->arena, jw_finish(&w, c->arena));
}

bool fs_list_documents(struct fs_call *c)
{
    struct list *l = ARENA_NEW(c->arena, struct list);
    struct fs_mask *mask = ARENA_NEW(c->arena, struct fs_mask);
    size_t i, n;

    if (!fs_mask_of_query(c, mask) || !read_list(c, l) ||
        !fs_query_run(&l->found, &c->view, fs_parent_of(c->parent), as_query(c, l), &c->f))
        return false;
    if (l->show_missing)
        merge_missing(c, l);
    n = MIN(l->found.n, (size_t)l->page);
    jw_obj(&c->out, NULL);
    if (n)
        jw_arr(&c->out, "documents");
    for (i = 0; i < n; i++)
        fs_doc_write(&c->out, c->arena, NULL, l->found.items[i], mask->paths, mask->n);
    if (n)
        jw_end(&c->out);
    if (n == (size_t)l->page) /* a full page: there may be more */
        jw_str(&c->out, "nextPageToken", token_of(c, l, l->found.items[n - 1]));
    jw_end(&c->out);
    return true;
}

/* ---- collections ---- */

struct id_page {
    struct fs_call *c;
    struct str after, last;
    int64_t left;
    bool open;
};

static void add_id(void *arg, struct str id)
{
    struct id_page *p = arg;

    if (p->left == 0 || (p->after.n && str_cmp(id, p->after) <= 0))
        return;
    if (!p->open)
        jw_arr(&p->c->out, "collectionIds");
    p->open = true;
    jw_str(&p->c->out, NULL, id);
    p->last = id;
    p->left--;
}

bool fs_list_collection_ids(struct fs_call *c)
{
    struct id_page p = { .c = c, .left = json_i64_or(json_get(c->body, "pageSize"), 0) };
    struct str token = json_str(json_get(c->body, "pageToken"));

    if (p.left < 0)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Page size must be nonnegative.");
    if (base64_bytes(c->arena, token, &p.after))
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Invalid page token.");
    p.left = p.left ? p.left : PAGE_DEFAULT;
    jw_obj(&c->out, NULL);
    fs_collection_ids(&c->view, c->parent, add_id, &p);
    if (p.open)
        jw_end(&c->out);
    if (p.left == 0)
        jw_str(&c->out, "nextPageToken", base64url_text(c->arena, p.last));
    jw_end(&c->out);
    return true;
}
