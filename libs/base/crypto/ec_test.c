#include "base/crypto.h"

#include <string.h>

#include "test.h"

/* RFC 7515, appendix A.3. */
#define RFC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define RFC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define RFC_SIGNED                                                                          \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt" \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RFC_SIGNATURE                                                        \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf" \
    "KTUJqPP3-Kg6NU1Q"

TEST(ec_signature_of_rfc_7515_verifies)
{
    struct arena a = ARENA_INIT;
    struct ec_key *k;
    struct str signature;

    CHECK_OK(ec_key_from_jwk(&k, STR(RFC_X), STR(RFC_Y), NULL));
    CHECK_OK(base64_bytes(&a, STR(RFC_SIGNATURE), &signature));
    CHECK_OK(ec_verify_sha256(k, STR(RFC_SIGNED), signature));
    CHECK_RC(ERR_DENIED, ec_verify_sha256(k, STR(RFC_SIGNED "x"), signature));
    ec_key_destroy(k);
    arena_release(&a);
}

TEST(ec_signature_holds_for_its_key_and_data_only)
{
    struct ec_key *mine = ec_key_generate(), *other = ec_key_generate(), *public_key;
    uint8_t raw[EC_SIGNATURE_LEN], changed[EC_SIGNATURE_LEN], zeros[EC_SIGNATURE_LEN] = { 0 };
    struct arena a = ARENA_INIT;
    struct str x, y, signature = str_n(raw, sizeof(raw));
    size_t i;

    CHECK_OK(ec_sign_sha256(mine, STR("header.claims"), raw));
    ec_key_jwk(mine, &a, &x, &y);
    CHECK_OK(ec_key_from_jwk(&public_key, x, y, NULL));
    CHECK_OK(ec_verify_sha256(public_key, STR("header.claims"), signature));
    CHECK_RC(ERR_DENIED, ec_verify_sha256(other, STR("header.claims"), signature));
    for (i = 0; i < EC_SIGNATURE_LEN; i++) {
        memcpy(changed, raw, sizeof(raw));
        changed[i] ^= 1;
        CHECK_RC(ERR_DENIED,
                 ec_verify_sha256(mine, STR("header.claims"), str_n(changed, sizeof(changed))));
    }
    CHECK_RC(ERR_DENIED, ec_verify_sha256(mine, STR("header.claims"), str_n(zeros, sizeof(zeros))));
    CHECK_RC(ERR_DENIED, ec_verify_sha256(mine, STR("header.claims"), str_slice(signature, 0, 63)));
    CHECK_RC(ERR_DENIED, ec_verify_sha256(mine, STR("header.claims"), STR_EMPTY));
    CHECK_RC(ERR_INVALID, ec_sign_sha256(public_key, STR("x"), raw));
    ec_key_destroy(public_key);
    ec_key_destroy(other);
    CHECK(!ec_key_destroy(mine));
    arena_release(&a);
}

TEST(ec_key_refuses_what_is_no_point_of_the_curve)
{
    static const char *const rows[][2] = {
        { RFC_Y, RFC_X }, /* not on the curve */
        { RFC_X, "" },
        { "AAAA", RFC_Y },
        { "*", RFC_Y },
        { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
    };
    struct ec_key *k;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_RC(ERR_INVALID, ec_key_from_jwk(&k, str_c(rows[i][0]), str_c(rows[i][1]), NULL));
}
