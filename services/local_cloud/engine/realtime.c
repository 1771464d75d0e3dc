/* The client's side of a Realtime connection: the upgrade, its events in, ours out. */
#include <string.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/url.h"
#include "local_cloud/engine/realtime_internal.h"
#include "net/ws.h"

enum {
    SESSION_SECONDS = 3600,
    CLOSE_POLICY = 3000,  /* key */
    CLOSE_REQUEST = 4000, /* model, dialect */
    CLOSE_DEFAULT = 1011,
};

/* Any other name is refused, as an account without access to it would be. */
static const char *const models[] = {
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-realtime-2",
    "gpt-realtime-1.5",
    "gpt-realtime",
    "gpt-realtime-2025-08-28",
    "gpt-realtime-mini",
    "gpt-realtime-mini-2025-10-06",
    "gpt-realtime-mini-2025-12-15",
};

void realtime_event_begin(struct jw *w, const char *type)
{
    char id[API_ID_MAX];

    api_id(id, "event_");
    jw_init(w);
    jw_obj(w, NULL);
    jw_cstr(w, "type", type);
    jw_cstr(w, "event_id", id);
}

void realtime_event_send(struct realtime *rt, struct jw *w)
{
    struct buf text = BUF_INIT(ENGINE_QUEUE_MAX);

    jw_end(w);
    jw_text(w, &text);
    jw_release(w);
    if (!rt->stalled && rt->ws && ws_send_text(rt->ws, buf_str(&text)) == ERR_LIMIT) {
        log_warn(&rt->log, "engine: the client does not read session=%s queued_bytes=%zu", rt->id,
                 ws_queued(rt->ws));
        ws_abort(rt->ws);
    }
    buf_release(&text);
}

static void cstr_or_null(struct jw *w, const char *key, const char *v)
{
    jw_cstr(w, key, v[0] ? v : NULL);
}

void realtime_event_error(struct realtime *rt, const struct api_error *e,
                          struct str client_event_id)
{
    struct jw w;

    realtime_event_begin(&w, "error");
    jw_obj(&w, "error");
    jw_cstr(&w, "type", e->type);
    cstr_or_null(&w, "code", e->code);
    jw_cstr(&w, "message", e->message);
    cstr_or_null(&w, "param", e->param);
    if (client_event_id.n > 0)
        jw_str(&w, "event_id", client_event_id);
    else
        jw_null(&w, "event_id");
    jw_end(&w);
    realtime_event_send(rt, &w);
}

void item_event(struct realtime *rt, const char *type, const struct item *i)
{
    struct str previous = conversation_previous(&rt->conversation, i);
    struct jw w;

    realtime_event_begin(&w, type);
    if (previous.n > 0)
        jw_str(&w, "previous_item_id", previous);
    else
        jw_null(&w, "previous_item_id");
    item_write(&w, "item", i);
    realtime_event_send(rt, &w);
}

static void session_event(struct realtime *rt, const char *type)
{
    struct jw w;

    realtime_event_begin(&w, type);
    session_write(&w, rt->session, str_c(rt->id), rt->expires_at_s);
    realtime_event_send(rt, &w);
}

/* Jobs. */

static void job_run(void *arg, struct ctx *ctx)
{
    struct speech_job *j = arg;

    j->run(j, ctx);
}

static void job_done(void *arg)
{
    struct speech_job *j = arg;

    if (j->rt) {
        list_remove(&j->node);
        j->done(j);
    }
    j->free(j);
}

bool speech_job_start(struct realtime *rt, struct speech_job *j)
{
    j->rt = rt;
    j->engine = rt->engine;
    if (workers_submit(rt->engine->workers, job_run, job_done, j)) {
        log_warn(&rt->log, "engine: too much to say or understand session=%s", rt->id);
        j->free(j);
        return false;
    }
    list_push_back(&rt->jobs, &j->node);
    return true;
}

static void jobs_disown(struct realtime *rt)
{
    struct list_node *node;

    while ((node = list_pop_front(&rt->jobs)))
        CONTAINER_OF(node, struct speech_job, node)->rt = NULL;
}

/* Client events. Each handler returns false with *e filled; the event is then refused as a whole.
 * */

static bool on_session_update(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    if (!session_update(&rt->session, json_get(ev, "session"), rt->audio_made, e))
        return false;
    hearing_configure(rt);
    receptionist_brief(rt->receptionist, rt->session->instructions, rt->session->tools);
    if (json_path(ev, "session.instructions"))
        engine_prepare(rt->engine, receptionist_topics(rt->receptionist));
    session_event(rt, "session.updated");
    return true;
}

