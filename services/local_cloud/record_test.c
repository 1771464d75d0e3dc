#include "local_cloud/record.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "test.h"

struct rig {
    struct clock_fake clock;
    struct log_sink *sink;
    struct log log;
    int warnings;
    char path[64];
    struct record *record;
    const struct net_tap *tap;
    struct buf text;
    struct arena arena;
};

static void on_log(void *arg, enum log_level level, struct str line)
{
    (void)line;
    ((struct rig *)arg)->warnings += level == LOG_WARN;
}

static void rig_open(struct rig *r)
{
    *r = (struct rig){ .path = "/tmp/vc-record-XXXXXX" };
    close(mkstemp(r->path));
    buf_init(&r->text, 64 * MIB);
    arena_init(&r->arena);
    clock_fake_init(&r->clock, 1795510800LL * 1000000);
    r->sink = log_sink_create_fn(on_log, r, LOG_DEBUG, &r->clock.clock);
    r->log = log_root(r->sink);
    CHECK_OK(record_create(&r->record, r->path, &r->clock.clock, &r->log, NULL));
    r->tap = record_tap(r->record);
}

static void rig_close(struct rig *r)
{
    r->record = record_destroy(r->record);
    r->sink = log_sink_destroy(r->sink);
    unlink(r->path);
    buf_release(&r->text);
    arena_release(&r->arena);
}

/* The lines so far, each of which must be a whole object; returns their number. */
static size_t read_lines(struct rig *r, const struct jval **last)
{
    struct str rest, line;
    size_t n = 0;

    buf_reset(&r->text);
    CHECK_OK(file_read(&r->text, r->path, NULL));
    rest = buf_str(&r->text);
    CHECK(!rest.n || str_ends(rest, STR("\n")));
    while (rest.n) {
        (void)str_cut(rest, '\n', &line, &rest);
        CHECK_OK(json_parse_arena(last, &r->arena, line, NULL));
        CHECK_INT(json_i64_or(json_get(*last, "seq"), 0), ++n);
    }
    return n;
}

static const struct http_header asked[] = {
    { STR("Host"), STR("127.0.0.1:8080") },
    { STR("User-Agent"), STR("voice-concierge/tool-gateway") },
    { STR("Authorization"), STR("Bearer very-secret") },
    { STR("X-Same"), STR("1") },
    { STR("X-Same"), STR("2") },
};

static struct tap_http exchange(struct str request, struct str answer)
{
    struct tap_http x = { .side = TAP_SERVER,
                          .method = STR("POST"),
                          .url = STR("http://127.0.0.1:8080/v1/a%2Fb?x=%20"),
                          .request = { asked, ARRAY_LEN(asked), { request, request.n } },
                          .status = 200,
                          .answer = { .body = { answer, answer.n } },
                          .took_us = 1234 };

    return x;
}

TEST(record_writes_an_exchange_with_the_service_that_made_it)
{
    const struct jval *v = NULL;
    struct tap_http x = exchange(STR("{\"a\":\"\xc3\xbc\"}"), STR("ok\n"));
    struct rig r;

    rig_open(&r);
    r.tap->http(r.tap->arg, &x);
    CHECK_INT(read_lines(&r, &v), 1);
    CHECK_STR(json_str(json_get(v, "kind")), "http");
    CHECK_STR(json_str(json_get(v, "at")), "2026-11-24T09:00:00.000000Z");
    CHECK_STR(json_str(json_get(v, "side")), "server");
    CHECK_STR(json_str(json_get(v, "service")), "tool-gateway");
    CHECK_STR(json_str(json_get(v, "method")), "POST");
    CHECK_STR(json_str(json_get(v, "url")), "http://127.0.0.1:8080/v1/a%2Fb?x=%20");
    CHECK_STR(json_str(json_path(v, "request.body")), "{\"a\":\"\xc3\xbc\"}");
    CHECK_INT(json_i64_or(json_path(v, "request.bytes"), -1), 10);
    CHECK(!json_bool_or(json_path(v, "request.truncated"), true));
    CHECK_STR(json_str(json_path(v, "request.headers.4.0")), "X-Same");
    CHECK_STR(json_str(json_path(v, "request.headers.4.1")), "2");
    CHECK_INT(json_i64_or(json_path(v, "answer.status"), 0), 200);
    CHECK_STR(json_str(json_path(v, "answer.body")), "ok\n");
    CHECK_INT(json_i64_or(json_get(v, "took_us"), 0), 1234);
    CHECK(!json_get(v, "error"));
    rig_close(&r);
}

TEST(record_leaves_credentials_out)
{
    const struct jval *v = NULL;
    struct tap_http x = exchange(STR_EMPTY, STR_EMPTY);
    struct http_header bare = { STR("authorization"), STR("secret") };
    struct rig r;

    rig_open(&r);
    r.tap->http(r.tap->arg, &x);
    CHECK_INT(read_lines(&r, &v), 1);
    CHECK_STR(json_str(json_path(v, "request.headers.2.1")), "Bearer (11 bytes)");
    x.request.headers = &bare;
    x.request.n_headers = 1;
    r.tap->http(r.tap->arg, &x);
    CHECK_INT(read_lines(&r, &v), 2);
    CHECK_STR(json_str(json_path(v, "request.headers.0.1")), "(6 bytes)");
    CHECK(!str_contains(buf_str(&r.text), STR("secret")));
    rig_close(&r);
}

