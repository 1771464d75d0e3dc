#include "post_call/post_call.h"

#include <pthread.h>

#include "base/crypto.h"
#include "base/map.h"
#include "base/mem.h"
#include "concierge/cost.h"
#include "google/storage.h"
#include "post_call/download.h"
#include "post_call/recording.h"
#include "post_call/transcript.h"
#include "twilio/rest.h"

struct post_call {
    struct post_call_opts o;
    struct google *google;
    pthread_mutex_t lock; /* `in_hand` */
    struct map *in_hand;  /* recordings being worked on in this process, by SID */
};

/* One event on its way. */
struct run {
    struct post_call *app;
    const struct post_call_settings *set;
    struct ctx *ctx;
    struct str call_sid, recording_sid;
    int64_t event_us, start_us;
    bool start_known;                    /* else start_us is the event's own time */
    struct str audio, transcript, parts; /* object names */
};

enum errc post_call_create(struct post_call **ret, const struct post_call_opts *o, struct err *err)
{
    struct post_call *p = MEM_NEW(struct post_call);
    enum errc rc;

    p->o = *o;
    rc = google_create(&p->google, o->settings->service.project, &o->settings->google, o->clock,
                       err);
    if (rc) {
        mem_free(p);
        return rc;
    }
    pthread_mutex_init(&p->lock, NULL);
    p->in_hand = map_create();
    *ret = p;
    return ERR_OK;
}

struct post_call *post_call_destroy(struct post_call *p)
{
    if (!p)
        return NULL;
    p->in_hand = map_destroy(p->in_hand);
    pthread_mutex_destroy(&p->lock);
    p->google = google_destroy(p->google);
    mem_free(p);
    return NULL;
}

struct str post_call_object(struct arena *a, int64_t start_us, struct str call_sid,
                            struct str recording_sid, const char *suffix)
{
    char day[TIME_TEXT_MAX]; /* "2026-11-24T…" */

    time_rfc3339_s(day, start_us / 1000000);
    return arena_printf(a, "recordings/%.4s/%.2s/%.2s/" STR_FMT "/" STR_FMT "%s", day, day + 5,
                        day + 8, STR_ARG(call_sid), STR_ARG(recording_sid), suffix);
}

/* --- events ---------------------------------------------------------------------------------------- */

static struct event_head head_of(const struct run *r, enum event_type type, const char *what,
                                 int64_t time_us)
{
    return (struct event_head){
        .type = type,
        .call_sid = r->call_sid,
        .source = STR("post-call"),
        .seq = arena_printf(r->ctx->arena, "%s-" STR_FMT, what, STR_ARG(r->recording_sid)),
        .time_us = time_us,
    };
}

static enum errc publish(struct run *r, const struct event_head *h, struct jw *w, struct err *err)
{
    struct str text = event_end(w, r->ctx->arena);

    return event_publish(r->ctx, r->app->google, r->set->events_topic, h, text, err);
}

/* As Google writes it: big-endian, base64. */
static struct str crc_text(struct arena *a, uint32_t crc)
{
    const uint8_t bytes[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16 & 0xff),
                               (uint8_t)(crc >> 8 & 0xff), (uint8_t)(crc & 0xff) };

    return base64_text(a, str_n(bytes, sizeof(bytes)));
}

static enum errc publish_stored(struct run *r, const struct storage_object *o,
                                const struct recording *rec, struct err *err)
{
    struct event_head h =
        head_of(r, EVENT_RECORDING_STORED, "stored", o->created_us ? o->created_us : r->event_us);
    struct jw w;

    event_begin(&w, &h);
    jw_cstr(&w, "status", "stored");
    jw_str(&w, "recordingSid", r->recording_sid);
    jw_str(&w, "bucket", r->set->recordings_bucket);
    jw_str(&w, "object", r->audio);
    jw_i64(&w, "bytes", o->size);
    jw_i64(&w, "durationMs", rec->format.hz ? recording_ms(rec, rec->frames) : 0);
    jw_i64(&w, "channels", rec->format.channels);
    if (r->start_known) {
        char text[TIME_TEXT_MAX];

        time_rfc3339(text, r->start_us);
        jw_cstr(&w, "startTime", text);
    }
    if (o->has_crc32c)
        jw_str(&w, "crc32c", crc_text(r->ctx->arena, o->crc32c));
    return publish(r, &h, &w, err);
}