static bool on_append(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    return hearing_append(rt, json_str(json_get(ev, "audio")), e);
}

static bool on_commit(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    (void)ev;
    return hearing_commit(rt, e);
}

static bool on_clear(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    struct jw w;

    (void)ev;
    (void)e;
    hearing_clear(rt);
    realtime_event_begin(&w, "input_audio_buffer.cleared");
    realtime_event_send(rt, &w);
    return true;
}

static bool on_item_create(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    struct item *i = item_from_client(json_get(ev, "item"), e);

    if (!i)
        return false;
    if (!conversation_insert(&rt->conversation, i, json_str(json_get(ev, "previous_item_id")), e)) {
        item_destroy(i);
        return false;
    }
    item_event(rt, "conversation.item.added", i);
    item_event(rt, "conversation.item.done", i);
    return true;
}

static struct item *item_named(struct realtime *rt, const struct jval *ev, const char *verb,
                               struct api_error *e)
{
    struct str id = json_str(json_get(ev, "item_id"));
    struct item *i = conversation_find(&rt->conversation, id);
    char code[API_ERROR_CODE_MAX];
    struct buf b = BUF_INIT(sizeof(code) - 1);

    if (i)
        return i;
    buf_addf(&b, "item_%s_invalid_item_id", verb);
    (void)str_copy(code, sizeof(code), buf_str(&b)); /* bounded by the buffer */
    buf_release(&b);
    (void)api_error_set(e, code, "item_id", "Error: the item with id '" STR_FMT "' does not exist.",
                        STR_ARG(str_slice(id, 0, 64)));
    return NULL;
}

static bool on_item_retrieve(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    struct item *i = item_named(rt, ev, "retrieve", e);
    struct jw w;

    if (!i)
        return false;
    realtime_event_begin(&w, "conversation.item.retrieved");
    item_write(&w, "item", i);
    realtime_event_send(rt, &w);
    return true;
}

static bool on_item_delete(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    struct item *i = item_named(rt, ev, "delete", e);
    struct jw w;

    if (!i)
        return false;
    if (i->hearing || response_speaking_of(rt, i))
        return api_error_set(e, "item_delete_in_progress", "item_id",
                             "Error: the item '%s' is still being made.", i->id);
    realtime_event_begin(&w, "conversation.item.deleted");
    jw_cstr(&w, "item_id", i->id);
    realtime_event_send(rt, &w);
    rt->conversation.n--;
    item_destroy(i);
    return true;
}

static bool on_item_truncate(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    struct str id = json_str(json_get(ev, "item_id"));
    int64_t content_index = json_i64_or(json_get(ev, "content_index"), 0);
    int64_t audio_end_ms = json_i64_or(json_get(ev, "audio_end_ms"), 0);
    struct jw w;

    if (!conversation_truncate(&rt->conversation, id, content_index, audio_end_ms, e))
        return false;
    realtime_event_begin(&w, "conversation.item.truncated");
    jw_str(&w, "item_id", id);
    jw_i64(&w, "content_index", content_index);
    jw_i64(&w, "audio_end_ms", audio_end_ms);
    realtime_event_send(rt, &w);
    return true;
}

static bool on_response_create(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    if (rt->fault.ignore_responses > 0) {
        rt->fault.ignore_responses--;
        return true;
    }
    return response_start(rt, json_get(ev, "response"), e);
}

static bool on_response_cancel(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    return response_cancel(rt, json_str(json_get(ev, "response_id")), e);
}

#define HEAD                                                 \
    { .name = "type", .kind = FIELD_STR, .required = true }, \
    {                                                        \
        .name = "event_id", .kind = FIELD_STR                \
    }
#define MS_MAX 1e9

