#include "world_test.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/url.h"
#include "local_cloud/store.h"
#include "net/http_client.h"
#include "twilio/media_stream.h"
#include "twilio/signature.h"
#include "voice/g711.h"

/* ---- the application ---- */

static struct twilio_verifier verifier(struct world *w)
{
    static const struct str tokens[] = { { WORLD_TOKEN, sizeof(WORLD_TOKEN) - 1 } };

    return (struct twilio_verifier){ w->settings.public_base_url, { tokens, 1 } };
}

/* NOLINTNEXTLINE(misc-no-recursion): as often as the text has a %s */
static struct str fill(struct arena *a, const char *text, const char *what)
{
    struct str t = str_c(text);
    size_t at = str_find(t, STR("%s"));
    struct str rest;

    if (at == t.n)
        return t;
    rest = fill(a, text + at + 2, what);
    return arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(str_slice(t, 0, at)), what, STR_ARG(rest));
}

static void on_app_request(void *app, struct http_req *r)
{
    struct world *w = app;
    struct twilio_verifier v = verifier(w);
    struct twilio_signed s = { r->target, http_req_header(r, "Content-Type"), r->body,
                               http_req_header(r, "X-Twilio-Signature") };
    const char *host = w->settings.public_base_url.p + strlen("http://");
    size_t i, hit = WORLD_ANSWERS_MAX;

    if (twilio_verify(&v, &s, r->ctx->arena))
        w->refused++;
    buf_addf(&w->asked, STR_FMT " " STR_FMT "\n", STR_ARG(r->target), STR_ARG(r->body));
    for (i = 0; i < w->n_answers; i++) {
        if (str_eq_c(r->path, w->answers[i].path) && (hit == WORLD_ANSWERS_MAX || !w->used[i])) {
            hit = i;
            if (!w->used[i])
                break;
        }
    }
    if (hit == WORLD_ANSWERS_MAX) {
        http_reply_empty(r, 204);
        return;
    }
    w->used[hit]++;
    http_reply(r, w->answers[hit].status, "text/xml",
               fill(r->ctx->arena, w->answers[hit].body, host));
}

static int on_upgrade(void *app, const struct ws_upgrade *u, void **arg)
{
    struct world *w = app;
    struct twilio_verifier v = verifier(w);
    struct arena a = ARENA_INIT;
    enum errc rc =
        twilio_verify_upgrade(&v, u->target, ws_upgrade_header(u, "x-twilio-signature"), &a);

    arena_release(&a);
    *arg = w;
    if (rc)
        w->stream_refused++;
    return rc ? 403 : 0;
}

static int on_unwanted_upgrade(void *app, const struct ws_upgrade *u, void **arg)
{
    (void)app;
    (void)u;
    (void)arg;
    return 403;
}

static void on_stream_message(void *arg, struct str data, bool binary)
{
    static struct media_reader reader;
    struct world *w = arg;
    struct media_msg m;

    CHECK(!binary);
    buf_add_str(&w->stream, data);
    buf_add_char(&w->stream, '\n');
    CHECK_OK(media_parse(&reader, data, &m, NULL));
    if (m.kind == MEDIA_START)
        (void)str_copy(w->stream_sid, sizeof(w->stream_sid), m.stream_sid);
    if (m.kind == MEDIA_AUDIO) {
        CHECK_INT(m.ulaw_n, PHONE_FRAME_BYTES);
        w->media_messages++;
        if (w->on_media)
            w->on_media(w);
    }
    media_reader_release(&reader);
}

static void on_stream_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct world *w = arg;

    (void)reason;
    (void)err;
    buf_addf(&w->stream, "closed %d\n", code);
    w->ws = NULL;
    w->stream_open = false;
}

static void on_stream(void *app, struct ws_conn *c, struct ws_events *events, void **arg)
{
    struct world *w = app;

    w->ws = c;
    w->stream_open = true;
    *events = (struct ws_events){ .on_message = on_stream_message, .on_closed = on_stream_closed };
    *arg = w;
}

static const struct http_route app_routes[] = {
    { .methods = HTTP_ANY,
      .path = "/{all*}",
      .body_max = 64 * KIB,
      .handle = on_app_request,
      .on_loop = true },
};
static const struct ws_route app_ws_routes[] = {
    { .path = "/media", .admit = on_upgrade, .accept = on_stream },
    { .path = "/unwanted", .admit = on_unwanted_upgrade, .accept = on_stream },
};

void world_answers(struct world *w, const char *path, int status, const char *body)
{
    w->answers[w->n_answers++] = (struct world_answer){ path, status, body };
}

