/* voice/wav.h: headers of WAV files. Source: Microsoft/IBM Multimedia Programming Interface 1.0, WAVE;
 * RFC 2361 (format tags). Only what telephony uses: 16 bit PCM, mu-law, A-law. */
#ifndef VOICE_WAV_H
#define VOICE_WAV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum wav_coding { WAV_PCM16 = 1, WAV_ALAW = 6, WAV_ULAW = 7 }; /* the format tags */

struct wav_format {
    enum wav_coding coding;
    int channels; /* 1 or 2 */
    int hz;
};

enum { WAV_HEADER_MAX = 64, WAV_READ_MAX = 64 * 1024 };

/* Bytes of one sample of all channels. */
size_t wav_frame_bytes(const struct wav_format *f);
/* Writes the header for `data_bytes` of audio to follow (UINT32_MAX - WAV_HEADER_MAX: not known yet, as
 * streaming writers do); returns its length. An odd number of bytes needs one byte of padding after. */
size_t wav_header_write(uint8_t out[WAV_HEADER_MAX], const struct wav_format *f,
                        uint32_t data_bytes);

struct wav_info {
    struct wav_format format;
    size_t data_at;      /* where the audio begins in the file */
    uint32_t data_bytes; /* as the header says; may be more than there is when it was streamed */
};
/* From the first bytes of a file. ERR_AGAIN: the audio has not begun yet, give more (at most
 * WAV_READ_MAX, beyond it ERR_INVALID). ERR_INVALID, ERR_UNSUPPORTED. */
MUST_USE enum errc wav_header_read(struct wav_info *ret, struct str head, struct err *err);

#endif
