/* The Realtime protocol as a client sees it, on a real socket. */
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "local_cloud/engine/rig_test.h"
#include "test.h"

#define MODEL "?model=gpt-realtime-2.1"
#define KEY "Bearer sk-test"
/* Mu-law both ways; what follows is one more member of the session's turn_detection. */
#define PCMU(vad)                                                                               \
    "{'type':'session.update','session':{'type':'realtime','instructions':'You are "            \
    "brief.','audio':{'input':{'format':{'type':'audio/"                                        \
    "pcmu'},'transcription':{'model':'gpt-transcribe'},'turn_detection':{'type':'server_vad','" \
    "silence_duration_ms':500" vad                                                              \
    "}},'output':{'format':{'type':'audio/pcmu'},'voice':'marin'}}}}"
#define MANUAL ",'create_response':false,'interrupt_response':false"
#define SAY(text, more)                                                                          \
    "{'type':'response.create','event_id':'mine','response':{'instructions':'Say exactly: " text \
    "'" more "}}"
#define LONG_TEXT                                                                             \
    "Hello, this is a long sentence that takes some time to speak. And here is another one, " \
    "which goes on and on, so that nobody can have heard it all yet."

static struct rig *rig_new(void)
{
    struct rig *r = MEM_NEW(struct rig);

    rig_start(r);
    return r;
}

static void rig_end(struct rig *r)
{
    rig_stop(r);
    mem_free(r);
}

static void pcmu_session(struct rig *r)
{
    rig_session(r);
    rig_send(r, PCMU(MANUAL));
    (void)rig_await(r, "session.updated");
}

static const struct jval *await_error(struct rig *r, const char *code)
{
    const struct jval *e = json_get(rig_await(r, "error"), "error");

    CHECK_STR(json_str(json_get(e, "code")), code);
    return e;
}

static size_t event_at(const struct rig *r, const char *type)
{
    size_t i;

    for (i = 0; i < r->n_events; i++) {
        if (str_eq_c(json_str(json_get(r->events[i], "type")), type))
            return i;
    }
    FAIL_TEST("no %s", type);
    return 0;
}

static size_t audio_bytes(const struct rig *r)
{
    size_t i, n = 0;

    for (i = 0; i < r->n_events; i++) {
        struct str delta = json_str(json_get(r->events[i], "delta"));

        if (str_eq_c(json_str(json_get(r->events[i], "type")), "response.output_audio.delta"))
            n += delta.n / 4 * 3 - (str_ends(delta, STR("=="))  ? 2
                                    : str_ends(delta, STR("=")) ? 1
                                                                : 0);
    }
    return n;
}

/* The upgrade. */

TEST(realtime_upgrades_a_wrong_key_then_says_so_and_closes_3000)
{
    struct rig *r = rig_new();

    rig_connect(r, MODEL, "Bearer bad-key");
    CHECK(r->open);
    (void)await_error(r, "invalid_api_key");
    rig_await_close(r);
    CHECK_INT(r->close_code, 3000);
    CHECK_STR(str_c(r->close_reason), "invalid_request_error.invalid_api_key");
    CHECK_INT(rig_count(r, "session.created"), 0);
    rig_end(r);
}

TEST(realtime_without_a_key_closes_3000_with_no_code)
{
    struct rig *r = rig_new();

    rig_connect(r, MODEL, NULL);
    CHECK(json_is_null(json_get(await_error(r, ""), "code")));
    rig_await_close(r);
    CHECK_INT(r->close_code, 3000);
    CHECK_STR(str_c(r->close_reason), "invalid_request_error");
    rig_end(r);
}

TEST(realtime_closes_4000_for_what_is_no_voice_model)
{
    static const struct {
        const char *query, *code;
    } rows[] = { { "?model=gpt-transcribe", "invalid_model" },
                 { "?model=whatever", "invalid_model" },
                 { "", "missing_model" } };
    struct rig *r = rig_new();
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        rig_connect(r, rows[i].query, KEY);
        (void)await_error(r, rows[i].code);
        rig_await_close(r);
        CHECK_INT(r->close_code, 4000);
    }
    rig_end(r);
}

