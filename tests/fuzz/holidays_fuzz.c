#include "concierge/holidays.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile_exception *days = NULL;
    struct arena a = ARENA_INIT;
    size_t i, n = 0;

    if (!holidays_parse(&days, &n, &a, str_n(data, size), NULL)) {
        FUZZ_HOLDS(n >= 1 && n <= HOLIDAYS_MAX);
        for (i = 0; i < n; i++)
            FUZZ_HOLDS(date_valid(days[i].date) && str_utf8_valid(days[i].name));
    }
    arena_release(&a);
    return 0;
}
