/* fuzz.h: what a target defines. libFuzzer calls it with one input after another. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold of every input. */
#define FUZZ_HOLDS(cond) \
    do {                 \
        if (!(cond))     \
            abort();     \
    } while (0)

#endif
