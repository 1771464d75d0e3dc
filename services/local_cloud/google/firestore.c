#include "local_cloud/google/firestore.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "local_cloud/google/fs_docs.h"
#include "local_cloud/google/fs_query.h"
#include "local_cloud/google/fs_tx.h"
#include "local_cloud/google/reply.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/store.h"

enum { AUTO_ID_CHARS = 20, PAGE_DEFAULT = 300, PAGE_MAX = 1000, MASK_MAX = 100 };

struct firestore_db {
    struct store *store;
    struct fs_txs *txs;
};

/* One request while it is worked on. */
struct call {
    struct firestore_db *db;
    struct http_req *r;
    struct arena *arena;
    struct str root;   /* projects/P/databases/D/documents */
    struct str path;   /* below the root, as asked; may be empty */
    struct str parent; /* root and path */
    const struct jval *body;
    struct failure f;
    struct jw out; /* the answer; abandoned when it fails */
};

static bool call_init(struct call *c, void *app, struct http_req *r)
{
    struct str body = r->body.n ? r->body : STR("{}");
    struct err err = ERR_INIT;

    *c = (struct call){ .db = ((struct local_cloud *)app)->firestore, .r = r };
    c->arena = r->ctx->arena;
    c->root =
        arena_printf(c->arena, "projects/" STR_FMT "/databases/" STR_FMT "/documents",
                     STR_ARG(http_req_param(r, "project")), STR_ARG(http_req_param(r, "database")));
    c->path = http_req_param(r, "path");
    c->parent =
        c->path.n ? arena_printf(c->arena, STR_FMT "/" STR_FMT, STR_ARG(c->root), STR_ARG(c->path))
                  : c->root;
    if (json_parse_arena(&c->body, c->arena, body, &err))
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Invalid JSON payload received. %s",
                           err.text);
    return json_is_obj(c->body) ||
           failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Payload isn't valid for request.");
}

typedef bool (*call_fn)(struct call *c);

static void answer(struct call *c, struct str text)
{
    if (c->f.status)
        reply_failure(c->r, &c->f);
    else
        http_reply_json(c->r, 200, text);
}

/* Runs fn in a transaction of the store; what it wrote into c->out is the answer. */
static void serve(void *app, struct http_req *r, call_fn fn)
{
    struct err err = ERR_INIT;
    struct str text = STR_EMPTY;
    struct call c;

    if (!call_init(&c, app, r)) {
        answer(&c, text);
        return;
    }
    jw_init(&c.out);
    store_begin(c.db->store);
    if (!fn(&c) && !c.f.status)
        (void)failure_set(&c.f, GOOGLE_INTERNAL, "request failed");
    if (c.f.status)
        store_rollback(c.db->store);
    else if (store_commit(c.db->store, &err))
        (void)failure_set(&c.f, GOOGLE_INTERNAL, "%s", err.text);
    if (c.f.status)
        jw_release(&c.out);
    else
        text = jw_finish(&c.out, c.arena);
    answer(&c, text);
}

static void write_time(struct call *c, const char *key)
{
    jw_str(&c->out, key, google_time(c->arena, fs_txs_now_us(c->db->txs)));
}

/* ---- transactions ---- */

/* The transaction that a read takes part in: named, new (its id is to be told), or none. */
static bool transaction_of(struct call *c, struct fs_tx **ret, bool *is_new)
{
    struct str id = json_str(json_get(c->body, "transaction"));
    const struct jval *options = json_get(c->body, "newTransaction");

    *ret = NULL;
    *is_new = false;
    if (id.n) {
        *ret = fs_tx_find(c->db->txs, id);
        return *ret ||
               failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Transaction is invalid or closed.");
    }
    if (json_is_obj(options)) {
        *ret = fs_tx_begin(c->db->txs, json_get(options, "readOnly") != NULL);
        *is_new = true;
    }
    return true;
}

static void write_new_transaction(struct call *c, const struct fs_tx *tx)
{
    jw_obj(&c->out, NULL);
    jw_str(&c->out, "transaction", fs_tx_id(tx));
    jw_end(&c->out);
}

