#include "local_cloud/twilio/telephony.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "voice/g711.h"
#include "world_test.h"

#define STREAM                                                                         \
    "<Response><Connect action=\"/continue?attempt=0\"><Stream url=\"ws://%s/media\">" \
    "<Parameter name=\"token\" value=\"a.b\"/></Stream></Connect></Response>"
#define HANGUP "<Response><Hangup/></Response>"

static const uint8_t *tone(size_t ms)
{
    static uint8_t out[64 * 1024];
    size_t i;

    for (i = 0; i < ms * 8 && i < sizeof(out); i++)
        out[i] = g711_linear_to_ulaw((int16_t)(i / 4 % 2 ? 8000 : -8000));
    return out;
}

static struct str form_of(struct world *w, const char *path)
{
    struct str all = buf_str(&w->asked);
    size_t at = str_find(all, str_c(path));

    all = str_from(all, at);
    return str_slice(all, 0, str_find_char(all, '\n'));
}

static bool stream_is_open(struct world *w)
{
    return w->stream_sid[0] != '\0';
}

static bool heard_ten_frames(struct world *w)
{
    return w->media_messages >= 10;
}

static bool status_told(struct world *w)
{
    return str_contains(buf_str(&w->asked), STR("/voice/status"));
}

TEST(telephony_call_rings_streams_and_ends_as_the_application_says)
{
    static const uint8_t audio[1600] = { 0x12 };
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, STREAM);
    world_answers(&w, "/continue", 200, HANGUP);
    w.says = str_n(tone(400), 3200);
    world_call(&w, NULL, 0);
    CHECK(!w.answered);
    world_until(&w, stream_is_open);
    CHECK_CONTAINS(form_of(&w, "/voice/incoming"), "CallStatus=ringing");
    CHECK_CONTAINS(form_of(&w, "/voice/incoming"), "From=%2B4930123456");
    CHECK_CONTAINS(form_of(&w, "/voice/incoming"), "CallToken=%257B%2522");
    CHECK_CONTAINS(buf_str(&w.stream),
                   "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
    CHECK_CONTAINS(buf_str(&w.stream), "\"event\":\"start\",\"sequenceNumber\":\"1\"");
    CHECK_CONTAINS(buf_str(&w.stream), "\"customParameters\":{\"token\":\"a.b\"}");
    CHECK(w.answered);
    world_until(&w, heard_ten_frames);
    CHECK_CONTAINS(buf_str(&w.stream),
                   "\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\","
                   "\"timestamp\":\"0\"");
    CHECK_CONTAINS(buf_str(&w.stream), "\"chunk\":\"10\",\"timestamp\":\"180\"");
    world_stream_send_audio(&w, audio, sizeof(audio));
    ws_close(w.ws, 1000, STR_EMPTY);
    world_until(&w, world_ended);
    CHECK_STR(str_c(w.ended), "agent");
    CHECK_INT(w.ended_times, 1);
    CHECK_CONTAINS(form_of(&w, "/continue?attempt=0"), "CallStatus=in-progress");
    world_until(&w, status_told);
    CHECK_CONTAINS(form_of(&w, "/voice/status"), "CallStatus=completed");
    CHECK_CONTAINS(form_of(&w, "/voice/status"), "CallDuration=1");
    CHECK_CONTAINS(form_of(&w, "/voice/status"), "SequenceNumber=0");
    CHECK_INT(telephony_calls(w.lc.telephony), 0);
    world_close(&w);
}

static bool mark_echoed(struct world *w)
{
    return str_contains(buf_str(&w->stream), STR("\"mark\":{\"name\":\"m1\"}"));
}

static bool both_marks_echoed(struct world *w)
{
    return world_count(buf_str(&w->stream), "\"event\":\"mark\"") == 2;
}

