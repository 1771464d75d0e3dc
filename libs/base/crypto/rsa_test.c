#include "base/crypto.h"

#include <string.h>

#include "test.h"

static const int BITS = 2048;

/* One pair for each test that only needs some key. */
struct pair {
    struct arena a;
    struct rsa_key *private_key, *public_key;
};

static void pair_open(struct pair *p)
{
    struct str n, e;

    arena_init(&p->a);
    CHECK_OK(rsa_key_generate(&p->private_key, BITS, NULL));
    rsa_key_jwk(p->private_key, &p->a, &n, &e);
    CHECK_OK(rsa_key_from_jwk(&p->public_key, n, e, NULL));
}

static void pair_close(struct pair *p)
{
    p->private_key = rsa_key_destroy(p->private_key);
    CHECK(!p->private_key);
    rsa_key_destroy(p->public_key);
    arena_release(&p->a);
}

TEST(rsa_signature_holds_for_its_key_and_data_only)
{
    struct pair p, other;
    struct str signature;
    char *changed;

    pair_open(&p);
    pair_open(&other);
    CHECK_OK(rsa_sign_sha256(p.private_key, STR("header.claims"), &p.a, &signature, NULL));
    CHECK_INT(signature.n, BITS / 8);
    CHECK_OK(rsa_verify_sha256(p.public_key, STR("header.claims"), signature));
    CHECK_OK(rsa_verify_sha256(p.private_key, STR("header.claims"), signature));
    CHECK_RC(ERR_DENIED, rsa_verify_sha256(p.public_key, STR("header.claimz"), signature));
    CHECK_RC(ERR_DENIED, rsa_verify_sha256(other.public_key, STR("header.claims"), signature));
    changed = arena_dup(&p.a, signature.p, signature.n);
    changed[10] ^= 1;
    CHECK_RC(ERR_DENIED,
             rsa_verify_sha256(p.public_key, STR("header.claims"), str_n(changed, signature.n)));
    CHECK_RC(ERR_DENIED, rsa_verify_sha256(p.public_key, STR("header.claims"),
                                           str_slice(signature, 0, signature.n - 1)));
    CHECK_RC(ERR_DENIED, rsa_verify_sha256(p.public_key, STR("header.claims"), STR_EMPTY));
    CHECK_RC(ERR_DENIED, rsa_verify_sha256(p.public_key, STR_EMPTY, signature));
    pair_close(&other);
    pair_close(&p);
}

TEST(rsa_public_key_cannot_sign)
{
    struct str signature = STR("kept");
    struct err err = ERR_INIT;
    struct pair p;

    pair_open(&p);
    CHECK_RC(ERR_INVALID, rsa_sign_sha256(p.public_key, STR("x"), &p.a, &signature, &err));
    CHECK_STR(signature, "kept");
    CHECK_CONTAINS(str_c(err.text), "signing: ");
    pair_close(&p);
}

TEST(rsa_key_survives_pem_and_certificate)
{
    struct rsa_key *again = NULL, *from_cert = NULL;
    struct str pem, cert, signature;
    struct err err = ERR_INIT;
    struct pair p;

    pair_open(&p);
    pem = rsa_key_private_pem(p.private_key, &p.a);
    CHECK(str_starts(pem, STR("-----BEGIN PRIVATE KEY-----\n")));
    CHECK_OK(rsa_key_from_pem(&again, pem, &err));
    cert = rsa_key_cert_pem(p.private_key, &p.a, "local-cloud");
    CHECK(str_starts(cert, STR("-----BEGIN CERTIFICATE-----\n")));
    CHECK_OK(rsa_key_from_pem(&from_cert, cert, &err));
    CHECK_OK(rsa_sign_sha256(again, STR("data"), &p.a, &signature, &err));
    CHECK_OK(rsa_verify_sha256(from_cert, STR("data"), signature));
    CHECK_OK(rsa_verify_sha256(p.public_key, STR("data"), signature));
    rsa_key_destroy(again);
    rsa_key_destroy(from_cert);
    pair_close(&p);
}

/* Made with: openssl genpkey -algorithm rsa, openssl pkey -pubout, openssl dgst -sha256 -sign. */
static const char known_public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmxT7In1utpXYxc1BoxYb\n"
    "ApEWOjXLbCZ28EOzYEVHSGcoMDK6O8w9aOX5erY1WbA6CkWr6zbJQiFuJBreT56M\n"
    "obO1y2qDOPQAHzR73KG/0Da9KezpD+WSA9DrVEBHsr48uoe6jQYF2CtzaO0+cbwV\n"
    "ikibXciYaGk63K0DdSoVioFQ/zsldlzMKP5r5tjiCCdwYdJ/MU4DHgkixoG5pRx+\n"
    "9vW5MYp+yZ72UssvX3CZ4ijVm2b6ToK81IBX09JXzguMx8wmLf1TTPgihNEweDd2\n"
    "xgEj+PxcQt9JsMXrDIFxua/uAVts2/rNpOLbyy2n75zDmXYtkQyZ24KuZ1RmxTY9\n"
    "/QIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
