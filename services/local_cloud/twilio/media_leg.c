#include "local_cloud/twilio/media_leg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "local_cloud/twilio/sids.h"
#include "local_cloud/twilio/telephony.h"
#include "net/ws.h"
#include "twilio/signature.h"
#include "voice/g711.h"

enum { MESSAGE_MAX = 1024, DROP_AT_BYTES = 64 * 1024, START_MAX = 32 * 1024 };

struct mark {
    struct list_node node;
    char *name;
    uint64_t at; /* bytes of audio that come before it */
};

struct media_leg {
    struct media_leg_opts o; /* texts are in `arena` */
    struct arena arena;
    struct log log;
    struct ws_conn *ws;
    char sid[SID_SIZE];
    bool open;
    int64_t sequence, chunk, at_ms;
    struct buf audio; /* to be played, from audio_at on */
    size_t audio_at;
    uint64_t queued, played; /* bytes since the start */
    struct list marks;
    size_t n_marks;
    bool warned_binary, warned_message, warned_slow;
};

/* ---- to the application ---- */

static void send_text(struct media_leg *m, struct str text)
{
    if (!m->ws || ws_send_text(m->ws, text) != ERR_LIMIT)
        return; /* sent, or the socket is going and on_closed will say so */
    if (!m->warned_slow)
        log_warn(&m->log, "stream: the application does not read, messages are lost");
    m->warned_slow = true;
}

static void send_built(struct media_leg *m, struct jw *w)
{
    struct buf text = BUF_INIT(START_MAX);

    jw_text(w, &text);
    send_text(m, buf_str(&text));
    buf_release(&text);
    jw_release(w);
}

static void begin_message(struct media_leg *m, struct jw *w, const char *event)
{
    jw_init(w);
    jw_obj(w, NULL);
    jw_cstr(w, "event", event);
    jw_strf(w, "sequenceNumber", "%" PRId64, ++m->sequence);
    jw_cstr(w, "streamSid", m->sid);
    jw_obj(w, event);
}

static void send_connected(struct media_leg *m)
{
    send_text(m, STR("{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}"));
}

static void send_start(struct media_leg *m)
{
    struct jw w;
    size_t i;

    begin_message(m, &w, "start");
    jw_str(&w, "accountSid", m->o.account_sid);
    jw_cstr(&w, "streamSid", m->sid);
    jw_str(&w, "callSid", m->o.call_sid);
    jw_arr(&w, "tracks");
    jw_cstr(&w, NULL, "inbound");
    jw_end(&w);
    jw_obj(&w, "mediaFormat");
    jw_cstr(&w, "encoding", "audio/x-mulaw");
    jw_i64(&w, "sampleRate", 8000);
    jw_i64(&w, "channels", 1);
    jw_end(&w);
    jw_obj(&w, "customParameters");
    for (i = 0; i < m->o.n_parameters; i++)
        jw_key_str(&w, m->o.parameters[i].name, m->o.parameters[i].value);
    jw_end(&w);
    jw_end(&w);
    jw_end(&w);
    send_built(m, &w);
}

static void send_media(struct media_leg *m, const uint8_t *ulaw)
{
    char payload[BASE64_LEN(PHONE_FRAME_BYTES)], text[MESSAGE_MAX];
    size_t n = base64_encode(payload, ulaw, PHONE_FRAME_BYTES);
    int len =
        snprintf(text, sizeof(text),
                 "{\"event\":\"media\",\"sequenceNumber\":\"%" PRId64 "\",\"media\":{\"track\":"
                 "\"inbound\",\"chunk\":\"%" PRId64 "\",\"timestamp\":\"%" PRId64
                 "\",\"payload\":\"%.*s\"},\"streamSid\":\"%s\"}",
                 ++m->sequence, ++m->chunk, m->at_ms, (int)n, payload, m->sid);

    send_text(m, str_n(text, (size_t)len));
}

static void echo_mark(struct media_leg *m, struct mark *mark)
{
    struct jw w;

    list_remove(&mark->node);
    m->n_marks--;
    if (m->open) {
        begin_message(m, &w, "mark");
        jw_cstr(&w, "name", mark->name);
        jw_end(&w);
        jw_end(&w);
        send_built(m, &w);
    }
    mem_free(mark->name);
    mem_free(mark);
}

/* All that have been reached, or with `all` all. */
static void echo_marks(struct media_leg *m, bool all)
{
    struct list_node *n;

    while ((n = list_first(&m->marks))) {
        struct mark *mark = CONTAINER_OF(n, struct mark, node);

        if (!all && mark->at > m->played)
            return;
        echo_mark(m, mark);
    }
}

