#include "twilio/twiml.h"

#include <stdint.h>

static void problem(struct twiml *t, enum errc rc, const char *what)
{
    if (t->rc)
        return;
    t->rc = rc;
    t->what = what;
}

/* Length of the well-formed UTF-8 character at `p`, 0 when there is none. RFC 3629. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    size_t len, i;
    uint32_t c;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        len = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        len = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        len = 4;
    else
        return 0;
    if (len > n)
        return 0;
    c = p[0] & (0x7Fu >> len);
    for (i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if ((len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10FFFF)))
        return 0;
    if ((c >= 0xD800 && c <= 0xDFFF) || c == 0xFFFE || c == 0xFFFF)
        return 0; /* no characters of XML 1.0 */
    return len;
}

static const char *escape_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;"; /* as references these survive attribute normalisation */
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

static void add_text(struct twiml *t, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;

    while (i < s.n) {
        const char *escape = escape_of(p[i]);
        size_t len = utf8_len(p + i, s.n - i);

        if (escape)
            buf_add_c(&t->out, escape);
        else if (len && (len > 1 || (p[i] >= 0x20 && p[i] != 0x7F)))
            buf_add(&t->out, p + i, len);
        i += len ? len : 1;
    }
}

static void open_tag(struct twiml *t, const char *name)
{
    buf_add_char(&t->out, '<');
    buf_add_c(&t->out, name);
}

static void attr(struct twiml *t, const char *name, struct str value)
{
    buf_add_char(&t->out, ' ');
    buf_add_c(&t->out, name);
    buf_add_c(&t->out, "=\"");
    add_text(t, value);
    buf_add_char(&t->out, '"');
}

static void attr_opt(struct twiml *t, const char *name, struct str value)
{
    if (value.n)
        attr(t, name, value);
}

static void attr_int_opt(struct twiml *t, const char *name, int value)
{
    if (value > 0)
        buf_addf(&t->out, " %s=\"%d\"", name, value);
}

static void attr_true(struct twiml *t, const char *name, bool value)
{
    if (value)
        attr(t, name, STR("true"));
}

static void close_empty(struct twiml *t)
{
    buf_add_c(&t->out, "/>");
}

static void close_tag(struct twiml *t, const char *name)
{
    buf_addf(&t->out, "</%s>", name);
}

/* Only Say, Play and Pause may stand inside a Gather. */
static void verb(struct twiml *t, const char *name)
{
    if (t->in_gather)
        problem(t, ERR_INVALID, "a verb inside <Gather> that Twilio does not take there");
    open_tag(t, name);
}

static bool is_absolute(struct str url)
{
    return str_istarts(url, STR("https://")) || str_istarts(url, STR("http://"));
}

static void need_callback(struct twiml *t, struct str url)
{
    if (url.n && !is_absolute(url))
        problem(t, ERR_INVALID, "a status callback must be an absolute URL");
}

