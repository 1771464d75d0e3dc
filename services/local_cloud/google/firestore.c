#include "local_cloud/google/firestore.h"

#include "base/mem.h"
#include "local_cloud/google/firestore_internal.h"
#include "local_cloud/google/fs_query.h"
#include "local_cloud/google/reply.h"
#include "local_cloud/local_cloud.h"

enum { BATCH_WRITES_MAX = 500 };

/* ---- one request ---- */

static bool parse_body(struct fs_call *c)
{
    struct str body = c->r->body.n ? c->r->body : STR("{}");
    struct err err = ERR_INIT;

    if (json_parse_arena(&c->body, c->arena, body, &err))
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Invalid JSON payload received. %s",
                           err.text);
    return true;
}

/* What each call takes beside its path. */
struct call_desc {
    fs_call_fn run;
    const struct shape *body;
    const struct param *params;
    size_t n_params;
    bool streamed;       /* answers, and errors as well, come in an array */
    bool below_document; /* the path, if any, must be a document's */
};

static bool call_init(struct fs_call *c, void *app, struct http_req *r, const struct call_desc *d)
{
    size_t segments;

    *c = (struct fs_call){ .db = ((struct local_cloud *)app)->firestore, .r = r };
    c->arena = r->ctx->arena;
    c->view = (struct fs_view){ c->db->store, c->arena, FS_NOW };
    c->query = request_query(r);
    c->root =
        arena_printf(c->arena, "projects/" STR_FMT "/databases/" STR_FMT "/documents",
                     STR_ARG(http_req_param(r, "project")), STR_ARG(http_req_param(r, "database")));
    c->path = http_req_param(r, "path");
    c->parent =
        c->path.n ? arena_printf(c->arena, STR_FMT "/" STR_FMT, STR_ARG(c->root), STR_ARG(c->path))
                  : c->root;
    if (c->path.n && !fs_name_check(c->parent, c->root, &segments, &c->f))
        return false;
    if (c->path.n && d->below_document && segments % 2)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT,
                           "Document parent name \"" STR_FMT "\" lacks \"/\".",
                           STR_ARG(str_slice(c->parent, 0, 200)));
    return parse_body(c) && shape_check(c->body, d->body, &c->f) &&
           shape_check_params(&c->query, d->params, d->n_params, &c->f);
}

static void answer_failure(struct fs_call *c, bool streamed)
{
    struct str text;

    if (!streamed) {
        reply_failure(c->r, &c->f);
        return;
    }
    text = failure_json(c->arena, &c->f);
    http_reply_json(c->r, failure_http(c->f.status),
                    arena_printf(c->arena, "[" STR_FMT "]", STR_ARG(text)));
}

/* Runs a call in a transaction of the store; what it wrote into c->out is the answer. */
static void serve(void *app, struct http_req *r, const struct call_desc *d)
{
    struct err err = ERR_INIT;
    struct fs_call c;

    if (!call_init(&c, app, r, d)) {
        answer_failure(&c, d->streamed);
        return;
    }
    jw_init(&c.out);
    store_begin(c.db->store);
    if (!d->run(&c) && !c.f.status)
        (void)failure_set(&c.f, GOOGLE_INTERNAL, "request failed");
    if (c.f.status)
        store_rollback(c.db->store);
    else if (store_commit(c.db->store, &err))
        (void)failure_set(&c.f, GOOGLE_INTERNAL, "%s", err.text);
    if (c.f.status) {
        jw_release(&c.out);
        answer_failure(&c, d->streamed);
    } else {
        http_reply_json(c.r, 200, jw_finish(&c.out, c.arena));
    }
}

static void write_time(struct fs_call *c, const char *key)
{
    int64_t us = c->view.at_us == FS_NOW ? fs_txs_now_us(c->db->txs) : c->view.at_us;

    jw_str(&c->out, key, google_time(c->arena, us));
}

/* ---- transactions ---- */

