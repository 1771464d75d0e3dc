/* bridge_relay: what no bridge can undercut. Same library, same sockets and hops as the media bridge; each message
 * of a media stream goes to a connection of its own to the engine, and back, byte for byte: no JSON, no
 * audio, no state. Settings from the environment: PORT, OPENAI_REALTIME_URL, SSL_CERT_FILE. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/ws.h"

enum { WAITING_MAX = 1024 * 1024 };

struct relay {
    struct loop *loop;
    struct tls_store *tls;
    struct str url;
};

struct pair {
    struct ws_conn *ends[2]; /* NULL: closed */
};

static void forward(struct ws_conn *to, struct str data)
{
    if (to && ws_send_text(to, data))
        fprintf(stderr, "bridge_relay: a message is lost\n");
}

static void gone(struct pair *p, int side)
{
    p->ends[side] = NULL;
    if (p->ends[!side])
        ws_close(p->ends[!side], 1000, STR_EMPTY);
    else
        mem_free(p);
}

static void on_caller_message(void *arg, struct str data, bool binary)
{
    struct pair *p = arg;

    (void)binary;
    forward(p->ends[1], data);
}

static void on_engine_message(void *arg, struct str data, bool binary)
{
    struct pair *p = arg;

    (void)binary;
    forward(p->ends[0], data);
}

static void on_caller_closed(void *arg, int code, struct str reason, const struct err *err)
{
    (void)code;
    (void)reason;
    (void)err;
    gone(arg, 0);
}

static void on_engine_closed(void *arg, int code, struct str reason, const struct err *err)
{
    (void)reason;
    if (code < 0)
        fprintf(stderr, "bridge_relay: %s\n", err ? err->text : "not connected");
    gone(arg, 1);
}

static int admit(void *app, const struct ws_upgrade *u, void **arg)
{
    struct relay *r = app;
    struct pair *p = MEM_NEW(struct pair);
    const struct ws_client_opts opts = { .url = r->url,
                                         .queue_max = WAITING_MAX,
                                         .tls = r->tls,
                                         .events = { .on_message = on_engine_message,
                                                     .on_closed = on_engine_closed },
                                         .arg = p };
    struct err err = ERR_INIT;

    (void)u;
    if (ws_connect(&p->ends[1], r->loop, &opts, &err)) {
        mem_free(p);
        return 503;
    }
    *arg = p;
    return 0;
}

static void accept_caller(void *app, struct ws_conn *c, struct ws_events *events, void **arg)
{
    struct pair *p = *arg;

    (void)app;
    p->ends[0] = c;
    *events = (struct ws_events){ .on_message = on_caller_message, .on_closed = on_caller_closed };
}

static const struct ws_route ws_routes[] = {
    { .path = "/media", .queue_max = WAITING_MAX, .admit = admit, .accept = accept_caller },
};

static void on_signal(void *arg, int signo)
{
    (void)signo;
    loop_stop(arg);
}

static void limit_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)16384);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
    const char *url = getenv("OPENAI_REALTIME_URL"), *port = getenv("PORT");
    struct clock clock = clock_system(0);
    struct log log = { 0 };
    struct relay r = { .url = str_c(url ? url : "") };
    struct http_server_opts opts = { .host = "127.0.0.1",
                                     .ws_routes = ws_routes,
                                     .n_ws_routes = ARRAY_LEN(ws_routes),
                                     .app = &r,
                                     .log = &log };
    struct http_server *server = NULL;
    struct err err = ERR_INIT;
    int64_t number = 0;

    limit_descriptors();
    r.tls = str_starts(r.url, STR("wss:")) ? tls_store_create(NULL) : NULL;
    if (str_to_i64(str_c(port ? port : ""), 1, 65535, &number) ||
        loop_create(&r.loop, &clock, &log, &err) ||
        loop_on_signals(r.loop, on_signal, r.loop, &err)) {
        fprintf(stderr, "bridge_relay: PORT or loop: %s\n", err.text);
        return 2;
    }
    opts.port = (int)number;
    if (http_server_create(&server, r.loop, &opts, &err)) {
        fprintf(stderr, "bridge_relay: %s\n", err.text);
        return 2;
    }
    loop_run(r.loop);
    server = http_server_destroy(server);
    r.loop = loop_destroy(r.loop);
    r.tls = tls_store_destroy(r.tls);
    return 0;
}
