#include "local_cloud/google/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"

static const struct {
    const char *name;
    int http;
} statuses[] = {
    [0] = { "OK", 200 },
    [GOOGLE_CANCELLED] = { "CANCELLED", 499 },
    [GOOGLE_UNKNOWN] = { "UNKNOWN", 500 },
    [GOOGLE_INVALID_ARGUMENT] = { "INVALID_ARGUMENT", 400 },
    [GOOGLE_DEADLINE_EXCEEDED] = { "DEADLINE_EXCEEDED", 504 },
    [GOOGLE_NOT_FOUND] = { "NOT_FOUND", 404 },
    [GOOGLE_ALREADY_EXISTS] = { "ALREADY_EXISTS", 409 },
    [GOOGLE_PERMISSION_DENIED] = { "PERMISSION_DENIED", 403 },
    [GOOGLE_RESOURCE_EXHAUSTED] = { "RESOURCE_EXHAUSTED", 429 },
    [GOOGLE_FAILED_PRECONDITION] = { "FAILED_PRECONDITION", 400 },
    [GOOGLE_ABORTED] = { "ABORTED", 409 },
    [GOOGLE_OUT_OF_RANGE] = { "OUT_OF_RANGE", 400 },
    [GOOGLE_UNIMPLEMENTED] = { "UNIMPLEMENTED", 501 },
    [GOOGLE_INTERNAL] = { "INTERNAL", 500 },
    [GOOGLE_UNAVAILABLE] = { "UNAVAILABLE", 503 },
    [GOOGLE_DATA_LOSS] = { "DATA_LOSS", 500 },
    [GOOGLE_UNAUTHENTICATED] = { "UNAUTHENTICATED", 401 },
};

bool failure_set(struct failure *f, enum google_status status, const char *fmt, ...)
{
    va_list ap;

    if (f->status)
        return false;
    f->status = status;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof(f->text), fmt, ap); /* cut where it is too long */
    va_end(ap);
    return false;
}

int failure_http(enum google_status status)
{
    return statuses[status].http;
}

const char *failure_name(enum google_status status)
{
    return statuses[status].name;
}

struct str failure_json(struct arena *a, const struct failure *f)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_obj(&w, "error");
    jw_i64(&w, "code", failure_http(f->status));
    jw_cstr(&w, "message", f->text);
    jw_cstr(&w, "status", failure_name(f->status));
    jw_end(&w);
    jw_end(&w);
    return jw_finish(&w, a);
}

void reply_failure(struct http_req *r, const struct failure *f)
{
    http_reply_json(r, failure_http(f->status), failure_json(r->ctx->arena, f));
}

void reply_old_error(struct http_req *r, int code, const char *reason, const char *message)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_obj(&w, "error");
    jw_i64(&w, "code", code);
    jw_cstr(&w, "message", message);
    jw_arr(&w, "errors");
    jw_obj(&w, NULL);
    jw_cstr(&w, "domain", "global");
    jw_cstr(&w, "reason", reason);
    jw_cstr(&w, "message", message);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    http_reply_json(r, code, jw_finish(&w, r->ctx->arena));
}

struct form request_query(struct http_req *r)
{
    struct form f = { .n = 0 };

    if (form_parse(&f, r->ctx->arena, r->query))
        f.n = 0; /* more parameters than any client sends */
    return f;
}

int64_t query_i64(const struct form *f, const char *key, int64_t dflt)
{
    int64_t v;

    if (str_to_i64(form_get(f, key), INT64_MIN, INT64_MAX, &v))
        return dflt;
    return v;
}

struct str google_time(struct arena *a, int64_t us)
{
    char text[TIME_TEXT_MAX];
    struct str s;

    time_rfc3339(text, us); /* six digits and Z */
    s = str_c(text);
    if (us % 1000000 == 0)
        return arena_printf(a, STR_FMT "Z", STR_ARG(str_slice(s, 0, s.n - 8)));
    if (us % 1000 == 0)
        return arena_printf(a, STR_FMT "Z", STR_ARG(str_slice(s, 0, s.n - 4)));
    return arena_str(a, s);
}