TEST(telephony_mark_comes_back_when_the_audio_before_it_has_been_heard)
{
    struct world w;
    size_t at;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, STREAM);
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    world_stream_send_audio(&w, tone(300), 2400);
    world_stream_send(&w, "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"m1\"}}");
    world_until(&w, mark_echoed);
    for (at = 0; at < w.heard.n && (uint8_t)w.heard.p[at] == G711_ULAW_SILENCE; at++)
        ;
    CHECK(w.heard.n - at >= 2400); /* all of it was heard before */
    CHECK(memcmp(w.heard.p + at, tone(300), 2400) == 0);
    world_stream_send(&w, "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"m2\"}}");
    world_until(&w, both_marks_echoed); /* nothing was in front of it */
    world_close(&w);
}

TEST(telephony_clear_empties_and_returns_every_mark)
{
    struct world w;
    size_t heard;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, STREAM);
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    world_stream_send_audio(&w, tone(8000), 64000);
    world_stream_send(&w, "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"m1\"}}");
    world_stream_send_audio(&w, tone(8000), 64000);
    world_stream_send(&w, "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"m2\"}}");
    world_until(&w, heard_ten_frames);
    world_stream_send(&w, "{\"event\":\"clear\",\"streamSid\":\"%s\"}");
    world_until(&w, both_marks_echoed);
    heard = w.heard.n;
    w.media_messages = 0;
    world_until(&w, heard_ten_frames);
    for (; heard + PHONE_FRAME_BYTES < w.heard.n; heard++) {
        if ((uint8_t)w.heard.p[heard + PHONE_FRAME_BYTES] != G711_ULAW_SILENCE)
            FAIL_TEST("something is heard after clear");
    }
    world_close(&w);
}

TEST(telephony_bad_messages_are_warned_of_once_and_skipped)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, STREAM);
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    world_stream_send(&w, "hello");
    world_stream_send(&w, "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{}}");
    world_stream_send(&w, "{\"event\":\"mark\",\"streamSid\":\"MZ1\",\"mark\":{\"name\":\"m0\"}}");
    world_stream_send(
        &w, "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"m0\"},\"x\":1}");
    world_stream_send(&w, "{\"event\":\"say\",\"streamSid\":\"%s\"}");
    CHECK_OK(ws_send_binary(w.ws, "abc", 3));
    CHECK_OK(ws_send_binary(w.ws, "abc", 3));
    world_stream_send(&w, "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"m1\"}}");
    world_until(&w, mark_echoed);
    CHECK_INT(world_count(buf_str(&w.stream), "\"event\":\"mark\""), 1);
    CHECK_INT(world_count(buf_str(&w.lines), "31951"), 1);
    CHECK_INT(world_count(buf_str(&w.lines), "31950"), 1);
    world_close(&w);
}

static bool digits_sent(struct world *w)
{
    return world_count(buf_str(&w->stream), "\"event\":\"dtmf\"") == 2;
}

TEST(telephony_pressed_digits_reach_the_stream)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, STREAM);
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    telephony_dtmf(w.call, STR("1#"));
    world_until(&w, digits_sent);
    CHECK_CONTAINS(buf_str(&w.stream), "\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"1\"}");
    CHECK_CONTAINS(buf_str(&w.stream), "\"digit\":\"#\"");
    world_close(&w);
}

static bool stream_closed(struct world *w)
{
    return str_contains(buf_str(&w->stream), STR("closed"));
}

TEST(telephony_caller_who_hangs_up_ends_the_stream_with_stop)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, STREAM);
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    telephony_hang_up(w.call);
    CHECK_INT(w.ended_times, 0); /* not from inside the call */
    world_until(&w, world_ended);
    CHECK_STR(str_c(w.ended), "caller");
    world_until(&w, stream_closed);
    CHECK_CONTAINS(buf_str(&w.stream), "\"event\":\"stop\"");
    CHECK_CONTAINS(buf_str(&w.stream), "closed 1000");
    CHECK(!str_contains(buf_str(&w.asked), STR("/continue")));
    world_close(&w);
}

