#include "local_cloud/engine/session.h"

#include "base/macros.h"
#include "base/mem.h"

/* Marin, cedar and the eight older ones; text-to-speech's other voices do not work here. */
#define VOICES "alloy|ash|ballad|coral|echo|sage|shimmer|verse|marin|cedar"
#define TRANSCRIPTION_MODELS                                                     \
    "gpt-transcribe|gpt-live-transcribe|gpt-realtime-whisper|gpt-4o-transcribe|" \
    "gpt-4o-mini-transcribe|gpt-4o-mini-transcribe-2025-12-15|gpt-4o-transcribe-diarize|whisper-1"

#define PERSONA                                                                                \
    "Your knowledge cutoff is 2023-10. You are a helpful, witty, and friendly AI. Act like a " \
    "human, but remember that you aren't a human. If interacting in a non-English language, "  \
    "start by using the standard accent or dialect familiar to the user. Talk quickly."

enum {
    MAX_OUTPUT_TOKENS = 4096,
    VAD_SILENCE_DEFAULT_MS = 200, /* as seen on the wire; the documents say 500 */
    PCM_HZ = 24000,
};
#define SPEED_MIN 0.25
#define SPEED_MAX 1.5

static const struct field format_fields[] = {
    { .name = "type",
      .kind = FIELD_CHOICE,
      .required = true,
      .allowed = "audio/pcm|audio/pcmu|audio/pcma" },
    { .name = "rate", .kind = FIELD_INT, .min = PCM_HZ, .max = PCM_HZ },
};
static const struct field transcription_fields[] = {
    { .name = "model", .kind = FIELD_CHOICE, .allowed = TRANSCRIPTION_MODELS },
    { .name = "language", .kind = FIELD_STR },
    { .name = "languages", .kind = FIELD_LIST },
    { .name = "prompt", .kind = FIELD_STR },
    { .name = "keywords", .kind = FIELD_LIST },
    { .name = "delay", .kind = FIELD_CHOICE, .allowed = "minimal|low|medium|high|xhigh" },
};
static const struct field noise_fields[] = {
    { .name = "type", .kind = FIELD_CHOICE, .required = true, .allowed = "near_field|far_field" },
    { .name = "strength", .kind = FIELD_NUM, .min = 0, .max = 1 },
};
static const struct field turn_fields[] = {
    { .name = "type",
      .kind = FIELD_CHOICE,
      .required = true,
      .allowed = "server_vad|semantic_vad" },
    { .name = "threshold", .kind = FIELD_NUM, .min = 0, .max = 1 },
    { .name = "prefix_padding_ms", .kind = FIELD_INT, .min = 0, .max = 60000 },
    { .name = "silence_duration_ms", .kind = FIELD_INT, .min = 0, .max = 60000 },
    { .name = "idle_timeout_ms", .kind = FIELD_INT, .nullable = true, .min = 5000, .max = 30000 },
    { .name = "eagerness", .kind = FIELD_CHOICE, .allowed = "low|medium|high|auto" },
    { .name = "create_response", .kind = FIELD_BOOL },
    { .name = "interrupt_response", .kind = FIELD_BOOL },
};
#define OBJ(field_name, list) \
    .name = (field_name), .kind = FIELD_OBJ, .fields = (list), .n_fields = ARRAY_LEN(list)
static const struct field input_fields[] = {
    { OBJ("format", format_fields) },
    { OBJ("transcription", transcription_fields), .nullable = true },
    { OBJ("noise_reduction", noise_fields), .nullable = true },
    { OBJ("turn_detection", turn_fields), .nullable = true },
};
static const struct field output_fields[] = {
    { OBJ("format", format_fields) },
    { .name = "voice", .kind = FIELD_ANY },
    { .name = "speed", .kind = FIELD_NUM, .min = SPEED_MIN, .max = SPEED_MAX },
};
static const struct field audio_fields[] = {
    { OBJ("input", input_fields) },
    { OBJ("output", output_fields) },
};
static const struct field audio_input_only_fields[] = {
    { OBJ("input", input_fields) },
};
static const struct field response_audio_output_fields[] = {
    { OBJ("format", format_fields) },
    { .name = "voice", .kind = FIELD_ANY },
};
static const struct field response_audio_fields[] = {
    { OBJ("output", response_audio_output_fields) },
};
static const struct field tool_fields[] = {
    { .name = "type", .kind = FIELD_CHOICE, .required = true, .allowed = "function|mcp" },
    { .name = "name", .kind = FIELD_STR, .required = true },
    { .name = "description", .kind = FIELD_STR },
    { .name = "parameters", .kind = FIELD_OBJ },
};
#define TOOLS_FIELD                                                 \
    {                                                               \
        .name = "tools", .kind = FIELD_LIST, .fields = tool_fields, \
        .n_fields = ARRAY_LEN(tool_fields)                          \
    }
