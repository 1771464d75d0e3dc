#include "voice/turn_arbiter.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "test.h"
#include "voice/audio_fifo.h"

/* The world around the arbiter: an engine and a listener that write down what they are told. */
struct world {
    struct turn_arbiter *turn;
    struct playout *playout;
    struct pool pool;
    struct buf did;
    int64_t now_us;
    struct str fallback; /* said when a response is given up; empty: nothing */
    int64_t pause_ms, longest_pause_ms;
};

static void do_respond(void *arg, uint32_t tag)
{
    buf_addf(&((struct world *)arg)->did, "respond(%u) ", tag);
}

static void do_say(void *arg, struct str text, uint32_t tag)
{
    buf_addf(&((struct world *)arg)->did, "say(" STR_FMT ",%u) ", STR_ARG(text), tag);
}

static void do_cancel(void *arg, struct str response_id)
{
    buf_addf(&((struct world *)arg)->did, "cancel(" STR_FMT ") ", STR_ARG(response_id));
}

static void do_truncate(void *arg, const struct playout_heard *h)
{
    buf_addf(&((struct world *)arg)->did, "truncate(" STR_FMT ",%lld) ", STR_ARG(h->part.item_id),
             (long long)h->heard_ms);
}

static void on_interrupted(void *arg, const struct playout_heard *heard, size_t n)
{
    (void)heard;
    buf_addf(&((struct world *)arg)->did, "interrupted(%zu) ", n);
}

static void on_listening(void *arg)
{
    buf_add_c(&((struct world *)arg)->did, "listening ");
}

static void on_gave_up(void *arg, bool said, struct str reason)
{
    struct world *w = arg;

    buf_addf(&w->did, "gave_up(%s," STR_FMT ") ", said ? "text" : "answer", STR_ARG(reason));
    if (w->fallback.n && !said)
        turn_say(w->turn, w->fallback, false, w->now_us);
}

static const struct turn_ops world_ops = {
    do_respond, do_say, do_cancel, do_truncate, on_interrupted, on_listening, on_gave_up,
};

static enum errc sink_audio(void *arg, const uint8_t *ulaw, size_t n)
{
    (void)arg, (void)ulaw, (void)n;
    return ERR_OK;
}

static enum errc sink_mark(void *arg, struct str name)
{
    (void)arg, (void)name;
    return ERR_OK;
}

static void sink_clear(void *arg)
{
    buf_add_c(&((struct world *)arg)->did, "clear ");
}

static void sink_started(void *arg, const struct voice_part *part, int64_t now_us)
{
    turn_on_playing(((struct world *)arg)->turn, part->response_id, now_us);
}

static void sink_played(void *arg, const struct playout_heard *h, int64_t now_us)
{
    (void)arg, (void)h, (void)now_us;
}

static void sink_idle(void *arg, int64_t now_us)
{
    turn_on_idle(((struct world *)arg)->turn, now_us);
}

static const struct playout_sink world_sink = {
    sink_audio, sink_mark, sink_clear, sink_started, sink_played, sink_idle,
};

static void world_open(struct world *w)
{
    static const struct log silent;
    static const struct turn_settings defaults;

    *w = (struct world){ .now_us = 1000000 };
    buf_init(&w->did, 64 * KIB);
    audio_pool_init(&w->pool);
    w->playout = playout_create(&world_sink, w, &w->pool, 0);
    w->turn = turn_create(&world_ops, w, w->playout, &defaults, &silent);
}

static void world_close(struct world *w)
{
    turn_destroy(w->turn);
    playout_destroy(w->playout);
    pool_release(&w->pool);
    buf_release(&w->did);
}

/* Time passes; audio without a mark counts as heard PLAYOUT_MARK_LATE_MS after its end. */
static void pass(struct world *w, int64_t ms)
{
    int64_t until = w->now_us + ms * 1000;

    for (; w->now_us < until; w->now_us += 10000) {
        (void)playout_tick(w->playout, w->now_us);
        (void)turn_tick(w->turn, w->now_us);
        w->pause_ms = playout_paused(w->playout) ? w->pause_ms + 10 : 0;
        w->longest_pause_ms = MAX(w->longest_pause_ms, w->pause_ms);
    }
    (void)playout_tick(w->playout, w->now_us);
    (void)turn_tick(w->turn, w->now_us);
}

static void started(struct world *w, const char *id, uint32_t tag)
{
    turn_on_response_started(w->turn, str_c(id), tag, w->now_us);
}

static void ended(struct world *w, const char *id, enum voice_status status)
{
    struct voice_response r = { .id = str_c(id),
                                .status = status,
                                .reason = status == VOICE_FAILED ? STR("server_error") : STR("") };

    turn_on_response_done(w->turn, &r, w->now_us);
}

/* Audio of a response as the bridge passes it on: only when it still counts. */
static void audio(struct world *w, const char *response, const char *item, int ms)
{
    static uint8_t bytes[80000];
    struct voice_part part = { str_c(response), str_c(item), 0 };

    if (!turn_wants(w->turn, part.response_id)) {
        buf_addf(&w->did, "late(%s) ", response);
        return;
    }
    turn_on_progress(w->turn, part.response_id, w->now_us);
    CHECK_OK(playout_add(w->playout, &part, bytes, (size_t)ms * 8));
    (void)playout_tick(w->playout, w->now_us);
}

static void heard_all(struct world *w)
{
    pass(w, playout_queued_ms(w->playout) + 400 + PLAYOUT_MARK_LATE_MS);
}

/* The engine's word alone. */
static void speech(struct world *w)
{
    turn_on_speech_started(w->turn, w->now_us, w->now_us);
    (void)turn_tick(w->turn, w->now_us);
}

static void quiet(struct world *w)
{
    turn_on_speech_stopped(w->turn, w->now_us);
}

static void committed(struct world *w)
{
    (void)turn_on_committed(w->turn, STR("c1"), w->now_us);
}

static void caller_text(struct world *w, const char *text)
{
    (void)turn_on_caller_text(w->turn, STR("c1"), str_c(text), w->now_us);
}

#define CHECK_DID(w, want)                   \
    do {                                     \
        CHECK_STR(buf_str(&(w)->did), want); \
        buf_reset(&(w)->did);                \
    } while (0)
#define CHECK_STATE(w, want) CHECK_STR(str_c(turn_state_name(turn_state((w)->turn))), want)

