/* local_cloud/twilio/call.h: the parts of a call that the files of this folder share. Loop thread only.
 *
 * call.c       life, the 20 ms clock, status callbacks, the call's recording
 * document.c   fetching TwiML and going through it
 * verbs.c      one function for each verb that is no <Dial>
 * sound.c      <Play> of a URL
 * dial.c       <Dial>: the called party */
#ifndef LOCAL_CLOUD_TWILIO_CALL_H
#define LOCAL_CLOUD_TWILIO_CALL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "local_cloud/twilio/line.h"
#include "local_cloud/twilio/media_leg.h"
#include "local_cloud/twilio/recordings.h"
#include "local_cloud/twilio/sids.h"
#include "local_cloud/twilio/telephony.h"
#include "local_cloud/twilio/webhooks.h"
#include "local_cloud/twilio/xml.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/workers.h"

enum {
    CALL_URL_MAX = 1024,
    CALL_NUMBER_MAX = 64,
    CALL_PLAY_MAX = 8 * 1000 * 300, /* audio of one <Say> or <Play>: 5 minutes */
    CALL_DIGITS_MAX = 64,
    CALLS_KEPT_MAX = 2000, /* that are over, for REST */
    FALLBACKS_MAX = 3,     /* so that a broken application cannot keep a call for ever */
};

enum call_status {
    CALL_QUEUED,
    CALL_RINGING,
    CALL_IN_PROGRESS,
    CALL_COMPLETED,
    CALL_BUSY,
    CALL_FAILED,
    CALL_NO_ANSWER,
    CALL_CANCELED,
};
const char *call_status_name(enum call_status s);

struct local_cloud;

struct telephony {
    struct local_cloud *lc;
    struct loop *loop;
    struct workers *workers; /* our own: requests of ours must not starve those that answer them */
    const struct clock *clock;
    struct log log;
    struct str account_sid, auth_token;
    struct map *calls; /* by SID; live and over */
    struct list live, over;
    size_t n_live, n_over;
    uint64_t n_calls; /* ever */
    struct recordings *recordings;
    struct list messages; /* sent by REST, newest first */
    size_t n_messages;
    telephony_voice_fn voice;
    void *voice_arg;
    bool closing;
};

/* Where status changes are told. */
struct status_callback {
    char url[CALL_URL_MAX]; /* empty: nowhere */
    bool initiated, ringing, answered, completed;
    bool get;
    int sequence;
};

struct dial {
    bool on, bridged;
    char number[CALL_NUMBER_MAX];
    enum dial_outcome outcome;
    struct phone_call *leg; /* to the called party, while `on` */
    struct status_callback callback;
    struct timer timer, limit;
    int64_t began_ms;
};

struct gather {
    bool on, waiting; /* waiting: its nested verbs are done */
    const struct xml_node *node;
    char digits[CALL_DIGITS_MAX];
    size_t n;
};

/* <Record> */
struct message_taking {
    bool on;
    const struct xml_node *node;
    struct recording *rec;
    int64_t began_ms, voiced_ms; /* voiced_ms -1: nothing was said yet */
};

struct phone_call {
    struct telephony *t;
    struct list_node node;
    struct log log;
    char sid[SID_SIZE];
    char leg_of[SID_SIZE]; /* the call whose <Dial> made it; empty: none did */
    uint64_t number;       /* in the order of their beginnings */
    char from[CALL_NUMBER_MAX], to[CALL_NUMBER_MAX];
    const char *direction;
    enum call_status status;
    int64_t created_s, answered_s, ended_s; /* wall clock; 0: not yet */
    int pending;                            /* jobs on workers that will come back to this call */
    bool over, forgotten;                   /* forgotten: REST knows it no more */

    const struct caller_ops *caller;
    void *caller_arg;
    phone_event_fn on_event;
    void *event_arg;
    struct arena keep;        /* dials */
    struct phone_dial *dials; /* what numbers do */
    size_t n_dials;
    struct line line;

    struct timer tick, hang_up, later, limit;
    int64_t limit_s;               /* of its duration; 0: none */
    int64_t answered_ms, ended_ms; /* loop time; 0: not yet */
    int64_t frames;
    char dtmf[CALL_DIGITS_MAX]; /* pressed, not yet sent */
    size_t n_dtmf;

    char voice_url[CALL_URL_MAX], fallback_url[CALL_URL_MAX];
    bool voice_get, fallback_get;
    struct status_callback callback;

