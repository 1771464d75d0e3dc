#include "post_call/recording.h"

#include <string.h>

#include "post_call/fakes_test.h"
#include "voice/g711.h"

/* An object as it may lie in the bucket. */
static void put(struct world *w, const void *head, size_t head_n, const void *data, size_t data_n)
{
    struct fake_object *o = &w->fakes.objects[w->fakes.n_objects++];

    CHECK(str_copy(o->name, sizeof(o->name), STR("x.wav")));
    o->there = true;
    buf_init(&o->data, 16 * MIB);
    buf_add(&o->data, head, head_n);
    buf_add(&o->data, data, data_n);
    o->size = (int64_t)o->data.n;
}

static struct google *google_of(struct world *w)
{
    struct google *g = NULL;

    CHECK_OK(google_create(&g, STR("p"), &w->settings.google, &w->fakes.clock, NULL));
    return g;
}

static enum errc open_it(struct world *w, struct google *g, struct recording *r)
{
    return recording_open(r, &w->ctx, g, STR(FAKE_BUCKET), STR("x.wav"), NULL);
}

TEST(recording_splits_its_channels_whatever_the_coding)
{
    static const struct {
        enum wav_coding coding;
        int channels;
        int16_t left, right;
    } rows[] = {
        { WAV_PCM16, 1, -2, 0 },
        { WAV_PCM16, 2, -30000, 258 },
        { WAV_ULAW, 2, -31100, 31100 },
        { WAV_ALAW, 2, -5504, 5504 },
    };
    const struct wav_format *f;
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct wav_format format = { rows[i].coding, rows[i].channels, 8000 };
        int16_t want[2] = { rows[i].left, rows[i].right };
        const int16_t *channel[RECORDING_CHANNELS];
        uint8_t head[WAV_HEADER_MAX], data[4 * 3];
        size_t frame, n = 0;
        struct recording_reader rd;
        struct recording r;
        struct google *g;
        struct world w;

        world_open(&w);
        g = google_of(&w);
        f = &format;
        frame = wav_frame_bytes(f);
        for (k = 0; k < 3 * (size_t)f->channels; k++) {
            int16_t v = want[k % (size_t)f->channels];

            if (f->coding == WAV_ULAW)
                data[k] = g711_linear_to_ulaw(v);
            else if (f->coding == WAV_ALAW)
                data[k] = g711_linear_to_alaw(v);
            else
                memcpy(data + k * 2, &v, 2);
        }
        put(&w, head, wav_header_write(head, f, (uint32_t)(3 * frame)), data, 3 * frame);
        CHECK_OK(open_it(&w, g, &r));
        CHECK_INT(r.frames, 3);
        recording_reader_init(&rd, &r, &w.arena);
        CHECK_OK(recording_read(&rd, &w.ctx, 1, 100, channel, &n, NULL));
        CHECK_INT(n, 2);
        for (k = 0; k < (size_t)f->channels; k++) {
            CHECK(channel[k][0] - want[k] <= want[k] / 20 + 1 || want[k] < 0);
            CHECK_INT(channel[k][0] < 0, want[k] < 0);
            if (f->coding == WAV_PCM16)
                CHECK_INT(channel[k][1], want[k]);
        }
        CHECK_OK(recording_read(&rd, &w.ctx, 3, 100, channel, &n, NULL));
        CHECK_INT(n, 0);
        google_destroy(g);
        world_close(&w);
    }
}

