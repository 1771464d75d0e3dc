#include "net/service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/mem.h"
#include "net/http_server_internal.h"

#ifndef VC_VERSION
#define VC_VERSION "dev"
#endif

enum {
    DRAIN_MS = 8700, /* for requests, web sockets and events to end */
    EXIT_BY_S = 9,   /* after SIGTERM, whatever hangs: Cloud Run kills at 10 */
    DESCRIPTORS_MAX = 16384,
};

#define KEY(field) offsetof(struct service_settings, field)

static const struct config_key common_keys[] = {
    { .name = "PORT",
      .kind = CONFIG_INT,
      .offset = KEY(port),
      .dflt = "8080",
      .min = 0,
      .max = 65535,
      .help = "port to listen on; 0: any free one" },
    { .name = "LISTEN_HOST",
      .kind = CONFIG_STR,
      .offset = KEY(listen_host),
      .help = "address to listen on; empty: all" },
    { .name = "LOG_LEVEL",
      .kind = CONFIG_ENUM,
      .offset = KEY(log_level),
      .dflt = "info",
      .allowed = "debug|info|warn|error|off",
      .help = "least severe line that is logged" },
    { .name = "LOG_FORMAT",
      .kind = CONFIG_ENUM,
      .offset = KEY(log_format),
      .dflt = "auto",
      .allowed = "auto|json|text",
      .help = "auto: text on a terminal, JSON elsewhere" },
    { .name = "WORKERS",
      .kind = CONFIG_INT,
      .offset = KEY(workers),
      .dflt = "16",
      .min = 1,
      .max = 256,
      .help = "threads for requests and calls to other services" },
    { .name = "CLOCK_OFFSET_MS",
      .kind = CONFIG_INT,
      .offset = KEY(clock_offset_ms),
      .dflt = "0",
      .min = -1000LL * 86400 * 366 * 20,
      .max = 1000LL * 86400 * 366 * 20,
      .help = "rehearsals at another date: added to the wall clock" },
    { .name = "GOOGLE_CLOUD_PROJECT",
      .kind = CONFIG_STR,
      .offset = KEY(project),
      .help = "project of the other Google services" },
};

/* What service_main() keeps; `service` is what the service sees of it. */
struct run {
    struct service service;
    const struct service_spec *spec;
    struct service_settings *settings;
    struct config_key *keys;
    size_t n_keys;
    struct arena arena;
    struct clock clock;
    struct log_sink *sink;
    void *app;
    struct timer limit;
    bool stopping, drained, stopped;
};

/* --- health -------------------------------------------------------------------------------------- */

static void on_live(void *app, struct http_req *r)
{
    (void)app;
    http_reply_json(r, 200, STR("{\"status\":\"live\"}"));
}

static void on_ready(void *app, struct http_req *r)
{
    struct run *run = app;
    struct err err = ERR_INIT;

    if (run->stopping)
        http_reply_error(r, 503, "shutting down");
    else if (run->spec->ready && run->spec->ready(run->app, &err))
        http_reply_error(r, 503, "%s", err.text[0] ? err.text : "not ready");
    else
        http_reply_json(r, 200, STR("{\"status\":\"ready\"}"));
}

static const struct http_route health_routes[] = {
    { .methods = HTTP_GET, .path = "/live", .handle = on_live, .on_loop = true },
    { .methods = HTTP_GET, .path = "/ready", .handle = on_ready, .on_loop = true },
};

/* --- the stop ------------------------------------------------------------------------------------ */

static void stop_when_done(struct run *run)
{
    if (run->drained && run->stopped)
        loop_stop(run->service.loop);
}

static void on_drained(void *arg)
{
    struct run *run = arg;

    run->drained = true;
    stop_when_done(run);
}

void service_stopped(struct service *s)
{
    struct run *run = CONTAINER_OF(s, struct run, service);

    run->stopped = true;
    stop_when_done(run);
}

