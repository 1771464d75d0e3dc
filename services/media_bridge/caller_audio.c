#include "media_bridge/caller_audio.h"

#include <string.h>

#include "base/macros.h"
#include "base/mem.h"
#include "voice/g711.h"

enum {
    SIZE = CALLER_AUDIO_MAX_MS * G711_BYTES_PER_MS,
    MOMENT = CALLER_AUDIO_MOMENT_MS * G711_BYTES_PER_MS,
    UNTOLD = CALLER_AUDIO_UNTOLD_MS * G711_BYTES_PER_MS,
    DROP = 500 * G711_BYTES_PER_MS, /* at a time, when it is full */
};
#define NONE SIZE_MAX

void caller_audio_init(struct caller_audio *a)
{
    *a = (struct caller_audio){
        .ulaw = mem_alloc(SIZE), .turn = NONE, .newest = NONE, .voice = NONE, .voice_end = NONE
    };
}

void caller_audio_release(struct caller_audio *a)
{
    mem_free(a->ulaw);
    a->ulaw = NULL;
}

static void drop(struct caller_audio *a, size_t n)
{
    size_t *const offsets[] = { &a->turn, &a->newest, &a->voice, &a->voice_end };
    size_t i;

    memmove(a->ulaw, a->ulaw + n, a->n - n);
    a->n -= n;
    for (i = 0; i < ARRAY_LEN(offsets); i++) {
        if (*offsets[i] != NONE)
            *offsets[i] -= MIN(*offsets[i], n);
    }
}

void caller_audio_hear(struct caller_audio *a, const uint8_t *ulaw, size_t n)
{
    if (n > DROP) { /* no frame is so long */
        ulaw += n - DROP;
        n = DROP;
    }
    if (a->n + n > SIZE)
        drop(a, DROP);
    memcpy(a->ulaw + a->n, ulaw, n);
    a->n += n;
    if (a->voice_end != NONE && a->n - a->voice_end > UNTOLD)
        a->voice = a->voice_end = NONE; /* it was no turn */
    if (a->turn == NONE && a->voice == NONE && a->n > 2 * (size_t)MOMENT)
        drop(a, a->n - MOMENT);
}

static size_t offset_of(const struct caller_audio *a, int64_t ago_ms)
{
    size_t ago = (size_t)MIN(MAX(ago_ms, 0), CALLER_AUDIO_MAX_MS) * G711_BYTES_PER_MS;

    return a->n - MIN(a->n, ago);
}

void caller_audio_voice(struct caller_audio *a, int64_t ago_ms)
{
    if (a->voice == NONE)
        a->voice = offset_of(a, ago_ms);
    a->voice_end = NONE;
}

void caller_audio_quiet(struct caller_audio *a)
{
    if (a->voice != NONE)
        a->voice_end = a->n;
}

bool caller_audio_untold(const struct caller_audio *a)
{
    return a->voice != NONE;
}

void caller_audio_turn(struct caller_audio *a, int64_t ago_ms)
{
    a->newest = MIN(offset_of(a, ago_ms), a->voice);
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
        a->turn = MIN(a->voice, a->n);
    a->newest = a->turn;
    a->voice = a->voice_end = NONE;
}

size_t caller_audio_kept(const struct caller_audio *a, const uint8_t **ret)
{
    size_t from = MIN(a->turn, a->n);

    *ret = a->ulaw + from;
    return a->n - from;
}
