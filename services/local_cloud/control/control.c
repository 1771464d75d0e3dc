#include "local_cloud/control/control.h"

#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "concierge/event.h"
#include "google/google.h"
#include "google/pubsub.h"
#include "local_cloud/control/caller.h"
#include "local_cloud/control/scenario.h"
#include "local_cloud/control/services.h"
#include "local_cloud/control/watch.h"
#include "local_cloud/control/world.h"
#include "local_cloud/engine/engine.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/settings.h"
#include "local_cloud/twilio/telephony.h"

enum {
    EVENTS_SEEN_MAX = 2048,
    DIALED_MAX = 16,
    AFTER_CALL_MS = 90000, /* for recording and transcript to be there */
    WRITTEN_MS = 5000,     /* then for the record to show it: its writer gets the events as we do */
    WRITTEN_POLL_MS = 50,
};

/* A call that a scenario's caller makes. The request's worker owns it and stays until the caller has
 * hung up; the loop thread runs the caller. */
struct run {
    struct list_node node; /* control.runs; loop thread only */
    struct control *control;
    const struct scenario *scenario;
    const struct str *speech;
    struct script_caller *caller;
    struct phone_call *call;
    struct watch *watch;
};

struct control {
    struct local_cloud *lc;
    struct google *google;
    struct google_settings google_settings;
    const struct profile *profile;
    struct watches *watches;
    struct list runs;
    struct services *services;
};

/* ---- the caller's side, on the loop ---- */

static void on_caller_says(void *arg, struct str text, bool interrupting)
{
    struct run *run = arg;
    struct arena a = ARENA_INIT;
    struct jw w;

    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "kind", "says");
    jw_str(&w, "text", text);
    jw_bool(&w, "interrupting", interrupting);
    jw_end(&w);
    watch_put(run->watch, jw_finish(&w, &a));
    arena_release(&a);
}

static void on_caller_ended(void *arg, const char *reason)
{
    struct run *run = arg;

    list_remove(&run->node);
    run->call = NULL;
    run->caller = script_caller_destroy(run->caller);
    watch_tell(run->watch, "ended", "detail", str_c(reason)); /* the worker may go from here on */
}

void control_on_phone_event(void *arg, struct phone_call *c, const char *kind, struct str detail)
{
    struct control *control = arg;

    if (strcmp(kind, "ended") != 0) /* the caller's side tells when it has ended too */
        watches_tell(control->watches, phone_call_sid(c), kind, detail);
}

static void place(void *arg)
{
    static const struct script_caller_events events = { on_caller_says, on_caller_ended };
    struct run *run = arg;
    const struct scenario *s = run->scenario;
    struct phone_call_opts o = { .from = s->from,
                                 .to = s->to,
                                 .caller = &script_caller_ops,
                                 .noise_db = s->noise_db,
                                 .loss = s->loss,
                                 .on_event = control_on_phone_event,
                                 .event_arg = run->control };
    struct phone_dial dial[DIALED_MAX];
    struct err err = ERR_INIT;
    size_t i;

    for (i = 0; i < MIN(s->n_dial, ARRAY_LEN(dial)); i++) {
        dial[i].number = s->dial[i].number;
        dial[i].outcome = str_eq_c(s->dial[i].outcome, "answers")  ? DIAL_ANSWERS
                          : str_eq_c(s->dial[i].outcome, "busy")   ? DIAL_BUSY
                          : str_eq_c(s->dial[i].outcome, "failed") ? DIAL_FAILED
                                                                   : DIAL_NO_ANSWER;
    }
    o.dial = dial;
    o.n_dial = i;
    run->caller = script_caller_create(s, run->speech, &events, run);
    o.caller_arg = run->caller;
    if (telephony_place(run->control->lc->telephony, &o, &run->call, &err)) {
        run->caller = script_caller_destroy(run->caller);
        watch_tell(run->watch, "failed", "detail", str_c(err.text));
        return;
    }
    script_caller_set_call(run->caller, run->call);
    list_push_back(&run->control->runs, &run->node);
    watch_set_call(run->watch, phone_call_sid(run->call));
    watch_tell(run->watch, "placed", "callSid", phone_call_sid(run->call));
}

