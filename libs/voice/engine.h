/* voice/engine.h: what every voice engine can do: it hears the caller, speaks for the agent, and asks for
 * tools. One session is one conversation; engines are made by name. The seam fits two families:
 *
 *   turn-based (OpenAI Realtime, pipelines): the engine tells when the caller speaks, and speaks itself
 *   only in responses that we ask for, cancel and truncate (VOICE_TURNS);
 *   full duplex (GPT-Live): the engine decides when to speak; respond, cancel and truncate are not there,
 *   audio comes without ids.
 *
 * Everything happens on the loop thread. Audio is G.711 mu-law, 8 kHz, mono: 8 bytes are 1 ms. What
 * handlers receive is borrowed until they return; they never run from inside a call of ours. */
#ifndef VOICE_ENGINE_H
#define VOICE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"

struct tls_store;
struct voice_engine_ops;

/* One session; its maker's own data follows. */
struct voice_engine {
    const struct voice_engine_ops *ops;
};

enum {
    VOICE_ID_MAX = 96,               /* of items, responses and tool calls, with NUL */
    VOICE_AUDIO_HELD_MS = 24000,     /* kept while the engine is not ready; oldest dropped */
    VOICE_CONNECT_TIMEOUT_MS = 5000, /* TCP, TLS and upgrade */
    VOICE_SESSION_TIMEOUT_MS = 5000, /* until session.created, then until session.updated */
};

enum voice_feature {
    VOICE_TURNS = 1,    /* on_speech and on_turn come; respond, cancel are ours */
    VOICE_TRUNCATE = 2, /* its memory can be cut to what was heard */
};

/* What the engine is told before the first word. configure() copies it. */
struct voice_session {
    struct str instructions;        /* the system prompt */
    struct str voice;               /* engine's own name; empty: the settings' */
    struct str transcription_model; /* empty: the settings' */
    struct str language;            /* ISO 639-1, for the caller's transcript; empty: unknown */
    /* JSON array of {"type":"function","name","description","parameters"}; empty: none. */
    struct str tools;
    double speed; /* of the agent's speech; 0: the engine's own */
};

enum voice_noise_reduction { VOICE_NOISE_AS_IS, VOICE_NOISE_NEAR_FIELD, VOICE_NOISE_FAR_FIELD };

/* Settings of all makers; each reads its own. VOICE_CONFIG_KEYS below describes them. */
struct voice_settings {
    struct str openai_realtime_url; /* "wss://api.openai.com/v1/realtime"; the model is added */
    struct str openai_api_key;
    struct str model, voice, transcription_model;
    int noise_reduction;       /* enum voice_noise_reduction */
    int64_t vad_threshold_pct; /* 0-100 */
    int64_t vad_prefix_ms, vad_silence_ms;
    int64_t max_output_tokens; /* 0: no limit */
};

/* Rows for a service's table of settings whose struct `type` has a struct voice_settings `member`. */
#define VOICE_KEY_(key, of_kind, type, field, ...)                                     \
    {                                                                                  \
        .name = (key), .kind = (of_kind), .offset = offsetof(type, field), __VA_ARGS__ \
    }
