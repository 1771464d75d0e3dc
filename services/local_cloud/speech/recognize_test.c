#include "local_cloud/speech/recognize.h"

#include <pthread.h>

#include "base/buf.h"
#include "local_cloud/speech/sentences.h"
#include "local_cloud/speech/synth.h"
#include "test.h"
#include "voice/g711.h"

static void spoken(struct buf *audio, const char *text)
{
    struct synth *s = synth_create();
    struct err err = ERR_INIT;

    CHECK_OK(synth_ulaw(s, STR("rms"), str_c(text), audio, &err));
    synth_destroy(s);
}

static struct recognizer *recognizer_new(void)
{
    struct recognizer *r = NULL;
    struct err err = ERR_INIT;

    CHECK_OK(recognizer_create(&r, NULL, &err));
    return r;
}

static struct heard hear(struct recognizer *r, enum hearing h, const char *topics,
                         const struct buf *audio, struct arena *a)
{
    struct heard heard;
    struct err err = ERR_INIT;

    CHECK_OK(
        recognizer_hear(r, h, str_c(topics), (const uint8_t *)audio->p, audio->n, a, &heard, &err));
    return heard;
}

TEST_WITHIN(120, recognizer_hears_the_same_in_the_same_audio_with_times)
{
    struct recognizer *r = recognizer_new();
    struct buf audio = BUF_INIT(MIB);
    struct arena a = ARENA_INIT;
    struct heard one, two;
    size_t i;

    spoken(&audio, "Thursday at ten o'clock please.");
    one = hear(r, HEAR_WHEN, "", &audio, &a);
    (void)hear(r, HEAR_WHEN, "", &audio, &a);
    two = hear(r, HEAR_WHEN, "", &audio, &a);
    CHECK_STR(one.text, "thursday at ten o'clock please");
    CHECK_STR(two.text, arena_cstr(&a, one.text));
    CHECK(one.confidence >= RECOGNIZE_SURE && one.confidence == two.confidence);
    CHECK_INT(one.n_words, 5);
    for (i = 0; i < one.n_words; i++)
        CHECK(one.words[i].start_ms < one.words[i].end_ms &&
              one.words[i].end_ms <= (int)audio.n / 8 + 50);
    buf_release(&audio);
    arena_release(&a);
    recognizer_destroy(r);
}

TEST_WITHIN(120, recognizer_knows_the_business_by_its_topics)
{
    struct recognizer *r = recognizer_new();
    struct buf audio = BUF_INIT(MIB);
    struct arena a = ARENA_INIT;

    spoken(&audio, "I would like to book a piano lesson tomorrow.");
    CHECK_CONTAINS(hear(r, HEAR_REQUEST, "Piano lesson\n?Where can I park?\n", &audio, &a).text,
                   "piano lesson");
    CHECK(!str_contains(hear(r, HEAR_REQUEST, "", &audio, &a).text, STR("piano")));
    buf_release(&audio);
    arena_release(&a);
    recognizer_destroy(r);
}

TEST(recognizer_understands_nothing_in_nothing)
{
    struct recognizer *r = recognizer_new();
    struct buf audio = BUF_INIT(MIB);
    struct arena a = ARENA_INIT;
    int i;

    CHECK_INT(hear(r, HEAR_YES_NO, "", &audio, &a).text.n, 0);
    for (i = 0; i < 40; i++)
        buf_add_char(&audio, (char)G711_ULAW_SILENCE);
    CHECK_INT(hear(r, HEAR_YES_NO, "", &audio, &a).n_words, 0); /* 5 ms */
    for (i = 0; i < 8000; i++)
        buf_add_char(&audio, (char)G711_ULAW_SILENCE);
    CHECK(hear(r, HEAR_YES_NO, "", &audio, &a).confidence < 0.9);
    buf_release(&audio);
    arena_release(&a);
    recognizer_destroy(r);
}

TEST(recognizer_says_which_package_is_missing)
{
    const struct recognizer_opts opts = { .dict_path = "/no/such/dictionary" };
    struct recognizer *r = NULL;
    struct err err = ERR_INIT;

    CHECK_RC(ERR_NOT_FOUND, recognizer_create(&r, &opts, &err));
    CHECK_CONTAINS(str_c(err.text), "pocketsphinx-en-us");
    CHECK(r == NULL);
}

struct listener {
    struct recognizer *r;
    const struct buf *audio;
    bool right;
};

static void *listen_often(void *arg)
{
    struct listener *l = arg;
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct heard h;
    int i;

    l->right = true;
    for (i = 0; i < 4; i++) {
        if (recognizer_hear(l->r, i % 2 ? HEAR_WHEN : HEAR_YES_NO, STR_EMPTY,
                            (const uint8_t *)l->audio->p, l->audio->n, &a, &h, &err) ||
            !str_contains(h.text, STR("thursday")))
            l->right = false;
    }
    arena_release(&a);
    return NULL;
}

TEST_WITHIN(120, recognizer_is_shared_by_threads)
{
    struct recognizer *r = recognizer_new();
    struct buf audio = BUF_INIT(MIB);
    struct listener l[3];
    pthread_t threads[3];
    size_t i;

    spoken(&audio, "No, on Thursday please.");
    for (i = 0; i < ARRAY_LEN(l); i++) {
        l[i] = (struct listener){ r, &audio, false };
        CHECK_INT(pthread_create(&threads[i], NULL, listen_often, &l[i]), 0);
    }
    for (i = 0; i < ARRAY_LEN(l); i++) {
        CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK(l[i].right);
    }
    buf_release(&audio);
    recognizer_destroy(r);
}

TEST(sentences_are_the_same_from_the_same_start_and_have_no_template_marks)
{
    enum hearing h;
    int i;

    for (h = 0; h < HEARINGS; h++) {
        struct sentence_source one = { .hearing = h,
                                       .topics = STR("check up\n?where can i park\n"),
                                       .random = 7 };
        struct sentence_source two = one;
        struct buf a = BUF_INIT(4096), b = BUF_INIT(4096);

        for (i = 0; i < 500; i++) {
            size_t k;

            buf_reset(&a);
            buf_reset(&b);
            sentence_draw(&one, &a);
            sentence_draw(&two, &b);
            CHECK_STR(buf_str(&a), buf_cstr(&b));
            CHECK(a.n > 1);
            for (k = 0; k < a.n; k++)
                CHECK(a.p[k] != '<' && a.p[k] != '>' && a.p[k] != '[' && a.p[k] != ']' &&
                      a.p[k] != '|' && a.p[k] != '?');
        }
        buf_release(&a);
        buf_release(&b);
    }
}