/* The transaction that a read takes part in: named, new (its id is to be told), or none. */
static bool transaction_of(struct fs_call *c, struct fs_tx **ret, bool *is_new)
{
    struct str id = json_str(json_get(c->body, "transaction"));
    const struct jval *options = json_get(c->body, "newTransaction");

    *ret = NULL;
    *is_new = false;
    if (json_get(c->body, "readTime") || json_path(options, "readOnly.readTime"))
        return failure_set(&c->f, GOOGLE_UNIMPLEMENTED, "Reads at a given time are not here.");
    if (id.n) {
        *ret = fs_tx_find(c->db->txs, id);
        if (!*ret)
            return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Transaction is invalid or closed.");
    } else if (json_is_obj(options)) {
        *ret = fs_tx_begin(c->db->txs, json_get(options, "readOnly") != NULL);
        *is_new = true;
    }
    if (*ret)
        c->view.at_us = fs_tx_at_us(*ret);
    return true;
}

static void write_new_transaction(struct fs_call *c, const struct fs_tx *tx)
{
    jw_obj(&c->out, NULL);
    jw_str(&c->out, "transaction", fs_tx_id(tx));
    jw_end(&c->out);
}

static bool begin_transaction(struct fs_call *c)
{
    const struct jval *options = json_get(c->body, "options");

    if (json_path(options, "readOnly.readTime"))
        return failure_set(&c->f, GOOGLE_UNIMPLEMENTED, "Reads at a given time are not here.");
    write_new_transaction(c, fs_tx_begin(c->db->txs, json_get(options, "readOnly") != NULL));
    return true;
}

static bool rollback(struct fs_call *c)
{
    struct str id = json_str(json_get(c->body, "transaction"));
    struct fs_tx *tx = fs_tx_find(c->db->txs, id);

    if (!fs_txs_made(c->db->txs, id))
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Invalid transaction.");
    if (tx) /* of a finished one it is no error */
        fs_tx_end(c->db->txs, tx);
    jw_obj(&c->out, NULL);
    jw_end(&c->out);
    return true;
}

/* Ends the transaction of a commit. False: it lost against another. */
static bool finish_transaction(struct fs_call *c)
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
    holds = fs_tx_holds(c->db->txs, &c->view, tx);
    fs_tx_end(c->db->txs, tx);
    return holds || failure_set(&c->f, GOOGLE_ABORTED, "Transaction lock timeout.");
}

/* ---- writes ---- */

bool fs_write_one(struct fs_call *c, const struct jval *write, int64_t now_us, struct jw *out)
{
    struct str name = fs_write_target(write);

    if (fs_txs_has_readers(c->db->txs)) {
        fs_keep_past(c->db->store, name, now_us);
        c->db->has_past = true;
    } else if (c->db->has_past) {
        fs_forget_past(c->db->store);
        c->db->has_past = false;
    }
    if (!fs_write(&c->view, c->root, write, now_us, out, &c->f))
        return false;
    if (!json_get(write, "verify"))
        fs_txs_changed(c->db->txs, name, now_us);
    return true;
}

static bool commit(struct fs_call *c)
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
            if (!fs_write_one(c, write, now_us, &c->out))
                return false;
        }
        jw_end(&c->out);
    }
    jw_str(&c->out, "commitTime", google_time(c->arena, now_us));
    jw_end(&c->out);
    return true;
}

/* Not atomic: each write is a transaction of its own, with a status of its own. */
static void batch_one(struct fs_call *c, const struct jval *write, struct jw *results,
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
    if (!fs_write_one(c, write, fs_txs_now_us(c->db->txs), &result))
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
            if (str_eq(fs_write_target(json_at(writes, i)), fs_write_target(json_at(writes, k))))
                return true;
        }
    }
    return false;
}

static void batch_all(struct fs_call *c, const struct jval *writes, struct jw *results,
                      struct jw *statuses)
{
    struct json_iter it = json_iter(writes);
    const struct jval *write;
    struct str unused;

    jw_init(results);
    jw_arr(results, NULL);
    jw_init(statuses);
    jw_arr(statuses, NULL);
    while (json_next(&it, &unused, &write))
        batch_one(c, write, results, statuses);
    jw_end(results);
    jw_end(statuses);
}

static const struct call_desc batch_write_desc = { .body = &fs_batch_write_shape };

