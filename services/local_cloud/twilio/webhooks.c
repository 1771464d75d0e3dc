#include "local_cloud/twilio/webhooks.h"

#include "base/arena.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/url.h"
#include "net/http_client.h"
#include "net/workers.h"
#include "twilio/signature.h"

enum { RETRY_CONNECT = 1, RETRY_READ = 2, RETRY_4XX = 4, RETRY_5XX = 8, RETRY_ALL = 15 };

struct overrides {
    int64_t connect_ms, read_ms, total_ms, retries;
    unsigned policy;
};

struct webhook_job {
    struct arena arena;
    struct str token, url, params;
    bool get;
    size_t answer_max;
    void (*done)(void *arg, const struct webhook_answer *answer);
    void *arg;
    struct webhook_answer answer;
};

static unsigned policy_of(struct str value)
{
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = { { "ct", RETRY_CONNECT },
                  { "rt", RETRY_READ },
                  { "4xx", RETRY_4XX },
                  { "5xx", RETRY_5XX },
                  { "all", RETRY_ALL } };
    unsigned policy = 0;
    struct str item;
    size_t i;

    while (value.n) {
        (void)str_cut(value, ',', &item, &value); /* the last one has no comma */
        for (i = 0; i < ARRAY_LEN(names); i++) {
            if (str_eq_c(item, names[i].name))
                policy |= names[i].bit;
        }
    }
    return policy;
}

static int64_t number_in(const struct form *f, const char *key, int64_t min, int64_t max,
                         int64_t dflt)
{
    int64_t v;

    return str_to_i64(form_get(f, key), min, max, &v) ? dflt : v;
}

static struct overrides overrides_of(struct arena *a, struct str fragment)
{
    struct overrides o = { 5000, 15000, 15000, 1, RETRY_CONNECT };
    struct form f;

    if (form_parse(&f, a, fragment))
        return o;
    o.connect_ms = number_in(&f, "ct", 100, 10000, o.connect_ms);
    o.read_ms = number_in(&f, "rt", 100, 15000, o.read_ms);
    o.total_ms = number_in(&f, "tt", 100, 15000, o.total_ms);
    o.retries = number_in(&f, "rc", 0, 5, o.retries);
    if (form_has(&f, "rp"))
        o.policy = policy_of(form_get(&f, "rp"));
    return o;
}

/* The URL as it is signed: voice over https loses its port, credentials are no part of it. */
static struct str signed_url(struct arena *a, struct str url)
{
    struct str after, authority, rest;
    struct url u;

    if (url_parse(&u, url))
        return url;
    after = str_from(url, u.scheme.n + 3);
    authority = str_slice(after, 0, MIN(str_find_char(after, '/'), str_find_char(after, '?')));
    rest = str_from(after, authority.n);
    if (u.userinfo.n)
        authority = str_from(authority, u.userinfo.n + 1);
    if (u.port_set && str_ieq_c(u.scheme, "https")) {
        while (authority.n && authority.p[authority.n - 1] != ':')
            authority.n--;
        authority.n--;
    }
    return arena_printf(a, STR_FMT "://" STR_FMT STR_FMT, STR_ARG(u.scheme), STR_ARG(authority),
                        STR_ARG(rest));
}

static int error_code_of(enum errc rc)
{
    switch (rc) {
    case ERR_LIMIT:
        return 11750;
    case ERR_TIMEOUT:
        return 11200;
    case ERR_INVALID:
        return 11210;
    default:
        return 11205;
    }
}

static bool worth_repeating(enum errc rc, int status, bool connected, unsigned policy)
{
    if (rc == ERR_TIMEOUT)
        return policy & (connected ? RETRY_READ : RETRY_CONNECT);
    if (rc)
        return rc != ERR_LIMIT && (policy & RETRY_CONNECT);
    return (status >= 500 && (policy & RETRY_5XX)) ||
           (status >= 400 && status < 500 && (policy & RETRY_4XX));
}

static void set_answer(struct webhook_job *j, enum errc rc, const struct http_response *r)
{
    j->answer = (struct webhook_answer){ .error_code = rc ? error_code_of(rc) : 11200 };
    if (rc || r->status < 200 || r->status > 299)
        return;
    j->answer.ok = true;
    j->answer.error_code = 0;
    j->answer.content_type = arena_str(&j->arena, http_response_header(r, "Content-Type"));
    j->answer.body = arena_str(&j->arena, r->body);
}

