#include "faults/stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "faults/judge.h"

extern char **environ;

#define PROFILE VC_SOURCE_DIR "/evals/profiles/clinic.yaml"
#define ACCOUNT_SID "AC0123456789abcdef0123456789abcdef"
#define AUTH_TOKEN "0123456789abcdef0123456789abcdef"
#define TOKEN_KEY "0123456789abcdefghijklmnopqrstuv"
/* A Tuesday morning, in opening hours. */
#define REHEARSED_AT "2026-11-24T09:00:00Z"

enum {
    READY_MS = 60000,
    STOP_MS = 20000,
    LOOK_MS = 10,
    AWAY_MS = 300,
    ENV_MAX = 96,
    LOCAL_CLOUD = SERVICES
};

const char *const source_names[SOURCES] = { "twiml-webhook", "media-bridge",   "tool-gateway",
                                            "post-call",     "outcome-writer", "dashboard",
                                            "twilio",        "pubsub" };

static int front_port(const struct stack *s, int service)
{
    return s->port + 1 + service;
}

static int service_port(const struct stack *s, int service)
{
    if (service == LOCAL_CLOUD)
        return s->port;
    return s->port + 1 + SERVICES * (s->other[service] ? 2 : 1) + service;
}

/* ---- environment ---- */

struct env {
    char *vars[ENV_MAX + 1];
    size_t n;
    struct arena a;
};

