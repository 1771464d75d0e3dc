/* Business profiles: refused with a sentence, or usable for a prompt. */
#include "concierge/profile.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct profile *profile = NULL;
    struct err err = ERR_INIT;
    struct arena a = ARENA_INIT;

    if (profile_parse(&profile, &a, str_n(data, size), "profile.yaml", "/nonexistent", &err))
        FUZZ_HOLDS(err.text[0] != '\0');
    else
        FUZZ_HOLDS(profile->name.n > 0);
    arena_release(&a);
    return 0;
}
