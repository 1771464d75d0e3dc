#include "local_cloud/speech/synth.h"

#include <string.h>

#include "test.h"

TEST(synth_speaks_in_each_of_its_voices)
{
    struct synth *s = synth_create();
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; synth_voice_name(i); i++) {
        struct buf ulaw = BUF_INIT(MIB), linear = BUF_INIT(MIB);

        CHECK(synth_has_voice(str_c(synth_voice_name(i))));
        CHECK_OK(synth_ulaw(s, str_c(synth_voice_name(i)), STR("Good morning."), &ulaw, &err));
        CHECK_OK(synth_linear(s, str_c(synth_voice_name(i)), STR("Good morning."), &linear, &err));
        CHECK(ulaw.n > 4000 && ulaw.n < 16000);
        CHECK_INT(linear.n, 2 * ulaw.n);
        buf_release(&ulaw);
        buf_release(&linear);
    }
    CHECK_INT(i, 4);
    synth_destroy(s);
}

TEST(synth_says_the_same_again_from_what_it_kept)
{
    struct synth *s = synth_create();
    struct buf a = BUF_INIT(MIB), b = BUF_INIT(MIB);
    struct err err = ERR_INIT;

    CHECK_OK(synth_ulaw(s, STR("rms"), STR("At 9:30."), &a, &err));
    CHECK_OK(synth_ulaw(s, STR("rms"), STR("At nine thirty."), &b, &err)); /* the same words */
    CHECK_INT(a.n, b.n);
    CHECK(memcmp(a.p, b.p, a.n) == 0);
    buf_release(&a);
    buf_release(&b);
    synth_destroy(s);
}

TEST(synth_refuses_unknown_voices_and_endless_texts)
{
    static char text[SYNTH_TEXT_MAX + 2];
    struct synth *s = synth_create();
    struct buf out = BUF_INIT(MIB), small = BUF_INIT(100);
    struct err err = ERR_INIT;

    CHECK_RC(ERR_NOT_FOUND, synth_ulaw(s, STR("nobody"), STR("Hello."), &out, &err));
    memset(text, 'a', sizeof(text) - 1);
    CHECK_RC(ERR_LIMIT, synth_ulaw(s, STR("rms"), str_c(text), &out, &err));
    CHECK_RC(ERR_LIMIT, synth_ulaw(s, STR("rms"), STR("Hello."), &small, &err));
    CHECK_OK(synth_ulaw(s, STR("rms"), STR(" ... "), &out, &err));
    CHECK_INT(out.n, 0);
    buf_release(&out);
    buf_release(&small);
    synth_destroy(s);
}
