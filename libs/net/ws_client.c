#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/mem.h"
#include "base/url.h"
#include "net/http_parse_internal.h"
#include "net/ws_internal.h"

enum {
    NAME_MAX_LEN = 120, /* lws verifies no more of a host name than this */
    HEADERS_MAX = 12 * 1024,
    URL_MAX = 8 * 1024,
};

#define NO_CONNECTION "conn fail: " /* lws' words; errno follows */
static const char TIMED_OUT[] = "timed out";

/* What is needed until the socket is open: names, headers, addresses to try. */
struct ws_connecting {
    struct arena arena;
    struct ws_dial dial;
    const char *name;   /* of the host, without port and brackets */
    const char *shown;  /* the URL without its query */
    struct str headers; /* as they go onto the wire */
    struct resolve *resolve;
    struct resolved addresses;
    int at;     /* the one being tried */
    bool asked; /* the upgrade request has been sent */
    int http_status;
    char why[160];
    struct timer limit, attempt;
    int64_t until_ms;
    struct loop_task next;
};

void ws_connecting_free(struct ws_conn *c)
{
    struct ws_connecting *k = c->connecting;

    if (!k)
        return;
    c->connecting = NULL;
    k->resolve = resolve_cancel(k->resolve);
    timer_stop(&k->limit);
    timer_stop(&k->attempt);
    loop_task_cancel(&k->next);
    arena_release(&k->arena);
    mem_free(k);
}

/* Frees c->connecting: the last thing that is done with it. */
static void give_up(struct ws_conn *c, enum errc code, const char *why)
{
    struct ws_connecting *k = c->connecting;
    struct err err = ERR_INIT;
    int64_t number;

    if (str_starts(str_c(why), STR(NO_CONNECTION)) &&
        !str_to_i64(str_from(str_c(why), sizeof(NO_CONNECTION) - 1), 1, 4095, &number))
        err_set_upstream(&err, code, (long)number, "%s: %s", k->shown, strerror((int)number));
    else if (k->http_status)
        err_set_upstream(&err, http_status_errc(k->http_status), k->http_status,
                         "%s: refused with HTTP %d", k->shown, k->http_status);
    else
        err_set(&err, code, "%s: %s", k->shown, why);
    ws_conn_end_now(c, -1, &err);
}

/* --- attempts ------------------------------------------------------------------------------------ */

static void dial(struct ws_conn *c)
{
    struct ws_connecting *k = c->connecting;
    int64_t left = k->until_ms - loop_now_ms(c->loop);

    k->dial.ip = k->addresses.ip[k->at];
    (void)str_copy(c->peer_ip, sizeof(c->peer_ip), str_c(k->dial.ip));
    timer_start(&k->attempt,
                left / (k->addresses.n - k->at)); /* a black hole leaves time for the others */
    ws_lws_dial(c, &k->dial);
}

void ws_connecting_failed(struct ws_conn *c, const char *why, int http_status)
{
    struct ws_connecting *k = c->connecting;

    if (!k || k->why[0])
        return; /* the first reason is the true one */
    (void)str_copy(k->why, sizeof(k->why), str_trim(str_c(why)));
    k->http_status = http_status;
}

/* Whoever has answered at all, be it with a wrong certificate, is the one we wanted. */
static bool was_unreachable(const struct ws_connecting *k)
{
    struct str why = str_c(k->why);

    return str_starts(why, STR(NO_CONNECTION)) || str_starts(why, STR("Unable to connect")) ||
           str_eq_c(why, TIMED_OUT);
}

/* lws has let go of an attempt: another address, or the end. */
static void on_next(void *arg)
{
    struct ws_conn *c = arg;
    struct ws_connecting *k = c->connecting;

    if (!was_unreachable(k) || k->at + 1 >= k->addresses.n) {
        give_up(c, ERR_UPSTREAM, k->why[0] ? k->why : "no connection");
        return;
    }
    k->at++;
    k->why[0] = '\0';
    dial(c);
}

