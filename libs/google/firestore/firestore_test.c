#include "google/firestore.h"

#include "google/google_internal.h"
#include "google/peer_test.h"
#include "google/rest.h"

#define ROOT "projects/p/databases/(default)/documents"
#define ABORTED                                                                          \
    {                                                                                    \
        .status = 409,                                                                   \
        .body = "{\"error\":{\"code\":409,\"message\":\"lock\",\"status\":\"ABORTED\"}}" \
    }
#define CONFLICT                                                                                \
    {                                                                                           \
        .status = 400,                                                                          \
        .body =                                                                                 \
            "{\"error\":{\"code\":400,\"message\":\"old\",\"status\":\"FAILED_PRECONDITION\"}}" \
    }
#define FOUND(n, t)                                                                               \
    {                                                                                             \
        .body = "[{\"found\":{\"name\":\"" ROOT "/c/a\",\"fields\":{\"n\":{\"integerValue\":\"" n \
                "\"}},\"updateTime\":\"" t "\"}}]"                                                \
    }

TEST(firestore_commit_says_exactly_what_was_written)
{
    struct firestore_commit *c;
    struct fsw *w;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p,
                { .body = "{\"writeResults\":[{\"updateTime\":\"t1\"},{}],\"commitTime\":\"t\"}" });
    c = firestore_commit_begin(p.google, &p.ctx);
    w = firestore_merge(c, STR("c/a"), FS_PRE_EXISTS);
    fsw_i64(w, "n", 1);
    fsw_arr(w, "odd name");
    fsw_num(w, NULL, 0.5);
    fsw_end(w);
    fsw_remove(w, "gone");
    firestore_increment(c, "count", -1);
    firestore_server_time(c, "at");
    firestore_delete(c, STR("c/b"),
                     (struct fs_pre){ .kind = FS_UPDATED_AT, .update_time = STR("T") });
    CHECK_INT(firestore_commit_writes(c), 2);
    CHECK_OK(firestore_commit(c, NULL, &p.err));
    CHECK_STR(str_c(p.asked[0].target), "/v1/" ROOT ":commit");
    CHECK_STR(str_c(p.asked[0].authorization), "Bearer owner");
    CHECK_STR(
        str_c(p.asked[0].body),
        "{\"writes\":[{\"update\":{\"name\":\"" ROOT
        "/c/a\",\"fields\":{\"n\":{\"integerValue\":\"1\"},"
        "\"odd name\":{\"arrayValue\":{\"values\":[{\"doubleValue\":0.5}]}}}},"
        "\"updateMask\":{\"fieldPaths\":[\"n\",\"`odd name`\",\"gone\"]},"
        "\"updateTransforms\":[{\"fieldPath\":\"count\",\"increment\":{\"integerValue\":\"-1\"}},"
        "{\"fieldPath\":\"at\",\"setToServerValue\":\"REQUEST_TIME\"}],\"currentDocument\":{"
        "\"exists\":true}},"
        "{\"delete\":\"" ROOT "/c/b\",\"currentDocument\":{\"updateTime\":\"T\"}}]}");
    peer_close(&p);
}

TEST(firestore_commit_that_is_malformed_is_not_sent)
{
    static const char *const paths[] = { "c", "c/a/b", "/a", "c/", "", "c/..", "c//d/e" };
    struct firestore_commit *c;
    struct fsw *w;
    struct peer p;
    size_t i;

    peer_open(&p);
    for (i = 0; i < ARRAY_LEN(paths); i++) {
        c = firestore_commit_begin(p.google, &p.ctx);
        fsw_i64(firestore_set(c, str_c(paths[i]), FS_PRE_ANY), "n", 1);
        CHECK_RC(ERR_INVALID, firestore_commit(c, NULL, &p.err));
    }
    c = firestore_commit_begin(p.google, &p.ctx);
    w = firestore_set(c, STR("c/a"), FS_PRE_ANY);
    for (i = 0; i < 40; i++)
        fsw_map(w, "deeper");
    CHECK_RC(ERR_LIMIT, firestore_commit(c, NULL, &p.err));
    c = firestore_commit_begin(p.google, &p.ctx);
    w = firestore_merge(c, STR("c/a"), FS_PRE_ANY);
    for (i = 0; i <= FIRESTORE_MASK_MAX; i++)
        fsw_i64(w, arena_printf(&p.arena, "f%zu", i).p, 1);
    CHECK_RC(ERR_LIMIT, firestore_commit(c, NULL, &p.err));
    CHECK_INT(p.n_asked, 0);
    (void)firestore_set(firestore_commit_begin(p.google, &p.ctx), STR("c/a"),
                        FS_PRE_ANY); /* abandoned */
    peer_close(&p);
}