TEST(realtime_faults_of_the_url_act_on_that_connection)
{
    struct rig *r = rig_new();

    rig_connect(r, MODEL "&fault=refuse:503", KEY);
    CHECK(!r->open && r->closed);
    rig_connect(r, MODEL "&fault=error:insufficient_quota,code:1013", KEY);
    (void)await_error(r, "insufficient_quota");
    rig_await_close(r);
    CHECK_INT(r->close_code, 1013);
    rig_connect(r, MODEL "&fault=close_after:30", KEY);
    (void)rig_await(r, "session.created");
    rig_await_close(r);
    CHECK_INT(r->close_code, 1011);
    rig_connect(r, MODEL "&fault=close_after:30,code:-1", KEY);
    rig_await_close(r);
    CHECK_INT(r->close_code, 1006);
    rig_connect(r, MODEL "&fault=nonsense:1", KEY);
    CHECK(!r->open && r->closed);
    rig_end(r);
}

TEST(realtime_faults_may_come_in_mid_session)
{
    struct rig *r = rig_new();

    rig_connect(r, MODEL "&fault=error:server_error,error_after:30", KEY);
    (void)rig_await(r, "session.created");
    CHECK_STR(rig_text(r, await_error(r, "server_error"), "type"), "server_error");
    rig_send(r, PCMU("")); /* it lives on */
    (void)rig_await(r, "session.updated");
    rig_connect(r, MODEL "&fault=expire_after:30", KEY);
    (void)rig_await(r, "session.created");
    (void)await_error(r, "session_expired");
    rig_await_close(r);
    CHECK_INT(r->close_code, 1001);
    rig_end(r);
}

TEST(realtime_knows_no_calls_by_other_ways)
{
    struct rig *r = rig_new();

    rig_connect(r, "?call_id=rtc_1", KEY);
    CHECK(!r->open && r->closed);
    rig_end(r);
}

TEST(realtime_faults_asked_for_act_on_the_next_connections_only)
{
    const struct engine_fault fault = { .refuse_status = 500 };
    struct rig *r = rig_new();

    engine_fault_next(r->lc.engine, &fault, 1);
    rig_connect(r, MODEL, KEY);
    CHECK(!r->open);
    rig_session(r);
    rig_end(r);
}

/* Sessions. */

TEST(session_created_holds_the_whole_default_session)
{
    struct rig *r = rig_new();
    const struct jval *s;

    rig_connect(r, MODEL, KEY);
    s = json_get(rig_await(r, "session.created"), "session");
    CHECK(str_starts(rig_text(r, s, "id"), STR("sess_")));
    CHECK_STR(rig_text(r, s, "object"), "realtime.session");
    CHECK_STR(rig_text(r, s, "model"), "gpt-realtime-2.1");
    CHECK_STR(rig_text(r, s, "output_modalities.0"), "audio");
    CHECK_STR(rig_text(r, s, "audio.input.format.type"), "audio/pcm");
    CHECK_INT(json_i64_or(json_path(s, "audio.input.format.rate"), 0), 24000);
    CHECK(json_is_null(json_path(s, "audio.input.transcription")));
    CHECK_STR(rig_text(r, s, "audio.input.turn_detection.type"), "server_vad");
    CHECK_INT(json_i64_or(json_path(s, "audio.input.turn_detection.silence_duration_ms"), 0), 200);
    CHECK(json_bool_or(json_path(s, "audio.input.turn_detection.create_response"), false));
    CHECK_STR(rig_text(r, s, "max_output_tokens"), "inf");
    CHECK(json_i64_or(json_get(s, "expires_at"), 0) > clock_wall_s(&r->clock) + 3000);
    rig_end(r);
}

