/* base/macros.h: compiler attributes and the few macros used everywhere. */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H

#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
/* For a large buffer on the stack that is written before it is read: the release build zeroes others
 * (-ftrivial-auto-var-init), which costs more than what is done with a short line. */
#define UNINITIALIZED __attribute__((uninitialized))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#endif
