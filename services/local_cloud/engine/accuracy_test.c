/* How much is understood of what synthesised callers say over the telephone's path: the meaning of
 * what was heard against the meaning of what was said, for each voice. Floors stand a little below
 * what is measured. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "local_cloud/engine/understand.h"
#include "local_cloud/speech/recognize.h"
#include "local_cloud/speech/synth.h"
#include "test.h"
#include "voice/g711.h"

enum { TODAY_YEAR = 2026, TODAY_MONTH = 11, TODAY_DAY = 24, BEFORE_MS = 300, AFTER_MS = 500 };

static const struct {
    enum hearing hearing;
    const char *said;
} sentences[] = {
    { HEAR_REQUEST, "Hello, I would like to book a check-up on Thursday morning please." },
    { HEAR_REQUEST, "I would like a check-up on Friday at two thirty in the afternoon please." },
    { HEAR_REQUEST, "I need a check-up at eight in the morning on Thursday." },
    { HEAR_REQUEST, "I would like a check-up on the twenty sixth of November at ten o'clock." },
    { HEAR_REQUEST, "Can I get a vaccination tomorrow afternoon?" },
    { HEAR_REQUEST, "I'd like an appointment for a consultation next week." },
    { HEAR_REQUEST, "I need an appointment as soon as possible." },
    { HEAR_REQUEST, "Do you have anything free next Tuesday?" },
    { HEAR_REQUEST, "I would like a quote for our company." },
    { HEAR_REQUEST, "I want to speak to a person please." },
    { HEAR_REQUEST, "A person please." },
    { HEAR_REQUEST, "Are you a robot?" },
    { HEAR_REQUEST, "When are you open?" },
    { HEAR_REQUEST, "How much is a consultation?" },
    { HEAR_REQUEST, "What is your address?" },
    { HEAR_REQUEST, "He collapsed." },
    { HEAR_WHEN, "Thursday at ten." },
    { HEAR_WHEN, "Tomorrow at half past nine." },
    { HEAR_WHEN, "On Monday the thirtieth in the afternoon." },
    { HEAR_WHEN, "Yes, the first one please." },
    { HEAR_WHEN, "The second one." },
    { HEAR_WHEN, "Then three o'clock please." },
    { HEAR_WHEN, "Nine thirty is fine." },
    { HEAR_WHEN, "No, none of these." },
    { HEAR_WHEN, "Do you have anything later?" },
    { HEAR_WHEN, "What about Wednesday morning?" },
    { HEAR_YES_NO, "Yes, that is correct." },
    { HEAR_YES_NO, "Yes please." },
    { HEAR_YES_NO, "That's right." },
    { HEAR_YES_NO, "No." },
    { HEAR_YES_NO, "No, that's wrong." },
    { HEAR_YES_NO, "No, the twenty seventh, not the twenty sixth." },
    { HEAR_YES_NO, "No, I said Friday." },
    { HEAR_YES_NO, "Can we make it three o'clock instead?" },
    { HEAR_MORE, "No thank you, goodbye." },
    { HEAR_MORE, "Thank you, goodbye." },
    { HEAR_MORE, "No, that's all, thank you." },
    { HEAR_MORE, "Goodbye." },
    { HEAR_MORE, "Yes, when are you open?" },
    { HEAR_NAME, "My name is Anna Miller." },
    { HEAR_NAME, "It's John Smith." },
    { HEAR_NAME, "Peter Schneider." },
    { HEAR_PHONE, "You can use this number, this one is fine." },
    { HEAR_PHONE, "Zero three zero, double five, one two three four." },
    { HEAR_PHONE, "One oh one one five." },
    { HEAR_DETAILS, "About forty people." },
    { HEAR_DETAILS, "In January." },
    { HEAR_DETAILS, "Tomorrow morning please." },
};

struct counts {
    int right, sure;
};

static bool same_meaning(const struct meaning *a, const struct meaning *b)
{
    return a->yes == b->yes && a->no == b->no && a->bye == b->bye && a->person == b->person &&
           a->robot == b->robot && a->emergency == b->emergency && a->large == b->large &&
           a->pushes == b->pushes && a->this_number == b->this_number &&
           a->question == b->question && a->choice == b->choice && a->has_wish == b->has_wish &&
           a->wish.from_day == b->wish.from_day && a->wish.to_day == b->wish.to_day &&
           a->wish.minute == b->wish.minute && a->wish.part == b->wish.part &&
           a->wish.soon == b->wish.soon && strcmp(a->digits, b->digits) == 0;
}

static bool understood(enum hearing h, struct str heard, const char *said)
{
    int today = day_from_civil(TODAY_YEAR, TODAY_MONTH, TODAY_DAY);
    char name[2][SAID_NAME_MAX + 1];
    struct meaning a, b;
    long number[2] = { 0, 0 };

    if (h == HEAR_NAME) {
        understand_name(name[0], heard);
        understand_name(name[1], str_c(said));
        return strcmp(name[0], name[1]) == 0;
    }
    understand(&a, heard, today, h == HEAR_WHEN);
    understand(&b, str_c(said), today, h == HEAR_WHEN);
    if (h == HEAR_DETAILS &&
        (understand_number(heard, &number[0]) != understand_number(str_c(said), &number[1]) ||
         number[0] != number[1]))
        return false;
    return same_meaning(&a, &b);
}

static void quiet(struct buf *b, int ms)
{
    int i;

    for (i = 0; i < ms * G711_BYTES_PER_MS; i++)
        buf_add_char(b, (char)G711_ULAW_SILENCE);
}

#ifdef VC_SANITIZED
enum { EACH = 8 }; /* a sanitizer takes long, and sees no more in the others */
#else
enum { EACH = 1 };
#endif

static struct counts measure(const char *voice)
{
    struct synth *s = synth_create();
    struct recognizer *r = NULL;
    struct counts c = { 0, 0 };
    struct err err = ERR_INIT;
    size_t i;

    CHECK_OK(recognizer_create(&r, NULL, &err));
    for (i = 0; i < ARRAY_LEN(sentences); i += EACH) {
        struct buf audio = BUF_INIT(MIB);
        struct arena a = ARENA_INIT;
        struct heard h;
        bool right;

        quiet(&audio, BEFORE_MS);
        CHECK_OK(synth_ulaw(s, str_c(voice), str_c(sentences[i].said), &audio, &err));
        quiet(&audio, AFTER_MS);
        CHECK_OK(recognizer_hear(r, sentences[i].hearing,
                                 STR("Check-up\nConsultation\nVaccination\n"),
                                 (const uint8_t *)audio.p, audio.n, &a, &h, &err));
        right = understood(sentences[i].hearing, h.text, sentences[i].said);
        if (!right)
            printf("%s said \"%s\" heard \"" STR_FMT "\" confidence %.2f\n", voice,
                   sentences[i].said, STR_ARG(h.text), h.confidence);
        c.right += right;
        c.sure += right && h.confidence >= RECOGNIZE_SURE;
        arena_release(&a);
        buf_release(&audio);
    }
    recognizer_destroy(r);
    synth_destroy(s);
    printf("%s: %d of %zu understood, %d of them surely\n", voice, c.right,
           ARRAY_LEN(sentences) / EACH, c.sure);
    return c;
}

TEST_WITHIN(240, voice_rms_is_understood)
{
    CHECK(measure("rms").right >= 43 / EACH);
}

TEST_WITHIN(240, voice_kal16_is_understood)
{
    CHECK(measure("kal16").right >= 38 / EACH);
}
