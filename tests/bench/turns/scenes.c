#include "turns/scenes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "local_cloud/speech/synth.h"
#include "sounds.h"

enum {
    SAMPLES_MAX = 12 * SCENES_HZ,
    WINDOW = SCENES_HZ / 100,
    SIDE_DB = 12,
};

struct phrase {
    const char *say, *words;
    const char *say_on, *words_on; /* after a pause */
};

static const struct phrase questions[] = {
    { .say = "what does a cleaning cost", .words = "What does a cleaning cost?" },
    { .say = "when are you open this week", .words = "When are you open this week?" },
    { .say = "where exactly is your practice", .words = "Where exactly is your practice?" },
    { .say = "what do i have to bring along", .words = "What do I have to bring along?" },
};

static const struct phrase backchannels[] = {
    { .say = "mmm", .words = "Mm." },           { .say = "uh huh", .words = "Uh-huh." },
    { .say = "okay", .words = "Okay." },        { .say = "yeah", .words = "Yeah." },
    { .say = "right", .words = "Right." },      { .say = "mhm", .words = "Mm-hmm." },
    { .say = "yes", .words = "Yes." },          { .say = "i see", .words = "I see." },
    { .say = "sure", .words = "Sure." },        { .say = "got it", .words = "Got it." },
    { .say = "ah okay", .words = "Ah, okay." }, { .say = "great", .words = "Great!" },
    { .say = "alright", .words = "Alright." },
};

static const struct phrase sides[] = {
    { .say = "can you bring the papers upstairs please",
      .words = "Can you bring the papers upstairs?" },
    { .say = "dinner is ready in ten minutes", .words = "Dinner is ready in ten minutes." },
    { .say = "did you see my keys on the table", .words = "Did you see my keys on the table?" },
    { .say = "turn that off and come over here", .words = "Turn that off and come over here." },
    { .say = "no leave it there", .words = "No, leave it there." },
    { .say = "i told him yesterday that we would not go",
      .words = "I told him yesterday that we wouldn't go." },
};

static const struct phrase shorts[] = {
    { .say = "stop", .words = "Stop." },
    { .say = "wait, no", .words = "Wait, no." },
    { .say = "hold on", .words = "Hold on." },
    { .say = "no", .words = "No." },
    { .say = "wait", .words = "Wait." },
    { .say = "one moment", .words = "One moment." },
    { .say = "hang on", .words = "Hang on." },
    { .say = "no thanks", .words = "No, thanks." },
    { .say = "excuse me", .words = "Excuse me." },
    { .say = "stop please", .words = "Stop, please." },
};

static const struct phrase longs[] = {
    { .say = "no i need a different day please", .words = "No, I need a different day, please." },
    { .say = "wait i wanted to ask about something else",
      .words = "Wait, I wanted to ask about something else." },
    { .say = "sorry can we talk about friday instead",
      .words = "Sorry, can we talk about Friday instead?" },
    { .say = "actually i would rather speak to a person",
      .words = "Actually, I'd rather speak to a person." },
    { .say = "that is too late for me", .words = "That's too late for me." },
    { .say = "and how much would that be with the x ray",
      .words = "And how much would that be with the X-ray?" },
    { .say = "okay but what about monday", .words = "Okay, but what about Monday?" },
};

static const struct phrase thinkings[] = {
    { "it's the, uh", "It's the, uh...", "twenty third of march", "23rd of March." },
    { "my number is oh three oh, five five five", "My number is 030555.", "one two one two",
      "1212." },
    { "it is spelled m, e, y", "It's spelled M-E-Y", "e, r", "E-R." },
    { "i would like to come on monday or", "I would like to come on Monday or",
      "maybe on tuesday morning", "maybe on Tuesday morning." },
    { "my name is", "My name is", "anna smith", "Anna Smith." },
    { "so, um", "So, um,", "do you have anything on friday", "do you have anything on Friday?" },
    { "could we make it at", "Could we make it at", "half past nine", "half past nine?" },
    { "the number is four nine, one five one", "The number is 49151", "two three four five",
      "2345." },
    { "i was born on the", "I was born on the", "fourth of july nineteen eighty",
      "4th of July 1980." },
    { "i need to see somebody because", "I need to see somebody because", "my tooth hurts",
      "my tooth hurts." },
    { "can you tell me if", "Can you tell me if", "the doctor is in today",
      "the doctor is in today?" },
    { "i'm calling about", "I'm calling about", "the bill from last week",
      "the bill from last week." },
    { "it should be on the twenty", "It should be on the 20...", "second of april",
      "2nd of April." },
};

