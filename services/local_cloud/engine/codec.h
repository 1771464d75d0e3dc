/* local_cloud/engine/codec.h: between the audio formats of a Realtime session and the mu-law of 8
 * kHz that everything here works with. G.711 by table; 24 kHz linear by a low-pass of one third. */
#ifndef LOCAL_CLOUD_ENGINE_CODEC_H
#define LOCAL_CLOUD_ENGINE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "local_cloud/engine/session.h"

enum { CODEC_TAPS = 31, CODEC_RATIO = 3 };

/* What a stream's input remembers from one piece to the next. */
struct codec_in {
    float history[CODEC_TAPS]; /* 24 kHz samples, a ring */
    size_t at;
    unsigned phase;
    uint8_t odd; /* half a sample */
    bool has_odd;
};

/* Appends mu-law. */
void codec_decode(struct codec_in *c, enum audio_format f, struct str in, struct buf *out);
/* Appends the piece [from, to) of `ulaw` in format f; what stands around the piece smooths its
 * ends. */
void codec_encode(enum audio_format f, const uint8_t *ulaw, size_t n, size_t from, size_t to,
                  struct buf *out);

#endif
