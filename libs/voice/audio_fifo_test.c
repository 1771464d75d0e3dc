#include "voice/audio_fifo.h"

#include <string.h>

#include "base/mem.h"
#include "test.h"
#include "voice/g711.h"

static const size_t SECOND = (size_t)1000 * G711_BYTES_PER_MS;

struct line {
    struct pool pool;
    struct audio_fifo fifo;
};

static void line_open(struct line *l)
{
    audio_pool_init(&l->pool);
    audio_fifo_init(&l->fifo, &l->pool);
}

static void line_close(struct line *l)
{
    audio_fifo_release(&l->fifo);
    pool_release(&l->pool);
}

/* Byte n of the line is n modulo 251, in pieces of `piece` bytes. */
static void say(struct line *l, size_t n, size_t piece)
{
    uint8_t ulaw[4096];
    size_t i;

    while (n > 0) {
        piece = MIN(piece, n);
        for (i = 0; i < piece; i++)
            ulaw[i] = (uint8_t)((l->fifo.end + i) % 251);
        audio_fifo_add(&l->fifo, ulaw, piece);
        n -= piece;
    }
}

static bool holds(const struct line *l, uint64_t at, size_t n)
{
    uint8_t ulaw[4096];
    size_t i;

    audio_fifo_read(&l->fifo, at, ulaw, n);
    for (i = 0; i < n && ulaw[i] == (uint8_t)((at + i) % 251); i++)
        ;
    return i == n;
}

TEST(audio_fifo_gives_back_what_came_in_whatever_the_pieces)
{
    static const size_t pieces[] = { 1, 160, 161, 959, 960, 961, 4096 };
    size_t i, at;

    for (i = 0; i < ARRAY_LEN(pieces); i++) {
        struct line l;

        line_open(&l);
        say(&l, 4 * SECOND, pieces[i]);
        CHECK_INT(l.fifo.end, 4 * SECOND);
        for (at = 0; at + 3000 <= 4 * SECOND; at += 331)
            CHECK(holds(&l, at, 3000));
        line_close(&l);
    }
}

TEST(audio_fifo_positions_stay_when_the_beginning_is_dropped)
{
    struct line l;
    uint64_t at;

    line_open(&l);
    for (at = 0; at < 60 * SECOND; at += 160) {
        say(&l, 160, 160);
        audio_fifo_drop(&l.fifo, at > 4000 ? at - 4000 : 0);
        CHECK(holds(&l, at > 4000 ? at - 4000 : 0, 160));
    }
    audio_fifo_drop(&l.fifo, l.fifo.end);
    say(&l, 1000, 77);
    CHECK(holds(&l, 60 * SECOND, 1000));
    line_close(&l);
}

TEST(audio_fifo_piece_ends_where_another_block_begins)
{
    const uint8_t *piece = NULL;
    struct line l;
    uint64_t at;
    size_t n;

    line_open(&l);
    say(&l, 5000, 5000 / 2);
    for (at = 0; at < 5000; at += n) {
        n = audio_fifo_piece(&l.fifo, at, &piece);
        CHECK(n > 0);
        CHECK_INT(piece[0], at % 251);
        CHECK_INT(piece[n - 1], (at + n - 1) % 251);
    }
    CHECK_INT(at, 5000);
    CHECK_INT(audio_fifo_piece(&l.fifo, 5000, &piece), 0);
    line_close(&l);
}

TEST(audio_fifo_is_written_over_in_place)
{
    uint8_t quiet[400], got[402];
    struct line l;

    line_open(&l);
    say(&l, 3000, 320);
    memset(quiet, 0xFF, sizeof(quiet));
    audio_fifo_write(&l.fifo, 800, quiet, sizeof(quiet));
    audio_fifo_read(&l.fifo, 799, got, sizeof(got));
    CHECK_INT(got[0], 799 % 251);
    CHECK_INT(memcmp(got + 1, quiet, sizeof(quiet)), 0);
    CHECK_INT(got[401], 1200 % 251);
    line_close(&l);
}

TEST(audio_fifo_memory_goes_back_with_the_audio)
{
    struct line l;

    line_open(&l);
    say(&l, 20 * SECOND, 160);
    audio_fifo_drop(&l.fifo, 19 * SECOND);
    CHECK(l.fifo.begin > 18 * SECOND);
#ifndef VC_SANITIZED
    CHECK(l.pool.n_kept * l.pool.block_bytes >= 18 * SECOND);
#endif
    audio_fifo_drop(&l.fifo, 20 * SECOND);
    CHECK(!l.fifo.first);
    line_close(&l);
}

#ifndef VC_SANITIZED
TEST(audio_fifo_of_a_pool_use_one_memory_in_turn)
{
    struct audio_fifo second;
    struct line l;
    size_t before;

    line_open(&l);
    audio_fifo_init(&second, &l.pool);
    say(&l, 10 * SECOND, 160);
    audio_fifo_release(&l.fifo);
    before = mem_in_use();
    audio_fifo_init(&l.fifo, &l.pool);
    say(&l, 5 * SECOND, 160);
    audio_fifo_add(&second, (const uint8_t *)"speech", 6);
    CHECK_INT(mem_in_use(), before);
    audio_fifo_release(&second);
    line_close(&l);
}
#endif
