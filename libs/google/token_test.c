#include "google/token.h"

#include "base/crypto.h"
#include "base/json.h"
#include "google/jwt.h"
#include "google/peer_test.h"
#include "google/rest.h"

#define TOKEN(text) "{\"access_token\":\"" text "\",\"expires_in\":3599,\"token_type\":\"Bearer\"}"
#define FLAVOR .header = "Metadata-Flavor", .value = "Google"

static struct str access_token(struct peer *p)
{
    struct str token;

    CHECK_OK(token_access(google_tokens(p->google), &p->ctx, STR("a b"), &token, &p->err));
    return token;
}

TEST(token_comes_from_the_metadata_server_and_is_kept)
{
    struct peer p;

    peer_open_metadata(&p);
    PEER_SCRIPT(&p, { FLAVOR, .body = TOKEN("one") }, { FLAVOR, .body = TOKEN("two") });
    CHECK_STR(access_token(&p), "one");
    CHECK_STR(access_token(&p), "one");
    CHECK_INT(p.n_asked, 1);
    CHECK_STR(str_c(p.asked[0].target),
              "/computeMetadata/v1/instance/service-accounts/default/token?scopes=a%2Cb");
    CHECK_STR(str_c(p.asked[0].flavor), "Google");
    clock_fake_advance_ms(&p.fake, (3599 - TOKEN_EARLY_S) * 1000L);
    CHECK_STR(access_token(&p), "two"); /* renewed before it expires */
    peer_close(&p);
}

TEST(token_that_cannot_be_renewed_serves_until_it_expires)
{
    struct peer p;
    struct str token;

    peer_open_metadata(&p);
    PEER_SCRIPT(&p, { FLAVOR, .body = TOKEN("old") }, { .status = 404 }, { .status = 404 },
                { .status = 404 });
    CHECK_STR(access_token(&p), "old");
    clock_fake_advance_ms(&p.fake, 3400L * 1000);
    CHECK_STR(access_token(&p), "old");
    CHECK_STR(access_token(&p), "old");
    CHECK_INT(p.n_asked, 2); /* not at once again */
    clock_fake_advance_ms(&p.fake, 200L * 1000);
    CHECK_RC(ERR_NOT_FOUND,
             token_access(google_tokens(p.google), &p.ctx, STR("a b"), &token, &p.err));
    peer_close(&p);
}

TEST(token_answer_of_something_else_is_not_believed)
{
    struct peer p;
    struct str token;

    peer_open_metadata(&p);
    PEER_SCRIPT(&p, { .body = TOKEN("forged") });
    CHECK_RC(ERR_UPSTREAM, token_access(google_tokens(p.google), &p.ctx, STR("a"), &token, &p.err));
    CHECK_CONTAINS(str_c(p.err.text), "Metadata-Flavor");
    peer_close(&p);
}

struct asker {
    struct peer *peer;
    pthread_t thread;
    bool good;
};

static void *ask(void *arg)
{
    struct asker *me = arg;
    struct arena a = ARENA_INIT;
    struct ctx ctx = me->peer->ctx;
    struct str token;

    ctx.arena = &a;
    ctx.http = http_client_create(me->peer->tls, &me->peer->system);
    me->good = !token_access(google_tokens(me->peer->google), &ctx, STR("a"), &token, NULL) &&
               str_eq(token, STR("shared"));
    ctx.http = http_client_destroy(ctx.http);
    arena_release(&a);
    return NULL;
}

TEST(token_is_asked_for_once_however_many_want_it)
{
    struct asker askers[4];
    struct peer p;
    size_t i;

    peer_open_metadata(&p);
    PEER_SCRIPT(&p, { FLAVOR, .body = TOKEN("shared") }, { FLAVOR, .body = TOKEN("second") });
    p.hold = true;
    for (i = 0; i < ARRAY_LEN(askers); i++) {
        askers[i] = (struct asker){ .peer = &p };
        CHECK(pthread_create(&askers[i].thread, NULL, ask, &askers[i]) == 0);
    }
    peer_wait_asked(&p, 1);
    peer_let_go(&p);
    for (i = 0; i < ARRAY_LEN(askers); i++) {
        pthread_join(askers[i].thread, NULL);
        CHECK(askers[i].good);
    }
    CHECK_INT(p.n_asked, 1);
    peer_close(&p);
}

/* An unsigned stand-in is enough: nobody here checks it. */
static const char *id_token(struct peer *p, int64_t exp_s)
{
    struct str head = base64url_text(&p->arena, STR("{\"alg\":\"RS256\"}"));
    struct str claims =
        base64url_text(&p->arena, arena_printf(&p->arena, "{\"exp\":%lld}", (long long)exp_s));

    return arena_printf(&p->arena, STR_FMT "." STR_FMT ".c2ln\n", STR_ARG(head), STR_ARG(claims)).p;
}

