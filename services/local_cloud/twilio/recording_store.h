/* local_cloud/twilio/recording_store.h: finished recordings in the SQLite store: what is known of them, and their
 * audio in parts. Blocks: for workers and for the start of the program. */
#ifndef LOCAL_CLOUD_TWILIO_RECORDING_STORE_H
#define LOCAL_CLOUD_TWILIO_RECORDING_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "local_cloud/twilio/recordings.h"

struct store;

MUST_USE enum errc recording_store_open(struct store *s, struct err *err);
/* Calls found() for each, oldest first; texts are borrowed. */
void recording_store_load(struct store *s,
                          void (*found)(void *arg, const struct recording_info *info,
                                        int64_t samples, struct str source),
                          void *arg);
/* Copies the whole file; memory does not depend on its length. */
MUST_USE enum errc recording_store_save(struct store *s, const struct recording_info *info,
                                        int64_t samples, int fd, struct err *err);
MUST_USE enum errc recording_store_delete(struct store *s, struct str sid, struct err *err);
/* Up to n bytes from `offset` on; fewer at the end. */
size_t recording_store_read(struct store *s, struct str sid, int64_t offset, uint8_t *out,
                            size_t n);

#endif
