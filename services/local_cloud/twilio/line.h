/* local_cloud/twilio/line.h: what a telephone line adds: noise, lost packets, tones. Audio: mu-law, 8 kHz. */
#ifndef LOCAL_CLOUD_TWILIO_LINE_H
#define LOCAL_CLOUD_TWILIO_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The same settings give the same noise and losses in every run. */
struct line {
    double noise; /* amplitude, linear samples; 0: none */
    double loss;
    uint64_t random;
};

/* noise_db: so far below the level of speech; 0: none. loss: share of packets, 0 to 1. */
void line_init(struct line *l, double noise_db, double loss);
/* Adds noise to a frame of 160 bytes. False: the packet is lost. */
bool line_pass(struct line *l, uint8_t *ulaw);

/* Tones, appended. */
void tone_add(struct buf *out, double hz, int ms, double amplitude);
/* One frame of ringing at this time: 1 s tone, 4 s silence, quiet enough not to pass for speech. */
void tone_ringing(uint8_t *ulaw, int64_t at_ms);

#endif