TEST(recording_length_is_what_is_there)
{
    static const struct wav_format format = { WAV_PCM16, 2, 8000 };
    static const uint8_t data[403];
    static const struct {
        uint32_t said;
        int64_t frames;
    } rows[] = {
        { 400, 100 },        /* as it is */
        { 200, 50 },         /* something follows the audio */
        { 4000, 100 },       /* cut short */
        { UINT32_MAX, 100 }, /* streamed */
        { 0, 100 },          /* streamed, by others */
    };
    uint8_t head[WAV_HEADER_MAX];
    struct recording r;
    struct google *g;
    struct world w;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        world_open(&w);
        g = google_of(&w);
        put(&w, head, wav_header_write(head, &format, rows[i].said), data, sizeof(data));
        CHECK_OK(open_it(&w, g, &r));
        CHECK_INT(r.frames, rows[i].frames);
        CHECK_INT(recording_ms(&r, 80), 10);
        google_destroy(g);
        world_close(&w);
    }
}

TEST(recording_header_may_be_long_and_must_be_one)
{
    static const struct wav_format format = { WAV_PCM16, 2, 8000 };
    struct {
        const char *name;
        struct str head;
        enum errc rc;
    } rows[] = {
        { "no object's bytes at all", STR(""), ERR_INVALID },
        { "half a header", STR("RIFF\x24\0\0\0WAVEfmt "), ERR_INVALID },
        { "something else", STR("<?xml version=\"1.0\"?><Error>NoSuchKey</Error>"), ERR_INVALID },
    };
    uint8_t head[WAV_HEADER_MAX];
    struct buf text = BUF_INIT(64 * KIB);
    struct recording r;
    struct google *g;
    struct world w;
    size_t i, n;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        enum errc rc;

        world_open(&w);
        g = google_of(&w);
        put(&w, rows[i].head.p, rows[i].head.n, "", 0);
        rc = open_it(&w, g, &r);
        if (rc != rows[i].rc)
            FAIL_TEST("%s: %s", rows[i].name, errc_name(rc));
        google_destroy(g);
        world_close(&w);
    }
    /* A LIST chunk of 6000 bytes between format and audio: more than the first read takes. */
    n = wav_header_write(head, &format, 400);
    buf_add(&text, head, n - 8);
    buf_add(&text, "LIST\x70\x17\0\0", 8);
    for (i = 0; i < 6000; i++)
        buf_add_char(&text, 'x');
    buf_add(&text, head + n - 8, 8);
    for (i = 0; i < 400; i++)
        buf_add_char(&text, 0);
    world_open(&w);
    g = google_of(&w);
    put(&w, text.p, text.n, "", 0);
    CHECK_OK(open_it(&w, g, &r));
    CHECK_INT(r.frames, 100);
    CHECK_INT(r.data_at, (int64_t)n + 6008);
    google_destroy(g);
    world_close(&w);
    buf_release(&text);
}

TEST(recording_is_read_across_blocks)
{
    static const struct wav_format format = { WAV_PCM16, 1, 8000 };
    enum { FRAMES = RECORDING_BLOCK_FRAMES * 2 + 777 };
    const int16_t *channel[RECORDING_CHANNELS];
    struct buf data = BUF_INIT(4 * MIB);
    uint8_t head[WAV_HEADER_MAX];
    struct recording_reader rd;
    struct recording r;
    int64_t at, before;
    struct google *g;
    struct world w;
    size_t n, i;

    for (at = 0; at < FRAMES; at++) {
        int16_t v = (int16_t)(at % 30011);

        buf_add(&data, &v, 2);
    }
    world_open(&w);
    g = google_of(&w);
    put(&w, head, wav_header_write(head, &format, FRAMES * 2), data.p, data.n);
    CHECK_OK(open_it(&w, g, &r));
    recording_reader_init(&rd, &r, &w.arena);
    before = w.fakes.n_requests;
    for (at = 0; at < FRAMES; at += (int64_t)n) {
        CHECK_OK(recording_read(&rd, &w.ctx, at, 160, channel, &n, NULL));
        CHECK(n > 0);
        for (i = 0; i < n; i++)
            CHECK_INT(channel[0][i], (at + (int64_t)i) % 30011);
    }
    CHECK_INT(w.fakes.n_requests - before, 3);
    google_destroy(g);
    world_close(&w);
    buf_release(&data);
}