static void PRINTF_LIKE(3, 4) env_set(struct env *e, const char *name, const char *fmt, ...)
{
    char value[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    if (e->n < ENV_MAX)
        e->vars[e->n++] = arena_cstr(&e->a, arena_printf(&e->a, "%s=%s", name, value));
}

/* What a program needs of ours: where its libraries and sanitizers' options are. */
static void env_inherit(struct env *e)
{
    static const char *const names[] = { "PATH",         "HOME",           "TMPDIR",
                                         "ASAN_OPTIONS", "UBSAN_OPTIONS",  "LSAN_OPTIONS",
                                         "TSAN_OPTIONS", "LD_LIBRARY_PATH" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (getenv(names[i]))
            env_set(e, names[i], "%s", getenv(names[i]));
    }
}

static void env_common(struct env *e, const struct stack *s, int service)
{
    env_inherit(e);
    env_set(e, "PORT", "%d", service_port(s, service));
    env_set(e, "LISTEN_HOST", "127.0.0.1");
    env_set(e, "LOG_FORMAT", "json");
    env_set(e, "LOG_LEVEL", "info");
    env_set(e, "CLOCK_OFFSET_MS", "%s", s->clock_offset);
    env_set(e, "GOOGLE_CLOUD_PROJECT", JUDGE_PROJECT);
    env_set(e, "BUSINESS_PROFILE", PROFILE);
    env_set(e, "TWILIO_ACCOUNT_SID", ACCOUNT_SID);
    env_set(e, "TWILIO_AUTH_TOKEN", AUTH_TOKEN);
    env_set(e, "PUBLIC_BASE_URL", "http://127.0.0.1:%d",
            front_port(s, service == LOCAL_CLOUD ? SOURCE_WEBHOOK : service));
}

static void env_service(struct env *e, const struct stack *s, int service)
{
    int out = proxy_port(s->out[service]), tools = proxy_port(s->out[SOURCE_BRIDGE]);

    env_set(e, "OIDC_AUDIENCE", "http://127.0.0.1:%d",
            service == SOURCE_GATEWAY ? tools : front_port(s, service));
    env_set(e, "FIRESTORE_EMULATOR_HOST", "127.0.0.1:%d", out);
    env_set(e, "PUBSUB_EMULATOR_HOST", "127.0.0.1:%d", out);
    env_set(e, "STORAGE_EMULATOR_HOST", "http://127.0.0.1:%d", out);
    env_set(e, "GCE_METADATA_HOST", "127.0.0.1:%d", out);
    env_set(e, "OIDC_CERTS_URL", "http://127.0.0.1:%d/oauth2/v3/certs", out);
    env_set(e, "OIDC_EMAILS", "concierge@" JUDGE_PROJECT ".iam.gserviceaccount.com");
    env_set(e, "TWILIO_API_BASE", "http://127.0.0.1:%d", out);
    env_set(e, "OPENAI_REALTIME_URL", "ws://127.0.0.1:%d/v1/realtime", out);
    env_set(e, "OPENAI_BASE_URL", "http://127.0.0.1:%d/v1", out);
    env_set(e, "OPENAI_API_KEY", "sk-local");
    env_set(e, "TOOL_GATEWAY_URL", "http://127.0.0.1:%d", tools);
    env_set(e, "BRIDGE_URL", "ws://127.0.0.1:%d/media", front_port(s, SOURCE_BRIDGE));
    env_set(e, "STREAM_TOKEN_KEY", TOKEN_KEY);
    env_set(e, "SLOT_KEY", TOKEN_KEY);
    env_set(e, "EVENTS_TOPIC", JUDGE_EVENTS_TOPIC);
    env_set(e, "RECORDINGS_TOPIC", JUDGE_RECORDINGS_TOPIC);
    env_set(e, "RECORDINGS_BUCKET", JUDGE_BUCKET);
    env_set(e, "DASHBOARD_AUTH", "none"); /* loopback only */
}

/* ---- processes ---- */

/* Killed with the test program, also when a test fails: nothing stays behind. */
enum { CHILDREN_MAX = 256 };
static volatile sig_atomic_t children[CHILDREN_MAX];

static void kill_all(void)
{
    size_t i;

    for (i = 0; i < CHILDREN_MAX; i++) {
        if (children[i] > 0)
            kill((pid_t)children[i], SIGKILL);
    }
}

static void kill_children(int sig)
{
    kill_all();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void remember_child(const struct stack *s, int service, pid_t pid)
{
    size_t at = (size_t)s->number * (SERVICES + 1) + (size_t)service;
    static bool at_exit;

    if (!at_exit)
        at_exit = atexit(kill_all) == 0;
    signal(SIGABRT, kill_children);
    signal(SIGTERM, kill_children);
    signal(SIGINT, kill_children);
    if (at < CHILDREN_MAX)
        children[at] = pid;
}

static enum errc start(struct stack *s, int service, struct err *err)
{
    static const char local_cloud[] = "local-cloud";
    const char *name = service == LOCAL_CLOUD ? local_cloud : source_names[service];
    posix_spawn_file_actions_t files;
    struct env e = { .n = 0 };
    char path[1024], *argv[] = { path, NULL };
    pid_t pid;
    int rc;

    arena_init(&e.a);
    env_common(&e, s, service);
    if (service != LOCAL_CLOUD)
        env_service(&e, s, service);
    (void)snprintf(path, sizeof(path), "%s/bin/%s", VC_BUILD_DIR, name);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, s->log_path, O_CREAT | O_WRONLY | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    rc = posix_spawn(&pid, path, &files, NULL, argv, e.vars);
    posix_spawn_file_actions_destroy(&files);
    arena_release(&e.a);
    if (rc)
        return err_set_upstream(err, ERR_IO, rc, "%s does not start", name);
    s->pids[service] = pid;
    remember_child(s, service, pid);
    return ERR_OK;
}

/* The answer's status to GET path; 0: none. */
static int look(int port, const char *path, char *body, size_t max)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    char request[128];
    size_t n = 0;
    ssize_t got = 1;

    (void)snprintf(request, sizeof(request),
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) > 0) {
        while (n + 1 < max && (got = recv(fd, body + n, max - 1 - n, 0)) > 0)
            n += (size_t)got;
        body[n] = '\0';
        if (n > 12)
            status = (int)strtol(body + 9, NULL, 10);
    }
    close(fd);
    return status;
}

