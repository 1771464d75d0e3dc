#include "net/http_client_internal.h"

#include <limits.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/tls.h"

enum {
    HEADERS_MAX = 256,              /* of an answer; further ones are not kept */
    REQUEST_HEADER_MAX = 64 * 1024, /* one line */
    HEAD_KEPT_MAX = 128 * 1024,     /* of a request, for an observer */
    CONNECTIONS_KEPT = 16,
    CONNECTION_IDLE_S = 50, /* servers drop idle ones after a minute or so: be first */
};

/* --- what curl calls ---------------------------------------------------------------------------- */

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct str line = str_n(data, size * n), name, value;

    if (str_starts(line, STR("HTTP/"))) { /* a new head; before it there may have been a 1xx */
        struct str code = str_slice(str_from(line, str_find_char(line, ' ')), 1, 4);
        int64_t status = 0;

        if (str_to_i64(code, 100, 999, &status))
            status = 0; /* curl refuses such a line itself */
        t->res.status = (int)status;
        t->res.n_headers = 0;
        return line.n;
    }
    if (!str_cut(line, ':', &name, &value) || t->res.n_headers == HEADERS_MAX)
        return line.n;
    if (t->res.n_headers == t->cap_headers) {
        size_t cap = t->cap_headers ? 2 * t->cap_headers : 16;
        struct http_header *more = ARENA_ARRAY(t->arena, struct http_header, cap);

        if (t->res.n_headers)
            memcpy(more, t->res.headers, t->res.n_headers * sizeof(*more));
        t->res.headers = more;
        t->cap_headers = cap;
    }
    t->res.headers[t->res.n_headers++] =
        (struct http_header){ arena_str(t->arena, name), arena_str(t->arena, str_trim(value)) };
    return line.n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    n *= size;
    if (t->req->write && t->res.status >= 200 && t->res.status < 300) {
        t->delivered = true;
        if (t->client->self->tap)
            tap_keep_add(&t->in, data, n);
        t->callback_rc = t->req->write(t->req->write_arg, data, n);
    } else {
        buf_add(&t->client->body, data, n);
        t->callback_rc = buf_status(&t->client->body);
    }
    return t->callback_rc ? CURL_WRITEFUNC_ERROR : n;
}

static size_t on_send_stream(char *out, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t got = 0;

    t->callback_rc = t->req->read(t->req->read_arg, out, size * n, &got);
    if (t->client->self->tap && !t->callback_rc)
        tap_keep_add(&t->out, out, got);
    return t->callback_rc ? CURL_READFUNC_ABORT : got;
}

static size_t on_send_body(char *out, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    n = MIN(size * n, t->req->body.n - t->sent);
    if (n)
        memcpy(out, t->req->body.p + t->sent, n);
    t->sent += n;
    return n;
}

/* curl silently repeats a request when a kept connection dies before the answer. What may have taken
 * effect must not be repeated, so such a body cannot be rewound. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
    struct transfer *t = arg;

    if (origin != SEEK_SET || offset != 0 || (t->sent && !t->req->idempotent))
        return CURL_SEEKFUNC_FAIL;
    t->sent = 0;
    return CURL_SEEKFUNC_OK;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg)
{
    struct transfer *t = arg;
    struct err err = ERR_INIT;
    void *store;

    (void)easy;
    if (!t->client->tls || tls_store_get(t->client->tls, &store, &err)) {
        t->tls_problem =
            arena_cstr(t->arena, str_c(t->client->tls ? err.text : "no trusted roots"));
        return CURLE_SSL_CACERT_BADFILE;
    }
    SSL_CTX_set1_cert_store(ssl_ctx, store);
    return CURLE_OK;
}

/* --- the request -------------------------------------------------------------------------------- */

/* Of the caller's headers, those that may go to a host that the caller has not named. */
static bool is_harmless(struct str name)
{
    static const char *const harmless[] = { "accept",           "accept-language",
                                            "content-type",     "range",
                                            "if-match",         "if-none-match",
                                            "if-modified-since" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(harmless); i++) {
        if (str_ieq_c(name, harmless[i]))
            return true;
    }
    return false;
}

static bool has_line_break(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
            return true;
    }
    return false;
}

static void add_line(struct transfer *t, struct curl_slist **list, struct str name,
                     struct str value)
{
    struct buf *line = &t->client->line;

    buf_reset(line);
    if (value.n)
        buf_addf(line, STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(value));
    else
        buf_addf(line, STR_FMT ";", STR_ARG(name)); /* curl's way to send an empty one */
    *list = curl_slist_append(*list, buf_cstr(line));
}

