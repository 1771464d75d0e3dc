/* google/key_set.h: the keys that an issuer of tokens publishes: a JWKS, or Google's older map of key id to
 * certificate. They are fetched when somebody needs them, by one worker while the others wait, kept as long as
 * Cache-Control says, and serve on while new ones cannot be had. An unknown key id fetches them anew, at most
 * once in KEY_SET_UNKNOWN_S, however many of them come: a key that rotated in between is accepted, a flood
 * of invented ids is not passed on. Thread-safe.
 * Source: RFC 7517; https://cloud.google.com/iap/docs/signed-headers-howto. */
#ifndef GOOGLE_KEY_SET_H
#define GOOGLE_KEY_SET_H

#include "base/err.h"
#include "base/str.h"
#include "google/jwt.h"
#include "net/ctx.h"

enum {
    KEY_SET_MAX = 32,     /* keys; more are passed over */
    KEY_SET_AGE_S = 3600, /* when Cache-Control does not say */
    KEY_SET_UNKNOWN_S = 60,
    KEY_SET_RETRY_S = 60, /* between fetches of keys that have become old */
};

enum key_alg { KEY_RS256, KEY_ES256 }; /* what the issuer signs with: other keys are passed over */

struct key_set;

/* Borrows `url` for its life; asks nobody yet. */
struct key_set *key_set_create(struct str url, enum key_alg alg) MUST_USE;
struct key_set *key_set_destroy(struct key_set *s);

/* ERR_DENIED: another algorithm, an unknown key, or not its signature (err says which). Other kinds: the keys
 * could not be had, nothing is known. */
MUST_USE enum errc key_set_verify(struct key_set *s, struct ctx *ctx, const struct jwt *jwt,
                                  struct err *err);

#endif
