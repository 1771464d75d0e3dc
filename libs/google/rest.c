#include "google/rest.h"

#include "google/google_internal.h"
#include "google/token.h"

enum { ATTEMPT_MIN_MS = 300 };

/* google.rpc.Code by name, and what it means to a caller here. */
static const struct status_desc {
    const char *name;
    enum google_status status;
    enum errc kind;
} statuses[] = {
    { "CANCELLED", GOOGLE_CANCELLED, ERR_UPSTREAM },
    { "UNKNOWN", GOOGLE_UNKNOWN, ERR_UPSTREAM },
    { "INVALID_ARGUMENT", GOOGLE_INVALID_ARGUMENT, ERR_INVALID },
    { "DEADLINE_EXCEEDED", GOOGLE_DEADLINE_EXCEEDED, ERR_TIMEOUT },
    { "NOT_FOUND", GOOGLE_NOT_FOUND, ERR_NOT_FOUND },
    { "ALREADY_EXISTS", GOOGLE_ALREADY_EXISTS, ERR_CONFLICT },
    { "PERMISSION_DENIED", GOOGLE_PERMISSION_DENIED, ERR_DENIED },
    { "RESOURCE_EXHAUSTED", GOOGLE_RESOURCE_EXHAUSTED, ERR_AGAIN },
    { "FAILED_PRECONDITION", GOOGLE_FAILED_PRECONDITION, ERR_CONFLICT },
    { "ABORTED", GOOGLE_ABORTED, ERR_AGAIN },
    { "OUT_OF_RANGE", GOOGLE_OUT_OF_RANGE, ERR_INVALID },
    { "UNIMPLEMENTED", GOOGLE_UNIMPLEMENTED, ERR_UNSUPPORTED },
    { "INTERNAL", GOOGLE_INTERNAL, ERR_UPSTREAM },
    { "UNAVAILABLE", GOOGLE_UNAVAILABLE, ERR_AGAIN },
    { "DATA_LOSS", GOOGLE_DATA_LOSS, ERR_UPSTREAM },
    { "UNAUTHENTICATED", GOOGLE_UNAUTHENTICATED, ERR_DENIED },
};

enum errc google_error(const struct http_response *r, struct err *err)
{
    struct json *doc = NULL;
    const struct jval *error;
    struct str status, message;
    enum errc rc = http_status_errc(r->status);
    long upstream = r->status;
    size_t i;

    if (json_parse(&doc, r->body, NULL))
        doc = NULL; /* no JSON: the status alone has to do */
    error = json_root(doc);
    if (json_is_arr(error)) /* streamed methods wrap their errors */
        error = json_at(error, 0);
    error = json_get(error, "error");
    status = json_str(json_get(error, "status"));
    if (status.n == 0)
        status = json_str(json_path(error, "errors.0.reason"));
    message = json_str(json_get(error, "message"));
    for (i = 0; i < ARRAY_LEN(statuses); i++) {
        if (str_eq_c(status, statuses[i].name)) {
            rc = statuses[i].kind;
            upstream = statuses[i].status;
        }
    }
    if (rc == ERR_OK) /* asked about an answer that is no error */
        rc = ERR_UPSTREAM;
    (void)err_set_upstream(err, rc, upstream, "HTTP %d " STR_FMT ": " STR_FMT, r->status,
                           STR_ARG(status), STR_ARG(str_slice(message, 0, 200)));
    (void)json_destroy(doc); /* NULL */
    return rc;
}

struct prepared {
    struct http_header headers[GOOGLE_HEADERS_MAX + 3];
    size_t n_headers;
    struct str token; /* empty: none was needed */
};

static void add_header(struct prepared *p, struct str name, struct str value)
{
    p->headers[p->n_headers++] = (struct http_header){ name, value };
}

static enum errc add_auth(struct google *g, struct ctx *ctx, const struct google_call *call,
                          struct prepared *p, struct err *err)
{
    const struct google_base *base = &g->bases[call->api];
    struct str quota;
    enum errc rc;

    if (call->no_auth)
        return ERR_OK;
    if (base->emulated) {
        /* Firestore's emulator refuses batchWrite and listings without it; rules do not apply then. */
        if (call->api == GOOGLE_FIRESTORE)
            add_header(p, STR("Authorization"), STR("Bearer owner"));
        return ERR_OK;
    }
    rc = token_access(g->tokens, ctx, TOKEN_SCOPE_CLOUD, &p->token, err);
    if (rc)
        return rc;
    add_header(p, STR("Authorization"),
               arena_printf(ctx->arena, "Bearer " STR_FMT, STR_ARG(p->token)));
    quota = token_quota_project(g->tokens);
    if (quota.n)
        add_header(p, STR("x-goog-user-project"), quota);
    return ERR_OK;
}

