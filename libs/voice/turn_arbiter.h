/* voice/turn_arbiter.h: who speaks. One table-driven machine for each call decides when the agent answers,
 * listens, or stops talking; it alone starts, cancels and truncates responses, so there are never two. It
 * is for engines with VOICE_TURNS, whose automatic answers and interruptions are off.
 *
 * Two witnesses tell it that the caller speaks: our own detection (voice/vad.h), at once, and the engine's
 * turn events, a round trip and a window later. Over the agent's voice our own decides; the engine's alone
 * counts where ours has heard nothing at all. A third, the transcript, judges short speech afterwards.
 *
 * Pure: the owner reports events, then calls turn_tick() and again when that asks to be; times are monotonic
 * microseconds.
 * At most one wish of each kind (an answer, a text to say) waits while a response is running or the caller
 * is speaking; a text goes first. */
#ifndef VOICE_TURN_ARBITER_H
#define VOICE_TURN_ARBITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/str.h"
#include "voice/engine.h"
#include "voice/playout.h"
#include "voice/vad.h"

enum {
    TURN_SAY_MAX = 2000,   /* bytes of a text to say; longer ones are cut at a character */
    TURN_SUSTAIN_MS = 300, /* speech over the agent's voice that makes it pause */
    TURN_WORD_MS = 160,    /* or less, when it ends there: the shortest words are as short */
    TURN_JOIN_MS = 300,    /* between two pieces of speech: they count together for it */
    TURN_BREATH_MS = 40,   /* quiet for so long when it would yield: it goes on */
    TURN_YIELD_MS = 560,   /* of pause: the caller still speaks, so the agent yields */
    TURN_AGAIN_MS = 800,   /* after it has gone on, speech sustained anew: it yields at once */
    TURN_HUM_MS = 1200,    /* a hum so long is no "mm-hm" any more */
    TURN_JUDGE_MS = 3000,  /* for the transcript of speech that the agent talked on over */
    TURN_SHORT_MS = 2000,  /* longer speech over the agent's voice needs no transcript */
    TURN_HESITATION_MS =
        2000,                /* the wait for more, after the engine has taken the turn for over: */
    TURN_DIGITS_MS = 1500,   /* after a filler or an article, after digits, */
    TURN_SPELLING_MS = 1500, /* after letters */
    TURN_TEXT_MS = 800,      /* and, in such a turn, for the transcript of what follows */
    TURN_HEAR_MS = 700,      /* an answer that is there sooner waits for the transcript at most */
    TURN_CONFIRM_MS = 1000,  /* our own detection alone keeps an answer waiting for so long */
    TURN_FRAMES_MS = 200,    /* the line sends nothing: nobody speaks any more */
    TURN_WATCHDOG_MS =
        4000,              /* asked for a response, heard nothing of it; asked again, half of it */
    TURN_STALL_MS = 6000,  /* a response is running, yet nothing of it comes */
    TURN_RETRY_MS = 1000,  /* before a failed response is tried again */
    TURN_CANCEL_MS = 5000, /* a cancelled response that does not end, */
    TURN_DEAD_MS = 2000,   /* and one that has stalled before */
    TURN_COMMIT_MS = 1500, /* the caller has stopped, the turn was not reported */
    TURN_RECHECK_MS = 100, /* while the caller speaks over what must be heard */
};

enum turn_state {
    TURN_NONE,
    TURN_LISTENING, /* no response; silence */
    TURN_ASKED,     /* a response was asked for */
    TURN_THINKING,  /* it is running, not yet heard */
    TURN_SPEAKING,  /* it is running and heard */
    TURN_READY,     /* it is done, and waits to be heard until the transcript has come */
    TURN_FINISHING, /* it is done, its audio is still being heard */
    TURN_ATTENTIVE, /* as SPEAKING or FINISHING, and the caller has begun to speak */
    TURN_PAUSED,    /* and goes on speaking: the agent is silent, its audio waits */
    TURN_YIELDING,  /* cancelled; waiting for its end */
    TURN_RETRYING,  /* it failed; waiting to ask again */
    TURN_STATES,
};

/* 0: as above; -1: at once, and for the waits: none. */
struct turn_settings {
    int64_t sustain_ms, yield_ms, hum_ms;
    int64_t hesitation_ms, digits_ms, spelling_ms;
    int64_t watchdog_ms, stall_ms, retry_ms;
    struct str language; /* of the caller's transcript, ISO 639-1; empty: unknown. Borrowed. */
};

