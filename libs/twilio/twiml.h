/* twilio/twiml.h: writer of TwiML documents. There are only typed verbs, and all text goes through one
 * escaping function, so that no input yields malformed XML: what XML 1.0 cannot hold (control characters,
 * invalid UTF-8, U+FFFE, U+FFFF) is left out.
 * Source: Twilio docs, Voice > TwiML. Problems are remembered and reported once, by twiml_finish(). */
#ifndef TWILIO_TWIML_H
#define TWILIO_TWIML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum {
    TWIML_BYTES_MAX = 64000,       /* of an answer; Twilio: 64 kB, error 11750 */
    TWIML_INLINE_BYTES_MAX = 4000, /* of REST's Twiml parameter; error 32018 */
    TWIML_SAY_BYTES_MAX = 4096,
    TWIML_PARAMETER_BYTES_MAX = 499, /* name and value together */
    TWIML_NUMBERS_MAX = 10,          /* of one <Dial> */
};

struct twiml {
    struct buf out;
    enum errc rc; /* first problem */
    const char *what;
    bool in_gather;
};

/* Empty texts in the structs below are attributes left out. */

struct twiml_voice {
    struct str voice;    /* "Polly.Joanna-Neural" */
    struct str language; /* "en-US" */
};

struct twiml_parameter {
    struct str name, value;
};

struct twiml_stream {
    struct str
        action; /* of <Connect>: asked when the stream has ended; the verbs below are then not reached */
    struct str url; /* ws(s), no query: Twilio would drop it */
    struct str name, status_callback;
    const struct twiml_parameter
        *parameters; /* arrive as start.customParameters; seen in Twilio's logs */
    size_t n_parameters;
};

struct twiml_recording {
    struct str status_callback; /* absolute */
    struct str status_events;   /* "in-progress completed absent" */
    bool mono;                  /* otherwise dual: the caller is channel 1 */
};

struct twiml_number {
    struct str number;
    struct str url; /* whisper: TwiML for the called party before bridging */
    struct str status_callback, status_events;
};

struct twiml_dial {
    struct str action, caller_id;
    int timeout_s;    /* 0: Twilio's 30; 5 to 600 */
    int time_limit_s; /* 0: Twilio's 4 h */
    bool answer_on_bridge, sequential;
    const struct twiml_number *numbers;
    size_t n_numbers;
};

struct twiml_record {
    struct str action;
    struct str finish_on_key;
    struct str status_callback, status_events;
    int max_length_s, timeout_s; /* 0: Twilio's 3600 and 5 */
    bool no_beep;
};

struct twiml_gather {
    struct str action;
    struct str input; /* "dtmf", "speech", "dtmf speech" */
    struct str language, finish_on_key;
    bool no_finish_key; /* finishOnKey="" */
    int timeout_s, num_digits;
};

enum twiml_reject { TWIML_REJECTED, TWIML_BUSY };

/* `bytes_max`: one of the bounds above. */
void twiml_init(struct twiml *t, size_t bytes_max);
void twiml_release(struct twiml *t);

void twiml_start_recording(struct twiml *t, const struct twiml_recording *r);
void twiml_connect_stream(struct twiml *t, const struct twiml_stream *s);
void twiml_dial(struct twiml *t, const struct twiml_dial *d);
void twiml_say(struct twiml *t, const struct twiml_voice *v,
               struct str text); /* v NULL: defaults */
void twiml_pause(struct twiml *t, int seconds);
void twiml_play(struct twiml *t, struct str url);
void twiml_play_digits(struct twiml *t, struct str digits); /* [0-9*#w]+ */
void twiml_record(struct twiml *t, const struct twiml_record *r);
void twiml_redirect(struct twiml *t, struct str url);
void twiml_hangup(struct twiml *t);
/* Must be the first verb; the call is never answered. */
void twiml_reject(struct twiml *t, enum twiml_reject reason);
/* Between these only say, play and pause. */
void twiml_gather_begin(struct twiml *t, const struct twiml_gather *g);
void twiml_gather_end(struct twiml *t);

/* Closes the document; *ret is borrowed until twiml_release(). ERR_LIMIT: too long. ERR_INVALID: a verb got
 * what Twilio refuses; err names it. */
MUST_USE enum errc twiml_finish(struct twiml *t, struct str *ret, struct err *err);

#endif
