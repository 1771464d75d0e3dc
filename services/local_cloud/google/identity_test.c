#include "local_cloud/google/identity.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"
#include "google/jwt.h"
#include "google/oidc.h"
#include "google/token.h"
#include "local_cloud/google/cloud_test.h"

TEST(identity_metadata_server_answers_google_s_clients)
{
    static const struct http_header flavor = { STR("Metadata-Flavor"), STR("Google") };
    static const struct http_header forwarded[] = { { STR("Metadata-Flavor"), STR("Google") },
                                                    { STR("X-Forwarded-For"), STR("10.0.0.1") } };
    static const struct {
        const char *path, *contains;
        int status;
    } rows[] = {
        { "/", "computeMetadata/", 200 },
        { "/computeMetadata/v1/project/project-id", "test-project", 200 },
        { "/computeMetadata/v1/instance", "service-accounts/", 200 },
        { "/computeMetadata/v1/instance/region", "/regions/", 200 },
        { "/computeMetadata/v1/instance/service-accounts/", "default/\n" TEST_ACCOUNT "/\n", 200 },
        { "/computeMetadata/v1/instance/service-accounts/default/", TEST_ACCOUNT, 200 },
        { "/computeMetadata/v1/instance/service-accounts/default/email", TEST_ACCOUNT, 200 },
        { "/computeMetadata/v1/instance/service-accounts/default/token?scopes=a,b",
          "\"expires_in\":", 200 },
        { "/computeMetadata/v1/instance/service-accounts/default/identity?audience=https://"
          "x&format=full",
          "eyJ", 200 },
        { "/computeMetadata/v1/instance/service-accounts/default/identity", "audience", 400 },
        { "/computeMetadata/v1/instance/none", "", 404 },
    };
    struct test_cloud t;
    struct http_response r;
    size_t i;

    cloud_open(&t, NULL);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        r = cloud_ask_with(&t, "GET", str_c(rows[i].path), STR_EMPTY, &flavor, 1);
        if (r.status != rows[i].status || !str_contains(r.body, str_c(rows[i].contains)))
            FAIL_TEST("%s: %d " STR_FMT, rows[i].path, r.status, STR_ARG(r.body));
        CHECK_STR(http_response_header(&r, "Metadata-Flavor"), "Google");
    }
    r = cloud_ask(&t, "GET", "/computeMetadata/v1/project/project-id", NULL);
    CHECK_INT(r.status, 403); /* without the header nobody is told anything */
    r = cloud_ask_with(&t, "GET", str_c(rows[1].path), STR_EMPTY, forwarded, 2);
    CHECK_INT(r.status, 403);
    cloud_close(&t);
}

static void check_identity(struct test_cloud *t, const char *certs_path)
{
    struct str audience = STR("https://tools.example"), email = STR(TEST_ACCOUNT), token;
    struct oidc_settings settings = { .audiences = { &audience, 1 }, .emails = { &email, 1 } };
    struct oidc *oidc;

    settings.certs_url = cloud_url(t, certs_path);
    CHECK_OK(oidc_create(&oidc, &settings, &t->err));
    CHECK_OK(token_identity(google_tokens(t->google), &t->ctx, audience, &token, &t->err));
    CHECK_OK(oidc_verify(oidc, &t->ctx, token, NULL, &t->err));
    CHECK_OK(
        token_identity(google_tokens(t->google), &t->ctx, STR("https://else"), &token, &t->err));
    CHECK_RC(ERR_DENIED, oidc_verify(oidc, &t->ctx, token, NULL, &t->err));
    CHECK_CONTAINS(str_c(t->err.text), "another audience");
    oidc = oidc_destroy(oidc);
}

TEST(identity_tokens_verify_against_both_forms_of_published_keys)
{
    struct test_cloud t;

    cloud_open(&t, NULL);
    check_identity(&t, "/oauth2/v3/certs");
    check_identity(&t, "/oauth2/v1/certs");
    cloud_close(&t);
}