static void run(void *arg, struct ctx *ctx)
{
    struct webhook_job *j = arg;
    struct str url, fragment;
    struct overrides o;
    char signature[TWILIO_SIGNATURE_LEN + 1] = "";
    struct http_request req = { .body_max = j->answer_max, .follow_redirects = true };
    struct http_header headers[4];
    int64_t until, attempt;

    (void)str_cut(j->url, '#', &url, &fragment); /* without a fragment: defaults */
    o = overrides_of(&j->arena, fragment);
    if (j->get && j->params.n)
        url = arena_printf(&j->arena, STR_FMT "%s" STR_FMT, STR_ARG(url),
                           str_find_char(url, '?') < url.n ? "&" : "?", STR_ARG(j->params));
    if (twilio_sign(signature, j->token, signed_url(&j->arena, url), j->get ? STR_EMPTY : j->params,
                    &j->arena)) {
        set_answer(j, ERR_INVALID, NULL);
        return;
    }
    headers[0] = (struct http_header){ STR("X-Twilio-Signature"), str_c(signature) };
    headers[1] =
        (struct http_header){ STR("I-Twilio-Idempotency-Token"), random_id_text(&j->arena, 32) };
    headers[2] = (struct http_header){ STR("User-Agent"), STR("TwilioProxy/1.1") };
    headers[3] = (struct http_header){ STR("Content-Type"),
                                       STR("application/x-www-form-urlencoded; charset=UTF-8") };
    req.method = j->get ? "GET" : "POST";
    req.url = url;
    req.headers = headers;
    req.n_headers = j->get ? 3 : 4;
    req.body = j->get ? STR_EMPTY : j->params;
    req.connect_timeout_ms = (int)o.connect_ms;
    until = clock_mono_ms(ctx->clock) + o.total_ms;
    for (attempt = 0;; attempt++) {
        int64_t began = clock_mono_ms(ctx->clock);
        struct http_response r;
        bool connected;
        enum errc rc;

        req.timeout_ms = (int)MIN(o.connect_ms + o.read_ms, until - began);
        rc = http_do(ctx->http, &j->arena, &req, &r, NULL);
        connected =
            clock_mono_ms(ctx->clock) - began > o.connect_ms + 100; /* else it gave up sooner */
        set_answer(j, rc, &r);
        if (j->answer.ok || attempt >= o.retries ||
            !worth_repeating(rc, rc ? 0 : r.status, connected, o.policy) ||
            clock_mono_ms(ctx->clock) + 100 > until)
            return;
    }
}

static void job_free(struct webhook_job *j)
{
    arena_release(&j->arena);
    mem_free(j);
}

static void done(void *arg)
{
    struct webhook_job *j = arg;

    if (j->done)
        j->done(j->arg, &j->answer);
    job_free(j);
}

static struct webhook_job *job_create(struct str auth_token, struct str url,
                                      void (*on_done)(void *arg,
                                                      const struct webhook_answer *answer),
                                      void *arg)
{
    struct webhook_job *j = MEM_NEW(struct webhook_job);

    arena_init(&j->arena);
    j->token = arena_str(&j->arena, auth_token);
    j->url = arena_str(&j->arena, url);
    j->done = on_done;
    j->arg = arg;
    return j;
}

static void job_submit(struct webhook_job *j, struct workers *w)
{
    if (workers_submit(w, run, done, j) == ERR_OK)
        return;
    /* 4096 requests wait already: this one failed as one to a dead server would. It is told from here,
     * which callers must bear: they are on the loop and hold no lock. */
    j->answer.error_code = 11205;
    done(j);
}

void webhook_send(struct workers *w, struct str auth_token, struct str url, bool get,
                  struct str params,
                  void (*on_done)(void *arg, const struct webhook_answer *answer), void *arg)
{
    struct webhook_job *j = job_create(auth_token, url, on_done, arg);

    j->params = arena_str(&j->arena, params);
    j->get = get;
    j->answer_max = WEBHOOK_ANSWER_MAX;
    job_submit(j, w);
}

void webhook_fetch_sound(struct workers *w, struct str auth_token, struct str url,
                         void (*on_done)(void *arg, const struct webhook_answer *answer), void *arg)
{
    struct webhook_job *j = job_create(auth_token, url, on_done, arg);

    j->get = true;
    j->answer_max = WEBHOOK_SOUND_MAX;
    job_submit(j, w);
}

struct str webhook_resolve(struct arena *a, struct str base, struct str ref)
{
    struct str path, query, dir;
    struct url u;
    size_t from;

    if (url_parse(&u, ref) == ERR_OK || url_parse(&u, base))
        return ref;
    base = str_slice(base, 0, str_find_char(base, '#'));
    if (!ref.n)
        return base;
    from = u.scheme.n + 3;
    from += MIN(str_find_char(str_from(base, from), '/'), str_find_char(str_from(base, from), '?'));
    if (ref.p[0] == '/')
        return arena_printf(a, STR_FMT STR_FMT, STR_ARG(str_slice(base, 0, from)), STR_ARG(ref));
    (void)str_cut(str_from(base, from), '?', &path, &query); /* the query is not kept */
    if (ref.p[0] == '?')
        return arena_printf(a, STR_FMT STR_FMT STR_FMT, STR_ARG(str_slice(base, 0, from)),
                            STR_ARG(path), STR_ARG(ref));
    dir = path;
    while (dir.n && dir.p[dir.n - 1] != '/')
        dir.n--;
    return arena_printf(a, STR_FMT "%s" STR_FMT STR_FMT, STR_ARG(str_slice(base, 0, from)),
                        dir.n ? "" : "/", STR_ARG(dir), STR_ARG(ref));
}