static const struct kind {
    const char *name;
    const struct phrase *phrases; /* NULL: no voice */
    size_t n_phrases;
    int in_group; /* so many with each voice, on each line */
    int at_ms, at_spread_ms;
} kinds[OVERLAP_KINDS] = {
    [OVERLAP_BACKCHANNEL] = { "backchannel", backchannels, ARRAY_LEN(backchannels), 8, 1200, 2500 },
    [OVERLAP_COUGH] = { "cough", NULL, 0, 4, 1200, 2500 },
    [OVERLAP_SIDE] = { "side", sides, ARRAY_LEN(sides), 5, 1200, 2500 },
    [OVERLAP_SHORT] = { "short", shorts, ARRAY_LEN(shorts), 7, 1200, 2500 },
    [OVERLAP_LONG] = { "long", longs, ARRAY_LEN(longs), 5, 1200, 2500 },
    [OVERLAP_THINKING] = { "thinking", thinkings, ARRAY_LEN(thinkings), 5, 1000, 1200 },
};

const char *overlap_kind_name(enum overlap_kind k)
{
    return kinds[k].name;
}

struct maker {
    struct synth *synth;
    struct buf wave;
    unsigned seed;
};

static unsigned draw(struct maker *m, unsigned below)
{
    m->seed = m->seed * 1664525u + 1013904223u;
    return (m->seed >> 8) % below;
}

static double mean_square(const double *s, size_t n)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += s[i] * s[i];
    return n ? sum / (double)n : 0;
}

/* Without the silence at both ends: a window counts from 25 dB below the whole. */
static void trim(const double **s, size_t *n)
{
    double least = mean_square(*s, *n) / 316;

    while (*n > WINDOW && mean_square(*s, WINDOW) < least)
        *s += WINDOW, *n -= WINDOW;
    while (*n > WINDOW && mean_square(*s + *n - WINDOW, WINDOW) < least)
        *n -= WINDOW;
}

static struct utterance finish(const double *s, size_t n, const char *words, double level)
{
    struct utterance u = { .words = words };
    double gain;
    size_t i;

    trim(&s, &n);
    gain = level / sqrt(mean_square(s, n) + 1);
    u.pcm = mem_calloc(n + 1, sizeof(*u.pcm));
    u.n = n;
    for (i = 0; i < n; i++)
        u.pcm[i] = (int16_t)fmax(-32000, fmin(32000, s[i] * gain));
    return u;
}

static bool speak(struct maker *m, struct utterance *u, size_t voice, const char *say,
                  const char *words, double level)
{
    const int16_t *pcm;
    double *s;
    size_t i, n;

    buf_reset(&m->wave);
    if (synth_linear(m->synth, str_c(synth_voice_name(voice)), str_c(say), &m->wave, NULL))
        return false;
    n = m->wave.n / sizeof(*pcm);
    pcm = (const int16_t *)(const void *)m->wave.p;
    s = mem_calloc(n + 1, sizeof(*s));
    for (i = 0; i < n; i++)
        s[i] = pcm[i];
    *u = finish(s, n, words, level);
    mem_free(s);
    return true;
}

/* A blow of noise that dies away, with less of its highs than white noise has. */
static void burst(struct maker *m, double *s, size_t n, double amplitude)
{
    double low = 0;
    size_t i;

    sound_add(s, n, SOUND_HISS, amplitude, 0, &m->seed);
    for (i = 0; i < n; i++) {
        double t = (double)i / SCENES_HZ;

        low += (s[i] - low) * 0.55;
        s[i] = low * fmin(t / 0.008, 1) * exp(-t * 11);
    }
}

/* One to three coughs; each third is a door, each fifth a click. */
static struct utterance make_noise(struct maker *m, int i, double level)
{
    enum { EACH = SCENES_HZ * 35 / 100 };
    double *s = mem_calloc((size_t)EACH * 3, sizeof(*s));
    size_t n = 0;
    struct utterance u;
    unsigned k, coughs = 1 + draw(m, 3);

    if (i % 3 == 2) {
        sound_add(s, EACH, SOUND_THUD, 1000, 0, &m->seed);
        n = EACH;
    } else if (i % 5 == 4) {
        burst(m, s, SCENES_HZ / 50, 1000);
        n = SCENES_HZ / 50;
    } else {
        for (k = 0; k < coughs; k++, n += EACH)
            burst(m, s + n, EACH, 1000);
    }
    u = finish(s, n, "", level);
    mem_free(s);
    return u;
}

