#include "google/oidc.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "google/jwt.h"
#include "net/http_client.h"

enum {
    CERTS_BODY_MAX = 256 * 1024,
    CERTS_TIMEOUT_MS = 5000,
    CERTS_ATTEMPTS = 3,
    CERTS_AGE_MAX_S = 7 * 86400, /* whatever Cache-Control says */
};

struct oidc_key {
    char *kid;
    struct rsa_key *key;
};

struct oidc_keys {
    struct oidc_key items[OIDC_KEYS_MAX];
    size_t n;
};

struct oidc {
    const struct oidc_settings *settings;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t landed;
    struct oidc_keys keys;
    int64_t stale_at_ms;   /* monotonic, as the next two */
    int64_t refetch_at_ms; /* not before, for an unknown key id or after a failure */
    bool fetching;
    enum errc last_rc; /* of the last fetch */
    struct err last_err;
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
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->landed, NULL);
    *ret = o;
    return ERR_OK;
}

static void keys_release(struct oidc_keys *k)
{
    size_t i;

    for (i = 0; i < k->n; i++) {
        mem_free(k->items[i].kid);
        k->items[i].key = rsa_key_destroy(k->items[i].key);
    }
    k->n = 0;
}

struct oidc *oidc_destroy(struct oidc *o)
{
    if (!o)
        return NULL;
    keys_release(&o->keys);
    pthread_cond_destroy(&o->landed);
    pthread_mutex_destroy(&o->lock);
    mem_free(o);
    return NULL;
}

static void keys_add(struct oidc_keys *k, struct str kid, struct rsa_key *key)
{
    k->items[k->n++] = (struct oidc_key){ mem_str_dup(kid), key };
}

/* Keys of other kinds (EC, encryption) are passed over. */
static void keys_add_jwk(struct oidc_keys *k, const struct jval *jwk)
{
    struct str use = json_str(json_get(jwk, "use"));
    struct rsa_key *key;

    if (!str_eq(json_str(json_get(jwk, "kty")), STR("RSA")) || (use.n && !str_eq(use, STR("sig"))))
        return;
    if (rsa_key_from_jwk(&key, json_str(json_get(jwk, "n")), json_str(json_get(jwk, "e")), NULL))
        return;
    keys_add(k, json_str(json_get(jwk, "kid")), key);
}

/* A JWKS, or Google's older map of key id to certificate. */
static enum errc keys_parse(struct oidc_keys *ret, struct arena *a, struct str text,
                            struct err *err)
{
    const struct jval *root, *list, *val;
    struct oidc_keys keys = { .n = 0 };
    struct json_iter it;
    struct rsa_key *key;
    struct str kid;
    enum errc rc;

    rc = json_parse_arena(&root, a, text, err);
    if (rc)
        return rc;
    list = json_get(root, "keys");
    it = json_iter(list ? list : root);
    while (keys.n < OIDC_KEYS_MAX && json_next(&it, &kid, &val)) {
        if (list)
            keys_add_jwk(&keys, val);
        else if (!rsa_key_from_pem(&key, json_str(val), NULL))
            keys_add(&keys, kid, key);
    }
    if (keys.n == 0)
        return err_set(err, ERR_INVALID, "no RSA keys in it");
    *ret = keys;
    return ERR_OK;
}

static int64_t max_age_s(const struct http_response *r)
{
    struct str head, rest = http_response_header(r, "Cache-Control");
    int64_t age_s = OIDC_KEYS_AGE_S, past_s = 0;
    struct str name, value;

    while (rest.n) {
        (void)str_cut(rest, ',', &head, &rest); /* without a comma the rest is the last one */
        if (str_cut(str_trim(head), '=', &name, &value) && str_ieq_c(name, "max-age") &&
            str_to_i64(value, 0, INT64_MAX, &age_s))
            age_s = OIDC_KEYS_AGE_S;
    }
    if (str_to_i64(http_response_header(r, "Age"), 0, age_s, &past_s))
        past_s = 0;
    return MIN(age_s - past_s, (int64_t)CERTS_AGE_MAX_S);
}

static enum errc fetch(struct oidc *o, struct ctx *ctx, struct oidc_keys *ret, int64_t *ret_age_s,
                       struct err *err)
{
    struct http_request req = {
        .method = "GET",
        .url = o->settings->certs_url,
        .body_max = CERTS_BODY_MAX,
        .timeout_ms = CERTS_TIMEOUT_MS,
        .attempts = CERTS_ATTEMPTS,
        .idempotent = true,
        .deadline_mono_ms = ctx->deadline_mono_ms,
    };
    struct http_response r;
    enum errc rc;

