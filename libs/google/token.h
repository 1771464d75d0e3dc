/* google/token.h: access tokens for Google's APIs and identity tokens for services that check them.
 * Where they come from, in this order: the file of GOOGLE_APPLICATION_CREDENTIALS, gcloud's user
 * credentials, the metadata server. GCE_METADATA_HOST alone (a machine that stands in for Google Cloud)
 * skips the user credentials.
 *
 * One cache for the process: a token is renewed TOKEN_EARLY_S before it expires by one worker while the
 * others go on with the old one; only when there is none do they wait. When renewing fails the old one
 * serves until it expires. Thread-safe.
 * Source: Google Cloud, "Service account authentication", RFC 7523, metadata server reference. */
#ifndef GOOGLE_TOKEN_H
#define GOOGLE_TOKEN_H

#include "base/err.h"
#include "base/str.h"
#include "google/google.h"
#include "net/ctx.h"

enum {
    TOKEN_EARLY_S = 300,
    TOKEN_RETRY_S = 10,    /* after a failed renewal the next attempt waits so long */
    TOKEN_TEXT_MAX = 8192, /* longer ones are refused */
    TOKEN_CACHE_MAX = 64,  /* different scopes and audiences; beyond it tokens are not kept */
};

#define TOKEN_SCOPE_CLOUD STR("https://www.googleapis.com/auth/cloud-platform")

struct token_source;

/* Borrows `settings` and `clock` for its life. */
MUST_USE enum errc token_source_create(struct token_source **ret,
                                       const struct google_settings *settings,
                                       const struct clock *clock, struct err *err);
struct token_source *token_source_destroy(struct token_source *t);

/* `scopes` is separated by spaces. *ret is in ctx->arena. ERR_NOT_FOUND: no credentials anywhere.
 * ERR_DENIED: refused (wrong key, clock, revoked). Else what HTTP said. */
MUST_USE enum errc token_access(struct token_source *t, struct ctx *ctx, struct str scopes,
                                struct str *ret, struct err *err);
/* A Google-signed JWT whose audience is `audience`: for Authorization: Bearer to our own services. */
MUST_USE enum errc token_identity(struct token_source *t, struct ctx *ctx, struct str audience,
                                  struct str *ret, struct err *err);
/* Somebody answered 401 to `token`: it is not handed out again. */
void token_drop(struct token_source *t, struct str token);
/* Project to be named in x-goog-user-project (user credentials only); empty: none. */
struct str token_quota_project(const struct token_source *t);

#endif
