#include "local_cloud/control/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "net/loop.h"

enum {
    CHILDREN_MAX = 16,
    LINE_MAX_BYTES = 64 * 1024,
    READY_POLL_MS = 20,
    RESTART_DELAY_MS = 500,
    RESTART_FORGET_MS = 60000, /* alive for so long: earlier deaths are forgiven */
};

struct child {
    struct supervisor *owner;
    char *program;
    int port;
    char **env;
    pid_t pid; /* 0: not running */
    int pid_fd, out_fd;
    struct loop_fd *pid_watch, *out_watch;
    struct buf line;
    struct timer timer; /* next readiness poll, or restart */
    int64_t started_ms;
    int restarts;
    bool ready, polling;
    int poll_status;
};

struct supervisor {
    struct supervisor_opts o;
    char *dir;
    char **common_env;
    struct child children[CHILDREN_MAX];
    size_t n;
    struct timer deadline; /* of readiness, then of stopping */
    bool told;             /* ready or failed */
    bool stopping;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

static char **env_copy(const char *const *env)
{
    size_t n = 0, i;
    char **ret;

    while (env && env[n])
        n++;
    ret = mem_calloc(n + 1, sizeof(*ret));
    for (i = 0; i < n; i++)
        ret[i] = mem_strdup(env[i]);
    return ret;
}

static char **env_free(char **env)
{
    size_t i;

    for (i = 0; env && env[i]; i++)
        mem_free(env[i]);
    mem_free(env);
    return NULL;
}

static void tell_failed(struct supervisor *s, const struct err *err)
{
    if (s->told && !s->o.failed)
        return;
    s->told = true;
    timer_stop(&s->deadline);
    s->o.failed(s->o.arg, err);
}

/* ---- log lines ---- */

static const struct {
    const char *severity, *shown, *colour;
} severities[] = {
    { "DEBUG", "debug", "\033[2m" },
    { "INFO", "info ", "" },
    { "WARNING", "warn ", "\033[33m" },
    { "ERROR", "ERROR", "\033[31;1m" },
};

static const char *program_colour(const char *program)
{
    static const char *const colours[] = { "\033[36m", "\033[35m", "\033[32m",
                                           "\033[34m", "\033[96m", "\033[95m" };
    unsigned sum = 0;

    while (*program)
        sum = sum * 31 + (unsigned char)*program++;
    return colours[sum % ARRAY_LEN(colours)];
}

bool supervisor_line_matters(struct str line)
{
    struct json *doc = NULL;
    struct str severity;
    bool ret = true;

    if (json_parse(&doc, line, NULL))
        return true;
    severity = json_str(json_get(json_root(doc), "severity"));
    if (str_eq_c(severity, "DEBUG") || str_eq_c(severity, "INFO"))
        ret = false;
    json_destroy(doc);
    return ret;
}

static void format_json_line(struct buf *out, const struct jval *v, bool colour)
{
    struct str severity = json_str(json_get(v, "severity"));
    struct str time = json_str(json_get(v, "time"));
    struct str call = json_str(json_get(json_get(v, "logging.googleapis.com/labels"), "call_sid"));
    size_t i;

    buf_addf(out, STR_FMT " ", STR_ARG(str_slice(time, 11, 23)));
    for (i = 0; i < ARRAY_LEN(severities); i++) {
        if (str_eq_c(severity, severities[i].severity))
            buf_addf(out, "%s%s%s ", colour ? severities[i].colour : "", severities[i].shown,
                     colour ? "\033[0m" : "");
    }
    if (call.n)
        buf_addf(out, STR_FMT ".. ", STR_ARG(str_slice(call, 0, 8)));
    buf_add_str(out, json_str(json_get(v, "message")));
}

void supervisor_format_line(struct buf *out, const char *program, struct str line, bool colour)
{
    struct json *doc = NULL;

    buf_addf(out, "%s%-15s%s ", colour ? program_colour(program) : "", program,
             colour ? "\033[0m" : "");
    if (!json_parse(&doc, line, NULL) && json_is_obj(json_root(doc)))
        format_json_line(out, json_root(doc), colour);
    else
        buf_add_str(out, line);
    buf_add_char(out, '\n');
    json_destroy(doc);
}

static void print_line(struct child *c, struct str line)
{
    struct buf out = BUF_INIT(LINE_MAX_BYTES + 256);

    if (!line.n || (!c->owner->o.show_all && !supervisor_line_matters(line)))
        return;
    supervisor_format_line(&out, c->program, line, c->owner->o.colour);
    (void)!write(STDERR_FILENO, out.p, out.n); /* a closed terminal is no reason to stop */
    buf_release(&out);
}

static void on_output(void *arg)
{
    struct child *c = arg;
    char chunk[8192];
    struct str rest, line;
    ssize_t n = read(c->out_fd, chunk, sizeof(chunk));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        c->out_watch = loop_fd_unwatch(c->out_watch);
        return;
    }
    buf_add(&c->line, chunk, (size_t)n);
    if (buf_status(&c->line)) {
        buf_reset(&c->line); /* a line longer than any of ours: dropped */
        return;
    }
    rest = buf_str(&c->line);
    while (str_cut(rest, '\n', &line, &rest))
        print_line(c, line);
    buf_drop_front(&c->line, c->line.n - line.n);
}

