/* What the client is told of a response: its object, its items, its usage. */
#include <string.h>

#include "base/macros.h"
#include "base/mem.h"
#include "local_cloud/engine/response_internal.h"

enum {
    CALLER_TOKEN_MS = 100,
    CHARS_PER_TOKEN = 4,
    CACHE_STEP = 64, /* tokens are kept in blocks */
    ARGUMENTS_DELTA = 24,
};

/* Usage. */

struct tokens {
    int64_t text, audio;
};

static int64_t tokens_of(struct str text)
{
    return ((int64_t)text.n + CHARS_PER_TOKEN - 1) / CHARS_PER_TOKEN;
}

static struct tokens context_tokens(const struct response *r)
{
    const struct realtime *rt = r->rt;
    struct arena scratch = ARENA_INIT;
    struct tokens t = { .text = tokens_of(r->instructions.n ? r->instructions
                                                            : rt->session->instructions) };
    struct list_node *node;

    if (rt->session->tools)
        t.text += tokens_of(json_val_text(&scratch, rt->session->tools));
    arena_release(&scratch);
    if (r->own_input) {
        t.text += tokens_of(r->input);
        return t;
    }
    for (node = list_first(&rt->conversation.items); node;
         node = list_next(&rt->conversation.items, node)) {
        const struct item *i = CONTAINER_OF(node, struct item, node);
        size_t k;

        for (k = 0; k < r->n_outputs && r->outputs[k] != i; k++)
            ;
        if (k < r->n_outputs)
            continue;
        if (i->audio)
            t.audio += i->audio_ms / (i->role == ROLE_USER ? CALLER_TOKEN_MS : AUDIO_TOKEN_MS);
        else
            t.text += tokens_of(buf_str(&i->text));
    }
    return t;
}

static struct tokens output_tokens(const struct response *r)
{
    struct tokens t = { 0 };
    size_t i;

    for (i = 0; i < r->n_outputs; i++) {
        if (r->outputs[i] != r->message)
            t.text += tokens_of(buf_str(&r->outputs[i]->text));
    }
    /* All that was made is billed, whatever the client has cut off since. */
    if (r->message) {
        t.text += tokens_of(response_said(r));
        t.audio += ((int64_t)r->sent / ULAW_BYTES_PER_MS + AUDIO_TOKEN_MS - 1) / AUDIO_TOKEN_MS;
    }
    return t;
}

static void usage_write(struct jw *w, struct response *r)
{
    struct tokens in = context_tokens(r), out = output_tokens(r);
    int64_t cached_text = MIN(r->rt->cached_text, in.text) / CACHE_STEP * CACHE_STEP;
    int64_t cached_audio = MIN(r->rt->cached_audio, in.audio) / CACHE_STEP * CACHE_STEP;

    jw_obj(w, "usage");
    jw_i64(w, "total_tokens", in.text + in.audio + out.text + out.audio);
    jw_i64(w, "input_tokens", in.text + in.audio);
    jw_i64(w, "output_tokens", out.text + out.audio);
    jw_obj(w, "input_token_details");
    jw_i64(w, "text_tokens", in.text);
    jw_i64(w, "audio_tokens", in.audio);
    jw_i64(w, "image_tokens", 0);
    jw_i64(w, "cached_tokens", cached_text + cached_audio);
    jw_obj(w, "cached_tokens_details");
    jw_i64(w, "text_tokens", cached_text);
    jw_i64(w, "audio_tokens", cached_audio);
    jw_i64(w, "image_tokens", 0);
    jw_end(w);
    jw_end(w);
    jw_obj(w, "output_token_details");
    jw_i64(w, "text_tokens", out.text);
    jw_i64(w, "audio_tokens", out.audio);
    jw_end(w);
    jw_end(w);
    if (r->of_conversation) {
        r->rt->cached_text = in.text;
        r->rt->cached_audio = in.audio;
    }
}

/* Events. */

static void status_details_write(struct jw *w, const struct response *r)
{
    if (strcmp(r->status, "in_progress") == 0 || strcmp(r->status, "completed") == 0) {
        jw_null(w, "status_details");
        return;
    }
    jw_obj(w, "status_details");
    jw_cstr(w, "type", r->status);
    if (strcmp(r->status, "failed") == 0) {
        jw_obj(w, "error");
        jw_cstr(w, "type", api_error_type(r->reason));
        jw_cstr(w, "code", r->reason);
        jw_cstr(w, "message",
                "The server had an error while processing your request. Sorry about that!");
        jw_end(w);
    } else {
        jw_cstr(w, "reason", r->reason);
    }
    jw_end(w);
}

static void response_write(struct jw *w, struct response *r, bool done)
{
    const struct jval *metadata = NULL;
    size_t i;

    /* Its text was written by the JSON library. */
    if (r->metadata.n > 0 && json_parse_arena(&metadata, &r->arena, r->metadata, NULL))
        metadata = NULL;
    jw_obj(w, "response");
    jw_cstr(w, "object", "realtime.response");
    jw_cstr(w, "id", r->id);
    jw_cstr(w, "status", r->status);
    status_details_write(w, r);
    jw_arr(w, "output");
    for (i = 0; done && i < r->n_outputs; i++)
        item_write(w, NULL, r->outputs[i]);
    jw_end(w);
    jw_cstr(w, "conversation_id", r->of_conversation ? r->rt->conversation_id : NULL);
    jw_arr(w, "output_modalities");
    jw_cstr(w, NULL, r->output.text_only ? "text" : "audio");
    jw_end(w);
    if (r->output.max_output_tokens)
        jw_i64(w, "max_output_tokens", r->output.max_output_tokens);
    else
        jw_cstr(w, "max_output_tokens", "inf");
    jw_obj(w, "audio");
    jw_obj(w, "output");
    session_format_write(w, "format", r->output.format);
    jw_str(w, "voice", r->output.voice);
    jw_end(w);
    jw_end(w);
    jw_val(w, "metadata", metadata);
    if (done)
        usage_write(w, r);
    else
        jw_null(w, "usage");
    jw_end(w);
}

