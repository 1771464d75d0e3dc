#include "twilio/media_stream.h"

#include <stdbool.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"

void media_reader_init(struct media_reader *r)
{
    arena_init(&r->arena);
}

void media_reader_release(struct media_reader *r)
{
    arena_release(&r->arena);
}

static void msg_init(struct media_msg *m)
{
    /* Not the whole struct: its parameter table is large and this runs for each frame. */
    m->kind = MEDIA_UNKNOWN;
    m->event = m->stream_sid = m->account_sid = m->call_sid = m->encoding = STR_EMPTY;
    m->track = m->digit = m->mark_name = STR_EMPTY;
    m->sequence = m->chunk = m->timestamp_ms = -1;
    m->sample_rate = m->channels = 0;
    m->n_parameters = 0;
    m->ulaw = NULL;
    m->ulaw_n = 0;
}

/* The scanner for `media`: a strict subset of JSON, read in one pass. Whatever it does not know (escapes,
 * other members, other types, repeated members, bytes beyond ASCII) makes it give up, and the JSON reader
 * decides. */
struct scan {
    const char *p, *end;
};

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool take(struct scan *s, char c)
{
    skip_space(s);
    if (s->p >= s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool take_string(struct scan *s, struct str *ret)
{
    const char *to;

    if (!take(s, '"'))
        return false;
    to = memchr(s->p, '"', (size_t)(s->end - s->p));
    if (!to)
        return false;
    *ret = str_n(s->p, (size_t)(to - s->p));
    s->p = to + 1;
    return str_is_plain(*ret);
}

/* 12 or "12". */
static bool take_number(struct scan *s, int64_t *ret)
{
    struct str digits;
    const char *from;

    skip_space(s);
    if (s->p < s->end && *s->p == '"') {
        if (!take_string(s, &digits))
            return false;
    } else {
        from = s->p;
        while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
            s->p++;
        digits = str_n(from, (size_t)(s->p - from));
        if (digits.n > 1 && digits.p[0] == '0')
            return false;
    }
    return str_to_i64(digits, 0, INT64_MAX, ret) == ERR_OK;
}

struct scanned {
    struct str event, stream_sid, track, payload;
    int64_t sequence, chunk, timestamp_ms;
    unsigned seen; /* of enum member */
};

enum member {
    SEEN_EVENT = 1,
    SEEN_SEQUENCE = 2,
    SEEN_STREAM = 4,
    SEEN_MEDIA = 8,
    SEEN_TRACK = 16,
    SEEN_CHUNK = 32,
    SEEN_TIMESTAMP = 64,
    SEEN_PAYLOAD = 128,
};

static bool first_time(struct scanned *d, enum member m)
{
    bool fresh = !(d->seen & m);

    d->seen |= m;
    return fresh;
}

static bool scan_audio_member(struct scan *s, struct scanned *d, struct str key)
{
    if (str_eq(key, STR("payload")))
        return first_time(d, SEEN_PAYLOAD) && take_string(s, &d->payload);
    if (str_eq(key, STR("timestamp")))
        return first_time(d, SEEN_TIMESTAMP) && take_number(s, &d->timestamp_ms);
    if (str_eq(key, STR("chunk")))
        return first_time(d, SEEN_CHUNK) && take_number(s, &d->chunk);
    if (str_eq(key, STR("track")))
        return first_time(d, SEEN_TRACK) && take_string(s, &d->track);
    return false;
}

static bool scan_object(struct scan *s, struct scanned *d,
                        bool (*member)(struct scan *s, struct scanned *d, struct str key))
{
    struct str key;

    if (!take(s, '{'))
        return false;
    do {
        if (!take_string(s, &key) || !take(s, ':') || !member(s, d, key))
            return false;
    } while (take(s, ','));
    return take(s, '}');
}

static bool scan_top_member(struct scan *s, struct scanned *d, struct str key)
{
    if (str_eq(key, STR("event")))
        return first_time(d, SEEN_EVENT) && take_string(s, &d->event) &&
               str_eq(d->event, STR("media"));
    if (str_eq(key, STR("media")))
        return first_time(d, SEEN_MEDIA) && scan_object(s, d, scan_audio_member);
    if (str_eq(key, STR("sequenceNumber")))
        return first_time(d, SEEN_SEQUENCE) && take_number(s, &d->sequence);
    if (str_eq(key, STR("streamSid")))
        return first_time(d, SEEN_STREAM) && take_string(s, &d->stream_sid);
    return false;
}

static bool scan_media(struct str text, struct media_msg *m, struct str *payload)
{
    struct scan s = { text.p, text.p + text.n };
    struct scanned d = { .sequence = -1, .chunk = -1, .timestamp_ms = -1 };

    if (!text.n || !scan_object(&s, &d, scan_top_member))
        return false;
    skip_space(&s);
    if (s.p != s.end || !(d.seen & SEEN_EVENT) || !(d.seen & SEEN_PAYLOAD) || !d.stream_sid.n)
        return false;
    m->kind = MEDIA_AUDIO;
    m->event = d.event;
    m->stream_sid = d.stream_sid;
    m->sequence = d.sequence;
    m->track = d.track;
    m->chunk = d.chunk;
    m->timestamp_ms = d.timestamp_ms;
    *payload = d.payload;
    return true;
}

static enum errc decode_audio(struct media_reader *r, struct str payload, struct media_msg *m,
                              struct err *err)
{
    size_t n = 0;

    if (payload.n > BASE64_LEN((size_t)MEDIA_AUDIO_BYTES_MAX))
        return err_set(err, ERR_LIMIT, "media message: more audio than %d bytes",
                       MEDIA_AUDIO_BYTES_MAX);
    if (base64_decode(r->audio, &n, payload))
        return err_set(err, ERR_INVALID, "media message: payload is no base64");
    m->ulaw = r->audio;
    m->ulaw_n = n;
    return ERR_OK;
}

static enum errc read_start(const struct jval *o, struct media_msg *m, struct err *err)
{
    const struct jval *format = json_get(o, "mediaFormat");
    struct json_iter it = json_iter(json_get(o, "customParameters"));
    const struct jval *value;
    struct str name;
    enum errc rc;

    rc = json_need_str(o, "callSid", &m->call_sid, err);
    if (!rc)
        rc = json_need_str(o, "accountSid", &m->account_sid, err);
    if (rc)
        return err_wrap(err, rc, "start message");
    m->encoding = json_str(json_get(format, "encoding"));
    m->sample_rate = (int)MIN(MAX(json_i64_or(json_get(format, "sampleRate"), 0), 0), INT32_MAX);
    m->channels = (int)MIN(MAX(json_i64_or(json_get(format, "channels"), 0), 0), INT32_MAX);
    while (m->n_parameters < MEDIA_PARAMETERS_MAX && json_next(&it, &name, &value)) {
        if (json_is_str(value))
            m->parameters[m->n_parameters++] = (struct media_parameter){ name, json_str(value) };
    }
    return ERR_OK;
}

static enum errc read_stop(const struct jval *o, struct media_msg *m, struct err *err)
{
    (void)err; /* nothing in it is needed: the stream ends in any case */
    m->account_sid = json_str(json_get(o, "accountSid"));
    m->call_sid = json_str(json_get(o, "callSid"));
    return ERR_OK;
}

static enum errc read_dtmf(const struct jval *o, struct media_msg *m, struct err *err)
{
    enum errc rc = json_need_str(o, "digit", &m->digit, err);

    m->track = json_str(json_get(o, "track"));
    return rc ? err_wrap(err, rc, "dtmf message") : ERR_OK;
}

static enum errc read_mark(const struct jval *o, struct media_msg *m, struct err *err)
{
    enum errc rc = json_need_str(o, "name", &m->mark_name, err);

    return rc ? err_wrap(err, rc, "mark message") : ERR_OK;
}

static enum errc read_audio(const struct jval *o, struct media_msg *m, struct err *err)
{
    if (!json_is_str(json_get(o, "payload")))
        return err_set(err, ERR_INVALID, "media message: no payload");
    m->track = json_str(json_get(o, "track"));
    m->chunk = json_i64_or(json_get(o, "chunk"), -1);
    m->timestamp_ms = json_i64_or(json_get(o, "timestamp"), -1);
    return ERR_OK;
}

static const struct event {
    const char *name, *member;
    enum media_kind kind;
    enum errc (*read)(const struct jval *o, struct media_msg *m, struct err *err);
} events[] = {
    { "media", "media", MEDIA_AUDIO, read_audio }, { "mark", "mark", MEDIA_MARK, read_mark },
    { "dtmf", "dtmf", MEDIA_DTMF, read_dtmf },     { "start", "start", MEDIA_START, read_start },
    { "stop", "stop", MEDIA_STOP, read_stop },     { "connected", NULL, MEDIA_CONNECTED, NULL },
};

static const struct event *event_find(struct str name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(events); i++) {
        if (str_eq_c(name, events[i].name))
            return &events[i];
    }
    return NULL;
}

static enum errc read_message(struct media_reader *r, struct str text, struct media_msg *m,
                              struct str *payload, struct err *err)
{
    const struct jval *root, *member;
    const struct event *e;
    enum errc rc;

    rc = json_parse_arena(&root, &r->arena, text, err);
    if (!rc)
        rc = json_need_str(root, "event", &m->event, err);
    if (rc)
        return err_wrap(err, rc, "stream message");
    m->sequence = json_i64_or(json_get(root, "sequenceNumber"), -1);
    m->stream_sid = json_str(json_get(root, "streamSid"));
    e = event_find(m->event);
    if (!e)
        return ERR_OK;
    m->kind = e->kind;
    if (!e->member)
        return ERR_OK;
    if (!m->stream_sid.n)
        return err_set(err, ERR_INVALID, "%s message: no streamSid", e->name);
    member = json_get(root, e->member);
    *payload = json_str(json_get(member, "payload"));
    return e->read(member, m, err);
}

enum errc media_parse(struct media_reader *r, struct str text, struct media_msg *ret,
                      struct err *err)
{
    struct str payload = STR_EMPTY;

    msg_init(ret);
    if (!scan_media(text, ret, &payload)) {
        enum errc rc;

        msg_init(ret);
        arena_reset(&r->arena);
        rc = read_message(r, text, ret, &payload, err);
        if (rc)
            return rc;
    }
    return ret->kind == MEDIA_AUDIO ? decode_audio(r, payload, ret, err) : ERR_OK;
}

struct str media_parameter(const struct media_msg *m, const char *name)
{
    size_t i;

    for (i = 0; i < m->n_parameters; i++) {
        if (str_eq_c(m->parameters[i].name, name))
            return m->parameters[i].value;
    }
    return STR_EMPTY;
}

/* Writing: pieces are copied while they fit; at == NULL from the first that does not. */
struct out {
    char *at, *end;
};

static void put(struct out *o, struct str s)
{
    if (!o->at || (size_t)(o->end - o->at) < s.n) {
        o->at = NULL;
        return;
    }
    o->at = mempcpy(o->at, s.p, s.n);
}

static bool sid_plain(struct str sid)
{
    size_t i;

    for (i = 0; i < sid.n; i++) {
        char c = sid.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
            return false;
    }
    return sid.n > 0;
}

static bool name_plain(struct str name)
{
    return name.n > 0 && name.n <= MEDIA_NAME_BYTES_MAX && str_is_plain(name);
}

static const char audio_head[] = "{\"event\":\"media\",\"streamSid\":\"";
static const char audio_mid[] = "\",\"media\":{\"payload\":\"";
static const char audio_tail[] = "\"}}";

size_t media_audio_size(struct str stream_sid, size_t ulaw_n)
{
    return sizeof(audio_head) - 1 + stream_sid.n + sizeof(audio_mid) - 1 + BASE64_LEN(ulaw_n) +
           sizeof(audio_tail) - 1;
}

size_t media_write_audio(char *out, size_t max, struct str stream_sid, const void *ulaw, size_t n)
{
    struct out o = { out, out + max };
    size_t size = media_audio_size(stream_sid, n);

    if (size > max || !sid_plain(stream_sid))
        return 0;
    put(&o, str_n(audio_head, sizeof(audio_head) - 1));
    put(&o, stream_sid);
    put(&o, str_n(audio_mid, sizeof(audio_mid) - 1));
    o.at += base64_encode(o.at, ulaw, n);
    put(&o, str_n(audio_tail, sizeof(audio_tail) - 1));
    return size;
}

size_t media_write_mark(char *out, size_t max, struct str stream_sid, struct str name)
{
    struct out o = { out, out + max };

    if (!sid_plain(stream_sid) || !name_plain(name))
        return 0;
    put(&o, STR("{\"event\":\"mark\",\"streamSid\":\""));
    put(&o, stream_sid);
    put(&o, STR("\",\"mark\":{\"name\":\""));
    put(&o, name);
    put(&o, STR("\"}}"));
    return o.at ? (size_t)(o.at - out) : 0;
}

size_t media_write_clear(char *out, size_t max, struct str stream_sid)
{
    struct out o = { out, out + max };

    if (!sid_plain(stream_sid))
        return 0;
    put(&o, STR("{\"event\":\"clear\",\"streamSid\":\""));
    put(&o, stream_sid);
    put(&o, STR("\"}"));
    return o.at ? (size_t)(o.at - out) : 0;
}
