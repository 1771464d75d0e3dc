#include "support/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/tls.h"

enum { QUIET_TURNS = 3, LOOK_MS = 2, WORKERS = 8, CLOUD_WORKERS = 8 };

/* ---- settings ---- */

struct env {
    struct world *world;
    const char *const *more;
};

static const char *env_get(const char *name, void *arg)
{
    static const char *const fixed[][2] = {
        { "TWILIO_ACCOUNT_SID", WORLD_ACCOUNT },
        { "TWILIO_AUTH_TOKEN", WORLD_AUTH_TOKEN },
        { "PUBLIC_BASE_URL", WORLD_ORIGIN },
        { "STREAM_TOKEN_KEY", WORLD_TOKEN_KEY },
        { "OPENAI_API_KEY", "sk-test" },
        { "TOOL_SLOW_MS", "0" }, /* fake time runs on while a worker is at it */
        { "BUSINESS_PROFILE", VC_SOURCE_DIR "/tests/e2e/bridge/business.yaml" },
    };
    static const char *const ours[][2] = {
        { "TOOL_GATEWAY_URL", "http://127.0.0.1:%d" },
        { "TWILIO_API_BASE", "http://127.0.0.1:%d" },
        { "OPENAI_REALTIME_URL", "ws://127.0.0.1:%d/v1/realtime" },
        { "PUBSUB_EMULATOR_HOST", "127.0.0.1:%d" },
        { "FIRESTORE_EMULATOR_HOST", "127.0.0.1:%d" },
        { "GCE_METADATA_HOST", "127.0.0.1:%d" },
        { "STORAGE_EMULATOR_HOST", "http://127.0.0.1:%d" },
    };
    struct env *env = arg;
    size_t i, n = strlen(name);

    for (i = 0; env->more && env->more[i]; i++) {
        if (strncmp(env->more[i], name, n) == 0 && env->more[i][n] == '=')
            return env->more[i] + n + 1;
    }
    for (i = 0; i < ARRAY_LEN(fixed); i++) {
        if (strcmp(name, fixed[i][0]) == 0)
            return fixed[i][1];
    }
    for (i = 0; i < ARRAY_LEN(ours); i++) {
        struct buf text = BUF_INIT(200);
        struct str port, head, rest;

        if (strcmp(name, ours[i][0]) != 0)
            continue;
        port = arena_printf(&env->world->arena, "%d", http_server_port(env->world->cloud));
        (void)str_cut(str_c(ours[i][1]), '%', &head, &rest);
        buf_add_str(&text, head);
        buf_add_str(&text, port);
        buf_add_str(&text, str_from(rest, 1)); /* after the d */
        name = arena_cstr(&env->world->arena, buf_str(&text));
        buf_release(&text);
        return name;
    }
    return NULL;
}

/* ---- open and close ---- */

static void on_line(void *arg, enum log_level level, struct str line)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* workers log too */
    struct world *w = arg;

    (void)level;
    if (getenv("WORLD_LOG"))
        fprintf(stderr, STR_FMT, STR_ARG(line));
    pthread_mutex_lock(&mutex);
    buf_add_str(&w->lines, line);
    pthread_mutex_unlock(&mutex);
}

static void serve_cloud(struct world *w)
{
    const struct http_server_opts opts = { .host = "127.0.0.1",
                                           .routes = cloud_routes,
                                           .n_routes = n_cloud_routes,
                                           .ws_routes = engine_routes,
                                           .n_ws_routes = n_engine_routes,
                                           .app = w,
                                           .workers = w->cloud_workers,
                                           .log = &w->log };

    CHECK_OK(http_server_create(&w->cloud, w->loop, &opts, NULL));
}

static void on_stopped(struct service *s)
{
    CONTAINER_OF(s, struct world, service)->stopped = true;
}

static void serve_bridge(struct world *w)
{
    struct http_server_opts opts = { .host = "127.0.0.1",
                                     .routes = bridge_routes,
                                     .n_routes = n_bridge_routes,
                                     .ws_routes = bridge_ws_routes,
                                     .n_ws_routes = n_bridge_ws_routes,
                                     .workers = w->workers,
                                     .log = &w->log };
    struct err err = ERR_INIT;
    void *app = NULL;

    if (bridge_create(&app, &w->service, &err))
        FAIL_TEST("%s", err.text);
    w->bridge = app;
    w->bridge->stopped = on_stopped;
    opts.app = app;
    CHECK_OK(http_server_create(&w->service.server, w->loop, &opts, NULL));
}

