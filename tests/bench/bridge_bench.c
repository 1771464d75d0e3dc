/* bridge_bench [--relay] [--tls] [--barge-in] [--realtime] [--handshake-ms N] [--calls N] [--seconds N] [--rounds N] PROGRAM: puts a media
 * bridge, or bridge_relay in its place, under load and measures what it adds; one JSON object on stdout. The
 * measured process has a core of its own; callers, voice engine and cloud are here. Each frame of a caller
 * carries its time of sending, and so does the first audio of each answer; both are read at the other end. */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json.h"
#include "base/mem.h"
#include "child.h"
#include "load.h"

enum {
    READY_LIMIT_MS = 20000,
    WARM_MS = 4 * OPENING_MS + 200, /* openings are over, each engine's turns go on */
    DRAIN_MS = 300,
    ENDED_LIMIT_MS = 5000,
    SETTLE_MS = 3000, /* after a round */
};

/* ---- time stamps in the audio ---- */

static const uint8_t magic[5] = { 0xF5, 0xFA, 0xF3, 0xFC, 0xF6 };

/* Four bits a byte: mu-law's quietest values. */
void stamp_write(uint8_t audio[STAMP_BYTES], int64_t now_us, int number)
{
    uint64_t bits = (uint64_t)now_us << 12 | ((unsigned)number & 0xFFF);
    size_t i;

    memcpy(audio, magic, sizeof(magic));
    for (i = 0; i < STAMP_BYTES - sizeof(magic); i++)
        audio[sizeof(magic) + i] = (uint8_t)(0xF0 | (bits >> (4 * i) & 15));
}

bool stamp_read(const uint8_t *audio, size_t n, int64_t *at_us, int *number)
{
    uint64_t bits = 0;
    size_t i;

    if (n < STAMP_BYTES || memcmp(audio, magic, sizeof(magic)) != 0)
        return false;
    for (i = STAMP_BYTES - sizeof(magic); i-- > 0;)
        bits = bits << 4 | (audio[sizeof(magic) + i] & 15);
    *at_us = (int64_t)(bits >> 12);
    *number = (int)(bits & 0xFFF);
    return true;
}

void sample(struct samples *s, int64_t us)
{
    if (s->n < SAMPLES_MAX)
        s->us[s->n++] = us;
}

struct str text_of(struct str data, struct str key)
{
    size_t at = str_find(data, key);
    struct str text = str_from(data, at < data.n ? at + key.n : data.n);