void world_stream_send(struct world *w, const char *text)
{
    struct arena a = ARENA_INIT;

    CHECK(w->ws != NULL);
    CHECK_OK(ws_send_text(w->ws, fill(&a, text, w->stream_sid)));
    arena_release(&a);
}

void world_stream_send_audio(struct world *w, const uint8_t *ulaw, size_t n)
{
    struct arena a = ARENA_INIT;
    size_t size = media_audio_size(str_c(w->stream_sid), n);
    char *text = arena_alloc(&a, size);

    CHECK_INT(media_write_audio(text, size, str_c(w->stream_sid), ulaw, n), size);
    CHECK_OK(ws_send_text(w->ws, str_n(text, size)));
    arena_release(&a);
}

/* ---- the caller ---- */

static void on_answered(void *arg)
{
    ((struct world *)arg)->answered = true;
}

static void on_hears(void *arg, const uint8_t *ulaw, int64_t at_ms)
{
    struct world *w = arg;

    CHECK_INT(at_ms * G711_BYTES_PER_MS, w->heard.n);
    buf_add(&w->heard, ulaw, PHONE_FRAME_BYTES);
}

static bool on_says(void *arg, uint8_t *ulaw, int64_t at_ms)
{
    struct world *w = arg;
    size_t at = (size_t)MAX(at_ms - w->says_at_ms, 0) * G711_BYTES_PER_MS;

    if (at_ms < w->says_at_ms || at + PHONE_FRAME_BYTES > w->says.n)
        return false;
    memcpy(ulaw, w->says.p + at, PHONE_FRAME_BYTES);
    return true;
}

static void on_ended(void *arg, const char *reason)
{
    struct world *w = arg;

    (void)str_copy(w->ended, sizeof(w->ended), str_c(reason));
    w->ended_times++;
    w->call = NULL;
}

static void on_event(void *arg, struct phone_call *c, const char *kind, struct str detail)
{
    struct world *w = arg;

    (void)c;
    buf_addf(&w->events, "%s " STR_FMT "\n", kind, STR_ARG(detail));
}

void world_call(struct world *w, const struct phone_dial *dial, size_t n_dial)
{
    static const struct caller_ops ops = { on_answered, on_hears, on_says, on_ended };
    const struct phone_call_opts o = { .from = STR(WORLD_FROM),
                                       .to = STR(WORLD_TO),
                                       .caller = &ops,
                                       .caller_arg = w,
                                       .dial = dial,
                                       .n_dial = n_dial,
                                       .on_event = on_event,
                                       .event_arg = w };

    CHECK_OK(telephony_place(w->lc.telephony, &o, &w->call, NULL));
}

/* ---- life ---- */

static void on_line(void *arg, enum log_level level, struct str line)
{
    struct world *w = arg;

    (void)level;
    buf_add_str(&w->lines, line);
    buf_add_char(&w->lines, '\n');
}

static struct http_server *serve(struct world *w, const struct http_route *routes, size_t n_routes,
                                 const struct ws_route *ws_routes, size_t n_ws_routes, void *app)
{
    struct http_server *s = NULL;

    CHECK_OK(http_server_create(&s, w->service.loop,
                                &(struct http_server_opts){ .host = "127.0.0.1",
                                                            .routes = routes,
                                                            .n_routes = n_routes,
                                                            .ws_routes = ws_routes,
                                                            .n_ws_routes = n_ws_routes,
                                                            .app = app,
                                                            .workers = w->service.workers,
                                                            .log = &w->service.log },
                                NULL));
    return s;
}

void world_open(struct world *w)
{
    world_open_stored(w, STR_EMPTY);
}

