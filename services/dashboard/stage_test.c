#include "dashboard/stage_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"

enum { WORKERS = 6, WAIT_MS = 20000, BODY_MAX = 1024 * 1024 };
#define DOCUMENTS "projects/demo/databases/(default)/documents/"

/* --- Firestore: writing ------------------------------------------------- */

static void write_value(struct jw *w, const char *key, struct arena *a, const struct jval *v);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tests nest */
static void write_fields(struct jw *w, struct arena *a, const struct jval *obj)
{
    struct json_iter it = json_iter(obj);
    const struct jval *v;
    struct str key;

    jw_obj(w, "fields");
    while (json_next(&it, &key, &v))
        write_value(w, arena_cstr(a, key), a, v);
    jw_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tests nest */
static void write_array(struct jw *w, struct arena *a, const struct jval *arr)
{
    struct json_iter it = json_iter(arr);
    const struct jval *v;

    jw_obj(w, "arrayValue");
    jw_arr(w, "values");
    while (json_next(&it, NULL, &v))
        write_value(w, NULL, a, v);
    jw_end(w);
    jw_end(w);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tests nest */
static void write_value(struct jw *w, const char *key, struct arena *a, const struct jval *v)
{
    int64_t us;

    jw_obj(w, key);
    if (json_is_str(v)) {
        jw_str(w, time_parse_rfc3339(json_str(v), &us) ? "stringValue" : "timestampValue",
               json_str(v));
    } else if (json_is_int(v)) {
        jw_strf(w, "integerValue", "%lld", (long long)json_i64_or(v, 0));
    } else if (json_is_bool(v)) {
        jw_bool(w, "booleanValue", json_bool_or(v, false));
    } else if (json_is_obj(v)) {
        jw_obj(w, "mapValue");
        write_fields(w, a, v);
        jw_end(w);
    } else if (json_is_arr(v)) {
        write_array(w, a, v);
    } else {
        jw_null(w, "nullValue");
    }
    jw_end(w);
}

static void write_doc(struct jw *w, const char *key, struct arena *a, const struct stage_doc *d)
{
    jw_obj(w, key);
    jw_strf(w, "name", DOCUMENTS STR_FMT, STR_ARG(d->path));
    write_fields(w, a, d->json);
    jw_cstr(w, "createTime", STAGE_NOW);
    jw_cstr(w, "updateTime", STAGE_NOW);
    jw_end(w);
}

/* --- Firestore: answering ----------------------------------------------- */

static bool firestore_is_down(struct stage *s, struct http_req *r)
{
    if (!s->firestore_status)
        return false;
    http_reply(r, s->firestore_status, "application/json",
               STR("{\"error\":{\"code\":500,\"message\":\"down\",\"status\":\"INTERNAL\"}}"));
    return true;
}

static const struct stage_doc *find_doc(const struct stage *s, struct str path)
{
    size_t i;

    for (i = 0; i < s->n_docs; i++) {
        if (str_eq(s->docs[i].path, path))
            return &s->docs[i];
    }
    return NULL;
}

static void on_batch_get(void *arg, struct http_req *r)
{
    struct stage *s = arg;
    const struct jval *body, *name;
    struct json_iter it;
    struct jw w;

    atomic_fetch_add(&s->gets, 1);
    if (firestore_is_down(s, r) || json_parse_arena(&body, r->ctx->arena, r->body, NULL))
        return;
    it = json_iter(json_get(body, "documents"));
    jw_init(&w);
    jw_arr(&w, NULL);
    while (json_next(&it, NULL, &name)) {
        const struct stage_doc *d = find_doc(s, str_from(json_str(name), strlen(DOCUMENTS)));

        jw_obj(&w, NULL);
        if (d)
            write_doc(&w, "found", r->ctx->arena, d);
        else
            jw_str(&w, "missing", json_str(name));
        jw_cstr(&w, "readTime", STAGE_NOW);
        jw_end(&w);
    }
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, r->ctx->arena));
}

struct query {
    const struct jval *filter, *cursor;
    struct str prefix; /* "calls/" */
    int64_t limit;
    bool ordered;
};

static bool passes(const struct query *q, const struct stage_doc *d)
{
    struct str id = str_from(d->path, q->prefix.n), field, value;
    const struct jval *wanted, *one;
    struct json_iter it;

    if (!str_starts(d->path, q->prefix) || str_find_char(id, '/') < id.n)
        return false;
    if (!q->filter)
        return true;
    field = json_str(json_path(q->filter, "field.fieldPath"));
    value = json_str(json_get_str(d->json, field));
    wanted = json_get(q->filter, "value");
    if (str_eq_c(json_str(json_get(q->filter, "op")), "EQUAL"))
        return str_eq(value, json_str(json_get(wanted, "stringValue")));
    it = json_iter(json_path(wanted, "arrayValue.values"));
    while (json_next(&it, NULL, &one)) {
        if (str_eq(value, json_str(json_get(one, "stringValue"))))
            return true;
    }
    return false;
}

