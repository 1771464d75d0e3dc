/* bridge_bench PROGRAM [CALLS…]: puts a running media bridge under load and measures what it adds. The bridge is
 * a process of its own; callers, voice engine and cloud are here. Every 20 ms each caller sends a frame that
 * carries its time of sending; the engine speaks a second of audio every few, and its first byte carries the
 * time too. Both are read at the other end. Prints a line for each number of calls, then a JSON object. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "concierge/stream_token.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/ws.h"
#include "twilio/media_stream.h"
#include "twilio/signature.h"

enum {
    FRAME_MS = 20,
    FRAME_BYTES = 160,
    WARM_MS = 3000, /* openings are spoken */
    MEASURE_MS = 20000,
    DRAIN_MS = 1000,
    TURN_MS = 3000,      /* the caller "speaks" so often */
    SPEECH_BYTES = 8000, /* one second */
    STAMP_BYTES = 16,
    CALLS_MAX = 1000,
    SAMPLES_MAX = 4 * 1000 * 1000,
    MARKS_MAX = 256,
};

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define AUTH_TOKEN "0123456789abcdef0123456789abcdef"
#define TOKEN_KEY "0123456789abcdefghijklmnopqrstuv"

static const uint8_t magic[8] = { 0x5A, 0xC3, 0x17, 0x99, 0x42, 0xE1, 0x0D, 0x7B };

struct samples {
    int64_t *us;
    size_t n;
};

struct bench;

struct engine {
    struct bench *bench;
    struct ws_conn *ws;
    struct timer turn;
    int number, responses;
    char tag[32];
};

struct caller {
    struct bench *bench;
    struct ws_conn *ws;
    int number;
    char call_sid[40], stream_sid[40];
    struct timer frame;
    int64_t due_us, media_ms, play_end_us;
    struct {
        char name[40];
        int64_t due_us;
    } marks[MARKS_MAX];
    size_t n_marks;
};

struct bench {
    struct clock clock;
    struct loop *loop;
    struct tls_store *tls;
    struct http_server *cloud;
    struct log log;
    const char *program;
    pid_t pid;
    int port;
    int n_calls;
    struct caller *callers;
    struct engine *engines[CALLS_MAX];
    int n_engines;
    bool measuring, sending;
    int64_t frames_sent, frames_got, underruns, answers_sent, answers_got, ended;
    struct samples up, down;
    struct timer phase;
    int step;
    int64_t cpu_us_before, began_us, took_us, cpu_us, rss_idle_kib, rss_kib;
};

/* ---- time stamps in the audio ---- */

static void stamp(uint8_t *audio, int64_t now_us)
{
    memcpy(audio, magic, sizeof(magic));
    memcpy(audio + sizeof(magic), &now_us, sizeof(now_us));
}

static bool stamped(const uint8_t *audio, size_t n, int64_t *at_us)
{
    if (n < STAMP_BYTES || memcmp(audio, magic, sizeof(magic)) != 0)
        return false;
    memcpy(at_us, audio + sizeof(magic), sizeof(*at_us));
    return true;
}