void world_open_stored(struct world *w, struct str store_path)
{
    *w = (struct world){ .clock = clock_system(0), .store_path = store_path };
    buf_init(&w->lines, 16 * MIB);
    buf_init(&w->asked, 16 * MIB);
    buf_init(&w->stream, 16 * MIB);
    buf_init(&w->heard, WORLD_HEARD_MAX);
    buf_init(&w->events, 1 * MIB);
    w->sink = log_sink_create_fn(on_line, w, LOG_WARN, &w->clock);
    w->service.clock = &w->clock;
    w->service.log = log_root(w->sink);
    w->service.arena = &w->arena;
    w->service.settings = &w->settings;
    CHECK_OK(loop_create(&w->service.loop, &w->clock, &w->service.log, NULL));
    w->service.tls = tls_store_create(NULL);
    CHECK_OK(workers_create(&w->service.workers, w->service.loop, 2, w->service.tls,
                            &w->service.log, NULL));
    w->settings.account_sid = STR(WORLD_ACCOUNT);
    w->settings.auth_token = STR(WORLD_TOKEN);
    w->lc.service = &w->service;
    w->cloud = serve(w, telephony_routes, TELEPHONY_ROUTES, NULL, 0, &w->lc);
    w->app =
        serve(w, app_routes, ARRAY_LEN(app_routes), app_ws_routes, ARRAY_LEN(app_ws_routes), w);
    w->settings.public_base_url =
        arena_printf(&w->arena, "http://127.0.0.1:%d", http_server_port(w->app));
    w->lc.origin = arena_printf(&w->arena, "http://127.0.0.1:%d", http_server_port(w->cloud));
    CHECK_OK(store_create(&w->lc.store, w->store_path, NULL));
    CHECK_OK(telephony_create(&w->lc, NULL));
}

struct waiting {
    struct world *w;
    bool (*done)(struct world *w);
};

static bool check(void *arg)
{
    struct waiting *x = arg;

    return x->done(x->w);
}

void world_until(struct world *w, bool (*done)(struct world *w))
{
    struct waiting x = { w, done };

    if (loop_run_until(w->service.loop, check, &x, WORLD_WAIT_MS))
        FAIL_TEST("it did not happen; asked:\n%s\nevents:\n%s\nlog:\n%s", buf_cstr(&w->asked),
                  buf_cstr(&w->events), buf_cstr(&w->lines));
}

static bool nothing_is_asked(struct world *w)
{
    return workers_pending(w->lc.telephony->workers) == 0;
}

void world_close(struct world *w)
{
    world_until(w, nothing_is_asked); /* the application answers on this thread */
    CHECK_INT(w->refused, 0);
    CHECK_INT(w->stream_refused, 0);
    telephony_destroy(&w->lc);
    w->lc.store = store_destroy(w->lc.store);
    w->service.workers = workers_destroy(w->service.workers);
    w->cloud = http_server_destroy(w->cloud);
    w->app = http_server_destroy(w->app);
    w->service.loop = loop_destroy(w->service.loop);
    w->service.tls = tls_store_destroy(w->service.tls);
    w->sink = log_sink_destroy(w->sink);
    buf_release(&w->lines);
    buf_release(&w->asked);
    buf_release(&w->stream);
    buf_release(&w->heard);
    buf_release(&w->events);
    arena_release(&w->arena);
}

bool world_ended(struct world *w)
{
    return w->ended_times > 0;
}

/* ---- REST ---- */

struct rest_job {
    struct world *w;
    const char *method, *path, *form, *credentials;
};

static void rest_run(void *arg, struct ctx *ctx)
{
    struct rest_job *j = arg;
    struct world *w = j->w;
    struct str user, password;
    struct http_header header = { STR("Content-Type"), STR("application/x-www-form-urlencoded") };
    struct http_request req = { .method = j->method,
                                .url =
                                    arena_printf(ctx->arena, STR_FMT "%s%s", STR_ARG(w->lc.origin),
                                                 "/2010-04-01/Accounts/" WORLD_ACCOUNT, j->path),
                                .body = str_c(j->form),
                                .headers = &header,
                                .n_headers = j->form ? 1 : 0 };
    struct http_response r;

    if (str_cut(str_c(j->credentials), ':', &user, &password)) {
        req.basic_user = user;
        req.basic_password = password;
    }
    w->rest_status = -1;
    if (http_do(ctx->http, ctx->arena, &req, &r, NULL) == ERR_OK) {
        w->rest_status = r.status;
        w->rest_body = arena_str(&w->arena, r.body); /* the loop's thread waits meanwhile */
    }
}

static void rest_done(void *arg)
{
    struct rest_job *j = arg;

    j->w->rest_done = true;
}

static bool rest_is_done(struct world *w)
{
    return w->rest_done;
}

void world_rest(struct world *w, const char *method, const char *path, const char *form,
                const char *credentials)
{
    struct rest_job j = { w, method, path, form, credentials };

    if (!j.credentials)
        j.credentials = WORLD_ACCOUNT ":" WORLD_TOKEN;
    w->rest_done = false;
    CHECK_OK(workers_submit(w->service.workers, rest_run, rest_done, &j));
    world_until(w, rest_is_done);
}

size_t world_count(struct str in, const char *what)
{
    size_t n = 0, at;

    while ((at = str_find(in, str_c(what))) < in.n) {
        n++;
        in = str_from(in, at + 1);
    }
    return n;
}
