/* voice/realtime_error.h: what an `error` event of OpenAI's Realtime API means. Source: OpenAI, API reference,
 * server events > error; codes as observed. */
#ifndef VOICE_REALTIME_ERROR_H
#define VOICE_REALTIME_ERROR_H

#include <stdbool.h>

#include "base/json.h"
#include "voice/engine.h"

struct realtime_error {
    struct voice_error error; /* its texts are borrowed from the event */
    struct str param;
    /* Of a session that is not up yet. Neither: the code says nothing, the close will. */
    bool lasts;  /* trying again is useless: the key, the model, the account */
    bool passes; /* another attempt may do better */
};

/* `event` may be anything. */
struct realtime_error realtime_error_read(const struct jval *event);

#endif
