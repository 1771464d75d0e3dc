/* twilio/signature.h: X-Twilio-Signature, made and checked.
 * Source: Twilio docs, Usage > Security > Validating requests; Voice > Media Streams (upgrade); helper
 * library twilio-node 6 (repeated keys, bodySHA256, default ports).
 *
 * signature = base64(HMAC-SHA1(auth token as text, URL as Twilio requested it + the form's pairs sorted by
 * key, key and value joined without separators)). The URL is never decoded or re-encoded. What Twilio
 * requested is rebuilt from our own configuration and the request's target, never from Host or
 * X-Forwarded-*, which anybody can send. */
#ifndef TWILIO_SIGNATURE_H
#define TWILIO_SIGNATURE_H

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/str.h"

enum { TWILIO_SIGNATURE_LEN = 28 };

/* Signs `url` alone (GET, JSON bodies with bodySHA256 in the URL, WebSocket upgrades) or with the pairs of
 * an application/x-www-form-urlencoded body. Writes 28 characters and NUL. ERR_LIMIT: too many pairs. */
MUST_USE enum errc twilio_sign(char out[TWILIO_SIGNATURE_LEN + 1], struct str token, struct str url,
                               struct str form_body, struct arena *a);

struct twilio_verifier {
    struct str base_url;    /* PUBLIC_BASE_URL; a slash at its end does not count */
    struct str_list tokens; /* each is tried, without early exit */
};

struct twilio_signed {
    struct str target;       /* path and query byte for byte as received */
    struct str content_type; /* may be empty */
    struct str body;         /* raw; empty for GET */
    struct str signature;    /* X-Twilio-Signature; empty when absent */
};

/* ERR_OK: Twilio made this request. Everything else is ERR_DENIED. Tries base_url without a port, with its
 * port, and with the scheme's default port; a query with bodySHA256 also binds the raw body. */
MUST_USE enum errc twilio_verify(const struct twilio_verifier *v, const struct twilio_signed *r,
                                 struct arena *a);
/* The same for the upgrade of a Media Stream. Twilio signs the wss URL of <Stream> without parameters,
 * sometimes with a slash appended; the https forms are accepted too. `target` is the upgrade request's. */
MUST_USE enum errc twilio_verify_upgrade(const struct twilio_verifier *v, struct str target,
                                         struct str signature, struct arena *a);

#endif
