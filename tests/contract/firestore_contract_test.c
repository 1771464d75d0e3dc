#include "google/firestore.h"

#include "google/rest.h"
#include "sides_test.h"

#define DOCS "/databases/(default)/documents"

static struct ctx *ctx_of(struct side *s)
{
    return &s->cloud->ctx;
}

static struct fs_doc get(struct side *s, const char *path)
{
    struct fs_doc d;

    CHECK_OK(firestore_get(s->google, ctx_of(s), str_c(path), &d, &s->err));
    return d;
}

static void put_i64(struct side *s, const char *path, const char *field, int64_t v)
{
    struct firestore_commit *c = firestore_commit_begin(s->google, ctx_of(s));

    fsw_i64(firestore_set(c, str_c(path), FS_PRE_ANY), field, v);
    CHECK_OK(firestore_commit(c, NULL, &s->err));
}

static void values(struct side *s)
{
    struct firestore_commit *c = firestore_commit_begin(s->google, ctx_of(s));
    struct fsw *w = firestore_set(c, STR("calls/CA1"), FS_PRE_ANY);
    struct fs_doc d;

    fsw_str(w, "text", STR("h\xc3\xa9llo"));
    fsw_i64(w, "big", INT64_MIN);
    fsw_num(w, "num", -0.5);
    fsw_num(w, "inf", 1.0 / 0.0);
    fsw_bool(w, "no", false);
    fsw_null(w, "nothing");
    fsw_time(w, "at", 1764000000123456);
    fsw_bytes(w, "raw", STR("\xff\x01"));
    fsw_ref(w, "ref", STR("c/x"));
    fsw_map(w, "odd. `name`");
    fsw_arr(w, "list");
    fsw_i64(w, NULL, 1);
    fsw_end(w);
    fsw_end(w);
    fsw_arr(w, "empty");
    fsw_end(w);
    CHECK_OK(firestore_commit(c, NULL, &s->err));
    d = get(s, "calls/CA1");
    CHECK_STR(fs_str(d.fields, "text"), "h\xc3\xa9llo");
    CHECK(fs_i64_or(d.fields, "big", 0) == INT64_MIN);
    CHECK(fs_num_or(d.fields, "num", 0) == -0.5);
    CHECK(fs_num_or(d.fields, "inf", 0) > 1e300);
    CHECK(!fs_bool_or(d.fields, "no", true));
    CHECK(fs_is_null(d.fields, "nothing"));
    CHECK_INT(fs_time_or(d.fields, "at", 0), 1764000000123456);
    CHECK_INT(fs_bytes(d.fields, "raw", &s->cloud->arena).n, 2);
    CHECK(fs_has(d.fields, "ref"));
    CHECK_INT(fs_val_i64_or(json_at(fs_arr(fs_map(d.fields, "odd. `name`"), "list"), 0), 0), 1);
    CHECK_INT(json_len(fs_arr(d.fields, "empty")), 0);
    CHECK(d.update_time.n > 0 && d.create_time.n > 0);
    CHECK(!get(s, "calls/none").exists);
}

CONTRACT(contract_firestore_keeps_every_kind_of_value)
{
    on_each_side(NEEDS_FIRESTORE, values);
}

static void preconditions(struct side *s)
{
    struct firestore_commit *c;
    struct fs_doc old;

    put_i64(s, "c/a", "n", 1);
    c = firestore_commit_begin(s->google, ctx_of(s));
    fsw_i64(firestore_create(c, STR("c/b")), "n", 1);
    fsw_i64(firestore_create(c, STR("c/a")), "n", 2);
    CHECK_RC(ERR_CONFLICT, firestore_commit(c, NULL, &s->err));
    CHECK_INT(s->err.upstream, GOOGLE_ALREADY_EXISTS);
    CHECK(!get(s, "c/b").exists);
    old = get(s, "c/a");
    put_i64(s, "c/a", "n", 2);
    c = firestore_commit_begin(s->google, ctx_of(s));
    fsw_i64(firestore_set(c, STR("c/a"), fs_pre_unchanged(&old)), "n", 3);
    CHECK_RC(ERR_CONFLICT, firestore_commit(c, NULL, &s->err));
    CHECK_INT(s->err.upstream, GOOGLE_FAILED_PRECONDITION);
    c = firestore_commit_begin(s->google, ctx_of(s));
    firestore_delete(c, STR("c/none"),
                     (struct fs_pre){ .kind = FS_UPDATED_AT, .update_time = old.update_time });
    CHECK_RC(ERR_CONFLICT, firestore_commit(c, NULL, &s->err));
    c = firestore_commit_begin(s->google, ctx_of(s));
    firestore_delete(c, STR("c/none"), FS_PRE_EXISTS);
    CHECK_RC(ERR_NOT_FOUND, firestore_commit(c, NULL, &s->err));
    c = firestore_commit_begin(s->google, ctx_of(s));
    firestore_delete(c, STR("c/none"), FS_PRE_ANY);
    firestore_delete(c, STR("c/a"), FS_PRE_EXISTS);
    CHECK_OK(firestore_commit(c, NULL, &s->err));
    CHECK(!get(s, "c/a").exists);
}