TEST(record_writes_bytes_that_are_no_text_in_base64)
{
    const struct jval *v = NULL;
    struct tap_http x = exchange(STR("\xff\x00\x01"), STR("\xe2\x82"));
    struct rig r;

    rig_open(&r);
    r.tap->http(r.tap->arg, &x);
    CHECK_INT(read_lines(&r, &v), 1);
    CHECK_STR(json_str(json_path(v, "request.body_base64")), "/wAB");
    CHECK(!json_path(v, "request.body"));
    CHECK_STR(json_str(json_path(v, "answer.body_base64")), "4oI=");
    /* a character that only our own limit has cut is no reason */
    x.answer.body.bytes = 100;
    r.tap->http(r.tap->arg, &x);
    CHECK_INT(read_lines(&r, &v), 2);
    CHECK_STR(json_str(json_path(v, "answer.body")), "");
    CHECK_INT(json_i64_or(json_path(v, "answer.bytes"), 0), 100);
    CHECK(json_bool_or(json_path(v, "answer.truncated"), false));
    rig_close(&r);
}

TEST(record_says_why_there_is_no_answer)
{
    const struct jval *v = NULL;
    struct tap_http x = exchange(STR_EMPTY, STR_EMPTY);
    struct rig r;

    rig_open(&r);
    x.side = TAP_CLIENT;
    x.status = 0;
    x.error = "connection refused";
    r.tap->http(r.tap->arg, &x);
    CHECK_INT(read_lines(&r, &v), 1);
    CHECK(json_get(v, "answer") && json_is_null(json_get(v, "answer")));
    CHECK_STR(json_str(json_get(v, "error")), "connection refused");
    CHECK_STR(json_str(json_get(v, "service")), "local-cloud");
    CHECK_STR(json_str(json_get(v, "side")), "client");
    rig_close(&r);
}

TEST(record_writes_what_happens_on_a_web_socket)
{
    static const struct http_header headers[] = { { STR("User-Agent"), STR("Twilio.TmeWs/1.0") } };
    struct tap_ws t = { .side = TAP_SERVER,
                        .conn = 7,
                        .url = STR("http://127.0.0.1:8082/media"),
                        .in = true,
                        .type = TAP_WS_OPEN,
                        .user_agent = STR("Twilio.TmeWs/1.0"),
                        .headers = headers,
                        .n_headers = 1 };
    const struct jval *v = NULL;
    struct rig r;

    rig_open(&r);
    r.tap->ws(r.tap->arg, &t);
    CHECK_INT(read_lines(&r, &v), 1);
    CHECK_STR(json_str(json_get(v, "kind")), "ws");
    CHECK_STR(json_str(json_get(v, "service")), "Twilio.TmeWs/1.0");
    CHECK_STR(json_str(json_get(v, "direction")), "in");
    CHECK_STR(json_str(json_get(v, "type")), "open");
    CHECK_STR(json_str(json_path(v, "headers.0.0")), "User-Agent");
    CHECK_INT(json_i64_or(json_get(v, "conn"), 0), 7);
    t.in = false;
    t.type = TAP_WS_BINARY;
    t.data = (struct tap_body){ STR("\xfe"), 1 };
    r.tap->ws(r.tap->arg, &t);
    CHECK_INT(read_lines(&r, &v), 2);
    CHECK_STR(json_str(json_get(v, "direction")), "out");
    CHECK_STR(json_str(json_get(v, "type")), "binary");
    CHECK_STR(json_str(json_get(v, "data_base64")), "/g==");
    t.type = TAP_WS_CLOSE;
    t.data = (struct tap_body){ STR("bye"), 3 };
    t.code = 1000;
    r.tap->ws(r.tap->arg, &t);
    CHECK_INT(read_lines(&r, &v), 3);
    CHECK_STR(json_str(json_get(v, "type")), "close");
    CHECK_STR(json_str(json_get(v, "data")), "bye");
    CHECK_INT(json_i64_or(json_get(v, "code"), 0), 1000);
    rig_close(&r);
}

TEST(record_ends_with_one_warning_when_it_is_full)
{
    const struct jval *v = NULL;
    struct tap_http x = exchange(STR("0123456789"), STR_EMPTY);
    struct rig r;
    int i;

    rig_open(&r);
    record_limit(r.record, 2000);
    for (i = 0; i < 10; i++)
        r.tap->http(r.tap->arg, &x);
    CHECK(read_lines(&r, &v) >= 2);
    CHECK(r.text.n <= 2000);
    CHECK_INT(r.warnings, 1);
    rig_close(&r);
}

enum { WRITERS = 8, EACH = 50 };

static void *write_many(void *arg)
{
    struct rig *r = arg;
    struct tap_http x = exchange(STR("ein paar Bytes"), STR_EMPTY);
    int i;

    for (i = 0; i < EACH; i++)
        r->tap->http(r->tap->arg, &x);
    return NULL;
}

TEST(record_keeps_the_lines_of_many_threads_apart)
{
    const struct jval *v = NULL;
    pthread_t threads[WRITERS];
    struct rig r;
    int i;

    rig_open(&r);
    for (i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&threads[i], NULL, write_many, &r) == 0);
    for (i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(read_lines(&r, &v), WRITERS * EACH);
    rig_close(&r);
}

TEST(record_names_a_file_that_cannot_be_written)
{
    struct record *record = NULL;
    struct clock clock = clock_system(0);
    struct log log = { 0 };
    struct err err = ERR_INIT;

    CHECK_RC(ERR_IO, record_create(&record, "/nowhere/record.jsonl", &clock, &log, &err));
    CHECK_CONTAINS(str_c(err.text), "/nowhere/record.jsonl");
}
