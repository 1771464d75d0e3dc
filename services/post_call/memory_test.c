/* Memory does not grow with the recording: the program itself, as a process of its own, takes a minute and
 * then four hours of talk, and the peaks of its resident memory are compared. */
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "post_call/fakes_test.h"

enum {
    MINUTE_MS = 60000,
    HOURS_4_MS = 4 * 3600 * 1000,
    PEAK_GROWTH_MAX_PERCENT = 15,
    LINE_MAX_BYTES = 4096,
};

/* Two people, three utterances in twenty seconds. */
static const struct fake_speech talk[] = {
    { 1, 1000, 5000, 4000 },
    { 0, 6000, 11000, 3000 },
    { 1, 12500, 18500, 4100 },
};

struct program {
    pid_t pid;
    FILE *log;
    int port;
};

static void set(const char *name, struct str value, struct arena *a)
{
    CHECK_INT(setenv(name, arena_cstr(a, value), 1), 0);
}

static void set_environment(const struct fakes *f)
{
    struct arena a = ARENA_INIT;

    set("PORT", STR("0"), &a);
    set("LISTEN_HOST", STR("127.0.0.1"), &a);
    set("LOG_FORMAT", STR("json"), &a);
    set("GOOGLE_CLOUD_PROJECT", STR("p"), &a);
    set("STORAGE_EMULATOR_HOST", fakes_url(f, &a, ""), &a);
    set("PUBSUB_EMULATOR_HOST", arena_printf(&a, "127.0.0.1:%d", f->port), &a);
    set("OIDC_AUDIENCE", STR("http://us"), &a);
    set("OIDC_EMAILS", STR("push@p.iam.gserviceaccount.com"), &a);
    set("OIDC_CHECK", STR("claims"), &a);
    set("TWILIO_ACCOUNT_SID", STR(FAKE_ACCOUNT), &a);
    set("TWILIO_AUTH_TOKEN", STR("secret"), &a);
    set("TWILIO_API_BASE", fakes_url(f, &a, ""), &a);
    set("OPENAI_BASE_URL", fakes_url(f, &a, "/v1"), &a);
    set("OPENAI_API_KEY", STR("sk-test"), &a);
    set("BUSINESS_PROFILE", STR(VC_SOURCE_DIR "/evals/profiles/clinic.yaml"), &a);
    set("EVENTS_TOPIC", STR("events"), &a);
    set("RECORDINGS_BUCKET", STR(FAKE_BUCKET), &a);
    arena_release(&a);
}

/* The program lies beside this one. */
static void path_of_program(char path[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    CHECK(n > 0);
    self[n] = 0;
    CHECK(snprintf(path, PATH_MAX, "%s/post-call", dirname(self)) < PATH_MAX);
    if (access(path, X_OK) != 0)
        FAIL_TEST("%s is not built", path);
}

static void program_start(struct program *p, const struct fakes *f)
{
    char path[PATH_MAX], line[LINE_MAX_BYTES];
    const char *at;
    int out[2];

    path_of_program(path);
    set_environment(f);
    CHECK_INT(pipe(out), 0);
    p->pid = fork();
    CHECK(p->pid >= 0);
    if (p->pid == 0) {
        if (dup2(out[1], STDOUT_FILENO) < 0)
            _exit(126);
        close(out[0]);
        close(out[1]);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    p->log = fdopen(out[0], "r");
    p->port = 0;
    while (!p->port && fgets(line, sizeof(line), p->log)) {
        at = strstr(line, "listening port=");
        if (at)
            p->port = (int)strtol(at + strlen("listening port="), NULL, 10);
    }
    CHECK(p->port > 0);
}

static void program_stop(struct program *p)
{
    char line[LINE_MAX_BYTES];
    int status = 0;

    CHECK_INT(kill(p->pid, SIGTERM), 0);
    while (fgets(line, sizeof(line), p->log)) {
    } /* the rest of its log */
    fclose(p->log);
    CHECK_INT(waitpid(p->pid, &status, 0), p->pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int64_t peak_kib(const struct program *p)
{
    struct buf text = BUF_INIT(64 * KIB);
    struct arena a = ARENA_INIT;
    int64_t kib;

    CHECK_OK(file_read(&text, arena_printf(&a, "/proc/%d/status", (int)p->pid).p, NULL));
    kib = strtol(buf_cstr(&text) + str_find(buf_str(&text), STR("VmHWM:")) + 6, NULL, 10);
    buf_release(&text);
    arena_release(&a);
    CHECK(kib > 0);
    return kib;
}

static int push(struct fakes *f, const struct program *p, struct arena *a)
{
    struct http_client *client = http_client_create(NULL, &f->clock);
    struct str token = fakes_identity_token(a, &f->clock);
    const struct http_header header = { STR("Authorization"),
                                        arena_printf(a, "Bearer " STR_FMT, STR_ARG(token)) };
    struct http_request req = {
        .url = arena_printf(a, "http://127.0.0.1:%d/push/recordings", p->port),
        .headers = &header,
        .n_headers = 1,
        .body = fakes_push_body(a, "recording.available", NULL),
        .timeout_ms = -1,
        .stall_ms = 600000,
    };
    struct http_response res;

    CHECK_OK(http_do(client, a, &req, &res, NULL));
    http_client_destroy(client);
    return res.status;
}

/* Peak of a fresh process that has done one recording. */
static int64_t peak_after(int64_t duration_ms, int64_t *segments)
{
    struct arena a = ARENA_INIT;
    const struct jval *doc = NULL;
    struct fakes f;
    struct program p;
    int64_t kib;

    fakes_open(&f);
    f.speech = talk;
    f.n_speech = ARRAY_LEN(talk);
    f.period_ms = 20000;
    f.duration_ms = duration_ms;
    f.generate = true;
    fakes_start(&f);
    program_start(&p, &f);
    CHECK_INT(push(&f, &p, &a), 204);
    kib = peak_kib(&p);
    program_stop(&p);
    CHECK_INT(fakes_object(&f, FAKE_WAV)->size, 44 + duration_ms * 8 * 4);
    CHECK_OK(json_parse_arena(&doc, &a, buf_str(&fakes_object(&f, FAKE_TRANSCRIPT)->data), NULL));
    *segments = (int64_t)json_len(json_get(doc, "segments"));
    CHECK_INT(*segments, duration_ms / 20000 * 3);
    fakes_stop(&f);
    fakes_close(&f);
    arena_release(&a);
    return kib;
}

TEST_WITHIN(600, memory_does_not_grow_with_the_recording)
{
#ifdef VC_SANITIZED
    const int64_t long_ms = 10 * MINUTE_MS; /* a sanitizer's own memory grows: only that it works */
#else
    const int64_t long_ms = HOURS_4_MS;
#endif
    int64_t segments_minute, segments_long;
    int64_t minute_kib = peak_after(MINUTE_MS, &segments_minute);
    int64_t long_kib = peak_after(long_ms, &segments_long);

    printf("peak resident memory: %lld KiB for 1 min (%lld segments), %lld KiB for %lld min (%lld "
           "segments)\n",
           (long long)minute_kib, (long long)segments_minute, (long long)long_kib,
           (long long)(long_ms / MINUTE_MS), (long long)segments_long);
#ifndef VC_SANITIZED
    CHECK(long_kib * 100 <= minute_kib * (100 + PEAK_GROWTH_MAX_PERCENT));
#endif
}
