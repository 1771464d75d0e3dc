#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_case *first, **last = &first;

void test_register(struct test_case *t)
{
    *last = t;
    last = &t->next;
}

void test_check_rc(enum errc want, enum errc got, const char *expr, const char *file, int line)
{
    if (want == got)
        return;
    print_error("%s: %s, expected %s\n", expr, errc_name(got), errc_name(want));
    _fail(file, line);
}

void test_check_str(struct str got, struct str want, const char *file, int line)
{
    if (str_eq(got, want))
        return;
    print_error("got      \"" STR_FMT "\"\nexpected \"" STR_FMT "\"\n", STR_ARG(got),
                STR_ARG(want));
    _fail(file, line);
}

void test_check_contains(struct str got, struct str want, const char *file, int line)
{
    if (str_contains(got, want))
        return;
    print_error("\"" STR_FMT "\"\nlacks \"" STR_FMT "\"\n", STR_ARG(got), STR_ARG(want));
    _fail(file, line);
}

void test_check_int(long long got, long long want, const char *expr, const char *file, int line)
{
    if (got == want)
        return;
    print_error("%s is %lld, expected %lld\n", expr, got, want);
    _fail(file, line);
}

static void on_alarm(int sig)
{
    static const char text[] = "the test ran past its time limit\n";

    (void)sig;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    abort();
}

static void run_case(void **state)
{
    struct test_case *t = *state;

    alarm((unsigned)t->seconds_max);
    if (t->run_with)
        t->run_with(t->arg);
    else
        t->run();
    alarm(0);
}

static int words_n;
static char **words;

static bool wanted(const struct test_case *t)
{
    int i;

    for (i = 1; i < words_n; i++) {
        if (strstr(t->name, words[i]))
            return true;
    }
    return words_n <= 1;
}

bool test_wanted(const char *word)
{
    const struct test_case *t;

    for (t = first; t; t = t->next) {
        if (strstr(t->name, word) && wanted(t))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    struct test_case *t;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (t = first; t; t = t->next)
            printf("%s\n", t->name);
        return 0;
    }
    if (chdir(VC_ROOT)) {
        perror(VC_ROOT);
        return 1;
    }
    words_n = argc;
    words = argv;
    signal(SIGALRM, on_alarm);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    cmocka_set_message_output(CM_OUTPUT_STDOUT);
    for (t = first; t; t = t->next) {
        struct CMUnitTest unit = { t->name, run_case, NULL, NULL, t };

        if (!wanted(t))
            continue;
        /* One group for each test: what a crash leaves unreported is only the test that crashed. */
        if (_cmocka_run_group_tests(t->name, &unit, 1, NULL, NULL) == 0)
            passed++;
        else
            failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? 1 : 0;
}
