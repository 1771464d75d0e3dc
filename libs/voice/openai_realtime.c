/* OpenAI's Realtime API over WebSocket, GA protocol. Source: OpenAI, Realtime guide and API reference, client
 * and server events. A session is up when `session.updated` has echoed our formats: the 101 comes even for a
 * wrong key, and the turn detection runs with its defaults from the first byte of audio, so nothing is
 * sent before. Automatic answers and interruptions are off. */
#include "voice/engine.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "net/http_client.h"
#include "net/ws.h"
#include "voice/g711.h"
#include "voice/realtime_delta.h"
#include "voice/realtime_error.h"

enum {
    UPDATE_MAX = 512 * 1024,      /* a session.update: instructions and tools */
    MESSAGE_OUT_MAX = 256 * 1024, /* any other message of ours */
    MESSAGE_IN_MAX = 8 * 1024 * 1024,
    SMALL_MESSAGE = 4096, /* its document's memory is kept for the next */
    QUEUE_MAX = 1024 * 1024,
    AUDIO_PIECE = 1600,      /* caller audio in one message when several frames wait */
    AUDIO_STALLED_MS = 2000, /* kept while the socket takes nothing; oldest dropped */
    DELTA_PIECE = 4096,      /* base64 characters decoded at a time; a multiple of 4 */
    CLOSE_DENIED = 3000,     /* key */
    CLOSE_INVALID = 4000,    /* model, or the old interface */
};

#define APPEND_HEAD "{\"type\":\"input_audio_buffer.append\",\"audio\":\""
#define APPEND_TAIL "\"}"

enum session_state {
    SESSION_CONNECTING,
    SESSION_OPEN,     /* 101 */
    SESSION_CREATED,  /* the engine has accepted us */
    SESSION_UPDATING, /* session.update is out */
    SESSION_READY,
    SESSION_ENDED,
};

struct realtime {
    struct voice_engine engine;
    struct voice_connect c;
    struct ws_conn *ws;
    struct timer timeout;
    enum session_state state;
    struct buf update;  /* the session.update, until it is sent */
    struct arena arena; /* of one message */
    struct buf held;    /* caller audio that cannot go yet, oldest first */
    uint64_t dropped_bytes;
    struct err refusal; /* what an error event said before the close */
    bool
        refused_for_good; /* it came before the session was up, and a new one would fare no better */
    int depth;            /* handlers on the stack */
    bool dead;            /* closed meanwhile */
};

static struct realtime *realtime_of(struct voice_engine *e)
{
    return CONTAINER_OF(e, struct realtime, engine);
}

/* ---- end ---- */

static void realtime_free(struct realtime *r)
{
    buf_release(&r->update);
    arena_release(&r->arena);
    buf_release(&r->held);
    mem_free(r);
}

static void enter(struct realtime *r)
{
    r->depth++;
}

static void leave(struct realtime *r)
{
    if (--r->depth == 0 && r->dead)
        realtime_free(r);
}

static struct voice_engine *realtime_close(struct voice_engine *e)
{
    struct realtime *r;

    if (!e)
        return NULL;
    r = realtime_of(e);
    timer_stop(&r->timeout);
    if (r->ws)
        ws_disown(r->ws, 1000);
    r->ws = NULL;
    r->state = SESSION_ENDED;
    r->dead = true;
    if (r->depth == 0)
        realtime_free(r);
    return NULL;
}

/* The session is over; tells the owner, who then closes us. */
static void fail(struct realtime *r, const struct err *err, bool permanent)
{
    if (r->state == SESSION_ENDED)
        return;
    timer_stop(&r->timeout);
    if (r->ws)
        ws_disown(r->ws, 1000);
    r->ws = NULL;
    r->state = SESSION_ENDED;
    r->c.events->on_closed(r->c.arg, err, permanent);
}

static void on_timeout(void *arg)
{
    struct realtime *r = arg;
    struct err err = ERR_INIT;

    err_set(&err, ERR_TIMEOUT, "voice engine: no %s within %d ms",
            r->state == SESSION_OPEN ? "session.created" : "session.updated",
            VOICE_SESSION_TIMEOUT_MS);
    enter(r);
    fail(r, &err, false);
    leave(r);
}

/* ---- sending ---- */