static const struct field bare_fields[] = { HEAD };
static const struct field update_fields[] = {
    HEAD, { .name = "session", .kind = FIELD_OBJ, .required = true }
};
static const struct field append_fields[] = {
    HEAD, { .name = "audio", .kind = FIELD_STR, .required = true }
};
static const struct field create_fields[] = {
    HEAD,
    { .name = "item", .kind = FIELD_OBJ, .required = true },
    { .name = "previous_item_id", .kind = FIELD_STR, .nullable = true },
};
static const struct field named_fields[] = {
    HEAD, { .name = "item_id", .kind = FIELD_STR, .required = true }
};
static const struct field truncate_fields[] = {
    HEAD,
    { .name = "item_id", .kind = FIELD_STR, .required = true },
    { .name = "content_index", .kind = FIELD_INT, .required = true, .min = 0, .max = MS_MAX },
    { .name = "audio_end_ms", .kind = FIELD_INT, .required = true, .min = 0, .max = MS_MAX },
};
static const struct field cancel_fields[] = {
    HEAD, { .name = "response_id", .kind = FIELD_STR, .nullable = true }
};
static const struct field respond_fields[] = {
    HEAD, { .name = "response", .kind = FIELD_OBJ, .nullable = true }
};

static const struct client_event {
    const char *type;
    const struct field *fields;
    size_t n_fields;
    bool conversation_only; /* not in a transcription session */
    bool (*handle)(struct realtime *rt, const struct jval *ev, struct api_error *e);
} client_events[] = {
    { "input_audio_buffer.append", append_fields, ARRAY_LEN(append_fields), false, on_append },
    { "session.update", update_fields, ARRAY_LEN(update_fields), false, on_session_update },
    { "input_audio_buffer.commit", bare_fields, ARRAY_LEN(bare_fields), false, on_commit },
    { "input_audio_buffer.clear", bare_fields, ARRAY_LEN(bare_fields), false, on_clear },
    { "conversation.item.create", create_fields, ARRAY_LEN(create_fields), true, on_item_create },
    { "conversation.item.truncate", truncate_fields, ARRAY_LEN(truncate_fields), true,
      on_item_truncate },
    { "conversation.item.delete", named_fields, ARRAY_LEN(named_fields), true, on_item_delete },
    { "conversation.item.retrieve", named_fields, ARRAY_LEN(named_fields), true, on_item_retrieve },
    { "response.create", respond_fields, ARRAY_LEN(respond_fields), true, on_response_create },
    { "response.cancel", cancel_fields, ARRAY_LEN(cancel_fields), true, on_response_cancel },
};

static const struct client_event *client_event_find(struct str type)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(client_events); i++) {
        if (str_eq_c(type, client_events[i].type))
            return &client_events[i];
    }
    return NULL;
}

static bool type_unknown(struct str type, struct api_error *e)
{
    struct buf list = BUF_INIT(API_ERROR_TEXT_MAX);
    size_t i;

    for (i = 0; i < ARRAY_LEN(client_events); i++)
        buf_addf(&list, "%s'%s'", i ? ", " : "", client_events[i].type);
    (void)api_error_set(e, "invalid_value", "type",
                        "Invalid value: '" STR_FMT "'. Supported values are: %s.",
                        STR_ARG(str_slice(type, 0, 64)), buf_cstr(&list));
    buf_release(&list);
    return false;
}

static bool event_handle(struct realtime *rt, const struct jval *ev, struct api_error *e)
{
    struct str type = json_str(json_get(ev, "type"));
    const struct client_event *known = client_event_find(type);

    if (!json_is_obj(ev) || (json_get(ev, "type") && !json_is_str(json_get(ev, "type"))))
        return api_error_set(e, "invalid_event", "",
                             "The server could not understand the event: it must be a JSON "
                             "object with a 'type'.");
    if (!json_get(ev, "type"))
        return api_error_set(e, "missing_required_parameter", "type",
                             "Missing required parameter: 'type'.");
    if (!known)
        return type_unknown(type, e);
    if (!fields_check(known->fields, known->n_fields, ev, "", e))
        return false;
    if (known->conversation_only && rt->session->transcription_only)
        return api_error_set(e, "invalid_value", "type",
                             "'%s' is not available in a transcription session.", known->type);
    return known->handle(rt, ev, e);
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct realtime *rt = arg;
    struct json *doc = NULL;
    struct api_error e;

    if (rt->refused || rt->stalled)
        return;
    if (binary) {
        (void)api_error_set(&e, "invalid_event", "", "Events must be sent as text messages.");
        realtime_event_error(rt, &e, STR_EMPTY);
    } else if (json_parse(&doc, data, NULL)) {
        (void)api_error_set(&e, "invalid_json", "",
                            "The server could not parse the message as JSON.");
        realtime_event_error(rt, &e, STR_EMPTY);
    } else if (!event_handle(rt, json_root(doc), &e)) {
        log_debug(&rt->log, "engine: refused session=%s code=%s param=%s", rt->id, e.code, e.param);
        realtime_event_error(rt, &e, json_str(json_get(json_root(doc), "event_id")));
    }
    json_destroy(doc);
}

