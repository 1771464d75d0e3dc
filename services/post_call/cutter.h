/* post_call/cutter.h: cuts the channels of a recording into utterances: stretches of speech of one speaker,
 * cut where it is silent. The channels are listened to side by side, a hop at a time, so that an utterance
 * ends early when the other side begins to speak: sorted by their start, utterances read as the talk went.
 *
 * Speech is what is louder than the channel's own noise (the quietest hop of the last seconds) and than a
 * fixed floor. When in doubt it is speech: a noise costs one request, a missed word is lost. Memory is fixed
 * at create. Samples: 16-bit linear. */
#ifndef POST_CALL_CUTTER_H
#define POST_CALL_CUTTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CUTTER_CHANNELS = 2, /* at most */
    CUTTER_HOP_MS = 20,
    CUTTER_END_MS = 900,        /* so much silence ends an utterance */
    CUTTER_END_TURN_MS = 400,   /* while the other side speaks */
    CUTTER_LEAD_MS = 240,       /* kept before the first and after the last loud hop */
    CUTTER_SPEECH_MIN_MS = 100, /* less loud than that in all is a click, and dropped */
    CUTTER_UTTERANCE_MAX_MS = 60000,
    /* Of one utterance's samples, whatever the rate; far below the 25 MB that a transcription takes. */
    CUTTER_UTTERANCE_BYTES_MAX = 1024 * 1024,
};

struct utterance {
    int channel;            /* 0, 1 */
    int64_t from;           /* frame of the recording */
    const int16_t *samples; /* borrowed until the handler returns */
    size_t n;
};
/* An error ends the cutting: it is returned to whoever fed the samples. */
typedef enum errc (*utterance_fn)(void *arg, const struct utterance *u, struct err *err);

struct cutter;

struct cutter *cutter_create(int channels, int hz, utterance_fn fn, void *arg) MUST_USE;
struct cutter *cutter_destroy(struct cutter *c);

size_t cutter_hop_frames(const struct cutter *c);
/* Forgets what it has heard; the next hop is at frame `at`. */
void cutter_reset(struct cutter *c, int64_t at);
/* The next cutter_hop_frames() frames, fewer at the end of the recording. */
MUST_USE enum errc cutter_hop(struct cutter *c, const int16_t *const channel[CUTTER_CHANNELS],
                              size_t frames, struct err *err);
/* No utterance is open on any channel: a good place to stop. */
bool cutter_idle(const struct cutter *c);
/* Ends what is open. */
MUST_USE enum errc cutter_flush(struct cutter *c, struct err *err);

#endif
