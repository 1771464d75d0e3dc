/* e2e/faults/talk_internal.h: what the parts of a talk share. talk.c: the telephone and life; model.c: what the
 * model and the caller say; engine.c: the protocol. Loop thread, but for what `lock` guards. */
#ifndef E2E_FAULTS_TALK_INTERNAL_H
#define E2E_FAULTS_TALK_INTERNAL_H

#include "faults/talk.h"

struct session;

struct talk {
    struct loop *loop;
    struct log log;
    struct http_server *server;
    struct session *session; /* the engine's latest; NULL: none is open */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct talk_seen seen; /* under the lock */

    /* the telephone */
    struct ws_conn *phone; /* NULL: none */
    bool phone_open;
    int phone_port;

    /* the conversation */
    enum script script;
    int number;
    enum talk_step step;
    int failures, tool_calls;
    char slot_id[512], confirmation_id[128], tool_id[32];
    struct arena arena; /* of the call */

    /* between threads */
    struct err err;
    bool done;
};

/* ---- model.c ---- */

/* What the model does when it is asked for a response. */
struct move {
    const char *tool; /* NULL: it speaks */
    struct str text;  /* words, or the tool's arguments; in the talk's arena */
};
struct move model_move(struct talk *t);
void model_resumes(struct talk *t); /* another session goes on with the talk */
void model_said(struct talk *t);    /* the words of the last move are on their way */
void model_tool_result(struct talk *t, struct str call_id, struct str output);
/* The caller's next words; empty: it is not the caller's turn. */
struct str model_caller_line(struct talk *t);
void model_caller_said(struct talk *t);
/* Audio that must have passed before the caller speaks. */
int model_pause_ms(const struct talk *t);

/* ---- engine.c ---- */

extern const struct ws_route talk_engine_routes[];
extern const struct http_route talk_http_routes[];
enum { TALK_ENGINE_ROUTES = 1, TALK_HTTP_ROUTES = 1 };
void engine_forget(struct talk *t); /* the session that is still open goes */

/* ---- talk.c ---- */

void talk_note_turn(struct talk *t, bool agent, struct str text);

#endif
