#include "local_cloud/speech/endpoint.h"

#include <math.h>

#include "voice/g711.h"

enum {
    FRAME_MS = ENDPOINT_FRAME / G711_BYTES_PER_MS,
    ONSET_FRAMES = 7, /* 70 ms of loud frames are speech: a click is shorter */
    MISSES_MAX = 3,   /* quiet frames in a row that an onset survives: a plosive's gap */
    LEARNING_FRAMES =
        10, /* at the line's beginning: what there is then is its noise, if it is quiet enough */
    LOUD_AGAIN = 2, /* loud frames in a row that interrupt the silence of a turn's end */
};

/* Decibels below full scale. */
#define FLOOR_AT_FIRST (-60.0)
#define FLOOR_LEARNT_HIGHEST (-40.0) /* somebody who speaks at once is louder */
#define FLOOR_LOWEST (-75.0)
#define FLOOR_HIGHEST (-30.0)
#define SPEECH_LOWEST (-48.0) /* nothing below it is speech, however quiet the line */
#define FLOOR_FALL 0.20       /* share of the way, each frame: noise is found quickly… */
#define FLOOR_RISE_DB 0.02    /* …and given up slowly: 2 dB each second */
#define HYSTERESIS_DB 3.0     /* speech goes on at a level that would not begin it */

void endpoint_init(struct endpoint *e, const struct endpoint_settings *s)
{
    *e = (struct endpoint){ .settings = *s, .floor_db = FLOOR_AT_FIRST };
}

void endpoint_configure(struct endpoint *e, const struct endpoint_settings *s)
{
    e->settings = *s;
}

int64_t endpoint_ms(const struct endpoint *e)
{
    return e->frames * FRAME_MS;
}

/* Of a frame, in decibels below full scale; silence is at the lowest floor. */
static double level_db(const uint8_t *ulaw)
{
    double sum = 0;
    int i;

    for (i = 0; i < ENDPOINT_FRAME; i++) {
        double v = g711_ulaw_to_linear(ulaw[i]) / 32768.0;

        sum += v * v;
    }
    return fmax(10.0 * log10(sum / ENDPOINT_FRAME + 1e-12), FLOOR_LOWEST);
}

static bool is_loud(struct endpoint *e, double db)
{
    double above = e->floor_db + 20.0 * e->settings.threshold;

    if (above < SPEECH_LOWEST + 12.0 * (e->settings.threshold - 0.5))
        above = SPEECH_LOWEST + 12.0 * (e->settings.threshold - 0.5);
    return db > (e->speaking ? above - HYSTERESIS_DB : above);
}

static void floor_follow(struct endpoint *e, double db)
{
    if (e->frames < LEARNING_FRAMES)
        e->floor_db = fmin(fmax(e->floor_db, db), FLOOR_LEARNT_HIGHEST);
    else if (db < e->floor_db)
        e->floor_db += FLOOR_FALL * (db - e->floor_db);
    else
        e->floor_db += FLOOR_RISE_DB;
    if (e->floor_db > FLOOR_HIGHEST)
        e->floor_db = FLOOR_HIGHEST;
}

static enum endpoint_event onset(struct endpoint *e, bool loud)
{
    if (!loud) {
        if (++e->quiet > MISSES_MAX)
            e->loud = 0;
        return ENDPOINT_NONE;
    }
    if (e->loud == 0)
        e->onset = e->frames - 1;
    e->quiet = 0;
    if (++e->loud < ONSET_FRAMES)
        return ENDPOINT_NONE;
    e->speaking = true;
    e->loud = 0;
    e->started_ms = e->onset * FRAME_MS - e->settings.prefix_padding_ms;
    if (e->started_ms < 0)
        e->started_ms = 0;
    return ENDPOINT_STARTED;
}

static enum endpoint_event offset(struct endpoint *e, bool loud)
{
    e->quiet++;
    e->loud = loud ? e->loud + 1 : 0;
    if (e->loud >= LOUD_AGAIN)
        e->quiet = 0;
    if (e->quiet * FRAME_MS < e->settings.silence_duration_ms)
        return ENDPOINT_NONE;
    e->speaking = false;
    e->loud = 0;
    e->stopped_ms = endpoint_ms(e);
    return ENDPOINT_STOPPED;
}

enum endpoint_event endpoint_feed(struct endpoint *e, const uint8_t *ulaw)
{
    double db = level_db(ulaw);
    bool loud = is_loud(e, db);

    floor_follow(e, db);
    e->frames++;
    return e->speaking ? offset(e, loud) : onset(e, loud);
}
