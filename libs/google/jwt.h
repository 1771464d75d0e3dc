/* google/jwt.h: JSON Web Tokens as Google makes them: three base64url parts, RS256 (identity tokens) or
 * ES256 (Identity-Aware Proxy). Parsing checks form only; who signed and what is claimed is the caller's
 * to judge.
 * Source: RFC 7515 (JWS compact), RFC 7519. */
#ifndef GOOGLE_JWT_H
#define GOOGLE_JWT_H

#include "base/arena.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum { JWT_MAX = 8192 }; /* longer ones are refused */

struct jwt {
    struct str signed_part; /* header.payload, view of the token */
    struct str signature;   /* as sent, base64url */
    struct str alg, kid;
    const struct jval *claims;
};

/* Everything in the arena, or a view of `token`. ERR_INVALID, also for a header that names extensions which
 * must be understood (crit); the sentence holds nothing of the token. */
MUST_USE enum errc jwt_parse(struct jwt *ret, struct arena *a, struct str token, struct err *err);
/* ERR_DENIED: not RS256, or not signed by this key. */
MUST_USE enum errc jwt_verify(const struct jwt *jwt, struct arena *a, const struct rsa_key *key);
/* The same of ES256. */
MUST_USE enum errc jwt_verify_ec(const struct jwt *jwt, struct arena *a, const struct ec_key *key);
/* `claims` is a JSON object; an empty kid is left out. */
MUST_USE enum errc jwt_sign(const struct rsa_key *key, struct str kid, struct str claims,
                            struct arena *a, struct str *ret, struct err *err);

#endif