/* The agent is in the middle of a response r1, item i1, heard for `ms`. */
static void speaking(struct world *w, int ms)
{
    world_open(w);
    turn_respond(w->turn, w->now_us);
    started(w, "r1", 1);
    audio(w, "r1", "i1", 4000);
    pass(w, ms);
    CHECK_STATE(w, "speaking");
    buf_reset(&w->did);
}

TEST(turn_answers_a_callers_turn_once_and_listens_when_all_was_heard)
{
    struct world w;

    world_open(&w);
    speech(&w);
    pass(&w, 800);
    quiet(&w);
    CHECK_DID(&w, "");
    committed(&w);
    CHECK_DID(&w, "respond(1) ");
    started(&w, "r1", 1);
    audio(&w, "r1", "i1", 500);
    CHECK_STATE(&w, "speaking");
    ended(&w, "r1", VOICE_COMPLETED);
    CHECK_STATE(&w, "finishing");
    CHECK_DID(&w, "");
    heard_all(&w);
    CHECK_DID(&w, "listening ");
    CHECK_STATE(&w, "listening");
    world_close(&w);
}

TEST(turn_never_runs_two_responses)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    turn_respond(w.turn, w.now_us);
    turn_respond(w.turn, w.now_us);
    CHECK_DID(&w, "respond(1) ");
    started(&w, "r1", 1);
    turn_respond(w.turn, w.now_us);
    CHECK_DID(&w, "");
    ended(&w, "r1", VOICE_COMPLETED);
    CHECK_DID(&w, "respond(2) "); /* the wishes were one */
    started(&w, "r2", 2);
    ended(&w, "r2", VOICE_COMPLETED);
    CHECK_DID(&w, "listening ");
    world_close(&w);
}

TEST(turn_yields_to_sustained_speech_with_clear_truncate_and_cancel)
{
    struct world w;

    speaking(&w, 1000);
    speech(&w);
    CHECK_STATE(&w, "attentive");
    CHECK_DID(&w, "");
    pass(&w, TURN_SUSTAIN_MS);
    CHECK_DID(&w, "clear ");
    CHECK_STATE(&w, "paused");
    pass(&w, TURN_YIELD_MS - 10);
    CHECK_DID(&w, "");
    pass(&w, 10);
    CHECK_DID(&w, "cancel(r1) truncate(i1,250) interrupted(1) "); /* no mark came back */
    CHECK_STATE(&w, "yielding");
    audio(&w, "r1", "i1", 20);
    CHECK_DID(&w, "late(r1) ");
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, ""); /* not before the cancelled one has ended */
    ended(&w, "r1", VOICE_CANCELLED);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_goes_on_after_a_noise_that_is_too_short)
{
    struct world w;

    speaking(&w, 1000);
    speech(&w);
    pass(&w, TURN_SUSTAIN_MS - 20);
    quiet(&w);
    pass(&w, 500);
    CHECK_STATE(&w, "speaking");
    CHECK_DID(&w, "");
    audio(&w, "r1", "i1", 20);
    CHECK_DID(&w, "");
    world_close(&w);
}

TEST(turn_clears_what_twilio_holds_even_when_the_engine_is_done)
{
    struct world w;

    speaking(&w, 1000);
    ended(&w, "r1", VOICE_COMPLETED);
    speech(&w);
    pass(&w, TURN_SUSTAIN_MS + TURN_YIELD_MS);
    CHECK_DID(&w, "clear truncate(i1,250) interrupted(1) listening ");
    CHECK_STATE(&w, "listening");
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_done_while_attentive_leaves_nothing_to_cancel)
{
    struct world w;

    speaking(&w, 1000);
    speech(&w);
    ended(&w, "r1", VOICE_COMPLETED);
    CHECK_STATE(&w, "attentive");
    pass(&w, TURN_SUSTAIN_MS + TURN_YIELD_MS);
    CHECK_DID(&w, "clear truncate(i1,250) interrupted(1) listening ");
    world_close(&w);
}

TEST(turn_cancels_an_answer_not_yet_heard_when_the_caller_goes_on)
{
    struct world w;

    world_open(&w);
    committed(&w);
    started(&w, "r1", 1);
    buf_reset(&w.did);
    speech(&w);
    pass(&w, TURN_SUSTAIN_MS);
    CHECK_DID(&w, "cancel(r1) "); /* nothing was heard: nothing to clear or truncate */
    ended(&w, "r1", VOICE_CANCELLED);
    CHECK_DID(&w, ""); /* it is still owed */
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, "respond(2) "); /* one answer to both */
    world_close(&w);
}

TEST(turn_cancels_an_answer_that_had_not_started_as_soon_as_it_does)
{
    struct world w;

    world_open(&w);
    committed(&w);
    speech(&w);
    pass(&w, TURN_SUSTAIN_MS);
    CHECK_DID(&w, "respond(1) ");
    CHECK_STATE(&w, "yielding");
    started(&w, "r1", 1);
    CHECK_DID(&w, "cancel(r1) ");
    audio(&w, "r1", "i1", 100);
    CHECK_DID(&w, "late(r1) ");
    ended(&w, "r1", VOICE_CANCELLED);
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_waits_for_the_caller_to_finish_before_it_answers_for_a_tool)
{
    struct world w;

    world_open(&w);
    speech(&w);
    turn_respond(w.turn, w.now_us); /* a tool's result is in */
    pass(&w, 3000);
    quiet(&w);
    CHECK_DID(&w, "");
    committed(&w);
    CHECK_DID(&w, "respond(1) ");
    world_close(&w);
}

TEST(turn_does_not_wait_for_a_turn_that_is_never_reported)
{
    struct world w;

    world_open(&w);
    speech(&w);
    turn_respond(w.turn, w.now_us);
    quiet(&w);
    pass(&w, TURN_COMMIT_MS - 20);
    CHECK_DID(&w, "");
    pass(&w, 20);
    CHECK_DID(&w, "respond(1) ");
    world_close(&w);
}

TEST(turn_asks_for_the_next_text_while_the_first_is_still_heard)
{
    struct world w;

    world_open(&w);
    turn_say(w.turn, STR("This is an AI."), true, w.now_us);
    turn_say(w.turn, STR("How can I help?"), false, w.now_us);
    CHECK_DID(&w, "say(This is an AI.,1) ");
    started(&w, "r1", 1);
    audio(&w, "r1", "i1", 3000);
    ended(&w, "r1", VOICE_COMPLETED);
    CHECK_DID(&w, "say(How can I help?,2) ");
    world_close(&w);
}