static int64_t started_us(const struct jval *text)
{
    int64_t us = 0;

    return time_parse_rfc3339(json_str(text), &us) ? 0 : us;
}

static int latest_first(const void *x, const void *y)
{
    const struct stage_doc *a = *(const struct stage_doc *const *)x;
    const struct stage_doc *b = *(const struct stage_doc *const *)y;
    int64_t at_a = started_us(json_get(a->json, "startedAt")),
            at_b = started_us(json_get(b->json, "startedAt"));

    return at_a != at_b ? (at_a < at_b) - (at_a > at_b) : str_cmp(b->path, a->path);
}

/* Cursors: startedAt, and perhaps the document's name. */
static bool is_after(const struct query *q, const struct stage_doc *d)
{
    const struct jval *name = json_path(q->cursor, "values.1.referenceValue");
    int64_t at = started_us(json_get(d->json, "startedAt"));
    int64_t from = started_us(json_path(q->cursor, "values.0.timestampValue"));

    if (!q->cursor || at < from)
        return true;
    return at == from && name && str_cmp(d->path, str_from(json_str(name), strlen(DOCUMENTS))) < 0;
}

static struct str parent_of(struct http_req *r)
{
    struct str rest =
        http_req_param(r, "rest"); /* "documents:runQuery" or "documents/calls/CA1:runQuery" */

    rest = str_slice(rest, 0, str_find(rest, STR(":runQuery")));
    return str_starts(rest, STR("documents/")) ? str_from(rest, strlen("documents/")) : STR_EMPTY;
}

static struct str answer_query(struct stage *s, struct arena *a, const struct query *q)
{
    const struct stage_doc **found = ARENA_ARRAY(a, const struct stage_doc *, STAGE_DOCS_MAX);
    size_t i, n = 0, written = 0;
    struct jw w;

    for (i = 0; i < s->n_docs; i++) {
        if (passes(q, &s->docs[i]))
            found[n++] = &s->docs[i];
    }
    if (q->ordered)
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
        qsort(found, n, sizeof(*found), latest_first);
    jw_init(&w);
    jw_arr(&w, NULL);
    for (i = 0; i < n && written < (size_t)q->limit; i++) {
        if (!is_after(q, found[i]))
            continue;
        written++;
        jw_obj(&w, NULL);
        write_doc(&w, "document", a, found[i]);
        jw_cstr(&w, "readTime", STAGE_NOW);
        jw_end(&w);
    }
    if (!written) {
        jw_obj(&w, NULL);
        jw_cstr(&w, "readTime", STAGE_NOW);
        jw_end(&w);
    }
    jw_end(&w);
    return jw_finish(&w, a);
}

static void on_query(struct stage *s, struct http_req *r)
{
    struct str parent = parent_of(r);
    const struct jval *body, *q;
    struct query query;

    atomic_fetch_add(&s->queries, 1);
    if (firestore_is_down(s, r) || json_parse_arena(&body, r->ctx->arena, r->body, NULL))
        return;
    (void)str_copy(s->last_query, sizeof(s->last_query),
                   r->body); /* what matters stands at its beginning */
    q = json_get(body, "structuredQuery");
    query.filter = json_path(q, "where.fieldFilter");
    query.cursor = json_get(q, "startAt");
    query.limit = json_i64_or(json_get(q, "limit"), 100000);
    query.ordered = json_is_arr(json_get(q, "orderBy"));
    query.prefix =
        arena_printf(r->ctx->arena, STR_FMT "%s" STR_FMT "/", STR_ARG(parent), parent.n ? "/" : "",
                     STR_ARG(json_str(json_path(q, "from.0.collectionId"))));
    http_reply_json(r, 200, answer_query(s, r->ctx->arena, &query));
}

static void on_firestore(void *arg, struct http_req *r)
{
    if (str_ends(r->path, STR(":batchGet")))
        on_batch_get(arg, r);
    else
        on_query(arg, r);
}

/* --- Cloud Storage ------------------------------------------------------ */

