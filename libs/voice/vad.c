#include "voice/vad.h"

#include <string.h>

#include <webrtc_vad.h>

#include "base/die.h"
#include "base/mem.h"
#include "voice/g711.h"

enum {
    FRAME = G711_FRAME_BYTES,
    MODE = 2,         /* of 0 to 3: the higher, the fewer false alarms */
    START_FRAMES = 2, /* of the last three: a speech begins */
    HANG_FRAMES = VAD_HANG_MS / VAD_FRAME_MS,
    FLOOR_WINDOW = 25, /* frames of which the quietest counts */
    FLOOR_WINDOWS = 5,
    QUIET = 250,     /* mean square; -66 dB: no floor is lower */
    ABOVE_FLOOR = 4, /* 6 dB */
    ABOVE_NOISE = 2, /* 3 dB: in noise little of a word stands out */
    NOISY = 4000,    /* -54 dB: a floor from here on */
    LATE_FRAMES = 3, /* what noise hides of an onset, mostly a consonant */
    LEVEL_UNKNOWN =
        163000,      /* -38 dB: below it, while the caller's level is unknown, it is an aside */
    MODEL_EVERY = 4, /* of the quiet frames one in so many goes to the detector's noise model */
    LAG_MIN = 10,    /* 400 Hz, at 4 kHz */
    LAG_MAX = 66,    /* 60 Hz */
    WINDOW = 120,    /* samples that are compared with those a lag before: 30 ms */
    PAST = WINDOW + LAG_MAX + 2,
    PITCH_MAX = 4095, /* of a sample for the pitch: 120 squares of it fit into 31 bits */
};

static const double voiced_min = 0.5;      /* normalised autocorrelation: noise stays below 0.3 */
static const double hum_brightness = 0.03; /* at most; vowels have 0.05 to 0.5, a sibilant 10 */
static const double hum_share = 0.8;       /* of the frames */

/* What is known of a frame. */
struct frame {
    uint32_t energy; /* mean square, without the mean */
    double
        bright; /* mean square of the second difference: grows with the fourth power of frequency */
};

struct vad {
    VadInst *webrtc;
    double aside_ratio;
    struct vad_now now;
    int64_t at_ms;
    uint8_t rest[FRAME]; /* of a frame that has begun */
    size_t n_rest;
    struct {
        uint32_t window_min, mins[FLOOR_WINDOWS], energy;
        double bright; /* mean of quiet frames */
        int frames, next;
    } floor;
    unsigned recent; /* the last frames, 1: speech; the newest is bit 0 */
    int quiet_frames, model_skipped;
    int64_t last_ms; /* position after the last frame of speech */
    int frames, dark_frames;
    double smooth, peak,
        level;          /* energies: smoothed, the speech's largest, the caller's (0: unknown) */
    bool over_agent;    /* the speech began over the agent's voice, or ran into it */
    int16_t past[PAST]; /* at 4 kHz, for the pitch */
};

struct vad *vad_create(int64_t aside_db)
{
    struct vad *v = MEM_NEW(struct vad);
    int64_t db = aside_db ? aside_db : VAD_ASIDE_DB;
    size_t i;

    if (WebRtcVad_Create(&v->webrtc) || WebRtcVad_Init(v->webrtc) ||
        WebRtcVad_set_mode(v->webrtc, MODE))
        die("no memory for a voice activity detector");
    for (v->aside_ratio = 1; db > 0; db--)
        v->aside_ratio *= 1.2589254; /* 1 dB */
    for (i = 0; i < FLOOR_WINDOWS; i++)
        v->floor.mins[i] = QUIET; /* a quiet line, until 2.5 s have shown another */
    v->floor.window_min = UINT32_MAX;
    v->floor.energy = QUIET;
    return v;
}

struct vad *vad_destroy(struct vad *v)
{
    if (v) {
        WebRtcVad_Free(v->webrtc);
        mem_free(v);
    }
    return NULL;
}

