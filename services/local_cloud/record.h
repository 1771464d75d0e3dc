/* local_cloud/record.h: everything that was said to this program and by it, one JSON object a line, as
 * docs/local-cloud.md describes it: so that judges can read what our services and our stand-ins really
 * send. Credentials in Authorization headers are left out. */
#ifndef LOCAL_CLOUD_RECORD_H
#define LOCAL_CLOUD_RECORD_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "net/tap.h"

/* Of the file. Nothing more is recorded then, and one warning is logged. */
#define RECORD_FILE_MAX ((int64_t)512 * 1024 * 1024)

struct record;

/* Replaces the file. `clock` and the sink of `log` outlive the record. ERR_IO names the path. */
MUST_USE enum errc record_create(struct record **ret, const char *path, const struct clock *clock,
                                 const struct log *log, struct err *err);
struct record *record_destroy(struct record *r);
/* Tests: another limit than RECORD_FILE_MAX. */
void record_limit(struct record *r, int64_t bytes);
/* Lives as long as the record. Each line is written whole, by one write(2), before the callback returns. From
 * any thread. */
const struct net_tap *record_tap(const struct record *r);

#endif
