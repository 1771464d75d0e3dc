#include "restart/crowd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/http_server.h"
#include "net/ws.h"

enum {
    CALLS_MAX = 200,
    BYTES_PER_MS = 8,
    ANSWER_MS = 1200, /* of the agent's speech */
    WORDS_MS = 600,   /* of the caller's */
    PAUSE_MS = 4000,  /* of the caller's, after an answer; and a bit, by the session's number */
    LONG_MS = 12000,  /* an answer that is still heard when the bridge is killed */
    OVER_MS = 600,    /* of it, before the caller speaks over it */
};

const char *const pose_names[POSES] = { "none",     "greeting",        "listening",
                                        "speaking", "caller speaking", "tool",
                                        "paused" };
#define TOOL_ARGUMENTS                                                                           \
    "{\\\"need\\\":\\\"A day for forty\\\",\\\"name\\\":\\\"Anna Miller\\\",\\\"postcode\\\":"   \
    "\\\"10115\\\",\\\"service\\\":\\\"company-programme\\\",\\\"fields\\\":{\\\"people\\\":40," \
    "\\\"wanted_by\\\":\\\"In January\\\"}}"

struct session {
    struct crowd *crowd;
    struct ws_conn *ws;
    int number, responses, items;
    int64_t heard_ms, speaks_at_ms, stops_at_ms; /* 0: not */
    int64_t over_at_ms;                          /* the caller begins to speak over the answer */
    enum pose pose; /* that it takes; of one that goes on: that was taken before */
    bool used, goes_on;
};

struct phone {
    struct crowd *crowd;
    struct ws_conn *ws;
};

struct crowd {
    struct loop *loop;
    struct log log;
    struct http_server *server;
    struct phone phones[CALLS_MAX];
    int n_phones, port, sessions_made;
    struct session *sessions[4 * CALLS_MAX];

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct crowd_seen seen; /* under the lock */
    bool done;
    struct err err;
    struct pose_seen posed[POSES];  /* under the lock */
    enum pose poses[4 * CALLS_MAX]; /* by session, until it is killed */
    int64_t killed_ms;
};

static void count(struct crowd *c, int *what, int by)
{
    pthread_mutex_lock(&c->lock);
    *what += by;
    pthread_mutex_unlock(&c->lock);
}

/* ---- the engine ---- */

static void PRINTF_LIKE(2, 3) emit(struct session *s, const char *fmt, ...)
{
    struct buf out = BUF_INIT(MIB);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&out, fmt, ap);
    va_end(ap);
    if (ws_send_text(s->ws, buf_str(&out)))
        log_debug(&s->crowd->log, "not sent: the bridge has gone");
    buf_release(&out);
}

static void speak(struct session *s, const char *id, struct str words, int ms)
{
    static uint8_t noise[LONG_MS * BYTES_PER_MS];
    static char audio[BASE64_LEN(sizeof(noise)) + 1];
    size_t n;

    memset(noise, 0x90, sizeof(noise));
    n = base64_encode(audio, noise, (size_t)ms * BYTES_PER_MS);
    emit(s,
         "{\"type\":\"response.output_audio.delta\",\"response_id\":\"%s\",\"item_id\":\"i_%s\","
         "\"output_index\":0,\"content_index\":0,\"delta\":\"%.*s\"}",
         id, id, (int)n, audio);
    emit(s,
         "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"%s\",\"item_id\":"
         "\"i_%s\",\"content_index\":0,\"transcript\":\"" STR_FMT "\"}",
         id, id, STR_ARG(words));
    emit(s,
         "{\"type\":\"response.output_audio.done\",\"response_id\":\"%s\",\"item_id\":\"i_%s\","
         "\"output_index\":0,\"content_index\":0}",
         id, id);
}

