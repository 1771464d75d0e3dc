#include "dashboard/admission.h"

#include "base/crypto.h"
#include "dashboard/stage_test.h"
#include "test.h"

/* Times are around STAGE_NOW, 1795510800. */
#define AUDIENCE STAGE_IAP_AUDIENCE
#define CLAIMS(aud, iss, iat, exp, more) \
    "{\"aud\":\"" aud "\",\"iss\":\"" iss "\",\"iat\":" iat ",\"exp\":" exp more "}"
#define IAP "https://cloud.google.com/iap"
#define WHO ",\"email\":\"owner@clinic.example\""

TEST(admission_settings_are_safe_or_refused)
{
    static const struct {
        const char *what;
        struct admission_settings s;
        const char *host;
        enum errc want;
    } rows[] = {
        { "iap with audience",
          { .kind = ADMISSION_IAP, .iap_audience = STR(AUDIENCE) },
          "",
          ERR_OK },
        { "iap without audience", { .kind = ADMISSION_IAP }, "127.0.0.1", ERR_INVALID },
        { "open on loopback", { .kind = ADMISSION_NONE }, "127.0.0.1", ERR_OK },
        { "open on loopback by name", { .kind = ADMISSION_NONE }, "localhost", ERR_OK },
        { "open on IPv6 loopback", { .kind = ADMISSION_NONE }, "::1", ERR_OK },
        { "open on all addresses", { .kind = ADMISSION_NONE }, "", ERR_INVALID },
        { "open on one address", { .kind = ADMISSION_NONE }, "10.0.0.5", ERR_INVALID },
        { "open on Cloud Run",
          { .kind = ADMISSION_NONE, .cloud_run_service = STR("dashboard") },
          "127.0.0.1",
          ERR_INVALID },
        { "open on Cloud Run, meant so",
          { .kind = ADMISSION_NONE, .cloud_run_service = STR("dashboard"), .allow_open = true },
          "",
          ERR_OK },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        enum errc rc = admission_check_settings(&rows[i].s, str_c(rows[i].host), NULL);

        if (rc != rows[i].want)
            FAIL_TEST("%s: %s", rows[i].what, errc_name(rc));
    }
}

/* ---- behind the proxy ---- */

#define ES256(kid) "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" kid "\"}"
#define GOOD CLAIMS(AUDIENCE, IAP, "1795510700", "1795511300", WHO)

struct behind {
    struct stage s;
    struct ec_key *key, *other;
};

static struct str jwks(struct behind *b, const char *kid, const struct ec_key *key)
{
    struct str x, y;

    ec_key_jwk(key, &b->s.arena, &x, &y);
    return arena_printf(
        &b->s.arena,
        "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"x\",\"e\":\"AQAB\"},{\"alg\":"
        "\"ES256\",\"crv\":\"P-256\",\"kid\":\"%s\",\"kty\":\"EC\",\"use\":\"sig\",\"x\":"
        "\"" STR_FMT "\",\"y\":\"" STR_FMT "\"}]}",
        kid, STR_ARG(x), STR_ARG(y));
}

static void open_behind(struct behind *b)
{
    stage_open_behind_iap(&b->s);
    b->key = ec_key_generate();
    b->other = ec_key_generate();
    b->s.iap_keys = jwks(b, "k", b->key);
}

static void close_behind(struct behind *b)
{
    b->key = ec_key_destroy(b->key);
    b->other = ec_key_destroy(b->other);
    stage_close(&b->s);
}

static struct str token(struct behind *b, const struct ec_key *key, const char *header,
                        const char *claims)
{
    struct arena *a = &b->s.arena;
    uint8_t signature[EC_SIGNATURE_LEN];
    struct str text =
        arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(base64url_text(a, str_c(header))),
                     STR_ARG(base64url_text(a, str_c(claims))));

    CHECK_OK(ec_sign_sha256(key, text, signature));
    return arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(text),
                        STR_ARG(base64url_text(a, str_n(signature, sizeof(signature)))));
}

static int ask(struct behind *b, struct str assertion)
{
    return stage_get(&b->s, "/api/calls", "X-Goog-IAP-JWT-Assertion",
                     arena_cstr(&b->s.arena, assertion))
        .status;
}

