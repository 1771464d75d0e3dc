/* google/rest.h: one call of a Google REST API: token, JSON, retries, and its error as a kind. The other
 * modules of this layer stand on it.
 * Source: https://cloud.google.com/apis/design/errors. */
#ifndef GOOGLE_REST_H
#define GOOGLE_REST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "google/google.h"
#include "net/ctx.h"
#include "net/http_client.h"

enum google_api { GOOGLE_FIRESTORE, GOOGLE_PUBSUB, GOOGLE_STORAGE, GOOGLE_CALENDAR, GOOGLE_APIS };

/* Canonical codes (google.rpc.Code): err->upstream of a failed call; 0 when Google gave none. */
enum google_status {
    GOOGLE_CANCELLED = 1,
    GOOGLE_UNKNOWN = 2,
    GOOGLE_INVALID_ARGUMENT = 3,
    GOOGLE_DEADLINE_EXCEEDED = 4,
    GOOGLE_NOT_FOUND = 5,
    GOOGLE_ALREADY_EXISTS = 6,
    GOOGLE_PERMISSION_DENIED = 7,
    GOOGLE_RESOURCE_EXHAUSTED = 8,
    GOOGLE_FAILED_PRECONDITION = 9,
    GOOGLE_ABORTED = 10,
    GOOGLE_OUT_OF_RANGE = 11,
    GOOGLE_UNIMPLEMENTED = 12,
    GOOGLE_INTERNAL = 13,
    GOOGLE_UNAVAILABLE = 14,
    GOOGLE_DATA_LOSS = 15,
    GOOGLE_UNAUTHENTICATED = 16,
};

struct google_call {
    enum google_api api;
    const char *method;
    struct str path; /* behind the API's origin, with query: "/v1/projects/…" */
    struct str url;  /* in place of api and path: an upload session */
    struct str body;
    const char *content_type;          /* NULL: application/json where there is a body */
    const struct http_header *headers; /* more of them; at most GOOGLE_HEADERS_MAX */
    size_t n_headers;
    int attempts; /* as in struct http_request */
    bool idempotent;
    int timeout_ms;
    size_t body_max;
    enum errc (*write)(void *arg, const char *data, size_t n);
    void *write_arg;
    bool no_auth; /* upload sessions carry their own right */
};
enum { GOOGLE_HEADERS_MAX = 8 };

/* ERR_OK for every answer, whatever its status; a 401 has been retried once with a fresh token. *ret is
 * empty (status 0) when there was no answer. */
MUST_USE enum errc google_do(struct google *g, struct ctx *ctx, const struct google_call *call,
                             struct http_response *ret, struct err *err);
/* The same, but an answer other than 2xx is an error: google_error(). */
MUST_USE enum errc google_call(struct google *g, struct ctx *ctx, const struct google_call *call,
                               struct http_response *ret, struct err *err);
/* Reads an error body, bare or in an array, old or new form. Kinds: ALREADY_EXISTS and
 * FAILED_PRECONDITION ERR_CONFLICT, ABORTED, RESOURCE_EXHAUSTED and UNAVAILABLE ERR_AGAIN,
 * UNAUTHENTICATED and PERMISSION_DENIED ERR_DENIED, NOT_FOUND ERR_NOT_FOUND, DEADLINE_EXCEEDED
 * ERR_TIMEOUT, INVALID_ARGUMENT and OUT_OF_RANGE ERR_INVALID, UNIMPLEMENTED ERR_UNSUPPORTED, the rest
 * ERR_UPSTREAM; without a status, as http_status_errc(). err->upstream is the status, else the code. */
enum errc google_error(const struct http_response *r, struct err *err);
/* The body of a good answer; lives in ctx->arena. */
MUST_USE enum errc google_json(struct ctx *ctx, const struct http_response *r,
                               const struct jval **ret, struct err *err);

#endif
