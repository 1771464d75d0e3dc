/* What the tests of this folder share: the telephone side and an application for it to call, in one process on
 * free ports, and a caller who listens. */
#ifndef LOCAL_CLOUD_TWILIO_WORLD_TEST_H
#define LOCAL_CLOUD_TWILIO_WORLD_TEST_H

#include "base/map.h"
#include "local_cloud/local_cloud.h"
#include "local_cloud/settings.h"
#include "local_cloud/twilio/call.h"
#include "test.h"

enum { WORLD_WAIT_MS = 20000, WORLD_ANSWERS_MAX = 16, WORLD_HEARD_MAX = 4 * 1024 * 1024 };

#define WORLD_ACCOUNT "AC00000000000000000000000000000001"
#define WORLD_TOKEN "00112233445566778899aabbccddeeff"
#define WORLD_FROM "+4930123456"
#define WORLD_TO "+15005550006"

/* What the application answers to a path, in turn; the last one again and again. */
struct world_answer {
    const char *path;
    int status;
    const char *body; /* %s becomes the application's port-bearing host, 127.0.0.1:N */
};

struct world {
    struct clock clock;
    struct log_sink *sink;
    struct buf lines; /* logged */
    struct service service;
    struct arena arena;
    struct local_settings settings;
    struct local_cloud lc;
    struct str store_path; /* empty: in memory */
    struct http_server *cloud, *app;

    struct world_answer answers[WORLD_ANSWERS_MAX];
    size_t n_answers;
    size_t used[WORLD_ANSWERS_MAX];
    struct buf asked; /* "path?query form\n" of every request to the application */
    int refused;      /* requests with a wrong signature */

    /* The application's end of the stream. */
    struct ws_conn *ws;
    struct buf stream; /* messages received, one a line */
    bool stream_open;
    char stream_sid[SID_SIZE];
    int stream_refused;
    int media_messages;
    void (*on_media)(struct world *w); /* after each of them */

    /* The caller. */
    struct phone_call *call;
    struct buf heard;
    struct str says; /* mu-law; spoken from says_at_ms on */
    int64_t says_at_ms;
    bool answered;
    char ended[16];
    int ended_times;
    struct buf events; /* "kind detail\n" */

    /* The caller of REST. */
    int rest_status;
    struct str rest_body;
    bool rest_done;
};

void world_open(struct world *w);
/* With a store in this file, for those who open it twice. */
void world_open_stored(struct world *w, struct str store_path);
void world_close(struct world *w);
void world_answers(struct world *w, const char *path, int status, const char *body);
/* Places a call; the caller says what w->says holds. */
void world_call(struct world *w, const struct phone_dial *dial, size_t n_dial);
void world_until(struct world *w, bool (*done)(struct world *w));
bool world_ended(struct world *w);
/* The application sends this text on the stream, %s becoming the stream's SID. */
void world_stream_send(struct world *w, const char *text);
void world_stream_send_audio(struct world *w, const uint8_t *ulaw, size_t n);
/* REST with the right credentials (or "user:password"); w->rest_status and w->rest_body are the answer. */
void world_rest(struct world *w, const char *method, const char *path, const char *form,
                const char *credentials);
size_t world_count(struct str in, const char *what);

#endif
