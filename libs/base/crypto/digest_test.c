#include "base/crypto.h"

#include <string.h>

#include "test.h"

/* RFC 2202, section 3, and RFC 4231, section 4, share their first vectors. */
struct vector {
    const char *name;
    struct str key, data;
    const char *hex;
};

#define REP20(c) c c c c c c c c c c c c c c c c c c c c
#define REP50(c) REP20(c) REP20(c) c c c c c c c c c c
#define REP80(c) REP20(c) REP20(c) REP20(c) REP20(c)
#define REP131(c) REP50(c) REP80(c) c
#define KEY_25                                                                         \
    "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14" \
    "\x15\x16\x17\x18\x19"

static const struct vector sha1_vectors[] = {
    { "1", { REP20("\x0b"), 20 }, { "Hi There", 8 }, "b617318655057264e28bc0b6fb378c8ef146be00" },
    { "2",
      { "Jefe", 4 },
      { "what do ya want for nothing?", 28 },
      "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
    { "3",
      { REP20("\xaa"), 20 },
      { REP50("\xdd"), 50 },
      "125d7342b9ac11cd91a39af48aa17b4f63f175d3" },
    { "4", { KEY_25, 25 }, { REP50("\xcd"), 50 }, "4c9007f4026250c6bc8414f9bf50c86c2d7235da" },
    { "6",
      { REP80("\xaa"), 80 },
      { "Test Using Larger Than Block-Size Key - Hash Key First", 54 },
      "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
    { "7",
      { REP80("\xaa"), 80 },
      { "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data", 73 },
      "e8e99d0f45237d786d6bbaa7965c7808bbff1a91" },
    { "empty", { NULL, 0 }, { NULL, 0 }, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d" },
};

static const struct vector sha256_vectors[] = {
    { "1",
      { REP20("\x0b"), 20 },
      { "Hi There", 8 },
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    { "2",
      { "Jefe", 4 },
      { "what do ya want for nothing?", 28 },
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { "3",
      { REP20("\xaa"), 20 },
      { REP50("\xdd"), 50 },
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
    { "4",
      { KEY_25, 25 },
      { REP50("\xcd"), 50 },
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
    { "6",
      { REP131("\xaa"), 131 },
      { "Test Using Larger Than Block-Size Key - Hash Key First", 54 },
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    { "7",
      { REP131("\xaa"), 131 },
      { "This is a test using a larger than block-size key and a larger than block-size data. The "
        "key needs to be hashed before being used by the HMAC algorithm.",
        152 },
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
    { "empty",
      { NULL, 0 },
      { NULL, 0 },
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
};

static void check_hex(const char *name, const uint8_t *bytes, size_t n, const char *want)
{
    char hex[2 * SHA256_LEN + 1];

    hex_encode(hex, bytes, n);
    if (strcmp(hex, want) != 0)
        FAIL_TEST("%s: got %s, expected %s", name, hex, want);
}

TEST(hmac_sha1_matches_rfc_2202)
{
    uint8_t out[SHA1_LEN];
    size_t i;

    for (i = 0; i < ARRAY_LEN(sha1_vectors); i++) {
        hmac_sha1(out, sha1_vectors[i].key, sha1_vectors[i].data);
        check_hex(sha1_vectors[i].name, out, sizeof(out), sha1_vectors[i].hex);
    }
}

TEST(hmac_sha256_matches_rfc_4231)
{
    uint8_t out[SHA256_LEN];
    size_t i;

    for (i = 0; i < ARRAY_LEN(sha256_vectors); i++) {
        hmac_sha256(out, sha256_vectors[i].key, sha256_vectors[i].data);
        check_hex(sha256_vectors[i].name, out, sizeof(out), sha256_vectors[i].hex);
    }
}

TEST(sha256_matches_fips_180)
{
    uint8_t out[SHA256_LEN];

    sha256(out, STR_EMPTY);
    check_hex("empty", out, sizeof(out),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(out, STR("abc"));
    check_hex("abc", out, sizeof(out),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(md5_matches_rfc_1321)
{
    uint8_t out[MD5_LEN];

    md5(out, STR_EMPTY);
    check_hex("empty", out, sizeof(out), "d41d8cd98f00b204e9800998ecf8427e");
    md5(out, STR("message digest"));
    check_hex("message digest", out, sizeof(out), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(md5_of_pieces_is_md5_of_the_whole)
{
    struct str text = STR("what do ya want for nothing?");
    uint8_t whole[MD5_LEN], pieces[MD5_LEN];
    struct md5_sum *m = md5_begin();

    md5(whole, text);
    md5_add(m, str_slice(text, 0, 7));
    md5_add(m, STR_EMPTY);
    md5_add(m, str_from(text, 7));
    md5_end(m, pieces);
    CHECK(memcmp(whole, pieces, MD5_LEN) == 0);
}
