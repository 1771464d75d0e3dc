#include "base/crypto.h"

#include <string.h>

/* The digests themselves rather than EVP's: those start OpenSSL's register of algorithms first, which a caller
 * would wait for when the process has just been started for them. OpenSSL calls them deprecated for those who
 * want to choose among implementations; we have no such choice to offer. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>

#include "base/mem.h"

enum { HMAC_BLOCK_BYTES = 64 }; /* SHA-1's and SHA-256's alike */

/* None of these calls can fail: OpenSSL's own say "1" whatever they are given. */

static void sha1_of(uint8_t *out, struct str first, struct str rest)
{
    SHA_CTX c;

    (void)SHA1_Init(&c);
    (void)SHA1_Update(&c, first.p, first.n);
    (void)SHA1_Update(&c, rest.p, rest.n);
    (void)SHA1_Final(out, &c);
    mem_wipe(&c, sizeof(c));
}

static void sha256_of(uint8_t *out, struct str first, struct str rest)
{
    SHA256_CTX c;

    (void)SHA256_Init(&c);
    (void)SHA256_Update(&c, first.p, first.n);
    (void)SHA256_Update(&c, rest.p, rest.n);
    (void)SHA256_Final(out, &c);
    mem_wipe(&c, sizeof(c));
}

void sha256(uint8_t out[SHA256_LEN], struct str data)
{
    sha256_of(out, data, STR_EMPTY);
}

struct md5_sum {
    MD5_CTX ctx;
};

struct md5_sum *md5_begin(void)
{
    struct md5_sum *m = MEM_NEW(struct md5_sum);

    (void)MD5_Init(&m->ctx);
    return m;
}

void md5_add(struct md5_sum *m, struct str piece)
{
    (void)MD5_Update(&m->ctx, piece.p, piece.n);
}

void md5_end(struct md5_sum *m, uint8_t out[MD5_LEN])
{
    (void)MD5_Final(out, &m->ctx);
    mem_free(m);
}

void md5(uint8_t out[MD5_LEN], struct str data)
{
    struct md5_sum *m = md5_begin();

    md5_add(m, data);
    md5_end(m, out);
}

/* RFC 2104. */
static void hmac(uint8_t *out, size_t len,
                 void (*of)(uint8_t *out, struct str first, struct str rest), struct str key,
                 struct str data)
{
    uint8_t block[HMAC_BLOCK_BYTES] = { 0 }, inner[SHA256_LEN];
    size_t i;

    if (key.n > sizeof(block))
        of(block, key, STR_EMPTY);
    else if (key.n)
        memcpy(block, key.p, key.n);
    for (i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36;
    of(inner, str_n(block, sizeof(block)), data);
    for (i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    of(out, str_n(block, sizeof(block)), str_n(inner, len));
    mem_wipe(block, sizeof(block));
}

void hmac_sha1(uint8_t out[SHA1_LEN], struct str key, struct str data)
{
    hmac(out, SHA1_LEN, sha1_of, key, data);
}

void hmac_sha256(uint8_t out[SHA256_LEN], struct str key, struct str data)
{
    hmac(out, SHA256_LEN, sha256_of, key, data);
}
