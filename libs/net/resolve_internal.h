/* net/resolve_internal.h: names to addresses without blocking the loop: getaddrinfo() on a thread of its
 * own, so that /etc/hosts, search lists and every name server count. Address literals and "localhost"
 * (RFC 6761) are answered without it. */
#ifndef NET_RESOLVE_INTERNAL_H
#define NET_RESOLVE_INTERNAL_H

#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"

enum {
    RESOLVE_ADDRESSES_MAX = 8,
    RESOLVE_THREADS_MAX = 16, /* look-ups at a time in the process; beyond them ERR_LIMIT */
};

struct resolved {
    char ip[RESOLVE_ADDRESSES_MAX][48];
    int n;
};

struct resolve; /* a look-up in flight */

/* True when no look-up is needed: *ret is filled. */
bool resolve_literal(struct resolved *ret, const char *name);
/* fn(arg, …) on the loop thread, later; `why` is NULL on success. */
MUST_USE enum errc resolve_start(struct resolve **ret, struct loop *l, const char *name,
                                 void (*fn)(void *arg, const struct resolved *r, const char *why),
                                 void *arg, struct err *err);
/* fn will not be called. The thread ends when the system lets it. Returns NULL. */
struct resolve *resolve_cancel(struct resolve *r);

#endif