static struct frame measure(const int16_t *s)
{
    int64_t sum = 0, squares = 0, bends = 0;
    size_t i;

    for (i = 0; i < FRAME; i++) {
        int32_t bend = i > 1 ? s[i] - 2 * s[i - 1] + s[i - 2] : 0;

        sum += s[i];
        squares += (int64_t)s[i] * s[i];
        bends += (int64_t)bend * bend;
    }
    return (struct frame){ (uint32_t)((squares - sum * sum / FRAME) / FRAME),
                           (double)bends / FRAME }; /* at most 32124 squared */
}

static void floor_follow(struct vad *v, const struct frame *f)
{
    size_t i;

    v->floor.window_min = MIN(v->floor.window_min, f->energy);
    if (f->energy < v->floor.energy * ABOVE_FLOOR)
        v->floor.bright += (f->bright - v->floor.bright) / 16;
    if (++v->floor.frames < FLOOR_WINDOW)
        return;
    v->floor.frames = 0;
    v->floor.mins[v->floor.next] = v->floor.window_min;
    v->floor.next = (v->floor.next + 1) % FLOOR_WINDOWS;
    v->floor.window_min = UINT32_MAX;
    v->floor.energy = UINT32_MAX;
    for (i = 0; i < FLOOR_WINDOWS; i++)
        v->floor.energy = MIN(v->floor.energy, v->floor.mins[i]);
    v->floor.energy = MAX(v->floor.energy, (uint32_t)QUIET);
}

static bool is_noisy(const struct vad *v)
{
    return v->floor.energy >= NOISY;
}

/* Speech stands out of the noise, and WebRTC's detector takes it for speech. */
static bool is_speech(struct vad *v, const int16_t *s, const struct frame *f)
{
    unsigned above = is_noisy(v) ? ABOVE_NOISE : ABOVE_FLOOR;
    bool loud = f->energy > v->floor.energy * (uint64_t)above;

    if (!loud && !v->now.speech && ++v->model_skipped < MODEL_EVERY)
        return false;
    v->model_skipped = 0;
    return WebRtcVad_Process(v->webrtc, G711_HZ, s, FRAME) == 1 && loud;
}

static void keep_past(struct vad *v, const int16_t *s)
{
    enum { HALF = FRAME / 2 };
    size_t i;

    memmove(v->past, v->past + HALF, (PAST - HALF) * sizeof(v->past[0]));
    for (i = 0; i < HALF; i++)
        v->past[PAST - HALF + i] = (int16_t)((s[2 * i] + s[2 * i + 1]) / 2);
}

/* So many bits of each sample are left off that a window's sums of products fit into 32 bits. */
static int shift_for(const int16_t *s, size_t n)
{
    int32_t any = 0;
    int shift = 0;
    size_t i;

    for (i = 0; i < n; i++)
        any |= s[i] < 0 ? ~s[i] : s[i];
    for (; any >> shift > PITCH_MAX; shift++)
        ;
    return shift;
}