static const struct field reasoning_fields[] = {
    { .name = "effort", .kind = FIELD_CHOICE, .allowed = "minimal|low|medium|high|xhigh" },
};
static const struct field session_fields[] = {
    { .name = "type", .kind = FIELD_CHOICE, .required = true, .allowed = "realtime|transcription" },
    { .name = "model", .kind = FIELD_STR },
    { .name = "output_modalities", .kind = FIELD_ANY },
    { .name = "instructions", .kind = FIELD_STR },
    { OBJ("audio", audio_fields) },
    TOOLS_FIELD,
    { .name = "tool_choice", .kind = FIELD_ANY },
    { .name = "parallel_tool_calls", .kind = FIELD_BOOL },
    { OBJ("reasoning", reasoning_fields), .nullable = true },
    { .name = "max_output_tokens", .kind = FIELD_ANY },
    { .name = "truncation", .kind = FIELD_ANY },
    { .name = "tracing", .kind = FIELD_ANY, .nullable = true },
    { .name = "include", .kind = FIELD_LIST, .nullable = true },
    { .name = "prompt", .kind = FIELD_OBJ, .nullable = true },
};
static const struct field transcription_session_fields[] = {
    { .name = "type", .kind = FIELD_CHOICE, .required = true, .allowed = "realtime|transcription" },
    { OBJ("audio", audio_input_only_fields) },
    { .name = "include", .kind = FIELD_LIST, .nullable = true },
};
const struct field session_response_fields[] = {
    { .name = "instructions", .kind = FIELD_STR },
    { .name = "input", .kind = FIELD_LIST },
    { .name = "conversation", .kind = FIELD_CHOICE, .allowed = "auto|none" },
    { .name = "output_modalities", .kind = FIELD_ANY },
    { .name = "max_output_tokens", .kind = FIELD_ANY },
    TOOLS_FIELD,
    { .name = "tool_choice", .kind = FIELD_ANY },
    { .name = "parallel_tool_calls", .kind = FIELD_BOOL },
    { OBJ("reasoning", reasoning_fields), .nullable = true },
    { OBJ("audio", response_audio_fields) },
    { .name = "metadata", .kind = FIELD_OBJ, .nullable = true },
    { .name = "prompt", .kind = FIELD_OBJ, .nullable = true },
};
const size_t session_n_response_fields = ARRAY_LEN(session_response_fields);

static const char *const format_names[] = { "audio/pcm", "audio/pcmu", "audio/pcma" };

struct session *session_create(struct str model, bool transcription_only)
{
    struct session *s = MEM_NEW(struct session);

    arena_init(&s->arena);
    s->transcription_only = transcription_only;
    s->model = arena_str(&s->arena, model);
    s->instructions = STR(PERSONA);
    s->input = AUDIO_PCM24;
    s->turns = (struct turn_settings){ .kind = TURNS_BY_SERVER_VAD,
                                       .threshold = 0.5,
                                       .prefix_padding_ms = 300,
                                       .silence_duration_ms = VAD_SILENCE_DEFAULT_MS,
                                       .create_response = true,
                                       .interrupt_response = true,
                                       .eagerness = STR("auto") };
    s->output =
        (struct output_settings){ .format = AUDIO_PCM24, .voice = STR("alloy"), .speed = 1.0 };
    return s;
}

struct session *session_destroy(struct session *s)
{
    if (!s)
        return NULL;
    arena_release(&s->arena);
    mem_free(s);
    return NULL;
}

/* Texts and values move to the new arena. */
static const struct jval *val_copy(struct arena *a, const struct jval *v)
{
    const struct jval *copy = NULL;

    if (!v || json_parse_arena(&copy, a, json_val_text(a, v), NULL))
        return NULL; /* its own text cannot be wrong */
    return copy;
}

static struct session *session_copy(const struct session *s)
{
    struct session *n = MEM_NEW(struct session);
    struct arena *a = &n->arena;