static const struct phone_dial dials[] = {
    { { "+4930111", 8 }, DIAL_NO_ANSWER },
    { { "+4930222", 8 }, DIAL_BUSY },
    { { "+4930333", 8 }, DIAL_FAILED },
};

static void check_dial(const char *number, const char *status, const char *bridged)
{
    struct world w;
    char doc[256];

    world_open(&w);
    snprintf(doc, sizeof(doc),
             "<Response><Dial action=\"/dialed\" timeout=\"20\"><Number "
             "statusCallback=\"http://%%s/leg\" "
             "statusCallbackEvent=\"initiated ringing answered "
             "completed\">%s</Number></Dial></Response>",
             number);
    world_answers(&w, "/voice/incoming", 200, doc);
    world_answers(&w, "/dialed", 200, HANGUP);
    world_call(&w, dials, ARRAY_LEN(dials));
    world_until(&w, world_ended);
    CHECK_CONTAINS(form_of(&w, "/dialed"), status);
    CHECK_CONTAINS(form_of(&w, "/dialed"), bridged);
    CHECK_CONTAINS(form_of(&w, "/dialed"), "DialCallSid=CA");
    CHECK_CONTAINS(form_of(&w, "/leg"), "ParentCallSid=CA");
    CHECK_CONTAINS(buf_str(&w.events), number);
    world_close(&w);
}

TEST(telephony_dial_reports_how_the_called_party_did)
{
    check_dial("+4930222", "DialCallStatus=busy", "DialBridged=false");
    check_dial("+4930333", "DialCallStatus=failed", "DialBridged=false");
    check_dial("+4930111", "DialCallStatus=no-answer", "DialBridged=false");
}

static enum errc short_voice(void *arg, struct str language, struct str text, struct buf *out,
                             struct err *err)
{
    (void)arg;
    (void)language;
    (void)text;
    (void)err;
    buf_add(out, tone(200), 1600);
    return ERR_OK;
}

static bool heard_speech(const struct world *w)
{
    return memmem(w->heard.p, w->heard.n, tone(200), 1600) != NULL;
}

TEST(telephony_dial_that_is_answered_bridges_and_the_person_is_heard)
{
    struct world w;

    world_open(&w);
    telephony_set_voice(w.lc.telephony, short_voice, NULL);
    world_answers(&w, "/voice/incoming", 200,
                  "<Response><Dial action=\"/dialed\">+4930999</Dial></Response>");
    world_answers(&w, "/dialed", 200, HANGUP);
    world_call(&w, dials, ARRAY_LEN(dials));
    world_until(&w, world_ended);
    CHECK_CONTAINS(form_of(&w, "/dialed"), "DialCallStatus=completed");
    CHECK_CONTAINS(form_of(&w, "/dialed"), "DialBridged=true");
    CHECK(heard_speech(&w));
    world_close(&w);
}

TEST(telephony_says_pauses_and_goes_to_the_next_verb)
{
    struct world w;

    world_open(&w);
    telephony_set_voice(w.lc.telephony, short_voice, NULL);
    world_answers(&w, "/voice/incoming", 200,
                  "<Response><Say>Hi &amp; bye</Say><Pause "
                  "length=\"1\"/><Redirect>/next</Redirect></Response>");
    world_answers(&w, "/next", 200, "<Response/>");
    world_call(&w, NULL, 0);
    world_until(&w, world_ended);
    CHECK(heard_speech(&w));
    CHECK(w.heard.n >= 9600);
    CHECK_CONTAINS(buf_str(&w.events), "verb Say Hi & bye\n");
    CHECK_STR(str_c(w.ended), "agent");
    world_close(&w);
}

#define RECORD                                               \
    "<Response><Record action=\"/voicemail\" timeout=\"1\" " \
    "playBeep=\"false\"/><Say>none</Say></Response>"

