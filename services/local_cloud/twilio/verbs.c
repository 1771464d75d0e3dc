#include "local_cloud/twilio/call.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/url.h"
#include "local_cloud/local_cloud.h"
#include "voice/g711.h"

enum {
    BEEP_HZ = 1000,
    BEEP_MS = 400,
    BEEP_AMPLITUDE = 8000,
    SAY_MS_PER_BYTE = 60, /* of a text that nobody can speak */
    LOOPS_MAX = 10,
    DIGIT_PAUSE_MS = 500, /* w in <Play digits> */
    VOICE_ENERGY = 90000, /* mean square above which a frame holds a voice: about -41 dBFS */
};

static int64_t attr_int(const struct xml_node *n, const char *name, int64_t min, int64_t max,
                        int64_t dflt)
{
    int64_t v;

    return str_to_i64(xml_attr(n, name, ""), min, max, &v) ? dflt : v;
}

static bool attr_get(const struct xml_node *n, const char *name)
{
    return str_ieq_c(xml_attr(n, name, "POST"), "GET");
}

static void tell(struct phone_call *c, const struct xml_node *n, struct str detail)
{
    struct arena a = ARENA_INIT;

    call_event(c, "verb",
               arena_printf(&a, STR_FMT "%s" STR_FMT, STR_ARG(n->name), detail.n ? " " : "",
                            STR_ARG(detail)));
    arena_release(&a);
}

/* ---- playing ---- */

void call_play(struct phone_call *c, void (*played)(struct phone_call *c))
{
    c->play_at = 0;
    c->playing = true; /* an empty one ends with the next frame */
    c->played = played;
}

struct saying {
    struct phone_call *call;
    uint64_t epoch;
    char *language, *text;
    struct buf audio;
    bool spoken;
    void (*played)(struct phone_call *c);
};

static void say_run(void *arg, struct ctx *ctx)
{
    struct saying *s = arg;
    const struct telephony *t = s->call->t;
    struct err err = ERR_INIT;

    if (!t->voice)
        return;
    s->spoken =
        t->voice(t->voice_arg, str_c(s->language), str_c(s->text), &s->audio, &err) == ERR_OK;
    if (!s->spoken)
        log_warn(&ctx->log, "nobody can say it error=\"%s\"", err.text);
}

static void say_done(void *arg)
{
    struct saying *s = arg;
    struct phone_call *c = s->call;
    size_t silence = strlen(s->text) * SAY_MS_PER_BYTE * G711_BYTES_PER_MS;

    c->pending--;
    if (!c->t->closing && !c->over && s->epoch == c->epoch) {
        buf_reset(&c->play);
        if (s->spoken)
            buf_add_str(&c->play, buf_str(&s->audio));
        else
            for (; silence && !buf_status(&c->play); silence--)
                buf_add_char(&c->play, (char)G711_ULAW_SILENCE);
        call_play(c, s->played);
    }
    buf_release(&s->audio);
    mem_free(s->language);
    mem_free(s->text);
    mem_free(s);
}

void call_say(struct phone_call *c, struct str language, struct str text,
              void (*played)(struct phone_call *c))
{
    struct saying *s = MEM_NEW(struct saying);

    s->call = c;
    s->epoch = c->epoch;
    s->language = mem_str_dup(language);
    s->text = mem_str_dup(text);
    s->played = played;
    buf_init(&s->audio, CALL_PLAY_MAX);
    c->pending++;
    if (workers_submit(c->t->workers, say_run, say_done, s))
        say_done(s); /* too much to say at once: silence */
}

static int64_t loops_of(const struct xml_node *n)
{
    int64_t loops = attr_int(n, "loop", 0, 1000, 1);

    return loops ? MIN(loops, LOOPS_MAX) : LOOPS_MAX;
}

static void begin_say(struct phone_call *c, const struct xml_node *n)
{
    int64_t loops = loops_of(n), i;
    struct buf text = BUF_INIT(64 * KIB);

    tell(c, n, n->text);
    for (i = 0; i < loops; i++) {
        buf_add_str(&text, str_trim(n->text));
        buf_add_char(&text, ' ');
    }
    call_say(c, xml_attr(n, "language", "en-US"), buf_str(&text), call_next);
    buf_release(&text);
}

