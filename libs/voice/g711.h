/* voice/g711.h: G.711 audio, 8 kHz, one byte a sample. Source: ITU-T G.711 (11/88), tables 1 and 2; linear
 * samples are 16 bit signed (14 or 13 bits, left-aligned). */
#ifndef VOICE_G711_H
#define VOICE_G711_H

#include <stddef.h>
#include <stdint.h>

enum {
    G711_HZ = 8000,
    G711_BYTES_PER_MS = 8,
    G711_FRAME_MS = 20,
    G711_FRAME_BYTES = 160, /* one packet of Twilio's */
    G711_ULAW_SILENCE = 0xFF,
    G711_ALAW_SILENCE = 0xD5,
};

int16_t g711_ulaw_to_linear(uint8_t u);
uint8_t g711_linear_to_ulaw(int16_t s);
int16_t g711_alaw_to_linear(uint8_t a);
uint8_t g711_linear_to_alaw(int16_t s);

void g711_ulaw_decode(int16_t *out, const uint8_t *ulaw, size_t n);
void g711_ulaw_encode(uint8_t *out, const int16_t *linear, size_t n);
void g711_alaw_decode(int16_t *out, const uint8_t *alaw, size_t n);
void g711_alaw_encode(uint8_t *out, const int16_t *linear, size_t n);

/* Mean of the squared samples; 0 for no samples. Full scale is about 1.03e9. */
uint32_t g711_ulaw_energy(const uint8_t *ulaw, size_t n);

#endif
