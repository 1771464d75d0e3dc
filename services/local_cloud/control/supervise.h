/* local_cloud/control/supervise.h: our own services as children: started with the settings of one machine,
 * watched until they are ready, started again when they die, stopped together; one that ends in any other way makes this process
 * fail as well, once it ends (sanitizers speak through exit codes). Their log lines (JSON on a
 * pipe) are merged into one readable stream. */
#ifndef LOCAL_CLOUD_CONTROL_SUPERVISE_H
#define LOCAL_CLOUD_CONTROL_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "net/service.h"

struct supervisor;

enum { SUPERVISE_RESTARTS_MAX = 5, SUPERVISE_READY_MS = 15000, SUPERVISE_STOP_MS = 10000 };

struct child_spec {
    const char *program;    /* file in `dir` */
    int port;               /* its PORT */
    const char *const *env; /* NAME=value, NULL-ended, beside what all have; copied */
};

struct supervisor_opts {
    struct service *service;
    const char *dir;               /* where the programs are */
    const char *const *common_env; /* NULL-ended; copied */
    const struct child_spec *children;
    size_t n_children;
    bool show_all; /* every line; otherwise warnings and errors */
    bool colour;
    void (*ready)(void *arg);                         /* all answer /ready; once */
    void (*failed)(void *arg, const struct err *err); /* one cannot be kept alive; once */
    void *arg;
};

/* Children start at once; ready or failed follows on the loop. */
MUST_USE enum errc supervisor_create(struct supervisor **ret, const struct supervisor_opts *o,
                                     struct err *err);
/* SIGTERM to all, SIGKILL to those that stay; then done(arg), on the loop. */
void supervisor_stop(struct supervisor *s, void (*done)(void *arg), void *arg);
struct supervisor *supervisor_destroy(struct supervisor *s); /* kills what still runs */

/* One JSON log line of a service as people read it; what is no JSON stays as it is. */
struct buf;
void supervisor_format_line(struct buf *out, const char *program, struct str line, bool colour);
/* Severity of a JSON log line is at least warning, or the line is no JSON. */
bool supervisor_line_matters(struct str line);

#endif
