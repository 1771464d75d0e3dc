#include "voice/g711.h"

/* mu-law: 14-bit samples; the bias moves the segments to powers of two. */
enum { ULAW_BIAS = 0x84, ULAW_CLIP = 32635 };

int16_t g711_ulaw_to_linear(uint8_t u)
{
    int v = ~u & 0xFF;
    int exponent = (v >> 4) & 7;
    int magnitude = ((((v & 0x0F) << 3) + ULAW_BIAS) << exponent) - ULAW_BIAS;

    return (int16_t)(v & 0x80 ? -magnitude : magnitude);
}

uint8_t g711_linear_to_ulaw(int16_t s)
{
    int sign = s < 0 ? 0x80 : 0;
    int magnitude = s < 0 ? -(int)s : s;
    int exponent = 7;

    if (magnitude > ULAW_CLIP)
        magnitude = ULAW_CLIP;
    magnitude += ULAW_BIAS;
    while (exponent > 0 && !(magnitude & (0x80 << exponent)))
        exponent--;
    return (uint8_t) ~(sign | exponent << 4 | ((magnitude >> (exponent + 3)) & 0x0F));
}

int16_t g711_alaw_to_linear(uint8_t a)
{
    int v = a ^ 0x55;
    int exponent = (v >> 4) & 7;
    int magnitude = (v & 0x0F) << 4;

    magnitude += exponent ? 0x108 : 8;
    if (exponent > 1)
        magnitude <<= exponent - 1;
    return (int16_t)(v & 0x80 ? magnitude : -magnitude);
}

uint8_t g711_linear_to_alaw(int16_t s)
{
    int sign = s >= 0 ? 0x80 : 0;
    int magnitude = (s >= 0 ? s : -(int)s - 1) >> 3;
    int exponent = 0;

    while (exponent < 7 && magnitude >= 32 << exponent)
        exponent++;
    magnitude = exponent ? magnitude >> exponent & 0x0F : magnitude >> 1;
    return (uint8_t)((sign | exponent << 4 | magnitude) ^ 0x55);
}

void g711_ulaw_decode(int16_t *out, const uint8_t *ulaw, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = g711_ulaw_to_linear(ulaw[i]);
}

void g711_ulaw_encode(uint8_t *out, const int16_t *linear, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = g711_linear_to_ulaw(linear[i]);
}

void g711_alaw_decode(int16_t *out, const uint8_t *alaw, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = g711_alaw_to_linear(alaw[i]);
}

void g711_alaw_encode(uint8_t *out, const int16_t *linear, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = g711_linear_to_alaw(linear[i]);
}

uint32_t g711_ulaw_energy(const uint8_t *ulaw, size_t n)
{
    uint64_t sum = 0;
    size_t i;

    if (n == 0)
        return 0;
    for (i = 0; i < n; i++) {
        int32_t s = g711_ulaw_to_linear(ulaw[i]);

        sum += (uint64_t)((int64_t)s * s);
    }
    return (uint32_t)(sum / n); /* at most 32124 squared */
}
