#include "base/crypto.h"

#include <limits.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/die.h"
#include "base/mem.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, CERT_DAYS = 30 };

struct rsa_key {
    EVP_PKEY *pkey;
};

/* Takes the first of OpenSSL's queued errors and drops the rest. */
static enum errc openssl_error(struct err *err, enum errc rc, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return err_set_upstream(err, rc, (long)code, "%s: %s", what, reason ? reason : "refused");
}

/* For what only missing memory can break. */
static void must(bool done, const char *what)
{
    if (!done)
        die("%s failed", what);
}

/* Takes over `pkey`. */
static enum errc key_wrap(struct rsa_key **ret, EVP_PKEY *pkey, struct err *err)
{
    int bits = EVP_PKEY_get_bits(pkey);

    if (!EVP_PKEY_is_a(pkey, "RSA")) {
        EVP_PKEY_free(pkey);
        return err_set(err, ERR_INVALID, "not an RSA key");
    }
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
        EVP_PKEY_free(pkey);
        return err_set(err, ERR_INVALID, "RSA key of %d bits; allowed are %d to %d", bits,
                       RSA_BITS_MIN, RSA_BITS_MAX);
    }
    *ret = MEM_NEW(struct rsa_key);
    (*ret)->pkey = pkey;
    return ERR_OK;
}

/* Without it OpenSSL asks the terminal for the pass phrase of an encrypted key. */
static int no_pass_phrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static EVP_PKEY *read_certificate_key(BIO *in)
{
    X509 *cert = PEM_read_bio_X509(in, NULL, no_pass_phrase, NULL);
    EVP_PKEY *pkey = cert ? X509_get_pubkey(cert) : NULL;

    X509_free(cert);
    return pkey;
}

enum errc rsa_key_from_pem(struct rsa_key **ret, struct str pem, struct err *err)
{
    EVP_PKEY *pkey;
    BIO *in;

    if (pem.n == 0 || pem.n > INT_MAX)
        return err_set(err, ERR_INVALID, "RSA key: no PEM text");
    in = BIO_new_mem_buf(pem.p, (int)pem.n);
    must(in, "BIO_new_mem_buf");
    if (str_contains(pem, STR("-----BEGIN CERTIFICATE-----")))
        pkey = read_certificate_key(in);
    else if (str_contains(pem, STR("-----BEGIN PUBLIC KEY-----")))
        pkey = PEM_read_bio_PUBKEY(in, NULL, no_pass_phrase, NULL);
    else
        pkey = PEM_read_bio_PrivateKey(in, NULL, no_pass_phrase, NULL);
    BIO_free(in);
    if (!pkey)
        return openssl_error(err, ERR_INVALID, "RSA key in PEM");
    return key_wrap(ret, pkey, err);
}

static BIGNUM *bn_from_base64url(struct str text)
{
    struct arena a = ARENA_INIT;
    BIGNUM *bn = NULL;
    struct str bytes;

    if (text.n && text.n <= BASE64_LEN((size_t)RSA_BITS_MAX / 8) && !base64_bytes(&a, text, &bytes))
        bn = BN_bin2bn((const uint8_t *)bytes.p, (int)bytes.n, NULL);
    arena_release(&a);
    return bn;
}

