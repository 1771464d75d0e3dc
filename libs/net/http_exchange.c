#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/http_server_internal.h"

enum {
    ANSWER_HEADERS_MAX = 64 * 1024,
    CONTENT_TYPE_MAX = 1024,
    ERROR_TEXT_MAX = 4096,
    TRACE_ID_LEN = 32,
    LOGGED_PATH_MAX = 200,
    STATUS_PEER_GONE = 499, /* logged only: the peer went before there was an answer */
};

static struct http_exchange *exchange_of(const struct http_req *r)
{
    return r->priv;
}

/* --- the request -------------------------------------------------------------------------------- */

struct http_exchange *http_exchange_create(struct loop *l, const struct log *log)
{
    struct http_exchange *x = MEM_NEW(struct http_exchange);

    x->loop = l;
    x->log = x->access_log = *log;
    x->req.priv = x;
    x->told = !loop_self(l)->tap;
    x->began_us = loop_now_us(l);
    arena_init(&x->arena);
    buf_init(&x->headers, ANSWER_HEADERS_MAX);
    buf_init(&x->sent_head, ANSWER_HEADERS_MAX + 4 * KIB);
    tap_keep_init(&x->sent);
    buf_init(&x->out,
             (size_t)1 << 30); /* held to HTTP_STREAM_ROOM below, where that can be waited for */
    pthread_mutex_init(&x->mutex, NULL);
    pthread_cond_init(&x->room, NULL);
    return x;
}

void http_exchange_free(struct http_exchange *x)
{
    if (!x)
        return;
    http_exchange_tell(x, "the peer went before its request was whole");
    pthread_cond_destroy(&x->room);
    pthread_mutex_destroy(&x->mutex);
    buf_release(&x->headers);
    buf_release(&x->sent_head);
    tap_keep_release(&x->sent);
    buf_release(&x->body);
    buf_release(&x->out);
    arena_release(&x->arena);
    mem_free(x);
}

static bool is_hex(struct str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f') ||
              (s.p[i] >= 'A' && s.p[i] <= 'F')))
            return false;
    }
    return true;
}

/* traceparent (W3C): version-TRACE-span-flags; X-Cloud-Trace-Context (Google): TRACE/span;o=1 */
void http_exchange_identify(struct http_exchange *x)
{
    struct str parent = http_head_get(&x->head, "traceparent");
    struct str trace = parent.n >= 55 ? str_slice(parent, 3, 3 + TRACE_ID_LEN)
                                      : http_head_get(&x->head, "x-cloud-trace-context");
    uint8_t random[TRACE_ID_LEN / 2];
    char made[TRACE_ID_LEN + 1];

    trace = str_slice(trace, 0, str_find_char(trace, '/'));
    if (trace.n != TRACE_ID_LEN || !is_hex(trace)) {
        random_bytes(random, sizeof(random));
        hex_encode(made, random, sizeof(random));
        trace = str_c(made);
    }
    x->log = log_with_request(&x->access_log, trace, trace);
    x->access_log = x->log;
}

struct str http_req_header(const struct http_req *r, const char *name)
{
    return http_head_get(&exchange_of(r)->head, name);
}

size_t http_req_header_count(const struct http_req *r, const char *name)
{
    return http_head_count(&exchange_of(r)->head, name);
}

struct str http_req_param(const struct http_req *r, const char *name)
{
    size_t i;

    for (i = 0; i < r->n_params; i++) {
        if (str_eq_c(r->params[i].name, name))
            return r->params[i].value;
    }
    return STR_EMPTY;
}

