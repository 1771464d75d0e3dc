/* What our own client makes of Firestore. */
#include "google/firestore.h"

#include "google/rest.h"
#include "sides_test.h"

#define DOCS "/databases/(default)/documents"

static struct fs_doc get(struct side *s, const char *path)
{
    struct fs_doc d;

    EXPECT_OK(s, firestore_get(s->google, &s->ctx, str_c(path), &d, &s->err));
    return d;
}

static void put_i64(struct side *s, const char *path, const char *field, int64_t v)
{
    struct firestore_commit *c = firestore_commit_begin(s->google, &s->ctx);

    fsw_i64(firestore_set(c, str_c(path), FS_PRE_ANY), field, v);
    EXPECT_OK(s, firestore_commit(c, NULL, &s->err));
}

static void values(struct side *s)
{
    struct firestore_commit *c = firestore_commit_begin(s->google, &s->ctx);
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
    EXPECT_OK(s, firestore_commit(c, NULL, &s->err));
    d = get(s, "calls/CA1");
    EXPECT_STR(s, fs_str(d.fields, "text"), "h\xc3\xa9llo");
    EXPECT(s, fs_i64_or(d.fields, "big", 0) == INT64_MIN);
    EXPECT(s, fs_num_or(d.fields, "num", 0) == -0.5);
    EXPECT(s, fs_num_or(d.fields, "inf", 0) > 1e300);
    EXPECT(s, !fs_bool_or(d.fields, "no", true));
    EXPECT(s, fs_is_null(d.fields, "nothing"));
    EXPECT_INT(s, fs_time_or(d.fields, "at", 0), 1764000000123456);
    EXPECT_INT(s, fs_bytes(d.fields, "raw", &s->arena).n, 2);
    EXPECT(s, fs_has(d.fields, "ref"));
    EXPECT_INT(s, fs_val_i64_or(json_at(fs_arr(fs_map(d.fields, "odd. `name`"), "list"), 0), 0), 1);
    EXPECT_INT(s, json_len(fs_arr(d.fields, "empty")), 0);
    EXPECT(s, d.update_time.n > 0 && d.create_time.n > 0);
    EXPECT(s, !get(s, "calls/none").exists);
}

static void preconditions(struct side *s)
{
    struct firestore_commit *c;
    struct fs_doc old;

    put_i64(s, "c/a", "n", 1);
    c = firestore_commit_begin(s->google, &s->ctx);
    fsw_i64(firestore_create(c, STR("c/b")), "n", 1);
    fsw_i64(firestore_create(c, STR("c/a")), "n", 2);
    EXPECT_RC(s, ERR_CONFLICT, firestore_commit(c, NULL, &s->err));
    EXPECT_INT(s, s->err.upstream, GOOGLE_ALREADY_EXISTS);
    EXPECT(s, !get(s, "c/b").exists);
    old = get(s, "c/a");
    put_i64(s, "c/a", "n", 2);
    c = firestore_commit_begin(s->google, &s->ctx);
    fsw_i64(firestore_set(c, STR("c/a"), fs_pre_unchanged(&old)), "n", 3);
    EXPECT_RC(s, ERR_CONFLICT, firestore_commit(c, NULL, &s->err));
    EXPECT_INT(s, s->err.upstream, GOOGLE_FAILED_PRECONDITION);
    c = firestore_commit_begin(s->google, &s->ctx);
    firestore_delete(c, STR("c/none"),
                     (struct fs_pre){ .kind = FS_UPDATED_AT, .update_time = old.update_time });
    EXPECT_RC(s, ERR_CONFLICT, firestore_commit(c, NULL, &s->err));
    c = firestore_commit_begin(s->google, &s->ctx);
    firestore_delete(c, STR("c/none"), FS_PRE_EXISTS);
    EXPECT_RC(s, ERR_NOT_FOUND, firestore_commit(c, NULL, &s->err));
    c = firestore_commit_begin(s->google, &s->ctx);
    firestore_delete(c, STR("c/none"), FS_PRE_ANY);
    firestore_delete(c, STR("c/a"), FS_PRE_EXISTS);
    EXPECT_OK(s, firestore_commit(c, NULL, &s->err));
    EXPECT(s, !get(s, "c/a").exists);
}

