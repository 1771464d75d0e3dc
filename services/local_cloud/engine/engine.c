#include "local_cloud/engine/engine_internal.h"

#include <string.h>

#include "base/json.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/ws.h"

/* What GET /v1/models lists: the models that this stand-in takes. */
static const char *const listed_models[] = { "gpt-realtime-2.1",    "gpt-realtime-2.1-mini",
                                             "gpt-realtime-2",      "gpt-transcribe",
                                             "gpt-live-transcribe", "whisper-1" };
enum { MODELS_CREATED_S = 1783296000 };

void engine_fault_next(struct engine *e, const struct engine_fault *fault, int count)
{
    pthread_mutex_lock(&e->lock);
    e->fault = *fault;
    e->fault_count = count;
    pthread_mutex_unlock(&e->lock);
}

void fault_take(struct engine *e, struct engine_fault *ret)
{
    pthread_mutex_lock(&e->lock);
    *ret = e->fault_count ? e->fault : (struct engine_fault){ 0 };
    if (e->fault_count > 0)
        e->fault_count--;
    pthread_mutex_unlock(&e->lock);
}

/* Codes that a fault may ask for. */
static const char *const fault_codes[] = { "invalid_api_key",    "invalid_model",
                                           "insufficient_quota", "rate_limit_exceeded",
                                           "server_error",       "inference_rate_limit_exceeded",
                                           "slow_down",          "server_is_overloaded" };

static bool fault_code_read(const char **ret, struct str value)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(fault_codes); i++) {
        if (str_eq_c(value, fault_codes[i])) {
            *ret = fault_codes[i];
            return true;
        }
    }
    return false;
}

static bool fault_set(struct engine_fault *f, struct str name, struct str value)
{
    const struct {
        const char *name;
        int *value;
    } numbers[] = {
        { "refuse", &f->refuse_status },
        { "error_after", &f->error_after_ms },
        { "expire_after", &f->expire_after_ms },
        { "stall_after", &f->stall_after_ms },
        { "close_after", &f->close_after_ms },
        { "code", &f->close_code },
        { "ignore_responses", &f->ignore_responses },
        { "fail_responses", &f->fail_responses },
        { "late_deltas", &f->late_deltas },
        { "first_audio", &f->first_audio_ms },
        { "stall_response", &f->stall_response_ms },
    };
    int64_t v = 0;
    size_t i;

    if (str_eq_c(name, "error"))
        return fault_code_read(&f->error_code, value);
    if (str_eq_c(name, "fail_code"))
        return fault_code_read(&f->fail_code, value);
    if (str_eq_c(name, "mute")) {
        f->mute = true;
        return true;
    }
    for (i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!str_eq_c(name, numbers[i].name))
            continue;
        if (str_to_i64(value, -1, 3600000, &v))
            return false;
        *numbers[i].value = (int)v;
        return true;
    }
    return false;
}

bool fault_parse(struct engine_fault *ret, struct str text)
{
    struct str one, name, value, rest = text;

    while (rest.n > 0) {
        (void)str_cut(rest, ',', &one, &rest); /* the last has no comma behind it */
        (void)str_cut(one, ':', &name, &value);
        if (!fault_set(ret, name, value))
            return false;
    }
    return true;
}

enum errc engine_say(struct engine *e, struct str voice, struct str text, struct buf *out,
                     struct err *err)
{
    return synth_ulaw(e->synth, voice, text, out, err);
}

void engine_stats(struct engine *e, struct buf *out)
{
    pthread_mutex_lock(&e->lock);
    buf_addf(out, "{\"connections\":%ld,\"responses\":%ld,\"toolCalls\":%ld,\"turns\":%ld}",
             e->stats.connections, e->stats.responses, e->stats.tool_calls, e->stats.turns);
    pthread_mutex_unlock(&e->lock);
}

void engine_count(struct engine *e, long *counter)
{
    pthread_mutex_lock(&e->lock);
    ++*counter;
    pthread_mutex_unlock(&e->lock);
}

struct prepare_job {
    struct engine *engine;
    char *topics;
};

/* In the order in which a talk wants them. */
static void prepare_run(void *arg, struct ctx *ctx)
{
    static const enum hearing order[] = { HEAR_REQUEST, HEAR_WHEN,  HEAR_NAME,    HEAR_YES_NO,
                                          HEAR_MORE,    HEAR_PHONE, HEAR_DETAILS, HEAR_ANYTHING };
    struct prepare_job *j = arg;
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(order) && !atomic_load(&j->engine->stopping); i++) {
        if (recognizer_prepare(j->engine->recognizer, order[i], str_c(j->topics), &err))
            log_error(&ctx->log, "engine: speech is not recognised: %s", err.text);
    }
}

static void prepare_done(void *arg)
{
    struct prepare_job *j = arg;

    j->engine->preparing = false;
    mem_free(j->topics);
    mem_free(j);
}

void engine_prepare(struct engine *e, struct str topics)
{
    struct prepare_job *j;

    if (e->preparing || (e->prepared && str_eq_c(topics, e->prepared)))
        return; /* what is not made before is made when it is needed */
    j = MEM_NEW(struct prepare_job);
    j->engine = e;
    e->preparing = true;
    j->topics = mem_str_dup(topics);
    if (workers_submit(e->workers, prepare_run, prepare_done, j)) {
        prepare_done(j);
        return;
    }
    mem_free(e->prepared);
    e->prepared = mem_str_dup(topics);
}

