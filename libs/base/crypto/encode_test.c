#include "base/crypto.h"

#include <string.h>

#include "base/mem.h"
#include "test.h"

/* RFC 4648, section 10, and what distinguishes the alphabets. */
static const struct {
    const char *bytes;
    size_t n;
    const char *standard, *url;
} vectors[] = {
    { "", 0, "", "" },
    { "f", 1, "Zg==", "Zg" },
    { "fo", 2, "Zm8=", "Zm8" },
    { "foo", 3, "Zm9v", "Zm9v" },
    { "foob", 4, "Zm9vYg==", "Zm9vYg" },
    { "fooba", 5, "Zm9vYmE=", "Zm9vYmE" },
    { "foobar", 6, "Zm9vYmFy", "Zm9vYmFy" },
    { "\xfb\xff\xbf", 3, "+/+/", "-_-_" },
    { "\xff\xfe", 2, "//4=", "__4" },
    { "\x00\x00", 2, "AAA=", "AAA" },
};

TEST(base64_matches_rfc_4648_in_both_alphabets)
{
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(vectors); i++) {
        struct str bytes = str_n(vectors[i].bytes, vectors[i].n), got;

        CHECK_STR(base64_text(&a, bytes), vectors[i].standard);
        CHECK_STR(base64url_text(&a, bytes), vectors[i].url);
        CHECK_OK(base64_bytes(&a, str_c(vectors[i].standard), &got));
        CHECK(str_eq(got, bytes));
        CHECK_OK(base64_bytes(&a, str_c(vectors[i].url), &got));
        CHECK(str_eq(got, bytes));
    }
    arena_release(&a);
}

TEST(base64_encode_writes_exactly_its_length)
{
    char out[BASE64_LEN(5) + 1];

    memset(out, '#', sizeof(out));
    CHECK_INT(base64_encode(out, "fooba", 5), BASE64_LEN(5));
    CHECK_STR(str_n(out, sizeof(out)), "Zm9vYmE=#");
}

TEST(base64_decode_refuses_what_is_not_base64)
{
    static const char *const cases[] = {
        "A",        "AAAAA", "Zg=",  "Z===",  "====",   "=",       "==",   "Zg==Zg==",
        "Zm9v=",    "Zm8==", "a*b=", "Zm 9v", "Zm9v\n", "Zm9\xc3", "Z=g=", "=Zg=",
        "Zm9v====", "Zg==x", "Zh==", "Zm9=",  "Zh",     "Zm9",
    };
    uint8_t out[32];
    size_t i, n = 4711;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        if (base64_decode(out, &n, str_c(cases[i])) != ERR_INVALID || n != 4711)
            FAIL_TEST("%s", cases[i]);
    }
}

TEST(base64_decode_refuses_each_byte_outside_the_alphabets)
{
    uint8_t out[8];
    size_t n;
    int c, valid = 0, at;

    for (at = 0; at < 4; at++) {
        for (c = 0; c < 256; c++) {
            char text[4] = { 'A', 'A', 'A', 'A' };

            text[at] = (char)c;
            if (base64_decode(out, &n, str_n(text, 4)) == ERR_OK)
                valid++;
        }
    }
    CHECK_INT(valid, 4 * 66 + 1); /* and "AAA=" */
}

TEST(base64_decode_refuses_a_stray_byte_wherever_it_stands)
{
    char text[40];
    uint8_t out[40];
    size_t at, n;

    for (at = 0; at < sizeof(text); at++) {
        memset(text, 'A', sizeof(text));
        text[at] = '*';
        CHECK_RC(ERR_INVALID, base64_decode(out, &n, str_n(text, sizeof(text))));
    }
}

TEST(base64_round_trips_every_length_within_its_room)
{
    uint8_t data[200];
    size_t n, got, i;

    for (i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 167 + 13);
    for (n = 0; n <= sizeof(data); n++) {
        char *text = mem_alloc(BASE64_LEN(n));
        size_t len = base64_encode(text, data, n);
        uint8_t *back = mem_alloc(len / 4 * 3 + 3);

        CHECK_INT(len, BASE64_LEN(n));
        CHECK_OK(base64_decode(back, &got, str_n(text, len)));
        CHECK_INT(got, n);
        CHECK(memcmp(back, data, n) == 0);
        mem_free(text);
        mem_free(back);
    }
}

TEST(hex_is_written_in_lower_case_and_read_in_both)
{
    char text[9];
    uint8_t bytes[4] = { 0 };

    hex_encode(text, "\x00\x7f\xAB\xff", 4);
    CHECK_STR(str_c(text), "007fabff");
    CHECK_OK(hex_decode(bytes, sizeof(bytes), STR("007fABfF")));
    CHECK(memcmp(bytes, "\x00\x7f\xab\xff", 4) == 0);
    hex_encode(text, "", 0);
    CHECK_STR(str_c(text), "");
    CHECK_OK(hex_decode(bytes, 0, STR_EMPTY));
}

TEST(hex_decode_refuses_other_lengths_and_characters)
{
    static const char *const cases[] = { "",     "00",   "000",  "00000", "0g00",
                                         "00 0", "-100", "0x00", "/:@G",  "`g00" };
    uint8_t bytes[2] = { 1, 2 };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_RC(ERR_INVALID, hex_decode(bytes, sizeof(bytes), str_c(cases[i])));
    CHECK_INT(bytes[0], 1);
    CHECK_INT(bytes[1], 2);
}

/* RFC 3720, appendix B.4, and the check value of the catalogue of CRCs. */
TEST(crc32c_matches_rfc_3720)
{
    uint8_t bytes[32];
    size_t i;

    CHECK_INT(crc32c(0, "", 0), 0);
    CHECK_INT(crc32c(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof(bytes));
    CHECK_INT(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    CHECK_INT(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
    for (i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    CHECK_INT(crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
    for (i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(31 - i);
    CHECK_INT(crc32c(0, bytes, sizeof(bytes)), 0x113fdb5c);
}

TEST(crc32c_of_pieces_is_that_of_the_whole)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog";
    uint32_t whole = crc32c(0, text, sizeof(text) - 1);
    size_t cut;

    CHECK_INT(whole, 0x22620404);
    for (cut = 0; cut < sizeof(text); cut++)
        CHECK_INT(crc32c(crc32c(0, text, cut), text + cut, sizeof(text) - 1 - cut), whole);
}

TEST(ct_equal_compares_bytes)
{
    CHECK(ct_equal(STR("abc"), STR("abc")));
    CHECK(!ct_equal(STR("abc"), STR("abd")));
    CHECK(!ct_equal(STR("xbc"), STR("abc")));
    CHECK(!ct_equal(STR("abc"), STR("ab")));
    CHECK(!ct_equal(STR_EMPTY, STR("a")));
    CHECK(ct_equal(STR_EMPTY, STR("")));
    CHECK(ct_equal(str_n("a\0b", 3), str_n("a\0b", 3)));
    CHECK(!ct_equal(str_n("a\0b", 3), str_n("a\0c", 3)));
}