void http_exchange_log(const struct http_exchange *x, bool delivered)
{
    struct str path = str_slice(x->req.path, 0, LOGGED_PATH_MAX);
    struct str method = str_slice(x->head.method, 0, 16);
    int64_t took_us = loop_now_us(x->loop) - x->began_us;
    int status = x->running ? STATUS_PEER_GONE : x->status; /* while it runs it is the worker's */

    /* Never the query: it may hold secrets. */
    log_info(&x->access_log,
             "request method=" STR_FMT " path=" STR_FMT " status=%d latency_ms=%lld.%03d%s",
             STR_ARG(method), STR_ARG(path), status, (long long)(took_us / 1000),
             (int)(took_us % 1000), delivered ? "" : " undelivered=true");
}

/* --- the observer -------------------------------------------------------------------------------- */

struct str http_exchange_url(struct http_exchange *x)
{
    struct str host = http_head_get(&x->head, "host"), target = x->head.target;

    return arena_printf(&x->arena, "http://" STR_FMT "%s" STR_FMT, STR_ARG(host),
                        str_starts(target, STR("/")) ? "" : "/", STR_ARG(target));
}

void http_exchange_tell(struct http_exchange *x, const char *error)
{
    const struct net_tap *tap = loop_self(x->loop)->tap;
    struct http_header *sent = NULL;
    struct tap_http t = {
        .side = TAP_SERVER,
        .method = x->head.method,
        .request = { x->head.headers, x->head.n_headers, tap_body(buf_str(&x->body)) },
        .error = error,
    };

    if (x->told)
        return;
    x->told = true;
    t.url = http_exchange_url(x);
    t.status = x->begun ? x->status : 0;
    t.answer.n_headers = tap_headers(&x->arena, buf_str(&x->sent_head), &sent);
    t.answer.headers = sent;
    t.answer.body = tap_keep_body(&x->sent);
    t.took_us = loop_now_us(x->loop) - x->began_us;
    tap->http(tap->arg, &t);
    buf_release(&x->sent_head);
    tap_keep_release(&x->sent);
}

/* --- answer: towards the loop -------------------------------------------------------------------- */

/* The worker's end and this wake-up reach the loop in either order: the later one lets go. */
static void on_pump(void *arg)
{
    struct http_exchange *x = arg;

    pthread_mutex_lock(&x->mutex);
    x->posted = false;
    pthread_mutex_unlock(&x->mutex);
    http_exchange_moved(x);
}

/* Under the mutex. */
static bool must_post(struct http_exchange *x)
{
    bool post = !x->on_loop && !x->posted;

    x->posted = x->posted || post;
    return post;
}

/* Blocks a worker, never the loop, while the socket is behind. */
static enum errc push(struct http_exchange *x, struct str data, bool ended)
{
    bool post, gone;

    do {
        size_t n = data.n;

        pthread_mutex_lock(&x->mutex);
        while (!x->on_loop && x->out.n >= HTTP_STREAM_ROOM && !x->gone)
            pthread_cond_wait(&x->room, &x->mutex);
        if (!x->on_loop)
            n = MIN(n, HTTP_STREAM_ROOM - MIN(x->out.n, HTTP_STREAM_ROOM));
        gone = x->gone;
        if (!gone)
            buf_add(&x->out, data.p, n);
        data = str_from(data, n);
        x->out_ended = x->out_ended || (ended && !data.n);
        post = must_post(x);
        pthread_mutex_unlock(&x->mutex);
        if (post)
            loop_post(x->loop, on_pump, x);
    } while (data.n && !gone);
    return gone ? ERR_CLOSED : ERR_OK;
}

void http_exchange_take(struct http_exchange *x, struct buf *to, bool *ended, bool *broken)
{
    struct buf swap;

    pthread_mutex_lock(&x->mutex);
    swap = *to;
    *to = x->out;
    x->out = swap;
    *ended = x->out_ended;
    *broken = x->out_broken;
    pthread_cond_signal(&x->room);
    pthread_mutex_unlock(&x->mutex);
}

static bool is_busy(struct http_exchange *x)
{
    bool posted;

    pthread_mutex_lock(&x->mutex);
    posted = x->posted;
    pthread_mutex_unlock(&x->mutex);
    return x->running || posted;
}

