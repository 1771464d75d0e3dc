/* voice/turn_arbiter_internal.h: what the two halves of the arbiter share. turn_arbiter.c: the table, the
 * agent's side; turn_arbiter_caller.c: what the witnesses of the caller's speech make of it. */
#ifndef VOICE_TURN_ARBITER_INTERNAL_H
#define VOICE_TURN_ARBITER_INTERNAL_H

#include "base/buf.h"
#include "voice/turn_arbiter.h"

enum turn_event {
    EV_WISH,        /* something may be asked for */
    EV_KEPT,        /* kept audio is played */
    EV_STARTED,     /* our response runs */
    EV_PLAYING,     /* the caller begins to hear it */
    EV_DONE,        /* it is over, audio of it is still to be heard */
    EV_DONE_HELD,   /* it is over, and held back */
    EV_DONE_SILENT, /* it is over, nothing is to be heard */
    EV_FAILED,      /* it failed or was refused; may be tried again */
    EV_BLOCKED,     /* refused: another response runs */
    EV_IDLE,        /* all audio was heard */
    EV_SPEECH,      /* the caller begins to speak */
    EV_QUIET,       /* and stops */
    EV_KEY,         /* the caller presses a key */
    EV_SUSTAINED,   /* and goes on */
    EV_INSISTED,    /* and still, although the agent has paused */
    EV_JUDGED,      /* what was said over the agent's voice was meant as a turn */
    EV_UNFINISHED,  /* the turn that was taken for over is not */
    EV_TIMEOUT,     /* of the state */
    EV_EVENTS,
};

struct turn_arbiter {
    const struct turn_ops *ops;
    void *arg;
    struct playout *playout;
    struct turn_settings set;
    struct log log;
    enum turn_state state, before; /* before: what an attentive or paused agent goes back to */
    int64_t now_us;
    int64_t state_due_us, sustain_due_us, commit_due_us; /* 0: not running */
    int64_t insist_due_us, judge_due_us, voice_due_us;
    int64_t hold_due_us;   /* until then an answer waits for the caller to go on */
    int64_t hear_due_us;   /* until then its audio waits for the transcript; 0: it does not */
    int64_t text_us;       /* from the end of a turn to its transcript, the last time; 0: unknown */
    bool keys;             /* the caller presses them */
    bool caller_speaks;    /* says the engine */
    bool engine_alone;     /* and our own detection has heard nothing */
    int64_t speech_us;     /* its onset, as the engine has it */
    struct vad_now voice;  /* our own detection */
    int64_t voice_seen_us; /* speech was last there */
    bool passed_over;      /* the agent went on while this speech lasted */
    bool hum_passed;       /* because it was a hum */
    struct {               /* the caller's speech over the agent's voice just before this one */
        int64_t ms, voiced_ms, until_us;
    } piece;
    int64_t asked_us, silent_us;
    int64_t resumed_us; /* it has gone on after a pause; 0: it has not */
    int64_t audible_us; /* since when the agent is heard without a gap */
    struct {     /* the caller's speech over the agent's voice, until the engine commits it */
        bool on; /* there is some, and nothing came of it yet */
        bool voice, heeded; /* heard by ourselves; and taken for the caller's voice */
    } over;
    bool unfinished;   /* the last piece of the turn was left open */
    struct buf pieces; /* what was said of it so far */
    int64_t committed_us;
    char last_item[VOICE_ID_MAX], judge_item[VOICE_ID_MAX];
    bool wish_answer, wish_say, wish_keep;
    struct buf wish_text;
    struct {                            /* the response that was asked for last */
        bool say, keep, retried, again; /* again: to be retried once it has ended */
        uint32_t tag;
        char id[VOICE_ID_MAX];
        char reason[64]; /* of its last failure */
        struct buf text;
    } now;
    char kept_id[VOICE_ID_MAX]; /* a response that must be heard */
    uint32_t last_tag;
};

/* turn_arbiter.c */
void turn_move_on(struct turn_arbiter *t, enum turn_event ev);
bool turn_protected(const struct turn_arbiter *t); /* what must be heard is heard or made */
void turn_let_hear(struct turn_arbiter *t);        /* what was held back */

/* turn_arbiter_caller.c: timers */
void turn_voice_ended(struct turn_arbiter *t); /* or its frames have stopped */
void turn_sustained(struct turn_arbiter *t);
bool turn_insists_anew(const struct turn_arbiter *t); /* it went on a moment ago, they do again */
void turn_insisted(struct turn_arbiter *t);

#endif
