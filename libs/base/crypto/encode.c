#include "base/crypto.h"

#include <endian.h>
#include <string.h>

static const char standard_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value of a base64 character in either alphabet; 0xff: none. */
static const uint8_t base64_values[256] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3e, 0xff, 0x3e, 0xff, 0x3f,
    0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
    0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0xff, 0xff, 0xff, 0xff, 0x3f,
    0xff, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

/* CRC32C of each byte: polynomial 0x1edc6f41, reflected. */
static const uint32_t crc32c_table[256] = {
    0x00000000, 0xf26b8303, 0xe13b70f7, 0x1350f3f4, 0xc79a971f, 0x35f1141c, 0x26a1e7e8, 0xd4ca64eb,
    0x8ad958cf, 0x78b2dbcc, 0x6be22838, 0x9989ab3b, 0x4d43cfd0, 0xbf284cd3, 0xac78bf27, 0x5e133c24,
    0x105ec76f, 0xe235446c, 0xf165b798, 0x030e349b, 0xd7c45070, 0x25afd373, 0x36ff2087, 0xc494a384,
    0x9a879fa0, 0x68ec1ca3, 0x7bbcef57, 0x89d76c54, 0x5d1d08bf, 0xaf768bbc, 0xbc267848, 0x4e4dfb4b,
    0x20bd8ede, 0xd2d60ddd, 0xc186fe29, 0x33ed7d2a, 0xe72719c1, 0x154c9ac2, 0x061c6936, 0xf477ea35,
    0xaa64d611, 0x580f5512, 0x4b5fa6e6, 0xb93425e5, 0x6dfe410e, 0x9f95c20d, 0x8cc531f9, 0x7eaeb2fa,
    0x30e349b1, 0xc288cab2, 0xd1d83946, 0x23b3ba45, 0xf779deae, 0x05125dad, 0x1642ae59, 0xe4292d5a,
    0xba3a117e, 0x4851927d, 0x5b016189, 0xa96ae28a, 0x7da08661, 0x8fcb0562, 0x9c9bf696, 0x6ef07595,
    0x417b1dbc, 0xb3109ebf, 0xa0406d4b, 0x522bee48, 0x86e18aa3, 0x748a09a0, 0x67dafa54, 0x95b17957,
    0xcba24573, 0x39c9c670, 0x2a993584, 0xd8f2b687, 0x0c38d26c, 0xfe53516f, 0xed03a29b, 0x1f682198,
    0x5125dad3, 0xa34e59d0, 0xb01eaa24, 0x42752927, 0x96bf4dcc, 0x64d4cecf, 0x77843d3b, 0x85efbe38,
    0xdbfc821c, 0x2997011f, 0x3ac7f2eb, 0xc8ac71e8, 0x1c661503, 0xee0d9600, 0xfd5d65f4, 0x0f36e6f7,
    0x61c69362, 0x93ad1061, 0x80fde395, 0x72966096, 0xa65c047d, 0x5437877e, 0x4767748a, 0xb50cf789,
    0xeb1fcbad, 0x197448ae, 0x0a24bb5a, 0xf84f3859, 0x2c855cb2, 0xdeeedfb1, 0xcdbe2c45, 0x3fd5af46,
    0x7198540d, 0x83f3d70e, 0x90a324fa, 0x62c8a7f9, 0xb602c312, 0x44694011, 0x5739b3e5, 0xa55230e6,
    0xfb410cc2, 0x092a8fc1, 0x1a7a7c35, 0xe811ff36, 0x3cdb9bdd, 0xceb018de, 0xdde0eb2a, 0x2f8b6829,
    0x82f63b78, 0x709db87b, 0x63cd4b8f, 0x91a6c88c, 0x456cac67, 0xb7072f64, 0xa457dc90, 0x563c5f93,
    0x082f63b7, 0xfa44e0b4, 0xe9141340, 0x1b7f9043, 0xcfb5f4a8, 0x3dde77ab, 0x2e8e845f, 0xdce5075c,
    0x92a8fc17, 0x60c37f14, 0x73938ce0, 0x81f80fe3, 0x55326b08, 0xa759e80b, 0xb4091bff, 0x466298fc,
    0x1871a4d8, 0xea1a27db, 0xf94ad42f, 0x0b21572c, 0xdfeb33c7, 0x2d80b0c4, 0x3ed04330, 0xccbbc033,
    0xa24bb5a6, 0x502036a5, 0x4370c551, 0xb11b4652, 0x65d122b9, 0x97baa1ba, 0x84ea524e, 0x7681d14d,
    0x2892ed69, 0xdaf96e6a, 0xc9a99d9e, 0x3bc21e9d, 0xef087a76, 0x1d63f975, 0x0e330a81, 0xfc588982,
    0xb21572c9, 0x407ef1ca, 0x532e023e, 0xa145813d, 0x758fe5d6, 0x87e466d5, 0x94b49521, 0x66df1622,
    0x38cc2a06, 0xcaa7a905, 0xd9f75af1, 0x2b9cd9f2, 0xff56bd19, 0x0d3d3e1a, 0x1e6dcdee, 0xec064eed,
    0xc38d26c4, 0x31e6a5c7, 0x22b65633, 0xd0ddd530, 0x0417b1db, 0xf67c32d8, 0xe52cc12c, 0x1747422f,
    0x49547e0b, 0xbb3ffd08, 0xa86f0efc, 0x5a048dff, 0x8ecee914, 0x7ca56a17, 0x6ff599e3, 0x9d9e1ae0,
    0xd3d3e1ab, 0x21b862a8, 0x32e8915c, 0xc083125f, 0x144976b4, 0xe622f5b7, 0xf5720643, 0x07198540,
    0x590ab964, 0xab613a67, 0xb831c993, 0x4a5a4a90, 0x9e902e7b, 0x6cfbad78, 0x7fab5e8c, 0x8dc0dd8f,
    0xe330a81a, 0x115b2b19, 0x020bd8ed, 0xf0605bee, 0x24aa3f05, 0xd6c1bc06, 0xc5914ff2, 0x37faccf1,
    0x69e9f0d5, 0x9b8273d6, 0x88d28022, 0x7ab90321, 0xae7367ca, 0x5c18e4c9, 0x4f48173d, 0xbd23943e,
    0xf36e6f75, 0x0105ec76, 0x12551f82, 0xe03e9c81, 0x34f4f86a, 0xc69f7b69, 0xd5cf889d, 0x27a40b9e,
    0x79b737ba, 0x8bdcb4b9, 0x988c474d, 0x6ae7c44e, 0xbe2da0a5, 0x4c4623a6, 0x5f16d052, 0xad7d5351,
};

