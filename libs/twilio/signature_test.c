#include "twilio/signature.h"

#include "base/arena.h"
#include "twilio/settings.h"

#include "test.h"

#define TOKEN "00112233445566778899aabbccddeeff"
#define FORM "application/x-www-form-urlencoded; charset=UTF-8"
#define V1_BODY                                                                                 \
    "AccountSid=AC00000000000000000000000000000001&ApiVersion=2010-04-01&CallSid="              \
    "CA00000000000000000000000000000002&CallStatus=ringing&CallerName=&Direction=inbound&From=" \
    "%2B4930123456&FromCity=K%C3%B6ln&To=%2B15005550006"
#define CALL_BODY "CallSid=CA00000000000000000000000000000002"
#define V4_BODY "{\"CallSid\":\"CA00000000000000000000000000000002\",\"note\":\"hi\"}"
#define V4_HASH "a7859ce3113cb9a5a6fb891818b15eb1c02e43782943967b13d1b45e609ad2be"

/* The worked vectors: the same row checks that we sign so and that we accept it. */
struct vector {
    const char *name, *token, *base, *target, *type, *body, *signature;
    enum errc want;
};

static const struct vector vectors[] = {
    { "V0 documentation example", "12345", "https://example.com", "/myapp.php?foo=1&bar=2", FORM,
      "Digits=1234&To=%2B18005551212&From=%2B14158675310&Caller=%2B14158675310&"
      "CallSid=CA1234567890ABCDE",
      "L/OH5YylLD5NRKLltdqwSvS0BnU=", ERR_OK },
    { "V1 form", TOKEN, "https://agent.example.com", "/voice/incoming", FORM, V1_BODY,
      "YXy/fYgt04gS71WWZncvKfY9yhY=", ERR_OK },
    { "V2 query kept as sent", TOKEN, "https://agent.example.com",
      "/voice/incoming?tenant=a%20b&x=%2B1", FORM, V1_BODY,
      "6VtxhRPEWuEnCI97ZKCeMUP+NsI=", ERR_OK },
    { "V3 GET", TOKEN, "https://agent.example.com",
      "/voice/"
      "status?CallSid=CA00000000000000000000000000000002&CallStatus=completed&From=%2B4930123456",
      "", "", "oEVp2TLigX3A5mH6I2PjwD8Ar2A=", ERR_OK },
    { "V4 JSON", TOKEN, "https://agent.example.com", "/hook?bodySHA256=" V4_HASH,
      "application/json", V4_BODY, "7HC7houY1aO8ZNIqg4UsV15kh/M=", ERR_OK },
    { "V4 JSON, body longer by a blank", TOKEN, "https://agent.example.com",
      "/hook?bodySHA256=" V4_HASH, "application/json", V4_BODY " ",
      "7HC7houY1aO8ZNIqg4UsV15kh/M=", ERR_DENIED },
    { "V5a signed with our port", TOKEN, "https://agent.example.com:8443", "/voice/incoming", FORM,
      CALL_BODY, "qdheP4H9MHv+IxNswNKi1bsPl3U=", ERR_OK },
    { "V5b signed without our port", TOKEN, "https://agent.example.com:8443", "/voice/incoming",
      FORM, CALL_BODY, "W+3k2HklRfAWa9hD/r+YM47RsWk=", ERR_OK },
    { "V5c signed with the default port", TOKEN, "https://agent.example.com", "/voice/incoming",
      FORM, CALL_BODY, "wgeMzq46iYZoqbAx07+7u0m207M=", ERR_OK },
    { "V5a is another port's", TOKEN, "https://agent.example.com", "/voice/incoming", FORM,
      CALL_BODY, "qdheP4H9MHv+IxNswNKi1bsPl3U=", ERR_DENIED },
    { "V6 repeated keys", TOKEN, "https://agent.example.com", "/multi", FORM, "A=b&Z=1&A=a&A=b",
      "t7bqKphPTtvX96hRkXtKbLcyKdE=", ERR_OK },
    { "V8 order of bytes", TOKEN, "https://agent.example.com", "/s", FORM, "a=1&B=2&A=3&b=4&_=5",
      "3WJPkIHaqxL/Vii484yvlr7IMgM=", ERR_OK },
    { "V9 decoded once", TOKEN, "https://agent.example.com", "/voice/incoming", FORM,
      "CallSid=CA00000000000000000000000000000002&CallToken=%257B%2522parentCallInfoToken%2522%253A"
      "%2522abc.def%2522%257D",
      "gs3eUUvDL3r/80HfShKImxbhDrM=", ERR_OK },
    { "V9x decoded twice", TOKEN, "https://agent.example.com", "/voice/incoming", FORM,
      "CallSid=CA00000000000000000000000000000002&CallToken=%257B%2522parentCallInfoToken%2522%253A"
      "%2522abc.def%2522%257D",
      "nm81dxIHAinPRHHrGjRYe/6fz3E=", ERR_DENIED },
    { "V10 raw quote", TOKEN, "https://agent.example.com", "/q?n=O'Brien", "", "",
      "LxhKDOGZKT+1cPYxd+xIulqB/8A=", ERR_OK },
    { "V10 %27", TOKEN, "https://agent.example.com", "/q?n=O%27Brien", "", "",
      "Pjc6wPETrDmmm4wLUYkA4DaWRsI=", ERR_OK },
    { "V10 raw quote signed, %27 sent", TOKEN, "https://agent.example.com", "/q?n=O%27Brien", "",
      "", "LxhKDOGZKT+1cPYxd+xIulqB/8A=", ERR_DENIED },
    { "a slash at the base URL's end does not count", TOKEN, "https://agent.example.com/",
      "/voice/incoming", FORM, V1_BODY, "YXy/fYgt04gS71WWZncvKfY9yhY=", ERR_OK },
    { "credentials in the base URL do not count", TOKEN, "https://u:p@agent.example.com",
      "/voice/incoming", FORM, V1_BODY, "YXy/fYgt04gS71WWZncvKfY9yhY=", ERR_OK },
    { "one changed character of the body", TOKEN, "https://agent.example.com", "/voice/incoming",
      FORM, CALL_BODY "3", "W+3k2HklRfAWa9hD/r+YM47RsWk=", ERR_DENIED },
    { "an added empty parameter", TOKEN, "https://agent.example.com", "/voice/incoming", FORM,
      V1_BODY "&X=", "YXy/fYgt04gS71WWZncvKfY9yhY=", ERR_DENIED },
    { "a dropped empty parameter", TOKEN, "https://agent.example.com", "/voice/incoming", FORM,
      "AccountSid=AC00000000000000000000000000000001", "YXy/fYgt04gS71WWZncvKfY9yhY=", ERR_DENIED },
    { "a form under another type", TOKEN, "https://agent.example.com", "/voice/incoming",
      "text/plain", V1_BODY, "YXy/fYgt04gS71WWZncvKfY9yhY=", ERR_DENIED },
    { "http instead of https", TOKEN, "http://agent.example.com", "/voice/incoming", FORM, V1_BODY,
      "YXy/fYgt04gS71WWZncvKfY9yhY=", ERR_DENIED },
    { "another token", "ffeeddccbbaa99887766554433221100", "https://agent.example.com",
      "/voice/incoming", FORM, V1_BODY, "YXy/fYgt04gS71WWZncvKfY9yhY=", ERR_DENIED },
    { "no signature", TOKEN, "https://agent.example.com", "/voice/incoming", FORM, V1_BODY, "",
      ERR_DENIED },
    { "a signature cut short", TOKEN, "https://agent.example.com", "/voice/incoming", FORM, V1_BODY,
      "YXy/fYgt04gS71WWZncvKfY9yhY", ERR_DENIED },
};

