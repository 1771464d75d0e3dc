#include "google/firestore.h"

#include <stdlib.h>
#include <unistd.h>

#include "google/rest.h"
#include "local_cloud/google/cloud_test.h"

#define DOCS "/v1/projects/test-project/databases/(default)/documents"
#define NAME(path) "projects/test-project/databases/(default)/documents/" path

static struct fs_doc get(struct test_cloud *t, const char *path)
{
    struct fs_doc d;

    CHECK_OK(firestore_get(t->google, &t->ctx, str_c(path), &d, &t->err));
    return d;
}

static void put_i64(struct test_cloud *t, const char *path, const char *field, int64_t v)
{
    struct firestore_commit *c = firestore_commit_begin(t->google, &t->ctx);

    fsw_i64(firestore_set(c, str_c(path), FS_PRE_ANY), field, v);
    CHECK_OK(firestore_commit(c, NULL, &t->err));
}

TEST(firestore_gives_back_every_kind_of_value)
{
    struct test_cloud t;
    struct firestore_commit *c;
    struct fs_doc d;
    struct fsw *w;

    cloud_open(&t, NULL);
    c = firestore_commit_begin(t.google, &t.ctx);
    w = firestore_set(c, STR("calls/CA1"), FS_PRE_ANY);
    fsw_str(w, "text", STR("h\xc3\xa9llo \"x\"\n"));
    fsw_i64(w, "big", INT64_MAX);
    fsw_num(w, "num", 1.5);
    fsw_num(w, "whole", 3.0);
    fsw_bool(w, "yes", true);
    fsw_null(w, "nothing");
    fsw_time(w, "at", 1764000000123456);
    fsw_bytes(w, "raw", str_n("\0\xff\x01", 3));
    fsw_map(w, "inner");
    fsw_str(w, "a", STR("b"));
    fsw_arr(w, "list");
    fsw_i64(w, NULL, 1);
    fsw_map(w, NULL);
    fsw_i64(w, "deep", 2);
    fsw_end(w);
    fsw_end(w);
    fsw_end(w);
    fsw_arr(w, "empty");
    fsw_end(w);
    fsw_map(w, "void");
    fsw_end(w);
    fsw_i64(w, "odd name", 7);
    CHECK_OK(firestore_commit(c, NULL, &t.err));
    d = get(&t, "calls/CA1");
    CHECK(d.exists);
    CHECK_STR(d.id, "CA1");
    CHECK_STR(fs_str(d.fields, "text"), "h\xc3\xa9llo \"x\"\n");
    CHECK(fs_i64_or(d.fields, "big", 0) == INT64_MAX);
    CHECK(fs_num_or(d.fields, "num", 0) == 1.5);
    CHECK_INT(fs_i64_or(d.fields, "whole", 0), 3);
    CHECK(fs_bool_or(d.fields, "yes", false));
    CHECK(fs_is_null(d.fields, "nothing"));
    CHECK_INT(fs_time_or(d.fields, "at", 0), 1764000000123456);
    CHECK_INT(fs_bytes(d.fields, "raw", &t.arena).n, 3);
    CHECK_STR(fs_str(fs_map(d.fields, "inner"), "a"), "b");
    CHECK_INT(fs_val_i64_or(json_at(fs_arr(fs_map(d.fields, "inner"), "list"), 0), 0), 1);
    CHECK_INT(json_len(fs_arr(d.fields, "empty")), 0);
    CHECK(fs_map(d.fields, "void") != NULL);
    CHECK_INT(fs_i64_or(d.fields, "odd name", 0), 7);
    CHECK(!get(&t, "calls/CA2").exists);
    cloud_close(&t);
}

