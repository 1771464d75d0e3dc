#include "voice/wav.h"

#include <string.h>

#include "test.h"

static const struct wav_format ULAW_MONO = { WAV_ULAW, 1, 8000 };
static const struct wav_format PCM_STEREO = { WAV_PCM16, 2, 16000 };

TEST(wav_header_is_the_one_of_the_specification)
{
    static const uint8_t want[44] = "RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\x3e\0\0"
                                    "\x00\xfa\0\0\x04\0\x10\0data\x08\0\0";
    uint8_t got[WAV_HEADER_MAX];

    CHECK_INT(wav_header_write(got, &PCM_STEREO, 8), 44);
    CHECK(memcmp(got, want, sizeof(want)) == 0);
}

TEST(wav_header_reads_back_what_was_written)
{
    static const struct wav_format formats[] = { { WAV_ULAW, 1, 8000 },
                                                 { WAV_ALAW, 2, 8000 },
                                                 { WAV_PCM16, 1, 24000 } };
    size_t i;

    for (i = 0; i < ARRAY_LEN(formats); i++) {
        uint8_t head[WAV_HEADER_MAX];
        size_t n = wav_header_write(head, &formats[i], 1600);
        struct wav_info info;

        CHECK_OK(wav_header_read(&info, str_n(head, n), NULL));
        CHECK_INT(info.format.coding, formats[i].coding);
        CHECK_INT(info.format.channels, formats[i].channels);
        CHECK_INT(info.format.hz, formats[i].hz);
        CHECK_INT(info.data_at, n);
        CHECK_INT(info.data_bytes, 1600);
    }
}

TEST(wav_header_asks_for_more_at_every_cut)
{
    uint8_t head[WAV_HEADER_MAX];
    size_t n = wav_header_write(head, &ULAW_MONO, 1600), cut;
    struct wav_info info;

    for (cut = 0; cut < n; cut++)
        CHECK_RC(ERR_AGAIN, wav_header_read(&info, str_n(head, cut), NULL));
}

TEST(wav_header_skips_chunks_it_does_not_know)
{
    uint8_t file[128] = { 0 }, head[WAV_HEADER_MAX];
    size_t n = wav_header_write(head, &PCM_STEREO, 4);
    struct wav_info info;

    memcpy(file, head, 12);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes, not text */
    memcpy(file + 12, "LIST\x03\0\0\0abc\0", 12); /* odd length, padded */
    memcpy(file + 24, head + 12, n - 12);
    CHECK_OK(wav_header_read(&info, str_n(file, n + 12), NULL));
    CHECK_INT(info.data_at, n + 12);
}

TEST(wav_header_refuses_what_is_no_telephone_audio)
{
    uint8_t head[WAV_HEADER_MAX];
    struct wav_info info;

    (void)wav_header_write(head, &PCM_STEREO, 4);
    head[20] = 3; /* floating point */
    CHECK_RC(ERR_UNSUPPORTED, wav_header_read(&info, str_n(head, 44), NULL));
    (void)wav_header_write(head, &PCM_STEREO, 4);
    head[34] = 24;
    CHECK_RC(ERR_UNSUPPORTED, wav_header_read(&info, str_n(head, 44), NULL));
    (void)wav_header_write(head, &PCM_STEREO, 4);
    head[22] = 6;
    CHECK_RC(ERR_UNSUPPORTED, wav_header_read(&info, str_n(head, 44), NULL));
    (void)wav_header_write(head, &PCM_STEREO, 4);
    head[0] = 'X';
    CHECK_RC(ERR_INVALID, wav_header_read(&info, str_n(head, 44), NULL));
    (void)wav_header_write(head, &PCM_STEREO, 4);
    head[19] = 0x7F; /* a chunk longer than any file we read */
    CHECK_RC(ERR_INVALID, wav_header_read(&info, str_n(head, 44), NULL));
}

TEST(wav_header_of_a_stream_says_that_the_length_is_open)
{
    uint8_t head[WAV_HEADER_MAX];
    size_t n = wav_header_write(head, &ULAW_MONO, UINT32_MAX);
    struct wav_info info;

    CHECK_OK(wav_header_read(&info, str_n(head, n), NULL));
    CHECK_INT(info.data_bytes, UINT32_MAX);
}
