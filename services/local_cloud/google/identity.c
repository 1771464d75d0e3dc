#include "local_cloud/google/identity.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "google/jwt.h"
#include "local_cloud/google/reply.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/settings.h"
#include "local_cloud/store.h"

#define PROJECT_NUMBER "100000000001"
#define REGION "europe-west1"

enum { RSA_BITS = 2048, TOKEN_BODY_MAX = 64 * 1024, CERTS_AGE_S = 3600 };

struct identity {
    const struct clock *clock;
    struct arena arena;
    struct rsa_key *key;
    struct str kid;
    struct str email, project;
};

/* ---- key ---- */

static struct str load_pem(struct store *store, struct arena *a)
{
    struct store_stmt *st;
    struct str pem = STR_EMPTY;

    store_begin(store);
    st = store_sql(store, "SELECT pem FROM identity_key");
    if (store_step(st))
        pem = arena_str(a, store_col_str(st, 0));
    store_rollback(store);
    return pem;
}

static enum errc make_key(struct identity *id, struct store *store, struct err *err)
{
    struct store_stmt *st;
    struct str pem;
    enum errc rc;

    rc = rsa_key_generate(&id->key, RSA_BITS, err);
    if (rc)
        return rc;
    pem = rsa_key_private_pem(id->key, &id->arena);
    store_begin(store);
    st = store_sql(store, "INSERT INTO identity_key (pem) VALUES (?1)");
    store_bind_str(st, 1, pem);
    store_run(st);
    return store_commit(store, err);
}

static struct str key_id(const struct rsa_key *key, struct arena *a)
{
    uint8_t digest[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    struct str n, e;

    rsa_key_jwk(key, a, &n, &e);
    sha256(digest, n);
    hex_encode(hex, digest, sizeof(digest));
    return arena_str(a, str_slice(str_c(hex), 0, 40));
}

static enum errc load_key(struct identity *id, struct store *store, struct err *err)
{
    struct str pem;
    enum errc rc;

    rc = store_schema(store, "CREATE TABLE IF NOT EXISTS identity_key (pem TEXT NOT NULL)", err);
    if (rc)
        return rc;
    pem = load_pem(store, &id->arena);
    rc = pem.n ? rsa_key_from_pem(&id->key, pem, err) : make_key(id, store, err);
    if (!rc)
        id->kid = key_id(id->key, &id->arena);
    return rc;
}

/* ---- tokens ---- */

enum errc identity_mint(struct identity *id, struct arena *a, struct str email, struct str audience,
                        struct str *ret, struct err *err)
{
    int64_t now_s = clock_wall_s(id->clock);
    struct str claims;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "iss", "https://accounts.google.com");
    jw_str(&w, "aud", audience);
    jw_cstr(&w, "azp", "100000000000000000001");
    jw_cstr(&w, "sub", "100000000000000000001");
    jw_str(&w, "email", email);
    jw_bool(&w, "email_verified", true);
    jw_i64(&w, "iat", now_s);
    jw_i64(&w, "exp", now_s + IDENTITY_TOKEN_LIFE_S);
    jw_end(&w);
    claims = jw_finish(&w, a);
    return jwt_sign(id->key, id->kid, claims, a, ret, err);
}

static struct str access_token_json(struct arena *a)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_strf(&w, "access_token", "ya29.local-" STR_FMT, STR_ARG(random_id_text(a, 32)));
    jw_i64(&w, "expires_in", IDENTITY_TOKEN_LIFE_S - 1);
    jw_cstr(&w, "token_type", "Bearer");
    jw_end(&w);
    return jw_finish(&w, a);
}

/* ---- metadata server ---- */

static void reply_text(struct http_req *r, struct str text)
{
    http_reply(r, 200, "application/text", text);
}

static void reply_id_token(struct identity *id, struct http_req *r)
{
    struct form query = request_query(r);
    struct str audience = form_get(&query, "audience");
    struct err err = ERR_INIT;
    struct str token;

    if (audience.n == 0)
        http_reply(r, 400, "text/plain", STR("non-empty audience parameter required"));
    else if (identity_mint(id, r->ctx->arena, id->email, audience, &token, &err))
        http_reply_error(r, 500, "%s", err.text);
    else
        reply_text(r, token);
}

static void reply_service_account(struct identity *id, struct http_req *r)
{
    struct arena *a = r->ctx->arena;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "aliases");
    jw_cstr(&w, NULL, "default");
    jw_end(&w);
    jw_str(&w, "email", id->email);
    jw_arr(&w, "scopes");
    jw_cstr(&w, NULL, "https://www.googleapis.com/auth/cloud-platform");
    jw_end(&w);
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, a));
}