CONTRACT(contract_firestore_preconditions_refuse_the_whole_commit)
{
    on_each_side(NEEDS_FIRESTORE, preconditions);
}

static void masks(struct side *s)
{
    struct firestore_commit *c = firestore_commit_begin(s->google, ctx_of(s));
    struct fsw *w = firestore_set(c, STR("c/a"), FS_PRE_ANY);
    struct http_response r;
    struct fs_doc d;

    fsw_i64(w, "kept", 1);
    fsw_i64(w, "gone", 1);
    fsw_map(w, "m");
    fsw_i64(w, "x y", 1);
    fsw_i64(w, "z", 1);
    fsw_end(w);
    CHECK_OK(firestore_commit(c, NULL, &s->err));
    c = firestore_commit_begin(s->google, ctx_of(s));
    w = firestore_merge(c, STR("c/a"), FS_PRE_EXISTS);
    fsw_i64(w, "new", 2);
    fsw_remove(w, "gone");
    CHECK_OK(firestore_commit(c, NULL, &s->err));
    r = side_ask(s, NEEDS_FIRESTORE, "POST", DOCS ":commit",
                 arena_printf(&s->cloud->arena,
                              "{\"writes\":[{\"update\":{\"name\":\"projects/" STR_FMT DOCS
                              "/c/a\",\"fields\":"
                              "{\"m\":{\"mapValue\":{\"fields\":{\"z\":{\"integerValue\":\"9\"}}}},"
                              "\"ignored\":{\"nullValue\":null}}},"
                              "\"updateMask\":{\"fieldPaths\":[\"m.z\",\"m.`x y`\"]}}]}",
                              STR_ARG(s->project))
                     .p);
    CHECK_INT(r.status, 200);
    d = get(s, "c/a");
    CHECK_INT(fs_i64_or(d.fields, "kept", 0), 1);
    CHECK_INT(fs_i64_or(d.fields, "new", 0), 2);
    CHECK(!fs_has(d.fields, "gone") && !fs_has(d.fields, "ignored"));
    CHECK_INT(fs_i64_or(fs_map(d.fields, "m"), "z", 0), 9);
    CHECK(!fs_has(fs_map(d.fields, "m"), "x y"));
}

CONTRACT(contract_firestore_masks_change_only_what_they_name)
{
    on_each_side(NEEDS_FIRESTORE, masks);
}

static void transforms(struct side *s)
{
    struct firestore_commit *c;
    struct fs_doc d;
    int i;

    for (i = 0; i < 2; i++) {
        c = firestore_commit_begin(s->google, ctx_of(s));
        (void)firestore_merge(c, STR("stats/day"), FS_PRE_ANY);
        firestore_increment(c, "count.calls", 2);
        firestore_increment_num(c, "cost", 0.5);
        firestore_maximum(c, "most", 5 - i);
        firestore_minimum(c, "least", 5 - i);
        firestore_server_time(c, "seen");
        firestore_append_missing(c, "tags", STR("x"));
        CHECK_OK(firestore_commit(c, NULL, &s->err));
    }
    d = get(s, "stats/day");
    CHECK_INT(fs_i64_or(fs_map(d.fields, "count"), "calls", 0), 4);
    CHECK(fs_num_or(d.fields, "cost", 0) == 1.0);
    CHECK_INT(fs_i64_or(d.fields, "most", 0), 5);
    CHECK_INT(fs_i64_or(d.fields, "least", 0), 4);
    CHECK(fs_time_or(d.fields, "seen", 0) > 0);
    CHECK_INT(json_len(fs_arr(d.fields, "tags")), 1);
    c = firestore_commit_begin(s->google, ctx_of(s));
    fsw_i64(firestore_set(c, STR("n/max"), FS_PRE_ANY), "n", INT64_MAX);
    firestore_increment(c, "n", 1); /* saturates */
    (void)firestore_merge(c, STR("stats/day"), FS_PRE_ANY);
    firestore_remove_all(c, "tags", STR("x"));
    CHECK_OK(firestore_commit(c, NULL, &s->err));
    CHECK(fs_i64_or(get(s, "n/max").fields, "n", 0) == INT64_MAX);
    CHECK_INT(json_len(fs_arr(get(s, "stats/day").fields, "tags")), 0);
}

