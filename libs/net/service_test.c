#include "net/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support_test.h"

/* --- a service ----------------------------------------------------------------------------------- */

struct settings {
    struct service_settings common;
    struct str greeting;
};

struct app {
    struct service *service;
    struct timer stopping;
};

static const struct config_key keys[] = {
    { .name = "GREETING",
      .kind = CONFIG_STR,
      .offset = offsetof(struct settings, greeting),
      .required = true,
      .help = "what it says" },
};

static enum errc create(void **ret, struct service *s, struct err *err)
{
    const struct settings *settings = s->settings;
    struct app *app;

    if (str_eq_c(settings->greeting, "fail"))
        return err_set(err, ERR_INVALID, "cannot greet like that");
    app = MEM_NEW(struct app);
    app->service = s;
    *ret = app;
    return ERR_OK;
}

static void started(void *arg)
{
    log_info(&((struct app *)arg)->service->log, "started");
}

static enum errc ready(void *arg, struct err *err)
{
    const struct settings *settings = ((struct app *)arg)->service->settings;

    return str_eq_c(settings->greeting, "later") ? err_set(err, ERR_AGAIN, "warming up") : ERR_OK;
}

static void on_stopping(void *arg)
{
    struct app *app = arg;

    log_info(&app->service->log, "app stopped");
    service_stopped(app->service);
}

static void begin_stop(void *arg)
{
    struct app *app = arg;

    timer_init(&app->stopping, app->service->loop, on_stopping, app);
    timer_start(&app->stopping, 20);
}

static void destroy(void *arg)
{
    log_info(&((struct app *)arg)->service->log, "destroyed");
    mem_free(arg);
}

static void on_greet(void *arg, struct http_req *r)
{
    const struct settings *settings = ((struct app *)arg)->service->settings;

    http_reply(r, 200, "text/plain", settings->greeting);
}

static void on_hang(void *arg, struct http_req *r)
{
    (void)arg;
    log_info(&r->ctx->log, "hanging");
    for (;;)
        pause();
}

static const struct http_route routes[] = {
    { .methods = HTTP_GET, .path = "/greet", .handle = on_greet },
    { .methods = HTTP_GET, .path = "/hang", .handle = on_hang },
};

static const struct service_option options[] = { { "--greeting", "TEXT", "GREETING" } };

static void on_exchange(void *arg, const struct tap_http *x)
{
    const struct service *s = arg;

    log_info(&s->log, "%s has answered " STR_FMT " " STR_FMT, s->self.user_agent,
             STR_ARG(x->method), STR_ARG(x->url));
}

static enum errc tap(const struct net_tap **ret, struct service *s, struct err *err)
{
    struct net_tap *t = ARENA_NEW(s->arena, struct net_tap);

    if (str_eq_c(((const struct settings *)s->settings)->greeting, "unobserved"))
        return err_set(err, ERR_IO, "nobody can observe that");
    *t = (struct net_tap){ .http = on_exchange, .arg = s };
    *ret = t;
    return ERR_OK;
}

static const struct service_spec spec = {
    .name = "greeter",
    .summary = "Says something.",
    .keys = keys,
    .n_keys = ARRAY_LEN(keys),
    .settings_size = sizeof(struct settings),
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .options = options,
    .n_options = ARRAY_LEN(options),
    .tap = tap,
    .create = create,
    .started = started,
    .ready = ready,
    .stop = begin_stop,
    .destroy = destroy,
};

/* --- the service as a process --------------------------------------------------------------------- */

enum { ARGS_MAX = 4 };

struct child {
    pid_t pid;
    int out; /* its stdout and stderr */
    struct buf text;
};

/* `args`: separated by blanks; NULL: none. */
static void child_start(struct child *c, const char *const *env, const char *args)
{
    int p[2];

    buf_init(&c->text, MIB);
    CHECK(pipe(p) == 0);
    c->pid = fork();
    CHECK(c->pid >= 0);
    if (c->pid == 0) {
        char name[] = "greeter", copies[ARGS_MAX][64];
        char *argv[ARGS_MAX + 2] = { name };
        struct str rest = str_c(args), word;
        int argc = 1;

        alarm(0);
        while (rest.n && argc <= ARGS_MAX) {
            (void)str_cut(rest, ' ', &word, &rest);
            (void)str_copy(copies[argc - 1], sizeof(copies[0]), word);
            argv[argc] = copies[argc - 1];
            argc++;
        }
        dup2(p[1], STDOUT_FILENO);
        dup2(p[1], STDERR_FILENO);
        close(p[0]);
        close(p[1]);
        setenv("PORT", "0", 1);
        setenv("LISTEN_HOST", "127.0.0.1", 1);
        setenv("WORKERS", "2", 1);
        for (; *env; env += 2)
            setenv(env[0], env[1], 1);
        fflush(stdout);
        {
            int code = service_main(&spec, argc, argv);

            fflush(stdout);
            _exit(code);
        }
    }
    close(p[1]);
    c->out = p[0];
}

