#include "sides_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "google/rest.h"

enum { READY_MS = 40000 };

/* One emulator, started when the first test wants it and ended with the program. */
static struct emulator {
    const char *name;
    const char *jar; /* below the SDK's root; may hold a star */
    const char *main_class, *verb;
    bool tried;
    pid_t pid;
    char host[32]; /* empty: there is none */
    const char *why_not;
} emulators[] = {
    [NEEDS_FIRESTORE] = { .name = "Google's Firestore emulator",
                          .jar = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",
                          .main_class =
                              "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
                          .verb = "start" },
    [NEEDS_PUBSUB] = { .name = "Google's Pub/Sub emulator",
                       .jar = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar" },
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
    const char *argv[10] = { "java", "-Duser.language=en", e->main_class ? "-cp" : "-jar", jar };
    int n = 4, null = open("/dev/null", O_RDWR);

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

static void start(struct test_cloud *t, struct emulator *e)
{
    char port_option[32];
    struct str jar;
    int port;

    e->tried = true;
    if (!find_jar(e, &t->arena, &jar)) {
        e->why_not = "not installed";
        return;
    }
    port = free_port();
    (void)snprintf(port_option, sizeof(port_option), "--port=%d", port); /* fits */
    (void)snprintf(e->host, sizeof(e->host), "127.0.0.1:%d", port);      /* fits */
    (void)atexit(end_all); /* at worst the child dies with us by PDEATHSIG */
    e->pid = fork();
    if (e->pid == 0)
        run_java(e, jar.p, port_option);
    if (e->pid > 0 && is_ready(t, e))
        return;
    e->why_not = "did not become ready: is there a Java?";
    e->host[0] = '\0';
}

static void run_on(struct side *s, enum side_need need, struct str host,
                   void (*check)(struct side *s))
{
    if (need == NEEDS_FIRESTORE)
        s->settings.firestore_emulator_host = host;
    else
        s->settings.pubsub_emulator_host = host;
    s->project = arena_printf(&s->cloud->arena, "test-" STR_FMT,
                              STR_ARG(random_id_text(&s->cloud->arena, 12)));
    CHECK_OK(google_create(&s->google, s->project, &s->settings, &s->cloud->clock, &s->err));
    print_message("   on %s\n", s->name);
    check(s);
    s->google = google_destroy(s->google);
}

void on_each_side(enum side_need need, void (*check)(struct side *s))
{
    struct emulator *e = &emulators[need];
    struct test_cloud t;
    struct side s = { .name = "local_cloud", .cloud = &t };

    cloud_open(&t, NULL);
    run_on(&s, need, t.google_settings.firestore_emulator_host, check);
    cloud_close(&t);
    cloud_open(&t, NULL);
    if (!e->tried)
        start(&t, e);
    s = (struct side){ .name = e->name, .cloud = &t };
    if (e->host[0])
        run_on(&s, need, str_c(e->host), check);
    else
        print_message("   skipped: %s %s\n", e->name, e->why_not);
    cloud_close(&t);
}

struct http_response side_ask(struct side *s, enum side_need need, const char *method,
                              const char *path, const char *body)
{
    struct google_call call = {
        .api = need == NEEDS_FIRESTORE ? GOOGLE_FIRESTORE : GOOGLE_PUBSUB,
        .method = method,
        .path =
            arena_printf(&s->cloud->arena, "/v1/projects/" STR_FMT "%s", STR_ARG(s->project), path),
        .body = str_c(body),
        .timeout_ms = 10000,
    };
    struct http_response r;

    CHECK_OK(google_do(s->google, &s->cloud->ctx, &call, &r, &s->err));
    return r;
}
