/* base/log.h: one line for each event. JSON with Cloud Logging's fields (severity, message, time,
 * logging.googleapis.com/trace, labels) when the output is no terminal, a readable coloured form when it
 * is. Each line is one write(2) of at most LOG_LINE_MAX bytes. A message is text with key=value, units in
 * the keys; secrets, audio, whole transcripts and unmasked caller numbers do not belong in it. Thread-safe.
 * Libraries return errors; services log, once, where they decide.
 * Source: Google Cloud, Logging > Structured logging. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"

enum { LOG_LINE_MAX = 16384, LOG_ID_MAX = 64 };

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_AUTO, LOG_JSON, LOG_TEXT };

struct log_sink; /* where lines go; one for each process */

struct log_sink *log_sink_create(int fd, enum log_format format, enum log_level level,
                                 const char *service, const struct clock *clock) MUST_USE;
struct log_sink *log_sink_destroy(struct log_sink *s);
/* Tests: lines go to fn instead of a descriptor, one at a time, as JSON without a line end. */
struct log_sink *log_sink_create_fn(void (*fn)(void *arg, enum log_level level, struct str line),
                                    void *arg, enum log_level level,
                                    const struct clock *clock) MUST_USE;

/* A small value, copied freely: the sink and what is bound to every line of this object. A zeroed one
 * logs nowhere. */
struct log {
    struct log_sink *sink;
    char call_sid[LOG_ID_MAX];
    char request_id[LOG_ID_MAX];
    char trace[LOG_ID_MAX]; /* 32 hexadecimal digits */
};

struct log log_root(struct log_sink *sink);
struct log log_with_call(const struct log *l, struct str call_sid);
struct log log_with_request(const struct log *l, struct str request_id, struct str trace);

bool log_enabled(const struct log *l, enum log_level level);
void log_write(const struct log *l, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_debug(l, ...) log_write((l), LOG_DEBUG, __VA_ARGS__)
#define log_info(l, ...) log_write((l), LOG_INFO, __VA_ARGS__)
#define log_warn(l, ...) log_write((l), LOG_WARN, __VA_ARGS__)
#define log_error(l, ...) log_write((l), LOG_ERROR, __VA_ARGS__)

/* "debug" … "error"; ERR_INVALID otherwise. */
MUST_USE enum errc log_level_parse(struct str s, enum log_level *ret);

/* "+49301234567" -> "+4930*****67": enough to recognise, not enough to call. Writes at most out_size. */
void log_mask_number(char *out, size_t out_size, struct str number);

#endif
