#include "local_cloud/twilio/call.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/url.h"
#include "local_cloud/local_cloud.h"
#include "voice/g711.h"

enum {
    DTMF_FRAMES = 10,         /* between two digits */
    RECORDING_READY_MS = 400, /* from the call's end to its recording's callback */
    API_CALL_ANSWER_MS = 1000,
};

const char *call_status_name(enum call_status s)
{
    static const char *const names[] = { "queued", "ringing", "in-progress", "completed",
                                         "busy",   "failed",  "no-answer",   "canceled" };
    return names[s];
}

/* ---- what is told ---- */

void call_event(struct phone_call *c, const char *kind, struct str detail)
{
    log_info(&c->log, "phone %s " STR_FMT, kind, STR_ARG(str_slice(detail, 0, 120)));
    if (c->on_event)
        c->on_event(c->event_arg, c, kind, detail);
}

static void add_place(struct buf *form, const char *who)
{
    static const char *const parts[] = { "City", "State", "Zip", "Country" };
    char key[32];
    size_t i;

    for (i = 0; i < ARRAY_LEN(parts); i++) {
        (void)str_copy(key, sizeof(key), str_c(who)); /* both are short literals */
        (void)str_copy(key + strlen(key), sizeof(key) - strlen(key), str_c(parts[i]));
        form_add(form, key, STR_EMPTY);
    }
}

void call_params(const struct phone_call *c, struct buf *form)
{
    form_add(form, "AccountSid", c->t->account_sid);
    form_add(form, "ApiVersion", STR("2010-04-01"));
    form_add(form, "CallSid", str_c(c->sid));
    form_add(form, "CallStatus", str_c(call_status_name(c->status)));
    form_add(form, "Called", str_c(c->to));
    form_add(form, "Caller", str_c(c->from));
    form_add(form, "Direction", str_c(c->direction));
    form_add(form, "From", str_c(c->from));
    form_add(form, "To", str_c(c->to));
    add_place(form, "Called");
    add_place(form, "Caller");
    add_place(form, "From");
    add_place(form, "To");
    if (strcmp(c->direction, "inbound") == 0) {
        form_add(form, "StirVerstat", STR("No-TN-Validation"));
        /* Still percent-encoded after the form is decoded once, as Twilio sends it. */
        form_add(form, "CallToken",
                 STR("%7B%22parentCallInfoToken%22%3A%22eyJhbGciOiJFUzI1NiJ9.local%22%7D"));
    }
}

void call_notify(struct phone_call *c, struct str url, bool get, const struct buf *form)
{
    if (url.n)
        webhook_send(c->t->workers, c->t->auth_token, url, get, buf_str(form), NULL, NULL);
}

void status_callback_init(struct status_callback *cb, struct str url, struct str events, bool get)
{
    struct str event;

    *cb = (struct status_callback){ .get = get };
    if (!str_copy(cb->url, sizeof(cb->url), url))
        cb->url[0] = '\0';
    while (events.n) {
        (void)str_cut(events, ' ', &event, &events); /* the last one has no blank */
        cb->initiated |= str_eq_c(event, "initiated") || str_eq_c(event, "in-progress");
        cb->ringing |= str_eq_c(event, "ringing");
        cb->answered |= str_eq_c(event, "answered");
        cb->completed |= str_eq_c(event, "completed");
    }
}

static bool callback_wants(const struct status_callback *cb, enum call_status s)
{
    if (!cb->url[0])
        return false;
    if (s == CALL_QUEUED)
        return cb->initiated;
    if (s == CALL_RINGING)
        return cb->ringing;
    return s == CALL_IN_PROGRESS ? cb->answered : cb->completed;
}

static void form_add_int(struct buf *form, const char *key, int64_t v)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)v);
    form_add(form, key, str_c(text));
}

void call_notify_status(struct phone_call *c, struct status_callback *cb, enum call_status status)
{
    struct buf form = BUF_INIT(WEBHOOK_PARAMS_MAX);
    char when[TIME_TEXT_MAX];

    if (!callback_wants(cb, status))
        return;
    form_add(&form, "AccountSid", c->t->account_sid);
    form_add(&form, "ApiVersion", STR("2010-04-01"));
    form_add(&form, "CallSid", str_c(c->sid));
    form_add(&form, "CallStatus",
             status == CALL_QUEUED ? STR("initiated") : str_c(call_status_name(status)));
    form_add(&form, "From", str_c(c->from));
    form_add(&form, "To", str_c(c->to));
    form_add(&form, "Direction", str_c(c->direction));
    if (c->leg_of[0])
        form_add(&form, "ParentCallSid", str_c(c->leg_of));
    if (status >= CALL_COMPLETED) {
        form_add_int(&form, "CallDuration", call_duration_s(c));
        form_add_int(&form, "Duration", (call_duration_s(c) + 59) / 60);
    }
    time_rfc2822(when, clock_wall_s(c->t->clock));
    form_add(&form, "Timestamp", str_c(when));
    form_add(&form, "CallbackSource", STR("call-progress-events"));
    form_add_int(&form, "SequenceNumber", cb->sequence++);
    call_notify(c, str_c(cb->url), cb->get, &form);
    buf_release(&form);
}

