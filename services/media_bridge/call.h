/* media_bridge/call.h: one phone call: Twilio's stream on one side, the voice engine on the other, and
 * between them playout, turns, tools and journal. It lives from the accepted upgrade to the last event, and
 * ends itself. Loop thread only. */
#ifndef MEDIA_BRIDGE_CALL_H
#define MEDIA_BRIDGE_CALL_H

#include "net/ws.h"

struct bridge;
struct call;

enum {
    CALL_START_MS = 10000,      /* from the upgrade to Twilio's `start` */
    CALL_ENGINE_ATTEMPTS = 4,   /* connections for one session, the first one included */
    CALL_ENGINE_RETRY_MS = 250, /* doubling, half of it random */
    CALL_ENGINE_LOSSES_MAX = 1, /* sessions that are replaced in mid-call */
    CALL_RESTORE_MS = 8000,     /* for that, before the caller is handed over */
    CALL_WAIT_MS = 2500,        /* of silence while something is due, before each tone */
    CALL_ONSET_MS = 300,        /* heard again from before the onset of the caller's speech */
    CALL_REPLAY_MS = 200,       /* of it in one message */
    CALL_DEAF_SPEECH_MS = 600,  /* of speech that the engine should have told of, */
    CALL_DEAF_MS = 2000,        /* so long after it: it is asked for a sign of life */
    CALL_DEAF_REPLY_MS = 1500,  /* which comes within this time, or it is replaced */
    CALL_UNHEARD_MS = 15000,    /* without a word while something is due, before the hand-over */
    CALL_ENGINE_MS = 12000,     /* from `start` until the engine must be ready */
    CALL_RECORD_MS = 4000,      /* for the live document, before the stream is closed anyway */
    CALL_CLOSE_MS = 5000,       /* for Twilio to close */
    CALL_SETTLE_MS = 2000,      /* for the caller's last words; a tool has its own time */
    CALL_GRACE_MS = 2500,       /* after a goodbye that the caller has interrupted */
    CALL_GOODBYE_MS = 45000,    /* from the wish to end until it ends whatever happens */
    CALL_MOVE_MS = 7000,        /* at shutdown, for what is being said or done */
    CALL_PAST_LIMIT_MS = 3000,  /* for one reading of the past */
    CALL_PAST_MS = 300,         /* for events on their way to the record, after a loss */
    CALL_GAP_MAX_MS = 10000,    /* of missing caller audio that is filled with silence */
    CALL_MUTE_MS = 750,         /* without caller audio in mid-speech: silence ends the turn */
    CALL_MUTE_FILL_MS = 500,    /* beyond the silence that ends a turn */
    CALL_LATE_PACKETS_MAX = 5,  /* in a row, then the stamps have begun anew */
    CALL_KEYS_MAX = 32,         /* of one entry; with the last of them it is over */
    CALL_TOOL_SLOWER_MS =
        8000, /* of silence while a tool runs, after the caller was asked to wait */
    CALL_BAD_MESSAGES_MAX = 50,
};

/* Takes over `ws` and fills `events`, whose argument is the call. Starts to connect the engine. */
struct call *call_create(struct bridge *b, struct ws_conn *ws, struct ws_events *events) MUST_USE;
struct list_node;
struct call *call_of_node(struct list_node *n); /* on bridge.calls */
/* The process stops: the call moves to another instance once the sentence is spoken. */
void call_move(struct call *c);
/* At the very end of the process, whatever state it is in. */
void call_abandon(struct call *c);

#endif
