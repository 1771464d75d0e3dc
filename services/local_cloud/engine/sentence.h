/* local_cloud/engine/sentence.h: recognised words as a transcript is written: "I'd like a check up
 * on Thursday." English. */
#ifndef LOCAL_CLOUD_ENGINE_SENTENCE_H
#define LOCAL_CLOUD_ENGINE_SENTENCE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* Appends. Capital letters for the first word, "I", weekdays and months; a full stop. */
void sentence_write(struct buf *out, struct str words);
/* Bytes of the first sentence of `text`, its end mark and the blanks behind it included. */
size_t sentence_first(struct str text);

#endif
