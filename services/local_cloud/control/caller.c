#include "local_cloud/control/caller.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "local_cloud/engine/engine.h"
#include "voice/g711.h"
#include "voice/wav.h"

enum {
    VOICED_LEVEL = 24,    /* mean of mu-law magnitudes (0-127) that counts as speech */
    PAUSE_MS = 700,       /* silence that ends what the agent says */
    WORDS_WAIT_MS = 1500, /* for the words of what was heard, then the line is chosen without */
    MIN_SPEECH_MS = 200,  /* more than a tone for who waits */
    AGENT_TEXT_MAX = 8192,
    RECORDING_MAX = 60 * 16000,  /* bytes of a WAV file: a minute */
    LINE_SPEECH_MAX = 60 * 8000, /* a minute of mu-law */
};

enum caller_state { CALLER_LISTENING, CALLER_WAITING, CALLER_SPEAKING, CALLER_DONE };

struct script_caller {
    const struct scenario *scenario;
    const struct str *speech;
    struct script_caller_events ev;
    void *arg;
    struct phone_call *call;

    enum caller_state state;
    bool used[SCENARIO_LINES_MAX];
    struct buf agent_text; /* since our last line */
    bool agent_speaking;
    int64_t voiced_ms; /* of the agent's current speech */
    int64_t began_ms, last_voiced_ms;
    bool pending; /* the agent has spoken since our last line */
    size_t line;  /* being waited for or spoken */
    int64_t speak_at_ms;
    size_t sent; /* bytes of its speech */
};

/* Debian's telephone prompts by a human speaker, for names that are no path. */
#define PROMPTS_DIR "/usr/share/asterisk/sounds/en_US_f_Allison/"

static enum errc load_recording(struct arena *a, struct str name, struct str *ret, struct err *err)
{
    struct str path = str_contains(name, STR("/"))
                          ? name
                          : arena_printf(a, PROMPTS_DIR STR_FMT ".wav", STR_ARG(name));
    struct buf file = BUF_INIT(RECORDING_MAX);
    struct wav_info wav = { 0 };
    uint8_t *ulaw;
    enum errc rc;
    size_t n;

    rc = file_read(&file, arena_cstr(a, path), err);
    if (!rc)
        rc = wav_header_read(&wav, buf_str(&file), err);
    if (!rc &&
        (wav.format.coding != WAV_PCM16 || wav.format.channels != 1 || wav.format.hz != 8000))
        rc = err_set(err, ERR_UNSUPPORTED, "only 16 bit, mono, 8 kHz is played");
    if (!rc) {
        n = MIN((size_t)wav.data_bytes, file.n - wav.data_at) / sizeof(int16_t);
        ulaw = arena_alloc(a, n + 1);
        g711_ulaw_encode(ulaw, arena_dup(a, file.p + wav.data_at, n * sizeof(int16_t)), n);
        *ret = str_n(ulaw, n);
    }
    buf_release(&file);
    return rc ? err_wrap(err, rc, STR_FMT, STR_ARG(path)) : ERR_OK;
}

enum errc script_caller_voice(struct engine *engine, struct arena *a, const struct scenario *s,
                              const struct str **ret_speech, struct err *err)
{
    struct str *speech = ARENA_ARRAY(a, struct str, s->n_lines + 1);
    struct buf out = BUF_INIT(LINE_SPEECH_MAX);
    enum errc rc = ERR_OK;
    size_t i;

    for (i = 0; !rc && i < s->n_lines; i++) {
        if (s->lines[i].play.n) {
            rc = load_recording(a, s->lines[i].play, &speech[i], err);
            continue;
        }
        buf_reset(&out);
        rc = engine_say(engine, s->voice, s->lines[i].say, &out, err);
        if (!rc)
            speech[i] = arena_str(a, buf_str(&out));
    }
    buf_release(&out);
    if (!rc)
        *ret_speech = speech;
    return rc;
}

struct script_caller *script_caller_create(const struct scenario *s, const struct str *speech,
                                           const struct script_caller_events *ev, void *arg)
{
    struct script_caller *c = MEM_NEW(struct script_caller);

    c->scenario = s;
    c->speech = speech;
    c->ev = *ev;
    c->arg = arg;
    buf_init(&c->agent_text, AGENT_TEXT_MAX);
    return c;
}

struct script_caller *script_caller_destroy(struct script_caller *c)
{
    if (!c)
        return NULL;
    buf_release(&c->agent_text);
    mem_free(c);
    return NULL;
}

void script_caller_set_call(struct script_caller *c, struct phone_call *call)
{
    c->call = call;
}

void script_caller_agent_said(struct script_caller *c, struct str text)
{
    buf_add_str(&c->agent_text, text);
    buf_add_char(&c->agent_text, ' ');
    if (buf_status(&c->agent_text))
        buf_reset(&c->agent_text);
}

