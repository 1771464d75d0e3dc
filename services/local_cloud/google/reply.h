/* local_cloud/google/reply.h: answers and errors in Google's form.
 * Source: https://cloud.google.com/apis/design/errors. */
#ifndef LOCAL_CLOUD_GOOGLE_REPLY_H
#define LOCAL_CLOUD_GOOGLE_REPLY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/url.h"
#include "google/rest.h"
#include "net/http_server.h"

/* The error of a handler: a canonical code and a sentence. */
struct failure {
    enum google_status status; /* 0: none */
    char text[ERR_TEXT_MAX];
};
/* Returns false, so that it can stand in a return; the first failure stays. */
bool failure_set(struct failure *f, enum google_status status, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
int failure_http(enum google_status status); /* 409 and so on */
const char *failure_name(enum google_status status);
struct str failure_json(struct arena *a, const struct failure *f); /* the error's body */
void reply_failure(struct http_req *r, const struct failure *f);
/* Cloud Storage's form: {"error":{"code","message","errors":[{"domain","reason","message"}]}}. */
void reply_old_error(struct http_req *r, int code, const char *reason, const char *message);

/* The query of a request, each value decoded; empty when there are too many. */
struct form request_query(struct http_req *r);
int64_t query_i64(const struct form *f, const char *key, int64_t dflt);
/* "2026-11-24T09:00:00Z", with three or six digits of fraction when there is one. */
struct str google_time(struct arena *a, int64_t us);

#endif