static enum errc send_text(struct realtime *r, struct jw *w)
{
    struct buf out = BUF_INIT(MESSAGE_OUT_MAX);
    enum errc rc;

    jw_text(w, &out);
    jw_release(w);
    rc = buf_status(&out);
    if (!rc)
        rc = ws_send_text(r->ws, buf_str(&out));
    buf_release(&out);
    return rc;
}

static void begin(struct jw *w, const char *type)
{
    jw_init(w);
    jw_obj(w, NULL);
    jw_cstr(w, "type", type);
}

static enum errc finish(struct realtime *r, struct jw *w)
{
    jw_end(w);
    return send_text(r, w);
}

static bool send_audio(struct realtime *r, const uint8_t *ulaw, size_t n)
{
    size_t size = sizeof(APPEND_HEAD) - 1 + BASE64_LEN(n) + sizeof(APPEND_TAIL) - 1;
    char *p = ws_send_reserve(r->ws, size);

    if (!p)
        return false;
    memcpy(p, APPEND_HEAD, sizeof(APPEND_HEAD) - 1);
    p += sizeof(APPEND_HEAD) - 1;
    p += base64_encode(p, ulaw, n);
    memcpy(p, APPEND_TAIL, sizeof(APPEND_TAIL) - 1);
    ws_send_commit(r->ws, size);
    return true;
}

static void hold_audio(struct realtime *r, const uint8_t *ulaw, size_t n)
{
    size_t limit = (size_t)(r->state == SESSION_READY ? AUDIO_STALLED_MS : VOICE_AUDIO_HELD_MS) *
                   G711_BYTES_PER_MS;
    size_t drop = r->held.n + n > limit ? r->held.n + n - limit : 0;

    r->dropped_bytes += drop;
    if (drop > r->held.n) {
        ulaw += drop - r->held.n;
        n -= drop - r->held.n;
        drop = r->held.n;
    }
    buf_drop_front(&r->held, drop);
    buf_add(&r->held, ulaw, n);
}

static void send_held(struct realtime *r)
{
    size_t sent = 0;

    while (sent < r->held.n) {
        size_t n = MIN(r->held.n - sent, (size_t)AUDIO_PIECE);

        if (!send_audio(r, (const uint8_t *)r->held.p + sent, n))
            break;
        sent += n;
    }
    if (sent < r->held.n)
        buf_drop_front(&r->held, sent);
    else
        buf_release(&r->held); /* needed again only if the socket stalls */
}

static void realtime_audio(struct voice_engine *e, const uint8_t *ulaw, size_t n)
{
    struct realtime *r = realtime_of(e);

    if (n == 0)
        return;
    if (r->state == SESSION_READY) {
        if (r->held.n)
            send_held(r);
        if (r->held.n == 0 && send_audio(r, ulaw, n))
            return;
    }
    hold_audio(r, ulaw, n);
}

static void realtime_hand_over(struct voice_engine *from, struct voice_engine *to)
{
    struct realtime *r = realtime_of(from);

    if (r->held.n)
        to->ops->audio(to, (const uint8_t *)r->held.p, r->held.n);
    buf_release(&r->held);
}

static void realtime_attach(struct voice_engine *e, const struct voice_events *events, void *arg)
{
    struct realtime *r = realtime_of(e);

    r->c.events = events;
    r->c.arg = arg;
}

static int64_t realtime_audio_dropped_ms(struct voice_engine *e)
{
    return (int64_t)(realtime_of(e)->dropped_bytes / G711_BYTES_PER_MS);
}

static void realtime_hold(struct voice_engine *e, bool on)
{
    struct realtime *r = realtime_of(e);

    if (!r->ws)
        return;
    if (on)
        ws_pause(r->ws);
    else
        ws_resume(r->ws);
}

static enum errc realtime_tool_result(struct voice_engine *e, struct str call_id, struct str output)
{
    struct realtime *r = realtime_of(e);
    struct jw w;

    if (r->state != SESSION_READY)
        return ERR_CLOSED;
    begin(&w, "conversation.item.create");
    jw_obj(&w, "item");
    jw_cstr(&w, "type", "function_call_output");
    jw_str(&w, "call_id", call_id);
    jw_str(&w, "output", output);
    jw_end(&w);
    return finish(r, &w);
}

