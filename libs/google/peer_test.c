#include "google/peer_test.h"

#include "base/mem.h"

enum { BODY_MAX = 16 * 1024 * 1024 };

static char *copy_header(struct http_req *r, const char *name)
{
    return mem_str_dup(http_req_header(r, name));
}

/* Keeps the request; gives the answer that is its turn. */
static struct peer_answer note(struct peer *p, struct http_req *r)
{
    static const char *const methods[] = { [HTTP_GET] = "GET",
                                           [HTTP_POST] = "POST",
                                           [HTTP_PUT] = "PUT",
                                           [HTTP_PATCH] = "PATCH",
                                           [HTTP_DELETE] = "DELETE" };
    struct peer_answer answer = { .status = 404, .body = "{}" };

    pthread_mutex_lock(&p->lock);
    if (p->n_asked < PEER_MAX) {
        p->asked[p->n_asked] = (struct peer_request){
            mem_strdup(methods[r->method]),
            mem_str_dup(r->target),
            mem_str_dup(r->body),
            copy_header(r, "Authorization"),
            copy_header(r, "Content-Range"),
            copy_header(r, "Range"),
            copy_header(r, "Content-Type"),
            copy_header(r, "Metadata-Flavor"),
        };
        if (p->n_asked < p->n_answers)
            answer = p->answers[p->n_asked];
        p->n_asked++;
    }
    pthread_cond_broadcast(&p->changed);
    while (p->hold)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return answer;
}

static void on_request(void *app, struct http_req *r)
{
    struct peer *p = app;
    struct peer_answer answer = note(p, r);
    struct str body = str_c(answer.body);

    if (answer.header)
        http_reply_header(r, answer.header, str_c(answer.value));
    if (answer.status >= 0) {
        http_reply(r, answer.status ? answer.status : 200, "application/json", body);
        return;
    }
    /* More is promised than comes. */
    if (http_reply_begin(r, 200, "application/json", (int64_t)body.n + 10) ||
        http_reply_write(r, body.p, body.n))
        return;
    http_reply_end(r);
}

static const struct http_route routes[] = {
    { HTTP_ANY, "/{path*}", BODY_MAX, NULL, on_request, false },
};

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void quiet(void *arg, enum log_level level, struct str line)
{
    (void)arg;
    (void)level;
    (void)line;
}

void peer_run(struct peer *p)
{
    CHECK(pthread_create(&p->thread, NULL, run_loop, p->loop) == 0);
}

static void serve(struct peer *p)
{
    struct http_server_opts o = {
        .host = "127.0.0.1", .routes = routes, .n_routes = ARRAY_LEN(routes), .app = p
    };

    *p = (struct peer){ .system = clock_system(0) };
    clock_fake_init(&p->fake, (int64_t)PEER_NOW_S * 1000000);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    arena_init(&p->arena);
    p->sink = log_sink_create_fn(quiet, NULL, LOG_OFF, &p->system);
    p->log = log_root(p->sink);
    CHECK_OK(loop_create(&p->loop, &p->system, &p->log, &p->err));
    p->tls = tls_store_create(NULL);
    CHECK_OK(workers_create(&p->workers, p->loop, 4, p->tls, &p->log, &p->err));
    o.workers = p->workers;
    o.log = &p->log;
    CHECK_OK(http_server_create(&p->server, p->loop, &o, &p->err));
    peer_run(p);
    p->ctx = (struct ctx){ .arena = &p->arena, .clock = &p->fake.clock, .log = p->log };
    p->ctx.http = http_client_create(p->tls, &p->system);
}

static struct str peer_host(struct peer *p)
{
    return arena_printf(&p->arena, "127.0.0.1:%d", http_server_port(p->server));
}

void peer_open(struct peer *p)
{
    serve(p);
    p->settings.firestore_emulator_host = peer_host(p);
    p->settings.pubsub_emulator_host = peer_host(p);
    p->settings.storage_emulator_host = peer_host(p);
    CHECK_OK(google_create(&p->google, STR("p"), &p->settings, &p->fake.clock, &p->err));
}

void peer_open_metadata(struct peer *p)
{
    serve(p);
    p->settings.metadata_host = peer_host(p);
    CHECK_OK(google_create(&p->google, STR("p"), &p->settings, &p->fake.clock, &p->err));
}

void peer_close(struct peer *p)
{
    size_t i;

    peer_let_go(p);
    p->ctx.http = http_client_destroy(p->ctx.http);
    p->google = google_destroy(p->google);
    loop_stop(p->loop);
    pthread_join(p->thread, NULL);
    p->workers = workers_destroy(p->workers);
    p->server = http_server_destroy(p->server);
    p->loop = loop_destroy(p->loop);
    p->tls = tls_store_destroy(p->tls);
    p->sink = log_sink_destroy(p->sink);
    for (i = 0; i < p->n_asked; i++) {
        struct peer_request *a = &p->asked[i];
        char *texts[] = { a->method,        a->target, a->body,         a->authorization,
                          a->content_range, a->range,  a->content_type, a->flavor };
        size_t k;

        for (k = 0; k < ARRAY_LEN(texts); k++)
            mem_free(texts[k]);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    arena_release(&p->arena);
}

void peer_script(struct peer *p, const struct peer_answer *answers, size_t n)
{
    const struct peer_answer *kept = arena_dup(&p->arena, answers, n * sizeof(*answers));

    pthread_mutex_lock(&p->lock);
    p->answers = kept;
    p->n_answers = n;
    pthread_mutex_unlock(&p->lock);
}

struct str peer_url(struct peer *p, const char *path)
{
    return arena_printf(&p->arena, "http://127.0.0.1:%d%s", http_server_port(p->server), path);
}

void peer_let_go(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    p->hold = false;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

void peer_wait_asked(struct peer *p, size_t n)
{
    pthread_mutex_lock(&p->lock);
    while (p->n_asked < n) /* the test's own time limit ends a wait for ever */
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
