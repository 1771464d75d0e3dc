#include "concierge/fake_cloud_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/url.h"

enum { BODY_MAX = 8 * 1024 * 1024, VERSION_TEXT_MAX = 40 };

/* --- documents ------------------------------------------------------------------------------------- */

static struct str path_of(struct str name)
{
    size_t at = str_find(name, STR("/documents/"));

    return str_from(name, at + 11);
}

static struct fake_doc *find_doc(struct fake_cloud *f, struct str path)
{
    size_t i;

    for (i = 0; i < f->n_docs; i++) {
        if (str_eq(f->docs[i].path, path))
            return f->docs[i].there ? &f->docs[i] : NULL;
    }
    return NULL;
}

static struct fake_doc *put_doc(struct fake_cloud *f, struct str path, struct str fields)
{
    struct fake_doc *d = NULL;
    size_t i;

    for (i = 0; i < f->n_docs; i++) {
        if (str_eq(f->docs[i].path, path))
            d = &f->docs[i];
    }
    if (!d) {
        if (f->n_docs == FAKE_DOCS_MAX)
            abort();
        d = &f->docs[f->n_docs++];
        d->path = arena_str(&f->kept, path);
    }
    d->fields = arena_str(&f->kept, fields);
    d->version = ++f->version;
    d->there = true;
    return d;
}

static void version_text(char out[VERSION_TEXT_MAX], int64_t version)
{
    time_rfc3339(out, version * 1000);
}

static const struct jval *parse(struct arena *a, struct str text)
{
    const struct jval *v = NULL;

    return json_parse_arena(&v, a, text, NULL) ? NULL : v;
}

static void write_doc(struct jw *w, const char *key, struct arena *a, const struct fake_doc *d)
{
    char version[VERSION_TEXT_MAX];

    version_text(version, d->version);
    jw_obj(w, key);
    jw_strf(w, "name", "projects/p/databases/(default)/documents/" STR_FMT, STR_ARG(d->path));
    jw_val(w, "fields", parse(a, d->fields));
    jw_cstr(w, "createTime", version);
    jw_cstr(w, "updateTime", version);
    jw_end(w);
}

struct answer {
    int status;
    struct str body;
};

static struct answer refusal(struct arena *a, int code, const char *status)
{
    return (struct answer){ code, arena_printf(
                                      a,
                                      "{\"error\":{\"code\":%d,\"message\":\"as the test wants\","
                                      "\"status\":\"%s\"}}",
                                      code, status) };
}

static struct answer batch_get(struct fake_cloud *f, struct http_req *r, const struct jval *body)
{
    struct json_iter it = json_iter(json_get(body, "documents"));
    const struct jval *name;
    struct jw w;

    jw_init(&w);
    jw_arr(&w, NULL);
    while (json_next(&it, NULL, &name)) {
        const struct fake_doc *d = find_doc(f, path_of(json_str(name)));

        jw_obj(&w, NULL);
        if (d)
            write_doc(&w, "found", r->ctx->arena, d);
        else
            jw_str(&w, "missing", json_str(name));
        jw_end(&w);
    }
    jw_end(&w);
    return (struct answer){ 200, jw_finish(&w, r->ctx->arena) };
}

/* 0: it holds. */
static int check_pre(struct fake_cloud *f, const struct jval *write)
{
    const struct jval *pre = json_get(write, "currentDocument"),
                      *update = json_get(write, "update");
    struct str name =
        update ? json_str(json_get(update, "name")) : json_str(json_get(write, "delete"));
    const struct fake_doc *d = find_doc(f, path_of(name));
    char version[VERSION_TEXT_MAX];

    if (json_is_bool(json_get(pre, "exists"))) {
        if (json_bool_or(json_get(pre, "exists"), false))
            return d ? 0 : 404;
        return d ? 409 : 0;
    }
    if (json_is_str(json_get(pre, "updateTime"))) {
        version_text(version, d ? d->version : -1);
        return d && str_eq_c(json_str(json_get(pre, "updateTime")), version) ? 0 : 400;
    }
    return 0;
}

static bool in_mask(const struct jval *mask, struct str key)
{
    struct json_iter it = json_iter(json_get(mask, "fieldPaths"));
    const struct jval *v;

    while (json_next(&it, NULL, &v)) {
        if (str_eq(json_str(v), key))
            return true;
    }
    return false;
}