static void sample(struct samples *s, int64_t us)
{
    if (s->n < SAMPLES_MAX)
        s->us[s->n++] = us;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static double percentile_ms(struct samples *s, int percent)
{
    size_t at;

    if (s->n == 0)
        return 0;
    qsort(s->us, s->n, sizeof(*s->us), by_value);
    at = (s->n - 1) * (size_t)percent / 100;
    return (double)s->us[at] / 1000.0;
}

/* ---- the voice engine ---- */

static void engine_send(struct engine *e, struct str text)
{
    if (e->ws && ws_send_text(e->ws, text))
        fprintf(stderr, "engine %d: the bridge takes nothing\n", e->number);
}

static void engine_sendf(struct engine *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void engine_sendf(struct engine *e, const char *fmt, ...)
{
    struct buf out = BUF_INIT(64 * KIB);
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&out, fmt, ap);
    va_end(ap);
    engine_send(e, buf_str(&out));
    buf_release(&out);
}

static void engine_speak(struct engine *e)
{
    static uint8_t speech[SPEECH_BYTES];
    static char text[BASE64_LEN(SPEECH_BYTES)];
    int id = e->responses++;

    memset(speech, 0x80, sizeof(speech));
    stamp(speech, loop_now_us(e->bench->loop));
    engine_sendf(
        e,
        "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_%d\",\"metadata\":{\"tag\":"
        "\"%s\"}}}",
        id, e->tag);
    stamp(speech, loop_now_us(e->bench->loop));
    (void)base64_encode(text, speech, sizeof(speech));
    engine_sendf(
        e,
        "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_1\",\"response_id\":"
        "\"resp_%d\",\"item_id\":\"item_%d\",\"output_index\":0,\"content_index\":0,"
        "\"delta\":\"%.*s\"}",
        id, id, (int)sizeof(text), text);
    engine_sendf(
        e,
        "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_%d\",\"status\":\"completed\"}}",
        id);
    if (e->bench->measuring)
        e->bench->answers_sent++;
}

static void take_append(struct engine *e, struct str data)
{
    static const char head[] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
    struct bench *b = e->bench;
    uint8_t audio[32768];
    struct str text = str_slice(data, sizeof(head) - 1, data.n - 2);
    int64_t now = loop_now_us(b->loop), at;
    size_t n, i;

    if (text.n > 40000 || base64_decode(audio, &n, text))
        return;
    for (i = 0; i + FRAME_BYTES <= n; i += FRAME_BYTES) {
        if (!b->measuring || !stamped(audio + i, FRAME_BYTES, &at) || at < b->began_us)
            continue;
        b->frames_got++;
        sample(&b->up, now - at);
    }
}

static void on_engine_turn(void *arg)
{
    struct engine *e = arg;

    timer_start(&e->turn, TURN_MS);
    if (!e->bench->sending)
        return;
    engine_sendf(e, "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"c%d\"}",
                 e->responses);
}

static void on_engine_message(void *arg, struct str data, bool binary)
{
    struct engine *e = arg;
    struct arena a = ARENA_INIT;
    const struct jval *m = NULL;

    (void)binary;
    if (str_starts(data, STR("{\"type\":\"input_audio_buffer.append\""))) {
        take_append(e, data);
        return;
    }
    if (json_parse_arena(&m, &a, data, NULL) == ERR_OK) {
        struct str type = json_str(json_get(m, "type"));

        if (str_eq_c(type, "session.update")) {
            engine_sendf(
                e,
                "{\"type\":\"session.updated\",\"session\":{\"audio\":{\"input\":{\"format\":{"
                "\"type\":\"audio/pcmu\"}},\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}");
            timer_start(&e->turn, WARM_MS + e->number * 17 % TURN_MS);
        } else if (str_eq_c(type, "response.create")) {
            (void)str_copy(e->tag, sizeof(e->tag), json_str(json_path(m, "response.metadata.tag")));
            engine_speak(e);
        }
    }
    arena_release(&a);
}

static void on_engine_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct engine *e = arg;

    (void)code;
    (void)reason;
    (void)err;
    e->ws = NULL;
    timer_stop(&e->turn);
}

static int engine_admit(void *app, const struct ws_upgrade *u, void **arg)
{
    struct bench *b = app;

    (void)u;
    (void)arg;
    return b->n_engines < CALLS_MAX ? 0 : 503;
}

static void engine_accept(void *app, struct ws_conn *ws, struct ws_events *events, void **arg)
{
    struct bench *b = app;
    struct engine *e = MEM_NEW(struct engine);

    e->bench = b;
    e->ws = ws;
    e->number = b->n_engines;
    b->engines[b->n_engines++] = e;
    timer_init(&e->turn, b->loop, on_engine_turn, e);
    *events = (struct ws_events){ .on_message = on_engine_message, .on_closed = on_engine_closed };
    *arg = e;
    engine_sendf(e, "{\"type\":\"session.created\",\"session\":{\"id\":\"sess_%d\"}}", e->number);
}

