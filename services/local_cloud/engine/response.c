/* The agent's side of a Realtime connection: responses from response.create to response.done. */
#include <string.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "local_cloud/engine/response_internal.h"

enum {
    SPEED_LEAST = 32, /* tenths of real time */
    SPEED_MOST = 50,
    RATE_LIMITS_MS = 43, /* after response.done */
    LATE_DELTAS = 2,     /* that still come after a cancel */
    FAILED_AFTER_MS = 60,
    METADATA_KEY_MAX = 64,
    METADATA_VALUE_MAX = 512,
};

int64_t response_random(int64_t from, int64_t to)
{
    return from + (int64_t)(random_u64() % (uint64_t)(to - from + 1));
}

struct response *response_find(struct realtime *rt, const char *id)
{
    struct list_node *node;

    for (node = list_first(&rt->responses); node; node = list_next(&rt->responses, node)) {
        struct response *r = CONTAINER_OF(node, struct response, node);

        if (strcmp(r->id, id) == 0)
            return r;
    }
    return NULL;
}

/* Life. */

static void response_free(struct response *r)
{
    size_t i;

    timer_stop(&r->tick);
    list_remove(&r->node);
    if (r->rt->active == r)
        r->rt->active = NULL;
    for (i = 0; !r->of_conversation && i < r->n_outputs; i++)
        item_destroy(r->outputs[i]);
    buf_release(&r->ulaw);
    arena_release(&r->arena);
    mem_free(r);
}

static void on_rate_limits(void *arg)
{
    struct realtime *rt = arg;
    struct jw w;

    realtime_event_begin(&w, "rate_limits.updated");
    jw_arr(&w, "rate_limits");
    jw_obj(&w, NULL);
    jw_cstr(&w, "name", "tokens");
    jw_i64(&w, "limit", 800000);
    jw_i64(&w, "remaining", 800000 - MIN((int64_t)800000, rt->cached_text + rt->cached_audio));
    jw_num(&w, "reset_seconds", 0.5);
    jw_end(&w);
    jw_end(&w);
    realtime_event_send(rt, &w);
}

