#include "net/http_client.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/url.h"
#include "net/ctx.h"
#include "net/http_client_internal.h"

enum {
    REDIRECTS_MAX = 5,
    BACKOFF_FIRST_MS = 200,
    BACKOFF_MAX_MS = 5000,
    LAST_WAIT_MS = 400, /* with less left, a shorter wait would hardly help */
    RETRY_AFTER_MAX_MS = 10000,
    WAIT_STEP_MS = 50, /* between two looks at `cancelled` */
    URL_MAX = 16 * 1024,
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

/* OpenSSL first, so that libcurl does not have it read the system's openssl.cnf: what holds for TLS is said in
 * this folder, and the first caller would wait for the file. What fails here fails for libcurl again. */
static void curl_start(void)
{
    (void)OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_create(struct tls_store *tls, const struct clock *clock)
{
    struct http_client *c = MEM_NEW(struct http_client);

    pthread_once(&curl_once, curl_start);
    c->easy = curl_easy_init();
    c->tls = tls;
    c->clock = clock;
    c->self = &net_nobody;
    buf_init(&c->body, HTTP_BODY_MAX);
    buf_init(&c->line, 64 * KIB);
    return c;
}

struct http_client *http_client_destroy(struct http_client *c)
{
    if (!c)
        return NULL;
    curl_easy_cleanup(c->easy);
    buf_release(&c->body);
    buf_release(&c->line);
    mem_free(c);
    return NULL;
}

void http_client_set_self(struct http_client *c, const struct net_self *self)
{
    c->self = self;
}

const struct net_self *http_client_self(const struct http_client *c)
{
    return c->self;
}

struct str http_response_header(const struct http_response *r, const char *name)
{
    size_t i;

    for (i = 0; i < r->n_headers; i++) {
        if (str_ieq_c(r->headers[i].name, name))
            return r->headers[i].value;
    }
    return STR_EMPTY;
}

enum errc http_status_errc(int status)
{
    static const struct {
        int status;
        enum errc rc;
    } known[] = {
        { 401, ERR_DENIED },    { 403, ERR_DENIED },   { 404, ERR_NOT_FOUND },
        { 410, ERR_NOT_FOUND }, { 409, ERR_CONFLICT }, { 412, ERR_CONFLICT },
        { 429, ERR_AGAIN },     { 503, ERR_AGAIN },    { 408, ERR_TIMEOUT },
        { 504, ERR_TIMEOUT },   { 413, ERR_LIMIT },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].status == status)
            return known[i].rc;
    }
    if (status >= 200 && status < 300)
        return ERR_OK;
    return status >= 400 && status < 500 ? ERR_INVALID : ERR_UPSTREAM;
}

/* --- redirects ----------------------------------------------------------------------------------- */

static bool same_origin(struct str a, struct str b)
{
    struct url ua, ub;

    return !url_parse(&ua, a) && !url_parse(&ub, b) && str_ieq(ua.scheme, ub.scheme) &&
           str_ieq(ua.host, ub.host) && ua.port == ub.port;
}

/* The absolute form of `location`; NULL when it is none that may be followed. */
static const char *redirect_target(struct arena *a, const char *from, struct str location)
{
    CURLU *u = curl_url();
    char *text = NULL;
    const char *ret = NULL;

    if (u && !curl_url_set(u, CURLUPART_URL, from, 0) &&
        !curl_url_set(u, CURLUPART_URL, arena_cstr(a, location), 0) &&
        !curl_url_get(u, CURLUPART_URL, &text, 0)) {
        bool was_secure = str_istarts(str_c(from), STR("https:"));

        if (str_istarts(str_c(text), STR("https:")) ||
            (!was_secure && str_istarts(str_c(text), STR("http:"))))
            ret = arena_cstr(a, str_c(text));
    }
    curl_free(text);
    curl_url_cleanup(u);
    return ret;
}

/* False: the answer stands as it is. */
static bool follow(struct transfer *t)
{
    int status = t->res.status;
    struct str location = http_response_header(&t->res, "location");
    bool becomes_get =
        status == 303 || ((status == 301 || status == 302) && strcmp(t->method, "POST") == 0);
    const char *to;

    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
        return false;
    if (!location.n || (t->with_body && t->req->read && !becomes_get))
        return false;
    to = redirect_target(t->arena, t->url, location);
    if (!to)
        return false;
    if (becomes_get && strcmp(t->method, "HEAD") != 0) {
        t->method = "GET";
        t->with_body = false;
    }
    t->foreign = t->foreign || !same_origin(str_c(t->url), str_c(to));
    t->url = to;
    t->sent = 0;
    return true;
}

/* --- attempts ------------------------------------------------------------------------------------ */

/* What is left for an attempt in *ms (0: no limit). False: nothing. */
static bool time_left(const struct http_client *c, const struct http_request *req, int64_t *ms)
{
    int64_t left;

    *ms = req->timeout_ms < 0 ? 0 : req->timeout_ms ? req->timeout_ms : HTTP_TIMEOUT_MS;
    if (!req->deadline_mono_ms)
        return true;
    left = req->deadline_mono_ms - clock_mono_ms(c->clock);
    if (left <= 0)
        return false;
    *ms = *ms ? MIN(*ms, left) : left;
    return true;
}