    rc = http_do(ctx->http, ctx->arena, &req, &r, err);
    if (!rc && r.status != 200)
        rc = err_set_upstream(err, ERR_UPSTREAM, r.status, "answered %d", r.status);
    if (!rc && keys_parse(ret, ctx->arena, r.body, err))
        rc = ERR_UPSTREAM;
    if (rc)
        return err_wrap(err, rc, "keys of " STR_FMT, STR_ARG(o->settings->certs_url));
    *ret_age_s = max_age_s(&r);
    return ERR_OK;
}

/* Called and left with the lock held. The keys there are stay when fetching fails. */
static void refresh(struct oidc *o, struct ctx *ctx)
{
    struct err failure = ERR_INIT;
    struct oidc_keys keys;
    int64_t now_ms, age_s = 0;
    enum errc rc;

    if (o->fetching) { /* bounded by the fetch's own time limits */
        while (o->fetching)
            pthread_cond_wait(&o->landed, &o->lock);
        return;
    }
    o->fetching = true;
    pthread_mutex_unlock(&o->lock);
    rc = fetch(o, ctx, &keys, &age_s, &failure);
    now_ms = clock_mono_ms(ctx->clock);
    pthread_mutex_lock(&o->lock);
    o->fetching = false;
    o->last_rc = rc;
    o->last_err = failure;
    o->refetch_at_ms = now_ms + (int64_t)OIDC_REFETCH_S * 1000;
    if (!rc) {
        keys_release(&o->keys);
        o->keys = keys;
        o->stale_at_ms = now_ms + age_s * 1000;
    }
    pthread_cond_broadcast(&o->landed);
}

static const struct rsa_key *key_find(const struct oidc *o, struct str kid)
{
    size_t i;

    for (i = 0; i < o->keys.n; i++) {
        if (str_eq_c(kid, o->keys.items[i].kid))
            return o->keys.items[i].key;
    }
    return NULL;
}

/* With the lock held. */
static const struct rsa_key *key_get(struct oidc *o, struct ctx *ctx, struct str kid)
{
    int64_t now_ms = clock_mono_ms(ctx->clock);
    bool may_refetch = now_ms >= o->refetch_at_ms;

    /* The first keys are asked for as often as anybody needs them; later ones once a minute. */
    if (o->keys.n == 0 || (now_ms >= o->stale_at_ms && may_refetch)) {
        refresh(o, ctx);
        return key_find(o, kid);
    }
    if (!key_find(o, kid) && may_refetch)
        refresh(o, ctx);
    return key_find(o, kid);
}

static enum errc check_signature(struct oidc *o, struct ctx *ctx, const struct jwt *jwt,
                                 struct err *err)
{
    const struct rsa_key *key;
    enum errc rc = ERR_OK;

    if (!str_eq(jwt->alg, STR("RS256")))
        return err_set_upstream(err, ERR_DENIED, 401, "token's algorithm is not RS256");
    pthread_mutex_lock(&o->lock);
    key = key_get(o, ctx, jwt->kid);
    if (!key && o->keys.n == 0) {
        rc = o->last_rc ? o->last_rc : ERR_UPSTREAM;
        if (err)
            *err = o->last_err;
    } else if (!key) {
        rc = err_set_upstream(err, ERR_DENIED, 401, "token is signed by an unknown key");
    } else if (jwt_verify(jwt, ctx->arena, key)) {
        rc = err_set_upstream(err, ERR_DENIED, 401, "token's signature is wrong");
    }
    pthread_mutex_unlock(&o->lock);
    return rc;
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
    int64_t now_s = clock_wall_s(ctx->clock);

    if (!str_eq(iss, STR("https://accounts.google.com")) &&
        !str_eq(iss, STR("accounts.google.com")))
        return err_set_upstream(err, ERR_DENIED, 401, "token's issuer is not Google");
    if (!listed(&o->settings->audiences, json_str(json_get(claims, "aud"))))
        return err_set_upstream(err, ERR_DENIED, 401, "token is for another audience");
    if (exp_s < now_s - OIDC_SKEW_S)
        return err_set_upstream(err, ERR_DENIED, 401, "token has expired");
    if (iat_s > now_s + OIDC_SKEW_S)
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
    rc = o->settings->check == OIDC_SIGNATURE ? check_signature(o, ctx, &jwt, err) : ERR_OK;
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

    if (!str_istarts(header, STR("Bearer ")))
        return refuse(r, err_set_upstream(&err, ERR_DENIED, 401, "there is none"), &err);
    rc = oidc_verify(o, r->ctx, str_trim(str_from(header, 7)), NULL, &err);
    return rc ? refuse(r, rc, &err) : ERR_OK;
}
