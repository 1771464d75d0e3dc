/* local_cloud/twilio/media_leg.h: Twilio's end of a bidirectional Media Stream: connects to the application with
 * a signed upgrade, sends the caller's audio, plays what it is sent in real time, echoes marks when they have
 * been played (all at once on clear). What it is sent is read strictly: anything wrong is warned of once
 * (31950: not text, 31951: not a message as documented) and skipped. Loop thread only.
 * Source: Twilio docs, Voice > Media Streams > WebSocket messages. */
#ifndef LOCAL_CLOUD_TWILIO_MEDIA_LEG_H
#define LOCAL_CLOUD_TWILIO_MEDIA_LEG_H

#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

struct loop;
struct media_leg;
struct tls_store;

enum {
    MEDIA_LEG_AUDIO_MAX = 8 * 1000 * 600, /* 10 minutes waiting to be played; more is dropped */
    MEDIA_LEG_MARKS_MAX = 4096,
};

struct media_leg_parameter {
    struct str name, value;
};

struct media_leg_opts {
    struct str url; /* of <Stream>; its query is dropped */
    struct str account_sid, auth_token, call_sid, name;
    const struct media_leg_parameter *parameters;
    size_t n_parameters;
    struct tls_store *tls; /* for wss */
    const struct log *log;
    void (*on_open)(void *arg); /* the stream has started */
    /* The application has closed the socket, or it could not be opened (error_code 31920 and so on; 0: it
     * was closed in order). Not called after media_leg_stop(). The leg is the owner's to destroy. */
    void (*on_closed)(void *arg, int error_code);
    void *arg;
};

MUST_USE enum errc media_leg_create(struct media_leg **ret, struct loop *loop,
                                    const struct media_leg_opts *o, struct err *err);
const char *media_leg_sid(const struct media_leg *m);
/* 20 ms pass: `caller` (160 bytes) was said meanwhile, NULL: the packet was lost. `agent` becomes what the
 * caller hears. */
void media_leg_frame(struct media_leg *m, const uint8_t *caller, uint8_t *agent);
void media_leg_dtmf(struct media_leg *m, char digit);
/* Sends stop, closes, frees. */
struct media_leg *media_leg_stop(struct media_leg *m);

#endif
