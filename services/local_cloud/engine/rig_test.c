#include "local_cloud/engine/rig_test.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "net/tls.h"
#include "test.h"
#include "voice/g711.h"

void rig_start(struct rig *r)
{
    struct err err = ERR_INIT;
    struct http_server_opts opts = { .host = "127.0.0.1",
                                     .routes = engine_module.routes,
                                     .n_routes = engine_module.n_routes,
                                     .ws_routes = engine_module.ws_routes,
                                     .n_ws_routes = engine_module.n_ws_routes,
                                     .app = &r->lc };

    memset(r, 0, sizeof(*r));
    r->clock = clock_system(0);
    r->sink = log_sink_create(2, LOG_TEXT, LOG_WARN, "test", &r->clock);
    r->service.log = log_root(r->sink);
    r->service.clock = &r->clock;
    r->tls = tls_store_create(NULL);
    arena_init(&r->arena);
    buf_init(&r->agent, 64 * KIB);
    CHECK_OK(loop_create(&r->loop, &r->clock, &r->service.log, &err));
    CHECK_OK(workers_create(&r->workers, r->loop, 2, r->tls, &r->service.log, &err));
    r->service.loop = r->loop;
    r->service.workers = r->workers;
    r->service.tls = r->tls;
    r->lc.service = &r->service;
    CHECK_OK(engine_module.create(&r->lc, &err));
    opts.workers = r->workers;
    opts.log = &r->service.log;
    CHECK_OK(http_server_create(&r->server, r->loop, &opts, &err));
}

void rig_stop(struct rig *r)
{
    if (r->ws)
        ws_disown(r->ws, 1000);
    engine_module.destroy(&r->lc);
    r->server = http_server_destroy(r->server);
    workers_destroy(r->workers);
    loop_destroy(r->loop);
    buf_release(&r->agent);
    arena_release(&r->arena);
    tls_store_destroy(r->tls);
    log_sink_destroy(r->sink);
}

static void on_open(void *arg)
{
    struct rig *r = arg;

    r->open = true;
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct rig *r = arg;

    CHECK(!binary);
    CHECK(r->n_events < RIG_EVENTS_MAX);
    CHECK_OK(json_parse_arena(&r->events[r->n_events], &r->arena, data, NULL));
    r->n_events++;
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct rig *r = arg;

    (void)err;
    r->ws = NULL;
    r->closed = true;
    r->close_code = code;
    CHECK(str_copy(r->close_reason, sizeof(r->close_reason), reason));
}

static bool is_open(void *arg)
{
    struct rig *r = arg;

    return r->open || r->closed;
}

static bool is_closed(void *arg)
{
    struct rig *r = arg;

    return r->closed;
}

void rig_connect(struct rig *r, const char *query, const char *key)
{
    struct http_header auth = { STR("Authorization"), str_c(key) };
    struct ws_client_opts o = {
        .url = arena_printf(&r->arena, "ws://127.0.0.1:%d/v1/realtime%s",
                            http_server_port(r->server), query),
        .headers = &auth,
        .n_headers = key ? 1 : 0,
        .message_max = 16 * MIB,
        .queue_max = 32 * MIB,
        .tls = r->tls,
        .events = { .on_open = on_open, .on_message = on_message, .on_closed = on_closed },
        .arg = r
    };
    struct err err = ERR_INIT;

    r->open = r->closed = false;
    r->n_events = r->at = 0;
    CHECK_OK(ws_connect(&r->ws, r->loop, &o, &err));
    CHECK_OK(loop_run_until(r->loop, is_open, r, RIG_WAIT_MS));
}

void rig_session(struct rig *r)
{
    rig_connect(r, "?model=gpt-realtime-2.1", "Bearer sk-test");
    (void)rig_await(r, "session.created");
}

struct str rig_quoted(struct rig *r, const char *text)
{
    char *copy = arena_cstr(&r->arena, str_c(text));
    char *p;

    for (p = copy; *p; p++) {
        if (*p == '\'')
            *p = '"';
    }
    return str_c(copy);
}

void rig_send(struct rig *r, const char *fmt, ...)
{
    struct buf text = BUF_INIT(32 * MIB);
    struct str quoted = rig_quoted(r, fmt);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, quoted.p, ap); /* ends in NUL */
    va_end(ap);
    CHECK_OK(ws_send_text(r->ws, buf_str(&text)));
    buf_release(&text);
}

struct waiting {
    struct rig *r;
    const char *type;
};

static bool has_come(void *arg)
{
    struct waiting *w = arg;

    for (; w->r->at < w->r->n_events; w->r->at++) {
        if (str_eq_c(json_str(json_get(w->r->events[w->r->at], "type")), w->type))
            return true;
    }
    return false;
}

const struct jval *rig_await(struct rig *r, const char *type)
{
    struct waiting w = { r, type };

    if (loop_run_until(r->loop, has_come, &w, RIG_WAIT_MS))
        FAIL_TEST("no %s after %zu events", type, r->n_events);
    return r->events[r->at++];
}

size_t rig_count(const struct rig *r, const char *type)
{
    size_t i, n = 0;

    for (i = 0; i < r->n_events; i++)
        n += str_eq_c(json_str(json_get(r->events[i], "type")), type);
    return n;
}

void rig_await_close(struct rig *r)
{
    CHECK_OK(loop_run_until(r->loop, is_closed, r, RIG_WAIT_MS));
}

struct str rig_text(struct rig *r, const struct jval *v, const char *path)
{
    (void)r;
    return json_str(json_path(v, path));
}

static void append_audio(struct rig *r, struct str ulaw)
{
    size_t at;
    char text[BASE64_LEN(G711_FRAME_BYTES)];

    for (at = 0; at < ulaw.n; at += G711_FRAME_BYTES) {
        struct str frame = str_slice(ulaw, at, at + G711_FRAME_BYTES);
        size_t n = base64_encode(text, frame.p, frame.n);

        rig_send(r, "{'type':'input_audio_buffer.append','audio':'%.*s'}", (int)n, text);
    }
}

void rig_silence(struct rig *r, int ms)
{
    struct buf quiet = BUF_INIT(MIB);
    int i;

    for (i = 0; i < ms * G711_BYTES_PER_MS; i++)
        buf_add_char(&quiet, (char)G711_ULAW_SILENCE);
    append_audio(r, buf_str(&quiet));
    buf_release(&quiet);
}

void rig_say(struct rig *r, const char *voice, const char *text, int silence_ms)
{
    struct buf speech = BUF_INIT(4 * MIB);
    struct err err = ERR_INIT;

    CHECK_OK(engine_say(r->lc.engine, str_c(voice), str_c(text), &speech, &err));
    append_audio(r, buf_str(&speech));
    rig_silence(r, silence_ms);
    buf_release(&speech);
}
