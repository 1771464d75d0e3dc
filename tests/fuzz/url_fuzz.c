/* URLs: parts point into the text; encoding can be undone. */
#include "base/arena.h"
#include "base/url.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n(data, size), encoded;
    struct arena a = ARENA_INIT;
    struct url url;

    if (!url_parse(&url, text))
        FUZZ_HOLDS(url.host.n > 0 && url.host.p >= text.p &&
                   url.host.p + url.host.n <= text.p + text.n);
    encoded = url_encode_text(&a, text);
    FUZZ_HOLDS(str_eq(url_decode(&a, encoded, false), text));
    arena_release(&a);
    return 0;
}
