#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    LOG_SERVICE_MAX = 64,
    LOG_TAIL_BYTES = 16,    /* kept free for what ends a line that was cut */
    LOG_STALL_MAX_MS = 100, /* a reader that takes nothing for so long loses the line */
};

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const severities[] = { "DEBUG", "INFO", "WARNING", "ERROR" };

struct log_sink {
    pthread_mutex_t lock; /* a write(2) longer than PIPE_BUF may otherwise mix with another one */
    int fd;
    bool text, colour;
    enum log_level level;
    const struct clock *clock;
    void (*fn)(void *arg, enum log_level level, struct str line);
    void *arg;
    char service[LOG_SERVICE_MAX];
};

/* A line being made. It never overflows: `full` is set and the rest dropped. */
struct line {
    char p[LOG_LINE_MAX];
    size_t n;
    bool full;
};

static struct log_sink *sink_create(enum log_level level, const struct clock *clock)
{
    struct log_sink *s = MEM_NEW(struct log_sink);

    pthread_mutex_init(&s->lock, NULL);
    s->fd = -1;
    s->level = level;
    s->clock = clock;
    return s;
}

struct log_sink *log_sink_create(int fd, enum log_format format, enum log_level level,
                                 const char *service, const struct clock *clock)
{
    struct log_sink *s = sink_create(level, clock);
    bool terminal = isatty(fd) == 1;

    s->fd = fd;
    s->text = format == LOG_TEXT || (format == LOG_AUTO && terminal);
    s->colour = terminal && !getenv("NO_COLOR");
    (void)str_copy(s->service, sizeof(s->service), str_c(service)); /* cut when it is longer */
    return s;
}

struct log_sink *log_sink_create_fn(void (*fn)(void *arg, enum log_level level, struct str line),
                                    void *arg, enum log_level level, const struct clock *clock)
{
    struct log_sink *s = sink_create(level, clock);

    s->fn = fn;
    s->arg = arg;
    return s;
}

struct log_sink *log_sink_destroy(struct log_sink *s)
{
    if (!s)
        return NULL;
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
    return NULL;
}

struct log log_root(struct log_sink *sink)
{
    return (struct log){ .sink = sink };
}

struct log log_with_call(const struct log *l, struct str call_sid)
{
    struct log bound = *l;

    (void)str_copy(bound.call_sid, sizeof(bound.call_sid), call_sid);
    return bound;
}

struct log log_with_request(const struct log *l, struct str request_id, struct str trace)
{
    struct log bound = *l;

    (void)str_copy(bound.request_id, sizeof(bound.request_id), request_id);
    (void)str_copy(bound.trace, sizeof(bound.trace), trace);
    return bound;
}

bool log_enabled(const struct log *l, enum log_level level)
{
    return l && l->sink && level >= l->sink->level && level < LOG_OFF;
}

static void put(struct line *line, const char *p, size_t n)
{
    if (line->full || n > sizeof(line->p) - LOG_TAIL_BYTES - line->n) {
        line->full = true;
        return;
    }
    memcpy(line->p + line->n, p, n);
    line->n += n;
}

static void put_c(struct line *line, const char *s)
{
    put(line, s, strlen(s));
}

/* The end of a line always fits: LOG_TAIL_BYTES were kept for it. */
static void put_tail(struct line *line, const char *s)
{
    size_t n = strlen(s);

    memcpy(line->p + line->n, s, n);
    line->n += n;
}

/* One character, so that a cut never splits one; what is no UTF-8 becomes U+FFFD. Returns its length. */
static size_t put_char(struct line *line, struct str s, bool json)
{
    size_t len = str_utf8_next(s);
    unsigned char c = (unsigned char)s.p[0];
    char escaped[8];

    if (len == 0) {
        put_c(line, "\xef\xbf\xbd");
        return 1;
    }
    if (json && (c == '"' || c == '\\')) {
        escaped[0] = '\\';
        escaped[1] = (char)c;
        put(line, escaped, 2);
    } else if (c == '\n') {
        put_c(line, "\\n");
    } else if (c == '\t' && json) {
        put_c(line, "\\t");
    } else if (c < 0x20 || c == 0x7f) {
        /* On a terminal too: a control sequence in a caller's name must not act on it. */
        snprintf(escaped, sizeof(escaped), "\\u%04x", c);
        put_c(line, escaped);
    } else if (len == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0) {
        snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)(unsigned char)s.p[1]); /* C1 */
        put_c(line, escaped);
    } else {
        put(line, s.p, len);
    }
    return len;
}

static void put_escaped(struct line *line, struct str s, bool json)
{
    while (s.n && !line->full)
        s = str_from(s, put_char(line, s, json));
}

static void put_member(struct line *line, const char *before, const char *value)
{
    if (!value[0])
        return;
    put_c(line, before);
    put_escaped(line, str_c(value), true);
    put_c(line, "\"");
}

