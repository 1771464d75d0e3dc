#include "base/crypto.h"

#include <limits.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/die.h"
#include "base/mem.h"

/* Only memory or a library without the digest can make these fail; there is no way on from either. */
static void must(bool done, const char *what)
{
    if (!done)
        die("%s failed", what);
}

void sha256(uint8_t out[SHA256_LEN], struct str data)
{
    must(EVP_Digest(data.p, data.n, out, NULL, EVP_sha256(), NULL), "SHA-256");
}

void md5(uint8_t out[MD5_LEN], struct str data)
{
    must(EVP_Digest(data.p, data.n, out, NULL, EVP_md5(), NULL), "MD5");
}

struct md5_sum {
    EVP_MD_CTX *ctx;
};

struct md5_sum *md5_begin(void)
{
    struct md5_sum *m = MEM_NEW(struct md5_sum);

    m->ctx = EVP_MD_CTX_new();
    must(m->ctx && EVP_DigestInit_ex(m->ctx, EVP_md5(), NULL), "MD5");
    return m;
}

void md5_add(struct md5_sum *m, struct str piece)
{
    must(EVP_DigestUpdate(m->ctx, piece.p, piece.n), "MD5");
}

void md5_end(struct md5_sum *m, uint8_t out[MD5_LEN])
{
    must(EVP_DigestFinal_ex(m->ctx, out, NULL), "MD5");
    EVP_MD_CTX_free(m->ctx);
    mem_free(m);
}

static void hmac(uint8_t *out, const EVP_MD *md, struct str key, struct str data)
{
    must(key.n <= INT_MAX &&
             HMAC(md, key.n ? key.p : "", (int)key.n, (const uint8_t *)data.p, data.n, out, NULL),
         "HMAC");
}

void hmac_sha1(uint8_t out[SHA1_LEN], struct str key, struct str data)
{
    hmac(out, EVP_sha1(), key, data);
}

void hmac_sha256(uint8_t out[SHA256_LEN], struct str key, struct str data)
{
    hmac(out, EVP_sha256(), key, data);
}