static bool begin_transaction(struct call *c)
{
    const struct jval *options = json_get(c->body, "options");
    struct fs_tx *tx = fs_tx_begin(c->db->txs, json_get(options, "readOnly") != NULL);

    jw_obj(&c->out, NULL);
    jw_str(&c->out, "transaction", fs_tx_id(tx));
    jw_end(&c->out);
    return true;
}

static bool rollback(struct call *c)
{
    struct fs_tx *tx = fs_tx_find(c->db->txs, json_str(json_get(c->body, "transaction")));

    if (tx) /* of a finished one it is no error */
        fs_tx_end(c->db->txs, tx);
    jw_obj(&c->out, NULL);
    jw_end(&c->out);
    return true;
}

/* Ends the transaction of a commit. False: it lost against another. */
static bool finish_transaction(struct call *c)
{
    struct str id = json_str(json_get(c->body, "transaction"));
    struct fs_tx *tx;
    bool holds;

    if (id.n == 0)
        return true;
    tx = fs_tx_find(c->db->txs, id);
    if (!tx)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Transaction is invalid or closed.");
    if (fs_tx_read_only(tx) && json_len(json_get(c->body, "writes")))
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT,
                           "Cannot modify entities in a read-only transaction.");
    holds = fs_tx_holds(c->db->txs, c->db->store, c->arena, tx);
    fs_tx_end(c->db->txs, tx);
    return holds || failure_set(&c->f, GOOGLE_ABORTED, "Transaction lock timeout.");
}

/* ---- writes ---- */

static struct str write_name(const struct jval *write)
{
    struct str name = json_str(json_path(write, "update.name"));

    if (name.n == 0)
        name = json_str(json_path(write, "transform.document"));
    return name.n ? name : json_str(json_get(write, "delete"));
}

static bool write_one(struct call *c, const struct jval *write, int64_t now_us, struct jw *out)
{
    if (!fs_write(c->db->store, c->arena, c->root, write, now_us, out, &c->f))
        return false;
    if (write_name(write).n)
        fs_txs_changed(c->db->txs, write_name(write), now_us);
    return true;
}

static bool commit(struct call *c)
{
    const struct jval *writes = json_get(c->body, "writes"), *write;
    struct json_iter it = json_iter(writes);
    struct str unused;
    int64_t now_us;

    if (!finish_transaction(c))
        return false;
    now_us = fs_txs_now_us(c->db->txs);
    jw_obj(&c->out, NULL);
    if (json_len(writes)) {
        jw_arr(&c->out, "writeResults");
        while (json_next(&it, &unused, &write)) {
            if (!write_one(c, write, now_us, &c->out))
                return false;
        }
        jw_end(&c->out);
    }
    jw_str(&c->out, "commitTime", google_time(c->arena, now_us));
    jw_end(&c->out);
    return true;
}

/* Not atomic: each write is a transaction of its own, with a status of its own. */
static void batch_one(struct call *c, const struct jval *write, struct jw *results,
                      struct jw *statuses)
{
    struct failure none = { .status = 0 };
    struct err err = ERR_INIT;
    struct jw result;
    struct str text;
    const struct jval *v;

    jw_init(&result);
    jw_arr(&result, NULL);
    c->f = none;
    store_begin(c->db->store);
    if (!write_one(c, write, fs_txs_now_us(c->db->txs), &result))
        store_rollback(c->db->store);
    else if (store_commit(c->db->store, &err))
        (void)failure_set(&c->f, GOOGLE_INTERNAL, "%s", err.text);
    jw_obj(statuses, NULL);
    if (c->f.status) {
        jw_i64(statuses, "code", c->f.status);
        jw_cstr(statuses, "message", c->f.text);
        jw_release(&result);
        jw_obj(results, NULL);
        jw_end(results);
    } else {
        jw_end(&result);
        text = jw_finish(&result, c->arena);
        if (!json_parse_arena(&v, c->arena, text, NULL))
            jw_val(results, NULL, json_at(v, 0));
    }
    jw_end(statuses);
    c->f = none;
}

static bool named_twice(const struct jval *writes)
{
    size_t i, k, n = json_len(writes);

    for (i = 0; i < n; i++) {
        for (k = 0; k < i; k++) {
            if (str_eq(write_name(json_at(writes, i)), write_name(json_at(writes, k))))
                return true;
        }
    }
    return false;
}

