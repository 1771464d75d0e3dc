/* local_cloud/google/identity.h: who is who: metadata server, token endpoint, Google's published keys. One
 * RSA key, made at the first start and kept in the store, signs all identity tokens.
 * Source: Compute Engine metadata server reference; https://accounts.google.com/.well-known/openid-configuration. */
#ifndef LOCAL_CLOUD_GOOGLE_IDENTITY_H
#define LOCAL_CLOUD_GOOGLE_IDENTITY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct identity;

enum { IDENTITY_TOKEN_LIFE_S = 3600 };

/* A Google-signed ID token of this account, as Pub/Sub and Scheduler send it. Thread-safe. */
MUST_USE enum errc identity_mint(struct identity *id, struct arena *a, struct str email,
                                 struct str audience, struct str *ret, struct err *err);

#endif