    *n = *s;
    arena_init(a);
    n->model = arena_str(a, s->model);
    n->instructions = arena_str(a, s->instructions);
    n->transcription.json = arena_str(a, s->transcription.json);
    n->turns.eagerness = arena_str(a, s->turns.eagerness);
    n->output.voice = arena_str(a, s->output.voice);
    n->tools = val_copy(a, s->tools);
    n->tool_choice = val_copy(a, s->tool_choice);
    n->truncation = val_copy(a, s->truncation);
    n->tracing = val_copy(a, s->tracing);
    n->include = val_copy(a, s->include);
    n->reasoning = val_copy(a, s->reasoning);
    n->noise_reduction = val_copy(a, s->noise_reduction);
    return n;
}

static void format_read(enum audio_format *ret, const struct jval *format)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(format_names); i++) {
        if (str_eq_c(json_str(json_get(format, "type")), format_names[i]))
            *ret = (enum audio_format)i;
    }
}

static bool modalities_read(bool *text_only, const struct jval *v, const char *path,
                            struct api_error *e)
{
    struct str one = json_str(json_at(v, 0));

    if (!v)
        return true;
    if (!json_is_arr(v) || json_len(v) != 1 || (!str_eq_c(one, "audio") && !str_eq_c(one, "text")))
        return api_error_set(
            e, "invalid_value", path,
            "Invalid modalities: supported combinations are: ['text'] and ['audio'].");
    *text_only = str_eq_c(one, "text");
    return true;
}

static bool tokens_read(int *ret, const struct jval *v, const char *path, struct api_error *e)
{
    int64_t n = json_i64_or(v, 0);

    if (!v)
        return true;
    if (str_eq_c(json_str(v), "inf")) {
        *ret = 0;
        return true;
    }
    if (!json_is_int(v) || n < 1 || n > MAX_OUTPUT_TOKENS)
        return api_error_set(e, "invalid_value", path,
                             "Invalid '%s': expected an integer between 1 and %d, or 'inf'.", path,
                             MAX_OUTPUT_TOKENS);
    *ret = (int)n;
    return true;
}

static bool voice_known(struct str voice)
{
    struct str one, rest = STR(VOICES);

    while (rest.n > 0) {
        (void)str_cut(rest, '|', &one, &rest); /* the last has no bar behind it */
        if (str_eq(one, voice))
            return true;
    }
    return false;
}

static bool voice_read(struct str *ret, struct arena *a, const struct jval *v, const char *path,
                       struct api_error *e)
{
    struct str name = json_is_obj(v) ? json_str(json_get(v, "id")) : json_str(v);

    if (!v)
        return true;
    if (!(json_is_obj(v) && name.n > 0) && !voice_known(name))
        return api_error_set(e, "invalid_value", path,
                             "Invalid value: '" STR_FMT
                             "'. Supported values are: 'alloy', 'ash', 'ballad', 'coral', "
                             "'echo', 'sage', 'shimmer', 'verse', 'marin', and 'cedar'.",
                             STR_ARG(str_slice(name, 0, 64)));
    *ret = arena_str(a, name);
    return true;
}

bool session_output_read(struct output_settings *out, struct arena *a, const struct jval *response,
                         struct api_error *e)
{
    const struct jval *output = json_path(response, "audio.output");

    format_read(&out->format, json_get(output, "format"));
    return voice_read(&out->voice, a, json_get(output, "voice"), "response.audio.output.voice",
                      e) &&
           modalities_read(&out->text_only, json_get(response, "output_modalities"),
                           "response.output_modalities", e) &&
           tokens_read(&out->max_output_tokens, json_get(response, "max_output_tokens"),
                       "response.max_output_tokens", e);
}

static void turns_read(struct session *s, const struct jval *v)
{
    struct turn_settings *t = &s->turns;

    if (json_is_null(v)) {
        t->kind = TURNS_BY_CLIENT;
        return;
    }
    t->kind = str_eq_c(json_str(json_get(v, "type")), "semantic_vad") ? TURNS_BY_SEMANTIC_VAD
                                                                      : TURNS_BY_SERVER_VAD;
    t->threshold = json_num_or(json_get(v, "threshold"), t->threshold);
    t->prefix_padding_ms = (int)json_i64_or(json_get(v, "prefix_padding_ms"), t->prefix_padding_ms);
    t->silence_duration_ms =
        (int)json_i64_or(json_get(v, "silence_duration_ms"), t->silence_duration_ms);
    if (json_get(v, "idle_timeout_ms"))
        t->idle_timeout_ms = (int)json_i64_or(json_get(v, "idle_timeout_ms"), 0);
    t->create_response = json_bool_or(json_get(v, "create_response"), t->create_response);
    t->interrupt_response = json_bool_or(json_get(v, "interrupt_response"), t->interrupt_response);
    t->eagerness = arena_str(&s->arena, json_str_or(json_get(v, "eagerness"), t->eagerness));
}