CONTRACT(contract_firestore_transforms)
{
    on_each_side(NEEDS_FIRESTORE, transforms);
}

static void unchanged(struct side *s)
{
    struct str before;

    put_i64(s, "c/a", "n", 1);
    before = get(s, "c/a").update_time;
    put_i64(s, "c/a", "n", 1);
    CHECK(str_eq(get(s, "c/a").update_time, before));
}

CONTRACT(contract_firestore_write_that_changes_nothing_keeps_its_time)
{
    on_each_side(NEEDS_FIRESTORE, unchanged);
}

static enum errc add_one(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                         struct firestore_commit *c, struct err *err)
{
    (void)arg;
    (void)ctx;
    (void)err;
    fsw_i64(firestore_set(c, docs[0].path, fs_pre_unchanged(&docs[0])), "n",
            fs_i64_or(docs[0].fields, "n", 0) + 1);
    return ERR_OK;
}

struct adder {
    struct side *side;
    pthread_t thread;
    int failed;
};
enum { ADDERS = 4, ADDS = 5 };

static void *add_many(void *arg)
{
    struct adder *me = arg;
    struct arena a = ARENA_INIT;
    struct ctx ctx = *ctx_of(me->side);
    struct str path = STR("counters/one");
    int i;

    ctx.arena = &a;
    ctx.http = http_client_create(me->side->cloud->service.tls, ctx.clock);
    for (i = 0; i < ADDS; i++) {
        if (firestore_update(me->side->google, &ctx, &path, 1, add_one, NULL, NULL))
            me->failed++;
        arena_reset(&a);
    }
    ctx.http = http_client_destroy(ctx.http);
    arena_release(&a);
    return NULL;
}

static void races(struct side *s)
{
    struct adder adders[ADDERS];
    int i, failed = 0;

    for (i = 0; i < ADDERS; i++) {
        adders[i] = (struct adder){ .side = s };
        CHECK(pthread_create(&adders[i].thread, NULL, add_many, &adders[i]) == 0);
    }
    for (i = 0; i < ADDERS; i++) {
        pthread_join(adders[i].thread, NULL);
        failed += adders[i].failed;
    }
    CHECK_INT(failed, 0);
    CHECK_INT(fs_i64_or(get(s, "counters/one").fields, "n", 0), ADDERS * ADDS);
}

CONTRACT(contract_firestore_compare_and_swap_loses_no_increment)
{
    on_each_side(NEEDS_FIRESTORE, races);
}

static struct str ids(struct side *s, struct firestore_query q)
{
    struct buf b = BUF_INIT(4096);
    struct fs_docs docs;
    struct str text;
    size_t i;

