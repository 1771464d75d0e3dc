#include "local_cloud/google/fs_docs.h"

#include <string.h>

#include "local_cloud/google/firestore.h"

const char fs_docs_schema[] =
    "CREATE TABLE IF NOT EXISTS firestore_docs ("
    " name TEXT PRIMARY KEY, parent TEXT NOT NULL, collection TEXT NOT NULL, fields TEXT NOT NULL,"
    " create_us INTEGER NOT NULL, update_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS firestore_by_parent ON firestore_docs (parent, name);"
    "CREATE INDEX IF NOT EXISTS firestore_by_collection ON firestore_docs (collection, name);"
    /* What documents were until until_us, for transactions that read the past; gone with them. */
    "CREATE TABLE IF NOT EXISTS firestore_past ("
    " name TEXT NOT NULL, parent TEXT NOT NULL, collection TEXT NOT NULL, fields TEXT NOT NULL,"
    " create_us INTEGER NOT NULL, update_us INTEGER NOT NULL, until_us INTEGER NOT NULL,"
    " PRIMARY KEY (name, update_us)) WITHOUT ROWID;"
    "DELETE FROM firestore_past;";

enum {
    ID_BYTES_MAX = 1500,
    NAME_BYTES_MAX = 6 * 1024,
    DOCUMENT_OVERHEAD = 32,
    INDEX_ENTRIES_MAX = 40000,
};

/* ---- names ---- */

struct str fs_leaf_of(struct str name)
{
    size_t at = name.n;

    while (at > 0 && name.p[at - 1] != '/')
        at--;
    return str_from(name, at);
}

struct str fs_parent_of(struct str name)
{
    struct str leaf = fs_leaf_of(name);

    return str_slice(name, 0, name.n > leaf.n ? name.n - leaf.n - 1 : 0);
}

bool fs_id_check(struct str id, const char *what, struct failure *f)
{
    const char *why = NULL;

    if (id.n == 0)
        why = "empty";
    else if (id.n > ID_BYTES_MAX)
        why = "longer than 1500 bytes";
    else if (str_find_char(id, '/') < id.n)
        why = "a path: it contains \"/\"";
    else if (str_eq(id, STR(".")) || str_eq(id, STR("..")) ||
             (id.n > 4 && str_starts(id, STR("__")) && str_ends(id, STR("__"))))
        why = "reserved";
    return !why || failure_set(f, GOOGLE_INVALID_ARGUMENT, "%s \"" STR_FMT "\" is %s.", what,
                               STR_ARG(str_slice(id, 0, 100)), why);
}

bool fs_name_check(struct str name, struct str root, size_t *segments, struct failure *f)
{
    struct str head, rest;
    bool more = true;

    if (!str_starts(name, root) || name.n <= root.n + 1 || name.p[root.n] != '/')
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Document name \"" STR_FMT "\" is not below \"" STR_FMT "\".",
                           STR_ARG(str_slice(name, 0, 200)), STR_ARG(root));
    if (name.n - root.n > NAME_BYTES_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT, "Document name of %zu bytes: at most %d.",
                           name.n - root.n, NAME_BYTES_MAX);
    rest = str_from(name, root.n + 1);
    *segments = 0;
    while (more) {
        more = str_cut(rest, '/', &head, &rest);
        if (!fs_id_check(head, "Resource id", f))
            return false;
        ++*segments;
    }
    return true;
}

bool fs_document_check(struct str name, struct str root, struct failure *f)
{
    size_t segments = 0;

    if (!fs_name_check(name, root, &segments, f))
        return false;
    return segments % 2 == 0 ||
           failure_set(f, GOOGLE_INVALID_ARGUMENT, "Document name \"" STR_FMT "\" lacks \"/\".",
                       STR_ARG(str_slice(name, 0, 200)));
}

/* ---- reading ---- */

static struct fs_stored *read_row(struct store_stmt *st, struct arena *a)
{
    struct fs_stored *d = ARENA_NEW(a, struct fs_stored);
    struct failure unused = { .status = 0 };
    const struct jval *fields;

    d->name = arena_str(a, store_col_str(st, 0));
    d->create_us = store_col_i64(st, 2);
    d->update_us = store_col_i64(st, 3);
    if (json_parse_arena(&fields, a, store_col_str(st, 1), NULL) ||
        !fv_parse_fields(&d->fields, a, fields, &unused))
        d->fields = fv_map_new(a); /* our own text */
    return d;
}