/* ---- life of one child ---- */

static void child_start(struct child *c);

static void child_close(struct child *c)
{
    c->pid_watch = loop_fd_unwatch(c->pid_watch);
    c->out_watch = loop_fd_unwatch(c->out_watch);
    if (c->pid_fd >= 0)
        close(c->pid_fd);
    if (c->out_fd >= 0)
        close(c->out_fd);
    c->pid_fd = c->out_fd = -1;
    c->pid = 0;
}

static void check_stopped(struct supervisor *s)
{
    void (*stopped)(void *arg) = s->stopped;
    size_t i;

    for (i = 0; i < s->n; i++) {
        if (s->children[i].pid)
            return;
    }
    timer_stop(&s->deadline);
    s->stopped = NULL;
    if (stopped)
        stopped(s->stopped_arg);
}

static void on_restart(void *arg)
{
    child_start(arg);
}

static void on_exit_of_child(void *arg)
{
    struct child *c = arg;
    struct supervisor *s = c->owner;
    struct err err = ERR_INIT;
    int status = 0;

    if (waitpid(c->pid, &status, WNOHANG) == 0)
        return;
    if (c->out_watch)
        on_output(c); /* its last words */
    child_close(c);
    if (WIFSIGNALED(status))
        (void)err_set(&err, ERR_CLOSED, "%s was killed by signal %d", c->program, WTERMSIG(status));
    else
        (void)err_set(&err, ERR_CLOSED, "%s ended with exit code %d", c->program,
                      WEXITSTATUS(status));
    if (!s->stopping || status != 0)
        s->o.service->failed = true;
    if (s->stopping) {
        if (status != 0)
            log_error(&s->o.service->log, "%s", err.text);
        check_stopped(s);
        return;
    }
    if (loop_now_ms(s->o.service->loop) - c->started_ms > RESTART_FORGET_MS)
        c->restarts = 0;
    /* Exit code 2 is a wrong setting: it stays wrong. */
    if ((WIFEXITED(status) && WEXITSTATUS(status) == 2) ||
        c->restarts++ >= SUPERVISE_RESTARTS_MAX) {
        tell_failed(s, &err);
        return;
    }
    log_warn(&s->o.service->log, "%s; starting it again restarts=%d", err.text, c->restarts);
    timer_init(&c->timer, s->o.service->loop, on_restart, c);
    timer_start(&c->timer, RESTART_DELAY_MS);
}

/* The child's environment: ours first, since the first of two equal names counts. All is made before
 * fork(), where other threads may hold the heap's lock. */
static char **child_env(const struct child *c, char *port)
{
    char *const *const parts[] = { c->env, c->owner->common_env, environ };
    size_t n = 1, at = 0, i, j;
    char **ret;

    for (i = 0; i < ARRAY_LEN(parts); i++) {
        for (j = 0; parts[i][j]; j++)
            n++;
    }
    ret = mem_calloc(n + 1, sizeof(*ret));
    ret[at++] = port;
    for (i = 0; i < ARRAY_LEN(parts); i++) {
        for (j = 0; parts[i][j]; j++)
            ret[at++] = parts[i][j];
    }
    return ret;
}

static NORETURN void child_exec(const char *path, char *program, char **env, int out_fd)
{
    char *argv[] = { program, NULL };
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGTERM); /* dies with us, whatever ends us */
    setsid();                         /* Ctrl-C reaches us alone; we stop the children in order */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(out_fd, STDOUT_FILENO);
    dup2(out_fd, STDERR_FILENO);
    execve(path, argv, env);
    dprintf(STDERR_FILENO, "cannot start %s: %s\n", path, strerror(errno));
    _exit(2);
}

static void on_ready_poll(void *arg);

static void child_start(struct child *c)
{
    struct supervisor *s = c->owner;
    struct err err = ERR_INIT;
    char port[32], path[4096];
    int pipe_fd[2];
    char **env;
    pid_t pid;

    if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK)) {
        (void)err_set_upstream(&err, ERR_IO, errno, "pipe: %s", strerror(errno));
        tell_failed(s, &err);
        return;
    }
    fcntl(pipe_fd[1], F_SETFL, 0); /* the service's writes block rather than fail */
    snprintf(port, sizeof(port), "PORT=%d", c->port);
    snprintf(path, sizeof(path), "%s/%s", s->dir, c->program);
    env = child_env(c, port);
    pid = fork();
    if (pid == 0)
        child_exec(path, c->program, env, pipe_fd[1]);
    mem_free(env);
    close(pipe_fd[1]);
    if (pid < 0) {
        close(pipe_fd[0]);
        (void)err_set_upstream(&err, ERR_IO, errno, "fork: %s", strerror(errno));
        tell_failed(s, &err);
        return;
    }
    c->pid = pid;
    c->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    c->out_fd = pipe_fd[0];
    c->started_ms = loop_now_ms(s->o.service->loop);
    buf_reset(&c->line);
    c->out_watch = loop_fd_watch(s->o.service->loop, c->out_fd, on_output, c);
    c->pid_watch = loop_fd_watch(s->o.service->loop, c->pid_fd, on_exit_of_child, c);
    if (!c->ready) {
        timer_init(&c->timer, s->o.service->loop, on_ready_poll, c);
        timer_start(&c->timer, READY_POLL_MS);
    }
}

