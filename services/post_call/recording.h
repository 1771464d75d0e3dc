/* post_call/recording.h: a stored recording, read in blocks by ranged requests and split into its channels
 * as 16-bit samples. Memory is one block, whatever its length. Format: WAV (voice/wav.h) with 16-bit PCM,
 * mu-law or A-law, as Twilio gives it (Twilio docs, Recordings: 8 kHz, 16 bit) and others may. */
#ifndef POST_CALL_RECORDING_H
#define POST_CALL_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "net/ctx.h"
#include "voice/wav.h"

struct google;

enum {
    RECORDING_CHANNELS = 2,           /* at most */
    RECORDING_BLOCK_FRAMES = 1 << 17, /* 16 s at 8 kHz: one request */
    RECORDING_HZ_MAX = 48000,
};

/* A frame is one sample of each channel. */
struct recording {
    struct google *google;
    struct str bucket, object;
    struct wav_format format;
    int64_t bytes;   /* of the object */
    int64_t data_at; /* where its audio begins */
    int64_t frames;  /* that are there, whatever the header says */
};

/* Reads the header. `bucket` and `object` are borrowed for its life. ERR_NOT_FOUND: no object.
 * ERR_INVALID, ERR_UNSUPPORTED: not a WAV that can be read here. */
MUST_USE enum errc recording_open(struct recording *ret, struct ctx *ctx, struct google *g,
                                  struct str bucket, struct str object, struct err *err);
int64_t recording_ms(const struct recording *r, int64_t frames);
int64_t recording_frames(const struct recording *r, int64_t ms);

/* One block, for reading forward. Its memory belongs to the arena given at init. */
struct recording_reader {
    const struct recording *recording;
    uint8_t *raw;
    int16_t *channel[RECORDING_CHANNELS];
    int64_t from; /* first frame in the block */
    size_t n;     /* frames in it */
};
void recording_reader_init(struct recording_reader *rd, const struct recording *r, struct arena *a);
/* The frames from `at` on: channel[] gets their addresses, *n how many there are, at most `max` (0: the
 * recording ends there). Fewer come at the end of a block. Valid until the next call. */
MUST_USE enum errc recording_read(struct recording_reader *rd, struct ctx *ctx, int64_t at,
                                  size_t max, const int16_t *channel[RECORDING_CHANNELS], size_t *n,
                                  struct err *err);

#endif
