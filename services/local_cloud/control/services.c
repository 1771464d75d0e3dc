#include "local_cloud/control/services.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "google/google.h"
#include "local_cloud/control/control.h"
#include "local_cloud/control/supervise.h"
#include "local_cloud/settings.h"
#include "net/http_client.h"

enum { WEBHOOK = 1, BRIDGE, GATEWAY, POST_CALL, WRITER, DASHBOARD, ENV_MAX = 48 };

/* Port offsets are the enum above. */
static const char *const programs[] = { "twiml-webhook", "media-bridge",   "tool-gateway",
                                        "post-call",     "outcome-writer", "dashboard" };

static const struct {
    const char *name, *topic, *path;
    int service; /* 0: this program */
} subscriptions[] = {
    { "outcome-writer", LOCAL_EVENTS_TOPIC, "/push/events", WRITER },
    { "post-call", LOCAL_RECORDINGS_TOPIC, "/push/recordings", POST_CALL },
    { "local-watch", LOCAL_EVENTS_TOPIC, "/local/push", 0 },
};

struct services {
    struct local_cloud *lc;
    struct supervisor *supervisor;
    pthread_mutex_t lock; /* of what services_status() reads */
    bool ready;
    struct err failed;
    int port; /* ours; theirs follow */
};

/* ---- topics, subscriptions, bucket ---- */

static enum errc put(struct ctx *ctx, const char *method, struct str url, struct str body,
                     struct err *err)
{
    static const struct http_header headers[] = {
        { STR("Content-Type"), STR("application/json") },
        { STR("Authorization"), STR("Bearer owner") },
    };
    struct http_request req = { .method = method,
                                .url = url,
                                .headers = headers,
                                .n_headers = ARRAY_LEN(headers),
                                .body = body };
    struct http_response res;
    enum errc rc = http_do(ctx->http, ctx->arena, &req, &res, err);

    if (rc)
        return rc;
    if (res.status == 409) /* there since an earlier run */
        return ERR_OK;
    rc = http_status_errc(res.status);
    return rc ? err_set_upstream(err, rc, res.status, "%s " STR_FMT ": " STR_FMT, method,
                                 STR_ARG(url), STR_ARG(str_slice(res.body, 0, 120)))
              : ERR_OK;
}

static void push_config(const struct services *s, struct jw *w, size_t i)
{
    const struct local_settings *settings = local_settings_of(s->lc->service);
    int port = s->port + subscriptions[i].service;

    jw_obj(w, "pushConfig");
    jw_strf(w, "pushEndpoint", "http://127.0.0.1:%d%s", port, subscriptions[i].path);
    jw_obj(w, "oidcToken");
    jw_str(w, "serviceAccountEmail", settings->service_account);
    jw_strf(w, "audience", "http://127.0.0.1:%d", port);
    jw_end(w);
    jw_end(w);
}

static struct str subscription_body(struct services *s, struct arena *a, size_t i)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_strf(&w, "topic", "projects/%s/topics/%s", LOCAL_PROJECT, subscriptions[i].topic);
    jw_i64(&w, "ackDeadlineSeconds", subscriptions[i].service == POST_CALL ? 600 : 30);
    jw_bool(&w, "enableMessageOrdering", subscriptions[i].service == WRITER);
    push_config(s, &w, i);
    jw_obj(&w, "retryPolicy");
    jw_cstr(&w, "minimumBackoff", "1s");
    jw_cstr(&w, "maximumBackoff", "30s");
    jw_end(&w);
    jw_end(&w);
    return jw_finish(&w, a);
}

/* A subscription of an earlier run on other ports is there already: it gets the new address. */
static enum errc subscribe(struct services *s, struct ctx *ctx, struct str base, size_t i)
{
    struct str name = arena_printf(ctx->arena, STR_FMT "/v1/projects/%s/subscriptions/%s",
                                   STR_ARG(base), LOCAL_PROJECT, subscriptions[i].name);
    enum errc rc = put(ctx, "PUT", name, subscription_body(s, ctx->arena, i), &s->failed);
    struct jw w;

