#include "post_call/recording.h"

#include <string.h>

#include "base/buf.h"
#include "google/storage.h"
#include "voice/g711.h"

enum { HEADER_FIRST_BYTES = 4096 }; /* enough for what Twilio sends; more is read when it is not */

static enum errc into_buf(void *arg, const char *data, size_t n)
{
    struct buf *b = arg;

    buf_add(b, data, n);
    return buf_status(b);
}

static enum errc read_header(struct recording *r, struct ctx *ctx, size_t bytes,
                             struct wav_info *ret, struct err *err)
{
    struct buf head = BUF_INIT(bytes);
    struct storage_object o;
    enum errc rc;

    rc = storage_read(r->google, ctx, r->bucket, r->object, 0, (int64_t)bytes - 1, into_buf, &head,
                      &o, err);
    if (rc == ERR_LIMIT)
        rc = err_set(err, ERR_INVALID, "an empty object");
    if (!rc) {
        r->bytes = o.size;
        rc = wav_header_read(ret, buf_str(&head), err);
    }
    if (rc == ERR_AGAIN && (int64_t)head.n == r->bytes)
        rc = err_set(err, ERR_INVALID, "a WAV that ends in its header");
    buf_release(&head);
    return rc;
}

/* Writers that stream say 0 or all ones; a file cut short says more than there is. */
static int64_t data_bytes(const struct recording *r, const struct wav_info *info)
{
    int64_t there = r->bytes - (int64_t)info->data_at;

    return info->data_bytes ? MIN((int64_t)info->data_bytes, there) : there;
}

enum errc recording_open(struct recording *ret, struct ctx *ctx, struct google *g,
                         struct str bucket, struct str object, struct err *err)
{
    struct recording r = { .google = g, .bucket = bucket, .object = object };
    struct wav_info info = { .data_at = 0 };
    enum errc rc;

    rc = read_header(&r, ctx, HEADER_FIRST_BYTES, &info, err);
    if (rc == ERR_AGAIN)
        rc = read_header(&r, ctx, WAV_READ_MAX, &info, err);
    if (!rc && info.format.hz > RECORDING_HZ_MAX)
        rc = err_set(err, ERR_UNSUPPORTED, "WAV at %d Hz", info.format.hz);
    if (rc)
        return err_wrap(err, rc, "recording " STR_FMT, STR_ARG(object));
    r.format = info.format;
    r.data_at = (int64_t)info.data_at;
    r.frames = data_bytes(&r, &info) / (int64_t)wav_frame_bytes(&r.format);
    *ret = r;
    return ERR_OK;
}

int64_t recording_ms(const struct recording *r, int64_t frames)
{
    return frames * 1000 / r->format.hz;
}

int64_t recording_frames(const struct recording *r, int64_t ms)
{
    return ms * r->format.hz / 1000;
}

void recording_reader_init(struct recording_reader *rd, const struct recording *r, struct arena *a)
{
    int i;

    *rd = (struct recording_reader){ .recording = r };
    rd->raw = arena_alloc(a, RECORDING_BLOCK_FRAMES * wav_frame_bytes(&r->format));
    for (i = 0; i < r->format.channels; i++)
        rd->channel[i] = ARENA_ARRAY(a, int16_t, RECORDING_BLOCK_FRAMES);
}

static void split(struct recording_reader *rd)
{
    const struct wav_format *f = &rd->recording->format;
    size_t step = (size_t)f->channels;
    const uint8_t *p;
    size_t i, c;

    for (c = 0; c < step; c++) {
        for (i = 0; i < rd->n; i++) {
            p = rd->raw + (i * step + c) * (f->coding == WAV_PCM16 ? 2 : 1);
            if (f->coding == WAV_PCM16)
                rd->channel[c][i] = (int16_t)(uint16_t)(p[0] | (unsigned)p[1] << 8);
            else
                rd->channel[c][i] =
                    f->coding == WAV_ULAW ? g711_ulaw_to_linear(*p) : g711_alaw_to_linear(*p);
        }
    }
}

struct raw_block {
    uint8_t *p;
    size_t n, max;
};

static enum errc into_block(void *arg, const char *data, size_t n)
{
    struct raw_block *b = arg;

    if (n > b->max - b->n)
        return ERR_LIMIT;
    memcpy(b->p + b->n, data, n);
    b->n += n;
    return ERR_OK;
}

static enum errc load(struct recording_reader *rd, struct ctx *ctx, int64_t at, struct err *err)
{
    const struct recording *r = rd->recording;
    size_t frame = wav_frame_bytes(&r->format);
    size_t frames = (size_t)MIN(r->frames - at, (int64_t)RECORDING_BLOCK_FRAMES);
    struct raw_block raw = { rd->raw, 0, frames * frame };
    int64_t from = r->data_at + at * (int64_t)frame;
    struct arena arena = ARENA_INIT; /* of this request only: there are many */
    struct ctx own = *ctx;
    enum errc rc;

    own.arena = &arena;
    rd->n = 0;
    rc = storage_read(r->google, &own, r->bucket, r->object, from, from + (int64_t)raw.max - 1,
                      into_block, &raw, NULL, err);
    arena_release(&arena);
    if (rc)
        return rc;
    if (raw.n != raw.max)
        return err_set(err, ERR_UPSTREAM, "%zu bytes of a range of %zu", raw.n, raw.max);
    rd->from = at;
    rd->n = frames;
    split(rd);
    return ERR_OK;
}

enum errc recording_read(struct recording_reader *rd, struct ctx *ctx, int64_t at, size_t max,
                         const int16_t *channel[RECORDING_CHANNELS], size_t *n, struct err *err)
{
    size_t skip;
    enum errc rc;
    int i;

    if (at >= rd->recording->frames) {
        *n = 0;
        return ERR_OK;
    }
    if (at < rd->from || at >= rd->from + (int64_t)rd->n) {
        rc = load(rd, ctx, at, err);
        if (rc)
            return err_wrap(err, rc, "recording " STR_FMT, STR_ARG(rd->recording->object));
    }
    skip = (size_t)(at - rd->from);
    *n = MIN(max, rd->n - skip);
    for (i = 0; i < RECORDING_CHANNELS; i++)
        channel[i] = rd->channel[i] ? rd->channel[i] + skip : NULL;
    return ERR_OK;
}