static void send_media(struct stage *s, struct http_req *r, struct str data)
{
    struct str range = http_req_header(r, "Range"), first, last;
    int64_t from = 0, to = (int64_t)data.n - 1;

    atomic_fetch_add(&s->storage_reads, 1);
    (void)str_copy(s->last_range, sizeof(s->last_range), range); /* short */
    if (range.n && str_cut(str_from(range, strlen("bytes=")), '-', &first, &last)) {
        if (str_to_i64(first, 0, INT64_MAX, &from) ||
            (last.n && str_to_i64(last, 0, INT64_MAX, &to)))
            return; /* answered 500 */
        http_reply_header(r, "Content-Range",
                          arena_printf(r->ctx->arena, "bytes %lld-%lld/%zu", (long long)from,
                                       (long long)to, data.n));
    }
    data = str_slice(data, (size_t)from, (size_t)to + 1);
    if (s->storage_crc)
        http_reply_header(r, "x-goog-hash", str_c(s->storage_crc));
    if (http_reply_begin(r, range.n ? 206 : 200, "audio/wav", (int64_t)data.n))
        return;
    if (s->storage_break_at)
        data.n = MIN(data.n, s->storage_break_at);
    if (http_reply_write(r, data.p, data.n) == ERR_OK)
        http_reply_end(r);
}

static void on_object(void *arg, struct http_req *r)
{
    struct stage *s = arg;
    struct str name = http_req_param(r, "name");
    size_t i;

    for (i = 0; i < s->n_objects && !str_eq(s->objects[i].name, name); i++)
        ;
    if (s->storage_status || i == s->n_objects)
        http_reply_error(r, s->storage_status ? s->storage_status : 404, "no");
    else if (str_contains(r->query, STR("alt=media")))
        send_media(s, r, s->objects[i].data);
    else
        http_reply_json(
            r, 200,
            arena_printf(
                r->ctx->arena,
                "{\"bucket\":\"audio\",\"name\":\"x\",\"size\":\"%zu\",\"generation\":\"7\","
                "\"contentType\":\"audio/wav\"}",
                s->objects[i].data.n));
}

/* --- Identity-Aware Proxy's keys ---------------------------------------- */

static void on_keys(void *arg, struct http_req *r)
{
    struct stage *s = arg;

    atomic_fetch_add(&s->key_fetches, 1);
    if (s->iap_keys.n)
        http_reply_json(r, 200, s->iap_keys);
    else
        http_reply_error(r, 404, "no keys");
}

static const struct http_route google_routes[] = {
    { HTTP_GET, "/iap/keys", 0, NULL, on_keys, false },
    { HTTP_GET, "/storage/v1/b/audio/o/{name}", 0, NULL, on_object, false },
    { HTTP_POST, "/v1/projects/demo/databases/{db}/{rest*}", BODY_MAX, NULL, on_firestore, false },
};

/* --- stage -------------------------------------------------------------- */

static void on_line(void *arg, enum log_level level, struct str line)
{
    struct stage *s = arg;

    (void)level;
    buf_add_str(&s->lines, line);
    buf_add_char(&s->lines, '\n');
}

static struct http_server *serve(struct stage *s, const struct http_route *routes, size_t n,
                                 void *app)
{
    const struct http_server_opts opts = { .host = "127.0.0.1",
                                           .routes = routes,
                                           .n_routes = n,
                                           .app = app,
                                           .workers = s->workers,
                                           .log = &s->log };
    struct http_server *server;
    struct err err = ERR_INIT;

    if (http_server_create(&server, s->loop, &opts, &err))
        FAIL_TEST("%s", err.text);
    return server;
}

static void start_app(struct stage *s)
{
    struct service service = { .clock = &s->clock, .arena = &s->arena, .settings = &s->settings };
    struct err err = ERR_INIT;
    struct str host;
    void *app;

    s->google = serve(s, google_routes, ARRAY_LEN(google_routes), s);
    host = arena_printf(&s->arena, "127.0.0.1:%d", http_server_port(s->google));
    s->settings.common.project = STR("demo");
    s->settings.google.firestore_emulator_host = host;
    s->settings.google.storage_emulator_host = host;
    s->settings.admission.iap_keys_url =
        arena_printf(&s->arena, "http://" STR_FMT "/iap/keys", STR_ARG(host));
    if (dashboard_create(&app, &service, &err))
        FAIL_TEST("%s", err.text);
    s->app = app;
    s->server = serve(s, dashboard_routes, n_dashboard_routes, app);
}

