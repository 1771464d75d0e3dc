#include "emulators_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_MS = 60000 };

static struct emulator {
    const char *name;
    const char *jar; /* below the SDK's root; may hold a star */
    const char *main_class, *verb;
    const char *tests; /* a word in the names of those that want it */
    pid_t pid;
    char host[32];
    bool ready;
    const char *why_not;
} emulators[] = {
    [NEEDS_FIRESTORE] = { .name = "Google's Firestore emulator",
                          .jar = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",
                          .main_class =
                              "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
                          .verb = "start",
                          .tests = "firestore" },
    [NEEDS_PUBSUB] = { .name = "Google's Pub/Sub emulator",
                       .jar = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar",
                       .tests = "pubsub" },
};

static const char *const roots[] = { "/usr/lib/google-cloud-sdk", "/opt/google-cloud-sdk",
                                     "/usr/share/google-cloud-sdk" };

static bool find_jar(const struct emulator *e, struct arena *a, struct str *ret)
{
    const char *own = getenv("CLOUDSDK_ROOT_DIR");
    glob_t found;
    size_t i;

    for (i = 0; i <= ARRAY_LEN(roots); i++) {
        const char *root = i < ARRAY_LEN(roots) ? roots[i] : own;

        if (!root || glob(arena_printf(a, "%s/%s", root, e->jar).p, 0, NULL, &found))
            continue;
        *ret = arena_str(a, str_c(found.gl_pathv[0]));
        globfree(&found);
        return true;
    }
    return false;
}

static int free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* The java process itself, not gcloud's wrapper, which leaves it behind when it is ended. */
static void run_java(const struct emulator *e, const char *jar, const char *port)
{
    /* It lives for seconds: time spent on compiling it well would be lost. */
    const char *argv[12] = { "java", "-XX:TieredStopAtLevel=1", "-Duser.language=en",
                             e->main_class ? "-cp" : "-jar", jar };
    int n = 5, null = open("/dev/null", O_RDWR);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (e->main_class) {
        argv[n++] = e->main_class;
        argv[n++] = e->verb;
    }
    argv[n++] = "--host=127.0.0.1";
    argv[n++] = port;
    execvp("java", (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void end_all(void)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(emulators); i++) {
        if (emulators[i].pid > 0) {
            kill(emulators[i].pid, SIGKILL);
            waitpid(emulators[i].pid, NULL, 0);
        }
    }
}

static void start(struct emulator *e, struct arena *a)
{
    char port_option[32];
    struct str jar;
    int port;

    if (!find_jar(e, a, &jar)) {
        e->why_not = "not installed";
        return;
    }
    port = free_port();
    (void)snprintf(port_option, sizeof(port_option), "--port=%d", port); /* fits */
    (void)snprintf(e->host, sizeof(e->host), "127.0.0.1:%d", port);      /* fits */
    e->pid = fork();
    if (e->pid == 0)
        run_java(e, jar.p, port_option);
}

static void start_all(struct test_cloud *t)
{
    static bool started;
    size_t i;

    if (started)
        return;
    started = true;
    (void)atexit(end_all); /* at worst the children die with us by PDEATHSIG */
    for (i = 0; i < ARRAY_LEN(emulators); i++) {
        if (test_wanted(emulators[i].tests))
            start(&emulators[i], &t->arena);
    }
}

/* Where there is no Java the child is gone at once. */
static bool is_gone(void *arg)
{
    struct emulator *e = arg;

    if (e->pid > 0 && waitpid(e->pid, NULL, WNOHANG) == e->pid)
        e->pid = 0;
    return e->pid <= 0;
}

static bool is_ready(struct test_cloud *t, struct emulator *e)
{
    struct http_request req = {
        .method = "GET",
        .url = arena_printf(&t->arena, "http://%s/", e->host),
        .attempts = 1000,
        .idempotent = true,
        .cancelled = is_gone,
        .cancelled_arg = e,
        .deadline_mono_ms = clock_mono_ms(&t->clock) + READY_MS,
    };
    struct http_response r;

    return !http_do(t->ctx.http, &t->arena, &req, &r, NULL) && r.status == 200;
}

const char *emulator_name(enum side_need need)
{
    return emulators[need].name;
}

const char *emulator_host(enum side_need need, struct test_cloud *t, struct str *host)
{
    struct emulator *e = &emulators[need];

    start_all(t);
    if (!e->ready && !e->why_not) {
        e->ready = e->pid > 0 && is_ready(t, e);
        if (!e->ready)
            e->why_not = "did not become ready: is there a Java?";
    }
    *host = e->ready ? str_c(e->host) : STR_EMPTY;
    return e->why_not;
}
