#include "base/yaml.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct yaml_node *root = NULL;
    struct arena a = ARENA_INIT;

    if (!yaml_parse(&root, &a, str_n(data, size), NULL))
        FUZZ_HOLDS(root != NULL);
    arena_release(&a);
    return 0;
}
