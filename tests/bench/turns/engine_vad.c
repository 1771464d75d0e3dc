#include "turns/engine_vad.h"

#include <string.h>

#include "voice/g711.h"

enum {
    SILENCE_MS = 500, /* default of silence_duration_ms */
    VOICED = 3,       /* of the last six frames begin a turn */
    WINDOW = 0x3F,
    LAG_MIN = 20, /* 400 Hz */
    LAG_MAX = 133,
    QUIET = 250,
};

static const double begins = 4, goes_on = 2, pitched = 0.5;

void engine_vad_init(struct engine_vad *v)
{
    int i;

    *v = (struct engine_vad){ .silence_ms = SILENCE_MS };
    for (i = 0; i < ENGINE_VAD_FLOORS; i++)
        v->floors[i] = QUIET;
}

static double product(const int16_t *a, const int16_t *b)
{
    double sum = 0;
    int i;

    for (i = 0; i < ENGINE_VAD_FRAME; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static bool has_pitch(const struct engine_vad *v)
{
    const int16_t *now = v->past + ENGINE_VAD_FRAME;
    double energy = product(now, now) + 1, before = 1, here = 1;
    int lag;

    for (lag = LAG_MIN; lag <= LAG_MAX; lag++) {
        const int16_t *then = now - lag;
        double after = product(now, then);

        if (after < here && here >= before && lag > LAG_MIN + 1 && here > pitched * energy)
            return true;
        before = here;
        here = after;
    }
    return false;
}

static double floor_of(const struct engine_vad *v)
{
    double least = v->floors[0];
    int i;

    for (i = 1; i < ENGINE_VAD_FLOORS; i++)
        least = v->floors[i] < least ? v->floors[i] : least;
    return least < QUIET ? QUIET : least;
}

static enum engine_vad_event decide(struct engine_vad *v)
{
    if (v->loud & 1)
        v->until_ms = v->at_ms;
    if (!v->speech && __builtin_popcount(v->voiced & WINDOW) >= VOICED) {
        int first = 0;

        while (first < 10 && v->loud >> (first + 1) & 1)
            first++;
        v->speech = true;
        v->from_ms = v->at_ms - (first + 1) * (int64_t)ENGINE_VAD_FRAME_MS;
        return ENGINE_VAD_STARTED;
    }
    if (v->speech && v->at_ms - v->until_ms >= v->silence_ms) {
        v->speech = false;
        v->voiced = 0;
        return ENGINE_VAD_STOPPED;
    }
    return ENGINE_VAD_NOTHING;
}

enum engine_vad_event engine_vad_hear(struct engine_vad *v, const uint8_t *ulaw)
{
    double energy, least = floor_of(v);
    bool loud;

    memmove(v->past, v->past + ENGINE_VAD_FRAME, ENGINE_VAD_FRAME * sizeof(v->past[0]));
    g711_ulaw_decode(v->past + ENGINE_VAD_FRAME, ulaw, ENGINE_VAD_FRAME);
    energy = product(v->past + ENGINE_VAD_FRAME, v->past + ENGINE_VAD_FRAME) / ENGINE_VAD_FRAME;
    v->floors[v->at_ms / ENGINE_VAD_FRAME_MS % ENGINE_VAD_FLOORS] = energy;
    v->at_ms += ENGINE_VAD_FRAME_MS;
    loud = energy > least * (v->speech ? goes_on : begins);
    v->loud = v->loud << 1 | loud;
    v->voiced = v->voiced << 1 | (loud && has_pitch(v));
    return decide(v);
}