static void open_with(struct stage *s, enum admission_kind kind)
{
    const struct clock now = clock_system(0);
    int64_t want_us = 0;

    memset(s, 0, sizeof(*s));
    CHECK_OK(time_parse_rfc3339(STR(STAGE_NOW), &want_us));
    s->clock = clock_system(want_us - clock_wall_us(&now));
    buf_init(&s->lines, MIB);
    s->sink = log_sink_create_fn(on_line, s, LOG_INFO, &s->clock);
    s->log = log_root(s->sink);
    CHECK_OK(loop_create(&s->loop, &s->clock, &s->log, NULL));
    s->tls = tls_store_create(NULL);
    CHECK_OK(workers_create(&s->workers, s->loop, WORKERS, s->tls, &s->log, NULL));
    s->settings.admission.kind = (int)kind;
    s->settings.admission.iap_audience = STR(STAGE_IAP_AUDIENCE);
    s->settings.common.listen_host = STR("127.0.0.1");
    s->settings.profile_path = STR(VC_SOURCE_DIR "/evals/profiles/clinic.yaml");
    start_app(s);
}

void stage_open(struct stage *s)
{
    open_with(s, ADMISSION_NONE);
}

void stage_open_behind_iap(struct stage *s)
{
    open_with(s, ADMISSION_IAP);
}

void stage_close(struct stage *s)
{
    s->server = http_server_destroy(s->server);
    s->google = http_server_destroy(s->google);
    s->workers = workers_destroy(s->workers);
    dashboard_destroy(s->app);
    s->loop = loop_destroy(s->loop);
    s->tls = tls_store_destroy(s->tls);
    s->sink = log_sink_destroy(s->sink);
    buf_release(&s->lines);
    arena_release(&s->arena);
}

void stage_put(struct stage *s, const char *path, const char *json)
{
    struct stage_doc *d;
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < s->n_docs && !str_eq_c(s->docs[i].path, path); i++)
        ;
    CHECK(i < STAGE_DOCS_MAX);
    d = &s->docs[i];
    s->n_docs = MAX(s->n_docs, i + 1);
    d->path = arena_str(&s->arena, str_c(path));
    if (json_parse_arena(&d->json, &s->arena, str_c(json), &err))
        FAIL_TEST("%s: %s", path, err.text);
}

void stage_store(struct stage *s, const char *name, struct str data)
{
    CHECK(s->n_objects < STAGE_OBJECTS_MAX);
    s->objects[s->n_objects].name = arena_str(&s->arena, str_c(name));
    s->objects[s->n_objects++].data = arena_str(&s->arena, data);
}

struct asking {
    struct http_request req;
    struct http_response res;
    struct arena arena;
    struct err err;
    enum errc rc;
    bool done;
};

static void ask(void *arg, struct ctx *ctx)
{
    struct asking *q = arg;

    q->rc = http_do(ctx->http, &q->arena, &q->req, &q->res, &q->err);
}

static void asked(void *arg)
{
    struct asking *q = arg;

    q->done = true;
}

static bool is_asked(void *arg)
{
    const struct asking *q = arg;

    return q->done;
}

static void release_answer(void *arg)
{
    struct asking *q = arg;

    arena_release(&q->arena);
}

static struct asking *run(struct stage *s, const char *target, const struct http_header *header,
                          size_t n)
{
    struct asking *q = ARENA_NEW(&s->arena, struct asking);

    arena_defer(&s->arena, release_answer, q);
    q->req.url =
        arena_printf(&s->arena, "http://127.0.0.1:%d%s", http_server_port(s->server), target);
    q->req.headers = header;
    q->req.n_headers = n;
    CHECK_OK(workers_submit(s->workers, ask, asked, q));
    CHECK_OK(loop_run_until(s->loop, is_asked, q, WAIT_MS));
    return q;
}

struct http_response stage_get(struct stage *s, const char *target, const char *header,
                               const char *value)
{
    const struct http_header h = { str_c(header), str_c(value) };
    struct asking *q = run(s, target, &h, header ? 1 : 0);

    if (q->rc)
        FAIL_TEST("GET %s: %s", target, q->err.text);
    return q->res;
}

enum errc stage_try(struct stage *s, const char *target, const char *header, const char *value,
                    struct http_response *ret)
{
    const struct http_header h = { str_c(header), str_c(value) };
    struct asking *q = run(s, target, &h, 1);

    *ret = q->res;
    return q->rc;
}

/* --- a call ------------------------------------------------------------- */

#define CALL "calls/" STAGE_SID