static enum errc create_message(struct realtime *r, enum voice_role role, struct str text,
                                struct str id, struct str after)
{
    static const struct {
        const char *role, *content;
    } kinds[] = {
        [VOICE_CALLER] = { "user", "input_text" },
        [VOICE_AGENT] = { "assistant", "output_text" },
        [VOICE_SYSTEM] = { "system", "input_text" },
    };
    struct jw w;

    if (r->state != SESSION_READY)
        return ERR_CLOSED;
    begin(&w, "conversation.item.create");
    if (after.n)
        jw_str(&w, "previous_item_id", after);
    jw_obj(&w, "item");
    if (id.n)
        jw_str(&w, "id", id);
    jw_cstr(&w, "type", "message");
    jw_cstr(&w, "role", kinds[role].role);
    jw_arr(&w, "content");
    jw_obj(&w, NULL);
    jw_cstr(&w, "type", kinds[role].content);
    jw_str(&w, "text", text);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    return finish(r, &w);
}

static enum errc realtime_remember(struct voice_engine *e, enum voice_role role, struct str text)
{
    return create_message(realtime_of(e), role, text, STR_EMPTY, STR_EMPTY);
}

static enum errc realtime_remember_as(struct voice_engine *e, struct str name, struct str after,
                                      struct str text)
{
    return create_message(realtime_of(e), VOICE_AGENT, text, name, after);
}

static enum errc realtime_forget(struct voice_engine *e, struct str name)
{
    struct realtime *r = realtime_of(e);
    struct jw w;

    if (r->state != SESSION_READY)
        return ERR_CLOSED;
    begin(&w, "conversation.item.delete");
    jw_str(&w, "item_id", name);
    return finish(r, &w);
}

static enum errc realtime_remember_tool(struct voice_engine *e, const struct voice_tool_call *call,
                                        const struct str *output)
{
    struct realtime *r = realtime_of(e);
    enum errc rc;
    struct jw w;

    if (r->state != SESSION_READY)
        return ERR_CLOSED;
    begin(&w, "conversation.item.create");
    jw_obj(&w, "item");
    jw_cstr(&w, "type", "function_call");
    jw_str(&w, "call_id", call->call_id);
    jw_str(&w, "name", call->name);
    jw_str(&w, "arguments", call->arguments);
    jw_end(&w);
    rc = finish(r, &w);
    return rc || !output ? rc : realtime_tool_result(e, call->call_id, *output);
}

/* The tag travels in the metadata, which comes back with the response, and in event_id, which comes back
 * with an error. */
static void begin_response(struct jw *w, uint32_t tag)
{
    begin(w, "response.create");
    jw_strf(w, "event_id", "r%u", tag);
    jw_obj(w, "response");
    jw_obj(w, "metadata");
    jw_strf(w, "tag", "%u", tag);
    jw_end(w);
}

static enum errc realtime_respond(struct voice_engine *e, uint32_t tag)
{
    struct realtime *r = realtime_of(e);
    struct jw w;

    if (r->state != SESSION_READY)
        return ERR_CLOSED;
    begin_response(&w, tag);
    jw_end(&w);
    return finish(r, &w);
}

static enum errc realtime_say(struct voice_engine *e, struct str text, uint32_t tag)
{
    struct realtime *r = realtime_of(e);
    struct buf words = BUF_INIT(MESSAGE_OUT_MAX);
    struct jw w;
    size_t i;

    if (r->state != SESSION_READY)
        return ERR_CLOSED;
    buf_add_c(&words, "Say exactly: \"");
    for (i = 0; i < text.n; i++)
        buf_add_char(&words, text.p[i] == '"' ? '\'' : text.p[i]); /* the text ends at its quote */
    buf_add_char(&words, '"');
    begin_response(&w, tag);
    jw_str(&w, "instructions", buf_str(&words));
    jw_cstr(&w, "tool_choice", "none");
    jw_arr(&w, "input"); /* empty: nothing in the conversation can bend the words */
    jw_end(&w);
    jw_end(&w);
    buf_release(&words);
    return finish(r, &w);
}

static enum errc realtime_cancel(struct voice_engine *e, struct str response_id)
{
    struct realtime *r = realtime_of(e);
    struct jw w;