/* The first thing that is asked of a session that goes on. */
static void note_first(struct session *s, struct str words)
{
    struct pose_seen *seen = &s->crowd->posed[s->pose];

    if (!s->goes_on || s->responses > 0)
        return;
    pthread_mutex_lock(&s->crowd->lock);
    seen->word_ms = loop_now_ms(s->crowd->loop) - s->crowd->killed_ms;
    (void)str_copy(seen->first, sizeof(seen->first), words); /* its beginning will do */
    pthread_mutex_unlock(&s->crowd->lock);
}

static void call_tool(struct session *s, const char *id)
{
    emit(s,
         "{\"type\":\"response.output_item.done\",\"response_id\":\"%s\",\"output_index\":0,"
         "\"item\":{\"id\":\"t_%s\",\"type\":\"function_call\",\"status\":\"completed\","
         "\"call_id\":\"call_%s\",\"name\":\"qualifyLead\",\"arguments\":\"" TOOL_ARGUMENTS "\"}}",
         id, id, id);
}

static void on_response_create(struct session *s, const struct jval *m)
{
    struct str tag = json_str(json_path(m, "response.metadata.tag"));
    struct str text = json_str(json_path(m, "response.instructions")), words = STR_EMPTY;
    bool disclosure = str_contains(text, STR("AI assistant")), posed = s->pose && !s->goes_on;
    size_t from = str_find_char(text, '"') + 1;
    char id[48], answer[64];

    if (from < text.n)
        words = str_slice(text, from, text.n - 1);
    else
        count(s->crowd, &s->crowd->seen.answers, 1);
    note_first(s, words);
    if (words.n == 0)
        words = str_n(answer, (size_t)snprintf(answer, sizeof(answer), "An answer in session %d.",
                                               s->number));
    count(s->crowd, &s->crowd->seen.disclosures, disclosure);
    (void)snprintf(id, sizeof(id), "r_%d_%d", s->number, ++s->responses);
    emit(s,
         "{\"type\":\"response.created\",\"response\":{\"id\":\"%s\",\"status\":\"in_progress\","
         "\"metadata\":{\"tag\":\"" STR_FMT "\"}}}",
         id, STR_ARG(tag));
    if (posed && s->pose == POSE_TOOL)
        call_tool(s, id);
    else
        speak(s, id, words, posed && s->pose != POSE_GREETING ? LONG_MS : ANSWER_MS);
    if (posed && s->pose == POSE_PAUSED)
        s->over_at_ms = s->heard_ms + OVER_MS;
    emit(s,
         "{\"type\":\"response.done\",\"response\":{\"id\":\"%s\",\"status\":\"completed\","
         "\"status_details\":null,\"metadata\":{\"tag\":\"" STR_FMT "\"},\"usage\":null}}",
         id, STR_ARG(tag));
    s->speaks_at_ms =
        disclosure || posed ? 0 : s->heard_ms + ANSWER_MS + PAUSE_MS + s->number * 37 % PAUSE_MS;
}

static void caller_starts(struct session *s)
{
    s->speaks_at_ms = 0;
    s->stops_at_ms = s->heard_ms + WORDS_MS;
    emit(s,
         "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":%lld,\"item_id\":"
         "\"c_%d_%d\"}",
         (long long)s->heard_ms, s->number, ++s->items);
}

static void caller_stops(struct session *s)
{
    s->stops_at_ms = 0;
    emit(s,
         "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":%lld,\"item_id\":"
         "\"c_%d_%d\"}",
         (long long)s->heard_ms, s->number, s->items);
    emit(s, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"c_%d_%d\"}", s->number,
         s->items);
    emit(s,
         "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":"
         "\"c_%d_%d\",\"content_index\":0,\"transcript\":\"Something to say.\",\"usage\":"
         "{\"type\":\"duration\",\"seconds\":1}}",
         s->number, s->items);
    s->speaks_at_ms = s->heard_ms + 2L * PAUSE_MS; /* again, if no answer comes */
}