static bool line_fits(const struct script_caller *c, size_t i)
{
    const struct scenario_line *l = &c->scenario->lines[i];

    if (c->used[i] || l->barge_in_ms >= 0)
        return false;
    return !l->when.n || regexec(&l->when_regex, buf_cstr(&c->agent_text), 0, NULL, 0) == 0;
}

static void line_begin(struct script_caller *c, size_t i, int64_t at_ms)
{
    c->used[i] = !c->scenario->lines[i].repeat;
    c->line = i;
    c->state = CALLER_WAITING;
    c->speak_at_ms = at_ms;
    c->sent = 0;
    c->pending = false;
    buf_reset(&c->agent_text);
}

/* The first line not yet used cuts in when it says so. */
static void maybe_cut_in(struct script_caller *c)
{
    size_t i;

    for (i = 0; i < c->scenario->n_lines && c->used[i]; i++)
        ;
    if (i < c->scenario->n_lines && c->scenario->lines[i].barge_in_ms >= 0)
        line_begin(c, i, c->began_ms + c->scenario->lines[i].barge_in_ms);
}

static void maybe_answer(struct script_caller *c, int64_t now_ms)
{
    int64_t silent_ms = now_ms - c->last_voiced_ms;
    size_t i;

    if (!c->pending || c->agent_speaking || silent_ms < PAUSE_MS)
        return;
    if (!c->agent_text.n && silent_ms < PAUSE_MS + WORDS_WAIT_MS)
        return;
    for (i = 0; i < c->scenario->n_lines; i++) {
        if (line_fits(c, i)) {
            line_begin(c, i, now_ms + c->scenario->lines[i].after_ms);
            return;
        }
    }
}

static void on_answered(void *arg)
{
    (void)arg; /* a polite caller lets the agent speak first */
}

static bool frame_voiced(const uint8_t *ulaw)
{
    unsigned sum = 0;
    size_t i;

    /* The seven magnitude bits of mu-law, inverted, are a logarithm of the amplitude. */
    for (i = 0; i < PHONE_FRAME_BYTES; i++)
        sum += (unsigned)(~ulaw[i] & 0x7f);
    return sum / PHONE_FRAME_BYTES >= VOICED_LEVEL;
}

static void on_hears(void *arg, const uint8_t *ulaw, int64_t at_ms)
{
    struct script_caller *c = arg;

    if (frame_voiced(ulaw)) {
        c->last_voiced_ms = at_ms;
        c->voiced_ms += PHONE_FRAME_MS;
        if (!c->agent_speaking && c->voiced_ms >= MIN_SPEECH_MS) {
            c->agent_speaking = true;
            c->began_ms = at_ms - c->voiced_ms;
            if (c->state == CALLER_LISTENING)
                maybe_cut_in(c);
        }
        if (c->agent_speaking && c->state == CALLER_LISTENING)
            c->pending = true;
    } else if (at_ms - c->last_voiced_ms >= PAUSE_MS / 2) {
        c->agent_speaking = false;
        c->voiced_ms = 0;
    }
    if (c->state == CALLER_LISTENING)
        maybe_answer(c, at_ms);
}

static void line_end(struct script_caller *c)
{
    const struct scenario_line *l = &c->scenario->lines[c->line];

    c->state = l->hang_up ? CALLER_DONE : CALLER_LISTENING;
    if (l->hang_up)
        telephony_hang_up(c->call);
}

static void line_start(struct script_caller *c)
{
    const struct scenario_line *l = &c->scenario->lines[c->line];

    c->state = CALLER_SPEAKING;
    if (l->say.n || l->play.n)
        c->ev.on_says(c->arg, l->say.n ? l->say : l->play, l->barge_in_ms >= 0);
    if (l->dtmf.n)
        telephony_dtmf(c->call, l->dtmf);
}

static bool on_says(void *arg, uint8_t *ulaw, int64_t at_ms)
{
    struct script_caller *c = arg;
    struct str speech;
    size_t n;

    if (c->state == CALLER_WAITING && at_ms >= c->speak_at_ms)
        line_start(c);
    if (c->state != CALLER_SPEAKING)
        return false;
    speech = str_from(c->speech[c->line], c->sent);
    n = MIN(speech.n, (size_t)PHONE_FRAME_BYTES);
    memset(ulaw, 0xff, PHONE_FRAME_BYTES);
    if (n)
        memcpy(ulaw, speech.p, n);
    c->sent += n;
    if (n < PHONE_FRAME_BYTES)
        line_end(c);
    return n > 0;
}

static void on_ended(void *arg, const char *reason)
{
    struct script_caller *c = arg;

    c->state = CALLER_DONE;
    c->call = NULL;
    c->ev.on_ended(c->arg, reason);
}

const struct caller_ops script_caller_ops = { on_answered, on_hears, on_says, on_ended };
