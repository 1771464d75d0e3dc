#include "twilio/media_stream.h"

#include <string.h>

#include "base/crypto.h"
#include "base/json.h"

#include "test.h"

#define SID "MZ00000000000000000000000000000001"

/* Escaping one letter of a name sends the same message through the JSON reader. */
static const struct {
    const char *name, *fast, *slow;
} same[] = {
    { "as Twilio sends it",
      "{\"event\":\"media\",\"sequenceNumber\":\"3\",\"streamSid\":\"" SID
      "\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\",\"timestamp\":\"5\",\"payload\":\"/3//"
      "fw==\"}}",
      "{\"\\u0065vent\":\"media\",\"sequenceNumber\":\"3\",\"streamSid\":\"" SID
      "\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\",\"timestamp\":\"5\",\"payload\":\"/3//"
      "fw==\"}}" },
    { "numbers, blanks, another order",
      " { \"media\" : {\"payload\":\"AAECAw==\", \"timestamp\":40,\"chunk\":3, "
      "\"track\":\"inbound\"},\n"
      "\"streamSid\":\"" SID "\",\"sequenceNumber\":12,\"event\":\"media\" } ",
      " { \"media\" : {\"payload\":\"AAECAw==\", \"timestamp\":40,\"chunk\":3, "
      "\"track\":\"inbound\"},\n"
      "\"streamSid\":\"" SID "\",\"sequenceNumber\":12,\"event\":\"medi\\u0061\" } " },
    { "only what is needed",
      "{\"event\":\"media\",\"streamSid\":\"" SID "\",\"media\":{\"payload\":\"\"}}",
      "{\"event\":\"media\",\"streamSid\":\"" SID "\",\"x\":null,\"media\":{\"payload\":\"\"}}" },
};

TEST(media_audio_reads_the_same_with_and_without_a_document)
{
    static struct media_reader r;
    struct err err = ERR_INIT;
    size_t i;

    media_reader_init(&r);
    for (i = 0; i < ARRAY_LEN(same); i++) {
        struct media_msg a, b;
        uint8_t audio[16];

        CHECK_OK(media_parse(&r, str_c(same[i].fast), &a, &err));
        CHECK_INT(r.arena.used, 0); /* nothing was allocated */
        memcpy(audio, a.ulaw, a.ulaw_n);
        CHECK_OK(media_parse(&r, str_c(same[i].slow), &b, &err));
        CHECK_INT(a.kind, MEDIA_AUDIO);
        CHECK_INT(b.kind, MEDIA_AUDIO);
        CHECK_STR(b.stream_sid, SID);
        CHECK(str_eq(a.stream_sid, b.stream_sid));
        CHECK(str_eq(a.track, b.track));
        CHECK_INT(a.sequence, b.sequence);
        CHECK_INT(a.chunk, b.chunk);
        CHECK_INT(a.timestamp_ms, b.timestamp_ms);
        CHECK_INT(a.ulaw_n, b.ulaw_n);
        CHECK(memcmp(audio, b.ulaw, b.ulaw_n) == 0);
        arena_release(&r.arena);
    }
    media_reader_release(&r);
}

TEST(media_audio_is_decoded)
{
    static struct media_reader r;
    struct media_msg m;

    media_reader_init(&r);
    CHECK_OK(media_parse(&r, str_c(same[1].fast), &m, NULL));
    CHECK_INT(m.sequence, 12);
    CHECK_INT(m.chunk, 3);
    CHECK_INT(m.timestamp_ms, 40);
    CHECK_STR(m.track, "inbound");
    CHECK_INT(m.ulaw_n, 4);
    CHECK(memcmp(m.ulaw, "\0\1\2\3", 4) == 0);
    media_reader_release(&r);
}

