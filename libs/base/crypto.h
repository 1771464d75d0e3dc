/* base/crypto.h: encodings, digests, random ids, RSA and EC signatures. Digests and
 * signatures are OpenSSL's. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* RFC 4648. Encoding: standard alphabet with padding, or URL-safe without. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)
/* Writes BASE64_LEN(n) characters, no NUL; returns that count. Allocates nothing: fit for audio. */
size_t base64_encode(char *out, const void *data, size_t n);
/* Takes both alphabets, padding optional; refuses white space, and bits that would be lost, so that no
 * two texts mean the same bytes. out needs room for in.n / 4 * 3 + 3 bytes. ERR_INVALID. */
MUST_USE enum errc base64_decode(uint8_t *out, size_t *ret_n, struct str in);
struct str base64_text(struct arena *a, struct str data);
struct str base64url_text(struct arena *a, struct str data);
MUST_USE enum errc base64_bytes(struct arena *a, struct str in, struct str *ret);
int hex_digit(char c);                                  /* 0 to 15; -1: none */
void hex_encode(char *out, const void *data, size_t n); /* 2n lower-case digits and NUL */
/* ERR_INVALID also when in.n is not 2 * out_size. */
MUST_USE enum errc hex_decode(uint8_t *out, size_t out_size, struct str in);

enum { SHA1_LEN = 20, SHA256_LEN = 32, MD5_LEN = 16 };
void sha256(uint8_t out[SHA256_LEN], struct str data);
void md5(uint8_t out[MD5_LEN], struct str data); /* Cloud Storage's checksums only */
struct md5_sum;                                  /* the same of data that comes in pieces */
struct md5_sum *md5_begin(void) MUST_USE;
void md5_add(struct md5_sum *m, struct str piece);
void md5_end(struct md5_sum *m, uint8_t out[MD5_LEN]); /* and frees it */
void hmac_sha1(uint8_t out[SHA1_LEN], struct str key, struct str data);
void hmac_sha256(uint8_t out[SHA256_LEN], struct str key, struct str data);
/* CRC32C (Castagnoli); start with crc 0, feed pieces in order. */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);
/* Time depends on the lengths only. */
bool ct_equal(struct str a, struct str b);

void random_bytes(void *out, size_t n); /* ends the process when the system has none */
uint64_t random_u64(void);
/* `chars` random characters of [0-9a-v] (5 bits each), no NUL. */
void random_id(char *out, size_t chars);
struct str random_id_text(struct arena *a, size_t chars);

/* RSA keys for JWTs (RS256: PKCS#1 v1.5, SHA-256). */
struct rsa_key;
/* A private or public key, or a certificate. ERR_INVALID also for other kinds of keys, for pass
 * phrases, and for fewer than 2048 or more than 8192 bits. */
MUST_USE enum errc rsa_key_from_pem(struct rsa_key **ret, struct str pem, struct err *err);
MUST_USE enum errc rsa_key_from_jwk(struct rsa_key **ret, struct str n_b64url, struct str e_b64url,
                                    struct err *err);
MUST_USE enum errc rsa_key_generate(struct rsa_key **ret, int bits, struct err *err);
struct rsa_key *rsa_key_destroy(struct rsa_key *k);
MUST_USE enum errc rsa_sign_sha256(const struct rsa_key *k, struct str data, struct arena *a,
                                   struct str *ret, struct err *err);
/* ERR_DENIED: the signature is not this key's over this data. */
MUST_USE enum errc rsa_verify_sha256(const struct rsa_key *k, struct str data,
                                     struct str signature);
/* For those who publish keys: modulus and exponent (base64url), and texts. */
void rsa_key_jwk(const struct rsa_key *k, struct arena *a, struct str *n, struct str *e);
struct str rsa_key_private_pem(const struct rsa_key *k, struct arena *a);
/* Self-signed certificate, as Google publishes its keys at /oauth2/v1/certs. */
struct str rsa_key_cert_pem(const struct rsa_key *k, struct arena *a, const char *common_name);

/* EC keys on P-256 for JWTs (ES256: r and s, 32 bytes each, over SHA-256). */
enum { EC_SIGNATURE_LEN = 64 };
struct ec_key;
/* ERR_INVALID: no point of the curve. */
MUST_USE enum errc ec_key_from_jwk(struct ec_key **ret, struct str x_b64url, struct str y_b64url,
                                   struct err *err);
struct ec_key *ec_key_generate(void) MUST_USE;
struct ec_key *ec_key_destroy(struct ec_key *k);
/* ERR_INVALID: a public key. */
MUST_USE enum errc ec_sign_sha256(const struct ec_key *k, struct str data,
                                  uint8_t out[EC_SIGNATURE_LEN]);
/* ERR_DENIED: the signature is not this key's over this data. */
MUST_USE enum errc ec_verify_sha256(const struct ec_key *k, struct str data, struct str signature);
void ec_key_jwk(const struct ec_key *k, struct arena *a, struct str *x, struct str *y);

#endif