    if (r->state != SESSION_READY)
        return ERR_CLOSED;
    begin(&w, "response.cancel");
    if (response_id.n)
        jw_str(&w, "response_id", response_id);
    return finish(r, &w);
}

static enum errc realtime_truncate(struct voice_engine *e, struct str item_id, int content_index,
                                   int64_t heard_ms)
{
    struct realtime *r = realtime_of(e);
    struct jw w;

    if (r->state != SESSION_READY)
        return ERR_CLOSED;
    begin(&w, "conversation.item.truncate");
    jw_str(&w, "item_id", item_id);
    jw_i64(&w, "content_index", content_index);
    jw_i64(&w, "audio_end_ms", heard_ms);
    return finish(r, &w);
}

/* ---- the session ---- */

static void write_format(struct jw *w)
{
    jw_obj(w, "format");
    jw_cstr(w, "type", "audio/pcmu");
    jw_end(w);
}

static void write_input(struct jw *w, const struct voice_settings *set,
                        const struct voice_session *s)
{
    jw_obj(w, "input");
    write_format(w);
    if (set->noise_reduction != VOICE_NOISE_AS_IS) {
        jw_obj(w, "noise_reduction");
        jw_cstr(w, "type",
                set->noise_reduction == VOICE_NOISE_NEAR_FIELD ? "near_field" : "far_field");
        jw_end(w);
    } else {
        jw_null(w, "noise_reduction");
    }
    jw_obj(w, "transcription");
    jw_str(w, "model",
           s->transcription_model.n ? s->transcription_model : set->transcription_model);
    if (s->language.n >= 2)
        jw_str(w, "language", str_slice(s->language, 0, 2)); /* "de-DE" is asked for as "de" */
    jw_end(w);
    jw_obj(w, "turn_detection");
    jw_cstr(w, "type", "server_vad");
    jw_num(w, "threshold", (double)set->vad_threshold_pct / 100.0);
    jw_i64(w, "prefix_padding_ms", set->vad_prefix_ms);
    jw_i64(w, "silence_duration_ms", set->vad_silence_ms);
    jw_bool(w, "create_response", false);
    jw_bool(w, "interrupt_response", false);
    jw_end(w);
    jw_end(w);
}

static void write_output(struct jw *w, const struct voice_settings *set,
                         const struct voice_session *s)
{
    jw_obj(w, "output");
    write_format(w);
    jw_str(w, "voice", s->voice.n ? s->voice : set->voice);
    if (s->speed > 0)
        jw_num(w, "speed", s->speed);
    jw_end(w);
}

static void write_session(struct jw *w, const struct voice_settings *set,
                          const struct voice_session *s, const struct jval *tools)
{
    jw_obj(w, "session");
    jw_cstr(w, "type", "realtime");
    jw_arr(w, "output_modalities");
    jw_cstr(w, NULL, "audio");
    jw_end(w);
    jw_str(w, "instructions", s->instructions);
    jw_obj(w, "audio");
    write_input(w, set, s);
    write_output(w, set, s);
    jw_end(w);
    if (tools)
        jw_val(w, "tools", tools);
    jw_cstr(w, "tool_choice", "auto");
    if (set->max_output_tokens)
        jw_i64(w, "max_output_tokens", set->max_output_tokens);
    else
        jw_cstr(w, "max_output_tokens", "inf");
    jw_end(w);
}

/* When the engine has accepted us and configure() has been called, whichever comes last. */
static enum errc send_update(struct realtime *r, struct err *err)
{
    if (r->state != SESSION_CREATED || r->update.n == 0)
        return ERR_OK;
    if (ws_send_text(r->ws, buf_str(&r->update)))
        return err_set(err, ERR_CLOSED, "voice engine: the socket took no session.update");
    buf_release(&r->update);
    r->state = SESSION_UPDATING;
    timer_start(&r->timeout, VOICE_SESSION_TIMEOUT_MS);
    return ERR_OK;
}

static enum errc realtime_configure(struct voice_engine *e, const struct voice_session *s,
                                    struct err *err)
{
    struct realtime *r = realtime_of(e);
    struct json *tools = NULL;
    struct jw w;
    enum errc rc;