/* Without padding: n / 3 * 4 characters, and 2 or 3 for what is left. */
static size_t encode(char *out, const uint8_t *p, size_t n, const char *alphabet)
{
    char *o = out;

    for (; n >= sizeof(uint64_t); n -= 6, p += 6) { /* six of the eight bytes read */
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        v = be64toh(v);
        *o++ = alphabet[v >> 58];
        *o++ = alphabet[v >> 52 & 63];
        *o++ = alphabet[v >> 46 & 63];
        *o++ = alphabet[v >> 40 & 63];
        *o++ = alphabet[v >> 34 & 63];
        *o++ = alphabet[v >> 28 & 63];
        *o++ = alphabet[v >> 22 & 63];
        *o++ = alphabet[v >> 16 & 63];
    }
    for (; n >= 3; n -= 3, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

        *o++ = alphabet[v >> 18];
        *o++ = alphabet[v >> 12 & 63];
        *o++ = alphabet[v >> 6 & 63];
        *o++ = alphabet[v & 63];
    }
    if (n == 0)
        return (size_t)(o - out);
    *o++ = alphabet[p[0] >> 2];
    if (n == 1) {
        *o++ = alphabet[(p[0] & 3) << 4];
        return (size_t)(o - out);
    }
    *o++ = alphabet[(p[0] & 3) << 4 | p[1] >> 4];
    *o++ = alphabet[(p[1] & 15) << 2];
    return (size_t)(o - out);
}

size_t base64_encode(char *out, const void *data, size_t n)
{
    size_t len = encode(out, data, n, standard_alphabet);

    while (len % 4)
        out[len++] = '=';
    return len;
}

