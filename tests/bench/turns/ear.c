/* What the caller hears: the answers on one line of time, each told by its sound, and what that means. */
#include "turns/turns.h"
#include "voice/playout.h"

enum {
    JOIN_US = 15000, /* a shorter silence is the network's */
    OTHER = -1,      /* no answer of the engine's: a fade, a tone */
    WHOLE_MS = 120,  /* so much may lack of an answer that was heard to its end */
};

static int answer_of(const uint8_t *ulaw, size_t n)
{
    size_t i;

    for (i = n > 8 ? n - 8 : 0; i < n; i++) {
        if (ulaw[i] != ulaw[n - 1])
            return OTHER;
    }
    return n > 8 && ulaw[n - 1] >= 0x80 && ulaw[n - 1] < 0x80 + TURNS_ANSWERS ? ulaw[n - 1] - 0x80
                                                                              : OTHER;
}

int64_t ear_end_us(const struct caller *c)
{
    return c->n_runs ? c->runs[c->n_runs - 1].to_us : 0;
}

void ear_play(struct caller *c, const uint8_t *ulaw, size_t n, int64_t now_us)
{
    int64_t from = MAX(now_us, ear_end_us(c)), to = from + (int64_t)n * 125;
    int answer = answer_of(ulaw, n);
    struct ear_run *last = c->n_runs ? &c->runs[c->n_runs - 1] : NULL;

    if (answer == OTHER) /* a few milliseconds, or a tone that nobody speaks over */
        return;
    if (last && last->answer == answer && from - last->to_us < JOIN_US)
        last->to_us = to;
    else if (c->n_runs < CALLER_RUNS_MAX)
        c->runs[c->n_runs++] = (struct ear_run){ from, to, answer };
}

void ear_clear(struct caller *c, int64_t now_us)
{
    while (c->n_runs && c->runs[c->n_runs - 1].from_us >= now_us)
        c->n_runs--;
    if (c->n_runs)
        c->runs[c->n_runs - 1].to_us = MIN(c->runs[c->n_runs - 1].to_us, now_us);
}

int64_t ear_answer_us(const struct caller *c, int64_t from_us)
{
    int i;

    for (i = 0; i < c->n_runs; i++) {
        if (c->runs[i].to_us > from_us)
            return MAX(c->runs[i].from_us, from_us);
    }
    return 0;
}

static int64_t at_us(const struct caller *c, int64_t media_ms)
{
    return c->t0_us + media_ms * 1000;
}

/* -1: nothing is heard at `at`. */
static int run_at(const struct caller *c, int64_t at)
{
    int i;

    for (i = 0; i < c->n_runs; i++) {
        if (c->runs[i].from_us <= at && c->runs[i].to_us > at)
            return i;
    }
    return -1;
}

static bool heard_between(const struct caller *c, int64_t from, int64_t to)
{
    int64_t at = ear_answer_us(c, from);

    return at && at < to;
}

static int ms_between(int64_t from_us, int64_t to_us)
{
    return (int)((to_us - from_us) / 1000);
}

/* Of the answer that was heard at the first sound of the overlap: how it went on. */
static void judge_interrupted(const struct caller *c, struct outcome *o, int first, int64_t onset)
{
    const int answer = c->runs[first].answer;
    int64_t heard = 0, last = c->runs[first].to_us, silent = last;
    bool joined = true;
    int i;

    for (i = 0; i < c->n_runs; i++) {
        const struct ear_run *r = &c->runs[i];

        if (i > first && r->from_us > onset && r->answer != answer)
            o->answered = true;
        if (r->answer != answer || r->to_us < c->answer_at_us)
            continue;
        heard += r->to_us - r->from_us;
        if (i <= first)
            continue;
        joined = joined && r->from_us - last < JOIN_US;
        o->gap_ms = MAX(o->gap_ms, joined ? 0 : ms_between(last, r->from_us));
        last = r->to_us;
        silent = joined ? last : silent;
    }
    o->stop_ms = ms_between(onset, silent);
    o->final_ms = ms_between(onset, last);
    o->heard_ms = (int)(heard / 1000);
    o->kept_ms = c->kept_ms[answer];
    o->cut = o->heard_ms < TURNS_ANSWER_MS - WHOLE_MS;
}

static int wait_after(const struct caller *c, int64_t end_ms)
{
    int64_t at = ear_answer_us(c, at_us(c, end_ms));

    return at ? ms_between(at_us(c, end_ms), at) : -1;
}

void ear_judge(const struct caller *c, struct outcome *o)
{
    const struct overlap *overlap = c->overlaps[c->at];
    int64_t onset = at_us(c, c->over_ms);
    int first = run_at(c, onset);

    *o = (struct outcome){ .question_wait_ms = -1 };
    if (overlap->kind == OVERLAP_THINKING) {
        int64_t end_ms = c->over_ms + (int64_t)overlap->over.n / 8;

        o->played = c->step == STEP_OVER;
        o->cut_off = heard_between(c, at_us(c, c->asked_ms), onset);
        o->answered = wait_after(c, end_ms) >= 0;
        o->question_wait_ms = o->cut_off ? -1 : wait_after(c, end_ms);
        return;
    }
    o->question_wait_ms = wait_after(c, c->asked_ms);
    o->played = c->step == STEP_OVER && first >= 0;
    if (o->played)
        judge_interrupted(c, o, first, onset);
}
