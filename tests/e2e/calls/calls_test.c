/* Whole spoken calls: each scenario runs on a stack of its own (local cloud and six services, on ports of
 * its own), several at once, in real time; `concierge up --once` says whether the call ended as its scenario
 * says. What was said to the local cloud and by it is left in records/<id>.jsonl of the build, for the judges
 * (tests/judges). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "ports.h"
#include "test.h"

/* The thread sanitizer computes so much that more calls at once would be late to their own talk. */
#ifdef __SANITIZE_THREAD__
enum { PARALLEL = 3 };
#else
enum { PARALLEL = 6 };
#endif
enum { PORTS_EACH = 7, PORT_FIRST = 21000, PORT_LAST = 29000, CALL_SECONDS_MAX = 400 };

static struct scenario_run {
    const char *id;
    int exit_code; /* -1: not yet */
} runs[] = {
    { "B01", -1 }, { "B03", -1 }, { "B04", -1 }, { "B21", -1 }, { "L01", -1 },
    { "T01", -1 }, { "T02", -1 }, { "T03", -1 }, { "T09", -1 }, { "T10", -1 },
    { "A02", -1 }, { "A06", -1 }, { "F07", -1 },
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static size_t next_run;
static int next_port = PORT_FIRST;

/* Seven free ports in a row that no other run of ours has. */
static int ports_take(void)
{
    int base;

    pthread_mutex_lock(&lock);
    base = ports_in_a_row(next_port, PORT_LAST, PORTS_EACH);
    next_port = base + PORTS_EACH;
    pthread_mutex_unlock(&lock);
    return base;
}

static void log_path(char *out, size_t n, const char *id)
{
    snprintf(out, n, "%s/call-%s.log", VC_BUILD_DIR, id);
}

static void record_path(char *out, size_t n, const char *id)
{
    snprintf(out, n, "%s/records/%s.jsonl", VC_BUILD_DIR, id);
}

/* What the judges find is of this run alone. */
static void clear_records(void)
{
    char path[4096];
    struct dirent *e;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/records", VC_BUILD_DIR);
    /* It may be there; when it cannot be, the programs say which record they cannot open. */
    (void)mkdir(path, 0755);
    dir = opendir(path);
    while (dir && (e = readdir(dir)) != NULL) {
        if (str_ends(str_c(e->d_name), STR(".jsonl")))
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    }
    if (dir)
        closedir(dir);
}

/* The judges verify signatures with it: tests/judges/twilio_judge.py has the same. */
#define AUTH_TOKEN "c0ffee00c0ffee00c0ffee00c0ffee00"

static int play(const char *id)
{
    char port[16], log[4096], program[4096], record[4096];
    int fd, status = 0;
    pid_t pid;

    snprintf(port, sizeof(port), "%d", ports_take());
    snprintf(program, sizeof(program), "%s/bin/concierge", VC_BUILD_DIR);
    log_path(log, sizeof(log), id);
    record_path(record, sizeof(record), id);
    fd = open(log, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    pid = fork();
    if (pid == 0) {
        if (chdir(VC_SOURCE_DIR))
            _exit(126);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execl(program, program, "up", "--once", "--call", id, "--base-port", port, "--record",
              record, (char *)NULL);
        _exit(127);
    }
    close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void *player(void *arg)
{
    (void)arg;
    for (;;) {
        struct scenario_run *run = NULL;
        int code;

        pthread_mutex_lock(&lock);
        while (next_run < ARRAY_LEN(runs) && !test_wanted(runs[next_run].id))
            next_run++;
        if (next_run < ARRAY_LEN(runs))
            run = &runs[next_run++];
        pthread_mutex_unlock(&lock);
        if (!run)
            return NULL;
        code = play(run->id);
        pthread_mutex_lock(&lock);
        run->exit_code = code;
        pthread_cond_broadcast(&done);
        pthread_mutex_unlock(&lock);
    }
}

static void start_players(void)
{
    pthread_t thread;
    int i;

    clear_records();
    setenv("TWILIO_AUTH_TOKEN", AUTH_TOKEN, 1); /* before there are threads */
    for (i = 0; i < PARALLEL; i++) {
        CHECK(pthread_create(&thread, NULL, player, NULL) == 0);
        pthread_detach(thread);
    }
}

static void check_call(const char *id)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct buf text = BUF_INIT(4 * MIB);
    char path[4096];
    size_t i;
    int code;

    pthread_once(&once, start_players);
    for (i = 0; i < ARRAY_LEN(runs) && strcmp(runs[i].id, id) != 0; i++)
        ;
    if (i == ARRAY_LEN(runs))
        FAIL_TEST("%s is not among the runs", id);
    pthread_mutex_lock(&lock);
    while (runs[i].exit_code < 0)
        pthread_cond_wait(&done, &lock);
    code = runs[i].exit_code;
    pthread_mutex_unlock(&lock);
    if (code) {
        log_path(path, sizeof(path), id);
        if (!file_read(&text, path, NULL))
            print_error(STR_FMT "\n", STR_ARG(buf_str(&text)));
    }
    buf_release(&text);
    CHECK_INT(code, 0);
}

#define CALL_TEST(name, id)             \
    TEST_WITHIN(CALL_SECONDS_MAX, name) \
    {                                   \
        check_call(id);                 \
    }

CALL_TEST(call_B01_books_the_first_offer, "B01")
CALL_TEST(call_B03_takes_another_time_when_the_wanted_one_is_taken, "B03")
CALL_TEST(call_B04_books_nothing_when_every_option_is_refused, "B04")
CALL_TEST(call_B21_books_the_corrected_date, "B21")
CALL_TEST(call_L01_takes_a_lead_for_what_cannot_be_booked, "L01")
CALL_TEST(call_T01_transfers_to_a_person_in_open_hours, "T01")
CALL_TEST(call_T02_queues_a_callback_when_closed, "T02")
CALL_TEST(call_T03_takes_a_callback_when_nobody_answers, "T03")
CALL_TEST(call_T09_offers_a_person_to_who_is_not_understood, "T09")
CALL_TEST(call_T10_says_that_it_is_an_ai, "T10")
CALL_TEST(call_A02_stops_when_interrupted_and_answers_the_new_wish, "A02")
CALL_TEST(call_A06_ends_politely_when_nobody_speaks, "A06")
CALL_TEST(call_F07_records_a_caller_who_hangs_up, "F07")