/* Life. */

static void realtime_free(struct realtime *rt)
{
    timer_stop(&rt->fault_close);
    timer_stop(&rt->fault_stall);
    timer_stop(&rt->fault_error);
    timer_stop(&rt->expiry);
    jobs_disown(rt);
    response_release(rt);
    hearing_release(rt);
    conversation_release(&rt->conversation);
    receptionist_destroy(rt->receptionist);
    session_destroy(rt->session);
    list_remove(&rt->node);
    rt->engine->n_connections--;
    mem_free(rt);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct realtime *rt = arg;

    (void)reason;
    (void)err;
    log_debug(&rt->log, "engine: closed session=%s code=%d", rt->id, code);
    realtime_free(rt);
}

void realtime_end_all(struct engine *e)
{
    struct list_node *node;

    while ((node = list_first(&e->connections))) {
        struct realtime *rt = CONTAINER_OF(node, struct realtime, node);

        if (rt->ws)
            ws_disown(rt->ws, 1001);
        realtime_free(rt);
    }
}

/* The error first, then the CLOSE, in one moment: as OpenAI's gateway does even for a wrong key. */
static void refuse(struct realtime *rt, int close_code, const char *code, const char *message)
{
    struct buf reason = BUF_INIT(120);
    struct api_error e;

    (void)api_error_set(&e, code, "", "%s", message);
    realtime_event_error(rt, &e, STR_EMPTY);
    buf_addf(&reason, "%s%s%s", e.type, code[0] ? "." : "", code);
    rt->refused = true;
    ws_close(rt->ws, close_code, buf_str(&reason));
    buf_release(&reason);
}

static void on_expired(void *arg)
{
    struct realtime *rt = arg;
    struct api_error e;

    (void)api_error_set(&e, "session_expired", "",
                        "Your session hit the maximum duration of 60 minutes.");
    realtime_event_error(rt, &e, STR_EMPTY);
    rt->refused = true;
    ws_close(rt->ws, 1001, str_c(e.message));
}

static void on_fault_close(void *arg)
{
    struct realtime *rt = arg;

    rt->refused = true;
    if (rt->fault.close_code < 0)
        ws_abort(rt->ws);
    else
        ws_close(rt->ws, rt->fault.close_code ? rt->fault.close_code : CLOSE_DEFAULT, STR_EMPTY);
}

static void on_fault_error(void *arg)
{
    struct realtime *rt = arg;
    struct api_error e;

    (void)api_error_set(&e, rt->fault.error_code, "", "A fault asked for.");
    realtime_event_error(rt, &e, STR_EMPTY);
}

static void on_fault_stall(void *arg)
{
    struct realtime *rt = arg;

    rt->stalled = true;
    ws_pause(rt->ws);
}

/* What the upgrade said; looked at once the 101 is out. */
struct greeting {
    bool key, key_bad, beta, transcription;
    char model[64];
    struct engine_fault fault;
};

static struct str query_get(const struct ws_upgrade *u, struct arena *a, const char *name)
{
    struct form form = { 0 };

    if (form_parse(&form, a, u->query))
        return STR_EMPTY;
    return form_get(&form, name);
}

static int realtime_admit(void *app, const struct ws_upgrade *u, void **arg)
{
    struct local_cloud *lc = app;
    struct greeting *g = MEM_NEW(struct greeting);
    struct str key = ws_upgrade_header(u, "authorization"), fault;
    struct arena a = ARENA_INIT;
    int status = 0;

    fault_take(lc->engine, &g->fault);
    fault = query_get(u, &a, "fault");
    if (fault.n > 0 && !fault_parse(&g->fault, fault))
        status = 400;
    if (g->fault.refuse_status)
        status = g->fault.refuse_status;
    if (query_get(u, &a, "call_id").n > 0)
        status = 404; /* a second socket onto a call by SIP or WebRTC: there are none here */
    if (lc->engine->n_connections >= ENGINE_CONNECTIONS_MAX)
        status = 503;
    g->key = str_istarts(key, STR("bearer ")) && key.n > 7;
    g->key_bad = str_istarts(key, STR("bearer bad"));
    g->beta = str_contains(ws_upgrade_header(u, "openai-beta"), STR("realtime=v1"));
    g->transcription = str_eq_c(query_get(u, &a, "intent"), "transcription");
    (void)str_copy(g->model, sizeof(g->model),
                   query_get(u, &a, "model")); /* a cut one is unknown */
    arena_release(&a);
    if (status)
        mem_free(g);
    else
        *arg = g;
    return status;
}