TEST(firestore_create_refuses_what_exists)
{
    struct test_cloud t;
    struct firestore_commit *c;

    cloud_open(&t, NULL);
    put_i64(&t, "c/a", "n", 1);
    c = firestore_commit_begin(t.google, &t.ctx);
    fsw_i64(firestore_create(c, STR("c/b")), "n", 1);
    fsw_i64(firestore_create(c, STR("c/a")), "n", 2);
    CHECK_RC(ERR_CONFLICT, firestore_commit(c, NULL, &t.err));
    CHECK_INT(t.err.upstream, GOOGLE_ALREADY_EXISTS);
    CHECK(!get(&t, "c/b").exists); /* all or nothing */
    CHECK_INT(fs_i64_or(get(&t, "c/a").fields, "n", 0), 1);
    cloud_close(&t);
}

TEST(firestore_preconditions_answer_as_documented)
{
    struct test_cloud t;
    struct firestore_commit *c;
    struct fs_doc old;

    cloud_open(&t, NULL);
    put_i64(&t, "c/a", "n", 1);
    old = get(&t, "c/a");
    put_i64(&t, "c/a", "n", 2);
    c = firestore_commit_begin(t.google, &t.ctx);
    fsw_i64(firestore_set(c, STR("c/a"), fs_pre_unchanged(&old)), "n", 3);
    CHECK_RC(ERR_CONFLICT, firestore_commit(c, NULL, &t.err));
    CHECK_INT(t.err.upstream, GOOGLE_FAILED_PRECONDITION);
    c = firestore_commit_begin(t.google, &t.ctx);
    firestore_delete(c, STR("c/none"), FS_PRE_EXISTS);
    CHECK_RC(ERR_NOT_FOUND, firestore_commit(c, NULL, &t.err));
    c = firestore_commit_begin(t.google, &t.ctx);
    firestore_delete(c, STR("c/none"), FS_PRE_ANY);
    CHECK_OK(firestore_commit(c, NULL, &t.err));
    old = get(&t, "c/a");
    c = firestore_commit_begin(t.google, &t.ctx);
    firestore_delete(c, STR("c/a"), fs_pre_unchanged(&old));
    CHECK_OK(firestore_commit(c, NULL, &t.err));
    CHECK(!get(&t, "c/a").exists);
    cloud_close(&t);
}

TEST(firestore_merge_changes_only_what_is_written)
{
    struct test_cloud t;
    struct firestore_commit *c;
    struct fs_doc d;
    struct fsw *w;

    cloud_open(&t, NULL);
    c = firestore_commit_begin(t.google, &t.ctx);
    w = firestore_set(c, STR("c/a"), FS_PRE_ANY);
    fsw_i64(w, "kept", 1);
    fsw_i64(w, "changed", 1);
    fsw_i64(w, "gone`\\ 1", 1);
    CHECK_OK(firestore_commit(c, NULL, &t.err));
    c = firestore_commit_begin(t.google, &t.ctx);
    w = firestore_merge(c, STR("c/a"), FS_PRE_EXISTS);
    fsw_i64(w, "changed", 2);
    fsw_remove(w, "gone`\\ 1");
    CHECK_OK(firestore_commit(c, NULL, &t.err));
    d = get(&t, "c/a");
    CHECK_INT(fs_i64_or(d.fields, "kept", 0), 1);
    CHECK_INT(fs_i64_or(d.fields, "changed", 0), 2);
    CHECK(!fs_has(d.fields, "gone`\\ 1"));
    cloud_close(&t);
}

TEST(firestore_transforms_work_on_what_is_there)
{
    struct test_cloud t;
    struct firestore_commit *c;
    struct firestore_result result;
    struct fs_doc d;
    int i;

    cloud_open(&t, NULL);
    for (i = 0; i < 2; i++) {
        c = firestore_commit_begin(t.google, &t.ctx);
        (void)firestore_merge(c, STR("stats/day"), FS_PRE_ANY);
        firestore_increment(c, "count.calls", 2);
        firestore_increment_num(c, "cost", 0.5);
        firestore_maximum(c, "most", 5 - i);
        firestore_minimum(c, "least", 5 - i);
        firestore_server_time(c, "seen");
        firestore_append_missing(c, "tags", STR("x"));
        CHECK_OK(firestore_commit(c, &result, &t.err));
    }
    CHECK_INT(result.n, 1);
    CHECK(result.update_times[0].n > 0);
    d = get(&t, "stats/day");
    CHECK_INT(fs_i64_or(fs_map(d.fields, "count"), "calls", 0), 4);
    CHECK(fs_num_or(d.fields, "cost", 0) == 1.0);
    CHECK_INT(fs_i64_or(d.fields, "most", 0), 5);
    CHECK_INT(fs_i64_or(d.fields, "least", 0), 4);
    CHECK(fs_time_or(d.fields, "seen", 0) > 0);
    CHECK_INT(json_len(fs_arr(d.fields, "tags")), 1);
    c = firestore_commit_begin(t.google, &t.ctx);
    (void)firestore_merge(c, STR("stats/day"), FS_PRE_ANY);
    firestore_remove_all(c, "tags", STR("x"));
    CHECK_OK(firestore_commit(c, NULL, &t.err));
    CHECK_INT(json_len(fs_arr(get(&t, "stats/day").fields, "tags")), 0);
    cloud_close(&t);
}