/* The labels that are set, as an object: the comma stands between two of them. */
static void put_labels(struct line *line, const struct log *l)
{
    const struct {
        const char *key, *value;
    } labels[] = {
        { "\"service\":\"", l->sink->service },
        { "\"call_sid\":\"", l->call_sid },
        { "\"request_id\":\"", l->request_id },
    };
    bool any = false;
    size_t i;

    for (i = 0; i < ARRAY_LEN(labels); i++) {
        if (!labels[i].value[0])
            continue;
        put_c(line, any ? "," : ",\"logging.googleapis.com/labels\":{");
        put_member(line, labels[i].key, labels[i].value);
        any = true;
    }
    if (any)
        put_c(line, "}");
}

/* The message comes last: a line that is too long is cut there and stays valid JSON. */
static void line_json(struct line *line, const struct log *l, enum log_level level,
                      struct str message)
{
    char now[TIME_TEXT_MAX];

    time_rfc3339(now, clock_wall_us(l->sink->clock));
    put_c(line, "{\"severity\":\"");
    put_c(line, severities[level]);
    put_c(line, "\",\"time\":\"");
    put_c(line, now);
    put_c(line, "\"");
    put_labels(line, l);
    put_member(line, ",\"logging.googleapis.com/trace\":\"", l->trace);
    put_c(line, ",\"message\":\"");
    put_escaped(line, message, true);
    put_tail(line, line->full ? "\xe2\x80\xa6\"}" : "\"}");
}

static void put_bound(struct line *line, const char *key, const char *value)
{
    if (!value[0])
        return;
    put_c(line, key);
    put_escaped(line, str_c(value), false);
}

/* "09:00:00.000 INFO  tool-gateway message call_sid=CA…" */
static void line_text(struct line *line, const struct log *l, enum log_level level,
                      struct str message)
{
    static const char *const heads[] = { "DEBUG ", "INFO  ", "WARN  ", "ERROR " };
    static const char *const colours[] = { "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m" };
    bool colour = l->sink->colour;
    char now[TIME_TEXT_MAX];

    time_rfc3339(now, clock_wall_us(l->sink->clock));
    put(line, now + strlen("2026-11-24T"), strlen("09:00:00.000"));
    put_c(line, " ");
    put_c(line, colour ? colours[level] : "");
    put_c(line, heads[level]);
    put_c(line, colour ? "\x1b[0m" : "");
    put_escaped(line, str_c(l->sink->service), false);
    put_c(line, l->sink->service[0] ? " " : "");
    put_escaped(line, message, false);
    put_c(line, colour ? "\x1b[2m" : "");
    put_bound(line, " call_sid=", l->call_sid);
    put_bound(line, " request_id=", l->request_id);
    put_tail(line, line->full ? "\xe2\x80\xa6" : "");
    put_tail(line, colour ? "\x1b[0m" : "");
}

/* One write; more only when the descriptor takes a part, or is not blocking and full. */
static void write_line(int fd, const char *p, size_t n)
{
    struct pollfd wait = { .fd = fd, .events = POLLOUT };

    while (n) {
        ssize_t done = write(fd, p, n);

        if (done >= 0) {
            p += done;
            n -= (size_t)done;
        } else if (errno == EAGAIN) {
            if (poll(&wait, 1, LOG_STALL_MAX_MS) <= 0)
                return;
        } else if (errno != EINTR) {
            return; /* there is nowhere to say it */
        }
    }
}

static void emit(struct log_sink *s, enum log_level level, struct line *line)
{
    if (!s->fn)
        put_tail(line, "\n");
    pthread_mutex_lock(&s->lock);
    if (s->fn)
        s->fn(s->arg, level, str_n(line->p, line->n));
    else
        write_line(s->fd, line->p, line->n);
    pthread_mutex_unlock(&s->lock);
}

void log_write(const struct log *l, enum log_level level, const char *fmt, ...)
{
    int errnum = errno; /* logging must not disturb the caller's */
    char message[LOG_LINE_MAX] UNINITIALIZED;
    struct line line UNINITIALIZED;
    va_list ap;

    if (!log_enabled(l, level))
        return;
    va_start(ap, fmt);
    if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
        (void)str_copy(message, sizeof(message), str_c(fmt));
    va_end(ap);
    line.n = 0;
    line.full = false;
    if (l->sink->text)
        line_text(&line, l, level, str_c(message));
    else
        line_json(&line, l, level, str_c(message));
    emit(l->sink, level, &line);
    errno = errnum;
}

enum errc log_level_parse(struct str s, enum log_level *ret)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_eq_c(s, level_names[i])) {
            *ret = (enum log_level)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

void log_mask_number(char *out, size_t out_size, struct str number)
{
    enum { HEAD = 5, TAIL = 2, HIDDEN_MIN = 4 };
    bool enough = number.n > HIDDEN_MIN + TAIL;
    size_t head = enough ? MIN(number.n - HIDDEN_MIN - TAIL, (size_t)HEAD) : 0;
    size_t tail = enough ? TAIL : 0;
    size_t i;

    if (out_size == 0)
        return;
    for (i = 0; i < number.n && i + 1 < out_size; i++)
        out[i] = i < head || i >= number.n - tail ? number.p[i] : '*';
    out[i] = '\0';
}