#define VOICE_CONFIG_KEYS(type, member)                                                            \
    VOICE_KEY_("OPENAI_REALTIME_URL", CONFIG_URL, type, member.openai_realtime_url,                \
               .dflt = "wss://api.openai.com/v1/realtime", .allowed = "ws|wss",                    \
               .help = "where the Realtime API is"),                                               \
        VOICE_KEY_("OPENAI_API_KEY", CONFIG_SECRET, type, member.openai_api_key, .required = true, \
                   .help = "key of the voice engine"),                                             \
        VOICE_KEY_("REALTIME_MODEL", CONFIG_STR, type, member.model, .dflt = "gpt-realtime-2.1",   \
                   .help = "voice model, unless the profile names one"),                           \
        VOICE_KEY_("REALTIME_VOICE", CONFIG_STR, type, member.voice, .dflt = "marin",              \
                   .help = "voice, unless the profile names one"),                                 \
        VOICE_KEY_("REALTIME_TRANSCRIPTION_MODEL", CONFIG_STR, type, member.transcription_model,   \
                   .dflt = "gpt-transcribe",                                                       \
                   .help = "writes down what the caller says, unless the profile names one"),      \
        VOICE_KEY_("REALTIME_NOISE_REDUCTION", CONFIG_ENUM, type, member.noise_reduction,          \
                   .dflt = "none", .allowed = "none|near_field|far_field",                         \
                   .help = "by the engine, for a handset or a speakerphone"),                      \
        VOICE_KEY_("VAD_THRESHOLD_PERCENT", CONFIG_INT, type, member.vad_threshold_pct,            \
                   .dflt = "50", .max = 100, .help = "how loud speech must be for the engine"),    \
        VOICE_KEY_("VAD_PREFIX_MS", CONFIG_INT, type, member.vad_prefix_ms, .dflt = "300",         \
                   .max = 2000, .help = "audio kept from before the onset of speech"),             \
        VOICE_KEY_("VAD_SILENCE_MS", CONFIG_INT, type, member.vad_silence_ms, .dflt = "500",       \
                   .min = 100, .max = 5000, .help = "silence that ends the caller's turn"),        \
        VOICE_KEY_("REALTIME_MAX_OUTPUT_TOKENS", CONFIG_INT, type, member.max_output_tokens,       \
                   .dflt = "0", .max = 4096, .help = "of one response; 0: no limit")

/* Tokens of one response, or seconds of a transcription. Cached ones are part of the input counts. */
struct voice_usage {
    int64_t text_in, audio_in, image_in;
    int64_t text_in_cached, audio_in_cached, image_in_cached;
    int64_t text_out, audio_out;
    double seconds; /* engines that bill by time, 0 otherwise */
};

enum voice_status { VOICE_COMPLETED, VOICE_CANCELLED, VOICE_INCOMPLETE, VOICE_FAILED };

struct voice_response {
    struct str id;
    uint32_t tag; /* of the respond or say that asked for it; 0: nobody here did */
    enum voice_status status;
    struct str reason;               /* error code, or why it is incomplete; may be empty */
    const struct voice_usage *usage; /* NULL: none given */
};

/* Where a piece of the agent's speech belongs. A full-duplex engine leaves the ids empty. */
struct voice_part {
    struct str response_id, item_id;
    int content_index;
};

struct voice_tool_call {
    struct str response_id, call_id, name;
    struct str arguments; /* JSON text, as the model wrote it: may be empty or invalid */
};

enum voice_error_kind {
    VOICE_ERROR_OTHER,    /* our message was refused; the session goes on */
    VOICE_ERROR_ACTIVE,   /* respond while a response is active */
    VOICE_ERROR_HARMLESS, /* a cancel or truncate that came too late */
    VOICE_ERROR_RESPONSE, /* a respond or say was refused: `tag` says which, 0: unknown */
};

struct voice_error {
    enum voice_error_kind kind;
    uint32_t tag;
    struct str code, message;
};

enum voice_role { VOICE_CALLER, VOICE_AGENT, VOICE_SYSTEM };

/* Every handler must be set. */
struct voice_events {
    /* The engine has accepted us, until `expires_at_s` (unix seconds; 0: it does not say). */
    void (*on_connected)(void *arg, struct str session_id, int64_t expires_at_s);
    void (*on_ready)(
        void *arg); /* configured as asked, formats checked; held audio goes out after it */
    void (*on_audio)(void *arg, const struct voice_part *part, const uint8_t *ulaw, size_t n);
    void (*on_audio_done)(void *arg,
                          const struct voice_part *part); /* no more audio of this part */
    /* `at_ms` counts the caller audio given to this engine. */
    void (*on_speech)(void *arg, bool started, struct str item_id, int64_t at_ms);
    void (*on_turn)(void *arg, struct str item_id); /* the caller's turn is in the conversation */
    /* delta: a piece more; final: `text` is the whole, empty when it could not be understood. */
    void (*on_caller_text)(void *arg, struct str item_id, struct str text, bool final);
    void (*on_agent_text)(void *arg, const struct voice_part *part, struct str text, bool final);
    void (*on_tool_call)(void *arg, const struct voice_tool_call *call);
    void (*on_response_started)(void *arg, struct str response_id, uint32_t tag);
    void (*on_response_done)(void *arg, const struct voice_response *r);
    /* Billed beside responses: the caller's transcript. */
    void (*on_transcription_usage)(void *arg, const struct voice_usage *u);
    void (*on_error)(void *arg, const struct voice_error *e);
    /* Last, exactly once, unless close() came first. permanent: trying again is useless (key, model);
     * err->upstream is the close code. */
    void (*on_closed)(void *arg, const struct err *err, bool permanent);
};