TEST(turn_lets_nobody_interrupt_what_must_be_heard)
{
    struct world w;

    world_open(&w);
    turn_say(w.turn, STR("This is an AI."), true, w.now_us);
    speech(&w); /* before it started, while it is made, and while it is heard */
    pass(&w, 1000);
    started(&w, "r1", 1);
    pass(&w, 1000);
    audio(&w, "r1", "i1", 3000);
    pass(&w, 1000);
    ended(&w, "r1", VOICE_COMPLETED);
    pass(&w, 1000);
    CHECK_DID(&w, "say(This is an AI.,1) ");
    CHECK_STATE(&w, "finishing");
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, "respond(2) "); /* what was said meanwhile is answered afterwards */
    world_close(&w);
}

TEST(turn_can_be_interrupted_again_after_what_must_be_heard)
{
    struct world w;

    world_open(&w);
    turn_say(w.turn, STR("This is an AI."), true, w.now_us);
    started(&w, "r1", 1);
    audio(&w, "r1", "i1", 1000);
    ended(&w, "r1", VOICE_COMPLETED);
    turn_say(w.turn, STR("How can I help?"), false, w.now_us);
    started(&w, "r2", 2);
    audio(&w, "r2", "i2", 4000);
    ended(&w, "r2", VOICE_COMPLETED);
    buf_reset(&w.did);
    pass(&w, 500);
    speech(&w);
    pass(&w, 400);
    CHECK_DID(&w, "");
    playout_mark(w.playout, STR("g0.4"), w.now_us); /* i1 was heard to its end */
    pass(&w, 1500);
    CHECK_CONTAINS(buf_str(&w.did), "clear truncate(i2,");
    CHECK_CONTAINS(buf_str(&w.did), "interrupted(1) ");
    world_close(&w);
}

TEST(turn_says_a_waiting_text_before_it_answers)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    turn_respond(w.turn, w.now_us);
    turn_say(w.turn, STR("Still there?"), false, w.now_us);
    buf_reset(&w.did);
    ended(&w, "r1", VOICE_COMPLETED);
    CHECK_DID(&w, "say(Still there?,2) ");
    started(&w, "r2", 2);
    ended(&w, "r2", VOICE_COMPLETED);
    CHECK_DID(&w, "respond(3) ");
    world_close(&w);
}

TEST(turn_tries_a_failed_response_once_more_then_gives_up)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    ended(&w, "r1", VOICE_FAILED);
    CHECK_STATE(&w, "retrying");
    pass(&w, TURN_RETRY_MS - 10);
    CHECK_DID(&w, "respond(1) ");
    pass(&w, 10);
    CHECK_DID(&w, "respond(2) ");
    started(&w, "r2", 2);
    ended(&w, "r2", VOICE_FAILED);
    CHECK_DID(&w, "gave_up(answer,server_error) ");
    CHECK_STATE(&w, "listening");
    world_close(&w);
}

TEST(turn_says_the_fallback_and_gives_that_up_too_when_it_fails_twice)
{
    struct world w;

    world_open(&w);
    w.fallback = STR("Sorry.");
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    ended(&w, "r1", VOICE_FAILED);
    pass(&w, TURN_RETRY_MS);
    started(&w, "r2", 2);
    ended(&w, "r2", VOICE_FAILED);
    CHECK_DID(&w, "respond(1) respond(2) gave_up(answer,server_error) say(Sorry.,3) ");
    started(&w, "r3", 3);
    ended(&w, "r3", VOICE_FAILED);
    pass(&w, TURN_RETRY_MS);
    started(&w, "r4", 4);
    ended(&w, "r4", VOICE_FAILED);
    CHECK_DID(&w, "say(Sorry.,4) gave_up(text,server_error) ");
    world_close(&w);
}

TEST(turn_does_not_repeat_a_failed_answer_when_the_caller_speaks_again)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    ended(&w, "r1", VOICE_FAILED);
    buf_reset(&w.did);
    speech(&w);
    pass(&w, 3000);
    CHECK_DID(&w, "listening ");
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_watchdog_asks_again_for_a_response_that_never_came)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    pass(&w, TURN_WATCHDOG_MS - 100);
    CHECK_DID(&w, "respond(1) ");
    pass(&w, 100);
    CHECK_DID(&w, "respond(2) "); /* at once: the caller has waited long enough */
    started(&w, "r1", 1);         /* the first comes after all: it must not speak as well */
    CHECK_DID(&w, "cancel(r1) ");
    audio(&w, "r1", "i1", 100);
    CHECK_DID(&w, "late(r1) ");
    started(&w, "r2", 2);
    audio(&w, "r2", "i2", 100);
    CHECK_DID(&w, "");
    CHECK_STATE(&w, "speaking");
    world_close(&w);
}

TEST(turn_watchdog_gives_up_after_the_second_silence)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    pass(&w, TURN_WATCHDOG_MS + TURN_WATCHDOG_MS / 2);
    CHECK_DID(&w, "respond(1) respond(2) gave_up(answer,no_answer) ");
    world_close(&w);
}

TEST(turn_ends_a_response_that_stalls_and_asks_again)
{
    struct world w;

    speaking(&w, 100);
    pass(&w, TURN_STALL_MS - 200);
    CHECK_DID(&w, "");
    pass(&w, 200);
    CHECK_DID(&w, "cancel(r1) ");
    ended(&w, "r1", VOICE_CANCELLED);
    pass(&w, TURN_RETRY_MS);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_waits_out_a_response_that_somebody_else_started)
{
    struct voice_error active = { VOICE_ERROR_ACTIVE, 0,
                                  STR("conversation_already_has_active_response"), STR("") };
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    turn_on_refused(w.turn, &active, w.now_us);
    CHECK_DID(&w, "respond(1) cancel() ");
    CHECK_STATE(&w, "yielding");
    ended(&w, "r9", VOICE_CANCELLED);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_retries_a_request_that_was_refused)
{
    struct voice_error refused = { VOICE_ERROR_RESPONSE, 1, STR("server_error"), STR("") };
    struct world w;

    world_open(&w);
    turn_say(w.turn, STR("Hello."), false, w.now_us);
    turn_on_refused(w.turn, &refused, w.now_us);
    pass(&w, TURN_RETRY_MS);
    CHECK_DID(&w, "say(Hello.,1) say(Hello.,2) ");
    turn_on_refused(w.turn, &refused, w.now_us); /* of the first: nothing new */
    CHECK_STATE(&w, "asked");
    world_close(&w);
}

