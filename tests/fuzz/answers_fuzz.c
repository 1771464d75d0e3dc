/* Answers of other people's servers, as our clients read them: Firestore, Cloud Storage, Pub/Sub, metadata
 * server, token issuer's keys, Twilio's REST. The transport is taken out (http_do): the first byte chooses the
 * call, the second the status; lines up to an empty one are headers, the rest is the body. Every request of
 * that call gets this same answer. */
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "google/firestore.h"
#include "google/key_set.h"
#include "google/oidc.h"
#include "google/pubsub.h"
#include "google/storage.h"
#include "google/token.h"
#include "net/http_client.h"
#include "twilio/rest.h"

enum { ANSWERS_MAX = 64, HEADERS_MAX = 16, UPLOAD_BYTES = 300000 };

#define CALL_SID STR("CA00000000000000000000000000000001")
#define RECORDING_SID STR("RE00000000000000000000000000000001")

static struct fuzz_answer {
    int status, given;
    struct http_header headers[HEADERS_MAX];
    size_t n_headers;
    struct str body;
} answer;
static struct google *google;
static struct oidc *oidc;
static const struct twilio_settings twilio = { .account_sid = STR("AC1"),
                                               .auth_token = STR("token"),
                                               .api_base = STR("http://twilio.test") };

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's --wrap chose the names */
enum errc __wrap_http_do(struct http_client *c, struct arena *a, const struct http_request *req,
                         struct http_response *ret, struct err *err);
int __wrap_nanosleep(const struct timespec *want, struct timespec *left);
/* NOLINTEND(bugprone-reserved-identifier) */

int __wrap_nanosleep(const struct timespec *want, struct timespec *left)
{
    (void)want, (void)left;
    return 0;
}

enum errc __wrap_http_do(struct http_client *c, struct arena *a, const struct http_request *req,
                         struct http_response *ret, struct err *err)
{
    static char piece[16 * 1024];
    size_t n = 1;
    enum errc rc = ERR_OK;

    (void)c;
    if (++answer.given > ANSWERS_MAX || !answer.status)
        return err_set(err, ERR_UPSTREAM, "no answer");
    while (req->read && n && !rc)
        rc = req->read(req->read_arg, piece, sizeof(piece), &n);
    if (!rc && req->write && answer.status / 100 == 2)
        rc = req->write(req->write_arg, answer.body.p, answer.body.n);
    *ret = (struct http_response){ .status = answer.status,
                                   .body = arena_str(a, answer.body),
                                   .headers = answer.headers,
                                   .n_headers = answer.n_headers,
                                   .attempts = 1 };
    return rc;
}

static void take_doc(struct arena *a, const struct fs_doc *d)
{
    const struct jval *plain;
    struct jw w;

    if (!d->exists)
        return;
    jw_init(&w);
    fs_fields_json(&w, NULL, d->fields);
    FUZZ_HOLDS(!json_parse_arena(&plain, a, jw_finish(&w, a), NULL));
    (void)fs_str(d->fields, "state");
    (void)fs_time_or(d->fields, "at", 0);
    (void)fs_bytes(d->fields, "data", a);
}

static void get(struct ctx *ctx)
{
    struct fs_doc doc;

    if (!firestore_get(google, ctx, STR("calls/CA1"), &doc, NULL))
        take_doc(ctx->arena, &doc);
}

static void get_all(struct ctx *ctx)
{
    const struct str paths[] = { STR("calls/CA1"), STR("calls/CA2") };
    struct fs_doc docs[ARRAY_LEN(paths)];
    size_t i;

    if (firestore_get_all(google, ctx, paths, ARRAY_LEN(paths), docs, NULL))
        return;
    for (i = 0; i < ARRAY_LEN(paths); i++)
        take_doc(ctx->arena, &docs[i]);
}

static void query(struct ctx *ctx)
{
    const struct firestore_query q = { .collection = "calls", .limit = 10 };
    struct fs_docs docs;
    size_t i;

    if (firestore_query(google, ctx, &q, &docs, NULL))
        return;
    for (i = 0; i < docs.n; i++)
        take_doc(ctx->arena, &docs.items[i]);
}

static void count(struct ctx *ctx)
{
    const struct firestore_query q = { .collection = "calls" };
    int64_t n = -1;

    if (!firestore_count(google, ctx, &q, &n, NULL))
        FUZZ_HOLDS(n >= 0);
}

static void commit(struct ctx *ctx)
{
    struct firestore_commit *c = firestore_commit_begin(google, ctx);
    struct firestore_result result;

    fsw_i64(firestore_create(c, STR("calls/CA1")), "n", 1);
    firestore_delete(c, STR("calls/CA2"), FS_PRE_ANY);
    if (!firestore_commit(c, &result, NULL))
        FUZZ_HOLDS(result.n == 2);
}

static enum errc read_zeros(void *arg, char *out, size_t max, size_t *n)
{
    size_t *left = arg;

    *n = *left < max ? *left : max;
    memset(out, 0, *n);
    *left -= *n;
    return ERR_OK;
}