TEST(firestore_write_that_changes_nothing_keeps_its_time)
{
    struct test_cloud t;
    struct str before;

    cloud_open(&t, NULL);
    put_i64(&t, "c/a", "n", 1);
    before = get(&t, "c/a").update_time;
    put_i64(&t, "c/a", "n", 1);
    CHECK(str_eq(get(&t, "c/a").update_time, before));
    put_i64(&t, "c/a", "n", 2);
    CHECK(!str_eq(get(&t, "c/a").update_time, before));
    cloud_close(&t);
}

/* ---- compare and swap ---- */

static enum errc add_one(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                         struct firestore_commit *c, struct err *err)
{
    struct fsw *w = firestore_set(c, docs[0].path, fs_pre_unchanged(&docs[0]));

    (void)arg;
    (void)ctx;
    (void)err;
    fsw_i64(w, "n", fs_i64_or(docs[0].fields, "n", 0) + 1);
    return ERR_OK;
}

struct adder {
    struct test_cloud *cloud;
    pthread_t thread;
    int failed;
};
enum { ADDERS = 4, ADDS = 10 };

static void *add_many(void *arg)
{
    struct adder *me = arg;
    struct arena a = ARENA_INIT;
    struct ctx ctx = me->cloud->ctx;
    struct str path = STR("counters/one");
    struct err err = ERR_INIT;
    int i;

    ctx.arena = &a;
    ctx.http = http_client_create(me->cloud->service.tls, ctx.clock);
    for (i = 0; i < ADDS; i++) {
        if (firestore_update(me->cloud->google, &ctx, &path, 1, add_one, NULL, &err))
            me->failed++;
        arena_reset(&a);
    }
    ctx.http = http_client_destroy(ctx.http);
    arena_release(&a);
    return NULL;
}

TEST(firestore_update_loses_no_increment)
{
    struct adder adders[ADDERS];
    struct test_cloud t;
    int i, failed = 0;

    cloud_open(&t, NULL);
    for (i = 0; i < ADDERS; i++) {
        adders[i] = (struct adder){ .cloud = &t };
        CHECK(pthread_create(&adders[i].thread, NULL, add_many, &adders[i]) == 0);
    }
    for (i = 0; i < ADDERS; i++) {
        pthread_join(adders[i].thread, NULL);
        failed += adders[i].failed;
    }
    CHECK_INT(failed, 0);
    CHECK_INT(fs_i64_or(get(&t, "counters/one").fields, "n", 0), ADDERS * ADDS);
    cloud_close(&t);
}

static enum errc write_nothing(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                               struct firestore_commit *c, struct err *err)
{
    int *seen = arg;

    (void)ctx;
    (void)c;
    (void)err;
    *seen = docs[0].exists * 10 + docs[1].exists;
    return ERR_OK;
}

TEST(firestore_update_without_writes_commits_nothing)
{
    struct str paths[] = { STR("c/a"), STR("c/b") };
    struct test_cloud t;
    int seen = 0;

    cloud_open(&t, NULL);
    put_i64(&t, "c/a", "n", 1);
    CHECK_OK(firestore_update(t.google, &t.ctx, paths, 2, write_nothing, &seen, &t.err));
    CHECK_INT(seen, 10);
    CHECK(!get(&t, "c/b").exists);
    cloud_close(&t);
}