TEST(turn_cancels_responses_that_nobody_asked_for)
{
    struct world w;

    world_open(&w);
    started(&w, "r7", 0);
    CHECK_DID(&w, "cancel(r7) ");
    CHECK_STATE(&w, "listening");
    world_close(&w);
}

TEST(turn_takes_an_incomplete_response_without_a_word_for_a_failure)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    ended(&w, "r1", VOICE_INCOMPLETE);
    CHECK_STATE(&w, "retrying");
    world_close(&w);

    speaking(&w, 100);
    ended(&w, "r1", VOICE_INCOMPLETE); /* with words it is only shorter */
    CHECK_STATE(&w, "finishing");
    world_close(&w);
}

TEST(turn_gives_up_an_engine_that_stalls_and_does_not_end_the_response_either)
{
    struct world w;

    speaking(&w, 100);
    pass(&w, TURN_STALL_MS);
    CHECK_DID(&w, "cancel(r1) ");
    pass(&w, TURN_DEAD_MS);
    CHECK_DID(&w, "gave_up(answer,stalled) ");
    world_close(&w);
}

TEST(turn_survives_a_cancelled_response_that_never_ends)
{
    struct world w;

    speaking(&w, 100);
    speech(&w);
    pass(&w, TURN_SUSTAIN_MS + TURN_YIELD_MS);
    quiet(&w);
    committed(&w);
    buf_reset(&w.did);
    pass(&w, TURN_CANCEL_MS);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_ignores_the_end_of_a_response_that_is_over_already)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    ended(&w, "r1", VOICE_COMPLETED);
    buf_reset(&w.did);
    ended(&w, "r1", VOICE_COMPLETED);
    CHECK_DID(&w, "");
    turn_respond(w.turn, w.now_us);
    ended(&w, "r1", VOICE_FAILED);
    CHECK_DID(&w, "respond(2) ");
    CHECK_STATE(&w, "asked");
    world_close(&w);
}

/* ---- our own detection ---- */

#define HEARD_AS(...) ((struct vad_now){ __VA_ARGS__ })
#define VOICED HEARD_AS(.voiced_ms = 1)
#define HUMMED HEARD_AS(.voiced_ms = 1, .hum = true)
#define ASIDE HEARD_AS(.voiced_ms = 1, .aside = true)
#define UNVOICED HEARD_AS(.voiced_ms = 0)

/* The line carries such a voice for so long; the engine says so a round trip later. */
static void voice(struct world *w, int ms, struct vad_now like)
{
    struct vad_now v = like;
    int at;

    v.speech = true;
    for (at = 20; at <= ms; at += 20) {
        v.ms = at;
        v.voiced_ms = like.voiced_ms == 1 ? at : MIN(at, like.voiced_ms);
        turn_on_voice(w->turn, &v, w->now_us);
        if (at == 240)
            turn_on_speech_started(w->turn, w->now_us - 240000, w->now_us);
        pass(w, 20);
    }
    for (v.quiet_ms = 20; v.quiet_ms < VAD_HANG_MS; v.quiet_ms += 20) {
        turn_on_voice(w->turn, &v, w->now_us);
        pass(w, 20);
    }
    v.speech = false;
    turn_on_voice(w->turn, &v, w->now_us);
}

/* Speech that pauses for a breath just when the agent would yield. */
static void speaks_with_a_gap(struct world *w, int ms, int gap_ms, int more_ms)
{
    struct vad_now v = VOICED;
    int at;

    v.speech = true;
    for (at = 20; at <= ms + gap_ms + more_ms; at += 20) {
        bool gap = at > ms && at <= ms + gap_ms;

        v.quiet_ms = gap ? at - ms : 0;
        v.ms = gap ? ms : at;
        v.voiced_ms = v.ms;
        turn_on_voice(w->turn, &v, w->now_us);
        pass(w, 20);
    }
}

/* And it hears the silence, and writes down what there was. */
static void turn_over(struct world *w, const char *text)
{
    pass(w, 500);
    quiet(w);
    committed(w);
    pass(w, 400);
    caller_text(w, text);
}

static void fail_row(const char *name, const char *when, struct world *w)
{
    FAIL_TEST("%s, %s: " STR_FMT, name, when, STR_ARG(buf_str(&w->did)));
}

TEST(turn_is_given_up_for_interruptions_and_for_nothing_else)
{
    const struct {
        struct vad_now like;
        const char *name, *text, *at_once;
        int ms;
        bool judged; /* to be a turn, by its transcript */
    } rows[] = {
        { VOICED, "a short word", "Yes.", "clear ", 240, false },
        { HUMMED, "a short hum", "Mm.", "", 240, false },
        { VOICED, "a backchannel", "Okay.", "clear ", 400, false },
        { VOICED, "the longest that a pause waits for", "Ah, okay.", "clear ", 800, false },
        { HUMMED, "a hum of a second", "Mm-hm.", "clear ", 1000, false },
        { HUMMED, "a hum that does not end", "Mm-hm.",
          "clear clear cancel(r1) truncate(i1,590) interrupted(1) ", 1900, false },
        { UNVOICED, "a cough", "", "", 400, false },
        { UNVOICED, "a cough that was taken for a word", "Huh, what?", "", 400, false },
        { ASIDE, "somebody else in the room", "Where did you put the keys?", "", 3000, false },
        { VOICED, "a sound without words", "", "clear ", 400, false },
        { VOICED, "stop", "Stop.", "clear ", 400, true },
        { VOICED, "no", "No.", "clear ", 240, true },
        { VOICED, "a real interruption", "Wait, not on Friday.",
          "clear cancel(r1) truncate(i1,250) interrupted(1) ", 1200, false },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        bool yields = rows[i].judged || strstr(rows[i].at_once, "cancel");
        struct world w;

        speaking(&w, 1000);
        voice(&w, rows[i].ms, rows[i].like);
        if (!str_eq_c(buf_str(&w.did), rows[i].at_once))
            fail_row(rows[i].name, "at once", &w);
        CHECK(w.longest_pause_ms < 600);
        buf_reset(&w.did);
        turn_over(&w, rows[i].text);
        if (rows[i].judged != str_starts(buf_str(&w.did), STR("cancel(r1) clear truncate(i1,")))
            fail_row(rows[i].name, "judged", &w);
        buf_reset(&w.did);
        ended(&w, "r1", yields ? VOICE_CANCELLED : VOICE_COMPLETED);
        heard_all(&w);
        if (!str_eq_c(buf_str(&w.did), yields ? "respond(2) " : "listening "))
            fail_row(rows[i].name, "afterwards", &w);
        world_close(&w);
    }
}