    CHECK_OK(firestore_query(s->google, ctx_of(s), &q, &docs, &s->err));
    for (i = 0; i < docs.n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? " " : "", STR_ARG(docs.items[i].id));
    text = arena_str(&s->cloud->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

static void queries(struct side *s)
{
    struct fs_filter ended = { "state", FS_EQ, FS_STR(STR("ended")) };
    struct fs_filter range[] = { { "n", FS_GE, FS_I64(2) }, { "n", FS_LT, FS_NUM(4.5) } };
    struct fs_filter no_state = { "state", FS_EQ, FS_NULL };
    struct fs_filter not_live = { "state", FS_NE, FS_STR(STR("live")) };
    struct fs_filter tagged = { "tags", FS_ARRAY_CONTAINS, FS_STR(STR("even")) };
    struct str names[] = { STR("live"), STR("other") };
    struct fs_filter among = { "state", FS_IN, FS_STRS(names, 2) };
    struct fs_order down = { "n", true }, by_odd = { "odd", false };
    struct fs_order down_by_name[] = { { "odd", true }, { "__name__", true } };
    struct fs_operand after = FS_I64(4), named[] = { FS_BOOL(true), FS_REF(STR("calls/CA3")) };
    int64_t count;
    int i;

    for (i = 1; i <= 6; i++) {
        struct firestore_commit *c = firestore_commit_begin(s->google, ctx_of(s));
        struct fsw *w =
            firestore_set(c, arena_printf(&s->cloud->arena, "calls/CA%d", i), FS_PRE_ANY);

        fsw_i64(w, "n", i);
        fsw_cstr(w, "state", i < 4 ? "ended" : i < 6 ? "live" : NULL);
        fsw_arr(w, "tags");
        fsw_cstr(w, NULL, i % 2 ? "odd" : "even");
        fsw_end(w);
        if (i % 2)
            fsw_bool(w, "odd", true);
        CHECK_OK(firestore_commit(c, NULL, &s->err));
    }
#define ASK(...) ids(s, (struct firestore_query){ .collection = "calls", __VA_ARGS__ })
    CHECK_STR(ASK(.limit = 0), "CA1 CA2 CA3 CA4 CA5 CA6");
    CHECK_STR(ASK(.filters = &ended, .n_filters = 1), "CA1 CA2 CA3");
    CHECK_STR(ASK(.filters = range, .n_filters = 2), "CA2 CA3 CA4");
    CHECK_STR(ASK(.filters = &no_state, .n_filters = 1), "CA6");
    CHECK_STR(ASK(.filters = &not_live, .n_filters = 1), "CA1 CA2 CA3");
    CHECK_STR(ASK(.filters = &among, .n_filters = 1), "CA4 CA5");
    CHECK_STR(ASK(.filters = &tagged, .n_filters = 1), "CA2 CA4 CA6");
    CHECK_STR(ASK(.orders = &down, .n_orders = 1, .limit = 2, .offset = 1), "CA5 CA4");
    CHECK_STR(ASK(.orders = &down, .n_orders = 1, .start_after = &after, .n_start_after = 1),
              "CA3 CA2 CA1");
    CHECK_STR(ASK(.orders = &down, .n_orders = 1, .start_at = &after, .n_start_at = 1),
              "CA4 CA3 CA2 CA1");
    CHECK_STR(ASK(.orders = &down, .n_orders = 1, .end_before = &after, .n_end_before = 1),
              "CA6 CA5");
    CHECK_STR(ASK(.orders = &by_odd, .n_orders = 1), "CA1 CA3 CA5");
    CHECK_STR(ASK(.orders = down_by_name, .n_orders = 2, .start_after = named, .n_start_after = 2),
              "CA1");
#undef ASK
    CHECK_OK(firestore_count(
        s->google, ctx_of(s),
        &(struct firestore_query){ .collection = "calls", .filters = &ended, .n_filters = 1 },
        &count, &s->err));
    CHECK_INT(count, 3);
}

CONTRACT(contract_firestore_queries)
{
    on_each_side(NEEDS_FIRESTORE, queries);
}

/* Values of all kinds under one field, in Firestore's order; ids tell it. */
static void order_across_types(struct side *s)
{
    static const char *const in_order[] = {
        "{\"nullValue\":null}",
        "{\"booleanValue\":false}",
        "{\"booleanValue\":true}",
        "{\"doubleValue\":\"NaN\"}",
        "{\"doubleValue\":\"-Infinity\"}",
        "{\"integerValue\":\"-1\"}",
        "{\"doubleValue\":0.5}",
        "{\"integerValue\":\"1\"}",
        "{\"doubleValue\":1.5}",
        "{\"timestampValue\":\"2026-01-01T00:00:00Z\"}",
        "{\"stringValue\":\"\"}",
        "{\"stringValue\":\"B\"}",
        "{\"stringValue\":\"a\"}",
        "{\"stringValue\":\"ab\"}",
        "{\"bytesValue\":\"AA==\"}",
        "{\"geoPointValue\":{\"latitude\":1,\"longitude\":2}}",
        "{\"arrayValue\":{}}",
        "{\"arrayValue\":{\"values\":[{\"integerValue\":\"1\"}]}}",
        "{\"mapValue\":{\"fields\":{\"a\":{\"integerValue\":\"1\"}}}}",
    };
    struct fs_order by_v = { "v", false };
    struct fs_docs docs;
    size_t i;

    for (i = ARRAY_LEN(in_order); i-- > 0;)
        CHECK_INT(side_ask(s, NEEDS_FIRESTORE, "POST",
                           arena_printf(&s->cloud->arena, DOCS "/o?documentId=d%02zu", i).p,
                           arena_printf(&s->cloud->arena, "{\"fields\":{\"v\":%s}}", in_order[i]).p)
                      .status,
                  200);
    CHECK_OK(firestore_query(
        s->google, ctx_of(s),
        &(struct firestore_query){ .collection = "o", .orders = &by_v, .n_orders = 1 }, &docs,
        &s->err));
    CHECK_INT(docs.n, ARRAY_LEN(in_order));
    for (i = 0; i < docs.n; i++)
        CHECK_STR(docs.items[i].id, arena_printf(&s->cloud->arena, "d%02zu", i).p);
}

CONTRACT(contract_firestore_orders_values_across_types)
{
    on_each_side(NEEDS_FIRESTORE, order_across_types);
}

static void groups(struct side *s)
{
    const char *const select[] = { "n" };
    struct fs_docs docs;

    put_i64(s, "calls/CA1/turns/0", "n", 1);
    put_i64(s, "calls/CA2/turns/0", "n", 2);
    put_i64(s, "turns/0", "n", 3);
    CHECK_OK(firestore_query(
        s->google, ctx_of(s),
        &(struct firestore_query){ .parent = STR("calls/CA2"), .collection = "turns" }, &docs,
        &s->err));
    CHECK_INT(docs.n, 1);
    CHECK_STR(docs.items[0].path, "calls/CA2/turns/0");
    CHECK_OK(firestore_query(
        s->google, ctx_of(s),
        &(struct firestore_query){
            .collection = "turns", .all_descendants = true, .select = select, .n_select = 1 },
        &docs, &s->err));
    CHECK_INT(docs.n, 3);
    CHECK_STR(docs.items[0].path, "calls/CA1/turns/0");
}

CONTRACT(contract_firestore_collection_groups)
{
    on_each_side(NEEDS_FIRESTORE, groups);
}

static void single_documents(struct side *s)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *contains;
    } steps[] = {
        { "POST", DOCS "/c?documentId=a", "{\"fields\":{\"n\":{\"integerValue\":1}}}", 200,
          "\"1\"" },
        { "POST", DOCS "/c?documentId=a", "{}", 409, "ALREADY_EXISTS" },
        { "GET", DOCS "/c/a?mask.fieldPaths=n", NULL, 200, "createTime" },
        { "GET", DOCS "/c/none", NULL, 404, "NOT_FOUND" },
        { "PATCH", DOCS "/c/a?updateMask.fieldPaths=m&currentDocument.exists=true",
          "{\"fields\":{\"m\":{\"stringValue\":\"x\"}}}", 200, "integerValue" },
        { "PATCH", DOCS "/c/none?currentDocument.exists=true", "{}", 404, "NOT_FOUND" },
        { "PATCH", DOCS "/c/b", "{}", 200, "updateTime" },
        { "GET", DOCS "/c?pageSize=1", NULL, 200, "nextPageToken" },
        { "GET", DOCS "/empty", NULL, 200, "{" },
        { "DELETE", DOCS "/c/b?currentDocument.exists=true", NULL, 200, "{" },
        { "DELETE", DOCS "/c/b?currentDocument.exists=true", NULL, 404, "NOT_FOUND" },
        { "DELETE", DOCS "/c/b", NULL, 200, "{" },
        { "POST", DOCS ":listCollectionIds", "{}", 200, "\"c\"" },
        { "POST", DOCS "/c?documentId=x",
          "{\"fields\":{\"a\":{\"arrayValue\":{\"values\":[{\"arrayValue\":{}}]}}}}", 400,
          "INVALID_ARGUMENT" },
        { "POST", DOCS "/c?documentId=x", "{\"fields\":{\"__a__\":{\"nullValue\":null}}}", 400,
          "INVALID_ARGUMENT" },
        { "POST", DOCS "/c?documentId=x", "{\"fields\":{\"a\":{\"intValue\":\"1\"}}}", 400,
          "error" },
        { "PATCH", DOCS "/c/x?updateMask.fieldPaths=a%20b", "{}", 400, "INVALID_ARGUMENT" },
        { "POST", DOCS ":commit", "{\"transaction\":\"bm9uZQ==\"}", 400, "INVALID_ARGUMENT" },
        { "POST", DOCS ":runQuery", "{\"structuredQuery\":{\"from\":[{}]}}", 200, "/c/a" },
        { "POST", DOCS ":runQuery", "{}", 400, "INVALID_ARGUMENT" },
    };
    struct http_response r;
    size_t i;