TEST(session_update_is_all_or_nothing)
{
    static const struct {
        const char *session, *code, *param;
    } rows[] = {
        { "{'type':'realtime','instructions':'x','temperature':0.8}", "unknown_parameter",
          "session.temperature" },
        { "{'instructions':'x'}", "missing_required_parameter", "session.type" },
        { "{'type':'realtime','instructions':'x','model':'gpt-realtime'}", "cannot_update_model",
          "session.model" },
        { "{'type':'realtime','instructions':'x','audio':{'input':{'format':{'type':'audio/"
          "pcm','rate':8000}}}}",
          "integer_below_min_value", "session.audio.input.format.rate" },
        { "{'type':'realtime','instructions':'x','audio':{'output':{'voice':'onyx'}}}",
          "invalid_value", "session.audio.output.voice" },
        { "{'type':'realtime','instructions':7}", "invalid_type", "session.instructions" },
        { "{'type':'realtime','instructions':'x','tools':[{'type':'function','name':'f','meta':1}]"
          "}",
          "unknown_parameter", "session.tools[0].meta" },
        { "{'type':'realtime','instructions':'x','output_modalities':['audio','text']}",
          "invalid_value", "session.output_modalities" },
        { "{'type':'realtime','instructions':'x','max_output_tokens':5000}", "invalid_value",
          "session.max_output_tokens" },
    };
    struct rig *r = rig_new();
    const struct jval *e;
    size_t i;

    rig_session(r);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        rig_send(r, "{'type':'session.update','event_id':'u%zu','session':%s}", i,
                 rig_quoted(r, rows[i].session).p);
        e = await_error(r, rows[i].code);
        CHECK_STR(rig_text(r, e, "param"), rows[i].param);
        CHECK_STR(rig_text(r, e, "event_id"), arena_printf(&r->arena, "u%zu", i).p);
    }
    CHECK_INT(rig_count(r, "session.updated"), 0);
    rig_send(r, "{'type':'session.update','session':{'type':'realtime','tool_choice':'none'}}");
    e = json_get(rig_await(r, "session.updated"), "session");
    CHECK_STR(rig_text(r, e, "tool_choice"), "none");
    CHECK(!str_eq_c(rig_text(r, e, "instructions"), "x"));
    rig_end(r);
}

TEST(session_updated_echoes_what_was_set_and_keeps_the_rest)
{
    struct rig *r = rig_new();
    const struct jval *s;

    rig_session(r);
    rig_send(r, PCMU(MANUAL));
    s = json_get(rig_await(r, "session.updated"), "session");
    CHECK_STR(rig_text(r, s, "audio.input.format.type"), "audio/pcmu");
    CHECK(json_is_null(json_path(s, "audio.input.format.rate")));
    CHECK_STR(rig_text(r, s, "audio.output.format.type"), "audio/pcmu");
    CHECK_STR(rig_text(r, s, "audio.output.voice"), "marin");
    CHECK_STR(rig_text(r, s, "audio.input.transcription.model"), "gpt-transcribe");
    CHECK(!json_bool_or(json_path(s, "audio.input.turn_detection.create_response"), true));
    rig_send(r, "{'type':'session.update','session':{'type':'realtime','audio':{'input':{'turn_"
                "detection':null}}}}");
    s = json_get(rig_await(r, "session.updated"), "session");
    CHECK(json_is_null(json_path(s, "audio.input.turn_detection")));
    CHECK_STR(rig_text(r, s, "audio.input.format.type"), "audio/pcmu");
    CHECK_STR(rig_text(r, s, "instructions"), "You are brief.");
    rig_end(r);
}

TEST(session_keeps_its_voice_once_it_has_spoken)
{
    struct rig *r = rig_new();

    pcmu_session(r);
    rig_send(r, SAY("Hello.", ""));
    (void)rig_await(r, "response.done");
    rig_send(r, "{'type':'session.update','session':{'type':'realtime','audio':{'output':{'voice':'"
                "cedar'}}}}");
    (void)await_error(r, "cannot_update_voice");
    rig_end(r);
}