    return str_slice(text, 0, str_find_char(text, '"'));
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

/* ---- the measured process ---- */

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

static pid_t start(struct load *d)
{
    int cloud = http_server_port(d->cloud);

    d->port = child_free_port();
    set_env("PORT", "{}", d->port);
    set_env("LISTEN_HOST", "127.0.0.1", 0);
    set_env("LOG_LEVEL", "error", 0);
    set_env("WORKERS", "4", 0);
    set_env("GOOGLE_CLOUD_PROJECT", "bench", 0);
    set_env("FIRESTORE_EMULATOR_HOST", "127.0.0.1:{}", cloud);
    set_env("PUBSUB_EMULATOR_HOST", "127.0.0.1:{}", cloud);
    set_env("STORAGE_EMULATOR_HOST", "http://127.0.0.1:{}", cloud);
    set_env("GCE_METADATA_HOST", "127.0.0.1:{}", cloud);
    set_env("OPENAI_REALTIME_URL",
            d->opts.tls ? "wss://127.0.0.1:{}/v1/realtime" : "ws://127.0.0.1:{}/v1/realtime",
            peer_listener_port(d->engine_port));
    if (d->opts.tls)
        setenv("SSL_CERT_FILE", peer_ca_file(d->engine_port), 1);
    set_env("TOOL_GATEWAY_URL", "http://127.0.0.1:{}", cloud);
    set_env("TWILIO_API_BASE", "http://127.0.0.1:{}", cloud);
    set_env("OPENAI_API_KEY", "sk-bench", 0);
    set_env("TWILIO_ACCOUNT_SID", ACCOUNT, 0);
    set_env("TWILIO_AUTH_TOKEN", AUTH_TOKEN, 0);
    set_env("PUBLIC_BASE_URL", "https://agent.example.com", 0);
    set_env("STREAM_TOKEN_KEY", TOKEN_KEY, 0);
    set_env("BRIDGE_CALLS_MAX", "1000", 0);
    set_env("ENGINE_ATTEMPTS_PER_MINUTE", "6000", 0);
    set_env("BUSINESS_PROFILE", VC_SOURCE_DIR "/evals/profiles/clinic.yaml", 0);
    if (d->opts.barge_in)
        set_env("BARGE_IN_MS", "0", 0);
    return child_start(d->opts.program, d->port);
}

/* ---- one run ---- */

struct figures {
    int64_t cpu_us, took_us, rss_idle_kib, rss_kib;
    double stolen_percent; /* of the machine's time, by its host */
};

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static bool all_ready(void *arg)
{
    struct load *d = arg;

    return d->n_ready == d->opts.calls;
}

static bool all_ended(void *arg)
{
    struct load *d = arg;

    return d->ended == d->opts.calls;
}

static void pass(struct load *d, int ms)
{
    if (!loop_run_until(d->loop, never, d, ms))
        abort();
}

static void measure(struct load *d, pid_t pid, struct figures *f)
{
    int64_t cpu_before = child_cpu_us(pid);
    struct machine_time before = machine_time(), after;

    d->measuring = true;
    d->began_us = loop_now_us(d->loop);
    pass(d, d->opts.seconds * 1000);
    f->cpu_us = child_cpu_us(pid) - cpu_before;
    f->took_us = loop_now_us(d->loop) - d->began_us;
    f->rss_kib = child_rss_kib(pid);
    after = machine_time();
    f->stolen_percent =
        100.0 * (double)(after.stolen - before.stolen) / (double)MAX(after.all - before.all, 1);
    d->sending = false;
    pass(d, DRAIN_MS); /* what is on its way still counts */
    d->measuring = false;
}

static void run(struct load *d, struct figures *f)
{
    pid_t pid = start(d);

    f->rss_idle_kib = child_rss_kib(pid);
    d->sending = true;
    d->measuring = d->opts.handshake_ms > 0; /* from the first frame on */
    callers_open(d);
    if (loop_run_until(d->loop, all_ready, d, READY_LIMIT_MS))
        fprintf(stderr, "bridge_bench: %d of %d callers are heard\n", d->n_ready, d->opts.calls);
    if (d->opts.handshake_ms)
        f->took_us = 1;
    else
        pass(d, WARM_MS);
    if (!d->opts.handshake_ms)
        measure(d, pid, f);
    d->sending = false;
    pass(d, d->opts.handshake_ms ? WARM_MS : 0);
    callers_close(d);
    if (!d->opts.relay && loop_run_until(d->loop, all_ended, d, ENDED_LIMIT_MS))
        fprintf(stderr, "bridge_bench: %lld of %d calls are on record\n", (long long)d->ended,
                d->opts.calls);
    child_stop(pid);
    pass(d, 50);
}

static void report(struct load *d, const struct figures *f)
{
    double minutes = (double)d->opts.calls * (double)f->took_us / 60e6;
    struct buf out = BUF_INIT(64 * KIB);
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_i64(&w, "calls", d->opts.calls);
    jw_num(&w, "cpuMsPerCallMinute", (double)f->cpu_us / 1000.0 / minutes);
    jw_num(&w, "callerToEngineP50Ms", percentile_ms(&d->up, 50));
    jw_num(&w, "callerToEngineP99Ms", percentile_ms(&d->up, 99));
    jw_num(&w, "firstAudioP50Ms", percentile_ms(&d->down, 50));
    jw_num(&w, "firstAudioP99Ms", percentile_ms(&d->down, 99));
    jw_num(&w, "clearP50Ms", percentile_ms(&d->clear, 50));
    jw_num(&w, "clearP99Ms", percentile_ms(&d->clear, 99));
    jw_i64(&w, "clears", (int64_t)d->clear.n);
    jw_num(&w, "callersLateP99Ms", percentile_ms(&d->late, 99));
    jw_num(&w, "stolenPercent", f->stolen_percent);
    jw_i64(&w, "framesSent", d->frames_sent);
    jw_i64(&w, "framesLost", d->frames_sent - d->frames_got);
    jw_i64(&w, "answersSent", d->answers_sent);
    jw_i64(&w, "answersHeard", d->answers_got);
    jw_i64(&w, "underruns", d->underruns);
    jw_i64(&w, "underrunsTold", d->underruns_told);
    jw_i64(&w, "callsEnded", d->ended);
    jw_i64(&w, "idleKib", f->rss_idle_kib);
    jw_num(&w, "kibPerCall", (double)(f->rss_kib - f->rss_idle_kib) / d->opts.calls);
    jw_end(&w);
    jw_text(&w, &out);
    jw_release(&w);
    printf(STR_FMT "\n", STR_ARG(buf_str(&out)));
    buf_release(&out);
}

/* ---- the same process again and again ---- */

static int descriptors_of(pid_t pid)
{
    char path[64];
    int n = 0;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    dir = opendir(path);
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

/* With its calls, and when they are over. */
static void run_round(struct load *d, pid_t pid, int round)
{
    int64_t busy_kib;
    int busy_fds;

    d->sending = true;
    callers_open(d);
    if (loop_run_until(d->loop, all_ready, d, READY_LIMIT_MS))
        fprintf(stderr, "bridge_bench: %d of %d callers are heard\n", d->n_ready, d->opts.calls);
    pass(d, d->opts.seconds * 1000);
    busy_kib = child_rss_kib(pid);
    busy_fds = descriptors_of(pid);
    d->sending = false;
    callers_close(d);
    if (loop_run_until(d->loop, all_ended, d, ENDED_LIMIT_MS)) {
        fprintf(stderr, "bridge_bench: %lld of %d calls are on record\n", (long long)d->ended,
                d->opts.calls);
        child_stop(pid);
        exit(1); /* callers and engines are in use; another round would tell nothing */
    }
    printf("{\"idle\":true,\"port\":%d}\n", d->port); /* who reads this may ask /stats now */
    fflush(stdout);
    pass(d, SETTLE_MS);
    printf("{\"round\":%d,\"calls\":%d,\"callsEnded\":%lld,\"busyKib\":%lld,\"busyDescriptors\":%d,"
           "\"idleKib\":%lld,\"idleDescriptors\":%d}\n",
           round, d->opts.calls, (long long)d->ended, (long long)busy_kib, busy_fds,
           (long long)child_rss_kib(pid), descriptors_of(pid));
    fflush(stdout);
    callers_release(d);
    engines_release(d);
    d->n_callers = d->n_closed = d->n_ready = 0;
    d->ended = 0;
}

static void run_rounds(struct load *d)
{
    pid_t pid = start(d);
    int i;

    for (i = 0; i < d->opts.rounds; i++)
        run_round(d, pid, i);
    child_stop(pid);
    pass(d, 50);
}

/* ---- the whole ---- */

static void load_open(struct load *d)
{
    struct peer_opts engine = {
        .tls = d->opts.tls, .handshake_ms = d->opts.handshake_ms, .events = &engine_events, .app = d
    };
    struct err err = ERR_INIT;

    d->clock = clock_system(0);
    if (loop_create(&d->loop, &d->clock, &d->log, &err)) {
        fprintf(stderr, "bridge_bench: %s\n", err.text);
        exit(1);
    }
    d->up.us = mem_calloc(SAMPLES_MAX, sizeof(int64_t));
    d->down.us = mem_calloc(SAMPLES_MAX, sizeof(int64_t));
    d->clear.us = mem_calloc(SAMPLES_MAX, sizeof(int64_t));
    d->late.us = mem_calloc(SAMPLES_MAX, sizeof(int64_t));
    voice_make(d->voice);
    cloud_open(d);
    d->engine_port = peer_listen(d->loop, &engine);
}

static void load_close(struct load *d)
{
    callers_release(d);
    d->engine_port = peer_listener_close(d->engine_port);
    engines_release(d);
    d->cloud = http_server_destroy(d->cloud);
    d->loop = loop_destroy(d->loop);
    mem_free(d->up.us);
    mem_free(d->down.us);
    mem_free(d->clear.us);
    mem_free(d->late.us);
}

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "bridge_bench: %s '%s'\n", what, value);
    return 2;
}