/* Digits go to the far end; the caller hears their length as silence. */
static void play_digits(struct phone_call *c, struct str digits)
{
    size_t ms = 0, i;

    for (i = 0; i < digits.n; i++)
        ms += digits.p[i] == 'W' ? 2 * DIGIT_PAUSE_MS : DIGIT_PAUSE_MS;
    buf_reset(&c->play);
    for (i = 0; i < ms * G711_BYTES_PER_MS && !buf_status(&c->play); i++)
        buf_add_char(&c->play, (char)G711_ULAW_SILENCE);
    call_play(c, call_next);
}

static void begin_play(struct phone_call *c, const struct xml_node *n)
{
    struct str digits = xml_attr(n, "digits", "");

    tell(c, n, digits.n ? digits : str_trim(n->text));
    if (digits.n)
        play_digits(c, digits);
    else
        call_play_sound(c, str_trim(n->text), loops_of(n));
}

static void on_verb_timer(void *arg)
{
    call_next(arg);
}

static void begin_pause(struct phone_call *c, const struct xml_node *n)
{
    int64_t s = attr_int(n, "length", 1, 3600, 1);

    tell(c, n, xml_attr(n, "length", "1"));
    c->verb_timer.fn = on_verb_timer;
    timer_start(&c->verb_timer, s * 1000);
}

/* ---- <Connect><Stream> ---- */

static void notify_stream(struct phone_call *c, const char *event, int error_code)
{
    struct buf form = BUF_INIT(WEBHOOK_PARAMS_MAX);
    char text[TIME_TEXT_MAX];

    if (!c->stream_callback[0])
        return;
    form_add(&form, "AccountSid", c->t->account_sid);
    form_add(&form, "CallSid", str_c(c->sid));
    form_add(&form, "StreamSid", str_c(media_leg_sid(c->stream)));
    form_add(&form, "StreamName",
             str_c(c->stream_name[0] ? c->stream_name : media_leg_sid(c->stream)));
    form_add(&form, "StreamEvent", str_c(event));
    if (error_code) {
        snprintf(text, sizeof(text), "%d", error_code);
        form_add(&form, "StreamError", str_c(text));
    }
    time_rfc3339(text, clock_wall_us(c->t->clock));
    form_add(&form, "Timestamp", str_c(text));
    call_notify(c, str_c(c->stream_callback), c->stream_callback_get, &form);
    buf_release(&form);
}

static void on_stream_open(void *arg)
{
    struct phone_call *c = arg;

    c->stream_started = true;
    notify_stream(c, "stream-started", 0);
}

static void stream_ended(struct phone_call *c)
{
    if (c->stream_action[0])
        call_fetch_ref(c, str_c(c->stream_action), c->stream_action_get, NULL);
    else
        call_next(c);
}

static void on_stream_closed(void *arg, int error_code)
{
    struct phone_call *c = arg;

    notify_stream(c, error_code ? "stream-error" : "stream-stopped", error_code);
    c->stream = media_leg_stop(c->stream);
    stream_ended(c);
}

/* The call goes elsewhere, or is over. */
void verb_stream_stop(struct phone_call *c)
{
    if (c->stream && c->stream_started)
        notify_stream(c, "stream-stopped", 0);
    c->stream = media_leg_stop(c->stream);
}

static const struct xml_node *child_named(const struct xml_node *n, const char *name)
{
    const struct xml_node *child = n->first_child;

    while (child && !str_eq_c(child->name, name))
        child = child->next;
    return child;
}

static size_t stream_parameters(const struct xml_node *stream, struct media_leg_parameter *out,
                                size_t max)
{
    const struct xml_node *p;
    size_t n = 0;

    for (p = stream->first_child; p && n < max; p = p->next) {
        if (str_eq_c(p->name, "Parameter"))
            out[n++] =
                (struct media_leg_parameter){ xml_attr(p, "name", ""), xml_attr(p, "value", "") };
    }
    return n;
}