    if (s->tools.n) {
        rc = json_parse(&tools, s->tools, err);
        if (rc)
            return err_wrap(err, rc, "tools of the voice session");
    }
    buf_reset(&r->update);
    begin(&w, "session.update");
    jw_cstr(&w, "event_id", "session");
    write_session(&w, r->c.settings, s, json_root(tools));
    jw_end(&w);
    jw_text(&w, &r->update);
    jw_release(&w);
    json_destroy(tools);
    if (buf_status(&r->update)) {
        buf_reset(&r->update);
        return err_set(err, ERR_LIMIT, "the voice session is larger than %d bytes", UPDATE_MAX);
    }
    return send_update(r, err);
}

/* ---- what the engine says ---- */

static struct str text_of(const struct jval *v, const char *key)
{
    return json_str(json_get(v, key));
}

static struct voice_part part_of(const struct jval *m)
{
    return (struct voice_part){ text_of(m, "response_id"), text_of(m, "item_id"),
                                (int)json_i64_or(json_get(m, "content_index"), 0) };
}

static bool id_fits(struct str id)
{
    return id.n < VOICE_ID_MAX;
}

static bool ids_fit(const struct jval *m)
{
    return id_fits(text_of(m, "response_id")) && id_fits(text_of(m, "item_id")) &&
           id_fits(text_of(json_get(m, "response"), "id"));
}

static void on_created(struct realtime *r, const struct jval *m)
{
    const struct jval *session = json_get(m, "session");
    struct err err = ERR_INIT;

    if (r->state != SESSION_OPEN)
        return;
    timer_stop(&r->timeout);
    r->state = SESSION_CREATED;
    r->c.events->on_connected(r->c.arg, str_slice(text_of(session, "id"), 0, VOICE_ID_MAX - 1),
                              MAX(json_i64_or(json_get(session, "expires_at"), 0), 0));
    if (!r->dead && send_update(r, &err))
        fail(r, &err, false);
}

static bool format_is_ulaw(const struct jval *m, const char *path)
{
    return str_eq_c(json_str(json_path(m, path)), "audio/pcmu");
}

static void on_updated(struct realtime *r, const struct jval *m)
{
    struct err err = ERR_INIT;

    if (r->state != SESSION_UPDATING)
        return;
    if (!format_is_ulaw(m, "session.audio.input.format.type") ||
        !format_is_ulaw(m, "session.audio.output.format.type")) {
        err_set(&err, ERR_UNSUPPORTED,
                "voice engine: it did not take audio/pcmu for both directions");
        fail(r, &err, true);
        return;
    }
    timer_stop(&r->timeout);
    r->state = SESSION_READY;
    r->c.events->on_ready(r->c.arg);
    if (r->state == SESSION_READY) /* not closed meanwhile */
        send_held(r);              /* after what was put into the conversation: it is older */
}

/* Decodes in pieces, so that a delta of any length needs no memory. */
static void give_audio(struct realtime *r, const struct voice_part *part, struct str delta)
{
    uint8_t ulaw[DELTA_PIECE / 4 * 3 + 3];

    while (delta.n > 0 && !r->dead) {
        struct str piece = str_slice(delta, 0, DELTA_PIECE);
        size_t n;

        if (base64_decode(ulaw, &n, piece)) {
            log_warn(&r->c.log, "voice engine sent audio that is no base64");
            return;
        }
        if (n > 0)
            r->c.events->on_audio(r->c.arg, part, ulaw, n);
        delta = str_from(delta, piece.n);
    }
}

static void on_audio_delta(struct realtime *r, const struct jval *m)
{
    struct voice_part part = part_of(m);

    give_audio(r, &part, text_of(m, "delta"));
}

static void on_audio_done(struct realtime *r, const struct jval *m)
{
    struct voice_part part = part_of(m);

    r->c.events->on_audio_done(r->c.arg, &part);
}

static void on_agent_delta(struct realtime *r, const struct jval *m)
{
    struct voice_part part = part_of(m);

    r->c.events->on_agent_text(r->c.arg, &part, text_of(m, "delta"), false);
}

static void on_agent_done(struct realtime *r, const struct jval *m)
{
    struct voice_part part = part_of(m);

    r->c.events->on_agent_text(r->c.arg, &part, text_of(m, "transcript"), true);
}

static void on_speech_started(struct realtime *r, const struct jval *m)
{
    r->c.events->on_speech(r->c.arg, true, text_of(m, "item_id"),
                           json_i64_or(json_get(m, "audio_start_ms"), 0));
}