static void on_account(struct identity *id, struct http_req *r, struct str what)
{
    if (what.n == 0)
        reply_service_account(id, r);
    else if (str_eq(what, STR("email")))
        reply_text(r, id->email);
    else if (str_eq(what, STR("token")))
        http_reply_json(r, 200, access_token_json(r->ctx->arena));
    else if (str_eq(what, STR("identity")))
        reply_id_token(id, r);
    else if (str_eq(what, STR("scopes")))
        reply_text(r, STR("https://www.googleapis.com/auth/cloud-platform\n"));
    else
        http_reply_empty(r, 404);
}

static void on_metadata(void *app, struct http_req *r)
{
    struct identity *id = ((struct local_cloud *)app)->identity;
    struct str path = http_req_param(r, "path");
    struct str prefix = STR("instance/service-accounts/");
    struct str account, what;
    size_t i;
    const struct {
        const char *path;
        struct str text;
    } texts[] = {
        { "project/project-id", id->project },
        { "project/numeric-project-id", STR(PROJECT_NUMBER) },
        { "instance/region", STR("projects/" PROJECT_NUMBER "/regions/" REGION) },
        { "instance/zone", STR("projects/" PROJECT_NUMBER "/zones/" REGION "-1") },
        { "instance/id", STR("0069c7a9881e2e61a3c5") },
        { "universe/universe-domain", STR("googleapis.com") },
        { "instance", STR("region/\nservice-accounts/\nzone\nid\n") },
        { "instance/service-accounts",
          arena_printf(r->ctx->arena, "default/\n" STR_FMT "/\n", STR_ARG(id->email)) },
    };

    http_reply_header(r, "Metadata-Flavor", STR("Google"));
    http_reply_header(r, "Server", STR("Metadata Server for VM"));
    if (!str_eq(http_req_header(r, "Metadata-Flavor"), STR("Google"))) {
        http_reply(r, 403, "text/plain", STR("Missing Metadata-Flavor:Google header."));
        return;
    }
    if (http_req_header_count(r, "X-Forwarded-For")) { /* it speaks to its own machine only */
        http_reply(r, 403, "text/plain", STR("Requests that were forwarded are refused."));
        return;
    }
    while (str_ends(path, STR("/")))
        path.n--;
    for (i = 0; i < ARRAY_LEN(texts); i++) {
        if (str_eq_c(path, texts[i].path)) {
            reply_text(r, texts[i].text);
            return;
        }
    }
    if (!str_starts(path, prefix)) {
        http_reply_empty(r, 404);
        return;
    }
    (void)str_cut(str_from(path, prefix.n), '/', &account, &what); /* the account alone is fine */
    if (str_eq(account, STR("default")) || str_eq(account, id->email))
        on_account(id, r, what);
    else
        http_reply_empty(r, 404);
}

/* Google's Python client looks here whether there is a metadata server; the emulators answer "Ok". */
static void on_root(void *app, struct http_req *r)
{
    (void)app;
    if (str_eq(http_req_header(r, "Metadata-Flavor"), STR("Google"))) {
        http_reply_header(r, "Metadata-Flavor", STR("Google"));
        reply_text(r, STR("computeMetadata/\n"));
    } else {
        http_reply(r, 200, "text/plain", STR("Ok\n"));
    }
}

/* ---- token endpoint ---- */

static void reply_oauth_error(struct http_req *r, const char *error, const char *description)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "error", error);
    jw_cstr(&w, "error_description", description);
    jw_end(&w);
    http_reply_json(r, 400, jw_finish(&w, r->ctx->arena));
}

/* Nobody's keys are registered here, so any well-formed assertion is believed. */
static void on_assertion(struct identity *id, struct http_req *r, struct str assertion)
{
    struct arena *a = r->ctx->arena;
    struct str audience, email, token;
    struct err err = ERR_INIT;
    struct jwt jwt;
    struct jw w;

    if (jwt_parse(&jwt, a, assertion, &err)) {
        reply_oauth_error(r, "invalid_grant", "Invalid JWT");
        return;
    }
    audience = json_str(json_get(jwt.claims, "target_audience"));
    email = json_str(json_get(jwt.claims, "iss"));
    if (json_i64_or(json_get(jwt.claims, "exp"), 0) < clock_wall_s(id->clock)) {
        reply_oauth_error(r, "invalid_grant", "Invalid JWT: Token must be a short-lived token");
    } else if (audience.n == 0) {
        http_reply_json(r, 200, access_token_json(a));
    } else if (identity_mint(id, a, email, audience, &token, &err)) {
        http_reply_error(r, 500, "%s", err.text);
    } else {
        jw_init(&w);
        jw_obj(&w, NULL);
        jw_str(&w, "id_token", token);
        jw_end(&w);
        http_reply_json(r, 200, jw_finish(&w, a));
    }
}

