/* net/service.h: what every service's main does: settings, log, loop, workers, server, graceful stop.
 * A service describes itself; service_main() runs it: --help, one-line errors (exit 2), listening within
 * milliseconds, SIGTERM: drain, destroy, exit 0 inside 10 s. GET /live and GET /ready are added. */
#ifndef NET_SERVICE_H
#define NET_SERVICE_H

#include "base/config.h"
#include "net/http_server.h"
#include "net/tap.h"
#include "net/tls.h"
#include "net/workers.h"
#include "net/ws.h"

/* Settings that every service has; its own struct begins with this one. */
struct service_settings {
    int64_t port;
    int log_level, log_format; /* of enum log_level, enum log_format */
    int64_t workers;
    int64_t clock_offset_ms; /* rehearsals at another date; refused on Cloud Run */
    struct str project;      /* GOOGLE_CLOUD_PROJECT */
    struct str listen_host;  /* empty: all addresses */
};

struct service {
    struct net_self self; /* "voice-concierge/<name>", and spec->tap's */
    struct loop *loop;
    struct workers *workers;
    struct tls_store *tls;
    struct http_server *server; /* set after create() */
    const struct clock *clock;
    struct log log;
    struct arena *arena; /* of the process: settings and what lives as long */
    const void *settings;
    bool failed; /* set on the loop: the process will end with 1, not 0 */
};

/* A word of the command line for a setting: `--record FILE` is LOCAL_RECORD=FILE. */
struct service_option {
    const char *name, *value, *setting; /* "--record", "FILE", "LOCAL_RECORD" */
};

struct service_spec {
    const char *name;              /* "tool-gateway" */
    const char *summary;           /* one sentence for --help */
    const struct config_key *keys; /* beside the common ones */
    size_t n_keys;
    size_t settings_size;
    const struct service_option *options;
    size_t n_options;
    const struct http_route *routes;
    size_t n_routes;
    const struct ws_route *ws_routes;
    size_t n_ws_routes;
    /* Before everything but settings, clock and log: an observer of all traffic; arena_defer() ends it, after
     * all that it observes. *ret stays NULL: none. NULL is fine. */
    enum errc (*tap)(const struct net_tap **ret, struct service *s, struct err *err);
    /* Before listening; quick. *app is passed to handlers. */
    enum errc (*create)(void **app, struct service *s, struct err *err);
    /* After listening: what the first request does not need. NULL is fine. */
    void (*started)(void *app);
    /* ERR_OK: ready; otherwise /ready answers 503 with the sentence. NULL: always. On the loop. */
    enum errc (*ready)(void *app, struct err *err);
    /* SIGTERM: end what is long-lived, then call service_stopped(). NULL: nothing to end. */
    void (*stop)(void *app);
    void (*destroy)(void *app);
};

int service_main(const struct service_spec *spec, int argc, char **argv);
void service_stopped(struct service *s);

#endif