/* There is no recording and there will be none: the record says so. */
static enum errc publish_absent(struct run *r, struct str status, struct err *err)
{
    struct event_head h = head_of(r, EVENT_RECORDING_STORED, "stored", r->event_us);
    struct jw w;

    log_warn(&r->ctx->log, "no recording recording_sid=" STR_FMT " status=" STR_FMT,
             STR_ARG(r->recording_sid), STR_ARG(status));
    event_begin(&w, &h);
    jw_str(&w, "status", status);
    jw_str(&w, "recordingSid", r->recording_sid);
    jw_i64(&w, "bytes", 0);
    jw_i64(&w, "durationMs", 0);
    jw_i64(&w, "channels", 0);
    return publish(r, &h, &w, err);
}

static enum errc publish_ready(struct run *r, const struct transcript_summary *s, struct err *err)
{
    struct event_head h = head_of(r, EVENT_TRANSCRIPT_READY, "transcript",
                                  s->created_us ? s->created_us : r->event_us);
    struct jw w;

    event_begin(&w, &h);
    jw_str(&w, "recordingSid", r->recording_sid);
    jw_str(&w, "bucket", r->set->recordings_bucket);
    jw_str(&w, "object", r->transcript);
    jw_i64(&w, "segments", s->segments);
    jw_str(&w, "model", s->model);
    if (s->cost_micro_usd >= 0)
        jw_i64(&w, "costMicroUsd", s->cost_micro_usd);
    return publish(r, &h, &w, err);
}

/* --- steps ----------------------------------------------------------------------------------------- */

static bool status_is_final(struct str status)
{
    return str_eq_c(status, "absent") || str_eq_c(status, "failed") || str_eq_c(status, "deleted");
}

/* Twilio does not give the recording. *status: why it never will; empty: it may, later. */
static enum errc ask_why(struct run *r, struct str *status, struct err *err)
{
    int64_t age_s = clock_wall_s(r->ctx->clock) - r->event_us / 1000000;
    struct twilio_recording info;
    enum errc rc;

    *status = STR_EMPTY;
    rc = twilio_recording_get(&r->set->twilio, r->ctx, r->recording_sid, &info, err);
    if (rc == ERR_NOT_FOUND && age_s > POST_CALL_GRACE_S) {
        *status = STR("absent");
        return ERR_OK;
    }
    if (!rc && status_is_final(info.status))
        *status = info.status;
    return rc;
}

/* The object is there afterwards, unless *absent says why not. */
static enum errc store(struct run *r, struct storage_object *ret, struct str *absent,
                       struct err *err)
{
    const struct download d = {
        .google = r->app->google,
        .twilio = &r->set->twilio,
        .tls = r->app->o.tls,
        .call_sid = r->call_sid,
        .recording_sid = r->recording_sid,
        .bucket = r->set->recordings_bucket,
        .object = r->audio,
    };
    struct err why = ERR_INIT;
    enum errc rc;

    rc = storage_stat(r->app->google, r->ctx, d.bucket, d.object, ret, err);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = download_recording(&d, r->ctx, ret, err);
    if (rc == ERR_CONFLICT) /* another attempt came first */
        return storage_stat(r->app->google, r->ctx, d.bucket, d.object, ret, err);
    if (rc != ERR_NOT_FOUND && rc != ERR_INVALID)
        return rc;
    if (ask_why(r, absent, &why) || !absent->n)
        return err_wrap(err, ERR_AGAIN, "not to be had yet");
    return ERR_OK;
}

static enum errc transcribe_recording(struct run *r, const struct recording *rec,
                                      struct transcript_summary *ret, struct err *err)
{
    const struct transcript_job job = {
        .google = r->app->google,
        .prices = r->app->o.prices,
        .transcribe = &r->set->transcribe,
        .recording = rec,
        .call_sid = r->call_sid,
        .recording_sid = r->recording_sid,
        .object = r->transcript,
        .parts = r->parts,
    };
    struct storage_object o;
    enum errc rc;