void world_open(struct world *w, const char *const *more)
{
    world_open_as(w, more, NULL);
}

void world_open_as(struct world *w, const char *const *more, const struct net_self *self)
{
    struct env env = { w, more };
    struct err err = ERR_INIT;

    *w = (struct world){ 0 };
    clock_fake_init(&w->fake, 1800000000LL * 1000000);
    clock_fake_sleeps(&w->fake);
    arena_init(&w->arena);
    buf_init(&w->lines, 256 * MIB);
    buf_init(&w->live, 64 * MIB);
    buf_init(&w->rest, MIB);
    buf_init(&w->tools, 16 * MIB);
    list_init(&w->events);
    list_init(&w->held);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->sink = log_sink_create_fn(on_line, w, LOG_DEBUG, &w->fake.clock);
    w->log = log_root(w->sink);
    w->tls = tls_store_create(NULL);
    CHECK_OK(loop_create(&w->loop, &w->fake.clock, &w->log, NULL));
    loop_set_self(w->loop, self);
    CHECK_OK(workers_create(&w->cloud_workers, w->loop, CLOUD_WORKERS, w->tls, &w->log, NULL));
    CHECK_OK(workers_create(&w->workers, w->loop, WORKERS, w->tls, &w->log, NULL));
    serve_cloud(w);
    if (config_load(bridge_keys, n_bridge_keys, &w->settings, &w->arena, env_get, &env, &err))
        FAIL_TEST("%s", err.text);
    w->settings.common.project = STR("test");
    w->settings.common.workers = WORKERS;
    w->service = (struct service){ .loop = w->loop,
                                   .workers = w->workers,
                                   .tls = w->tls,
                                   .clock = &w->fake.clock,
                                   .log = w->log,
                                   .arena = &w->arena,
                                   .settings = &w->settings };
    serve_bridge(w);
}

void world_retire(struct world *w)
{
    world_release(w);
    w->service.workers = NULL;
    clock_fake_wake(&w->fake);
    w->workers = workers_destroy(w->workers);
    w->fake.awake = false;
}

void world_restart(struct world *w)
{
    world_retire(w);
    w->service.server = http_server_destroy(w->service.server);
    bridge_destroy(w->bridge);
    w->stopped = false;
    CHECK_OK(workers_create(&w->workers, w->loop, WORKERS, w->tls, &w->log, NULL));
    w->service.workers = w->workers;
    serve_bridge(w);
}

void world_close(struct world *w)
{
    struct list_node *n;
    int i;

    world_release_objects(w);
    world_retire(w);
    for (i = 0; i < w->n_callers; i++)
        caller_free(w->callers[i]);
    w->service.server = http_server_destroy(w->service.server);
    bridge_destroy(w->bridge);
    for (i = 0; i < w->n_engines; i++)
        engine_free(w->engines[i]);
    w->cloud_workers = workers_destroy(w->cloud_workers);
    w->cloud = http_server_destroy(w->cloud);
    w->loop = loop_destroy(w->loop);
    w->tls = tls_store_destroy(w->tls);
    w->sink = log_sink_destroy(w->sink);
    while ((n = list_pop_front(&w->events)) != NULL) {
        struct cloud_event *e = CONTAINER_OF(n, struct cloud_event, node);

        mem_free((void *)(uintptr_t)e->text.p);
        mem_free(e);
    }
    buf_release(&w->lines);
    buf_release(&w->live);
    buf_release(&w->rest);
    buf_release(&w->tools);
    objects_free(w);
    arena_release(&w->arena);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
}

/* ---- time ---- */

static void count_down(void *arg)
{
    --*(int *)arg;
}

static bool is_zero(void *arg)
{
    return *(int *)arg == 0;
}

static void turn(struct world *w)
{
    int left = 1;

    loop_post(w->loop, count_down, &left);
    CHECK_OK(loop_run_until(w->loop, is_zero, &left, 20000));
}

/* Jobs of the bridge that will end by themselves: time waits for them, but not for those that wait for a
 * worker, when all of these wait for time. */