static bool is_ready(const struct stack *s, int service)
{
    char body[4096];

    if (service == LOCAL_CLOUD)
        return look(s->port, "/local/status", body, sizeof(body)) == 200 &&
               strstr(body, "\"ready\":true");
    return look(service_port(s, service), "/ready", body, sizeof(body)) == 200;
}

static const char *program(int service)
{
    return service == LOCAL_CLOUD ? "local-cloud" : source_names[service];
}

static enum errc wait_ready(struct stack *s, int service, struct err *err)
{
    int waited, status;

    for (waited = 0; waited < READY_MS; waited += LOOK_MS) {
        if (is_ready(s, service))
            return ERR_OK;
        if (waitpid(s->pids[service], &status, WNOHANG) > 0) {
            s->pids[service] = 0;
            return err_set(err, ERR_INTERNAL, "%s ended at its start", program(service));
        }
        (void)poll(NULL, 0, LOOK_MS);
    }
    return err_set(err, ERR_TIMEOUT, "%s is not ready after %d s", program(service),
                   READY_MS / 1000);
}

static enum errc judge_end(int service, int status, struct err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_OK;
    if (WIFSIGNALED(status))
        return err_set(err, ERR_INTERNAL, "%s died of signal %d", program(service),
                       WTERMSIG(status));
    return err_set(err, ERR_INTERNAL, "%s ended with exit code %d", program(service),
                   WEXITSTATUS(status));
}

static enum errc end_process(int service, pid_t pid, int sig, struct err *err)
{
    int status = 0, waited;

    kill(pid, sig);
    for (waited = 0; waited < STOP_MS; waited += LOOK_MS) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return sig == SIGKILL ? ERR_OK : judge_end(service, status, err);
        (void)poll(NULL, 0, LOOK_MS);
    }
    kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0); /* it cannot stay */
    return err_set(err, ERR_TIMEOUT, "%s does not end on SIGTERM", program(service));
}

static enum errc stop(struct stack *s, int service, struct err *err)
{
    pid_t pid = s->pids[service];

    if (!pid)
        return err_set(err, ERR_INTERNAL, "%s has died", program(service));
    s->pids[service] = 0;
    remember_child(s, service, 0);
    return end_process(service, pid, SIGTERM, err);
}

int stack_service_port(const struct stack *s, enum source which)
{
    return service_port(s, which);
}

enum errc stack_restart(struct stack *s, enum source which, struct err *err)
{
    enum errc rc = stop(s, which, err);

    if (!rc)
        rc = start(s, which, err);
    return rc ? rc : wait_ready(s, which, err);
}

static void repoint(struct stack *s, int from, int to)
{
    int i;

    for (i = 0; i < SERVICES; i++) {
        proxy_repoint(s->front[i], from, to);
        proxy_repoint(s->out[i], from, to);
    }
}

enum errc stack_roll_begin(struct stack *s, enum source which, struct rolling *ret, struct err *err)
{
    const struct rolling old = { s->pids[which], service_port(s, (int)which) };
    struct err ignored = ERR_INIT;
    enum errc rc;

    s->other[which] = !s->other[which];
    rc = start(s, (int)which, err);
    if (!rc)
        rc = wait_ready(s, (int)which, err);
    if (rc)
        (void)end_process((int)which, old.pid, SIGKILL, &ignored); /* the first error counts */
    *ret = old;
    return rc;
}

enum errc stack_roll_end(struct stack *s, enum source which, const struct rolling *old, int signal,
                         struct err *err)
{
    repoint(s, old->port, service_port(s, (int)which));
    return end_process((int)which, old->pid, signal, err);
}

enum errc stack_roll(struct stack *s, enum source which, int signal, struct err *err)
{
    struct rolling old;
    enum errc rc = stack_roll_begin(s, which, &old, err);

    return rc ? rc : stack_roll_end(s, which, &old, signal, err);
}

enum errc stack_alive(struct stack *s, struct err *err)
{
    int i, status;