void ws_connecting_let_go(struct ws_conn *c)
{
    if (c->connecting)
        loop_task_run(c->loop, &c->connecting->next);
}

static void on_attempt_over(void *arg)
{
    struct ws_conn *c = arg;
    struct ws_connecting *k = c->connecting;

    if (k->asked || k->at + 1 >= k->addresses.n)
        return; /* on_limit() is near */
    ws_connecting_failed(c, TIMED_OUT, 0);
    ws_conn_drop_socket(c);
}

static void on_limit(void *arg)
{
    give_up(arg, ERR_TIMEOUT, TIMED_OUT);
}

static void on_resolved(void *arg, const struct resolved *r, const char *why)
{
    struct ws_conn *c = arg;
    struct ws_connecting *k = c->connecting;

    k->resolve = NULL;
    if (why) {
        give_up(c, ERR_UPSTREAM, arena_printf(&k->arena, "looking up the name: %s", why).p);
        return;
    }
    k->addresses = *r;
    dial(c);
}

static void on_start(void *arg)
{
    struct ws_conn *c = arg;
    struct ws_connecting *k = c->connecting;

    loop_task_init(&k->next, on_next, c);
    dial(c);
}

bool ws_connecting_headers(struct ws_conn *c, char **p, const char *end)
{
    struct ws_connecting *k = c->connecting;

    if (!k)
        return false;
    if (k->dial.tls && k->dial.name_is_ours && !ws_lws_peer_is_ip(c->wsi, k->name)) {
        ws_connecting_failed(c, "the certificate is for another address", 0);
        return false;
    }
    k->asked = true;
    if ((size_t)(end - *p) <= k->headers.n)
        return false;
    if (k->headers.n)
        memcpy(*p, k->headers.p, k->headers.n);
    *p += k->headers.n;
    return true;
}

void ws_connecting_opened(struct ws_conn *c)
{
    ws_tell_open_lines(c, c->connecting->headers);
    ws_connecting_free(c);
    ws_conn_opened(c);
    if (!c->disowned && c->events.on_open)
        c->events.on_open(c->arg);
}

/* --- ws_connect ---------------------------------------------------------------------------------- */

static enum errc make_headers(struct ws_connecting *k, const struct ws_client_opts *o,
                              const char *user_agent, struct err *err)
{
    struct buf out = BUF_INIT(HEADERS_MAX);
    enum errc rc = ERR_OK;
    bool named = false;
    size_t i, j;

    for (i = 0; i < o->n_headers && !rc; i++) {
        const struct http_header *h = &o->headers[i];

        if (!http_is_token(h->name))
            rc = err_set(err, ERR_INVALID, "header %zu cannot be sent", i);
        for (j = 0; j < h->value.n && !rc; j++) {
            if ((unsigned char)h->value.p[j] < ' ' || h->value.p[j] == 127)
                rc = err_set(err, ERR_INVALID, "header %zu cannot be sent", i);
        }
        named = named || str_ieq_c(h->name, "user-agent");
        buf_addf(&out, STR_FMT ": " STR_FMT "\r\n", STR_ARG(h->name), STR_ARG(h->value));
    }
    if (!named)
        buf_addf(&out, "User-Agent: %s\r\n", user_agent);
    if (!rc && buf_status(&out))
        rc = err_set(err, ERR_LIMIT, "more than %d bytes of headers", HEADERS_MAX);
    if (!rc)
        k->headers = arena_str(&k->arena, buf_str(&out));
    buf_release(&out);
    return rc;
}

static enum errc parse_url(struct ws_connecting *k, struct str text, struct err *err)
{
    struct arena *a = &k->arena;
    struct str bare;
    struct url u;
    size_t i;

