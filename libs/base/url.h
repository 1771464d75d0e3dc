/* base/url.h: URLs, percent-encoding and HTML forms. RFC 3986, WHATWG URL (forms). */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct url {
    /* Views of the text; query without ?, an IPv6 host without its brackets. */
    struct str scheme, userinfo, host, path, query, fragment;
    int port;      /* as written, or the scheme's (http, ws: 80; https, wss: 443) */
    bool port_set; /* it was written */
};
/* Absolute URLs with a host only, in ASCII. ERR_INVALID. */
MUST_USE enum errc url_parse(struct url *ret, struct str text);

/* Everything but unreserved characters becomes %XX (a slash too). */
void url_encode(struct buf *out, struct str s);
struct str url_encode_text(struct arena *a, struct str s);
/* %XX to bytes; `plus_is_space` for forms and queries, never for paths. A broken % stays as it is. */
struct str url_decode(struct arena *a, struct str s, bool plus_is_space);

enum { FORM_PAIRS_MAX = 256 };
struct form_pair {
    struct str key, value;
};
struct form {
    struct form_pair *pairs;
    size_t n;
};
/* application/x-www-form-urlencoded, or a query string: each key and value decoded once, in the order
 * sent, repeated and empty ones kept ("a=1&&b=2" has two pairs). ERR_LIMIT past FORM_PAIRS_MAX. */
MUST_USE enum errc form_parse(struct form *ret, struct arena *a, struct str body);
struct str form_get(const struct form *f, const char *key); /* first one; empty when absent */
bool form_has(const struct form *f, const char *key);
/* Adds & between pairs, none at the beginning or after ?. */
void form_add(struct buf *out, const char *key, struct str value);

#endif