    for (i = 0; i <= SERVICES; i++) {
        if (s->pids[i] && waitpid(s->pids[i], &status, WNOHANG) == 0)
            continue;
        if (!s->pids[i])
            return err_set(err, ERR_INTERNAL, "%s has died", program(i));
        s->pids[i] = 0;
        remember_child(s, i, 0);
        return judge_end(i, status, err) ? err->code
                                         : err_set(err, ERR_INTERNAL, "%s has ended", program(i));
    }
    return ERR_OK;
}

/* ---- proxies ---- */

/* In front of our services stands Cloud Run, which does not go away: there a refusal is one request's. */
static enum errc open_proxies(struct stack *s, struct err *err)
{
    int engine = s->engine_port ? s->engine_port : talk_engine_port(s->talk), i;
    enum errc rc = ERR_OK;

    for (i = 0; !rc && i < SERVICES; i++) {
        const struct proxy_opts in = { .port = front_port(s, i),
                                       .routes = { { "/", service_port(s, i) } },
                                       .n_routes = 1 };
        const struct proxy_opts out = { .away_ms = AWAY_MS,
                                        .routes = { { "/v1/realtime", engine },
                                                    { "/v1/audio/", engine },
                                                    { "/tools/", service_port(s, SOURCE_GATEWAY) },
                                                    { "/", s->port } },
                                        .n_routes = 4 };
        enum source who = i == SOURCE_WEBHOOK || i == SOURCE_BRIDGE ? SOURCE_TWILIO : SOURCE_PUBSUB;

        rc = proxy_create(&s->front[i], &s->tallies[who], &in, err);
        if (!rc)
            rc = proxy_create(&s->out[i], &s->tallies[i], &out, err);
    }
    return rc;
}

/* ---- life ---- */

static void set_clock(struct stack *s)
{
    const struct clock now = clock_system(0);
    int64_t at_us = 0;

    if (time_parse_rfc3339(STR(REHEARSED_AT), &at_us))
        abort(); /* a literal */
    (void)snprintf(s->clock_offset, sizeof(s->clock_offset), "%lld",
                   (long long)(at_us - clock_wall_us(&now)) / 1000);
}

enum errc stack_create(struct stack **ret, int number, int port, int engine_port, struct loop *loop,
                       const struct log *log, struct err *err)
{
    struct stack *s = MEM_NEW(struct stack);
    struct err ignored = ERR_INIT;
    enum errc rc;
    int i;

    s->number = number;
    s->port = port;
    s->engine_port = engine_port;
    set_clock(s);
    for (i = 0; i < SOURCES; i++)
        tally_init(&s->tallies[i]);
    (void)snprintf(s->log_path, sizeof(s->log_path), "%s/%s-%d.log", VC_BUILD_DIR,
                   engine_port ? "restart" : "faults", number);
    (void)unlink(s->log_path); /* an earlier run's */
    rc = talk_create(&s->talk, loop, log, err);
    if (!rc)
        rc = open_proxies(s, err);
    if (!rc)
        rc = start(s, LOCAL_CLOUD, err);
    if (!rc)
        rc = wait_ready(s, LOCAL_CLOUD, err);
    for (i = 0; !rc && i < SERVICES; i++)
        rc = start(s, i, err);
    for (i = 0; !rc && i < SERVICES; i++)
        rc = wait_ready(s, i, err);
    if (rc)
        (void)stack_destroy(s, &ignored); /* the first error counts */
    else
        *ret = s;
    return rc;
}

enum errc stack_destroy(struct stack *s, struct err *err)
{
    enum errc rc = ERR_OK;
    int i;

    for (i = 0; i <= SERVICES; i++) {
        struct err one = ERR_INIT;

        if (stop(s, i, &one) && !rc) {
            rc = one.code;
            *err = one;
        }
    }
    for (i = 0; i < SERVICES; i++) {
        s->front[i] = proxy_destroy(s->front[i]);
        s->out[i] = proxy_destroy(s->out[i]);
    }
    s->talk = talk_destroy(s->talk);
    mem_free(s);
    return rc;
}
