#include "google/storage.h"

#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "local_cloud/google/cloud_test.h"

enum { BIG = 3 * STORAGE_CHUNK_UNIT + 1000 };

struct source {
    size_t at, size;
    bool fails;
};

static char byte_at(size_t i)
{
    return (char)((i * 31 + i / 977) & 0x7f);
}

static enum errc read_source(void *arg, char *out, size_t max, size_t *n)
{
    struct source *s = arg;
    size_t i;

    if (s->fails && s->at > STORAGE_CHUNK_UNIT)
        return ERR_CLOSED;
    *n = MIN(MIN(max, s->size - s->at), (size_t)10007);
    for (i = 0; i < *n; i++)
        out[i] = byte_at(s->at + i);
    s->at += *n;
    return ERR_OK;
}

struct sink {
    size_t n, at;
    bool good;
};

static enum errc write_sink(void *arg, const char *data, size_t n)
{
    struct sink *s = arg;
    size_t i;

    for (i = 0; i < n; i++)
        s->good = s->good && data[i] == byte_at(s->at + i);
    s->at += n;
    s->n += n;
    return ERR_OK;
}

static void open_bucket(struct test_cloud *t)
{
    cloud_open(t, NULL);
    CHECK_INT(
        cloud_ask(t, "POST", "/storage/v1/b?project=test-project", "{\"name\":\"recordings\"}")
            .status,
        200);
    CHECK_INT(
        cloud_ask(t, "POST", "/storage/v1/b?project=test-project", "{\"name\":\"recordings\"}")
            .status,
        409);
}

static const struct storage_meta call_meta = { STR("callSid"), STR("CA1") };
static const struct storage_target target = { .bucket = STR("recordings"),
                                              .name = STR("2026/11/a b+\xc3\xa9.wav"),
                                              .content_type = STR("audio/wav"),
                                              .metadata = &call_meta,
                                              .n_metadata = 1,
                                              .create_only = true };

TEST(storage_streams_an_upload_and_reads_it_back)
{
    struct source source = { .size = BIG };
    struct sink sink = { .good = true };
    struct storage_object o, seen;
    struct test_cloud t;

    open_bucket(&t);
    CHECK_OK(storage_upload(t.google, &t.ctx, &target, STORAGE_CHUNK_UNIT, read_source, &source, &o,
                            &t.err));
    CHECK_INT(o.size, BIG);
    CHECK(o.generation > 0);
    CHECK_OK(storage_stat(t.google, &t.ctx, target.bucket, target.name, &seen, &t.err));
    CHECK(seen.has_crc32c && seen.crc32c == o.crc32c);
    CHECK_STR(seen.content_type, "audio/wav");
    CHECK_STR(seen.metadata[0].value, "CA1");
    CHECK_OK(storage_read(t.google, &t.ctx, target.bucket, target.name, 0, -1, write_sink, &sink,
                          &seen, &t.err));
    CHECK_INT(sink.n, BIG);
    CHECK(sink.good);
    CHECK_INT(seen.size, BIG);
    sink = (struct sink){ .good = true, .at = STORAGE_CHUNK_UNIT - 5 };
    CHECK_OK(storage_read(t.google, &t.ctx, target.bucket, target.name, STORAGE_CHUNK_UNIT - 5,
                          STORAGE_CHUNK_UNIT + 4, write_sink, &sink, &seen, &t.err));
    CHECK_INT(sink.n, 10); /* across two pieces */
    CHECK(sink.good);
    CHECK_INT(seen.size, BIG);
    CHECK_RC(ERR_LIMIT, storage_read(t.google, &t.ctx, target.bucket, target.name, BIG, -1,
                                     write_sink, &sink, NULL, &t.err));
    CHECK_OK(storage_delete(t.google, &t.ctx, target.bucket, target.name, &t.err));
    CHECK_RC(ERR_NOT_FOUND,
             storage_stat(t.google, &t.ctx, target.bucket, target.name, &seen, &t.err));
    CHECK_RC(ERR_NOT_FOUND, storage_delete(t.google, &t.ctx, target.bucket, target.name, &t.err));
    cloud_close(&t);
}

TEST(storage_upload_of_whole_chunks_and_of_nothing_ends_well)
{
    static const size_t sizes[] = { 0, STORAGE_CHUNK_UNIT, (size_t)2 * STORAGE_CHUNK_UNIT, 1 };
    struct test_cloud t;
    struct storage_object o;
    size_t i;

    open_bucket(&t);
    for (i = 0; i < ARRAY_LEN(sizes); i++) {
        struct storage_target to = { .bucket = target.bucket,
                                     .name = arena_printf(&t.arena, "n%zu", i) };
        struct source source = { .size = sizes[i] };

        CHECK_OK(storage_upload(t.google, &t.ctx, &to, STORAGE_CHUNK_UNIT, read_source, &source, &o,
                                &t.err));
        CHECK_INT(o.size, sizes[i]);
    }
    cloud_close(&t);
}

