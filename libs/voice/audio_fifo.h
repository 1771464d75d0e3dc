/* voice/audio_fifo.h: audio in the order in which it came, as much of it as is still wanted. It lies in blocks
 * of a pool that all calls share, since their speech comes and goes at different times. Positions are bytes since the beginning;
 * they stay what they are when earlier audio is dropped. Audio: mu-law, 8 kHz. */
#ifndef VOICE_AUDIO_FIFO_H
#define VOICE_AUDIO_FIFO_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

struct audio_block;

struct audio_fifo {
    struct pool *pool;
    struct audio_block *first, *last;
    uint64_t begin; /* of the first block */
    uint64_t end;
};

/* A pool of audio blocks; some seconds of all calls together are kept for the next who speak. */
void audio_pool_init(struct pool *p);

void audio_fifo_init(struct audio_fifo *f, struct pool *pool); /* borrows it */
void audio_fifo_release(struct audio_fifo *f);
void audio_fifo_add(struct audio_fifo *f, const uint8_t *ulaw, size_t n); /* copies */
/* What is before `at` is not asked for again. Its memory goes back block by block. */
void audio_fifo_drop(struct audio_fifo *f, uint64_t at);
/* The audio from `at` on that lies in one piece; returns its length, 0: there is none. Borrowed until it is dropped. */
size_t audio_fifo_piece(const struct audio_fifo *f, uint64_t at, const uint8_t **ret);
/* Copy; the `n` bytes from `at` on must be there. */
void audio_fifo_read(const struct audio_fifo *f, uint64_t at, uint8_t *out, size_t n);
void audio_fifo_write(struct audio_fifo *f, uint64_t at, const uint8_t *ulaw, size_t n);

#endif