TEST(media_start_carries_call_format_and_parameters)
{
    static struct media_reader r;
    struct media_msg m;

    media_reader_init(&r);
    CHECK_OK(media_parse(
        &r,
        STR("{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"" SID
            "\",\"start\":{\"accountSid\":\"AC1\",\"streamSid\":\"" SID
            "\",\"callSid\":\"CA1\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":"
            "\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1},\"customParameters\":{"
            "\"token\":\"t.u\",\"after\":\"no_answer\"}}}"),
        &m, NULL));
    CHECK_INT(m.kind, MEDIA_START);
    CHECK_INT(m.sequence, 1);
    CHECK_STR(m.call_sid, "CA1");
    CHECK_STR(m.account_sid, "AC1");
    CHECK_STR(m.encoding, "audio/x-mulaw");
    CHECK_INT(m.sample_rate, 8000);
    CHECK_INT(m.channels, 1);
    CHECK_STR(media_parameter(&m, "token"), "t.u");
    CHECK_STR(media_parameter(&m, "after"), "no_answer");
    CHECK_STR(media_parameter(&m, "absent"), "");
    media_reader_release(&r);
}

TEST(media_control_messages_are_read)
{
    static struct media_reader r;
    struct media_msg m;

    media_reader_init(&r);
    CHECK_OK(media_parse(
        &r, STR("{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}"), &m,
        NULL));
    CHECK_INT(m.kind, MEDIA_CONNECTED);
    CHECK_OK(
        media_parse(&r,
                    STR("{\"event\":\"dtmf\",\"streamSid\":\"" SID "\",\"sequenceNumber\":\"5\","
                        "\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"1\"}}"),
                    &m, NULL));
    CHECK_INT(m.kind, MEDIA_DTMF);
    CHECK_STR(m.digit, "1");
    CHECK_OK(media_parse(&r,
                         STR("{\"event\":\"mark\",\"sequenceNumber\":4,\"streamSid\":\"" SID
                             "\",\"mark\":{\"name\":\"g7:42\"}}"),
                         &m, NULL));
    CHECK_INT(m.kind, MEDIA_MARK);
    CHECK_STR(m.mark_name, "g7:42");
    CHECK_OK(media_parse(
        &r, STR("{\"event\":\"stop\",\"streamSid\":\"" SID "\",\"stop\":{\"callSid\":\"CA1\"}}"),
        &m, NULL));
    CHECK_INT(m.kind, MEDIA_STOP);
    CHECK_STR(m.call_sid, "CA1");
    CHECK_OK(media_parse(&r, STR("{\"event\":\"weather\",\"streamSid\":\"" SID "\"}"), &m, NULL));
    CHECK_INT(m.kind, MEDIA_UNKNOWN);
    CHECK_STR(m.event, "weather");
    media_reader_release(&r);
}

TEST(media_malformed_messages_are_refused)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "nothing", "" },
        { "no JSON", "hello" },
        { "an array", "[]" },
        { "no event", "{}" },
        { "event is a number", "{\"event\":1}" },
        { "cut", "{\"event\":\"media\",\"streamSid\":\"" SID "\",\"media\":{\"payload\":\"AAAA" },
        { "something after it",
          "{\"event\":\"media\",\"streamSid\":\"" SID "\",\"media\":{\"payload\":\"AAAA\"}}x" },
        { "a comma too many",
          "{\"event\":\"media\",\"streamSid\":\"" SID "\",\"media\":{\"payload\":\"AAAA\",}}" },
        { "payload is no base64",
          "{\"event\":\"media\",\"streamSid\":\"" SID "\",\"media\":{\"payload\":\"a*b=\"}}" },
        { "payload is a number",
          "{\"event\":\"media\",\"streamSid\":\"" SID "\",\"media\":{\"payload\":7}}" },
        { "no payload", "{\"event\":\"media\",\"streamSid\":\"" SID "\",\"media\":{}}" },
        { "no media", "{\"event\":\"media\",\"streamSid\":\"" SID "\"}" },
        { "audio without a stream", "{\"event\":\"media\",\"media\":{\"payload\":\"AAAA\"}}" },
        { "a number with a leading zero",
          "{\"event\":\"media\",\"sequenceNumber\":01,\"streamSid\":\"" SID
          "\",\"media\":{\"payload\":\"AAAA\"}}" },
        { "start without callSid",
          "{\"event\":\"start\",\"streamSid\":\"" SID "\",\"start\":{\"accountSid\":\"AC1\"}}" },
        { "mark without a name", "{\"event\":\"mark\",\"streamSid\":\"" SID "\",\"mark\":{}}" },
        { "dtmf without a digit", "{\"event\":\"dtmf\",\"streamSid\":\"" SID "\",\"dtmf\":{}}" },
    };
    static struct media_reader r;
    struct media_msg m;
    size_t i;

    media_reader_init(&r);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;

        if (media_parse(&r, str_c(rows[i].text), &m, &err) != ERR_INVALID)
            FAIL_TEST("%s", rows[i].name);
    }
    media_reader_release(&r);
}

