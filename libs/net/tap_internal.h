/* net/tap_internal.h: what servers and clients share to tell an observer (net/tap.h). */
#ifndef NET_TAP_INTERNAL_H
#define NET_TAP_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/tap.h"

extern const struct net_self net_nobody; /* where nobody has said who it is */

/* A body that goes by in pieces. */
struct tap_keep {
    struct buf kept;
    uint64_t bytes;
};
void tap_keep_init(struct tap_keep *k); /* allocates nothing */
void tap_keep_release(struct tap_keep *k);
void tap_keep_reset(struct tap_keep *k);
void tap_keep_add(struct tap_keep *k, const void *data, size_t n);
struct tap_body tap_keep_body(const struct tap_keep *k);

struct tap_body tap_body(struct str whole);
/* Header lines as they go over the wire, up to their end or an empty line. Views of `lines`. */
size_t tap_header_lines(struct arena *a, struct str lines, struct http_header **ret);
/* The same of a whole head: its first line is skipped. */
size_t tap_headers(struct arena *a, struct str head, struct http_header **ret);

#endif