/* ---- an answer that is there before the transcript ---- */

/* The transcript of the first turn has come after 400 ms, the second turn is over, its answer is made. */
static void answered_at_once(struct world *w)
{
    world_open(w);
    speech(w);
    quiet(w);
    committed(w);
    started(w, "r1", 1);
    pass(w, 400);
    caller_text(w, "Hello.");
    ended(w, "r1", VOICE_COMPLETED);
    speech(w);
    quiet(w);
    committed(w);
    started(w, "r2", 2);
    audio(w, "r2", "i2", 1000);
    buf_reset(&w->did);
}

TEST(turn_holds_an_answer_back_until_the_transcript_has_come)
{
    struct world w;

    answered_at_once(&w);
    pass(&w, 300);
    CHECK_STATE(&w, "thinking");
    caller_text(&w, "When are you open?");
    pass(&w, 20);
    CHECK_STATE(&w, "speaking");
    CHECK_DID(&w, "");
    world_close(&w);
}

TEST(turn_drops_an_answer_unheard_when_the_caller_is_not_through)
{
    struct world w;

    answered_at_once(&w);
    pass(&w, 300);
    caller_text(&w, "It's the, uh");
    CHECK_DID(&w,
              "cancel(r2) truncate(i2,0) "); /* nobody was interrupted, nothing is to be cleared */
    ended(&w, "r2", VOICE_CANCELLED);
    CHECK(!playout_paused(w.playout));
    pass(&w, TURN_HESITATION_MS);
    CHECK_DID(&w, "respond(3) ");
    world_close(&w);
}

TEST(turn_drops_an_answer_unheard_that_is_done_already)
{
    struct world w;

    answered_at_once(&w);
    ended(&w, "r2", VOICE_COMPLETED);
    CHECK_STATE(&w, "ready");
    caller_text(&w, "It's the, uh");
    CHECK_DID(&w, "truncate(i2,0) ");
    CHECK_STATE(&w, "listening");
    pass(&w, TURN_HESITATION_MS);
    CHECK_DID(&w, "respond(3) ");
    world_close(&w);
}

TEST(turn_lets_an_answer_be_heard_that_was_done_before_its_transcript)
{
    struct world w;

    answered_at_once(&w);
    ended(&w, "r2", VOICE_COMPLETED);
    caller_text(&w, "When are you open?");
    pass(&w, 20);
    CHECK_STATE(&w, "finishing");
    heard_all(&w);
    CHECK_DID(&w, "listening ");
    world_close(&w);
}

TEST(turn_takes_speech_for_no_interruption_while_nothing_is_heard)
{
    struct world w;

    answered_at_once(&w);
    ended(&w, "r2", VOICE_COMPLETED);
    voice(&w, TURN_SUSTAIN_MS, VOICED);
    CHECK_DID(&w, "truncate(i2,0) ");
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, "respond(3) ");
    world_close(&w);
}

TEST(turn_stops_an_answer_that_is_held_back_for_keys)
{
    struct world w;

    answered_at_once(&w);
    ended(&w, "r2", VOICE_COMPLETED);
    turn_on_keys(w.turn, true, w.now_us);
    CHECK_DID(&w, "truncate(i2,0) listening ");
    CHECK_STATE(&w, "listening");
    world_close(&w);
}

TEST(turn_takes_no_word_for_a_backchannel_of_what_is_not_heard_yet)
{
    struct world w;

    answered_at_once(&w);
    voice(&w, 220, VOICED);
    CHECK_DID(&w, "");
    quiet(&w);
    committed(&w);
    caller_text(&w, "Yes.");
    ended(&w, "r2", VOICE_COMPLETED);
    CHECK_DID(&w, "respond(3) ");
    world_close(&w);
}

/* And the second was heard, too. */
static void answered_in_time(struct world *w)
{
    answered_at_once(w);
    pass(w, 300);
    caller_text(w, "Hello?");
    ended(w, "r2", VOICE_COMPLETED);
    heard_all(w);
}

TEST(turn_holds_back_no_answer_whose_turn_is_written_down_already)
{
    struct world w;

    answered_in_time(&w);
    speech(&w);
    quiet(&w);
    committed(&w);
    pass(&w, 300);
    caller_text(&w, "When are you open?");
    started(&w, "r3", 3);
    CHECK(!playout_paused(w.playout));
    world_close(&w);
}

TEST(turn_holds_back_no_text_to_say)
{
    struct world w;

    answered_in_time(&w);
    speech(&w);
    turn_say(w.turn, STR("One moment."), false, w.now_us);
    quiet(&w);
    committed(&w);
    started(&w, "r3", 3);
    CHECK(!playout_paused(w.playout));
    world_close(&w);
}

TEST(turn_does_not_silence_one_answer_to_hold_back_the_next)
{
    struct world w;

    answered_at_once(&w);
    pass(&w, 300);
    caller_text(&w, "Hello?");
    ended(&w, "r2", VOICE_COMPLETED);
    pass(&w, 100);
    committed(&w); /* r2 is still being heard */
    started(&w, "r3", 3);
    CHECK(!playout_paused(w.playout));
    world_close(&w);
}

TEST(turn_holds_nothing_back_once_the_response_has_ended_without_a_sound)
{
    struct world w;

    answered_in_time(&w);
    speech(&w);
    quiet(&w);
    committed(&w);
    started(&w, "r3", 3);
    CHECK(playout_paused(w.playout));
    ended(&w, "r3", VOICE_COMPLETED);
    CHECK(!playout_paused(w.playout));
    world_close(&w);
}

TEST(turn_lets_what_there_is_of_an_answer_that_failed_be_heard_and_interrupted)
{
    struct world w;

    answered_in_time(&w);
    speech(&w);
    quiet(&w);
    committed(&w);
    started(&w, "r3", 3);
    audio(&w, "r3", "i3", 1000);
    ended(&w, "r3", VOICE_FAILED);
    pass(&w, 100);
    buf_reset(&w.did);
    voice(&w, TURN_SUSTAIN_MS, VOICED);
    CHECK_CONTAINS(buf_str(&w.did), "interrupted(1)");
    world_close(&w);
}