static void begin_connect(struct phone_call *c, const struct xml_node *n)
{
    const struct xml_node *stream = child_named(n, "Stream");
    struct media_leg_parameter parameters[32];
    struct media_leg_opts o = { .account_sid = c->t->account_sid,
                                .auth_token = c->t->auth_token,
                                .call_sid = str_c(c->sid),
                                .parameters = parameters,
                                .tls = c->t->lc->service->tls,
                                .log = &c->log,
                                .on_open = on_stream_open,
                                .on_closed = on_stream_closed,
                                .arg = c };
    struct err err = ERR_INIT;
    struct arena a = ARENA_INIT;

    if (!stream) {
        log_warn(&c->log, "<Connect> without <Stream> is not done here");
        call_next(c);
        return;
    }
    tell(c, n, xml_attr(stream, "url", ""));
    (void)str_copy(c->stream_action, sizeof(c->stream_action), xml_attr(n, "action", ""));
    (void)str_copy(c->stream_callback, sizeof(c->stream_callback),
                   xml_attr(stream, "statusCallback", ""));
    c->stream_started = false;
    c->stream_action_get = attr_get(n, "method");
    c->stream_callback_get = attr_get(stream, "statusCallbackMethod");
    (void)str_copy(c->stream_name, sizeof(c->stream_name), xml_attr(stream, "name", ""));
    o.url = webhook_resolve(&a, str_c(c->document_url), xml_attr(stream, "url", ""));
    o.n_parameters = stream_parameters(stream, parameters, ARRAY_LEN(parameters));
    if (!str_eq_c(xml_attr(stream, "track", "inbound_track"), "inbound_track"))
        (void)err_set(&err, ERR_INVALID, "error 31941: only inbound_track is possible here");
    else if (media_leg_create(&c->stream, c->t->loop, &o, &err))
        c->stream = NULL;
    arena_release(&a);
    if (c->stream)
        return;
    log_warn(&c->log, "no stream error=\"%s\"", err.text);
    stream_ended(c);
}

/* ---- <Start>, <Stop> ---- */

static void begin_start(struct phone_call *c, const struct xml_node *n)
{
    const struct xml_node *rec = child_named(n, "Recording");
    struct status_callback cb;

    if (!rec) {
        log_warn(&c->log, "<Start> of something else than <Recording> is not done here");
        call_next(c);
        return;
    }
    tell(c, n, STR("Recording"));
    status_callback_init(&cb, xml_attr(rec, "recordingStatusCallback", ""),
                         xml_attr(rec, "recordingStatusCallbackEvent", "completed"),
                         attr_get(rec, "recordingStatusCallbackMethod"));
    if (cb.url[0] && !strstr(cb.url, "://")) {
        log_warn(&c->log, "error 11200: the recording's status callback is no absolute URL");
        cb.url[0] = '\0';
    }
    if (call_record(c, str_eq_c(xml_attr(rec, "channels", "dual"), "mono") ? 1 : 2, &cb))
        log_warn(&c->log, "no recording: one runs already, or there are too many");
    call_next(c);
}

/* Its nouns end what <Start> does not start here; a recording is not among them. */
static void begin_stop(struct phone_call *c, const struct xml_node *n)
{
    tell(c, n, STR_EMPTY);
    log_warn(&c->log, "<Stop> has nothing to stop here");
    call_next(c);
}

/* ---- <Record> ---- */

static void form_add_recording(struct phone_call *c, struct buf *form,
                               const struct recording_info *info)
{
    struct arena a = ARENA_INIT;
    char seconds[24];

    snprintf(seconds, sizeof(seconds), "%lld", (long long)(info->duration_ms + 999) / 1000);
    form_add(form, "RecordingSid", str_c(info->sid));
    form_add(form, "RecordingUrl", call_recording_url(c, &a, info->sid));
    form_add(form, "RecordingDuration", str_c(seconds));
    arena_release(&a);
}

static struct status_callback message_callback(const struct xml_node *n)
{
    struct status_callback cb;

    status_callback_init(&cb, xml_attr(n, "recordingStatusCallback", ""),
                         xml_attr(n, "recordingStatusCallbackEvent", "completed"),
                         attr_get(n, "recordingStatusCallbackMethod"));
    return cb;
}

