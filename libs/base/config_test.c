#include "base/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

struct settings {
    struct str project, token, url;
    int64_t port, any;
    bool verbose;
    int level;
    struct str_list origins;
};

static const struct config_key keys[] = {
    { .name = "PROJECT",
      .kind = CONFIG_STR,
      .offset = offsetof(struct settings, project),
      .required = true,
      .help = "Google Cloud project" },
    { .name = "TOKEN",
      .kind = CONFIG_SECRET,
      .offset = offsetof(struct settings, token),
      .help = "auth token" },
    { .name = "URL",
      .kind = CONFIG_URL,
      .offset = offsetof(struct settings, url),
      .allowed = "http|https",
      .help = "where we are" },
    { .name = "PORT",
      .kind = CONFIG_INT,
      .offset = offsetof(struct settings, port),
      .dflt = "8080",
      .min = 1,
      .max = 65535,
      .help = "listen port" },
    { .name = "ANY",
      .kind = CONFIG_INT,
      .offset = offsetof(struct settings, any),
      .help = "some number" },
    { .name = "VERBOSE",
      .kind = CONFIG_BOOL,
      .offset = offsetof(struct settings, verbose),
      .help = "say more" },
    { .name = "LEVEL",
      .kind = CONFIG_ENUM,
      .offset = offsetof(struct settings, level),
      .dflt = "info",
      .allowed = "debug|info|warn|error",
      .help = "least level" },
    { .name = "ORIGINS",
      .kind = CONFIG_LIST,
      .offset = offsetof(struct settings, origins),
      .help = "allowed origins" },
};

/* An environment: name, value, name, value…, NULL. */
static const char *env_get(const char *name, void *arg)
{
    const char *const *env;

    for (env = arg; *env; env += 2) {
        if (strcmp(env[0], name) == 0)
            return env[1];
    }
    return NULL;
}

#define ENV(...) ((const char *[]){ __VA_ARGS__, NULL })

static enum errc load(struct settings *s, struct arena *a, const char **env, struct err *err)
{
    return config_load(keys, ARRAY_LEN(keys), s, a, env_get, env, err);
}

TEST(config_fills_defaults_and_zero_values)
{
    struct arena a = ARENA_INIT;
    struct settings s;

    memset(&s, 0xff, sizeof(s));
    CHECK_OK(load(&s, &a, ENV("PROJECT", "demo"), NULL));
    CHECK_STR(s.project, "demo");
    CHECK_INT(s.token.n + s.url.n, 0);
    CHECK_INT(s.port, 8080);
    CHECK_INT(s.any, 0);
    CHECK(!s.verbose);
    CHECK_INT(s.level, 1);
    CHECK_INT(s.origins.n, 0);
    arena_release(&a);
}

TEST(config_takes_what_is_set_and_trims_it)
{
    struct arena a = ARENA_INIT;
    struct settings s;

    CHECK_OK(load(&s, &a,
                  ENV("PROJECT", " demo\n", "TOKEN", "hunter2", "URL", "https://h/x", "PORT", "1",
                      "ANY", "-9223372036854775808", "VERBOSE", "yes", "LEVEL", "error", "ORIGINS",
                      " a ,, b,c ,"),
                  NULL));
    CHECK_STR(s.project, "demo");
    CHECK_STR(s.token, "hunter2");
    CHECK_STR(s.url, "https://h/x");
    CHECK_INT(s.port, 1);
    CHECK_INT(s.any, INT64_MIN);
    CHECK(s.verbose);
    CHECK_INT(s.level, 3);
    CHECK_INT(s.origins.n, 3);
    CHECK_STR(s.origins.items[0], "a");
    CHECK_STR(s.origins.items[1], "b");
    CHECK_STR(s.origins.items[2], "c");
    arena_release(&a);
}

TEST(config_copies_texts_into_the_arena)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    char value[] = "demo", list[] = "x,y";

    CHECK_OK(load(&s, &a, ENV("PROJECT", value, "ORIGINS", list), NULL));
    value[0] = list[0] = '!';
    CHECK_STR(s.project, "demo");
    CHECK_STR(s.origins.items[0], "x");
    arena_release(&a);
}

TEST(config_booleans_have_three_spellings)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = { { "true", true },   { "1", true },  { "yes", true },
                  { "false", false }, { "0", false }, { "no", false } };
    struct arena a = ARENA_INIT;
    struct settings s;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_OK(load(&s, &a, ENV("PROJECT", "p", "VERBOSE", cases[i].text), NULL));
        CHECK(s.verbose == cases[i].want);
    }
    arena_release(&a);
}