TEST(telephony_message_is_recorded_until_silence)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, RECORD);
    world_answers(&w, "/voicemail", 200, HANGUP);
    w.says = str_n(tone(400), 3200);
    w.says_at_ms = 200;
    world_call(&w, NULL, 0);
    world_until(&w, world_ended);
    CHECK_CONTAINS(form_of(&w, "/voicemail"), "RecordingSid=RE");
    CHECK_CONTAINS(form_of(&w, "/voicemail"), "RecordingDuration=2");
    CHECK(!str_contains(buf_str(&w.events), STR("Say none")));
    world_close(&w);
}

TEST(telephony_silence_is_no_message)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, RECORD);
    world_call(&w, NULL, 0);
    world_until(&w, world_ended);
    CHECK(!str_contains(buf_str(&w.asked), STR("/voicemail")));
    CHECK_CONTAINS(buf_str(&w.events), "Say none");
    world_close(&w);
}

static bool voicemail_told(struct world *w)
{
    return str_contains(buf_str(&w->asked), STR("/voicemail"));
}

static bool said_something(struct world *w)
{
    return w->heard.n > 5600;
}

TEST(telephony_message_of_a_caller_who_hangs_up_is_told_too)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, RECORD);
    w.says = str_n(tone(2000), 16000);
    world_call(&w, NULL, 0);
    world_until(&w, said_something);
    telephony_hang_up(w.call);
    world_until(&w, voicemail_told);
    CHECK_CONTAINS(form_of(&w, "/voicemail"), "Digits=hangup");
    CHECK_CONTAINS(form_of(&w, "/voicemail"), "CallStatus=completed");
    world_close(&w);
}

TEST(telephony_gathers_digits)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200,
                  "<Response><Gather action=\"/digits\" numDigits=\"2\"><Pause "
                  "length=\"30\"/></Gather></Response>");
    world_answers(&w, "/digits", 200, HANGUP);
    world_call(&w, NULL, 0);
    telephony_dtmf(w.call, STR("42"));
    world_until(&w, world_ended);
    CHECK_CONTAINS(form_of(&w, "/digits"), "Digits=42");
    world_close(&w);
}

TEST(telephony_rejected_call_is_never_answered)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, "<Response><Reject reason=\"busy\"/></Response>");
    world_call(&w, NULL, 0);
    world_until(&w, world_ended);
    CHECK(!w.answered);
    world_until(&w, status_told);
    CHECK_CONTAINS(form_of(&w, "/voice/status"), "CallStatus=busy");
    world_close(&w);
}

TEST(telephony_failed_webhook_leads_to_the_fallback)
{
    static const struct {
        int status;
        const char *body, *code;
    } rows[] = {
        { 500, "", "ErrorCode=11200" },
        { 200, "<Response><Say>never ends", "ErrorCode=12100" },
        { 200, "<Answer/>", "ErrorCode=12100" },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;

        world_open(&w);
        world_answers(&w, "/voice/incoming", rows[i].status, rows[i].body);
        world_answers(&w, "/voice/fallback", 200, HANGUP);
        world_call(&w, NULL, 0);
        world_until(&w, world_ended);
        CHECK_CONTAINS(form_of(&w, "/voice/fallback"), rows[i].code);
        CHECK_CONTAINS(form_of(&w, "/voice/fallback"), "ErrorUrl=http%3A%2F%2F127.0.0.1");
        world_close(&w);
    }
}

TEST(telephony_overrides_of_the_url_repeat_a_failed_request)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200,
                  "<Response><Redirect>/next#rc=2&amp;rp=5xx</Redirect></Response>");
    world_answers(&w, "/next", 500, "");
    world_answers(&w, "/next", 503, "");
    world_answers(&w, "/next", 200, HANGUP);
    world_call(&w, NULL, 0);
    world_until(&w, world_ended);
    CHECK_INT(world_count(buf_str(&w.asked), "/next "), 3);
    CHECK(!str_contains(buf_str(&w.asked), STR("/voice/fallback")));
    world_close(&w);
}

