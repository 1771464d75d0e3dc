/* base/err.h: what went wrong, as a kind that a caller can act on and a sentence that a person can.
 * Codes of other libraries (errno, CURLcode, HTTP status) end in the module that met them: they become
 * an errc, with the original in err.upstream. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/macros.h"

enum errc {
    ERR_OK = 0,
    ERR_INVALID, /* the input is malformed or out of range; repeating it will not help */
    ERR_NOT_FOUND,
    ERR_DENIED,   /* not authenticated or not allowed */
    ERR_CONFLICT, /* exists already, changed meanwhile, taken */
    ERR_LIMIT,    /* a named bound is reached; nothing was added */
    ERR_AGAIN,    /* not now; worth repeating later */
    ERR_TIMEOUT,
    ERR_CLOSED,      /* the peer or the object is gone */
    ERR_UPSTREAM,    /* somebody else's service failed; may or may not have acted */
    ERR_IO,          /* the operating system refused */
    ERR_UNSUPPORTED, /* understood, but not done here */
    ERR_INTERNAL,    /* our own mistake */
    ERRC_COUNT,
};

enum { ERR_TEXT_MAX = 320 };

/* Callers start with ERR_INIT; every function that takes a struct err accepts NULL. */
struct err {
    enum errc code;
    long upstream; /* errno, HTTP status, close code…, 0: none */
    char text[ERR_TEXT_MAX];
};
#define ERR_INIT       \
    {                  \
        .code = ERR_OK \
    }

/* Sets kind and sentence, clears `upstream`; returns `code`, so that it can stand in a return. */
enum errc err_set(struct err *err, enum errc code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same, and keeps the foreign code that led to it. */
enum errc err_set_upstream(struct err *err, enum errc code, long upstream, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Adds what the caller was doing: the text becomes "<this>: <what was there>". Returns `code`. */
enum errc err_wrap(struct err *err, enum errc code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "not_found" and so on; never NULL. */
const char *errc_name(enum errc code);

#endif
