#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Formats beside err->text first, so that the arguments may point into it. */
static PRINTF_LIKE(2, 0) void set_text(struct err *err, const char *fmt, va_list ap)
{
    char text[ERR_TEXT_MAX];

    if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
        text[0] = '\0';
    memcpy(err->text, text, strlen(text) + 1);
}

enum errc err_set(struct err *err, enum errc code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return code;
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    err->code = code;
    err->upstream = 0;
    return code;
}

enum errc err_set_upstream(struct err *err, enum errc code, long upstream, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return code;
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    err->code = code;
    err->upstream = upstream;
    return code;
}

enum errc err_wrap(struct err *err, enum errc code, const char *fmt, ...)
{
    char before[ERR_TEXT_MAX];
    size_t n, room, tail;
    va_list ap;

    if (!err)
        return code;
    memcpy(before, err->text, sizeof(before));
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    err->code = code;
    n = strlen(err->text);
    tail = strnlen(before, sizeof(before) - 1);
    if (tail == 0 || n + 3 >= sizeof(err->text))
        return code;
    memcpy(err->text + n, ": ", 2);
    n += 2;
    room = sizeof(err->text) - 1 - n;
    tail = MIN(tail, room);
    memcpy(err->text + n, before, tail);
    err->text[n + tail] = '\0';
    return code;
}

const char *errc_name(enum errc code)
{
    static const char *const names[ERRC_COUNT] = {
        [ERR_OK] = "ok",
        [ERR_INVALID] = "invalid",
        [ERR_NOT_FOUND] = "not_found",
        [ERR_DENIED] = "denied",
        [ERR_CONFLICT] = "conflict",
        [ERR_LIMIT] = "limit",
        [ERR_AGAIN] = "again",
        [ERR_TIMEOUT] = "timeout",
        [ERR_CLOSED] = "closed",
        [ERR_UPSTREAM] = "upstream",
        [ERR_IO] = "io",
        [ERR_UNSUPPORTED] = "unsupported",
        [ERR_INTERNAL] = "internal",
    };

    if ((unsigned)code >= ERRC_COUNT)
        return "unknown";
    return names[code];
}