static void on_speech_stopped(struct realtime *r, const struct jval *m)
{
    r->c.events->on_speech(r->c.arg, false, text_of(m, "item_id"),
                           json_i64_or(json_get(m, "audio_end_ms"), 0));
}

static void on_committed(struct realtime *r, const struct jval *m)
{
    r->c.events->on_turn(r->c.arg, text_of(m, "item_id"));
}

static void on_caller_delta(struct realtime *r, const struct jval *m)
{
    r->c.events->on_caller_text(r->c.arg, text_of(m, "item_id"), text_of(m, "delta"), false);
}

static int64_t count_of(const struct jval *v, const char *path)
{
    return MAX(json_i64_or(json_path(v, path), 0), 0);
}

/* Realtime spells input_token_details; imitators of other APIs input_tokens_details. */
static struct voice_usage usage_of(const struct jval *u)
{
    const struct jval *in = json_get(u, "input_token_details");
    const struct jval *out = json_get(u, "output_token_details");

    if (!in)
        in = json_get(u, "input_tokens_details");
    if (!out)
        out = json_get(u, "output_tokens_details");
    return (struct voice_usage){
        .text_in = count_of(in, "text_tokens"),
        .audio_in = count_of(in, "audio_tokens"),
        .image_in = count_of(in, "image_tokens"),
        .text_in_cached = count_of(in, "cached_tokens_details.text_tokens"),
        .audio_in_cached = count_of(in, "cached_tokens_details.audio_tokens"),
        .image_in_cached = count_of(in, "cached_tokens_details.image_tokens"),
        .text_out = out ? count_of(out, "text_tokens") : count_of(u, "output_tokens"),
        .audio_out = count_of(out, "audio_tokens"),
        .seconds = json_num_or(json_get(u, "seconds"), 0),
    };
}

static void on_caller_done(struct realtime *r, const struct jval *m)
{
    const struct jval *u = json_get(m, "usage");

    if (json_is_obj(u)) {
        struct voice_usage usage = usage_of(u);

        r->c.events->on_transcription_usage(r->c.arg, &usage);
    }
    if (!r->dead)
        r->c.events->on_caller_text(r->c.arg, text_of(m, "item_id"), text_of(m, "transcript"),
                                    true);
}

static void on_caller_failed(struct realtime *r, const struct jval *m)
{
    log_warn(&r->c.log, "caller's words not transcribed code=" STR_FMT,
             STR_ARG(json_str(json_path(m, "error.code"))));
    r->c.events->on_caller_text(r->c.arg, text_of(m, "item_id"), STR_EMPTY, true);
}

/* Also said in arguments.done and in response.done; acting on more than one would act twice. */
static void on_item_done(struct realtime *r, const struct jval *m)
{
    const struct jval *item = json_get(m, "item");
    struct voice_tool_call call = { text_of(m, "response_id"), text_of(item, "call_id"),
                                    text_of(item, "name"), text_of(item, "arguments") };

    if (!str_eq_c(text_of(item, "type"), "function_call") ||
        !str_eq_c(json_str_or(json_get(item, "status"), STR("completed")), "completed"))
        return;
    if (call.call_id.n == 0 || !id_fits(call.call_id)) {
        log_warn(&r->c.log, "tool call without a usable id");
        return;
    }
    r->c.events->on_tool_call(r->c.arg, &call);
}

static uint32_t tag_from(struct str text)
{
    int64_t tag;

    return str_to_i64(text, 1, UINT32_MAX, &tag) ? 0 : (uint32_t)tag;
}

static uint32_t tag_of(const struct jval *response)
{
    return tag_from(json_str(json_path(response, "metadata.tag")));
}

static void on_response_created(struct realtime *r, const struct jval *m)
{
    const struct jval *response = json_get(m, "response");

    r->c.events->on_response_started(r->c.arg, text_of(response, "id"), tag_of(response));
}

static enum voice_status status_of(struct str status)
{
    if (str_eq_c(status, "cancelled"))
        return VOICE_CANCELLED;
    if (str_eq_c(status, "incomplete"))
        return VOICE_INCOMPLETE;
    if (str_eq_c(status, "failed"))
        return VOICE_FAILED;
    return VOICE_COMPLETED;
}