    for (i = 0; i < ARRAY_LEN(steps); i++) {
        r = side_ask(s, NEEDS_FIRESTORE, steps[i].method, steps[i].path, steps[i].body);
        if (r.status != steps[i].status || !str_contains(r.body, str_c(steps[i].contains)))
            FAIL_TEST("%s: %s %s: %d " STR_FMT, s->name, steps[i].method, steps[i].path, r.status,
                      STR_ARG(r.body));
    }
}

CONTRACT(contract_firestore_single_document_calls)
{
    on_each_side(NEEDS_FIRESTORE, single_documents);
}

static void transactions(struct side *s)
{
    struct http_response r = side_ask(s, NEEDS_FIRESTORE, "POST", DOCS ":beginTransaction", "{}");
    struct arena *a = &s->cloud->arena;
    const struct jval *v;
    struct str id;
    const char *name;

    CHECK_INT(r.status, 200);
    CHECK_OK(json_parse_arena(&v, a, r.body, &s->err));
    id = json_str(json_get(v, "transaction"));
    CHECK(id.n > 0);
    name = arena_printf(a, "projects/" STR_FMT DOCS "/c/a", STR_ARG(s->project)).p;
    r = side_ask(s, NEEDS_FIRESTORE, "POST", DOCS ":batchGet",
                 arena_printf(a, "{\"documents\":[\"%s\"],\"transaction\":\"" STR_FMT "\"}", name,
                              STR_ARG(id))
                     .p);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "missing");
    r = side_ask(s, NEEDS_FIRESTORE, "POST", DOCS ":commit",
                 arena_printf(a,
                              "{\"transaction\":\"" STR_FMT
                              "\",\"writes\":[{\"update\":{\"name\":\"%s\"}}]}",
                              STR_ARG(id), name)
                     .p);
    CHECK_INT(r.status, 200);
    r = side_ask(s, NEEDS_FIRESTORE, "POST", DOCS ":commit",
                 arena_printf(a, "{\"transaction\":\"" STR_FMT "\"}", STR_ARG(id)).p);
    CHECK_INT(r.status, 400); /* twice */
    r = side_ask(s, NEEDS_FIRESTORE, "POST", DOCS ":rollback",
                 arena_printf(a, "{\"transaction\":\"" STR_FMT "\"}", STR_ARG(id)).p);
    CHECK_INT(r.status, 200);
    r = side_ask(
        s, NEEDS_FIRESTORE, "POST", DOCS ":batchGet",
        arena_printf(a, "{\"documents\":[\"%s\"],\"newTransaction\":{\"readOnly\":{}}}", name).p);
    CHECK_INT(r.status, 200);
    CHECK_OK(json_parse_arena(&v, a, r.body, &s->err));
    CHECK(json_str(json_path(v, "0.transaction")).n > 0);
    CHECK(get(s, "c/a").exists);
}

