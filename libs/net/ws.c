#include "net/ws.h"

#include <string.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/ws_internal.h"

#include <libwebsockets.h>

enum { CLOSE_REASON_MAX = 123 };

/* --- the end ------------------------------------------------------------------------------------- */

void ws_conn_free(struct ws_conn *c)
{
    timer_stop(&c->ping);
    timer_stop(&c->closing);
    loop_task_cancel(&c->end);
    list_remove(&c->node);
    ws_connecting_free(c);
    ws_unwatch(c);
    ws_queue_release(&c->queue);
    buf_release(&c->message);
    mem_free(c);
}

/* The stack has unwound and lws has let go: tell the owner, free. */
static void on_end(void *arg)
{
    struct ws_conn *c = arg;

    if (c->wsi || c->state != WS_DEAD)
        return; /* comes again when lws has let go */
    if (!c->disowned && c->events.on_closed)
        c->events.on_closed(c->arg, c->close_code, str_n(c->close_reason, c->close_reason_n),
                            c->has_err ? &c->err : NULL);
    ws_conn_free(c);
}

void ws_conn_end(struct ws_conn *c, int code, const struct err *err)
{
    ws_tell_close(c, true, code, STR_EMPTY, err);
    if (c->state != WS_DEAD) {
        c->state = WS_DEAD;
        c->close_code = code;
        if (err && !c->has_err) {
            c->err = *err;
            c->has_err = true;
        }
    }
    ws_connecting_free(c); /* no further attempt */
    timer_stop(&c->ping);
    timer_stop(&c->closing);
    loop_task_run(c->loop, &c->end);
}

