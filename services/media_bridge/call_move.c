/* The process stops: the call goes on in another instance, between two sentences. */
#include "media_bridge/call_internal.h"

/* A turn is spoken, or its words are not known yet. */
static bool caller_is_on(const struct call *c)
{
    const struct vad_now *v = vad_now(c->vad);

    return c->caller_speaks || journal_waits(c->journal) || playout_paused(c->playout) ||
           turn_hears_out_us(c->turn) > call_now_us(c) ||
           (v->speech && !v->aside && v->ms < TURN_CONFIRM_MS);
}

/* How long the sentence goes on that the caller is hearing; 0: none is heard. */
static int64_t sentence_left_ms(struct call *c)
{
    int64_t now = call_now_us(c), end_ms;
    struct playout_heard h;

    if (!playout_hearing(c->playout, now, &h) || call_part_is_ours(&h.part))
        return 0;
    end_ms = journal_sentence_end(c->journal, h.part.item_id, h.heard_ms, h.queued_ms);
    return MAX(MIN(playout_breath_ms(c->playout, now, end_ms), h.queued_ms) - h.heard_ms, 0);
}

void call_move_look(struct call *c)
{
    int64_t left_ms;

    if (!c->moving || !call_talks(c) || c->farewell.armed)
        return;
    if (caller_is_on(c)) {
        timer_stop(&c->move.timer);
        return;
    }
    if (!playout_active(c->playout)) {
        call_leave(c, END_SHUTDOWN);
        return;
    }
    if (timer_running(&c->move.timer))
        return;
    left_ms = sentence_left_ms(c);
    log_info(&c->log, "the call moves after the sentence left_ms=%lld", (long long)left_ms);
    timer_start(&c->move.timer, left_ms);
}

static void on_move(void *arg)
{
    struct call *c = arg;

    if (!caller_is_on(c))
        call_leave(c, END_SHUTDOWN);
}

void call_move(struct call *c)
{
    c->moving = true;
    if (!call_talks(c)) {
        call_leave(c, END_SHUTDOWN);
        return;
    }
    timer_start(&c->farewell.cap, CALL_MOVE_MS);
    call_move_look(c);
}

/* What the next stream must know of this moment, before all is ended. */
void call_move_leave(struct call *c)
{
    if (!c->journal || !c->end_decided || !end_reason_info(c->end)->resumes)
        return;
    c->move.words_lost =
        (c->caller_speaks && !c->keys.open) || journal_waits(c->journal) ||
        (c->replacing && c->heard_again); /* kept for an engine, not for a bridge */
    c->move.owed = c->answer_owed || c->answer_due || c->keys.open ||
                   (c->response_runs && turn_state(c->turn) != TURN_YIELDING);
    journal_keep_unsaid(c->journal);
}

void call_move_init_timer(struct call *c)
{
    timer_init(&c->move.timer, c->loop, on_move, c);
}