TEST(firestore_commit_repeats_when_a_lock_was_held_but_not_when_the_outcome_is_unknown)
{
    struct firestore_commit *c;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, ABORTED, ABORTED, { .body = "{}" }, { .status = 500, .body = "{}" },
                { .status = -1, .body = "{" });
    c = firestore_commit_begin(p.google, &p.ctx);
    fsw_i64(firestore_create(c, STR("c/a")), "n", 1);
    CHECK_OK(firestore_commit(c, NULL, &p.err));
    CHECK_INT(p.n_asked, 3);
    c = firestore_commit_begin(p.google, &p.ctx);
    fsw_i64(firestore_create(c, STR("c/a")), "n", 1);
    CHECK_RC(ERR_UPSTREAM, firestore_commit(c, NULL, &p.err));
    CHECK_INT(p.n_asked, 4);
    CHECK_RC(ERR_INTERNAL, firestore_commit(c, NULL, &p.err)); /* used up */
    peer_close(&p);
}

struct add {
    int runs;
    int64_t seen;
};

static enum errc add_one(void *arg, struct ctx *ctx, const struct fs_doc *docs,
                         struct firestore_commit *c, struct err *err)
{
    struct add *a = arg;

    (void)ctx;
    (void)err;
    a->runs++;
    a->seen = fs_i64_or(docs[0].fields, "n", -1);
    fsw_i64(firestore_set(c, docs[0].path, fs_pre_unchanged(&docs[0])), "n", a->seen + 1);
    return ERR_OK;
}

TEST(firestore_update_reads_again_after_each_lost_race)
{
    struct str path = STR("c/a");
    struct add add = { 0 };
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, FOUND("1", "t1"), CONFLICT, FOUND("5", "t2"), ABORTED, FOUND("7", "t3"),
                { .body = "{}" });
    CHECK_OK(firestore_update(p.google, &p.ctx, &path, 1, add_one, &add, &p.err));
    CHECK_INT(add.runs, 3);
    CHECK_INT(add.seen, 7);
    CHECK_CONTAINS(str_c(p.asked[5].body), "\"integerValue\":\"8\"");
    CHECK_CONTAINS(str_c(p.asked[5].body), "\"currentDocument\":{\"updateTime\":\"t3\"}");
    peer_close(&p);
}

TEST(firestore_update_reads_again_after_a_lost_answer)
{
    struct str path = STR("c/a");
    struct add add = { 0 };
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, FOUND("1", "t1"), { .status = -1 }, FOUND("2", "t2"), { .body = "{}" });
    CHECK_OK(firestore_update(p.google, &p.ctx, &path, 1, add_one, &add, &p.err));
    CHECK_INT(add.runs, 2);
    CHECK_INT(add.seen, 2);
    CHECK_INT(p.n_asked, 4);
    peer_close(&p);
}