TEST(telephony_without_an_answer_anywhere_apologises_and_ends)
{
    struct world w;

    world_open(&w);
    telephony_set_voice(w.lc.telephony, short_voice, NULL);
    world_answers(&w, "/voice/incoming", 500, "");
    world_answers(&w, "/voice/fallback", 500, "");
    world_call(&w, NULL, 0);
    world_until(&w, world_ended);
    CHECK_STR(str_c(w.ended), "failed");
    CHECK(heard_speech(&w));
    world_close(&w);
}

TEST(telephony_stream_that_cannot_be_opened_goes_on_with_its_action)
{
    struct world w;

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200,
                  "<Response><Connect action=\"/continue\"><Stream "
                  "url=\"ws://%s/unwanted\"/></Connect></Response>");
    world_answers(&w, "/continue", 200, HANGUP);
    world_call(&w, NULL, 0);
    world_until(&w, world_ended);
    CHECK_CONTAINS(buf_str(&w.lines), "error 31920");
    CHECK_CONTAINS(buf_str(&w.asked), "/continue ");
    world_close(&w);
}

/* ---- recording and REST ---- */

#define RECORDED_STREAM                                                       \
    "<Response><Start><Recording channels=\"dual\" "                          \
    "recordingStatusCallback=\"http://%s/recording\" "                        \
    "recordingStatusCallbackEvent=\"in-progress completed absent\"/></Start>" \
    "<Connect action=\"/continue\"><Stream url=\"ws://%s/media\"/></Connect></Response>"

static bool recording_completed(struct world *w)
{
    return str_contains(buf_str(&w->asked), STR("RecordingStatus=completed"));
}

static struct str recording_sid_of(struct world *w)
{
    struct str all = buf_str(&w->asked);

    return str_slice(str_from(all, str_find(all, STR("RecordingSid=")) + 13), 0, 34);
}

static int16_t sample(struct str wav, size_t i)
{
    const uint8_t *p = (const uint8_t *)wav.p + 44 + 2 * i;

    return (int16_t)(p[0] | p[1] << 8);
}

static void check_channels(struct str wav)
{
    size_t n = (wav.n - 44) / 4, caller = 0, agent = 0, i;

    for (i = 0; i < n; i++) {
        caller += sample(wav, 2 * i) > 4000;
        agent += sample(wav, 2 * i + 1) > 4000;
    }
    /* Half of a square wave's samples are positive: 200 ms of the caller, 100 ms of the agent. */
    CHECK_INT(caller, 800);
    CHECK_INT(agent, 400);
}

TEST(telephony_recording_has_the_caller_left_and_the_agent_right)
{
    struct world w;
    char path[128];

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, RECORDED_STREAM);
    world_answers(&w, "/continue", 200, HANGUP);
    w.says = str_n(tone(200), 1600);
    w.says_at_ms = 100;
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    world_stream_send_audio(&w, tone(100), 800);
    w.media_messages = -15;
    world_until(&w, heard_ten_frames);
    CHECK_CONTAINS(buf_str(&w.asked), "RecordingStatus=in-progress");
    ws_close(w.ws, 1000, STR_EMPTY);
    world_until(&w, recording_completed);
    CHECK_CONTAINS(buf_str(&w.asked), "RecordingDuration=1");
    CHECK_CONTAINS(buf_str(&w.asked), "RecordingChannels=2");

    snprintf(path, sizeof(path), "/Recordings/" STR_FMT ".wav?RequestedChannels=2",
             STR_ARG(recording_sid_of(&w)));
    world_rest(&w, "GET", path, NULL, NULL);
    CHECK_INT(w.rest_status, 200);
    CHECK(str_starts(w.rest_body, STR("RIFF")));
    CHECK_INT(((const uint8_t *)w.rest_body.p)[22], 2); /* channels */
    check_channels(w.rest_body);
    snprintf(path, sizeof(path), "/Recordings/" STR_FMT, STR_ARG(recording_sid_of(&w)));
    world_rest(&w, "GET", path, NULL, NULL);
    CHECK_INT(((const uint8_t *)w.rest_body.p)[22], 1);
    snprintf(path, sizeof(path), "/Recordings/" STR_FMT ".json", STR_ARG(recording_sid_of(&w)));
    world_rest(&w, "GET", path, NULL, NULL);
    CHECK_CONTAINS(w.rest_body, "\"status\":\"completed\"");
    world_rest(&w, "DELETE", path, NULL, NULL);
    CHECK_INT(w.rest_status, 204);
    world_rest(&w, "GET", path, NULL, NULL);
    CHECK_INT(w.rest_status, 404);
    CHECK_CONTAINS(w.rest_body, "\"code\":20404");
    world_close(&w);
}