TEST(storage_create_only_refuses_what_exists)
{
    struct source source = { .size = 10 };
    struct storage_object o;
    struct test_cloud t;
    struct str text;

    open_bucket(&t);
    CHECK_OK(storage_put(t.google, &t.ctx, &target, STR("first"), &o, &t.err));
    CHECK_RC(ERR_CONFLICT, storage_put(t.google, &t.ctx, &target, STR("second"), &o, &t.err));
    CHECK_RC(ERR_CONFLICT,
             storage_upload(t.google, &t.ctx, &target, 0, read_source, &source, &o, &t.err));
    CHECK_OK(storage_get(t.google, &t.ctx, target.bucket, target.name, 100, &text, &t.err));
    CHECK_STR(text, "first");
    CHECK_RC(ERR_LIMIT,
             storage_get(t.google, &t.ctx, target.bucket, target.name, 3, &text, &t.err));
    cloud_close(&t);
}

TEST(storage_upload_whose_source_fails_leaves_no_object)
{
    struct source source = { .size = BIG, .fails = true };
    struct storage_object o;
    struct test_cloud t;

    open_bucket(&t);
    CHECK_RC(ERR_CLOSED, storage_upload(t.google, &t.ctx, &target, STORAGE_CHUNK_UNIT, read_source,
                                        &source, &o, &t.err));
    CHECK_RC(ERR_NOT_FOUND, storage_stat(t.google, &t.ctx, target.bucket, target.name, &o, &t.err));
    cloud_close(&t);
}

/* ---- the resumable protocol, step by step ---- */

static struct str start(struct test_cloud *t, const char *query)
{
    struct http_response r = cloud_ask(
        t, "POST",
        arena_printf(&t->arena, "/upload/storage/v1/b/recordings/o?uploadType=resumable%s", query)
            .p,
        "{\"name\":\"step\"}");

    CHECK_INT(r.status, 200);
    return http_response_header(&r, "Location");
}

static struct http_response put(struct test_cloud *t, struct str session, const char *range,
                                struct str body)
{
    struct http_header h = { STR("Content-Range"), str_c(range) };

    return cloud_ask_with(t, "PUT", session, body, &h, range ? 1 : 0);
}

TEST(storage_resumable_answers_follow_the_documented_rules)
{
    struct test_cloud t;
    struct http_response r;
    struct str session, chunk;
    char *bytes = mem_zalloc(STORAGE_CHUNK_UNIT + 1);

    chunk = str_n(bytes, STORAGE_CHUNK_UNIT);
    open_bucket(&t);
    session = start(&t, "");
    r = put(&t, session, "bytes */*", STR_EMPTY);
    CHECK_INT(r.status, 308); /* nothing stored: no Range */
    CHECK_STR(http_response_header(&r, "Range"), "");
    r = put(&t, session, "bytes 0-262143/*", chunk);
    CHECK_INT(r.status, 308);
    CHECK_STR(http_response_header(&r, "Range"), "bytes=0-262143");
    r = put(&t, session, "bytes 0-262143/*", chunk); /* its answer was lost */
    CHECK_INT(r.status, 308);
    CHECK_STR(http_response_header(&r, "Range"), "bytes=0-262143");
    r = put(&t, session, "bytes 262144-262148/*", STR("short"));
    CHECK_INT(r.status, 400); /* no multiple, and not the last */
    r = put(&t, session, "bytes 524288-524292/524293", STR("later"));
    CHECK_INT(r.status, 400); /* a gap */
    r = put(&t, session, "bytes */*", STR_EMPTY);
    CHECK_STR(http_response_header(&r, "Range"), "bytes=0-262143");
    r = put(&t, session, "bytes 262144-262148/262149", STR("hello"));
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"size\":\"262149\"");
    r = put(&t, session, "bytes */*", STR_EMPTY);
    CHECK_INT(r.status, 200); /* a question after the end */
    CHECK_CONTAINS(r.body, "\"size\":\"262149\"");
    mem_free(bytes);
    cloud_close(&t);
}

TEST(storage_cancelled_session_is_dead)
{
    struct test_cloud t;
    struct str session;

    open_bucket(&t);
    session = start(&t, "");
    CHECK_INT(cloud_ask_with(&t, "DELETE", session, STR_EMPTY, NULL, 0).status, 499);
    CHECK_INT(put(&t, session, "bytes */*", STR_EMPTY).status, 404);
    cloud_close(&t);
}