/* Rows as they were at ?2: those that have not changed since, and those that were replaced later. */
#define ROW "SELECT name, fields, create_us, update_us FROM "
#define AT(where)                                                           \
    ROW "firestore_docs WHERE " where " AND update_us <= ?2 UNION ALL " ROW \
        "firestore_past WHERE " where " AND update_us <= ?2 AND until_us > ?2 ORDER BY name"

struct fs_stored *fs_load(const struct fs_view *view, struct str name)
{
    struct store_stmt *st = store_sql(view->store, AT("name = ?1"));
    struct fs_stored *d = NULL;

    store_bind_str(st, 1, name);
    store_bind_i64(st, 2, view->at_us);
    if (store_step(st))
        d = read_row(st, view->arena);
    store_run(st);
    return d;
}

/* All names below `prefix/` lie between these two. */
static void bind_below(struct store_stmt *st, int at, struct arena *a, struct str prefix)
{
    store_bind_str(st, at, arena_printf(a, STR_FMT "/", STR_ARG(prefix)));
    store_bind_str(st, at + 1, arena_printf(a, STR_FMT "0", STR_ARG(prefix)));
}

/* Directly below: a collection and an id, no more. */
static bool is_child(struct str name, struct str parent)
{
    struct str rest = str_from(name, parent.n + 1);

    rest = str_from(rest, str_find_char(rest, '/') + 1);
    return rest.n && str_find_char(rest, '/') == rest.n;
}

void fs_scan(const struct fs_view *view, struct str parent, struct str collection,
             bool all_descendants, fs_doc_fn fn, void *arg)
{
    struct arena *a = view->arena;
    struct store_stmt *st;
    struct fs_stored *d;

    if (collection.n && !all_descendants) {
        st = store_sql(view->store, AT("parent = ?1"));
        store_bind_str(st, 1,
                       arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(parent), STR_ARG(collection)));
    } else if (collection.n) {
        st = store_sql(view->store, AT("collection = ?1 AND name > ?3 AND name < ?4"));
        store_bind_str(st, 1, collection);
        bind_below(st, 3, a, parent);
    } else {
        st = store_sql(view->store, AT("name > ?3 AND name < ?4"));
        bind_below(st, 3, a, parent);
    }
    store_bind_i64(st, 2, view->at_us);
    while (store_step(st)) {
        d = read_row(st, a);
        if (collection.n || all_descendants || is_child(d->name, parent))
            fn(arg, d);
    }
}

/* Each first segment behind `prefix/` once; fn(arg, segment, whether more follow it in that name). */
static void each_segment(const struct fs_view *view, struct str prefix,
                         void (*fn)(void *arg, struct str segment, bool deeper), void *arg)
{
    struct store_stmt *st;
    struct str rest, segment;

    st = store_sql(view->store,
                   "SELECT name FROM firestore_docs WHERE name > ?1 AND name < ?2 ORDER BY name");
    bind_below(st, 1, view->arena, prefix);
    while (store_step(st)) {
        rest = str_from(store_col_str(st, 0), prefix.n + 1);
        segment = str_slice(rest, 0, str_find_char(rest, '/'));
        fn(arg, arena_str(view->arena, segment), segment.n < rest.n);
    }
}

struct unique {
    const struct fs_view *view;
    struct str prefix, last;
    void (*fn)(void *arg, struct str id);
    void *arg;
};

static void on_collection(void *arg, struct str segment, bool deeper)
{
    struct unique *u = arg;

    (void)deeper; /* a collection always has documents behind it */
    if (!str_eq(segment, u->last))
        u->fn(u->arg, segment);
    u->last = segment;
}

void fs_collection_ids(const struct fs_view *view, struct str parent,
                       void (*fn)(void *arg, struct str id), void *arg)
{
    struct unique u = { .view = view, .fn = fn, .arg = arg };

    each_segment(view, parent, on_collection, &u);
}

struct ghosts {
    const struct fs_view *view;
    struct str *ids;
    size_t n, cap;
};

static void on_ghost(void *arg, struct str segment, bool deeper)
{
    struct ghosts *g = arg;

    if (!deeper || (g->n && str_eq(g->ids[g->n - 1], segment)))
        return;
    if (g->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        struct str *grown = ARENA_ARRAY(g->view->arena, struct str, cap);

        if (g->n)
            memcpy(grown, g->ids, g->n * sizeof(struct str));
        g->ids = grown;
        g->cap = cap;
    }
    g->ids[g->n++] = segment;
}