/* With the key that ended it, "hangup", or nothing. Silence alone is no message: the next verb follows. */
static void record_ended(struct phone_call *c, struct str digits, bool hung_up)
{
    const struct xml_node *n = c->message.node;
    struct buf extra = BUF_INIT(WEBHOOK_PARAMS_MAX);
    bool said = c->message.voiced_ms >= 0;
    struct recording_info info;
    struct status_callback cb = message_callback(n);

    recording_finish(c->message.rec, &info);
    c->message = (struct message_taking){ .on = false };
    if (said) {
        call_event(c, "recording", str_c(info.sid));
        call_notify_recording(c, &cb, &info);
        form_add_recording(c, &extra, &info);
        if (digits.n)
            form_add(&extra, "Digits", digits);
    } else if (recordings_delete(c->t->recordings, str_c(info.sid))) {
        log_warn(&c->log, "no message, and its recording has gone already");
    }
    if (hung_up) {
        struct buf form = BUF_INIT(WEBHOOK_PARAMS_MAX);
        struct arena a = ARENA_INIT;

        c->status = CALL_COMPLETED;
        call_params(c, &form);
        if (extra.n) {
            buf_add_char(&form, '&');
            buf_add_str(&form, buf_str(&extra));
        }
        if (said)
            call_notify(c, webhook_resolve(&a, str_c(c->document_url), xml_attr(n, "action", "")),
                        attr_get(n, "method"), &form);
        buf_release(&form);
        arena_release(&a);
    } else if (said) {
        call_fetch_ref(c, xml_attr(n, "action", ""), attr_get(n, "method"), &extra);
    } else {
        call_next(c);
    }
    buf_release(&extra);
}

static void beep_played(struct phone_call *c)
{
    struct status_callback cb = message_callback(c->message.node);
    struct recording_info info;

    c->message.rec = recording_start(c->t->recordings, str_c(c->sid), 1, "RecordVerb",
                                     clock_wall_s(c->t->clock));
    if (!c->message.rec) {
        log_warn(&c->log, "no recording: there are too many");
        c->message.on = false;
        call_next(c);
        return;
    }
    c->message.began_ms = loop_now_ms(c->t->loop);
    c->message.voiced_ms = -1;
    if (recordings_get(c->t->recordings, str_c(recording_sid(c->message.rec)), &info) == ERR_OK)
        call_notify_recording(c, &cb, &info);
}

static void begin_record(struct phone_call *c, const struct xml_node *n)
{
    tell(c, n, STR_EMPTY);
    c->message = (struct message_taking){ .on = true, .node = n };
    buf_reset(&c->play);
    if (!str_eq_c(xml_attr(n, "playBeep", "true"), "false"))
        tone_add(&c->play, BEEP_HZ, BEEP_MS, BEEP_AMPLITUDE);
    call_play(c, beep_played);
}

static void record_frame(struct phone_call *c, const uint8_t *caller)
{
    struct message_taking *m = &c->message;
    int64_t now = loop_now_ms(c->t->loop);
    int64_t silence_ms = attr_int(m->node, "timeout", 1, 600, 5) * 1000;
    int64_t max_ms = attr_int(m->node, "maxLength", 1, 14400, 3600) * 1000;

    recording_frame(m->rec, caller, NULL);
    if (g711_ulaw_energy(caller, PHONE_FRAME_BYTES) > VOICE_ENERGY)
        m->voiced_ms = now;
    if (now - MAX(m->voiced_ms, m->began_ms) >= silence_ms || now - m->began_ms >= max_ms)
        record_ended(c, STR_EMPTY, false);
}

void verb_frame(struct phone_call *c, const uint8_t *caller)
{
    if (c->message.on && c->message.rec)
        record_frame(c, caller);
}

void verb_hung_up(struct phone_call *c)
{
    if (c->message.on && c->message.rec)
        record_ended(c, STR("hangup"), true);
}

/* ---- <Gather>, digits only ---- */

