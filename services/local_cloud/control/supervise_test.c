#include "local_cloud/control/supervise.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/loop.h"
#include "test.h"

enum { WAIT_MS = 20000 };

TEST(supervisor_format_line_shows_time_severity_call_and_message)
{
    struct buf out = BUF_INIT(4096);

    supervisor_format_line(&out, "media-bridge",
                           STR("{\"severity\":\"WARNING\",\"time\":\"2026-11-24T09:00:01.250000Z\","
                               "\"logging.googleapis.com/"
                               "labels\":{\"call_sid\":\"CA0123456789\"},\"message\":\"late\"}"),
                           false);
    CHECK_STR(buf_str(&out), "media-bridge    09:00:01.250 warn  CA012345.. late\n");
    buf_release(&out);
}

TEST(supervisor_format_line_keeps_what_is_no_json)
{
    struct buf out = BUF_INIT(4096);

    supervisor_format_line(&out, "dashboard", STR("Segmentation fault"), false);
    CHECK_STR(buf_str(&out), "dashboard       Segmentation fault\n");
    buf_release(&out);
}

TEST(supervisor_line_matters_from_warning_on_and_when_it_is_no_json)
{
    CHECK(!supervisor_line_matters(STR("{\"severity\":\"INFO\",\"message\":\"x\"}")));
    CHECK(supervisor_line_matters(STR("{\"severity\":\"WARNING\",\"message\":\"x\"}")));
    CHECK(supervisor_line_matters(STR("free(): invalid pointer")));
}

/* A service with one child, a shell script in a folder of its own. */
struct nursery {
    struct clock clock;
    struct service service;
    struct supervisor *supervisor;
    char dir[32], program[64], up[64];
    bool stopped;
};

static void on_ready(void *arg)
{
    (void)arg;
}

static void on_failed(void *arg, const struct err *err)
{
    (void)arg, (void)err;
}

static void on_stopped(void *arg)
{
    ((struct nursery *)arg)->stopped = true;
}

static bool is_stopped(void *arg)
{
    return ((struct nursery *)arg)->stopped;
}

static bool is_up(void *arg)
{
    return access(((struct nursery *)arg)->up, F_OK) == 0;
}

static bool has_failed(void *arg)
{
    return ((struct nursery *)arg)->service.failed;
}

static void nursery_open(struct nursery *n, const char *script)
{
    static const char *const none[] = { NULL };
    struct child_spec child = { "child", 1, none };
    struct supervisor_opts o = { .service = &n->service,
                                 .dir = n->dir,
                                 .common_env = none,
                                 .children = &child,
                                 .n_children = 1,
                                 .ready = on_ready,
                                 .failed = on_failed,
                                 .arg = n };
    FILE *file;

    *n = (struct nursery){ .clock = clock_system(0), .dir = "/tmp/supervise-XXXXXX" };
    CHECK(mkdtemp(n->dir) != NULL);
    snprintf(n->program, sizeof(n->program), "%s/child", n->dir);
    snprintf(n->up, sizeof(n->up), "%s/up", n->dir);
    file = fopen(n->program, "w");
    if (!file) {
        FAIL_TEST("cannot write %s", n->program);
        return;
    }
    fprintf(file, "#!/bin/sh\n%s\n: >%s\nwhile :; do sleep 0.02; done\n", script, n->up);
    CHECK_INT(fclose(file), 0);
    CHECK_INT(chmod(n->program, 0700), 0);
    CHECK_OK(loop_create(&n->service.loop, &n->clock, NULL, NULL));
    CHECK_OK(workers_create(&n->service.workers, n->service.loop, 1, NULL, NULL, NULL));
    CHECK_OK(supervisor_create(&n->supervisor, &o, NULL));
}

static void nursery_stop(struct nursery *n)
{
    CHECK_OK(loop_run_until(n->service.loop, is_up, n, WAIT_MS));
    supervisor_stop(n->supervisor, on_stopped, n);
    CHECK_OK(loop_run_until(n->service.loop, is_stopped, n, WAIT_MS));
}

static void nursery_close(struct nursery *n)
{
    n->supervisor = supervisor_destroy(n->supervisor);
    n->service.workers = workers_destroy(n->service.workers);
    n->service.loop = loop_destroy(n->service.loop);
    unlink(n->up);
    unlink(n->program);
    rmdir(n->dir);
}

TEST(supervisor_is_content_with_a_child_that_stops_when_told)
{
    struct nursery n;

    nursery_open(&n, "trap 'exit 0' TERM");
    nursery_stop(&n);
    CHECK(!n.service.failed);
    nursery_close(&n);
}

TEST(supervisor_fails_with_a_child_that_stops_with_another_exit_code)
{
    struct nursery n;

    nursery_open(&n, "trap 'exit 23' TERM");
    nursery_stop(&n);
    CHECK(n.service.failed);
    nursery_close(&n);
}

TEST(supervisor_fails_with_a_child_that_dies)
{
    struct nursery n;

    nursery_open(&n, "kill -SEGV $$");
    CHECK_OK(loop_run_until(n.service.loop, has_failed, &n, WAIT_MS));
    nursery_close(&n);
}