/* ---- readiness ---- */

static void poll_run(void *arg, struct ctx *ctx)
{
    struct child *c = arg;
    struct http_request req = { .connect_timeout_ms = 200, .timeout_ms = 2000 };
    struct http_response res;

    req.url = arena_printf(ctx->arena, "http://127.0.0.1:%d/ready", c->port);
    c->poll_status = http_do(ctx->http, ctx->arena, &req, &res, NULL) ? 0 : res.status;
}

static void check_ready(struct supervisor *s)
{
    size_t i;

    for (i = 0; i < s->n; i++) {
        if (!s->children[i].ready)
            return;
    }
    if (s->told)
        return;
    s->told = true;
    timer_stop(&s->deadline);
    s->o.ready(s->o.arg);
}

static void poll_done(void *arg)
{
    struct child *c = arg;

    c->polling = false;
    if (c->owner->stopping || !c->pid)
        return;
    if (c->poll_status == 200) {
        c->ready = true;
        check_ready(c->owner);
        return;
    }
    timer_start(&c->timer, READY_POLL_MS);
}

static void on_ready_poll(void *arg)
{
    struct child *c = arg;

    if (c->polling || c->ready)
        return;
    c->polling = !workers_submit(c->owner->o.service->workers, poll_run, poll_done, c);
    if (!c->polling)
        timer_start(&c->timer, READY_POLL_MS);
}

static void on_ready_deadline(void *arg)
{
    struct supervisor *s = arg;
    struct buf names = BUF_INIT(1024);
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < s->n; i++) {
        if (!s->children[i].ready)
            buf_addf(&names, "%s%s", names.n ? ", " : "", s->children[i].program);
    }
    (void)err_set(&err, ERR_TIMEOUT, "not ready after %d s: %s", SUPERVISE_READY_MS / 1000,
                  buf_cstr(&names));
    buf_release(&names);
    tell_failed(s, &err);
}

/* ---- all of them ---- */

enum errc supervisor_create(struct supervisor **ret, const struct supervisor_opts *o,
                            struct err *err)
{
    struct supervisor *s;
    size_t i;

    if (o->n_children > CHILDREN_MAX)
        return err_set(err, ERR_LIMIT, "more than %d children", CHILDREN_MAX);
    s = MEM_NEW(struct supervisor);
    s->o = *o;
    s->dir = mem_strdup(o->dir);
    s->common_env = env_copy(o->common_env);
    s->n = o->n_children;
    timer_init(&s->deadline, o->service->loop, on_ready_deadline, s);
    timer_start(&s->deadline, SUPERVISE_READY_MS);
    for (i = 0; i < s->n; i++) {
        struct child *c = &s->children[i];

        c->owner = s;
        c->program = mem_strdup(o->children[i].program);
        c->port = o->children[i].port;
        c->env = env_copy(o->children[i].env);
        c->pid_fd = c->out_fd = -1;
        buf_init(&c->line, LINE_MAX_BYTES);
        timer_init(&c->timer, o->service->loop, on_ready_poll, c);
    }
    for (i = 0; i < s->n; i++)
        child_start(&s->children[i]);
    *ret = s;
    return ERR_OK;
}

static void on_stop_deadline(void *arg)
{
    struct supervisor *s = arg;
    size_t i;

    for (i = 0; i < s->n; i++) {
        if (s->children[i].pid) {
            log_warn(&s->o.service->log, "%s did not stop in time; killed", s->children[i].program);
            kill(s->children[i].pid, SIGKILL);
        }
    }
}

void supervisor_stop(struct supervisor *s, void (*done)(void *arg), void *arg)
{
    size_t i;

    s->stopping = true;
    s->stopped = done;
    s->stopped_arg = arg;
    timer_stop(&s->deadline);
    timer_init(&s->deadline, s->o.service->loop, on_stop_deadline, s);
    timer_start(&s->deadline, SUPERVISE_STOP_MS);
    for (i = 0; i < s->n; i++) {
        timer_stop(&s->children[i].timer);
        if (s->children[i].pid)
            kill(s->children[i].pid, SIGTERM);
    }
    check_stopped(s);
}

struct supervisor *supervisor_destroy(struct supervisor *s)
{
    size_t i;

    if (!s)
        return NULL;
    timer_stop(&s->deadline);
    for (i = 0; i < s->n; i++) {
        struct child *c = &s->children[i];

        timer_stop(&c->timer);
        if (c->pid) {
            kill(c->pid, SIGKILL);
            waitpid(c->pid, NULL, 0);
        }
        child_close(c);
        buf_release(&c->line);
        mem_free(c->program);
        c->env = env_free(c->env);
    }
    s->common_env = env_free(s->common_env);
    mem_free(s->dir);
    mem_free(s);
    return NULL;
}