static bool recording_stored(struct world *w)
{
    return workers_pending(w->lc.telephony->workers) == 0;
}

TEST(telephony_recordings_outlive_a_restart_and_are_read_from_the_store)
{
    char dir[] = "/tmp/telephony-test-XXXXXX", path[64], file[64];
    struct str sid;
    struct world w;
    struct arena a = ARENA_INIT;

    CHECK(mkdtemp(dir) != NULL);
    snprintf(file, sizeof(file), "%s/store", dir);
    world_open_stored(&w, str_c(file));
    world_answers(&w, "/voice/incoming", 200, RECORDED_STREAM);
    w.says = str_n(tone(200), 1600);
    w.says_at_ms = 100;
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    world_stream_send_audio(&w, tone(100), 800);
    w.media_messages = -15;
    world_until(&w, heard_ten_frames);
    telephony_hang_up(w.call);
    world_until(&w, recording_completed);
    world_until(&w, recording_stored);
    sid = arena_str(&a, recording_sid_of(&w));
    world_close(&w);

    world_open_stored(&w, str_c(file));
    snprintf(path, sizeof(path), "/Recordings/" STR_FMT, STR_ARG(sid));
    world_rest(&w, "GET", arena_printf(&a, "%s.json", path).p, NULL, NULL);
    CHECK_CONTAINS(w.rest_body, "\"status\":\"completed\"");
    world_rest(&w, "GET", arena_printf(&a, "%s.wav?RequestedChannels=2", path).p, NULL, NULL);
    CHECK_INT(w.rest_status, 200);
    check_channels(w.rest_body);
    world_rest(&w, "DELETE", arena_printf(&a, "%s.json", path).p, NULL, NULL);
    CHECK_INT(w.rest_status, 204);
    world_close(&w);

    world_open_stored(&w, str_c(file));
    world_rest(&w, "GET", arena_printf(&a, "%s.json", path).p, NULL, NULL);
    CHECK_INT(w.rest_status, 404);
    world_close(&w);
    for (const char *const *end = (const char *const[]){ "", "-wal", "-shm", NULL }; *end; end++) {
        snprintf(path, sizeof(path), "%s%s", file, *end);
        unlink(path);
    }
    rmdir(dir);
    arena_release(&a);
}

TEST(telephony_rest_wants_the_accounts_credentials)
{
    struct world w;

    world_open(&w);
    world_rest(&w, "GET", "/Calls.json", NULL, "nobody:nothing");
    CHECK_INT(w.rest_status, 401);
    CHECK_CONTAINS(w.rest_body, "\"code\":20003");
    world_rest(&w, "GET", "/Calls.json", NULL, "");
    CHECK_INT(w.rest_status, 401);
    world_rest(&w, "GET", "/Calls.json", NULL, NULL);
    CHECK_INT(w.rest_status, 200);
    CHECK_CONTAINS(w.rest_body, "\"calls\":[]");
    world_rest(&w, "GET", "/Calls/CA1.json", NULL, NULL);
    CHECK_INT(w.rest_status, 404);
    world_close(&w);
}

