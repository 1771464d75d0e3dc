#include "google/jwt.h"

static enum errc json_part(const struct jval **ret, struct arena *a, struct str part,
                           const char *what, struct err *err)
{
    struct str text;

    if (base64_bytes(a, part, &text) || json_parse_arena(ret, a, text, NULL) || !json_is_obj(*ret))
        return err_set(err, ERR_INVALID, "token's %s is no JSON object in base64url", what);
    return ERR_OK;
}

enum errc jwt_parse(struct jwt *ret, struct arena *a, struct str token, struct err *err)
{
    struct str header, payload, signature, rest;
    const struct jval *head = NULL, *claims = NULL;
    enum errc rc;

    if (token.n > JWT_MAX)
        return err_set(err, ERR_INVALID, "token of %zu bytes, at most %d", token.n, JWT_MAX);
    if (!str_cut(token, '.', &header, &rest) || !str_cut(rest, '.', &payload, &signature) ||
        str_find_char(signature, '.') < signature.n)
        return err_set(err, ERR_INVALID, "token has not three parts");
    rc = json_part(&head, a, header, "header", err);
    if (!rc)
        rc = json_part(&claims, a, payload, "payload", err);
    if (rc)
        return rc;
    if (json_get(head, "crit")) /* RFC 7515, section 4.1.11: none is understood here */
        return err_set(err, ERR_INVALID, "token has critical extensions");
    *ret = (struct jwt){
        .signed_part = str_slice(token, 0, header.n + 1 + payload.n),
        .signature = signature,
        .alg = json_str(json_get(head, "alg")),
        .kid = json_str(json_get(head, "kid")),
        .claims = claims,
    };
    return ERR_OK;
}

enum errc jwt_verify(const struct jwt *jwt, struct arena *a, const struct rsa_key *key)
{
    struct str signature;

    if (!str_eq(jwt->alg, STR("RS256")) || base64_bytes(a, jwt->signature, &signature))
        return ERR_DENIED;
    return rsa_verify_sha256(key, jwt->signed_part, signature);
}

enum errc jwt_verify_ec(const struct jwt *jwt, struct arena *a, const struct ec_key *key)
{
    struct str signature;

    if (!str_eq(jwt->alg, STR("ES256")) || base64_bytes(a, jwt->signature, &signature))
        return ERR_DENIED;
    return ec_verify_sha256(key, jwt->signed_part, signature);
}

enum errc jwt_sign(const struct rsa_key *key, struct str kid, struct str claims, struct arena *a,
                   struct str *ret, struct err *err)
{
    struct str header, signed_part, signature;
    struct jw w;
    enum errc rc;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "alg", "RS256");
    jw_cstr(&w, "typ", "JWT");
    if (kid.n)
        jw_str(&w, "kid", kid);
    jw_end(&w);
    header = base64url_text(a, jw_finish(&w, a));
    claims = base64url_text(a, claims);
    signed_part = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(header), STR_ARG(claims));
    rc = rsa_sign_sha256(key, signed_part, a, &signature, err);
    if (rc)
        return rc;
    signature = base64url_text(a, signature);
    *ret = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(signed_part), STR_ARG(signature));
    return ERR_OK;
}