static void apply_update(struct fake_cloud *f, struct arena *a, const struct jval *write)
{
    const struct jval *update = json_get(write, "update"), *mask = json_get(write, "updateMask"),
                      *v;
    struct str path = path_of(json_str(json_get(update, "name"))), key;
    const struct fake_doc *d = find_doc(f, path);
    const struct jval *old = mask && d ? parse(a, d->fields) : NULL;
    struct json_iter it;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    it = json_iter(old);
    while (json_next(&it, &key, &v)) {
        if (!in_mask(mask, key))
            jw_key_val(&w, key, v);
    }
    it = json_iter(json_get(update, "fields"));
    while (json_next(&it, &key, &v)) {
        if (!mask || in_mask(mask, key))
            jw_key_val(&w, key, v);
    }
    jw_end(&w);
    put_doc(f, path, jw_finish(&w, a));
}

static struct answer commit(struct fake_cloud *f, struct http_req *r, const struct jval *body)
{
    static const char *const names[] = { "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION" };
    struct json_iter it = json_iter(json_get(body, "writes"));
    const struct jval *write;
    struct jw w;

    while (json_next(&it, NULL, &write)) {
        int code = check_pre(f, write);

        if (code)
            return refusal(r->ctx->arena, code, names[code == 404 ? 0 : code == 409 ? 1 : 2]);
    }
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "writeResults");
    it = json_iter(json_get(body, "writes"));
    while (json_next(&it, NULL, &write)) {
        struct fake_doc *gone = find_doc(f, path_of(json_str(json_get(write, "delete"))));
        char version[VERSION_TEXT_MAX];

        if (json_get(write, "update"))
            apply_update(f, r->ctx->arena, write);
        else if (gone)
            gone->there = false;
        version_text(version, f->version);
        jw_obj(&w, NULL);
        jw_cstr(&w, "updateTime", version);
        jw_end(&w);
    }
    jw_end(&w);
    jw_cstr(&w, "commitTime", "2026-11-24T09:00:00Z");
    jw_end(&w);
    return (struct answer){ 200, jw_finish(&w, r->ctx->arena) };
}

/* Only what the calendar asks: filters on one timestamp, order by it. */
static bool matches(const struct jval *fields, const struct jval *where)
{
    struct json_iter it = json_iter(json_path(where, "compositeFilter.filters"));
    const struct jval *v;

    while (json_next(&it, NULL, &v)) {
        const struct jval *filter = json_get(v, "fieldFilter");
        struct str op = json_str(json_get(filter, "op"));
        struct str field = json_str(json_path(filter, "field.fieldPath"));
        int64_t want = 0, have = 0;

        if (time_parse_rfc3339(json_str(json_path(filter, "value.timestampValue")), &want) ||
            time_parse_rfc3339(json_str(json_get(json_get_str(fields, field), "timestampValue")),
                               &have))
            return false;
        if (str_eq_c(op, "GREATER_THAN_OR_EQUAL") ? have < want : have >= want)
            return false;
    }
    return true;
}

static struct answer run_query(struct fake_cloud *f, struct http_req *r, const struct jval *body)
{
    const struct jval *query = json_get(body, "structuredQuery"), *fields;
    struct str collection = json_str(json_path(query, "from.0.collectionId"));
    struct str path = url_decode(r->ctx->arena, r->path, false);
    struct str parent = path_of(str_slice(path, 0, path.n - sizeof(":runQuery") + 1)), prefix;
    struct jw w;
    size_t i;

    prefix =
        arena_printf(r->ctx->arena, STR_FMT "/" STR_FMT "/", STR_ARG(parent), STR_ARG(collection));
    jw_init(&w);
    jw_arr(&w, NULL);
    for (i = 0; i < f->n_docs; i++) {
        if (!f->docs[i].there || !str_starts(f->docs[i].path, prefix) ||
            json_parse_arena(&fields, r->ctx->arena, f->docs[i].fields, NULL) ||
            !matches(fields, json_get(query, "where")))
            continue;
        jw_obj(&w, NULL);
        write_doc(&w, "document", r->ctx->arena, &f->docs[i]);
        jw_end(&w);
    }
    jw_end(&w);
    return (struct answer){ 200, jw_finish(&w, r->ctx->arena) };
}

static struct answer publish(struct fake_cloud *f, struct http_req *r, const struct jval *body)
{
    struct json_iter it = json_iter(json_get(body, "messages"));
    const struct jval *m;
    struct str data;