/* Reads until the text has come (or all of it: NULL). */
static void child_until(struct child *c, const char *text)
{
    while (!text || !str_contains(buf_str(&c->text), str_c(text))) {
        char data[4096];
        ssize_t n = read(c->out, data, sizeof(data));

        if (n <= 0)
            break;
        buf_add(&c->text, data, (size_t)n);
    }
    if (text)
        CHECK_CONTAINS(buf_str(&c->text), text);
}

static int child_port(struct child *c)
{
    struct str rest;
    int64_t port = 0;
    size_t n = 0;

    child_until(c, "listening port=");
    child_until(c, "started");
    rest = str_from(buf_str(&c->text), str_find(buf_str(&c->text), STR("listening port=")) + 15);
    while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
        n++;
    CHECK_OK(str_to_i64(str_slice(rest, 0, n), 1, 65535, &port));
    return (int)port;
}

static int child_end(struct child *c)
{
    int status = 0;

    child_until(c, NULL);
    CHECK(waitpid(c->pid, &status, 0) == c->pid);
    close(c->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static const char *const plain_env[] = { "GREETING", "good day", NULL };

static struct str get(struct net *n, struct arena *a, int port, const char *path)
{
    struct raw r;
    struct str got;

    raw_open_port(&r, n, port);
    raw_send(&r, arena_printf(a, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path));
    raw_until_eof(&r);
    got = arena_str(a, buf_str(&r.got));
    raw_close(&r);
    return got;
}

TEST(service_serves_and_stops_on_sigterm)
{
    struct child c;
    struct net n;
    struct arena a = ARENA_INIT;
    int port;

    child_start(&c, plain_env, NULL);
    port = child_port(&c);
    net_open(&n, 0);
    CHECK_CONTAINS(get(&n, &a, port, "/live"), "{\"status\":\"live\"}");
    CHECK_CONTAINS(get(&n, &a, port, "/ready"), "{\"status\":\"ready\"}");
    CHECK_CONTAINS(get(&n, &a, port, "/greet"), "good day");
    CHECK(kill(c.pid, SIGTERM) == 0);
    CHECK_INT(child_end(&c), 0);
    CHECK_CONTAINS(buf_str(&c.text), "stopping signal=15");
    CHECK(str_find(buf_str(&c.text), STR("app stopped")) <
          str_find(buf_str(&c.text), STR("destroyed")));
    net_close(&n);
    arena_release(&a);
    buf_release(&c.text);
}

TEST(service_hands_its_traffic_to_its_observer)
{
    struct child c;
    struct net n;
    struct arena a = ARENA_INIT;

    child_start(&c, plain_env, "--greeting hello");
    net_open(&n, 0);
    CHECK_CONTAINS(get(&n, &a, child_port(&c), "/greet"), "hello");
    kill(c.pid, SIGTERM);
    CHECK_INT(child_end(&c), 0);
    CHECK_CONTAINS(buf_str(&c.text), "voice-concierge/greeter has answered GET http://x/greet");
    net_close(&n);
    arena_release(&a);
    buf_release(&c.text);
}

TEST(service_is_ready_when_its_app_is)
{
    static const char *const env[] = { "GREETING", "later", NULL };
    struct child c;
    struct net n;
    struct arena a = ARENA_INIT;
    struct str got;

    child_start(&c, env, NULL);
    net_open(&n, 0);
    got = get(&n, &a, child_port(&c), "/ready");
    CHECK_CONTAINS(got, "HTTP/1.1 503 ");
    CHECK_CONTAINS(got, "warming up");
    kill(c.pid, SIGINT);
    CHECK_INT(child_end(&c), 0);
    net_close(&n);
    arena_release(&a);
    buf_release(&c.text);
}

TEST_WITHIN(30, service_exits_in_time_although_a_worker_hangs)
{
    struct child c;
    struct net n;
    struct raw r;
    int64_t began;
    int code;

    child_start(&c, plain_env, NULL);
    net_open(&n, 0);
    raw_open_port(&r, &n, child_port(&c));
    raw_send_c(&r, "GET /hang HTTP/1.1\r\nHost: x\r\n\r\nGET /live HTTP/1.1\r\nHost: x\r\n\r\n");
    net_turn(&n);
    child_until(&c, "hanging");
    began = clock_mono_ms(n.clock);
    kill(c.pid, SIGTERM);
    code = child_end(&c);
#ifdef __SANITIZE_THREAD__
    code = code == 66 ? 0 : code; /* it reports the thread that hangs */
#endif
    CHECK_INT(code, 0);
    CHECK(clock_mono_ms(n.clock) - began < 20000); /* the worker never ends */
    raw_close(&r);
    net_close(&n);
    buf_release(&c.text);
}

TEST(service_explains_itself_and_its_settings)
{
    static const struct {
        const char *args;
        const char *env[5];
        int code;
        const char *say[3];
    } rows[] = {
        { "--help", { NULL }, 0, { "usage: greeter", "Says something.", "GREETING" } },
        { "--help", { NULL }, 0, { "[--greeting TEXT]", "--greeting TEXT sets GREETING", NULL } },
        { "--version", { NULL }, 0, { "greeter ", NULL } },
        { "--nope", { NULL }, 2, { "unknown argument '--nope'", NULL } },
        { "--help more", { NULL }, 2, { "unknown argument 'more'", NULL } },
        { "--greeting x more", { NULL }, 2, { "unknown argument 'more'", NULL } },
        { "--greeting", { NULL }, 2, { "a value is missing after '--greeting'", NULL } },
        { "--greeting fail", { "GREETING", "x", NULL }, 2, { "cannot greet like that", NULL } },
        { NULL, { "GREETING", "unobserved", NULL }, 2, { "nobody can observe that", NULL } },
        { NULL, { NULL }, 2, { "GREETING", NULL } },
        { NULL, { "GREETING", "x", "PORT", "70000", NULL }, 2, { "PORT", NULL } },
        { NULL, { "GREETING", "x", "WORKERS", "0", NULL }, 2, { "WORKERS", NULL } },
        { NULL, { "GREETING", "x", "LOG_LEVEL", "loud", NULL }, 2, { "LOG_LEVEL", NULL } },
        { NULL, { "GREETING", "x", "LISTEN_HOST", "nowhere", NULL }, 2, { "nowhere", NULL } },
        { NULL, { "GREETING", "fail", NULL }, 2, { "cannot greet like that", NULL } },
    };
    size_t i, j;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct child c;
        int code;

        child_start(&c, rows[i].env, rows[i].args);
        code = child_end(&c);
        if (code != rows[i].code)
            FAIL_TEST("row %zu: exit %d: " STR_FMT, i, code, STR_ARG(buf_str(&c.text)));
        for (j = 0; j < 3 && rows[i].say[j]; j++)
            CHECK_CONTAINS(buf_str(&c.text), rows[i].say[j]);
        buf_release(&c.text);
    }
}

TEST(service_refuses_a_shifted_clock_on_cloud_run)
{
    static const char *const env[] = { "GREETING", "x", "CLOCK_OFFSET_MS", "1000", "K_SERVICE",
                                       "greeter",  NULL };
    struct child c;

    child_start(&c, env, NULL);
    CHECK_INT(child_end(&c), 2);
    CHECK_CONTAINS(buf_str(&c.text), "CLOCK_OFFSET_MS");
    buf_release(&c.text);
}

TEST(service_stops_at_once_when_asked_twice)
{
    struct child c;
    struct net n;
    struct raw r;

    child_start(&c, plain_env, NULL);
    net_open(&n, 0);
    raw_open_port(&r, &n, child_port(&c));
    raw_send_c(&r,
               "POST /greet HTTP/1.1\r\nHost: x\r\nContent-Le"); /* in hand for twenty seconds */
    net_turn(&n);
    kill(c.pid, SIGTERM);
    child_until(&c, "stopping signal=15");
    kill(c.pid, SIGTERM);
    CHECK_INT(child_end(&c), 0);
    raw_close(&r);
    net_close(&n);
    buf_release(&c.text);
}