static void on_batch_write(void *app, struct http_req *r)
{
    const struct jval *writes, *write, *v;
    struct jw results, statuses, out;
    struct json_iter it;
    struct str unused;
    struct call c;

    if (!call_init(&c, app, r)) {
        answer(&c, STR_EMPTY);
        return;
    }
    writes = json_get(c.body, "writes");
    if (json_len(writes) > 500 || named_twice(writes)) {
        (void)failure_set(&c.f, GOOGLE_INVALID_ARGUMENT,
                          "Too many writes, or a document that is written twice.");
        answer(&c, STR_EMPTY);
        return;
    }
    jw_init(&results);
    jw_arr(&results, NULL);
    jw_init(&statuses);
    jw_arr(&statuses, NULL);
    it = json_iter(writes);
    while (json_next(&it, &unused, &write))
        batch_one(&c, write, &results, &statuses);
    jw_end(&results);
    jw_end(&statuses);
    jw_init(&out);
    jw_obj(&out, NULL);
    if (!json_parse_arena(&v, c.arena, jw_finish(&results, c.arena), NULL))
        jw_val(&out, "writeResults", v);
    if (!json_parse_arena(&v, c.arena, jw_finish(&statuses, c.arena), NULL))
        jw_val(&out, "status", v);
    jw_end(&out);
    answer(&c, jw_finish(&out, c.arena));
}

/* ---- reads ---- */

/* Field paths of a DocumentMask, from a body or from repeated query parameters. */
struct mask {
    struct fv_path paths[MASK_MAX];
    size_t n;
};

static bool mask_add(struct call *c, struct mask *m, struct str text)
{
    if (m->n == MASK_MAX)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Too many fields in a mask.");
    if (!fv_path_parse(&m->paths[m->n], c->arena, text, &c->f))
        return false;
    m->n++;
    return true;
}

static bool mask_of_body(struct call *c, struct mask *m)
{
    struct json_iter it = json_iter(json_path(c->body, "mask.fieldPaths"));
    const struct jval *v;
    struct str unused;

    m->n = 0;
    while (json_next(&it, &unused, &v)) {
        if (!mask_add(c, m, json_str(v)))
            return false;
    }
    return true;
}

static bool mask_of_query(struct call *c, struct mask *m)
{
    struct form query = request_query(c->r);
    size_t i;

    m->n = 0;
    for (i = 0; i < query.n; i++) {
        if (str_eq(query.pairs[i].key, STR("mask.fieldPaths")) &&
            !mask_add(c, m, query.pairs[i].value))
            return false;
    }
    return true;
}

static bool batch_get(struct call *c)
{
    struct json_iter it = json_iter(json_get(c->body, "documents"));
    const struct jval *v;
    struct fs_stored *d;
    struct str unused;
    struct mask *mask = ARENA_NEW(c->arena, struct mask);
    struct fs_tx *tx;
    bool is_new;
    size_t segments;

    if (!mask_of_body(c, mask) || !transaction_of(c, &tx, &is_new))
        return false;
    jw_arr(&c->out, NULL);
    if (is_new)
        write_new_transaction(c, tx);
    while (json_next(&it, &unused, &v)) {
        if (!fs_name_check(json_str(v), c->root, &segments, &c->f))
            return false;
        d = fs_load(c->db->store, c->arena, json_str(v));
        if (tx)
            fs_tx_read(tx, json_str(v), d ? d->update_us : 0);
        jw_obj(&c->out, NULL);
        if (d)
            fs_doc_write(&c->out, c->arena, "found", d, mask->paths, mask->n);
        else
            jw_str(&c->out, "missing", json_str(v));
        write_time(c, "readTime");
        jw_end(&c->out);
    }
    jw_end(&c->out);
    return true;
}

static void note_query(struct call *c, struct fs_tx *tx, const struct jval *query,
                       const struct fs_found *found)
{
    const struct jval *from = json_at(json_get(query, "from"), 0);
    size_t i;

    if (!tx)
        return;
    for (i = 0; i < found->n; i++)
        fs_tx_read(tx, found->items[i]->name, found->items[i]->update_us);
    fs_tx_scanned(c->db->txs, tx, c->parent, json_str(json_get(from, "collectionId")),
                  json_bool_or(json_get(from, "allDescendants"), false));
}

