/* local_cloud/engine/session.h: a Realtime session's settings: defaults, strict updates (all or
 * nothing), the echo. Source: OpenAI API reference, Realtime GA, session object. */
#ifndef LOCAL_CLOUD_ENGINE_SESSION_H
#define LOCAL_CLOUD_ENGINE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "local_cloud/engine/fields.h"
#include "local_cloud/speech/endpoint.h"

enum audio_format { AUDIO_PCM24, AUDIO_PCMU, AUDIO_PCMA };

enum turn_detection { TURNS_BY_CLIENT, TURNS_BY_SERVER_VAD, TURNS_BY_SEMANTIC_VAD };

struct turn_settings {
    enum turn_detection kind;
    double threshold;
    int prefix_padding_ms, silence_duration_ms;
    int idle_timeout_ms; /* 0: null */
    bool create_response, interrupt_response;
    struct str eagerness;
};

struct transcription_settings {
    bool on;
    struct str json; /* the object as it was sent */
};

/* What a response is made with: the session's, or one response's own. */
struct output_settings {
    enum audio_format format;
    struct str voice;
    double speed;
    bool text_only;
    int max_output_tokens; /* 0: "inf" */
};

/* Plain values; texts and JSON live in the arena. */
struct session {
    struct arena arena;
    bool transcription_only; /* type "transcription" */
    struct str model, instructions;
    const struct jval *tools; /* array, or NULL: none */
    const struct jval *tool_choice, *truncation, *tracing, *include, *reasoning,
        *noise_reduction; /* or NULL */
    bool parallel_tool_calls, parallel_tool_calls_set;
    enum audio_format input;
    struct transcription_settings transcription;
    struct turn_settings turns;
    struct output_settings output;
};

/* With OpenAI's defaults. */
struct session *session_create(struct str model, bool transcription_only) MUST_USE;
struct session *session_destroy(struct session *s);
/* *s becomes a new session with the fields of `update` (session.update's "session"). False: *e says
 * why, nothing has changed. audio_made: the voice can no longer change. */
bool session_update(struct session **s, const struct jval *update, bool audio_made,
                    struct api_error *e);
/* The full object, under "session". */
void session_write(struct jw *w, const struct session *s, struct str id, int64_t expires_at_s);
/* `format` objects and the like, for responses as well. */
void session_format_write(struct jw *w, const char *key, enum audio_format f);
/* Reads what response.create may set beside the session. False: *e. */
bool session_output_read(struct output_settings *out, struct arena *a, const struct jval *response,
                         struct api_error *e);
struct endpoint_settings session_endpoint(const struct session *s);

/* response.create's "response", for the table of client events. */
extern const struct field session_response_fields[];
extern const size_t session_n_response_fields;

#endif
