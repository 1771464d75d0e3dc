/* local_cloud/twilio/telephony.h: Twilio from the other side: REST, signed webhooks, a TwiML interpreter,
 * Media Streams as the client, recordings, and simulated callers.
 *
 *     /2010-04-01/Accounts/{AC}/…   REST (Calls, Recordings, Messages), HTTP Basic
 *
 * A call is placed here, rings our webhook, obeys its TwiML and ends with status and recording callbacks.
 * Source: Twilio docs, Voice (webhooks, TwiML, Media Streams, REST 2010-04-01). */
#ifndef LOCAL_CLOUD_TWILIO_TELEPHONY_H
#define LOCAL_CLOUD_TWILIO_TELEPHONY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct telephony;
struct phone_call; /* one call, from ringing to its last callback */

enum { PHONE_FRAME_BYTES = 160, PHONE_FRAME_MS = 20, TELEPHONY_CALLS_MAX = 1000 };

/* Who is on the other end of the line. All on the loop thread; a frame is 160 bytes of mu-law (20 ms).
 * Handlers may call telephony_hang_up() and telephony_dtmf(). */
struct caller_ops {
    void (*on_answered)(void *arg);
    /* What the caller hears, in real time, one frame each 20 ms from answer to hang-up. */
    void (*hears)(void *arg, const uint8_t *ulaw, int64_t at_ms);
    /* What the caller says in the same 20 ms: fills the frame, or returns false for silence. */
    bool (*says)(void *arg, uint8_t *ulaw, int64_t at_ms);
    /* Last, exactly once: the call is over. `reason`: "caller", "agent" (our side ended it), "failed". */
    void (*on_ended)(void *arg, const char *reason);
};

enum dial_outcome { DIAL_ANSWERS, DIAL_BUSY, DIAL_NO_ANSWER, DIAL_FAILED };

struct phone_dial { /* what a number does when <Dial> calls it */
    struct str number;
    enum dial_outcome outcome;
};

/* Happenings of a call, for who watches: {"ringing"}, {"answered"}, {"verb", "Dial +4930…"}, {"dialed",
 * "+4930… no-answer"}, {"recording", RE sid}, {"ended", reason}. On the loop thread. */
typedef void (*phone_event_fn)(void *arg, struct phone_call *c, const char *kind,
                               struct str detail);

struct phone_call_opts {
    struct str from, to; /* E.164; from may be "anonymous" */
    const struct caller_ops *caller;
    void *caller_arg;
    const struct phone_dial *dial; /* copied; a number that is not listed answers */
    size_t n_dial;
    double noise_db; /* line noise so far below speech level; 0: none */
    double loss;     /* share of the caller's packets that never arrive */
    phone_event_fn on_event;
    void *event_arg;
};

/* Speaks `text` as mu-law into `out`; blocks, called on a worker. `language` as in <Say>, may be empty. */
typedef enum errc (*telephony_voice_fn)(void *arg, struct str language, struct str text,
                                        struct buf *out, struct err *err);
/* For <Say>; without a voice it is silence of about the right length. */
void telephony_set_voice(struct telephony *t, telephony_voice_fn voice, void *arg);

/* Loop thread. The call rings our webhook from here on. */
MUST_USE enum errc telephony_place(struct telephony *t, const struct phone_call_opts *o,
                                   struct phone_call **ret, struct err *err);
struct str phone_call_sid(const struct phone_call *c);
void telephony_hang_up(struct phone_call *c); /* the caller hangs up */
void telephony_dtmf(struct phone_call *c, struct str digits);
size_t telephony_calls(const struct telephony *t); /* not yet over */

#endif
