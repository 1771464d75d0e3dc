#include "twilio/twiml.h"

#include "test.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"

static void check_document(struct twiml *t, const char *want)
{
    struct err err = ERR_INIT;
    struct str doc;

    CHECK_OK(twiml_finish(t, &doc, &err));
    CHECK_STR(doc, want);
    twiml_release(t);
}

static void check_refused(struct twiml *t, enum errc want)
{
    struct err err = ERR_INIT;
    struct str doc;

    CHECK_RC(want, twiml_finish(t, &doc, &err));
    CHECK(err.text[0] != '\0');
    twiml_release(t);
}

TEST(twiml_answers_a_call_with_recording_and_stream)
{
    const struct twiml_parameter parameters[] = { { STR("token"), STR("abc.def") } };
    struct twiml t;

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_start_recording(&t, &(struct twiml_recording){
                                  .status_callback = STR("https://a.example.com/voice/recording"),
                                  .status_events = STR("in-progress completed absent") });
    twiml_connect_stream(
        &t, &(struct twiml_stream){ .action = STR("https://a.example.com/voice/continue"),
                                    .url = STR("wss://a.example.com/media"),
                                    .parameters = parameters,
                                    .n_parameters = 1 });
    check_document(
        &t, HEAD
        "<Start><Recording channels=\"dual\" "
        "recordingStatusCallback=\"https://a.example.com/voice/recording\" "
        "recordingStatusCallbackEvent=\"in-progress completed absent\"/></Start>"
        "<Connect action=\"https://a.example.com/voice/continue\"><Stream "
        "url=\"wss://a.example.com/media\"><Parameter name=\"token\" value=\"abc.def\"/></Stream>"
        "</Connect></Response>");
}

TEST(twiml_text_cannot_break_the_document)
{
    static const struct {
        const char *name, *text, *want;
    } rows[] = {
        { "markup", "<Hangup/>&\"'", "&lt;Hangup/&gt;&amp;&quot;'" },
        { "control characters",
          "a\x01\x1b\x7f"
          "b",
          "ab" },
        { "white space survives", "a\tb\nc\r", "a&#9;b&#10;c&#13;" },
        { "UTF-8", "K\xC3\xB6ln \xF0\x9F\x91\x8B", "K\xC3\xB6ln \xF0\x9F\x91\x8B" },
        { "stray and cut bytes", "a\xC3(\xFF\xE2\x82", "a(" },
        { "overlong slash",
          "a\xC0\xAF\xE0\x80\xAF"
          "b",
          "ab" },
        { "surrogate, noncharacter",
          "a\xED\xA0\x80\xEF\xBF\xBE\xEF\xBF\xBF"
          "b",
          "ab" },
        { "beyond Unicode",
          "a\xF4\x90\x80\x80"
          "b",
          "ab" },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;
        struct twiml t;
        struct str doc;

        twiml_init(&t, TWIML_BYTES_MAX);
        twiml_say(&t, NULL, str_c(rows[i].text));
        CHECK_OK(twiml_finish(&t, &doc, &err));
        doc = str_slice(doc, sizeof(HEAD "<Say>") - 1, doc.n - (sizeof("</Say></Response>") - 1));
        if (!str_eq_c(doc, rows[i].want))
            FAIL_TEST("%s: " STR_FMT, rows[i].name, STR_ARG(doc));
        twiml_release(&t);
    }
}

TEST(twiml_attributes_are_escaped)
{
    struct twiml t;

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_say(&t, &(struct twiml_voice){ .voice = STR("x\"><Hangup/>") }, STR("hi"));
    check_document(&t, HEAD "<Say voice=\"x&quot;&gt;&lt;Hangup/&gt;\">hi</Say></Response>");
}

