/* local_cloud/twilio/recordings.h: recordings of calls. While a call lives its audio goes to an unlinked file, as the
 * loop must not wait for the store; when it is over a worker moves it into the store. Memory does not grow with
 * its length. It is read back as 16-bit WAV in one or two channels (1: caller, 2: agent). Thread-safe: the loop
 * writes, REST's workers read. */
#ifndef LOCAL_CLOUD_TWILIO_RECORDINGS_H
#define LOCAL_CLOUD_TWILIO_RECORDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct recordings;
struct recording; /* being made; owned by its call until recording_finish() */

enum { RECORDINGS_MAX = 2000, RECORDING_SID_SIZE = 36 };

struct recording_info {
    char sid[RECORDING_SID_SIZE], call_sid[RECORDING_SID_SIZE];
    const char *status; /* in-progress paused completed deleted */
    const char *source; /* RecordingSource */
    int channels;
    int64_t start_s; /* UTC */
    int64_t duration_ms;
};

struct store;
struct workers;

/* With what the store holds from before. ERR_IO. */
MUST_USE enum errc recordings_create(struct recordings **ret, struct store *store,
                                     struct workers *workers, struct err *err);
/* After the workers have ended. */
struct recordings *recordings_destroy(struct recordings *r);

/* Loop thread. NULL: there are too many, or no file can be made. `source` is a literal. */
struct recording *recording_start(struct recordings *r, struct str call_sid, int channels,
                                  const char *source, int64_t now_s);
const char *recording_sid(const struct recording *rec);
/* One frame (160 bytes of mu-law) of each side; agent NULL in a recording of one channel. */
void recording_frame(struct recording *rec, const uint8_t *caller, const uint8_t *agent);
/* While paused silence is recorded, or with `skip` nothing. */
void recording_pause(struct recording *rec, bool paused, bool skip);
/* The audio is complete and can be fetched; *ret says what it has become. `rec` is given back. */
void recording_finish(struct recording *rec, struct recording_info *ret);

/* Any thread. ERR_NOT_FOUND. */
MUST_USE enum errc recordings_get(struct recordings *r, struct str sid, struct recording_info *ret);
/* All of a call (empty: of every call), oldest first. */
size_t recordings_list(struct recordings *r, struct str call_sid, struct arena *a,
                       struct recording_info **ret);
/* Loop thread. ERR_NOT_FOUND. */
MUST_USE enum errc recordings_delete(struct recordings *r, struct str sid);

/* Reading one that is complete, as a WAV file, on a worker. Free of the recording's life: of one that is deleted
 * meanwhile the rest is silence. */
struct recording_reader {
    int fd; /* -1: it is in the store */
    struct store *store;
    char sid[RECORDING_SID_SIZE];
    int stored, wanted; /* channels */
    int64_t frames, at; /* samples of all channels */
    bool header_sent;
};
/* ERR_INVALID: two channels of a recording of one. ERR_AGAIN: not complete. ERR_NOT_FOUND. */
MUST_USE enum errc recordings_open(struct recordings *r, struct str sid, int channels,
                                   struct recording_reader *ret);
int64_t recording_reader_bytes(const struct recording_reader *rd); /* of the whole WAV file */
/* Up to 8 KiB of the file; 0 at its end. */
enum { RECORDING_PIECE_MAX = 8192 };
size_t recording_reader_next(struct recording_reader *rd, uint8_t out[RECORDING_PIECE_MAX]);
void recording_reader_close(struct recording_reader *rd);

#endif