static void on_response_done(struct realtime *r, const struct jval *m)
{
    const struct jval *response = json_get(m, "response");
    const struct jval *details = json_get(response, "status_details");
    struct voice_usage usage = usage_of(json_get(response, "usage"));
    struct voice_response done = {
        .id = text_of(response, "id"),
        .tag = tag_of(response),
        .status = status_of(text_of(response, "status")),
        .reason = json_str_or(json_path(details, "error.code"), text_of(details, "reason")),
        .usage = json_is_obj(json_get(response, "usage")) ? &usage : NULL,
    };

    r->c.events->on_response_done(r->c.arg, &done);
}

/* All or nothing: without its update the session has neither prompt nor tools. */
static void refuse_session(struct realtime *r, const struct realtime_error *e)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_INVALID, "voice engine refused the session: " STR_FMT " " STR_FMT " " STR_FMT,
            STR_ARG(e->error.code), STR_ARG(e->param), STR_ARG(e->error.message));
    fail(r, &err, !e->passes);
}

static void on_error(struct realtime *r, const struct jval *m)
{
    struct realtime_error e = realtime_error_read(m);

    err_set(&r->refusal, ERR_UPSTREAM, STR_FMT, STR_ARG(e.error.code));
    if (r->state == SESSION_READY) {
        r->c.events->on_error(r->c.arg, &e.error);
        return;
    }
    r->refused_for_good = e.lasts;
    if (r->state == SESSION_UPDATING)
        refuse_session(r, &e);
}

/* The second name is the one before GA, which imitating servers still use. */
static const struct {
    const char *type, *old_type;
    void (*handle)(struct realtime *r, const struct jval *m);
} messages[] = {
    { "session.created", NULL, on_created },
    { "session.updated", NULL, on_updated },
    { "response.output_audio.delta", "response.audio.delta", on_audio_delta },
    { "response.output_audio.done", "response.audio.done", on_audio_done },
    { "response.output_audio_transcript.delta", "response.audio_transcript.delta", on_agent_delta },
    { "response.output_audio_transcript.done", "response.audio_transcript.done", on_agent_done },
    { "input_audio_buffer.speech_started", NULL, on_speech_started },
    { "input_audio_buffer.speech_stopped", NULL, on_speech_stopped },
    { "input_audio_buffer.committed", NULL, on_committed },
    { "conversation.item.input_audio_transcription.delta", NULL, on_caller_delta },
    { "conversation.item.input_audio_transcription.completed", NULL, on_caller_done },
    { "conversation.item.input_audio_transcription.failed", NULL, on_caller_failed },
    { "response.output_item.done", NULL, on_item_done },
    { "response.created", NULL, on_response_created },
    { "response.done", NULL, on_response_done },
    { "error", NULL, on_error },
};

static void take_document(struct realtime *r, struct str data)
{
    struct err err = ERR_INIT;
    const struct jval *m;
    struct str type;
    size_t i;

    if (json_parse_arena(&m, &r->arena, data, &err)) {
        log_warn(&r->c.log, "voice engine sent no JSON: %s", err.text);
        return;
    }
    if (!ids_fit(m)) {
        log_warn(&r->c.log, "voice engine sent an id of %d bytes or more", VOICE_ID_MAX);
        return;
    }
    type = text_of(m, "type");
    for (i = 0; i < ARRAY_LEN(messages); i++) {
        if (str_eq_c(type, messages[i].type) ||
            (messages[i].old_type && str_eq_c(type, messages[i].old_type))) {
            messages[i].handle(r, m);
            return;
        }
    }
}

static void on_ws_message(void *arg, struct str data, bool binary)
{
    struct realtime *r = arg;
    struct realtime_delta delta;

    if (binary)
        return; /* not part of the protocol */
    enter(r);
    if (realtime_delta_read(&delta, data) && id_fits(delta.response_id) && id_fits(delta.item_id)) {
        struct voice_part part = { delta.response_id, delta.item_id, delta.content_index };

        give_audio(r, &part, delta.delta);
    } else {
        take_document(r, data);
        if (data.n > SMALL_MESSAGE)
            arena_release(&r->arena); /* the session's echo: nothing like it comes again */
        else
            arena_reset(&r->arena);
    }
    leave(r);
}