/* ---- the callers ---- */

static void send_frame(struct caller *c, int64_t now)
{
    uint8_t frame[FRAME_BYTES];
    char payload[BASE64_LEN(FRAME_BYTES)], text[512];
    int n;

    memset(frame, 0xFE, sizeof(frame));
    stamp(frame, now);
    (void)base64_encode(payload, frame, sizeof(frame));
    n = snprintf(text, sizeof(text),
                 "{\"event\":\"media\",\"sequenceNumber\":\"%lld\",\"streamSid\":\"%s\",\"media\":{"
                 "\"track\":"
                 "\"inbound\",\"chunk\":\"%lld\",\"timestamp\":\"%lld\",\"payload\":\"%.*s\"}}",
                 (long long)c->media_ms / FRAME_MS + 2, c->stream_sid,
                 (long long)c->media_ms / FRAME_MS + 1, (long long)c->media_ms,
                 (int)sizeof(payload), payload);
    if (ws_send_text(c->ws, str_n(text, (size_t)n)))
        return;
    c->media_ms += FRAME_MS;
    if (c->bench->measuring)
        c->bench->frames_sent++;
}

static void return_marks(struct caller *c, int64_t now)
{
    size_t n = 0;

    while (n < c->n_marks && c->marks[n].due_us <= now) {
        char text[200];
        int len = snprintf(
            text, sizeof(text),
            "{\"event\":\"mark\",\"sequenceNumber\":\"1\",\"streamSid\":\"%s\",\"mark\":{\"name\":"
            "\"%s\"}}",
            c->stream_sid, c->marks[n++].name);

        if (ws_send_text(c->ws, str_n(text, (size_t)len)))
            break;
    }
    c->n_marks -= n;
    memmove(c->marks, c->marks + n, c->n_marks * sizeof(c->marks[0]));
}

static void on_frame(void *arg)
{
    struct caller *c = arg;
    int64_t now = loop_now_us(c->bench->loop);

    if (!c->ws)
        return;
    while (c->due_us <= now) {
        if (c->bench->sending)
            send_frame(c, loop_now_us(c->bench->loop));
        c->due_us += FRAME_MS * 1000L;
    }
    return_marks(c, now);
    timer_start_at(&c->frame, (c->due_us + 999) / 1000);
}

static void take_media(struct caller *c, struct str data)
{
    struct bench *b = c->bench;
    size_t from = str_find(data, STR("\"payload\":\"")) + sizeof("\"payload\":\"") - 1;
    struct str text = str_from(data, from);
    uint8_t audio[64];
    int64_t now = loop_now_us(b->loop), at;
    size_t n;

    text = str_slice(text, 0, str_find_char(text, '"'));
    c->play_end_us = MAX(c->play_end_us, now) + (int64_t)(text.n / 4 * 3) * 125;
    if (text.n < 32 || base64_decode(audio, &n, str_slice(text, 0, 32)))
        return;
    if (b->measuring && stamped(audio, n, &at) && at >= b->began_us) {
        b->answers_got++;
        sample(&b->down, now - at);
    }
}

static void take_mark(struct caller *c, struct str data)
{
    struct str name =
        str_from(data, str_find(data, STR("\"name\":\"")) + sizeof("\"name\":\"") - 1);

    name = str_slice(name, 0, str_find_char(name, '"'));
    if (c->n_marks < MARKS_MAX && str_copy(c->marks[c->n_marks].name, 40, name))
        c->marks[c->n_marks++].due_us = c->play_end_us;
}

static void on_caller_message(void *arg, struct str data, bool binary)
{
    struct caller *c = arg;

    (void)binary;
    if (str_starts(data, STR("{\"event\":\"media\"")))
        take_media(c, data);
    else if (str_starts(data, STR("{\"event\":\"mark\"")))
        take_mark(c, data);
}