static void input_read(struct session *s, const struct jval *input)
{
    const struct jval *transcription = json_get(input, "transcription");

    format_read(&s->input, json_get(input, "format"));
    if (transcription) {
        s->transcription.on = !json_is_null(transcription);
        s->transcription.json = json_val_text(&s->arena, transcription);
    }
    if (json_get(input, "noise_reduction"))
        s->noise_reduction = val_copy(&s->arena, json_get(input, "noise_reduction"));
    if (json_get(input, "turn_detection"))
        turns_read(s, json_get(input, "turn_detection"));
}

static void replace(const struct jval **member, struct arena *a, const struct jval *update,
                    const char *key)
{
    if (json_get(update, key))
        *member = val_copy(a, json_get(update, key));
}

static bool apply(struct session *s, const struct jval *update, struct api_error *e)
{
    const struct jval *output = json_path(update, "audio.output");
    struct arena *a = &s->arena;

    if (json_get(update, "instructions"))
        s->instructions = arena_str(a, json_str(json_get(update, "instructions")));
    if (json_get(update, "parallel_tool_calls")) {
        s->parallel_tool_calls = json_bool_or(json_get(update, "parallel_tool_calls"), true);
        s->parallel_tool_calls_set = true;
    }
    replace(&s->tools, a, update, "tools");
    replace(&s->tool_choice, a, update, "tool_choice");
    replace(&s->truncation, a, update, "truncation");
    replace(&s->tracing, a, update, "tracing");
    replace(&s->include, a, update, "include");
    replace(&s->reasoning, a, update, "reasoning");
    input_read(s, json_path(update, "audio.input"));
    format_read(&s->output.format, json_get(output, "format"));
    s->output.speed = json_num_or(json_get(output, "speed"), s->output.speed);
    return voice_read(&s->output.voice, a, json_get(output, "voice"), "session.audio.output.voice",
                      e) &&
           modalities_read(&s->output.text_only, json_get(update, "output_modalities"),
                           "session.output_modalities", e) &&
           tokens_read(&s->output.max_output_tokens, json_get(update, "max_output_tokens"),
                       "session.max_output_tokens", e);
}

static bool model_same(const struct session *s, const struct jval *update, struct api_error *e)
{
    struct str model = json_str_or(json_get(update, "model"), s->model);

    if (str_eq(model, s->model))
        return true;
    return api_error_set(e, "cannot_update_model", "session.model",
                         "Cannot update a conversation's model once the session has been created.");
}

bool session_update(struct session **s, const struct jval *update, bool audio_made,
                    struct api_error *e)
{
    bool transcription = (*s)->transcription_only;
    const struct field *fields = transcription ? transcription_session_fields : session_fields;
    size_t n = transcription ? ARRAY_LEN(transcription_session_fields) : ARRAY_LEN(session_fields);
    struct session *next;

    if (!fields_check(fields, n, update, "session", e) || !model_same(*s, update, e))
        return false;
    if (transcription != str_eq_c(json_str(json_get(update, "type")), "transcription"))
        return api_error_set(e, "invalid_value", "session.type",
                             "Passing a %s session update event to a %s session is not allowed.",
                             transcription ? "realtime" : "transcription",
                             transcription ? "transcription" : "realtime");
    next = session_copy(*s);
    if (!apply(next, update, e)) {
        session_destroy(next);
        return false;
    }
    if (audio_made && !str_eq(next->output.voice, (*s)->output.voice)) {
        session_destroy(next);
        return api_error_set(e, "cannot_update_voice", "session.audio.output.voice",
                             "Cannot update a conversation's voice if assistant audio is present.");
    }
    session_destroy(*s);
    *s = next;
    return true;
}

void session_format_write(struct jw *w, const char *key, enum audio_format f)
{
    jw_obj(w, key);
    jw_cstr(w, "type", format_names[f]);
    if (f == AUDIO_PCM24)
        jw_i64(w, "rate", PCM_HZ);
    jw_end(w);
}

