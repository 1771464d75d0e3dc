#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

/* A folder of the test's own. */
struct folder {
    char path[64];
    char file[96];
};

static struct folder folder_open(void)
{
    struct folder f = { "/tmp/file_test.XXXXXX", "" };

    CHECK(mkdtemp(f.path));
    snprintf(f.file, sizeof(f.file), "%s/a.txt", f.path);
    return f;
}

static void folder_close(struct folder *f)
{
    unlink(f->file);
    CHECK(rmdir(f->path) == 0); /* nothing else was left in it */
}

TEST(file_written_is_read_back)
{
    struct folder f = folder_open();
    struct buf b = BUF_INIT(100000);
    char bytes[40000];

    memset(bytes, 'x', sizeof(bytes));
    bytes[7] = '\0';
    CHECK_OK(file_write(f.file, str_n(bytes, sizeof(bytes)), NULL));
    buf_add_c(&b, ">");
    CHECK_OK(file_read(&b, f.file, NULL));
    CHECK_INT(b.n, sizeof(bytes) + 1);
    CHECK(memcmp(b.p + 1, bytes, sizeof(bytes)) == 0);
    CHECK_OK(file_write(f.file, STR("short"), NULL));
    buf_reset(&b);
    CHECK_OK(file_read(&b, f.file, NULL));
    CHECK_STR(buf_str(&b), "short");
    CHECK_OK(file_write(f.file, STR_EMPTY, NULL));
    buf_reset(&b);
    CHECK_OK(file_read(&b, f.file, NULL));
    CHECK_STR(buf_str(&b), "");
    buf_release(&b);
    folder_close(&f);
}

TEST(file_read_names_a_missing_path)
{
    struct buf b = BUF_INIT(100);
    struct err err = ERR_INIT;

    CHECK_RC(ERR_NOT_FOUND, file_read(&b, "/nowhere/at/all", &err));
    CHECK_STR(str_c(err.text), "/nowhere/at/all: No such file or directory");
    CHECK_RC(ERR_IO, file_read(&b, "/tmp", &err));
    CHECK_CONTAINS(str_c(err.text), "/tmp: ");
    CHECK_INT(b.n, 0);
    buf_release(&b);
}

TEST(file_read_refuses_more_than_the_maximum_and_leaves_the_text)
{
    struct folder f = folder_open();
    struct buf b = BUF_INIT(10);
    struct err err = ERR_INIT;

    CHECK_OK(file_write(f.file, STR("123456789"), NULL));
    buf_add_c(&b, "ab");
    CHECK_RC(ERR_LIMIT, file_read(&b, f.file, &err));
    CHECK_STR(buf_str(&b), "ab");
    CHECK_CONTAINS(str_c(err.text), "a.txt: longer than 10 bytes");
    buf_release(&b);
    buf_add_c(&b, "a");
    CHECK_OK(file_read(&b, f.file, &err));
    CHECK_STR(buf_str(&b), "a123456789");
    buf_release(&b);
    folder_close(&f);
}

TEST(file_read_takes_files_that_state_no_size)
{
    struct buf b = BUF_INIT(100000);

    CHECK_OK(file_read(&b, "/proc/self/status", NULL));
    CHECK_CONTAINS(buf_str(&b), "Pid:");
    buf_release(&b);
}

TEST(file_write_that_fails_leaves_nothing_behind)
{
    struct folder f = folder_open();
    struct err err = ERR_INIT;
    char deep[128], longest[5000];

    snprintf(deep, sizeof(deep), "%s/no/such/folder", f.path);
    CHECK_RC(ERR_NOT_FOUND, file_write(deep, STR("x"), &err));
    CHECK_CONTAINS(str_c(err.text), deep);
    /* A folder cannot be replaced by a file: fails at the last step. */
    CHECK(mkdir(f.file, 0700) == 0);
    CHECK_RC(ERR_IO, file_write(f.file, STR("x"), &err));
    CHECK(rmdir(f.file) == 0);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    CHECK_RC(ERR_IO, file_write(longest, STR("x"), &err));
    folder_close(&f);
}