static void hang_up(void *arg)
{
    struct run *run = arg;

    if (run->call)
        telephony_hang_up(run->call);
}

/* ---- events pushed to us ---- */

struct said {
    struct control *control;
    char *call_sid, *text;
};

static void agent_said(void *arg)
{
    struct said *said = arg;
    struct list_node *n, *tmp;

    LIST_EACH (&said->control->runs, n, tmp) {
        struct run *run = CONTAINER_OF(n, struct run, node);

        if (str_eq_c(phone_call_sid(run->call), said->call_sid))
            script_caller_agent_said(run->caller, str_c(said->text));
    }
    mem_free(said->call_sid);
    mem_free(said->text);
    mem_free(said);
}

static void tell_caller(struct control *c, const struct event *e)
{
    struct said *said;

    if (e->type != EVENT_CALL_TURN || !str_eq_c(json_str(json_get(e->data, "role")), "agent"))
        return;
    said = MEM_NEW(struct said);
    said->control = c;
    said->call_sid = mem_str_dup(e->subject);
    said->text = mem_str_dup(json_str(json_get(e->data, "text")));
    loop_post(c->lc->service->loop, agent_said, said);
}

static void on_push(void *app, struct http_req *r)
{
    struct control *c = ((struct local_cloud *)app)->control;
    struct arena *a = r->ctx->arena;
    struct pubsub_push push;
    struct event event;
    struct err err = ERR_INIT;

    if (pubsub_push_decode(&push, a, r->body, &err) || event_parse(&event, a, push.data, &err)) {
        http_reply_error(r, 400, "%s", err.text);
        return;
    }
    watches_put(c->watches, event.subject,
                arena_printf(a, "{\"kind\":\"event\",\"event\":" STR_FMT "}", STR_ARG(push.data)));
    tell_caller(c, &event);
    http_reply_empty(r, 204);
}

/* ---- one call on request ---- */

struct call_log { /* what the request's worker has seen */
    struct ctx *ctx;
    const struct jval *events[EVENTS_SEEN_MAX];
    size_t n_events;
    struct str dialed[DIALED_MAX];
    size_t n_dialed;
    struct str call_sid;
    bool ended, failed, call_ended, transcript;
};

static void note_event(struct call_log *log, const struct jval *event)
{
    struct str id = json_str(json_get(event, "id")), type = json_str(json_get(event, "type"));
    size_t i;

    for (i = 0; i < log->n_events; i++) {
        if (str_eq(json_str(json_get(log->events[i], "id")), id))
            return;
    }
    if (log->n_events < EVENTS_SEEN_MAX)
        log->events[log->n_events++] = event;
    log->call_ended |= str_eq_c(type, "call.ended");
    log->transcript |= str_eq_c(type, "transcript.ready");
}

static void note_line(struct call_log *log, struct str line)
{
    const struct jval *v;
    struct str kind, detail;

    if (json_parse_arena(&v, log->ctx->arena, line, NULL))
        return;
    kind = json_str(json_get(v, "kind"));
    detail = json_str(json_get(v, "detail"));
    if (str_eq_c(kind, "event"))
        note_event(log, json_get(v, "event"));
    else if (str_eq_c(kind, "placed"))
        log->call_sid = json_str(json_get(v, "callSid"));
    else if (str_eq_c(kind, "dialed") && log->n_dialed < DIALED_MAX)
        str_cut(detail, ' ', &log->dialed[log->n_dialed++], &detail);
    log->ended |= str_eq_c(kind, "ended");
    log->failed |= str_eq_c(kind, "failed");
}