static int read_options(struct load_opts *o, int argc, char **argv)
{
    const struct {
        const char *name;
        bool *flag;
        int *number;
    } known[] = {
        { "--relay", &o->relay, NULL },       { "--tls", &o->tls, NULL },
        { "--barge-in", &o->barge_in, NULL }, { "--calls", NULL, &o->calls },
        { "--seconds", NULL, &o->seconds },   { "--handshake-ms", NULL, &o->handshake_ms },
        { "--rounds", NULL, &o->rounds },     { "--realtime", &o->realtime, NULL },
    };
    int64_t number;
    size_t k;
    int i;

    for (i = 1; i < argc - 1; i++) {
        for (k = 0; k < ARRAY_LEN(known) && strcmp(argv[i], known[k].name) != 0; k++)
            ;
        if (k == ARRAY_LEN(known))
            return wrong("unknown option", argv[i]);
        if (known[k].flag)
            *known[k].flag = true;
        else if (str_to_i64(str_c(argv[++i]), 1, CALLS_MAX, &number))
            return wrong("no number from 1 to 1000:", argv[i]);
        else
            *known[k].number = (int)number;
    }
    o->program = argv[argc - 1];
    return argc < 2 || i != argc - 1 ? wrong("no program to measure after", argv[argc - 1]) : 0;
}

/* Children inherit it. */
static void go_first(void)
{
    static const struct sched_param priority = { .sched_priority = 10 };

    if (sched_setscheduler(0, SCHED_FIFO, &priority))
        fprintf(stderr, "bridge_bench: no real-time priority\n");
}

int main(int argc, char **argv)
{
    struct load d = { .opts = { .calls = 1, .seconds = 3 } };
    struct figures f = { 0 };
    struct rlimit limit;
    int code = read_options(&d.opts, argc, argv);

    if (code)
        return code;
    signal(SIGPIPE, SIG_IGN);
    if (d.opts.realtime)
        go_first();
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)16384);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    load_open(&d);
    if (d.opts.rounds) {
        run_rounds(&d);
    } else {
        run(&d, &f);
        report(&d, &f);
    }
    load_close(&d);
    return 0;
}
