#include "post_call/cutter.h"

#include <string.h>

#include "base/mem.h"

enum {
    LOUD_RMS_MIN = 80,      /* -52 dBFS: quieter than that nobody is understood */
    LOUD_OVER_NOISE = 6,    /* in energy: 8 dB */
    START_HOPS = 3,         /* loud ones, a quiet one takes one back */
    NOISE_BLOCK_HOPS = 100, /* 2 s; the noise is the least of NOISE_BLOCKS of them */
    NOISE_BLOCKS = 8,
    NOISE_BLOCKS_MIN = 2, /* before that there may have been nothing but speech */
    CUT_SEARCH_HOPS =
        600, /* a long utterance is cut at the quietest place of its last 12 s, or half */
    CUT_QUIET_HOPS = 5, /* … that long */
};

/* The least energy of the last seconds. */
struct noise {
    double least[NOISE_BLOCKS];
    int at, hops, filled;
};

struct ear {
    struct noise noise;
    int16_t *samples; /* of the open utterance, or the lead of the next one */
    size_t n;
    int64_t from; /* frame of samples[0] */
    bool open;
    int score;        /* towards opening */
    size_t loud_hops; /* of the open utterance */
    size_t quiet;     /* frames since the last loud hop */
};

struct cutter {
    int channels, hz;
    size_t hop, lead, end, end_turn, max;
    utterance_fn fn;
    void *arg;
    struct ear ears[CUTTER_CHANNELS];
};

static size_t frames_of(int hz, int ms)
{
    return (size_t)((int64_t)hz * ms / 1000);
}

struct cutter *cutter_create(int channels, int hz, utterance_fn fn, void *arg)
{
    struct cutter *c = MEM_NEW(struct cutter);
    int i;

    c->channels = channels;
    c->hz = hz;
    c->hop = frames_of(hz, CUTTER_HOP_MS);
    c->lead = frames_of(hz, CUTTER_LEAD_MS);
    c->end = frames_of(hz, CUTTER_END_MS);
    c->end_turn = frames_of(hz, CUTTER_END_TURN_MS);
    c->max =
        MIN(frames_of(hz, CUTTER_UTTERANCE_MAX_MS), CUTTER_UTTERANCE_BYTES_MAX / sizeof(int16_t)) /
        c->hop * c->hop;
    c->fn = fn;
    c->arg = arg;
    for (i = 0; i < channels; i++)
        c->ears[i].samples = mem_calloc(c->max, sizeof(int16_t));
    return c;
}

struct cutter *cutter_destroy(struct cutter *c)
{
    int i;

    if (!c)
        return NULL;
    for (i = 0; i < c->channels; i++)
        mem_free(c->ears[i].samples);
    mem_free(c);
    return NULL;
}

size_t cutter_hop_frames(const struct cutter *c)
{
    return c->hop;
}

void cutter_reset(struct cutter *c, int64_t at)
{
    int16_t *samples;
    int i;

    for (i = 0; i < c->channels; i++) {
        samples = c->ears[i].samples;
        c->ears[i] = (struct ear){ .samples = samples, .from = at };
    }
}

static double energy(const int16_t *s, size_t n)
{
    int64_t sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += (int64_t)s[i] * s[i];
    return n ? (double)sum / (double)n : 0;
}

static double noise_level(const struct noise *n)
{
    double least = 0;
    int i;

    if (n->filled <= NOISE_BLOCKS_MIN)
        return 0;
    for (i = 0; i < n->filled; i++) {
        if (i == 0 || n->least[i] < least)
            least = n->least[i];
    }
    return least;
}

static void noise_add(struct noise *n, double e)
{
    if (n->hops == 0) {
        n->least[n->at] = e;
        n->filled = MAX(n->filled, n->at + 1);
    } else if (e < n->least[n->at]) {
        n->least[n->at] = e;
    }
    if (++n->hops == NOISE_BLOCK_HOPS) {
        n->hops = 0;
        n->at = (n->at + 1) % NOISE_BLOCKS;
    }
}

static bool is_loud(const struct ear *e, double energy_now)
{
    return energy_now >= (double)LOUD_RMS_MIN * LOUD_RMS_MIN &&
           energy_now >= LOUD_OVER_NOISE * noise_level(&e->noise);
}

static void drop_front(struct ear *e, size_t n)
{
    memmove(e->samples, e->samples + n, (e->n - n) * sizeof(*e->samples));
    e->n -= n;
    e->from += (int64_t)n;
}