static bool run_query(struct call *c)
{
    const struct jval *query = json_get(c->body, "structuredQuery");
    struct fs_found found;
    struct fs_tx *tx;
    bool is_new;
    size_t i;

    if (!transaction_of(c, &tx, &is_new) ||
        !fs_query_run(&found, c->db->store, c->arena, c->parent, query, &c->f))
        return false;
    note_query(c, tx, query, &found);
    jw_arr(&c->out, NULL);
    if (is_new)
        write_new_transaction(c, tx);
    for (i = 0; i < found.n; i++) {
        jw_obj(&c->out, NULL);
        fs_found_write(&c->out, c->arena, &found, i);
        write_time(c, "readTime");
        if (i == 0 && found.skipped)
            jw_i64(&c->out, "skippedResults", found.skipped);
        jw_end(&c->out);
    }
    if (found.n == 0) {
        jw_obj(&c->out, NULL);
        write_time(c, "readTime");
        if (found.skipped)
            jw_i64(&c->out, "skippedResults", found.skipped);
        jw_end(&c->out);
    }
    jw_end(&c->out);
    return true;
}

static bool run_aggregation(struct call *c)
{
    const struct jval *query = json_get(c->body, "structuredAggregationQuery");
    struct fs_found none = { .n = 0 };
    struct fs_tx *tx;
    bool is_new;

    if (!transaction_of(c, &tx, &is_new))
        return false;
    note_query(c, tx, json_get(query, "structuredQuery"), &none);
    jw_arr(&c->out, NULL);
    jw_obj(&c->out, NULL);
    jw_obj(&c->out, "result");
    if (!fs_aggregate_run(&c->out, c->db->store, c->arena, c->parent, query, &c->f))
        return false;
    jw_end(&c->out);
    if (is_new)
        jw_str(&c->out, "transaction", fs_tx_id(tx));
    write_time(c, "readTime");
    jw_end(&c->out);
    jw_end(&c->out);
    return true;
}

/* ---- single documents ---- */

static bool get_document(struct call *c)
{
    struct fs_stored *d = fs_load(c->db->store, c->arena, c->parent);
    struct mask *mask = ARENA_NEW(c->arena, struct mask);

    if (!mask_of_query(c, mask))
        return false;
    if (!d)
        return failure_set(&c->f, GOOGLE_NOT_FOUND, "Document \"" STR_FMT "\" not found.",
                           STR_ARG(c->parent));
    fs_doc_write(&c->out, c->arena, NULL, d, mask->paths, mask->n);
    return true;
}

/* "a desc, b": as an orderBy of a structured query. */
static void write_order_by(struct jw *w, struct str text)
{
    struct str head, rest = text, field, direction;

    if (text.n == 0)
        return;
    jw_arr(w, "orderBy");
    while (rest.n) {
        (void)str_cut(rest, ',', &head, &rest);                 /* the last has no comma */
        (void)str_cut(str_trim(head), ' ', &field, &direction); /* ascending without a word */
        jw_obj(w, NULL);
        jw_obj(w, "field");
        jw_str(w, "fieldPath", field);
        jw_end(w);
        jw_cstr(w, "direction",
                str_ieq_c(str_trim(direction), "desc") ? "DESCENDING" : "ASCENDING");
        jw_end(w);
    }
    jw_end(w);
}

static const struct jval *list_query(struct call *c, const struct form *query, int64_t page,
                                     int64_t offset)
{
    const struct jval *root = NULL;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "from");
    jw_obj(&w, NULL);
    jw_str(&w, "collectionId", fs_leaf_of(c->parent));
    jw_end(&w);
    jw_end(&w);
    write_order_by(&w, form_get(query, "orderBy"));
    jw_i64(&w, "offset", offset);
    jw_i64(&w, "limit", page + 1); /* one more shows that there is a next page */
    jw_end(&w);
    if (json_parse_arena(&root, c->arena, jw_finish(&w, c->arena), NULL))
        root = NULL; /* our own text */
    return root;
}

