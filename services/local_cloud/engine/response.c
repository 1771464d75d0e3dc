/* The agent's side of a Realtime connection: responses from response.create to response.done,
 * spoken several times faster than they play, in pieces of irregular length. */
#include <string.h>

#include "base/crypto.h"
#include "base/macros.h"
#include "base/mem.h"
#include "local_cloud/engine/realtime_internal.h"

enum {
    BYTES_PER_MS = 8,
    SENTENCES_MAX = 64,
    OUTPUTS_MAX = 1 + RECEPTION_CALLS_MAX,
    SPEECH_MAX = 20 * 60 * 1000 * BYTES_PER_MS,
    TICK_SHORTEST_MS = 30,
    TICK_LONGEST_MS = 130,
    SPEED_LEAST = 32, /* tenths of real time */
    SPEED_MOST = 50,
    RATE_LIMITS_MS = 43, /* after response.done */
    LATE_DELTAS = 2,     /* that still come after a cancel */
    FAILED_AFTER_MS = 60,
    AUDIO_TOKEN_MS = 50,
    CALLER_TOKEN_MS = 100,
    CHARS_PER_TOKEN = 4,
    CACHE_STEP = 64, /* tokens are kept in blocks */
    ARGUMENTS_DELTA = 24,
    METADATA_KEY_MAX = 64,
    METADATA_VALUE_MAX = 512,
};

enum response_state {
    WAITS, /* for the caller's words to be understood, or to fail */
    SPEAKS,
    TRAILS, /* cancelled, the last deltas are on their way */
};

struct sentence {
    struct str text;
    size_t audio_end; /* in response.ulaw, once it is spoken */
    bool spoken;
};

struct response {
    struct list_node node; /* of realtime.responses */
    struct realtime *rt;
    char id[API_ID_MAX];
    bool of_conversation; /* false: conversation "none" */
    bool may_call, own_input;
    enum response_state state;
    struct arena arena;
    struct str metadata;     /* JSON text; empty: null */
    struct str instructions; /* its own; empty: the session's */
    struct str input;        /* words of its own input items */
    struct output_settings output;
    struct reception_reply reply;
    bool planned;
    struct sentence sentences[SENTENCES_MAX];
    size_t n_sentences, n_spoken;
    struct buf ulaw;
    size_t sent, text_sent;
    int speed; /* tenths */
    int late;
    bool stalled_once;
    struct timer tick;
    struct item *message; /* the conversation's, or our own when out of band; NULL: none (yet) */
    struct item *outputs[OUTPUTS_MAX];
    size_t n_outputs;
    const char *status;
    const char *reason;                /* of what ended it early */
    int64_t cached_text, cached_audio; /* of its input */
};

struct speak_job {
    struct speech_job job;
    char response_id[API_ID_MAX];
    size_t sentence;
    char *text, *voice;
    struct buf ulaw;
    struct err err;
};

static void speech_next(struct response *r);
static void response_end(struct response *r, const char *status, const char *reason);
static void on_tick(void *arg);

static int64_t random_between(int64_t from, int64_t to)
{
    return from + (int64_t)(random_u64() % (uint64_t)(to - from + 1));
}

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
        t.text += tokens_of(buf_str(&r->outputs[i]->text));
        if (r->outputs[i]->audio)
            t.audio += (r->outputs[i]->audio_ms + AUDIO_TOKEN_MS - 1) / AUDIO_TOKEN_MS;
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
        jw_cstr(w, "type", "server_error");
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

static void response_event(struct response *r, const char *type, bool done)
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

static void text_event(struct response *r, const char *type, const char *key, struct str text)
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
    jw_str(&w, r->output.text_only ? "text" : "transcript",
           with_text ? buf_str(&r->message->text) : STR(""));
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

static void message_begin(struct response *r)
{
    r->message = output_add(r, ITEM_MESSAGE);
    r->message->audio = !r->output.text_only;
    item_begun(r, r->message);
    r->message->part = true;
    part_event(r, "response.content_part.added", false);
    r->rt->audio_made |= r->message->audio;
}

