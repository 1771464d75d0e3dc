#include "voice/g711.h"

#include "test.h"

TEST(g711_ulaw_decodes_the_values_of_the_standard)
{
    static const struct {
        uint8_t code;
        int16_t linear;
    } rows[] = { { 0xFF, 0 },     { 0x7F, 0 },      { 0xFE, 8 },   { 0x7E, -8 },
                 { 0x80, 32124 }, { 0x00, -32124 }, { 0xF0, 120 }, { 0xEF, 132 },
                 { 0x8F, 16764 }, { 0x0F, -16764 }, { 0xD5, 716 } };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_INT(g711_ulaw_to_linear(rows[i].code), rows[i].linear);
}

TEST(g711_alaw_decodes_the_values_of_the_standard)
{
    static const struct {
        uint8_t code;
        int16_t linear;
    } rows[] = { { 0xD5, 8 }, { 0x55, -8 }, { 0xAA, 32256 }, { 0x2A, -32256 }, { 0xC5, 264 } };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_INT(g711_alaw_to_linear(rows[i].code), rows[i].linear);
}

TEST(g711_every_code_survives_a_round_trip)
{
    int c;

    for (c = 0; c < 256; c++) {
        uint8_t code = (uint8_t)c;

        /* 0x7F is a second zero of mu-law. */
        CHECK_INT(g711_linear_to_ulaw(g711_ulaw_to_linear(code)), code == 0x7F ? 0xFF : code);
        CHECK_INT(g711_linear_to_alaw(g711_alaw_to_linear(code)), code);
    }
}

TEST(g711_no_sample_is_further_off_than_half_its_step)
{
    int s;

    for (s = -32768; s <= 32767; s++) {
        int magnitude = s < 0 ? -s : s;
        int back = g711_ulaw_to_linear(g711_linear_to_ulaw((int16_t)s));
        int off = back > s ? back - s : s - back;

        CHECK(off <= (magnitude + 132) / 32 + 4 || magnitude > 32124);
        back = g711_alaw_to_linear(g711_linear_to_alaw((int16_t)s));
        off = back > s ? back - s : s - back;
        CHECK(off <= magnitude / 32 + 9 || magnitude > 32256);
    }
}

TEST(g711_energy_is_zero_for_silence_and_rises_with_the_level)
{
    uint8_t silence[G711_FRAME_BYTES], quiet[G711_FRAME_BYTES], loud[G711_FRAME_BYTES];
    size_t i;

    for (i = 0; i < sizeof(silence); i++) {
        silence[i] = G711_ULAW_SILENCE;
        quiet[i] = g711_linear_to_ulaw(i % 2 ? 300 : -300);
        loud[i] = g711_linear_to_ulaw(i % 2 ? 8000 : -8000);
    }
    CHECK_INT(g711_ulaw_energy(silence, sizeof(silence)), 0);
    CHECK_INT(g711_ulaw_energy(silence, 0), 0);
    CHECK(g711_ulaw_energy(quiet, sizeof(quiet)) < g711_ulaw_energy(loud, sizeof(loud)));
}