static void on_token(void *app, struct http_req *r)
{
    struct identity *id = ((struct local_cloud *)app)->identity;
    struct form form = { .n = 0 };
    struct str grant;

    if (form_parse(&form, r->ctx->arena, r->body)) {
        reply_oauth_error(r, "invalid_request", "Too many parameters");
        return;
    }
    grant = form_get(&form, "grant_type");
    if (str_eq(grant, STR("urn:ietf:params:oauth:grant-type:jwt-bearer")))
        on_assertion(id, r, form_get(&form, "assertion"));
    else if (str_eq(grant, STR("refresh_token")) && form_get(&form, "refresh_token").n)
        http_reply_json(r, 200, access_token_json(r->ctx->arena));
    else
        reply_oauth_error(r, "unsupported_grant_type", "Invalid grant_type");
}

/* ---- keys ---- */

static void reply_keys(struct http_req *r, struct str json)
{
    http_reply_header(
        r, "Cache-Control",
        arena_printf(r->ctx->arena, "public, max-age=%d, must-revalidate", CERTS_AGE_S));
    http_reply_json(r, 200, json);
}

static void on_pem_certs(void *app, struct http_req *r)
{
    struct identity *id = ((struct local_cloud *)app)->identity;
    struct arena *a = r->ctx->arena;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_key_str(&w, id->kid,
               rsa_key_cert_pem(id->key, a, "federated-signon.system.gserviceaccount.com"));
    jw_end(&w);
    reply_keys(r, jw_finish(&w, a));
}

static void on_jwks(void *app, struct http_req *r)
{
    struct identity *id = ((struct local_cloud *)app)->identity;
    struct str n, e;
    struct jw w;

    rsa_key_jwk(id->key, r->ctx->arena, &n, &e);
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "keys");
    jw_obj(&w, NULL);
    jw_cstr(&w, "kty", "RSA");
    jw_cstr(&w, "use", "sig");
    jw_cstr(&w, "alg", "RS256");
    jw_str(&w, "kid", id->kid);
    jw_str(&w, "n", n);
    jw_str(&w, "e", e);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    reply_keys(r, jw_finish(&w, r->ctx->arena));
}

/* ---- IAM credentials ---- */

static void on_sign_blob(void *app, struct http_req *r)
{
    struct identity *id = ((struct local_cloud *)app)->identity;
    struct arena *a = r->ctx->arena;
    struct failure f = { .status = 0 };
    const struct jval *root;
    struct str payload, signature;
    struct jw w;

    if (json_parse_arena(&root, a, r->body, NULL) ||
        base64_bytes(a, json_str(json_get(root, "payload")), &payload)) {
        (void)failure_set(&f, GOOGLE_INVALID_ARGUMENT, "payload is not base64");
        reply_failure(r, &f);
        return;
    }
    if (rsa_sign_sha256(id->key, payload, a, &signature, NULL)) {
        (void)failure_set(&f, GOOGLE_INTERNAL, "signing failed");
        reply_failure(r, &f);
        return;
    }
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_str(&w, "keyId", id->kid);
    jw_str(&w, "signedBlob", base64_text(a, signature));
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, a));
}

/* ---- life ---- */

static enum errc create(struct local_cloud *lc, struct err *err)
{
    struct identity *id = MEM_NEW(struct identity);
    const struct local_settings *settings = local_settings_of(lc->service);

    lc->identity = id;
    arena_init(&id->arena);
    id->clock = lc->service->clock;
    id->project = settings->common.project;
    id->email = settings->service_account;
    return load_key(id, lc->store, err);
}

static void destroy(struct local_cloud *lc)
{
    struct identity *id = lc->identity;

    if (!id)
        return;
    id->key = rsa_key_destroy(id->key);
    arena_release(&id->arena);
    mem_free(id);
    lc->identity = NULL;
}

static const struct http_route routes[] = {
    { HTTP_GET, "/computeMetadata/v1/{path*}", 0, NULL, on_metadata, false },
    { HTTP_GET, "/", 0, NULL, on_root, true },
    { HTTP_POST, "/token", TOKEN_BODY_MAX, NULL, on_token, false },
    { HTTP_POST, "/oauth2/v4/token", TOKEN_BODY_MAX, NULL, on_token, false },
    { HTTP_GET, "/oauth2/v1/certs", 0, NULL, on_pem_certs, false },
    { HTTP_GET, "/oauth2/v3/certs", 0, NULL, on_jwks, false },
    { HTTP_POST, "/v1/projects/-/serviceAccounts/{email}:signBlob", TOKEN_BODY_MAX, NULL,
      on_sign_blob, false },
};

const struct local_module identity_module = {
    .name = "identity",
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .create = create,
    .destroy = destroy,
};
