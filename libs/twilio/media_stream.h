/* twilio/media_stream.h: the messages of a bidirectional Media Stream, both ways. One stream, one WebSocket,
 * one call. All messages are text, one JSON object each.
 * Source: Twilio docs, Voice > Media Streams > WebSocket messages. Audio: G.711 mu-law, 8000 Hz, mono, base64,
 * no header; 8 bytes are 1 ms. Twilio's numbers come as strings or numbers; both are read.
 * A `media` message is read without building a document; anything unusual in it falls back to the JSON
 * reader, with the same result. */
#ifndef TWILIO_MEDIA_STREAM_H
#define TWILIO_MEDIA_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum {
    MEDIA_BYTES_PER_MS = 8,
    MEDIA_AUDIO_BYTES_MAX = 16000, /* of one incoming message: 2 s; Twilio sends 20 ms */
    MEDIA_PARAMETERS_MAX = 32,
    MEDIA_NAME_BYTES_MAX = 128,    /* of a mark that we send */
    MEDIA_CONTROL_BYTES_MAX = 256, /* a mark or clear message of ours fits into this */
};

enum media_kind {
    MEDIA_UNKNOWN, /* an event that is new to us: ignore it */
    MEDIA_CONNECTED,
    MEDIA_START,
    MEDIA_AUDIO,
    MEDIA_DTMF,
    MEDIA_MARK,
    MEDIA_STOP,
};

struct media_parameter {
    struct str name, value;
};

struct media_msg {
    enum media_kind kind;
    struct str event;      /* as sent; for MEDIA_UNKNOWN */
    int64_t sequence;      /* sequenceNumber; -1: none */
    struct str stream_sid; /* empty in `connected` */
    /* start, stop */
    struct str account_sid, call_sid;
    /* start */
    struct str encoding; /* must be "audio/x-mulaw" */
    int sample_rate, channels;
    struct media_parameter parameters[MEDIA_PARAMETERS_MAX]; /* those beyond are left out */
    size_t n_parameters;
    /* audio */
    struct str track; /* "inbound" */
    int64_t chunk;
    int64_t timestamp_ms; /* since the stream's start */
    const uint8_t *ulaw;
    size_t ulaw_n;
    struct str digit;     /* dtmf */
    struct str mark_name; /* mark */
};

/* Reads messages; what it returns is valid until its next message. One reader serves any number of streams
 * of one thread. */
struct media_reader {
    struct arena arena;
    uint8_t audio[MEDIA_AUDIO_BYTES_MAX + 8]; /* and what padding may pretend */
};
void media_reader_init(struct media_reader *r);
void media_reader_release(struct media_reader *r);
/* ERR_INVALID: no JSON object, no event, or a field that this event needs is missing or wrong. ERR_LIMIT: too
 * much audio. *ret is then undefined. */
MUST_USE enum errc media_parse(struct media_reader *r, struct str text, struct media_msg *ret,
                               struct err *err);
/* Value of a custom parameter; empty when absent. */
struct str media_parameter(const struct media_msg *m, const char *name);

/* What we send. Each writes one message without NUL and returns its length, or 0 when `max` is too small or
 * a text does not fit JSON as it is (sid: letters and digits; name: printable ASCII without quote and
 * backslash). They allocate nothing: fit for ws_send_reserve(). */
size_t media_audio_size(struct str stream_sid, size_t ulaw_n); /* what media_write_audio() needs */
size_t media_write_audio(char *out, size_t max, struct str stream_sid, const void *ulaw, size_t n);
size_t media_write_mark(char *out, size_t max, struct str stream_sid, struct str name);
size_t media_write_clear(char *out, size_t max, struct str stream_sid);

#endif