static bool list_documents(struct call *c)
{
    struct form query = request_query(c->r);
    int64_t page = query_i64(&query, "pageSize", 0), offset = query_i64(&query, "pageToken", 0);
    struct mask *mask = ARENA_NEW(c->arena, struct mask);
    struct fs_found found;
    size_t i;

    page = page > 0 ? MIN(page, (int64_t)PAGE_MAX) : PAGE_DEFAULT;
    if (!mask_of_query(c, mask) ||
        !fs_query_run(&found, c->db->store, c->arena, fs_parent_of(c->parent),
                      list_query(c, &query, page, MAX(offset, 0)), &c->f))
        return false;
    jw_obj(&c->out, NULL);
    if (found.n)
        jw_arr(&c->out, "documents");
    for (i = 0; i < found.n && (int64_t)i < page; i++)
        fs_doc_write(&c->out, c->arena, NULL, found.items[i], mask->paths, mask->n);
    if (found.n)
        jw_end(&c->out);
    if ((int64_t)found.n > page)
        jw_strf(&c->out, "nextPageToken", "%lld", (long long)offset + page);
    jw_end(&c->out);
    return true;
}

static bool get_or_list(struct call *c)
{
    size_t segments;

    if (!fs_name_check(c->parent, c->root, &segments, &c->f))
        return false;
    return segments % 2 ? list_documents(c) : get_document(c);
}

/* Runs one write and answers with the document as it is then. */
static bool write_and_show(struct call *c, struct jw *write, struct str name)
{
    const struct jval *v;
    struct fs_stored *d;
    struct jw unused;
    struct str text;
    bool good;

    text = jw_finish(write, c->arena);
    if (json_parse_arena(&v, c->arena, text, NULL))
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Payload isn't valid for request.");
    jw_init(&unused);
    jw_arr(&unused, NULL);
    good = write_one(c, v, fs_txs_now_us(c->db->txs), &unused);
    jw_release(&unused);
    if (!good)
        return false;
    d = fs_load(c->db->store, c->arena, name);
    if (d) {
        fs_doc_write(&c->out, c->arena, NULL, d, NULL, 0);
    } else { /* it was a delete */
        jw_obj(&c->out, NULL);
        jw_end(&c->out);
    }
    return true;
}

static void write_update(struct jw *w, struct str name, const struct jval *document)
{
    jw_obj(w, "update");
    jw_str(w, "name", name);
    if (json_get(document, "fields"))
        jw_val(w, "fields", json_get(document, "fields"));
    jw_end(w);
}

static bool create_document(struct call *c)
{
    struct form query = request_query(c->r);
    struct str id = form_get(&query, "documentId"), name;
    struct jw w;

    if (id.n == 0)
        id = random_id_text(c->arena, AUTO_ID_CHARS);
    if (str_find_char(id, '/') < id.n)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT,
                           "Document id \"" STR_FMT "\" contains a slash.", STR_ARG(id));
    name = arena_printf(c->arena, STR_FMT "/" STR_FMT, STR_ARG(c->parent), STR_ARG(id));
    jw_init(&w);
    jw_obj(&w, NULL);
    write_update(&w, name, c->body);
    jw_obj(&w, "currentDocument");
    jw_bool(&w, "exists", false);
    jw_end(&w);
    jw_end(&w);
    return write_and_show(c, &w, name);
}

static void write_precondition(struct jw *w, const struct form *query)
{
    struct str exists = form_get(query, "currentDocument.exists");
    struct str time = form_get(query, "currentDocument.updateTime");

    if (exists.n == 0 && time.n == 0)
        return;
    jw_obj(w, "currentDocument");
    if (exists.n)
        jw_bool(w, "exists", str_eq(exists, STR("true")));
    else
        jw_str(w, "updateTime", time);
    jw_end(w);
}

static bool patch_document(struct call *c)
{
    struct form query = request_query(c->r);
    struct jw w;
    bool masked = false;
    size_t i;

    jw_init(&w);
    jw_obj(&w, NULL);
    write_update(&w, c->parent, c->body);
    for (i = 0; i < query.n; i++) {
        if (!str_eq(query.pairs[i].key, STR("updateMask.fieldPaths")))
            continue;
        if (!masked) {
            jw_obj(&w, "updateMask");
            jw_arr(&w, "fieldPaths");
        }
        masked = true;
        jw_str(&w, NULL, query.pairs[i].value);
    }
    if (masked) {
        jw_end(&w);
        jw_end(&w);
    }
    write_precondition(&w, &query);
    jw_end(&w);
    return write_and_show(c, &w, c->parent);
}