struct voice_connect {
    const struct voice_settings *settings; /* borrowed for the session's life */
    struct str model;                      /* empty: the settings' */
    struct loop *loop;
    struct tls_store *tls;
    struct log log;                    /* debug and info lines of the session */
    const struct voice_events *events; /* borrowed for the session's life */
    void *arg;
};

struct voice_engine_ops {
    const char *name;  /* as in the business profile */
    unsigned features; /* of enum voice_feature */
    /* Starts connecting. On failure no handler is called. */
    enum errc (*connect)(struct voice_engine **ret, const struct voice_connect *c, struct err *err);
    /* Once, any time after connect(): sent as soon as the engine has accepted us. */
    enum errc (*configure)(struct voice_engine *e, const struct voice_session *s, struct err *err);
    /* Caller audio. Before on_ready, and after the end, it is held (VOICE_AUDIO_HELD_MS, oldest dropped) and sent then; so
     * is what the socket cannot take (beyond 2 s). Dropped ones are counted. */
    void (*audio)(struct voice_engine *e, const uint8_t *ulaw, size_t n);
    /* The following are ERR_CLOSED before on_ready and after the end. */
    enum errc (*tool_result)(struct voice_engine *e, struct str call_id, struct str output);
    /* Puts into the conversation what was said elsewhere: kept audio, an earlier stream of the call. */
    enum errc (*remember)(struct voice_engine *e, enum voice_role role, struct str text);
    /* The same for the agent's words, under a name by which forget() takes them out again (letters, digits, - and
     * _, at most 32). `after`: the name of what they follow; empty: at the end. */
    enum errc (*remember_as)(struct voice_engine *e, struct str name, struct str after,
                             struct str text);
    enum errc (*forget)(struct voice_engine *e, struct str name);
    /* As remember(), for a tool that was asked for; `output` NULL: it is still to come, by tool_result. */
    enum errc (*remember_tool)(struct voice_engine *e, const struct voice_tool_call *call,
                               const struct str *output);
    /* One response; `tag` (not 0) comes back with it. say: `text` word for word, without tools. */
    enum errc (*respond)(struct voice_engine *e, uint32_t tag);
    enum errc (*say)(struct voice_engine *e, struct str text, uint32_t tag);
    enum errc (*cancel)(struct voice_engine *e,
                        struct str response_id); /* empty: whichever is active */
    enum errc (*truncate)(struct voice_engine *e, struct str item_id, int content_index,
                          int64_t heard_ms);
    void (*hold)(struct voice_engine *e, bool on); /* stop reading: back-pressure */
    int64_t (*audio_dropped_ms)(struct voice_engine *e);
    /* From now on these handlers are told, with this argument. */
    void (*attach)(struct voice_engine *e, const struct voice_events *events, void *arg);
    /* Caller audio that `from`, which never became ready, still holds goes to `to`. */
    void (*hand_over)(struct voice_engine *from, struct voice_engine *to);
    /* Orderly end; frees. No handler runs afterwards. NULL is fine. */
    struct voice_engine *(*close)(struct voice_engine *e);
};

extern const struct voice_engine_ops openai_realtime_ops;

/* NULL: no such maker. */
const struct voice_engine_ops *voice_engine_find(struct str name);

#endif
