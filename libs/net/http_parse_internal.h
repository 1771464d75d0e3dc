/* net/http_parse_internal.h: HTTP/1.1 requests from bytes, and routes from paths. Pure functions over
 * what the peer sent. Sources: RFC 9110, RFC 9112. Strict where leniency would let two parties read the
 * same bytes differently: CRLF only, no folded lines, one length. */
#ifndef NET_HTTP_PARSE_INTERNAL_H
#define NET_HTTP_PARSE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "net/http_client.h"
#include "net/http_server.h"

enum {
    HTTP_TARGET_MAX = 8 * 1024,     /* 414 beyond it */
    HTTP_REQUEST_HEADERS_MAX = 128, /* lines; 431 beyond it */
};

/* Views of the parsed bytes. */
struct http_head {
    struct str method;
    struct str target; /* origin form, byte for byte as sent */
    struct str path, query;
    int minor; /* HTTP/1.x */
    struct http_header headers[HTTP_REQUEST_HEADERS_MAX];
    size_t n_headers;
    /* Derived. */
    bool keep_alive;
    bool chunked;
    bool has_length;
    int64_t length; /* 0 without one */
    bool expect_continue;
    bool upgrade_websocket;
};

/* Length of the head at the start of `in` (with the empty line that ends it), 0: more is needed.
 * Empty lines before the request line are skipped: they are part of the length. */
size_t http_head_length(struct str in);
/* The whole head as http_head_length() found it. 0, or the HTTP status that refuses it, with a sentence
 * in *why. */
int http_head_parse(struct http_head *ret, struct str text, const char **why);
/* For a head that is not complete: 0, or 414 / 431 when it is too large already. */
int http_head_too_large(struct str in);
struct str http_head_get(const struct http_head *h, const char *name); /* empty: absent */
size_t http_head_count(const struct http_head *h, const char *name);   /* lines of that name */
enum http_method http_method_parse(struct str s, bool *head);          /* 0: none of ours */

/* Chunked bodies, in pieces as they come. */
struct http_chunks {
    int state;
    uint64_t left; /* of this chunk */
    size_t line;   /* length of the present size line, or of a trailer's name */
    bool named;    /* the present trailer's colon has come */
    size_t trailers;
};
enum http_chunks_end { CHUNKS_MORE, CHUNKS_DONE, CHUNKS_BAD, CHUNKS_TOO_LARGE };
/* Appends data to `body` (whose maximum holds), sets *used. What follows the end is left alone. */
enum http_chunks_end http_chunks_feed(struct http_chunks *c, struct str in, size_t *used,
                                      struct buf *body);

/* True when the path matches; parameters decoded into the arena. */
bool http_path_match(const char *pattern, struct str path,
                     struct http_param params[HTTP_PARAMS_MAX], size_t *n_params, struct arena *a);

bool http_is_token(struct str s);
const char *http_reason(int status); /* "Not Found"; never NULL */

#endif
