/* TwiML made of outside texts: a document that is finished is well-formed, holds as many verbs as were
 * written, and nothing that XML 1.0 refuses. The reader is the stand-in Twilio's, so that it is fuzzed with
 * raw bytes as well. */
#include <string.h>

#include "fuzz.h"
#include "local_cloud/twilio/xml.h"
#include "twilio/twiml.h"

enum { PIECES = 6, VERBS = 6 };

/* The input cut into texts at its NULs; those missing are empty. */
static void cut(struct str pieces[PIECES], struct str in)
{
    size_t i;

    for (i = 0; i < PIECES; i++) {
        pieces[i] = in;
        if (!str_cut(in, '\0', &pieces[i], &in))
            in = STR_EMPTY;
    }
}

static void write_all(struct twiml *t, const struct str p[PIECES])
{
    const struct twiml_parameter parameters[] = { { p[0], p[1] }, { p[2], p[3] } };
    const struct twiml_number numbers[] = { { .number = p[4], .url = p[5] } };

    twiml_start_recording(t, &(struct twiml_recording){ .status_callback = p[0] });
    twiml_connect_stream(t, &(struct twiml_stream){ .action = p[1],
                                                    .url = p[2],
                                                    .name = p[3],
                                                    .parameters = parameters,
                                                    .n_parameters = ARRAY_LEN(parameters) });
    twiml_dial(t, &(struct twiml_dial){ .action = p[3],
                                        .caller_id = p[4],
                                        .numbers = numbers,
                                        .n_numbers = ARRAY_LEN(numbers) });
    twiml_say(t, &(struct twiml_voice){ .voice = p[4], .language = p[5] }, p[0]);
    twiml_play(t, p[1]);
    twiml_redirect(t, p[2]);
}

static void check_document(struct str text)
{
    struct arena a = ARENA_INIT;
    struct xml_node *root, *verb;
    size_t n = 0, i;

    FUZZ_HOLDS(!xml_parse(&root, &a, text, NULL));
    for (verb = root->first_child; verb; verb = verb->next)
        n++;
    FUZZ_HOLDS(n == VERBS);
    for (i = 0; i < text.n; i++)
        FUZZ_HOLDS((unsigned char)text.p[i] >= ' ' || strchr("\t\n\r", text.p[i]));
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str pieces[PIECES], text;
    struct arena a = ARENA_INIT;
    struct xml_node *root;
    struct twiml t;

    if (!xml_parse(&root, &a, str_n(data, size), NULL))
        FUZZ_HOLDS(root->name.n > 0);
    arena_release(&a);
    cut(pieces, str_n(data, size));
    twiml_init(&t, TWIML_BYTES_MAX);
    write_all(&t, pieces);
    if (!twiml_finish(&t, &text, NULL))
        check_document(text);
    twiml_release(&t);
    return 0;
}