static void on_limit(void *arg)
{
    struct run *run = arg;

    log_warn(&run->service.log, "stopping with work in hand drained=%d stopped=%d limit_ms=%d",
             run->drained, run->stopped, DRAIN_MS);
    loop_stop(run->service.loop);
}

/* A worker may hang in a call that has its own, later deadline. The exit must not wait for it. */
static void on_alarm(int signo)
{
    (void)signo;
    _exit(0);
}

static void on_signal(void *arg, int signo)
{
    struct run *run = arg;

    if (run->stopping) { /* asked twice: at once */
        loop_stop(run->service.loop);
        return;
    }
    run->stopping = true;
    log_info(&run->service.log, "stopping signal=%d", signo);
    signal(SIGALRM, on_alarm);
    alarm(EXIT_BY_S);
    timer_start(&run->limit, DRAIN_MS);
    run->stopped = !run->spec->stop;
    http_server_drain(run->service.server, on_drained, run);
    if (run->spec->stop)
        run->spec->stop(run->app);
}

/* --- the start ----------------------------------------------------------------------------------- */

static void gather_keys(struct run *run)
{
    const struct service_spec *spec = run->spec;

    run->n_keys = ARRAY_LEN(common_keys) + spec->n_keys;
    run->keys = ARENA_ARRAY(&run->arena, struct config_key, run->n_keys);
    memcpy(run->keys, common_keys, sizeof(common_keys));
    if (spec->n_keys)
        memcpy(run->keys + ARRAY_LEN(common_keys), spec->keys, spec->n_keys * sizeof(*spec->keys));
}

static void print_help(const struct run *run)
{
    size_t i;

    printf("usage: %s", run->spec->name);
    for (i = 0; i < run->spec->n_options; i++)
        printf(" [%s %s]", run->spec->options[i].name, run->spec->options[i].value);
    printf(" [--help | --version]\n\n%s\n\nSettings, from the environment:\n", run->spec->summary);
    config_help(stdout, run->keys, run->n_keys);
    for (i = 0; i < run->spec->n_options; i++)
        printf("\n%s %s sets %s.\n", run->spec->options[i].name, run->spec->options[i].value,
               run->spec->options[i].setting);
}

static const struct service_option *find_option(const struct service_spec *spec, const char *name)
{
    size_t i;

    for (i = 0; i < spec->n_options; i++) {
        if (strcmp(spec->options[i].name, name) == 0)
            return &spec->options[i];
    }
    return NULL;
}

static int wrong_argument(const struct run *run, const char *what, const char *arg)
{
    fprintf(stderr, "%s: %s '%s' (see --help)\n", run->spec->name, what, arg);
    return 2;
}

/* -1: go on; otherwise the exit code. */
static int look_at_arguments(const struct run *run, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++) {
        const struct service_option *o = find_option(run->spec, argv[i]);
        bool help = strcmp(argv[i], "--help") == 0, version = strcmp(argv[i], "--version") == 0;

        if (!o && !help && !version)
            return wrong_argument(run, "unknown argument", argv[i]);
        if ((help || version) && argc > 2)
            return wrong_argument(run, "unknown argument", argv[i == 1 ? 2 : 1]);
        if (o && ++i == argc)
            return wrong_argument(run, "a value is missing after", o->name);
        if (o)
            setenv(o->setting, argv[i], 1);
        if (help)
            print_help(run);
        if (version)
            printf("%s %s\n", run->spec->name, VC_VERSION);
        if (help || version)
            return 0;
    }
    return -1;
}

static enum errc load_settings(struct run *run, struct err *err)
{
    size_t size = MAX(run->spec->settings_size, sizeof(struct service_settings));
    enum errc rc;

    run->settings = arena_zalloc(&run->arena, size);
    rc = config_load(run->keys, run->n_keys, run->settings, &run->arena, config_getenv, NULL, err);
    if (rc)
        return rc;
    if (run->settings->clock_offset_ms && config_getenv("K_SERVICE", NULL))
        return err_set(err, ERR_INVALID, "CLOCK_OFFSET_MS is for rehearsals: not on Cloud Run");
    return ERR_OK;
}