static EVP_PKEY *pkey_from_numbers(const BIGNUM *n, const BIGNUM *e)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params;
    EVP_PKEY *pkey = NULL;

    must(build && ctx && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
             OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e),
         "RSA parameters");
    params = OSSL_PARAM_BLD_to_param(build);
    must(params, "RSA parameters");
    if (EVP_PKEY_fromdata_init(ctx) > 0) /* where the numbers are refused pkey stays NULL */
        (void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

enum errc rsa_key_from_jwk(struct rsa_key **ret, struct str n_b64url, struct str e_b64url,
                           struct err *err)
{
    BIGNUM *n = bn_from_base64url(n_b64url), *e = bn_from_base64url(e_b64url);
    EVP_PKEY *pkey = NULL;

    if (n && e)
        pkey = pkey_from_numbers(n, e);
    BN_free(n);
    BN_free(e);
    if (!n || !e)
        return err_set(err, ERR_INVALID, "RSA key in JWK: n or e is not base64url");
    if (!pkey)
        return openssl_error(err, ERR_INVALID, "RSA key in JWK");
    return key_wrap(ret, pkey, err);
}

enum errc rsa_key_generate(struct rsa_key **ret, int bits, struct err *err)
{
    EVP_PKEY *pkey;

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return err_set(err, ERR_INVALID, "RSA key of %d bits; allowed are %d to %d", bits,
                       RSA_BITS_MIN, RSA_BITS_MAX);
    pkey = EVP_RSA_gen((unsigned)bits);
    if (!pkey)
        return openssl_error(err, ERR_INTERNAL, "making an RSA key");
    return key_wrap(ret, pkey, err);
}

struct rsa_key *rsa_key_destroy(struct rsa_key *k)
{
    if (!k)
        return NULL;
    EVP_PKEY_free(k->pkey);
    mem_free(k);
    return NULL;
}

enum errc rsa_sign_sha256(const struct rsa_key *k, struct str data, struct arena *a,
                          struct str *ret, struct err *err)
{
    uint8_t signature[RSA_BITS_MAX / 8];
    size_t n = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done;

    must(ctx, "EVP_MD_CTX_new");
    done = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) > 0 &&
           EVP_DigestSign(ctx, signature, &n, (const uint8_t *)data.p, data.n) > 0;
    EVP_MD_CTX_free(ctx);
    if (!done)
        return openssl_error(err, ERR_INVALID, "signing"); /* a public key, most likely */
    *ret = str_n(arena_dup(a, signature, n), n);
    return ERR_OK;
}

enum errc rsa_verify_sha256(const struct rsa_key *k, struct str data, struct str signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good;

    must(ctx, "EVP_MD_CTX_new");
    good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) > 0 &&
           EVP_DigestVerify(ctx, (const uint8_t *)signature.p, signature.n, (const uint8_t *)data.p,
                            data.n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good ? ERR_OK : ERR_DENIED;
}

static struct str number_text(const struct rsa_key *k, struct arena *a, const char *param)
{
    BIGNUM *bn = NULL;
    uint8_t bytes[RSA_BITS_MAX / 8];
    int n;

    must(EVP_PKEY_get_bn_param(k->pkey, param, &bn) && BN_num_bytes(bn) <= (int)sizeof(bytes),
         "EVP_PKEY_get_bn_param");
    n = BN_bn2bin(bn, bytes);
    BN_free(bn);
    return base64url_text(a, str_n(bytes, (size_t)n));
}

void rsa_key_jwk(const struct rsa_key *k, struct arena *a, struct str *n, struct str *e)
{
    *n = number_text(k, a, OSSL_PKEY_PARAM_RSA_N);
    *e = number_text(k, a, OSSL_PKEY_PARAM_RSA_E);
}

/* Copies what was written, and frees the BIO. */
static struct str bio_text(BIO *bio, struct arena *a)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    struct str text = arena_str(a, str_n(p, n > 0 ? (size_t)n : 0));

    BIO_free(bio);
    return text;
}

struct str rsa_key_private_pem(const struct rsa_key *k, struct arena *a)
{
    BIO *out = BIO_new(BIO_s_mem());

    must(out && PEM_write_bio_PKCS8PrivateKey(out, k->pkey, NULL, NULL, 0, NULL, NULL),
         "PEM_write_bio_PKCS8PrivateKey");
    return bio_text(out, a);
}

static X509 *self_signed(EVP_PKEY *pkey, const char *common_name)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_NAME_new();

    must(cert && name, "X509_new");
    must(X509_set_version(cert, X509_VERSION_3) &&
             ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), random_u64() >> 1 | 1) &&
             X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
             X509_gmtime_adj(X509_getm_notAfter(cert), CERT_DAYS * 86400L) &&
             X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1,
                                        -1, 0) &&
             X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name) &&
             X509_set_pubkey(cert, pkey) && X509_sign(cert, pkey, EVP_sha256()),
         "making a certificate");
    X509_NAME_free(name);
    return cert;
}

struct str rsa_key_cert_pem(const struct rsa_key *k, struct arena *a, const char *common_name)
{
    X509 *cert = self_signed(k->pkey, common_name);
    BIO *out = BIO_new(BIO_s_mem());

    must(out && PEM_write_bio_X509(out, cert), "PEM_write_bio_X509");
    X509_free(cert);
    return bio_text(out, a);
}