    for (i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 127)
            return err_set(err, ERR_INVALID, "not a ws:// or wss:// URL");
    }
    if (text.n > URL_MAX || url_parse(&u, text) ||
        (!str_ieq_c(u.scheme, "ws") && !str_ieq_c(u.scheme, "wss")))
        return err_set(err, ERR_INVALID, "not a ws:// or wss:// URL");
    bare = u.host;
    if (str_starts(bare, STR("[")) && str_ends(bare, STR("]")))
        bare = str_slice(bare, 1, bare.n - 1);
    if (bare.n > NAME_MAX_LEN)
        return err_set(err, ERR_INVALID, "the host name is too long");
    k->name = arena_cstr(a, bare);
    k->dial.tls = str_ieq_c(u.scheme, "wss");
    k->dial.name_is_ours =
        strchr(k->name, ':') != NULL; /* IPv6: lws cuts a name at its first colon */
    k->dial.port = u.port;
    k->dial.host = arena_printf(a, k->dial.name_is_ours ? "[%s]" : "%s", k->name).p;
    if (u.port != (k->dial.tls ? 443 : 80))
        k->dial.host = arena_printf(a, "%s:%d", k->dial.host, u.port).p;
    k->shown = arena_printf(a, STR_FMT "://%s" STR_FMT, STR_ARG(u.scheme), k->dial.host,
                            STR_ARG(str_slice(u.path, 0, 120)))
                   .p;
    k->dial.path = arena_printf(a, "%s" STR_FMT "%s" STR_FMT, u.path.n ? "" : "/", STR_ARG(u.path),
                                u.query.n ? "?" : "", STR_ARG(u.query))
                       .p;
    return ERR_OK;
}

/* Nothing is called from inside ws_connect(): an address that needs no look-up waits for the next turn. */
static enum errc start(struct ws_conn *c, const struct ws_client_opts *o, struct err *err)
{
    struct ws_connecting *k = c->connecting;
    enum errc rc = parse_url(k, o->url, err);
    int limit = o->connect_timeout_ms ? o->connect_timeout_ms : WS_CONNECT_TIMEOUT_MS;

    if (!rc)
        rc = make_headers(k, o, loop_self(c->loop)->user_agent, err);
    if (!rc && k->dial.tls && !o->tls)
        rc = err_set(err, ERR_INVALID, "wss:// needs trusted roots");
    if (!rc)
        rc = ws_client_vhost(&k->dial.vhost, c->loop, k->dial.tls ? o->tls : NULL, err);
    if (rc)
        return rc;
    if (o->subprotocol)
        k->dial.subprotocol = arena_cstr(&k->arena, str_c(o->subprotocol));
    if (resolve_literal(&k->addresses, k->name)) {
        loop_task_init(&k->next, on_start, c);
        loop_task_run(c->loop, &k->next);
    } else {
        loop_task_init(&k->next, on_next, c);
        rc = resolve_start(&k->resolve, c->loop, k->name, on_resolved, c, err);
    }
    if (rc)
        return rc;
    k->until_ms = loop_now_ms(c->loop) + limit;
    timer_start_at(&k->limit, k->until_ms);
    return ERR_OK;
}

enum errc ws_connect(struct ws_conn **ret, struct loop *loop, const struct ws_client_opts *o,
                     struct err *err)
{
    struct ws_conn *c = ws_conn_create(loop, o->queue_max, o->message_max);
    struct ws_connecting *k = MEM_NEW(struct ws_connecting);
    enum errc rc;

    c->client = true;
    c->state = WS_CONNECTING;
    c->events = o->events;
    c->arg = o->arg;
    c->connecting = k;
    arena_init(&k->arena);
    timer_init(&k->limit, loop, on_limit, c);
    timer_init(&k->attempt, loop, on_attempt_over, c);
    rc = ws_lws_enlist(c) ? err_set(err, ERR_CLOSED, "the loop is ending") : start(c, o, err);
    if (rc) {
        ws_conn_free(c);
        return rc;
    }
    ws_watch(c, o->url, str_c(loop_self(loop)->user_agent));
    *ret = c;
    return ERR_OK;
}
