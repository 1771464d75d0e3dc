#include "voice/realtime_error.h"

#include "base/arena.h"
#include "base/buf.h"
#include "test.h"

/* Every code that the documents or the wire are known to give. */
static const struct {
    const char *name, *error, *code;
    enum voice_error_kind kind;
    uint32_t tag;
    bool lasts, passes;
} rows[] = {
    { "key", "'code':'invalid_api_key'", "invalid_api_key", VOICE_ERROR_OTHER, 0, true, false },
    { "model", "'code':'invalid_model'", "invalid_model", VOICE_ERROR_OTHER, 0, true, false },
    { "no model", "'code':'missing_model'", "missing_model", VOICE_ERROR_OTHER, 0, true, false },
    { "old interface", "'code':'beta_api_shape_disabled'", "beta_api_shape_disabled",
      VOICE_ERROR_OTHER, 0, true, false },
    { "no key", "'type':'invalid_request_error','code':null", "invalid_request_error",
      VOICE_ERROR_OTHER, 0, false, false },
    { "60 minutes", "'code':'session_expired'", "session_expired", VOICE_ERROR_OTHER, 0, false,
      true },
    { "quota", "'code':'insufficient_quota','event_id':null", "insufficient_quota",
      VOICE_ERROR_RESPONSE, 0, true, false },
    { "rate", "'code':'rate_limit_exceeded'", "rate_limit_exceeded", VOICE_ERROR_RESPONSE, 0, false,
      true },
    { "rate of responses", "'code':'inference_rate_limit_exceeded','event_id':'r4'",
      "inference_rate_limit_exceeded", VOICE_ERROR_RESPONSE, 4, false, true },
    { "traffic", "'code':'slow_down'", "slow_down", VOICE_ERROR_RESPONSE, 0, false, true },
    { "load", "'code':'server_is_overloaded'", "server_is_overloaded", VOICE_ERROR_RESPONSE, 0,
      false, true },
    { "server", "'type':'server_error','code':'server_error'", "server_error", VOICE_ERROR_RESPONSE,
      0, false, true },
    { "server, by its type", "'type':'server_error','code':null", "server_error",
      VOICE_ERROR_RESPONSE, 0, false, true },
    { "server, by its type beside an unknown code", "'type':'server_error','code':'odd'", "odd",
      VOICE_ERROR_RESPONSE, 0, false, true },
    { "active", "'code':'conversation_already_has_active_response','event_id':null",
      "conversation_already_has_active_response", VOICE_ERROR_ACTIVE, 0, false, false },
    { "active, ours", "'code':'conversation_already_has_active_response','event_id':'r7'",
      "conversation_already_has_active_response", VOICE_ERROR_ACTIVE, 7, false, false },
    { "late cancel", "'code':'response_cancel_not_active'", "response_cancel_not_active",
      VOICE_ERROR_HARMLESS, 0, false, false },
    { "late truncate", "'code':'invalid_value','param':'audio_end_ms'", "invalid_value",
      VOICE_ERROR_HARMLESS, 0, false, false },
    { "truncate of nothing", "'code':'item_truncate_invalid_item_id','param':'item_id'",
      "item_truncate_invalid_item_id", VOICE_ERROR_HARMLESS, 0, false, false },
    { "delete of nothing", "'code':'item_delete_invalid_item_id'", "item_delete_invalid_item_id",
      VOICE_ERROR_HARMLESS, 0, false, false },
    { "retrieve of nothing", "'code':'item_retrieve_invalid_item_id'",
      "item_retrieve_invalid_item_id", VOICE_ERROR_HARMLESS, 0, false, false },
    { "truncate before audio", "'code':'unsupported_content_type'", "unsupported_content_type",
      VOICE_ERROR_HARMLESS, 0, false, false },
    { "empty commit", "'code':'input_audio_buffer_commit_empty'", "input_audio_buffer_commit_empty",
      VOICE_ERROR_HARMLESS, 0, false, false },
    { "voice", "'code':'cannot_update_voice','param':'session.audio.output.voice'",
      "cannot_update_voice", VOICE_ERROR_OTHER, 0, false, false },
    { "unknown field", "'code':'unknown_parameter','param':'session.x','event_id':'session'",
      "unknown_parameter", VOICE_ERROR_OTHER, 0, false, false },
    { "unknown field of a response",
      "'code':'unknown_parameter','param':'response.x','event_id':'r9'", "unknown_parameter",
      VOICE_ERROR_RESPONSE, 9, false, false },
    { "missing field", "'code':'missing_required_parameter'", "missing_required_parameter",
      VOICE_ERROR_OTHER, 0, false, false },
    { "rate of the audio", "'code':'integer_below_min_value'", "integer_below_min_value",
      VOICE_ERROR_OTHER, 0, false, false },
    { "unknown event", "'code':'invalid_value','param':'type'", "invalid_value", VOICE_ERROR_OTHER,
      0, false, false },
    { "no json", "'code':'invalid_json'", "invalid_json", VOICE_ERROR_OTHER, 0, false, false },
    { "no event", "'code':'invalid_event'", "invalid_event", VOICE_ERROR_OTHER, 0, false, false },
    { "sideband", "'code':'session_not_found'", "session_not_found", VOICE_ERROR_OTHER, 0, false,
      false },
    { "call", "'code':'call_id_not_found'", "call_id_not_found", VOICE_ERROR_OTHER, 0, false,
      false },
    { "an imitator's model", "'code':'model_load_error'", "model_load_error", VOICE_ERROR_OTHER, 0,
      false, false },
    { "an event_id that is not ours", "'code':'x','event_id':'r0'", "x", VOICE_ERROR_OTHER, 0,
      false, false },
    { "an event_id beyond our tags", "'code':'x','event_id':'r99999999999'", "x", VOICE_ERROR_OTHER,
      0, false, false },
    { "numbers", "'code':7,'event_id':7,'param':7,'type':7,'message':7", "", VOICE_ERROR_OTHER, 0,
      false, true },
    { "nothing", "", "", VOICE_ERROR_OTHER, 0, false, true },
};

static void check_row(size_t i)
{
    struct arena a = ARENA_INIT;
    struct buf text = BUF_INIT(KIB);
    const struct jval *event = NULL;
    struct realtime_error e;
    size_t k;

    buf_addf(&text, "{'type':'error','error':{%s}}", rows[i].error);
    for (k = 0; k < text.n; k++) {
        if (text.p[k] == '\'')
            text.p[k] = '"';
    }
    CHECK_OK(json_parse_arena(&event, &a, buf_str(&text), NULL));
    e = realtime_error_read(event);
    if (e.error.kind != rows[i].kind || e.error.tag != rows[i].tag || e.lasts != rows[i].lasts ||
        e.passes != rows[i].passes || !str_eq_c(e.error.code, rows[i].code))
        FAIL_TEST("row \"%s\": kind %d tag %u lasts %d passes %d code " STR_FMT, rows[i].name,
                  (int)e.error.kind, e.error.tag, e.lasts, e.passes, STR_ARG(e.error.code));
    buf_release(&text);
    arena_release(&a);
}

TEST(realtime_error_codes_are_told_apart)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++)
        check_row(i);
}

TEST(realtime_error_may_be_missing)
{
    CHECK_INT(realtime_error_read(NULL).error.kind, VOICE_ERROR_OTHER);
    CHECK(realtime_error_read(NULL).passes); /* says nothing against another attempt */
}