void http_exchange_moved(struct http_exchange *x)
{
    if (x->conn)
        http_conn_kick(x->conn);
    else if (!is_busy(x))
        http_exchange_free(x);
}

void http_exchange_let_go(struct http_exchange *x)
{
    x->conn = NULL;
    if (!is_busy(x)) {
        http_exchange_free(x);
        return;
    }
    pthread_mutex_lock(&x->mutex);
    x->gone = true;
    buf_reset(&x->out);
    pthread_cond_broadcast(&x->room);
    pthread_mutex_unlock(&x->mutex);
}

/* --- answer: what handlers call ------------------------------------------------------------------ */

/* A line break in a value would let whoever it comes from write our headers. */
static void add_header(struct buf *out, const char *name, struct str value)
{
    size_t i;

    buf_addf(out, "%s: ", name);
    for (i = 0; i < value.n; i++) {
        char c = value.p[i];

        buf_add_char(out, ((unsigned char)c < ' ' && c != '\t') || c == 127 ? ' ' : c);
    }
    buf_add_c(out, "\r\n");
}

void http_reply_header(struct http_req *r, const char *name, struct str value)
{
    struct http_exchange *x = exchange_of(r);

    if (!x->begun && http_is_token(str_c(name)))
        add_header(&x->headers, name, value);
}

static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

static void write_date(struct buf *head, const struct loop *l)
{
    char date[TIME_TEXT_MAX];

    time_rfc2822(date, clock_wall_s(loop_clock(l)));
    buf_addf(head, "Date: %.25s GMT\r\n", date); /* RFC 9110 wants GMT where RFC 2822 has +0000 */
}

