#include "google/key_set.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "net/http_client.h"

enum {
    BODY_MAX = 256 * 1024,
    TIMEOUT_MS = 5000,
    ATTEMPTS = 3,
    AGE_MAX_S = 7 * 86400, /* whatever Cache-Control says */
};

/* One of rsa and ec. */
struct key {
    char *kid;
    struct rsa_key *rsa;
    struct ec_key *ec;
};

struct keys {
    struct key items[KEY_SET_MAX];
    size_t n;
};

struct key_set {
    struct str url;
    enum key_alg alg;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t landed;
    struct keys keys;
    int64_t stale_at_ms;   /* monotonic, as the next two */
    int64_t retry_at_ms;   /* old keys are not asked for anew before */
    int64_t unknown_at_ms; /* nor for an unknown key id */
    bool fetching;
    enum errc last_rc; /* of the last fetch */
    struct err last_err;
};

struct key_set *key_set_create(struct str url, enum key_alg alg)
{
    struct key_set *s = MEM_NEW(struct key_set);

    s->url = url;
    s->alg = alg;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->landed, NULL);
    return s;
}

static void keys_release(struct keys *k)
{
    size_t i;

    for (i = 0; i < k->n; i++) {
        mem_free(k->items[i].kid);
        k->items[i].rsa = rsa_key_destroy(k->items[i].rsa);
        k->items[i].ec = ec_key_destroy(k->items[i].ec);
    }
    k->n = 0;
}

struct key_set *key_set_destroy(struct key_set *s)
{
    if (!s)
        return NULL;
    keys_release(&s->keys);
    pthread_cond_destroy(&s->landed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
    return NULL;
}

/* ---- reading ---- */

/* Absent, or just this. */
static bool says(const struct jval *jwk, const char *member, const char *value)
{
    struct str text = json_str(json_get(jwk, member));

    return text.n == 0 || str_eq_c(text, value);
}

/* Keys of other kinds and uses are passed over. */
static bool key_from_jwk(struct key *ret, const struct jval *jwk, enum key_alg alg)
{
    struct str type = json_str(json_get(jwk, "kty"));
    struct str x = json_str(json_get(jwk, "x")), y = json_str(json_get(jwk, "y"));
    struct str n = json_str(json_get(jwk, "n")), e = json_str(json_get(jwk, "e"));

    *ret = (struct key){ .kid = NULL };
    if (!says(jwk, "use", "sig"))
        return false;
    if (alg == KEY_ES256)
        return str_eq(type, STR("EC")) && says(jwk, "alg", "ES256") && says(jwk, "crv", "P-256") &&
               !ec_key_from_jwk(&ret->ec, x, y, NULL);
    return str_eq(type, STR("RSA")) && says(jwk, "alg", "RS256") &&
           !rsa_key_from_jwk(&ret->rsa, n, e, NULL);
}

static void keys_add(struct keys *k, struct str kid, const struct key *key)
{
    k->items[k->n] = *key;
    k->items[k->n++].kid = mem_str_dup(kid);
}

static enum errc keys_parse(struct keys *ret, struct arena *a, struct str text, enum key_alg alg,
                            struct err *err)
{
    const struct jval *root, *list, *val;
    struct keys keys = { .n = 0 };
    struct key key;
    struct json_iter it;
    struct str kid;
    enum errc rc;

    rc = json_parse_arena(&root, a, text, err);
    if (rc)
        return rc;
    list = json_get(root, "keys");
    it = json_iter(list ? list : root);
    while (keys.n < KEY_SET_MAX && json_next(&it, &kid, &val)) {
        key = (struct key){ .kid = NULL };
        if (list && key_from_jwk(&key, val, alg))
            keys_add(&keys, json_str(json_get(val, "kid")), &key);
        else if (!list && alg == KEY_RS256 && !rsa_key_from_pem(&key.rsa, json_str(val), NULL))
            keys_add(&keys, kid, &key);
    }
    if (keys.n == 0)
        return err_set(err, ERR_INVALID, "no keys in it that sign so");
    *ret = keys;
    return ERR_OK;
}

/* ---- fetching ---- */

static int64_t max_age_s(const struct http_response *r)
{
    struct str head, rest = http_response_header(r, "Cache-Control");
    int64_t age_s = KEY_SET_AGE_S, past_s = 0;
    struct str name, value;

    while (rest.n) {
        (void)str_cut(rest, ',', &head, &rest); /* without a comma the rest is the last one */
        if (str_cut(str_trim(head), '=', &name, &value) && str_ieq_c(name, "max-age") &&
            str_to_i64(value, 0, INT64_MAX, &age_s))
            age_s = KEY_SET_AGE_S;
    }
    if (str_to_i64(http_response_header(r, "Age"), 0, age_s, &past_s))
        past_s = 0;
    return MIN(age_s - past_s, (int64_t)AGE_MAX_S);
}

static enum errc fetch(struct key_set *s, struct ctx *ctx, struct keys *ret, int64_t *ret_age_s,
                       struct err *err)
{
    struct http_request req = {
        .method = "GET",
        .url = s->url,
        .body_max = BODY_MAX,
        .timeout_ms = TIMEOUT_MS,
        .attempts = ATTEMPTS,
        .idempotent = true,
        .deadline_mono_ms = ctx->deadline_mono_ms,
    };
    struct http_response r;
    enum errc rc;