static enum errc prepare(struct google *g, struct ctx *ctx, const struct google_call *call,
                         struct prepared *p, struct err *err)
{
    size_t i;

    if (call->n_headers > GOOGLE_HEADERS_MAX)
        return err_set(err, ERR_INTERNAL, "%zu headers", call->n_headers);
    p->n_headers = 0;
    p->token = STR_EMPTY;
    for (i = 0; i < call->n_headers; i++)
        add_header(p, call->headers[i].name, call->headers[i].value);
    /* Without it libcurl says form-urlencoded, which Google's emulators answer with 404. */
    if (call->content_type || call->body.n)
        add_header(p, STR("Content-Type"),
                   str_c(call->content_type ? call->content_type : "application/json"));
    return add_auth(g, ctx, call, p, err);
}

static enum errc send_once(struct google *g, struct ctx *ctx, const struct google_call *call,
                           struct prepared *p, struct http_response *ret, struct err *err)
{
    const struct google_base *base = &g->bases[call->api];
    struct http_request req = {
        .method = call->method,
        .url = call->url,
        .headers = p->headers,
        .body = call->body,
        .write = call->write,
        .write_arg = call->write_arg,
        .body_max = call->body_max,
        .timeout_ms = call->timeout_ms,
        .attempts = call->attempts,
        .idempotent = call->idempotent,
        .deadline_mono_ms = ctx->deadline_mono_ms,
    };
    enum errc rc;

    rc = prepare(g, ctx, call, p, err);
    if (rc)
        return err_wrap(err, rc, "%s", base->name);
    req.n_headers = p->n_headers;
    if (req.url.n == 0)
        req.url =
            arena_printf(ctx->arena, STR_FMT STR_FMT, STR_ARG(base->origin), STR_ARG(call->path));
    rc = http_do(ctx->http, ctx->arena, &req, ret, err);
    return rc ? err_wrap(err, rc, "%s", base->name) : ERR_OK;
}

enum errc google_do(struct google *g, struct ctx *ctx, const struct google_call *call,
                    struct http_response *ret, struct err *err)
{
    struct prepared p = { .n_headers = 0 };
    enum errc rc;

    *ret = (struct http_response){ .status = 0 };
    rc = send_once(g, ctx, call, &p, ret, err);
    if (rc || ret->status != 401 || p.token.n == 0)
        return rc;
    token_drop(g->tokens, p.token); /* revoked before its time */
    return send_once(g, ctx, call, &p, ret, err);
}

enum errc google_call(struct google *g, struct ctx *ctx, const struct google_call *call,
                      struct http_response *ret, struct err *err)
{
    enum errc rc;

    rc = google_do(g, ctx, call, ret, err);
    if (rc)
        return rc;
    if (ret->status >= 200 && ret->status <= 299)
        return ERR_OK;
    rc = google_error(ret, err);
    return err_wrap(err, rc, "%s", g->bases[call->api].name);
}

enum errc google_json(struct ctx *ctx, const struct http_response *r, const struct jval **ret,
                      struct err *err)
{
    if (json_parse_arena(ret, ctx->arena, r->body, err))
        return err_wrap(err, ERR_UPSTREAM, "answer");
    return ERR_OK;
}

int google_attempt_ms(const struct ctx *ctx, int max_ms)
{
    int64_t left;

    if (!ctx->deadline_mono_ms)
        return max_ms;
    left = ctx->deadline_mono_ms - clock_mono_ms(ctx->clock);
    return (int)MIN(MAX(left / 2, (int64_t)ATTEMPT_MIN_MS), (int64_t)max_ms);
}

enum errc google_wait_asked(struct ctx *ctx, const struct http_response *r)
{
    struct str text = http_response_header(r, "Retry-After");
    int64_t s;

    if (str_to_i64(text, 0, INT32_MAX, &s))
        return ERR_OK; /* absent, or a date, which Google does not send */
    return ctx_wait_ms(ctx, MIN(s, (int64_t)GOOGLE_RETRY_AFTER_MAX_S) * 1000);
}