TEST(config_error_names_key_value_and_what_is_allowed)
{
    static const struct {
        const char *name, *value, *text;
    } cases[] = {
        { "PROJECT", "", "PROJECT is not set: it must be text" },
        { "PROJECT", "  ", "PROJECT is not set: it must be text" },
        { "PORT", "70000", "PORT is \"70000\": it must be a whole number from 1 to 65535" },
        { "PORT", "0", "PORT is \"0\": it must be a whole number from 1 to 65535" },
        { "PORT", "80a", "PORT is \"80a\": it must be a whole number from 1 to 65535" },
        { "ANY", "x", "ANY is \"x\": it must be a whole number" },
        { "VERBOSE", "maybe", "VERBOSE is \"maybe\": it must be true or false" },
        { "LEVEL", "loud", "LEVEL is \"loud\": it must be debug, info, warn or error" },
        { "LEVEL", "debug|info", "LEVEL is \"debug|info\": it must be debug, info, warn or error" },
        { "URL", "ftp://h/",
          "URL is \"ftp://h/\": it must be a URL that begins with http:// or https://" },
        { "URL", "example.com",
          "URL is \"example.com\": it must be a URL that begins with http:// or https://" },
        { "TOKEN", "@/nowhere/at/all", "TOKEN: /nowhere/at/all: No such file or directory" },
        { "TOKEN", "@/dev/null", "TOKEN: /dev/null: empty" },
        { "PORT", "123456789012345678901234567890123456789012345678901234567890123",
          "PORT is \"123456789012345678901234567890123456789012345678901234567890...\": "
          "it must be a whole number from 1 to 65535" },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = ARENA_INIT;
        struct err err = ERR_INIT;
        struct settings s;

        CHECK_RC(ERR_INVALID,
                 load(&s, &a, ENV(cases[i].name, cases[i].value, "PROJECT", "demo"), &err));
        CHECK_STR(str_c(err.text), cases[i].text);
        arena_release(&a);
    }
}

TEST(config_reports_all_wrong_keys_and_stores_nothing)
{
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct settings s = { .project = STR("kept"), .port = 4711, .level = 42 };

    CHECK_RC(ERR_INVALID, load(&s, &a, ENV("PORT", "x", "LEVEL", "y"), &err));
    CHECK_STR(str_c(err.text), "PROJECT is not set: it must be text; "
                               "PORT is \"x\": it must be a whole number from 1 to 65535; "
                               "LEVEL is \"y\": it must be debug, info, warn or error");
    CHECK_STR(s.project, "kept");
    CHECK_INT(s.port, 4711);
    CHECK_INT(s.level, 42);
    CHECK_RC(ERR_INVALID, load(&s, &a, ENV("PORT", "x"), NULL));
    arena_release(&a);
}

TEST(config_counts_the_sentences_that_do_not_fit)
{
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct config_key many[20];
    int64_t values[20];
    size_t i;

    for (i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct config_key){ .name = "A_NUMBER",
                                       .kind = CONFIG_INT,
                                       .required = true,
                                       .offset = i * sizeof(values[0]),
                                       .help = "" };
    CHECK_RC(ERR_INVALID,
             config_load(many, ARRAY_LEN(many), values, &a, env_get, ENV("X", "y"), &err));
    CHECK(str_ends(str_c(err.text),
                   STR("A_NUMBER is not set: it must be a whole number; and 15 more")));
    arena_release(&a);
}

TEST(config_secret_may_stand_in_a_file_and_is_never_shown)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    char path[] = "/tmp/config_test.XXXXXX", value[64];
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    CHECK(write(fd, "s3cret\n", 7) == 7);
    close(fd);
    snprintf(value, sizeof(value), "@%s", path);
    CHECK_OK(load(&s, &a, ENV("PROJECT", "p", "TOKEN", value), NULL));
    CHECK_STR(s.token, "s3cret");
    CHECK_OK(load(&s, &a, ENV("PROJECT", "p", "TOKEN", "@home"), NULL));
    CHECK_STR(s.token, "@home");
    unlink(path);
    arena_release(&a);
}

TEST(config_default_that_is_wrong_is_reported_too)
{
    static const struct config_key key = { .name = "N", .kind = CONFIG_INT, .dflt = "x" };
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    int64_t n;

    CHECK_RC(ERR_INVALID, config_load(&key, 1, &n, &a, env_get, ENV("X", "y"), &err));
    CHECK_STR(str_c(err.text), "N is \"x\": it must be a whole number");
    arena_release(&a);
}

TEST(config_reads_the_process_environment)
{
    setenv("CONFIG_TEST_KEY", "value", 1);
    CHECK_STR(str_c(config_getenv("CONFIG_TEST_KEY", NULL)), "value");
    unsetenv("CONFIG_TEST_KEY");
    CHECK(!config_getenv("CONFIG_TEST_KEY", NULL));
}

TEST(config_help_describes_each_key)
{
    char text[4096] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");

    config_help(out, keys, ARRAY_LEN(keys));
    fclose(out);
    CHECK_CONTAINS(str_c(text), "  PROJECT (required)\n      Google Cloud project\n      text\n");
    CHECK_CONTAINS(str_c(text), "a whole number from 1 to 65535; default: 8080\n");
    CHECK_CONTAINS(str_c(text), "debug, info, warn or error; default: info\n");
    CHECK_CONTAINS(str_c(text), "a URL that begins with http:// or https://\n");
}