/* "=" and "==" only where they fill up the last four characters. */
static struct str without_padding(struct str in)
{
    if (in.n == 0 || in.n % 4 || in.p[in.n - 1] != '=')
        return in;
    return str_slice(in, 0, in.n - (in.p[in.n - 2] == '=' ? 2 : 1));
}

/* The 2 or 3 characters after the last full four. Bits that would be lost must be zero, so that no two
 * texts mean the same bytes. */
static enum errc decode_tail(uint8_t *out, const uint8_t *p, size_t n)
{
    uint8_t a = base64_values[p[0]], b = base64_values[p[1]];
    uint8_t c = n == 3 ? base64_values[p[2]] : 0;

    if ((a | b | c) & 0xc0)
        return ERR_INVALID;
    if (n == 2 ? b & 15 : c & 3)
        return ERR_INVALID;
    out[0] = (uint8_t)(a << 2 | b >> 4);
    if (n == 3)
        out[1] = (uint8_t)(b << 4 | c >> 2);
    return ERR_OK;
}

/* Six bits; for what is no base64 all bits, which are still seen after any shift. */
static uint32_t value_of(uint8_t c)
{
    return (uint32_t)(int8_t)base64_values[c];
}

enum errc base64_decode(uint8_t *out, size_t *ret_n, struct str in)
{
    struct str text = without_padding(in);
    const uint8_t *p = (const uint8_t *)text.p;
    uint32_t seen = 0;
    uint8_t *o = out;
    size_t left;

    for (left = text.n; left >= 4; left -= 4, p += 4) {
        uint32_t v =
            value_of(p[0]) << 18 | value_of(p[1]) << 12 | value_of(p[2]) << 6 | value_of(p[3]);

        seen |= v;
        *o++ = (uint8_t)(v >> 16);
        *o++ = (uint8_t)(v >> 8);
        *o++ = (uint8_t)v;
    }
    if (seen >> 24) /* one of them was none */
        return ERR_INVALID;
    if (left == 1 || (left && decode_tail(o, p, left)))
        return ERR_INVALID;
    if (left)
        o += left - 1;
    *ret_n = (size_t)(o - out);
    return ERR_OK;
}

struct str base64_text(struct arena *a, struct str data)
{
    char *out = arena_alloc(a, BASE64_LEN(data.n) + 1);
    size_t n = base64_encode(out, data.p, data.n);

    out[n] = '\0';
    return str_n(out, n);
}

struct str base64url_text(struct arena *a, struct str data)
{
    char *out = arena_alloc(a, BASE64_LEN(data.n) + 1);
    size_t n = encode(out, (const uint8_t *)data.p, data.n, url_alphabet);

    out[n] = '\0';
    return str_n(out, n);
}

enum errc base64_bytes(struct arena *a, struct str in, struct str *ret)
{
    uint8_t *out = arena_alloc(a, in.n / 4 * 3 + 3);
    size_t n;
    enum errc rc = base64_decode(out, &n, in);

    if (rc)
        return rc;
    *ret = str_n(out, n);
    return ERR_OK;
}

void hex_encode(char *out, const void *data, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    size_t i;

    for (i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum errc hex_decode(uint8_t *out, size_t out_size, struct str in)
{
    size_t i;

    if (in.n / 2 != out_size || in.n % 2)
        return ERR_INVALID;
    for (i = 0; i < in.n; i++) {
        if (hex_digit(in.p[i]) < 0)
            return ERR_INVALID;
    }
    for (i = 0; i < out_size; i++)
        out[i] = (uint8_t)(hex_digit(in.p[2 * i]) * 16 + hex_digit(in.p[2 * i + 1]));
    return ERR_OK;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;
    size_t i;

    crc = ~crc;
    for (i = 0; i < n; i++)
        crc = crc >> 8 ^ crc32c_table[(crc ^ p[i]) & 0xff];
    return ~crc;
}

bool ct_equal(struct str a, struct str b)
{
    /* volatile: the compiler must not stop at the first difference. */
    volatile uint8_t differs = 0;
    size_t i;

    if (a.n != b.n)
        return false;
    for (i = 0; i < a.n; i++)
        differs = differs | (uint8_t)(a.p[i] ^ b.p[i]);
    return differs == 0;
}
