#include "google/oidc.h"

#include <stdbool.h>

#include "base/json.h"
#include "base/mem.h"
#include "google/jwt.h"
#include "google/key_set.h"

struct oidc {
    const struct oidc_settings *settings;
    struct key_set *keys;
};

enum errc oidc_create(struct oidc **ret, const struct oidc_settings *settings, struct err *err)
{
    struct oidc *o;

    if (settings->audiences.n == 0)
        return err_set(err, ERR_INVALID, "OIDC_AUDIENCE is empty: expected at least one");
    if (settings->emails.n == 0)
        return err_set(err, ERR_INVALID, "OIDC_EMAILS is empty: expected at least one");
    if (settings->check == OIDC_SIGNATURE && settings->certs_url.n == 0)
        return err_set(err, ERR_INVALID, "OIDC_CERTS_URL is empty");
    o = MEM_NEW(struct oidc);
    o->settings = settings;
    o->keys = key_set_create(settings->certs_url, KEY_RS256);
    *ret = o;
    return ERR_OK;
}

struct oidc *oidc_destroy(struct oidc *o)
{
    if (!o)
        return NULL;
    o->keys = key_set_destroy(o->keys);
    mem_free(o);
    return NULL;
}

static bool listed(const struct str_list *list, struct str s)
{
    size_t i;

    for (i = 0; i < list->n; i++) {
        if (str_eq(list->items[i], s))
            return true;
    }
    return false;
}

static enum errc check_claims(const struct oidc *o, const struct ctx *ctx,
                              const struct jval *claims, struct err *err)
{
    struct str iss = json_str(json_get(claims, "iss"));
    int64_t exp_s = json_i64_or(json_get(claims, "exp"), 0);
    int64_t iat_s = json_i64_or(json_get(claims, "iat"), INT64_MAX);
    const struct jval *nbf = json_get(claims, "nbf"); /* Google's have none */
    int64_t nbf_s = nbf ? json_i64_or(nbf, INT64_MAX) : iat_s;
    int64_t now_s = clock_wall_s(ctx->clock);

    if (!str_eq(iss, STR("https://accounts.google.com")) &&
        !str_eq(iss, STR("accounts.google.com")))
        return err_set_upstream(err, ERR_DENIED, 401, "token's issuer is not Google");
    if (!listed(&o->settings->audiences, json_str(json_get(claims, "aud"))))
        return err_set_upstream(err, ERR_DENIED, 401, "token is for another audience");
    if (exp_s < now_s - OIDC_SKEW_S)
        return err_set_upstream(err, ERR_DENIED, 401, "token has expired");
    if (iat_s > now_s + OIDC_SKEW_S || nbf_s > now_s + OIDC_SKEW_S)
        return err_set_upstream(err, ERR_DENIED, 401, "token is from the future");
    if (exp_s > now_s + OIDC_LIFE_MAX_S)
        return err_set_upstream(err, ERR_DENIED, 401, "token lives too long");
    if (!json_bool_or(json_get(claims, "email_verified"), false) ||
        !listed(&o->settings->emails, json_str(json_get(claims, "email"))))
        return err_set_upstream(err, ERR_DENIED, 403, "token's account is not allowed");
    return ERR_OK;
}

enum errc oidc_verify(struct oidc *o, struct ctx *ctx, struct str token, struct oidc_claims *ret,
                      struct err *err)
{
    struct jwt jwt;
    enum errc rc;

    if (jwt_parse(&jwt, ctx->arena, token, err))
        return err_set_upstream(err, ERR_DENIED, 401, "token is malformed");
    rc = o->settings->check == OIDC_SIGNATURE ? key_set_verify(o->keys, ctx, &jwt, err) : ERR_OK;
    if (!rc)
        rc = check_claims(o, ctx, jwt.claims, err);
    if (rc || !ret)
        return rc;
    *ret = (struct oidc_claims){
        .email = json_str(json_get(jwt.claims, "email")),
        .subject = json_str(json_get(jwt.claims, "sub")),
        .audience = json_str(json_get(jwt.claims, "aud")),
        .expires_s = json_i64_or(json_get(jwt.claims, "exp"), 0),
    };
    return ERR_OK;
}

static enum errc refuse(struct http_req *r, enum errc rc, const struct err *err)
{
    if (rc != ERR_DENIED) {
        log_warn(&r->ctx->log, "identity token not checked: %s", err->text);
        http_reply_header(r, "Retry-After", STR("1"));
        http_reply_error(r, 503, "identity tokens cannot be checked now");
    } else if (err->upstream == 403) {
        log_warn(&r->ctx->log, "identity token refused: %s", err->text);
        http_reply_error(r, 403, "this account is not allowed");
    } else {
        log_warn(&r->ctx->log, "identity token refused: %s", err->text);
        http_reply_header(r, "WWW-Authenticate", STR("Bearer"));
        http_reply_error(r, 401, "a valid identity token is needed");
    }
    return rc;
}

enum errc oidc_admit(struct oidc *o, struct http_req *r)
{
    struct str header = http_req_header(r, "Authorization");
    struct err err = ERR_INIT;
    enum errc rc;

    if (http_req_header_count(r, "Authorization") > 1)
        return refuse(r, err_set_upstream(&err, ERR_DENIED, 401, "there are several"), &err);
    if (!str_istarts(header, STR("Bearer ")))
        return refuse(r, err_set_upstream(&err, ERR_DENIED, 401, "there is none"), &err);
    rc = oidc_verify(o, r->ctx, str_trim(str_from(header, 7)), NULL, &err);
    return rc ? refuse(r, rc, &err) : ERR_OK;
}