static bool workers_busy(struct world *w)
{
    size_t waiting = (size_t)world_held(w, NULL) + (size_t)clock_fake_asleep(&w->fake);
    size_t pending = w->workers ? workers_pending(w->workers) : 0;

    return MIN(pending, (size_t)WORKERS) > waiting;
}

static bool not_busy(void *arg)
{
    return !workers_busy(arg);
}

void world_quiet(struct world *w)
{
    int i;

    for (i = 0; i < QUIET_TURNS; i++) {
        turn(w);
        /* In short looks: a tool that is being held does not wake the loop. */
        while (loop_run_until(w->loop, not_busy, w, LOOK_MS) == ERR_TIMEOUT)
            i = 0;
    }
}

static int step_ms(const struct world *w)
{
    return w->step_ms ? w->step_ms : WORLD_STEP_MS;
}

static void step(struct world *w)
{
    int i;

    world_quiet(w);
    clock_fake_advance_ms(&w->fake, step_ms(w));
    pthread_mutex_lock(&w->mutex);
    if (!list_empty(&w->held))
        pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    for (i = 0; i < w->n_callers; i++)
        caller_step(w->callers[i]);
}

void world_pass(struct world *w, int64_t ms)
{
    for (; ms > 0; ms -= step_ms(w))
        step(w);
    world_quiet(w);
}

void world_until(struct world *w, bool (*done)(struct world *w, const void *arg), const void *arg,
                 const char *what)
{
    int64_t until = world_now_ms(w) + WORLD_LIMIT_MS;

    while (!done(w, arg)) {
        if (world_now_ms(w) >= until)
            FAIL_TEST("waited in vain: %s", what);
        step(w);
    }
}

int64_t world_now_ms(const struct world *w)
{
    return clock_mono_ms(&w->fake.clock);
}

void world_stop(struct world *w)
{
    bridge_stop(w->bridge);
}

/* ---- waits ---- */

struct wait {
    struct fake_engine *engine;
    struct fake_caller *caller;
    const char *text, *call_sid;
    int64_t n;
};

static bool engine_there(struct world *w, const void *arg)
{
    return w->n_engines > ((const struct wait *)arg)->n;
}

struct fake_engine *world_engine(struct world *w, int number)
{
    struct wait wait = { .n = number };

    world_until(w, engine_there, &wait, "a connection to the engine");
    return w->engines[number];
}

static bool got(struct world *w, const void *arg)
{
    const struct wait *x = arg;

    (void)w;
    return engine_got(x->engine, x->text) >= x->n;
}

void until_engine_got(struct fake_engine *e, const char *type, int n)
{
    struct wait wait = { .engine = e, .text = type, .n = n };

    world_until(e->world, got, &wait, type);
}

static bool heard(struct world *w, const void *arg)
{
    const struct wait *x = arg;

    (void)w;
    return caller_heard_ms(x->caller) >= x->n;
}

void until_heard_ms(struct fake_caller *c, int64_t ms)
{
    struct wait wait = { .caller = c, .n = ms };

    world_until(c->world, heard, &wait, "audio heard");
}

static bool received(struct world *w, const void *arg)
{
    const struct wait *x = arg;

    (void)w;
    return x->caller->received_ms >= x->n;
}

void until_received_ms(struct fake_caller *c, int64_t ms)
{
    struct wait wait = { .caller = c, .n = ms };

    world_until(c->world, received, &wait, "audio received");
}

static bool cleared(struct world *w, const void *arg)
{
    const struct wait *x = arg;

    (void)w;
    return x->caller->clears >= x->n;
}

void until_clears(struct fake_caller *c, int n)
{
    struct wait wait = { .caller = c, .n = n };

    world_until(c->world, cleared, &wait, "clear");
}

static bool closed(struct world *w, const void *arg)
{
    (void)w;
    return ((const struct wait *)arg)->caller->closed;
}

void until_closed(struct fake_caller *c)
{
    struct wait wait = { .caller = c };

    world_until(c->world, closed, &wait, "the stream closed");
}

static bool published(struct world *w, const void *arg)
{
    const struct wait *x = arg;

    return world_events(w, x->call_sid, x->text) >= x->n;
}

void until_event(struct world *w, const char *call_sid, const char *type, int n)
{
    struct wait wait = { .call_sid = call_sid, .text = type, .n = n };

    world_until(w, published, &wait, type);
}