/* What the receptionist had decided is taken back when the caller can have heard none of it. */
static void unplan(struct response *r)
{
    struct list_node *node;

    if (!r->planned || !r->of_conversation)
        return;
    if (r->sent > 0 && r->reply.n_calls == 0)
        return;
    receptionist_undo(r->rt->receptionist);
    for (node = list_first(&r->rt->conversation.items); node;
         node = list_next(&r->rt->conversation.items, node)) {
        struct item *i = CONTAINER_OF(node, struct item, node);

        if (i->seen_by == r)
            i->seen = false;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): once, automatic_due is cleared before */
void response_end(struct response *r, const char *status, const char *reason)
{
    struct realtime *rt = r->rt;
    bool completed = strcmp(status, "completed") == 0;
    int64_t playing_ms = r->message ? r->message->audio_ms : 0;

    r->status = status;
    r->reason = reason;
    if (r->message && strcmp(r->message->status, "in_progress") == 0)
        response_message_end(r, completed ? "completed" : "incomplete");
    if (!completed)
        unplan(r);
    response_event(r, "response.done", true);
    if (r->of_conversation) {
        timer_start(&rt->rate_limits, RATE_LIMITS_MS);
        hearing_answered(rt, playing_ms);
    }
    response_free(r);
    if (rt->automatic_due && !rt->active)
        response_automatic(rt);
}

/* What to say. */

static void observe(struct response *r, struct item *i)
{
    struct receptionist *rc = r->rt->receptionist;
    struct str text = buf_str(&i->text);

    i->seen = true;
    i->seen_by = r;
    switch (i->kind) {
    case ITEM_MESSAGE:
        if (i->role == ROLE_USER)
            receptionist_caller_said(rc, text, i->audio ? i->confidence : 1.0);
        else if (i->role == ROLE_ASSISTANT)
            receptionist_agent_said(rc, text, !i->audio);
        break;
    case ITEM_FUNCTION_CALL:
        receptionist_tool_called(rc, str_c(i->call_id), str_c(i->name), text);
        break;
    case ITEM_FUNCTION_OUTPUT:
        receptionist_tool_answered(rc, str_c(i->call_id), text);
        break;
    }
}

static void plan(struct response *r)
{
    struct realtime *rt = r->rt;
    struct str verbatim = receptionist_verbatim(r->instructions);
    struct list_node *node;

    if (verbatim.n > 0) {
        r->reply.text = verbatim;
        return;
    }
    if (!r->of_conversation || r->own_input) {
        r->reply.text = receptionist_summary(rt->receptionist, &r->arena);
        return;
    }
    r->planned = true;
    receptionist_mark(rt->receptionist);
    for (node = list_first(&rt->conversation.items); node;
         node = list_next(&rt->conversation.items, node)) {
        struct item *i = CONTAINER_OF(node, struct item, node);

        if (!i->seen)
            observe(r, i);
    }
    receptionist_reply(rt->receptionist, r->may_call, &r->arena, &r->reply);
}

/* NOLINTNEXTLINE(misc-no-recursion): once, automatic_due is cleared before */
static void answer(struct response *r)
{
    plan(r);
    r->state = SPEAKS;
    if (r->reply.text.n == 0) {
        response_calls_emit(r);
        response_end(r, "completed", NULL);
        return;
    }
    response_message_begin(r);
    if (r->output.text_only) {
        response_all_said(r);
        return;
    }
    response_speak(r);
}

void response_heard(struct realtime *rt)
{
    if (rt->active && rt->active->state == WAITS && !timer_running(&rt->active->tick) &&
        !hearing_busy(rt))
        answer(rt->active);
}

static bool metadata_read(struct response *r, const struct jval *v, struct api_error *e)
{
    struct json_iter it = json_iter(v);
    const struct jval *value;
    struct str key;

    if (json_is_null(v))
        return true;
    if (json_len(v) > METADATA_PAIRS_MAX)
        return api_error_set(
            e, "object_above_max_properties", "response.metadata",
            "Invalid 'response.metadata': too many properties. Expected at most %d.",
            METADATA_PAIRS_MAX);
    while (json_next(&it, &key, &value)) {
        if (!json_is_str(value) || key.n > METADATA_KEY_MAX ||
            json_str(value).n > METADATA_VALUE_MAX)
            return api_error_set(
                e, "invalid_value", "response.metadata",
                "Invalid 'response.metadata': keys of at most %d and string values of at most %d "
                "characters.",
                METADATA_KEY_MAX, METADATA_VALUE_MAX);
    }
    r->metadata = json_val_text(&r->arena, v);
    return true;
}

static void input_read(struct response *r, const struct jval *input)
{
    struct buf words = BUF_INIT(ITEM_TEXT_MAX);
    size_t i;

    if (!input)
        return;
    r->own_input = true;
    for (i = 0; i < json_len(input); i++) {
        const struct jval *v = json_at(input, i);

        if (str_eq_c(json_str(json_get(v, "type")), "item_reference")) {
            const struct item *named =
                conversation_find(&r->rt->conversation, json_str(json_get(v, "id")));

            buf_add_str(&words, named ? buf_str(&named->text) : STR_EMPTY);
        } else {
            buf_add_str(&words, json_str(json_path(v, "content.0.text")));
        }
        buf_add_char(&words, '\n');
    }
    r->input = arena_str(&r->arena, buf_str(&words));
    buf_release(&words);
}

static bool ask_read(struct response *r, const struct jval *ask, struct api_error *e)
{
    if (!ask || json_is_null(ask))
        return true;
    if (!fields_check(session_response_fields, session_n_response_fields, ask, "response", e))
        return false;
    r->of_conversation = !str_eq_c(json_str(json_get(ask, "conversation")), "none");
    r->instructions = arena_str(&r->arena, json_str(json_get(ask, "instructions")));
    r->may_call &= !str_eq_c(json_str(json_get(ask, "tool_choice")), "none");
    input_read(r, json_get(ask, "input"));
    return metadata_read(r, json_get(ask, "metadata"), e) &&
           session_output_read(&r->output, &r->arena, ask, e);
}

/* NOLINTNEXTLINE(misc-no-recursion): once, automatic_due is cleared before */
static void begin(struct response *r)
{
    struct realtime *rt = r->rt;

    list_push_back(&rt->responses, &r->node);
    if (r->of_conversation)
        rt->active = r;
    timer_stop(&rt->idle);
    engine_count(rt->engine, &rt->engine->stats.responses);
    response_event(r, "response.created", false);
    if (rt->fault.fail_responses > 0) {
        rt->fault.fail_responses--;
        timer_start(&r->tick, FAILED_AFTER_MS);
    } else if (!r->of_conversation || !hearing_busy(rt)) {
        answer(r);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): once, automatic_due is cleared before */
bool response_start(struct realtime *rt, const struct jval *ask, struct api_error *e)
{
    struct response *r = MEM_NEW(struct response);
    bool good;

    r->rt = rt;
    r->of_conversation = true;
    r->status = "in_progress";
    arena_init(&r->arena);
    buf_init(&r->ulaw, RESPONSE_SPEECH_MAX);
    timer_init(&r->tick, rt->engine->loop, response_on_tick, r);
    r->speed = (int)response_random(SPEED_LEAST, SPEED_MOST);
    r->may_call = !str_eq_c(json_str(rt->session->tool_choice), "none");
    r->output = rt->session->output;
    r->output.voice = arena_str(&r->arena, r->output.voice); /* the session may change meanwhile */
    api_id(r->id, "resp_");
    good = ask_read(r, ask, e);
    if (good && r->of_conversation && rt->active)
        good = api_error_set(e, "conversation_already_has_active_response", "",
                             "Conversation already has an active response in progress: %s. Wait "
                             "until the response is "
                             "finished before creating a new one.",
                             rt->active->id);
    if (good && list_len(&rt->responses) >= RESPONSES_MAX)
        good = api_error_set(e, "rate_limit_exceeded", "", "Too many responses at once.");
    if (good)
        begin(r);
    else
        response_free(r);
    return good;
}

/* NOLINTNEXTLINE(misc-no-recursion): once, automatic_due is cleared before */
void response_automatic(struct realtime *rt)
{
    struct api_error e;

    rt->automatic_due = rt->active && rt->active->state == TRAILS;
    if (!rt->active && !response_start(rt, NULL, &e))
        realtime_event_error(rt, &e, STR_EMPTY);
}

static void cancel(struct response *r, const char *reason)
{
    int late = r->rt->fault.late_deltas;

    if (r->state == TRAILS)
        return;
    r->reason = reason;
    r->late = late < 0 ? 0 : late ? late : LATE_DELTAS;
    if (r->state == SPEAKS && r->sent > 0 && r->sent < r->ulaw.n && r->late > 0) {
        r->state = TRAILS;
        timer_start(&r->tick, response_random(TRAIL_SOONEST_MS, TRAIL_LATEST_MS));
        return;
    }
    response_end(r, "cancelled", reason);
}

bool response_cancel(struct realtime *rt, struct str id, struct api_error *e)
{
    struct response *r = rt->active;

    if (id.n > 0) {
        char text[API_ID_MAX];

        r = str_copy(text, sizeof(text), id) ? response_find(rt, text) : NULL;
    }
    if (!r || r->state == TRAILS)
        return api_error_set(e, "response_cancel_not_active", "",
                             "Cancellation failed: no active response found");
    cancel(r, "client_cancelled");
    return true;
}

void response_interrupt(struct realtime *rt)
{
    if (rt->active)
        cancel(rt->active, "turn_detected");
}

bool response_speaking_of(const struct realtime *rt, const struct item *i)
{
    struct list_node *node;
    size_t k;

    for (node = list_first(&rt->responses); node; node = list_next(&rt->responses, node)) {
        const struct response *r = CONTAINER_OF(node, struct response, node);

        for (k = 0; k < r->n_outputs; k++) {
            if (r->outputs[k] == i)
                return true;
        }
    }
    return false;
}

void response_init(struct realtime *rt)
{
    list_init(&rt->responses);
    timer_init(&rt->rate_limits, rt->engine->loop, on_rate_limits, rt);
}

void response_release(struct realtime *rt)
{
    struct list_node *node;

    timer_stop(&rt->rate_limits);
    while ((node = list_first(&rt->responses)))
        response_free(CONTAINER_OF(node, struct response, node));
}
