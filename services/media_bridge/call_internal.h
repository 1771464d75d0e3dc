/* media_bridge/call_internal.h: what the parts of a call share. call.c: its life as a state machine;
 * call_stream.c: Twilio's messages; call_engine.c: the engine's connection; call_voice.c: playout and turns; call_end.c: goodbye, the live
 * document. */
#ifndef MEDIA_BRIDGE_CALL_INTERNAL_H
#define MEDIA_BRIDGE_CALL_INTERNAL_H

#include "base/arena.h"
#include "base/list.h"
#include "concierge/end_reason.h"
#include "concierge/live_call.h"
#include "media_bridge/bridge.h"
#include "media_bridge/call.h"
#include "media_bridge/caller_audio.h"
#include "media_bridge/journal.h"
#include "media_bridge/opening.h"
#include "media_bridge/past.h"
#include "media_bridge/tools.h"
#include "voice/engine.h"
#include "voice/playout.h"
#include "voice/turn_arbiter.h"
#include "voice/vad.h"

enum call_state {
    CALL_NONE,
    CALL_OPENED,   /* upgrade accepted, no `start` yet */
    CALL_STARTING, /* it is a call of ours; the engine is not ready */
    CALL_TALKING,
    CALL_LEAVING,  /* the end is decided; the live document is being written */
    CALL_CLOSING,  /* the stream is being closed */
    CALL_SETTLING, /* last words and tools come in */
    CALL_OVER,
    CALL_STATES,
};

enum call_event {
    EV_START,       /* valid */
    EV_READY,       /* the engine can talk */
    EV_LEAVE,       /* `end` says why */
    EV_STREAM_GONE, /* stop, or the socket closed */
    EV_RECORDED,    /* the live document says what it must, or cannot be made to */
    EV_SETTLED,
    EV_TIMEOUT,
    EV_EVENTS,
};

struct live_write; /* call_end.c */
struct past_job;   /* call_past.c */

struct call {
    struct list_node node;
    struct bridge *bridge;
    struct loop *loop;
    struct log log;
    struct arena arena; /* of the call: ids, token */
    enum call_state state;
    struct timer state_timer;

    /* Twilio */
    struct ws_conn *ws; /* NULL once closed */
    struct str call_sid, stream_sid, from;
    int attempt;
    bool started, stopped, after_no_answer;
    int close_code; /* ours */
    const char *close_reason;
    int64_t upgraded_ms, start_us;
    int64_t start_wall_us;
    int64_t next_media_ms; /* timestamp that the next audio should have; -1: none came yet */
    int64_t
        mute_filled_ms; /* silence given in place of what did not come; off the stamps' time line */
    int late_packets;   /* in a row */

    /* engine */
    const struct voice_engine_ops *ops;
    struct voice_engine *engine;
    int engine_connects; /* in all */
    int engine_tries;    /* for the session that is wanted now */
    int engine_losses, recalled, parts_heard;
    bool engine_failed, engine_ready, engine_held, configured;
    bool engine_mute; /* it gives no answer, and is to be replaced */
    bool replacing;   /* what the caller says is kept for the next */
    struct {
        struct timer timer;
        bool asked; /* for a sign of life */
    } deaf;
    bool heard_again; /* and there was something that the lost one had not told */
    struct err engine_err;
    int64_t engine_connect_ms, lost_ms;
    struct timer engine_retry, wait_timer, unheard_timer;
    struct past past;          /* of earlier attempts */
    bool past_known;           /* it could be read */
    struct past_job *past_job; /* in flight */
    struct timer past_timer;
    struct {
        struct voice_engine *next; /* is being made, or waits for its moment; NULL */
        struct voice_events events;
        bool ready;
        int tries, quiet;              /* attempts that failed; looks without a sound */
        int64_t ends_ms, next_ends_ms; /* when the session ends, and the next one (loop time) */
        int64_t forced_ms, last_ms;    /* from when on less will do */
        struct timer timer;
    } rollover;
    bool opens; /* disclosure and greeting are this stream's to say */
    struct {
        bool kept;                 /* they are heard from kept audio */
        bool told;                 /* the engine has them as items with names of ours */
        struct opening_take *take; /* the engine says them, and they are to be kept; or NULL */
    } opening;

