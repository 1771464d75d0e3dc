/* google/credentials.h: who this process is to Google, and one fresh token of it (no cache: token.h has
 * it). Constant after load, so thread-safe.
 * Source: RFC 7523 (JWT bearer), RFC 6749 §6 (refresh), Compute Engine metadata server reference. */
#ifndef GOOGLE_CREDENTIALS_H
#define GOOGLE_CREDENTIALS_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "google/google.h"
#include "net/ctx.h"

struct credentials;

struct fresh_token {
    struct str text; /* in ctx->arena */
    int64_t life_s;  /* from now */
};

/* Reads the file, if there is one. ERR_NOT_FOUND, ERR_INVALID name it. */
MUST_USE enum errc credentials_load(struct credentials **ret,
                                    const struct google_settings *settings, struct err *err);
struct credentials *credentials_destroy(struct credentials *c);
MUST_USE enum errc credentials_access(const struct credentials *c, struct ctx *ctx,
                                      struct str scopes, struct fresh_token *ret, struct err *err);
MUST_USE enum errc credentials_identity(const struct credentials *c, struct ctx *ctx,
                                        struct str audience, struct fresh_token *ret,
                                        struct err *err);
struct str credentials_quota_project(const struct credentials *c);

#endif