TEST(firestore_commit_is_sent_again_only_if_that_changes_nothing)
{
    struct firestore_commit *c;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, { .status = -1 }, { .body = "{}" }, { .status = -1 }, { .status = -1 });
    c = firestore_commit_begin(p.google, &p.ctx);
    fsw_i64(firestore_merge(c, STR("c/a"), FS_PRE_EXISTS), "n", 1);
    firestore_maximum(c, "m", 7);
    CHECK_OK(firestore_commit(c, NULL, &p.err));
    CHECK_INT(p.n_asked, 2);
    c = firestore_commit_begin(p.google, &p.ctx);
    fsw_i64(firestore_create(c, STR("c/a")), "n", 1);
    CHECK_RC(ERR_UPSTREAM, firestore_commit(c, NULL, &p.err));
    CHECK_INT(p.n_asked, 3);
    c = firestore_commit_begin(p.google, &p.ctx);
    fsw_i64(firestore_merge(c, STR("c/a"), FS_PRE_ANY), "n", 1);
    firestore_increment(c, "m", 7);
    CHECK_RC(ERR_UPSTREAM, firestore_commit(c, NULL, &p.err));
    CHECK_INT(p.n_asked, 4);
    peer_close(&p);
}

TEST(google_attempt_leaves_half_of_the_time_for_another)
{
    struct peer p;

    peer_open(&p);
    CHECK_INT(google_attempt_ms(&p.ctx, 5000), 5000); /* nobody waits */
    p.ctx.deadline_mono_ms = clock_mono_ms(p.ctx.clock) + 2500;
    CHECK_INT(google_attempt_ms(&p.ctx, 5000), 1250);
    CHECK_INT(google_attempt_ms(&p.ctx, 1000), 1000);
    p.ctx.deadline_mono_ms = clock_mono_ms(p.ctx.clock) + 100;
    CHECK_INT(google_attempt_ms(&p.ctx, 5000), 300); /* http_do() ends it at the deadline */
    peer_close(&p);
}

TEST(firestore_asks_again_when_the_answer_is_noise)
{
    struct fs_doc doc;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, { .body = "{#" }, FOUND("1", "t1"), { .body = "#" }, { .body = "#" },
                { .body = "#" });
    CHECK_OK(firestore_get(p.google, &p.ctx, STR("c/a"), &doc, &p.err));
    CHECK_INT(fs_i64_or(doc.fields, "n", 0), 1);
    CHECK_RC(ERR_UPSTREAM, firestore_get(p.google, &p.ctx, STR("c/a"), &doc, &p.err));
    CHECK_INT(p.n_asked, 5);
    peer_close(&p);
}

TEST(firestore_update_creates_what_is_absent_and_gives_up_on_other_errors)
{
    struct str path = STR("c/a");
    struct add add = { 0 };
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, { .body = "[{\"missing\":\"" ROOT "/c/a\",\"readTime\":\"t\"}]" },
                { .status = 403, .body = "{\"error\":{\"status\":\"PERMISSION_DENIED\"}}" });
    CHECK_RC(ERR_DENIED, firestore_update(p.google, &p.ctx, &path, 1, add_one, &add, &p.err));
    CHECK_INT(add.seen, -1);
    CHECK_CONTAINS(str_c(p.asked[1].body), "\"currentDocument\":{\"exists\":false}");
    CHECK_INT(p.n_asked, 2);
    peer_close(&p);
}

TEST(firestore_get_all_answers_in_the_order_asked)
{
    struct str paths[] = { STR("c/x"), STR("c/a"), STR("c/a") };
    struct fs_doc docs[3];
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, FOUND("1", "t1"));
    CHECK_OK(firestore_get_all(p.google, &p.ctx, paths, 3, docs, &p.err));
    CHECK(!docs[0].exists && docs[1].exists && docs[2].exists);
    CHECK_STR(docs[0].id, "x");
    CHECK_STR(docs[2].update_time, "t1");
    CHECK_STR(str_c(p.asked[0].target), "/v1/" ROOT ":batchGet");
    peer_close(&p);
}