/* HTTP. */

void api_reply_error(struct http_req *r, int status, const char *type, const char *code,
                     const char *param, const char *message)
{
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_obj(&w, "error");
    jw_cstr(&w, "message", message);
    jw_cstr(&w, "type", type);
    jw_cstr(&w, "param", param);
    jw_cstr(&w, "code", code);
    jw_end(&w);
    jw_end(&w);
    http_reply_json(r, status, jw_finish(&w, r->ctx->arena));
}

enum errc api_admit(void *app, struct http_req *r)
{
    struct str key = http_req_header(r, "authorization");

    (void)app;
    if (!str_istarts(key, STR("bearer ")) || key.n == strlen("bearer ")) {
        api_reply_error(r, 401, "invalid_request_error", NULL, NULL,
                        "You didn't provide an API key. You need to provide your API key in an "
                        "Authorization header "
                        "using Bearer auth.");
        return ERR_DENIED;
    }
    if (str_istarts(key, STR("bearer bad"))) {
        api_reply_error(r, 401, "invalid_request_error", "invalid_api_key", NULL,
                        "Incorrect API key provided.");
        return ERR_DENIED;
    }
    return ERR_OK;
}

static void model_write(struct jw *w, const char *name)
{
    jw_obj(w, NULL);
    jw_cstr(w, "id", name);
    jw_cstr(w, "object", "model");
    jw_i64(w, "created", MODELS_CREATED_S);
    jw_cstr(w, "owned_by", "system");
    jw_null(w, "shutdown_date");
    jw_end(w);
}

static void models_handle(void *app, struct http_req *r)
{
    struct jw w;
    size_t i;

    (void)app;
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "object", "list");
    jw_arr(&w, "data");
    for (i = 0; i < ARRAY_LEN(listed_models); i++)
        model_write(&w, listed_models[i]);
    jw_end(&w);
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, r->ctx->arena));
}

static void model_handle(void *app, struct http_req *r)
{
    struct str name = http_req_param(r, "model");
    struct jw w;
    size_t i;

    (void)app;
    for (i = 0; i < ARRAY_LEN(listed_models); i++) {
        if (!str_eq_c(name, listed_models[i]))
            continue;
        jw_init(&w);
        model_write(&w, listed_models[i]);
        http_reply_json(r, 200, jw_finish(&w, r->ctx->arena));
        return;
    }
    api_reply_error(r, 404, "invalid_request_error", "model_not_found", "model",
                    "The model does not exist or you do not have access to it.");
}

static const struct http_route routes[] = {
    { .methods = HTTP_GET, .path = "/v1/models", .admit = api_admit, .handle = models_handle },
    { .methods = HTTP_GET,
      .path = "/v1/models/{model}",
      .admit = api_admit,
      .handle = model_handle },
    { .methods = HTTP_POST,
      .path = "/v1/audio/transcriptions",
      .body_max = ENGINE_UPLOAD_MAX,
      .admit = api_admit,
      .handle = transcribe_handle },
};

/* Life. */

static void engine_destroy(struct local_cloud *lc)
{
    struct engine *e = lc->engine;

    if (!e)
        return;
    atomic_store(&e->stopping, true);
    realtime_end_all(e);
    workers_destroy(e->workers);
    recognizer_destroy(e->recognizer);
    synth_destroy(e->synth);
    mem_free(e->prepared);
    pthread_mutex_destroy(&e->lock);
    mem_free(e);
    lc->engine = NULL;
}

static enum errc engine_create(struct local_cloud *lc, struct err *err)
{
    struct engine *e = MEM_NEW(struct engine);
    enum errc rc;

    e->lc = lc;
    e->loop = lc->service->loop;
    e->log = lc->service->log;
    list_init(&e->connections);
    pthread_mutex_init(&e->lock, NULL);
    e->synth = synth_create();
    lc->engine = e;
    rc = recognizer_create(&e->recognizer, NULL, err);
    if (!rc)
        rc = workers_create(&e->workers, e->loop, ENGINE_THREADS, lc->service->tls, &e->log, err);
    if (rc)
        engine_destroy(lc);
    return rc;
}

/* The first caller should not wait for what can be made before. */
static void warm_run(void *arg, struct ctx *ctx)
{
    struct engine *e = arg;
    struct buf audio = BUF_INIT(MIB);
    struct err err = ERR_INIT;

    if (synth_ulaw(e->synth, STR("slt"), STR("Hello."), &audio, &err))
        log_error(&ctx->log, "engine: nothing can be said: %s", err.text);
    buf_release(&audio);
}

static void engine_started(struct local_cloud *lc)
{
    struct engine *e = lc->engine;

    if (workers_submit(e->workers, warm_run, NULL, e))
        log_warn(&e->log, "engine: no worker is free to warm up");
}

/* The table of the module holds what realtime.c describes. */
const struct local_module engine_module = {
    .name = "engine",
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .ws_routes = realtime_routes,
    .n_ws_routes = REALTIME_ROUTES,
    .create = engine_create,
    .started = engine_started,
    .destroy = engine_destroy,
};
