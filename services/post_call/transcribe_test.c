#include "post_call/transcribe.h"

#include "test.h"

enum { AUDIO_MS = 10000 };

struct row {
    const char *name;
    const char *body;
    enum errc rc;
    size_t n;
    int64_t from_ms, to_ms; /* of the last */
    const char *text;
};

static const struct row answers[] = {
    { "plain json", "{\"text\":\"  hello there \"}", ERR_OK, 1, 0, AUDIO_MS, "hello there" },
    { "nothing said", "{\"text\":\" \"}", ERR_OK, 0, 0, 0, "" },
    { "verbose json",
      "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":10.0,\"text\":\"One. Two.\","
      "\"segments\":[{\"id\":0,\"start\":0.5,\"end\":2.25,\"text\":\" One.\"},"
      "{\"id\":1,\"start\":3.0,\"end\":9.1,\"text\":\" Two.\"}]}",
      ERR_OK, 2, 3000, 9100, "Two." },
    { "an end past the audio is the audio's",
      "{\"text\":\"x\",\"segments\":[{\"start\":0,\"end\":29.98,\"text\":\"x\"}]}", ERR_OK, 1, 0,
      AUDIO_MS, "x" },
    { "words inside segments",
      "{\"text\":\"hi\",\"segments\":[{\"start\":1.0,\"end\":2.0,\"text\":\"hi\",\"words\":[{"
      "\"word\":\"hi\",\"start\":1.0,\"end\":2.0,\"t_dtw\":-1,\"probability\":0.5}]}]}",
      ERR_OK, 1, 1000, 2000, "hi" },
    { "words at the top",
      "{\"text\":\"hi\",\"words\":[{\"word\":\"hi\",\"start\":1.0,\"end\":2.0}]}", ERR_OK, 1, 0,
      AUDIO_MS, "hi" },
    { "times in nanoseconds",
      "{\"text\":\"hi\",\"segments\":[{\"start\":1000000000,\"end\":2000000000,\"text\":\"hi\"}]}",
      ERR_OK, 1, 1000, 2000, "hi" },
    { "segments without times are passed over",
      "{\"text\":\"a b\",\"segments\":[{\"text\":\"a\"},{\"text\":\"b\"}]}", ERR_OK, 1, 0, AUDIO_MS,
      "a b" },
    { "segments that go back in time are passed over",
      "{\"text\":\"a b\",\"segments\":[{\"start\":5,\"end\":6,\"text\":\"a\"},"
      "{\"start\":1,\"end\":2,\"text\":\"b\"}]}",
      ERR_OK, 1, 0, AUDIO_MS, "a b" },
    { "segments of another type", "{\"text\":\"a\",\"segments\":\"none\"}", ERR_OK, 1, 0, AUDIO_MS,
      "a" },
    { "no text", "{\"segments\":[]}", ERR_UPSTREAM, 0, 0, 0, "" },
    { "text of another type", "{\"text\":null}", ERR_UPSTREAM, 0, 0, 0, "" },
    { "an error with status 200", "{\"error\":\"busy\"}", ERR_UPSTREAM, 0, 0, 0, "" },
    { "a page", "<html>hello</html>", ERR_UPSTREAM, 0, 0, 0, "" },
    { "nothing", "", ERR_UPSTREAM, 0, 0, 0, "" },
};

TEST(transcription_answers_are_read_as_each_server_writes_them)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(answers); i++) {
        const struct row *row = &answers[i];
        struct arena a = ARENA_INIT;
        struct transcription t = { 0 };
        enum errc rc = transcribe_parse(&a, str_c(row->body), AUDIO_MS, &t, NULL);

        if (rc != row->rc || t.n != row->n)
            FAIL_TEST("%s: %s, %zu segments", row->name, errc_name(rc), t.n);
        if (t.n) {
            CHECK_STR(t.segments[t.n - 1].text, row->text);
            CHECK_INT(t.segments[t.n - 1].from_ms, row->from_ms);
            CHECK_INT(t.segments[t.n - 1].to_ms, row->to_ms);
        }
        arena_release(&a);
    }
}

TEST(transcription_usage_is_the_endpoint_s_or_the_audio_s_length)
{
    static const struct {
        const char *body;
        int64_t audio_ms, text_in, text_out;
    } rows[] = {
        { "{\"text\":\"x\"}", AUDIO_MS, 0, 0 },
        { "{\"text\":\"x\",\"usage\":{\"type\":\"duration\",\"seconds\":11}}", 11000, 0, 0 },
        { "{\"text\":\"x\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\"output_tokens\":3,"
          "\"total_tokens\":17,\"input_token_details\":{\"text_tokens\":4,\"audio_tokens\":10}}}",
          0, 4, 3 },
    };
    struct arena a = ARENA_INIT;
    struct transcription t;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_OK(transcribe_parse(&a, str_c(rows[i].body), AUDIO_MS, &t, NULL));
        CHECK_INT(t.usage.audio_ms, rows[i].audio_ms);
        CHECK_INT(t.usage.text_in, rows[i].text_in);
        CHECK_INT(t.usage.text_out, rows[i].text_out);
    }
    arena_release(&a);
}

TEST(transcription_errors_are_found_in_every_form)
{
    static const struct {
        const char *body, *text;
    } rows[] = {
        { "{\"error\":{\"message\":\"bad audio\",\"type\":\"invalid_request_error\"}}",
          "bad audio" },
        { "{\"error\":\"no audio\"}", "no audio" },
        { "{\"detail\":\"Model not installed\"}", "Model not installed" },
        { "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}", "field required" },
        { "{\"message\":\"too many\"}", "too many" },
        { "{\"error\":7}", "" },
        { "[]", "" },
        { "Bad Gateway", "" },
        { "", "" },
    };
    struct arena a = ARENA_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(transcribe_error_text(&a, str_c(rows[i].body)), rows[i].text);
    arena_release(&a);
}