/* Enough descriptors for the connections we allow; lws sizes its tables by the limit, so no more. */
static void limit_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)DESCRIPTORS_MAX);
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* then the old limit holds */
}

static enum errc start_server(struct run *run, struct err *err)
{
    struct service *s = &run->service;
    const struct service_spec *spec = run->spec;
    const char *host = arena_cstr(&run->arena, run->settings->listen_host);
    struct http_server_opts opts = {
        .host = *host ? host : NULL,
        .port = (int)run->settings->port,
        .routes = spec->routes,
        .n_routes = spec->n_routes,
        .ws_routes = spec->ws_routes,
        .n_ws_routes = spec->n_ws_routes,
        .app = run->app,
        .workers = s->workers,
        .log = &s->log,
    };
    enum errc rc = http_server_create(&s->server, s->loop, &opts, err);

    if (!rc)
        http_server_set_own_routes(s->server, health_routes, ARRAY_LEN(health_routes), run);
    return rc;
}

static enum errc start(struct run *run, struct err *err)
{
    struct service *s = &run->service;
    enum errc rc;

    run->clock = clock_system(run->settings->clock_offset_ms * 1000);
    run->sink =
        log_sink_create(STDOUT_FILENO, (enum log_format)run->settings->log_format,
                        (enum log_level)run->settings->log_level, run->spec->name, &run->clock);
    s->clock = &run->clock;
    s->log = log_root(run->sink);
    s->arena = &run->arena;
    s->settings = run->settings;
    s->self.user_agent = arena_printf(&run->arena, "voice-concierge/%s", run->spec->name).p;
    rc = run->spec->tap ? run->spec->tap(&s->self.tap, s, err) : ERR_OK;
    if (rc)
        return rc;
    s->tls = tls_store_create(NULL);
    rc = loop_create(&s->loop, s->clock, &s->log, err);
    if (!rc) {
        loop_set_self(s->loop, &s->self);
        rc = loop_on_signals(s->loop, on_signal, run, err);
    }
    if (!rc)
        rc =
            workers_create(&s->workers, s->loop, (int)run->settings->workers, s->tls, &s->log, err);
    if (!rc && run->spec->create)
        rc = run->spec->create(&run->app, s, err);
    if (rc)
        return rc;
    timer_init(&run->limit, s->loop, on_limit, run);
    return start_server(run, err);
}

/* The server first: a worker that waits for a slow peer is let go. What workers hand back still finds its
 * app and its loop. */
static void end(struct run *run)
{
    struct service *s = &run->service;

    s->server = http_server_destroy(s->server);
    s->workers = workers_destroy(s->workers);
    if (run->app && run->spec->destroy)
        run->spec->destroy(run->app);
    s->loop = loop_destroy(s->loop);
    s->tls = tls_store_destroy(s->tls);
    run->sink = log_sink_destroy(run->sink);
}

int service_main(const struct service_spec *spec, int argc, char **argv)
{
    struct run run = { .spec = spec };
    struct err err = ERR_INIT;
    int code;

    arena_init(&run.arena);
    gather_keys(&run);
    code = look_at_arguments(&run, argc, argv);
    if (code >= 0)
        goto out;
    if (load_settings(&run, &err)) {
        fprintf(stderr, "%s: %s\n", spec->name, err.text);
        code = 2;
        goto out;
    }
    signal(SIGPIPE, SIG_IGN);
    limit_descriptors();
    if (start(&run, &err)) {
        fprintf(stderr, "%s: %s\n", spec->name, err.text);
        code = 2;
    } else {
        log_info(&run.service.log, "listening port=%d", http_server_port(run.service.server));
        if (spec->started)
            spec->started(run.app);
        loop_run(run.service.loop);
        code = run.service.failed ? 1 : 0;
    }
    end(&run);
out:
    arena_release(&run.arena);
    return code;
}