    while (json_next(&it, NULL, &m)) {
        if (base64_bytes(r->ctx->arena, json_str(json_get(m, "data")), &data) == ERR_OK &&
            f->n_events < FAKE_EVENTS_MAX)
            f->events[f->n_events++] = arena_str(&f->kept, data);
    }
    return (struct answer){ 200, STR("{\"messageIds\":[\"1\"]}") };
}

static struct answer serve(struct fake_cloud *f, struct http_req *r, const struct jval *body)
{
    if (str_ends(r->path, STR(":batchGet")))
        return batch_get(f, r, body);
    if (str_ends(r->path, STR(":commit")))
        return commit(f, r, body);
    if (str_ends(r->path, STR(":runQuery")))
        return run_query(f, r, body);
    return publish(f, r, body);
}

static void on_request(void *app, struct http_req *r)
{
    struct fake_cloud *f = app;
    const struct jval *body = NULL;
    struct answer answer =
        refusal(r->ctx->arena, 403, "PERMISSION_DENIED"); /* nobody repeats that */
    bool concerned, fails, lost;

    pthread_mutex_lock(&f->lock);
    concerned = !f->fail_path || str_contains(r->body, str_c(f->fail_path)) ||
                str_contains(r->path, str_c(f->fail_path));
    f->n_requests += concerned;
    fails = (concerned && f->fail_from && f->n_requests >= f->fail_from) ||
            (f->pubsub_down && str_ends(r->path, STR(":publish"))) ||
            json_parse_arena(&body, r->ctx->arena, r->body, NULL);
    lost = concerned && f->lose_at && f->lose_at == f->n_requests;
    if (!fails && lost)
        (void)serve(f, r, body);
    if (!fails && lost && f->lost_unclear)
        answer = refusal(r->ctx->arena, 500, "INTERNAL");
    if (!fails && !lost)
        answer = serve(f, r, body);
    pthread_mutex_unlock(&f->lock);
    http_reply_json(r, answer.status, answer.body);
}

static const struct http_route routes[] = {
    { HTTP_POST, "/{rest*}", BODY_MAX, NULL, on_request, false },
};

/* --- life ------------------------------------------------------------------------------------------ */

static void on_line(void *arg, enum log_level level, struct str line)
{
    struct fake_cloud *f = arg;

    (void)level;
    pthread_mutex_lock(&f->lock);
    buf_add_str(&f->lines, line);
    buf_add_char(&f->lines, '\n');
    pthread_mutex_unlock(&f->lock);
}

struct str fake_cloud_log(struct fake_cloud *f)
{
    struct str ret;