static struct twilio_verifier verifier(struct arena *a, const char *base, const char *tokens)
{
    return (struct twilio_verifier){ str_c(base), twilio_tokens(str_c(tokens), a) };
}

TEST(signature_vectors_are_accepted_and_refused)
{
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct twilio_verifier verify = verifier(&a, v->base, v->token);
        struct twilio_signed r = { str_c(v->target), str_c(v->type), str_c(v->body),
                                   str_c(v->signature) };

        if (twilio_verify(&verify, &r, &a) != v->want)
            FAIL_TEST("%s", v->name);
        arena_reset(&a);
    }
    arena_release(&a);
}

TEST(signature_is_made_as_twilio_makes_it)
{
    struct arena a = ARENA_INIT;
    char out[TWILIO_SIGNATURE_LEN + 1];

    CHECK_OK(twilio_sign(out, STR(TOKEN), STR("https://agent.example.com/voice/incoming"),
                         STR(V1_BODY), &a));
    CHECK_STR(str_c(out), "YXy/fYgt04gS71WWZncvKfY9yhY=");
    CHECK_OK(twilio_sign(out, STR(TOKEN), STR("wss://agent.example.com/media"), STR_EMPTY, &a));
    CHECK_STR(str_c(out), "AsMXdyKLyrCfxiu9bjbgS/zyijo=");
    arena_release(&a);
}