/* ---- queries ---- */

static void put_call(struct test_cloud *t, int n, const char *state)
{
    struct firestore_commit *c = firestore_commit_begin(t->google, &t->ctx);
    struct fsw *w = firestore_set(c, arena_printf(&t->arena, "calls/CA%02d", n), FS_PRE_ANY);

    fsw_i64(w, "n", n);
    fsw_cstr(w, "state", state);
    if (n % 2)
        fsw_bool(w, "odd", true);
    CHECK_OK(firestore_commit(c, NULL, &t->err));
}

static struct str ids(struct test_cloud *t, const struct firestore_query *q)
{
    struct buf b = BUF_INIT(4096);
    struct fs_docs docs;
    struct str text;
    size_t i;

    CHECK_OK(firestore_query(t->google, &t->ctx, q, &docs, &t->err));
    for (i = 0; i < docs.n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? " " : "", STR_ARG(docs.items[i].id));
    text = arena_str(&t->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

TEST(firestore_queries_filter_order_and_page)
{
    struct fs_filter ended = { "state", FS_EQ, FS_STR(STR("ended")) };
    struct fs_filter range[] = { { "n", FS_GE, FS_I64(2) }, { "n", FS_LT, FS_I64(5) } };
    struct fs_filter no_state = { "state", FS_EQ, FS_NULL };
    struct fs_filter not_live = { "state", FS_NE, FS_STR(STR("live")) };
    struct str names[] = { STR("live"), STR("other") };
    struct fs_filter among = { "state", FS_IN, FS_STRS(names, 2) };
    struct fs_order down = { "n", true }, by_odd = { "odd", false };
    struct fs_operand after = FS_I64(4);
    struct test_cloud t;
    int64_t count;
    int i;

    cloud_open(&t, NULL);
    for (i = 1; i <= 6; i++)
        put_call(&t, i, i < 4 ? "ended" : i < 6 ? "live" : NULL);
    CHECK_STR(ids(&t, &(struct firestore_query){ .collection = "calls" }),
              "CA01 CA02 CA03 CA04 CA05 CA06");
    CHECK_STR(
        ids(&t,
            &(struct firestore_query){ .collection = "calls", .filters = &ended, .n_filters = 1 }),
        "CA01 CA02 CA03");
    CHECK_STR(
        ids(&t,
            &(struct firestore_query){ .collection = "calls", .filters = range, .n_filters = 2 }),
        "CA02 CA03 CA04");
    CHECK_STR(ids(&t, &(struct firestore_query){ .collection = "calls",
                                                 .filters = &no_state,
                                                 .n_filters = 1 }),
              "CA06");
    CHECK_STR(ids(&t, &(struct firestore_query){ .collection = "calls",
                                                 .filters = &not_live,
                                                 .n_filters = 1 }),
              "CA01 CA02 CA03"); /* null is never unequal */
    CHECK_STR(
        ids(&t,
            &(struct firestore_query){ .collection = "calls", .filters = &among, .n_filters = 1 }),
        "CA04 CA05");
    CHECK_STR(
        ids(&t,
            &(struct firestore_query){
                .collection = "calls", .orders = &down, .n_orders = 1, .limit = 2, .offset = 1 }),
        "CA05 CA04");
    CHECK_STR(ids(&t, &(struct firestore_query){ .collection = "calls",
                                                 .orders = &down,
                                                 .n_orders = 1,
                                                 .start_after = &after,
                                                 .n_start_after = 1 }),
              "CA03 CA02 CA01");
    CHECK_STR(
        ids(&t,
            &(struct firestore_query){ .collection = "calls", .orders = &by_odd, .n_orders = 1 }),
        "CA01 CA03 CA05"); /* without the field: not in that order */
    CHECK_OK(firestore_count(
        t.google, &t.ctx,
        &(struct firestore_query){ .collection = "calls", .filters = &ended, .n_filters = 1 },
        &count, &t.err));
    CHECK_INT(count, 3);
    cloud_close(&t);
}

TEST(firestore_collection_groups_and_subcollections_are_kept_apart)
{
    const char *const select[] = { "n" };
    struct test_cloud t;
    struct fs_docs docs;

    cloud_open(&t, NULL);
    put_i64(&t, "calls/CA1/turns/0", "n", 1);
    put_i64(&t, "calls/CA2/turns/0", "n", 2);
    put_i64(&t, "turns/0", "n", 3);
    CHECK_STR(ids(&t, &(struct firestore_query){ .collection = "turns" }), "0");
    CHECK_STR(
        ids(&t, &(struct firestore_query){ .parent = STR("calls/CA1"), .collection = "turns" }),
        "0");
    CHECK_OK(firestore_query(
        t.google, &t.ctx,
        &(struct firestore_query){
            .collection = "turns", .all_descendants = true, .select = select, .n_select = 1 },
        &docs, &t.err));
    CHECK_INT(docs.n, 3);
    CHECK_STR(docs.items[0].path, "calls/CA1/turns/0");
    CHECK_INT(fs_i64_or(docs.items[2].fields, "n", 0), 3);
    cloud_close(&t);
}

/* ---- the REST form, for what our client does not send ---- */

TEST(firestore_single_document_calls_answer_as_documented)
{
    struct test_cloud t;
    struct http_response r;

    cloud_open(&t, NULL);
    r = cloud_ask(&t, "POST", DOCS "/c?documentId=a&$alt=json%3Benum-encoding=int",
                  "{\"fields\":{\"n\":{\"integerValue\":1},\"m\":{\"mapValue\":{\"fields\":{\"x\":{"
                  "\"stringValue\":\"y\"}}}}}}");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"n\":{\"integerValue\":\"1\"}");
    r = cloud_ask(&t, "POST", DOCS "/c?documentId=a", "{}");
    CHECK_INT(r.status, 409);
    CHECK_CONTAINS(r.body, "\"status\":\"ALREADY_EXISTS\"");
    r = cloud_ask(
        &t, "GET",
        "/v1/projects/test-project/databases/%28default%29/documents/c/a?mask.fieldPaths=m.x",
        NULL);
    CHECK_INT(r.status, 200);
    CHECK(!str_contains(r.body, STR("integerValue")));
    CHECK_CONTAINS(r.body, "\"stringValue\":\"y\"");
    r = cloud_ask(&t, "PATCH", DOCS "/c/a?updateMask.fieldPaths=m.z&currentDocument.exists=true",
                  "{\"fields\":{\"m\":{\"mapValue\":{\"fields\":{\"z\":{\"nullValue\":null}}}}}}");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"x\":{\"stringValue\":\"y\"}");
    CHECK_CONTAINS(r.body, "\"z\":{\"nullValue\":null}");
    r = cloud_ask(&t, "PATCH", DOCS "/c/none?currentDocument.exists=true", "{}");
    CHECK_INT(r.status, 404);
    r = cloud_ask(&t, "GET", DOCS "/c?pageSize=2", NULL);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"documents\":[{\"name\":\"" NAME("c/a"));
    CHECK(!str_contains(r.body, STR("nextPageToken")));
    r = cloud_ask(&t, "GET", DOCS "/c/none", NULL);
    CHECK_INT(r.status, 404);
    CHECK_CONTAINS(r.body, "\"status\":\"NOT_FOUND\"");
    r = cloud_ask(&t, "DELETE", DOCS "/c/a", NULL);
    CHECK_INT(r.status, 200);
    CHECK_STR(r.body, "{}");
    r = cloud_ask(&t, "POST", DOCS ":listCollectionIds", "{}");
    CHECK_INT(r.status, 200);
    cloud_close(&t);
}