static int32_t products(const int16_t *a, const int16_t *b)
{
    int32_t sum = 0;
    size_t i;

    for (i = 0; i < WINDOW; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The square of the normalised correlation of the window and the one before it by `lag`. */
static double correlation(const int16_t *now, double energy, int lag)
{
    const int16_t *before = now - lag;
    double ab = products(now, before);

    return ab > 0 ? ab * ab / (energy * (1 + products(before, before))) : 0;
}

/* Some period between 60 and 400 Hz repeats. The lag must be better than both its neighbours: what is
 * merely slow (a thud, hum of the mains) only falls off with the lag. */
static bool has_pitch(const struct vad *v)
{
    int16_t s[PAST];
    const int16_t *now = s + PAST - WINDOW;
    int shift = shift_for(v->past, PAST), lag;
    double energy, before, here;

    for (lag = 0; lag < PAST; lag++)
        s[lag] = (int16_t)(v->past[lag] >> shift);
    energy = 1 + products(now, now);
    before = correlation(now, energy, LAG_MIN - 1);
    here = correlation(now, energy, LAG_MIN);
    for (lag = LAG_MIN; lag <= LAG_MAX; lag++) {
        double after = correlation(now, energy, lag + 1);

        if (here >= voiced_min * voiced_min && here > before && here >= after)
            return true;
        before = here;
        here = after;
    }
    return false;
}

/* Low and nothing else, once the line's noise is taken off. */
static bool is_dark(const struct vad *v, const struct frame *f)
{
    double energy = (double)f->energy - v->floor.energy;
    double bright = f->bright - v->floor.bright;

    return bright < hum_brightness * energy;
}

static void speech_begins(struct vad *v)
{
    int first = (v->recent & 4 ? 3 : 2) + (is_noisy(v) ? LATE_FRAMES : 0);

    v->now =
        (struct vad_now){ .speech = true, .onset_ms = v->at_ms - (int64_t)first * VAD_FRAME_MS };
    v->frames = v->dark_frames = 0;
    v->peak = 0;
    v->over_agent = false;
}

static void speech_ends(struct vad *v)
{
    v->now.speech = false;
    if (v->over_agent || v->now.ms < VAD_LEVEL_MS)
        return;
    /* Up quickly, down slowly: what is said in the background meanwhile counts little. */
    v->level += v->level == 0 ? v->peak : (v->peak - v->level) / (v->peak > v->level ? 2 : 8);
}

static void speech_goes_on(struct vad *v, const struct frame *f, bool over_agent)
{
    v->last_ms = v->at_ms;
    v->now.ms = v->last_ms - v->now.onset_ms;
    v->peak = MAX(v->peak, v->smooth - v->floor.energy);
    v->frames++;
    v->dark_frames += is_dark(v, f);
    v->now.hum = v->dark_frames >= hum_share * v->frames;
    v->now.aside =
        v->peak * v->aside_ratio < v->level || (v->level == 0 && v->peak < LEVEL_UNKNOWN);
    if (!over_agent)
        return;
    v->over_agent = true;
    if (has_pitch(v))
        v->now.voiced_ms += VAD_FRAME_MS;
}

static void judge(struct vad *v, const uint8_t *ulaw, bool over_agent)
{
    int16_t s[FRAME];
    struct frame f;
    bool speech;

    g711_ulaw_decode(s, ulaw, FRAME);
    f = measure(s);
    speech = is_speech(v, s, &f);
    floor_follow(v, &f);
    keep_past(v, s);
    v->smooth += ((double)f.energy - v->smooth) / 2;
    v->at_ms += VAD_FRAME_MS;
    v->recent = (v->recent << 1 | speech) & 7;
    v->quiet_frames = speech ? 0 : v->quiet_frames + 1;
    if (!v->now.speech && speech && __builtin_popcount(v->recent) >= START_FRAMES)
        speech_begins(v);
    v->now.quiet_ms = (int64_t)v->quiet_frames * VAD_FRAME_MS;
    if (v->now.speech && speech)
        speech_goes_on(v, &f, over_agent);
    else if (v->now.speech && v->quiet_frames >= HANG_FRAMES)
        speech_ends(v);
}

void vad_hear(struct vad *v, const uint8_t *ulaw, size_t n, bool over_agent)
{
    while (n > 0) {
        size_t take = MIN(n, FRAME - v->n_rest);

        if (take == FRAME) {
            judge(v, ulaw, over_agent);
        } else {
            memcpy(v->rest + v->n_rest, ulaw, take);
            v->n_rest += take;
            if (v->n_rest == FRAME) {
                v->n_rest = 0;
                judge(v, v->rest, over_agent);
            }
        }
        ulaw += take;
        n -= take;
    }
}

const struct vad_now *vad_now(const struct vad *v)
{
    return &v->now;
}

int64_t vad_position_ms(const struct vad *v)
{
    return v->at_ms;
}