/* ---- recording ---- */

struct str call_recording_url(const struct phone_call *c, struct arena *a, const char *sid)
{
    return arena_printf(a, STR_FMT "/2010-04-01/Accounts/" STR_FMT "/Recordings/%s",
                        STR_ARG(c->t->lc->origin), STR_ARG(c->t->account_sid), sid);
}

void call_notify_recording(struct phone_call *c, const struct status_callback *cb,
                           const struct recording_info *info)
{
    bool completed = strcmp(info->status, "completed") == 0;
    struct buf form = BUF_INIT(WEBHOOK_PARAMS_MAX);
    struct arena a = ARENA_INIT;
    char when[TIME_TEXT_MAX];

    if (!cb->url[0] || (completed ? !cb->completed : !cb->initiated))
        return;
    form_add(&form, "AccountSid", c->t->account_sid);
    form_add(&form, "CallSid", str_c(c->sid));
    form_add(&form, "RecordingSid", str_c(info->sid));
    form_add(&form, "RecordingUrl", call_recording_url(c, &a, info->sid));
    form_add(&form, "RecordingStatus", str_c(info->status));
    if (completed)
        form_add_int(&form, "RecordingDuration", (info->duration_ms + 500) / 1000);
    form_add_int(&form, "RecordingChannels", info->channels);
    time_rfc2822(when, info->start_s);
    form_add(&form, "RecordingStartTime", str_c(when));
    form_add(&form, "RecordingSource", str_c(info->source));
    form_add(&form, "RecordingTrack", STR("both"));
    call_notify(c, str_c(cb->url), cb->get, &form);
    buf_release(&form);
    arena_release(&a);
}

enum errc call_record(struct phone_call *c, int channels, const struct status_callback *cb)
{
    struct recording_info info;

    if (c->recording)
        return ERR_CONFLICT;
    c->recording = recording_start(c->t->recordings, str_c(c->sid), channels,
                                   "StartCallRecordingAPI", clock_wall_s(c->t->clock));
    if (!c->recording)
        return ERR_LIMIT;
    c->recording_callback = *cb;
    call_event(c, "recording", str_c(recording_sid(c->recording)));
    if (recordings_get(c->t->recordings, str_c(recording_sid(c->recording)), &info) == ERR_OK)
        call_notify_recording(c, cb, &info);
    return ERR_OK;
}

static void recording_is_ready(void *arg)
{
    struct phone_call *c = arg;

    if (c->was_recorded)
        call_notify_recording(c, &c->recording_callback, &c->recorded);
    c->was_recorded = false;
}

void call_record_stop(struct phone_call *c)
{
    if (!c->recording)
        return;
    recording_finish(c->recording, &c->recorded);
    c->recording = NULL;
    c->was_recorded = true;
    timer_start(&c->later, RECORDING_READY_MS);
}

/* ---- the 20 ms clock ---- */

static void press_next(struct phone_call *c)
{
    char digit = c->dtmf[0];

    if (!c->n_dtmf || c->frames % DTMF_FRAMES)
        return;
    memmove(c->dtmf, c->dtmf + 1, --c->n_dtmf);
    if (c->stream)
        media_leg_dtmf(c->stream, digit);
    else
        verb_digit(c, digit);
}

/* What the caller hears in this frame. */
static void agent_frame(struct phone_call *c, const uint8_t *caller, uint8_t *agent)
{
    size_t n;

    if (c->stream) {
        media_leg_frame(c->stream, caller, agent);
        return;
    }
    memset(agent, G711_ULAW_SILENCE, PHONE_FRAME_BYTES);
    if (c->playing) {
        n = MIN(c->play.n - c->play_at, (size_t)PHONE_FRAME_BYTES);
        if (n)
            memcpy(agent, c->play.p + c->play_at, n);
        c->play_at += n;
    } else if (c->dial.on && !c->dial.bridged) {
        tone_ringing(agent, loop_now_ms(c->t->loop) - c->dial.began_ms);
    }
}