TEST(session_survives_whatever_is_no_event)
{
    struct rig *r = rig_new();

    rig_session(r);
    rig_send(r, "{'type':");
    (void)await_error(r, "invalid_json");
    rig_send(r, "[1]");
    (void)await_error(r, "invalid_event");
    rig_send(r, "{'event_id':'e'}");
    (void)await_error(r, "missing_required_parameter");
    rig_send(r, "{'type':'no.such.event','event_id':'e9'}");
    CHECK_STR(rig_text(r, await_error(r, "invalid_value"), "event_id"), "e9");
    rig_send(r, "{'type':'input_audio_buffer.clear','what':1}");
    (void)await_error(r, "unknown_parameter");
    CHECK_OK(ws_send_binary(r->ws, "\1\2\3", 3));
    (void)await_error(r, "invalid_event");
    rig_send(r, "{'type':'input_audio_buffer.append','audio':'no base64!'}");
    (void)await_error(r, "invalid_value");
    rig_send(r, "{'type':'input_audio_buffer.clear'}");
    (void)rig_await(r, "input_audio_buffer.cleared");
    rig_end(r);
}

/* Responses. */

TEST(response_says_exactly_what_it_is_told_in_the_documented_order)
{
    static const char *const order[] = { "response.created",
                                         "response.output_item.added",
                                         "conversation.item.added",
                                         "response.content_part.added",
                                         "response.output_audio_transcript.delta",
                                         "response.output_audio.delta",
                                         "response.output_audio.done",
                                         "response.output_audio_transcript.done",
                                         "response.content_part.done",
                                         "conversation.item.done",
                                         "response.output_item.done",
                                         "response.done",
                                         "rate_limits.updated" };
    struct rig *r = rig_new();
    struct buf words = BUF_INIT(4096);
    const struct jval *done, *usage;
    size_t i, bytes;
    int64_t began;

    pcmu_session(r);
    began = clock_mono_ms(&r->clock);
    rig_send(r, SAY("Hello there. How can I help you?",
                    ",'tool_choice':'none','metadata':{'k':'greet'}"));
    (void)rig_await(r, "rate_limits.updated");
    for (i = 1; i < ARRAY_LEN(order); i++)
        CHECK(event_at(r, order[i - 1]) < event_at(r, order[i]));
    for (i = 0; i < r->n_events; i++) {
        if (str_eq_c(json_str(json_get(r->events[i], "type")),
                     "response.output_audio_transcript.delta"))
            buf_add_str(&words, json_str(json_get(r->events[i], "delta")));
    }
    CHECK_STR(buf_str(&words), "Hello there. How can I help you?");
    done = json_get(r->events[event_at(r, "response.done")], "response");
    CHECK_STR(rig_text(r, done, "status"), "completed");
    CHECK_STR(rig_text(r, done, "metadata.k"), "greet");
    CHECK_STR(rig_text(r, done, "output.0.content.0.transcript"),
              "Hello there. How can I help you?");
    bytes = audio_bytes(r);
    CHECK(bytes > 8000); /* more than a second of speech… */
    CHECK(clock_mono_ms(&r->clock) - began < (int64_t)bytes / 8 + 3000);
    usage = json_get(done, "usage");
    CHECK_INT(json_i64_or(json_path(usage, "output_token_details.audio_tokens"), 0),
              (bytes / 8 + 49) / 50);
    CHECK_INT(json_i64_or(json_get(usage, "total_tokens"), 0),
              json_i64_or(json_get(usage, "input_tokens"), 0) +
                  json_i64_or(json_get(usage, "output_tokens"), 0));
    CHECK(rig_count(r, "response.output_audio.delta") >= 3);
    buf_release(&words);
    rig_end(r);
}

TEST(response_create_is_refused_while_one_is_active)
{
    struct rig *r = rig_new();

    pcmu_session(r);
    rig_send(r, SAY(LONG_TEXT, ""));
    rig_send(r, "{'type':'response.create'}");
    (void)await_error(r, "conversation_already_has_active_response");
    CHECK_STR(rig_text(r, rig_await(r, "response.done"), "response.status"), "completed");
    CHECK_INT(rig_count(r, "response.created"), 1);
    rig_end(r);
}

