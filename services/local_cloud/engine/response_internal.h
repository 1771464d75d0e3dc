/* local_cloud/engine/response_internal.h: one response, shared by what decides on it (response.c), speaks it
 * (response_speech.c) and tells the client (response_events.c). */
#ifndef LOCAL_CLOUD_ENGINE_RESPONSE_INTERNAL_H
#define LOCAL_CLOUD_ENGINE_RESPONSE_INTERNAL_H

#include "local_cloud/engine/realtime_internal.h"

enum {
    RESPONSE_SENTENCES_MAX = 64,
    RESPONSE_OUTPUTS_MAX = 1 + RECEPTION_CALLS_MAX,
    RESPONSE_SPEECH_MAX = 20 * 60 * 1000 * ULAW_BYTES_PER_MS,
    AUDIO_TOKEN_MS = 50,  /* of the agent's audio */
    TRAIL_SOONEST_MS = 2, /* between the last deltas of a cancelled one */
    TRAIL_LATEST_MS = 15,
};

enum response_state {
    WAITS, /* for the caller's words to be understood, or to fail */
    SPEAKS,
    TRAILS, /* cancelled, the last deltas are on their way */
};

struct sentence {
    struct str text;
    size_t audio_end; /* in response.ulaw, once it is spoken */
    bool spoken;
};

struct response {
    struct list_node node; /* of realtime.responses */
    struct realtime *rt;
    char id[API_ID_MAX];
    bool of_conversation; /* false: conversation "none" */
    bool may_call, own_input;
    enum response_state state;
    struct arena arena;
    struct str metadata;     /* JSON text; empty: null */
    struct str instructions; /* its own; empty: the session's */
    struct str input;        /* words of its own input items */
    struct output_settings output;
    struct reception_reply reply;
    bool planned;
    struct sentence sentences[RESPONSE_SENTENCES_MAX];
    size_t n_sentences, n_spoken;
    struct buf ulaw;
    size_t sent, text_sent;
    int speed; /* tenths */
    int late;
    bool stalled_once;
    struct timer tick;
    struct item *message; /* the conversation's, or our own when out of band; NULL: none (yet) */
    struct item *outputs[RESPONSE_OUTPUTS_MAX];
    size_t n_outputs;
    const char *status;
    const char *reason; /* of what ended it early */
};

int64_t response_random(int64_t from, int64_t to); /* both may come */

/* response.c */
struct response *response_find(struct realtime *rt, const char *id); /* NULL: it is over */
/* Tells the rest, response.done with its usage, and frees. */
void response_end(struct response *r, const char *status, const char *reason);

/* response_events.c */
void response_event(struct response *r, const char *type, bool done); /* response.created, .done */
void response_text_event(struct response *r, const char *type, const char *key, struct str text);
void response_message_begin(struct response *r);
void response_message_end(struct response *r, const char *status);
void response_calls_emit(struct response *r);

/* response_speech.c */
void response_speak(struct response *r); /* reply.text, from now on; ends the response by itself */
void response_on_tick(void *arg);
struct str response_said(const struct response *r); /* the words sent so far */
void response_all_said(struct response *r); /* what is left of the text, the calls, the end */

#endif
