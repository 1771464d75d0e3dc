/* test.h: thin names over cmocka. A test is a sentence about one behaviour; it registers itself, runs
 * alone under a time limit, and the program ends with "N passed, N failed".
 *
 *     TEST(base64_decode_refuses_a_stray_character)
 *     {
 *         CHECK_RC(ERR_INVALID, base64_decode(out, &n, STR("a*b=")));
 *     }
 *
 * Tests run in the repository's root, which is VC_SOURCE_DIR.
 * Program arguments: words that a test's name must contain to run; --list. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

enum { TEST_SECONDS_MAX = 60 };

struct test_case {
    const char *name;
    void (*run)(void);
    int seconds_max;
    struct test_case *next;
    void (*run_with)(const void *arg); /* in place of run: one of many that a program makes */
    const void *arg;
};
void test_register(struct test_case *t);
/* Whether the program's arguments let some test run whose name contains `word`. */
bool test_wanted(const char *word);

#define TEST_WITHIN(seconds, test_name)                                                     \
    static void test_name(void);                                                            \
    __attribute__((constructor)) static void test_name##_register(void)                     \
    {                                                                                       \
        static struct test_case t = { #test_name, test_name, (seconds), NULL, NULL, NULL }; \
        test_register(&t);                                                                  \
    }                                                                                       \
    static void test_name(void)
#define TEST(test_name) TEST_WITHIN(TEST_SECONDS_MAX, test_name)

void test_check_rc(enum errc want, enum errc got, const char *expr, const char *file, int line);
void test_check_str(struct str got, struct str want, const char *file, int line);
void test_check_contains(struct str got, struct str want, const char *file, int line);
void test_check_int(long long got, long long want, const char *expr, const char *file, int line);

#define CHECK(cond) _assert_true((cond) ? 1 : 0, #cond, __FILE__, __LINE__)
#define CHECK_OK(expr) test_check_rc(ERR_OK, (expr), #expr, __FILE__, __LINE__)
#define CHECK_RC(want, expr) test_check_rc((want), (expr), #expr, __FILE__, __LINE__)
#define CHECK_INT(got, want) \
    test_check_int((long long)(got), (long long)(want), #got, __FILE__, __LINE__)
#define CHECK_STR(got, want) \
    test_check_str((got), str_c(want), __FILE__, __LINE__) /* got: struct str */
#define CHECK_CONTAINS(got, want) test_check_contains((got), str_c(want), __FILE__, __LINE__)
#define FAIL_TEST(...) fail_msg(__VA_ARGS__)

#endif