TEST(response_cancel_ends_in_done_cancelled_after_some_late_audio)
{
    struct rig *r = rig_new();
    const struct jval *done;
    size_t before;

    pcmu_session(r);
    rig_send(r, SAY(LONG_TEXT, ""));
    (void)rig_await(r, "response.output_audio.delta");
    before = rig_count(r, "response.output_audio.delta");
    rig_send(r, "{'type':'response.cancel'}");
    done = json_get(rig_await(r, "response.done"), "response");
    CHECK_STR(rig_text(r, done, "status"), "cancelled");
    CHECK_STR(rig_text(r, done, "status_details.reason"), "client_cancelled");
    CHECK_STR(rig_text(r, done, "output.0.status"), "incomplete");
    CHECK(json_i64_or(json_path(done, "usage.output_token_details.audio_tokens"), 0) > 0);
    CHECK(rig_count(r, "response.output_audio.delta") > before); /* the late ones */
    CHECK(audio_bytes(r) < 6 * 8000UL);
    rig_send(r, "{'type':'response.cancel'}");
    (void)await_error(r, "response_cancel_not_active");
    rig_send(r, SAY("Again.", ""));
    CHECK_STR(rig_text(r, rig_await(r, "response.done"), "response.status"), "completed");
    rig_end(r);
}

TEST(response_out_of_band_runs_beside_and_leaves_no_items)
{
    struct rig *r = rig_new();
    const struct jval *done;

    pcmu_session(r);
    rig_send(r, SAY(LONG_TEXT, ""));
    rig_send(r, SAY("Aside.", ",'conversation':'none','input':[],'metadata':{'k':'aside'}"));
    do {
        done = json_get(rig_await(r, "response.done"), "response");
    } while (!str_eq_c(rig_text(r, done, "metadata.k"), "aside"));
    CHECK(json_is_null(json_get(done, "conversation_id")));
    CHECK_INT(rig_count(r, "conversation.item.added"), 1);
    rig_end(r);
}

TEST(response_faults_fail_or_are_silent)
{
    struct rig *r = rig_new();
    const struct jval *done;

    rig_connect(r, MODEL "&fault=ignore_responses:1,fail_responses:1", KEY);
    (void)rig_await(r, "session.created");
    rig_send(r, PCMU(MANUAL));
    rig_send(r, SAY("One.", "")); /* never answered */
    rig_send(r, SAY("Two.", ""));
    done = json_get(rig_await(r, "response.done"), "response");
    CHECK_STR(rig_text(r, done, "status"), "failed");
    CHECK_STR(rig_text(r, done, "status_details.error.code"), "server_error");
    rig_send(r, SAY("Three.", ""));
    CHECK_STR(rig_text(r, rig_await(r, "response.done"), "response.status"), "completed");
    CHECK_INT(rig_count(r, "response.created"), 2);
    rig_connect(r, MODEL "&fault=fail_responses:1,fail_code:inference_rate_limit_exceeded", KEY);
    (void)rig_await(r, "session.created");
    rig_send(r, SAY("Four.", ""));
    done = json_get(rig_await(r, "response.done"), "response");
    CHECK_STR(rig_text(r, done, "status_details.error.code"), "inference_rate_limit_exceeded");
    rig_end(r);
}

TEST(response_stops_at_its_token_limit)
{
    struct rig *r = rig_new();
    const struct jval *done;

    pcmu_session(r);
    rig_send(r, SAY(LONG_TEXT, ",'max_output_tokens':20"));
    done = json_get(rig_await(r, "response.done"), "response");
    CHECK_STR(rig_text(r, done, "status"), "incomplete");
    CHECK_STR(rig_text(r, done, "status_details.reason"), "max_output_tokens");
    CHECK_INT(audio_bytes(r), 20 * 50 * 8);
    rig_end(r);
}

