/* JSON: what is read can be written, and reads as the same text again. */
#include "base/arena.h"
#include "base/json.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    const struct jval *v, *again;
    struct str text;

    if (!json_parse_arena(&v, &a, str_n(data, size), NULL)) {
        text = json_val_text(&a, v);
        FUZZ_HOLDS(!json_parse_arena(&again, &a, text, NULL));
        FUZZ_HOLDS(str_eq(json_val_text(&a, again), text));
        (void)json_path(v, "a.0.b");
    }
    arena_release(&a);
    return 0;
}