static void gather_done(struct phone_call *c)
{
    const struct xml_node *n = c->gather.node;
    bool empty = str_eq_c(xml_attr(n, "actionOnEmptyResult", "false"), "true");
    struct buf extra = BUF_INIT(WEBHOOK_PARAMS_MAX);
    struct str digits = str_n(c->gather.digits, c->gather.n);

    timer_stop(&c->verb_timer);
    c->playing = false;
    c->epoch++;
    c->gather.on = false;
    c->verb = n;
    if (!digits.n && !empty) {
        call_next(c);
        return;
    }
    form_add(&extra, "Digits", digits);
    call_fetch_ref(c, xml_attr(n, "action", ""), attr_get(n, "method"), &extra);
    buf_release(&extra);
}

static void on_gather_timeout(void *arg)
{
    gather_done(arg);
}

void verb_nested_done(struct phone_call *c)
{
    c->gather.waiting = true;
    c->verb_timer.fn = on_gather_timeout;
    timer_start(&c->verb_timer, attr_int(c->gather.node, "timeout", 1, 600, 5) * 1000);
}

static void begin_gather(struct phone_call *c, const struct xml_node *n)
{
    tell(c, n, STR_EMPTY);
    c->gather = (struct gather){ .on = true, .node = n };
    c->verb = n->first_child;
    if (!c->verb)
        verb_nested_done(c);
    else if (!verb_begin(c, c->verb))
        call_next(c);
}

static void gather_digit(struct phone_call *c, char digit)
{
    const struct xml_node *n = c->gather.node;
    struct str finish = xml_attr(n, "finishOnKey", "#");

    if (finish.n && finish.p[0] == digit) {
        gather_done(c);
        return;
    }
    if (c->gather.n < sizeof(c->gather.digits))
        c->gather.digits[c->gather.n++] = digit;
    if ((int64_t)c->gather.n >= attr_int(n, "numDigits", 1, CALL_DIGITS_MAX, CALL_DIGITS_MAX)) {
        gather_done(c);
        return;
    }
    if (c->gather.waiting)
        verb_nested_done(c); /* the wait begins anew */
}

void verb_digit(struct phone_call *c, char digit)
{
    if (c->gather.on)
        gather_digit(c, digit);
    else if (c->message.on && c->message.rec &&
             str_find_char(xml_attr(c->message.node, "finishOnKey", "1234567890*#"), digit) <
                 xml_attr(c->message.node, "finishOnKey", "1234567890*#").n)
        record_ended(c, str_n(&digit, 1), false);
}

/* ---- the rest ---- */

static void begin_redirect(struct phone_call *c, const struct xml_node *n)
{
    tell(c, n, str_trim(n->text));
    call_fetch_ref(c, str_trim(n->text), attr_get(n, "method"), NULL);
}

static void begin_hangup(struct phone_call *c, const struct xml_node *n)
{
    tell(c, n, STR_EMPTY);
    call_end(c, CALL_COMPLETED, "agent");
}

static void begin_reject(struct phone_call *c, const struct xml_node *n)
{
    bool busy = str_eq_c(xml_attr(n, "reason", "rejected"), "busy");

    tell(c, n, xml_attr(n, "reason", "rejected"));
    if (c->answered_ms)
        call_end(c, CALL_COMPLETED, "agent");
    else
        call_end(c, busy ? CALL_BUSY : CALL_NO_ANSWER, "agent");
}

static void begin_dial(struct phone_call *c, const struct xml_node *n)
{
    dial_begin(c, n);
}

static const struct verb {
    const char *name;
    void (*begin)(struct phone_call *c, const struct xml_node *n);
    bool answers; /* the call is taken up before it */
} verbs[] = {
    { "Say", begin_say, true },       { "Play", begin_play, true },
    { "Pause", begin_pause, true },   { "Connect", begin_connect, true },
    { "Start", begin_start, false },  { "Stop", begin_stop, false },
    { "Dial", begin_dial, true },     { "Record", begin_record, true },
    { "Gather", begin_gather, true }, { "Redirect", begin_redirect, false },
    { "Hangup", begin_hangup, true }, { "Reject", begin_reject, false },
};

bool verb_begin(struct phone_call *c, const struct xml_node *n)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(verbs); i++) {
        if (!str_eq_c(n->name, verbs[i].name))
            continue;
        if (verbs[i].answers)
            call_answer(c);
        verbs[i].begin(c, n);
        return true;
    }
    return false;
}
