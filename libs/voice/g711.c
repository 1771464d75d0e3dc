#include "voice/g711.h"

/* mu-law: 14-bit samples; the bias moves the segments to powers of two. */
enum { ULAW_BIAS = 0x84, ULAW_CLIP = 32635 };

/* The linear value of each code: one look-up a sample, for whoever decodes every frame. */
static const int16_t ulaw_linear[256] = {
    -32124, -31100, -30076, -29052, -28028, -27004, -25980, -24956, -23932, -22908, -21884, -20860,
    -19836, -18812, -17788, -16764, -15996, -15484, -14972, -14460, -13948, -13436, -12924, -12412,
    -11900, -11388, -10876, -10364, -9852,  -9340,  -8828,  -8316,  -7932,  -7676,  -7420,  -7164,
    -6908,  -6652,  -6396,  -6140,  -5884,  -5628,  -5372,  -5116,  -4860,  -4604,  -4348,  -4092,
    -3900,  -3772,  -3644,  -3516,  -3388,  -3260,  -3132,  -3004,  -2876,  -2748,  -2620,  -2492,
    -2364,  -2236,  -2108,  -1980,  -1884,  -1820,  -1756,  -1692,  -1628,  -1564,  -1500,  -1436,
    -1372,  -1308,  -1244,  -1180,  -1116,  -1052,  -988,   -924,   -876,   -844,   -812,   -780,
    -748,   -716,   -684,   -652,   -620,   -588,   -556,   -524,   -492,   -460,   -428,   -396,
    -372,   -356,   -340,   -324,   -308,   -292,   -276,   -260,   -244,   -228,   -212,   -196,
    -180,   -164,   -148,   -132,   -120,   -112,   -104,   -96,    -88,    -80,    -72,    -64,
    -56,    -48,    -40,    -32,    -24,    -16,    -8,     0,      32124,  31100,  30076,  29052,
    28028,  27004,  25980,  24956,  23932,  22908,  21884,  20860,  19836,  18812,  17788,  16764,
    15996,  15484,  14972,  14460,  13948,  13436,  12924,  12412,  11900,  11388,  10876,  10364,
    9852,   9340,   8828,   8316,   7932,   7676,   7420,   7164,   6908,   6652,   6396,   6140,
    5884,   5628,   5372,   5116,   4860,   4604,   4348,   4092,   3900,   3772,   3644,   3516,
    3388,   3260,   3132,   3004,   2876,   2748,   2620,   2492,   2364,   2236,   2108,   1980,
    1884,   1820,   1756,   1692,   1628,   1564,   1500,   1436,   1372,   1308,   1244,   1180,
    1116,   1052,   988,    924,    876,    844,    812,    780,    748,    716,    684,    652,
    620,    588,    556,    524,    492,    460,    428,    396,    372,    356,    340,    324,
    308,    292,    276,    260,    244,    228,    212,    196,    180,    164,    148,    132,
    120,    112,    104,    96,     88,     80,     72,     64,     56,     48,     40,     32,
    24,     16,     8,      0,
};

int16_t g711_ulaw_to_linear(uint8_t u)
{
    return ulaw_linear[u];
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