static void on_audio(struct session *s, const struct jval *m)
{
    s->heard_ms += (int64_t)(json_str(json_get(m, "audio")).n / 4 * 3 / BYTES_PER_MS);
    if (s->over_at_ms && s->heard_ms >= s->over_at_ms) {
        s->over_at_ms = 0;
        caller_starts(s);
        s->stops_at_ms = 0; /* and goes on */
    }
    if (s->stops_at_ms && s->heard_ms >= s->stops_at_ms)
        caller_stops(s);
    else if (!s->stops_at_ms && s->speaks_at_ms && s->heard_ms >= s->speaks_at_ms)
        caller_starts(s);
}

/* Which call this is: the sessions before have said their numbers. */
static enum pose pose_before(struct crowd *c, struct str instructions)
{
    static const char says[] = "in session ";
    size_t at = str_find(instructions, str_c(says)), end;
    int64_t number;

    if (at >= instructions.n)
        return POSE_GREETING; /* nothing but the opening was said */
    instructions = str_from(instructions, at + sizeof(says) - 1);
    end = str_find_char(instructions, '.');
    if (str_to_i64(str_slice(instructions, 0, end), 0, (int64_t)ARRAY_LEN(c->poses) - 1, &number))
        return POSE_NONE;
    return c->poses[number];
}

static void go_on(struct session *s, struct str instructions)
{
    struct crowd *c = s->crowd;

    s->goes_on = true;
    s->pose = pose_before(c, instructions);
    pthread_mutex_lock(&c->lock);
    c->posed[s->pose].sessions++;
    c->posed[s->pose].gap_ms = loop_now_ms(c->loop) - c->killed_ms;
    pthread_mutex_unlock(&c->lock);
}

static void on_update(struct session *s, const struct jval *m)
{
    struct crowd *c = s->crowd;

    if (c->killed_ms)
        go_on(s, json_str(json_path(m, "session.instructions")));
    if (!s->used)
        count(c, &c->seen.sessions, 1);
    s->used = true;
    s->speaks_at_ms = s->heard_ms + 2L * PAUSE_MS; /* also where the bridge only listens */
    count(c, &c->seen.restored,
          str_contains(json_str(json_path(m, "session.instructions")), STR("So far:")));
    emit(s, "{\"type\":\"session.updated\",\"session\":{\"type\":\"realtime\",\"audio\":{"
            "\"input\":{\"format\":{\"type\":\"audio/pcmu\"}},\"output\":{\"format\":{"
            "\"type\":\"audio/pcmu\"}}}}}");
}

/* What was heard from kept audio is told as the agent's words. */
static void on_item(struct session *s, const struct jval *m)
{
    struct str text = json_str(json_path(m, "item.content.0.text"));
    bool output = str_eq_c(json_str(json_path(m, "item.type")), "function_call_output");

    count(s->crowd, &s->crowd->posed[s->pose].outputs, s->goes_on && output);
    count(s->crowd, &s->crowd->seen.disclosures,
          str_eq_c(json_str(json_path(m, "item.role")), "assistant") &&
              str_contains(text, STR("AI assistant")));
    s->speaks_at_ms = s->heard_ms + 2L * PAUSE_MS;
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct session *s = arg;
    struct json *doc = NULL;
    struct str type;

    if (binary || json_parse(&doc, data, NULL))
        return;
    type = json_str(json_get(json_root(doc), "type"));
    if (str_eq_c(type, "input_audio_buffer.append"))
        on_audio(s, json_root(doc));
    else if (str_eq_c(type, "response.create"))
        on_response_create(s, json_root(doc));
    else if (str_eq_c(type, "conversation.item.create"))
        on_item(s, json_root(doc));
    else if (str_eq_c(type, "session.update"))
        on_update(s, json_root(doc));
    json_destroy(doc);
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct session *s = arg;
    struct crowd *c = s->crowd;

    (void)code, (void)reason, (void)err; /* however it ended, it is over */
    count(c, &c->seen.sessions, s->used ? -1 : 0);
    c->sessions[s->number] = NULL;
    mem_free(s);
}