TEST(token_identity_is_kept_for_each_audience_until_its_own_expiry)
{
    struct peer p;
    struct str one, two;

    peer_open_metadata(&p);
    PEER_SCRIPT(&p, { FLAVOR, .body = id_token(&p, PEER_NOW_S + 1000) },
                { FLAVOR, .body = id_token(&p, PEER_NOW_S + 2000) },
                { FLAVOR, .body = id_token(&p, PEER_NOW_S + 3000) });
    CHECK_OK(token_identity(google_tokens(p.google), &p.ctx, STR("https://a"), &one, &p.err));
    CHECK_STR(str_c(p.asked[0].target), "/computeMetadata/v1/instance/service-accounts/default/"
                                        "identity?audience=https%3A%2F%2Fa&format=full");
    CHECK_OK(token_identity(google_tokens(p.google), &p.ctx, STR("https://b"), &two, &p.err));
    CHECK(!str_eq(one, two));
    CHECK_OK(token_identity(google_tokens(p.google), &p.ctx, STR("https://a"), &two, &p.err));
    CHECK(str_eq(one, two));
    clock_fake_advance_ms(&p.fake, 800L * 1000);
    CHECK_OK(token_identity(google_tokens(p.google), &p.ctx, STR("https://a"), &two, &p.err));
    CHECK(!str_eq(one, two));
    CHECK_INT(p.n_asked, 3);
    peer_close(&p);
}

TEST(token_refused_by_an_api_is_fetched_anew_once)
{
    struct google_call call = { .api = GOOGLE_APIS, .method = "GET" };
    struct http_response r;
    struct peer p;

    peer_open_metadata(&p);
    call.url = peer_url(&p, "/thing");
    PEER_SCRIPT(&p, { FLAVOR, .body = TOKEN("revoked") }, { .status = 401, .body = "{}" },
                { FLAVOR, .body = TOKEN("fresh") }, { .body = "{}" });
    CHECK_OK(google_call(p.google, &p.ctx, &call, &r, &p.err));
    CHECK_INT(p.n_asked, 4);
    CHECK_STR(str_c(p.asked[1].authorization), "Bearer revoked");
    CHECK_STR(str_c(p.asked[3].authorization), "Bearer fresh");
    PEER_SCRIPT(&p, { .status = 0 }, { .status = 0 }, { .status = 0 }, { .status = 0 },
                { .status = 401, .body = "{}" }, { FLAVOR, .body = TOKEN("third") },
                { .status = 401, .body = "{}" });
    CHECK_RC(ERR_DENIED, google_call(p.google, &p.ctx, &call, &r, &p.err));
    CHECK_INT(p.n_asked, 7);
    peer_close(&p);
}

TEST(google_error_reads_every_form_that_google_sends)
{
    static const struct {
        const char *name, *body;
        int http;
        enum errc rc;
        long upstream;
    } rows[] = {
        { "bare", "{\"error\":{\"code\":409,\"message\":\"m\",\"status\":\"ABORTED\"}}", 409,
          ERR_AGAIN, GOOGLE_ABORTED },
        { "exists", "{\"error\":{\"code\":409,\"message\":\"m\",\"status\":\"ALREADY_EXISTS\"}}",
          409, ERR_CONFLICT, GOOGLE_ALREADY_EXISTS },
        { "precondition",
          "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"FAILED_PRECONDITION\"}}", 400,
          ERR_CONFLICT, GOOGLE_FAILED_PRECONDITION },
        { "argument",
          "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\"}}", 400,
          ERR_INVALID, GOOGLE_INVALID_ARGUMENT },
        { "array", "[{\"error\":{\"code\":404,\"message\":\"m\",\"status\":\"NOT_FOUND\"}}]", 404,
          ERR_NOT_FOUND, GOOGLE_NOT_FOUND },
        { "old form",
          "{\"error\":{\"code\":412,\"message\":\"m\",\"errors\":[{\"reason\":\"conditionNotMet\"}]"
          "}}",
          412, ERR_CONFLICT, 412 },
        { "no JSON", "<html>", 502, ERR_UPSTREAM, 502 },
        { "nothing", "", 503, ERR_AGAIN, 503 },
        { "error is text", "{\"error\":\"invalid_grant\"}", 400, ERR_INVALID, 400 },
    };
    struct err err;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response r = { .status = rows[i].http, .body = str_c(rows[i].body) };

        err = (struct err)ERR_INIT;
        if (google_error(&r, &err) != rows[i].rc || err.upstream != rows[i].upstream ||
            err.code != rows[i].rc)
            FAIL_TEST("%s: %s %ld %s", rows[i].name, errc_name(err.code), err.upstream, err.text);
    }
}

TEST(google_create_refuses_what_cannot_work)
{
    struct clock clock = clock_system(0);
    struct google_settings settings = { .pubsub_emulator_host = STR("a b") };
    struct err err = ERR_INIT;
    struct google *g;

    CHECK_RC(ERR_INVALID, google_create(&g, STR("p"), &settings, &clock, &err));
    CHECK_CONTAINS(str_c(err.text), "PUBSUB_EMULATOR_HOST");
    settings = (struct google_settings){ .storage_emulator_host = STR("http://127.0.0.1:1/") };
    CHECK_RC(ERR_INVALID, google_create(&g, STR(""), &settings, &clock, &err));
    CHECK_CONTAINS(str_c(err.text), "GOOGLE_CLOUD_PROJECT");
    CHECK_OK(google_create(&g, STR("p"), &settings, &clock, &err));
    g = google_destroy(g);
    settings = (struct google_settings){ .credentials_path = STR("/none/key.json") };
    CHECK_RC(ERR_NOT_FOUND, google_create(&g, STR("p"), &settings, &clock, &err));
    CHECK_CONTAINS(str_c(err.text), "/none/key.json");
}