    /* speech */
    struct playout *playout;
    struct turn_arbiter *turn;
    struct vad *vad; /* of the caller's line */
    struct caller_audio caller_audio;
    char caller_item[VOICE_ID_MAX]; /* of the caller's latest turn */
    struct timer playout_timer, turn_timer, mute_timer, silence_timer, limit_timer;
    int64_t audio_given_ms;  /* to the engine, this session */
    int64_t voiced_until_us; /* the caller's last voiced sample, while the answer is awaited; 0 */
    int64_t voiced_since_us; /* onset of the speech that may interrupt; 0 */
    bool first_word, caller_speaks, mute_filled;
    int silence_prompts, gave_up;
    bool limit_near; /* the next thing that limit_timer tells is the end */
    struct {
        bool open; /* the caller is pressing keys; nothing is said meanwhile */
        int entries;
        int64_t begun_ms;
        size_t n;
        char text[CALL_KEYS_MAX];
        struct timer timer;
    } keys;
    bool answer_due; /* outputs of tools are in; to be answered when all are and no response runs */
    bool response_runs;
    char response_id[VOICE_ID_MAX]; /* of the one that ran last */
    char done_id[VOICE_ID_MAX];     /* of the one that was over last */
    uint32_t asked_tag;             /* of one that has not begun; 0: none */
    bool answer_owed;               /* a turn or a tool is not answered yet */
    uint32_t answer_tag;            /* of the response that answers it; 0: not asked for */

    struct tools *tools;
    struct timer slow_timer;
    int slow_told; /* so many times that tools take their time */
    struct journal *journal;
    struct outbox_stream *out;
    struct journal_counters counters;

    /* end */
    enum end_reason end;
    bool end_decided, moving;
    struct {
        struct timer timer;
        bool words_lost, owed; /* when it was let go */
    } move;
    struct {
        bool armed, interrupted;
        enum end_reason reason;
        struct timer grace, cap;
    } farewell;
    struct str outcome, summary;
    struct {
        struct str number, reason, summary;
    } transfer;
    struct live_write *live_write; /* in flight */
    bool live_dirty;               /* it must be written once more */
    int open_index;                /* of the caller's turn that was begun last; -1: none */
    bool told_started;
};

/* call.c */
void call_event(struct call *c, enum call_event ev);
/* Decides the end, once; the first reason stays. */
void call_leave(struct call *c, enum end_reason reason);
int64_t call_now_us(const struct call *c);
int64_t call_at_ms(const struct call *c);    /* since `start` */
int64_t call_began_us(const struct call *c); /* its first stream, wall clock */
/* Before the start: the peer is told why. */
void call_refuse(struct call *c, int close_code, const char *reason);
void call_settle(struct call *c); /* looks whether everything is in */

void call_turn_renew(struct call *c); /* an arbiter that knows of no response */
void call_began(struct call *c);      /* a valid `start`: identity is known */

/* call_stream.c */
extern const struct ws_events call_stream_events;
enum errc call_stream_audio(void *call, const uint8_t *ulaw, size_t n) MUST_USE;
enum errc call_stream_mark(void *call, struct str name) MUST_USE;
void call_stream_clear(void *call);

/* call_keys.c */
void call_keys_press(struct call *c, struct str digit);
void call_keys_end(struct call *c); /* what was pressed so far is written down */
void call_keys_init_timer(struct call *c);