TEST(response_in_text_has_no_audio)
{
    struct rig *r = rig_new();

    pcmu_session(r);
    rig_send(r, SAY("Only words.", ",'output_modalities':['text']"));
    CHECK_STR(rig_text(r, rig_await(r, "response.output_text.done"), "text"), "Only words.");
    CHECK_STR(rig_text(r, rig_await(r, "response.done"), "response.output.0.content.0.type"),
              "output_text");
    CHECK_INT(audio_bytes(r), 0);
    rig_end(r);
}

TEST(response_in_pcm_is_three_times_the_samples_of_two_bytes)
{
    struct rig *r = rig_new();
    size_t ulaw, pcm;

    pcmu_session(r);
    rig_send(r, SAY("The same words.", ""));
    (void)rig_await(r, "response.done");
    ulaw = audio_bytes(r);
    rig_send(r, SAY("The same words.",
                    ",'audio':{'output':{'format':{'type':'audio/pcm','rate':24000}}}"));
    (void)rig_await(r, "response.done");
    pcm = audio_bytes(r) - ulaw;
    CHECK_INT(pcm, 6 * ulaw);
    rig_end(r);
}

/* The caller. */

TEST(caller_turn_is_found_on_the_audio_and_written_down)
{
    struct rig *r = rig_new();
    const struct jval *started, *stopped, *committed, *item, *text;

    pcmu_session(r);
    rig_silence(r, 1000);
    rig_say(r, "rms", "When are you open?", 1000);
    started = rig_await(r, "input_audio_buffer.speech_started");
    stopped = rig_await(r, "input_audio_buffer.speech_stopped");
    committed = rig_await(r, "input_audio_buffer.committed");
    CHECK_STR(rig_text(r, committed, "item_id"),
              arena_cstr(&r->arena, rig_text(r, started, "item_id")));
    CHECK(json_i64_or(json_get(started, "audio_start_ms"), 0) > 600);
    CHECK(json_i64_or(json_get(started, "audio_start_ms"), 0) < 1100);
    CHECK(json_i64_or(json_get(stopped, "audio_end_ms"), 0) > 2000);
    item = rig_await(r, "conversation.item.added");
    CHECK_STR(rig_text(r, item, "item.content.0.type"), "input_audio");
    CHECK(json_is_null(json_path(item, "item.content.0.transcript"))); /* not written yet */
    (void)rig_await(r, "conversation.item.done");
    text = rig_await(r, "conversation.item.input_audio_transcription.completed");
    CHECK_STR(rig_text(r, text, "transcript"), "When are you open.");
    CHECK_STR(rig_text(r, text, "usage.type"), "duration");
    CHECK_INT(rig_count(r, "response.created"), 0); /* create_response is off */
    rig_send(r, "{'type':'conversation.item.retrieve','item_id':'" STR_FMT "'}",
             STR_ARG(json_str(json_get(committed, "item_id"))));
    CHECK_STR(rig_text(r, rig_await(r, "conversation.item.retrieved"), "item.content.0.transcript"),
              "When are you open.");
    rig_end(r);
}

TEST(caller_turn_is_answered_by_itself_when_the_session_says_so)
{
    struct rig *r = rig_new();

    rig_session(r);
    rig_send(r, PCMU(""));
    rig_say(r, "rms", "Are you a robot?", 1000);
    (void)rig_await(r, "response.created");
    CHECK_CONTAINS(
        rig_text(r, rig_await(r, "response.done"), "response.output.0.content.0.transcript"), "AI");
    rig_end(r);
}

TEST(caller_speech_cancels_the_response_only_when_the_session_says_so)
{
    struct rig *r = rig_new();
    const struct jval *done;

    rig_session(r);
    rig_send(r, PCMU(",'create_response':false"));
    rig_send(r, SAY(LONG_TEXT, ""));
    (void)rig_await(r, "response.output_audio.delta");
    rig_say(r, "rms", "Stop please, stop.", 0);
    done = json_get(rig_await(r, "response.done"), "response");
    CHECK_STR(rig_text(r, done, "status"), "cancelled");
    CHECK_STR(rig_text(r, done, "status_details.reason"), "turn_detected");
    rig_silence(r, 1000);
    (void)rig_await(r, "input_audio_buffer.committed");
    rig_send(r, PCMU(MANUAL));
    rig_send(r, SAY(LONG_TEXT, ""));
    (void)rig_await(r, "response.output_audio.delta");
    rig_say(r, "rms", "Stop please, stop.", 1000);
    CHECK_STR(rig_text(r, rig_await(r, "response.done"), "response.status"), "completed");
    rig_end(r);
}