void media_leg_dtmf(struct media_leg *m, char digit)
{
    const char text[] = { digit, '\0' };
    struct jw w;

    if (!m->open)
        return;
    begin_message(m, &w, "dtmf");
    jw_cstr(&w, "track", "inbound_track");
    jw_cstr(&w, "digit", text);
    jw_end(&w);
    jw_end(&w);
    send_built(m, &w);
}

static void send_stop(struct media_leg *m)
{
    struct jw w;

    begin_message(m, &w, "stop");
    jw_str(&w, "accountSid", m->o.account_sid);
    jw_str(&w, "callSid", m->o.call_sid);
    jw_end(&w);
    jw_end(&w);
    send_built(m, &w);
}

/* ---- from the application ---- */

static void drop_audio(struct media_leg *m)
{
    buf_reset(&m->audio);
    m->audio_at = 0;
    m->played = m->queued;
}

static bool has_exactly(const struct jval *obj, const char *const *names, size_t n)
{
    size_t i;

    if (!json_is_obj(obj) || json_len(obj) != n)
        return false;
    for (i = 0; i < n; i++) {
        if (!json_get(obj, names[i]))
            return false;
    }
    return true;
}

static bool take_media(struct media_leg *m, const struct jval *root)
{
    static const char *const top[] = { "event", "streamSid", "media" };
    static const char *const inner[] = { "payload" };
    const struct jval *media = json_get(root, "media");
    struct arena a = ARENA_INIT;
    struct str audio;
    bool ok = has_exactly(root, top, ARRAY_LEN(top)) &&
              has_exactly(media, inner, ARRAY_LEN(inner)) &&
              json_is_str(json_get(media, "payload")) &&
              base64_bytes(&a, json_str(json_get(media, "payload")), &audio) == ERR_OK;

    if (ok) {
        buf_add_str(&m->audio, audio);
        if (buf_status(&m->audio))
            log_warn(&m->log, "stream: more than 10 minutes of audio wait, a message is dropped");
        else
            m->queued += audio.n;
        m->audio.overflowed = false;
    }
    arena_release(&a);
    return ok;
}

static bool take_mark(struct media_leg *m, const struct jval *root)
{
    static const char *const top[] = { "event", "streamSid", "mark" };
    static const char *const inner[] = { "name" };
    const struct jval *value = json_get(root, "mark");
    struct mark *mark;

    if (!has_exactly(root, top, ARRAY_LEN(top)) || !has_exactly(value, inner, ARRAY_LEN(inner)) ||
        !json_is_str(json_get(value, "name")))
        return false;
    if (m->n_marks == MEDIA_LEG_MARKS_MAX)
        return false;
    mark = MEM_NEW(struct mark);
    mark->name = mem_str_dup(json_str(json_get(value, "name")));
    mark->at = m->queued;
    list_push_back(&m->marks, &mark->node);
    m->n_marks++;
    if (m->played == m->queued)
        echo_marks(m, false); /* nothing is in front of it */
    return true;
}

static bool take_clear(struct media_leg *m, const struct jval *root)
{
    static const char *const top[] = { "event", "streamSid" };

    if (!has_exactly(root, top, ARRAY_LEN(top)))
        return false;
    drop_audio(m);
    echo_marks(m, true);
    return true;
}

static bool take_message(struct media_leg *m, struct str text)
{
    static const struct {
        const char *event;
        bool (*take)(struct media_leg *m, const struct jval *root);
    } table[] = { { "media", take_media }, { "mark", take_mark }, { "clear", take_clear } };
    struct json *doc = NULL;
    const struct jval *root;
    bool ok = false;
    size_t i;

    if (json_parse(&doc, text, NULL))
        return false;
    root = json_root(doc);
    for (i = 0; i < ARRAY_LEN(table); i++) {
        if (str_eq_c(json_str(json_get(root, "event")), table[i].event) &&
            str_eq_c(json_str(json_get(root, "streamSid")), m->sid))
            ok = table[i].take(m, root);
    }
    json_destroy(doc);
    return ok;
}

static void on_message(void *arg, struct str data, bool binary)
{
    struct media_leg *m = arg;

    if (binary) {
        if (!m->warned_binary)
            log_warn(&m->log, "warning 31950: the application sent a binary message");
        m->warned_binary = true;
    } else if (!take_message(m, data)) {
        if (!m->warned_message)
            log_warn(&m->log, "warning 31951: invalid message from the application begins=" STR_FMT,
                     STR_ARG(str_slice(data, 0, 80)));
        m->warned_message = true;
    }
}

static void on_open(void *arg)
{
    struct media_leg *m = arg;

    m->open = true;
    send_connected(m);
    send_start(m);
    m->o.on_open(m->o.arg);
}

