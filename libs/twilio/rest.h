/* twilio/rest.h: what we ask of Twilio's REST API. Calls block on the worker that makes them; results live in
 * ctx->arena. Source: Twilio docs, Voice > API, Messaging > API; api.twilio.com/2010-04-01.
 *
 * Errors: err->upstream is Twilio's error code (20404, 21220…) when the answer holds one, else the HTTP status.
 * 429 was never processed and is repeated, with jitter, up to TWILIO_ATTEMPTS; other failures only where a
 * repeat cannot act twice (everything here but messages and the start of a recording). Kinds as in
 * http_status_errc(); 21220 (the call is over) is ERR_CLOSED. */
#ifndef TWILIO_REST_H
#define TWILIO_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "net/ctx.h"
#include "twilio/settings.h"

enum {
    TWILIO_ATTEMPTS = 4,
    TWILIO_TIMEOUT_MS = 10000,
    TWILIO_MESSAGE_CHARS_MAX = 1600,
    /* Codes that callers act on. */
    TWILIO_CODE_NOT_FOUND = 20404,
    TWILIO_CODE_NOT_IN_PROGRESS = 21220,
    TWILIO_CODE_OPTED_OUT = 21610,
};

/* `t->account_sid`, the first of `t->auth_token` and `t->api_base` are used. */

/* Exactly one of twiml, url and status is set. The change is applied later: Twilio then ends the stream. */
struct twilio_call_update {
    struct str twiml;        /* at most TWIML_INLINE_BYTES_MAX */
    struct str url;          /* asked with POST */
    struct str status;       /* "completed", or "canceled" while it rings */
    struct str fallback_url; /* optional */
};
MUST_USE enum errc twilio_call_update(const struct twilio_settings *t, struct ctx *ctx,
                                      struct str call_sid, const struct twilio_call_update *u,
                                      struct err *err);
/* Ends the call; a call that is over or unknown already is success. */
MUST_USE enum errc twilio_call_end(const struct twilio_settings *t, struct ctx *ctx,
                                   struct str call_sid, struct err *err);
MUST_USE enum errc twilio_call_status(const struct twilio_settings *t, struct ctx *ctx,
                                      struct str call_sid, struct str *ret_status, struct err *err);

struct twilio_recording_start {
    struct str status_callback;
    struct str status_events; /* "in-progress completed absent"; empty: completed */
};
/* Both channels. ERR_CLOSED: the call is over. Not repeated after an ambiguous failure. */
MUST_USE enum errc twilio_recording_start(const struct twilio_settings *t, struct ctx *ctx,
                                          struct str call_sid,
                                          const struct twilio_recording_start *o,
                                          struct str *ret_recording_sid, struct err *err);
enum twilio_recording_state { TWILIO_RECORDING_RUN, TWILIO_RECORDING_PAUSE, TWILIO_RECORDING_STOP };
/* recording_sid empty: the one that runs (Twilio.CURRENT). A pause is recorded as silence. */
MUST_USE enum errc twilio_recording_set(const struct twilio_settings *t, struct ctx *ctx,
                                        struct str call_sid, struct str recording_sid,
                                        enum twilio_recording_state state, struct err *err);

struct twilio_recording {
    struct str sid, call_sid, status, start_time; /* RFC 2822 */
    int64_t duration_s;                           /* -1: not known yet */
    int channels;
};
MUST_USE enum errc twilio_recording_get(const struct twilio_settings *t, struct ctx *ctx,
                                        struct str recording_sid, struct twilio_recording *ret,
                                        struct err *err);
/* Streams the WAV (16-bit, 8 kHz) in pieces; memory does not grow with its length. Asks for two channels and,
 * when Twilio has only one (400), for that; *ret_channels says which is sent, and is set before the first
 * piece. An error of `write` ends the transfer with that code. A broken transfer is not repeated here: pieces
 * have been given already. */
struct twilio_recording_sink {
    enum errc (*write)(void *arg, const char *data, size_t n);
    void *arg;
};
MUST_USE enum errc twilio_recording_fetch(const struct twilio_settings *t, struct ctx *ctx,
                                          struct str recording_sid,
                                          const struct twilio_recording_sink *sink,
                                          int *ret_channels, struct err *err);
/* One that is gone already is success. */
MUST_USE enum errc twilio_recording_delete(const struct twilio_settings *t, struct ctx *ctx,
                                           struct str recording_sid, struct err *err);

struct twilio_message {
    struct str to, from;              /* E.164 */
    struct str messaging_service_sid; /* in place of from */
    struct str body;
    struct str status_callback;
};
/* A timeout is ambiguous and not repeated: look before sending again. TWILIO_CODE_OPTED_OUT: ERR_DENIED. */
MUST_USE enum errc twilio_message_send(const struct twilio_settings *t, struct ctx *ctx,
                                       const struct twilio_message *m, struct str *ret_message_sid,
                                       struct err *err);

#endif