struct turn_ops {
    void (*respond)(void *arg, uint32_t tag);
    void (*say)(void *arg, struct str text, uint32_t tag);
    void (*cancel)(void *arg, struct str response_id); /* empty: whichever is active */
    void (*truncate)(void *arg, const struct playout_heard *heard);
    /* The agent was interrupted: `heard` parts were cut, in order. After cancel and truncate. */
    void (*on_interrupted)(void *arg, const struct playout_heard *heard, size_t n);
    /* The caller has the floor: nothing runs, nothing waits, nothing is heard. */
    void (*on_listening)(void *arg);
    /* A response failed or never came, and so did the second attempt. The owner says a fallback or gives up.
     * `said`: it was a text to say. */
    void (*on_gave_up)(void *arg, bool said, struct str reason);
};

struct turn_arbiter;

/* Borrows playout and ops, copies the rest. */
struct turn_arbiter *turn_create(const struct turn_ops *ops, void *arg, struct playout *playout,
                                 const struct turn_settings *settings,
                                 const struct log *log) MUST_USE;
/* A paused playout goes on. */
struct turn_arbiter *turn_destroy(struct turn_arbiter *t);
enum turn_state turn_state(const struct turn_arbiter *t);
const char *turn_state_name(enum turn_state s);

/* Wishes. `keep`: it cannot be interrupted until it has been heard, and does not wait for the caller to stop
 * speaking. A second text replaces one that still waits. */
void turn_respond(struct turn_arbiter *t, int64_t now_us);
void turn_say(struct turn_arbiter *t, struct str text, bool keep, int64_t now_us);
/* The caller has stopped in mid-sentence, and is given time until then; 0: that is not so. */
int64_t turn_hears_out_us(const struct turn_arbiter *t);
/* Something is said or waiting to be. */
bool turn_busy(const struct turn_arbiter *t);

/* Events. */
/* Speech that no response makes is in playout: kept audio. The part of it whose response is called `keep_id`
 * cannot be interrupted. */
void turn_on_kept(struct turn_arbiter *t, struct str keep_id, int64_t now_us);
void turn_on_response_started(struct turn_arbiter *t, struct str response_id, uint32_t tag,
                              int64_t now_us);
void turn_on_response_done(struct turn_arbiter *t, const struct voice_response *r, int64_t now_us);
/* Whether audio, text and tool calls of this response still count: late ones of a dead one do not. */
bool turn_wants(const struct turn_arbiter *t, struct str response_id);
void turn_on_progress(struct turn_arbiter *t, struct str response_id,
                      int64_t now_us); /* anything of it came */
/* Audio of a response went out for the first time, or of a further part of it. */
void turn_on_playing(struct turn_arbiter *t, struct str response_id, int64_t now_us);
void turn_on_idle(struct turn_arbiter *t, int64_t now_us); /* playout: all was heard */
/* The caller must not be overheard now: an answer is heard or on its way (vad_hear()). */
bool turn_attentive(const struct turn_arbiter *t);
/* Our own detection, after each frame in which there is speech, and after the one that ended it. */
void turn_on_voice(struct turn_arbiter *t, const struct vad_now *v, int64_t now_us);
/* The engine's. `since_us`: the onset, before now. */
void turn_on_speech_started(struct turn_arbiter *t, int64_t since_us, int64_t now_us);
void turn_on_speech_stopped(struct turn_arbiter *t, int64_t now_us);
/* The engine tells late of this speech: it was not over the agent's voice. Before turn_on_committed(). */
void turn_was_before(struct turn_arbiter *t);
/* The caller's turn is over. True: it will be answered; false: it was only a sound over the agent's voice,
 * or its transcript is to tell. */
bool turn_on_committed(struct turn_arbiter *t, struct str item_id, int64_t now_us);
/* Its transcript, whole; empty: nothing was understood. True: it will be answered after all. */
bool turn_on_caller_text(struct turn_arbiter *t, struct str item_id, struct str text,
                         int64_t now_us);
/* The caller presses keys: the agent stops, and wishes wait until all are in. */
void turn_on_keys(struct turn_arbiter *t, bool pressing, int64_t now_us);
void turn_on_refused(struct turn_arbiter *t, const struct voice_error *e, int64_t now_us);

/* Since when the caller has not heard the agent because it was paused; 0: it is not paused. To be asked
 * in on_interrupted: a pause comes before each interruption. */
int64_t turn_silent_since_us(const struct turn_arbiter *t);

/* Runs what is due; returns when to be called next, or -1. */
int64_t turn_tick(struct turn_arbiter *t, int64_t now_us);

#endif