void twiml_init(struct twiml *t, size_t bytes_max)
{
    *t = (struct twiml){ .rc = ERR_OK };
    buf_init(&t->out, bytes_max);
    buf_add_c(&t->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>");
}

void twiml_release(struct twiml *t)
{
    buf_release(&t->out);
}

void twiml_start_recording(struct twiml *t, const struct twiml_recording *r)
{
    need_callback(t, r->status_callback);
    verb(t, "Start");
    buf_add_char(&t->out, '>');
    open_tag(t, "Recording");
    attr(t, "channels", r->mono ? STR("mono") : STR("dual"));
    attr_opt(t, "recordingStatusCallback", r->status_callback);
    attr_opt(t, "recordingStatusCallbackEvent", r->status_events);
    close_empty(t);
    close_tag(t, "Start");
}

static void stream_parameter(struct twiml *t, const struct twiml_parameter *p)
{
    if (!p->name.n || p->name.n + p->value.n > TWIML_PARAMETER_BYTES_MAX)
        problem(t, ERR_INVALID, "a <Parameter> without a name or of 500 characters and more");
    open_tag(t, "Parameter");
    attr(t, "name", p->name);
    attr(t, "value", p->value);
    close_empty(t);
}

void twiml_connect_stream(struct twiml *t, const struct twiml_stream *s)
{
    size_t i;

    if (!str_istarts(s->url, STR("wss://")) && !str_istarts(s->url, STR("ws://")))
        problem(t, ERR_INVALID, "a <Stream> needs a WebSocket URL");
    if (str_find_char(s->url, '?') < s->url.n)
        problem(t, ERR_INVALID, "a <Stream> URL with a query, which Twilio drops");
    need_callback(t, s->status_callback);
    verb(t, "Connect");
    attr_opt(t, "action", s->action);
    buf_add_char(&t->out, '>');
    open_tag(t, "Stream");
    attr(t, "url", s->url);
    attr_opt(t, "name", s->name);
    attr_opt(t, "statusCallback", s->status_callback);
    buf_add_char(&t->out, '>');
    for (i = 0; i < s->n_parameters; i++)
        stream_parameter(t, &s->parameters[i]);
    close_tag(t, "Stream");
    close_tag(t, "Connect");
}

static void dial_number(struct twiml *t, const struct twiml_number *n)
{
    if (!n->number.n)
        problem(t, ERR_INVALID, "a <Number> without a number");
    need_callback(t, n->status_callback);
    open_tag(t, "Number");
    attr_opt(t, "url", n->url);
    attr_opt(t, "statusCallback", n->status_callback);
    attr_opt(t, "statusCallbackEvent", n->status_events);
    buf_add_char(&t->out, '>');
    add_text(t, n->number);
    close_tag(t, "Number");
}

void twiml_dial(struct twiml *t, const struct twiml_dial *d)
{
    size_t i;

    if (!d->n_numbers || d->n_numbers > TWIML_NUMBERS_MAX)
        problem(t, ERR_INVALID, "a <Dial> needs 1 to 10 numbers");
    if (d->timeout_s && (d->timeout_s < 5 || d->timeout_s > 600))
        problem(t, ERR_INVALID, "a <Dial> timeout outside 5 to 600 s");
    verb(t, "Dial");
    attr_opt(t, "action", d->action);
    attr_opt(t, "callerId", d->caller_id);
    attr_int_opt(t, "timeout", d->timeout_s);
    attr_int_opt(t, "timeLimit", d->time_limit_s);
    attr_true(t, "answerOnBridge", d->answer_on_bridge);
    attr_true(t, "sequential", d->sequential);
    buf_add_char(&t->out, '>');
    for (i = 0; i < d->n_numbers; i++)
        dial_number(t, &d->numbers[i]);
    close_tag(t, "Dial");
}

void twiml_say(struct twiml *t, const struct twiml_voice *v, struct str text)
{
    if (text.n > TWIML_SAY_BYTES_MAX)
        problem(t, ERR_LIMIT, "a <Say> text is too long");
    open_tag(t, "Say");
    if (v) {
        attr_opt(t, "voice", v->voice);
        attr_opt(t, "language", v->language);
    }
    buf_add_char(&t->out, '>');
    add_text(t, text);
    close_tag(t, "Say");
}

void twiml_pause(struct twiml *t, int seconds)
{
    if (seconds < 1)
        problem(t, ERR_INVALID, "a <Pause> of no length");
    open_tag(t, "Pause");
    attr_int_opt(t, "length", seconds);
    close_empty(t);
}

void twiml_play(struct twiml *t, struct str url)
{
    if (!url.n)
        problem(t, ERR_INVALID, "a <Play> without a URL");
    open_tag(t, "Play");
    buf_add_char(&t->out, '>');
    add_text(t, url);
    close_tag(t, "Play");
}

static bool are_digits(struct str digits)
{
    size_t i;

    for (i = 0; i < digits.n; i++) {
        char c = digits.p[i];

        if (!(c >= '0' && c <= '9') && c != '*' && c != '#' && c != 'w')
            return false;
    }
    return digits.n > 0;
}

void twiml_play_digits(struct twiml *t, struct str digits)
{
    if (!are_digits(digits))
        problem(t, ERR_INVALID, "<Play digits> with something that is no digit");
    open_tag(t, "Play");
    attr(t, "digits", digits);
    close_empty(t);
}

void twiml_record(struct twiml *t, const struct twiml_record *r)
{
    if (!r->action.n)
        problem(t, ERR_INVALID, "a <Record> without an action asks its own document for ever");
    need_callback(t, r->status_callback);
    verb(t, "Record");
    attr_opt(t, "action", r->action);
    attr_opt(t, "finishOnKey", r->finish_on_key);
    attr_int_opt(t, "maxLength", r->max_length_s);
    attr_int_opt(t, "timeout", r->timeout_s);
    if (r->no_beep)
        attr(t, "playBeep", STR("false"));
    attr_opt(t, "recordingStatusCallback", r->status_callback);
    attr_opt(t, "recordingStatusCallbackEvent", r->status_events);
    close_empty(t);
}

void twiml_redirect(struct twiml *t, struct str url)
{
    if (!url.n)
        problem(t, ERR_INVALID, "a <Redirect> without a URL asks its own document for ever");
    verb(t, "Redirect");
    buf_add_char(&t->out, '>');
    add_text(t, url);
    close_tag(t, "Redirect");
}

void twiml_hangup(struct twiml *t)
{
    verb(t, "Hangup");
    close_empty(t);
}

void twiml_reject(struct twiml *t, enum twiml_reject reason)
{
    verb(t, "Reject");
    attr(t, "reason", reason == TWIML_BUSY ? STR("busy") : STR("rejected"));
    close_empty(t);
}

void twiml_gather_begin(struct twiml *t, const struct twiml_gather *g)
{
    if (!g->action.n)
        problem(t, ERR_INVALID, "a <Gather> without an action asks its own document");
    verb(t, "Gather");
    attr_opt(t, "action", g->action);
    attr_opt(t, "input", g->input);
    attr_opt(t, "language", g->language);
    if (g->no_finish_key)
        attr(t, "finishOnKey", STR_EMPTY);
    else
        attr_opt(t, "finishOnKey", g->finish_on_key);
    attr_int_opt(t, "timeout", g->timeout_s);
    attr_int_opt(t, "numDigits", g->num_digits);
    buf_add_char(&t->out, '>');
    t->in_gather = true;
}

void twiml_gather_end(struct twiml *t)
{
    if (!t->in_gather)
        problem(t, ERR_INVALID, "a </Gather> without its beginning");
    t->in_gather = false;
    close_tag(t, "Gather");
}

enum errc twiml_finish(struct twiml *t, struct str *ret, struct err *err)
{
    if (t->in_gather)
        problem(t, ERR_INVALID, "a <Gather> is not ended");
    close_tag(t, "Response");
    if (buf_status(&t->out))
        problem(t, ERR_LIMIT, "the document is too long");
    if (t->rc)
        return err_set(err, t->rc, "twiml: %s", t->what);
    *ret = buf_str(&t->out);
    return ERR_OK;
}
