#include "voice/realtime_delta.h"

#include "base/json.h"
#include "test.h"

TEST(realtime_delta_reads_the_message_as_the_engine_sends_it)
{
    struct realtime_delta d;

    CHECK(realtime_delta_read(
        &d, STR("{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_1\","
                "\"response_id\":\"resp_1\",\"item_id\":\"item_1\",\"output_index\":0,"
                "\"content_index\":2,\"delta\":\"//8=\"}")));
    CHECK_STR(d.response_id, "resp_1");
    CHECK_STR(d.item_id, "item_1");
    CHECK_STR(d.delta, "//8=");
    CHECK_INT(d.content_index, 2);
}

static const struct {
    const char *name, *text;
    bool taken; /* false: left to the JSON reader */
} rows[] = {
    { "spaces", " { \"delta\" : \"AA==\" , \"type\" : \"response.output_audio.delta\" }\n", true },
    { "beta name", "{\"type\":\"response.audio.delta\",\"delta\":\"AA==\"}", true },
    { "empty delta", "{\"type\":\"response.output_audio.delta\",\"delta\":\"\"}", true },
    { "other type", "{\"type\":\"response.output_text.delta\",\"delta\":\"AA==\"}", false },
    { "no delta", "{\"type\":\"response.output_audio.delta\"}", false },
    { "escape", "{\"type\":\"response.output_audio.delta\",\"delta\":\"AA\\/=\"}", false },
    { "nested", "{\"type\":\"response.output_audio.delta\",\"delta\":\"AA==\",\"x\":{}}", false },
    { "null", "{\"type\":\"response.output_audio.delta\",\"delta\":\"AA==\",\"x\":null}", false },
    { "delta twice", "{\"type\":\"response.output_audio.delta\",\"delta\":\"\",\"delta\":\"A\"}",
      false },
    { "type twice", "{\"type\":\"response.output_audio.delta\",\"type\":\"x\",\"delta\":\"A\"}",
      false },
    { "delta a number, then text",
      "{\"type\":\"response.output_audio.delta\",\"delta\":0,\"delta\":\"AA==\"}", false },
    { "delta no text", "{\"type\":\"response.output_audio.delta\",\"delta\":7}", false },
    { "not ascii",
      "{\"type\":\"response.output_audio.delta\",\"item_id\":\"\xc3\xa9\",\"delta\":\"\"}", false },
    { "cut", "{\"type\":\"response.output_audio.delta\",\"delta\":\"AA==\"", false },
    { "cut in text", "{\"type\":\"response.output_audio.delta\",\"delta\":\"AA==", false },
    { "trailing", "{\"type\":\"response.output_audio.delta\",\"delta\":\"AA==\"}x", false },
    { "two numbers",
      "{\"type\":\"response.output_audio.delta\",\"delta\":\"\",\"content_index\":01}", false },
    { "negative", "{\"type\":\"response.output_audio.delta\",\"delta\":\"\",\"content_index\":-1}",
      false },
    { "array", "[\"type\"]", false },
    { "empty object", "{}", false },
    { "comma at end", "{\"type\":\"response.output_audio.delta\",\"delta\":\"\",}", false },
    { "nothing", "", false },
};

TEST(realtime_delta_leaves_what_is_unusual_to_the_json_reader)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct realtime_delta d;

        if (realtime_delta_read(&d, str_c(rows[i].text)) != rows[i].taken)
            FAIL_TEST("row \"%s\"", rows[i].name);
    }
}

TEST(realtime_delta_never_disagrees_with_the_json_reader)
{
    /* Every row with one byte replaced by every interesting one. */
    static const char bytes[] = "{}[]\",:\\ 0a-\n\x01\x80";
    char text[256];
    size_t i, at, b;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct str row = str_c(rows[i].text);

        for (at = 0; at < row.n; at++) {
            for (b = 0; b < sizeof(bytes); b++) {
                struct realtime_delta d;
                struct json *doc = NULL;

                CHECK(str_copy(text, sizeof(text), row));
                text[at] = bytes[b];
                if (!realtime_delta_read(&d, str_n(text, row.n)))
                    continue;
                CHECK_OK(json_parse(&doc, str_n(text, row.n), NULL));
                CHECK(str_eq(d.delta, json_str(json_get(json_root(doc), "delta"))));
                CHECK(str_eq(d.item_id, json_str(json_get(json_root(doc), "item_id"))));
                CHECK_INT(d.content_index,
                          json_i64_or(json_get(json_root(doc), "content_index"), 0));
                json_destroy(doc);
            }
        }
    }
}