    if (rc)
        return rc;
    jw_init(&w);
    jw_obj(&w, NULL);
    push_config(s, &w, i);
    jw_end(&w);
    return put(ctx, "POST", arena_printf(ctx->arena, STR_FMT ":modifyPushConfig", STR_ARG(name)),
               jw_finish(&w, ctx->arena), &s->failed);
}

static void prepare_run(void *arg, struct ctx *ctx)
{
    static const char *const topics[] = { LOCAL_EVENTS_TOPIC, LOCAL_RECORDINGS_TOPIC };
    struct services *s = arg;
    struct str base = arena_printf(ctx->arena, "http://127.0.0.1:%d", s->port);
    enum errc rc = ERR_OK;
    size_t i;

    for (i = 0; !rc && i < ARRAY_LEN(topics); i++)
        rc = put(ctx, "PUT",
                 arena_printf(ctx->arena, STR_FMT "/v1/projects/%s/topics/%s", STR_ARG(base),
                              LOCAL_PROJECT, topics[i]),
                 STR("{}"), &s->failed);
    for (i = 0; !rc && i < ARRAY_LEN(subscriptions); i++)
        rc = subscribe(s, ctx, base, i);
    if (!rc)
        rc = put(ctx, "POST",
                 arena_printf(ctx->arena, STR_FMT "/storage/v1/b?project=%s", STR_ARG(base),
                              LOCAL_PROJECT),
                 STR("{\"name\":\"" LOCAL_BUCKET "\"}"), &s->failed);
    if (rc)
        (void)err_wrap(&s->failed, rc, "preparing topics, subscriptions and bucket");
}

/* ---- settings of the services ---- */

struct env {
    const char *vars[ENV_MAX + 1];
    size_t n;
    struct arena *a;
};

static void env_add(struct env *e, const char *name, struct str value)
{
    if (e->n < ENV_MAX)
        e->vars[e->n++] =
            arena_printf(e->a, "%s=" STR_FMT, name, STR_ARG(value)).p; /* ends with a NUL */
}

static void env_url(struct env *e, const char *name, const char *scheme, int port, const char *path)
{
    env_add(e, name, arena_printf(e->a, "%s127.0.0.1:%d%s", scheme, port, path));
}

static void common_env(const struct services *s, struct env *e)
{
    const struct local_settings *settings = local_settings_of(s->lc->service);
    bool real = settings->openai_api_key.n > 0;

    env_add(e, "GOOGLE_CLOUD_PROJECT", STR(LOCAL_PROJECT));
    env_add(e, "LISTEN_HOST", STR("127.0.0.1"));
    env_add(e, "LOG_FORMAT", STR("json"));
    env_add(e, "LOG_LEVEL", settings->show_log ? STR("debug") : STR("info"));
    env_add(e, "CLOCK_OFFSET_MS",
            arena_printf(e->a, "%lld", (long long)settings->common.clock_offset_ms));
    env_url(e, "FIRESTORE_EMULATOR_HOST", "", s->port, "");
    env_url(e, "PUBSUB_EMULATOR_HOST", "", s->port, "");
    env_url(e, "STORAGE_EMULATOR_HOST", "http://", s->port, "");
    env_url(e, "GCE_METADATA_HOST", "", s->port, "");
    env_url(e, "OIDC_CERTS_URL", "http://", s->port, "/oauth2/v3/certs");
    env_add(e, "OIDC_EMAILS", settings->service_account);
    env_add(e, "TWILIO_ACCOUNT_SID", settings->account_sid);
    env_add(e, "TWILIO_AUTH_TOKEN", settings->auth_token);
    env_url(e, "TWILIO_API_BASE", "http://", s->port, "");
    env_add(e, "STREAM_TOKEN_KEY", random_id_text(e->a, 52));
    env_add(e, "SLOT_KEY", random_id_text(e->a, 52));
    env_url(e, "BRIDGE_URL", "ws://", s->port + BRIDGE, "/media");
    env_url(e, "TOOL_GATEWAY_URL", "http://", s->port + GATEWAY, "");
    env_add(e, "EVENTS_TOPIC", STR(LOCAL_EVENTS_TOPIC));
    env_add(e, "RECORDINGS_TOPIC", STR(LOCAL_RECORDINGS_TOPIC));
    env_add(e, "RECORDINGS_BUCKET", STR(LOCAL_BUCKET));
    env_add(e, "BUSINESS_PROFILE", settings->profile);
    env_add(e, "DASHBOARD_AUTH", STR("none")); /* loopback only */
    env_add(e, "OPENAI_API_KEY", real ? settings->openai_api_key : STR("sk-local"));
    if (!real) {
        env_url(e, "OPENAI_REALTIME_URL", "ws://", s->port, "/v1/realtime");
        env_url(e, "OPENAI_BASE_URL", "http://", s->port, "/v1");
    }
}

