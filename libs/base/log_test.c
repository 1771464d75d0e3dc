#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "test.h"

static const int64_t MORNING_US = 1795510800123456; /* 2026-11-24T09:00:00.123456Z */

struct seen {
    struct buf text; /* lines, each ended by LF */
    enum log_level level;
    int lines;
};

static void on_line(void *arg, enum log_level level, struct str line)
{
    struct seen *s = arg;

    buf_add_str(&s->text, line);
    buf_add_char(&s->text, '\n');
    s->level = level;
    s->lines++;
}

/* A sink whose lines are kept, with a clock that stands still. */
struct fixture {
    struct clock_fake clock;
    struct seen seen;
    struct log_sink *sink;
    struct log log;
};

static void fixture_open(struct fixture *f, enum log_level level)
{
    clock_fake_init(&f->clock, MORNING_US);
    f->seen = (struct seen){ .text = BUF_INIT(1 << 20) };
    f->sink = log_sink_create_fn(on_line, &f->seen, level, &f->clock.clock);
    f->log = log_root(f->sink);
}

static void fixture_close(struct fixture *f)
{
    f->sink = log_sink_destroy(f->sink);
    CHECK(!f->sink);
    buf_release(&f->seen.text);
}

TEST(log_line_has_the_fields_of_cloud_logging)
{
    struct fixture f;
    struct log call, request;

    fixture_open(&f, LOG_DEBUG);
    log_info(&f.log, "listening port=%d", 8080);
    call = log_with_call(&f.log, STR("CA1"));
    log_warn(&call, "slow reply_ms=900");
    request = log_with_request(&call, STR("req-1"), STR("0123456789abcdef0123456789abcdef"));
    log_error(&request, "broken");
    CHECK_STR(buf_str(&f.seen.text),
              "{\"severity\":\"INFO\",\"time\":\"2026-11-24T09:00:00.123456Z\","
              "\"message\":\"listening port=8080\"}\n"
              "{\"severity\":\"WARNING\",\"time\":\"2026-11-24T09:00:00.123456Z\","
              "\"logging.googleapis.com/labels\":{\"call_sid\":\"CA1\"},"
              "\"message\":\"slow reply_ms=900\"}\n"
              "{\"severity\":\"ERROR\",\"time\":\"2026-11-24T09:00:00.123456Z\","
              "\"logging.googleapis.com/labels\":{\"call_sid\":\"CA1\",\"request_id\":\"req-1\"},"
              "\"logging.googleapis.com/trace\":\"0123456789abcdef0123456789abcdef\","
              "\"message\":\"broken\"}\n");
    CHECK_INT(f.seen.level, LOG_ERROR);
    fixture_close(&f);
}

TEST(log_below_the_level_writes_nothing)
{
    struct fixture f;

    fixture_open(&f, LOG_WARN);
    log_debug(&f.log, "no");
    log_info(&f.log, "no");
    CHECK(!log_enabled(&f.log, LOG_INFO) && log_enabled(&f.log, LOG_WARN));
    log_warn(&f.log, "yes");
    CHECK_INT(f.seen.lines, 1);
    fixture_close(&f);
    fixture_open(&f, LOG_OFF);
    log_error(&f.log, "no");
    log_write(&f.log, LOG_OFF, "no");
    CHECK_INT(f.seen.lines, 0);
    fixture_close(&f);
}

TEST(log_that_is_zeroed_or_null_writes_nowhere)
{
    struct log zeroed = { 0 };
    struct log bound = log_with_call(&zeroed, STR("CA1"));

    log_error(&zeroed, "x");
    log_error(&bound, "x");
    log_error(NULL, "x");
    CHECK(!log_enabled(NULL, LOG_ERROR));
    CHECK(!log_sink_destroy(NULL));
}

TEST(log_leaves_errno_alone)
{
    struct fixture f;

    fixture_open(&f, LOG_DEBUG);
    errno = ENOENT;
    log_error(&f.log, "x");
    CHECK_INT(errno, ENOENT);
    fixture_close(&f);
}

static const char hostile[] = "\"},{\\\"severity\\\":\"\n\r\t\x01\x1b[31m\x7f\xff\xc3\xed\xa0\x80"
                              "\xc2\x9b"
                              "31m\xe2\x82\xac</script>%s";

TEST(log_line_stays_valid_json_with_hostile_text)
{
    struct fixture f;
    struct log call;
    struct json *doc = NULL;
    struct str message;

    fixture_open(&f, LOG_DEBUG);
    call = log_with_request(&f.log, str_c(hostile), STR("\"x"));
    call = log_with_call(&call, str_c(hostile));
    log_info(&call, "%s", hostile);
    CHECK_INT(str_find_char(buf_str(&f.seen.text), '\n'), f.seen.text.n - 1);
    CHECK_INT(f.seen.lines, 1);
    CHECK_OK(json_parse(&doc, str_trim(buf_str(&f.seen.text)), NULL));
    CHECK_INT(json_len(json_root(doc)), 5);
    message = json_str(json_get(json_root(doc), "message"));
    CHECK(str_starts(message, STR("\"},{\\\"severity\\\":\"\n\r\t\x01\x1b[31m\x7f\xef\xbf\xbd")));
    CHECK(str_ends(message, STR("\xe2\x82\xac</script>%s")));
    json_destroy(doc);
    fixture_close(&f);
}