static void on_caller_open(void *arg)
{
    struct caller *c = arg;
    struct bench *b = c->bench;
    struct arena a = ARENA_INIT;
    const struct stream_token token = { .call_sid = str_c(c->call_sid),
                                        .account_sid = STR(ACCOUNT),
                                        .from = STR("+4915112345678"),
                                        .to = STR("+4930555100"),
                                        .exp_s = clock_wall_s(&b->clock) + STREAM_TOKEN_LIFE_S };
    struct str text = arena_printf(
        &a,
        "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"%s\",\"start\":{"
        "\"accountSid\":\"%s\","
        "\"streamSid\":\"%s\",\"callSid\":\"%s\",\"tracks\":[\"inbound\"],\"mediaFormat\":{"
        "\"encoding\":"
        "\"audio/"
        "x-mulaw\",\"sampleRate\":8000,\"channels\":1},\"customParameters\":{\"token\":\"" STR_FMT
        "\"}}}",
        c->stream_sid, ACCOUNT, c->stream_sid, c->call_sid,
        STR_ARG(stream_token_mint(&a, STR(TOKEN_KEY), &token)));

    if (ws_send_text(
            c->ws, STR("{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}")) ||
        ws_send_text(c->ws, text))
        fprintf(stderr, "caller %d: start not sent\n", c->number);
    c->due_us = loop_now_us(b->loop) + (int64_t)c->number * FRAME_MS * 1000 / b->n_calls;
    on_frame(c);
    arena_release(&a);
}

static void on_caller_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct caller *c = arg;

    (void)reason;
    if (c->bench->sending)
        fprintf(stderr, "caller %d: closed %d %s\n", c->number, code, err ? err->text : "");
    c->ws = NULL;
    timer_stop(&c->frame);
}

static void caller_open(struct bench *b, struct caller *c, int number)
{
    struct arena a = ARENA_INIT;
    char signature[TWILIO_SIGNATURE_LEN + 1];
    struct http_header header = { STR("x-twilio-signature"), STR_EMPTY };
    struct ws_client_opts opts = { .headers = &header, .n_headers = 1, .queue_max = MIB, .arg = c };
    struct err err = ERR_INIT;

    *c = (struct caller){ .bench = b, .number = number };
    (void)snprintf(c->call_sid, sizeof(c->call_sid), "CA%032d", number);
    (void)snprintf(c->stream_sid, sizeof(c->stream_sid), "MZ%032d", number);
    timer_init(&c->frame, b->loop, on_frame, c);
    if (twilio_sign(signature, STR(AUTH_TOKEN), STR("wss://agent.example.com/media"), STR_EMPTY,
                    &a))
        abort();
    header.value = str_c(signature);
    opts.url = arena_printf(&a, "ws://127.0.0.1:%d/media", b->port);
    opts.events = (struct ws_events){ on_caller_open, on_caller_message, NULL, on_caller_closed };
    if (ws_connect(&c->ws, b->loop, &opts, &err))
        fprintf(stderr, "caller %d: %s\n", number, err.text);
    arena_release(&a);
}

/* ---- the cloud ---- */

static void count_event(struct bench *b, struct arena *a, const struct jval *message)
{
    const struct jval *v = NULL;
    struct str data;

    if (!str_eq_c(json_str(json_path(message, "attributes.type")), "call.ended") ||
        base64_bytes(a, json_str(json_get(message, "data")), &data) ||
        json_parse_arena(&v, a, data, NULL))
        return;
    b->ended++;
    b->underruns += json_i64_or(json_path(v, "data.counters.underruns"), 0);
}

