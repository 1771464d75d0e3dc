/* The registry of end reasons against itself, the bridge's code and its tests. */
#include "concierge/end_reason.h"

#include <ctype.h>
#include <dirent.h>

#include "base/buf.h"
#include "base/file.h"
#include "test.h"

#define BRIDGE_DIR VC_SOURCE_DIR "/services/media_bridge"
#define TESTS_DIR VC_SOURCE_DIR "/tests/e2e/bridge"

/* Every .c file of the folder, one after the other. */
static void read_folder(struct buf *out, const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    if (!d) {
        FAIL_TEST("no folder %s", dir);
        return;
    }
    while ((e = readdir(d))) {
        struct buf path = BUF_INIT(1024);

        if (str_ends(str_c(e->d_name), STR(".c"))) {
            buf_addf(&path, "%s/%s", dir, e->d_name);
            CHECK_OK(file_read(out, buf_cstr(&path), NULL));
        }
        buf_release(&path);
    }
    CHECK_INT(closedir(d), 0);
}

static bool of_a_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The next END_… of the line from *at on, as the name that the registry would give it; false: no more. */
static bool next_reason(struct str line, size_t *at, char name[64])
{
    for (; *at < line.n; (*at)++) {
        size_t n = 0;

        if (!str_starts(str_from(line, *at), STR("END_")) ||
            (*at > 0 && of_a_name(line.p[*at - 1])))
            continue;
        for (*at += 4; *at < line.n && n < 63 && of_a_name(line.p[*at]); (*at)++)
            name[n++] = (char)tolower((unsigned char)line.p[*at]);
        name[n] = '\0';
        return true;
    }
    return false;
}

TEST(every_end_reason_says_how_it_is_noticed_and_what_is_heard)
{
    int r;

    for (r = 0; r < END_REASONS; r++) {
        const struct end_reason_info *i = end_reason_info((enum end_reason)r);

        CHECK(i->name && i->name[0]);
        CHECK(i->text && i->text[0]);
        CHECK(i->detection && i->detection[0]);
        CHECK(i->heard && i->heard[0]);
        CHECK(i->test && i->test[0]);
        CHECK(i->failed || !i->alerts); /* nobody is woken for a call that went well */
    }
}

/* The test is there, and its body names the reason. */
TEST(every_end_reason_has_a_test_that_ends_a_call_with_it)
{
    struct buf tests = BUF_INIT(4 * MIB);
    int r;

    read_folder(&tests, TESTS_DIR);
    for (r = 0; r < END_REASONS; r++) {
        const struct end_reason_info *i = end_reason_info((enum end_reason)r);
        struct buf head = BUF_INIT(256), name = BUF_INIT(256);
        struct str body;

        buf_addf(&head, "\nTEST(%s)\n", i->test);
        buf_addf(&name, "\"%s\"", i->name);
        body = str_from(buf_str(&tests), str_find(buf_str(&tests), buf_str(&head)));
        if (body.n == 0)
            FAIL_TEST("no test %s of end reason %s", i->test, i->name);
        body = str_from(body, head.n);
        body = str_slice(body, 0, str_find(body, STR("\nTEST(")));
        CHECK_CONTAINS(body, buf_cstr(&name));
        buf_release(&head);
        buf_release(&name);
    }
    buf_release(&tests);
}

TEST(the_bridge_ends_calls_for_the_reasons_of_the_registry_and_for_each_of_them)
{
    struct buf code = BUF_INIT(4 * MIB);
    bool seen[END_REASONS] = { false };
    struct str line, rest;
    char name[64];
    size_t at;
    int r;

    read_folder(&code, BRIDGE_DIR);
    for (rest = buf_str(&code); str_cut(rest, '\n', &line, &rest);) {
        bool ends =
            str_contains(line, STR("call_leave(")) || str_contains(line, STR("call_farewell_arm("));

        for (at = 0; next_reason(line, &at, name);) {
            enum end_reason found = end_reason_find(str_c(name));

            if (found == END_REASONS)
                FAIL_TEST("%s is no end reason", name);
            if (found < END_REASONS && ends)
                seen[found] = true;
        }
    }
    for (r = 0; r < END_REASONS; r++) {
        if (!seen[r])
            FAIL_TEST("no call ends as %s", end_reason_info((enum end_reason)r)->name);
    }
    buf_release(&code);
}