static void turns_write(struct jw *w, const struct turn_settings *t)
{
    if (t->kind == TURNS_BY_CLIENT) {
        jw_null(w, "turn_detection");
        return;
    }
    jw_obj(w, "turn_detection");
    if (t->kind == TURNS_BY_SERVER_VAD) {
        jw_cstr(w, "type", "server_vad");
        jw_num(w, "threshold", t->threshold);
        jw_i64(w, "prefix_padding_ms", t->prefix_padding_ms);
        jw_i64(w, "silence_duration_ms", t->silence_duration_ms);
        if (t->idle_timeout_ms)
            jw_i64(w, "idle_timeout_ms", t->idle_timeout_ms);
        else
            jw_null(w, "idle_timeout_ms");
    } else {
        jw_cstr(w, "type", "semantic_vad");
        jw_str(w, "eagerness", t->eagerness);
    }
    jw_bool(w, "create_response", t->create_response);
    jw_bool(w, "interrupt_response", t->interrupt_response);
    jw_end(w);
}

static void transcription_write(struct jw *w, const struct session *s)
{
    struct arena scratch = ARENA_INIT;
    const struct jval *v = NULL;

    /* Its text was written by the JSON library; null when it is off. */
    if (s->transcription.on && !json_parse_arena(&v, &scratch, s->transcription.json, NULL))
        jw_val(w, "transcription", v);
    else
        jw_null(w, "transcription");
    arena_release(&scratch);
}

static void audio_write(struct jw *w, const struct session *s)
{
    jw_obj(w, "audio");
    jw_obj(w, "input");
    session_format_write(w, "format", s->input);
    transcription_write(w, s);
    jw_val(w, "noise_reduction", s->noise_reduction);
    turns_write(w, &s->turns);
    jw_end(w);
    if (!s->transcription_only) {
        jw_obj(w, "output");
        session_format_write(w, "format", s->output.format);
        jw_str(w, "voice", s->output.voice);
        jw_num(w, "speed", s->output.speed);
        jw_end(w);
    }
    jw_end(w);
}

static void or_word(struct jw *w, const char *key, const struct jval *v, const char *word)
{
    if (v)
        jw_val(w, key, v);
    else
        jw_cstr(w, key, word);
}

void session_write(struct jw *w, const struct session *s, struct str id, int64_t expires_at_s)
{
    jw_obj(w, "session");
    jw_cstr(w, "type", s->transcription_only ? "transcription" : "realtime");
    jw_cstr(w, "object",
            s->transcription_only ? "realtime.transcription_session" : "realtime.session");
    jw_str(w, "id", id);
    jw_i64(w, "expires_at", expires_at_s);
    jw_val(w, "include", s->include);
    audio_write(w, s);
    if (!s->transcription_only) {
        jw_str(w, "model", s->model);
        jw_arr(w, "output_modalities");
        jw_cstr(w, NULL, s->output.text_only ? "text" : "audio");
        jw_end(w);
        jw_str(w, "instructions", s->instructions);
        if (s->tools) {
            jw_val(w, "tools", s->tools);
        } else {
            jw_arr(w, "tools");
            jw_end(w);
        }
        or_word(w, "tool_choice", s->tool_choice, "auto");
        if (s->parallel_tool_calls_set)
            jw_bool(w, "parallel_tool_calls", s->parallel_tool_calls);
        if (s->reasoning)
            jw_val(w, "reasoning", s->reasoning);
        if (s->output.max_output_tokens)
            jw_i64(w, "max_output_tokens", s->output.max_output_tokens);
        else
            jw_cstr(w, "max_output_tokens", "inf");
        or_word(w, "truncation", s->truncation, "auto");
        jw_val(w, "tracing", s->tracing);
        jw_null(w, "prompt");
    }
    jw_end(w);
}

struct endpoint_settings session_endpoint(const struct session *s)
{
    static const struct {
        const char *eagerness;
        int silence_ms;
    } waits[] = { { "low", 1500 }, { "medium", 800 }, { "auto", 800 }, { "high", 450 } };
    struct endpoint_settings e = { .threshold = s->turns.threshold,
                                   .prefix_padding_ms = s->turns.prefix_padding_ms,
                                   .silence_duration_ms = s->turns.silence_duration_ms };
    size_t i;

    for (i = 0; s->turns.kind == TURNS_BY_SEMANTIC_VAD && i < ARRAY_LEN(waits); i++) {
        if (str_eq_c(s->turns.eagerness, waits[i].eagerness))
            e.silence_duration_ms = waits[i].silence_ms;
    }
    return e;
}
