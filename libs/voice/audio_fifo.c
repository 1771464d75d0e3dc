#include "voice/audio_fifo.h"

#include <assert.h>
#include <string.h>

#include "base/macros.h"
#include "voice/g711.h"

enum {
    BLOCK_AUDIO = 6 * G711_FRAME_BYTES, /* 120 ms */
    BLOCKS_KEPT = 1024,
};

struct audio_block {
    struct audio_block *next;
    uint8_t ulaw[BLOCK_AUDIO];
};

void audio_pool_init(struct pool *p)
{
    pool_init(p, sizeof(struct audio_block), BLOCKS_KEPT);
}

void audio_fifo_init(struct audio_fifo *f, struct pool *pool)
{
    *f = (struct audio_fifo){ .pool = pool };
}

static void drop_first(struct audio_fifo *f)
{
    struct audio_block *b = f->first;

    f->first = b->next;
    if (!f->first)
        f->last = NULL;
    f->begin += BLOCK_AUDIO;
    pool_give(f->pool, b);
}

void audio_fifo_release(struct audio_fifo *f)
{
    while (f->first)
        drop_first(f);
}

static struct audio_block *block_add(struct audio_fifo *f)
{
    struct audio_block *b = pool_take(f->pool);

    b->next = NULL;
    if (f->last)
        f->last->next = b;
    else
        f->first = b;
    f->last = b;
    return b;
}

void audio_fifo_add(struct audio_fifo *f, const uint8_t *ulaw, size_t n)
{
    if (!f->first)
        f->begin = f->end;
    while (n > 0) {
        size_t used = (size_t)(f->end - f->begin) % BLOCK_AUDIO;
        size_t piece = MIN(n, BLOCK_AUDIO - used);
        struct audio_block *b = used > 0 ? f->last : block_add(f);

        memcpy(b->ulaw + used, ulaw, piece);
        f->end += piece;
        ulaw += piece;
        n -= piece;
    }
}

void audio_fifo_drop(struct audio_fifo *f, uint64_t at)
{
    while (f->first && (at >= f->end || at >= f->begin + BLOCK_AUDIO))
        drop_first(f);
}

static size_t piece_at(const struct audio_fifo *f, uint64_t at, uint8_t **ret)
{
    struct audio_block *b = f->first;
    uint64_t from = f->begin;

    if (!b || at < from || at >= f->end)
        return 0;
    while (at >= from + BLOCK_AUDIO) {
        b = b->next;
        from += BLOCK_AUDIO;
    }
    *ret = b->ulaw + (at - from);
    return (size_t)(MIN(f->end, from + BLOCK_AUDIO) - at);
}

size_t audio_fifo_piece(const struct audio_fifo *f, uint64_t at, const uint8_t **ret)
{
    uint8_t *piece = NULL;
    size_t n = piece_at(f, at, &piece);

    *ret = piece;
    return n;
}

void audio_fifo_read(const struct audio_fifo *f, uint64_t at, uint8_t *out, size_t n)
{
    while (n > 0) {
        uint8_t *piece = NULL;
        size_t have = piece_at(f, at, &piece);

        assert(have > 0);
        have = MIN(have, n);
        memcpy(out, piece, have);
        out += have;
        at += have;
        n -= have;
    }
}

void audio_fifo_write(struct audio_fifo *f, uint64_t at, const uint8_t *ulaw, size_t n)
{
    while (n > 0) {
        uint8_t *piece = NULL;
        size_t have = piece_at(f, at, &piece);

        assert(have > 0);
        have = MIN(have, n);
        memcpy(piece, ulaw, have);
        ulaw += have;
        at += have;
        n -= have;
    }
}