TEST(firestore_errors_of_streams_come_in_an_array_or_after_a_good_status)
{
    struct firestore_query q = { .collection = "c" };
    struct fs_docs docs;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(
        &p,
        { .status = 400,
          .body = "[{\"error\":{\"code\":400,\"message\":\"The query requires an "
                  "index.\",\"status\":\"FAILED_PRECONDITION\"}}]" },
        { .body = "[{\"readTime\":\"t\"},{\"error\":{\"code\":500,\"message\":\"broke\"}}]" },
        { .body = "[{\"readTime\":\"t\"}]" });
    CHECK_RC(ERR_INVALID, firestore_query(p.google, &p.ctx, &q, &docs, &p.err));
    CHECK_INT(p.err.upstream, GOOGLE_FAILED_PRECONDITION);
    CHECK_CONTAINS(str_c(p.err.text), "requires an index");
    CHECK_RC(ERR_UPSTREAM, firestore_query(p.google, &p.ctx, &q, &docs, &p.err));
    CHECK_OK(firestore_query(p.google, &p.ctx, &q, &docs, &p.err));
    CHECK_INT(docs.n, 0);
    peer_close(&p);
}

TEST(firestore_values_and_plain_json_become_each_other)
{
    static const char plain[] = "{\"s\":\"x\",\"i\":5,\"d\":1.5,\"b\":true,\"z\":null,\"o\":{\"k\":"
                                "[1,{\"q\":[]}]},\"aa\":[[1]]}";
    const struct jval *in, *sent, *fields;
    struct firestore_commit *c;
    struct peer p;
    struct jw w;

    peer_open(&p);
    PEER_SCRIPT(&p, { .body = "{}" });
    CHECK_OK(json_parse_arena(&in, &p.arena, str_c(plain), &p.err));
    c = firestore_commit_begin(p.google, &p.ctx);
    fsw_json_fields(firestore_set(c, STR("c/a"), FS_PRE_ANY), in);
    CHECK_OK(firestore_commit(c, NULL, &p.err));
    CHECK_OK(json_parse_arena(&sent, &p.arena, str_c(p.asked[0].body), &p.err));
    fields = json_path(sent, "writes.0.update.fields");
    CHECK_INT(fs_i64_or(fields, "i", 0), 5);
    CHECK(fs_num_or(fields, "d", 0) == 1.5);
    jw_init(&w);
    fs_fields_json(&w, NULL, fields);
    /* an array in an array, which Firestore refuses, has become a map */
    CHECK_STR(jw_finish(&w, &p.arena), "{\"s\":\"x\",\"i\":5,\"d\":1.5,\"b\":true,\"z\":null,\"o\":"
                                       "{\"k\":[1,{\"q\":[]}]},\"aa\":[{\"values\":[1]}]}");
    peer_close(&p);
}

TEST(firestore_readers_take_absent_and_foreign_fields_as_default)
{
    const struct jval *fields = NULL;
    struct arena a = ARENA_INIT;

    CHECK_STR(fs_str(fields, "x"), "");
    CHECK_INT(fs_i64_or(fields, "x", 7), 7);
    CHECK(fs_map(fields, "x") == NULL);
    CHECK_OK(json_parse_arena(&fields, &a,
                              STR("{\"x\":{\"stringValue\":\"5\"},\"n\":{\"doubleValue\":\"NaN\"},"
                                  "\"t\":{\"timestampValue\":\"2026-11-21T00:00:00.5Z\"}}"),
                              NULL));
    CHECK_INT(fs_i64_or(fields, "x", 7), 7);
    CHECK_INT(fs_i64_or(fields, "n", 7), 7);
    CHECK(fs_num_or(fields, "n", 0) != fs_num_or(fields, "n", 0));
    CHECK_INT(fs_time_or(fields, "t", 0) % 1000000, 500000);
    CHECK_INT(fs_time_or(fields, "x", 3), 3);
    arena_release(&a);
}

TEST(firestore_field_paths_are_quoted_where_needed)
{
    static const char *const rows[][2] = { { "simple_1", "simple_1" },
                                           { "1st", "`1st`" },
                                           { "a.b", "`a.b`" },
                                           { "we`ird\\", "`we\\`ird\\\\`" },
                                           { "", "``" } };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(fs_field_path(&a, str_c(rows[i][0])), rows[i][1]);
    arena_release(&a);
}
