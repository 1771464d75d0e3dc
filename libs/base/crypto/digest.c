#include "base/crypto.h"

#include <limits.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/die.h"

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
