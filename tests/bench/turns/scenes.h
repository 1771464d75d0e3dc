/* turns/scenes.h: what callers do while the agent speaks, or thinks they are through: made of synthetic
 * voices, noise and a seed, before anything runs. The same seed gives the same samples. */
#ifndef TURNS_SCENES_H
#define TURNS_SCENES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

enum overlap_kind {
    OVERLAP_BACKCHANNEL,
    OVERLAP_COUGH, /* also a door, a click */
    OVERLAP_SIDE,  /* somebody else in the room, 12 dB below the caller */
    OVERLAP_SHORT, /* interruptions: a word or two */
    OVERLAP_LONG,  /* a sentence */
    OVERLAP_THINKING,
    OVERLAP_KINDS,
};

enum {
    SCENES_HZ = 8000,
    SCENES_LEVEL = 2000,  /* a caller's root mean square: -24 dB */
    SCENES_NOISE_DB = 15, /* noise below it */
    SCENES_VOICES = 4,
    SCENES_GROUPS = 2 * SCENES_VOICES, /* a voice on a clean line, and on a noisy one */
};

struct utterance {
    const char *words; /* as the engine writes them down; empty: nothing is understood */
    int16_t *pcm;      /* from the first sound to the last */
    size_t n;
};

struct overlap {
    char name[64];
    enum overlap_kind kind;
    int group;
    bool noisy;
    struct utterance question; /* thinking: the first piece */
    struct utterance over;     /* thinking: what comes after the pause */
    int at_ms;                 /* after the answer's first sound; thinking: the pause */
};

struct scenes {
    struct overlap *list; /* group by group, each in an order of the seed */
    size_t n;
};

const char *overlap_kind_name(enum overlap_kind k);
/* `only`: those whose name contains it; NULL: all. False: a voice is missing. */
bool scenes_create(struct scenes *s, unsigned seed, const char *only) MUST_USE;
void scenes_release(struct scenes *s);

#endif
