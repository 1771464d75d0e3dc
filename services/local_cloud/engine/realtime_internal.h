/* local_cloud/engine/realtime_internal.h: one Realtime connection, shared by the files that hear
 * (hearing.c), answer (response.c) and talk to the client (realtime.c). All on the loop thread. */
#ifndef LOCAL_CLOUD_ENGINE_REALTIME_INTERNAL_H
#define LOCAL_CLOUD_ENGINE_REALTIME_INTERNAL_H

#include "base/buf.h"
#include "base/json.h"
#include "local_cloud/engine/codec.h"
#include "local_cloud/engine/conversation.h"
#include "local_cloud/engine/engine_internal.h"
#include "local_cloud/engine/receptionist.h"
#include "local_cloud/engine/sentence.h"
#include "local_cloud/engine/session.h"
#include "local_cloud/speech/endpoint.h"

enum {
    ULAW_BYTES_PER_MS = 8,
    AUDIO_BUFFER_MAX = ENGINE_BUFFER_MAX_MS * ULAW_BYTES_PER_MS,
    METADATA_PAIRS_MAX = 16,
    RESPONSES_MAX = 8, /* out-of-band ones at once */
};

struct response;

struct realtime {
    struct list_node node; /* of engine.connections */
    struct engine *engine;
    struct ws_conn *ws;
    struct log log;
    struct engine_fault fault;
    char id[API_ID_MAX], conversation_id[API_ID_MAX];
    int64_t expires_at_s;
    struct session *session;
    struct conversation conversation;
    struct receptionist *receptionist;
    struct list jobs; /* struct speech_job: told when the connection goes */
    bool refused;     /* an error was sent, the close is on its way */
    bool stalled;     /* a fault: nothing is sent or read any more */
    struct timer fault_close, fault_stall, fault_error, expiry;

    /* hearing.c */
    struct codec_in codec;
    struct endpoint endpoint;
    struct buf audio;   /* not committed yet, mu-law */
    int64_t audio_from; /* where it begins, in bytes of all audio ever appended */
    size_t endpoint_at; /* bytes of `audio` that turn detection has seen */
    bool in_turn;
    char turn_item[API_ID_MAX];
    struct timer idle;       /* turn_detection.idle_timeout_ms */
    struct list transcripts; /* on their way */

    /* response.c */
    struct list responses;   /* struct response, the out-of-band ones too */
    struct response *active; /* of the conversation; NULL: none */
    bool automatic_due;      /* a turn is to be answered once the cancelled response has ended */
    struct timer rate_limits;
    int64_t cached_text, cached_audio; /* tokens that the last response has put into the cache */
    bool audio_made;
};

/* A thing for the engine's workers. It outlives the connection: then `rt` is NULL when it is done.
 * */
struct speech_job {
    struct list_node node;
    struct realtime *rt;
    struct engine *engine;
    void (*run)(struct speech_job *j, struct ctx *ctx); /* worker */
    void (*done)(struct speech_job *j); /* loop; not called when the connection has gone */
    void (*free)(struct speech_job *j); /* loop; always, last */
};
/* Takes the job over. False: the workers' queue is full, and it has been freed. */
bool speech_job_start(struct realtime *rt, struct speech_job *j);

/* realtime.c */
void realtime_event_begin(struct jw *w, const char *type);   /* an object with type and event_id */
void realtime_event_send(struct realtime *rt, struct jw *w); /* ends and releases it */
void realtime_event_error(struct realtime *rt, const struct api_error *e,
                          struct str client_event_id);
void item_event(struct realtime *rt, const char *type, const struct item *i);

/* hearing.c */
void hearing_init(struct realtime *rt);
void hearing_release(struct realtime *rt);
void hearing_configure(struct realtime *rt); /* the session has changed */
bool hearing_append(struct realtime *rt, struct str base64, struct api_error *e);
bool hearing_commit(struct realtime *rt, struct api_error *e); /* the client's */
void hearing_clear(struct realtime *rt);
/* A response is done, and plays for so long: the caller's time to speak begins. */
void hearing_answered(struct realtime *rt, int64_t playing_ms);
/* Some caller's audio is still being understood. */
bool hearing_busy(const struct realtime *rt);

/* response.c */
void response_init(struct realtime *rt);
void response_release(struct realtime *rt);
/* `ask`: response.create's "response", NULL: none. False: *e. */
bool response_start(struct realtime *rt, const struct jval *ask, struct api_error *e);
void response_automatic(struct realtime *rt); /* turn detection's, when none is active */
bool response_cancel(struct realtime *rt, struct str id, struct api_error *e); /* the client's */
void response_interrupt(struct realtime *rt); /* the caller speaks */
void response_heard(struct realtime *rt);     /* something was understood: who waits may go on */
bool response_speaking_of(const struct realtime *rt, const struct item *i); /* still being made */

#endif