static void on_tick(void *arg)
{
    struct phone_call *c = arg;
    uint8_t caller[PHONE_FRAME_BYTES], agent[PHONE_FRAME_BYTES];
    int64_t at_ms = c->frames * PHONE_FRAME_MS;
    bool arrives;

    c->frames++;
    timer_start_at(&c->tick, c->answered_ms + c->frames * PHONE_FRAME_MS);
    if (!c->caller->says(c->caller_arg, caller, at_ms))
        memset(caller, G711_ULAW_SILENCE, sizeof(caller));
    arrives = line_pass(&c->line, caller);
    agent_frame(c, arrives ? caller : NULL, agent);
    if (!arrives)
        memset(caller, G711_ULAW_SILENCE, sizeof(caller));
    c->caller->hears(c->caller_arg, agent, at_ms);
    if (c->recording)
        recording_frame(c->recording, caller, agent);
    press_next(c);
    if (!c->over)
        verb_frame(c, caller);
    if (!c->over && c->playing && c->play_at >= c->play.n) {
        c->playing = false;
        c->played(c);
    }
}

/* ---- life ---- */

static bool silent_says(void *arg, uint8_t *ulaw, int64_t at_ms)
{
    (void)arg;
    (void)ulaw;
    (void)at_ms;
    return false;
}

static void silent_hears(void *arg, const uint8_t *ulaw, int64_t at_ms)
{
    (void)arg;
    (void)ulaw;
    (void)at_ms;
}

static void silent_answered(void *arg)
{
    (void)arg;
}

