#include "dashboard/admission.h"

#include "base/crypto.h"
#include "test.h"

enum { NOW_S = 1795510800 }; /* 2026-11-24T09:00:00Z */
#define AUDIENCE "/projects/7/locations/europe-west3/services/dashboard"
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

static struct str token(struct arena *a, const char *header, const char *claims,
                        const char *signature)
{
    return arena_printf(a, STR_FMT "." STR_FMT ".%s", STR_ARG(base64url_text(a, str_c(header))),
                        STR_ARG(base64url_text(a, str_c(claims))), signature);
}

TEST(admission_takes_only_what_the_proxy_says_of_this_service_now)
{
    static const char es256[] = "{\"alg\":\"ES256\",\"kid\":\"k\"}";
    static const struct {
        const char *what, *header, *claims, *signature;
        enum errc want;
    } rows[] = {
        { "good", es256, CLAIMS(AUDIENCE, IAP, "1795510700", "1795511300", WHO), "c2ln", ERR_OK },
        { "just expired", es256, CLAIMS(AUDIENCE, IAP, "1795510190", "1795510790", WHO), "c2ln",
          ERR_OK },
        { "expired", es256, CLAIMS(AUDIENCE, IAP, "1795510100", "1795510700", WHO), "c2ln",
          ERR_DENIED },
        { "of the future", es256, CLAIMS(AUDIENCE, IAP, "1795510900", "1795511500", WHO), "c2ln",
          ERR_DENIED },
        { "for ever", es256, CLAIMS(AUDIENCE, IAP, "1795510700", "1895511300", WHO), "c2ln",
          ERR_DENIED },
        { "without times", es256, "{\"aud\":\"" AUDIENCE "\",\"iss\":\"" IAP "\"" WHO "}", "c2ln",
          ERR_DENIED },
        { "of another service", es256,
          CLAIMS("/projects/7/x", IAP, "1795510700", "1795511300", WHO), "c2ln", ERR_DENIED },
        { "of another issuer", es256,
          CLAIMS(AUDIENCE, "https://accounts.google.com", "1795510700", "1795511300", WHO), "c2ln",
          ERR_DENIED },
        { "of nobody", es256, CLAIMS(AUDIENCE, IAP, "1795510700", "1795511300", ""), "c2ln",
          ERR_DENIED },
        { "without algorithm", "{\"alg\":\"none\"}",
          CLAIMS(AUDIENCE, IAP, "1795510700", "1795511300", WHO), "c2ln", ERR_DENIED },
        { "without signature", es256, CLAIMS(AUDIENCE, IAP, "1795510700", "1795511300", WHO), "",
          ERR_DENIED },
        { "claims no JSON", es256, "x", "c2ln", ERR_DENIED },
    };
    const struct admission_settings s = { .kind = ADMISSION_IAP, .iap_audience = STR(AUDIENCE) };
    struct arena a = ARENA_INIT;
    struct clock_fake clock;
    struct ctx ctx = { .arena = &a, .clock = &clock.clock };
    size_t i;

    clock_fake_init(&clock, NOW_S * 1000000LL);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        enum errc rc = admission_check(
            &s, &ctx, token(&a, rows[i].header, rows[i].claims, rows[i].signature), NULL);

        if (rc != rows[i].want)
            FAIL_TEST("%s: %s", rows[i].what, errc_name(rc));
    }
    CHECK_RC(ERR_DENIED, admission_check(&s, &ctx, STR_EMPTY, NULL));
    CHECK_RC(ERR_DENIED, admission_check(&s, &ctx, STR("a.b"), NULL));
    arena_release(&a);
}
