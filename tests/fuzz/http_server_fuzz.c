/* Raw bytes at the door of a real server: whatever comes, each request that a handler saw gets one answer,
 * nothing else but whole answers is sent, and the connection ends. */
#include <errno.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "fuzz.h"
#include "net/http_server.h"

enum { BODY_MAX = 4096, ANSWERS_MAX = 4 * MIB, WITHIN_MS = 5000 };

static struct server {
    struct clock clock;
    struct log log;
    struct loop *loop;
    struct http_server *http;
    int handled;
} server;

struct visit {
    int fd;
    struct loop_fd *watch;
    struct str rest; /* not yet sent */
    struct buf answers;
    bool over;
};

static void on_request(void *app, struct http_req *r)
{
    struct server *s = app;

    s->handled++;
    FUZZ_HOLDS(r->body.n <= BODY_MAX);
    FUZZ_HOLDS(r->path.n + r->query.n <= r->target.n);
    (void)http_req_header(r, "Content-Type");
    http_reply(r, 200, "text/plain", STR("seen"));
}

static const struct http_route routes[] = {
    { HTTP_GET, "/live", 0, NULL, on_request, true },
    { HTTP_POST, "/voice/{what}", BODY_MAX, NULL, on_request, true },
    { HTTP_ANY, "/v1/{name*}:publish", BODY_MAX, NULL, on_request, true },
};

static void start(void)
{
    const struct http_server_opts opts = {
        .host = "127.0.0.1",
        .routes = routes,
        .n_routes = ARRAY_LEN(routes),
        .app = &server,
        .log = &server.log,
    };

    server.clock = clock_system(0);
    FUZZ_HOLDS(!loop_create(&server.loop, &server.clock, &server.log, NULL));
    FUZZ_HOLDS(!http_server_create(&server.http, server.loop, &opts, NULL));
}

/* What fits goes out; then what came is read, until the server closes. */
static void on_readable(void *arg)
{
    struct visit *v = arg;
    char piece[4096];
    ssize_t n = recv(v->fd, piece, sizeof(piece), MSG_DONTWAIT);

    if (n > 0)
        buf_add(&v->answers, piece, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        v->over = true;
}

static bool is_over(void *arg)
{
    struct visit *v = arg;
    ssize_t n;

    if (v->rest.n > 0) {
        n = send(v->fd, v->rest.p, v->rest.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            v->rest = str_slice(v->rest, (size_t)n, v->rest.n);
        else if (errno != EAGAIN)
            v->rest = STR_EMPTY;
        if (v->rest.n == 0)
            shutdown(v->fd, SHUT_WR);
    }
    return v->over;
}

static int count(struct str in, struct str what)
{
    int n = 0;

    for (; in.n >= what.n; in = str_slice(in, 1, in.n))
        n += str_starts(in, what);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct visit v = { .rest = str_n(data, size), .answers = BUF_INIT(ANSWERS_MAX) };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct str answers;

    if (!server.loop)
        start();
    if (!size)
        return 0;
    server.handled = 0;
    at.sin_port = htons((uint16_t)http_server_port(server.http));
    v.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_HOLDS(v.fd >= 0 && connect(v.fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    v.watch = loop_fd_watch(server.loop, v.fd, on_readable, &v);
    FUZZ_HOLDS(!loop_run_until(server.loop, is_over, &v, WITHIN_MS));
    v.watch = loop_fd_unwatch(v.watch);
    /* A reset instead of TIME_WAIT: ports would run out. */
    setsockopt(v.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
               sizeof(struct linger));
    close(v.fd);
    answers = buf_str(&v.answers);
    FUZZ_HOLDS(answers.n == 0 || str_starts(answers, STR("HTTP/1.1 ")));
    FUZZ_HOLDS(count(answers, STR("HTTP/1.1 200 ")) <= server.handled);
    buf_release(&v.answers);
    return 0;
}
