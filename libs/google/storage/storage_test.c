#include "google/storage.h"

#include <string.h>

#include "base/crypto.h"
#include "google/peer_test.h"

/* 262144 bytes of 'a' and then "tail": CRC32C below. */
#define SIZE "262148"

static enum errc read_tail(void *arg, char *out, size_t max, size_t *n)
{
    size_t *at = arg;
    size_t total = STORAGE_CHUNK_UNIT + 4, i;

    *n = MIN(max, total - *at);
    for (i = 0; i < *n; i++)
        out[i] = *at + i < STORAGE_CHUNK_UNIT ? 'a' : "tail"[*at + i - STORAGE_CHUNK_UNIT];
    *at += *n;
    return ERR_OK;
}

static const char *object(struct peer *p, const char *crc)
{
    return arena_printf(&p->arena,
                        "{\"name\":\"n\",\"bucket\":\"b\",\"size\":\"" SIZE
                        "\",\"generation\":\"5\",\"crc32c\":\"%s\"}",
                        crc)
        .p;
}

static const char *right_crc(struct peer *p)
{
    char *all = arena_alloc(&p->arena, STORAGE_CHUNK_UNIT + 4);
    size_t at = 0, n = 0;
    uint32_t crc;
    uint8_t bytes[4];

    CHECK_OK(read_tail(&at, all, STORAGE_CHUNK_UNIT + 4, &n));
    crc = crc32c(0, all, n);
    bytes[0] = (uint8_t)(crc >> 24);
    bytes[1] = (uint8_t)(crc >> 16 & 0xff);
    bytes[2] = (uint8_t)(crc >> 8 & 0xff);
    bytes[3] = (uint8_t)(crc & 0xff);
    return base64_text(&p->arena, str_n(bytes, 4)).p;
}

static const struct storage_target target = { .bucket = STR("b"),
                                              .name = STR("x y/n"),
                                              .create_only = true };

static enum errc upload(struct peer *p, struct storage_object *o)
{
    size_t at = 0;

    return storage_upload(p->google, &p->ctx, &target, STORAGE_CHUNK_UNIT, read_tail, &at, o,
                          &p->err);
}

#define SESSION(peer)                                                             \
    {                                                                             \
        .header = "Location", .value = peer_url((peer), "/session?upload_id=s").p \
    }
#define STORED_CHUNK                                                \
    {                                                               \
        .status = 308, .header = "Range", .value = "bytes=0-262143" \
    }

TEST(storage_upload_sends_chunks_and_the_total_with_the_last)
{
    struct storage_object o;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, SESSION(&p), STORED_CHUNK, { .body = object(&p, right_crc(&p)) });
    CHECK_OK(upload(&p, &o));
    CHECK_INT(o.generation, 5);
    CHECK_STR(str_c(p.asked[0].target),
              "/upload/storage/v1/b/b/o?uploadType=resumable&name=x%20y%2Fn&ifGenerationMatch=0");
    CHECK_STR(str_c(p.asked[1].content_range), "bytes 0-262143/*");
    CHECK_STR(str_c(p.asked[2].content_range), "bytes 262144-262147/" SIZE);
    CHECK_STR(str_c(p.asked[2].body), "tail");
    peer_close(&p);
}

TEST(storage_upload_asks_what_is_stored_after_a_lost_answer)
{
    struct storage_object o;
    struct peer p;

    peer_open(&p);
    /* the first chunk: its answer breaks off, and half a session later it turns out to be stored */
    PEER_SCRIPT(&p, SESSION(&p), { .status = 503, .body = "{}" }, STORED_CHUNK,
                { .body = object(&p, right_crc(&p)) });
    CHECK_OK(upload(&p, &o));
    CHECK_STR(str_c(p.asked[2].content_range), "bytes */*");
    CHECK_STR(str_c(p.asked[2].body), "");
    CHECK_STR(str_c(p.asked[3].content_range), "bytes 262144-262147/" SIZE);
    peer_close(&p);
}

TEST(storage_upload_sends_again_what_was_not_stored)
{
    struct storage_object o;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, SESSION(&p), { .status = 308 } /* no Range: ask */,
                { .status = 308 } /* nothing */, STORED_CHUNK,
                { .body = object(&p, right_crc(&p)) });
    CHECK_OK(upload(&p, &o));
    CHECK_STR(str_c(p.asked[2].content_range), "bytes */*");
    CHECK_STR(str_c(p.asked[3].content_range), "bytes 0-262143/*");
    peer_close(&p);
}

TEST(storage_upload_whose_last_answer_was_lost_is_found_finished)
{
    struct storage_object o;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, SESSION(&p), STORED_CHUNK, { .status = 500, .body = "{}" },
                { .body = object(&p, right_crc(&p)) });
    CHECK_OK(upload(&p, &o));
    CHECK_STR(str_c(p.asked[3].content_range), "bytes */" SIZE);
    peer_close(&p);
}

TEST(storage_upload_notices_what_went_wrong)
{
    struct storage_object o;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, SESSION(&p), STORED_CHUNK, { .body = object(&p, "AAAAAA==") });
    CHECK_RC(ERR_UPSTREAM, upload(&p, &o)); /* other bytes */
    CHECK_STR(str_c(p.asked[3].method), "DELETE");
    peer_close(&p);
    peer_open(&p);
    PEER_SCRIPT(&p, { .status = 412, .body = "{}" });
    CHECK_RC(ERR_CONFLICT, upload(&p, &o)); /* it exists */
    CHECK_INT(p.n_asked, 1);
    peer_close(&p);
    peer_open(&p);
    PEER_SCRIPT(&p, SESSION(&p), { .status = 410, .body = "{}" });
    CHECK_RC(ERR_NOT_FOUND, upload(&p, &o)); /* the session died, and no other is to be had */
    peer_close(&p);
    peer_open(&p);
    PEER_SCRIPT(&p, SESSION(&p),
                { .status = 308, .header = "Range", .value = "bytes=0-999999999" });
    CHECK_RC(ERR_UPSTREAM, upload(&p, &o)); /* more than was ever sent */
    peer_close(&p);
}

