#include "concierge/zone_file.h"

#include "fuzz.h"

enum { CHANGES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t from_s = 1577836800, to_s = 2114380800; /* 2020 to 2037 */
    struct zone_change c[CHANGES_MAX];
    size_t i, n = 0;

    if (zone_file_changes(str_n(data, size), from_s, to_s, c, CHANGES_MAX, &n))
        return 0;
    FUZZ_HOLDS(n >= 1 && n <= CHANGES_MAX);
    for (i = 1; i < n; i++)
        FUZZ_HOLDS(c[i].at_s > from_s && c[i].at_s < to_s &&
                   (i == 1 || c[i].at_s > c[i - 1].at_s) && c[i].offset_s != c[i - 1].offset_s);
    return 0;
}