static void add_basic(struct transfer *t, struct curl_slist **list)
{
    struct str both = arena_printf(t->arena, STR_FMT ":" STR_FMT, STR_ARG(t->req->basic_user),
                                   STR_ARG(t->req->basic_password));
    struct str text = base64_text(t->arena, both);

    add_line(t, list, STR("Authorization"),
             arena_printf(t->arena, "Basic " STR_FMT, STR_ARG(text)));
}

static enum errc make_headers(struct transfer *t, struct curl_slist **list, struct err *err)
{
    bool typed = false;
    size_t i;

    for (i = 0; i < t->req->n_headers; i++) {
        const struct http_header *h = &t->req->headers[i];

        if (!h->name.n || has_line_break(h->name) || has_line_break(h->value) ||
            h->name.n + h->value.n > REQUEST_HEADER_MAX - 8)
            return err_set(err, ERR_INVALID, "header %zu cannot be sent", i);
        if (t->foreign && !is_harmless(h->name))
            continue;
        typed = typed || str_ieq_c(h->name, "content-type");
        add_line(t, list, h->name, h->value);
    }
    if (t->req->basic_user.n && !t->foreign)
        add_basic(t, list);
    if (!typed)
        *list = curl_slist_append(*list, "Content-Type:"); /* curl would say it is a form */
    *list = curl_slist_append(*list, "Expect:");           /* nor wait for a 100 */
    return ERR_OK;
}

static void set_body(CURL *e, struct transfer *t)
{
    if (!t->with_body) {
        if (strcmp(t->method, "HEAD") == 0)
            curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
        else if (strcmp(t->method, "POST") == 0 || strcmp(t->method, "PUT") == 0 ||
                 strcmp(t->method, "PATCH") == 0) {
            curl_easy_setopt(e, CURLOPT_POST, 1L);
            curl_easy_setopt(e, CURLOPT_POSTFIELDS, "");
            curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        } else {
            curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
        }
    } else if (t->req->read) {
        curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(e, CURLOPT_READFUNCTION, on_send_stream);
        curl_easy_setopt(e, CURLOPT_READDATA, t);
        curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->req->body_len);
    } else {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_READFUNCTION, on_send_body);
        curl_easy_setopt(e, CURLOPT_READDATA, t);
        curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_rewind);
        curl_easy_setopt(e, CURLOPT_SEEKDATA, t);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->req->body.n);
    }
    if (strcmp(t->method, "HEAD") != 0)
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, t->method);
}

static long as_long(int64_t v)
{
    return v > LONG_MAX ? LONG_MAX : (long)v;
}

static void set_limits(CURL *e, const struct transfer *t)
{
    int64_t connect =
        t->req->connect_timeout_ms ? t->req->connect_timeout_ms : HTTP_CONNECT_TIMEOUT_MS;
    int64_t stall = t->req->stall_ms ? t->req->stall_ms : HTTP_STALL_MS;

    if (t->timeout_ms)
        connect = MIN(connect, t->timeout_ms);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, as_long(connect));
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, as_long(t->timeout_ms));
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, as_long((stall + 999) / 1000));
}

static void set_common(CURL *e, struct transfer *t, struct curl_slist *headers, char *problem)
{
    curl_easy_setopt(e, CURLOPT_URL, t->url);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, problem);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_USERAGENT, t->client->self->user_agent);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_S);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    /* The roots come from the shared store, not from a file that each connection would read again. */
    curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, t);
}

/* --- the observer -------------------------------------------------------------------------------- */

/* The head in pieces. When a kept connection turns out to be dead, curl sends it again on another. */
static int on_debug(CURL *easy, curl_infotype type, char *data, size_t n, void *arg)
{
    struct transfer *t = arg;

    (void)easy;
    if (type != CURLINFO_HEADER_OUT)
        return 0;
    if (str_ends(buf_str(&t->head), STR("\r\n\r\n"))) {
        buf_reset(&t->head);
        tap_keep_reset(&t->out);
    }
    buf_add(&t->head, data, n);
    return 0;
}

static void watch(CURL *e, struct transfer *t)
{
    buf_init(&t->head, HEAD_KEPT_MAX);
    tap_keep_init(&t->out);
    tap_keep_init(&t->in);
    curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(e, CURLOPT_DEBUGDATA, t);
    curl_easy_setopt(e, CURLOPT_VERBOSE, 1L); /* without it nothing is told; it prints nothing */
}

static struct tap_message request_of(struct transfer *t)
{
    struct tap_message m = { .headers = t->req->headers, .n_headers = t->req->n_headers };
    struct http_header *sent;