static void on_batch_write(void *app, struct http_req *r)
{
    const struct jval *writes, *v;
    struct jw results, statuses, out;
    struct fs_call c;

    if (!call_init(&c, app, r, &batch_write_desc)) {
        reply_failure(r, &c.f);
        return;
    }
    writes = json_get(c.body, "writes");
    if (json_len(writes) > BATCH_WRITES_MAX || named_twice(writes)) {
        (void)failure_set(&c.f, GOOGLE_INVALID_ARGUMENT,
                          "Too many writes, or a document that is written twice.");
        reply_failure(r, &c.f);
        return;
    }
    batch_all(&c, writes, &results, &statuses);
    jw_init(&out);
    jw_obj(&out, NULL);
    if (!json_parse_arena(&v, c.arena, jw_finish(&results, c.arena), NULL))
        jw_val(&out, "writeResults", v);
    if (!json_parse_arena(&v, c.arena, jw_finish(&statuses, c.arena), NULL))
        jw_val(&out, "status", v);
    jw_end(&out);
    http_reply_json(r, 200, jw_finish(&out, c.arena));
}

/* ---- reads ---- */

static bool mask_add(struct fs_call *c, struct fs_mask *m, struct str text)
{
    if (m->n == FIRESTORE_MASK_MAX)
        return failure_set(&c->f, GOOGLE_INVALID_ARGUMENT, "Too many fields in a mask.");
    if (str_eq(text, STR("__name__"))) /* is always there, and no field */
        m->paths[m->n] = (struct fv_path){ .names = { text }, .n = 1 };
    else if (!fv_path_parse(&m->paths[m->n], c->arena, text, &c->f))
        return false;
    m->n++;
    return true;
}

bool fs_mask_of_body(struct fs_call *c, struct fs_mask *m)
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

bool fs_mask_of_query(struct fs_call *c, struct fs_mask *m)
{
    size_t i;

    m->n = 0;
    for (i = 0; i < c->query.n; i++) {
        if (str_eq(c->query.pairs[i].key, STR("mask.fieldPaths")) &&
            !mask_add(c, m, c->query.pairs[i].value))
            return false;
    }
    return true;
}

static bool asked_before(const struct jval *names, size_t at)
{
    size_t i;

    for (i = 0; i < at; i++) {
        if (str_eq(json_str(json_at(names, i)), json_str(json_at(names, at))))
            return true;
    }
    return false;
}

static void get_one(struct fs_call *c, struct str name, const struct fs_mask *mask,
                    struct fs_tx *tx)
{
    struct fs_stored *d = fs_load(&c->view, name);

    if (tx)
        fs_tx_read(tx, name, d ? d->update_us : 0);
    jw_obj(&c->out, NULL);
    if (d)
        fs_doc_write(&c->out, c->arena, "found", d, mask->paths, mask->n);
    else
        jw_str(&c->out, "missing", name);
    write_time(c, "readTime");
    jw_end(&c->out);
}

static bool batch_get(struct fs_call *c)
{
    const struct jval *names = json_get(c->body, "documents");
    struct fs_mask *mask = ARENA_NEW(c->arena, struct fs_mask);
    struct fs_tx *tx;
    bool is_new;
    size_t i;

    for (i = 0; i < json_len(names); i++) {
        if (!fs_document_check(json_str(json_at(names, i)), c->root, &c->f))
            return false;
    }
    if (!fs_mask_of_body(c, mask) || !transaction_of(c, &tx, &is_new))
        return false;
    jw_arr(&c->out, NULL);
    if (is_new)
        write_new_transaction(c, tx);
    for (i = 0; i < json_len(names); i++) {
        if (!asked_before(names, i))
            get_one(c, json_str(json_at(names, i)), mask, tx);
    }
    jw_end(&c->out);
    return true;
}