TEST(caller_turn_that_ends_before_the_cancelled_response_does_is_answered)
{
    struct rig *r = rig_new();

    rig_connect(r, MODEL "&fault=late_deltas:100", KEY);
    (void)rig_await(r, "session.created");
    rig_send(r, PCMU(""));
    rig_send(r, SAY(LONG_TEXT, ""));
    (void)rig_await(r, "response.output_audio.delta");
    rig_say(r, "rms", "Are you a robot?", 1000); /* faster than life */
    CHECK_STR(rig_text(r, rig_await(r, "response.done"), "response.status"), "cancelled");
    CHECK(event_at(r, "input_audio_buffer.committed") < event_at(r, "response.done"));
    CHECK_CONTAINS(
        rig_text(r, rig_await(r, "response.done"), "response.output.0.content.0.transcript"), "AI");
    rig_end(r);
}

TEST(caller_audio_is_committed_by_hand_without_turn_detection)
{
    struct rig *r = rig_new();

    rig_session(r);
    rig_send(r, PCMU(MANUAL));
    rig_send(r, "{'type':'session.update','session':{'type':'realtime','audio':{'input':{'turn_"
                "detection':null}}}}");
    rig_send(r, "{'type':'input_audio_buffer.commit'}");
    (void)await_error(r, "input_audio_buffer_commit_empty");
    rig_say(r, "rms", "A person please.", 300);
    rig_send(r, "{'type':'input_audio_buffer.commit'}");
    (void)rig_await(r, "input_audio_buffer.committed");
    CHECK_STR(rig_text(r, rig_await(r, "conversation.item.input_audio_transcription.completed"),
                       "transcript"),
              "A person please.");
    CHECK_INT(rig_count(r, "input_audio_buffer.speech_started"), 0);
    rig_end(r);
}

/* Items. */

TEST(items_are_created_retrieved_and_deleted_by_id)
{
    struct rig *r = rig_new();

    pcmu_session(r);
    rig_send(r, "{'type':'conversation.item.create','item':{'id':'one','type':'message','role':'"
                "user','content':[{'type':'input_text','text':'Hi'}]}}");
    CHECK(json_is_null(json_get(rig_await(r, "conversation.item.added"), "previous_item_id")));
    (void)rig_await(r, "conversation.item.done");
    rig_send(r, "{'type':'conversation.item.create','previous_item_id':'root','item':{'id':'zero','"
                "type':'message','role':'system','content':[{'type':'input_text','text':'S'}]}}");
    (void)rig_await(r, "conversation.item.done");
    rig_send(r, "{'type':'conversation.item.retrieve','item_id':'one'}");
    CHECK_STR(rig_text(r, rig_await(r, "conversation.item.retrieved"), "item.content.0.text"),
              "Hi");
    rig_send(r, "{'type':'conversation.item.delete','item_id':'one'}");
    CHECK_STR(rig_text(r, rig_await(r, "conversation.item.deleted"), "item_id"), "one");
    rig_send(r, "{'type':'conversation.item.delete','item_id':'one'}");
    (void)await_error(r, "item_delete_invalid_item_id");
    rig_send(r, "{'type':'conversation.item.retrieve','item_id':'one'}");
    (void)await_error(r, "item_retrieve_invalid_item_id");
    rig_end(r);
}

