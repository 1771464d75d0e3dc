#include "media_bridge/caller_audio.h"

#include "base/macros.h"
#include "voice/g711.h"

enum {
    SIZE = CALLER_AUDIO_MAX_MS * G711_BYTES_PER_MS,
    MOMENT = CALLER_AUDIO_MOMENT_MS * G711_BYTES_PER_MS,
    UNTOLD = CALLER_AUDIO_UNTOLD_MS * G711_BYTES_PER_MS,
};
#define NONE UINT64_MAX

void caller_audio_init(struct caller_audio *a, struct pool *pool)
{
    *a = (struct caller_audio){ .turn = NONE, .newest = NONE, .voice = NONE, .voice_end = NONE };
    audio_fifo_init(&a->fifo, pool);
}

void caller_audio_release(struct caller_audio *a)
{
    audio_fifo_release(&a->fifo);
}

static uint64_t back(uint64_t from, uint64_t n)
{
    return from - MIN(from, n);
}

/* A turn that is told later may have begun a moment before what is known of by now. */
static void drop(struct caller_audio *a)
{
    uint64_t end = a->fifo.end, oldest = MIN(MIN(a->turn, a->newest), MIN(a->voice, end));

    audio_fifo_drop(&a->fifo, MAX(back(oldest, MOMENT), back(end, SIZE)));
}

void caller_audio_hear(struct caller_audio *a, const uint8_t *ulaw, size_t n)
{
    audio_fifo_add(&a->fifo, ulaw, n);
    if (a->voice_end != NONE && a->fifo.end - a->voice_end > UNTOLD)
        a->voice = a->voice_end = NONE; /* it was no turn */
    drop(a);
}

static uint64_t position_of(const struct caller_audio *a, int64_t ago_ms)
{
    int64_t ago = MIN(MAX(ago_ms, 0), CALLER_AUDIO_MAX_MS) * G711_BYTES_PER_MS;

    return MAX(back(a->fifo.end, (uint64_t)ago), a->fifo.begin);
}

void caller_audio_voice(struct caller_audio *a, int64_t ago_ms)
{
    if (a->voice == NONE)
        a->voice = position_of(a, ago_ms);
    a->voice_end = NONE;
}

void caller_audio_quiet(struct caller_audio *a)
{
    if (a->voice != NONE)
        a->voice_end = a->fifo.end;
}

bool caller_audio_untold(const struct caller_audio *a)
{
    return a->voice != NONE;
}

void caller_audio_turn(struct caller_audio *a, int64_t ago_ms)
{
    a->newest = MIN(position_of(a, ago_ms), a->voice);
    if (a->turn == NONE)
        a->turn = a->newest;
    a->voice = a->voice_end = NONE;
}

void caller_audio_known(struct caller_audio *a, bool all)
{
    if (all)
        a->newest = NONE;
    a->turn = a->newest;
}

void caller_audio_keep(struct caller_audio *a)
{
    if (a->turn == NONE)
        a->turn = MIN(a->voice, a->fifo.end);
    a->newest = a->turn;
    a->voice = a->voice_end = NONE;
}

/* Of a turn that is too long the beginning is gone. */
static uint64_t kept_from(const struct caller_audio *a)
{
    return MIN(MAX(a->turn, back(a->fifo.end, SIZE)), a->fifo.end);
}

size_t caller_audio_kept(const struct caller_audio *a)
{
    return (size_t)(a->fifo.end - kept_from(a));
}

void caller_audio_read(const struct caller_audio *a, size_t at, uint8_t *out, size_t n)
{
    audio_fifo_read(&a->fifo, kept_from(a) + at, out, n);
}