static void note_query(struct fs_call *c, struct fs_tx *tx, const struct jval *query,
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

static void write_found(struct fs_call *c, const struct fs_found *found, size_t i)
{
    jw_obj(&c->out, NULL);
    if (i < found->n)
        fs_found_write(&c->out, c->arena, found, i);
    write_time(c, "readTime");
    if (i == 0 && found->skipped)
        jw_i64(&c->out, "skippedResults", found->skipped);
    jw_end(&c->out);
}

static bool run_query(struct fs_call *c)
{
    const struct jval *query = json_get(c->body, "structuredQuery");
    struct fs_found found;
    struct fs_tx *tx;
    bool is_new;
    size_t i;

    if (!transaction_of(c, &tx, &is_new) ||
        !fs_query_run(&found, &c->view, c->parent, query, &c->f))
        return false;
    note_query(c, tx, query, &found);
    jw_arr(&c->out, NULL);
    if (is_new)
        write_new_transaction(c, tx);
    for (i = 0; i < MAX(found.n, (size_t)1); i++) /* nothing found has a time, too */
        write_found(c, &found, i);
    jw_end(&c->out);
    return true;
}

static bool run_aggregation(struct fs_call *c)
{
    const struct jval *query = json_get(c->body, "structuredAggregationQuery");
    struct fs_found none = { .n = 0 };
    struct fs_tx *tx;
    bool is_new;

    if (!transaction_of(c, &tx, &is_new))
        return false;
    note_query(c, tx, json_get(query, "structuredQuery"), &none);
    jw_arr(&c->out, NULL);
    if (is_new)
        write_new_transaction(c, tx);
    jw_obj(&c->out, NULL);
    jw_obj(&c->out, "result");
    if (!fs_aggregate_run(&c->out, &c->view, c->parent, query, &c->f))
        return false;
    jw_end(&c->out);
    write_time(c, "readTime");
    jw_end(&c->out);
    jw_end(&c->out);
    return true;
}

/* ---- reset ---- */

static bool delete_database(struct fs_call *c)
{
    fs_delete_all(c->db->store, c->arena, c->root);
    jw_obj(&c->out, NULL);
    jw_end(&c->out);
    return true;
}

/* ---- routes ---- */

static const struct param get_params[] = {
    { "mask.fieldPaths", PARAM_TEXT }, { "pageSize", PARAM_INT },     { "pageToken", PARAM_TEXT },
    { "orderBy", PARAM_TEXT },         { "showMissing", PARAM_BOOL },
};
static const struct param create_params[] = { { "documentId", PARAM_TEXT },
                                              { "mask.fieldPaths", PARAM_TEXT } };
static const struct param patch_params[] = {
    { "updateMask.fieldPaths", PARAM_TEXT },
    { "mask.fieldPaths", PARAM_TEXT },
    { "currentDocument.exists", PARAM_BOOL },
    { "currentDocument.updateTime", PARAM_TIME },
};
static const struct param delete_params[] = {
    { "currentDocument.exists", PARAM_BOOL },
    { "currentDocument.updateTime", PARAM_TIME },
};

#define HANDLER(handler, ...)                                 \
    static void handler(void *app, struct http_req *r)        \
    {                                                         \
        static const struct call_desc desc = { __VA_ARGS__ }; \
                                                              \
        serve(app, r, &desc);                                 \
    }
#define PARAMS(list) .params = (list), .n_params = ARRAY_LEN(list)
HANDLER(on_begin, .run = begin_transaction, .body = &fs_begin_shape)
HANDLER(on_rollback, .run = rollback, .body = &fs_rollback_shape)
HANDLER(on_commit, .run = commit, .body = &fs_commit_shape)
HANDLER(on_batch_get, .run = batch_get, .body = &fs_batch_get_shape, .streamed = true)
HANDLER(on_run_query, .run = run_query, .body = &fs_run_query_shape, .streamed = true,
        .below_document = true)
HANDLER(on_aggregation, .run = run_aggregation, .body = &fs_aggregation_shape, .streamed = true,
        .below_document = true)
HANDLER(on_get, .run = fs_get_or_list, .body = &fs_empty_shape, PARAMS(get_params))
HANDLER(on_create, .run = fs_create_document, .body = &fs_document_shape, PARAMS(create_params))
HANDLER(on_patch, .run = fs_patch_document, .body = &fs_document_shape, PARAMS(patch_params))
HANDLER(on_delete, .run = fs_delete_document, .body = &fs_empty_shape, PARAMS(delete_params))
HANDLER(on_collection_ids, .run = fs_list_collection_ids, .body = &fs_collection_ids_shape,
        .below_document = true)
HANDLER(on_delete_database, .run = delete_database, .body = &fs_empty_shape)

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
