/* local_cloud/speech/resample.h: between the telephone's 8 kHz and the 16 kHz of synthesiser and
 * recogniser. One half-band low-pass (Kaiser window, beta 8, 64 taps) serves both ways; its group
 * delay is taken out, so that a sample keeps its place in time. Whole pieces of audio, 16-bit
 * linear. */
#ifndef LOCAL_CLOUD_SPEECH_RESAMPLE_H
#define LOCAL_CLOUD_SPEECH_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* `out` has room for 2 * n samples, and must not overlap `in`. */
void resample_up2(int16_t *out, const int16_t *in, size_t n);
/* `out` has room for (n + 1) / 2 samples, which is the count returned; must not overlap `in`. */
size_t resample_down2(int16_t *out, const int16_t *in, size_t n);

#endif
