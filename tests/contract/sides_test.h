/* sides_test.h: who is asked: local_cloud's modules in this process, and Google's emulators as children of
 * it. Each check has a project of its own on each side, so nothing has to be cleaned up. */
#ifndef CONTRACT_SIDES_TEST_H
#define CONTRACT_SIDES_TEST_H

#include <setjmp.h>

#include "google/google.h"
#include "google/rest.h"
#include "local_cloud/google/cloud_test.h"

/* The first test of each kind also waits for an emulator, which takes long on a busy machine. */
#define CONTRACT(name) TEST_WITHIN(180, name)

enum side_need { NEEDS_FIRESTORE, NEEDS_PUBSUB };

/* One side as one check sees it, on a thread of its own. */
struct side {
    const char *name;
    bool is_local;
    enum side_need need;
    struct arena arena;
    struct ctx ctx;
    struct google_settings settings;
    struct google *google;
    struct str project;
    const void *arg; /* the check's */
    struct err err;
    jmp_buf failed;
    struct str why; /* it failed */
};

/* One behaviour. */
struct check {
    const char *name;
    const char *local_only; /* why the emulator is not asked; NULL: it is */
    void (*run)(struct side *s);
    const void *arg;
};
/* Runs every check on each side, many at once; says which side is not there, and why. */
void run_checks(enum side_need need, const struct check *checks, size_t n);

/* A test that is these checks. */
#define TEST_CHECKS(test_name, need, ...)                     \
    CONTRACT(test_name)                                       \
    {                                                         \
        static const struct check checks[] = { __VA_ARGS__ }; \
        run_checks((need), checks, ARRAY_LEN(checks));        \
    }

/* Ends the check. CHECK and its kind serve the main thread only. */
_Noreturn void side_fail(struct side *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define EXPECT(side, cond)                                             \
    do {                                                               \
        if (!(cond))                                                   \
            side_fail((side), "%s:%d: %s", __FILE__, __LINE__, #cond); \
    } while (0)
#define EXPECT_RC(side, want, expr)                                                         \
    do {                                                                                    \
        enum errc rc_ = (expr);                                                             \
        if (rc_ != (want))                                                                  \
            side_fail((side), "%s:%d: %s: %s (%s), expected %s", __FILE__, __LINE__, #expr, \
                      errc_name(rc_), (side)->err.text, errc_name(want));                   \
    } while (0)
#define EXPECT_OK(side, expr) EXPECT_RC(side, ERR_OK, expr)
#define EXPECT_INT(side, got, want)                                                               \
    do {                                                                                          \
        long long got_ = (long long)(got), want_ = (long long)(want);                             \
        if (got_ != want_)                                                                        \
            side_fail((side), "%s:%d: %s is %lld, expected %lld", __FILE__, __LINE__, #got, got_, \
                      want_);                                                                     \
    } while (0)
#define EXPECT_STR(side, got, want) side_expect_str((side), (got), (want), __FILE__, __LINE__)
void side_expect_str(struct side *s, struct str got, const char *want, const char *file, int line);

/* A raw request to the side's API; `path` begins behind the project: "/topics/t". */
struct http_response side_ask(struct side *s, const char *method, const char *path,
                              struct str body);
/* The same, for answers of 200 only; its body. */
const struct jval *side_json(struct side *s, const char *method, const char *path, struct str body);
/* An HTTP client, to be destroyed, for another thread of the same check. */
struct http_client *side_client(struct side *s);

#endif
