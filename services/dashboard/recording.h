/* dashboard/recording.h: a call's audio and transcript, streamed from Cloud Storage. One byte
 * range is honoured (206), which is what players ask for to seek; several at once, and what is no
 * range, get the whole (200), as RFC 9110 §14.2 allows; one that begins past the end gets 416. */
#ifndef DASHBOARD_RECORDING_H
#define DASHBOARD_RECORDING_H

#include <stdint.h>

#include "base/str.h"

struct http_req;

enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_OUTSIDE };

struct byte_range {
    int64_t from, to; /* both included */
};
/* `header` as sent, empty: absent. *ret is set with RANGE_PART, within 0 … size-1. */
enum range_kind range_parse(struct str header, int64_t size, struct byte_range *ret);

void on_recording(void *app, struct http_req *r);
void on_transcript(void *app, struct http_req *r);

#endif
