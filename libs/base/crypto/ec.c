#include "base/crypto.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/die.h"
#include "base/mem.h"

enum { P256_LEN = 32, DER_MAX = 80 };

struct ec_key {
    EVP_PKEY *pkey;
};

/* For what only missing memory can break. */
static void must(bool done, const char *what)
{
    if (!done)
        die("%s failed", what);
}

/* Takes over `pkey`. */
static struct ec_key *key_wrap(EVP_PKEY *pkey)
{
    struct ec_key *k = MEM_NEW(struct ec_key);

    k->pkey = pkey;
    return k;
}

static EVP_PKEY *pkey_from_point(const uint8_t *point, size_t n)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params;
    EVP_PKEY *pkey = NULL;

    must(build && ctx &&
             OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
             OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, n),
         "EC parameters");
    params = OSSL_PARAM_BLD_to_param(build);
    must(params, "EC parameters");
    if (EVP_PKEY_fromdata_init(ctx) > 0) /* a point that is not on the curve leaves pkey NULL */
        (void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return pkey;
}

enum errc ec_key_from_jwk(struct ec_key **ret, struct str x_b64url, struct str y_b64url,
                          struct err *err)
{
    uint8_t point[1 + 2 * P256_LEN] = { POINT_CONVERSION_UNCOMPRESSED };
    struct arena a = ARENA_INIT;
    struct str x, y;
    bool good;
    EVP_PKEY *pkey = NULL;

    /* RFC 7518, section 6.2.1.2: full-length coordinates. */
    good = !base64_bytes(&a, x_b64url, &x) && !base64_bytes(&a, y_b64url, &y) && x.n == P256_LEN &&
           y.n == P256_LEN;
    if (good) {
        memcpy(point + 1, x.p, P256_LEN);
        memcpy(point + 1 + P256_LEN, y.p, P256_LEN);
        pkey = pkey_from_point(point, sizeof(point));
    }
    arena_release(&a);
    if (!pkey)
        return err_set(err, ERR_INVALID, "EC key in JWK: x and y are no point of P-256");
    *ret = key_wrap(pkey);
    return ERR_OK;
}

struct ec_key *ec_key_generate(void)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");

    must(pkey, "EVP_EC_gen");
    return key_wrap(pkey);
}

struct ec_key *ec_key_destroy(struct ec_key *k)
{
    if (!k)
        return NULL;
    EVP_PKEY_free(k->pkey);
    mem_free(k);
    return NULL;
}

static struct str number_text(const struct ec_key *k, struct arena *a, const char *param)
{
    BIGNUM *bn = NULL;
    uint8_t bytes[P256_LEN];

    must(EVP_PKEY_get_bn_param(k->pkey, param, &bn) &&
             BN_bn2binpad(bn, bytes, P256_LEN) == P256_LEN,
         "EVP_PKEY_get_bn_param");
    BN_free(bn);
    return base64url_text(a, str_n(bytes, sizeof(bytes)));
}

void ec_key_jwk(const struct ec_key *k, struct arena *a, struct str *x, struct str *y)
{
    *x = number_text(k, a, OSSL_PKEY_PARAM_EC_PUB_X);
    *y = number_text(k, a, OSSL_PKEY_PARAM_EC_PUB_Y);
}

/* OpenSSL's form of a signature is DER, JWS's is r and s one after the other. */

enum errc ec_sign_sha256(const struct ec_key *k, struct str data, uint8_t out[EC_SIGNATURE_LEN])
{
    uint8_t der[DER_MAX];
    const uint8_t *p = der;
    size_t n = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ECDSA_SIG *sig = NULL;
    bool done;

    must(ctx, "EVP_MD_CTX_new");
    done = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) > 0 &&
           EVP_DigestSign(ctx, der, &n, (const uint8_t *)data.p, data.n) > 0;
    EVP_MD_CTX_free(ctx);
    if (done)
        sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    done = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, P256_LEN) == P256_LEN &&
           BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + P256_LEN, P256_LEN) == P256_LEN;
    ECDSA_SIG_free(sig);
    ERR_clear_error();
    return done ? ERR_OK : ERR_INVALID; /* a public key, most likely */
}

/* 0: it is none. */
static size_t signature_der(uint8_t der[DER_MAX], struct str signature)
{
    const uint8_t *raw = (const uint8_t *)signature.p;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, P256_LEN, NULL), *s = BN_bin2bn(raw + P256_LEN, P256_LEN, NULL);
    int n;

    must(sig && r && s && ECDSA_SIG_set0(sig, r, s), "ECDSA_SIG_set0"); /* takes r and s over */
    n = i2d_ECDSA_SIG(sig, NULL);
    if (n > 0 && n <= DER_MAX)
        n = i2d_ECDSA_SIG(sig, &der);
    else
        n = 0;
    ECDSA_SIG_free(sig);
    return n > 0 ? (size_t)n : 0;
}

enum errc ec_verify_sha256(const struct ec_key *k, struct str data, struct str signature)
{
    uint8_t der[DER_MAX];
    EVP_MD_CTX *ctx;
    size_t n;
    bool good;

    if (signature.n != EC_SIGNATURE_LEN)
        return ERR_DENIED;
    n = signature_der(der, signature);
    ctx = EVP_MD_CTX_new();
    must(ctx, "EVP_MD_CTX_new");
    good = n > 0 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) > 0 &&
           EVP_DigestVerify(ctx, der, n, (const uint8_t *)data.p, data.n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good ? ERR_OK : ERR_DENIED;
}