/* Hands out the first `n` frames of an open utterance and takes them off. */
static enum errc emit(struct cutter *c, struct ear *e, size_t n, struct err *err)
{
    struct utterance u = { (int)(e - c->ears), e->from, e->samples, n };
    enum errc rc = ERR_OK;

    if (e->loud_hops * CUTTER_HOP_MS >= CUTTER_SPEECH_MIN_MS)
        rc = c->fn(c->arg, &u, err);
    drop_front(e, n);
    return rc;
}

static enum errc end_utterance(struct cutter *c, struct ear *e, struct err *err)
{
    size_t tail = MIN(e->quiet, c->lead);
    enum errc rc = emit(c, e, e->n - e->quiet + tail, err);

    e->open = false;
    e->score = 0;
    e->loud_hops = 0;
    return rc;
}

/* Where the last seconds of a full utterance are quietest. */
static size_t quiet_place(const struct cutter *c, const struct ear *e)
{
    size_t span = CUT_QUIET_HOPS * c->hop;
    size_t at = e->n - MIN(CUT_SEARCH_HOPS * c->hop, e->n / 2);
    size_t best = e->n;
    double least = -1, now;

    for (; at + span <= e->n; at += c->hop) {
        now = energy(e->samples + at, span);
        if (least < 0 || now <= least) { /* of equals the last: longer pieces */
            least = now;
            best = at + span / 2;
        }
    }
    return best;
}

/* An utterance without an end so far: what is full goes out, the rest stays open. */
static enum errc cut_full(struct cutter *c, struct ear *e, struct err *err)
{
    enum errc rc = emit(c, e, quiet_place(c, e), err);
    size_t at;

    e->quiet = MIN(e->quiet, e->n);
    e->loud_hops = 0;
    for (at = 0; at + c->hop <= e->n; at += c->hop)
        e->loud_hops += is_loud(e, energy(e->samples + at, c->hop)) ? 1 : 0;
    return rc;
}

static bool other_speaks(const struct cutter *c, const struct ear *e)
{
    int i;

    for (i = 0; i < c->channels; i++) {
        if (&c->ears[i] != e && c->ears[i].open && c->ears[i].quiet < c->lead)
            return true;
    }
    return false;
}

static enum errc hear_open(struct cutter *c, struct ear *e, bool loud, size_t n, struct err *err)
{
    enum errc rc = ERR_OK;

    e->quiet = loud ? 0 : e->quiet + n;
    e->loud_hops += loud ? 1 : 0;
    if (e->quiet >= c->end || (e->quiet >= c->end_turn && other_speaks(c, e)))
        rc = end_utterance(c, e, err);
    else if (e->n + c->hop > c->max)
        rc = cut_full(c, e, err);
    return rc;
}

static void hear_closed(struct cutter *c, struct ear *e, bool loud)
{
    e->score = loud ? e->score + 1 : MAX(e->score - 1, 0);
    if (e->score >= START_HOPS) {
        e->open = true;
        e->loud_hops = (size_t)e->score;
        e->quiet = 0;
    } else if (e->n >= 2 * c->lead) { /* rarely, since it moves memory */
        drop_front(e, e->n - c->lead);
    }
}

enum errc cutter_hop(struct cutter *c, const int16_t *const channel[CUTTER_CHANNELS], size_t frames,
                     struct err *err)
{
    enum errc rc = ERR_OK;
    struct ear *e;
    double now;
    bool loud;
    int i;

    for (i = 0; i < c->channels && !rc; i++) {
        e = &c->ears[i];
        memcpy(e->samples + e->n, channel[i], frames * sizeof(*channel[i]));
        e->n += frames;
        now = energy(channel[i], frames);
        noise_add(&e->noise, now);
        loud = is_loud(e, now);
        if (e->open)
            rc = hear_open(c, e, loud, frames, err);
        else
            hear_closed(c, e, loud);
    }
    return rc;
}

bool cutter_idle(const struct cutter *c)
{
    int i;

    for (i = 0; i < c->channels; i++) {
        if (c->ears[i].open || c->ears[i].score)
            return false;
    }
    return true;
}

enum errc cutter_flush(struct cutter *c, struct err *err)
{
    enum errc rc = ERR_OK;
    int i;

    for (i = 0; i < c->channels && !rc; i++) {
        if (c->ears[i].open)
            rc = end_utterance(c, &c->ears[i], err);
    }
    return rc;
}
