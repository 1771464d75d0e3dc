/* An engine's session has a limit (OpenAI: 60 minutes). Before it is reached the next session is made ready beside it,
 * and takes over in a moment in which nothing is said, done or owed: the caller notices nothing. */
#include "media_bridge/call_internal.h"
#include "net/ctx.h"

enum {
    LOOK_MS = 100,     /* between two looks for the moment */
    QUIET_LOOKS = 5,   /* in a row without a sound */
    FORCED_MS = 30000, /* before the limit: any end of a sentence will do, tools may run, */
    LAST_MS = 10000,   /* and then also words that are here and still being heard */
    RETRY_MS = 1000,   /* after a session that was not to be had; doubling */
    RETRY_DOUBLINGS = 4,
    LIFE_MIN_S = 10, /* a shorter life is a matter of clocks that differ */
};

#define ROLLED_NOTE                                                                            \
    "This is the conversation so far, taken over from an earlier session. Go on where it is, " \
    "without a word about it. Do not greet the caller again, and do not repeat what a tool "   \
    "has done already."

static void look_again(struct call *c)
{
    timer_start(&c->rollover.timer, LOOK_MS);
}

static void plan(struct call *c, int64_t ends_ms)
{
    int64_t life_ms = MAX(ends_ms - loop_now_ms(c->loop), 0);
    int64_t margin_ms = MIN(c->bridge->settings->session_margin_s * 1000, life_ms / 2);

    c->rollover.ends_ms = ends_ms;
    c->rollover.forced_ms = ends_ms - MIN((int64_t)FORCED_MS, margin_ms / 2);
    c->rollover.last_ms = ends_ms - MIN((int64_t)LAST_MS, margin_ms / 4);
    c->rollover.tries = c->rollover.quiet = 0;
    timer_start(&c->rollover.timer, life_ms - margin_ms);
}

static int64_t ends_ms(const struct call *c, int64_t expires_at_s)
{
    int64_t life_s = expires_at_s - clock_wall_s(c->bridge->service->clock);

    if (expires_at_s == 0 || life_s < LIFE_MIN_S)
        life_s = c->bridge->settings->session_max_s;
    return loop_now_ms(c->loop) + life_s * 1000;
}

void call_rollover_plan(struct call *c, int64_t expires_at_s)
{
    plan(c, ends_ms(c, expires_at_s));
}

static void close_next(struct call *c)
{
    c->rollover.ready = false;
    if (c->rollover.next)
        c->rollover.next = c->ops->close(c->rollover.next);
}

void call_rollover_drop(struct call *c)
{
    timer_stop(&c->rollover.timer);
    close_next(c);
}

/* ---- the next session ---- */

static void failed(struct call *c, const struct err *err, bool permanent)
{
    int tries = MIN(c->rollover.tries, RETRY_DOUBLINGS);

    log_warn(&c->log, "next voice session not made permanent=%d left_ms=%lld error=\"%s\"",
             permanent, (long long)(c->rollover.ends_ms - loop_now_ms(c->loop)), err->text);
    close_next(c);
    c->rollover.tries++;
    if (permanent)
        timer_stop(&c->rollover.timer); /* the one there is goes on to its limit */
    else
        timer_start(&c->rollover.timer, jitter_ms((int64_t)RETRY_MS << tries));
}

static void on_connected(void *arg, struct str session_id, int64_t expires_at_s)
{
    struct call *c = arg;

    c->rollover.next_ends_ms = ends_ms(c, expires_at_s);
    log_info(&c->log, "next voice session connected session_id=" STR_FMT, STR_ARG(session_id));
}

static void on_ready(void *arg)
{
    struct call *c = arg;

    c->rollover.ready = true;
}

static void on_error(void *arg, const struct voice_error *e)
{
    struct call *c = arg;

    log_warn(&c->log, "next voice session: code=" STR_FMT, STR_ARG(e->code));
}

static void on_closed(void *arg, const struct err *err, bool permanent)
{
    failed(arg, err, permanent);
}

static void make_next(struct call *c)
{
    int64_t wait_us = attempts_take(&c->bridge->attempts, call_now_us(c));
    struct err err = ERR_INIT;
    enum errc rc;

    if (wait_us) {
        timer_start(&c->rollover.timer, jitter_ms(wait_us / 1000 + LOOK_MS));
        return;
    }
    look_again(c);
    c->rollover.events = call_engine_events; /* nothing else comes of one that was given nothing */
    c->rollover.events.on_connected = on_connected;
    c->rollover.events.on_ready = on_ready;
    c->rollover.events.on_error = on_error;
    c->rollover.events.on_closed = on_closed;
    c->engine_connects++;
    rc = call_engine_open(c, &c->rollover.next, &c->rollover.events, &err);
    if (!rc)
        rc = call_engine_setup(c, c->rollover.next, &err);
    if (rc)
        failed(c, &err, rc == ERR_INVALID);
}

/* ---- the moment ---- */

/* And all that was said is known. */
static bool caller_is_silent(const struct call *c)
{
    return !c->caller_speaks && !vad_now(c->vad)->speech && !journal_waits(c->journal);
}

static bool is_quiet(const struct call *c)
{
    return !turn_busy(c->turn) && tools_pending(c->tools) == 0 &&
           !caller_audio_untold(&c->caller_audio);
}

static bool is_moment(struct call *c)
{
    enum turn_state turn = turn_state(c->turn);
    int64_t now_ms = loop_now_ms(c->loop);

    if (!caller_is_silent(c)) {
        c->rollover.quiet = 0;
        return false;
    }
    c->rollover.quiet = is_quiet(c) ? c->rollover.quiet + 1 : 0;
    if (c->rollover.quiet >= QUIET_LOOKS)
        return true;
    if (now_ms >= c->rollover.forced_ms && turn == TURN_LISTENING)
        return true;
    return now_ms >= c->rollover.last_ms && turn == TURN_FINISHING;
}

/* Each frame of the caller's goes to one of the two: what the old one could not send yet, to the new one. */
static void take_over(struct call *c)
{
    struct voice_engine *old = c->engine;

    c->engine = c->rollover.next;
    c->rollover.next = NULL;
    c->rollover.ready = false;
    c->ops->attach(c->engine, &call_engine_events, c);
    call_engine_recall(c, ROLLED_NOTE);
    c->counters.audio_dropped_ms += c->ops->audio_dropped_ms(old);
    c->counters.responses_unmetered +=
        c->response_runs; /* one that was cancelled and did not end */
    c->response_runs = false;
    c->audio_given_ms = 0;
    c->ops->hand_over(old, c->engine);
    c->ops->close(old);
    log_info(&c->log, "voice session rolled over items=%d left_ms=%lld", c->recalled,
             (long long)(c->rollover.ends_ms - loop_now_ms(c->loop)));
    plan(c, c->rollover.next_ends_ms);
    call_pump(c);
}

static void on_timer(void *arg)
{
    struct call *c = arg;

    if (c->state > CALL_TALKING)
        return;
    if (c->state == CALL_TALKING && c->engine_ready && !c->farewell.armed && !c->moving) {
        if (!c->rollover.next) {
            make_next(c);
            return;
        }
        if (c->rollover.ready && is_moment(c)) {
            take_over(c);
            return;
        }
    }
    look_again(c);
}

void call_rollover_init_timer(struct call *c)
{
    timer_init(&c->rollover.timer, c->loop, on_timer, c);
}