TEST(items_that_are_wrong_are_refused)
{
    static const struct {
        const char *item, *code;
    } rows[] = {
        { "{'type':'message','role':'assistant','content':[{'type':'output_audio','audio':'AA=='}]"
          "}",
          "invalid_value" },
        { "{'type':'message','role':'user','content':[{'type':'text','text':'x'}]}",
          "invalid_value" },
        { "{'type':'message','content':[]}", "missing_required_parameter" },
        { "{'type':'poem'}", "invalid_value" },
        { "{'id':'a.b','type':'message','role':'user','content':[{'type':'input_text','text':'x'}]"
          "}",
          "invalid_value" },
        { "{'type':'function_call_output','output':'x'}", "missing_required_parameter" },
        { "{'type':'function_call_output','call_id':'c','output':{}}", "invalid_type" },
    };
    struct rig *r = rig_new();
    size_t i;

    pcmu_session(r);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        rig_send(r, "{'type':'conversation.item.create','item':%s}", rig_quoted(r, rows[i].item).p);
        (void)await_error(r, rows[i].code);
    }
    CHECK_INT(rig_count(r, "conversation.item.added"), 0);
    rig_end(r);
}

TEST(items_spoken_are_truncated_with_their_words)
{
    struct rig *r = rig_new();
    const struct jval *item;
    struct str id, left;
    int64_t ms;

    pcmu_session(r);
    rig_send(r, SAY(LONG_TEXT, ""));
    item = json_path(rig_await(r, "response.done"), "response.output.0");
    id = json_str(json_get(item, "id"));
    ms = (int64_t)audio_bytes(r) / 8;
    rig_send(r,
             "{'type':'conversation.item.truncate','item_id':'" STR_FMT
             "','content_index':0,'audio_end_ms':%lld}",
             STR_ARG(id), (long long)ms + 1);
    CHECK_STR(rig_text(r, await_error(r, "invalid_value"), "param"), "audio_end_ms");
    rig_send(r,
             "{'type':'conversation.item.truncate','item_id':'" STR_FMT
             "','content_index':0,'audio_end_ms':1500}",
             STR_ARG(id));
    CHECK_INT(json_i64_or(json_get(rig_await(r, "conversation.item.truncated"), "audio_end_ms"), 0),
              1500);
    rig_send(r, "{'type':'conversation.item.retrieve','item_id':'" STR_FMT "'}", STR_ARG(id));
    left = rig_text(r, rig_await(r, "conversation.item.retrieved"), "item.content.0.transcript");
    CHECK(str_starts(STR(LONG_TEXT), left));
    CHECK(left.n > 5 && left.n < sizeof(LONG_TEXT) / 2);
    rig_send(r, "{'type':'conversation.item.truncate','item_id':'nobody','content_index':0,'audio_"
                "end_ms':0}");
    (void)await_error(r, "item_truncate_invalid_item_id");
    rig_end(r);
}

TEST(items_cut_off_while_they_are_spoken_stay_cut)
{
    struct rig *r = rig_new();
    const struct jval *delta, *done, *said;

    rig_connect(r, MODEL "&fault=late_deltas:20", KEY);
    (void)rig_await(r, "session.created");
    rig_send(r, PCMU(MANUAL));
    rig_send(r, SAY(LONG_TEXT, ""));
    delta = rig_await(r, "response.output_audio.delta");
    rig_send(r, "{'type':'response.cancel'}");
    rig_send(r,
             "{'type':'conversation.item.truncate','item_id':'" STR_FMT
             "','content_index':0,'audio_end_ms':1}",
             STR_ARG(json_str(json_get(delta, "item_id"))));
    (void)rig_await(r, "conversation.item.truncated");
    said = rig_await(r, "response.output_audio_transcript.done");
    CHECK(str_starts(STR(LONG_TEXT), json_str(json_get(said, "transcript"))));
    CHECK(json_str(json_get(said, "transcript")).n > 0); /* all that was said */
    done = json_get(rig_await(r, "response.done"), "response");
    CHECK_STR(rig_text(r, done, "output.0.content.0.transcript"), ""); /* what was heard of it */
    CHECK_INT(json_i64_or(json_path(done, "usage.output_token_details.audio_tokens"), 0),
              ((int64_t)audio_bytes(r) / 8 + 49) / 50);
    rig_end(r);
}