TEST(twiml_writes_every_verb)
{
    const struct twiml_number numbers[] = {
        { .number = STR("+4930123456"),
          .url = STR("https://a.example.com/w?a=1&b=2"),
          .status_callback = STR("https://a.example.com/s"),
          .status_events = STR("initiated completed") },
    };
    struct twiml t;

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_dial(&t, &(struct twiml_dial){ .action = STR("/d"),
                                         .caller_id = STR("+15005550006"),
                                         .timeout_s = 20,
                                         .time_limit_s = 600,
                                         .answer_on_bridge = true,
                                         .sequential = true,
                                         .numbers = numbers,
                                         .n_numbers = 1 });
    twiml_pause(&t, 5);
    twiml_play(&t, STR("https://a.example.com/a.wav"));
    twiml_play_digits(&t, STR("1ww2#*"));
    twiml_record(&t, &(struct twiml_record){ .action = STR("/voice/voicemail"),
                                             .max_length_s = 120,
                                             .timeout_s = 4,
                                             .finish_on_key = STR("#"),
                                             .no_beep = true });
    twiml_gather_begin(&t, &(struct twiml_gather){ .action = STR("/g"),
                                                   .input = STR("dtmf"),
                                                   .timeout_s = 8,
                                                   .num_digits = 1,
                                                   .no_finish_key = true });
    twiml_say(&t, NULL, STR("Press 1."));
    twiml_gather_end(&t);
    twiml_redirect(&t, STR("/r"));
    twiml_reject(&t, TWIML_BUSY);
    twiml_hangup(&t);
    check_document(
        &t, HEAD
        "<Dial action=\"/d\" callerId=\"+15005550006\" timeout=\"20\" timeLimit=\"600\" "
        "answerOnBridge=\"true\" sequential=\"true\"><Number "
        "url=\"https://a.example.com/w?a=1&amp;b=2\" "
        "statusCallback=\"https://a.example.com/s\" statusCallbackEvent=\"initiated completed\">"
        "+4930123456</Number></Dial><Pause length=\"5\"/><Play>https://a.example.com/a.wav</Play>"
        "<Play digits=\"1ww2#*\"/><Record action=\"/voice/voicemail\" finishOnKey=\"#\" "
        "maxLength=\"120\" timeout=\"4\" playBeep=\"false\"/><Gather action=\"/g\" input=\"dtmf\" "
        "finishOnKey=\"\" timeout=\"8\" numDigits=\"1\"><Say>Press 1.</Say></Gather>"
        "<Redirect>/r</Redirect><Reject reason=\"busy\"/><Hangup/></Response>");
}

TEST(twiml_refuses_what_twilio_would_drop_or_refuse)
{
    const struct twiml_number one[] = { { .number = STR("+4930123456") } };
    struct twiml t;

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_connect_stream(&t, &(struct twiml_stream){ .url = STR("wss://a.example.com/m?token=1") });
    check_refused(&t, ERR_INVALID);

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_connect_stream(&t, &(struct twiml_stream){ .url = STR("https://a.example.com/m") });
    check_refused(&t, ERR_INVALID);

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_start_recording(&t, &(struct twiml_recording){ .status_callback = STR("/recording") });
    check_refused(&t, ERR_INVALID);

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_dial(&t, &(struct twiml_dial){ .numbers = one, .n_numbers = 0 });
    check_refused(&t, ERR_INVALID);

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_dial(&t, &(struct twiml_dial){ .numbers = one, .n_numbers = 1, .timeout_s = 4 });
    check_refused(&t, ERR_INVALID);

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_play_digits(&t, STR("12a"));
    check_refused(&t, ERR_INVALID);

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_record(&t, &(struct twiml_record){ .max_length_s = 5 });
    check_refused(&t, ERR_INVALID);

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_gather_begin(&t, &(struct twiml_gather){ .action = STR("/g") });
    twiml_hangup(&t);
    twiml_gather_end(&t);
    check_refused(&t, ERR_INVALID);
}

TEST(twiml_parameter_of_500_characters_is_refused)
{
    static const char value[TWIML_PARAMETER_BYTES_MAX + 1] = { 0 };
    struct twiml_parameter p = { STR("n"), str_n(value, TWIML_PARAMETER_BYTES_MAX - 1) };
    struct twiml_stream s = { .url = STR("wss://a.example.com/m"),
                              .parameters = &p,
                              .n_parameters = 1 };
    struct err err = ERR_INIT;
    struct twiml t;
    struct str doc;

    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_connect_stream(&t, &s);
    CHECK_OK(twiml_finish(&t, &doc, &err));
    twiml_release(&t);

    p.value.n++;
    twiml_init(&t, TWIML_BYTES_MAX);
    twiml_connect_stream(&t, &s);
    check_refused(&t, ERR_INVALID);
}

TEST(twiml_documents_have_a_longest_length)
{
    struct twiml t;
    int i;

    twiml_init(&t, TWIML_INLINE_BYTES_MAX);
    for (i = 0; i < 1000; i++)
        twiml_say(&t, NULL, STR("again and again"));
    check_refused(&t, ERR_LIMIT);
}