TEST(media_audio_has_a_longest_length)
{
    static const uint8_t silence[MEDIA_AUDIO_BYTES_MAX + 3];
    static char text[64 * 1024];
    static struct media_reader r;
    struct media_msg m;
    size_t n;

    media_reader_init(&r);
    n = media_write_audio(text, sizeof(text), STR(SID), silence, MEDIA_AUDIO_BYTES_MAX);
    CHECK_OK(media_parse(&r, str_n(text, n), &m, NULL));
    CHECK_INT(m.ulaw_n, MEDIA_AUDIO_BYTES_MAX);
    n = media_write_audio(text, sizeof(text), STR(SID), silence, sizeof(silence));
    CHECK_RC(ERR_LIMIT, media_parse(&r, str_n(text, n), &m, NULL));
    media_reader_release(&r);
}

TEST(media_messages_of_ours_are_written_in_place)
{
    static const uint8_t ulaw[] = { 0xFF, 0x7F, 0xFF, 0x7F };
    char out[MEDIA_CONTROL_BYTES_MAX];
    size_t n = media_write_audio(out, sizeof(out), STR("MZ01"), ulaw, sizeof(ulaw));

    CHECK_STR(str_n(out, n),
              "{\"event\":\"media\",\"streamSid\":\"MZ01\",\"media\":{\"payload\":\"/3//fw==\"}}");
    CHECK_INT(n, media_audio_size(STR("MZ01"), sizeof(ulaw)));
    CHECK_INT(media_write_audio(out, n - 1, STR("MZ01"), ulaw, sizeof(ulaw)), 0);
    n = media_write_mark(out, sizeof(out), STR("MZ01"), STR("g7:42"));
    CHECK_STR(str_n(out, n),
              "{\"event\":\"mark\",\"streamSid\":\"MZ01\",\"mark\":{\"name\":\"g7:42\"}}");
    CHECK_INT(media_write_mark(out, n - 1, STR("MZ01"), STR("g7:42")), 0);
    n = media_write_clear(out, sizeof(out), STR("MZ01"));
    CHECK_STR(str_n(out, n), "{\"event\":\"clear\",\"streamSid\":\"MZ01\"}");
    CHECK_INT(media_write_clear(out, n - 1, STR("MZ01")), 0);
}

TEST(media_names_that_json_would_have_to_escape_are_not_written)
{
    char out[MEDIA_CONTROL_BYTES_MAX];

    CHECK_INT(media_write_mark(out, sizeof(out), STR("MZ01"), STR("a\"b")), 0);
    CHECK_INT(media_write_mark(out, sizeof(out), STR("MZ01"), STR("a\\b")), 0);
    CHECK_INT(media_write_mark(out, sizeof(out), STR("MZ01"), STR("a\nb")), 0);
    CHECK_INT(media_write_mark(out, sizeof(out), STR("MZ01"), STR_EMPTY), 0);
    CHECK_INT(media_write_clear(out, sizeof(out), STR("MZ\"")), 0);
}