TEST(log_line_that_is_too_long_is_cut_between_characters)
{
    static const char *const pieces[] = { "x",  "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x93\x9e",
                                          "\"", "\x01",     "\xff" };
    struct buf text = BUF_INIT((size_t)8 * LOG_LINE_MAX);
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(pieces); i++) {
        struct json *doc = NULL;
        struct fixture f;
        struct str line;

        fixture_open(&f, LOG_DEBUG);
        buf_reset(&text);
        for (k = 0; k < LOG_LINE_MAX; k++)
            buf_add_c(&text, pieces[i]);
        log_info(&f.log, "%s", buf_cstr(&text));
        line = str_trim(buf_str(&f.seen.text));
        CHECK(line.n <= LOG_LINE_MAX - 1 && line.n >= LOG_LINE_MAX - 32);
        CHECK_OK(json_parse(&doc, line, NULL));
        CHECK(str_ends(json_str(json_get(json_root(doc), "message")), STR("\xe2\x80\xa6")));
        json_destroy(doc);
        fixture_close(&f);
    }
    buf_release(&text);
}

static size_t read_some(int fd, char *out, size_t size)
{
    ssize_t n = read(fd, out, size);

    return n > 0 ? (size_t)n : 0;
}

TEST(log_to_a_pipe_is_json_with_the_service_as_label)
{
    struct clock_fake clock;
    struct log_sink *sink;
    struct log log;
    char line[1000];
    int fds[2];

    clock_fake_init(&clock, MORNING_US);
    CHECK(pipe(fds) == 0);
    sink = log_sink_create(fds[1], LOG_AUTO, LOG_INFO, "tool-gateway", &clock.clock);
    log = log_root(sink);
    log_info(&log, "ready");
    CHECK_STR(str_n(line, read_some(fds[0], line, sizeof(line))),
              "{\"severity\":\"INFO\",\"time\":\"2026-11-24T09:00:00.123456Z\","
              "\"logging.googleapis.com/labels\":{\"service\":\"tool-gateway\"},"
              "\"message\":\"ready\"}\n");
    log_sink_destroy(sink);
    close(fds[0]);
    close(fds[1]);
}

TEST(log_as_text_is_readable_and_has_no_control_characters)
{
    struct clock_fake clock;
    struct log_sink *sink;
    struct log log, call;
    char line[1000];
    int fds[2];

    clock_fake_init(&clock, MORNING_US);
    CHECK(pipe(fds) == 0);
    sink = log_sink_create(fds[1], LOG_TEXT, LOG_DEBUG, "tool-gateway", &clock.clock);
    log = log_root(sink);
    call = log_with_request(&log, STR("r1"), STR("t1"));
    call = log_with_call(&call, STR("CA1"));
    log_warn(&call, "said=\"%s\" x\\y", "a\x1b[2J\nb\x9b\xc2\x9b\tc");
    CHECK_STR(str_n(line, read_some(fds[0], line, sizeof(line))),
              "09:00:00.123 WARN  tool-gateway said=\"a\\u001b[2J\\nb\xef\xbf\xbd\\u009b\\u0009c\" "
              "x\\y call_sid=CA1 request_id=r1\n");
    log_sink_destroy(sink);
    close(fds[0]);
    close(fds[1]);
}

TEST(log_to_a_terminal_is_coloured_text)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY), fd;
    char *before = getenv("NO_COLOR"), line[1000];
    struct clock_fake clock;
    struct log_sink *sink;
    struct log log;

    CHECK(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    fd = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    CHECK(fd >= 0);
    clock_fake_init(&clock, MORNING_US);
    if (before)
        unsetenv("NO_COLOR");
    sink = log_sink_create(fd, LOG_AUTO, LOG_INFO, "bridge", &clock.clock);
    log = log_root(sink);
    log_error(&log, "broken");
    CHECK_STR(str_n(line, read_some(terminal, line, sizeof(line))),
              "09:00:00.123 \x1b[31mERROR \x1b[0mbridge broken\x1b[2m\x1b[0m\r\n");
    log_sink_destroy(sink);
    setenv("NO_COLOR", "1", 1);
    sink = log_sink_create(fd, LOG_AUTO, LOG_INFO, "bridge", &clock.clock);
    log = log_root(sink);
    log_info(&log, "plain");
    CHECK_STR(str_n(line, read_some(terminal, line, sizeof(line))),
              "09:00:00.123 INFO  bridge plain\r\n");
    if (!before)
        unsetenv("NO_COLOR");
    log_sink_destroy(sink);
    close(fd);
    close(terminal);
}