TEST(firestore_refuses_malformed_writes)
{
    static const struct {
        const char *name, *body;
    } rows[] = {
        { "no JSON", "{" },
        { "array in array", "{\"writes\":[{\"update\":{\"name\":\"" NAME(
                                "c/a") "\",\"fields\":{\"a\":{\"arrayValue\":{\"values\":[{"
                                       "\"arrayValue\":{}}]}}}}}]}" },
        { "reserved name", "{\"writes\":[{\"update\":{\"name\":\"" NAME(
                               "c/a") "\",\"fields\":{\"__a__\":{\"nullValue\":null}}}}]}" },
        { "unknown type", "{\"writes\":[{\"update\":{\"name\":\"" NAME(
                              "c/a") "\",\"fields\":{\"a\":{\"intValue\":\"1\"}}}}]}" },
        { "two types",
          "{\"writes\":[{\"update\":{\"name\":\"" NAME(
              "c/a") "\",\"fields\":{\"a\":{\"integerValue\":\"1\",\"nullValue\":null}}}}]}" },
        { "exists is text", "{\"writes\":[{\"delete\":\"" NAME(
                                "c/a") "\",\"currentDocument\":{\"exists\":\"false\"}}]}" },
        { "a collection", "{\"writes\":[{\"delete\":\"" NAME("c") "\"}]}" },
        { "another database",
          "{\"writes\":[{\"delete\":\"projects/other/databases/(default)/documents/c/a\"}]}" },
        { "odd mask", "{\"writes\":[{\"update\":{\"name\":\"" NAME(
                          "c/a") "\"},\"updateMask\":{\"fieldPaths\":[\"a b\"]}}]}" },
    };
    struct test_cloud t;
    struct http_response r;
    size_t i;

    cloud_open(&t, NULL);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        r = cloud_ask(&t, "POST", DOCS ":commit", rows[i].body);
        if (r.status != 400 || !str_contains(r.body, STR("INVALID_ARGUMENT")))
            FAIL_TEST("%s: %d " STR_FMT, rows[i].name, r.status, STR_ARG(r.body));
    }
    cloud_close(&t);
}