    pthread_mutex_lock(&f->lock);
    ret = arena_str(&f->arena, buf_str(&f->lines));
    pthread_mutex_unlock(&f->lock);
    return ret;
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void serve_on(struct fake_service *s, const struct clock *clock, const struct log *log,
                     const struct http_route *list, size_t n, void *app)
{
    struct http_server_opts o = {
        .host = "127.0.0.1", .routes = list, .n_routes = n, .app = app, .log = log
    };

    CHECK_OK(loop_create(&s->loop, clock, log, NULL));
    CHECK_OK(workers_create(&s->workers, s->loop, 4, NULL, log, NULL));
    o.workers = s->workers;
    CHECK_OK(http_server_create(&s->server, s->loop, &o, NULL));
    CHECK_INT(pthread_create(&s->thread, NULL, run_loop, s->loop), 0);
}

void fake_service_open(struct fake_service *s, struct fake_cloud *f, const struct http_route *list,
                       size_t n_routes, void *app)
{
    serve_on(s, &f->clock.clock, &f->log, list, n_routes, app);
}

void fake_service_close(struct fake_service *s)
{
    loop_stop(s->loop);
    pthread_join(s->thread, NULL);
    s->workers = workers_destroy(s->workers);
    s->server = http_server_destroy(s->server);
    s->loop = loop_destroy(s->loop);
}

struct str fake_token(struct fake_cloud *f, struct arena *a, const char *audience,
                      const char *email)
{
    int64_t now_s = clock_wall_s(&f->clock.clock);
    struct str claims =
        arena_printf(a,
                     "{\"iss\":\"https://accounts.google.com\",\"aud\":\"%s\",\"email\":\"%s\","
                     "\"email_verified\":true,\"sub\":\"1\",\"iat\":%lld,\"exp\":%lld}",
                     audience, email, (long long)now_s, (long long)now_s + 3600);

    return arena_printf(a, STR_FMT "." STR_FMT ".c2ln",
                        STR_ARG(base64url_text(a, STR("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"))),
                        STR_ARG(base64url_text(a, claims)));
}

void fake_cloud_open(struct fake_cloud *f, const char *now)
{
    int64_t us = 0;
    struct str host;

    memset(f, 0, sizeof(*f));
    CHECK_OK(time_parse_rfc3339(str_c(now), &us));
    pthread_mutex_init(&f->lock, NULL);
    f->real = clock_system(0);
    buf_init(&f->lines, FAKE_LOG_MAX);
    f->sink = log_sink_create_fn(on_line, f, LOG_INFO, &f->real);
    f->log = log_root(f->sink);
    serve_on(&f->service, &f->real, &f->log, routes, ARRAY_LEN(routes), f);
    clock_fake_init(&f->clock, us);
    host = arena_printf(&f->arena, "127.0.0.1:%d", http_server_port(f->service.server));
    f->settings =
        (struct google_settings){ .firestore_emulator_host = host, .pubsub_emulator_host = host };
    CHECK_OK(google_create(&f->google, STR("p"), &f->settings, &f->clock.clock, NULL));
    f->http = http_client_create(NULL, &f->clock.clock);
    f->ctx = (struct ctx){
        .arena = &f->arena, .http = f->http, .clock = &f->clock.clock, .log = f->log
    };
}

void fake_cloud_close(struct fake_cloud *f)
{
    fake_service_close(&f->service);
    f->http = http_client_destroy(f->http);
    f->google = google_destroy(f->google);
    f->sink = log_sink_destroy(f->sink);
    buf_release(&f->lines);
    arena_release(&f->arena);
    arena_release(&f->kept);
    pthread_mutex_destroy(&f->lock);
}

void fake_client_open(struct fake_client *c, struct fake_cloud *f)
{
    memset(c, 0, sizeof(*c));
    c->http = http_client_create(NULL, &f->clock.clock);
    c->ctx = (struct ctx){
        .arena = &c->arena, .http = c->http, .clock = &f->clock.clock, .log = f->log
    };
}

void fake_client_close(struct fake_client *c)
{
    c->http = http_client_destroy(c->http);
    arena_release(&c->arena);
}

void fake_cloud_heal(struct fake_cloud *f)
{
    pthread_mutex_lock(&f->lock);
    f->n_requests = f->fail_from = f->lose_at = 0;
    f->fail_path = NULL;
    f->pubsub_down = false;
    pthread_mutex_unlock(&f->lock);
}

const struct jval *fake_cloud_doc(struct fake_cloud *f, const char *path)
{
    const struct jval *typed = NULL, *plain = NULL;
    const struct fake_doc *d;
    struct jw w;

    pthread_mutex_lock(&f->lock);
    d = find_doc(f, str_c(path));
    if (d)
        CHECK_OK(json_parse_arena(&typed, &f->arena, d->fields, NULL));
    pthread_mutex_unlock(&f->lock);
    if (!d)
        return NULL;
    jw_init(&w);
    fs_fields_json(&w, NULL, typed);
    CHECK_OK(json_parse_arena(&plain, &f->arena, jw_finish(&w, &f->arena), NULL));
    return plain;
}

size_t fake_cloud_count(struct fake_cloud *f, const char *prefix)
{
    size_t i, n = 0;

    pthread_mutex_lock(&f->lock);
    for (i = 0; i < f->n_docs; i++)
        n += f->docs[i].there && str_starts(f->docs[i].path, str_c(prefix));
    pthread_mutex_unlock(&f->lock);
    return n;
}

void fake_cloud_busy(struct fake_cloud *f, const char *calendar, const char *from, const char *to)
{
    pthread_mutex_lock(&f->lock);
    put_doc(
        f, arena_printf(&f->arena, "localCalendars/%s/events/busy%zu", calendar, f->n_docs),
        arena_printf(&f->arena,
                     "{\"start\":{\"timestampValue\":\"%s\"},\"end\":{\"timestampValue\":\"%s\"}}",
                     from, to));
    pthread_mutex_unlock(&f->lock);
}

size_t fake_cloud_events(struct fake_cloud *f, const char *type)
{
    struct str wanted = arena_printf(&f->arena, "\"type\":\"%s\"", type);
    size_t i, n = 0;

    pthread_mutex_lock(&f->lock);
    for (i = 0; i < f->n_events; i++)
        n += str_contains(f->events[i], wanted);
    pthread_mutex_unlock(&f->lock);
    return n;
}
