#include "base/mem.h"
#include "net/ws_internal.h"

/* What is said of a connection with each of its happenings. */
struct ws_watched {
    const struct net_tap *tap;
    struct arena arena;
    uint64_t conn;
    struct str url, user_agent;
    bool closed; /* it has been told */
};

static struct tap_ws happening(const struct ws_conn *c, enum tap_ws_type type, bool in)
{
    const struct ws_watched *w = c->watched;

    return (struct tap_ws){ .side = c->client ? TAP_CLIENT : TAP_SERVER,
                            .conn = w->conn,
                            .url = w->url,
                            .in = in,
                            .type = type,
                            .user_agent = w->user_agent };
}

void ws_watch(struct ws_conn *c, struct str url, struct str user_agent)
{
    const struct net_tap *tap = loop_self(c->loop)->tap;

    if (!tap)
        return;
    c->watched = MEM_NEW(struct ws_watched);
    arena_init(&c->watched->arena);
    c->watched->tap = tap;
    c->watched->conn = c->number;
    c->watched->url = arena_str(&c->watched->arena, url);
    c->watched->user_agent = arena_str(&c->watched->arena, user_agent);
}

void ws_unwatch(struct ws_conn *c)
{
    if (c->watched)
        arena_release(&c->watched->arena);
    mem_free(c->watched);
    c->watched = NULL;
}

void ws_tell_open(const struct ws_conn *c, const struct http_header *headers, size_t n)
{
    struct tap_ws t;

    if (!c->watched)
        return;
    t = happening(c, TAP_WS_OPEN, !c->client);
    t.headers = headers;
    t.n_headers = n;
    c->watched->tap->ws(c->watched->tap->arg, &t);
}

void ws_tell_open_lines(const struct ws_conn *c, struct str lines)
{
    struct http_header *headers;
    size_t n;

    if (!c->watched)
        return;
    n = tap_header_lines(&c->watched->arena, lines, &headers);
    ws_tell_open(c, headers, n);
}

void ws_tell_message(const struct ws_conn *c, bool in, struct str data, bool binary)
{
    struct tap_ws t = happening(c, binary ? TAP_WS_BINARY : TAP_WS_TEXT, in);

    t.data = tap_body(data);
    c->watched->tap->ws(c->watched->tap->arg, &t);
}

void ws_tell_close(const struct ws_conn *c, bool in, int code, struct str reason,
                   const struct err *err)
{
    struct tap_ws t;

    if (!c->watched || c->watched->closed)
        return;
    c->watched->closed = true;
    t = happening(c, TAP_WS_CLOSE, in);
    t.code = code;
    t.data = tap_body(reason);
    t.error = err && err->text[0] ? err->text : NULL;
    c->watched->tap->ws(c->watched->tap->arg, &t);
}