static struct str begin(struct test_cloud *t)
{
    struct http_response r = cloud_ask(t, "POST", DOCS ":beginTransaction", "{}");
    const struct jval *v;

    CHECK_INT(r.status, 200);
    CHECK_OK(json_parse_arena(&v, &t->arena, r.body, &t->err));
    return json_str(json_get(v, "transaction"));
}

static struct http_response in_transaction(struct test_cloud *t, const char *verb, const char *rest,
                                           struct str id)
{
    return cloud_ask(
        t, "POST", arena_printf(&t->arena, DOCS ":%s", verb).p,
        arena_printf(&t->arena, "{\"transaction\":\"" STR_FMT "\"%s}", STR_ARG(id), rest).p);
}

TEST(firestore_of_two_transactions_on_one_document_the_second_is_aborted)
{
    static const char read[] = ",\"documents\":[\"" NAME("c/a") "\"]";
    static const char write[] = ",\"writes\":[{\"update\":{\"name\":\"" NAME(
        "c/a") "\",\"fields\":{\"n\":{\"integerValue\":\"2\"}}}}]";
    struct test_cloud t;
    struct http_response r;
    struct str one, two;

    cloud_open(&t, NULL);
    one = begin(&t);
    two = begin(&t);
    CHECK_INT(in_transaction(&t, "batchGet", read, one).status, 200);
    CHECK_INT(in_transaction(&t, "batchGet", read, two).status, 200);
    CHECK_INT(in_transaction(&t, "commit", write, one).status, 200);
    r = in_transaction(&t, "commit", write, two);
    CHECK_INT(r.status, 409);
    CHECK_CONTAINS(r.body, "\"status\":\"ABORTED\"");
    r = in_transaction(&t, "commit", write, one);
    CHECK_INT(r.status, 400);
    CHECK_CONTAINS(r.body, "Transaction is invalid or closed.");
    CHECK_INT(in_transaction(&t, "rollback", "", one).status, 200);
    cloud_close(&t);
}