static void on_publish(void *app, struct http_req *r)
{
    struct bench *b = app;
    struct arena a = ARENA_INIT;
    const struct jval *root = NULL, *message;
    struct json_iter it;
    struct str unused;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_arr(&w, "messageIds");
    if (json_parse_arena(&root, &a, r->body, NULL) == ERR_OK) {
        it = json_iter(json_get(root, "messages"));
        while (json_next(&it, &unused, &message)) {
            count_event(b, &a, message);
            jw_cstr(&w, NULL, "1");
        }
    }
    jw_end(&w);
    jw_end(&w);
    http_reply_json(r, 200, jw_finish(&w, &a));
    arena_release(&a);
}

static void on_firestore(void *app, struct http_req *r)
{
    (void)app;
    if (str_ends(r->path, STR(":commit")))
        http_reply_json(r, 200,
                        STR("{\"writeResults\":[{\"updateTime\":\"2027-01-15T08:00:00Z\"}],"
                            "\"commitTime\":\"2027-01-15T08:00:00Z\"}"));
    else
        http_reply_json(r, 200, STR("[{\"readTime\":\"2027-01-15T08:00:00Z\"}]"));
}

static const struct http_route routes[] = {
    { .methods = HTTP_POST,
      .path = "/v1/projects/{p}/topics/{topic}:publish",
      .body_max = 16 * MIB,
      .handle = on_publish,
      .on_loop = true },
    { .methods = HTTP_POST,
      .path = "/v1/projects/{p}/databases/{verb*}",
      .body_max = 16 * MIB,
      .handle = on_firestore,
      .on_loop = true },
};

static const struct ws_route ws_routes[] = {
    { .path = "/v1/realtime",
      .queue_max = 4 * MIB,
      .admit = engine_admit,
      .accept = engine_accept },
};

/* ---- the bridge's process ---- */

static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || getsockname(fd, (struct sockaddr *)&a, &n))
        abort();
    close(fd);
    return ntohs(a.sin_port);
}

static void set_env(const char *name, const char *fmt, int port)
{
    char text[200];
    const char *hole = strstr(fmt, "{}");

    if (hole)
        (void)snprintf(text, sizeof(text), "%.*s%d%s", (int)(hole - fmt), fmt, port, hole + 2);
    else
        (void)snprintf(text, sizeof(text), "%s", fmt);
    setenv(name, text, 1);
}

static void run_bridge(struct bench *b)
{
    int cloud = http_server_port(b->cloud);

    set_env("PORT", "{}", b->port);
    set_env("LISTEN_HOST", "127.0.0.1", 0);
    set_env("LOG_LEVEL", "error", 0);
    set_env("WORKERS", "4", 0);
    set_env("GOOGLE_CLOUD_PROJECT", "bench", 0);
    set_env("FIRESTORE_EMULATOR_HOST", "127.0.0.1:{}", cloud);
    set_env("PUBSUB_EMULATOR_HOST", "127.0.0.1:{}", cloud);
    set_env("GCE_METADATA_HOST", "127.0.0.1:{}", cloud);
    set_env("OPENAI_REALTIME_URL", "ws://127.0.0.1:{}/v1/realtime", cloud);
    set_env("TOOL_GATEWAY_URL", "http://127.0.0.1:{}", cloud);
    set_env("TWILIO_API_BASE", "http://127.0.0.1:{}", cloud);
    set_env("OPENAI_API_KEY", "sk-bench", 0);
    set_env("TWILIO_ACCOUNT_SID", ACCOUNT, 0);
    set_env("TWILIO_AUTH_TOKEN", AUTH_TOKEN, 0);
    set_env("PUBLIC_BASE_URL", "https://agent.example.com", 0);
    set_env("STREAM_TOKEN_KEY", TOKEN_KEY, 0);
    set_env("BRIDGE_CALLS_MAX", "1000", 0);
    set_env("BUSINESS_PROFILE", VC_SOURCE_DIR "/evals/profiles/clinic.yaml", 0);
    b->pid = fork();
    if (b->pid == 0) {
        execl(b->program, b->program, (char *)NULL);
        _exit(127);
    }
}