static void upload(struct ctx *ctx)
{
    const struct storage_target to = { .bucket = STR("b"), .name = STR("o") };
    struct storage_object object;
    size_t left = UPLOAD_BYTES;

    if (!storage_upload(google, ctx, &to, STORAGE_CHUNK_UNIT, read_zeros, &left, &object, NULL))
        FUZZ_HOLDS(object.size == UPLOAD_BYTES && left == 0);
}

static void put(struct ctx *ctx)
{
    const struct storage_target to = { .bucket = STR("b"), .name = STR("o") };
    struct storage_object object;

    if (!storage_put(google, ctx, &to, STR("four"), &object, NULL))
        FUZZ_HOLDS(object.size == 4);
}

static void download(struct ctx *ctx)
{
    struct str text;

    if (!storage_get(google, ctx, STR("b"), STR("o"), 4096, &text, NULL))
        FUZZ_HOLDS(text.n <= 4096);
}

static void stat_object(struct ctx *ctx)
{
    struct storage_object object;

    if (!storage_stat(google, ctx, STR("b"), STR("o"), &object, NULL))
        FUZZ_HOLDS(object.size >= 0);
}

static void publish(struct ctx *ctx)
{
    const struct pubsub_message messages[2] = { { .data = STR("1") }, { .data = STR("2") } };
    struct str *ids;

    if (!pubsub_publish(google, ctx, STR("events"), messages, ARRAY_LEN(messages), &ids, NULL))
        FUZZ_HOLDS(ids[0].n > 0 && ids[1].n > 0);
}

static void tokens(struct ctx *ctx)
{
    struct token_source *source = google_tokens(google);
    struct str token;

    if (!token_access(source, ctx, TOKEN_SCOPE_CLOUD, &token, NULL))
        token_drop(source, token);
    if (!token_identity(source, ctx, STR("https://gateway"), &token, NULL))
        token_drop(source, token);
}

/* A token whose key is looked for in the answer. */
static void keys(struct ctx *ctx)
{
    static const struct str token =
        STR("eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0."
            "eyJpc3MiOiJodHRwczovL2FjY291bnRzLmdvb2dsZS5jb20iLCJhdWQiOiJ"
            "odHRwczovL2dhdGV3YXkiLCJleHAiOjIwMDAwMDAwMDB9.AAAA");

    FUZZ_HOLDS(oidc_verify(oidc, ctx, token, NULL, NULL));
}

static void twilio_recording(struct ctx *ctx)
{
    struct twilio_recording r;

    if (!twilio_recording_get(&twilio, ctx, RECORDING_SID, &r, NULL))
        FUZZ_HOLDS(r.duration_s >= -1);
}

static void twilio_call(struct ctx *ctx)
{
    const struct twilio_message message = { .to = STR("+4915112345678"),
                                            .from = STR("+493012345678"),
                                            .body = STR("text") };
    struct str status;

    (void)!twilio_call_status(&twilio, ctx, CALL_SID, &status, NULL);
    (void)!twilio_message_send(&twilio, ctx, &message, &status, NULL);
}

static void (*const calls[])(struct ctx *ctx) = {
    get,      get_all,     query,   count,  commit, upload,           put,
    download, stat_object, publish, tokens, keys,   twilio_recording, twilio_call,
};

static void set_answer(const uint8_t *data, size_t size)
{
    static const int statuses[] = { 200, 201, 204, 206, 308, 400, 401, 403, 404,
                                    409, 410, 412, 416, 429, 500, 503, 0 };
    struct str line, rest = str_n(data + 2, size - 2);

    answer.status = statuses[data[1] % ARRAY_LEN(statuses)];
    answer.given = 0;
    answer.n_headers = 0;
    while (answer.n_headers < HEADERS_MAX && str_cut(rest, '\n', &line, &rest) && line.n > 0) {
        struct http_header *h = &answer.headers[answer.n_headers];

        if (str_cut(line, ':', &h->name, &h->value)) {
            h->value = str_trim(h->value);
            answer.n_headers++;
        }
    }
    answer.body = rest;
}

static void start(struct clock_fake *clock)
{
    static const struct google_settings settings = { .metadata_host = STR("metadata.test") };
    static struct str audience = STR("https://gateway"), email = STR("a@b.test");
    static const struct oidc_settings oidc_settings = {
        .audiences = { &audience, 1 },
        .emails = { &email, 1 },
        .certs_url = STR("http://keys.test/certs"),
    };

    clock_fake_init(clock, 1800000000LL * 1000000);
    FUZZ_HOLDS(!google_create(&google, STR("p"), &settings, &clock->clock, NULL));
    FUZZ_HOLDS(!oidc_create(&oidc, &oidc_settings, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct clock_fake clock;
    struct arena a = ARENA_INIT;
    struct ctx ctx = { .arena = &a, .clock = &clock.clock };

    if (!google)
        start(&clock);
    if (size < 2)
        return 0;
    set_answer(data, size);
    clock_fake_advance_ms(&clock, 2LL * KEY_SET_AGE_S * 1000); /* nothing is remembered */
    calls[data[0] % ARRAY_LEN(calls)](&ctx);
    arena_release(&a);
    return 0;
}