static int error_code_of(const struct err *err)
{
    if (!err)
        return 31920;
    return err->code == ERR_TIMEOUT ? 31901 : err->upstream ? 31920 : 31902;
}

static void on_closed(void *arg, int code, struct str reason, const struct err *err)
{
    struct media_leg *m = arg;
    int error = 0;

    if (!m->open)
        error = error_code_of(err);
    else if (code == 1006 || code == 1011 || code == -1)
        error = 31921;
    if (error)
        log_warn(&m->log, "error %d: stream ended code=%d reason=" STR_FMT " error=\"%s\"", error,
                 code, STR_ARG(reason), err ? err->text : "");
    m->ws = NULL;
    m->open = false;
    m->o.on_closed(m->o.arg, error);
}

/* ---- life ---- */

static void copy_opts(struct media_leg *m, const struct media_leg_opts *o)
{
    struct media_leg_parameter *p =
        ARENA_ARRAY(&m->arena, struct media_leg_parameter, o->n_parameters + 1);
    size_t i;

    m->o = *o;
    m->o.url = arena_str(&m->arena, str_slice(o->url, 0, str_find_char(o->url, '?')));
    m->o.account_sid = arena_str(&m->arena, o->account_sid);
    m->o.call_sid = arena_str(&m->arena, o->call_sid);
    for (i = 0; i < o->n_parameters; i++)
        p[i] = (struct media_leg_parameter){ arena_str(&m->arena, o->parameters[i].name),
                                             arena_str(&m->arena, o->parameters[i].value) };
    m->o.parameters = p;
}

static struct media_leg *leg_free(struct media_leg *m)
{
    struct list_node *n;

    m->open = false;
    while ((n = list_first(&m->marks)))
        echo_mark(m, CONTAINER_OF(n, struct mark, node));
    buf_release(&m->audio);
    arena_release(&m->arena);
    mem_free(m);
    return NULL;
}

enum errc media_leg_create(struct media_leg **ret, struct loop *loop,
                           const struct media_leg_opts *o, struct err *err)
{
    struct media_leg *m = MEM_NEW(struct media_leg);
    char signature[TWILIO_SIGNATURE_LEN + 1];
    struct http_header headers[2];
    struct ws_client_opts ws = { .events = { on_open, on_message, NULL, on_closed }, .arg = m };
    enum errc rc;

    arena_init(&m->arena);
    buf_init(&m->audio, MEDIA_LEG_AUDIO_MAX);
    list_init(&m->marks);
    copy_opts(m, o);
    m->log = *o->log;
    sid_make(m->sid, "MZ");
    rc = twilio_sign(signature, o->auth_token, m->o.url, STR_EMPTY, &m->arena);
    headers[0] = (struct http_header){ STR("x-twilio-signature"), str_c(signature) };
    headers[1] = (struct http_header){ STR("User-Agent"), STR("Twilio.TmeWs/1.0") };
    ws.url = m->o.url;
    ws.tls = o->tls;
    ws.headers = headers;
    ws.n_headers = ARRAY_LEN(headers);
    if (!rc)
        rc = ws_connect(&m->ws, loop, &ws, err);
    if (rc) {
        leg_free(m);
        return rc;
    }
    *ret = m;
    return ERR_OK;
}

const char *media_leg_sid(const struct media_leg *m)
{
    return m->sid;
}

static void play(struct media_leg *m, uint8_t *agent)
{
    size_t n = MIN(m->audio.n - m->audio_at, (size_t)PHONE_FRAME_BYTES);

    memset(agent, G711_ULAW_SILENCE, PHONE_FRAME_BYTES);
    if (n)
        memcpy(agent, m->audio.p + m->audio_at, n);
    m->audio_at += n;
    m->played += n;
    if (m->audio_at == m->audio.n) {
        buf_reset(&m->audio);
        m->audio_at = 0;
    } else if (m->audio_at >= DROP_AT_BYTES) {
        buf_drop_front(&m->audio, m->audio_at);
        m->audio_at = 0;
    }
}

void media_leg_frame(struct media_leg *m, const uint8_t *caller, uint8_t *agent)
{
    if (!m->open) {
        memset(agent, G711_ULAW_SILENCE, PHONE_FRAME_BYTES);
        return;
    }
    echo_marks(m, false); /* what was taken at the last frame has been heard now */
    play(m, agent);
    if (caller)
        send_media(m, caller);
    m->at_ms += PHONE_FRAME_MS;
}

struct media_leg *media_leg_stop(struct media_leg *m)
{
    if (!m)
        return NULL;
    if (m->ws) {
        if (m->open)
            send_stop(m);
        ws_disown(m->ws, 1000);
    }
    return leg_free(m);
}