static void accept_session(void *app, struct ws_conn *ws, struct ws_events *events, void **arg)
{
    struct crowd *c = app;
    struct session *s = MEM_NEW(struct session);

    if (c->sessions_made == (int)ARRAY_LEN(c->sessions))
        abort(); /* a loop of connections */
    s->crowd = c;
    s->ws = ws;
    s->number = c->sessions_made++;
    c->sessions[s->number] = s;
    *events = (struct ws_events){ .on_message = on_message, .on_closed = on_closed };
    *arg = s;
    emit(s, "{\"type\":\"session.created\",\"event_id\":\"e\",\"session\":{\"id\":\"sess_%d\"}}",
         s->number);
}

static void on_transcribe(void *app, struct http_req *r)
{
    (void)app;
    http_reply_json(r, 200,
                    STR("{\"text\":\"Words.\",\"usage\":{\"type\":\"duration\","
                        "\"seconds\":1}}"));
}

/* ---- the telephones ---- */

static void on_phone_open(void *arg)
{
    struct phone *p = arg;

    if (ws_send_text(p->ws, STR("{\"do\":\"call\"}")))
        ws_abort(p->ws); /* on_phone_closed() follows */
}

static void on_phone_message(void *arg, struct str data, bool binary)
{
    struct phone *p = arg;
    struct json *doc = NULL;
    struct str kind;

    if (binary || json_parse(&doc, data, NULL))
        return;
    kind = json_str(json_get(json_root(doc), "kind"));
    count(p->crowd, &p->crowd->seen.placed, str_eq_c(kind, "placed"));
    count(p->crowd, &p->crowd->seen.ended, str_eq_c(kind, "ended") || str_eq_c(kind, "failed"));
    json_destroy(doc);
}

static void on_phone_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct phone *p = arg;

    (void)code, (void)reason, (void)err;
    p->ws = NULL;
    count(p->crowd, &p->crowd->seen.ended, 1);
}

static void dial_phone(struct crowd *c, int i)
{
    static const struct ws_events events = { on_phone_open, on_phone_message, NULL,
                                             on_phone_closed };
    struct phone *p = &c->phones[i];
    char url[64];
    struct ws_client_opts o = { .queue_max = MIB, .events = events, .arg = p };

    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%d/phone/line", c->port);
    o.url = str_c(url);
    p->crowd = c;
    if (ws_connect(&p->ws, c->loop, &o, &c->err))
        on_phone_closed(p, -1, STR_EMPTY, &c->err);
}

static void dial(void *arg)
{
    struct crowd *c = arg;
    int i;

    for (i = 0; i < c->n_phones; i++)
        dial_phone(c, i);
}