TEST(turn_asks_to_be_called_when_an_answer_is_to_be_heard)
{
    struct world w;
    int64_t next;

    answered_at_once(&w);
    next = turn_tick(w.turn, w.now_us);
    CHECK(next > w.now_us && next <= w.now_us + (int64_t)TURN_HEAR_MS * 1000);
    world_close(&w);
}

TEST(turn_holds_back_no_answer_for_a_transcript_that_does_not_come)
{
    struct world w;

    answered_at_once(&w);
    pass(&w, TURN_HEAR_MS - 20);
    CHECK_STATE(&w, "thinking");
    pass(&w, 40);
    CHECK_STATE(&w, "speaking");
    ended(&w, "r2", VOICE_COMPLETED);
    heard_all(&w);
    speech(&w);
    quiet(&w);
    committed(&w);
    started(&w, "r3", 3);
    audio(&w, "r3", "i3", 1000);
    CHECK_STATE(&w, "speaking"); /* nor, then, the next one */
    caller_text(&w, "Hello?");
    world_close(&w);
}

TEST(turn_holds_back_no_answer_where_transcripts_are_slow)
{
    struct world w;

    world_open(&w);
    speech(&w);
    quiet(&w);
    committed(&w);
    started(&w, "r1", 1);
    pass(&w, TURN_HEAR_MS + 20);
    caller_text(&w, "Hello.");
    ended(&w, "r1", VOICE_COMPLETED);
    speech(&w);
    quiet(&w);
    committed(&w);
    started(&w, "r2", 2);
    audio(&w, "r2", "i2", 1000);
    CHECK_STATE(&w, "speaking");
    world_close(&w);
}

/* ---- how much is enough ---- */

TEST(turn_pauses_within_its_limit_of_the_onset)
{
    struct world w;

    speaking(&w, 1000);
    voice(&w, TURN_WORD_MS - 20, VOICED);
    CHECK_DID(&w, "");
    pass(&w, 500);
    voice(&w, TURN_SUSTAIN_MS - 20, HUMMED);
    CHECK_DID(&w, "");
    pass(&w, 500);
    voice(&w, TURN_SUSTAIN_MS, HUMMED);
    CHECK_DID(&w, "clear ");
    world_close(&w);
}

TEST(turn_adds_up_pieces_of_speech_that_follow_each_other)
{
    struct world w;

    speaking(&w, 1000);
    voice(&w, 140, HUMMED);
    pass(&w, TURN_JOIN_MS - VAD_HANG_MS);
    voice(&w, TURN_SUSTAIN_MS - 140, HUMMED);
    CHECK_DID(&w, "clear ");
    world_close(&w);
    speaking(&w, 1000);
    voice(&w, 140, HUMMED);
    pass(&w, TURN_JOIN_MS - VAD_HANG_MS + 40);
    voice(&w, TURN_SUSTAIN_MS - 140, HUMMED);
    CHECK_DID(&w, "");
    world_close(&w);
}

TEST(turn_adds_up_the_pitch_of_pieces)
{
    const struct vad_now rough = HEARD_AS(.voiced_ms = VAD_VOICED_MS / 2);
    struct world w;

    speaking(&w, 1000);
    voice(&w, 200, rough);
    CHECK_DID(&w, "");
    voice(&w, 200, rough);
    CHECK_DID(&w, "clear ");
    world_close(&w);
}

TEST(turn_adds_nothing_that_was_said_before_the_agent_was_heard)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    voice(&w, 140, HUMMED);
    audio(&w, "r1", "i1", 4000);
    pass(&w, 40);
    buf_reset(&w.did);
    voice(&w, TURN_SUSTAIN_MS - 140, HUMMED);
    CHECK_DID(&w, "");
    world_close(&w);
}

TEST(turn_takes_no_answer_back_for_a_word_before_it_is_heard)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    pass(&w, 100);
    buf_reset(&w.did);
    voice(&w, 220, VOICED);
    CHECK_DID(&w, "");
    CHECK_STATE(&w, "thinking");
    world_close(&w);
}

TEST(turn_does_not_pause_for_a_word_that_was_there_before_the_agent_was_heard)
{
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    audio(&w, "r1", "i1", 4000);
    pass(&w, 10); /* the first frame of 20 ms is older */
    buf_reset(&w.did);
    speaks_with_a_gap(&w, 200, 20, 0);
    CHECK_DID(&w, "");
    world_close(&w);
}

TEST(turn_only_pauses_again_for_a_second_word)
{
    struct world w;

    speaking(&w, 1000);
    voice(&w, 400, VOICED); /* "ah" */
    voice(&w, 220, VOICED); /* "okay" */
    CHECK_DID(&w, "clear clear ");
    CHECK_STATE(&w, "speaking");
    world_close(&w);
}

TEST(turn_adds_nothing_that_somebody_else_has_said)
{
    struct world w;

    speaking(&w, 1000);
    voice(&w, 280, ASIDE);
    voice(&w, 140, HUMMED);
    CHECK_DID(&w, "");
    world_close(&w);
}

TEST(turn_goes_on_when_the_caller_falls_silent_as_it_would_yield)
{
    struct world w;

    speaking(&w, 1000);
    speaks_with_a_gap(&w, TURN_SUSTAIN_MS + TURN_YIELD_MS - TURN_BREATH_MS - 20, 100, 0);
    CHECK_DID(&w, "clear ");
    CHECK_STATE(&w, "speaking");
    CHECK(w.longest_pause_ms < 600);
    world_close(&w);
}

TEST(turn_yields_after_all_when_that_was_only_a_breath)
{
    struct world w;

    speaking(&w, 1000);
    speaks_with_a_gap(&w, TURN_SUSTAIN_MS + TURN_YIELD_MS - TURN_BREATH_MS - 20, 80, 20);
    CHECK_CONTAINS(buf_str(&w.did), "clear clear cancel(r1) truncate(i1,");
    world_close(&w);
}

