#include "voice/turn_words.h"

#include "test.h"

TEST(turn_words_tells_a_backchannel_from_a_turn)
{
    static const struct {
        const char *text, *language;
        bool backchannel;
    } rows[] = {
        { "Okay.", "en", true },
        { "Mm-hm.", "en", true },
        { "Mhm", "de", true },
        { "Uh-huh, okay.", "en", true },
        { "Yeah, I see.", "en", true },
        { "That’s right", "en", true },
        { "Ja.", "de", true },
        { "Ach so, ja, genau.", "de-AT", true },
        { "SCHÖN", "de", true },
        { "D'accord.", "fr", true },
        { "Oui, très bien.", "fr", true },
        { "Sí, claro.", "es", true },
        { "¡Vale!", "es", true },
        { "Ja.", "", true }, /* whose language nobody knows */
        { "Ja.", "en", false },
        { "Stop.", "en", false },
        { "Wait, no.", "en", false },
        { "Okay, but on Friday.", "en", false },
        { "Nein.", "de", false },
        { "Moment mal", "de", false },
        { "Okay okay okay okay okay okay", "en", false }, /* somebody wants the floor */
        { "", "en", false },
        { "?!", "en", false },
        { "\xFF\xFE", "en", false },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        if (turn_words_backchannel(str_c(rows[i].text), str_c(rows[i].language)) !=
            rows[i].backchannel)
            FAIL_TEST("\"%s\" in \"%s\" is %sa backchannel", rows[i].text, rows[i].language,
                      rows[i].backchannel ? "not " : "");
    }
}

TEST(turn_words_tells_whether_more_is_to_come)
{
    static const struct {
        const char *text, *language, *pause;
    } rows[] = {
        { "It's, uh", "en", "hesitation" },
        { "It's the twenty", "en", "hesitation" },
        { "It's on the", "en", "hesitation" },
        { "I would like to come on...", "en", "hesitation" },
        { "I'd like to…", "en", "hesitation" },
        { "Well,", "en", "hesitation" },
        { "Um.", "en", "hesitation" },
        { "Can you tell me if", "en", "hesitation" },
        { "Could I speak to Mr.", "en", "hesitation" },
        { "Ich wollte fragen, ob", "de", "hesitation" },
        { "Je voudrais savoir ce que", "fr", "hesitation" },
        { "Es para la cita que", "es", "hesitation" },
        { "Ich möchte am", "de", "hesitation" },
        { "Das ist, Ähm.", "de", "hesitation" },
        { "Je voudrais un rendez-vous pour le", "fr", "hesitation" },
        { "Quiero una cita el", "es", "hesitation" },
        { "five five five", "en", "digits" },
        { "It is 0170 55", "en", "digits" },
        { "null eins sieben", "de", "digits" },
        { "555", "en", "digits" },
        { "M-I-L", "en", "spelling" },
        { "My name is M I", "en", "spelling" },
        { "It's the twentieth.", "en", "none" },
        { "At nine thirty.", "en", "none" },
        { "At 9:30.", "en", "none" },
        { "For two.", "en", "none" },
        { "On Thursday at 10.", "en", "none" },
        { "five five five one two three four five six seven", "en", "none" }, /* whole */
        { "0170 5551234", "en", "none" },
        { "I'd like to book an appointment.", "en", "none" },
        { "Yes.", "en", "none" },
        { "", "en", "none" },
        { "...", "en", "none" },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got =
            turn_pause_name(turn_words_pause(str_c(rows[i].text), str_c(rows[i].language)));

        if (!str_eq_c(str_c(rows[i].pause), got))
            FAIL_TEST("\"%s\" is %s, expected %s", rows[i].text, got, rows[i].pause);
    }
}

TEST(turn_words_looks_at_the_end_of_a_long_text)
{
    char text[2000];
    size_t i;

    for (i = 0; i + 5 <= sizeof(text); i += 5)
        (void)str_copy(text + i, 6 < sizeof(text) - i ? 6 : sizeof(text) - i, STR("word "));
    text[1994] = ' ', text[1995] = 'u', text[1996] = 'h', text[1997] = '\0';
    CHECK_INT(turn_words_pause(str_c(text), STR("en")), PAUSE_HESITATION);
    CHECK(!turn_words_backchannel(str_c(text), STR("en")));
}

TEST(turn_words_compares_texts_by_their_words)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        { "Hello, this is an AI.", "hello this is an AI", true },
        { "Guten Tag! Äpfel \xE2\x80\x93 ja?", "guten tag, äpfel ja", true },
        { "It\xE2\x80\x99s twenty-four", "it's twenty four", true },
        { "...Hello", "hello", true },
        { "", "...", true },
        { "Hello", "Hello there", false },
        { "Hello there", "Hello", false },
        { "an other", "another", false },
        { "Hello", "", false },
        { "This call is recorded.", "This call is not recorded.", false },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        if (turn_words_same(str_c(rows[i].a), str_c(rows[i].b)) != rows[i].same)
            FAIL_TEST("\"%s\" and \"%s\" are %sthe same words", rows[i].a, rows[i].b,
                      rows[i].same ? "not " : "");
    }
}