/* ---- life ---- */

static void on_ready(void *arg)
{
    struct services *s = arg;

    pthread_mutex_lock(&s->lock);
    s->ready = true;
    pthread_mutex_unlock(&s->lock);
    log_info(&s->lc->service->log, "all services ready port=%d", s->port);
}

static void on_failed(void *arg, const struct err *err)
{
    struct services *s = arg;

    pthread_mutex_lock(&s->lock);
    s->failed = *err;
    s->ready = false;
    pthread_mutex_unlock(&s->lock);
    log_error(&s->lc->service->log, "%s", err->text);
}

static void start_services(struct services *s)
{
    const struct local_settings *settings = local_settings_of(s->lc->service);
    struct arena *a = s->lc->service->arena;
    struct child_spec children[ARRAY_LEN(programs)];
    struct env common = { .a = a }, own[ARRAY_LEN(programs)] = { 0 };
    struct supervisor_opts o = { .service = s->lc->service,
                                 .ready = on_ready,
                                 .failed = on_failed,
                                 .arg = s,
                                 .show_all = settings->show_log,
                                 .colour = isatty(STDERR_FILENO) };
    struct err err = ERR_INIT;
    size_t i;

    common_env(s, &common);
    for (i = 0; i < ARRAY_LEN(programs); i++) {
        int port = s->port + 1 + (int)i;

        own[i].a = a;
        env_url(&own[i], "PUBLIC_BASE_URL", "http://", port, "");
        env_url(&own[i], "OIDC_AUDIENCE", "http://", port, "");
        children[i] = (struct child_spec){ programs[i], port, own[i].vars };
    }
    o.dir = arena_cstr(a, settings->services_dir);
    o.common_env = common.vars;
    o.children = children;
    o.n_children = ARRAY_LEN(programs);
    if (supervisor_create(&s->supervisor, &o, &err))
        on_failed(s, &err);
}

static void prepare_done(void *arg)
{
    struct services *s = arg;
    struct err err = s->failed;

    if (err.code)
        on_failed(s, &err);
    else if (local_settings_of(s->lc->service)->services_dir.n)
        start_services(s);
    else
        on_ready(s);
}

struct services *services_create(struct local_cloud *lc)
{
    struct services *s = MEM_NEW(struct services);

    s->lc = lc;
    s->port = http_server_port(lc->service->server);
    pthread_mutex_init(&s->lock, NULL);
    if (workers_submit(lc->service->workers, prepare_run, prepare_done, s))
        (void)err_set(&s->failed, ERR_LIMIT, "no worker is free at start");
    return s;
}

struct services *services_destroy(struct services *s)
{
    if (!s)
        return NULL;
    s->supervisor = supervisor_destroy(s->supervisor);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
    return NULL;
}

void services_stop(struct services *s, void (*done)(void *arg), void *arg)
{
    if (s && s->supervisor)
        supervisor_stop(s->supervisor, done, arg);
    else
        done(arg);
}

struct str services_status(struct services *s, struct arena *a)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    pthread_mutex_lock(&s->lock);
    jw_bool(&w, "ready", s->ready);
    if (s->failed.code)
        jw_cstr(&w, "error", s->failed.text);
    pthread_mutex_unlock(&s->lock);
    jw_obj(&w, "urls");
    jw_strf(&w, "dashboard", "http://127.0.0.1:%d/", s->port + DASHBOARD);
    jw_strf(&w, "phone", "http://127.0.0.1:%d/phone", s->port);
    jw_strf(&w, "webhook", "http://127.0.0.1:%d/voice/incoming", s->port + WEBHOOK);
    jw_end(&w);
    jw_end(&w);
    return jw_finish(&w, a);
}