static bool delete_document(struct call *c)
{
    struct form query = request_query(c->r);
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "delete", c->parent);
    write_precondition(&w, &query);
    jw_end(&w);
    return write_and_show(c, &w, c->parent);
}

/* ---- collections, reset ---- */

static void add_id(void *arg, struct str id)
{
    jw_str(arg, NULL, id);
}

static bool list_collection_ids(struct call *c)
{
    jw_obj(&c->out, NULL);
    jw_arr(&c->out, "collectionIds");
    fs_collection_ids(c->db->store, c->arena, c->parent, add_id, &c->out);
    jw_end(&c->out);
    jw_end(&c->out);
    return true;
}

static bool delete_database(struct call *c)
{
    fs_delete_all(c->db->store, c->arena, c->root);
    jw_obj(&c->out, NULL);
    jw_end(&c->out);
    return true;
}

/* ---- routes ---- */

#define HANDLER(name, fn)                           \
    static void name(void *app, struct http_req *r) \
    {                                               \
        serve(app, r, fn);                          \
    }
HANDLER(on_begin, begin_transaction)
HANDLER(on_rollback, rollback)
HANDLER(on_commit, commit)
HANDLER(on_batch_get, batch_get)
HANDLER(on_run_query, run_query)
HANDLER(on_aggregation, run_aggregation)
HANDLER(on_get, get_or_list)
HANDLER(on_create, create_document)
HANDLER(on_patch, patch_document)
HANDLER(on_delete, delete_document)
HANDLER(on_collection_ids, list_collection_ids)
HANDLER(on_delete_database, delete_database)

#define ROOT "/v1/projects/{project}/databases/{database}/documents"

static const struct http_route routes[] = {
    { HTTP_POST, ROOT ":commit", FIRESTORE_BODY_MAX, NULL, on_commit, false },
    { HTTP_POST, ROOT ":batchGet", FIRESTORE_BODY_MAX, NULL, on_batch_get, false },
    { HTTP_POST, ROOT ":batchWrite", FIRESTORE_BODY_MAX, NULL, on_batch_write, false },
    { HTTP_POST, ROOT ":beginTransaction", 64 * KIB, NULL, on_begin, false },
    { HTTP_POST, ROOT ":rollback", 64 * KIB, NULL, on_rollback, false },
    { HTTP_POST, ROOT ":runQuery", 1 * MIB, NULL, on_run_query, false },
    { HTTP_POST, ROOT "/{path*}:runQuery", 1 * MIB, NULL, on_run_query, false },
    { HTTP_POST, ROOT ":runAggregationQuery", 1 * MIB, NULL, on_aggregation, false },
    { HTTP_POST, ROOT "/{path*}:runAggregationQuery", 1 * MIB, NULL, on_aggregation, false },
    { HTTP_POST, ROOT ":listCollectionIds", 64 * KIB, NULL, on_collection_ids, false },
    { HTTP_POST, ROOT "/{path*}:listCollectionIds", 64 * KIB, NULL, on_collection_ids, false },
    { HTTP_GET, ROOT "/{path*}", 0, NULL, on_get, false },
    { HTTP_POST, ROOT "/{path*}", FIRESTORE_BODY_MAX, NULL, on_create, false },
    { HTTP_PATCH, ROOT "/{path*}", FIRESTORE_BODY_MAX, NULL, on_patch, false },
    { HTTP_DELETE, ROOT "/{path*}", 64 * KIB, NULL, on_delete, false },
    { HTTP_DELETE, "/emulator" ROOT, 64 * KIB, NULL, on_delete_database, false },
};

static enum errc create(struct local_cloud *lc, struct err *err)
{
    struct firestore_db *db = MEM_NEW(struct firestore_db);

    lc->firestore = db;
    db->store = lc->store;
    db->txs = fs_txs_create(lc->service->clock);
    return store_schema(db->store, fs_docs_schema, err);
}

static void destroy(struct local_cloud *lc)
{
    if (!lc->firestore)
        return;
    lc->firestore->txs = fs_txs_destroy(lc->firestore->txs);
    mem_free(lc->firestore);
    lc->firestore = NULL;
}

const struct local_module firestore_module = {
    .name = "firestore",
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .create = create,
    .destroy = destroy,
};
