/* net/loop_lws_internal.h: libwebsockets' side of the loop, so that loop.c includes none of its headers. */
#ifndef NET_LOOP_LWS_INTERNAL_H
#define NET_LOOP_LWS_INTERNAL_H

#include <stdbool.h>

#include "base/err.h"

struct loop;
struct lws;
struct lws_context;

MUST_USE enum errc loop_lws_create(struct lws_context **ret, struct loop *l, struct err *err);
void loop_lws_destroy(struct lws_context *cx);

/* lws -> loop: interest begins or ends; both ending at once means that lws is about to close it. */
void loop_lws_io(struct loop *l, struct lws *wsi, int fd, unsigned start, unsigned stop);

/* loop -> lws */
void loop_lws_service(struct lws_context *cx, int fd, unsigned want, unsigned events);
bool loop_lws_partial(struct lws *wsi); /* part of a message still waits for the socket */
int loop_lws_fd(struct lws *wsi);
int loop_lws_wait_ms(struct lws_context *cx, int wait_ms);
void loop_lws_forced(
    struct lws_context *cx); /* what is readable without the kernel: TLS, resumed reading */

#endif