CONTRACT(contract_firestore_transactions)
{
    on_each_side(NEEDS_FIRESTORE, transactions);
}

static void aggregations(struct side *s)
{
    struct http_response r;
    const struct jval *v, *fields;

    put_i64(s, "c/a", "n", 1);
    put_i64(s, "c/b", "n", 4);
    put_i64(s, "c/c", "other", 4);
    r = side_ask(s, NEEDS_FIRESTORE, "POST", DOCS ":runAggregationQuery",
                 "{\"structuredAggregationQuery\":{\"structuredQuery\":{\"from\":[{"
                 "\"collectionId\":\"c\"}]},"
                 "\"aggregations\":[{\"alias\":\"s\",\"sum\":{\"field\":{\"fieldPath\":\"n\"}}},"
                 "{\"avg\":{\"field\":{\"fieldPath\":\"n\"}}},{\"alias\":\"c\",\"count\":{}}]}}");
    CHECK_INT(r.status, 200);
    CHECK_OK(json_parse_arena(&v, &s->cloud->arena, r.body, &s->err));
    fields = json_path(v, "0.result.aggregateFields");
    CHECK_INT(fs_i64_or(fields, "s", 0), 5);
    CHECK(fs_num_or(fields, "field_1", 0) + fs_num_or(fields, "field_2", 0) == 2.5);
    CHECK_INT(fs_i64_or(fields, "c", 0), 2);
}

CONTRACT(contract_firestore_aggregations)
{
    on_each_side(NEEDS_FIRESTORE, aggregations);
}