static void masks(struct side *s)
{
    struct firestore_commit *c = firestore_commit_begin(s->google, &s->ctx);
    struct fsw *w = firestore_set(c, STR("c/a"), FS_PRE_ANY);
    struct http_response r;
    struct fs_doc d;

    fsw_i64(w, "kept", 1);
    fsw_i64(w, "gone", 1);
    fsw_map(w, "m");
    fsw_i64(w, "x y", 1);
    fsw_i64(w, "z", 1);
    fsw_end(w);
    EXPECT_OK(s, firestore_commit(c, NULL, &s->err));
    c = firestore_commit_begin(s->google, &s->ctx);
    w = firestore_merge(c, STR("c/a"), FS_PRE_EXISTS);
    fsw_i64(w, "new", 2);
    fsw_remove(w, "gone");
    EXPECT_OK(s, firestore_commit(c, NULL, &s->err));
    r = side_ask(s, "POST", DOCS ":commit",
                 arena_printf(&s->arena,
                              "{\"writes\":[{\"update\":{\"name\":\"projects/" STR_FMT DOCS
                              "/c/a\",\"fields\":"
                              "{\"m\":{\"mapValue\":{\"fields\":{\"z\":{\"integerValue\":\"9\"}}}},"
                              "\"ignored\":{\"nullValue\":null}}},"
                              "\"updateMask\":{\"fieldPaths\":[\"m.z\",\"m.`x y`\"]}}]}",
                              STR_ARG(s->project)));
    EXPECT_INT(s, r.status, 200);
    d = get(s, "c/a");
    EXPECT_INT(s, fs_i64_or(d.fields, "kept", 0), 1);
    EXPECT_INT(s, fs_i64_or(d.fields, "new", 0), 2);
    EXPECT(s, !fs_has(d.fields, "gone") && !fs_has(d.fields, "ignored"));
    EXPECT_INT(s, fs_i64_or(fs_map(d.fields, "m"), "z", 0), 9);
    EXPECT(s, !fs_has(fs_map(d.fields, "m"), "x y"));
}

static void transforms(struct side *s)
{
    struct firestore_commit *c;
    struct fs_doc d;
    int i;

    for (i = 0; i < 2; i++) {
        c = firestore_commit_begin(s->google, &s->ctx);
        (void)firestore_merge(c, STR("stats/day"), FS_PRE_ANY);
        firestore_increment(c, "count.calls", 2);
        firestore_increment_num(c, "cost", 0.5);
        firestore_maximum(c, "most", 5 - i);
        firestore_minimum(c, "least", 5 - i);
        firestore_server_time(c, "seen");
        firestore_append_missing(c, "tags", STR("x"));
        EXPECT_OK(s, firestore_commit(c, NULL, &s->err));
    }
    d = get(s, "stats/day");
    EXPECT_INT(s, fs_i64_or(fs_map(d.fields, "count"), "calls", 0), 4);
    EXPECT(s, fs_num_or(d.fields, "cost", 0) == 1.0);
    EXPECT_INT(s, fs_i64_or(d.fields, "most", 0), 5);
    EXPECT_INT(s, fs_i64_or(d.fields, "least", 0), 4);
    EXPECT(s, fs_time_or(d.fields, "seen", 0) > 0);
    EXPECT_INT(s, json_len(fs_arr(d.fields, "tags")), 1);
    c = firestore_commit_begin(s->google, &s->ctx);
    fsw_i64(firestore_set(c, STR("n/max"), FS_PRE_ANY), "n", INT64_MAX);
    firestore_increment(c, "n", 1); /* saturates */
    (void)firestore_merge(c, STR("stats/day"), FS_PRE_ANY);
    firestore_remove_all(c, "tags", STR("x"));
    EXPECT_OK(s, firestore_commit(c, NULL, &s->err));
    EXPECT(s, fs_i64_or(get(s, "n/max").fields, "n", 0) == INT64_MAX);
    EXPECT_INT(s, json_len(fs_arr(get(s, "stats/day").fields, "tags")), 0);
}

static void unchanged(struct side *s)
{
    struct str before;

    put_i64(s, "c/a", "n", 1);
    before = get(s, "c/a").update_time;
    put_i64(s, "c/a", "n", 1);
    EXPECT(s, str_eq(get(s, "c/a").update_time, before));
}

static struct str ids(struct side *s, struct firestore_query q)
{
    struct buf b = BUF_INIT(4096);
    struct fs_docs docs;
    struct str text;
    size_t i;