    if (t->head.n) { /* otherwise it got no further than connecting */
        m.n_headers = tap_headers(t->arena, buf_str(&t->head), &sent);
        m.headers = sent;
    }
    if (t->with_body)
        m.body = t->req->read ? tap_keep_body(&t->out) : tap_body(t->req->body);
    return m;
}

static void tell(struct transfer *t, const char *error)
{
    const struct net_tap *tap = t->client->self->tap;
    struct tap_http x = {
        .side = TAP_CLIENT,
        .method = str_c(t->method),
        .url = str_c(t->url),
        .request = request_of(t),
        .status = t->res.status,
        .answer = { .headers = t->res.headers, .n_headers = t->res.n_headers },
        .error = error,
        .took_us = t->res.took_us,
    };

    x.answer.body = t->in.bytes ? tap_keep_body(&t->in) : tap_body(buf_str(&t->client->body));
    tap->http(tap->arg, &x);
    buf_release(&t->head);
    tap_keep_release(&t->out);
    tap_keep_release(&t->in);
}

/* --- the end ------------------------------------------------------------------------------------ */

static bool request_was_sent(CURL *e)
{
    curl_off_t us = 0;

    return curl_easy_getinfo(e, CURLINFO_PRETRANSFER_TIME_T, &us) == CURLE_OK && us > 0;
}

static enum transfer_end explain(CURL *e, struct transfer *t, CURLcode code, const char *problem,
                                 struct err *err)
{
    const char *text = problem[0] ? problem : curl_easy_strerror(code);
    enum transfer_end cut = request_was_sent(e) ? TRANSFER_CUT : TRANSFER_NOT_SENT;

    switch (code) {
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
        if (t->callback_rc == ERR_LIMIT && !t->delivered)
            err_set(err, ERR_LIMIT, "the answer is longer than %zu bytes", t->client->body.max);
        else
            err_set(err, t->callback_rc ? t->callback_rc : ERR_INTERNAL,
                    "given up in mid-transfer");
        return TRANSFER_FINAL;
    case CURLE_OPERATION_TIMEDOUT:
        err_set_upstream(err, ERR_TIMEOUT, code, "timed out%s",
                         cut == TRANSFER_CUT ? "" : " while connecting");
        return cut;
    case CURLE_URL_MALFORMAT: /* (an "unsupported protocol" is an answer that is not HTTP) */
        err_set_upstream(err, ERR_INVALID, code, "not a URL that can be asked");
        return TRANSFER_FINAL;
    case CURLE_SSL_CACERT_BADFILE:
        err_set_upstream(err, ERR_UPSTREAM, code, "%s", t->tls_problem ? t->tls_problem : text);
        return TRANSFER_FINAL;
    case CURLE_PEER_FAILED_VERIFICATION:
        err_set_upstream(err, ERR_UPSTREAM, code, "%s", text);
        return TRANSFER_FINAL;
    case CURLE_SEND_FAIL_REWIND:
        err_set_upstream(err, ERR_UPSTREAM, code, "the connection died while the request was sent");
        return TRANSFER_CUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        err_set_upstream(err, ERR_UPSTREAM, code, "%s", text);
        return TRANSFER_NOT_SENT;
    default:
        err_set_upstream(err, ERR_UPSTREAM, code, "%s", text);
        return cut;
    }
}

enum transfer_end http_transfer(struct transfer *t, struct err *err)
{
    CURL *e = t->client->easy;
    struct curl_slist *headers = NULL;
    char problem[CURL_ERROR_SIZE] = "";
    enum transfer_end end = TRANSFER_DONE;
    curl_off_t took_us = 0;
    CURLcode code;

    if (make_headers(t, &headers, err)) {
        curl_slist_free_all(headers);
        return TRANSFER_FINAL;
    }
    t->res.status = 0; /* of the hop before */
    t->res.n_headers = 0;
    t->client->body.max = t->req->body_max ? t->req->body_max : HTTP_BODY_MAX;
    buf_reset(&t->client->body);
    curl_easy_reset(e);
    set_common(e, t, headers, problem);
    set_limits(e, t);
    set_body(e, t);
    if (t->client->self->tap)
        watch(e, t);
    code = curl_easy_perform(e);
    if (curl_easy_getinfo(e, CURLINFO_TOTAL_TIME_T, &took_us) == CURLE_OK)
        t->res.took_us = took_us;
    if (code)
        end = explain(e, t, code, problem, err);
    else
        t->res.body = arena_str(t->arena, buf_str(&t->client->body));
    if (t->client->self->tap)
        tell(t, code ? err->text : NULL);
    curl_easy_reset(e); /* it must not remember what is on this stack */
    curl_slist_free_all(headers);
    return end;
}