static void wait_until_listening(struct bench *b)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int tries;

    a.sin_port = htons((uint16_t)b->port);
    for (tries = 0; tries < 500; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool up = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

        close(fd);
        if (up)
            return;
        if (waitpid(b->pid, NULL, WNOHANG) == b->pid)
            break;
        usleep(10000);
    }
    fprintf(stderr, "bridge_bench: %s does not listen\n", b->program);
    exit(1);
}

static int64_t cpu_us(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    FILE *f;
    size_t n;
    char *p;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    if (!f)
        return 0;
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    p = strrchr(text, ')');
    if (!p ||
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (int64_t)(user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}

static int64_t rss_kib(pid_t pid)
{
    char path[64];
    long total = 0, resident = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    f = fopen(path, "r");
    if (!f)
        return 0;
    if (fscanf(f, "%ld %ld", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * sysconf(_SC_PAGESIZE) / 1024;
}

/* ---- one run ---- */

static void on_phase(void *arg)
{
    struct bench *b = arg;
    int i;

    switch (b->step++) {
    case 0: /* warm: measure */
        b->measuring = true;
        b->began_us = loop_now_us(b->loop);
        b->cpu_us_before = cpu_us(b->pid);
        timer_start(&b->phase, MEASURE_MS);
        break;
    case 1: /* nothing new; what is on its way still counts */
        b->cpu_us = cpu_us(b->pid) - b->cpu_us_before;
        b->took_us = loop_now_us(b->loop) - b->began_us;
        b->rss_kib = rss_kib(b->pid);
        b->sending = false;
        timer_start(&b->phase, DRAIN_MS);
        break;
    case 2:
        b->measuring = false;
        for (i = 0; i < b->n_calls; i++) {
            if (b->callers[i].ws)
                ws_close(b->callers[i].ws, 1000, STR_EMPTY);
        }
        timer_start(&b->phase, DRAIN_MS + 2000); /* for call.ended */
        break;
    default:
        loop_stop(b->loop);
        break;
    }
}

static void run(struct bench *b, int calls)
{
    int i;

    b->n_calls = calls;
    b->callers = mem_calloc((size_t)calls, sizeof(*b->callers));
    b->up.n = b->down.n = 0;
    b->frames_sent = b->frames_got = b->answers_sent = b->answers_got = b->underruns = b->ended = 0;
    b->n_engines = 0;
    b->step = 0;
    b->sending = true;
    b->port = free_port();
    run_bridge(b);
    wait_until_listening(b);
    b->rss_idle_kib = rss_kib(b->pid);
    for (i = 0; i < calls; i++)
        caller_open(b, &b->callers[i], i);
    timer_start(&b->phase, WARM_MS + 1500);
    loop_run(b->loop);
    kill(b->pid, SIGTERM);
    waitpid(b->pid, NULL, 0);
    for (i = 0; i < calls; i++) {
        timer_stop(&b->callers[i].frame);
        if (b->callers[i].ws)
            ws_disown(b->callers[i].ws, 1000);
    }
    for (i = 0; i < b->n_engines; i++) {
        timer_stop(&b->engines[i]->turn);
        if (b->engines[i]->ws)
            ws_disown(b->engines[i]->ws, 1000);
        mem_free(b->engines[i]);
    }
    mem_free(b->callers);
}

static void report(struct bench *b, struct jw *w)
{
    double minutes = (double)b->n_calls * (double)b->took_us / 60e6;
    double cpu_ms = (double)b->cpu_us / 1000.0 / minutes;
    double kib = (double)(b->rss_kib - b->rss_idle_kib) / b->n_calls;
    int64_t lost = b->frames_sent - b->frames_got;
    double up50 = percentile_ms(&b->up, 50), up99 = percentile_ms(&b->up, 99);
    double down50 = percentile_ms(&b->down, 50), down99 = percentile_ms(&b->down, 99);

    printf("%6d %10.1f %9.3f %9.3f %9.3f %9.3f %9lld %8lld %9lld %9.1f %9.1f\n", b->n_calls, cpu_ms,
           up50, up99, down50, down99, (long long)b->frames_sent, (long long)lost,
           (long long)b->underruns, (double)b->rss_idle_kib / 1024.0, kib);
    jw_obj(w, NULL);
    jw_i64(w, "calls", b->n_calls);
    jw_num(w, "cpuMsPerCallMinute", cpu_ms);
    jw_num(w, "callerToEngineP50Ms", up50);
    jw_num(w, "callerToEngineP99Ms", up99);
    jw_num(w, "engineToCallerP50Ms", down50);
    jw_num(w, "engineToCallerP99Ms", down99);
    jw_i64(w, "framesSent", b->frames_sent);
    jw_i64(w, "framesLost", lost);
    jw_i64(w, "answersSent", b->answers_sent);
    jw_i64(w, "answersHeard", b->answers_got);
    jw_i64(w, "underruns", b->underruns);
    jw_i64(w, "callsEnded", b->ended);
    jw_i64(w, "idleKib", b->rss_idle_kib);
    jw_num(w, "kibPerCall", kib);
    jw_end(w);
}

static void bench_open(struct bench *b)
{
    const struct http_server_opts opts = { .host = "127.0.0.1",
                                           .routes = routes,
                                           .n_routes = ARRAY_LEN(routes),
                                           .ws_routes = ws_routes,
                                           .n_ws_routes = ARRAY_LEN(ws_routes),
                                           .app = b,
                                           .log = &b->log };
    struct err err = ERR_INIT;

    b->clock = clock_system(0);
    b->tls = tls_store_create(NULL);
    if (loop_create(&b->loop, &b->clock, &b->log, &err) ||
        http_server_create(&b->cloud, b->loop, &opts, &err)) {
        fprintf(stderr, "bridge_bench: %s\n", err.text);
        exit(1);
    }
    timer_init(&b->phase, b->loop, on_phase, b);
    b->up.us = mem_calloc(SAMPLES_MAX, sizeof(int64_t));
    b->down.us = mem_calloc(SAMPLES_MAX, sizeof(int64_t));
}

int main(int argc, char **argv)
{
    static const char *const usual[] = { "1", "10", "100" };
    struct rlimit limit;
    struct bench b = { 0 };
    struct buf out = BUF_INIT(64 * KIB);
    struct jw w;
    int i, n;

    if (argc < 2) {
        fprintf(stderr, "usage: bridge_bench MEDIA_BRIDGE [CALLS...]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)16384);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    b.program = argv[1];
    bench_open(&b);
    printf("%6s %10s %9s %9s %9s %9s %9s %8s %9s %9s %9s\n", "calls", "cpu ms/", "in p50", "in p99",
           "out p50", "out p99", "frames", "lost", "underruns", "idle", "KiB");
    printf("%6s %10s %9s %9s %9s %9s %9s %8s %9s %9s %9s\n", "", "call-min", "ms", "ms", "ms", "ms",
           "", "", "", "MiB", "per call");
    jw_init(&w);
    jw_arr(&w, NULL);
    n = argc > 2 ? argc - 2 : (int)ARRAY_LEN(usual);
    for (i = 0; i < n; i++) {
        int64_t calls;

        if (str_to_i64(str_c(argc > 2 ? argv[i + 2] : usual[i]), 1, CALLS_MAX, &calls)) {
            fprintf(stderr, "bridge_bench: '%s' is no number of calls from 1 to %d\n", argv[i + 2],
                    CALLS_MAX);
            return 2;
        }
        run(&b, (int)calls);
        report(&b, &w);
        fflush(stdout);
    }
    jw_end(&w);
    jw_text(&w, &out);
    jw_release(&w);
    printf(STR_FMT "\n", STR_ARG(buf_str(&out)));
    buf_release(&out);
    b.cloud = http_server_destroy(b.cloud);
    b.loop = loop_destroy(b.loop);
    b.tls = tls_store_destroy(b.tls);
    mem_free(b.up.us);
    mem_free(b.down.us);
    return 0;
}