TEST(log_whose_reader_has_gone_or_stalls_does_not_hang)
{
    struct clock_fake clock;
    struct log_sink *sink;
    struct log log;
    int fds[2], i;

    clock_fake_init(&clock, MORNING_US);
    CHECK(pipe2(fds, O_NONBLOCK) == 0);
    sink = log_sink_create(fds[1], LOG_JSON, LOG_INFO, "x", &clock.clock);
    log = log_root(sink);
    CHECK(fcntl(fds[1], F_SETPIPE_SZ, 4096) > 0);
    for (i = 0; i < 60; i++)
        log_info(&log, "a line of some length that fills the pipe in the end");
    close(fds[0]);
    log_info(&log, "nobody reads");
    log_sink_destroy(sink);
    close(fds[1]);
}

enum { WRITERS = 4, LINES_EACH = 200 };

struct writer {
    struct log log;
    int number;
};

static void *write_lines(void *arg)
{
    const struct writer *w = arg;
    char filler[6000]; /* longer than PIPE_BUF: the kernel alone would mix them */
    int i;

    memset(filler, 'a' + w->number, sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    for (i = 0; i < LINES_EACH; i++)
        log_info(&w->log, "writer=%d line=%d %s", w->number, i, filler);
    return NULL;
}

/* Each line is whole, and those of one writer come in its order. */
static void check_lines(FILE *in)
{
    static char line[LOG_LINE_MAX];
    int next[WRITERS] = { 0 }, total = 0;

    while (fgets(line, sizeof(line), in)) {
        struct json *doc = NULL;
        struct str message;
        int writer, number;

        CHECK_OK(json_parse(&doc, str_trim(str_c(line)), NULL));
        message = json_str(json_get(json_root(doc), "message"));
        CHECK_INT(sscanf(message.p, "writer=%d line=%d", &writer, &number), 2);
        CHECK_INT(number, next[writer]++);
        CHECK_INT(message.p[message.n - 1], 'a' + writer);
        json_destroy(doc);
        total++;
    }
    CHECK_INT(total, WRITERS * LINES_EACH);
}

struct lines_writer {
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    int fd;
};

static void *run_writers(void *arg)
{
    struct lines_writer *all = arg;
    int i;

    for (i = 0; i < WRITERS; i++)
        pthread_create(&all->threads[i], NULL, write_lines, &all->writers[i]);
    for (i = 0; i < WRITERS; i++)
        pthread_join(all->threads[i], NULL);
    close(all->fd);
    return NULL;
}

TEST(log_lines_of_several_threads_do_not_mix)
{
    struct clock clock = clock_system(0);
    struct lines_writer all;
    struct log_sink *sink;
    pthread_t runner;
    int fds[2], i;
    FILE *in;

    CHECK(pipe(fds) == 0);
    sink = log_sink_create(fds[1], LOG_JSON, LOG_INFO, "x", &clock);
    all.fd = fds[1];
    for (i = 0; i < WRITERS; i++)
        all.writers[i] = (struct writer){ log_root(sink), i };
    CHECK(pthread_create(&runner, NULL, run_writers, &all) == 0);
    in = fdopen(fds[0], "r");
    CHECK(in);
    check_lines(in);
    pthread_join(runner, NULL);
    fclose(in);
    log_sink_destroy(sink);
}

TEST(log_binds_ids_up_to_their_maximum)
{
    struct fixture f;
    struct log call;
    char text[200];

    memset(text, 'x', sizeof(text));
    fixture_open(&f, LOG_INFO);
    call = log_with_call(&f.log, str_n(text, sizeof(text)));
    CHECK_INT(strlen(call.call_sid), LOG_ID_MAX - 1);
    log_info(&call, "x");
    CHECK_INT(f.seen.lines, 1);
    fixture_close(&f);
}

TEST(log_levels_have_names)
{
    enum log_level level = LOG_OFF;

    CHECK_OK(log_level_parse(STR("debug"), &level));
    CHECK_INT(level, LOG_DEBUG);
    CHECK_OK(log_level_parse(STR("info"), &level));
    CHECK_OK(log_level_parse(STR("warn"), &level));
    CHECK_OK(log_level_parse(STR("error"), &level));
    CHECK_INT(level, LOG_ERROR);
    CHECK_RC(ERR_INVALID, log_level_parse(STR("loud"), &level));
    CHECK_RC(ERR_INVALID, log_level_parse(STR(""), &level));
    CHECK_RC(ERR_INVALID, log_level_parse(STR("off"), &level));
    CHECK_INT(level, LOG_ERROR);
}

TEST(log_masks_numbers_so_that_none_can_be_called)
{
    static const struct {
        const char *number, *want;
    } cases[] = {
        { "+49301234567", "+4930*****67" },
        { "+14155550100", "+1415*****00" },
        { "+4930123456789", "+4930*******89" },
        { "12345678901", "12345****01" },
        { "1234567890", "1234****90" },
        { "1234567", "1****67" },
        { "123456", "******" },
        { "112", "***" },
        { "", "" },
    };
    char out[32];
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        log_mask_number(out, sizeof(out), str_c(cases[i].number));
        CHECK_STR(str_c(out), cases[i].want);
    }
    log_mask_number(out, 8, STR("+49301234567"));
    CHECK_STR(str_c(out), "+4930**");
    log_mask_number(out, 1, STR("+49301234567"));
    CHECK_STR(str_c(out), "");
    log_mask_number(out, 0, STR("+49301234567"));
}
