#include "dashboard/admission.h"

#include "base/mem.h"
#include "google/jwt.h"
#include "google/key_set.h"

struct admission {
    const struct admission_settings *settings;
    struct key_set *keys; /* NULL: nobody is checked */
};

static const char iap_issuer[] = "https://cloud.google.com/iap";

static bool is_loopback(struct str host)
{
    return str_eq_c(host, "localhost") || str_eq_c(host, "::1") || str_starts(host, STR("127."));
}

enum errc admission_check_settings(const struct admission_settings *s, struct str listen_host,
                                   struct err *err)
{
    if (s->kind == ADMISSION_IAP && !s->iap_audience.n)
        return err_set(err, ERR_INVALID, "IAP_AUDIENCE: needed with DASHBOARD_AUTH=iap");
    if (s->kind != ADMISSION_NONE || s->allow_open)
        return ERR_OK;
    if (s->cloud_run_service.n)
        return err_set(
            err, ERR_INVALID,
            "DASHBOARD_AUTH: none is refused on Cloud Run (DASHBOARD_ALLOW_OPEN=true lifts it)");
    if (!is_loopback(listen_host))
        return err_set(err, ERR_INVALID,
                       "DASHBOARD_AUTH: none needs a loopback LISTEN_HOST, such as 127.0.0.1 "
                       "(DASHBOARD_ALLOW_OPEN=true lifts it)");
    return ERR_OK;
}

static enum errc check_claims(const struct admission_settings *s, const struct jval *claims,
                              int64_t now_s, struct err *err)
{
    int64_t issued = json_i64_or(json_get(claims, "iat"), 0);
    int64_t expires = json_i64_or(json_get(claims, "exp"), 0);
    const struct jval *nbf = json_get(claims, "nbf");

    if (!str_eq_c(json_str(json_get(claims, "iss")), iap_issuer))
        return err_set(err, ERR_DENIED, "issuer is not Identity-Aware Proxy");
    if (!str_eq(json_str(json_get(claims, "aud")), s->iap_audience))
        return err_set(err, ERR_DENIED, "audience is not IAP_AUDIENCE");
    if (expires < issued || expires - issued > IAP_LIFE_MAX_S)
        return err_set(err, ERR_DENIED, "times of the assertion make no sense");
    if (expires + IAP_SKEW_S < now_s)
        return err_set(err, ERR_DENIED, "assertion has expired");
    if (issued - IAP_SKEW_S > now_s || (nbf && json_i64_or(nbf, INT64_MAX) > now_s + IAP_SKEW_S))
        return err_set(err, ERR_DENIED, "assertion is of the future");
    if (!json_str(json_get(claims, "email")).n)
        return err_set(err, ERR_DENIED, "assertion names no account");
    return ERR_OK;
}

struct admission *admission_create(const struct admission_settings *s)
{
    struct admission *a = MEM_NEW(struct admission);

    a->settings = s;
    if (s->kind == ADMISSION_IAP)
        a->keys = key_set_create(s->iap_keys_url, KEY_ES256);
    return a;
}

struct admission *admission_destroy(struct admission *a)
{
    if (!a)
        return NULL;
    a->keys = key_set_destroy(a->keys);
    mem_free(a);
    return NULL;
}

enum errc admission_check(struct admission *a, struct ctx *ctx, struct str assertion,
                          struct err *err)
{
    struct jwt jwt;
    enum errc rc;

    if (!a->keys)
        return ERR_OK;
    if (!assertion.n)
        return err_set(err, ERR_DENIED, "no assertion of Identity-Aware Proxy");
    if (jwt_parse(&jwt, ctx->arena, assertion, err))
        return err_wrap(err, ERR_DENIED, "assertion");
    rc = key_set_verify(a->keys, ctx, &jwt, err);
    if (rc)
        return err_wrap(err, rc, "assertion");
    return check_claims(a->settings, jwt.claims, clock_wall_s(ctx->clock), err);
}
