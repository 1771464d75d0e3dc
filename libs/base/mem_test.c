#include "base/mem.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

TEST(mem_of_size_zero_is_a_valid_pointer)
{
    void *p = mem_alloc(0), *q = mem_zalloc(0), *r = mem_calloc(0, 8);

    CHECK(p && q && r);
    p = mem_realloc(p, 0);
    CHECK(p);
    mem_free(p);
    mem_free(q);
    mem_free(r);
    mem_free(NULL);
}

TEST(mem_zalloc_gives_zeros)
{
    static const char zeros[100];
    char *p = mem_zalloc(sizeof(zeros));

    CHECK(memcmp(p, zeros, sizeof(zeros)) == 0);
    mem_free(p);
}

TEST(mem_dups_add_the_nul)
{
    char *p = mem_str_dup(str_n("abc", 2)), *q = mem_strdup("xyz"), *r = mem_str_dup(STR_EMPTY);

    CHECK_STR(str_c(p), "ab");
    CHECK_STR(str_c(q), "xyz");
    CHECK_STR(str_c(r), "");
    CHECK(!mem_strdup(NULL));
    mem_free(p);
    mem_free(q);
    mem_free(r);
}

TEST(mem_wipe_overwrites)
{
    char secret[8] = "hunter2";

    mem_wipe(secret, sizeof(secret));
    CHECK_INT(secret[0], 0);
    CHECK_INT(secret[6], 0);
    mem_wipe(NULL, 0);
}

/* Under sanitizers the allocator reports an impossible size itself. */
#ifndef VC_SANITIZED
TEST(out_of_memory_ends_the_process_with_one_json_line)
{
    static const struct rlimit no_core = { 0, 0 };
    char line[256];
    int fds[2], status;
    volatile size_t count = (size_t)1 << 62, size = 8; /* not for the compiler to see through */
    ssize_t n;
    pid_t pid;

    CHECK(pipe(fds) == 0);
    pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka's handler would go on with the tests */
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(fds[1], STDERR_FILENO);
        mem_free(mem_calloc(count, size));
        _exit(0);
    }
    close(fds[1]);
    n = read(fds[0], line, sizeof(line));
    CHECK(n > 0);
    CHECK_STR(str_n(line, (size_t)n), "{\"severity\":\"CRITICAL\",\"message\":\"out of memory: "
                                      "4611686018427387904 x 8 bytes\"}\n");
    CHECK_INT(read(fds[0], line, sizeof(line)), 0);
    close(fds[0]);
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
#endif

#ifndef VC_SANITIZED /* whose allocators do not count for glibc */
TEST(mem_in_use_tells_what_was_allocated_and_not_freed)
{
    const size_t size = 1 << 20;
    size_t before = mem_in_use(), with;
    void *p = mem_alloc(size);

    with = mem_in_use();
    mem_free(p);
    CHECK(with >= before + size);
    CHECK(mem_in_use() < before + size);
}
#endif
