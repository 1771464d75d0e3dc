#include "media_bridge/caller_audio.h"

#include <string.h>

#include "test.h"
#include "voice/g711.h"

/* `ms` of audio whose every byte is `b`, in frames. */
static void hear(struct caller_audio *a, uint8_t b, int ms)
{
    uint8_t frame[G711_FRAME_BYTES];

    memset(frame, b, sizeof(frame));
    for (; ms > 0; ms -= G711_FRAME_MS)
        caller_audio_hear(a, frame, sizeof(frame));
}

static int kept_ms(struct caller_audio *a, uint8_t *first)
{
    size_t n;

    caller_audio_keep(a);
    n = caller_audio_kept(a);
    *first = 0;
    if (n)
        caller_audio_read(a, 0, first, 1);
    return (int)(n / G711_BYTES_PER_MS);
}

static void open_audio(struct caller_audio *a, struct pool *pool)
{
    audio_pool_init(pool);
    caller_audio_init(a, pool);
}

static void close_audio(struct caller_audio *a)
{
    struct pool *pool = a->fifo.pool;

    caller_audio_release(a);
    pool_release(pool);
}

TEST(caller_audio_keeps_nothing_of_what_is_known)
{
    struct caller_audio a;
    struct pool pool;
    uint8_t first;

    open_audio(&a, &pool);
    hear(&a, 1, 60000);
    caller_audio_turn(&a, 500);
    hear(&a, 2, 3000);
    caller_audio_known(&a, true);
    hear(&a, 3, 1000);
    CHECK_INT(kept_ms(&a, &first), 0);
    hear(&a, 4, 700); /* and what is said until the next engine is there */
    CHECK_INT(kept_ms(&a, &first), 700);
    CHECK_INT(first, 4);
    close_audio(&a);
}

TEST(caller_audio_keeps_a_turn_from_its_onset_on)
{
    struct caller_audio a;
    struct pool pool;
    uint8_t first;

    open_audio(&a, &pool);
    hear(&a, 1, 5000);
    hear(&a, 2, 400);
    caller_audio_turn(&a, 400);
    hear(&a, 3, 6000);
    CHECK_INT(kept_ms(&a, &first), 6400);
    CHECK_INT(first, 2);
    close_audio(&a);
}

TEST(caller_audio_keeps_speech_that_the_engine_has_not_told_yet)
{
    struct caller_audio a;
    struct pool pool;
    uint8_t first;

    open_audio(&a, &pool);
    hear(&a, 1, 5000);
    hear(&a, 2, 100);
    caller_audio_voice(&a, 100);
    hear(&a, 3, 500);
    caller_audio_quiet(&a);
    hear(&a, 4, 1500);
    CHECK_INT(kept_ms(&a, &first), 2100);
    CHECK_INT(first, 2);
    close_audio(&a);
}

TEST(caller_audio_takes_speech_that_the_engine_never_tells_for_noise)
{
    struct caller_audio a;
    struct pool pool;
    uint8_t first;

    open_audio(&a, &pool);
    caller_audio_voice(&a, 0);
    hear(&a, 1, 500);
    caller_audio_quiet(&a);
    hear(&a, 2, CALLER_AUDIO_UNTOLD_MS - 100);
    CHECK(caller_audio_untold(&a));
    hear(&a, 2, 200);
    CHECK(!caller_audio_untold(&a));
    CHECK_INT(kept_ms(&a, &first), 0);
    close_audio(&a);
}

TEST(caller_audio_keeps_a_turn_that_began_before_the_words_of_the_last_came)
{
    struct caller_audio a;
    struct pool pool;
    uint8_t first;

    open_audio(&a, &pool);
    hear(&a, 1, 1000);
    caller_audio_turn(&a, 0);
    hear(&a, 2, 2000);
    caller_audio_turn(&a, 0);
    hear(&a, 3, 500);
    caller_audio_known(&a, false);
    CHECK_INT(kept_ms(&a, &first), 500);
    CHECK_INT(first, 3);
    close_audio(&a);
}

TEST(caller_audio_keeps_the_end_of_a_turn_that_is_too_long)
{
    struct caller_audio a;
    struct pool pool;
    uint8_t first;
    int ms;

    open_audio(&a, &pool);
    caller_audio_turn(&a, 0);
    hear(&a, 1, 10000);
    hear(&a, 2, CALLER_AUDIO_MAX_MS);
    ms = kept_ms(&a, &first);
    CHECK(ms > CALLER_AUDIO_MAX_MS - 600 && ms <= CALLER_AUDIO_MAX_MS);
    CHECK_INT(first, 2);
    close_audio(&a);
}