/* call_engine.c */
#define CALL_HOLD_ITEM "bridge-hold" /* id of what the bridge itself plays */
void call_engine_connect(struct call *c);
void call_engine_configure(struct call *c);
void call_engine_close(struct call *c);
void call_engine_replace(struct call *c); /* it gives no answer */
void call_engine_on_connected(void *call, struct str session_id, int64_t expires_at_s);
void call_engine_on_ready(void *call);
void call_engine_on_closed(void *call, const struct err *err, bool permanent);
void call_engine_init_timers(struct call *c);
/* The caller begins to wait for something: a soft tone tells from time to time that somebody is there. */
void call_wait_begin(struct call *c);
/* Something else is due: who waits already does not wait for longer. */
void call_wait_go_on(struct call *c);
void call_watch_engine(struct call *c); /* tones alone are no answer */
/* The caller has spoken for so long, says our own detection. */
void call_engine_untold(struct call *c, int64_t spoke_ms);
void call_engine_alive(struct call *c); /* it has told something */
bool call_part_is_ours(const struct voice_part *part);

/* A session of its own, with the call's prompt; `events` are told with the call. */
enum errc call_engine_open(struct call *c, struct voice_engine **ret,
                           const struct voice_events *events, struct err *err) MUST_USE;
enum errc call_engine_setup(struct call *c, struct voice_engine *e, struct err *err) MUST_USE;
/* Tells the engine the conversation so far, which it does not know, and then the note. */
void call_engine_recall(struct call *c, const char *note);

/* call_rollover.c */
void call_rollover_plan(struct call *c, int64_t expires_at_s); /* of the session that has begun */
void call_rollover_drop(struct call *c); /* there is no session to be replaced any more */
void call_rollover_init_timer(struct call *c);

/* call_opening.c */
void call_opening_play(struct call *c);    /* if it is kept */
void call_opening_tell(struct call *c);    /* to an engine that has just become ready */
void call_opening_protect(struct call *c); /* from interruptions, by an arbiter that is new */
bool call_opening_plays(const struct call *c);
bool call_part_is_kept(const struct voice_part *part);
/* After the journal knows what was heard; other parts are left alone. */
void call_opening_cut(struct call *c, const struct playout_heard *heard);
void call_opening_engine_lost(struct call *c);
void call_opening_take_drop(struct call *c);

/* call_voice.c */
extern const struct voice_events call_engine_events;
void call_voice_begin(struct call *c); /* the engine is ready and the call has started */
void call_voice_open(struct call *c);  /* disclosure and greeting */
void call_voice_drop(struct call *c);  /* nothing more of what was said is heard */
void call_answer_tools(struct call *c);
void call_voice_end(struct call *c); /* nothing is heard or said any more */
/* The arbiter is at work: also while an opening is heard that needs no engine. */
bool call_talks(const struct call *c);
void call_pump(struct call *c); /* after whatever concerns playout or turns */
void call_hear(struct call *c, const uint8_t *ulaw, size_t n);
void call_on_tool_done(void *call, const struct tool_done *d);
extern const struct playout_sink call_playout_sink;
extern const struct turn_ops call_turn_ops;
void call_voice_init_timers(struct call *c);

/* call_end.c */
void call_farewell_arm(struct call *c, enum end_reason reason);
void call_farewell_disarm(struct call *c);
void call_farewell_on_listening(struct call *c);
void call_farewell_on_speech(struct call *c);
void call_farewell_init_timers(struct call *c);
void call_live_write(struct call *c); /* EV_RECORDED follows a final state */
void call_live_forget(struct call *c);
/* The caller's turn of this index has begun: on record at once, should the bridge be killed. */
void call_live_open(struct call *c, int index);
void call_tell_end(struct call *c);

/* call_move.c */
void call_move_look(struct call *c); /* whether it is time, after whatever changed */
void call_move_leave(struct call *c);
void call_move_init_timer(struct call *c);

/* call_past.c */
void call_past_read(struct call *c); /* then writes the live document and configures the engine */
void call_past_forget(struct call *c);
void call_past_resume(struct call *c); /* the first words of a stream that goes on */
void call_past_init_timers(struct call *c);

#endif