static const char known_signature[] =
    "GjCipk1NrQuGee3D9EoiZMFpz/tk1Ah7DLzdboAzfaTA9rmBKdLaEvykL4JqcwIFhQU4DognFx6P"
    "yc/oUvF/BY5AgNJJ7QH6oRD3bdHtBu8vVjaiBxXBf/J+khzWZcjyKVveU+yJlADhhA5zqh+RC7UQ"
    "L2ckUFMTKiH8OnojAE1DyO4EsRpWcMcjFa/CxxELm7fX7iriV6zfFHvZa+InByzDDipcUVVuAB6o"
    "VFaIMCNy8VP2+xgUgr2+K7jEKkReJqAOLMWWVF1TNrWtIhhYi53KHYVwZ7RKb2EhRaWa+2cvUhRT"
    "mHMQG78OdYBLSP90s1cPulCzuvIhKneVv0dOqQ==";

TEST(rsa_verifies_what_the_openssl_program_signed)
{
    struct rsa_key *k = NULL;
    struct arena a = ARENA_INIT;
    struct str signature, n, e;

    CHECK_OK(rsa_key_from_pem(&k, str_c(known_public_pem), NULL));
    CHECK_OK(base64_bytes(&a, str_c(known_signature), &signature));
    CHECK_OK(rsa_verify_sha256(k, STR("voice concierge"), signature));
    CHECK_RC(ERR_DENIED, rsa_verify_sha256(k, STR("voice concierges"), signature));
    rsa_key_jwk(k, &a, &n, &e);
    CHECK_STR(e, "AQAB");
    CHECK_INT(n.n, 342);
    rsa_key_destroy(k);
    arena_release(&a);
}

static const char elliptic_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE26DMtNo98R7oU+BXxU+yWVu0aTU1\n"
    "mtLAmWvoYTMr9hq8tj2jNg1M27/mRVfVWB5N6Oj8xcEC0vxT6ba5tNkDJg==\n"
    "-----END PUBLIC KEY-----\n";
static const char short_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDNji8FtUN7haGHy7BZj2XQaB1l\n"
                                "yVBOlmA5isDpgCHvNkCU+fxmZJRpbtT6A5wNbA7IHNcpJofEVzhzs3FlhFu0LRwM\n"
                                "eRVdnwemgwd7v+N7rAJXBh+ydBFdJFX0hZEPtnZ8kV/2RERwiKoifyhq0Z9pSyYL\n"
                                "TP1zNLN/hUN9yROxzQIDAQAB\n"
                                "-----END PUBLIC KEY-----\n";
static const char encrypted_pem[] =
    "-----BEGIN ENCRYPTED "
    "PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjyduYOv9FMSwICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPDa1fUqq7CT9j01uPOXl/wEgZBi\n"
    "Vw7A0ZdohtbhlXDK07wkCQNA21s3Z2N+eJc4C83vmo4Au52Mjpqv0pm47xH6Uhwg\n"
    "OGu2hcI455D7FCp760A1w8NfYA3QEnOscoA5s1zCEhR9xU5fqHNlQoyARHE+j7CC\n"
    "dhc/AtUnJfY8zE4WbtFcFK2DtNPzwIHXBSZW4yXj9C//r/Q37I/3HAyiMekiWbI=\n"
    "-----END ENCRYPTED "
    "PRIVATE KEY-----\n";

TEST(rsa_key_from_pem_refuses_other_things)
{
    static const struct {
        const char *name, *pem, *says;
    } cases[] = {
        { "nothing", "", "no PEM text" },
        { "text", "hello", "RSA key in PEM: " },
        { "broken", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
          "RSA key in PEM: " },
        { "broken certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
          "RSA key in PEM: " },
        { "elliptic curve", elliptic_pem, "not an RSA key" },
        { "1024 bits", short_pem, "RSA key of 1024 bits; allowed are 2048 to 8192" },
        { "pass phrase", encrypted_pem, "RSA key in PEM: " }, /* and asks nobody for it */
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct rsa_key *k = NULL;
        struct err err = ERR_INIT;

        if (rsa_key_from_pem(&k, str_c(cases[i].pem), &err) != ERR_INVALID || k)
            FAIL_TEST("%s", cases[i].name);
        CHECK_CONTAINS(str_c(err.text), cases[i].says);
    }
}

TEST(rsa_key_from_jwk_refuses_bad_numbers)
{
    struct rsa_key *k = NULL;
    struct err err = ERR_INIT;
    char huge[3000];

    memset(huge, 'A', sizeof(huge));
    CHECK_RC(ERR_INVALID, rsa_key_from_jwk(&k, STR_EMPTY, STR("AQAB"), &err));
    CHECK_RC(ERR_INVALID, rsa_key_from_jwk(&k, STR("AQAB"), STR_EMPTY, &err));
    CHECK_RC(ERR_INVALID, rsa_key_from_jwk(&k, STR("*"), STR("AQAB"), &err));
    CHECK_RC(ERR_INVALID, rsa_key_from_jwk(&k, STR("AQAB"), STR("AQAB"), &err));
    CHECK_RC(ERR_INVALID, rsa_key_from_jwk(&k, str_n(huge, sizeof(huge)), STR("AQAB"), &err));
    CHECK(!k);
    CHECK(!rsa_key_destroy(NULL));
}

TEST(rsa_key_generate_refuses_odd_sizes)
{
    struct rsa_key *k = NULL;

    CHECK_RC(ERR_INVALID, rsa_key_generate(&k, 1024, NULL));
    CHECK_RC(ERR_INVALID, rsa_key_generate(&k, 1000000, NULL));
    CHECK(!k);
}