static void message_end(struct response *r, const char *status)
{
    if (r->output.text_only) {
        text_event(r, "response.output_text.done", "text", buf_str(&r->message->text));
    } else {
        text_event(r, "response.output_audio.done", NULL, STR_EMPTY);
        text_event(r, "response.output_audio_transcript.done", "transcript",
                   buf_str(&r->message->text));
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

static void response_end(struct response *r, const char *status, const char *reason)
{
    struct realtime *rt = r->rt;
    bool completed = strcmp(status, "completed") == 0;
    int64_t playing_ms = r->message ? r->message->audio_ms : 0;

    r->status = status;
    r->reason = reason;
    if (r->message && strcmp(r->message->status, "in_progress") == 0)
        message_end(r, completed ? "completed" : "incomplete");
    if (!completed)
        unplan(r);
    response_event(r, "response.done", true);
    if (r->of_conversation) {
        timer_start(&rt->rate_limits, RATE_LIMITS_MS);
        hearing_answered(rt, playing_ms);
    }
    response_free(r);
}

/* Speech. */

static struct str agent_voice(const struct response *r)
{
    static const char *const low[] = { "ash", "ballad", "echo", "verse", "cedar" };
    size_t i;

    for (i = 0; i < ARRAY_LEN(low); i++) {
        if (str_eq_c(r->output.voice, low[i]))
            return STR("rms");
    }
    return STR("slt");
}

static struct response *response_find(struct realtime *rt, const char *id)
{
    struct list_node *node;

    for (node = list_first(&rt->responses); node; node = list_next(&rt->responses, node)) {
        struct response *r = CONTAINER_OF(node, struct response, node);

        if (strcmp(r->id, id) == 0)
            return r;
    }
    return NULL;
}

static void speak_run(struct speech_job *j, struct ctx *ctx)
{
    struct speak_job *s = CONTAINER_OF(j, struct speak_job, job);

    (void)ctx;
    s->err.code = synth_ulaw(j->engine->synth, str_c(s->voice), str_c(s->text), &s->ulaw, &s->err);
}

static void speak_done(struct speech_job *j)
{
    struct speak_job *s = CONTAINER_OF(j, struct speak_job, job);
    struct response *r = response_find(j->rt, s->response_id);

    if (!r || r->state == TRAILS)
        return;
    if (s->err.code) {
        log_error(&j->rt->log, "engine: not spoken session=%s: %s", j->rt->id, s->err.text);
        response_end(r, "failed", "server_error");
        return;
    }
    buf_add_str(&r->ulaw, buf_str(&s->ulaw));
    r->sentences[s->sentence].audio_end = r->ulaw.n;
    r->sentences[s->sentence].spoken = true;
    r->n_spoken++;
    if (!timer_running(&r->tick))
        timer_start(&r->tick, r->n_spoken == 1 ? r->rt->fault.first_audio_ms : 0);
    speech_next(r); /* last: it may end the response */
}

static void speak_free(struct speech_job *j)
{
    struct speak_job *s = CONTAINER_OF(j, struct speak_job, job);

    buf_release(&s->ulaw);
    mem_free(s->text);
    mem_free(s->voice);
    mem_free(s);
}

/* One sentence at a time, so that the first is heard while the next are made. */
static void speech_next(struct response *r)
{
    struct speak_job *s;
    struct str voice;

    if (r->n_spoken >= r->n_sentences)
        return;
    s = MEM_NEW(struct speak_job);
    s->job.run = speak_run;
    s->job.done = speak_done;
    s->job.free = speak_free;
    (void)str_copy(s->response_id, sizeof(s->response_id), str_c(r->id)); /* same size */
    s->sentence = r->n_spoken;
    s->text = mem_str_dup(r->sentences[s->sentence].text);
    voice = agent_voice(r);
    s->voice = mem_str_dup(voice);
    buf_init(&s->ulaw, SPEECH_MAX);
    if (!speech_job_start(r->rt, &s->job))
        response_end(r, "failed", "server_error");
}

static void sentences_split(struct response *r)
{
    struct str rest = r->reply.text;

    while (rest.n > 0 && r->n_sentences < SENTENCES_MAX) {
        size_t n = r->n_sentences + 1 < SENTENCES_MAX ? sentence_first(rest) : rest.n;

        r->sentences[r->n_sentences++].text = str_slice(rest, 0, n);
        rest = str_from(rest, n);
    }
}

/* The words that belong to the audio sent so far: a sentence's share, up to a word's end. */
static size_t text_due(const struct response *r)
{
    size_t text = 0, audio = 0, i;

    for (i = 0; i < r->n_sentences && r->sentences[i].spoken; i++) {
        const struct sentence *s = &r->sentences[i];
        size_t share;

        if (r->sent >= s->audio_end) {
            text += s->text.n;
            audio = s->audio_end;
            continue;
        }
        share = s->text.n * (r->sent - audio) / (s->audio_end - audio);
        while (share < s->text.n && s->text.p[share] != ' ')
            share++;
        return text + share;
    }
    return text;
}

static void text_send(struct response *r, size_t due)
{
    struct str delta = str_slice(r->reply.text, r->text_sent, due);

    if (delta.n == 0)
        return;
    buf_add_str(&r->message->text, delta);
    r->text_sent = due;
    text_event(r,
               r->output.text_only ? "response.output_text.delta"
                                   : "response.output_audio_transcript.delta",
               "delta", delta);
}

static void audio_send(struct response *r, size_t n)
{
    struct buf bytes = BUF_INIT(SPEECH_MAX * (size_t)(CODEC_RATIO * 2));
    char *text;
    size_t from = r->sent;

    r->sent += n;
    r->message->audio_ms = (int64_t)r->sent / BYTES_PER_MS;
    text_send(r, text_due(r)); /* the words run a little ahead of the voice */
    codec_encode(r->output.format, (const uint8_t *)r->ulaw.p, r->ulaw.n, from, r->sent, &bytes);
    text = mem_alloc(BASE64_LEN(bytes.n));
    text_event(r, "response.output_audio.delta", "delta",
               str_n(text, base64_encode(text, bytes.p, bytes.n)));
    mem_free(text);
    buf_release(&bytes);
}

static size_t tokens_left(const struct response *r)
{
    size_t most = (size_t)r->output.max_output_tokens * AUDIO_TOKEN_MS * BYTES_PER_MS;

    if (!r->output.max_output_tokens)
        return SIZE_MAX;
    return most > r->sent ? most - r->sent : 0;
}

static void calls_emit(struct response *r)
{
    size_t i;

    for (i = 0; i < r->reply.n_calls; i++)
        call_emit(r, &r->reply.calls[i]);
}

static void all_said(struct response *r)
{
    text_send(r, r->reply.text.n);
    message_end(r, "completed");
    calls_emit(r);
    response_end(r, "completed", NULL);
}

static void trail(struct response *r)
{
    if (r->late-- > 0 && r->sent < r->ulaw.n) {
        audio_send(r, MIN(r->ulaw.n - r->sent, (size_t)random_between(200, 1600)));
        timer_start(&r->tick, random_between(2, 15));
        return;
    }
    response_end(r, "cancelled", r->reason);
}

static void speak_on(struct response *r)
{
    int64_t pause = random_between(TICK_SHORTEST_MS, TICK_LONGEST_MS);
    size_t n = (size_t)(pause * BYTES_PER_MS * r->speed / 10);

    n = MIN(n, r->ulaw.n - r->sent);
    if (n > tokens_left(r)) {
        if (tokens_left(r) > 0)
            audio_send(r, tokens_left(r));
        response_end(r, "incomplete", "max_output_tokens");
        return;
    }
    if (n > 0)
        audio_send(r, n);
    if (r->rt->fault.stall_response_ms > 0 && !r->stalled_once && r->sent >= 1000 * BYTES_PER_MS) {
        r->stalled_once = true;
        pause = r->rt->fault.stall_response_ms;
    }
    if (r->sent < r->ulaw.n)
        timer_start(&r->tick, pause);
    else if (r->n_spoken == r->n_sentences)
        all_said(r);
    /* otherwise the next sentence starts it again */
}

static void on_tick(void *arg)
{
    struct response *r = arg;

    switch (r->state) {
    case WAITS:
        response_end(r, "failed", "server_error");
        break;
    case SPEAKS:
        speak_on(r);
        break;
    case TRAILS:
        trail(r);
        break;
    }
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
            receptionist_agent_said(rc, text);
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

static void answer(struct response *r)
{
    plan(r);
    r->state = SPEAKS;
    if (r->reply.text.n == 0) {
        calls_emit(r);
        response_end(r, "completed", NULL);
        return;
    }
    message_begin(r);
    if (r->output.text_only) {
        all_said(r);
        return;
    }
    sentences_split(r);
    speech_next(r);
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

bool response_start(struct realtime *rt, const struct jval *ask, struct api_error *e)
{
    struct response *r = MEM_NEW(struct response);
    bool good;

    r->rt = rt;
    r->of_conversation = true;
    r->status = "in_progress";
    arena_init(&r->arena);
    buf_init(&r->ulaw, SPEECH_MAX);
    timer_init(&r->tick, rt->engine->loop, on_tick, r);
    r->speed = (int)random_between(SPEED_LEAST, SPEED_MOST);
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

void response_automatic(struct realtime *rt)
{
    struct api_error e;

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
        timer_start(&r->tick, random_between(2, 15));
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