TEST(turn_is_not_decided_by_the_engine_once_our_own_detection_hears_speech)
{
    struct world w;

    speaking(&w, 1000);
    turn_on_speech_started(w.turn, w.now_us, w.now_us); /* ours has heard nothing yet */
    speaks_with_a_gap(&w, TURN_SUSTAIN_MS + 100, 0, 0);
    CHECK_DID(&w, "clear ");
    turn_on_speech_stopped(w.turn, w.now_us); /* but it goes on */
    CHECK_STATE(&w, "paused");
    world_close(&w);
}

TEST(turn_answers_a_word_that_came_with_the_agents_last_ones)
{
    struct world w;

    speaking(&w, 1000);
    ended(&w, "r1", VOICE_COMPLETED);
    pass(&w, 2800);
    voice(&w, 240, VOICED);
    playout_mark(w.playout, STR("g0.18"), w.now_us);
    heard_all(&w); /* "...is that right?" - "Yes." */
    buf_reset(&w.did);
    turn_over(&w, "Yes.");
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_answers_afterwards_what_nobody_could_judge)
{
    struct world w;

    speaking(&w, 1000);
    audio(&w, "r1", "i1", 6000);
    voice(&w, 240, VOICED);
    pass(&w, 500);
    quiet(&w);
    buf_reset(&w.did);
    committed(&w); /* no transcript comes */
    ended(&w, "r1", VOICE_COMPLETED);
    pass(&w, TURN_JUDGE_MS - 10);
    CHECK_DID(&w, "");
    pass(&w, 10);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_takes_a_long_speech_over_what_must_be_heard_for_a_turn)
{
    struct world w;

    world_open(&w);
    turn_say(w.turn, STR("This is an AI."), true, w.now_us);
    started(&w, "r1", 1);
    audio(&w, "r1", "i1", 4000);
    ended(&w, "r1", VOICE_COMPLETED);
    buf_reset(&w.did);
    pass(&w, 500);
    voice(&w, 1800, VOICED);
    CHECK_DID(&w, ""); /* nothing is cut */
    pass(&w, 500);
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_ignores_a_backchannel_to_what_must_be_heard)
{
    struct world w;

    world_open(&w);
    turn_say(w.turn, STR("This is an AI."), true, w.now_us);
    started(&w, "r1", 1);
    audio(&w, "r1", "i1", 4000);
    ended(&w, "r1", VOICE_COMPLETED);
    buf_reset(&w.did);
    pass(&w, 500);
    voice(&w, 400, VOICED);
    turn_over(&w, "Okay.");
    heard_all(&w);
    CHECK_DID(&w, "listening ");
    world_close(&w);
}

TEST(turn_lets_the_caller_go_on_while_an_answer_is_on_its_way)
{
    struct world w;

    world_open(&w);
    committed(&w);
    started(&w, "r1", 1);
    buf_reset(&w.did);
    voice(&w, 400, UNVOICED); /* a cough */
    CHECK_DID(&w, "");
    quiet(&w);
    voice(&w, 400, VOICED);
    CHECK_DID(&w, "cancel(r1) ");
    ended(&w, "r1", VOICE_CANCELLED);
    CHECK_DID(&w, ""); /* not before the caller is through */
    turn_over(&w, "And on Saturday?");
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_is_not_taken_by_a_radio_that_has_been_playing_all_along)
{
    struct vad_now v = VOICED;
    struct world w;
    int i;

    world_open(&w);
    v.speech = true;
    v.voiced_ms = 2000;
    for (i = 0; i < 400; i++) {
        v.ms += 20;
        turn_on_voice(w.turn, &v, w.now_us);
        pass(&w, 20);
        if (i == 100) {
            turn_respond(w.turn, w.now_us);
            started(&w, "r1", 1);
        }
        if (i == 150)
            audio(&w, "r1", "i1", 4000);
    }
    CHECK_DID(&w, "respond(1) ");
    CHECK_STATE(&w, "speaking");
    world_close(&w);
}

TEST(turn_goes_on_when_the_line_falls_mute_in_mid_word)
{
    struct vad_now v = { .speech = true, .ms = TURN_SUSTAIN_MS, .voiced_ms = TURN_SUSTAIN_MS };
    struct world w;

    speaking(&w, 1000);
    turn_on_voice(w.turn, &v, w.now_us);
    CHECK_STATE(&w, "paused");
    pass(&w, TURN_FRAMES_MS);
    CHECK_STATE(&w, "speaking");
    CHECK(!playout_paused(w.playout));
    world_close(&w);
}

TEST(turn_that_fails_or_stalls_in_a_pause_leaves_nothing_paused)
{
    struct vad_now v = { .speech = true, .ms = TURN_SUSTAIN_MS, .voiced_ms = TURN_SUSTAIN_MS };
    struct world w;

    speaking(&w, 1000);
    turn_on_voice(w.turn, &v, w.now_us);
    ended(&w, "r1", VOICE_FAILED);
    CHECK_STATE(&w, "retrying");
    CHECK(!playout_paused(w.playout));
    world_close(&w);
    speaking(&w, 1000);
    pass(&w, TURN_STALL_MS - 100 - 1000);
    audio(&w, "r1", "i1", 20);
    turn_on_voice(w.turn, &v, w.now_us);
    ended(&w, "r1", VOICE_COMPLETED);
    CHECK_STATE(&w, "paused");
    pass(&w, 1000);
    CHECK(!playout_paused(w.playout));
    world_close(&w);
}

TEST(turn_hears_the_caller_out)
{
    static const struct {
        const char *text;
        int wait_ms;
    } rows[] = {
        { "I would like to come on Friday.", 0 },
        { "It's, uh", TURN_HESITATION_MS },
        { "five five five", TURN_DIGITS_MS },
        { "M I L", TURN_SPELLING_MS },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;

        world_open(&w);
        speech(&w);
        pass(&w, 800);
        quiet(&w);
        committed(&w);
        CHECK_DID(&w, "respond(1) "); /* no time is lost where there is nothing to wait for */
        started(&w, "r1", 1);
        pass(&w, 300);
        caller_text(&w, rows[i].text);
        CHECK_DID(&w, rows[i].wait_ms ? "cancel(r1) " : "");
        ended(&w, "r1", rows[i].wait_ms ? VOICE_CANCELLED : VOICE_COMPLETED);
        if (rows[i].wait_ms) {
            pass(&w, rows[i].wait_ms - 310);
            CHECK_DID(&w, "");
            pass(&w, 10);
            CHECK_DID(&w, "respond(2) "); /* nothing more came */
        }
        world_close(&w);
    }
}

