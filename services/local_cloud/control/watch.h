/* local_cloud/control/watch.h: one call that somebody follows: happenings are put in from any thread and
 * taken out, in order, by the thread that writes them to the follower. */
#ifndef LOCAL_CLOUD_CONTROL_WATCH_H
#define LOCAL_CLOUD_CONTROL_WATCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct watch;
struct watches; /* all of a program */

enum { WATCH_LINES_MAX = 4096 }; /* further ones are dropped and counted */

struct watches *watches_create(void) MUST_USE;
struct watches *watches_destroy(struct watches *w);

struct watch *watch_open(struct watches *w) MUST_USE;
void watch_close(struct watch *w);
void watch_set_call(struct watch *w, struct str call_sid);
/* Copies the line (one JSON object). */
void watch_put(struct watch *w, struct str line);
/* To whoever follows this call. True when somebody does. */
bool watches_put(struct watches *w, struct str call_sid, struct str line);
/* The line {"kind":kind,key:detail}. */
void watch_tell(struct watch *w, const char *kind, const char *key, struct str detail);
bool watches_tell(struct watches *w, struct str call_sid, const char *kind, struct str detail);
/* Waits up to `wait_ms` for the next line; false: none came. Appends it to `out`. */
bool watch_take(struct watch *w, struct buf *out, int wait_ms);

#endif