TEST(storage_checks_hashes_preconditions_and_unknown_lengths)
{
    static const struct http_header bad_hash = { STR("X-Goog-Hash"), STR("crc32c=AAAAAA==") };
    struct test_cloud t;
    struct http_response r;
    struct str session;

    open_bucket(&t);
    r = cloud_ask_with(&t, "POST",
                       STR("/upload/storage/v1/b/recordings/o?uploadType=media&name=a+b%2Fc"),
                       STR("hello"), &bad_hash, 1);
    CHECK_INT(r.status, 400);
    r = cloud_ask_with(&t, "POST",
                       STR("/upload/storage/v1/b/recordings/o?uploadType=media&name=a+b%2Fc"),
                       STR("hello"), NULL, 0);
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"name\":\"a b/c\"");
    CHECK_CONTAINS(r.body, "\"crc32c\":\"mnG7TA==\"");
    CHECK_CONTAINS(r.body, "\"md5Hash\":\"XUFAKrxLKna5cZ2REBfFkg==\"");
    r = cloud_ask(&t, "GET", "/storage/v1/b/recordings/o/a%20b%2Fc?alt=media&ifGenerationMatch=1",
                  NULL);
    CHECK_INT(r.status, 412);
    CHECK_CONTAINS(r.body, "conditionNotMet");
    r = cloud_ask(&t, "DELETE", "/storage/v1/b/recordings/o/a%20b%2Fc?ifGenerationMatch=1", NULL);
    CHECK_INT(r.status, 412);
    r = cloud_ask(&t, "GET", "/b/recordings/o/a%20b%2Fc?alt=media",
                  NULL); /* as Google's Node client asks */
    CHECK_STR(r.body, "hello");
    session = start(&t, "");
    r = put(&t, session, "bytes 0-*/*", STR("whole"));
    CHECK_INT(r.status, 200);
    r = put(&t, start(&t, ""), NULL, STR("whole"));
    CHECK_INT(r.status, 200);
    r = cloud_ask(&t, "POST", "/storage/v1/b/recordings/o/step/rewriteTo/b/recordings/o/x%2Fcopy",
                  "{}");
    CHECK_INT(r.status, 200);
    CHECK_CONTAINS(r.body, "\"done\":true");
    r = cloud_ask(&t, "GET", "/storage/v1/b/recordings/o/x%2Fcopy?alt=media", NULL);
    CHECK_STR(r.body, "whole");
    r = cloud_ask(&t, "GET", "/storage/v1/b/none/o", NULL);
    CHECK_INT(r.status, 404);
    cloud_close(&t);
}

TEST(storage_ranges_are_read_as_rfc_9110_says)
{
    static const struct {
        const char *range, *body;
        int status;
    } rows[] = {
        { "bytes=0-1", "he", 206 },    { "bytes=3-", "lo", 206 },     { "bytes=-2", "lo", 206 },
        { "bytes=1-99", "ello", 206 }, { "bytes=-99", "hello", 206 }, { "bytes=5-", NULL, 416 },
        { "bytes=2-1", "hello", 200 }, { "lines=1-2", "hello", 200 },
    };
    struct test_cloud t;
    struct storage_object o;
    struct http_response r;
    size_t i;

    open_bucket(&t);
    CHECK_OK(storage_put(t.google, &t.ctx,
                         &(struct storage_target){ .bucket = STR("recordings"), .name = STR("r") },
                         STR("hello"), &o, &t.err));
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_header h = { STR("Range"), str_c(rows[i].range) };

        r = cloud_ask_with(&t, "GET", STR("/storage/v1/b/recordings/o/r?alt=media"), STR_EMPTY, &h,
                           1);
        if (r.status != rows[i].status || (rows[i].body && !str_eq_c(r.body, rows[i].body)))
            FAIL_TEST("%s: %d " STR_FMT, rows[i].range, r.status, STR_ARG(r.body));
    }
    cloud_close(&t);
}

TEST(storage_lists_by_prefix_delimiter_and_page)
{
    static const char *const names[] = { "a/1", "a/2", "b/1", "c" };
    struct test_cloud t;
    struct storage_object o;
    struct http_response r;
    const struct jval *v;
    size_t i;

    open_bucket(&t);
    for (i = 0; i < ARRAY_LEN(names); i++)
        CHECK_OK(storage_put(
            t.google, &t.ctx,
            &(struct storage_target){ .bucket = STR("recordings"), .name = str_c(names[i]) },
            STR("x"), &o, &t.err));
    r = cloud_ask(&t, "GET", "/storage/v1/b/recordings/o?delimiter=/", NULL);
    CHECK_CONTAINS(r.body, "\"prefixes\":[\"a/\",\"b/\"]");
    CHECK_CONTAINS(r.body, "\"name\":\"c\"");
    r = cloud_ask(&t, "GET", "/storage/v1/b/recordings/o?prefix=a/&maxResults=1", NULL);
    CHECK_OK(json_parse_arena(&v, &t.arena, r.body, &t.err));
    CHECK_STR(json_str(json_path(v, "items.0.name")), "a/1");
    r = cloud_ask(
        &t, "GET",
        arena_printf(&t.arena,
                     "/storage/v1/b/recordings/o?prefix=a/&maxResults=1&pageToken=" STR_FMT,
                     STR_ARG(url_encode_text(&t.arena, json_str(json_get(v, "nextPageToken")))))
            .p,
        NULL);
    CHECK_OK(json_parse_arena(&v, &t.arena, r.body, &t.err));
    CHECK_STR(json_str(json_path(v, "items.0.name")), "a/2");
    CHECK(!json_get(v, "nextPageToken"));
    cloud_close(&t);
}