TEST(signature_of_any_token_is_accepted_while_they_are_rotated)
{
    struct arena a = ARENA_INIT;
    struct twilio_signed r = { STR("/voice/incoming"), STR(FORM), STR(V1_BODY),
                               STR("YXy/fYgt04gS71WWZncvKfY9yhY=") };
    struct twilio_verifier v;

    v = verifier(&a, "https://agent.example.com", "ffeeddccbbaa99887766554433221100, " TOKEN);
    CHECK_OK(twilio_verify(&v, &r, &a));
    v = verifier(&a, "https://agent.example.com", TOKEN ",ffeeddccbbaa99887766554433221100");
    CHECK_OK(twilio_verify(&v, &r, &a));
    arena_release(&a);
}

TEST(signature_with_an_empty_token_is_never_accepted)
{
    struct arena a = ARENA_INIT;
    char out[TWILIO_SIGNATURE_LEN + 1];
    static const struct str empty[] = { { "", 0 } };
    struct twilio_verifier v = { STR("https://agent.example.com"), { empty, 1 } };
    struct twilio_signed r = { .target = STR("/x") };

    CHECK_OK(twilio_sign(out, STR_EMPTY, STR("https://agent.example.com/x"), STR_EMPTY, &a));
    r.signature = str_c(out);
    CHECK_RC(ERR_DENIED, twilio_verify(&v, &r, &a));
    CHECK_INT(twilio_tokens(STR(" , ,"), &a).n, 0);
    arena_release(&a);
}

TEST(signature_upgrade_vectors_are_accepted_and_refused)
{
    static const struct {
        const char *name, *base, *target, *signature;
        enum errc want;
    } rows[] = {
        { "V7a", "https://agent.example.com", "/media", "AsMXdyKLyrCfxiu9bjbgS/zyijo=", ERR_OK },
        { "V7b slash appended", "https://agent.example.com", "/media",
          "CQIG1tDeOweSoJY/44JnxCKRihw=", ERR_OK },
        { "V7b asked with the slash", "https://agent.example.com", "/media/",
          "CQIG1tDeOweSoJY/44JnxCKRihw=", ERR_OK },
        { "V7c https form", "https://agent.example.com", "/media",
          "sm7KxUkmF+nyfSDbwlX3lM8lAQg=", ERR_OK },
        { "V7d token in the path", "https://agent.example.com", "/media/9f8e7d6c5b4a",
          "8+ZGvBfgSWyE2KopP3xhELfzwpU=", ERR_OK },
        { "V7a on another path", "https://agent.example.com", "/medias",
          "AsMXdyKLyrCfxiu9bjbgS/zyijo=", ERR_DENIED },
        { "V7d on another path", "https://agent.example.com", "/media",
          "8+ZGvBfgSWyE2KopP3xhELfzwpU=", ERR_DENIED },
        { "V7a under http", "http://agent.example.com", "/media",
          "AsMXdyKLyrCfxiu9bjbgS/zyijo=", ERR_DENIED },
        { "absent", "https://agent.example.com", "/media", "", ERR_DENIED },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct twilio_verifier v = verifier(&a, rows[i].base, TOKEN);

        if (twilio_verify_upgrade(&v, str_c(rows[i].target), str_c(rows[i].signature), &a) !=
            rows[i].want)
            FAIL_TEST("%s", rows[i].name);
    }
    arena_release(&a);
}

TEST(signature_of_an_upgrade_with_the_default_port_is_refused)
{
    struct arena a = ARENA_INIT;
    struct twilio_verifier v = verifier(&a, "https://agent.example.com", TOKEN);
    char out[TWILIO_SIGNATURE_LEN + 1];

    CHECK_OK(twilio_sign(out, STR(TOKEN), STR("wss://agent.example.com:443/media"), STR_EMPTY, &a));
    CHECK_RC(ERR_DENIED, twilio_verify_upgrade(&v, STR("/media"), str_c(out), &a));
    arena_release(&a);
}

TEST(signature_of_an_upgrade_on_a_local_port_is_accepted)
{
    struct arena a = ARENA_INIT;
    struct twilio_verifier v = verifier(&a, "http://127.0.0.1:8102", TOKEN);
    char out[TWILIO_SIGNATURE_LEN + 1];

    CHECK_OK(twilio_sign(out, STR(TOKEN), STR("ws://127.0.0.1:8102/media"), STR_EMPTY, &a));
    CHECK_OK(twilio_verify_upgrade(&v, STR("/media"), str_c(out), &a));
    arena_release(&a);
}

TEST(sid_is_two_letters_and_32_hexadecimal_digits)
{
    CHECK(twilio_sid_valid(STR("CA00000000000000000000000000000002"), "CA"));
    CHECK(!twilio_sid_valid(STR("CA00000000000000000000000000000002"), "RE"));
    CHECK(!twilio_sid_valid(STR("CA0000000000000000000000000000000"), "CA"));
    CHECK(!twilio_sid_valid(STR("CA000000000000000000000000000000/2"), "CA"));
    CHECK(!twilio_sid_valid(STR_EMPTY, "CA"));
}