/* The head of the answer; what follows is `length` bytes, or chunks (-1). */
static void make_head(struct http_exchange *x, struct buf *head, int status,
                      const char *content_type, int64_t length)
{
    x->begun = true;
    x->status = status;
    x->chunked = length < 0 && x->head.minor == 1 && !has_no_body(status);
    x->left = has_no_body(status) ? 0 : length;
    if (length < 0 && !x->chunked && !has_no_body(status))
        x->close = true; /* HTTP/1.0: the end of the connection is the end of the body */
    buf_addf(head, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
    write_date(head, x->loop);
    if (content_type)
        add_header(head, "Content-Type", str_slice(str_c(content_type), 0, CONTENT_TYPE_MAX));
    if (x->chunked)
        buf_add_c(head, "Transfer-Encoding: chunked\r\n");
    else if (length >= 0 && !has_no_body(status))
        buf_addf(head, "Content-Length: %lld\r\n", (long long)length);
    if (x->close)
        buf_add_c(head, "Connection: close\r\n");
    else if (x->head.minor == 0)
        buf_add_c(head, "Connection: keep-alive\r\n");
    buf_add_str(head, buf_str(&x->headers));
    buf_add_c(head, "\r\n");
    if (!x->told)
        buf_add_str(&x->sent_head, buf_str(head));
}

void http_reply(struct http_req *r, int status, const char *content_type, struct str body)
{
    struct http_exchange *x = exchange_of(r);
    struct buf all = BUF_INIT(ANSWER_HEADERS_MAX + 4 * KIB + HTTP_STREAM_ROOM);
    bool small = body.n <= HTTP_STREAM_ROOM - 4 * KIB;

    if (x->begun)
        return; /* there is one answer for each request: the first */
    if (status < 200 || status > 999)
        status = 500;
    make_head(x, &all, status, content_type, (int64_t)body.n);
    if (x->head_only || has_no_body(status))
        body = STR_EMPTY;
    if (!x->told) {
        tap_keep_add(&x->sent, body.p, body.n);
        http_exchange_tell(x, NULL);
    }
    if (small) { /* one piece, one wake-up */
        buf_add_str(&all, body);
        body = STR_EMPTY;
    }
    x->ended = true;
    x->left = 0;
    if (!push(x, buf_str(&all), !body.n) && body.n)
        push(x, body, true); /* ERR_CLOSED: nobody is there to be told */
    buf_release(&all);
}

void http_reply_json(struct http_req *r, int status, struct str json)
{
    http_reply(r, status, "application/json", json);
}

void http_reply_empty(struct http_req *r, int status)
{
    http_reply(r, status, NULL, STR_EMPTY);
}

void http_reply_error(struct http_req *r, int status, const char *fmt, ...)
{
    struct buf text = BUF_INIT(ERROR_TEXT_MAX), out = BUF_INIT((size_t)8 * ERROR_TEXT_MAX);
    struct jw w;
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_obj(&w, "error");
    jw_i64(&w, "code", status);
    jw_str(&w, "message", buf_str(&text));
    jw_end(&w);
    jw_end(&w);
    jw_text(&w, &out);
    jw_release(&w);
    http_reply_json(r, status, buf_str(&out));
    buf_release(&text);
    buf_release(&out);
}

enum errc http_reply_begin(struct http_req *r, int status, const char *content_type,
                           int64_t content_length)
{
    struct http_exchange *x = exchange_of(r);
    struct buf head = BUF_INIT(ANSWER_HEADERS_MAX + 4 * KIB);
    enum errc rc;

    if (x->begun)
        return ERR_INVALID;
    make_head(x, &head, status, content_type, content_length);
    rc = push(x, buf_str(&head), false);
    buf_release(&head);
    return rc;
}

static enum errc push_chunk(struct http_exchange *x, struct str data)
{
    char line[20];
    int n = snprintf(line, sizeof(line), "%zx\r\n", data.n);
    enum errc rc = push(x, str_n(line, (size_t)n), false);

    if (!rc)
        rc = push(x, data, false);
    return rc ? rc : push(x, STR("\r\n"), false);
}

enum errc http_reply_write(struct http_req *r, const void *data, size_t n)
{
    struct http_exchange *x = exchange_of(r);

    if (!x->begun || x->ended)
        return ERR_INVALID;
    if (x->left >= 0) {
        if ((uint64_t)n > (uint64_t)x->left)
            return ERR_INVALID; /* more than was announced */
        x->left -= (int64_t)n;
    }
    if (!x->told && !x->head_only)
        tap_keep_add(&x->sent, data, n);
    if (!n || x->head_only)
        return push(x, STR_EMPTY, false); /* says whether the peer is still there */
    return x->chunked ? push_chunk(x, str_n(data, n)) : push(x, str_n(data, n), false);
}

void http_reply_end(struct http_req *r)
{
    struct http_exchange *x = exchange_of(r);
    const char *error = NULL;

    if (!x->begun || x->ended)
        return;
    x->ended = true;
    pthread_mutex_lock(&x->mutex);
    if (x->left > 0 && !x->head_only) { /* less than announced: only a closed connection can tell */
        x->out_broken = true;
        error = "less was sent than announced";
    }
    if (x->gone)
        error = "the peer went before the end of the answer";
    pthread_mutex_unlock(&x->mutex);
    http_exchange_tell(x, error);
    push(x, x->chunked && !x->head_only ? STR("0\r\n\r\n") : STR_EMPTY, true); /* as above */
}

/* --- running ------------------------------------------------------------------------------------- */

void http_exchange_run(struct http_exchange *x, struct ctx *ctx)
{
    struct http_req *r = &x->req;

    ctx->log = x->log;
    r->ctx = ctx;
    if (!x->route->admit || !x->route->admit(x->app, r))
        x->route->handle(x->app, r);
    if (!x->begun)
        http_reply_error(r, 500, "no answer was made");
    if (x->ended)
        return;
    if (x->left > 0 && !x->head_only)
        log_error(&x->log, "answer ended early missing_bytes=%lld", (long long)x->left);
    http_reply_end(r);
}
