/* voice/realtime_delta.h: finds the audio in a `response.output_audio.delta` message without building a
 * document: nine in ten messages of a call are these. What is unusual (escapes, nesting, keys twice) it
 * leaves to the JSON reader, which is the reference: where this answers, both say the same.
 * Source: OpenAI, Realtime server events (GA). */
#ifndef VOICE_REALTIME_DELTA_H
#define VOICE_REALTIME_DELTA_H

#include <stdbool.h>

#include "base/str.h"

struct realtime_delta {
    struct str response_id, item_id; /* views of the message */
    struct str delta;                /* base64, not checked */
    int content_index;
};

bool realtime_delta_read(struct realtime_delta *ret, struct str message);

#endif