static void silent_ended(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

const struct caller_ops call_silent_party = { silent_answered, silent_hears, silent_says,
                                              silent_ended };

static void on_hang_up(void *arg)
{
    struct phone_call *c = arg;

    if (c->status == CALL_IN_PROGRESS) {
        verb_hung_up(c);
        call_end(c, CALL_COMPLETED, "caller");
    } else {
        call_end(c, CALL_CANCELED, "caller");
    }
}

static void on_limit(void *arg)
{
    call_end(arg, CALL_COMPLETED, "agent");
}

static void on_update(void *arg)
{
    struct phone_call *c = arg;
    char *url = c->update_url, *twiml = c->update_twiml;

    c->update_url = c->update_twiml = NULL;
    call_interrupt(c);
    if (url)
        call_fetch(c, str_c(url), c->update_get, NULL);
    else
        call_run_twiml(c, str_c(twiml), str_c(c->document_url));
    mem_free(url);
    mem_free(twiml);
}

void call_update(struct phone_call *c, struct str url, bool get, struct str twiml)
{
    c->update_get = get;
    mem_free(c->update_url);
    mem_free(c->update_twiml);
    c->update_url = url.n ? mem_str_dup(url) : NULL;
    c->update_twiml = url.n ? NULL : mem_str_dup(twiml);
    timer_start(&c->update, PHONE_FRAME_MS); /* applied after the request has been answered */
}

static void on_answers(void *arg)
{
    struct phone_call *c = arg;

    call_answer(c);
    if (c->update_twiml || c->update_url)
        on_update(c);
    else
        call_fetch(c, str_c(c->voice_url), c->voice_get, NULL);
}

struct phone_call *call_create(struct telephony *t, const struct phone_call_opts *o,
                               const char *direction)
{
    struct phone_call *c = MEM_NEW(struct phone_call);
    size_t i;

    c->t = t;
    sid_make(c->sid, "CA");
    c->number = ++t->n_calls;
    c->log = log_with_call(&t->log, str_c(c->sid));
    (void)str_copy(c->from, sizeof(c->from), o->from); /* longer ones are cut, as carriers do */
    (void)str_copy(c->to, sizeof(c->to), o->to);
    c->direction = direction;
    c->status = CALL_QUEUED;
    c->created_s = clock_wall_s(t->clock);
    c->caller = o->caller ? o->caller : &call_silent_party;
    c->caller_arg = o->caller_arg;
    c->on_event = o->on_event;
    c->event_arg = o->event_arg;
    arena_init(&c->keep);
    c->dials = ARENA_ARRAY(&c->keep, struct phone_dial, o->n_dial + 1);
    for (i = 0; i < o->n_dial; i++)
        c->dials[i] =
            (struct phone_dial){ arena_str(&c->keep, o->dial[i].number), o->dial[i].outcome };
    c->n_dials = o->n_dial;
    line_init(&c->line, o->noise_db, o->loss);
    arena_init(&c->document);
    buf_init(&c->play, CALL_PLAY_MAX);
    timer_init(&c->tick, t->loop, on_tick, c);
    timer_init(&c->hang_up, t->loop, on_hang_up, c);
    timer_init(&c->later, t->loop, recording_is_ready, c);
    timer_init(&c->limit, t->loop, on_limit, c);
    timer_init(&c->update, t->loop, on_update, c);
    timer_init(&c->verb_timer, t->loop, NULL, c);
    timer_init(&c->dial.timer, t->loop, NULL, c);
    timer_init(&c->dial.limit, t->loop, NULL, c);
    list_push_back(&t->live, &c->node);
    t->n_live++;
    map_put(t->calls, str_c(c->sid), c);
    return c;
}

void call_free(struct phone_call *c)
{
    timer_stop(&c->tick);
    timer_stop(&c->hang_up);
    timer_stop(&c->later);
    timer_stop(&c->limit);
    timer_stop(&c->update);
    timer_stop(&c->verb_timer);
    timer_stop(&c->dial.timer);
    timer_stop(&c->dial.limit);
    list_remove(&c->node);
    map_remove(c->t->calls, str_c(c->sid));
    c->stream = media_leg_stop(c->stream);
    arena_release(&c->keep);
    mem_free(c->update_url);
    mem_free(c->update_twiml);
    buf_release(&c->play);
    arena_release(&c->document);
    mem_free(c);
}

static void begin(void *arg)
{
    struct phone_call *c = arg;

    if (strcmp(c->direction, "inbound") == 0) {
        c->status = CALL_RINGING;
        call_event(c, "ringing", STR_EMPTY);
        call_fetch(c, str_c(c->voice_url), c->voice_get, NULL);
        return;
    }
    call_notify_status(c, &c->callback, CALL_QUEUED);
    c->status = CALL_RINGING;
    call_event(c, "ringing", STR_EMPTY);
    call_notify_status(c, &c->callback, CALL_RINGING);
    c->verb_timer.fn = on_answers;
    timer_start(&c->verb_timer, API_CALL_ANSWER_MS);
}

void call_begin(struct phone_call *c)
{
    c->verb_timer.fn = begin;
    timer_start(&c->verb_timer, 0);
}

void call_answer(struct phone_call *c)
{
    if (c->answered_ms)
        return;
    c->status = CALL_IN_PROGRESS;
    c->answered_ms = loop_now_ms(c->t->loop);
    c->answered_s = clock_wall_s(c->t->clock);
    timer_start_at(&c->tick, c->answered_ms + PHONE_FRAME_MS);
    call_event(c, "answered", STR_EMPTY);
    if (strcmp(c->direction, "inbound") != 0)
        call_notify_status(c, &c->callback, CALL_IN_PROGRESS);
    call_limit(c, c->limit_s);
    c->caller->on_answered(c->caller_arg);
}

void call_limit(struct phone_call *c, int64_t limit_s)
{
    c->limit_s = limit_s;
    timer_stop(&c->limit);
    if (limit_s && c->answered_ms)
        timer_start_at(&c->limit, MAX(c->answered_ms + limit_s * 1000, loop_now_ms(c->t->loop)));
}

int64_t call_duration_s(const struct phone_call *c)
{
    int64_t until = c->ended_ms ? c->ended_ms : loop_now_ms(c->t->loop);

    return c->answered_ms ? (until - c->answered_ms + 999) / 1000 : 0;
}

/* Its memory goes when its last request has come back, as that of others. */
void call_forget(struct phone_call *c)
{
    c->forgotten = true;
    map_remove(c->t->calls, str_c(c->sid));
}

/* The oldest that nothing waits for makes room. */
static void forget_oldest(struct telephony *t)
{
    struct list_node *n, *tmp;

    LIST_EACH (&t->over, n, tmp) {
        struct phone_call *c = CONTAINER_OF(n, struct phone_call, node);

        if (t->n_over <= CALLS_KEPT_MAX)
            return;
        if (c->pending || timer_running(&c->later))
            continue;
        call_free(c);
        t->n_over--;
    }
}

void call_end(struct phone_call *c, enum call_status status, const char *reason)
{
    struct telephony *t = c->t;

    if (c->over)
        return;
    c->over = true;
    c->status = status;
    c->ended_s = clock_wall_s(t->clock);
    c->ended_ms = loop_now_ms(t->loop);
    timer_stop(&c->tick);
    timer_stop(&c->limit);
    timer_stop(&c->hang_up);
    timer_stop(&c->update);
    call_interrupt(c);
    call_record_stop(c);
    call_notify_status(c, &c->callback, status);
    list_remove(&c->node);
    t->n_live--;
    list_push_back(&t->over, &c->node);
    t->n_over++;
    call_event(c, "ended", str_c(reason));
    c->on_event = NULL;
    c->caller->on_ended(c->caller_arg, reason);
    c->caller = &call_silent_party;
    forget_oldest(t); /* the one that has just ended is the newest */
}