static void on_ws_open(void *arg)
{
    struct realtime *r = arg;

    r->state = SESSION_OPEN;
    timer_start(&r->timeout, VOICE_SESSION_TIMEOUT_MS);
}

static void on_ws_drained(void *arg)
{
    struct realtime *r = arg;

    if (r->state == SESSION_READY && r->held.n > 0)
        send_held(r);
}

static bool upgrade_refused_for_good(long status)
{
    return status == 400 || status == 401 || status == 403 || status == 404;
}

static void on_ws_closed(void *arg, int code, struct str reason, const struct err *ws_err)
{
    struct realtime *r = arg;
    bool permanent = code == CLOSE_DENIED || code == CLOSE_INVALID || r->refused_for_good ||
                     (code < 0 && ws_err && upgrade_refused_for_good(ws_err->upstream));
    struct err err = ERR_INIT;

    r->ws = NULL; /* freed when we return */
    if (code < 0)
        err_set_upstream(&err, ws_err ? ws_err->code : ERR_UPSTREAM, ws_err ? ws_err->upstream : 0,
                         "voice engine: %s", ws_err ? ws_err->text : "no connection");
    else
        err_set_upstream(&err, permanent ? ERR_DENIED : ERR_CLOSED, code,
                         "voice engine closed with %d " STR_FMT "%s%s", code, STR_ARG(reason),
                         r->refusal.code ? " after " : "", r->refusal.text);
    enter(r);
    fail(r, &err, permanent);
    leave(r);
}

static struct str session_url(struct realtime *r)
{
    struct str model = r->c.model.n ? r->c.model : r->c.settings->model;
    struct str base = r->c.settings->openai_realtime_url;

    return arena_printf(&r->arena, STR_FMT "%cmodel=" STR_FMT, STR_ARG(base),
                        str_find_char(base, '?') < base.n ? '&' : '?',
                        STR_ARG(url_encode_text(&r->arena, model)));
}

static enum errc realtime_connect(struct voice_engine **ret, const struct voice_connect *c,
                                  struct err *err)
{
    struct realtime *r = MEM_NEW(struct realtime);
    struct http_header auth = { STR("Authorization"), STR_EMPTY };
    struct ws_client_opts opts = { 0 };
    enum errc rc;

    r->engine.ops = &openai_realtime_ops;
    r->c = *c;
    buf_init(&r->update, UPDATE_MAX);
    buf_init(&r->held, (size_t)VOICE_AUDIO_HELD_MS * G711_BYTES_PER_MS);
    arena_init(&r->arena);
    timer_init(&r->timeout, c->loop, on_timeout, r);
    auth.value = arena_printf(&r->arena, "Bearer " STR_FMT, STR_ARG(c->settings->openai_api_key));
    opts.url = session_url(r);
    opts.headers = &auth;
    opts.n_headers = 1;
    opts.connect_timeout_ms = VOICE_CONNECT_TIMEOUT_MS;
    opts.queue_max = QUEUE_MAX;
    opts.message_max = MESSAGE_IN_MAX;
    opts.tls = c->tls;
    opts.events = (struct ws_events){ on_ws_open, on_ws_message, on_ws_drained, on_ws_closed };
    opts.arg = r;
    rc = ws_connect(&r->ws, c->loop, &opts, err);
    arena_reset(&r->arena);
    r->c.model = STR_EMPTY; /* was the caller's */
    if (rc) {
        realtime_free(r);
        return err_wrap(err, rc, "voice engine");
    }
    *ret = &r->engine;
    return ERR_OK;
}

const struct voice_engine_ops openai_realtime_ops = {
    .name = "openai_realtime",
    .features = VOICE_TURNS | VOICE_TRUNCATE,
    .connect = realtime_connect,
    .configure = realtime_configure,
    .audio = realtime_audio,
    .tool_result = realtime_tool_result,
    .remember = realtime_remember,
    .remember_as = realtime_remember_as,
    .forget = realtime_forget,
    .remember_tool = realtime_remember_tool,
    .respond = realtime_respond,
    .say = realtime_say,
    .cancel = realtime_cancel,
    .truncate = realtime_truncate,
    .hold = realtime_hold,
    .audio_dropped_ms = realtime_audio_dropped_ms,
    .attach = realtime_attach,
    .hand_over = realtime_hand_over,
    .close = realtime_close,
};