TEST(firestore_transaction_sees_documents_that_appear_in_its_query)
{
    static const char query[] = ",\"structuredQuery\":{\"from\":[{\"collectionId\":\"c\"}]}";
    struct test_cloud t;
    struct str id;

    cloud_open(&t, NULL);
    id = begin(&t);
    CHECK_INT(in_transaction(&t, "runQuery", query, id).status, 200);
    put_i64(&t, "c/new", "n", 1);
    CHECK_INT(in_transaction(&t, "commit", "", id).status, 409);
    cloud_close(&t);
}

TEST(firestore_queries_take_enums_as_numbers_and_end_without_a_newline)
{
    struct test_cloud t;
    struct http_response r;

    cloud_open(&t, NULL);
    put_i64(&t, "c/a", "n", 1);
    put_i64(&t, "c/b", "n", 2);
    r = cloud_ask(&t, "POST", DOCS ":runQuery",
                  "{\"structuredQuery\":{\"from\":[{\"collectionId\":\"c\"}],\"where\":{"
                  "\"compositeFilter\":{\"op\":1,"
                  "\"filters\":[{\"fieldFilter\":{\"field\":{\"fieldPath\":\"n\"},\"op\":3,"
                  "\"value\":{\"integerValue\":\"1\"}}}]}},"
                  "\"orderBy\":[{\"field\":{\"fieldPath\":\"n\"},\"direction\":2}],\"limit\":5}}");
    CHECK_INT(r.status, 200);
    CHECK(str_starts(r.body, STR("[{\"document\":{\"name\":\"" NAME("c/b"))));
    CHECK(str_ends(r.body, STR("]")));
    r = cloud_ask(&t, "POST", DOCS ":runQuery",
                  "{\"structuredQuery\":{\"from\":[{\"collectionId\":\"none\"}]}}");
    CHECK(str_starts(r.body, STR("[{\"readTime\":")));
    cloud_close(&t);
}

TEST(firestore_aggregations_count_sum_and_average)
{
    struct test_cloud t;
    struct http_response r;

    cloud_open(&t, NULL);
    put_i64(&t, "c/a", "n", 1);
    put_i64(&t, "c/b", "n", 4);
    put_i64(&t, "c/c", "other", 4);
    r = cloud_ask(&t, "POST", DOCS ":runAggregationQuery",
                  "{\"structuredAggregationQuery\":{\"structuredQuery\":{\"from\":[{"
                  "\"collectionId\":\"c\"}]},"
                  "\"aggregations\":[{\"alias\":\"s\",\"sum\":{\"field\":{\"fieldPath\":\"n\"}}},"
                  "{\"avg\":{\"field\":{\"fieldPath\":\"n\"}}},{\"alias\":\"c\",\"count\":{}}]}}");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"s\":{\"integerValue\":\"5\"}");
    CHECK_CONTAINS(r.body, "\"field_1\":{\"doubleValue\":2.5}");
    CHECK_CONTAINS(r.body, "\"c\":{\"integerValue\":\"2\"}"); /* only those with the summed field */
    cloud_close(&t);
}

TEST(firestore_batch_write_gives_each_write_its_own_status)
{
    struct test_cloud t;
    struct http_response r;

    cloud_open(&t, NULL);
    put_i64(&t, "c/a", "n", 1);
    r = cloud_ask(&t, "POST", DOCS ":batchWrite",
                  "{\"writes\":[{\"update\":{\"name\":\"" NAME(
                      "c/a") "\"},\"currentDocument\":{\"exists\":false}},"
                             "{\"update\":{\"name\":\"" NAME("c/b") "\"}}],\"labels\":{}}");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"status\":[{\"code\":6,");
    CHECK_CONTAINS(r.body, "},{}]");
    CHECK(get(&t, "c/b").exists);
    cloud_close(&t);
}

TEST(firestore_documents_survive_a_restart)
{
    char path[] = "/tmp/local_cloud_test_XXXXXX";
    struct test_cloud t;
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    close(fd);
    cloud_open(&t, path);
    put_i64(&t, "c/a", "n", 5);
    cloud_close(&t);
    cloud_open(&t, path);
    CHECK_INT(fs_i64_or(get(&t, "c/a").fields, "n", 0), 5);
    cloud_close(&t);
    unlink(path);
}