static bool over(struct world *w, const void *arg)
{
    (void)arg;
    return w->bridge->n_calls == 0 && outbox_waiting(w->bridge->outbox) == 0;
}

void until_over(struct world *w)
{
    world_until(w, over, NULL, "all calls over");
}

static bool tools_asked(struct world *w, const void *arg)
{
    int n;

    pthread_mutex_lock(&w->mutex);
    n = w->tool_requests;
    pthread_mutex_unlock(&w->mutex);
    return n >= ((const struct wait *)arg)->n;
}

void until_tool_requests(struct world *w, int n)
{
    struct wait wait = { .n = n };

    world_until(w, tools_asked, &wait, "requests to the tool gateway");
}

static bool logged(struct world *w, const void *arg)
{
    return world_log_has(w, ((const struct wait *)arg)->text);
}

void until_log(struct world *w, const char *text)
{
    struct wait wait = { .text = text };

    world_until(w, logged, &wait, text);
}

/* ---- looking ---- */

static const struct cloud_event *event_at(struct world *w, const char *call_sid, const char *type,
                                          int n, int *count)
{
    const struct cloud_event *found = NULL;
    struct list_node *at, *next;

    *count = 0;
    pthread_mutex_lock(&w->mutex);
    LIST_EACH (&w->events, at, next) {
        const struct cloud_event *e = CONTAINER_OF(at, struct cloud_event, node);

        if ((call_sid && strcmp(e->call_sid, call_sid) != 0) || strcmp(e->type, type) != 0)
            continue;
        if ((*count)++ == n)
            found = e;
    }
    pthread_mutex_unlock(&w->mutex);
    return found;
}

int world_events(struct world *w, const char *call_sid, const char *type)
{
    int count;

    (void)event_at(w, call_sid, type, -1, &count);
    return count;
}

const struct jval *world_event(struct world *w, struct arena *a, const char *call_sid,
                               const char *type, int n)
{
    const struct jval *v = NULL;
    int count;
    const struct cloud_event *e = event_at(w, call_sid, type, n, &count);

    if (!e)
        FAIL_TEST("no event %s number %d of %s", type, n, call_sid ? call_sid : "any call");
    CHECK_OK(json_parse_arena(&v, a, e->text, NULL));
    return json_get(v, "data");
}

void world_release_tools(struct world *w)
{
    pthread_mutex_lock(&w->mutex);
    if (w->tool_mode == TOOL_HELD)
        w->tool_mode = TOOL_ANSWERS;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void world_release(struct world *w)
{
    world_cloud(w, &w->firestore, CLOUD_WELL);
    world_cloud(w, &w->pubsub, CLOUD_WELL);
    world_cloud(w, &w->gateway, CLOUD_WELL);
    world_release_tools(w);
}

bool world_log_has(const struct world *w, const char *text)
{
    return str_contains(buf_str(&w->lines), str_c(text));
}

struct str world_live_state(struct world *w, struct arena *a, const char *call_sid)
{
    struct str text, line, rest, last = STR_EMPTY;

    pthread_mutex_lock(&w->mutex);
    text = arena_str(a, buf_str(&w->live));
    pthread_mutex_unlock(&w->mutex);
    while (text.n) {
        const struct jval *v = NULL, *doc;

        (void)str_cut(text, '\n', &line, &rest);
        text = rest;
        if (json_parse_arena(&v, a, str_from(line, str_find_char(line, ' ') + 1), NULL))
            continue;
        doc = json_path(v, "writes.0.update");
        if (str_ends(json_str(json_get(doc, "name")), str_c(call_sid)) &&
            json_path(doc, "fields.state"))
            last = json_str(json_path(doc, "fields.state.stringValue"));
    }
    return last;
}

static bool turn_is_listening(struct world *w, const void *arg)
{
    const struct wait *x = arg;

    (void)w;
    return engine_got(x->engine, "response.create") >= 2 && x->caller->received_ms >= 1200 &&
           x->caller->queue.n == 0 && x->caller->n_marks == 0;
}

struct fake_caller *world_talk(struct world *w, struct fake_engine **e)
{
    struct fake_caller *c = caller_open(w, NULL);
    struct wait wait = { .caller = c };

    *e = world_engine(w, w->n_engines);
    wait.engine = *e;
    world_until(w, turn_is_listening, &wait, "the opening");
    world_quiet(w);
    return c;
}