    rc = storage_stat(r->app->google, r->ctx, rec->bucket, r->transcript, &o, err);
    if (!rc)
        *ret = transcript_summary_read(&o);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = transcript_make(&job, r->ctx, ret, err);
    return rc == ERR_INVALID ? ERR_UPSTREAM
                             : rc; /* a setting may be wrong: not this event's fault */
}

static enum errc steps(struct run *r, struct str status, struct err *err)
{
    struct storage_object o = { .size = 0 };
    struct transcript_summary summary;
    struct recording rec = { .bytes = 0 };
    enum errc rc, readable;
    struct err why = ERR_INIT;

    if (!status_is_final(status)) {
        status = STR_EMPTY;
        rc = store(r, &o, &status, err);
        if (rc)
            return rc;
    }
    if (status.n)
        return publish_absent(r, status, err);
    readable =
        recording_open(&rec, r->ctx, r->app->google, r->set->recordings_bucket, r->audio, &why);
    if (readable && readable != ERR_INVALID && readable != ERR_UNSUPPORTED) {
        if (err)
            *err = why;
        return readable;
    }
    rc = publish_stored(r, &o, &rec, err); /* kept, even when it cannot be read here */
    if (rc)
        return rc;
    log_info(&r->ctx->log,
             "recording stored recording_sid=" STR_FMT " bytes=%lld channels=%d ms=%lld",
             STR_ARG(r->recording_sid), (long long)o.size, rec.format.channels,
             (long long)(readable ? 0 : recording_ms(&rec, rec.frames)));
    if (readable) {
        if (err)
            *err = why;
        return readable;
    }
    rc = transcribe_recording(r, &rec, &summary, err);
    if (!rc)
        rc = publish_ready(r, &summary, err);
    if (!rc)
        log_info(&r->ctx->log,
                 "transcript ready recording_sid=" STR_FMT " segments=%lld cost_micro_usd=%lld",
                 STR_ARG(r->recording_sid), (long long)summary.segments,
                 (long long)summary.cost_micro_usd);
    return rc;
}

/* --- the event ------------------------------------------------------------------------------------- */

static bool take_in_hand(struct post_call *p, struct str recording_sid)
{
    bool mine;

    pthread_mutex_lock(&p->lock);
    mine = !map_get(p->in_hand, recording_sid);
    if (mine)
        map_put(p->in_hand, recording_sid, p);
    pthread_mutex_unlock(&p->lock);
    return mine;
}

static void let_go(struct post_call *p, struct str recording_sid)
{
    pthread_mutex_lock(&p->lock);
    map_remove(p->in_hand, recording_sid);
    pthread_mutex_unlock(&p->lock);
}

/* As Twilio writes times, or as we do. */
static bool start_time(const struct event *ev, int64_t *ret_us)
{
    struct str text = json_str(json_get(ev->data, "startTime"));
    int64_t v;

    if (time_parse_rfc2822(text, &v) == ERR_OK)
        *ret_us = v * 1000000;
    else if (time_parse_rfc3339(text, ret_us))
        return false;
    return true;
}

enum errc post_call_run(struct post_call *p, struct ctx *ctx, const struct event *ev,
                        struct err *err)
{
    struct run r = {
        .app = p,
        .set = p->o.settings,
        .ctx = ctx,
        .call_sid = ev->subject,
        .recording_sid = json_str(json_get(ev->data, "recordingSid")),
        .event_us = ev->time_us,
        .start_us = ev->time_us, /* the same for every delivery of the event */
    };
    enum errc rc;

    if (!twilio_sid_valid(r.call_sid, "CA") || !twilio_sid_valid(r.recording_sid, "RE"))
        return err_set(err, ERR_INVALID, "event without call SID and recording SID");
    r.start_known = start_time(ev, &r.start_us);
    r.audio = post_call_object(ctx->arena, r.start_us, r.call_sid, r.recording_sid, ".wav");
    r.transcript =
        post_call_object(ctx->arena, r.start_us, r.call_sid, r.recording_sid, ".transcript.json");
    r.parts = post_call_object(ctx->arena, r.start_us, r.call_sid, r.recording_sid, ".parts/");
    if (!take_in_hand(p, r.recording_sid))
        return err_set(err, ERR_AGAIN, "an earlier delivery is still being worked on");
    rc = steps(&r, json_str(json_get(ev->data, "status")), err);
    let_go(p, r.recording_sid);
    return rc;
}