static void put_down(void *arg)
{
    struct crowd *c = arg;
    int i;

    for (i = 0; i < c->n_phones; i++) {
        if (c->phones[i].ws)
            ws_disown(c->phones[i].ws, 1000);
        c->phones[i].ws = NULL;
    }
    pthread_mutex_lock(&c->lock);
    c->done = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/* ---- for the thread that tests ---- */

/* Runs fn(c) on the loop and waits for its end. */
static void on_the_loop(struct crowd *c, void (*fn)(void *arg))
{
    pthread_mutex_lock(&c->lock);
    c->done = false;
    loop_post(c->loop, fn, c);
    while (!c->done)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

void crowd_call(struct crowd *c, int port, int n)
{
    c->port = port;
    c->n_phones = MIN(n, (int)CALLS_MAX);
    loop_post(c->loop, dial, c);
}

void crowd_hang_up(struct crowd *c)
{
    on_the_loop(c, put_down);
}

static void dial_one(void *arg)
{
    struct crowd *c = arg;
    int all = c->n_phones;

    dial_phone(c, all);
    c->n_phones = all + 1;
}

void crowd_call_more(struct crowd *c)
{
    loop_post(c->loop, dial_one, c);
}

/* The caller has said something; what the answer is like, the pose says. */
static void take_pose(struct session *s, enum pose p)
{
    s->pose = s->crowd->poses[s->number] = p;
    s->speaks_at_ms = 0;
    if (p == POSE_LISTENING || p == POSE_GREETING)
        return;
    caller_starts(s);
    if (p == POSE_CALLER_SPEAKS)
        s->stops_at_ms = 0;
    else
        caller_stops(s);
    s->speaks_at_ms = 0;
}

static void take_poses(void *arg)
{
    struct crowd *c = arg;
    int i, next = POSE_LISTENING;

    for (i = 0; i < c->sessions_made; i++) {
        struct session *s = c->sessions[i];

        if (!s || !s->used)
            continue;
        take_pose(s, s->responses == 0 || next == POSES ? POSE_GREETING : (enum pose)next);
        next = MIN(next + (s->pose != POSE_GREETING), (int)POSES);
    }
}

void crowd_pose(struct crowd *c)
{
    loop_post(c->loop, take_poses, c);
}

static void note_kill(void *arg)
{
    struct crowd *c = arg;

    c->killed_ms = loop_now_ms(c->loop);
    pthread_mutex_lock(&c->lock);
    c->done = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void crowd_killed(struct crowd *c)
{
    on_the_loop(c, note_kill);
}

void crowd_look_pose(struct crowd *c, enum pose p, struct pose_seen *ret)
{
    pthread_mutex_lock(&c->lock);
    *ret = c->posed[p];
    pthread_mutex_unlock(&c->lock);
}

void crowd_look(struct crowd *c, struct crowd_seen *ret)
{
    pthread_mutex_lock(&c->lock);
    *ret = c->seen;
    pthread_mutex_unlock(&c->lock);
}

static const struct ws_route engine_routes[] = {
    { .path = "/v1/realtime", .queue_max = 4 * MIB, .accept = accept_session },
};
static const struct http_route http_routes[] = {
    { .methods = HTTP_POST,
      .path = "/v1/audio/transcriptions",
      .body_max = 32 * MIB,
      .handle = on_transcribe,
      .on_loop = true },
};

static void open_server(void *arg)
{
    struct crowd *c = arg;
    const struct http_server_opts o = { .host = "127.0.0.1",
                                        .routes = http_routes,
                                        .n_routes = ARRAY_LEN(http_routes),
                                        .ws_routes = engine_routes,
                                        .n_ws_routes = ARRAY_LEN(engine_routes),
                                        .app = c,
                                        .log = &c->log };

    if (http_server_create(&c->server, c->loop, &o, &c->err))
        c->server = NULL;
    pthread_mutex_lock(&c->lock);
    c->done = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void close_server(void *arg)
{
    struct crowd *c = arg;
    size_t i;

    for (i = 0; i < ARRAY_LEN(c->sessions); i++) {
        if (c->sessions[i])
            ws_disown(c->sessions[i]->ws, 1000);
        mem_free(c->sessions[i]);
        c->sessions[i] = NULL;
    }
    c->server = http_server_destroy(c->server);
    put_down(c);
}

enum errc crowd_create(struct crowd **ret, struct loop *loop, const struct log *log,
                       struct err *err)
{
    struct crowd *c = MEM_NEW(struct crowd);

    c->loop = loop;
    c->log = *log;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    on_the_loop(c, open_server);
    *ret = c;
    if (c->server)
        return ERR_OK;
    *err = c->err;
    *ret = crowd_destroy(c);
    return err->code;
}

int crowd_engine_port(const struct crowd *c)
{
    return http_server_port(c->server);
}

struct crowd *crowd_destroy(struct crowd *c)
{
    if (!c)
        return NULL;
    on_the_loop(c, close_server);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
    return NULL;
}
