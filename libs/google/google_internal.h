/* google/google_internal.h: what the modules of this layer share. */
#ifndef GOOGLE_GOOGLE_INTERNAL_H
#define GOOGLE_GOOGLE_INTERNAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "google/google.h"
#include "google/rest.h"

enum { GOOGLE_API_COUNT = GOOGLE_APIS + 1 };

struct google_base {
    struct str origin; /* no slash at the end */
    const char *name;  /* for error sentences */
    bool emulated;     /* plain HTTP, no token */
};

struct google {
    struct arena arena;
    struct str project;
    struct google_base bases[GOOGLE_API_COUNT]; /* constant after create */
    struct token_source *tokens;
};

enum { GOOGLE_RETRY_AFTER_MAX_S = 10 };

/* For one attempt of several: half of what the caller has left, at most `max_ms`, so that an answer that
 * never comes leaves time for another. */
int google_attempt_ms(const struct ctx *ctx, int max_ms);
/* Waits as long as the answer's Retry-After asks (GOOGLE_RETRY_AFTER_MAX_S at most), if it does.
 * ERR_TIMEOUT: the caller's deadline would pass. */
MUST_USE enum errc google_wait_asked(struct ctx *ctx, const struct http_response *r);

#endif