static enum transfer_end attempt(struct http_client *c, struct arena *a,
                                 const struct http_request *req, const char *method,
                                 const char *url, struct transfer *t, struct err *err)
{
    enum transfer_end end;
    int hops = 0;

    *t = (struct transfer){ .client = c, .arena = a, .req = req, .method = method, .url = url };
    t->with_body = req->read || req->body.n;
    do {
        if (!time_left(c, req, &t->timeout_ms)) {
            err_set(err, ERR_TIMEOUT, "no time left");
            return TRANSFER_FINAL;
        }
        end = http_transfer(t, err);
    } while (end == TRANSFER_DONE && req->follow_redirects && hops++ < REDIRECTS_MAX && follow(t));
    return end;
}

static bool worth_repeating(const struct transfer *t, enum transfer_end end)
{
    const struct http_request *req = t->req;
    int status = t->res.status;

    if (req->read || t->delivered || end == TRANSFER_FINAL)
        return false;
    if (end == TRANSFER_NOT_SENT)
        return true;
    if (end == TRANSFER_CUT)
        return req->idempotent;
    if (status == 429 || status == 503)
        return true;
    return req->idempotent && (status == 408 || status == 500 || status == 502 || status == 504);
}

/* -1: not asked for. */
static int64_t retry_after_ms(const struct http_client *c, const struct http_response *r)
{
    struct str text = http_response_header(r, "retry-after");
    int64_t s;
    time_t at;

    if (!text.n || text.n > 64)
        return -1;
    if (!str_to_i64(text, 0, INT32_MAX, &s))
        return MIN(s * 1000, RETRY_AFTER_MAX_MS);
    at = curl_getdate(text.p, NULL); /* values in the arena end in NUL */
    if (at < 0)
        return -1;
    s = (int64_t)at - clock_wall_s(c->clock);
    return MIN(MAX(s, 0) * 1000, RETRY_AFTER_MAX_MS);
}

static int64_t wait_before_next_ms(const struct http_client *c, const struct http_request *req,
                                   const struct transfer *t, enum transfer_end end, int attempts)
{
    int64_t asked = end == TRANSFER_DONE ? retry_after_ms(c, &t->res) : -1;
    int64_t wait = backoff_ms(attempts - 1, BACKOFF_FIRST_MS, BACKOFF_MAX_MS), left;

    if (asked >= 0)
        return asked;
    if (!req->deadline_mono_ms)
        return wait;
    left = req->deadline_mono_ms - clock_mono_ms(c->clock);
    return left > LAST_WAIT_MS ? MIN(wait, left / 2) : wait; /* the time that is left is used */
}

/* False: the caller has lost interest. */
static bool pause_ms(const struct http_client *c, const struct http_request *req, int64_t ms)
{
    for (;;) {
        int64_t step = MIN(ms, WAIT_STEP_MS);

        if (req->cancelled && req->cancelled(req->cancelled_arg))
            return false;
        if (ms <= 0)
            return true;
        clock_sleep_ms(c->clock, step);
        ms -= step;
    }
}

/* --- http_do ------------------------------------------------------------------------------------- */

/* Without query, fragment and credentials. */
static void url_for_people(struct buf *out, struct str text)
{
    struct url u;

    if (url_parse(&u, text)) {
        buf_add_c(out, "(malformed URL)");
        return;
    }
    buf_addf(out, STR_FMT "://" STR_FMT, STR_ARG(u.scheme), STR_ARG(u.host));
    if (u.port_set)
        buf_addf(out, ":%d", u.port);
    buf_add_str(out, str_slice(u.path, 0, 160));
}

static bool can_be_asked(struct str text)
{
    struct url u;
    size_t i;

    for (i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 127)
            return false;
    }
    return text.n <= URL_MAX && !url_parse(&u, text) &&
           (str_ieq_c(u.scheme, "http") || str_ieq_c(u.scheme, "https"));
}

static enum errc fail(enum errc rc, const char *method, struct str url, struct err *err)
{
    struct buf text = BUF_INIT(512);

    url_for_people(&text, url);
    err_wrap(err, rc, "%s %s", method, buf_cstr(&text));
    buf_release(&text);
    return rc;
}

enum errc http_do(struct http_client *c, struct arena *a, const struct http_request *req,
                  struct http_response *ret, struct err *err)
{
    const char *method = req->method ? req->method : req->body.n || req->read ? "POST" : "GET";
    struct err own = ERR_INIT;
    const char *url;
    int attempts = 0;

    if (!err)
        err = &own;
    if (!can_be_asked(req->url)) {
        err_set(err, ERR_INVALID, "not a URL that can be asked");
        return fail(ERR_INVALID, method, req->url, err);
    }
    url = arena_cstr(a, req->url);
    for (;;) {
        struct transfer t;
        enum transfer_end end = attempt(c, a, req, method, url, &t, err);
        bool again = ++attempts < MAX(req->attempts, 1) && worth_repeating(&t, end);
        int64_t wait = again ? wait_before_next_ms(c, req, &t, end, attempts) : 0;

        if (again && req->deadline_mono_ms &&
            clock_mono_ms(c->clock) + wait >= req->deadline_mono_ms)
            again = false;
        if (!again && end == TRANSFER_DONE) {
            *ret = t.res;
            ret->attempts = attempts;
            return ERR_OK;
        }
        if (!again)
            return fail(err->code, method, req->url, err);
        if (!pause_ms(c, req, wait)) {
            err_set(err, ERR_CLOSED, "given up after %d attempts", attempts);
            return fail(ERR_CLOSED, method, req->url, err);
        }
    }
}
