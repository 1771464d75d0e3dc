/* JSON Web Tokens: one that parses is signed text and signature of the token given, and no stranger's key
 * verifies it. */
#include "fuzz.h"
#include "google/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rsa_key *key;
    struct arena a = ARENA_INIT;
    struct jwt jwt;
    struct str token = str_n(data, size);

    if (!key)
        FUZZ_HOLDS(!rsa_key_generate(&key, 2048, NULL));
    if (!jwt_parse(&jwt, &a, token, NULL)) {
        FUZZ_HOLDS(size <= JWT_MAX);
        FUZZ_HOLDS(str_starts(token, jwt.signed_part));
        FUZZ_HOLDS(jwt.signed_part.n + 1 + jwt.signature.n == token.n);
        FUZZ_HOLDS(json_is_obj(jwt.claims));
        FUZZ_HOLDS(jwt_verify(&jwt, &a, key) == ERR_DENIED);
    }
    arena_release(&a);
    return 0;
}
