/* local_cloud/control/services.h: our six services on this machine: topics, push subscriptions and bucket
 * made, settings handed out, started and kept alive. */
#ifndef LOCAL_CLOUD_CONTROL_SERVICES_H
#define LOCAL_CLOUD_CONTROL_SERVICES_H

#include "base/arena.h"
#include "base/str.h"
#include "local_cloud/local_cloud.h"

struct services;

/* The port is known. Work goes on in the background; /local/status tells when it is done, or that a
 * service cannot be kept alive. */
struct services *services_create(struct local_cloud *lc) MUST_USE;
struct services *services_destroy(struct services *s);
void services_stop(struct services *s, void (*done)(void *arg), void *arg);
/* {"ready":bool,"error":…,"urls":{…}}. Thread-safe. */
struct str services_status(struct services *s, struct arena *a);

#endif
