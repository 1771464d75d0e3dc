#include "net/loop_lws_internal.h"

#include <libwebsockets.h>

#include "net/loop_internal.h"

enum {
    READ_SIZE = 16 * 1024, /* of one read; also bounds the headers that a client sends */
    HEADERS_MAX = 16 * 1024,
    HANDSHAKES_MAX = 8192,
};

struct per_context {
    struct loop *loop;
};

static int init_pt(struct lws_context *cx, void *loop, int tsi)
{
    struct per_context *p = lws_evlib_tsi_to_evlib_pt(cx, tsi);

    p->loop = loop;
    return 0;
}

static void on_io(struct lws *wsi, unsigned flags)
{
    struct per_context *p = lws_evlib_wsi_to_evlib_pt(wsi);
    unsigned bits = ((flags & LWS_EV_READ) ? (unsigned)IO_READ : 0u) |
                    ((flags & LWS_EV_WRITE) ? (unsigned)IO_WRITE : 0u);

    loop_lws_io(p->loop, wsi, loop_lws_fd(wsi), (flags & LWS_EV_START) ? bits : 0,
                (flags & LWS_EV_STOP) ? bits : 0);
}

static int on_accept(struct lws *wsi)
{
    on_io(wsi, LWS_EV_START | LWS_EV_READ);
    return 0;
}

static int on_listen(struct lws *wsi)
{
    return on_accept(wsi);
}

static int on_logical_close(struct lws *wsi)
{
    on_io(wsi, LWS_EV_STOP | LWS_EV_READ | LWS_EV_WRITE);
    return 0;
}

static const struct lws_event_loop_ops ops = {
    .name = "loop",
    .init_vhost_listen_wsi = on_listen,
    .init_pt = init_pt,
    .wsi_logical_close = on_logical_close,
    .sock_accept = on_accept,
    .io = on_io,
    .evlib_size_pt = sizeof(struct per_context), /* not 0, or lws would ignore its own timers */
};

static const lws_plugin_evlib_t evlib = {
    .hdr = { "loop", "lws_evlib_plugin", LWS_BUILD_HASH, LWS_PLUGIN_API_MAGIC },
    .ops = &ops,
};

enum errc loop_lws_create(struct lws_context **ret, struct loop *l, struct err *err)
{
    void *loops[1] = { l };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        /* Not VALIDATE_UTF8: it goes byte by byte, and ws_lws.c looks at each message. */
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .event_lib_custom = &evlib,
        .foreign_loops = loops,
        .user = l,
        .pt_serv_buf_size = READ_SIZE,
        .max_http_header_data2 = HEADERS_MAX,
        .max_http_header_pool2 = HANDSHAKES_MAX,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };

    /* Its messages are about its own inner life; what matters comes as callbacks. */
    lws_set_log_level(0, NULL);
    *ret = lws_create_context(&info);
    return *ret ? ERR_OK : err_set(err, ERR_IO, "libwebsockets refused to start");
}

void loop_lws_destroy(struct lws_context *cx)
{
    if (cx)
        lws_context_destroy(cx);
}

void loop_lws_service(struct lws_context *cx, int fd, unsigned want, unsigned events)
{
    struct lws_pollfd p = { .fd = fd };

    p.events = (short)((want & IO_READ ? LWS_POLLIN : 0) | (want & IO_WRITE ? LWS_POLLOUT : 0));
    p.revents =
        (short)((events & IO_READ ? LWS_POLLIN : 0) | (events & IO_WRITE ? LWS_POLLOUT : 0) |
                (events & IO_HUP ? LWS_POLLHUP : 0));
    lws_service_fd(cx, &p);
}

bool loop_lws_partial(struct lws *wsi)
{
    return lws_partial_buffered(wsi);
}

int loop_lws_fd(struct lws *wsi)
{
    return lws_get_socket_fd(wsi);
}

int loop_lws_wait_ms(struct lws_context *cx, int wait_ms)
{
    return cx ? lws_service_adjust_timeout(cx, wait_ms, 0) : wait_ms;
}

void loop_lws_forced(struct lws_context *cx)
{
    if (cx && lws_service_adjust_timeout(cx, 1, 0) == 0)
        (void)_lws_plat_service_forced_tsi(cx, 0); /* closes what fails itself */
}
