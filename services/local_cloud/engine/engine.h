/* local_cloud/engine/engine.h: a voice engine and a transcription endpoint that speak OpenAI's
 * protocols, with a small rule-based receptionist inside that hears only the audio it is sent.
 *
 *     GET  /v1/realtime?model=…       WebSocket, Realtime GA
 *     POST /v1/audio/transcriptions   multipart: json, verbose_json, text, srt, vtt
 *     GET  /v1/models, /v1/models/{model}
 *
 * Source: OpenAI API reference, Realtime (GA) and Audio. Any `Authorization: Bearer` key is taken but
 * one that begins with "bad". Synthesis and recognition run on threads of the engine's own.
 *
 * Faults are for tests: asked for here, or by the query parameter `fault` of one connection's URL:
 * `wss://…/v1/realtime?model=…&fault=close_after:500,code:1011`. Its names: refuse, error, error_after,
 * mute, stall_after, close_after, code, expire_after, ignore_responses, fail_responses, fail_code,
 * late_deltas, first_audio, stall_response. */
#ifndef LOCAL_CLOUD_ENGINE_ENGINE_H
#define LOCAL_CLOUD_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct engine;
struct local_cloud;

enum {
    ENGINE_CONNECTIONS_MAX = 512,         /* further upgrades are refused with 503 */
    ENGINE_EVENT_MAX = 21 * 1024 * 1024,  /* bytes of one client event: 15 MiB of audio in base64 */
    ENGINE_BUFFER_MAX_MS = 15 * 60000,    /* uncommitted caller audio; older audio is dropped */
    ENGINE_ITEMS_MAX = 4096,              /* of a conversation */
    ENGINE_UPLOAD_MAX = 26 * 1024 * 1024, /* 25 MB file and its form */
};

/* What goes wrong with one connection. All zero: nothing does. */
struct engine_fault {
    int refuse_status; /* the upgrade is answered with this HTTP status */
    const char
        *error_code;     /* after the 101: an error event with this code, then CLOSE `close_code` */
    int error_after_ms;  /* so long after the 101 instead, and without a CLOSE */
    bool mute;           /* the 101, then nothing at all */
    int stall_after_ms;  /* from then on nothing is sent nor read, the socket stays open */
    int close_after_ms;  /* from the 101 */
    int close_code;      /* 0: 1011; -1: the TCP connection is reset without a CLOSE */
    int expire_after_ms; /* the session's 60 minutes are over that soon */
    int ignore_responses;  /* the first N response.create are never answered */
    int fail_responses;    /* the first N responses end as failed, */
    const char *fail_code; /* with this code; NULL: server_error */
    int late_deltas;       /* audio deltas that still come after a cancel; -1: none (default 2) */
    int first_audio_ms;    /* thinking time before the first delta, on top of the real one */
    int stall_response_ms; /* pause after the first second of each response's audio */
};

/* The next `count` connections get the fault (-1: all, until asked anew). Copies. Thread-safe. */
void engine_fault_next(struct engine *e, const struct engine_fault *fault, int count);

/* Mu-law 8 kHz speech, for whoever else must speak here (Say, simulated callers). Blocks: for
 * workers. As synth_ulaw(). */
MUST_USE enum errc engine_say(struct engine *e, struct str voice, struct str text, struct buf *out,
                              struct err *err);

/* What the conversations are doing, as JSON {"connections":N,"responses":N,…}; appended.
 * Thread-safe. */
void engine_stats(struct engine *e, struct buf *out);

#endif
