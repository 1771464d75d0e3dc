#include "faults/talk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "faults/talk_internal.h"

enum { ULAW_SILENCE = 0xFF, FRAME_MS = 20 };

/* ---- what is seen ---- */

void talk_note_turn(struct talk *t, bool agent, struct str text)
{
    struct talk_turn *turn;

    pthread_mutex_lock(&t->lock);
    if (t->seen.n_turns < TALK_TURNS_MAX) {
        turn = &t->seen.turns[t->seen.n_turns++];
        turn->agent = agent;
        (void)str_copy(turn->text, sizeof(turn->text), text); /* sentences of ours fit */
    }
    pthread_mutex_unlock(&t->lock);
}

static bool event_known(const struct talk_seen *s, struct str id)
{
    struct str needle;
    char text[256];
    size_t i;
    int n = snprintf(text, sizeof(text), "\"id\":\"" STR_FMT "\"", STR_ARG(id));

    needle = str_n(text, (size_t)n);
    for (i = 0; i < s->n_events; i++) {
        if (str_contains(s->events[i], needle))
            return true;
    }
    return false;
}

static void note_event(struct talk_seen *s, const struct jval *event)
{
    if (s->n_events < TALK_EVENTS_MAX && !event_known(s, json_str(json_get(event, "id"))))
        s->events[s->n_events++] = json_val_text(&s->arena, event);
}

static void note_line(struct talk_seen *s, const struct jval *line)
{
    struct str kind = json_str(json_get(line, "kind")), detail = json_str(json_get(line, "detail"));

    if (str_eq_c(kind, "event")) {
        note_event(s, json_get(line, "event"));
        return;
    }
    if (str_eq_c(kind, "placed")) {
        s->placed = true;
        (void)str_copy(s->call_sid, sizeof(s->call_sid), json_str(json_get(line, "callSid")));
    }
    if (s->n_kinds < TALK_KINDS_MAX)
        s->kinds[s->n_kinds++] =
            arena_printf(&s->arena, STR_FMT " " STR_FMT, STR_ARG(kind), STR_ARG(detail));
    if (str_eq_c(kind, "ended") || str_eq_c(kind, "failed")) {
        s->ended = true;
        (void)str_copy(s->end_detail, sizeof(s->end_detail), detail); /* a word */
    }
}

static void note_audio(struct talk_seen *s, struct str frame)
{
    size_t i;

    for (i = 0; i < frame.n; i++) {
        uint8_t byte = (uint8_t)frame.p[i];

        if (byte != ULAW_SILENCE && byte != 0x7F) {
            s->audible_ms += FRAME_MS;
            return;
        }
    }
}

/* ---- the telephone ---- */

static void on_phone_message(void *arg, struct str data, bool binary)
{
    struct talk *t = arg;
    struct json *doc = NULL;

    if (!binary && json_parse(&doc, data, NULL))
        return;
    pthread_mutex_lock(&t->lock);
    if (binary)
        note_audio(&t->seen, data);
    else
        note_line(&t->seen, json_root(doc));
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    json_destroy(doc);
}

static void on_phone_open(void *arg)
{
    struct talk *t = arg;

    if (ws_send_text(t->phone, STR("{\"do\":\"call\"}")))
        ws_abort(t->phone); /* on_phone_closed() follows */
}

static void on_phone_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct talk *t = arg;

    (void)code, (void)reason, (void)err; /* the judge misses what it would have brought */
    t->phone = NULL;
    pthread_mutex_lock(&t->lock);
    t->seen.ended = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void dial(void *arg)
{
    static const struct ws_events events = { on_phone_open, on_phone_message, NULL,
                                             on_phone_closed };
    struct talk *t = arg;
    char url[64];
    struct ws_client_opts o = { .queue_max = MIB, .events = events, .arg = t };

    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%d/phone/line", t->phone_port);
    o.url = str_c(url);
    if (ws_connect(&t->phone, t->loop, &o, &t->err))
        on_phone_closed(t, -1, STR_EMPTY, &t->err);
}

static void put_down(void *arg)
{
    struct talk *t = arg;

    engine_forget(t);
    if (t->phone)
        ws_disown(t->phone, 1000);
    t->phone = NULL;
    pthread_mutex_lock(&t->lock);
    t->done = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* ---- for the thread that tests ---- */

static struct timespec in_ms(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Under the lock. */
static bool wait_for(struct talk *t, const bool *what, int limit_ms)
{
    struct timespec until = in_ms(limit_ms);

    while (!*what) {
        if (pthread_cond_timedwait(&t->changed, &t->lock, &until) == ETIMEDOUT)
            return *what;
    }
    return true;
}

static void forget(struct talk *t)
{
    arena_release(&t->seen.arena);
    memset(&t->seen, 0, sizeof(t->seen));
    arena_release(&t->arena);
    t->step = STEP_WISH;
    t->failures = t->tool_calls = 0;
    t->slot_id[0] = t->confirmation_id[0] = t->tool_id[0] = '\0';
}

bool talk_call(struct talk *t, int port, enum script script, int number, int limit_ms)
{
    bool ret;

    pthread_mutex_lock(&t->lock);
    forget(t);
    t->phone_port = port;
    t->script = script;
    t->number = number;
    loop_post(t->loop, dial, t);
    ret = wait_for(t, &t->seen.ended, limit_ms);
    pthread_mutex_unlock(&t->lock);
    return ret;
}

void talk_look(struct talk *t, struct talk_seen *ret)
{
    pthread_mutex_lock(&t->lock);
    *ret = t->seen;
    pthread_mutex_unlock(&t->lock);
}

/* Runs fn(t) on the loop and waits for its end. */
static void on_the_loop(struct talk *t, void (*fn)(void *arg))
{
    pthread_mutex_lock(&t->lock);
    t->done = false;
    loop_post(t->loop, fn, t);
    while (!t->done)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

void talk_hang_up(struct talk *t)
{
    on_the_loop(t, put_down);
}

/* ---- life ---- */

static void open_server(void *arg)
{
    struct talk *t = arg;
    const struct http_server_opts o = { .host = "127.0.0.1",
                                        .routes = talk_http_routes,
                                        .n_routes = TALK_HTTP_ROUTES,
                                        .ws_routes = talk_engine_routes,
                                        .n_ws_routes = TALK_ENGINE_ROUTES,
                                        .app = t,
                                        .log = &t->log };

    if (http_server_create(&t->server, t->loop, &o, &t->err))
        t->server = NULL;
    pthread_mutex_lock(&t->lock);
    t->done = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void close_server(void *arg)
{
    struct talk *t = arg;

    t->server = http_server_destroy(t->server);
    put_down(t);
}

enum errc talk_create(struct talk **ret, struct loop *loop, const struct log *log, struct err *err)
{
    struct talk *t = MEM_NEW(struct talk);

    t->loop = loop;
    t->log = *log;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    on_the_loop(t, open_server);
    *ret = t;
    if (t->server)
        return ERR_OK;
    *err = t->err;
    *ret = talk_destroy(t);
    return err->code;
}

int talk_engine_port(const struct talk *t)
{
    return http_server_port(t->server);
}

struct talk *talk_destroy(struct talk *t)
{
    if (!t)
        return NULL;
    on_the_loop(t, close_server);
    arena_release(&t->seen.arena);
    arena_release(&t->arena);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
    return NULL;
}
