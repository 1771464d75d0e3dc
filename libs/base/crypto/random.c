#include "base/crypto.h"

#include <errno.h>
#include <sys/random.h>

#include "base/die.h"
#include "base/macros.h"

void random_bytes(void *out, size_t n)
{
    uint8_t *p = out;

    while (n) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            die("no random bytes: errno %d", errno);
        p += got;
        n -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t v;

    random_bytes(&v, sizeof(v));
    return v;
}

void random_id(char *out, size_t chars)
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuv";
    uint8_t bytes[64];
    size_t i;

    for (i = 0; i < chars; i++) {
        if (i % sizeof(bytes) == 0)
            random_bytes(bytes, MIN(chars - i, sizeof(bytes)));
        out[i] = alphabet[bytes[i % sizeof(bytes)] & 31];
    }
}

struct str random_id_text(struct arena *a, size_t chars)
{
    char *out = arena_alloc(a, chars + 1);

    random_id(out, chars);
    out[chars] = '\0';
    return str_n(out, chars);
}
