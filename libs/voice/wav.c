#include "voice/wav.h"

#include <stdbool.h>
#include <string.h>

enum { RIFF_HEAD = 12, CHUNK_HEAD = 8, FMT_PCM_BYTES = 16, FMT_CODED_BYTES = 18, FACT_BYTES = 4 };

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

/* Four letters, without NUL. */
static void put_tag(uint8_t *p, const char *tag)
{
    size_t i;

    for (i = 0; i < 4; i++)
        p[i] = (uint8_t)tag[i];
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v);
    put16(p + 2, v >> 16);
}

static uint32_t get16(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;

    return (uint32_t)u[0] | (uint32_t)u[1] << 8;
}

static uint32_t get32(const char *p)
{
    return get16(p) | get16(p + 2) << 16;
}

size_t wav_frame_bytes(const struct wav_format *f)
{
    return (size_t)f->channels * (f->coding == WAV_PCM16 ? 2 : 1);
}

size_t wav_header_write(uint8_t out[WAV_HEADER_MAX], const struct wav_format *f,
                        uint32_t data_bytes)
{
    /* Coded formats carry the length of their extension, and a fact chunk. */
    bool coded = f->coding != WAV_PCM16;
    uint32_t frame = (uint32_t)wav_frame_bytes(f);
    uint32_t fmt = coded ? FMT_CODED_BYTES : FMT_PCM_BYTES;
    uint32_t head =
        RIFF_HEAD + CHUNK_HEAD + fmt + (coded ? CHUNK_HEAD + FACT_BYTES : 0) + CHUNK_HEAD;
    uint32_t riff = data_bytes > UINT32_MAX - WAV_HEADER_MAX
                        ? UINT32_MAX
                        : data_bytes + (data_bytes & 1) + head - 8;
    uint8_t *p = out;

    memset(out, 0, WAV_HEADER_MAX);
    put_tag(p, "RIFF");
    put32(p + 4, riff);
    put_tag(p + 8, "WAVE");
    put_tag(p + 12, "fmt ");
    put32(p + 16, fmt);
    put16(p + 20, (uint32_t)f->coding);
    put16(p + 22, (uint32_t)f->channels);
    put32(p + 24, (uint32_t)f->hz);
    put32(p + 28, (uint32_t)f->hz * frame);
    put16(p + 32, frame);
    put16(p + 34, frame / (uint32_t)f->channels * 8);
    p += RIFF_HEAD + CHUNK_HEAD + fmt;
    if (coded) {
        put_tag(p, "fact");
        put32(p + 4, FACT_BYTES);
        put32(p + 8, data_bytes / frame);
        p += CHUNK_HEAD + FACT_BYTES;
    }
    put_tag(p, "data");
    put32(p + 4, data_bytes);
    return head;
}

static enum errc format_read(struct wav_format *ret, const char *fmt, uint32_t size,
                             struct err *err)
{
    uint32_t tag, channels, hz, bits;

    if (size < FMT_PCM_BYTES)
        return err_set(err, ERR_INVALID, "fmt chunk of %u bytes", size);
    tag = get16(fmt);
    channels = get16(fmt + 2);
    hz = get32(fmt + 4);
    bits = get16(fmt + 14);
    if (tag == 0xFFFE && size >= 26) /* WAVE_FORMAT_EXTENSIBLE: the tag opens the GUID */
        tag = get16(fmt + 24);
    if (tag != WAV_PCM16 && tag != WAV_ALAW && tag != WAV_ULAW)
        return err_set(err, ERR_UNSUPPORTED, "WAV format tag %u", tag);
    if (bits != (tag == WAV_PCM16 ? 16u : 8u))
        return err_set(err, ERR_UNSUPPORTED, "WAV of %u bits", bits);
    if (channels < 1 || channels > 2)
        return err_set(err, ERR_UNSUPPORTED, "WAV of %u channels", channels);
    if (hz < 1000 || hz > 192000)
        return err_set(err, ERR_INVALID, "WAV at %u Hz", hz);
    *ret = (struct wav_format){ (enum wav_coding)tag, (int)channels, (int)hz };
    return ERR_OK;
}

static enum errc need_more(struct str head, struct err *err)
{
    if (head.n >= WAV_READ_MAX)
        return err_set(err, ERR_INVALID, "no audio in the first %d bytes of the WAV", WAV_READ_MAX);
    return err_set(err, ERR_AGAIN, "the WAV header is not complete");
}

enum errc wav_header_read(struct wav_info *ret, struct str head, struct err *err)
{
    struct wav_info info = { 0 };
    size_t at = RIFF_HEAD;

    if (head.n < RIFF_HEAD)
        return need_more(head, err);
    if (memcmp(head.p, "RIFF", 4) != 0 || memcmp(head.p + 8, "WAVE", 4) != 0)
        return err_set(err, ERR_INVALID, "no WAV file");
    for (;;) {
        uint32_t size;

        if (head.n < at + CHUNK_HEAD)
            return need_more(head, err);
        size = get32(head.p + at + 4);
        if (memcmp(head.p + at, "data", 4) == 0) {
            if (info.format.hz == 0)
                return err_set(err, ERR_INVALID, "WAV audio before its format");
            info.data_at = at + CHUNK_HEAD;
            info.data_bytes = size;
            *ret = info;
            return ERR_OK;
        }
        if (size > WAV_READ_MAX)
            return err_set(err, ERR_INVALID, "WAV chunk of %u bytes before the audio", size);
        if (memcmp(head.p + at, "fmt ", 4) == 0) {
            enum errc rc;

            if (head.n < at + CHUNK_HEAD + size)
                return need_more(head, err);
            rc = format_read(&info.format, head.p + at + CHUNK_HEAD, size, err);
            if (rc)
                return rc;
        }
        at += CHUNK_HEAD + size + (size & 1); /* chunks are padded to even lengths */
    }
}