void response_event(struct response *r, const char *type, bool done)
{
    struct jw w;

    realtime_event_begin(&w, type);
    response_write(&w, r, done);
    realtime_event_send(r->rt, &w);
}

static int64_t output_index(const struct response *r, const struct item *i)
{
    size_t k;

    for (k = 0; k < r->n_outputs && r->outputs[k] != i; k++)
        ;
    return (int64_t)k;
}

static void output_event(struct response *r, const char *type, const struct item *i)
{
    struct jw w;

    realtime_event_begin(&w, type);
    jw_cstr(&w, "response_id", r->id);
    jw_i64(&w, "output_index", output_index(r, i));
    item_write(&w, "item", i);
    realtime_event_send(r->rt, &w);
}

static void content_begin(struct jw *w, const struct response *r, const char *type,
                          const struct item *i)
{
    realtime_event_begin(w, type);
    jw_cstr(w, "response_id", r->id);
    jw_cstr(w, "item_id", i->id);
    jw_i64(w, "output_index", output_index(r, i));
    jw_i64(w, "content_index", 0);
}

void response_text_event(struct response *r, const char *type, const char *key, struct str text)
{
    struct jw w;

    content_begin(&w, r, type, r->message);
    if (key)
        jw_str(&w, key, text);
    realtime_event_send(r->rt, &w);
}

static void part_event(struct response *r, const char *type, bool with_text)
{
    struct jw w;

    content_begin(&w, r, type, r->message);
    jw_obj(&w, "part");
    jw_cstr(&w, "type", r->output.text_only ? "text" : "audio");
    jw_str(&w, r->output.text_only ? "text" : "transcript", with_text ? response_said(r) : STR(""));
    jw_end(&w);
    realtime_event_send(r->rt, &w);
}

/* Output items. */

static struct item *output_add(struct response *r, enum item_kind kind)
{
    struct item *i = item_create(kind, ROLE_ASSISTANT, "item_");
    struct api_error e;

    i->status = "in_progress";
    i->seen = true;
    r->outputs[r->n_outputs++] = i;
    if (r->of_conversation && !conversation_insert(&r->rt->conversation, i, STR_EMPTY, &e))
        realtime_event_error(
            r->rt, &e, STR_EMPTY); /* too long a conversation: it lives in the response alone */
    return i;
}

static void item_begun(struct response *r, const struct item *i)
{
    output_event(r, "response.output_item.added", i);
    if (r->of_conversation)
        item_event(r->rt, "conversation.item.added", i);
}

static void item_ended(struct response *r, struct item *i, const char *status)
{
    i->status = status;
    if (r->of_conversation)
        item_event(r->rt, "conversation.item.done", i);
    output_event(r, "response.output_item.done", i);
}

void response_message_begin(struct response *r)
{
    r->message = output_add(r, ITEM_MESSAGE);
    r->message->audio = !r->output.text_only;
    item_begun(r, r->message);
    r->message->part = true;
    part_event(r, "response.content_part.added", false);
    r->rt->audio_made |= r->message->audio;
}

void response_message_end(struct response *r, const char *status)
{
    if (r->output.text_only) {
        response_text_event(r, "response.output_text.done", "text", response_said(r));
    } else {
        response_text_event(r, "response.output_audio.done", NULL, STR_EMPTY);
        response_text_event(r, "response.output_audio_transcript.done", "transcript",
                            response_said(r));
    }
    part_event(r, "response.content_part.done", true);
    item_ended(r, r->message, status);
}

static void arguments_event(struct response *r, const struct item *i, const char *type,
                            const char *key, struct str text)
{
    struct jw w;

    realtime_event_begin(&w, type);
    jw_cstr(&w, "response_id", r->id);
    jw_cstr(&w, "item_id", i->id);
    jw_i64(&w, "output_index", output_index(r, i));
    jw_cstr(&w, "call_id", i->call_id);
    if (strcmp(key, "arguments") == 0)
        jw_cstr(&w, "name", i->name);
    jw_str(&w, key, text);
    realtime_event_send(r->rt, &w);
}

static void call_emit(struct response *r, const struct reception_call *call)
{
    struct item *i = output_add(r, ITEM_FUNCTION_CALL);
    char id[API_ID_MAX];
    size_t at;

    api_id(id, "call_");
    i->call_id = mem_strdup(id);
    i->name = mem_str_dup(call->name);
    item_begun(r, i);
    for (at = 0; at < call->arguments.n; at += ARGUMENTS_DELTA)
        arguments_event(r, i, "response.function_call_arguments.delta", "delta",
                        str_slice(call->arguments, at, at + ARGUMENTS_DELTA));
    buf_add_str(&i->text, call->arguments);
    arguments_event(r, i, "response.function_call_arguments.done", "arguments", call->arguments);
    item_ended(r, i, "completed");
    if (r->of_conversation)
        receptionist_tool_called(r->rt->receptionist, str_c(i->call_id), call->name,
                                 call->arguments);
    engine_count(r->rt->engine, &r->rt->engine->stats.tool_calls);
}

void response_calls_emit(struct response *r)
{
    size_t i;

    for (i = 0; i < r->reply.n_calls; i++)
        call_emit(r, &r->reply.calls[i]);
}