/* Passes lines on until done(log), at most `limit_ms`. ERR_CLOSED: the follower has gone. */
static enum errc follow(struct http_req *r, struct run *run, struct call_log *log,
                        bool (*done)(const struct call_log *log), int64_t limit_ms)
{
    int64_t until = clock_mono_ms(r->ctx->clock) + limit_ms;
    struct buf line = BUF_INIT(2 * MIB);
    enum errc rc = ERR_OK;

    while (!rc && !done(log) && clock_mono_ms(r->ctx->clock) < until) {
        buf_reset(&line);
        if (!watch_take(run->watch, &line, 250))
            continue;
        note_line(log, buf_str(&line));
        buf_add_char(&line, '\n');
        rc = http_reply_write(r, line.p, line.n);
    }
    buf_release(&line);
    return rc;
}

static bool is_over(const struct call_log *log)
{
    return log->ended || log->failed;
}

static bool is_on_record(const struct call_log *log)
{
    return log->failed || (log->call_ended && log->transcript);
}

/* Waits until the record has what the events said; what it then lacks is for the judge to say. */
static void wait_written(struct http_req *r, struct control *c, struct run *run,
                         struct call_log *log)
{
    int64_t until = clock_mono_ms(r->ctx->clock) + WRITTEN_MS;
    struct buf line = BUF_INIT(2 * MIB);

    while (!world_written(r->ctx, c->google, log->call_sid) &&
           clock_mono_ms(r->ctx->clock) < until) {
        if (watch_take(run->watch, &line, WRITTEN_POLL_MS))
            note_line(log, buf_str(&line));
        buf_reset(&line);
    }
    buf_release(&line);
}

static struct str verdict(struct http_req *r, struct control *c, struct run *run,
                          struct call_log *log)
{
    struct world_seen seen = { log->events, log->n_events, log->dialed, log->n_dialed };
    struct buf findings = BUF_INIT(64 * KIB);
    const struct jval *record_val = NULL;
    struct str record = STR("null"), rest, line, ret;
    struct err err = ERR_INIT;
    struct jw w;

    if (log->failed)
        buf_add_c(&findings, "the call could not be placed\n");
    else if (!is_on_record(log))
        buf_addf(&findings, "after %d s the record is not complete: %s%s\n", AFTER_CALL_MS / 1000,
                 log->call_ended ? "" : "no call.ended ",
                 log->transcript ? "" : "no transcript.ready");
    if (!log->failed && (world_record(r->ctx, c->google, log->call_sid, &record, &err) ||
                         world_judge(r->ctx, c->google, c->profile, run->scenario, log->call_sid,
                                     &seen, &findings, &err)))
        buf_addf(&findings, "%s\n", err.text);
    if (json_parse_arena(&record_val, r->ctx->arena, record, NULL))
        record_val = NULL;
    jw_init(&w);
    jw_obj(&w, NULL);
    jw_cstr(&w, "kind", "record");
    jw_val(&w, "record", record_val);
    jw_bool(&w, "passed", findings.n == 0);
    jw_arr(&w, "findings");
    rest = buf_str(&findings);
    while (str_cut(rest, '\n', &line, &rest))
        jw_str(&w, NULL, line);
    jw_end(&w);
    jw_end(&w);
    buf_release(&findings);
    ret = jw_finish(&w, r->ctx->arena);
    return arena_printf(r->ctx->arena, STR_FMT "\n", STR_ARG(ret));
}

static void run_call(struct http_req *r, struct control *c, struct run *run)
{
    struct call_log *log = ARENA_NEW(r->ctx->arena, struct call_log);
    struct loop *loop = c->lc->service->loop;
    struct str last;
    enum errc rc;

    log->ctx = r->ctx;
    rc = http_reply_begin(r, 200, "application/x-ndjson", -1);
    loop_post(loop, place, run);
    if (!rc)
        rc = follow(r, run, log, is_over, (int64_t)SCENARIO_CALL_MAX_S * 1000);
    while (!is_over(log)) { /* too long, or nobody follows: the caller hangs up */
        struct buf line = BUF_INIT(2 * MIB);

        loop_post(loop, hang_up, run);
        if (watch_take(run->watch, &line, 1000))
            note_line(log, buf_str(&line));
        buf_release(&line);
    }
    if (!rc)
        rc = follow(r, run, log, is_on_record, AFTER_CALL_MS);
    if (rc)
        return;
    if (!log->failed)
        wait_written(r, c, run, log);
    last = verdict(r, c, run, log);
    if (!http_reply_write(r, last.p, last.n))
        http_reply_end(r);
}

