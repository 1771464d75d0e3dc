#include "voice/realtime_error.h"

#include "base/macros.h"

enum lasting { UNKNOWN, LASTS, PASSES };

/* Codes that say more than that a message of ours was refused. */
static const struct code {
    const char *code;
    enum voice_error_kind kind;
    enum lasting start;
} codes[] = {
    { "conversation_already_has_active_response", VOICE_ERROR_ACTIVE, UNKNOWN },
    { "response_cancel_not_active", VOICE_ERROR_HARMLESS, UNKNOWN },
    { "item_truncate_invalid_item_id", VOICE_ERROR_HARMLESS, UNKNOWN },
    { "item_delete_invalid_item_id", VOICE_ERROR_HARMLESS, UNKNOWN },
    { "item_retrieve_invalid_item_id", VOICE_ERROR_HARMLESS, UNKNOWN },
    { "unsupported_content_type", VOICE_ERROR_HARMLESS, UNKNOWN },
    { "input_audio_buffer_commit_empty", VOICE_ERROR_HARMLESS, UNKNOWN },
    /* Often without event_id: they belong to the response that was asked for, if one was. */
    { "server_error", VOICE_ERROR_RESPONSE, PASSES },
    { "rate_limit_exceeded", VOICE_ERROR_RESPONSE, PASSES },
    { "inference_rate_limit_exceeded", VOICE_ERROR_RESPONSE, PASSES },
    { "slow_down", VOICE_ERROR_RESPONSE, PASSES },
    { "server_is_overloaded", VOICE_ERROR_RESPONSE, PASSES },
    { "insufficient_quota", VOICE_ERROR_RESPONSE, LASTS },
    { "session_expired", VOICE_ERROR_OTHER, PASSES },
    { "invalid_api_key", VOICE_ERROR_OTHER, LASTS },
    { "invalid_model", VOICE_ERROR_OTHER, LASTS },
    { "missing_model", VOICE_ERROR_OTHER, LASTS },
    { "beta_api_shape_disabled", VOICE_ERROR_OTHER, LASTS },
};

static const struct code *code_find(struct str code)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(codes); i++) {
        if (str_eq_c(code, codes[i].code))
            return &codes[i];
    }
    return NULL;
}

/* Our response.create has the event_id "r" and its tag. */
static uint32_t tag_of(struct str event_id)
{
    int64_t tag;

    if (!str_starts(event_id, STR("r")) || str_to_i64(str_from(event_id, 1), 1, UINT32_MAX, &tag))
        return 0;
    return (uint32_t)tag;
}

static enum voice_error_kind kind_of(const struct code *known, struct str type, struct str param,
                                     uint32_t tag)
{
    if (known && known->kind != VOICE_ERROR_OTHER)
        return known->kind;
    if (str_eq_c(type, "server_error"))
        return VOICE_ERROR_RESPONSE;
    if (str_ends(param, STR("audio_end_ms"))) /* a truncate beyond what was made */
        return VOICE_ERROR_HARMLESS;
    return tag ? VOICE_ERROR_RESPONSE : VOICE_ERROR_OTHER;
}

struct realtime_error realtime_error_read(const struct jval *event)
{
    const struct jval *error = json_get(event, "error");
    struct str type = json_str(json_get(error, "type"));
    struct realtime_error e = {
        .error = { .code = json_str(json_get(error, "code")),
                   .message = json_str(json_get(error, "message")),
                   .tag = tag_of(json_str(json_get(error, "event_id"))) },
        .param = json_str(json_get(error, "param")),
    };
    const struct code *known;

    if (e.error.code.n == 0) /* null is allowed; the type alone may say it */
        e.error.code = type;
    known = code_find(e.error.code);
    e.error.kind = kind_of(known, type, e.param, e.error.tag);
    e.lasts = known && known->start == LASTS;
    e.passes =
        known ? known->start == PASSES : e.error.code.n == 0 || str_eq_c(type, "server_error");
    return e;
}