TEST(turn_answers_a_number_said_in_pieces_once)
{
    struct world w;

    world_open(&w);
    committed(&w);
    started(&w, "r1", 1);
    caller_text(&w, "five five five");
    ended(&w, "r1", VOICE_CANCELLED);
    CHECK_DID(&w, "respond(1) cancel(r1) ");
    pass(&w, 1000);
    speech(&w);
    pass(&w, 1500); /* beyond the wait */
    quiet(&w);
    committed(&w);
    CHECK_DID(&w, ""); /* now its words are waited for */
    pass(&w, 300);
    caller_text(&w, "one two three four five six seven");
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_does_not_wait_for_ever_for_the_words_of_a_piece)
{
    struct world w;

    world_open(&w);
    committed(&w);
    started(&w, "r1", 1);
    caller_text(&w, "It's the");
    ended(&w, "r1", VOICE_CANCELLED);
    speech(&w);
    pass(&w, 500);
    quiet(&w);
    committed(&w);
    buf_reset(&w.did);
    pass(&w, TURN_TEXT_MS - 10);
    CHECK_DID(&w, "");
    pass(&w, 10);
    CHECK_DID(&w, "respond(2) ");
    world_close(&w);
}

TEST(turn_keeps_what_is_being_said_when_the_words_come_late)
{
    struct world w;

    world_open(&w);
    committed(&w);
    started(&w, "r1", 1);
    audio(&w, "r1", "i1", 2000);
    CHECK_STATE(&w, "speaking");
    buf_reset(&w.did);
    caller_text(&w, "It's, uh");
    CHECK_DID(&w, "");
    CHECK_STATE(&w, "speaking");
    world_close(&w);
}

TEST(turn_ends_a_pause_that_began_with_the_last_sound_of_a_response)
{
    struct vad_now v = { .speech = true, .ms = TURN_SUSTAIN_MS, .voiced_ms = TURN_SUSTAIN_MS };
    struct world w;

    world_open(&w);
    turn_respond(w.turn, w.now_us);
    started(&w, "r1", 1);
    audio(&w, "r1", "i1", 400);
    pass(&w, 400);
    turn_on_voice(w.turn, &v, w.now_us);
    CHECK_STATE(&w, "paused");
    ended(&w, "r1", VOICE_COMPLETED);
    CHECK_STATE(&w, "listening");
    CHECK(!playout_paused(w.playout));
    world_close(&w);
}

TEST(turn_keeps_an_answer_back_while_its_own_detection_hears_the_caller)
{
    struct vad_now v = { .speech = true, .ms = 200 };
    struct world w;

    world_open(&w);
    turn_on_voice(w.turn, &v, w.now_us);
    turn_respond(w.turn, w.now_us); /* a tool's result is in */
    CHECK_DID(&w, "");
    v.speech = false;
    turn_on_voice(w.turn, &v, w.now_us); /* it was nothing */
    CHECK_DID(&w, "respond(1) ");
    world_close(&w);
    world_open(&w);
    v = (struct vad_now){ .speech = true, .ms = TURN_CONFIRM_MS - 20 };
    turn_on_voice(w.turn, &v, w.now_us);
    turn_respond(w.turn, w.now_us);
    CHECK_DID(&w, "");
    v.ms += 20;
    turn_on_voice(w.turn, &v, w.now_us); /* the engine hears none of it */
    CHECK_DID(&w, "respond(1) ");
    world_close(&w);
}

TEST(turn_that_is_given_up_in_a_pause_lets_the_audio_go_on)
{
    struct vad_now v = { .speech = true, .ms = TURN_SUSTAIN_MS, .voiced_ms = TURN_SUSTAIN_MS };
    struct world w;

    speaking(&w, 1000);
    turn_on_voice(w.turn, &v, w.now_us);
    CHECK(playout_paused(w.playout));
    w.turn = turn_destroy(w.turn); /* the engine is lost; what it has said is still heard */
    CHECK(!playout_paused(w.playout));
    world_close(&w);
}

TEST(turn_yields_at_once_to_who_begins_again_after_it_has_gone_on)
{
    struct world w;

    speaking(&w, 1000);
    voice(&w, 400, VOICED); /* "wait" */
    CHECK_DID(&w, "clear ");
    CHECK_STATE(&w, "speaking");
    pass(&w, 200);
    voice(&w, TURN_SUSTAIN_MS, VOICED); /* "no" */
    CHECK_CONTAINS(buf_str(&w.did), "clear cancel(r1) truncate(i1,");
    world_close(&w);
    speaking(&w, 1000);
    voice(&w, 400, VOICED); /* "yes" */
    pass(&w, TURN_AGAIN_MS);
    voice(&w, TURN_SUSTAIN_MS, VOICED); /* "okay" */
    CHECK_DID(&w, "clear clear ");
    CHECK_STATE(&w, "speaking");
    world_close(&w);
}

/* Two parts of kept audio, a second each; the first must be heard. */
static void kept_audio(struct world *w)
{
    static uint8_t bytes[8000];
    const struct voice_part parts[] = { { STR("k1"), STR("k1"), 0 }, { STR("k2"), STR("k2"), 0 } };
    size_t i;

    world_open(w);
    for (i = 0; i < 2; i++) {
        CHECK_OK(playout_add(w->playout, &parts[i], bytes, sizeof(bytes)));
        playout_part_end(w->playout, &parts[i]);
    }
    turn_on_kept(w->turn, STR("k1"), w->now_us);
    (void)playout_tick(w->playout, w->now_us);
}

TEST(turn_takes_kept_audio_for_speech_that_is_still_being_heard)
{
    struct world w;

    kept_audio(&w);
    CHECK_STATE(&w, "finishing");
    CHECK(turn_busy(w.turn));
    heard_all(&w);
    CHECK_DID(&w, "listening ");
    CHECK_STATE(&w, "listening");
    world_close(&w);
}

TEST(turn_stops_kept_audio_for_keys_once_what_must_be_heard_is_over)
{
    struct world w;

    kept_audio(&w);
    pass(&w, 300);
    turn_on_keys(w.turn, true, w.now_us);
    pass(&w, 500);
    CHECK_DID(&w, "");
    pass(&w, 900 + PLAYOUT_MARK_LATE_MS); /* no marks come back */
    CHECK(str_contains(buf_str(&w.did), STR("clear truncate(k2,")));
    CHECK_STATE(&w, "listening");
    world_close(&w);
}