static void on_call(void *app, struct http_req *r)
{
    struct control *c = ((struct local_cloud *)app)->control;
    const struct local_settings *settings = local_settings_of(c->lc->service);
    struct arena *a = r->ctx->arena;
    struct scenario *s = ARENA_NEW(a, struct scenario);
    struct run *run = ARENA_NEW(a, struct run);
    const struct jval *body;
    struct err err = ERR_INIT;
    enum errc rc;

    rc = json_parse_arena(&body, a, r->body, &err);
    if (!rc && json_get(body, "yaml"))
        rc = scenario_parse(s, a, json_str(json_get(body, "yaml")), &err);
    else if (!rc)
        rc = scenario_load(s, a, arena_cstr(a, settings->scenarios_dir),
                           json_str_or(json_get(body, "scenario"), STR("B01")), &err);
    if (!rc)
        rc = world_prepare(r->ctx, c->google, c->profile, s, &err);
    if (!rc)
        rc = script_caller_voice(c->lc->engine, a, s, &run->speech, &err);
    if (rc) {
        http_reply_error(r, rc == ERR_NOT_FOUND ? 404 : 400, "%s", err.text);
        return;
    }
    run->control = c;
    run->scenario = s;
    run->watch = watch_open(c->watches);
    run_call(r, c, run);
    watch_close(run->watch);
}

static void on_status(void *app, struct http_req *r)
{
    struct control *c = ((struct local_cloud *)app)->control;

    http_reply_json(r, 200, services_status(c->services, r->ctx->arena));
}

/* ---- life ---- */

static enum errc create(struct local_cloud *lc, struct err *err)
{
    const struct local_settings *settings = local_settings_of(lc->service);
    struct control *c = MEM_NEW(struct control);
    struct arena *a = lc->service->arena;
    enum errc rc;

    c->lc = lc;
    c->watches = watches_create();
    list_init(&c->runs);
    lc->control = c;
    c->google_settings.firestore_emulator_host = c->google_settings.pubsub_emulator_host =
        c->google_settings.metadata_host =
            arena_printf(a, "127.0.0.1:%d", (int)settings->common.port);
    c->google_settings.storage_emulator_host =
        arena_printf(a, "http://127.0.0.1:%d", (int)settings->common.port);
    rc = profile_load(&c->profile, a, arena_cstr(a, settings->profile), err);
    if (!rc)
        rc = google_create(&c->google, STR(LOCAL_PROJECT), &c->google_settings, lc->service->clock,
                           err);
    return rc;
}

static void started(struct local_cloud *lc)
{
    lc->control->services = services_create(lc);
}

static void destroy(struct local_cloud *lc)
{
    struct control *c = lc->control;

    if (!c)
        return;
    c->services = services_destroy(c->services);
    c->watches = watches_destroy(c->watches);
    c->google = google_destroy(c->google);
    mem_free(c);
    lc->control = NULL;
}

struct watches *control_watches(struct control *c)
{
    return c->watches;
}

void control_stop(struct control *c, void (*done)(void *arg), void *arg)
{
    services_stop(c->services, done, arg);
}

static const struct http_route routes[] = {
    { HTTP_GET, "/local/status", 0, NULL, on_status, false },
    { HTTP_POST, "/local/calls", (size_t)SCENARIO_MAX_BYTES * 2, NULL, on_call, false },
    { HTTP_POST, "/local/push", (size_t)EVENT_BYTES_MAX * 2, NULL, on_push, false },
};

const struct local_module control_module = {
    .name = "control",
    .routes = routes,
    .n_routes = ARRAY_LEN(routes),
    .create = create,
    .started = started,
    .destroy = destroy,
};
