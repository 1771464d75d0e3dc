#include "base/crypto.h"

#include <string.h>

#include "test.h"

TEST(random_bytes_fill_everything_and_differ)
{
    uint8_t a[1000] = { 0 }, b[1000] = { 0 };
    size_t i, zeros = 0;

    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    for (i = 0; i < sizeof(a); i++)
        zeros += a[i] == 0;
    CHECK(zeros < 40); /* expected: 4 */
    random_bytes(a, 0);
    CHECK(random_u64() != random_u64());
}

TEST(random_ids_use_all_of_their_alphabet_and_nothing_else)
{
    bool seen[256] = { false };
    struct arena a = ARENA_INIT;
    struct str id = random_id_text(&a, 4000);
    size_t i, kinds = 0;

    CHECK_INT(id.n, 4000);
    CHECK_INT(id.p[id.n], 0);
    for (i = 0; i < id.n; i++)
        seen[(unsigned char)id.p[i]] = true;
    for (i = 0; i < 256; i++) {
        CHECK(!seen[i] || (i >= '0' && i <= '9') || (i >= 'a' && i <= 'v'));
        kinds += seen[i];
    }
    CHECK_INT(kinds, 32);
    arena_release(&a);
}

TEST(random_id_writes_no_more_than_it_is_told)
{
    char out[4] = "###";

    random_id(out, 2);
    CHECK_INT(out[2], '#');
    random_id(out, 0);
}