TEST(identity_tokens_are_cached_until_dropped)
{
    struct test_cloud t;
    struct str one, two;

    cloud_open(&t, NULL);
    CHECK_OK(token_access(google_tokens(t.google), &t.ctx, TOKEN_SCOPE_CLOUD, &one, &t.err));
    CHECK_OK(token_access(google_tokens(t.google), &t.ctx, TOKEN_SCOPE_CLOUD, &two, &t.err));
    CHECK(str_eq(one, two));
    token_drop(google_tokens(t.google), one);
    CHECK_OK(token_access(google_tokens(t.google), &t.ctx, TOKEN_SCOPE_CLOUD, &two, &t.err));
    CHECK(!str_eq(one, two));
    cloud_close(&t);
}

TEST(identity_key_survives_a_restart)
{
    char path[] = "/tmp/local_cloud_test_XXXXXX";
    struct str before, after;
    struct arena a = ARENA_INIT;
    struct test_cloud t;
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    close(fd);
    cloud_open(&t, path);
    before = arena_str(&a, cloud_ask(&t, "GET", "/oauth2/v3/certs", NULL).body);
    cloud_close(&t);
    cloud_open(&t, path);
    after = cloud_ask(&t, "GET", "/oauth2/v3/certs", NULL).body;
    CHECK(str_eq(before, after));
    cloud_close(&t);
    arena_release(&a);
    unlink(path);
}

/* A key file whose token endpoint is this server. */
static void write_key_file(struct test_cloud *t, const char *path, const char *kind)
{
    struct rsa_key *key;
    struct jw w;

    CHECK_OK(rsa_key_generate(&key, 2048, &t->err));
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "type", kind);
    jw_cstr(&w, "client_email", "robot@p.iam.gserviceaccount.com");
    jw_cstr(&w, "private_key_id", "k1");
    jw_str(&w, "private_key", rsa_key_private_pem(key, &t->arena));
    jw_cstr(&w, "client_id", "id");
    jw_cstr(&w, "client_secret", "secret");
    jw_cstr(&w, "refresh_token", "1//refresh");
    jw_str(&w, "token_uri", cloud_url(t, "/token"));
    jw_end(&w);
    CHECK_OK(file_write(path, jw_finish(&w, &t->arena), &t->err));
    key = rsa_key_destroy(key);
}

TEST(identity_key_files_and_user_credentials_are_exchanged_for_tokens)
{
    char path[] = "/tmp/local_cloud_test_XXXXXX";
    struct google_settings settings = { .credentials_path = STR_EMPTY };
    struct token_source *tokens;
    struct test_cloud t;
    struct str token;
    struct jwt jwt;
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    close(fd);
    cloud_open(&t, NULL);
    settings.credentials_path = str_c(path);
    write_key_file(&t, path, "service_account");
    CHECK_OK(token_source_create(&tokens, &settings, &t.clock, &t.err));
    CHECK_OK(token_access(tokens, &t.ctx, TOKEN_SCOPE_CLOUD, &token, &t.err));
    CHECK(str_starts(token, STR("ya29.")));
    CHECK_OK(token_identity(tokens, &t.ctx, STR("https://aud"), &token, &t.err));
    CHECK_OK(jwt_parse(&jwt, &t.arena, token, &t.err));
    CHECK_STR(json_str(json_get(jwt.claims, "aud")), "https://aud");
    CHECK_STR(json_str(json_get(jwt.claims, "email")), "robot@p.iam.gserviceaccount.com");
    tokens = token_source_destroy(tokens);
    write_key_file(&t, path, "authorized_user");
    CHECK_OK(token_source_create(&tokens, &settings, &t.clock, &t.err));
    CHECK_OK(token_access(tokens, &t.ctx, TOKEN_SCOPE_CLOUD, &token, &t.err));
    CHECK_RC(ERR_UNSUPPORTED, token_identity(tokens, &t.ctx, STR("https://aud"), &token, &t.err));
    tokens = token_source_destroy(tokens);
    write_key_file(&t, path, "external_account");
    CHECK_RC(ERR_UNSUPPORTED, token_source_create(&tokens, &settings, &t.clock, &t.err));
    CHECK_CONTAINS(str_c(t.err.text), path);
    cloud_close(&t);
    unlink(path);
}