static enum errc into(void *arg, const char *data, size_t n)
{
    struct buf *b = arg;

    buf_add(b, data, n);
    return buf_status(b);
}

TEST(storage_read_goes_on_where_the_connection_broke)
{
    struct buf got = BUF_INIT(100);
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(&p, { .status = -1, .body = "hel" },
                { .status = 206, .header = "Content-Range", .value = "bytes 3-4/5", .body = "lo" });
    CHECK_OK(storage_read(p.google, &p.ctx, STR("b"), STR("n"), 0, -1, into, &got, NULL, &p.err));
    CHECK_STR(buf_str(&got), "hello");
    CHECK_STR(str_c(p.asked[0].target), "/storage/v1/b/b/o/n?alt=media");
    CHECK_STR(str_c(p.asked[0].range), "");
    CHECK_STR(str_c(p.asked[1].range), "bytes=3-");
    buf_release(&got);
    peer_close(&p);
}

TEST(storage_read_loses_nothing_when_it_is_cut_at_any_byte)
{
    static const char *const heads[] = { "", "h", "he", "hel", "hell" };
    static const char *const ranges[] = { "", "bytes=1-", "bytes=2-", "bytes=3-", "bytes=4-" };
    struct buf got = BUF_INIT(100);
    struct peer p;
    size_t k;

    for (k = 0; k < 5; k++) { /* twice: the second is cut at its first byte, and 503 asks to wait */
        peer_open(&p);
        PEER_SCRIPT(&p, { .status = -1, .body = heads[k] }, { .status = -1, .body = "" },
                    { .status = 503, .header = "Retry-After", .value = "0", .body = "{}" },
                    { .status = k ? 206 : 200,
                      .header = "x-goog-hash",
                      .value = "crc32c=mnG7TA==",
                      .body = "hello" + k });
        CHECK_OK(
            storage_read(p.google, &p.ctx, STR("b"), STR("n"), 0, -1, into, &got, NULL, &p.err));
        CHECK_STR(buf_str(&got), "hello");
        CHECK_INT(p.n_asked, 4);
        CHECK_STR(str_c(p.asked[3].range), ranges[k]);
        buf_reset(&got);
        peer_close(&p);
    }
    buf_release(&got);
}

TEST(storage_read_notices_that_the_object_was_replaced_meanwhile)
{
    struct buf got = BUF_INIT(100);
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(
        &p, { .status = -1, .body = "hel" },
        { .status = 206, .header = "x-goog-hash", .value = "crc32c=mnG7TA==", .body = "xx" });
    CHECK_RC(ERR_UPSTREAM,
             storage_read(p.google, &p.ctx, STR("b"), STR("n"), 0, -1, into, &got, NULL, &p.err));
    buf_release(&got);
    peer_close(&p);
}

TEST(storage_read_refuses_other_bytes_than_are_stored)
{
    struct buf got = BUF_INIT(4);
    struct storage_object o;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(
        &p, { .header = "x-goog-hash", .value = "crc32c=AAAAAA==,md5=x", .body = "abc" },
        { .body = "hello" }, { .status = 416, .body = "{}" },
        { .status = 206, .header = "Content-Range", .value = "bytes 1-2/500", .body = "bc" });
    CHECK_RC(ERR_UPSTREAM,
             storage_read(p.google, &p.ctx, STR("b"), STR("n"), 0, -1, into, &got, NULL, &p.err));
    buf_reset(&got);
    CHECK_RC(ERR_LIMIT,
             storage_read(p.google, &p.ctx, STR("b"), STR("n"), 0, -1, into, &got, NULL, &p.err));
    CHECK_INT(p.n_asked, 2); /* the reader's own refusal is not repeated */
    buf_reset(&got);
    CHECK_RC(ERR_LIMIT,
             storage_read(p.google, &p.ctx, STR("b"), STR("n"), 9, -1, into, &got, NULL, &p.err));
    CHECK_OK(storage_read(p.google, &p.ctx, STR("b"), STR("n"), 1, 2, into, &got, &o, &p.err));
    CHECK_STR(str_c(p.asked[3].range), "bytes=1-2");
    CHECK_INT(o.size, 500);
    buf_release(&got);
    peer_close(&p);
}

TEST(storage_put_takes_a_refused_repeat_of_its_own_success_as_done)
{
    struct storage_object o;
    struct peer p;

    peer_open(&p);
    PEER_SCRIPT(
        &p, { .status = 503, .header = "Retry-After", .value = "0", .body = "{}" },
        { .status = 412, .body = "{}" },
        { .body = "{\"name\":\"n\",\"size\":\"5\",\"generation\":\"9\",\"crc32c\":\"mnG7TA==\"}" },
        { .status = 412, .body = "{}" });
    CHECK_OK(storage_put(p.google, &p.ctx, &target, STR("hello"), &o, &p.err));
    CHECK_INT(o.generation, 9);
    CHECK(str_starts(str_c(p.asked[0].content_type), STR("multipart/related; boundary=")));
    CHECK_CONTAINS(str_c(p.asked[0].body), "\"crc32c\":\"mnG7TA==\"");
    CHECK_RC(ERR_CONFLICT, storage_put(p.google, &p.ctx, &target, STR("hello"), &o, &p.err));
    peer_close(&p);
}