static bool model_known(const char *model)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(models); i++) {
        if (strcmp(models[i], model) == 0)
            return true;
    }
    return false;
}

static void welcome(struct realtime *rt, const struct greeting *g)
{
    if (!g->key)
        refuse(rt, CLOSE_POLICY, "", "Missing bearer authentication in header.");
    else if (g->key_bad)
        refuse(rt, CLOSE_POLICY, "invalid_api_key", "Incorrect API key provided.");
    else if (g->beta)
        refuse(rt, CLOSE_REQUEST, "beta_api_shape_disabled",
               "The Realtime Beta API is no longer supported.");
    else if (!g->transcription && !g->model[0])
        refuse(rt, CLOSE_REQUEST, "missing_model", "You must provide a model parameter.");
    else if (!g->transcription && !model_known(g->model))
        refuse(rt, CLOSE_REQUEST, "invalid_model", "The model is not supported in realtime mode.");
    else if (g->fault.error_code && !g->fault.error_after_ms)
        refuse(rt, g->fault.close_code ? g->fault.close_code : CLOSE_REQUEST, g->fault.error_code,
               "A fault asked for.");
    else if (g->fault.mute)
        rt->stalled = true;
    else
        session_event(rt, "session.created");
}

static struct realtime *realtime_create(struct engine *e, struct ws_conn *c,
                                        const struct greeting *g)
{
    const struct clock *clock = loop_clock(e->loop);
    struct realtime *rt = MEM_NEW(struct realtime);

    rt->engine = e;
    rt->ws = c;
    rt->log = e->log;
    rt->fault = g->fault;
    rt->expires_at_s = clock_wall_s(clock) + SESSION_SECONDS;
    api_id(rt->id, "sess_");
    api_id(rt->conversation_id, "conv_");
    rt->session = session_create(str_c(g->model), g->transcription);
    conversation_init(&rt->conversation);
    list_init(&rt->jobs);
    rt->receptionist = receptionist_create(clock);
    receptionist_brief(rt->receptionist, rt->session->instructions, NULL);
    hearing_init(rt);
    response_init(rt);
    timer_init(&rt->fault_close, e->loop, on_fault_close, rt);
    timer_init(&rt->fault_stall, e->loop, on_fault_stall, rt);
    timer_init(&rt->fault_error, e->loop, on_fault_error, rt);
    timer_init(&rt->expiry, e->loop, on_expired, rt);
    timer_start(&rt->expiry, g->fault.expire_after_ms ? g->fault.expire_after_ms
                                                      : (int64_t)SESSION_SECONDS * 1000);
    list_push_back(&e->connections, &rt->node);
    e->n_connections++;
    return rt;
}

static void realtime_accept(void *app, struct ws_conn *c, struct ws_events *events, void **arg)
{
    struct local_cloud *lc = app;
    struct greeting *g = *arg;
    struct realtime *rt = realtime_create(lc->engine, c, g);

    *events = (struct ws_events){ .on_message = on_message, .on_closed = on_closed };
    *arg = rt;
    engine_count(lc->engine, &lc->engine->stats.connections);
    welcome(rt, g);
    if (!rt->refused && g->fault.close_after_ms > 0)
        timer_start(&rt->fault_close, g->fault.close_after_ms);
    if (!rt->refused && g->fault.error_code && g->fault.error_after_ms > 0)
        timer_start(&rt->fault_error, g->fault.error_after_ms);
    if (!rt->refused && g->fault.stall_after_ms > 0)
        timer_start(&rt->fault_stall, g->fault.stall_after_ms);
    mem_free(g);
}

static void realtime_abandon(void *app, void *arg)
{
    (void)app;
    mem_free(arg);
}

const struct ws_route realtime_routes[REALTIME_ROUTES] = {
    { .path = "/v1/realtime",
      .queue_max = ENGINE_QUEUE_MAX,
      .message_max = ENGINE_EVENT_MAX,
      .admit = realtime_admit,
      .accept = realtime_accept,
      .abandon = realtime_abandon },
};