void ws_conn_drop_socket(struct ws_conn *c)
{
    if (c->wsi)
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void ws_conn_end_now(struct ws_conn *c, int code, const struct err *err)
{
    ws_conn_end(c, code, err);
    ws_conn_drop_socket(c);
}

/* --- keep-alive ---------------------------------------------------------------------------------- */

static void on_ping_timer(void *arg)
{
    struct ws_conn *c = arg;
    int64_t now = loop_now_ms(c->loop);
    struct err err = ERR_INIT;

    if (!c->ping_at_ms) {
        c->ping_at_ms = now;
        c->ping_due = true;
        timer_start(&c->ping, WS_PONG_TIMEOUT_MS);
        lws_callback_on_writable(c->wsi);
    } else if (c->paused || c->heard_ms >= c->ping_at_ms) { /* unread is not silent */
        c->ping_at_ms = 0;
        timer_start(&c->ping, WS_PING_MS - WS_PONG_TIMEOUT_MS);
    } else {
        err_set(&err, ERR_TIMEOUT, "nothing heard for %lld ms", (long long)(now - c->heard_ms));
        ws_conn_end_now(c, 1006, &err);
    }
}

static void on_closing_timer(void *arg)
{
    struct ws_conn *c = arg;

    ws_conn_end_now(c, 1006, NULL);
}

void ws_conn_wait_for_close(struct ws_conn *c)
{
    int64_t now = loop_now_ms(c->loop);

    timer_stop(&c->ping);
    if (!c->close_until_ms)
        c->close_until_ms = now + CLOSE_LIMIT_MS;
    timer_start_at(&c->closing, MIN(now + CLOSE_SILENT_MS, c->close_until_ms));
}

/* --- life ---------------------------------------------------------------------------------------- */

struct ws_conn *ws_conn_create(struct loop *l, size_t queue_max, size_t message_max)
{
    struct ws_conn *c = MEM_NEW(struct ws_conn);

    c->loop = l;
    c->message_max = message_max ? message_max : WS_MESSAGE_MAX;
    c->close_code = 1006;
    ws_queue_init(&c->queue, ws_lws_pool(l), queue_max ? queue_max : WS_QUEUE_MAX);
    buf_init(&c->message, c->message_max);
    timer_init(&c->ping, l, on_ping_timer, c);
    timer_init(&c->closing, l, on_closing_timer, c);
    loop_task_init(&c->end, on_end, c);
    return c;
}

void ws_conn_opened(struct ws_conn *c)
{
    c->state = WS_OPEN;
    c->heard_ms = loop_now_ms(c->loop);
    timer_start(&c->ping, WS_PING_MS);
    loop_lws_optimistic(c->loop, c->wsi);
    if (c->paused)
        lws_rx_flow_control(c->wsi, 0);
    if (c->queue.n_messages)
        lws_callback_on_writable(c->wsi);
}

void ws_conn_message(struct ws_conn *c, struct str data, bool binary)
{
    if (c->watched)
        ws_tell_message(c, true, data, binary);
    if (!c->disowned && c->state != WS_DEAD && c->events.on_message)
        c->events.on_message(c->arg, data, binary);
}

void ws_conn_drained(struct ws_conn *c)
{
    if (!c->disowned && c->state == WS_OPEN && c->events.on_drained)
        c->events.on_drained(c->arg);
}

bool ws_key_valid(struct str key)
{
    uint8_t bytes[24];
    size_t n = 0;

    return key.n == 24 && !base64_decode(bytes, &n, key) && n == 16;
}

/* --- what owners call ---------------------------------------------------------------------------- */

static enum errc send_copy(struct ws_conn *c, const void *data, size_t n, bool binary)
{
    char *room;

    if (c->state > WS_OPEN)
        return ERR_CLOSED;
    room = ws_queue_reserve(&c->queue, n);
    if (!room)
        return ERR_LIMIT;
    if (n)
        memcpy(room, data, n);
    ws_queue_commit(&c->queue, n, binary);
    if (c->state == WS_OPEN)
        lws_callback_on_writable(c->wsi);
    return ERR_OK;
}

enum errc ws_send_text(struct ws_conn *c, struct str data)
{
    return send_copy(c, data.p, data.n, false);
}

enum errc ws_send_binary(struct ws_conn *c, const void *data, size_t n)
{
    return send_copy(c, data, n, true);
}

char *ws_send_reserve(struct ws_conn *c, size_t max)
{
    return c->state > WS_OPEN ? NULL : ws_queue_reserve(&c->queue, max);
}

void ws_send_commit(struct ws_conn *c, size_t n)
{
    if (c->state > WS_OPEN)
        return;
    ws_queue_commit(&c->queue, n, false);
    if (c->state == WS_OPEN)
        lws_callback_on_writable(c->wsi);
}

size_t ws_queued(const struct ws_conn *c)
{
    return c->queue.n_bytes + c->in_flight;
}

void ws_unsend(struct ws_conn *c)
{
    if (c->state <= WS_OPEN)
        ws_queue_release(&c->queue); /* what lws holds a part of is not in it any more */
}

void ws_pause(struct ws_conn *c)
{
    if (c->paused)
        return;
    c->paused = true;
    if (c->state == WS_OPEN)
        lws_rx_flow_control(c->wsi, 0);
}

void ws_resume(struct ws_conn *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    c->heard_ms = loop_now_ms(c->loop); /* silence counts from here */
    if (c->state == WS_OPEN)
        lws_rx_flow_control(c->wsi, 1);
}

void ws_close(struct ws_conn *c, int code, struct str reason)
{
    if (c->state > WS_OPEN)
        return;
    if (c->state == WS_CONNECTING) {
        ws_abort(c);
        return;
    }
    c->state = WS_CLOSING;
    c->close_code = code;
    c->close_reason_n = MIN(reason.n, (size_t)CLOSE_REASON_MAX);
    if (c->close_reason_n)
        memcpy(c->close_reason, reason.p, c->close_reason_n);
    ws_conn_wait_for_close(c);
    if (c->paused)
        lws_rx_flow_control(c->wsi, 1); /* the peer's CLOSE has to be read */
    lws_callback_on_writable(c->wsi);
}

void ws_abort(struct ws_conn *c)
{
    struct err err = ERR_INIT;

    if (c->state == WS_CONNECTING) {
        err_set(&err, ERR_CLOSED, "given up while connecting");
        ws_tell_close(c, false, -1, STR_EMPTY, &err);
        ws_conn_end_now(c, -1, &err);
    } else if (c->state != WS_DEAD) {
        ws_tell_close(c, false, 1006, STR_EMPTY, NULL);
        ws_conn_end_now(c, 1006, NULL);
    }
}

void ws_disown(struct ws_conn *c, int code)
{
    c->disowned = true;
    if (c->state == WS_OPEN)
        ws_close(c, code, STR_EMPTY);
    else if (c->state == WS_CONNECTING)
        ws_abort(c);
}

struct str ws_peer_ip(const struct ws_conn *c)
{
    return str_c(c->peer_ip);
}
