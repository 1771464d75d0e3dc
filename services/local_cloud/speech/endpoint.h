/* local_cloud/speech/endpoint.h: where speech begins and ends in telephone audio: an energy
 * detector with an adaptive noise floor and hysteresis, behind the settings of OpenAI's server_vad.
 * A plain value that allocates nothing; fed in frames of 10 ms. Its times count all audio ever fed.
 * */
#ifndef LOCAL_CLOUD_SPEECH_ENDPOINT_H
#define LOCAL_CLOUD_SPEECH_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

enum { ENDPOINT_FRAME = 80 }; /* mu-law bytes: 10 ms */

struct endpoint_settings {
    double threshold;        /* 0 to 1: 0.5 wants about 10 dB above the noise, 1 about 20 dB */
    int prefix_padding_ms;   /* how far before its onset speech is said to begin */
    int silence_duration_ms; /* so much quiet ends the turn */
};
#define ENDPOINT_DEFAULTS                                                      \
    {                                                                          \
        .threshold = 0.5, .prefix_padding_ms = 300, .silence_duration_ms = 500 \
    }

enum endpoint_event { ENDPOINT_NONE, ENDPOINT_STARTED, ENDPOINT_STOPPED };

struct endpoint {
    struct endpoint_settings settings;
    int64_t frames;  /* fed so far */
    double floor_db; /* the line's noise */
    int loud, quiet; /* frames in a row, the single misses forgiven */
    bool speaking;
    int64_t onset;                  /* frame in which the present run of loud frames began */
    int64_t started_ms, stopped_ms; /* of the last turn: with padding, with the silence */
};

void endpoint_init(struct endpoint *e, const struct endpoint_settings *s);
/* New settings for what comes; the noise floor and the clock stay. */
void endpoint_configure(struct endpoint *e, const struct endpoint_settings *s);
/* One frame of ENDPOINT_FRAME bytes. After STARTED e->started_ms holds; after STOPPED
 * e->stopped_ms. */
enum endpoint_event endpoint_feed(struct endpoint *e, const uint8_t *ulaw);
int64_t endpoint_ms(const struct endpoint *e); /* audio fed so far */

#endif
