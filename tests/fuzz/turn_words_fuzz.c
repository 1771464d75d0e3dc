/* The words of the caller's transcript. The first byte chooses the language; what is said of a text does not
 * change with the blanks around it. */
#include "base/buf.h"
#include "fuzz.h"
#include "voice/turn_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = { "", "en", "de", "fr", "es", "pt" };
    struct buf padded = BUF_INIT(1 << 20);
    struct str language, text;

    if (size == 0)
        return 0;
    language = str_c(languages[data[0] % (sizeof(languages) / sizeof(languages[0]))]);
    text = str_n(data + 1, size - 1);
    buf_add_str(&padded, STR("  "));
    buf_add_str(&padded, text);
    buf_add_str(&padded, STR(" \n"));
    FUZZ_HOLDS(turn_words_pause(text, language) < PAUSES);
    if (padded.n < 400) { /* of a longer one only the end is looked at */
        FUZZ_HOLDS(turn_words_pause(text, language) ==
                   turn_words_pause(buf_str(&padded), language));
        FUZZ_HOLDS(turn_words_backchannel(text, language) ==
                   turn_words_backchannel(buf_str(&padded), language));
    }
    buf_release(&padded);
    return 0;
}