TEST(telephony_update_by_twiml_stops_the_stream_and_the_call_goes_on)
{
    struct world w;
    char path[80];

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, STREAM);
    world_answers(&w, "/elsewhere", 200, HANGUP);
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    snprintf(path, sizeof(path), "/Calls/" STR_FMT ".json", STR_ARG(phone_call_sid(w.call)));
    world_rest(&w, "POST", path,
               "Twiml=%3CResponse%3E%3CRedirect%3E%2Felsewhere%3C%2FRedirect%3E%3C%2FResponse%3E",
               NULL);
    CHECK_INT(w.rest_status, 200);
    CHECK_CONTAINS(w.rest_body, "\"status\":\"in-progress\"");
    world_until(&w, stream_closed);
    CHECK_CONTAINS(buf_str(&w.stream), "\"event\":\"stop\"");
    world_until(&w, world_ended);
    CHECK(!str_contains(buf_str(&w.asked), STR("/continue")));
    CHECK_CONTAINS(buf_str(&w.asked), "/elsewhere ");
    world_rest(&w, "POST", path, "Status=completed", NULL);
    CHECK_INT(w.rest_status, 400);
    CHECK_CONTAINS(w.rest_body, "\"code\":21220");
    world_close(&w);
}

TEST(telephony_rest_ends_a_call)
{
    struct world w;
    char path[80];

    world_open(&w);
    world_answers(&w, "/voice/incoming", 200, STREAM);
    world_call(&w, NULL, 0);
    world_until(&w, stream_is_open);
    snprintf(path, sizeof(path), "/Calls/" STR_FMT ".json", STR_ARG(phone_call_sid(w.call)));
    world_rest(&w, "POST", path, "Status=completed", NULL);
    CHECK_CONTAINS(w.rest_body, "\"status\":\"completed\"");
    CHECK_STR(str_c(w.ended), "agent");
    world_close(&w);
}

static bool outbound_over(struct world *w)
{
    return str_contains(buf_str(&w->asked), STR("CallStatus=completed"));
}

TEST(telephony_rest_places_a_call_and_reports_its_progress)
{
    struct world w;
    char form[512];

    world_open(&w);
    world_answers(&w, "/outbound", 200, HANGUP);
    snprintf(
        form, sizeof(form),
        "To=%%2B4930123456&From=%%2B15005550006&Url=http%%3A%%2F%%2F%s%%2Foutbound&StatusCallback="
        "http%%3A%%2F%%2F%s%%2Fprogress&StatusCallbackEvent=initiated&StatusCallbackEvent=ringing&"
        "StatusCallbackEvent=answered&StatusCallbackEvent=completed",
        w.settings.public_base_url.p + 7, w.settings.public_base_url.p + 7);
    world_rest(&w, "POST", "/Calls.json", form, NULL);
    CHECK_INT(w.rest_status, 201);
    CHECK_CONTAINS(w.rest_body, "\"status\":\"queued\"");
    world_until(&w, outbound_over);
    CHECK_CONTAINS(form_of(&w, "/outbound"), "Direction=outbound-api");
    CHECK_CONTAINS(buf_str(&w.asked), "CallStatus=initiated");
    CHECK_CONTAINS(buf_str(&w.asked), "SequenceNumber=3");
    world_rest(&w, "POST", "/Calls.json", "To=1&From=%2B15005550006", NULL);
    CHECK_CONTAINS(w.rest_body, "\"code\":21217");
    world_close(&w);
}

TEST(telephony_rest_takes_and_refuses_messages)
{
    struct world w;

    world_open(&w);
    world_rest(&w, "POST", "/Messages.json", "To=%2B4930123456&From=%2B15005550006&Body=Hi", NULL);
    CHECK_INT(w.rest_status, 201);
    CHECK_CONTAINS(w.rest_body, "\"sid\":\"SM");
    world_rest(&w, "GET", "/Messages.json?To=%2B4930123456", NULL, NULL);
    CHECK_CONTAINS(w.rest_body, "\"body\":\"Hi\"");
    world_rest(&w, "POST", "/Messages.json", "To=%2B15005550004&From=%2B15005550006&Body=Hi", NULL);
    CHECK_INT(w.rest_status, 400);
    CHECK_CONTAINS(w.rest_body, "\"code\":21610");
    world_close(&w);
}
