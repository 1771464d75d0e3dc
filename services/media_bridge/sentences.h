/* media_bridge/sentences.h: the few fixed sentences that the bridge has the engine say, by language. */
#ifndef MEDIA_BRIDGE_SENTENCES_H
#define MEDIA_BRIDGE_SENTENCES_H

struct profile;

struct sentences {
    const char *language;    /* ISO 639-1 */
    const char *failed;      /* an answer could not be made, or the caller's words were lost */
    const char *interrupted; /* the engine was lost, and is there again */
    const char *still_there; /* nobody has spoken for a while */
    const char *one_moment;  /* a tool takes its time */
    const char *silence;     /* the call ends for silence */
    const char *time_short;  /* it will soon reach its longest time */
    const char *time_limit;  /* the call has reached its longest time */
};

/* By the profile's default language; English when there is none for it. */
const struct sentences *sentences_for(const struct profile *p);

#endif