    /* The document: replaced as a whole; `epoch` tells late results of an earlier one. */
    uint64_t epoch;
    struct arena document;
    char document_url[CALL_URL_MAX];
    bool in_fallback; /* the document asked for is that of the fallback URL */
    int fallbacks;
    const struct xml_node *verb;
    struct timer verb_timer;
    struct buf play;
    size_t play_at;
    bool playing;
    void (*played)(struct phone_call *c);
    struct media_leg *stream;
    bool stream_started, stream_action_get, stream_callback_get;
    char stream_action[CALL_URL_MAX], stream_callback[CALL_URL_MAX], stream_name[CALL_NUMBER_MAX];
    struct dial dial;
    struct gather gather;
    struct message_taking message;

    /* What a REST update has asked for. */
    struct timer update;
    bool update_get;
    char *update_url, *update_twiml;

    /* The recording of the whole call. */
    struct recording *recording;
    struct recording_info recorded;
    struct status_callback recording_callback; /* completed, and `initiated` for in-progress */
    bool was_recorded;
};

/* ---- call.c ---- */

struct phone_call *call_create(struct telephony *t, const struct phone_call_opts *o,
                               const char *direction) MUST_USE;
void call_free(struct phone_call *c);
/* For REST: silence that listens. */
extern const struct caller_ops call_silent_party;
void call_begin(struct phone_call *c); /* rings; an inbound one asks its document */
void call_answer(struct phone_call *c);
void call_limit(struct phone_call *c, int64_t limit_s); /* counted from its answer; 0: none */
void call_forget(struct phone_call *c);                 /* one that is over */
/* Once; `reason` as caller_ops.on_ended. */
void call_end(struct phone_call *c, enum call_status status, const char *reason);
void call_event(struct phone_call *c, const char *kind, struct str detail);
/* The parameters of every request about this call. */
void call_params(const struct phone_call *c, struct buf *form);
/* A request whose answer nobody waits for. */
void call_notify(struct phone_call *c, struct str url, bool get, const struct buf *form);
void call_notify_status(struct phone_call *c, struct status_callback *cb, enum call_status status);
/* "initiated ringing answered completed", "in-progress completed absent". */
void status_callback_init(struct status_callback *cb, struct str url, struct str events, bool get);
/* ERR_CONFLICT: one runs already; ERR_LIMIT. */
MUST_USE enum errc call_record(struct phone_call *c, int channels,
                               const struct status_callback *cb);
void call_record_stop(struct phone_call *c);
void call_notify_recording(struct phone_call *c, const struct status_callback *cb,
                           const struct recording_info *info);
struct str call_recording_url(const struct phone_call *c, struct arena *a, const char *sid);
int64_t call_duration_s(const struct phone_call *c);

/* ---- document.c ---- */

void call_fetch(struct phone_call *c, struct str url, bool get, const struct buf *extra);
/* Relative to the current document. An empty `ref` is the document itself. */
void call_fetch_ref(struct phone_call *c, struct str ref, bool get, const struct buf *extra);
void call_run_twiml(struct phone_call *c, struct str text, struct str url);
void call_next(struct phone_call *c); /* the current verb is done */
void call_interrupt(
    struct phone_call *c); /* whatever it is doing ends; nothing follows by itself */
void call_update(struct phone_call *c, struct str url, bool get, struct str twiml); /* REST */

/* ---- verbs.c ---- */

/* False: no such verb. */
bool verb_begin(struct phone_call *c, const struct xml_node *n);
void verb_digit(struct phone_call *c, char digit);
void verb_nested_done(struct phone_call *c); /* the verbs inside <Gather> */
void verb_frame(struct phone_call *c, const uint8_t *caller);
void verb_hung_up(struct phone_call *c); /* the caller, during <Record> */
void verb_stream_stop(struct phone_call *c);
/* Plays c->play from its beginning, then `played`. */
void call_play(struct phone_call *c, void (*played)(struct phone_call *c));
void call_say(struct phone_call *c, struct str language, struct str text,
              void (*played)(struct phone_call *c));

/* ---- sound.c ---- */

/* Fetches it, plays it so often, goes on with the next verb. */
void call_play_sound(struct phone_call *c, struct str url, int64_t loops);

/* ---- dial.c ---- */

void dial_begin(struct phone_call *c, const struct xml_node *n);
void dial_stop(struct phone_call *c);    /* the caller or REST ended it */
void dial_hang_up(struct phone_call *c); /* the called party does */

/* ---- rest.c ---- */

enum { TELEPHONY_ROUTES = 20 };
extern const struct http_route telephony_routes[TELEPHONY_ROUTES];
void rest_message_free(struct list_node *n);

/* ---- telephony.c: the module's life, for module.c ---- */

enum errc telephony_create(struct local_cloud *lc, struct err *err) MUST_USE;
void telephony_destroy(struct local_cloud *lc);

#endif
