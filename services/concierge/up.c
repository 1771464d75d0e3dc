#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "cli.h"
#include "net/http_client.h"

enum { READY_MS = 20000, POLL_MS = 20 };

static volatile sig_atomic_t interrupted;

static void on_signal(int signo)
{
    (void)signo;
    interrupted = 1;
}

static void nap(int ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

    nanosleep(&t, NULL); /* a signal ends it early, as wanted */
}

/* The folder of this program: the others lie beside it. */
static struct str own_dir(struct cli *cli)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
    size_t i = n > 0 ? (size_t)n : 0;

    while (i > 0 && path[i - 1] != '/')
        i--;
    return arena_str(cli->arena, str_n(path, i ? i - 1 : 0));
}

static void set(const char *name, const char *value)
{
    setenv(name, value, 1);
}

static NORETURN void child(struct cli *cli, const struct up_opts *o)
{
    struct str dir = own_dir(cli);
    char *program =
        arena_cstr(cli->arena, arena_printf(cli->arena, STR_FMT "/local-cloud", STR_ARG(dir)));
    char *argv[] = { program, NULL };

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setsid(); /* Ctrl-C reaches us alone */
    dup2(STDERR_FILENO, STDOUT_FILENO);
    /* arena_printf() ends its text with a NUL */
    set("PORT", arena_printf(cli->arena, "%d", cli->base_port).p);
    set("LOCAL_SERVICES_DIR", arena_cstr(cli->arena, dir));
    if (o->profile.n)
        set("BUSINESS_PROFILE", arena_cstr(cli->arena, o->profile));
    setenv("BUSINESS_PROFILE", "evals/profiles/clinic.yaml", 0);
    if (o->state.n)
        set("LOCAL_STATE", arena_cstr(cli->arena, o->state));
    if (o->record.n)
        set("LOCAL_RECORD", arena_cstr(cli->arena, o->record));
    if (o->call.n)
        set("LOCAL_CLOCK_OF", arena_cstr(cli->arena, o->call));
    set("LOCAL_SHOW_LOG", o->log ? "true" : "false");
    if (!o->log)
        setenv("LOG_LEVEL", "warn", 0);
    execv(program, argv);
    fprintf(stderr, "concierge: cannot start %s: %s\n", program, strerror(errno));
    _exit(EXIT_UNREACHABLE);
}

static bool has_ended(pid_t pid, int *status)
{
    return waitpid(pid, status, WNOHANG) == pid;
}

/* ERR_OK: all services answer; *status is what was told last. */
static enum errc wait_ready(struct cli *cli, pid_t pid, const struct jval **status)
{
    struct http_request req = { .connect_timeout_ms = 200, .timeout_ms = 2000 };
    int64_t until = clock_mono_ms(&cli->clock) + READY_MS;
    struct http_response res;
    int exit_status;

    req.url = arena_printf(cli->arena, "http://127.0.0.1:%d/local/status", cli->base_port);
    while (!interrupted && clock_mono_ms(&cli->clock) < until) {
        if (has_ended(pid, &exit_status))
            return ERR_CLOSED; /* it has said why */
        if (!http_do(cli->http, cli->arena, &req, &res, NULL) && res.status == 200 &&
            !json_parse_arena(status, cli->arena, res.body, NULL)) {
            if (json_bool_or(json_get(*status, "ready"), false))
                return ERR_OK;
            if (json_get(*status, "error")) {
                fprintf(stderr, "concierge: " STR_FMT "\n",
                        STR_ARG(json_str(json_get(*status, "error"))));
                return ERR_UPSTREAM;
            }
        }
        nap(POLL_MS);
    }
    if (!interrupted)
        fprintf(stderr, "concierge: not ready after %d s; --log shows why\n", READY_MS / 1000);
    return ERR_TIMEOUT;
}

static void say_urls(const struct jval *status)
{
    struct json_iter it = json_iter(json_get(status, "urls"));
    const struct jval *url;
    struct str name;

    printf("\n");
    while (json_next(&it, &name, &url))
        printf("  %-10.*s " STR_FMT "\n", STR_ARG(name), STR_ARG(json_str(url)));
    printf("\nCtrl-C ends it.\n");
}

int cmd_up(struct cli *cli, const struct up_opts *o)
{
    struct sigaction sa = { .sa_handler = on_signal };
    const struct jval *status = NULL;
    int ret = EXIT_UNREACHABLE;
    bool ended = false;
    int exit_status = 0;
    pid_t pid;

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    pid = fork();
    if (pid == 0)
        child(cli, o);
    if (pid < 0 || wait_ready(cli, pid, &status)) {
        ended = pid < 0 || kill(pid, 0) != 0;
    } else {
        ret = EXIT_DONE;
        if (o->call.n)
            ret = cmd_call(cli, o->call, o->once);
        if (!o->once && !cli->json)
            say_urls(status);
        while (!o->once && !interrupted && !(ended = has_ended(pid, &exit_status)))
            nap(200);
    }
    if (!ended) {
        kill(pid, SIGTERM);
        waitpid(pid, &exit_status, 0);
    }
    if (o->once && ret == EXIT_DONE && exit_status != 0) {
        fprintf(stderr, "concierge: the call went well, but a program did not end so; see above\n");
        ret = EXIT_NOT_AS_SAID;
    }
    return ret;
}
