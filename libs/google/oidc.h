/* google/oidc.h: who is asking: Google ID tokens on Pub/Sub pushes, Cloud Scheduler and our own services'
 * requests. RS256 only; issuer, audience, times, then the account's email. Keys are Google's JWKS
 * (google/key_set.h). Thread-safe.
 * Source: https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions, RFC 7519, RFC 7517. */
#ifndef GOOGLE_OIDC_H
#define GOOGLE_OIDC_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "base/str.h"
#include "net/ctx.h"
#include "net/http_server.h"

enum {
    OIDC_SKEW_S = 300,
    OIDC_LIFE_MAX_S = 86400, /* tokens that live longer are not Google's */
    OIDC_TOKEN_MAX = 8192,
};

enum oidc_check { OIDC_SIGNATURE, OIDC_CLAIMS };

struct oidc_settings {
    struct str_list audiences; /* the token's must equal one of them */
    struct str_list
        emails; /* accounts that may ask: without this check anybody with an account could */
    struct str certs_url;
    int check; /* of enum oidc_check; OIDC_CLAIMS where Cloud Run's IAM has verified the signature */
};

/* As GOOGLE_CONFIG_KEYS: OIDC_CONFIG_KEYS(struct my_settings, oidc). */
#define OIDC_CONFIG_KEYS(type, member)                                            \
    { .name = "OIDC_AUDIENCE",                                                    \
      .kind = CONFIG_LIST,                                                        \
      .required = true,                                                           \
      .offset = offsetof(type, member.audiences),                                 \
      .help = "audiences that identity tokens of requests may have" },            \
        { .name = "OIDC_EMAILS",                                                  \
          .kind = CONFIG_LIST,                                                    \
          .required = true,                                                       \
          .offset = offsetof(type, member.emails),                                \
          .help = "service accounts that may send requests" },                    \
        { .name = "OIDC_CERTS_URL",                                               \
          .kind = CONFIG_URL,                                                     \
          .allowed = "http|https",                                                \
          .dflt = "https://www.googleapis.com/oauth2/v3/certs",                   \
          .offset = offsetof(type, member.certs_url),                             \
          .help = "keys of the tokens' issuer" },                                 \
    {                                                                             \
        .name = "OIDC_CHECK", .kind = CONFIG_ENUM, .allowed = "signature|claims", \
        .dflt = "signature", .offset = offsetof(type, member.check),              \
        .help = "claims: the platform has verified and removed the signature"     \
    }

struct oidc;
struct oidc_claims {
    struct str email, subject, audience;
    int64_t expires_s;
};

/* Borrows `settings` for its life; asks nobody yet. ERR_INVALID: no audience, email or URL. */
MUST_USE enum errc oidc_create(struct oidc **ret, const struct oidc_settings *settings,
                               struct err *err);
struct oidc *oidc_destroy(struct oidc *o);

/* ERR_DENIED: the token is no good (err says why, without the token; err->upstream 403: it is genuine, but
 * its account is not allowed; else 401). Other kinds: the keys could not be had, nothing is known. *ret (may
 * be NULL) is in ctx->arena. */
MUST_USE enum errc oidc_verify(struct oidc *o, struct ctx *ctx, struct str token,
                               struct oidc_claims *ret, struct err *err);
/* For an http_admit_fn: verifies Authorization: Bearer; replies 401 (no or bad token), 403 (a good token
 * of an account that is not allowed) or 503 (no keys) itself, with one warning in the log. */
MUST_USE enum errc oidc_admit(struct oidc *o, struct http_req *r);

#endif
