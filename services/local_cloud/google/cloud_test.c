#include "local_cloud/google/cloud_test.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "local_cloud/store.h"

static const struct local_module *const modules[] = { &identity_module, &firestore_module,
                                                      &storage_module, &pubsub_module };

enum { ROUTES_MAX = 128 };

static void on_receive(void *app, struct http_req *r)
{
    struct test_cloud *t = CONTAINER_OF((struct local_cloud *)app, struct test_cloud, lc);
    int status = 500;

    pthread_mutex_lock(&t->lock);
    if (t->n_pushes < PUSHES_MAX) {
        status = t->statuses[t->n_pushes] ? t->statuses[t->n_pushes] : 204;
        t->pushes[t->n_pushes++] =
            (struct received){ mem_str_dup(r->body),
                               mem_str_dup(http_req_header(r, "Authorization")),
                               mem_str_dup(http_req_header(r, "User-Agent")) };
    }
    pthread_cond_broadcast(&t->more);
    pthread_mutex_unlock(&t->lock);
    http_reply_empty(r, status);
}

static const struct http_route receive_route = { HTTP_POST, "/receive", 1 * MIB,
                                                 NULL,      on_receive, false };

static void quiet(void *arg, enum log_level level, struct str line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

/* Programs and their threads share the folder. */
static void begin_record(struct test_cloud *t)
{
    static atomic_int clouds;
    const char *folder = getenv("TEST_RECORDS");
    struct str path;

    if (!folder)
        return;
    path = arena_printf(&t->process, "%s/%d-%d.jsonl", folder, (int)getpid(), clouds++);
    CHECK_OK(record_create(&t->record, path.p, &t->clock, &t->service.log, &t->err));
    t->self = (struct net_self){ .user_agent = "test", .tap = record_tap(t->record) };
    loop_set_self(t->service.loop, &t->self);
}

static void serve(struct test_cloud *t)
{
    static struct http_route routes[ROUTES_MAX];
    struct http_server_opts o = { .host = "127.0.0.1", .routes = routes, .app = &t->lc };
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(modules); i++) {
        CHECK_OK(modules[i]->create(&t->lc, &t->err));
        for (k = 0; k < modules[i]->n_routes; k++)
            routes[o.n_routes++] = modules[i]->routes[k];
    }
    routes[o.n_routes++] = receive_route;
    CHECK(o.n_routes <= ROUTES_MAX);
    o.workers = t->service.workers;
    o.log = &t->service.log;
    CHECK_OK(http_server_create(&t->server, t->service.loop, &o, &t->err));
    t->service.server = t->server;
}

void cloud_open(struct test_cloud *t, const char *state)
{
    struct service *s = &t->service;
    struct str host;

    *t = (struct test_cloud){ .clock = clock_system(0) };
    arena_init(&t->process);
    arena_init(&t->arena);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    t->sink = log_sink_create_fn(quiet, NULL, LOG_OFF, &t->clock);
    t->settings.common.project = STR("test-project");
    t->settings.service_account = STR(TEST_ACCOUNT);
    s->clock = &t->clock;
    s->log = log_root(t->sink);
    s->arena = &t->process;
    s->settings = &t->settings;
    t->lc.service = s;
    CHECK_OK(loop_create(&s->loop, s->clock, &s->log, &t->err));
    begin_record(t);
    s->tls = tls_store_create(NULL);
    CHECK_OK(workers_create(&s->workers, s->loop, 4, s->tls, &s->log, &t->err));
    CHECK_OK(store_create(&t->lc.store, str_c(state), &t->err));
    serve(t);
    CHECK(pthread_create(&t->loop_thread, NULL, run_loop, s->loop) == 0);
    host = arena_printf(&t->process, "127.0.0.1:%d", http_server_port(t->server));
    t->google_settings = (struct google_settings){ .firestore_emulator_host = host,
                                                   .pubsub_emulator_host = host,
                                                   .storage_emulator_host = host,
                                                   .metadata_host = host };
    CHECK_OK(
        google_create(&t->google, STR("test-project"), &t->google_settings, &t->clock, &t->err));
    t->ctx = (struct ctx){ .arena = &t->arena, .clock = &t->clock, .log = s->log };
    t->ctx.http = http_client_create(s->tls, &t->clock);
}

void cloud_close(struct test_cloud *t)
{
    struct service *s = &t->service;
    size_t i;

    t->ctx.http = http_client_destroy(t->ctx.http);
    t->google = google_destroy(t->google);
    pubsub_module.destroy(&t->lc); /* its threads may be pushing to our own server */
    loop_stop(s->loop);
    pthread_join(t->loop_thread, NULL);
    s->workers = workers_destroy(s->workers);
    t->server = http_server_destroy(t->server);
    for (i = ARRAY_LEN(modules); i-- > 0;)
        modules[i]->destroy(&t->lc);
    t->lc.store = store_destroy(t->lc.store);
    s->loop = loop_destroy(s->loop);
    s->tls = tls_store_destroy(s->tls);
    t->record = record_destroy(t->record);
    t->sink = log_sink_destroy(t->sink);
    for (i = 0; i < t->n_pushes; i++) {
        mem_free(t->pushes[i].body);
        mem_free(t->pushes[i].authorization);
        mem_free(t->pushes[i].agent);
    }
    pthread_cond_destroy(&t->more);
    pthread_mutex_destroy(&t->lock);
    arena_release(&t->arena);
    arena_release(&t->process);
}

struct str cloud_url(struct test_cloud *t, const char *path)
{
    return arena_printf(&t->arena, "http://127.0.0.1:%d%s", http_server_port(t->server), path);
}

struct http_response cloud_ask_with(struct test_cloud *t, const char *method, struct str path,
                                    struct str body, const struct http_header *headers,
                                    size_t n_headers)
{
    struct http_request req = {
        .method = method, .body = body, .headers = headers, .n_headers = n_headers
    };
    struct http_response r = { .status = 0 };

    req.url = str_starts(path, STR("http:")) ? path : cloud_url(t, arena_cstr(&t->arena, path));
    CHECK_OK(http_do(t->ctx.http, &t->arena, &req, &r, &t->err));
    return r;
}

struct http_response cloud_ask(struct test_cloud *t, const char *method, const char *path,
                               const char *body)
{
    static const struct http_header json = { STR("Content-Type"), STR("application/json") };

    return cloud_ask_with(t, method, str_c(path), str_c(body), &json, body ? 1 : 0);
}

void cloud_wait_pushes(struct test_cloud *t, size_t n)
{
    struct timespec until;
    int code = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&t->lock);
    while (t->n_pushes < n && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&t->more, &t->lock, &until);
    pthread_mutex_unlock(&t->lock);
    CHECK(t->n_pushes >= n);
}