static double decibels(double db)
{
    return pow(10, db / 20);
}

/* The level of one utterance varies by 1.5 dB to either side. */
static double level_of(struct maker *m)
{
    return SCENES_LEVEL * decibels(((double)draw(m, 301) - 150) / 100);
}

static bool make_sound(struct maker *m, struct overlap *o, size_t voice, int i)
{
    const struct kind *kind = &kinds[o->kind];
    const struct phrase *p;

    if (o->kind == OVERLAP_COUGH) {
        o->over = make_noise(m, i, level_of(m));
        return true;
    }
    p = &kind->phrases[(size_t)i % kind->n_phrases];
    if (o->kind == OVERLAP_THINKING)
        return speak(m, &o->question, voice, p->say, p->words, level_of(m)) &&
               speak(m, &o->over, voice, p->say_on, p->words_on, level_of(m));
    if (o->kind == OVERLAP_SIDE)
        return speak(m, &o->over, (voice + 2) % SCENES_VOICES, p->say, p->words,
                     level_of(m) / decibels(SIDE_DB));
    return speak(m, &o->over, voice, p->say, p->words, level_of(m));
}

/* `i`: of its kind, over all groups, from where the seed begins. */
static bool make(struct maker *m, struct overlap *o, int group, enum overlap_kind k, int i)
{
    size_t voice = (size_t)group / 2;
    const struct phrase *q = &questions[(size_t)i % ARRAY_LEN(questions)];

    o->kind = k;
    o->group = group;
    o->noisy = group % 2;
    o->at_ms = kinds[k].at_ms + (int)draw(m, (unsigned)kinds[k].at_spread_ms);
    if (!make_sound(m, o, voice, i))
        return false;
    return k == OVERLAP_THINKING || speak(m, &o->question, voice, q->say, q->words, level_of(m));
}

static void shuffle(struct maker *m, struct overlap *list, size_t n)
{
    for (; n > 1; n--) {
        size_t other = draw(m, (unsigned)n);
        struct overlap o = list[n - 1];

        list[n - 1] = list[other];
        list[other] = o;
    }
}

/* The samples of an overlap are its own, whichever others are wanted. */
static bool add_group(struct scenes *s, struct maker *m, unsigned seed, const char *only, int group)
{
    size_t first = s->n;
    int k, i;

    for (k = 0; k < OVERLAP_KINDS; k++) {
        for (i = 0; i < kinds[k].in_group; i++) {
            struct overlap *o = &s->list[s->n];
            int nth = group * kinds[k].in_group + i;

            (void)snprintf(o->name, sizeof(o->name), "%s-%02d-%s-%s", kinds[k].name, nth,
                           synth_voice_name((size_t)group / 2), group % 2 ? "noise" : "clean");
            m->seed = seed * 7919u + (unsigned)(k * 1000 + nth) * 104729u;
            if (only && !strstr(o->name, only))
                continue;
            if (!make(m, o, group, (enum overlap_kind)k, nth + (int)(seed % 100)))
                return false;
            s->n++;
        }
    }
    m->seed = seed + (unsigned)group;
    shuffle(m, s->list + first, s->n - first);
    return true;
}

bool scenes_create(struct scenes *s, unsigned seed, const char *only)
{
    struct maker m = { .synth = synth_create(), .wave = BUF_INIT(SAMPLES_MAX * sizeof(int16_t)) };
    size_t most = 0;
    int k, group;
    bool made = true;

    for (k = 0; k < OVERLAP_KINDS; k++)
        most += (size_t)kinds[k].in_group * SCENES_GROUPS;
    s->list = mem_calloc(most, sizeof(*s->list));
    s->n = 0;
    for (group = 0; made && group < SCENES_GROUPS; group++)
        made = add_group(s, &m, seed, only, group);
    buf_release(&m.wave);
    (void)synth_destroy(m.synth); /* NULL */
    if (!made)
        scenes_release(s);
    return made;
}

void scenes_release(struct scenes *s)
{
    size_t i;

    for (i = 0; i < s->n; i++) {
        mem_free(s->list[i].question.pcm);
        mem_free(s->list[i].over.pcm);
    }
    mem_free(s->list);
    *s = (struct scenes){ 0 };
}