static void put_tool(struct stage *s)
{
    stage_put(
        s, CALL "/events/t0",
        "{\"type\":\"call.tool\",\"source\":\"bridge-0\",\"time\":\"2026-11-24T08:00:20Z\","
        "\"data\":{"
        "\"toolCallId\":\"call_1\",\"name\":\"bookAppointment\",\"status\":\"ok\",\"atMs\":9000,"
        "\"latencyMs\":1210,\"replayed\":false,\"arguments\":{\"name\":\"Anna </pre><script>\"},"
        "\"output\":{\"say\":\"It is booked.\"}}}");
}

static void put_latency(struct stage *s, const char *path, const char *kind, const char *at, int ms)
{
    stage_put(
        s, path,
        arena_printf(&s->arena,
                     "{\"type\":\"call.latency\",\"source\":\"bridge-0\",\"time\":\"%s\",\"data\":{"
                     "\"turn\":1,\"kind\":\"%s\",\"ms\":%d}}",
                     at, kind, ms)
            .p);
}

void stage_put_booking(struct stage *s)
{
    stage_put(
        s, CALL,
        "{\"callSid\":\"" STAGE_SID "\",\"from\":\"+4930*****17\",\"to\":\"+4930555100\","
        "\"status\":\"ended\",\"startedAt\":\"2026-11-24T08:00:00Z\",\"endedAt\":\"2026-11-24T08:"
        "01:00Z\","
        "\"durationMs\":60000,\"outcome\":\"booked\",\"endReason\":\"completed\","
        "\"summary\":\"Wants <b>a check-up</b> & "
        "parking\",\"attempts\":1,\"model\":\"gpt-realtime-2.1\","
        "\"costMicroUsd\":{\"engine\":41250,\"transcription\":3400,\"summary\":0,\"total\":44650},"
        "\"latency\":{\"firstWordMs\":640,\"responseMs\":{\"p50\":710,\"p95\":820,\"max\":820,"
        "\"n\":2},"
        "\"bargeInStopMs\":{\"p50\":120,\"p95\":120,\"max\":120,\"n\":1}},\"turns\":3,"
        "\"toolCalls\":1,"
        "\"booking\":{\"service\":\"check-up\",\"calendar\":\"weber\",\"start\":\"2026-11-26T09:00:"
        "00Z\"},"
        "\"bookingId\":\"bk1\",\"flags\":[\"lead_review\"],"
        "\"recording\":{\"bucket\":\"audio\",\"object\":\"r/"
        "7.wav\",\"durationMs\":58000,\"bytes\":1000,\"status\":\"stored\"},"
        "\"transcript\":{\"bucket\":\"audio\",\"object\":\"r/7.json\"},"
        "\"parts\":{\"inner\":\"not to be shown\"}}");
    stage_put(s, CALL "/turns/0-0001",
              "{\"attempt\":0,\"index\":1,\"role\":\"caller\",\"startMs\":4000,\"endMs\":6000,"
              "\"text\":\"<img src=x onerror=alert(1)>\",\"interrupted\":false}");
    stage_put(s, CALL "/turns/0-0000",
              "{\"attempt\":0,\"index\":0,\"role\":\"agent\",\"startMs\":300,\"endMs\":3000,"
              "\"text\":\"Hello, this is the assistant\",\"interrupted\":true}");
    stage_put(s, CALL "/turns/0-0002",
              "{\"attempt\":0,\"index\":2,\"role\":\"agent\",\"startMs\":12000,\"endMs\":14000,"
              "\"text\":\"Goodbye.\",\"interrupted\":false}");
    stage_put(s, CALL "/events/s",
              "{\"type\":\"call.started\",\"source\":\"bridge-0\","
              "\"time\":\"2026-11-24T08:00:01Z\",\"data\":{\"attempt\":0}}");
    put_tool(s);
    put_latency(s, CALL "/events/l2", "response", "2026-11-24T08:00:30Z", 820);
    put_latency(s, CALL "/events/l1", "response", "2026-11-24T08:00:10Z", 710);
    put_latency(s, CALL "/events/l3", "barge_in_stop", "2026-11-24T08:00:05Z", 120);
    stage_put(s, CALL "/events/u",
              "{\"type\":\"call.usage\",\"source\":\"bridge-0\","
              "\"time\":\"2026-11-24T08:00:05Z\",\"data\":{\"costMicroUsd\":1}}");
    stage_store(
        s, "r/7.json",
        STR("{\"version\":1,\"model\":\"gpt-transcribe\",\"recording\":{\"durationMs\":58000},"
            "\"segments\":["
            "{\"speaker\":\"agent\",\"startMs\":1700,\"endMs\":4400,\"text\":\"Hello there\"},"
            "{\"speaker\":\"caller\",\"startMs\":5400,\"endMs\":7400,\"text\":\"a "
            "<i>check-up</i>\"}]}"));
}
