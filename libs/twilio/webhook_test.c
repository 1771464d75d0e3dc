#include "twilio/webhook.h"

#include "test.h"

#define SIDS \
    "CallSid=CA00000000000000000000000000000002&AccountSid=AC00000000000000000000000000000001"

TEST(webhook_parameters_are_read)
{
    struct arena a = ARENA_INIT;
    struct twilio_webhook w;

    CHECK_OK(twilio_webhook_parse(
        &w, &a,
        STR(SIDS "&From=%2B4930123456&To=%2B15005550006&CallStatus=completed&SequenceNumber=3&"
                 "CallDuration=42&DialCallStatus=no-answer&DialBridged=false&DialCallDuration=9&"
                 "RecordingSid=RE00000000000000000000000000000003&RecordingDuration=7&"
                 "RecordingChannels=2&Digits=hangup"),
        NULL));
    CHECK_STR(w.call_sid, "CA00000000000000000000000000000002");
    CHECK_STR(w.from, "+4930123456");
    CHECK_STR(w.call_status, "completed");
    CHECK_INT(w.sequence, 3);
    CHECK_INT(w.call_duration_s, 42);
    CHECK_STR(w.dial_call_status, "no-answer");
    CHECK_INT(w.dial_bridged, 0);
    CHECK_INT(w.dial_duration_s, 9);
    CHECK_INT(w.recording_duration_s, 7);
    CHECK_INT(w.recording_channels, 2);
    CHECK_STR(w.digits, "hangup");
    arena_release(&a);
}

TEST(webhook_absent_numbers_are_minus_one)
{
    struct arena a = ARENA_INIT;
    struct twilio_webhook w;

    CHECK_OK(twilio_webhook_parse(&w, &a, STR(SIDS "&CallDuration=&SequenceNumber=x"), NULL));
    CHECK_INT(w.call_duration_s, -1);
    CHECK_INT(w.sequence, -1);
    CHECK_INT(w.dial_bridged, -1);
    CHECK_INT(w.dial_duration_s, -1);
    arena_release(&a);
}

TEST(webhook_without_valid_sids_is_refused)
{
    static const char *const bodies[] = {
        "",
        "CallSid=CA00000000000000000000000000000002",
        "CallSid=CA%2F..%2F000000000000000000000000002&AccountSid="
        "AC00000000000000000000000000000001",
        SIDS "&RecordingSid=RE1",
    };
    struct arena a = ARENA_INIT;
    struct twilio_webhook w;
    size_t i;

    for (i = 0; i < ARRAY_LEN(bodies); i++)
        CHECK_RC(ERR_INVALID, twilio_webhook_parse(&w, &a, str_c(bodies[i]), NULL));
    arena_release(&a);
}

TEST(webhook_withheld_numbers_are_not_known)
{
    static const char *const withheld[] = { "",         "anonymous",   "unknown", "+266696687",
                                            "+2562533", "client:jane", "sip:a@b", "4930123456",
                                            "+49",      "+49 30 12345" };
    size_t i;

    CHECK(twilio_number_known(STR("+4930123456")));
    for (i = 0; i < ARRAY_LEN(withheld); i++) {
        if (twilio_number_known(str_c(withheld[i])))
            FAIL_TEST("%s", withheld[i]);
    }
}

TEST(webhook_final_statuses_are_known)
{
    CHECK(twilio_call_status_final(STR("completed")));
    CHECK(twilio_call_status_final(STR("no-answer")));
    CHECK(!twilio_call_status_final(STR("in-progress")));
    CHECK(!twilio_call_status_final(STR_EMPTY));
}