TEST(admission_takes_only_what_the_proxy_says_of_this_service_now)
{
    static const struct {
        const char *what, *header, *claims;
        int want;
    } rows[] = {
        { "good", ES256("k"), GOOD, 200 },
        { "just expired", ES256("k"), CLAIMS(AUDIENCE, IAP, "1795510190", "1795510790", WHO), 200 },
        { "expired", ES256("k"), CLAIMS(AUDIENCE, IAP, "1795510100", "1795510700", WHO), 403 },
        { "of the future", ES256("k"), CLAIMS(AUDIENCE, IAP, "1795511000", "1795511500", WHO),
          403 },
        { "not yet valid", ES256("k"),
          CLAIMS(AUDIENCE, IAP, "1795510700", "1795511300", WHO ",\"nbf\":1795511000"), 403 },
        { "for ever", ES256("k"), CLAIMS(AUDIENCE, IAP, "1795510700", "1895511300", WHO), 403 },
        { "without times", ES256("k"), "{\"aud\":\"" AUDIENCE "\",\"iss\":\"" IAP "\"" WHO "}",
          403 },
        { "of another service", ES256("k"),
          CLAIMS("/projects/7/x", IAP, "1795510700", "1795511300", WHO), 403 },
        { "of another issuer", ES256("k"),
          CLAIMS(AUDIENCE, "https://accounts.google.com", "1795510700", "1795511300", WHO), 403 },
        { "of nobody", ES256("k"), CLAIMS(AUDIENCE, IAP, "1795510700", "1795511300", ""), 403 },
        { "without algorithm", "{\"alg\":\"none\",\"kid\":\"k\"}", GOOD, 403 },
        { "of another algorithm", "{\"alg\":\"HS256\",\"kid\":\"k\"}", GOOD, 403 },
        { "without a key id", "{\"alg\":\"ES256\"}", GOOD, 403 },
        { "with critical extensions", "{\"alg\":\"ES256\",\"kid\":\"k\",\"crit\":[\"x\"]}", GOOD,
          403 },
        { "claims no JSON", ES256("k"), "x", 403 },
    };
    struct behind b;
    size_t i;
    int got;

    open_behind(&b);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        got = ask(&b, token(&b, b.key, rows[i].header, rows[i].claims));
        if (got != rows[i].want)
            FAIL_TEST("%s: %d", rows[i].what, got);
    }
    CHECK(b.s.key_fetches <= 2); /* the key id that is not there asks once more */
    CHECK_INT(stage_get(&b.s, "/api/calls", NULL, NULL).status, 403);
    CHECK_INT(ask(&b, STR("a.b")), 403);
    close_behind(&b);
}

TEST(admission_verifies_the_signature)
{
    struct behind b;
    struct str good;
    char *changed;

    open_behind(&b);
    good = token(&b, b.key, ES256("k"), GOOD);
    CHECK_INT(ask(&b, good), 200);
    CHECK_INT(ask(&b, token(&b, b.other, ES256("k"), GOOD)), 403);
    CHECK_INT(ask(&b, str_slice(good, 0, good.n - 2)), 403);
    CHECK_INT(ask(&b, str_slice(good, 0, good.n - 86)), 403); /* none at all */
    changed = arena_cstr(&b.s.arena, good);
    changed[good.n - 20] = changed[good.n - 20] == 'A' ? 'B' : 'A';
    CHECK_INT(ask(&b, str_c(changed)), 403);
    CHECK_INT(b.s.key_fetches, 1);
    close_behind(&b);
}

TEST(admission_takes_a_rotated_key_and_says_when_there_are_no_keys)
{
    struct behind b;

    open_behind(&b);
    b.s.iap_keys = STR_EMPTY;
    CHECK_INT(ask(&b, token(&b, b.key, ES256("k"), GOOD)), 503);
    CHECK_INT(b.s.key_fetches, 1);
    b.s.iap_keys = jwks(&b, "k", b.key);
    CHECK_INT(ask(&b, token(&b, b.key, ES256("k"), GOOD)), 200);
    b.s.iap_keys = jwks(&b, "k2", b.other);
    CHECK_INT(ask(&b, token(&b, b.other, ES256("k2"), GOOD)), 200);
    CHECK_INT(b.s.key_fetches, 3);
    CHECK_INT(ask(&b, token(&b, b.key, ES256("k"), GOOD)), 403);
    CHECK_INT(b.s.key_fetches, 3);
    close_behind(&b);
}