void fs_missing(const struct fs_view *view, struct str collection, fs_doc_fn fn, void *arg)
{
    struct ghosts g = { .view = view };
    struct fs_stored *d;
    size_t i;

    each_segment(view, collection, on_ghost, &g);
    for (i = 0; i < g.n; i++) {
        d = ARENA_NEW(view->arena, struct fs_stored);
        d->name =
            arena_printf(view->arena, STR_FMT "/" STR_FMT, STR_ARG(collection), STR_ARG(g.ids[i]));
        d->fields = fv_map_new(view->arena);
        if (!fs_load(view, d->name))
            fn(arg, d);
    }
}

void fs_doc_write(struct jw *w, struct arena *a, const char *key, const struct fs_stored *d,
                  const struct fv_path *mask, size_t mask_n)
{
    const struct fv *fields = d->fields;
    struct fv *some, *v;
    size_t i;

    if (mask_n) {
        some = fv_map_new(a);
        for (i = 0; i < mask_n; i++) {
            v = fv_get(d->fields, &mask[i]);
            if (v)
                fv_set(a, some, &mask[i], v);
        }
        fields = some;
    }
    jw_obj(w, key);
    jw_str(w, "name", d->name);
    if (fields->n)
        fv_write_fields(w, a, "fields", fields);
    if (d->update_us) { /* else it is missing, and only has documents below it */
        jw_str(w, "createTime", google_time(a, d->create_us));
        jw_str(w, "updateTime", google_time(a, d->update_us));
    }
    jw_end(w);
}

/* ---- saving ---- */

/* Before a change, while somebody reads the past. */
void fs_keep_past(struct store *s, struct str name, int64_t now_us)
{
    struct store_stmt *st;

    st =
        store_sql(s, "INSERT OR IGNORE INTO firestore_past SELECT name, parent, collection, fields,"
                     " create_us, update_us, ?2 FROM firestore_docs WHERE name = ?1");
    store_bind_str(st, 1, name);
    store_bind_i64(st, 2, now_us);
    store_run(st);
}

void fs_forget_past(struct store *s)
{
    store_run(store_sql(s, "DELETE FROM firestore_past"));
}

static bool within_limits(const struct fs_stored *d, struct str root, struct failure *f)
{
    size_t longest, entries;
    size_t bytes = fv_stored_bytes(d->fields, &longest, &entries) + DOCUMENT_OVERHEAD +
                   fv_name_bytes(str_from(d->name, root.n + 1));

    if (longest > FIRESTORE_VALUE_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "The value of a property is longer than %d bytes.", FIRESTORE_VALUE_MAX);
    if (bytes > FIRESTORE_DOC_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "Document \"" STR_FMT
                           "\" cannot be written because its size (%zu bytes) "
                           "exceeds the maximum allowed size of %d bytes.",
                           STR_ARG(str_slice(d->name, 0, 200)), bytes, FIRESTORE_DOC_MAX);
    if (entries > INDEX_ENTRIES_MAX)
        return failure_set(f, GOOGLE_INVALID_ARGUMENT,
                           "too many index entries for entity: %zu, at most %d", entries,
                           INDEX_ENTRIES_MAX);
    return true;
}

bool fs_save(const struct fs_view *view, struct str root, const struct fs_stored *d,
             struct failure *f)
{
    struct store_stmt *st;
    struct str parent = fs_parent_of(d->name);
    struct jw w;

    if (!within_limits(d, root, f))
        return false;
    jw_init(&w);
    fv_write_fields(&w, view->arena, NULL, d->fields);
    st = store_sql(view->store, "INSERT INTO firestore_docs VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                                " ON CONFLICT (name) DO UPDATE SET fields = excluded.fields,"
                                " update_us = excluded.update_us");
    store_bind_str(st, 1, d->name);
    store_bind_str(st, 2, parent);
    store_bind_str(st, 3, fs_leaf_of(parent));
    store_bind_str(st, 4, jw_finish(&w, view->arena));
    store_bind_i64(st, 5, d->create_us);
    store_bind_i64(st, 6, d->update_us);
    store_run(st);
    return true;
}

void fs_delete(struct store *s, struct str name)
{
    struct store_stmt *st = store_sql(s, "DELETE FROM firestore_docs WHERE name = ?1");

    store_bind_str(st, 1, name);
    store_run(st);
}

void fs_delete_all(struct store *s, struct arena *a, struct str root)
{
    struct store_stmt *st =
        store_sql(s, "DELETE FROM firestore_docs WHERE name > ?1 AND name < ?2");

    bind_below(st, 1, a, root);
    store_run(st);
}