    EXPECT_OK(s, firestore_query(s->google, &s->ctx, &q, &docs, &s->err));
    for (i = 0; i < docs.n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? " " : "", STR_ARG(docs.items[i].id));
    text = arena_str(&s->arena, buf_str(&b));
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
        struct firestore_commit *c = firestore_commit_begin(s->google, &s->ctx);
        struct fsw *w = firestore_set(c, arena_printf(&s->arena, "calls/CA%d", i), FS_PRE_ANY);

        fsw_i64(w, "n", i);
        fsw_cstr(w, "state", i < 4 ? "ended" : i < 6 ? "live" : NULL);
        fsw_arr(w, "tags");
        fsw_cstr(w, NULL, i % 2 ? "odd" : "even");
        fsw_end(w);
        if (i % 2)
            fsw_bool(w, "odd", true);
        EXPECT_OK(s, firestore_commit(c, NULL, &s->err));
    }
#define ASK(...) ids(s, (struct firestore_query){ .collection = "calls", __VA_ARGS__ })
    EXPECT_STR(s, ASK(.limit = 0), "CA1 CA2 CA3 CA4 CA5 CA6");
    EXPECT_STR(s, ASK(.filters = &ended, .n_filters = 1), "CA1 CA2 CA3");
    EXPECT_STR(s, ASK(.filters = range, .n_filters = 2), "CA2 CA3 CA4");
    EXPECT_STR(s, ASK(.filters = &no_state, .n_filters = 1), "CA6");
    EXPECT_STR(s, ASK(.filters = &not_live, .n_filters = 1), "CA1 CA2 CA3");
    EXPECT_STR(s, ASK(.filters = &among, .n_filters = 1), "CA4 CA5");
    EXPECT_STR(s, ASK(.filters = &tagged, .n_filters = 1), "CA2 CA4 CA6");
    EXPECT_STR(s, ASK(.orders = &down, .n_orders = 1, .limit = 2, .offset = 1), "CA5 CA4");
    EXPECT_STR(s, ASK(.orders = &down, .n_orders = 1, .start_after = &after, .n_start_after = 1),
               "CA3 CA2 CA1");
    EXPECT_STR(s, ASK(.orders = &down, .n_orders = 1, .start_at = &after, .n_start_at = 1),
               "CA4 CA3 CA2 CA1");
    EXPECT_STR(s, ASK(.orders = &down, .n_orders = 1, .end_before = &after, .n_end_before = 1),
               "CA6 CA5");
    EXPECT_STR(s, ASK(.orders = &by_odd, .n_orders = 1), "CA1 CA3 CA5");
    EXPECT_STR(s,
               ASK(.orders = down_by_name, .n_orders = 2, .start_after = named, .n_start_after = 2),
               "CA1");
#undef ASK
    EXPECT_OK(s, firestore_count(s->google, &s->ctx,
                                 &(struct firestore_query){
                                     .collection = "calls", .filters = &ended, .n_filters = 1 },
                                 &count, &s->err));
    EXPECT_INT(s, count, 3);
}

static void groups(struct side *s)
{
    const char *const select[] = { "n" };
    struct fs_docs docs;

    put_i64(s, "calls/CA1/turns/0", "n", 1);
    put_i64(s, "calls/CA2/turns/0", "n", 2);
    put_i64(s, "turns/0", "n", 3);
    EXPECT_OK(s, firestore_query(
                     s->google, &s->ctx,
                     &(struct firestore_query){ .parent = STR("calls/CA2"), .collection = "turns" },
                     &docs, &s->err));
    EXPECT_INT(s, docs.n, 1);
    EXPECT_STR(s, docs.items[0].path, "calls/CA2/turns/0");
    EXPECT_OK(s, firestore_query(s->google, &s->ctx,
                                 &(struct firestore_query){ .collection = "turns",
                                                            .all_descendants = true,
                                                            .select = select,
                                                            .n_select = 1 },
                                 &docs, &s->err));
    EXPECT_INT(s, docs.n, 3);
    EXPECT_STR(s, docs.items[0].path, "calls/CA1/turns/0");
}

TEST_CHECKS(contract_firestore_client, NEEDS_FIRESTORE,
            { "keeps every kind of value", NULL, values, NULL },
            { "preconditions refuse the whole commit", NULL, preconditions, NULL },
            { "merges change only what they name", NULL, masks, NULL },
            { "transforms", NULL, transforms, NULL },
            { "a write that changes nothing keeps its time", NULL, unchanged, NULL },
            { "queries", NULL, queries, NULL }, { "collection groups", NULL, groups, NULL })