    rc = http_do(ctx->http, ctx->arena, &req, &r, err);
    if (!rc && r.status != 200)
        rc = err_set_upstream(err, ERR_UPSTREAM, r.status, "answered %d", r.status);
    if (!rc && keys_parse(ret, ctx->arena, r.body, s->alg, err))
        rc = ERR_UPSTREAM;
    if (rc)
        return err_wrap(err, rc, "keys of " STR_FMT, STR_ARG(s->url));
    *ret_age_s = max_age_s(&r);
    return ERR_OK;
}

/* Called and left with the lock held. The keys there are stay when fetching fails. */
static void refresh(struct key_set *s, struct ctx *ctx)
{
    struct err failure = ERR_INIT;
    struct keys keys;
    int64_t now_ms, age_s = 0;
    enum errc rc;

    if (s->fetching) { /* bounded by the fetch's own time limits */
        while (s->fetching)
            pthread_cond_wait(&s->landed, &s->lock);
        return;
    }
    s->fetching = true;
    pthread_mutex_unlock(&s->lock);
    rc = fetch(s, ctx, &keys, &age_s, &failure);
    now_ms = clock_mono_ms(ctx->clock);
    pthread_mutex_lock(&s->lock);
    s->fetching = false;
    s->last_rc = rc;
    s->last_err = failure;
    s->retry_at_ms = now_ms + (int64_t)KEY_SET_RETRY_S * 1000;
    if (!rc) {
        keys_release(&s->keys);
        s->keys = keys;
        s->stale_at_ms = now_ms + age_s * 1000;
    }
    pthread_cond_broadcast(&s->landed);
}

/* ---- finding ---- */

static const struct key *key_find(const struct key_set *s, struct str kid)
{
    size_t i;

    for (i = 0; i < s->keys.n; i++) {
        if (str_eq_c(kid, s->keys.items[i].kid))
            return &s->keys.items[i];
    }
    return NULL;
}

/* With the lock held. */
static const struct key *key_get(struct key_set *s, struct ctx *ctx, struct str kid)
{
    int64_t now_ms = clock_mono_ms(ctx->clock);
    const struct key *key = key_find(s, kid);
    bool old = now_ms >= s->stale_at_ms && now_ms >= s->retry_at_ms;

    /* The first keys are asked for as often as anybody needs them. */
    if (s->keys.n == 0 || (old && !(key && s->fetching))) {
        refresh(s, ctx);
    } else if (!key && (s->fetching || now_ms >= s->unknown_at_ms)) {
        if (!s->fetching)
            s->unknown_at_ms = now_ms + (int64_t)KEY_SET_UNKNOWN_S * 1000;
        refresh(s, ctx);
    }
    return key_find(s, kid);
}

static enum errc refused(struct err *err, const char *why)
{
    return err_set_upstream(err, ERR_DENIED, 401, "%s", why);
}

enum errc key_set_verify(struct key_set *s, struct ctx *ctx, const struct jwt *jwt, struct err *err)
{
    const char *alg = s->alg == KEY_ES256 ? "ES256" : "RS256";
    const struct key *key;
    enum errc rc = ERR_OK;

    if (!str_eq_c(jwt->alg, alg))
        return err_set_upstream(err, ERR_DENIED, 401, "token's algorithm is not %s", alg);
    pthread_mutex_lock(&s->lock);
    key = key_get(s, ctx, jwt->kid);
    if (!key && s->keys.n == 0) {
        rc = s->last_rc ? s->last_rc : ERR_UPSTREAM;
        if (err)
            *err = s->last_err;
    } else if (!key) {
        rc = refused(err, "token is signed by an unknown key");
    } else if (key->ec ? jwt_verify_ec(jwt, ctx->arena, key->ec)
                       : jwt_verify(jwt, ctx->arena, key->rsa)) {
        rc = refused(err, "token's signature is wrong");
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}
